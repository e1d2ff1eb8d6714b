/* The Round: what ran, what runs, what will run and where it will collide, in one bounded answer.
 *
 * Four reads, each by index: lanes (at most 64 jobs), CronLoad of the window and of seven days, the dashboard's
 * figures. The fifth, READ_AHEAD, looks at every job; its answer is kept (api_ahead.c). */
#include <stdlib.h>

#include "api/api_round.h"
#include "api/render.h"

#define HOUR_MS 3600000LL
#define DAY_MS (24 * HOUR_MS)
#define WINDOW_MAX_MS (2 * DAY_MS)
#define PAST_MS (14 * HOUR_MS)
#define AHEAD_MS (10 * HOUR_MS)
#define WEEK_DAYS 7
#define NEXT_JOBS 8
#define ATTENTION_MAX 50
#define OLD_DIRTY_MS (15 * 60 * 1000LL) /* the worlds' sync runs every five minutes */
#define RUNNING_SHOWN 50

/* ---- shapes ---- */

struct round_query {
  int64_t from_ms, to_ms, lanes;
  const char *zone;
};
SHAPE_OF(round_query, "RoundQuery", sizeof(struct round_query),
         IN(struct round_query, from_ms, "from", INSTANT, FIELD_NULLABLE, 0, 0, FIELD_NULL,
            "default 14 hours back"),
         IN(struct round_query, to_ms, "to", INSTANT, FIELD_NULLABLE, 0, 0, FIELD_NULL,
            "default 10 hours ahead; at most two days after from"),
         IN(struct round_query, zone, "zone", TEXT, FIELD_NULLABLE, 1, 100, FIELD_NULL,
            "IANA name, for the changes of its clock; default settings.timezone"),
         IN(struct round_query, lanes, "lanes", INT, 0, 1, ROUND_LANES_MAX, 24,
            "most jobs shown one by one"));

/* ---- gathering ---- */

struct round_state {
  int64_t now_ms, from_ms, to_ms;
  const struct tz *zone;
  const struct ahead *ahead; /* kept by the api until the answer */
  struct api_ahead *held;
  int64_t running_jobs[RUNNING_SHOWN + 1];
  size_t running_count;
  struct buf lanes, attention, running, load; /* parts of the answer, complete JSON values */
  struct load_sum week;
  int64_t listed, listed_tight;    /* of attention; tight jobs that fail as well */
  const struct lanes *lanes_found; /* while its read lives */
  size_t running_total, queued_total;
};

static void drop(struct round_state *s) {
  buf_free(&s->lanes);
  buf_free(&s->attention);
  buf_free(&s->running);
  buf_free(&s->load);
  api_ahead_unref(s->held);
  s->held = NULL;
}

static void fail(struct call *c, enum err e) {
  drop(c->state);
  call_fail(c, e);
}

static void kint_or_null(struct json_writer *w, const char *key, int64_t value) {
  jw_key(w, key);
  if (value == FIELD_NULL) jw_null(w);
  else jw_int(w, value);
}

static void kinstant_or_null(struct json_writer *w, const char *key, int64_t ms) {
  jw_key(w, key);
  if (ms == FIELD_NULL || ms == INSTANT_NEVER || ms == INSTANT_NONE) jw_null(w);
  else jw_instant(w, ms);
}

static void int_or_null(struct json_writer *w, int64_t value) {
  if (value == FIELD_NULL) jw_null(w);
  else jw_int(w, value);
}

/* ---- lanes ---- */

/* [dueAt, startedAt, endedAt, state, executionId, reason, instants] */
static void write_mark(struct json_writer *w, const struct lane_mark *m) {
  jw_array(w);
  int_or_null(w, m->due_ms);
  int_or_null(w, m->started_ms);
  int_or_null(w, m->ended_ms);
  jw_text(w, lane_state_names[m->state]);
  jw_text(w, m->run_no == FIELD_NULL ? NULL : id_to_text(m->run_no).text);
  jw_text(w, m->reason == REASON_NONE ? NULL : reason_text(m->reason));
  jw_int(w, m->count);
  jw_array_end(w);
}

