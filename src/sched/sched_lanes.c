#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "sched/sched_core.h"

#define KEY_BYTES_MAX 1000 /* of a concurrency key with its parameters filled in */

struct lane *sched_lane_new(enum lane_kind kind, const char *name, int64_t capacity) {
  size_t bytes = strlen(name) + 1;
  struct lane *l = calloc(1, sizeof *l + bytes);
  if (!l) return NULL;
  l->kind = kind;
  l->capacity = capacity;
  memcpy(l->name, name, bytes);
  return l;
}

void sched_lane_free(struct lane *l) {
  if (!l) return;
  ASSERT(l->waiting.count == 0);
  heap_free(&l->waiting);
  free(l);
}

/* ---- finding ---- */
static struct lane *lane_get(struct sched *s, enum lane_kind kind, const char *name, int64_t capacity) {
  uint64_t hash = hash_bytes(name, strlen(name), kind);
  struct lane *first = map_get(&s->lanes, hash);
  for (struct lane *l = first; l; l = l->next) {
    if (l->kind != kind || strcmp(l->name, name) != 0) continue;
    l->refs++;
    return l;
  }
  struct lane *l = sched_lane_new(kind, name, capacity);
  if (!l) return NULL;
  l->hash = hash;
  l->next = first;
  if (map_put(&s->lanes, hash, l)) {
    sched_lane_free(l);
    return NULL;
  }
  l->refs = 1;
  return l;
}

static void lane_release(struct sched *s, struct lane *l) {
  ASSERT(l->refs > 0);
  if (--l->refs > 0) return;
  ASSERT(l->used == 0);
  struct lane *first = map_get(&s->lanes, l->hash);
  if (first == l) {
    map_remove(&s->lanes, l->hash);
    if (l->next && map_put(&s->lanes, l->hash, l->next)) ASSERT(false); /* a place was just freed */
  } else {
    while (first->next != l) first = first->next;
    first->next = l->next;
  }
  sched_lane_free(l);
}

static void add_value(struct buf *out, const json_t *value) {
  if (json_is_string(value)) buf_add_text(out, json_string_value(value));
  else if (json_is_integer(value)) buf_add_int(out, json_integer_value(value));
  else if (json_is_boolean(value)) buf_add_text(out, json_is_true(value) ? "true" : "false");
}

/* "backup-{disk}" with the run's parameters filled in; what is missing is empty. */
static bool expand_key(const char *pattern, const char *params, struct buf *out) {
  JSON_AUTO json_t *object = NULL;
  if (params && json_parse(str_of(params), &object, NULL) == ERR_NO_MEMORY) return false;
  struct str rest = str_of(pattern);
  while (rest.len > 0) {
    size_t open = str_find_char(rest, '{');
    size_t close = open == SIZE_MAX ? SIZE_MAX : str_find_char(str_from(rest, open), '}');
    if (close == SIZE_MAX) break;
    buf_add(out, rest.ptr, open);
    char name[LIMIT_NAME_BYTES + 1];
    str_copy(name, sizeof name, (struct str){rest.ptr + open + 1, close - 1});
    if (object) add_value(out, json_object_get(object, name));
    rest = str_from(rest, open + close + 1);
  }
  buf_add_str(out, rest);
  return buf_error(out) != ERR_NO_MEMORY;
}

static struct lane *key_lane(struct sched *s, const struct item *i) {
  BUF_AUTO struct buf key = buf_new(KEY_BYTES_MAX);
  const struct job *job = i->def->job;
  if (!expand_key(job->concurrency_key, i->run.params ? i->run.params : job->params, &key)) return NULL;
  if (buf_error(&key)) key.len = KEY_BYTES_MAX / 2; /* too long: runs that begin alike exclude each other */
  key.error = ERR_OK;
  const char *text = buf_text(&key);
  return text ? lane_get(s, LANE_KEY, text, 1) : NULL;
}

bool sched_item_bind(struct sched *s, struct item *i) {
  const struct policy *p = sched_item_policy(s, i);
  ASSERT(!i->has_slots);
  sched_item_unbind(s, i);
  if (p->pool && !(i->lanes[0] = lane_get(s, LANE_POOL, p->pool, p->pool_size))) return sched_starve(s);
  if (p->group && !(i->lanes[1] = lane_get(s, LANE_GROUP, p->group, 1))) return sched_starve(s);
  if (i->def->job->concurrency_key && !(i->lanes[2] = key_lane(s, i))) return sched_starve(s);
  return true;
}

void sched_item_unbind(struct sched *s, struct item *i) {
  ASSERT(!i->has_slots && !i->place_in);
  for (int n = 0; n < ITEM_LANES_MAX; n++) {
    if (i->lanes[n]) lane_release(s, i->lanes[n]);
    i->lanes[n] = NULL;
  }
}

/* ---- standing in line ---- */
static void place(struct item *i, struct heap *where) {
  enum err e = heap_add(where, &i->place);
  ASSERT(e == ERR_OK); /* room was reserved */
  i->place_in = where;
}

