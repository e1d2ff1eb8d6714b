/* The live state of worlds: embedded, and in a Redis of its own on a unix socket (appendonly yes, everysec). Prints what
 * was measured; asserts nothing.
 *
 * usage: bench_live [WORLDS [embedded|URL]] (100,000; both; or a Redis that may be emptied of worlds) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "live/live.h"

#define NOW 1763726400000LL
#define ONE_BY_ONE 5000
#define PAGE LIVE_BATCH_MAX
#define ARENA_BYTES (256UL << 20)

struct bench {
  struct live *live;
  char folder[64];
  int64_t worlds;
  char ids[PAGE][24];
  double latency_us[ONE_BY_ONE];
};

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double resident_mb(void) {
  char text[128] = "";
  FILE *f = fopen("/proc/self/statm", "r");
  if (f && !fgets(text, sizeof text, f)) text[0] = 0;
  if (f) fclose(f);
  char *end = text;
  (void)strtol(text, &end, 10);
  return (double)strtol(end, NULL, 10) * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static void must(enum err e, const struct err_detail *d, const char *what) {
  if (e == ERR_OK) return;
  fprintf(stderr, "%s: %s: %s\n", what, err_code(e), d->message);
  exit(1);
}

static double cpu_seconds(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void row(const char *what, double count, double took) {
  printf("| %s | %.0f | %.2f s | %.0f/s |\n", what, count, took, count / took);
  fflush(stdout);
}

static struct str id_of(struct bench *b, int64_t i) {
  char *id = b->ids[i % PAGE];
  snprintf(id, sizeof b->ids[0], "w%08lld", (long long)i);
  return str_of(id);
}

static const char turn_text[] =
    "{\"role\":\"user\",\"text\":\"The gate was open when we came, and nobody on the wall asked for our "
    "names. "
    "We went down to the river as you had told us, and waited there until the lamps were lit.\"}";

static const struct live_field core[] = {{STR("mood"), STR("calm, a little tired")},
                                         {STR("place"), STR("the river below the old gate")},
                                         {STR("goal"), STR("to find who lit the lamps before night")},
                                         {STR("agents"), STR("[\"ana\",\"luis\",\"the watchman\"]")},
                                         {STR("weather"), STR("{\"sky\":\"clear\",\"wind\":3}")}};

static void load_all(struct bench *b) {
  struct err_detail d = {};
  double from = seconds();
  for (int64_t i = 0; i < b->worlds; i++) {
    struct live_world w = {.id = id_of(b, i), .active_ms = NOW, .core_count = 5};
    struct live_field fields[5];
    memcpy(fields, core, sizeof fields);
    w.core = fields;
    must(live_load(b->live, &w, 0, NOW, &d), &d, "load");
  }
  row("load a world, one a call", (double)b->worlds, seconds() - from);
}

static struct live_append write_of(struct bench *b, int64_t i) {
  static const struct live_entry turns[] = {{.at_ms = NOW, .bytes = {turn_text, sizeof turn_text - 1}},
                                            {.at_ms = NOW + 1, .bytes = {turn_text, sizeof turn_text - 1}}};
  return (struct live_append){.id = id_of(b, i),
                              .active_ms = NOW + i,
                              .journal = turns,
                              .journal_count = 2,
                              .core = core,
                              .core_count = 1,
                              .messages = 1,
                              .tokens = 250};
}

static int by_value(const void *a, const void *b) {
  double x, y;
  memcpy(&x, a, sizeof x), memcpy(&y, b, sizeof y);
  return (x > y) - (x < y);
}

static void write_one_by_one(struct bench *b) {
  struct err_detail d = {};
  double from = seconds();
  for (int i = 0; i < ONE_BY_ONE; i++) {
    double start = seconds();
    struct live_append w = write_of(b, (int64_t)i * 7919 % b->worlds);
    must(live_write(b->live, &w, 1, NOW + i, &d), &d, "write");
    b->latency_us[i] = (seconds() - start) * 1e6;
  }
  double took = seconds() - from;
  qsort(b->latency_us, ONE_BY_ONE, sizeof *b->latency_us, by_value);
  row("write (2 turns, a field, counters), one a call", ONE_BY_ONE, took);
  printf("| its latency | p50 %.0f µs | p99 %.0f µs | |\n", b->latency_us[ONE_BY_ONE / 2],
         b->latency_us[ONE_BY_ONE * 99 / 100]);
}

static void write_all(struct bench *b) {
  static struct live_append writes[PAGE];
  struct err_detail d = {};
  double from = seconds();
  for (int64_t at = 0; at < b->worlds; at += PAGE) {
    size_t count = (size_t)(b->worlds - at < PAGE ? b->worlds - at : PAGE);
    for (size_t i = 0; i < count; i++) writes[i] = write_of(b, at + (int64_t)i);
    must(live_write(b->live, writes, count, NOW, &d), &d, "write");
  }
  row("write, 1,000 a call", (double)b->worlds, seconds() - from);
}

/* As sync does: list dirty worlds, read them whole, mark them saved; each part timed by itself. */
static void sync_all(struct bench *b) {
  static struct live_world worlds[PAGE];
  static struct live_mark marks[PAGE];
  struct err_detail d = {};
  struct live_page page = {.after_score = INSTANT_NONE, .until_score = INSTANT_NEVER, .limit = PAGE};
  double listing = 0, reading = 0, saving = 0, read_count = 0, start;
  do {
    struct arena arena = arena_new(ARENA_BYTES);
    page.after_score = INSTANT_NONE; /* what is saved leaves the index */
    start = seconds();
    must(live_list(b->live, LIVE_DIRTY, &page, &arena, &d), &d, "list");
    listing += seconds() - start, start = seconds();
    must(live_read(b->live, &(struct live_question){page.ids, page.count, LIVE_ALL, &arena}, worlds, &d), &d,
         "read");
    reading += seconds() - start;
    for (size_t i = 0; i < page.count; i++)
      marks[i] = (struct live_mark){.id = page.ids[i], .version = worlds[i].version, .turn = worlds[i].turn};
    start = seconds();
    must(live_saved(b->live, marks, page.count, &d), &d, "saved");
    saving += seconds() - start, read_count += (double)page.count;
    arena_free(&arena);
  } while (page.has_more);
  row("list dirty worlds by pages of 1,000", read_count, listing);
  row("read them whole", read_count, reading);
  row("list and read together (goal: 50,000/s)", read_count, listing + reading);
  row("mark them saved", read_count, saving);
}