static void write_lane(struct json_writer *w, const struct round_lane *lane) {
  const struct job *job = lane->job;
  jw_object(w);
  jw_ktext(w, "jobId", job->id);
  jw_ktext(w, "jobName", job->name);
  jw_ktext(w, "category", job->category);
  jw_ktext(w, "schedule", job->schedule);
  jw_ktext(w, "timezone", job->timezone);
  jw_kbool(w, "isActive", job->is_active == 1);
  jw_ktext(w, "gate", gate_names[lane->gate]);
  jw_kbool(w, "isTrouble", lane->is_trouble);
  jw_kbool(w, "isRunning", lane->is_running);
  jw_kint(w, "knownFrom", lane->known_from_ms);
  jw_kint(w, "plannedTotal", lane->planned_total);
  kinstant_or_null(w, "nextRunAt", lane->next_ms);
  kint_or_null(w, "usualMs", lane->usual_ms);
  kint_or_null(w, "usualP95Ms", lane->usual_p95_ms);
  jw_key(w, "marks");
  jw_array(w);
  for (size_t i = 0; i < lane->mark_count; i++) write_mark(w, &lane->marks[i]);
  jw_array_end(w);
  jw_key(w, "bands");
  jw_array(w);
  for (size_t i = 0; i < lane->band_count; i++) {
    jw_object(w);
    jw_kint(w, "from", lane->bands[i].from_ms);
    jw_kint(w, "to", lane->bands[i].to_ms);
    jw_kint(w, "runs", lane->bands[i].runs);
    jw_kint(w, "failed", lane->bands[i].failed);
    jw_kint(w, "skipped", lane->bands[i].skipped);
    jw_object_end(w);
  }
  jw_array_end(w);
  jw_key(w, "planned");
  jw_array(w);
  for (size_t i = 0; i < lane->planned_count; i++) jw_int(w, lane->planned[i]);
  jw_array_end(w);
  jw_object_end(w);
}

/* ---- attention ---- */

struct attention {
  const char *kind, *job_id, *job_name, *why;
  int64_t run_no, at_ms, failures, retry_ms, attempt, attempts, usual_ms, interval_ms;
  bool is_active, is_critical;
};

static void write_attention(struct json_writer *w, const struct attention *a) {
  jw_object(w);
  jw_ktext(w, "kind", a->kind);
  jw_ktext(w, "jobId", a->job_id);
  jw_ktext(w, "jobName", a->job_name);
  jw_ktext(w, "why", a->why);
  jw_ktext(w, "executionId", a->run_no == FIELD_NULL ? NULL : id_to_text(a->run_no).text);
  kinstant_or_null(w, "at", a->at_ms);
  kint_or_null(w, "failures", a->failures);
  kinstant_or_null(w, "retryAt", a->retry_ms);
  kint_or_null(w, "attempt", a->attempt);
  kint_or_null(w, "attempts", a->attempts);
  jw_kbool(w, "isActive", a->is_active);
  jw_kbool(w, "isCritical", a->is_critical);
  kint_or_null(w, "usualMs", a->usual_ms);
  kint_or_null(w, "intervalMs", a->interval_ms);
  jw_object_end(w);
}

static const struct attention no_attention = {.run_no = FIELD_NULL,
                                              .at_ms = FIELD_NULL,
                                              .failures = FIELD_NULL,
                                              .retry_ms = FIELD_NULL,
                                              .attempt = FIELD_NULL,
                                              .attempts = FIELD_NULL,
                                              .usual_ms = FIELD_NULL,
                                              .interval_ms = FIELD_NULL,
                                              .is_active = true};

static struct attention of_lane(const struct round_lane *lane) {
  struct attention a = no_attention;
  const struct run *run = &lane->last;
  a.kind = run->status == RUN_TIMEOUT ? "timeout" : run->status == RUN_LOST ? "lost" : "failed";
  a.job_id = lane->job->id;
  a.job_name = lane->job->name;
  a.why = run->error_message;
  a.run_no = run->no;
  a.at_ms = run->finished_ms;
  a.failures = lane->job->failures;
  a.retry_ms = lane->retry_ms;
  a.attempt = lane->retry_attempt;
  a.attempts = lane->job->retries == FIELD_NULL ? 1 : lane->job->retries + 1;
  a.usual_ms = lane->usual_ms;
  a.is_active = lane->job->is_active == 1;
  a.is_critical = lane->job->critical == 1;
  return a;
}

static bool is_listed(const struct round_state *s, int64_t job_no) {
  const struct lanes *l = s->lanes_found;
  for (size_t i = 0; i < l->count; i++)
    if (l->items[i].job->no == job_no) return l->items[i].is_trouble;
  return false;
}

