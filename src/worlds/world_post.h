/* One write into a world by whoever may: a message, an activity, a tick, a piece of state. A live world needs no
 * database; a sleeping one wakes or refuses; what is not live is made live first. */
#pragma once
#include "worlds/rights.h"

struct world_post {
  enum world_deed deed;
  struct live_append append; /* without id and token */
  bool is_user;              /* user activity: wakes a paused world, and append.active_ms is its instant */
  bool
      needs_user_here; /* a tick: not while the user is away for more than an hour, unless tickWhenIdle */
  /* answer */
  bool is_refused; /* the user is away: nothing was written */
  bool was_paused, has_resumed;
  int64_t active_ms;        /* of the world now */
  int64_t ticks;            /* of the world now */
  int64_t added_latency_ms; /* what waking or loading it took beside the write */
};
/* ERR_WORLD_PAUSED, _PAUSED_BY_OWNER, _ON_VACATION, _BUSY; FORBIDDEN; NOT_FOUND. */
enum err world_post(struct lane *l, const struct world_request *q, struct world_post *p);
