/* Live state into the database, by arrays: five statements for a page of worlds, however many it has. */
#include <stdlib.h>

#include "worlds/load.h"
#include "worlds/sql.h"
#include "worlds/world_access.h"
#include "worlds/world_moves.h"
#include "worlds/world_state.h"

#define ROWS_JSON_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define BLOBS_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define NEVER_ZSTD INT64_MAX
#define SETTLE_ARENA_BYTES \
  ((size_t)512 * 1024 * 1024)        /* of one world, however big the live state lets it be */
#define TOLD_BYTES_MIN (1024 * 1024) /* smaller states are compressed without a line in the log */

/* What the database has of one world. */
struct kept {
  bool is_there;
  int64_t fence;
  int64_t version;    /* -1: no state yet */
  int64_t turn;       /* the last one given, be it by an application that writes rows of its own */
  int64_t saved_turn; /* the last one of those that a live state gave */
  int64_t active_ms;
  char hash[WORLD_HASH_TEXT]; /* of the state */
};

static bool visit_kept(void *arg, const struct sql_row *row) {
  struct kept *k = &((struct kept *)arg)[sql_row_int(row, 0)];
  *k = (struct kept){.is_there = true,
                     .fence = sql_row_int(row, 1),
                     .version = sql_row_is_null(row, 2) ? -1 : sql_row_int(row, 2),
                     .turn = sql_row_int(row, 3),
                     .saved_turn = sql_row_int(row, 3),
                     .active_ms = sql_row_is_null(row, 4) ? INSTANT_NONE : sql_row_instant(row, 4)};
  (void)str_copy(k->hash, sizeof k->hash, sql_row_text(row, 5));
  if (sql_row_int(row, 6) > k->turn) k->turn = sql_row_int(row, 6);
  return true;
}

static enum err read_kept(struct lane *l, enum world_sql statement, const struct live_world *worlds,
                          size_t count, struct kept *ret) {
  struct str *ids = ARENA_ARRAY(&l->arena, struct str, count + 1);
  if (!ids) return ERR_NO_MEMORY;
  for (size_t i = 0; i < count; i++) ids[i] = worlds[i].id;
  struct str list = world_ids_json(l, ids, count);
  if (!list.ptr) return ERR_NO_MEMORY;
  return sqldb_query(l->db, statement, SQL_ARGS(SQL_VALUE_STR(list)), visit_kept, ret, l->detail);
}

/* activity counts until it has been saved once; what came from the database was never unsaved. */
static int64_t unsaved_ms(const struct live_world *w, const struct kept *k) {
  int64_t from_ms = world_access_from_ms(w);
  if (w->active_ms == INSTANT_NONE) return INSTANT_NONE;
  if (k->active_ms != INSTANT_NONE && w->active_ms <= k->active_ms) return INSTANT_NONE;
  if (from_ms != INSTANT_NONE && w->active_ms <= from_ms) return INSTANT_NONE;
  return w->active_ms;
}

enum err world_unsaved_activity(struct lane *l, const struct live_world *worlds, size_t count,
                                int64_t *ret_ms) {
  struct kept *kept = ARENA_ARRAY(&l->arena, struct kept, count + 1);
  if (!kept) return ERR_NO_MEMORY;
  TRY(read_kept(l, SQL_STATE_KEPT, worlds, count, kept));
  for (size_t i = 0; i < count; i++)
    ret_ms[i] = worlds[i].is_there ? unsaved_ms(&worlds[i], &kept[i]) : INSTANT_NONE;
  return ERR_OK;
}

/* One JSON array of rows for each statement, all filled in one walk over the worlds. */
struct rows {
  struct buf text;
  struct json_writer w;
  size_t count;
};
struct flush {
  struct lane *lane;
  int64_t now_ms, zstd_above;
  struct rows states, interactions, stats, moved, seen;
  struct buf blobs;
};

static void rows_begin(struct rows *r) {
  r->text = buf_new(ROWS_JSON_BYTES_MAX);
  r->w = jw_new(&r->text);
  jw_array(&r->w);
}

static struct json_writer *row_begin(struct rows *r, struct str world_id) {
  r->count++;
  jw_object(&r->w);
  jw_key(&r->w, "w");
  jw_str(&r->w, world_id);
  return &r->w;
}

