/* READ_AHEAD: what falls due in a window, over all jobs: how many at once, where too many, and what would help.
 *
 * A hundred thousand jobs have some thousand schedules: each is compiled, counted and walked once, for as many jobs as
 * share it. Only what is a job's own is looked up by job. */
#include <stdlib.h>

#include "base/map.h"
#include "store/keeper.h"

#define SECOND_MS 1000LL
#define FINE_MS (2 * 86400 * 1000LL)   /* windows up to here are looked at by the second */
#define MIDDLE_MS (9 * 86400 * 1000LL) /* up to here by the minute, longer ones by five */
#define USUAL_MS 1000                  /* when nothing has ever run */
#define WALK_ALWAYS 50                 /* instants of a job that are walked whatever the others need */
#define SET_COUNT_MAX 1000000          /* a union of expressions is counted one by one */
#define SPREADS_S \
  { 60, 120, 300, 600, 900, 1800, 3600 }

/* A schedule that many jobs may share: it is compiled once, and counted once for each stretch that is asked about. */
struct rhythm {
  struct rhythm *next;       /* of the same hash */
  struct schedule *schedule; /* NULL: it cannot be read */
  char *text, *zone;
  int64_t dialect, dst, start_ms, end_ms, anchor_ms,
      seed; /* the last two are 0 where it does not ask for them */
  int64_t serial, min_interval_ms;
  struct count {
    int64_t after_ms, until_ms, instants;
  } planned, past; /* what was counted last */
};

struct held { /* a job with instants to come */
  struct rhythm *rhythm;
  int64_t no, from_ms, planned, usual_ms, splay_ms, seed, priority;
  bool is_critical;
};

struct ahead_walk {
  struct reader *reader;
  struct store_read *q;
  struct ahead *a;
  struct tzdb *tzdb;
  struct gates gates;
  struct map rhythms; /* hash → chain */
  int64_t rhythm_count;
  struct held *held;
  size_t count, capacity;
  int64_t now_ms, from_ms, to_ms; /* from: the later of the window's and now */
  int64_t slot_ms, steps;
  int32_t *slots; /* first starts minus ends, then how many at once */
  size_t slot_count;
  double even; /* at once, of jobs spread evenly */
  struct even {
    int64_t runs, busy_ms;
  } * evenly; /* the same by buckets: what begins with each and goes on to the end */
  enum err error;
};

/* ---- every job ---- */

static bool hold(struct ahead_walk *w, const struct held *h) {
  if (w->count == w->capacity) {
    size_t capacity = w->capacity ? w->capacity * 2 : 256;
    struct held *bigger = realloc(w->held, capacity * sizeof *bigger);
    if (!bigger) return false;
    w->held = bigger;
    w->capacity = capacity;
  }
  w->held[w->count++] = *h;
  return true;
}

static void note_sparse(struct ahead *a, struct ahead_job j) {
  size_t at = a->sparse_count;
  if (j.planned + j.past == 0) return;
  while (at > 0 && a->sparse[at - 1].planned + a->sparse[at - 1].past > j.planned + j.past) at--;
  if (at == AHEAD_SPARSE) return;
  if (a->sparse_count < AHEAD_SPARSE) a->sparse_count++;
  memmove(&a->sparse[at + 1], &a->sparse[at], (a->sparse_count - at - 1) * sizeof *a->sparse);
  a->sparse[at] = j;
}

/* From when on its instants start; INSTANT_NEVER: they do not. */
static int64_t open_from(struct ahead_walk *w, const struct job *job) {
  int64_t at_ms = w->from_ms, until_ms;
  for (int i = 0; i < 8 && at_ms < w->to_ms; i++) {
    if (gates_at(&w->gates, job, at_ms + 1, &until_ms) == GATE_OPEN) return at_ms;
    if (until_ms == INSTANT_NEVER) return INSTANT_NEVER;
    at_ms = until_ms;
  }
  return INSTANT_NEVER;
}

/* ---- schedules that jobs share ---- */

static bool asks_for_anchor(const char *text) {
  struct str s = str_of(text);
  for (size_t i = 0; i + 6 <= s.len; i++)
    if (str_eq_nocase((struct str){s.ptr + i, 6}, STR("@every"))) return true;
  return false;
}

