#!/bin/sh
# build.sh DIR [meson option…] [-- target…] : builds in DIR, setting it up or anew where needed: meson does
# not see files that come or go in the globbed folders, so their list and the options are kept in DIR. Installs
# the Node packages of the web UI when they have changed.
set -eu
cd "$(dirname "$0")/.."
dir=$1
shift
options=
while [ $# -gt 0 ] && [ "$1" != -- ]; do options="$options $1"; shift; done
[ $# -gt 0 ] && shift

state=$(echo "${CC:-cc}$options"; for kind in lib tests test-support fuzz bench embed web; do tools/sources.sh $kind; done)
tools/npm.sh web
if [ ! -f "$dir/build.ninja" ]; then
  mkdir -p "$dir"
  meson setup "$dir" $options >"$dir/setup.log" 2>&1 || { cat "$dir/setup.log" >&2; rm -f "$dir/.sources"; exit 1; }
elif [ "$state" != "$(cat "$dir/.sources" 2>/dev/null)" ]; then
  meson setup --reconfigure "$dir" $options >"$dir/setup.log" 2>&1 ||
    meson setup --wipe "$dir" $options >"$dir/setup.log" 2>&1 || { cat "$dir/setup.log" >&2; exit 1; }
fi
printf '%s\n' "$state" >"$dir/.sources"
if ! ninja -C "$dir" ${JOBS:+-j"$JOBS"} ${KEEP_GOING:+-k 0} "$@" >"$dir/build.log" 2>&1; then
  grep -v -e '^\[[0-9]*/[0-9]*\] [CL][a-z]* ' -e '^ninja: ' "$dir/build.log" >&2
  exit 1
fi
grep -A8 'warning:' "$dir/build.log" >&2 || true