static enum err rows_run(struct flush *f, struct rows *r, enum world_sql statement, int64_t *ret_changed) {
  jw_array_end(&r->w);
  TRY(buf_error(&r->text));
  if (r->count == 0) return ERR_OK;
  return sqldb_exec(f->lane->db, statement, SQL_ARGS(SQL_VALUE_STR(buf_str(&r->text))), ret_changed,
                    f->lane->detail);
}

static void add_instant(struct json_writer *w, const char *key, int64_t ms) {
  jw_key(w, key);
  if (ms == INSTANT_NONE) jw_null(w);
  else jw_instant(w, ms);
}

static void add_text(struct json_writer *w, const char *key, const json_t *entry, const char *name) {
  jw_key(w, key);
  jw_str(w, json_text_at(entry, name));
}

/* PostgreSQL takes no NUL and nothing but UTF-8: what an application wrote so into the live state becomes '?' byte by
 * byte, on both databases, so that it holds its world's saving up on none. STR_NONE without memory. */
static struct str storable(struct lane *l, struct str text) {
  bool is_utf8 = str_is_utf8(text);
  if (world_text_is_storable(text)) return text;
  char *copy = arena_alloc(&l->arena, text.len + 1);
  if (!copy) return STR_NONE;
  for (size_t i = 0; i < text.len; i++)
    copy[i] = text.ptr[i] == 0 || (!is_utf8 && (unsigned char)text.ptr[i] > 127) ? '?' : text.ptr[i];
  return (struct str){copy, text.len};
}

/* What an application put there and is no JSON of ours is kept as a text of nobody. */
static enum err add_interaction(struct flush *f, struct str world_id, const struct live_entry *e) {
  JSON_AUTO json_t *entry = NULL;
  bool is_ours = json_parse(e->bytes, &entry, NULL) == ERR_OK && json_is_object(entry);
  struct json_writer *w = row_begin(&f->interactions, world_id);
  jw_kint(w, "t", e->turn);
  jw_kinstant(w, "a", e->at_ms);
  struct str speaker = is_ours ? json_text_at(entry, "speaker") : STR_NONE;
  jw_kstr(w, "s", speaker.ptr ? speaker : STR("unknown"));
  jw_kbool(w, "u", is_ours && json_bool_at(entry, "isUser", false));
  add_text(w, "p", entry, "place");
  struct str text = is_ours ? json_text_at(entry, "text") : storable(f->lane, e->bytes);
  jw_kstr(w, "x", text.ptr ? text : STR(""));
  const json_t *data = json_object_get(entry, "data");
  char *dumped = data && !json_is_null(data) ? json_to_text(data) : NULL;
  jw_ktext(w, "d", dumped);
  free(dumped);
  jw_object_end(w);
  return ERR_OK;
}

/* B-72: what compressing a very large world gains. */
static void tell_packed(const struct flush *f, struct str id, const struct world_bytes *b) {
  if (b->raw_bytes < TOLD_BYTES_MIN || b->data.len == 0) return;
  world_notice(f->lane, LOG_INFO, "WorldPauseService", "World state stored compressed",
               json_pack("{s:s#, s:I, s:I, s:f}", "worldId", id.ptr, (int)id.len, "bytes",
                         (json_int_t)b->raw_bytes, "storedBytes", (json_int_t)b->data.len, "sizeRatio",
                         (double)b->raw_bytes / (double)b->data.len));
}

static enum err add_state(struct flush *f, const struct live_world *lw, int64_t active_ms) {
  struct world_bytes b;
  TRY(world_state_encode(lw, f->zstd_above, &f->lane->arena, &b));
  if (b.raw_bytes > f->zstd_above) tell_packed(f, lw->id, &b);
  struct json_writer *w = row_begin(&f->states, lw->id);
  jw_kint(w, "v", lw->version);
  jw_kint(w, "t", lw->turn);
  jw_kint(w, "k", lw->ticks);
  jw_ktext(w, "c", b.codec);
  jw_kint(w, "b", b.raw_bytes);
  jw_ktext(w, "h", b.hash);
  jw_kint(w, "o", (int64_t)f->blobs.len + 1);
  jw_kint(w, "n", (int64_t)b.data.len);
  add_instant(w, "a", active_ms);
  jw_object_end(w);
  buf_add_str(&f->blobs, b.data);
  return buf_error(&f->blobs);
}

