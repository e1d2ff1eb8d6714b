#include "warden/warden.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/os_file.h"
#include "tests/support/check.h"
#include "warden/cgroup.h"
#include "warden/client.h"
#include "warden/journal.h"
#include "warden/proc.h"
#include "warden/spool.h"

/* Real wardens and real processes: this program started again as `warden --data DIR` is one. Waits end
 * with the event waited for; the bound below only ends a test that has failed. */
#define WAIT_TURNS 3000
#define TURN_US 10000
#define RUNS_MAX 2100

/* Every test runs twice: with the tree known by /proc alone, and in a cgroup where the host lets us. */
static const char *cgroup_of_wardens = "off";

static bool has_cgroups(void) { return strcmp(cgroup_of_wardens, "off") != 0; }

struct seen {
  int64_t run_no;
  int listed, started, ended, refused;
  pid_t pid;
  bool is_repeated;
  enum warden_refusal why;
  int error_number;
  struct warden_end end;
  char result[256];
};

struct fixture {
  char dir[64];
  struct loop *loop;
  struct warden_client *client;
  struct warden_welcome welcome;
  int ups, downs, lines;
  char line[256];
  struct seen seen[RUNS_MAX];
  size_t seen_count;
  char output[4096];
  struct warden_output output_head;
  bool has_output;
  int64_t clock_done;
};

static struct seen *seen_of(struct fixture *f, int64_t run_no) {
  for (size_t i = 0; i < f->seen_count; i++)
    if (f->seen[i].run_no == run_no) return &f->seen[i];
  ASSERT(f->seen_count < RUNS_MAX);
  f->seen[f->seen_count] = (struct seen){.run_no = run_no};
  return &f->seen[f->seen_count++];
}

static void on_up(void *arg, const struct warden_welcome *own) {
  struct fixture *f = arg;
  f->welcome = *own;
  f->ups++;
}
static void on_down(void *arg, const char *why) {
  (void)why;
  ((struct fixture *)arg)->downs++;
}
static void on_listed(void *arg, const struct warden_run *run, int32_t pid) {
  struct seen *s = seen_of(arg, run->run_no);
  s->listed++;
  s->pid = pid;
}
static void on_started(void *arg, const struct warden_started *started) {
  struct seen *s = seen_of(arg, started->run.run_no);
  s->started++;
  s->pid = started->pid;
  s->is_repeated = started->is_repeated;
}
static void on_refused(void *arg, int64_t run_no, enum warden_refusal why, int error_number) {
  struct seen *s = seen_of(arg, run_no);
  s->refused++;
  s->why = why;
  s->error_number = error_number;
}
static void on_ended(void *arg, const struct warden_end *end, struct str result) {
  struct seen *s = seen_of(arg, end->run.run_no);
  s->ended++;
  s->end = *end;
  (void)str_copy(s->result, sizeof s->result, result);
}
static void on_line(void *arg, int64_t run_no, struct str line) {
  (void)run_no;
  struct fixture *f = arg;
  f->lines++;
  (void)str_copy(f->line, sizeof f->line, line);
}
static void on_output(void *arg, const struct warden_output *output, struct str bytes) {
  struct fixture *f = arg;
  f->output_head = *output;
  f->has_output = true;
  (void)str_copy(f->output, sizeof f->output, bytes);
}
static void on_clock(void *arg, const struct warden_clock_done *done) {
  ((struct fixture *)arg)->clock_done = done->clock_ms;
}

#define UNTIL(f, cond)                                                                                   \
  do {                                                                                                   \
    bool is_true_ = false;                                                                               \
    for (int i_ = 0; i_ < WAIT_TURNS && !(is_true_ = (cond)); i_++) (void)loop_turn((f)->loop, TURN_US); \
    if (!is_true_) fail_msg("line %d: %s did not come true", __LINE__, #cond);                           \
  } while (0)

static void connect_client(struct fixture *f, int64_t epoch, int64_t test_clock_ms) {
  struct warden_client_options options = {.loop = f->loop,
                                          .data_dir = f->dir,
                                          .epoch = epoch,
                                          .test_clock_ms = test_clock_ms,
                                          .idle_exit_seconds = 20,
                                          .cgroup = cgroup_of_wardens};
  struct warden_client_callbacks callbacks = {f,          on_up,    on_down, on_listed, on_started,
                                              on_refused, on_ended, on_line, on_output, on_clock};
  int ups = f->ups;
  CHECK_OK(warden_client_new(&options, &callbacks, &f->client, NULL));
  UNTIL(f, f->ups > ups);
}

static void forget(struct fixture *f) { f->seen_count = 0; }

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/sereno-warden-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  CHECK_OK(loop_new(&f->loop));
  *state = f;
  return 0;
}

/* Processes that carry this folder's tag and this run's number (0: any); they get the signal (0: none). */
static int count_tagged_and(const struct fixture *f, int64_t run_no, int signal_number) {
  char path[128];
  (void)snprintf(path, sizeof path, "%s/warden", f->dir);
  int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  uint64_t folder = dir_fd >= 0 ? tag_folder(dir_fd) : 0;
  os_close(&dir_fd);
  struct proc_table table = {};
  CHECK_OK(proc_scan(&table));
  int count = 0;
  for (size_t i = 0; i < table.count && folder; i++) {
    struct tag tag;
    const struct proc *p = &table.procs[i];
    if (!proc_is_alive(p) || !proc_read_tag(p->pid, &tag) || tag.folder != folder) continue;
    if (run_no && (int64_t)tag.run != run_no) continue;
    if (signal_number) proc_signal(p, signal_number);
    count++;
  }
  proc_table_free(&table);
  return count;
}

static int count_tagged(const struct fixture *f, int64_t run_no) { return count_tagged_and(f, run_no, 0); }

static void remove_files(const char *dir, const char *sub) {
  char path[200];
  (void)snprintf(path, sizeof path, "%s/%s", dir, sub);
  DIR *d = opendir(path);
  for (struct dirent *e; d && (e = readdir(d));) (void)unlinkat(dirfd(d), e->d_name, 0);
  if (d) closedir(d);
  (void)rmdir(path);
}

/* The pid of the warden of this folder, by its socket's owner: the welcome says it. */
static void end_warden(struct fixture *f) {
  if (f->welcome.pid <= 0) return;
  (void)kill(f->welcome.pid, SIGKILL);
  proc_wait(f->welcome.pid, 10000);
}

