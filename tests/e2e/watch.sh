#!/usr/bin/env bash
# The main job, for real: a crontab is imported, its jobs run for minutes while serve is killed ten times
# and the warden once; then an independent witness and `sereno audit` must find every due instant once.
# WATCH_SECONDS (default 150) is how long it runs. Prints ok/not ok lines.
. "$(dirname "$0")/lib.sh"
seconds=${WATCH_SECONDS:-150}
jobs=$work/jobs.tsv lines=$work/lines behave=$work/behave.sh
: >"$lines"

# What a job does is told by its kind. Each first tells the witness that it has started.
cat >"$behave" <<'B'
#!/bin/sh
# behave.sh NAME KIND
echo "$SERENO_RUN_ID ${SERENO_RUN_DUE:--} $SERENO_RUN_ATTEMPT $1" >>"$WITNESS_FILE"
case $2 in
  ok) echo "start of $1"; echo "end of $1" ;;
  slow) echo "start of $1"; sleep 2; echo "end of $1" ;;
  fail) echo "it went wrong" >&2; exit 3 ;;
  hang) echo "hanging"; sleep 1000 ;;
  flood) head -c 20000000 /dev/zero | tr '\0' 'x' | fold -w 99; echo "end of $1" ;;
  daemon) setsid sh -c 'sleep 500 & sleep 500' >/dev/null 2>&1 & echo "end of $1" ;;
  stubborn) trap '' TERM INT HUP; echo "I ignore TERM"; while :; do sleep 1; done ;;
  stdin) read -r line; test "$line" = "hello from the crontab" && echo "end of $1" ;;
esac
B
chmod +x "$behave"

cat >"$work/crontab" <<C
# The crontab of a small server
SHELL=/bin/sh
PATH=/usr/local/bin:/usr/bin:/bin
MAILTO=ops@example.org
WITNESS_FILE=$lines
GREETING="two words"

# every minute, plainly
* * * * * $behave every-minute ok
*/1 * * * * $behave every-one slow
0-59 * * * * $behave by-range ok
0-59/1 * * * * $behave by-stepped-range ok
*/2 * * * * $behave even ok
1-59/2 * * * * $behave odd ok
*/3 * * * * $behave thirds ok
* * * * 0-7 $behave by-weekday ok
* * 1-31 * * $behave by-day ok
* * * jan-dec * $behave by-month ok
* * * * sun,mon,tue,wed,thu,fri,sat $behave by-names ok
* 0-23 * * * $behave by-hours ok
# things that go wrong
* * * * * $behave fails fail
* * * * * $behave hangs hang
* * * * * $behave floods flood
* * * * * $behave forks daemon
* * * * * $behave stubborn stubborn
# percent signs: the rest is the command's input
* * * * * $behave reads stdin%hello from the crontab%and more
* * * * * test "\$GREETING" = "two words" && $behave greets ok
CRON_TZ=America/New_York
* * * * * $behave new-york ok
*/2 * * * * $behave new-york-even ok
CRON_TZ=Asia/Kolkata
*/5 * * * * $behave kolkata ok
0 3 * * * $behave nightly ok
C
# name, schedule, zone, kind: the witness reads this, never our answers
sed -n "s#^\([^ ]* [^ ]* [^ ]* [^ ]* [^ ]*\) .*$behave \([a-z-]*\) \([a-z]*\).*#\2\t\1\t\3#p; s#^CRON_TZ=\(.*\)#tz\t\1#p" "$work/crontab" |
  awk -F'\t' -v OFS='\t' 'BEGIN { tz = "Europe/Madrid" } $1 == "tz" { tz = $2; next } { print $1, $2, tz, $3 }' >"$jobs"

mkdir -p "$data" && chmod 700 "$data"
printf '[executors]\nshell = true\n' >"$data/sereno.ini"
chmod 600 "$data/sereno.ini"
start_serve || exit 1
export SERENO_TOKEN=$(token)
check "settings are widened" api PATCH /api/cron/settings '{"maxConcurrentJobs":200}'
lines_of_crontab=$(grep -c "$behave" "$work/crontab")
check "a crontab of $lines_of_crontab jobs is imported" "$sereno" import crontab "$work/crontab"
# jobs by the second, so that minutes are enough for hundreds of instants
for i in 1 2 3 4 5 6 7 8; do
  printf 'second-%s\t%s\tUTC\tok\n' "$i" "$i-59/5 * * * * *" >>"$jobs"
  api POST /api/cron/jobs "$(jq -nc --arg n "second-$i" --arg s "$i-59/5 * * * * *" --arg c "$behave second-$i ok" --arg w "$lines" \
    '{name:$n,schedule:$s,command:"shell",timezone:"UTC",params:{command:$c,env:{WITNESS_FILE:$w,PATH:"/usr/bin:/bin"}}}')" >/dev/null || { echo "not ok second-$i is created"; failed=1; }
done
names=$(api GET '/api/cron/jobs?limit=200' | jq -r '.data[].name')
job_of() { grep -x -- ".*$1.*" <<<"$names" | head -n 1; }
# the crontab's names are made by the importer: the witness needs ours
while IFS=$'\t' read -r name _; do
  id=$(api GET '/api/cron/jobs?limit=200' | jq -r --arg n "$name" '.data[] | select((.params.command // "") | test("behave.sh " + $n + " ")) | .id' | head -n 1)
  [ -n "$id" ] || { echo "not ok $name is found after the import"; failed=1; continue; }
  patch=$(jq -nc --arg n "$name" '{name:$n}')
  case $name in hangs|stubborn) patch=$(jq -nc --arg n "$name" '{name:$n,timeout:5,maxRuntime:8}') ;; fails) patch=$(jq -nc --arg n "$name" '{name:$n,retries:1,retryDelay:2}') ;; esac
  api PATCH "/api/cron/jobs/$id" "$patch" >/dev/null || { echo "not ok $name is renamed"; failed=1; }
