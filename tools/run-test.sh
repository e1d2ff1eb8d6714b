#!/bin/sh
# run-test.sh OUT NAME SECONDS COMMAND… : runs one test program, keeps its output in OUT/NAME.log and one line
# for each test it reported in OUT/NAME.tsv: program, test, ok | failed | skipped. Understands cmocka's output
# and TAP's ("ok NAME", "not ok NAME"). A crash, a leak, a time-out or silence is a failed test, too.
out=$1 name=$2 seconds=$3
shift 3
begin=$(date +%s)
timeout -k 10 "$seconds" "$@" >"$out/$name.log" 2>&1 </dev/null
status=$?
took=$(($(date +%s) - begin))
awk -v program="$name" -v status=$status -v seconds="$seconds" '
  function note(test, state) {
    gsub(/[[:space:]]+/, "_", test)
    if (test == "") test = "unnamed"
    if (!(test in result)) order[++n] = test
    if (result[test] != "failed") result[test] = state
    if (state == "failed") failures++
    open_test = ""
  }
  { sub(/\r$/, "") }
  match($0, /\[ RUN      \] /) { open_test = substr($0, RSTART + RLENGTH); next }
  match($0, /\[       OK \] /) { note(substr($0, RSTART + RLENGTH), "ok"); next }
  match($0, /\[  SKIPPED \] /) { t = substr($0, RSTART + RLENGTH); if (t !~ /^[0-9]+ test\(s\)/) note(t, "skipped"); next }
  match($0, /\[  FAILED  \] /) {
    t = substr($0, RSTART + RLENGTH); if (t !~ /^[0-9]+ test\(s\)/ && t !~ /^[^ ]+: [0-9]+ test\(s\)/) note(t, "failed"); next
  }
  /^(not )?ok( |$)/ {
    state = /^not/ ? "failed" : "ok"
    t = $0; sub(/^(not )?ok */, "", t); sub(/^[0-9]+ *(- *)?/, "", t)
    if (t ~ /# *(SKIP|skip)/) { state = "skipped"; sub(/ *# *(SKIP|skip).*/, "", t) }
    note(t, state)
  }
  END {
    if (open_test != "") note(open_test, "failed")
    if (status == 124 || status == 137) note("ended_within_" seconds "_seconds", "failed")
    else if (status != 0 && !failures) note("exited_with_" status, "failed")
    else if (n == 0) note("reported_a_test", "failed")
    for (i = 1; i <= n; i++) printf "%s\t%s\t%s\n", program, order[i], result[order[i]]
  }' "$out/$name.log" >"$out/$name.tsv"
printf '%s\t%s\n' "$took" "$name" >"$out/$name.seconds"
if grep -q 'failed$' "$out/$name.tsv"; then mark=FAILED; else mark=ok; fi
printf '%-6s %-36s %4s tests %4s s\n' "$mark" "$name" "$(grep -c . <"$out/$name.tsv")" "$took"
exit 0
