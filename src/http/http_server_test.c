/* Answers, streams and draining, over real sockets. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "tests/support/http_fixture.h"

/* ---- Tests ---------------------------------------------------------------------------------- */

static void answers_keep_the_connection(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  for (int i = 0; i < 3; i++) check_ask(&c, GET("/a?x=1%202&y"), 200, "GET a /a?x=1 2&y");
  assert_int_equal(http_server_stats(f->server).accepted, 1);
  client_close(&c);
  fixture_close(f);
}

static void every_answer_has_the_common_headers(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/a")));
  client_until(&c, "GET a /a");
  static const char *const wanted[] = {
      "HTTP/1.1 200 OK\r\n",
      "Date: Sat, 21 Nov 2026 18:15:08 GMT\r\n",
      "X-Content-Type-Options: nosniff\r\n",
      "Referrer-Policy: no-referrer\r\n",
      "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n",
      "X-Request-Id: ",
      "Content-Type: text/plain\r\n",
      "Content-Length: 8\r\n"};
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) client_until(&c, wanted[i]);
  assert_false(has_text(&c, "Strict-Transport-Security"));
  client_close(&c);
  fixture_close(f);
}

static void headers_cannot_be_injected(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/headers")));
  client_until(&c, "\r\n\r\n");
  client_until(&c, "HTTP/1.1 204 No Content\r\n");
  client_until(&c, "X-Made: a  Injected: b\r\n");
  assert_false(has_text(&c, "Content-Length"));
  client_close(&c);
  fixture_close(f);
}

static void errors_are_problem_json(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/error")));
  client_until(&c, "Content-Type: application/problem+json\r\n");
  client_until(&c, "\"status\":404,\"code\":\"not_found\",\"detail\":\"no job of that id\",\"field\":\"id\"");
  client_close(&c);
  fixture_close(f);
}

static void head_is_answered_without_body(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR("HEAD /large?n=100000 HTTP/1.1\r\nHost: a\r\n\r\n"));
  client_until(&c, "Content-Length: 100000\r\n\r\n");
  buf_clear(&c.got);
  check_ask(&c, GET("/next"), 200, "GET a /next");
  client_close(&c);
  fixture_close(f);
}

static void pipelined_requests_are_answered_in_order(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  struct buf all = buf_new(1 << 20), body = buf_new(REPLY_BYTES);
  for (int i = 0; i < 500; i++)
    buf_addf(&all,
             i % 3 ? "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"
                   : "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy",
             i);
  client_send(&c, buf_str(&all));
  assert_int_equal(shutdown(c.fd, SHUT_WR), 0); /* what was sent before is answered all the same */
  for (int i = 0; i < 500; i++) {
    char want[40];
    (void)snprintf(want, sizeof want, i % 3 ? "GET a /%d" : "POST a /%d [xy]", i);
    assert_int_equal(client_answer(&c, &body), 200);
    CHECK_STR(buf_str(&body), str_of(want));
  }
  buf_free(&all);
  buf_free(&body);
  client_close(&c);
  fixture_close(f);
}

static void a_held_request_holds_those_behind_it(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/hold") GET("/after")));
  while (!f->held) turn(f);
  settle(f);
  assert_int_equal(f->handled, 1);
  struct http_request *req = f->held;
  f->held = NULL;
  http_respond(req, 200, "text/plain", STR("held"));
  struct buf body = buf_new(100);
  assert_int_equal(client_answer(&c, &body), 200);
  CHECK_STR(buf_str(&body), STR("held"));
  assert_int_equal(client_answer(&c, &body), 200);
  CHECK_STR(buf_str(&body), STR("GET a /after"));
  assert_int_equal(f->hang_ups, 0);
  buf_free(&body);
  client_close(&c);
  fixture_close(f);
}

