#include "sched/sched_core.h"

enum sched_recovery sched_judge_recovery(const struct sched_recover *r, int64_t horizon_ms) {
  bool is_queued = r->has_run && r->run->status == RUN_QUEUED;
  bool is_running = r->has_run && r->run->status == RUN_RUNNING;
  ASSERT(r->has_claim || is_queued || is_running || r->found != SCHED_FOUND_NOTHING);
  switch (r->found) {
    case SCHED_FOUND_ENDED: return SCHED_AWAIT_END;
    case SCHED_FOUND_LIVING: return SCHED_ADOPT;
    case SCHED_FOUND_GONE: return SCHED_LOST;
    case SCHED_FOUND_NOTHING: break;
  }
  if (is_queued) return SCHED_REQUEUE; /* has surely never started, on any boot */
  if (is_running) return r->is_same_boot ? SCHED_START_NOW : SCHED_LOST;
  if (r->is_same_boot) return SCHED_START_OR_MISFIRE;
  bool may_have_started =
      r->last_alive_ms != INSTANT_NONE && r->not_before_ms <= r->last_alive_ms + horizon_ms;
  return may_have_started ? SCHED_LOST : SCHED_START_OR_MISFIRE;
}

/* The row, or the journal's START rebuilt as one; else the claim as the attempt it may have been. */
static bool take_row(struct item *i, const struct sched_recover *r, int64_t now_ms) {
  struct run own = i->run;
  if (r->run) {
    i->run = *r->run;
    i->run.no = own.no; /* the same number, when the run has one */
    i->run.id = own.id;
    i->run.job_no = own.job_no;
    i->run.job_id = own.job_id;
    i->run.output = i->run.error_message = i->run.bill_source = i->run.containment = i->run.result = NULL;
  } else {
    i->run.trigger = TRIGGER_SCHEDULE;
    i->run.status = RUN_RUNNING;
    i->run.started_ms = r->not_before_ms;
  }
  i->run.due_ms = r->due_ms;
  if (i->run.version == FIELD_NULL) i->run.version = own.version;
  if (i->run.not_before_ms == FIELD_NULL) i->run.not_before_ms = r->not_before_ms;
  if (i->run.not_before_ms == FIELD_NULL) i->run.not_before_ms = i->run.started_ms;
  if (i->run.queued_ms == FIELD_NULL && i->run.status == RUN_QUEUED) i->run.queued_ms = i->run.not_before_ms;
  i->has_row = r->has_run;
  /* Queued at a later time than now: the clock was set back meanwhile, and delays are durations. */
  bool is_delay = i->run.due_ms == INSTANT_NONE || i->run.attempt > 1;
  int64_t ahead_ms = i->run.queued_ms == FIELD_NULL ? 0 : i->run.queued_ms - now_ms;
  if (is_delay && ahead_ms > 0) {
    i->run.queued_ms -= ahead_ms;
    i->run.not_before_ms -= ahead_ms;
  }
  return sched_item_set_texts(i, r->run ? r->run->params : NULL, r->run ? r->run->requested_by : NULL);
}

/* It runs (or is to): it has its slots, even beyond the capacity of now. What has ended already, and only
 * its END is to come, takes none. */
static enum err take_running(struct sched *s, struct item *i, bool must_start, bool has_ended) {
  if (!sched_item_bind(s, i)) return ERR_NO_MEMORY;
  if (!i->has_row && !must_start && !has_ended && !sched_record_start(s, i)) return ERR_NO_MEMORY;
  if (!has_ended) sched_item_take_slots(s, i);
  sched_item_set_state(s, i, must_start ? ITEM_STARTING : ITEM_RUNNING);
  i->is_unsent = must_start;
  s->must_resume |= must_start;
  return ERR_OK;
}

static enum err take_lost(struct sched *s, struct item *i, bool is_known_start) {
  struct sched_end end = {
      .run_no = i->run.no, .status = RUN_LOST, .reason = is_known_start ? REASON_LOST : REASON_START_UNKNOWN};
  run_init(&end.facts);
  sched_item_set_state(s, i, ITEM_RUNNING);
  return sched_finish(s, i, &end);
}

enum err sched_recover(struct sched *s, const struct sched_recover *r) {
  ASSERT(!s->is_ready && s->settings);
  enum sched_recovery verdict =
      sched_judge_recovery(r, s->config.horizon_ms ? s->config.horizon_ms : LIMIT_CLAIM_HORIZON_MS);
  struct item *i = sched_item_new(s, r->job, r->run ? r->run->no : 0);
  if (!i) return ERR_NO_MEMORY;
  sched_ids_know(s, i->run.no);
  enum err e = ERR_OK;
  if (verdict == SCHED_START_OR_MISFIRE) {
    struct claim claim = {.due_ms = r->due_ms, .not_before_ms = r->not_before_ms};
    if (!sched_arm(s, i, &claim)) sched_item_drop(s, i);
    return ERR_OK;
  }
  if (!take_row(i, r, s->now_ms)) e = ERR_NO_MEMORY;
  if (i->run.due_ms != INSTANT_NONE && i->run.due_ms > i->js->last_taken_ms)
    i->js->last_taken_ms = i->run.due_ms;
  if (e == ERR_OK) switch (verdict) {
      case SCHED_REQUEUE: e = sched_queue_again(s, i) ? ERR_OK : ERR_NO_MEMORY; break;
      case SCHED_START_NOW: e = take_running(s, i, true, false); break;
      case SCHED_ADOPT: e = take_running(s, i, false, false); break;
      case SCHED_AWAIT_END: e = take_running(s, i, false, true); break;
      case SCHED_LOST: e = take_lost(s, i, r->found != SCHED_FOUND_NOTHING); break;
      case SCHED_START_OR_MISFIRE: break;
    }
  if (e) sched_item_drop(s, i);
  return e;
}
