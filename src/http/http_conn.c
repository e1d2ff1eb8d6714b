#include <stdlib.h>

#include "http/http_internal.h"
#include "sys/os_file.h"

/* What one connection may do in one turn before the others come first again. */
#define TURN_REQUESTS 8
#define TURN_SENT_BYTES (1024 * 1024)
#define FILE_SLICE_BYTES (256 * 1024)
/* An output buffer larger than this is given back when it is empty. */
#define OUT_KEEP_BYTES 16384

/* ---- Birth and death ------------------------------------------------------------------------ */

struct http_conn *http_conn_new(struct http_server *s, int fd, const char *peer) {
  struct http_conn *c = calloc(1, sizeof *c);
  if (!c || http_wire_open(&c->wire, fd, s->tls) != ERR_OK) {
    os_close(&fd);
    free(c);
    return NULL;
  }
  c->server = s;
  c->state = s->tls ? CONN_HANDSHAKE : CONN_HEAD;
  c->can_write = true;
  c->payload.file.fd = -1;
  c->in.max = HTTP_SCRATCH_BYTES + s->limits.head_bytes;
  c->out.max = 2 * s->limits.stream_bytes + 4 * HTTP_OUTPUT_HIGH_BYTES;
  (void)str_copy(c->peer, sizeof c->peer, str_of(peer));
  list_push_back(&s->conns, &c->all);
  s->stats.connections++;
  if (os_poll_add(s->poll_fd, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, c) != ERR_OK) {
    http_conn_free(c);
    return NULL;
  }
  http_conn_schedule(c);
  return c;
}

void http_conn_free(struct http_conn *c) {
  struct http_server *s = c->server;
  /* A child between fork and exec may hold the socket a little longer; without this epoll would go on
   * reporting it. */
  os_poll_remove(s->poll_fd, c->wire.fd);
  http_wire_close(&c->wire);
  list_remove(&c->all);
  list_remove(&c->work);
  list_remove(&c->waiting);
  s->stats.connections--;
  bool is_handled = c->state == CONN_HANDLING;
  struct http_exchange *x = c->exchange;
  if (x) x->conn = NULL;
  if (x && is_handled) http_exchange_hung_up(x);
  if (x && !is_handled) http_exchange_free(x);
  if (c->stream) http_stream_lost(c->stream);
  http_payload_free(&c->payload);
  buf_free(&c->in);
  buf_free(&c->out);
  free(c->head);
  free(c);
}

void http_conn_schedule(struct http_conn *c) {
  if (list_is_linked(&c->work)) return;
  list_push_back(&c->server->work, &c->work);
  http_server_wake(c->server);
}

void http_conn_events(struct http_conn *c, uint32_t epoll_events) {
  if (epoll_events & EPOLLIN) c->can_read = true;
  if (epoll_events & EPOLLOUT) c->can_write = true;
  if (c->wire.ssl) c->can_read = c->can_write = true; /* either may be what OpenSSL waits for */
  if (epoll_events & EPOLLRDHUP) c->can_read = c->has_hung_up = true;
  if (epoll_events & (EPOLLHUP | EPOLLERR)) c->is_failed = c->has_hung_up = true;
  http_conn_schedule(c);
}

void http_conn_drain(struct http_conn *c) {
  c->can_read = true; /* look once more: a request may have come that epoll has not reported yet */
  http_conn_schedule(c);
}

/* ---- Sending -------------------------------------------------------------------------------- */

static ssize_t send_some(struct http_conn *c) {
  struct http_payload *p = &c->payload;
  struct str head = {c->out.ptr + c->out_at, c->out.len - c->out_at};
  if (head.len > 0 || p->bytes.len > 0) return http_wire_write(&c->wire, head, p->bytes);
  size_t n = p->file.length < FILE_SLICE_BYTES ? (size_t)p->file.length : FILE_SLICE_BYTES;
  struct iovec scratch = {c->server->scratch, sizeof c->server->scratch};
  return http_wire_write_file(&c->wire, p->file.fd, &p->file.offset, n, scratch);
}

