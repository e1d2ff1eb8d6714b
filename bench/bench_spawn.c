/* Process jobs through the warden beside a bare posix_spawn loop of the same run (issue 2, section 5).
 * Settings are printed; ratios are the result, absolute figures depend on what else the machine does. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "warden/client.h"
#include "warden/proc.h"
#include "warden/warden.h"

#define RESIDENT_BYTES (500L * 1024 * 1024)
#define LOOP_JOBS 200
#define BURST_JOBS 1000
#define ROUNDS 11

enum { JOB_TRUE, JOB_BUILTIN };

struct bench {
  struct loop *loop;
  struct warden_client *client;
  bool is_up;
  int64_t next_run;
  int started, ended, failed;
  int64_t last_start_us, lives_us; /* the sum of fork to END, by the warden's clock */
  pid_t warden;
  const char *cgroup;
  char dir[40];
  int to_start, kind; /* the closed loop: a new one for each that has ended */
};

static int64_t now_us(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void check(bool is_right, const char *what) {
  if (is_right) return;
  (void)fprintf(stderr, "bench_spawn: %s\n", what);
  _exit(1);
}

static void start_one(struct bench *b) {
  static const char *const argv[] = {"/bin/true", NULL}, *const envp[] = {"PATH=/usr/bin:/bin", NULL};
  struct warden_launch_spec program = {.kind = LAUNCH_PROGRAM, .argv = argv, .envp = envp};
  struct warden_launch_spec builtin = {
      .kind = LAUNCH_BUILTIN, .envp = envp, .executor = "selftest", .params = STR("{\"lines\":0}")};
  struct warden_start start = {.run_no = b->next_run++,
                               .job_no = 1,
                               .due_ms = INSTANT_NONE,
                               .version = 1,
                               .epoch = 1,
                               .timeout_ms = 60000,
                               .grace_ms = 1000,
                               .attempt = 1,
                               .flags = WARDEN_START_NO_NEW_PRIVS};
  struct warden_launch launch;
  check(warden_launch_build(b->kind == JOB_TRUE ? &program : &builtin, &launch, NULL) == ERR_OK, "launch");
  check(warden_start(b->client, &start, &launch, -1) == ERR_OK, "start");
  b->to_start--;
}

static void on_up(void *arg, const struct warden_welcome *own) {
  struct bench *b = arg;
  b->warden = own->pid;
  b->is_up = true;
}
static void on_started(void *arg, const struct warden_started *started) {
  struct bench *b = arg;
  b->started++;
  if (started->run.started_tick_us > b->last_start_us) b->last_start_us = started->run.started_tick_us;
}
static void on_ended(void *arg, const struct warden_end *end, struct str result) {
  (void)result;
  struct bench *b = arg;
  b->ended++;
  b->lives_us += end->ended_tick_us - end->run.started_tick_us;
  b->failed += end->how != WARDEN_EXITED || end->code != 0;
  check(warden_ack(b->client, end->run.run_no) == ERR_OK, "ack");
  if (b->to_start > 0) start_one(b);
}
static void on_refused(void *arg, int64_t run_no, enum warden_refusal why, int error_number) {
  (void)arg, (void)run_no;
  (void)fprintf(stderr, "refused: %s %d\n", warden_refusal_name(why), error_number);
  _exit(1);
}

static int64_t warden_loop(struct bench *b, int kind, int jobs, int in_flight) {
  int64_t since = now_us();
  int until = b->ended + jobs;
  b->kind = kind;
  b->to_start = jobs;
  b->last_start_us = b->lives_us = 0;
  for (int i = 0; i < in_flight && b->to_start > 0; i++) start_one(b);
  while (b->ended < until) (void)loop_turn(b->loop, -1);
  return now_us() - since;
}

static pid_t bare_spawn(void) {
  static char *const argv[] = {(char *)(uintptr_t) "/bin/true", NULL}, *const envp[] = {NULL};
  pid_t pid;
  check(posix_spawn(&pid, "/bin/true", NULL, NULL, argv, envp) == 0, "posix_spawn");
  return pid;
}

static int64_t bare_loop(int jobs) {
  int64_t since = now_us();
  for (int i = 0; i < jobs; i++) {
    int status;
    check(waitpid(bare_spawn(), &status, 0) > 0, "waitpid");
  }
  return now_us() - since;
}

static int64_t bare_burst(int jobs) { /* until just before the last one is started */
  int64_t since = now_us(), last = since;
  for (int i = 0; i < jobs; i++) {
    last = now_us();
    (void)bare_spawn();
  }
  while (waitpid(-1, NULL, 0) > 0) continue;
  return last - since;
}

static int64_t warden_burst(struct bench *b, int jobs) {
  int64_t since = now_us();
  (void)warden_loop(b, JOB_TRUE, jobs, jobs);
  return b->last_start_us - since;
}

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static double median(int64_t *values) {
  qsort(values, ROUNDS, sizeof *values, compare);
  return (double)values[ROUNDS / 2];
}

/* User and system time of a process and of its children that it has waited for, in clock ticks. */
static int64_t cpu_ticks(pid_t pid) {
  char path[64], text[1024];
  (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  FILE *f = fopen(path, "re");
  size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
  if (f) (void)fclose(f);
  text[n] = '\0';
  long long t[4] = {};
  const char *rest = strrchr(text, ')');
  bool is_whole = rest && sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld %lld %lld",
                                 &t[0], &t[1], &t[2], &t[3]) == 4;
  check(is_whole, path);
  return t[0] + t[1] + t[2] + t[3];
}

static void remove_dir(const char *dir) {
  char command[200];
  char *argv[] = {(char *)(uintptr_t) "rm", (char *)(uintptr_t) "-rf", command, NULL};
  char *envp[] = {NULL};
  pid_t pid;
  (void)snprintf(command, sizeof command, "%s", dir);
  if (posix_spawn(&pid, "/bin/rm", NULL, NULL, argv, envp) == 0) (void)waitpid(pid, NULL, 0);
}

/* The median of the ratios of each round, since both were measured in the same moment then. */
static void show(const char *what, const int64_t *ours, const int64_t *bare, int jobs, bool is_rate,
                 const char *goal) {
  int64_t a[ROUNDS], b[ROUNDS], ratio[ROUNDS];
  for (int i = 0; i < ROUNDS; i++) {
    a[i] = ours[i];
    b[i] = bare[i];
    ratio[i] = is_rate ? bare[i] * 1000 / ours[i] : ours[i] * 1000 / bare[i];
  }
  double x = median(a), y = median(b);
  if (is_rate) x = jobs * 1e6 / x, y = jobs * 1e6 / y;
  else x /= jobs, y /= jobs;
  (void)printf("| %s | %.1f | %.1f | %.2f | %s |\n", what, x, y, median(ratio) / 1000, goal);
}

struct series {
  int64_t one[ROUNDS], four[ROUNDS], eight[ROUNDS], built[ROUNDS], burst[ROUNDS];
  int64_t cpu_programs, cpu_builtins; /* ticks of the warden and the runs, all rounds */
};

static void measure_round(struct bench *b, struct series *s, int round) {
  int64_t cpu = cpu_ticks(b->warden);
  s->one[round] = warden_loop(b, JOB_TRUE, LOOP_JOBS, 1);
  s->four[round] = warden_loop(b, JOB_TRUE, LOOP_JOBS, 4);
  s->eight[round] = warden_loop(b, JOB_TRUE, LOOP_JOBS, 8);
  s->cpu_programs += cpu_ticks(b->warden) - cpu;
  cpu = cpu_ticks(b->warden);
  (void)warden_loop(b, JOB_BUILTIN, LOOP_JOBS, 1);
  s->built[round] = b->lives_us;
  s->cpu_builtins += cpu_ticks(b->warden) - cpu;
  s->burst[round] = warden_burst(b, BURST_JOBS);
}

static void show_cpu(const char *what, int64_t ours, int runs, int64_t bare) {
  double tick_us = 1e6 / (double)sysconf(_SC_CLK_TCK), x = (double)ours * tick_us / (ROUNDS * runs),
         y = (double)bare * tick_us / (ROUNDS * LOOP_JOBS);
  (void)printf("| %s | %.0f | %.0f | %.2f | |\n", what, x, y, x / y);
}

static void show_series(const struct bench *b, const struct series *s, const int64_t *bare,
                        const int64_t *bare_b, int64_t bare_cpu) {
  (void)printf(
      "Control groups %s:\n\n| what | warden | bare posix_spawn | ratio | goal |\n|---|---|---|---|---|\n",
      b->cgroup);
  show("jobs/s, /bin/true, 1 in flight", s->one, bare, LOOP_JOBS, true, "");
  show("jobs/s, /bin/true, 4 in flight", s->four, bare, LOOP_JOBS, true, ">= 0.85");
  show("jobs/s, /bin/true, 8 in flight", s->eight, bare, LOOP_JOBS, true, ">= 0.85");
  show("built-in, us from fork to its end", s->built, bare, LOOP_JOBS, false, "<= 0.70");
  show("burst of 1,000: last start, us", s->burst, bare_b, 1, false, "<= 1.15");
  show_cpu("processor us a run, /bin/true", s->cpu_programs, 3 * LOOP_JOBS, bare_cpu);
  show_cpu("processor us a run, built-in", s->cpu_builtins, LOOP_JOBS, bare_cpu);
  (void)printf("\n%d runs, %d failed.\n\n", b->ended, b->failed);
}

#define MODES 2

/* In turn, so that what else the machine does meets all alike. */
static void measure(struct bench *b) {
  static struct series series[MODES];
  int64_t bare[ROUNDS], bare_b[ROUNDS], bare_cpu = 0;
  for (int i = 0; i < ROUNDS; i++) {
    int64_t cpu = cpu_ticks(getpid());
    bare[i] = bare_loop(LOOP_JOBS);
    bare_cpu += cpu_ticks(getpid()) - cpu;
    bare_b[i] = bare_burst(BURST_JOBS);
    for (int m = 0; m < MODES; m++) measure_round(&b[m], &series[m], i);
  }
  for (int m = 0; m < MODES; m++) show_series(&b[m], &series[m], bare, bare_b, bare_cpu);
}

static void open_bench(struct bench *b, const char *cgroup) {
  *b = (struct bench){.next_run = 1, .cgroup = cgroup, .dir = "/tmp/sereno-bench-XXXXXX"};
  check(mkdtemp(b->dir) != NULL, "mkdtemp");
  check(loop_new(&b->loop) == ERR_OK, "loop");
  struct warden_client_options options = {.loop = b->loop,
                                          .data_dir = b->dir,
                                          .epoch = 1,
                                          .test_clock_ms = INSTANT_NONE,
                                          .idle_exit_seconds = 5,
                                          .cgroup = cgroup};
  struct warden_client_callbacks callbacks = {
      .arg = b, .on_up = on_up, .on_started = on_started, .on_refused = on_refused, .on_ended = on_ended};
  check(warden_client_new(&options, &callbacks, &b->client, NULL) == ERR_OK, "client");
  while (!b->is_up) (void)loop_turn(b->loop, -1);
}

static void close_bench(struct bench *b) {
  check(b->failed == 0, "a job failed");
  warden_client_free(b->client);
  (void)kill(b->warden, SIGTERM);
  proc_wait(b->warden, 5000);
  loop_free(b->loop);
  remove_dir(b->dir);
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "warden") == 0) return warden_main(argc - 1, argv + 1);
  char *resident = malloc(RESIDENT_BYTES);
  check(resident != NULL, "memory");
  memset(resident, 1, RESIDENT_BYTES);
  struct bench benches[MODES];
  open_bench(&benches[0], "off");
  open_bench(&benches[1], "auto");
  (void)printf(
      "## Process jobs\n%d jobs a loop, median of %d rounds, %ld MB resident in the client, journal and "
      "output pipes on, kernel's default scheduling.\n\n",
      LOOP_JOBS, ROUNDS, RESIDENT_BYTES >> 20);
  measure(benches);
  check(resident[RESIDENT_BYTES / 2] == 1, "resident");
  for (int m = 0; m < MODES; m++) close_bench(&benches[m]);
  free(resident);
  return 0;
}
