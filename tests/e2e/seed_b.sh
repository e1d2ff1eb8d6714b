#!/bin/bash
# Seed B's own commands, copied from it line by line, against the server on a real PostgreSQL (issue 5.5; B-30, B-31, B-32, B-60).
# Only what stands for something is filled in: the host tu-dominio.com, the secret, and port 3000 when somebody else has it.
. "$(dirname "$0")/lib.sh"
pg() { "$top/tests/support/pg.sh" "$@"; }
finish_pg() { pg stop "$work/pg" >/dev/null 2>&1; finish; }
trap finish_pg EXIT
mkdir -p -m 700 "$data"
DATABASE_URL=$(pg start "$work/pg") || { echo "not ok postgres_starts"; exit 1; }
export DATABASE_URL CRON_SECRET=test-secret
psql() { pg sql "$work/pg" "$1"; }
is() { [ "$1" = "$2" ] || { echo "it is:  $1"; echo "wanted: $2"; return 1; }; }
port=3000
{ : <>/dev/tcp/127.0.0.1/3000; } 2>/dev/null && port=0
serve() { # as the seed expects it: on port 3000 without being told
  "$sereno" serve --data "$data" $([ "$port" = 3000 ] || echo --port 0) --port-file "$work/port" >>"$work/serve.log" 2>&1 &
  serve_pid=$!
  wait_ready
}
serve || { [ "$port" = 3000 ] && port=0 && serve; } || { echo "not ok server_starts"; exit 1; }
actual=$(cat "$work/port")
[ "$actual" = 3000 ] || say "port 3000 is taken: the same lines with port $actual"
here() { sed "s|localhost:3000|localhost:$actual|; s|https://tu-dominio.com|http://localhost:$actual|; s|\${{ secrets.CRON_SECRET }}|$CRON_SECRET|"; }
run() { bash -c "$(printf '%s\n' "$1" | here)" 2>"$work/curl"; }
service=$(api POST /api/admin/tokens '{"name":"app","role":"operator","scope":{"worlds":true}}' | jq -r .token)
make() { api POST /api/worlds "{\"id\":\"$1\",\"ownerId\":\"ana\"}" >/dev/null; }
tell() { curl -sf --max-time 20 -X POST -H "Authorization: Bearer $service" -H 'X-Sereno-User: ana' -H 'Content-Type: application/json' --data '{"text":"hola"}' "$url/api/worlds/$1/message"; }
runs() { psql "SELECT count(*) FROM \"CronExecution\" e JOIN \"CronJob\" j ON j.\"id\" = e.\"jobId\" WHERE j.\"name\" = '$1'"; }

# ---- "Test Manual"
# 1. Crear mundo de prueba
make test-world-id && tell test-world-id >/dev/null || { echo "not ok world_is_made"; exit 1; }
"$sereno" run sync --data "$data" >/dev/null || { echo "not ok sync_runs"; failed=1; }
# 2. Modificar lastActiveAt a hace 25 horas
psql "UPDATE \"World\" SET \"lastActiveAt\" = NOW() - INTERVAL '25 hours' WHERE id = 'test-world-id';"
# 3. Ejecutar cron manualmente
run 'curl -X POST http://localhost:3000/api/cron/auto-pause-worlds \
  -H "Authorization: Bearer test-secret"' >"$work/answer"
check B-60_the_answer_is_the_seeds jq -e '.success == true and .stats.totalPaused == 1 and .stats.pausedBy24h == 1 and (.stats | has("pausedBy7d") and has("pausedBy30d") and has("skippedFavorites") and has("skippedWithEvents")) and (.stats.estimatedSavings | has("llmCalls") and has("redisMemoryMB") and has("costUSD")) and (.durationMs | type == "number")' "$work/answer"
# 4. Verificar que el mundo fue pausado
check B-60_the_world_is_paused is "$(psql "SELECT \"isPaused\", \"pauseReason\", \"pausedAt\" FROM \"World\" WHERE id = 'test-world-id';" | sed 's/|20[0-9-]* [0-9:.]*$/|instant/')" 't|inactivity_24h|instant'
tell test-world-id >"$work/woken"
check B-19_the_next_message_wakes_it jq -e '.success and .resumed' "$work/woken"
check B-60_and_the_row_says_so is "$(psql "SELECT \"isPaused\", \"pauseReason\", \"pausedAt\" FROM \"World\" WHERE id = 'test-world-id';")" 'f||'