static void lock_and_clear_all(struct bench *b) {
  static struct live_lock locks[PAGE];
  static struct live_mark marks[PAGE];
  struct err_detail d = {};
  double locking = 0, renewing = 0, clearing = 0, start;
  for (int64_t at = 0; at < b->worlds; at += PAGE) {
    struct arena arena = arena_new(ARENA_BYTES);
    static struct live_world worlds[PAGE];
    struct str ids[PAGE];
    size_t count = (size_t)(b->worlds - at < PAGE ? b->worlds - at : PAGE);
    for (size_t i = 0; i < count; i++) ids[i] = locks[i].id = id_of(b, at + (int64_t)i);
    start = seconds();
    must(live_lock(b->live, locks, count, (struct live_lease){LIVE_LEASE_MS, NOW}, &d), &d, "lock");
    locking += seconds() - start, start = seconds();
    must(live_renew(b->live, locks, count, (struct live_lease){LIVE_LEASE_MS, NOW}, &d), &d, "renew");
    renewing += seconds() - start;
    must(live_read(b->live, &(struct live_question){ids, count, LIVE_META, &arena}, worlds, &d), &d, "read");
    for (size_t i = 0; i < count; i++)
      marks[i] = (struct live_mark){.id = ids[i], .version = worlds[i].version, .token = locks[i].token};
    start = seconds();
    must(live_clear(b->live, marks, count, NOW, &d), &d, "clear");
    clearing += seconds() - start;
    for (size_t i = 0; i < count; i++)
      if (!marks[i].is_done) must(ERR_CONFLICT, &d, "clear of a world");
    arena_free(&arena);
  }
  row("lock, 1,000 a call", (double)b->worlds, locking);
  row("renew, 1,000 a call", (double)b->worlds, renewing);
  row("clear (and unlock), 1,000 a call", (double)b->worlds, clearing);
}

