/* Prints the OpenAPI document: a program of the build, from which the web UI's types are made. */
#include <stdio.h>

#include "api/route.h"
#include "base/json.h"

#define OPENAPI_BYTES_MAX (4UL * 1024 * 1024)

int main(void) {
  BUF_AUTO struct buf out = buf_new(OPENAPI_BYTES_MAX);
  struct json_writer w = jw_new(&out);
  openapi_write(&w, "");
  if (buf_error(&out)) return 1;
  return fwrite(out.ptr, 1, out.len, stdout) == out.len && fflush(stdout) == 0 ? 0 : 1;
}
