/* events.page, .budget, .commit: the job emergent-events asks which worlds to evaluate, evaluates by itself, and has what
 * came of it kept and applied here, under the world's lock (A-45 … A-52, B-2, B-50, B-51, X-23). */
#include <stdlib.h>

#include "worlds/calls.h"
#include "worlds/director.h"
#include "worlds/sql.h"
#include "worlds/story_window.h"
#include "worlds/world_args.h"
#include "worlds/world_day.h"
#include "worlds/world_moves.h"

#define PAGE_ROWS 500  /* worlds in story mode that one page looks at */
#define PAGE_WORLDS 25 /* and gives with their windows, about a megabyte at most */
#define METRICS_BYTES_MAX 16384
#define DIRECTOR_BYTES_MAX 131072
#define REASONS_BYTES_MAX 65536
#define STORY_MS_PER_S 1000

/* The text of a tree, in the arena; STR_NONE when it is too long or memory ran out. */
static struct str dump(struct lane *l, const json_t *tree, size_t max) {
  BUF_AUTO struct buf out = buf_new(max);
  struct json_writer w = jw_new(&out);
  jw_value(&w, tree);
  return buf_error(&out) == ERR_OK ? str_of(arena_strdup(&l->arena, buf_str(&out))) : STR_NONE;
}

static json_t *parse_or_null(struct str text) {
  json_t *tree = NULL;
  if (text.len == 0 || json_parse(text, &tree, NULL) != ERR_OK) return json_null();
  return tree;
}

/* Jobs name the world in their arguments. */
static struct str id_of(const struct world_request *q) {
  return q->world_id.len > 0 ? q->world_id : json_text_at(q->args, "worldId");
}

/* ---- what is known of a world ---- */
struct known {
  struct arena *arena;
  struct str values, director;
  int64_t at_ms, turn;
};

static bool read_known(void *arg, const struct sql_row *row) {
  struct known *k = arg;
  k->at_ms = sql_row_instant(row, 0), k->turn = sql_row_int(row, 1);
  k->values = str_of(arena_strdup(k->arena, sql_row_text(row, 2)));
  k->director = str_of(arena_strdup(k->arena, sql_row_text(row, 3)));
  return false;
}

static enum err known_of(struct lane *l, struct str id, struct known *ret) {
  *ret = (struct known){.arena = &l->arena, .at_ms = INSTANT_NONE};
  return sqldb_query(l->db, SQL_STORY_METRIC, SQL_ARGS(SQL_VALUE_STR(id)), read_known, ret, l->detail);
}

struct day {
  int64_t evaluations, events, llm_calls;
};

static bool read_day(void *arg, const struct sql_row *row) {
  struct day *d = arg;
  *d = (struct day){sql_row_int(row, 0), sql_row_int(row, 1), sql_row_int(row, 2)};
  return false;
}

static enum err day_of(struct lane *l, struct str id, int64_t now_ms, struct day *ret) {
  *ret = (struct day){};
  int64_t day = world_day(worlds_config(l->worlds)->timezone, now_ms);
  return sqldb_query(l->db, SQL_STORY_DAY, SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INT(day)), read_day, ret,
                     l->detail);
}

static int64_t events_per_day(const struct world_settings *s, const struct world_row *row) {
  return row->events_per_day == FIELD_NULL || row->events_per_day > s->events_per_day ? s->events_per_day
                                                                                      : row->events_per_day;
}

/* Why a world gets no events now, or NULL (A-46, B-2, U-24). */
static const char *bar_of(const struct world_row *row) {
  if (row->is_paused || row->status != WORLD_RUNNING) return "world_paused";
  if (!row->story_mode) return "not_in_story_mode";
  if (!row->emergent_events) return "events_off";
  return NULL;
}

static bool note_found(void *arg, const struct sql_row *row) {
  (void)row;
  *(bool *)arg = true;
  return false;
}

static enum err has_live_event(struct lane *l, struct str id, int64_t now_ms, bool *ret) {
  *ret = false;
  return sqldb_query(
      l->db, SQL_STORY_EVENT_LIVE,
      SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INSTANT(now_ms - DIRECTOR_LIFE_MS), SQL_VALUE_INSTANT(now_ms)),
      note_found, ret, l->detail);
}

