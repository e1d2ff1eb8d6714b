/* Hash map from a 64-bit integer key to a pointer; open addressing. Keys may be any value.
 * Owns its table, not the values. For text keys, hash the text and compare in the value. */
#pragma once
#include <stdint.h>

#include "base/err.h"

struct map_entry {
  uint64_t key;
  void *value; /* NULL = free */
};

struct map {
  struct map_entry *entries;
  size_t count;
  size_t capacity; /* a power of two, or 0 */
};

void map_free(struct map *m);
/* value must not be NULL; replaces what was there. On ERR_NO_MEMORY nothing has changed. */
enum err map_put(struct map *m, uint64_t key, void *value);
void *map_get(const struct map *m, uint64_t key); /* NULL when absent */
void *map_remove(struct map *m, uint64_t key);    /* what was there, or NULL */
/* for (size_t i = 0; map_next(m, &i, &entry);) — do not change the map meanwhile */
int map_next(const struct map *m, size_t *i, struct map_entry *ret_entry);

uint64_t hash_int(uint64_t key);
uint64_t hash_bytes(const void *bytes, size_t n, uint64_t seed); /* stable across versions: stored */
