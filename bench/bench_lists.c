/* What pages read of a big house: lists of runs by filters, the look ahead of the Round and the calendar, lanes, the
 * roster's pages, from a store of 100,000 jobs and 300,000 runs. Prints a table; asserts nothing.
 *
 * usage: bench_lists [JOBS [RUNS]]          fills a store in TMPDIR and measures its reads
 *        bench_lists fill FOLDER [JOBS [RUNS]]   only fills the store of this data folder, as of BENCH_NOW
 *        bench_lists read FOLDER                 only measures
 * With SERENO_BENCH_URL the same in PostgreSQL, in a schema of its own, bench_lists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"
#include "base/map.h"
#include "model/filter_lists.h"
#include "store/store.h"

#define BENCH_NOW 1795176000000LL /* 2026-11-20T12:00:00Z, a Friday */
#define BATCH 1000
#define SECOND 1000LL
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define SPAN (7 * DAY) /* the runs lie within */
#define REPEATS 15

struct bench {
  struct store_backend *backend;
  struct store_boot boot;
  struct store_config config;
  struct id_maker maker;
  int64_t jobs, runs;
};

static double now_ms(void) { return (double)world_tick(world_real()).ns / 1e6; }

/* Of this thread, which with SQLite does all the work. */
static double cpu_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void must(enum err e, const struct err_detail *detail, const char *what) {
  if (e == ERR_OK) return;
  fprintf(stderr, "%s: %s: %s\n", what, err_code(e), detail ? detail->message : "");
  exit(1);
}

static uint64_t mixed(int64_t i, uint64_t salt) { return hash_int((uint64_t)i * 31 + salt); }

/* ---- filling ---- */

static void apply(struct bench *b, struct change **batch, size_t count) {
  must(b->backend->ops->apply(b->backend, batch, count), NULL, "commit");
  for (size_t i = 0; i < count; i++) {
    must(batch[i]->error, &batch[i]->detail, "change");
    change_free(batch[i]);
  }
}

/* Daily ones mostly, hourly ones, every so many minutes, at places of their own, intervals, sets. */
static void schedule_of(int64_t i, char *to, size_t size) {
  unsigned m = (unsigned)(mixed(i, 1) % 60), h = (unsigned)(mixed(i, 2) % 24),
           d = (unsigned)(mixed(i, 3) % 7);
  unsigned kind = (unsigned)(mixed(i, 4) % 100);
  if (kind < 55) snprintf(to, size, "%u %u * * *", m, h);
  else if (kind < 75) snprintf(to, size, "%u * * * *", m);
  else if (kind < 82) snprintf(to, size, "*/%u * * * *", 5 + 5 * (m % 4));
  else if (kind < 87) snprintf(to, size, "H H * * *");
  else if (kind < 95) snprintf(to, size, "%u %u * * %u", m, h, d);
  else if (kind < 98) snprintf(to, size, "@every %um", 20 + m);
  else snprintf(to, size, "%u %u * * MON-FRI | %u %u * * SUN", m, h, m, (h + 3) % 24);
}

static struct change *job_change(int64_t i) {
  static const char *const categories[] = {"SYNC",   "CLEANUP", "BACKUP", "WORLD",
                                           "REPORT", "MAIL",    "INDEX",  NULL};
  static const char *const zones[] = {"UTC", "UTC", "Europe/Madrid", "America/New_York"};
  char name[40], schedule[80], labels[120];
  struct job job;
  job_init(&job);
  snprintf(name, sizeof name, "tarea-%06lld-%s", (long long)i, i % 3 ? "casa" : "jardín");
  schedule_of(i, schedule, sizeof schedule);
  snprintf(labels, sizeof labels, "{\"team\":\"t%u\",\"owner\":\"persona-%u\"}", (unsigned)(mixed(i, 5) % 10),
           (unsigned)(mixed(i, 6) % 200));
  job.name = name;
  job.schedule = schedule;
  job.command = "shell";
  job.timezone = zones[mixed(i, 7) % 4];
  job.category = categories[mixed(i, 8) % 8];
  job.labels = labels;
  job.description = "one of very many";
  job.is_active = mixed(i, 9) % 50 != 0;
  if (mixed(i, 10) % 20 == 0) job.splay = 300;
  struct change *c = change_new(CHANGE_JOB_SAVE, BENCH_NOW);
  c->job.job = job_copy(&job);
  c->job.if_updated_ms = FIELD_NULL;
  c->job.from_ms = c->job.until_ms = BENCH_NOW;
  return c;
}

static const char *error_of(int64_t i) {
  static const char *const texts[] = {"connection refused by the other side", "exit code 3",
                                      "no such file or directory: /srv/data/eingang",
                                      "Conexión rechazada: tiempo agotado", "the answer was no JSON"};
  return i % 100000 == 777 ? "una aguja en el pajar" : texts[mixed(i, 11) % 5];
}