/* ---- events.page {cursor: {after}} → {now, hasLlm, worlds: […], next: {after} | null} ---- */
struct page {
  struct lane *l;
  struct world_row rows[PAGE_ROWS];
  size_t count;
  enum err error;
};

static bool read_row(void *arg, const struct sql_row *row) {
  struct page *p = arg;
  p->error = world_row_read(row, &p->l->arena, &p->rows[p->count]);
  if (p->error == ERR_OK) p->count++;
  return p->error == ERR_OK && p->count < PAGE_ROWS;
}

static enum err world_json(struct lane *l, const struct world_row *row, int64_t user_ms,
                           const struct live_world *live, int64_t now_ms, json_t **ret) {
  struct world_settings s = worlds_settings(l, now_ms);
  struct str id = str_of(row->id);
  struct story_lines window;
  struct known known;
  struct day day;
  TRY(story_window(l, id, 0, INT64_MAX, live, &window));
  TRY(known_of(l, id, &known));
  TRY(day_of(l, id, now_ms, &day));
  *ret = json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:I, s:I, s:I}", "id", row->id, "locale",
                   row->locale ? row->locale : "es", "userActiveAt", (json_int_t)user_ms, "window",
                   story_window_json(&window), "story", parse_or_null(str_of(row->story)), "director",
                   parse_or_null(known.director), "eventsPerDay", (json_int_t)events_per_day(&s, row),
                   "eventsToday", (json_int_t)day.events, "meanMinutes", (json_int_t)s.event_mtb_min);
  return *ret ? ERR_OK : ERR_NO_MEMORY;
}

struct chosen { /* of a page */
  const struct world_row *rows[PAGE_WORLDS];
  struct str ids[PAGE_WORLDS];
  int64_t user_ms[PAGE_WORLDS];
  size_t count, looked_at;
};

/* The first worlds of the page whose user was here lately and that have no live event. */
static enum err choose(struct lane *l, const struct page *p, int64_t now_ms, struct chosen *ret) {
  int64_t since_ms = now_ms - worlds_settings(l, now_ms).event_window_sec * STORY_MS_PER_S;
  struct str *ids = ARENA_ARRAY(&l->arena, struct str, p->count);
  struct live_world *live = ARENA_ARRAY(&l->arena, struct live_world, p->count);
  if (!ids || !live) return p->count ? ERR_NO_MEMORY : ERR_OK;
  for (size_t i = 0; i < p->count; i++) ids[i] = str_of(p->rows[i].id);
  TRY(live_read(l->live, &(struct live_question){ids, p->count, LIVE_META, &l->arena}, live, l->detail));
  for (; ret->looked_at < p->count && ret->count < PAGE_WORLDS; ret->looked_at++) {
    size_t i = ret->looked_at;
    bool has_event;
    int64_t user_ms = p->rows[i].last_active_ms;
    if (live[i].is_there && live[i].active_ms > user_ms) user_ms = live[i].active_ms;
    if (user_ms < since_ms) continue;
    TRY(has_live_event(l, ids[i], now_ms, &has_event));
    if (has_event) continue;
    ret->rows[ret->count] = &p->rows[i], ret->ids[ret->count] = ids[i], ret->user_ms[ret->count++] = user_ms;
  }
  return ERR_OK;
}

static enum err chosen_json(struct lane *l, const struct chosen *c, int64_t now_ms, json_t *list) {
  struct live_world live[PAGE_WORLDS];
  if (c->count)
    TRY(live_read(l->live, &(struct live_question){c->ids, c->count, LIVE_JOURNAL, &l->arena}, live,
                  l->detail));
  for (size_t i = 0; i < c->count; i++) {
    json_t *world;
    TRY(world_json(l, c->rows[i], c->user_ms[i], &live[i], now_ms, &world));
    if (json_array_append_new(list, world) != 0) return ERR_NO_MEMORY;
  }
  return ERR_OK;
}

