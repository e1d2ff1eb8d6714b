/* A connection's bytes, parsed whole and in two pieces (the first byte says where it is cut): the same outcome,
 * and every offset inside the head. */
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "http/http_chunk.h"
#include "http/http_parse.h"

#define BODY_BYTES 256

static const struct http_head_limits limits = {.head_bytes = 4096,
                                               .url_bytes = 512,
                                               .headers = 20,
                                               .body_bytes = BODY_BYTES};

struct outcome {
  enum http_parsed head, body;
  int status;
  uint32_t head_bytes;
  size_t body_bytes, used;
};

static void check_span(const struct http_head *h, struct http_span span) {
  ASSERT(span.at <= h->bytes && span.len <= h->bytes - span.at);
}

static void check_head(const struct http_head *h, size_t size) {
  ASSERT(h->bytes <= size && h->bytes <= limits.head_bytes + 2);
  ASSERT(h->field_count <= limits.headers && h->content_length <= limits.body_bytes);
  ASSERT(!(h->is_chunked && h->content_length > 0) && !(h->is_http10 && h->is_chunked));
  ASSERT(h->is_http10 || h->host.len > 0);
  check_span(h, h->target);
  check_span(h, h->path);
  check_span(h, h->query);
  check_span(h, h->host);
  for (uint32_t i = 0; i < h->field_count; i++) {
    check_span(h, h->fields[i].name);
    check_span(h, h->fields[i].value);
    ASSERT(h->fields[i].name.len > 0);
  }
}

/* Pieces are exact copies, so that a read past their end is seen. */
static char *copy_of(struct str s) {
  char *copy = malloc(s.len ? s.len : 1);
  ASSERT(copy);
  if (s.len) memcpy(copy, s.ptr, s.len);
  return copy;
}

static void parse_body(struct outcome *o, struct str bytes, size_t cut) {
  struct http_chunks chunks = {};
  BUF_AUTO struct buf body = buf_new(BODY_BYTES);
  struct str pieces[2] = {{bytes.ptr, cut < bytes.len ? cut : bytes.len}, str_from(bytes, cut)};
  o->body = HTTP_PARSED_MORE;
  for (int i = 0; i < 2 && o->body == HTTP_PARSED_MORE; i++) {
    char *copy = copy_of(pieces[i]);
    size_t used = 0;
    o->body = http_chunks_feed(&chunks, (struct str){copy, pieces[i].len}, &body, &used);
    o->used += used;
    free(copy);
  }
  if (o->body == HTTP_PARSED_BAD) o->status = chunks.status, o->used = 0;
  o->body_bytes = body.len;
  ASSERT(buf_error(&body) == ERR_OK);
}

static struct outcome parse(struct str bytes, size_t cut) {
  struct http_head head;
  struct outcome o = {};
  http_head_init(&head);
  size_t ends[2] = {cut < bytes.len ? cut : bytes.len, bytes.len};
  o.head = HTTP_PARSED_MORE;
  for (int i = 0; i < 2 && o.head == HTTP_PARSED_MORE; i++) {
    char *copy = copy_of((struct str){bytes.ptr, ends[i]});
    o.head = http_head_parse(&head, (struct str){copy, ends[i]}, &limits);
    free(copy);
  }
  if (o.head == HTTP_PARSED_BAD) o.status = head.status;
  if (o.head != HTTP_PARSED_DONE) return o;
  check_head(&head, bytes.len);
  o.head_bytes = head.bytes;
  if (head.is_chunked) parse_body(&o, str_from(bytes, head.bytes), cut);
  return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  struct str bytes = {(const char *)data + 1, size - 1};
  struct outcome whole = parse(bytes, SIZE_MAX), cut = parse(bytes, data[0]);
  ASSERT(whole.head == cut.head && whole.status == cut.status && whole.head_bytes == cut.head_bytes);
  ASSERT(whole.body == cut.body && whole.body_bytes == cut.body_bytes && whole.used == cut.used);
  return 0;
}
