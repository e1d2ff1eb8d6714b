/* READ_RUNS: which runs fit, newest first, in bounded steps. What can be asked of the backend is (run_plan.h): by
 * index where few rows can fit, by column else; what comes is judged here. A page that is not full says how far it
 * looked. */
#include <stdlib.h>

#include "base/id.h"
#include "store/keeper.h"
#include "store/run_plan.h"
#include "store/store_filter.h"

#define STEP_FIRST 2000     /* rows: where most fit the page is full by then */
#define SINCE_MAX 20000     /* when more began since then, enough fit */
#define SLACK_MS 600000LL   /* ids and starts are of one clock, but for steps back that nobody noted */
#define JOBS_ONE_BY_ONE 24  /* so many jobs are read each by its own index, whatever a look-up costs */
#define ONE_BY_ONE_LEAST 20 /* judged of each at least */
#define ONE_BY_ONE_FEW 500  /* the same of JOBS_ONE_BY_ONE */

struct run_walk {
  struct reader *reader;
  struct store_read *q;
  size_t limit, judged, judged_max;
  struct run_plan plan;
  struct run_judges judges;
  struct map jobs; /* that fit, when the question is about jobs, too: number → anything; besides q->nos */
  bool is_plain;   /* nothing is asked: every run fits */
  bool is_done;    /* the page is full, or enough has been judged */
  enum err error;
};

static bool run_fits(const struct store_read *q, const struct run *run) {
  if (q->status_mask && !(q->status_mask & (1u << run->status))) return false;
  if (q->trigger_mask && (run->trigger == FIELD_NULL || !(q->trigger_mask & (1u << run->trigger))))
    return false;
  int64_t at_ms = run->started_ms == FIELD_NULL ? run->queued_ms : run->started_ms;
  if (q->from_ms != INSTANT_NONE && (at_ms == FIELD_NULL || at_ms < q->from_ms)) return false;
  return q->to_ms == INSTANT_NONE || (at_ms != FIELD_NULL && at_ms <= q->to_ms);
}

