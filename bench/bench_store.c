/* The embedded store under load: synchronous=FULL, the seeds' indexes, group commit. Prints what was measured beside
 * the goals; asserts nothing.
 *
 * usage: bench_store [FOLDER [SCALE [ledger|short|apart|jobs|lists]]] (a folder on the disk that matters)
 * With SERENO_BENCH_URL (without a query) the same in PostgreSQL, in its empty schemas bench1, bench2 … */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/id.h"
#include "store/store.h"

#define RUNS_A_COMMIT 1000
#define NOON 1763726400000LL

struct bench {
  struct store_backend *backend;
  struct store_boot boot;
  struct store_config config;
  char folder[512], url[512];
  int64_t now_ms;
  struct id_maker maker;
};

static double cpu_seconds(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double seconds(void) { return (double)world_tick(world_real()).ns / 1e9; }

static int64_t resident_bytes(void) {
  char text[256] = "";
  int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) text[0] = 0;
  close(fd);
  struct str rest = str_of(text), piece;
  int64_t pages = 0;
  str_split(&rest, ' ', &piece);
  if (!str_split(&rest, ' ', &piece) || !str_to_int(piece, 0, INT64_MAX, &pages)) return 0;
  return pages * sysconf(_SC_PAGESIZE);
}

static void must(enum err e, const struct err_detail *detail, const char *what) {
  if (e == ERR_OK) return;
  fprintf(stderr, "%s: %s: %s\n", what, err_code(e), detail ? detail->message : "");
  exit(1);
}

static void apply(struct bench *b, struct change **changes, size_t count) {
  must(b->backend->ops->apply(b->backend, changes, count), NULL, "commit");
  for (size_t i = 0; i < count; i++) must(changes[i]->error, &changes[i]->detail, "change");
}

static void open_store(struct bench *b) {
  struct err_detail detail = {};
  b->config = (struct store_config){.folder = b->folder, .now_ms = b->now_ms, .boot_id = "bench"};
  b->config.url = b->url[0] ? b->url : NULL;
  must(b->config.url ? store_pg_open(&b->config, &b->backend, &b->boot, &detail)
                     : store_sqlite_open(&b->config, &b->backend, &b->boot, &detail),
       &detail, "open");
}

static void close_store(struct bench *b) {
  store_boot_free(&b->boot);
  b->backend->ops->close(b->backend);
}

static void remove_store(const char *folder) {
  static const char *const names[] = {"sereno.db", "sereno.db-wal", "sereno.db-shm", "lock"};
  char path[1024];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    unlink(path);
  }
  rmdir(folder);
}

static void new_store(struct bench *b, const char *where) {
  snprintf(b->folder, sizeof b->folder, "%s/bench-store-XXXXXX", where);
  if (!mkdtemp(b->folder)) {
    perror(b->folder);
    exit(1);
  }
  b->now_ms = NOON;
  static int schemas;
  const char *url = getenv("SERENO_BENCH_URL");
  if (url) snprintf(b->url, sizeof b->url, "%s?schema=bench%d", url, ++schemas);
  open_store(b);
}

/* Jobs in transactions of a thousand. */
static void add_jobs(struct bench *b, int64_t count, const char *schedule) {
  struct change *batch[RUNS_A_COMMIT];
  for (int64_t done = 0; done < count;) {
    size_t n = 0;
    for (; n < RUNS_A_COMMIT && done < count; n++, done++) {
      char name[32];
      struct job job;
      job_init(&job);
      snprintf(name, sizeof name, "job-%07lld", (long long)done);
      job.name = name;
      job.schedule = schedule;
      job.command = "shell";
      job.timezone = "UTC";
      batch[n] = change_new(CHANGE_JOB_SAVE, b->now_ms);
      batch[n]->job.job = job_copy(&job);
      batch[n]->job.from_ms = batch[n]->job.until_ms = b->now_ms;
    }
    apply(b, batch, n);
    for (size_t i = 0; i < n; i++) change_free(batch[i]);
  }
}

static struct change *new_run(struct bench *b, enum change_kind kind, int64_t no, const struct claim *claim) {
  struct change *c = change_new(kind, b->now_ms);
  struct run *run = &c->run.run;
  run_init(run);
  run->no = no;
  run->job_no = c->run.job_no = claim->job->no;
  run->job_id = claim->job->id;
  run->due_ms = c->run.due_ms = claim->due_ms;
  run->not_before_ms = claim->not_before_ms;
  run->trigger = TRIGGER_SCHEDULE;
  run->version = claim->job->version;
  run->started_ms = b->now_ms;
  run->status = RUN_RUNNING;
  c->run.has_run = true;
  if (kind == CHANGE_START) return c;
  run->status = RUN_SUCCESS;
  run->reason = c->run.reason = REASON_SUCCESS;
  run->finished_ms = b->now_ms + 12;
  run->duration_ms = 12;
  run->lag_ms = 1;
  run->exit_code = 0;
  run->output = "0123456789abcdef0123456789abcdef\n";
  run->memory_mb = 4;
  run->cpu_pct = 1500;
  run->bill_source = "exact";
  c->run.chain = 1;
  return c;
}

