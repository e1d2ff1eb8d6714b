#!/bin/sh
# A redis-server for suites, on a unix socket in a folder of its own:
#   redis.sh start FOLDER [OPTION…]   e.g. --appendonly yes; waits until it answers; prints its address (unix:///…)
#   redis.sh stop FOLDER              ends it orderly
#   redis.sh kill9 FOLDER             SIGKILL, as a crash; start again with the same folder
#   redis.sh ask FOLDER WORD…         one command through redis-cli
#   redis.sh upstash FOLDER TOKEN     Upstash's REST in front of it; prints its http:// address; ends with stop
set -eu
verb=$1 folder=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
socket=$folder/redis.sock

end() { # SIGNAL PIDFILE
  [ -f "$2" ] || return 0
  pid=$(cat "$2")
  kill "-$1" "$pid" 2>/dev/null || true
  while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
  rm -f "$2"
}

wait_for() { # what must succeed, within ten seconds
  for _ in $(seq 500); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.02
  done
  echo "redis.sh: $* does not come true" >&2
  return 1
}
answers() { [ "$(redis-cli -s "$socket" PING)" = PONG ]; }

case $verb in
  start)
    mkdir -p "$folder"
    redis-server --port 0 --unixsocket "$socket" --dir "$folder" --save '' --daemonize yes --pidfile "$folder/redis.pid" \
      --logfile "$folder/redis.log" "$@" >/dev/null
    wait_for answers
    echo "unix://$socket" ;;
  stop | kill9)
    signal=TERM
    [ "$verb" = stop ] || signal=KILL
    [ "$verb" = kill9 ] || end TERM "$folder/upstash.pid"
    end $signal "$folder/redis.pid" ;;
  ask) exec redis-cli -s "$socket" "$@" ;;
  upstash)
    rm -f "$folder/upstash.port"
    node "$here/upstash.mjs" "$socket" "$1" "$folder/upstash.port" >>"$folder/upstash.log" 2>&1 </dev/null &
    echo $! >"$folder/upstash.pid"
    wait_for test -s "$folder/upstash.port"
    echo "http://127.0.0.1:$(cat "$folder/upstash.port")" ;;
  *) sed -n '2,7p' "$0" >&2; exit 2 ;;
esac
