/* What is known of one job: occurrences, metrics, and why it runs or does not. */
#include "api/api_jobs.h"
#include "api/cursor.h"
#include "api/render.h"

/* ---- reasons in words ---- */

static const char *const sentences[REASON_COUNT] = {
    [REASON_NONE] = "not decided yet",
    [REASON_SUCCESS] = "it ran and succeeded",
    [REASON_FAILED] = "it ran and failed",
    [REASON_TIMEOUT] = "it ran longer than its timeout and was ended",
    [REASON_LOST] = "it was running when the machine or its supervisor died; how far it came is not known",
    [REASON_CANCELLED] = "somebody cancelled it",
    [REASON_COULD_NOT_START] = "its process could not be started",
    [REASON_SKIPPED_BY_JOB] = "it ran and said that there was nothing to do (exit code 77)",
    [REASON_MEMORY_LIMIT] = "it used more memory than memoryLimitMB and was killed",
    [REASON_PIDS_LIMIT] = "it had more processes than pidsLimit and was killed",
    [REASON_TOTAL_TIMEOUT] = "its attempts together took longer than totalTimeout",
    [REASON_REPLACED] = "the next run replaced it (overlapPolicy replace)",
    [REASON_CAPACITY] = "all places were taken until queueTimeout was over",
    [REASON_OVERLAP] = "the run before was still going (overlapPolicy skip)",
    [REASON_PAUSED] = "it was paused",
    [REASON_OFF] = "scheduling was switched off (isEnabled, stop-all or ENABLE_CRON_JOBS)",
    [REASON_DISABLED] = "the job was disabled or deleted",
    [REASON_SERVER_DOWN] = "the server was not running then",
    [REASON_CLOCK_JUMP] = "the clock was set forward over it",
    [REASON_WINDOW] = "it could not start within its startWindow",
    [REASON_SUPERSEDED] = "a later occurrence was caught up in its stead (misfirePolicy last)",
    [REASON_RESTORED] = "the database was restored from a backup that is older",
    [REASON_START_UNKNOWN] = "power went away just then; whether it started is not known",
};

const char *reason_sentence(enum occurrence_state state, enum reason reason) {
  ASSERT((unsigned)reason < REASON_COUNT);
  if (state == OCCURRENCE_PENDING) return "it is due now or in a moment, or it runs";
  if (state == OCCURRENCE_RAN && reason == REASON_NONE) return "it has started; its end is not on record yet";
  return sentences[reason];
}

/* ---- occurrences ---- */

struct occurrences_query {
  const char *cursor;
  int64_t from_ms, to_ms, limit;
};
SHAPE_OF(occurrences_query, "OccurrencesQuery", sizeof(struct occurrences_query),
         IN(struct occurrences_query, from_ms, "from", INSTANT, 0, 0, 0, FIELD_NULL, "due at or after it"),
         IN(struct occurrences_query, to_ms, "to", INSTANT, 0, 0, 0, FIELD_NULL, "due at or before it"),
         IN(struct occurrences_query, cursor, "cursor", TEXT, 0, 1, 1000, FIELD_NULL,
            "nextCursor of the page before"),
         IN(struct occurrences_query, limit, "limit", INT, 0, 1, LIMIT_PAGE, CALL_PAGE_DEFAULT,
            "rows on a page"));
static const struct shape_part occurrence_page_parts[] = {{"data", &occurrence_shape, PART_LIST}};
SHAPE_PARTS(occurrence_page, "OccurrencePage", NULL, occurrence_page_parts,
            OUT("nextCursor", TEXT, FIELD_NULLABLE, "for the next page; null on the last"));

static void render_occurrence(struct json_writer *w, const struct occurrence_row *o) {
  jw_object(w);
  jw_kinstant(w, "dueAt", o->due_ms);
  jw_kinstant(w, "lastDueAt", o->count > 1 ? o->last_ms : o->due_ms);
  jw_kint(w, "count", o->count > 1 ? o->count : 1);
  jw_ktext(w, "state", occurrence_state_text(o->state));
  jw_ktext(w, "reason", reason_text(o->reason));
  jw_ktext(w, "reasonText", reason_sentence(o->state, o->reason));
  jw_kint(w, "version", o->version);
  jw_kint(w, "attempts", o->attempts);
  jw_object_end(w);
}

static void on_occurrences(struct call *c, struct store_read *read) {
  struct json_writer *w = call_begin(c);
  BUF_AUTO struct buf cursor = buf_new(1000);
  render_page_begin(w);
  for (size_t i = 0; i < read->count; i++) render_occurrence(w, &read->occurrences[i]);
  if (read->has_more && read->count > 0) cursor_of_number(&cursor, read->occurrences[read->count - 1].due_ms);
  render_page_end(w, cursor.len ? buf_text(&cursor) : NULL);
  call_end(c, 200);
}

