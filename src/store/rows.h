/* Rows: the narrow floor of a backend. A backend keeps tables of records (rows.def), finds them by key, walks
 * them in order, and makes transactions; everything the store *means* (claims, edits, verdicts, audit) is
 * written once above it, in keeper*.c. mem and sqlite differ only below this line.
 *
 * Every call is made by one thread. Records are plain structs of int64_t (FIELD_NULL = null) and `const char *`
 * (NULL = null), described by a field table. */
#pragma once
#include "base/arena.h"
#include "model/field.h"
#include "model/job.h"
#include "model/run.h"
#include "model/settings.h"

#define TABLE(id, record, name, keys) struct record {
#define ROWS_C_INT int64_t
#define ROWS_C_TEXT const char *
#define COLUMN(member, name, type) ROWS_C_##type member;
#define TABLE_END(id, record) \
  }                           \
  ;
#include "store/rows.def"

enum table_id {
#define TABLE(id, record, name, keys) TABLE_##id,
#define COLUMN(member, name, type)
#define TABLE_END(id, record)
#include "store/rows.def"
  TABLE_JOB,      /* struct job: key no; refs is unused */
  TABLE_RUN,      /* struct run: key no (the column is id, id_to_text of it) */
  TABLE_SETTINGS, /* struct settings: the only row; key ignored */
  TABLE_COUNT
};

enum scan_id {
#define SCAN(id, table, key, range, filter, order, tail) SCAN_##id,
#include "store/rows.def"
  SCAN_COUNT
};

#define TABLE_KEYS_MAX 3
#define TABLE_FIELDS_MAX 80

struct table {
  const char *name; /* in SQL */
  size_t size;      /* of the record */
  int keys;         /* leading integer columns that are the key; 0: the first column, a text, is */
  size_t field_count;
  bool has_text;
  struct field fields[TABLE_FIELDS_MAX];
};
/* Described once; thread-safe. */
const struct table *table_get(enum table_id id);

struct scan {
  enum table_id table;
  size_t key, range; /* index of the field, SIZE_MAX = none */
  enum scan_filter {
    FILTER_NONE,
    FILTER_PENDING,
    FILTER_FIRST_VERSION,
    FILTER_NAME_AFTER,
    FILTER_CATEGORY,
    FILTER_REBOOT,
    FILTER_TEST,
    FILTER_OPEN
  } filter;
  enum scan_order { ORDER_UP, ORDER_DOWN, ORDER_BY_NAME } order;
  const char *tail;
};
const struct scan *scan_get(enum scan_id id);
/* Is this column read as null by this scan? */
bool scan_leaves_out(enum scan_id id, const char *column);
/* And by run_find. */
bool run_find_leaves_out(const char *column);

struct scan_args {
  int64_t key;
  int64_t from, to; /* inclusive */
  const char *text;
};
#define SCAN_ALL ((struct scan_args){.from = INT64_MIN, .to = INT64_MAX})

/* Called with each record, which is borrowed for the call; false ends the walk. It must not change the store. */
typedef bool rows_visit(void *arg, const void *record);

struct job_query {                      /* which jobs; what is null or 0 asks for nothing */
  const char *after;                    /* names beyond this one; "" = all */
  int64_t is_active;                    /* FIELD_NULL, 0, 1 */
  struct str category, contains, label; /* contains: in name or description; label: "key" or "key:value" */
  unsigned status_mask;                 /* bit per run_status: of the last run that is not queued */
  int64_t failures_min;                 /* consecutiveFailures; 0 = any */
};

#define RANGE_OPEN ((struct run_range){INT64_MIN, INT64_MAX})
struct run_range { /* inclusive; narrower than RANGE_OPEN nothing that is null is within */
  int64_t min, max;
};
/* Which runs, as far as a backend can tell cheaply; whoever asks judges each again. */
struct run_query {
  int64_t from_no, to_no; /* inclusive */
  bool is_odd;            /* only those that RUN_IS_ODD */
  unsigned status_mask;   /* bit per run_status; 0 = any */
  unsigned trigger_mask;  /* 0 = any */
  struct run_range took_ms, lag_ms, exit_code, attempt, memory_bytes, started_ms;
  const char *error, *who; /* patterns of LIKE with '\\' to escape, in any case; NULL = any */
};
/* What few runs are in a house that works: an index of its own has these and no others (sql/…/004_odd_runs.sql says
 * the same). */