static double file_mb(const struct bench *b, const char *name) {
  char path[128];
  struct stat st;
  snprintf(path, sizeof path, "%s/%s", b->folder, name);
  return stat(path, &st) == 0 ? (double)st.st_size / 1048576 : 0;
}

static void tell_memory(struct bench *b, const char *when) {
  struct live_status s;
  struct err_detail d = {};
  must(live_status(b->live, &s, &d), &d, "status");
  printf("| %s | used %.1f MB | live.db %.1f MB | this process %.1f MB |\n", when,
         (double)s.used_bytes / 1048576, file_mb(b, "live.db") + file_mb(b, "live.db-wal"), resident_mb());
}

static void measure(struct bench *b, const struct live_config *config, const char *name) {
  struct live_status s;
  struct err_detail d = {};
  double cpu = cpu_seconds();
  must(live_open(config, &b->live, &d), &d, "open");
  must(live_status(b->live, &s, &d), &d, "status");
  printf("%s (%s), %lld worlds:\n\n| what | how many | took | rate |\n|---|---|---|---|\n", name, s.server,
         (long long)b->worlds);
  load_all(b);
  write_one_by_one(b);
  write_all(b);
  tell_memory(b, "full");
  sync_all(b);
  lock_and_clear_all(b);
  tell_memory(b, "cleared");
  printf("\nCPU of this process: %.2f s. %s\n\n", cpu_seconds() - cpu, s.durability);
  live_close(b->live);
}

/* The address of a Redis started for us, or "". */
static bool start_redis(const char *script, const char *folder, char *url, size_t size) {
  char command[1024];
  snprintf(command, sizeof command, "%s start %s --appendonly yes", script, folder);
  FILE *f = popen(command, "r");
  bool is_there = f && fgets(url, (int)size, f);
  if (f) pclose(f);
  url[strcspn(url, "\n")] = 0;
  return is_there && strncmp(url, "unix://", 7) == 0;
}

int main(int argc, char **argv) {
  static struct bench b;
  const char *source = getenv("SERENO_SOURCE") ? getenv("SERENO_SOURCE") : ".",
             *only = argc > 2 ? argv[2] : NULL;
  char script[512], command[1024], url[256] = "";
  b.worlds = argc > 1 ? strtoll(argv[1], NULL, 10) : 100000;
  snprintf(b.folder, sizeof b.folder, "/tmp/sereno-bench-live-XXXXXX");
  if (b.worlds < PAGE || !mkdtemp(b.folder)) return 2;
  if (!only || strcmp(only, "embedded") == 0)
    measure(&b, &(struct live_config){.mode = LIVE_EMBEDDED, .folder = b.folder, .owner = "bench:1"},
            "Embedded");
  snprintf(script, sizeof script, "%s/tests/support/redis.sh", source);
  if (only && strcmp(only, "embedded") != 0)
    measure(&b,
            &(struct live_config){.mode = LIVE_REDIS, .url = only, .owner = "bench:1", .timeout_ms = 20000},
            "Redis");
  char folder[128];
  snprintf(folder, sizeof folder, "%s/redis", b.folder);
  if (!only && start_redis(script, folder, url, sizeof url))
    measure(&b,
            &(struct live_config){.mode = LIVE_REDIS, .url = url, .owner = "bench:1", .timeout_ms = 20000},
            "Redis");
  snprintf(command, sizeof command, "%s stop %s/redis 2>/dev/null; rm -rf %s", script, b.folder, b.folder);
  return system(command) < 0;
}
