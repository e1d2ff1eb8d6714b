/* Rows over SQLite: one connection with all its statements, prepared at open so that a bad one shows at once. The SQL
 * of a table is put together from its column table (rows.def, model/) and constants only, never from data. */
#pragma once
#include <sqlite3.h>

#include "store/rows.h"

enum sqlite_special {
#define SPECIAL(id, writes, sql) SQLITE_SPECIAL_##id,
#include "store/sqlite_statements.def"
#undef SPECIAL
  SQLITE_SPECIALS
};

struct sqlite_rows {
  struct rows rows;
  sqlite3 *db;
  sqlite3_stmt *get[TABLE_COUNT], *put[TABLE_COUNT], *del[TABLE_COUNT];
  sqlite3_stmt *scan[SCAN_COUNT];
  sqlite3_stmt *run_update, *run_end;
  sqlite3_stmt *run_find[2]; /* of all; of the odd ones */
  sqlite3_stmt *special[SQLITE_SPECIALS];
};

/* Over an open connection, which sqlite_rows_close closes. */
enum err sqlite_rows_open(struct sqlite_rows *r, sqlite3 *db, bool is_read_only, struct err_detail *detail);
void sqlite_rows_close(struct sqlite_rows *r);

/* Jobs that SQL from outside has inserted get their ledger numbers. */
enum err sqlite_rows_number_jobs(struct sqlite_rows *r);

/* What SQLite said, as one of ours: FULL also for what says IOERR because the disk is full. */
enum err sqlite_error(sqlite3 *db, int code, struct err_detail *detail);

/* ---- for sqlite_lists.c ---- */
#define SQLITE_FIND_LISTS 19 /* the first place of run_find's statuses; triggers follow */
/* A row of a whole record; texts point into the statement until its next step. False: a row that is none of ours. */
bool sqlite_read_record(sqlite3_stmt *s, enum table_id id, void *record);

/* ---- sqlite_lists.c: the ops of these names ---- */
enum err sqlite_run_find(struct rows *rows, const struct run_query *q, rows_visit *fn, void *arg);
enum err sqlite_run_nth(struct rows *rows, const struct run_query *q, int64_t n, int64_t *ret_no);
enum err sqlite_run_since(struct rows *rows, int64_t from_ms, int64_t max, int64_t *ret_no);
enum err sqlite_job_facts(struct rows *rows, const struct facts_query *q, rows_visit *fn, void *arg);
enum err sqlite_job_list(struct rows *rows, const struct job_query *q, size_t max, int64_t *ret_nos,
                         size_t *ret_count);
enum err sqlite_job_upcoming(struct rows *rows, size_t max, int64_t *ret_nos, size_t *ret_count);
enum err sqlite_run_strip(struct rows *rows, int64_t job_no, size_t max, struct run_brief *ret,
                          size_t *ret_count);
enum err sqlite_count(struct rows *rows, enum table_id t, int64_t *ret);
enum err sqlite_figures(struct rows *rows, int64_t runs_max, struct figures_row *ret);
