/* Two threads for pure, slow work: password hashes, name resolution, reading a spool, compression.
 * Bounded queue. `run` sees only its argument; `done` is called on the loop's thread. */
#pragma once
#include "base/err.h"
#include "sys/loop.h"

#define WORK_THREADS 2
#define WORK_QUEUE_MAX 1024

struct work;
enum err work_new(struct loop *l, struct work **ret);
void work_free(
    struct work *w); /* waits for what runs and tells it; what was only queued is neither run nor told */
/* From any thread. ERR_BUSY when WORK_QUEUE_MAX are queued, running or untold: nothing was queued. */
enum err work_submit(struct work *w, void (*run)(void *arg), void (*done)(void *arg), void *arg);
