/* consolidation.expire, .shrink and .llm: what the job does beside the worlds themselves. */
#include "time/tz.h"
#include "worlds/calls.h"
#include "worlds/memory_store.h"
#include "worlds/sql.h"

#define EXPIRE_MAX 200 /* segments a call */
#define SWEEP_MAX 500
#define SWEEP_AGE_MS (60 * 60 * 1000) /* younger ones may be waiting for their commit */
#define SHRINK_PAGES 4096
#define DAY_MS INT64_C(86400000)
#define ID_BYTES_MAX 129

struct keys { /* texts in the arena */
  struct arena *arena;
  struct archive_key keys[SWEEP_MAX];
  size_t count;
  int64_t before_ms; /* sweep: only older ones */
  struct archive_key last;
  size_t seen;
};

static void keep_key(struct keys *k, const struct archive_key *key, struct archive_key *ret) {
  const char *id = arena_strdup(k->arena, key->world_id), *hash = arena_strdup(k->arena, key->sha256);
  *ret = (struct archive_key){str_of(id), key->from_turn, str_of(hash)};
}

/* ---- what is too old ---- */

static bool take_old(void *arg, const struct sql_row *row) {
  struct keys *k = arg;
  struct archive_key key = {sql_row_text(row, 0), sql_row_int(row, 1), sql_row_text(row, 2)};
  keep_key(k, &key, &k->keys[k->count++]);
  return k->count < EXPIRE_MAX;
}

/* First the index, then the segments: what is left between the two is swept. */
static enum err expire_old(struct lane *l, struct archive *a, int64_t before_ms, struct keys *k) {
  TRY(sqldb_query(l->db, SQL_ARCHIVE_OLD, SQL_ARGS(SQL_VALUE_INSTANT(before_ms), SQL_VALUE_INT(EXPIRE_MAX)),
                  take_old, k, l->detail));
  TRY(arena_error(k->arena));
  TRY(sqldb_begin(l->db, true, l->detail));
  enum err e = sqldb_exec(l->db, SQL_SUMMARY_FORGET,
                          SQL_ARGS(SQL_VALUE_INSTANT(before_ms), SQL_VALUE_INT(EXPIRE_MAX)), NULL, l->detail);
  for (size_t i = 0; i < k->count && e == ERR_OK; i++)
    e = sqldb_exec(l->db, SQL_ARCHIVE_UNINDEX,
                   SQL_ARGS(SQL_VALUE_STR(k->keys[i].world_id), SQL_VALUE_INT(k->keys[i].from_turn),
                            SQL_VALUE_STR(k->keys[i].sha256)),
                   NULL, l->detail);
  if (e == ERR_OK) e = sqldb_commit(l->db, l->detail);
  if (e != ERR_OK) {
    sqldb_rollback(l->db);
    return e;
  }
  return k->count ? archive_drop(a, k->keys, k->count, l->detail) : ERR_OK;
}

/* ---- what nothing refers to ---- */

static bool take_key(void *arg, const struct archive_key *key, int64_t created_ms) {
  struct keys *k = arg;
  k->seen++;
  keep_key(k, key, &k->last);
  if (created_ms < k->before_ms) keep_key(k, key, &k->keys[k->count++]);
  return arena_error(k->arena) == ERR_OK;
}

static enum err sweep(struct lane *l, struct archive *a, const struct archive_key *after, struct keys *k) {
  TRY(archive_list(a, after, SWEEP_MAX, take_key, k, l->detail));
  TRY(arena_error(k->arena));
  size_t orphans = 0;
  for (size_t i = 0; i < k->count; i++) {
    bool refers = false;
    int64_t one;
    TRY(memory_number(l, SQL_ARCHIVE_REFERS,
                      SQL_ARGS(SQL_VALUE_STR(k->keys[i].world_id), SQL_VALUE_INT(k->keys[i].from_turn),
                               SQL_VALUE_STR(k->keys[i].sha256)),
                      &one, &refers));
    if (!refers) k->keys[orphans++] = k->keys[i];
  }
  k->count = orphans;
  return orphans ? archive_drop(a, k->keys, orphans, l->detail) : ERR_OK;
}

