/* consolidation.*: how the job memory-consolidation moves old interactions out of the hot table (DESIGN 9). The order
 * is what makes it safe: read → archive (committed, read back, compared) → commit (one transaction: the same rows are
 * still there by their hash; index, summary, delete by turn range, counters). Before the commit nothing has changed but
 * for a segment that nothing refers to; after it everything has. Each call may be repeated. */
#include "base/instant.h"
#include "worlds/calls.h"
#include "worlds/memory_store.h"
#include "worlds/memory_summaries.h"
#include "worlds/sql.h"

#define PAGE_MAX 1000
#define UNION_ROWS_MAX (2 * MEMORY_SEGMENT_MAX) /* rows of a restored segment beside those of later hands */
#define COUNTED_BELOW 10000                     /* worlds with more rows keep their counter as it is */

/* ---- page ---- */

struct page {
  json_t *worlds;
  json_t *last; /* id looked at; owned */
  int64_t above, seen;
};

static bool take_world(void *arg, const struct sql_row *row) {
  struct page *p = arg;
  struct str id = sql_row_text(row, 0);
  int64_t count = sql_row_int(row, 1);
  p->seen++;
  json_decref(p->last);
  p->last = json_stringn(id.ptr, id.len);
  return count <= p->above ||
         json_array_append_new(p->worlds, json_pack("{s:s%, s:I}", "worldId", id.ptr, id.len, "interactions",
                                                    (json_int_t)count)) == 0;
}

/* {after, limit, consolidateAbove} → {worlds: [{worldId, interactions}], next}: of limit worlds those that are too long;
 * next: the after of the next page, null after the last. */
enum err call_consolidation_page(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_settings s = worlds_settings(l, q->now_ms);
  struct str after = json_text_at(q->args, "after");
  int64_t limit = json_int_at(q->args, "limit", PAGE_MAX);
  int64_t above = json_int_at(q->args, "consolidateAbove", s.consolidate_above);
  if (limit < 1 || limit > PAGE_MAX)
    return err_set(&r->detail, ERR_INVALID, "limit", 0, "limit is 1 to %d", PAGE_MAX);
  struct page p = {.worlds = json_array(), .above = above};
  r->body = json_pack("{s:o}", "worlds", p.worlds);
  if (!r->body) return ERR_NO_MEMORY;
  enum err e = sqldb_query(
      l->db, SQL_MEMORY_PAGE,
      SQL_ARGS(SQL_VALUE_INT(above), SQL_VALUE_STR(after.ptr ? after : STR("")), SQL_VALUE_INT(limit)),
      take_world, &p, &r->detail);
  if (json_object_set(r->body, "next", p.last && p.seen == limit ? p.last : json_null()) != 0)
    e = ERR_NO_MEMORY;
  json_decref(p.last);
  return e;
}

/* ---- read ---- */

/* What lies unsaved in the live state is saved first, so that the rows are all there are. */
static enum err save_live(struct lane *l, struct str id, int64_t now_ms) {
  struct live_world w;
  bool is_done = false;
  TRY(live_read(l->live, &(struct live_question){&id, 1, LIVE_META, &l->arena}, &w, l->detail));
  if (!w.is_there || w.dirty_ms == INSTANT_NONE) return ERR_OK;
  TRY(live_read(l->live, &(struct live_question){&id, 1, LIVE_ALL, &l->arena}, &w, l->detail));
  TRY(sqldb_begin(l->db, true, l->detail));
  struct world_snapshots s = {.worlds = &w, .count = 1, .now_ms = now_ms};
  enum err e = world_flush(l, &s, &is_done);
  if (e == ERR_OK) e = sqldb_commit(l->db, l->detail);
  if (e != ERR_OK) {
    sqldb_rollback(l->db);
    return e;
  }
  struct live_mark mark = {.id = id, .version = w.version, .turn = w.turn};
  return is_done ? live_saved(l->live, &mark, 1, l->detail) : ERR_OK;
}

struct batch {
  struct str id;
  int64_t from_turn, to_turn;
  struct memory_item *hot; /* rows that will be deleted */
  size_t hot_count;
  struct memory_item *items; /* of the segment: those, and what it held before */
  size_t count;
};