enum err call_events_page(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct str after = json_text_at(json_object_get(q->args, "cursor"), "after");
  struct page *p = ARENA_NEW(&l->arena, struct page);
  struct chosen chosen = {};
  if (!p) return ERR_NO_MEMORY;
  p->l = l;
  TRY(sqldb_query(l->db, SQL_STORY_PAGE,
                  SQL_ARGS(SQL_VALUE_STR(after.ptr ? after : STR("")), SQL_VALUE_INT(PAGE_ROWS)), read_row, p,
                  &r->detail));
  TRY(p->error);
  TRY(choose(l, p, q->now_ms, &chosen));
  JSON_AUTO json_t *list = json_array();
  TRY(chosen_json(l, &chosen, q->now_ms, list));
  bool has_more = p->count == PAGE_ROWS || chosen.looked_at < p->count;
  json_t *next = has_more ? json_pack("{s:s}", "after", p->rows[chosen.looked_at - 1].id) : json_null();
  return reply_with(r,
                    json_pack("{s:I, s:b, s:O, s:o}", "now", (json_int_t)q->now_ms, "hasLlm",
                              worlds_config(l->worlds)->llm_base_url != NULL, "worlds", list, "next", next));
}

/* ---- events.budget {worldId} → {granted, reason?, llm?: {baseUrl, apiKey, model}} ----
 * Asking again takes another call of the day: never more than the limit. */
static json_t *granted(const struct worlds_config *c) {
  return json_pack("{s:b, s:{s:s?, s:s?, s:s?}}", "granted", 1, "llm", "baseUrl", c->llm_base_url, "apiKey",
                   c->llm_api_key, "model", c->llm_model);
}

enum err call_events_budget(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_settings s = worlds_settings(l, q->now_ms);
  struct world_row row;
  int64_t changed = 0;
  struct str id = id_of(q);
  TRY(world_get(l, id, &row));
  const char *bar = bar_of(&row);
  if (!worlds_config(l->worlds)->llm_base_url) bar = "no_llm";
  if (!bar && s.director_per_day > 0)
    TRY(sqldb_exec(
        l->db, SQL_STORY_DAY_ASKED,
        SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INT(world_day(worlds_config(l->worlds)->timezone, q->now_ms)),
                 SQL_VALUE_INT(s.director_per_day)),
        &changed, &r->detail));
  if (changed > 0) return reply_with(r, granted(worlds_config(l->worlds)));
  return reply_with(r, json_pack("{s:b, s:s}", "granted", 0, "reason", bar ? bar : "day_full"));
}

/* ---- events.commit {worldId, slot, turn, metrics, director, reasons, event: null | {type, text, participants,
 *      metricsBefore}} → {kept, applied, reason?, eventId?} ---- */
struct commit {
  struct str id;
  int64_t slot_ms, turn, now_ms;
  struct str metrics, director; /* as they are stored */
  bool has_event;
  struct str type, text, participants, reason, before;
  /* answer */
  bool is_kept, is_applied;
  const char *bar;
  struct id_text event_id;
};

static enum err commit_event_read(struct lane *l, const json_t *args, struct commit *c) {
  const json_t *event = json_object_get(args, "event");
  if (!json_is_object(event)) return ERR_OK;
  c->has_event = true;
  c->type = json_text_at(event, "type"), c->text = json_text_at(event, "text");
  c->participants = dump(l, json_object_get(event, "participants"), METRICS_BYTES_MAX);
  c->before = dump(l, json_object_get(event, "metricsBefore"), METRICS_BYTES_MAX);
  c->reason = dump(l, json_object_get(args, "reasons"), REASONS_BYTES_MAX);
  if (field_enum_index(event_type_names, c->type) < 0)
    return err_set(l->detail, ERR_INVALID, "event.type", 0, "there is no such type of event");
  if (c->text.len == 0 || c->text.len > DIRECTOR_TEXT_MAX)
    return err_set(l->detail, ERR_INVALID, "event.text", 0, "a text has 1 to %d bytes", DIRECTOR_TEXT_MAX);
  if (!c->participants.ptr || !c->before.ptr || !c->reason.ptr)
    return err_set(l->detail, ERR_LIMIT, "event", 0, "the event is too big");
  return ERR_OK;
}

