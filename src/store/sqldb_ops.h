/* The inside of sqldb: what a database has to be able to do. Only for sqldb*.c. */
#pragma once
#include "base/buf.h"
#include "store/sqldb.h"

struct sqldb_ops {
  enum sqldb_kind kind;
  enum err (*begin)(struct sqldb *db, bool is_write, struct err_detail *detail);
  enum err (*commit)(struct sqldb *db, struct err_detail *detail);
  void (*rollback)(struct sqldb *db);
  enum err (*plain)(struct sqldb *db, const char *sql,
                    struct err_detail *detail); /* no rows, no parameters */
  enum err (*run)(struct sqldb *db, size_t statement, const struct sql_value *args, size_t count,
                  sql_row_fn *fn, void *arg, int64_t *ret_changed, struct err_detail *detail);
  enum err (*query_text)(struct sqldb *db, const char *sql, sql_row_fn *fn, void *arg,
                         struct err_detail *detail);
  bool (*has_table)(struct sqldb *db, const char *table);
  bool (*has_column)(struct sqldb *db, const char *table, const char *column);
  enum err (*live_bytes)(struct sqldb *db, int64_t *ret, struct err_detail *detail);
  enum err (*shrink)(struct sqldb *db, int64_t pages, struct err_detail *detail);
  enum err (*copy)(struct sqldb *db, const char *path, struct err_detail *detail);
  void (*close)(struct sqldb *db);
  bool (*is_null)(const struct sql_row *row, int column);
  int64_t (*get_int)(const struct sql_row *row, int column);
  double (*get_real)(const struct sql_row *row, int column);
  struct str (*get_text)(const struct sql_row *row, int column);
  struct str (*get_blob)(const struct sql_row *row, int column);
};

struct sqldb { /* first member of each kind's own struct */
  const struct sqldb_ops *ops;
  const struct sql_statement *statements;
  size_t statement_count;
};
struct sql_row {
  const struct sqldb *db;
  void *of; /* sqlite3_stmt, PGresult */
  int number;
};

/* One of each; pg: sqldb_pg.c. */
enum err sqldb_sqlite_open(const struct sqldb_config *config, struct sqldb **ret, struct err_detail *detail);
enum err sqldb_pg_open(const struct sqldb_config *config, struct sqldb **ret, struct err_detail *detail);
/* The schema's words (INSTANT, BLOB, REAL …) as this kind spells them. */
void sqldb_spell(enum sqldb_kind kind, struct str sql, struct buf *out);