#define RUN_IS_ODD                                                                        \
  "(\"status\" NOT IN ('success','queued','running') OR \"errorMessage\" IS NOT NULL OR " \
  "\"exitCode\"<>0 OR \"triggeredBy\"<>'schedule' OR \"attempt\">1)"

/* Statuses that an index of its own has, 005_lists.sql. */
#define RUN_FAILURES (1U << RUN_FAILED | 1U << RUN_TIMEOUT | 1U << RUN_LOST)

/* Which jobs, the same way: patterns of LIKE, NULL = any. */
struct facts_query {
  const char *name, *category, *labels;
};

struct figures_row {
  int64_t jobs, active_jobs, failed_jobs; /* failed: the last run that is not queued */
  int64_t runs, successes, duration_ms,
      durations; /* runs that ended by themselves; sum of so many durations */
};

struct rows;
struct rows_ops {
  enum err (*begin)(struct rows *r);
  enum err (*commit)(struct rows *r);    /* on error nothing is applied and no transaction is open */
  void (*rollback)(struct rows *r);      /* also when SQLite has rolled back by itself */
  enum err (*savepoint)(struct rows *r); /* one at a time, not nested */
  enum err (*release)(struct rows *r);
  enum err (*rollback_to)(struct rows *r);
  /* Waits for writes that are under way; the error of any of them. NULL: every write is done when it returns. Then
   * put, del, run_update and job_touch are sent only, and what goes wrong is the error of a later call: see is_late. */
  enum err (*settle)(struct rows *r);
  /* ERR_NOT_FOUND without detail. Texts of *ret lie in the arena. */
  enum err (*get)(struct rows *r, enum table_id t, const int64_t *key, void *ret, struct arena *a);
  /* By the unique text column `field` of JOB ("id", "name"), USER, TOKEN, SESSION ("id…"). */
  enum err (*find)(struct rows *r, enum table_id t, const char *field, struct str text, void *ret,
                   struct arena *a);
  /* Inserts, or replaces every column. ERR_CONFLICT when another row has the same unique value. */
  enum err (*put)(struct rows *r, enum table_id t, const void *record);
  /* Removing what is not there is fine. A job takes its runs with it. */
  enum err (*del)(struct rows *r, enum table_id t, const void *record);
  enum err (*scan)(struct rows *r, enum scan_id id, const struct scan_args *args, rows_visit *fn, void *arg);
  /* Narrow forms of get and put for what happens at every run. */
  enum err (*run_status)(struct rows *r, int64_t run_no, int64_t *ret); /* ERR_NOT_FOUND */
  /* put of a run that is there: what names it (id, job, dueAt, attempt) has not changed, so its indexes stay. */
  enum err (*run_update)(struct rows *r, const struct run *run);
  /* The same for a run that is `running` since run->started_ms; false: it is not, and nothing has changed. */
  enum err (*run_end)(struct rows *r, const struct run *run, bool *ret_changed);
  enum err (*job_touch)(struct rows *r, int64_t job_no, int64_t last_run_ms,
                        int64_t next_run_ms); /* last: FIELD_NULL keeps */
  enum err (*job_failures)(struct rows *r, int64_t job_no, int chain,
                           int64_t *ret); /* > 0: to 0, < 0: one more */
  /* Inserts a ledger row, unless one of its key is there: then *ret_added is false and nothing has changed. */
  enum err (*ledger_add)(struct rows *r, const struct ledger_row *row, bool *ret_added);
  /* pending or ran → ran with this reason and attempt, unless the row knows as much or more already; false: no such
   * row, or no change. */
  enum err (*ledger_ran)(struct rows *r, const struct ledger_row *row, bool *ret_changed);
  /* dueAt of the n-th newest ledger row of a job, 0 = the newest; ERR_NOT_FOUND when there are fewer. */
  enum err (*ledger_nth)(struct rows *r, int64_t job_no, int64_t n, int64_t *ret_due_ms);
  /* Numbers of the first `max` jobs that fit, in order of their names. */
  enum err (*job_list)(struct rows *r, const struct job_query *q, size_t max, int64_t *ret_nos,
                       size_t *ret_count);
  /* The same of those that are due next, soonest first. */
  enum err (*job_upcoming)(struct rows *r, size_t max, int64_t *ret_nos, size_t *ret_count);
  /* The newest runs of a job that have ended, newest first. */
  enum err (*run_strip)(struct rows *r, int64_t job_no, size_t max, struct run_brief *ret, size_t *ret_count);
  /* The runs that fit, newest first, without output; perhaps others among them. */
  enum err (*run_find)(struct rows *r, const struct run_query *q, rows_visit *fn, void *arg);
  /* Number of the n-th newest run (0 = the newest) between q's numbers, of the odd ones if q asks for them; ERR_NOT_FOUND
   * when there are fewer. */
  enum err (*run_nth)(struct rows *r, const struct run_query *q, int64_t n, int64_t *ret_no);
  /* The least number of a run that started at or after this instant, INT64_MAX when there is none; 0 when there are
   * more than `max`: then it has not been looked for. */
  enum err (*run_since)(struct rows *r, int64_t from_ms, int64_t max, int64_t *ret_no);
  /* The jobs that fit, with number, name, category and labels only; perhaps others among them. */
  enum err (*job_facts)(struct rows *r, const struct facts_query *q, rows_visit *fn, void *arg);
  /* Runs: of the newest runs_max that ended by themselves. */
  enum err (*figures)(struct rows *r, int64_t runs_max, struct figures_row *ret);
  /* While we run SQL from outside may have noted changes (OUTSIDE): true until a transaction after take_news has
   * committed. Never waits. NULL: nobody else writes. */
  bool (*has_news)(struct rows *r);
  enum err (*take_news)(struct rows *r); /* gives jobs that came from outside their numbers */
  /* Rows of a table; used for limits and health. */
  enum err (*count)(struct rows *r, enum table_id t, int64_t *ret);
};
#define ROWS_LOOK_UPS_MAX 1000
struct rows {
  const struct rows_ops *ops;
  size_t look_ups_max; /* of jobs or runs by an index, one after the other, for one page; 0: few,
                           * since each is a trip */
  /* Set by the caller for a transaction that it will settle before the commit and can do again: then ledger_add,
   * ledger_ran and run_end may answer true unseen, and where that was wrong a later call fails with is_late. */
  bool may_guess;
  bool is_late; /* the last error was of a write before the call that returned it, which has done nothing */
};

