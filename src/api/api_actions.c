/* What is done with jobs: run, stop, pause, resume. */
#include <stdlib.h>

#include "api/api_jobs.h"
#include "api/job_edit.h"
#include "api/render.h"
#include "sys/loop.h"

/* ---- run ---- */

struct run_request {
  const char *params;
};
SHAPE_OF(run_request, "RunRequest", sizeof(struct run_request),
         IN(struct run_request, params, "params", JSON, FIELD_NULLABLE, 0, LIMIT_PARAMS_BYTES, FIELD_NULL,
            "instead of the job's params, for this run only; needs the role editor"));
static const struct shape_part run_answer_parts[] = {{"execution", &run_row_shape, PART_NULLABLE},
                                                     {"metrics", NULL, PART_OBJECT}};
SHAPE_PARTS(run_answer, "RunAnswer", NULL, run_answer_parts,
            OUT("success", BOOL, 0, "false when the run has failed"),
            OUT("executionId", TEXT, 0, "of /api/cron/executions"), OUT("jobId", TEXT, 0, ""),
            OUT("jobName", TEXT, 0, ""),
            OUT_ENUM("status", FIELD_NULLABLE, run_status_names, "null: accepted, not waited for"));

/* Lives on its own: the run may end, the time may pass, or the client may go first. */
struct waiting {
  struct call *call;
  int64_t run_no;
  int status;
  struct engine_wait *wait;
  struct loop_timer *timer;
};

static void write_answer(struct call *c, int64_t run_no, const struct run *run) {
  struct json_writer *w = call_begin(c);
  struct id_text id = id_to_text(run_no);
  struct run_row row = {};
  if (run) row.run = *run;
  render_name_run(&row, c->job);
  jw_object(w);
  jw_kbool(w, "success", !run || !run_is_failure((enum run_status)run->status));
  jw_ktext(w, "executionId", id.text);
  jw_ktext(w, "jobId", c->job->id);
  jw_ktext(w, "jobName", c->job->name);
  jw_ktext(w, "status", run ? run_status_text((enum run_status)run->status) : NULL);
  jw_key(w, "metrics");
  if (run && run->result) jw_raw(w, str_of(run->result));
  else jw_null(w);
  jw_key(w, "execution");
  if (run) render_run_row(w, &row, true, &RENDER(c));
  else jw_null(w);
  jw_object_end(w);
}

static void finish_waiting(struct waiting *wait, const struct run *run) {
  struct call *c = wait->call;
  loop_timer_free(wait->timer);
  http_on_close(c->req, NULL, NULL);
  if (run) http_header(c->req, "Preference-Applied", STR("wait"));
  write_answer(c, wait->run_no, run);
  call_end(c, run ? 200 : wait->status);
  free(wait);
}

static void on_final(void *arg, const struct run *run) {
  struct waiting *wait = arg;
  wait->wait = NULL;
  finish_waiting(wait, run);
}

static void stop_waiting(void *arg) { /* time is over, or the client has gone */
  struct waiting *wait = arg;
  engine_wait_cancel(wait->wait);
  wait->wait = NULL;
  finish_waiting(wait, NULL);
}

static void wait_for(struct call *c, int64_t run_no, const struct run_order *order) {
  struct waiting *wait = calloc(1, sizeof *wait);
  struct engine *e = c->api->engine;
  if (!wait || loop_timer_new(engine_loop(e), stop_waiting, wait, &wait->timer) != ERR_OK) {
    free(wait);
    write_answer(c, run_no, NULL); /* it does run; only waiting is impossible */
    call_end(c, order->status);
    return;
  }
  wait->call = c;
  wait->run_no = run_no;
  wait->status = order->status;
  wait->wait = engine_wait_run(e, run_no, on_final, wait);
  if (!wait->wait) {
    finish_waiting(wait, NULL);
    return;
  }
  http_on_close(c->req, stop_waiting, wait);
  loop_timer_arm_ms(wait->timer, order->wait_s * 1000);
}

