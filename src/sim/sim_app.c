#include "sim/sim_app.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes at full scale (requirements 7.2; the units are the seeds'). */
#define ROW_BYTES 2048.0
#define ROW_OVERHEAD \
  72 /* of a row's other columns, its key and its place in the tree: measured, at any scale */
#define HISTORY_BYTES 2048.0
#define EVENT_BYTES 512.0
#define JOURNAL_BYTES 614.0
#define CORE_BYTES 10240.0
#define MIB (1024.0 * 1024.0)
/* An application puts what its caches have gained into the live state in pieces, so that a world's history keeps within
 * its 1,000 entries also when nobody ever cleans it. */
#define HISTORY_PIECE (160 * HISTORY_BYTES)
#define CRASHES_PER_DAY 2.0
#define IDLE_EVERY (2 * SIM_STEPS_PER_HOUR) /* steps between two writes of a world whose user is away */
#define STEP_ARENA_BYTES ((size_t)256 * 1024 * 1024)
#define FUTURE_DAYS 400   /* of the events that protect a world */
#define ENTRY_OVERHEAD 26 /* of an entry's JSON */
#define TEXT_MAX 40960

static const char *const words[] = {
    "puerto",  "noche",    "carta",   "viento", "sombra", "puente",   "mercado", "silencio",
    "verdad",  "promesa",  "camino",  "fuego",  "lluvia", "secreto",  "barco",   "ventana",
    "miedo",   "amigo",    "traje",   "reloj",  "plaza",  "madre",    "herida",  "canto",
    "piedra",  "espejo",   "llave",   "torre",  "jardín", "invierno", "quiero",  "busco",
    "pierdo",  "recuerdo", "temo",    "guardo", "odio",   "amo",      "espero",  "niego",
    "grande",  "triste",   "alegre",  "oscuro", "lejano", "antiguo",  "dulce",   "roto",
    "nuevo",   "solo",     "siempre", "nunca",  "ayer",   "mañana",   "aquí",    "lejos",
    "después", "también",  "quizá",   "casi",   "pelea",  "abrazo",   "risa",    "confieso"};
#define WORD_COUNT (sizeof words / sizeof words[0])
static const char *const speakers[] = {"Ana", "Luis", "Eva", "Iker"};
static const char story[] =
    "{\"characters\":[{\"name\":\"Ana\",\"place\":\"plaza\",\"isMain\":true,\"traits\":[\"mar\"]},"
    "{\"name\":\"Luis\",\"place\":\"puerto\",\"traits\":[\"mar\"]},{\"name\":\"Eva\",\"place\":\"plaza\"},"
    "{\"name\":\"Iker\",\"place\":\"plaza\"}],\"relations\":[{\"a\":\"Ana\",\"b\":\"Luis\",\"value\":0.5},"
    "{\"a\":\"Ana\",\"b\":\"Eva\",\"value\":0.6}],\"places\":[{\"name\":\"plaza\",\"links\":[\"puerto\"]},"
    "{\"name\":\"puerto\",\"links\":[\"plaza\"]}],\"secrets\":[{\"character\":\"Ana\",\"text\":\"quemó la "
    "carta\","
    "\"isUsed\":false}],\"goals\":[{\"character\":\"Luis\",\"text\":\"salir del puerto\",\"isOpen\":true}]}";

struct sim_batch { /* what worlds write in a step */
  struct live_append writes[SIM_WORLDS_MAX];
  size_t owners[SIM_WORLDS_MAX];
  size_t count;
};

