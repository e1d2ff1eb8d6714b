/* Memory consolidation: bench_memory [WORLDS [INTERACTIONS [BYTES]]] (default 1,000 worlds of 1,001 interactions of 2,000
 * bytes), in SQLite (synchronous=FULL, archive.db beside worlds.db, embedded live state), or in PostgreSQL when
 * BENCH_POSTGRES_URL names an empty schema. The real executor and calls in one process; no language model. Texts are
 * drawn from 3,000 invented words by Zipf's law, so that they compress about as prose does. Prints worlds/s, what a
 * world costs in processor time, the bytes before and after, and the ratio of the archive; then the p95 of a message to
 * a world of a million interactions beside that of one of two hundred. */
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "warden/child.h"
#include "worlds/memory.h"
#include "worlds/sql.h"
#include "worlds/worlds.h"

#define NOW INT64_C(1800000000000)
#define VOCABULARY 3000
#define MESSAGES 2000

static struct lane lane;
static char vocabulary[VOCABULARY][12];
static double shares[VOCABULARY];

static double seconds(clockid_t clock) {
  struct timespec t;
  (void)clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void make_vocabulary(void) {
  static const char *const parts[] = {"ca", "lo", "mer", "ti", "ven", "ra",
                                      "pu", "so", "del", "ni", "gar", "es"};
  double sum = 0;
  for (size_t i = 0; i < VOCABULARY; i++) {
    uint64_t h = hash_int(i + 1);
    (void)snprintf(vocabulary[i], sizeof vocabulary[i], "%s%s%s", parts[h % 12], parts[(h >> 8) % 12],
                   h & 0x10000 ? parts[(h >> 20) % 12] : "");
    shares[i] = sum += 1 / (double)(i + 10);
  }
  for (size_t i = 0; i < VOCABULARY; i++) shares[i] /= sum;
}

static const char *word(uint64_t seed) {
  double x = (double)(hash_int(seed) >> 11) / 9007199254740992.0;
  size_t low = 0, high = VOCABULARY - 1;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (shares[middle] < x) low = middle + 1;
    else high = middle;
  }
  return vocabulary[low];
}

static void make_text(struct buf *b, uint64_t seed, size_t bytes) {
  buf_clear(b);
  for (uint64_t i = 0; b->len < bytes; i++) {
    bool ends = i % 12 == 11;
    buf_addf(b, "%s%s", word(seed * 1000 + i), ends ? ". " : " ");
  }
  b->len = bytes;
}

static enum err must(enum err e, const struct err_detail *d) {
  if (e == ERR_OK) return e;
  fprintf(stderr, "%s: %s (%s)\n", err_code(e), d->message, d->hint);
  _exit(1);
}

static void script(const char *text) {
  struct err_detail d = {};
  (void)must(sqldb_script(lane.db, str_of(text), &d), &d);
}

static void add_row(const char *id, int64_t turn, struct str text) {
  static const char *const people[] = {"Ana", "Luis", "Marina", "Iria"};
  struct err_detail d = {};
  (void)must(sqldb_exec(lane.db, SQL_MEMORY_INSERT,
                        SQL_ARGS(SQL_VALUE_TEXT(id), SQL_VALUE_INT(turn),
                                 SQL_VALUE_INSTANT(NOW - 90000000 + turn * 60000),
                                 SQL_VALUE_TEXT(people[turn % 4]), SQL_VALUE_BOOL(turn % 2 == 0),
                                 SQL_VALUE_TEXT("plaza"), SQL_VALUE_STR(text), SQL_VALUE_NULL),
                        NULL, &d),
             &d);
}

static void add_world(const char *id, int64_t from, int64_t to, size_t bytes, uint64_t seed) {
  BUF_AUTO struct buf text = buf_new((size_t)1 << 20);
  struct err_detail d = {};
  char sql[512];
  struct instant_text now = instant_to_text(NOW);
  (void)snprintf(
      sql, sizeof sql,
      "INSERT INTO \"World\"(\"id\",\"name\",\"ownerId\",\"interactions\",\"lastActiveAt\",\"createdAt\","
      "\"updatedAt\") VALUES('%s','%s','ana',%lld,'%s','%s','%s')",
      id, id, (long long)(to - from + 1), now.text, now.text, now.text);
  script(sql);
  (void)must(sqldb_begin(lane.db, true, &d), &d);
  for (int64_t turn = from; turn <= to; turn++) {
    make_text(&text, seed * 100000 + (uint64_t)turn, bytes);
    add_row(id, turn, buf_str(&text));
  }
  (void)must(sqldb_commit(lane.db, &d), &d);
}

static enum err call_here(void *arg, const char *call, json_t *args, const struct str *payload,
                          json_t **ret_body, struct str *ret_payload, struct err_detail *detail) {
  (void)arg;
  struct world_reply r = {};
  struct world_request q = {.call = world_call_find(str_of(call)),
                            .now_ms = NOW,
                            .actor = {.kind = ACTOR_SYSTEM, .name = STR("job:memory-consolidation")},
                            .args = args,
                            .payload = payload ? *payload : STR_NONE};
  enum err e = worlds_call(&lane, &q, &r);
  json_decref(args);
  *detail = r.detail;
  if (e == ERR_OK && ret_body) *ret_body = json_incref(r.body);
  if (e == ERR_OK && ret_payload && r.payload.len) {
    *ret_payload = buf_str(&r.payload);
    r.payload = (struct buf){};
  }
  world_reply_free(&r);
  return e;
}

