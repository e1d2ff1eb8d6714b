/* Answers to reads, from rows alone: the same for every backend. Walks stop as soon as a page is full. */
#include <stdlib.h>

#include "base/id.h"
#include "store/keeper.h"
#include "store/store_filter.h"

#define METRICS_RUNS_MAX 100000 /* newest runs of a job that percentiles are made of */
#define BOARD_RUNS_MAX 20000    /* newest runs of all that the dashboard sums up */

size_t reader_page_size(const struct store_read *q) {
  return q->limit == 0 || q->limit > LIMIT_PAGE ? LIMIT_PAGE : q->limit;
}

static int64_t or_open(int64_t ms, int64_t open) { return ms == INSTANT_NONE ? open : ms; }

/* ---- jobs ---- */

struct job_walk {
  struct reader *reader;
  struct store_read *q;
  struct gates gates;
};

struct last_run {
  struct arena *arena;
  struct run *run;
};

static bool take_last_run(void *arg, const void *record) {
  struct last_run *l = arg;
  struct run lean;
  memcpy(&lean, record, sizeof lean);
  if (lean.status == RUN_QUEUED) return true; /* it has not run yet */
  lean.output = lean.result = NULL;
  l->run = record_copy(table_get(TABLE_RUN), &lean, l->arena);
  return false;
}

static enum err fill_strip(struct job_walk *w, int64_t job_no, struct job_row *row) {
  struct run_brief briefs[STORE_STRIP_MAX];
  size_t max = w->q->strip < STORE_STRIP_MAX ? w->q->strip : STORE_STRIP_MAX;
  TRY(w->reader->rows->ops->run_strip(w->reader->rows, job_no, max, briefs, &row->strip_count));
  row->strip = ARENA_ARRAY(&w->q->arena, struct run_brief, row->strip_count + 1);
  if (!row->strip) return arena_error(&w->q->arena);
  memcpy(row->strip, briefs, row->strip_count * sizeof *briefs);
  return ERR_OK;
}

static enum err fill_job_row(struct job_walk *w, const struct job *job, struct job_row *row) {
  struct last_run last = {.arena = &w->q->arena};
  struct scan_args args = {.key = job->no, .from = 0, .to = INT64_MAX};
  TRY(w->reader->rows->ops->scan(w->reader->rows, SCAN_RUN_JOB_DOWN, &args, take_last_run, &last));
  if (last.run) {
    row->has_last_run = true;
    memcpy(&row->last_run, last.run, sizeof row->last_run);
  }
  if (w->q->strip) TRY(fill_strip(w, job->no, row));
  int64_t until_ms;
  row->gate = gates_at(&w->gates, job, w->q->now_ms + 1, &until_ms);
  row->job = job_copy(job);
  return row->job ? ERR_OK : ERR_NO_MEMORY;
}

static enum err add_job_row(struct job_walk *w, int64_t no) {
  struct store_read *q = w->q;
  struct job job = {};
  enum err e = w->reader->rows->ops->get(w->reader->rows, TABLE_JOB, &no, &job, &q->arena);
  if (e == ERR_NOT_FOUND && q->no_count) return ERR_OK; /* deleted since its number was found */
  TRY(e);
  TRY(fill_job_row(w, &job, &q->jobs[q->count]));
  q->count++;
  return ERR_OK;
}

/* q->jobs of these numbers, in their order. */
static enum err fill_jobs(struct reader *r, struct store_read *q, const int64_t *nos, size_t count) {
  struct job_walk w = {.reader = r, .q = q};
  q->jobs = ARENA_ARRAY(&q->arena, struct job_row, count + 1);
  if (!q->jobs) return arena_error(&q->arena);
  TRY(gates_load(&w.gates, r->rows, q->now_ms));
  enum err e = ERR_OK;
  for (size_t i = 0; e == ERR_OK && i < count; i++) e = add_job_row(&w, nos[i]);
  gates_free(&w.gates);
  return e;
}

