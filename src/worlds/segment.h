/* A segment of the archive: interactions as they were, one JSON line each, compressed by zstd. Lines are canonical
 * (fixed order of members, no spaces, text escaped one way), so the SHA-256 of the lines says whether two sets of rows
 * are the same, and rows put back from a segment give the same bytes again.
 *
 *   {"turn":7,"at":"2026-11-21T18:00:00.000Z","speaker":"Ana","isUser":true,"place":null,"text":"…","data":null}
 *
 * To change the format: give lines a member "v" and teach segment_read both; segments are never rewritten. */
#pragma once
#include "base/buf.h"
#include "worlds/memory.h"

#define SEGMENT_LINES_BYTES_MAX (96 * 1024 * 1024) /* of the lines of one segment */
#define SEGMENT_SHA256_LEN 64

/* False when the row cannot be written as it is (no UTF-8, a NUL): such a row must not leave the table. */
bool segment_add(struct buf *lines, const struct memory_item *item);
/* Items by turn, their texts in the arena. ERR_STORE_CORRUPT names the line. */
enum err segment_read(struct str lines, struct arena *arena, struct memory_item **ret, size_t *ret_count,
                      struct err_detail *detail);
void segment_sha256(struct str bytes, char ret_hex[SEGMENT_SHA256_LEN + 1]);
/* level: zstd's, 1 to 19. On 901 interactions of prose (1.5 MB) 9, 12, 15 and 19 gave 4.4, 4.6, 5.0 and 5.4 to 1 at 11, 3.9,
 * 1.0 and 0.5 MB/s; 12 lets 1,000 worlds through the night's half hour. */
#define SEGMENT_LEVEL 12
enum err segment_pack(struct str lines, int level, struct buf *ret_blob, struct err_detail *detail);
/* ERR_STORE_CORRUPT: it is no segment, is cut short or would grow above SEGMENT_LINES_BYTES_MAX. */
enum err segment_unpack(struct str blob, struct buf *ret_lines, struct err_detail *detail);
