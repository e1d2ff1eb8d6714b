#include "api/render.h"

#include "api/mask.h"

static const struct shape job_shape = {.name = "Job", .fields = job_fields, .field_count = &job_field_count};
static const struct shape run_shape = {.name = "ExecutionFields",
                                       .fields = run_fields,
                                       .field_count = &run_field_count};
const struct shape settings_shape = {.name = "Settings",
                                     .fields = settings_fields,
                                     .field_count = &settings_field_count};

SHAPE_OVER(job_input, "JobInput", &job_shape, OUT("maxRetries", INT, 0, "another name of retries"));
SHAPE_OVER(job_answer, "JobAnswer", &job_input_shape, OUT("version", INT, 0, "of the definition: 1, 2, …"));
static const struct shape_part job_row_parts[] = {{"lastExecution", &run_row_shape, PART_NULLABLE}};
SHAPE_PARTS(job_row, "JobRow", &job_answer_shape, job_row_parts,
            OUT_ENUM("gate", 0, gate_names, "why it does not start now; open = it does"));
SHAPE_OVER(run_row, "Execution", &run_shape,
           OUT("jobName", TEXT, FIELD_NULLABLE, "null when the job is gone"),
           OUT("jobCategory", TEXT, FIELD_NULLABLE, ""));
SHAPE_OF(occurrence, "Occurrence", 0,
         OUT("dueAt", INSTANT, 0, "the scheduled instant; of a stretch the first"),
         OUT("lastDueAt", INSTANT, 0, "of a stretch the last"), OUT("count", INT, 0, "instants in it"),
         OUT_ENUM("state", 0, occurrence_state_names, "verdict"), OUT_ENUM("reason", 0, reason_names, "why"),
         OUT("reasonText", TEXT, 0, "why, in words"), OUT("version", INT, 0, "of the job's definition"),
         OUT("attempts", INT, 0, ""));

/* ---- jobs ---- */

static bool is_params(const struct field *f) { return f->offset == offsetof(struct job, params); }

/* A JSON field of a job as it is shown. */
static struct str shown_json(const struct field *f, const struct job *job, const struct render *r) {
  struct mask_rules rules = {};
  if (is_params(f)) rules = engine_mask_rules(r->engine, job->command, true, r->arena);
  return str_of(mask_json_text(field_text(f, job), &rules, r->arena));
}

static void write_job_fields(struct json_writer *w, const struct job *job, const struct render *r) {
  for (size_t i = 0; i < job_field_count; i++) {
    const struct field *f = &job_fields[i];
    const char *text = f->type == FIELD_JSON ? field_text(f, job) : NULL;
    if (!text) {
      fields_to_json(f, 1, job, w);
      continue;
    }
    jw_key(w, f->name);
    jw_raw(w, shown_json(f, job, r));
  }
}

void render_job(struct json_writer *w, const struct job *job, const struct render *r) {
  jw_object(w);
  write_job_fields(w, job, r);
  jw_kint(w, "maxRetries", job->retries);
  jw_kint(w, "version", job->version);
  jw_object_end(w);
}

void render_job_row(struct json_writer *w, const struct job_row *row, const struct render *r) {
  jw_object(w);
  write_job_fields(w, row->job, r);
  jw_kint(w, "maxRetries", row->job->retries);
  jw_kint(w, "version", row->job->version);
  jw_ktext(w, "gate", gate_text(row->gate));
  jw_key(w, "lastExecution");
  struct run_row last = {.run = row->last_run};
  render_name_run(&last, row->job);
  if (row->has_last_run) render_run_row(w, &last, false, r);
  else jw_null(w);
  jw_object_end(w);
}

/* ---- executions ---- */

void render_name_run(struct run_row *row, const struct job *job) {
  row->job_name = job->name;
  row->job_category = job->category;
  row->job_command = job->command;
  row->job_version = job->version;
}

/* Parameters of its own were meant for the executor that the job had then. */
static struct str shown_params(const struct run_row *row, const struct render *r) {
  bool is_surely = row->run.version == row->job_version;
  struct mask_rules rules = engine_mask_rules(r->engine, row->job_command, is_surely, r->arena);
  return str_of(mask_json_text(row->run.params, &rules, r->arena));
}

