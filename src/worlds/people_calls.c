/* world.member_…, world.event_…, world.history: who belongs to a world, what its people plan, what happened to it. */
#include <stdio.h>

#include "worlds/calls.h"
#include "worlds/sql.h"
#include "worlds/world_args.h"
#include "worlds/world_moves.h"

#define PAGE_MAX 200

/* ---- members ---- */

struct member_args {
  const char *user;
};
static const struct field member_fields[] = {
    ARG(struct member_args, user, "userId", TEXT, FIELD_REQUIRED, 1, 128, FIELD_NULL, NULL,
        "whose membership"),
};

static enum err change_member(struct lane *l, const struct world_request *q, struct world_reply *r,
                              enum world_sql statement, const char *action) {
  struct member_args args = {};
  struct world_row row;
  int64_t changed = 0;
  TRY(ARGS_READ(l, q, member_fields, &args, &r->detail));
  TRY(world_see(l, q, DEED_OPERATE, &row));
  TRY(sqldb_begin(l->db, true, &r->detail));
  TRY(sqldb_exec(l->db, statement, SQL_ARGS(SQL_VALUE_STR(q->world_id), SQL_VALUE_TEXT(args.user)), &changed,
                 &r->detail));
  if (changed > 0)
    TRY(world_note(l, q->world_id, q->now_ms, q->actor.name, action,
                   json_pack("{s:s}", "userId", args.user)));
  TRY(sqldb_commit(l->db, &r->detail));
  (void)world_refresh_access(l, q->world_id, q->now_ms); /* else the next sync does it */
  return reply_with(r, json_pack("{s:b, s:s, s:s, s:b}", "success", 1, "worldId", row.id, "userId", args.user,
                                 "changed", changed > 0));
}

enum err call_world_member_add(struct lane *l, const struct world_request *q, struct world_reply *r) {
  return change_member(l, q, r, SQL_MEMBER_ADD, "member_added");
}

enum err call_world_member_remove(struct lane *l, const struct world_request *q, struct world_reply *r) {
  return change_member(l, q, r, SQL_MEMBER_REMOVE, "member_removed");
}

/* ---- pages ---- */

struct page_args {
  const char *after, *status;
  int64_t limit;
};
#define A(...) ARG(struct page_args, __VA_ARGS__)
static const struct field page_fields[] = {
    A(after, "after", TEXT, 0, 0, 200, FIELD_NULL, NULL, "the cursor of the page before"),
    A(limit, "limit", INT, 0, 1, PAGE_MAX, 50, NULL, "rows of a page"),
    A(status, "status", TEXT, 0, 1, 20, FIELD_NULL, NULL, "of events: scheduled, applied, …"),
};
#undef A

struct page {
  json_t *rows;
  int64_t limit;
  bool has_more;
  json_t *(*row_json)(const struct sql_row *row);
};

static bool visit_page(void *arg, const struct sql_row *row) {
  struct page *p = arg;
  p->has_more = (int64_t)json_array_size(p->rows) == p->limit;
  return !p->has_more && json_array_append_new(p->rows, p->row_json(row)) == 0;
}

static const json_t *last_of(const struct page *p) {
  return json_array_get(p->rows, json_array_size(p->rows) - 1);
}

static enum err page_answer(struct world_reply *r, struct page *p, const char *name, const char *next) {
  json_t *body = json_pack("{s:O, s:s?}", name, p->rows, "next", p->has_more ? next : NULL);
  json_decref(p->rows);
  return reply_with(r, body);
}

static json_t *text_json(struct str s) { return s.ptr ? json_stringn(s.ptr, s.len) : json_null(); }
static json_t *instant_json(const struct sql_row *row, int column) {
  return sql_row_is_null(row, column) ? json_null() : world_json_instant(sql_row_instant(row, column));
}
static json_t *raw_json(struct str s) {
  json_t *v = NULL;
  if (s.ptr && json_parse(s, &v, NULL) != ERR_OK) return text_json(s);
  return v ? v : json_null();
}

static json_t *member_json(const struct sql_row *row) {
  return json_pack("{s:o, s:o}", "userId", text_json(sql_row_text(row, 0)), "lastActiveAt",
                   instant_json(row, 1));
}

