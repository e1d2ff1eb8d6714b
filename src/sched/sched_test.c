#include "sched/sched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "base/limits.h"
#include "tests/support/check.h"

/* A rig around one core: the store answers when told, claims come from a list, and everything the
 * core wants is written into one text a rule's test can be compared with:
 *   start 1  kill 1 replaced  ack 1  queue 1  row 1 …   (numbers: job number, #attempt when above 1) */
#define NOON 1763726400000LL
#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define PENDING_MAX 64
#define RUNS_MAX 64

struct rig {
  struct sched *s;
  int64_t now_ms;
  struct settings settings;
  struct change *pending[PENDING_MAX];
  struct change *open_claim; /* a CLAIM is answered when there is something to give */
  size_t pending_count;
  struct {
    int64_t run_no, job_no, attempt;
  } started[RUNS_MAX];
  size_t started_count;
  char log[8000];
  struct sched_action last_start, last_answer;
  struct claim claims[32]; /* given to the next CLAIM */
  size_t claim_count;
  struct gap gaps[4];
  size_t gap_count;
  int64_t failures;
  enum err store_error;
  bool is_manual_store; /* answers wait for rig_answer */
};

[[gnu::format(printf, 2, 3)]] static void say(struct rig *r, const char *format, ...) {
  size_t used = strlen(r->log);
  va_list args;
  va_start(args, format);
  vsnprintf(r->log + used, sizeof r->log - used, format, args);
  va_end(args);
}

static struct job *new_job(int64_t no) {
  struct job job;
  char name[32];
  job_init(&job);
  snprintf(name, sizeof name, "job%lld", (long long)no);
  job.id = job.name = name;
  job.schedule = "* * * * *";
  job.command = "true";
  job.no = no;
  job.version = 1;
  job.retry_delay = 60;
  return job_copy(&job);
}

static void say_change(struct rig *r, const struct change *c) {
  const char *what = NULL;
  switch (c->kind) {
    case CHANGE_QUEUE: what = "queue"; break;
    case CHANGE_START: what = "row"; break;
    case CHANGE_END: what = "end"; break;
    case CHANGE_SETTLE: what = "settle"; break;
    case CHANGE_JOB_SAVE: what = "save"; break;
    case CHANGE_JOB_DELETE: what = "delete"; break;
    case CHANGE_GATE: what = "gate"; break;
    case CHANGE_SETTINGS: what = "settings"; break;
    case CHANGE_CLOCK: what = "clock"; break;
    default: return;
  }
  if (c->kind > CHANGE_SETTLE) {
    say(r, "%s\n", what);
    return;
  }
  say(r, "%s %lld", what, (long long)c->run.job_no);
  if (c->run.run.attempt > 1) say(r, "#%lld", (long long)c->run.run.attempt);
  if (c->kind == CHANGE_END) say(r, " %s", run_status_text((enum run_status)c->run.run.status));
  if (c->kind == CHANGE_SETTLE)
    say(r, " %s/%s%s", occurrence_state_text(c->run.state), reason_text(c->run.reason),
        c->run.has_run ? "" : " norow");
  if (c->kind == CHANGE_END && c->run.has_retry)
    say(r, " retry+%lld", (long long)(c->run.retry.not_before_ms - r->now_ms) / 1000);
  if (c->kind == CHANGE_END && c->run.chain) say(r, " chain%+d", c->run.chain);
  say(r, "\n");
}

static void say_note(struct rig *r, const struct sched_note *n) {
  switch (n->kind) {
    case SCHED_NOTE_FAILURES: say(r, "failures %lld\n", (long long)n->failures); break;
    case SCHED_NOTE_RECOVERED: say(r, "recovered %lld\n", (long long)n->failures); break;
    case SCHED_NOTE_DISABLED: say(r, "disabled %lld\n", (long long)n->failures); break;
    case SCHED_NOTE_STORE_DOWN: say(r, "store down\n"); break;
    case SCHED_NOTE_STORE_UP: say(r, "store up\n"); break;
    default: break;
  }
}

static void perform(struct rig *r, const struct sched_action *a) {
  switch (a->kind) {
    case SCHED_DO_CHANGE:
      if (a->change->kind == CHANGE_CLAIM) {
        r->open_claim = a->change;
        break;
      }
      say_change(r, a->change);
      assert_true(r->pending_count < PENDING_MAX);
      r->pending[r->pending_count++] = a->change;
      break;
    case SCHED_DO_START:
      say(r, "start %lld", (long long)a->start.job->no);
      if (a->start.run->attempt > 1) say(r, "#%lld", (long long)a->start.run->attempt);
      say(r, "\n");
      r->last_start = *a;
      r->started[r->started_count].run_no = a->run_no;
      r->started[r->started_count].attempt = a->start.run->attempt;
      r->started[r->started_count++].job_no = a->start.job->no;
      break;
    case SCHED_DO_KILL: say(r, "kill %s\n", reason_text(a->reason)); break;
    case SCHED_DO_ACK: say(r, "ack\n"); break;
    case SCHED_DO_ANSWER:
      say(r, "answer %s\n", err_code(a->error));
      r->last_answer = *a;
      if (a->change) change_free(a->change);
      break;
    case SCHED_DO_NOTE: say_note(r, &a->note); break;
  }
}

static void step(struct rig *r, struct sched_event event);

static void answer_claims(struct rig *r, struct change *c) {
  c->at_ms = r->now_ms; /* the rig has held it back: as if it had been asked just now */
  c->claimed.claims = ARENA_ARRAY(&c->arena, struct claim, r->claim_count + 1);
  for (size_t i = 0; i < r->claim_count; i++) c->claimed.claims[i] = r->claims[i];
  c->claimed.count = r->claim_count;
  c->gaps = r->gaps;
  c->gap_count = r->gap_count;
  c->claim.next_due_ms = r->now_ms; /* the next CLAIM comes soon, and waits */
  r->claim_count = r->gap_count = 0;
}

static void answer_one(struct rig *r) {
  assert_true(r->pending_count > 0);
  struct change *c = r->pending[0];
  memmove(r->pending, r->pending + 1, --r->pending_count * sizeof *r->pending);
  c->error = r->store_error;
  if (c->error == ERR_OK) {
    if (c->kind == CHANGE_END) r->failures = c->run.chain > 0 ? 0 : r->failures - c->run.chain;
    if (c->kind == CHANGE_END) c->run.failures = r->failures;
    if (c->kind == CHANGE_JOB_SAVE) {
      c->job.saved = job_copy(c->job.job);
      c->job.saved->version++;
    }
    if (c->kind == CHANGE_SETTINGS) c->settings.saved = settings_ref(c->settings.settings);
  }
  step(r, (struct sched_event){.kind = SCHED_ANSWERED, .change = c});
}

static void answer_all(struct rig *r) {
  for (int n = 0; r->pending_count > 0 && n < 1000; n++) answer_one(r);
}

