#!/bin/bash
# What needs time to pass, with the test clock: alerts, ENABLE_CRON_JOBS, DST, catching up, restarts.
. "$(dirname "$0")/lib.sh"
export SERENO_EXECUTORS_SHELL=true

fresh() { stop; rm -rf "$SERENO_DATA"; : >"$work/serve.log"; }
runs_of() { s runs --job "$1" --limit 1000 --json | jq -r .status | sort | uniq -c | tr -s ' \n' ' '; }

# ---- alerts and the log
start_clock 2026-11-01T00:00:00Z || { echo "not ok clock-server-starts"; failed=1; exit 1; }
echo "ok clock-server-starts"
check clock-now is "$(clock now)" "ok 2026-11-01T00:00:00.000Z"
s jobs add broken --schedule '0 * * * *' --shell 'exit 1' --retries 1 --retryDelay 60 >/dev/null
s jobs add fine --schedule '30 * * * *' --shell true >/dev/null
check clock-advances is "$(clock advance 2h30m)" "ok 2026-11-01T02:30:00.000Z"
check alert-not-before-three silent_on "ALERT: broken" cat "$work/serve.log"
clock advance 1h >/dev/null
check alert-at-three is "$(grep -c '"level":"critical".*"msg":"🚨 ALERT: broken failed 3 times consecutively!"' "$work/serve.log")" 1
clock advance 3h >/dev/null
check alert-only-once is "$(grep -c "ALERT: broken" "$work/serve.log")" 1
check retries-are-attempts is "$(s runs --job broken --limit 1000 --json | jq -r '[.triggeredBy, .attempt] | join(" ")' | sort | uniq -c | tr -s ' \n' ' ')" " 6 retry 2 6 schedule 1 "
check fine-ran is "$(runs_of fine)" " 7 success "
check every-log-line-is-json is "$(jq -c 'select(has("ts") and has("level") and has("component") and has("msg") | not)' "$work/serve.log" 2>&1)" ""
check audit-after-hours exits 0 s audit
check set-back-is-a-clock-jump says '^ok 2026-11-01T06:00' clock set 2026-11-01T06:00:00Z
clock advance 40m >/dev/null
check set-back-doubles-nothing is "$(s runs --job fine --limit 1000 --json | jq -r .dueAt | sort | uniq -d)" ""
check clock-refuses-nonsense says '^error' clock fly

# ---- a restart in between
stop
start --test-clock "$work/clock"
check clock-goes-on-after-restart is "$(clock now)" "ok 2026-11-01T06:40:00.000Z"
clock advance 1h >/dev/null
check runs-go-on-after-restart is "$(s audit --json | jq -c '[.ok, .pending]')" "[true,0]"

# ---- disabling holds over a restart; downtime is caught up by policy
fresh
start_clock 2026-11-01T00:00:00Z
for p in last none all; do s jobs add "sync-$p" --schedule '*/5 * * * *' --misfirePolicy $p --shell true >/dev/null; done
s jobs add idle --schedule '*/10 * * * *' --isActive false --shell true >/dev/null
s jobs add held --schedule '*/10 * * * *' --shell true >/dev/null
s jobs disable held >/dev/null
stop
start --test-clock "$work/clock"
check disabled-over-a-restart is "$(s jobs show held --json | jq -c '[.isActive, .nextRunAt]')" "[false,null]"
clock advance 2h >/dev/null
check disabled-does-not-run is "$(runs_of held)$(runs_of idle)" ""
s jobs enable held >/dev/null
clock advance 10m >/dev/null
check enabled-runs-at-its-next-time is "$(s runs --job held --json | jq -r .dueAt)" "2026-11-01T02:10:00.000Z"
check nothing-of-the-past-runs-when-enabled is "$(runs_of held)" " 1 success "
check initialize-then-schedule-then-run is "$(jq -r .msg "$work/serve.log" | grep -nE '^(initialize: jobs|scheduling|Sync-last job started)' | sort -t: -k2,2 -u | sort -n | cut -d: -f2 | tr '\n' ,)" \
  "initialize,scheduling,Sync-last job started,"
