/* What changes the worlds in live.db. One transaction a call; what is wrong with a single world is found before
 * anything of it is changed. */
#include <inttypes.h>
#include <stdio.h>

#include "live/live_rows.h"

static struct live_file *file_of(struct live *l) { return ((struct live_embedded *)l)->file; }

/* ---- write ---- */

static enum err add_journal(struct live_file *f, struct live_row *row, const struct live_append *w,
                            struct err_detail *detail) {
  for (size_t i = 0; i < w->journal_count; i++) {
    const struct live_entry *e = &w->journal[i];
    TRY(live_file_run(f, LIVE_SQL_JOURNAL_ADD,
                      A_LIST(A_INT(row->no), A_INT(++row->turn), A_INT(e->at_ms), A_BLOB(e->bytes)), detail));
    row->bytes += (int64_t)e->bytes.len;
  }
  return ERR_OK;
}

struct entries_sql {
  enum live_sql bytes, trim;
};
static const struct entries_sql journal = {LIVE_SQL_JOURNAL_BYTES, LIVE_SQL_JOURNAL_TRIM},
                                history = {LIVE_SQL_HISTORY_BYTES, LIVE_SQL_HISTORY_TRIM};

static enum err trim_entries(struct live_file *f, struct live_row *row, const struct entries_sql *sql,
                             int64_t until, struct err_detail *detail) {
  int64_t bytes;
  TRY(live_file_number(f, sql->bytes, A_LIST(A_INT(row->no), A_INT(until)), &bytes, detail));
  row->bytes -= bytes;
  return live_file_run(f, sql->trim, A_LIST(A_INT(row->no), A_INT(until)), detail);
}

static enum err add_history(struct live_file *f, struct live_row *row, const struct live_append *w,
                            struct err_detail *detail) {
  struct live_arg world = A_INT(row->no);
  int64_t last;
  if (w->history_count == 0) return ERR_OK;
  TRY(live_file_number(f, LIVE_SQL_HISTORY_LAST, A_LIST(world), &last, detail));
  for (size_t i = 0; i < w->history_count; i++) {
    const struct live_entry *e = &w->history[i];
    TRY(live_file_run(f, LIVE_SQL_HISTORY_ADD,
                      A_LIST(world, A_INT(++last), A_INT(e->at_ms), A_BLOB(e->bytes)), detail));
    row->bytes += (int64_t)e->bytes.len;
  }
  return last > LIVE_HISTORY_MAX ? trim_entries(f, row, &history, last - LIVE_HISTORY_MAX, detail) : ERR_OK;
}

/* INSTANT_NONE: it is not there. */
static enum err event_at(struct live_file *f, int64_t world, struct str bytes, int64_t *ret_ms,
                         struct err_detail *detail) {
  sqlite3_stmt *s = live_file_ask(f, LIVE_SQL_EVENT_AT, A_LIST(A_INT(world), A_BLOB(bytes)));
  bool is_there;
  TRY(live_file_step(f, s, &is_there, detail));
  *ret_ms = is_there ? sqlite3_column_int64(s, 0) : INSTANT_NONE;
  sqlite3_reset(s);
  return ERR_OK;
}

/* The oldest is looked for only where one that may have been the oldest has become younger. */
static enum err add_events(struct live_file *f, struct live_row *row, const struct live_entry *events,
                           size_t count, struct err_detail *detail) {
  bool is_oldest_moved = false;
  for (size_t i = 0; i < count; i++) {
    const struct live_entry *e = &events[i];
    int64_t was_ms;
    TRY(event_at(f, row->no, e->bytes, &was_ms, detail));
    TRY(live_file_run(f, LIVE_SQL_EVENT_PUT, A_LIST(A_INT(row->no), A_BLOB(e->bytes), A_INT(e->at_ms)),
                      detail));
    if (was_ms == INSTANT_NONE) row->bytes += (int64_t)e->bytes.len;
    else is_oldest_moved |= was_ms <= row->event_ms;
    if (row->event_ms == 0 || e->at_ms < row->event_ms) row->event_ms = e->at_ms;
  }
  if (!is_oldest_moved) return ERR_OK;
  return live_file_number(f, LIVE_SQL_EVENT_OLDEST, A_LIST(A_INT(row->no)), &row->event_ms, detail);
}

static enum err add_counters(struct live_file *f, struct live_row *row, const struct live_append *w,
                             struct err_detail *detail) {
  struct live_counter counters[LIVE_COUNTERS];
  live_counters(w, counters);
  for (int i = 0; i < LIVE_COUNTERS; i++) {
    char text[24];
    int64_t was;
    struct live_field field = {.name = str_of(counters[i].field)};
    if (counters[i].add == 0) continue;
    TRY(live_file_number(f, LIVE_SQL_FIELD_VALUE,
                         A_LIST(A_INT(row->no), A_INT(LIVE_PART_CORE), A_BLOB(field.name)), &was, detail));
    snprintf(text, sizeof text, "%" PRId64, was + counters[i].add);
    field.bytes = str_of(text);
    TRY(live_row_set_fields(f, row, LIVE_PART_CORE, &field, 1, detail));
  }
  return ERR_OK;
}

