/* The outside world as far as the scheduler's decisions depend on it: clock and randomness, behind
 * functions, so that the simulator and the test clock can stand in. Files, processes and sockets are
 * reached through os_*.h; only sys/ (and the warden's child side) makes system calls for them. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"

struct world {
  int64_t (*wall_ms)(struct world *w);                 /* now, epoch milliseconds; may jump */
  struct tick (*tick)(struct world *w);                /* monotonic */
  void (*random)(struct world *w, void *to, size_t n); /* cryptographic, except in simulations */
};

/* The real one: CLOCK_REALTIME, CLOCK_MONOTONIC, getrandom. Lives for ever. */
struct world *world_real(void);

static inline int64_t world_now_ms(struct world *w) { return w->wall_ms(w); }
static inline struct tick world_tick(struct world *w) { return w->tick(w); }
static inline int64_t tick_diff_ms(struct tick later, struct tick earlier) {
  return (int64_t)(later.ns - earlier.ns) / 1000000;
}
