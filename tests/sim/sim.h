/* The simulator (DESIGN 12): the production core and the production mem store in a world that is all
 * make-believe: clock, warden, processes, store delays, crashes, power, people. One seed is one history.
 *
 *   sim_world.c   the event queue and the clock; serve: performs the core's actions, recovers at start
 *   sim_warden.c  the warden with its journal, and the processes
 *   sim_nemesis.c crashes, jumps, failures; and the people who run, cancel and edit
 *   sim_check.c   the promises, checked after every step and against brute force at the end
 *   sim_test.c    runs the seeds, counts the events, replays one seed */
#pragma once
#include <stdio.h>

#include "base/heap.h"
#include "base/instant.h"
#include "base/list.h"
#include "base/map.h"
#include "sched/sched.h"
#include "store/store.h"
#include "time/schedule.h"

#define SIM_JOBS_MAX 24
#define SIM_SECOND 1000LL
#define SIM_MINUTE (60 * SIM_SECOND)
#define SIM_HOUR (60 * SIM_MINUTE)
#define SIM_DAY (24 * SIM_HOUR)

/* Kinds of events that a whole run must have seen often (issue: at least 1,000 times each). */
#define SIM_COUNTERS(X)                                          \
  X(CRASH, "crash of serve")                                     \
  X(WARDEN_DEATH, "death of the warden")                         \
  X(POWER, "loss of power")                                      \
  X(DISCONNECT, "lost connection")                               \
  X(JUMP_FORWARD, "jump forward")                                \
  X(JUMP_BACK, "jump back")                                      \
  X(DST_GAP, "DST gap")                                          \
  X(DST_OVERLAP, "DST overlap")                                  \
  X(STORE_FAILURE, "store failure")                              \
  X(STORE_SLOW, "slow store")                                    \
  X(RETRY, "retry")                                              \
  X(OVERLAP, "overlap")                                          \
  X(CATCH_UP, "catch-up")                                        \
  X(MISFIRE, "missed")                                           \
  X(EDIT_IN_CLAIM, "edit inside a claim")                        \
  X(LOST, "lost run")                                            \
  X(CANCEL, "cancel")                                            \
  X(MANUAL, "manual run")                                        \
  X(HANG, "process that hangs")                                  \
  X(INTERRUPT, "attempts given up because the server went away") \
  X(FORK, "process that leaves others behind")                   \
  X(STUBBORN, "process that ignores TERM")                       \
  X(START, "start")
enum sim_counter {
#define X(name, text) SIM_##name,
  SIM_COUNTERS(X)
#undef X
      SIM_COUNTER_COUNT
};

/* ---- the event queue ---- */
enum sim_event_kind {
  SIM_EV_STORE,     /* the store takes a batch */
  SIM_EV_ANSWER,    /* a change comes back */
  SIM_EV_TO_WARDEN, /* a message arrives there */
  SIM_EV_TO_SERVE,  /* a message arrives here */
  SIM_EV_TERM,      /* the warden's timeout of a process */
  SIM_EV_EXIT,      /* a process ends */
  SIM_EV_SERVE_UP,
  SIM_EV_WARDEN_UP,
  SIM_EV_RECONNECT,
  SIM_EV_POWER_LOSS,
  SIM_EV_NEMESIS,
  SIM_EV_PEOPLE,
  SIM_EV_ALIVE
};

enum sim_message {
  SIM_MSG_START,
  SIM_MSG_KILL,
  SIM_MSG_ACK,
  SIM_MSG_STARTED,
  SIM_MSG_REFUSED,
  SIM_MSG_ENDED
};

struct sim_entry;

struct sim_event {
  struct heap_node node; /* key: the world's time */
  enum sim_event_kind kind;
  enum sim_message message;
  int64_t generation; /* of the serve or the connection it belongs to: stale ones are dropped */
  int64_t run_no, at_ms;
  enum reason reason;
  struct change *change;
  struct sim_entry *entry; /* START: what is to run */
};

/* ---- the warden ---- */
enum sim_life { SIM_ASKED, SIM_LIVING, SIM_ENDED };

/* What serve's engine remembers of a START it has sent, to sort it out when the warden comes back. */
struct sim_asked {
  struct list link;
  struct sim_entry *entry; /* as it was sent */
  bool is_started, is_sent;
  enum reason killed;
  int journal_no; /* in use when it was sent */
};

struct sim_entry { /* one run: a journal record, and the process itself */
  struct list link;
  enum sim_life life;
  int64_t run_no, job_no, version, due_ms, attempt, timeout_ms, max_runtime_ms;
  enum run_trigger trigger;
  bool is_concurrent, is_cut_by_total;
  enum crash_policy on_crash;
  const char *group;  /* of the one there is, or NULL */
  int64_t started_ms; /* wall */
  int64_t exit_at;    /* world time at which it would end by itself; INSTANT_NEVER: hangs */
  bool is_stubborn;
  bool is_talker, is_interrupted; /* it asks the server: one that went away has ended its attempt */
  enum run_status planned;
  int64_t exit_code;
  /* END */
  enum run_status status;
  enum reason reason;
  int64_t ended_ms;
};

struct sim_start { /* the independent witness: what really ran */
  int64_t run_no, job_no, version, due_ms, attempt;
  enum run_trigger trigger;
  bool has_ended;
  bool is_told;      /* the serve that lives knows its END, whatever becomes of the journal */
  bool is_on_record; /* its END is committed: a journal that is lost later takes nothing away */
  enum run_status status;
  int64_t started_ms;
};