static enum err cut_of(struct lane *l, struct str id, int64_t keep, int64_t *ret, bool *ret_found) {
  return memory_number(l, SQL_MEMORY_CUT, SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INT(keep)), ret, ret_found);
}

static enum err hot_rows(struct lane *l, struct batch *b, int64_t from, int64_t to, size_t room) {
  return memory_rows(
      l, SQL_MEMORY_ROWS,
      SQL_ARGS(SQL_VALUE_STR(b->id), SQL_VALUE_INT(from), SQL_VALUE_INT(to), SQL_VALUE_INT((int64_t)room)),
      room, &b->hot, &b->hot_count);
}

/* Both by turn; of the same turn the hot row counts. */
static enum err unite(struct arena *arena, struct batch *b, const struct memory_item *old, size_t old_count) {
  size_t i = 0, j = 0;
  b->items = ARENA_ARRAY(arena, struct memory_item, old_count + b->hot_count + 1);
  if (!b->items) return ERR_NO_MEMORY;
  for (b->count = 0; i < old_count || j < b->hot_count; b->count++) {
    bool takes_hot = j < b->hot_count && (i == old_count || b->hot[j].turn <= old[i].turn);
    if (takes_hot && i < old_count && old[i].turn == b->hot[j].turn) i++;
    b->items[b->count] = takes_hot ? b->hot[j++] : old[i++];
  }
  return ERR_OK;
}

/* Rows that lie within a segment that is in the archive already (they were restored): it is made anew with them, so
 * that nothing it held is lost. */
static enum err read_restored(struct lane *l, struct batch *b, const struct memory_segment *s, int64_t cut) {
  BUF_AUTO struct buf lines = buf_new(SEGMENT_LINES_BYTES_MAX + 1);
  struct memory_item *old;
  size_t old_count;
  TRY(hot_rows(l, b, s->from_turn, s->to_turn < cut ? s->to_turn : cut, UNION_ROWS_MAX));
  TRY(memory_segment_lines(l, b->id, s, &lines));
  TRY(segment_read(buf_str(&lines), &l->arena, &old, &old_count, l->detail));
  TRY(unite(&l->arena, b, old, old_count));
  b->from_turn = s->from_turn;
  b->to_turn = s->to_turn;
  return ERR_OK;
}

/* A new segment ends before the next one that is there: segments never overlap. */
static enum err read_new(struct lane *l, struct batch *b, int64_t first, int64_t cut) {
  struct memory_segment next;
  size_t count;
  TRY(memory_segments(l, b->id, first, &next, 1, &count));
  if (count && next.from_turn <= cut) cut = next.from_turn - 1;
  TRY(hot_rows(l, b, first, cut, MEMORY_SEGMENT_MAX));
  b->items = b->hot;
  b->count = b->hot_count;
  b->from_turn = first;
  b->to_turn = b->hot_count ? b->hot[b->hot_count - 1].turn : first;
  return ERR_OK;
}

static enum err read_batch(struct lane *l, struct batch *b, int64_t cut) {
  struct memory_segment s;
  int64_t first = 0;
  bool found = false, is_restored = false;
  TRY(memory_number(l, SQL_MEMORY_FIRST, SQL_ARGS(SQL_VALUE_STR(b->id)), &first, &found));
  ASSERT(found); /* there is a cut */
  TRY(memory_segment_at(l, b->id, first, &s, &is_restored));
  return is_restored ? read_restored(l, b, &s, cut) : read_new(l, b, first, cut);
}

static enum err add_lines(const struct memory_item *items, size_t count, struct buf *lines,
                          struct err_detail *detail) {
  for (size_t i = 0; i < count; i++)
    if (!segment_add(lines, &items[i]))
      return err_set(detail, ERR_STORE_CORRUPT, "turn", 0,
                     "interaction %lld is no valid text; it stays where it is", (long long)items[i].turn);
  return buf_error(lines);
}

static enum err hash_of(const struct memory_item *items, size_t count, char ret[SEGMENT_SHA256_LEN + 1],
                        struct err_detail *detail) {
  BUF_AUTO struct buf lines = buf_new(SEGMENT_LINES_BYTES_MAX);
  TRY(add_lines(items, count, &lines, detail));
  segment_sha256(buf_str(&lines), ret);
  return ERR_OK;
}