/* Critical ones first, then by failures in a row. */
static int by_gravity(const void *x, const void *y) {
  const struct round_lane *a = *(const struct round_lane *const *)x,
                          *b = *(const struct round_lane *const *)y;
  bool a_critical = a->job->critical == 1, b_critical = b->job->critical == 1;
  if (a_critical != b_critical) return a_critical ? -1 : 1;
  int64_t a_failures = a->job->failures == FIELD_NULL ? 0 : a->job->failures;
  int64_t b_failures = b->job->failures == FIELD_NULL ? 0 : b->job->failures;
  return (a_failures < b_failures) - (a_failures > b_failures);
}

static void list_attention(struct call *c, struct round_state *s, struct json_writer *w) {
  const struct lanes *l = s->lanes_found;
  const struct round_lane *failing[ROUND_LANES_MAX];
  size_t count = 0;
  for (size_t i = 0; i < l->count; i++)
    if (l->items[i].is_trouble) failing[count++] = &l->items[i];
  qsort(failing, count, sizeof(const struct round_lane *), by_gravity);
  for (size_t i = 0; i < count && s->listed < ATTENTION_MAX; i++, s->listed++) {
    struct attention a = of_lane(failing[i]);
    write_attention(w, &a);
  }
  for (size_t i = 0; i < s->ahead->tight_count && s->listed < ATTENTION_MAX; i++) {
    const struct ahead_tight *t = &s->ahead->tight[i];
    if (is_listed(s, t->no)) {
      s->listed_tight++;
      continue;
    }
    struct attention a = no_attention;
    a.kind = "tight";
    a.job_id = t->id;
    a.job_name = t->name;
    a.usual_ms = t->usual_ms;
    a.interval_ms = t->interval_ms;
    write_attention(w, &a);
    s->listed++;
  }
  struct engine_worlds worlds = engine_worlds(c->api->engine);
  bool is_dirty =
      worlds.has_live && worlds.live.dirty_worlds > 0 && worlds.live.oldest_dirty_ms != INSTANT_NONE;
  if (is_dirty && s->now_ms - worlds.live.oldest_dirty_ms > OLD_DIRTY_MS) {
    struct attention a = no_attention;
    a.kind = "worlds";
    a.at_ms = worlds.live.oldest_dirty_ms;
    a.failures = worlds.live.dirty_worlds;
    write_attention(w, &a);
    s->listed++;
  }
}

/* ---- what runs ---- */

struct running_list {
  struct round_state *state;
  struct json_writer *w;
  size_t count;
};

/* Each job once. */
static bool note_running(void *arg, const struct run *run, const struct job *job, size_t queue_place) {
  (void)job;
  struct round_state *s = arg;
  for (size_t i = 0; i < s->running_count; i++)
    if (s->running_jobs[i] == run->job_no) return true;
  if (queue_place == 0 && s->running_count < RUNNING_SHOWN) s->running_jobs[s->running_count++] = run->job_no;
  return true;
}

static const struct round_lane *lane_of(const struct lanes *l, int64_t job_no) {
  for (size_t i = 0; i < l->count; i++)
    if (l->items[i].job->no == job_no) return &l->items[i];
  return NULL;
}

static bool write_running(void *arg, const struct run *run, const struct job *job, size_t queue_place) {
  struct running_list *l = arg;
  const struct round_lane *lane = lane_of(l->state->lanes_found, run->job_no);
  *(queue_place ? &l->state->queued_total : &l->state->running_total) += 1;
  if (l->count == RUNNING_SHOWN) return true;
  l->count++;
  jw_object(l->w);
  jw_ktext(l->w, "executionId", id_to_text(run->no).text);
  jw_ktext(l->w, "jobId", job ? job->id : run->job_id);
  jw_ktext(l->w, "jobName", job ? job->name : NULL);
  kinstant_or_null(l->w, "startedAt", queue_place ? run->queued_ms : run->started_ms);
  jw_kint(l->w, "attempt", run->attempt);
  kint_or_null(l->w, "usualMs", lane ? lane->usual_ms : FIELD_NULL);
  kint_or_null(l->w, "usualP95Ms", lane ? lane->usual_p95_ms : FIELD_NULL);
  jw_kbool(l->w, "isQueued", queue_place != 0);
  jw_object_end(l->w);
  return true;
}

/* ---- the other parts ---- */

