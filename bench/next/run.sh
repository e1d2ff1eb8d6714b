#!/bin/sh
# run.sh : next-run computation beside croner, cron-parser and node-cron, in one run: geometric means in million
# nexts a second, and how many times as fast. Wants bench_next built (make bench).
set -eu
cd "$(dirname "$0")/../.."
export SERENO_SOURCE="$PWD"
program=${SERENO_BENCH_BUILD:-build-bench}/bench_next
[ -x "$program" ] || { echo "$program is not built: run make bench" >&2; exit 1; }
tools/npm.sh
out=$(mktemp)
trap 'rm -f "$out"' EXIT
"$program" --tsv >"$out"
node bench/next/peers.mjs >>"$out"
awk -F '\t' '
  function mean(lib, ids, col,   n, parts, i, sum, m) {
    n = split(ids, parts, " "); sum = 0; m = 0
    for (i = 1; i <= n; i++) if ((v = ns[lib, parts[i], col]) > 0) { sum += log(v); m++ }
    return m ? 1000 / exp(sum / m) : 0
  }
  { if (!($1 in seen)) { seen[$1] = 1; order[++libs] = $1 }
    ns[$1, $2, 1] = $3 + 0; ns[$1, $2, 2] = $4 + 0
    if ($3 != "-") { answered[$1]++; if ($3 + 0 > worst[$1]) worst[$1] = $3 + 0; if ($4 + 0 > worst[$1]) worst[$1] = $4 + 0 } }
  END {
    simple = "01 02 03 04 12"; zoned = "05 07 08 09 10 17 18"
    print "## Next run beside the npm libraries\n"
    print "Million nexts a second (one from each of 32 instants / one of 100 in a row), geometric means.\n"
    print "| library | answers | plain UTC | with zones | worst, us | sereno is |"
    print "|---|---|---|---|---|---|"
    for (i = 1; i <= libs; i++) { l = order[i]
      printf "| %s | %d/20 | %.3f / %.3f | %.3f / %.3f | %.2f | %.0fx / %.0fx |\n", l, answered[l], mean(l, simple, 1), mean(l, simple, 2), mean(l, zoned, 1), mean(l, zoned, 2), worst[l] / 1000, mean(order[1], simple, 2) / mean(l, simple, 2), mean(order[1], zoned, 2) / mean(l, zoned, 2) }
  }' "$out"
