/* /api/cron/jobs: list, read, create, edit, replace, delete. */
#include "api/api_jobs.h"

#include "api/cursor.h"
#include "api/job_edit.h"
#include "api/render.h"
#include "api/roster.h"

/* ---- lists ---- */

struct jobs_found {
  int64_t matched;
  bool has_more;
};

struct jobs_query {
  const char *category, *search, *label, *status, *cursor, *q;
  int64_t active, limit;
};
SHAPE_OF(
    jobs_query, "JobsQuery", sizeof(struct jobs_query),
    IN(struct jobs_query, category, "category", TEXT, 0, 1, LIMIT_NAME_BYTES, FIELD_NULL,
       "only this category"),
    IN(struct jobs_query, search, "search", TEXT, 0, 1, LIMIT_NAME_BYTES, FIELD_NULL,
       "part of name or description"),
    IN(struct jobs_query, label, "label", TEXT, 0, 1, LIMIT_NAME_BYTES, FIELD_NULL, "key=value or key"),
    IN(struct jobs_query, status, "status", TEXT, 0, 1, 200, FIELD_NULL,
       "of the last run; several with commas"),
    IN(struct jobs_query, active, "active", BOOL, 0, 0, 1, FIELD_NULL, "only active or only inactive ones"),
    IN(struct jobs_query, q, "q", TEXT, 0, 0, FILTER_BYTES_MAX, FIELD_NULL,
       "the filter language, instead of the five before: status:failed tag:SYNC p95>30s next<10m -tag:test"),
    IN(struct jobs_query, cursor, "cursor", TEXT, 0, 1, 1000, FIELD_NULL, "nextCursor of the page before"),
    IN(struct jobs_query, limit, "limit", INT, 0, 1, LIMIT_PAGE, CALL_PAGE_DEFAULT, "jobs on a page"));
static const struct shape_part job_page_parts[] = {{"data", &job_row_shape, PART_LIST}};
SHAPE_PARTS(job_page, "JobPage", NULL, job_page_parts,
            OUT("nextCursor", TEXT, FIELD_NULLABLE, "for the next page; null on the last"),
            OUT("total", INT, FIELD_NULLABLE,
                "all jobs; with q those that fit; null when filtered otherwise"));

static bool is_filtered(const struct jobs_query *q) {
  return q->category || q->search || q->label || q->status || q->active != FIELD_NULL || q->q;
}

static void on_jobs(struct call *c, struct store_read *read) {
  const struct jobs_found *found = c->state; /* of q: how many fit, and whether more follow */
  struct json_writer *w = call_begin(c);
  BUF_AUTO struct buf cursor = buf_new(1000);
  render_page_begin(w);
  for (size_t i = 0; i < read->count; i++) {
    struct arena scratch = arena_new(1024 * 1024);
    render_job_row(w, &read->jobs[i], &(struct render){c->api->engine, &scratch});
    arena_free(&scratch);
  }
  if ((found ? found->has_more : read->has_more) && read->count > 0)
    cursor_of_text(&cursor, str_of(read->jobs[read->count - 1].job->name));
  jw_array_end(w);
  jw_ktext(w, "nextCursor", cursor.len ? buf_text(&cursor) : NULL);
  const struct jobs_query *q = CALL_INPUT(c, struct jobs_query);
  jw_key(w, "total"); /* the store counts all jobs */
  if (found) jw_int(w, found->matched);
  else if (read->total >= 0 && !is_filtered(q)) jw_int(w, read->total);
  else jw_null(w);
  jw_object_end(w);
  call_end(c, 200);
}

/* q is answered from the roster, which knows the numbers; the store gives the rows. */
static void on_found(void *arg, enum err e, const struct roster_found *f) {
  struct call *c = arg;
  size_t limit = (size_t)CALL_INPUT(c, struct jobs_query)->limit;
  struct jobs_found *found = ARENA_NEW(&c->req->arena, struct jobs_found);
  struct store_read *r = call_new_read(c, READ_JOBS);
  if (!r) return;
  int64_t *nos = ARENA_ARRAY(&r->arena, int64_t, f->count + 1);
  if (e == ERR_OK && (!found || !nos)) e = ERR_NO_MEMORY;
  if (e != ERR_OK) {
    store_read_free(r);
    call_fail(c, e);
    return;
  }
  found->matched = (int64_t)f->matched;
  found->has_more = f->count > limit;
  for (; r->no_count < f->count && r->no_count < limit; r->no_count++)
    nos[r->no_count] = f->views[r->no_count].row->no;
  r->nos = nos;
  c->state = found;
  if (r->no_count > 0) {
    call_read(c, r, on_jobs);
    return;
  }
  on_jobs(c, r);
  store_read_free(r);
}