static enum err read_jobs(struct reader *r, struct store_read *q) {
  char after[LIMIT_NAME_BYTES + 1] = "";
  size_t limit = reader_page_size(q), count;
  if (q->no_count) return fill_jobs(r, q, q->nos, q->no_count);
  int64_t *nos = ARENA_ARRAY(&q->arena, int64_t, limit + 1);
  if (!nos) return arena_error(&q->arena);
  if (!str_copy(after, sizeof after, q->after_text.ptr ? q->after_text : STR("")))
    return err_set(&q->detail, ERR_INVALID, "cursor", 0, "the cursor is too long");
  struct job_query wanted = {.after = after,
                             .is_active = q->is_active < 0 ? FIELD_NULL : q->is_active,
                             .category = q->category,
                             .contains = q->contains,
                             .label = q->label,
                             .status_mask = q->status_mask,
                             .failures_min = q->failures_min};
  TRY(r->rows->ops->job_list(r->rows, &wanted, limit + 1, nos, &count));
  q->has_more = count > limit;
  TRY(fill_jobs(r, q, nos, q->has_more ? limit : count));
  return r->rows->ops->count(r->rows, TABLE_JOB, &q->total);
}

static enum err find_job(struct reader *r, struct store_read *q, struct job *ret) {
  const struct rows_ops *ops = r->rows->ops;
  enum err e = ERR_NOT_FOUND;
  if (q->no) return ops->get(r->rows, TABLE_JOB, &q->no, ret, &q->arena);
  if (q->id.ptr) e = ops->find(r->rows, TABLE_JOB, "id", q->id, ret, &q->arena);
  if (e == ERR_NOT_FOUND && q->name.ptr) e = ops->find(r->rows, TABLE_JOB, "name", q->name, ret, &q->arena);
  return e;
}

static enum err read_job(struct reader *r, struct store_read *q) {
  struct job_walk w = {.reader = r, .q = q};
  struct job job = {};
  enum err e = find_job(r, q, &job);
  if (e == ERR_NOT_FOUND) return err_set(&q->detail, e, "job", 0, "there is no such job");
  TRY(e);
  TRY(gates_load(&w.gates, r->rows, q->now_ms));
  q->jobs = ARENA_NEW(&q->arena, struct job_row);
  e = q->jobs ? fill_job_row(&w, &job, q->jobs) : arena_error(&q->arena);
  gates_free(&w.gates);
  if (e == ERR_OK) q->count = 1;
  return e;
}

/* ---- the ledger of one job, newest first: rows and stretches merged ---- */

static struct occurrence_row of_ledger(const struct ledger_row *l) {
  return (struct occurrence_row){.job_no = l->job_no,
                                 .due_ms = l->due_ms,
                                 .version = l->version,
                                 .epoch = l->epoch,
                                 .attempts = l->attempts,
                                 .last_ms = l->due_ms,
                                 .count = 1,
                                 .state = (enum occurrence_state)l->state,
                                 .reason = (enum reason)l->reason};
}

static struct occurrence_row of_gap(const struct gap_row *g) {
  return (struct occurrence_row){.job_no = g->job_no,
                                 .due_ms = g->first_ms,
                                 .version = g->version,
                                 .last_ms = g->last_ms,
                                 .count = g->count,
                                 .state = (enum occurrence_state)g->state,
                                 .reason = (enum reason)g->reason};
}

static enum err read_occurrences(struct reader *r, struct store_read *q) {
  void **ledger, **gaps;
  size_t ledger_count, gap_count, limit = reader_page_size(q), l = 0, g = 0;
  int64_t to_ms = or_open(q->to_ms, INT64_MAX);
  if (q->after > 0 && q->after - 1 < to_ms) to_ms = q->after - 1;
  struct scan_args args = {.key = q->no, .from = or_open(q->from_ms, INT64_MIN), .to = to_ms};
  TRY(rows_collect(r->rows, SCAN_LEDGER_JOB_DOWN, &args, limit + 1, &q->arena, &ledger, &ledger_count));
  TRY(rows_collect(r->rows, SCAN_GAP_JOB_DOWN, &args, limit + 1, &q->arena, &gaps, &gap_count));
  q->occurrences = ARENA_ARRAY(&q->arena, struct occurrence_row, limit + 1);
  if (!q->occurrences) return arena_error(&q->arena);
  while (q->count < limit && (l < ledger_count || g < gap_count)) {
    bool is_gap = l == ledger_count || (g < gap_count && ((const struct gap_row *)gaps[g])->first_ms >
                                                             ((const struct ledger_row *)ledger[l])->due_ms);
    q->occurrences[q->count++] = is_gap ? of_gap(gaps[g++]) : of_ledger(ledger[l++]);
  }
  q->has_more = l < ledger_count || g < gap_count;
  return ERR_OK;
}

