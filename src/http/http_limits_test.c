/* Timeouts, bodies and too many connections, over real sockets. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/http_fixture.h"

/* ---- Time and limits */

static void a_head_that_does_not_end_is_answered_408(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR("GET / HTTP/1.1\r\nHost: a\r\n"));
  settle(f);
  for (int i = 0; i < 9; i++) { /* a byte now and then does not help: slowloris */
    pass_ms(f, 1000);
    client_send(&c, STR("X"));
    settle(f);
  }
  assert_int_equal(http_server_stats(f->server).connections, 1);
  pass_ms(f, 1000);
  client_until(&c, "HTTP/1.1 408 ");
  client_until(&c, "Connection: close\r\n");
  assert_int_equal(http_server_stats(f->server).timeouts, 1);
  client_close(&c);
  fixture_close(f);
}

static void a_body_that_does_not_end_is_answered_408(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345"));
  settle(f);
  pass_ms(f, 29999);
  assert_int_equal(http_server_stats(f->server).timeouts, 0);
  pass_ms(f, 1);
  client_until(&c, "HTTP/1.1 408 ");
  client_close(&c);
  fixture_close(f);
}

static void silent_and_idle_connections_are_closed(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client silent = client_open(f), idle = client_open(f);
  check_ask(&idle, GET("/"), 200, "GET a /");
  settle(f);
  pass_ms(f, 10000);
  client_until_closed(&silent);
  assert_int_equal(silent.got.len, 0);
  pass_ms(f, 49999);
  check_ask(&idle, GET("/"), 200, "GET a /"); /* begins anew */
  settle(f);
  pass_ms(f, 59999);
  assert_int_equal(http_server_stats(f->server).connections, 1);
  pass_ms(f, 1);
  client_until_closed(&idle);
  client_close(&silent);
  client_close(&idle);
  fixture_close(f);
}

static void connections_above_the_limit_get_503(void **state) {
  (void)state;
  struct fixture *f = fixture_open(&(struct http_config){.limits.connections = 2});
  struct client a = client_open(f), b = client_open(f);
  check_ask(&a, GET("/"), 200, "GET a /");
  check_ask(&b, GET("/"), 200, "GET a /");
  struct client over = client_open(f);
  client_until(&over, "HTTP/1.1 503 ");
  client_close(&over);
  for (int i = 0; http_server_stats(f->server).connections > 2 && i < TURNS_MAX; i++) turn(f);
  client_close(&b);
  for (int i = 0; http_server_stats(f->server).connections > 1 && i < TURNS_MAX; i++) turn(f);
  struct client later = client_open(f);
  check_ask(&later, GET("/"), 200, "GET a /");
  client_close(&later);
  client_close(&a);
  fixture_close(f);
}

static void two_thousand_stalled_connections_hurt_nobody(void **state) {
  (void)state;
  enum { STALLED = 2000 };
  struct fixture *f = fixture_open(NULL);
  struct client *stalled = calloc(STALLED, sizeof *stalled);
  assert_non_null(stalled);
  static const char *const stalls[] = {"", "GET a / HT", "GET / HTTP/1.1\r\nHost: a\r\nX: ",
                                       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"};
  for (int i = 0; i < STALLED; i++) {
    stalled[i] = client_open(f);
    client_send(&stalled[i], str_of(stalls[i % 4]));
    if (i % 50 == 0) settle(f);
  }
  settle(f);
  assert_int_equal(http_server_stats(f->server).connections, STALLED);
  struct client c = client_open(f);
  for (int i = 0; i < 100; i++) check_ask(&c, GET("/fine"), 200, "GET a /fine");
  settle(f);
  pass_ms(f, 30000);
  check_ask(&c, GET("/fine"), 200, "GET a /fine");
  for (int i = 0; i < STALLED; i++) client_close(&stalled[i]);
  for (int i = 0; http_server_stats(f->server).connections > 1 && i < TURNS_MAX; i++) turn(f);
  assert_int_equal(http_server_stats(f->server).connections, 1);
  free(stalled);
  client_close(&c);
  fixture_close(f);
}

/* ---- Bodies */

static void continue_is_sent_before_the_body(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"));
  client_until(&c, "HTTP/1.1 100 Continue\r\n\r\n");
  buf_clear(&c.got);
  check_ask(&c, "abc", 200, "POST a /x [abc]");
  client_close(&c);
  fixture_close(f);
}

static void a_body_too_long_is_refused_before_it_is_sent(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c,
              STR("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\n"));
  client_until(&c, "HTTP/1.1 413 ");
  assert_false(has_text(&c, "100 Continue"));
  client_close(&c);
  fixture_close(f);
}

