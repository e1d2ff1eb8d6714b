/* /livez /readyz /healthz /version /metrics. */
#include "api/api_system.h"
#include "api/metrics.h"

struct health_query {
  int64_t is_verbose;
};
SHAPE_OF(health_query, "HealthQuery", sizeof(struct health_query),
         IN(struct health_query, is_verbose, "verbose", BOOL, 0, 0, 1, 0,
            "with the reason; needs the role viewer"));
static const struct shape_part health_parts[] = {{"checks", NULL, PART_OBJECT}};
SHAPE_PARTS(health, "Health", NULL, health_parts, OUT("status", TEXT, 0, "ok or fail"));
SHAPE_OF(version, "Version", 0, OUT("name", TEXT, 0, "sereno"), OUT("version", TEXT, 0, ""));

static void answer_health(struct call *c, bool is_good, bool with_checks) {
  struct engine_health h = engine_health(c->api->engine);
  struct engine_worlds s = engine_worlds(c->api->engine);
  bool may_see_why = c->who.role >= ROLE_VIEWER;
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_ktext(w, "status", is_good ? "ok" : "fail");
  jw_key(w, "checks");
  jw_object(w);
  if (with_checks) {
    jw_kbool(w, "ready", h.is_ready && c->api->is_ready);
    jw_kbool(w, "store", h.is_store_ok);
    jw_kbool(w, "warden", h.is_warden_ok);
    jw_kbool(w, "clock", h.is_clock_ok);
    jw_kbool(w, "worlds", s.is_there);
    jw_kbool(w, "live", s.is_there && s.has_live);
    const char *why = h.why[0] ? h.why : s.is_there ? NULL : s.why;
    if (may_see_why) jw_ktext(w, "why", why);
  }
  jw_object_end(w);
  jw_object_end(w);
  call_end(c, is_good ? 200 : 503);
}

void livez(struct call *c) { answer_health(c, true, false); } /* it answers, so the loop turns */

void readyz(struct call *c) {
  struct engine_health h = engine_health(c->api->engine);
  answer_health(c, c->api->is_ready && h.is_ready && h.is_store_ok, true);
}

void healthz(struct call *c) {
  struct engine_health h = engine_health(c->api->engine);
  bool has_worlds =
      engine_worlds(c->api->engine).is_there; /* jobs are run without them, too: not a matter of readyz */
  bool is_good = h.is_ready && h.is_store_ok && h.is_warden_ok && h.is_clock_ok && has_worlds;
  answer_health(c, c->api->is_ready && is_good, true);
}

void version_get(struct call *c) {
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_ktext(w, "name", "sereno");
  jw_ktext(w, "version", SERENO_VERSION);
  jw_object_end(w);
  call_end(c, 200);
}

/* ---- metrics ---- */

static void gauge(struct buf *out, const char *name, double value, const char *help) {
  metrics_family(out, name, "gauge", help);
  buf_addf(out, "%s %.15g\n", name, value);
}

static void counter(struct buf *out, const char *name, int64_t value, const char *help) {
  metrics_family(out, name, "counter", help);
  buf_addf(out, "%s %lld\n", name, (long long)value);
}

static void write_worlds(struct call *c, struct buf *out) {
  struct engine_worlds s = engine_worlds(c->api->engine);
  gauge(out, "sereno_worlds_up", s.is_there, "1 when the worlds' database and live state answer.");
  gauge(out, "sereno_worlds_waiting", (double)s.waiting, "Calls about worlds asked for and not answered.");
  counter(out, "sereno_worlds_calls_total", s.calls, "Calls about worlds carried out.");
  counter(out, "sereno_worlds_busy_total", s.busy, "Calls about worlds answered busy.");
  counter(out, "sereno_worlds_retries_total", s.retries,
          "Calls tried again because somebody else had the world.");
  if (!s.has_live) return;
  metrics_family(out, "sereno_worlds_live_info", "gauge", "Always 1.");
  buf_addf(out, "sereno_worlds_live_info{mode=\"%s\",database=\"%s\"} 1\n", s.live_mode, s.database);
  gauge(out, "sereno_worlds_live", (double)s.live.worlds, "Worlds in the live state.");
  gauge(out, "sereno_worlds_dirty", (double)s.live.dirty_worlds, "Of them not in the database as they are.");
  gauge(out, "sereno_worlds_locks", (double)s.live.locks, "Locks of worlds that are held.");
  if (s.live.used_bytes >= 0)
    gauge(out, "sereno_worlds_live_bytes", (double)s.live.used_bytes, "Bytes of the worlds' live state.");
}

