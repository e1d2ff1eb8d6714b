/* GET and POST /api/admin/cron-jobs: the seed's doors to the manager (A-56 … A-64). */
#include "api/api_admin.h"
#include "api/api_jobs.h"
#include "api/job_edit.h"
#include "api/render.h"

#define JOBS_SHOWN_MAX 100000
static const char *const world_jobs[] = {
    "cleanup", "sync", "auto-pause", "memory-consolidation", "emergent-events", "delete-scheduled-worlds"};
/* The keys of jobMetrics beside the names of the jobs. */
static const struct {
  const char *key, *job;
} metric_keys[] = {{"cleanup", "cleanup"},
                   {"sync", "sync"},
                   {"autoPause", "auto-pause"},
                   {"memoryConsolidation", "memory-consolidation"},
                   {"emergentEvents", "emergent-events"}};
#define METRIC_KEYS (sizeof metric_keys / sizeof *metric_keys)

/* ---- GET ---- */

static const struct shape_part admin_jobs_parts[] = {{"data", NULL, PART_OBJECT}};
SHAPE_PARTS(admin_jobs, "AdminCronJobs", NULL, admin_jobs_parts, OUT("success", BOOL, 0, ""));

/* Pages of jobs are read one after the other; their objects gather in `jobs`. */
struct overview {
  struct buf jobs;
  struct json_writer w;
  int64_t total, enabled;
  int64_t metric_jobs[METRIC_KEYS]; /* numbers of the jobs; 0 = there is none */
  const char *metrics[METRIC_KEYS];
  size_t asked; /* of metrics */
};

static void overview_free(struct overview *o) { buf_free(&o->jobs); }

static void instant_or_null(struct json_writer *w, const char *key, int64_t ms) {
  jw_key(w, key);
  if (ms == FIELD_NULL) jw_null(w);
  else jw_instant(w, ms);
}

static void add_job(struct overview *o, const struct job_row *row) {
  const struct job *job = row->job;
  struct json_writer *w = &o->w;
  o->total++;
  o->enabled += job->is_active == 1;
  jw_object(w);
  jw_ktext(w, "id", job->id);
  jw_ktext(w, "name", job->name);
  jw_ktext(w, "schedule", job->schedule);
  jw_ktext(w, "category", job->category);
  jw_kbool(w, "enabled", job->is_active == 1);
  jw_kbool(w, "running", row->has_last_run && row->last_run.status == RUN_RUNNING);
  jw_ktext(w, "gate", gate_text(row->gate));
  instant_or_null(w, "lastRunAt", job->last_run_ms);
  instant_or_null(w, "nextRunAt", job->next_run_ms);
  jw_ktext(w, "lastStatus",
           row->has_last_run ? run_status_text((enum run_status)row->last_run.status) : NULL);
  jw_kint(w, "consecutiveFailures", job->failures == FIELD_NULL ? 0 : job->failures);
  jw_object_end(w);
}

static void note_metric_job(struct overview *o, const struct job *job) {
  for (size_t i = 0; i < METRIC_KEYS; i++)
    if (str_eq(str_of(job->name), str_of(metric_keys[i].job))) o->metric_jobs[i] = job->no;
}

static bool count_running(void *arg, const struct run *run, const struct job *job, size_t queue_place) {
  (void)run;
  (void)job;
  *(int64_t *)arg += queue_place == 0;
  return true;
}

static void write_manager(struct call *c, struct json_writer *w, struct overview *o) {
  int64_t running = 0;
  engine_each_run(c->api->engine, count_running, &running);
  const struct settings *s = engine_settings(c->api->engine);
  jw_key(w, "cronManager");
  jw_object(w);
  jw_kbool(w, "isEnabled", s->is_enabled == 1 && !engine_is_process_off(c->api->engine));
  jw_kbool(w, "worldJobsStopped", s->world_jobs_stopped == 1);
  jw_kint(w, "totalJobs", o->total);
  jw_kint(w, "runningJobs", running);
  jw_kint(w, "enabledJobs", o->enabled);
  jw_kint(w, "disabledJobs", o->total - o->enabled);
  jw_key(w, "jobs");
  jw_raw(w, buf_str(&o->jobs));
  jw_object_end(w);
}

#define REDUCED                                                                                            \
  "there is no live state: each message is written to the database at once, and temporary events are not " \
  "kept"

