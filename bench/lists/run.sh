#!/bin/sh
# What pages ask of a house of 100,000 jobs and 300,000 runs, over HTTP, beside the limit of 100 ms.
exec node "$(dirname "$0")/main.mjs"
