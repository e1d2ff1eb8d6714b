#include "worlds/worlds.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"
#include "store/archive.h"
#include "worlds/load.h"
#include "worlds/schema.h"
#include "worlds/sql.h"

#define LANE_ARENA_BYTES ((size_t)256 * 1024 * 1024) /* a batch of big states; freed after each call */

const struct sql_statement world_statements[] = {
#define SQL(id, text, postgres) [SQL_##id] = {#id, text, postgres},
#include "worlds/sql.def"
#undef SQL
};

struct worlds {
  struct worlds_config config;
  pthread_mutex_t lock;
  struct world_settings settings;
  uint64_t settings_hash; /* of the text they were read from */
  int64_t settings_at_ms; /* when they were read; INSTANT_NONE: never */
};

const struct worlds_config *worlds_config(const struct worlds *w) { return &w->config; }

static enum err make_schema(const struct worlds_config *config, struct err_detail *detail) {
  struct sqldb_config bare = config->db;
  struct sqldb *db;
  bare.statements = NULL;
  bare.statement_count = 0;
  TRY(sqldb_open(&bare, &db, detail));
  enum err e = world_schema_up(db, detail);
  sqldb_close(db);
  return e;
}

enum err worlds_new(const struct worlds_config *config, struct worlds **ret, struct err_detail *detail) {
  struct worlds *w = calloc(1, sizeof *w);
  if (!w) return ERR_NO_MEMORY;
  w->config = *config;
  w->config.db.statements = world_statements;
  w->config.db.statement_count = WORLD_SQL_COUNT;
  w->settings_at_ms = INSTANT_NONE;
  world_settings_init(&w->settings);
  enum err e = make_schema(&w->config, detail);
  if (e != ERR_OK) {
    free(w);
    return e;
  }
  pthread_mutex_init(&w->lock, NULL);
  *ret = w;
  return ERR_OK;
}

void worlds_free(struct worlds *w) {
  if (!w) return;
  pthread_mutex_destroy(&w->lock);
  free(w);
}

enum err lane_open(struct worlds *w, struct lane *ret, struct err_detail *detail) {
  struct lane l = {.worlds = w, .arena = arena_new(LANE_ARENA_BYTES)};
  TRY(sqldb_open(&w->config.db, &l.db, detail));
  enum err e = live_open(&w->config.live, &l.live, detail);
  if (e != ERR_OK) sqldb_close(l.db);
  else *ret = l;
  return e;
}

void lane_close(struct lane *l) {
  sqldb_close(l->db);
  live_close(l->live);
  archive_close(l->archive);
  arena_free(&l->arena);
  *l = (struct lane){};
}

/* ---- settings ---- */

struct settings_read {
  struct world_settings *settings;
  struct arena *arena;
  uint64_t known, found; /* hashes of texts; 0: there is none */
  enum err error;
};

static bool read_settings(void *arg, const struct sql_row *row) {
  struct settings_read *r = arg;
  JSON_AUTO json_t *object = NULL;
  struct str text = sql_row_text(row, 0);
  r->found = hash_bytes(text.ptr, text.len, 1);
  if (r->found == r->known) return false;
  r->error = json_parse(text, &object, NULL);
  if (r->error == ERR_OK)
    r->error = fields_from_json(world_settings_fields, world_settings_field_count, object, FIELD_PATCH,
                                r->settings, r->arena, NULL);
  return false;
}

/* What the database says now; what it cannot say stays as it was known. */
static void refresh(struct lane *l, int64_t now_ms) {
  struct world_settings fresh;
  world_settings_init(&fresh);
  pthread_mutex_lock(&l->worlds->lock);
  struct settings_read r = {.settings = &fresh, .arena = &l->arena, .known = l->worlds->settings_hash};
  pthread_mutex_unlock(&l->worlds->lock);
  enum err e = sqldb_query(l->db, SQL_SETTINGS_GET, SQL_NO_ARGS, read_settings, &r, NULL);
  if (e != ERR_OK || r.error != ERR_OK) return;
  pthread_mutex_lock(&l->worlds->lock);
  if (r.found == 0 || r.found != r.known) l->worlds->settings = fresh;
  l->worlds->settings_hash = r.found;
  l->worlds->settings_at_ms = now_ms;
  pthread_mutex_unlock(&l->worlds->lock);
}

struct world_settings worlds_settings(struct lane *l, int64_t now_ms) {
  struct worlds *w = l->worlds;
  pthread_mutex_lock(&w->lock);
  bool is_old = w->settings_at_ms == INSTANT_NONE || now_ms - w->settings_at_ms >= WORLD_SETTINGS_AGE_MS ||
                now_ms < w->settings_at_ms;
  pthread_mutex_unlock(&w->lock);
  if (is_old) refresh(l, now_ms);
  pthread_mutex_lock(&w->lock);
  struct world_settings s = w->settings;
  pthread_mutex_unlock(&w->lock);
  return s;
}

void worlds_settings_changed(struct worlds *w) {
  pthread_mutex_lock(&w->lock);
  w->settings_at_ms = INSTANT_NONE;
  pthread_mutex_unlock(&w->lock);
}

/* ---- calls ---- */

void world_reply_free(struct world_reply *r) {
  json_decref(r->body);
  buf_free(&r->payload);
  *r = (struct world_reply){};
}

static void clear_lane(struct lane *l) {
  l->detail = NULL;
  sqldb_rollback(l->db); /* whatever the call left open must not hold the others up */
  arena_free(&l->arena);
  l->arena = arena_new(LANE_ARENA_BYTES);
}

enum err worlds_call(struct lane *l, const struct world_request *q, struct world_reply *r) {
  l->to_wake[0] = '\0';
  l->detail = &r->detail;
  r->error = q->call->fn(l, q, r);
  if (r->error == ERR_OK) r->detail = (struct err_detail){}; /* of what was tried and could be done without */
  clear_lane(l);
  return r->error;
}

static enum err wake_held(struct lane *l, struct str id, int64_t token, int64_t now_ms) {
  struct world_row row;
  struct live_world w = {};
  TRY(world_get(l, id, &row));
  TRY(live_read(l->live, &(struct live_question){&id, 1, LIVE_META, &l->arena}, &w, NULL));
  if (row.is_paused || w.is_there) return ERR_OK;
  return world_activate(l, &row, token, now_ms);
}

void worlds_wake_behind(struct lane *l, int64_t now_ms) {
  struct world_hold hold;
  struct str id = str_of(l->to_wake);
  if (!id.len) return;
  if (world_hold(l, id, now_ms, &hold) == ERR_OK) {
    (void)wake_held(l, id, hold.lock.token, now_ms);
    world_release(l, &hold);
  }
  clear_lane(l);
  l->to_wake[0] = '\0';
}
