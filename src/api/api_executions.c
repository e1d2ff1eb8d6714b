/* /api/cron/executions: list, read, output, cancel. */
#include "api/api_executions.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/cursor.h"
#include "api/render.h"
#include "sys/os_file.h"

/* ---- lists ---- */

struct runs_query {
  const char *job, *status, *trigger, *cursor;
  int64_t from_ms, to_ms, limit;
};
#define RUNS_FIELDS                                                                                      \
  IN(struct runs_query, status, "status", TEXT, 0, 1, 200, FIELD_NULL, "several with commas"),           \
      IN(struct runs_query, trigger, "triggeredBy", TEXT, 0, 1, 200, FIELD_NULL, "several with commas"), \
      IN(struct runs_query, from_ms, "from", INSTANT, 0, 0, 0, FIELD_NULL, "started at or after it"),    \
      IN(struct runs_query, to_ms, "to", INSTANT, 0, 0, 0, FIELD_NULL, "started at or before it"),       \
      IN(struct runs_query, cursor, "cursor", TEXT, 0, 1, 1000, FIELD_NULL,                              \
         "nextCursor of the page before"),                                                               \
      IN(struct runs_query, limit, "limit", INT, 0, 1, LIMIT_PAGE, CALL_PAGE_DEFAULT,                    \
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
    render_run_row(w, &read->runs[i], false, &scratch);
    arena_free(&scratch);
  }
  if (read->has_more && read->count > 0) cursor_of_number(&cursor, read->runs[read->count - 1].run.no);
  render_page_end(w, cursor.len ? buf_text(&cursor) : NULL);
  call_end(c, 200);
}

