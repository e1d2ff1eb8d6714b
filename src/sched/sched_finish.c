#include "sched/sched_core.h"
#include "time/backoff.h"

/* ---- the row ---- */
/* What identifies an attempt is the core's; everything else comes from whoever saw it end. */
static bool is_identity(const struct field *f) {
  static const size_t own[] = {offsetof(struct run, id),
                               offsetof(struct run, job_id),
                               offsetof(struct run, status),
                               offsetof(struct run, trigger),
                               offsetof(struct run, attempt),
                               offsetof(struct run, due_ms),
                               offsetof(struct run, version),
                               offsetof(struct run, queued_ms),
                               offsetof(struct run, params),
                               offsetof(struct run, requested_by),
                               offsetof(struct run, reason),
                               offsetof(struct run, not_before_ms),
                               offsetof(struct run, first_started_ms)};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (f->offset == own[i]) return true;
  return false;
}

static void merge_facts(struct run *row, const struct run *facts) {
  for (size_t n = 0; n < run_field_count; n++) {
    const struct field *f = &run_fields[n];
    if (is_identity(f)) continue;
    if (f->type == FIELD_TEXT || f->type == FIELD_JSON) {
      if (field_text(f, facts)) field_set_text(f, row, field_text(f, facts));
    } else if (field_int(f, facts) != FIELD_NULL) {
      field_set_int(f, row, field_int(f, facts));
    }
  }
}

static enum reason reason_of(enum run_status status) {
  switch (status) {
    case RUN_SUCCESS: return REASON_SUCCESS;
    case RUN_FAILED: return REASON_FAILED;
    case RUN_TIMEOUT: return REASON_TIMEOUT;
    case RUN_CANCELLED: return REASON_CANCELLED;
    case RUN_SKIPPED: return REASON_SKIPPED_BY_JOB;
    case RUN_LOST: return REASON_LOST;
    case RUN_RUNNING:
    case RUN_QUEUED:
    case RUN_COUNT: break;
  }
  ASSERT(false);
  return REASON_NONE;
}

static struct run ended_row(const struct sched *s, const struct item *i, const struct sched_end *end) {
  struct run row = i->run;
  merge_facts(&row, &end->facts);
  row.status = end->status;
  row.reason = end->reason != REASON_NONE ? end->reason : reason_of(end->status);
  if (row.finished_ms == FIELD_NULL) row.finished_ms = s->now_ms;
  if (row.duration_ms == FIELD_NULL)
    row.duration_ms = row.finished_ms > row.started_ms ? row.finished_ms - row.started_ms : 0;
  if (row.first_started_ms == FIELD_NULL) row.first_started_ms = row.started_ms;
  if (row.lag_ms == FIELD_NULL && row.started_ms >= row.not_before_ms)
    row.lag_ms = row.started_ms - row.not_before_ms;
  /* Told by the clock and not by how the attempt was sent: it may have been sent by the server before. */
  int64_t total_ms = i->def->policy.total_timeout_ms;
  if (row.reason == REASON_TIMEOUT && total_ms > 0 && row.finished_ms >= row.first_started_ms + total_ms)
    row.reason = REASON_TOTAL_TIMEOUT;
  return row;
}

static struct change *change_of_row(struct sched *s, struct item *i, enum change_kind kind,
                                    const struct run *row) {
  struct change *c = sched_change_begin(s, kind);
  if (!c) return NULL;
  if (change_set_run(c, &c->run.run, row)) {
    sched_change_drop(s, c);
    sched_starve(s);
    return NULL;
  }
  c->run.has_run = true;
  c->run.job_no = i->js->no;
  c->run.due_ms = row->due_ms;
  c->run.state = OCCURRENCE_RAN;
  return c;
}

bool sched_record_start(struct sched *s, struct item *i) {
  struct change *c = change_of_row(s, i, CHANGE_START, &i->run);
  if (!c) return false;
  sched_change_send(s, c);
  return true;
}

/* ---- retries ---- */
#define EXIT_RETRY 75 /* the job asks for another attempt: one is allowed even with retries = 0 */

