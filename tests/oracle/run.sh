#!/bin/sh
# run.sh : `sereno next` against the npm libraries; prints "ok NAME" or "not ok NAME" for each comparison.
set -eu
cd "$(dirname "$0")/../.."
tools/npm.sh
export SERENO_SOURCE="$PWD"
exec node tests/oracle/differential.mjs
