#!/bin/bash
# The command line against a real server: verbs, exit codes, errors that name the field, tables and JSON.
. "$(dirname "$0")/lib.sh"

# ---- without a server
check cli-help-lists-every-verb says 'import +import a crontab' s help
check cli-version says '^sereno [0-9]+\.[0-9]+' s version
check cli-unknown-verb-is-usage exits 2 s nonsense
check cli-unknown-flag-is-usage exits 2 s jobs list --nonsense
check cli-no-server-is-refused exits 4 s jobs list --url http://127.0.0.1:1
check cli-no-server-is-explained says 'no answer from http://127.0.0.1:1' s jobs list --url http://127.0.0.1:1
check cli-completion-bash bash -c '"$0" completion bash | bash -n' "$sereno"
check cli-config-explains-without-server says 'http.port +3000 +default' s config --explain
check cli-config-names-bad-values says 'http.port.*number from 0 to 65535' env SERENO_HTTP_PORT=x "$sereno" config --explain
check cli-doctor-without-server-fails exits 1 s doctor
check serve-refuses-bad-flag exits 2 s serve --port x
check serve-refuses-unknown-flag exits 2 s serve --nonsense
check serve-refuses-open-address says 'reachable from elsewhere' s serve --port 0 --address 0.0.0.0
check serve-refuses-test-clock-on-real-folder says 'not marked as a test folder' s serve --port 0 --test-clock "$work/c"

mkdir -m 700 "$work/corrupt" && echo 'this is no database' >"$work/corrupt/sereno.db" && chmod 600 "$work/corrupt/sereno.db"
check serve-refuses-a-corrupt-database says 'not a database' "$sereno" serve --port 0 --data "$work/corrupt"
check serve-names-a-bad-line says '"field":"http.prot".*sereno.ini' bash -c 'printf "[http]\nprot = 1\n" >"$1/sereno.ini"; "$0" serve --data "$1"' "$sereno" "$work/corrupt"

# ---- a server
printf '[executors]\nshell = true\n' >"$SERENO_DATA/sereno.ini"
start || { echo "not ok cli-server-starts"; failed=1; exit 1; }
echo "ok cli-server-starts"
check serve-data-is-closed is "$(stat -c %a "$SERENO_DATA" "$SERENO_DATA/admin.token" | tr '\n' ' ')" "700 600 "
check serve-prints-address-and-login-link grep -qE '^Log in .*/#login=' "$work/serve.out"
check serve-logs-in-order is "$(grep -oE 'settings loaded|executors registered|jobs loaded|scheduler has started' "$work/serve.log" | tr '\n' ,)" \
  "settings loaded,executors registered,jobs loaded,scheduler has started,"
check serve-port-in-use says 'Address already in use' "$sereno" serve --data "$work/other" --port "$(cat "$work/port")"
check serve-port-in-use-leaks-nothing silent_on Sanitizer cat "$work/said"
check config-shows-origin says 'executors.shell +true +file' s config --explain
check config-shows-settings says 'settings.timezone +Europe/Madrid +default' s config --explain
check doctor-finds-nothing-wrong exits 0 s doctor