static uint64_t hash_of(const struct rhythm *r) {
  const int64_t numbers[] = {r->dialect, r->dst, r->start_ms, r->end_ms, r->anchor_ms, r->seed};
  uint64_t hash = hash_bytes(r->text, strlen(r->text), 0);
  hash = hash_bytes(r->zone, strlen(r->zone), hash);
  return hash_bytes(numbers, sizeof numbers, hash);
}

static bool is_same(const struct rhythm *a, const struct rhythm *b) {
  return a->dialect == b->dialect && a->dst == b->dst && a->start_ms == b->start_ms &&
         a->end_ms == b->end_ms && a->anchor_ms == b->anchor_ms && a->seed == b->seed &&
         strcmp(a->text, b->text) == 0 && strcmp(a->zone, b->zone) == 0;
}

static void free_rhythm(struct rhythm *r) {
  schedule_free(r->schedule);
  free(r->text);
  free(r->zone);
  free(r);
}

static void free_rhythms(struct ahead_walk *w) {
  struct map_entry e;
  for (size_t i = 0; map_next(&w->rhythms, &i, &e);)
    for (struct rhythm *r = e.value, *next; r; r = next) {
      next = r->next;
      free_rhythm(r);
    }
  map_free(&w->rhythms);
}

static struct rhythm *new_rhythm(struct ahead_walk *w, const struct rhythm *like, uint64_t hash,
                                 const struct schedule_options *options) {
  struct rhythm *r = malloc(sizeof *r);
  if (!r) return NULL;
  *r = *like;
  r->text = str_dup(str_of(like->text));
  r->zone = str_dup(str_of(like->zone));
  r->next = map_get(&w->rhythms, hash);
  r->serial = ++w->rhythm_count;
  r->planned = r->past = (struct count){INT64_MAX, INT64_MAX, 0};
  if (!r->text || !r->zone || map_put(&w->rhythms, hash, r) != ERR_OK) {
    free_rhythm(r);
    return NULL;
  }
  if (schedule_compile(w->tzdb, str_of(r->text), options, &r->schedule, NULL) != ERR_OK) r->schedule = NULL;
  else r->min_interval_ms = schedule_min_interval_ms(r->schedule);
  return r;
}

/* NULL: no memory. */
static struct rhythm *rhythm_of(struct ahead_walk *w, const struct job *job) {
  struct schedule_options options = job_schedule_options(job, w->q->ahead_question->timezone);
  struct rhythm like = {
      .text = (char *)(uintptr_t)job->schedule,
      .zone = (char *)(uintptr_t)(job->timezone ? job->timezone : w->q->ahead_question->timezone),
      .dialect = (int64_t)options.dialect,
      .dst = (int64_t)options.dst,
      .start_ms = options.start_ms,
      .end_ms = options.end_ms};
  if (schedule_is_drawn(str_of(like.text))) like.seed = (int64_t)options.seed;
  if (asks_for_anchor(like.text)) like.anchor_ms = options.anchor_ms;
  uint64_t hash = hash_of(&like);
  for (struct rhythm *r = map_get(&w->rhythms, hash); r; r = r->next)
    if (is_same(r, &like)) return r;
  return new_rhythm(w, &like, hash, &options);
}

static int64_t count_in(struct rhythm *r, struct count *last, int64_t after_ms, int64_t until_ms) {
  if (after_ms >= until_ms) return 0;
  if (last->after_ms != after_ms || last->until_ms != until_ms)
    *last = (struct count){after_ms, until_ms,
                           schedule_count(r->schedule, after_ms, until_ms, SET_COUNT_MAX, NULL, NULL)};
  return last->instants;
}