static void add_stats(struct flush *f, const struct live_world *lw) {
  struct json_writer *w = row_begin(&f->stats, lw->id);
  jw_kint(w, "i", lw->turn);
  jw_kint(w, "m", world_state_counter(lw, "stats.messages"));
  jw_kint(w, "e", world_state_counter(lw, "stats.events"));
  jw_kint(w, "k", world_state_counter(lw, "stats.tokens"));
  jw_kint(w, "c", world_state_counter(lw, "stats.costMicroUSD"));
  jw_kint(w, "s", world_state_counter(lw, "stats.sessionSeconds"));
  jw_object_end(w);
}

static void add_seen(struct flush *f, const struct live_world *lw) {
  for (size_t i = 0; i < lw->core_count; i++) {
    int64_t ms;
    if (!str_starts(lw->core[i].name, STR(WORLD_SEEN_PREFIX)) || !world_text_is_storable(lw->core[i].name) ||
        !str_to_int(lw->core[i].bytes, INSTANT_NONE + 1, INSTANT_NEVER - 1, &ms))
      continue;
    struct json_writer *w = row_begin(&f->seen, lw->id);
    jw_kstr(w, "u", str_from(lw->core[i].name, strlen(WORLD_SEEN_PREFIX)));
    jw_kinstant(w, "a", ms);
    jw_object_end(w);
  }
}

static enum err add_world(struct flush *f, const struct live_world *lw, const struct kept *k, int64_t token) {
  int64_t unsaved = unsaved_ms(lw, k), added = 0;
  for (size_t i = 0; i < lw->journal_count; i++) {
    TRY(add_interaction(f, lw->id, &lw->journal[i]));
    added++;
  }
  TRY(add_state(f, lw, unsaved != INSTANT_NONE ? unsaved : k->active_ms));
  add_stats(f, lw);
  add_seen(f, lw);
  if (unsaved == INSTANT_NONE && added == 0 && token <= k->fence) return ERR_OK;
  struct json_writer *w = row_begin(&f->moved, lw->id);
  jw_kint(w, "f", token);
  add_instant(w, "a", unsaved);
  jw_kint(w, "n", added);
  jw_object_end(w);
  return ERR_OK;
}

/* ---- is it safe as it is, to be refused, or to be written? ---- */

enum standing {
  REFUSED, /* no such row, or a greater token was there */
  SAFE,    /* the database has this version or a later one of it */
  UNSAVED,
  FALLEN_BACK, /* the live state lost its newest writes, nobody noticed, and it counts on from an older version; or an
                  application has given turns itself */
  LEFT_BEHIND /* it lost its newest writes and nobody has written to it since (live.h: a life) */
};

static bool found_one(void *arg, const struct sql_row *row) {
  (void)row;
  *(bool *)arg = true;
  return false;
}

static enum err is_saved_entry(struct lane *l, struct str id, const struct live_entry *e, bool *ret) {
  JSON_AUTO json_t *entry = NULL;
  *ret = false;
  struct str text = json_parse(e->bytes, &entry, NULL) == ERR_OK && json_is_object(entry)
                        ? json_text_at(entry, "text")
                        : storable(l, e->bytes);
  return sqldb_query(
      l->db, SQL_INTERACTION_IS,
      SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INT(e->turn), SQL_VALUE_INSTANT(e->at_ms), SQL_VALUE_STR(text)),
      found_one, ret, l->detail);
}

/* Turns that the database has given already: to these entries, if sync died between commit and live_saved; to others, if
 * the live state has fallen back. */
static enum err has_saved_journal(struct lane *l, const struct live_world *lw, int64_t until_turn,
                                  bool *ret) {
  *ret = true;
  for (size_t i = 0; i < lw->journal_count && lw->journal[i].turn <= until_turn && *ret; i++)
    TRY(is_saved_entry(l, lw->id, &lw->journal[i], ret));
  return ERR_OK;
}

/* The database is ahead of this snapshot: did somebody save a later one, or has the live state fallen back? */
static enum err standing_behind(struct lane *l, const struct live_world *lw, const struct kept *k,
                                enum standing *ret) {
  struct live_world now = {};
  *ret = SAFE;
  if (live_mode(l->live) == LIVE_NONE) return ERR_OK;
  if (!lw->is_checked) *ret = LEFT_BEHIND;
  if (!lw->is_checked || lw->version <= lw->saved_version) return ERR_OK;
  TRY(live_read(l->live, &(struct live_question){&lw->id, 1, LIVE_META, &l->arena}, &now, l->detail));
  if (now.is_there && now.version < k->version) *ret = FALLEN_BACK;
  return ERR_OK;
}