enum err sim_app_new(struct sim_app *app, struct sim_stage *stage, const struct sim_arm_config *config,
                     struct sim_figures *figures) {
  *app =
      (struct sim_app){.stage = stage, .config = config, .figures = figures, .chance = {config->load->count}};
  app->chance =
      sim_random_of(config->load->owners[0].key, 77, 0); /* the same crashes for every set of jobs */
  app->worlds = calloc(SIM_WORLDS_MAX, sizeof *app->worlds);
  app->filler_bytes =
      sim_scaled(stage, config->scalars.residue_mb * config->residue_scale * MIB * 4 + 2 * HISTORY_PIECE) +
      TEXT_MAX;
  app->filler = malloc(app->filler_bytes);
  app->batch = malloc(sizeof *app->batch);
  if (!app->worlds || !app->filler || !app->batch) return ERR_NO_MEMORY;
  memset(app->filler, 'x', app->filler_bytes);
  return ERR_OK;
}

void sim_app_free(struct sim_app *app) {
  free(app->worlds);
  free(app->filler);
  free(app->batch);
  arena_free(&app->arena);
  *app = (struct sim_app){};
}

/* ---- new owners ---- */

static enum err protect(struct sim_app *app, size_t i, const char *id, struct err_detail *detail) {
  enum sim_protection p = app->config->load->owners[i].protection;
  struct sim_stage *s = app->stage;
  if (p == SIM_FAVORITE)
    return sim_ask(s, "world.favorite", id, true, json_pack("{s:b}", "favorite", 1), NULL, detail);
  if (p == SIM_UNPROTECTED) return ERR_OK;
  struct instant_text at = instant_to_text(s->now_ms + (int64_t)FUTURE_DAYS * 24 * 3600 * 1000);
  return sim_ask(s, "world.event_add", id, true,
                 json_pack("{s:s, s:s}", "type", "celebration", "scheduledAt", at.text), NULL, detail);
}

static enum err make_world(struct sim_app *app, size_t i, int step, struct err_detail *detail) {
  char id[SIM_ID_BYTES];
  char core[16384];
  sim_id(i, id);
  bool is_story = app->config->load->owners[i].is_story;
  (void)snprintf(core, sizeof core, "%.*s", (int)sim_scaled(app->stage, CORE_BYTES), app->filler);
  TRY(sim_ask(app->stage, "world.create", NULL, false,
              json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:o}", "id", id, "name", id, "ownerId", id,
                        "ownerEmail", "owner@example.org", "locale", "es", "storyMode", (int)is_story,
                        "story", json_loads(story, 0, NULL)),
              NULL, detail));
  TRY(sim_ask(app->stage, "world.state_put", id, false, json_pack("{s:{s:s}}", "core", "world", core), NULL,
              detail));
  app->worlds[i] = (struct sim_app_world){.is_made = true, .last_seen = step};
  app->count = i + 1;
  return protect(app, i, id, detail);
}

static enum err make_worlds(struct sim_app *app, int step, struct err_detail *detail) {
  const struct sim_load *load = app->config->load;
  while (app->count < load->count && load->owners[app->count].born_step < step)
    TRY(make_world(app, app->count, step, detail));
  return ERR_OK;
}

/* ---- users speak ---- */

static void keep_time(struct sim_times *t, int64_t ns) {
  t->us[t->seen++ % SIM_QUANTILES_MAX] = (double)ns / 1000;
  if (t->count < SIM_QUANTILES_MAX) t->count++;
}

static void took_turn(struct sim_app *app, struct sim_app_world *w, int64_t first, int64_t n) {
  app->lost_turns += llabs(first - w->turns - 1);
  w->turns = first + n - 1;
}

/* The application's own row of a turn, and its count of them; a row that is there already (of a message that woke its
 * world) is left. */
static enum err insert_row(struct sim_app *app, const char *id, int64_t turn, const struct sql_value rest[3],
                           bool *ret_is_new, struct err_detail *detail) {
  int64_t made = 0;
  TRY(sqldb_exec(app->stage->db, SIM_SQL_INSERT,
                 SQL_ARGS(SQL_VALUE_TEXT(id), SQL_VALUE_INT(turn), SQL_VALUE_INSTANT(app->stage->now_ms),
                          rest[0], SQL_VALUE_TEXT("plaza"), rest[1], rest[2]),
                 &made, detail));
  *ret_is_new = made == 1;
  if (made == 0) return ERR_OK;
  return sqldb_exec(app->stage->db, SIM_SQL_COUNT_ROWS, SQL_ARGS(SQL_VALUE_TEXT(id), SQL_VALUE_INT(1)), NULL,
                    detail);
}

