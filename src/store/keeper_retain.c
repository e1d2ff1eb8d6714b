/* Retention (C-59, C-60, X-17) in slices: executions by age and count, sessions that have ended, ledger rows into
 * roll-ups. A sweep is a walk from the oldest to the newest; a slice is at most max_rows of it. */
#include "store/keeper.h"

#define DAY_MS 86400000LL
#define HOUR_MS 3600000LL
#define TESTS_AT_ONCE 1000
#define LEDGER_DAYS 90
#define LEDGER_ROWS_PER_JOB 100000
#define LEDGER_ROWS 20000000
#define KEEP_LAST_PER_JOB 1
#define SLICE_ROWS 500
#define SLICE_JOBS 2000 /* looked at for their ledger in one slice */

static int64_t or_default(int64_t value, int64_t otherwise) {
  return value == FIELD_NULL ? otherwise : value;
}

/* ---- executions ---- */

struct nth_run {
  int64_t left, no;
};

static bool walk_to_nth(void *arg, const void *record) {
  struct nth_run *n = arg;
  const struct run *run = record;
  n->no = run->no;
  return --n->left > 0;
}

static bool walk_to_nth_final(void *arg, const void *record) {
  const struct run *run = record;
  return run_is_final((enum run_status)run->status) ? walk_to_nth(arg, record) : true;
}

/* The oldest of the newest `keep` runs; 0 when there are no more than that. */
static enum err find_cutoff(struct keeper *k, int64_t keep, int64_t *ret_no) {
  int64_t count;
  struct nth_run n = {.left = keep};
  struct scan_args args = {.from = 0, .to = INT64_MAX};
  *ret_no = 0;
  TRY(k->rows->ops->count(k->rows, TABLE_RUN, &count));
  if (count <= keep) return ERR_OK;
  *ret_no = INT64_MAX;
  if (keep > 0) TRY(k->rows->ops->scan(k->rows, SCAN_RUN_DOWN, &args, walk_to_nth, &n));
  if (keep > 0) *ret_no = n.no;
  return ERR_OK;
}

/* Is it among the newest `keep` finished runs of its job? */
static enum err is_among_last(struct keeper *k, const struct run *run, int64_t keep, bool *ret) {
  struct nth_run n = {.left = keep};
  struct scan_args args = {.key = run->job_no, .from = 0, .to = INT64_MAX};
  *ret = false;
  if (keep == 0) return ERR_OK;
  TRY(k->rows->ops->scan(k->rows, SCAN_RUN_JOB_DOWN, &args, walk_to_nth_final, &n));
  *ret = n.left > 0 || run->no >= n.no;
  return ERR_OK;
}

static int64_t run_at_ms(const struct run *run) {
  return run->started_ms != FIELD_NULL ? run->started_ms : run->queued_ms;
}

static enum err retain_run(struct keeper *k, struct change *c, const struct run *run, int64_t old_ms,
                           bool *ret_is_newer) {
  bool is_old = run_at_ms(run) != FIELD_NULL && run_at_ms(run) < old_ms;
  bool is_surplus = run->no < k->sweep.cutoff_run, is_last;
  if (!is_old && !is_surplus) {
    *ret_is_newer = true;
    return ERR_OK;
  }
  k->sweep.after_run = run->no;
  if (!run_is_final((enum run_status)run->status)) return ERR_OK;
  int64_t keep = or_default(k->settings->keep_last_per_job, KEEP_LAST_PER_JOB);
  TRY(is_among_last(k, run, keep, &is_last));
  if (is_last) return ERR_OK;
  c->retain.deleted++;
  return keeper_del(k, TABLE_RUN, run);
}

static enum err retain_runs(struct keeper *k, struct change *c, size_t max, bool *ret_is_done) {
  if (!k->sweep.is_running) TRY(find_cutoff(k, k->settings->keep_executions, &k->sweep.cutoff_run));
  void **runs;
  size_t count;
  struct scan_args args = {.from = k->sweep.after_run + 1, .to = INT64_MAX};
  TRY(rows_collect(k->rows, SCAN_RUN_UP, &args, max, &k->scratch, &runs, &count));
  *ret_is_done = count < max;
  for (size_t i = 0; i < count; i++) {
    bool is_newer = false;
    TRY(retain_run(k, c, runs[i], c->at_ms - k->settings->cleanup_days * DAY_MS, &is_newer));
    if (!is_newer) continue;
    *ret_is_done = true;
    break;
  }
  return ERR_OK;
}

/* ---- sessions ---- */

static enum err retain_sessions(struct keeper *k, struct change *c) {
  void **rows;
  size_t count;
  TRY(rows_collect(k->rows, SCAN_SESSION_ALL, &SCAN_ALL, SIZE_MAX, &k->scratch, &rows, &count));
  for (size_t i = 0; i < count; i++) {
    const struct session_row *s = rows[i];
    if (s->expires_ms < c->at_ms) TRY(keeper_del(k, TABLE_SESSION, s));
  }
  return ERR_OK;
}

/* ---- jobs that were only tried ---- */

static bool note_open(void *arg, const void *record) {
  bool *has_open = arg;
  *has_open |= !run_is_final((enum run_status)((const struct run *)record)->status);
  return !*has_open;
}

