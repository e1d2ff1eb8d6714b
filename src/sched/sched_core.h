/* The core's own types; nobody outside src/sched includes this.
 *
 * An *item* is one attempt on its way: a claim that waits for its instant, a queued run, a running run. Its
 * state moves along the table in sched_items.c. Whatever limits how many may run at once is a *lane*: a pool, an
 * exclusion group, a concurrency key, the job itself, and the store while it fails (capacity 0). Items that may
 * start, best first, stand in `ready`; one that finds a lane full stands in that lane's own heap, and comes
 * back when the lane gets room. So 100,000 waiting runs cost nothing until something ends.
 *
 * Running out of memory: an event is taken in whole or refused; what follows from it (timers, admission,
 * claims) stops at any allocation that fails, with nothing half done, and goes on RETRY_MEMORY_MS later. */
#pragma once
#include "base/heap.h"
#include "base/id.h"
#include "base/instant.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/map.h"
#include "sched/sched.h"

#define RETRY_MEMORY_MS 50
#define RETRY_STORE_MIN_MS 100
#define RETRY_STORE_MAX_MS 2000
#define CLAIM_PAUSE_MAX_MS 3600000    /* claim at least this often, whatever was said to be due next */
#define LONG_JUMP_MS (24 * 3600000LL) /* beyond it nothing is caught up … */
#define LONG_JUMP_PAUSE_MS 600000     /* … for ten minutes (DESIGN 5) */
#define LOST_ATTEMPTS_MAX 10 /* onCrash retry ends here even without `retries`: it may be what crashes us */

/* enum item_state, its texts and allowed edges are in sched_items.c. */
enum item_state {
  ITEM_NEW,
  ITEM_ARMED,    /* a durable claim; timer = notBefore */
  ITEM_FRESH,    /* due or requested in this very step; no row yet */
  ITEM_QUEUEING, /* its queued row is being written */
  ITEM_DELAYED,  /* queued row; timer = notBefore (retries) */
  ITEM_WAITING,  /* queued row; in ready or in a lane; timer = queue timeout */
  ITEM_LEAVING,  /* its row is being written as running; START comes after it */
  ITEM_STARTING, /* START was sent */
  ITEM_RUNNING,
  ITEM_ENDING,   /* its END is being written */
  ITEM_SETTLING, /* it ends without a start, and that is being written */
  ITEM_DONE,
  ITEM_STATE_COUNT
};

enum lane_kind { LANE_JOB, LANE_POOL, LANE_GROUP, LANE_KEY, LANE_STORE };

struct lane {
  struct lane *next; /* of the same hash */
  enum lane_kind kind;
  uint64_t hash;
  int64_t capacity;
  int64_t used;
  struct heap waiting;
  size_t refs;
  char name[]; /* empty for JOB and STORE, which are parts of other structs */
};

/* One version of a job with what applies to it under the settings in force. */
struct definition {
  struct list link; /* of job_state.definitions */
  struct job *job;  /* one reference */
  struct policy policy;
  int64_t generation; /* of the settings it was resolved with */
  size_t refs;        /* items */
};

struct job_state {
  struct list link; /* of sched.jobs */
  int64_t no;
  struct list definitions, items;
  size_t line;           /* items FRESH, QUEUEING or WAITING */
  size_t holds;          /* edits on their way: nothing of this job starts */
  int64_t last_taken_ms; /* greatest dueAt that has left ARMED: an edit governs only what comes after it */
  int64_t failures;      /* failed chains in a row, as last told by the store */
  bool is_disabled, is_deleted; /* no retries any more */
  bool must_settle;             /* and what is queued is settled in the next sched_pump() */
  bool is_disabling;            /* our own JOB_SAVE of disableAfter is on its way */
  struct lane *lane;
};

#define ITEM_LANES_MAX 3 /* pool, group, key */