static void write_verdict(struct json_writer *w, const struct round_state *s,
                          const struct store_read *board) {
  int64_t failing = board->dashboard.failed_jobs, tight = (int64_t)s->ahead->tight_total;
  int64_t attention = failing + tight - s->listed_tight;
  jw_key(w, "verdict");
  jw_object(w);
  jw_kint(w, "jobs", board->dashboard.total_jobs);
  jw_kint(w, "active", board->dashboard.active_jobs);
  jw_kint(w, "failing", failing);
  jw_kint(w, "tight", tight);
  jw_kint(w, "attention", attention);
  jw_kint(w, "onTime", board->dashboard.total_jobs > attention ? board->dashboard.total_jobs - attention : 0);
  jw_object_end(w);
}

static void write_load(struct json_writer *w, const struct round_state *s, int64_t max) {
  const struct ahead *a = s->ahead;
  jw_key(w, "load");
  jw_object(w);
  jw_kint(w, "bucketMs", LOAD_BUCKET_MS);
  jw_kint(w, "pastFrom", s->from_ms);
  jw_kint(w, "aheadFrom", a->origin_ms);
  jw_kint(w, "maxConcurrentJobs", max);
  jw_kint(w, "planned", a->planned);
  jw_kinstant(w, "countedAt", api_ahead_made_ms(s->held));
  jw_kbool(w, "isEstimated", a->is_estimated);
  jw_key(w, "past");
  jw_raw(w, s->load.len ? buf_str(&s->load) : STR("[]"));
  jw_key(w, "ahead");
  jw_array(w);
  for (size_t i = 0; i < a->bucket_count; i++) {
    jw_array(w);
    jw_int(w, a->buckets[i].runs);
    jw_int(w, a->buckets[i].busy_ms);
    jw_int(w, a->buckets[i].peak);
    jw_array_end(w);
  }
  jw_array_end(w);
  jw_object_end(w);
}

static void write_move(struct json_writer *w, const struct ahead_move *m, struct arena *arena) {
  jw_object(w);
  jw_ktext(w, "jobId", m->id);
  jw_ktext(w, "jobName", m->name);
  jw_kint(w, "usualMs", m->usual_ms);
  jw_kint(w, "priority", m->priority);
  kint_or_null(w, "splay", m->splay_s);
  kint_or_null(w, "newSplay", m->new_splay_s);
  jw_ktext(w, "etag", etag_of(arena, m->updated_ms));
  jw_object_end(w);
}

static void write_clashes(struct json_writer *w, const struct ahead *a, int64_t max, struct arena *arena) {
  jw_kint(w, "clashTotal", (int64_t)a->clash_total);
  jw_key(w, "clashes");
  jw_array(w);
  for (size_t i = 0; i < a->clash_count; i++) {
    const struct ahead_clash *clash = &a->clashes[i];
    jw_object(w);
    jw_kinstant(w, "from", clash->from_ms);
    jw_kinstant(w, "to", clash->to_ms);
    jw_kinstant(w, "peakAt", clash->peak_ms);
    jw_kint(w, "peak", clash->peak);
    jw_kint(w, "max", max);
    jw_kint(w, "jobs", clash->jobs);
    jw_kint(w, "after", clash->after);
    jw_kint(w, "moved", clash->moved);
    jw_key(w, "moves");
    jw_array(w);
    for (size_t m = 0; m < clash->move_count; m++) write_move(w, &clash->moves[m], arena);
    jw_array_end(w);
    jw_object_end(w);
  }
  jw_array_end(w);
}

static void write_week(struct json_writer *w, const struct load_sum *week) {
  jw_key(w, "week");
  jw_object(w);
  jw_kint(w, "runs", week->runs);
  jw_kint(w, "failed", week->failed);
  jw_key(w, "successRate");
  if (week->runs == 0) jw_null(w);
  else jw_real(w, (double)(week->runs - week->failed) / (double)week->runs);
  kint_or_null(w, "p50Ms", week->p50_ms);
  kint_or_null(w, "p95Ms", week->p95_ms);
  kint_or_null(w, "lagP99Ms", week->lag_p99_ms);
  jw_object_end(w);
}

static void write_clock_changes(struct json_writer *w, const struct round_state *s) {
  int64_t at_s = s->from_ms / 1000;
  jw_key(w, "clockChanges");
  jw_array(w);
  while (tz_next_transition(s->zone, at_s, &at_s) && at_s * 1000 < s->to_ms)
    if (tz_offset_s(s->zone, at_s - 1, NULL, NULL) != tz_offset_s(s->zone, at_s, NULL, NULL))
      jw_instant(w, at_s * 1000);
  jw_array_end(w);
}