static void answering_after_the_client_left_does_nothing(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/hold")));
  while (!f->held) turn(f);
  struct linger hard = {1, 0}; /* close sends a reset */
  assert_int_equal(setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
  client_close(&c);
  for (int i = 0; http_server_stats(f->server).connections > 0 && i < TURNS_MAX; i++) turn(f);
  assert_int_equal(f->hang_ups, 1);
  assert_true(http_has_gone(f->held));
  CHECK_STR(f->held->path, STR("/hold")); /* still valid */
  struct http_request *req = f->held;
  f->held = NULL;
  http_respond(req, 200, "text/plain", STR("late"));
  settle(f);
  fixture_close(f);
}

static void a_half_closed_client_still_gets_its_answer(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/hold")));
  while (!f->held) turn(f);
  assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
  for (int i = 0; f->hang_ups == 0 && i < TURNS_MAX; i++) turn(f);
  assert_int_equal(f->hang_ups, 1);
  struct http_request *req = f->held;
  f->held = NULL;
  http_respond(req, 200, "text/plain", STR("late"));
  client_until_closed(&c);
  assert_true(has_text(&c, "\r\n\r\nlate"));
  assert_int_equal(f->hang_ups, 1);
  client_close(&c);
  fixture_close(f);
}

static void freeing_the_server_leaves_held_requests_valid(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/hold")));
  while (!f->held) turn(f);
  http_server_free(f->server);
  f->server = NULL;
  assert_int_equal(f->hang_ups, 1);
  assert_non_null(arena_strdup(&f->held->arena, STR("still usable")));
  client_close(&c);
  fixture_close(f); /* answers it */
}

static void large_answers_reach_a_slow_reader_whole(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  int small = 65536;
  assert_int_equal(setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
  struct buf body = buf_new(REPLY_BYTES);
  client_send(&c, STR(GET("/large?n=5000000") GET("/after")));
  assert_int_equal(client_answer(&c, &body), 200);
  assert_int_equal(body.len, 5000000);
  for (size_t i = 0; i < body.len; i++)
    if (body.ptr[i] != (char)('a' + i % 26)) fail_msg("byte %zu is wrong", i);
  assert_int_equal(client_answer(&c, &body), 200);
  CHECK_STR(buf_str(&body), STR("GET a /after"));
  buf_free(&body);
  client_close(&c);
  fixture_close(f);
}

static void a_range_of_a_file_is_sent(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  struct buf body = buf_new(REPLY_BYTES);
  client_send(&c, STR(GET("/file?at=3&n=900000") GET("/after")));
  assert_int_equal(client_answer(&c, &body), 206);
  assert_int_equal(body.len, 900000);
  for (size_t i = 0; i < body.len; i++)
    if (body.ptr[i] != (char)('0' + (i + 3) % 10)) fail_msg("byte %zu is wrong", i);
  assert_int_equal(client_answer(&c, &body), 200);
  buf_free(&body);
  client_close(&c);
  fixture_close(f);
}

static void a_file_that_is_too_short_cuts_the_connection(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/file?at=0&n=1000010")));
  client_until_closed(&c);
  struct buf body = buf_new(REPLY_BYTES);
  int status;
  assert_false(take_answer(&c, &status, &body));
  buf_free(&body);
  client_close(&c);
  fixture_close(f);
}

/* ---- Streams */

static void a_stream_delivers_events_and_ends(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open_stream(f);
  for (int i = 0; i < 10; i++) assert_true(http_stream_send(f->stream, STR("data: x\n\n")));
  http_stream_end(f->stream);
  client_until_closed(&c);
  assert_int_equal(c.got.len, 90);
  assert_int_equal(f->streams_lost, 0);
  assert_int_equal(http_server_stats(f->server).streams, 0);
  client_close(&c);
  fixture_close(f);
}

static void a_stream_tells_when_its_client_leaves(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open_stream(f);
  client_close(&c);
  for (int i = 0; f->streams_lost == 0 && i < TURNS_MAX; i++) turn(f);
  assert_int_equal(f->streams_lost, 1);
  fixture_close(f);
}

#define EVENT_BYTES 1000

/* Event i is its number, filled up. */
static bool send_event(struct fixture *f, int i) {
  char event[EVENT_BYTES + 1];
  (void)snprintf(event, sizeof event, "%-*d", EVENT_BYTES, i);
  bool is_sent = http_stream_send(f->stream, (struct str){event, EVENT_BYTES});
  settle(f);
  return is_sent;
}

static void a_slow_reader_of_a_stream_is_bounded(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open_stream(f);
  int sent = 0, seen = 0;
  while (send_event(f, sent)) sent++;
  assert_in_range(http_stream_waiting(f->stream), LIMIT_SSE_BUFFER_BYTES - EVENT_BYTES,
                  LIMIT_SSE_BUFFER_BYTES);
  /* Reading again makes room again, and nothing was lost or reordered. */
  for (int i = 0; seen < sent && i < TURNS_MAX; i++) {
    turn(f);
    client_read(&c);
    for (; c.got.len >= EVENT_BYTES; buf_drop_front(&c.got, EVENT_BYTES), seen++) {
      int64_t number = -1;
      assert_true(str_to_int(str_trim((struct str){c.got.ptr, EVENT_BYTES}), 0, sent, &number));
      assert_int_equal(number, seen);
    }
  }
  assert_int_equal(http_stream_waiting(f->stream), 0);
  assert_true(http_stream_send(f->stream, STR("data: again\n\n")));
  client_until(&c, "data: again");
  client_close(&c);
  fixture_close(f);
}

static void a_reader_that_stalls_is_cut_after_the_write_time(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open_stream(f);
  char event[1000] = "";
  while (http_stream_send(f->stream, (struct str){event, sizeof event})) settle(f);
  pass_ms(f, 29999);
  assert_int_equal(f->streams_lost, 0);
  pass_ms(f, 1);
  assert_int_equal(f->streams_lost, 1);
  client_close(&c);
  fixture_close(f);
}

/* ---- Draining */

static void drain_lets_requests_finish(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client held = client_open(f), idle = client_open(f);
  check_ask(&idle, GET("/"), 200, "GET a /");
  client_send(&held, STR(GET("/hold")));
  while (!f->held) turn(f);
  struct client streaming = client_open_stream(f);
  http_server_drain(f->server, 5000, fixture_on_drained, f);
  client_until_closed(&idle);
  client_until_closed(&streaming);
  assert_int_equal(f->streams_lost, 1);
  assert_int_equal(f->drains, 0);
  struct http_request *req = f->held;
  f->held = NULL;
  http_respond(req, 200, "text/plain", STR("last"));
  client_until_closed(&held);
  assert_true(has_text(&held, "Connection: close\r\n"));
  assert_true(has_text(&held, "\r\n\r\nlast"));
  settle(f);
  assert_int_equal(f->drains, 1);
  client_close(&idle);
  client_close(&held);
  client_close(&streaming);
  fixture_close(f);
}

static void drain_cuts_at_its_deadline(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/hold")));
  while (!f->held) turn(f);
  http_server_drain(f->server, 5000, fixture_on_drained, f);
  settle(f);
  pass_ms(f, 4999);
  assert_int_equal(f->drains, 0);
  pass_ms(f, 1);
  assert_int_equal(f->drains, 1);
  assert_int_equal(f->hang_ups, 1);
  client_until_closed(&c);
  client_close(&c);
  fixture_close(f);
}

/* What reached us before the drain is answered, even if epoll had no turn to say so. */
static void drain_answers_what_was_sent_before(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client idle = client_open(f);
  check_ask(&idle, GET("/"), 200, "GET a /");
  struct client fresh = client_open(f);
  assert_true(send(idle.fd, GET("/one"), sizeof GET("/one") - 1, 0) > 0);
  assert_true(send(fresh.fd, GET("/two"), sizeof GET("/two") - 1, 0) > 0);
  http_server_drain(f->server, 5000, fixture_on_drained, f);
  client_until_closed(&idle);
  client_until_closed(&fresh);
  client_until(&idle, "GET a /one");
  client_until(&fresh, "GET a /two");
  client_close(&idle);
  client_close(&fresh);
  fixture_close(f);
}

static void drain_looks_at_every_connection(void **state) {
  (void)state;
  enum { CLIENTS = 150 }; /* more than one turn takes from epoll */
  struct fixture *f = fixture_open(NULL);
  struct client clients[CLIENTS];
  for (int i = 0; i < CLIENTS; i++) {
    clients[i] = client_open(f);
    check_ask(&clients[i], GET("/"), 200, "GET a /");
  }
  for (int i = CLIENTS - 1; i >= 0; i--) /* epoll reports in this order */
    assert_true(send(clients[i].fd, GET("/one"), sizeof GET("/one") - 1, 0) > 0);
  http_server_drain(f->server, 5000, fixture_on_drained, f);
  for (int i = 0; i < CLIENTS; i++) {
    client_until(&clients[i], "GET a /one");
    client_close(&clients[i]);
  }
  fixture_close(f);
}

static void no_stream_begins_while_draining(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/hold")));
  while (!f->held) turn(f);
  http_server_drain(f->server, 5000, fixture_on_drained, f);
  assert_null(http_stream_start(f->held, NULL, NULL));
  f->held = NULL;
  client_until(&c, "HTTP/1.1 503 ");
  client_close(&c);
  fixture_close(f);
}

static void no_stream_begins_when_the_client_has_gone(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/hold")));
  while (!f->held) turn(f);
  client_close(&c);
  for (int i = 0; f->hang_ups == 0 && i < TURNS_MAX; i++) turn(f);
  assert_null(http_stream_start(f->held, NULL, NULL));
  f->held = NULL;
  settle(f);
  assert_int_equal(http_server_stats(f->server).connections, 0);
  fixture_close(f);
}

static void the_date_follows_the_clock(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/a")));
  client_until(&c, "Date: Sat, 21 Nov 2026 18:15:08 GMT\r\n");
  f->wall_ms = INT64_C(1709164800000);
  client_send(&c, STR(GET("/a")));
  client_until(&c, "Date: Thu, 29 Feb 2024 00:00:00 GMT\r\n");
  client_close(&c);
  fixture_close(f);
}

static void a_body_that_could_not_be_built_is_an_error(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  check_ask(&c, GET("/broken"), 500, NULL);
  check_ask(&c, GET("/a"), 200, "GET a /a");
  client_close(&c);
  fixture_close(f);
}

static void free_in_drained(void *arg) {
  struct fixture *f = arg;
  http_server_free(f->server);
  f->server = NULL;
  f->drains++;
}

static void the_server_may_be_freed_when_drained(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  check_ask(&c, GET("/"), 200, "GET a /");
  http_server_drain(f->server, 5000, free_in_drained, f);
  assert_int_equal(f->drains, 0); /* never from inside the call */
  settle(f);
  assert_int_equal(f->drains, 1);
  client_close(&c);
  fixture_close(f);
}

static void asking_about_a_hang_up_late_tells_at_once(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/hold")));
  while (!f->held) turn(f);
  http_on_close(f->held, NULL, NULL);
  assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
  settle(f);
  assert_true(http_has_gone(f->held));
  assert_int_equal(f->hang_ups, 0);
  http_on_close(f->held, fixture_on_hang_up, f);
  settle(f);
  assert_int_equal(f->hang_ups, 1);
  client_close(&c);
  fixture_close(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers_keep_the_connection),
      cmocka_unit_test(every_answer_has_the_common_headers),
      cmocka_unit_test(headers_cannot_be_injected),
      cmocka_unit_test(errors_are_problem_json),
      cmocka_unit_test(head_is_answered_without_body),
      cmocka_unit_test(pipelined_requests_are_answered_in_order),
      cmocka_unit_test(a_held_request_holds_those_behind_it),
      cmocka_unit_test(answering_after_the_client_left_does_nothing),
      cmocka_unit_test(a_half_closed_client_still_gets_its_answer),
      cmocka_unit_test(freeing_the_server_leaves_held_requests_valid),
      cmocka_unit_test(large_answers_reach_a_slow_reader_whole),
      cmocka_unit_test(a_range_of_a_file_is_sent),
      cmocka_unit_test(a_file_that_is_too_short_cuts_the_connection),
      cmocka_unit_test(a_stream_delivers_events_and_ends),
      cmocka_unit_test(a_stream_tells_when_its_client_leaves),
      cmocka_unit_test(a_slow_reader_of_a_stream_is_bounded),
      cmocka_unit_test(a_reader_that_stalls_is_cut_after_the_write_time),
      cmocka_unit_test(drain_lets_requests_finish),
      cmocka_unit_test(drain_cuts_at_its_deadline),
      cmocka_unit_test(drain_answers_what_was_sent_before),
      cmocka_unit_test(drain_looks_at_every_connection),
      cmocka_unit_test(no_stream_begins_while_draining),
      cmocka_unit_test(no_stream_begins_when_the_client_has_gone),
      cmocka_unit_test(the_date_follows_the_clock),
      cmocka_unit_test(a_body_that_could_not_be_built_is_an_error),
      cmocka_unit_test(the_server_may_be_freed_when_drained),
      cmocka_unit_test(asking_about_a_hang_up_late_tells_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
