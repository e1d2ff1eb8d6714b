#!/bin/sh
# sim.sh [SEED] : replays one simulated history, or with no seed runs the simulator as `make test` does.
set -eu
cd "$(dirname "$0")/.."
tools/packages.sh run test
tools/build.sh build-test -Dtests=true -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -- sim_test
SERENO_SIM_SEED=${1:-} exec build-test/sim_test