/* What the live state is and can do; null: not known now. */
static void write_live(struct call *c, struct json_writer *w) {
  struct engine_worlds s = engine_worlds(c->api->engine);
  bool is_none = str_eq(str_of(s.live_mode), STR("none"));
  jw_key(w, "redis");
  jw_object(w);
  jw_ktext(w, "mode", s.live_mode);
  jw_ktext(w, "database", s.database);
  jw_kbool(w, "available", s.is_there && s.has_live);
  jw_ktext(w, "why", s.is_there ? NULL : s.why);
  jw_kbool(w, "reduced", is_none);
  jw_ktext(w, "reducedBecause", is_none ? REDUCED : NULL);
  if (s.has_live) {
    jw_ktext(w, "server", s.live.server);
    jw_ktext(w, "durability", s.live.durability);
    jw_kint(w, "worlds", s.live.worlds);
    jw_kint(w, "dirtyWorlds", s.live.dirty_worlds);
    jw_kint(w, "locks", s.live.locks);
    jw_kint(w, "usedBytes", s.live.used_bytes);
    jw_kbool(w, "isMeasured", s.live.is_measured);
  }
  jw_object_end(w);
}

static void answer_overview(struct call *c, struct overview *o) {
  jw_array_end(&o->w);
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kbool(w, "success", true);
  jw_key(w, "data");
  jw_object(w);
  write_manager(c, w, o);
  jw_key(w, "jobMetrics");
  jw_object(w);
  for (size_t i = 0; i < METRIC_KEYS; i++) {
    jw_key(w, metric_keys[i].key);
    if (o->metrics[i]) jw_raw(w, str_of(o->metrics[i]));
    else jw_null(w);
  }
  jw_kinstant(w, "timestamp", call_now_ms(c));
  jw_object_end(w);
  write_live(c, w);
  jw_object_end(w);
  jw_object_end(w);
  if (buf_error(&o->jobs)) c->out.error = buf_error(&o->jobs);
  overview_free(o);
  call_end(c, 200);
}

/* The result of the last run that has ended, job by job. */
#define ENDED_MASK \
  (1U << RUN_SUCCESS | 1U << RUN_FAILED | 1U << RUN_TIMEOUT | 1U << RUN_SKIPPED | 1U << RUN_LOST)

static void ask_for_metrics(struct call *c);

static void on_metrics(struct call *c, struct store_read *read) {
  struct overview *o = c->state;
  if (read->error == ERR_OK && read->count > 0 && read->runs[0].run.result)
    o->metrics[o->asked] = arena_strdup(&c->req->arena, str_of(read->runs[0].run.result));
  o->asked++;
  ask_for_metrics(c);
}

