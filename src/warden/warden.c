#include "warden/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "sys/os_file.h"
#include "warden/state.h"

#define EVENTS_A_TURN 64
#define BURST_RUNS 64 /* at one time; after fewer nothing is given back */
#define RETRY_JOURNAL_MS 1000
#define EXIT_COULD_NOT_START 1
#define EXIT_TAKEN 3

int64_t warden_mono_ms(void) { return (int64_t)(warden_tick().ns / 1000000); }

struct tick warden_tick(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (struct tick){(uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec};
}

int64_t warden_clock_ms(const struct warden *w) {
  return w->has_test_clock ? w->test_clock_ms : warden_mono_ms();
}

int64_t warden_wall_ms(const struct warden *w) {
  if (w->has_test_clock) return w->test_clock_ms;
  struct timespec t;
  (void)clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the loop's descriptors ---- */

enum err warden_watch(struct warden *w, struct watch *watch, uint32_t epoll_events) {
  struct epoll_event e = {.events = epoll_events, .data.ptr = watch};
  return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, watch->fd, &e) == 0 ? ERR_OK
                                                                   : os_error(errno, NULL, "epoll_ctl", "");
}

void warden_watch_set(struct warden *w, struct watch *watch, uint32_t epoll_events) {
  struct epoll_event e = {.events = epoll_events, .data.ptr = watch};
  ASSERT(epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, watch->fd, &e) == 0);
}

/* Removed by name: a child that shares the descriptor for a moment would keep it in the set. */
void warden_unwatch(struct warden *w, struct watch *watch) {
  if (watch->fd < 0) return;
  (void)epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
  os_close(&watch->fd);
}

static void on_signals(struct warden *w, struct watch *watch, uint32_t epoll_events) {
  (void)epoll_events;
  struct signalfd_siginfo info;
  while (read(watch->fd, &info, sizeof info) == (ssize_t)sizeof info)
    if (info.ssi_signo != SIGCHLD) w->is_told_to_exit = w->is_draining = true;
  runs_reap(w);
}

/* ---- start ---- */

/* Children overwrite this variable in place, so it has to be in the memory the kernel gave us: a warden
 * started without it starts itself again with it. */
static enum err find_tag_place(struct warden *w, char **argv, struct err_detail *detail) {
  char blank[TAG_VARIABLE_BYTES];
  char program[] = "sereno";
  tag_write((struct tag){}, blank);
  char *value = getenv("SERENO_TAG");
  if (value && strlen(value) == TAG_VALUE_LEN) {
    w->tag_place = value - (sizeof TAG_PREFIX - 1);
    memcpy(w->tag_place, blank, sizeof blank);
    return ERR_OK;
  }
  const char *kept = getenv("PATH");
  char path[4096];
  if (kept && (size_t)snprintf(path, sizeof path, "PATH=%s", kept) >= sizeof path) kept = NULL;
  char bind_now[] = WARDEN_BIND_NOW;
  char *envp[] = {blank, bind_now, kept ? path : NULL, NULL};
  char *again[16] = {program};
  for (int i = 0; argv[i]; i++) {
    if (i + 2 == sizeof again / sizeof *again) return err_set(detail, ERR_LIMIT, "arguments", 0, "too many");
    again[i + 1] = argv[i];
  }
  (void)execve("/proc/self/exe", again, envp);
  return os_error(errno, detail, "exec", "/proc/self/exe");
}

/* 0–4 are filled, so that no descriptor of ours lies where a child's stand; the log keeps a copy. */
static enum err take_low_descriptors(struct warden *w, struct err_detail *detail) {
  int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null_fd < 0) return os_error(errno, detail, "open", "/dev/null");
  w->null_fd = fcntl(null_fd, F_DUPFD_CLOEXEC, SPAWN_FD_MIN);
  w->log_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, SPAWN_FD_MIN);
  if (w->log_fd < 0) w->log_fd = fcntl(w->null_fd, F_DUPFD_CLOEXEC, SPAWN_FD_MIN);
  if (w->null_fd < 0 || w->log_fd < 0) return os_error(errno, detail, "dup", "/dev/null");
  for (int fd = 0; fd < SPAWN_FD_MIN; fd++)
    if (fd != STDERR_FILENO && dup3(w->null_fd, fd, O_CLOEXEC) < 0) return os_error(errno, detail, "dup", "");
  return dup3(w->log_fd, STDERR_FILENO, O_CLOEXEC) < 0 ? os_error(errno, detail, "dup", "stderr") : ERR_OK;
}