/* ---- figures ---- */

struct sums {
  int64_t *durations, *lags;
  size_t duration_count, lag_count, seen;
  int64_t runs, successes, failures, duration_sum, cpu_sum, cpu_count, memory_sum, memory_count;
};

static bool add_run(void *arg, const void *record) {
  struct sums *s = arg;
  const struct run *run = record;
  if (!run_is_final((enum run_status)run->status) || run->status == RUN_SKIPPED ||
      run->status == RUN_CANCELLED)
    return true;
  s->runs++;
  s->successes += run->status == RUN_SUCCESS;
  s->failures += run_is_failure((enum run_status)run->status);
  if (run->duration_ms != FIELD_NULL) {
    s->duration_sum += run->duration_ms;
    if (s->durations) s->durations[s->duration_count] = run->duration_ms;
    s->duration_count++;
  }
  if (run->lag_ms != FIELD_NULL && s->lags) s->lags[s->lag_count++] = run->lag_ms;
  if (run->cpu_pct != FIELD_NULL) s->cpu_sum += run->cpu_pct, s->cpu_count++;
  if (run->memory_mb != FIELD_NULL) s->memory_sum += run->memory_mb, s->memory_count++;
  return ++s->seen < METRICS_RUNS_MAX;
}

static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Nearest rank. */
static int64_t percentile(const int64_t *sorted, size_t count, size_t percent) {
  return count ? sorted[(count * percent + 99) / 100 - 1] : FIELD_NULL;
}

static int64_t mean(int64_t sum, int64_t count) { return count ? sum / count : FIELD_NULL; }

static enum err read_metrics(struct reader *r, struct store_read *q) {
  struct sums s = {.durations = ARENA_ARRAY(&q->arena, int64_t, METRICS_RUNS_MAX),
                   .lags = ARENA_ARRAY(&q->arena, int64_t, METRICS_RUNS_MAX)};
  if (!s.durations || !s.lags) return arena_error(&q->arena);
  struct scan_args args = {.key = q->no, .from = 0, .to = INT64_MAX};
  TRY(r->rows->ops->scan(r->rows, q->no ? SCAN_RUN_JOB_DOWN : SCAN_RUN_DOWN, &args, add_run, &s));
  qsort(s.durations, s.duration_count, sizeof *s.durations, ascending);
  qsort(s.lags, s.lag_count, sizeof *s.lags, ascending);
  q->metrics = (struct job_metrics){.runs = s.runs,
                                    .successes = s.successes,
                                    .failures = s.failures,
                                    .mean_ms = mean(s.duration_sum, (int64_t)s.duration_count),
                                    .p50_ms = percentile(s.durations, s.duration_count, 50),
                                    .p95_ms = percentile(s.durations, s.duration_count, 95),
                                    .p99_ms = percentile(s.durations, s.duration_count, 99),
                                    .max_ms = percentile(s.durations, s.duration_count, 100),
                                    .lag_p50_ms = percentile(s.lags, s.lag_count, 50),
                                    .lag_p95_ms = percentile(s.lags, s.lag_count, 95),
                                    .lag_p99_ms = percentile(s.lags, s.lag_count, 99),
                                    .mean_cpu_pct3 = mean(s.cpu_sum, s.cpu_count),
                                    .mean_memory_mb = mean(s.memory_sum, s.memory_count)};
  struct job job = {};
  if (q->no && r->rows->ops->get(r->rows, TABLE_JOB, &q->no, &job, &q->arena) == ERR_OK)
    q->metrics.failures_in_row = job.failures == FIELD_NULL ? 0 : job.failures;
  return ERR_OK;
}

