/* Worlds: what serve, the jobs (through their channel), the command line's server side and `sereno sim world` ask
 * for. Everything is a *call*: a name, JSON arguments, a JSON answer, sometimes a payload; all of them in calls.def,
 * each one short, idempotent, at most 1,000 worlds and one transaction a step. So a job's code is the same wherever it
 * runs, and the simulation drives the real one.
 *
 * Calls run beside the loop, on a lane: one thread with its own connections to the database and the live state. They
 * are synchronous code that reads from top to bottom; nothing here knows of threads but the shared settings. */
#pragma once
#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "live/live.h"
#include "model/world_row.h"
#include "store/sqldb.h"

#define WORLD_SETTINGS_AGE_MS 10000

struct worlds_config { /* texts borrowed, outlive the worlds */
  struct sqldb_config db;
  struct live_config live;
  const char *folder;                                 /* of exports/ and archive.db */
  const char *public_url;                             /* of keep links; NULL: relative */
  const unsigned char *link_key;                      /* 32 bytes: signs keep links */
  const char *llm_base_url, *llm_api_key, *llm_model; /* NULL: none */
  const char *timezone;                               /* settings.timezone: days of budgets */
  /* Log lines and notes for the live stream: component "WorldPauseService", message "World auto-paused", fields
   * borrowed. Called on the lane's thread. */
  void (*notice)(void *arg, enum log_level level, const char *component, const char *message,
                 const json_t *fields);
  void *notice_arg;
};

struct worlds;
struct lane {
  struct worlds *worlds;
  struct sqldb *db;
  struct live *live;
  struct archive *archive;   /* opened when it is first needed: memory_store.h */
  struct arena arena;        /* of the call at hand: emptied after it */
  struct err_detail *detail; /* the reply's: who fails on this lane says why there; NULL: nobody asks */
  char to_wake[LIVE_ID_BYTES_MAX +
               1]; /* whose big state is still to be loaded: worlds_wake_behind; "": nobody's */
};

/* Creates or adopts the tables (schema.h). */
enum err worlds_new(const struct worlds_config *config, struct worlds **ret, struct err_detail *detail);
void worlds_free(struct worlds *w);
const struct worlds_config *worlds_config(const struct worlds *w);
/* A copy of the settings in force; texts are none. Read again from the database when WORLD_SETTINGS_AGE_MS old. */
struct world_settings worlds_settings(struct lane *l, int64_t now_ms);
void worlds_settings_changed(struct worlds *w); /* the next who asks reads them anew */
enum err lane_open(struct worlds *w, struct lane *ret, struct err_detail *detail);
void lane_close(struct lane *l);

/* Who asks. What may be done to a world is decided in worlds/rights.h and nowhere else. */
struct world_actor {
  /* OVERRIDE: an admin who says so (?override=1): the owner's deeds as well; whoever lets it in audits it. */
  enum world_actor_kind { ACTOR_SYSTEM, ACTOR_ADMIN, ACTOR_USER, ACTOR_OVERRIDE } kind;
  struct str user_id; /* USER: whose rights count; ADMIN: who it is, or STR_NONE (owners need no override) */
  struct str name;    /* for the lifeline: "user:ana", "system", "job:auto-pause" */
};

struct world_request {
  const struct world_call *call;
  int64_t now_ms;
  struct world_actor actor;
  struct str world_id; /* of the path; STR_NONE */
  const json_t *args;  /* an object; borrowed */
  struct str payload;  /* of archive_put and import */
};
struct world_reply {
  json_t *body; /* owned by whoever gets the reply */
  struct buf payload;
  int status;     /* HTTP status of a good answer; 0: 200 */
  enum err error; /* ERR_WORLD_BUSY: worth another try in some milliseconds */
  struct err_detail detail;
};
void world_reply_free(struct world_reply *r);

enum world_call_flag {
  CALL_API = 1,       /* may be asked for by requests */
  CALL_JOB = 2,       /* and by jobs over their channel */
  CALL_ONE_WORLD = 4, /* about world_id: calls about one world never run side by side in one server */
  CALL_BACK = 8,      /* a job's batch: waits behind requests */
  CALL_READ = 16      /* changes nothing */
};
typedef enum err world_call_fn(struct lane *l, const struct world_request *q, struct world_reply *r);
struct world_call {
  const char *name; /* "world.message" */
  world_call_fn *fn;
  unsigned flags;
  const char *help;
};
const struct world_call *world_call_find(struct str name); /* NULL: none */
/* Carries it out and fills the reply; the error is in the reply as well. */
enum err worlds_call(struct lane *l, const struct world_request *q, struct world_reply *r);
/* After the answer was given: what the call left to be loaded into the live state (l->to_wake). Nobody has to call it, the
 * next who needs that state loads it; but then that one waits. */
void worlds_wake_behind(struct lane *l, int64_t now_ms);
