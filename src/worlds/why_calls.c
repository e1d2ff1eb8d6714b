/* Why a world is (not) paused, what is told to owners, and what they answer:
 * world.should_pause → {shouldPause, reason, why, idleHours, isProtected, nextStepAt, lastActiveAt, status} (B-61, B-62)
 * worlds.why {cursor?, limit?, worlds?: "ID,ID"} → {data: [{worldId, worldName, why, …}], nextCursor} (B-63, B-65)
 * worlds.mails {cursor?, limit?, world?} → {data: […], nextCursor}
 * world.keep {token} → {success, worldId, isFavorite…}: a signed link of a warning keeps its world: its spell of
 *   inactivity begins anew now, a mark is taken back; it does not resume it and is no activity of a user in it */
#include <stdio.h>
#include <stdlib.h>

#include "worlds/calls.h"
#include "worlds/facts.h"
#include "worlds/keep_link.h"
#include "worlds/load.h"
#include "worlds/rights.h"
#include "worlds/sql.h"

#define HOUR_MS INT64_C(3600000)
#define PAGE_MAX 1000
#define NAMED_MAX 100

static json_t *instant_json(int64_t at_ms) {
  return at_ms == INSTANT_NONE || at_ms == INSTANT_NEVER ? json_null()
                                                         : json_string(instant_to_text(at_ms).text);
}

/* "active_5h" for what is simply active (B-63). */
static void why_text(const struct world_verdict *v, char text[40]) {
  if (v->why == WORLD_WHY_ACTIVE) (void)snprintf(text, 40, "active_%lldh", (long long)(v->idle_ms / HOUR_MS));
  else (void)snprintf(text, 40, "%s", world_why_names[v->why]);
}

static json_t *verdict_json(const struct world_case *c, const struct world_settings *s, int64_t now_ms) {
  const struct world_row *row = &c->row;
  struct world_verdict v = world_judge(s, &c->facts, now_ms);
  char why[40];
  int64_t purge_why, purge = world_purge_ms(s, row, v.idle_since_ms, &purge_why);
  why_text(&v, why);
  json_t *o = json_pack(
      "{s:s, s:s?, s:b, s:s?, s:s, s:I, s:b, s:b, s:s, s:s?}", "worldId", row->id, "worldName", row->name,
      "shouldPause", (int)v.should_pause, "reason", v.should_pause ? pause_reason_names[v.reason] : NULL,
      "why", why, "idleHours", (json_int_t)(v.idle_ms / HOUR_MS), "isProtected", (int)v.is_protected,
      "isFavorite", (int)(row->is_favorite != 0), "status", world_status_names[row->status], "pauseReason",
      row->pause_reason == FIELD_NULL ? NULL : pause_reason_names[row->pause_reason]);
  json_object_set_new(o, "lastActiveAt", instant_json(row->last_active_ms));
  json_object_set_new(o, "idleSince", instant_json(v.idle_since_ms));
  json_object_set_new(o, "nextStepAt", instant_json(v.next_step_ms));
  json_object_set_new(o, "nextEventAt", instant_json(c->facts.next_event_ms));
  json_object_set_new(o, "scheduledDeletion", instant_json(row->scheduled_deletion_ms));
  json_object_set_new(o, "deletionAt", instant_json(purge));
  if (row->scheduled_deletion_ms != INSTANT_NONE && purge_why == WORLD_WHY_NOT_WARNED)
    json_object_set_new(o, "deletionWaitsFor", json_string(world_why_names[WORLD_WHY_NOT_WARNED]));
  return o;
}

