/* world.create, .get, .list, .edit and .state: rows, and the state applications keep in a world. */
#include <sodium.h>
#include <stdlib.h>

#include "model/filter_lists.h"
#include "worlds/calls.h"
#include "worlds/facts.h"
#include "worlds/policy.h"
#include "worlds/sql.h"
#include "worlds/world_access.h"
#include "worlds/world_args.h"
#include "worlds/world_moves.h"
#include "worlds/world_post.h"
#include "worlds/world_state.h"

#define LIST_MAX 200
#define STATE_FIELDS_MAX 1000 /* of one write */
#define STATE_NAME_BYTES_MAX 200
#define STATE_EVENTS_MAX 100

/* ---- rows ---- */

static struct sql_value column_value(const struct field *f, const struct world_row *row) {
  if (f->type == FIELD_TEXT || f->type == FIELD_JSON) return SQL_VALUE_TEXT(field_text(f, row));
  int64_t n = field_int(f, row);
  if (n == FIELD_NULL) return SQL_VALUE_NULL;
  switch (f->type) {
    case FIELD_BOOL: return SQL_VALUE_BOOL(n);
    case FIELD_INSTANT: return SQL_VALUE_INSTANT(n);
    case FIELD_ENUM: return SQL_VALUE_TEXT(f->names[n]);
    case FIELD_TEXT:
    case FIELD_JSON:
    case FIELD_REAL3:
    case FIELD_INT: break;
  }
  return SQL_VALUE_INT(n);
}

static enum err check_row(const struct world_row *row, struct err_detail *detail) {
  JSON_AUTO json_t *story = NULL;
  if (row->id && !world_id_is_valid(str_of(row->id)))
    return err_set(detail, ERR_INVALID, "id", 0,
                   "an id has 1 to 128 letters, digits or - _ . :, nothing else");
  if (row->locale && strcmp(row->locale, "es") != 0 && strcmp(row->locale, "en") != 0)
    return err_set(detail, ERR_INVALID, "locale", 0, "locale must be es or en");
  if (row->story && (json_parse(str_of(row->story), &story, NULL) != ERR_OK || !json_is_object(story)))
    return err_set(detail, ERR_INVALID, "story", 0, "story must be a JSON object");
  return ERR_OK;
}

/* Users make worlds of their own; the application and admins make anybody's. */
static enum err check_owner(struct lane *l, const struct world_actor *actor, struct world_row *row) {
  if (actor->kind != ACTOR_USER) return ERR_OK;
  if (!row->owner_id) row->owner_id = arena_strdup(&l->arena, actor->user_id);
  if (row->owner_id && str_eq(str_of(row->owner_id), actor->user_id)) return ERR_OK;
  return err_set(l->detail, ERR_FORBIDDEN, "ownerId", 0, "you can only make worlds of your own");
}

static enum err insert_row(struct lane *l, const struct world_request *q, const struct world_row *row) {
  struct sql_value values[WORLD_COLUMN_COUNT];
  int64_t made = 0;
  for (size_t i = 0; i < WORLD_COLUMN_COUNT; i++) values[i] = column_value(&world_row_fields[i], row);
  TRY(sqldb_begin(l->db, true, l->detail));
  TRY(sqldb_exec(l->db, SQL_WORLD_CREATE, values, WORLD_COLUMN_COUNT, &made, l->detail));
  if (made == 0)
    return err_set(l->detail, ERR_CONFLICT, "id", 0, "there is a world \"%.100s\" already", row->id);
  TRY(world_note(l, str_of(row->id), q->now_ms, q->actor.name, "created", NULL));
  return sqldb_commit(l->db, l->detail);
}

enum err call_world_create(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_row row = {};
  TRY(fields_from_json(world_row_fields, world_row_field_count, q->args, FIELD_CREATE, &row, &l->arena,
                       &r->detail));
  TRY(check_row(&row, &r->detail));
  TRY(check_owner(l, &q->actor, &row));
  if (!row.id) row.id = arena_strdup(&l->arena, str_of(world_new_id(q->now_ms).text));
  if (!row.name) row.name = row.id;
  if (!row.id) return ERR_NO_MEMORY;
  row.last_active_ms = row.created_ms = row.updated_ms = q->now_ms;
  row.fence =
      q->now_ms * 1000; /* no lock of an earlier world of this id reaches it: tokens grow with the clock */
  TRY(insert_row(l, q, &row));
  r->status = 201;
  return reply_with(r, world_row_json(&row));
}