static void mark_sent(struct http_conn *c, size_t n) {
  struct http_payload *p = &c->payload;
  size_t head = c->out.len - c->out_at < n ? c->out.len - c->out_at : n;
  c->out_at += head;
  n -= head;
  if (c->out_at == c->out.len) {
    buf_clear(&c->out);
    c->out_at = 0;
    if (c->out.capacity > OUT_KEEP_BYTES) buf_free(&c->out);
  }
  if (p->file.fd >= 0) {
    p->file.length -= n;
    if (p->file.length == 0 && n > 0) http_payload_free(p);
  } else if (p->bytes.len > 0) {
    p->bytes = str_from(p->bytes, n);
    if (p->bytes.len == 0) http_payload_free(p);
  }
}

/* Sends what it can within the turn. False: the connection is broken. */
static bool send_output(struct http_conn *c) {
  size_t sent = 0;
  if (buf_error(&c->out) != ERR_OK) return false;
  while (c->can_write && http_conn_has_output(c) && sent < TURN_SENT_BYTES) {
    ssize_t n = send_some(c);
    if (n == NET_AGAIN) {
      c->can_write = false;
      break;
    }
    if (n <= 0) return false; /* also a file that is shorter than we promised */
    mark_sent(c, (size_t)n);
    sent += (size_t)n;
    c->was_written = true;
  }
  c->server->stats.bytes_out += sent;
  return true;
}

/* No further request is begun before the client has read. */
static bool is_output_high(const struct http_conn *c) {
  return c->payload.bytes.len > 0 || c->payload.file.fd >= 0 ||
         c->out.len - c->out_at >= HTTP_OUTPUT_HIGH_BYTES;
}

/* ---- Receiving: bytes become requests ------------------------------------------------------- */

static void hand_over(struct http_conn *c) {
  struct http_server *s = c->server;
  struct http_exchange *x = c->exchange;
  if (x->body.len > 0) x->req.body = buf_str(&x->body);
  if (s->answered) x->ready = world_tick(s->world);
  c->state = CONN_HANDLING;
  c->was_answered = true;
  s->stats.requests++;
  s->handler(s->arg, &x->req);
}

/* What this path takes: the parser has only checked the greatest limit of any. */
static size_t body_limit(const struct http_server *s, struct str path) {
  const struct http_limits *l = &s->limits;
  bool is_large = l->large_path && str_eq(path, str_of(l->large_path));
  return is_large ? l->large_body_bytes : l->body_bytes;
}

static void begin_exchange(struct http_conn *c, const struct http_head *head, const char *base,
                           bool has_more) {
  struct http_server *s = c->server;
  int status;
  const char *why;
  c->exchange = http_exchange_new(c, head, base, &status, &why);
  if (!c->exchange) {
    http_answer_refusal(c, status, why);
  } else if (head->content_length > body_limit(s, c->exchange->req.path)) {
    http_answer_refusal(c, 413, "the body is too long");
  } else if (head->content_length > LIMIT_HTTP_BODIES_BYTES - s->body_bytes) {
    http_answer_refusal(c, 503, "too many large requests at the moment");
  } else if (head->is_chunked || head->content_length > 0) {
    if (head->is_chunked) c->exchange->body.max = body_limit(s, c->exchange->req.path);
    c->state = CONN_BODY;
    if (head->expects_continue && !has_more) buf_add_str(&c->out, STR("HTTP/1.1 100 Continue\r\n\r\n"));
  } else {
    hand_over(c);
  }
}

/* Bytes used of `bytes`, which begins where the head begins: 0 when the head is not whole yet. */
static size_t feed_head(struct http_conn *c, struct str bytes) {
  struct http_server *s = c->server;
  struct http_head *head = c->head ? c->head : &s->scratch_head;
  if (!c->head) http_head_init(head);
  switch (http_head_parse(head, bytes, &s->head_limits)) {
    case HTTP_PARSED_BAD: http_answer_refusal(c, head->status, head->why); return bytes.len;
    case HTTP_PARSED_MORE:
      if (c->head) return 0;
      c->head = malloc(sizeof *c->head);
      if (c->head) *c->head = *head;
      else c->is_failed = true;
      return 0;
    case HTTP_PARSED_DONE: break;
  }
  size_t used = head->bytes;
  begin_exchange(c, head, bytes.ptr, used < bytes.len);
  free(c->head);
  c->head = NULL;
  return used;
}