static enum err commit_read(struct lane *l, const struct world_request *q, struct commit *c) {
  JSON_AUTO json_t *director = NULL;
  *c = (struct commit){.id = id_of(q),
                       .slot_ms = json_int_at(q->args, "slot", INSTANT_NONE),
                       .turn = json_int_at(q->args, "turn", 0),
                       .now_ms = q->now_ms};
  if (!world_id_is_valid(c->id)) return err_set(l->detail, ERR_INVALID, "worldId", 0, "worldId is missing");
  if (c->slot_ms == INSTANT_NONE) return err_set(l->detail, ERR_INVALID, "slot", 0, "slot is missing");
  director = json_pack("{s:I, s:O?, s:O?}", "slot", (json_int_t)c->slot_ms, "state",
                       json_object_get(q->args, "director"), "reasons", json_object_get(q->args, "reasons"));
  c->metrics = dump(l, json_object_get(q->args, "metrics"), METRICS_BYTES_MAX);
  c->director = dump(l, director, DIRECTOR_BYTES_MAX);
  if (!c->metrics.ptr || !c->director.ptr)
    return err_set(l->detail, ERR_LIMIT, "director", 0, "metrics or director are too big");
  return commit_event_read(l, q->args, c);
}

static bool read_id(void *arg, const struct sql_row *row) {
  return (void)str_copy(((struct id_text *)arg)->text, sizeof(struct id_text), sql_row_text(row, 0)), false;
}

/* Of what commit_read wrote: the slot comes first, so that the long text behind it need not be read. */
static int64_t slot_of(struct str director) {
  static const struct str key = STR("{\"slot\":");
  struct str digits = str_from(director, str_starts(director, key) ? key.len : director.len);
  int64_t slot;
  digits.len = str_find_char(digits, ',') < digits.len ? str_find_char(digits, ',') : 0;
  if (str_to_int(digits, INSTANT_NONE + 1, INSTANT_NEVER, &slot)) return slot;
  JSON_AUTO json_t *tree = parse_or_null(director);
  return json_int_at(tree, "slot", INSTANT_NONE);
}

/* A slot that was kept before is not kept again: what it came to is the answer. */
static enum err is_slot_done(struct lane *l, struct commit *c, bool *ret) {
  struct known known;
  TRY(known_of(l, c->id, &known));
  *ret = slot_of(known.director) >= c->slot_ms;
  if (!*ret) return ERR_OK;
  TRY(sqldb_query(l->db, SQL_STORY_EVENT_OF_SLOT, SQL_ARGS(SQL_VALUE_STR(c->id), SQL_VALUE_INT(c->slot_ms)),
                  read_id, &c->event_id, l->detail));
  c->is_applied = c->has_event && c->event_id.text[0];
  c->bar = c->is_applied ? NULL : "slot_done";
  return ERR_OK;
}

static enum err add_event(struct lane *l, struct commit *c, struct str actor) {
  c->event_id = world_new_id(c->now_ms);
  TRY(sqldb_exec(l->db, SQL_STORY_EVENT_ADD,
                 SQL_ARGS(SQL_VALUE_STR(c->id), SQL_VALUE_TEXT(c->event_id.text), SQL_VALUE_STR(c->type),
                          SQL_VALUE_INT(c->slot_ms), SQL_VALUE_INSTANT(c->now_ms),
                          SQL_VALUE_INSTANT(c->now_ms + DIRECTOR_LIFE_MS), SQL_VALUE_INT(c->turn),
                          SQL_VALUE_STR(c->text), SQL_VALUE_STR(c->participants), SQL_VALUE_STR(c->reason),
                          SQL_VALUE_STR(c->before)),
                 NULL, l->detail));
  json_t *note = json_pack("{s:s, s:s%}", "eventId", c->event_id.text, "type", c->type.ptr, c->type.len);
  return world_note(l, c->id, c->now_ms, actor, "emergent_event", note);
}

static enum err keep(struct lane *l, struct commit *c, struct str actor) {
  int64_t day = world_day(worlds_config(l->worlds)->timezone, c->now_ms);
  TRY(sqldb_exec(l->db, SQL_STORY_METRIC_PUT,
                 SQL_ARGS(SQL_VALUE_STR(c->id), SQL_VALUE_INSTANT(c->now_ms), SQL_VALUE_INT(c->turn),
                          SQL_VALUE_STR(c->metrics), SQL_VALUE_STR(c->director)),
                 NULL, l->detail));
  TRY(sqldb_exec(l->db, SQL_STORY_DAY_EVALUATED,
                 SQL_ARGS(SQL_VALUE_STR(c->id), SQL_VALUE_INT(day), SQL_VALUE_INT(c->has_event)), NULL,
                 l->detail));
  if (c->has_event) TRY(add_event(l, c, actor));
  c->is_kept = true, c->is_applied = c->has_event;
  return ERR_OK;
}

