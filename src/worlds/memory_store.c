#include "worlds/memory_store.h"

#include "worlds/sql.h"
#include "worlds/world_moves.h"

enum err lane_archive(struct lane *l, struct archive **ret) {
  if (!l->archive) TRY(archive_open(&worlds_config(l->worlds)->db, &l->archive, l->detail));
  *ret = l->archive;
  return ERR_OK;
}

enum err memory_forget_segments(struct lane *l, struct str world_id) {
  struct archive *a;
  TRY(lane_archive(l, &a));
  return archive_forget(a, world_id, l->detail);
}

struct str memory_world_id(const struct world_request *q) {
  return q->world_id.len ? q->world_id : json_text_at(q->args, "worldId");
}

/* ---- numbers ---- */

struct number {
  int64_t value;
  bool found;
};

static bool take_number(void *arg, const struct sql_row *row) {
  *(struct number *)arg = (struct number){sql_row_int(row, 0), true};
  return false;
}

enum err memory_number(struct lane *l, size_t statement, const struct sql_value *args, size_t arg_count,
                       int64_t *ret, bool *ret_found) {
  struct number n = {};
  TRY(sqldb_query(l->db, statement, args, arg_count, take_number, &n, l->detail));
  if (n.found) *ret = n.value;
  *ret_found = n.found;
  return ERR_OK;
}

/* ---- interactions ---- */

struct rows_visit {
  struct arena *arena;
  struct memory_item *items;
  size_t room, count, bytes;
  enum err error;
};

static struct str copied(struct rows_visit *v, const struct sql_row *row, int column) {
  struct str s = sql_row_text(row, column);
  if (sql_row_is_null(row, column)) return STR_NONE;
  char *copy = arena_strdup(v->arena, s);
  if (!copy) v->error = ERR_NO_MEMORY;
  v->bytes += s.len;
  return (struct str){copy, copy ? s.len : 0};
}

static bool take_row(void *arg, const struct sql_row *row) {
  struct rows_visit *v = arg;
  if (v->count == v->room || (v->count && v->bytes > MEMORY_READ_BYTES_MAX)) return false;
  v->items[v->count++] = (struct memory_item){.turn = sql_row_int(row, 0),
                                              .at_ms = sql_row_instant(row, 1),
                                              .speaker = copied(v, row, 2),
                                              .is_user = sql_row_int(row, 3) != 0,
                                              .place = copied(v, row, 4),
                                              .text = copied(v, row, 5),
                                              .data = copied(v, row, 6)};
  return v->error == ERR_OK;
}

enum err memory_rows(struct lane *l, size_t statement, const struct sql_value *args, size_t arg_count,
                     size_t room, struct memory_item **ret, size_t *ret_count) {
  struct rows_visit v = {
      .arena = &l->arena, .items = ARENA_ARRAY(&l->arena, struct memory_item, room + 1), .room = room};
  if (!v.items) return ERR_NO_MEMORY;
  TRY(sqldb_query(l->db, statement, args, arg_count, take_row, &v, l->detail));
  TRY(v.error);
  *ret = v.items;
  *ret_count = v.count;
  return ERR_OK;
}

int64_t memory_item_bytes(const struct memory_item *item) {
  return (int64_t)(item->speaker.len + item->place.len + item->text.len + item->data.len);
}

/* ---- segments ---- */

struct segments_visit {
  struct memory_segment *ret;
  size_t room, count;
};

static bool take_segment(void *arg, const struct sql_row *row) {
  struct segments_visit *v = arg;
  if (v->count == v->room) return false;
  struct memory_segment s = {.from_turn = sql_row_int(row, 0),
                             .to_turn = sql_row_int(row, 1),
                             .count = sql_row_int(row, 2),
                             .bytes = sql_row_int(row, 4),
                             .stored_bytes = sql_row_int(row, 5),
                             .created_ms = sql_row_instant(row, 6)};
  (void)str_copy(s.sha256, sizeof s.sha256, sql_row_text(row, 3));
  v->ret[v->count++] = s;
  return true;
}

enum err memory_segment_at(struct lane *l, struct str world_id, int64_t turn, struct memory_segment *ret,
                           bool *ret_found) {
  struct memory_segment s;
  struct segments_visit v = {&s, 1, 0};
  TRY(sqldb_query(l->db, SQL_ARCHIVE_AT, SQL_ARGS(SQL_VALUE_STR(world_id), SQL_VALUE_INT(turn)), take_segment,
                  &v, l->detail));
  *ret_found = v.count && s.to_turn >= turn;
  if (*ret_found) *ret = s;
  return ERR_OK;
}

