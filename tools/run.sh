#!/bin/sh
# run.sh [PORT] : runs the server in the foreground with its data in ./var (or $DATA) and prints a fresh
# one-time login link once it is up. Ctrl-C ends it in order.
set -eu
cd "$(dirname "$0")/.."
export SERENO_DATA="${DATA:-$PWD/var}"
port_file=$(mktemp)
is_first=; [ -e "$SERENO_DATA/admin.token" ] || is_first=1 # then serve prints the link by itself
build/sereno serve --data "$SERENO_DATA" --port-file "$port_file" ${1:+--port "$1"} &
server=$!
trap 'is_told=1; kill -TERM $server 2>/dev/null || true' INT TERM
trap 'rm -f "$port_file"' EXIT
tries=0
while [ ! -s "$port_file" ] && kill -0 $server 2>/dev/null && [ $tries -lt 1000 ]; do
  tries=$((tries + 1))
  sleep 0.02
done
if [ -s "$port_file" ] && [ -z "$is_first" ] && link=$(build/sereno user login-link); then
  echo "Log in (once, within ten minutes): $link"
fi
# A signal ends the wait early, while the server still drains: then wait again for how it ended.
is_told=1
while [ -n "$is_told" ]; do
  is_told=
  status=0
  wait $server || status=$?
done
exit $status
