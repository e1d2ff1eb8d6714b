/* A value that is found consists of cookie bytes and lies inside the header. */
#include "base/err.h"
#include "fuzz/fuzz.h"
#include "http/http_cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str header = {(const char *)data, size};
  struct str value = http_cookie_find(header, STR("s"));
  if (!value.ptr) return 0;
  ASSERT(value.ptr >= header.ptr && value.len <= size - (size_t)(value.ptr - header.ptr));
  for (size_t i = 0; i < value.len; i++)
    ASSERT(value.ptr[i] > ' ' && value.ptr[i] <= '~' && value.ptr[i] != ';' && value.ptr[i] != '"');
  return 0;
}