/* Claims one second of 1,000 jobs, then START and END of all of it; `together`: both in one commit. */
static void bench_runs(const char *where, bool is_together, int64_t total) {
  struct bench b = {};
  struct change *batch[2 * RUNS_A_COMMIT + 1];
  new_store(&b, where);
  add_jobs(&b, RUNS_A_COMMIT, "* * * * * *");
  double begun = seconds(), cpu = cpu_seconds(), worst = 0;
  int64_t done = 0;
  struct change *previous = NULL;
  int64_t until_ms = NOON;
  while (done < total) {
    double started = seconds();
    /* Time goes on as it would at the goal's rate, so that lastRunAt and nextRunAt are written as often as there. */
    b.now_ms += 20;
    until_ms += 1000;
    struct change *claim = change_new(CHANGE_CLAIM, b.now_ms);
    claim->claim.until_ms = until_ms;
    size_t n = 0;
    batch[n++] = claim;
    for (size_t i = 0; previous && i < previous->claimed.count; i++) {
      int64_t no = id_next(&b.maker, b.now_ms);
      batch[n++] = new_run(&b, CHANGE_START, no, &previous->claimed.claims[i]);
      batch[n] = new_run(&b, CHANGE_END, no, &previous->claimed.claims[i]);
      if (is_together) n++;
      else change_free(batch[n]);
    }
    apply(&b, batch, n);
    if (!is_together && n > 1) {
      for (size_t i = 1; i < n; i++) {
        struct change *end = new_run(&b, CHANGE_END, batch[i]->run.run.no, &previous->claimed.claims[i - 1]);
        change_free(batch[i]);
        batch[i] = end;
      }
      apply(&b, batch + 1, n - 1);
    }
    if (previous) done += (int64_t)previous->claimed.count;
    for (size_t i = 1; i < n; i++) change_free(batch[i]);
    change_free(previous);
    previous = claim;
    if (seconds() - started > worst) worst = seconds() - started;
  }
  double took = seconds() - begun;
  printf(
      "claim + start + end, %s   %8.0f runs/s (%.0f per CPU second)   slowest commit %.0f ms   goal 50,000\n",
      is_together ? "short runs (one insert)      " : "start and end apart (+update)", (double)done / took,
      (double)done / (cpu_seconds() - cpu), worst * 1000);
  change_free(previous);
  close_store(&b);
  remove_store(b.folder);
}

static void bench_ledger(const char *where, int64_t total) {
  struct bench b = {};
  new_store(&b, where);
  add_jobs(&b, RUNS_A_COMMIT, "* * * * * *");
  double begun = seconds(), cpu = cpu_seconds();
  int64_t done = 0, until_ms = NOON;
  while (done < total) {
    b.now_ms += 10; /* as at the goal's rate */
    until_ms += 1000;
    struct change *claim = change_new(CHANGE_CLAIM, b.now_ms);
    claim->claim.until_ms = until_ms;
    apply(&b, &claim, 1);
    done += (int64_t)claim->claimed.count;
    change_free(claim);
  }
  printf(
      "ledger rows alone (claims, 1,000 a commit)           %8.0f rows/s (%.0f per CPU second)   goal "
      "100,000\n",
      (double)done / (seconds() - begun), (double)done / (cpu_seconds() - cpu));
  close_store(&b);
  remove_store(b.folder);
}

/* In a process of its own, so that memory is that of a server that has just loaded. */
static int load(const char *folder) {
  struct bench b = {.now_ms = NOON};
  snprintf(b.folder, sizeof b.folder, "%s", folder);
  double begun = seconds();
  open_store(&b);
  double took = seconds() - begun;
  printf("loaded in %.3f s, %.1f MB resident", took, (double)resident_bytes() / 1e6);
  close_store(&b);
  return 0;
}

static void bench_jobs(const char *where, int64_t count, const char *goal) {
  struct bench b = {};
  int status;
  new_store(&b, where);
  add_jobs(&b, count, "0 3 1 1 *");
  close_store(&b);
  printf("%9lld jobs ", (long long)count);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", "bench_store", "--load", b.folder, (char *)NULL);
    _exit(127);
  }
  while (child > 0 && waitpid(child, &status, 0) < 0) {
  }
  printf("   goal %s\n", goal);
  remove_store(b.folder);
}

