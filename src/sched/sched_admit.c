#include "sched/sched_core.h"

static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

bool sched_is_busy(const struct job_state *js) { return js->lane->used > 0 || js->line > 0; }

/* ---- falling due ---- */
bool sched_arm(struct sched *s, struct item *i, const struct claim *claim) {
  LIST_EACH (&i->js->items, node) { /* an instant that is here already came with an answer given twice */
    const struct item *other = CONTAINER_OF(node, struct item, link);
    if (i->js->items.next != node && claim->is_catch_up) break;
    if (other != i && other->run.due_ms == claim->due_ms && other->run.attempt == 1) return false;
  }
  i->run.due_ms = claim->due_ms;
  i->run.not_before_ms = claim->not_before_ms;
  i->is_catch_up = claim->is_catch_up;
  sched_item_set_state(s, i, ITEM_ARMED);
  sched_item_set_timer(s, i, claim->not_before_ms);
  return true;
}

/* Queued is what surely has not started; its startedAt column may not be null, so it says since when. */
static void become_fresh(struct sched *s, struct item *i, enum run_trigger trigger) {
  sched_item_set_timer(s, i, INSTANT_NEVER);
  i->run.status = RUN_QUEUED;
  i->run.trigger = trigger;
  i->run.queued_ms = i->run.started_ms = s->now_ms;
  i->wait_from_ms = trigger == TRIGGER_SCHEDULE ? i->run.not_before_ms : s->now_ms;
  if (i->run.due_ms != INSTANT_NONE) i->js->last_taken_ms = max_of(i->js->last_taken_ms, i->run.due_ms);
  sched_item_set_state(s, i, ITEM_FRESH);
  list_push_back(&s->fresh, &i->fresh);
  sched_item_make_ready(s, i);
}

/* A claimed instant of the same job, later than this one, that has fallen due as well. */
static bool has_newer_due(const struct sched *s, const struct item *i) {
  LIST_EACH (&i->js->items, node) {
    const struct item *other = CONTAINER_OF(node, struct item, link);
    if (other->state == ITEM_ARMED && other->run.due_ms > i->run.due_ms &&
        other->run.not_before_ms <= s->now_ms)
      return true;
  }
  return false;
}

/* Later than its window (DESIGN 5): the core's part of the misfire policy. True when it is to run. */
static bool is_caught_up(const struct sched *s, const struct item *i, enum reason *ret_reason) {
  const struct policy *p = &i->def->policy;
  *ret_reason = s->late_reason;
  if (p->misfire == MISFIRE_NONE || s->now_ms < s->no_catch_up_until_ms) return false;
  if (s->now_ms - i->run.not_before_ms > p->catch_up_window_ms) return false;
  if (p->misfire == MISFIRE_ALL || !has_newer_due(s, i)) return true;
  *ret_reason = REASON_SUPERSEDED;
  return false;
}

static void replace_others(struct sched *s, struct item *i) {
  LIST_EACH (&i->js->items, node) {
    struct item *other = CONTAINER_OF(node, struct item, link);
    if (other == i) continue;
    bool is_scheduled = other->run.due_ms != INSTANT_NONE && other->run.attempt == 1;
    if (other->has_slots) sched_kill_item(s, other, REASON_REPLACED);
    else if (other->state == ITEM_QUEUEING && is_scheduled) other->unwanted = REASON_OVERLAP;
    else if ((other->state == ITEM_WAITING || other->state == ITEM_FRESH) && is_scheduled)
      sched_settle(s, other, OCCURRENCE_SKIPPED, REASON_OVERLAP);
  }
}

/* The overlap policy for what is new: the last one has not ended (it runs, or waits for a slot). Catch-ups
 * and retries always wait their turn. True: it is skipped. */
