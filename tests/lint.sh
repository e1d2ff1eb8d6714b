#!/bin/sh
# The lint's own test: each check is shown a fault it must find, and clean code it must pass.
root=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ok() { echo "ok $1"; }
not_ok() { echo "not ok $1"; cat "$work/out"; }

# finds NAME CHECK RULES PATH WANT: with stdin as the file PATH, the check must fail and say WANT ("" = pass).
finds() {
  mkdir -p "$work/$(dirname "$4")"
  cat >"$work/$4"
  (cd "$work" && awk -f "$root/tools/lint-$2.awk" "$root/tools/$3" "$4") >"$work/out" 2>&1
  code=$?
  rm "$work/$4"
  if [ -z "$5" ]; then [ $code = 0 ] && ok "$1" || not_ok "$1"
  elif [ $code != 0 ] && grep -qF -- "$5" "$work/out"; then ok "$1"
  else not_ok "$1"; fi
}

finds layers_refuse_upwards layers layers.txt src/model/x.c 'src/model may not include "store/store.h"' <<'X'
#include "store/store.h"
X
finds layers_refuse_sideways layers layers.txt src/http/x.c 'may not include "model/job.h"' <<'X'
#include "model/job.h"
X
finds layers_take_what_is_below layers layers.txt src/store/x.c '' <<'X'
#include <sqlite3.h>
#include "base/err.h"
#include "model/job.h"
#include "store/store.h"
X
finds layers_keep_sqlite_in_the_store layers layers.txt src/api/x.c '<sqlite3.h> may be included only in' <<'X'
#include <sqlite3.h>
X
finds layers_keep_the_core_pure layers layers.txt src/sched/x.c 'in a pure folder' <<'X'
#include "base/log.h"
X
finds layers_take_single_headers layers layers.txt executors/x.c 'may not include "warden/client.h"' <<'X'
#include "warden/child.h"
#include "warden/client.h"
X
finds layers_know_every_folder layers layers.txt src/new/x.c 'is not in tools/layers.txt' <<'X'
int x;
X
finds layers_see_header_cycles layers layers.txt src/base/x.h 'cycle of headers' <<'X'
#include "base/x.h"
X
finds banned_calls_are_found banned banned.txt src/base/x.c 'src/base/x.c:2: sprintf() is banned' <<'X'
/* sprintf( in a comment */
void f(char *b) { sprintf(b, "x"); }
X
finds banned_names_in_text_and_members_pass banned banned.txt src/base/x.c '' <<'X'
/* time( over
   two lines exit( */
void f(struct x *x) { puts("time(1) \" exit(2)"); x->time(1), x.exit(2), _exit(3), my_time(4); }
X
finds exit_is_for_main banned banned.txt src/main.c '' <<'X'
int main(void) { exit(1); }
X
{
  echo 'static int long_one(int a,'
  echo '                    int b) {'
  i=0; while [ $i -lt 70 ]; do echo '  a++;'; i=$((i + 1)); done
  echo '}'
} | finds long_functions_are_found sizes size-budget.txt src/base/x.c 'src/base/x.c:long_one has 73 lines'
i=0; while [ $i -lt 601 ]; do echo '/* x */'; i=$((i + 1)); done |
  finds long_files_are_found sizes size-budget.txt src/base/x.c 'src/base/x.c has 601 lines'

# Headers and coverage work on the checkout itself, so their faults are planted in a copy.
cat >"$work/bad.h" <<'X'
#pragma once
size_t f(void);
X
if tools/lint-header.sh "$work/bad.h" cc -Wall >"$work/out" 2>&1; then not_ok headers_must_compile_alone; else ok headers_must_compile_alone; fi

mkdir -p "$work/copy"
cp -r tools docs tests src executors fuzz "$work/copy/" 2>/dev/null
# plant NAME WANT SED: the coverage file changed by SED must be refused with WANT.
plant() {
  sed "$3" docs/coverage.tsv >"$work/copy/docs/coverage.tsv"
  if "$work/copy/tools/coverage.sh" >"$work/out" 2>&1 || ! grep -qF -- "$2" "$work/out"; then not_ok "$1"; else ok "$1"; fi
}
plant coverage_misses_an_id 'A-7 is missing' '/^A-7	/d'
plant coverage_refuses_an_unknown_id 'no such requirement' 's/^X-34	/X-35	/'
plant coverage_refuses_an_unknown_state 'the state is' 's/^A-7	[a-z]*/A-7	nearly/'
plant coverage_refuses_a_missing_test 'there is no test loop_test/no_such_thing' 's#^A-7	.*#A-7	partial	loop_test/no_such_thing#'
plant coverage_refuses_done_without_a_test 'done needs a test' 's/^A-7	.*/A-7	done	/'
sed 's#^A-7	.*#A-7	done	loop_test/signals_arrive_on_the_loop#; /^A-7	/!s/	done	/	partial	/' docs/coverage.tsv >"$work/copy/docs/coverage.tsv"
printf 'loop_test\tsignals_arrive_on_the_loop\tok\n' >"$work/results"
if "$work/copy/tools/coverage.sh" --results "$work/results" >"$work/out" 2>&1; then ok coverage_takes_done_that_passed; else not_ok coverage_takes_done_that_passed; fi
printf 'loop_test\tsignals_arrive_on_the_loop\tskipped\n' >"$work/results"
if "$work/copy/tools/coverage.sh" --results "$work/results" >"$work/out" 2>&1; then not_ok coverage_refuses_done_that_was_skipped; else ok coverage_refuses_done_that_was_skipped; fi