static void set_own_limits(struct warden *w) {
  (void)umask(077);
  if (getrlimit(RLIMIT_NOFILE, &w->files) != 0) w->files = (struct rlimit){};
  struct rlimit raised = {w->files.rlim_max, w->files.rlim_max};
  if (w->files.rlim_max) (void)setrlimit(RLIMIT_NOFILE, &raised);
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static enum err open_signals(struct warden *w, struct err_detail *detail) {
  sigset_t all, ours;
  for (int s = 1; s < NSIG; s++) { /* whatever was inherited; it fails for KILL, STOP and libc's own */
    struct sigaction standard = {.sa_handler = s == SIGPIPE || s == SIGXFSZ ? SIG_IGN : SIG_DFL};
    if (s != SIGSEGV && s != SIGBUS && s != SIGFPE && s != SIGILL) (void)sigaction(s, &standard, NULL);
  }
  (void)sigemptyset(&ours);
  (void)sigaddset(&ours, SIGCHLD);
  (void)sigaddset(&ours, SIGTERM);
  (void)sigaddset(&ours, SIGINT);
  all = ours;
  (void)sigaddset(&all, SIGHUP); /* a terminal that closes is nothing to us */
  (void)sigprocmask(SIG_SETMASK, &all, NULL);
  w->signals = (struct watch){on_signals, signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK)};
  if (w->signals.fd < 0) return os_error(errno, detail, "signalfd", "");
  return warden_watch(w, &w->signals, EPOLLIN);
}

