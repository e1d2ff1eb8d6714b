/* Where segments of interactions are kept that have left the hot table: archive.db, a file of its own beside worlds.db
 * (synchronous=FULL, freed pages given back), or the table "InteractionSegment" of the same PostgreSQL by a connection
 * of its own. Segments never change: their key holds their hash, so a new one for the same turns stands beside the old
 * one until nothing refers to that any more. Which ones count is said by "InteractionArchive" in the worlds' database. */
#pragma once
#include "base/buf.h"
#include "store/sqldb.h"

#define ARCHIVE_FILE "archive.db"
#define ARCHIVE_BLOB_BYTES_MAX (64 * 1024 * 1024)

struct archive;
struct archive_key { /* texts borrowed */
  struct str world_id;
  int64_t from_turn;
  struct str sha256; /* of the lines, not of the blob */
};
struct archive_segment {
  struct archive_key key;
  int64_t to_turn, count;
  int64_t bytes; /* of the lines */
  struct str blob;
  int64_t created_ms;
};

/* like: of the worlds' database; its file and statements are not looked at. Makes the table when it is missing. */
enum err archive_open(const struct sqldb_config *like, struct archive **ret, struct err_detail *detail);
void archive_close(struct archive *a); /* NULL-safe */

/* Commits; a segment of this key that is there already is kept as it is. */
enum err archive_put(struct archive *a, const struct archive_segment *s, struct err_detail *detail);
/* Its blob is added to ret_blob. ERR_NOT_FOUND. */
enum err archive_get(struct archive *a, const struct archive_key *key, struct buf *ret_blob,
                     struct err_detail *detail);
enum err archive_has(struct archive *a, const struct archive_key *key, bool *ret, struct err_detail *detail);
/* Keys of at most limit segments after this one (NULL: from the start), in order, with when they were made; fn may stop
 * by returning false and must not use the archive. */
typedef bool archive_key_fn(void *arg, const struct archive_key *key, int64_t created_ms);
enum err archive_list(struct archive *a, const struct archive_key *after, int64_t limit, archive_key_fn *fn,
                      void *arg, struct err_detail *detail);
enum err archive_drop(struct archive *a, const struct archive_key *keys, size_t count,
                      struct err_detail *detail);
/* All segments of a world. */
enum err archive_forget(struct archive *a, struct str world_id, struct err_detail *detail);
enum err archive_live_bytes(struct archive *a, int64_t *ret, struct err_detail *detail);
enum err archive_shrink(struct archive *a, int64_t pages, struct err_detail *detail);
