#!/usr/bin/env bash
# SIGKILLs of serve at random moments under load (KILLS, default 200): no slot lost, none doubled, no row
# stuck, ready again within 2 s each time; judged by the witness. Prints ok/not ok lines.
. "$(dirname "$0")/lib.sh"
rounds=${KILLS:-200}
jobs=$work/jobs.tsv lines=$work/lines
: >"$lines"; : >"$jobs"
mkdir -p "$data" && chmod 700 "$data"
printf '[executors]\nshell = true\n' >"$data/sereno.ini"; chmod 600 "$data/sereno.ini"
start_serve || exit 1
export SERENO_TOKEN=$(token)
api PATCH /api/cron/settings '{"maxConcurrentJobs":200,"keepExecutions":1000000}' >/dev/null || exit 1
for i in $(seq 1 20); do
  schedule="$((i % 2))-59/2 * * * * *"
  printf 'load-%s\t%s\tUTC\tok\n' "$i" "$schedule" >>"$jobs"
  api POST /api/cron/jobs "$(jq -nc --arg n "load-$i" --arg s "$schedule" --arg w "$lines" \
    --arg c 'echo "$SERENO_RUN_ID $SERENO_RUN_DUE $SERENO_RUN_ATTEMPT load-'"$i"'" >>"$WITNESS_FILE"; echo "end of load-'"$i"'"' \
    '{name:$n,schedule:$s,command:"shell",timezone:"UTC",misfirePolicy:"all",catchUpMax:1000,params:{command:$c,env:{WITNESS_FILE:$w,PATH:"/usr/bin:/bin"}}}')" >/dev/null || exit 1
done
from=$(now_ms)
slowest=0 done_=0
for i in $(seq 1 "$rounds"); do
  read -rt "0.$((RANDOM % 800 + 100))" <> <(:) || true
  kill_serve
  begin=$(now_ms); start_serve || break
  took=$(($(now_ms) - begin)); [ "$took" -gt "$slowest" ] && slowest=$took
  done_=$i
done
check "serve was killed $rounds times" test "$done_" = "$rounds"
check "recovery took at most 2 s (slowest: $slowest ms)" test "$slowest" -le 2000
sleep 3
check "every job is paused" api POST /api/cron/pause '{"all":true}'
to=$(now_ms)
for i in $(seq 1 100); do
  sleep 0.2
  [ "$(sql "SELECT count(*) FROM \"CronExecution\" WHERE \"status\" IN ('running','queued')")" = 0 ] && break
done
witness() { node "$top/tests/e2e/witness.mjs" --jobs "$jobs" --lines "$lines" --db "$data/sereno.db" --from "$from" --to "$to"; }
check "no slot lost, none doubled, no row stuck" witness
witness | tail -n 1 | sed 's/^/# /'
check "no run is lost" test "$(sql "SELECT count(*) FROM \"CronExecution\" WHERE \"status\" = 'lost'")" = 0
check "audit is clean" "$sereno" audit
exit $failed
