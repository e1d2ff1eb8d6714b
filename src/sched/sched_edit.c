#include <stdio.h>
#include <stdlib.h>

#include "sched/sched_core.h"

static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t horizon_ms(const struct sched *s) {
  return s->config.horizon_ms ? s->config.horizon_ms : LIMIT_CLAIM_HORIZON_MS;
}

/* ---- claims ---- */
/* What a change has claimed, as items that nothing has seen yet; all of them or (no memory) none. */
static enum err claims_take(struct sched *s, const struct change_claims *claimed, struct list *ret_new) {
  list_init(ret_new);
  for (size_t n = 0; n < claimed->count; n++) {
    struct item *i = sched_item_new(s, claimed->claims[n].job, 0);
    if (!i) {
      LIST_EACH (ret_new, node) sched_item_drop(s, CONTAINER_OF(node, struct item, fresh));
      return ERR_NO_MEMORY;
    }
    list_push_back(ret_new, &i->fresh);
  }
  return ERR_OK;
}

static void claims_arm(struct sched *s, const struct change_claims *claimed, struct list *new_items) {
  size_t n = 0;
  LIST_EACH (new_items, node) {
    struct item *i = CONTAINER_OF(node, struct item, fresh);
    list_remove(node);
    if (!sched_arm(s, i, &claimed->claims[n++])) sched_item_drop(s, i);
  }
  ASSERT(n == claimed->count);
}

static void forget_idle_jobs(struct sched *s) {
  LIST_EACH (&s->jobs, node) {
    struct job_state *js = CONTAINER_OF(node, struct job_state, link);
    if (js->last_taken_ms > s->now_ms) continue;
    sched_job_state_release(s, js);
  }
}

/* What is known of the next due instant may be wrong now. */
static void claim_again(struct sched *s) {
  s->claim_ms = s->now_ms;
  s->must_claim_again = true;
}

void sched_claim_next(struct sched *s) {
  if (s->is_claiming || s->claim_ms > s->now_ms || s->count[ITEM_ARMED] >= LIMIT_CLAIM_BATCH) return;
  struct change *c = sched_change_begin(s, CHANGE_CLAIM);
  if (!c) return;
  c->claim.until_ms = s->now_ms + horizon_ms(s);
  c->claim.max = LIMIT_CLAIM_BATCH;
  c->claim.late_reason = s->late_reason;
  c->claim.no_catch_up = s->now_ms < s->no_catch_up_until_ms;
  s->is_claiming = true;
  s->must_claim_again = false;
  sched_change_send(s, c);
}

static void note_gaps(struct sched *s, const struct change *c) {
  for (size_t n = 0; n < c->gap_count; n++) {
    if (!sched_actions_reserve(s, 1)) return;
    struct sched_action *a = sched_action_add(s, SCHED_DO_NOTE);
    a->note.kind = SCHED_NOTE_GAP;
    a->note.gap = &c->gaps[n];
  }
}

static void use_settings(struct sched *s, struct settings *settings) {
  settings_unref(s->settings);
  s->settings = settings_ref(settings);
  s->generation++;
  sched_lanes_resize(s);
}

static void set_disabled(struct sched *s, struct job_state *js, bool is_disabled, bool is_deleted) {
  js->is_deleted = is_deleted;
  if (is_deleted) js->failures = 0;
  js->is_disabled = is_deleted || is_disabled;
  js->must_settle |= js->is_disabled;
  s->must_settle_disabled |= js->is_disabled;
}

/* SQL from outside: the claim has brought what governs from beyond it. */
static void take_outside(struct sched *s, const struct change *c) {
  if (c->claim.settings) use_settings(s, c->claim.settings);
  for (size_t i = 0; i < c->claim.outside_count; i++) {
    const struct change_outside *o = &c->claim.outside[i];
    struct job_state *js = map_get(&s->states, (uint64_t)o->job_no);
    if (js) set_disabled(s, js, !o->is_active, o->is_deleted);
  }
}

/* Claims are made a horizon ahead. Half of one between two claims is enough for what is new by then, and
 * keeps instants behind a closed gate (which are settled as they fall due) from being asked for all the time. */