/* As the next warden would. */
static void end_cgroups(const struct fixture *f) {
  char path[128];
  (void)snprintf(path, sizeof path, "%s/warden", f->dir);
  int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *d = opendir(path);
  for (struct dirent *e; d && (e = readdir(d));)
    if (str_ends(str_of(e->d_name), STR(".cgroup")))
      cgroup_end_dead(tag_folder(dir_fd), dir_fd, e->d_name, 10000);
  if (d) closedir(d);
  os_close(&dir_fd);
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  warden_client_free(f->client);
  end_warden(f);
  (void)count_tagged_and(f, 0, SIGKILL); /* of a test that failed */
  end_cgroups(f);
  loop_free(f->loop);
  remove_files(f->dir, "warden");
  remove_files(f->dir, "spool");
  (void)rmdir(f->dir);
  free(f);
  return 0;
}

static struct warden_start start_of(int64_t run_no) {
  return (struct warden_start){.run_no = run_no,
                               .job_no = 1,
                               .due_ms = 1000,
                               .version = 1,
                               .epoch = 1,
                               .timeout_ms = 60000,
                               .grace_ms = 5000,
                               .attempt = 1,
                               .trigger = TRIGGER_SCHEDULE,
                               .flags = WARDEN_START_NO_NEW_PRIVS};
}

static void start_program(struct fixture *f, const struct warden_start *start, const char *const *argv,
                          struct str input) {
  const char *envp[] = {"PATH=/usr/bin:/bin", "JOB=yes", NULL};
  struct warden_launch_spec spec = {
      .kind = LAUNCH_PROGRAM, .argv = argv, .envp = envp, .cwd = "/tmp", .stdin_bytes = input};
  struct warden_launch launch;
  CHECK_OK(warden_launch_build(&spec, &launch, NULL));
  CHECK_OK(warden_start(f->client, start, &launch, -1));
}

static void start_shell(struct fixture *f, const struct warden_start *start, const char *script) {
  const char *argv[] = {"/bin/sh", "-c", script, NULL};
  start_program(f, start, argv, STR_NONE);
}

static void start_builtin(struct fixture *f, const struct warden_start *start, const char *name,
                          const char *params) {
  const char *envp[] = {"PATH=/usr/bin:/bin", NULL};
  struct warden_launch_spec spec = {
      .kind = LAUNCH_BUILTIN, .envp = envp, .executor = name, .params = str_of(params)};
  struct warden_launch launch;
  CHECK_OK(warden_launch_build(&spec, &launch, NULL));
  CHECK_OK(warden_start(f->client, start, &launch, -1));
}

static struct seen *run_shell(struct fixture *f, int64_t run_no, const char *script) {
  struct warden_start start = start_of(run_no);
  start_shell(f, &start, script);
  UNTIL(f, seen_of(f, run_no)->ended || seen_of(f, run_no)->refused);
  return seen_of(f, run_no);
}

static struct str spool_text(const struct fixture *f, int64_t run_no) {
  static char text[8192];
  char path[128];
  (void)snprintf(path, sizeof path, "%s/spool/%s", f->dir, spool_name(run_no).text);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);
  if (fd >= 0) close(fd);
  return (struct str){text, n > 0 ? (size_t)n : 0};
}

static bool is_alive(pid_t pid) {
  struct proc p;
  return proc_read(pid, &p) && proc_is_alive(&p);
}

/* ---- ends ---- */

static void a_program_ends_as_it_ended(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  const struct {
    int line;
    const char *script;
    enum warden_how how;
    int code;
  } rows[] = {
      {__LINE__, "exit 0", WARDEN_EXITED, 0},
      {__LINE__, "exit 3", WARDEN_EXITED, 3},
      {__LINE__, "exit 77", WARDEN_EXITED, 77},
      {__LINE__, "kill -9 $$", WARDEN_SIGNALLED, SIGKILL},
      {__LINE__, "kill -15 $$", WARDEN_SIGNALLED, SIGTERM},
      {__LINE__, "kill -11 $$", WARDEN_SIGNALLED, SIGSEGV},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct seen *s = run_shell(f, 100 + (int64_t)i, rows[i].script);
    CHECK_ROW(rows[i].line, s->started == 1 && s->ended == 1);
    CHECK_ROW(rows[i].line, s->end.how == (uint32_t)rows[i].how);
    CHECK_ROW(rows[i].line, s->end.code == rows[i].code);
    CHECK_ROW(rows[i].line, s->end.processes_left == 0 && s->end.leftovers == 0);
    CHECK_ROW(rows[i].line, s->end.ended_tick_us >= s->end.run.started_tick_us);
  }
}

static void what_cannot_start_says_where_and_why(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  const char *missing[] = {"/no/such/program", NULL}, *in_path[] = {"no-such-program", NULL},
             *no_right[] = {"/etc/passwd", NULL};
  const struct {
    int line;
    const char *const *argv;
    int want;
  } rows[] = {{__LINE__, missing, ENOENT}, {__LINE__, in_path, ENOENT}, {__LINE__, no_right, EACCES}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct warden_start start = start_of(200 + (int64_t)i);
    start_program(f, &start, rows[i].argv, STR_NONE);
    UNTIL(f, seen_of(f, start.run_no)->ended);
    const struct warden_end *end = &seen_of(f, start.run_no)->end;
    CHECK_ROW(rows[i].line, end->how == WARDEN_COULD_NOT_START);
    CHECK_ROW(rows[i].line, end->stage == WARDEN_STAGE_EXEC);
    CHECK_ROW(rows[i].line, end->code == rows[i].want);
    CHECK_ROW(rows[i].line, seen_of(f, start.run_no)->started == 0);
  }
}

static void a_program_gets_its_input_environment_and_folder(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(300);
  const char *argv[] = {"sh", "-c",
                        "pwd; echo \"$JOB $SERENO_RUN_NUMBER $SERENO_RUN_ATTEMPT $SERENO_RUN_DUE\"; cat; "
                        "umask; ulimit -c; ls /proc/self/fd | wc -l",
                        NULL};
  start_program(f, &start, argv, STR("from stdin\n"));
  UNTIL(f, seen_of(f, 300)->ended);
  CHECK_STR(spool_text(f, 300), STR("/tmp\nyes 300 1 1970-01-01T00:00:01.000Z\nfrom stdin\n0022\n0\n5\n"));
}

static void output_of_both_streams_is_one_text_in_order(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  run_shell(f, 310, "echo a; echo b >&2; echo c; echo d >&2");
  CHECK_STR(spool_text(f, 310), STR("a\nb\nc\nd\n"));
}

static void signals_are_as_a_program_expects_them(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  run_shell(f, 320, "grep -E '^Sig(Blk|Ign)' /proc/self/status");
  CHECK_STR(spool_text(f, 320), STR("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"));
}

/* ---- structured lines ---- */

static void progress_is_passed_on_and_the_last_result_is_kept(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  const struct seen *s = run_shell(f, 330,
                                   "echo '{\"progress\":0.5}' >&3; echo '{\"result\":{\"n\":1}}' >&3; "
                                   "printf '{\"result\":{\"n\":2}}' >&3");
  assert_string_equal(s->result, "{\"result\":{\"n\":2}}");
  assert_int_equal(f->lines, 1);
  assert_string_equal(f->line, "{\"progress\":0.5}");
}