static void the_longest_body_is_taken(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  struct buf raw = buf_new(3 << 20), body = buf_new(REPLY_BYTES);
  buf_add_text(&raw, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
  for (int i = 0; i < 1048576; i++) buf_add_char(&raw, 'b');
  client_send(&c, buf_str(&raw));
  assert_int_equal(client_answer(&c, &body), 200);
  assert_int_equal(body.len, 1048576 + sizeof "POST a / []" - 1);
  buf_free(&raw);
  buf_free(&body);
  client_close(&c);
  fixture_close(f);
}

/* A client that goes on sending must see why it was refused, not a reset. */
static void a_refusal_survives_what_the_client_still_sends(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n"));
  static const char junk[100000];
  for (int i = 0; i < 20; i++) client_send(&c, (struct str){junk, sizeof junk});
  assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
  client_until_closed(&c);
  assert_true(has_text(&c, "HTTP/1.1 413 "));
  assert_false(c.is_reset);
  client_close(&c);
  fixture_close(f);
}

static void a_last_answer_survives_what_follows_its_request(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  int large = 1 << 20; /* all of it is on its way before the server turns; more than it reads at once */
  assert_int_equal(setsockopt(c.fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof large), 0);
  static char junk[70000] = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  client_send(&c, (struct str){junk, sizeof junk});
  client_until_closed(&c);
  assert_true(has_text(&c, "GET a /last"));
  assert_false(c.is_reset);
  client_close(&c);
  fixture_close(f);
}

static void too_many_query_parameters_are_refused(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  for (int n = LIMIT_HTTP_QUERY_PARAMETERS; n <= LIMIT_HTTP_QUERY_PARAMETERS + 1; n++) {
    struct client c = client_open(f);
    struct buf raw = buf_new(4096);
    buf_add_text(&raw, "GET /?a");
    for (int i = 1; i < n; i++) buf_add_text(&raw, "&a");
    buf_add_text(&raw, " HTTP/1.1\r\nHost: a\r\n\r\n");
    check_ask(&c, buf_text(&raw), n > LIMIT_HTTP_QUERY_PARAMETERS ? 414 : 200, NULL);
    buf_free(&raw);
    client_close(&c);
  }
  fixture_close(f);
}

static void a_stalled_reader_of_an_answer_is_cut(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/large?n=8000000")));
  settle(f);
  pass_ms(f, 29999);
  assert_int_equal(http_server_stats(f->server).connections, 1);
  client_read(&c); /* reads a little: the time begins anew */
  settle(f);
  while (http_server_stats(f->server).bytes_out < 8000000 && !loop_turn(f->loop, 0)) client_read(&c);
  pass_ms(f, 29999);
  assert_int_equal(http_server_stats(f->server).connections, 1);
  pass_ms(f, 1);
  assert_int_equal(http_server_stats(f->server).connections, 0);
  assert_int_equal(http_server_stats(f->server).timeouts, 1);
  client_close(&c);
  fixture_close(f);
}

static void all_bodies_together_are_bounded(void **state) {
  (void)state;
  enum { CLIENTS = 66 };
  struct fixture *f = fixture_open(NULL);
  struct client clients[CLIENTS];
  struct buf raw = buf_new(2 << 20);
  buf_add_text(&raw, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
  for (int i = 0; i < 1048575; i++) buf_add_char(&raw, 'b'); /* one byte short */
  int refused = 0;
  for (int i = 0; i < CLIENTS; i++) {
    clients[i] = client_open(f);
    client_send(&clients[i], buf_str(&raw));
    settle(f);
    client_read(&clients[i]);
    refused += has_text(&clients[i], "HTTP/1.1 503 ");
  }
  assert_int_equal(refused, CLIENTS - LIMIT_HTTP_BODIES_BYTES / 1048576);
  for (int i = 0; i < CLIENTS; i++) client_close(&clients[i]);
  settle(f);
  struct client later = client_open(f);
  buf_add_char(&raw, 'b');
  client_send(&later, buf_str(&raw));
  struct buf body = buf_new(REPLY_BYTES);
  assert_int_equal(client_answer(&later, &body), 200); /* it was given back */
  buf_free(&body);
  buf_free(&raw);
  client_close(&later);
  fixture_close(f);
}

static void running_out_of_files_pauses_accepting(void **state) {
  (void)state;
  enum { SPARE = 20000 };
  struct fixture *f = fixture_open(NULL);
  static int spare[SPARE];
  struct client c = client_open(f);
  struct rlimit before, low;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  low = before;
  low.rlim_cur = 64;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
  int used = 0;
  while (used < SPARE && (spare[used] = dup(0)) >= 0) used++;
  settle(f); /* would not end if the listening socket spun */
  assert_int_equal(http_server_stats(f->server).accepted, 0);
  for (int i = 0; i < used; i++) (void)close(spare[i]);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  settle(f);
  assert_int_equal(http_server_stats(f->server).accepted, 0);
  pass_ms(f, 100);
  check_ask(&c, GET("/"), 200, "GET a /");
  client_close(&c);
  fixture_close(f);
}

static void one_path_may_take_longer_bodies(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *raw;
    int want;
  } rows[] = {
      {__LINE__, "POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n12345678", 200},
      {__LINE__, "POST /big?a=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n12345678", 200},
      {__LINE__, "POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789", 413},
      {__LINE__, "POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n1234", 200},
      {__LINE__, "POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345", 413},
      {__LINE__,
       "POST /big HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n0\r\n\r\n", 200},
      {__LINE__,
       "POST /other HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n", 413},
  };
  struct fixture *f = fixture_open(
      &(struct http_config){.limits = {.body_bytes = 4, .large_path = "/big", .large_body_bytes = 8}});
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct client c = client_open(f);
    client_send(&c, str_of(rows[i].raw));
    BUF_AUTO struct buf body = buf_new(REPLY_BYTES);
    CHECK_ROW(rows[i].line, client_answer(&c, &body) == rows[i].want);
    client_close(&c);
  }
  fixture_close(f);
}

