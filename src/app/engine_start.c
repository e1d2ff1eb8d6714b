#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/engine_private.h"
#include "app/launch_of.h"
#include "base/id.h"
#include "base/log.h"
#include "sys/os_file.h"

#define LAUNCH_ARENA_BYTES (4 * 1024 * 1024)

/* A refusal that is found while the core's actions are performed: told in the next turn. */
struct refusal {
  struct loop_message message;
  struct engine *engine;
  int64_t run_no;
  enum reason reason;
  char text[2 * ERR_TEXT_MAX + ERR_FIELD_MAX];
};

static void tell_refusal(void *arg) {
  struct refusal *r = arg;
  struct engine *e = r->engine;
  struct live_run *live = map_get(&e->live, (uint64_t)r->run_no);
  if (live) engine_live_free(e, live);
  e->work_out--;
  engine_step(e, &(struct sched_event){.kind = SCHED_REFUSED,
                                       .run_no = r->run_no,
                                       .reason = r->reason,
                                       .at_ms = engine_now_ms(e),
                                       .text = r->text});
  free(r);
}

static void refuse_later(struct engine *e, int64_t run_no, enum reason reason, const char *text) {
  struct refusal *r = calloc(1, sizeof *r);
  ASSERT(r);
  *r = (struct refusal){.engine = e, .run_no = run_no, .reason = reason};
  str_copy(r->text, sizeof r->text, str_of(text));
  r->message = (struct loop_message){.fn = tell_refusal, .arg = r};
  e->work_out++;
  loop_post(e->loop, &r->message);
}

struct live_run *engine_live_new(struct engine *e, int64_t run_no, struct job *job, const char *params) {
  struct live_run *live = calloc(1, sizeof *live);
  ASSERT(live);
  *live = (struct live_run){.run_no = run_no, .job = job_ref(job), .params = params ? strdup(params) : NULL};
  enum err error = map_put(&e->live, (uint64_t)run_no, live);
  ASSERT(error == ERR_OK && (!params || live->params));
  return live;
}

void engine_live_free(struct engine *e, struct live_run *live) {
  if (live->watchers > 0) e->watched--;
  engine_channel_close(live);
  (void)map_remove(&e->live, (uint64_t)live->run_no);
  job_unref(live->job);
  free(live->params);
  free(live);
}