static json_t *live_json(const struct live_world *w) {
  if (!w->is_there) return json_pack("{s:b}", "isLive", 0);
  return json_pack("{s:b, s:b, s:I, s:I, s:I, s:o, s:o, s:I, s:I}", "isLive", 1, "isDirty",
                   w->version > w->saved_version, "version", (json_int_t)w->version, "turn",
                   (json_int_t)w->turn, "ticks", (json_int_t)w->ticks, "lastActiveAt",
                   world_json_instant(w->active_ms), "dirtySince", world_json_instant(w->dirty_ms), "bytes",
                   (json_int_t)w->bytes, "unsavedInteractions", (json_int_t)w->journal_count);
}

static bool visit_stats(void *arg, const struct sql_row *row) {
  json_t **ret = arg;
  *ret = json_pack("{s:I, s:I, s:I, s:I, s:f, s:I}", "interactions", (json_int_t)sql_row_int(row, 0),
                   "messages", (json_int_t)sql_row_int(row, 1), "events", (json_int_t)sql_row_int(row, 2),
                   "tokens", (json_int_t)sql_row_int(row, 3), "costUSD", (double)sql_row_int(row, 4) / 1e6,
                   "sessionSeconds", (json_int_t)sql_row_int(row, 5));
  return false;
}

/* Where it stands on the ladder, and what comes next if nobody comes. */
static json_t *ladder_json(struct lane *l, const struct world_request *q, const struct live_world *w) {
  struct world_case c;
  struct world_settings s = worlds_settings(l, q->now_ms);
  int64_t unsaved_ms = INSTANT_NONE;
  if (world_case_get(l, q->world_id, q->now_ms, &c) != ERR_OK ||
      world_unsaved_activity(l, w, 1, &unsaved_ms) != ERR_OK)
    return json_null();
  c.facts.live_active_ms = unsaved_ms;
  struct world_verdict v = world_judge(&s, &c.facts, q->now_ms);
  return json_pack("{s:b, s:o, s:s, s:b, s:I, s:o}", "shouldPause", v.should_pause, "reason",
                   world_json_enum(pause_reason_names, v.reason), "why", world_why_names[v.why],
                   "isProtected", v.is_protected, "idleMs", (json_int_t)v.idle_ms, "nextStepAt",
                   v.next_step_ms == INSTANT_NEVER ? json_null() : world_json_instant(v.next_step_ms));
}

/* The row, "live", "ladder", and "stats" (as they were last saved). */
enum err call_world_get(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_row row;
  struct live_world w = {};
  json_t *stats = NULL;
  TRY(world_see(l, q, DEED_SEE, &row));
  TRY(sqldb_query(l->db, SQL_STATS_GET, SQL_ARGS(SQL_VALUE_STR(q->world_id)), visit_stats, &stats,
                  &r->detail));
  w.id = q->world_id;
  enum err e = live_read(
      l->live, &(struct live_question){&q->world_id, 1, LIVE_JOURNAL | LIVE_CORE, &l->arena}, &w, &r->detail);
  json_t *live = e == ERR_OK ? live_json(&w) : json_pack("{s:s}", "error", r->detail.message);
  r->detail = (struct err_detail){};
  json_t *body = world_row_json(&row);
  if (body) {
    json_object_set_new(body, "live", live);
    json_object_set_new(body, "ladder", ladder_json(l, q, &w));
    json_object_set_new(body, "stats", stats ? stats : json_null());
  } else {
    json_decref(live);
    json_decref(stats);
  }
  return reply_with(r, body);
}

