#include "live/live.h"

#include <stdlib.h>

#include "live/live_ops.h"

const char *const live_mode_names[] = {"embedded", "redis", "upstash", "none"};

static enum err (*const openers[])(const struct live_config *, struct live **, struct err_detail *) = {
    [LIVE_EMBEDDED] = live_embedded_open,
    [LIVE_REDIS] = live_redis_open,
    [LIVE_UPSTASH] = live_upstash_open,
    [LIVE_NONE] = live_none_open,
};

void live_counters(const struct live_append *w, struct live_counter ret[LIVE_COUNTERS]) {
  ret[0] = (struct live_counter){"stats.messages", w->messages};
  ret[1] = (struct live_counter){"stats.events", w->events_applied};
  ret[2] = (struct live_counter){"stats.tokens", w->tokens};
  ret[3] = (struct live_counter){"stats.costMicroUSD", w->cost_micro_usd};
  ret[4] = (struct live_counter){"stats.sessionSeconds", w->session_seconds};
}

/* "NODE:EPOCH"; without an epoch it is all node. '|' parts a lock's text. */
static enum err set_owner(struct live *l, const char *owner, struct err_detail *detail) {
  struct str text = str_of(owner ? owner : "sereno:0"), node = text, epoch = STR("0");
  for (size_t i = text.len; i-- > 0;) {
    if (text.ptr[i] != ':') continue;
    node = (struct str){text.ptr, i};
    epoch = str_from(text, i + 1);
    break;
  }
  if (!str_to_int(epoch, 0, INT64_MAX, &l->epoch)) node = text, l->epoch = 0;
  if (text.len >= LIVE_OWNER_BYTES_MAX || str_find_char(text, '|') != SIZE_MAX)
    return err_set(detail, ERR_INVALID, "owner", 0, "an owner of locks has at most %d bytes and no |",
                   LIVE_OWNER_BYTES_MAX - 1);
  ASSERT(str_copy(l->node, sizeof l->node, node));
  return ERR_OK;
}

enum err live_open(const struct live_config *config, struct live **ret, struct err_detail *detail) {
  struct live *l = NULL;
  ASSERT(config->mode <= LIVE_NONE);
  TRY(openers[config->mode](config, &l, detail));
  ASSERT(l && l->ops && l->mode == config->mode);
  enum err e = set_owner(l, config->owner, detail);
  if (e != ERR_OK) {
    live_close(l);
    return e;
  }
  *ret = l;
  return ERR_OK;
}

void live_close(struct live *l) {
  if (l) l->ops->close(l);
}

enum live_mode live_mode(const struct live *l) { return l->mode; }

enum err live_ping(struct live *l, struct err_detail *detail) { return l->ops->ping(l, detail); }

/* ---- what every implementation may rely on ---- */

static bool is_id(struct str id) {
  return id.len > 0 && id.len <= LIVE_ID_BYTES_MAX && str_is_utf8(id) && !memchr(id.ptr, 0, id.len);
}

static enum err check_id(struct str id, struct err_detail *detail) {
  if (is_id(id)) return ERR_OK;
  return err_set(detail, ERR_INVALID, "worldId", 0, "a world's id is text of 1 to %d bytes",
                 LIVE_ID_BYTES_MAX);
}

/* Of structs whose first member is the id. */
static enum err check_ids(const void *items, size_t count, size_t size, struct err_detail *detail) {
  ASSERT(count <= LIVE_BATCH_MAX);
  for (size_t i = 0; i < count; i++)
    TRY(check_id(*(const struct str *)((const char *)items + i * size), detail));
  return ERR_OK;
}

static bool are_fields_valid(const struct live_field *fields, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (fields[i].name.len == 0 || fields[i].name.len > LIVE_NAME_BYTES_MAX || !str_is_utf8(fields[i].name) ||
        fields[i].bytes.len > LIVE_ITEM_BYTES_MAX)
      return false;
  return true;
}

static bool are_entries_valid(const struct live_entry *entries, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (entries[i].bytes.len == 0 || entries[i].bytes.len > LIVE_ITEM_BYTES_MAX) return false;
  return true;
}

static bool is_write_valid(const struct live_append *w) {
  return are_fields_valid(w->core, w->core_count) && are_fields_valid(w->session, w->session_count) &&
         are_entries_valid(w->journal, w->journal_count) && are_entries_valid(w->history, w->history_count) &&
         are_entries_valid(w->events, w->event_count);
}

/* ---- the calls ---- */

/* Those of these ids that can be one; a row of an application with another id has no live state. */
static enum err read_possible(struct live *l, const struct live_question *q, struct live_world *ret,
                              struct err_detail *detail) {
  struct str *few = ARENA_ARRAY(q->arena, struct str, q->count);
  struct live_world *worlds = ARENA_ARRAY(q->arena, struct live_world, q->count);
  size_t n = 0;
  if (!few || !worlds) return arena_error(q->arena);
  for (size_t i = 0; i < q->count; i++)
    if (is_id(q->ids[i])) worlds[n] = ret[i], few[n++] = q->ids[i];
  struct live_question possible = {few, n, q->parts, q->arena};
  if (n > 0) TRY(l->ops->read(l, &possible, worlds, detail));
  n = 0;
  for (size_t i = 0; i < q->count; i++)
    if (is_id(q->ids[i])) ret[i] = worlds[n++];
  return ERR_OK;
}