/* ---- jobs as brute force knows them ---- */
struct sim_version {
  int64_t version, from_ms, to_ms; /* governs due instants in (from, to] */
  bool is_active;
  char schedule[64];
  const char *timezone;
  int64_t anchor_ms;
  enum schedule_dst dst;
};

struct sim_closed { /* due instants in (from, until] do not start */
  int64_t from_ms, until_ms;
  enum gate_scope scope;
};

struct sim_job {
  int64_t no;
  bool is_deleted;
  struct job *job; /* newest version; one reference */
  struct sim_version versions[64];
  size_t version_count;
  struct sim_closed closed[64];
  size_t closed_count;
};

struct sim_wish { /* a manual run that was acknowledged */
  int64_t run_no, job_no;
};

struct sim {
  uint64_t seed, random;
  const char *failure; /* NULL: all is well */
  char failure_text[600];
  bool is_verbose;
  int64_t *counters; /* of the whole run */
  size_t steps;

  int64_t now;       /* the world's time; never goes back */
  int64_t offset_ms; /* wall clock = now + offset */
  struct heap events;
  int64_t event_no;
  bool is_calm;   /* the end: no more faults, everything settles */
  int64_t end_at; /* world time of that */
  int64_t dst_at_ms;
  bool is_gap;

  struct tzdb *tzdb;
  const char *zone;
  struct sim_job jobs[SIM_JOBS_MAX];
  size_t job_count;
  const char *settings_zone;
  int64_t cap_max;

  struct store_backend *store;
  int64_t store_fails_until, store_slow_until;
  struct change *queue, **queue_end; /* submitted, not applied */
  bool is_store_busy;

  struct sched *core; /* NULL: serve is down */
  int64_t generation, epoch, fence;
  struct settings *settings; /* as the last answer said */
  int64_t crash_after;       /* actions until a crash; 0: none is planned */
  bool dies_after_start;     /* the power fails just after the next start, before anything of it is durable */
  int64_t clock_told_ms;
  bool is_recovering;
  int64_t last_jump_at; /* world time */
  bool is_off;          /* settings.isEnabled is false */
  bool has_passed_dst, has_deleted;
  int64_t twice_from_ms, twice_to_ms; /* due instants whose time was lived twice, since the clock went back */

  int64_t last_answer, last_to_warden, last_to_serve; /* of each channel */
  bool is_warden_up, is_connected;
  int64_t connection;
  int boot_no, journal_no;
  struct list entries; /* struct sim_entry: the journal */
  struct list asked;   /* struct sim_asked: of the serve that runs */

  struct sim_start *starts;
  size_t start_count, start_capacity;
  struct sim_wish *wishes;
  size_t wish_count, wish_capacity;
};

/* sim_world.c */
uint64_t sim_random(struct sim *w);
int64_t sim_pick(struct sim *w, int64_t min, int64_t max);
bool sim_chance(struct sim *w, int percent);
int64_t sim_wall(const struct sim *w);
bool sim_is_lived_twice(const struct sim *w, int64_t due_ms);
struct sim_event *sim_later(struct sim *w, enum sim_event_kind kind, int64_t delay_ms);
/* On a channel that keeps its order: not before what was sent before it (*last). */
struct sim_event *sim_send(struct sim *w, enum sim_event_kind kind, int64_t *last);
void sim_step(struct sim *w, struct sched_event *event);
void sim_serve_start(struct sim *w);
void sim_serve_crash(struct sim *w);
void sim_submit(struct sim *w, struct change *c);
void sim_submit_alive(struct sim *w); /* with the journal that is in use */
bool sim_run(struct sim *w);          /* one seed; false: w->failure */
void sim_free(struct sim *w);
[[gnu::format(printf, 2, 3)]] void sim_fail(struct sim *w, const char *format, ...);
[[gnu::format(printf, 2, 3)]] void sim_say(struct sim *w, const char *format, ...);
struct sim_job *sim_job_find(struct sim *w, int64_t job_no);

/* sim_warden.c */
void sim_warden_message(struct sim *w, const struct sim_event *e);
void sim_warden_exit(struct sim *w, int64_t run_no);
void sim_warden_hang_up(struct sim *w);
void sim_warden_term(struct sim *w, int64_t run_no, enum reason reason);
void sim_warden_die(struct sim *w);
void sim_warden_start(struct sim *w);
void sim_warden_connect(struct sim *w); /* tells everything it knows, then that it is up */
void sim_disconnect(struct sim *w);
void sim_journal_lost(struct sim *w);
struct sim_asked *sim_ask(struct sim *w, const struct sim_entry *entry);
struct sim_asked *sim_asked_find(struct sim *w, int64_t run_no);
void sim_send_start(struct sim *w, struct sim_asked *a);
void sim_send_to_warden(struct sim *w, enum sim_message message, int64_t run_no, enum reason reason);
void sim_asked_forget(struct sim *w, int64_t run_no); /* 0: all */
struct sim_entry *sim_entry_find(struct sim *w, int64_t run_no);
struct sim_entry *sim_entry_of_due(struct sim *w, int64_t job_no, int64_t due_ms);
void sim_tell_end(struct sim *w, const struct sim_entry *e);
void sim_entries_free(struct sim *w);

/* sim_nemesis.c */
void sim_setup(struct sim *w);
void sim_nemesis(struct sim *w);
void sim_people(struct sim *w);
void sim_power_loss(struct sim *w);
void sim_pause_all(struct sim *w);

/* sim_check.c */
void sim_note_applied(struct sim *w, const struct change *c); /* history, as the store committed it */
void sim_check_start(struct sim *w, const struct sim_entry *e);
void sim_check_step(struct sim *w);
void sim_check_end(struct sim *w);