struct item {
  struct heap_node timer, place;
  struct heap *place_in; /* ready or a lane's waiting; NULL */
  struct list link;      /* of job_state.items */
  struct list fresh;     /* of sched.fresh or sched.garbage */
  struct job_state *js;
  struct definition *def;
  struct lane *lanes[ITEM_LANES_MAX]; /* one reference each */
  enum item_state state;
  bool is_catch_up, has_row, has_slots, has_token;
  bool is_unsent;       /* STARTING: its row is there, its START waits for the warden */
  bool is_kill_unsure;  /* the warden was down when the kill was asked for */
  enum reason unwanted; /* while a change is on its way: end it so when the answer is there */
  enum reason killed;   /* a kill was asked for */
  int64_t token;
  int64_t wait_from_ms;
  int64_t interruptions; /* attempts before this one that do not count, as far as this server knows */
  struct item *retry;    /* ENDING: the next attempt, ready to be queued */
  struct run run;
  char id[ID_TEXT_LEN + 1];
  char *params, *requested_by; /* owned */
};

struct edit { /* an edit on its way to the store */
  struct list link;
  struct change *change;
  struct job_state *js; /* held; NULL with is_broad, and for a job that is created */
  bool is_broad, is_own;
};

struct sched {
  struct sched_config config;
  struct settings *settings;
  int64_t generation; /* of the settings */
  int64_t now_ms;
  struct id_maker ids;
  uint64_t random;
  int64_t alive_ms; /* of the newest decision that is durable: at least this the store tells the next boot */
  bool is_ready, is_stopping, is_store_down, is_warden_up;
  bool is_starved;                        /* an allocation failed in this step */
  bool has_future_taken;                  /* a job_state is kept for its last_taken_ms */
  bool must_resume, must_settle_disabled; /* passes over all items that sched_pump() has to make */

  struct map items;  /* by run number */
  struct map states; /* job_state by job number */
  struct map lanes;  /* by hash */
  struct list jobs;
  struct list edits;
  struct list fresh;   /* items FRESH in this step */
  struct list garbage; /* items that are done; freed at the next step, since actions point into them */
  struct change *garbage_changes;
  struct heap timers, ready;
  struct lane *store_lane;
  size_t count[ITEM_STATE_COUNT];
  size_t taken; /* slots in use */
  size_t holds; /* broad edits on their way */
  size_t queued_by_priority[11];

  struct change *kept, **kept_end; /* to be sent again */
  int64_t retry_ms, retry_delay_ms;
  int64_t claim_ms; /* when to claim next */
  bool is_claiming;
  bool must_claim_again; /* an edit or the clock has changed what the claim on its way was about */
  enum reason late_reason;
  int64_t no_catch_up_until_ms;

  struct sched_action *actions;
  size_t action_count, action_capacity;
};

/* ---- sched_items.c ---- */
/* A new item of this job version in the map, state NEW; run_no 0: it gets the next number. NULL: no memory. */
struct item *sched_item_new(struct sched *s, struct job *job, int64_t run_no);
void sched_ids_know(struct sched *s, int64_t run_no); /* numbers given from now on are greater */
void sched_item_set_state(struct sched *s, struct item *i, enum item_state state);
/* Out of every queue, slots given back, state DONE; its memory lives until the next step. */
void sched_item_drop(struct sched *s, struct item *i);
struct item *sched_item_find(const struct sched *s, int64_t run_no);
bool sched_item_set_texts(struct item *i, const char *params, const char *requested_by);
void sched_garbage_free(struct sched *s);
struct job_state *sched_job_state_get(struct sched *s,
                                      int64_t job_no);               /* made when missing; NULL: no memory */
void sched_job_state_release(struct sched *s, struct job_state *js); /* freed when nothing refers to it */
/* Policy under the settings in force. */
const struct policy *sched_item_policy(struct sched *s, struct item *i);
void sched_item_set_timer(struct sched *s, struct item *i, int64_t at_ms); /* INSTANT_NEVER: none */