void job_log_run(struct call *c, int64_t run_no) {
  struct arena *arena = &c->req->arena;
  call_log(c, "job.run", arena_printf(arena, "job:%s", c->job->name),
           arena_printf(arena, "{\"executionId\":\"%s\"}", id_to_text(run_no).text));
}

static void started(struct call *c, const struct engine_answer *answer) {
  struct run_order *order = c->state;
  struct id_text id = id_to_text(answer->run_no);
  job_log_run(c, answer->run_no);
  c->location = arena_printf(&c->req->arena, "/api/cron/executions/%s", id.text);
  if (order->wait_s > 0) {
    wait_for(c, answer->run_no, order);
    return;
  }
  write_answer(c, answer->run_no, NULL);
  call_end(c, order->status);
}

static void on_started(void *arg, const struct engine_answer *answer) {
  struct call *c = arg;
  if (answer->error == ERR_OK) {
    started(c, answer);
    return;
  }
  c->detail = answer->detail;
  if (answer->error == ERR_CONFLICT && answer->run_no)
    (void)err_set(&c->detail, ERR_CONFLICT, "jobName", 0, "it is running or queued already: execution %s",
                  id_to_text(answer->run_no).text);
  call_fail(c, answer->error);
}

void job_start(struct call *c, const struct run_order *order) {
  struct run_order *kept = ARENA_NEW(&c->req->arena, struct run_order);
  if (!kept) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  *kept = *order;
  c->state = kept;
  struct sched_request request = {.job = c->job,
                                  .trigger = order->trigger,
                                  .params = order->params,
                                  .requested_by = c->who.actor,
                                  .refuse_when_running = order->refuse_when_running};
  engine_run(c->api->engine, &request, on_started, c);
}

/* Other parameters may mean another command, so they are checked like an edit. */
static enum err take_params(struct call *c, const char **ret) {
  if (c->who.role < ROLE_EDITOR)
    return err_set(&c->detail, ERR_FORBIDDEN, "params", 0, "running with other params needs the role editor");
  if (c->who.role < ROLE_ADMIN && job_is_privileged(c->job))
    return err_set(&c->detail, ERR_FORBIDDEN, "params", 0,
                   "only an admin may set this: the job has a user or privileges of its own");
  TRY(job_restore_run_params(c, c->job, json_object_get(c->body, "params"), ret));
  struct job *draft = job_copy(c->job);
  if (!draft) return ERR_NO_MEMORY;
  draft->params = *ret;
  enum err e = job_validate(draft, &c->detail);
  if (e == ERR_OK) e = engine_check_job(c->api->engine, draft, &c->detail);
  job_unref(draft);
  return e;
}

void job_run(struct call *c) {
  const struct run_request *in = CALL_INPUT(c, struct run_request);
  struct run_order order = {.trigger = TRIGGER_MANUAL,
                            .wait_s = prefer_wait_s(http_request_header(c->req, "Prefer")),
                            .status = 202};
  enum err e = in->params ? take_params(c, &order.params) : ERR_OK;
  if (e != ERR_OK) call_fail(c, e);
  else job_start(c, &order);
}

/* ---- stop: no due instants any more, and what runs may be killed (C-69) ---- */

struct stop_request {
  int64_t kill;
};
SHAPE_OF(stop_request, "StopRequest", sizeof(struct stop_request),
         IN(struct stop_request, kill, "kill", BOOL, 0, 0, 1, 0,
            "also cancel what is queued and kill what runs"));
static const struct shape_part stop_answer_parts[] = {{"cancelled", NULL, PART_TEXTS}};
SHAPE_PARTS(stop_answer, "StopAnswer", NULL, stop_answer_parts, OUT("success", BOOL, 0, ""),
            OUT("jobId", TEXT, 0, ""), OUT("jobName", TEXT, 0, ""), OUT("isActive", BOOL, 0, "false"));

#define STOP_RUNS_MAX 1000
struct stopping {
  int64_t job_no;
  size_t count;
  int64_t runs[STOP_RUNS_MAX];
};