/* Whether the world may still have it is looked at again, now that nobody else can change that. */
static enum err commit_checked(struct lane *l, struct commit *c, int64_t token, struct str actor) {
  struct world_settings s = worlds_settings(l, c->now_ms);
  struct world_row row;
  struct day day;
  bool is_done;
  TRY(world_get_locked(l, c->id, &row));
  if (token > 0 && row.fence > token)
    return err_set(l->detail, ERR_WORLD_BUSY, "worldId", 0, "somebody else holds it");
  TRY(is_slot_done(l, c, &is_done));
  if (is_done) return ERR_OK;
  c->bar = bar_of(&row);
  TRY(day_of(l, c->id, c->now_ms, &day));
  if (!c->bar && c->has_event && day.events >= events_per_day(&s, &row)) c->bar = "day_full";
  return c->bar ? ERR_OK : keep(l, c, actor);
}

/* The event as the application finds it in the live state; the same bytes each time, so a repetition adds none. */
static struct str live_text(struct lane *l, const struct commit *c) {
  JSON_AUTO json_t *o =
      json_pack("{s:s, s:s%, s:s%, s:o, s:I, s:I}", "id", c->event_id.text, "type", c->type.ptr, c->type.len,
                "text", c->text.ptr, c->text.len, "participants", parse_or_null(c->participants), "turn",
                (json_int_t)c->turn, "expiresAt", (json_int_t)(c->now_ms + DIRECTOR_LIFE_MS));
  return dump(l, o, METRICS_BYTES_MAX);
}

/* What is not live gets it from the database when it wakes: "WorldEvent" is the truth. */
static enum err show(struct lane *l, const struct commit *c, int64_t token) {
  struct live_entry entry = {.at_ms = c->now_ms, .bytes = live_text(l, c)};
  struct live_append a = {.id = c->id,
                          .token = token,
                          .active_ms = INSTANT_NONE,
                          .events = &entry,
                          .event_count = 1,
                          .events_applied = 1};
  if (!entry.bytes.ptr) return ERR_NO_MEMORY;
  TRY(live_write(l->live, &a, 1, c->now_ms, l->detail));
  if (a.error == ERR_PRECONDITION) {
    TRY(world_settle(l, c->id, token, c->now_ms));
    TRY(live_write(l->live, &a, 1, c->now_ms, l->detail));
  }
  if (a.error != ERR_NOT_FOUND) return a.error;
  return sqldb_exec(l->db, SQL_STORY_EVENT_COUNTED, SQL_ARGS(SQL_VALUE_STR(c->id)), NULL, l->detail);
}

static enum err commit_held(struct lane *l, struct commit *c, int64_t token, struct str actor) {
  TRY(sqldb_begin(l->db, true, l->detail));
  enum err e = commit_checked(l, c, token, actor);
  if (e != ERR_OK || !c->is_kept) {
    sqldb_rollback(l->db);
    return e;
  }
  TRY(sqldb_commit(l->db, l->detail));
  if (c->is_applied && show(l, c, token) != ERR_OK)
    world_notice(l, LOG_WARN, "EmergentEvents", "Emergent event is in the database only",
                 json_pack("{s:s%, s:s, s:s}", "worldId", c->id.ptr, c->id.len, "eventId", c->event_id.text,
                           "why", l->detail ? l->detail->message : ""));
  return ERR_OK;
}

enum err call_events_commit(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct commit c;
  struct world_hold hold;
  TRY(commit_read(l, q, &c));
  TRY(world_hold(l, c.id, q->now_ms, &hold));
  enum err e = commit_held(l, &c, hold.lock.token, q->actor.name);
  world_release(l, &hold);
  if (e != ERR_OK) return e;
  if (c.is_kept && c.is_applied)
    world_notice(l, LOG_INFO, "EmergentEvents", "Emergent event applied",
                 json_pack("{s:s%, s:s, s:s%}", "worldId", c.id.ptr, c.id.len, "eventId", c.event_id.text,
                           "type", c.type.ptr, c.type.len));
  return reply_with(
      r, json_pack("{s:b, s:b, s:s?, s:s?}", "kept", (int)c.is_kept, "applied", (int)c.is_applied, "reason",
                   c.bar, "eventId", c.event_id.text[0] ? c.event_id.text : NULL));
}