enum err memory_segments(struct lane *l, struct str world_id, int64_t from_turn, struct memory_segment *ret,
                         size_t limit, size_t *ret_count) {
  struct segments_visit v = {ret, limit, 0};
  TRY(sqldb_query(l->db, SQL_ARCHIVE_FROM,
                  SQL_ARGS(SQL_VALUE_STR(world_id), SQL_VALUE_INT(from_turn), SQL_VALUE_INT((int64_t)limit)),
                  take_segment, &v, l->detail));
  *ret_count = v.count;
  return ERR_OK;
}

enum err memory_segment_lines(struct lane *l, struct str world_id, const struct memory_segment *s,
                              struct buf *ret_lines) {
  struct archive *a;
  char got[SEGMENT_SHA256_LEN + 1];
  BUF_AUTO struct buf blob = buf_new(ARCHIVE_BLOB_BYTES_MAX + 1);
  TRY(lane_archive(l, &a));
  struct archive_key key = {world_id, s->from_turn, str_of(s->sha256)};
  enum err e = archive_get(a, &key, &blob, l->detail);
  if (e == ERR_NOT_FOUND)
    return err_set(l->detail, ERR_STORE_CORRUPT, "archive", 0, "the segment from turn %lld is missing",
                   (long long)s->from_turn);
  TRY(e);
  size_t start = ret_lines->len;
  TRY(segment_unpack(buf_str(&blob), ret_lines, l->detail));
  segment_sha256(str_from(buf_str(ret_lines), start), got);
  if (strcmp(got, s->sha256) == 0) return ERR_OK;
  return err_set(l->detail, ERR_STORE_CORRUPT, "archive", 0,
                 "the segment from turn %lld is not what was put there", (long long)s->from_turn);
}

#define SEGMENTS_PAGE 64

enum err memory_each_segment(struct lane *l, struct str world_id, int64_t from_turn, memory_segment_fn *fn,
                             void *arg) {
  struct memory_segment page[SEGMENTS_PAGE];
  for (size_t count = SEGMENTS_PAGE; count == SEGMENTS_PAGE;) {
    TRY(memory_segments(l, world_id, from_turn, page, SEGMENTS_PAGE, &count));
    for (size_t i = 0; i < count; i++) {
      BUF_AUTO struct buf lines = buf_new(SEGMENT_LINES_BYTES_MAX + 1);
      TRY(memory_segment_lines(l, world_id, &page[i], &lines));
      TRY(fn(arg, &page[i], buf_str(&lines), l->detail));
      from_turn = page[i].from_turn + 1;
    }
  }
  return ERR_OK;
}

/* ---- summaries ---- */

static json_t *text_json(struct str s) { return s.ptr ? json_stringn(s.ptr, s.len) : json_null(); }

static json_t *parsed_json(struct str s) {
  json_t *value = NULL;
  return json_parse(s, &value, NULL) == ERR_OK ? value : json_array();
}

json_t *memory_summary_json(const struct sql_row *row) {
  bool is_pinned = sql_row_int(row, 12) != 0;
  return json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:b, s:b, s:o, s:o}", "id",
                   text_json(sql_row_text(row, 0)), "level", (json_int_t)sql_row_int(row, 1), "fromTurn",
                   (json_int_t)sql_row_int(row, 2), "toTurn", (json_int_t)sql_row_int(row, 3), "count",
                   (json_int_t)sql_row_int(row, 4), "method", text_json(sql_row_text(row, 5)), "text",
                   text_json(sql_row_text(row, 6)), "keyMoments", parsed_json(sql_row_text(row, 7)),
                   "entities", parsed_json(sql_row_text(row, 8)), "relations",
                   parsed_json(sql_row_text(row, 9)), "sourceHash", text_json(sql_row_text(row, 10)),
                   "importance", sql_row_real(row, 11), "isPinned", (int)is_pinned, "isEdited",
                   (int)!sql_row_is_null(row, 13), "mergedInto", text_json(sql_row_text(row, 14)),
                   "createdAt", world_json_instant(sql_row_instant(row, 15)));
}
