/* consolidation.merge, .merged and .reflected: summaries of summaries. */
#include "worlds/memory_summaries.h"

#include <stdlib.h>

#include "worlds/calls.h"
#include "worlds/memory_store.h"
#include "worlds/sql.h"

#define TEXT_BYTES_MAX (2 * MEMORY_SUMMARY_BYTES_MAX)
#define LIST_BYTES_MAX (64 * 1024)

struct parts { /* of a summary in JSON; lists as text, owned */
  struct str method, text;
  char *key_moments, *entities, *relations;
  double importance;
};

static void parts_free(struct parts *p) { free(p->key_moments), free(p->entities), free(p->relations); }

static char *list_text(const json_t *summary, const char *key) {
  const json_t *list = json_object_get(summary, key);
  return json_is_array(list) ? json_to_text(list) : NULL;
}

static enum err read_parts(const json_t *summary, struct parts *p, struct err_detail *detail) {
  *p = (struct parts){.method = json_text_at(summary, "method"),
                      .text = json_text_at(summary, "text"),
                      .key_moments = list_text(summary, "keyMoments"),
                      .entities = list_text(summary, "entities"),
                      .relations = list_text(summary, "relations"),
                      .importance = json_number_value(json_object_get(summary, "importance"))};
  bool is_good = p->method.len && p->text.ptr && p->text.len <= TEXT_BYTES_MAX && p->key_moments &&
                 p->entities && p->relations && strlen(p->key_moments) <= LIST_BYTES_MAX &&
                 strlen(p->entities) <= LIST_BYTES_MAX && strlen(p->relations) <= LIST_BYTES_MAX;
  if (is_good) return ERR_OK;
  parts_free(p);
  return err_set(detail, ERR_INVALID, "summary", 0,
                 "a summary has method, text, keyMoments, entities and relations");
}

struct found {
  char id[64];
  bool is_there, is_same;
  struct str hash;
};

static bool take_found(void *arg, const struct sql_row *row) {
  struct found *f = arg;
  f->is_there = str_copy(f->id, sizeof f->id, sql_row_text(row, 0));
  f->is_same = str_eq(sql_row_text(row, 1), f->hash);
  return false;
}

static enum err add(struct lane *l, const struct memory_summary_place *at, const char *id,
                    const struct parts *p) {
  return sqldb_exec(
      l->db, SQL_SUMMARY_ADD,
      SQL_ARGS(SQL_VALUE_TEXT(id), SQL_VALUE_STR(at->world_id), SQL_VALUE_INT(at->level),
               SQL_VALUE_INT(at->from_turn), SQL_VALUE_INT(at->to_turn), SQL_VALUE_INT(at->count),
               SQL_VALUE_STR(p->method), SQL_VALUE_STR(p->text), SQL_VALUE_TEXT(p->key_moments),
               SQL_VALUE_TEXT(p->entities), SQL_VALUE_TEXT(p->relations), SQL_VALUE_STR(at->source_hash),
               SQL_VALUE_REAL(p->importance), SQL_VALUE_INSTANT(at->now_ms)),
      NULL, l->detail);
}

static enum err renew(struct lane *l, const struct memory_summary_place *at, const char *id,
                      const struct parts *p) {
  return sqldb_exec(
      l->db, SQL_SUMMARY_RENEW,
      SQL_ARGS(SQL_VALUE_TEXT(id), SQL_VALUE_INT(at->to_turn), SQL_VALUE_INT(at->count),
               SQL_VALUE_STR(p->method), SQL_VALUE_STR(p->text), SQL_VALUE_TEXT(p->key_moments),
               SQL_VALUE_TEXT(p->entities), SQL_VALUE_TEXT(p->relations), SQL_VALUE_STR(at->source_hash),
               SQL_VALUE_REAL(p->importance), SQL_VALUE_INSTANT(at->now_ms)),
      NULL, l->detail);
}

enum err memory_summary_put(struct lane *l, const struct memory_summary_place *at, const json_t *summary,
                            bool *ret_is_new) {
  struct found f = {.hash = at->source_hash};
  struct parts p;
  TRY(sqldb_query(l->db, SQL_SUMMARY_FIND,
                  SQL_ARGS(SQL_VALUE_STR(at->world_id), SQL_VALUE_INT(at->level),
                           SQL_VALUE_INT(at->from_turn), SQL_VALUE_INT(at->to_turn)),
                  take_found, &f, l->detail));
  *ret_is_new = false;
  if (f.is_there && f.is_same) return ERR_OK;
  TRY(read_parts(summary, &p, l->detail));
  struct id_text id = world_new_id(at->now_ms);
  enum err e = f.is_there ? renew(l, at, f.id, &p) : add(l, at, id.text, &p);
  parts_free(&p);
  *ret_is_new = e == ERR_OK && !f.is_there;
  return e;
}

/* ---- merge ---- */

static bool take_summary(void *arg, const struct sql_row *row) {
  return json_array_append_new(arg, memory_summary_json(row)) == 0;
}

static enum err oldest(struct lane *l, struct str id, json_t *list) {
  int64_t level = 0;
  bool found = false;
  TRY(memory_number(l, SQL_SUMMARY_LEVEL, SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INT(MEMORY_MERGE)), &level,
                    &found));
  if (!found) return ERR_OK;
  return sqldb_query(l->db, SQL_SUMMARY_OLDEST,
                     SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INT(level), SQL_VALUE_INT(MEMORY_MERGE)),
                     take_summary, list, l->detail);
}

