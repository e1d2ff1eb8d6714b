/* The world threads of serve: calls of worlds/ carried out beside the loop, each lane with its own connections.
 *
 * Two queues: requests first, then jobs' batches (CALL_BACK), which never hold more than half of the lanes. Calls with
 * CALL_ONE_WORLD about one world run one after the other, in the order they came (requests before batches): whoever
 * comes while one runs is parked, so 1,000 messages to a paused world are one resume. A call that answers
 * ERR_WORLD_BUSY or ERR_BUSY (another process has the world, a deadlock) is tried again after 2, 4, 8 … ms, without
 * holding a lane, until LANES_RETRY_MS after it was asked for.
 *
 * If the database cannot be opened, calls are answered ERR_UNAVAILABLE with the reason, and it is tried again each
 * second. Everything here is called on the loop's thread, and answers are given there. */
#pragma once
#include "sys/loop.h"
#include "worlds/worlds.h"

#define LANES_MAX 16
#define LANES_TASKS_MAX 10000               /* waiting or running; then ERR_BUSY */
#define LANES_BYTES_MAX (512 * 1024 * 1024) /* of arguments and payloads that wait */
#define LANES_RETRY_MS 10000
#define LANES_REOPEN_MS 1000
#define LANES_NOTICES_MAX 10000 /* that the loop has not told yet; what comes then is dropped and counted */

struct world_lanes;

/* What a lane does; tests put their own here. */
struct world_lanes_ops {
  enum err (*begin)(const struct worlds_config *config, struct worlds **ret, struct err_detail *detail);
  void (*end)(struct worlds *w);
  enum err (*open)(struct worlds *w, struct lane *ret, struct err_detail *detail);
  void (*close)(struct lane *l);
  enum err (*call)(struct lane *l, const struct world_request *q, struct world_reply *r);
  void (*behind)(struct lane *l, int64_t now_ms); /* the answer was given: what the call left in l->to_wake */
};

struct world_lanes_options {
  struct loop *loop;
  int lanes;                    /* 1 to LANES_MAX */
  struct worlds_config config;  /* its texts are borrowed and outlive the lanes; notice is ours */
  int64_t (*now_ms)(void *arg); /* called on lanes */
  void *now_arg;
  const struct world_lanes_ops *ops; /* NULL: those of worlds/ */
  /* On the loop: a notice of a call, and that the database came or went. */
  void (*on_notice)(void *arg, enum log_level level, const char *component, const char *message,
                    const json_t *fields);
  void (*on_state)(void *arg, bool is_there, const char *why);
  void *arg;
};
enum err world_lanes_new(const struct world_lanes_options *options, struct world_lanes **ret);
/* What waits is answered ERR_UNAVAILABLE; what runs finishes, and its answer is given as usual. */
void world_lanes_stop(struct world_lanes *l);
void world_lanes_free(struct world_lanes *l); /* waits for what runs; gives every answer; NULL-safe */

struct world_lanes_ask {
  const struct world_call *call;
  struct str world_id;
  struct world_actor actor;
  json_t *args;         /* an object, or NULL; one reference is taken over in every case */
  struct str args_text; /* instead of args: JSON, parsed on the lane */
  struct str payload;
  bool is_borrowed; /* args_text and payload live until the answer: they are not copied */
  bool wants_text;  /* the answer's body as JSON text, made on the lane */
};
/* reply is borrowed; body_text: with wants_text. Always called, later. */
typedef void world_lanes_fn(void *arg, const struct world_reply *reply, struct str body_text);
void world_lanes_ask(struct world_lanes *l, const struct world_lanes_ask *ask, world_lanes_fn *fn, void *arg);

struct world_lanes_status {
  bool is_there;
  char why[ERR_TEXT_MAX];
  size_t open_lanes;
  size_t tasks; /* asked for and not answered */
  int64_t calls, busy, retries, notices_dropped;
};
struct world_lanes_status world_lanes_status(struct world_lanes *l);
