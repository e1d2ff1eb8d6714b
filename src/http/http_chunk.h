/* The chunked coding (RFC 9112 7.1), decoded strictly and in pieces. Sizes are hex digits only;
 * extensions and trailers are checked for their bytes, bounded, and dropped. Pure. */
#pragma once
#include "base/buf.h"
#include "http/http_parse.h"

#define LIMIT_HTTP_CHUNK_EXTENSION_BYTES 1024 /* of one body: nobody sends any, and they cost us time */
#define LIMIT_HTTP_TRAILER_BYTES 4096         /* of one body */

struct http_chunks {
  int state;
  uint64_t left; /* bytes of the chunk still to come */
  unsigned digits;
  unsigned extension_bytes, trailer_bytes;
  /* valid when BAD */
  int status;
  const char *why;
};

/* Decodes on from `in`, appending to *body (whose max is the limit of the body). MORE: all of `in` was used;
 * DONE: *ret_used bytes of it were; BAD: status and why. A buffer error of *body is left to the caller to
 * see when it is not ERR_LIMIT (413). */
enum http_parsed http_chunks_feed(struct http_chunks *c, struct str in, struct buf *body, size_t *ret_used);
