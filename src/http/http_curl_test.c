/* An independent client, libcurl, talks to the server: what it takes for granted must hold. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/http_fixture.h"

struct session {
  struct fixture *f;
  CURLM *multi;
  CURL *easy;
  struct buf got;
  char base[64];
};

static size_t take(char *bytes, size_t size, size_t count, void *arg) {
  buf_add(arg, bytes, size * count);
  return size * count;
}

static struct session session_open(void) {
  struct session s = {.f = fixture_open(NULL), .got = buf_new(REPLY_BYTES)};
  s.multi = curl_multi_init();
  s.easy = curl_easy_init();
  assert_non_null(s.multi);
  assert_non_null(s.easy);
  (void)snprintf(s.base, sizeof s.base, "http://127.0.0.1:%u", http_server_port(s.f->server));
  return s;
}

static void session_close(struct session *s) {
  curl_easy_cleanup(s->easy);
  curl_multi_cleanup(s->multi);
  buf_free(&s->got);
  fixture_close(s->f);
}

/* Runs what was set up; the status, or -1 when curl is not content. */
static long perform(struct session *s, const char *path) {
  char url[256];
  long status = -1;
  int running = 1, left;
  (void)snprintf(url, sizeof url, "%s%s", s->base, path);
  buf_clear(&s->got);
  curl_easy_setopt(s->easy, CURLOPT_URL, url);
  curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, &s->got);
  curl_easy_setopt(s->easy, CURLOPT_NOPROXY, "*");
  assert_int_equal(curl_multi_add_handle(s->multi, s->easy), CURLM_OK);
  for (int i = 0; running && i < TURNS_MAX; i++) {
    assert_int_equal(curl_multi_perform(s->multi, &running), CURLM_OK);
    turn(s->f);
  }
  CURLMsg *message = curl_multi_info_read(s->multi, &left);
  if (message && message->data.result == CURLE_OK)
    curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_multi_remove_handle(s->multi, s->easy);
  return status;
}

static void one_connection_serves_many_requests(void **state) {
  (void)state;
  struct session s = session_open();
  for (int i = 0; i < 5; i++) assert_int_equal(perform(&s, "/a%20b?c=d%26e"), 200);
  assert_true(str_ends(buf_str(&s.got), STR(" /a b?c=d&e")));
  assert_int_equal(http_server_stats(s.f->server).accepted, 1);
  assert_int_equal(http_server_stats(s.f->server).requests, 5);
  session_close(&s);
}

static void head_leaves_the_connection_in_step(void **state) {
  (void)state;
  struct session s = session_open();
  curl_off_t length = 0;
  curl_easy_setopt(s.easy, CURLOPT_NOBODY, 1L);
  assert_int_equal(perform(&s, "/large?n=1000"), 200);
  curl_easy_getinfo(s.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  assert_int_equal(length, 1000);
  curl_easy_setopt(s.easy, CURLOPT_HTTPGET, 1L);
  assert_int_equal(perform(&s, "/large?n=1000"), 200);
  assert_int_equal(s.got.len, 1000);
  assert_int_equal(http_server_stats(s.f->server).accepted, 1);
  session_close(&s);
}

/* curl waits for 100 Continue. */
static void bodies_are_taken(void **state) {
  (void)state;
  struct session s = session_open();
  struct curl_slist *headers = curl_slist_append(NULL, "Expect: 100-continue");
  static char body[500000];
  memset(body, 'z', sizeof body);
  curl_easy_setopt(s.easy, CURLOPT_POSTFIELDSIZE, (long)sizeof body);
  curl_easy_setopt(s.easy, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(s.easy, CURLOPT_HTTPHEADER, headers);
  assert_int_equal(perform(&s, "/p"), 200);
  assert_true(s.got.len > sizeof body && str_ends(buf_str(&s.got), STR("zz]")));
  curl_slist_free_all(headers);
  session_close(&s);
}

static size_t give(char *to, size_t size, size_t count, void *arg) {
  int *left = arg;
  if (*left == 0) return 0;
  (*left)--;
  size_t n = size * count < 3 ? size * count : 3;
  memcpy(to, "abc", n);
  return n;
}

static void chunked_bodies_are_taken(void **state) {
  (void)state;
  struct session s = session_open();
  int left = 3;
  struct curl_slist *headers = curl_slist_append(NULL, "Transfer-Encoding: chunked");
  curl_easy_setopt(s.easy, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(s.easy, CURLOPT_READFUNCTION, give);
  curl_easy_setopt(s.easy, CURLOPT_READDATA, &left);
  curl_easy_setopt(s.easy, CURLOPT_HTTPHEADER, headers);
  assert_int_equal(perform(&s, "/p"), 200);
  assert_true(str_ends(buf_str(&s.got), STR(" /p [abcabcabc]")));
  curl_slist_free_all(headers);
  session_close(&s);
}

static void http_1_0_is_served_and_closed(void **state) {
  (void)state;
  struct session s = session_open();
  curl_easy_setopt(s.easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_0);
  assert_int_equal(perform(&s, "/large?n=300000"), 200);
  assert_int_equal(s.got.len, 300000);
  settle(s.f);
  assert_int_equal(http_server_stats(s.f->server).connections, 0);
  session_close(&s);
}

static void an_h2c_upgrade_is_passed_over(void **state) {
  (void)state;
  struct session s = session_open();
  curl_easy_setopt(s.easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_0);
  assert_int_equal(perform(&s, "/a"), 200);
  session_close(&s);
}

static void a_file_that_is_cut_is_noticed(void **state) {
  (void)state;
  struct session s = session_open();
  assert_int_equal(perform(&s, "/file?at=999990&n=10"), 206);
  CHECK_STR(buf_str(&s.got), STR("0123456789"));
  assert_int_equal(perform(&s, "/file?at=999990&n=11"), -1);
  session_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_connection_serves_many_requests),
      cmocka_unit_test(head_leaves_the_connection_in_step),
      cmocka_unit_test(bodies_are_taken),
      cmocka_unit_test(chunked_bodies_are_taken),
      cmocka_unit_test(http_1_0_is_served_and_closed),
      cmocka_unit_test(an_h2c_upgrade_is_passed_over),
      cmocka_unit_test(a_file_that_is_cut_is_noticed),
  };
  (void)curl_global_init(CURL_GLOBAL_DEFAULT);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  curl_global_cleanup();
  return failed;
}
