#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/engine_private.h"
#include "app/row_output.h"
#include "warden/spool.h"

/* An ended run whose output's head and tail are read on a work thread. */
struct ending {
  struct engine *engine;
  struct warden_end end;
  char *result; /* JSON, or NULL */
  char path[CONFIG_VALUE_BYTES_MAX + 64];
  struct buf output;
  bool is_cut;
};

/* ---- the warden's word as a run's status; pure ---- */

static struct end_facts judge_exit(int code) {
  switch (code) {
    case EXECUTOR_OK:
      return (struct end_facts){RUN_SUCCESS, REASON_SUCCESS, false};
    case EXECUTOR_SKIPPED:
      return (struct end_facts){RUN_SKIPPED, REASON_SKIPPED_BY_JOB, false};
    case EXECUTOR_TIMEOUT:
      return (struct end_facts){RUN_TIMEOUT, REASON_TIMEOUT, true};
    case 125:
    case 126:
    case 127:
      return (struct end_facts){RUN_FAILED, REASON_COULD_NOT_START, true};
    default:
      return (struct end_facts){RUN_FAILED, REASON_FAILED, true};
  }
}

static struct end_facts judge_kill(uint32_t reason) {
  switch (reason) {
    case KILL_REPLACED:
      return (struct end_facts){RUN_CANCELLED, REASON_REPLACED, false};
    case KILL_DISABLED:
      return (struct end_facts){RUN_CANCELLED, REASON_DISABLED, false};
    case KILL_TOTAL_TIMEOUT:
      return (struct end_facts){RUN_TIMEOUT, REASON_TOTAL_TIMEOUT, false};
    case KILL_LEASE_LOST:
    case KILL_SHUTDOWN:
      return (struct end_facts){RUN_LOST, REASON_LOST, true};
    default:
      return (struct end_facts){RUN_CANCELLED, REASON_CANCELLED, false};
  }
}

struct end_facts engine_judge_end(const struct warden_end *end) {
  switch ((enum warden_how)end->how) {
    case WARDEN_EXITED:
      return judge_exit(end->code);
    case WARDEN_SIGNALLED:
      return (struct end_facts){RUN_FAILED, REASON_FAILED, true};
    case WARDEN_TIMEOUT:
      if (end->reason == KILL_TOTAL_TIMEOUT) return (struct end_facts){RUN_TIMEOUT, REASON_TOTAL_TIMEOUT, false};
      return (struct end_facts){RUN_TIMEOUT, REASON_TIMEOUT, true};
    case WARDEN_KILLED:
      return judge_kill(end->reason);
    case WARDEN_LIMIT:
      return (struct end_facts){RUN_FAILED, end->reason == KILL_PIDS ? REASON_PIDS_LIMIT : REASON_MEMORY_LIMIT, true};
    case WARDEN_COULD_NOT_START:
      return (struct end_facts){RUN_FAILED, REASON_COULD_NOT_START, true};
    case WARDEN_LOST:
      return (struct end_facts){RUN_LOST, REASON_LOST, true};
  }
  return (struct end_facts){RUN_LOST, REASON_LOST, true}; /* a newer warden's word that we do not know */
}

static void explain_end(const struct warden_end *end, char *ret, size_t size) {
  double seconds = (double)(end->ended_tick_us - end->run.started_tick_us) / 1e6;
  ret[0] = '\0';
  switch ((enum warden_how)end->how) {
    case WARDEN_EXITED:
      if (end->code != 0) snprintf(ret, size, "exit code %d", end->code);
      break;
    case WARDEN_SIGNALLED:
      snprintf(ret, size, "ended by signal %d (SIG%s)%s", end->code, sigabbrev_np(end->code) ? sigabbrev_np(end->code) : "?",
               end->flags & WARDEN_END_CORE ? ", core dumped" : "");
      break;
    case WARDEN_TIMEOUT:
      snprintf(ret, size, "timed out after %.1f s (%s)", seconds, kill_reason_name((enum kill_reason)end->reason));
      break;
    case WARDEN_KILLED:
      snprintf(ret, size, "ended from outside: %s", kill_reason_name((enum kill_reason)end->reason));
      break;
    case WARDEN_LIMIT:
      snprintf(ret, size, "ended because of its %s limit", end->reason == KILL_PIDS ? "process" : "memory");
      break;
    case WARDEN_COULD_NOT_START:
      snprintf(ret, size, "could not start: %s: %s", warden_stage_name((enum warden_stage)end->stage),
               strerrordesc_np(end->code) ? strerrordesc_np(end->code) : "unknown error");
      break;
    case WARDEN_LOST:
      snprintf(ret, size, "lost: the process that watched it died");
      break;
  }
}

static int64_t exit_code_of(const struct warden_end *end) {
  switch ((enum warden_how)end->how) {
    case WARDEN_EXITED:
      return end->code;
    case WARDEN_SIGNALLED:
      return 128 + end->code;
    case WARDEN_TIMEOUT:
      return EXECUTOR_TIMEOUT;
    case WARDEN_KILLED:
    case WARDEN_LIMIT:
      return end->code > 0 ? end->code : 137;
    case WARDEN_COULD_NOT_START:
      return end->code == ENOENT ? 127 : end->code == EACCES ? 126 : 125;
    case WARDEN_LOST:
      break;
  }
  return FIELD_NULL;
}

