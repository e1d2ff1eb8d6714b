/* What people and applications see of a world's memory: summaries, the archive, the context of a dialogue. */
#include <math.h>
#include <stdlib.h>

#include "worlds/calls.h"
#include "worlds/memory_store.h"
#include "worlds/rights.h"
#include "worlds/sql.h"
#include "worlds/world_args.h"
#include "worlds/world_moves.h"

#define PAGE_MAX 1000
#define PINS_MAX 32
#define CAT_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define RECENT_MAX 100  /* interactions a dialogue is always given */
#define SUMMARIES_MAX 8 /* and summaries */
#define REMEMBERED_MAX 30
#define CANDIDATES_MAX 1200
#define HOUR_MS 3600000.0

static enum err may(struct lane *l, const struct world_request *q, enum world_deed deed,
                    struct world_row *ret) {
  TRY(world_get(l, q->world_id, ret));
  bool is_member = world_is_member(l, q->world_id, q->actor.user_id);
  return world_may(deed, &q->actor, ret, is_member, l->detail);
}

/* ---- summaries ---- */

static bool take_summary(void *arg, const struct sql_row *row) {
  return json_array_append_new(arg, memory_summary_json(row)) == 0;
}

/* {after, limit, all} → {summaries}, by their first turn; all: also the traces of merged ones. */
enum err call_world_summaries(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_row row;
  int64_t limit = json_int_at(q->args, "limit", 100);
  if (limit < 1 || limit > PAGE_MAX)
    return err_set(&r->detail, ERR_INVALID, "limit", 0, "limit is 1 to %d", PAGE_MAX);
  TRY(may(l, q, DEED_SEE, &row));
  json_t *list = json_array();
  TRY(reply_with(r, json_pack("{s:o}", "summaries", list)));
  return sqldb_query(l->db, SQL_SUMMARY_LIST,
                     SQL_ARGS(SQL_VALUE_STR(q->world_id), SQL_VALUE_INT(json_int_at(q->args, "after", -1)),
                              SQL_VALUE_BOOL(json_bool_at(q->args, "all", false)), SQL_VALUE_INT(limit)),
                     take_summary, list, &r->detail);
}

struct edit {
  struct lane *lane;
  bool found, is_merged, is_pinned;
  const char *text, *previous;
};

static bool take_edit(void *arg, const struct sql_row *row) {
  struct edit *e = arg;
  e->found = true;
  e->text = arena_strdup(&e->lane->arena, sql_row_text(row, 6));
  e->is_pinned = sql_row_int(row, 12) != 0;
  e->previous = sql_row_is_null(row, 13) ? NULL : arena_strdup(&e->lane->arena, sql_row_text(row, 13));
  e->is_merged = !sql_row_is_null(row, 14);
  return false;
}

static enum err check_pins(struct lane *l, struct str id) {
  int64_t pins = 0;
  bool found;
  TRY(memory_number(l, SQL_SUMMARY_PINS, SQL_ARGS(SQL_VALUE_STR(id)), &pins, &found));
  if (pins < PINS_MAX) return ERR_OK;
  return err_set(l->detail, ERR_LIMIT, "isPinned", 0, "at most %d summaries of a world are pinned", PINS_MAX);
}

static enum err change_summary(struct lane *l, const struct world_request *q, struct str summary_id) {
  struct edit e = {.lane = l};
  struct str text = json_text_at(q->args, "text");
  const json_t *pin = json_object_get(q->args, "isPinned");
  TRY(sqldb_query(l->db, SQL_SUMMARY_GET, SQL_ARGS(SQL_VALUE_STR(q->world_id), SQL_VALUE_STR(summary_id)),
                  take_edit, &e, l->detail));
  if (!e.found || e.is_merged)
    return err_set(l->detail, ERR_NOT_FOUND, "summaryId", 0, "there is no such summary");
  struct str now = str_of(e.text), before = e.previous ? str_of(e.previous) : STR_NONE;
  if (json_bool_at(q->args, "restore", false)) {
    if (!before.ptr) return err_set(l->detail, ERR_CONFLICT, "restore", 0, "this summary was never edited");
    now = before, before = STR_NONE;
  } else if (text.ptr) {
    if (!before.ptr) before = now; /* the text of the machine, however often it is edited */
    now = text;
  }
  bool is_pinned = json_is_boolean(pin) ? json_is_true(pin) : e.is_pinned;
  if (is_pinned && !e.is_pinned) TRY(check_pins(l, q->world_id));
  TRY(sqldb_exec(l->db, SQL_SUMMARY_EDIT,
                 SQL_ARGS(SQL_VALUE_STR(q->world_id), SQL_VALUE_STR(summary_id), SQL_VALUE_STR(now),
                          SQL_VALUE_STR(before), SQL_VALUE_BOOL(is_pinned)),
                 NULL, l->detail));
  return world_note(
      l, q->world_id, q->now_ms, q->actor.name, "summary_edited",
      json_pack("{s:s%, s:b}", "summaryId", summary_id.ptr, summary_id.len, "isPinned", (int)is_pinned));
}