#define GREETING "hola, ya estoy aquí"
static enum err say(struct sim_app *app, size_t i, struct err_detail *detail) {
  struct sim_app_world *w = &app->worlds[i];
  char id[SIM_ID_BYTES];
  json_t *body = NULL;
  sim_id(i, id);
  int64_t begun = sim_wall_ns();
  enum err e =
      sim_ask(app->stage, "world.message", id, true, json_pack("{s:s}", "text", GREETING), &body, detail);
  int64_t took = sim_wall_ns() - begun;
  if (e != ERR_OK) return e;
  bool has_resumed = json_is_true(json_object_get(body, "resumed"));
  bool is_new;
  took_turn(app, w, json_integer_value(json_object_get(body, "turn")), 1);
  const struct sql_value row[] = {SQL_VALUE_TEXT(id), SQL_VALUE_TEXT(GREETING), SQL_VALUE_NULL};
  e = insert_row(app, id, w->turns, row, &is_new, detail);
  json_decref(body);
  w->is_paused = false;
  if (e != ERR_OK || !app->is_counting) return e;
  app->figures->resumed += has_resumed;
  keep_time(has_resumed ? &app->figures->resumes : &app->figures->messages, took);
  sim_spread_add(&app->figures->every_message, took, 1);
  return ERR_OK;
}

/* Whoever comes back to a world speaks first. */
static enum err meet_users(struct sim_app *app, int step, struct err_detail *detail) {
  for (size_t i = 0; i < app->count; i++) {
    struct sim_app_world *w = &app->worlds[i];
    bool is_here = app->config->load->owners[i].minutes[step - 1] > 0;
    if (is_here && !w->is_here && !w->is_gone) TRY(say(app, i, detail));
    w->is_here = is_here;
    if (is_here) w->last_seen = step;
  }
  return ERR_OK;
}

/* ---- what happens in worlds ---- */

static size_t row_bytes(const struct sim_app *app) {
  double n = ROW_BYTES * app->config->lump / app->config->byte_divisor - ROW_OVERHEAD;
  return n < 1 ? 1 : n > TEXT_MAX / 2 ? TEXT_MAX / 2 : (size_t)n;
}

static size_t text_bytes(const struct sim_app *app) {
  double n = JOURNAL_BYTES * app->config->lump / app->config->byte_divisor - ENTRY_OVERHEAD;
  return n < 16 ? 16 : n > TEXT_MAX / 2 ? TEXT_MAX / 2 : (size_t)n;
}

static const char *speaker_of(const struct sim_app *app, size_t i, int64_t turn) {
  struct sim_random r = sim_random_of(app->config->load->owners[i].key, (uint64_t)turn, 3);
  return speakers[sim_random_next(&r) % 4];
}

/* So many bytes, of words that differ by world and turn; the same turn has the same text in every run. */
static size_t words_of(const struct sim_app *app, size_t i, int64_t turn, size_t bytes, char *text) {
  struct sim_random r = sim_random_of(app->config->load->owners[i].key, (uint64_t)turn, 2);
  size_t n = 0;
  while (n < bytes) {
    const char *word = words[sim_random_next(&r) % WORD_COUNT];
    size_t len = strlen(word);
    if (n + len + 1 > bytes) word = "xxxxxxxxxxxxxxxx", len = bytes - n > 1 ? bytes - n - 1 : 0;
    text[n++] = ' ';
    memcpy(text + n, word, len);
    n += len;
  }
  text[0] = 'x';
  return n;
}