static uint32_t to_u32(int64_t value) {
  return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static struct warden_start start_of(const struct engine *e, const struct sched_start *s) {
  struct warden_start start = {
      .run_no = s->run->no,
      .job_no = s->job->no,
      .due_ms = s->run->due_ms == FIELD_NULL ? INSTANT_NONE : s->run->due_ms,
      .version = s->run->version == FIELD_NULL ? s->job->version : s->run->version,
      .epoch = e->boot.epoch,
      .timeout_ms = s->timeout_ms,
      .grace_ms = s->policy.grace_ms,
      .max_runtime_ms = s->max_runtime_ms,
      .memory_bytes_max = s->policy.memory_limit_bytes,
      .attempt = (int32_t)s->run->attempt,
      .trigger = s->run->trigger == FIELD_NULL ? TRIGGER_SCHEDULE : (uint32_t)s->run->trigger,
      .pids_max = to_u32(s->policy.pids_limit),
      .cpu_percent_max = to_u32(s->policy.cpu_limit_pct),
      .flags = s->policy.no_new_privs ? WARDEN_START_NO_NEW_PRIVS : 0,
  };
  if (s->job->run_as) str_copy(start.run_as, sizeof start.run_as, str_of(s->job->run_as));
  return start;
}

void engine_do_start(struct engine *e, const struct sched_start *start) {
  struct live_run *live = map_get(&e->live, (uint64_t)start->run->no);
  if (!live) live = engine_live_new(e, start->run->no, start->job, start->run->params);
  live->start = start_of(e, start);
  live->state = LIVE_UNSENT;
  if (e->is_warden_up) engine_send_start(e, live);
}

static enum err build_launch(struct engine *e, const struct live_run *live, struct warden_launch *ret,
                             struct err_detail *detail) {
  ARENA_AUTO struct arena arena = arena_new(LAUNCH_ARENA_BYTES);
  struct launch_world world = engine_launch_world(e);
  struct run run;
  run_init(&run);
  run.no = live->run_no;
  run.attempt = live->start.attempt;
  run.due_ms = live->start.due_ms == INSTANT_NONE ? FIELD_NULL : live->start.due_ms;
  run.trigger = live->start.trigger;
  run.params = live->params;
  struct launch_choice choice;
  struct warden_launch_spec spec;
  TRY(launch_choose(&world, live->job->command, &choice, detail));
  TRY(launch_spec_of(&world, &choice, live->job, &run, &arena, &spec, detail));
  return warden_launch_build(&spec, ret, detail);
}

void engine_send_start(struct engine *e, struct live_run *live) {
  struct err_detail detail = {};
  struct warden_launch launch = WARDEN_LAUNCH_NONE;
  int channel_fd = -1;
  enum err error = engine_channel_open(e, live, &channel_fd, &detail);
  if (error == ERR_OK) error = build_launch(e, live, &launch, &detail);
  if (error != ERR_OK) {
    os_close(&channel_fd);
    engine_channel_close(live);
    char text[sizeof detail.field + sizeof detail.message + 4];
    snprintf(text, sizeof text, "%s: %s", detail.field, detail.message[0] ? detail.message : err_text(error));
    live->state = LIVE_ENDED;
    return refuse_later(e, live->run_no, REASON_COULD_NOT_START, text);
  }
  live->state = LIVE_SENT;
  error = warden_start(e->warden, &live->start, &launch, channel_fd);
  if (error == ERR_UNAVAILABLE) live->state = LIVE_UNSENT; /* sent again when the warden is up */
  else if (error != ERR_OK) {
    live->state = LIVE_ENDED;
    refuse_later(e, live->run_no, REASON_COULD_NOT_START, err_text(error));
  }
}

static enum kill_reason kill_reason_of(enum reason reason) {
  switch (reason) {
    case REASON_REPLACED: return KILL_REPLACED;
    case REASON_TOTAL_TIMEOUT: return KILL_TOTAL_TIMEOUT;
    case REASON_DISABLED: return KILL_DISABLED;
    default: return KILL_CANCELLED;
  }
}

void engine_do_kill(struct engine *e, int64_t run_no, enum reason reason) {
  struct live_run *live = map_get(&e->live, (uint64_t)run_no);
  if (!live || live->state == LIVE_ENDED) return;
  live->kill = kill_reason_of(reason);
  if (live->state == LIVE_UNSENT) {
    live->state = LIVE_ENDED;
    refuse_later(e, run_no, reason, "ended before it was started");
    return;
  }
  if (e->warden)
    (void)warden_kill(e->warden, run_no, live->kill,
                      false); /* not up: sent again when it is (engine_boot.c) */
}

void engine_do_ack(struct engine *e, int64_t run_no) {
  struct live_run *live = map_get(&e->live, (uint64_t)run_no);
  if (live) engine_live_free(e, live);
  if (e->warden)
    (void)warden_ack(e->warden, run_no); /* not up: it repeats END, which is then acknowledged as known */
}

void engine_live_started(const struct engine *e, struct live_run *live, int64_t started_ms) {
  live->state = LIVE_STARTED;
  live->is_listed = true;
  live->started_ms = started_ms;
  live->started_tick_ms = engine_tick_ms(e);
}

void engine_on_started(void *arg, const struct warden_started *started) {
  struct engine *e = arg;
  struct live_run *live = map_get(&e->live, (uint64_t)started->run.run_no);
  if (!live || live->state != LIVE_SENT) return; /* repeated */
  engine_live_started(e, live, started->run.started_ms);
  live->pid = started->pid;
  engine_step(e, &(struct sched_event){
                     .kind = SCHED_STARTED, .run_no = started->run.run_no, .at_ms = started->run.started_ms});
}

void engine_set_draining(struct engine *e, bool is_draining) {
  if (e->is_warden_draining == is_draining) return;
  e->is_warden_draining = is_draining;
  if (is_draining)
    log_line(LOG_ERROR, "Warden",
             "it was told to end and takes no new runs; they wait until its last one has ended");
  engine_publish_status(e);
}

void engine_on_refused(void *arg, int64_t run_no, enum warden_refusal why, int error_number) {
  struct engine *e = arg;
  struct live_run *live = map_get(&e->live, (uint64_t)run_no);
  if (!live || live->state != LIVE_SENT) return;
  if (why == WARDEN_REFUSED_DRAINING) { /* another warden will come */
    live->state = LIVE_UNSENT;
    engine_set_draining(e, true);
    return;
  }
  if (why == WARDEN_REFUSED_STALE_EPOCH) {
    log_line(LOG_CRITICAL, "Warden", "another server has taken over this data folder; stopping");
    engine_stop(e);
    return;
  }
  char text[ERR_TEXT_MAX];
  snprintf(text, sizeof text, "the warden refused it: %s%s%s", warden_refusal_name(why),
           error_number ? ": " : "", error_number ? strerrordesc_np(error_number) : "");
  engine_live_free(e, live);
  engine_step(e, &(struct sched_event){.kind = SCHED_REFUSED,
                                       .run_no = run_no,
                                       .at_ms = engine_now_ms(e),
                                       .reason = REASON_COULD_NOT_START,
                                       .text = text});
}
