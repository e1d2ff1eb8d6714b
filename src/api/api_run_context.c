/* What surrounds one run: its other attempts, the run before, what is usual for the job. */
#include "api/api_executions.h"
#include "api/render.h"

#define ATTEMPTS_MAX 100
#define NEIGHBOURS 30 /* a run by hand has no due instant: its attempts are looked for among so many */

static const struct shape_part context_parts[] = {{"attempts", &run_row_shape, PART_LIST},
                                                  {"previous", &run_row_shape, PART_NULLABLE}};
SHAPE_PARTS(run_context, "ExecutionContext", NULL, context_parts,
            OUT("jobVersion", INT, FIELD_NULLABLE, "of the job now; null when it is gone"),
            OUT("usualRuns", INT, 0, "runs on record that the usual figures come from"),
            OUT("usualP50Ms", INT, FIELD_NULLABLE, "of durations"),
            OUT("usualP95Ms", INT, FIELD_NULLABLE, ""),
            OUT("usualLagP95Ms", INT, FIELD_NULLABLE, "of starts"),
            OUT("usualMemoryMB", INT, FIELD_NULLABLE, "mean"),
            OUT("usualCpuPct", REAL3, FIELD_NULLABLE, "mean"));

struct context {
  struct buf attempts, previous; /* JSON; in the request's memory they would not fit beside the rows */
  struct json_writer w;
  size_t count;
  bool has_previous;
};

static bool is_same_request(const struct run *a, const struct run *b) {
  if (a->due_ms != FIELD_NULL || b->due_ms != FIELD_NULL) return a->due_ms == b->due_ms;
  return a->first_started_ms != FIELD_NULL && a->first_started_ms == b->first_started_ms;
}

static void add_attempt(struct call *c, struct context *x, const struct run_row *row) {
  if (!is_same_request(&row->run, &c->run.run) || x->count == ATTEMPTS_MAX) return;
  render_run_row(&x->w, row, false, &RENDER(c));
  x->count++;
}

static void write_usual(struct json_writer *w, const struct job_metrics *m) {
  const struct {
    const char *key;
    int64_t value;
  } numbers[] = {{"usualP50Ms", m->p50_ms},
                 {"usualP95Ms", m->p95_ms},
                 {"usualLagP95Ms", m->lag_p95_ms},
                 {"usualMemoryMB", m->mean_memory_mb}};
  jw_kint(w, "usualRuns", m->runs);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    jw_key(w, numbers[i].key);
    if (m->runs == 0 || numbers[i].value == FIELD_NULL) jw_null(w);
    else jw_int(w, numbers[i].value);
  }
  jw_key(w, "usualCpuPct");
  if (m->runs == 0 || m->mean_cpu_pct3 == FIELD_NULL) jw_null(w);
  else jw_real(w, (double)m->mean_cpu_pct3 / 1000);
}

static void answer(struct call *c, const struct job_metrics *m) {
  struct context *x = c->state;
  struct json_writer *w = call_begin(c);
  jw_array_end(&x->w);
  jw_object(w);
  jw_key(w, "attempts");
  jw_raw(w, buf_str(&x->attempts));
  jw_key(w, "previous");
  if (x->has_previous) jw_raw(w, buf_str(&x->previous));
  else jw_null(w);
  jw_key(w, "jobVersion");
  if (c->job) jw_int(w, c->job->version);
  else jw_null(w);
  write_usual(w, m);
  jw_object_end(w);
  bool is_whole = buf_error(&x->attempts) == ERR_OK && buf_error(&x->previous) == ERR_OK;
  buf_free(&x->attempts);
  buf_free(&x->previous);
  if (is_whole) call_end(c, 200);
  else call_fail(c, ERR_LIMIT);
}

static void give_up(struct call *c, struct store_read *read) {
  struct context *x = c->state;
  buf_free(&x->attempts);
  buf_free(&x->previous);
  c->detail = read->detail;
  call_fail(c, read->error);
}

static void on_metrics(struct call *c, struct store_read *read) {
  if (read->error != ERR_OK) give_up(c, read);
  else answer(c, &read->metrics);
}

static void read_next(struct call *c, struct store_read *r, call_read_fn *fn) {
  struct context *x = c->state;
  if (r) {
    r->no = c->run.run.job_no;
    r->from_ms = r->to_ms = INSTANT_NONE;
    call_read_any(c, r, fn);
    return;
  }
  buf_free(&x->attempts);
  buf_free(&x->previous);
  call_fail(c, ERR_NO_MEMORY);
}

/* Of runs by hand: the newest and those just before it, newest first; told in order of attempts, which is the
 * other way round. */
static void on_newest(struct call *c, struct store_read *read) {
  if (read->error != ERR_OK) {
    give_up(c, read);
    return;
  }
  for (size_t i = read->count; i > 0; i--)
    if (read->runs[i - 1].run.no > c->run.run.no) add_attempt(c, c->state, &read->runs[i - 1]);
  read_next(c, store_read_new(READ_JOB_METRICS, call_now_ms(c)), on_metrics);
}

static void on_due(struct call *c, struct store_read *read) {
  if (read->error != ERR_OK) {
    give_up(c, read);
    return;
  }
  for (size_t i = 0; i < read->count; i++) add_attempt(c, c->state, &read->runs[i]);
  read_next(c, store_read_new(READ_JOB_METRICS, call_now_ms(c)), on_metrics);
}

static void take_previous(struct call *c, const struct store_read *read) {
  struct context *x = c->state;
  for (size_t i = 0; i < read->count && !x->has_previous; i++) {
    const struct run *run = &read->runs[i].run;
    if (is_same_request(run, &c->run.run) || !run_is_final((enum run_status)run->status)) continue;
    struct json_writer w = jw_new(&x->previous);
    render_run_row(&w, &read->runs[i], false, &RENDER(c));
    x->has_previous = true;
  }
}

static void on_before(struct call *c, struct store_read *read) {
  if (read->error != ERR_OK) {
    give_up(c, read);
    return;
  }
  take_previous(c, read);
  bool is_by_hand = c->run.run.due_ms == FIELD_NULL;
  struct store_read *r = store_read_new(READ_RUNS, call_now_ms(c));
  if (is_by_hand) {
    for (size_t i = read->count; i > 0; i--) add_attempt(c, c->state, &read->runs[i - 1]);
    struct run_row mine = c->run;
    mine.run.output = NULL;
    struct context *x = c->state;
    render_run_row(&x->w, &mine, false, &RENDER(c));
    x->count++;
    if (r) r->limit = NEIGHBOURS;
    read_next(c, r, on_newest);
  } else {
    if (r) r->due_ms = c->run.run.due_ms;
    if (r) r->limit = ATTEMPTS_MAX;
    read_next(c, r, on_due);
  }
}

void run_context(struct call *c) {
  struct context *x = ARENA_NEW(&c->req->arena, struct context);
  if (!x) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  x->attempts = buf_new(LIMIT_ANSWER_BYTES / 4);
  x->previous = buf_new(LIMIT_ANSWER_BYTES / 16);
  x->w = jw_new(&x->attempts);
  jw_array(&x->w);
  c->state = x;
  if (!c->job) { /* deleted: nobody knows its runs as those of one job any more */
    struct run_row mine = c->run;
    mine.run.output = NULL;
    render_run_row(&x->w, &mine, false, &RENDER(c));
    answer(c, &(const struct job_metrics){});
    return;
  }
  struct store_read *r = store_read_new(READ_RUNS, call_now_ms(c));
  if (r) r->after = c->run.run.no;
  if (r) r->limit = NEIGHBOURS;
  read_next(c, r, on_before);
}