static struct live_entry *journal_of(struct sim_app *app, size_t i, size_t n) {
  char text[TEXT_MAX];
  struct live_entry *entries = ARENA_ARRAY(&app->arena, struct live_entry, n + 1);
  for (size_t j = 0; entries && j < n; j++) {
    int64_t turn = app->worlds[i].turns + 1 + (int64_t)j;
    int len = (int)words_of(app, i, turn, text_bytes(app), text);
    const char *entry = arena_printf(&app->arena, "{\"speaker\":\"%s\",\"text\":\"%.*s\"}",
                                     speaker_of(app, i, turn), len, text);
    if (!entry) return NULL;
    entries[j] = (struct live_entry){.at_ms = app->stage->now_ms, .bytes = str_of(entry)};
  }
  return entries;
}

static struct live_entry *temp_event(struct sim_app *app, int step, size_t n) {
  struct live_entry *e = ARENA_NEW(&app->arena, struct live_entry);
  int pad = (int)sim_scaled(app->stage, EVENT_BYTES * app->config->lump * (double)n) - 10;
  const char *text = arena_printf(&app->arena, "\"%08d%.*s\"", step, pad > 0 ? pad : 0, app->filler);
  if (e && text) *e = (struct live_entry){.at_ms = app->stage->now_ms, .bytes = str_of(text)};
  return e && text ? e : NULL;
}

/* The caches: what was said, and at a session's end what it leaves behind. They are never read back. */
static void add_caches(struct sim_app *app, size_t i, int step, size_t n, struct live_append *a) {
  struct sim_app_world *w = &app->worlds[i];
  int ends = app->config->load->owners[i].ends[step - 1];
  w->history_bytes += HISTORY_BYTES * app->config->lump * (double)n;
  if (ends == 0 && w->history_bytes < HISTORY_PIECE) return;
  double bytes = w->history_bytes + ends * app->config->scalars.residue_mb * app->config->residue_scale * MIB;
  struct live_entry *e = ARENA_NEW(&app->arena, struct live_entry);
  if (!e) return;
  size_t len = sim_scaled(app->stage, bytes);
  *e = (struct live_entry){.at_ms = app->stage->now_ms,
                           .bytes = {app->filler, len < app->filler_bytes ? len : app->filler_bytes}};
  a->history = e;
  a->history_count = 1;
  w->history_bytes = 0;
}

static enum err add_write(struct sim_app *app, size_t i, int step, struct sim_batch *b) {
  struct sim_app_world *w = &app->worlds[i];
  size_t n = (size_t)w->owed;
  char id[SIM_ID_BYTES];
  struct live_field *core = ARENA_NEW(&app->arena, struct live_field);
  sim_id(i, id);
  struct live_append a = {.id = str_of(arena_strdup(&app->arena, str_of(id))),
                          .active_ms = w->is_here ? app->stage->now_ms : INSTANT_NONE,
                          .journal = journal_of(app, i, n),
                          .journal_count = n,
                          .events = n > 0 ? temp_event(app, step, n) : NULL,
                          .event_count = n > 0,
                          .core = core,
                          .core_count = 1,
                          .ticks = 1};
  const char *seq = arena_printf(&app->arena, "%lld", (long long)w->seq + 1);
  if (!core || !seq || arena_error(&app->arena) != ERR_OK) return ERR_NO_MEMORY;
  *core = (struct live_field){STR("seq"), str_of(seq)};
  add_caches(app, i, step, n, &a);
  b->owners[b->count] = i;
  b->writes[b->count++] = a;
  return ERR_OK;
}

static bool is_due(const struct sim_app *app, size_t i, int step) {
  const struct sim_app_world *w = &app->worlds[i];
  if (w->is_gone || w->is_paused) return false;
  return w->is_here || (step + (int)i * 5) % IDLE_EVERY == 0;
}

static enum err collect(struct sim_app *app, int step, struct sim_batch *b) {
  for (size_t i = 0; i < app->count; i++) {
    struct sim_app_world *w = &app->worlds[i];
    double played = app->config->scalars.traffic_per_min * app->config->load->owners[i].minutes[step - 1];
    if (!w->is_gone && !w->is_paused) w->owed += (SIM_IDLE_PER_STEP + played) / app->config->lump;
    if (is_due(app, i, step)) TRY(add_write(app, i, step, b));
  }
  return ERR_OK;
}