/* {members: [{userId, lastActiveAt}], next}. */
enum err call_world_member_list(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct page_args a = {};
  struct world_row row;
  TRY(ARGS_READ(l, q, page_fields, &a, &r->detail));
  TRY(world_see(l, q, DEED_SEE, &row));
  struct page p = {.rows = json_array(), .limit = a.limit, .row_json = member_json};
  enum err e = sqldb_query(l->db, SQL_MEMBER_LIST,
                           SQL_ARGS(SQL_VALUE_STR(q->world_id), SQL_VALUE_TEXT(a.after ? a.after : ""),
                                    SQL_VALUE_INT(a.limit + 1)),
                           visit_page, &p, &r->detail);
  if (e == ERR_OK)
    return page_answer(r, &p, "members", json_string_value(json_object_get(last_of(&p), "userId")));
  json_decref(p.rows);
  return e;
}

/* ---- story events of people ---- */

struct event_args {
  const char *id, *type, *text, *participants;
  int64_t scheduled_ms, expires_ms;
};
#define A(...) ARG(struct event_args, __VA_ARGS__)
static const struct field event_fields[] = {
    A(id, "id", TEXT, FIELD_NULLABLE, 1, 128, FIELD_NULL, NULL, "the caller's, or made here"),
    A(type, "type", TEXT, FIELD_REQUIRED, 1, 64, FIELD_NULL, NULL, "what kind of event"),
    A(text, "text", TEXT, FIELD_NULLABLE, 1, 4000, FIELD_NULL, NULL, "what is planned"),
    A(participants, "participants", JSON, FIELD_NULLABLE, 0, 4000, FIELD_NULL, NULL, "a list of names"),
    A(scheduled_ms, "scheduledAt", INSTANT, FIELD_REQUIRED, 0, 0, FIELD_NULL, NULL,
      "while it lies ahead the world is not paused, archived, marked or deleted"),
    A(expires_ms, "expiresAt", INSTANT, FIELD_NULLABLE, 0, 0, FIELD_NULL, NULL, ""),
};
#undef A
static const struct field cancel_fields[] = {
    ARG(struct event_args, id, "id", TEXT, FIELD_REQUIRED, 1, 128, FIELD_NULL, NULL, "which event"),
};

/* {success, worldId, id, protects} with 201. The same id again: 409. */
enum err call_world_event_add(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct event_args a = {};
  struct world_row row;
  struct id_text made = world_new_id(q->now_ms);
  int64_t added = 0;
  TRY(ARGS_READ(l, q, event_fields, &a, &r->detail));
  TRY(world_see(l, q, DEED_OPERATE, &row));
  if (!a.id) a.id = made.text;
  TRY(sqldb_begin(l->db, true, &r->detail));
  TRY(sqldb_exec(
      l->db, SQL_EVENT_ADD,
      SQL_ARGS(SQL_VALUE_TEXT(a.id), SQL_VALUE_STR(q->world_id), SQL_VALUE_TEXT(a.type),
               SQL_VALUE_INSTANT(q->now_ms), SQL_VALUE_INSTANT(a.scheduled_ms),
               SQL_VALUE_INSTANT(a.expires_ms), SQL_VALUE_TEXT(a.text), SQL_VALUE_TEXT(a.participants)),
      &added, &r->detail));
  if (added == 0)
    return err_set(&r->detail, ERR_CONFLICT, "id", 0, "there is an event \"%.100s\" already", a.id);
  TRY(world_note(l, q->world_id, q->now_ms, q->actor.name, "event_added",
                 json_pack("{s:s, s:s, s:o}", "id", a.id, "type", a.type, "scheduledAt",
                           world_json_instant(a.scheduled_ms))));
  TRY(sqldb_commit(l->db, &r->detail));
  bool protects = a.scheduled_ms > q->now_ms;
  if (protects && row.scheduled_deletion_ms != FIELD_NULL)
    (void)world_protect(l,
                        q); /* it is added whatever this answers; else the next run of the ladder does it */
  r->status = 201;
  return reply_with(r, json_pack("{s:b, s:s, s:s, s:b}", "success", 1, "worldId", row.id, "id", a.id,
                                 "protects", protects));
}

static json_t *event_json(const struct sql_row *row) {
  return json_pack("{s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
                   text_json(sql_row_text(row, 0)), "type", text_json(sql_row_text(row, 1)), "status",
                   text_json(sql_row_text(row, 2)), "isEmergent", sql_row_int(row, 3) != 0, "createdAt",
                   instant_json(row, 4), "scheduledAt", instant_json(row, 5), "expiresAt",
                   instant_json(row, 6), "turn",
                   sql_row_is_null(row, 7) ? json_null() : json_integer(sql_row_int(row, 7)), "text",
                   text_json(sql_row_text(row, 8)), "participants", raw_json(sql_row_text(row, 9)), "reason",
                   raw_json(sql_row_text(row, 10)));
}

