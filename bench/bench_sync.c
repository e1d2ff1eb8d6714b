/* The jobs sync and cleanup over dirty worlds: bench_sync [WORLDS [embedded]] (default 100,000), in SQLite and, when
 * BENCH_POSTGRES_URL names an empty schema, in PostgreSQL; the live state in a Redis of its own (appendonly yes, everysec)
 * or embedded. Executors and calls as they run in production, in one process. Each world has five fields of state and one
 * unsaved interaction. Prints worlds/s of the whole (live state read, database written by arrays, marked saved) and the
 * slowest call; what the live state does alone is bench_live's (goal: 50,000 read/s). */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "warden/child.h"
#include "worlds/worlds.h"

#define NOW INT64_C(1800000000000)
#define HOUR INT64_C(3600000)

struct bench {
  struct lane lane;
  int64_t worlds, now_ms;
  double slowest_s, whole_s;
  int calls;
};

static double seconds(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double processor(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static enum err call_here(void *arg, const char *call, json_t *args, const struct str *payload,
                          json_t **ret_body, struct str *ret_payload, struct err_detail *detail) {
  struct bench *b = arg;
  struct world_reply reply = {};
  struct world_request q = {.call = world_call_find(str_of(call)),
                            .now_ms = b->now_ms,
                            .actor = {.kind = ACTOR_SYSTEM, .name = STR("job")},
                            .args = args};
  (void)payload, (void)ret_payload;
  double start = seconds();
  enum err e = worlds_call(&b->lane, &q, &reply);
  double took = seconds() - start;
  if (took > b->slowest_s) b->slowest_s = took;
  b->whole_s += took;
  b->calls++;
  json_decref(args);
  *detail = reply.detail;
  if (e == ERR_OK && ret_body) *ret_body = json_incref(reply.body);
  world_reply_free(&reply);
  return e;
}

static enum err fill_rows(struct bench *b, struct err_detail *detail) {
  BUF_AUTO struct buf sql = buf_new(8192);
  bool is_lite = sqldb_kind(b->lane.db) == SQLDB_SQLITE;
  struct instant_text at = instant_to_text(NOW - HOUR);
  char numbers[160];
  (void)snprintf(numbers, sizeof numbers,
                 is_lite ? "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM s WHERE n<%lld) "
                         : "WITH s(n) AS (SELECT generate_series(1,%lld)) ",
                 (long long)b->worlds);
  const char *insert =
      "INSERT INTO \"World\"(\"id\",\"name\",\"ownerId\",\"lastActiveAt\",\"createdAt\",\"updatedAt\") ";
  const char *cast = is_lite ? "" : "::timestamp";
  buf_addf(&sql, "%s%sSELECT 'w' || n, 'World ' || n, 'owner', '%s'%s, '%s'%s, '%s'%s FROM s", insert,
           numbers, at.text, cast, at.text, cast, at.text, cast);
  return sqldb_script(b->lane.db, buf_str(&sql), detail);
}

static const char turn_text[] =
    "{\"speaker\":\"ana\",\"isUser\":true,\"text\":\"The gate was open when we came, and nobody on the wall "
    "asked for our "
    "names. We went down to the river as you had told us, and waited there until the lamps were lit.\"}";

static enum err fill_live(struct bench *b, struct err_detail *detail) {
  static const struct live_field core[] = {{STR("sys.access"), STR("{\"owner\":\"owner\",\"members\":[]}")},
                                           {STR("mood"), STR("calm, a little tired")},
                                           {STR("place"), STR("the river below the old gate")},
                                           {STR("goal"), STR("to find who lit the lamps before night")},
                                           {STR("agents"), STR("[\"ana\",\"luis\",\"the watchman\"]")},
                                           {STR("weather"), STR("{\"sky\":\"clear\",\"wind\":3}")}};
  static struct live_append writes[LIVE_BATCH_MAX];
  static char ids[LIVE_BATCH_MAX][24];
  struct live_entry entry = {.at_ms = NOW - 1000, .bytes = str_of(turn_text)};
  struct live_field fields[6];
  memcpy(fields, core, sizeof fields);
  for (int64_t at = 0; at < b->worlds;) {
    size_t n = 0;
    for (; n < LIVE_BATCH_MAX && at < b->worlds; n++, at++) {
      (void)snprintf(ids[n], sizeof ids[n], "w%lld", (long long)at + 1);
      struct live_world w = {.id = str_of(ids[n]),
                             .active_ms = NOW - HOUR,
                             .dirty_ms = INSTANT_NONE,
                             .core = fields,
                             .core_count = 6};
      TRY(live_load(b->lane.live, &w, 0, NOW - HOUR, detail));
      writes[n] = (struct live_append){.id = w.id,
                                       .active_ms = NOW - 1000,
                                       .journal = &entry,
                                       .journal_count = 1,
                                       .messages = 1,
                                       .tokens = 250};
    }
    TRY(live_write(b->lane.live, writes, n, NOW - 1000, detail));
  }
  return ERR_OK;
}

static void job(struct bench *b, const char *title, const char *name, const char *sum, int64_t now_ms) {
  struct child_context context = {
      .run_id = STR("bench"), .job_id = STR("bench"), .deadline_ms = INSTANT_NEVER};
  json_t *params = json_object(), *result = NULL;
  b->now_ms = now_ms;
  b->slowest_s = b->whole_s = 0, b->calls = 0;
  double cpu = processor();
  int code = child_run_here(executor_find(str_of(name)), &context, params, call_here, b, &result);
  long long count = (long long)json_integer_value(json_object_get(result, sum));
  printf("| %s | %s | %lld | %.2f s | %.0f/s | %.1f us | %d, slowest %.0f ms%s |\n", title, name, count,
         b->whole_s, (double)count / b->whole_s, count ? (processor() - cpu) / (double)count * 1e6 : 0,
         b->calls, b->slowest_s * 1000, code == EXECUTOR_OK ? "" : "; FAILED");
  (void)fflush(stdout);
  json_decref(params), json_decref(result);
}

static enum err run(const char *title, const struct worlds_config *config, int64_t count,
                    struct err_detail *detail) {
  struct worlds *worlds;
  struct bench b = {.worlds = count};
  TRY(worlds_new(config, &worlds, detail));
  TRY(lane_open(worlds, &b.lane, detail));
  TRY(fill_rows(&b, detail));
  TRY(fill_live(&b, detail));
  job(&b, title, "sync", "successfulUpdates", NOW);
  job(&b, title, "sync", "successfulUpdates", NOW + 1); /* finds nothing */
  job(&b, title, "cleanup", "worldsCleaned", NOW + 2 * HOUR);
  lane_close(&b.lane);
  worlds_free(worlds);
  return ERR_OK;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
  (void)st, (void)flag, (void)ftw;
  return remove(path);
}

/* The address of a Redis started for us. */
static bool redis(const char *script, const char *verb, const char *folder, char *url, size_t size) {
  char command[1024];
  (void)snprintf(command, sizeof command, "%s %s %s %s", script, verb, folder,
                 strcmp(verb, "start") == 0 ? "--appendonly yes" : "");
  FILE *f = popen(command, "re");
  bool is_there = f && fgets(url, (int)size, f);
  if (f) (void)pclose(f);
  url[strcspn(url, "\n")] = 0;
  return is_there;
}

int main(int argc, char **argv) {
  const char *source = getenv("SERENO_SOURCE") ? getenv("SERENO_SOURCE") : ".";
  int64_t count = argc > 1 ? strtoll(argv[1], NULL, 10) : 100000;
  bool is_embedded = argc > 2;
  char folder[] = "/tmp/bench-sync.XXXXXX", script[512], apart[128], url[256] = "";
  struct err_detail detail = {};
  if (!mkdtemp(folder)) return 1;
  (void)snprintf(script, sizeof script, "%s/tests/support/redis.sh", source);
  (void)snprintf(apart, sizeof apart, "%s/redis", folder);
  if (!is_embedded && !redis(script, "start", apart, url, sizeof url)) return 1;
  struct worlds_config config = {.db = {.folder = folder, .is_synchronous = true, .timeout_ms = 600000},
                                 .live = {.mode = is_embedded ? LIVE_EMBEDDED : LIVE_REDIS,
                                          .folder = folder,
                                          .url = url,
                                          .owner = "bench:1",
                                          .timeout_ms = 20000},
                                 .folder = folder,
                                 .timezone = "UTC"};
  printf(
      "| live state, database | job | worlds | took | rate | CPU a world, ours | calls "
      "|\n|---|---|---|---|---|---|---|\n");
  enum err e = run(is_embedded ? "live.db, SQLite" : "Redis, SQLite", &config, count, &detail);
  config.db.url = getenv("BENCH_POSTGRES_URL");
  if (e == ERR_OK && config.db.url)
    e = run(is_embedded ? "live.db, PostgreSQL" : "Redis, PostgreSQL", &config, count, &detail);
  if (!is_embedded) (void)redis(script, "stop", apart, url, sizeof url);
  (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  if (e != ERR_OK) fprintf(stderr, "%s: %s: %s\n", err_code(e), detail.field, detail.message);
  return e != ERR_OK;
}