static void step(struct rig *r, struct sched_event event) {
  struct sched_actions actions;
  CHECK_OK(sched_step(r->s, &event, r->now_ms, &actions));
  static struct sched_action copies[256];
  assert_true(actions.count < 256);
  memcpy(copies, actions.items, actions.count * sizeof *copies);
  size_t count = actions.count;
  for (size_t i = 0; i < count; i++) perform(r, &copies[i]);
  if (!r->is_manual_store && r->pending_count > 0 && r->store_error == ERR_OK) answer_all(r);
}

static void give_claims(struct rig *r) {
  struct change *c = r->open_claim;
  if (!c || r->claim_count == 0) return;
  r->open_claim = NULL;
  answer_claims(r, c);
  step(r, (struct sched_event){.kind = SCHED_ANSWERED, .change = c});
}

static void tick(struct rig *r) {
  give_claims(r);
  step(r, (struct sched_event){.kind = SCHED_TIMER});
}

/* Goes on to an instant, waking the core whenever it asks for it. */
static void advance(struct rig *r, int64_t to_ms) {
  give_claims(r);
  for (int64_t wake_ms; (wake_ms = sched_wake_ms(r->s)) <= to_ms;) {
    if (wake_ms > r->now_ms) r->now_ms = wake_ms;
    tick(r);
    give_claims(r);
    if (r->is_manual_store || r->store_error) break;
  }
  r->now_ms = to_ms;
  tick(r);
}

static void rig_new(struct rig *r) {
  *r = (struct rig){.now_ms = NOON - SECOND};
  settings_init(&r->settings);
  struct sched_config config = {.epoch = 1, .last_run_no = 1, .random_seed = 7};
  CHECK_OK(sched_new(&config, &r->s));
}

/* sched takes its own reference of the settings; this drops the copy's. */
static void use_settings(struct rig *r) {
  struct settings *copy = settings_copy(&r->settings);
  step(r, (struct sched_event){.kind = SCHED_SETTINGS, .settings = copy});
  settings_unref(copy);
}

static void rig_ready(struct rig *r) {
  step(r, (struct sched_event){.kind = SCHED_READY});
  r->log[0] = 0;
}

static void rig_free(struct rig *r) {
  for (size_t i = 0; i < r->pending_count; i++) change_free(r->pending[i]);
  change_free(r->open_claim);
  for (size_t i = 0; i < r->claim_count; i++) job_unref(r->claims[i].job);
  sched_free(r->s);
}

/* The rig owns the job's reference until the claim is answered. */
static void claim(struct rig *r, struct job *job, int64_t due_ms) {
  r->claims[r->claim_count++] =
      (struct claim){.job = job_ref(job), .due_ms = due_ms, .not_before_ms = due_ms};
}

static int64_t run_of(const struct rig *r, int64_t job_no) {
  for (size_t i = r->started_count; i-- > 0;)
    if (r->started[i].job_no == job_no) return r->started[i].run_no;
  fail_msg("job %lld was not started", (long long)job_no);
  return 0;
}

static void started(struct rig *r, int64_t job_no) {
  step(r, (struct sched_event){.kind = SCHED_STARTED, .run_no = run_of(r, job_no), .at_ms = r->now_ms});
}

static void ended_as(struct rig *r, int64_t job_no, enum run_status status, int64_t exit_code,
                     bool may_retry) {
  struct sched_end end = {.run_no = run_of(r, job_no), .status = status, .may_retry = may_retry};
  run_init(&end.facts);
  end.facts.finished_ms = r->now_ms;
  end.facts.exit_code = exit_code;
  step(r, (struct sched_event){.kind = SCHED_ENDED, .end = &end});
}

static void ended(struct rig *r, int64_t job_no, enum run_status status) {
  ended_as(r, job_no, status, 0, true);
}

static void request(struct rig *r, struct job *job, bool refuse) {
  struct sched_request q = {.token = 42,
                            .job = job,
                            .trigger = TRIGGER_MANUAL,
                            .requested_by = "user:ana",
                            .refuse_when_running = refuse};
  step(r, (struct sched_event){.kind = SCHED_RUN, .request = &q});
}

/* Everything said since the last call. */
#define SAID(rig, want)                          \
  do {                                           \
    CHECK_STR(str_of((rig)->log), str_of(want)); \
    (rig)->log[0] = 0;                           \
  } while (0)

#define RIG(r)            \
  struct rig *r = *state; \
  rig_ready(r)

static int setup(void **state) {
  struct rig *r = calloc(1, sizeof *r);
  rig_new(r);
  use_settings(r);
  *state = r;
  return 0;
}

static int teardown(void **state) {
  rig_free(*state);
  free(*state);
  return 0;
}

/* ---- the plain path ---- */
static void a_claim_starts_at_its_instant_without_a_commit(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  advance(r, NOON - 1);
  SAID(r, "");
  r->is_manual_store = true;
  advance(r, NOON);
  SAID(r, "start 1\n");
  started(r, 1);
  SAID(r, "row 1\n");
  r->is_manual_store = false;
  answer_all(r);
  ended(r, 1, RUN_SUCCESS);
  SAID(r, "end 1 success chain+1\nack\n");
  job_unref(job);
}

static void an_early_timer_starts_nothing(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  for (int i = 0; i < 900; i++) {
    r->now_ms++;
    tick(r);
  }
  SAID(r, "");
  advance(r, NOON);
  advance(r, NOON + 1);
  SAID(r, "start 1\n");
  job_unref(job);
}

static void a_manual_run_is_durable_before_it_starts_and_is_answered(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  r->is_manual_store = true;
  request(r, job, false);
  SAID(r, "row 1\n");
  answer_all(r);
  SAID(r, "answer ok\nstart 1\n");
  assert_int_equal(r->last_answer.token, 42);
  assert_int_equal(r->last_answer.run_no, run_of(r, 1));
  assert_int_equal(r->last_start.start.run->due_ms, INSTANT_NONE);
  job_unref(job);
}

static void a_manual_run_is_refused_when_the_store_fails(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  r->is_manual_store = true;
  request(r, job, false);
  r->store_error = ERR_STORE_FULL;
  answer_all(r);
  SAID(r, "row 1\nstore down\nanswer store_full\n");
  assert_int_equal(sched_status(r->s).running, 0);
  job_unref(job);
}

static void a_second_wish_conflicts_when_it_must_not_overlap(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  request(r, job, true);
  int64_t running = run_of(r, 1);
  r->log[0] = 0;
  request(r, job, true);
  SAID(r, "answer conflict\n");
  assert_int_equal(r->last_answer.run_no, running);
  job_unref(job);
}