static bool count_body(struct http_conn *c) {
  struct http_server *s = c->server;
  struct http_exchange *x = c->exchange;
  s->body_bytes += x->body.len - x->body_counted;
  x->body_counted = x->body.len;
  return s->body_bytes <= LIMIT_HTTP_BODIES_BYTES && buf_error(&x->body) == ERR_OK;
}

static size_t feed_body(struct http_conn *c, struct str bytes) {
  struct http_exchange *x = c->exchange;
  size_t used = bytes.len;
  bool is_whole;
  if (x->is_chunked) {
    enum http_parsed got = http_chunks_feed(&x->chunks, bytes, &x->body, &used);
    if (got == HTTP_PARSED_BAD) {
      http_answer_refusal(c, x->chunks.status, x->chunks.why);
      return bytes.len;
    }
    is_whole = got == HTTP_PARSED_DONE;
  } else {
    if (used > x->body_left) used = (size_t)x->body_left;
    buf_add(&x->body, bytes.ptr, used);
    x->body_left -= used;
    is_whole = x->body_left == 0;
  }
  if (!count_body(c)) {
    http_answer_refusal(c, 503, "too many large requests at the moment");
    return bytes.len;
  }
  if (is_whole) hand_over(c);
  return used;
}

/* Bytes used; stops at a request that is not answered at once, a partial head, high output, the budget. */
static size_t feed(struct http_conn *c, struct str bytes, int *budget) {
  size_t used = 0;
  while (used<bytes.len && * budget> 0 && !is_output_high(c)) {
    size_t n;
    if (c->state == CONN_HEAD) n = feed_head(c, str_from(bytes, used)), (*budget)--;
    else if (c->state == CONN_BODY) n = feed_body(c, str_from(bytes, used));
    else break;
    if (n == 0) break;
    used += n;
  }
  return used;
}

static bool is_reading(const struct http_conn *c) {
  return (c->state == CONN_HEAD || c->state == CONN_BODY) && !is_output_high(c);
}

/* Received before, and not a partial head that needs more. */
static bool has_unused_input(const struct http_conn *c) { return c->in.len > 0 && !c->head; }

static void feed_waiting(struct http_conn *c, int *budget) {
  size_t used = feed(c, buf_str(&c->in), budget);
  if (c->in.len == 0) return; /* a refusal threw it away */
  buf_drop_front(&c->in, used);
  if (c->in.len == 0) buf_free(&c->in);
}

/* At most one read. False when nothing came. */
static bool receive(struct http_conn *c, int *budget) {
  struct http_server *s = c->server;
  ssize_t n = http_wire_read(&c->wire, s->scratch, sizeof s->scratch);
  if (n <= 0) {
    c->can_read = false;
    if (n == NET_EOF) c->is_at_eof = c->has_hung_up = true;
    if (n == NET_FAILED) c->is_failed = true;
    return false;
  }
  /* A short read has emptied the socket; the next byte makes a new event. Not so the end, once announced. */
  if ((size_t)n < sizeof s->scratch && !c->wire.ssl && !c->has_hung_up) c->can_read = false;
  s->stats.bytes_in += (uint64_t)n;
  struct str got = {s->scratch, (size_t)n};
  if (c->state == CONN_CLOSING) return true;
  if (c->in.len > 0) {
    buf_add_str(&c->in, got);
    feed_waiting(c, budget);
  } else {
    size_t used = feed(c, got, budget);
    if (c->state != CONN_CLOSING) buf_add_str(&c->in, str_from(got, used));
  }
  if (buf_error(&c->in) != ERR_OK) c->is_failed = true;
  return true;
}

/* One step of reading and handling. False when there is nothing to do now. */
static bool take_input(struct http_conn *c, int *budget) {
  if (is_reading(c) && has_unused_input(c)) {
    feed_waiting(c, budget);
    return true;
  }
  bool is_draining_input = c->state == CONN_CLOSING && c->is_shut;
  if (!c->can_read || !(is_reading(c) || is_draining_input)) return false;
  (*budget)--;
  return receive(c, budget);
}

/* ---- Working -------------------------------------------------------------------------------- */

static bool is_more_to_do(const struct http_conn *c) {
  if (c->can_write && http_conn_has_output(c)) return true;
  if (is_reading(c)) return c->can_read || has_unused_input(c);
  return c->state == CONN_CLOSING && c->is_shut && c->can_read;
}