/* A page of a list, as a reader answers it; the slowest of a few. */
static void read_slowest(struct store_backend *reader, const char *name, const struct store_read *like) {
  double worst = 0;
  size_t count = 0;
  for (int i = 0; i < 5; i++) {
    struct store_read *r = store_read_new(like->kind, NOON);
    r->contains = like->contains;
    r->category = like->category;
    r->is_active = like->is_active;
    r->status_mask = like->status_mask;
    r->after_text = like->after_text;
    r->limit = like->limit;
    double begun = seconds();
    must(reader->ops->read(reader, r), &r->detail, name);
    if (seconds() - begun > worst) worst = seconds() - begun;
    count = r->count;
    store_read_free(r);
  }
  printf("  %-44s %8.1f ms (%zu rows)\n", name, worst * 1000, count);
}

/* Every job has run once, one in a hundred without success. */
static void run_all_once(struct bench *b) {
  struct change *claim, *batch[RUNS_A_COMMIT];
  do {
    claim = change_new(CHANGE_CLAIM, b->now_ms);
    claim->claim.until_ms = b->now_ms;
    claim->claim.max = RUNS_A_COMMIT;
    apply(b, &claim, 1);
    for (size_t i = 0; i < claim->claimed.count; i++) {
      int64_t no = id_next(&b->maker, b->now_ms);
      batch[i] = new_run(b, CHANGE_END, no, &claim->claimed.claims[i]);
      if (no % 100 == 0) batch[i]->run.run.status = RUN_FAILED;
    }
    apply(b, batch, claim->claimed.count);
    for (size_t i = 0; i < claim->claimed.count; i++) change_free(batch[i]);
    change_free(claim);
  } while (b->backend->ops->next_due_ms(b->backend) <= b->now_ms);
}

static void bench_lists(const char *where, int64_t count) {
  struct bench b = {};
  struct store_backend *reader;
  new_store(&b, where);
  add_jobs(&b, count, "0 * * * *");
  b.now_ms += 3600 * 1000;
  run_all_once(&b);
  must(b.backend->ops->open_reader(b.backend, &reader), NULL, "reader");
  printf("lists, %lld jobs with a run each, slowest of 5   goal 100 ms\n", (long long)count);
  static const struct {
    const char *name;
    struct store_read like;
  } lists[] = {
      {"jobs, a page of 100", {.kind = READ_JOBS, .is_active = -1, .limit = 100}},
      {"jobs, a page of 1,000", {.kind = READ_JOBS, .is_active = -1, .limit = 1000}},
      {"jobs, a page further on",
       {.kind = READ_JOBS, .is_active = -1, .limit = 100, .after_text = {"job-0009899", 11}}},
      {"jobs, a name that few have",
       {.kind = READ_JOBS, .is_active = -1, .limit = 100, .contains = {"7777", 4}}},
      {"jobs, a name that none has",
       {.kind = READ_JOBS, .is_active = -1, .limit = 100, .contains = {"nowhere", 7}}},
      {"jobs, a category that none has",
       {.kind = READ_JOBS, .is_active = -1, .limit = 100, .category = {"none", 4}}},
      {"jobs, those off", {.kind = READ_JOBS, .is_active = 0, .limit = 100}},
      {"jobs, those whose last run failed",
       {.kind = READ_JOBS, .is_active = -1, .limit = 10000, .status_mask = 1U << RUN_FAILED}},
      {"dashboard", {.kind = READ_DASHBOARD, .limit = 10}},
  };
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    read_slowest(reader, lists[i].name, &lists[i].like);
  reader->ops->close(reader);
  close_store(&b);
  remove_store(b.folder);
}

static bool is_wanted(const char *part, const char *name) { return !part || strcmp(part, name) == 0; }

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--load") == 0) return load(argv[2]);
  const char *where = argc > 1 ? argv[1] : ".";
  int64_t scale = argc > 2 ? strtoll(argv[2], NULL, 10) : 10; /* 1: a glance */
  const char *part = argc > 3 ? argv[3] : NULL;
  printf("%s, %d runs a commit, 1,000 jobs each second\n",
         getenv("SERENO_BENCH_URL") ? "PostgreSQL store" : "SQLite store, WAL, synchronous=FULL",
         RUNS_A_COMMIT);
  if (is_wanted(part, "ledger")) bench_ledger(where, scale * 50000);
  if (is_wanted(part, "short")) bench_runs(where, true, scale * 20000);
  if (is_wanted(part, "apart")) bench_runs(where, false, scale * 20000);
  if (is_wanted(part, "jobs")) bench_jobs(where, scale * 10000, "0.5 s and 30 MB for 100,000");
  if (is_wanted(part, "lists")) bench_lists(where, scale * 10000);
  if (is_wanted(part, "jobs") && scale >= 100) bench_jobs(where, scale * 10000, "250 MB for 1,000,000");
  return 0;
}
