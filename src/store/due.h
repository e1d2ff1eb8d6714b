/* When each job is due next: a heap of 56-byte nodes, one per job, in the memory of the writer. Changes are
 * undone when their transaction is. */
#pragma once
#include <stdbool.h>

#include "base/heap.h"
#include "base/map.h"

struct due_node {
  struct heap_node heap;           /* key = notBefore of the next unclaimed instant, tie = job number */
  uint32_t failures, failures_age; /* consecutiveFailures as of this age of the keeper's memory */
  int64_t last_run_ms;             /* to be written to lastRunAt; FIELD_NULL = no news */
  struct due_node *next_dirty;
  bool is_dirty; /* lastRunAt or nextRunAt is to be written */
};

struct due_undo { /* what was before */
  int64_t job_no, key;
  bool was_there;
};

struct due {
  struct heap heap;
  struct map nodes; /* job number → struct due_node */
  struct due_node *dirty, **dirty_end;
  size_t dirty_count;
  struct due_undo *undo;
  size_t undo_count, undo_capacity;
};

void due_init(struct due *d);
void due_free(struct due *d);
struct due_node *due_get(const struct due *d, int64_t job_no); /* NULL: no such job */
/* On ERR_NO_MEMORY nothing has changed. */
enum err due_put(struct due *d, int64_t job_no, int64_t not_before_ms);
enum err due_drop(struct due *d, int64_t job_no);
/* Earliest notBefore of all, INSTANT_NEVER. */
int64_t due_next_ms(const struct due *d);
int64_t due_next_job(const struct due *d); /* 0 when there is none */

static inline size_t due_mark(const struct due *d) { return d->undo_count; }
void due_undo_to(struct due *d, size_t mark);
static inline void due_keep(struct due *d) { d->undo_count = 0; } /* the transaction is durable */
void due_forget(struct due *d); /* the same, and gives back the memory that loading every job has taken */

void due_dirty(struct due *d, struct due_node *n);
struct due_node *due_take_dirty(struct due *d); /* NULL when none is left */