struct list_args {
  const char *after, *owner, *q;
  int64_t limit, status, is_paused;
};
#define A(...) ARG(struct list_args, __VA_ARGS__)
static const struct field list_fields[] = {
    A(after, "after", TEXT, 0, 0, 128, FIELD_NULL, NULL, "the last id of the page before"),
    A(owner, "owner", TEXT, 0, 1, 128, FIELD_NULL, NULL, "worlds of this owner"),
    A(limit, "limit", INT, 0, 1, LIST_MAX, 50, NULL, "worlds of a page"),
    A(status, "status", ENUM, 0, 0, 0, FIELD_NULL, world_status_names, "RUNNING, PAUSED or ARCHIVED"),
    A(is_paused, "paused", BOOL, 0, 0, 1, FIELD_NULL, NULL, "only paused ones, or only others"),
    A(q, "q", TEXT, 0, 0, FILTER_BYTES_MAX, FIELD_NULL, NULL, "the filter language"),
};
#undef A

#define LIST_LOOKED_MAX 10000 /* worlds a filter looks at for one page: some tens of milliseconds */

struct list_visit {
  json_t *rows;
  const struct filter *filter; /* NULL: all */
  int64_t limit, looked;
  char next[129]; /* the last id looked at: ids have at most 128 bytes */
  bool has_more;
  enum err error;
};

static struct filter_cell text_cell(const char *text) { return (struct filter_cell){.text = str_of(text)}; }
static struct filter_cell number_cell(int64_t number) { return (struct filter_cell){.number = number}; }

static struct filter_cell world_cell(const void *row, size_t key) {
  const struct world_row *w = row;
  if (key == FILTER_WORDS) return text_cell(w->name);
  switch ((enum filter_worlds_key)key) {
    case WORLDS_KEY_STATUS: return number_cell(INT64_C(1) << w->status);
    case WORLDS_KEY_REASON:
      return number_cell(w->pause_reason == FIELD_NULL ? FIELD_NULL : INT64_C(1) << w->pause_reason);
    case WORLDS_KEY_NAME: return text_cell(w->name);
    case WORLDS_KEY_OWNER: return text_cell(w->owner_email ? w->owner_email : w->owner_id);
    case WORLDS_KEY_ACTIVE: return number_cell(w->last_active_ms);
    case WORLDS_KEY_PAUSED: return number_cell(w->paused_ms);
    case WORLDS_KEY_DELETION: return number_cell(w->scheduled_deletion_ms);
    case WORLDS_KEY_VACATION: return number_cell(w->vacation_until_ms);
    case WORLDS_KEY_CREATED: return number_cell(w->created_ms);
    case WORLDS_KEY_FAVORITE: return number_cell(w->is_favorite == 1 ? 2 : 1);
    case WORLDS_KEY_LOCALE: return text_cell(w->locale);
    case WORLDS_KEY_COUNT: break;
  }
  return number_cell(FIELD_NULL);
}

static bool visit_listed(void *arg, const struct sql_row *row) {
  struct list_visit *v = arg;
  struct world_row w;
  bool is_full = (int64_t)json_array_size(v->rows) == v->limit;
  if (is_full || (v->filter && v->looked++ == LIST_LOOKED_MAX)) {
    v->has_more = true;
    return false;
  }
  struct arena scratch = arena_new(512 * 1024);
  v->error = world_row_read(row, &scratch, &w);
  if (v->error == ERR_OK) {
    (void)str_copy(v->next, sizeof v->next, str_of(w.id));
    bool fits = !v->filter || filter_fits(v->filter, world_cell, &w);
    if (fits && json_array_append_new(v->rows, world_row_json(&w)) != 0) v->error = ERR_NO_MEMORY;
  }
  arena_free(&scratch);
  return v->error == ERR_OK;
}

