#!/bin/bash
# What happens to runs when serve, its warden, or both are killed or stopped in the middle.
. "$(dirname "$0")/lib.sh"
export SERENO_EXECUTORS_SHELL=true SERENO_WARDEN_IDLE_EXIT_SECONDS=5

die() { kill -9 "$server"; wait "$server" 2>/dev/null; server=; }
warden() { # its process id
  local p
  for p in /proc/[0-9]*; do
    { tr '\0' '\n' <"$p/cmdline" | head -n 2 | grep -qx warden && tr '\0' '\n' <"$p/cmdline" | grep -qxF "$SERENO_DATA"; } 2>/dev/null && echo "${p#/proc/}" && return
  done
}
begin() { # begin JOB: starts it, prints the execution's id
  local id
  id=$(s run "$1" --no-wait)
  for i in $(seq 1 100); do [ "$(s runs show "$id" --json | jq -r .status)" = running ] && break; pause 0.05; done
  echo "$id"
}
ended() { # ended ID: waits, prints how it ended
  for i in $(seq 1 200); do
    case $(s runs show "$1" --json | jq -r .status) in running | queued) pause 0.1 ;; *) break ;; esac
  done
  s runs show "$1" --json | jq -r '[.status, .reason, .attempt] | join(" ")'
}

start || { echo "not ok crash-server-starts"; failed=1; exit 1; }
s jobs add long --schedule '0 3 * * *' --shell 'for i in 1 2 3 4 5 6 7 8; do echo "line $i"; sleep 0.9; done; echo end' >/dev/null
s jobs add lasting --schedule '0 3 * * *' --shell 'sleep 300' >/dev/null
s jobs add quick --schedule '0 3 * * *' --shell 'echo end' >/dev/null
s jobs add again --schedule '0 3 * * *' --onCrash retry --retryDelay 1 --retries 3 --shell 'echo "attempt $SERENO_RUN_ATTEMPT"; [ "$SERENO_RUN_ATTEMPT" != 1 ] || sleep 300' >/dev/null

check second-server-is-refused says 'another sereno uses this data folder' "$sereno" serve --port 0

id=$(begin long)
die
start
check run-lives-over-kill-of-serve is "$(s runs show "$id" --json | jq -r .status)" running
check run-ends-well-after-kill-of-serve is "$(ended "$id")" "success success 1"
check output-is-whole-after-kill-of-serve is "$(s runs show "$id" --json | jq -r .output | tr '\n' ' ')" "line 1 line 2 line 3 line 4 line 5 line 6 line 7 line 8 end  "

id=$(begin long)
begun=$(date +%s)
stop
check stop-does-not-wait-for-runs test $(($(date +%s) - begun)) -le 3
pause 8
start
check run-ended-while-the-server-was-down is "$(ended "$id")" "success success 1"
check its-bill-is-on-record is "$(s runs show "$id" --json | jq -r '[.peakMemoryBytes > 0, .duration > 2000, .billSource != null] | join(" ")')" "true true true"

id=$(begin lasting)
kill -9 "$(warden)"
check run-is-lost-with-its-warden is "$(ended "$id")" "lost lost 1"
check a-new-warden-takes-over says '^end$' s run quick
check no-process-is-left-over is "$(grep -lzs "SERENO_RUN_ID=$id" /proc/[0-9]*/environ 2>/dev/null | wc -l)" 0

id=$(begin again)
kill -9 "$(warden)"
check lost-run-is-on-record is "$(ended "$id")" "lost lost 1"
for i in $(seq 1 100); do [ "$(s runs --job again --json | jq -r .status | head -n 1)" = success ] && break; pause 0.1; done
check on-crash-retry-runs-again is "$(s runs --job again --json | jq -r '[.attempt, .status, .triggeredBy] | join(" ")' | tr '\n' ';')" "2 success retry;1 lost manual;"

id=$(begin lasting)
kill -9 "$(warden)" "$server"
wait "$server" 2>/dev/null
start
check run-is-lost-with-both is "$(ended "$id")" "lost lost 1"
check health-is-good-again exits 0 s doctor --json
check nothing-says-running is "$(s runs --status running,queued --json)" ""
check audit-after-crashes exits 0 s audit

# A warden that was told to end waits for its runs, and new ones wait for it: that is no good health.
id=$(begin lasting)
kill -TERM "$(warden)"
waiting=$(s run quick --no-wait)
for i in $(seq 1 50); do s doctor >"$work/doctor" 2>&1; grep -q 'told to end' "$work/doctor" && break; pause 0.1; done
check a-draining-warden-shows-in-health says 'told to end' cat "$work/doctor"
s runs cancel "$id" >/dev/null
check what-waited-for-it-runs is "$(ended "$waiting")" "success success 1"
check health-is-good-after-draining exits 0 s doctor

for i in 1 2 3 4 5 6 7 8 9 10; do s jobs add "often-$i" --schedule '@every 1s' --command selftest >/dev/null; done
for i in 1 2 3; do
  pause "2.$i"
  kill -TERM "$server"
  wait "$server"
  check "stop-under-load-is-clean-$i" is $? 0
  start
done
check audit-after-stops exits 0 s audit
stop
check crash-no-sanitizer-report silent_on 'ERROR: (Address|Leak)Sanitizer|runtime error' cat "$work/serve.log"

# ---- TLS
if openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem -subj /CN=127.0.0.1 -addext 'subjectAltName=IP:127.0.0.1' 2>/dev/null; then
  : >"$work/serve.log"
  SERENO_CA_FILE=$work/cert.pem start --tls-cert "$work/cert.pem" --tls-key "$work/key.pem"
  check tls-serves-the-command-line says '^often-1 ' env SERENO_CA_FILE="$work/cert.pem" "$sereno" jobs list
  check tls-unknown-authority-is-refused exits 4 s jobs list
  check tls-link-is-https says '^https://127.0.0.1:' env SERENO_CA_FILE="$work/cert.pem" "$sereno" user login-link
  kill -HUP "$server"
  pause 0.3
  check tls-certificate-is-read-again grep -q '"msg":"reloaded"' "$work/serve.log"
  stop
fi

# ---- an upgrade: the next server is another build, whose warden has a journal of its own
if [ -x "${SERENO_RELEASE_BIN:-}" ]; then
  start
  pause 3
  stop
  sereno=$SERENO_RELEASE_BIN
  : >"$work/serve.log"
  start
  pause 2
  check upgrade-has-another-journal grep -q '"initialize: recovery".*"sameBoot":false' "$work/serve.log"
  check upgrade-loses-no-run is "$(s runs --status lost --json --limit 1000 | jq -r 'select(.jobName | startswith("often")) | .id')" ""
  check audit-after-upgrade exits 0 s audit
  stop
fi