static void write_next(struct json_writer *w, const struct store_read *board) {
  jw_key(w, "next");
  jw_array(w);
  for (size_t i = 0; i < board->count; i++) {
    const struct job *job = board->jobs[i].job;
    jw_object(w);
    jw_ktext(w, "jobId", job->id);
    jw_ktext(w, "jobName", job->name);
    jw_ktext(w, "schedule", job->schedule);
    kinstant_or_null(w, "nextRunAt", job->next_run_ms);
    jw_object_end(w);
  }
  jw_array_end(w);
}

/* ---- one read after the other ---- */

static struct store_read *new_read(struct call *c, enum store_read_kind kind) {
  struct store_read *r = store_read_new(kind, call_now_ms(c));
  if (!r) fail(c, ERR_NO_MEMORY);
  return r;
}

static bool is_refused(struct call *c, const struct store_read *read) {
  if (read->error == ERR_OK) return false;
  c->detail = read->detail;
  fail(c, read->error);
  return true;
}

static void on_board(struct call *c, struct store_read *board) {
  struct round_state *s = c->state;
  int64_t max = engine_settings(c->api->engine)->max_concurrent;
  if (is_refused(c, board)) return;
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kinstant(w, "at", s->now_ms);
  jw_kinstant(w, "from", s->from_ms);
  jw_kinstant(w, "to", s->to_ms);
  jw_kstr(w, "zone", tz_name(s->zone).len ? tz_name(s->zone) : STR("UTC"));
  write_clock_changes(w, s);
  write_verdict(w, s, board);
  jw_key(w, "lanes");
  jw_raw(w, buf_str(&s->lanes));
  write_load(w, s, max);
  write_clashes(w, s->ahead, max, &c->req->arena);
  jw_key(w, "attention");
  jw_raw(w, buf_str(&s->attention));
  jw_kint(w, "runningTotal", (int64_t)s->running_total);
  jw_kint(w, "queuedTotal", (int64_t)s->queued_total);
  jw_key(w, "running");
  jw_raw(w, buf_str(&s->running));
  write_next(w, board);
  write_week(w, &s->week);
  jw_object_end(w);
  drop(s);
  call_end(c, 200);
}

static void on_week(struct call *c, struct store_read *read) {
  struct round_state *s = c->state;
  if (is_refused(c, read)) return;
  s->week = read->load[0];
  struct store_read *next = new_read(c, READ_DASHBOARD);
  if (!next) return;
  next->limit = NEXT_JOBS;
  call_read_any(c, next, on_board);
}

static void read_week(struct call *c) {
  struct round_state *s = c->state;
  struct store_read *r = new_read(c, READ_LOAD);
  int64_t *bounds = r ? ARENA_ARRAY(&r->arena, int64_t, 2) : NULL;
  if (!r) return;
  if (!bounds) {
    store_read_free(r);
    return fail(c, ERR_NO_MEMORY);
  }
  bounds[0] = load_bucket(s->now_ms - WEEK_DAYS * DAY_MS);
  bounds[1] = load_bucket(s->now_ms) + LOAD_BUCKET_MS;
  r->bounds = bounds;
  r->bound_count = 2;
  call_read_any(c, r, on_week);
}

static void on_load(struct call *c, struct store_read *read) {
  struct round_state *s = c->state;
  if (is_refused(c, read)) return;
  s->load = buf_new(LIMIT_ANSWER_BYTES);
  struct json_writer w = jw_new(&s->load);
  jw_array(&w);
  for (size_t i = 0; i < read->count; i++) {
    jw_array(&w);
    jw_int(&w, read->load[i].runs);
    jw_int(&w, read->load[i].failed);
    jw_int(&w, read->load[i].busy_ms);
    jw_array_end(&w);
  }
  jw_array_end(&w);
  read_week(c);
}

/* The past of the window; none when all of it is to come. */
static void read_load(struct call *c) {
  struct round_state *s = c->state;
  int64_t end_ms = s->now_ms < s->to_ms ? s->now_ms : s->to_ms;
  if (end_ms <= s->from_ms) return read_week(c);
  size_t count = (size_t)((end_ms - s->from_ms + LOAD_BUCKET_MS - 1) / LOAD_BUCKET_MS) + 1;
  struct store_read *r = new_read(c, READ_LOAD);
  int64_t *bounds = r ? ARENA_ARRAY(&r->arena, int64_t, count) : NULL;
  if (!r) return;
  if (!bounds) {
    store_read_free(r);
    return fail(c, ERR_NO_MEMORY);
  }
  for (size_t i = 0; i < count; i++) bounds[i] = s->from_ms + (int64_t)i * LOAD_BUCKET_MS;
  r->bounds = bounds;
  r->bound_count = count;
  call_read_any(c, r, on_load);
}

