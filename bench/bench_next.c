/* Next-run computation, one core: the expressions of bench/next/expressions.txt, compiled once, from 32 instants.
 * "next": one next from each instant in turn; "100": a hundred nexts from each, per next.
 * Usage: bench_next [--tsv]; bench/next/run.sh puts the npm libraries beside it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "sys/os_file.h"
#include "time/schedule.h"

#define STARTS 32
#define RUNS 100
#define EXPRESSIONS_MAX 40
#define ROUNDS 7
#define ROUND_NS 20000000u

struct expression {
  int id;
  struct str zone, text;
  struct schedule *schedule;
  double next_ns, run_ns;
};

static int64_t starts[STARTS];
static volatile int64_t sink;

/* Processor time of this thread: what others run on the core beside is not ours. */
static uint64_t now_ns(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Spread over 2025–2030, at odd seconds; the same in bench/next/peers.mjs. */
static void make_starts(void) {
  for (int i = 0; i < STARTS; i++) starts[i] = 1735689600000 + i * INT64_C(5919337) * 1000;
}

static int64_t next_once(struct schedule *s) {
  int64_t sum = 0;
  for (int i = 0; i < STARTS; i++) sum ^= schedule_next(s, starts[i]);
  return sum;
}

static int64_t next_hundred(struct schedule *s) {
  int64_t sum = 0;
  for (int i = 0; i < STARTS; i++) {
    int64_t t = starts[i];
    for (int k = 0; k < RUNS && t != INSTANT_NEVER; k++) t = schedule_next(s, t);
    sum ^= t;
  }
  return sum;
}

/* Nanoseconds of one call, the median of the rounds. */
static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double measure(struct schedule *s, int64_t (*work)(struct schedule *)) {
  double rounds[ROUNDS];
  for (int r = 0; r < ROUNDS; r++) {
    uint64_t start = now_ns(), end = start;
    long calls = 0;
    for (; end - start < ROUND_NS; end = now_ns())
      for (int i = 0; i < 64; i++, calls++) sink ^= work(s);
    rounds[r] = (double)(end - start) / (double)calls;
  }
  qsort(rounds, ROUNDS, sizeof *rounds, by_value);
  return rounds[ROUNDS / 2];
}

static int read_expressions(struct buf *file, struct tzdb *db, struct expression *to) {
  struct str rest = buf_str(file), line;
  int count = 0;
  while (count < EXPRESSIONS_MAX && str_split(&rest, '\n', &line)) {
    struct str id, zone, text;
    int64_t number;
    if (line.len == 0 || line.ptr[0] == '#' || !str_split(&line, '|', &id) || !str_split(&line, '|', &zone) ||
        !str_split(&line, '|', &text) || !str_to_int(id, 0, 99, &number))
      continue;
    struct schedule_options o = SCHEDULE_OPTIONS_DEFAULT;
    o.timezone = zone;
    struct expression *e = &to[count++];
    *e = (struct expression){.id = (int)number, .zone = zone, .text = text};
    if (schedule_compile(db, text, &o, &e->schedule, NULL) != ERR_OK) exit(1);
  }
  return count;
}

static bool is_one_of(int id, const int *ids) {
  for (; *ids; ids++)
    if (*ids == id) return true;
  return false;
}

/* Million nexts a second, the geometric mean over some expressions. */
static double rate(const struct expression *e, int count, const int *ids, bool is_run) {
  double sum = 0;
  int n = 0;
  for (int i = 0; i < count; i++)
    if (is_one_of(e[i].id, ids)) sum += log(is_run ? e[i].run_ns : e[i].next_ns), n++;
  return n ? 1000 / exp(sum / n) : 0;
}

static void print_report(const struct expression *e, int count) {
  static const int simple[] = {1, 2, 3, 4, 12, 0}, zoned[] = {5, 7, 8, 9, 10, 17, 18, 0};
  double worst = 0;
  (void)printf(
      "## Next run\n\n| id | zone | expression | one next, ns | one of 100, ns |\n|---|---|---|---|---|\n");
  for (int i = 0; i < count; i++) {
    (void)printf("| %02d | %.*s | `%.*s` | %.1f | %.1f |\n", e[i].id, STR_ARG(e[i].zone), STR_ARG(e[i].text),
                 e[i].next_ns, e[i].run_ns);
    if (e[i].next_ns > worst) worst = e[i].next_ns;
    if (e[i].run_ns > worst) worst = e[i].run_ns;
  }
  (void)printf("\n| goal | measured | measured, one of 100 |\n|---|---|---|\n");
  (void)printf("| plain UTC >= 40 M/s | %.1f M/s | %.1f M/s |\n", rate(e, count, simple, false),
               rate(e, count, simple, true));
  (void)printf("| with zones >= 15 M/s | %.1f M/s | %.1f M/s |\n", rate(e, count, zoned, false),
               rate(e, count, zoned, true));
  (void)printf("| worst expression <= 500 ns | %.0f ns | |\n", worst);
}

int main(int argc, char **argv) {
  bool is_tsv = argc > 1 && strcmp(argv[1], "--tsv") == 0;
  const char *source = getenv("SERENO_SOURCE");
  char path[4096];
  (void)snprintf(path, sizeof path, "%s/bench/next/expressions.txt", source ? source : ".");
  BUF_AUTO struct buf file = buf_new(65536);
  struct err_detail detail = {};
  if (os_read_file(path, &file, &detail) != ERR_OK) return fprintf(stderr, "%s\n", detail.message), 1;
  struct tzdb *db;
  if (tzdb_new(NULL, &db) != ERR_OK) return 1;
  static struct expression expressions[EXPRESSIONS_MAX];
  int count = read_expressions(&file, db, expressions);
  make_starts();
  for (int i = 0; i < count; i++) {
    struct expression *e = &expressions[i];
    e->next_ns = measure(e->schedule, next_once) / STARTS;
    e->run_ns = measure(e->schedule, next_hundred) / (STARTS * RUNS);
    if (argc > 1)
      (void)printf("sereno\t%02d\t%.1f\t%.1f\t%lld\n", e->id, e->next_ns, e->run_ns,
                   (long long)next_once(e->schedule));
  }
  if (!is_tsv) print_report(expressions, count);
  for (int i = 0; i < count; i++) schedule_free(expressions[i].schedule);
  tzdb_free(db);
  return 0;
}
