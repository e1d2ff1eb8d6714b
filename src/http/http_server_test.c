/* The server over real sockets on 127.0.0.1, one thread: the client's side is polled between the turns of
 * the loop. Time is the test's own, so nothing here waits for a timeout. */
#include "http/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/os_file.h"
#include "tests/support/check.h"

#define REPLY_BYTES (8 * 1024 * 1024)
#define TURNS_MAX 200000 /* a test that waits for what never comes ends here, not in a hang */

/* ---- A server whose handler does what the path says ----------------------------------------- */

struct fixture {
  struct world world; /* first: the fake clock */
  struct tick now;
  struct loop *loop;
  struct http_server *server;
  struct http_request *held; /* of /hold, answered by the test */
  struct http_stream *stream;
  int handled, hang_ups, streams_lost, drains;
  int last_status;
};

static struct tick fake_tick(struct world *w) { return ((struct fixture *)(void *)w)->now; }
static int64_t fake_wall(struct world *w) { return (void)w, INT64_C(1795284908000); }
static void fake_random(struct world *w, void *to, size_t n) {
  (void)w;
  memset(to, 0x5a, n);
}

static void on_hang_up(void *arg) { ((struct fixture *)arg)->hang_ups++; }
static void on_stream_lost(void *arg) {
  struct fixture *f = arg;
  f->streams_lost++;
  f->stream = NULL;
}
static void on_drained(void *arg) { ((struct fixture *)arg)->drains++; }
static void on_answered(void *arg, const struct http_answered *a) {
  ((struct fixture *)arg)->last_status = a->status;
}

static void answer_large(struct http_request *req) {
  int64_t n = 0;
  assert_true(str_to_int(http_query(req, "n"), 0, REPLY_BYTES, &n));
  struct buf body = buf_new(REPLY_BYTES);
  for (int64_t i = 0; i < n; i++) buf_add_char(&body, (char)('a' + i % 26));
  http_respond_buf(req, 200, "text/plain", &body);
}

static void answer_file(struct http_request *req) {
  int64_t offset = 0, length = 0;
  assert_true(str_to_int(http_query(req, "at"), 0, REPLY_BYTES, &offset));
  assert_true(str_to_int(http_query(req, "n"), 0, REPLY_BYTES, &length));
  char path[] = "/tmp/http_server_test.XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  (void)unlink(path);
  for (int i = 0; i < 100000; i++) assert_int_equal(write(fd, "0123456789", 10), 10);
  http_respond_file(req, 206, "application/octet-stream",
                    (struct http_file){fd, (uint64_t)offset, (uint64_t)length});
}

static void answer_echo(struct http_request *req) {
  struct buf body = buf_new(REPLY_BYTES);
  buf_addf(&body, "%s %.*s", http_method_text(req->method), STR_ARG(req->path));
  struct str name, value;
  for (size_t i = 0; http_query_at(req, i, &name, &value); i++)
    buf_addf(&body, " %.*s=%.*s", STR_ARG(name), STR_ARG(value));
  if (req->body.len > 0) buf_addf(&body, " [%.*s]", STR_ARG(req->body));
  http_respond_buf(req, 200, "text/plain", &body);
}

static void handle(void *arg, struct http_request *req) {
  struct fixture *f = arg;
  f->handled++;
  if (str_eq(req->path, STR("/hold"))) {
    assert_null(f->held);
    f->held = req;
    http_on_close(req, on_hang_up, f);
  } else if (str_eq(req->path, STR("/stream"))) {
    f->stream = http_stream_start(req, on_stream_lost, f);
  } else if (str_eq(req->path, STR("/large"))) {
    answer_large(req);
  } else if (str_eq(req->path, STR("/file"))) {
    answer_file(req);
  } else if (str_eq(req->path, STR("/headers"))) {
    http_header(req, "X-Made", STR("a\r\nInjected: b"));
    http_respond(req, 204, NULL, STR(""));
  } else if (str_eq(req->path, STR("/error"))) {
    struct err_detail d;
    enum err e = err_set(&d, ERR_NOT_FOUND, "id", 0, "no job of that id");
    http_respond_error(req, e, &d);
  } else {
    answer_echo(req);
  }
}

