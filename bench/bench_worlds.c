/* The ladder's run over many worlds: bench_worlds [TOTAL [DUE]] (default 1,000,000 and 100,000), in SQLite, and in
 * PostgreSQL too when BENCH_POSTGRES_URL names an empty schema. Settings: synchronous=FULL, embedded live state, the
 * executor and the calls as they run in production, in one process. Prints worlds/s and the greatest resident size above
 * the one before the run (goal: < 64 MB). */
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
  long before_kb, peak_kb;
  double slowest_s; /* call */
  int calls;
};

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long resident_kb(void) {
  long pages = 0, all;
  FILE *f = fopen("/proc/self/statm", "re");
  if (!f) return 0;
  if (fscanf(f, "%ld %ld", &all, &pages) != 2) pages = 0;
  fclose(f);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static enum err call_here(void *arg, const char *call, json_t *args, const struct str *payload,
                          json_t **ret_body, struct str *ret_payload, struct err_detail *detail) {
  struct bench *b = arg;
  struct world_reply reply = {};
  struct world_request q = {.call = world_call_find(str_of(call)),
                            .now_ms = NOW,
                            .actor = {.kind = ACTOR_SYSTEM, .name = STR("job:auto-pause")},
                            .args = args};
  (void)payload, (void)ret_payload;
  double start = seconds();
  enum err e = worlds_call(&b->lane, &q, &reply);
  double took = seconds() - start;
  b->calls++;
  if (took > b->slowest_s) b->slowest_s = took;
  long kb = resident_kb();
  if (kb > b->peak_kb) b->peak_kb = kb;
  json_decref(args);
  *detail = reply.detail;
  if (e == ERR_OK && ret_body) *ret_body = json_incref(reply.body);
  world_reply_free(&reply);
  return e;
}

/* due worlds idle for 25 hours, half of them; the others paused and about to be archived; the rest active. */
static enum err fill(struct bench *b, int64_t total, int64_t due, struct err_detail *detail) {
  BUF_AUTO struct buf sql = buf_new(8192);
  bool is_lite = sqldb_kind(b->lane.db) == SQLDB_SQLITE;
  char numbers[200];
  (void)snprintf(numbers, sizeof numbers,
                 is_lite ? "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM s "
                           "WHERE n<%lld) "
                         : "WITH s(n) AS (SELECT generate_series(1,%lld)) ",
                 (long long)total);
  const char *insert =
      "INSERT INTO \"World\"(\"id\",\"name\",\"ownerId\",\"ownerEmail\",\"status\",\"isPaused\","
      "\"pausedAt\",\"pauseReason\",\"lastActiveAt\",\"createdAt\",\"updatedAt\") ";
  const char *cast = is_lite ? "" : "::timestamp";
  struct instant_text fresh = instant_to_text(NOW - HOUR), idle = instant_to_text(NOW - 25 * HOUR),
                      old = instant_to_text(NOW - 170 * HOUR), paused = instant_to_text(NOW - 146 * HOUR);
  buf_addf(&sql, "%s%s", insert, numbers);
  buf_addf(
      &sql,
      "SELECT 'w' || n, 'World ' || n, 'owner' || (n %% 1000), 'o@example.org', CASE WHEN n<=%lld THEN "
      "'PAUSED' "
      "ELSE 'RUNNING' END, n<=%lld, CASE WHEN n<=%lld THEN '%s'%s END, CASE WHEN n<=%lld THEN "
      "'inactivity_24h' "
      "END, CASE WHEN n<=%lld THEN '%s'%s WHEN n<=%lld THEN '%s'%s ELSE '%s'%s END, '%s'%s, '%s'%s FROM s",
      (long long)due / 2, (long long)due / 2, (long long)due / 2, paused.text, cast, (long long)due / 2,
      (long long)due / 2, old.text, cast, (long long)due, idle.text, cast, fresh.text, cast, old.text, cast,
      fresh.text, cast);
  return sqldb_script(b->lane.db, buf_str(&sql), detail);
}

static enum err run(const char *name, const struct worlds_config *config, int64_t total, int64_t due,
                    struct err_detail *detail) {
  struct worlds *worlds;
  struct bench b = {};
  TRY(worlds_new(config, &worlds, detail));
  TRY(lane_open(worlds, &b.lane, detail));
  TRY(fill(&b, total, due, detail));
  struct child_context context = {
      .run_id = STR("bench"), .job_id = STR("bench"), .deadline_ms = INSTANT_NEVER};
  json_t *params = json_object(), *result = NULL;
  for (int again = 0; again < 2; again++) { /* the second run finds nothing: what does looking cost? */
    b.peak_kb = b.before_kb = resident_kb();
    b.slowest_s = 0;
    b.calls = 0;
    double start = seconds();
    int code = child_run_here(executor_find(STR("auto-pause")), &context, params, call_here, &b, &result);
    double took = seconds() - start;
    long long moved = (long long)json_integer_value(json_object_get(result, "worldsPaused"));
    printf(
        "%-10s total %lld, moved %lld in %.2f s: %.0f worlds/s; %d calls, slowest %.0f ms; memory +%.1f "
        "MB%s\n",
        name, (long long)total, moved, took, (double)moved / took, b.calls, b.slowest_s * 1000,
        (double)(b.peak_kb - b.before_kb) / 1024, code == EXECUTOR_OK ? "" : "; FAILED");
    json_decref(result);
    result = NULL;
  }
  json_decref(params);
  lane_close(&b.lane);
  worlds_free(worlds);
  return ERR_OK;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
  (void)st, (void)flag, (void)ftw;
  return remove(path);
}

int main(int argc, char **argv) {
  int64_t total = argc > 1 ? strtoll(argv[1], NULL, 10) : 1000000;
  int64_t due = argc > 2 ? strtoll(argv[2], NULL, 10) : total / 10;
  char folder[] = "/tmp/bench-worlds.XXXXXX";
  struct err_detail detail = {};
  if (!mkdtemp(folder)) return 1;
  struct worlds_config config = {.db = {.folder = folder, .is_synchronous = true, .timeout_ms = 600000},
                                 .live = {.mode = LIVE_EMBEDDED, .folder = folder, .owner = "bench:1"},
                                 .folder = folder,
                                 .timezone = "UTC"};
  enum err e = run("SQLite", &config, total, due, &detail);
  config.db.url = getenv("BENCH_POSTGRES_URL");
  if (e == ERR_OK && config.db.url) e = run("PostgreSQL", &config, total, due, &detail);
  nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  if (e != ERR_OK) fprintf(stderr, "%s: %s\n", detail.field, detail.message);
  return e != ERR_OK;
}
