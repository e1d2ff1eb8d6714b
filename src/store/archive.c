#include "store/archive.h"

#include <stdlib.h>

enum statement { PUT, GET, HAS, LIST, DROP, FORGET, STATEMENTS };

#define SEGMENTS "\"InteractionSegment\""
#define KEY "\"worldId\"=$1 AND \"fromTurn\"=$2 AND \"sha256\"=$3"
static const struct sql_statement statements[STATEMENTS] = {
    [PUT] = {"ARCHIVE_PUT",
             "INSERT INTO " SEGMENTS
             "(\"worldId\",\"fromTurn\",\"sha256\",\"toTurn\",\"count\",\"bytes\",\"blob\",\"createdAt\") "
             "VALUES($1,$2,$3,$4,$5,$6,$7,$8) ON CONFLICT DO NOTHING",
             NULL},
    [GET] = {"ARCHIVE_GET", "SELECT \"blob\" FROM " SEGMENTS " WHERE " KEY, NULL},
    [HAS] = {"ARCHIVE_HAS", "SELECT 1 FROM " SEGMENTS " WHERE " KEY, NULL},
    [LIST] = {"ARCHIVE_LIST",
              "SELECT \"worldId\",\"fromTurn\",\"sha256\",\"createdAt\" FROM " SEGMENTS
              " WHERE (\"worldId\",\"fromTurn\",\"sha256\") > ($1,$2,$3) "
              "ORDER BY \"worldId\",\"fromTurn\",\"sha256\" LIMIT $4",
              NULL},
    [DROP] = {"ARCHIVE_DROP", "DELETE FROM " SEGMENTS " WHERE " KEY, NULL},
    [FORGET] = {"ARCHIVE_FORGET", "DELETE FROM " SEGMENTS " WHERE \"worldId\"=$1", NULL},
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS \"InteractionSegment\" ("
    "\"worldId\" TEXT NOT NULL,"
    "\"fromTurn\" BIGINT NOT NULL,"
    "\"sha256\" TEXT NOT NULL,"
    "\"toTurn\" BIGINT NOT NULL,"
    "\"count\" BIGINT NOT NULL,"
    "\"bytes\" BIGINT NOT NULL,"
    "\"blob\" BLOB NOT NULL,"
    "\"createdAt\" INSTANT NOT NULL,"
    "PRIMARY KEY (\"worldId\", \"fromTurn\", \"sha256\"))";

struct archive {
  struct sqldb *db;
};

static enum err make_table(const struct sqldb_config *config, struct err_detail *detail) {
  struct sqldb_config bare = *config;
  struct sqldb *db;
  bare.statements = NULL;
  bare.statement_count = 0;
  TRY(sqldb_open(&bare, &db, detail));
  enum err e = ERR_OK;
  if (!sqldb_has_table(db, "InteractionSegment")) {
    e = sqldb_script(db, str_of(schema), detail);
    if (e != ERR_OK && sqldb_has_table(db, "InteractionSegment")) e = ERR_OK; /* another one was quicker */
  }
  sqldb_close(db);
  return e;
}

enum err archive_open(const struct sqldb_config *like, struct archive **ret, struct err_detail *detail) {
  struct sqldb_config config = *like;
  config.file = ARCHIVE_FILE;
  config.statements = statements;
  config.statement_count = STATEMENTS;
  TRY(make_table(&config, detail));
  struct archive *a = calloc(1, sizeof *a);
  if (!a) return ERR_NO_MEMORY;
  enum err e = sqldb_open(&config, &a->db, detail);
  if (e != ERR_OK) {
    free(a);
    return e;
  }
  *ret = a;
  return ERR_OK;
}

void archive_close(struct archive *a) {
  if (!a) return;
  sqldb_close(a->db);
  free(a);
}

#define KEY_ARGS(key) \
  SQL_VALUE_STR((key)->world_id), SQL_VALUE_INT((key)->from_turn), SQL_VALUE_STR((key)->sha256)

enum err archive_put(struct archive *a, const struct archive_segment *s, struct err_detail *detail) {
  if (s->blob.len > ARCHIVE_BLOB_BYTES_MAX)
    return err_set(detail, ERR_LIMIT, "segment", 0, "%zu bytes are too many for one segment", s->blob.len);
  return sqldb_exec(
      a->db, PUT,
      SQL_ARGS(KEY_ARGS(&s->key), SQL_VALUE_INT(s->to_turn), SQL_VALUE_INT(s->count), SQL_VALUE_INT(s->bytes),
               SQL_VALUE_BLOB(s->blob), SQL_VALUE_INSTANT(s->created_ms)),
      NULL, detail);
}

struct got {
  struct buf *blob;
  bool is_there;
};

static bool take_blob(void *arg, const struct sql_row *row) {
  struct got *g = arg;
  g->is_there = true;
  if (g->blob) buf_add_str(g->blob, sql_row_blob(row, 0));
  return false;
}

enum err archive_get(struct archive *a, const struct archive_key *key, struct buf *ret_blob,
                     struct err_detail *detail) {
  struct got g = {ret_blob, false};
  TRY(sqldb_query(a->db, GET, SQL_ARGS(KEY_ARGS(key)), take_blob, &g, detail));
  if (!g.is_there)
    return err_set(detail, ERR_NOT_FOUND, "fromTurn", 0,
                   "the archive has no segment from turn %lld with this hash", (long long)key->from_turn);
  return buf_error(ret_blob);
}

enum err archive_has(struct archive *a, const struct archive_key *key, bool *ret, struct err_detail *detail) {
  struct got g = {};
  TRY(sqldb_query(a->db, HAS, SQL_ARGS(KEY_ARGS(key)), take_blob, &g, detail));
  *ret = g.is_there;
  return ERR_OK;
}

struct listing {
  archive_key_fn *fn;
  void *arg;
};

static bool take_key(void *arg, const struct sql_row *row) {
  struct listing *l = arg;
  struct archive_key key = {sql_row_text(row, 0), sql_row_int(row, 1), sql_row_text(row, 2)};
  return l->fn(l->arg, &key, sql_row_instant(row, 3));
}

enum err archive_list(struct archive *a, const struct archive_key *after, int64_t limit, archive_key_fn *fn,
                      void *arg, struct err_detail *detail) {
  static const struct archive_key start = {STR(""), INT64_MIN, STR("")};
  struct listing l = {fn, arg};
  if (!after) after = &start;
  return sqldb_query(a->db, LIST, SQL_ARGS(KEY_ARGS(after), SQL_VALUE_INT(limit)), take_key, &l, detail);
}

enum err archive_drop(struct archive *a, const struct archive_key *keys, size_t count,
                      struct err_detail *detail) {
  TRY(sqldb_begin(a->db, true, detail));
  enum err e = ERR_OK;
  for (size_t i = 0; i < count && e == ERR_OK; i++)
    e = sqldb_exec(a->db, DROP, SQL_ARGS(KEY_ARGS(&keys[i])), NULL, detail);
  if (e == ERR_OK) return sqldb_commit(a->db, detail);
  sqldb_rollback(a->db);
  return e;
}

enum err archive_forget(struct archive *a, struct str world_id, struct err_detail *detail) {
  return sqldb_exec(a->db, FORGET, SQL_ARGS(SQL_VALUE_STR(world_id)), NULL, detail);
}

enum err archive_live_bytes(struct archive *a, int64_t *ret, struct err_detail *detail) {
  return sqldb_live_bytes(a->db, ret, detail);
}
enum err archive_shrink(struct archive *a, int64_t pages, struct err_detail *detail) {
  return sqldb_shrink(a->db, pages, detail);
}