static bool visit_job(void *arg, const void *record) {
  struct ahead_walk *w = arg;
  const struct job *job = record;
  const struct ahead_question *q = w->q->ahead_question;
  w->a->jobs++;
  if (job->is_active != 1) return true;
  w->a->active++;
  struct rhythm *r = rhythm_of(w, job);
  if (!r) w->error = ERR_NO_MEMORY;
  if (!r || !r->schedule) return r != NULL;
  int64_t since_ms = job->created_ms > q->from_ms ? job->created_ms : q->from_ms - 1;
  int64_t before_ms = w->now_ms < q->to_ms ? w->now_ms : q->to_ms;
  struct held h = {.rhythm = r,
                   .no = job->no,
                   .from_ms = open_from(w, job),
                   .usual_ms = FIELD_NULL,
                   .seed = job->seed,
                   .priority = job->priority,
                   .is_critical = job->critical == 1};
  h.planned = h.from_ms == INSTANT_NEVER ? 0 : count_in(r, &r->planned, h.from_ms, w->to_ms);
  int64_t range_ms = job->splay == FIELD_NULL ? 0 : job->splay * SECOND_MS;
  h.splay_ms = plan_splay_ms((uint64_t)job->seed, range_ms, r->min_interval_ms);
  int64_t past = count_in(r, &r->past, since_ms, before_ms);
  if (past == 0 && job->last_run_ms != FIELD_NULL && job->last_run_ms >= q->from_ms) past = 1; /* by hand */
  note_sparse(w->a, (struct ahead_job){job->no, h.planned, past});
  w->a->planned += h.planned;
  if (h.planned > 0 && !hold(w, &h)) w->error = ERR_NO_MEMORY;
  return w->error == ERR_OK;
}

/* ---- how long they usually take ---- */

static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void note_tight(struct ahead_walk *w, const struct held *h, int64_t long_ms) {
  struct ahead *a = w->a;
  struct schedule *s = h->rhythm->schedule;
  int64_t first_ms = schedule_next(s, h->from_ms);
  int64_t second_ms = first_ms == INSTANT_NEVER ? first_ms : schedule_next(s, first_ms);
  if (second_ms == INSTANT_NEVER || long_ms * 2 <= second_ms - first_ms) return;
  struct ahead_tight t = {.no = h->no, .interval_ms = second_ms - first_ms, .usual_ms = long_ms};
  size_t at = a->tight_count;
  a->tight_total++;
  while (at > 0 && a->tight[at - 1].usual_ms * t.interval_ms < t.usual_ms * a->tight[at - 1].interval_ms)
    at--;
  if (at == AHEAD_TIGHT) return;
  if (a->tight_count < AHEAD_TIGHT) a->tight_count++;
  memmove(&a->tight[at + 1], &a->tight[at], (a->tight_count - at - 1) * sizeof *a->tight);
  a->tight[at] = t;
}

/* Of the newest that ended by themselves or were too long. */
static size_t durations_of(const struct run_brief *runs, size_t count, int64_t ret[AHEAD_USUAL_RUNS]) {
  size_t n = 0;
  for (size_t i = 0; i < count && n < AHEAD_USUAL_RUNS; i++)
    if (runs[i].duration_ms != FIELD_NULL && (runs[i].status == RUN_SUCCESS || runs[i].status == RUN_TIMEOUT))
      ret[n++] = runs[i].duration_ms;
  return n;
}

static enum err look_up_usual(struct ahead_walk *w) {
  struct rows *rows = w->reader->rows;
  struct run_brief runs[AHEAD_USUAL_LOOKED];
  int64_t ms[AHEAD_USUAL_RUNS];
  for (size_t i = 0; i < w->count && i < AHEAD_USUAL_JOBS; i++) {
    size_t count;
    TRY(rows->ops->run_strip(rows, w->held[i].no, AHEAD_USUAL_LOOKED, runs, &count));
    count = durations_of(runs, count, ms);
    if (count == 0) continue;
    qsort(ms, count, sizeof *ms, ascending);
    w->held[i].usual_ms = ms[count / 2];
    note_tight(w, &w->held[i], ms[(count * 95 + 99) / 100 - 1]);
  }
  return ERR_OK;
}

static bool add_durations(void *arg, const void *record) {
  histogram_add_text(arg, ((const struct load_row *)record)->duration);
  return true;
}

