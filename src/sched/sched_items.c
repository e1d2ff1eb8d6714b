#include <stdlib.h>
#include <string.h>

#include "sched/sched_core.h"

#define TO(state) (1u << ITEM_##state)

/* The life of an item. WAITING → DELAYED: somebody set the clock back to before its instant. */
static const unsigned allowed_edges[ITEM_STATE_COUNT] = {
    [ITEM_NEW] = TO(ARMED) | TO(FRESH) | TO(DELAYED) | TO(WAITING) | TO(STARTING) | TO(RUNNING) | TO(DONE),
    [ITEM_ARMED] = TO(FRESH) | TO(SETTLING) | TO(DONE),
    [ITEM_FRESH] = TO(QUEUEING) | TO(LEAVING) | TO(STARTING) | TO(SETTLING) | TO(DONE),
    [ITEM_QUEUEING] = TO(DELAYED) | TO(WAITING) | TO(DONE),
    [ITEM_DELAYED] = TO(WAITING) | TO(SETTLING) | TO(DONE),
    [ITEM_WAITING] = TO(DELAYED) | TO(LEAVING) | TO(SETTLING) | TO(DONE),
    [ITEM_LEAVING] = TO(STARTING) | TO(WAITING) | TO(DONE),
    [ITEM_STARTING] = TO(RUNNING) | TO(ENDING) | TO(DONE),
    [ITEM_RUNNING] = TO(ENDING) | TO(DONE),
    [ITEM_ENDING] = TO(DONE),
    [ITEM_SETTLING] = TO(DONE),
};

static bool is_in_line(enum item_state state) {
  return state == ITEM_FRESH || state == ITEM_QUEUEING || state == ITEM_WAITING;
}

static void count_item(struct sched *s, struct item *i, bool is_added) {
  bool is_queued = is_in_line(i->state) || i->state == ITEM_DELAYED;
  size_t one = is_added ? 1 : SIZE_MAX; /* SIZE_MAX adds −1 */
  ASSERT(is_added || s->count[i->state] > 0);
  s->count[i->state] += one;
  if (is_in_line(i->state)) i->js->line += one;
  if (is_queued) s->queued_by_priority[i->def->policy.priority] += one;
}

void sched_item_set_state(struct sched *s, struct item *i, enum item_state state) {
  ASSERT(allowed_edges[i->state] & (1u << state));
  count_item(s, i, false);
  i->state = state;
  count_item(s, i, true);
  if (state != ITEM_FRESH) list_remove(&i->fresh);
  bool holds_slots = state == ITEM_LEAVING || state == ITEM_STARTING || state == ITEM_RUNNING;
  ASSERT(!i->place_in || state == ITEM_FRESH || state == ITEM_WAITING);
  ASSERT(!i->has_slots || holds_slots || state == ITEM_ENDING || state == ITEM_DONE ||
         state == ITEM_WAITING || state == ITEM_ARMED);
}

struct item *sched_item_find(const struct sched *s, int64_t run_no) {
  return map_get(&s->items, (uint64_t)run_no);
}

/* ---- jobs ---- */
struct job_state *sched_job_state_get(struct sched *s, int64_t job_no) {
  struct job_state *js = map_get(&s->states, (uint64_t)job_no);
  if (js) return js;
  js = calloc(1, sizeof *js);
  if (!js) return NULL;
  js->no = job_no;
  js->last_taken_ms = INSTANT_NONE;
  js->lane = sched_lane_new(LANE_JOB, "", 1);
  if (!js->lane || map_put(&s->states, (uint64_t)job_no, js)) {
    sched_lane_free(js->lane);
    free(js);
    return NULL;
  }
  list_init(&js->definitions);
  list_init(&js->items);
  list_push_back(&s->jobs, &js->link);
  return js;
}

/* While the clock stands before an instant that was taken already (somebody set it back), the job is
 * remembered, so that no edit brings that instant to life again; and so is one that keeps failing. */
void sched_job_state_release(struct sched *s, struct job_state *js) {
  if (!list_is_empty(&js->items) || !list_is_empty(&js->definitions)) return;
  if (js->last_taken_ms > s->now_ms) s->has_future_taken = true;
  if (js->holds > 0 || js->is_disabling || js->failures > 0 || js->last_taken_ms > s->now_ms) return;
  ASSERT(js->line == 0 && js->lane->used == 0);
  map_remove(&s->states, (uint64_t)js->no);
  list_remove(&js->link);
  sched_lane_free(js->lane);
  free(js);
}

static struct definition *definition_get(struct job_state *js, struct job *job) {
  LIST_EACH (&js->definitions, node) {
    struct definition *def = CONTAINER_OF(node, struct definition, link);
    if (def->job == job || def->job->version == job->version) return def;
  }
  struct definition *def = calloc(1, sizeof *def);
  if (!def) return NULL;
  def->job = job_ref(job);
  def->generation = -1;
  list_push_front(&js->definitions, &def->link);
  return def;
}