/* ---- capacity ---- */
static void what_finds_no_slot_is_queued_and_leaves_the_queue_by_a_commit(void **state) {
  struct rig *r = *state;
  r->settings.max_concurrent = 1;
  use_settings(r);
  rig_ready(r);
  struct job *a = new_job(1), *b = new_job(2);
  claim(r, a, NOON);
  claim(r, b, NOON);
  advance(r, NOON);
  SAID(r, "start 1\nqueue 2\n");
  r->is_manual_store = true;
  ended(r, 1, RUN_SUCCESS);
  SAID(r, "end 1 success chain+1\nrow 2\n");
  answer_one(r);
  SAID(r, "ack\n");
  answer_one(r);
  SAID(r, "start 2\n");
  job_unref(a);
  job_unref(b);
}

static void never_more_run_than_the_cap_and_a_new_cap_counts_at_once(void **state) {
  struct rig *r = *state;
  rig_ready(r);
  struct job *jobs[20];
  for (int i = 0; i < 20; i++) {
    jobs[i] = new_job(i + 1);
    claim(r, jobs[i], NOON);
  }
  advance(r, NOON);
  assert_int_equal(r->started_count, 5);
  assert_int_equal(sched_status(r->s).queued, 15);
  ended(r, r->started[0].job_no, RUN_SUCCESS);
  assert_int_equal(r->started_count, 6);
  assert_int_equal(sched_status(r->s).running, 5);
  r->settings.max_concurrent = 8;
  struct change *c = change_new(CHANGE_SETTINGS, r->now_ms);
  c->settings.settings = settings_copy(&r->settings);
  step(r, (struct sched_event){.kind = SCHED_EDIT, .change = c});
  assert_int_equal(sched_status(r->s).running, 8);
  for (int i = 0; i < 20; i++) job_unref(jobs[i]);
}

static void the_queue_is_ordered_by_priority_then_instant(void **state) {
  struct rig *r = *state;
  r->settings.max_concurrent = 1;
  use_settings(r);
  rig_ready(r);
  static const int64_t priorities[] = {5, 8, 1, 5};
  struct job *jobs[4];
  for (int i = 0; i < 4; i++) {
    jobs[i] = new_job(i + 1);
    jobs[i]->priority = priorities[i];
    claim(r, jobs[i], NOON);
  }
  advance(r, NOON);
  SAID(r, "start 3\nqueue 1\nqueue 2\nqueue 4\n");
  ended(r, 3, RUN_SUCCESS);
  ended(r, 1, RUN_SUCCESS);
  ended(r, 4, RUN_SUCCESS);
  assert_int_equal(r->started[1].job_no, 1);
  assert_int_equal(r->started[2].job_no, 4);
  assert_int_equal(r->started[3].job_no, 2);
  for (int i = 0; i < 4; i++) job_unref(jobs[i]);
}

static void waiting_raises_the_priority(void **state) {
  struct rig *r = *state;
  r->settings.max_concurrent = 1;
  use_settings(r);
  rig_ready(r);
  struct job *running = new_job(1), *old = new_job(2), *young = new_job(3);
  old->priority = 6;
  young->priority = 5;
  claim(r, running, NOON);
  advance(r, NOON);
  claim(r, old, NOON + SECOND);
  claim(r, young, NOON + SECOND + LIMIT_PRIORITY_AGE_MS + 1);
  advance(r, NOON + 2 * LIMIT_PRIORITY_AGE_MS);
  ended(r, 1, RUN_SUCCESS);
  assert_int_equal(r->started[1].job_no, 2);
  job_unref(running);
  job_unref(old);
  job_unref(young);
}

static void a_run_that_waits_too_long_is_skipped_for_capacity(void **state) {
  struct rig *r = *state;
  r->settings.max_concurrent = 1;
  use_settings(r);
  rig_ready(r);
  struct job *a = new_job(1), *b = new_job(2);
  b->queue_timeout = 30;
  claim(r, a, NOON);
  claim(r, b, NOON);
  advance(r, NOON + 30 * SECOND - 1);
  SAID(r, "start 1\nqueue 2\n");
  advance(r, NOON + 30 * SECOND);
  SAID(r, "settle 2 skipped/capacity\n");
  assert_int_equal(sched_status(r->s).queued, 0);
  job_unref(a);
  job_unref(b);
}

static void pools_groups_and_keys_limit_what_shares_them(void **state) {
  struct rig *r = *state;
  r->settings.pools = "{\"disk\":2}";
  r->settings.max_concurrent = 10;
  use_settings(r);
  rig_ready(r);
  struct job *jobs[8];
  for (int i = 0; i < 8; i++) jobs[i] = new_job(i + 1);
  for (int i = 0; i < 3; i++) jobs[i]->pool = "disk";
  for (int i = 3; i < 5; i++) jobs[i]->group = "world-maintenance";
  for (int i = 5; i < 8; i++) jobs[i]->concurrency_key = "host-{host}";
  jobs[5]->params = "{\"host\":\"a\"}";
  jobs[6]->params = "{\"host\":\"b\"}";
  jobs[7]->params = "{\"host\":\"a\"}";
  for (int i = 0; i < 8; i++) claim(r, jobs[i], NOON);
  advance(r, NOON);
  SAID(r, "start 1\nstart 2\nstart 4\nstart 6\nstart 7\nqueue 3\nqueue 5\nqueue 8\n");
  ended(r, 6, RUN_SUCCESS);
  SAID(r, "end 6 success chain+1\nrow 8\nack\nstart 8\n");
  ended(r, 4, RUN_SUCCESS);
  SAID(r, "end 4 success chain+1\nrow 5\nack\nstart 5\n");
  ended(r, 2, RUN_SUCCESS);
  SAID(r, "end 2 success chain+1\nrow 3\nack\nstart 3\n");
  for (int i = 0; i < 8; i++) job_unref(jobs[i]);
}

static void a_group_goes_by_priority_while_others_pass(void **state) {
  struct rig *r = *state;
  rig_ready(r);
  struct job *jobs[4]; /* consolidation, delete, backup; sync outside the group */
  static const int64_t priorities[] = {7, 4, 2, 9};
  for (int i = 0; i < 4; i++) {
    jobs[i] = new_job(i + 1);
    jobs[i]->priority = priorities[i];
    if (i < 3) jobs[i]->group = "world-maintenance";
    claim(r, jobs[i], NOON);
  }
  advance(r, NOON);
  SAID(r, "start 3\nstart 4\nqueue 1\nqueue 2\n");
  ended(r, 3, RUN_SUCCESS);
  ended(r, 2, RUN_SUCCESS);
  SAID(r, "end 3 success chain+1\nrow 2\nack\nstart 2\nend 2 success chain+1\nrow 1\nack\nstart 1\n");
  for (int i = 0; i < 4; i++) job_unref(jobs[i]);
}

/* An edit claims ahead what is splayed. After a power cut it would be taken for never started, so it may not start
 * without a row unless the store has been heard of since. */
