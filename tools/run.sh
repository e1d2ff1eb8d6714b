#!/bin/sh
# run.sh [PORT] : starts the server in ./var in the foreground and prints a fresh one-time login link.
set -eu
cd "$(dirname "$0")/.."
data=${DATA:-var}
build/sereno serve --data "$data" ${1:+--port "$1"} &
server=$!
trap 'kill -TERM $server 2>/dev/null || true' INT TERM
# The first start prints a link by itself; later ones need a fresh one. The verb fails until it is up.
tries=0
until link=$(build/sereno user login-link --data "$data" ${1:+--port "$1"} 2>/dev/null); do
  tries=$((tries + 1))
  if ! kill -0 $server 2>/dev/null || [ $tries -ge 200 ]; then
    echo "run: the server did not come up" >&2
    kill -TERM $server 2>/dev/null || true
    wait $server || exit $?
    exit 1
  fi
  sleep 0.05
done
printf '%s\n' "$link"
status=0
wait $server || status=$?
# A signal ends the wait early; the server is still draining.
while kill -0 $server 2>/dev/null; do wait $server || status=$?; done
exit $status