static void a_built_in_runs_without_exec(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(340);
  start_builtin(f, &start, "selftest", "{\"lines\":2,\"exitCode\":5}");
  UNTIL(f, seen_of(f, 340)->ended);
  assert_int_equal(seen_of(f, 340)->end.how, WARDEN_EXITED);
  assert_int_equal(seen_of(f, 340)->end.code, 5);
  CHECK_STR(spool_text(f, 340), STR("self test, line 1\nself test, line 2\n"));
  assert_string_equal(seen_of(f, 340)->result, "{\"result\":{\"lines\":2,\"whole\":true}}");
}

static void a_built_in_with_wrong_parameters_fails_and_says_why(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(350);
  start_builtin(f, &start, "selftest", "{\"lines\":-1}");
  UNTIL(f, seen_of(f, 350)->ended);
  assert_int_equal(seen_of(f, 350)->end.code, 1);
  CHECK_STR(spool_text(f, 350), STR("error: lines: -1 is outside 0 to 1e+06\n"));
}

/* ---- refusals ---- */

static void what_may_not_run_is_refused(void **state) {
  struct fixture *f = *state;
  connect_client(f, 5, INSTANT_NONE);
  const struct {
    int line;
    int64_t epoch, timeout_ms;
    uint32_t flags;
    const char *run_as;
    enum warden_refusal why;
  } rows[] = {
      {__LINE__, 4, 1000, 0, "", WARDEN_REFUSED_STALE_EPOCH},
      {__LINE__, 5, 0, 0, "", WARDEN_REFUSED_BAD_REQUEST},
      {__LINE__, 5, 1000, WARDEN_START_CONTAIN, "", WARDEN_REFUSED_CONTAINMENT},
      {__LINE__, 5, 1000, 0, "nobody", WARDEN_REFUSED_USER},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct warden_start start = start_of(400 + (int64_t)i);
    start.epoch = rows[i].epoch;
    start.timeout_ms = rows[i].timeout_ms;
    start.flags = rows[i].flags;
    (void)str_copy(start.run_as, sizeof start.run_as, str_of(rows[i].run_as));
    if (rows[i].why == WARDEN_REFUSED_CONTAINMENT && has_cgroups()) continue;
    start_shell(f, &start, "true");
    UNTIL(f, seen_of(f, start.run_no)->refused);
    CHECK_ROW(rows[i].line, seen_of(f, start.run_no)->why == rows[i].why);
  }
  struct warden_start start = start_of(450);
  start.epoch = 5;
  start_builtin(f, &start, "no_such_executor", "{}");
  UNTIL(f, seen_of(f, 450)->refused);
  assert_int_equal(seen_of(f, 450)->why, WARDEN_REFUSED_EXECUTOR);
}

static void a_start_said_twice_runs_once(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(460);
  start_shell(f, &start, "echo once");
  start_shell(f, &start, "echo once");
  UNTIL(f, seen_of(f, 460)->ended && seen_of(f, 460)->is_repeated);
  assert_true(seen_of(f, 460)->is_repeated);
  start_shell(f, &start, "echo once");
  int ended = seen_of(f, 460)->ended;
  UNTIL(f, seen_of(f, 460)->ended > ended);
  CHECK_STR(spool_text(f, 460), STR("once\n"));
}

/* ---- trees ---- */

