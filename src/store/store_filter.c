#include "store/store_filter.h"

#include "base/json.h"

/* ---- what is known of jobs ---- */

struct job_facts {
  struct str name, category, tags, owner;
};

struct facts_walk {
  struct arena *arena;
  struct map *jobs;
  enum err error;
};

static struct str kept(struct arena *a, const char *text) {
  return text ? str_of(arena_strdup(a, str_of(text))) : STR_NONE;
}

static void read_labels(struct job_facts *f, const char *labels, struct arena *a) {
  JSON_AUTO json_t *object = NULL;
  BUF_AUTO struct buf tags = buf_new(4 * LIMIT_LABELS_BYTES);
  const char *key;
  json_t *value;
  if (!labels || json_parse(str_of(labels), &object, NULL) != ERR_OK) return;
  json_object_foreach(object, key, value) {
    const char *text = json_string_value(value);
    buf_addf(&tags, "%s\n", key);
    if (text && text[0]) buf_addf(&tags, "%s\n%s=%s\n", text, key, text);
    if (text && strcmp(key, "owner") == 0) f->owner = kept(a, text);
  }
  if (tags.len && buf_error(&tags) == ERR_OK) f->tags = str_of(arena_strdup(a, buf_str(&tags)));
}

static bool take_facts(void *arg, const void *record) {
  struct facts_walk *w = arg;
  const struct job *job = record;
  struct job_facts *f = ARENA_NEW(w->arena, struct job_facts);
  if (!f) {
    w->error = arena_error(w->arena);
    return false;
  }
  f->name = kept(w->arena, job->name);
  f->category = kept(w->arena, job->category);
  read_labels(f, job->labels, w->arena);
  w->error = map_put(w->jobs, (uint64_t)job->no, f);
  return w->error == ERR_OK;
}

enum err store_filter_jobs(struct rows *rows, const struct filter *f, struct arena *a, struct map *ret) {
  struct facts_walk w = {.arena = a, .jobs = ret};
  bool asks = filter_asks(f, RUNS_KEY_JOB) || filter_asks(f, RUNS_KEY_CATEGORY) ||
              filter_asks(f, RUNS_KEY_TAG) || filter_asks(f, RUNS_KEY_OWNER) || filter_asks(f, FILTER_WORDS);
  if (!asks) return ERR_OK;
  TRY(rows->ops->scan(rows, SCAN_JOB_ALL, &SCAN_ALL, take_facts, &w));
  return w.error;
}

/* ---- runs ---- */

struct run_view {
  const struct run *run;
  const struct job_facts *job;
};

static struct filter_cell text_cell(const char *text) { return (struct filter_cell){.text = str_of(text)}; }
static struct filter_cell number_cell(int64_t number) { return (struct filter_cell){.number = number}; }
static struct filter_cell choice_cell(int64_t index) {
  return number_cell(index == FIELD_NULL ? FIELD_NULL : INT64_C(1) << index);
}

static int64_t sum_ms(int64_t a_us, int64_t b_us) {
  return a_us == FIELD_NULL || b_us == FIELD_NULL ? FIELD_NULL : (a_us + b_us) / 1000;
}

static struct filter_cell run_cell(const void *arg, size_t key) {
  static const struct job_facts nobody;
  const struct run_view *v = arg;
  const struct run *r = v->run;
  const struct job_facts *job = v->job ? v->job : &nobody;
  if (key == FILTER_WORDS) return (struct filter_cell){.text = job->name};
  switch ((enum filter_runs_key)key) {
    case RUNS_KEY_STATUS: return choice_cell(r->status);
    case RUNS_KEY_JOB: return (struct filter_cell){.text = job->name};
    case RUNS_KEY_CATEGORY: return (struct filter_cell){.text = job->category};
    case RUNS_KEY_TAG: return (struct filter_cell){.text = job->tags};
    case RUNS_KEY_OWNER: return (struct filter_cell){.text = job->owner};
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
    case RUNS_KEY_COUNT: break;
  }
  return number_cell(FIELD_NULL);
}

bool store_filter_run(const struct filter *f, const struct run *run, const struct map *jobs) {
  struct run_view v = {.run = run, .job = map_get(jobs, (uint64_t)run->job_no)};
  return filter_fits(f, run_cell, &v);
}

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
