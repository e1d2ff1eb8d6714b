/* /api/cron/executions: list, read, cancel. */
#include "api/api_executions.h"

#include "api/cursor.h"
#include "api/render.h"
#include "api/roster.h"

/* ---- lists ---- */

struct runs_query {
  const char *job, *status, *trigger, *cursor, *q;
  int64_t from_ms, to_ms, limit;
};
#define RUNS_FIELDS                                                                                       \
  IN(struct runs_query, status, "status", TEXT, 0, 1, 200, FIELD_NULL, "several with commas"),            \
      IN(struct runs_query, trigger, "triggeredBy", TEXT, 0, 1, 200, FIELD_NULL, "several with commas"),  \
      IN(struct runs_query, from_ms, "from", INSTANT, 0, 0, 0, FIELD_NULL, "started at or after it"),     \
      IN(struct runs_query, to_ms, "to", INSTANT, 0, 0, 0, FIELD_NULL, "started at or before it"),        \
      IN(struct runs_query, q, "q", TEXT, 0, 0, FILTER_BYTES_MAX, FIELD_NULL,                             \
         "the filter language: status:failed job~shelly took>30s started<1h; a page may be short of its " \
         "limit and have a nextCursor all the same"),                                                     \
      IN(struct runs_query, cursor, "cursor", TEXT, 0, 1, 1000, FIELD_NULL,                               \
         "nextCursor of the page before"),                                                                \
      IN(struct runs_query, limit, "limit", INT, 0, 1, LIMIT_PAGE, CALL_PAGE_DEFAULT,                     \
         "executions on a page")
SHAPE_OF(runs_query, "ExecutionsQuery", sizeof(struct runs_query), RUNS_FIELDS,
         IN(struct runs_query, job, "job", TEXT, 0, 1, LIMIT_NAME_BYTES, FIELD_NULL, "id or name of a job"));
SHAPE_OF(job_runs_query, "JobExecutionsQuery", sizeof(struct runs_query), RUNS_FIELDS);
/* Lists come without output, so their rows are a shape of their own. */
static const struct shape_part run_page_parts[] = {{"data", &run_row_shape, PART_LIST}};
SHAPE_PARTS(run_page, "ExecutionPage", NULL, run_page_parts,
            OUT("nextCursor", TEXT, FIELD_NULLABLE, "for the next page; null on the last"));

static void on_runs(struct call *c, struct store_read *read) {
  struct json_writer *w = call_begin(c);
  BUF_AUTO struct buf cursor = buf_new(1000);
  render_page_begin(w);
  for (size_t i = 0; i < read->count; i++) {
    struct arena scratch = arena_new(1024 * 1024);
    render_run_row(w, &read->runs[i], false, &(struct render){c->api->engine, &scratch});
    arena_free(&scratch);
  }
  int64_t last = read->looked ? read->looked : read->count ? read->runs[read->count - 1].run.no : 0;
  if (read->has_more && last) cursor_of_number(&cursor, last);
  render_page_end(w, cursor.len ? buf_text(&cursor) : NULL);
  call_end(c, 200);
}

static void on_job_numbers(void *arg, enum err e, const int64_t *nos, size_t count) {
  struct call *c = arg;
  struct store_read *r = c->state;
  int64_t *copy = e == ERR_OK ? ARENA_ARRAY(&r->arena, int64_t, count + 1) : NULL;
  if (!copy) {
    store_read_free(r);
    call_fail(c, e == ERR_OK ? ERR_NO_MEMORY : e);
    return;
  }
  memcpy(copy, nos, count * sizeof *copy);
  r->nos = copy;
  r->no_count = count;
  r->knows_jobs = true;
  call_read(c, r, on_runs);
}

static void never_mind(void *arg, enum err e) {
  (void)arg;
  (void)e;
}

