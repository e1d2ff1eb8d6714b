#!/bin/sh
# Lists the source files of one kind, sorted, one a line. Used by meson.build and by make.
cd "$(dirname "$0")/.." || exit 1
case "$1" in
  lib) find src executors -name '*.c' ! -name '*_test.c' ! -path src/main.c ! -path src/openapi_main.c 2>/dev/null ;;
  tests) find src executors tests/unit tests/sim -name '*_test.c' 2>/dev/null ;;
  test-support) find tests/support tests/sim -name "*.c" ! -name "*_test.c" 2>/dev/null ;;
  fuzz) find fuzz -name 'fuzz_*.c' 2>/dev/null ;;
  bench) find bench -name 'bench_*.c' 2>/dev/null ;;
  embed) find sql src/live/lua docs/impact.json -type f \( -name '*.lua' -o -name '*.sql' -o -name '*.json' \) 2>/dev/null ;;
  web) find web -type f ! -path '*/node_modules/*' ! -name '*.gen.ts' 2>/dev/null ;;
  c) find src executors tests fuzz bench -name "*.[ch]" ! -path "*/node_modules/*" 2>/dev/null ;;
  *) echo "usage: sources.sh lib|tests|test-support|fuzz|bench|embed|web|c" >&2; exit 2 ;;
esac | LC_ALL=C sort