static int open_dir(int at, const char *name) {
  if (mkdirat(at, name, 0700) != 0 && errno != EEXIST) return -1;
  return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static enum err open_folders(struct warden *w, struct err_detail *detail) {
  struct stat st;
  w->data_fd = open(w->config.data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (w->data_fd < 0 || fstat(w->data_fd, &st) != 0)
    return os_error(errno, detail, "open", w->config.data_dir);
  w->data_owner = st.st_uid;
  if (geteuid() == 0) warden_config_default_user(&w->config, st.st_uid, st.st_gid);
  w->dir_fd = open_dir(w->data_fd, "warden");
  w->spool_fd = open_dir(w->data_fd, "spool");
  if (w->dir_fd >= 0) w->folder = tag_folder(w->dir_fd);
  if (w->dir_fd < 0 || w->spool_fd < 0 || !w->folder)
    return os_error(errno, detail, "open", "warden/ and spool/");
  return ERR_OK;
}

/* The lock file tells which tag its holder uses. */
static enum err lock_folder(struct warden *w, struct err_detail *detail) {
  char name[WARDEN_BUILD_BYTES + 8], text[24];
  (void)snprintf(name, sizeof name, "%s" WARDEN_LOCK_SUFFIX, w->build);
  w->lock_fd = adopt_open_lock(w, name);
  if (w->lock_fd < 0) return os_error(errno, detail, "open", name);
  if (!adopt_take_lock(w->lock_fd))
    return err_set(detail, ERR_CONFLICT, NULL, 0, "another warden of build %s has this folder", w->build);
  if (getrandom(&w->instance, sizeof w->instance, 0) != (ssize_t)sizeof w->instance)
    return os_error(errno, detail, "getrandom", "");
  int n = snprintf(text, sizeof text, "%016llx\n", (unsigned long long)w->instance);
  if (pwrite(w->lock_fd, text, (size_t)n, 0) != n) return os_error(errno, detail, "write", name);
  return ERR_OK;
}

/* Every run has at most one node in each heap: with the room taken now, adding never fails. */
static enum err reserve_heap(struct heap *heap) {
  struct heap_node *nodes = calloc(LIMIT_RUNNING_RUNS, sizeof *nodes);
  enum err e = nodes ? ERR_OK : ERR_NO_MEMORY;
  for (int i = 0; i < LIMIT_RUNNING_RUNS && e == ERR_OK; i++) e = heap_add(heap, &nodes[i]);
  heap->count = 0;
  free(nodes);
  return e;
}

/* After the dead were ended: their note has this very name. */
static enum err open_cgroup(struct warden *w, struct err_detail *detail) {
  char note[JOURNAL_NAME_MAX];
  adopt_note_name(w->build, note);
  struct cgroup_place place = {w->config.cgroup ? w->config.cgroup : w->config.cgroup_of_file, w->folder,
                               w->instance, w->dir_fd, note};
  return cgroup_open(&place, &w->cgroup, detail);
}

static enum err open_warden(struct warden *w, struct err_detail *detail) {
  TRY(take_low_descriptors(w, detail));
  set_own_limits(w);
  TRY(reserve_heap(&w->deadlines));
  TRY(reserve_heap(&w->chores));
  if (geteuid() == 0) TRY(warden_config_read(WARDEN_CONFIG_FILE, &w->config, detail));
  char boot[37];
  TRY(os_boot_id(boot));
  for (int i = 0, digit = 0; boot[i] && digit < 2 * WARDEN_ID_BYTES; i++) {
    if (boot[i] == '-') continue;
    int value = boot[i] <= '9' ? boot[i] - '0' : boot[i] - 'a' + 10;
    w->boot_id[digit / 2] = (uint8_t)(w->boot_id[digit / 2] << 4 | value);
    digit++;
  }
  w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (w->epoll_fd < 0) return os_error(errno, detail, "epoll", "");
  TRY(open_folders(w, detail));
  TRY(lock_folder(w, detail));
  TRY(open_signals(w, detail));
  TRY(starting_open(w));
  TRY(adopt_at_start(w, detail));
  TRY(open_cgroup(w, detail));
  if (chdir("/") != 0) return os_error(errno, detail, "chdir", "/"); /* holds no file system */
  return door_open(w, detail);
}

/* ---- the loop ---- */

static void enforce_limits(struct warden *w) {
  struct map_entry entry;
  for (size_t i = 0; map_next(&w->pids, &i, &entry);) {
    struct supervised *run = entry.value;
    int64_t bytes = run->members_own_bytes + run->members_shared_bytes;
    if (run->limits.memory_bytes_max && bytes > run->limits.memory_bytes_max)
      run_kill(w, run, KILL_MEMORY, true);
    else if (run->limits.pids_max && run->members > run->limits.pids_max) run_kill(w, run, KILL_PIDS, true);
  }
}

static void sample(struct warden *w) {
  int64_t now = warden_mono_ms();
  if (w->living == 0) {
    w->sample_at_ms = now + WARDEN_SAMPLE_MS;
    return;
  }
  if (now < w->sample_at_ms) return;
  census_take(w);
  census_sample(w);
  enforce_limits(w);
  int64_t cost = (warden_mono_ms() - now) * WARDEN_SAMPLE_SHARE;
  w->sample_at_ms = now + (cost > WARDEN_SAMPLE_MS ? cost : WARDEN_SAMPLE_MS);
  w->own_peak_bytes = proc_self_peak_bytes();
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

static bool is_idle(const struct warden *w) { return w->living == 0 && w->serve.watch.fd < 0; }

static int wait_ms(const struct warden *w) {
  int64_t at = INSTANT_NEVER, now = warden_mono_ms();
  const struct heap_node *deadline = heap_top(&w->deadlines), *chore = heap_top(&w->chores);
  if (deadline && !w->has_test_clock) at = deadline->key;
  if (chore) at = earlier(at, chore->key);
  if (w->living) at = earlier(at, w->sample_at_ms);
  if (is_idle(w)) at = earlier(at, w->idle_since_ms + w->config.idle_exit_ms);
  if (w->has_unwritten) at = earlier(at, now + RETRY_JOURNAL_MS);
  if (!list_is_empty(&w->checks)) at = now;
  int64_t wait = at - now;
  return at == INSTANT_NEVER ? -1 : wait <= 0 ? 0 : (int)earlier(wait, 60000);
}

static bool is_done(struct warden *w) {
  if (!is_idle(w)) w->idle_since_ms = warden_mono_ms();
  if (w->is_told_to_exit) return w->living == 0;
  if (w->is_draining && w->runs.count == 0) return true;
  return is_idle(w) && warden_mono_ms() - w->idle_since_ms >= w->config.idle_exit_ms;
}

/* A burst leaves pages behind that every later fork of a built-in would have to copy. */
static void give_back_memory(struct warden *w) {
  if (w->living > w->living_peak) w->living_peak = w->living;
  if (w->living > 0 || w->living_peak < BURST_RUNS) return;
  (void)malloc_trim(0);
  w->living_peak = 0;
}

static void compact(struct warden *w) {
  if (journal_wants_compaction(&w->journal)) (void)journal_compact(&w->journal, runs_write_all, w);
}

static void turn(struct warden *w) {
  struct epoll_event events[EVENTS_A_TURN];
  int n = epoll_wait(w->epoll_fd, events, EVENTS_A_TURN, wait_ms(w));
  for (int i = 0; i < n; i++) {
    struct watch *watch = events[i].data.ptr;
    if (watch->fd >= 0) watch->fn(w, watch, events[i].events);
  }
  runs_deadlines(w);
  runs_chores(w);
  sample(w);
  runs_settle(w);
  if (w->living == 0 && spawn_has_orphans()) census_kill_strays(w);
  if (w->has_unwritten) runs_retry_unwritten(w);
  compact(w);
  give_back_memory(w);
  door_flush(w);
}

static void close_warden(struct warden *w) {
  if (w->is_superseded && w->runs.count == 0) adopt_leave_nothing(w);
  door_close(w);
  struct map_entry entry;
  for (size_t i = 0; map_next(&w->runs, &i, &entry); i = 0) run_free(w, entry.value);
  warden_unwatch(w, &w->signals);
  (void)epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, w->forked.fd,
                  NULL); /* the forking thread has it until we exit */
  char note[JOURNAL_NAME_MAX];
  adopt_note_name(w->build, note);
  cgroup_close(&w->cgroup, w->dir_fd, note);
  journal_close(&w->journal);
  proc_table_free(&w->census);
  proc_table_free(&w->previous);
  heap_free(&w->deadlines);
  heap_free(&w->chores);
  map_free(&w->runs);
  map_free(&w->pids);
  os_close(&w->epoll_fd);
  os_close(&w->lock_fd); /* last: whoever gets the lock finds everything in place */
}

static struct warden *warden_new(void) {
  struct warden *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->data_fd = w->dir_fd = w->spool_fd = w->null_fd = w->log_fd = w->lock_fd = w->epoll_fd = -1;
  w->listener.fd = w->signals.fd = w->forked.fd = w->serve.watch.fd = w->journal.fd = w->cgroup.fd = -1;
  for (int i = 0; i < WARDEN_STRANGERS_MAX; i++) w->strangers[i].fd = -1;
  list_init(&w->outbox);
  list_init(&w->checks);
  (void)str_copy(w->build, sizeof w->build, str_of(warden_build()));
  return w;
}

static int complain(enum err e, const struct err_detail *d) {
  (void)dprintf(STDERR_FILENO, "sereno warden: %s%s%s\n", d->field, d->field[0] ? ": " : "",
                d->message[0] ? d->message : err_text(e));
  return e == ERR_CONFLICT ? EXIT_TAKEN : EXIT_COULD_NOT_START;
}

static int run_warden(struct warden *w) {
  struct err_detail detail = {};
  w->pid = getpid();
  w->own_peak_bytes = proc_self_peak_bytes();
  enum err e = open_warden(w, &detail);
  if (e != ERR_OK) return complain(e, &detail);
  w->idle_since_ms = w->sample_at_ms = warden_mono_ms();
  while (!is_done(w)) turn(w);
  close_warden(w);
  return 0;
}

int warden_main(int argc, char **argv) {
  struct err_detail detail = {};
  struct warden *w = warden_new();
  if (!w) return EXIT_COULD_NOT_START;
  enum err e = warden_config_args(argc, argv, &w->config, &detail);
  if (e == ERR_OK) e = find_tag_place(w, argv, &detail);
  if (e != ERR_OK) return complain(e, &detail);
  if (w->config.is_detached) {
    pid_t pid = fork();
    if (pid < 0) return complain(os_error(errno, &detail, "fork", ""), &detail);
    if (pid > 0) return 0;
    (void)setsid();
  }
  int status = run_warden(w);
  free(w);
  return status;
}
