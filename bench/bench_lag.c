/* The bare loops beside which bench/lag/run.sh measures a whole server, and what that script needs of our files.
 * Instants are milliseconds since 1970, durations microseconds. Without arguments it says how to run the script.
 *
 *   bench_lag burst COUNT PROGRAM DUE_MS          a timer, then COUNT × posix_spawn: "last_start all_ended cpu"
 *   bench_lag wakes COUNT PROGRAM DUE_MS EVERY_MS a timer and a vfork for each instant: a lag a line
 *   bench_lag loop COUNT PROGRAM                  posix_spawn and wait, one after the other: "took cpu"
 *   bench_lag jobs FOLDER COUNT PREFIX COMMAND SCHEDULE   writes jobs into the store of a stopped server
 *   bench_lag lags JOURNAL                        of each ended run of a copied journal: its lag a line */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"
#include "warden/journal.h"

#define JOBS_A_COMMIT 1000

static void check(bool is_right, const char *what) {
  if (is_right) return;
  (void)fprintf(stderr, "bench_lag: %s\n", what);
  _exit(1);
}

static int64_t number(const char *text) {
  int64_t value = 0;
  check(str_to_int(str_of(text), 0, INT64_MAX, &value), text);
  return value;
}

static int64_t clock_us(clockid_t id) {
  struct timespec t;
  (void)clock_gettime(id, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t cpu_us(void) {
  int64_t us = 0;
  static const int whose[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
  for (size_t i = 0; i < 2; i++) {
    struct rusage u;
    (void)getrusage(whose[i], &u);
    us += (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
  }
  return us;
}

/* ---- bare loops ---- */

static char *const no_env[] = {NULL};

static void spawn(const char *program) {
  char *const argv[] = {(char *)(uintptr_t)program, NULL};
  pid_t pid;
  check(posix_spawn(&pid, program, NULL, NULL, argv, no_env) == 0, "posix_spawn");
}

static void wait_until(int fd, int64_t due_ms) {
  uint64_t count;
  struct itimerspec at = {.it_value = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000}};
  check(timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL) == 0, "timerfd_settime");
  check(read(fd, &count, sizeof count) == (ssize_t)sizeof count, "timerfd");
}

static int wall_timer(void) {
  int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
  check(fd >= 0, "timerfd_create");
  return fd;
}

static int burst(int64_t count, const char *program, int64_t due_ms) {
  int timer = wall_timer();
  int64_t last_us = 0;
  wait_until(timer, due_ms);
  for (int64_t i = 0; i < count; i++) {
    last_us = clock_us(CLOCK_REALTIME);
    spawn(program);
  }
  while (waitpid(-1, NULL, 0) > 0) continue;
  int64_t ended_us = clock_us(CLOCK_REALTIME);
  printf("%lld %lld %lld\n", (long long)(last_us - due_ms * 1000), (long long)(ended_us - due_ms * 1000),
         (long long)cpu_us());
  return 0;
}

static pid_t start(const char *program) {
  char *const argv[] = {(char *)(uintptr_t)program, NULL};
  pid_t pid = vfork();
  if (pid == 0) {
    (void)execve(program, argv, no_env);
    _exit(127);
  }
  return pid;
}

static int wakes(int64_t count, const char *program, int64_t due_ms, int64_t every_ms) {
  int timer = wall_timer();
  for (int64_t i = 0; i < count; i++, due_ms += every_ms) {
    wait_until(timer, due_ms);
    int64_t lag_us = clock_us(CLOCK_REALTIME) - due_ms * 1000;
    pid_t pid = start(program);
    check(pid > 0 && waitpid(pid, NULL, 0) == pid, "vfork");
    printf("%lld\n", (long long)lag_us);
  }
  return 0;
}

static int loop(int64_t count, const char *program) {
  int64_t since_us = clock_us(CLOCK_MONOTONIC);
  for (int64_t i = 0; i < count; i++) {
    spawn(program);
    check(waitpid(-1, NULL, 0) > 0, "waitpid");
  }
  printf("%lld %lld\n", (long long)(clock_us(CLOCK_MONOTONIC) - since_us), (long long)cpu_us());
  return 0;
}

/* ---- a server's files ---- */

static struct change *new_job(const char *prefix, int64_t no, const char *command, const char *schedule,
                              int64_t now_ms) {
  char name[100];
  struct job job;
  job_init(&job);
  snprintf(name, sizeof name, "%s-%07lld", prefix, (long long)no);
  job.name = name;
  job.schedule = schedule;
  job.command = command;
  job.timezone = "UTC";
  struct change *c = change_new(CHANGE_JOB_SAVE, now_ms);
  check(c != NULL, "memory");
  c->job.job = job_copy(&job);
  c->job.from_ms = c->job.until_ms = now_ms;
  return c;
}

static int jobs(char **args) {
  int64_t count = number(args[1]), now_ms = clock_us(CLOCK_REALTIME) / 1000;
  struct store_backend *store;
  struct store_boot boot;
  struct err_detail detail = {};
  struct store_config config = {.folder = args[0], .now_ms = now_ms, .boot_id = "bench"};
  check(store_sqlite_open(&config, &store, &boot, &detail) == ERR_OK, detail.message);
  struct change *batch[JOBS_A_COMMIT];
  for (int64_t done = 0; done < count;) {
    size_t n = 0;
    while (n < JOBS_A_COMMIT && done < count) batch[n++] = new_job(args[2], done++, args[3], args[4], now_ms);
    check(store->ops->apply(store, batch, n) == ERR_OK, "commit");
    for (size_t i = 0; i < n; i++) {
      check(batch[i]->error == ERR_OK, batch[i]->detail.message);
      change_free(batch[i]);
    }
  }
  store_boot_free(&boot);
  store->ops->close(store);
  return 0;
}

/* The tick, since it has the microseconds; the two clocks differ by a constant unless one is set meanwhile. */
static void print_lag(void *arg, const struct warden_end *end, struct str result) {
  (void)result;
  const int64_t *wall_minus_tick_us = arg;
  if (end->run.due_ms == INSTANT_NONE) return;
  printf("%lld\n", (long long)(end->run.started_tick_us + *wall_minus_tick_us - end->run.due_ms * 1000));
}

static int lags(const char *path) {
  struct err_detail detail = {};
  struct journal journal;
  int64_t wall_minus_tick_us = clock_us(CLOCK_REALTIME) - clock_us(CLOCK_MONOTONIC);
  struct journal_reader reader = {.arg = &wall_minus_tick_us, .end = print_lag};
  check(journal_open(AT_FDCWD, path, &reader, &journal, &detail) == ERR_OK, detail.message);
  journal_close(&journal);
  return 0;
}

int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "";
  if (argc == 5 && strcmp(verb, "burst") == 0) return burst(number(argv[2]), argv[3], number(argv[4]));
  if (argc == 6 && strcmp(verb, "wakes") == 0)
    return wakes(number(argv[2]), argv[3], number(argv[4]), number(argv[5]));
  if (argc == 4 && strcmp(verb, "loop") == 0) return loop(number(argv[2]), argv[3]);
  if (argc == 7 && strcmp(verb, "jobs") == 0) return jobs(argv + 2);
  if (argc == 3 && strcmp(verb, "lags") == 0) return lags(argv[2]);
  puts("The bare loops of bench/lag/run.sh, which make bench runs as \"bench/lag/run.sh\".");
  return argc == 1 ? 0 : 2;
}