static bool must_skip(struct sched *s, struct item *i) {
  const struct policy *p = &i->def->policy;
  if (p->allow_concurrent || i->is_catch_up || !sched_is_busy(i->js)) return false;
  if (p->overlap == OVERLAP_REPLACE) replace_others(s, i);
  return p->overlap == OVERLAP_SKIP;
}

static void fall_due(struct sched *s, struct item *i) {
  if (i->js->holds > 0) { /* comes back when the edit is through */
    sched_item_set_timer(s, i, INSTANT_NEVER);
    return;
  }
  if (!sched_item_bind(s, i)) return;
  int64_t late_ms = s->now_ms - i->run.not_before_ms;
  ASSERT(late_ms >= 0 || i->is_catch_up);
  if (!i->is_catch_up && late_ms > i->def->policy.start_window_ms) {
    enum reason reason;
    if (!is_caught_up(s, i, &reason)) {
      sched_settle(s, i, OCCURRENCE_MISSED, reason);
      return;
    }
    i->is_catch_up = true;
  }
  if (must_skip(s, i)) {
    i->run.trigger = TRIGGER_SCHEDULE;
    sched_settle(s, i, OCCURRENCE_SKIPPED, REASON_OVERLAP);
  } else if (!s->is_starved) {
    become_fresh(s, i, i->is_catch_up ? TRIGGER_CATCHUP : TRIGGER_SCHEDULE);
  }
}

/* An item with a durable queued row into the line, or to wait for its instant. */
bool sched_queue_again(struct sched *s, struct item *i) {
  if (i->run.not_before_ms > s->now_ms) {
    if (i->state == ITEM_DELAYED) return true;
    sched_item_set_state(s, i, ITEM_DELAYED);
    sched_item_set_timer(s, i, i->run.not_before_ms);
    return true;
  }
  if (!sched_item_bind(s, i)) return false;
  i->wait_from_ms = max_of(i->run.not_before_ms, i->run.queued_ms);
  sched_item_set_state(s, i, ITEM_WAITING);
  sched_item_set_timer(s, i, i->wait_from_ms + i->def->policy.queue_timeout_ms);
  sched_item_make_ready(s, i);
  return true;
}

static void fire_timers(struct sched *s) {
  while (s->timers.count > 0 && !s->is_starved) {
    struct item *i = CONTAINER_OF(heap_top(&s->timers), struct item, timer);
    if (i->timer.key > s->now_ms) break;
    switch (i->state) {
      case ITEM_ARMED: fall_due(s, i); break;
      case ITEM_DELAYED:
        i->run.not_before_ms = i->timer.key; /* moved when somebody set the clock */
        sched_queue_again(s, i);
        break;
      case ITEM_WAITING: sched_settle(s, i, OCCURRENCE_SKIPPED, REASON_CAPACITY); break;
      default: ASSERT(false);
    }
  }
}

/* ---- starting ---- */
static int64_t left_of_total_ms(const struct sched *s, const struct item *i) {
  int64_t total_ms = i->def->policy.total_timeout_ms, first_ms = i->run.first_started_ms;
  if (total_ms == 0) return INSTANT_NEVER;
  return first_ms == FIELD_NULL ? total_ms : first_ms + total_ms - s->now_ms;
}

void sched_send_start(struct sched *s, struct item *i) {
  ASSERT(i->state == ITEM_STARTING && i->has_slots && !s->is_stopping);
  struct sched_action *a = sched_action_add(s, SCHED_DO_START);
  const struct policy *p = sched_item_policy(s, i);
  a->run_no = i->run.no;
  a->start = (struct sched_start){.run = &i->run,
                                  .job = i->def->job,
                                  .policy = *p,
                                  .timeout_ms = p->timeout_ms,
                                  .max_runtime_ms = p->max_runtime_ms};
  int64_t left_ms = left_of_total_ms(s, i);
  if (left_ms >= p->timeout_ms) return;
  a->start.timeout_ms = max_of(left_ms, 1);
  a->start.is_cut_by_total = true;
  if (a->start.max_runtime_ms > a->start.timeout_ms + p->grace_ms)
    a->start.max_runtime_ms = a->start.timeout_ms + p->grace_ms;
}

