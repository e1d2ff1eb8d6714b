/* Answers from the roster's rows: which jobs fit, in which order, how they stand, which values they have. A question
 * walks over all rows, in turns of some milliseconds, so that no start of a run waits for it. */
#include <stdlib.h>

#include "api/roster_private.h"
#include "model/policy.h"
#include "time/schedule.h"

#define TURN_ROWS 8000 /* a millisecond or two */
#define RESTARTS_MAX 3 /* rows came or went meanwhile: after so many the rest is done in one turn */

/* ---- the next due instant ---- */

static int64_t next_after(struct roster *r, const struct roster_card *c, int64_t after_ms) {
  struct job job;
  job_init(&job);
  job.timezone = (char *)(uintptr_t)c->zone;
  job.dialect = c->dialect;
  job.dst = c->dst;
  job.start_at_ms = c->start_ms;
  job.end_at_ms = c->end_ms;
  job.anchor_ms = c->anchor_ms;
  job.seed = c->seed;
  struct schedule_options options = job_schedule_options(&job, engine_settings(r->api->engine)->timezone);
  struct schedule *s = NULL;
  if (schedule_compile(engine_tzdb(r->api->engine), str_of(c->schedule), &options, &s, NULL) != ERR_OK)
    return FIELD_NULL;
  int64_t next_ms = schedule_next(s, after_ms);
  schedule_free(s);
  return next_ms == INSTANT_NEVER ? FIELD_NULL : next_ms;
}

void roster_freshen_next(struct roster *r, struct roster_row *row) {
  if (!row->is_active) return;
  if (row->next_ms == FIELD_NULL && !row->is_next_sought) {
    row->is_next_sought = true; /* its row is written a moment after the job */
    row->next_ms = next_after(r, row->card, engine_now_ms(r->api->engine));
  }
  bool is_passed =
      row->next_ms != FIELD_NULL && row->settled_ms != FIELD_NULL && row->settled_ms >= row->next_ms;
  if (!is_passed) return;
  row->next_ms = next_after(r, row->card, row->settled_ms);
}

/* ---- what stands ---- */

enum { IS_RUNNING = 1, IS_QUEUED = 2, IS_RETRYING = 4 };

static bool note_living(void *arg, const struct run *run, const struct job *job, size_t queue_place) {
  (void)job;
  struct roster_living *l = arg;
  uintptr_t bits = (uintptr_t)map_get(&l->jobs, (uint64_t)run->job_no);
  if (queue_place == 0) bits |= IS_RUNNING;
  else bits |= run->attempt > 1 ? IS_RETRYING : IS_QUEUED;
  return map_put(&l->jobs, (uint64_t)run->job_no, (void *)bits) == ERR_OK;
}

void roster_living_note(struct roster *r, struct roster_living *l) {
  engine_each_run(r->api->engine, note_living, l);
}

static enum job_status standing_of(const struct roster_view *v) {
  const struct roster_row *row = v->row;
  if (v->is_running) return JOB_STATUS_RUNNING;
  if (!row->is_active) return JOB_STATUS_INACTIVE;
  if (v->gate == GATE_OFF) return JOB_STATUS_OFF;
  if (v->gate == GATE_PAUSED) return JOB_STATUS_PAUSED;
  if (v->is_retrying) return JOB_STATUS_RETRYING;
  if (v->is_queued) return JOB_STATUS_QUEUED;
  return row->last_status == FIELD_NULL ? JOB_STATUS_NEVER : (enum job_status)row->last_status;
}

struct roster_view roster_view_of(struct roster *r, const struct roster_living *l, struct roster_row *row,
                                  int64_t now_ms) {
  roster_freshen_next(r, row);
  if (row->gate != GATE_OPEN && row->gate_until_ms <= now_ms)
    roster_gates_find(&r->gates, row, now_ms); /* it has opened */
  struct roster_view v = {
      .row = row, .now_ms = now_ms, .gate = row->gate, .gate_until_ms = row->gate_until_ms};
  uintptr_t bits = l->jobs.count ? (uintptr_t)map_get(&l->jobs, (uint64_t)row->no) : 0;
  v.is_running = bits & IS_RUNNING;
  v.is_queued = bits & IS_QUEUED;
  v.is_retrying = bits & IS_RETRYING;
  v.standing = standing_of(&v);
  return v;
}

/* ---- one walk over all rows ---- */