/* {summaryId, text | restore: true, isPinned} → the summary. */
enum err call_world_summary_edit(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_row row;
  struct str id = json_text_at(q->args, "summaryId"), text = json_text_at(q->args, "text");
  JSON_AUTO json_t *list = json_array();
  if (!id.len) return err_set(&r->detail, ERR_INVALID, "summaryId", 0, "say which summary");
  if (text.ptr && (text.len < 1 || text.len > MEMORY_SUMMARY_BYTES_MAX))
    return err_set(&r->detail, ERR_INVALID, "text", 0, "a summary has 1 to %d bytes",
                   MEMORY_SUMMARY_BYTES_MAX);
  TRY(may(l, q, DEED_OWN, &row));
  TRY(sqldb_begin(l->db, true, &r->detail));
  enum err e = change_summary(l, q, id);
  if (e == ERR_OK) e = sqldb_commit(l->db, &r->detail);
  if (e != ERR_OK) {
    sqldb_rollback(l->db);
    return e;
  }
  TRY(sqldb_query(l->db, SQL_SUMMARY_GET, SQL_ARGS(SQL_VALUE_STR(q->world_id), SQL_VALUE_STR(id)),
                  take_summary, list, &r->detail));
  return reply_with(r, json_incref(json_array_get(list, 0)));
}

/* ---- the archive ---- */

/* {after, limit} → {segments: [{fromTurn, toTurn, count, sha256, bytes, storedBytes, createdAt}]} */
enum err call_world_archive(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_row row;
  int64_t limit = json_int_at(q->args, "limit", 100), after = json_int_at(q->args, "after", -1);
  size_t count = 0;
  if (limit < 1 || limit > PAGE_MAX)
    return err_set(&r->detail, ERR_INVALID, "limit", 0, "limit is 1 to %d", PAGE_MAX);
  TRY(may(l, q, DEED_SEE, &row));
  struct memory_segment *s = ARENA_ARRAY(&l->arena, struct memory_segment, (size_t)limit);
  if (!s || after == INT64_MAX) return ERR_NO_MEMORY;
  TRY(memory_segments(l, q->world_id, after + 1, s, (size_t)limit, &count));
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++)
    json_array_append_new(
        list, json_pack("{s:I, s:I, s:I, s:s, s:I, s:I, s:o}", "fromTurn", (json_int_t)s[i].from_turn,
                        "toTurn", (json_int_t)s[i].to_turn, "count", (json_int_t)s[i].count, "sha256",
                        s[i].sha256, "bytes", (json_int_t)s[i].bytes, "storedBytes",
                        (json_int_t)s[i].stored_bytes, "createdAt", world_json_instant(s[i].created_ms)));
  return reply_with(r, json_pack("{s:o}", "segments", list));
}

struct cat {
  struct buf *out;
  int64_t to_turn, segments, count;
};

static enum err cat_one(void *arg, const struct memory_segment *s, struct str lines,
                        struct err_detail *detail) {
  struct cat *c = arg;
  if (s->from_turn > c->to_turn) return ERR_OK;
  buf_add_str(c->out, lines);
  c->segments++;
  c->count += s->count;
  if (buf_error(c->out) == ERR_LIMIT)
    return err_set(detail, ERR_LIMIT, "fromTurn", 0,
                   "this is too much at once: ask for one segment by fromTurn");
  return buf_error(c->out);
}