/* {worlds: [rows by id], next: the cursor or null}. A user sees what is theirs. */
enum err call_world_list(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct list_args a = {};
  bool is_user = q->actor.kind == ACTOR_USER;
  TRY(ARGS_READ(l, q, list_fields, &a, &r->detail));
  if (is_user && a.owner && !str_eq(str_of(a.owner), q->actor.user_id))
    return err_set(&r->detail, ERR_FORBIDDEN, "owner", 0, "only an admin lists other people's worlds");
  struct str owner = a.owner ? str_of(a.owner) : is_user ? q->actor.user_id : STR_NONE;
  const char *status = a.status == FIELD_NULL ? NULL : world_status_names[a.status];
  struct list_visit v = {.limit = a.limit};
  if (a.q) TRY(filter_parse(&filter_worlds, str_of(a.q), q->now_ms, &l->arena, &v.filter, &r->detail));
  v.rows = json_array();
  const struct sql_value values[] = {SQL_VALUE_STR(a.after ? str_of(a.after) : STR("")),
                                     SQL_VALUE_TEXT(status),
                                     a.is_paused == FIELD_NULL ? SQL_VALUE_NULL : SQL_VALUE_BOOL(a.is_paused),
                                     SQL_VALUE_INT(a.q ? LIST_LOOKED_MAX + 1 : a.limit + 1),
                                     SQL_VALUE_STR(owner),
                                     SQL_VALUE_STR(is_user && !a.owner ? q->actor.user_id : STR_NONE)};
  enum err e = sqldb_query(l->db, owner.ptr ? SQL_WORLD_LIST_OF : SQL_WORLD_LIST, values, owner.ptr ? 6 : 4,
                           visit_listed, &v, &r->detail);
  if (e == ERR_OK) e = v.error;
  if (e == ERR_OK)
    e = reply_with(r, json_pack("{s:O, s:s?}", "worlds", v.rows, "next", v.has_more ? v.next : NULL));
  json_decref(v.rows);
  return e;
}

/* ---- edits ---- */

enum err world_refresh_access(struct lane *l, struct str id, int64_t now_ms) {
  struct world_row row;
  struct live_world w = {};
  if (live_mode(l->live) == LIVE_NONE) return ERR_OK;
  TRY(world_get(l, id, &row));
  TRY(live_read(l->live, &(struct live_question){&id, 1, LIVE_CORE, &l->arena}, &w, l->detail));
  return world_access_refresh(l, &row, &w, 1, now_ms);
}

static enum err give(struct lane *l, const struct world_row *row) {
  enum err e = sqldb_exec(l->db, SQL_WORLD_GIVE,
                          SQL_ARGS(SQL_VALUE_TEXT(row->id), SQL_VALUE_TEXT(row->owner_id)), NULL, l->detail);
  if (e != ERR_STORE_READONLY) return e;
  (void)err_set(l->detail, ERR_CONFLICT, "ownerId", 0, "the application's table says who owns this world");
  err_hint(l->detail, "change \"userId\" there");
  return ERR_CONFLICT;
}

static enum err write_edit(struct lane *l, const struct world_request *q, const struct world_row *row) {
  if (json_object_get(q->args, "ownerId")) TRY(give(l, row));
  TRY(sqldb_exec(
      l->db, SQL_WORLD_EDIT,
      SQL_ARGS(SQL_VALUE_TEXT(row->id), SQL_VALUE_TEXT(row->name), SQL_VALUE_TEXT(row->owner_email),
               SQL_VALUE_TEXT(row->locale), SQL_VALUE_BOOL(row->story_mode),
               SQL_VALUE_BOOL(row->is_collaborative), SQL_VALUE_BOOL(row->emergent_events),
               row->events_per_day == FIELD_NULL ? SQL_VALUE_NULL : SQL_VALUE_INT(row->events_per_day),
               SQL_VALUE_TEXT(row->story), SQL_VALUE_INSTANT(q->now_ms)),
      NULL, l->detail));
  json_t *what = json_object();
  const char *key;
  json_t *value;
  void *at;
  json_t *fields = json_array();
  json_object_foreach_safe((json_t *)(uintptr_t)q->args, at, key, value)
      json_array_append_new(fields, json_string(key));
  json_object_set_new(what, "fields", fields);
  return world_note(l, q->world_id, q->now_ms, q->actor.name, "edited", what);
}

