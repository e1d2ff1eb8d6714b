/* READ_LOAD, READ_DAYS, READ_LANES: what ran, from indexed pages alone. */
#include <stdlib.h>

#include "store/keeper.h"

#define DAY_MS 86400000LL
#define USUAL_RUNS 40 /* newest successes that "usually takes" is made of */
#define DAYS_RUNS_MAX 20000
#define DAYS_LEDGER_MAX 200000
#define BAND_MS LOAD_BUCKET_MS
#define BANDS_MAX 700 /* two days of buckets */

/* ---- READ_LOAD ---- */

struct load_walk {
  struct store_read *q;
  size_t at; /* interval being summed up */
  struct load_histogram lag, duration;
};

static void close_interval(struct load_walk *w) {
  struct load_sum *sum = &w->q->load[w->at];
  sum->p50_ms = histogram_percentile(&w->duration, 50);
  sum->p95_ms = histogram_percentile(&w->duration, 95);
  sum->lag_p99_ms = histogram_percentile(&w->lag, 99);
  w->lag = w->duration = (struct load_histogram){};
}

static bool add_load(void *arg, const void *record) {
  struct load_walk *w = arg;
  const struct load_row *row = record;
  while (row->at_ms >= w->q->bounds[w->at + 1]) {
    close_interval(w);
    w->at++;
  }
  struct load_sum *sum = &w->q->load[w->at];
  sum->runs += row->runs;
  sum->failed += row->failed;
  sum->busy_ms += row->busy_ms;
  histogram_add_text(&w->lag, row->lag);
  histogram_add_text(&w->duration, row->duration);
  return true;
}

enum err reader_load(struct reader *r, struct store_read *q) {
  ASSERT(q->bounds && q->bound_count >= 2 && q->bound_count <= LOAD_BOUNDS_MAX);
  struct load_walk w = {.q = q};
  size_t count = q->bound_count - 1;
  q->load = ARENA_ARRAY(&q->arena, struct load_sum, count);
  if (!q->load) return arena_error(&q->arena);
  for (size_t i = 0; i < count; i++)
    q->load[i].p50_ms = q->load[i].p95_ms = q->load[i].lag_p99_ms = FIELD_NULL;
  struct scan_args args = {.from = q->bounds[0], .to = q->bounds[count] - 1};
  TRY(r->rows->ops->scan(r->rows, SCAN_LOAD_UP, &args, add_load, &w));
  close_interval(&w);
  q->count = count;
  return ERR_OK;
}

/* ---- READ_DAYS: one job ---- */

struct day_figures {
  struct load_histogram lag, duration;
};

struct days_walk {
  struct store_read *q;
  struct day_figures *figures;
  size_t seen;
};

/* SIZE_MAX: in none of them. */
static size_t interval_of(const struct store_read *q, int64_t at_ms) {
  size_t low = 0, high = q->bound_count - 1;
  if (at_ms < q->bounds[0] || at_ms >= q->bounds[high]) return SIZE_MAX;
  while (high - low > 1) {
    size_t middle = (low + high) / 2;
    *(q->bounds[middle] <= at_ms ? &low : &high) = middle;
  }
  return low;
}

static bool add_verdict(void *arg, const void *record) {
  struct days_walk *w = arg;
  const struct ledger_row *row = record;
  size_t at = interval_of(w->q, row->due_ms);
  if (at == SIZE_MAX) return true;
  struct day_sum *d = &w->q->days[at];
  if (row->state == OCCURRENCE_SKIPPED) d->skipped++;
  if (row->state == OCCURRENCE_MISSED) d->missed++;
  if (row->state == OCCURRENCE_RAN && row->reason != REASON_NONE) {
    d->runs++;
    d->failed += row->reason != REASON_SUCCESS && row->reason != REASON_SKIPPED_BY_JOB &&
                 row->reason != REASON_CANCELLED;
  }
  return ++w->seen < DAYS_LEDGER_MAX;
}

static bool add_stretch(void *arg, const void *record) {
  struct days_walk *w = arg;
  const struct gap_row *gap = record;
  size_t at = interval_of(w->q, gap->first_ms);
  if (at != SIZE_MAX)
    *(gap->state == OCCURRENCE_SKIPPED ? &w->q->days[at].skipped : &w->q->days[at].missed) += gap->count;
  return true;
}