static struct http_config base_config(struct fixture *f) {
  return (struct http_config){.world = &f->world, .answered = on_answered};
}

static struct fixture *fixture_open(const struct http_config *config) {
  struct fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  f->world = (struct world){fake_wall, fake_tick, fake_random};
  f->now.ns = 1000000000;
  CHECK_OK(loop_new(&f->loop));
  struct http_config own = config ? *config : base_config(f);
  own.world = &f->world;
  own.answered = on_answered;
  struct err_detail detail;
  CHECK_OK(http_server_new(f->loop, &own, handle, f, &f->server, &detail));
  return f;
}

static void fixture_close(struct fixture *f) {
  http_server_free(f->server);
  if (f->held) http_respond(f->held, 200, NULL, STR(""));
  loop_free(f->loop);
  free(f);
}

static void turn(struct fixture *f) { (void)loop_turn(f->loop, 1000); }
static void settle(struct fixture *f) {
  for (int i = 0; i < 3; i++)
    while (loop_turn(f->loop, 0)) continue;
}
static void pass_ms(struct fixture *f, uint64_t ms) {
  f->now.ns += ms * 1000000;
  http_server_expire(f->server);
}

/* ---- The client's side ---------------------------------------------------------------------- */

struct client {
  struct fixture *f;
  int fd;
  struct buf got;
  bool is_closed;
};