/* The same version: of the same state, and with the same rows? */
static enum err standing_beside(struct lane *l, const struct live_world *lw, const struct kept *k,
                                enum standing *ret) {
  struct world_bytes b;
  bool is_same = true;
  if (lw->version > lw->saved_version || !lw->is_checked) {
    TRY(world_state_encode(lw, NEVER_ZSTD, &l->arena, &b));
    is_same = strcmp(b.hash, k->hash) == 0;
    if (is_same) TRY(has_saved_journal(l, lw, INT64_MAX, &is_same));
  }
  *ret = is_same ? SAFE : lw->is_checked ? FALLEN_BACK : LEFT_BEHIND;
  return ERR_OK;
}

static enum err standing_ahead(struct lane *l, const struct live_world *lw, const struct kept *k,
                               enum standing *ret) {
  bool is_saved = false;
  if (lw->turn >= k->turn) TRY(has_saved_journal(l, lw, k->turn, &is_saved));
  *ret = is_saved ? UNSAVED : FALLEN_BACK;
  return ERR_OK;
}

static enum err standing_of(struct lane *l, const struct live_world *lw, const struct kept *k, int64_t token,
                            enum standing *ret) {
  if (!k->is_there || (token != 0 && token < k->fence)) *ret = REFUSED;
  else if (!lw->is_there) *ret = SAFE;
  else if (lw->version > k->version) return standing_ahead(l, lw, k, ret);
  else if (lw->version == k->version) return standing_beside(l, lw, k, ret);
  else return standing_behind(l, lw, k, ret);
  return ERR_OK;
}

/* Whether nobody ever had this turn: what live states gave before may be archived. */
static enum err is_free_turn(struct lane *l, struct str id, int64_t turn, const struct kept *k, bool *ret) {
  bool is_there = turn <= k->saved_turn;
  if (!is_there)
    TRY(sqldb_query(l->db, SQL_INTERACTION_AT, SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INT(turn)), found_one,
                    &is_there, l->detail));
  *ret = !is_there;
  return ERR_OK;
}

/* What the database does not have yet keeps its turn where that is free, else it gets the next one. */
static enum err renumber(struct lane *l, struct live_world *lw, const struct kept *k) {
  struct live_entry *journal = ARENA_ARRAY(&l->arena, struct live_entry, lw->journal_count + 1);
  size_t n = 0;
  if (!journal) return ERR_NO_MEMORY;
  if (lw->turn < k->turn) lw->turn = k->turn;
  for (size_t i = 0; i < lw->journal_count; i++) {
    bool is_saved;
    TRY(is_saved_entry(l, lw->id, &lw->journal[i], &is_saved));
    if (is_saved) continue;
    bool is_free;
    TRY(is_free_turn(l, lw->id, lw->journal[i].turn, k, &is_free));
    journal[n] = lw->journal[i];
    if (!is_free) journal[n].turn = ++lw->turn;
    n++;
  }
  lw->journal = journal;
  lw->journal_count = n;
  return ERR_OK;
}

/* And the state gets the next version there. What the live state holds now is what its users see, so it wins. */
static enum err catch_up(struct lane *l, struct live_world *lw, const struct kept *k) {
  if (lw->version <= k->version) lw->version = k->version + 1;
  return renumber(l, lw, k);
}

/* The turns that the database has are of this journal (standing_ahead). */
static void drop_saved(struct live_world *lw, const struct kept *k) {
  for (; lw->journal_count > 0 && lw->journal->turn <= k->turn; lw->journal_count--) lw->journal++;
}

