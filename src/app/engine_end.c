#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/end_facts.h"
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

static int64_t duration_ms(const struct engine *e, const struct warden_end *end) {
  int64_t by_tick = (end->ended_tick_us - end->run.started_tick_us) / 1000;
  int64_t by_wall = end->ended_ms - end->run.started_ms;
  return e->is_test_clock || by_tick < 0 ? (by_wall > 0 ? by_wall : 0)
                                         : by_tick; /* the wall clock may have been set */
}

/* A built-in that asks the server was told by the end of its channel that the server had gone (DESIGN 7). The one it
 * was started by is an older epoch; one that asks for another attempt by itself is of ours. */
static bool is_interrupted(const struct engine *e, const struct live_run *live,
                           const struct warden_end *end) {
  if (!live || end->how != WARDEN_EXITED || end->code != EXECUTOR_RETRY) return false;
  const struct executor *executor = executor_find(str_of(live->job->command));
  return executor && executor->needs_channel && end->run.epoch < e->boot.epoch;
}

static void tell_end(struct ending *x) {
  struct engine *e = x->engine;
  const struct warden_end *end = &x->end;
  struct end_facts judged = end_judge(end);
  struct sched_end ended = {.run_no = end->run.run_no,
                            .status = judged.status,
                            .reason = judged.reason,
                            .may_retry = judged.may_retry};
  struct run *facts = &ended.facts;
  run_init(facts);
  facts->no = end->run.run_no;
  facts->job_no = end->run.job_no;
  facts->started_ms = end->run.started_ms;
  facts->finished_ms = end->ended_ms;
  facts->duration_ms = duration_ms(e, end);
  facts->exit_code = end_exit_code(end);
  facts->signal = end->how == WARDEN_SIGNALLED ? end->code : FIELD_NULL;
  facts->output = x->output.len ? buf_text(&x->output) : NULL;
  facts->output_bytes = end->output_bytes;
  facts->output_truncated = x->is_cut || (end->flags & WARDEN_END_TRUNCATED) != 0;
  facts->result = x->result;
  if (end->how != WARDEN_LOST && end->how != WARDEN_COULD_NOT_START) end_set_bill(facts, end);
  char why[300 + ERR_TEXT_MAX], message[800];
  struct live_run *live = map_get(&e->live, (uint64_t)end->run.run_no);
  ended.is_interrupted = is_interrupted(e, live, end);
  end_explain(end, why, sizeof why);
  if (ended.is_interrupted)
    snprintf(why, sizeof why,
             "the server went away meanwhile: the attempt is repeated without being counted");
  else if (live && live->channel_why[0])
    snprintf(why, sizeof why, "its channel was closed: %s", live->channel_why);
  if (run_is_failure(judged.status) || judged.status == RUN_CANCELLED) {
    struct str last = output_last_line(buf_str(&x->output));
    if (last.len > 400) last.len = output_cut(last, 400);
    snprintf(message, sizeof message, "%s%s%.*s", why[0] ? why : "failed", last.len ? ": " : "",
             STR_ARG(last));
    facts->error_message = message;
  }
  engine_step(e, &(struct sched_event){
                     .kind = SCHED_ENDED, .run_no = ended.run_no, .at_ms = end->ended_ms, .end = &ended});
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

/* The line of fd 3 is {"result":{…}}; the row keeps what is inside. */
static char *result_copy(struct str line) {
  JSON_AUTO json_t *parsed = NULL;
  if (!line.len || json_parse(line, &parsed, NULL) != ERR_OK) return NULL;
  const json_t *inside = json_object_get(parsed, "result");
  return json_to_text(inside ? inside : parsed);
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
    engine_step(e, &(struct sched_event){
                       .kind = SCHED_STARTED, .run_no = live->run_no, .at_ms = end->run.started_ms});
  live->state = LIVE_ENDED;
  struct ending *x = calloc(1, sizeof *x);
  ASSERT(x);
  *x = (struct ending){
      .engine = e, .end = *end, .result = result_copy(result), .output = buf_new(LIMIT_ROW_OUTPUT_BYTES)};
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
  engine_step(e, &(struct sched_event){
                     .kind = SCHED_ENDED, .run_no = run_no, .at_ms = engine_now_ms(e), .end = &ended});
}
