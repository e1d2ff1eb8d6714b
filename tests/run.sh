#!/bin/sh
# What `make run` starts: a first and a second start on one data folder, each with a link that logs in once.
set -u
work=$(mktemp -d)
export DATA="$work/var"
server= warden=
cleanup() {
  [ -z "$server" ] || kill -TERM "$server" 2>/dev/null
  [ -z "$warden" ] || kill -TERM "$warden" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT

fail() { echo "not ok $1"; sed 's/^/  /' "$work/log"; }
# start NAME: runs the server until it has printed a login link.
start() {
  : >"$work/log" # here, since the background process empties it only when it gets to run
  tools/run.sh 0 >>"$work/log" 2>&1 &
  server=$!
  i=0
  while [ $i -lt 600 ] && ! grep -q '^Log in' "$work/log"; do i=$((i + 1)); sleep 0.05; done
  link=$(sed -n 's/^Log in (once, within ten minutes): //p' "$work/log")
  address=$(sed -n 's/^Sereno listens on //p' "$work/log")
  warden=$(sed -n 's/.*"component":"Warden","msg":"connected","pid":\([0-9]*\).*/\1/p' "$work/log" | tail -n 1)
  case $link in "$address/#login="?*) echo "ok $1_prints_address_and_link" ;; *) fail "$1_prints_address_and_link" ;; esac
  if [ "$(curl -sS -o /dev/null -w '%{http_code}' "$address/livez")" = 200 ]; then echo "ok $1_answers"; else fail "$1_answers"; fi
}
stop() {
  kill -TERM $server
  wait $server
  code=$?
  server=
  if [ $code = 0 ]; then echo "ok $1_ends_in_order"; else fail "$1_ends_in_order"; echo "  exit code $code"; fi
}

start first_start
first=$link
mode=$(stat -c %a "$DATA/admin.token" 2>/dev/null)
if [ "$mode" = 600 ]; then echo "ok admin_token_is_private"; else echo "not ok admin_token_is_private"; echo "  mode $mode"; fi
stop first_start
start second_start
if [ "${link##*=}" != "${first##*=}" ]; then echo "ok each_start_has_a_fresh_link"; else fail each_start_has_a_fresh_link; fi
stop second_start