static int by_number(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static bool job_fits(const struct run_walk *w, int64_t no) {
  const struct store_read *q = w->q;
  if (map_get(&w->jobs, (uint64_t)no)) return true;
  return q->no_count && bsearch(&no, q->nos, q->no_count, sizeof no, by_number);
}

static bool fits(const struct run_walk *w, const struct run *run) {
  if (w->judges.jobs && !job_fits(w, run->job_no)) return false;
  return run_fits(w->q, run) && (!w->judges.runs || store_filter_run(w->judges.runs, run));
}

/* A list that grows in an arena. */
static void *grow(struct arena *a, void *items, size_t count, size_t size) {
  if (count & (count - 1) || count == 1) return items; /* full only at powers of two; room for 2 at first */
  void *bigger = arena_alloc(a, size * (count ? count * 2 : 2));
  if (bigger && count) memcpy(bigger, items, count * size);
  return bigger;
}

static enum err keep_run(struct store_read *q, const struct run *run) {
  struct run lean;
  memcpy(&lean, run, sizeof lean);
  if (!q->with_output) lean.output = NULL;
  struct run *copy = record_copy(table_get(TABLE_RUN), &lean, &q->arena);
  q->runs = grow(&q->arena, q->runs, q->count, sizeof *q->runs);
  if (!copy || !q->runs) return arena_error(&q->arena);
  q->runs[q->count] = (struct run_row){};
  memcpy(&q->runs[q->count++].run, copy, sizeof *copy);
  return ERR_OK;
}

/* ---- in the order of all runs ---- */

static bool stop(struct run_walk *w) {
  w->is_done = true;
  return false;
}

static bool visit_run(void *arg, const void *record) {
  struct run_walk *w = arg;
  struct store_read *q = w->q;
  const struct run *run = record;
  if (!w->is_plain) {
    if (w->judged++ == w->judged_max) return q->has_more = true, stop(w);
    if (q->count < w->limit) q->looked = run->no;
    if (!fits(w, run)) return true;
  }
  if (q->count == w->limit) return q->has_more = true, stop(w);
  w->error = keep_run(q, run);
  return w->error == ERR_OK || stop(w);
}

/* How far the clock has ever been set back in all: while a server ran, and between two. */
struct steps_back {
  int64_t sum_ms, alive_ms;
};

static bool add_step_back(void *arg, const void *record) {
  const struct clock_row *row = record;
  if (row->is_ms < row->was_ms) ((struct steps_back *)arg)->sum_ms += row->was_ms - row->is_ms;
  return true;
}

static bool add_stop(void *arg, const void *record) {
  struct steps_back *s = arg;
  const struct server_row *row = record;
  if (row->up_ms < s->alive_ms) s->sum_ms += s->alive_ms - row->up_ms;
  s->alive_ms = row->alive_ms;
  return true;
}

static int64_t first_number_at(int64_t ms) { return id_next(&(struct id_maker){}, ms); }

/* A run's id is made before it starts, so starts bound numbers. */
static enum err bound_by_start(struct run_walk *w, struct run_query *q) {
  struct rows *rows = w->reader->rows;
  if (q->started_ms.max != INT64_MAX) {
    struct steps_back back = {.sum_ms = SLACK_MS, .alive_ms = INT64_MIN};
    TRY(rows->ops->scan(rows, SCAN_CLOCK_ALL, &SCAN_ALL, add_step_back, &back));
    TRY(rows->ops->scan(rows, SCAN_SERVER_ALL, &SCAN_ALL, add_stop, &back));
    int64_t no = first_number_at(q->started_ms.max + back.sum_ms);
    if (no < q->to_no) q->to_no = no;
  }
  if (q->started_ms.min == INT64_MIN) return ERR_OK;
  int64_t no;
  TRY(rows->ops->run_since(rows, q->started_ms.min, SINCE_MAX, &no));
  if (no > q->from_no) q->from_no = no;
  return ERR_OK;
}

/* Step by step, so that no step passes over more than its share; a short one first. */
static enum err walk_in_steps(struct run_walk *w, struct run_query *q) {
  static const int64_t steps[] = {STEP_FIRST, STORE_PASSED_MAX};
  const struct rows_ops *ops = w->reader->rows->ops;
  TRY(bound_by_start(w, q));
  for (size_t i = 0; i < sizeof steps / sizeof *steps && q->from_no <= q->to_no; i++) {
    struct run_query step = *q;
    enum err e = ops->run_nth(w->reader->rows, q, steps[i], &step.from_no);
    if (e != ERR_OK && e != ERR_NOT_FOUND) return e;
    bool is_last = e == ERR_NOT_FOUND;
    if (is_last) step.from_no = q->from_no;
    TRY(ops->run_find(w->reader->rows, &step, visit_run, w));
    TRY(w->error);
    if (w->is_done || is_last) return ERR_OK;
    w->q->looked = step.from_no;
    q->to_no = step.from_no - 1;
  }
  w->q->has_more = q->from_no <= q->to_no;
  return ERR_OK;
}

static enum err walk_all(struct run_walk *w, int64_t to_no) {
  struct run_query q = w->plan.query;
  q.from_no = 0;
  q.to_no = to_no;
  if (!w->is_plain) return walk_in_steps(w, &q);
  struct scan_args args = {.from = 0, .to = to_no};
  enum err e = w->q->with_output
                   ? w->reader->rows->ops->scan(w->reader->rows, SCAN_RUN_DOWN, &args, visit_run, w)
                   : w->reader->rows->ops->run_find(w->reader->rows, &q, visit_run, w);
  return e != ERR_OK ? e : w->error;
}

/* ---- what waits or runs: few, and in an index of their own ---- */

static enum err walk_open(struct run_walk *w, int64_t to_no) {
  void **runs;
  size_t count;
  TRY(rows_collect(w->reader->rows, SCAN_RUN_OPEN, &SCAN_ALL, SIZE_MAX, &w->q->arena, &runs, &count));
  w->judged_max = SIZE_MAX;
  for (size_t i = count; i > 0; i--)
    if (((const struct run *)runs[i - 1])->no <= to_no && !visit_run(w, runs[i - 1])) break;
  return w->error;
}

/* ---- the runs of some jobs, each by its own index ---- */

struct job_runs {
  struct run_walk *walk;
  size_t judged, found;
  int64_t least;  /* what is older need not be looked for: the page is full of newer ones */
  int64_t looked; /* the last one judged */
  bool is_cut;    /* there are more, which have not been judged */
};

static bool visit_job_run(void *arg, const void *record) {
  struct job_runs *j = arg;
  struct run_walk *w = j->walk;
  const struct run *run = record;
  if (run->no < j->least || j->found > w->limit) return false;
  if (!w->is_plain && j->judged++ == w->judged_max) return j->is_cut = true, false;
  j->looked = run->no;
  if (!w->is_plain && !(run_fits(w->q, run) && (!w->judges.runs || store_filter_run(w->judges.runs, run))))
    return true;
  j->found++;
  w->error = keep_run(w->q, run);
  return w->error == ERR_OK;
}

static int newest_first(const void *a, const void *b) {
  int64_t x = ((const struct run_row *)a)->run.no, y = ((const struct run_row *)b)->run.no;
  return (x < y) - (x > y);
}

/* All that are at or above `floor` are there; what is below it may be missing. */
static void cut_page(struct run_walk *w, int64_t floor) {
  struct store_read *q = w->q;
  while (q->count > 0 && q->runs[q->count - 1].run.no < floor) q->count--;
  q->has_more = floor > 0;
  if (!w->is_plain) q->looked = floor;
  if (q->count <= w->limit) return;
  q->count = w->limit;
  q->has_more = true;
  if (!w->is_plain) q->looked = q->runs[q->count - 1].run.no;
}

/* Of many jobs only what is newer than the page's last is looked for. */
static void tidy_page(struct run_walk *w, struct job_runs *j) {
  struct store_read *q = w->q;
  qsort(q->runs, q->count, sizeof *q->runs, newest_first);
  if (q->count <= w->limit) return;
  q->count = w->limit + 1;
  j->least = q->runs[w->limit].run.no;
}

static size_t judged_of_each(size_t jobs) {
  size_t least = jobs <= JOBS_ONE_BY_ONE ? ONE_BY_ONE_FEW : ONE_BY_ONE_LEAST;
  size_t share = STORE_JUDGED_MAX / (jobs ? jobs : 1);
  return share > least ? share : least;
}

static enum err walk_jobs(struct run_walk *w, const int64_t *nos, size_t count, int64_t to_no) {
  struct store_read *q = w->q;
  struct job_runs j = {.walk = w};
  struct run_query bounds = w->plan.query;
  enum scan_id scan = q->with_output ? SCAN_RUN_JOB_DOWN : SCAN_RUN_JOB_LIST;
  int64_t floor = 0;
  bounds.from_no = 0;
  bounds.to_no = to_no;
  if (!w->is_plain) TRY(bound_by_start(w, &bounds));
  w->judged_max = judged_of_each(count);
  for (size_t i = 0; i < count && bounds.from_no <= bounds.to_no; i++) {
    struct scan_args args = {.key = nos[i], .from = bounds.from_no, .to = bounds.to_no};
    j.judged = j.found = 0;
    j.is_cut = false;
    TRY(w->reader->rows->ops->scan(w->reader->rows, scan, &args, visit_job_run, &j));
    TRY(w->error);
    if (j.is_cut && j.looked > floor) floor = j.looked;
    if (q->count > 2 * w->limit) tidy_page(w, &j);
  }
  if (q->count) tidy_page(w, &j);
  cut_page(w, floor);
  return ERR_OK;
}

/* ---- which jobs ---- */

struct job_picking {
  struct run_walk *walk;
  int64_t *nos; /* room for ROWS_LOOK_UPS_MAX */
  size_t count;
  enum err error;
};

static void pick(struct job_picking *p, int64_t no) {
  if (p->count < ROWS_LOOK_UPS_MAX) p->nos[p->count] = no;
  p->count++;
}

static bool pick_job(void *arg, const void *record) {
  struct job_picking *p = arg;
  const struct job *job = record;
  struct arena scratch = arena_new(1024 * 1024);
  bool is_one = store_filter_job(p->walk->judges.jobs, job, &scratch);
  arena_free(&scratch);
  if (!is_one) return true;
  pick(p, job->no);
  p->error = map_put(&p->walk->jobs, (uint64_t)job->no, p);
  return p->error == ERR_OK;
}

/* Whoever knows the jobs knows none that is only tried. */
static enum err pick_jobs(struct job_picking *p) {
  struct rows *rows = p->walk->reader->rows;
  const struct store_read *q = p->walk->q;
  if (!q->knows_jobs) TRY(rows->ops->job_facts(rows, &p->walk->plan.facts, pick_job, p));
  else TRY(rows->ops->scan(rows, SCAN_JOB_TEST, &SCAN_ALL, pick_job, p));
  for (size_t i = 0; i < q->no_count; i++) pick(p, q->nos[i]);
  return p->error;
}

static enum err walk_jobs_that_fit(struct run_walk *w, int64_t to_no) {
  struct job_picking p = {.walk = w, .nos = ARENA_ARRAY(&w->q->arena, int64_t, ROWS_LOOK_UPS_MAX)};
  size_t look_ups_max = w->reader->rows->look_ups_max;
  if (!p.nos) return arena_error(&w->q->arena);
  TRY(pick_jobs(&p));
  if (look_ups_max < JOBS_ONE_BY_ONE) look_ups_max = JOBS_ONE_BY_ONE;
  ASSERT(look_ups_max <= ROWS_LOOK_UPS_MAX);
  if (w->q->no) return job_fits(w, w->q->no) ? walk_jobs(w, &w->q->no, 1, to_no) : ERR_OK;
  return p.count <= look_ups_max ? walk_jobs(w, p.nos, p.count, to_no) : walk_all(w, to_no);
}

/* ---- names ---- */

/* Names of the jobs; a page has few different ones, and they come in any order. */
static enum err name_runs(struct reader *r, struct store_read *q) {
  struct map names = {};
  enum err e = ERR_OK;
  for (size_t i = 0; e == ERR_OK && i < q->count; i++) {
    struct run_row *row = &q->runs[i];
    struct run_row *same = map_get(&names, (uint64_t)row->run.job_no);
    if (!same) {
      struct job job = {};
      e = r->rows->ops->get(r->rows, TABLE_JOB, &row->run.job_no, &job, &q->arena);
      if (e == ERR_NOT_FOUND) e = ERR_OK;
      row->job_name = job.name;
      row->job_category = job.category;
      row->job_command = job.command;
      row->job_version = job.version;
      if (e == ERR_OK) e = map_put(&names, (uint64_t)row->run.job_no, row);
    } else {
      row->job_name = same->job_name;
      row->job_category = same->job_category;
      row->job_command = same->job_command;
      row->job_version = same->job_version;
    }
  }
  map_free(&names);
  return e;
}

/* ---- the reads ---- */

static enum err walk_due(struct run_walk *w) {
  struct scan_args args = {.key = w->q->no, .from = w->q->due_ms, .to = w->q->due_ms};
  TRY(w->reader->rows->ops->scan(w->reader->rows, SCAN_RUN_JOB_DUE, &args, visit_run, w));
  return w->error;
}

static enum err walk(struct run_walk *w) {
  int64_t to_no = w->q->after > 0 ? w->q->after - 1 : INT64_MAX;
  if (w->q->due_ms) return walk_due(w);
  if (w->plan.is_empty) return ERR_OK;
  if (w->judges.jobs) return walk_jobs_that_fit(w, to_no);
  if (w->q->no) return walk_jobs(w, &w->q->no, 1, to_no);
  return w->plan.is_open_only ? walk_open(w, to_no) : walk_all(w, to_no);
}

enum err reader_runs(struct reader *r, struct store_read *q) {
  struct run_walk w = {.reader = r, .q = q, .limit = reader_page_size(q), .judged_max = STORE_JUDGED_MAX};
  bool has_filter = q->filter && q->filter->count > 0;
  w.is_plain = !has_filter && !q->status_mask && !q->trigger_mask && q->from_ms == INSTANT_NONE &&
               q->to_ms == INSTANT_NONE;
  TRY(run_plan_make(q, &q->arena, &w.plan));
  TRY(store_filter_split(q->filter, &q->arena, &w.judges));
  enum err e = walk(&w);
  map_free(&w.jobs);
  TRY(e);
  return name_runs(r, q);
}

enum err reader_run(struct reader *r, struct store_read *q) {
  struct run run = {};
  enum err e = r->rows->ops->get(r->rows, TABLE_RUN, &q->no, &run, &q->arena);
  if (e == ERR_NOT_FOUND) return err_set(&q->detail, e, "run", 0, "there is no such execution");
  TRY(e);
  TRY(keep_run(q, &run));
  return name_runs(r, q);
}
