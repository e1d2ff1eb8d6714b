#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "base/err.h"
#include "sys/world.h"

static struct timespec now_of(clockid_t clock) {
  struct timespec t;
  int failed = clock_gettime(clock, &t);
  ASSERT(!failed);
  return t;
}

static int64_t real_wall_ms(struct world *w) {
  (void)w;
  struct timespec t = now_of(CLOCK_REALTIME);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct tick real_tick(struct world *w) {
  (void)w;
  struct timespec t = now_of(CLOCK_MONOTONIC);
  return (struct tick){(uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec};
}

/* getrandom gives at most 256 bytes uninterrupted; without randomness nothing here is safe to go on. */
static void real_random(struct world *w, void *to, size_t n) {
  (void)w;
  for (size_t done = 0; done < n;) {
    ssize_t got = getrandom((char *)to + done, n - done, 0);
    ASSERT(got > 0 || errno == EINTR);
    if (got > 0) done += (size_t)got;
  }
}

struct world *world_real(void) {
  static struct world real = {real_wall_ms, real_tick, real_random};
  return &real;
}
