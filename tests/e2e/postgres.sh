#!/bin/bash
# The whole server on a real PostgreSQL: it is stopped, killed and brought back in the middle; others write to its
# tables by SQL; and in the end every due instant is on record once. The jobs bear witness in a file of their own.
. "$(dirname "$0")/lib.sh"
pg() { "$top/tests/support/pg.sh" "$@"; }
finish_pg() { pg stop "$work/pg" >/dev/null 2>&1; finish; }
trap finish_pg EXIT
mkdir -p -m 700 "$data"
export SERENO_EXECUTORS_SHELL=true CRON_SECRET=test-secret
DATABASE_URL="$(pg start "$work/pg")?schema=public&connection_limit=5" || { echo "not ok postgres_server_starts"; exit 1; }
export DATABASE_URL
psql() { pg sql "$work/pg" "$1"; }
ready() { curl -s -o /dev/null -w '%{http_code}' --max-time 2 "$url/readyz"; }
until_ready_is() { local i; for i in $(seq 1 300); do [ "$(ready)" = "$1" ] && return; read -rt 0.05 <> <(:) || true; done; echo "readyz is $(ready), wanted $1"; return 1; }
is() { [ "$1" = "$2" ] || { echo "it is: $1"; echo "wanted: $2"; return 1; }; }
until_sql_is() { local i; for i in $(seq 1 200); do [ "$(psql "$1")" = "$2" ] && return; read -rt 0.05 <> <(:) || true; done; echo "it is: $(psql "$1")"; return 1; }

start_serve || { echo "not ok postgres_serve_starts"; exit 1; }
check X-25_jobs_are_in_postgresql until_sql_is "SELECT count(*) FROM \"CronJob\" WHERE \"name\"='sync'" 1
api POST /api/cron/jobs "{\"name\":\"ticks\",\"schedule\":\"* * * * * *\",\"command\":\"shell\",\"params\":{\"command\":\"echo \$SERENO_RUN_DUE >> $work/ticks\"}}" >"$work/made" ||
  { echo "not ok postgres_job_is_made"; failed=1; }
check two_servers_are_kept_apart bash -c "! '$sereno' serve --data '$work/other' --port 0 2>'$work/second' && grep -q 'another server of Sereno' '$work/second'"

# Others write while it runs.
psql "INSERT INTO \"CronJob\"(\"id\",\"name\",\"schedule\",\"command\",\"params\",\"systemId\") SELECT 'x','theirs','* * * * * *','shell','{\"command\":\"true\"}',\"id\" FROM \"System\" LIMIT 1"
check job_inserted_by_sql_runs until_sql_is "SELECT count(*)>1 FROM \"CronExecution\" WHERE \"jobId\"='x' AND \"status\"='success'" t
psql "UPDATE \"CronJob\" SET \"isActive\"=false WHERE \"id\"='x'; UPDATE \"CronSettings\" SET \"maxConcurrentJobs\"=17"
check job_switched_off_by_sql_is_versioned until_sql_is "SELECT count(*) FROM \"CronJobVersion\" WHERE \"actor\"='sql' AND \"isActive\"=0" 1
api GET '/api/cron/jobs/compact?limit=1&sort=next' >/dev/null # from here on the list is kept in memory
until_listed_are() { local i; for i in $(seq 1 200); do [ "$(api GET "/api/cron/jobs/compact?limit=1&q=cat:$1" | jq .matched)" = "$2" ] && return; read -rt 0.05 <> <(:) || true; done; echo "not $2 of $1"; return 1; }
insert_many() { psql "INSERT INTO \"CronJob\"(\"id\",\"name\",\"schedule\",\"command\",\"systemId\",\"category\") SELECT 'many-'||i,'many-'||i,'0 3 1 1 *','shell',(SELECT \"id\" FROM \"System\" LIMIT 1),'MANY' FROM generate_series($1,$2) i"; }
insert_many 1 3
check jobs_inserted_by_sql_are_listed until_listed_are MANY 3
psql "UPDATE \"CronJob\" SET \"category\"='FAR' WHERE \"id\"='many-2'; DELETE FROM \"CronJob\" WHERE \"id\"='many-3'"
check job_changed_by_sql_is_listed_as_it_is until_listed_are FAR 1
check job_deleted_by_sql_is_not_listed until_listed_are MANY 1
insert_many 10 509 # more than are told one by one: all are read again
check many_jobs_inserted_by_sql_are_listed until_listed_are MANY 501
psql "DELETE FROM \"CronJob\" WHERE \"id\" LIKE 'many-%'"
check many_jobs_deleted_by_sql_are_not_listed until_listed_are MANY 0
check settings_by_sql_are_in_force is "$(api GET /api/cron/settings | jq -r .maxConcurrentJobs)" 17