/* Interruptions do not count, but a job that makes the server go away would be repeated for ever. */
static int64_t attempts_max(const struct policy *p, const struct sched_end *end, int64_t interruptions) {
  int64_t more = p->retries;
  if (end->is_interrupted) return 1 + more + LOST_ATTEMPTS_MAX;
  more += interruptions;
  if (end->status == RUN_LOST) {
    if (p->on_crash != CRASH_RETRY) return 0;
    return 1 + (more > LOST_ATTEMPTS_MAX ? more : LOST_ATTEMPTS_MAX);
  }
  if (end->facts.exit_code == EXIT_RETRY) return 1 + (more > 1 ? more : 1);
  return end->may_retry ? 1 + more : 0;
}

static int64_t retry_delay_ms(struct sched *s, const struct policy *p, int64_t attempt) {
  struct backoff b = {.strategy = p->backoff,
                      .delay_ms = p->retry_delay_ms,
                      .cap_ms = p->retry_max_delay_ms,
                      .jitter_percent = (int)p->retry_jitter_pct};
  s->random = hash_int(s->random);
  return backoff_delay_ms(&b, attempt, s->random);
}

/* When the next attempt may start; INSTANT_NEVER: there is none. */
static int64_t retry_at_ms(struct sched *s, const struct item *i, const struct run *row,
                           const struct sched_end *end) {
  const struct policy *p = &i->def->policy;
  if (row->trigger == TRIGGER_TEST) return INSTANT_NEVER; /* once is once, whatever happened */
  if (!run_is_failure(end->status) || row->reason == REASON_TOTAL_TIMEOUT) return INSTANT_NEVER;
  if (i->killed || i->js->is_disabled || row->attempt >= attempts_max(p, end, i->interruptions))
    return INSTANT_NEVER;
  int64_t ended_ms = row->finished_ms < s->now_ms ? row->finished_ms : s->now_ms;
  int64_t at_ms =
      end->is_interrupted ? s->now_ms : ended_ms + retry_delay_ms(s, p, row->attempt - i->interruptions);
  if (at_ms < s->now_ms) at_ms = s->now_ms;
  bool is_in_total = p->total_timeout_ms == 0 || at_ms < row->first_started_ms + p->total_timeout_ms;
  return is_in_total ? at_ms : INSTANT_NEVER;
}

static struct item *retry_new(struct sched *s, const struct item *i, const struct run *row, int64_t at_ms) {
  struct item *r = sched_item_new(s, i->def->job, 0);
  if (!r) return NULL;
  if (!sched_item_set_texts(r, i->params, i->requested_by)) {
    sched_item_drop(s, r);
    return NULL;
  }
  r->run.due_ms = row->due_ms;
  r->run.attempt = row->attempt + 1;
  r->run.trigger = TRIGGER_RETRY;
  r->run.status = RUN_QUEUED;
  r->run.queued_ms = r->run.started_ms = s->now_ms;
  r->run.not_before_ms = at_ms;
  r->run.first_started_ms = row->first_started_ms;
  return r;
}

/* How a chain of attempts ended: see change.run.chain. */
static int chain_of(enum run_status status, bool has_retry) {
  if (has_retry) return 0;
  return status == RUN_SUCCESS ? 1 : run_is_failure(status) ? -1 : 0;
}

enum err sched_finish(struct sched *s, struct item *i, const struct sched_end *end) {
  ASSERT(i->state == ITEM_STARTING || i->state == ITEM_RUNNING);
  ASSERT(run_may_become(RUN_RUNNING, end->status));
  sched_item_policy(s, i);
  if (!sched_actions_reserve(s, 1)) return ERR_NO_MEMORY;
  struct run row = ended_row(s, i, end);
  int64_t at_ms = retry_at_ms(s, i, &row, end);
  struct item *retry = at_ms == INSTANT_NEVER ? NULL : retry_new(s, i, &row, at_ms);
  if (retry) retry->interruptions = i->interruptions + end->is_interrupted;
  struct change *c = at_ms == INSTANT_NEVER || retry ? change_of_row(s, i, CHANGE_END, &row) : NULL;
  if (!c || (retry && change_set_run(c, &c->run.retry, &retry->run))) {
    if (c) sched_change_drop(s, c);
    if (retry) sched_item_drop(s, retry);
    return ERR_NO_MEMORY;
  }
  c->run.reason = (enum reason)row.reason;
  c->run.has_retry = retry != NULL;
  c->run.chain = chain_of(end->status, retry != NULL);
  i->retry = retry;
  i->is_unsent = i->is_kill_unsure = false;
  sched_item_set_timer(s, i, INSTANT_NEVER);
  sched_item_give_slots(s, i);
  sched_item_set_state(s, i, ITEM_ENDING);
  sched_change_send(s, c);
  return ERR_OK;
}

