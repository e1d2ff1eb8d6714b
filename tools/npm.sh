#!/bin/sh
# npm.sh FOLDER… : installs what FOLDER/package-lock.json names into FOLDER/node_modules, unless it is there already.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- tests
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for folder; do
  [ -f "$folder/package-lock.json" ] || continue
  want=$(cat "$folder/package.json" "$folder/package-lock.json" | cksum)
  [ "$want" != "$(cat "$folder/node_modules/.installed" 2>/dev/null)" ] || continue
  (cd "$folder" && npm ci --no-audit --no-fund) >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  echo "$want" >"$folder/node_modules/.installed"
done
