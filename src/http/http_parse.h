/* The head of one request: a pure, resumable function over a buffer (RFC 9112, read strictly).
 *
 * Refused with 400: bare CR or LF, control characters, folded lines, space before the colon, names
 * that are no tokens, a second Host, Content-Length or other header that must be single, a
 * Content-Length that is not digits only, a Transfer-Encoding other than exactly `chunked`, both of
 * them, Transfer-Encoding in HTTP/1.0, a missing or malformed Host in HTTP/1.1. One empty line
 * before the request line is skipped (RFC 9112 2.2).
 *
 * Feeding a head in pieces gives the same result as feeding it whole: errors are found in the order
 * of the bytes. */
#pragma once
#include "base/limits.h"
#include "http/http.h"

struct http_span { /* offsets, since the buffer may move while the head grows */
  uint32_t at, len;
};
struct http_field {
  struct http_span name, value;
};

struct http_head_limits {
  uint32_t head_bytes, url_bytes;
  uint32_t headers; /* at most LIMIT_HTTP_HEADERS */
  uint64_t body_bytes;
};

enum http_parsed { HTTP_PARSED_MORE, HTTP_PARSED_DONE, HTTP_PARSED_BAD };

struct http_head {
  /* valid when DONE */
  enum http_method method;
  bool is_http10, wants_close, expects_continue, is_chunked;
  uint64_t content_length; /* 0 when absent or chunked */
  struct http_span target, path, query, host;
  uint32_t bytes; /* of the head, with its empty line */
  /* valid when BAD */
  int status;
  const char *why;
  /* how far it is */
  uint32_t at, line_start, lines, seen;
  bool has_blank;
  uint32_t field_count;
  struct http_field fields[LIMIT_HTTP_HEADERS]; /* not initialised past field_count */
};

void http_head_init(struct http_head *h);
/* bytes: everything received of this request so far, beginning with its first byte; may lie
 * elsewhere in memory at each call, and may go past the head. MORE, DONE and BAD (then call no more). */
enum http_parsed http_head_parse(struct http_head *h, struct str bytes,
                                 const struct http_head_limits *limits);

static inline struct str http_span_str(const char *base, struct http_span span) {
  return (struct str){base + span.at, span.len};
}

/* RFC 9110 5.6.2; the whole text, not empty. */
bool http_is_token(struct str s);
