#!/bin/sh
# impact.sh : plays the simulations of worlds with the release binary and writes docs/impact.md, and
# docs/impact.json for the interface, from what they print.
# IMPACT_SEEDS: how many seeds the ranges are of (21); 0 leaves them out. IMPACT_SETS=0 leaves out the 32 sets of jobs,
# IMPACT_SETS=short plays them in a short window.
# IMPACT_KEEP: a folder for the reports of seeds and sets; those that are there already are not played again.
# SERENO_BIN and IMPACT_COMMIT: a binary that was put aside, and what it was built of (build/sereno, and HEAD).
# IMPACT_NOTE: a file with what else is to be said of how this was made.
set -eu
cd "$(dirname "$0")/.."
sereno=${SERENO_BIN:-build/sereno}
seeds=${IMPACT_SEEDS:-21}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
play() { # TITLE ARGUMENT… : red gates are results, too
  printf '\n## %s\n\n`sereno sim world%s`\n\n' "$1" "${2:+ $2}"
  # shellcheck disable=SC2086
  "$sereno" sim world $2 ${IMPACT_KEEP:+--keep "$IMPACT_KEEP"} || echo "(exit code $?)"
}
{
  cat tools/impact.md
  echo
  echo "Made by \`tools/impact.sh\` on $(date -u +%Y-%m-%d), commit ${IMPACT_COMMIT:-$(git rev-parse --short HEAD)}, on $(nproc) cores of" \
    "$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), Linux $(uname -r). Times are of this machine, at its load then."
  [ ! -f "${IMPACT_NOTE:-}" ] || cat "$IMPACT_NOTE"
  play "One seed" "--seed 42"
  case ${IMPACT_SETS:-1} in
    0) ;;
    short)
      play "Impact per job, short and coarse" "--impact --warmup 6 --days 8 --byte-scale 1/256 --lump 32"
      echo "A window this short says little of the ladder, and growth of a database that is still young counts as growth."
      ;;
    *) play "Impact per job" "--impact" ;;
  esac
  [ "$seeds" = 0 ] || play "Ranges" "--seeds $seeds"
  play "What pausing saves" "--preset cost1000"
} >"$out"
cp "$out" docs/impact.md
node tools/impact-json.mjs docs/impact.md >docs/impact.json