/* {after: {worldId, fromTurn, sha256}} → {expired, swept, after or null}: until after is null and expired is 0. */
enum err call_consolidation_expire(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_settings s = worlds_settings(l, q->now_ms);
  struct archive *a;
  struct keys *old = ARENA_NEW(&l->arena, struct keys), *swept = ARENA_NEW(&l->arena, struct keys);
  const json_t *after = json_object_get(q->args, "after");
  struct archive_key from = {json_text_at(after, "worldId"), json_int_at(after, "fromTurn", 0),
                             json_text_at(after, "sha256")};
  if (!old || !swept) return ERR_NO_MEMORY;
  old->arena = swept->arena = &l->arena;
  swept->before_ms = q->now_ms - SWEEP_AGE_MS;
  int64_t days = json_int_at(q->args, "archiveRetentionDays", s.archive_days);
  TRY(lane_archive(l, &a));
  if (days > 0) TRY(expire_old(l, a, q->now_ms - days * DAY_MS, old));
  bool is_valid = from.world_id.ptr && from.sha256.ptr;
  TRY(sweep(l, a, is_valid ? &from : NULL, swept));
  json_t *next = json_null();
  if (swept->seen == SWEEP_MAX)
    next = json_pack("{s:s%, s:I, s:s%}", "worldId", swept->last.world_id.ptr, swept->last.world_id.len,
                     "fromTurn", (json_int_t)swept->last.from_turn, "sha256", swept->last.sha256.ptr,
                     swept->last.sha256.len);
  r->body = json_pack("{s:I, s:I, s:o}", "expired", (json_int_t)old->count, "swept", (json_int_t)swept->count,
                      "after", next);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* {} → {hotBytes, archiveBytes}: bytes of live pages after some free ones were given back. */
enum err call_consolidation_shrink(struct lane *l, const struct world_request *q, struct world_reply *r) {
  (void)q;
  struct archive *a;
  int64_t hot = 0, archived = 0;
  TRY(lane_archive(l, &a));
  TRY(sqldb_shrink(l->db, SHRINK_PAGES, &r->detail));
  TRY(archive_shrink(a, SHRINK_PAGES, &r->detail));
  TRY(sqldb_live_bytes(l->db, &hot, &r->detail));
  TRY(archive_live_bytes(a, &archived, &r->detail));
  r->body = json_pack("{s:I, s:I}", "hotBytes", (json_int_t)hot, "archiveBytes", (json_int_t)archived);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- the language model's budget ---- */

/* Days since 1970 in the jobs' zone. */
static int64_t local_day(const char *zone, int64_t now_ms) {
  struct tzdb *db;
  const struct tz *z;
  int64_t offset_s = 0;
  if (zone && tzdb_new(NULL, &db) == ERR_OK) {
    if (tz_find(db, str_of(zone), &z, NULL) == ERR_OK) offset_s = tz_offset_s(z, now_ms / 1000, NULL, NULL);
    tzdb_free(db);
  }
  return (now_ms + offset_s * 1000) / DAY_MS;
}

static enum err take_calls(struct lane *l, int64_t day, int64_t wanted, int64_t limit, int64_t *ret) {
  int64_t used = 0;
  bool found;
  TRY(memory_number(l, SQL_LLM_DAY, SQL_ARGS(SQL_VALUE_INT(day)), &used, &found));
  int64_t left = limit > used ? limit - used : 0;
  *ret = wanted < left ? wanted : left;
  if (*ret == 0) return ERR_OK;
  return sqldb_exec(l->db, SQL_LLM_TAKE, SQL_ARGS(SQL_VALUE_INT(day), SQL_VALUE_INT(*ret)), NULL, l->detail);
}

/* {calls} → {configured, baseUrl, apiKey, model, granted}: at most so many, of what the day has left. */
enum err call_consolidation_llm(struct lane *l, const struct world_request *q, struct world_reply *r) {
  const struct worlds_config *c = worlds_config(l->worlds);
  struct world_settings s = worlds_settings(l, q->now_ms);
  int64_t wanted = json_int_at(q->args, "calls", 0), granted = 0;
  bool is_configured = c->llm_base_url && *c->llm_base_url && c->llm_model && *c->llm_model;
  if (wanted < 0 || wanted > 1000) return err_set(&r->detail, ERR_INVALID, "calls", 0, "0 to 1000 calls");
  if (is_configured && wanted) {
    TRY(sqldb_begin(l->db, true, &r->detail));
    enum err e = take_calls(l, local_day(c->timezone, q->now_ms), wanted, s.llm_calls_per_day, &granted);
    if (e == ERR_OK) e = sqldb_commit(l->db, &r->detail);
    if (e != ERR_OK) {
      sqldb_rollback(l->db);
      return e;
    }
  }
  r->body = json_pack("{s:b, s:s?, s:s?, s:s?, s:I}", "configured", (int)is_configured, "baseUrl",
                      is_configured ? c->llm_base_url : NULL, "apiKey", is_configured ? c->llm_api_key : NULL,
                      "model", is_configured ? c->llm_model : NULL, "granted", (json_int_t)granted);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}
