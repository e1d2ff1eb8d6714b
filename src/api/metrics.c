#include "api/metrics.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/map.h"
#include "model/run.h"

#define TRIGGERS (TRIGGER_COUNT + 1) /* the last: unknown */

/* The numbers of a job's last result: worldsCleaned, … (A-7 ff.). */
#define RESULTS_MAX 24
struct job_results {
  size_t count;
  struct {
    char name[48];
    double value;
  } items[RESULTS_MAX];
};

struct job_series {
  char *name;
  struct job_results *results; /* NULL: none yet */
  uint64_t runs[RUN_COUNT][TRIGGERS];
  double seconds, cpu_seconds, memory_bytes; /* sums over the runs; the peak of the last run */
};

#define BUCKETS_MAX 13
struct histogram {
  const int64_t *bounds_ms;
  size_t bucket_count;
  uint64_t counts[BUCKETS_MAX + 1]; /* the last: +Inf */
  uint64_t sum_ms, count;
};

static const int64_t duration_bounds[] = {5,     50,    100,   500,    1000,   5000,
                                          10000, 30000, 60000, 300000, 900000, 3600000};
static const int64_t lag_bounds[] = {1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30000, 60000};

struct metrics {
  struct map by_job;
  struct job_series *series; /* [0] is "other" */
  size_t series_count;
  struct histogram durations, lags, resumes;
  uint64_t occurrences[OCCURRENCE_COUNT];
  uint64_t answers[6]; /* by hundreds of the status */
};

enum err metrics_new(struct metrics **ret) {
  struct metrics *m = calloc(1, sizeof *m);
  if (m) m->series = calloc(METRICS_JOBS_MAX + 1, sizeof *m->series);
  if (!m || !m->series) {
    free(m);
    return ERR_NO_MEMORY;
  }
  m->series_count = 1;
  m->durations =
      (struct histogram){duration_bounds, sizeof duration_bounds / sizeof *duration_bounds, {}, 0, 0};
  m->lags = m->resumes = (struct histogram){lag_bounds, sizeof lag_bounds / sizeof *lag_bounds, {}, 0, 0};
  *ret = m;
  return ERR_OK;
}

void metrics_free(struct metrics *m) {
  if (!m) return;
  for (size_t i = 0; i < m->series_count; i++) {
    free(m->series[i].name);
    free(m->series[i].results);
  }
  free(m->series);
  map_free(&m->by_job);
  free(m);
}

static struct job_series *series_of(struct metrics *m, int64_t job_no, const char *name) {
  struct job_series *s = map_get(&m->by_job, (uint64_t)job_no);
  if (s) return s;
  if (m->series_count > METRICS_JOBS_MAX || !name) return &m->series[0];
  s = &m->series[m->series_count];
  char *kept = str_dup(str_of(name));
  if (!kept || map_put(&m->by_job, (uint64_t)job_no, s) != ERR_OK) {
    free(kept);
    return &m->series[0];
  }
  s->name = kept;
  m->series_count++;
  return s;
}

static void observe(struct histogram *h, int64_t value_ms) {
  if (value_ms == FIELD_NULL || value_ms < 0) return;
  size_t i = 0;
  while (i < h->bucket_count && value_ms > h->bounds_ms[i]) i++;
  h->counts[i]++;
  h->sum_ms += (uint64_t)value_ms;
  h->count++;
}

static void add_use(struct job_series *s, const struct run *r) {
  if (r->duration_ms != FIELD_NULL) s->seconds += (double)r->duration_ms / 1e3;
  if (r->cpu_user_us != FIELD_NULL) s->cpu_seconds += (double)r->cpu_user_us / 1e6;
  if (r->cpu_system_us != FIELD_NULL) s->cpu_seconds += (double)r->cpu_system_us / 1e6;
  if (r->peak_memory_bytes != FIELD_NULL) s->memory_bytes = (double)r->peak_memory_bytes;
}

