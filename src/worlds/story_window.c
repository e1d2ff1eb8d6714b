#include "worlds/story_window.h"

#include "worlds/sql.h"

static struct str cut(struct str s) { /* at a character's border */
  if (s.len <= STORY_WINDOW_TEXT_MAX) return s;
  size_t n = STORY_WINDOW_TEXT_MAX;
  while (n > 0 && ((unsigned char)s.ptr[n] & 0xC0) == 0x80) n--;
  return (struct str){s.ptr, n};
}

static struct str keep(struct arena *a, struct str s) { return str_of(arena_strdup(a, cut(s))); }

/* ---- the database: newest first ---- */
struct reading {
  struct arena *arena;
  struct story_lines newest_first;
};

static bool read_line(void *arg, const struct sql_row *row) {
  struct reading *r = arg;
  if (r->newest_first.count == NARRATIVE_WINDOW) return false;
  r->newest_first.lines[r->newest_first.count++] =
      (struct story_line){.turn = sql_row_int(row, 0),
                          .at_ms = sql_row_instant(row, 1),
                          .speaker = keep(r->arena, sql_row_text(row, 2)),
                          .is_user = sql_row_int(row, 3) != 0,
                          .place = sql_row_is_null(row, 4) ? STR_NONE : keep(r->arena, sql_row_text(row, 4)),
                          .text = keep(r->arena, sql_row_text(row, 5))};
  return true;
}

/* ---- the journal: what the database does not have yet, newest first ---- */
static bool parse_entry(struct arena *arena, const struct live_entry *e, struct story_line *ret) {
  JSON_AUTO json_t *o = NULL;
  if (json_parse(e->bytes, &o, NULL) != ERR_OK || !json_is_object(o)) return false;
  *ret = (struct story_line){.turn = e->turn,
                             .at_ms = e->at_ms,
                             .speaker = keep(arena, json_text_at(o, "speaker")),
                             .is_user = json_bool_at(o, "isUser", false),
                             .text = keep(arena, json_text_at(o, "text"))};
  if (json_text_at(o, "place").len > 0) ret->place = keep(arena, json_text_at(o, "place"));
  return true;
}

static void read_journal(struct arena *arena, const struct live_world *live, int64_t after, int64_t until,
                         struct story_lines *ret) {
  for (size_t i = live->journal_count; i-- > 0 && ret->count < NARRATIVE_WINDOW;) {
    const struct live_entry *e = &live->journal[i];
    if (e->turn > after && e->turn <= until && parse_entry(arena, e, &ret->lines[ret->count])) ret->count++;
  }
}

/* Both lists fall in turns; a turn in both is the same interaction. */
static void merge(const struct story_lines *a, const struct story_lines *b, struct story_lines *ret) {
  struct story_lines falling = {};
  size_t i = 0, k = 0;
  while (falling.count < NARRATIVE_WINDOW && (i < a->count || k < b->count)) {
    bool from_a = k == b->count || (i < a->count && a->lines[i].turn >= b->lines[k].turn);
    const struct story_line *next = from_a ? &a->lines[i++] : &b->lines[k++];
    if (falling.count == 0 || falling.lines[falling.count - 1].turn != next->turn)
      falling.lines[falling.count++] = *next;
  }
  ret->count = falling.count;
  for (size_t n = 0; n < falling.count; n++) ret->lines[n] = falling.lines[falling.count - 1 - n];
}

enum err story_window(struct lane *l, struct str id, int64_t after, int64_t until,
                      const struct live_world *live, struct story_lines *ret) {
  struct reading r = {.arena = &l->arena};
  struct story_lines journal = {};
  TRY(sqldb_query(l->db, SQL_STORY_WINDOW,
                  SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INT(after), SQL_VALUE_INT(until),
                           SQL_VALUE_INT(NARRATIVE_WINDOW)),
                  read_line, &r, l->detail));
  if (live && live->is_there) read_journal(&l->arena, live, after, until, &journal);
  merge(&r.newest_first, &journal, ret);
  return arena_error(&l->arena);
}

/* ---- as JSON and as turns ---- */
json_t *story_window_json(const struct story_lines *w) {
  json_t *list = json_array();
  for (size_t i = 0; i < w->count; i++) {
    const struct story_line *s = &w->lines[i];
    json_t *o = json_pack("{s:I, s:I, s:s%, s:s%, s:b, s:s%}", "turn", (json_int_t)s->turn, "at",
                          (json_int_t)s->at_ms, "speaker", s->speaker.ptr, s->speaker.len, "place",
                          s->place.ptr ? s->place.ptr : "", s->place.len, "isUser", (int)s->is_user, "text",
                          s->text.ptr, s->text.len);
    if (json_array_append_new(list, o) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

static struct narrative_turn turn_of(struct text_kit *kit, enum text_language language,
                                     const struct story_line *s) {
  struct narrative_turn t = {
      .turn = s->turn, .at_ms = s->at_ms, .speaker = s->speaker, .place = s->place, .is_user = s->is_user};
  narrative_read_text(kit, language, s->text, &t.reading);
  return t;
}

size_t story_turns(struct text_kit *kit, enum text_language language, const struct story_lines *w,
                   struct narrative_turn ret[NARRATIVE_WINDOW]) {
  for (size_t i = 0; i < w->count; i++) ret[i] = turn_of(kit, language, &w->lines[i]);
  return w->count;
}
