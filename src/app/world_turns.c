#include "app/world_turns.h"

#include <stdlib.h>

#define RETRY_FIRST_MS 2
#define MS_NS 1000000LL

/* A world that a call is about right now: others wait here. */
struct slot {
  uint64_t key;
  struct turn *holder; /* queued, running or delayed */
  struct list parked;
};

void turns_init(struct turns *t, size_t back_max) {
  *t = (struct turns){.back_max = back_max};
  list_init(&t->front);
  list_init(&t->back);
  list_init(&t->delayed);
}

void turns_free(struct turns *t) {
  ASSERT(t->slots.count == 0 && list_is_empty(&t->front) && list_is_empty(&t->back));
  map_free(&t->slots);
}

static struct turn *first_of(const struct list *queue) {
  return list_is_empty(queue) ? NULL : CONTAINER_OF(queue->next, struct turn, node);
}

/* ---- worlds in use ---- */

static bool is_back(const struct turn *t) { return (t->call->flags & CALL_BACK) != 0; }
static bool is_about_one(const struct turn *t) {
  return (t->call->flags & CALL_ONE_WORLD) && t->world_id.len > 0;
}
static uint64_t key_of(const struct turn *t) { return hash_bytes(t->world_id.ptr, t->world_id.len, 0); }
static struct list *queue_of(struct turns *t, const struct turn *turn) {
  return is_back(turn) ? &t->back : &t->front;
}

/* True: the world is ours. False: it is parked. A request goes before a batch that waits for a lane only. */
static bool take_world(struct turns *t, struct turn *turn) {
  if (!is_about_one(turn) || turn->holds_world) return true;
  struct slot *s = map_get(&t->slots, key_of(turn));
  if (!s) {
    s = calloc(1, sizeof *s);
    ASSERT(s);
    s->key = key_of(turn);
    list_init(&s->parked);
    enum err e = map_put(&t->slots, s->key, s);
    ASSERT(e == ERR_OK);
  } else if (!is_back(turn) && is_back(s->holder) && !s->holder->is_running && !s->holder->again_at_ns) {
    s->holder->holds_world = false;
  } else {
    list_push_back(&s->parked, &turn->node);
    return false;
  }
  s->holder = turn;
  turn->holds_world = true;
  return true;
}

static struct turn *next_parked(struct slot *s) {
  LIST_EACH (&s->parked, node) {
    struct turn *t = CONTAINER_OF(node, struct turn, node);
    if (!is_back(t)) return t;
  }
  return first_of(&s->parked);
}

bool turns_leave(struct turns *t, struct turn *turn) {
  if (turn->is_running) t->back_running -= is_back(turn);
  turn->is_running = false;
  if (!turn->holds_world) return false;
  turn->holds_world = false;
  struct slot *s = map_get(&t->slots, key_of(turn));
  ASSERT(s && s->holder == turn);
  struct turn *next = next_parked(s);
  if (!next) {
    (void)map_remove(&t->slots, s->key);
    free(s);
    return false;
  }
  list_remove(&next->node);
  s->holder = next;
  next->holds_world = true;
  list_push_back(queue_of(t, next), &next->node);
  return true;
}

/* ---- the order ---- */

void turns_add(struct turns *t, struct turn *turn) { list_push_back(queue_of(t, turn), &turn->node); }

static void release_delayed(struct turns *t, int64_t now_ns) {
  for (struct turn *turn; (turn = first_of(&t->delayed)) && turn->again_at_ns <= now_ns;) {
    list_remove(&turn->node);
    turn->again_at_ns = 0;
    list_push_front(queue_of(t, turn), &turn->node);
  }
}

static struct turn *take_from(struct turns *t, struct list *queue) {
  for (struct turn *turn; (turn = first_of(queue));) {
    list_remove(&turn->node);
    if (take_world(t, turn)) return turn;
  }
  return NULL;
}

struct turn *turns_take(struct turns *t, int64_t now_ns) {
  release_delayed(t, now_ns);
  struct turn *turn = take_from(t, &t->front);
  if (!turn && t->back_running < t->back_max) turn = take_from(t, &t->back);
  if (!turn) return NULL;
  turn->is_running = true;
  t->back_running += is_back(turn);
  return turn;
}

int64_t turns_wake_ns(const struct turns *t) {
  const struct turn *first = first_of(&t->delayed);
  return first ? first->again_at_ns : INT64_MAX;
}

void turns_delay(struct turns *t, struct turn *turn, int64_t now_ns) {
  ASSERT(turn->is_running);
  turn->is_running = false;
  t->back_running -= is_back(turn);
  turn->retry_ms = turn->retry_ms ? 2 * turn->retry_ms : RETRY_FIRST_MS;
  if (turn->retry_ms > TURN_STEP_MAX_MS) turn->retry_ms = TURN_STEP_MAX_MS;
  turn->again_at_ns = now_ns + turn->retry_ms * MS_NS;
  struct list *at = t->delayed.prev;
  while (at != &t->delayed && CONTAINER_OF(at, struct turn, node)->again_at_ns > turn->again_at_ns)
    at = at->prev;
  list_insert_before(at->next, &turn->node);
}

struct turn *turns_take_out(struct turns *t) {
  struct turn *turn = first_of(&t->delayed);
  if (!turn) turn = first_of(&t->front);
  if (!turn) turn = first_of(&t->back);
  if (!turn) return NULL;
  list_remove(&turn->node);
  turn->again_at_ns = 0;
  return turn;
}