static bool add_folded(void *arg, const void *record) {
  struct days_walk *w = arg;
  const struct rollup_row *row = record;
  size_t at = interval_of(w->q, row->day * DAY_MS + DAY_MS / 2); /* a day of UTC: where most of it is */
  if (at == SIZE_MAX) return true;
  struct day_sum *d = &w->q->days[at];
  d->runs += row->succeeded + row->failed;
  d->failed += row->failed;
  d->skipped += row->skipped;
  d->missed += row->missed;
  return true;
}

static bool add_times(void *arg, const void *record) {
  struct days_walk *w = arg;
  const struct run *run = record;
  int64_t at_ms = run->started_ms;
  size_t at = interval_of(w->q, at_ms);
  if (at_ms < w->q->bounds[0]) return false; /* newest first */
  if (at == SIZE_MAX || !run_is_final((enum run_status)run->status)) return true;
  if (run->duration_ms != FIELD_NULL) histogram_add(&w->figures[at].duration, run->duration_ms);
  if (run->lag_ms != FIELD_NULL) histogram_add(&w->figures[at].lag, run->lag_ms);
  if (run->due_ms == FIELD_NULL && run->status != RUN_SKIPPED && run->status != RUN_CANCELLED) {
    w->q->days[at].runs++; /* by hand: the ledger does not have it */
    w->q->days[at].failed += run_is_failure((enum run_status)run->status);
  }
  return ++w->seen < DAYS_RUNS_MAX;
}

enum err reader_days(struct reader *r, struct store_read *q) {
  const struct rows_ops *ops = r->rows->ops;
  size_t count = q->bound_count - 1;
  struct days_walk w = {.q = q, .figures = ARENA_ARRAY(&q->arena, struct day_figures, count)};
  q->days = ARENA_ARRAY(&q->arena, struct day_sum, count);
  if (!q->days || !w.figures) return arena_error(&q->arena);
  struct scan_args args = {.key = q->no, .from = q->bounds[0], .to = q->bounds[count] - 1};
  TRY(ops->scan(r->rows, SCAN_LEDGER_JOB_DOWN, &args, add_verdict, &w));
  TRY(ops->scan(r->rows, SCAN_GAP_JOB_DOWN, &args, add_stretch, &w));
  struct scan_args days = {.key = q->no, .from = args.from / DAY_MS, .to = args.to / DAY_MS};
  TRY(ops->scan(r->rows, SCAN_ROLLUP_JOB, &days, add_folded, &w));
  struct scan_args runs = {.key = q->no, .from = 0, .to = INT64_MAX};
  w.seen = 0;
  TRY(ops->scan(r->rows, SCAN_RUN_JOB_LEAN, &runs, add_times, &w));
  for (size_t i = 0; i < count; i++) {
    q->days[i].p50_ms = histogram_percentile(&w.figures[i].duration, 50);
    q->days[i].p95_ms = histogram_percentile(&w.figures[i].duration, 95);
    q->days[i].lag_p99_ms = histogram_percentile(&w.figures[i].lag, 99);
  }
  q->count = count;
  return ERR_OK;
}

/* ---- READ_LANES ---- */

const char *const lane_state_names[LANE_STATES + 1] = {
    [LANE_SUCCESS] = "success", [LANE_FAILED] = "failed",       [LANE_TIMEOUT] = "timeout",
    [LANE_LOST] = "lost",       [LANE_CANCELLED] = "cancelled", [LANE_SKIPPED] = "skipped",
    [LANE_MISSED] = "missed",   [LANE_RUNNING] = "running",     [LANE_QUEUED] = "queued"};

static enum lane_mark_state state_of_run(enum run_status status) {
  switch (status) {
    case RUN_RUNNING: return LANE_RUNNING;
    case RUN_SUCCESS: return LANE_SUCCESS;
    case RUN_FAILED: return LANE_FAILED;
    case RUN_TIMEOUT: return LANE_TIMEOUT;
    case RUN_QUEUED: return LANE_QUEUED;
    case RUN_CANCELLED: return LANE_CANCELLED;
    case RUN_SKIPPED: return LANE_SKIPPED;
    case RUN_LOST: return LANE_LOST;
    case RUN_COUNT: break;
  }
  return LANE_SKIPPED;
}

