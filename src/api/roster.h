/* The roster: one compact row per job, kept in memory from the first time somebody looks at a list of jobs, and kept up
 * to date by what the core tells. Lists of jobs are filtered, sorted and cut here, so that any question about any
 * column costs one walk over memory (100,000 jobs: some milliseconds) and the database nothing.
 *
 * A row has what a list shows: the definition's texts, the newest 30 runs that ended, the last run, usual durations,
 * the next due instant, the gate. What changed is told on the live stream at most ten times a second, many rows in one
 * event. Everything happens on the loop's thread; rendering happens on a work thread over a snapshot. */
#pragma once
#include "api/call.h"
#include "model/filter_lists.h"

#define ROSTER_STRIP 30
#define ROSTER_ERROR_BYTES 120

/* What an edit changes, shared by count with snapshots. Texts lie behind it. */
struct roster_card {
  _Atomic unsigned refs;
  const char *id, *name, *category, *labels, *schedule, *zone, *command; /* labels: masked JSON, or NULL */
  struct str words, tags, owner;                                         /* folded, for the filter */
  int64_t dialect, dst, start_ms, end_ms, anchor_ms, seed;
};

struct roster_row {
  struct roster_card *card;
  int64_t no, version, priority;
  bool is_active, is_critical, is_world_job;
  int64_t failures;    /* failed chains in a row */
  uint8_t strip_count; /* oldest first */
  uint8_t strip_status[ROSTER_STRIP];
  int32_t strip_ms[ROSTER_STRIP]; /* -1: none */
  int64_t p50_ms, p95_ms;         /* of the strip; FIELD_NULL */
  int64_t last_no, last_status;   /* the newest run that has ended; FIELD_NULL: none */
  int64_t last_start_ms, last_took_ms;
  char error[ROSTER_ERROR_BYTES]; /* of the last run, if it failed */
  int64_t next_ms;                /* FIELD_NULL: none; may be past: it is overdue */
  enum gate gate;                 /* as it stood when gates last changed */
  int64_t gate_until_ms;          /* of the view */
  int64_t settled_ms;             /* due instants up to here are settled: next is to be found after it */
  bool is_next_sought;            /* without one in the database it was looked for once */
  uint32_t round;                 /* of reading all, when it was read */
  bool is_dirty;                  /* to be told */
};

struct roster_view { /* a row as it stands at one moment */
  const struct roster_row *row;
  int64_t now_ms;
  enum job_status standing;
  enum gate gate;
  int64_t gate_until_ms; /* INSTANT_NEVER; FIELD_NULL when the gate is open */
  bool is_running, is_queued, is_retrying;
};

struct roster;
enum err roster_new(struct api *a, struct roster **ret);
void roster_free(struct roster *r);
void roster_note(struct roster *r, const struct sched_note *note);

/* Calls fn when every job is there: at once, or after the rows have been read. With `rows` below SIZE_MAX the first
 * ones by name are enough: then roster_find may see some of the jobs only, but tells how many there are. */
typedef void roster_ready_fn(void *arg, enum err e);
void roster_want(struct roster *r, size_t rows, roster_ready_fn *fn, void *arg);

/* What is asked of the list. */
enum roster_sort {
  ROSTER_BY_NAME,
  ROSTER_BY_STATE,
  ROSTER_BY_LAST,
  ROSTER_BY_TOOK,
  ROSTER_BY_NEXT,
  ROSTER_BY_CATEGORY
};
struct roster_query {
  const struct filter *filter; /* NULL: all */
  enum roster_sort sort;
  bool is_down;
  struct str after;     /* by name: the window begins beyond this one; ptr NULL: at offset */
  size_t offset, limit; /* the window: so many of those that fit are left out, and given */
};
struct roster_found { /* rows in their order; borrowed for the call */
  struct roster_view *views;
  size_t count;                       /* in the window */
  size_t matched;                     /* jobs that fit; of all, while jobs are read */
  size_t total;                       /* all jobs */
  size_t standings[JOB_STATUS_COUNT]; /* of all jobs */
};
/* Looks at all rows, in turns: fn is called at once when they are few, else later, once. The filter must live until then.
 * What changes meanwhile may be seen as it was. */
typedef void roster_found_fn(void *arg, enum err e, const struct roster_found *found);
void roster_find(struct roster *r, const struct roster_query *q, roster_found_fn *fn, void *arg);

/* Is every job as the store has it, as far as one has heard? */
bool roster_knows_jobs(const struct roster *r);
/* Those terms of a filter of runs that ask about their jobs; NULL: none does. */
enum err roster_job_terms(const struct filter *f, struct arena *a, const struct filter **ret);
/* Numbers of the jobs that fit such terms, ascending, borrowed for the call; as roster_find. Jobs that are only tried are
 * not among them. */
typedef void roster_numbers_fn(void *arg, enum err e, const int64_t *nos, size_t count);
void roster_find_jobs(struct roster *r, const struct filter *terms, roster_numbers_fn *fn, void *arg);

/* The values of jobs that a key may be compared with, most frequent first: categories, tags, owners (of many jobs, as far as
 * a thousand of them tell). One array. */
void roster_values_json(struct roster *r, enum filter_jobs_key key, struct json_writer *w);

/* ---- rendering (roster_render.c); safe on a work thread over snapshots ---- */
extern const char *const roster_columns[]; /* NULL-terminated */
/* One array in the order of roster_columns; sentence may be NULL. */
void roster_render(struct json_writer *w, const struct roster_view *v, const char *sentence);
struct roster_card *roster_card_ref(struct roster_card *c);
void roster_card_unref(struct roster_card *c);

/* ---- one row (roster_rows.c) ---- */
enum err roster_row_new(const struct job_row *from, struct roster_row **ret);
void roster_row_free(struct roster_row *row);                       /* NULL-safe */
void roster_row_settle(struct roster_row *row, int64_t due_ms);     /* this due instant has its verdict */
void roster_row_run(struct roster_row *row, const struct run *run); /* a run of it has begun, or ended */

/* ---- gates (roster_gates.c) ---- */
struct roster_gates {
  struct closed_gate *items; /* those of single jobs last, by their numbers */
  size_t count, common;      /* common: the others */
  char **keys;               /* owned, behind items */
};
void roster_gates_keep(struct roster_gates *g,
                       const struct store_read *read); /* of READ_GATES, instead of what was */
void roster_gates_free(struct roster_gates *g);
/* Sets the row's gate as it stands now: the strongest, and of these the longest. */
void roster_gates_find(const struct roster_gates *g, struct roster_row *row, int64_t now_ms);

/* ---- filter and order (roster_order.c) ---- */
struct filter_cell roster_cell(const void *view,
                               size_t key); /* of a roster_view: what the key is compared with */
struct roster_pick {                        /* a row that fits, with what it is ordered by */
  int64_t key;
  const char *text;
  size_t index; /* in the order of names */
  struct roster_row *row;
};
struct roster_pick roster_pick_of(const struct roster_view *v, enum roster_sort sort, size_t index);
/* Puts those into the places [first, end) that belong there in the order of their keys; the others lie anyhow. */
void roster_sort(struct roster_pick *picks, size_t count, size_t first, size_t end, bool is_down);
