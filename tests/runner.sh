#!/bin/sh
# The runner's own test: what each kind of program output is counted as.
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# expect NAME SECONDS WANT SCRIPT: the script's results, as "test=state" in order.
expect() {
  tools/run-test.sh "$out" case "$2" sh -c "$4" >/dev/null
  got=$(awk -F'\t' '{ printf "%s%s=%s", (NR > 1 ? " " : ""), $2, $3 }' "$out/case.tsv")
  if [ "$got" = "$3" ]; then echo "ok $1"; else echo "not ok $1"; echo "  got  $got"; echo "  want $3"; fi
}

expect counts_cmocka 10 'a=ok b=failed c=skipped' \
  'echo "[ RUN      ] a"; echo "[       OK ] a"; echo "[ RUN      ] b"; echo "[  ERROR   ] --- x"; echo "[  FAILED  ] b"
   echo "[  SKIPPED ] c"; echo "[  FAILED  ] tests: 1 test(s), listed below:"; echo "[  FAILED  ] b"; exit 1'
expect counts_tap 10 'one=ok two_words=failed three=skipped' \
  'echo "ok 1 - one"; echo "not ok two words"; echo "ok three # SKIP no such thing"; exit 1'
expect a_crash_fails_the_open_test 10 'a=ok b=failed' \
  'echo "[ RUN      ] a"; echo "[       OK ] a"; echo "[ RUN      ] b"; exit 134'
expect a_bad_exit_after_passing_fails 10 'a=ok exited_with_1=failed' 'echo "ok a"; exit 1'
expect a_time_out_fails 1 'a=ok ended_within_1_seconds=failed' 'echo "ok a"; exec tail -f /dev/null'
expect silence_fails 10 'reported_a_test=failed' 'true'
expect a_failure_is_not_forgiven_by_a_later_pass 10 'a=failed' 'echo "not ok a"; echo "ok a"'
expect text_before_the_mark_does_not_hide_it 10 'a=ok' 'printf "no newline[       OK ] a\n"'

report() {
  printf "$1" >"$out/results.tsv"
  mkdir -p "$out/results"
  : >"$out/results/p.log"
  last=$(tools/test-report.sh "$out" | tail -n 1; )
  tools/test-report.sh "$out" >/dev/null && code=0 || code=1
  echo "$last/$code"
}
check() { if [ "$2" = "$3" ]; then echo "ok $1"; else echo "not ok $1"; echo "  got $2, want $3"; fi; }
check report_ends_with_the_counts "$(report 'p\ta\tok\np\tb\tok\n')" '2 passed, 0 failed/0'
check report_fails_when_one_failed "$(report 'p\ta\tok\np\tb\tfailed\n')" '1 passed, 1 failed/1'
check report_fails_when_nothing_ran "$(report '')" '0 passed, 0 failed/1'
