/* The inside of the engine, shared by the files of app/ only. The engine joins the pure core with the store, the
 * warden and everyone who asks: it performs the core's actions and brings back what happened.
 *
 *   engine.c        the step: events in, actions performed, answers out; what api/ asks for
 *   engine_check.c  what a job may be: schedule, executor, parameters
 *   engine_start.c  START: the launch block, sent, repeated after the warden came back
 *   engine_end.c    END: the warden's word → the facts of a run; the output's head and tail
 *   engine_live.c   events, log tail, waits, live output
 *   engine_notes.c  the core's notes → log lines and events
 *   engine_boot.c   recovery: the store's unfinished things joined with the wardens' journals
 *   seed_jobs.c     the predefined jobs of a fresh store
 *   engine_care.c   aliveAt, retention, zones, spool
 *   engine_worlds.c worlds: lanes, calls of requests, notices, the probe
 *   engine_channel.c the jobs' ends of it: fd 4 */
#pragma once
#include "api/engine.h"
#include "app/configuration.h"
#include "app/launch_of.h"
#include "app/program_notes.h"
#include "app/programs.h"
#include "app/world_lanes.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "warden/client.h"

#define LIMIT_EVENTS_KEPT 1024
#define LIMIT_EVENTS_KEPT_BYTES (1024 * 1024)
#define LIMIT_LOG_LINES_KEPT 500
#define LIMIT_EVENT_BYTES (128 * 1024)
#define LIMIT_WAITS 10000

enum live_state {
  LIVE_UNSENT, /* the warden was away: sent when it is back */
  LIVE_SENT,   /* not answered yet; if the warden goes, its list tells */
  LIVE_STARTED,
  LIVE_ENDED /* its END is on the way to the store; the entry stays until the acknowledgement */
};

/* A run that the warden knows or is about to know. */
struct live_run {
  int64_t run_no;
  struct job *job; /* one reference */
  char *params;    /* of the run, NULL: the job's */
  struct warden_start start;
  enum live_state state;
  bool is_listed;        /* in the list of the current connection */
  enum kill_reason kill; /* asked for, maybe while the warden was away */
  int watchers;
  bool is_reading;                     /* an output request is out */
  int64_t output_seen;                 /* bytes announced */
  int32_t pid;                         /* 0: not known */
  struct tick usage_asked;             /* while watched */
  int64_t usage_cpu_ms;                /* then; -1: not known yet */
  int64_t started_ms, started_tick_ms; /* by the wall clock, and when we heard of it */
  struct channel *channel;             /* our end of fd 4, or NULL */
  char channel_why[ERR_TEXT_MAX];      /* we closed it because of this */
};

/* The work of reading an ended run's output beside the loop. */
struct ending;

struct kept_event {
  int64_t seq;
  enum engine_topic topic;
  size_t len;
  char *json;
};

/* Runs found in the journals during boot. */
struct found_run {
  struct warden_run run;
  bool is_ended;
  struct warden_end end;
  char *result;
  bool is_joined;
};

struct engine {
  struct loop *loop;
  struct world *world;
  struct work *work;
  struct tzdb *tzdb;
  struct config *config; /* borrowed */
  struct store *store;
  struct store_boot boot;
  struct sched *sched;
  struct warden_client *warden;
  struct settings *settings; /* one reference */
  char folder[CONFIG_VALUE_BYTES_MAX];
  char boot_id[37];
  char journal_id[40];
  struct programs programs;
  struct program_notes *program_notes;
  char home[256], user[64]; /* of jobs: those of our own user */
  struct loop_wall *alarm;  /* NULL with the test clock */
  struct loop_timer *second, *care, *zones, *output_poll;
  bool second_is_armed, care_is_armed;
  int64_t spool_swept_ms;
  int64_t armed_ms;           /* what the alarm is set to */
  int64_t wall_minus_tick_ms; /* to know by how much the clock was set */
  bool is_process_off, is_test_clock, is_performing, is_ready, is_warden_up, is_store_down, is_stopping;
  bool was_up;             /* the warden answered once: recovery is done */
  bool is_warden_draining; /* ours takes no new runs: told to end, it waits for those it has */
  bool knows_jobs;         /* counted for the log, before the scheduler starts (C-86) */
  char warden_why[256];
  int64_t last_turn_ms, clock_wrong_until_ms;
  int64_t
      news_ms; /* SQL from outside changed something: told when a claim made since is done; INSTANT_NEVER: it was */
  int64_t changes_out; /* submitted and not answered */
  int64_t work_out;    /* endings being read */

  struct map asks; /* token → struct ask */
  int64_t last_token;
  struct map live; /* run number → struct live_run */
  size_t watched;
  struct list waits;
  size_t wait_count;

  struct found_run *found; /* during boot */
  size_t found_count, found_capacity;

  struct list subscriptions;
  struct kept_event kept[LIMIT_EVENTS_KEPT];
  size_t kept_first, kept_count, kept_bytes;
  int64_t last_seq, topic_seq[ENGINE_TOPIC_COUNT];
  char *log_lines[LIMIT_LOG_LINES_KEPT];
  size_t log_first, log_count;

  struct engine_load load;
  int64_t load_at_ms;
  uint64_t cpu_busy, cpu_total;
  bool retention_due;
  int zone_watch; /* inotify, -1 */
  struct loop_io *zone_io;

  struct {
    struct world_lanes *lanes; /* NULL when it could not be made */
    unsigned char link_key[32];
    char owner[100], timezone[100];
    struct loop_timer *probe;
    bool is_probing;
    struct live_status live; /* as the last probe found it */
    bool has_live;
  } worlds;