struct roster_pass {
  struct roster_pass *next;
  struct roster *roster;
  struct roster_query q;
  char after[LIMIT_NAME_BYTES + 1];
  roster_found_fn *found_fn;
  roster_numbers_fn *numbers_fn; /* one of both */
  void *arg;
  uint64_t shape; /* of the roster, when it began */
  size_t at, restarts;
  struct roster_found found;
  struct roster_pick *picks; /* those that may be shown */
  size_t count, capacity;
  enum err error;
};

static void begin_pass(struct roster_pass *p) {
  p->shape = p->roster->shape;
  p->at = p->count = 0;
  p->found = (struct roster_found){};
}

static void add_pick(struct roster_pass *p, const struct roster_pick *pick) {
  if (p->count == p->capacity) {
    size_t capacity = p->capacity ? p->capacity * 2 : 64;
    struct roster_pick *bigger = reallocarray(p->picks, capacity, sizeof *bigger);
    if (!bigger) {
      p->error = ERR_NO_MEMORY;
      return;
    }
    p->picks = bigger;
    p->capacity = capacity;
  }
  p->picks[p->count++] = *pick;
}

static bool is_in_order(const struct roster_query *q) { return q->sort == ROSTER_BY_NAME && !q->is_down; }

/* In the order of names only the window itself is held. */
static bool may_show(const struct roster_pass *p, const struct roster_row *row) {
  if (!is_in_order(&p->q)) return true;
  bool is_beyond =
      p->q.after.ptr ? strcmp(row->card->name, p->q.after.ptr) > 0 : p->found.matched >= p->q.offset;
  return is_beyond && p->count < p->q.limit;
}

static void look_at(struct roster_pass *p, const struct roster_living *l, struct roster_row *row,
                    int64_t now_ms) {
  struct roster_view v = roster_view_of(p->roster, l, row, now_ms);
  p->found.standings[v.standing]++;
  if (p->q.filter && !filter_fits(p->q.filter, roster_cell, &v)) return;
  if (may_show(p, row)) {
    struct roster_pick pick = roster_pick_of(&v, p->q.sort, p->at);
    add_pick(p, &pick);
  }
  p->found.matched++;
}

static bool is_of_job(const struct filter_term *t) {
  return t->key == FILTER_WORDS || t->key == RUNS_KEY_JOB || t->key == RUNS_KEY_CATEGORY ||
         t->key == RUNS_KEY_TAG || t->key == RUNS_KEY_OWNER;
}

/* What a list of runs asks of a run's job; its words are those of the name. */
static struct filter_cell run_cell(const void *arg, size_t key) {
  const struct roster_card *c = ((const struct roster_row *)arg)->card;
  if (key == RUNS_KEY_CATEGORY) return (struct filter_cell){.text = str_of(c->category)};
  if (key == RUNS_KEY_TAG) return (struct filter_cell){.text = c->tags, .is_folded = true};
  if (key == RUNS_KEY_OWNER) return (struct filter_cell){.text = c->owner, .is_folded = true};
  struct str name = {c->words.ptr, str_find_char(c->words, '\n')};
  return (struct filter_cell){.text = name, .is_folded = true};
}

static void look_at_job(struct roster_pass *p, struct roster_row *row) {
  if (!filter_fits(p->q.filter, run_cell, row)) return;
  add_pick(p, &(struct roster_pick){.row = row, .index = p->at});
}

/* So many rows more; true: that was the last one. */
static bool walk_on(struct roster_pass *p, size_t rows) {
  struct roster *r = p->roster;
  struct roster_living living = {};
  int64_t now_ms = engine_now_ms(r->api->engine);
  if (p->shape != r->shape) {
    begin_pass(p);
    if (++p->restarts > RESTARTS_MAX) rows = SIZE_MAX;
  }
  if (p->found_fn) roster_living_note(r, &living);
  for (; rows > 0 && p->at < r->count && p->error == ERR_OK; rows--, p->at++) {
    if (p->found_fn) look_at(p, &living, r->rows[p->at], now_ms);
    else look_at_job(p, r->rows[p->at]);
  }
  map_free(&living.jobs);
  return p->at == r->count || p->error != ERR_OK;
}

/* ---- its answer ---- */

