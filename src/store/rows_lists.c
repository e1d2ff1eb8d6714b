/* Lists and figures over scans: what they mean. Backends that can do better answer the same. */
#include "base/json.h"
#include "store/rows.h"

#define UPCOMING_MAX 128

static bool has_label(const char *labels, struct str wanted) { /* "key" or "key:value" */
  JSON_AUTO json_t *object = NULL;
  if (!labels || json_parse(str_of(labels), &object, NULL) != ERR_OK) return false;
  size_t colon = str_find_char(wanted, ':');
  struct str key = colon == SIZE_MAX ? wanted : (struct str){wanted.ptr, colon};
  const char *name;
  json_t *value;
  json_object_foreach(object, name, value) {
    if (!str_eq(str_of(name), key)) continue;
    return colon == SIZE_MAX ||
           (json_is_string(value) && str_eq(str_of(json_string_value(value)), str_from(wanted, colon + 1)));
  }
  return false;
}

static bool job_fits(const struct job_query *q, const struct job *job) {
  if (job_is_test(job)) return false;
  if (q->is_active != FIELD_NULL && job->is_active != q->is_active) return false;
  if (q->failures_min && (job->failures == FIELD_NULL || job->failures < q->failures_min)) return false;
  if (q->category.ptr && !str_eq(str_of(job->category), q->category)) return false;
  if (q->label.ptr && !has_label(job->labels, q->label)) return false;
  return !q->contains.ptr || str_find(str_of(job->name), q->contains) != SIZE_MAX ||
         (job->description && str_find(str_of(job->description), q->contains) != SIZE_MAX);
}

static bool take_status(void *arg, const void *record) {
  const struct run *run = record;
  if (run->status == RUN_QUEUED) return true; /* it has not run yet */
  *(int64_t *)arg = run->status;
  return false;
}

/* FIELD_NULL: it has never run. */
static enum err last_status(struct rows *r, int64_t job_no, int64_t *ret) {
  struct scan_args args = {.key = job_no, .from = 0, .to = INT64_MAX};
  *ret = FIELD_NULL;
  return r->ops->scan(r, SCAN_RUN_JOB_DOWN, &args, take_status, ret);
}

struct job_picking {
  struct rows *rows;
  const struct job_query *q;
  size_t max, count;
  int64_t *nos;
  enum err error;
};

static bool pick_job(void *arg, const void *record) {
  struct job_picking *p = arg;
  const struct job *job = record;
  if (p->count == p->max) return false;
  if (!job_fits(p->q, job)) return true;
  if (p->q->status_mask) {
    int64_t status;
    p->error = last_status(p->rows, job->no, &status);
    if (p->error != ERR_OK) return false;
    if (status == FIELD_NULL || !(p->q->status_mask & (1u << status))) return true;
  }
  p->nos[p->count++] = job->no;
  return true;
}

enum err rows_job_list(struct rows *r, const struct job_query *q, size_t max, int64_t *ret_nos,
                       size_t *ret_count) {
  struct job_picking p = {.rows = r, .q = q, .max = max, .nos = ret_nos};
  struct scan_args args = {.text = q->after};
  TRY(r->ops->scan(r, SCAN_JOB_BY_NAME, &args, pick_job, &p));
  *ret_count = p.count;
  return p.error;
}

struct upcoming {
  size_t max, count;
  int64_t *nos, next_ms[UPCOMING_MAX]; /* soonest first */
};

/* Inserts the job among those that are due next, if it is one of the first. */
static bool note_upcoming(void *arg, const void *record) {
  struct upcoming *u = arg;
  const struct job *job = record;
  size_t at = u->count;
  if (job->next_run_ms == FIELD_NULL) return true;
  while (at > 0 && u->next_ms[at - 1] > job->next_run_ms) at--;
  if (at >= u->max) return true;
  if (u->count < u->max) u->count++;
  memmove(&u->next_ms[at + 1], &u->next_ms[at], (u->count - at - 1) * sizeof *u->next_ms);
  memmove(&u->nos[at + 1], &u->nos[at], (u->count - at - 1) * sizeof *u->nos);
  u->next_ms[at] = job->next_run_ms;
  u->nos[at] = job->no;
  return true;
}

enum err rows_job_upcoming(struct rows *r, size_t max, int64_t *ret_nos, size_t *ret_count) {
  struct upcoming u = {.max = max, .nos = ret_nos};
  ASSERT(max <= UPCOMING_MAX);
  TRY(r->ops->scan(r, SCAN_JOB_ALL, &SCAN_ALL, note_upcoming, &u));
  *ret_count = u.count;
  return ERR_OK;
}

struct strip {
  struct run_brief *items;
  size_t max, count;
};

static bool take_brief(void *arg, const void *record) {
  struct strip *s = arg;
  const struct run *run = record;
  if (s->count == s->max) return false;
  if (run_is_final((enum run_status)run->status))
    s->items[s->count++] = (struct run_brief){run->no, run->status, run->duration_ms};
  return true;
}