/* ---- sched_lanes.c ---- */
struct lane *sched_lane_new(enum lane_kind kind, const char *name, int64_t capacity);
void sched_lane_free(struct lane *l);
bool sched_item_bind(struct sched *s, struct item *i); /* finds its lanes; false: no memory */
void sched_item_unbind(struct sched *s, struct item *i);
void sched_item_make_ready(struct sched *s, struct item *i); /* into ready; cannot fail */
void sched_item_unplace(struct sched *s, struct item *i);    /* out of ready or a lane */
bool sched_item_park(struct sched *s, struct item *i, struct lane *lane);
struct lane *sched_item_blocking_lane(const struct sched *s, const struct item *i);
void sched_item_take_slots(struct sched *s, struct item *i);
void sched_item_give_slots(struct sched *s, struct item *i);
void sched_lane_wake_all(struct sched *s, struct lane *l);
void sched_lanes_resize(struct sched *s); /* after a change of settings */

/* ---- sched_admit.c ---- */
/* False when this instant is armed already; the item is still NEW then. */
bool sched_arm(struct sched *s, struct item *i, const struct claim *claim);
bool sched_is_busy(const struct job_state *js); /* a run of it runs or waits for a slot */
void sched_pump(struct sched *s);
enum err sched_request_run(struct sched *s, const struct sched_request *request);
void sched_kill_item(struct sched *s, struct item *i, enum reason reason);
void sched_send_start(struct sched *s, struct item *i);
bool sched_queue_again(struct sched *s,
                       struct item *i); /* an item with a queued row into DELAYED or WAITING */

/* ---- sched_finish.c ---- */
/* An attempt has ended: its END goes on its way. ERR_NO_MEMORY: nothing has changed. */
enum err sched_finish(struct sched *s, struct item *i, const struct sched_end *end);
/* It ends without (ever, or again) being started: SETTLE, or END of a chain for retries. False: no memory. */
bool sched_settle(struct sched *s, struct item *i, enum occurrence_state state, enum reason reason);
void sched_run_answered(struct sched *s, struct item *i, struct change *c);
bool sched_record_start(struct sched *s, struct item *i); /* CHANGE_START with the row as it is */

/* ---- sched_edit.c ---- */
void sched_edit_asked(struct sched *s, struct change *c);
enum err sched_edit_answered(struct sched *s, struct change *c);
void sched_disable_job(struct sched *s, struct item *i, int64_t failures);
enum err sched_claims_answered(struct sched *s, struct change *c);
void sched_claim_next(struct sched *s);
void sched_clock_set(struct sched *s, int64_t was_ms, int64_t is_ms);

/* ---- sched_recover.c ---- */
enum err sched_recover(struct sched *s, const struct sched_recover *r);

/* ---- sched.c ---- */
/* Room for n more actions; false sets is_starved. */
bool sched_actions_reserve(struct sched *s, size_t n);
struct sched_action *sched_action_add(struct sched *s, enum sched_action_kind kind); /* room was reserved */
struct change *sched_change_begin(struct sched *s, enum change_kind kind); /* NULL sets is_starved */
void sched_change_send(struct sched *s, struct change *c);
void sched_change_keep(struct sched *s, struct change *c); /* to be sent again when the store works */
void sched_change_drop(struct sched *s, struct change *c); /* freed at the next step */
void sched_store_failed(struct sched *s);
void sched_store_worked(struct sched *s);
void sched_answer(struct sched *s, int64_t token, enum err error, int64_t run_no);
void sched_note_run(struct sched *s, struct item *i, const struct run *run);
bool sched_starve(struct sched *s); /* sets is_starved, returns false */
static inline bool is_store_failure(enum err e) {
  return err_is_retryable(e) || e == ERR_STORE_CORRUPT || e == ERR_INTERNAL || e == ERR_STORE_STALE;
}
