/* Rows of interactions, summaries and the archive as the calls about memory use them, and what others need of them:
 * whoever deletes or exports a world. */
#pragma once
#include "store/archive.h"
#include "worlds/load.h"
#include "worlds/segment.h"

/* The lane's archive, opened when it is first asked for. Borrowed. */
enum err lane_archive(struct lane *l, struct archive **ret);
/* Deletes every segment of a world from the archive, whether anything refers to it or not; the caller deletes the rows
 * of "InteractionArchive" in its own transaction, before or after: what is left over is swept. */
enum err memory_forget_segments(struct lane *l, struct str world_id);
/* The lines of the archive's segments from this turn on, verified against their hashes, one segment a visit, in order.
 * ERR_STORE_CORRUPT: a segment is missing or is not what was put there. Lines are borrowed during the visit. */
struct memory_segment {
  int64_t from_turn, to_turn, count, bytes, stored_bytes, created_ms;
  char sha256[SEGMENT_SHA256_LEN + 1];
};
typedef enum err memory_segment_fn(void *arg, const struct memory_segment *s, struct str lines,
                                   struct err_detail *detail);
enum err memory_each_segment(struct lane *l, struct str world_id, int64_t from_turn, memory_segment_fn *fn,
                             void *arg);

/* ---- inside ---- */
#define MEMORY_READ_BYTES_MAX ((size_t)16 * 1024 * 1024) /* of one batch of rows */

enum err memory_segment_at(struct lane *l, struct str world_id, int64_t turn, struct memory_segment *ret,
                           bool *ret_found);
/* Up to limit from this turn on, into ret. */
enum err memory_segments(struct lane *l, struct str world_id, int64_t from_turn, struct memory_segment *ret,
                         size_t limit, size_t *ret_count);
enum err memory_segment_lines(struct lane *l, struct str world_id, const struct memory_segment *s,
                              struct buf *ret_lines);
/* The rows of a statement with the columns of MEMORY_ROWS, in l->arena; stops when MEMORY_READ_BYTES_MAX are full. */
enum err memory_rows(struct lane *l, size_t statement, const struct sql_value *args, size_t arg_count,
                     size_t room, struct memory_item **ret, size_t *ret_count);
int64_t memory_item_bytes(const struct memory_item *item);
/* One number of the first row; false in ret_found when there is none. */
enum err memory_number(struct lane *l, size_t statement, const struct sql_value *args, size_t arg_count,
                       int64_t *ret, bool *ret_found);
/* A row with the columns of SUMMARY_GET as JSON; NULL: no memory. */
json_t *memory_summary_json(const struct sql_row *row);
struct str memory_world_id(const struct world_request *q); /* of the path, or args.worldId */