static struct change *run_change(struct bench *b, int64_t i) {
  int64_t started_ms = BENCH_NOW - SPAN + SPAN / b->runs * i;
  struct change *c = change_new(CHANGE_END, started_ms);
  struct run *run = &c->run.run;
  unsigned luck = (unsigned)(mixed(i, 12) % 1000);
  bool is_bad = luck < 25 || i % 100000 == 777;
  run_init(run);
  run->no = id_next(&b->maker, started_ms);
  run->job_no = c->run.job_no = 1 + (int64_t)(mixed(i, 13) % (uint64_t)b->jobs);
  run->due_ms = c->run.due_ms = INSTANT_NONE;
  run->version = 1;
  run->trigger = luck >= 990 ? TRIGGER_MANUAL : luck >= 980 ? TRIGGER_RETRY : TRIGGER_SCHEDULE;
  if (run->trigger == TRIGGER_MANUAL) run->requested_by = "user:ana";
  run->attempt = run->trigger == TRIGGER_RETRY ? 2 : 1;
  run->status = !is_bad ? RUN_SUCCESS : luck < 5 ? RUN_TIMEOUT : luck < 7 ? RUN_LOST : RUN_FAILED;
  run->reason = c->run.reason = is_bad ? REASON_FAILED : REASON_SUCCESS;
  run->error_message = is_bad ? error_of(i) : NULL;
  run->exit_code = run->status == RUN_FAILED ? 1 + (int64_t)(mixed(i, 14) % 4) : is_bad ? FIELD_NULL : 0;
  run->duration_ms = (int64_t)(mixed(i, 15) % 3000) * (mixed(i, 16) % 200 == 0 ? 60 : 1);
  run->started_ms = started_ms;
  run->finished_ms = started_ms + run->duration_ms;
  run->lag_ms = (int64_t)(mixed(i, 17) % 40);
  run->output =
      "began\nread 1200 rows, wrote 1200 rows, 0 were wrong\nall of it has been sent to where it belongs\n";
  run->output_bytes = 96;
  run->peak_memory_bytes = (int64_t)(mixed(i, 18) % 64) << 20;
  run->cpu_user_us = (int64_t)(mixed(i, 19) % 900000);
  run->cpu_system_us = 1000;
  c->run.state = OCCURRENCE_RAN;
  c->run.chain = is_bad ? -1 : 1;
  c->run.has_run = true;
  return c;
}

/* All of them are to stay. */
static void keep_all(struct bench *b) {
  struct settings *settings = settings_copy(b->boot.settings);
  struct change *c = change_new(CHANGE_SETTINGS, BENCH_NOW);
  settings->keep_executions = 100000000;
  c->settings.settings = settings;
  c->settings.if_updated_ms = FIELD_NULL;
  c->settings.until_ms = BENCH_NOW;
  apply(b, &c, 1);
}

static void fill(struct bench *b) {
  struct change *batch[BATCH];
  double began = now_ms();
  keep_all(b);
  for (int64_t i = 0; i < b->jobs;) {
    size_t n = 0;
    for (; n < BATCH && i < b->jobs; n++) batch[n] = job_change(i++);
    apply(b, batch, n);
  }
  double jobs_ms = now_ms() - began;
  for (int64_t i = 0; i < b->runs;) {
    size_t n = 0;
    for (; n < BATCH && i < b->runs; n++) batch[n] = run_change(b, i++);
    apply(b, batch, n);
  }
  for (bool has_more = true; has_more;)
    must(b->backend->ops->touch(b->backend, BENCH_NOW, &has_more), NULL, "touch");
  printf("filled: %lld jobs in %.1f s, %lld runs in %.1f s\n\n", (long long)b->jobs, jobs_ms / 1000,
         (long long)b->runs, (now_ms() - began - jobs_ms) / 1000);
}

static void open_store(struct bench *b, const char *folder) {
  struct err_detail detail = {};
  b->config = (struct store_config){.folder = folder, .now_ms = BENCH_NOW, .boot_id = "bench"};
  b->config.url = getenv("SERENO_BENCH_URL");
  must(b->config.url ? store_pg_open(&b->config, &b->backend, &b->boot, &detail)
                     : store_sqlite_open(&b->config, &b->backend, &b->boot, &detail),
       &detail, "open");
}

/* ---- measuring ---- */

struct times {
  double ms[REPEATS], cpu[REPEATS];
};

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void tell(const char *what, struct times *t, const char *more) {
  double first = t->ms[0];
  qsort(t->ms, REPEATS, sizeof *t->ms, ascending);
  qsort(t->cpu, REPEATS, sizeof *t->cpu, ascending);
  printf("| %s | %.1f | %.1f | %.1f | %.1f | %s |\n", what, first, t->ms[REPEATS / 2],
         t->ms[REPEATS * 95 / 100], t->cpu[REPEATS / 2], more);
  fflush(stdout);
}

