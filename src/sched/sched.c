#include "sched/sched.h"

#include <stdlib.h>

#include "sched/sched_core.h"

/* A predecessor may have started more than it could record. With the clock set back, its numbers would be given
 * again; so each server begins in a stretch of its own beyond the last one on record (one is a millisecond's). */
#define STRETCH_RUNS (1 << 21)
#define STRETCHES 64
#define ACTIONS_PER_EVENT 16 /* room every step begins with; what loops reserves its own */

/* ---- actions and changes ---- */
bool sched_starve(struct sched *s) {
  s->is_starved = true;
  return false;
}

bool sched_actions_reserve(struct sched *s, size_t n) {
  if (s->action_count + n <= s->action_capacity) return true;
  size_t capacity = s->action_capacity ? s->action_capacity * 2 : 64;
  while (capacity < s->action_count + n) capacity *= 2;
  struct sched_action *actions = realloc(s->actions, capacity * sizeof *actions);
  if (!actions) return sched_starve(s);
  s->actions = actions;
  s->action_capacity = capacity;
  return true;
}

struct sched_action *sched_action_add(struct sched *s, enum sched_action_kind kind) {
  ASSERT(s->action_count < s->action_capacity);
  struct sched_action *a = &s->actions[s->action_count++];
  *a = (struct sched_action){.kind = kind};
  return a;
}

struct change *sched_change_begin(struct sched *s, enum change_kind kind) {
  struct change *c = sched_actions_reserve(s, 1) ? change_new(kind, s->now_ms) : NULL;
  if (!c) sched_starve(s);
  else c->epoch = s->config.epoch;
  return c;
}

void sched_change_send(struct sched *s, struct change *c) {
  sched_action_add(s, SCHED_DO_CHANGE)->change = c;
}

void sched_change_drop(struct sched *s, struct change *c) {
  c->next = s->garbage_changes;
  s->garbage_changes = c;
}

void sched_change_keep(struct sched *s, struct change *c) {
  c->next = NULL;
  c->error = ERR_OK;
  *s->kept_end = c;
  s->kept_end = &c->next;
}

static bool is_covered(const struct sched *s, const struct change *c) {
  if (c->kind != CHANGE_START) return false;
  const struct item *i = sched_item_find(s, c->run.run.no);
  return !i || i->state == ITEM_ENDING; /* END carries the row */
}

static void send_kept(struct sched *s) {
  if (s->retry_ms > s->now_ms) return;
  s->retry_ms = INSTANT_NEVER;
  while (s->kept && sched_actions_reserve(s, 1)) {
    struct change *c = s->kept;
    s->kept = c->next;
    c->next = NULL;
    if (is_covered(s, c)) sched_change_drop(s, c);
    else sched_change_send(s, c);
  }
  if (!s->kept) s->kept_end = &s->kept;
}

void sched_store_failed(struct sched *s) {
  if (!s->is_store_down) sched_action_add(s, SCHED_DO_NOTE)->note.kind = SCHED_NOTE_STORE_DOWN;
  s->is_store_down = true;
  int64_t probe_ms = s->now_ms + s->retry_delay_ms; /* a claim finds out when it works again */
  if (s->claim_ms > probe_ms) s->claim_ms = probe_ms;
  if (s->retry_ms != INSTANT_NEVER) return;
  s->retry_ms = s->now_ms + s->retry_delay_ms;
  s->retry_delay_ms *= 2;
  if (s->retry_delay_ms > RETRY_STORE_MAX_MS) s->retry_delay_ms = RETRY_STORE_MAX_MS;
}

void sched_store_worked(struct sched *s) {
  s->retry_delay_ms = RETRY_STORE_MIN_MS;
  if (!s->is_store_down) return;
  s->is_store_down = false;
  sched_action_add(s, SCHED_DO_NOTE)->note.kind = SCHED_NOTE_STORE_UP;
  s->retry_ms = s->kept ? s->now_ms : INSTANT_NEVER;
  sched_lane_wake_all(s, s->store_lane);
}

void sched_answer(struct sched *s, int64_t token, enum err error, int64_t run_no) {
  struct sched_action *a = sched_action_add(s, SCHED_DO_ANSWER);
  a->token = token;
  a->error = error;
  a->run_no = run_no;
}

void sched_note_run(struct sched *s, struct item *i, const struct run *run) {
  struct sched_action *a = sched_action_add(s, SCHED_DO_NOTE);
  a->note.kind = SCHED_NOTE_RUN;
  a->note.job = i->def->job;
  a->note.run = run;
  a->note.due_ms = run->due_ms;
}