/* ---- what is kept of a big house ---- */

static bool is_kept(struct tick at) {
  return at.ns != 0 && tick_diff_ms(world_tick(world_real()), at) < READER_KEPT_MS;
}

static enum err find_figures(struct reader *r, struct figures_row *ret) {
  struct reader_kept *k = r->kept;
  if (!is_kept(k->figures_at)) {
    k->figures_at = (struct tick){};
    TRY(r->rows->ops->figures(r->rows, BOARD_RUNS_MAX, &k->figures));
    if (k->figures.jobs > READER_DEAR_JOBS) k->figures_at = world_tick(world_real());
  }
  *ret = k->figures;
  return ERR_OK;
}

enum err reader_trouble(struct reader *r, const int64_t **ret_nos, size_t *ret_count) {
  struct reader_kept *k = r->kept;
  struct job_query wanted = {.after = "", .is_active = FIELD_NULL, .status_mask = RUN_FAILURES};
  if (!is_kept(k->trouble_at)) {
    int64_t jobs;
    k->trouble_at = (struct tick){};
    TRY(r->rows->ops->job_list(r->rows, &wanted, READER_TROUBLE, k->trouble, &k->trouble_count));
    TRY(r->rows->ops->count(r->rows, TABLE_JOB, &jobs));
    if (jobs > READER_DEAR_JOBS) k->trouble_at = world_tick(world_real());
  }
  *ret_nos = k->trouble;
  *ret_count = k->trouble_count;
  return ERR_OK;
}

#define DASHBOARD_UPCOMING_MAX 100

static enum err read_dashboard(struct reader *r, struct store_read *q) {
  int64_t nos[DASHBOARD_UPCOMING_MAX];
  size_t limit = q->limit < DASHBOARD_UPCOMING_MAX ? q->limit : DASHBOARD_UPCOMING_MAX, count;
  struct figures_row f;
  TRY(find_figures(r, &f));
  q->dashboard.total_jobs = f.jobs;
  q->dashboard.active_jobs = f.active_jobs;
  q->dashboard.failed_jobs = f.failed_jobs;
  q->dashboard.runs = f.runs;
  q->dashboard.successes = f.successes;
  q->dashboard.mean_ms = f.durations ? f.duration_ms / f.durations : 0;
  TRY(r->rows->ops->job_upcoming(r->rows, limit, nos, &count));
  return fill_jobs(r, q, nos, count);
}

/* ---- the audit log ---- */

struct audit_walk {
  struct store_read *q;
  size_t limit, looked;
  enum err error;
};

static bool visit_audit(void *arg, const void *record) {
  struct audit_walk *w = arg;
  struct store_read *q = w->q;
  const struct audit_log_row *from = record;
  if (q->filter) {
    if (w->looked++ == STORE_LOOKED_MAX) return q->has_more = true, false;
    if (q->count < w->limit) q->looked = from->seq;
    if (!store_filter_audit(q->filter, from)) return true;
  }
  if (q->count == w->limit) return q->has_more = true, false;
  const struct audit_log_row *row = record_copy(table_get(TABLE_AUDIT), record, &q->arena);
  if (!row) {
    w->error = arena_error(&q->arena);
    return false;
  }
  struct audit_row *to = &q->audit_rows[q->count++];
  *to = (struct audit_row){.seq = row->seq,
                           .at_ms = row->at_ms,
                           .note = {.actor = row->actor,
                                    .action = row->action,
                                    .object = row->object,
                                    .before = row->before,
                                    .after = row->after,
                                    .address = row->address,
                                    .request_id = row->request_id}};
  str_copy(to->hash, sizeof to->hash, str_of(row->hash));
  return true;
}

