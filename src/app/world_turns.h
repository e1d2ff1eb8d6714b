/* Whose turn it is: the order in which calls about worlds get a lane (world_lanes.h states the rules). Plain data, no
 * threads and no clock: instants are parameters, and the caller holds its lock. */
#pragma once
#include "base/list.h"
#include "base/map.h"
#include "worlds/worlds.h"

struct turn {       /* part of whoever waits; zeroed but for call and world_id */
  struct list node; /* of a queue while it waits; free for its owner's use before and after */
  const struct world_call *call;
  struct str world_id; /* borrowed */
  bool holds_world, is_running;
  int64_t again_at_ns; /* 0: not put off */
  int retry_ms;
};

struct turns {
  struct list front, back, delayed;
  struct map
      slots; /* hash of a world's id → who has it and who is parked; ids of one hash share it, harmlessly */
  size_t back_running, back_max;
};

void turns_init(struct turns *t, size_t back_max);
void turns_free(struct turns *t); /* of an empty one */
void turns_add(struct turns *t, struct turn *turn);
/* The next that may run now, marked as running; NULL: none. */
struct turn *turns_take(struct turns *t, int64_t now_ns);
/* When a put-off one may run; INT64_MAX: there is none. */
int64_t turns_wake_ns(const struct turns *t);
/* What ran tries again later, and keeps its world: 2, 4, 8 … ms, at most TURN_STEP_MAX_MS. */
#define TURN_STEP_MAX_MS 256
void turns_delay(struct turns *t, struct turn *turn, int64_t now_ns);
/* What ran, or was taken out, is through with its world. True: somebody else may run now. */
bool turns_leave(struct turns *t, struct turn *turn);
/* Takes out one that waits (leave it afterwards: who is parked for its world waits in a queue then); NULL: none. */
struct turn *turns_take_out(struct turns *t);
