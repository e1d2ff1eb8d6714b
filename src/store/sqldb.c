#include "store/sqldb_ops.h"

#define SCRIPT_BYTES_MAX (1024 * 1024)

enum err sqldb_open(const struct sqldb_config *config, struct sqldb **ret, struct err_detail *detail) {
  struct err_detail own = {};
  if (!detail) detail = &own;
  return config->url ? sqldb_pg_open(config, ret, detail) : sqldb_sqlite_open(config, ret, detail);
}

void sqldb_close(struct sqldb *db) {
  if (db) db->ops->close(db);
}

enum sqldb_kind sqldb_kind(const struct sqldb *db) { return db->ops->kind; }

/* ---- transactions ---- */

enum err sqldb_begin(struct sqldb *db, bool is_write, struct err_detail *detail) {
  return db->ops->begin(db, is_write, detail);
}
enum err sqldb_commit(struct sqldb *db, struct err_detail *detail) { return db->ops->commit(db, detail); }
void sqldb_rollback(struct sqldb *db) {
  if (db) db->ops->rollback(db);
}
enum err sqldb_savepoint(struct sqldb *db, struct err_detail *detail) {
  return db->ops->plain(db, "SAVEPOINT part", detail);
}
enum err sqldb_release(struct sqldb *db, struct err_detail *detail) {
  return db->ops->plain(db, "RELEASE SAVEPOINT part", detail);
}
enum err sqldb_rollback_to(struct sqldb *db, struct err_detail *detail) {
  TRY(db->ops->plain(db, "ROLLBACK TO SAVEPOINT part", detail));
  return sqldb_release(db, detail);
}

/* ---- statements ---- */

enum err sqldb_exec(struct sqldb *db, size_t statement, const struct sql_value *args, size_t count,
                    int64_t *ret_changed, struct err_detail *detail) {
  ASSERT(statement < db->statement_count);
  return db->ops->run(db, statement, args, count, NULL, NULL, ret_changed, detail);
}

enum err sqldb_query(struct sqldb *db, size_t statement, const struct sql_value *args, size_t count,
                     sql_row_fn *fn, void *arg, struct err_detail *detail) {
  ASSERT(statement < db->statement_count);
  return db->ops->run(db, statement, args, count, fn, arg, NULL, detail);
}

bool sql_row_is_null(const struct sql_row *row, int column) { return row->db->ops->is_null(row, column); }
int64_t sql_row_int(const struct sql_row *row, int column) { return row->db->ops->get_int(row, column); }
double sql_row_real(const struct sql_row *row, int column) { return row->db->ops->get_real(row, column); }
struct str sql_row_text(const struct sql_row *row, int column) {
  return row->db->ops->get_text(row, column);
}
struct str sql_row_blob(const struct sql_row *row, int column) {
  return row->db->ops->get_blob(row, column);
}

/* As our schema writes it, as PostgreSQL shows it (no zone: UTC by the session), as SQLite's datetime() does. */
int64_t sql_row_instant(const struct sql_row *row, int column) {
  char padded[48];
  int64_t ms;
  struct str text = sql_row_text(row, column);
  if (!text.ptr) return INSTANT_NONE;
  if (str_ends(text, STR("+00"))) text.len -= 3; /* an application's timestamptz */
  if (instant_from_text(text, &ms)) return ms;
  if (text.len + 2 > sizeof padded) return INSTANT_NONE;
  memcpy(padded, text.ptr, text.len);
  padded[text.len] = 'Z';
  return instant_from_text((struct str){padded, text.len + 1}, &ms) ? ms : INSTANT_NONE;
}

/* ---- migrations ---- */

static bool is_word(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }

static const struct {
  const char *word, *sqlite, *postgres;
} words[] = {{"INSTANT", "DATETIME", "timestamp(3)"},
             {"BLOB", "BLOB", "bytea"},
             {"REAL", "REAL", "double precision"},
             {"NOW", "(strftime('%Y-%m-%dT%H:%M:%fZ','now'))", "(now() AT TIME ZONE 'UTC')"}};

static const char *spelt(enum sqldb_kind kind, struct str word) {
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (str_eq(str_of(words[i].word), word))
      return kind == SQLDB_SQLITE ? words[i].sqlite : words[i].postgres;
  return NULL;
}

void sqldb_spell(enum sqldb_kind kind, struct str sql, struct buf *out) {
  for (size_t i = 0; i < sql.len;) {
    size_t n = 0;
    while (i + n < sql.len && is_word(sql.ptr[i + n])) n++;
    const char *other = n ? spelt(kind, (struct str){sql.ptr + i, n}) : NULL;
    if (other) buf_add_text(out, other);
    else buf_add(out, sql.ptr + i, n ? n : 1);
    i += n ? n : 1;
  }
}

void sqldb_spell_for(const struct sqldb *db, struct str sql, struct buf *out) {
  sqldb_spell(db->ops->kind, sql, out);
}

enum err sqldb_script(struct sqldb *db, struct str sql, struct err_detail *detail) {
  BUF_AUTO struct buf text = buf_new(SCRIPT_BYTES_MAX);
  sqldb_spell(db->ops->kind, sql, &text);
  const char *spelt_text = buf_text(&text);
  if (!spelt_text) return ERR_NO_MEMORY;
  TRY(sqldb_begin(db, true, detail));
  enum err e = db->ops->plain(db, spelt_text, detail);
  if (e == ERR_OK) return sqldb_commit(db, detail);
  sqldb_rollback(db);
  return e;
}

enum err sqldb_query_text(struct sqldb *db, const char *sql, sql_row_fn *fn, void *arg,
                          struct err_detail *detail) {
  return db->ops->query_text(db, sql, fn, arg, detail);
}
bool sqldb_has_table(struct sqldb *db, const char *table) { return db->ops->has_table(db, table); }
bool sqldb_has_column(struct sqldb *db, const char *table, const char *column) {
  return db->ops->has_column(db, table, column);
}
enum err sqldb_live_bytes(struct sqldb *db, int64_t *ret, struct err_detail *detail) {
  return db->ops->live_bytes(db, ret, detail);
}
enum err sqldb_shrink(struct sqldb *db, int64_t pages, struct err_detail *detail) {
  return db->ops->shrink(db, pages, detail);
}
enum err sqldb_copy(struct sqldb *db, const char *path, struct err_detail *detail) {
  return db->ops->copy(db, path, detail);
}
