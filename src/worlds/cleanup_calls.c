/* The job cleanup: locks nobody holds, temporary events that are old, and the live state of worlds whose users have been
 * away for more than an hour: saved and removed in one locked step. */
#include <malloc.h>

#include "worlds/calls.h"
#include "worlds/save_batch.h"
#include "worlds/world_args.h"
#include "worlds/world_moves.h"

#define PAGE 500
#define LOCKS_PAGE 1000
#define BYTES_PER_MB (1024.0 * 1024.0)

struct cleanup_args {
  const char *cursor; /* read by batch_cursor_of */
  int64_t is_dry, limit;
};
static const struct field cleanup_fields[] = {
    ARG(struct cleanup_args, is_dry, "dryRun", BOOL, 0, 0, 1, 0, NULL, "only say how many"),
    ARG(struct cleanup_args, limit, "limit", INT, 0, 1, PAGE, PAGE, NULL, "worlds of a page"),
    ARG(struct cleanup_args, cursor, "cursor", JSON, FIELD_NULLABLE, 0, 4096, FIELD_NULL, NULL,
        "the next of the page before"),
};

struct cleanup {
  struct lane *lane;
  const struct world_request *q;
  struct world_settings settings;
  bool is_dry;
  size_t limit;
  int64_t cleaned, locks, events, freed_bytes, busy, failed;
  json_t *next; /* NULL: the last page */
  struct err_detail *detail;
};

/* ---- locks ---- */

static enum err clean_locks(struct cleanup *c) {
  if (!c->is_dry) TRY(live_drop_orphans(c->lane->live, c->q->now_ms, LOCKS_PAGE, &c->locks, c->detail));
  c->next = batch_next(c->locks >= LOCKS_PAGE ? "locks" : "events", INSTANT_NONE, STR_NONE, c->q->now_ms);
  return ERR_OK;
}

/* ---- temporary events, also of active worlds (A-5) ---- */

static enum err count_old_events(struct cleanup *c, const struct live_page *page, int64_t before_ms) {
  struct live_world *w = ARENA_ARRAY(&c->lane->arena, struct live_world, page->count + 1);
  if (!w) return ERR_NO_MEMORY;
  TRY(live_read(c->lane->live, &(struct live_question){page->ids, page->count, LIVE_EVENTS, &c->lane->arena},
                w, c->detail));
  for (size_t i = 0; i < page->count; i++)
    for (size_t j = 0; j < w[i].event_count; j++) c->events += w[i].events[j].at_ms < before_ms;
  return ERR_OK;
}

static enum err clean_events(struct cleanup *c, const struct batch_cursor *at) {
  int64_t before_ms = at->until_ms - c->settings.temp_event_age_sec * 1000;
  struct live_page page = {
      .after_score = at->score, .after_id = at->id, .until_score = before_ms - 1, .limit = c->limit};
  TRY(live_list(c->lane->live, LIVE_EVENT_AGE, &page, &c->lane->arena, c->detail));
  if (c->is_dry) TRY(count_old_events(c, &page, before_ms));
  else if (page.count > 0)
    TRY(live_expire_events(c->lane->live, page.ids, page.count, before_ms, &c->events, c->detail));
  c->next = page.has_more
                ? batch_next("events", page.scores[page.count - 1], page.ids[page.count - 1], at->until_ms)
                : batch_next("worlds", INSTANT_NONE, STR_NONE, at->until_ms);
  return ERR_OK;
}

/* ---- worlds ---- */

struct idle_batch {
  struct live_lock *locks;
  struct live_world *worlds; /* of those whose lock is ours */
  int64_t *tokens;
  struct save_result *results;
  struct live_mark *marks;
  size_t count;
};