void sched_item_make_ready(struct sched *s, struct item *i) {
  ASSERT(!i->place_in && (i->state == ITEM_FRESH || i->state == ITEM_WAITING));
  /* Ageing without ever sorting again: waiting LIMIT_PRIORITY_AGE_MS longer is worth one step of priority. */
  i->place.key = i->def->policy.priority * LIMIT_PRIORITY_AGE_MS + i->wait_from_ms;
  place(i, &s->ready);
}

/* Of the first in line when there is room. */
static void wake_one(struct sched *s, struct lane *l) {
  if (l->used >= l->capacity || l->waiting.count == 0) return;
  struct item *i = CONTAINER_OF(heap_top(&l->waiting), struct item, place);
  heap_remove(&l->waiting, &i->place);
  place(i, &s->ready);
}

/* An item that was woken for a lane but does not use its room hands the chance on. */
static void pass_on(struct sched *s, struct item *i) {
  for (int n = 0; n < ITEM_LANES_MAX; n++)
    if (i->lanes[n]) wake_one(s, i->lanes[n]);
  wake_one(s, i->js->lane);
}

static void leave_place(struct item *i) {
  if (!i->place_in) return;
  heap_remove(i->place_in, &i->place);
  i->place_in = NULL;
}

void sched_item_unplace(struct sched *s, struct item *i) {
  bool was_ready = i->place_in == &s->ready;
  leave_place(i);
  if (was_ready) pass_on(s, i);
}

bool sched_item_park(struct sched *s, struct item *i, struct lane *lane) {
  ASSERT(i->place_in == &s->ready);
  if (heap_reserve(&lane->waiting, 1)) return sched_starve(s);
  leave_place(i);
  place(i, &lane->waiting);
  pass_on(s, i);
  return true;
}

void sched_lane_wake_all(struct sched *s, struct lane *l) {
  while (l->waiting.count > 0) {
    struct item *i = CONTAINER_OF(heap_top(&l->waiting), struct item, place);
    leave_place(i);
    place(i, &s->ready);
  }
}

/* ---- slots ---- */

/* A claim starts without a commit because recovery takes it for started, on another boot, up to a horizon behind the
 * last commit. An edit claims ahead of that what is splayed: it gets a queued row first, which says so by itself. */
static bool is_beyond_recovery(const struct sched *s, const struct item *i) {
  int64_t horizon_ms = s->config.horizon_ms ? s->config.horizon_ms : LIMIT_CLAIM_HORIZON_MS;
  return s->alive_ms != INSTANT_NONE && i->run.not_before_ms > s->alive_ms + horizon_ms;
}

struct lane *sched_item_blocking_lane(const struct sched *s, const struct item *i) {
  struct lane *job = i->js->lane;
  ASSERT((i->js->holds > 0) == (job->capacity == 0));
  if (i->js->holds > 0) return job;
  if (!i->def->policy.allow_concurrent && job->used >= job->capacity) return job;
  for (int n = 0; n < ITEM_LANES_MAX; n++)
    if (i->lanes[n] && i->lanes[n]->used >= i->lanes[n]->capacity) return i->lanes[n];
  bool needs_commit = i->state == ITEM_WAITING || i->run.due_ms == INSTANT_NONE;
  if (needs_commit) return s->is_store_down ? s->store_lane : NULL;
  return is_beyond_recovery(s, i) ? s->store_lane : NULL;
}

void sched_item_take_slots(struct sched *s, struct item *i) {
  ASSERT(!i->has_slots);
  leave_place(i);
  i->has_slots = true;
  s->taken++;
  i->js->lane->used++;
  for (int n = 0; n < ITEM_LANES_MAX; n++) {
    if (!i->lanes[n]) continue;
    i->lanes[n]->used++;
    wake_one(s, i->lanes[n]);
  }
}

void sched_item_give_slots(struct sched *s, struct item *i) {
  if (!i->has_slots) return;
  i->has_slots = false;
  ASSERT(s->taken > 0 && i->js->lane->used > 0);
  s->taken--;
  i->js->lane->used--;
  for (int n = 0; n < ITEM_LANES_MAX; n++) {
    if (!i->lanes[n]) continue;
    ASSERT(i->lanes[n]->used > 0);
    i->lanes[n]->used--;
  }
  pass_on(s, i);
}

/* Pools may have come, gone or changed their size: everyone in line finds the lanes anew. */
void sched_lanes_resize(struct sched *s) {
  size_t at = 0;
  for (struct map_entry e; map_next(&s->lanes, &at, &e);)
    for (struct lane *l = e.value; l; l = l->next) {
      int64_t size = l->kind == LANE_POOL ? settings_pool_size(s->settings, l->name) : l->capacity;
      l->capacity = size > 0 ? size : LIMIT_RUNNING_RUNS;
      sched_lane_wake_all(s, l);
    }
  LIST_EACH (&s->jobs, job_node) {
    struct job_state *js = CONTAINER_OF(job_node, struct job_state, link);
    sched_lane_wake_all(s, js->lane);
    LIST_EACH (&js->items, node) {
      struct item *i = CONTAINER_OF(node, struct item, link);
      if (i->state != ITEM_WAITING) continue;
      leave_place(i);
      if (!sched_item_bind(s, i))
        sched_item_unbind(s, i); /* no memory: it waits without a pool, as a job without one */
      sched_item_make_ready(s, i);
    }
  }
}
