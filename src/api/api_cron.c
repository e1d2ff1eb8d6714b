/* POST and GET /api/cron/auto-pause-worlds and /api/cron/delete-scheduled-worlds (seed B): the doors for
 * external schedulers, opened by CRON_SECRET. They run the jobs auto-pause and delete-scheduled-worlds. */
#include <stdlib.h>

#include "api/api_admin.h"
#include "api/api_jobs.h"
#include "api/cron_nets.h"
#include "api/render.h"
#include "sys/loop.h"
#include "worlds/worlds.h"

#define CRON_WAIT_S 300 /* B-75: then 504, and the answer names the run, which goes on to its own timeout */

struct cron_query {
  int64_t run;
};
SHAPE_OF(cron_query, "CronQuery", sizeof(struct cron_query),
         IN(struct cron_query, run, "run", INT, 0, 0, 1, 0, "1: run it, as POST does"));
const struct shape cron_answer_shape = {.name = "CronAnswer",
                                        .fields = (const struct field[]){OUT("success", BOOL, 0, "")},
                                        .field_count = &(const size_t){1},
                                        .is_open = true};

static const struct {
  const char *path, *job;
} doors[] = {{"/api/cron/auto-pause-worlds", "auto-pause"},
             {"/api/cron/delete-scheduled-worlds", "delete-scheduled-worlds"}};

static struct str job_of_door(struct str path) {
  for (size_t i = 0; i < sizeof doors / sizeof *doors; i++)
    if (str_eq(str_of(doors[i].path), path)) return str_of(doors[i].job);
  return STR_NONE;
}

/* ---- waiting: the run's result is the answer ---- */

struct cron_wait {
  struct call *call;
  int64_t run_no;
  struct engine_wait *wait;
  struct loop_timer *timer;
  bool is_coalesced;
};

static void write_result(struct json_writer *w, const char *result) {
  JSON_AUTO json_t *object = NULL;
  const char *key;
  json_t *value;
  if (!result || json_parse(str_of(result), &object, NULL) != ERR_OK || !json_is_object(object)) return;
  json_object_foreach(object, key, value) {
    struct str k = str_of(key);
    if (str_eq(k, STR("success")) || str_eq(k, STR("durationMs"))) continue;
    jw_key(w, key);
    jw_value(w, value);
  }
}

/* What stands beside the job's own result. run NULL: it has not ended in time. */
static const char *error_of(const struct run *run) {
  if (!run) return "the job has not ended within 5 minutes";
  if (!run_is_failure((enum run_status)run->status)) return NULL;
  return run->error_message ? run->error_message : "the job has failed";
}

/* B-48: a run by a test's clock, or one shorter than a millisecond, took one. */
static int64_t shown_duration(const struct run *run) { return run->duration_ms > 0 ? run->duration_ms : 1; }

static int status_of(const struct run *run) {
  if (!run) return 504;
  return run_is_failure((enum run_status)run->status) ? run->status == RUN_TIMEOUT ? 504 : 500 : 200;
}

static void answer(struct cron_wait *wait, const struct run *run) {
  struct call *c = wait->call;
  const char *error = error_of(run);
  struct json_writer *w = call_begin(c);
  loop_timer_free(wait->timer);
  http_on_close(c->req, NULL, NULL);
  jw_object(w);
  jw_kbool(w, "success", !error);
  if (run) write_result(w, run->result);
  if (run && run->duration_ms != FIELD_NULL) jw_kint(w, "durationMs", shown_duration(run));
  if (error) jw_ktext(w, "error", error);
  jw_ktext(w, "executionId", id_to_text(wait->run_no).text);
  jw_ktext(w, "status", run ? run_status_text((enum run_status)run->status) : "running");
  if (wait->is_coalesced) jw_kbool(w, "coalesced", true);
  jw_object_end(w);
  free(wait);
  call_end(c, status_of(run));
}

static void on_final(void *arg, const struct run *run) {
  struct cron_wait *wait = arg;
  wait->wait = NULL;
  answer(wait, run);
}

static void give_up(void *arg) {
  struct cron_wait *wait = arg;
  engine_wait_cancel(wait->wait);
  wait->wait = NULL;
  answer(wait, NULL);
}

