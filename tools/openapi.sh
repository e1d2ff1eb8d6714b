#!/bin/sh
# openapi.sh OUTPUT PROGRAM : writes what the program prints, unless the file says so already: then nothing that is
# made from it is made again.
set -eu
ASAN_OPTIONS=detect_leaks=0 "$2" >"$1.tmp"
if cmp -s "$1.tmp" "$1"; then rm "$1.tmp"; else mv "$1.tmp" "$1"; fi
