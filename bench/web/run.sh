#!/bin/sh
# The pages in Chromium: bytes of the first load, ten thousand jobs, five hundred updates a second, a long output.
exec node "$(dirname "$0")/main.mjs"
