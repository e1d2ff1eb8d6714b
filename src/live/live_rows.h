/* One world's rows in live.db. Inside a transaction of live_file_begin. */
#pragma once
#include "live/live_file.h"

enum live_part { LIVE_PART_CORE, LIVE_PART_SESSION };

struct live_row { /* of "world"; instants as kept: 0 is none */
  int64_t no, version, saved, turn, ticks, active_ms, dirty_ms, event_ms, bytes, life;
};
/* ERR_NOT_FOUND without a detail: it is not live. */
enum err live_row_get(struct live_file *f, struct str id, struct live_row *ret, struct err_detail *detail);
/* Writes what is, against what was in the file, there and into the tally. */
enum err live_row_put(struct live_file *f, const struct live_row *was, const struct live_row *is,
                      struct err_detail *detail);
/* Adds the row; the tally counts it. */
enum err live_row_add(struct live_file *f, const struct live_world *w, struct live_row *ret,
                      struct err_detail *detail);
/* Empty bytes delete a field. row->bytes follows; the row itself is not written. */
enum err live_row_set_fields(struct live_file *f, struct live_row *row, enum live_part part,
                             const struct live_field *fields, size_t count, struct err_detail *detail);

/* ---- live_embedded_write.c ---- */
enum err live_embedded_load(struct live *l, const struct live_world *w, int64_t token, int64_t now_ms,
                            struct err_detail *detail);
enum err live_embedded_write(struct live *l, struct live_append *writes, size_t count, int64_t now_ms,
                             struct err_detail *detail);
enum err live_embedded_saved(struct live *l, struct live_mark *marks, size_t count,
                             struct err_detail *detail);
enum err live_embedded_clear(struct live *l, struct live_mark *marks, size_t count, int64_t now_ms,
                             struct err_detail *detail);
enum err live_embedded_expire_events(struct live *l, const struct str *ids, size_t count, int64_t before_ms,
                                     int64_t *ret_removed, struct err_detail *detail);