static void what_is_claimed_far_ahead_gets_a_row_before_it_starts(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON + 10 * SECOND);
  advance(r, NOON + 10 * SECOND);
  SAID(r, "queue 1\nrow 1\nstart 1\n");
  job_unref(job);
}

static void what_is_claimed_within_the_horizon_starts_without_a_commit(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON + SECOND);
  advance(r, NOON + SECOND);
  SAID(r, "start 1\n");
  job_unref(job);
}

/* ---- overlap ---- */
struct overlap_row {
  int line;
  enum overlap_policy policy;
  bool allows;
  const char *said;
};

static void overlap_follows_the_policy(void **state) {
  (void)state;
  static const struct overlap_row rows[] = {
      {__LINE__, OVERLAP_SKIP, false, "settle 1 skipped/overlap\n"},
      {__LINE__, OVERLAP_QUEUE, false, "queue 1\nend 1 success chain+1\nrow 1\nack\nstart 1\n"},
      {__LINE__, OVERLAP_REPLACE, false,
       "kill replaced\nqueue 1\nend 1 success chain+1\nrow 1\nack\nstart 1\n"},
      {__LINE__, OVERLAP_SKIP, true, "start 1\n"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    void *own = NULL;
    setup(&own);
    struct rig *r = own;
    rig_ready(r);
    struct job *job = new_job(1);
    job->overlap_policy = rows[i].policy;
    job->allow_concurrent = rows[i].allows;
    claim(r, job, NOON);
    advance(r, NOON + MINUTE - SECOND);
    r->log[0] = 0;
    claim(r, job, NOON + MINUTE);
    advance(r, NOON + MINUTE);
    if (rows[i].policy != OVERLAP_SKIP) ended(r, 1, RUN_SUCCESS);
    if (strcmp(r->log, rows[i].said)) fail_msg("row at line %d said:\n%s", rows[i].line, r->log);
    job_unref(job);
    teardown(&own);
  }
}

static void replacing_twice_keeps_only_the_newest_in_line(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  job->overlap_policy = OVERLAP_REPLACE;
  claim(r, job, NOON);
  advance(r, NOON);
  claim(r, job, NOON + SECOND * 10);
  claim(r, job, NOON + SECOND * 20);
  advance(r, NOON + SECOND * 20);
  SAID(r, "start 1\nkill replaced\nqueue 1\nkill replaced\nsettle 1 skipped/overlap\nqueue 1\n");
  job_unref(job);
}

/* ---- retries ---- */
struct retry_row {
  int line;
  enum backoff_strategy backoff;
  int64_t retries, on_crash, total_timeout;
  enum run_status status;
  int64_t exit_code;
  bool may_retry;
  const char *said; /* of one failing chain */
};

static void retries_follow_the_policy(void **state) {
  (void)state;
  static const struct retry_row rows[] = {
      {__LINE__, BACKOFF_LINEAR, 0, CRASH_FAIL, 0, RUN_FAILED, 1, true,
       "end 1 failed chain-1\nack\nfailures 1\n"},
      {__LINE__, BACKOFF_LINEAR, 2, CRASH_FAIL, 0, RUN_FAILED, 1, true,
       "end 1 failed retry+60\nack\nrow 1#2\nstart 1#2\n"
       "end 1#2 failed retry+120\nack\nrow 1#3\nstart 1#3\n"
       "end 1#3 failed chain-1\nack\nfailures 1\n"},
      {__LINE__, BACKOFF_EXPONENTIAL, 3, CRASH_FAIL, 0, RUN_TIMEOUT, 124, true,
       "end 1 timeout retry+60\nack\nrow 1#2\nstart 1#2\n"
       "end 1#2 timeout retry+120\nack\nrow 1#3\nstart 1#3\n"
       "end 1#3 timeout retry+240\nack\nrow 1#4\nstart 1#4\n"
       "end 1#4 timeout chain-1\nack\nfailures 1\n"},
      {__LINE__, BACKOFF_LINEAR, 3, CRASH_FAIL, 0, RUN_FAILED, 2, false,
       "end 1 failed chain-1\nack\nfailures 1\n"},
      {__LINE__, BACKOFF_LINEAR, 0, CRASH_FAIL, 0, RUN_FAILED, 75, false,
       "end 1 failed retry+60\nack\nrow 1#2\nstart 1#2\nend 1#2 failed chain-1\nack\nfailures 1\n"},
      {__LINE__, BACKOFF_LINEAR, 3, CRASH_FAIL, 0, RUN_LOST, 0, true,
       "end 1 lost chain-1\nack\nfailures 1\n"},
      {__LINE__, BACKOFF_LINEAR, 3, CRASH_FAIL, 0, RUN_SKIPPED, 77, true, "end 1 skipped\nack\n"},
      {__LINE__, BACKOFF_LINEAR, 3, CRASH_FAIL, 0, RUN_CANCELLED, 0, true, "end 1 cancelled\nack\n"},
      {__LINE__, BACKOFF_LINEAR, 9, CRASH_FAIL, 100, RUN_FAILED, 1, true,
       "end 1 failed retry+60\nack\nrow 1#2\nstart 1#2\nend 1#2 failed chain-1\nack\nfailures 1\n"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct retry_row *row = &rows[i];
    void *own = NULL;
    setup(&own);
    struct rig *r = own;
    rig_ready(r);
    struct job *job = new_job(1);
    job->retries = row->retries;
    job->backoff = row->backoff;
    job->on_crash = row->on_crash;
    if (row->total_timeout) job->total_timeout = row->total_timeout;
    claim(r, job, NOON);
    advance(r, NOON);
    r->log[0] = 0;
    for (size_t runs = 1; r->started_count == runs && runs < 10; runs++) {
      ended_as(r, 1, row->status, row->exit_code, row->may_retry);
      advance(r, r->now_ms + 10 * MINUTE);
    }
    if (strcmp(r->log, row->said)) fail_msg("row at line %d said:\n%s", row->line, r->log);
    job_unref(job);
    teardown(&own);
  }
}

static void a_lost_run_is_repeated_only_when_the_job_says_so_and_not_for_ever(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  job->on_crash = CRASH_RETRY;
  job->retry_delay = 0;
  claim(r, job, NOON);
  advance(r, NOON);
  for (size_t runs = 1; r->started_count == runs && runs < 50; runs++) {
    ended(r, 1, RUN_LOST);
    advance(r, r->now_ms + SECOND);
  }
  assert_int_equal(r->started_count, 11);
  job_unref(job);
}

static void interrupted(struct rig *r, int64_t job_no) {
  struct sched_end end = {.run_no = run_of(r, job_no), .status = RUN_FAILED, .is_interrupted = true};
  run_init(&end.facts);
  end.facts.finished_ms = r->now_ms;
  end.facts.exit_code = 75;
  step(r, (struct sched_event){.kind = SCHED_ENDED, .end = &end});
}

/* DESIGN 7, A-85: the server went away while a job talked to it. Repeated at once; the retries that the job has, and
 * their delays, are as if it had not been. */
static void an_interrupted_attempt_is_repeated_without_being_counted(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  job->retries = 1;
  claim(r, job, NOON);
  advance(r, NOON);
  r->log[0] = 0;
  interrupted(r, 1);
  SAID(r, "end 1 failed retry+0\nack\nrow 1#2\nstart 1#2\n");
  ended(r, 1, RUN_FAILED);
  SAID(r, "end 1#2 failed retry+60\nack\n");
  advance(r, r->now_ms + MINUTE);
  interrupted(r, 1);
  SAID(r, "row 1#3\nstart 1#3\nend 1#3 failed retry+0\nack\nrow 1#4\nstart 1#4\n");
  ended(r, 1, RUN_FAILED);
  SAID(r, "end 1#4 failed chain-1\nack\nfailures 1\n");
  job_unref(job);
}

static void a_job_that_makes_the_server_go_away_is_not_repeated_for_ever(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  advance(r, NOON);
  for (size_t runs = 1; r->started_count == runs && runs < 50; runs++) interrupted(r, 1);
  assert_int_equal(r->started_count, 11);
  job_unref(job);
}

static void the_total_timeout_cuts_the_last_attempt(void **state) {
  RIG(r);
  struct job *job = new_job(1); /* failing 10 s runs, retries 5, delay 1, total 25 */
  job->retries = 5;
  job->retry_delay = 1;
  job->total_timeout = 25;
  job->timeout = 20;
  claim(r, job, NOON);
  advance(r, NOON);
  started(r, 1);
  advance(r, NOON + 10 * SECOND);
  ended(r, 1, RUN_FAILED);
  advance(r, NOON + 11 * SECOND);
  assert_int_equal(r->last_start.start.run->attempt, 2);
  assert_int_equal(r->last_start.start.timeout_ms, 14 * SECOND);
  assert_true(r->last_start.start.is_cut_by_total);
  advance(r, NOON + 21 * SECOND);
  ended(r, 1, RUN_FAILED);
  advance(r, NOON + 23 * SECOND);
  assert_int_equal(r->last_start.start.run->attempt, 3);
  assert_int_equal(r->last_start.start.timeout_ms, 2 * SECOND);
  advance(r, NOON + 25 * SECOND);
  r->log[0] = 0;
  struct sched_end end = {
      .run_no = run_of(r, 1), .status = RUN_TIMEOUT, .reason = REASON_TIMEOUT, .may_retry = true};
  run_init(&end.facts);
  step(r, (struct sched_event){.kind = SCHED_ENDED, .end = &end});
  SAID(r, "end 1#3 timeout chain-1\nack\nfailures 1\n");
  job_unref(job);
}

static void failures_in_a_row_disable_the_job(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  job->disable_after = 2;
  for (int i = 0; i < 2; i++) {
    claim(r, job, NOON + i * MINUTE);
    advance(r, NOON + i * MINUTE);
    r->log[0] = 0;
    ended(r, 1, RUN_FAILED);
  }
  SAID(r, "end 1 failed chain-1\nack\nfailures 2\nsave\ndisabled 2\n");
  job_unref(job);
}

static void a_success_ends_the_row_of_failures(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  advance(r, NOON);
  ended(r, 1, RUN_FAILED);
  claim(r, job, NOON + MINUTE);
  claim(r, job, NOON + 2 * MINUTE);
  advance(r, NOON + MINUTE);
  r->log[0] = 0;
  ended(r, 1, RUN_SUCCESS);
  SAID(r, "end 1 success chain+1\nack\nrecovered 1\n");
  job_unref(job);
}

/* ---- late ---- */
struct late_row {
  int line;
  enum misfire_policy policy;
  int64_t late_ms;
  const char *said;
};

static void what_is_later_than_its_window_is_a_misfire(void **state) {
  (void)state;
  static const struct late_row rows[] = {
      {__LINE__, MISFIRE_NONE, MINUTE, "settle 1 skipped/overlap\nstart 1\n"},
      {__LINE__, MISFIRE_NONE, 5 * MINUTE,
       "settle 1 missed/window_passed norow\nsettle 1 missed/window_passed norow\n"},
      {__LINE__, MISFIRE_LAST, 5 * MINUTE, "settle 1 missed/superseded norow\nstart 1\n"},
      {__LINE__, MISFIRE_ALL, 5 * MINUTE, "start 1\nqueue 1\n"},
      {__LINE__, MISFIRE_ALL, 2 * HOUR,
       "settle 1 missed/window_passed norow\nsettle 1 missed/window_passed norow\n"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    void *own = NULL;
    setup(&own);
    struct rig *r = own;
    rig_ready(r);
    struct job *job = new_job(1);
    job->misfire_policy = rows[i].policy;
    claim(r, job, NOON);
    claim(r, job, NOON + SECOND);
    advance(r, NOON - SECOND / 2);
    r->now_ms = NOON + rows[i].late_ms; /* nobody woke us */
    tick(r);
    if (strcmp(r->log, rows[i].said)) fail_msg("row at line %d said:\n%s", rows[i].line, r->log);
    job_unref(job);
    teardown(&own);
  }
}

/* ---- the clock ---- */
static void set_clock(struct rig *r, int64_t is_ms) {
  int64_t was_ms = r->now_ms;
  r->now_ms = is_ms;
  step(r, (struct sched_event){.kind = SCHED_CLOCK_SET, .clock = {was_ms, is_ms}});
}

static void a_jump_forward_is_downtime(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  advance(r, NOON - SECOND / 2);
  set_clock(r, NOON + 3 * HOUR);
  SAID(r, "clock\nsettle 1 missed/clock_jump norow\n");
  assert_int_equal(r->open_claim->claim.late_reason, REASON_CLOCK_JUMP);
  assert_false(r->open_claim->claim.no_catch_up);
  job_unref(job);
}

static void after_a_jump_of_more_than_a_day_nothing_is_caught_up_for_ten_minutes(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  job->catch_up_window = 31536000;
  claim(r, job, NOON);
  advance(r, NOON - SECOND / 2);
  set_clock(r, NOON + 25 * HOUR);
  SAID(r, "clock\nsettle 1 missed/clock_jump norow\n");
  claim(r, job, NOON + 25 * HOUR + MINUTE);
  give_claims(r); /* the claim that was on its way during the jump */
  advance(r, NOON + 25 * HOUR + 5 * MINUTE);
  assert_true(r->open_claim->claim.no_catch_up);
  for (int64_t minute = 11; minute < 14;
       minute += 2) { /* the open CLAIM was sent before; look at the next one */
    claim(r, job, NOON + 25 * HOUR + minute * MINUTE);
    advance(r, NOON + 25 * HOUR + (minute + 1) * MINUTE);
  }
  assert_false(r->open_claim->claim.no_catch_up);
  job_unref(job);
}

static void what_started_never_starts_again_when_the_clock_goes_back(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  claim(r, job, NOON + SECOND);
  advance(r, NOON);
  ended(r, 1, RUN_SUCCESS);
  r->log[0] = 0;
  set_clock(r, NOON - HOUR);
  SAID(r, "clock\n");
  advance(r, NOON);
  SAID(r, "");
  advance(
      r,
      NOON +
          SECOND); /* an armed claim waits for its instant; an hour ahead of what is durable now, it gets a row */
  SAID(r, "queue 1\nrow 1\nstart 1\n");
  job_unref(job);
}

static void a_retry_waits_its_delay_whatever_the_clock_says(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  job->retries = 1;
  claim(r, job, NOON);
  advance(r, NOON);
  ended(r, 1, RUN_FAILED);
  advance(r, NOON + 20 * SECOND);
  set_clock(r, NOON - HOUR);
  r->log[0] = 0;
  advance(r, NOON - HOUR + 39 * SECOND);
  SAID(r, "");
  advance(r, NOON - HOUR + 40 * SECOND);
  SAID(r, "row 1#2\nstart 1#2\n");
  job_unref(job);
}

/* ---- edits ---- */
static struct change *save_of(struct job *job, bool is_active) {
  struct change *c = change_new(CHANGE_JOB_SAVE, 0);
  struct job edited = *job;
  edited.is_active = is_active;
  c->job.job = job_copy(&edited);
  c->token = 9;
  return c;
}

static void an_edit_holds_starts_and_the_old_version_keeps_what_was_due_before(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  claim(r, job, NOON + SECOND);
  advance(r, NOON - SECOND / 4);
  r->is_manual_store = true;
  r->now_ms = NOON;
  struct change *edit = save_of(job, true);
  step(r, (struct sched_event){.kind = SCHED_EDIT, .change = edit});
  SAID(r, "save\n");
  assert_int_equal(edit->job.from_ms, NOON);
  tick(r);
  SAID(r, ""); /* noon is due, and held */
  answer_all(r);
  SAID(r, "answer ok\nstart 1\n");
  r->is_manual_store = false;
  advance(r, NOON + 2 * SECOND); /* the claim beyond `from` went with the transaction */
  SAID(r, "");
  job_unref(job);
}

static void a_refused_edit_changes_nothing(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  claim(r, job, NOON + SECOND);
  advance(r, NOON - SECOND / 4);
  r->is_manual_store = true;
  r->store_error = ERR_PRECONDITION;
  step(r, (struct sched_event){.kind = SCHED_EDIT, .change = save_of(job, true)});
  answer_all(r);
  r->store_error = ERR_OK;
  SAID(r, "save\nanswer precondition_failed\n");
  r->is_manual_store = false;
  advance(r, NOON);
  ended(r, 1, RUN_SUCCESS);
  advance(r, NOON + 2 * SECOND);
  assert_int_equal(r->started_count, 2);
  job_unref(job);
}

static void nothing_from_the_past_fires_after_the_clock_went_back_and_an_edit(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  advance(r, NOON);
  ended(r, 1, RUN_SUCCESS);
  set_clock(r, NOON - HOUR);
  struct change *edit = save_of(job, true);
  r->is_manual_store = true;
  step(r, (struct sched_event){.kind = SCHED_EDIT, .change = edit});
  assert_int_equal(edit->job.from_ms, NOON); /* not before what has started */
  answer_all(r);
  job_unref(job);
}

static void disabling_settles_what_waits_and_stops_retries(void **state) {
  struct rig *r = *state;
  r->settings.max_concurrent = 1;
  use_settings(r);
  rig_ready(r);
  struct job *running = new_job(1), *waiting = new_job(2);
  running->retries = 3;
  claim(r, running, NOON);
  claim(r, waiting, NOON);
  advance(r, NOON);
  r->log[0] = 0;
  step(r, (struct sched_event){.kind = SCHED_EDIT, .change = save_of(waiting, false)});
  step(r, (struct sched_event){.kind = SCHED_EDIT, .change = save_of(running, false)});
  SAID(r, "save\nanswer ok\nsettle 2 skipped/disabled\nsave\nanswer ok\n");
  ended(r, 1, RUN_FAILED);
  SAID(r, "end 1 failed chain-1\nack\nfailures 1\n");
  job_unref(running);
  job_unref(waiting);
}

static void a_pause_of_all_withdraws_what_is_ahead_and_nothing_else(void **state) {
  RIG(r);
  struct job *a = new_job(1), *b = new_job(2);
  claim(r, a, NOON);
  claim(r, b, NOON);
  advance(r, NOON - SECOND / 2);
  struct change *c = change_new(CHANGE_GATE, 0);
  c->gate.scope = GATE_SCOPE_CATEGORY;
  c->gate.key = "other";
  c->gate.gate = GATE_PAUSED;
  step(r, (struct sched_event){.kind = SCHED_EDIT, .change = c});
  assert_int_equal(sched_status(r->s).armed, 2);
  c = change_new(CHANGE_GATE, 0);
  c->gate.scope = GATE_SCOPE_ALL;
  c->gate.gate = GATE_PAUSED;
  step(r, (struct sched_event){.kind = SCHED_EDIT, .change = c});
  assert_int_equal(sched_status(r->s).armed, 0);
  job_unref(a);
  job_unref(b);
}

/* ---- cancelling ---- */
static void cancelling_ends_what_waits_and_kills_what_runs(void **state) {
  struct rig *r = *state;
  r->settings.max_concurrent = 1;
  use_settings(r);
  rig_ready(r);
  struct job *a = new_job(1), *b = new_job(2);
  request(r, a, false);
  request(r, b, false);
  int64_t waiting = r->last_answer.run_no;
  r->log[0] = 0;
  step(r, (struct sched_event){.kind = SCHED_CANCEL, .run_no = run_of(r, 1), .token = 3});
  step(r, (struct sched_event){.kind = SCHED_CANCEL, .run_no = waiting, .token = 4});
  step(r, (struct sched_event){.kind = SCHED_CANCEL, .run_no = 12345, .token = 5});
  SAID(r, "kill cancelled\nanswer ok\nsettle 2 skipped/cancelled\nanswer ok\nanswer not_found\n");
  job_unref(a);
  job_unref(b);
}

static void a_run_cancelled_while_it_leaves_the_queue_never_starts(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  r->is_manual_store = true;
  request(r, job, false);
  int64_t run_no = r->pending[0]->run.run.no;
  step(r, (struct sched_event){.kind = SCHED_CANCEL, .run_no = run_no});
  answer_all(r);
  SAID(r, "row 1\nanswer ok\nend 1 cancelled\nack\n");
  assert_int_equal(r->started_count, 0);
  job_unref(job);
}

/* ---- the store fails ---- */
static void while_the_store_fails_claims_start_and_ends_are_repeated_until_they_are_down(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  advance(r, NOON);
  r->log[0] = 0;
  r->is_manual_store = true;
  r->store_error = ERR_IO;
  started(r, 1);
  answer_all(r);
  ended(r, 1, RUN_SUCCESS);
  answer_all(r);
  SAID(r, "row 1\nstore down\nend 1 success chain+1\n");
  request(r, job, false);
  SAID(r, "answer unavailable\n");
  advance(r, NOON + SECOND);
  SAID(r, "end 1 success chain+1\n"); /* it carries the start's row */
  answer_all(r);
  advance(r, NOON + 10 * SECOND);
  r->store_error = ERR_OK;
  answer_all(r);
  SAID(r, "end 1 success chain+1\nstore up\nack\n");
  assert_false(sched_status(r->s).is_store_down);
  job_unref(job);
}

static void what_leaves_the_queue_goes_back_when_the_commit_fails(void **state) {
  struct rig *r = *state;
  r->settings.max_concurrent = 1;
  use_settings(r);
  rig_ready(r);
  struct job *a = new_job(1), *b = new_job(2);
  claim(r, a, NOON);
  claim(r, b, NOON);
  advance(r, NOON);
  r->is_manual_store = true;
  r->log[0] = 0;
  ended(r, 1, RUN_SUCCESS);
  r->store_error = ERR_STORE_FULL;
  answer_all(r);
  SAID(r, "end 1 success chain+1\nrow 2\nstore down\n");
  assert_int_equal(sched_status(r->s).queued, 1);
  r->store_error = ERR_OK;
  advance(r, NOON + SECOND);
  answer_all(r);
  SAID(r, "end 1 success chain+1\nstore up\nack\nrow 2\nstart 2\n");
  job_unref(a);
  job_unref(b);
}

/* ---- the warden ---- */
static void set_warden(struct rig *r, bool is_up) {
  step(r, (struct sched_event){.kind = SCHED_WARDEN, .is_up = is_up});
}

static void without_a_warden_everything_waits_in_the_queue(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  set_warden(r, false);
  advance(r, NOON);
  SAID(r, "queue 1\n");
  set_warden(r, true);
  SAID(r, "row 1\nstart 1\n");
  job_unref(job);
}

static void what_left_the_queue_while_the_warden_was_away_starts_when_it_is_back(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  r->is_manual_store = true;
  request(r, job, false);
  set_warden(r, false);
  answer_all(r);
  SAID(r, "row 1\nanswer ok\n");
  set_warden(r, true);
  SAID(r, "start 1\n");
  job_unref(job);
}

static void a_kill_asked_for_while_the_warden_was_away_is_told_when_it_is_back(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  advance(r, NOON);
  started(r, 1);
  set_warden(r, false);
  r->log[0] = 0;
  step(r, (struct sched_event){.kind = SCHED_CANCEL, .run_no = run_of(r, 1)});
  SAID(r, "");
  set_warden(r, true);
  SAID(r, "kill cancelled\n");
  job_unref(job);
}

static void a_refused_start_is_a_failed_attempt(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  advance(r, NOON);
  r->log[0] = 0;
  step(r, (struct sched_event){.kind = SCHED_REFUSED, .run_no = run_of(r, 1), .text = "no such executor"});
  SAID(r, "end 1 failed chain-1\nack\nfailures 1\n");
  job_unref(job);
}

static void an_end_that_is_told_twice_is_acknowledged_and_not_recorded_twice(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  advance(r, NOON);
  r->log[0] = 0;
  ended(r, 1, RUN_SUCCESS);
  ended(r, 1, RUN_SUCCESS);
  SAID(r, "end 1 success chain+1\nack\nack\n");
  job_unref(job);
}

static void stopping_starts_and_claims_nothing_more(void **state) {
  RIG(r);
  struct job *job = new_job(1);
  claim(r, job, NOON);
  advance(r, NOON - SECOND / 2);
  step(r, (struct sched_event){.kind = SCHED_STOP});
  advance(r, NOON + MINUTE);
  SAID(r, "");
  request(r, job, false);
  SAID(r, "answer unavailable\n");
  job_unref(job);
}

/* ---- recovery ---- */
#define HORIZON 2000LL
struct recovery_row {
  int line;
  bool has_claim, has_run;
  enum run_status status;
  enum sched_found found;
  bool is_same_boot;
  int64_t after_alive_ms; /* notBefore − last aliveAt */
  enum sched_recovery want;
  const char *said; /* by a job with onCrash fail, seen 10 s late */
};

static const struct recovery_row recovery_rows[] = {
    {__LINE__, true, false, RUN_QUEUED, SCHED_FOUND_NOTHING, true, 0, SCHED_START_OR_MISFIRE, "start 1\n"},
    {__LINE__, true, false, RUN_QUEUED, SCHED_FOUND_NOTHING, false, HORIZON, SCHED_LOST,
     "end 1 lost chain-1\nack\nfailures 1\n"},
    {__LINE__, true, false, RUN_QUEUED, SCHED_FOUND_NOTHING, false, HORIZON + 1, SCHED_START_OR_MISFIRE,
     "start 1\n"},
    {__LINE__, true, true, RUN_QUEUED, SCHED_FOUND_NOTHING, true, 0, SCHED_REQUEUE, "row 1\nstart 1\n"},
    {__LINE__, true, true, RUN_QUEUED, SCHED_FOUND_NOTHING, false, 0, SCHED_REQUEUE, "row 1\nstart 1\n"},
    {__LINE__, false, true, RUN_RUNNING, SCHED_FOUND_NOTHING, true, 0, SCHED_START_NOW, "start 1\n"},
    {__LINE__, false, true, RUN_RUNNING, SCHED_FOUND_NOTHING, false, 0, SCHED_LOST,
     "end 1 lost chain-1\nack\nfailures 1\n"},
    {__LINE__, false, true, RUN_RUNNING, SCHED_FOUND_LIVING, true, 0, SCHED_ADOPT, ""},
    {__LINE__, true, false, RUN_RUNNING, SCHED_FOUND_LIVING, true, 0, SCHED_ADOPT, "row 1\n"},
    {__LINE__, true, false, RUN_RUNNING, SCHED_FOUND_GONE, true, 0, SCHED_LOST,
     "end 1 lost chain-1\nack\nfailures 1\n"},
    {__LINE__, false, true, RUN_RUNNING, SCHED_FOUND_GONE, false, 0, SCHED_LOST,
     "end 1 lost chain-1\nack\nfailures 1\n"},
    {__LINE__, false, true, RUN_RUNNING, SCHED_FOUND_ENDED, true, 0, SCHED_AWAIT_END, ""},
};

static void recovery_is_exactly_the_table(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof recovery_rows / sizeof *recovery_rows; i++) {
    const struct recovery_row *row = &recovery_rows[i];
    void *own = NULL;
    setup(&own);
    struct rig *r = own;
    struct job *job = new_job(1);
    struct run run;
    run_init(&run);
    run.no = 77;
    run.status = row->status;
    run.started_ms = NOON - 10 * SECOND;
    run.trigger = TRIGGER_SCHEDULE;
    bool is_known = row->has_run || row->found != SCHED_FOUND_NOTHING;
    struct sched_recover recover = {.job = job,
                                    .due_ms = NOON - 10 * SECOND,
                                    .not_before_ms = NOON - 10 * SECOND,
                                    .has_claim = row->has_claim,
                                    .has_run = row->has_run,
                                    .run = is_known ? &run : NULL,
                                    .found = row->found,
                                    .is_same_boot = row->is_same_boot,
                                    .last_alive_ms = NOON - 10 * SECOND - row->after_alive_ms};
    CHECK_ROW(row->line, sched_judge_recovery(&recover, HORIZON) == row->want);
    r->now_ms = NOON;
    step(r, (struct sched_event){.kind = SCHED_RECOVER, .recover = &recover});
    step(r, (struct sched_event){.kind = SCHED_READY});
    if (strcmp(r->log, row->said)) fail_msg("row at line %d said:\n%s", row->line, r->log);
    job_unref(job);
    teardown(&own);
  }
}

static void an_adopted_run_ends_like_any_other_and_keeps_its_slots(void **state) {
  struct rig *r = *state;
  struct job *job = new_job(1);
  struct run run;
  run_init(&run);
  run.no = 77;
  run.status = RUN_RUNNING;
  run.started_ms = NOON - HOUR;
  struct sched_recover recover = {.job = job,
                                  .due_ms = NOON - HOUR,
                                  .not_before_ms = NOON - HOUR,
                                  .has_run = true,
                                  .run = &run,
                                  .found = SCHED_FOUND_LIVING,
                                  .is_same_boot = true};
  step(r, (struct sched_event){.kind = SCHED_RECOVER, .recover = &recover});
  rig_ready(r);
  assert_int_equal(sched_status(r->s).running, 1);
  claim(r, job, NOON);
  advance(r, NOON);
  SAID(r, "settle 1 skipped/overlap\n");
  struct sched_end end = {.run_no = 77, .status = RUN_SUCCESS};
  run_init(&end.facts);
  step(r, (struct sched_event){.kind = SCHED_ENDED, .end = &end});
  SAID(r, "end 1 success chain+1\nack\n");
  assert_int_equal(sched_status(r->s).running, 0);
  job_unref(job);
}

/* ---- looking in ---- */
static bool collect_place(void *arg, const struct run *run, const struct job *job, size_t place) {
  (void)run;
  struct rig *r = arg;
  say(r, "%zu:%lld ", place, (long long)job->no);
  return true;
}

static void the_queue_is_shown_in_the_order_of_admission(void **state) {
  struct rig *r = *state;
  r->settings.max_concurrent = 1;
  use_settings(r);
  rig_ready(r);
  static const int64_t priorities[] = {1, 9, 3, 5};
  struct job *jobs[4];
  for (int i = 0; i < 4; i++) {
    jobs[i] = new_job(i + 1);
    jobs[i]->priority = priorities[i];
    claim(r, jobs[i], NOON);
  }
  advance(r, NOON);
  r->log[0] = 0;
  sched_each_run(r->s, collect_place, r);
  SAID(r, "0:1 1:3 2:4 3:2 ");
  assert_int_equal(sched_status(r->s).queued_by_priority[9], 1);
  for (int i = 0; i < 4; i++) job_unref(jobs[i]);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(a_claim_starts_at_its_instant_without_a_commit),
      TEST(an_early_timer_starts_nothing),
      TEST(a_manual_run_is_durable_before_it_starts_and_is_answered),
      TEST(a_manual_run_is_refused_when_the_store_fails),
      TEST(a_second_wish_conflicts_when_it_must_not_overlap),
      TEST(what_finds_no_slot_is_queued_and_leaves_the_queue_by_a_commit),
      TEST(never_more_run_than_the_cap_and_a_new_cap_counts_at_once),
      TEST(the_queue_is_ordered_by_priority_then_instant),
      TEST(waiting_raises_the_priority),
      TEST(a_run_that_waits_too_long_is_skipped_for_capacity),
      TEST(pools_groups_and_keys_limit_what_shares_them),
      TEST(a_group_goes_by_priority_while_others_pass),
      TEST(what_is_claimed_far_ahead_gets_a_row_before_it_starts),
      TEST(what_is_claimed_within_the_horizon_starts_without_a_commit),
      TEST(overlap_follows_the_policy),
      TEST(replacing_twice_keeps_only_the_newest_in_line),
      TEST(retries_follow_the_policy),
      TEST(a_lost_run_is_repeated_only_when_the_job_says_so_and_not_for_ever),
      TEST(an_interrupted_attempt_is_repeated_without_being_counted),
      TEST(a_job_that_makes_the_server_go_away_is_not_repeated_for_ever),
      TEST(the_total_timeout_cuts_the_last_attempt),
      TEST(failures_in_a_row_disable_the_job),
      TEST(a_success_ends_the_row_of_failures),
      TEST(what_is_later_than_its_window_is_a_misfire),
      TEST(a_jump_forward_is_downtime),
      TEST(after_a_jump_of_more_than_a_day_nothing_is_caught_up_for_ten_minutes),
      TEST(what_started_never_starts_again_when_the_clock_goes_back),
      TEST(a_retry_waits_its_delay_whatever_the_clock_says),
      TEST(an_edit_holds_starts_and_the_old_version_keeps_what_was_due_before),
      TEST(a_refused_edit_changes_nothing),
      TEST(nothing_from_the_past_fires_after_the_clock_went_back_and_an_edit),
      TEST(disabling_settles_what_waits_and_stops_retries),
      TEST(a_pause_of_all_withdraws_what_is_ahead_and_nothing_else),
      TEST(cancelling_ends_what_waits_and_kills_what_runs),
      TEST(a_run_cancelled_while_it_leaves_the_queue_never_starts),
      TEST(while_the_store_fails_claims_start_and_ends_are_repeated_until_they_are_down),
      TEST(what_leaves_the_queue_goes_back_when_the_commit_fails),
      TEST(without_a_warden_everything_waits_in_the_queue),
      TEST(what_left_the_queue_while_the_warden_was_away_starts_when_it_is_back),
      TEST(a_kill_asked_for_while_the_warden_was_away_is_told_when_it_is_back),
      TEST(a_refused_start_is_a_failed_attempt),
      TEST(an_end_that_is_told_twice_is_acknowledged_and_not_recorded_twice),
      TEST(stopping_starts_and_claims_nothing_more),
      TEST(recovery_is_exactly_the_table),
      TEST(an_adopted_run_ends_like_any_other_and_keeps_its_slots),
      TEST(the_queue_is_shown_in_the_order_of_admission),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
