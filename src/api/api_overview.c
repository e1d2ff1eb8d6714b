/* Dashboard and monitoring (C-91 … C-98, C-104 … C-106), executors, the log's tail, the configuration. */
#include <stdlib.h>

#include "api/alerts.h"
#include "api/api_system.h"
#include "api/render.h"

#define UPCOMING 10
#define RECENT 10
#define LOG_LINES_SHOWN 200 /* C-105 */

/* ---- dashboard ---- */

static const struct shape_part dashboard_parts[] = {{"upcomingJobs", &job_row_shape, PART_LIST},
                                                    {"recentExecutions", &run_row_shape, PART_LIST}};
SHAPE_PARTS(dashboard, "Dashboard", NULL, dashboard_parts, OUT("totalJobs", INT, 0, ""),
            OUT("activeJobs", INT, 0, "isActive"), OUT("runningJobs", INT, 0, "jobs with a run going on"),
            OUT("failedJobs", INT, 0, "whose last run failed, timed out or was lost"),
            OUT("queuedExecutions", INT, 0, "waiting for capacity"),
            OUT("avgExecutionTime", INT, FIELD_NULLABLE, "ms; null without runs"),
            OUT("successRate", REAL3, FIELD_NULLABLE, "0 to 1; null without runs"));

struct board {
  int64_t total, active, failed, runs, successes, mean_ms;
  struct buf upcoming;
};

struct live_count {
  int64_t jobs[LIMIT_RUNNING_RUNS];
  size_t count;
};

/* Distinct jobs: a job may run several times at once. */
static bool note_running(void *arg, const struct run *run, const struct job *job, size_t queue_place) {
  (void)job;
  struct live_count *l = arg;
  if (queue_place != 0) return true;
  for (size_t i = 0; i < l->count; i++)
    if (l->jobs[i] == run->job_no) return true;
  if (l->count < LIMIT_RUNNING_RUNS) l->jobs[l->count++] = run->job_no;
  return true;
}

static void on_recent(struct call *c, struct store_read *read) {
  struct board *b = c->state;
  struct sched_status status = engine_status(c->api->engine);
  struct live_count *live = calloc(1, sizeof *live);
  if (read->error != ERR_OK || !live) {
    enum err e = live ? read->error : ERR_NO_MEMORY;
    free(live);
    buf_free(&b->upcoming);
    c->detail = read->detail;
    call_fail(c, e);
    return;
  }
  engine_each_run(c->api->engine, note_running, live);
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kint(w, "totalJobs", b->total);
  jw_kint(w, "activeJobs", b->active);
  jw_kint(w, "runningJobs", (int64_t)live->count);
  jw_kint(w, "failedJobs", b->failed);
  jw_kint(w, "queuedExecutions", (int64_t)status.queued);
  jw_key(w, "upcomingJobs");
  jw_raw(w, buf_str(&b->upcoming));
  jw_key(w, "recentExecutions");
  jw_array(w);
  for (size_t i = 0; i < read->count; i++) render_run_row(w, &read->runs[i], false, &RENDER(c));
  jw_array_end(w);
  jw_key(w, "avgExecutionTime");
  if (b->runs == 0 || b->mean_ms == FIELD_NULL) jw_null(w);
  else jw_int(w, b->mean_ms);
  jw_key(w, "successRate");
  if (b->runs == 0) jw_null(w);
  else jw_real(w, (double)b->successes / (double)b->runs);
  jw_object_end(w);
  free(live);
  buf_free(&b->upcoming);
  call_end(c, 200);
}

static void on_board(struct call *c, struct store_read *read) {
  struct board *b = ARENA_NEW(&c->req->arena, struct board);
  struct store_read *next = b ? call_new_read(c, READ_RUNS) : NULL;
  if (!b) call_fail(c, ERR_NO_MEMORY);
  if (!next) return;
  b->total = read->dashboard.total_jobs;
  b->active = read->dashboard.active_jobs;
  b->failed = read->dashboard.failed_jobs;
  b->runs = read->dashboard.runs;
  b->successes = read->dashboard.successes;
  b->mean_ms = read->dashboard.mean_ms;
  b->upcoming = buf_new(4 * 1024 * 1024);
  struct json_writer w = jw_new(&b->upcoming);
  jw_array(&w);
  for (size_t i = 0; i < read->count; i++) render_job_row(&w, &read->jobs[i], &RENDER(c));
  jw_array_end(&w);
  c->state = b;
  next->from_ms = next->to_ms = INSTANT_NONE;
  next->limit = RECENT;
  call_read_any(c, next, on_recent);
}

void dashboard_get(struct call *c) {
  struct store_read *r = call_new_read(c, READ_DASHBOARD);
  if (!r) return;
  r->limit = UPCOMING;
  call_read(c, r, on_board);
}

/* ---- monitoring ---- */

SHAPE_OF(system_load, "SystemLoad", 0, OUT("cpu", REAL3, 0, "percent of the machine, 0 to 100"),
         OUT("memory", REAL3, 0, "percent of the machine"), OUT("activeCrons", INT, 0, "runs going on"),
         OUT("rssBytes", INT, 0, "of the server"));