/* PATCH of what may be written: the answer is the row. An owner can give a world away; so can the application. */
enum err call_world_edit(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_row row;
  TRY(world_see(l, q, q->actor.kind == ACTOR_SYSTEM ? DEED_OPERATE : DEED_OWN, &row));
  if (json_object_get(q->args, "id"))
    return err_set(&r->detail, ERR_INVALID, "id", 0, "the id of a world cannot be changed");
  TRY(sqldb_begin(l->db, true, &r->detail));
  TRY(world_get_locked(l, q->world_id, &row));
  TRY(fields_from_json(world_row_fields, world_row_field_count, q->args, FIELD_PATCH, &row, &l->arena,
                       &r->detail));
  TRY(check_row(&row, &r->detail));
  TRY(write_edit(l, q, &row));
  TRY(sqldb_commit(l->db, &r->detail));
  row.updated_ms = q->now_ms;
  (void)world_refresh_access(l, q->world_id, q->now_ms); /* else the next sync does it */
  return reply_with(r, world_row_json(&row));
}

/* ---- state ---- */

static json_t *field_json(struct str bytes) {
  if (str_is_utf8(bytes) && !memchr(bytes.ptr ? bytes.ptr : "", 0, bytes.len))
    return json_stringn(bytes.ptr, bytes.len);
  size_t room = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL);
  char *text = malloc(room);
  json_t *wrapped = NULL;
  if (text) {
    sodium_bin2base64(text, room, (const unsigned char *)bytes.ptr, bytes.len,
                      sodium_base64_VARIANT_ORIGINAL);
    wrapped = json_pack("{s:s}", "base64", text);
  }
  free(text);
  return wrapped;
}

static json_t *fields_json(struct lane *l, const struct live_field *fields, size_t count) {
  json_t *object = json_object();
  for (size_t i = 0; i < count; i++) {
    const char *name = arena_strdup(&l->arena, fields[i].name);
    if (!name || str_starts(fields[i].name, STR("sys."))) continue;
    json_object_set_new(object, name, field_json(fields[i].bytes));
  }
  return object;
}

static json_t *events_json(const struct live_world *w) {
  json_t *list = json_array();
  for (size_t i = 0; i < w->event_count; i++) {
    json_t *data = NULL;
    if (json_parse(w->events[i].bytes, &data, NULL) != ERR_OK) data = field_json(w->events[i].bytes);
    json_array_append_new(list, json_pack("{s:o, s:o}", "at", world_json_instant(w->events[i].at_ms), "data",
                                          data ? data : json_null()));
  }
  return list;
}

/* What may have fallen back is not shown while the database has something newer. */
static enum err read_newest(struct lane *l, struct str id, struct live_world *w) {
  struct live_world saved;
  if (w->is_there && w->is_checked) return ERR_OK;
  TRY(world_state_read(l, id, &saved));
  if (!w->is_there || saved.version > w->version) *w = saved;
  return ERR_OK;
}

/* {worldId, isLive, version, turn, ticks, hash, core, session, events}: hash is of all of it. */
enum err call_world_state(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_row row;
  struct live_world w = {};
  struct world_bytes bytes;
  TRY(world_see(l, q, DEED_OPERATE, &row));
  if (live_mode(l->live) != LIVE_NONE)
    TRY(live_read(l->live, &(struct live_question){&q->world_id, 1, LIVE_ALL, &l->arena}, &w, &r->detail));
  bool is_live = w.is_there;
  TRY(read_newest(l, q->world_id, &w));
  TRY(world_state_encode(&w, INT64_MAX, &l->arena, &bytes));
  return reply_with(
      r, json_pack("{s:s, s:b, s:I, s:I, s:I, s:s, s:o, s:o, s:o}", "worldId", row.id, "isLive", is_live,
                   "version", (json_int_t)w.version, "turn", (json_int_t)w.turn, "ticks", (json_int_t)w.ticks,
                   "hash", bytes.hash, "core", fields_json(l, w.core, w.core_count), "session",
                   fields_json(l, w.session, w.session_count), "events", events_json(&w)));
}

