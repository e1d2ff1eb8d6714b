#!/bin/sh
# bench.sh [REGEX] : runs the benchmark programs (release build) and bench/*/run.sh one after the other and
# writes what they print, as Markdown, to build/bench.md with the machine it ran on.
set -eu
cd "$(dirname "$0")/.."
only=${1:-}
tools/packages.sh run test
tools/npm.sh
tools/build.sh build
tools/build.sh build-bench -Dbenches=true
export SERENO_BIN="$PWD/build/sereno" SERENO_SOURCE="$PWD" SERENO_BENCH_BUILD="$PWD/build-bench"
status=0
{
  echo "# Benchmarks"
  echo
  echo "- commit $(git rev-parse --short HEAD 2>/dev/null || echo none), $(date -u +%Y-%m-%dT%H:%M:%SZ)"
  echo "- $(nproc) cores, $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), Linux $(uname -r), $(cc --version | head -n 1)"
} >build/bench.md
one() {
  if ! echo "$1" | grep -Eq -- "${only:-.}"; then return; fi
  echo "== $1" >&2
  title=$1
  shift
  { printf '\n# %s\n\n' "$title"; "$@" || { status=1; echo; echo "FAILED: $*"; }; } >>build/bench.md
}
for program in $(tools/sources.sh bench | sed 's#.*/##; s#\.c$##'); do one "$program" "build-bench/$program"; done
for script in bench/*/run.sh; do [ ! -x "$script" ] || one "$script" "$script"; done
cat build/bench.md
exit $status
