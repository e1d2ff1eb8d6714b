/* What an implementation of the live state is made of; inside src/live only. The meaning of each function stands in
 * live.h; live.c has checked ids, sizes and counts before it calls one. */
#pragma once
#include "live/live.h"

#define LIVE_OWNER_BYTES_MAX 200
#define LIVE_TIMEOUT_MS 2000
/* An arena for what one call needs for itself; what it answers lies in its caller's. */
#define LIVE_SCRATCH_BYTES_MAX (256UL << 20)

/* An instant as it is kept, where 0 stands for none: it sorts first, so that nobody overlooks such a world. */
static inline int64_t live_keep_instant(int64_t ms) { return ms == INSTANT_NONE ? 0 : ms; }
static inline int64_t live_kept_instant(int64_t ms) { return ms == 0 ? INSTANT_NONE : ms; }

/* The counters of a write as core fields, named for the columns of "WorldStats". */
struct live_counter {
  const char *field; /* "stats.messages" */
  int64_t add;
};
#define LIVE_COUNTERS 5
void live_counters(const struct live_append *w, struct live_counter ret[LIVE_COUNTERS]);

struct live_ops {
  void (*close)(struct live *l);
  enum err (*ping)(struct live *l, struct err_detail *detail);
  enum err (*read)(struct live *l, const struct live_question *q, struct live_world *ret,
                   struct err_detail *detail);
  enum err (*load)(struct live *l, const struct live_world *w, int64_t token, int64_t now_ms,
                   struct err_detail *detail);
  enum err (*write)(struct live *l, struct live_append *writes, size_t count, int64_t now_ms,
                    struct err_detail *detail);
  enum err (*saved)(struct live *l, struct live_mark *marks, size_t count, struct err_detail *detail);
  enum err (*clear)(struct live *l, struct live_mark *marks, size_t count, int64_t now_ms,
                    struct err_detail *detail);
  enum err (*lock)(struct live *l, struct live_lock *locks, size_t count, struct live_lease lease,
                   struct err_detail *detail);
  enum err (*renew)(struct live *l, struct live_lock *locks, size_t count, struct live_lease lease,
                    struct err_detail *detail);
  enum err (*unlock)(struct live *l, const struct live_lock *locks, size_t count, struct err_detail *detail);
  enum err (*drop_orphans)(struct live *l, int64_t now_ms, size_t max, int64_t *ret_removed,
                           struct err_detail *detail);
  enum err (*list)(struct live *l, enum live_index index, struct live_page *page, struct arena *arena,
                   struct err_detail *detail);
  enum err (*expire_events)(struct live *l, const struct str *ids, size_t count, int64_t before_ms,
                            int64_t *ret_removed, struct err_detail *detail);
  enum err (*status)(struct live *l, struct live_status *ret, struct err_detail *detail);
};

/* The head of every handle: implementations put it first. */
struct live {
  const struct live_ops *ops;
  enum live_mode mode;
  char node[LIVE_OWNER_BYTES_MAX]; /* of the owner "NODE:EPOCH" */
  int64_t epoch;                   /* 0: the owner names none */
};

/* Each sets ops and mode; the rest of the head is live.c's. */
enum err live_embedded_open(const struct live_config *config, struct live **ret, struct err_detail *detail);
enum err live_none_open(const struct live_config *config, struct live **ret, struct err_detail *detail);
enum err live_redis_open(const struct live_config *config, struct live **ret, struct err_detail *detail);
enum err live_upstash_open(const struct live_config *config, struct live **ret, struct err_detail *detail);

/* ---- live_locks.c: also what "none" has, so that worlds are not moved by two at once ---- */
enum err live_file_lock(struct live *l, struct live_lock *locks, size_t count, struct live_lease lease,
                        struct err_detail *detail);
enum err live_file_renew(struct live *l, struct live_lock *locks, size_t count, struct live_lease lease,
                         struct err_detail *detail);
enum err live_file_unlock(struct live *l, const struct live_lock *locks, size_t count,
                          struct err_detail *detail);
enum err live_file_drop_orphans(struct live *l, int64_t now_ms, size_t max, int64_t *ret_removed,
                                struct err_detail *detail);
