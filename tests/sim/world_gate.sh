#!/bin/bash
# `sereno sim world` as a gate: one seed at full length, and shorter runs that a fault has to turn red or move. The
# release binary: it plays 140 days of 60 worlds on real stores. Prints ok/not ok; the report is in SERENO_TEST_OUT.
set -u
sereno=${SERENO_RELEASE_BIN:-build/sereno}
out=${SERENO_TEST_OUT:-$(mktemp -d)}
check() { # NAME COMMAND…
  name=$1
  shift
  if "$@"; then echo "ok $name"; else echo "not ok $name"; fi
}
sim() { # FILE ARGUMENT… : a report; its exit code stands in FILE.code
  file=$out/$1
  shift
  "$sereno" sim world --json "$@" >"$file"
  echo $? >"$file.code"
}
holds() { jq -e "$2" "$out/$1" >/dev/null || { jq -c '.gates, .figures' "$out/$1"; false; }; }
code() { [ "$(cat "$out/$1.code")" = "$2" ]; }
figure() { jq "[.figures[] | select(.figure == \"$2\")][0].$3" "$out/$1"; }
less() { jq -n -e "$1 < $2" >/dev/null || { echo "$1 is not less than $2"; false; }; }
gate() { holds "$1" "[.gates[] | select(.gate == \"$2\")][0].isMet == $3"; }

# Short controls beside the long run: two processors are usual.
controls() {
  short=(--warmup 5 --days 5 --byte-scale 1/256 --lump 64)
  sim base.json "${short[@]}"
  sim fault.json "${short[@]}" --fault no-cleanup
  sim residue.json "${short[@]}" --residue-scale 0.5 --jobs sync
  sim rare.json "${short[@]}" --auto-pause-every 12h
  sim other.json "${short[@]}" --seed 43
}
controls &
sim gate.json --seed 42
wait

check all-gates-are-met code gate.json 0
check A-65_leak_falls_from_500_to_a_bounded_set gate gate.json "ON leak MB/day" true
check A-65_the_model_has_not_moved gate gate.json "OFF leak MB/day" true
check A-66_zombies_fall_from_30_percent_into_the_range_of_the_claim gate gate.json "ON zombies %" true
check A-66_the_model_has_not_moved gate gate.json "OFF zombies %" true
check A-67_the_database_grows_by_less_than_200_MB gate gate.json "ON database MB/month" true
check A-67_the_model_has_not_moved gate gate.json "OFF database MB/month" true
check A-67_the_archive_is_stated_beside_it holds gate.json '[.figures[] | select(.figure == "storage with archive")][0].on > 0'
check A-11_idle_worlds_hold_60_percent_less gate gate.json "ON held by idle worlds, cut %" true
check A-32_a_first_message_waits_at_most_2_ms_longer less "$(figure gate.json 'message p50' on)" "2 + $(figure gate.json 'message p50' off)"
check B-5_resuming_adds_less_than_20_ms gate gate.json "resume adds p95 ms" true
check A-53_events_are_reported_as_measured holds gate.json '.emergentEvents.measured > 100'
check nothing_is_lost gate gate.json lostWrites true
check nothing_is_deleted_wrongly gate gate.json wrongDeletes true
check no_protected_world_is_paused gate gate.json protectedPaused true
check worlds_are_deleted_in_it holds gate.json '[.figures[] | select(.figure == "worlds deleted")][0].on > 0'

check a_working_cleanup_meets_its_gate gate base.json "ON held by idle worlds, cut %" true
check a_cleanup_that_does_nothing_turns_that_gate_red gate fault.json "ON held by idle worlds, cut %" false
check a_red_gate_is_the_exit_code code fault.json 1
check half_the_residue_is_less_leak less "$(figure residue.json leak off)" "0.75 * $(figure base.json leak off)"
check rarer_pauses_are_more_zombies less "$(figure base.json zombies on)" "$(figure rare.json zombies on)"
check another_seed_is_another_result holds other.json ".figures[0].off != $(figure base.json leak off)"

"$sereno" sim world --json --preset cost1000 >"$out/cost.json"
check B-1_the_ledger_saves_what_was_paused holds cost.json '.isMet and .inactiveShare == 0.5 and .savedUSD > 1140 and .savedUSD < 1200'
