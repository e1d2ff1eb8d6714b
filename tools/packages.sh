#!/bin/sh
# packages.sh STEP… : installs what tools/packages.txt lists for these steps and is missing. Does nothing,
# quickly, when all is there. Needs root or sudo only when something is missing.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { echo "usage: packages.sh run|test|lint …" >&2; exit 2; }

wanted=$(awk -v steps=" $* " '!/^#/ && NF && index(steps, " " $1 " ") { print $2, $3 }' tools/packages.txt)
if ! command -v dpkg-query >/dev/null; then
  echo "This is not Debian. Install the equivalents of:" $(echo "$wanted" | cut -d' ' -f1) >&2
  exit 0
fi
names=$(echo "$wanted" | cut -d' ' -f1)
installed=$(dpkg-query -W -f='${Package} ${Status}\n' $names 2>/dev/null | awk '/ installed$/ { print $1 }' || true)
missing=$(echo "$wanted" | while read -r name command; do
  case "
$installed
" in *"
$name
"*) continue ;; esac
  if [ -n "$command" ] && command -v "$command" >/dev/null; then continue; fi
  echo "$name"
done)
[ -n "$missing" ] || exit 0

echo "Installing Debian packages:" $missing "(this takes a minute or a few)"
if [ "$(id -u)" = 0 ]; then as_root=''
elif command -v sudo >/dev/null; then as_root=sudo
else
  echo "Neither root nor sudo. As root, run: apt-get install --no-install-recommends" $missing >&2
  exit 1
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { "$@" >"$log" 2>&1 </dev/null || { cat "$log" >&2; exit 1; }; }
quietly $as_root apt-get -qq update
quietly $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends $missing