/* ---- life ---- */
enum err sched_new(const struct sched_config *config, struct sched **ret) {
  struct sched *s = calloc(1, sizeof *s);
  if (!s) return ERR_NO_MEMORY;
  s->store_lane = sched_lane_new(LANE_STORE, "", 0);
  if (!s->store_lane) {
    free(s);
    return ERR_NO_MEMORY;
  }
  s->config = *config;
  s->ids.last = config->last_run_no + (1 + config->epoch % STRETCHES) * STRETCH_RUNS;
  s->random = config->random_seed;
  s->is_warden_up = true;
  s->late_reason = REASON_SERVER_DOWN;
  s->alive_ms = INSTANT_NONE;
  s->no_catch_up_until_ms = INSTANT_NONE;
  s->retry_ms = INSTANT_NEVER;
  s->retry_delay_ms = RETRY_STORE_MIN_MS;
  s->kept_end = &s->kept;
  list_init(&s->jobs);
  list_init(&s->edits);
  list_init(&s->fresh);
  list_init(&s->garbage);
  *ret = s;
  return ERR_OK;
}

static void free_jobs(struct sched *s) {
  LIST_EACH (&s->jobs, job_node) {
    struct job_state *js = CONTAINER_OF(job_node, struct job_state, link);
    while (!list_is_empty(&js->items)) /* an item takes its prepared retry, behind it, along */
      sched_item_drop(s, CONTAINER_OF(js->items.next, struct item, link));
  }
  sched_garbage_free(s);
  LIST_EACH (&s->jobs, node) {
    struct job_state *js = CONTAINER_OF(node, struct job_state, link);
    js->holds = 0;
    js->is_disabling = false;
    js->failures = 0;
    js->last_taken_ms = INSTANT_NONE;
    sched_job_state_release(s, js);
  }
}

void sched_free(struct sched *s) {
  if (!s) return;
  free_jobs(s);
  LIST_EACH (&s->edits, node) free(CONTAINER_OF(node, struct edit, link));
  for (struct change *c = s->kept, *next; c; c = next) {
    next = c->next;
    change_free(c);
  }
  settings_unref(s->settings);
  map_free(&s->items);
  map_free(&s->states);
  map_free(&s->lanes);
  heap_free(&s->timers);
  heap_free(&s->ready);
  sched_lane_free(s->store_lane);
  free(s->actions);
  free(s);
}

/* ---- events ---- */
static enum err started(struct sched *s, const struct sched_event *e) {
  sched_ids_know(s, e->run_no);
  struct item *i = sched_item_find(s, e->run_no);
  if (!i) return ERR_OK; /* it has ended meanwhile */
  if (i->state == ITEM_STARTING) {
    struct run before = i->run;
    i->run.status = RUN_RUNNING;
    i->run.started_ms = e->at_ms;
    if (i->run.attempt == 1) i->run.first_started_ms = e->at_ms;
    if (e->at_ms >= i->run.not_before_ms) i->run.lag_ms = e->at_ms - i->run.not_before_ms;
    if (!i->has_row && !sched_record_start(s, i)) {
      i->run = before;
      return ERR_NO_MEMORY;
    }
    sched_item_set_state(s, i, ITEM_RUNNING);
  }
  if (i->is_kill_unsure) sched_kill_item(s, i, i->killed);
  return ERR_OK;
}

static bool is_running(const struct item *i) {
  return i && (i->state == ITEM_STARTING || i->state == ITEM_RUNNING);
}

static enum err ended(struct sched *s, const struct sched_end *end) {
  sched_ids_know(s, end->run_no);
  struct item *i = sched_item_find(s, end->run_no);
  if (is_running(i)) {
    if (i->state == ITEM_STARTING && end->facts.started_ms != FIELD_NULL && i->run.attempt == 1)
      i->run.first_started_ms = end->facts.started_ms;
    return sched_finish(s, i, end);
  }
  /* Unknown: it is on record already, and only the acknowledgement was lost. */
  if (!i) sched_action_add(s, SCHED_DO_ACK)->run_no = end->run_no;
  return ERR_OK;
}

static enum err refused(struct sched *s, const struct sched_event *e) {
  struct item *i = sched_item_find(s, e->run_no);
  if (!is_running(i)) return ERR_OK;
  struct sched_end end = {
      .run_no = e->run_no, .status = RUN_FAILED, .reason = REASON_COULD_NOT_START, .may_retry = true};
  run_init(&end.facts);
  end.facts.error_message = e->text;
  end.facts.finished_ms = s->now_ms;
  return sched_finish(s, i, &end);
}