# B-60, the seed's manual test: its lines as they are written, but for the port.
api POST /api/worlds '{"id":"test-world-id","name":"Test","ownerId":"ana"}' >/dev/null || { echo "not ok postgres_world_is_made"; failed=1; }
service=$(api POST /api/admin/tokens '{"name":"app","role":"operator","scope":{"worlds":true}}' | jq -r .token)
curl -sf -o /dev/null --max-time 20 -X POST -H "Authorization: Bearer $service" -H 'X-Sereno-User: ana' -H 'Content-Type: application/json' \
  --data '{"text":"hola"}' "$url/api/worlds/test-world-id/message" || { echo "not ok postgres_message_is_taken"; failed=1; }
"$sereno" run sync --data "$data" >"$work/sync" 2>&1 || { echo "not ok postgres_sync_runs"; sed 's/^/#   /' "$work/sync"; failed=1; }
check message_is_in_postgresql_after_sync until_sql_is "SELECT count(*)>0 FROM \"WorldInteraction\" WHERE \"worldId\"='test-world-id'" t
psql "UPDATE \"World\" SET \"lastActiveAt\" = NOW() - INTERVAL '25 hours' WHERE id = 'test-world-id';"
curl -s -X POST "$url/api/cron/auto-pause-worlds" -H "Authorization: Bearer test-secret" >"$work/paused"
check B-60_the_seeds_manual_test_pauses_the_world until_sql_is "SELECT \"isPaused\", \"pauseReason\", \"pausedAt\" IS NOT NULL FROM \"World\" WHERE id = 'test-world-id';" 't|inactivity_24h|t'
check B-60_its_answer_counts_it is "$(jq -r .stats.pausedBy24h "$work/paused")" 1

# The database goes and comes back.
pg kill9 "$work/pg"
check health_tells_that_the_database_is_away until_ready_is 503
check changes_fail_while_it_is_away bash -c "[ \$(curl -s -o '$work/answer' -w '%{http_code}' --max-time 20 -X POST -H 'Authorization: Bearer $(token)' -H 'Content-Type: application/json' --data '{\"name\":\"lost\",\"schedule\":\"@daily\",\"command\":\"shell\",\"params\":{\"command\":\"true\"}}' '$url/api/cron/jobs') = 503 ]"
pg start "$work/pg" >/dev/null
check it_recovers_by_itself until_ready_is 200
check nothing_of_the_refused_is_there is "$(psql "SELECT count(*) FROM \"CronJob\" WHERE \"name\"='lost'")" 0

# The server is killed and started again, and the database is restarted in good order.
kill_serve
start_serve || { echo "not ok postgres_serve_starts_again"; failed=1; }
pg halt "$work/pg"
pg start "$work/pg" >/dev/null
check it_goes_on_after_a_restart_of_the_database until_ready_is 200
read -rt 3 <> <(:) || true
api PATCH "/api/cron/jobs/$(jq -r .id "$work/made")" '{"isActive":false}' >/dev/null || { echo "not ok postgres_job_is_switched_off"; failed=1; }
until_sql_is 'SELECT count(*) FROM "CronOccurrence" WHERE "state"=0' 0
check nothing_was_missed_or_doubled bash -c "SERENO_URL='$url' SERENO_TOKEN='$(token)' '$sereno' audit"
check A-98_no_due_instant_ran_twice is "$(sort "$work/ticks" | uniq -d)" ""
check witness_and_record_agree is "$(sort -u "$work/ticks" | wc -l)" "$(psql "SELECT count(*) FROM \"CronOccurrence\" o JOIN \"CronJob\" j ON j.\"no\"=o.\"job\" WHERE j.\"name\"='ticks' AND o.\"state\"=1")"
check B-33_migrate_refuses_while_the_server_runs bash -c "! SERENO_URL='$url' '$sereno' migrate --data '$data' --down add_world_auto_pause"
stop_serve
unset SERENO_URL
check audit_reads_postgresql_when_no_server_runs bash -c "'$sereno' audit --data '$data' 2>&1 | grep -q '^clean'"
check B-33_migrate_down_and_up bash -c "'$sereno' migrate --data '$data' --down add_world_auto_pause && '$sereno' migrate --data '$data' && '$sereno' migrate --data '$data' | grep -q 'nothing to do'"
exit $failed