void job_occurrences(struct call *c) {
  const struct occurrences_query *q = CALL_INPUT(c, struct occurrences_query);
  int64_t after = 0;
  enum err e = q->cursor ? cursor_to_number(str_of(q->cursor), &after, &c->detail) : ERR_OK;
  struct store_read *r = e == ERR_OK ? call_new_read(c, READ_OCCURRENCES) : NULL;
  if (e != ERR_OK) call_fail(c, e);
  if (!r) return;
  r->after = after;
  r->no = c->job->no;
  r->from_ms = q->from_ms == FIELD_NULL ? INSTANT_NONE : q->from_ms;
  r->to_ms = q->to_ms == FIELD_NULL ? INSTANT_NONE : q->to_ms;
  r->limit = (size_t)q->limit;
  call_read(c, r, on_occurrences);
}

/* ---- metrics ---- */

SHAPE_OF(metrics_answer, "JobMetrics", 0, OUT("jobId", TEXT, 0, ""), OUT("jobName", TEXT, 0, ""),
         OUT("runs", INT, 0, "finished runs on record"), OUT("successes", INT, 0, ""),
         OUT("failures", INT, 0, ""), OUT("consecutiveFailures", INT, 0, ""),
         OUT("successRate", REAL3, FIELD_NULLABLE, "0 to 1; null without runs"),
         OUT("meanMs", INT, FIELD_NULLABLE, "of durations"), OUT("p50Ms", INT, FIELD_NULLABLE, ""),
         OUT("p95Ms", INT, FIELD_NULLABLE, ""), OUT("p99Ms", INT, FIELD_NULLABLE, ""),
         OUT("maxMs", INT, FIELD_NULLABLE, ""), OUT("lagP50Ms", INT, FIELD_NULLABLE, "of starts"),
         OUT("lagP95Ms", INT, FIELD_NULLABLE, ""), OUT("lagP99Ms", INT, FIELD_NULLABLE, ""),
         OUT("meanCpuPct", REAL3, FIELD_NULLABLE, ""), OUT("meanMemoryMB", INT, FIELD_NULLABLE, ""));

static void int_or_null(struct json_writer *w, const char *key, int64_t value) {
  jw_key(w, key);
  if (value == FIELD_NULL) jw_null(w);
  else jw_int(w, value);
}