static enum err read_audit_log(struct reader *r, struct store_read *q) {
  struct audit_walk w = {.q = q, .limit = reader_page_size(q)};
  struct scan_args args = {.from = INT64_MIN, .to = q->after > 0 ? q->after - 1 : INT64_MAX};
  q->audit_rows = ARENA_ARRAY(&q->arena, struct audit_row, w.limit + 1);
  if (!q->audit_rows) return arena_error(&q->arena);
  TRY(r->rows->ops->scan(r->rows, SCAN_AUDIT_DOWN, &args, visit_audit, &w));
  TRY(w.error);
  return r->rows->ops->count(r->rows, TABLE_AUDIT, &q->total);
}

struct chain_walk {
  struct store_read *q;
  int64_t seq;
  char hash[65];
};

static bool check_link(void *arg, const void *record) {
  struct chain_walk *w = arg;
  const struct audit_log_row *row = record;
  char hash[65];
  audit_chain_hash(w->hash, row, hash);
  if (row->seq != ++w->seq || !str_eq(str_of(hash), str_of(row->hash))) {
    w->q->proof.first_bad = w->seq;
    return false;
  }
  memcpy(w->hash, hash, sizeof hash);
  return true;
}

static enum err read_audit_verify(struct reader *r, struct store_read *q) {
  struct chain_walk w = {.q = q};
  TRY(r->rows->ops->scan(r->rows, SCAN_AUDIT_UP, &SCAN_ALL, check_link, &w));
  q->total = w.seq;
  return ERR_OK;
}

/* ---- identities ---- */

static void from_hex(const char *hex, unsigned char ret[32]) {
  struct str s = str_of(hex);
  for (size_t i = 0; i < 32; i++) {
    unsigned value = 0;
    for (size_t j = 2 * i; j < 2 * i + 2 && j < s.len; j++)
      value = value * 16 + (unsigned)(s.ptr[j] <= '9' ? s.ptr[j] - '0' : s.ptr[j] - 'a' + 10);
    ret[i] = (unsigned char)value;
  }
}

static enum err read_users(struct reader *r, struct store_read *q) {
  void **rows;
  size_t count;
  TRY(rows_collect(r->rows, SCAN_USER_ALL, &SCAN_ALL, SIZE_MAX, &q->arena, &rows, &count));
  q->identities.users = ARENA_ARRAY(&q->arena, struct user, count + 1);
  if (!q->identities.users) return arena_error(&q->arena);
  for (size_t i = 0; i < count; i++) {
    const struct user_row *u = rows[i];
    q->identities.users[i] =
        (struct user){u->id,         u->name,       u->password_hash, (enum role)u->role, u->is_disabled == 1,
                      u->created_ms, u->updated_ms, u->last_login_ms};
  }
  q->identities.user_count = count;
  return ERR_OK;
}

static enum err read_tokens(struct reader *r, struct store_read *q) {
  void **rows;
  size_t count;
  TRY(rows_collect(r->rows, SCAN_TOKEN_ALL, &SCAN_ALL, SIZE_MAX, &q->arena, &rows, &count));
  q->identities.tokens = ARENA_ARRAY(&q->arena, struct token, count + 1);
  if (!q->identities.tokens) return arena_error(&q->arena);
  for (size_t i = 0; i < count; i++) {
    const struct token_row *t = rows[i];
    q->identities.tokens[i] = (struct token){.id = t->id,
                                             .name = t->name,
                                             .role = (enum role)t->role,
                                             .user_id = t->user_id,
                                             .scope = t->scope,
                                             .created_ms = t->created_ms,
                                             .expires_ms = t->expires_ms,
                                             .last_used_ms = t->last_used_ms};
    from_hex(t->hash, q->identities.tokens[i].hash);
  }
  q->identities.token_count = count;
  return ERR_OK;
}

static enum err read_sessions(struct reader *r, struct store_read *q) {
  void **rows;
  size_t count;
  TRY(rows_collect(r->rows, SCAN_SESSION_ALL, &SCAN_ALL, SIZE_MAX, &q->arena, &rows, &count));
  q->identities.sessions = ARENA_ARRAY(&q->arena, struct session, count + 1);
  if (!q->identities.sessions) return arena_error(&q->arena);
  for (size_t i = 0; i < count; i++) {
    const struct session_row *s = rows[i];
    q->identities.sessions[i] = (struct session){.user_id = s->user_id,
                                                 .csrf = s->csrf,
                                                 .address = s->address,
                                                 .agent = s->agent,
                                                 .created_ms = s->created_ms,
                                                 .seen_ms = s->seen_ms,
                                                 .expires_ms = s->expires_ms};
    from_hex(s->id_hash, q->identities.sessions[i].id_hash);
  }
  q->identities.session_count = count;
  return ERR_OK;
}

