/* events.measure and world.narrative: what became of events, and how a story stands. */
#include "worlds/calls.h"
#include "worlds/director.h"
#include "worlds/rights.h"
#include "worlds/sql.h"
#include "worlds/story_window.h"
#include "worlds/world_args.h"
#include "worlds/world_day.h"
#include "worlds/world_moves.h"

#define MEASURE_ROWS 200
#define MEASURE_LIMIT_MS ((int64_t)30 * 86400000) /* an event without 20 turns after it is given up then */
#define METRICS_BYTES_MAX 16384

static json_t *parse_or_null(struct str text) {
  json_t *tree = NULL;
  if (text.len == 0 || json_parse(text, &tree, NULL) != ERR_OK) return json_null();
  return tree;
}

/* A window by itself, without what came before: so that before and after an event compare. */
static json_t *measure_window(const struct story_lines *w, const struct story *story,
                              enum text_language language) {
  struct narrative_turn turns[NARRATIVE_WINDOW];
  struct narrative_memory memory = {};
  struct narrative metrics;
  struct text_kit *kit;
  if (text_kit_new(&kit) != ERR_OK) return NULL;
  size_t count = story_turns(kit, language, w, turns);
  narrative_evaluate(story, turns, count, count ? turns[count - 1].at_ms : 0, &memory, &metrics);
  text_kit_free(kit);
  return narrative_to_json(&metrics);
}

static enum text_language language_of(const char *locale) {
  return text_language_of(str_of(locale), TEXT_ES);
}

/* ---- events.measure {cursor: {after}, dryRun} → {ended, measured, next} ---- */
struct open_event {
  struct str id, world_id;
  int64_t turn, created_ms, expires_ms, last_turn;
  bool is_applied;
  const char *locale;
};
struct open_events {
  struct arena *arena;
  struct open_event list[MEASURE_ROWS];
  size_t count;
};

static bool read_open(void *arg, const struct sql_row *row) {
  struct open_events *o = arg;
  o->list[o->count++] = (struct open_event){
      .id = str_of(arena_strdup(o->arena, sql_row_text(row, 0))),
      .world_id = str_of(arena_strdup(o->arena, sql_row_text(row, 1))),
      .turn = sql_row_int(row, 2),
      .created_ms = sql_row_instant(row, 3),
      .expires_ms = sql_row_instant(row, 4),
      .is_applied = str_eq(sql_row_text(row, 5), STR("applied")),
      .last_turn = sql_row_int(row, 6),
      .locale = sql_row_is_null(row, 7) ? NULL : arena_strdup(o->arena, sql_row_text(row, 7))};
  return o->count < MEASURE_ROWS;
}

/* Turns that are in the journal only count as well. */
static enum err read_live_turns(struct lane *l, struct open_events *o) {
  struct str ids[MEASURE_ROWS];
  struct live_world *live = ARENA_ARRAY(&l->arena, struct live_world, o->count ? o->count : 1);
  if (!live) return ERR_NO_MEMORY;
  for (size_t i = 0; i < o->count; i++) ids[i] = o->list[i].world_id;
  if (o->count)
    TRY(live_read(l->live, &(struct live_question){ids, o->count, LIVE_META, &l->arena}, live, l->detail));
  for (size_t i = 0; i < o->count; i++)
    if (live[i].is_there && live[i].turn > o->list[i].last_turn) o->list[i].last_turn = live[i].turn;
  return ERR_OK;
}

struct measured {
  int64_t ended, measured;
};

static enum err end_event(struct lane *l, const struct open_event *e, int64_t now_ms, struct measured *m) {
  bool was_taken_up = e->last_turn >= e->turn + DIRECTOR_LIFE_TURNS;
  if (!e->is_applied || (!was_taken_up && now_ms < e->expires_ms)) return ERR_OK;
  m->ended++;
  return sqldb_exec(l->db, SQL_STORY_EVENT_OVER,
                    SQL_ARGS(SQL_VALUE_STR(e->id), SQL_VALUE_TEXT(was_taken_up ? "done" : "expired")), NULL,
                    l->detail);
}