static void ask(struct bench *b, struct store_read *r) {
  must(b->backend->ops->read(b->backend, r), &r->detail, "read");
}

static void list_runs(struct bench *b, const char *q) {
  struct times t;
  char more[80];
  struct arena a = arena_new(1 << 20);
  const struct filter *f;
  must(filter_parse(&filter_runs, str_of(q), BENCH_NOW, &a, &f, NULL), NULL, q);
  size_t found = 0, pages = 0;
  for (int i = 0; i < REPEATS; i++) {
    struct store_read *r = store_read_new(READ_RUNS, BENCH_NOW);
    double began = now_ms(), cpu = cpu_ms();
    r->filter = q[0] ? f : NULL;
    r->limit = 50;
    ask(b, r);
    t.ms[i] = now_ms() - began;
    t.cpu[i] = cpu_ms() - cpu;
    found = r->count;
    store_read_free(r);
  }
  double began = now_ms();
  size_t all = 0;
  int64_t after = 0;
  for (bool has_more = true; has_more && all < 50; pages++) { /* until a page is full */
    struct store_read *r = store_read_new(READ_RUNS, BENCH_NOW);
    r->filter = q[0] ? f : NULL;
    r->limit = 50;
    r->after = after;
    ask(b, r);
    all += r->count;
    has_more = r->has_more;
    after = r->looked;
    store_read_free(r);
    if (!after) break;
  }
  snprintf(more, sizeof more, "%zu on the first page; %zu in %zu pages, %.0f ms", found, all, pages,
           now_ms() - began);
  char name[120];
  snprintf(name, sizeof name, "runs `%s`", q);
  tell(name, &t, more);
  arena_free(&a);
}

static void look_ahead(struct bench *b, const char *what, int64_t from_ms, int64_t to_ms) {
  struct times t;
  char more[120] = "";
  for (int i = 0; i < REPEATS; i++) {
    struct store_read *r = store_read_new(READ_AHEAD, BENCH_NOW);
    struct ahead_question q = {load_bucket(from_ms), load_bucket(to_ms), 50, "UTC"};
    r->ahead_question = &q;
    double began = now_ms(), cpu = cpu_ms();
    ask(b, r);
    t.ms[i] = now_ms() - began;
    t.cpu[i] = cpu_ms() - cpu;
    snprintf(more, sizeof more, "%lld planned%s, %zu clashes", (long long)r->ahead->planned,
             r->ahead->is_estimated ? " (estimated)" : "", r->ahead->clash_total);
    store_read_free(r);
  }
  tell(what, &t, more);
}

static void lanes(struct bench *b) {
  struct times t;
  int64_t none[] = {FIELD_NULL}, others[25];
  for (int i = 0; i < 24; i++) others[i] = 1 + 997 * i;
  others[24] = FIELD_NULL;
  for (int i = 0; i < REPEATS; i++) {
    struct store_read *r = store_read_new(READ_LANES, BENCH_NOW);
    struct lanes_question q = {BENCH_NOW - 14 * HOUR, BENCH_NOW + 10 * HOUR, "UTC", 24, none, others};
    r->lanes_question = &q;
    double began = now_ms(), cpu = cpu_ms();
    ask(b, r);
    t.ms[i] = now_ms() - began;
    t.cpu[i] = cpu_ms() - cpu;
    store_read_free(r);
  }
  tell("lanes of the Round", &t, "24");
}

static void load(struct bench *b, const char *what, int64_t from_ms, int64_t step_ms, size_t count) {
  struct times t;
  int64_t *bounds = calloc(count, sizeof *bounds);
  for (size_t i = 0; bounds && i < count; i++) bounds[i] = load_bucket(from_ms) + (int64_t)i * step_ms;
  for (int i = 0; bounds && i < REPEATS; i++) {
    struct store_read *r = store_read_new(READ_LOAD, BENCH_NOW);
    r->bounds = bounds;
    r->bound_count = count;
    double began = now_ms(), cpu = cpu_ms();
    ask(b, r);
    t.ms[i] = now_ms() - began;
    t.cpu[i] = cpu_ms() - cpu;
    store_read_free(r);
  }
  tell(what, &t, "");
  free(bounds);
}

static void dashboard(struct bench *b) {
  struct times t;
  for (int i = 0; i < REPEATS; i++) {
    struct store_read *r = store_read_new(READ_DASHBOARD, BENCH_NOW);
    r->limit = 8;
    double began = now_ms(), cpu = cpu_ms();
    ask(b, r);
    t.ms[i] = now_ms() - began;
    t.cpu[i] = cpu_ms() - cpu;
    store_read_free(r);
  }
  tell("dashboard", &t, "");
}