struct weight {
  double sum;
  int64_t since_ms;
};
static bool take_weight(void *arg, const struct sql_row *row) {
  ((struct weight *)arg)->sum = sql_row_real(row, 0);
  return false;
}
static bool take_since(void *arg, const struct sql_row *row) {
  ((struct weight *)arg)->since_ms = sql_row_instant(row, 0);
  return false;
}

static enum err newest(struct lane *l, struct str id, json_t *list) {
  struct weight w = {.since_ms = INSTANT_NONE};
  TRY(sqldb_query(l->db, SQL_SUMMARY_REFLECTION, SQL_ARGS(SQL_VALUE_STR(id)), take_since, &w, l->detail));
  TRY(sqldb_query(l->db, SQL_SUMMARY_WEIGHT, SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INSTANT(w.since_ms)),
                  take_weight, &w, l->detail));
  if (w.sum < MEMORY_REFLECT_AT) return ERR_OK;
  return sqldb_query(l->db, SQL_SUMMARY_TOP, SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INT(MEMORY_MERGE + 1)),
                     take_summary, list, l->detail);
}

/* {worldId, reflects} → {summaries}: the oldest eight of a level that has so many, or none; with reflects the newest
 * ones, when enough has happened since the last reflection. */
enum err call_consolidation_merge(struct lane *l, const struct world_request *q, struct world_reply *r) {
  json_t *list = json_array();
  r->body = json_pack("{s:o}", "summaries", list);
  if (!r->body) return ERR_NO_MEMORY;
  bool reflects = json_bool_at(q->args, "reflects", false);
  return reflects ? newest(l, memory_world_id(q), list) : oldest(l, memory_world_id(q), list);
}

struct hashes {
  char all[MEMORY_MERGE * SEGMENT_SHA256_LEN + 1];
  size_t len;
};
static bool take_hash(void *arg, const struct sql_row *row) {
  struct hashes *h = arg;
  struct str s = sql_row_text(row, 0);
  if (h->len + s.len >= sizeof h->all) return false;
  memcpy(h->all + h->len, s.ptr, s.len);
  h->len += s.len;
  return true;
}

static enum err merge_in(struct lane *l, const struct world_request *q, struct parts *p) {
  const json_t *summary = json_object_get(q->args, "summary"), *ids = json_object_get(q->args, "ids");
  struct id_text id = world_new_id(q->now_ms);
  struct hashes h = {};
  char hex[SEGMENT_SHA256_LEN + 1];
  int64_t changed = 0;
  char *list = json_to_text(ids);
  if (!list) return ERR_NO_MEMORY;
  enum err e =
      sqldb_exec(l->db, SQL_SUMMARY_MERGED,
                 SQL_ARGS(SQL_VALUE_STR(memory_world_id(q)), SQL_VALUE_TEXT(list), SQL_VALUE_TEXT(id.text)),
                 &changed, l->detail);
  free(list);
  TRY(e);
  if (changed != (int64_t)json_array_size(ids))
    return err_set(l->detail, ERR_CONFLICT, "ids", 0, "these summaries have been merged or pinned meanwhile");
  TRY(sqldb_query(l->db, SQL_SUMMARY_HASHES, SQL_ARGS(SQL_VALUE_TEXT(id.text)), take_hash, &h, l->detail));
  segment_sha256((struct str){h.all, h.len}, hex);
  struct memory_summary_place at = {.world_id = memory_world_id(q),
                                    .level = json_int_at(summary, "level", 1),
                                    .from_turn = json_int_at(summary, "fromTurn", 0),
                                    .to_turn = json_int_at(summary, "toTurn", 0),
                                    .count = json_int_at(summary, "count", 0),
                                    .source_hash = str_of(hex),
                                    .now_ms = q->now_ms};
  return add(l, &at, id.text, p);
}

/* {worldId, ids, summary} → {summariesCreated: 1} */
enum err call_consolidation_merged(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct parts p;
  size_t count = json_array_size(json_object_get(q->args, "ids"));
  if (count < 2 || count > MEMORY_MERGE)
    return err_set(&r->detail, ERR_INVALID, "ids", 0, "2 to %d summaries become one", MEMORY_MERGE);
  TRY(read_parts(json_object_get(q->args, "summary"), &p, &r->detail));
  enum err e = sqldb_begin(l->db, true, &r->detail);
  if (e == ERR_OK) e = merge_in(l, q, &p);
  if (e == ERR_OK) e = sqldb_commit(l->db, &r->detail);
  if (e != ERR_OK) sqldb_rollback(l->db);
  parts_free(&p);
  TRY(e);
  r->body = json_pack("{s:i}", "summariesCreated", 1);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* {worldId, toTurn, count, sourceHash, summary} → {summariesCreated: 0 or 1}: there is one a world. */
enum err call_consolidation_reflected(struct lane *l, const struct world_request *q, struct world_reply *r) {
  bool is_new = false;
  struct memory_summary_place at = {.world_id = memory_world_id(q),
                                    .level = -1,
                                    .to_turn = json_int_at(q->args, "toTurn", 0),
                                    .count = json_int_at(q->args, "count", 0),
                                    .source_hash = json_text_at(q->args, "sourceHash"),
                                    .now_ms = q->now_ms};
  enum err e = sqldb_begin(l->db, true, &r->detail);
  if (e == ERR_OK) e = memory_summary_put(l, &at, json_object_get(q->args, "summary"), &is_new);
  if (e == ERR_OK) e = sqldb_commit(l->db, &r->detail);
  if (e != ERR_OK) sqldb_rollback(l->db);
  TRY(e);
  r->body = json_pack("{s:i}", "summariesCreated", (int)is_new);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}
