/* What an evaluation of a story costs: the pure part (20 messages read, measured, decided on), and the whole job over
 * worlds in SQLite with embedded live state, by the calls it uses in the server. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/map.h"
#include "warden/child.h"
#include "worlds/director.h"
#include "worlds/worlds.h"

#define NOW_MS 1763726400000LL
#define ROUNDS 3000
#define WORLDS 2000

static const char *const words[] = {"casa",    "puerto", "carta",   "sombra",  "viento", "espada",
                                    "reina",   "bosque", "noche",   "camino",  "triste", "fiesta",
                                    "miedo",   "barco",  "torre",   "secreto", "fuego",  "piedra",
                                    "campana", "río",    "mercado", "amigo",   "llave",  "espejo"};
static const char story_text[] =
    "{\"characters\":[{\"name\":\"Ana\",\"place\":\"plaza\",\"isMain\":true},{\"name\":\"Luis\",\"place\":"
    "\"plaza\"},"
    "{\"name\":\"Eva\",\"place\":\"bar\"}],\"relations\":[{\"a\":\"Ana\",\"b\":\"Eva\",\"value\":0.5}],"
    "\"places\":[{\"name\":\"plaza\",\"links\":[\"bar\"]},{\"name\":\"bar\"}],"
    "\"secrets\":[{\"character\":\"Ana\",\"text\":\"nunca quemó la carta\"}],\"goals\":[{\"text\":\"llegar "
    "al puerto\"}]}";

static uint64_t chance;
static uint64_t draw(uint64_t below) {
  chance += 0x9E3779B97F4A7C15U;
  return hash_int(chance) % below;
}

static void line(char *text, size_t size) { /* about 90 bytes */
  size_t n = 0;
  for (int i = 0; i < 14 && n + 12 < size; i++)
    n +=
        (size_t)snprintf(text + n, size - n, "%s%s", i ? " " : "", words[draw(sizeof words / sizeof *words)]);
}

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum err e, const struct err_detail *d) {
  if (e == ERR_OK) return;
  fprintf(stderr, "%s: %s %s\n", err_code(e), d->message, d->hint);
  exit(1);
}

/* ---- the pure part ---- */
static void pure(void) {
  static char texts[NARRATIVE_WINDOW][200];
  static struct narrative_turn turns[NARRATIVE_WINDOW];
  struct err_detail d = {};
  struct text_kit *kit;
  struct story story;
  json_t *tree;
  double read_s = 0, decide_s = 0;
  must(text_kit_new(&kit), &d);
  must(json_parse(str_of(story_text), &tree, &d), &d);
  story_read(tree, &story);
  for (int round = 0; round < ROUNDS; round++) {
    struct director_state state = {};
    struct director_choice choice;
    for (size_t i = 0; i < NARRATIVE_WINDOW; i++) line(texts[i], sizeof texts[i]);
    double begin = now_s();
    for (size_t i = 0; i < NARRATIVE_WINDOW; i++) {
      turns[i] = (struct narrative_turn){.turn = (int64_t)i + 1,
                                         .at_ms = NOW_MS + (int64_t)i * 60000,
                                         .speaker = i % 2 ? STR("Ana") : STR("Luis"),
                                         .place = STR("plaza")};
      narrative_read_text(kit, TEXT_ES, str_of(texts[i]), &turns[i].reading);
    }
    double read = now_s();
    struct director_rules rules = {.world_id = STR("w"),
                                   .slot_ms = NOW_MS,
                                   .now_ms = NOW_MS + 30 * 60000,
                                   .user_active_ms = NOW_MS,
                                   .events_per_day = 10,
                                   .mean_minutes = 240};
    director_decide(&story, turns, NARRATIVE_WINDOW, &rules, &state, &choice);
    json_decref(director_reasons(&story, &choice));
    read_s += read - begin, decide_s += now_s() - read;
  }
  printf("Pure, windows of 20 messages of 90 bytes: %.0f evaluations/s (reading %.0f us, deciding %.0f us)\n",
         ROUNDS / (read_s + decide_s), read_s / ROUNDS * 1e6, decide_s / ROUNDS * 1e6);
  json_decref(tree);
  text_kit_free(kit);
}

/* ---- the whole job ---- */
static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
  (void)st, (void)flag, (void)ftw;
  return remove(path);
}

static void fill(struct lane *l) {
  struct err_detail d = {};
  struct buf sql = buf_new(65536);
  struct instant_text at = instant_to_text(NOW_MS - 60000);
  for (int w = 0; w < WORLDS; w++) {
    buf_clear(&sql);
    buf_addf(
        &sql,
        "INSERT INTO "
        "\"World\"(\"id\",\"name\",\"storyMode\",\"lastActiveAt\",\"createdAt\",\"updatedAt\",\"story\") "
        "VALUES('w%05d','w',true,'%s','%s','%s','%s');",
        w, at.text, at.text, at.text, story_text);
    for (int i = 0; i < NARRATIVE_WINDOW; i++) {
      char text[200];
      line(text, sizeof text);
      buf_addf(&sql,
               "INSERT INTO \"WorldInteraction\"(\"worldId\",\"turn\",\"at\",\"speaker\",\"place\",\"text\") "
               "VALUES('w%05d',%d,'%s','%s','plaza','%s');",
               w, i + 1, at.text, i % 2 ? "Ana" : "Luis", text);
    }
    must(sqldb_script(l->db, buf_str(&sql), &d), &d);
  }
  buf_free(&sql);
}

static enum err call_here(void *arg, const char *call, json_t *args, const struct str *payload,
                          json_t **ret_body, struct str *ret_payload, struct err_detail *detail) {
  struct world_reply reply = {};
  struct world_request q = {.call = world_call_find(str_of(call)),
                            .now_ms = NOW_MS,
                            .actor = {.kind = ACTOR_SYSTEM, .name = STR("job")},
                            .args = args};
  (void)payload, (void)ret_payload;
  enum err e = worlds_call(arg, &q, &reply);
  json_decref(args);
  *detail = reply.detail;
  if (e == ERR_OK) *ret_body = json_incref(reply.body);
  world_reply_free(&reply);
  return e;
}

static void job(void) {
  char folder[] = "/tmp/bench-story-XXXXXX";
  struct err_detail d = {};
  struct worlds *worlds;
  struct lane lane;
  if (!mkdtemp(folder)) exit(1);
  struct worlds_config config = {.db = {.folder = folder, .is_synchronous = true},
                                 .live = {.mode = LIVE_EMBEDDED, .folder = folder, .owner = "bench:1"},
                                 .folder = folder,
                                 .timezone = "UTC"};
  must(worlds_new(&config, &worlds, &d), &d);
  must(lane_open(worlds, &lane, &d), &d);
  fill(&lane);
  struct child_context context = {
      .run_id = STR("run"), .job_id = STR("job"), .due_ms = NOW_MS, .deadline_ms = INSTANT_NEVER};
  json_t *params = json_object(), *result = NULL;
  double begin = now_s();
  int code =
      child_run_here(executor_find(STR("emergent-events")), &context, params, call_here, &lane, &result);
  double took = now_s() - begin;
  printf(
      "The job over %d worlds, a commit each with synchronous=FULL: %.0f worlds/s, exit %d, %lld events "
      "applied\n",
      WORLDS, WORLDS / took, code, (long long)json_int_at(result, "eventsApplied", -1));
  json_decref(params), json_decref(result);
  lane_close(&lane);
  worlds_free(worlds);
  nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void) {
  pure();
  job();
  return 0;
}
