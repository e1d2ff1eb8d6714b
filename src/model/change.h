/* A change of what is remembered: one object that travels core → store → core. The core (or a request)
 * fills in the question, the store carries it out in one transaction and writes the answer into the
 * same object. Kinds are a closed set; every kind is idempotent: applied twice it is applied once.
 *
 * Ownership: whoever holds the pointer owns it; change_free frees the arena and every reference. All
 * texts in it live in its arena. No statement calls now(): every instant comes from here. */
#pragma once
#include "base/arena.h"
#include "model/identity.h"
#include "model/job.h"
#include "model/run.h"
#include "model/settings.h"

enum change_kind {
  CHANGE_CLAIM,    /* claim what falls due until an instant; settle what is late (misfire policy) */
  CHANGE_QUEUE,    /* insert a queued run */
  CHANGE_START,    /* a run is (or is about to be) running; its occurrence pending → ran */
  CHANGE_END,      /* a run has ended; the retry that follows is inserted with it */
  CHANGE_SETTLE,   /* an occurrence or a queued run ends without ever starting */
  CHANGE_JOB_SAVE, /* create or edit a job (also enable and disable: isActive) */
  CHANGE_JOB_DELETE,
  CHANGE_GATE, /* pause, resume, off, on */
  CHANGE_SETTINGS,
  CHANGE_CLOCK,  /* the clock was set: note it; stepping back withdraws what the jump settled */
  CHANGE_ALIVE,  /* aliveAt = at_ms */
  CHANGE_STOP,   /* the server stops in good order at at_ms */
  CHANGE_RETAIN, /* one slice of retention and roll-ups */
  CHANGE_AUDIT,  /* nothing but its audit note */
  CHANGE_USER,
  CHANGE_USER_DELETE,
  CHANGE_TOKEN,
  CHANGE_TOKEN_DELETE,
  CHANGE_SESSION,
  CHANGE_SESSION_DELETE,
  CHANGE_ALERT, /* remember an alert, or that somebody has taken notice */
  CHANGE_ALERT_DELETE,
  CHANGE_KIND_COUNT
};

/* What is remembered of an alert while it lasts. */
struct alert_memory {
  const char *id;     /* "consecutive_failures.JOB" */
  int64_t first_ms;   /* when it was first seen */
  int64_t ack_ms;     /* FIELD_NULL: nobody has taken notice */
  const char *ack_by; /* "user:eva", NULL with it */
};

/* A due instant given to this node. */
struct claim {
  struct job *job; /* the governing version; one reference */
  int64_t due_ms;
  int64_t not_before_ms; /* due + splay */
  bool is_catch_up;      /* late, and chosen by the misfire policy: queued at once */
};

/* A stretch of instants of one job that were settled without a row each (CronMissed). */
struct gap {
  int64_t job_no;
  int64_t first_ms, last_ms, count;
  enum occurrence_state state; /* SKIPPED or MISSED */
  enum reason reason;
};

enum gate_scope {
  GATE_SCOPE_JOB,
  GATE_SCOPE_CATEGORY,
  GATE_SCOPE_ALL,
  GATE_SCOPE_WORLD_JOBS,
  GATE_SCOPE_PROCESS
};

/* For edits that concern several jobs: jobs whose edit takes effect later than at_ms, because an
 * instant beyond it has already been started. */
struct edit_from {
  int64_t job_no;
  int64_t from_ms;
};

/* Who did it; written to the hash-chained audit log in the same transaction. actor NULL = no row. */
struct audit_note {
  const char *actor;          /* "user:ana", "token:ci", "system", "sql" */
  const char *action;         /* "job.update" */
  const char *object;         /* "job:NAME" */
  const char *before, *after; /* JSON with secrets masked, or NULL */
  const char *address, *request_id;
};

struct change_outside { /* a job that SQL from outside has changed or deleted */
  int64_t job_no;
  bool is_active, is_deleted;
};

struct change_claims { /* answer: what this change claimed */
  struct claim *claims;
  size_t count;
};