check jobs-add says 'good: saved, version 1' s jobs add good --schedule '0 3 * * *' --shell 'echo hello; echo there'
check jobs-add-conflict exits 5 s jobs add good --schedule '0 3 * * *' --shell true
check jobs-add-names-schedule says 'schedule, column [0-9]+: .*75' s jobs add x --schedule '75 * * * *' --shell true
check jobs-add-names-zone says 'timezone: ' s jobs add x --schedule '0 3 * * *' --timezone Europe/Madird --shell true
check jobs-add-names-executor says 'command: there is no executor "nope"' s jobs add x --schedule '0 3 * * *' --command nope
check jobs-add-names-parameter says 'params.comand' s jobs add x --schedule '0 3 * * *' --command shell --params '{"comand":"x"}'
check jobs-add-bad-json exits 2 s jobs add x --params '{'
check jobs-add-bad-number says '--priority must be a whole number' s jobs add x --priority high
check jobs-add-out-of-range says 'priority' s jobs add x --schedule '0 3 * * *' --shell true --priority 11
check jobs-add-not-utf8 says 'the name must be UTF-8' s jobs add $'x\xff' --schedule '0 3 * * *' --shell true
check jobs-add-field-not-utf8 says 'description must be UTF-8' s jobs add x --schedule '0 3 * * *' --shell true --description $'\xff'
check jobs-add-name-with-slash says 'name, column 2: name must not hold a slash' s jobs add a/b --schedule '0 3 * * *' --shell true
check jobs-add-name-with-newline says 'must not hold a control character' s jobs add $'a\n* * * * * b' --schedule '0 3 * * *' --shell true
check jobs-add-name-like-an-id says 'must not look like an id' s jobs add "$(s jobs show good --json | jq -r .id)" --schedule '0 3 * * *' --shell true
check jobs-help-lists-choices says 'overlapPolicy .*: skip \| queue \| replace' s jobs add --help
elsewhere=$(sed 's/127\.0\.0\.1/127.1/' "$SERENO_DATA/url") # the same server by a name that is not the folder's
check cli-the-folders-token-goes-to-no-other-server says 'no token for http://127\.1:' s jobs list --url "$elsewhere"
check cli-a-folder-chosen-by-hand-goes-anywhere s jobs list --url "$elsewhere" --data "$SERENO_DATA"
check jobs-list-without-answer-prints-no-table is "$(s jobs list --url http://127.0.0.1:1 2>/dev/null)" ""
check runs-list-without-answer-prints-no-table is "$(s runs --job nope 2>/dev/null)" ""
check jobs-show-unknown exits 3 s jobs show nope
check jobs-show says '^schedule +0 3 \* \* \*' s jobs show good
check jobs-edit says 'version 2' s jobs edit good --schedule '30 4 * * *' --priority 2
check jobs-edit-kept is "$(s jobs show good --json | jq -r '[.schedule, .priority, .params.command] | join("|")')" '30 4 * * *|2|echo hello; echo there'
check jobs-list says '^good +30 4 ' s jobs list
s jobs add gone --schedule '@at 2020-01-01T00:00' --shell true >/dev/null
check jobs-list-tells-what-is-never-due says '^gone .* never due ' s jobs list
s jobs rm gone >/dev/null
check jobs-disable says 'good: disabled' s jobs disable good
check jobs-disabled-has-no-next is "$(s jobs show good --json | jq -c '[.isActive, .nextRunAt]')" '[false,null]'
check jobs-enable says 'good: enabled' s jobs enable good
check jobs-executors says '^shell +builtin +yes' s jobs executors