static enum err usual_of_all(struct ahead_walk *w) {
  struct load_histogram h = {};
  struct scan_args args = {.from = w->now_ms - 86400 * SECOND_MS, .to = w->now_ms};
  TRY(w->reader->rows->ops->scan(w->reader->rows, SCAN_LOAD_UP, &args, add_durations, &h));
  w->a->usual_ms = histogram_percentile(&h, 50);
  if (w->a->usual_ms == FIELD_NULL) w->a->usual_ms = USUAL_MS;
  for (size_t i = 0; i < w->count; i++)
    if (w->held[i].usual_ms == FIELD_NULL) w->held[i].usual_ms = w->a->usual_ms;
  if (w->count > AHEAD_USUAL_JOBS) w->a->is_estimated = true;
  return ERR_OK;
}

/* ---- how many at once ---- */

static size_t slot_of(const struct ahead_walk *w, int64_t at_ms) {
  int64_t slot = (at_ms - w->a->origin_ms) / w->slot_ms;
  return slot < 0 ? 0 : slot > (int64_t)w->slot_count ? w->slot_count : (size_t)slot;
}

static void add_busy(struct ahead *a, int64_t from_ms, int64_t to_ms, int64_t jobs) {
  while (from_ms < to_ms) {
    size_t at = (size_t)((from_ms - a->origin_ms) / LOAD_BUCKET_MS);
    if (from_ms < a->origin_ms || at >= a->bucket_count) return;
    int64_t end_ms = a->origin_ms + (int64_t)(at + 1) * LOAD_BUCKET_MS;
    if (end_ms > to_ms) end_ms = to_ms;
    a->buckets[at].busy_ms += (end_ms - from_ms) * jobs;
    from_ms = end_ms;
  }
}

/* So many jobs that are alike begin at once. */
static void add_start(struct ahead_walk *w, const struct held *h, int64_t due_ms, int32_t jobs) {
  int64_t start_ms = due_ms + h->splay_ms, long_ms = h->usual_ms > w->slot_ms ? h->usual_ms : w->slot_ms;
  size_t at = (size_t)((start_ms - w->a->origin_ms) / LOAD_BUCKET_MS);
  if (at >= w->a->bucket_count) return;
  w->a->buckets[at].runs += jobs;
  add_busy(w->a, start_ms, start_ms + h->usual_ms, jobs);
  size_t first = slot_of(w, start_ms), end = slot_of(w, start_ms + long_ms + w->slot_ms - 1);
  w->slots[first] += jobs;
  w->slots[end > first ? end : first + 1] -= jobs;
}

static void spread_evenly(struct ahead_walk *w, const struct held *h, int64_t jobs) {
  double span_ms = (double)(w->to_ms - h->from_ms), planned = (double)(h->planned * jobs);
  struct ahead *a = w->a;
  a->is_estimated = true;
  w->even += planned * (double)h->usual_ms / span_ms;
  int64_t first = (h->from_ms - a->origin_ms + LOAD_BUCKET_MS - 1) / LOAD_BUCKET_MS;
  int64_t runs = (int64_t)(planned * LOAD_BUCKET_MS / span_ms + 0.5);
  if (first < 0 || first >= (int64_t)a->bucket_count) return;
  w->evenly[first].runs += runs;
  w->evenly[first].busy_ms += runs * h->usual_ms;
}

static void add_what_is_spread(struct ahead_walk *w) {
  struct even sum = {};
  for (size_t i = 0; i < w->a->bucket_count; i++) {
    sum.runs += w->evenly[i].runs;
    sum.busy_ms += w->evenly[i].busy_ms;
    w->a->buckets[i].runs += sum.runs;
    w->a->buckets[i].busy_ms += sum.busy_ms;
  }
}

static int order_of(int64_t a, int64_t b) { return (a > b) - (a < b); }

/* Jobs that begin at the same instants and take as long stand beside each other. */
static int by_likeness(const void *x, const void *y) {
  const struct held *a = x, *b = y;
  int order = order_of(a->rhythm->serial, b->rhythm->serial);
  if (order == 0) order = order_of(a->from_ms, b->from_ms);
  if (order == 0) order = order_of(a->splay_ms, b->splay_ms);
  return order ? order : order_of(a->usual_ms, b->usual_ms);
}