enum err call_world_event_list(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct page_args a = {};
  struct world_row row;
  TRY(ARGS_READ(l, q, page_fields, &a, &r->detail));
  TRY(world_see(l, q, DEED_SEE, &row));
  struct page p = {.rows = json_array(), .limit = a.limit, .row_json = event_json};
  enum err e = sqldb_query(l->db, SQL_EVENT_LIST,
                           SQL_ARGS(SQL_VALUE_STR(q->world_id), SQL_VALUE_TEXT(a.after ? a.after : ""),
                                    SQL_VALUE_TEXT(a.status), SQL_VALUE_INT(a.limit + 1)),
                           visit_page, &p, &r->detail);
  if (e == ERR_OK) return page_answer(r, &p, "events", json_string_value(json_object_get(last_of(&p), "id")));
  json_decref(p.rows);
  return e;
}

/* {success, worldId, id, cancelled}: false when it was not scheduled any more. */
enum err call_world_event_cancel(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct event_args a = {};
  struct world_row row;
  int64_t changed = 0;
  TRY(ARGS_READ(l, q, cancel_fields, &a, &r->detail));
  TRY(world_see(l, q, DEED_OPERATE, &row));
  TRY(sqldb_begin(l->db, true, &r->detail));
  TRY(sqldb_exec(l->db, SQL_EVENT_CANCEL, SQL_ARGS(SQL_VALUE_TEXT(a.id), SQL_VALUE_STR(q->world_id)),
                 &changed, &r->detail));
  if (changed > 0)
    TRY(world_note(l, q->world_id, q->now_ms, q->actor.name, "event_cancelled",
                   json_pack("{s:s}", "id", a.id)));
  TRY(sqldb_commit(l->db, &r->detail));
  return reply_with(r, json_pack("{s:b, s:s, s:s, s:b}", "success", 1, "worldId", row.id, "id", a.id,
                                 "cancelled", changed > 0));
}

/* ---- the lifeline ---- */

static json_t *history_json(const struct sql_row *row) {
  return json_pack("{s:o, s:o, s:o, s:o, s:o}", "id", text_json(sql_row_text(row, 0)), "at",
                   instant_json(row, 1), "actor", text_json(sql_row_text(row, 2)), "action",
                   text_json(sql_row_text(row, 3)), "detail", raw_json(sql_row_text(row, 4)));
}

/* "INSTANT|ID" of the last row seen. */
static enum err read_cursor(const char *after, int64_t *ret_ms, struct str *ret_id,
                            struct err_detail *detail) {
  struct str rest = str_of(after), at;
  *ret_ms = civil_to_days(9999, 12, 31) * 86400000;
  *ret_id = STR("");
  if (!after || !after[0]) return ERR_OK;
  if (!str_split(&rest, '|', &at) || !instant_from_text(at, ret_ms) || !rest.ptr)
    return err_set(detail, ERR_INVALID, "after", 0, "after must be the \"next\" of the page before");
  *ret_id = rest;
  return ERR_OK;
}

/* {history: newest first, next}. */
enum err call_world_history(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct page_args a = {};
  struct world_row row;
  int64_t before_ms;
  struct str before_id;
  char next[160] = "";
  TRY(ARGS_READ(l, q, page_fields, &a, &r->detail));
  TRY(read_cursor(a.after, &before_ms, &before_id, &r->detail));
  TRY(world_see(l, q, DEED_SEE, &row));
  struct page p = {.rows = json_array(), .limit = a.limit, .row_json = history_json};
  enum err e = sqldb_query(l->db, SQL_HISTORY_LIST,
                           SQL_ARGS(SQL_VALUE_STR(q->world_id), SQL_VALUE_INSTANT(before_ms),
                                    SQL_VALUE_STR(before_id), SQL_VALUE_INT(a.limit + 1)),
                           visit_page, &p, &r->detail);
  const json_t *last = last_of(&p);
  if (last)
    (void)snprintf(next, sizeof next, "%s|%s", json_string_value(json_object_get(last, "at")),
                   json_string_value(json_object_get(last, "id")));
  if (e == ERR_OK) return page_answer(r, &p, "history", next);
  json_decref(p.rows);
  return e;
}