static void set_bill(struct run *facts, const struct warden_end *end) {
  const struct warden_bill *b = &end->bill;
  int64_t took_us = end->ended_tick_us - end->run.started_tick_us;
  facts->cpu_user_us = b->cpu_user_us;
  facts->cpu_system_us = b->cpu_system_us;
  facts->peak_memory_bytes = b->memory_peak_bytes;
  facts->memory_mb = b->memory_peak_bytes / (1024 * 1024);
  facts->io_read_bytes = b->io_read_bytes;
  facts->io_write_bytes = b->io_write_bytes;
  facts->context_switches = b->switches_voluntary + b->switches_forced;
  facts->bill_source = end->flags & WARDEN_END_EXACT_BILL ? "exact" : "sampled";
  facts->containment = end->flags & WARDEN_END_CONTAINED ? "full" : "partial";
  if (took_us > 0) facts->cpu_pct = (int64_t)(100000.0 * (double)(b->cpu_user_us + b->cpu_system_us) / (double)took_us);
}

static int64_t duration_ms(const struct engine *e, const struct warden_end *end) {
  int64_t by_tick = (end->ended_tick_us - end->run.started_tick_us) / 1000;
  int64_t by_wall = end->ended_ms - end->run.started_ms;
  return e->is_test_clock || by_tick < 0 ? (by_wall > 0 ? by_wall : 0) : by_tick; /* the wall clock may have been set */
}

static void tell_end(struct ending *x) {
  struct engine *e = x->engine;
  const struct warden_end *end = &x->end;
  struct end_facts judged = engine_judge_end(end);
  struct sched_end ended = {.run_no = end->run.run_no, .status = judged.status, .reason = judged.reason, .may_retry = judged.may_retry};
  struct run *facts = &ended.facts;
  run_init(facts);
  facts->no = end->run.run_no;
  facts->job_no = end->run.job_no;
  facts->started_ms = end->run.started_ms;
  facts->finished_ms = end->ended_ms;
  facts->duration_ms = duration_ms(e, end);
  facts->exit_code = exit_code_of(end);
  facts->signal = end->how == WARDEN_SIGNALLED ? end->code : FIELD_NULL;
  facts->output = x->output.len ? buf_text(&x->output) : NULL;
  facts->output_bytes = end->output_bytes;
  facts->output_truncated = x->is_cut || (end->flags & WARDEN_END_TRUNCATED) != 0;
  facts->result = x->result;
  if (end->how != WARDEN_LOST && end->how != WARDEN_COULD_NOT_START) set_bill(facts, end);
  char why[300], message[800];
  explain_end(end, why, sizeof why);
  if (run_is_failure(judged.status) || judged.status == RUN_CANCELLED) {
    struct str last = output_last_line(buf_str(&x->output));
    if (last.len > 400) last.len = output_cut(last, 400);
    snprintf(message, sizeof message, "%s%s%.*s", why[0] ? why : "failed", last.len ? ": " : "", STR_ARG(last));
    facts->error_message = message;
  }
  engine_step(e, &(struct sched_event){.kind = SCHED_ENDED, .run_no = ended.run_no, .at_ms = end->ended_ms, .end = &ended});
}

static void ending_free(struct ending *x) {
  buf_free(&x->output);
  free(x->result);
  free(x);
}

static void read_output(void *arg) { /* on a work thread */
  struct ending *x = arg;
  output_read(x->path, &x->output, &x->is_cut);
}

static void ending_done(void *arg) {
  struct ending *x = arg;
  x->engine->work_out--;
  tell_end(x);
  ending_free(x);
}

static char *result_copy(struct str result) {
  json_t *parsed = NULL;
  if (!result.len || json_parse(result, &parsed, NULL) != ERR_OK) return NULL;
  json_decref(parsed);
  return str_dup(result);
}

void engine_on_ended(void *arg, const struct warden_end *end, struct str result) {
  struct engine *e = arg;
  if (!e->was_up && engine_boot_collect(e, &end->run, end, result)) return;
  struct live_run *live = map_get(&e->live, (uint64_t)end->run.run_no);
  if (!live) { /* its END is on record already: the acknowledgement was lost */
    (void)warden_ack(e->warden, end->run.run_no);
    return;
  }
  if (live->state == LIVE_ENDED) return; /* repeated */
  if (live->state != LIVE_STARTED)       /* STARTED was lost with a connection */
    engine_step(e, &(struct sched_event){.kind = SCHED_STARTED, .run_no = live->run_no, .at_ms = end->run.started_ms});
  live->state = LIVE_ENDED;
  struct ending *x = calloc(1, sizeof *x);
  ASSERT(x);
  *x = (struct ending){.engine = e, .end = *end, .result = result_copy(result), .output = buf_new(LIMIT_ROW_OUTPUT_BYTES)};
  if (end->output_bytes == 0) {
    tell_end(x);
    ending_free(x);
    return;
  }
  snprintf(x->path, sizeof x->path, "%s/spool/%s", e->folder, spool_name(end->run.run_no).text);
  e->work_out++;
  if (work_submit(e->work, read_output, ending_done, x) == ERR_OK) return;
  read_output(x); /* the work threads are busy: 64 KiB from the page cache cost less than waiting */
  ending_done(x);
}

void engine_end_lost(struct engine *e, int64_t run_no, const char *why) {
  struct sched_end ended = {.run_no = run_no, .status = RUN_LOST, .reason = REASON_LOST, .may_retry = true};
  run_init(&ended.facts);
  ended.facts.no = run_no;
  ended.facts.finished_ms = engine_now_ms(e);
  ended.facts.error_message = why;
  engine_step(e, &(struct sched_event){.kind = SCHED_ENDED, .run_no = run_no, .at_ms = engine_now_ms(e), .end = &ended});
}
