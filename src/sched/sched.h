/* The scheduler's core: a pure function step(state, event, now) → actions. No clock, no I/O, no
 * environment, no logging, no thread. The app performs the actions and brings back what happened;
 * the simulator does the same with a virtual world.
 *
 * It holds only what is live: claims armed for the coming seconds, queued runs, running runs, and the
 * jobs these belong to. State changes only on answers (of the store, of the warden), never on sending. */
#pragma once
#include "model/change.h"
#include "model/policy.h"

struct sched;

struct sched_config {
  int64_t epoch;
  int64_t last_run_no;  /* ids grow from here */
  uint64_t random_seed; /* jitter only */
  int64_t horizon_ms;   /* claim ahead; 0 = LIMIT_CLAIM_HORIZON_MS */
};

enum sched_event_kind {
  SCHED_SETTINGS, /* settings: at start; later they come as the answer to their change */
  SCHED_SEEN,    /* run_no: a journal knows it, so it is never given again; all of them come before RECOVER */
  SCHED_RECOVER, /* recover: one unfinished thing of the predecessor, joined with the warden's word */
  SCHED_READY,   /* recovery is complete, or what is due has changed behind the core: claim at once */
  SCHED_TIMER,   /* the instant asked for by sched_wake_ms has come (early or late is fine) */
  SCHED_ANSWERED, /* change: the store's answer; the core takes the change back and frees it */
  SCHED_STARTED,  /* run_no, at_ms: the warden started it */
  SCHED_REFUSED,  /* run_no, reason, text: nothing was started */
  SCHED_ENDED,    /* end */
  SCHED_RUN,      /* request: a person or program wants a run now */
  SCHED_CANCEL, /* run_no, text = by whom: queued → cancelled, running → killed; token as in RUN, 0 = no answer.
                      Answered when accepted; ERR_NOT_FOUND when it is neither queued nor running */
  SCHED_EDIT,      /* change: JOB_SAVE, JOB_DELETE, GATE or SETTINGS to be fitted in and sent on */
  SCHED_CLOCK_SET, /* clock: somebody set the clock */
  SCHED_WARDEN, /* is_up. Taken as up until told otherwise. While it is down nothing new starts. The app keeps
                      the STARTs that were sent: before this event it has repeated those that no journal knows, and
                      told the END (lost) of what ran and is in no journal any more */
  SCHED_STOP    /* claim and start nothing more; running runs go on in the warden */
};

struct sched_end { /* how an attempt ended; texts borrowed during the step */
  int64_t run_no;
  enum run_status status; /* SUCCESS, FAILED, TIMEOUT, SKIPPED, CANCELLED, LOST */
  enum reason reason;
  bool may_retry; /* false for exit codes that forbid it; 75 always allows one */
  bool
      is_interrupted; /* the server it talked to went away: repeated at once, without being counted (DESIGN 7) */
  struct run facts; /* finished_ms, exit_code, output, error_message, bill … merged into the row */
};

enum sched_found {                      /* what the wardens' journals say of an unfinished thing */
                   SCHED_FOUND_NOTHING, /* no START in any journal */
                   SCHED_FOUND_LIVING,  /* START without END, its warden lives */
                   SCHED_FOUND_GONE,    /* START without END, its warden is gone and the tree surely ended */
                   SCHED_FOUND_ENDED    /* END is in the journal: an ENDED event follows */
};

struct sched_recover {
  struct job *job; /* borrowed; the core takes its own reference */
  int64_t due_ms, not_before_ms;
  bool has_claim, has_run;
  const struct run *run; /* queued or running row, or the journal's START rebuilt as a row */
  enum sched_found found;
  bool is_same_boot;
  int64_t last_alive_ms;
};

struct sched_request {
  int64_t token;            /* comes back in the ANSWER action */
  struct job *job;          /* borrowed */
  enum run_trigger trigger; /* MANUAL, API or TEST */
  const char *params;       /* JSON that replaces job.params, or NULL */
  const char *requested_by;
  bool refuse_when_running; /* ERR_CONFLICT instead of the overlap policy */
};

