#!/bin/sh
# npm.sh : installs what tests/package-lock.json names into tests/node_modules, unless it is there already.
set -eu
cd "$(dirname "$0")/../tests"
[ -f package-lock.json ] || exit 0
want=$(cat package.json package-lock.json | cksum)
[ "$want" != "$(cat node_modules/.installed 2>/dev/null)" ] || exit 0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
npm ci --no-audit --no-fund >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
echo "$want" >node_modules/.installed