static void cancel(struct sched *s, const struct sched_event *e) {
  struct item *i = sched_item_find(s, e->run_no);
  enum err error = ERR_OK;
  switch (i ? i->state : ITEM_DONE) {
    case ITEM_DELAYED:
    case ITEM_WAITING:
      error = sched_settle(s, i, OCCURRENCE_SKIPPED, REASON_CANCELLED) ? ERR_OK : ERR_NO_MEMORY;
      break;
    case ITEM_QUEUEING: i->unwanted = REASON_CANCELLED; break;
    case ITEM_LEAVING:
    case ITEM_STARTING:
    case ITEM_RUNNING: sched_kill_item(s, i, REASON_CANCELLED); break;
    case ITEM_ENDING:
      if (i->retry) i->retry->unwanted = REASON_CANCELLED;
      else error = ERR_NOT_FOUND;
      break;
    default: error = ERR_NOT_FOUND;
  }
  if (e->token) sched_answer(s, e->token, error, e->run_no);
}

static enum err clock_was_set(struct sched *s, const struct sched_event *e) {
  struct change *c = sched_change_begin(s, CHANGE_CLOCK);
  if (!c) return ERR_NO_MEMORY;
  c->clock.was_ms = e->clock.was_ms;
  c->clock.is_ms = e->clock.is_ms;
  sched_change_send(s, c);
  struct sched_action *a = sched_action_add(s, SCHED_DO_NOTE);
  a->note.kind = SCHED_NOTE_CLOCK;
  a->note.at_ms = e->clock.is_ms - e->clock.was_ms;
  sched_clock_set(s, e->clock.was_ms, e->clock.is_ms);
  return ERR_OK;
}

static void warden_changed(struct sched *s, bool is_up) {
  s->must_resume |= is_up;
  s->is_warden_up = is_up;
}

static void note_alive(struct sched *s, const struct change *c) {
  if (c->error == ERR_OK && (c->at_ms > s->alive_ms || c->kind == CHANGE_CLOCK)) s->alive_ms = c->at_ms;
}

static enum err answered(struct sched *s, struct change *c) {
  note_alive(s, c);
  switch (c->kind) {
    case CHANGE_CLAIM: return sched_claims_answered(s, c);
    case CHANGE_QUEUE:
    case CHANGE_START:
    case CHANGE_END:
    case CHANGE_SETTLE: sched_run_answered(s, sched_item_find(s, c->run.run.no), c); return ERR_OK;
    case CHANGE_JOB_SAVE:
    case CHANGE_JOB_DELETE:
    case CHANGE_GATE:
    case CHANGE_SETTINGS: return sched_edit_answered(s, c);
    case CHANGE_CLOCK:
      if (is_store_failure(c->error)) {
        sched_store_failed(s);
        sched_change_keep(s, c);
      } else {
        sched_store_worked(s);
        sched_change_drop(s, c);
        s->claim_ms = s->now_ms;
      }
      return ERR_OK;
    default: ASSERT(false); /* no change of the core's */
  }
  return ERR_INTERNAL;
}

static void use_first_settings(struct sched *s, struct settings *settings) {
  ASSERT(!s->is_ready);
  settings_unref(s->settings);
  s->settings = settings_ref(settings);
  s->generation++;
}

static enum err take_event(struct sched *s, const struct sched_event *e) {
  switch (e->kind) {
    case SCHED_SETTINGS: use_first_settings(s, e->settings); break;
    case SCHED_SEEN: sched_ids_know(s, e->run_no); break;
    case SCHED_RECOVER: return sched_recover(s, e->recover);
    case SCHED_READY:
      ASSERT(s->settings);
      s->is_ready = true;
      s->claim_ms = s->now_ms;
      s->must_claim_again = s->is_claiming; /* the claim under way may have come before the change */
      break;
    case SCHED_TIMER: break;
    case SCHED_ANSWERED: return answered(s, e->change);
    case SCHED_STARTED: return started(s, e);
    case SCHED_REFUSED: return refused(s, e);
    case SCHED_ENDED: return ended(s, e->end);
    case SCHED_RUN: return sched_request_run(s, e->request);
    case SCHED_CANCEL: cancel(s, e); break;
    case SCHED_EDIT: sched_edit_asked(s, e->change); break;
    case SCHED_CLOCK_SET: return clock_was_set(s, e);
    case SCHED_WARDEN: warden_changed(s, e->is_up); break;
    case SCHED_STOP: s->is_stopping = true; break;
  }
  return ERR_OK;
}