/* ---- ending without a start ---- */
bool sched_settle(struct sched *s, struct item *i, enum occurrence_state state, enum reason reason) {
  if (!sched_actions_reserve(s, 1)) return false;
  bool is_later_attempt = i->run.attempt > 1; /* its occurrence ran: only the row and the chain end */
  bool has_row =
      i->has_row || i->run.due_ms == INSTANT_NONE || reason == REASON_OVERLAP || reason == REASON_CAPACITY;
  struct run row = i->run;
  row.status = reason == REASON_CANCELLED ? RUN_CANCELLED : RUN_SKIPPED;
  row.reason = reason;
  row.finished_ms = s->now_ms;
  row.duration_ms = 0;
  if (row.started_ms == FIELD_NULL) row.started_ms = s->now_ms;
  struct change *c = change_of_row(s, i, is_later_attempt ? CHANGE_END : CHANGE_SETTLE, &row);
  if (!c) return false;
  c->run.has_run = has_row && !i->js->is_deleted;
  c->run.state = state;
  c->run.reason = reason;
  if (is_later_attempt) {
    c->run.state = OCCURRENCE_RAN;
    c->run.due_ms = INSTANT_NONE;
    c->run.chain = reason == REASON_CAPACITY || reason == REASON_TOTAL_TIMEOUT ? -1 : 0;
  }
  sched_item_set_timer(s, i, INSTANT_NEVER);
  sched_item_unplace(s, i);
  sched_item_set_state(s, i, ITEM_SETTLING);
  sched_change_send(s, c);
  return true;
}

/* ---- answers ---- */
static void answer_item(struct sched *s, struct item *i, enum err error) {
  if (i->has_token) sched_answer(s, i->token, error, i->run.no);
  i->has_token = false;
}

static void note_chain(struct sched *s, struct item *i, const struct change *c) {
  if (c->run.chain == 0 || i->js->is_deleted) return;
  bool has_failed = c->run.chain < 0;
  int64_t before = c->run.failures_before > i->js->failures ? c->run.failures_before : i->js->failures;
  i->js->failures = has_failed ? c->run.failures : 0;
  if (!has_failed && before == 0) return;
  struct sched_action *a = sched_action_add(s, SCHED_DO_NOTE);
  a->note.kind = has_failed ? SCHED_NOTE_FAILURES : SCHED_NOTE_RECOVERED;
  a->note.job = i->def->job;
  a->note.run = &c->run.run;
  a->note.failures = has_failed ? c->run.failures : before;
  int64_t limit = i->def->policy.disable_after;
  if (has_failed && limit > 0 && c->run.failures >= limit) sched_disable_job(s, i, c->run.failures);
}

static void queued(struct sched *s, struct item *i, struct change *c) {
  ASSERT(i->state == ITEM_QUEUEING);
  i->has_row = true;
  sched_note_run(s, i, &c->run.run);
  answer_item(s, i, ERR_OK);
  if (!sched_queue_again(s, i)) { /* no memory for its lanes: it waits in none */
    sched_item_unbind(s, i);
    i->wait_from_ms = s->now_ms;
    sched_item_set_state(s, i, ITEM_WAITING);
    sched_item_set_timer(s, i, s->now_ms + i->def->policy.queue_timeout_ms);
    sched_item_make_ready(s, i);
  }
  if (i->unwanted && sched_settle(s, i, OCCURRENCE_SKIPPED, i->unwanted)) i->unwanted = REASON_NONE;
}

/* Recorded as running, and unwanted meanwhile: it never starts. */
static void end_unstarted(struct sched *s, struct item *i) {
  struct sched_end end = {.run_no = i->run.no, .status = RUN_CANCELLED, .reason = i->unwanted};
  run_init(&end.facts);
  i->killed = i->unwanted;
  i->is_unsent = i->is_kill_unsure = true;
  if (sched_finish(s, i, &end)) s->must_resume = true; /* no memory: it starts then, and is killed at once */
}

