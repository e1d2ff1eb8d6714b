/* What the API needs of the running server: declared here, provided by app/ (so that api/ never sees
 * the parts it must not touch). All calls are made and answered on the loop's thread; nothing blocks. */
#pragma once
#include <jansson.h>

#include "api/mask.h"
#include "live/live.h"
#include "model/change.h"
#include "sched/sched.h"
#include "store/store.h"
#include "sys/work.h"
#include "sys/world.h"
#include "time/tz.h"

struct engine;

struct engine_answer { /* borrowed during the call */
  enum err error;
  struct err_detail detail;
  int64_t run_no;
  const struct change *change; /* of edits and writes: with its answer */
};
typedef void engine_fn(void *arg, const struct engine_answer *answer);

/* Asks for a run now. Answered when the run is durably on record (running or queued), or refused. */
void engine_run(struct engine *e, const struct sched_request *request, engine_fn *fn, void *arg);
/* Cancels a queued run or kills a running one; answered when accepted (running: the kill was sent). */
void engine_cancel(struct engine *e, int64_t run_no, const char *by, engine_fn *fn, void *arg);
/* Edits that the core must fit in: JOB_SAVE, JOB_DELETE, GATE, SETTINGS. Takes the change over. The
 * caller has validated it (engine_check_job). */
void engine_edit(struct engine *e, struct change *change, engine_fn *fn, void *arg);
/* Changes the core has no interest in: AUDIT, USER…, TOKEN…, SESSION…. Takes the change over. */
void engine_write(struct engine *e, struct change *change, engine_fn *fn, void *arg);
/* Takes the read over; fn gets it with its answer, and it is freed afterwards. */
typedef void engine_read_fn(void *arg, struct store_read *read);
void engine_read(struct engine *e, struct store_read *read, engine_read_fn *fn, void *arg);
/* Called once, later, when the run is final (if it is already, after a read). Cancel by the handle. NULL: too
 * many wait. */
struct engine_wait;
struct engine_wait *engine_wait_run(struct engine *e, int64_t run_no,
                                    void (*fn)(void *arg, const struct run *run), void *arg);
void engine_wait_cancel(struct engine_wait *w);

/* ---- worlds ---- */
struct world_call;
struct world_reply;
/* A call of worlds/worlds.h on behalf of a request: carried out beside the loop, answered on it. Everything is copied
 * (args: one reference is taken). fn gets the reply, borrowed; it is always called, also when too many wait
 * (ERR_BUSY) or the server stops. */
struct engine_world_ask {
  const struct world_call *call;
  struct str world_id;       /* STR_NONE */
  int actor_kind;            /* enum world_actor_kind */
  struct str user_id, actor; /* see struct world_actor */
  json_t *args;              /* an object, or NULL */
  struct str payload;
};
typedef void engine_world_fn(void *arg, const struct world_reply *reply);
void engine_world_call(struct engine *e, const struct engine_world_ask *ask, engine_world_fn *fn, void *arg);
struct engine_worlds { /* for status, health, metrics */
  bool is_there;       /* false: could not be opened; why says it, and it is tried again */
  char why[256];
  char database[16];                     /* "sqlite", "postgres" */
  char live_mode[16];                    /* of live_mode_names */
  int64_t waiting, calls, busy, retries; /* tasks; calls carried out; answered busy; tried again */
  bool has_live;                         /* live: as it was at most some seconds ago */
  struct live_status live;
};
struct engine_worlds engine_worlds(const struct engine *e);

/* ---- looking in ---- */
struct sched_status engine_status(const struct engine *e);
void engine_each_run(const struct engine *e,
                     bool (*fn)(void *arg, const struct run *run, const struct job *job, size_t queue_place),
                     void *arg);
