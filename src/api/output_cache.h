/* The indexes of the outputs looked at last. On the loop's thread; a work thread only reads what it was handed. */
#pragma once
#include "api/output_index.h"

#define OUTPUT_CACHE_MAX 32

struct kept_index {
  struct output_index *index;
  int users; /* the cache itself is one */
};
struct output_cache;
enum err output_cache_new(struct output_cache **ret);
void output_cache_free(struct output_cache *c);
/* NULL: none. Give it back. */
struct kept_index *output_cache_take(struct output_cache *c, int64_t run_no);
void output_cache_give(struct kept_index *kept); /* NULL-safe */
/* Takes the index over. One that knows less than what is there is dropped. */
void output_cache_put(struct output_cache *c, struct output_index *index);
