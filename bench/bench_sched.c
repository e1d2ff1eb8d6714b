/* What a herd costs the core: n jobs due at one instant, from the timer to the START actions, and the whole
 * life of a run (START, STARTED, its row, END, its answer). */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/instant.h"
#include "base/limits.h"
#include "sched/sched.h"

#define DUE_MS 1763726400000LL

/* CPU time of this process: the core does nothing else, and the machine may have other work. */
static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct sched_actions step(struct sched *s, struct sched_event event, int64_t now_ms) {
  struct sched_actions actions;
  if (sched_step(s, &event, now_ms, &actions)) abort();
  return actions;
}

static struct change *find_change(struct sched_actions actions, enum change_kind kind) {
  for (size_t i = 0; i < actions.count; i++)
    if (actions.items[i].kind == SCHED_DO_CHANGE && actions.items[i].change->kind == kind)
      return actions.items[i].change;
  return NULL;
}

static struct change *claims(struct change *c, size_t count) {
  if (!c) abort();
  c->claimed.claims = ARENA_ARRAY(&c->arena, struct claim, count);
  if (!c->claimed.claims) abort();
  for (size_t i = 0; i < count; i++) {
    struct job job;
    char name[32];
    job_init(&job);
    snprintf(name, sizeof name, "job-%zu", i);
    job.id = job.name = name;
    job.schedule = "* * * * *";
    job.command = "true";
    job.no = (int64_t)i + 1;
    job.version = 1;
    struct job *copy = job_copy(&job);
    if (!copy) abort();
    c->claimed.claims[i] = (struct claim){.job = copy, .due_ms = DUE_MS, .not_before_ms = DUE_MS};
  }
  c->claimed.count = count;
  c->claim.next_due_ms = INSTANT_NEVER;
  return c;
}

static void answer(struct sched *s, struct change *c, int64_t now_ms) {
  struct sched_actions a = step(s, (struct sched_event){.kind = SCHED_ANSWERED, .change = c}, now_ms);
  for (size_t i = 0; i < a.count; i++)
    if (a.items[i].change) change_free(a.items[i].change);
}

static void end_run(struct sched *s, int64_t run_no) {
  struct change *row = find_change(
      step(s, (struct sched_event){.kind = SCHED_STARTED, .run_no = run_no, .at_ms = DUE_MS}, DUE_MS),
      CHANGE_START);
  answer(s, row, DUE_MS);
  struct sched_end end = {.run_no = run_no, .status = RUN_SUCCESS};
  run_init(&end.facts);
  end.facts.finished_ms = DUE_MS + 1;
  struct change *ended =
      find_change(step(s, (struct sched_event){.kind = SCHED_ENDED, .end = &end}, DUE_MS + 1), CHANGE_END);
  answer(s, ended, DUE_MS + 1);
}

static void herd(size_t count) {
  struct sched *s;
  struct sched_config config = {.epoch = 1};
  if (sched_new(&config, &s)) abort();
  struct settings settings;
  settings_init(&settings);
  settings.max_concurrent = LIMIT_RUNNING_RUNS;
  step(s, (struct sched_event){.kind = SCHED_SETTINGS, .settings = settings_copy(&settings)}, DUE_MS - 1000);
  struct change *claim =
      find_change(step(s, (struct sched_event){.kind = SCHED_READY}, DUE_MS - 1000), CHANGE_CLAIM);
  claims(claim, count);
  double begin = now_us();
  answer(s, claim, DUE_MS - 900);
  double armed = now_us();
  struct sched_actions a = step(s, (struct sched_event){.kind = SCHED_TIMER}, DUE_MS);
  double started = now_us();
  int64_t *runs = calloc(count, sizeof *runs);
  if (!runs) abort();
  size_t n = 0;
  for (size_t i = 0; i < a.count; i++)
    if (a.items[i].kind == SCHED_DO_START) runs[n++] = a.items[i].run_no;
  double ends = now_us();
  for (size_t i = 0; i < n; i++) end_run(s, runs[i]);
  double done = now_us();
  printf(
      "%6zu jobs due at once: armed in %.2f us, started in %.2f us, recorded and ended in %.2f us each (%zu "
      "started)\n",
      count, (armed - begin) / (double)count, (started - armed) / (double)count, (done - ends) / (double)n,
      n);
  free(runs);
  sched_free(s);
}

int main(void) {
  printf("The pure core alone: no store, no warden, no loop.\n");
  for (int round = 0; round < 2; round++) {
    herd(100);
    herd(1000);
    herd(LIMIT_CLAIM_BATCH);
  }
  return 0;
}