static void fill(struct ahead_walk *w) {
  if (w->count) qsort(w->held, w->count, sizeof *w->held, by_likeness);
  for (size_t i = 0, next; i < w->count; i = next) {
    const struct held *h = &w->held[i];
    for (next = i + 1; next < w->count && by_likeness(h, &w->held[next]) == 0;) next++;
    int32_t jobs = (int32_t)(next - i);
    if (h->planned > WALK_ALWAYS && w->steps + h->planned > AHEAD_STEPS_MAX) {
      spread_evenly(w, h, jobs);
      continue;
    }
    w->steps += h->planned;
    int64_t due_ms = h->from_ms;
    while ((due_ms = schedule_next(h->rhythm->schedule, due_ms)) <= w->to_ms && due_ms != INSTANT_NEVER)
      add_start(w, h, due_ms, jobs);
  }
  add_what_is_spread(w);
}

static void add_up(struct ahead_walk *w) {
  int32_t now = 0, even = (int32_t)(w->even + 0.5);
  for (size_t i = 0; i < w->slot_count; i++) {
    now += w->slots[i];
    w->slots[i] = now + even;
    size_t at = (size_t)((int64_t)i * w->slot_ms / LOAD_BUCKET_MS);
    if (at < w->a->bucket_count && w->slots[i] > w->a->buckets[at].peak) w->a->buckets[at].peak = w->slots[i];
  }
}

/* ---- too many at once ---- */

static void note_clash(struct ahead *a, struct ahead_clash c) {
  size_t weakest = 0;
  a->clash_total++;
  if (a->clash_count < AHEAD_CLASHES) {
    a->clashes[a->clash_count++] = c;
    return;
  }
  for (size_t i = 1; i < a->clash_count; i++)
    if (a->clashes[i].peak < a->clashes[weakest].peak) weakest = i;
  if (a->clashes[weakest].peak >= c.peak) return;
  memmove(&a->clashes[weakest], &a->clashes[weakest + 1], (a->clash_count - weakest - 1) * sizeof c);
  a->clashes[a->clash_count - 1] = c;
}

static void find_clashes(struct ahead_walk *w) {
  int64_t max = ((const struct ahead_question *)w->q->ahead_question)->max_at_once;
  struct ahead *a = w->a;
  for (size_t i = 0; i < a->bucket_count; i++) {
    if (a->buckets[i].peak <= max) continue;
    size_t first = i, worst = i;
    for (; i < a->bucket_count && a->buckets[i].peak > max; i++)
      if (a->buckets[i].peak > a->buckets[worst].peak) worst = i;
    struct ahead_clash c = {.from_ms = a->origin_ms + (int64_t)first * LOAD_BUCKET_MS,
                            .to_ms = a->origin_ms + (int64_t)i * LOAD_BUCKET_MS,
                            .peak = a->buckets[worst].peak};
    c.after = c.peak;
    size_t per_bucket = (size_t)(LOAD_BUCKET_MS / w->slot_ms), slot = worst * per_bucket;
    while (slot < w->slot_count && w->slots[slot] != c.peak) slot++;
    c.peak_ms = a->origin_ms + (int64_t)slot * w->slot_ms;
    note_clash(a, c);
  }
}

/* The start of this job that runs at this second by then, INSTANT_NONE. */
static int64_t start_at(const struct ahead_walk *w, const struct held *h, int64_t at_ms) {
  int64_t due_ms = schedule_prev(h->rhythm->schedule, at_ms + w->slot_ms - h->splay_ms);
  if (due_ms == INSTANT_NONE || due_ms <= h->from_ms) return INSTANT_NONE;
  int64_t long_ms = h->usual_ms > w->slot_ms ? h->usual_ms : w->slot_ms;
  return due_ms + h->splay_ms + long_ms > at_ms ? due_ms + h->splay_ms : INSTANT_NONE;
}

struct mover {
  const struct held *held;
  int64_t start_ms;
};

/* Who stays comes first: critical ones, then by priority. */
static int by_weight(const void *a, const void *b) {
  const struct held *x = ((const struct mover *)a)->held, *y = ((const struct mover *)b)->held;
  if (x->is_critical != y->is_critical) return x->is_critical ? -1 : 1;
  if (x->priority != y->priority) return x->priority < y->priority ? -1 : 1;
  return (x->no > y->no) - (x->no < y->no);
}

static int64_t offset_of(const struct held *h, int64_t splay_s) {
  return plan_splay_ms((uint64_t)h->seed, splay_s * SECOND_MS, h->rhythm->min_interval_ms);
}