check run-prints-output says '^there$' s run good
check run-exits-zero exits 0 s run good
check run-json is "$(s run good --json | jq -r '[.status, .triggeredBy, .exitCode, .output] | @json')" '["success","manual",0,"hello\nthere\n"]'
check run-unknown-is-not-found exits 3 s run nope
s jobs add bad --schedule '0 3 * * *' --shell 'echo oops; exit 9' >/dev/null
check run-failure-exits-one exits 1 s run bad
check run-failure-says-why says 'exit code 9: oops' s run bad
check run-stops-at-first-failure exits 1 s run good bad good
check run-sequence-in-order is "$(s runs --json --limit 2 | jq -r .jobName | tr '\n' ' ')" "bad good "
s jobs add killed --schedule '0 3 * * *' --shell 'kill -SEGV $$' >/dev/null
check run-signal-is-128-and-n is "$(s run killed --json | jq -r '[.status, .exitCode, .signal] | join(" ")')" "failed 139 11"
s jobs add loud --schedule '0 3 * * *' --shell 'yes | head -c 5000000; echo the last line' >/dev/null
check run-long-output-is-cut-and-says-so is "$(s run loud --json | jq -r '[.outputTruncated, .outputBytes, (.output | length < 65537), (.output | endswith("the last line\n"))] | join(" ")')" "true 5000014 true true"
s jobs add slow --schedule '0 3 * * *' --shell 'echo begun; sleep 30' >/dev/null
check run-wait-times-out exits 124 s run slow --wait 1
s jobs add busy --schedule '0 3 * * *' --shell 'sleep 30' >/dev/null
s run busy --no-wait >/dev/null
check run-of-a-running-job-is-a-conflict exits 5 s run busy
check run-of-a-running-job-is-explained says 'busy: skipped .*it runs already' s run busy
s jobs rm busy >/dev/null
check runs-shows-running says 'running' s runs --job slow
check logs-of-a-running-run says '^begun$' s logs slow
id=$(s runs --job slow --json | jq -r .id | head -n 1)
check runs-cancel exits 0 s runs cancel "$id"
for i in $(seq 1 100); do [ "$(s runs show "$id" --json | jq -r .status)" = running ] || break; pause 0.1; done
check runs-cancelled is "$(s runs show "$id" --json | jq -r '[.status, .reason] | join(" ")')" "cancelled cancelled"
check runs-cancel-ended-is-conflict exits 5 s runs cancel "$id"
check runs-show-unknown exits 3 s runs show c0000000000000000000000zz
s jobs add skip --schedule '0 3 * * *' --shell 'exit 77' >/dev/null
check run-skipped-is-fine exits 0 s run skip
s jobs add input --schedule '0 3 * * *' --command shell --params '{"command":"read a; echo got $a in $PWD $FOO","stdin":"lines\n","cwd":"/tmp","env":{"FOO":"bar"}}' >/dev/null
check run-gives-stdin-folder-and-environment says '^got lines in /tmp bar$' s run input
check run-other-params says '^other$' s run good --params '{"command":"echo other"}'
check run-bad-params exits 2 s run good --params '[]'

printf '#!/bin/sh\ncat; echo "arg $1"; echo "{\\"result\\":{\\"done\\":3}}" >&3\n' >"$SERENO_DATA/executors/mine"
chmod 700 "$SERENO_DATA/executors/mine"
check programs-are-executors says '^mine +program +yes' s jobs executors
s jobs add prog --schedule '@every 1h' --command mine --params '{"args":["a b"],"n":7}' >/dev/null
check program-gets-arguments says '^arg a b$' s run prog
check program-gets-params-on-stdin says '"params":\{"args":\["a b"\],"n":7\}' s run prog
check program-gives-a-result is "$(s run prog --json | jq -c .result)" '{"done":3}'
check result-becomes-fields-of-the-log grep -q '"component":"ProgJob","msg":"✅ Prog job completed".*"done":3' "$work/serve.log"
check failure-line-of-the-log grep -q '"component":"BadJob","msg":"❌ Job failed".*"error":"exit code 9: oops"' "$work/serve.log"

check doctor-of-a-job-shows-start-and-next says 'start-up +.*scheduling: the scheduler has started' s doctor good
check doctor-of-a-failing-job exits 1 s doctor bad
check doctor-of-an-unknown-job exits 1 s doctor nope
check pause says 'good: paused until' s pause good --for 10m
check why-paused says '^good: the job is paused until 20[0-9T:-]+Z$' s why good
check resume says 'good: resumed' s resume good
check pause-all says 'all jobs: paused' s pause --all
check why-tells-what-is-paused says '^good: all jobs are paused until resumed$' s why good
check resume-all says 'all jobs: resumed' s resume --all
check pause-needs-something exits 2 s pause
check why-unknown exits 3 s why nope
check why-says-next says '^next run: 20' s why good
check logs-of-the-server says 'ProgJob' s logs -n 200
{ pause 1; s run good >/dev/null; } &
check logs-follow-shows-what-comes says 'Good job completed.*triggeredBy=manual' timeout 4 "$sereno" logs -f -n 1
wait $!
check logs-of-a-job says '^there$' s logs good
s run good --params '{"command":"printf \"1\\\\n2\\\\n3\\\\n\""}' >/dev/null 2>&1
check logs-of-a-job-last-lines is "$(s logs -n 2 good | tr '\n' ' ')" "2 3 "
check logs-of-a-job-bad-lines exits 2 s logs -n 0 good

