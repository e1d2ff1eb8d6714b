#include "store/store_filter.h"

#include "base/json.h"

/* ---- one question, two judges ---- */

static bool is_about_jobs(size_t key) {
  return key == FILTER_WORDS || key == RUNS_KEY_JOB || key == RUNS_KEY_CATEGORY || key == RUNS_KEY_TAG ||
         key == RUNS_KEY_OWNER;
}

static enum err part_of(const struct filter *f, bool of_jobs, struct arena *a, const struct filter **ret) {
  struct filter *part = ARENA_NEW(a, struct filter);
  if (!part) return arena_error(a);
  part->list = f->list;
  for (size_t i = 0; i < f->count; i++)
    if (is_about_jobs(f->terms[i].key) == of_jobs) part->terms[part->count++] = f->terms[i];
  *ret = part->count > 0 ? part : NULL;
  return ERR_OK;
}

enum err store_filter_split(const struct filter *f, struct arena *a, struct run_judges *ret) {
  *ret = (struct run_judges){};
  if (!f) return ERR_OK;
  TRY(part_of(f, true, a, &ret->jobs));
  return part_of(f, false, a, &ret->runs);
}

static struct filter_cell text_cell(const char *text) { return (struct filter_cell){.text = str_of(text)}; }
static struct filter_cell number_cell(int64_t number) { return (struct filter_cell){.number = number}; }
static struct filter_cell choice_cell(int64_t index) {
  return number_cell(index == FIELD_NULL ? FIELD_NULL : INT64_C(1) << index);
}

/* ---- jobs ---- */

struct job_view {
  const struct job *job;
  struct str tags, owner;
};

static void read_labels(struct job_view *v, struct arena *a) {
  JSON_AUTO json_t *object = NULL;
  BUF_AUTO struct buf tags = buf_new(4 * LIMIT_LABELS_BYTES);
  const char *key;
  json_t *value;
  if (!v->job->labels || json_parse(str_of(v->job->labels), &object, NULL) != ERR_OK) return;
  json_object_foreach(object, key, value) {
    const char *text = json_string_value(value);
    buf_addf(&tags, "%s\n", key);
    if (text && text[0]) buf_addf(&tags, "%s\n%s=%s\n", text, key, text);
    if (text && strcmp(key, "owner") == 0) v->owner = str_of(arena_strdup(a, str_of(text)));
  }
  if (tags.len && buf_error(&tags) == ERR_OK) v->tags = str_of(arena_strdup(a, buf_str(&tags)));
}

static struct filter_cell job_cell(const void *arg, size_t key) {
  const struct job_view *v = arg;
  if (key == RUNS_KEY_CATEGORY) return text_cell(v->job->category);
  if (key == RUNS_KEY_TAG) return (struct filter_cell){.text = v->tags};
  if (key == RUNS_KEY_OWNER) return (struct filter_cell){.text = v->owner};
  return text_cell(v->job->name);
}

bool store_filter_job(const struct filter *f, const struct job *job, struct arena *scratch) {
  struct job_view v = {.job = job};
  if (filter_asks(f, RUNS_KEY_TAG) || filter_asks(f, RUNS_KEY_OWNER)) read_labels(&v, scratch);
  return filter_fits(f, job_cell, &v);
}

/* ---- runs ---- */

static int64_t sum_ms(int64_t a_us, int64_t b_us) {
  return a_us == FIELD_NULL || b_us == FIELD_NULL ? FIELD_NULL : (a_us + b_us) / 1000;
}

static struct filter_cell run_cell(const void *arg, size_t key) {
  const struct run *r = arg;
  switch ((enum filter_runs_key)key) {
    case RUNS_KEY_STATUS: return choice_cell(r->status);
    case RUNS_KEY_STARTED: return number_cell(r->started_ms == FIELD_NULL ? r->queued_ms : r->started_ms);
    case RUNS_KEY_TOOK: return number_cell(r->duration_ms);
    case RUNS_KEY_LAG: return number_cell(r->lag_ms);
    case RUNS_KEY_TRIGGER: return choice_cell(r->trigger);
    case RUNS_KEY_REASON: return choice_cell(r->reason);
    case RUNS_KEY_EXIT: return number_cell(r->exit_code);
    case RUNS_KEY_ATTEMPT: return number_cell(r->attempt);
    case RUNS_KEY_ERROR: return text_cell(r->error_message);
    case RUNS_KEY_WHO: return text_cell(r->requested_by);
    case RUNS_KEY_MEMORY: return number_cell(r->peak_memory_bytes);
    case RUNS_KEY_CPU: return number_cell(sum_ms(r->cpu_user_us, r->cpu_system_us));
    case RUNS_KEY_JOB: /* judged apart */
    case RUNS_KEY_CATEGORY:
    case RUNS_KEY_TAG:
    case RUNS_KEY_OWNER:
    case RUNS_KEY_COUNT: break;
  }
  return number_cell(FIELD_NULL);
}

bool store_filter_run(const struct filter *f, const struct run *run) { return filter_fits(f, run_cell, run); }

/* ---- the audit log ---- */

static struct filter_cell audit_cell(const void *arg, size_t key) {
  const struct audit_log_row *row = arg;
  if (key == FILTER_WORDS) return text_cell(row->object ? row->object : row->action);
  switch ((enum filter_audit_key)key) {
    case AUDIT_KEY_WHO: return text_cell(row->actor);
    case AUDIT_KEY_WHAT: return text_cell(row->action);
    case AUDIT_KEY_TARGET: return text_cell(row->object);
    case AUDIT_KEY_AT: return number_cell(row->at_ms);
    case AUDIT_KEY_ADDRESS: return text_cell(row->address);
    case AUDIT_KEY_REQUEST: return text_cell(row->request_id);
    case AUDIT_KEY_COUNT: break;
  }
  return number_cell(FIELD_NULL);
}

bool store_filter_audit(const struct filter *f, const struct audit_log_row *row) {
  return filter_fits(f, audit_cell, row);
}