struct change {
  struct change *next; /* of whoever queues it */
  enum change_kind kind;
  int64_t epoch; /* of the sender; older than the store's: ERR_STORE_STALE */
  int64_t at_ms; /* the instant of the decision */
  /* USER, TOKEN, SESSION: write only when it was last in use (lastLoginAt, lastUsedAt, seenAt), and nothing when the
   * row is gone. Such notes are written behind: a whole row would undo an edit or a deletion that overtook them. */
  bool is_touch;
  struct arena arena;
  struct audit_note audit;
  /* answer */
  enum err error;
  struct err_detail detail;
  struct change_claims claimed; /* CLAIM, JOB_SAVE, GATE, SETTINGS */
  struct gap *gaps;             /* CLAIM: what was settled in stretches */
  size_t gap_count;
  /* for the sender; the store does not look at them */
  void (*done)(struct change *c);
  void *owner;
  int64_t token;
  union {
    struct {
      int64_t until_ms;        /* claim due instants with notBefore <= until */
      size_t max;              /* at most this many claims; the rest stays */
      enum reason late_reason; /* why late ones are late: SERVER_DOWN, CLOCK_JUMP, WINDOW */
      bool no_catch_up;        /* the clock jumped by more than a day and nobody has confirmed it */
      int64_t next_due_ms;     /* answer: earliest notBefore not claimed, INSTANT_NEVER */
      bool has_more;           /* answer: max was reached; ask again at once */
      /* answer, when SQL from outside was taken over: the settings if they changed (one reference), and the jobs.
       * What is claimed already stays claimed; what waits for a job that may not run any more is the core's to settle. */
      struct settings *settings;
      const struct change_outside *outside;
      size_t outside_count;
    } claim;
    struct {                       /* QUEUE, START, END, SETTLE */
      struct run run;              /* the whole row: inserted or updated by its number */
      bool has_run;                /* SETTLE: false = the ledger alone */
      int64_t job_no, due_ms;      /* the occurrence; due INSTANT_NONE = none */
      enum occurrence_state state; /* SETTLE: SKIPPED or MISSED; END: stays RAN */
      enum reason reason;
      bool has_retry; /* END: the next attempt, inserted queued in the same transaction */
      struct run retry;
      int chain; /* END: +1 the chain ended well (failures = 0), -1 it failed (failures + 1), 0 neither */
      int64_t failures;        /* answer of END: failed chains in a row, now */
      int64_t failures_before; /* answer of END: and before this one */
    } run;
    struct {
      struct job *job;   /* question: the new definition (no 0: create); DELETE: NULL, or what goes, for its
                              * event; one reference */
      struct job *saved; /* answer: with its number, version and instants; one reference */
      int64_t job_no;    /* JOB_DELETE */
      int64_t if_updated_ms; /* FIELD_NULL, or updatedAt must be this: ERR_PRECONDITION */
      int64_t from_ms;       /* the new version governs due instants > from */
      int64_t until_ms;      /* claim anew up to here */
      bool keeps_anchor;     /* the schedule text did not change */
    } job;
    struct {
      enum gate_scope scope;
      const char *key;       /* job number as text, category name; NULL for the others */
      int64_t job_no;        /* scope JOB */
      struct job *job;       /* the same, for the event that tells of it; NULL or one reference */
      enum gate gate;        /* OPEN opens what was closed by the same scope and key */
      int64_t gate_until_ms; /* a pause that ends by itself; INSTANT_NEVER */
      const struct edit_from *from;
      size_t from_count;
      int64_t until_ms;
    } gate;
    struct {
      struct settings *settings; /* question; one reference */
      struct settings *saved;    /* answer; one reference */
      int64_t if_updated_ms;
      const struct edit_from *from;
      size_t from_count;
      int64_t until_ms;
    } settings;
    struct {
      int64_t was_ms, is_ms; /* the clock before and after */
    } clock;
    struct {
      const char *journal_id; /* of the warden's journal, to be kept for the next boot; NULL: unchanged */
    } alive;
    struct {
      size_t max_rows;
      bool has_more;  /* answer */
      size_t deleted; /* answer: executions deleted and ledger rows folded */
    } retain;
    struct user user;          /* USER, USER_DELETE (by id) */
    struct token token_row;    /* TOKEN, TOKEN_DELETE (by id) */
    struct session session;    /* SESSION, SESSION_DELETE (by id_hash) */
    struct alert_memory alert; /* ALERT, ALERT_DELETE (by id) */
  };
};

/* A zeroed change of this kind; its arena holds at most 1 MiB (claims: 16 MiB). NULL: out of memory. */
struct change *change_new(enum change_kind kind, int64_t at_ms);
void change_free(struct change *c); /* NULL-safe; drops the references of question and answer */
/* Copies a run with all its texts into the arena. */
enum err change_set_run(struct change *c, struct run *to, const struct run *from);
/* Which jobs an edit of many concerns: those whose armed claims beyond `from` it withdraws and whose instants it
 * plans anew. The store and the core ask the same question, so that they forget the same claims.
 * c is a GATE; `before` are the settings in force until now. */
bool change_gate_concerns(const struct change *c, const struct job *job);
bool settings_change_concerns(const struct settings *before, const struct settings *after,
                              const struct job *job);
/* The six of stop-all, by name. */
bool job_is_world_job(const struct job *job);