static enum lane_mark_state state_of_verdict(int64_t state, int64_t reason) {
  if (state == OCCURRENCE_MISSED) return LANE_MISSED;
  if (state == OCCURRENCE_SKIPPED) return LANE_SKIPPED;
  if (state == OCCURRENCE_PENDING) return LANE_QUEUED;
  switch ((enum reason)reason) {
    case REASON_NONE: return LANE_RUNNING;
    case REASON_SUCCESS: return LANE_SUCCESS;
    case REASON_TIMEOUT:
    case REASON_TOTAL_TIMEOUT: return LANE_TIMEOUT;
    case REASON_LOST:
    case REASON_START_UNKNOWN: return LANE_LOST;
    case REASON_CANCELLED:
    case REASON_REPLACED: return LANE_CANCELLED;
    case REASON_SKIPPED_BY_JOB: return LANE_SKIPPED;
    default: return LANE_FAILED;
  }
}

static bool is_bad(enum lane_mark_state s) {
  return s == LANE_FAILED || s == LANE_TIMEOUT || s == LANE_LOST || s == LANE_MISSED;
}

struct lane_walk {
  struct reader *reader;
  struct store_read *q;
  const struct lanes_question *asked;
  struct lanes *lanes;
  struct tzdb *tzdb;
  struct gates gates;
  int64_t ledger_left;
  /* of the lane at hand */
  struct round_lane *lane;
  struct lane_mark *marks; /* newest first */
  size_t count, capacity, runs_seen;
  int64_t ledger_seen, ledger_oldest_ms;
  int64_t usual[USUAL_RUNS];
  size_t usual_count;
  enum err error;
};

static struct lane_mark *new_mark(struct lane_walk *w) {
  if (w->count == w->capacity) {
    size_t capacity = w->capacity ? w->capacity * 2 : 256;
    struct lane_mark *bigger = realloc(w->marks, capacity * sizeof *bigger);
    if (!bigger) {
      w->error = ERR_NO_MEMORY;
      return NULL;
    }
    w->marks = bigger;
    w->capacity = capacity;
  }
  struct lane_mark *m = &w->marks[w->count++];
  *m = (struct lane_mark){FIELD_NULL, FIELD_NULL, FIELD_NULL, FIELD_NULL, 1, LANE_SUCCESS, REASON_NONE};
  return m;
}

static bool keep_last(struct lane_walk *w, const struct run *run) {
  struct run lean;
  memcpy(&lean, run, sizeof lean);
  lean.output = lean.params = lean.result = NULL;
  const struct run *copy = record_copy(table_get(TABLE_RUN), &lean, &w->q->arena);
  if (!copy) return false;
  memcpy(&w->lane->last, copy, sizeof *copy);
  return w->lane->has_last = true;
}

static void note_usual(struct lane_walk *w, const struct run *run) {
  if (run->status == RUN_SUCCESS && run->duration_ms != FIELD_NULL && w->usual_count < USUAL_RUNS)
    w->usual[w->usual_count++] = run->duration_ms;
}

/* Ids grow with time, but a run begins after its id is given: a little earlier than the window is looked at, too. */
static bool add_lane_run(void *arg, const void *record) {
  struct lane_walk *w = arg;
  const struct run *run = record;
  int64_t at_ms = run->started_ms != FIELD_NULL ? run->started_ms : run->queued_ms;
  if (run->status == RUN_QUEUED) {
    if (run->trigger == TRIGGER_RETRY) {
      w->lane->retry_ms = run->not_before_ms;
      w->lane->retry_attempt = run->attempt;
    }
    at_ms = run->queued_ms;
  } else if (!w->lane->has_last && !keep_last(w, run)) {
    w->error = ERR_NO_MEMORY;
    return false;
  }
  note_usual(w, run);
  int64_t end_ms = run->finished_ms == FIELD_NULL ? INT64_MAX : run->finished_ms;
  bool is_inside = at_ms != FIELD_NULL && at_ms <= w->asked->to_ms && end_ms >= w->asked->from_ms;
  if (!is_inside && w->usual_count == USUAL_RUNS) return false;
  if (++w->runs_seen > LANE_RUNS_MAX) return false;
  struct lane_mark *m = is_inside ? new_mark(w) : NULL;
  if (!m) return w->error == ERR_OK;
  m->due_ms = run->due_ms;
  m->started_ms = run->status == RUN_QUEUED ? FIELD_NULL : run->started_ms;
  m->ended_ms = run->finished_ms;
  m->run_no = run->no;
  m->state = state_of_run((enum run_status)run->status);
  m->reason = run->reason == FIELD_NULL ? REASON_NONE : (enum reason)run->reason;
  return true;
}

