/* Locks of worlds in Redis. */
#include "live/live_redis.h"

#define ORPHAN_PAGES_MAX 2000 /* of one call: two million live worlds, a page each round trip */

static enum err take_tokens(struct redis_call *c, struct live_lock *locks, size_t count,
                            struct err_detail *detail) {
  TRY(redis_call_run(c, NULL, detail));
  TRY(redis_call_errors(c, detail));
  for (size_t i = 0; i < count; i++) {
    const struct redis_value *v = &c->answers[i / REDIS_PER_SCRIPT];
    size_t at = i % REDIS_PER_SCRIPT;
    locks[i].token = at < v->count ? redis_number(&v->items[at], 0) : 0;
  }
  return ERR_OK;
}

/* Not repeatable: the second time our own lock would look like somebody else's. */
enum err live_redis_lock(struct live *live, struct live_lock *locks, size_t count, struct live_lease lease,
                         struct err_detail *detail) {
  REDIS_CALL_AUTO struct redis_call c = {};
  TRY(redis_call_init(&c, (struct live_redis *)live, false));
  for (size_t i = 0; i < count; i++) {
    if (i % REDIS_PER_SCRIPT == 0) {
      redis_call_script(&c, SCRIPT_LOCK);
      redis_text(&c.batch, c.l->owner), redis_int(&c.batch, lease.now_ms), redis_int(&c.batch, lease.ms);
    }
    redis_arg(&c.batch, locks[i].id);
  }
  return take_tokens(&c, locks, count, detail);
}

enum err live_redis_renew(struct live *live, struct live_lock *locks, size_t count, struct live_lease lease,
                          struct err_detail *detail) {
  REDIS_CALL_AUTO struct redis_call c = {};
  TRY(redis_call_init(&c, (struct live_redis *)live, true));
  for (size_t i = 0; i < count; i++) {
    if (i % REDIS_PER_SCRIPT == 0) {
      redis_call_script(&c, SCRIPT_RENEW);
      redis_int(&c.batch, lease.now_ms), redis_int(&c.batch, lease.ms);
    }
    redis_arg(&c.batch, locks[i].id), redis_int(&c.batch, locks[i].token);
  }
  return take_tokens(&c, locks, count, detail);
}

enum err live_redis_unlock(struct live *live, const struct live_lock *locks, size_t count,
                           struct err_detail *detail) {
  REDIS_CALL_AUTO struct redis_call c = {};
  TRY(redis_call_init(&c, (struct live_redis *)live, true));
  for (size_t i = 0; i < count; i++) {
    if (i % REDIS_PER_SCRIPT == 0) redis_call_script(&c, SCRIPT_UNLOCK);
    redis_arg(&c.batch, locks[i].id), redis_int(&c.batch, locks[i].token);
  }
  TRY(redis_call_run(&c, NULL, detail));
  return redis_call_errors(&c, detail);
}

/* ---- orphans ---- */

struct sweep {
  struct live_redis *l;
  int64_t now_ms, removed, max;
};

/* Lets the script judge these, none at all being fine. */
static enum err judge(struct sweep *s, const struct str *ids, size_t count, struct err_detail *detail) {
  REDIS_CALL_AUTO struct redis_call c = {};
  if (count == 0 || s->removed == s->max) return ERR_OK;
  TRY(redis_call_init(&c, s->l, true));
  redis_call_script(&c, SCRIPT_ORPHANS);
  redis_text(&c.batch, s->l->live.node), redis_int(&c.batch, s->l->live.epoch);
  redis_int(&c.batch, s->now_ms), redis_int(&c.batch, s->max - s->removed);
  for (size_t i = 0; i < count; i++) redis_arg(&c.batch, ids[i]);
  TRY(redis_call_run(&c, NULL, detail));
  TRY(redis_call_errors(&c, detail));
  s->removed += redis_number(&c.answers[0], 0);
  return ERR_OK;
}

/* Of a page of live worlds those with a lock that has no lease: a bare key of an application. */
static enum err judge_bare(struct sweep *s, const struct live_page *page, struct err_detail *detail) {
  REDIS_CALL_AUTO struct redis_call c = {};
  struct str locked[LIVE_BATCH_MAX];
  size_t count = 0;
  if (page->count == 0) return ERR_OK;
  TRY(redis_call_init(&c, s->l, true));
  redis_begin(&c.batch), redis_text(&c.batch, "MGET");
  for (size_t i = 0; i < page->count; i++) redis_key(&c.batch, s->l->prefix, page->ids[i], ":lock");
  TRY(redis_call_run(&c, NULL, detail));
  TRY(redis_call_errors(&c, detail));
  for (size_t i = 0; i < page->count && i < c.answers[0].count; i++)
    if (c.answers[0].items[i].type == REDIS_TEXT) locked[count++] = page->ids[i];
  return judge(s, locked, count, detail);
}

static enum err sweep_active(struct sweep *s, struct err_detail *detail) {
  char last[LIVE_ID_BYTES_MAX];
  struct live_page page = {
      .after_score = INSTANT_NONE, .until_score = INSTANT_NEVER, .limit = LIVE_BATCH_MAX};
  for (int i = 0; i < ORPHAN_PAGES_MAX && s->removed < s->max; i++) {
    ARENA_AUTO struct arena arena = arena_new(4 << 20);
    TRY(live_list(&s->l->live, LIVE_ACTIVE, &page, &arena, detail));
    TRY(judge_bare(s, &page, detail));
    if (!page.has_more) break;
    struct str id = page.ids[page.count - 1];
    memcpy(last, id.ptr, id.len);
    page.after_id = (struct str){last, id.len}, page.after_score = page.scores[page.count - 1];
  }
  return ERR_OK;
}

/* All locks with a lease, oldest lease first. */
static enum err sweep_leases(struct sweep *s, struct err_detail *detail) {
  for (int64_t at = 0, page = 0; page < ORPHAN_PAGES_MAX && s->removed < s->max; page++) {
    REDIS_CALL_AUTO struct redis_call c = {};
    struct str ids[LIVE_BATCH_MAX];
    int64_t before = s->removed;
    TRY(redis_call_init(&c, s->l, true));
    redis_begin(&c.batch), redis_text(&c.batch, "ZRANGE"),
        redis_key(&c.batch, s->l->global, STR_NONE, "locks");
    redis_int(&c.batch, at), redis_int(&c.batch, at + LIVE_BATCH_MAX - 1);
    TRY(redis_call_run(&c, NULL, detail));
    TRY(redis_call_errors(&c, detail));
    size_t count = c.answers[0].count;
    ASSERT(count <= LIVE_BATCH_MAX);
    for (size_t i = 0; i < count; i++) ids[i] = c.answers[0].items[i].s;
    TRY(judge(s, ids, count, detail));
    if (count < LIVE_BATCH_MAX) break;
    at += LIVE_BATCH_MAX - (s->removed - before); /* what is gone moved the rest to the front */
  }
  return ERR_OK;
}

enum err live_redis_drop_orphans(struct live *live, int64_t now_ms, size_t max, int64_t *ret_removed,
                                 struct err_detail *detail) {
  struct sweep s = {.l = (struct live_redis *)live, .now_ms = now_ms, .max = (int64_t)max};
  TRY(sweep_leases(&s, detail));
  TRY(sweep_active(&s, detail));
  *ret_removed = s.removed;
  return ERR_OK;
}