static void ask_for_metrics(struct call *c) {
  struct overview *o = c->state;
  while (o->asked < METRIC_KEYS && !o->metric_jobs[o->asked]) o->asked++;
  if (o->asked == METRIC_KEYS) {
    answer_overview(c, o);
    return;
  }
  struct store_read *r = store_read_new(READ_RUNS, call_now_ms(c));
  if (!r) {
    overview_free(o);
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  r->no = o->metric_jobs[o->asked];
  r->status_mask = ENDED_MASK;
  r->from_ms = r->to_ms = INSTANT_NONE;
  r->limit = 1;
  call_read_any(c, r, on_metrics);
}

static void on_page(struct call *c, struct store_read *read);

static void ask_for_page(struct call *c, const char *after) {
  struct store_read *r = call_new_read(c, READ_JOBS);
  if (!r) return;
  r->is_active = -1;
  r->limit = LIMIT_PAGE;
  r->after_text = str_of(after);
  call_read_any(c, r, on_page);
}

static void on_page(struct call *c, struct store_read *read) {
  struct overview *o = c->state;
  if (read->error != ERR_OK) {
    overview_free(o);
    c->detail = read->detail;
    call_fail(c, read->error);
    return;
  }
  for (size_t i = 0; i < read->count; i++) {
    add_job(o, &read->jobs[i]);
    note_metric_job(o, read->jobs[i].job);
  }
  bool has_more = read->has_more && read->count > 0 && o->total < JOBS_SHOWN_MAX;
  if (has_more) ask_for_page(c, arena_strdup(&c->req->arena, str_of(read->jobs[read->count - 1].job->name)));
  else ask_for_metrics(c);
}

void admin_jobs_get(struct call *c) {
  struct overview *o = ARENA_NEW(&c->req->arena, struct overview);
  if (!o) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  o->jobs = buf_new(LIMIT_ANSWER_BYTES - 1024 * 1024);
  o->w = jw_new(&o->jobs);
  jw_array(&o->w);
  c->state = o;
  ask_for_page(c, NULL);
}

/* ---- POST ---- */

struct admin_action {
  const char *action, *job;
};
SHAPE_OF(admin_action, "AdminAction", sizeof(struct admin_action),
         IN(struct admin_action, action, "action", TEXT, FIELD_REQUIRED, 1, 40, FIELD_NULL,
            "run, enable, disable, stop-all or restart-all"),
         IN(struct admin_action, job, "jobName", TEXT, 0, 1, LIMIT_NAME_BYTES, FIELD_NULL,
            "for run, enable and disable"));
static const struct shape_part admin_answer_parts[] = {{"jobs", NULL, PART_TEXTS}};
SHAPE_PARTS(admin_answer, "AdminAnswer", NULL, admin_answer_parts, OUT("success", BOOL, 0, ""));

static void do_run(struct call *c) {
  job_start(c, &(struct run_order){.trigger = TRIGGER_MANUAL,
                                   .refuse_when_running = true,
                                   .wait_s = prefer_wait_s(http_request_header(c->req, "Prefer")),
                                   .status = 200});
}

static void activity_set(struct call *c, const struct engine_answer *answer) {
  bool is_active = answer->change ? answer->change->job.saved->is_active == 1 : c->job->is_active == 1;
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kbool(w, "success", true);
  jw_ktext(w, "jobName", c->job->name);
  jw_kbool(w, "isActive", is_active);
  jw_ktext(w, "message", is_active ? "the job is enabled" : "the job is disabled");
  jw_object_end(w);
  call_end(c, 200);
}

static void do_enable(struct call *c) { job_set_active(c, true, activity_set); }
static void do_disable(struct call *c) { job_set_active(c, false, activity_set); }

static void world_jobs_set(struct call *c, const struct engine_answer *answer) {
  struct json_writer *w = call_begin(c);
  bool is_stopped = answer->change->gate.gate != GATE_OPEN;
  jw_object(w);
  jw_kbool(w, "success", true);
  jw_ktext(w, "message",
           is_stopped ? "no world job starts by schedule any more; what runs ends by itself"
                      : "the world jobs start by schedule again");
  jw_key(w, "jobs");
  jw_array(w);
  for (size_t i = 0; i < sizeof world_jobs / sizeof *world_jobs; i++) jw_text(w, world_jobs[i]);
  jw_array_end(w);
  jw_object_end(w);
  call_end(c, 200);
}

static void set_world_jobs(struct call *c, enum gate gate) {
  struct change *change = call_new_change(c, CHANGE_GATE);
  if (!change) return;
  change->gate.scope = GATE_SCOPE_WORLD_JOBS;
  change->gate.gate = gate;
  change->gate.gate_until_ms = INSTANT_NEVER;
  call_note(c, change, gate == GATE_OPEN ? "restart-all" : "stop-all", "world-jobs", NULL, NULL);
  call_edit(c, change, world_jobs_set);
}

static void do_stop_all(struct call *c) { set_world_jobs(c, GATE_OFF); }
static void do_restart_all(struct call *c) { set_world_jobs(c, GATE_OPEN); }

static const struct action {
  const char *name;
  bool needs_job;
  void (*act)(struct call *c);
} actions[] = {{"run", true, do_run},
               {"enable", true, do_enable},
               {"disable", true, do_disable},
               {"stop-all", false, do_stop_all},
               {"restart-all", false, do_restart_all}};

static const struct action *find_action(const char *name) {
  for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
    if (str_eq(str_of(actions[i].name), str_of(name))) return &actions[i];
  return NULL;
}

static void on_job(struct call *c, struct store_read *read) {
  enum err e = read->error;
  c->detail = read->detail;
  if (e == ERR_OK) {
    c->job = job_ref(read->jobs[0].job);
    e = call_check_job(c, c->job, true);
  }
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  const struct action *action = find_action(CALL_INPUT(c, struct admin_action)->action);
  ASSERT(action); /* admin_jobs_post has looked */
  action->act(c);
}

void admin_jobs_post(struct call *c) {
  const struct admin_action *in = CALL_INPUT(c, struct admin_action);
  const struct action *action = find_action(in->action);
  if (!action) {
    (void)err_set(&c->detail, ERR_INVALID, "action", 0, "\"%.40s\" is not an action", in->action);
    err_hint(&c->detail, "run, enable, disable, stop-all, restart-all");
    call_fail(c, ERR_INVALID);
  } else if (action->needs_job && !in->job) {
    call_refuse(c, ERR_INVALID, "jobName", "%s needs a jobName", action->name);
  } else if (action->needs_job) {
    call_read_job(c, str_of(in->job), on_job);
  } else {
    action->act(c);
  }
}