static void what_a_program_leaves_behind_is_ended_with_it(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  const struct {
    int line;
    const char *script;
  } rows[] = {
      {__LINE__, "sleep 1000 & exit 0"},
      {__LINE__, "setsid sleep 1000 & exit 0"},
      {__LINE__,
       "(setsid sh -c 'setsid sh -c \"trap : TERM; while :; do sleep 1; done\" & exit' &) ; exit 0"},
      {__LINE__, "trap '' TERM; setsid sh -c 'sleep 1000; sleep 1000' & sleep 0.05; exit 0"},
      {__LINE__, "env -i setsid sleep 1000 & exit 0"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t run_no = 500 + (int64_t)i;
    struct warden_start start = start_of(run_no);
    start.grace_ms = 50;
    start_shell(f, &start, rows[i].script);
    UNTIL(f, seen_of(f, run_no)->ended);
    const struct warden_end *end = &seen_of(f, run_no)->end;
    CHECK_ROW(rows[i].line, end->how == WARDEN_EXITED && end->code == 0);
    CHECK_ROW(rows[i].line, end->leftovers >= 1 && end->processes_left == 0);
    CHECK_ROW(rows[i].line, count_tagged(f, run_no) == 0);
  }
}

/* Whose it was cannot be told while another run lives; it goes with the last one at the latest. */
static void what_escapes_its_run_does_not_outlive_them_all(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start other = start_of(506), escaping = start_of(505);
  start_shell(f, &other, "exec sleep 1000");
  UNTIL(f, seen_of(f, 506)->started);
  start_shell(f, &escaping, "(env -i setsid sh -c 'echo $$; exec sleep 1000' &); exec sleep 1000");
  UNTIL(f, str_ends(spool_text(f, 505), STR("\n")));
  int64_t pid = 0;
  assert_true(str_to_int(str_trim(spool_text(f, 505)), 1, INT32_MAX, &pid));
  CHECK_OK(warden_kill(f->client, 505, KILL_CANCELLED, true));
  UNTIL(f, seen_of(f, 505)->ended);
  CHECK_OK(warden_kill(f->client, 506, KILL_CANCELLED, true));
  UNTIL(f, seen_of(f, 506)->ended);
  proc_wait((pid_t)pid, 10000);
  assert_false(is_alive((pid_t)pid));
}

/* ---- with control groups ---- */

static pid_t pid_said(struct fixture *f, int64_t run_no) {
  int64_t pid = 0;
  UNTIL(f, str_ends(spool_text(f, run_no), STR("\n")));
  assert_true(str_to_int(str_trim(spool_text(f, run_no)), 1, INT32_MAX, &pid));
  return (pid_t)pid;
}

static void in_a_cgroup_nothing_escapes_its_run(void **state) {
  if (!has_cgroups()) skip();
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  assert_true(f->welcome.flags & WARDEN_HAS_CGROUPS);
  struct warden_start other = start_of(520), escaping = start_of(521), leaving = start_of(522);
  start_shell(f, &other, "exec sleep 1000");
  UNTIL(f, seen_of(f, 520)->started);
  start_shell(f, &escaping, "(env -i setsid sh -c 'echo $$; exec sleep 1000' &); exec sleep 1000");
  pid_t killed = pid_said(f, 521);
  CHECK_OK(warden_kill(f->client, 521, KILL_CANCELLED, true));
  leaving.grace_ms = 50;
  start_shell(f, &leaving,
              "(env -i setsid sh -c 'trap \"\" TERM; echo $$; exec sleep 1000 >&2' &) | head -n 1; exit 0");
  UNTIL(f, seen_of(f, 521)->ended && seen_of(f, 522)->ended);
  assert_false(is_alive(killed));
  assert_false(is_alive(pid_said(f, 522)));
  assert_true(is_alive(seen_of(f, 520)->pid));
  assert_true(seen_of(f, 521)->end.flags & WARDEN_END_CONTAINED);
  assert_true(seen_of(f, 522)->end.leftovers >= 1 && seen_of(f, 522)->end.processes_left == 0);
}

static void a_run_that_has_to_be_contained_is(void **state) {
  if (!has_cgroups()) skip();
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(523), builtin = start_of(524);
  start.flags |= WARDEN_START_CONTAIN;
  builtin.flags |= WARDEN_START_CONTAIN;
  start_shell(f, &start, "grep ^0: /proc/self/cgroup");
  start_builtin(f, &builtin, "selftest", "{\"lines\":1}");
  UNTIL(f, seen_of(f, 523)->ended && seen_of(f, 524)->ended);
  assert_true(str_ends(spool_text(f, 523), STR("/523\n")));
  assert_true(seen_of(f, 524)->end.how == WARDEN_EXITED && seen_of(f, 524)->end.code == 0);
  assert_true(seen_of(f, 524)->end.flags & WARDEN_END_CONTAINED);
}

/* CPU time of what nobody waited for: wait4 and samples would miss it. */
static void a_cgroups_bill_counts_what_nobody_waited_for(void **state) {
  if (!has_cgroups()) skip();
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  const struct seen *s =
      run_shell(f, 525, "(env -i setsid sh -c 'i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done' &); exit 0");
  assert_true(s->end.bill.exact & WARDEN_EXACT_CPU);
  assert_true(s->end.bill.cpu_user_us + s->end.bill.cpu_system_us > 0);
}

/* Where this run's warden made its folder; "" when there is none. */
static void noted_cgroup(const struct fixture *f, char ret[512]) {
  char path[128];
  (void)snprintf(path, sizeof path, "%s/warden", f->dir);
  DIR *d = opendir(path);
  ret[0] = '\0';
  for (struct dirent *e; d && (e = readdir(d));) {
    if (!str_ends(str_of(e->d_name), STR(".cgroup"))) continue;
    BUF_AUTO struct buf text = buf_new(512);
    (void)snprintf(path, sizeof path, "%.64s/warden/%.50s", f->dir, e->d_name);
    CHECK_OK(os_read_file(path, &text, NULL));
    (void)str_copy(ret, 512, buf_str(&text));
  }
  if (d) closedir(d);
}

static void a_dead_wardens_cgroup_is_killed_and_removed(void **state) {
  if (!has_cgroups()) skip();
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(526);
  char before[512], after[512];
  start_shell(f, &start, "(env -i setsid sh -c 'echo $$; exec sleep 1000' &); exec sleep 1000");
  pid_t escaped = pid_said(f, 526);
  noted_cgroup(f, before);
  assert_int_equal(access(before, F_OK), 0);
  int ups = f->ups;
  assert_int_equal(kill(f->welcome.pid, SIGKILL), 0);
  UNTIL(f, f->ups > ups);
  assert_int_equal(seen_of(f, 526)->end.how, WARDEN_LOST);
  assert_false(is_alive(escaped));
  assert_int_not_equal(access(before, F_OK), 0);
  noted_cgroup(f, after);
  assert_string_not_equal(before, after);
}

static void a_cgroup_goes_with_its_run_and_with_its_warden(void **state) {
  if (!has_cgroups()) skip();
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  char base[512], folder[600];
  run_shell(f, 527, "mkdir /proc/self/nothing 2>/dev/null; true");
  noted_cgroup(f, base);
  (void)snprintf(folder, sizeof folder, "%s/527", base);
  CHECK_OK(warden_ack(f->client, 527));
  UNTIL(f, access(folder, F_OK) != 0);
  warden_client_free(f->client);
  f->client = NULL;
  assert_int_equal(access(base, F_OK), 0);
  assert_int_equal(kill(f->welcome.pid, SIGTERM), 0);
  proc_wait(f->welcome.pid, 10000);
  assert_int_not_equal(access(base, F_OK), 0);
}

static void timeout_ends_the_whole_tree_by_the_test_clock(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, 1000000);
  struct warden_start start = start_of(510);
  start.timeout_ms = 2000;
  start.grace_ms = 10000;
  start_shell(f, &start, "trap '' TERM; setsid sleep 1000 & echo ready; while :; do sleep 0.01; done");
  UNTIL(f, spool_text(f, 510).len > 0);
  CHECK_OK(warden_set_clock(f->client, 1001999));
  UNTIL(f, f->clock_done == 1001999);
  CHECK_OK(warden_set_clock(f->client, 1002000)); /* TERM: ignored */
  UNTIL(f, f->clock_done == 1002000);
  CHECK_OK(warden_set_clock(f->client, 1011999));
  UNTIL(f, f->clock_done == 1011999);
  assert_int_equal(seen_of(f, 510)->ended, 0);
  CHECK_OK(warden_set_clock(f->client, 1012000)); /* KILL */
  UNTIL(f, seen_of(f, 510)->ended);
  const struct warden_end *end = &seen_of(f, 510)->end;
  assert_int_equal(end->how, WARDEN_TIMEOUT);
  assert_int_equal(end->reason, KILL_TIMEOUT);
  assert_int_equal(end->code, 124);
  assert_int_equal(end->run.started_ms, 1000000);
  assert_int_equal(end->ended_ms, 1012000);
  assert_int_equal(count_tagged(f, 510), 0);
}

static void max_runtime_is_a_wall_whatever_the_grace(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, 0);
  struct warden_start start = start_of(520);
  start.timeout_ms = 2000;
  start.grace_ms = 10000;
  start.max_runtime_ms = 4000;
  start_shell(f, &start, "trap '' TERM; echo ready; while :; do sleep 0.01; done");
  UNTIL(f, spool_text(f, 520).len > 0);
  CHECK_OK(warden_set_clock(f->client, 3999));
  UNTIL(f, f->clock_done == 3999);
  assert_int_equal(seen_of(f, 520)->ended, 0);
  CHECK_OK(warden_set_clock(f->client, 4000));
  UNTIL(f, seen_of(f, 520)->ended);
  assert_int_equal(seen_of(f, 520)->end.how, WARDEN_TIMEOUT);
}

