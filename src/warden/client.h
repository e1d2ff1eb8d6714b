/* serve's side of the warden: finds or starts the warden of a data folder, keeps the connections, and
 * tells what started and what ended. Everything happens on the loop; nothing here blocks.
 *
 * Order of a connection: on_up comes after *every* warden of the folder whose lock is held has answered
 * (also those of other builds, which drain) and after on_listed / on_ended were called for each run in
 * their journals. So on_up means: what was not told until now has no START in any journal of `info`.
 * When a warden goes away or does not answer: on_down with the reason, then on_up again later, with a
 * new list. What was sent and not answered before on_down may have started: the list tells. */
#pragma once
#include "sys/loop.h"
#include "warden/launch.h"
#include "warden/proto.h"

struct warden_client;

struct warden_client_options {
  struct loop *loop;     /* borrowed, outlives the client */
  const char *data_dir;  /* copied */
  int64_t epoch;         /* the fence */
  int64_t test_clock_ms; /* INSTANT_NONE: the real clock */
  const char *program;   /* started as `program warden --data DIR`; NULL: /proc/self/exe */
  int idle_exit_seconds; /* given to a warden that is started; 0: its default */
  const char *cgroup;    /* the same: "off", "auto" or a folder; NULL: its configuration's */
  bool does_not_start;   /* true: only connect to wardens that are there (doctor, status) */
};

/* All run on the loop's thread. Pointers are valid during the call. Unused ones may be NULL. */
struct warden_client_callbacks {
  void *arg;
  void (*on_up)(void *arg, const struct warden_welcome *own);
  void (*on_down)(void *arg, const char *why);
  void (*on_listed)(void *arg, const struct warden_run *run, int32_t pid); /* alive */
  void (*on_started)(void *arg, const struct warden_started *started);
  void (*on_refused)(void *arg, int64_t run_no, enum warden_refusal why, int error_number);
  /* Maybe more than once for one run: END is an upsert by run number. Answer with warden_ack() when its
   * commit is durable. result is the JSON of fd 3, or empty. */
  void (*on_ended)(void *arg, const struct warden_end *end, struct str result);
  void (*on_line)(void *arg, int64_t run_no, struct str line); /* {"progress":…} or {"metric":…} */
  void (*on_output)(void *arg, const struct warden_output *output, struct str bytes);
  void (*on_clock)(void *arg, const struct warden_clock_done *done);
};

enum err warden_client_new(const struct warden_client_options *options,
                           const struct warden_client_callbacks *callbacks, struct warden_client **ret,
                           struct err_detail *detail);
void warden_client_free(struct warden_client *c); /* the wardens and their runs stay */
bool warden_client_is_up(const struct warden_client *c);
/* Why it is not up, for health; "" when it is. Valid until the next turn. */
const char *warden_client_reason(const struct warden_client *c);

/* Takes the launch block over in every case (closes its descriptors) and fd4 as well (-1: none).
 * ERR_UNAVAILABLE: not up. ERR_BUSY: more than LIMIT_RUNNING_RUNS wait to be sent. */
enum err warden_start(struct warden_client *c, const struct warden_start *start, struct warden_launch *launch,
                      int fd4);
/* A run that is not alive is ignored (its END is on its way). ERR_UNAVAILABLE: not up. */
enum err warden_kill(struct warden_client *c, int64_t run_no, enum kill_reason reason, bool is_immediate);
/* END is durable; gathered and sent at the end of the turn. */
enum err warden_ack(struct warden_client *c, int64_t run_no);
/* Answered by on_output; ended runs as well until acknowledged, later read the spool (spool.h). */
enum err warden_read_output(struct warden_client *c, int64_t run_no, int64_t offset, uint32_t bytes_max);
/* Test clock only: fires what falls due until then, answered by on_clock. */
enum err warden_set_clock(struct warden_client *c, int64_t clock_ms);
