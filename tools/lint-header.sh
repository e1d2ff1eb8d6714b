#!/bin/sh
# lint-header.sh HEADER COMPILER FLAG… : does this header compile alone? Runs in a build folder.
header=$1
shift
printf '#include "%s"\n' "${header#src/}" | "$@" -Werror -fsyntax-only -x c - ||
  { echo "$header does not compile alone"; exit 1; }