enum err sched_claims_answered(struct sched *s, struct change *c) {
  struct list items;
  if (c->error == ERR_OK) TRY(claims_take(s, &c->claimed, &items));
  s->is_claiming = false;
  if (c->error) {
    if (is_store_failure(c->error)) sched_store_failed(s);
    s->claim_ms = s->now_ms + s->retry_delay_ms;
  } else {
    sched_store_worked(s);
    claims_arm(s, &c->claimed, &items);
    note_gaps(s, c);
    take_outside(s, c);
    int64_t next_ms = c->claim.next_due_ms;
    next_ms = next_ms == INSTANT_NEVER ? s->now_ms + CLAIM_PAUSE_MAX_MS : next_ms - horizon_ms(s);
    next_ms = min_of(max_of(next_ms, s->now_ms + horizon_ms(s) / 2), s->now_ms + CLAIM_PAUSE_MAX_MS);
    bool is_complete = !c->claim.has_more && !s->must_claim_again;
    s->claim_ms = is_complete ? next_ms : s->now_ms;
    if (is_complete) s->late_reason = REASON_WINDOW;
    forget_idle_jobs(s);
  }
  sched_change_drop(s, c);
  return ERR_OK;
}

/* ---- edits ---- */
static bool is_broad(const struct change *c) {
  return c->kind == CHANGE_SETTINGS || (c->kind == CHANGE_GATE && c->gate.scope != GATE_SCOPE_JOB);
}

static int64_t edited_job(const struct change *c) {
  switch (c->kind) {
    case CHANGE_JOB_SAVE: return c->job.job->no;
    case CHANGE_JOB_DELETE: return c->job.job_no;
    case CHANGE_GATE: return c->gate.scope == GATE_SCOPE_JOB ? c->gate.job_no : 0;
    default: return 0;
  }
}

/* Jobs with an instant beyond now that has been taken already: their edit counts from there. */
static enum err edit_froms(struct sched *s, struct change *c, const struct edit_from **ret,
                           size_t *ret_count) {
  size_t count = 0;
  LIST_EACH (&s->jobs, node) count += CONTAINER_OF(node, struct job_state, link)->last_taken_ms > s->now_ms;
  struct edit_from *from = ARENA_ARRAY(&c->arena, struct edit_from, count + 1);
  if (!from) return arena_error(&c->arena);
  *ret = from;
  *ret_count = count;
  LIST_EACH (&s->jobs, job_node) {
    const struct job_state *js = CONTAINER_OF(job_node, struct job_state, link);
    if (js->last_taken_ms > s->now_ms) *from++ = (struct edit_from){js->no, js->last_taken_ms};
  }
  return ERR_OK;
}

static enum err fit_in(struct sched *s, struct change *c, const struct job_state *js) {
  int64_t until_ms = s->now_ms + horizon_ms(s);
  c->at_ms = s->now_ms;
  c->epoch = s->config.epoch;
  if (c->kind == CHANGE_GATE) {
    c->gate.until_ms = until_ms;
    return edit_froms(s, c, &c->gate.from, &c->gate.from_count);
  }
  if (c->kind == CHANGE_SETTINGS) {
    c->settings.until_ms = until_ms;
    return edit_froms(s, c, &c->settings.from, &c->settings.from_count);
  }
  c->job.from_ms = js ? max_of(s->now_ms, js->last_taken_ms) : s->now_ms;
  c->job.until_ms = max_of(until_ms, c->job.from_ms);
  return ERR_OK;
}

static void answer_edit(struct sched *s, struct change *c, enum err error) {
  struct sched_action *a = sched_action_add(s, SCHED_DO_ANSWER);
  a->token = c->token;
  a->error = error;
  a->detail = c->detail;
  a->change = c;
}

/* Sends an edit on its way; the jobs it concerns start nothing until it is answered. */
static enum err edit_send(struct sched *s, struct change *c, bool is_own) {
  int64_t job_no = edited_job(c);
  struct job_state *js = job_no ? sched_job_state_get(s, job_no) : NULL;
  struct edit *e = calloc(1, sizeof *e);
  enum err error = e && (js || !job_no) ? fit_in(s, c, js) : ERR_NO_MEMORY;
  if (error || !sched_actions_reserve(s, 1)) {
    free(e);
    if (js) sched_job_state_release(s, js);
    return ERR_NO_MEMORY;
  }
  *e = (struct edit){.change = c, .js = js, .is_broad = is_broad(c), .is_own = is_own};
  list_push_back(&s->edits, &e->link);
  if (js) {
    js->holds++;
    js->lane->capacity = 0;
  }
  if (e->is_broad) s->holds++;
  sched_change_send(s, c);
  return ERR_OK;
}