static enum err apply(struct live_file *f, struct live_row *row, struct live_append *w, int64_t now_ms,
                      struct err_detail *detail) {
  struct live_row was = *row;
  TRY(add_journal(f, row, w, detail));
  TRY(add_history(f, row, w, detail));
  TRY(add_events(f, row, w->events, w->event_count, detail));
  TRY(live_row_set_fields(f, row, LIVE_PART_CORE, w->core, w->core_count, detail));
  TRY(live_row_set_fields(f, row, LIVE_PART_SESSION, w->session, w->session_count, detail));
  TRY(add_counters(f, row, w, detail));
  row->ticks += w->ticks;
  row->version++;
  row->life = f->life;
  if (w->active_ms > row->active_ms) row->active_ms = w->active_ms;
  if (row->dirty_ms == 0) row->dirty_ms = now_ms > 0 ? now_ms : 1;
  w->first_turn = was.turn + 1;
  w->version = row->version;
  return live_row_put(f, &was, row, detail);
}

/* What is wrong with this world alone goes into w->error. */
static enum err write_one(struct live_file *f, struct live_append *w, int64_t now_ms,
                          struct err_detail *detail) {
  struct live_row row;
  if (w->error != ERR_OK) return ERR_OK;
  w->error = live_file_check_lock(f, w->id, w->token, now_ms, detail);
  if (w->error == ERR_OK) w->error = live_row_get(f, w->id, &row, detail);
  if (w->error == ERR_OK && row.life != f->life && !w->is_checked) w->error = ERR_PRECONDITION;
  if (w->error == ERR_OK) return apply(f, &row, w, now_ms, detail);
  bool is_its_own = w->error == ERR_BUSY || w->error == ERR_CONFLICT || w->error == ERR_NOT_FOUND ||
                    w->error == ERR_PRECONDITION;
  return is_its_own ? ERR_OK : w->error;
}

enum err live_embedded_write(struct live *l, struct live_append *writes, size_t count, int64_t now_ms,
                             struct err_detail *detail) {
  struct live_file *f = file_of(l);
  TRY(live_file_begin(f, true, detail));
  enum err e = ERR_OK;
  for (size_t i = 0; i < count && e == ERR_OK; i++) e = write_one(f, &writes[i], now_ms, detail);
  return live_file_end(f, e, detail);
}

/* ---- load ---- */

static enum err drop_rows(struct live_file *f, const struct live_row *row, struct err_detail *detail) {
  static const enum live_sql drops[] = {LIVE_SQL_FIELDS_DROP, LIVE_SQL_JOURNAL_DROP, LIVE_SQL_HISTORY_DROP,
                                        LIVE_SQL_EVENTS_DROP, LIVE_SQL_WORLD_DROP};
  for (size_t i = 0; i < sizeof drops / sizeof *drops; i++)
    TRY(live_file_run(f, drops[i], A_LIST(A_INT(row->no)), detail));
  f->tally.bytes -= row->bytes;
  f->tally.worlds--;
  f->tally.dirty -= row->dirty_ms > 0;
  return ERR_OK;
}

static enum err load_one(struct live_file *f, const struct live_world *w, int64_t token, int64_t now_ms,
                         struct err_detail *detail) {
  struct live_row row;
  enum err e = live_file_check_lock(f, w->id, token, now_ms, detail);
  if (e == ERR_CONFLICT) e = ERR_BUSY; /* CONFLICT means here that it is there */
  if (e == ERR_BUSY) return err_set(detail, e, "worldId", 0, "the world's lock is held by somebody else");
  TRY(e);
  e = live_row_get(f, w->id, &row, detail);
  if (e == ERR_OK && !w->replaces)
    return err_set(detail, ERR_CONFLICT, "worldId", 0, "the world is live already");
  if (e == ERR_OK) TRY(drop_rows(f, &row, detail));
  else if (e != ERR_NOT_FOUND) return e;
  TRY(live_row_add(f, w, &row, detail));
  struct live_row was = row;
  TRY(live_row_set_fields(f, &row, LIVE_PART_CORE, w->core, w->core_count, detail));
  TRY(live_row_set_fields(f, &row, LIVE_PART_SESSION, w->session, w->session_count, detail));
  TRY(add_events(f, &row, w->events, w->event_count, detail));
  return live_row_put(f, &was, &row, detail);
}