static enum err append_rows(struct flush *f, struct live_append *a, const struct kept *k, int64_t token) {
  struct live_world lw = {
      .id = a->id, .core = (struct live_field *)(uintptr_t)a->core, .core_count = a->core_count};
  int64_t turn = k->turn;
  a->first_turn = turn + 1;
  a->version = k->version + 1;
  a->error = ERR_OK;
  for (size_t i = 0; i < a->journal_count; i++) {
    struct live_entry e = a->journal[i];
    e.turn = ++turn;
    TRY(add_interaction(f, a->id, &e));
  }
  add_seen(f, &lw);
  struct json_writer *w = row_begin(&f->moved, a->id);
  jw_kint(w, "f", token);
  add_instant(w, "a", a->active_ms);
  jw_kint(w, "n", (int64_t)a->journal_count);
  jw_object_end(w);
  return sqldb_exec(f->lane->db, SQL_STATE_TURN,
                    SQL_ARGS(SQL_VALUE_STR(a->id), SQL_VALUE_INT(turn), SQL_VALUE_INSTANT(f->now_ms)), NULL,
                    f->lane->detail);
}

/* The database's state is the newer one; of the live one only what was said is kept. */
static enum err add_said(struct flush *f, struct live_world *lw, const struct kept *k, int64_t token) {
  struct live_append a = {.id = lw->id, .active_ms = unsaved_ms(lw, k)};
  TRY(renumber(f->lane, lw, k));
  a.journal = lw->journal, a.journal_count = lw->journal_count;
  return lw->journal_count == 0 && a.active_ms == INSTANT_NONE ? ERR_OK : append_rows(f, &a, k, token);
}

static enum err run_all(struct flush *f) {
  int64_t inserted = 0;
  TRY(rows_run(f, &f->interactions, SQL_INTERACTIONS_ADD, &inserted));
  if ((size_t)inserted != f->interactions.count)
    return err_set(f->lane->detail, ERR_WORLD_BUSY, "turn", 0,
                   "an application gave turns of these worlds meanwhile");
  jw_array_end(&f->states.w);
  TRY(buf_error(&f->states.text));
  if (f->states.count > 0)
    TRY(sqldb_exec(f->lane->db, SQL_STATE_PUT_MANY,
                   SQL_ARGS(SQL_VALUE_STR(buf_str(&f->states.text)), SQL_VALUE_BLOB(buf_str(&f->blobs)),
                            SQL_VALUE_INSTANT(f->now_ms)),
                   NULL, f->lane->detail));
  TRY(rows_run(f, &f->stats, SQL_STATS_PUT_MANY, NULL));
  TRY(rows_run(f, &f->moved, SQL_WORLDS_MOVED, NULL));
  return rows_run(f, &f->seen, SQL_MEMBERS_SEEN, NULL);
}

static enum err flush_all(struct flush *f, const struct world_snapshots *s, bool *ret_done) {
  struct kept *kept = ARENA_ARRAY(&f->lane->arena, struct kept, s->count + 1);
  if (!kept) return ERR_NO_MEMORY;
  TRY(read_kept(f->lane, SQL_STATE_KEPT_LOCKED, s->worlds, s->count, kept));
  for (size_t i = 0; i < s->count; i++) {
    int64_t token = s->tokens ? s->tokens[i] : 0;
    struct live_world lw = s->worlds[i];
    enum standing standing;
    TRY(standing_of(f->lane, &lw, &kept[i], token, &standing));
    ret_done[i] = standing != REFUSED;
    if (standing == LEFT_BEHIND) TRY(add_said(f, &lw, &kept[i], token));
    if (standing == FALLEN_BACK) TRY(catch_up(f->lane, &lw, &kept[i]));
    if (standing == UNSAVED) drop_saved(&lw, &kept[i]);
    if (standing == FALLEN_BACK || standing == UNSAVED) TRY(add_world(f, &lw, &kept[i], token));
  }
  return run_all(f);
}

static void flush_begin(struct flush *f) {
  struct rows *all[] = {&f->states, &f->interactions, &f->stats, &f->moved, &f->seen};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) rows_begin(all[i]);
  f->blobs = buf_new(BLOBS_BYTES_MAX);
}

static void flush_end(struct flush *f) {
  struct rows *all[] = {&f->states, &f->interactions, &f->stats, &f->moved, &f->seen};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) buf_free(&all[i]->text);
  buf_free(&f->blobs);
}

enum err world_flush(struct lane *l, const struct world_snapshots *s, bool *ret_done) {
  struct flush f = {.lane = l, .now_ms = s->now_ms};
  f.zstd_above = worlds_settings(l, s->now_ms).hibernate_kb * 1024;
  flush_begin(&f);
  enum err e = flush_all(&f, s, ret_done);
  flush_end(&f);
  return e;
}