static bool collect(void *arg, const struct run *run, const struct job *job, size_t queue_place) {
  (void)job;
  (void)queue_place;
  struct stopping *s = arg;
  if (run->job_no == s->job_no && s->count < STOP_RUNS_MAX) s->runs[s->count++] = run->no;
  return s->count < STOP_RUNS_MAX;
}

static void ignore_answer(void *arg, const struct engine_answer *answer) {
  (void)arg;
  (void)answer; /* a run that has ended meanwhile needs no cancelling */
}

static void stopped(struct call *c, const struct engine_answer *answer) {
  (void)answer;
  bool kills = CALL_INPUT(c, struct stop_request)->kill == 1;
  struct stopping *s = ARENA_NEW(&c->req->arena, struct stopping);
  if (!s) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  s->job_no = c->job->no;
  if (kills) engine_each_run(c->api->engine, collect, s);
  for (size_t i = 0; i < s->count; i++)
    engine_cancel(c->api->engine, s->runs[i], c->who.actor, ignore_answer, NULL);
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kbool(w, "success", true);
  jw_ktext(w, "jobId", c->job->id);
  jw_ktext(w, "jobName", c->job->name);
  jw_kbool(w, "isActive", false);
  jw_key(w, "cancelled");
  jw_array(w);
  for (size_t i = 0; i < s->count; i++) jw_text(w, id_to_text(s->runs[i]).text);
  jw_array_end(w);
  jw_object_end(w);
  call_end(c, 200);
}

void job_stop(struct call *c) { job_set_active(c, false, stopped); }

/* ---- pause and resume: due instants stay on record, skipped/paused ---- */

struct pause_request {
  int64_t until_ms;
  const char *duration, *category;
  int64_t all;
};
#define PAUSE_FIELDS                                                                      \
  IN(struct pause_request, until_ms, "until", INSTANT, FIELD_NULLABLE, 0, 0, FIELD_NULL,  \
     "the pause ends by itself; null: until resumed"),                                    \
      IN(struct pause_request, duration, "for", TEXT, FIELD_NULLABLE, 1, 100, FIELD_NULL, \
         "instead of until: 90, 1h30m, PT2H")
#define MANY_FIELDS                                                                                     \
  IN(struct pause_request, category, "category", TEXT, FIELD_NULLABLE, 1, LIMIT_NAME_BYTES, FIELD_NULL, \
     "all jobs of this category"),                                                                      \
      IN(struct pause_request, all, "all", BOOL, 0, 0, 1, 0, "all jobs; instead of a category")
SHAPE_OF(pause_request, "PauseRequest", sizeof(struct pause_request), PAUSE_FIELDS);
SHAPE_OF(pause_many, "PauseManyRequest", sizeof(struct pause_request), PAUSE_FIELDS, MANY_FIELDS);
SHAPE_OF(resume_many, "ResumeManyRequest", sizeof(struct pause_request), MANY_FIELDS);
SHAPE_OF(gate_answer, "GateAnswer", 0, OUT("success", BOOL, 0, ""),
         OUT_ENUM("gate", 0, gate_names, "paused or open"), OUT("jobName", TEXT, FIELD_NULLABLE, ""),
         OUT("category", TEXT, FIELD_NULLABLE, ""), OUT("all", BOOL, 0, ""),
         OUT("until", INSTANT, FIELD_NULLABLE, "null: until resumed"));

static enum err end_of_pause(struct call *c, const struct pause_request *in, int64_t *ret_until_ms) {
  int64_t now = call_now_ms(c), length;
  *ret_until_ms = INSTANT_NEVER;
  if (in->duration && in->until_ms != FIELD_NULL)
    return err_set(&c->detail, ERR_INVALID, "for", 0, "give until or for, not both");
  if (in->duration) {
    if (!duration_from_text(str_of(in->duration), &length) || length == 0)
      return err_set(&c->detail, ERR_INVALID, "for", 0, "a duration like 90, 1h30m or PT2H");
    *ret_until_ms = now + length;
  } else if (in->until_ms != FIELD_NULL) {
    if (in->until_ms <= now)
      return err_set(&c->detail, ERR_INVALID, "until", 0, "until must be in the future");
    *ret_until_ms = in->until_ms;
  }
  return ERR_OK;
}

