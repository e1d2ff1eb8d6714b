/* The worlds' database in PostgreSQL. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "store/pg_conn.h"
#include "store/sqldb_ops.h"

#define ARGS_MAX 32
#define ARGS_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define ARGS_BYTES_KEPT ((size_t)1024 * 1024)
#define OID_BOOL 16
#define OID_BYTEA 17
#define OID_INT8 20
#define OID_FLOAT8 701
#define OID_TIMESTAMP 1114

struct sqldb_pg {
  struct sqldb db;
  struct pg_conn *conn;
  const char **texts;
  struct arena rewritten; /* texts, where "World" is an application's */
  struct buf args;        /* of the statement at hand */
};

static struct sqldb_pg *of(struct sqldb *db) { return (struct sqldb_pg *)db; }

/* ---- transactions ---- */

static enum err begin(struct sqldb *db, bool is_write, struct err_detail *detail) {
  return pg_begin(of(db)->conn, is_write, detail);
}
static enum err commit(struct sqldb *db, struct err_detail *detail) {
  return pg_commit(of(db)->conn, detail);
}
static void rollback(struct sqldb *db) { pg_rollback(of(db)->conn); }

static enum err plain(struct sqldb *db, const char *sql, struct err_detail *detail) {
  if (!pg_in_transaction(of(db)->conn)) TRY(pg_need(of(db)->conn, detail));
  return pg_script(of(db)->conn, sql, detail);
}

/* ---- statements ---- */

/* Texts and nulls take their type from where they stand, so that an application's own types (uuid, an enum) do; numbers
 * bring theirs, lest an expression makes 32 bits of them. */
static void add_arg(struct pg_args *to, struct buf *texts, const struct sql_value *v, size_t *offsets) {
  int at = to->count++;
  to->formats[at] = 0;
  to->types[at] = 0;
  offsets[at] = texts->len;
  switch (v->type) {
    case SQL_NULL: offsets[at] = SIZE_MAX; break;
    case SQL_INT:
      to->types[at] = OID_INT8;
      buf_add_int(texts, v->n);
      break;
    case SQL_BOOL:
      to->types[at] = OID_BOOL;
      buf_add_char(texts, v->n ? 't' : 'f');
      break;
    case SQL_REAL:
      to->types[at] = OID_FLOAT8;
      buf_addf(texts, "%.17g", v->real);
      break;
    case SQL_INSTANT:
      to->types[at] = OID_TIMESTAMP;
      if (v->n == INSTANT_NONE) offsets[at] = SIZE_MAX;
      else buf_add_text(texts, instant_to_text(v->n).text);
      break;
    case SQL_BLOB:
      to->types[at] = OID_BYTEA;
      to->formats[at] = 1;
      to->lengths[at] = (int)v->s.len;
      [[fallthrough]];
    case SQL_TEXT:
      if (v->s.ptr) buf_add_str(texts, v->s);
      else offsets[at] = SIZE_MAX;
      break;
  }
  buf_add_char(texts, 0);
}

static enum err make_args(struct sqldb_pg *d, const struct sql_value *args, size_t count,
                          struct pg_args *ret) {
  size_t offsets[ARGS_MAX];
  ASSERT(count <= ARGS_MAX);
  buf_clear(&d->args);
  ret->count = 0;
  for (size_t i = 0; i < count; i++) add_arg(ret, &d->args, &args[i], offsets);
  TRY(buf_error(&d->args));
  for (size_t i = 0; i < count; i++)
    ret->values[i] = offsets[i] == SIZE_MAX ? NULL : d->args.ptr + offsets[i];
  return ERR_OK;
}

static enum err run(struct sqldb *db, size_t statement, const struct sql_value *args, size_t count,
                    sql_row_fn *fn, void *arg, int64_t *ret_changed, struct err_detail *detail) {
  struct sqldb_pg *d = of(db);
  struct pg_args values;
  PGresult *r;
  if (!pg_in_transaction(d->conn)) TRY(pg_need(d->conn, detail));
  TRY(make_args(d, args, count, &values));
  enum err e = pg_ask(d->conn, statement, &values, &r, detail);
  if (d->args.capacity > ARGS_BYTES_KEPT) buf_free(&d->args);
  TRY(e);
  struct sql_row row = {.db = db, .of = r};
  for (int rows = PQntuples(r); fn && row.number < rows && fn(arg, &row);) row.number++;
  if (ret_changed) *ret_changed = strtoll(PQcmdTuples(r), NULL, 10);
  PQclear(r);
  return ERR_OK;
}

