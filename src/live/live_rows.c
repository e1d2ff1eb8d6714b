#include "live/live_rows.h"

enum err live_row_get(struct live_file *f, struct str id, struct live_row *ret, struct err_detail *detail) {
  sqlite3_stmt *s = live_file_ask(f, LIVE_SQL_WORLD_GET, A_LIST(A_TEXT(id)));
  bool is_row;
  TRY(live_file_step(f, s, &is_row, detail));
  if (!is_row) return ERR_NOT_FOUND;
  int64_t *const columns[] = {&ret->no,        &ret->version,  &ret->saved,    &ret->turn,  &ret->ticks,
                              &ret->active_ms, &ret->dirty_ms, &ret->event_ms, &ret->bytes, &ret->life};
  for (int i = 0; i < 10; i++) *columns[i] = sqlite3_column_int64(s, i);
  sqlite3_reset(s);
  ASSERT(ret->saved <= ret->version && ret->bytes >= 0);
  return ERR_OK;
}

static enum err put_instants(struct live_file *f, const struct live_row *was, const struct live_row *is,
                             struct err_detail *detail) {
  const struct {
    enum live_sql sql;
    int64_t was_ms, is_ms;
  } instants[] = {{LIVE_SQL_WORLD_PUT_ACTIVE, was->active_ms, is->active_ms},
                  {LIVE_SQL_WORLD_PUT_DIRTY, was->dirty_ms, is->dirty_ms},
                  {LIVE_SQL_WORLD_PUT_EVENT, was->event_ms, is->event_ms}};
  for (size_t i = 0; i < sizeof instants / sizeof *instants; i++)
    if (instants[i].was_ms != instants[i].is_ms)
      TRY(live_file_run(f, instants[i].sql, A_LIST(A_INT(is->no), A_INT(instants[i].is_ms)), detail));
  return ERR_OK;
}

enum err live_row_put(struct live_file *f, const struct live_row *was, const struct live_row *is,
                      struct err_detail *detail) {
  ASSERT((is->dirty_ms > 0) == (is->version > is->saved) && is->bytes >= 0);
  f->tally.bytes += is->bytes - was->bytes;
  f->tally.dirty += (is->dirty_ms > 0) - (was->dirty_ms > 0);
  TRY(put_instants(f, was, is, detail));
  return live_file_run(f, LIVE_SQL_WORLD_PUT,
                       A_LIST(A_INT(is->no), A_INT(is->version), A_INT(is->saved), A_INT(is->turn),
                              A_INT(is->ticks), A_INT(is->bytes), A_INT(is->life)),
                       detail);
}

enum err live_row_add(struct live_file *f, const struct live_world *w, struct live_row *ret,
                      struct err_detail *detail) {
  *ret = (struct live_row){
      .version = w->version, .saved = w->version, .turn = w->turn, .ticks = w->ticks, .life = f->life};
  ret->active_ms = live_keep_instant(w->active_ms);
  f->tally.worlds++;
  return live_file_number(
      f, LIVE_SQL_WORLD_ADD,
      A_LIST(A_TEXT(w->id), A_INT(ret->version), A_INT(ret->turn), A_INT(ret->ticks), A_INT(ret->active_ms)),
      &ret->no, detail);
}

static enum err set_field(struct live_file *f, struct live_row *row, enum live_part part,
                          const struct live_field *field, struct err_detail *detail) {
  struct live_arg world = A_INT(row->no), which = A_INT(part), name = A_BLOB(field->name);
  int64_t was;
  TRY(live_file_number(f, LIVE_SQL_FIELD_BYTES, A_LIST(world, which, name), &was, detail));
  row->bytes -= was;
  if (field->bytes.len == 0) return live_file_run(f, LIVE_SQL_FIELD_DROP, A_LIST(world, which, name), detail);
  row->bytes += (int64_t)(field->name.len + field->bytes.len);
  return live_file_run(f, LIVE_SQL_FIELD_PUT, A_LIST(world, which, name, A_BLOB(field->bytes)), detail);
}

enum err live_row_set_fields(struct live_file *f, struct live_row *row, enum live_part part,
                             const struct live_field *fields, size_t count, struct err_detail *detail) {
  for (size_t i = 0; i < count; i++) TRY(set_field(f, row, part, &fields[i], detail));
  return ERR_OK;
}