done <"$jobs"
from=$(now_ms)

running_rows() { sql "SELECT count(*) FROM \"CronExecution\" WHERE \"status\" = 'running'"; }
kills=0 warden_kills=
end=$((from + seconds * 1000))
warden_at=$((from + seconds * 500))
next=$((from + 4000))
while [ "$(now_ms)" -lt "$end" ]; do
  sleep 0.2
  if [ "$kills" -lt 10 ] && [ "$(now_ms)" -ge "$next" ]; then
    kill_serve; kills=$((kills + 1))
    begin=$(now_ms); start_serve || exit 1
    say "serve killed ($kills), ready again after $(($(now_ms) - begin)) ms"
    next=$(($(now_ms) + (seconds * 1000 - 8000) / 11 + RANDOM % 700))
  fi
  # while something runs, so that there is something to lose and to clean up
  if [ -z "$warden_kills" ] && [ "$(now_ms)" -ge "$warden_at" ] && [ "$(running_rows)" -gt 0 ]; then
    w=$(warden_pid); warden_kills=$(now_ms); kill -9 "$w"; say "warden $w killed"
  fi
done
check "serve was killed ten times and the warden once" test "$kills" = 10 -a -n "$warden_kills"
check "every job is paused" api POST /api/cron/pause '{"all":true}'
to=$(now_ms)
for i in $(seq 1 150); do
  sleep 0.2
  [ "$(sql "SELECT count(*) FROM \"CronExecution\" WHERE \"status\" IN ('running','queued')")" = 0 ] && break
done
witness() { node "$top/tests/e2e/witness.mjs" --jobs "$jobs" --lines "${2:-$lines}" --db "${1:-$data/sereno.db}" --from "$from" --to "$to" --warden-kills "$warden_kills"; }
check "no row says running" test "$(running_rows)" = 0
check "only what ran when the warden was killed is lost" test "$(sql "SELECT count(*) FROM \"CronExecution\" WHERE \"status\" = 'lost' AND NOT ((julianday(\"startedAt\") - 2440587.5) * 86400000 <= $warden_kills AND \"reason\" IS NOT NULL)")" = 0
check "no process is left over" test -z "$(leftovers)"
check "the witness finds each due instant once" witness
witness | tail -n 1 | sed 's/^/# /'
check "audit is clean" "$sereno" audit
"$sereno" audit | tail -n 3 | sed 's/^/# /'
stop_serve

# Planted faults: each must turn the witness and audit red. Every one on a copy of its own.
plant() { # plant NAME SQL [extra line for the witness]
  local copy=$work/planted-$1; rm -rf "$copy"; mkdir -m 700 "$copy"
  cp "$data"/sereno.db* "$data"/sereno.ini "$data"/admin.token "$copy"/
  sqlite3 "$copy/sereno.db" "$2" || { echo "not ok $1 is planted"; failed=1; return; }
  cp "$lines" "$copy/lines"; [ -n "${3:-}" ] && echo "$3" >>"$copy/lines"
  check "witness sees $1" bash -c "! node '$top/tests/e2e/witness.mjs' --jobs '$jobs' --lines '$copy/lines' --db '$copy/sereno.db' --from $from --to $to --warden-kills $warden_kills"
  check "audit sees $1" bash -c "! '$sereno' audit --data '$copy'"
}
victim=$(sqlite3 -separator ' ' "$data/sereno.db" "SELECT o.\"job\", o.\"dueAt\" FROM \"CronOccurrence\" o JOIN \"CronJob\" j ON j.\"no\" = o.\"job\" WHERE j.\"name\" = 'second-3' AND o.\"state\" = 1 ORDER BY o.\"dueAt\" LIMIT 1 OFFSET 7")
v_job=${victim% *} v_due=${victim#* }
plant deleted-row "DELETE FROM \"CronOccurrence\" WHERE \"job\" = $v_job AND \"dueAt\" = $v_due"
plant moved-due "UPDATE \"CronOccurrence\" SET \"dueAt\" = \"dueAt\" + 1000 WHERE \"job\" = $v_job AND \"dueAt\" = $v_due"
v_text=$(date -u -d "@$((v_due / 1000))" +%Y-%m-%dT%H:%M:%S.000Z)
v_line=$(grep " $v_text 1 second-3\$" "$lines" || grep " ${v_text%.000Z}Z 1 second-3\$" "$lines")
plant doubled-start "INSERT INTO \"CronExecution\" (\"id\",\"jobId\",\"status\",\"startedAt\",\"finishedAt\",\"triggeredBy\",\"attempt\",\"dueAt\") SELECT 'c000000000000000000000001', \"jobId\",\"status\",\"startedAt\",\"finishedAt\",'schedule',2,\"dueAt\" FROM \"CronExecution\" WHERE \"jobId\" = (SELECT \"id\" FROM \"CronJob\" WHERE \"no\" = $v_job) AND \"dueAt\" = '$v_text' LIMIT 1" "$v_line"
exit $failed