struct ledger_walk {
  struct lane_walk *lane;
  struct map *by_due;
};

static bool add_lane_verdict(void *arg, const void *record) {
  struct ledger_walk *l = arg;
  struct lane_walk *w = l->lane;
  const struct ledger_row *row = record;
  if (w->ledger_left == 0 || w->ledger_seen == LANE_LEDGER_ROWS) return false;
  w->ledger_left--;
  w->ledger_seen++;
  w->ledger_oldest_ms = row->due_ms;
  if (row->due_ms > w->q->now_ms || map_get(l->by_due, (uint64_t)row->due_ms)) return true;
  struct lane_mark *m = new_mark(w);
  if (!m) return false;
  m->due_ms = row->due_ms;
  m->state = state_of_verdict(row->state, row->reason);
  m->reason = (enum reason)row->reason;
  return true;
}

static bool add_lane_gap(void *arg, const void *record) {
  struct lane_walk *w = arg;
  const struct gap_row *gap = record;
  if (gap->first_ms > w->asked->to_ms || gap->last_ms > w->q->now_ms) return true;
  struct lane_mark *m = new_mark(w);
  if (!m) return false;
  m->due_ms = gap->first_ms;
  m->ended_ms = gap->last_ms;
  m->count = gap->count;
  m->state = gap->state == OCCURRENCE_MISSED ? LANE_MISSED : LANE_SKIPPED;
  m->reason = (enum reason)gap->reason;
  return true;
}

static int64_t mark_at(const struct lane_mark *m) {
  return m->started_ms != FIELD_NULL ? m->started_ms : m->due_ms;
}

static int by_mark_time(const void *a, const void *b) {
  int64_t x = mark_at(a), y = mark_at(b);
  return (x > y) - (x < y);
}

struct band_bucket {
  int64_t runs, failed, skipped;
  bool is_bad, is_skipped, is_used; /* also of stretches that are counted where they begin */
};

static void add_to_buckets(const struct lane_walk *w, struct band_bucket *buckets, size_t count) {
  int64_t first_ms = load_bucket(w->asked->from_ms);
  for (size_t i = 0; i < w->count; i++) {
    const struct lane_mark *m = &w->marks[i];
    int64_t at_ms = mark_at(m) < first_ms ? first_ms : mark_at(m);
    int64_t end_ms = m->count > 1 && m->ended_ms != FIELD_NULL ? m->ended_ms : at_ms;
    size_t at = (size_t)((at_ms - first_ms) / BAND_MS), end = (size_t)((end_ms - first_ms) / BAND_MS);
    bool is_skipped = m->state == LANE_SKIPPED || m->state == LANE_CANCELLED;
    if (at >= count) continue;
    buckets[at].runs += m->count;
    buckets[at].failed += is_bad(m->state) ? m->count : 0;
    buckets[at].skipped += is_skipped ? m->count : 0;
    for (size_t b = at; b <= end && b < count; b++) {
      buckets[b].is_used = true;
      buckets[b].is_bad |= is_bad(m->state);
      buckets[b].is_skipped |= is_skipped;
    }
  }
}