static enum err read_identities(struct reader *r, struct store_read *q) {
  TRY(read_users(r, q));
  TRY(read_tokens(r, q));
  return read_sessions(r, q);
}

/* ---- gates, health ---- */

static enum err read_gates(struct reader *r, struct store_read *q) {
  void **rows;
  size_t count;
  struct scan_args args = {.from = q->now_ms + 1, .to = INT64_MAX};
  TRY(rows_collect(r->rows, SCAN_GATE_ALL, &args, SIZE_MAX, &q->arena, &rows, &count));
  q->gates = ARENA_ARRAY(&q->arena, struct closed_gate, count + 1);
  if (!q->gates) return arena_error(&q->arena);
  for (size_t i = 0; i < count; i++) {
    const struct gate_row *g = rows[i];
    q->gates[q->count++] =
        (struct closed_gate){.scope = (enum gate_scope)g->scope,
                             .job_no = g->job_no,
                             .key = g->key,
                             .gate = (enum gate)g->gate,
                             .from_ms = g->from_ms,
                             .until_ms = g->until_ms == INSTANT_NEVER ? INSTANT_NEVER : g->until_ms + 1};
  }
  return ERR_OK;
}

static enum err read_alerts(struct reader *r, struct store_read *q) {
  void **rows;
  TRY(rows_collect(r->rows, SCAN_ALERT_ALL, &SCAN_ALL, SIZE_MAX, &q->arena, &rows, &q->count));
  q->alerts = ARENA_ARRAY(&q->arena, struct alert_memory, q->count + 1);
  if (!q->alerts) return arena_error(&q->arena);
  for (size_t i = 0; i < q->count; i++) {
    const struct alert_row *a = rows[i];
    q->alerts[i] =
        (struct alert_memory){.id = a->id, .first_ms = a->first_ms, .ack_ms = a->ack_ms, .ack_by = a->ack_by};
  }
  return ERR_OK;
}

static enum err read_health(struct reader *r, struct store_read *q) {
  TRY(r->rows->ops->count(r->rows, TABLE_LEDGER, &q->health.ledger_rows));
  return r->rows->ops->count(r->rows, TABLE_RUN, &q->health.run_rows);
}

enum err reader_read(struct reader *r, struct store_read *q) {
  switch (q->kind) {
    case READ_JOB: return read_job(r, q);
    case READ_JOBS: return read_jobs(r, q);
    case READ_RUN: return reader_run(r, q);
    case READ_RUNS: return reader_runs(r, q);
    case READ_OCCURRENCES: return read_occurrences(r, q);
    case READ_DASHBOARD: return read_dashboard(r, q);
    case READ_JOB_METRICS: return read_metrics(r, q);
    case READ_AUDIT_LOG: return read_audit_log(r, q);
    case READ_AUDIT_VERIFY: return read_audit_verify(r, q);
    case READ_LEDGER_AUDIT: return reader_ledger_audit(r, q);
    case READ_IDENTITIES: return read_identities(r, q);
    case READ_GATES: return read_gates(r, q);
    case READ_ALERTS: return read_alerts(r, q);
    case READ_HEALTH: return read_health(r, q);
    case READ_LOAD: return reader_load(r, q);
    case READ_DAYS: return reader_days(r, q);
    case READ_LANES: return reader_lanes(r, q);
    case READ_AHEAD: return reader_ahead(r, q);
    case READ_VERSIONS: return reader_versions(r, q);
    case READ_BACKUP: return err_set(&q->detail, ERR_INVALID, "store", 0, "this store lives in memory only");
    case READ_KIND_COUNT: break;
  }
  assert_fail("a read of no kind", __FILE__, __LINE__);
  return ERR_INTERNAL;
}