static void shift(const struct ahead_walk *w, int32_t *slots, size_t count, size_t base, int64_t start_ms,
                  int64_t usual_ms, int32_t by) {
  int64_t long_ms = usual_ms > w->slot_ms ? usual_ms : w->slot_ms;
  size_t end = slot_of(w, start_ms + long_ms + w->slot_ms - 1);
  for (size_t s = slot_of(w, start_ms); s < end && s < base + count; s++)
    if (s >= base) slots[s - base] += by;
}

/* The most at once within the spread, if the movers from `stay` on had this splay. */
static int32_t peak_after(const struct ahead_walk *w, const struct mover *m, size_t stay, size_t count,
                          int64_t at_ms, int64_t splay_s, int32_t *slots) {
  size_t base = slot_of(w, at_ms), room = (size_t)(splay_s * SECOND_MS / w->slot_ms) + 1;
  int32_t peak = 0;
  if (room > w->slot_count - base) room = w->slot_count - base;
  memcpy(slots, w->slots + base, room * sizeof *slots);
  for (size_t i = stay; i < count; i++) {
    const struct held *h = m[i].held;
    shift(w, slots, room, base, m[i].start_ms, h->usual_ms, -1);
    shift(w, slots, room, base, m[i].start_ms - h->splay_ms + offset_of(h, splay_s), h->usual_ms, 1);
  }
  for (size_t i = 0; i < room; i++)
    if (slots[i] > peak) peak = slots[i];
  return peak;
}

static enum err name_move(struct ahead_walk *w, const struct held *h, struct ahead_move *ret) {
  struct job job = {};
  TRY(w->reader->rows->ops->get(w->reader->rows, TABLE_JOB, &h->no, &job, &w->q->arena));
  *ret = (struct ahead_move){.no = h->no,
                             .usual_ms = h->usual_ms,
                             .priority = h->priority,
                             .updated_ms = job.updated_ms,
                             .splay_s = job.splay,
                             .new_splay_s = job.splay,
                             .id = job.id,
                             .name = job.name};
  return ERR_OK;
}

static enum err propose(struct ahead_walk *w, struct ahead_clash *c, struct mover *m, size_t count,
                        int32_t *slots) {
  static const int64_t spreads_s[] = SPREADS_S;
  int64_t max = w->q->ahead_question->max_at_once, best_s = 0;
  int64_t others = c->peak - (int64_t)count; /* which began before, or cannot be moved */
  size_t stay = max > others ? (size_t)(max - others) : 0;
  qsort(m, count, sizeof *m, by_weight);
  if (stay > 0) stay--; /* room for one of those that come later */
  if (stay > count) stay = count;
  if (count - stay > AHEAD_CLASH_JOBS) stay = count - AHEAD_CLASH_JOBS; /* only what is listed can be moved */
  for (size_t i = 0; i < sizeof spreads_s / sizeof *spreads_s && c->after > max && w->slot_ms == SECOND_MS;
       i++) {
    int32_t peak = peak_after(w, m, stay, count, c->peak_ms, spreads_s[i], slots);
    if (peak >= c->after) continue;
    c->after = peak;
    best_s = spreads_s[i];
  }
  size_t listed = count < AHEAD_CLASH_JOBS ? count : AHEAD_CLASH_JOBS;
  c->moves = ARENA_ARRAY(&w->q->arena, struct ahead_move, listed + 1);
  if (!c->moves) return arena_error(&w->q->arena);
  for (size_t i = 0; i < listed; i++) { /* those that move first */
    size_t at = i < count - stay ? stay + i : i - (count - stay);
    TRY(name_move(w, m[at].held, &c->moves[i]));
    if (best_s > 0 && at >= stay) c->moves[i].new_splay_s = best_s, c->moved++;
  }
  c->move_count = listed;
  return ERR_OK;
}

static enum err explain_clash(struct ahead_walk *w, struct ahead_clash *c, struct mover *m, int32_t *slots) {
  size_t count = 0;
  for (size_t i = 0; i < w->count; i++) {
    int64_t start_ms = start_at(w, &w->held[i], c->peak_ms);
    if (start_ms == INSTANT_NONE) continue;
    c->jobs++;
    if (start_ms >= c->peak_ms - 60 * SECOND_MS) m[count++] = (struct mover){&w->held[i], start_ms};
  }
  return propose(w, c, m, count, slots);
}

