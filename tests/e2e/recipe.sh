#!/usr/bin/env bash
# HACKING.md's recipe, followed to the letter (A-99): its C example becomes an executor of a fresh copy of the
# checkout, in at most 30 lines, and runs; the same without C: an executable in the executors folder (C-142).
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/sereno-recipe.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0
check() { local name=$1; shift; if "$@" >"$work/out" 2>&1; then echo "ok $name"; else echo "not ok $name"; tail -n 20 "$work/out" | sed 's/^/#   /'; failed=1; fi; }

(cd "$top" && git ls-files -z --cached --others --exclude-standard | xargs -0 tar cf - --ignore-failed-read 2>/dev/null) | tar xf - -C "$work"
awk '/^```c$/ { take = 1; next } /^```$/ { take = 0 } take' "$work/HACKING.md" >"$work/executors/hello.c"
echo 'EXECUTOR(hello)' >>"$work/executors/registry.def"
check "the recipe has at most 30 lines" test "$(($(wc -l <"$work/executors/hello.c") + 1))" -le 30 -a "$(wc -l <"$work/executors/hello.c")" -gt 10
check "it builds" sh -c "cd '$work' && tools/build.sh build -Dbuildtype=debug -- sereno"
check "it greets" sh -c "'$work/build/sereno' exec hello --params '{\"who\":\"you\"}' | grep -qx 'hello, you'"
check "its parameters are checked" sh -c "'$work/build/sereno' exec hello --params '{}' >'$work/err' 2>&1; test \$? != 0 && grep -q who '$work/err'"
exit $failed