static void on_roster(void *arg, enum err e) {
  struct call *c = arg;
  const struct jobs_query *q = CALL_INPUT(c, struct jobs_query);
  struct roster_query wanted = {.sort = ROSTER_BY_NAME, .limit = (size_t)q->limit + 1};
  char after[LIMIT_NAME_BYTES + 1] = "";
  if (e == ERR_OK && q->cursor) e = cursor_to_text(str_of(q->cursor), after, sizeof after, &c->detail);
  if (q->cursor) wanted.after = str_of(after);
  if (e == ERR_OK)
    e = filter_parse(&filter_jobs, str_of(q->q), call_now_ms(c), &c->req->arena, &wanted.filter, &c->detail);
  if (e == ERR_OK) roster_find(c->api->roster, &wanted, on_found, c);
  else call_fail(c, e);
}

/* People write key=value; the store asks for key:value or key. */
static struct str label_of(struct call *c, const char *label) {
  char *text = label ? arena_strdup(&c->req->arena, str_of(label)) : NULL;
  size_t at = str_find_char(str_of(text), '=');
  if (at != SIZE_MAX) text[at] = ':';
  return str_of(text);
}

void jobs_list(struct call *c) {
  const struct jobs_query *q = CALL_INPUT(c, struct jobs_query);
  char after[LIMIT_NAME_BYTES + 1];
  unsigned status = 0;
  enum err e = mask_parse(q->status, run_status_names, "status", &status, &c->detail);
  if (e == ERR_OK && q->cursor) e = cursor_to_text(str_of(q->cursor), after, sizeof after, &c->detail);
  if (e == ERR_OK && q->q && (q->category || q->search || q->label || q->status || q->active != FIELD_NULL))
    e = err_set(&c->detail, ERR_INVALID, "q", 0,
                "q says it all: leave out category, search, label, status, active");
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  if (q->q) {
    roster_want(c->api->roster, SIZE_MAX, on_roster, c);
    return;
  }
  struct store_read *r = call_new_read(c, READ_JOBS);
  if (!r) return;
  r->category = str_of(q->category);
  r->contains = str_of(q->search);
  r->label = label_of(c, q->label);
  r->status_mask = status;
  r->is_active = q->active == FIELD_NULL ? -1 : (int)q->active;
  r->limit = (size_t)q->limit;
  if (q->cursor) {
    const char *kept = arena_strdup(&c->req->arena, str_of(after));
    r->after_text = str_of(kept);
  }
  call_read(c, r, on_jobs);
}

void job_get(struct call *c) {
  c->etag = etag_of(&c->req->arena, c->job->updated_ms);
  c->row.job = c->job;
  render_job_row(call_begin(c), &c->row, &RENDER(c));
  call_end(c, 200);
}

/* ---- writing ---- */

SHAPE_OF(proposed_id, "ProposedId", 0,
         OUT("id", TEXT, 0, "nobody's yet; give it as id when creating, and as seed to explain before"));

/* What answers carry beside the fields of the table; in a PUT (read, changed, sent back) it is left out. */
static const char *const extras[] = {"lastExecution", "gate", "version", "maxRetries"};

/* maxRetries is another name of retries (C-113). */
static enum err take_alias(struct call *c) {
  json_t *alias = json_object_get(c->body, "maxRetries"), *own = json_object_get(c->body, "retries");
  bool is_put = c->req->method == HTTP_PUT;
  if (!alias) return ERR_OK;
  if (own && !is_put && !json_equal(alias, own))
    return err_set(&c->detail, ERR_INVALID, "maxRetries", 0,
                   "it is another name of retries; give one of them");
  if (!own && json_object_set(c->body, "retries", alias) != 0) return ERR_NO_MEMORY;
  (void)json_object_del(c->body, "maxRetries");
  return ERR_OK;
}

static void drop_read_only(json_t *body) {
  for (size_t i = 0; i < sizeof extras / sizeof *extras; i++) (void)json_object_del(body, extras[i]);
  for (size_t i = 0; i < job_field_count; i++)
    if (job_fields[i].flags & FIELD_READ_ONLY) (void)json_object_del(body, job_fields[i].name);
}

enum err job_draft_edit(struct call *c, const struct job *old, struct job **ret) {
  bool is_put = c->req->method == HTTP_PUT;
  struct job *draft = job_copy(old);
  if (!draft) return ERR_NO_MEMORY;
  enum err e = take_alias(c);
  if (is_put) drop_read_only(c->body);
  if (e == ERR_OK) e = job_restore_masked(c, old);
  if (is_put) {
    for (size_t i = 0; i < job_field_count; i++) {
      const struct field *f = &job_fields[i];
      if (f->flags & FIELD_READ_ONLY || f->offset == offsetof(struct job, system_id)) continue;
      if (f->flags & FIELD_REQUIRED && !json_object_get(c->body, f->name) && e == ERR_OK)
        e = err_set(&c->detail, ERR_INVALID, f->name, 0, "%s is required", f->name);
      if (f->type == FIELD_TEXT || f->type == FIELD_JSON) field_set_text(f, draft, NULL);
      else field_set_int(f, draft, f->otherwise);
    }
  }
  if (e == ERR_OK)
    e = fields_from_json(job_fields, job_field_count, c->body, FIELD_PATCH, draft, &c->req->arena,
                         &c->detail);
  if (e == ERR_OK) *ret = draft;
  else job_unref(draft);
  return e;
}