static void on_metrics(struct call *c, struct store_read *read) {
  const struct job_metrics *m = &read->metrics;
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_ktext(w, "jobId", c->job->id);
  jw_ktext(w, "jobName", c->job->name);
  jw_kint(w, "runs", m->runs);
  jw_kint(w, "successes", m->successes);
  jw_kint(w, "failures", m->failures);
  jw_kint(w, "consecutiveFailures", m->failures_in_row);
  jw_key(w, "successRate");
  if (m->successes + m->failures == 0) jw_null(w);
  else jw_real(w, (double)m->successes / (double)(m->successes + m->failures));
  const struct {
    const char *key;
    int64_t value;
  } numbers[] = {
      {"meanMs", m->mean_ms},      {"p50Ms", m->p50_ms},        {"p95Ms", m->p95_ms},
      {"p99Ms", m->p99_ms},        {"maxMs", m->max_ms},        {"lagP50Ms", m->lag_p50_ms},
      {"lagP95Ms", m->lag_p95_ms}, {"lagP99Ms", m->lag_p99_ms}, {"meanMemoryMB", m->mean_memory_mb}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    int_or_null(w, numbers[i].key, m->runs ? numbers[i].value : FIELD_NULL);
  jw_key(w, "meanCpuPct");
  if (m->runs == 0 || m->mean_cpu_pct3 == FIELD_NULL) jw_null(w);
  else jw_real(w, (double)m->mean_cpu_pct3 / 1000);
  jw_object_end(w);
  call_end(c, 200);
}

void job_metrics_get(struct call *c) {
  struct store_read *r = call_new_read(c, READ_JOB_METRICS);
  if (!r) return;
  r->no = c->job->no;
  call_read(c, r, on_metrics);
}

/* ---- why ---- */

static const struct shape_part why_answer_parts[] = {{"running", NULL, PART_TEXTS},
                                                     {"queued", NULL, PART_TEXTS},
                                                     {"recent", &occurrence_shape, PART_LIST}};
SHAPE_PARTS(why_answer, "Why", NULL, why_answer_parts, OUT("jobId", TEXT, 0, ""), OUT("jobName", TEXT, 0, ""),
            OUT("state", TEXT, 0, "running, queued, scheduled, disabled, paused, off, never or not_ready"),
            OUT("text", TEXT, 0, "why it runs or does not run, in a sentence"),
            OUT("nextRunAt", INSTANT, FIELD_NULLABLE, ""),
            OUT("lastText", TEXT, FIELD_NULLABLE, "of the last occurrence"));

struct live_runs {
  int64_t job_no;
  int64_t running[32], queued[32];
  size_t running_count, queued_count;
};

static bool count_live(void *arg, const struct run *run, const struct job *job, size_t queue_place) {
  (void)job;
  struct live_runs *l = arg;
  if (run->job_no != l->job_no) return true;
  if (queue_place == 0 && l->running_count < 32) l->running[l->running_count++] = run->no;
  if (queue_place != 0 && l->queued_count < 32) l->queued[l->queued_count++] = run->no;
  return true;
}

struct verdict {
  const char *state, *text;
};

static struct verdict judge(const struct call *c, const struct live_runs *live) {
  const struct job *job = c->job;
  const struct engine *e = c->api->engine;
  if (live->running_count) return (struct verdict){"running", "it is running now"};
  if (live->queued_count) return (struct verdict){"queued", "it is due and waits for a free place"};
  if (job->is_active != 1)
    return (struct verdict){
        "disabled", job->disabled_reason ? job->disabled_reason : "the job is disabled (isActive is false)"};
  if (engine_is_process_off(e))
    return (struct verdict){"off", "scheduling is off: the server was started with ENABLE_CRON_JOBS=false"};
  if (engine_settings((struct engine *)(uintptr_t)e)->is_enabled != 1)
    return (struct verdict){"off", "scheduling is off: settings.isEnabled is false"};
  if (c->row.gate == GATE_OFF) return (struct verdict){"off", "the world jobs are stopped (stop-all)"};
  if (c->row.gate == GATE_PAUSED)
    return (struct verdict){"paused", c->state ? (const char *)c->state : "it is paused"};
  struct engine_health health = engine_health(e);
  if (!health.is_ready)
    return (struct verdict){"not_ready",
                            arena_printf(&c->req->arena, "the server is not ready: %s", health.why)};
  if (job->next_run_ms == FIELD_NULL)
    return (struct verdict){"never",
                            "its schedule has no further instant (or it is outside startAt and endAt)"};
  return (struct verdict){"scheduled", arena_printf(&c->req->arena, "it waits for its next instant, %s",
                                                    instant_to_text_seconds(job->next_run_ms).text)};
}

static void write_ids(struct json_writer *w, const char *key, const int64_t *runs, size_t count) {
  jw_key(w, key);
  jw_array(w);
  for (size_t i = 0; i < count; i++) jw_text(w, id_to_text(runs[i]).text);
  jw_array_end(w);
}

static void on_recent(struct call *c, struct store_read *read) {
  struct live_runs live = {.job_no = c->job->no};
  engine_each_run(c->api->engine, count_live, &live);
  struct verdict v = judge(c, &live);
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_ktext(w, "jobId", c->job->id);
  jw_ktext(w, "jobName", c->job->name);
  jw_ktext(w, "state", v.state);
  jw_ktext(w, "text", v.text);
  jw_key(w, "nextRunAt");
  if (c->job->next_run_ms == FIELD_NULL) jw_null(w);
  else jw_instant(w, c->job->next_run_ms);
  const struct occurrence_row *last = read->count ? &read->occurrences[0] : NULL;
  jw_ktext(w, "lastText", last ? reason_sentence(last->state, last->reason) : NULL);
  write_ids(w, "running", live.running, live.running_count);
  write_ids(w, "queued", live.queued, live.queued_count);
  jw_key(w, "recent");
  jw_array(w);
  for (size_t i = 0; i < read->count; i++) render_occurrence(w, &read->occurrences[i]);
  jw_array_end(w);
  jw_object_end(w);
  call_end(c, 200);
}

static void read_recent(struct call *c) {
  struct store_read *r = call_new_read(c, READ_OCCURRENCES);
  if (!r) return;
  r->no = c->job->no;
  r->from_ms = r->to_ms = INSTANT_NONE;
  r->limit = 10;
  call_read(c, r, on_recent);
}

static bool covers(const struct closed_gate *g, const struct job *job) {
  if (g->gate != GATE_PAUSED) return false;
  if (g->scope == GATE_SCOPE_JOB) return g->job_no == job->no;
  if (g->scope == GATE_SCOPE_CATEGORY) return job->category && str_eq(str_of(g->key), str_of(job->category));
  return g->scope == GATE_SCOPE_ALL;
}

/* "the job is paused until …; all jobs are paused until resumed" */
static void on_gates(struct call *c, struct store_read *read) {
  struct arena *a = &c->req->arena;
  const char *text = NULL;
  for (size_t i = 0; i < read->count; i++) {
    const struct closed_gate *g = &read->gates[i];
    if (!covers(g, c->job)) continue;
    const char *who = g->scope == GATE_SCOPE_JOB   ? "the job is"
                      : g->scope == GATE_SCOPE_ALL ? "all jobs are"
                                                   : arena_printf(a, "the category %s is", g->key);
    struct instant_text until = instant_to_text_seconds(g->until_ms == INSTANT_NEVER ? 0 : g->until_ms);
    text = arena_printf(a, "%s%s%s paused until %s", text ? text : "", text ? "; " : "", who,
                        g->until_ms == INSTANT_NEVER ? "resumed" : until.text);
  }
  c->state = (void *)(uintptr_t)text;
  read_recent(c);
}

void job_why(struct call *c) {
  if (c->row.gate != GATE_PAUSED) return read_recent(c);
  struct store_read *r = call_new_read(c, READ_GATES);
  if (r) call_read(c, r, on_gates);
}
