/* The warden's inside, shared by its own files only: warden.c (start and loop), door.c (serve's
 * connection), runs.c (life of a run), census.c (who belongs to a run). One thread, nothing global. */
#pragma once
#include <sys/resource.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "warden/cgroup.h"
#include "warden/config.h"
#include "warden/journal.h"
#include "warden/proc.h"
#include "warden/spawn.h"
#include "warden/spool.h"

#define WARDEN_SAMPLE_MS 250
#define WARDEN_SAMPLE_SHARE 20        /* a census takes at most this part of one core: 1/20 */
#define WARDEN_LEFTOVER_GRACE_MS 1000 /* from TERM to KILL for what outlives its program; real time */
#define WARDEN_UNKILLABLE_MS 10000    /* after KILL: then END tells how many are left */
#define WARDEN_UNACKED_MAX (2 * LIMIT_RUNNING_RUNS)

struct warden;

struct watch { /* one descriptor in the loop */
  void (*fn)(struct warden *w, struct watch *watch, uint32_t epoll_events);
  int fd; /* -1: none */
};

enum run_phase {
  RUN_STARTING, /* START is in the journal, the forking thread has it */
  RUN_PROGRAM,  /* the program itself is alive or not yet reaped */
  RUN_TREE,     /* the program has ended, its tree is not surely empty */
  RUN_END,      /* END is made; waits to be acknowledged */
};

enum kill_step { KILL_STEP_NONE, KILL_STEP_TERM, KILL_STEP_KILL };

#define TELL_LISTED 1U
#define TELL_STARTED 2U
#define TELL_ENDED 8U

struct supervised {
  struct warden_run id;
  struct warden_start limits;
  enum run_phase phase;
  pid_t pid; /* 0: known from the journal only */
  int wait_status;

  struct watch output;
  struct watch lines;
  struct spool spool;
  char *line; /* WARDEN_LINE_BYTES_MAX, from the first byte on fd 3 */
  size_t line_bytes;
  bool line_is_cut;
  char *result;
  size_t result_bytes;
  bool result_is_cut;

  bool has_cgroup;                         /* from before its start until its folder is gone */
  bool is_kill_waiting, is_kill_immediate; /* asked for while it was starting */
  enum kill_step step;
  enum kill_reason reason;
  int64_t started_clock_ms;  /* the run clock, see warden_clock_ms */
  int64_t kill_at_clock_ms;  /* INSTANT_NEVER until known */
  struct heap_node deadline; /* of warden.deadlines */
  struct heap_node chore;    /* of warden.chores: look at the tree again */
  int64_t chore_delay_ms;
  int64_t kill_from_ms; /* monotonic: when leftovers get KILL, or KILL was sent */

  struct warden_bill bill;
  uint32_t leftovers;
  uint32_t members;                                /* as the last census saw */
  int64_t members_own_bytes, members_shared_bytes; /* while a sample is taken */

  bool end_is_unwritten; /* the journal did not take END: tried again */
  struct warden_end end;
  unsigned tell;    /* TELL_* */
  bool is_adopted;  /* its program ran under a warden that is dead */
  bool is_repeated; /* START came again: the answer says so */
  struct list tell_link;
  struct list check_link;
};

struct connection {
  struct watch watch;
  bool is_paused;  /* too many starts wait for their fork */
  bool is_blocked; /* waits for room; nothing is read meanwhile */
  bool list_end_is_due;
  struct str pending; /* owned; one answer that did not fit */
};

#define WARDEN_STRANGERS_MAX 8 /* connections that have not said hello */

struct warden {
  struct warden_config config;
  int data_fd, dir_fd, spool_fd, null_fd, log_fd, lock_fd;
  char build[WARDEN_BUILD_BYTES];
  uint8_t boot_id[WARDEN_ID_BYTES];
  uint64_t folder, instance; /* of the tags */
  char *tag_place;
  pid_t pid;
  struct rlimit files;
  uid_t data_owner;
  int64_t own_peak_bytes;
  struct cgroup cgroup;

  int epoll_fd;
  struct watch listener, signals, forked;
  struct watch strangers[WARDEN_STRANGERS_MAX];
  struct connection serve;
  struct list outbox; /* supervised.tell_link */

  struct journal journal;
  int64_t epoch;
  struct map runs; /* run_no → struct supervised */
  struct map pids; /* run_place_key → struct supervised, from START to END */
  size_t living;
  size_t living_peak; /* since memory was given back */
  size_t starting;    /* of them RUN_STARTING */
  size_t starting_bytes;
  struct heap deadlines; /* run clock, ms */
  struct heap chores;    /* monotonic, ms */
  struct list checks;    /* runs whose program ended: is the tree empty? */
  struct proc_table census, previous;
  int64_t sample_at_ms;
  bool has_test_clock;
  int64_t test_clock_ms;
  bool is_draining;
  bool is_superseded; /* by another build */
  bool is_told_to_exit;
  bool has_unwritten;
  int64_t idle_since_ms;
};

