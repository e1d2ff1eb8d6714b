/* The embedded live state: opening, reading, listing. What changes it is in live_embedded_write.c. */
#include <stdio.h>
#include <stdlib.h>

#include "live/live_rows.h"

static struct live_file *file_of(struct live *l) { return ((struct live_embedded *)l)->file; }

static void embedded_close(struct live *l) {
  live_file_close(file_of(l));
  free(l);
}

static enum err embedded_ping(struct live *l, struct err_detail *detail) {
  struct live_file *f = file_of(l);
  int64_t bytes = 0;
  TRY(live_file_begin(f, false, detail));
  return live_file_end(f, live_file_number(f, LIVE_SQL_TOTAL, NULL, 0, &bytes, detail), detail);
}

/* ---- reading ---- */

/* Rows of unknown number, gathered in an arena that doubles its array. */
static void *grown(struct arena *arena, void *items, size_t count, size_t size) {
  if (count & (count - 1)) return items; /* room until the next power of two; 0 → 1 → 2 → 4 … */
  void *more = arena_alloc(arena, size * (count ? count * 2 : 1));
  if (more && count) memcpy(more, items, size * count);
  return more;
}

/* The rows of a statement that was asked. */
static enum err read_fields(struct live_file *f, sqlite3_stmt *s, struct arena *arena,
                            struct live_field **ret, size_t *ret_count, struct err_detail *detail) {
  for (bool is_row;;) {
    TRY(live_file_step(f, s, &is_row, detail));
    if (!is_row) return ERR_OK;
    *ret = grown(arena, *ret, *ret_count, sizeof **ret);
    struct live_field field = {live_file_bytes(s, 0, arena), live_file_bytes(s, 1, arena)};
    if (!*ret || !field.name.ptr || !field.bytes.ptr) return arena_error(arena);
    (*ret)[(*ret_count)++] = field;
  }
}

static enum err read_journal(struct live_file *f, const struct live_row *row, struct arena *arena,
                             struct live_world *w, struct err_detail *detail) {
  sqlite3_stmt *s = live_file_ask(f, LIVE_SQL_JOURNAL, A_LIST(A_INT(row->no)));
  for (bool is_row;;) {
    TRY(live_file_step(f, s, &is_row, detail));
    if (!is_row) return ERR_OK;
    w->journal = grown(arena, w->journal, w->journal_count, sizeof *w->journal);
    struct live_entry entry = {sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
                               live_file_bytes(s, 2, arena)};
    if (!w->journal || !entry.bytes.ptr) return arena_error(arena);
    w->journal[w->journal_count++] = entry;
  }
}

static enum err read_events(struct live_file *f, const struct live_row *row, struct arena *arena,
                            struct live_world *w, struct err_detail *detail) {
  sqlite3_stmt *s = live_file_ask(f, LIVE_SQL_EVENTS, A_LIST(A_INT(row->no)));
  for (bool is_row;;) {
    TRY(live_file_step(f, s, &is_row, detail));
    if (!is_row) return ERR_OK;
    w->events = grown(arena, w->events, w->event_count, sizeof *w->events);
    struct live_entry event = {.at_ms = sqlite3_column_int64(s, 0), .bytes = live_file_bytes(s, 1, arena)};
    if (!w->events || !event.bytes.ptr) return arena_error(arena);
    w->events[w->event_count++] = event;
  }
}

static enum err read_parts(struct live_file *f, const struct live_row *row, unsigned parts,
                           struct arena *arena, struct live_world *w, struct err_detail *detail) {
  if (parts & (LIVE_CORE | LIVE_GUARD)) {
    enum live_sql sql = parts & LIVE_CORE ? LIVE_SQL_FIELDS : LIVE_SQL_FIELDS_GUARD;
    sqlite3_stmt *s = live_file_ask(f, sql, A_LIST(A_INT(row->no), A_INT(LIVE_PART_CORE)));
    TRY(read_fields(f, s, arena, &w->core, &w->core_count, detail));
  }
  if (parts & LIVE_SESSION) {
    sqlite3_stmt *s = live_file_ask(f, LIVE_SQL_FIELDS, A_LIST(A_INT(row->no), A_INT(LIVE_PART_SESSION)));
    TRY(read_fields(f, s, arena, &w->session, &w->session_count, detail));
  }
  if (parts & LIVE_JOURNAL) TRY(read_journal(f, row, arena, w, detail));
  return parts & LIVE_EVENTS ? read_events(f, row, arena, w, detail) : ERR_OK;
}

