/* What of a question for runs a backend can be asked for by index and by column: the narrowest struct run_query that
 * leaves out nothing that fits. store_filter.c judges each run that comes. Pure but for the arena. */
#pragma once
#include "base/arena.h"
#include "store/rows.h"
#include "store/store.h"

struct run_plan {
  struct run_query query;   /* numbers are still open */
  struct facts_query facts; /* of the filter's terms about jobs */
  bool asks_jobs;           /* there are such terms */
  bool is_open_only;        /* nothing but what waits or runs fits */
  bool is_empty;            /* nothing fits */
};
/* q: status_mask, trigger_mask, from_ms, to_ms and filter. */
enum err run_plan_make(const struct store_read *q, struct arena *a, struct run_plan *ret);