static void created(struct call *c, const struct engine_answer *answer) {
  job_answer(c, answer->change->job.saved, 201);
}

/* H, ~ and splay follow the id, so who was shown them under one may create the job under it. That it is nobody's yet is
 * seen to where it is saved. */
static enum err take_id(struct call *c, const char **ret) {
  const json_t *given = json_object_get(c->body, "id");
  struct str text = json_text_at(c->body, "id");
  int64_t number;
  if (!given) return ERR_OK;
  if (!id_from_text(text, &number)) {
    enum err e = err_set(&c->detail, ERR_INVALID, "id", 0, "this is no id made by the server");
    err_hint(&c->detail, "leave it out, or take the one that the preview or GET /api/cron/job-id proposes");
    return e;
  }
  *ret = arena_strdup(&c->req->arena, text);
  (void)json_object_del(c->body, "id");
  return *ret ? ERR_OK : ERR_NO_MEMORY;
}

const char *job_propose_id(struct call *c) {
  struct id_text id = id_to_text(id_next(&c->api->ids, call_now_ms(c)) | ID_PROPOSED);
  return arena_strdup(&c->req->arena, str_of(id.text));
}

void job_id_propose(struct call *c) {
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_ktext(w, "id", job_propose_id(c));
  jw_object_end(w);
  call_end(c, 200);
}

enum err job_draft_new(struct call *c, struct job *ret) {
  const char *id = NULL;
  job_init(ret);
  TRY(take_alias(c));
  TRY(take_id(c, &id));
  TRY(job_check_masks(c, json_object_get(c->body, "params"), json_text_at(c->body, "command")));
  TRY(fields_from_json(job_fields, job_field_count, c->body, FIELD_CREATE, ret, &c->req->arena, &c->detail));
  ret->id = id;
  return ERR_OK;
}

void job_create(struct call *c) {
  struct job draft;
  enum err e = job_draft_new(c, &draft);
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  job_save(c, &(struct job_save){
                  .draft = &draft, .action = "job.create", .if_updated_ms = FIELD_NULL, .done = created});
}

/* Without If-Match two edits of different fields at one moment shall both count: the later one is made
 * again on what the earlier one left. */
#define EDIT_TRIES 5
struct edit_state {
  int64_t if_match_ms;
  int tries;
};

static void edit(struct call *c, struct edit_state *state);

static void on_fresh(struct call *c, struct store_read *read) {
  struct edit_state *state = c->input;
  if (read->error != ERR_OK) {
    c->detail = read->detail;
    call_fail(c, read->error);
    return;
  }
  job_unref(c->job);
  c->job = job_ref(read->jobs[0].job);
  enum err e = call_check_job(c, c->job, true);
  if (e != ERR_OK) call_fail(c, e);
  else edit(c, state);
}

static void edited(struct call *c, const struct engine_answer *answer) {
  struct edit_state *state = c->input;
  bool may_try =
      answer->error == ERR_PRECONDITION && state->if_match_ms == FIELD_NULL && ++state->tries < EDIT_TRIES;
  if (answer->error == ERR_OK) {
    job_answer(c, answer->change->job.saved, 200);
  } else if (may_try) {
    struct store_read *r = call_new_read(c, READ_JOB);
    if (!r) return;
    r->no = c->job->no;
    call_read_any(c, r, on_fresh);
  } else {
    c->detail = answer->detail;
    call_fail(c, answer->error);
  }
}

static void edit(struct call *c, struct edit_state *state) {
  struct job *draft = NULL;
  enum err e = job_draft_edit(c, c->job, &draft);
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  bool has_match = state->if_match_ms != FIELD_NULL;
  job_save(c, &(struct job_save){.old = c->job,
                                 .draft = draft,
                                 .action = c->req->method == HTTP_PUT ? "job.replace" : "job.update",
                                 .if_updated_ms = has_match ? state->if_match_ms : c->job->updated_ms,
                                 .done = edited,
                                 .takes_precondition = true});
  job_unref(draft);
}

void job_edit(struct call *c) {
  struct edit_state *state = ARENA_NEW(&c->req->arena, struct edit_state);
  enum err e = state
                   ? if_match_parse(http_request_header(c->req, "If-Match"), &state->if_match_ms, &c->detail)
                   : ERR_NO_MEMORY;
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  c->input = state;
  edit(c, state);
}

static void deleted(struct call *c, const struct engine_answer *answer) {
  (void)answer;
  call_end_empty(c, 204);
}

void job_delete(struct call *c) {
  int64_t if_match_ms;
  enum err e = if_match_parse(http_request_header(c->req, "If-Match"), &if_match_ms, &c->detail);
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  struct change *change = call_new_change(c, CHANGE_JOB_DELETE);
  if (!change) return;
  change->job.job_no = c->job->no;
  change->job.job = job_ref(c->job);
  change->job.if_updated_ms = if_match_ms;
  call_note(c, change, "job.delete", arena_printf(&c->req->arena, "job:%s", c->job->name),
            render_job_audit(c->job, &RENDER(c)), NULL);
  call_edit(c, change, deleted);
}
