#include "warden/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "warden/child.h"

/* The program's half runs on the warden's memory (CLONE_VM), on a stack of its own, while the warden
 * waits: no allocation, no stdio, no libc wrapper that keeps state. */
#define IN_CHILD __attribute__((no_sanitize("address", "undefined"))) static
#define CHILD_STACK_BYTES (64 * 1024)
#define CHILD_UMASK 022
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The kernel's struct sigaction; all zero is SIG_DFL. */
struct kernel_sigaction {
  void *handler;
  unsigned long flags;
  void *restorer;
  uint64_t mask;
};

IN_CHILD int fail(struct spawn *s, enum warden_stage stage) {
  s->stage = stage;
  s->error_number = errno;
  return -1;
}

IN_CHILD int reset_signals(void) {
  struct kernel_sigaction standard = {};
  /* 32 and 33 are libc's own; whoever starts a warden by posix_spawn leaves them ignored */
  static const int maybe_ignored[] = {SIGPIPE, SIGXFSZ, 32, 33};
  for (size_t i = 0; i < sizeof maybe_ignored / sizeof *maybe_ignored; i++)
    if (syscall(SYS_rt_sigaction, maybe_ignored[i], &standard, NULL, sizeof standard.mask) != 0) return -1;
  uint64_t none = 0;
  return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}

/* Leaves 0–4 only. In a table shared with the warden the rest is dropped by unsharing, which copies just
 * the five: the cost does not grow with the number of runs. */
IN_CHILD int take_descriptors(const struct spawn *s, bool is_shared) {
  for (int i = 0; i < SPAWN_FDS; i++)
    if (s->fds[i] >= 0 && syscall(SYS_dup3, s->fds[i], i, 0) < 0) return -1;
  unsigned flags = is_shared ? CLOSE_RANGE_UNSHARE : 0;
  if (syscall(SYS_close_range, SPAWN_FDS, ~0U, flags) != 0) {
    if (errno != ENOSYS || !is_shared) return -1;
    if (syscall(SYS_unshare, CLONE_FILES) != 0) return -1; /* the rest closes at exec */
  }
  for (int i = 3; i < SPAWN_FDS; i++)
    if (s->fds[i] < 0) (void)syscall(SYS_close, i);
  return 0;
}

IN_CHILD int set_limits(const struct spawn *s) {
  struct rlimit no_core = {};
  if (syscall(SYS_prlimit64, 0, RLIMIT_CORE, &no_core, NULL) != 0) return -1;
  if (s->files.rlim_max && syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &s->files, NULL) != 0) return -1;
  (void)syscall(SYS_umask, CHILD_UMASK);
  return 0;
}

IN_CHILD int become_user(const struct spawn_user *u) {
  if (syscall(SYS_setgroups, u->group_count, u->groups) != 0) return -1;
  if (syscall(SYS_setresgid, u->gid, u->gid, u->gid) != 0) return -1;
  return (int)syscall(SYS_setresuid, u->uid, u->uid, u->uid);
}

/* After the change of user, which would clear the signal. */
IN_CHILD int die_with_warden(const struct spawn *s) {
  if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return -1;
  if (syscall(SYS_getppid) == s->warden_pid) return 0;
  errno = ESRCH;
  return -1;
}