static void definition_release(struct definition *def) {
  ASSERT(def->refs > 0);
  if (--def->refs > 0) return;
  list_remove(&def->link);
  job_unref(def->job);
  free(def);
}

static int64_t clamp(int64_t value, int64_t min, int64_t max) {
  return value < min ? min : value > max ? max : value;
}

static void resolve(struct sched *s, struct definition *def) {
  if (def->generation == s->generation) return;
  def->policy = policy_resolve(def->job, s->settings);
  def->policy.priority = clamp(def->policy.priority, 1, 10);
  def->generation = s->generation;
}

const struct policy *sched_item_policy(struct sched *s, struct item *i) {
  resolve(s, i->def);
  return &i->def->policy;
}

/* ---- items ---- */
/* A journal may know of a run that the store does not: with the clock set back, its number would come again. */
void sched_ids_know(struct sched *s, int64_t run_no) {
  if (run_no > s->ids.last) s->ids.last = run_no;
}

static void fill_identity(struct sched *s, struct item *i, const struct job *job, int64_t run_no) {
  run_init(&i->run);
  i->run.no = run_no ? run_no : id_next(&s->ids, s->now_ms);
  struct id_text id = id_to_text(i->run.no);
  memcpy(i->id, id.text, sizeof i->id);
  i->run.id = i->id;
  i->run.job_no = job->no;
  i->run.job_id = job->id;
  i->run.version = job->version;
  i->run.due_ms = INSTANT_NONE;
  i->timer.tie = i->place.tie = i->run.no;
}

struct item *sched_item_new(struct sched *s, struct job *job, int64_t run_no) {
  ASSERT(job->no > 0 && s->settings);
  if (heap_reserve(&s->timers, s->items.count + 1 - s->timers.count) ||
      heap_reserve(&s->ready, s->items.count + 1 - s->ready.count))
    return NULL;
  struct job_state *js = sched_job_state_get(s, job->no);
  struct item *i = js ? calloc(1, sizeof *i) : NULL;
  if (!i) return NULL;
  struct definition *def = definition_get(js, job);
  ASSERT(!run_no || !sched_item_find(s, run_no));
  i->js = js;
  i->def = def;
  if (def) fill_identity(s, i, def->job, run_no);
  if (!def || map_put(&s->items, (uint64_t)i->run.no, i)) {
    if (def && def->refs++ == 0) definition_release(def);
    free(i);
    sched_job_state_release(s, js);
    return NULL;
  }
  def->refs++;
  resolve(s, def);
  list_push_back(&js->items, &i->link);
  s->count[ITEM_NEW]++;
  return i;
}

bool sched_item_set_texts(struct item *i, const char *params, const char *requested_by) {
  i->params = params ? str_dup(str_of(params)) : NULL;
  i->requested_by = requested_by ? str_dup(str_of(requested_by)) : NULL;
  i->run.params = i->params;
  i->run.requested_by = i->requested_by;
  return (!params || i->params) && (!requested_by || i->requested_by);
}

void sched_item_set_timer(struct sched *s, struct item *i, int64_t at_ms) {
  if (at_ms == INSTANT_NEVER) {
    heap_remove(&s->timers, &i->timer);
  } else if (heap_is_linked(&i->timer)) {
    heap_rekey(&s->timers, &i->timer, at_ms);
  } else {
    i->timer.key = at_ms;
    enum err e = heap_add(&s->timers, &i->timer); /* reserved by item_new */
    ASSERT(e == ERR_OK);
  }
}

void sched_item_drop(struct sched *s, struct item *i) {
  sched_item_set_timer(s, i, INSTANT_NEVER);
  sched_item_unplace(s, i);
  sched_item_give_slots(s, i);
  if (i->retry) sched_item_drop(s, i->retry);
  i->retry = NULL;
  sched_item_set_state(s, i, ITEM_DONE);
  s->count[ITEM_DONE]--;
  sched_item_unbind(s, i);
  map_remove(&s->items, (uint64_t)i->run.no);
  list_remove(&i->link);
  list_push_back(&s->garbage, &i->fresh);
}

void sched_garbage_free(struct sched *s) {
  LIST_EACH (&s->garbage, node) {
    struct item *i = CONTAINER_OF(node, struct item, fresh);
    struct job_state *js = i->js;
    list_remove(node);
    definition_release(i->def);
    free(i->params);
    free(i->requested_by);
    free(i);
    if (list_is_empty(&js->definitions)) sched_job_state_release(s, js);
  }
  for (struct change *c = s->garbage_changes, *next; c; c = next) {
    next = c->next;
    change_free(c);
  }
  s->garbage_changes = NULL;
}