# ---- "Marcar como Favorito"
api POST '/api/worlds/test-world-id/favorite?override=1' '{}' >"$work/favorite"
check B-36_a_favourite jq -e '.isFavorite == true' "$work/favorite"
psql "UPDATE \"World\" SET \"lastActiveAt\" = NOW() - INTERVAL '25 hours' WHERE id = 'test-world-id';"
"$sereno" run cleanup --data "$data" >/dev/null
run 'curl -X POST http://localhost:3000/api/cron/auto-pause-worlds \
  -H "Authorization: Bearer test-secret"' >"$work/answer"
check a_favourite_is_not_paused is "$(psql "SELECT \"isPaused\" FROM \"World\" WHERE id = 'test-world-id';")" f

# ---- "Ver estadísticas de mundos pausados": GET tells and runs nothing (X-9)
before=$(runs auto-pause)
run 'curl https://tu-dominio.com/api/cron/auto-pause-worlds \
  -H "Authorization: Bearer $CRON_SECRET"' >"$work/answer"
check B-57_the_figures jq -e '.success and (.stats.totalPaused | type == "number")' "$work/answer"
check X-9_looking_runs_nothing is "$(runs auto-pause)" "$before"

# ---- "Configurar Cron Jobs en Vercel": its file, and requests as Vercel sends them
cat >"$work/vercel.json" <<'EOF'
{
  "crons": [
    {
      "path": "/api/cron/auto-pause-worlds",
      "schedule": "0 */6 * * *"
    },
    {
      "path": "/api/cron/delete-scheduled-worlds",
      "schedule": "0 3 * * *"
    }
  ]
}
EOF
export SERENO_TOKEN=$(token)
jobs() { psql 'SELECT count(*) FROM "CronJob"'; }
count=$(jobs)
check B-30_vercel_json_is_taken_over "$sereno" import "$work/vercel.json"
check B-30_no_job_is_added is "$(jobs)" "$count"
check B-30_its_schedules is "$(psql "SELECT \"name\", \"schedule\", \"timezone\" FROM \"CronJob\" WHERE \"name\" IN ('auto-pause', 'delete-scheduled-worlds') ORDER BY 1" | tr '\n' ' ')" 'auto-pause|0 */6 * * *|UTC delete-scheduled-worlds|0 3 * * *|UTC '
vercel() { # PATH JOB: its GET is a run
  local before; before=$(runs "$2")
  run "curl -sf -A vercel-cron/1.0 -H 'Authorization: Bearer $CRON_SECRET' http://localhost:3000$1" >"$work/answer"
  is "$(runs "$2") $(jq -r .success "$work/answer")" "$((before + 1)) true"
}
check B-31_vercels_request_runs_auto-pause vercel /api/cron/auto-pause-worlds auto-pause
check B-31_vercels_request_runs_delete-scheduled-worlds vercel /api/cron/delete-scheduled-worlds delete-scheduled-worlds

# ---- "Alternativa: GitHub Actions": its workflow, and the step's own line
cat >"$work/auto-pause-worlds.yml" <<'EOF'
# .github/workflows/auto-pause-worlds.yml
name: Auto-Pause Inactive Worlds

on:
  schedule:
    - cron: '0 */6 * * *'  # Cada 6 horas

jobs:
  auto-pause:
    runs-on: ubuntu-latest
    steps:
      - name: Call auto-pause endpoint
        run: |
          curl -X POST https://tu-dominio.com/api/cron/auto-pause-worlds \
            -H "Authorization: Bearer ${{ secrets.CRON_SECRET }}"
EOF
check B-32_the_workflow_is_taken_over "$sereno" import "$work/auto-pause-worlds.yml"
before=$(runs auto-pause)
run "$(sed -n '/run: |/,$p' "$work/auto-pause-worlds.yml" | sed 1d)" >"$work/answer"
check B-32_the_workflows_line_runs_it is "$(runs auto-pause) $(jq -r .success "$work/answer")" "$((before + 1)) true"
run 'curl -s -X POST http://localhost:3000/api/cron/delete-scheduled-worlds -H "Authorization: Bearer test-secret"' >"$work/answer"
check B-38_the_answer_of_the_deletion jq -e '.success == true and .deleted == 0 and .failed == 0 and .failedWorldIds == []' "$work/answer"
check B-29_a_wrong_secret_is_refused is "$(curl -s -o /dev/null -w '%{http_code}' -X POST "$url/api/cron/auto-pause-worlds" -H 'Authorization: Bearer wrong-secret')" 401
exit $failed
