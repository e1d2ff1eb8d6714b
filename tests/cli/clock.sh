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
check alert-not-before-three silent_on ALERT cat "$work/serve.log"
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
clock advance 2d >/dev/null
check dst-gap-fires-once-at-its-end is "$(s runs --job gap --json | jq -r .startedAt | tr '\n' ' ')" "2026-03-30T00:30:00.000Z 2026-03-29T01:00:00.000Z "
check timeout-ends-a-hanging-run is "$(s runs --job hang --json | jq -r '[.status, .exitCode] | join(" ")')" "timeout 124"
check timeout-ends-a-stubborn-run is "$(s runs --job stubborn --json | jq -r .status)" timeout
check timeout-at-its-instant is "$(s runs --job hang --json | jq -r .finishedAt)" "2026-03-28T13:01:00.000Z"
check audit-over-the-change exits 0 s audit
stop
check clock-no-sanitizer-report silent_on 'ERROR: (Address|Leak)Sanitizer|runtime error' cat "$work/serve.log"