static const struct shape_part monitoring_parts[] = {{"currentlyRunning", &run_row_shape, PART_LIST},
                                                     {"queued", &run_row_shape, PART_LIST},
                                                     {"liveLogs", NULL, PART_TEXTS},
                                                     {"systemLoad", &system_load_shape, PART_OBJECT},
                                                     {"alerts", &alert_shape, PART_LIST}};
const struct shape monitoring_shape = {.name = "Monitoring",
                                       .fields = (const struct field[]){OUT("at", INSTANT, 0, "")},
                                       .field_count = &(const size_t){1},
                                       .parts = monitoring_parts,
                                       .part_count = sizeof monitoring_parts / sizeof *monitoring_parts};

struct run_list {
  struct json_writer *w;
  struct render render;
  bool wants_queued;
  size_t count;
};

static bool write_run(void *arg, const struct run *run, const struct job *job, size_t queue_place) {
  struct run_list *l = arg;
  if ((queue_place != 0) != l->wants_queued) return true;
  struct run_row row = {.run = *run};
  if (job) render_name_run(&row, job);
  render_run_row(l->w, &row, false, &l->render);
  return ++l->count < LIMIT_PAGE;
}

static void write_runs(struct call *c, const char *key, bool wants_queued) {
  struct run_list l = {.w = &c->w, .render = RENDER(c), .wants_queued = wants_queued};
  jw_key(&c->w, key);
  jw_array(&c->w);
  engine_each_run(c->api->engine, write_run, &l);
  jw_array_end(&c->w);
}

static void write_line(void *arg, struct str line) { jw_str(arg, line); }

static void write_log(struct call *c, const char *key, size_t lines) {
  jw_key(&c->w, key);
  jw_array(&c->w);
  engine_log_tail(c->api->engine, lines, write_line, &c->w);
  jw_array_end(&c->w);
}

static double percent(double value) { return value < 0 ? 0 : value > 100 ? 100 : value; }

static void answer_monitoring(struct call *c) {
  struct engine_load load = engine_load(c->api->engine);
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kinstant(w, "at", call_now_ms(c));
  write_runs(c, "currentlyRunning", false);
  write_runs(c, "queued", true);
  write_log(c, "liveLogs", LOG_LINES_SHOWN);
  jw_key(w, "systemLoad");
  jw_object(w);
  jw_kreal(w, "cpu", percent(load.cpu_pct));
  jw_kreal(w, "memory", percent(load.memory_pct));
  jw_kint(w, "activeCrons", (int64_t)engine_status(c->api->engine).running);
  jw_kint(w, "rssBytes", load.rss_bytes);
  jw_object_end(w);
  jw_key(w, "alerts");
  alerts_write(c->api->alerts, w);
  jw_object_end(w);
  call_end(c, 200);
}

void monitoring_get(struct call *c) { alerts_find(c, answer_monitoring); }

/* ---- the log ---- */

struct logs_query {
  int64_t limit;
};
SHAPE_OF(logs_query, "LogsQuery", sizeof(struct logs_query),
         IN(struct logs_query, limit, "limit", INT, 0, 1, 10000, LOG_LINES_SHOWN, "newest lines"));
static const struct shape_part logs_answer_parts[] = {{"data", NULL, PART_TEXTS}};
SHAPE_PARTS(logs_answer, "Logs", NULL, logs_answer_parts,
            OUT("nextCursor", TEXT, FIELD_NULLABLE, "always null"));

void logs_get(struct call *c) {
  struct json_writer *w = call_begin(c);
  jw_object(w);
  write_log(c, "data", (size_t)CALL_INPUT(c, struct logs_query)->limit);
  jw_ktext(w, "nextCursor", NULL);
  jw_object_end(w);
  call_end(c, 200);
}

/* ---- executors, configuration ---- */

static const struct shape_part executors_parts[] = {{"data", NULL, PART_LIST}};
SHAPE_PARTS(executors, "Executors", NULL, executors_parts,
            OUT("nextCursor", TEXT, FIELD_NULLABLE, "always null"));

void executors_get(struct call *c) {
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_key(w, "data");
  engine_executors_json(c->api->engine, language_of(http_request_header(c->req, "Accept-Language")), w);
  jw_ktext(w, "nextCursor", NULL);
  jw_object_end(w);
  call_end(c, 200);
}

SHAPE_OF(config_row, "ConfigurationRow", 0, OUT("key", TEXT, 0, "http.port, settings.timezone"),
         OUT("value", JSON, FIELD_NULLABLE, "secrets as ***"), OUT("default", JSON, FIELD_NULLABLE, ""),
         OUT("origin", TEXT, 0, "default, database, file, .env, env, flag"),
         OUT("source", TEXT, FIELD_NULLABLE, "the variable, line or flag"),
         OUT("environment", TEXT, FIELD_NULLABLE, "its variables, separated by spaces"),
         OUT("help", TEXT, 0, "in English"), OUT("needsRestart", BOOL, 0, "a change shows after a restart"));
static const struct shape_part config_answer_parts[] = {{"data", &config_row_shape, PART_LIST}};
SHAPE_PARTS(config_answer, "Configuration", NULL, config_answer_parts,
            OUT("nextCursor", TEXT, FIELD_NULLABLE, "always null"));

void config_show(struct call *c) {
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_key(w, "data");
  engine_config_json(c->api->engine, w);
  jw_ktext(w, "nextCursor", NULL);
  jw_object_end(w);
  call_end(c, 200);
}
