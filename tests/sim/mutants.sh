#!/bin/sh
# mutants.sh [SEEDS] : plants each bug of mutants.txt in a copy of the tree and runs the simulator, which must fail
# (an assertion of the core counts). Ends with the number of bugs that nobody noticed.
set -u
cd "$(dirname "$0")/../.." || exit 1
seeds=${1:-300}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
tools/sources.sh c >/dev/null
cp -r src executors sql tests tools meson.build meson_options.txt "$work/" && mkdir -p "$work/web" "$work/fuzz" "$work/bench"
[ -d web/dist ] && cp -r web/dist "$work/web/"
cd "$work" || exit 1
meson setup build -Dtests=true -Dbuildtype=debugoptimized >/dev/null && ninja -C build sim_test >build.log 2>&1 || { cat build.log; exit 1; }
unnoticed=0
while IFS='|' read -r name file edit; do
  case $name in '#'* | '') continue ;; esac
  file=src/sched/$(echo $file)
  cp "$file" "$work/original"
  sed -i "$(echo "$edit" | sed 's/^ *//')" "$file"
  if cmp -s "$file" "$work/original"; then
    echo "NOT PLANTED  $name"
    unnoticed=$((unnoticed + 1))
  elif ! ninja -C build sim_test >build.log 2>&1; then
    echo "NOT BUILT    $name"
    unnoticed=$((unnoticed + 1))
  else
    SERENO_SIM_SEEDS=$seeds timeout 300 build/sim_test >run.log 2>&1
    status=$?
    reason=$(grep -m1 -hE 'FAILED: |bug: ' run.log | cut -c1-120)
    if [ -n "$reason" ]; then
      echo "found        $name: $reason"
    elif [ $status = 124 ]; then
      echo "HANGS        $name" # the runner's time limit would tell, no invariant does
    else
      echo "UNNOTICED    $name"
      unnoticed=$((unnoticed + 1))
    fi
  fi
  cp "$work/original" "$file"
done <tests/sim/mutants.txt
echo "$unnoticed planted bugs went unnoticed"
[ "$unnoticed" -eq 0 ]