/* What is asked about jobs is answered from memory, once the jobs are there; the store can tell, too, but reads them all. */
static void ask_runs(struct call *c, struct store_read *r) {
  const struct filter *terms = NULL;
  enum err e = r->filter ? roster_job_terms(r->filter, &c->req->arena, &terms) : ERR_OK;
  if (e != ERR_OK) {
    store_read_free(r);
    call_fail(c, e);
    return;
  }
  if (terms && roster_knows_jobs(c->api->roster)) {
    c->state = r;
    roster_find_jobs(c->api->roster, terms, on_job_numbers, c);
    return;
  }
  if (terms) roster_want(c->api->roster, SIZE_MAX, never_mind, NULL);
  call_read(c, r, on_runs);
}

static void read_runs(struct call *c, int64_t job_no) {
  const struct runs_query *q = CALL_INPUT(c, struct runs_query);
  unsigned status = 0, trigger = 0;
  int64_t after = 0;
  enum err e = mask_parse(q->status, run_status_names, "status", &status, &c->detail);
  if (e == ERR_OK) e = mask_parse(q->trigger, run_trigger_names, "triggeredBy", &trigger, &c->detail);
  const struct filter *filter = NULL;
  if (e == ERR_OK && q->cursor) e = cursor_to_number(str_of(q->cursor), &after, &c->detail);
  if (e == ERR_OK && q->q)
    e = filter_parse(&filter_runs, str_of(q->q), call_now_ms(c), &c->req->arena, &filter, &c->detail);
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  struct store_read *r = call_new_read(c, READ_RUNS);
  if (!r) return;
  r->no = job_no;
  r->status_mask = status;
  r->trigger_mask = trigger;
  r->from_ms = q->from_ms == FIELD_NULL ? INSTANT_NONE : q->from_ms;
  r->to_ms = q->to_ms == FIELD_NULL ? INSTANT_NONE : q->to_ms;
  r->after = after;
  r->limit = (size_t)q->limit;
  r->filter = filter;
  ask_runs(c, r);
}

static void on_job(struct call *c, struct store_read *read) {
  enum err e = read->error;
  c->detail = read->detail;
  if (e == ERR_OK) e = call_check_job(c, read->jobs[0].job, false);
  if (e != ERR_OK) call_fail(c, e);
  else read_runs(c, read->jobs[0].job->no);
}

void runs_list(struct call *c) {
  const char *job = CALL_INPUT(c, struct runs_query)->job;
  if (job) call_read_job(c, str_of(job), on_job);
  else read_runs(c, 0);
}

void job_runs(struct call *c) { read_runs(c, c->job->no); }

void run_get(struct call *c) {
  render_run_row(call_begin(c), &c->run, true, &RENDER(c));
  call_end(c, 200);
}

/* ---- cancel ---- */

SHAPE_OF(cancel_answer, "CancelAnswer", 0, OUT("success", BOOL, 0, ""), OUT("executionId", TEXT, 0, ""),
         OUT("text", TEXT, 0, "what happens now"));

static void cancelled(void *arg, const struct engine_answer *answer) {
  struct call *c = arg;
  if (answer->error != ERR_OK) {
    c->detail = answer->detail;
    call_fail(c, answer->error);
    return;
  }
  call_log(c, "run.cancel", arena_printf(&c->req->arena, "run:%s", c->run.run.id), NULL);
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kbool(w, "success", true);
  jw_ktext(w, "executionId", c->run.run.id);
  jw_ktext(w, "text",
           c->run.run.status == RUN_QUEUED ? "it will not start" : "its processes are being ended");
  jw_object_end(w);
  call_end(c, 202);
}

void run_cancel(struct call *c) {
  if (run_is_final((enum run_status)c->run.run.status)) {
    call_refuse(c, ERR_CONFLICT, "status", "it has ended already: %s",
                run_status_text((enum run_status)c->run.run.status));
    return;
  }
  engine_cancel(c->api->engine, c->run.run.no, c->who.actor, cancelled, c);
}
