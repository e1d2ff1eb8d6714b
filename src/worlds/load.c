#include "worlds/load.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "worlds/sql.h"

#define IDS_JSON_BYTES_MAX (1024 * 1024) /* of LIVE_BATCH_MAX ids, escaped */

/* ---- rows ---- */

static enum err read_column(const struct field *f, const struct sql_row *row, int column, struct arena *arena,
                            struct world_row *ret) {
  bool is_null = sql_row_is_null(row, column);
  switch (f->type) {
    case FIELD_TEXT:
    case FIELD_JSON: {
      char *text = is_null ? NULL : arena_strdup(arena, sql_row_text(row, column));
      if (!is_null && !text) return arena_error(arena);
      field_set_text(f, ret, text);
      return ERR_OK;
    }
    case FIELD_ENUM: {
      int index = is_null ? -1 : field_enum_index(f->names, sql_row_text(row, column));
      field_set_int(f, ret, index < 0 ? f->otherwise : index); /* an application's own word: as if unset */
      return ERR_OK;
    }
    case FIELD_INSTANT:
      field_set_int(f, ret, is_null ? FIELD_NULL : sql_row_instant(row, column));
      return ERR_OK;
    case FIELD_REAL3:
    case FIELD_INT:
    case FIELD_BOOL: field_set_int(f, ret, is_null ? f->otherwise : sql_row_int(row, column)); return ERR_OK;
  }
  return ERR_INTERNAL;
}

void world_row_put_right(struct world_row *row) {
  bool is_paused = row->is_paused != 0, sleeps = row->status == WORLD_PAUSED || row->status == WORLD_ARCHIVED;
  if (is_paused != sleeps) row->status = is_paused ? WORLD_PAUSED : WORLD_RUNNING;
  if (!is_paused) row->paused_ms = row->pause_reason = FIELD_NULL;
  if (is_paused && row->paused_ms == FIELD_NULL)
    row->paused_ms = row->last_active_ms == FIELD_NULL ? 0 : row->last_active_ms;
}

enum err world_row_read(const struct sql_row *row, struct arena *arena, struct world_row *ret) {
  static_assert(FIELD_NULL == INSTANT_NONE);
  ASSERT(world_row_field_count == WORLD_COLUMN_COUNT);
  for (size_t i = 0; i < world_row_field_count; i++)
    TRY(read_column(&world_row_fields[i], row, (int)i, arena, ret));
  world_row_put_right(ret);
  return ERR_OK;
}

struct row_visit {
  struct arena *arena;
  struct world_row *rows;
  size_t count; /* 1: no place in the row */
  bool is_list, found;
  enum err error;
};

static bool visit_row(void *arg, const struct sql_row *row) {
  struct row_visit *v = arg;
  int64_t at = v->is_list ? sql_row_int(row, WORLD_COLUMN_COUNT) : 0;
  ASSERT(at >= 0 && (size_t)at < v->count);
  v->found = true;
  v->error = world_row_read(row, v->arena, &v->rows[at]);
  return v->error == ERR_OK;
}

static enum err get(struct lane *l, enum world_sql statement, struct str id, struct world_row *ret) {
  struct world_row found = {};
  struct row_visit v = {.arena = &l->arena, .rows = &found, .count = 1};
  TRY(sqldb_query(l->db, statement, SQL_ARGS(SQL_VALUE_STR(id)), visit_row, &v, l->detail));
  TRY(v.error);
  if (!v.found)
    return err_set(l->detail, ERR_NOT_FOUND, "worldId", 0, "there is no world \"%.*s\"", STR_ARG(id));
  *ret = found;
  return ERR_OK;
}

enum err world_get(struct lane *l, struct str id, struct world_row *ret) {
  return get(l, SQL_WORLD_GET, id, ret);
}

enum err world_get_locked(struct lane *l, struct str id, struct world_row *ret) {
  return get(l, SQL_WORLD_GET_LOCKED, id, ret);
}

bool world_text_is_storable(struct str text) {
  return str_is_utf8(text) && str_find_char(text, 0) == SIZE_MAX;
}

struct str world_ids_json(struct lane *l, const struct str *ids, size_t count) {
  BUF_AUTO struct buf out = buf_new(IDS_JSON_BYTES_MAX);
  struct json_writer w = jw_new(&out);
  jw_array(&w);
  for (size_t i = 0; i < count; i++) jw_str(&w, world_text_is_storable(ids[i]) ? ids[i] : STR(""));
  jw_array_end(&w);
  if (buf_error(&out) != ERR_OK) return STR_NONE;
  char *copy = arena_strdup(&l->arena, buf_str(&out));
  return copy ? (struct str){copy, out.len} : STR_NONE;
}

enum err world_get_many(struct lane *l, const struct str *ids, size_t count, struct world_row *ret) {
  struct str list = world_ids_json(l, ids, count);
  if (!list.ptr) return ERR_NO_MEMORY;
  for (size_t i = 0; i < count; i++) ret[i] = (struct world_row){};
  struct row_visit v = {.arena = &l->arena, .rows = ret, .count = count, .is_list = true};
  TRY(sqldb_query(l->db, SQL_WORLD_GET_MANY, SQL_ARGS(SQL_VALUE_STR(list)), visit_row, &v, l->detail));
  return v.error;
}