enum err world_call_should_pause(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_case c;
  struct world_settings s = worlds_settings(l, q->now_ms);
  TRY(world_case_get(l, q->world_id, q->now_ms, &c));
  bool is_member = q->actor.kind == ACTOR_USER && world_is_member(l, q->world_id, q->actor.user_id);
  TRY(world_may(DEED_SEE, &q->actor, &c.row, is_member, &r->detail));
  TRY(world_cases_live(l, &c, 1, &l->arena, NULL));
  r->body = verdict_json(&c, &s, q->now_ms);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- lists ---- */

static enum err page_args(const json_t *args, struct str *ret_after, int64_t *ret_limit,
                          struct err_detail *detail) {
  *ret_after = json_text_at(args, "cursor");
  if (!ret_after->ptr) *ret_after = STR("");
  *ret_limit = json_int_at(args, "limit", 100);
  if (*ret_limit < 1 || *ret_limit > PAGE_MAX)
    return err_set(detail, ERR_INVALID, "limit", 0, "has to be 1 to %d", PAGE_MAX);
  return ERR_OK;
}

static json_t *page_json(json_t *data, int64_t limit, const char *key) {
  size_t n = json_array_size(data);
  json_t *next = n > 0 && (int64_t)n == limit ? json_incref(json_object_get(json_array_get(data, n - 1), key))
                                              : json_null();
  return json_pack("{s:o, s:o}", "data", data, "nextCursor", next);
}

/* Of the worlds "a,b,c", in order of their ids; what is no world is left out. */
static enum err read_named(struct lane *l, int64_t now_ms, struct str names, struct world_cases *cases,
                           struct err_detail *detail) {
  JSON_AUTO json_t *ids = json_array();
  struct str rest = names, id;
  while (str_split(&rest, ',', &id)) json_array_append_new(ids, json_stringn(id.ptr, id.len));
  if (json_array_size(ids) > NAMED_MAX)
    return err_set(detail, ERR_INVALID, "worlds", 0, "has to be at most %d ids", NAMED_MAX);
  char *text = json_to_text(ids);
  if (!text) return ERR_NO_MEMORY;
  enum err e = world_cases_new(&l->arena, NAMED_MAX, cases);
  if (e == ERR_OK)
    e = world_cases_read(l, SQL_CASES_OF, SQL_ARGS(SQL_VALUE_INSTANT(now_ms), SQL_VALUE_TEXT(text)), cases);
  free(text);
  return e;
}

static enum err read_page(struct lane *l, const struct world_request *q, struct str after, int64_t limit,
                          struct world_cases *cases) {
  TRY(world_cases_new(&l->arena, (size_t)limit, cases));
  return world_cases_read(l, SQL_CASES_ALL,
                          SQL_ARGS(SQL_VALUE_INSTANT(q->now_ms), SQL_VALUE_STR(after), SQL_VALUE_INT(limit)),
                          cases);
}

enum err world_call_why(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_settings s = worlds_settings(l, q->now_ms);
  struct world_cases cases;
  struct str after, named = json_text_at(q->args, "worlds");
  int64_t limit;
  TRY(page_args(q->args, &after, &limit, &r->detail));
  if (named.ptr) TRY(read_named(l, q->now_ms, named, &cases, &r->detail));
  else TRY(read_page(l, q, after, limit, &cases));
  TRY(world_cases_live(l, cases.list, cases.count, &l->arena, NULL));
  json_t *data = json_array();
  for (size_t i = 0; i < cases.count; i++)
    json_array_append_new(data, verdict_json(&cases.list[i], &s, q->now_ms));
  r->body = page_json(data, named.ptr ? INT64_MAX : limit, "worldId");
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

static json_t *text_json(const struct sql_row *row, int column) {
  struct str s = sql_row_text(row, column);
  return s.ptr ? json_stringn(s.ptr, s.len) : json_null();
}

static bool add_mail(void *arg, const struct sql_row *row) {
  static const char *const names[] = {"id",     "worldId", "kind", "spellAt",   "ownerId", "address",
                                      "locale", "subject", "body", "createdAt", "sentAt"};
  json_t *mail = json_object();
  for (int i = 0; i < 11; i++) {
    bool is_instant = i == 3 || i >= 9;
    json_object_set_new(mail, names[i],
                        is_instant ? instant_json(sql_row_instant(row, i)) : text_json(row, i));
  }
  json_array_append_new(arg, mail);
  return true;
}

enum err world_call_mails(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct str after, world = json_text_at(q->args, "world");
  int64_t limit;
  TRY(page_args(q->args, &after, &limit, &r->detail));
  JSON_AUTO json_t *data = json_array();
  TRY(sqldb_query(
      l->db, SQL_MAILS_LIST,
      SQL_ARGS(SQL_VALUE_STR(after), SQL_VALUE_STR(world.ptr ? world : STR("")), SQL_VALUE_INT(limit)),
      add_mail, data, &r->detail));
  r->body = page_json(json_incref(data), limit, "id");
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- keep ---- */

static enum err keep_in(struct lane *l, const struct world_request *q, struct str id) {
  struct world_row row;
  TRY(world_get_locked(l, id, &row));
  if (row.scheduled_deletion_ms != FIELD_NULL) world_apply_take_back(&row);
  row.warned = 0;
  row.warned_ms = FIELD_NULL;
  if (row.ladder_from_ms < q->now_ms) row.ladder_from_ms = q->now_ms;
  TRY(world_put(l, &row, 0, q->now_ms));
  return world_note(l, id, q->now_ms, q->actor.name, "kept", NULL);
}

enum err world_call_keep(struct lane *l, const struct world_request *q, struct world_reply *r) {
  const unsigned char *key = worlds_config(l->worlds)->link_key;
  struct str id;
  if (!key) return err_set(&r->detail, ERR_UNAVAILABLE, "token", 0, "this server signs no links");
  TRY(keep_token_check(key, json_text_at(q->args, "token"), q->now_ms, &id, &r->detail));
  TRY(sqldb_begin(l->db, true, &r->detail));
  TRY(keep_in(l, q, id));
  TRY(sqldb_commit(l->db, &r->detail));
  r->body = json_pack("{s:b, s:s%, s:b}", "success", 1, "worldId", id.ptr, id.len, "kept", 1);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}