static void add_results(struct job_results *r, const json_t *object, int depth) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)object, key, value) {
    if (json_is_object(value) && depth == 0) add_results(r, value, 1);
    if (!json_is_number(value) || r->count == RESULTS_MAX) continue;
    if (!str_copy(r->items[r->count].name, sizeof r->items[r->count].name, str_of(key))) continue;
    r->items[r->count++].value = json_number_value(value);
  }
}

static void note_results(struct job_series *s, const char *result) {
  JSON_AUTO json_t *object = NULL;
  if (!s->name || !result || json_parse(str_of(result), &object, NULL) != ERR_OK) return;
  if (!s->results) s->results = calloc(1, sizeof *s->results);
  if (!s->results) return;
  s->results->count = 0;
  add_results(s->results, object, 0);
}

static void note_run(struct metrics *m, const struct sched_note *note) {
  const struct run *r = note->run;
  if (r->status == RUN_RUNNING) observe(&m->lags, r->lag_ms);
  if (!run_is_final((enum run_status)r->status)) return;
  size_t trigger = r->trigger == FIELD_NULL ? TRIGGER_COUNT : (size_t)r->trigger;
  struct job_series *series = series_of(m, r->job_no, note->job ? note->job->name : NULL);
  series->runs[r->status][trigger]++;
  add_use(series, r);
  note_results(series, r->result);
  observe(&m->durations, r->duration_ms);
  if (r->due_ms != FIELD_NULL && r->attempt == 1 && r->status != RUN_SKIPPED && r->status != RUN_CANCELLED)
    m->occurrences[OCCURRENCE_RAN]++;
}

void metrics_note(struct metrics *m, const struct sched_note *note) {
  if (note->kind == SCHED_NOTE_RUN && note->run) note_run(m, note);
  else if (note->kind == SCHED_NOTE_OCCURRENCE) m->occurrences[note->state]++;
  else if (note->kind == SCHED_NOTE_GAP && note->gap)
    m->occurrences[note->gap->state] += (uint64_t)note->gap->count;
}

void metrics_resumed(struct metrics *m, int64_t added_ms) { observe(&m->resumes, added_ms); }

void metrics_answered(struct metrics *m, const struct http_answered *answer) {
  int hundreds = answer->status / 100;
  m->answers[hundreds >= 1 && hundreds <= 5 ? hundreds : 0]++;
}

/* ---- text ---- */

