#!/bin/sh
# run.sh [sqlite|pg|redis|wake|all…] : worlds on a whole server (release build) under load. Nothing is asserted.
# BENCH_WORLDS (1,000,000) in the table, BENCH_DUE (100,000) of them to be paused.
set -eu
cd "$(dirname "$0")/../.."
export SERENO_BIN="${SERENO_BIN:-$PWD/build/sereno}"
exec node bench/worlds/main.mjs "$@"