static enum err batch_new(struct arena *arena, size_t n, struct idle_batch *ret) {
  *ret = (struct idle_batch){.locks = ARENA_ARRAY(arena, struct live_lock, n + 1),
                             .worlds = ARENA_ARRAY(arena, struct live_world, n + 1),
                             .tokens = ARENA_ARRAY(arena, int64_t, n + 1),
                             .results = ARENA_ARRAY(arena, struct save_result, n + 1),
                             .marks = ARENA_ARRAY(arena, struct live_mark, n + 1)};
  return ret->locks && ret->worlds && ret->tokens && ret->results && ret->marks ? ERR_OK : ERR_NO_MEMORY;
}

/* Locks them, and keeps those that are still there and idle: what is read now nobody else changes. */
static enum err take(struct cleanup *c, struct str *ids, size_t count, int64_t idle_ms,
                     struct idle_batch *b) {
  struct lane *l = c->lane;
  size_t n = 0;
  for (size_t i = 0; i < count; i++) b->locks[i].id = ids[i];
  TRY(live_lock(l->live, b->locks, count, (struct live_lease){LIVE_LEASE_MS, c->q->now_ms}, c->detail));
  for (size_t i = 0; i < count; i++) {
    c->busy += b->locks[i].token == 0;
    if (b->locks[i].token != 0) b->locks[n++] = b->locks[i];
  }
  b->count = n;
  for (size_t i = 0; i < n; i++) ids[i] = b->locks[i].id;
  TRY(live_read(l->live, &(struct live_question){ids, n, LIVE_ALL, &l->arena}, b->worlds, c->detail));
  for (size_t i = 0; i < n; i++) {
    struct live_world *w = &b->worlds[i];
    b->tokens[i] = b->locks[i].token;
    if (w->active_ms != INSTANT_NONE && w->active_ms > idle_ms) w->is_there = false; /* active meanwhile */
  }
  return ERR_OK;
}

static enum err clear(struct cleanup *c, struct idle_batch *b) {
  int64_t model = c->settings.core_kb * 1024;
  size_t n = 0;
  for (size_t i = 0; i < b->count; i++) {
    const struct live_world *w = &b->worlds[i];
    if (w->is_there && b->results[i].error == ERR_OK)
      b->marks[n++] = (struct live_mark){.id = w->id, .version = w->version, .token = b->tokens[i]};
    else if (w->is_there) c->failed++;
  }
  if (n == 0) return ERR_OK;
  TRY(live_clear(c->lane->live, b->marks, n, c->q->now_ms, c->detail));
  for (size_t i = 0; i < n; i++) {
    c->cleaned += b->marks[i].is_done;
    if (b->marks[i].is_done) c->freed_bytes += b->marks[i].freed_bytes >= 0 ? b->marks[i].freed_bytes : model;
  }
  return ERR_OK;
}

/* Those that no longer are there must not be saved again: they are left out of the transaction. */
static enum err save_there(struct cleanup *c, struct idle_batch *b) {
  size_t n = 0;
  for (size_t i = 0; i < b->count; i++) {
    if (!b->worlds[i].is_there) continue;
    b->worlds[n] = b->worlds[i];
    b->tokens[n++] = b->tokens[i];
  }
  for (size_t i = n; i < b->count; i++) b->worlds[i] = (struct live_world){};
  struct world_snapshots s = {.worlds = b->worlds, .count = n, .tokens = b->tokens, .now_ms = c->q->now_ms};
  return world_save_batch(c->lane, &s, b->results);
}

static void drop_orphans(struct cleanup *c, const struct idle_batch *b) {
  for (size_t i = 0; i < b->count; i++)
    if (b->worlds[i].is_there && b->results[i].error == ERR_NOT_FOUND &&
        world_drop_orphan(c->lane, b->worlds[i].id, c->q->now_ms))
      c->failed--, c->cleaned++;
}