static void read_runs(struct call *c, int64_t job_no) {
  const struct runs_query *q = CALL_INPUT(c, struct runs_query);
  unsigned status = 0, trigger = 0;
  int64_t after = 0;
  enum err e = mask_parse(q->status, run_status_names, "status", &status, &c->detail);
  if (e == ERR_OK) e = mask_parse(q->trigger, run_trigger_names, "triggeredBy", &trigger, &c->detail);
  if (e == ERR_OK && q->cursor) e = cursor_to_number(str_of(q->cursor), &after, &c->detail);
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
  call_read(c, r, on_runs);
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
  render_run_row(call_begin(c), &c->run, true, &c->req->arena);
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

/* ---- output ---- */

struct output_query {
  int64_t first, last, tail;
};
SHAPE_OF(output_query, "OutputQuery", sizeof(struct output_query),
         IN(struct output_query, first, "from", INT, 0, 1, 1LL << 40, 0, "first line, from 1"),
         IN(struct output_query, last, "to", INT, 0, 1, 1LL << 40, 0, "last line"),
         IN(struct output_query, tail, "tail", INT, 0, 1, 1LL << 40, 0, "only so many lines at the end"));

int range_parse(struct str header, uint64_t size, uint64_t *ret_start, uint64_t *ret_length) {
  *ret_start = 0;
  *ret_length = size;
  if (!header.ptr || !str_starts(header, STR("bytes="))) return 200;
  struct str spec = str_trim(str_from(header, 6));
  size_t dash = str_find_char(spec, '-');
  if (dash == SIZE_MAX || str_find_char(spec, ',') != SIZE_MAX) return 200;
  struct str from = {spec.ptr, dash}, to = str_from(spec, dash + 1);
  int64_t first = 0, last = INT64_MAX;
  if ((from.len && !str_to_int(from, 0, INT64_MAX, &first)) ||
      (to.len && !str_to_int(to, 0, INT64_MAX, &last)))
    return 200;
  if (from.len == 0 && to.len == 0) return 200;
  if (from.len == 0) { /* the last so many bytes */
    uint64_t n = (uint64_t)last < size ? (uint64_t)last : size;
    if (n == 0) return 416;
    *ret_start = size - n;
    *ret_length = n;
    return 206;
  }
  if (last < first) return 200;
  if ((uint64_t)first >= size) return 416;
  uint64_t end = (uint64_t)last < size ? (uint64_t)last + 1 : size;
  *ret_start = (uint64_t)first;
  *ret_length = end - (uint64_t)first;
  return 206;
}

static size_t line_start(struct str text, int64_t line) { /* of line 1, 2, …; text.len past the end */
  size_t at = 0;
  for (int64_t i = 1; i < line && at < text.len; i++) {
    size_t newline = str_find_char(str_from(text, at), '\n');
    if (newline == SIZE_MAX) return text.len;
    at += newline + 1;
  }
  return at;
}

struct str lines_of(struct str text, int64_t first, int64_t last, int64_t tail) {
  if (!text.ptr) return STR("");
  size_t start = first > 1 ? line_start(text, first) : 0;
  size_t end = last > 0 ? line_start(text, last + 1) : text.len;
  if (tail > 0) {
    size_t at = end;
    if (at > start && text.ptr[at - 1] == '\n') at--;
    for (int64_t left = tail; at > start; at--)
      if (text.ptr[at - 1] == '\n' && --left == 0) break;
    start = at;
  }
  return (struct str){text.ptr + start, end > start ? end - start : 0};
}

/* The file is read on a work thread; the row's output stands in when it is gone. */
#define OUTPUT_BYTES_MAX (LIMIT_SPOOL_HEAD_BYTES + LIMIT_SPOOL_TAIL_BYTES + 65536)
struct output_read {
  struct call *call;
  char path[4096];
  struct buf bytes;
  enum err error;
};

static void send_output(struct call *c, struct str text) {
  const struct output_query *q = CALL_INPUT(c, struct output_query);
  bool has_lines = q->first || q->last || q->tail;
  uint64_t start = 0, length = text.len;
  int status = 200;
  if (has_lines) {
    struct str part = lines_of(text, q->first, q->last, q->tail);
    start = part.len ? (uint64_t)(part.ptr - text.ptr) : 0;
    length = part.len;
  } else {
    status = range_parse(http_request_header(c->req, "Range"), text.len, &start, &length);
    http_header(c->req, "Accept-Ranges", STR("bytes"));
  }
  char range[100];
  if (status == 206)
    (void)snprintf(range, sizeof range, "bytes %llu-%llu/%zu", (unsigned long long)start,
                   (unsigned long long)(start + length - 1), text.len);
  if (status == 416) (void)snprintf(range, sizeof range, "bytes */%zu", text.len);
  if (status != 200) http_header(c->req, "Content-Range", str_of(range));
  call_begin(c);
  if (status != 416) buf_add(&c->out, text.ptr + start, length);
  call_end_text(c, status, "text/plain; charset=utf-8");
}

static void read_output(void *arg) {
  struct output_read *o = arg;
  o->error = os_read_file(o->path, &o->bytes, NULL);
}

static struct str row_output(const struct call *c) {
  return c->run.run.output ? str_of(c->run.run.output) : STR("");
}

static void output_is_read(void *arg) {
  struct output_read *o = arg;
  struct call *c = o->call;
  struct str whole = o->bytes.ptr ? buf_str(&o->bytes) : STR("");
  send_output(c, o->error == ERR_OK ? whole : row_output(c));
  buf_free(&o->bytes);
  free(o);
}

void run_output(struct call *c) {
  struct output_read *o = calloc(1, sizeof *o);
  if (!o) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  o->call = c;
  o->bytes = buf_new(OUTPUT_BYTES_MAX);
  bool has_file = engine_spool_path(c->api->engine, c->run.run.no, o->path, sizeof o->path);
  if (!has_file) {
    free(o);
    send_output(c, row_output(c));
    return;
  }
  enum err e = work_submit(engine_work(c->api->engine), read_output, output_is_read, o);
  if (e == ERR_OK) return;
  free(o);
  call_fail(c, e);
}
