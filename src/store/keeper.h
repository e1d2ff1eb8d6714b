/* The keeper: what the store means, written once for every backend. It turns changes into rows: plans and claims
 * due instants, settles verdicts, fits edits in, keeps versions, gates, the audit chain, and judges at start
 * what a predecessor left. Below it are rows (rows.h), above it the backend's ops (store.h).
 *
 * One thread. What it holds in memory (heap of due times, cached definitions, gates, settings) changes together with
 * the transaction: undone or read again when that fails. */
#pragma once
#include "sched/plan.h"
#include "store/due.h"
#include "store/gates.h"
#include "store/load_book.h"
#include "store/rows.h"
#include "store/store.h"
#include "time/tz.h"

#define KEEPER_SYSTEM_NAME "default"
#define KEEPER_CACHE_JOBS 2048                   /* definitions with compiled schedules: 1–2 KiB each */
#define KEEPER_TOUCH_SLICE 2000                  /* lastRunAt and nextRunAt written in one transaction */
#define KEEPER_TOUCH_MS 500                      /* and at most this long after they changed */
#define KEEPER_SCRATCH_BYTES (256 * 1024 * 1024) /* rows held during one change; a page of them mostly */

struct cached_job {
  struct job *job;
  struct schedule *schedule;
  int64_t splay_ms;
  struct cursor_row cursor;
  bool
      has_cursor; /* it is as in the rows; like all of the cache it is forgotten when a transaction is undone */
  struct cached_job *newer, *older; /* in order of use */
};

struct job_cache {
  struct map map; /* job number → struct cached_job */
  struct cached_job *newest, *oldest;
};

struct known_zone {
  uint64_t name, sha256; /* hashes */
};

struct claim_list { /* of the change at hand */
  struct claim *items;
  size_t count, capacity;
  struct gap *gaps;
  size_t gap_count, gap_capacity;
};

/* Where retention stands; lost at a restart, which then begins a sweep anew. */
struct sweep {
  int64_t after_run, cutoff_run; /* runs: continue after this one; older than that one are too many */
  int64_t job_no;                /* ledger: continue with the job after this one */
  int64_t ledger_days;           /* of this sweep: fewer when there are too many rows in all; 0 = as set */
  bool is_running;
};

struct keeper {
  struct rows *rows; /* borrowed */
  struct tzdb *tzdb;
  struct settings *settings;
  struct meta_row meta; /* texts in meta_arena */
  struct arena meta_arena;
  struct gates gates;
  struct due due;
  struct job_cache cache;
  struct known_zone *zones;
  size_t zone_count, zone_capacity;
  struct claim_list list;
  struct arena scratch; /* of the change at hand */
  int64_t audit_seq;
  char audit_hash[65]; /* of the last row of the chain */
  int64_t last_touch_ms;
  int64_t touched[KEEPER_TOUCH_SLICE]; /* jobs of the last touch, until it is committed */
  size_t touched_count;
  uint32_t age;            /* grows when a transaction is undone: what was remembered before may be wrong */
  bool is_mirror_old;      /* the last rollback could not read the rows again */
  int64_t tests_looked_ms; /* when retention last looked for jobs that were only tried */
  struct sweep sweep, kept_sweep; /* now, and as of the last commit */
  struct load_book load;          /* emptied by finish */
  uint64_t writes;  /* rows written so far: tells a refusal before any write from a failure half-way */
  struct plan plan; /* too big for a stack frame in a loop */
};

/* ---- keeper.c: life and transactions ---- */
enum err keeper_open(struct keeper *k, struct rows *rows, const struct store_config *config,
                     struct store_boot *boot, struct err_detail *detail);
void keeper_close(struct keeper *k);
enum err keeper_apply(struct keeper *k, struct change *const *changes, size_t count);
enum err keeper_refresh(struct keeper *k, int64_t now_ms);
/* Writing rows goes through these, so that k->writes counts. */
enum err keeper_put(struct keeper *k, enum table_id t, const void *record);
enum err keeper_del(struct keeper *k, enum table_id t, const void *record);

/* ---- keeper_touch.c: lastRunAt and nextRunAt of a slice of the jobs that changed ---- */
enum err keeper_touch_slice(struct keeper *k, int64_t now_ms); /* in the transaction at hand */
void keeper_touch_undo(struct keeper *k); /* it was undone: they are to be written still */
enum err keeper_touch(struct keeper *k, int64_t now_ms, bool *ret_has_more); /* in one of its own */

/* ---- keeper_jobs.c: definitions, schedules, zones ---- */
enum err keeper_job(struct keeper *k, int64_t job_no, struct cached_job **ret); /* ERR_NOT_FOUND */
/* Puts this definition in the cache, over what is there. */
enum err keeper_cache_job(struct keeper *k, const struct job *job);
/* The definition if it is in memory, else NULL; its place in the order of use stays. */
struct cached_job *keeper_peek_job(const struct keeper *k, int64_t job_no);
void keeper_forget_job(struct keeper *k, int64_t job_no);
void keeper_forget_jobs(struct keeper *k);
enum err keeper_compile(struct keeper *k, const struct job *job, const char *timezone, int64_t now_ms,
                        struct schedule **ret, struct err_detail *detail);
enum err keeper_version(struct keeper *k, int64_t job_no, int64_t version,
                        struct job **ret); /* one reference */
enum err keeper_load_zones(struct keeper *k);