static enum err answer_batch(const struct world_row *row, const struct batch *b, struct world_reply *r) {
  char sha256[SEGMENT_SHA256_LEN + 1], hot_sha256[SEGMENT_SHA256_LEN + 1];
  r->payload = buf_new(SEGMENT_LINES_BYTES_MAX);
  TRY(add_lines(b->items, b->count, &r->payload, &r->detail));
  segment_sha256(buf_str(&r->payload), sha256);
  TRY(hash_of(b->hot, b->hot_count, hot_sha256, &r->detail));
  r->body = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:s}", "done", 0, "fromTurn",
                      (json_int_t)b->from_turn, "toTurn", (json_int_t)b->to_turn, "hotTo",
                      (json_int_t)b->hot[b->hot_count - 1].turn, "count", (json_int_t)b->count, "hotCount",
                      (json_int_t)b->hot_count, "sha256", sha256, "hotSha256", hot_sha256, "locale",
                      row->locale ? row->locale : "es");
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

struct sums {
  int64_t count, bytes;
};
static bool take_sums(void *arg, const struct sql_row *row) {
  *(struct sums *)arg = (struct sums){sql_row_int(row, 0), sql_row_int(row, 1)};
  return false;
}

/* Nothing more to take: the counter is made exact, and what is left is measured. */
static enum err answer_done(struct lane *l, struct str id, int64_t cut, struct world_reply *r) {
  struct sums hot = {}, summaries = {};
  TRY(sqldb_exec(l->db, SQL_MEMORY_RECOUNT, SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INT(COUNTED_BELOW)), NULL,
                 &r->detail));
  TRY(sqldb_query(l->db, SQL_MEMORY_HOT_BYTES, SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INT(cut)), take_sums,
                  &hot, &r->detail));
  TRY(sqldb_query(l->db, SQL_SUMMARY_BYTES, SQL_ARGS(SQL_VALUE_STR(id)), take_sums, &summaries, &r->detail));
  r->body = json_pack("{s:b, s:I, s:I, s:I, s:I}", "done", 1, "interactions", (json_int_t)hot.count,
                      "hotBytes", (json_int_t)hot.bytes, "summaries", (json_int_t)summaries.count,
                      "summaryBytes", (json_int_t)summaries.bytes);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* {worldId, isFirst, consolidateAbove, consolidateKeep} → a batch as lines, or {done: true, …}. isFirst: only if it has
 * more than consolidateAbove (1000: no, 1001: yes); later batches go on until consolidateKeep are left. */
enum err call_consolidation_read(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_settings s = worlds_settings(l, q->now_ms);
  struct batch b = {.id = memory_world_id(q)};
  struct world_row row;
  int64_t keep = json_int_at(q->args, "consolidateKeep", s.consolidate_keep), cut = INT64_MIN, threshold;
  int64_t above = json_int_at(q->args, "consolidateAbove", s.consolidate_above);
  bool has_more, has_cut;
  if (keep < 1 || above < keep)
    return err_set(&r->detail, ERR_INVALID, "consolidateKeep", 0, "keep 1 to consolidateAbove interactions");
  TRY(world_get(l, b.id, &row));
  TRY(save_live(l, b.id, q->now_ms));
  TRY(cut_of(l, b.id, json_bool_at(q->args, "isFirst", false) ? above : keep, &threshold, &has_more));
  TRY(cut_of(l, b.id, keep, &cut, &has_cut));
  if (!has_more || !has_cut) return answer_done(l, b.id, has_cut ? cut : INT64_MIN, r);
  TRY(read_batch(l, &b, cut));
  return answer_batch(&row, &b, r);
}

/* ---- archive ---- */

struct segment_args {
  struct str id, sha256, hot_sha256;
  int64_t from_turn, to_turn, hot_to, count, bytes, stored_bytes;
};

