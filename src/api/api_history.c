/* What a job was, and making it so again. */
#include "api/api_jobs.h"
#include "api/cursor.h"
#include "api/job_edit.h"
#include "api/render.h"

struct history_query {
  const char *cursor;
  int64_t limit;
};
SHAPE_OF(history_query, "JobHistoryQuery", sizeof(struct history_query),
         IN(struct history_query, cursor, "cursor", TEXT, 0, 1, 1000, FIELD_NULL,
            "nextCursor of the page before"),
         IN(struct history_query, limit, "limit", INT, 0, 1, 200, 50, "versions on a page"));
SHAPE_OF(job_version, "JobVersion", 0, OUT("version", INT, 0, "1, 2, …"),
         OUT("at", INSTANT, 0, "when it was made"), OUT("actor", TEXT, FIELD_NULLABLE, "who made it"),
         OUT("governsFrom", INSTANT, FIELD_NULLABLE, "due instants after it"),
         OUT("governsTo", INSTANT, FIELD_NULLABLE, "and up to it; null while it does"),
         OUT("before", JSON, FIELD_NULLABLE, "the fields that it changed, as they were; null in the first"),
         OUT("after", JSON, 0, "and as they became; in the first: all"));
static const struct shape_part history_page_parts[] = {{"data", &job_version_shape, PART_LIST}};
SHAPE_PARTS(history_page, "JobHistory", NULL, history_page_parts,
            OUT("nextCursor", TEXT, FIELD_NULLABLE, "for the next page; null on the last"),
            OUT("jobId", TEXT, 0, ""), OUT("jobName", TEXT, 0, "as it was called last"),
            OUT("isDeleted", BOOL, 0, "the job is gone; restoring makes it anew"));

/* What only the server writes is no change of anybody's. */
static void forget_read_only(struct job *job) {
  for (size_t i = 0; i < job_field_count; i++) {
    const struct field *f = &job_fields[i];
    if (!(f->flags & FIELD_READ_ONLY)) continue;
    if (f->type == FIELD_TEXT || f->type == FIELD_JSON) field_set_text(f, job, NULL);
    else field_set_int(f, job, FIELD_NULL);
  }
}

static void write_bound(struct json_writer *w, const char *key, int64_t at_ms) {
  jw_key(w, key);
  if (at_ms == INSTANT_NEVER || at_ms <= 0) jw_null(w);
  else jw_instant(w, at_ms);
}

static void write_version(struct json_writer *w, const struct version_item *v,
                          const struct version_item *older, const struct render *r) {
  struct job *now = job_copy(v->job), *was = older ? job_copy(older->job) : NULL;
  const char *before = NULL, *after = NULL;
  if (now) forget_read_only(now);
  if (was) forget_read_only(was);
  if (now && was) render_job_diff(was, now, r, &before, &after);
  else if (now) after = render_job_audit(now, r);
  jw_object(w);
  jw_kint(w, "version", v->job->version);
  jw_kinstant(w, "at", v->made_ms);
  jw_ktext(w, "actor", v->actor);
  write_bound(w, "governsFrom", v->from_ms);
  write_bound(w, "governsTo", v->to_ms);
  jw_key(w, "before");
  if (before) jw_raw(w, str_of(before));
  else jw_null(w);
  jw_key(w, "after");
  jw_raw(w, after ? str_of(after) : STR("{}"));
  jw_object_end(w);
  job_unref(now);
  job_unref(was);
}

/* One version more than the page has was read: the last one's changes are told against it. */
static void on_page(struct call *c, struct store_read *read) {
  const struct history_query *q = CALL_INPUT(c, struct history_query);
  size_t count = read->count > (size_t)q->limit ? (size_t)q->limit : read->count;
  BUF_AUTO struct buf cursor = buf_new(1000);
  struct json_writer *w = call_begin(c);
  render_page_begin(w);
  for (size_t i = 0; i < count; i++) {
    struct arena scratch = arena_new(4 * 1024 * 1024);
    const struct version_item *older = i + 1 < read->count ? &read->versions[i + 1] : NULL;
    write_version(w, &read->versions[i], older, &(struct render){c->api->engine, &scratch});
    arena_free(&scratch);
  }
  jw_array_end(w);
  if (count > 0 && (read->count > count || read->has_more))
    cursor_of_number(&cursor, read->versions[count - 1].job->version);
  jw_ktext(w, "nextCursor", cursor.len ? buf_text(&cursor) : NULL);
  const struct job *named = c->job ? c->job : count ? read->versions[0].job : NULL;
  jw_ktext(w, "jobId", named ? named->id : NULL);
  jw_ktext(w, "jobName", named ? named->name : NULL);
  jw_kbool(w, "isDeleted", c->job == NULL);
  jw_object_end(w);
  call_end(c, 200);
}

