/* POST and GET /api/cron/auto-pause-worlds and /api/cron/delete-scheduled-worlds (seed B): the doors for
 * external schedulers, opened by CRON_SECRET. They run the jobs auto-pause and delete-scheduled-worlds. */
#include <stdlib.h>

#include "api/api_admin.h"
#include "api/api_jobs.h"
#include "api/render.h"
#include "sys/loop.h"

#define CRON_WAIT_S 300 /* then the answer says that it is still running */

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

static void answer(struct cron_wait *wait, const struct run *run) {
  struct call *c = wait->call;
  bool has_failed = run && run_is_failure((enum run_status)run->status);
  struct json_writer *w = call_begin(c);
  loop_timer_free(wait->timer);
  http_on_close(c->req, NULL, NULL);
  jw_object(w);
  jw_kbool(w, "success", !has_failed);
  if (run) write_result(w, run->result);
  if (run && run->duration_ms != FIELD_NULL) jw_kint(w, "durationMs", run->duration_ms);
  if (has_failed) jw_ktext(w, "error", run->error_message ? run->error_message : "the job has failed");
  jw_ktext(w, "executionId", id_to_text(wait->run_no).text);
  jw_ktext(w, "status", run ? run_status_text((enum run_status)run->status) : "running");
  if (wait->is_coalesced) jw_kbool(w, "coalesced", true);
  jw_object_end(w);
  free(wait);
  call_end(c, has_failed ? 500 : run ? 200 : 202);
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

/* ---- running: single flight per job (X-3) ---- */

struct running_search {
  int64_t job_no, run_no;
};

static bool find_running(void *arg, const struct run *run, const struct job *job, size_t queue_place) {
  (void)job;
  (void)queue_place;
  struct running_search *s = arg;
  if (run->job_no == s->job_no) s->run_no = run->no;
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
  struct running_search s = {.job_no = c->job->no};
  engine_each_run(c->api->engine, find_running, &s);
  if (s.run_no) {
    wait_for(c, s.run_no, true);
    return;
  }
  struct sched_request request = {.job = c->job, .trigger = TRIGGER_API, .requested_by = c->who.actor};
  engine_run(c->api->engine, &request, on_started, c);
}

static void show_last(struct call *c, const struct job_row *row) {
  struct json_writer *w = call_begin(c);
  struct run_row last = {
      .run = row->last_run, .job_name = row->job->name, .job_category = row->job->category};
  jw_object(w);
  jw_kbool(w, "success", true);
  jw_ktext(w, "jobName", row->job->name);
  jw_key(w, "lastExecution");
  if (row->has_last_run) render_run_row(w, &last, false, &c->req->arena);
  else jw_null(w);
  jw_object_end(w);
  call_end(c, 200);
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
  else show_last(c, &read->jobs[0]);
}

void cron_get(struct call *c) { call_read_job(c, job_of_door(c->req->path), on_job); }
void cron_post(struct call *c) { call_read_job(c, job_of_door(c->req->path), on_job); }