/* Neighbouring buckets that went alike become one band; trouble stands alone. */
static enum err make_bands(struct lane_walk *w) {
  struct round_lane *lane = w->lane;
  int64_t first_ms = load_bucket(w->asked->from_ms);
  size_t count = (size_t)((w->asked->to_ms - first_ms) / BAND_MS) + 1;
  ASSERT(count <= BANDS_MAX);
  struct band_bucket *buckets = ARENA_ARRAY(&w->q->arena, struct band_bucket, count), *last = NULL;
  lane->bands = ARENA_ARRAY(&w->q->arena, struct lane_band, count);
  if (!lane->bands || !buckets) return arena_error(&w->q->arena);
  add_to_buckets(w, buckets, count);
  for (size_t i = 0; i < count; i++) {
    struct band_bucket *b = &buckets[i];
    if (!b->is_used) continue;
    bool is_alike = last && last->is_bad == b->is_bad && last->is_skipped == b->is_skipped;
    if (!is_alike || b - last > 3) lane->bands[lane->band_count++].from_ms = first_ms + (int64_t)i * BAND_MS;
    struct lane_band *band = &lane->bands[lane->band_count - 1];
    band->to_ms = first_ms + (int64_t)(i + 1) * BAND_MS;
    band->runs += b->runs;
    band->failed += b->failed;
    band->skipped += b->skipped;
    last = b;
  }
  return ERR_OK;
}

static enum err keep_marks(struct lane_walk *w) {
  struct round_lane *lane = w->lane;
  if (w->count == 0) return ERR_OK;
  qsort(w->marks, w->count, sizeof *w->marks, by_mark_time);
  if (w->count > LANE_MARKS_MAX) return make_bands(w);
  lane->marks = ARENA_ARRAY(&w->q->arena, struct lane_mark, w->count + 1);
  if (!lane->marks) return arena_error(&w->q->arena);
  memcpy(lane->marks, w->marks, w->count * sizeof *w->marks);
  lane->mark_count = w->count;
  return ERR_OK;
}

static enum err add_past(struct lane_walk *w) {
  const struct rows_ops *ops = w->reader->rows->ops;
  struct map by_due = {};
  struct ledger_walk ledger = {w, &by_due};
  struct scan_args args = {.key = w->lane->job->no, .from = 0, .to = INT64_MAX};
  w->count = w->runs_seen = w->usual_count = 0;
  w->ledger_seen = 0;
  TRY(ops->scan(w->reader->rows, SCAN_RUN_JOB_LEAN, &args, add_lane_run, w));
  TRY(w->error);
  enum err e = ERR_OK;
  size_t runs = w->count;
  for (size_t i = 0; e == ERR_OK && i < runs; i++)
    if (w->marks[i].due_ms != FIELD_NULL && !map_get(&by_due, (uint64_t)w->marks[i].due_ms))
      e = map_put(&by_due, (uint64_t)w->marks[i].due_ms, w);
  args.from = w->asked->from_ms;
  args.to = w->q->now_ms < w->asked->to_ms ? w->q->now_ms : w->asked->to_ms;
  w->ledger_oldest_ms = args.to; /* until a row is read: of the lane before nothing follows */
  if (e == ERR_OK) e = ops->scan(w->reader->rows, SCAN_LEDGER_JOB_DOWN, &args, add_lane_verdict, &ledger);
  map_free(&by_due);
  TRY(e);
  w->lane->known_from_ms =
      w->ledger_seen == LANE_LEDGER_ROWS || w->ledger_left == 0 ? w->ledger_oldest_ms : w->asked->from_ms;
  args.to = INT64_MAX; /* by their last instant */
  TRY(ops->scan(w->reader->rows, SCAN_GAP_JOB, &args, add_lane_gap, w));
  TRY(w->error);
  return keep_marks(w);
}

static enum err add_planned(struct lane_walk *w) {
  struct round_lane *lane = w->lane;
  struct schedule_options options = job_schedule_options(lane->job, w->asked->timezone);
  struct schedule *s;
  int64_t until_ms, at_ms = w->q->now_ms > w->asked->from_ms ? w->q->now_ms : w->asked->from_ms;
  lane->gate = gates_at(&w->gates, lane->job, w->q->now_ms + 1, &until_ms);
  if (lane->gate != GATE_OPEN && until_ms == INSTANT_NEVER) return ERR_OK;
  if (lane->gate != GATE_OPEN && until_ms > at_ms) at_ms = until_ms;
  if (lane->job->is_active != 1) return ERR_OK;
  if (schedule_compile(w->tzdb, str_of(lane->job->schedule), &options, &s, NULL) != ERR_OK) return ERR_OK;
  lane->next_ms = schedule_next(s, at_ms);
  lane->planned_total =
      at_ms < w->asked->to_ms ? schedule_count(s, at_ms, w->asked->to_ms, 1000000, NULL, NULL) : 0;
  lane->planned = ARENA_ARRAY(&w->q->arena, int64_t, LANE_PLANNED_MAX);
  if (lane->planned && lane->planned_total <= LANE_PLANNED_MAX)
    while ((at_ms = schedule_next(s, at_ms)) <= w->asked->to_ms && lane->planned_count < LANE_PLANNED_MAX)
      lane->planned[lane->planned_count++] = at_ms;
  schedule_free(s);
  return lane->planned ? ERR_OK : arena_error(&w->q->arena);
}