enum err live_read(struct live *l, const struct live_question *q, struct live_world *ret,
                   struct err_detail *detail) {
  ASSERT(q->parts <= (LIVE_ALL | LIVE_GUARD | LIVE_HISTORY) &&
         (q->parts & (LIVE_CORE | LIVE_GUARD)) != (LIVE_CORE | LIVE_GUARD));
  size_t n = 0;
  ASSERT(q->count <= LIVE_BATCH_MAX);
  for (size_t i = 0; i < q->count; i++) {
    n += is_id(q->ids[i]);
    ret[i] = (struct live_world){.id = q->ids[i], .active_ms = INSTANT_NONE, .dirty_ms = INSTANT_NONE};
  }
  if (n < q->count) return read_possible(l, q, ret, detail);
  return q->count == 0 ? ERR_OK : l->ops->read(l, q, ret, detail);
}

enum err live_load(struct live *l, const struct live_world *w, int64_t token, int64_t now_ms,
                   struct err_detail *detail) {
  TRY(check_id(w->id, detail));
  ASSERT(w->version >= 0 && w->turn >= 0);
  if (!are_fields_valid(w->core, w->core_count) || !are_fields_valid(w->session, w->session_count) ||
      !are_entries_valid(w->events, w->event_count))
    return err_set(detail, ERR_LIMIT, "state", 0, "a field of the world's state is too large or has no name");
  return l->ops->load(l, w, token, now_ms, detail);
}

enum err live_write(struct live *l, struct live_append *writes, size_t count, int64_t now_ms,
                    struct err_detail *detail) {
  TRY(check_ids(writes, count, sizeof *writes, detail));
  for (size_t i = 0; i < count; i++) writes[i].error = is_write_valid(&writes[i]) ? ERR_OK : ERR_LIMIT;
  return count == 0 ? ERR_OK : l->ops->write(l, writes, count, now_ms, detail);
}

static void forget_answers(struct live_mark *marks, size_t count) {
  for (size_t i = 0; i < count; i++) marks[i].is_done = false, marks[i].freed_bytes = 0;
}

enum err live_saved(struct live *l, struct live_mark *marks, size_t count, struct err_detail *detail) {
  TRY(check_ids(marks, count, sizeof *marks, detail));
  forget_answers(marks, count);
  return count == 0 ? ERR_OK : l->ops->saved(l, marks, count, detail);
}

enum err live_clear(struct live *l, struct live_mark *marks, size_t count, int64_t now_ms,
                    struct err_detail *detail) {
  TRY(check_ids(marks, count, sizeof *marks, detail));
  forget_answers(marks, count);
  return count == 0 ? ERR_OK : l->ops->clear(l, marks, count, now_ms, detail);
}

enum err live_lock(struct live *l, struct live_lock *locks, size_t count, struct live_lease lease,
                   struct err_detail *detail) {
  ASSERT(lease.ms > 0);
  TRY(check_ids(locks, count, sizeof *locks, detail));
  for (size_t i = 0; i < count; i++) locks[i].token = 0;
  return count == 0 ? ERR_OK : l->ops->lock(l, locks, count, lease, detail);
}

enum err live_renew(struct live *l, struct live_lock *locks, size_t count, struct live_lease lease,
                    struct err_detail *detail) {
  ASSERT(lease.ms > 0);
  TRY(check_ids(locks, count, sizeof *locks, detail));
  return count == 0 ? ERR_OK : l->ops->renew(l, locks, count, lease, detail);
}

enum err live_unlock(struct live *l, const struct live_lock *locks, size_t count, struct err_detail *detail) {
  TRY(check_ids(locks, count, sizeof *locks, detail));
  return count == 0 ? ERR_OK : l->ops->unlock(l, locks, count, detail);
}

enum err live_drop_orphans(struct live *l, int64_t now_ms, size_t max, int64_t *ret_removed,
                           struct err_detail *detail) {
  *ret_removed = 0;
  return max == 0 ? ERR_OK : l->ops->drop_orphans(l, now_ms, max, ret_removed, detail);
}

enum err live_list(struct live *l, enum live_index index, struct live_page *page, struct arena *arena,
                   struct err_detail *detail) {
  ASSERT(page->limit > 0 && page->limit <= LIVE_BATCH_MAX && index <= LIVE_EVENT_AGE);
  page->count = 0, page->has_more = false;
  page->ids = ARENA_ARRAY(arena, struct str, page->limit);
  page->scores = ARENA_ARRAY(arena, int64_t, page->limit);
  if (!page->ids || !page->scores) return arena_error(arena);
  return l->ops->list(l, index, page, arena, detail);
}

enum err live_expire_events(struct live *l, const struct str *ids, size_t count, int64_t before_ms,
                            int64_t *ret_removed, struct err_detail *detail) {
  TRY(check_ids(ids, count, sizeof *ids, detail));
  *ret_removed = 0;
  return count == 0 ? ERR_OK : l->ops->expire_events(l, ids, count, before_ms, ret_removed, detail);
}

enum err live_status(struct live *l, struct live_status *ret, struct err_detail *detail) {
  struct live_status status = {.mode = l->mode, .oldest_dirty_ms = INSTANT_NONE};
  TRY(l->ops->status(l, &status, detail));
  *ret = status;
  return ERR_OK;
}
