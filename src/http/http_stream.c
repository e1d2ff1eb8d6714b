#include <stdlib.h>

#include "http/http_internal.h"

struct http_stream *http_stream_start(struct http_request *req, http_close_fn *on_close, void *arg) {
  struct http_exchange *x = http_exchange_of(req);
  struct http_conn *c = x->conn;
  bool is_possible = c && !c->has_hung_up && !c->server->is_draining && req->method != HTTP_HEAD;
  struct http_stream *stream = is_possible ? malloc(sizeof *stream) : NULL;
  if (!stream) {
    bool is_head = req->method == HTTP_HEAD;
    http_respond(req, is_head ? 200 : 503, is_head ? "text/event-stream" : NULL, STR(""));
    return NULL;
  }
  ASSERT(c->exchange == x && c->state == CONN_HANDLING);
  *stream = (struct http_stream){c, on_close, arg};
  http_answer_begin(c, 200, req->id);
  /* No length and no chunks: it ends with the connection. X-Accel-Buffering is for nginx in front of us. */
  buf_add_str(&c->out, STR("Content-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                           "X-Accel-Buffering: no\r\nConnection: close\r\n"));
  buf_add_str(&c->out, buf_str(&x->extra));
  buf_add_str(&c->out, STR("\r\n"));
  http_answer_count(x, 200, 0);
  c->exchange = NULL;
  c->stream = stream;
  c->state = CONN_STREAM;
  c->server->stats.streams++;
  buf_free(&c->in);
  http_exchange_free(x);
  http_conn_schedule(c);
  return stream;
}

size_t http_stream_waiting(const struct http_stream *stream) {
  return stream->conn->out.len - stream->conn->out_at;
}

bool http_stream_send(struct http_stream *stream, struct str bytes) {
  struct http_conn *c = stream->conn;
  ASSERT(c->stream == stream);
  if (bytes.len + http_stream_waiting(stream) > c->server->limits.stream_bytes) return false;
  if (c->out_at >= c->out.len / 2) {
    buf_drop_front(&c->out, c->out_at);
    c->out_at = 0;
  }
  buf_add_str(&c->out, bytes);
  http_conn_schedule(c);
  return buf_error(&c->out) == ERR_OK;
}

void http_stream_end(struct http_stream *stream) {
  struct http_conn *c = stream->conn;
  ASSERT(c->stream == stream);
  http_stream_free(stream);
  c->state = CONN_CLOSING;
  http_conn_schedule(c);
}

void http_stream_free(struct http_stream *stream) {
  stream->conn->stream = NULL;
  stream->conn->server->stats.streams--;
  free(stream);
}

void http_stream_lost(struct http_stream *stream) {
  http_close_fn *fn = stream->on_close;
  void *arg = stream->arg;
  http_stream_free(stream);
  if (fn) fn(arg);
}
