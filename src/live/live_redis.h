/* The live state in Redis, whichever way it is reached. live_redis.c opens, reads and lists; live_redis_write.c
 * changes. */
#pragma once
#include "live/redis_seen.h"
#include "live/redis_wire.h"

#define REDIS_PREFIX_BYTES_MAX 100
#define LIFE_KEY "life"
#define REDIS_EXTRA_KEYS_MAX 16
#define REDIS_PER_SCRIPT 50 /* worlds of one script or transaction: other clients wait about a millisecond */

struct live_redis {
  struct live live;
  struct redis_transport *transport;
  struct redis_scripts scripts;
  bool is_measured;
  bool has_begun;          /* Upstash: worlds:life is ours */
  struct redis_seen *seen; /* NULL: not needed yet */
  char seen_key[REDIS_PREFIX_BYTES_MAX + LIVE_OWNER_BYTES_MAX + 8];
  char prefix[REDIS_PREFIX_BYTES_MAX], global[REDIS_PREFIX_BYTES_MAX], owner[LIVE_OWNER_BYTES_MAX];
  char *url;        /* says with whom seen is shared */
  char *extra_text; /* what extras point into */
  struct str extras[REDIS_EXTRA_KEYS_MAX];
  size_t extra_count;
};

/* One call's needs, freed at its end. */
struct redis_call {
  struct live_redis *l;
  struct arena arena;
  struct redis_batch batch;
  struct redis_value *answers; /* after redis_call_run */
  int64_t seen;                /* what this server of ours had been told before the call (redis_seen.h) */
  const char *mark;            /* the first argument of every script: "SEEN|LIFE|KEY" */
};
enum err redis_call_init(struct redis_call *c, struct live_redis *l, bool is_repeatable);
void redis_call_free(struct redis_call *c);
#define REDIS_CALL_AUTO [[gnu::cleanup(redis_call_free)]]
/* EVALSHA of this script with its keys and mark; its arguments follow. */
void redis_call_script(struct redis_call *c, enum redis_script script);
/* One round trip (more for Upstash's transactions). Texts of the answers go into texts, NULL: die with the call.
 * Scripts the server does not know are loaded. Answers may be errors. */
enum err redis_call_run(struct redis_call *c, struct arena *texts, struct err_detail *detail);
/* The server counted this number for us: redis_seen.h. */
void redis_call_seen(const struct redis_call *c, const struct redis_value *number);
/* The first answer that is an error, as one of ours. */
enum err redis_call_errors(const struct redis_call *c, struct err_detail *detail);
/* The number of an answer, also one that came as text; otherwise what it is not. */
int64_t redis_number(const struct redis_value *v, int64_t otherwise);

/* ---- live_redis_write.c ---- */
enum err live_redis_load(struct live *l, const struct live_world *w, int64_t token, int64_t now_ms,
                         struct err_detail *detail);
enum err live_redis_write(struct live *l, struct live_append *writes, size_t count, int64_t now_ms,
                          struct err_detail *detail);
enum err live_redis_saved(struct live *l, struct live_mark *marks, size_t count, struct err_detail *detail);
enum err live_redis_clear(struct live *l, struct live_mark *marks, size_t count, int64_t now_ms,
                          struct err_detail *detail);
enum err live_redis_expire_events(struct live *l, const struct str *ids, size_t count, int64_t before_ms,
                                  int64_t *ret_removed, struct err_detail *detail);

/* ---- live_redis_lock.c ---- */
enum err live_redis_lock(struct live *l, struct live_lock *locks, size_t count, struct live_lease lease,
                         struct err_detail *detail);
enum err live_redis_renew(struct live *l, struct live_lock *locks, size_t count, struct live_lease lease,
                          struct err_detail *detail);
enum err live_redis_unlock(struct live *l, const struct live_lock *locks, size_t count,
                           struct err_detail *detail);
enum err live_redis_drop_orphans(struct live *l, int64_t now_ms, size_t max, int64_t *ret_removed,
                                 struct err_detail *detail);
