/* A strict HTTP/1.1 server on the event loop. It knows nothing of jobs: it hands whole requests to
 * one handler and takes answers, now or later. What is ambiguous on the wire never reaches the
 * handler: it is answered 400 and the connection is closed (rules: http_parse.h, http_target.h).
 *
 * All functions are called on the loop's thread, and never call back into the caller: the handler,
 * the close functions and `drained` are entered only from the loop.
 *
 * Every answer carries Date, Content-Length, X-Content-Type-Options: nosniff, Referrer-Policy:
 * no-referrer, X-Request-Id, the given Content-Security-Policy and, with TLS, HSTS. Caching headers
 * are the handler's. */
#pragma once
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "sys/loop.h"
#include "sys/world.h"

#define LIMIT_HTTP_QUERY_PARAMETERS 100
#define LIMIT_HTTP_ANSWER_HEAD_BYTES 16384         /* status line and headers of one answer */
#define LIMIT_HTTP_ARENA_BYTES (8 * 1024 * 1024)   /* of one request */
#define LIMIT_HTTP_BODIES_BYTES (64 * 1024 * 1024) /* bodies held at one moment, all connections */

struct http_server;
struct http_stream;

/* Anything else is answered 501. The order is that of the names in http_method_text. */
enum http_method {
  HTTP_GET,
  HTTP_HEAD,
  HTTP_POST,
  HTTP_PUT,
  HTTP_PATCH,
  HTTP_DELETE,
  HTTP_OPTIONS,
  HTTP_METHOD_COUNT
};
const char *http_method_text(enum http_method method);

/* ---- Requests ------------------------------------------------------------------------------- */

/* One request; all text is borrowed from it. It lives until it is answered: exactly one of
 * http_respond*, http_stream_start must be called for each, even when the client has gone. */
struct http_request {
  enum http_method method;
  bool is_tls;
  struct str path;   /* decoded once, UTF-8, begins with '/' (or is "*" for OPTIONS *); no NUL or other
                              control character, no "//", "." or ".."; an encoded '/' or '\' was refused */
  struct str target; /* as sent */
  struct str query;  /* as sent, without '?'; empty when none */
  struct str host;   /* syntax-checked host[:port]; of an absolute target, else of Host; empty in HTTP/1.0 */
  struct str content_type; /* as sent, STR_NONE when absent */
  struct str body;         /* whole, de-chunked, at most limits.body_bytes */
  struct str peer;         /* "127.0.0.1", "::1"; IPv4 in IPv6 is shown as IPv4 */
  struct str id;           /* 16 hex digits, also answered as X-Request-Id */
  struct arena arena;      /* freed with the request; for whatever the handler needs meanwhile */
  void *user;              /* the handler's */
};

/* The value of a header (name without case), trimmed; of a repeated one the first; STR_NONE when
 * absent. Authorization, Content-Type, Cookie, Idempotency-Key, If-Match, If-None-Match, Origin, Prefer and
 * Range cannot be repeated: that was answered 400. */
struct str http_request_header(const struct http_request *req, const char *name);
/* The i-th header in the order sent; false past the end. */
bool http_request_header_at(const struct http_request *req, size_t i, struct str *ret_name,
                            struct str *ret_value);
/* A query parameter, decoded ('+' is a space, valid UTF-8, no NUL); of a repeated one the first. STR_NONE
 * when absent; "?a" and "?a=" give an empty text whose ptr is not NULL. */
struct str http_query(const struct http_request *req, const char *name);
bool http_query_at(const struct http_request *req, size_t i, struct str *ret_name, struct str *ret_value);
/* A cookie's value without its quotes; STR_NONE when absent or sent twice with different values. */
struct str http_cookie(const struct http_request *req, const char *name);

typedef void http_close_fn(void *arg);
/* fn is called once when the client closes before the answer. The request must still be answered
 * later (a client that closed only its sending side gets it). NULL takes the wish back. */
void http_on_close(struct http_request *req, http_close_fn *fn, void *arg);
/* The client has closed its sending side or is gone altogether (then on_close is not called any more). */
bool http_has_gone(const struct http_request *req);

/* ---- Answers: each ends the request's life ---------------------------------------------------- */

/* Adds a header to the answer; before it. Control characters in value become spaces. Not for
 * Content-Length, Content-Type, Connection, Date or Transfer-Encoding. */
void http_header(struct http_request *req, const char *name, struct str value);
/* content_type NULL: none. With HEAD, 204 and 304 the body is not sent. The body is copied. */
void http_respond(struct http_request *req, int status, const char *content_type, struct str body);
/* The same without copying; takes the buffer's bytes (*body is empty afterwards). A buffer in error
 * becomes the answer of that error. */
void http_respond_buf(struct http_request *req, int status, const char *content_type, struct buf *body);
/* The same for bytes that live for ever (embedded files). */
void http_respond_static(struct http_request *req, int status, const char *content_type, struct str body);
/* A range of a file, sent in slices as the client reads. Takes the fd and closes it. When the file
 * turns out shorter, the connection is cut. Content-Range is the caller's. */
