#!/bin/sh
# coverage.sh [--results FILE] [--tap] : checks docs/coverage.tsv, one row for each requirement id:
#   id <tab> done|partial|todo <tab> tests, separated by spaces <tab> note (what is missing, if partial)
# A test is written program/test, or program for all of its tests; a program is a unit test (loop_test), a
# corpus (fuzz_json_corpus) or a suite of tests/suites.txt. Every id must be there once, every test named must
# exist, done needs a test. With the results of a test run, the tests of a done row must have passed in it.
set -eu
cd "$(dirname "$0")/.."
results= tap=
while [ $# -gt 0 ]; do
  case $1 in
    --results) results=$2; shift ;;
    --tap) tap=1 ;;
    *) echo "usage: coverage.sh [--results FILE] [--tap]" >&2; exit 2 ;;
  esac
  shift
done
found=$(mktemp)
trap 'rm -f "$found"' EXIT

# What tests there are: program/test of each unit test, by the names of its static functions; programs.
tools/sources.sh tests | while read -r file; do
  name=${file##*/}
  name=${name%.c}
  echo "$name"
  sed -n 's/^static void \([A-Za-z0-9_]*\)(void \*\*.*/\1/p' "$file" | sed "s#^#$name/#"
  # EACH(name): one test of a function, on each kind of store.
  if grep -q 'static void name##_each(void \*\*' "$file"; then
    sed -n 's/^static void \([A-Za-z0-9_]*\)(\(struct worlds_fixture .*\)\{0,1\}$/\1_each/p' "$file" | sed "s#^#$name/#"
  fi
done >"$found"
tools/sources.sh fuzz | sed 's#.*/##; s#\.c$#_corpus#' >>"$found"
[ ! -f tests/suites.txt ] || grep -v -e '^#' -e '^[[:space:]]*$' tests/suites.txt | while read -r name rest; do
  echo "$name"
  # A suite's names are told apart only when it runs; here they must at least be written somewhere.
  awk -F'\t' -v suite="$name" 'NR > 1 { n = split($3, t, " "); for (i = 1; i <= n; i++) if (index(t[i], suite "/") == 1) print t[i] }' \
    docs/coverage.tsv | sort -u | while read -r test; do
    pattern=$(printf '%s' "${test#*/}" | sed 's/[].*^$\\[]/\\&/g; s/_/[_ ]/g')
    if grep -rqE --exclude-dir=node_modules -- "$pattern" tests bench; then echo "$test"; fi
  done
done >>"$found"

status=0
awk -F'\t' -v results="$results" '
  function complain(text) { printf "docs/coverage.tsv:%d: %s: %s\n", FNR, $1, text; bad++ }
  BEGIN {
    split("A 101 B 82 C 142 U 36 X 34", w, " ")
    for (i = 1; i in w; i += 2) last[w[i]] = w[i + 1]
  }
  FILENAME == results {
    state[$1 "/" $2] = $3
    programs[$1] = programs[$1] " " $3
    # A test of a contract suite is there once for each backend: named without it, all must have passed.
    plain = $2
    sub(/^(mem|sqlite|pg|embedded|redis|upstash)_/, "", $2)
    sub(/_\([0-9]+\)$/, "", $2)
    if ($2 != plain && (state[$1 "/" $2] == "" || $3 != "ok")) state[$1 "/" $2] = $3
    next
  }
  FILENAME != "docs/coverage.tsv" { exists[$0] = 1; next }
  FNR == 1 { next }
  {
    if (seen[$1]++) complain("twice")
    split($1, id, "-")
    if (!(id[1] in last) || id[2] !~ /^[1-9][0-9]*$/ || id[2] + 0 > last[id[1]]) complain("no such requirement")
    if ($2 != "done" && $2 != "partial" && $2 != "todo") complain("the state is done, partial or todo")
    count[$2]++
    n = split($3, tests, " ")
    if ($2 == "done" && n == 0) complain("done needs a test")
    for (i = 1; i <= n; i++) {
      t = tests[i]
      if (!(t in exists)) { complain("there is no test " t); continue }
      if (results == "" || $2 != "done") continue
      if (t ~ /\// && state[t] != "ok") complain(t " is done but " (state[t] == "" ? "did not run" : state[t]))
      if (t !~ /\// && (programs[t] !~ / ok/ || programs[t] ~ /failed|skipped/)) complain(t " is done but did not pass whole")
    }
  }
  END {
    for (l in last) for (i = 1; i <= last[l]; i++) if (!((l "-" i) in seen)) { print "docs/coverage.tsv: " l "-" i " is missing"; bad++ }
    printf "%d requirements: %d done, %d partial, %d todo\n", count["done"] + count["partial"] + count["todo"], count["done"], count["partial"], count["todo"]
    exit bad > 0
  }' "$found" ${results:+"$results"} docs/coverage.tsv || status=1
[ -z "$tap" ] || { if [ $status = 0 ]; then echo "ok coverage_is_true"; else echo "not ok coverage_is_true"; fi; }
exit $status