static void start_recorded(struct sched *s, struct item *i, struct change *c) {
  sched_note_run(s, i, &c->run.run);
  i->has_row = true;
  if (i->state != ITEM_LEAVING) return;
  answer_item(s, i, ERR_OK);
  sched_item_set_state(s, i, ITEM_STARTING);
  if (i->unwanted) {
    end_unstarted(s, i);
  } else if (s->is_stopping || !s->is_warden_up) {
    i->is_unsent = true; /* goes out when the warden is back, or by the next server */
    s->must_resume = true;
  } else {
    sched_send_start(s, i);
  }
}

static void ended(struct sched *s, struct item *i, struct change *c) {
  ASSERT(i->state == ITEM_ENDING);
  sched_action_add(s, SCHED_DO_ACK)->run_no = i->run.no;
  sched_note_run(s, i, &c->run.run);
  note_chain(s, i, c);
  struct item *retry = i->retry;
  i->retry = NULL;
  if (retry) {
    retry->has_row = true;
    sched_item_set_state(s, retry, ITEM_DELAYED);
    sched_item_set_timer(s, retry, retry->run.not_before_ms);
    if (retry->unwanted || retry->js->is_disabled)
      sched_settle(s, retry, OCCURRENCE_SKIPPED, retry->unwanted ? retry->unwanted : REASON_DISABLED);
    sched_note_run(s, retry, &c->run.retry);
  }
  sched_item_drop(s, i);
}

static void settled(struct sched *s, struct item *i, struct change *c) {
  ASSERT(i->state == ITEM_SETTLING);
  answer_item(s, i, ERR_OK);
  if (c->run.has_run) sched_note_run(s, i, &c->run.run);
  if (c->kind == CHANGE_END) note_chain(s, i, c);
  if (c->run.due_ms != INSTANT_NONE) {
    struct sched_action *a = sched_action_add(s, SCHED_DO_NOTE);
    a->note.kind = SCHED_NOTE_OCCURRENCE;
    a->note.job = i->def->job;
    a->note.due_ms = c->run.due_ms;
    a->note.state = c->run.state;
    a->note.reason = c->run.reason;
  }
  sched_item_drop(s, i);
}

/* The store refused this change alone (its job is gone, say): it would refuse it for ever. */
static void refused(struct sched *s, struct item *i, const struct change *c) {
  answer_item(s, i, c->error);
  if (i->state == ITEM_ENDING || c->kind == CHANGE_END) sched_action_add(s, SCHED_DO_ACK)->run_no = i->run.no;
  if (c->kind == CHANGE_START && i->state != ITEM_LEAVING) return; /* END will carry the row */
  sched_item_drop(s, i);
}

/* The store fails: wishes are answered so; what has happened is kept and repeated. */
static void failed(struct sched *s, struct item *i, struct change *c) {
  bool is_wish = i->has_token && !i->has_row;
  if (is_wish && i->state != ITEM_SETTLING) {
    answer_item(s, i, c->error);
    sched_item_drop(s, i);
    sched_change_drop(s, c);
  } else if (i->state == ITEM_LEAVING) {
    sched_item_give_slots(s, i);
    i->run.status = RUN_QUEUED;
    sched_item_set_state(s, i, ITEM_WAITING);
    sched_item_set_timer(s, i, i->wait_from_ms + i->def->policy.queue_timeout_ms);
    sched_item_make_ready(s, i);
    if (i->unwanted && sched_settle(s, i, OCCURRENCE_SKIPPED, i->unwanted)) i->unwanted = REASON_NONE;
    sched_change_drop(s, c);
  } else if (c->kind == CHANGE_START && i->state == ITEM_ENDING) {
    sched_change_drop(s, c); /* END carries the row */
  } else {
    sched_change_keep(s, c);
  }
}

void sched_run_answered(struct sched *s, struct item *i, struct change *c) {
  bool is_down = is_store_failure(c->error);
  if (is_down) sched_store_failed(s);
  else sched_store_worked(s);
  if (!i) {
    sched_change_drop(s, c);
  } else if (is_down) {
    failed(s, i, c);
  } else {
    if (c->error) refused(s, i, c);
    else if (c->kind == CHANGE_QUEUE) queued(s, i, c);
    else if (c->kind == CHANGE_START) start_recorded(s, i, c);
    else if (i->state == ITEM_SETTLING) settled(s, i, c);
    else ended(s, i, c);
    sched_change_drop(s, c);
  }
}
