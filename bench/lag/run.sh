#!/usr/bin/env bash
# run.sh [burst|rate|idle|lag|million…] : a whole server (release build, embedded store) beside bare loops of the
# same moment. Nothing is asserted. Wants bench_lag and build/sereno built (make bench). LAG_ROUNDS (5) rounds,
# LAG_SECONDS (25) of lags, IDLE_SECONDS (60), RATE_SLOTS (64: the wait for commits is hidden; with 8 it is not).
# Server and bare loop take turns every ten seconds, so that what
# else the machine does meets both; a ratio is that of two neighbours, and medians of them are shown.
. "$(dirname "$0")/../../tests/e2e/lib.sh"
lag=${SERENO_BENCH_BUILD:-$top/build-bench}/bench_lag
rounds=${LAG_ROUNDS:-5} lag_seconds=${LAG_SECONDS:-25} idle_seconds=${IDLE_SECONDS:-60} slots=${RATE_SLOTS:-64}
parts=${*:-burst rate idle lag million}
noop=$work/noop
[ -x "$lag" ] && [ -x "$sereno" ] || { echo "bench_lag or sereno is not built: run make bench" >&2; exit 1; }
cp /bin/true "$noop"

wants() { [[ " $parts " == *" $1 "* ]]; }
pause() { read -rt "$1" <> <(:) || true; }
now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); } # without a process, which would disturb
iso() { date -u -d "@$(($1 / 1000))" +%Y-%m-%dT%H:%M:%S.$(printf %03d $(($1 % 1000)))Z; }
mib() { awk -v n="$1" '$1 == n ":" { printf "%.1f", $2 / 1024 }' "/proc/$serve_pid/status"; }
ticks() { # CPU of processes and the children they have waited for, in hundredths of a second
  local p sum=0
  for p in "$@"; do sum=$((sum + $(sed 's/.*) //' "/proc/$p/stat" | awk '{ print $12 + $13 + $14 + $15 }'))); done
  echo "$sum"
}
percentile() { sort -n | awk -v p="$1" '{ v[NR] = $1 } END { i = int((NR - 1) * p + 0.5) + 1; print v[i] }'; }
median() { percentile 0.5; }
sleep_until() { local ms=$(($1 - $(now_ms))); [ "$ms" -le 0 ] || pause "$((ms / 1000)).$(printf %03d $((ms % 1000)))"; }
next_slot() { echo $((($(now_ms) + 1500) / 20000 * 20000 + 20000 + $1)); } # the next :00, :20 or :40, and $1 ms

end_server() {
  [ -z "$serve_pid" ] || stop_serve
  local w; w=$(warden_pid); [ -z "$w" ] || kill -9 "$w"
}
fresh() { # COUNT PREFIX SCHEDULE: a folder with these jobs, and the server stopped
  end_server
  rm -rf "$data"
  mkdir -p "$data/executors" && chmod 700 "$data" "$data/executors"
  cp "$noop" "$data/executors/noop"
  start_serve || exit 1
  api PATCH /api/cron/settings '{"maxConcurrentJobs":1000,"timezone":"UTC"}' >/dev/null || exit 1
  stop_serve
  "$lag" jobs "$data" "$1" "$2" noop "$3" || exit 1
}

# ---- 1,000 jobs due on one second ----
ended_of() { sql "SELECT count(*) FROM CronExecution WHERE dueAt = '$1' AND finishedAt IS NOT NULL"; }
await_rows() { # DUE_MS: milliseconds from it until all 1,000 rows are on disk, by one process that looks on
  local due n=0; due=$(iso "$1")
  coproc LOOK { sqlite3 -batch -cmd '.timeout 5000' "file:$data/sereno.db?mode=ro"; }
  sleep_until $(($1 + 200))
  while [ "$n" != 1000 ] && [ $((${EPOCHREALTIME/[.,]/} / 1000)) -lt $(($1 + 9500)) ]; do
    echo "SELECT count(*) FROM CronExecution WHERE dueAt = '$due' AND finishedAt IS NOT NULL;" >&"${LOOK[1]}"
    read -r n <&"${LOOK[0]}"
    pause 0.05
  done
  echo $(($(now_ms) - $1))
  kill "$LOOK_PID" 2>/dev/null; wait "$LOOK_PID" 2>/dev/null
}
last_start() { sql "SELECT CAST(round((julianday(max(startedAt)) - julianday('$(iso "$1")')) * 86400000) AS INTEGER) FROM CronExecution WHERE dueAt = '$(iso "$1")' AND startedAt IS NOT NULL"; }
herd() { # NAME: lines "server_ms durable_ms cpu  bare_ms bare_ended_ms cpu" to $work/NAME
  local i due before after ended bare w
  : >"$work/$1"
  for i in $(seq "$rounds"); do
    due=$(next_slot 0); sleep_until $((due - 2500))
    w=$(warden_pid)
    before=$(ticks "$serve_pid" "$w")
    ended=$(await_rows "$due")
    after=$(ticks "$serve_pid" "$w")
    [ "$(ended_of "$(iso "$due")")" = 1000 ] || echo "round $i: not all rows after $ended ms"
    if [ "$1" = burst ]; then bare=$("$lag" burst 1000 "$noop" $((due + 10000)))
    else sleep_until $((due + 10000)); bare=$("$lag" loop 1000 "$noop"); bare="0 $bare"; fi
    echo "$(last_start "$due") $ended $((after - before)) $bare" >>"$work/$1"
  done
}
show_burst() {
  awk '{ printf "| last start, ms | %d | %.0f | %.2f | <= 1.15 |\n", $1, $4 / 1000, $1 * 1000 / $4 }' "$work/burst"
  echo "| **median** | $(awk '{ print $1 }' "$work/burst" | median) | $(awk '{ print int($4 / 1000) }' "$work/burst" | median) | **$(awk '{ printf "%.2f\n", $1 * 1000 / $4 }' "$work/burst" | median)** | <= 1.15 |"
  echo "| all rows durable / all ended, ms | $(awk '{ print $2 }' "$work/burst" | median) | $(awk '{ print int($5 / 1000) }' "$work/burst" | median) | $(awk '{ printf "%.2f\n", $2 * 1000 / $5 }' "$work/burst" | median) | |"
  echo "| CPU seconds, children included | $(awk '{ printf "%.2f\n", $3 / 100 }' "$work/burst" | median) | $(awk '{ printf "%.2f\n", $6 / 1e6 }' "$work/burst" | median) | | |"
}
show_rate() {
  echo "| jobs/s from the due second to the last durable row | $(awk '{ printf "%.0f\n", 1e6 / $2 }' "$work/rate" | median) | $(awk '{ printf "%.0f\n", 1e9 / $5 }' "$work/rate" | median) | **$(awk '{ printf "%.2f\n", $5 / 1000 / $2 }' "$work/rate" | median)** | >= 0.85 |"
  echo "| of the rounds | | | $(awk '{ printf "%.2f ", $5 / 1000 / $2 }' "$work/rate") | |"
  echo "| CPU seconds, children included | $(awk '{ printf "%.2f\n", $3 / 100 }' "$work/rate" | median) | $(awk '{ printf "%.2f\n", $6 / 1e6 }' "$work/rate" | median) | | |"
}
table() { printf '\n## %s\n\n| what | sereno | bare | ratio | goal |\n|---|---|---|---|---|\n' "$1"; }