static enum err read_segment_args(const struct world_request *q, struct segment_args *ret,
                                  struct err_detail *detail) {
  *ret = (struct segment_args){.id = memory_world_id(q),
                               .sha256 = json_text_at(q->args, "sha256"),
                               .hot_sha256 = json_text_at(q->args, "hotSha256"),
                               .from_turn = json_int_at(q->args, "fromTurn", INT64_MIN),
                               .to_turn = json_int_at(q->args, "toTurn", INT64_MIN),
                               .hot_to = json_int_at(q->args, "hotTo", INT64_MIN),
                               .count = json_int_at(q->args, "count", 0),
                               .bytes = json_int_at(q->args, "bytes", 0),
                               .stored_bytes = json_int_at(q->args, "storedBytes", 0)};
  bool is_good = world_id_is_valid(ret->id) && ret->sha256.len == SEGMENT_SHA256_LEN &&
                 ret->from_turn != INT64_MIN && ret->to_turn >= ret->from_turn && ret->count > 0;
  return is_good ? ERR_OK
                 : err_set(detail, ERR_INVALID, "sha256", 0,
                           "a segment needs worldId, fromTurn, toTurn, count and sha256");
}

/* {worldId, fromTurn, toTurn, count, sha256}, payload: the blob → {bytes, storedBytes}. What is answered was committed,
 * read back, unpacked and compared. */
