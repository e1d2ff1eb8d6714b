#!/bin/sh
# test-report.sh DIR : shows the full output of each program that failed, then what was skipped, then the
# counts of DIR/results.tsv as the last line. Exit 1 when a test failed or none ran.
dir=$1
for program in $(awk -F'\t' '$3 == "failed" { print $1 }' "$dir/results.tsv" | sort -u); do
  printf '\n=== %s ===\n' "$program"
  cat "$dir/results/$program.log"
done
awk -F'\t' '
  BEGIN { ok = f = 0 }
  $3 == "skipped" { skipped = skipped " " $1 "/" $2 }
  $3 == "failed" { failed[++f] = $1 "/" $2 }
  $3 == "ok" { ok++ }
  END {
    if (skipped != "") print "\nskipped:" skipped
    if (f) print "\nfailed:"
    for (i = 1; i <= f; i++) print "  " failed[i]
    printf "%d passed, %d failed\n", ok, f
    exit f > 0 || ok == 0
  }' "$dir/results.tsv"
