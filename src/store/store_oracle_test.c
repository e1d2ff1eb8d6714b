/* Random calls on mem and another backend side by side: the same answers, the same rows, and an audit that stays clean. The seed
 * is printed when they differ; SERENO_ORACLE_SEED=n plays one again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "tests/support/store_fixture.h"

#define SEEDS 12
#define PAIR 2 /* mem, and another */
#define STEPS 120
#define JOBS_MAX 6
#define BATCH_MAX 4
#define OPEN_MAX 256

static int64_t horizon_ms; /* of this seed: also far ahead, so that edits meet claims */

struct pair {
  struct harness both[PAIR];
  uint64_t random;
  int64_t open_runs[OPEN_MAX], open_jobs[OPEN_MAX], open_dues[OPEN_MAX]; /* started or claimed, to be ended */
  size_t open_count;
  uint64_t seed;
  int step;
};

static uint64_t next_random(struct pair *w) { return w->random = hash_int(w->random + 1); }
static int64_t below(struct pair *w, int64_t n) { return (int64_t)(next_random(w) % (uint64_t)n); }

#define AGREE(w, cond)                                                                                 \
  do {                                                                                                 \
    if (!(cond)) fail_msg("seed %" PRIu64 ", step %d: %s does not hold", (w)->seed, (w)->step, #cond); \
  } while (0)

/* ---- the same change twice: `choice` decides everything ---- */

struct choice {
  enum change_kind kind;
  int64_t job_no, due_ms, run_no, number;
  int variant;
};

static const char *const schedules[] = {"* * * * *",  "*/20 * * * * *",          "0 * * * *",  "@every 90s",
                                        "30 2 * * *", "*/5 * * * * | 1 1 * * *", "75 * * * *", "@reboot"};

static struct change *save_change(struct harness *h, const struct choice *c) {
  char name[16];
  snprintf(name, sizeof name, "job%d", (int)(c->number % JOBS_MAX));
  struct job job = harness_definition(name, schedules[c->variant % 8]);
  job.no = c->job_no;
  job.timezone = c->number % 3 ? "UTC" : NULL;
  job.category = c->number % 2 ? "SYNC" : NULL;
  job.is_active = c->variant % 11 != 0;
  job.misfire_policy = c->variant % 4 < 3 ? c->variant % 4 : FIELD_NULL;
  job.splay = c->number % 5 == 0 ? 30 : FIELD_NULL;
  struct change *change = harness_save(h, &job);
  change->job.until_ms = h->now_ms + horizon_ms;
  change->audit = (struct audit_note){.actor = "user:test", .action = "job.save", .object = "job"};
  return change;
}

static struct change *gate_change(struct harness *h, const struct choice *c) {
  static const enum gate_scope scopes[] = {GATE_SCOPE_JOB, GATE_SCOPE_CATEGORY, GATE_SCOPE_ALL,
                                           GATE_SCOPE_WORLD_JOBS};
  struct change *change = harness_gate(h, scopes[c->variant % 4], c->job_no, (enum gate)(c->number % 3));
  if (change->gate.scope == GATE_SCOPE_CATEGORY) change->gate.key = "SYNC";
  if (c->number % 4 == 0) change->gate.gate_until_ms = h->now_ms + c->number % 600 * SECOND;
  change->gate.until_ms = h->now_ms + horizon_ms;
  return change;
}

static struct change *build(struct harness *h, const struct choice *c) {
  struct change *change;
  switch (c->kind) {
    case CHANGE_CLAIM:
      change = harness_claim(h, h->now_ms + horizon_ms);
      change->claim.max = (size_t)(c->variant % 3 ? 10000 : 7);
      change->claim.late_reason = c->variant % 2 ? REASON_WINDOW : REASON_SERVER_DOWN;
      return change;
    case CHANGE_JOB_SAVE: return save_change(h, c);
    case CHANGE_JOB_DELETE:
      change = change_new(CHANGE_JOB_DELETE, h->now_ms);
      change->job.job_no = c->job_no;
      change->job.if_updated_ms = FIELD_NULL;
      return change;
    case CHANGE_GATE: return gate_change(h, c);
    case CHANGE_SETTINGS: {
      struct settings s = *h->boot.settings;
      s.timezone = c->number % 2 ? "America/New_York" : "Europe/Madrid";
      s.is_enabled = c->variant % 3 != 0;
      s.ledger_rows_per_job = 30;
      s.keep_executions = 100000;
      change = harness_settings(h, &s);
      change->settings.until_ms = h->now_ms + horizon_ms;
      return change;
    }
    case CHANGE_CLOCK:
      change = change_new(CHANGE_CLOCK, h->now_ms);
      change->clock.was_ms = h->now_ms + c->number % 3 * MINUTE;
      change->clock.is_ms = h->now_ms;
      return change;
    case CHANGE_RETAIN:
      change = change_new(CHANGE_RETAIN, h->now_ms);
      change->retain.max_rows = 5;
      return change;
    case CHANGE_SETTLE:
      change = harness_run(h, CHANGE_SETTLE, c->run_no, c->job_no, c->due_ms);
      change->run.has_run = false;
      change->run.state = OCCURRENCE_SKIPPED;
      change->run.reason = REASON_OVERLAP;
      return change;
    default:
      change = harness_run(h, c->kind, c->run_no, c->job_no, c->due_ms);
      if (c->kind == CHANGE_END && c->variant % 3 == 0) {
        change->run.run.status = RUN_FAILED;
        change->run.reason = change->run.run.reason = REASON_FAILED;
        change->run.chain = -1;
      }
      return change;
  }
}

static struct choice choose(struct pair *w) {
  static const enum change_kind kinds[] = {CHANGE_CLAIM, CHANGE_CLAIM,     CHANGE_CLAIM,    CHANGE_START,
                                           CHANGE_END,   CHANGE_END,       CHANGE_JOB_SAVE, CHANGE_GATE,
                                           CHANGE_QUEUE, CHANGE_SETTLE,    CHANGE_RETAIN,   CHANGE_SETTINGS,
                                           CHANGE_CLOCK, CHANGE_JOB_DELETE};
  struct choice c = {.kind = kinds[below(w, sizeof kinds / sizeof *kinds)],
                     .number = below(w, 1000000),
                     .variant = (int)below(w, 1000)};
  c.job_no = below(w, 4) ? below(w, JOBS_MAX) + 1 : 0;
  c.due_ms = INSTANT_NONE;
  c.run_no = harness_next_run_no(&w->both[0]);
  if (c.kind == CHANGE_JOB_DELETE && below(w, 3)) c.kind = CHANGE_CLAIM;
  bool wants_open = c.kind == CHANGE_START || c.kind == CHANGE_END || c.kind == CHANGE_SETTLE;
  if (wants_open && w->open_count == 0) c.kind = CHANGE_CLAIM;
  if (wants_open && w->open_count > 0) {
    size_t i = (size_t)below(w, (int64_t)w->open_count);
    c.job_no = w->open_jobs[i];
    c.due_ms = w->open_dues[i];
    if (w->open_runs[i]) c.run_no = w->open_runs[i];
    if (c.due_ms <= w->both[0].now_ms) w->open_runs[i] = c.run_no;
    if (c.kind == CHANGE_SETTLE && below(w, 2)) c.kind = CHANGE_START;
    if (c.due_ms > w->both[0].now_ms) { /* nothing starts before it is due */
      c.kind = CHANGE_CLAIM;
    } else if (c.kind == CHANGE_SETTLE || (c.kind == CHANGE_END && below(w, 3))) { /* an END may come again */
      w->open_runs[i] = w->open_runs[--w->open_count];
      w->open_jobs[i] = w->open_jobs[w->open_count];
      w->open_dues[i] = w->open_dues[w->open_count];
    }
  } else if (c.kind == CHANGE_QUEUE && c.job_no == 0) {
    c.job_no = 1;
  }
  return c;
}

/* ---- comparing ---- */

static bool same_record(const struct field *fields, size_t count, const void *a, const void *b) {
  for (size_t i = 0; i < count; i++) {
    const struct field *f = &fields[i];
    bool is_text = f->type == FIELD_TEXT || f->type == FIELD_JSON;
    if (is_text ? !str_eq(str_of(field_text(f, a)), str_of(field_text(f, b)))
                : field_int(f, a) != field_int(f, b)) {
      print_message("field %s differs\n", f->name);
      return false;
    }
  }
  return true;
}

static void compare_answers(struct pair *w, const struct change *a, const struct change *b) {
  AGREE(w, a->error == b->error);
  AGREE(w, str_eq(str_of(a->detail.field), str_of(b->detail.field)));
  AGREE(w, a->claimed.count == b->claimed.count);
  AGREE(w, a->gap_count == b->gap_count);
  for (size_t i = 0; i < a->claimed.count; i++) {
    const struct claim *x = &a->claimed.claims[i], *y = &b->claimed.claims[i];
    AGREE(w,
          x->due_ms == y->due_ms && x->not_before_ms == y->not_before_ms && x->is_catch_up == y->is_catch_up);
    AGREE(w, x->job->no == y->job->no && x->job->version == y->job->version);
  }
  for (size_t i = 0; i < a->gap_count; i++) {
    const struct gap *x = &a->gaps[i], *y = &b->gaps[i];
    AGREE(w, x->job_no == y->job_no && x->first_ms == y->first_ms && x->last_ms == y->last_ms &&
                 x->count == y->count);
    AGREE(w, x->state == y->state && x->reason == y->reason);
  }
  if (a->kind == CHANGE_CLAIM)
    AGREE(w, a->claim.next_due_ms == b->claim.next_due_ms && a->claim.has_more == b->claim.has_more);
  if (a->kind == CHANGE_END) AGREE(w, a->run.failures == b->run.failures);
  if (a->kind == CHANGE_RETAIN)
    AGREE(w, a->retain.deleted == b->retain.deleted && a->retain.has_more == b->retain.has_more);
  if (a->kind == CHANGE_JOB_SAVE && a->error == ERR_OK)
    AGREE(w, same_record(job_fields, job_field_count, a->job.saved, b->job.saved));
}

static void ask_both(struct pair *w, enum store_read_kind kind, int64_t no, struct store_read *r[PAIR]) {
  for (int k = 0; k < PAIR; k++) {
    r[k] = harness_read(&w->both[k], kind);
    r[k]->no = no;
    r[k]->with_output = true;
    harness_ask(&w->both[k], r[k]);
  }
  AGREE(w, r[0]->count == r[1]->count && r[0]->has_more == r[1]->has_more && r[0]->total == r[1]->total);
}

static void free_both(struct store_read *r[PAIR]) {
  for (int k = 0; k < PAIR; k++) store_read_free(r[k]);
}

static void compare_states(struct pair *w) {
  struct store_read *r[PAIR];
  for (int k = 0; k < PAIR; k++) harness_touch(&w->both[k]);
  ask_both(w, READ_JOBS, 0, r);
  for (size_t i = 0; i < r[0]->count; i++) {
    AGREE(w, same_record(job_fields, job_field_count, r[0]->jobs[i].job, r[1]->jobs[i].job));
    AGREE(w, r[0]->jobs[i].gate == r[1]->jobs[i].gate &&
                 r[0]->jobs[i].has_last_run == r[1]->jobs[i].has_last_run);
  }
  free_both(r);
  ask_both(w, READ_RUNS, 0, r);
  for (size_t i = 0; i < r[0]->count; i++)
    AGREE(w, same_record(run_fields, run_field_count, &r[0]->runs[i].run, &r[1]->runs[i].run));
  free_both(r);
  for (int64_t no = 1; no <= 40; no++) {
    ask_both(w, READ_OCCURRENCES, no, r);
    for (size_t i = 0; i < r[0]->count; i++)
      AGREE(w, memcmp(&r[0]->occurrences[i], &r[1]->occurrences[i], sizeof *r[0]->occurrences) == 0);
    free_both(r);
  }
  ask_both(w, READ_DASHBOARD, 0, r);
  AGREE(w, memcmp(&r[0]->dashboard, &r[1]->dashboard, sizeof r[0]->dashboard) == 0);
  free_both(r);
  ask_both(w, READ_GATES, 0, r);
  free_both(r);
  ask_both(w, READ_AUDIT_VERIFY, 0, r);
  AGREE(w, r[0]->proof.first_bad == 0 && r[1]->proof.first_bad == 0);
  free_both(r);
  ask_both(w, READ_AUDIT_LOG, 0, r);
  for (size_t i = 0; i < r[0]->count; i++)
    AGREE(w, str_eq(str_of(r[0]->audit_rows[i].hash), str_of(r[1]->audit_rows[i].hash)));
  free_both(r);
}

static void remember_claims(struct pair *w, const struct change *c) {
  for (size_t i = 0; i < c->claimed.count && w->open_count < OPEN_MAX; i++) {
    w->open_runs[w->open_count] = 0;
    w->open_jobs[w->open_count] = c->claimed.claims[i].job->no;
    w->open_dues[w->open_count++] = c->claimed.claims[i].due_ms;
  }
}

/* A server claims what is due without being asked; what nobody claimed would be a fault. */
static void claim_all(struct pair *w) {
  for (bool has_more = true; has_more;) {
    struct change *c[PAIR];
    for (int k = 0; k < PAIR; k++) {
      c[k] = harness_claim(&w->both[k], w->both[k].now_ms + horizon_ms);
      CHECK_OK(harness_apply(&w->both[k], c[k]));
    }
    compare_answers(w, c[0], c[1]);
    remember_claims(w, c[0]);
    has_more = c[0]->claim.has_more;
    for (int k = 0; k < PAIR; k++) change_free(c[k]);
  }
}

/* What a server would settle soon is no fault yet: only faults count that no later call can mend. */
static void compare_audits(struct pair *w) {
  struct store_read *r[PAIR];
  claim_all(w);
  ask_both(w, READ_LEDGER_AUDIT, 0, r);
  AGREE(w, memcmp(&r[0]->proof, &r[1]->proof, sizeof r[0]->proof) == 0);
  for (size_t i = 0; i < r[0]->count; i++) {
    const struct audit_difference *d = &r[0]->differences[i];
    if (strcmp(d->kind, "stuck_pending") == 0) continue;
    fail_msg("seed %" PRIu64 ", step %d: job %lld %s: %s at %s: %s", w->seed, w->step, (long long)d->job_no,
             d->job_name, d->kind, instant_to_text(d->due_ms).text, d->text);
  }
  free_both(r);
}

/* ---- one seed ---- */

/* As the core does: an edit takes back what lies ahead, and answers with what it claimed instead. */
static void forget_withdrawn(struct pair *w, const struct change *c) {
  if (c->kind != CHANGE_JOB_SAVE && c->kind != CHANGE_JOB_DELETE && c->kind != CHANGE_GATE &&
      c->kind != CHANGE_SETTINGS)
    return;
  size_t kept = 0;
  int64_t stopped = 0; /* a job whose waiting claims the edit has settled */
  if (c->kind == CHANGE_JOB_DELETE) stopped = c->job.job_no;
  if (c->kind == CHANGE_JOB_SAVE && !c->job.job->is_active) stopped = c->job.job->no;
  for (size_t i = 0; i < w->open_count; i++) {
    if (w->open_dues[i] > w->both[0].now_ms || w->open_jobs[i] == stopped) continue;
    w->open_runs[kept] = w->open_runs[i];
    w->open_jobs[kept] = w->open_jobs[i];
    w->open_dues[kept++] = w->open_dues[i];
  }
  w->open_count = kept;
}

static void step(struct pair *w) {
  struct choice choices[BATCH_MAX];
  struct change *batch[PAIR][BATCH_MAX];
  size_t n = (size_t)below(w, BATCH_MAX) + 1;
  for (size_t i = 0; i < n; i++) choices[i] = choose(w);
  for (int k = 0; k < PAIR; k++) {
    struct harness *h = &w->both[k];
    h->last_run = w->both[0].last_run;
    for (size_t i = 0; i < n; i++) batch[k][i] = build(h, &choices[i]);
    CHECK_OK(h->backend->ops->apply(h->backend, batch[k], n));
  }
  AGREE(w, w->both[0].backend->ops->next_due_ms(w->both[0].backend) ==
               w->both[1].backend->ops->next_due_ms(w->both[1].backend));
  for (size_t i = 0; i < n; i++) {
    compare_answers(w, batch[0][i], batch[1][i]);
    forget_withdrawn(w, batch[0][i]);
    remember_claims(w, batch[0][i]);
    for (int k = 0; k < PAIR; k++) change_free(batch[k][i]);
  }
}

static void reopen_both(struct pair *w) {
  bool is_new_boot = below(w, 2);
  static const char *const boots[] = {"00000000-0000-0000-0000-00000000000a",
                                      "00000000-0000-0000-0000-00000000000b"};
  const char *boot = is_new_boot ? boots[below(w, 2)] : NULL;
  bool is_off = below(w, 4) == 0;
  for (int k = 0; k < PAIR; k++) {
    w->both[k].config.is_process_off = is_off;
    harness_reopen(&w->both[k], w->both[k].now_ms + SECOND, boot); /* starting takes time */
  }
  const struct store_boot *a = &w->both[0].boot, *b = &w->both[1].boot;
  AGREE(w,
        a->epoch == b->epoch && a->last_alive_ms == b->last_alive_ms && a->is_same_boot == b->is_same_boot);
  AGREE(w, a->last_run_no == b->last_run_no && a->unfinished_count == b->unfinished_count);
  for (size_t i = 0; i < a->unfinished_count; i++) {
    const struct unfinished *x = &a->unfinished[i], *y = &b->unfinished[i];
    AGREE(w, x->due_ms == y->due_ms && x->has_claim == y->has_claim && x->has_run == y->has_run);
    AGREE(w, x->job->no == y->job->no && x->job->version == y->job->version && x->run.no == y->run.no);
  }
  w->open_count = 0;
  for (size_t i = 0; i < a->unfinished_count && w->open_count < OPEN_MAX; i++) {
    if (a->unfinished[i].due_ms == INSTANT_NONE) continue;
    w->open_runs[w->open_count] = a->unfinished[i].has_run ? a->unfinished[i].run.no : 0;
    w->open_jobs[w->open_count] = a->unfinished[i].job->no;
    w->open_dues[w->open_count++] = a->unfinished[i].due_ms;
  }
}

static void play(enum harness_kind other, uint64_t seed) {
  struct pair w = {.seed = seed, .random = seed};
  static const int64_t horizons_ms[] = {2 * SECOND, 5 * MINUTE, 3 * HOUR};
  horizon_ms = horizons_ms[seed % 3];
  for (int k = 0; k < PAIR; k++) harness_open(&w.both[k], k ? other : HARNESS_MEM);
  for (w.step = 0; w.step < STEPS; w.step++) {
    static const int64_t leaps[] = {0, SECOND, 7 * SECOND, MINUTE, 10 * MINUTE, 2 * HOUR, DAY};
    int64_t leap = leaps[below(&w, below(&w, 8) ? 5 : 7)];
    for (int k = 0; k < PAIR; k++) w.both[k].now_ms += leap;
    step(&w);
    if (below(&w, 25) == 0) reopen_both(&w);
    if (below(&w, 10) == 0) compare_states(&w);
    if (below(&w, 15) == 0) compare_audits(&w);
  }
  compare_states(&w);
  compare_audits(&w);
  for (int k = 0; k < PAIR; k++) harness_close(&w.both[k]);
}

static void play_all(enum harness_kind other) {
  const char *one = getenv("SERENO_ORACLE_SEED");
  int64_t seed;
  if (one && str_to_int(str_of(one), 0, INT64_MAX, &seed)) {
    play(other, (uint64_t)seed);
    return;
  }
  for (uint64_t i = 1; i <= SEEDS; i++) play(other, i);
}

static void sqlite_does_what_mem_does(void **state) {
  (void)state;
  play_all(HARNESS_SQLITE);
}

static void postgres_does_what_mem_does(void **state) {
  (void)state;
  play_all(HARNESS_PG);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sqlite_does_what_mem_does),
      cmocka_unit_test(postgres_does_what_mem_does),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
