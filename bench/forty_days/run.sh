#!/bin/sh
# Forty days of a thousand worlds, all six jobs on their schedules, with 24 SIGKILLs: tests/e2e/worlds.sh as it is meant, on
# both kinds of stores. `make test` plays nine days of 400 worlds.
set -u
status=0
for kind in embedded pg-redis; do
  out=$(SERENO_RELEASE_BIN=$SERENO_BIN DAYS=40 WORLDS=1000 FAULTS=24 "$SERENO_SOURCE/tests/e2e/worlds.sh" "$kind" 2>&1) || status=1
  printf '## %s\n\n' "$kind"
  printf '%s\n\n' "$out" | sed 's/^/    /'
done
exit $status
