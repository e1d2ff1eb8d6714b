/* A whole world as a file: JSON lines in zstd, readable without us.
 *   {"sereno":"world","version":1,"id":…,"exportedAt":…}
 *   {"table":"World","row":{…}}            one line a row; instants as text, bytes as base64
 *   {"segment":{fromTurn, toTurn, count, bytes, sha256, createdAt, blob}}   one line a segment of the archive
 *   {"end":true,"rows":n}                   without it the file is not whole
 * A change of the format is another version; readers keep the old ones. */
#pragma once
#include "worlds/worlds.h"

/* Gets pieces of the compressed file, in order. */
typedef enum err export_sink_fn(void *arg, struct str piece, struct err_detail *detail);
/* Writes the world as the database has it (flush what is live before): one read transaction, memory bounded by the
 * largest row. ret_rows may be NULL. ERR_NOT_FOUND. */
enum err export_world(struct lane *l, struct str id, int64_t now_ms, export_sink_fn *fn, void *arg,
                      int64_t *ret_rows);
/* Calls fn for each line of a compressed file; ERR_INVALID when it is damaged or not whole. */
typedef enum err export_line_fn(void *arg, const json_t *line, struct err_detail *detail);
enum err export_lines(struct str file, export_line_fn *fn, void *arg, struct err_detail *detail);
/* Inserts what the file in q->payload holds, in the write transaction at hand; the archive's segments are put at once (they count for
 * nothing until the commit). Of the world's row: as it was. ret_id in l->arena. ERR_CONFLICT: the world is there. The columns of
 * an application's own come back too, but not from a user's hand. */
struct import_result {
  struct str id;
  const char *owner_id; /* in l->arena */
  int64_t rows, segments;
};
enum err import_world(struct lane *l, const struct world_request *q, struct import_result *ret);
/* Removes every row of a world, the archive's too, in the write transaction at hand (the archive after it: *its* rows
 * count for nothing without the index). */
enum err erase_world_rows(struct lane *l, struct str id, int64_t now_ms);