static void a_server_raises_the_limit_of_files_to_its_connections(void **state) {
  (void)state;
  struct rlimit before, now, low;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  low = (struct rlimit){256, before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
  struct fixture *f = fixture_open(&(struct http_config){.limits.connections = 1000});
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
  assert_true(now.rlim_cur > 1000 || now.rlim_cur == before.rlim_max);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  fixture_close(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_head_that_does_not_end_is_answered_408),
      cmocka_unit_test(a_body_that_does_not_end_is_answered_408),
      cmocka_unit_test(silent_and_idle_connections_are_closed),
      cmocka_unit_test(connections_above_the_limit_get_503),
      cmocka_unit_test(two_thousand_stalled_connections_hurt_nobody),
      cmocka_unit_test(continue_is_sent_before_the_body),
      cmocka_unit_test(a_body_too_long_is_refused_before_it_is_sent),
      cmocka_unit_test(the_longest_body_is_taken),
      cmocka_unit_test(a_refusal_survives_what_the_client_still_sends),
      cmocka_unit_test(a_last_answer_survives_what_follows_its_request),
      cmocka_unit_test(too_many_query_parameters_are_refused),
      cmocka_unit_test(a_stalled_reader_of_an_answer_is_cut),
      cmocka_unit_test(all_bodies_together_are_bounded),
      cmocka_unit_test(running_out_of_files_pauses_accepting),
      cmocka_unit_test(one_path_may_take_longer_bodies),
      cmocka_unit_test(a_server_raises_the_limit_of_files_to_its_connections),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