/* ---- rows ---- */

static bool is_null(const struct sql_row *row, int column) {
  return PQgetisnull(row->of, row->number, column);
}
static int64_t get_int(const struct sql_row *row, int column) {
  return pg_result_int(row->of, row->number, column);
}
static double get_real(const struct sql_row *row, int column) {
  return strtod(PQgetvalue(row->of, row->number, column), NULL);
}
static struct str get_text(const struct sql_row *row, int column) {
  if (is_null(row, column)) return STR_NONE;
  return (struct str){PQgetvalue(row->of, row->number, column),
                      (size_t)PQgetlength(row->of, row->number, column)};
}

static int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

/* The bytes live as long as the result. */
static struct str get_blob(const struct sql_row *row, int column) {
  struct str hex = get_text(row, column);
  if (!hex.ptr || PQftype(row->of, column) != OID_BYTEA || !str_starts(hex, STR("\\x"))) return hex;
  size_t len = (hex.len - 2) / 2;
  char *bytes = PQresultAlloc(row->of, len + 1);
  for (size_t i = 0; bytes && i < len; i++)
    bytes[i] = (char)(digit(hex.ptr[2 + 2 * i]) << 4 | digit(hex.ptr[3 + 2 * i]));
  return bytes ? (struct str){bytes, len} : STR_NONE;
}

/* ---- what there is ---- */

static enum err ask(struct sqldb *db, const char *sql, const char *a, const char *b, PGresult **ret,
                    struct err_detail *detail) {
  struct pg_args args = {};
  if (a) pg_arg_text(&args, a);
  if (b) pg_arg_text(&args, b);
  if (!pg_in_transaction(of(db)->conn)) TRY(pg_need(of(db)->conn, detail));
  return pg_ask_plain(of(db)->conn, sql, &args, ret, detail);
}

static bool has(struct sqldb *db, const char *sql, const char *a, const char *b) {
  PGresult *r;
  if (ask(db, sql, a, b, &r, NULL) != ERR_OK) return false;
  bool found = PQntuples(r) > 0;
  PQclear(r);
  return found;
}
static enum err query_text(struct sqldb *db, const char *sql, sql_row_fn *fn, void *arg,
                           struct err_detail *detail) {
  struct sql_row row = {.db = db};
  PGresult *r;
  TRY(ask(db, sql, NULL, NULL, &r, detail));
  row.of = r;
  while (row.number < PQntuples(r) && fn(arg, &row)) row.number++;
  PQclear(r);
  return ERR_OK;
}
static bool has_table(struct sqldb *db, const char *table) {
  return has(db, "SELECT 1 FROM pg_tables WHERE schemaname=current_schema() AND tablename=$1", table, NULL);
}
static bool has_column(struct sqldb *db, const char *table, const char *column) {
  return has(db,
             "SELECT 1 FROM information_schema.columns WHERE table_schema=current_schema() AND table_name=$1 "
             "AND column_name=$2",
             table, column);
}

/* Without what autovacuum has yet to take away. */
static enum err live_bytes(struct sqldb *db, int64_t *ret, struct err_detail *detail) {
  PGresult *r;
  TRY(ask(
      db,
      "SELECT coalesce(sum(pg_total_relation_size(relid) * (n_live_tup + 1.0) / (n_live_tup + n_dead_tup + "
      "1.0)),0)::bigint FROM pg_stat_user_tables WHERE schemaname=current_schema() AND (relname LIKE "
      "'World%' OR relname IN ('NarrativeMetric','InteractionArchive','InteractionSegment'))",
      NULL, NULL, &r, detail));
  *ret = pg_result_int(r, 0, 0);
  PQclear(r);
  return ERR_OK;
}