struct asking {
  call_read_fn *found;
  int64_t after; /* versions below it; 0: all */
  size_t limit;
};

static void on_versions(struct call *c, struct store_read *read) {
  call_read_fn *found = *(call_read_fn *const *)c->state;
  enum err e = read->error;
  c->detail = read->detail;
  if (e == ERR_OK && !c->job && read->count > 0 && job_is_test(read->versions[0].job))
    e = err_set(&c->detail, ERR_NOT_FOUND, "job", 0, "there is no such job");
  if (e == ERR_OK && !c->job && read->count > 0)
    e = call_check_job(c, read->versions[0].job, c->route->flags & ROUTE_WRITE);
  if (e == ERR_OK) found(c, read);
  else call_fail(c, e);
}

static void ask_versions(struct call *c, const struct asking *how) {
  struct store_read *r = call_new_read(c, READ_VERSIONS);
  call_read_fn **found = r ? ARENA_NEW(&c->req->arena, call_read_fn *) : NULL;
  if (!r) return;
  if (!found) {
    store_read_free(r);
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  *found = how->found;
  r->no = c->job ? c->job->no : 0;
  if (!c->job) r->id = r->name = c->args[0];
  r->after = how->after;
  r->limit = how->limit;
  c->state = found;
  call_read_any(c, r, on_versions);
}

/* c->job is the living one, or NULL; true: go on. */
static bool take_living(struct call *c, const struct store_read *read) {
  enum err e = read->error;
  if (e == ERR_OK) {
    c->job = job_ref(read->jobs[0].job);
    e = call_check_job(c, c->job, c->route->flags & ROUTE_WRITE);
  } else if (e == ERR_NOT_FOUND) {
    return true;
  } else {
    c->detail = read->detail;
  }
  if (e != ERR_OK) call_fail(c, e);
  return e == ERR_OK;
}

static void ask_page(struct call *c, struct store_read *read) {
  const struct history_query *q = CALL_INPUT(c, struct history_query);
  int64_t after = 0;
  if (!take_living(c, read)) return;
  enum err e = q->cursor ? cursor_to_number(str_of(q->cursor), &after, &c->detail) : ERR_OK;
  if (e != ERR_OK) call_fail(c, e);
  else ask_versions(c, &(struct asking){.found = on_page, .after = after, .limit = (size_t)q->limit + 1});
}

void job_history(struct call *c) { call_read_job(c, c->args[0], ask_page); }

/* ---- restoring ---- */

static void restored(struct call *c, const struct engine_answer *answer) {
  job_answer(c, answer->change->job.saved, c->job ? 200 : 201);
}

static void on_version(struct call *c, struct store_read *read) {
  int64_t version = 0;
  (void)str_to_int(c->args[1], 1, INT64_MAX - 1, &version);
  if (read->count == 0 || read->versions[0].job->version != version) {
    call_refuse(c, ERR_NOT_FOUND, "version", "the job has no such version");
    return;
  }
  struct job *draft = job_copy(read->versions[0].job);
  if (!draft) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  forget_read_only(draft);
  if (c->job) {
    draft->id = c->job->id;
    draft->created_ms = c->job->created_ms;
  }
  draft->no = c->job ? c->job->no : 0;
  job_save(c, &(struct job_save){.old = c->job,
                                 .draft = draft,
                                 .action = "job.restore",
                                 .if_updated_ms = c->job ? c->job->updated_ms : FIELD_NULL,
                                 .done = restored});
  job_unref(draft);
}

static void ask_version(struct call *c, struct store_read *read) {
  int64_t version;
  if (!take_living(c, read)) return;
  if (!str_to_int(c->args[1], 1, INT64_MAX - 1, &version)) {
    call_refuse(c, ERR_INVALID, "version", "a number from 1");
    return;
  }
  ask_versions(c, &(struct asking){.found = on_version, .after = version + 1, .limit = 1});
}

void job_restore(struct call *c) { call_read_job(c, c->args[0], ask_version); }