/* The turn range asked for: one segment by fromTurn, or all. */
static enum err asked_range(struct lane *l, const struct world_request *q, int64_t *ret_from,
                            int64_t *ret_to) {
  const json_t *from = json_object_get(q->args, "fromTurn");
  struct memory_segment s;
  bool found = false;
  *ret_from = INT64_MIN;
  *ret_to = INT64_MAX;
  if (!json_is_integer(from)) return ERR_OK;
  TRY(memory_segment_at(l, q->world_id, json_integer_value(from), &s, &found));
  if (!found)
    return err_set(l->detail, ERR_NOT_FOUND, "fromTurn", 0, "turn %lld is not in the archive",
                   (long long)json_integer_value(from));
  *ret_from = s.from_turn;
  *ret_to = s.to_turn;
  return ERR_OK;
}

/* {fromTurn} → {segments, count}, payload: the lines. */
enum err call_world_archive_cat(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_row row;
  int64_t from;
  r->payload = buf_new(CAT_BYTES_MAX);
  struct cat c = {.out = &r->payload};
  TRY(may(l, q, DEED_SEE, &row));
  TRY(asked_range(l, q, &from, &c.to_turn));
  if (c.to_turn == INT64_MAX) {
    TRY(memory_each_segment(l, q->world_id, from, cat_one, &c));
  } else {
    struct memory_segment s;
    bool found;
    TRY(memory_segment_at(l, q->world_id, from, &s, &found));
    TRY(memory_segment_lines(l, q->world_id, &s, &r->payload));
    c.segments = 1;
    c.count = s.count;
  }
  return reply_with(
      r, json_pack("{s:I, s:I}", "segments", (json_int_t)c.segments, "count", (json_int_t)c.count));
}

static enum err put_rows(struct lane *l, struct str id, const struct memory_item *items, size_t count,
                         int64_t *ret_added) {
  for (size_t i = 0; i < count; i++) {
    int64_t added = 0;
    TRY(sqldb_exec(
        l->db, SQL_MEMORY_INSERT,
        SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INT(items[i].turn), SQL_VALUE_INSTANT(items[i].at_ms),
                 SQL_VALUE_STR(items[i].speaker), SQL_VALUE_BOOL(items[i].is_user),
                 SQL_VALUE_STR(items[i].place), SQL_VALUE_STR(items[i].text), SQL_VALUE_STR(items[i].data)),
        &added, l->detail));
    *ret_added += added;
  }
  return ERR_OK;
}

static enum err restore(struct lane *l, const struct world_request *q, const struct memory_segment *s,
                        int64_t token, int64_t *ret_added) {
  BUF_AUTO struct buf lines = buf_new(SEGMENT_LINES_BYTES_MAX + 1);
  struct memory_item *items;
  size_t count;
  int64_t counted = 0;
  TRY(memory_segment_lines(l, q->world_id, s, &lines));
  TRY(segment_read(buf_str(&lines), &l->arena, &items, &count, l->detail));
  TRY(sqldb_begin(l->db, true, l->detail));
  enum err e = put_rows(l, q->world_id, items, count, ret_added);
  if (e == ERR_OK)
    e = sqldb_exec(l->db, SQL_MEMORY_COUNTED,
                   SQL_ARGS(SQL_VALUE_STR(q->world_id), SQL_VALUE_INT(-*ret_added), SQL_VALUE_INT(token)),
                   &counted, l->detail);
  if (e == ERR_OK && counted != 1)
    e = err_set(l->detail, ERR_WORLD_BUSY, "worldId", 0, "somebody else wrote meanwhile");
  if (e == ERR_OK)
    e = world_note(l, q->world_id, q->now_ms, q->actor.name, "restored",
                   json_pack("{s:I, s:I, s:I}", "fromTurn", (json_int_t)s->from_turn, "toTurn",
                             (json_int_t)s->to_turn, "interactions", (json_int_t)*ret_added));
  if (e == ERR_OK) e = sqldb_commit(l->db, l->detail);
  if (e != ERR_OK) sqldb_rollback(l->db);
  return e;
}