enum err live_embedded_load(struct live *l, const struct live_world *w, int64_t token, int64_t now_ms,
                            struct err_detail *detail) {
  struct live_file *f = file_of(l);
  TRY(live_file_begin(f, true, detail));
  return live_file_end(f, load_one(f, w, token, now_ms, detail), detail);
}

/* ---- saved and clear ---- */

static enum err saved_one(struct live_file *f, struct live_mark *m, struct err_detail *detail) {
  struct live_row row;
  enum err e = live_row_get(f, m->id, &row, detail);
  m->is_done = e == ERR_NOT_FOUND;
  if (m->is_done || e != ERR_OK) return m->is_done ? ERR_OK : e;
  if (m->version > row.version) return ERR_OK; /* of an earlier life of this world: not what lies here */
  struct live_row was = row;
  TRY(trim_entries(f, &row, &journal, m->turn, detail));
  m->freed_bytes = was.bytes - row.bytes;
  if (m->version > row.saved) row.saved = m->version;
  m->is_done = row.saved == row.version;
  if (m->is_done) row.dirty_ms = 0;
  else if (m->read_ms > row.dirty_ms) row.dirty_ms = m->read_ms;
  return live_row_put(f, &was, &row, detail);
}

enum err live_embedded_saved(struct live *l, struct live_mark *marks, size_t count,
                             struct err_detail *detail) {
  struct live_file *f = file_of(l);
  TRY(live_file_begin(f, true, detail));
  enum err e = ERR_OK;
  for (size_t i = 0; i < count && e == ERR_OK; i++) e = saved_one(f, &marks[i], detail);
  return live_file_end(f, e, detail);
}

static enum err clear_one(struct live_file *f, struct live_mark *m, int64_t now_ms,
                          struct err_detail *detail) {
  struct live_row row;
  enum err e = live_row_get(f, m->id, &row, detail);
  m->is_done = e == ERR_NOT_FOUND;
  if (m->is_done || e != ERR_OK) return m->is_done ? ERR_OK : e;
  if (m->token == 0 || m->version != row.version) return ERR_OK;
  e = live_file_check_lock(f, m->id, m->token, now_ms, detail);
  if (e == ERR_CONFLICT) return ERR_OK;
  TRY(e);
  TRY(drop_rows(f, &row, detail));
  m->is_done = true;
  m->freed_bytes = row.bytes;
  return live_file_run(f, LIVE_SQL_LOCK_DROP, A_LIST(A_TEXT(m->id), A_INT(m->token)), detail);
}

enum err live_embedded_clear(struct live *l, struct live_mark *marks, size_t count, int64_t now_ms,
                             struct err_detail *detail) {
  struct live_file *f = file_of(l);
  TRY(live_file_begin(f, true, detail));
  enum err e = ERR_OK;
  for (size_t i = 0; i < count && e == ERR_OK; i++) e = clear_one(f, &marks[i], now_ms, detail);
  return live_file_end(f, e, detail);
}

/* ---- events ---- */

static enum err expire_one(struct live_file *f, struct str id, int64_t before_ms, int64_t *removed,
                           struct err_detail *detail) {
  struct live_row row;
  enum err e = live_row_get(f, id, &row, detail);
  if (e != ERR_OK) return e == ERR_NOT_FOUND ? ERR_OK : e;
  struct live_row was = row;
  sqlite3_stmt *s = live_file_ask(f, LIVE_SQL_EVENTS_OLD, A_LIST(A_INT(row.no), A_INT(before_ms)));
  bool is_row;
  TRY(live_file_step(f, s, &is_row, detail));
  int64_t count = sqlite3_column_int64(s, 0), bytes = sqlite3_column_int64(s, 1);
  sqlite3_reset(s);
  if (count == 0) return ERR_OK;
  TRY(live_file_run(f, LIVE_SQL_EVENTS_EXPIRE, A_LIST(A_INT(row.no), A_INT(before_ms)), detail));
  TRY(live_file_number(f, LIVE_SQL_EVENT_OLDEST, A_LIST(A_INT(row.no)), &row.event_ms, detail));
  row.bytes -= bytes;
  *removed += count;
  return live_row_put(f, &was, &row, detail);
}

enum err live_embedded_expire_events(struct live *l, const struct str *ids, size_t count, int64_t before_ms,
                                     int64_t *ret_removed, struct err_detail *detail) {
  struct live_file *f = file_of(l);
  int64_t removed = 0;
  TRY(live_file_begin(f, true, detail));
  enum err e = ERR_OK;
  for (size_t i = 0; i < count && e == ERR_OK; i++) e = expire_one(f, ids[i], before_ms, &removed, detail);
  TRY(live_file_end(f, e, detail));
  *ret_removed = removed;
  return ERR_OK;
}
