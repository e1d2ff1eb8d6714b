# What the command line's scripts share: a data folder of their own, a server on any free port, checks that count.
# Sourced; needs bash, jq.
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
sereno=${SERENO_BIN:-$top/build/sereno}
work=$(mktemp -d "${TMPDIR:-/tmp}/sereno-cli.XXXXXX")
export SERENO_DATA=$work/data
unset SERENO_URL SERENO_TOKEN ENABLE_CRON_JOBS
cd "$work" || exit 1
server=
failed=0

s() { "$sereno" "$@"; }
pause() { read -rt "$1" <> <(:) || true; }

# check NAME COMMAND…: one counted result; what the command printed is shown when it fails.
check() {
  local name=$1
  shift
  if "$@" >"$work/out" 2>&1; then
    echo "ok $name"
  else
    echo "not ok $name"
    sed 's/^/#   /' "$work/out" | tail -n 30
    failed=1
  fi
}
# exits CODE COMMAND…
exits() {
  local want=$1 got
  shift
  "$@"
  got=$?
  [ "$got" = "$want" ] || { echo "exit code $got, wanted $want: $*"; return 1; }
}
# says PATTERN COMMAND…: the output, both streams, has it (extended regular expression)
says() {
  local pattern=$1
  shift
  "$@" >"$work/said" 2>&1
  cat "$work/said"
  grep -qE -- "$pattern" "$work/said" || { echo "nothing matches: $pattern"; return 1; }
}
silent_on() { # silent_on PATTERN COMMAND…
  local pattern=$1
  shift
  "$@" >"$work/said" 2>&1
  cat "$work/said"
  ! grep -qE -- "$pattern" "$work/said" || { echo "this should not be there: $pattern"; return 1; }
}
is() { [ "$1" = "$2" ] || { echo "got:    $1"; echo "wanted: $2"; return 1; }; }

start() { # start FLAG…: waits until it is ready
  rm -f "$work/port"
  "$sereno" serve --port 0 --port-file "$work/port" "$@" >>"$work/serve.out" 2>>"$work/serve.log" &
  server=$!
  local i
  for i in $(seq 1 600); do
    [ -s "$work/port" ] && s doctor --json 2>/dev/null | grep -q '"check":"ready","finding":"ok"' && return 0
    kill -0 "$server" 2>/dev/null || break
    pause 0.05
  done
  echo "# the server did not start"
  tail -n 20 "$work/serve.log" | sed 's/^/#   /'
  return 1
}
stop() {
  [ -n "$server" ] || return 0
  kill -TERM "$server" 2>/dev/null
  wait "$server" 2>/dev/null
  server=
}
# clock COMMAND…: one line to the test clock; prints its answer
clock() {
  node -e '
    const s = require("net").connect(process.argv[1]);
    let got = "";
    s.on("data", (d) => { got += d; if (got.endsWith("\n")) { process.stdout.write(got); s.destroy(); } });
    s.on("error", (e) => { console.error(e.message); process.exit(1); });
    s.on("connect", () => s.write(process.argv[2] + "\n"));
  ' "$work/clock" "$*"
}
start_clock() { # start_clock INSTANT FLAG…
  local instant=$1
  shift
  s serve --init-test="$instant" || return 1
  start --test-clock "$work/clock" "$@"
}
finish() {
  stop
  local p
  for p in /proc/[0-9]*; do # our warden, by its folder
    { tr '\0' '\n' <"$p/cmdline" | grep -qxF "$SERENO_DATA"; } 2>/dev/null && kill -9 "${p#/proc/}" 2>/dev/null
  done
  cd /
  if [ "$failed" = 0 ] && [ -z "${KEEP:-}" ]; then rm -rf "$work"; else echo "# kept: $work"; fi
  exit "$failed"
}
trap finish EXIT
