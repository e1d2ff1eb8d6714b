/* tests/http/raw_requests.def against the whole server, over sockets. */
#include <stdio.h>
#include <sys/socket.h>

#include "tests/support/http_fixture.h"

struct raw_row {
  int line;
  struct str raw;
  const char *want;
};
static const struct raw_row rows[] = {
#define RAW(bytes, text) {__LINE__, {bytes, sizeof(bytes) - 1}, text},
#include "tests/http/raw_requests.def"
#undef RAW
};
#define ROWS (sizeof rows / sizeof rows[0])

static const struct http_config config = {
    .limits = {.head_bytes = 512, .url_bytes = 100, .headers = 6, .body_bytes = 40}};

/* All answers as the table writes them: the echoed text, or the status of a refusal. */
static void write_trace(struct client *c, struct buf *trace) {
  BUF_AUTO struct buf body = buf_new(REPLY_BYTES);
  int status;
  while (take_answer(c, &status, &body)) {
    if (trace->len > 0) buf_add_text(trace, " | ");
    if (status == 200) buf_add_str(trace, buf_str(&body));
    else buf_add_int(trace, status);
  }
}

/* cut: the first send ends there and the server turns before the rest comes. */
static void check_row(struct fixture *f, const struct raw_row *row, size_t cut) {
  struct client c = client_open(f);
  BUF_AUTO struct buf trace = buf_new(65536);
  client_send(&c, (struct str){row->raw.ptr, cut});
  if (cut < row->raw.len) {
    settle(f);
    client_send(&c, str_from(row->raw, cut));
  }
  (void)shutdown(c.fd, SHUT_WR);
  client_until_closed(&c);
  write_trace(&c, &trace);
  if (!str_eq(buf_str(&trace), str_of(row->want)))
    fail_msg("row at line %d, cut at %zu: got \"%.*s\", wanted \"%s\"", row->line, cut,
             STR_ARG(buf_str(&trace)), row->want);
  if (c.got.len > 0 && !str_starts(row->raw, STR("HEAD")))
    fail_msg("row at line %d: an answer is cut off: \"%.*s\"", row->line, STR_ARG(buf_str(&c.got)));
  client_close(&c);
}

static void the_server_treats_raw_requests_as_the_parser_does(void **state) {
  (void)state;
  struct fixture *f = fixture_open(&config);
  for (size_t i = 0; i < ROWS; i++)
    if (!str_starts(rows[i].raw, STR("HEAD"))) check_row(f, &rows[i], rows[i].raw.len);
  fixture_close(f);
}

static void cutting_in_the_middle_changes_nothing(void **state) {
  (void)state;
  struct fixture *f = fixture_open(&config);
  for (size_t i = 0; i < ROWS; i++) {
    if (str_starts(rows[i].raw, STR("HEAD"))) continue;
    size_t n = rows[i].raw.len;
    check_row(f, &rows[i], n / 3);
    check_row(f, &rows[i], n / 2);
    check_row(f, &rows[i], n - 1);
  }
  fixture_close(f);
}

/* Without the client closing its side: the server itself ends a refused connection. */
static void a_refused_connection_is_closed_by_the_server(void **state) {
  (void)state;
  struct fixture *f = fixture_open(&config);
  for (size_t i = 0; i < ROWS; i++) {
    if (str_find(str_of(rows[i].want), STR("40")) != 0) continue;
    struct client c = client_open(f);
    client_send(&c, rows[i].raw);
    client_until_closed(&c); /* its sending side; it still reads what we send, for a while */
    client_close(&c);
  }
  settle(f);
  pass_ms(f, 2000);
  assert_int_equal(http_server_stats(f->server).connections, 0);
  fixture_close(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_server_treats_raw_requests_as_the_parser_does),
      cmocka_unit_test(cutting_in_the_middle_changes_nothing),
      cmocka_unit_test(a_refused_connection_is_closed_by_the_server),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
