#include "worlds/save_batch.h"

#include "worlds/sql.h"

#define BATCH_BYTES_MAX ((int64_t)48 * 1024 * 1024)
#define UNKNOWN_BYTES ((int64_t)1024 * 1024) /* where bytes are not measured (Upstash) */
#define ORPHAN_KEEP_MS ((int64_t)7 * 86400000)

/* Worth trying world by world? Not when the store itself is away, full or damaged. */
static bool is_of_one_world(enum err e) {
  return e == ERR_INVALID || e == ERR_CONFLICT || e == ERR_LIMIT || e == ERR_INTERNAL || e == ERR_NO_MEMORY;
}

static enum err save_once(struct lane *l, const struct live_world *worlds, size_t count,
                          const int64_t *tokens, int64_t now_ms, bool *ret_done, struct err_detail *detail) {
  TRY(sqldb_begin(l->db, true, detail));
  enum err e = world_flush(l, worlds, count, tokens, now_ms, ret_done, detail);
  if (e == ERR_OK) return sqldb_commit(l->db, detail);
  sqldb_rollback(l->db);
  return e;
}

/* Why a world was refused: no row, or a greater token. */
static enum err explain(struct lane *l, const struct live_world *worlds, size_t count, const bool *done,
                        struct save_result *ret, struct err_detail *detail) {
  struct str *ids = ARENA_ARRAY(&l->arena, struct str, count + 1);
  struct world_row *rows = ARENA_ARRAY(&l->arena, struct world_row, count + 1);
  bool is_any = false;
  if (!ids || !rows) return ERR_NO_MEMORY;
  for (size_t i = 0; i < count; i++) {
    ids[i] = worlds[i].id;
    is_any = is_any || !done[i];
  }
  if (is_any) TRY(world_get_many(l, ids, count, rows, detail));
  for (size_t i = 0; i < count; i++) {
    if (done[i]) continue;
    ret[i].error = rows[i].id ? ERR_WORLD_BUSY : ERR_NOT_FOUND;
    (void)str_copy(ret[i].message, sizeof ret[i].message,
                   rows[i].id ? STR("another holder of its lock wrote meanwhile")
                              : STR("the world is not in the database"));
  }
  return ERR_OK;
}

enum err world_save_batch(struct lane *l, const struct live_world *worlds, size_t count,
                          const int64_t *tokens, int64_t now_ms, struct save_result *ret,
                          struct err_detail *detail) {
  bool *done = ARENA_ARRAY(&l->arena, bool, count + 1);
  if (!done) return ERR_NO_MEMORY;
  for (size_t i = 0; i < count; i++) ret[i] = (struct save_result){};
  enum err e = count ? save_once(l, worlds, count, tokens, now_ms, done, detail) : ERR_OK;
  if (e == ERR_OK) return explain(l, worlds, count, done, ret, detail);
  if (!is_of_one_world(e)) return e;
  for (size_t i = 0; i < count; i++) {
    struct err_detail one = {};
    bool is_done = false;
    e = save_once(l, &worlds[i], 1, tokens ? &tokens[i] : NULL, now_ms, &is_done, &one);
    if (e != ERR_OK && !is_of_one_world(e)) return e;
    if (e == ERR_OK && !is_done) TRY(explain(l, &worlds[i], 1, &is_done, &ret[i], detail));
    if (e == ERR_OK) continue;
    ret[i].error = e;
    (void)str_copy(ret[i].message, sizeof ret[i].message, str_of(one.message[0] ? one.message : err_text(e)));
  }
  if (detail) *detail = (struct err_detail){};
  return ERR_OK;
}

size_t world_batch_size(const struct live_world *metas, size_t count) {
  int64_t bytes = 0;
  for (size_t i = 0; i < count; i++) {
    bytes += metas[i].bytes >= 0 ? metas[i].bytes : UNKNOWN_BYTES;
    if (bytes > BATCH_BYTES_MAX) return i > 0 ? i : 1;
  }
  return count;
}

struct batch_cursor batch_cursor_of(const struct world_request *q) {
  const json_t *after = json_object_get(q->args, "cursor");
  return (struct batch_cursor){.part = json_text_at(after, "part"),
                               .score = json_int_at(after, "score", INSTANT_NONE),
                               .id = json_text_at(after, "id"),
                               .until_ms = json_int_at(after, "until", INSTANT_NONE)};
}

json_t *batch_next(const char *part, int64_t score, struct str id, int64_t until_ms) {
  json_t *next = json_pack("{s:s, s:I}", "part", part, "until", (json_int_t)until_ms);
  if (next && score != INSTANT_NONE) {
    json_object_set_new(next, "score", json_integer(score));
    json_object_set_new(next, "id", json_stringn(id.ptr, id.len));
  }
  return next;
}

static bool found_one(void *arg, const struct sql_row *row) {
  (void)row;
  *(bool *)arg = true;
  return false;
}

bool world_drop_orphan(struct lane *l, struct str id, int64_t now_ms) {
  struct world_hold hold;
  struct live_world w = {};
  bool is_deleted = false;
  struct world_row row;
  if (world_hold(l, id, now_ms, &hold, NULL) != ERR_OK) return false;
  struct live_mark mark = {.id = id, .token = hold.lock.token};
  if (live_read(l->live, &id, 1, LIVE_META, &l->arena, &w, NULL) == ERR_OK && w.is_there &&
      world_get(l, id, &row, NULL) == ERR_NOT_FOUND &&
      sqldb_query(l->db, SQL_TOMBSTONE_IS, SQL_ARGS(SQL_VALUE_STR(id)), found_one, &is_deleted, NULL) ==
          ERR_OK &&
      (is_deleted || (w.active_ms != INSTANT_NONE && now_ms - w.active_ms > ORPHAN_KEEP_MS))) {
    mark.version = w.version;
    if (live_clear(l->live, &mark, 1, now_ms, NULL) != ERR_OK) mark.is_done = false;
  }
  world_release(l, &hold);
  return mark.is_done;
}
