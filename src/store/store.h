/* The store: what is remembered. Backends: mem (the reference model), sqlite (embedded, default); the
 * interface is made so that PostgreSQL fits (batched claims, arrays, epochs).
 *
 * Two layers:
 *  - struct store_backend: synchronous, single-threaded, one call = one transaction over a batch of
 *    changes. The contract suite and the simulator drive this.
 *  - struct store: the same, behind a writer thread with group commit and a few reader threads;
 *    answers come back on the loop's thread. serve uses this.
 *
 * Rules (DESIGN 6): each change of a batch has its own savepoint, so a refused one answers only its
 * sender; when the commit fails all of them fail and none is applied. The store calls
 * time/schedule_next once per claimed instant; the core never does. */
#pragma once
#include "model/change.h"
#include "model/filter_lists.h"
#include "store/round.h"
#include "sys/loop.h"
#include "sys/world.h"

struct store_read;

/* ---- opening ---- */
struct store_config {
  const char *folder;      /* of sereno.db, live.db, archive.db; NULL for mem */
  const char *url;         /* of a PostgreSQL; NULL: the folder's file */
  int timeout_ms;          /* of the server's answers; 0: 10 s */
  const char *zone_folder; /* TZif files; NULL = /usr/share/zoneinfo */
  int64_t now_ms;
  const char *boot_id; /* this boot (36 characters) */
  bool is_process_off; /* ENABLE_CRON_JOBS=false */
};

/* What a predecessor left open; the core settles each by the table of DESIGN 6. */
struct unfinished {
  struct job *job;               /* version of the claim; one reference */
  int64_t due_ms, not_before_ms; /* INSTANT_NONE for manual runs */
  bool has_claim;                /* a pending ledger row */
  bool has_run;                  /* a queued or running row */
  struct run run;
};

struct store_boot {
  int64_t epoch;         /* ours: greater than every one seen */
  int64_t last_alive_ms; /* aliveAt of the predecessor, INSTANT_NONE on a fresh store */
  bool is_same_boot;     /* same boot id as the predecessor's */
  char journal_id
      [40];          /* of the warden's journal, as last noted by CHANGE_ALIVE; "" = none. The app compares it
                            with the warden's (which is asked after the store, since it needs our epoch):
                            another journal counts as another boot */
  bool was_restored; /* opened the first time after a restore */
  int64_t last_run_no;           /* greatest run number ever given */
  struct settings *settings;     /* one reference */
  struct unfinished *unfinished; /* in the arena */
  size_t unfinished_count;
  struct arena arena;
};
void store_boot_free(struct store_boot *boot);

/* ---- layer 1: a backend ---- */
struct store_backend;
struct store_backend_ops {
  const char *name;
  /* All changes in one transaction. Answers are in the changes. Returns what the commit said: on an
   * error every change has it too and nothing was applied. */
  enum err (*apply)(struct store_backend *b, struct change *const *changes, size_t count);
  enum err (*read)(struct store_backend *b, struct store_read *read);
  /* earliest notBefore of what is not claimed yet, INSTANT_NEVER */
  int64_t (*next_due_ms)(struct store_backend *b);
  /* zone files or another process' writes may have changed: plan anew what is after the cursor */
  enum err (*refresh)(struct store_backend *b, int64_t now_ms);
  /* Writes lastRunAt and nextRunAt of jobs that ran or were planned, which follow within a second. apply does
   * it by the way; this is for when nothing else is to be written. NULL: never needed. */
  enum err (*touch)(struct store_backend *b, int64_t now_ms, bool *ret_has_more);
  /* A second, read-only view of the same data for a reader thread; only its read and close may be called.
   * NULL: read on the writer's thread. */
  enum err (*open_reader)(struct store_backend *b, struct store_backend **ret);
  /* SQL from outside has changed something that the next CLAIM will take over: its number, another one each time after
   * such a claim; 0: nothing. Asked for often, never waits. NULL: others do not write while we run. */
  int64_t (*news)(struct store_backend *b);
  /* Thread-safe. apply waits for a lost server to say what became of a commit: other changes would wait with it.
   * NULL: never. */
  bool (*is_away)(const struct store_backend *b);
  /* Thread-safe: such waiting ends. NULL: there is none. */
  void (*stop)(struct store_backend *b);
  void (*close)(struct store_backend *b);
};
struct store_backend {
  const struct store_backend_ops *ops;
};
enum err store_mem_open(const struct store_config *config, struct store_backend **ret,
                        struct store_boot *ret_boot, struct err_detail *detail);
/* For simulated crashes: what is committed stays, what is in memory goes, a new epoch begins. On error
 * the backend can only be closed. */
enum err store_mem_reopen(struct store_backend *b, const struct store_config *config,
                          struct store_boot *ret_boot, struct err_detail *detail);
enum err store_sqlite_open(const struct store_config *config, struct store_backend **ret,
                           struct store_boot *ret_boot, struct err_detail *detail);
/* Only for reading, also beside a server; only read and close may be called. */
enum err store_sqlite_open_reader(const char *folder, const char *zone_folder, struct store_backend **ret,
                                  struct err_detail *detail);