IN_CHILD int set_up(struct spawn *s, bool is_shared) {
  if (syscall(SYS_setsid) < 0 || reset_signals() != 0) return fail(s, WARDEN_STAGE_SESSION);
  if (s->cgroup_procs_fd >= 0 && syscall(SYS_write, s->cgroup_procs_fd, "0", 1) != 1)
    return fail(s, WARDEN_STAGE_CGROUP);
  if (take_descriptors(s, is_shared) != 0) return fail(s, WARDEN_STAGE_FILES);
  if (set_limits(s) != 0) return fail(s, WARDEN_STAGE_LIMITS);
  if (s->user && become_user(s->user) != 0) return fail(s, WARDEN_STAGE_USER);
  if (s->is_no_new_privs && syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail(s, WARDEN_STAGE_PRIVILEGES);
  if (die_with_warden(s) != 0) return fail(s, WARDEN_STAGE_PRIVILEGES);
  if (syscall(SYS_chdir, s->launch->cwd) != 0) return fail(s, WARDEN_STAGE_CWD);
  return 0;
}

IN_CHILD const char *path_of(const char *const *envp) {
  for (; *envp; envp++) {
    const char *e = *envp;
    if (e[0] == 'P' && e[1] == 'A' && e[2] == 'T' && e[3] == 'H' && e[4] == '=') return e + 5;
  }
  return DEFAULT_PATH;
}

/* Tries argv[0] in each folder of PATH; errno of the last try that says more than "not there". */
IN_CHILD void exec_in_path(const struct launch *l) {
  const char *name = l->argv[0];
  char full[4096];
  int error_number = ENOENT;
  for (const char *at = path_of(l->envp); at;) {
    size_t n = 0;
    for (; at[n] && at[n] != ':' && n < sizeof full - 2; n++) full[n] = at[n];
    const char *next = at[n] == ':' ? at + n + 1 : NULL;
    if (n > 0 && full[0] == '/') { /* a relative or empty folder would depend on the job's folder */
      full[n++] = '/';
      size_t k = 0;
      for (; name[k] && n < sizeof full - 1; k++) full[n++] = name[k];
      full[n] = '\0';
      if (!name[k]) (void)syscall(SYS_execve, full, l->argv, l->envp);
      if (errno != ENOENT && errno != ENOTDIR) error_number = errno;
    }
    at = next;
  }
  errno = error_number;
}

IN_CHILD int program_child(void *arg) {
  struct spawn *s = arg;
  if (set_up(s, true) == 0) {
    const char *slash = s->launch->argv[0];
    while (*slash && *slash != '/') slash++;
    if (*slash) (void)syscall(SYS_execve, s->launch->argv[0], s->launch->argv, s->launch->envp);
    else exec_in_path(s->launch);
    (void)fail(s, WARDEN_STAGE_EXEC);
  }
  (void)syscall(SYS_exit_group, EXECUTOR_COULD_NOT_START);
  return EXECUTOR_COULD_NOT_START;
}

/* The child put its own descriptors into the shared table's 0–4. */
static void put_back_own(const struct spawn *s) {
  for (int i = 0; i < SPAWN_FDS; i++)
    if (s->fds[i] >= 0) (void)dup3(s->own_fds[i], i, O_CLOEXEC);
}

static pid_t clone_program(struct spawn *s) {
  static _Alignas(64) char stack[CHILD_STACK_BYTES];
  pid_t pid = clone(program_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, s);
  int error_number = errno;
  put_back_own(s);
  errno = error_number;
  return pid;
}

static pid_t fork_builtin(struct spawn *s) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  char variable[TAG_VARIABLE_BYTES];
  tag_write(s->tag, variable);
  memcpy(s->tag_place, variable, sizeof variable);
  if (set_up(s, false) != 0) {
    (void)dprintf(STDERR_FILENO, "could not start: %s: %s\n", warden_stage_name(s->stage),
                  strerrordesc_np(s->error_number));
    _exit(EXECUTOR_COULD_NOT_START);
  }
  _exit(s->body(s->arg));
}

static void spawn_now(struct spawn *s, pid_t start(struct spawn *s)) {
  struct timespec wall, tick;
  s->stage = WARDEN_STAGE_NONE;
  (void)clock_gettime(CLOCK_REALTIME, &wall);
  (void)clock_gettime(CLOCK_MONOTONIC, &tick);
  s->wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
  s->tick = (struct tick){(uint64_t)tick.tv_sec * 1000000000U + (uint64_t)tick.tv_nsec};
  s->pid = start(s);
  if (s->pid >= 0) return;
  s->stage = WARDEN_STAGE_FORK;
  s->error_number = errno;
}

/* ---- the thread that forks ---- */

struct queue {
  struct spawn *first, *last;
};

static struct {
  pthread_mutex_t mutex; /* of the two queues */
  sem_t asked;
  struct queue requests, answers;
  int answers_fd;
} forker = {.mutex = PTHREAD_MUTEX_INITIALIZER, .answers_fd = -1};

/* Was the queue empty before? */
static bool push(struct queue *q, struct spawn *s) {
  s->next = NULL;
  (void)pthread_mutex_lock(&forker.mutex);
  bool was_empty = !q->first;
  if (was_empty) q->first = s;
  else q->last->next = s;
  q->last = s;
  (void)pthread_mutex_unlock(&forker.mutex);
  return was_empty;
}

static struct spawn *pop(struct queue *q) {
  (void)pthread_mutex_lock(&forker.mutex);
  struct spawn *s = q->first;
  if (s) q->first = s->next;
  (void)pthread_mutex_unlock(&forker.mutex);
  return s;
}

static void *forker_main(void *arg) {
  for (;;) {
    while (sem_wait(&forker.asked) != 0) continue;
    struct spawn *s = pop(&forker.requests);
    ASSERT(s);
    spawn_now(s, s->body ? fork_builtin : clone_program);
    uint64_t one = 1;
    if (push(&forker.answers, s)) (void)!write(forker.answers_fd, &one, sizeof one);
  }
  return arg;
}

int spawn_open(void) {
  pthread_t thread;
  forker.answers_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  bool is_open = forker.answers_fd >= 0 && sem_init(&forker.asked, 0, 0) == 0 &&
                 pthread_create(&thread, NULL, forker_main, NULL) == 0;
  return is_open ? forker.answers_fd : -1;
}

void spawn_builtin(struct spawn *s) {
  ASSERT(s->body && s->tag_place);
  spawn_now(s, fork_builtin);
}

void spawn_ask(struct spawn *s) {
  for (int i = 0; i < SPAWN_FDS; i++) ASSERT(s->fds[i] < 0 || s->fds[i] >= SPAWN_FD_MIN);
  (void)push(&forker.requests, s);
  (void)sem_post(&forker.asked);
}

struct spawn *spawn_answer(void) {
  return pop(&forker.answers);
}

bool spawn_has_orphans(void) {
  siginfo_t info = {};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD) == 0 || errno != ECHILD;
}

bool spawn_is_orphan(pid_t pid) {
  siginfo_t info = {};
  return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD) == 0;
}
