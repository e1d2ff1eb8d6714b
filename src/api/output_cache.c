#include "api/output_cache.h"

#include <stdlib.h>

struct place {
  struct kept_index *kept; /* NULL: free */
  uint64_t used;           /* by `turn` */
};
struct output_cache {
  struct place places[OUTPUT_CACHE_MAX];
  uint64_t turn;
};

enum err output_cache_new(struct output_cache **ret) {
  *ret = calloc(1, sizeof **ret);
  return *ret ? ERR_OK : ERR_NO_MEMORY;
}

void output_cache_give(struct kept_index *kept) {
  if (!kept || --kept->users > 0) return;
  output_index_free(kept->index);
  free(kept);
}

void output_cache_free(struct output_cache *c) {
  if (!c) return;
  for (size_t i = 0; i < OUTPUT_CACHE_MAX; i++) output_cache_give(c->places[i].kept);
  free(c);
}

static struct place *place_of(struct output_cache *c, int64_t run_no) {
  for (size_t i = 0; i < OUTPUT_CACHE_MAX; i++)
    if (c->places[i].kept && c->places[i].kept->index->run_no == run_no) return &c->places[i];
  return NULL;
}

static struct place *oldest_place(struct output_cache *c) {
  struct place *oldest = &c->places[0];
  for (size_t i = 1; i < OUTPUT_CACHE_MAX; i++)
    if (c->places[i].used < oldest->used) oldest = &c->places[i];
  return oldest;
}

struct kept_index *output_cache_take(struct output_cache *c, int64_t run_no) {
  struct place *p = place_of(c, run_no);
  if (!p) return NULL;
  p->used = ++c->turn;
  p->kept->users++;
  return p->kept;
}

static bool knows_less(const struct output_index *a, const struct output_index *b) {
  return a->is_final != b->is_final ? b->is_final : a->bytes < b->bytes;
}

void output_cache_put(struct output_cache *c, struct output_index *index) {
  struct place *p = place_of(c, index->run_no);
  struct kept_index *kept = p && knows_less(index, p->kept->index) ? NULL : calloc(1, sizeof *kept);
  if (!kept) {
    output_index_free(index);
    return;
  }
  if (!p) p = oldest_place(c);
  output_cache_give(p->kept);
  *kept = (struct kept_index){index, 1};
  *p = (struct place){kept, ++c->turn};
}