static void a_program_that_obeys_term_ends_at_its_timeout(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, 0);
  struct warden_start start = start_of(530);
  start.timeout_ms = 2000;
  start_shell(f, &start, "echo ready; exec sleep 1000");
  UNTIL(f, spool_text(f, 530).len > 0);
  CHECK_OK(warden_set_clock(f->client, 2000));
  UNTIL(f, seen_of(f, 530)->ended);
  assert_int_equal(seen_of(f, 530)->end.how, WARDEN_TIMEOUT);
  assert_int_equal(seen_of(f, 530)->end.ended_ms, 2000);
}

static void a_run_is_cancelled_on_request(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(540);
  start_shell(f, &start, "sleep 1000 & sleep 1000");
  UNTIL(f, seen_of(f, 540)->started);
  CHECK_OK(warden_kill(f->client, 540, KILL_CANCELLED, false));
  CHECK_OK(warden_kill(f->client, 540, KILL_SHUTDOWN, true));
  UNTIL(f, seen_of(f, 540)->ended);
  assert_int_equal(seen_of(f, 540)->end.how, WARDEN_KILLED);
  assert_int_equal(seen_of(f, 540)->end.reason, KILL_CANCELLED); /* the first one */
  assert_int_equal(count_tagged(f, 540), 0);
}

static void a_stopped_process_takes_term_too(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(545);
  start_shell(f, &start, "echo ready; kill -STOP $$");
  UNTIL(f, spool_text(f, 545).len > 0);
  CHECK_OK(warden_kill(f->client, 545, KILL_CANCELLED, false));
  UNTIL(f, seen_of(f, 545)->ended);
  assert_int_equal(seen_of(f, 545)->end.code, 128 + SIGTERM);
}

static void a_process_above_its_memory_is_ended(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(550);
  start.memory_bytes_max = 50 * 1024 * 1024;
  start_shell(f, &start, "exec dd if=/dev/zero of=/dev/null bs=300M count=1000");
  UNTIL(f, seen_of(f, 550)->ended);
  assert_int_equal(seen_of(f, 550)->end.how, WARDEN_LIMIT);
  assert_int_equal(seen_of(f, 550)->end.reason, KILL_MEMORY);
  assert_true(seen_of(f, 550)->end.bill.memory_peak_bytes > start.memory_bytes_max);
}

static void more_processes_than_allowed_are_ended(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(560);
  start.pids_max = 10;
  start_shell(f, &start, "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 1000 & done; wait");
  UNTIL(f, seen_of(f, 560)->ended);
  assert_int_equal(seen_of(f, 560)->end.reason, KILL_PIDS);
  assert_int_equal(count_tagged(f, 560), 0);
}

static void the_bill_counts_the_whole_tree(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  const struct seen *s = run_shell(f, 570,
                                   "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done' & wait; dd "
                                   "if=/dev/zero of=/dev/null bs=100M count=1 2>/dev/null");
  assert_true(s->end.bill.cpu_user_us > 20000);
  assert_true(s->end.bill.memory_peak_bytes > 95000000 && s->end.bill.memory_peak_bytes < 125000000);
  assert_true(s->end.bill.switches_voluntary > 0);
}

/* ---- output ---- */

static int64_t rss_kilobytes(pid_t pid) {
  int64_t own, shared;
  proc_memory(pid, &own, &shared);
  return (own + shared) / 1024;
}

static void a_flood_is_cut_in_the_middle_and_holds_nobody(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  run_shell(f, 600, "true");
  int64_t before = rss_kilobytes(f->welcome.pid);
  struct warden_start start = start_of(601);
  start.output_head_bytes = 1000;
  start.output_tail_bytes = 500;
  start_shell(f, &start, "head -c 1000000000 /dev/zero; echo the end");
  UNTIL(f, seen_of(f, 601)->ended);
  const struct warden_end *end = &seen_of(f, 601)->end;
  assert_int_equal(end->how, WARDEN_EXITED);
  assert_int_equal(end->output_bytes, 1000000008);
  assert_int_equal(end->output_bytes_lost, 1000000008 - 1500);
  assert_true(end->flags & WARDEN_END_TRUNCATED);
  assert_true(spool_text(f, 601).len < 1600);
  assert_true(str_ends(spool_text(f, 601), STR("the end\n")));
  assert_true(rss_kilobytes(f->welcome.pid) - before < 20000);
}

static void output_is_read_while_it_runs(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(610);
  start_shell(f, &start, "echo hello; exec sleep 1000");
  UNTIL(f, spool_text(f, 610).len > 0);
  CHECK_OK(warden_read_output(f->client, 610, 2, 100));
  UNTIL(f, f->has_output);
  assert_string_equal(f->output, "llo\n");
  assert_int_equal(f->output_head.output_bytes, 6);
  assert_false(f->output_head.is_ended);
}

/* ---- deaths and returns ---- */

static void serve_comes_back_and_finds_its_runs(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(700);
  start_shell(f, &start, "exec sleep 1000");
  run_shell(f, 701, "exit 4");
  run_shell(f, 702, "exit 5");
  CHECK_OK(warden_ack(f->client, 702));
  UNTIL(f, seen_of(f, 700)->started);
  (void)loop_turn(f->loop, 0);
  CHECK_OK(warden_read_output(f->client, 702, 0, 1)); /* answered after the ack was taken */
  UNTIL(f, f->has_output);
  warden_client_free(f->client);
  forget(f);
  pid_t warden = f->welcome.pid;
  connect_client(f, 2, INSTANT_NONE);
  assert_int_equal(f->welcome.pid, warden);
  assert_int_equal(seen_of(f, 700)->listed, 1);
  assert_int_equal(seen_of(f, 701)->ended, 1);
  assert_int_equal(seen_of(f, 701)->end.code, 4);
  assert_int_equal(seen_of(f, 702)->ended, 0);
}

static void a_new_serve_fences_the_old_one(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_client *old = f->client;
  int downs = f->downs;
  connect_client(f, 2, INSTANT_NONE);
  UNTIL(f, f->downs > downs);
  assert_false(warden_client_is_up(old));
  warden_client_free(old);
}

static void an_older_epoch_is_not_answered(void **state) {
  struct fixture *f = *state;
  connect_client(f, 7, INSTANT_NONE);
  warden_client_free(f->client);
  struct warden_client_options options = {
      .loop = f->loop, .data_dir = f->dir, .epoch = 6, .test_clock_ms = INSTANT_NONE};
  struct warden_client_callbacks callbacks = {.arg = f, .on_up = on_up};
  CHECK_OK(warden_client_new(&options, &callbacks, &f->client, NULL));
  int ups = f->ups;
  for (int i = 0; i < 50; i++) (void)loop_turn(f->loop, 2000);
  assert_int_equal(f->ups, ups);
  warden_client_free(f->client);
  connect_client(f, 7, INSTANT_NONE);
}