struct sched_event {
  enum sched_event_kind kind;
  int64_t run_no;
  int64_t at_ms;
  int64_t token; /* CANCEL */
  enum reason reason;
  const char *text;
  bool is_up;
  struct change *change;
  struct settings *settings; /* borrowed */
  const struct sched_end *end;
  const struct sched_recover *recover;
  const struct sched_request *request;
  struct {
    int64_t was_ms, is_ms;
  } clock;
};

enum sched_action_kind {
  SCHED_DO_CHANGE, /* change: to the store; bring it back with ANSWERED */
  SCHED_DO_START,  /* start: to the warden */
  SCHED_DO_KILL,   /* run_no, reason: to the warden */
  SCHED_DO_ACK,    /* run_no: its END is durable; the warden may forget it */
  SCHED_DO_ANSWER, /* token, error, detail, run_no, change (edits; the app owns it now): to the requester */
  SCHED_DO_NOTE    /* note: something happened that streams, metrics, logs and alerts want to know */
};

struct sched_start { /* borrowed until the next step */
  const struct run *run;
  struct job *job;
  struct policy policy;
  int64_t timeout_ms; /* of this attempt, cut by totalTimeout */
  int64_t max_runtime_ms;
  bool is_cut_by_total; /* its timeout is what is left of totalTimeout */
};

enum sched_note_kind {
  SCHED_NOTE_RUN,        /* a run's row changed and is durable: run */
  SCHED_NOTE_OCCURRENCE, /* an occurrence was settled without a run: job, due, state, reason */
  SCHED_NOTE_GAP,        /* a stretch was: gap */
  SCHED_NOTE_FAILURES,   /* a chain failed: job, failures (alert at 3, A-72) */
  SCHED_NOTE_RECOVERED,  /* a chain succeeded after failures: job, failures before */
  SCHED_NOTE_DISABLED,   /* disableAfter was reached: job, failures */
  SCHED_NOTE_CLOCK,      /* the clock jumped by at_ms */
  SCHED_NOTE_STORE_DOWN, /* the store fails: nothing unclaimed starts */
  SCHED_NOTE_STORE_UP
};

struct sched_note { /* borrowed until the next step */
  enum sched_note_kind kind;
  struct job *job;
  const struct run *run;
  const struct gap *gap;
  int64_t due_ms, failures, at_ms;
  enum occurrence_state state;
  enum reason reason;
};

struct sched_action {
  enum sched_action_kind kind;
  int64_t run_no, token;
  enum reason reason;
  enum err error;
  struct err_detail detail;
  struct change *change;
  struct sched_start start;
  struct sched_note note;
};

struct sched_actions { /* valid until the next step */
  const struct sched_action *items;
  size_t count;
};

enum err sched_new(const struct sched_config *config, struct sched **ret);
void sched_free(struct sched *s);
/* Out of memory inside a step never loses a run: the step is refused whole (ERR_NO_MEMORY, no
 * actions, state unchanged) and may be repeated. */
enum err sched_step(struct sched *s, const struct sched_event *event, int64_t now_ms,
                    struct sched_actions *ret_actions);
/* When the core wants a TIMER event; INSTANT_NEVER = not before something else happens. */
int64_t sched_wake_ms(const struct sched *s);

/* ---- looking in ---- */
struct sched_status {
  size_t armed, queued, running, slots_total;
  size_t queued_by_priority[11];
  int64_t oldest_queued_ms; /* INSTANT_NONE */
  bool is_ready, is_store_down, is_stopping, is_warden_up;
};
struct sched_status sched_status(const struct sched *s);
/* Calls fn for every queued (in order of admission) and running run; stops when fn returns false. */
void sched_each_run(const struct sched *s,
                    bool (*fn)(void *arg, const struct run *run, const struct job *job,
                               size_t queue_place /* 0 = running */),
                    void *arg);

/* ---- pure rules, shared with the store and with tests ---- */
/* The verdict of the recovery table (DESIGN 6). */
enum sched_recovery {
  SCHED_START_OR_MISFIRE,
  SCHED_REQUEUE,
  SCHED_START_NOW,
  SCHED_ADOPT,
  SCHED_LOST,
  SCHED_AWAIT_END
};
enum sched_recovery sched_judge_recovery(const struct sched_recover *r, int64_t horizon_ms);
