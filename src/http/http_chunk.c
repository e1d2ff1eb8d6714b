#include "http/http_chunk.h"

#define SIZE_DIGITS_MAX 16

enum {
  SIZE,
  EXTENSION,
  SIZE_LF,
  DATA,
  DATA_CR,
  DATA_LF,
  TRAILER,
  TRAILER_NAME,
  TRAILER_VALUE,
  TRAILER_LF,
  END_LF,
  DONE
};

static enum http_parsed bad(struct http_chunks *c, int status, const char *why) {
  c->status = status;
  c->why = why;
  return HTTP_PARSED_BAD;
}

static int hex_value(char ch) {
  if (ch >= '0' && ch <= '9') return ch - '0';
  char lower = (char)(ch | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool is_text(char ch) { return ch == '\t' || ((unsigned char)ch >= 0x20 && ch != 0x7f); }

static enum http_parsed feed_size(struct http_chunks *c, char ch, const struct buf *body) {
  int digit = hex_value(ch);
  if (digit >= 0) {
    if (c->digits++ == SIZE_DIGITS_MAX) return bad(c, 400, "a chunk size has too many digits");
    c->left = c->left << 4 | (uint64_t)digit; /* cannot overflow: it was at most body->max */
    if (c->left > body->max - body->len) return bad(c, 413, "the body is too long");
    return HTTP_PARSED_MORE;
  }
  if (c->digits == 0 || (ch != '\r' && ch != ';')) return bad(c, 400, "a chunk size is not hex digits only");
  c->state = ch == '\r' ? SIZE_LF : EXTENSION;
  return HTTP_PARSED_MORE;
}

static enum http_parsed feed_extension(struct http_chunks *c, char ch) {
  if (ch == '\r') {
    c->state = SIZE_LF;
    return HTTP_PARSED_MORE;
  }
  if (!is_text(ch)) return bad(c, 400, "a control character in a chunk extension");
  if (++c->extension_bytes > LIMIT_HTTP_CHUNK_EXTENSION_BYTES)
    return bad(c, 400, "the chunk extensions are too long");
  return HTTP_PARSED_MORE;
}

static enum http_parsed feed_trailer(struct http_chunks *c, char ch) {
  if (++c->trailer_bytes > LIMIT_HTTP_TRAILER_BYTES) return bad(c, 431, "the trailers are too long");
  switch (c->state) {
    case TRAILER:
      if (ch == '\r') {
        c->state = END_LF;
        return HTTP_PARSED_MORE;
      }
      c->state = TRAILER_NAME;
      return http_is_token((struct str){&ch, 1}) ? HTTP_PARSED_MORE : bad(c, 400, "a trailer is malformed");
    case TRAILER_NAME:
      if (ch == ':') c->state = TRAILER_VALUE;
      else if (!http_is_token((struct str){&ch, 1})) return bad(c, 400, "a trailer is malformed");
      return HTTP_PARSED_MORE;
    default:
      if (ch == '\r') c->state = TRAILER_LF;
      else if (!is_text(ch)) return bad(c, 400, "a control character in a trailer");
      return HTTP_PARSED_MORE;
  }
}

/* The line ends: only this one byte may stand here. */
static enum http_parsed feed_end(struct http_chunks *c, char ch) {
  char want = c->state == DATA_CR ? '\r' : '\n';
  if (ch != want) return bad(c, 400, "a chunk or its size does not end in CR LF");
  switch (c->state) {
    case SIZE_LF: c->state = c->left > 0 ? DATA : TRAILER; break;
    case DATA_CR: c->state = DATA_LF; break;
    case DATA_LF:
      c->digits = 0;
      c->state = SIZE;
      break;
    case TRAILER_LF: c->state = TRAILER; break;
    default: c->state = DONE; return HTTP_PARSED_DONE;
  }
  return HTTP_PARSED_MORE;
}

static size_t take_data(struct http_chunks *c, struct str in, struct buf *body) {
  size_t n = in.len < c->left ? in.len : (size_t)c->left;
  buf_add(body, in.ptr, n);
  c->left -= n;
  if (c->left == 0) c->state = DATA_CR;
  return n;
}

static enum http_parsed feed_byte(struct http_chunks *c, char ch, const struct buf *body) {
  switch (c->state) {
    case SIZE: return feed_size(c, ch, body);
    case EXTENSION: return feed_extension(c, ch);
    case TRAILER:
    case TRAILER_NAME:
    case TRAILER_VALUE: return feed_trailer(c, ch);
    default: return feed_end(c, ch);
  }
}

enum http_parsed http_chunks_feed(struct http_chunks *c, struct str in, struct buf *body, size_t *ret_used) {
  ASSERT(c->state != DONE && c->status == 0);
  for (size_t i = 0; i < in.len;) {
    if (c->state == DATA) {
      i += take_data(c, str_from(in, i), body);
      continue;
    }
    enum http_parsed got = feed_byte(c, in.ptr[i++], body);
    if (got == HTTP_PARSED_BAD) return got;
    if (got == HTTP_PARSED_DONE) {
      *ret_used = i;
      return got;
    }
  }
  *ret_used = in.len;
  return HTTP_PARSED_MORE;
}