enum err world_flush_append(struct lane *l, struct live_append *a, int64_t token, int64_t now_ms) {
  struct flush f = {.lane = l, .now_ms = now_ms};
  struct live_world w = {.id = a->id};
  struct kept k = {};
  TRY(read_kept(l, SQL_STATE_KEPT_LOCKED, &w, 1, &k));
  if (!k.is_there || token < k.fence)
    return err_set(l->detail, ERR_WORLD_BUSY, "worldId", 0,
                   "another holder of the lock wrote \"%.*s\" meanwhile", STR_ARG(a->id));
  flush_begin(&f);
  enum err e = append_rows(&f, a, &k, token);
  if (e == ERR_OK) e = run_all(&f);
  if (e == ERR_OK)
    e = sqldb_exec(l->db, SQL_STATS_ADD,
                   SQL_ARGS(SQL_VALUE_STR(a->id), SQL_VALUE_INT(a->messages),
                            SQL_VALUE_INT(a->events_applied), SQL_VALUE_INT(a->tokens),
                            SQL_VALUE_INT(a->cost_micro_usd), SQL_VALUE_INT(a->session_seconds)),
                   NULL, l->detail);
  flush_end(&f);
  return e;
}

/* ---- back ---- */

struct state_visit {
  struct lane *lane;
  struct live_world *world;
  struct err_detail *detail;
  enum err error;
};

static int64_t not_below_zero(int64_t n) { return n < 0 ? 0 : n; } /* SQL from outside may say anything */

static bool visit_state(void *arg, const struct sql_row *row) {
  struct state_visit *v = arg;
  struct live_world *w = v->world;
  w->is_there = true;
  w->version = w->saved_version = not_below_zero(sql_row_int(row, 0));
  w->turn = not_below_zero(sql_row_int(row, 1));
  w->ticks = sql_row_int(row, 2);
  if (!sql_row_is_null(row, 7)) w->active_ms = sql_row_instant(row, 7);
  v->error = world_state_decode(sql_row_blob(row, 6), sql_row_text(row, 3), sql_row_int(row, 4),
                                &v->lane->arena, w, v->detail);
  return false;
}

/* What happened while it slept is counted in "WorldStats" alone. */
static bool visit_counters(void *arg, const struct sql_row *row) {
  static const char *const names[] = {"stats.messages", "stats.events", "stats.tokens", "stats.costMicroUSD",
                                      "stats.sessionSeconds"};
  struct state_visit *v = arg;
  for (int i = 0; i < 5 && v->error == ERR_OK; i++)
    v->error = world_state_raise(v->world, names[i], sql_row_int(row, i + 1), &v->lane->arena);
  return false;
}

static bool visit_turn(void *arg, const struct sql_row *row) {
  int64_t *turn = arg;
  if (sql_row_int(row, 0) > *turn) *turn = sql_row_int(row, 0);
  return false;
}

static bool visit_size(void *arg, const struct sql_row *row) {
  *(int64_t *)arg = sql_row_int(row, 0);
  return false;
}

enum err world_state_size(struct lane *l, struct str id, int64_t *ret_bytes) {
  int64_t bytes = 0;
  TRY(sqldb_query(l->db, SQL_STATE_SIZE, SQL_ARGS(SQL_VALUE_STR(id)), visit_size, &bytes, l->detail));
  *ret_bytes = bytes;
  return ERR_OK;
}

enum err world_state_read(struct lane *l, struct str id, struct live_world *ret) {
  *ret = (struct live_world){.id = id, .active_ms = INSTANT_NONE, .dirty_ms = INSTANT_NONE};
  struct state_visit v = {l, ret, l->detail, ERR_OK};
  TRY(sqldb_query(l->db, SQL_STATE_GET, SQL_ARGS(SQL_VALUE_STR(id)), visit_state, &v, l->detail));
  TRY(v.error);
  TRY(sqldb_query(l->db, SQL_STATS_GET, SQL_ARGS(SQL_VALUE_STR(id)), visit_counters, &v, l->detail));
  TRY(v.error);
  return sqldb_query(l->db, SQL_TURN_LAST, SQL_ARGS(SQL_VALUE_STR(id)), visit_turn, &ret->turn, l->detail);
}