/* {fromTurn} → {restored, fromTurn, toTurn}: the rows as they were, those that are there already left alone. The segment
 * stays; the next consolidation that finds the world too long takes them away again. */
enum err call_world_archive_restore(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_row row;
  struct memory_segment s;
  struct world_hold hold;
  bool found = false;
  int64_t added = 0, from = json_int_at(q->args, "fromTurn", INT64_MIN);
  TRY(may(l, q, DEED_OWN, &row));
  TRY(memory_segment_at(l, q->world_id, from, &s, &found));
  if (!found) return err_set(&r->detail, ERR_NOT_FOUND, "fromTurn", 0, "this turn is not in the archive");
  TRY(world_hold(l, q->world_id, q->now_ms, &hold));
  enum err e = restore(l, q, &s, hold.lock.token, &added);
  world_release(l, &hold);
  TRY(e);
  return reply_with(r, json_pack("{s:b, s:I, s:I, s:I}", "success", 1, "restored", (json_int_t)added,
                                 "fromTurn", (json_int_t)s.from_turn, "toTurn", (json_int_t)s.to_turn));
}

/* ---- the context of a dialogue ---- */

struct candidate {
  struct memory_item item;
  const char *source; /* "interaction", "moment", "summary" */
  double importance, recency, relevance, score;
};

struct context {
  struct lane *lane;
  const struct world_request *q;
  struct text_kit *kit;
  enum text_language language;
  struct candidate *candidates;
  size_t count;
  json_t *summaries;
};

static void add_candidate(struct context *c, const struct memory_item *item, const char *source,
                          double importance) {
  if (c->count == CANDIDATES_MAX || !item->text.len) return;
  double hours = (double)(c->q->now_ms - item->at_ms) / HOUR_MS;
  c->candidates[c->count++] = (struct candidate){.item = *item,
                                                 .source = source,
                                                 .importance = importance / 10,
                                                 .recency = pow(0.995, hours < 0 ? 0 : hours)};
}

static void add_moments(struct context *c, const json_t *summary) {
  const json_t *list = json_object_get(summary, "keyMoments");
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *o = json_array_get(list, i);
    struct memory_item item = {.turn = json_int_at(o, "turn", 0),
                               .speaker = json_text_at(o, "speaker"),
                               .text = json_text_at(o, "text")};
    if (!instant_from_text(json_text_at(o, "at"), &item.at_ms)) continue;
    add_candidate(c, &item, "moment", json_number_value(json_object_get(o, "importance")));
  }
}

static void add_summaries(struct context *c) {
  for (size_t i = 0; i < json_array_size(c->summaries); i++) {
    const json_t *s = json_array_get(c->summaries, i);
    struct memory_item item = {.turn = json_int_at(s, "fromTurn", 0), .text = json_text_at(s, "text")};
    if (!instant_from_text(json_text_at(s, "createdAt"), &item.at_ms)) continue;
    double count = (double)json_int_at(s, "count", 1);
    double mean = json_number_value(json_object_get(s, "importance")) / (count > 0 ? count : 1);
    add_candidate(c, &item, "summary", mean < 1 ? 1 : mean > 10 ? 10 : mean);
    add_moments(c, s);
  }
}

/* score = 0.995^hours + importance/10 + relevance, each scaled to what is the least and the most of it here. */
static void scale(struct context *c, size_t offset) {
  double low = (double)INFINITY, high = -(double)INFINITY;
  for (size_t i = 0; i < c->count; i++) {
    double v = *(const double *)(const void *)((const char *)&c->candidates[i] + offset);
    low = fmin(low, v), high = fmax(high, v);
  }
  for (size_t i = 0; i < c->count && high > low; i++) {
    double v = *(const double *)(const void *)((const char *)&c->candidates[i] + offset);
    c->candidates[i].score += (v - low) / (high - low);
  }
}

static int by_score(const void *a, const void *b) {
  const struct candidate *x = a, *y = b;
  if (x->score > y->score) return -1;
  if (x->score < y->score) return 1;
  if (x->item.turn != y->item.turn) return x->item.turn > y->item.turn ? -1 : 1;
  return strcmp(x->source, y->source);
}

