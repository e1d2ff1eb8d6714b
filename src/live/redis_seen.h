/* How a place is noticed that has fallen back behind an open connection: a proxy has put an older copy in its place.
 *
 * The place keeps a number for each server of ours (PREFIX "seen:" NODE). It counts on whenever something is taken out
 * of there that the database may then have and the place not: each reading with the journal, within its transaction,
 * each loading and each clearing. What has been answered is remembered here, for all handles of this process on that
 * place; a place with a smaller number has lost what it had told us. Writes and journals come in order, to a copy and
 * to a log alike, so it has kept everything when it has kept the number. Every script compares (lua/prelude.lua). */
#pragma once
#include <stdint.h>

struct redis_seen; /* shared by the handles of one place and node */
/* NULL: out of memory. */
struct redis_seen *redis_seen_ref(const char *url, const char *key);
void redis_seen_unref(struct redis_seen *s); /* NULL-safe; the last one forgets */
/* What the place must have at least. */
int64_t redis_seen_number(struct redis_seen *s);
/* The place has counted to this number for us. It never does so twice: then two places have, and what is expected is
 * more than either has. */
void redis_seen_add(struct redis_seen *s, int64_t number);