enum err call_consolidation_archive(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct segment_args a;
  struct archive *archive;
  BUF_AUTO struct buf lines = buf_new(SEGMENT_LINES_BYTES_MAX + 1);
  char hex[SEGMENT_SHA256_LEN + 1];
  TRY(read_segment_args(q, &a, &r->detail));
  TRY(lane_archive(l, &archive));
  TRY(segment_unpack(q->payload, &lines, &r->detail));
  segment_sha256(buf_str(&lines), hex);
  if (!str_eq(str_of(hex), a.sha256))
    return err_set(&r->detail, ERR_INVALID, "sha256", 0, "the payload has another hash");
  struct archive_segment s = {.key = {a.id, a.from_turn, a.sha256},
                              .to_turn = a.to_turn,
                              .count = a.count,
                              .bytes = (int64_t)lines.len,
                              .blob = q->payload,
                              .created_ms = q->now_ms};
  TRY(archive_put(archive, &s, &r->detail));
  struct memory_segment back = {.from_turn = a.from_turn};
  memcpy(back.sha256, hex, sizeof hex);
  int64_t bytes = (int64_t)lines.len;
  buf_clear(&lines);
  TRY(memory_segment_lines(l, a.id, &back, &lines));
  r->body = json_pack("{s:I, s:I}", "bytes", (json_int_t)bytes, "storedBytes", (json_int_t)q->payload.len);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- commit ---- */

struct commit {
  const struct world_request *q;
  struct segment_args a;
  int64_t token;
  int64_t deleted, deleted_bytes;
  bool is_done_already, has_new_summary;
};

static enum err check_rows(struct lane *l, struct commit *c) {
  struct memory_item *rows;
  size_t count;
  char hex[SEGMENT_SHA256_LEN + 1];
  bool refers = false;
  int64_t one;
  TRY(memory_rows(l, SQL_MEMORY_ROWS_LOCKED,
                  SQL_ARGS(SQL_VALUE_STR(c->a.id), SQL_VALUE_INT(c->a.from_turn), SQL_VALUE_INT(c->a.hot_to),
                           SQL_VALUE_INT(UNION_ROWS_MAX + 1)),
                  UNION_ROWS_MAX + 1, &rows, &count));
  TRY(memory_number(
      l, SQL_ARCHIVE_REFERS,
      SQL_ARGS(SQL_VALUE_STR(c->a.id), SQL_VALUE_INT(c->a.from_turn), SQL_VALUE_STR(c->a.sha256)), &one,
      &refers));
  c->is_done_already = count == 0 && refers;
  if (c->is_done_already) return ERR_OK;
  TRY(hash_of(rows, count, hex, l->detail));
  if (!str_eq(str_of(hex), c->a.hot_sha256))
    return err_set(l->detail, ERR_CONFLICT, "hotSha256", 0,
                   "interactions %lld to %lld have changed since they were read", (long long)c->a.from_turn,
                   (long long)c->a.hot_to);
  c->deleted = (int64_t)count;
  for (size_t i = 0; i < count; i++) c->deleted_bytes += memory_item_bytes(&rows[i]);
  return ERR_OK;
}

static enum err write_all(struct lane *l, struct commit *c) {
  const struct segment_args *a = &c->a;
  int64_t deleted = 0, counted = 0;
  TRY(sqldb_exec(l->db, SQL_ARCHIVE_INDEX,
                 SQL_ARGS(SQL_VALUE_STR(a->id), SQL_VALUE_INT(a->from_turn), SQL_VALUE_INT(a->to_turn),
                          SQL_VALUE_INT(a->count), SQL_VALUE_STR(a->sha256), SQL_VALUE_INT(a->bytes),
                          SQL_VALUE_INT(a->stored_bytes), SQL_VALUE_INSTANT(c->q->now_ms)),
                 NULL, l->detail));
  struct memory_summary_place place = {a->id, 0, a->from_turn, a->to_turn, a->count, a->sha256, c->q->now_ms};
  TRY(memory_summary_put(l, &place, json_object_get(c->q->args, "summary"), &c->has_new_summary));
  TRY(sqldb_exec(l->db, SQL_MEMORY_DELETE,
                 SQL_ARGS(SQL_VALUE_STR(a->id), SQL_VALUE_INT(a->from_turn), SQL_VALUE_INT(a->hot_to)),
                 &deleted, l->detail));
  if (deleted != c->deleted)
    return err_set(l->detail, ERR_CONFLICT, "worldId", 0,
                   "%lld interactions would go where %lld were archived", (long long)deleted,
                   (long long)c->deleted);
  TRY(sqldb_exec(l->db, SQL_MEMORY_COUNTED,
                 SQL_ARGS(SQL_VALUE_STR(a->id), SQL_VALUE_INT(deleted), SQL_VALUE_INT(c->token)), &counted,
                 l->detail));
  if (counted != 1)
    return err_set(l->detail, ERR_WORLD_BUSY, "worldId", 0, "another holder of the lock wrote meanwhile");
  return world_note(l, a->id, c->q->now_ms, c->q->actor.name, "consolidated",
                    json_pack("{s:I, s:I, s:I, s:s%}", "fromTurn", (json_int_t)a->from_turn, "toTurn",
                              (json_int_t)a->to_turn, "count", (json_int_t)a->count, "sha256", a->sha256.ptr,
                              a->sha256.len));
}

static enum err commit_held(struct lane *l, struct commit *c) {
  struct world_row row;
  TRY(sqldb_begin(l->db, true, l->detail));
  enum err e = world_get_locked(l, c->a.id, &row);
  if (e == ERR_OK) e = check_rows(l, c);
  if (e == ERR_OK && !c->is_done_already) e = write_all(l, c);
  if (e == ERR_OK) e = sqldb_commit(l->db, l->detail);
  if (e != ERR_OK) sqldb_rollback(l->db);
  return e;
}

/* {worldId, fromTurn, toTurn, hotTo, count, bytes, storedBytes, sha256, hotSha256, summary} → {interactionsDeleted,
 * deletedBytes, summariesCreated}. ERR_CONFLICT: the rows have changed, read again. */
enum err call_consolidation_commit(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct commit c = {.q = q};
  struct archive *archive;
  struct world_hold hold;
  bool is_there = false;
  TRY(read_segment_args(q, &c.a, &r->detail));
  TRY(lane_archive(l, &archive));
  TRY(archive_has(archive, &(struct archive_key){c.a.id, c.a.from_turn, c.a.sha256}, &is_there, &r->detail));
  if (!is_there)
    return err_set(&r->detail, ERR_CONFLICT, "sha256", 0,
                   "the archive has no such segment: archive it first");
  TRY(world_hold(l, c.a.id, q->now_ms, &hold));
  c.token = hold.lock.token;
  enum err e = commit_held(l, &c);
  world_release(l, &hold);
  TRY(e);
  r->body = json_pack("{s:I, s:I, s:i}", "interactionsDeleted", (json_int_t)c.deleted, "deletedBytes",
                      (json_int_t)c.deleted_bytes, "summariesCreated", (int)c.has_new_summary);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}