static enum err check_name(const char *part, const char *name, struct err_detail *detail) {
  struct str n = str_of(name);
  if (n.len == 0 || n.len > STATE_NAME_BYTES_MAX)
    return err_set(detail, ERR_INVALID, part, 0, "a field's name has 1 to %d bytes", STATE_NAME_BYTES_MAX);
  if (str_starts(n, STR("sys.")) || str_starts(n, STR("stats.")))
    return err_set(detail, ERR_INVALID, part, 0,
                   "%.60s: names that begin with sys. or stats. are the server's", name);
  return ERR_OK;
}

/* Texts as they are, null deletes, everything else as JSON. */
static enum err read_fields(struct lane *l, const json_t *args, const char *part, struct live_field **ret,
                            size_t *ret_count) {
  json_t *object = json_object_get(args, part), *value;
  const char *key;
  size_t n = 0;
  if (!object || json_is_null(object)) return ERR_OK;
  if (!json_is_object(object) || json_object_size(object) > STATE_FIELDS_MAX)
    return err_set(l->detail, ERR_INVALID, part, 0, "%s must be an object of at most %d fields", part,
                   STATE_FIELDS_MAX);
  struct live_field *fields = ARENA_ARRAY(&l->arena, struct live_field, json_object_size(object) + 1);
  if (!fields) return ERR_NO_MEMORY;
  json_object_foreach(object, key, value) {
    TRY(check_name(part, key, l->detail));
    fields[n] = (struct live_field){str_of(key), STR("")};
    if (json_is_string(value)) {
      fields[n].bytes = (struct str){json_string_value(value), json_string_length(value)};
    } else if (!json_is_null(value)) {
      char *text = json_to_text(value);
      fields[n].bytes = str_of(text ? arena_strdup(&l->arena, str_of(text)) : NULL);
      free(text);
      if (!fields[n].bytes.ptr) return ERR_NO_MEMORY;
    }
    n++;
  }
  *ret = fields;
  *ret_count = n;
  return ERR_OK;
}

static enum err read_events(struct lane *l, const json_t *args, int64_t now_ms, struct live_entry **ret,
                            size_t *ret_count) {
  json_t *list = json_object_get(args, "events"), *event;
  size_t i;
  if (!list || json_is_null(list)) return ERR_OK;
  if (!json_is_array(list) || json_array_size(list) > STATE_EVENTS_MAX)
    return err_set(l->detail, ERR_INVALID, "events", 0, "events must be a list of at most %d",
                   STATE_EVENTS_MAX);
  struct live_entry *entries = ARENA_ARRAY(&l->arena, struct live_entry, json_array_size(list) + 1);
  if (!entries) return ERR_NO_MEMORY;
  json_array_foreach(list, i, event) {
    struct str at = json_text_at(event, "at");
    json_t *data = json_object_get(event, "data");
    entries[i].at_ms = now_ms;
    if (!data || (at.ptr && !instant_from_text(at, &entries[i].at_ms)))
      return err_set(l->detail, ERR_INVALID, "events", 0,
                     "events[%zu] must be {\"at\": instant, \"data\": …}", i);
    char *text = json_to_text(data);
    entries[i].bytes = str_of(text ? arena_strdup(&l->arena, str_of(text)) : NULL);
    free(text);
    if (!entries[i].bytes.ptr) return ERR_NO_MEMORY;
  }
  *ret = entries;
  *ret_count = json_array_size(list);
  return ERR_OK;
}

/* {core?, session?, events?}: fields set, null deletes; temporary events added. No user activity. {success, version}. */
enum err call_world_state_put(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct live_field *core = NULL, *session = NULL;
  struct live_entry *events = NULL;
  struct world_post p = {.deed = DEED_OPERATE, .append = {.active_ms = INSTANT_NONE}};
  TRY(read_fields(l, q->args, "core", &core, &p.append.core_count));
  TRY(read_fields(l, q->args, "session", &session, &p.append.session_count));
  TRY(read_events(l, q->args, q->now_ms, &events, &p.append.event_count));
  p.append.core = core;
  p.append.session = session;
  p.append.events = events;
  TRY(world_post(l, q, &p));
  return reply_with(r, json_pack("{s:b, s:s#, s:I}", "success", 1, "worldId", q->world_id.ptr,
                                 (int)q->world_id.len, "version", (json_int_t)p.append.version));
}
