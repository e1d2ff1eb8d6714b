#!/bin/sh
# fuzz.sh [TARGET…] : runs each fuzz target for FUZZ_SECONDS (60) with clang's libFuzzer, ASan and UBSan. New
# inputs that reach new code are kept in build-fuzz/corpus/; a crashing input is left in build-fuzz/found/.
# A finding worth keeping is copied to fuzz/corpus/TARGET/ by hand, with the fix.
set -eu
cd "$(dirname "$0")/.."
tools/packages.sh run lint
CC=clang tools/build.sh build-fuzz -Dfuzz=true -Dbuildtype=debugoptimized -Db_sanitize=address,undefined \
  -Db_lundef=false
[ $# -gt 0 ] || set -- $(tools/sources.sh fuzz | sed 's#.*/##; s#\.c$##')
status=0
for target in "$@"; do
  mkdir -p "build-fuzz/corpus/$target" build-fuzz/found "fuzz/corpus/$target"
  echo "== $target, ${FUZZ_SECONDS:-60} s"
  dictionary=; [ ! -f "fuzz/$target.dict" ] || dictionary="-dict=fuzz/$target.dict"
  if ! "build-fuzz/$target" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 $dictionary \
      -artifact_prefix="build-fuzz/found/$target-" "build-fuzz/corpus/$target" "fuzz/corpus/$target" \
      >"build-fuzz/$target.log" 2>&1; then
    cat "build-fuzz/$target.log"
    status=1
  fi
  tail -n 2 "build-fuzz/$target.log"
done
exit $status