static void show_window(struct roster_pass *p, struct roster_view *views) {
  struct roster *r = p->roster;
  struct roster_living living = {};
  size_t end = p->count, first = is_in_order(&p->q) ? 0 : p->q.offset < end ? p->q.offset : end;
  if (end - first > p->q.limit) end = first + p->q.limit;
  if (!is_in_order(&p->q)) roster_sort(p->picks, p->count, first, end, p->q.is_down);
  roster_living_note(r, &living);
  for (size_t i = first; i < end; i++)
    views[p->found.count++] = roster_view_of(r, &living, p->picks[i].row, engine_now_ms(r->api->engine));
  map_free(&living.jobs);
  p->found.views = views;
}

static void answer_found(struct roster_pass *p) {
  struct roster *r = p->roster;
  size_t most = p->count < p->q.limit ? p->count : p->q.limit;
  struct roster_view *views = calloc(most + 1, sizeof *views);
  if (!views) p->error = ERR_NO_MEMORY;
  if (p->error == ERR_OK) show_window(p, views);
  p->found.total = r->count;
  if (r->state == ROSTER_LOADING && r->expected > r->count) p->found.total = p->found.matched = r->expected;
  p->found_fn(p->arg, p->error, &p->found);
  free(views);
}

static int by_number(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void answer_numbers(struct roster_pass *p) {
  int64_t *nos = calloc(p->count + 1, sizeof *nos);
  if (!nos) p->error = ERR_NO_MEMORY;
  for (size_t i = 0; nos && i < p->count; i++) nos[i] = p->picks[i].row->no;
  if (nos) qsort(nos, p->count, sizeof *nos, by_number);
  p->numbers_fn(p->arg, p->error, nos, nos ? p->count : 0);
  free(nos);
}

static void answer(struct roster_pass *p) {
  if (p->found_fn) answer_found(p);
  else answer_numbers(p);
  free(p->picks);
  free(p);
}

/* ---- passes take turns ---- */

static void line_up(struct roster *r, struct roster_pass *p) {
  struct roster_pass **end = &r->passes;
  while (*end) end = &(*end)->next;
  p->next = NULL;
  *end = p;
  loop_timer_arm_ms(r->turn, 0);
}

void roster_turn(void *arg) {
  struct roster *r = arg;
  struct roster_pass *p = r->passes;
  if (!p) return;
  r->passes = p->next;
  if (r->passes) loop_timer_arm_ms(r->turn, 0);
  if (walk_on(p, TURN_ROWS)) answer(p);
  else line_up(r, p);
}

void roster_passes_end(struct roster *r, enum err e) {
  for (struct roster_pass *p; (p = r->passes);) {
    r->passes = p->next;
    p->error = e;
    p->count = 0;
    answer(p);
  }
}

static struct roster_pass *pass_new(struct roster *r, const struct roster_query *q, void *arg) {
  struct roster_pass *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->roster = r;
  p->q = *q;
  p->arg = arg;
  if (q->after.ptr && str_copy(p->after, sizeof p->after, q->after)) p->q.after = str_of(p->after);
  r->used_ms = engine_now_ms(r->api->engine);
  begin_pass(p);
  return p;
}

/* A small house is answered at once. */
static void start(struct roster *r, struct roster_pass *p) {
  if (!r->passes && walk_on(p, TURN_ROWS)) answer(p);
  else line_up(r, p);
}

void roster_find(struct roster *r, const struct roster_query *q, roster_found_fn *fn, void *arg) {
  struct roster_pass *p = pass_new(r, q, arg);
  if (!p) return fn(arg, ERR_NO_MEMORY, &(struct roster_found){});
  p->found_fn = fn;
  start(r, p);
}

bool roster_knows_jobs(const struct roster *r) {
  return r->state == ROSTER_READY && !r->is_refreshing && r->asked.count == 0;
}

enum err roster_job_terms(const struct filter *f, struct arena *a, const struct filter **ret) {
  struct filter *part = ARENA_NEW(a, struct filter);
  if (!part) return arena_error(a);
  part->list = f->list;
  for (size_t i = 0; i < f->count; i++)
    if (is_of_job(&f->terms[i])) part->terms[part->count++] = f->terms[i];
  *ret = part->count ? part : NULL;
  return ERR_OK;
}

void roster_find_jobs(struct roster *r, const struct filter *terms, roster_numbers_fn *fn, void *arg) {
  struct roster_pass *p = pass_new(r, &(struct roster_query){.filter = terms, .limit = SIZE_MAX}, arg);
  if (!p) return fn(arg, ERR_NO_MEMORY, NULL, 0);
  p->numbers_fn = fn;
  start(r, p);
}