/* The application's own insert, in the journal's turns: the same text, and what else it keeps of it. So the journal's
 * entry is in the database already when sync comes, and the application counts the row itself. */
static enum err insert_rows(struct sim_app *app, size_t i, const struct live_append *a,
                            struct err_detail *detail) {
  char id[SIM_ID_BYTES], text[TEXT_MAX], data[TEXT_MAX];
  size_t want = row_bytes(app), said = text_bytes(app);
  sim_id(i, id);
  for (size_t j = 0; j < a->journal_count; j++) {
    int64_t turn = a->first_turn + (int64_t)j;
    data[0] = '"';
    size_t n = 1 + words_of(app, i, -turn, want > said + 18 ? want - said - 2 : 16, data + 1);
    data[n++] = '"';
    struct str said_text = {text, words_of(app, i, turn, said, text)};
    const struct sql_value row[] = {SQL_VALUE_TEXT(speaker_of(app, i, turn)), SQL_VALUE_STR(said_text),
                                    SQL_VALUE_STR(((struct str){data, n}))};
    bool is_new;
    TRY(insert_row(app, id, turn, row, &is_new, detail));
    app->lost_turns += !is_new;
  }
  return ERR_OK;
}

/* A world that is not live is loaded by a tick of it; a paused one says so and is let sleep. */
static bool is_woken(struct sim_app *app, size_t i) {
  struct err_detail detail = {};
  char id[SIM_ID_BYTES];
  sim_id(i, id);
  enum err e = sim_ask(app->stage, "world.tick", id, false, json_pack("{s:i}", "n", 1), NULL, &detail);
  if (e == ERR_WORLD_PAUSED) app->worlds[i].is_paused = true, app->worlds[i].owed = 0;
  return e == ERR_OK;
}

static enum err settle(struct sim_app *app, struct live_append *a, size_t i, struct err_detail *detail) {
  struct sim_app_world *w = &app->worlds[i];
  if (a->error != ERR_OK) {
    app->figures->refused_writes += !w->is_paused;
    return ERR_OK;
  }
  app->figures->writes++;
  w->seq++;
  w->owed -= (double)a->journal_count;
  if (a->journal_count == 0) return ERR_OK;
  took_turn(app, w, a->first_turn, (int64_t)a->journal_count);
  return insert_rows(app, i, a, detail);
}

/* `n` of them from `from` on; those whose worlds are not live once more, when they are. */
static enum err write_some(struct sim_app *app, struct sim_batch *b, size_t from, size_t n,
                           struct err_detail *detail) {
  struct live *live = app->stage->lane.live;
  TRY(live_write(live, &b->writes[from], n, app->stage->now_ms, detail));
  for (size_t k = from; k < from + n; k++)
    if (b->writes[k].error == ERR_NOT_FOUND && is_woken(app, b->owners[k]))
      TRY(live_write(live, &b->writes[k], 1, app->stage->now_ms, detail));
  return ERR_OK;
}

/* What is said in a session is written one world at a time and timed; each row stands for `lump` messages. */
static enum err write_timed(struct sim_app *app, struct sim_batch *b, size_t k, struct err_detail *detail) {
  int64_t begun = sim_wall_ns();
  TRY(write_some(app, b, k, 1, detail));
  int64_t messages = (int64_t)b->writes[k].journal_count * app->config->lump;
  sim_spread_add(&app->figures->every_message, sim_wall_ns() - begun, messages);
  return ERR_OK;
}

static enum err write_live(struct sim_app *app, struct sim_batch *b, struct err_detail *detail) {
  size_t from = 0;
  for (size_t k = 0; k < b->count; k++) {
    bool is_timed = app->is_counting && app->worlds[b->owners[k]].is_here && b->writes[k].journal_count > 0;
    if (!is_timed) continue;
    TRY(write_some(app, b, from, k - from, detail));
    TRY(write_timed(app, b, k, detail));
    from = k + 1;
  }
  return write_some(app, b, from, b->count - from, detail);
}

