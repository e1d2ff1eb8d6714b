# What the end-to-end scripts share: a folder of their own, a server that can be killed and started
# again, calls to its API, and checks that count. Sourced; needs bash, curl, jq, sqlite3, node.
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
sereno=${SERENO_RELEASE_BIN:-$top/build/sereno}
work=$(mktemp -d "${TMPDIR:-/tmp}/sereno-e2e.XXXXXX")
data=$work/data
serve_pid=
failed=0

say() { printf '# %s\n' "$*"; }
check() { # check NAME COMMAND…: one counted result
  local name=$1; shift
  if "$@" >"$work/check.out" 2>&1; then echo "ok $name"; else
    echo "not ok $name"; sed 's/^/#   /' "$work/check.out" | tail -n 40; failed=1
  fi
}

start_serve() { # more arguments are passed on; waits until it is ready
  rm -f "$work/port"
  "$sereno" serve --data "$data" --port 0 --port-file "$work/port" "$@" >>"$work/serve.log" 2>&1 &
  serve_pid=$!
  wait_ready
}
wait_ready() {
  local i
  for i in $(seq 1 1000); do
    if [ -s "$work/port" ]; then
      url=http://127.0.0.1:$(cat "$work/port")
      export SERENO_URL=$url
      curl -sf -o /dev/null --max-time 2 "$url/readyz" && return 0
    fi
    kill -0 "$serve_pid" 2>/dev/null || { say "serve has ended"; tail -n 20 "$work/serve.log" | sed 's/^/#   /'; return 1; }
    read -rt 0.01 <> <(:) || true # a pause of 10 ms without a process
  done
  say "serve is not ready after 10 s"; return 1
}
kill_serve() { kill -9 "$serve_pid" 2>/dev/null; wait "$serve_pid" 2>/dev/null; serve_pid=; }
stop_serve() { kill -TERM "$serve_pid" 2>/dev/null; wait "$serve_pid" 2>/dev/null; serve_pid=; }
warden_pid() { # of this data folder
  local p
  for p in $(pgrep -f 'sereno warden' 2>/dev/null); do
    tr '\0' '\n' <"/proc/$p/cmdline" 2>/dev/null | grep -qxF "$data" && { echo "$p"; return; }
  done
}
token() { cat "$data/admin.token"; }
api() { # api METHOD PATH [BODY]
  curl -sf --max-time 20 -X "$1" -H "Authorization: Bearer $(token)" ${3:+-H 'Content-Type: application/json' --data-binary "$3"} "$url$2"
}
sql() { sqlite3 -cmd '.timeout 5000' "file:$data/sereno.db?mode=ro" "$1"; }
now_ms() { date +%s%3N; }

# Processes that carry this data folder's tag or work in it, other than the server and the warden.
leftovers() { grep -lzs "WITNESS_FILE=$work/" /proc/[0-9]*/environ 2>/dev/null | tr -dc '0-9\n' | grep -vx "$$" || true; }

finish() {
  [ -n "$serve_pid" ] && kill -9 "$serve_pid" 2>/dev/null
  local w; w=$(warden_pid); [ -n "$w" ] && kill -9 "$w" 2>/dev/null
  local p; for p in $(leftovers); do kill -9 "$p" 2>/dev/null; done
  if [ "$failed" = 0 ] && [ -z "${KEEP:-}" ]; then rm -rf "$work"; else say "kept: $work"; fi
}
trap finish EXIT