static bool found_one(void *arg, const struct sql_row *row) {
  (void)row;
  *(bool *)arg = true;
  return false;
}

bool world_is_member(struct lane *l, struct str id, struct str user_id) {
  bool found = false;
  if (user_id.len == 0) return false;
  enum err e = sqldb_query(l->db, SQL_WORLD_IS_MEMBER, SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_STR(user_id)),
                           found_one, &found, NULL);
  return e == ERR_OK && found;
}

enum err world_put(struct lane *l, const struct world_row *row, int64_t token, int64_t now_ms) {
  int64_t changed = 0;
  bool is_paused = row->is_paused != 0;
  ASSERT(is_paused == (row->status == WORLD_PAUSED || row->status == WORLD_ARCHIVED)); /* */
  ASSERT(is_paused == (row->paused_ms != FIELD_NULL));
  const char *reason = row->pause_reason == FIELD_NULL ? NULL : pause_reason_names[row->pause_reason];
  TRY(sqldb_exec(
      l->db, SQL_WORLD_PUT,
      SQL_ARGS(SQL_VALUE_TEXT(row->id), SQL_VALUE_TEXT(world_status_names[row->status]),
               SQL_VALUE_BOOL(is_paused), SQL_VALUE_INSTANT(row->paused_ms), SQL_VALUE_TEXT(reason),
               SQL_VALUE_INSTANT(row->last_active_ms), SQL_VALUE_BOOL(row->is_favorite),
               SQL_VALUE_INSTANT(row->scheduled_deletion_ms), SQL_VALUE_INSTANT(row->vacation_until_ms),
               SQL_VALUE_INSTANT(row->ladder_from_ms), SQL_VALUE_INT(row->warned),
               SQL_VALUE_INSTANT(row->warned_ms), SQL_VALUE_INT(token), SQL_VALUE_INSTANT(now_ms)),
      &changed, l->detail));
  if (changed == 1) return ERR_OK;
  return err_set(l->detail, ERR_WORLD_BUSY, "worldId", 0, "another holder of the lock wrote \"%s\" meanwhile",
                 row->id);
}

/* ---- the lock ---- */

enum err world_hold(struct lane *l, struct str id, int64_t now_ms, struct world_hold *ret) {
  struct world_hold h = {.lock = {.id = id}};
  TRY(live_lock(l->live, &h.lock, 1, (struct live_lease){LIVE_LEASE_MS, now_ms}, l->detail));
  if (h.lock.token == 0)
    return err_set(l->detail, ERR_WORLD_BUSY, "worldId", 0, "somebody else is moving \"%.*s\"", STR_ARG(id));
  *ret = h;
  return ERR_OK;
}

void world_release(struct lane *l, struct world_hold *h) {
  if (h->lock.token != 0) (void)live_unlock(l->live, &h->lock, 1, NULL); /* else the lease ends it */
  h->lock.token = 0;
}

/* ---- lifeline and ledger ---- */

/* Numbers grow in this process; the tail keeps those of several apart. */
struct id_text world_new_id(int64_t now_ms) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static struct id_maker maker;
  static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  pthread_mutex_lock(&lock);
  struct id_text id = id_to_text(id_next(&maker, now_ms));
  pthread_mutex_unlock(&lock);
  unsigned char random[11];
  randombytes_buf(random, sizeof random);
  for (size_t i = 0; i < sizeof random; i++)
    id.text[ID_TEXT_LEN - sizeof random + i] = digits[random[i] % 36];
  return id;
}

enum err world_note(struct lane *l, struct str id, int64_t at_ms, struct str actor, const char *action,
                    json_t *detail_json) {
  char *text = detail_json ? json_to_text(detail_json) : NULL;
  bool has_failed = detail_json && !text;
  json_decref(detail_json);
  if (has_failed) return ERR_NO_MEMORY;
  struct id_text note_id = world_new_id(at_ms);
  enum err e = sqldb_exec(l->db, SQL_WORLD_NOTE,
                          SQL_ARGS(SQL_VALUE_TEXT(note_id.text), SQL_VALUE_STR(id), SQL_VALUE_INSTANT(at_ms),
                                   SQL_VALUE_STR(actor.ptr ? actor : STR("system")), SQL_VALUE_TEXT(action),
                                   SQL_VALUE_TEXT(text)),
                          NULL, l->detail);
  free(text);
  return e;
}

enum err world_pause_begin(struct lane *l, struct str id, int64_t at_ms, int64_t reason,
                           int64_t daily_micro_usd) {
  struct id_text pause_id = world_new_id(at_ms);
  return sqldb_exec(l->db, SQL_WORLD_PAUSE_OPEN,
                    SQL_ARGS(SQL_VALUE_TEXT(pause_id.text), SQL_VALUE_STR(id), SQL_VALUE_INSTANT(at_ms),
                             SQL_VALUE_TEXT(pause_reason_names[reason]), SQL_VALUE_INT(daily_micro_usd)),
                    NULL, l->detail);
}

enum err world_pause_end(struct lane *l, struct str id, int64_t at_ms) {
  return sqldb_exec(l->db, SQL_WORLD_PAUSE_CLOSE, SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INSTANT(at_ms)), NULL,
                    l->detail);
}