static struct client client_open(struct fixture *f) {
  struct client c = {.f = f, .got = buf_new(REPLY_BYTES + 65536)};
  c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in a = {.sin_family = AF_INET,
                          .sin_port = htons(http_server_port(f->server)),
                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  assert_int_equal(connect(c.fd, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
  return c;
}

static void client_close(struct client *c) {
  os_close(&c->fd);
  buf_free(&c->got);
}

static void client_read(struct client *c) {
  char bytes[65536];
  ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
  if (n > 0) buf_add(&c->got, bytes, (size_t)n);
  if (n == 0 || (n < 0 && errno != EAGAIN)) c->is_closed = true;
}

static void client_send(struct client *c, struct str bytes) {
  for (int i = 0; bytes.len > 0 && i < TURNS_MAX; i++) {
    ssize_t n = send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return; /* the server has closed: its answer tells */
    if (n > 0) bytes = str_from(bytes, (size_t)n);
    if (bytes.len > 0) {
      turn(c->f);
      client_read(c);
    }
  }
}

static void client_until_closed(struct client *c) {
  for (int i = 0; !c->is_closed && i < TURNS_MAX; i++) {
    turn(c->f);
    client_read(c);
  }
  assert_true(c->is_closed);
}

static bool has_text(const struct client *c, const char *text) {
  return str_find(buf_str(&c->got), str_of(text)) != SIZE_MAX;
}

static void client_until(struct client *c, const char *text) {
  for (int i = 0; !has_text(c, text) && !c->is_closed && i < TURNS_MAX; i++) {
    turn(c->f);
    client_read(c);
  }
  if (!has_text(c, text)) fail_msg("wanted \"%s\", got \"%.*s\"", text, STR_ARG(buf_str(&c->got)));
}

/* Cuts the first whole answer off what came; false when there is none yet. HEAD and streams not counted. */
static bool take_answer(struct client *c, int *ret_status, struct buf *ret_body) {
  struct str all = buf_str(&c->got);
  size_t end = str_find(all, STR("\r\n\r\n"));
  if (end == SIZE_MAX) return false;
  struct str head = {all.ptr, end};
  assert_true(str_starts(head, STR("HTTP/1.1 ")));
  *ret_status = (head.ptr[9] - '0') * 100 + (head.ptr[10] - '0') * 10 + head.ptr[11] - '0';
  size_t at = str_find(head, STR("Content-Length: "));
  size_t length = 0;
  for (const char *p = at == SIZE_MAX ? "" : head.ptr + at + 16; *p >= '0' && *p <= '9'; p++)
    length = length * 10 + (size_t)(*p - '0');
  if (all.len < end + 4 + length) return false;
  buf_clear(ret_body);
  buf_add(ret_body, all.ptr + end + 4, length);
  buf_drop_front(&c->got, end + 4 + length);
  return true;
}

static int client_answer(struct client *c, struct buf *ret_body) {
  int status = 0;
  for (int i = 0; !take_answer(c, &status, ret_body) && i < TURNS_MAX; i++) {
    if (c->is_closed) return 0;
    turn(c->f);
    client_read(c);
  }
  return status;
}

/* One request, one answer with this status and body. */
static void check_ask(struct client *c, const char *raw, int want_status, const char *want_body) {
  struct buf body = buf_new(REPLY_BYTES);
  client_send(c, str_of(raw));
  int status = client_answer(c, &body);
  if (status != want_status) fail_msg("%s: status %d, wanted %d", raw, status, want_status);
  if (want_body) CHECK_STR(buf_str(&body), str_of(want_body));
  buf_free(&body);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- Tests ---------------------------------------------------------------------------------- */

static void answers_keep_the_connection(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  for (int i = 0; i < 3; i++) check_ask(&c, GET("/a?x=1%202&y"), 200, "GET /a x=1 2 y=");
  assert_int_equal(http_server_stats(f->server).accepted, 1);
  client_close(&c);
  fixture_close(f);
}

static void every_answer_has_the_common_headers(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR(GET("/a")));
  client_until(&c, "GET /a");
  static const char *const wanted[] = {
      "HTTP/1.1 200 OK\r\n",
      "Date: Sat, 21 Nov 2026 18:15:08 GMT\r\n",
      "X-Content-Type-Options: nosniff\r\n",
      "Referrer-Policy: no-referrer\r\n",
      "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n",
      "X-Request-Id: ",
      "Content-Type: text/plain\r\n",
      "Content-Length: 6\r\n"};
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
  check_ask(&c, GET("/next"), 200, "GET /next");
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
  for (int i = 0; i < 500; i++) {
    char want[40];
    (void)snprintf(want, sizeof want, i % 3 ? "GET /%d" : "POST /%d [xy]", i);
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
  CHECK_STR(buf_str(&body), STR("GET /after"));
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
  CHECK_STR(buf_str(&body), STR("GET /after"));
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

static struct client open_stream(struct fixture *f) {
  struct client c = client_open(f);
  client_send(&c, STR(GET("/stream")));
  client_until(&c, "Content-Type: text/event-stream\r\n");
  client_until(&c, "\r\n\r\n");
  assert_non_null(f->stream);
  buf_clear(&c.got);
  return c;
}

static void a_stream_delivers_events_and_ends(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = open_stream(f);
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
  struct client c = open_stream(f);
  client_close(&c);
  for (int i = 0; f->streams_lost == 0 && i < TURNS_MAX; i++) turn(f);
  assert_int_equal(f->streams_lost, 1);
  fixture_close(f);
}

static void a_slow_reader_of_a_stream_is_bounded(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = open_stream(f);
  char event[1000];
  memset(event, 'e', sizeof event);
  int sent = 0;
  for (; http_stream_send(f->stream, (struct str){event, sizeof event}) && sent < 1000000; sent++) settle(f);
  assert_in_range(http_stream_waiting(f->stream), LIMIT_SSE_BUFFER_BYTES - sizeof event,
                  LIMIT_SSE_BUFFER_BYTES);
  /* Reading again makes room again, and nothing was lost or reordered. */
  for (int i = 0; c.got.len < (size_t)sent * sizeof event && i < TURNS_MAX; i++) {
    turn(f);
    client_read(&c);
    if (c.got.len > REPLY_BYTES / 2)
      sent -= (int)(c.got.len / sizeof event),
          buf_drop_front(&c.got, c.got.len / sizeof event * sizeof event);
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
  struct client c = open_stream(f);
  char event[1000] = "";
  while (http_stream_send(f->stream, (struct str){event, sizeof event})) settle(f);
  pass_ms(f, 29999);
  assert_int_equal(f->streams_lost, 0);
  pass_ms(f, 1);
  assert_int_equal(f->streams_lost, 1);
  client_close(&c);
  fixture_close(f);
}

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
  check_ask(&idle, GET("/"), 200, "GET /");
  settle(f);
  pass_ms(f, 10000);
  client_until_closed(&silent);
  assert_int_equal(silent.got.len, 0);
  pass_ms(f, 49999);
  check_ask(&idle, GET("/"), 200, "GET /"); /* begins anew */
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
  check_ask(&a, GET("/"), 200, "GET /");
  check_ask(&b, GET("/"), 200, "GET /");
  struct client over = client_open(f);
  client_until(&over, "HTTP/1.1 503 ");
  client_close(&over);
  for (int i = 0; http_server_stats(f->server).connections > 2 && i < TURNS_MAX; i++) turn(f);
  client_close(&b);
  for (int i = 0; http_server_stats(f->server).connections > 1 && i < TURNS_MAX; i++) turn(f);
  struct client later = client_open(f);
  check_ask(&later, GET("/"), 200, "GET /");
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
  static const char *const stalls[] = {"", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\nX: ",
                                       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"};
  for (int i = 0; i < STALLED; i++) {
    stalled[i] = client_open(f);
    client_send(&stalled[i], str_of(stalls[i % 4]));
    if (i % 50 == 0) settle(f);
  }
  settle(f);
  assert_int_equal(http_server_stats(f->server).connections, STALLED);
  struct client c = client_open(f);
  for (int i = 0; i < 100; i++) check_ask(&c, GET("/fine"), 200, "GET /fine");
  settle(f);
  pass_ms(f, 30000);
  check_ask(&c, GET("/fine"), 200, "GET /fine");
  for (int i = 0; i < STALLED; i++) client_close(&stalled[i]);
  for (int i = 0; http_server_stats(f->server).connections > 1 && i < TURNS_MAX; i++) turn(f);
  assert_int_equal(http_server_stats(f->server).connections, 1);
  free(stalled);
  client_close(&c);
  fixture_close(f);
}

/* ---- Draining */

static void drain_lets_requests_finish(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client held = client_open(f), idle = client_open(f);
  check_ask(&idle, GET("/"), 200, "GET /");
  client_send(&held, STR(GET("/hold")));
  while (!f->held) turn(f);
  struct client streaming = open_stream(f);
  http_server_drain(f->server, 5000, on_drained, f);
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
  http_server_drain(f->server, 5000, on_drained, f);
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

/* ---- Bodies */

static void continue_is_sent_before_the_body(void **state) {
  (void)state;
  struct fixture *f = fixture_open(NULL);
  struct client c = client_open(f);
  client_send(&c, STR("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"));
  client_until(&c, "HTTP/1.1 100 Continue\r\n\r\n");
  buf_clear(&c.got);
  check_ask(&c, "abc", 200, "POST /x [abc]");
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
  assert_int_equal(body.len, 1048576 + sizeof "POST / []" - 1);
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
  char junk[100000];
  memset(junk, 'j', sizeof junk);
  for (int i = 0; i < 20; i++) client_send(&c, (struct str){junk, sizeof junk});
  assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
  client_until_closed(&c);
  assert_true(has_text(&c, "HTTP/1.1 413 "));
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
      cmocka_unit_test(a_head_that_does_not_end_is_answered_408),
      cmocka_unit_test(a_body_that_does_not_end_is_answered_408),
      cmocka_unit_test(silent_and_idle_connections_are_closed),
      cmocka_unit_test(connections_above_the_limit_get_503),
      cmocka_unit_test(two_thousand_stalled_connections_hurt_nobody),
      cmocka_unit_test(drain_lets_requests_finish),
      cmocka_unit_test(drain_cuts_at_its_deadline),
      cmocka_unit_test(continue_is_sent_before_the_body),
      cmocka_unit_test(a_body_too_long_is_refused_before_it_is_sent),
      cmocka_unit_test(the_longest_body_is_taken),
      cmocka_unit_test(a_refusal_survives_what_the_client_still_sends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