static void wait_for(struct call *c, int64_t run_no, bool is_coalesced) {
  struct cron_wait *wait = calloc(1, sizeof *wait);
  struct engine *e = c->api->engine;
  if (!wait || loop_timer_new(engine_loop(e), give_up, wait, &wait->timer) != ERR_OK) {
    free(wait);
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  wait->call = c;
  wait->run_no = run_no;
  wait->is_coalesced = is_coalesced;
  wait->wait = engine_wait_run(e, run_no, on_final, wait);
  if (!wait->wait) {
    answer(wait, NULL);
    return;
  }
  http_on_close(c->req, give_up, wait);
  loop_timer_arm_ms(wait->timer, CRON_WAIT_S * 1000);
}

/* ---- running: single flight per job; nobody is kept waiting for a retry that is planned for later ---- */

struct running_search {
  int64_t job_no, run_no, now_ms;
};

static bool find_running(void *arg, const struct run *run, const struct job *job, size_t queue_place) {
  (void)job;
  (void)queue_place;
  struct running_search *s = arg;
  bool is_later =
      run->status == RUN_QUEUED && run->not_before_ms != FIELD_NULL && run->not_before_ms > s->now_ms;
  if (run->job_no == s->job_no && !is_later) s->run_no = run->no;
  return s->run_no == 0;
}

static void on_started(void *arg, const struct engine_answer *a) {
  struct call *c = arg;
  if (a->error == ERR_OK) {
    job_log_run(c, a->run_no);
    wait_for(c, a->run_no, false);
    return;
  }
  c->detail = a->detail;
  call_fail(c, a->error);
}

static void run_job(struct call *c) {
  struct running_search s = {.job_no = c->job->no, .now_ms = engine_now_ms(c->api->engine)};
  engine_each_run(c->api->engine, find_running, &s);
  if (s.run_no) {
    wait_for(c, s.run_no, true);
    return;
  }
  struct sched_request request = {.job = c->job, .trigger = TRIGGER_API, .requested_by = c->who.actor};
  engine_run(c->api->engine, &request, on_started, c);
}

/* ---- statistics: what GET answers (X-9, B-55) ---- */

struct statistics {
  struct run_row last;
  bool has_last;
  size_t asked;
  char *bodies[2]; /* of the calls, JSON; in the arena */
};
static const struct {
  const char *call, *key;
} statistic_calls[] = {{"worlds.pause_stats", "stats"}, {"worlds.impact", "savings"}};
#define STATISTICS (sizeof statistic_calls / sizeof *statistic_calls)

static void answer_statistics(struct call *c) {
  const struct statistics *s = c->state;
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kbool(w, "success", true);
  jw_ktext(w, "jobName", s->last.job_name);
  for (size_t i = 0; i < STATISTICS; i++) {
    jw_key(w, statistic_calls[i].key);
    jw_raw(w, str_of(s->bodies[i]));
  }
  jw_key(w, "lastExecution");
  if (s->has_last) render_run_row(w, &s->last, false, &RENDER(c));
  else jw_null(w);
  jw_object_end(w);
  call_end(c, 200);
}

static void ask_statistics(struct call *c);

static void on_statistics(void *arg, const struct world_reply *reply) {
  struct call *c = arg;
  struct statistics *s = c->state;
  c->detail = reply->detail;
  char *text = reply->error == ERR_OK ? json_to_text(reply->body) : NULL;
  if (text) s->bodies[s->asked] = arena_strdup(&c->req->arena, str_of(text));
  free(text);
  if (reply->error != ERR_OK || !s->bodies[s->asked])
    return call_fail(c, reply->error != ERR_OK ? reply->error : ERR_NO_MEMORY);
  s->asked++;
  ask_statistics(c);
}

static void ask_statistics(struct call *c) {
  const struct statistics *s = c->state;
  if (s->asked == STATISTICS) return answer_statistics(c);
  struct engine_world_ask ask = {.call = world_call_find(str_of(statistic_calls[s->asked].call)),
                                 .actor_kind = ACTOR_SYSTEM,
                                 .actor = str_of(c->who.actor)};
  ASSERT(ask.call);
  engine_world_call(c->api->engine, &ask, on_statistics, c);
}

static void show_statistics(struct call *c, const struct job_row *row) {
  struct statistics *s = ARENA_NEW(&c->req->arena, struct statistics);
  if (!s) return call_fail(c, ERR_NO_MEMORY);
  s->has_last = row->has_last_run;
  s->last.job_name = arena_strdup(&c->req->arena, str_of(row->job->name));
  s->last.job_command = arena_strdup(&c->req->arena, str_of(row->job->command));
  s->last.job_version = row->job->version;
  s->last.job_category = row->job->category ? arena_strdup(&c->req->arena, str_of(row->job->category)) : NULL;
  if (row->has_last_run && call_keep_run(c, &row->last_run, &s->last.run) != ERR_OK)
    return call_fail(c, ERR_NO_MEMORY);
  c->state = s;
  ask_statistics(c);
}

/* Vercel calls its crons with GET. */
static bool is_to_run(const struct call *c) {
  if (c->req->method == HTTP_POST) return true;
  if (c->req->method == HTTP_HEAD) return false;
  return CALL_INPUT(c, struct cron_query)->run == 1 ||
         str_starts(http_request_header(c->req, "User-Agent"), STR("vercel-cron/"));
}

static void on_job(struct call *c, struct store_read *read) {
  bool runs = is_to_run(c);
  enum err e = read->error;
  c->detail = read->detail;
  if (e == ERR_OK) {
    c->job = job_ref(read->jobs[0].job);
    e = call_check_job(c, c->job, runs);
  }
  if (e != ERR_OK) call_fail(c, e);
  else if (runs) run_job(c);
  else show_statistics(c, &read->jobs[0]);
}

static struct str setting(const struct call *c, const char *key) {
  return str_of(engine_config_get(c->api->engine, key));
}

static void open_door(struct call *c) {
  struct str forwarded = http_request_header(c->req, "X-Forwarded-For");
  if (cron_nets_allow(setting(c, "api.cron_nets"), setting(c, "api.proxy_nets"), c->req->peer, forwarded))
    return call_read_job(c, job_of_door(c->req->path), on_job);
  call_log(c, "cron.refused", "address", NULL);
  call_refuse(c, ERR_FORBIDDEN, "address", "this address is not among api.cron_nets");
}

void cron_get(struct call *c) { open_door(c); }
void cron_post(struct call *c) { open_door(c); }
