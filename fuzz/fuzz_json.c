/* What parses is written by our writer and parses again to the same value. */
#include "base/json.h"
#include "base/limits.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  JSON_AUTO json_t *first = NULL;
  JSON_AUTO json_t *second = NULL;
  if (json_parse((struct str){(const char *)data, size}, &first, NULL) != ERR_OK) return 0;
  BUF_AUTO struct buf out = buf_new(LIMIT_HTTP_BODY_BYTES);
  struct json_writer w = jw_new(&out);
  jw_value(&w, first);
  if (buf_error(&out) != ERR_OK) return 0;
  struct err_detail detail = {};
  enum err e = json_parse(buf_str(&out), &second, &detail);
  ASSERT(e == ERR_OK);
  ASSERT(json_equal(first, second));
  return 0;
}