enum err rows_run_strip(struct rows *r, int64_t job_no, size_t max, struct run_brief *ret,
                        size_t *ret_count) {
  struct strip s = {.items = ret, .max = max};
  struct scan_args args = {.key = job_no, .from = 0, .to = INT64_MAX};
  TRY(r->ops->scan(r, SCAN_RUN_JOB_DOWN, &args, take_brief, &s));
  *ret_count = s.count;
  return ERR_OK;
}

struct figuring {
  struct rows *rows;
  struct figures_row *figures;
  int64_t runs_max;
  enum err error;
};

static bool add_job(void *arg, const void *record) {
  struct figuring *f = arg;
  const struct job *job = record;
  int64_t status;
  if (job_is_test(job)) return true;
  f->figures->jobs++;
  f->figures->active_jobs += job->is_active == 1;
  f->error = last_status(f->rows, job->no, &status);
  f->figures->failed_jobs += status != FIELD_NULL && run_is_failure((enum run_status)status);
  return f->error == ERR_OK;
}

static bool add_run(void *arg, const void *record) {
  struct figuring *f = arg;
  const struct run *run = record;
  enum run_status status = (enum run_status)run->status;
  if (status != RUN_SUCCESS && !run_is_failure(status)) return true;
  f->figures->runs++;
  f->figures->successes += status == RUN_SUCCESS;
  if (run->duration_ms != FIELD_NULL) f->figures->duration_ms += run->duration_ms, f->figures->durations++;
  return f->figures->runs < f->runs_max;
}

enum err rows_figures(struct rows *r, int64_t runs_max, struct figures_row *ret) {
  struct figures_row figures = {};
  struct figuring f = {.rows = r, .figures = &figures, .runs_max = runs_max};
  struct scan_args args = {.from = 0, .to = INT64_MAX};
  TRY(r->ops->scan(r, SCAN_JOB_ALL, &SCAN_ALL, add_job, &f));
  TRY(f.error);
  TRY(r->ops->scan(r, SCAN_RUN_DOWN, &args, add_run, &f));
  *ret = figures;
  return ERR_OK;
}

/* ---- finding runs and jobs ---- */

static bool is_odd(const struct run *run) {
  return (run->status != RUN_SUCCESS && run->status != RUN_QUEUED && run->status != RUN_RUNNING) ||
         run->error_message || (run->exit_code != FIELD_NULL && run->exit_code != 0) ||
         (run->trigger != FIELD_NULL && run->trigger != TRIGGER_SCHEDULE) || run->attempt > 1;
}

struct finding {
  const struct run_query *q;
  rows_visit *fn;
  void *arg;
  int64_t left, no; /* of run_nth */
};

static bool find_one(void *arg, const void *record) {
  struct finding *f = arg;
  struct run lean;
  memcpy(&lean, record, sizeof lean);
  if (f->q->is_odd && !is_odd(&lean)) return true;
  lean.output = NULL;
  return f->fn(f->arg, &lean);
}

enum err rows_run_find(struct rows *r, const struct run_query *q, rows_visit *fn, void *arg) {
  struct finding f = {.q = q, .fn = fn, .arg = arg};
  struct scan_args args = {.from = q->from_no, .to = q->to_no};
  return r->ops->scan(r, SCAN_RUN_DOWN, &args, find_one, &f);
}

static bool count_down(void *arg, const void *record) {
  struct finding *f = arg;
  const struct run *run = record;
  if (f->q->is_odd && !is_odd(run)) return true;
  f->no = run->no;
  return f->left-- > 0;
}

enum err rows_run_nth(struct rows *r, const struct run_query *q, int64_t n, int64_t *ret_no) {
  struct finding f = {.q = q, .left = n};
  struct scan_args args = {.from = q->from_no, .to = q->to_no};
  TRY(r->ops->scan(r, SCAN_RUN_DOWN, &args, count_down, &f));
  if (f.left >= 0) return ERR_NOT_FOUND;
  *ret_no = f.no;
  return ERR_OK;
}

struct since {
  int64_t from_ms, no, left;
};

static bool find_least(void *arg, const void *record) {
  struct since *s = arg;
  const struct run *run = record;
  if (run->started_ms < s->from_ms) return true;
  if (s->left-- == 0) return s->no = 0, false;
  if (run->no < s->no) s->no = run->no;
  return true;
}

enum err rows_run_since(struct rows *r, int64_t from_ms, int64_t max, int64_t *ret_no) {
  struct since s = {from_ms, INT64_MAX, max};
  TRY(r->ops->scan(r, SCAN_RUN_DOWN, &(struct scan_args){.from = 0, .to = INT64_MAX}, find_least, &s));
  *ret_no = s.no;
  return ERR_OK;
}

enum err rows_job_facts(struct rows *r, const struct facts_query *q, rows_visit *fn, void *arg) {
  (void)q;
  return r->ops->scan(r, SCAN_JOB_ALL, &SCAN_ALL, fn, arg);
}
