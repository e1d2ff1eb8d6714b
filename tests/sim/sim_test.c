/* Runs the simulator over many seeds; with SERENO_SIM_SEED over that one, telling every event.
 *   SERENO_SIM_SEEDS=n    how many seeds (2,500)
 *   SERENO_SIM_FIRST=n    the first of them (1) */
#include <stdlib.h>

#include "tests/sim/sim.h"
#include "tests/support/check.h"

#define SEEDS 2500
#define EACH_AT_LEAST 1000 /* of every kind of event in a run of SEEDS */

static int64_t from_environment(const char *name, int64_t otherwise) {
  int64_t value;
  const char *text = getenv(name);
  return text && str_to_int(str_of(text), 0, INT64_MAX, &value) ? value : otherwise;
}

static bool run_seed(uint64_t seed, bool is_verbose, int64_t *counters, int64_t *steps, int64_t *virtual_ms) {
  struct sim *w = calloc(1, sizeof *w);
  w->seed = seed;
  w->is_verbose = is_verbose;
  w->counters = counters;
  bool is_fine = sim_run(w);
  if (!is_fine)
    printf("seed %llu FAILED: %s\n  replay: make sim SEED=%llu\n", (unsigned long long)seed, w->failure,
           (unsigned long long)seed);
  *steps += (int64_t)w->steps;
  *virtual_ms += w->now;
  sim_free(w);
  free(w);
  return is_fine;
}

static void every_history_keeps_the_promises(void **state) {
  (void)state;
  int64_t one = from_environment("SERENO_SIM_SEED", 0);
  int64_t first = one ? one : from_environment("SERENO_SIM_FIRST", 1);
  int64_t seeds = one ? 1 : from_environment("SERENO_SIM_SEEDS", SEEDS);
  int64_t counters[SIM_COUNTER_COUNT] = {}, steps = 0, virtual_ms = 0, failures = 0;
  for (int64_t seed = first; seed < first + seeds && failures < 5; seed++)
    failures += !run_seed((uint64_t)seed, one != 0, counters, &steps, &virtual_ms);
  printf("%lld seeds, %lld steps of the core, %.1f virtual days\n", (long long)seeds, (long long)steps,
         (double)virtual_ms / (double)SIM_DAY);
  static const char *const names[] = {
#define X(name, text) text,
      SIM_COUNTERS(X)
#undef X
  };
  for (int n = 0; n < SIM_COUNTER_COUNT; n++) printf("  %9lld  %s\n", (long long)counters[n], names[n]);
  assert_int_equal(failures, 0);
  for (int n = 0; n < SIM_COUNTER_COUNT && seeds >= SEEDS; n++)
    if (counters[n] < EACH_AT_LEAST) fail_msg("only %lld times: %s", (long long)counters[n], names[n]);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0); /* a seed that aborts has told its events */
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_history_keeps_the_promises)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
