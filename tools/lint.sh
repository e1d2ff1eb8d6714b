#!/bin/sh
# lint.sh [CHECK…] : every rule of the house that a machine can judge. Runs them all, prints what fails, ends
# with a line for each. Checks: format layers banned sizes coverage web headers gcc clang.
set -u
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- format layers banned sizes coverage web headers gcc clang
JOBS=${JOBS:-$(nproc)}
export JOBS
tools/packages.sh run test lint || exit 1
mkdir -p build-lint

format() {
  tools/sources.sh c | xargs clang-format --dry-run -Werror 2>&1 | sed -n "s/^\([^:]*\):[0-9]*:[0-9]*: error:.*/\1 is not as make format leaves it/p" | sort -u |
    { ! grep . ; }
}
layers() { tools/sources.sh c | grep -E '^(src|executors)/' | xargs awk -f tools/lint-layers.awk tools/layers.txt; }
banned() { tools/sources.sh c | grep -E '^(src|executors|fuzz)/' | xargs awk -f tools/lint-banned.awk tools/banned.txt; }
sizes() { tools/sources.sh c | grep -E '^(src|executors)/' | xargs awk -f tools/lint-sizes.awk tools/size-budget.txt; }
coverage() { tools/coverage.sh; }
web() { tools/npm.sh web && tools/web-check.sh types format; }

# Both compilers build everything, tests and benchmarks too, with warnings as errors; gcc with optimisation,
# because some of its warnings need the flow analysis.
strict_build() {
  type=debug
  [ "$1" = clang ] || type=release
  KEEP_GOING=1 CC=$1 tools/build.sh "build-lint/$1" -Dwerror=true -Dtests=true -Dbenches=true -Dbuildtype=$type
}
gcc() { strict_build gcc; }
clang() { strict_build clang; }

# Each header compiles as the first line of a file, with the flags of the build.
headers() {
  for compiler in gcc clang; do
    [ -f build-lint/$compiler/compile_commands.json ] || strict_build $compiler || return 1
    flags=$(grep -m 1 '"command"' build-lint/$compiler/compile_commands.json | tr ' ' '\n' |
      grep -E '^-(I|W|f|std|pthread|D_)' | tr '\n' ' ')
    tools/sources.sh c | grep '\.h$' |
      (cd build-lint/$compiler && xargs -P "$JOBS" -I HEADER ../../tools/lint-header.sh HEADER "$compiler" $flags) || return 1
  done
}

status=0
for check in "$@"; do
  if $check >build-lint/$check.out 2>&1; then
    echo "ok     $check"
    case $check in sizes | coverage) sed 's/^/         /' build-lint/$check.out ;; esac
  else
    status=1
    echo "FAILED $check"
    sed 's/^/         /' build-lint/$check.out | head -n 60
  fi
done
exit $status