/* In PostgreSQL (config->url; folder, if any, is only locked), whose schema it makes or, in an application's database, adds to. One server works with a
 * database at a time: an advisory lock of the writer's session keeps others out (ERR_CONFLICT), and every transaction
 * first locks "CronMeta" and compares its epoch, so that a server whose session was lost and followed by another's is
 * refused (ERR_STORE_STALE). Several nodes fit where that row is: each with an epoch (a lease) of its own in place of
 * the one lock, claims by FOR UPDATE SKIP LOCKED over "CronCursor", and the fence asking for its own lease.
 *
 * A lost connection is ERR_UNAVAILABLE for every change until the server is back; nothing is half applied. When it is
 * lost within a commit, apply returns only once the server has told what became of it, or after stop. */
enum err store_pg_open(const struct store_config *config, struct store_backend **ret,
                       struct store_boot *ret_boot, struct err_detail *detail);
enum err store_pg_open_reader(const struct store_config *config, struct store_backend **ret,
                              struct err_detail *detail);

/* Puts a backup in the place of the database of this folder, with the server stopped: ERR_CONFLICT while one holds
 * its lock. The database that was there is kept beside it as sereno.db.replaced. The next open has an epoch above every
 * one seen and records what fell due since the backup as missed/restored. */
enum err store_restore(const char *folder, const char *file, int64_t now_ms, struct err_detail *detail);

/* ---- layer 2: with threads ---- */
struct store;
/* Takes the backend over. At most one writer; reads open their own connections. */
enum err store_new(struct loop *l, struct store_backend *writer, const struct store_config *config,
                   struct store **ret, struct err_detail *detail);
void store_free(struct store *s); /* finishes what was submitted; done functions are not called */
/* Submits a change; change->done is called on the loop's thread with the answer. Never refused for
 * claims and records; others are answered ERR_BUSY when the queue is 80 % full. */
void store_submit(struct store *s, struct change *change);
void store_submit_read(struct store *s, struct store_read *read);
size_t store_queue_depth(const struct store *s);
/* fn is called on the loop's thread when SQL from outside has changed something: the next CLAIM takes it over. */
void store_on_news(struct store *s, void (*fn)(void *arg), void *arg);
/* Zone files changed: ops->refresh on the writer, between two transactions. Not answered. */
void store_refresh(struct store *s, int64_t now_ms);

/* ---- reads ---- */
enum store_read_kind {
  READ_JOB,         /* by id, name or number */
  READ_JOBS,        /* page */
  READ_RUN,         /* by number */
  READ_RUNS,        /* page, newest first */
  READ_OCCURRENCES, /* ledger of one job: rows and gaps, newest first */
  READ_DASHBOARD,   /* figures, and the jobs that are due next: at most `limit` (100), soonest first */
  READ_JOB_METRICS,
  READ_AUDIT_LOG,    /* page, newest first */
  READ_AUDIT_VERIFY, /* the hash chain */
  READ_LEDGER_AUDIT, /* what fell due against what is on record */
  READ_IDENTITIES,   /* all users, tokens, sessions */
  READ_GATES,        /* gates closed now */
  READ_ALERTS,       /* what is remembered of alerts */
  READ_BACKUP,       /* copies the database to a file */
  READ_HEALTH,       /* sizes and numbers of rows */
  READ_LOAD,         /* how busy the server was, by intervals */
  READ_DAYS,         /* one job by intervals */
  READ_LANES,        /* some jobs with what ran and what will */
  READ_AHEAD,        /* what falls due, over all jobs */
  READ_VERSIONS,     /* definitions of one job, newest first, also of one that is deleted */
  READ_KIND_COUNT
};

#define STORE_STRIP_MAX 100
#define STORE_LOOKED_MAX \
  20000 /* audit rows a filter walks over before it gives what it has: some tens of ms */
#define STORE_JUDGED_MAX \
  10000 /* the same of runs that come to be judged, and of those that a backend may pass over */
#define STORE_PASSED_MAX 50000 /* by itself */

struct run_row { /* a run with what lists show of its job */
  struct run run;
  const char *job_name, *job_category, *job_command; /* NULL: the job is gone */
  int64_t job_version;                               /* of the definition that has this command */
};

struct job_row {   /* a job with what lists show of its last run */
  struct job *job; /* one reference */
  bool has_last_run;
  struct run last_run;     /* without output */
  enum gate gate;          /* why it does not start now, OPEN = it does */
  struct run_brief *strip; /* its newest runs that have ended, newest first: as many as asked for */
  size_t strip_count;
};

struct occurrence_row {
  int64_t job_no, due_ms, version, epoch, attempts;
  int64_t last_ms, count; /* a gap: until last, this many; else due_ms and 1 */
  enum occurrence_state state;
  enum reason reason;
};

struct audit_row {
  int64_t seq, at_ms;
  struct audit_note note;
  char hash[65];
};

struct version_item { /* READ_VERSIONS */
  struct job *job;    /* as it was defined; one reference */
  int64_t made_ms;
  int64_t from_ms, to_ms; /* governs due instants in (from, to]; INSTANT_NEVER while it does */
  const char *actor;      /* who made it, or NULL */
};