void render_run_row(struct json_writer *w, const struct run_row *row, bool with_output,
                    const struct render *r) {
  jw_object(w);
  for (size_t i = 0; i < run_field_count; i++) {
    const struct field *f = &run_fields[i];
    bool is_output = f->offset == offsetof(struct run, output),
         is_own_params = f->offset == offsetof(struct run, params) && row->run.params;
    if (is_output && !with_output) continue;
    if (is_own_params) {
      jw_key(w, f->name);
      jw_raw(w, shown_params(row, r));
    } else {
      fields_to_json(f, 1, &row->run, w);
    }
  }
  jw_ktext(w, "jobName", row->job_name);
  jw_ktext(w, "jobCategory", row->job_category);
  jw_object_end(w);
}

void render_settings(struct json_writer *w, const struct settings *s) {
  jw_object(w);
  fields_to_json(settings_fields, settings_field_count, s, w);
  jw_object_end(w);
}

/* ---- pages ---- */

void render_page_begin(struct json_writer *w) {
  jw_object(w);
  jw_key(w, "data");
  jw_array(w);
}

void render_page_end(struct json_writer *w, const char *next_cursor) {
  jw_array_end(w);
  jw_ktext(w, "nextCursor", next_cursor);
  jw_object_end(w);
}

/* ---- for the audit log ---- */

static const char *kept(struct buf *b, struct arena *arena) {
  const char *text = buf_error(b) ? NULL : arena_strdup(arena, buf_str(b));
  buf_free(b);
  return text;
}

const char *render_job_audit(const struct job *job, const struct render *r) {
  struct buf out = buf_new(512 * 1024);
  struct json_writer w = jw_new(&out);
  jw_object(&w);
  write_job_fields(&w, job, r);
  jw_object_end(&w);
  return kept(&out, r->arena);
}

struct diff {
  const struct field *fields;
  size_t count;
  const void *old, *new;
  const struct render *render; /* of jobs; NULL: settings, which hide what is secret by themselves */
};

static struct str one_field(const struct field *f, const void *record, struct buf *out) {
  struct json_writer w = jw_new(out);
  buf_clear(out);
  fields_to_json(f, 1, record, &w);
  return buf_str(out);
}

/* A secret that changed shows as changed, not as what it is. */
static void add_field(struct json_writer *w, const struct field *f, const void *record, const struct diff *d,
                      struct arena *arena) {
  const char *json = f->type == FIELD_JSON ? field_text(f, record) : NULL;
  if (!json) {
    fields_to_json(f, 1, record, w);
    return;
  }
  jw_key(w, f->name);
  jw_raw(w, d->render ? shown_json(f, record, d->render) : str_of(mask_json_text(json, NULL, arena)));
}

static bool is_same(const struct field *f, const struct diff *d, struct buf *a, struct buf *b) {
  if (f->type == FIELD_TEXT || f->type == FIELD_JSON)
    return str_eq(str_of(field_text(f, d->old)), str_of(field_text(f, d->new))) &&
           !field_text(f, d->old) == !field_text(f, d->new);
  return str_eq(one_field(f, d->old, a), one_field(f, d->new, b));
}

static void diff_write(const struct diff *d, struct arena *arena, const char **ret_before,
                       const char **ret_after) {
  struct buf before = buf_new(512 * 1024), after = buf_new(512 * 1024);
  BUF_AUTO struct buf a = buf_new(4096);
  BUF_AUTO struct buf b = buf_new(4096);
  struct json_writer wb = jw_new(&before), wa = jw_new(&after);
  jw_object(&wb);
  jw_object(&wa);
  for (size_t i = 0; i < d->count; i++) {
    if (is_same(&d->fields[i], d, &a, &b)) continue;
    add_field(&wb, &d->fields[i], d->old, d, arena);
    add_field(&wa, &d->fields[i], d->new, d, arena);
  }
  jw_object_end(&wb);
  jw_object_end(&wa);
  *ret_before = kept(&before, arena);
  *ret_after = kept(&after, arena);
}

void render_job_diff(const struct job *old, const struct job *new, const struct render *r,
                     const char **ret_before, const char **ret_after) {
  struct diff d = {job_fields, job_field_count, old, new, r};
  diff_write(&d, r->arena, ret_before, ret_after);
}

void render_settings_diff(const struct settings *old, const struct settings *new, struct arena *arena,
                          const char **ret_before, const char **ret_after) {
  struct diff d = {settings_fields, settings_field_count, old, new, NULL};
  diff_write(&d, arena, ret_before, ret_after);
}

void render_audit_text(struct json_writer *w, const char *key, const char *json, const struct render *r) {
  struct mask_rules rules = engine_mask_rules(r->engine, "", false, r->arena);
  jw_key(w, key);
  if (json) jw_raw(w, str_of(mask_json_member(json, "params", &rules, r->arena)));
  else jw_null(w);
}
