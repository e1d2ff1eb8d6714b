#!/bin/sh
# run.sh : `sereno next` and `explain` from outside, then against the npm libraries; prints "ok NAME" or "not ok
# NAME" for each test.
set -eu
cd "$(dirname "$0")/../.."
tools/npm.sh
export SERENO_SOURCE="$PWD"
status=0
node tests/oracle/cli.mjs || status=1
node tests/oracle/differential.mjs || status=1
exit $status