void sched_edit_asked(struct sched *s, struct change *c) {
  ASSERT(c->kind == CHANGE_JOB_SAVE || c->kind == CHANGE_JOB_DELETE || c->kind == CHANGE_GATE ||
         c->kind == CHANGE_SETTINGS);
  enum err e = s->is_ready && !s->is_stopping ? edit_send(s, c, false) : ERR_UNAVAILABLE;
  if (e) answer_edit(s, c, e);
}

static struct edit *edit_find(struct sched *s, const struct change *c) {
  LIST_EACH (&s->edits, node)
    if (CONTAINER_OF(node, struct edit, link)->change == c) return CONTAINER_OF(node, struct edit, link);
  return NULL;
}

static bool concerns(const struct sched *s, const struct edit *e, const struct item *i) {
  const struct change *c = e->change;
  if (!e->is_broad) return e->js == i->js;
  if (c->kind == CHANGE_GATE) return change_gate_concerns(c, i->def->job);
  return settings_change_concerns(s->settings, c->settings.saved, i->def->job);
}

static int64_t from_of(const struct change *c, const struct job_state *js) {
  if (c->kind == CHANGE_JOB_SAVE || c->kind == CHANGE_JOB_DELETE) return c->job.from_ms;
  const struct edit_from *from = c->kind == CHANGE_GATE ? c->gate.from : c->settings.from;
  size_t count = c->kind == CHANGE_GATE ? c->gate.from_count : c->settings.from_count;
  for (size_t n = 0; n < count; n++)
    if (from[n].job_no == js->no) return from[n].from_ms;
  return c->at_ms;
}

/* Forgets the claims that the transaction has removed: exactly those with dueAt > from. */
static void withdraw(struct sched *s, const struct edit *e) {
  LIST_EACH (&s->jobs, job_node) {
    struct job_state *js = CONTAINER_OF(job_node, struct job_state, link);
    if (e->js && e->js != js) continue;
    int64_t from_ms = from_of(e->change, js);
    LIST_EACH (&js->items, node) {
      struct item *i = CONTAINER_OF(node, struct item, link);
      if (i->state == ITEM_ARMED && i->run.due_ms > from_ms && concerns(s, e, i)) sched_item_drop(s, i);
    }
  }
}

static void take_effect(struct sched *s, const struct edit *e) {
  struct change *c = e->change;
  if (c->kind == CHANGE_SETTINGS) {
    use_settings(s, c->settings.saved);
  } else if (e->js && c->kind != CHANGE_GATE) {
    ASSERT(c->kind == CHANGE_JOB_DELETE || c->job.saved);
    bool is_deleted = c->kind == CHANGE_JOB_DELETE;
    set_disabled(s, e->js, is_deleted || !c->job.saved->is_active, is_deleted);
  }
}

/* Claims that stood still go on: what has passed meanwhile falls due now. */
static void release(struct sched *s, struct edit *e) {
  if (e->is_broad) s->holds--;
  struct job_state *js = e->js;
  if (js && --js->holds == 0) {
    js->lane->capacity = 1;
    LIST_EACH (&js->items, node) {
      struct item *i = CONTAINER_OF(node, struct item, link);
      if (i->state == ITEM_ARMED) sched_item_set_timer(s, i, i->run.not_before_ms);
    }
    sched_lane_wake_all(s, js->lane);
  }
  list_remove(&e->link);
}

static void own_edit_answered(struct sched *s, const struct edit *e) {
  struct change *c = e->change;
  e->js->is_disabling = false;
  if (c->error == ERR_OK) {
    struct sched_action *a = sched_action_add(s, SCHED_DO_NOTE);
    a->note.kind = SCHED_NOTE_DISABLED;
    a->note.job = c->job.saved;
    a->note.failures = e->js->failures;
  }
  sched_change_drop(s, c); /* refused: somebody has edited the job meanwhile; the next failure tries again */
}