static enum err retain_test(struct keeper *k, struct change *c, const struct job *job) {
  bool has_open = false;
  struct scan_args args = {.key = job->no, .from = 0, .to = INT64_MAX};
  if (job->created_ms > c->at_ms - JOB_TEST_KEPT_MS) return ERR_OK;
  TRY(k->rows->ops->scan(k->rows, SCAN_RUN_JOB_DOWN, &args, note_open, &has_open));
  if (has_open) return ERR_OK;
  c->retain.deleted++;
  return keeper_forget_test(k, job);
}

/* Looked for once an hour: it is a walk over all jobs that are not active. */
static enum err retain_tests(struct keeper *k, struct change *c) {
  void **jobs;
  size_t count;
  int64_t since_ms = c->at_ms - k->tests_looked_ms;
  if (since_ms >= 0 && since_ms < HOUR_MS) return ERR_OK;
  struct arena held = arena_new(KEEPER_SCRATCH_BYTES);
  enum err e = rows_collect(k->rows, SCAN_JOB_TEST, &SCAN_ALL, TESTS_AT_ONCE, &held, &jobs, &count);
  for (size_t i = 0; e == ERR_OK && i < count; i++) {
    e = retain_test(k, c, jobs[i]);
    arena_free(&k->scratch);
  }
  if (e == ERR_OK && count < TESTS_AT_ONCE) k->tests_looked_ms = c->at_ms;
  arena_free(&held);
  return e;
}

/* ---- the ledger ---- */

/* Rows of this job due before the answer are folded. */
static enum err fold_before(struct keeper *k, int64_t job_no, int64_t now_ms, int64_t *ret_ms) {
  int64_t days = or_default(k->settings->ledger_days, LEDGER_DAYS), nth_ms;
  if (k->sweep.ledger_days > 0 && k->sweep.ledger_days < days) days = k->sweep.ledger_days;
  *ret_ms = now_ms - days * DAY_MS;
  int64_t keep = or_default(k->settings->ledger_rows_per_job, LEDGER_ROWS_PER_JOB);
  enum err e = k->rows->ops->ledger_nth(k->rows, job_no, keep, &nth_ms);
  if (e == ERR_OK && nth_ms + 1 > *ret_ms) *ret_ms = nth_ms + 1;
  return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Its verdict may still change: waiting, or running. */
static bool is_open(const struct ledger_row *row) {
  return row->state == OCCURRENCE_PENDING || (row->state == OCCURRENCE_RAN && row->reason == REASON_NONE);
}

static enum err fold_job(struct keeper *k, struct change *c, int64_t job_no, size_t max, bool *ret_is_done) {
  int64_t before_ms;
  void **rows;
  size_t count, months;
  TRY(fold_before(k, job_no, c->at_ms, &before_ms));
  struct scan_args args = {.key = job_no, .from = INT64_MIN, .to = before_ms - 1};
  TRY(rows_collect(k->rows, SCAN_LEDGER_JOB, &args, max, &k->scratch, &rows, &count));
  *ret_is_done = count < max;
  size_t open = 0;
  for (size_t i = 0; i < count; i++) {
    const struct ledger_row *row = rows[i];
    if (is_open(row) && ++open) continue;
    TRY(keeper_fold(k, row, c->at_ms));
    c->retain.deleted++;
  }
  if (open == count) *ret_is_done = true; /* they wait for their verdict */
  return keeper_fold_months(k, job_no, c->at_ms, max, &months);
}

static enum err retain_ledger(struct keeper *k, struct change *c, size_t max, bool *ret_is_done) {
  size_t folded_before = c->retain.deleted;
  *ret_is_done = false;
  for (int i = 0; i < SLICE_JOBS && k->sweep.job_no < k->meta.last_job_no; i++) {
    size_t used = c->retain.deleted - folded_before;
    bool is_job_done;
    if (used >= max) return ERR_OK;
    TRY(fold_job(k, c, k->sweep.job_no + 1, max - used, &is_job_done));
    arena_free(&k->scratch);
    if (!is_job_done) return ERR_OK;
    k->sweep.job_no++;
  }
  *ret_is_done = k->sweep.job_no >= k->meta.last_job_no;
  return ERR_OK;
}

/* Too many rows in all: the next sweep keeps a day less, so the oldest day of all jobs goes first. */
static bool needs_shorter_sweep(struct keeper *k) {
  int64_t days = or_default(k->settings->ledger_days, LEDGER_DAYS);
  if (k->meta.ledger_rows <= or_default(k->settings->ledger_rows, LEDGER_ROWS)) {
    k->sweep.ledger_days = 0;
    return false;
  }
  if (k->sweep.ledger_days == 1) return false;
  k->sweep.ledger_days = (k->sweep.ledger_days ? k->sweep.ledger_days : days) - 1;
  if (k->sweep.ledger_days < 1) k->sweep.ledger_days = 1;
  return true;
}

enum err keeper_retain(struct keeper *k, struct change *c) {
  size_t max = c->retain.max_rows ? c->retain.max_rows : SLICE_ROWS;
  bool runs_done, ledger_done;
  c->retain.deleted = 0;
  TRY(retain_runs(k, c, max, &runs_done));
  arena_free(&k->scratch);
  TRY(retain_ledger(k, c, max, &ledger_done));
  k->sweep.is_running = !runs_done || !ledger_done;
  c->retain.has_more = k->sweep.is_running;
  if (k->sweep.is_running) return ERR_OK;
  k->sweep.after_run = k->sweep.job_no = 0;
  c->retain.has_more = needs_shorter_sweep(k);
  TRY(keeper_load_retain(k, c->at_ms));
  TRY(retain_tests(k, c));
  return retain_sessions(k, c);
}