/* An instant later by ms, INSTANT_NEVER when that is beyond all time. */
static inline int64_t add_ms(int64_t instant, int64_t ms) {
  int64_t sum;
  return __builtin_add_overflow(instant, ms, &sum) ? INSTANT_NEVER : sum;
}

/* warden.c */
int64_t warden_mono_ms(void);
struct tick warden_tick(void);
/* What timeouts follow: the test clock, or CLOCK_MONOTONIC. */
int64_t warden_clock_ms(const struct warden *w);
/* What records show: the test clock, or CLOCK_REALTIME. */
int64_t warden_wall_ms(const struct warden *w);
enum err warden_watch(struct warden *w, struct watch *watch, uint32_t epoll_events);
void warden_watch_set(struct warden *w, struct watch *watch, uint32_t epoll_events);
void warden_unwatch(struct warden *w, struct watch *watch); /* and closes; of fd -1: nothing */

/* adopt.c */
#define WARDEN_LOCK_SUFFIX ".lock"
#define WARDEN_JOURNAL_SUFFIX ".journal"
int adopt_open_lock(const struct warden *w, const char *name);        /* -1 and errno */
bool adopt_take_lock(int fd);                                         /* false: somebody lives */
enum err adopt_at_start(struct warden *w, struct err_detail *detail); /* opens our own journal, too */
void adopt_note_name(const char *build, char ret[JOURNAL_NAME_MAX]);  /* where a build notes its cgroup */
void adopt_later(struct warden *w);         /* at each hello: one may have died since */
void adopt_leave_nothing(struct warden *w); /* another build has taken over and knows everything */

/* door.c */
enum err door_open(struct warden *w, struct err_detail *detail);
void door_tell(struct warden *w, struct supervised *run, unsigned what);
void door_line(struct warden *w, const struct supervised *run, struct str line);
void door_flush(struct warden *w);
void door_resume(struct warden *w); /* starts are taken again */
void door_close(struct warden *w);

/* start.c */
/* Everything a start needs until its process runs. */
struct starting;
/* A copy of the launch block is read; NULL: it is not valid, or no memory. Takes stdin_fd and channel_fd
 * over when it succeeds. */
struct starting *starting_new(struct str block, int stdin_fd, int channel_fd);
/* Answers by telling started later, or returns why not. Takes s over. */
enum warden_refusal run_start(struct warden *w, const struct warden_start *start, struct starting *s,
                              int *ret_error_number);
bool starting_is_full(const struct warden *w); /* then no START is read for a while */
enum err starting_open(struct warden *w);      /* the forking thread */

/* runs.c */
/* Where a run lies in w->pids: its program's pid, and a place of its own until that is known, so that
 * putting the pid there never needs memory. */
uint64_t run_place_key(const struct supervised *run);
struct supervised *run_new(struct warden *w, const struct warden_run *id);
void run_became_program(struct warden *w, struct supervised *run, pid_t pid);
void run_end(struct warden *w, struct supervised *run, enum warden_how how, int code); /* once */
void run_kill(struct warden *w, struct supervised *run, enum kill_reason reason, bool is_immediate);
void run_free(struct warden *w, struct supervised *run); /* out of every list and map */
struct supervised *run_from_journal(struct warden *w, const struct warden_run *id);
void runs_reap(struct warden *w);
void runs_deadlines(struct warden *w); /* those reached by the run clock */
void runs_chores(struct warden *w);
void runs_settle(struct warden *w); /* the runs of w->checks */
void runs_retry_unwritten(struct warden *w);
int runs_write_all(void *w, struct journal *to); /* for compaction */
struct supervised *run_find(const struct warden *w, int64_t run_no);

/* run_output.c */
/* Two pipes; 0 or an errno. The caller closes the ends made for the child, also on an error (-1: none). */
int run_output_open(struct warden *w, struct supervised *run, int *ret_output_end, int *ret_lines_end);
void run_output_finish(struct warden *w, struct supervised *run); /* takes what still lies in them */

/* census.c */
/* A fresh picture of every process, each of ours with its run. */
void census_take(struct warden *w);
/* False when no process of the run is left for certain, without a census; true: not known. */
bool census_may_live(struct warden *w, const struct supervised *run);
uint32_t census_count(const struct warden *w, const struct supervised *run);
/* To each member of the last census but the run's own group, which gets it as one (when whole_group). */
void census_signal(const struct warden *w, const struct supervised *run, int signal_number);
void census_kill_strays(struct warden *w);
/* The run of a process that is not reaped yet, or NULL. */
struct supervised *census_run_of(struct warden *w, pid_t pid);
/* Memory and number of processes of every run; limits are applied by the caller. */
void census_sample(struct warden *w);
/* Kills what carries the tag of a dead warden of this folder, until two passes find nothing. Returns
 * how many are left after WARDEN_UNKILLABLE_MS. */
uint32_t census_kill_dead_wardens(struct warden *w, const uint64_t *living_wardens, size_t count);