check token-add s token add reader --role viewer
reader=$(s token add reader2 --role viewer)
check token-may-read exits 0 s jobs list --token "$reader"
check token-may-not-write exits 4 s jobs rm good --token "$reader"
check token-wrong-is-refused exits 4 s jobs list --token sr_nonsense
check token-list says '^reader2? +viewer' s token list
check token-rm exits 0 s token rm reader2
check token-removed-is-refused exits 4 s jobs list --token "$reader"
check user-add says added bash -c 'echo "a long enough one" | "$0" user add ana --role operator' "$sereno"
check user-list says '^ana +operator' s user list
check user-login-link says '^http://127.0.0.1:[0-9]+/#login=' s user login-link ana
check user-rm exits 0 s user rm ana

cat >tab <<'T'
# nightly things
MAILTO=ops@example.org
CRON_TZ=Europe/Madrid
30 2 * * * echo night % in
*/7 1-5 * * mon-fri echo often
99 * * * * echo wrong
@reboot echo up
T
check import-dry-run-proves says '500 firings agree' s import crontab tab --dry-run
check import-names-refused-line says 'line 6 refused' s import crontab tab --dry-run
check import-is-a-conflict-when-refused exits 5 s import crontab tab
check import-again-names-the-line says 'line [0-9]+, .*--replace' s import crontab tab
check import-kept is "$(s jobs list --json | jq -r 'select(.labels.source == "crontab") | [.schedule, .timezone, .noNewPrivs, .allowConcurrent, .labels.line] | join(" ")' | sort | tr '\n' ';')" \
  "*/7 1-5 * * mon-fri Europe/Madrid false true 5;30 2 * * * Europe/Madrid false true 4;@reboot Europe/Madrid false true 7;"
check import-needs-no-server says '500 firings agree' s import crontab tab --dry-run --url http://127.0.0.1:1
s jobs rm input >/dev/null # its folder is a HOME line that holds for all lines after it
check export-gives-the-lines-back says '^30 2 \* \* \* .*echo night % ?in$' s export crontab
check export-names-what-it-cannot-say says '^# prog is not here: its executor is not the shell' s export crontab

check audit-is-clean exits 0 s audit
check audit-verify exits 0 s audit verify
check audit-log says 'job.create +job:good' s audit log --limit 500
check backup exits 0 s backup "$work/copy.db"
check backup-twice-is-a-conflict exits 5 s backup "$work/copy.db"
check backup-into-nowhere says 'nowhere/copy.db: No such file' s backup "$work/nowhere/copy.db"
check backup-is-a-database is "$(head -c 15 "$work/copy.db" 2>/dev/null)" "SQLite format 3"

check jobs-rm says 'good: deleted' s jobs rm good
check jobs-rm-again exits 3 s jobs rm good
kill -HUP "$server"
pause 0.3
check reload-keeps-serving exits 0 s jobs list
check reload-is-logged grep -q '"msg":"reloaded"' "$work/serve.log"
check restore-refuses-a-running-server says 'another sereno uses' s restore "$work/copy.db"
stop
check stop-is-clean grep -q '"msg":"stopped"' "$work/serve.log"
check audit-without-server says 'clean' s audit
check audit-verify-without-server says 'whole' s audit verify
check audit-without-server-names-job says 'there is no job "nope"' s audit --job nope
check restore says 'restored into' s restore "$work/copy.db"
start
check restored-has-the-jobs-again says '^good ' s jobs list
check restored-audit-is-clean exits 0 s audit
stop
check no-sanitizer-report silent_on 'ERROR: (Address|Leak)Sanitizer|runtime error' cat "$work/serve.log"