static void a_killed_wardens_runs_are_ended_and_lost(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(710);
  start_shell(f, &start, "setsid sleep 1000 & echo ready; exec sleep 1000");
  UNTIL(f, spool_text(f, 710).len > 0);
  run_shell(f, 711, "echo '{\"result\":{}}' >&3; exit 6");
  int ups = f->ups;
  assert_int_equal(kill(f->welcome.pid, SIGKILL), 0);
  UNTIL(f, f->ups > ups);
  assert_int_equal(seen_of(f, 710)->end.how, WARDEN_LOST);
  assert_int_equal(seen_of(f, 710)->end.processes_left, 0);
  assert_int_equal(count_tagged(f, 710), 0);
  assert_int_equal(seen_of(f, 711)->ended, 2);
  assert_int_equal(seen_of(f, 711)->end.code, 6);
  assert_string_equal(seen_of(f, 711)->result, "{\"result\":{}}");
}

static void term_lets_runs_end_and_takes_no_new_ones(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(720), late = start_of(721);
  start_shell(f, &start, "echo ready; read line < /proc/$PPID/comm; sleep 0.3; exit 9");
  UNTIL(f, spool_text(f, 720).len > 0);
  assert_int_equal(kill(f->welcome.pid, SIGTERM), 0);
  do {
    forget(f);
    late.run_no++;
    start_shell(f, &late, "true");
    UNTIL(f, seen_of(f, late.run_no)->refused || seen_of(f, late.run_no)->started);
  } while (!seen_of(f, late.run_no)->refused);
  assert_int_equal(seen_of(f, late.run_no)->why, WARDEN_REFUSED_DRAINING);
  UNTIL(f, f->downs > 0);
  UNTIL(f, f->ups == 2); /* a new one, with what the old one left */
  assert_int_equal(seen_of(f, 720)->end.code, 9);
}

static void many_short_runs_are_all_told_and_none_is_left(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  enum { MANY = 300 };
  const char *argv[] = {"/bin/true", NULL};
  for (int i = 0; i < MANY; i++) {
    struct warden_start start = start_of(1000 + i);
    start_program(f, &start, argv, STR_NONE);
  }
  for (int i = 0; i < MANY; i++) {
    UNTIL(f, seen_of(f, 1000 + i)->ended);
    assert_int_equal(seen_of(f, 1000 + i)->end.how, WARDEN_EXITED);
    CHECK_OK(warden_ack(f->client, 1000 + i));
  }
  assert_int_equal(f->seen_count, MANY);
}

/* ---- the journal's bad days ---- */

/* A warden started by this program looks for these files in its data folder. DIR/fault: "N B" kills it at
 * its N-th journal write, after B per cent of the bytes. DIR/full: the disk is full while it is there. */
static struct {
  char dir[64];
  int at, percent, writes;
} fault;

static ssize_t faulty_write(int fd, const void *bytes, size_t n) {
  char full[100];
  (void)snprintf(full, sizeof full, "%s/full", fault.dir);
  if (access(full, F_OK) == 0) {
    errno = ENOSPC;
    return -1;
  }
  if (fault.at < 0 || fault.writes++ != fault.at) return write(fd, bytes, n);
  (void)!write(fd, bytes, n * (size_t)fault.percent / 100);
  (void)raise(SIGKILL);
  return -1;
}

static void read_faults(int argc, char **argv) {
  char path[100];
  for (int i = 1; i + 1 < argc; i++)
    if (strcmp(argv[i], "--data") == 0) (void)str_copy(fault.dir, sizeof fault.dir, str_of(argv[i + 1]));
  (void)snprintf(path, sizeof path, "%s/fault", fault.dir);
  fault.at = -1;
  FILE *f = fopen(path, "re");
  if (f && fscanf(f, "%d %d", &fault.at, &fault.percent) != 2) fault.at = -1;
  if (f) (void)fclose(f);
  if (getenv("SERENO_TAG")) (void)unlink(path); /* only the next warden */
  journal_write = faulty_write;
}

