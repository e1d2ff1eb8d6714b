#!/bin/sh
# test.sh [REGEX] : runs every unit test (a process each), then every suite of tests/suites.txt, two at a time, those that
# measure alone, all built with ASan and UBSan in build-test/. Prints the output of what failed and ends with
# "N passed, N failed". With REGEX only the programs whose names match.
set -eu
cd "$(dirname "$0")/.."
only=${1:-}
dir=build-test
JOBS=${JOBS:-$(nproc)}
export JOBS

tools/packages.sh run test
tools/npm.sh
tools/build.sh $dir -Dtests=true -Dbuildtype=debugoptimized -Db_sanitize=address,undefined
# Some suites measure or drive the binary people get.
tools/build.sh build

rm -rf $dir/results
mkdir -p $dir/results
export ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:${UBSAN_OPTIONS:-}"
export SERENO_BIN="$PWD/$dir/sereno" SERENO_RELEASE_BIN="$PWD/build/sereno" SERENO_SOURCE="$PWD"
export SERENO_TEST_OUT="$PWD/$dir/results"

matching() { grep -E -- "${only:-.}" || true; }
tools/sources.sh tests | sed 's#.*/##; s#\.c$##' | matching |
  xargs -P 2 -I NAME tools/run-test.sh $dir/results NAME 600 $dir/NAME
tools/sources.sh fuzz | sed 's#.*/##; s#\.c$##' | matching |
  xargs -P 2 -I NAME tools/run-test.sh $dir/results NAME_corpus 600 $dir/NAME_corpus fuzz/corpus/NAME
# Suites wait for clocks, processes and pages most of the time: two at once, each with servers and folders of its own.
suites() { # is_alone
  grep -v -e '^#' -e '^[[:space:]]*$' tests/suites.txt |
    awk -v only="${only:-.}" -v is_alone="$1" '$1 ~ only && sub(/!$/, "", $2) == is_alone'
}
suites 0 | tr '\n' '\0' | xargs -0 -r -P 2 -I LINE sh -c 'read -r name seconds command <<END
LINE
END
  exec tools/run-test.sh "$0" "$name" "$seconds" sh -c "$command" </dev/null' $dir/results
suites 1 | while read -r name seconds command; do
  tools/run-test.sh $dir/results "$name" "$seconds" sh -c "$command" </dev/null
done

cat $dir/results/*.tsv >$dir/results.tsv 2>/dev/null || : >$dir/results.tsv
if [ -z "$only" ] && [ -f docs/coverage.tsv ]; then
  tools/run-test.sh $dir/results coverage 60 tools/coverage.sh --results $dir/results.tsv --tap
  cat $dir/results/coverage.tsv >>$dir/results.tsv
fi
tools/test-report.sh $dir