/* The last answer is out. Closing with unread input would make the kernel send a reset, which may destroy the
 * answer on its way; so our side is shut, and what is there to read is read and thrown away first. Of a refused
 * client more is to be expected: it is read until it closes, or for LINGER_MS. */
static bool may_close(struct http_conn *c) {
  if (!c->is_shut) http_wire_shut(&c->wire);
  c->is_shut = true;
  return c->is_at_eof || (!c->is_refused && !c->can_read);
}

static bool is_over(struct http_conn *c) {
  if (c->is_failed) return true;
  switch (c->state) {
    case CONN_HANDSHAKE: return c->is_at_eof;
    case CONN_HEAD:
      if (http_conn_has_output(c) || has_unused_input(c)) return false;
      return c->is_at_eof || (c->server->is_draining && !c->head);
    case CONN_BODY: return c->is_at_eof;
    case CONN_HANDLING: return false;
    case CONN_STREAM: return c->has_hung_up;
    case CONN_CLOSING: return !http_conn_has_output(c) && may_close(c);
  }
  ASSERT(false);
  return true;
}

static enum http_wait wait_of(const struct http_conn *c) {
  if (http_conn_has_output(c)) return WAIT_WRITE;
  switch (c->state) {
    case CONN_HANDSHAKE: return WAIT_HEAD;
    case CONN_HEAD: return c->head || !c->is_used ? WAIT_HEAD : WAIT_IDLE;
    case CONN_BODY: return WAIT_BODY;
    case CONN_HANDLING:
    case CONN_STREAM: return WAIT_NONE;
    case CONN_CLOSING: return WAIT_LINGER;
  }
  ASSERT(false);
  return WAIT_NONE;
}

static void set_wait(struct http_conn *c) {
  struct http_server *s = c->server;
  enum http_wait wait = wait_of(c);
  bool begins_anew = wait != c->wait || c->was_answered || (wait == WAIT_WRITE && c->was_written);
  c->was_answered = c->was_written = false;
  if (!begins_anew) return;
  list_remove(&c->waiting);
  c->wait = wait;
  if (wait == WAIT_NONE) return;
  c->deadline_ns = http_server_now_ns(s) + s->wait_ns[wait];
  list_push_back(&s->waits[wait], &c->waiting);
}

static void shake_hands(struct http_conn *c) {
  ssize_t n = http_wire_handshake(&c->wire);
  if (n == 1) c->state = CONN_HEAD;
  else if (n == NET_FAILED) c->is_failed = true;
  else c->can_read = c->can_write = false; /* either event goes on */
}

/* What epoll reported and the handler has not been told. */
static void tell_hang_up(struct http_conn *c) {
  if (!c->has_hung_up) return;
  if (c->state == CONN_HANDLING) http_exchange_hung_up(c->exchange);
}

static void stop_stream_when_draining(struct http_conn *c) {
  if (c->state != CONN_STREAM || !c->server->is_draining) return;
  c->state = CONN_CLOSING;
  http_stream_lost(c->stream);
}

void http_conn_work(struct http_conn *c) {
  int budget = TURN_REQUESTS;
  list_remove(&c->work);
  if (c->state == CONN_HANDSHAKE && !c->is_failed) shake_hands(c);
  bool is_busy = c->state != CONN_HANDSHAKE;
  while (is_busy && !c->is_failed && budget > 0) {
    is_busy = take_input(c, &budget);
    if (!c->is_failed && !send_output(c)) c->is_failed = true;
  }
  tell_hang_up(c);
  stop_stream_when_draining(c);
  if (is_over(c)) {
    http_conn_free(c);
    return;
  }
  if (is_more_to_do(c)) http_conn_schedule(c);
  set_wait(c);
}

void http_conn_timeout(struct http_conn *c) {
  struct http_server *s = c->server;
  enum http_wait wait = c->wait;
  list_remove(&c->waiting);
  c->wait = WAIT_NONE;
  if (wait != WAIT_IDLE && wait != WAIT_LINGER) s->stats.timeouts++;
  if (wait == WAIT_BODY || (wait == WAIT_HEAD && c->head))
    http_answer_refusal(
        c, 408, wait == WAIT_BODY ? "the body did not come in time" : "the head did not come in time");
  else http_conn_free(c);
}
