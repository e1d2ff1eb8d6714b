/* Memory that is freed all at once: the life of a request, a step, a run.
 * An arena has a maximum; what does not fit gives NULL, and arena_error says so once at the end. */
#pragma once
#include "base/err.h"
#include "base/str.h"

struct arena_block;

struct arena {
  struct arena_block *block;
  size_t used_bytes;
  size_t max_bytes;
  enum err error;
};

static inline struct arena arena_new(size_t max_bytes) { return (struct arena){.max_bytes = max_bytes}; }
void arena_free(struct arena *a);
/* Zeroed, aligned for any type; NULL when full or out of memory. */
void *arena_alloc(struct arena *a, size_t n);
#define ARENA_NEW(a, type) ((type *)arena_alloc(a, sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc(a, sizeof(type) * (n)))
char *arena_strdup(struct arena *a, struct str s); /* terminated copy */
[[gnu::format(printf, 2, 3)]] char *arena_printf(struct arena *a, const char *format, ...);
static inline enum err arena_error(const struct arena *a) { return a->error; }

#define ARENA_AUTO [[gnu::cleanup(arena_free)]]
