/* Snapshots of many worlds into the database, in one transaction; when that fails, world by world, so that one bad
 * world holds nobody up. */
#pragma once
#include "worlds/load.h"

struct save_result {
  enum err
      error; /* OK: safe in the database. NOT_FOUND: there is no such row. WORLD_BUSY: the fence refused */
  char message[ERR_TEXT_MAX];
};
/* ERR_UNAVAILABLE and the like of the whole store end it: then nothing is known to be safe. */
enum err world_save_batch(struct lane *l, const struct world_snapshots *s, struct save_result *ret);

/* How many of a page are taken at once: their states fit in memory together. At least one. */
size_t world_batch_size(const struct live_world *metas, size_t count);

/* The cursor between pages: args.cursor = {"part", "score", "id", "until"}, the "next" of the page before. */
struct batch_cursor {
  struct str part;
  int64_t score; /* INSTANT_NONE: from the start */
  struct str id;
  int64_t until_ms; /* INSTANT_NONE: not fixed yet */
};
struct batch_cursor batch_cursor_of(const struct world_request *q);
json_t *batch_next(const char *part, int64_t score, struct str id, int64_t until_ms);

/* Live states whose world is not in the database any more: removed under their lock once a tombstone says that it was
 * deleted, or after a week (somebody may restore the database). Answers whether it was. */
bool world_drop_orphan(struct lane *l, struct str id, int64_t now_ms);