/* What these mean, made of scans: for backends that know no better. */
enum err rows_run_find(struct rows *r, const struct run_query *q, rows_visit *fn, void *arg);
enum err rows_run_nth(struct rows *r, const struct run_query *q, int64_t n, int64_t *ret_no);
enum err rows_run_since(struct rows *r, int64_t from_ms, int64_t max, int64_t *ret_no);
enum err rows_job_facts(struct rows *r, const struct facts_query *q, rows_visit *fn, void *arg);
enum err rows_job_list(struct rows *r, const struct job_query *q, size_t max, int64_t *ret_nos,
                       size_t *ret_count);
enum err rows_job_upcoming(struct rows *r, size_t max, int64_t *ret_nos, size_t *ret_count);
enum err rows_run_strip(struct rows *r, int64_t job_no, size_t max, struct run_brief *ret, size_t *ret_count);
enum err rows_figures(struct rows *r, int64_t runs_max, struct figures_row *ret);

/* Copies of all (at most max) records of a scan: an array of pointers in the arena. */
enum err rows_collect(struct rows *r, enum scan_id id, const struct scan_args *args, size_t max,
                      struct arena *a, void ***ret, size_t *ret_count);
/* Deep copy of a record into the arena; NULL when it does not fit. */
void *record_copy(const struct table *t, const void *record, struct arena *a);
/* The key of a record; 0-key tables give a hash of the text. */
void record_key(enum table_id id, const void *record, int64_t ret[TABLE_KEYS_MAX]);
/* Does a record belong to this scan? */
bool scan_matches(const struct scan *s, const struct scan_args *args, const void *record);
