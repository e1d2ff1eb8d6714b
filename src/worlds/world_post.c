#include "worlds/world_post.h"

#include "sys/world.h"
#include "worlds/world_access.h"
#include "worlds/world_args.h"
#include "worlds/world_moves.h"

#define USER_AWAY_MS ((int64_t)3600 * 1000) /* strictly more: away */

static bool is_away(struct lane *l, int64_t active_ms, int64_t now_ms) {
  if (active_ms != INSTANT_NONE && now_ms - active_ms <= USER_AWAY_MS) return false;
  return !worlds_settings(l, now_ms).tick_when_idle;
}

static void answer(struct world_post *p, int64_t active_ms, int64_t ticks) {
  p->active_ms =
      p->append.active_ms != INSTANT_NONE && (active_ms == INSTANT_NONE || p->append.active_ms > active_ms)
          ? p->append.active_ms
          : active_ms;
  p->ticks = ticks + p->append.ticks;
}

static enum err write_live(struct lane *l, const struct world_request *q, struct world_post *p,
                           int64_t token) {
  p->append.id = q->world_id;
  p->append.token = token;
  TRY(live_write(l->live, &p->append, 1, q->now_ms, l->detail));
  if (p->append.error == ERR_BUSY || p->append.error == ERR_CONFLICT)
    return err_set(l->detail, ERR_WORLD_BUSY, "worldId", 0, "somebody else is moving \"%.*s\"",
                   STR_ARG(q->world_id));
  return p->append.error;
}

/* ---- the hot path: the live state knows all that is needed ---- */

static enum err post_live(struct lane *l, const struct world_request *q, struct world_post *p,
                          bool *ret_done) {
  struct live_world w = {};
  *ret_done = false;
  if (live_mode(l->live) == LIVE_NONE) return ERR_OK;
  TRY(live_read(l->live, &(struct live_question){&q->world_id, 1, LIVE_GUARD, &l->arena}, &w, l->detail));
  if (!w.is_there || world_access_is_sealed(&w) || !world_access_lets(&w, p->deed, &q->actor)) return ERR_OK;
  answer(p, w.active_ms, w.ticks);
  if (p->needs_user_here && is_away(l, w.active_ms, q->now_ms)) {
    p->is_refused = *ret_done = true;
    p->ticks = w.ticks;
    return ERR_OK;
  }
  enum err e = write_live(l, q, p, 0);
  if (e == ERR_NOT_FOUND) return ERR_OK;    /* cleaned between the two */
  if (e == ERR_PRECONDITION) return ERR_OK; /* it may have fallen back: ask the database first */
  *ret_done = e == ERR_OK;
  return e;
}

/* ---- the cold path ---- */

/* who wakes a world by a message. */
static enum err may_wake(struct lane *l, const struct world_request *q, const struct world_post *p,
                         const struct world_row *row) {
  bool is_owner = world_may(DEED_OWN, &q->actor, row, false, NULL) == ERR_OK;
  if (!p->is_user)
    return err_set(l->detail, ERR_WORLD_PAUSED, "worldId", 0, "world \"%s\" is paused", row->id);
  if (is_owner) return ERR_OK;
  if (row->pause_reason == PAUSE_VACATION)
    return err_set(l->detail, ERR_WORLD_ON_VACATION, "worldId", 0,
                   "its owner has sent \"%s\" on vacation; only the owner's message ends that", row->id);
  if (row->pause_reason == PAUSE_MANUAL && worlds_settings(l, q->now_ms).manual_by_owner)
    return err_set(l->detail, ERR_WORLD_PAUSED_BY_OWNER, "worldId", 0,
                   "its owner has paused \"%s\"; only the owner resumes it", row->id);
  return ERR_OK;
}

