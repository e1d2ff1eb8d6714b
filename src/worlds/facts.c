#include "worlds/facts.h"

#include "worlds/load.h"
#include "worlds/sql.h"

enum err world_cases_new(struct arena *arena, size_t max, struct world_cases *ret) {
  *ret = (struct world_cases){.arena = arena, .list = ARENA_ARRAY(arena, struct world_case, max), .max = max};
  return ret->list ? ERR_OK : ERR_NO_MEMORY;
}

static const char *text_of(struct arena *arena, const struct sql_row *row, int column) {
  struct str s = sql_row_text(row, column);
  return s.ptr ? arena_strdup(arena, s) : NULL;
}

static int64_t enum_of(const char *const *names, const struct sql_row *row, int column) {
  int index = field_enum_index(names, sql_row_text(row, column));
  return index < 0 ? FIELD_NULL : index;
}

/* In the order of CASE_COLUMNS. */
static bool read_case(void *arg, const struct sql_row *row) {
  struct world_cases *cases = arg;
  ASSERT(cases->count < cases->max);
  struct world_case *c = &cases->list[cases->count++];
  struct arena *a = cases->arena;
  c->row = (struct world_row){
      .id = text_of(a, row, 0),
      .name = text_of(a, row, 1),
      .owner_id = text_of(a, row, 2),
      .owner_email = text_of(a, row, 3),
      .locale = text_of(a, row, 4),
      .status = enum_of(world_status_names, row, 5),
      .is_paused = sql_row_int(row, 6),
      .paused_ms = sql_row_instant(row, 7),
      .pause_reason = enum_of(pause_reason_names, row, 8),
      .last_active_ms = sql_row_instant(row, 9),
      .is_favorite = sql_row_int(row, 10),
      .scheduled_deletion_ms = sql_row_instant(row, 11),
      .is_collaborative = sql_row_int(row, 12),
      .vacation_until_ms = sql_row_instant(row, 13),
      .ladder_from_ms = sql_row_instant(row, 14),
      .warned = sql_row_int(row, 15),
      .warned_ms = sql_row_instant(row, 16),
      .fence = sql_row_int(row, 17),
  };
  if (c->row.status == FIELD_NULL) c->row.status = WORLD_RUNNING;
  world_row_put_right(&c->row);
  c->facts = (struct world_facts){.row = &c->row,
                                  .live_active_ms = INSTANT_NONE,
                                  .next_event_ms = sql_row_instant(row, 18),
                                  .member_active_ms = sql_row_instant(row, 19)};
  return cases->count < cases->max;
}

enum err world_cases_read(struct lane *l, size_t statement, const struct sql_value *args, size_t count,
                          struct world_cases *cases) {
  cases->count = 0;
  if (cases->max == 0) return ERR_OK;
  TRY(sqldb_query(l->db, statement, args, count, read_case, cases, l->detail));
  return arena_error(cases->arena);
}

int64_t world_live_activity(const struct live_world *w) {
  bool is_unsaved = w->is_there && w->version > w->saved_version;
  if (!is_unsaved || w->active_ms == INSTANT_NONE) return INSTANT_NONE;
  return w->dirty_ms == INSTANT_NONE || w->active_ms >= w->dirty_ms ? w->active_ms : INSTANT_NONE;
}

enum err world_cases_live(struct lane *l, struct world_case *cases, size_t count, struct arena *arena,
                          struct live_world *snapshots) {
  ASSERT(count <= LIVE_BATCH_MAX);
  if (count == 0 || live_mode(l->live) == LIVE_NONE) return ERR_OK;
  struct str *ids = ARENA_ARRAY(arena, struct str, count);
  struct live_world *seen = snapshots ? snapshots : ARENA_ARRAY(arena, struct live_world, count);
  if (!ids || !seen) return ERR_NO_MEMORY;
  for (size_t i = 0; i < count; i++) ids[i] = str_of(cases[i].row.id);
  TRY(live_read(l->live, &(struct live_question){ids, count, LIVE_META, arena}, seen, l->detail));
  for (size_t i = 0; i < count; i++) cases[i].facts.live_active_ms = world_live_activity(&seen[i]);
  return ERR_OK;
}

void world_ids_text(const struct str *ids, size_t count, struct buf *out) {
  struct json_writer w = jw_new(out);
  jw_array(&w);
  for (size_t i = 0; i < count; i++) jw_str(&w, ids[i]);
  jw_array_end(&w);
}

enum err world_case_get(struct lane *l, struct str id, int64_t now_ms, struct world_case *ret) {
  struct world_cases one;
  BUF_AUTO struct buf ids = buf_new(1024);
  world_ids_text(&id, 1, &ids);
  TRY(buf_error(&ids));
  TRY(world_cases_new(&l->arena, 1, &one));
  TRY(world_cases_read(l, SQL_CASES_OF, SQL_ARGS(SQL_VALUE_INSTANT(now_ms), SQL_VALUE_STR(buf_str(&ids))),
                       &one));
  if (one.count == 0)
    return err_set(l->detail, ERR_NOT_FOUND, "id", 0, "there is no world \"%.*s\"", STR_ARG(id));
  *ret = one.list[0];
  ret->facts.row = &ret->row;
  return ERR_OK;
}