static enum err read_one(struct live_file *f, unsigned parts, struct arena *arena, struct live_world *w,
                         struct err_detail *detail) {
  struct live_row row;
  int64_t history = 0;
  enum err e = live_row_get(f, w->id, &row, detail);
  if (e != ERR_OK) return e == ERR_NOT_FOUND ? ERR_OK : e;
  w->is_there = true;
  w->version = row.version, w->saved_version = row.saved, w->turn = row.turn, w->ticks = row.ticks;
  w->active_ms = live_kept_instant(row.active_ms), w->dirty_ms = live_kept_instant(row.dirty_ms);
  w->bytes = row.bytes;
  w->is_checked = row.life == f->life;
  if (parts & LIVE_HISTORY)
    TRY(live_file_number(f, LIVE_SQL_HISTORY_COUNT, A_LIST(A_INT(row.no)), &history, detail));
  w->history_count = (size_t)history;
  return read_parts(f, &row, parts, arena, w, detail);
}

static enum err embedded_read(struct live *l, const struct live_question *q, struct live_world *ret,
                              struct err_detail *detail) {
  struct live_file *f = file_of(l);
  TRY(live_file_begin(f, false, detail));
  enum err e = ERR_OK;
  for (size_t i = 0; i < q->count && e == ERR_OK; i++) /* the ids stand in ret */
    e = read_one(f, q->parts, q->arena, &ret[i], detail);
  return live_file_end(f, e, detail);
}

/* ---- listing ---- */

static const enum live_sql list_sql[] = {[LIVE_DIRTY] = LIVE_SQL_LIST_DIRTY,
                                         [LIVE_ACTIVE] = LIVE_SQL_LIST_ACTIVE,
                                         [LIVE_EVENT_AGE] = LIVE_SQL_LIST_EVENTS};

static enum err list_rows(struct live_file *f, sqlite3_stmt *s, struct live_page *page, struct arena *arena,
                          struct err_detail *detail) {
  for (bool is_row;;) {
    TRY(live_file_step(f, s, &is_row, detail));
    if (!is_row) return ERR_OK;
    if (page->count == page->limit) {
      page->has_more = true;
      sqlite3_reset(s);
      return ERR_OK;
    }
    page->ids[page->count] = live_file_bytes(s, 0, arena);
    if (!page->ids[page->count].ptr) return arena_error(arena);
    page->scores[page->count++] = sqlite3_column_int64(s, 1);
  }
}

static enum err embedded_list(struct live *l, enum live_index index, struct live_page *page,
                              struct arena *arena, struct err_detail *detail) {
  struct live_file *f = file_of(l);
  TRY(live_file_begin(f, false, detail));
  sqlite3_stmt *s = live_file_ask(f, list_sql[index],
                                  A_LIST(A_INT(page->after_score), A_TEXT(page->after_id),
                                         A_INT(page->until_score), A_INT((int64_t)page->limit + 1)));
  return live_file_end(f, list_rows(f, s, page, arena, detail), detail);
}

static enum err read_status(struct live_file *f, struct live_status *ret, struct err_detail *detail) {
  sqlite3_stmt *s = live_file_ask(f, LIVE_SQL_TOTAL, NULL, 0);
  bool is_row;
  TRY(live_file_step(f, s, &is_row, detail));
  ASSERT(is_row);
  ret->used_bytes = sqlite3_column_int64(s, 0);
  ret->worlds = sqlite3_column_int64(s, 1);
  ret->dirty_worlds = sqlite3_column_int64(s, 2);
  ret->locks = sqlite3_column_int64(s, 3);
  ret->oldest_dirty_ms = live_kept_instant(sqlite3_column_int64(s, 4));
  sqlite3_reset(s);
  return ERR_OK;
}

static enum err embedded_status(struct live *l, struct live_status *ret, struct err_detail *detail) {
  struct live_file *f = file_of(l);
  ret->is_measured = true;
  snprintf(ret->server, sizeof ret->server, "%s", LIVE_FILE);
  snprintf(ret->durability, sizeof ret->durability,
           "What was acknowledged survives a crash of Sereno; a power cut may cost what came since the last "
           "checkpoint, which the next write makes once a second has passed.");
  TRY(live_file_begin(f, false, detail));
  return live_file_end(f, read_status(f, ret, detail), detail);
}

static const struct live_ops embedded_ops = {
    .close = embedded_close,
    .ping = embedded_ping,
    .read = embedded_read,
    .load = live_embedded_load,
    .write = live_embedded_write,
    .saved = live_embedded_saved,
    .clear = live_embedded_clear,
    .lock = live_file_lock,
    .renew = live_file_renew,
    .unlock = live_file_unlock,
    .drop_orphans = live_file_drop_orphans,
    .list = embedded_list,
    .expire_events = live_embedded_expire_events,
    .status = embedded_status,
};

enum err live_embedded_open(const struct live_config *config, struct live **ret, struct err_detail *detail) {
  ASSERT(config->folder || config->is_in_memory);
  struct live_embedded *l = calloc(1, sizeof *l);
  if (!l) return ERR_NO_MEMORY;
  enum err e = live_file_open(config->is_in_memory ? NULL : config->folder, &l->file, detail);
  if (e != ERR_OK) {
    free(l);
    return e;
  }
  l->live = (struct live){.ops = &embedded_ops, .mode = LIVE_EMBEDDED};
  *ret = &l->live;
  return ERR_OK;
}