static enum err store_after(struct lane *l, const struct open_event *e, const json_t *metrics) {
  BUF_AUTO struct buf out = buf_new(METRICS_BYTES_MAX);
  struct json_writer w = jw_new(&out);
  jw_value(&w, metrics);
  TRY(buf_error(&out));
  return sqldb_exec(l->db, SQL_STORY_EVENT_MEASURED,
                    SQL_ARGS(SQL_VALUE_STR(e->id), SQL_VALUE_STR(buf_str(&out))), NULL, l->detail);
}

static enum err measure_event(struct lane *l, const struct open_event *e, int64_t now_ms,
                              struct measured *m) {
  struct story nobody = {};
  struct story_lines window = {};
  struct live_world live;
  int64_t until = e->turn + DIRECTOR_AFTER_TURNS;
  if (e->last_turn < until && now_ms - e->created_ms < MEASURE_LIMIT_MS) return ERR_OK;
  TRY(live_read(l->live, &(struct live_question){&e->world_id, 1, LIVE_JOURNAL, &l->arena}, &live,
                l->detail));
  TRY(story_window(l, e->world_id, e->turn, until, &live, &window));
  JSON_AUTO json_t *metrics = measure_window(&window, &nobody, language_of(e->locale));
  if (!metrics) return ERR_NO_MEMORY;
  m->measured++;
  return store_after(l, e, metrics);
}

enum err call_events_measure(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct str after = json_text_at(json_object_get(q->args, "cursor"), "after");
  struct open_events *o = ARENA_NEW(&l->arena, struct open_events);
  struct measured m = {};
  if (!o) return ERR_NO_MEMORY;
  o->arena = &l->arena;
  TRY(sqldb_query(l->db, SQL_STORY_EVENTS_OPEN,
                  SQL_ARGS(SQL_VALUE_STR(after.ptr ? after : STR("")), SQL_VALUE_INT(MEASURE_ROWS)),
                  read_open, o, &r->detail));
  TRY(arena_error(&l->arena));
  TRY(read_live_turns(l, o));
  TRY(sqldb_begin(l->db, true, &r->detail));
  for (size_t i = 0; i < o->count; i++) {
    TRY(end_event(l, &o->list[i], q->now_ms, &m));
    TRY(measure_event(l, &o->list[i], q->now_ms, &m));
  }
  TRY(sqldb_commit(l->db, &r->detail));
  json_t *next =
      o->count == MEASURE_ROWS ? json_pack("{s:s}", "after", o->list[o->count - 1].id.ptr) : json_null();
  return reply_with(r, json_pack("{s:I, s:I, s:o}", "ended", (json_int_t)m.ended, "measured",
                                 (json_int_t)m.measured, "next", next));
}

/* ---- world.narrative → {worldId, measuredAt, turn, metrics, phase, target, why, lastEvent, today, excluded} ---- */
struct last_event {
  json_t *body;
};

static json_t *text_json(const struct sql_row *row, int column) {
  struct str s = sql_row_text(row, column);
  return sql_row_is_null(row, column) ? json_null() : json_stringn(s.ptr, s.len);
}

static bool read_last(void *arg, const struct sql_row *row) {
  struct last_event *last = arg;
  last->body = json_pack(
      "{s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "id", text_json(row, 0), "type",
      text_json(row, 1), "status", text_json(row, 2), "createdAt",
      world_json_instant(sql_row_instant(row, 3)), "expiresAt", world_json_instant(sql_row_instant(row, 4)),
      "turn", (json_int_t)sql_row_int(row, 5), "text", text_json(row, 6), "participants",
      parse_or_null(sql_row_text(row, 7)), "why", parse_or_null(sql_row_text(row, 8)), "metricsBefore",
      parse_or_null(sql_row_text(row, 9)), "metricsAfter", parse_or_null(sql_row_text(row, 10)));
  return false;
}