static void roster(struct bench *b) {
  double began = now_ms(), longest = 0;
  char after[200] = "";
  size_t seen = 0;
  for (bool has_more = true; has_more;) {
    struct store_read *r = store_read_new(READ_JOBS, BENCH_NOW);
    double page = now_ms();
    r->limit = 500;
    r->strip = 30;
    r->after_text = str_of(after);
    ask(b, r);
    if (now_ms() - page > longest) longest = now_ms() - page;
    seen += r->count;
    has_more = r->has_more;
    if (r->count) str_copy(after, sizeof after, str_of(r->jobs[r->count - 1].job->name));
    store_read_free(r);
  }
  printf("| the roster's pages, all of them | %.0f | | | %zu jobs; the longest page %.1f ms |\n",
         now_ms() - began, seen, longest);
}

static void measure(struct bench *b) {
  static const char *const questions[] = {"",
                                          "status:failed",
                                          "status:timeout,lost",
                                          "status:running",
                                          "-status:success",
                                          "status:success",
                                          "trigger:manual",
                                          "trigger:schedule",
                                          "took>30s",
                                          "took>1h",
                                          "lag>30ms",
                                          "exit:3",
                                          "exit:0",
                                          "exit:77",
                                          "error~refused",
                                          "error~aguja",
                                          "error~nowhere",
                                          "error:any",
                                          "who:user:ana",
                                          "mem>60MB",
                                          "cpu>890ms",
                                          "attempt>1",
                                          "started<1h",
                                          "started>6d",
                                          "started>5d started<6d",
                                          "job:tarea-012345-casa",
                                          "job~01234",
                                          "012345",
                                          "cat:SYNC",
                                          "cat:none",
                                          "tag:team=t3",
                                          "tag:nothing",
                                          "owner:persona-7",
                                          "-job~casa",
                                          "reason:failed",
                                          "status:failed cat:SYNC",
                                          "took>1m owner:persona-7"};
  printf("| %s | first ms | p50 ms | p95 ms | processor, p50 ms | |\n|---|---|---|---|---|---|\n",
         b->config.url ? "PostgreSQL" : "SQLite");
  for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) list_runs(b, questions[i]);
  look_ahead(b, "ahead: the Round", BENCH_NOW - 14 * HOUR, BENCH_NOW + 10 * HOUR);
  look_ahead(b, "ahead: a day", BENCH_NOW - 12 * HOUR, BENCH_NOW + 12 * HOUR);
  look_ahead(b, "ahead: a week", BENCH_NOW - 4 * DAY, BENCH_NOW + 3 * DAY);
  look_ahead(b, "ahead: a month", BENCH_NOW - 19 * DAY, BENCH_NOW + 11 * DAY);
  look_ahead(b, "ahead: 42 days to come", BENCH_NOW, BENCH_NOW + 42 * DAY);
  lanes(b);
  load(b, "load: the week in one", BENCH_NOW - 7 * DAY, 7 * DAY, 2);
  load(b, "load: 30 days by five minutes", BENCH_NOW - 30 * DAY, LOAD_BUCKET_MS, 30 * 288 + 1);
  dashboard(b);
  roster(b);
}

static void remove_folder(const char *folder) {
  static const char *const names[] = {"sereno.db", "sereno.db-wal", "sereno.db-shm", "lock"};
  char path[1024];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    unlink(path);
  }
  rmdir(folder);
}

static void run_all(struct bench *b, const char *folder, bool fills, bool measures) {
  if (fills) {
    open_store(b, folder);
    fill(b);
    store_boot_free(&b->boot);
    b->backend->ops->close(b->backend);
  }
  if (!measures) return;
  b->config = (struct store_config){.folder = folder, .now_ms = BENCH_NOW, .url = getenv("SERENO_BENCH_URL")};
  must(b->config.url ? store_pg_open_reader(&b->config, &b->backend, NULL)
                     : store_sqlite_open_reader(folder, NULL, &b->backend, NULL),
       NULL, "reader");
  measure(b);
  b->backend->ops->close(b->backend);
}

int main(int argc, char **argv) {
  bool only_fills = argc > 2 && strcmp(argv[1], "fill") == 0,
       only_reads = argc > 2 && strcmp(argv[1], "read") == 0;
  int at = only_fills || only_reads ? 3 : 1;
  struct bench b = {.jobs = argc > at ? atoll(argv[at]) : 100000,
                    .runs = argc > at + 1 ? atoll(argv[at + 1]) : 300000};
  char folder[512];
  snprintf(folder, sizeof folder, "%s/bench-lists-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
  if (at == 3) snprintf(folder, sizeof folder, "%s", argv[2]);
  else if (!mkdtemp(folder)) return perror(folder), 1;
  run_all(&b, folder, !only_reads, !only_fills);
  if (at == 1) remove_folder(folder);
  return 0;
}
