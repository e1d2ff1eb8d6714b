/* A connection to the worlds' database, SQLite or PostgreSQL, for code that runs beside the loop: synchronous, one
 * thread at a time. One SQL text serves both; where they differ a statement has a second one.
 *
 * Parameters are $1, $2 … in both. Instants are int64_t milliseconds here and what the schema says there (text with Z
 * in SQLite, timestamp(3) UTC in PostgreSQL); lists of ids or rows travel as one JSON text and are opened by
 * json_each(…) or jsonb_array_elements(…). No statement calls now(): every instant is a parameter. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

struct sqldb;
struct sql_row; /* of a result, valid during the visit */

enum sqldb_kind { SQLDB_SQLITE, SQLDB_POSTGRES };

struct sql_statement {
  const char *name;
  const char *text;     /* for both, or for SQLite */
  const char *postgres; /* NULL: the same */
};

struct sql_value {
  enum sql_type { SQL_NULL, SQL_INT, SQL_REAL, SQL_BOOL, SQL_TEXT, SQL_INSTANT, SQL_BLOB } type;
  int64_t n; /* INT, BOOL, INSTANT (INSTANT_NONE: null) */
  double real;
  struct str s; /* TEXT (STR_NONE: null), BLOB; borrowed */
};
#define SQL_VALUE_INT(value) ((struct sql_value){.type = SQL_INT, .n = (value)})
#define SQL_VALUE_BOOL(value) ((struct sql_value){.type = SQL_BOOL, .n = (value)})
#define SQL_VALUE_REAL(value) ((struct sql_value){.type = SQL_REAL, .real = (value)})
#define SQL_VALUE_STR(value) ((struct sql_value){.type = SQL_TEXT, .s = (value)})
#define SQL_VALUE_TEXT(value) ((struct sql_value){.type = SQL_TEXT, .s = str_of(value)})
#define SQL_VALUE_INSTANT(value) ((struct sql_value){.type = SQL_INSTANT, .n = (value)})
#define SQL_VALUE_BLOB(value) ((struct sql_value){.type = SQL_BLOB, .s = (value)})
#define SQL_VALUE_NULL ((struct sql_value){.type = SQL_NULL})
/* sqldb_exec(db, &statements[X], SQL_ARGS(SQL_VALUE_TEXT(id), SQL_VALUE_INT(3)), &changed, detail) */
#define SQL_ARGS(...)                      \
  (const struct sql_value[]){__VA_ARGS__}, \
      sizeof((const struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value)
#define SQL_NO_ARGS NULL, 0

struct sqldb_config {
  const char *folder; /* SQLite: of worlds.db; NULL with a url */
  const char *file;   /* SQLite: its name; NULL: worlds.db */
  const char *url;    /* postgres://… or a keyword string; NULL: SQLite */
  /* All statements, prepared at open (PostgreSQL: at their first use on a connection), so that a wrong one shows. */
  const struct sql_statement *statements;
  size_t statement_count;
  int timeout_ms;      /* of connecting and of one statement; 0: 10 s */
  bool is_synchronous; /* SQLite: synchronous=FULL; false only for simulations */
};
/* ERR_UNAVAILABLE when the server cannot be reached. Statements are found by their place in the table. */
enum err sqldb_open(const struct sqldb_config *config, struct sqldb **ret, struct err_detail *detail);
void sqldb_close(struct sqldb *db); /* NULL-safe */
enum sqldb_kind sqldb_kind(const struct sqldb *db);

/* After ERR_UNAVAILABLE the connection is made anew by the next begin (or statement outside a transaction), at most
 * once a second. ERR_CONFLICT: a unique key; ERR_INVALID: a check; ERR_BUSY: a deadlock or lock timeout, worth another
 * try; ERR_STORE_FULL, _READONLY, _CORRUPT as elsewhere. */
enum err sqldb_begin(struct sqldb *db, bool is_write, struct err_detail *detail);
enum err sqldb_commit(struct sqldb *db, struct err_detail *detail); /* on error nothing is applied */
void sqldb_rollback(struct sqldb *db);                              /* NULL-safe; also when nothing is open */
/* One at a time, not nested. */
enum err sqldb_savepoint(struct sqldb *db, struct err_detail *detail);
enum err sqldb_release(struct sqldb *db, struct err_detail *detail);
enum err sqldb_rollback_to(struct sqldb *db, struct err_detail *detail);

/* ret_changed: rows inserted, updated or deleted; may be NULL. */
enum err sqldb_exec(struct sqldb *db, size_t statement, const struct sql_value *args, size_t count,
                    int64_t *ret_changed, struct err_detail *detail);
/* fn gets each row and may stop by returning false; it must not use the connection. */
typedef bool sql_row_fn(void *arg, const struct sql_row *row);
enum err sqldb_query(struct sqldb *db, size_t statement, const struct sql_value *args, size_t count,
                     sql_row_fn *fn, void *arg, struct err_detail *detail);
/* Columns from 0; texts and blobs borrowed for the visit. Null: 0, STR_NONE, INSTANT_NONE. */
bool sql_row_is_null(const struct sql_row *row, int column);
int64_t sql_row_int(const struct sql_row *row, int column); /* also of booleans */
double sql_row_real(const struct sql_row *row, int column);
int64_t sql_row_instant(const struct sql_row *row, int column);
struct str sql_row_text(const struct sql_row *row, int column);
struct str sql_row_blob(const struct sql_row *row, int column);

/* For migrations: several statements, with the words of sql/worlds/001_worlds.sql replaced; in a transaction of its own. */
enum err sqldb_script(struct sqldb *db, struct str sql, struct err_detail *detail);
/* A question without parameters, not prepared: for migrations, too. */
enum err sqldb_query_text(struct sqldb *db, const char *sql, sql_row_fn *fn, void *arg,
                          struct err_detail *detail);
/* The same text as this database takes it. */
void sqldb_spell_for(const struct sqldb *db, struct str sql, struct buf *out);
bool sqldb_has_table(struct sqldb *db, const char *table);
bool sqldb_has_column(struct sqldb *db, const char *table, const char *column);
/* Bytes of live rows: (page_count - freelist_count) * page_size, or pg_total_relation_size of the worlds' tables. */
enum err sqldb_live_bytes(struct sqldb *db, int64_t *ret, struct err_detail *detail);
/* Gives free pages back (SQLite: incremental_vacuum of at most so many pages; PostgreSQL: nothing, autovacuum does). */
enum err sqldb_shrink(struct sqldb *db, int64_t pages, struct err_detail *detail);
/* Copies the database to a file (SQLite; complete or not there). ERR_INVALID with PostgreSQL. */
enum err sqldb_copy(struct sqldb *db, const char *path, struct err_detail *detail);
/* Copies another SQLite file of ours, which may be in use (complete or not there). */
enum err sqldb_copy_file(const char *from, const char *to, struct err_detail *detail);