static void mark_running(struct sched *s, struct item *i) {
  i->run.status = RUN_RUNNING;
  i->run.started_ms = s->now_ms;
  if (i->run.attempt == 1) i->run.first_started_ms = s->now_ms;
}

/* A claim is durable: it starts at once. What has a row, or is only a wish yet, is recorded as running first. */
static bool start(struct sched *s, struct item *i) {
  if (left_of_total_ms(s, i) <= 0) return sched_settle(s, i, OCCURRENCE_SKIPPED, REASON_TOTAL_TIMEOUT);
  if (!sched_actions_reserve(s, 1)) return false;
  bool needs_commit = i->state == ITEM_WAITING || i->run.due_ms == INSTANT_NONE;
  struct run before = i->run;
  mark_running(s, i);
  if (needs_commit && !sched_record_start(s, i)) {
    i->run = before;
    return false;
  }
  sched_item_set_timer(s, i, INSTANT_NEVER);
  sched_item_take_slots(s, i);
  sched_item_set_state(s, i, needs_commit ? ITEM_LEAVING : ITEM_STARTING);
  if (!needs_commit) sched_send_start(s, i);
  return true;
}

static void admit(struct sched *s) {
  size_t slots = (size_t)s->settings->max_concurrent;
  while (s->ready.count > 0 && s->taken < slots && s->is_warden_up && !s->is_starved) {
    struct item *i = CONTAINER_OF(heap_top(&s->ready), struct item, place);
    struct lane *lane = sched_item_blocking_lane(s, i);
    if (lane) sched_item_park(s, i, lane);
    else start(s, i);
  }
}

/* What found no slot gets its queued row. */
static void queue_fresh(struct sched *s) {
  LIST_EACH (&s->fresh, node) {
    struct item *i = CONTAINER_OF(node, struct item, fresh);
    ASSERT(i->state == ITEM_FRESH);
    size_t queued = s->count[ITEM_QUEUEING] + s->count[ITEM_WAITING] + s->count[ITEM_DELAYED];
    if (queued >= LIMIT_QUEUED_RUNS) {
      if (!sched_settle(s, i, OCCURRENCE_SKIPPED, REASON_CAPACITY)) return;
      continue;
    }
    struct change *c = sched_change_begin(s, CHANGE_QUEUE);
    if (!c) return;
    if (change_set_run(c, &c->run.run, &i->run)) {
      sched_change_drop(s, c);
      sched_starve(s);
      return;
    }
    c->run.has_run = true;
    c->run.job_no = i->js->no;
    c->run.due_ms = i->run.due_ms;
    sched_item_unplace(s, i);
    sched_item_set_state(s, i, ITEM_QUEUEING);
    sched_change_send(s, c);
  }
}

/* The warden is back: what was to be told to it. */
static void resume(struct sched *s, struct item *i) {
  if ((!i->is_unsent && !i->is_kill_unsure) || !sched_actions_reserve(s, 2)) return;
  if (i->is_unsent) sched_send_start(s, i);
  i->is_unsent = false;
  if (i->is_kill_unsure) sched_kill_item(s, i, i->killed);
}

/* Runs of jobs that were disabled or deleted do not start any more. */
static void settle_disabled(struct sched *s, struct item *i) {
  if (!i->js->must_settle) return;
  switch (i->state) {
    case ITEM_ARMED:
    case ITEM_FRESH:
    case ITEM_DELAYED:
    case ITEM_WAITING: sched_settle(s, i, OCCURRENCE_SKIPPED, REASON_DISABLED); break;
    case ITEM_QUEUEING:
    case ITEM_LEAVING: i->unwanted = REASON_DISABLED; break;
    default: break;
  }
}

