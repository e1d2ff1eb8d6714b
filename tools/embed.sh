#!/bin/sh
# Turns files into one C file: a table of name, bytes, size (see src/base/embedded.h).
# Usage: embed.sh OUTPUT INPUT...
set -eu
out=$1; shift
{
  echo '#include "base/embedded.h"'
  n=0
  for f in "$@"; do
    printf 'static const unsigned char file_%d[] = {' "$n"
    od -An -v -tx1 "$f" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
    echo '0};'
    n=$((n + 1))
  done
  echo 'const struct embedded_file embedded_files[] = {'
  n=0
  for f in "$@"; do
    name=$(echo "$f" | sed 's#^.*/\(sql\|lua\|docs\)/#\1/#')
    printf '  {"%s", (const char *)file_%d, sizeof file_%d - 1},\n' "$name" "$n" "$n"
    n=$((n + 1))
  done
  echo '  {0, 0, 0}};'
} > "$out.tmp"
mv "$out.tmp" "$out"