static enum err rank(struct context *c, struct str query) {
  struct str *documents = ARENA_ARRAY(&c->lane->arena, struct str, c->count + 1);
  double *relevance = ARENA_ARRAY(&c->lane->arena, double, c->count + 1);
  if (!documents || !relevance) return ERR_NO_MEMORY;
  for (size_t i = 0; i < c->count; i++) documents[i] = c->candidates[i].item.text;
  if (query.len)
    TRY(memory_bm25(c->kit, c->language, query, documents, c->count, &c->lane->arena, relevance));
  for (size_t i = 0; i < c->count; i++) c->candidates[i].relevance = relevance[i];
  scale(c, offsetof(struct candidate, recency));
  scale(c, offsetof(struct candidate, importance));
  scale(c, offsetof(struct candidate, relevance));
  qsort(c->candidates, c->count, sizeof *c->candidates, by_score);
  return ERR_OK;
}

static json_t *text_json(struct str s) { return s.ptr ? json_stringn(s.ptr, s.len) : json_null(); }

static json_t *interaction_json(const struct memory_item *item) {
  return json_pack("{s:I, s:o, s:o, s:b, s:o, s:o}", "turn", (json_int_t)item->turn, "at",
                   world_json_instant(item->at_ms), "speaker", text_json(item->speaker), "isUser",
                   (int)item->is_user, "place", text_json(item->place), "text", text_json(item->text));
}

static enum err make_context(struct context *c, size_t limit, struct world_reply *r) {
  struct lane *l = c->lane;
  struct memory_item *recent;
  size_t count;
  struct str id = c->q->world_id;
  TRY(memory_rows(l, SQL_MEMORY_NEWEST, SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INT(RECENT_MAX)), RECENT_MAX,
                  &recent, &count));
  c->candidates = ARENA_ARRAY(&l->arena, struct candidate, CANDIDATES_MAX);
  if (!c->candidates) return ERR_NO_MEMORY;
  for (size_t i = 0; i < count; i++)
    add_candidate(c, &recent[i], "interaction", memory_importance(c->kit, c->language, &recent[i]));
  add_summaries(c);
  TRY(rank(c, json_text_at(c->q->args, "query")));
  json_t *memories = json_array(), *last = json_array();
  for (size_t i = 0; i < c->count && i < limit; i++) {
    const struct candidate *m = &c->candidates[i];
    json_array_append_new(
        memories,
        json_pack("{s:s, s:I, s:o, s:o, s:o, s:f}", "source", m->source, "turn", (json_int_t)m->item.turn,
                  "at", world_json_instant(m->item.at_ms), "speaker", text_json(m->item.speaker), "text",
                  text_json(m->item.text), "score", round(m->score * 1000) / 1000));
  }
  for (size_t i = count; i-- > 0;) json_array_append_new(last, interaction_json(&recent[i]));
  return reply_with(
      r, json_pack("{s:O, s:o, s:o}", "summaries", c->summaries, "memories", memories, "recent", last));
}

/* {query, limit} → {summaries, memories: the best by recency, importance and relevance, recent: the last 100}. What is
 * still unsaved in the live state is not in it: the application has that itself. */
enum err call_world_context(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_row row;
  struct context c = {.lane = l, .q = q};
  int64_t limit = json_int_at(q->args, "limit", REMEMBERED_MAX);
  JSON_AUTO json_t *summaries = json_array();
  if (limit < 1 || limit > CANDIDATES_MAX)
    return err_set(&r->detail, ERR_INVALID, "limit", 0, "limit is 1 to %d", CANDIDATES_MAX);
  TRY(may(l, q, DEED_SEE, &row));
  TRY(sqldb_query(l->db, SQL_SUMMARY_TOP,
                  SQL_ARGS(SQL_VALUE_STR(q->world_id), SQL_VALUE_INT(SUMMARIES_MAX + PINS_MAX)), take_summary,
                  summaries, &r->detail));
  c.summaries = summaries;
  c.language = text_language_of(row.locale ? str_of(row.locale) : STR_NONE, TEXT_ES);
  TRY(text_kit_new(&c.kit));
  enum err e = make_context(&c, (size_t)limit, r);
  text_kit_free(c.kit);
  return e;
}
