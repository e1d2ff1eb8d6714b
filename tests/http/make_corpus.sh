#!/bin/sh
# Writes the rows of raw_requests.def as seeds for the fuzz targets: build-fuzz/corpus/fuzz_http (the raw bytes
# after one byte that says where to cut) and build-fuzz/corpus/fuzz_url (the targets of the request lines).
# Usage: tests/http/make_corpus.sh, at the top of the checkout. Needs a C compiler.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/make.c" <<'C'
#include <stdio.h>
#include <string.h>
struct row { int line; const char *bytes; size_t size; };
static const struct row rows[] = {
#define RAW(bytes, want) {__LINE__, bytes, sizeof(bytes) - 1},
#include "tests/http/raw_requests.def"
};
static void write_file(const char *folder, int line, const void *bytes, size_t n, int cut) {
  char path[256];
  snprintf(path, sizeof path, "build-fuzz/corpus/%s/row_%03d", folder, line);
  FILE *out = fopen(path, "w");
  if (!out) return;
  if (cut >= 0) fputc(cut, out);
  fwrite(bytes, 1, n, out);
  fclose(out);
}
int main(void) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct row *r = &rows[i];
    write_file("fuzz_http", r->line, r->bytes, r->size, (int)(r->size / 2 % 256));
    const char *from = memchr(r->bytes, ' ', r->size), *to = from ? strchr(from + 1, ' ') : NULL;
    if (to && to - from > 2) write_file("fuzz_url", r->line, from + 1, (size_t)(to - from - 1), -1);
  }
  return 0;
}
C
mkdir -p build-fuzz/corpus/fuzz_http build-fuzz/corpus/fuzz_url
${CC:-cc} -std=gnu2x -I. -o "$work/make" "$work/make.c"
"$work/make"