static enum err load_and_write(struct lane *l, const struct world_request *q, struct world_post *p,
                               const struct world_row *row, int64_t token) {
  struct live_world w = {};
  TRY(world_activate(l, row, token, q->now_ms));
  TRY(live_read(l->live, &(struct live_question){&q->world_id, 1, LIVE_META, &l->arena}, &w, l->detail));
  answer(p, w.active_ms, w.ticks);
  if (p->needs_user_here && is_away(l, w.active_ms, q->now_ms)) {
    p->is_refused = true;
    p->ticks = w.ticks;
    return ERR_OK;
  }
  enum err e = write_live(l, q, p, token);
  if (e != ERR_PRECONDITION) return e;
  return err_set(l->detail, ERR_WORLD_BUSY, "worldId", 0, "the live state began anew meanwhile");
}

/* What world_flush_append did not write: text, turn, activity, seen members and counters are in the database. */
static bool has_rest(const struct live_append *a) {
  for (size_t i = 0; i < a->core_count; i++)
    if (!str_starts(a->core[i].name, STR(WORLD_SEEN_PREFIX))) return true;
  return a->session_count || a->event_count || a->history_count || a->ticks;
}

static void write_rest(struct lane *l, const struct world_request *q, const struct world_post *p,
                       int64_t token) {
  struct live_append rest = p->append;
  rest.id = q->world_id;
  rest.token = token;
  rest.active_ms = INSTANT_NONE;
  rest.journal_count = 0;
  rest.messages = rest.events_applied = rest.tokens = rest.cost_micro_usd = rest.session_seconds = 0;
  (void)live_write(l->live, &rest, 1, q->now_ms, NULL);
}

/* Waking, or no live state at all: the write and the new row are one transaction (B-19). The state follows into the
 * live state; when that fails now, the next message loads it. */
static enum err write_in_database(struct lane *l, const struct world_request *q, struct world_post *p,
                                  struct world_row *row, int64_t token) {
  struct world_db_step step = {.resume_ms = p->is_user ? p->append.active_ms : INSTANT_NONE,
                               .append = &p->append};
  if (p->needs_user_here && is_away(l, row->last_active_ms, q->now_ms)) {
    p->is_refused = true;
    return ERR_OK;
  }
  /* Whoever may post wakes it, but it is the system that resumes (X-5, B-78). */
  struct world_move m = {l, token, q->now_ms, STR("system"), l->detail};
  TRY(world_db_step(&m, row, &step));
  p->has_resumed = step.has_resumed;
  answer(p, row->last_active_ms, 0);
  if (row->is_paused) return ERR_OK;
  if (step.is_apart && !has_rest(&p->append)) { /* tens of megabytes need not be moved before the answer */
    str_copy(l->to_wake, sizeof l->to_wake, q->world_id);
    return ERR_OK;
  }
  if (world_activate(l, row, token, q->now_ms) != ERR_OK) return ERR_OK;
  if (step.is_apart) write_rest(l, q, p, token);
  return ERR_OK;
}

static enum err post_held(struct lane *l, const struct world_request *q, struct world_post *p,
                          int64_t token) {
  struct world_row row;
  TRY(world_get(l, q->world_id, &row));
  p->was_paused = row.is_paused != 0;
  if (row.is_paused) TRY(may_wake(l, q, p, &row));
  if (row.is_paused || live_mode(l->live) == LIVE_NONE) return write_in_database(l, q, p, &row, token);
  return load_and_write(l, q, p, &row, token);
}

static enum err post_cold(struct lane *l, const struct world_request *q, struct world_post *p) {
  struct world_row row;
  struct world_hold hold;
  TRY(world_see(l, q, p->deed, &row));
  TRY(world_hold(l, q->world_id, q->now_ms, &hold));
  enum err e = post_held(l, q, p, hold.lock.token);
  world_release(l, &hold);
  return e;
}

enum err world_post(struct lane *l, const struct world_request *q, struct world_post *p) {
  bool is_done;
  struct tick begun = world_tick(world_real());
  TRY(post_live(l, q, p, &is_done));
  if (is_done) return ERR_OK;
  TRY(post_cold(l, q, p));
  p->added_latency_ms = tick_diff_ms(world_tick(world_real()), begun);
  return ERR_OK;
}
