#!/bin/sh
# A thousand worlds against the real server with real stores and SIGKILLs, judged by a witness of its own:
#   worlds.sh [pg-redis|embedded]     DAYS (40), WORLDS (1000), SEED (1), FAULTS (12), KEEP=1 keeps the folder
# Prints ok/not ok lines. `make test` plays ten days, in which old worlds make all steps of the ladder happen.
exec node "$(dirname "$0")/worlds.mjs" "${1:-pg-redis}"