/* ---- keeper_claim.c ---- */
struct claim_window {
  int64_t now_ms, until_ms;
  size_t max;
  enum reason late_reason;
  bool no_catch_up;
};
/* Claims or settles what this job has due within the window; moves its cursor. */
enum err keeper_claim_job(struct keeper *k, int64_t job_no, const struct claim_window *w);
enum err keeper_claim(struct keeper *k, struct change *c);
/* Moves what keeper_claim_job gathered into the answer. */
enum err keeper_answer_claims(struct keeper *k, struct change *c);
void keeper_drop_claims(struct keeper *k);
enum err keeper_add_gap(struct keeper *k, const struct gap *gap, int64_t version);
/* Takes back what a stretch has beyond from_ms. */
enum err keeper_cut_gap(struct keeper *k, const struct cached_job *j, struct gap_row *gap, int64_t from_ms);
enum err keeper_set_cursor(struct keeper *k, const struct cursor_row *cursor);
enum err keeper_cursor(struct keeper *k, int64_t job_no, struct cursor_row *ret);

/* ---- keeper_runs.c ---- */
enum err keeper_queue(struct keeper *k, struct change *c);
enum err keeper_start(struct keeper *k, struct change *c, bool is_ended_too);
enum err keeper_end(struct keeper *k, struct change *c);
enum err keeper_settle(struct keeper *k, struct change *c);
/* In a copy that was put back: settles what was open when it was made. All of it ran on meanwhile, where this store
 * cannot see it, so none of it may start: what waited or was claimed is missed/restored, what ran is lost. */
enum err keeper_settle_restored(struct keeper *k, int64_t now_ms);
enum err keeper_clock(struct keeper *k, struct change *c);

/* ---- keeper_edit.c, keeper_save.c ---- */
enum err keeper_job_save(struct keeper *k, struct change *c);
enum err keeper_job_delete(struct keeper *k, struct change *c);
/* A job that was only tried goes without a trace but its audit rows: row, versions, runs. It is inactive and nothing of it
 * is open, so the core holds nothing of it. */
enum err keeper_forget_test(struct keeper *k, const struct job *job);
enum err keeper_gate(struct keeper *k, struct change *c);
enum err keeper_settings(struct keeper *k, struct change *c);
enum err keeper_add_settings_version(struct keeper *k, const struct settings *s, int64_t from_ms,
                                     const char *actor);
/* Plans every job anew after its cursor (zone data changed). */
enum err keeper_replan_all(struct keeper *k, int64_t now_ms);
enum err keeper_process_gate(struct keeper *k, int64_t now_ms, bool is_off);

/* What SQL from outside wrote while no server ran (CronOutside) becomes versions that govern from now on. */
enum err keeper_take_over(struct keeper *k, int64_t now_ms);
/* What it writes while we run, in the transaction of a CLAIM, whose answer tells the core. Edits govern from beyond what
 * has been claimed, so that nothing the core holds is withdrawn. */
enum err keeper_take_over_running(struct keeper *k, struct change *claim);

/* ---- keeper_retain.c, rollup.c ---- */
enum err keeper_retain(struct keeper *k, struct change *c);
/* Folds a settled ledger row into its roll-up and removes it. */
enum err keeper_fold(struct keeper *k, const struct ledger_row *row, int64_t now_ms);
/* Folds daily roll-ups of whole months that are more than two years old. */
enum err keeper_fold_months(struct keeper *k, int64_t job_no, int64_t now_ms, size_t max, size_t *ret_folded);

/* ---- load_book.c: CronLoad ---- */
/* A run has ended: it counts where it began, and takes time wherever it ran (the last day of it). */
enum err keeper_load_add(struct keeper *k, const struct run *run);
enum err keeper_load_write(struct keeper *k); /* what is not in the rows yet */
enum err keeper_load_retain(struct keeper *k, int64_t now_ms);

/* ---- keeper_identity.c ---- */
enum err keeper_identity(struct keeper *k, struct change *c);

/* ---- audit_chain.c: CronAudit as a hash chain ---- */
enum err keeper_note(struct keeper *k, const struct audit_note *note, int64_t at_ms);
enum err keeper_load_chain(struct keeper *k);
void audit_chain_hash(const char before[65], const struct audit_log_row *row, char ret[65]);

/* ---- ledger_audit.c, store_reads.c, round.c, ahead.c: answers from rows ---- */
#define READER_DEAR_JOBS 20000 /* with more, what costs a walk is kept: */
#define READER_KEPT_MS 5000
#define READER_TROUBLE 50
struct reader_kept {                  /* of one connection, zeroed at first */
  struct tick figures_at, trouble_at; /* 0: never */
  struct figures_row figures;
  int64_t trouble[READER_TROUBLE]; /* jobs whose last run failed, the first by name */
  size_t trouble_count;
};
struct reader {
  struct rows *rows;
  const char *zone_folder;
  struct reader_kept *kept;
};
enum err reader_trouble(struct reader *r, const int64_t **ret_nos, size_t *ret_count); /* store_reads.c */
enum err reader_read(struct reader *r, struct store_read *read);
enum err reader_ledger_audit(struct reader *r, struct store_read *read);
size_t reader_page_size(const struct store_read *q);
enum err reader_runs(struct reader *r, struct store_read *read); /* store_runs.c */
enum err reader_run(struct reader *r, struct store_read *read);
enum err reader_load(struct reader *r, struct store_read *read);
enum err reader_days(struct reader *r, struct store_read *read);
enum err reader_lanes(struct reader *r, struct store_read *read);
enum err reader_ahead(struct reader *r, struct store_read *read);
enum err reader_versions(struct reader *r, struct store_read *read); /* store_history.c */

/* ---- record_text.c: a definition as text, for versions ---- */
char *record_to_text(const struct field *fields, size_t count, const void *record,
                     struct arena *a); /* NULL: no room */
/* Fields the text does not have stay as they are. ERR_STORE_CORRUPT when it is no such text. */
enum err record_from_text(const struct field *fields, size_t count, struct str text, void *record,
                          struct arena *a);