enum err sched_step(struct sched *s, const struct sched_event *event, int64_t now_ms,
                    struct sched_actions *ret_actions) {
  s->now_ms = now_ms;
  s->is_starved = false;
  s->action_count = 0;
  sched_garbage_free(s);
  *ret_actions = (struct sched_actions){};
  if (!sched_actions_reserve(s, ACTIONS_PER_EVENT)) return ERR_NO_MEMORY;
  enum err e = take_event(s, event);
  if (e) {
    ASSERT(e == ERR_NO_MEMORY);
    s->action_count = 0;
    return e;
  }
  send_kept(s);
  sched_pump(s);
  *ret_actions = (struct sched_actions){s->actions, s->action_count};
  return ERR_OK;
}

int64_t sched_wake_ms(const struct sched *s) {
  if (s->is_starved) return s->now_ms + RETRY_MEMORY_MS;
  int64_t wake_ms = s->retry_ms;
  if (!s->is_ready || s->is_stopping) return wake_ms;
  const struct heap_node *timer = heap_top(&s->timers);
  if (timer && s->holds == 0 && timer->key < wake_ms) wake_ms = timer->key;
  bool may_claim = !s->is_claiming && s->count[ITEM_ARMED] < LIMIT_CLAIM_BATCH;
  if (may_claim && s->claim_ms < wake_ms) wake_ms = s->claim_ms;
  return wake_ms;
}

/* ---- looking in ---- */
static size_t count_queued(const struct sched *s) {
  return s->count[ITEM_FRESH] + s->count[ITEM_QUEUEING] + s->count[ITEM_DELAYED] + s->count[ITEM_WAITING];
}

static bool is_queued(const struct item *i) {
  return i->state == ITEM_FRESH || i->state == ITEM_QUEUEING || i->state == ITEM_DELAYED ||
         i->state == ITEM_WAITING;
}

struct sched_status sched_status(const struct sched *s) {
  struct sched_status status = {.armed = s->count[ITEM_ARMED],
                                .queued = count_queued(s),
                                .running = s->taken,
                                .slots_total = s->settings ? (size_t)s->settings->max_concurrent : 0,
                                .oldest_queued_ms = INSTANT_NONE,
                                .is_ready = s->is_ready,
                                .is_store_down = s->is_store_down,
                                .is_stopping = s->is_stopping,
                                .is_warden_up = s->is_warden_up};
  for (int p = 0; p <= 10; p++) status.queued_by_priority[p] = s->queued_by_priority[p];
  if (status.queued == 0) return status;
  size_t at = 0;
  for (struct map_entry e; map_next(&s->items, &at, &e);) {
    const struct item *i = e.value;
    if (!is_queued(i)) continue;
    int64_t since_ms = i->run.queued_ms;
    if (status.oldest_queued_ms == INSTANT_NONE || since_ms < status.oldest_queued_ms)
      status.oldest_queued_ms = since_ms;
  }
  return status;
}

/* The order of admission: those in line by their key, then retries by their instant. */
static int compare_queued(const void *left, const void *right) {
  const struct item *a = *(const struct item *const *)left, *b = *(const struct item *const *)right;
  bool a_waits = a->state == ITEM_DELAYED, b_waits = b->state == ITEM_DELAYED;
  if (a_waits != b_waits) return a_waits ? 1 : -1;
  int64_t a_key = a_waits ? a->timer.key : a->place.key, b_key = b_waits ? b->timer.key : b->place.key;
  if (a_key != b_key) return a_key < b_key ? -1 : 1;
  return a->run.no < b->run.no ? -1 : a->run.no > b->run.no;
}

void sched_each_run(const struct sched *s,
                    bool (*fn)(void *arg, const struct run *, const struct job *, size_t), void *arg) {
  const struct item **queued = calloc(count_queued(s) + 1, sizeof *queued);
  size_t count = 0, at = 0;
  bool goes_on = true;
  for (struct map_entry e; goes_on && map_next(&s->items, &at, &e);) {
    const struct item *i = e.value;
    if (is_queued(i) && queued) queued[count++] = i;
    if (i->has_slots) goes_on = fn(arg, &i->run, i->def->job, 0);
  }
  if (count > 1) qsort(queued, count, sizeof *queued, compare_queued);
  for (size_t n = 0; goes_on && n < count; n++)
    goes_on = fn(arg, &queued[n]->run, queued[n]->def->job, n + 1);
  free(queued);
}