struct settings *engine_settings(const struct engine *e); /* borrowed */
bool engine_is_process_off(const struct engine *e);       /* ENABLE_CRON_JOBS=false */
int64_t engine_now_ms(const struct engine *e);
bool engine_is_test_clock(const struct engine *e);
struct loop *engine_loop(struct engine *e);
struct work *engine_work(struct engine *e);
struct world *engine_world(struct engine *e);
struct tzdb *engine_tzdb(struct engine *e); /* the loop thread's */
const char *engine_folder(const struct engine *e);

/* Everything about one job that more than one module knows: fields, schedule, time zone, executor and
 * its parameters. The detail names the field ("schedule", "params.url") and the column. */
enum err engine_check_job(struct engine *e, const struct job *job, struct err_detail *detail);
/* Executors a job may name, with their parameter tables: built in, programs, HTTP. One JSON array; texts in this
 * language ("es", "en"). */
void engine_executors_json(struct engine *e, const char *language, struct json_writer *w);
/* What is secret in the parameters of this executor, in the arena. NULL, or one that is not there any more: everything;
 * "": what any of those known says.
 * is_surely false: the row is older than the job's definition and may have been meant for another executor. */
struct mask_rules engine_mask_rules(struct engine *e, const char *command, bool is_surely,
                                    struct arena *arena);
/* Where a run's whole output lies (it may be gone by retention): path in ret, false when none. */
bool engine_spool_path(struct engine *e, int64_t run_no, char *ret, size_t size);

struct engine_load {
  double cpu_pct, memory_pct; /* of the machine, last sample */
  int64_t rss_bytes;          /* of this process */
};
struct engine_load engine_load(const struct engine *e);

struct engine_health { /* for /livez /readyz /healthz */
  bool is_ready, is_store_ok, is_warden_ok, is_clock_ok;
  int64_t last_turn_ms; /* when the scheduler last ran */
  char why[256];        /* first thing that is wrong, "" = nothing */
};
struct engine_health engine_health(const struct engine *e);

/* ---- live ---- */
enum engine_topic {
  ENGINE_TOPIC_RUNS,
  ENGINE_TOPIC_JOBS,
  ENGINE_TOPIC_LOGS,
  ENGINE_TOPIC_OUTPUT,
  ENGINE_TOPIC_STATUS,
  ENGINE_TOPIC_WORLDS,
  ENGINE_TOPIC_COUNT
};
/* Each event is serialised once; id is "<epoch>-<seq>". fn gets every event of every topic. */
typedef void engine_event_fn(void *arg, enum engine_topic topic, int64_t seq, struct str json);
/* Keeps it for replays and gives it to every subscriber. */
void engine_publish(struct engine *e, enum engine_topic topic, struct str json);
struct engine_subscription;
struct engine_subscription *engine_subscribe(struct engine *e, engine_event_fn *fn, void *arg);
void engine_unsubscribe(struct engine_subscription *s);
/* Replays kept events with seq > after; false when some are gone already (send "resync"). */
bool engine_replay(struct engine *e, int64_t after_seq, engine_event_fn *fn, void *arg);
int64_t engine_epoch(const struct engine *e);
/* The number of the newest event, of a topic's newest; 0: none yet. */
int64_t engine_event_seq(const struct engine *e);
int64_t engine_topic_seq(const struct engine *e, enum engine_topic topic);
/* The last lines of the log, oldest first, at most n. */
void engine_log_tail(const struct engine *e, size_t n, void (*fn)(void *arg, struct str line), void *arg);
/* Live output of a running run is announced on ENGINE_TOPIC_OUTPUT while somebody watches it. */
/* False when the run does not live (yet): then nothing was counted. */
bool engine_watch_output(struct engine *e, int64_t run_no, int delta);

/* ---- configuration, with its origin (U-31) ---- */
void engine_config_json(const struct engine *e,
                        struct json_writer *w); /* array of {key,value,origin}; secrets masked */
const char *engine_config_get(const struct engine *e, const char *key); /* "api.cron_secret"; NULL = unset */
/* Deadline-drained shutdown, as by SIGTERM. */
void engine_stop(struct engine *e);