void metrics_family(struct buf *out, const char *name, const char *type, const char *help) {
  buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_label(struct buf *out, const char *text) {
  for (; *text; text++) {
    if (*text == '\\' || *text == '"') buf_add_char(out, '\\');
    if (*text == '\n') buf_add_text(out, "\\n");
    else buf_add_char(out, *text);
  }
}

static const char *trigger_name(size_t trigger) {
  return trigger < TRIGGER_COUNT ? run_trigger_text((enum run_trigger)trigger) : "unknown";
}

static void write_runs_of(const struct job_series *s, const char *name, struct buf *out) {
  for (int status = 0; status < RUN_COUNT; status++) {
    for (size_t t = 0; t < TRIGGERS; t++) {
      if (s->runs[status][t] == 0) continue;
      buf_add_text(out, "sereno_runs_total{");
      if (name) {
        buf_add_text(out, "job=\"");
        metrics_label(out, name);
        buf_add_text(out, "\",");
      }
      buf_addf(out, "status=\"%s\",trigger=\"%s\"} %llu\n", run_status_text((enum run_status)status),
               trigger_name(t), (unsigned long long)s->runs[status][t]);
    }
  }
}

static void write_runs(const struct metrics *m, bool with_jobs, struct buf *out) {
  metrics_family(out, "sereno_runs_total", "counter", "Finished runs since the start of the server.");
  struct job_series all = {};
  for (size_t i = 0; i < m->series_count; i++) {
    const struct job_series *s = &m->series[i];
    if (with_jobs) write_runs_of(s, s->name ? s->name : "other", out);
    for (int status = 0; status < RUN_COUNT; status++)
      for (size_t t = 0; t < TRIGGERS; t++) all.runs[status][t] += s->runs[status][t];
  }
  if (!with_jobs) write_runs_of(&all, NULL, out);
}

/* What the runs of each job took (C-121, C-122); the mean is by sereno_runs_total. */
static const struct {
  const char *name, *type, *help;
  size_t offset;
} uses[] = {
    {"sereno_job_run_seconds_total", "counter", "Time of a job's finished runs together.",
     offsetof(struct job_series, seconds)},
    {"sereno_job_cpu_seconds_total", "counter", "Processor time of a job's finished runs together.",
     offsetof(struct job_series, cpu_seconds)},
    {"sereno_job_memory_peak_bytes", "gauge", "Peak memory of a job's last run.",
     offsetof(struct job_series, memory_bytes)},
};

static void write_uses(const struct metrics *m, struct buf *out) {
  for (size_t u = 0; u < sizeof uses / sizeof *uses; u++) {
    metrics_family(out, uses[u].name, uses[u].type, uses[u].help);
    for (size_t i = 0; i < m->series_count; i++) {
      const struct job_series *s = &m->series[i];
      buf_addf(out, "%s{job=\"", uses[u].name);
      metrics_label(out, s->name ? s->name : "other");
      buf_addf(out, "\"} %.15g\n", *(const double *)(const void *)((const char *)s + uses[u].offset));
    }
  }
}

static void write_results(const struct metrics *m, struct buf *out) {
  metrics_family(out, "sereno_job_result", "gauge", "Numbers of the result of a job's last run.");
  for (size_t i = 0; i < m->series_count; i++) {
    const struct job_series *s = &m->series[i];
    for (size_t k = 0; s->results && k < s->results->count; k++) {
      buf_add_text(out, "sereno_job_result{job=\"");
      metrics_label(out, s->name);
      buf_add_text(out, "\",metric=\"");
      metrics_label(out, s->results->items[k].name);
      buf_addf(out, "\"} %.15g\n", s->results->items[k].value);
    }
  }
}

static void write_histogram(const struct histogram *h, const char *name, const char *help, struct buf *out) {
  uint64_t sum = 0;
  metrics_family(out, name, "histogram", help);
  for (size_t i = 0; i < h->bucket_count; i++) {
    sum += h->counts[i];
    buf_addf(out, "%s_bucket{le=\"%g\"} %llu\n", name, (double)h->bounds_ms[i] / 1000,
             (unsigned long long)sum);
  }
  buf_addf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.3f\n%s_count %llu\n", name,
           (unsigned long long)h->count, name, (double)h->sum_ms / 1000, name, (unsigned long long)h->count);
}

void metrics_write(const struct metrics *m, bool with_jobs, struct buf *out) {
  write_runs(m, with_jobs, out);
  if (with_jobs) write_uses(m, out);
  if (with_jobs) write_results(m, out);
  write_histogram(&m->durations, "sereno_run_duration_seconds", "From start to end of each attempt.", out);
  write_histogram(&m->lags, "sereno_start_lag_seconds", "From notBefore to the start of each attempt.", out);
  write_histogram(&m->resumes, "sereno_worlds_resume_added_seconds",
                  "What resuming a paused world added to the answer of a message.", out);
  metrics_family(out, "sereno_occurrences_total", "counter",
                 "Due instants by verdict since the start of the server.");
  for (int s = OCCURRENCE_RAN; s < OCCURRENCE_COUNT; s++)
    buf_addf(out, "sereno_occurrences_total{verdict=\"%s\"} %llu\n",
             occurrence_state_text((enum occurrence_state)s), (unsigned long long)m->occurrences[s]);
  metrics_family(out, "sereno_http_requests_total", "counter", "Answers by class of status.");
  for (int i = 1; i <= 5; i++)
    buf_addf(out, "sereno_http_requests_total{status=\"%dxx\"} %llu\n", i, (unsigned long long)m->answers[i]);
}