static void on_lanes(struct call *c, struct store_read *read) {
  struct round_state *s = c->state;
  if (is_refused(c, read)) return;
  s->lanes_found = read->lanes;
  s->lanes = buf_new(LIMIT_ANSWER_BYTES);
  s->attention = buf_new(LIMIT_ANSWER_BYTES);
  s->running = buf_new(LIMIT_ANSWER_BYTES);
  struct json_writer lanes = jw_new(&s->lanes), attention = jw_new(&s->attention),
                     running = jw_new(&s->running);
  jw_array(&lanes);
  for (size_t i = 0; i < read->lanes->count; i++) write_lane(&lanes, &read->lanes->items[i]);
  jw_array_end(&lanes);
  jw_array(&attention);
  list_attention(c, s, &attention);
  jw_array_end(&attention);
  struct running_list list = {.state = s, .w = &running};
  jw_array(&running);
  engine_each_run(c->api->engine, write_running, &list);
  jw_array_end(&running);
  s->lanes_found = NULL;
  enum err e = buf_error(&s->lanes);
  if (e == ERR_OK) e = buf_error(&s->attention);
  if (e == ERR_OK) e = buf_error(&s->running);
  if (e != ERR_OK) return fail(c, e);
  read_load(c);
}

static void on_ahead(struct call *c, struct api_ahead *held) {
  struct round_state *s = c->state;
  s->held = held;
  s->ahead = api_ahead_of(held);
  struct store_read *r = new_read(c, READ_LANES);
  if (!r) return;
  struct lanes_question *q = ARENA_NEW(&r->arena, struct lanes_question);
  int64_t *running = ARENA_ARRAY(&r->arena, int64_t, RUNNING_SHOWN + 1);
  int64_t *others = ARENA_ARRAY(&r->arena, int64_t, AHEAD_SPARSE + 1);
  char *zone = arena_strdup(&r->arena, str_of(engine_settings(c->api->engine)->timezone));
  if (!q || !running || !others || !zone) {
    store_read_free(r);
    return fail(c, ERR_NO_MEMORY);
  }
  engine_each_run(c->api->engine, note_running, s);
  memcpy(running, s->running_jobs, s->running_count * sizeof *running);
  running[s->running_count] = FIELD_NULL;
  for (size_t i = 0; i < s->ahead->sparse_count; i++) others[i] = s->ahead->sparse[i].no;
  others[s->ahead->sparse_count] = FIELD_NULL;
  *q = (struct lanes_question){.from_ms = s->from_ms,
                               .to_ms = s->to_ms,
                               .timezone = zone,
                               .max = (size_t)CALL_INPUT(c, struct round_query)->lanes,
                               .running = running,
                               .others = others};
  r->lanes_question = q;
  call_read_any(c, r, on_lanes);
}

void round_get(struct call *c) {
  const struct round_query *q = CALL_INPUT(c, struct round_query);
  struct round_state *s = ARENA_NEW(&c->req->arena, struct round_state);
  const char *zone = q->zone ? q->zone : engine_settings(c->api->engine)->timezone;
  if (!s) return call_fail(c, ERR_NO_MEMORY);
  c->state = s;
  s->now_ms = call_now_ms(c);
  s->from_ms = load_bucket(q->from_ms == FIELD_NULL ? s->now_ms - PAST_MS : q->from_ms);
  s->to_ms = load_bucket(q->to_ms == FIELD_NULL ? s->now_ms + AHEAD_MS : q->to_ms);
  if (s->to_ms <= s->from_ms || s->to_ms - s->from_ms > WINDOW_MAX_MS)
    return call_refuse(c, ERR_INVALID, "to", "to must be after from, and at most two days");
  enum err e = tz_find(engine_tzdb(c->api->engine), str_of(zone), &s->zone, &c->detail);
  if (e != ERR_OK) return call_fail(c, e);
  api_ahead_get(c, s->from_ms, s->to_ms, on_ahead);
}