struct http_file {
  int fd;
  uint64_t offset;
  uint64_t length;
};
void http_respond_file(struct http_request *req, int status, const char *content_type, struct http_file file);
/* application/problem+json with type, title, status, code, detail, field, line, column, hint, requestId; the
 * status is err_http_status(e). detail may be NULL. */
void http_respond_error(struct http_request *req, enum err e, const struct err_detail *detail);
/* The body alone, for callers that add to it or choose the status. */
void http_problem(struct buf *out, int status, enum err e, const struct err_detail *detail,
                  struct str request_id);

/* ---- Streams (server-sent events) --------------------------------------------------------------- */

/* Answers 200 text/event-stream and keeps the connection. on_close is called once when the client has
 * gone or the server drains; the stream is freed after it. NULL (and no on_close) when the client has gone
 * already, the method is HEAD, or the server drains. */
struct http_stream *http_stream_start(struct http_request *req, http_close_fn *on_close, void *arg);
/* Queues the bytes of complete events. False when they do not fit beside what this client has not
 * read yet (limits.stream_bytes): nothing was queued, and the caller decides. */
bool http_stream_send(struct http_stream *stream, struct str bytes);
size_t http_stream_waiting(const struct http_stream *stream); /* bytes queued */
/* Ends it after what is queued; on_close is not called; the stream is gone. */
void http_stream_end(struct http_stream *stream);

/* ---- Server ------------------------------------------------------------------------------------ */

/* 0 means the default of base/limits.h or the value given here. */
struct http_limits {
  size_t head_bytes, url_bytes, headers, body_bytes;
  size_t connections;  /* above it: 503 */
  size_t stream_bytes; /* LIMIT_SSE_BUFFER_BYTES */
  int header_ms;       /* 10,000: first byte (or accept) to the end of the head; TLS handshake included */
  int body_ms;         /* 30,000: the whole body */
  int idle_ms;         /* 60,000: between requests */
  int write_ms;        /* 30,000: without the client reading anything */
  const char
      *large_path; /* the one path whose bodies may have large_body_bytes; NULL: none; outlives the server */
  size_t large_body_bytes;
};

/* For the access log and metrics; called when an answer is queued. Borrowed for the call. */
struct http_answered {
  enum http_method method;
  struct str path, peer, id; /* path empty when the request could not be parsed */
  int status;
  uint64_t body_bytes;
  int64_t took_us; /* from the end of the request's body */
};

typedef void http_handler(void *arg, struct http_request *req);

struct http_config {
  const char *address;  /* numeric IPv4 or IPv6, or "localhost"; NULL = 127.0.0.1 */
  uint16_t port;        /* 0 = any */
  const char *tls_cert; /* PEM chain; NULL = plain HTTP */
  const char *tls_key;  /* PEM */
  const char
      *csp; /* Content-Security-Policy of every answer; NULL = "default-src 'none'; frame-ancestors 'none'" */
  struct world *world;                                             /* clocks; NULL = world_real() */
  void (*answered)(void *arg, const struct http_answered *answer); /* may be NULL; gets the handler's arg */
  struct http_limits limits;
};

/* Listens at once. The detail names address, port or the file. Texts of config are copied. Raises the process's
 * soft limit of open files to what limits.connections needs; where the hard limit is lower, it takes fewer. */
enum err http_server_new(struct loop *l, const struct http_config *config, http_handler *handler, void *arg,
                         struct http_server **ret, struct err_detail *detail);
uint16_t http_server_port(const struct http_server *s);
/* Reads certificate and key again; on error the old ones stay. */
enum err http_server_reload_tls(struct http_server *s, struct err_detail *detail);
/* Stops listening, closes idle connections and streams, lets requests finish; after at most within_ms the
 * rest is cut. Then calls drained once; the server is still to be freed. */
void http_server_drain(struct http_server *s, int64_t within_ms, http_close_fn *drained, void *arg);
/* Cuts everything. Requests not answered yet stay valid and must still be answered (which then does
 * nothing but free them); their on_close and the streams' on_close are called. NULL-safe. */
void http_server_free(struct http_server *s);
/* Acts on every timeout that has passed by config.world's clock. Its own timer does this; tests that move
 * the clock call it. */
void http_server_expire(struct http_server *s);

struct http_stats {
  uint64_t connections;  /* open now */
  uint64_t accepted;     /* since the start, as all below */
  uint64_t refused;      /* 503 at the limit of connections */
  uint64_t requests;     /* handed to the handler */
  uint64_t bad_requests; /* answered by the server itself */
  uint64_t timeouts;
  uint64_t streams; /* open now */
  uint64_t bytes_in, bytes_out;
};
struct http_stats http_server_stats(const struct http_server *s);

/* 127.0.0.0/8, ::1 or "localhost": what may be served without TLS. */
bool http_address_is_loopback(const char *address);