static void for_each_item(struct sched *s, void (*fn)(struct sched *s, struct item *i)) {
  LIST_EACH (&s->jobs, job_node) {
    struct job_state *js = CONTAINER_OF(job_node, struct job_state, link);
    LIST_EACH (&js->items, node) {
      if (s->is_starved) return;
      fn(s, CONTAINER_OF(node, struct item, link));
    }
  }
}

void sched_pump(struct sched *s) {
  if (!s->is_ready || s->is_stopping) return;
  if (s->must_resume && s->is_warden_up) {
    for_each_item(s, resume);
    s->must_resume = s->is_starved;
  }
  if (s->must_settle_disabled) {
    for_each_item(s, settle_disabled);
    s->must_settle_disabled = s->is_starved;
    LIST_EACH (&s->jobs, node) CONTAINER_OF(node, struct job_state, link)->must_settle &= s->is_starved;
  }
  if (s->holds == 0) {
    fire_timers(s);
    admit(s);
    queue_fresh(s);
  }
  sched_claim_next(s);
}

/* ---- what people ask for ---- */
void sched_kill_item(struct sched *s, struct item *i, enum reason reason) {
  if (i->state == ITEM_LEAVING) {
    i->unwanted = reason;
  } else if (i->state == ITEM_STARTING || i->state == ITEM_RUNNING) {
    if (!i->killed) i->killed = reason;
    i->is_kill_unsure = !s->is_warden_up || i->is_unsent || !sched_actions_reserve(s, 1);
    if (i->is_kill_unsure) return;
    struct sched_action *a = sched_action_add(s, SCHED_DO_KILL);
    a->run_no = i->run.no;
    a->reason = i->killed;
  }
}

static struct item *find_running(struct job_state *js) {
  struct item *found = NULL;
  LIST_EACH (&js->items, node) {
    struct item *i = CONTAINER_OF(node, struct item, link);
    if (i->has_slots) return i;
    if (i->state == ITEM_FRESH || i->state == ITEM_QUEUEING || i->state == ITEM_WAITING) found = i;
  }
  return found;
}

enum err sched_request_run(struct sched *s, const struct sched_request *r) {
  ASSERT(r->job && (r->trigger == TRIGGER_MANUAL || r->trigger == TRIGGER_API ||
                    r->trigger == TRIGGER_DEPENDENCY || r->trigger == TRIGGER_TEST));
  struct job_state *js = map_get(&s->states, (uint64_t)r->job->no);
  if (!s->is_ready || s->is_stopping || s->is_store_down) {
    sched_answer(s, r->token, ERR_UNAVAILABLE, 0);
    return ERR_OK;
  }
  if (r->refuse_when_running && js && sched_is_busy(js)) {
    const struct item *running = find_running(js); /* none when another job holds the shared lane */
    sched_answer(s, r->token, ERR_CONFLICT, running ? running->run.no : 0);
    return ERR_OK;
  }
  if (s->count[ITEM_QUEUEING] + s->count[ITEM_WAITING] + s->count[ITEM_DELAYED] >= LIMIT_QUEUED_RUNS) {
    sched_answer(s, r->token, ERR_BUSY, 0);
    return ERR_OK;
  }
  struct item *i = sched_item_new(s, r->job, 0);
  if (!i) return ERR_NO_MEMORY;
  i->run.not_before_ms = s->now_ms;
  i->run.trigger = r->trigger;
  if (!sched_item_set_texts(i, r->params, r->requested_by) || !sched_item_bind(s, i)) {
    sched_item_drop(s, i);
    return ERR_NO_MEMORY;
  }
  i->has_token = true;
  i->token = r->token;
  bool is_skipped = must_skip(s, i);
  become_fresh(s, i, r->trigger);
  if (is_skipped) sched_settle(s, i, OCCURRENCE_SKIPPED, REASON_OVERLAP);
  return ERR_OK;
}