static enum err write_batch(struct sim_app *app, struct sim_batch *b, struct err_detail *detail) {
  if (b->count == 0) return ERR_OK;
  TRY(write_live(app, b, detail));
  TRY(sqldb_begin(app->stage->db, true, detail));
  enum err e = ERR_OK;
  for (size_t k = 0; e == ERR_OK && k < b->count; k++) e = settle(app, &b->writes[k], b->owners[k], detail);
  if (e == ERR_OK) return sqldb_commit(app->stage->db, detail);
  sqldb_rollback(app->stage->db);
  return e;
}

enum err sim_app_step(struct sim_app *app, int step, struct err_detail *detail) {
  app->arena = arena_new(STEP_ARENA_BYTES);
  TRY(make_worlds(app, step, detail));
  TRY(meet_users(app, step, detail));
  app->batch->count = 0;
  enum err e = collect(app, step, app->batch);
  if (e == ERR_OK) e = write_batch(app, app->batch, detail);
  arena_free(&app->arena);
  return e;
}

/* ---- crashes, and looks from outside ---- */

enum err sim_app_crash(struct sim_app *app, int step, struct err_detail *detail) {
  struct live_lock locks[SIM_SLOTS];
  char ids[SIM_SLOTS][SIM_ID_BYTES];
  size_t n = 0;
  if (sim_random_unit(&app->chance) >= CRASHES_PER_DAY / SIM_STEPS_PER_DAY) return ERR_OK;
  for (size_t i = 0; i < app->count && n < SIM_SLOTS; i++) {
    if (app->config->load->owners[i].minutes[step - 1] == 0 || app->worlds[i].is_gone) continue;
    sim_id(i, ids[n]);
    locks[n] = (struct live_lock){.id = str_of(ids[n])};
    n++;
  }
  if (n == 0) return ERR_OK;
  return live_lock(app->stage->crashed, locks, n, (struct live_lease){LIVE_LEASE_MS, app->stage->now_ms},
                   detail);
}

enum err sim_app_idle_bytes(struct sim_app *app, int since, double *ret, struct err_detail *detail) {
  char ids[SIM_WORLDS_MAX][SIM_ID_BYTES];
  struct str list[LIVE_BATCH_MAX];
  struct live_world metas[LIVE_BATCH_MAX];
  struct arena arena = arena_new(STEP_ARENA_BYTES);
  size_t n = 0;
  *ret = 0;
  for (size_t i = 0; i < app->count && n < LIVE_BATCH_MAX; i++) {
    if (app->worlds[i].last_seen >= since) continue;
    sim_id(i, ids[n]);
    list[n] = str_of(ids[n]);
    n++;
  }
  enum err e = n > 0 ? live_read(app->stage->lane.live, &(struct live_question){list, n, LIVE_META, &arena},
                                 metas, detail)
                     : ERR_OK;
  for (size_t i = 0; e == ERR_OK && i < n; i++)
    if (metas[i].is_there) *ret += (double)metas[i].bytes;
  arena_free(&arena);
  return e;
}

enum err sim_app_read_back(struct sim_app *app, size_t world, int64_t *ret_seq, struct err_detail *detail) {
  char id[SIM_ID_BYTES];
  json_t *body = NULL;
  sim_id(world, id);
  TRY(sim_ask(app->stage, "world.state", id, false, json_object(), &body, detail));
  const json_t *seq = json_object_get(json_object_get(body, "core"), "seq");
  int64_t n = json_is_integer(seq) ? json_integer_value(seq) : 0;
  if (json_is_string(seq)) (void)str_to_int(str_of(json_string_value(seq)), 0, INT64_MAX, &n);
  json_decref(body);
  *ret_seq = n;
  return ERR_OK;
}
