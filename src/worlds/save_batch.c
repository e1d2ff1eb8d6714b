#include "worlds/save_batch.h"

#include "worlds/sql.h"

#define BATCH_BYTES_MAX ((int64_t)48 * 1024 * 1024)
#define UNKNOWN_BYTES ((int64_t)1024 * 1024) /* where bytes are not measured (Upstash) */
#define ORPHAN_KEEP_MS ((int64_t)7 * 86400000)

/* Worth trying world by world? Not when the store itself is away, full or damaged. */
static bool is_of_one_world(enum err e) {
  return e == ERR_INVALID || e == ERR_CONFLICT || e == ERR_LIMIT || e == ERR_INTERNAL || e == ERR_NO_MEMORY;
}

static enum err save_once(struct lane *l, const struct world_snapshots *s, bool *ret_done) {
  TRY(sqldb_begin(l->db, true, l->detail));
  enum err e = world_flush(l, s, ret_done);
  if (e == ERR_OK) return sqldb_commit(l->db, l->detail);
  sqldb_rollback(l->db);
  return e;
}

/* Why a world was refused: no row, or a greater token. */
static enum err explain(struct lane *l, const struct live_world *worlds, size_t count, const bool *done,
                        struct save_result *ret) {
  struct str *ids = ARENA_ARRAY(&l->arena, struct str, count + 1);
  struct world_row *rows = ARENA_ARRAY(&l->arena, struct world_row, count + 1);
  bool is_any = false;
  if (!ids || !rows) return ERR_NO_MEMORY;
  for (size_t i = 0; i < count; i++) {
    ids[i] = worlds[i].id;
    is_any = is_any || !done[i];
  }
  if (is_any) TRY(world_get_many(l, ids, count, rows));
  for (size_t i = 0; i < count; i++) {
    if (done[i]) continue;
    ret[i].error = rows[i].id ? ERR_WORLD_BUSY : ERR_NOT_FOUND;
    (void)str_copy(ret[i].message, sizeof ret[i].message,
                   rows[i].id ? STR("another holder of its lock wrote meanwhile")
                              : STR("the world is not in the database"));
  }
  return ERR_OK;
}

/* Says why in *ret; only what is wrong with the store as a whole is an error. */
static enum err save_one(struct lane *l, const struct world_snapshots *s, struct save_result *ret) {
  struct err_detail own = {}, *outer = l->detail;
  bool is_done = false;
  l->detail = &own;
  enum err e = save_once(l, s, &is_done);
  if (e == ERR_OK && !is_done) e = explain(l, s->worlds, 1, &is_done, ret);
  l->detail = outer;
  if (e == ERR_OK) return ERR_OK;
  if (!is_of_one_world(e)) {
    if (outer) *outer = own;
    return e;
  }
  ret->error = e;
  (void)str_copy(ret->message, sizeof ret->message, str_of(own.message[0] ? own.message : err_text(e)));
  return ERR_OK;
}

enum err world_save_batch(struct lane *l, const struct world_snapshots *s, struct save_result *ret) {
  bool *done = ARENA_ARRAY(&l->arena, bool, s->count + 1);
  if (!done) return ERR_NO_MEMORY;
  for (size_t i = 0; i < s->count; i++) ret[i] = (struct save_result){};
  enum err e = s->count ? save_once(l, s, done) : ERR_OK;
  if (e == ERR_OK) return explain(l, s->worlds, s->count, done, ret);
  if (!is_of_one_world(e)) return e;
  for (size_t i = 0; i < s->count; i++) {
    struct world_snapshots one = *s;
    one.worlds = &s->worlds[i];
    one.count = 1;
    if (s->tokens) one.tokens = &s->tokens[i];
    TRY(save_one(l, &one, &ret[i]));
  }
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
  if (world_hold(l, id, now_ms, &hold) != ERR_OK) return false;
  struct live_mark mark = {.id = id, .token = hold.lock.token};
  if (live_read(l->live, &(struct live_question){&id, 1, LIVE_META, &l->arena}, &w, NULL) == ERR_OK &&
      w.is_there && world_get(l, id, &row) == ERR_NOT_FOUND &&
      sqldb_query(l->db, SQL_TOMBSTONE_IS, SQL_ARGS(SQL_VALUE_STR(id)), found_one, &is_deleted, NULL) ==
          ERR_OK &&
      (is_deleted || (w.active_ms != INSTANT_NONE && now_ms - w.active_ms > ORPHAN_KEEP_MS))) {
    mark.version = w.version;
    if (live_clear(l->live, &mark, 1, now_ms, NULL) != ERR_OK) mark.is_done = false;
  }
  world_release(l, &hold);
  return mark.is_done;
}
