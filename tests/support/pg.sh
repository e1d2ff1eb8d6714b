#!/bin/sh
# pg.sh: a PostgreSQL of our own for tests, from Debian's binaries, on a spare port of 127.0.0.1.
#   pg.sh start DIR [SETTING=VALUE…]   makes it (the first time) and starts it; prints its URL
#   pg.sh url DIR                      prints the URL
#   pg.sh sql DIR SQL [DATABASE]       runs statements; rows come as plain lines
#   pg.sh pid DIR                      of the server, for SIGSTOP and the like
#   pg.sh kill9 DIR                    SIGKILL for server and backends; `start` recovers, on the same port
#   pg.sh halt DIR                     a fast shutdown that keeps the data; `start` brings it back
#   pg.sh stop DIR                     ends it and removes the data
# DIR holds only what names the server: its data lie in a folder of their own, since as root the server runs as an
# unprivileged user who need not be able to enter DIR. fsync is off unless given: fine for SIGKILL, not for a power cut.
set -eu
verb=$1
dir=$2
shift 2
bin=${PG_BIN:-/usr/lib/postgresql/15/bin}
[ -x "$bin/postgres" ] || bin=$(pg_config --bindir)

as_owner() {
  if [ "$(id -u)" != 0 ]; then "$@"; return; fi
  owner=postgres
  id "$owner" >/dev/null 2>&1 || owner=nobody
  (cd / && setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups "$@")
}
make() {
  mkdir -p "$dir"
  data=$(as_owner mktemp -d "${TMPDIR:-/tmp}/sereno-pg-XXXXXX")
  as_owner "$bin/initdb" -D "$data/db" -U sereno -A trust -E UTF8 --no-locale --no-sync >"$dir/pg.log" 2>&1 ||
    { cat "$dir/pg.log" >&2; exit 1; }
  printf '%s\n' "$data" >"$dir/pg.data"
}
spare_port() { # somebody may take it before the server does: then `up` tries another
  echo $(($(od -An -N2 -tu2 /dev/urandom) % 12000 + 20000))
}
up() {
  [ -e "$dir/pg.port" ] || spare_port >"$dir/pg.port"
  options="-p $(cat "$dir/pg.port") -h 127.0.0.1 -k $data"
  for setting in fsync=off max_connections=50 shared_buffers=32MB "$@"; do options="$options -c $setting"; done
  as_owner "$bin/pg_ctl" -D "$data/db" -l "$data/log" -w -t 60 -s -o "$options" start >"$dir/pg.log" 2>&1
}
url() { echo "postgresql://sereno@127.0.0.1:$(cat "$dir/pg.port")/sereno"; }
sql() { "$bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$data" -p "$(cat "$dir/pg.port")" -U sereno -d "$2" -c "$1"; }
is_dead() { ! state=$(grep '^State:' "/proc/$1/status" 2>/dev/null) || [ "${state#*Z}" != "$state" ]; }
pid() { as_owner head -n 1 "$data/db/postmaster.pid"; }

[ "$verb" != start ] || [ -e "$dir/pg.data" ] || { make; is_new=yes; }
data=$(cat "$dir/pg.data")
case $verb in
start)
  tries=5
  until up "$@"; do
    tries=$((tries - 1))
    if [ $tries = 0 ] || [ "${is_new:-no}" = no ]; then cat "$dir/pg.log" "$data/log" >&2; exit 1; fi
    rm -f "$dir/pg.port"
  done
  [ "${is_new:-no}" = no ] || sql 'CREATE DATABASE sereno' postgres
  url ;;
url) url ;;
sql) sql "$1" "${2:-sereno}" ;;
pid) pid ;;
kill9)
  server=$(pid)
  kill -STOP "$server" # it makes no more of them meanwhile
  children=$(cat "/proc/$server/task/$server/children")
  # shellcheck disable=SC2086 # a list of numbers
  kill -9 "$server" $children || true # one of them may have ended by itself
  for one in $server $children; do # while one lives, the next server refuses its shared memory
    until is_dead "$one"; do sleep 0.05; done
  done
  as_owner rm -f "$data/db/postmaster.pid" "$data"/.s.PGSQL.* ;; # where nobody reaps orphans, the dead one looks alive to the next
halt) as_owner "$bin/pg_ctl" -D "$data/db" -m fast -w -s stop ;;
stop)
  as_owner "$bin/pg_ctl" -D "$data/db" -m immediate -w -s stop 2>/dev/null || true
  case $data in */sereno-pg-*) as_owner rm -rf "$data" ;; esac
  rm -f "$dir/pg.data" "$dir/pg.port" "$dir/pg.log" ;;
*) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