struct audit_difference { /* READ_LEDGER_AUDIT: one thing that is not as it should be */
  int64_t job_no, due_ms;
  const char *job_name;
  const char *kind; /* "no_row", "unexpected_row", "double_run", "stuck_pending", "wrong_version", … */
  const char *text; /* for people */
};

struct closed_gate { /* READ_GATES */
  enum gate_scope scope;
  int64_t job_no;            /* scope JOB */
  const char *key;           /* category; "settings": isEnabled is false; NULL */
  enum gate gate;            /* PAUSED or OFF */
  int64_t from_ms, until_ms; /* opens by itself then; INSTANT_NEVER */
};

struct job_metrics {
  int64_t runs, successes, failures, failures_in_row;
  int64_t mean_ms, p50_ms, p95_ms, p99_ms, max_ms; /* of durations; FIELD_NULL without runs */
  int64_t lag_p50_ms, lag_p95_ms, lag_p99_ms;
  int64_t mean_cpu_pct3, mean_memory_mb; /* thousandths of a percent; MiB */
};

struct store_read {
  struct store_read *next;
  enum store_read_kind kind;
  int64_t now_ms;
  struct arena arena; /* holds the answer */
  enum err error;
  struct err_detail detail;
  void (*done)(struct store_read *r);
  void *owner;
  /* question */
  struct str id, name; /* JOB */
  int64_t
      no; /* JOB, RUN: number; RUNS, OCCURRENCES, JOB_METRICS, LEDGER_AUDIT: job number, 0 = all; VERSIONS: job
                 number, 0 = the deleted job that had this id or, newest first, this name */
  struct str category, contains, label; /* JOBS */
  const int64_t
      *nos; /* JOBS: these, in this order, instead of a page; who is gone is left out; borrowed. RUNS: see
                         knows_jobs */
  size_t no_count;
  bool
      knows_jobs; /* RUNS: who asks has judged the filter's terms about jobs: `nos`, ascending, are those that fit */
  size_t strip;          /* JOB, JOBS: with so many of each job's runs, at most STORE_STRIP_MAX */
  int is_active;         /* JOBS: -1 any, 0, 1 */
  unsigned status_mask;  /* RUNS: bit per run_status, 0 = any; JOBS: of the last run */
  int64_t failures_min;  /* JOBS: with so many failed chains in a row; 0 = any */
  unsigned trigger_mask; /* RUNS */
  const struct filter
      *filter;            /* RUNS (filter_runs), AUDIT_LOG (filter_audit), or NULL; borrowed. With it, or with
                                  masks or times, only so many rows are looked at for a page: see looked */
  int64_t from_ms, to_ms; /* RUNS by startedAt, OCCURRENCES and LEDGER_AUDIT by due; INSTANT_NONE = open */
  int64_t due_ms;         /* RUNS of a job: only those of this due instant, oldest first; 0 = any */
  int64_t after;          /* page: continue after this number (runs, audit log) */
  struct str after_text;  /* page: continue after this name (jobs) */
  size_t limit;
  bool with_output;
  struct str path;       /* BACKUP */
  const int64_t *bounds; /* LOAD, DAYS: ascending, bound_count of them; in the arena */
  size_t bound_count;
  const struct ahead_question *ahead_question; /* AHEAD */
  const struct lanes_question *lanes_question; /* LANES */
  /* answer */
  struct job_row *jobs;
  struct run_row *runs;
  struct occurrence_row *occurrences;
  struct audit_row *audit_rows;
  struct audit_difference *differences;
  struct closed_gate *gates;
  struct alert_memory *alerts;
  struct version_item *versions;
  size_t count; /* of whichever list was asked for */
  bool has_more;
  int64_t
      looked; /* where rows were picked: number of the last one looked at, where a page that has_more continues;
                 else 0 */
  int64_t total; /* rows that match, where cheap; else -1 */
  struct job_metrics metrics;
  struct load_sum *load; /* LOAD: bound_count - 1 */
  struct day_sum *days;  /* DAYS */
  struct lanes *lanes;
  struct ahead *ahead;
  struct {
    int64_t total_jobs, active_jobs, failed_jobs; /* failed: last run failed, timed out or was lost */
    int64_t runs, successes, mean_ms;             /* finished runs on record */
  } dashboard;
  struct {
    int64_t expected, ran, skipped, missed, pending; /* LEDGER_AUDIT: how much was compared */
    int64_t rolled_up_days, zone_moved;              /* proven only by set hash; moved by today's zone data */
    int64_t first_bad;                               /* AUDIT_VERIFY: seq, 0 = none */
  } proof;
  struct {
    struct user *users;
    size_t user_count;
    struct token *tokens;
    size_t token_count;
    struct session *sessions;
    size_t session_count;
  } identities;
  struct {
    int64_t database_bytes, wal_bytes, ledger_rows, run_rows;
  } health;
};
struct store_read *store_read_new(enum store_read_kind kind, int64_t now_ms);
void store_read_free(struct store_read *r); /* NULL-safe; drops job references */
