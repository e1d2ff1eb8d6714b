/* A world's state outside the live state: as bytes for "WorldState", and writes applied to a snapshot in memory (where
 * there is no live state, and for the message that wakes a world). Pure, but for memory.
 *
 * Format 1, codec 'none' or the same compressed by 'zstd': "W1", then entries in order of kind and name: kind 'c'
 * (core) or 's' (session), length and bytes of the name, length and bytes of the value; 'e' (temporary event), eight
 * bytes of its instant, length and bytes. Numbers are little endian, lengths four bytes. A change of it is another
 * first word; readers keep the old ones. Fields "sys.…" are left out. */
#pragma once
#include "live/live.h"

#define WORLD_HASH_TEXT 65

struct world_bytes {
  struct str data; /* in the arena */
  const char *codec;
  int64_t raw_bytes;          /* before compressing */
  char hash[WORLD_HASH_TEXT]; /* SHA-256 of the raw bytes */
};
/* Compressed when bigger than zstd_above bytes. */
enum err world_state_encode(const struct live_world *w, int64_t zstd_above, struct arena *arena,
                            struct world_bytes *ret);
/* Fills core, session and events of *ret. ERR_STORE_CORRUPT: the bytes are not what was written. */
enum err world_state_decode(struct str data, struct str codec, int64_t raw_bytes, struct arena *arena,
                            struct live_world *ret, struct err_detail *detail);

/* What live_write does, to a snapshot: turns, fields, events, ticks, counters, activity, version; fills a's answer. */
enum err world_state_apply(struct live_world *w, struct live_append *a, int64_t now_ms, struct arena *arena);

/* STR_NONE: it has none. */
struct str live_field_find(const struct live_field *fields, size_t count, const char *name);
int64_t world_state_counter(const struct live_world *w, const char *name); /* "stats.messages" */
/* In memory, where it is lower. */
enum err world_state_raise(struct live_world *w, const char *name, int64_t to, struct arena *arena);