before=$(s runs --job sync-last --limit 1000 --json | wc -l)
stop
echo 2026-11-01T04:12:00.000Z >"$SERENO_DATA/test-marker" # two hours later
start --test-clock "$work/clock"
clock advance 1m >/dev/null
check two-hours-down-run-once is $(($(s runs --job sync-last --limit 1000 --json | wc -l) - before)) 1
check that-run-is-a-catch-up is "$(s runs --job sync-last --json --limit 1 | jq -r '[.triggeredBy, .dueAt] | join(" ")')" "catchup 2026-11-01T04:10:00.000Z"
check policy-none-runs-nothing-late is $(($(s runs --job sync-none --limit 1000 --json | wc -l) - before)) 0
check policy-all-runs-an-hour-of-it test $(($(s runs --job sync-all --limit 1000 --json | wc -l) - before)) -ge 12
check missed-ones-are-on-record test "$(s audit --json | jq .missed)" -ge 23
check audit-after-downtime exits 0 s audit

# ---- ENABLE_CRON_JOBS
fresh
ENABLE_CRON_JOBS=false start_clock 2026-11-01T00:00:00Z
s jobs add tick --schedule '*/10 * * * *' --shell 'echo did it' >/dev/null
clock advance 2h >/dev/null
check off-starts-nothing is "$(runs_of tick)" ""
check off-manual-runs-work says 'did it' s run tick
check off-is-explained says 'off|ENABLE_CRON_JOBS' s why tick
check off-has-no-next is "$(s jobs show tick --json | jq -c .nextRunAt)" null
fresh
ENABLE_CRON_JOBS=0 start_clock 2026-11-01T00:00:00Z
s jobs add tick --schedule '*/10 * * * *' --shell true >/dev/null
clock advance 1h >/dev/null
check look-alike-does-not-turn-off is "$(runs_of tick)" " 6 success "
check look-alike-is-warned-of grep -q 'ENABLE_CRON_JOBS is \\"0\\"' "$work/serve.log"
fresh
printf 'ENABLE_CRON_JOBS="false"\n' >.env
start_clock 2026-11-01T00:00:00Z
check dotenv-is-read says 'cron.enabled +false +\.env' s config --explain
stop
ENABLE_CRON_JOBS=true start --test-clock "$work/clock"
check environment-wins-over-dotenv says 'cron.enabled +true +env' s config --explain
rm .env

# ---- DST and limits
fresh
start_clock 2026-03-28T12:00:00Z
s jobs add gap --schedule '30 2 * * *' --timezone Europe/Madrid --shell true >/dev/null
s jobs add hang --schedule '0 13 28 3 *' --timezone UTC --shell 'sleep 1000' --timeout 60 >/dev/null
s jobs add stubborn --schedule '0 13 28 3 *' --timezone UTC --shell 'trap "" TERM; while :; do sleep 1; done' --timeout 60 >/dev/null
s jobs add walled --schedule '0 13 28 3 *' --timezone UTC --shell 'trap "" TERM; while :; do sleep 1; done' --timeout 2 --maxRuntime 4 >/dev/null
clock advance 2d >/dev/null
check grace-ends-with-kill is "$(s runs --job stubborn --json | jq -r .finishedAt)" "2026-03-28T13:01:10.000Z"
check max-runtime-is-a-hard-wall is "$(s runs --job walled --json | jq -r '[.status, .finishedAt] | join(" ")')" "timeout 2026-03-28T13:00:04.000Z"
check dst-gap-fires-once-at-its-end is "$(s runs --job gap --json | jq -r .startedAt | tr '\n' ' ')" "2026-03-30T00:30:00.000Z 2026-03-29T01:00:00.000Z "
check timeout-ends-a-hanging-run is "$(s runs --job hang --json | jq -r '[.status, .exitCode] | join(" ")')" "timeout 124"
check timeout-ends-a-stubborn-run is "$(s runs --job stubborn --json | jq -r .status)" timeout
check timeout-at-its-instant is "$(s runs --job hang --json | jq -r .finishedAt)" "2026-03-28T13:01:00.000Z"
check audit-over-the-change exits 0 s audit
stop
check clock-no-sanitizer-report silent_on 'ERROR: (Address|Leak)Sanitizer|runtime error' cat "$work/serve.log"
