#include "tests/support/http_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/os_file.h"

/* ---- The server ----------------------------------------------------------------------------- */

static struct tick fake_tick(struct world *w) { return ((struct fixture *)(void *)w)->now; }
static int64_t fake_wall(struct world *w) { return ((struct fixture *)(void *)w)->wall_ms; }
static void fake_random(struct world *w, void *to, size_t n) {
  (void)w;
  memset(to, 0x5a, n);
}

void fixture_on_hang_up(void *arg) { ((struct fixture *)arg)->hang_ups++; }
static void on_stream_lost(void *arg) {
  struct fixture *f = arg;
  f->streams_lost++;
  f->stream = NULL;
}
void fixture_on_drained(void *arg) { ((struct fixture *)arg)->drains++; }
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
  buf_addf(&body, "%s %.*s %.*s", http_method_text(req->method), STR_ARG(req->host), STR_ARG(req->path));
  struct str name, value;
  for (size_t i = 0; http_query_at(req, i, &name, &value); i++) {
    buf_add_char(&body, i == 0 ? '?' : '&');
    buf_add_str(&body, name);
    if (value.len > 0) buf_addf(&body, "=%.*s", STR_ARG(value));
  }
  if (req->body.len > 0) buf_addf(&body, " [%.*s]", STR_ARG(req->body));
  http_respond_buf(req, 200, "text/plain", &body);
}

static void handle(void *arg, struct http_request *req) {
  struct fixture *f = arg;
  f->handled++;
  if (str_eq(req->path, STR("/hold"))) {
    assert_null(f->held);
    f->held = req;
    http_on_close(req, fixture_on_hang_up, f);
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
  } else if (str_eq(req->path, STR("/broken"))) {
    struct buf body = buf_new(4);
    buf_add_text(&body, "too long");
    http_respond_buf(req, 200, "text/plain", &body);
  } else {
    answer_echo(req);
  }
}

struct fixture *fixture_open(const struct http_config *config) {
  struct fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  f->world = (struct world){fake_wall, fake_tick, fake_random};
  f->now.ns = 1000000000;
  f->wall_ms = INT64_C(1795284908000); /* 2026-11-21T18:15:08Z */
  CHECK_OK(loop_new(&f->loop));
  struct http_config own = config ? *config : (struct http_config){};
  own.world = &f->world;
  own.answered = on_answered;
  struct err_detail detail;
  CHECK_OK(http_server_new(f->loop, &own, handle, f, &f->server, &detail));
  return f;
}

void fixture_close(struct fixture *f) {
  http_server_free(f->server);
  if (f->held) http_respond(f->held, 200, NULL, STR(""));
  loop_free(f->loop);
  free(f);
}

void turn(struct fixture *f) { (void)loop_turn(f->loop, 1000); }
void settle(struct fixture *f) {
  for (int i = 0; i < 3; i++)
    while (loop_turn(f->loop, 0)) continue;
}
void pass_ms(struct fixture *f, uint64_t ms) {
  f->now.ns += ms * 1000000;
  http_server_expire(f->server);
}

/* ---- The client's side ---------------------------------------------------------------------- */

struct client client_open(struct fixture *f) {
  struct client c = {.f = f, .got = buf_new(REPLY_BYTES + 65536)};
  c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in a = {.sin_family = AF_INET,
                          .sin_port = htons(http_server_port(f->server)),
                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  assert_int_equal(connect(c.fd, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
  return c;
}

void client_close(struct client *c) {
  os_close(&c->fd);
  buf_free(&c->got);
}

/* Both as recv and send: -1 with EAGAIN when it would block. */
static ssize_t of_tls(SSL *ssl, int result) {
  if (result > 0) return result;
  int error = SSL_get_error(ssl, result);
  errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EIO;
  return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}
static ssize_t receive(struct client *c, void *to, size_t n) {
  return c->ssl ? of_tls(c->ssl, SSL_read(c->ssl, to, (int)n)) : recv(c->fd, to, n, 0);
}
static ssize_t transmit(struct client *c, struct str bytes) {
  return c->ssl ? of_tls(c->ssl, SSL_write(c->ssl, bytes.ptr, (int)bytes.len))
                : send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
}

void client_read(struct client *c) {
  char bytes[65536];
  ssize_t n = receive(c, bytes, sizeof bytes);
  if (n > 0) buf_add(&c->got, bytes, (size_t)n);
  if (n > 0 || (n < 0 && errno == EAGAIN)) return;
  int error = 0; /* a reset after an orderly end shows only here */
  socklen_t length = sizeof error;
  (void)getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length);
  c->is_closed = true;
  c->is_reset |= n < 0 || error != 0;
}

void client_send(struct client *c, struct str bytes) {
  for (int i = 0; bytes.len > 0 && i < TURNS_MAX; i++) {
    ssize_t n = transmit(c, bytes);
    if (n < 0 && errno != EAGAIN) {
      c->is_reset = true; /* the server has closed: its answer tells why */
      return;
    }
    if (n > 0) bytes = str_from(bytes, (size_t)n);
    if (bytes.len > 0) {
      turn(c->f);
      client_read(c);
    }
  }
}

void client_until_closed(struct client *c) {
  for (int i = 0; !c->is_closed && i < TURNS_MAX; i++) {
    turn(c->f);
    client_read(c);
  }
  assert_true(c->is_closed);
}

bool has_text(const struct client *c, const char *text) {
  return str_find(buf_str(&c->got), str_of(text)) != SIZE_MAX;
}

void client_until(struct client *c, const char *text) {
  for (int i = 0; !has_text(c, text) && !c->is_closed && i < TURNS_MAX; i++) {
    turn(c->f);
    client_read(c);
  }
  if (!has_text(c, text)) fail_msg("wanted \"%s\", got \"%.*s\"", text, STR_ARG(buf_str(&c->got)));
}

/* Cuts the first whole answer off what came; false when there is none yet. HEAD and streams not counted. */
bool take_answer(struct client *c, int *ret_status, struct buf *ret_body) {
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

int client_answer(struct client *c, struct buf *ret_body) {
  int status = 0;
  for (int i = 0; !take_answer(c, &status, ret_body) && i < TURNS_MAX; i++) {
    if (c->is_closed) return 0;
    turn(c->f);
    client_read(c);
  }
  return status;
}

/* One request, one answer with this status and body. */
void check_ask(struct client *c, const char *raw, int want_status, const char *want_body) {
  struct buf body = buf_new(REPLY_BYTES);
  client_send(c, str_of(raw));
  int status = client_answer(c, &body);
  if (status != want_status) fail_msg("%s: status %d, wanted %d", raw, status, want_status);
  if (want_body) CHECK_STR(buf_str(&body), str_of(want_body));
  buf_free(&body);
}

struct client client_open_stream(struct fixture *f) {
  struct client c = client_open(f);
  client_send(&c, STR(GET("/stream")));
  client_until(&c, "Content-Type: text/event-stream\r\n");
  client_until(&c, "\r\n\r\n");
  assert_non_null(f->stream);
  buf_clear(&c.got);
  return c;
}