static void put_file(const struct fixture *f, const char *name, const char *text) {
  char path[100];
  (void)snprintf(path, sizeof path, "%s/%s", f->dir, name);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  (void)fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

static void remove_file(const struct fixture *f, const char *name) {
  char path[100];
  (void)snprintf(path, sizeof path, "%s/%s", f->dir, name);
  (void)unlink(path);
}

static int count_effects(const struct fixture *f) {
  char path[100], bytes[100];
  (void)snprintf(path, sizeof path, "%s/effect", f->dir);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? 0 : read(fd, bytes, sizeof bytes);
  if (fd >= 0) close(fd);
  return (int)n;
}

/* Writes 0–2 make the journal; 3 is the hello's epoch, 4 START, 5 END, 6 the acknowledgement. Whatever
 * happens, what has no START has had no effect, and starting it again then makes exactly one. */
static void a_kill_at_any_journal_write_neither_doubles_nor_hides_a_run(void **state) {
  struct fixture *f = *state;
  enum { FIRST = 3, LAST = 6 };
  for (int row = 0; row < (LAST - FIRST + 1) * 3; row++) {
    char text[32], script[160];
    (void)snprintf(text, sizeof text, "%d %d", FIRST + row / 3, row % 3 * 50);
    forget(f);
    remove_file(f, "effect");
    put_file(f, "fault", text);
    int64_t run_no = 5000 + row;
    int ups = f->ups;
    connect_client(f, 10 + row, INSTANT_NONE);
    struct warden_start start = start_of(run_no);
    start.epoch = 10 + row;
    (void)snprintf(script, sizeof script, "printf x >> %s/effect", f->dir);
    start_shell(f, &start, script);
    UNTIL(f, seen_of(f, run_no)->ended || f->ups > ups + 1 || f->downs);
    if (seen_of(f, run_no)->ended) CHECK_OK(warden_ack(f->client, run_no));
    bool dies_at_hello = row < 3; /* before it was up at all */
    UNTIL(f, (f->downs > 0 || dies_at_hello) && warden_client_is_up(f->client));
    if (!seen_of(f, run_no)->ended) {
      CHECK_ROW(row, count_effects(f) == 0);
      start_shell(f, &start, script);
      UNTIL(f, seen_of(f, run_no)->ended);
    }
    const struct warden_end *end = &seen_of(f, run_no)->end;
    CHECK_ROW(row, end->how == WARDEN_EXITED || end->how == WARDEN_LOST);
    CHECK_ROW(row, end->how == WARDEN_LOST ? count_effects(f) <= 1 : count_effects(f) == 1);
    CHECK_OK(warden_ack(f->client, run_no));
    warden_client_free(f->client);
    f->client = NULL;
    f->downs = 0;
    end_warden(f);
    end_cgroups(f);
    remove_files(f->dir, "warden");
  }
  remove_file(f, "effect");
}

static void a_full_disk_refuses_starts_and_loses_no_end(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start living = start_of(5100), refused = start_of(5101);
  start_shell(f, &living, "read line; exit 7");
  start_shell(f, &refused, "true"); /* just to know that the first one runs */
  UNTIL(f, seen_of(f, 5101)->ended || seen_of(f, 5100)->ended);
  forget(f);
  living.run_no = 5102;
  start_shell(f, &living, "echo ready; exec sleep 1000");
  UNTIL(f, spool_text(f, 5102).len > 0);
  put_file(f, "full", "");
  refused.run_no = 5103;
  start_shell(f, &refused, "true");
  UNTIL(f, seen_of(f, 5103)->refused);
  assert_int_equal(seen_of(f, 5103)->why, WARDEN_REFUSED_JOURNAL);
  assert_int_equal(seen_of(f, 5103)->error_number, ENOSPC);
  CHECK_OK(warden_kill(f->client, 5102, KILL_CANCELLED, false));
  UNTIL(f, seen_of(f, 5102)->ended);
  assert_int_equal(seen_of(f, 5102)->end.how, WARDEN_KILLED);
  remove_file(f, "full");
  UNTIL(f, (forget(f), start_shell(f, &refused, "true"), (void)loop_turn(f->loop, TURN_US * 30),
            seen_of(f, 5103)->ended)); /* the disk is free again, and END was tried again meanwhile */
  int ups = f->ups;
  (void)kill(f->welcome.pid, SIGKILL);
  UNTIL(f, f->ups > ups);
  assert_true(seen_of(f, 5102)->ended > 0);
}

/* ---- other builds ---- */

static int make_lock(const struct fixture *f, const char *name, bool is_held) {
  char path[128];
  (void)snprintf(path, sizeof path, "%s/warden", f->dir);
  (void)mkdir(path, 0700);
  (void)snprintf(path, sizeof path, "%s/warden/%s.lock", f->dir, name);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (is_held) assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
  return fd;
}

static void write_foreign_journal(const struct fixture *f) {
  char path[128];
  (void)snprintf(path, sizeof path, "%s/warden", f->dir);
  int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct journal_reader nobody = {};
  struct journal j;
  CHECK_OK(journal_open(dir_fd, "old.journal", &nobody, &j, NULL));
  struct warden_run lost = {.run_no = 6000, .attempt = 2};
  struct warden_end end = {.run = {.run_no = 6001, .attempt = 1}, .how = WARDEN_EXITED, .code = 8};
  assert_int_equal(journal_start(&j, &lost), 0);
  assert_int_equal(journal_start(&j, &end.run), 0);
  assert_int_equal(journal_end(&j, &end, STR_NONE), 0);
  journal_close(&j);
  close(dir_fd);
}

static void check_adopted(struct fixture *f) {
  assert_int_equal(seen_of(f, 6000)->end.how, WARDEN_LOST);
  assert_int_equal(seen_of(f, 6000)->end.run.attempt, 2);
  assert_int_equal(seen_of(f, 6001)->end.code, 8);
  char path[128];
  (void)snprintf(path, sizeof path, "%s/warden/old.journal", f->dir);
  assert_int_not_equal(access(path, F_OK), 0);
}

static void the_runs_of_a_dead_warden_of_another_build_are_taken_over(void **state) {
  struct fixture *f = *state;
  close(make_lock(f, "old", false));
  write_foreign_journal(f);
  connect_client(f, 1, INSTANT_NONE);
  check_adopted(f);
}

static void one_that_dies_later_is_taken_over_at_the_next_hello(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  struct warden_start start = start_of(6002);
  start_shell(f, &start, "exec sleep 1000");
  UNTIL(f, seen_of(f, 6002)->started);
  warden_client_free(f->client);
  close(make_lock(f, "old", false));
  write_foreign_journal(f);
  connect_client(f, 2, INSTANT_NONE);
  check_adopted(f);
  assert_int_equal(seen_of(f, 6002)->listed, 1); /* our own goes on */
}

/* This test plays the warden of another build. */
struct foreign {
  int lock_fd, listen_fd, fd;
};

static struct foreign open_foreign(const struct fixture *f) {
  struct foreign o = {.lock_fd = make_lock(f, "old", true), .fd = -1};
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/warden/old.sock", f->dir);
  o.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  assert_int_equal(bind(o.listen_fd, (const struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(o.listen_fd, 4), 0);
  return o;
}

static void close_foreign(struct foreign *o) {
  os_close(&o->fd);
  os_close(&o->listen_fd);
  os_close(&o->lock_fd);
}

static bool foreign_receives(struct foreign *o, enum warden_message_type want, char *to, size_t n) {
  if (o->fd < 0) o->fd = accept4(o->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  enum warden_message_type type;
  ssize_t got = o->fd < 0 ? -1 : recv(o->fd, to, n, MSG_DONTWAIT);
  return got > 0 && warden_message_check((struct str){to, (size_t)got}, &type, NULL) == ERR_OK &&
         type == want;
}

static void foreign_says(const struct foreign *o, const void *message, size_t n) {
  assert_int_equal(send(o->fd, message, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void connect_unready(struct fixture *f) {
  struct warden_client_options options = {.loop = f->loop,
                                          .data_dir = f->dir,
                                          .epoch = 1,
                                          .test_clock_ms = INSTANT_NONE,
                                          .idle_exit_seconds = 20,
                                          .cgroup = cgroup_of_wardens};
  struct warden_client_callbacks callbacks = {f,          on_up,    on_down, on_listed, on_started,
                                              on_refused, on_ended, on_line, on_output, on_clock};
  CHECK_OK(warden_client_new(&options, &callbacks, &f->client, NULL));
}

static void nothing_is_settled_before_every_living_warden_has_answered(void **state) {
  struct fixture *f = *state;
  struct foreign o = open_foreign(f);
  connect_unready(f);
  char bytes[256];
  UNTIL(f, foreign_receives(&o, WARDEN_HELLO, bytes, sizeof bytes));
  for (int i = 0; i < 30; i++) (void)loop_turn(f->loop, TURN_US);
  assert_int_equal(f->ups, 0); /* our own has answered by now */
  struct warden_welcome welcome = {.header = warden_header(WARDEN_WELCOME, sizeof welcome), .build = "old"};
  struct warden_listed listed = {.header = warden_header(WARDEN_LISTED, sizeof listed),
                                 .run = {.run_no = 6100}};
  struct warden_list_end list_end = {warden_header(WARDEN_LIST_END, sizeof list_end), 1, 0};
  foreign_says(&o, &welcome, sizeof welcome);
  foreign_says(&o, &listed, sizeof listed);
  assert_int_equal(f->ups, 0);
  foreign_says(&o, &list_end, sizeof list_end);
  UNTIL(f, f->ups == 1);
  assert_int_equal(seen_of(f, 6100)->listed, 1);
  CHECK_OK(warden_kill(f->client, 6100, KILL_CANCELLED, false)); /* goes to the one that has it */
  UNTIL(f, foreign_receives(&o, WARDEN_KILL, bytes, sizeof bytes));
  struct warden_ended ended = {warden_header(WARDEN_ENDED, sizeof ended),
                               {.run = {.run_no = 6100}, .how = WARDEN_KILLED}};
  foreign_says(&o, &ended, sizeof ended);
  UNTIL(f, seen_of(f, 6100)->ended);
  CHECK_OK(warden_ack(f->client, 6100));
  UNTIL(f, foreign_receives(&o, WARDEN_ACK, bytes, sizeof bytes));
  close_foreign(&o); /* it has drained and left no journal */
  for (int i = 0; i < 10; i++) (void)loop_turn(f->loop, TURN_US);
  assert_int_equal(f->downs, 0);
  assert_true(warden_client_is_up(f->client));
}

static void another_builds_serve_makes_a_warden_drain_and_leave_nothing(void **state) {
  struct fixture *f = *state;
  connect_client(f, 1, INSTANT_NONE);
  run_shell(f, 6200, "true");
  warden_client_free(f->client);
  f->client = NULL;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/warden/%s.sock", f->dir, warden_build());
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
  struct warden_hello hello = {
      .header = warden_header(WARDEN_HELLO, sizeof hello), .epoch = 2, .build = "newer"};
  assert_int_equal(send(fd, &hello, sizeof hello, 0), (ssize_t)sizeof hello);
  struct warden_welcome welcome;
  assert_int_equal(recv(fd, &welcome, sizeof welcome, 0), (ssize_t)sizeof welcome);
  assert_true(welcome.flags & WARDEN_IS_DRAINING);
  struct {
    struct warden_header header;
    uint32_t count, reserved;
    int64_t run_no;
  } ack = {warden_header(WARDEN_ACK, sizeof ack), 1, 0, 6200};
  assert_int_equal(send(fd, &ack, sizeof ack, 0), (ssize_t)sizeof ack);
  proc_wait(f->welcome.pid, 30000);
  close(fd);
  assert_false(is_alive(f->welcome.pid));
  char path[128];
  (void)snprintf(path, sizeof path, "%s/warden/%s.journal", f->dir, warden_build());
  assert_int_not_equal(access(path, F_OK), 0);
}

static void a_warden_nobody_needs_goes_by_itself(void **state) {
  struct fixture *f = *state;
  struct warden_client_options options = {
      .loop = f->loop, .data_dir = f->dir, .epoch = 1, .test_clock_ms = INSTANT_NONE, .idle_exit_seconds = 1};
  struct warden_client_callbacks callbacks = {.arg = f, .on_up = on_up};
  CHECK_OK(warden_client_new(&options, &callbacks, &f->client, NULL));
  UNTIL(f, f->ups == 1);
  warden_client_free(f->client);
  f->client = NULL;
  proc_wait(f->welcome.pid, 30000);
  assert_false(is_alive(f->welcome.pid));
}

static bool host_has_cgroups(void) {
  char dir[] = "/tmp/sereno-cgroup-XXXXXX";
  if (!mkdtemp(dir)) return false;
  int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct cgroup_place place = {NULL, tag_folder(dir_fd), 1, dir_fd, "note"};
  struct cgroup c;
  bool is_there = cgroup_open(&place, &c, NULL) == ERR_OK && c.fd >= 0;
  if (is_there) cgroup_close(&c, dir_fd, "note");
  os_close(&dir_fd);
  (void)rmdir(dir);
  return is_there;
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "warden") == 0) {
    read_faults(argc, argv);
    return warden_main(argc - 1, argv + 1);
  }
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      T(a_program_ends_as_it_ended),
      T(what_cannot_start_says_where_and_why),
      T(a_program_gets_its_input_environment_and_folder),
      T(output_of_both_streams_is_one_text_in_order),
      T(signals_are_as_a_program_expects_them),
      T(progress_is_passed_on_and_the_last_result_is_kept),
      T(a_built_in_runs_without_exec),
      T(a_built_in_with_wrong_parameters_fails_and_says_why),
      T(what_may_not_run_is_refused),
      T(a_start_said_twice_runs_once),
      T(what_a_program_leaves_behind_is_ended_with_it),
      T(what_escapes_its_run_does_not_outlive_them_all),
      T(in_a_cgroup_nothing_escapes_its_run),
      T(a_run_that_has_to_be_contained_is),
      T(a_cgroups_bill_counts_what_nobody_waited_for),
      T(a_dead_wardens_cgroup_is_killed_and_removed),
      T(a_cgroup_goes_with_its_run_and_with_its_warden),
      T(timeout_ends_the_whole_tree_by_the_test_clock),
      T(max_runtime_is_a_wall_whatever_the_grace),
      T(a_program_that_obeys_term_ends_at_its_timeout),
      T(a_run_is_cancelled_on_request),
      T(a_stopped_process_takes_term_too),
      T(a_process_above_its_memory_is_ended),
      T(more_processes_than_allowed_are_ended),
      T(the_bill_counts_the_whole_tree),
      T(a_flood_is_cut_in_the_middle_and_holds_nobody),
      T(output_is_read_while_it_runs),
      T(serve_comes_back_and_finds_its_runs),
      T(a_new_serve_fences_the_old_one),
      T(an_older_epoch_is_not_answered),
      T(a_killed_wardens_runs_are_ended_and_lost),
      T(term_lets_runs_end_and_takes_no_new_ones),
      T(many_short_runs_are_all_told_and_none_is_left),
      T(a_kill_at_any_journal_write_neither_doubles_nor_hides_a_run),
      T(a_full_disk_refuses_starts_and_loses_no_end),
      T(the_runs_of_a_dead_warden_of_another_build_are_taken_over),
      T(one_that_dies_later_is_taken_over_at_the_next_hello),
      T(nothing_is_settled_before_every_living_warden_has_answered),
      T(another_builds_serve_makes_a_warden_drain_and_leave_nothing),
      T(a_warden_nobody_needs_goes_by_itself),
  };
  cmocka_set_test_filter(getenv("WARDEN_TEST"));
  int failed = cmocka_run_group_tests_name("by /proc", tests, NULL, NULL);
  if (!host_has_cgroups()) {
    print_message("by cgroup: skipped, no folder of control groups v2 can be made here\n");
    return failed;
  }
  cgroup_of_wardens = "auto";
  return failed + cmocka_run_group_tests_name("by cgroup", tests, NULL, NULL);
}