enum err sched_edit_answered(struct sched *s, struct change *c) {
  struct edit *e = edit_find(s, c);
  ASSERT(e);
  struct list items;
  if (c->error == ERR_OK) {
    TRY(claims_take(s, &c->claimed, &items));
    withdraw(s, e);
    take_effect(s, e);
    claims_arm(s, &c->claimed, &items);
    claim_again(s);
    sched_store_worked(s);
  } else if (is_store_failure(c->error)) {
    sched_store_failed(s);
  }
  release(s, e);
  if (e->is_own) own_edit_answered(s, e);
  else answer_edit(s, c, c->error);
  if (e->js) sched_job_state_release(s, e->js);
  free(e);
  return ERR_OK;
}

/* ---- our own edit: disableAfter ---- */
static const struct job *newest_version(const struct job_state *js) {
  const struct job *newest = NULL;
  LIST_EACH (&js->definitions, node) {
    const struct job *job = CONTAINER_OF(node, struct definition, link)->job;
    if (!newest || job->version > newest->version) newest = job;
  }
  return newest;
}

/* Without memory for it nothing happens: the next failure tries again. */
void sched_disable_job(struct sched *s, struct item *i, int64_t failures) {
  struct job_state *js = i->js;
  const struct job *job = newest_version(js);
  if (js->is_disabling || js->is_disabled || !job->is_active || s->is_stopping) return;
  char why[100];
  snprintf(why, sizeof why, "disabled by the server after %lld failures in a row", (long long)failures);
  struct job edited = *job;
  edited.is_active = 0;
  edited.disabled_reason = why;
  struct change *c = sched_change_begin(s, CHANGE_JOB_SAVE);
  if (!c) return;
  c->job.job = job_copy(&edited);
  c->job.job_no = job->no;
  c->job.if_updated_ms = job->updated_ms;
  c->job.keeps_anchor = true;
  c->audit = (struct audit_note){.actor = "system",
                                 .action = "job.disable",
                                 .object = arena_printf(&c->arena, "job:%s", job->name),
                                 .after = "{\"isActive\":false}"};
  if (!c->job.job || !c->audit.object || edit_send(s, c, true)) {
    sched_change_drop(s, c);
    return;
  }
  js->is_disabling = true;
}

/* ---- the clock ---- */
/* A retry's delay and a wait for capacity are durations: they move along with the clock. A due instant does
 * not: what was queued for one that lies ahead again waits for it. */
static void move_waiting(struct sched *s, struct item *i, int64_t by_ms) {
  bool is_retry = i->run.attempt > 1 || i->run.due_ms == INSTANT_NONE;
  if (i->state == ITEM_WAITING && !is_retry && i->run.not_before_ms > s->now_ms) {
    sched_item_unplace(s, i);
    sched_item_set_state(s, i, ITEM_DELAYED);
    sched_item_set_timer(s, i, i->run.not_before_ms);
  } else if (i->state == ITEM_WAITING) {
    i->wait_from_ms += by_ms;
    sched_item_set_timer(s, i, i->timer.key + by_ms);
  } else if (i->state == ITEM_DELAYED && is_retry) {
    sched_item_set_timer(s, i, i->timer.key + by_ms);
  }
}

void sched_clock_set(struct sched *s, int64_t was_ms, int64_t is_ms) {
  int64_t by_ms = is_ms - was_ms;
  LIST_EACH (&s->jobs, job_node) {
    struct job_state *js = CONTAINER_OF(job_node, struct job_state, link);
    LIST_EACH (&js->items, node) move_waiting(s, CONTAINER_OF(node, struct item, link), by_ms);
  }
  if (by_ms > 0) s->late_reason = REASON_CLOCK_JUMP;
  if (by_ms > LONG_JUMP_MS) s->no_catch_up_until_ms = is_ms + LONG_JUMP_PAUSE_MS;
  else if (by_ms < 0) s->no_catch_up_until_ms = INSTANT_NONE;
  if (s->kept) s->retry_ms = s->now_ms;
  claim_again(s);
}