  void (*on_note)(void *arg, const struct sched_note *note); /* api's metrics */
  void *on_note_arg;
  struct test_clock *test_clock; /* NULL without */
  struct seeding *seeding;       /* while it looks which predefined jobs are missing */
  void (*on_wound)(void *arg);   /* engine_wind_down's done */
  void *on_wound_arg;
  bool is_wound, is_orderly;
  void (*on_stop)(void *arg); /* engine_stop was called */
  void *on_stop_arg;
};

/* engine.c */
void engine_step(struct engine *e, const struct sched_event *event);
void engine_submit(struct engine *e, struct change *c);
void engine_arm(struct engine *e);
int64_t engine_tick_ms(const struct engine *e);

/* seed_jobs.c: saves the jobs of sql/seed/jobs.json that this store never had. */
void engine_seed_jobs(struct engine *e, bool is_fresh);
void engine_seed_stop(struct engine *e); /* its reads are not answered any more */

/* engine_check.c */
struct launch_world engine_launch_world(const struct engine *e);

/* engine_start.c */
void engine_do_start(struct engine *e, const struct sched_start *start);
void engine_send_start(struct engine *e, struct live_run *live);
void engine_do_kill(struct engine *e, int64_t run_no, enum reason reason);
void engine_do_ack(struct engine *e, int64_t run_no);
struct live_run *engine_live_new(struct engine *e, int64_t run_no, struct job *job, const char *params);
void engine_live_free(struct engine *e, struct live_run *live);
void engine_live_started(const struct engine *e, struct live_run *live, int64_t started_ms);
void engine_on_started(void *arg, const struct warden_started *started);
void engine_on_refused(void *arg, int64_t run_no, enum warden_refusal why, int error_number);
void engine_set_draining(struct engine *e, bool is_draining);

/* engine_end.c */
void engine_on_ended(void *arg, const struct warden_end *end, struct str result);
void engine_end_lost(struct engine *e, int64_t run_no, const char *why);

/* engine_live.c */
void engine_publish_run(struct engine *e, const struct run *run, const struct job *job);
/* no 0: several; job may be NULL. */
void engine_publish_job(struct engine *e, int64_t no, const struct job *job, const char *what);
void engine_publish_outside(struct engine *e, const struct change_outside *jobs, size_t count);
void engine_publish_status(struct engine *e);
void engine_log_tap(void *arg, enum log_level level, struct str line);
void engine_tell_waits(struct engine *e, const struct run *run);
void engine_on_line(void *arg, int64_t run_no, struct str line);
void engine_on_output(void *arg, const struct warden_output *output, struct str bytes);
void engine_poll_output(void *arg);
void engine_live_done(struct engine *e); /* frees all of it */

/* engine_notes.c */
void engine_note(struct engine *e, const struct sched_note *note);

/* engine_boot.c */
void engine_wind_on(struct engine *e); /* an answer has come: is everything on record now? */
enum err engine_open(struct engine *e, struct err_detail *detail);
enum err engine_connect(struct engine *e, struct err_detail *detail);
bool engine_boot_collect(struct engine *e, const struct warden_run *run, const struct warden_end *end,
                         struct str result);

/* engine_care.c */
enum err engine_care_start(struct engine *e);
void engine_care_after_step(struct engine *e);
void engine_on_clock(void *arg, bool clock_was_set);
void engine_care_stop(struct engine *e);

/* engine_worlds.c */
enum err engine_worlds_open(struct engine *e, struct err_detail *detail);
void engine_worlds_stop(struct engine *e); /* what waits is answered so; channels are closed */
void engine_worlds_close(struct engine *e);
size_t engine_worlds_out(const struct engine *e); /* calls that are not answered */

/* engine_channel.c */
/* A pair for a run that needs it: *ret_fd is the job's end, to be given away; -1 when its executor needs none. */
enum err engine_channel_open(struct engine *e, struct live_run *live, int *ret_fd, struct err_detail *detail);
void engine_channel_close(struct live_run *live); /* a call that is under way is not answered */

/* test_clock.c */
void engine_on_warden_clock(void *arg, const struct warden_clock_done *done);

/* For serve.c. Texts and config are borrowed and outlive the engine. */
struct engine_options {
  struct loop *loop;
  struct world *world;
  struct work *work;
  struct config *config;
  const char *folder;
  bool is_test_clock;
};
enum err engine_new(const struct engine_options *options, struct engine **ret, struct err_detail *detail);
/* Before whoever asked for calls about worlds is freed: every one of them is answered. */
void engine_end_worlds(struct engine *e); /* NULL-safe */
void engine_free(struct engine *e);       /* NULL-safe */
/* on_note gets every note of the core (metrics); on_stop is called by engine_stop. */
void engine_set_hooks(struct engine *e, void (*on_note)(void *arg, const struct sched_note *note),
                      void *note_arg, void (*on_stop)(void *arg), void *stop_arg);
/* Nothing is claimed or started from now on. */
void engine_quiesce(struct engine *e);
/* After it: leaves the wardens alone; done is called once, when all that was under way is on record. While the
 * store fails this does not happen: the caller limits its patience. */
void engine_wind_down(struct engine *e, void (*done)(void *arg), void *arg);
/* Nothing asked of the store or the warden is unanswered; ret_running: runs that are alive. */
bool engine_is_settled(const struct engine *e, size_t *ret_running);