static double number(const json_t *o, const char *key) { return json_number_value(json_object_get(o, key)); }

static void consolidate(int64_t worlds) {
  struct child_context context = {
      .run_id = STR("r"), .job_id = STR("j"), .due_ms = NOW, .deadline_ms = INSTANT_NEVER};
  JSON_AUTO json_t *params = json_object(), *result = NULL;
  double start = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  int code =
      child_run_here(executor_find(STR("memory-consolidation")), &context, params, call_here, NULL, &result);
  double took = seconds(CLOCK_MONOTONIC) - start, used = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  double moved = number(result, "measuredMemoryFreedMB"), stored = number(result, "archiveBytes") / 1048576;
  printf(
      "exit code %d; %.0f of %lld worlds, %.0f interactions in %.1f s: %.1f worlds/s, %.1f ms of processor a "
      "world\n",
      code, number(result, "worldsConsolidated"), (long long)worlds, number(result, "interactionsDeleted"),
      took, number(result, "worldsConsolidated") / took, used * 1000 / (double)worlds);
  printf(
      "hot %.1f MB before, %.1f MB after (%.1f %% less); moved %.1f MB into %.1f MB of archive: %.2f to 1\n",
      number(result, "hotBytesBefore") / 1048576, number(result, "hotBytesAfter") / 1048576,
      100 * (1 - number(result, "hotBytesAfter") / number(result, "hotBytesBefore")), moved, stored,
      moved / stored);
}

/* ---- A-43 ---- */

static double message_us(const char *id) {
  JSON_AUTO json_t *args = json_pack("{s:s}", "text", "hola, buenos dias");
  struct world_reply r = {};
  struct world_request q = {.call = world_call_find(STR("world.message")),
                            .now_ms = NOW,
                            .actor = {ACTOR_USER, STR("ana"), STR("ana")},
                            .world_id = str_of(id),
                            .args = args};
  double start = seconds(CLOCK_MONOTONIC);
  (void)must(worlds_call(&lane, &q, &r), &r.detail);
  double took = seconds(CLOCK_MONOTONIC) - start;
  world_reply_free(&r);
  return took * 1e6;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void message_age(void) {
  static double old[MESSAGES], young[MESSAGES];
  add_world("old", 999901, 1000000, 200, 7);
  add_world("young", 101, 200, 200, 8);
  for (int i = 0; i < 1000; i++) { /* its archive */
    char sql[300];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO \"InteractionArchive\" VALUES('old',%d,%d,1000,'%064d',2000000,600000,'%s')",
                   i * 1000 - 100, i * 1000 + 899, i, instant_to_text(NOW).text);
    script(sql);
  }
  for (int i = 0; i < MESSAGES; i++) { /* in turn, so that both meet the same machine */
    old[i] = message_us("old");
    young[i] = message_us("young");
  }
  qsort(old, MESSAGES, sizeof *old, by_size);
  qsort(young, MESSAGES, sizeof *young, by_size);
  printf(
      "message p95: %.0f us in a world of 1,000,000 interactions, %.0f us in one of 200: %.2f times (goal: "
      "1.2)\n",
      old[MESSAGES * 95 / 100], young[MESSAGES * 95 / 100],
      old[MESSAGES * 95 / 100] / young[MESSAGES * 95 / 100]);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
  (void)st, (void)flag, (void)ftw;
  return remove(path);
}

int main(int argc, char **argv) {
  char folder[] = "/tmp/bench-memory-XXXXXX";
  int64_t worlds = 1000, rows = 1001, bytes = 2000;
  struct err_detail d = {};
  struct worlds *w;
  if (argc > 1 && !str_to_int(str_of(argv[1]), 0, 1000000, &worlds)) return 2;
  if (argc > 2 && !str_to_int(str_of(argv[2]), 1, 10000000, &rows)) return 2;
  if (argc > 3 && !str_to_int(str_of(argv[3]), 1, 65536, &bytes)) return 2;
  if (!mkdtemp(folder)) return 1;
  const char *url = getenv("BENCH_POSTGRES_URL");
  struct worlds_config config = {.db = {.folder = url ? NULL : folder, .url = url, .is_synchronous = true},
                                 .live = {.mode = LIVE_EMBEDDED, .folder = folder, .owner = "bench:1"},
                                 .folder = folder,
                                 .timezone = "UTC"};
  (void)must(worlds_new(&config, &w, &d), &d);
  (void)must(lane_open(w, &lane, &d), &d);
  make_vocabulary();
  for (int64_t i = 0; i < worlds; i++) {
    char id[32];
    (void)snprintf(id, sizeof id, "w%07lld", (long long)i);
    add_world(id, 1, rows, (size_t)bytes, (uint64_t)i + 1);
  }
  printf("%s, synchronous=FULL, %lld worlds of %lld interactions of %lld bytes\n",
         url ? "PostgreSQL" : "SQLite", (long long)worlds, (long long)rows, (long long)bytes);
  if (worlds) consolidate(worlds);
  message_age();
  lane_close(&lane);
  worlds_free(w);
  (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  return 0;
}