static enum err open_again(struct lane *l, const struct world_row *row, int64_t token, int64_t now_ms) {
  struct live_field fields[WORLD_ACCESS_FIELDS];
  TRY(world_access_fields(l, row, INSTANT_NONE, fields));
  struct live_append a = {.id = str_of(row->id),
                          .token = token,
                          .active_ms = INSTANT_NONE,
                          .core = fields,
                          .core_count = WORLD_ACCESS_FIELDS - 1}; /* sys.from stays */
  TRY(live_write(l->live, &a, 1, now_ms, l->detail));
  return a.error == ERR_BUSY || a.error == ERR_CONFLICT ? ERR_WORLD_BUSY : a.error;
}

/* ---- after a live state may have fallen back ---- */

/* What was said there goes into the database first, so that no crash between the two costs it; then the database's state
 * takes the older one's place. */
static enum err put_back(struct lane *l, const struct live_world *old, int64_t token, int64_t now_ms) {
  struct live_world w;
  bool is_safe = false;
  struct world_snapshots s = {.worlds = old, .count = 1, .tokens = &token, .now_ms = now_ms};
  TRY(sqldb_begin(l->db, true, l->detail));
  enum err e = world_flush(l, &s, &is_safe);
  if (e == ERR_OK) e = is_safe ? sqldb_commit(l->db, l->detail) : ERR_WORLD_BUSY;
  if (e != ERR_OK) {
    sqldb_rollback(l->db);
    return e;
  }
  TRY(world_state_read(l, old->id, &w));
  if (w.active_ms < old->active_ms) w.active_ms = old->active_ms; /* INSTANT_NONE is the least */
  w.replaces = true;
  return live_load(l->live, &w, token, now_ms, l->detail);
}

static enum err settle(struct lane *l, struct str id, int64_t token, int64_t now_ms) {
  struct live_world w = {};
  struct kept k = {};
  enum standing standing;
  struct live_append is_newest = {
      .id = id, .token = token, .active_ms = INSTANT_NONE, .is_checked = true, .even_if_full = true};
  TRY(live_read(l->live, &(struct live_question){&id, 1, LIVE_ALL, &l->arena}, &w, l->detail));
  if (!w.is_there || w.is_checked) return ERR_OK;
  TRY(read_kept(l, SQL_STATE_KEPT, &w, 1, &k));
  TRY(standing_of(l, &w, &k, token, &standing));
  if (standing == REFUSED) return ERR_WORLD_BUSY;
  if (standing == LEFT_BEHIND) return put_back(l, &w, token, now_ms);
  TRY(live_write(l->live, &is_newest, 1, now_ms, l->detail));
  return is_newest.error;
}

enum err world_settle(struct lane *l, struct str id, int64_t token, int64_t now_ms) {
  struct arena outer = l->arena; /* a thousand big states, one after the other, are no more than one */
  l->arena = arena_new(SETTLE_ARENA_BYTES);
  enum err e = settle(l, id, token, now_ms);
  arena_free(&l->arena);
  l->arena = outer;
  if (e != ERR_WORLD_BUSY && e != ERR_BUSY && e != ERR_CONFLICT && e != ERR_NOT_FOUND) return e;
  return err_set(l->detail, ERR_WORLD_BUSY, "worldId", 0, "somebody else is moving \"%.*s\"", STR_ARG(id));
}

static enum err find_it_there(struct lane *l, const struct world_row *row, int64_t token, int64_t now_ms) {
  TRY(world_settle(l, str_of(row->id), token, now_ms));
  return open_again(l, row, token, now_ms);
}

enum err world_activate(struct lane *l, const struct world_row *row, int64_t token, int64_t now_ms) {
  struct live_world w;
  struct live_field access[WORLD_ACCESS_FIELDS];
  if (live_mode(l->live) == LIVE_NONE) return ERR_OK;
  ASSERT(!row->is_paused);
  TRY(world_state_read(l, str_of(row->id), &w));
  TRY(world_access_fields(l, row, row->last_active_ms, access));
  struct live_append fields = {.core = access, .core_count = WORLD_ACCESS_FIELDS};
  int64_t version = w.version;
  w.active_ms = row->last_active_ms;
  TRY(world_state_apply(&w, &fields, now_ms, &l->arena));
  w.version = w.saved_version = version;
  enum err e = live_load(l->live, &w, token, now_ms, l->detail);
  return e == ERR_CONFLICT ? find_it_there(l, row, token, now_ms) : e;
}
