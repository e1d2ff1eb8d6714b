/* What the Round, the calendar and the charts ask of the store: what ran, what will run, and how busy it was and will
 * be. Every answer is bounded whatever the number of jobs and runs.
 *
 * Cost: READ_LOAD reads CronLoad only, a row for each five minutes. READ_LANES reads a few indexed pages of at most
 * ROUND_LANES_MAX jobs. READ_AHEAD is the dear one: it reads every job once and counts its instants by arithmetic (some
 * ten microseconds a job; with 100,000 jobs seconds on a reader's thread), so callers keep its answer for a while. */
#pragma once
#include "model/job.h"
#include "model/run.h"
#include "store/load_book.h"

/* ---- READ_LOAD: how busy it was ---- */
#define LOAD_BOUNDS_MAX 13000 /* 42 days of five minutes */
struct load_sum {             /* of [bound i, bound i+1) */
  int64_t runs, failed, busy_ms;
  int64_t p50_ms, p95_ms, lag_p99_ms; /* FIELD_NULL without runs */
};

/* ---- READ_DAYS: one job, by the same bounds ---- */
struct day_sum {
  int64_t runs, failed, skipped, missed; /* by the ledger, also where runs are gone */
  int64_t p50_ms, p95_ms, lag_p99_ms;    /* of the runs on record or the roll-up */
};

/* ---- READ_AHEAD: what falls due ---- */
#define AHEAD_STEPS_MAX 4000000 /* instants walked one by one; what is beyond is spread evenly */
#define AHEAD_USUAL_JOBS 2000   /* whose own usual duration is looked up; others count with everybody's */
#define AHEAD_USUAL_RUNS 20
#define AHEAD_USUAL_LOOKED 40 /* runs of a job that are looked at for these */
#define AHEAD_SPARSE 64       /* candidates for lanes */
#define AHEAD_CLASHES 6
#define AHEAD_CLASH_JOBS 40 /* listed of one clash */
#define AHEAD_TIGHT 24      /* jobs whose runs take long for their interval */
#define AHEAD_DAYS_MAX 43
struct ahead_question {
  int64_t from_ms, to_ms; /* bounds of buckets; planned is what lies after now */
  int64_t max_at_once;
  const char *timezone; /* settings.timezone */
};
struct ahead_bucket {
  int64_t runs, busy_ms, peak; /* peak: most at once */
};
struct ahead_job {
  int64_t no, planned, past; /* instants within the window */
};
struct ahead_move { /* one job of a clash */
  int64_t no, usual_ms, priority, updated_ms;
  int64_t splay_s, new_splay_s; /* FIELD_NULL = none; the same = it stays */
  const char *id, *name;
};
struct ahead_clash {
  int64_t from_ms, to_ms, peak_ms; /* a stretch over the limit, and its worst second */
  int64_t peak, after, jobs;       /* at once; after the moves; jobs in all */
  int64_t moved;                   /* of the listed ones; 0 = no proposal helps */
  struct ahead_move *moves;
  size_t move_count;
};
struct ahead_tight { /* */
  int64_t no, interval_ms, usual_ms;
  const char *id, *name;
};
struct ahead {
  int64_t origin_ms; /* of bucket 0 */
  struct ahead_bucket *buckets;
  size_t bucket_count;
  struct ahead_job sparse[AHEAD_SPARSE]; /* fewest instants first, but at least one */
  size_t sparse_count;
  struct ahead_clash clashes[AHEAD_CLASHES]; /* in order of time */
  size_t clash_count, clash_total;
  struct ahead_tight tight[AHEAD_TIGHT]; /* worst first */
  size_t tight_count, tight_total;
  int64_t jobs, active, planned; /* planned: instants, whatever their number */
  int64_t usual_ms;              /* of everybody */
  bool is_estimated;             /* some were spread evenly, or with everybody's usual duration */
};

/* ---- READ_LANES: some jobs with all their marks ---- */
#define ROUND_LANES_MAX 64
#define LANE_MARKS_MAX 160 /* more than that become bands */
#define LANE_PLANNED_MAX 160
#define LANE_LEDGER_ROWS 20000   /* of one job; the newest */
#define LANES_LEDGER_ROWS 200000 /* of all */
#define LANE_RUNS_MAX 300
struct lanes_question {
  int64_t from_ms, to_ms;
  const char *timezone;
  size_t max;
  const int64_t *running; /* jobs with a run going on, FIELD_NULL ends */
  const int64_t *others;  /* candidates for the remaining lanes, best first; FIELD_NULL ends */
};
enum lane_mark_state {
  LANE_SUCCESS,
  LANE_FAILED,
  LANE_TIMEOUT,
  LANE_LOST,
  LANE_CANCELLED,
  LANE_SKIPPED,
  LANE_MISSED,
  LANE_RUNNING,
  LANE_QUEUED,
  LANE_STATES
};
extern const char *const lane_state_names[LANE_STATES + 1];
struct lane_mark { /* FIELD_NULL: not known */
  int64_t due_ms, started_ms, ended_ms, run_no;
  int64_t count; /* > 1: a stretch of instants from due to ended without a row each */
  enum lane_mark_state state;
  enum reason reason;
};
struct lane_band { /* neighbouring buckets that went alike */
  int64_t from_ms, to_ms, runs, failed, skipped;
};
struct round_lane {
  struct job *job; /* texts in the arena, no reference */
  bool is_trouble, is_running;
  bool has_last;
  struct run last;  /* the last that is not queued; without long texts */
  int64_t retry_ms; /* a queued attempt's notBefore */
  int64_t retry_attempt;
  int64_t usual_ms, usual_p95_ms, usual_runs;
  struct lane_mark *marks;
  size_t mark_count;
  struct lane_band *bands; /* instead of marks */
  size_t band_count;
  int64_t known_from_ms; /* marks and bands are complete from here on */
  int64_t *planned;
  size_t planned_count;
  int64_t planned_total; /* more than planned_count: a band */
  int64_t next_ms;
  enum gate gate;
};
struct lanes {
  struct round_lane *items; /* trouble first, then running, then the others as given */
  size_t count;
};