struct evaluation {
  json_t *values, *director;
  int64_t at_ms;
};

static bool read_evaluation(void *arg, const struct sql_row *row) {
  struct evaluation *e = arg;
  e->at_ms = sql_row_instant(row, 0);
  e->values = parse_or_null(sql_row_text(row, 2));
  e->director = parse_or_null(sql_row_text(row, 3));
  return false;
}

/* A world that was never evaluated is measured as it stands. */
static enum err measure_now(struct lane *l, const struct world_row *row, struct evaluation *e) {
  struct str id = str_of(row->id);
  struct story_lines window;
  struct live_world live;
  struct story story;
  JSON_AUTO json_t *tree = parse_or_null(str_of(row->story));
  bool has_live =
      live_read(l->live, &(struct live_question){&id, 1, LIVE_JOURNAL, &l->arena}, &live, NULL) == ERR_OK;
  TRY(story_window(l, id, 0, INT64_MAX, has_live ? &live : NULL, &window));
  story_read(tree, &story);
  e->values = measure_window(&window, &story, language_of(row->locale));
  e->director = json_null();
  return e->values ? ERR_OK : ERR_NO_MEMORY;
}

static bool read_today(void *arg, const struct sql_row *row) {
  *(json_t **)arg = json_pack("{s:I, s:I, s:I}", "evaluations", (json_int_t)sql_row_int(row, 0), "events",
                              (json_int_t)sql_row_int(row, 1), "llmCalls", (json_int_t)sql_row_int(row, 2));
  return false;
}

static json_t *excluded(const struct world_row *row) {
  const char *why = row->is_paused || row->status != WORLD_RUNNING ? "world_paused"
                    : !row->story_mode                             ? "not_in_story_mode"
                    : !row->emergent_events                        ? "events_off"
                                                                   : NULL;
  return why ? json_string(why) : json_null();
}

enum err call_world_narrative(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_row row;
  struct evaluation e = {.at_ms = INSTANT_NONE};
  struct last_event last = {};
  json_t *today = NULL;
  TRY(world_get(l, q->world_id, &row));
  bool is_member = q->actor.kind == ACTOR_USER && world_is_member(l, q->world_id, q->actor.user_id);
  TRY(world_may(DEED_SEE, &q->actor, &row, is_member, &r->detail));
  int64_t day = world_day(worlds_config(l->worlds)->timezone, q->now_ms);
  enum err error = sqldb_query(l->db, SQL_STORY_METRIC, SQL_ARGS(SQL_VALUE_STR(q->world_id)), read_evaluation,
                               &e, &r->detail);
  if (error == ERR_OK && !e.values) error = measure_now(l, &row, &e);
  if (error == ERR_OK)
    error = sqldb_query(l->db, SQL_STORY_EVENT_LAST, SQL_ARGS(SQL_VALUE_STR(q->world_id)), read_last, &last,
                        &r->detail);
  if (error == ERR_OK)
    error = sqldb_query(l->db, SQL_STORY_DAY, SQL_ARGS(SQL_VALUE_STR(q->world_id), SQL_VALUE_INT(day)),
                        read_today, &today, &r->detail);
  const json_t *why = json_object_get(e.director, "reasons");
  json_t *body = error != ERR_OK ? NULL
                                 : json_pack("{s:s, s:o, s:O, s:O?, s:O?, s:O?, s:O?, s:O?, s:o}", "worldId",
                                             row.id, "measuredAt", world_json_instant(e.at_ms), "metrics",
                                             e.values, "phase", json_object_get(why, "phase"), "target",
                                             json_object_get(why, "target"), "why", why, "lastEvent",
                                             last.body, "today", today, "excluded", excluded(&row));
  json_decref(e.values), json_decref(e.director), json_decref(last.body), json_decref(today);
  return error != ERR_OK ? error : reply_with(r, body);
}