static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void set_usual(struct lane_walk *w) {
  struct round_lane *lane = w->lane;
  lane->usual_ms = lane->usual_p95_ms = FIELD_NULL;
  lane->usual_runs = (int64_t)w->usual_count;
  if (w->usual_count == 0) return;
  qsort(w->usual, w->usual_count, sizeof *w->usual, ascending);
  lane->usual_ms = w->usual[(w->usual_count * 50 + 99) / 100 - 1];
  lane->usual_p95_ms = w->usual[(w->usual_count * 95 + 99) / 100 - 1];
}

static bool has_lane(const struct lanes *l, int64_t no) {
  for (size_t i = 0; i < l->count; i++)
    if (l->items[i].job->no == no) return true;
  return false;
}

static enum err add_lane(struct lane_walk *w, int64_t no, bool is_trouble) {
  if (w->lanes->count == w->asked->max || has_lane(w->lanes, no)) return ERR_OK;
  struct job *job = ARENA_NEW(&w->q->arena, struct job);
  if (!job) return arena_error(&w->q->arena);
  enum err e = w->reader->rows->ops->get(w->reader->rows, TABLE_JOB, &no, job, &w->q->arena);
  if (e == ERR_NOT_FOUND) return ERR_OK; /* deleted meanwhile */
  TRY(e);
  w->lane = &w->lanes->items[w->lanes->count];
  *w->lane = (struct round_lane){.job = job,
                                 .is_trouble = is_trouble,
                                 .retry_ms = FIELD_NULL,
                                 .retry_attempt = FIELD_NULL,
                                 .next_ms = INSTANT_NEVER};
  TRY(add_past(w));
  set_usual(w);
  TRY(add_planned(w));
  w->lanes->count++;
  return ERR_OK;
}

static enum err add_trouble(struct lane_walk *w) {
  const int64_t *nos;
  size_t count;
  TRY(reader_trouble(w->reader, &nos, &count));
  for (size_t i = 0; i < count; i++) TRY(add_lane(w, nos[i], true));
  return ERR_OK;
}

static enum err add_lanes(struct lane_walk *w) {
  w->lanes->items = ARENA_ARRAY(&w->q->arena, struct round_lane, w->asked->max + 1);
  if (!w->lanes->items) return arena_error(&w->q->arena);
  TRY(add_trouble(w));
  for (size_t i = 0; w->asked->running[i] != FIELD_NULL; i++) {
    TRY(add_lane(w, w->asked->running[i], false));
    for (size_t l = 0; l < w->lanes->count; l++)
      if (w->lanes->items[l].job->no == w->asked->running[i]) w->lanes->items[l].is_running = true;
  }
  for (size_t i = 0; w->asked->others[i] != FIELD_NULL; i++) TRY(add_lane(w, w->asked->others[i], false));
  return ERR_OK;
}

enum err reader_lanes(struct reader *r, struct store_read *q) {
  struct lane_walk w = {.reader = r, .q = q, .asked = q->lanes_question, .ledger_left = LANES_LEDGER_ROWS};
  ASSERT(w.asked && w.asked->max <= ROUND_LANES_MAX);
  w.lanes = q->lanes = ARENA_NEW(&q->arena, struct lanes);
  if (!w.lanes) return arena_error(&q->arena);
  TRY(tzdb_new(r->zone_folder, &w.tzdb));
  enum err e = gates_load(&w.gates, r->rows, q->now_ms);
  if (e == ERR_OK) e = add_lanes(&w);
  free(w.marks);
  gates_free(&w.gates);
  tzdb_free(w.tzdb);
  return e;
}