static enum err clean_batch(struct cleanup *c, struct str *ids, size_t count, int64_t idle_ms) {
  struct idle_batch b;
  TRY(batch_new(&c->lane->arena, count, &b));
  enum err e = take(c, ids, count, idle_ms, &b);
  if (e == ERR_OK && b.count > 0) e = save_there(c, &b);
  if (e == ERR_OK && b.count > 0) e = clear(c, &b);
  if (b.count > 0) (void)live_unlock(c->lane->live, b.locks, b.count, NULL); /* else the leases end them */
  if (e == ERR_OK) drop_orphans(c, &b);
  return e;
}

static enum err clean_worlds(struct cleanup *c, const struct batch_cursor *at) {
  struct lane *l = c->lane;
  int64_t idle_ms =
      at->until_ms - c->settings.cleanup_idle_sec * 1000 - 1; /* strictly more than an hour */
  struct live_page page = {
      .after_score = at->score, .after_id = at->id, .until_score = idle_ms, .limit = c->limit};
  TRY(live_list(l->live, LIVE_ACTIVE, &page, &l->arena, c->detail));
  struct live_world *metas = ARENA_ARRAY(&l->arena, struct live_world, page.count + 1);
  if (!metas) return ERR_NO_MEMORY;
  if (page.count > 0)
    TRY(live_read(l->live, &(struct live_question){page.ids, page.count, LIVE_META, &l->arena}, metas,
                  c->detail));
  size_t n = world_batch_size(metas, page.count);
  if (n < page.count || page.has_more)
    c->next = batch_next("worlds", page.scores[n - 1], page.ids[n - 1], at->until_ms);
  if (c->is_dry) {
    for (size_t i = 0; i < n; i++)
      c->freed_bytes += metas[i].bytes >= 0 ? metas[i].bytes : c->settings.core_kb * 1024;
    c->cleaned = (int64_t)n;
    return ERR_OK;
  }
  if (n > 0) TRY(clean_batch(c, page.ids, n, idle_ms));
  if (!c->next) (void)malloc_trim(0); /* what the pages needed goes back */
  return ERR_OK;
}

/* {worldsCleaned, orphanLocksRemoved, tempEventsCleanedCount, memoryFreedBytes, estimatedMemoryFreedMB, estimateMethod,
 * worldsBusy, worldsFailed, next}: first locks, then events, then worlds, a page a call. In a dry run orphan locks are
 * not counted. */
enum err call_cleanup_page(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct cleanup_args args = {};
  TRY(ARGS_READ(l, q, cleanup_fields, &args, &r->detail));
  struct batch_cursor at = batch_cursor_of(q);
  struct cleanup c = {.lane = l,
                      .q = q,
                      .settings = worlds_settings(l, q->now_ms),
                      .is_dry = args.is_dry != 0,
                      .limit = (size_t)args.limit,
                      .detail = &r->detail};
  bool is_measured = live_mode(l->live) != LIVE_UPSTASH;
  if (at.until_ms == INSTANT_NONE) at.until_ms = q->now_ms;
  enum err e = str_eq(at.part, STR("worlds"))   ? clean_worlds(&c, &at)
               : str_eq(at.part, STR("events")) ? clean_events(&c, &at)
                                                : clean_locks(&c);
  if (e != ERR_OK) {
    json_decref(c.next);
    return e;
  }
  return reply_with(
      r, json_pack("{s:I, s:I, s:I, s:I, s:f, s:s, s:I, s:I, s:o}", "worldsCleaned", (json_int_t)c.cleaned,
                   "orphanLocksRemoved", (json_int_t)c.locks, "tempEventsCleanedCount", (json_int_t)c.events,
                   "memoryFreedBytes", (json_int_t)c.freed_bytes, "estimatedMemoryFreedMB",
                   (double)c.freed_bytes / BYTES_PER_MB, "estimateMethod", is_measured ? "measured" : "model",
                   "worldsBusy", (json_int_t)c.busy, "worldsFailed", (json_int_t)c.failed, "next",
                   c.next ? c.next : json_null()));
}