static void write_scheduler(struct call *c, struct buf *out) {
  struct sched_status s = engine_status(c->api->engine);
  struct engine_health h = engine_health(c->api->engine);
  struct engine_load load = engine_load(c->api->engine);
  gauge(out, "sereno_running", (double)s.running, "Runs going on.");
  metrics_family(out, "sereno_queue_depth", "gauge", "Runs waiting for capacity.");
  for (int p = 1; p <= 10; p++)
    buf_addf(out, "sereno_queue_depth{priority=\"%d\"} %zu\n", p, s.queued_by_priority[p]);
  gauge(out, "sereno_armed", (double)s.armed, "Claimed instants of the coming seconds.");
  gauge(out, "sereno_slots_total", (double)s.slots_total, "Runs that may go on at one moment.");
  gauge(out, "sereno_scheduler_tick_timestamp_seconds", (double)h.last_turn_ms / 1000,
        "When the scheduler last had something to do.");
  gauge(out, "sereno_ready", h.is_ready && c->api->is_ready, "1 when it serves and schedules.");
  gauge(out, "sereno_store_up", h.is_store_ok, "1 when the store can be written.");
  gauge(out, "sereno_warden_up", h.is_warden_ok, "1 when the warden answers.");
  gauge(out, "sereno_leader", 1, "1: this server schedules (one server, embedded store).");
  gauge(out, "process_resident_memory_bytes", (double)load.rss_bytes, "Of the server.");
  metrics_family(out, "sereno_build_info", "gauge", "Always 1.");
  buf_addf(out, "sereno_build_info{version=\"%s\"} 1\n", SERENO_VERSION);
  if (!c->api->server) return;
  struct http_stats http = http_server_stats(c->api->server);
  gauge(out, "sereno_http_connections", (double)http.connections, "Open connections.");
  gauge(out, "sereno_http_streams", (double)http.streams, "Open live streams.");
  metrics_family(out, "sereno_http_bad_requests_total", "counter", "Requests refused before any handler.");
  buf_addf(out, "sereno_http_bad_requests_total %llu\n", (unsigned long long)http.bad_requests);
}

struct job_gauge {
  const char *name, *help;
  bool (*value)(const struct job_row *row, double *ret);
};

static bool next_run(const struct job_row *row, double *ret) {
  *ret = (double)row->job->next_run_ms / 1000;
  return row->job->next_run_ms != FIELD_NULL;
}
static bool failures(const struct job_row *row, double *ret) {
  *ret = row->job->failures == FIELD_NULL ? 0 : (double)row->job->failures;
  return true;
}
static bool last_success(const struct job_row *row, double *ret) {
  *ret = (double)row->last_run.finished_ms / 1000;
  return row->has_last_run && row->last_run.status == RUN_SUCCESS && row->last_run.finished_ms != FIELD_NULL;
}
static const struct job_gauge job_gauges[] = {
    {"sereno_job_next_run_timestamp_seconds", "Next due instant.", next_run},
    {"sereno_job_consecutive_failures", "Failed chains in a row.", failures},
    {"sereno_job_last_success_timestamp_seconds", "End of the last run, of jobs whose last run succeeded.",
     last_success},
};

static void write_jobs(const struct store_read *read, struct buf *out) {
  for (size_t g = 0; g < sizeof job_gauges / sizeof *job_gauges; g++) {
    metrics_family(out, job_gauges[g].name, "gauge", job_gauges[g].help);
    for (size_t i = 0; i < read->count; i++) {
      double value;
      if (!job_gauges[g].value(&read->jobs[i], &value)) continue;
      buf_addf(out, "%s{job=\"", job_gauges[g].name);
      metrics_label(out, read->jobs[i].job->name);
      buf_addf(out, "\"} %.15g\n", value);
    }
  }
}

static void answer_metrics(struct call *c, const struct store_read *jobs) {
  call_begin(c);
  metrics_write(c->api->metrics, jobs != NULL, &c->out);
  write_scheduler(c, &c->out);
  write_worlds(c, &c->out);
  if (jobs) write_jobs(jobs, &c->out);
  call_end_text(c, 200, "text/plain; version=0.0.4; charset=utf-8");
}

static void on_jobs(struct call *c, struct store_read *read) {
  answer_metrics(c, read->error == ERR_OK ? read : NULL);
}

/* Open to everyone without the names of jobs; whoever may view gets them by name. */
void metrics_get(struct call *c) {
  if (c->who.role < ROLE_VIEWER || (c->who.scope && (c->who.scope->job_count || c->who.scope->is_worlds))) {
    answer_metrics(c, NULL);
    return;
  }
  struct store_read *r = call_new_read(c, READ_JOBS);
  if (!r) return;
  r->is_active = -1;
  r->limit = METRICS_JOBS_MAX;
  call_read_any(c, r, on_jobs);
}
