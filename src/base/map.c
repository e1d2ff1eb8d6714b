#include "base/map.h"

#include <stdlib.h>
#include <string.h>

uint64_t hash_int(uint64_t key) { /* the finaliser of splitmix64 (Steele, Lea, Flood 2014) */
  key += 0x9E3779B97F4A7C15u;
  key = (key ^ (key >> 30)) * 0xBF58476D1CE4E5B9u;
  key = (key ^ (key >> 27)) * 0x94D049BB133111EBu;
  return key ^ (key >> 31);
}

uint64_t hash_bytes(const void *bytes, size_t n, uint64_t seed) {
  const unsigned char *p = bytes;
  uint64_t h = hash_int(seed ^ n);
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--) word = word << 8 | p[i];
    h = hash_int(h ^ word);
  }
  uint64_t tail = 0;
  while (n > 0) tail = tail << 8 | p[--n];
  return hash_int(h ^ tail);
}

void map_free(struct map *m) {
  free(m->entries);
  *m = (struct map){};
}

static struct map_entry *slot_of(const struct map *m, uint64_t key) {
  size_t mask = m->capacity - 1;
  size_t i = hash_int(key) & mask;
  while (m->entries[i].value && m->entries[i].key != key) i = (i + 1) & mask;
  return &m->entries[i];
}

static enum err grow(struct map *m) {
  struct map bigger = {.capacity = m->capacity ? m->capacity * 2 : 16, .count = m->count};
  bigger.entries = calloc(bigger.capacity, sizeof *bigger.entries);
  if (!bigger.entries) return ERR_NO_MEMORY;
  for (size_t i = 0; i < m->capacity; i++)
    if (m->entries[i].value) *slot_of(&bigger, m->entries[i].key) = m->entries[i];
  free(m->entries);
  *m = bigger;
  return ERR_OK;
}

enum err map_put(struct map *m, uint64_t key, void *value) {
  ASSERT(value);
  if ((m->count + 1) * 4 > m->capacity * 3) TRY(grow(m));
  struct map_entry *slot = slot_of(m, key);
  if (!slot->value) m->count++;
  *slot = (struct map_entry){key, value};
  return ERR_OK;
}

void *map_get(const struct map *m, uint64_t key) { return m->capacity ? slot_of(m, key)->value : NULL; }

void *map_remove(struct map *m, uint64_t key) {
  if (!m->capacity) return NULL;
  struct map_entry *slot = slot_of(m, key);
  void *value = slot->value;
  if (!value) return NULL;
  /* Close the gap so that no probe sequence is cut: move later entries whose home lies before it. */
  size_t mask = m->capacity - 1, gap = (size_t)(slot - m->entries);
  for (size_t i = (gap + 1) & mask; m->entries[i].value; i = (i + 1) & mask) {
    size_t home = hash_int(m->entries[i].key) & mask;
    if (((i - home) & mask) < ((i - gap) & mask)) continue;
    m->entries[gap] = m->entries[i];
    gap = i;
  }
  m->entries[gap] = (struct map_entry){};
  m->count--;
  return value;
}

int map_next(const struct map *m, size_t *i, struct map_entry *ret_entry) {
  while (*i < m->capacity) {
    const struct map_entry *e = &m->entries[(*i)++];
    if (!e->value) continue;
    *ret_entry = *e;
    return 1;
  }
  return 0;
}