if wants burst || wants rate; then
  fresh 1000 herd '0,20,40 * * * * *'
  start_serve || exit 1
fi
if wants burst; then
  table "1,000 processes due on one second, maxConcurrentJobs 1,000, beside a timer and 1,000 posix_spawn"
  herd burst
  show_burst
fi
if wants rate; then
  table "1,000 processes due at once, started, recorded, $slots at a time, beside posix_spawn and wait in turn"
  api PATCH /api/cron/settings "{\"maxConcurrentJobs\":$slots}" >/dev/null || exit 1
  herd rate
  show_rate
fi

# ---- idle, and how late a single job starts ----
loaded() { # starts the server: "COUNT jobs: …"
  local since; since=$(now_ms)
  start_serve || exit 1
  echo "| $1 jobs: start to ready, s | $(awk -v ms=$(($(now_ms) - since)) 'BEGIN { printf "%.2f", ms / 1000 }') | $2 |"
  echo "| CPU seconds of it | $(awk -v t="$(ticks "$serve_pid")" 'BEGIN { printf "%.2f", t / 100 }') | |"
}
idle() { # GOAL
  pause 3
  local before; before=$(ticks "$serve_pid")
  pause "$idle_seconds"
  echo "| resident, MiB | $(mib VmRSS) (peak $(mib VmHWM)) | $1 |"
  echo "| CPU seconds in $idle_seconds s idle | $(awk -v t=$(($(ticks "$serve_pid") - before)) 'BEGIN { printf "%.2f", t / 100 }') | <= 0.01 |"
}
lags() { # TITLE: ten jobs each second, a tenth apart; the bare loop fires in the middle between two
  local i at w from; at=$((($(now_ms) / 1000 + 3) * 1000))
  for i in 0 1 2 3 4 5 6 7 8 9; do
    api POST /api/cron/jobs "$(jq -nc --arg n "lag-$i" --arg s "$(iso $((at + i * 100)))" \
      '{name:$n, schedule:"@every 1s", command:"noop", startAt:$s}')" >/dev/null || exit 1
  done
  sleep_until $((at + 2000))
  w=$(warden_pid)
  from=$(wc -c <"$data/warden/"*.journal)
  "$lag" wakes $((lag_seconds * 10)) "$noop" $((at + 4050)) 100 >"$work/bare"
  cp "$data/warden/"*.journal "$work/journal"
  "$lag" lags "$work/journal" | tail -n +31 >"$work/ours" # the first seconds warm up
  local a b c d
  a=$(percentile 0.5 <"$work/ours") b=$(percentile 0.99 <"$work/ours")
  c=$(percentile 0.5 <"$work/bare") d=$(percentile 0.99 <"$work/bare")
  echo "| $1: p50, us | $a | $c | $(awk -v x="$a" -v y="$c" 'BEGIN { printf "%.2f", x / y }') | |"
  echo "| $1: p99, us ($(wc -l <"$work/ours") / $(wc -l <"$work/bare")) | $b | $d | **$(awk -v x="$b" -v y="$d" 'BEGIN { printf "%.2f", x / y }')** | <= 2 |"
}
table_idle() { printf '\n## %s\n\n| what | sereno | goal |\n|---|---|---|\n' "$1"; }

if wants lag; then
  table "From the due instant to the reading just before vfork, ten single jobs a second, beside timer and vfork"
  fresh 1 far '0 3 1 1 *'
  start_serve || exit 1
  lags "alone"
fi
if wants idle; then
  table_idle "100,000 jobs"
  fresh 100000 far '0 3 1 1 *'
  loaded 100,000 "<= 0.5"
  idle "<= 30"
  if wants lag; then
    table "The same with 100,000 other jobs"
    lags "100,000 others"
  fi
fi
if wants million; then
  table_idle "1,000,000 jobs"
  fresh 1000000 far '0 3 1 1 *'
  loaded 1,000,000 ""
  idle "<= 250"
fi
end_server