static int by_time(const void *a, const void *b) {
  const struct ahead_clash *x = a, *y = b;
  return (x->from_ms > y->from_ms) - (x->from_ms < y->from_ms);
}

static enum err explain_clashes(struct ahead_walk *w) {
  struct ahead *a = w->a;
  if (a->clash_count == 0) return ERR_OK;
  qsort(a->clashes, a->clash_count, sizeof *a->clashes, by_time);
  struct mover *m = calloc(w->count + 1, sizeof *m);
  int32_t *slots = calloc(w->slot_count + 1, sizeof *slots);
  enum err e = m && slots ? ERR_OK : ERR_NO_MEMORY;
  for (size_t i = 0; e == ERR_OK && i < a->clash_count; i++) e = explain_clash(w, &a->clashes[i], m, slots);
  free(m);
  free(slots);
  return e;
}

/* ---- the whole ---- */

static enum err name_tight(struct ahead_walk *w) {
  for (size_t i = 0; i < w->a->tight_count; i++) {
    struct job job = {};
    TRY(w->reader->rows->ops->get(w->reader->rows, TABLE_JOB, &w->a->tight[i].no, &job, &w->q->arena));
    w->a->tight[i].id = job.id;
    w->a->tight[i].name = job.name;
  }
  return ERR_OK;
}

static enum err make_room(struct ahead_walk *w) {
  struct ahead *a = w->a;
  int64_t span_ms = w->to_ms - a->origin_ms;
  w->slot_ms = span_ms <= FINE_MS ? SECOND_MS : span_ms <= MIDDLE_MS ? 60 * SECOND_MS : LOAD_BUCKET_MS;
  a->bucket_count = (size_t)((span_ms + LOAD_BUCKET_MS - 1) / LOAD_BUCKET_MS);
  w->slot_count = a->bucket_count * (size_t)(LOAD_BUCKET_MS / w->slot_ms);
  a->buckets = ARENA_ARRAY(&w->q->arena, struct ahead_bucket, a->bucket_count + 1);
  w->slots = calloc(w->slot_count + 2, sizeof *w->slots);
  w->evenly = calloc(a->bucket_count + 1, sizeof *w->evenly);
  return a->buckets && w->slots && w->evenly ? ERR_OK : ERR_NO_MEMORY;
}

static enum err look(struct ahead_walk *w) {
  TRY(make_room(w));
  TRY(w->reader->rows->ops->scan(w->reader->rows, SCAN_JOB_PLAN, &SCAN_ALL, visit_job, w));
  TRY(w->error);
  TRY(look_up_usual(w));
  TRY(usual_of_all(w));
  fill(w);
  add_up(w);
  find_clashes(w);
  TRY(explain_clashes(w));
  return name_tight(w);
}

enum err reader_ahead(struct reader *r, struct store_read *q) {
  const struct ahead_question *asked = q->ahead_question;
  ASSERT(asked && asked->to_ms - asked->from_ms <= AHEAD_DAYS_MAX * 86400 * SECOND_MS);
  struct ahead_walk w = {.reader = r, .q = q, .now_ms = q->now_ms, .to_ms = asked->to_ms};
  w.from_ms = asked->from_ms > q->now_ms ? asked->from_ms - 1 : q->now_ms;
  if (w.from_ms > w.to_ms) w.from_ms = w.to_ms;
  w.a = q->ahead = ARENA_NEW(&q->arena, struct ahead);
  if (!w.a) return arena_error(&q->arena);
  w.a->origin_ms = load_bucket(w.from_ms + 1);
  TRY(tzdb_new(r->zone_folder, &w.tzdb));
  enum err e = gates_load(&w.gates, r->rows, q->now_ms);
  if (e == ERR_OK) e = look(&w);
  free_rhythms(&w);
  free(w.held);
  free(w.slots);
  free(w.evenly);
  gates_free(&w.gates);
  tzdb_free(w.tzdb);
  return e;
}