struct gate_order {
  enum gate_scope scope;
  enum gate gate;
  const char *key, *object, *category;
  int64_t until_ms;
};

static void gate_set(struct call *c, const struct engine_answer *answer) {
  (void)answer;
  const struct gate_order *o = c->state;
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kbool(w, "success", true);
  jw_ktext(w, "gate", gate_text(o->gate));
  jw_ktext(w, "jobName", o->scope == GATE_SCOPE_JOB ? c->job->name : NULL);
  jw_ktext(w, "category", o->category);
  jw_kbool(w, "all", o->scope == GATE_SCOPE_ALL);
  jw_key(w, "until");
  if (o->gate == GATE_OPEN || o->until_ms == INSTANT_NEVER) jw_null(w);
  else jw_instant(w, o->until_ms);
  jw_object_end(w);
  call_end(c, 200);
}

static void set_gate(struct call *c, const struct gate_order *order) {
  struct gate_order *o = ARENA_NEW(&c->req->arena, struct gate_order);
  struct change *change = o ? call_new_change(c, CHANGE_GATE) : NULL;
  if (!o) call_fail(c, ERR_NO_MEMORY);
  if (!change) return;
  *o = *order;
  c->state = o;
  change->gate.scope = o->scope;
  change->gate.key = o->key ? arena_strdup(&change->arena, str_of(o->key)) : NULL;
  change->gate.job_no = o->scope == GATE_SCOPE_JOB ? c->job->no : 0;
  change->gate.job = o->scope == GATE_SCOPE_JOB ? job_ref(c->job) : NULL;
  change->gate.gate = o->gate;
  change->gate.gate_until_ms = o->until_ms;
  call_note(c, change, o->gate == GATE_OPEN ? "resume" : "pause", o->object, NULL, NULL);
  call_edit(c, change, gate_set);
}

static void gate_of_job(struct call *c, enum gate gate, int64_t until_ms) {
  struct arena *arena = &c->req->arena;
  set_gate(c, &(struct gate_order){.scope = GATE_SCOPE_JOB,
                                   .gate = gate,
                                   .key = arena_printf(arena, "%lld", (long long)c->job->no),
                                   .object = arena_printf(arena, "job:%s", c->job->name),
                                   .until_ms = until_ms});
}

void job_pause(struct call *c) {
  int64_t until_ms;
  enum err e = end_of_pause(c, c->input, &until_ms);
  if (e != ERR_OK) call_fail(c, e);
  else gate_of_job(c, GATE_PAUSED, until_ms);
}

void job_resume(struct call *c) { gate_of_job(c, GATE_OPEN, INSTANT_NEVER); }

static void gate_of_many(struct call *c, enum gate gate, int64_t until_ms) {
  const struct pause_request *in = c->input;
  if ((in->all == 1) == (in->category != NULL)) {
    call_refuse(c, ERR_INVALID, "category", "give either category or all:true");
    return;
  }
  bool is_all = in->all == 1;
  set_gate(c, &(struct gate_order){
                  .scope = is_all ? GATE_SCOPE_ALL : GATE_SCOPE_CATEGORY,
                  .gate = gate,
                  .key = in->category,
                  .object = is_all ? "all" : arena_printf(&c->req->arena, "category:%s", in->category),
                  .category = in->category,
                  .until_ms = until_ms});
}

void jobs_pause(struct call *c) {
  int64_t until_ms;
  enum err e = end_of_pause(c, c->input, &until_ms);
  if (e != ERR_OK) call_fail(c, e);
  else gate_of_many(c, GATE_PAUSED, until_ms);
}

void jobs_resume(struct call *c) { gate_of_many(c, GATE_OPEN, INSTANT_NEVER); }
