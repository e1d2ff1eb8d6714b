/* Rows over PostgreSQL: one connection, statements made of the column tables and constants as for SQLite. Writes that
 * cannot be refused are sent without waiting (rows.h, is_late); what needs an answer waits for all of them. */
#pragma once
#include "store/pg_conn.h"
#include "store/rows.h"

enum pg_special {
#define SPECIAL(id, sql) PG_SPECIAL_##id,
#include "store/pg_statements.def"
#undef SPECIAL
  PG_SPECIALS
};

enum pg_statement {
  PG_GET = 0, /* + table */
  PG_PUT = PG_GET + TABLE_COUNT,
  PG_DEL = PG_PUT + TABLE_COUNT,
  PG_SCAN = PG_DEL + TABLE_COUNT, /* + scan: its first page */
  PG_RUN_UPDATE = PG_SCAN + SCAN_COUNT,
  PG_RUN_END,
  PG_RUN_FIND, /* + 1: the odd ones */
  PG_RUN_FIND_ODD,
  PG_SPECIAL, /* + special */
  PG_STATEMENTS = PG_SPECIAL + PG_SPECIALS
};

struct pg_rows {
  struct rows rows;
  struct pg_conn *conn;         /* owned */
  char *texts[PG_STATEMENTS];   /* owned */
  char *scans[SCAN_COUNT];      /* the same without a limit, for DECLARE */
  int64_t epoch;                /* ours; 0 = not begun: writes are not fenced yet */
  bool was_wrong;               /* a guess of this transaction */
  int64_t news;                 /* how often there were some; they are untaken while has_news */
  bool has_news, is_news_taken; /* SQL from outside was told of; and read in the transaction at hand */
  int cursors;                  /* open ones, for their names */
  struct arena scratch;         /* of one statement */
};

/* Connects; config's statements are filled in here. On error nothing is held. */
enum err pg_rows_open(struct pg_rows *r, const struct pg_config *config, struct err_detail *detail);
void pg_rows_close(struct pg_rows *r);
/* Jobs that SQL from outside has inserted get their ledger numbers; in the transaction at hand. */
enum err pg_rows_number_jobs(struct pg_rows *r);
/* SQL from outside may have changed something. */
void pg_rows_tell_news(struct pg_rows *r);

/* ---- pg_sql.c ---- */
#define PG_SCAN_PAGE 256 /* rows of a scan that come with its first answer */
#define PG_SQL_BYTES 16384
enum err pg_rows_make_texts(struct pg_rows *r);
int pg_key_count(enum table_id id);
/* The columns that run_update and run_end leave alone; NULL ends them. */
extern const char *const pg_naming_columns[], *const pg_ending_columns[];
bool pg_is_one_of(const char *const *names, const char *column);
/* "WHERE … ORDER BY …" with ?1 to ?4, and which of them it has, ascending: they are $1, $2 … without holes. */
const char *pg_scan_tail(enum scan_id id);
int pg_scan_params(const char *tail, int ret[4]);

/* ---- for pg_lists.c ---- */
#define PG_ARG_BYTES 48
struct pg_bound {
  struct pg_args a;
  char store[PG_ARGS_MAX][PG_ARG_BYTES]; /* what numbers and instants are written to */
};
void pg_bind_int(struct pg_bound *b, int64_t value); /* FIELD_NULL = null */
void pg_bind_bool(struct pg_bound *b, bool value);
void pg_bind_instant(struct pg_bound *b, int64_t ms); /* FIELD_NULL = null */
/* A row of a whole record; texts point into the result. False: a row that is none of ours. */
bool pg_read_record(const PGresult *r, int row, enum table_id id, void *record);
/* Waits for the answer; the caller clears it. */
enum err pg_rows_ask(struct pg_rows *r, enum pg_statement id, const struct pg_bound *b, PGresult **ret);
enum err pg_job_list(struct rows *rows, const struct job_query *q, size_t max, int64_t *ret_nos,
                     size_t *ret_count);
enum err pg_job_upcoming(struct rows *rows, size_t max, int64_t *ret_nos, size_t *ret_count);
enum err pg_figures(struct rows *rows, int64_t runs_max, struct figures_row *ret);
enum err pg_run_strip(struct rows *rows, int64_t job_no, size_t max, struct run_brief *ret,
                      size_t *ret_count);
enum err pg_run_find(struct rows *rows, const struct run_query *q, rows_visit *fn, void *arg);
enum err pg_run_nth(struct rows *rows, const struct run_query *q, int64_t n, int64_t *ret_no);
enum err pg_run_since(struct rows *rows, int64_t from_ms, int64_t max, int64_t *ret_no);
enum err pg_job_facts(struct rows *rows, const struct facts_query *q, rows_visit *fn, void *arg);
enum err pg_count(struct rows *rows, enum table_id t, int64_t *ret);