static enum err shrink(struct sqldb *db, int64_t pages, struct err_detail *detail) {
  (void)db, (void)pages, (void)detail; /* autovacuum's */
  return ERR_OK;
}

static enum err copy(struct sqldb *db, const char *path, struct err_detail *detail) {
  (void)db, (void)path;
  (void)err_set(detail, ERR_INVALID, "worlds", 0, "a database in PostgreSQL is not copied to a file here");
  err_hint(detail, "use pg_dump");
  return ERR_INVALID;
}

/* ---- opening ---- */

#define TEXTS_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define THEIRS "\"World\""
#define VIEW "\"WorldView\""

/* An application's "World" is read and written through the view that the migration made (sql/worlds/002_adopted.sql). */
static const char *through_view(struct arena *arena, const char *text) {
  BUF_AUTO struct buf out = buf_new(TEXTS_BYTES_MAX);
  const char *next;
  while ((next = strstr(text, THEIRS))) {
    buf_add(&out, text, (size_t)(next - text));
    buf_add_text(&out, VIEW);
    text = next + strlen(THEIRS);
  }
  buf_add_text(&out, text);
  return buf_error(&out) == ERR_OK ? arena_strdup(arena, buf_str(&out)) : NULL;
}

static enum err choose_texts(struct sqldb_pg *d, bool has_view) {
  arena_free(&d->rewritten);
  d->rewritten = arena_new(TEXTS_BYTES_MAX);
  for (size_t i = 0; i < d->db.statement_count; i++) {
    const struct sql_statement *s = &d->db.statements[i];
    const char *text = s->postgres ? s->postgres : s->text;
    d->texts[i] = has_view && strstr(text, THEIRS) ? through_view(&d->rewritten, text) : text;
    if (!d->texts[i]) return ERR_NO_MEMORY;
  }
  return ERR_OK;
}

/* Of every new connection: a migration may have made or removed the view meanwhile. */
static enum err greet(void *arg, struct pg_conn *conn, struct err_detail *detail) {
  struct pg_args none = {};
  PGresult *r;
  TRY(pg_ask_plain(conn, "SELECT 1 FROM pg_views WHERE schemaname=current_schema() AND viewname='WorldView'",
                   &none, &r, detail));
  bool has_view = PQntuples(r) > 0;
  PQclear(r);
  return choose_texts(arg, has_view);
}

static void close_db(struct sqldb *db) {
  struct sqldb_pg *d = of(db);
  pg_close(d->conn);
  buf_free(&d->args);
  arena_free(&d->rewritten);
  free(d->texts);
  free(d);
}

static const struct sqldb_ops ops = {
    .kind = SQLDB_POSTGRES,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .plain = plain,
    .run = run,
    .query_text = query_text,
    .has_table = has_table,
    .has_column = has_column,
    .live_bytes = live_bytes,
    .shrink = shrink,
    .copy = copy,
    .close = close_db,
    .is_null = is_null,
    .get_int = get_int,
    .get_real = get_real,
    .get_text = get_text,
    .get_blob = get_blob,
};

enum err sqldb_pg_open(const struct sqldb_config *config, struct sqldb **ret, struct err_detail *detail) {
  struct sqldb_pg *d = calloc(1, sizeof *d);
  if (!d) return ERR_NO_MEMORY;
  d->db = (struct sqldb){&ops, config->statements, config->statement_count};
  d->args = buf_new(ARGS_BYTES_MAX);
  d->texts = calloc(config->statement_count + 1, sizeof *d->texts);
  struct pg_config pg = {.url = config->url,
                         .application = "sereno worlds",
                         .name = "worlds",
                         .statements = d->texts,
                         .statement_count = config->statement_count,
                         .timeout_ms = config->timeout_ms,
                         .greet = greet,
                         .greet_arg = d};
  enum err e = d->texts ? pg_open(&pg, &d->conn, detail) : ERR_NO_MEMORY;
  if (e != ERR_OK) close_db(&d->db);
  else *ret = &d->db;
  return e;
}
