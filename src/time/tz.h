/* Time zones read from TZif files (RFC 9636, versions 1–4 with the footer rule), without libc's
 * process-global zone. A zone is a sorted list of spans of constant offset, expanded by its footer
 * rule through TZ_LAST_YEAR and computed from the rule beyond.
 *
 * Seconds here are int64 seconds since 1970-01-01T00:00:00Z; offsets are seconds east of UTC. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define TZ_FOLDER "/usr/share/zoneinfo"
#define TZ_NAME_MAX 64
#define TZ_ABBREVIATION_MAX 16        /* with its NUL; longer ones are refused */
#define TZ_FILE_BYTES_MAX (64 * 1024) /* the fattest file of tzdata 2026 has 4 KB */
#define TZ_LAST_YEAR 2200             /* schedules end with 2199 */
#define TZ_OFFSET_MAX_S (26 * 3600)   /* RFC 9636 3.2: -25:59:59 to 25:59:59 */
#define TZ_SPAN_FIRST INT64_MIN       /* from_s of the first span */
#define TZ_SPAN_LAST INT64_MAX        /* until_s of the last span */

struct tzdb; /* zones of one folder, cached by name; not thread-safe: one per thread */
struct tz;   /* one zone; owned by its tzdb, its address stays the same until tzdb_free */

/* folder: NULL is TZ_FOLDER; the text is copied. No file is read yet, so it need not exist.
 * $TZDIR is not read here: whoever wants it passes it. */
enum err tzdb_new(const char *folder, struct tzdb **ret);
void tzdb_free(struct tzdb *db);

/* Finds a zone by its IANA name ("Europe/Madrid"). An empty name and "UTC" need no file. An unknown
 * or damaged zone is ERR_INVALID with field "timezone" and a near name as the hint, never UTC. */
enum err tz_find(struct tzdb *db, struct str name, const struct tz **ret, struct err_detail *detail);

/* Puts a zone with this content (a whole TZif file) into the cache, in place of what is cached under that
 * name; it is no longer read from the folder. For audits that replay the zone data of their time. */
enum err tzdb_add(struct tzdb *db, struct str name, struct str content, const struct tz **ret,
                  struct err_detail *detail);

/* Reads again the files that changed on disk. True when the content of any cached zone changed: instants
 * not yet claimed must be planned anew. Schedules compiled before go on with the new content. A
 * file that is gone or damaged leaves its zone's old content in use, but tz_find refuses it from then on. */
bool tzdb_refresh(struct tzdb *db);

struct str tz_name(const struct tz *z);
/* Grows whenever the content changes, so caches built on spans know. */
uint32_t tz_generation(const struct tz *z);
/* The file's bytes, and their SHA-256 in lower-case hex: what the schedule history keeps. Borrowed;
 * valid until the next tzdb_refresh. */
struct str tz_content(const struct tz *z);
const char *tz_sha256(const struct tz *z);

/* A stretch of constant offset: from_s <= t < until_s. */
struct tz_span {
  int64_t from_s;
  int64_t until_s;
  int64_t high_s; /* the greatest local reading before from_s, exclusive; INT64_MIN for the first span.
                      Local readings below it came earlier (overlap); readings from it up to
                      from_s + offset_s never come (gap). */
  int32_t offset_s;
  bool is_dst;
  char abbreviation[TZ_ABBREVIATION_MAX];
};
void tz_span_at(const struct tz *z, int64_t epoch_s, struct tz_span *ret);

/* Offset in force at an instant; is_dst and abbreviation may be NULL. */
int tz_offset_s(const struct tz *z, int64_t epoch_s, bool *ret_is_dst,
                char ret_abbreviation[TZ_ABBREVIATION_MAX]);
/* The first change of offset, abbreviation or DST flag after t / the last one at or before t;
 * false when there is none. */
bool tz_next_transition(const struct tz *z, int64_t epoch_s, int64_t *ret_epoch_s);
bool tz_prev_transition(const struct tz *z, int64_t epoch_s, int64_t *ret_epoch_s);

/* The first instant at which the zone's clock reads local_s or later, local_s being seconds of the local reading
 * taken as if it were UTC. So: the first pass in an overlap, the end of the gap in a gap. */
int64_t tz_from_local(const struct tz *z, int64_t local_s, bool *ret_is_gap);
/* All offset changes from 1970 on, and the local readings at which they happen, are multiples of this: 3600 in
 * most zones, 0 when there is no change. */
int tz_step_s(const struct tz *z);
/* The greatest jump forward from 1970 on; 0 when there is none. */
int tz_jump_s(const struct tz *z);
