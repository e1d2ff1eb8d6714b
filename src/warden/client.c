#include "warden/client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/map.h"
#include "sys/os_file.h"
#include "warden/proc.h"
#include "warden/warden.h"

#define WARDENS_MAX 16
#define LOOK_FIRST_MS 2
#define LOOK_LAST_MS 500
#define ANSWER_WAIT_MS 5000 /* then health says which warden does not answer */
#define START_AGAIN_MS 5000 /* a warden that was started and does not come is started again */
#define MESSAGES_A_TURN 256
#define FDS_MAX 3
#define REASON_BYTES 200
#define SOCKET_BYTES (4 * 1024 * 1024)

enum link_state { LINK_FREE, LINK_WAITS, LINK_LISTS, LINK_UP };

struct warden_link {
  struct warden_client *client;
  enum link_state state;
  bool is_own;
  char build[WARDEN_BUILD_BYTES];
  int fd;
  struct loop_io *io;
  struct list queue; /* struct outgoing: what did not fit */
  struct warden_welcome welcome;
};

struct outgoing {
  struct list link;
  int fds[FDS_MAX];
  int fd_count;
  size_t size;
  char bytes[];
};

struct warden_client {
  struct warden_client_options options;
  struct warden_client_callbacks callbacks;
  char *data_dir;
  int dir_fd;
  struct warden_link links[WARDENS_MAX];
  struct map foreign; /* run_no → struct warden_link of another build */
  struct loop_timer *look_timer;
  int64_t look_delay_ms;
  struct tick looking_since, started_at;
  bool is_up, was_told_down;
  char reason[REASON_BYTES];
  pid_t starter;
  size_t queued;
  struct loop_timer *flush_timer; /* armed when acks wait */
  int64_t acks[WARDEN_ACKS_MAX];
  uint32_t ack_count;
};

static void look(void *arg);
static void flush_acks(void *arg);
static void on_link(void *arg, int fd, uint32_t epoll_events);

static struct tick tick_now(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (struct tick){(uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec};
}

static int64_t ms_since(struct tick since) { return (int64_t)(tick_now().ns - since.ns) / 1000000; }

static void look_again(struct warden_client *c) {
  loop_timer_arm_ms(c->look_timer, c->look_delay_ms);
  c->look_delay_ms = c->look_delay_ms * 2 < LOOK_LAST_MS ? c->look_delay_ms * 2 : LOOK_LAST_MS;
}

/* ---- links ---- */

static void drop_outgoing(struct warden_client *c, struct outgoing *o) {
  list_remove(&o->link);
  for (int i = 0; i < o->fd_count; i++) os_close(&o->fds[i]);
  free(o);
  c->queued--;
}

static void close_link(struct warden_link *l) {
  if (l->state == LINK_FREE) return;
  loop_io_free(l->io);
  os_close(&l->fd);
  LIST_EACH (&l->queue, at) drop_outgoing(l->client, CONTAINER_OF(at, struct outgoing, link));
  l->io = NULL;
  l->state = LINK_FREE;
}

static struct warden_link *own_link(struct warden_client *c) {
  for (int i = 0; i < WARDENS_MAX; i++)
    if (c->links[i].state != LINK_FREE && c->links[i].is_own) return &c->links[i];
  return NULL;
}

static void set_reason(struct warden_client *c, const char *why) {
  (void)str_copy(c->reason, sizeof c->reason, str_of(why));
}

/* All links, since only a new hello gives a list that is whole. */
static void go_down(struct warden_client *c, const char *why) {
  for (int i = 0; i < WARDENS_MAX; i++) close_link(&c->links[i]);
  map_free(&c->foreign);
  c->ack_count = 0;
  bool was_up = c->is_up;
  c->is_up = false;
  set_reason(c, why);
  c->looking_since = tick_now();
  c->started_at = (struct tick){}; /* it did come: no need to wait before starting another */
  c->was_told_down = was_up;
  c->look_delay_ms = LOOK_FIRST_MS;
  look_again(c);
  if (was_up && c->callbacks.on_down) c->callbacks.on_down(c->callbacks.arg, c->reason);
}

static ssize_t send_packet(int fd, const void *bytes, size_t size, const int *fds, int fd_count) {
  union {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int) * FDS_MAX)];
  } control = {};
  struct iovec part = {(void *)(uintptr_t)bytes, size};
  struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
  if (fd_count) {
    m.msg_control = &control;
    m.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)fd_count);
    control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int) * (size_t)fd_count),
                                    .cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.head), fds, sizeof(int) * (size_t)fd_count);
  }
  return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool has_no_room(int error_number) {
  return error_number == EAGAIN || error_number == ENOBUFS || error_number == ETOOMANYREFS;
}

/* Takes the descriptors over. */
static enum err send_or_queue(struct warden_link *l, const void *bytes, size_t size, int *fds, int fd_count) {
  struct warden_client *c = l->client;
  bool is_first = list_is_empty(&l->queue);
  ssize_t n = is_first ? send_packet(l->fd, bytes, size, fds, fd_count) : -1;
  if (is_first && (n >= 0 || !has_no_room(errno))) { /* any other failure shows as a hang-up soon */
    for (int i = 0; i < fd_count; i++) os_close(&fds[i]);
    return n >= 0 ? ERR_OK : ERR_UNAVAILABLE;
  }
  struct outgoing *o = c->queued < LIMIT_RUNNING_RUNS ? malloc(sizeof *o + size) : NULL;
  if (!o) {
    for (int i = 0; i < fd_count; i++) os_close(&fds[i]);
    return ERR_BUSY;
  }
  *o = (struct outgoing){.fd_count = fd_count, .size = size};
  memcpy(o->bytes, bytes, size);
  for (int i = 0; i < fd_count; i++) o->fds[i] = fds[i];
  list_push_back(&l->queue, &o->link);
  c->queued++;
  return is_first ? loop_io_set(l->io, EPOLLIN | EPOLLOUT) : ERR_OK;
}

static void send_queued(struct warden_link *l) {
  LIST_EACH (&l->queue, at) {
    struct outgoing *o = CONTAINER_OF(at, struct outgoing, link);
    if (send_packet(l->fd, o->bytes, o->size, o->fds, o->fd_count) < 0 && has_no_room(errno)) return;
    drop_outgoing(l->client, o);
  }
  (void)(loop_io_set(l->io, EPOLLIN) == ERR_OK);
}

/* ---- what wardens say ---- */

static bool all_are_up(const struct warden_client *c) {
  bool has_own = false;
  for (int i = 0; i < WARDENS_MAX; i++) {
    if (c->links[i].state == LINK_WAITS || c->links[i].state == LINK_LISTS) return false;
    has_own |= c->links[i].state == LINK_UP && c->links[i].is_own;
  }
  return has_own;
}

static void list_ended(struct warden_link *l) {
  struct warden_client *c = l->client;
  l->state = LINK_UP;
  c->look_delay_ms = LOOK_FIRST_MS;
  look(c); /* is there one that has not been asked? */
}

static void remember_foreign(struct warden_link *l, int64_t run_no) {
  if (!l->is_own) (void)(map_put(&l->client->foreign, (uint64_t)run_no, l) == ERR_OK);
}

static void take_ended(struct warden_link *l, struct str packet) {
  const struct warden_client_callbacks *call = &l->client->callbacks;
  struct warden_ended m;
  memcpy(&m, packet.ptr, sizeof m);
  remember_foreign(l, m.end.run.run_no);
  if (call->on_ended) call->on_ended(call->arg, &m.end, str_from(packet, sizeof m));
}

static void take_output(struct warden_link *l, struct str packet) {
  const struct warden_client_callbacks *call = &l->client->callbacks;
  struct warden_output m;
  memcpy(&m, packet.ptr, sizeof m);
  if (call->on_output) call->on_output(call->arg, &m, str_from(packet, sizeof m));
}

static void take_line(struct warden_link *l, struct str packet) {
  const struct warden_client_callbacks *call = &l->client->callbacks;
  struct warden_line m;
  memcpy(&m, packet.ptr, sizeof m);
  if (call->on_line) call->on_line(call->arg, m.run_no, str_from(packet, sizeof m));
}

static void take(struct warden_link *l, enum warden_message_type type, struct str packet) {
  const struct warden_client_callbacks *call = &l->client->callbacks;
  union {
    struct warden_listed listed;
    struct warden_started started;
    struct warden_refused refused;
    struct warden_clock_done clock;
  } m;
  if (type != WARDEN_ENDED && type != WARDEN_OUTPUT && type != WARDEN_LINE && packet.len <= sizeof m)
    memcpy(&m, packet.ptr, packet.len);
  switch (type) {
    case WARDEN_WELCOME:
      memcpy(&l->welcome, packet.ptr, sizeof l->welcome);
      l->state = LINK_LISTS;
      return;
    case WARDEN_LISTED:
      remember_foreign(l, m.listed.run.run_no);
      if (call->on_listed) call->on_listed(call->arg, &m.listed.run, m.listed.pid);
      return;
    case WARDEN_LIST_END: list_ended(l); return;
    case WARDEN_ENDED: take_ended(l, packet); return;
    case WARDEN_OUTPUT: take_output(l, packet); return;
    case WARDEN_STARTED:
      if (call->on_started) call->on_started(call->arg, &m.started);
      return;
    case WARDEN_REFUSED:
      if (call->on_refused)
        call->on_refused(call->arg, m.refused.run_no, (enum warden_refusal)m.refused.why,
                         m.refused.error_number);
      return;
    case WARDEN_LINE: take_line(l, packet); return;
    case WARDEN_CLOCK_DONE:
      if (call->on_clock) call->on_clock(call->arg, &m.clock);
      return;
    case WARDEN_HELLO:
    case WARDEN_ACK:
    case WARDEN_KILL:
    case WARDEN_READ_OUTPUT:
    case WARDEN_START:
    case WARDEN_CLOCK: return; /* not a warden's to say */
  }
}

/* A warden of another build that left no journal has drained; anything else leaves runs to settle. */
static void link_lost(struct warden_link *l) {
  struct warden_client *c = l->client;
  char name[WARDEN_BUILD_BYTES + 16];
  (void)snprintf(name, sizeof name, "%.*s.journal", WARDEN_BUILD_BYTES, l->build);
  bool has_drained = !l->is_own && l->state == LINK_UP && faccessat(c->dir_fd, name, F_OK, 0) != 0;
  if (has_drained) close_link(l);
  else go_down(c, l->is_own ? "the warden has gone" : "a warden of another build has gone");
}

static void on_link(void *arg, int fd, uint32_t epoll_events) {
  static char bytes[LIMIT_WARDEN_MESSAGE_BYTES];
  struct warden_link *l = arg;
  if (epoll_events & EPOLLOUT) send_queued(l);
  for (int i = 0; i < MESSAGES_A_TURN && l->fd == fd; i++) {
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    enum warden_message_type type;
    struct str packet = {bytes, n > 0 ? (size_t)n : 0};
    if (n <= 0 || warden_message_check(packet, &type, NULL) != ERR_OK) {
      link_lost(l);
      return;
    }
    take(l, type, packet);
  }
}

/* ---- finding and starting ---- */

static bool say_hello(struct warden_link *l) {
  const struct warden_client_options *o = &l->client->options;
  struct warden_hello m = {.header = warden_header(WARDEN_HELLO, sizeof m), .epoch = o->epoch};
  if (o->test_clock_ms != INSTANT_NONE) {
    m.flags = WARDEN_HELLO_TEST_CLOCK;
    m.clock_ms = o->test_clock_ms;
  }
  (void)str_copy(m.build, sizeof m.build, str_of(warden_build()));
  return send_packet(l->fd, &m, sizeof m, NULL, 0) == (ssize_t)sizeof m;
}

static bool connect_link(struct warden_link *l) {
  struct warden_client *c = l->client;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%.*s.sock", c->dir_fd,
                 WARDEN_BUILD_BYTES, l->build);
  l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (l->fd < 0) return false;
  int size = SOCKET_BYTES;
  (void)setsockopt(l->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  bool is_connected = connect(l->fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
                      say_hello(l) &&
                      loop_io_new(c->options.loop, l->fd, EPOLLIN, on_link, l, &l->io) == ERR_OK;
  if (!is_connected) os_close(&l->fd);
  return is_connected;
}

static struct warden_link *link_of(struct warden_client *c, struct str build) {
  for (int i = 0; i < WARDENS_MAX; i++)
    if (c->links[i].state != LINK_FREE && str_eq(str_of(c->links[i].build), build)) return &c->links[i];
  return NULL;
}

/* True when there is a link to the warden of this build, or now one has been made. */
static bool ensure_link(struct warden_client *c, struct str build) {
  if (link_of(c, build)) return true;
  for (int i = 0; i < WARDENS_MAX; i++) {
    struct warden_link *l = &c->links[i];
    if (l->state != LINK_FREE) continue;
    *l = (struct warden_link){.client = c, .is_own = str_eq(build, str_of(warden_build())), .fd = -1};
    list_init(&l->queue);
    (void)str_copy(l->build, sizeof l->build, build);
    if (connect_link(l)) l->state = LINK_WAITS;
    return l->state == LINK_WAITS;
  }
  return false;
}

static bool is_lock_held(const struct warden_client *c, const char *name) {
  int fd = openat(c->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  bool is_held = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  (void)close(fd);
  return is_held;
}

/* Links to every warden whose lock is held. False when one could not be reached (yet). */
static bool link_all(struct warden_client *c, bool *ret_own_is_held) {
  int fd = openat(c->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  if (!dir) {
    os_close(&fd);
    return false;
  }
  bool is_whole = true;
  for (struct dirent *entry; (entry = readdir(dir));) {
    struct str name = str_of(entry->d_name);
    if (!str_ends(name, STR(".lock")) || name.len - 5 >= WARDEN_BUILD_BYTES) continue;
    struct str build = {name.ptr, name.len - 5};
    if (!is_lock_held(c, entry->d_name)) continue;
    *ret_own_is_held |= str_eq(build, str_of(warden_build()));
    if (!ensure_link(c, build)) {
      (void)snprintf(c->reason, sizeof c->reason, "the warden of build %.*s does not answer", STR_ARG(build));
      is_whole = false;
    }
  }
  (void)closedir(dir);
  return is_whole;
}

static void reap_starter(struct warden_client *c) {
  if (c->starter > 0 && waitpid(c->starter, NULL, WNOHANG) != 0) c->starter = 0;
}

/* The starter forks the warden into a session of its own and ends at once. */
static void start_warden(struct warden_client *c) {
  char blank[TAG_VARIABLE_BYTES], idle[24], path[4200];
  const char *path_value = getenv("PATH");
  tag_write((struct tag){}, blank);
  (void)snprintf(idle, sizeof idle, "%d", c->options.idle_exit_seconds);
  (void)snprintf(path, sizeof path, "PATH=%.4000s", path_value ? path_value : "/usr/local/bin:/usr/bin:/bin");
  const char *program = c->options.program ? c->options.program : "/proc/self/exe";
  const char *argv[] = {"sereno", "warden", "--data", c->data_dir, "--detach", NULL, NULL, NULL, NULL, NULL};
  int argc = 5;
  if (c->options.idle_exit_seconds) argv[argc++] = "--idle-exit", argv[argc++] = idle;
  if (c->options.cgroup) argv[argc++] = "--cgroup", argv[argc++] = c->options.cgroup;
  char bind_now[] = WARDEN_BIND_NOW;
  char *envp[] = {blank, path, bind_now, NULL};
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t none;
  int log_fd = openat(c->dir_fd, "warden.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  (void)sigemptyset(&none);
  int e = posix_spawn_file_actions_init(&files);
  if (!e) e = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDWR, 0);
  if (!e) e = posix_spawn_file_actions_adddup2(&files, STDIN_FILENO, STDOUT_FILENO);
  if (!e) e = posix_spawn_file_actions_adddup2(&files, log_fd >= 0 ? log_fd : STDIN_FILENO, STDERR_FILENO);
  if (!e) e = posix_spawnattr_init(&attributes);
  if (!e) e = posix_spawnattr_setsigmask(&attributes, &none);
  if (!e) e = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  if (!e) e = posix_spawn(&c->starter, program, &files, &attributes, (char **)(uintptr_t)argv, envp);
  if (e) {
    c->starter = 0;
    (void)snprintf(c->reason, sizeof c->reason, "the warden cannot be started: %s", strerrordesc_np(e));
  }
  (void)posix_spawn_file_actions_destroy(&files);
  (void)posix_spawnattr_destroy(&attributes);
  os_close(&log_fd);
  c->started_at = tick_now();
}

static void come_up(struct warden_client *c) {
  const struct warden_link *own = own_link(c);
  c->is_up = true;
  c->was_told_down = false;
  c->reason[0] = '\0';
  c->look_delay_ms = LOOK_FIRST_MS;
  loop_timer_arm_ms(c->look_timer, -1);
  if (c->callbacks.on_up) c->callbacks.on_up(c->callbacks.arg, &own->welcome);
}

static void tell_when_too_long(struct warden_client *c) {
  if (c->was_told_down || ms_since(c->looking_since) < ANSWER_WAIT_MS) return;
  c->was_told_down = true;
  if (!c->reason[0]) set_reason(c, "a warden does not answer its hello");
  if (c->callbacks.on_down) c->callbacks.on_down(c->callbacks.arg, c->reason);
}

static void look(void *arg) {
  struct warden_client *c = arg;
  reap_starter(c);
  if (c->is_up) return;
  bool own_is_held = false;
  bool is_whole = link_all(c, &own_is_held);
  if (is_whole && own_is_held && all_are_up(c)) {
    come_up(c);
    if (c->starter) look_again(c);
    return;
  }
  bool may_start = !c->options.does_not_start && !own_is_held && !c->starter;
  if (may_start && (c->started_at.ns == 0 || ms_since(c->started_at) > START_AGAIN_MS)) start_warden(c);
  if (!own_is_held && c->options.does_not_start) set_reason(c, "no warden is running");
  tell_when_too_long(c);
  look_again(c);
}

/* ---- calls ---- */

enum err warden_client_new(const struct warden_client_options *options,
                           const struct warden_client_callbacks *callbacks, struct warden_client **ret,
                           struct err_detail *detail) {
  struct warden_client *c = calloc(1, sizeof *c);
  if (!c) return ERR_NO_MEMORY;
  c->options = *options;
  c->callbacks = *callbacks;
  c->dir_fd = -1;
  c->look_delay_ms = LOOK_FIRST_MS;
  c->looking_since = tick_now();
  set_reason(c, "looking for the warden");
  c->data_dir = str_dup(str_of(options->data_dir));
  enum err e = c->data_dir ? loop_timer_new(options->loop, look, c, &c->look_timer) : ERR_NO_MEMORY;
  if (e == ERR_OK) e = loop_timer_new(options->loop, flush_acks, c, &c->flush_timer);
  int data_fd = open(options->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (e == ERR_OK && data_fd < 0) e = os_error(errno, detail, "open", options->data_dir);
  if (e == ERR_OK && mkdirat(data_fd, "warden", 0700) != 0 && errno != EEXIST)
    e = os_error(errno, detail, "create", "warden/");
  if (e == ERR_OK) c->dir_fd = openat(data_fd, "warden", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (e == ERR_OK && c->dir_fd < 0) e = os_error(errno, detail, "open", "warden/");
  os_close(&data_fd);
  if (e != ERR_OK) {
    warden_client_free(c);
    return e;
  }
  loop_timer_arm_ms(c->look_timer, 0);
  *ret = c;
  return ERR_OK;
}

void warden_client_free(struct warden_client *c) {
  if (!c) return;
  for (int i = 0; i < WARDENS_MAX; i++) close_link(&c->links[i]);
  map_free(&c->foreign);
  loop_timer_free(c->look_timer);
  loop_timer_free(c->flush_timer);
  if (c->starter > 0) (void)waitpid(c->starter, NULL, 0); /* it only forks */
  os_close(&c->dir_fd);
  free(c->data_dir);
  free(c);
}

bool warden_client_is_up(const struct warden_client *c) { return c->is_up; }
const char *warden_client_reason(const struct warden_client *c) { return c->is_up ? "" : c->reason; }

enum err warden_start(struct warden_client *c, const struct warden_start *start, struct warden_launch *launch,
                      int fd4) {
  struct warden_link *own = c->is_up ? own_link(c) : NULL;
  if (!own) {
    warden_launch_close(launch);
    os_close(&fd4);
    return ERR_UNAVAILABLE;
  }
  struct warden_start_message m = {warden_header(WARDEN_START, sizeof m), *start};
  int fds[FDS_MAX] = {launch->fd}, count = 1;
  m.start.flags &= ~(WARDEN_START_HAS_STDIN | WARDEN_START_HAS_FD4);
  if (launch->stdin_fd >= 0) {
    m.start.flags |= WARDEN_START_HAS_STDIN;
    fds[count++] = launch->stdin_fd;
  }
  if (fd4 >= 0) {
    m.start.flags |= WARDEN_START_HAS_FD4;
    fds[count++] = fd4;
  }
  *launch = WARDEN_LAUNCH_NONE;
  return send_or_queue(own, &m, sizeof m, fds, count);
}

/* The warden that has the run. NULL: not up. */
static struct warden_link *link_of_run(struct warden_client *c, int64_t run_no) {
  struct warden_link *l = map_get(&c->foreign, (uint64_t)run_no);
  if (l && l->state == LINK_UP) return l;
  return c->is_up ? own_link(c) : NULL;
}

enum err warden_kill(struct warden_client *c, int64_t run_no, enum kill_reason reason, bool is_immediate) {
  struct warden_link *l = link_of_run(c, run_no);
  if (!l) return ERR_UNAVAILABLE;
  struct warden_kill m = {warden_header(WARDEN_KILL, sizeof m), run_no, reason, is_immediate};
  return send_or_queue(l, &m, sizeof m, NULL, 0);
}

static enum err send_acks(struct warden_link *l, const int64_t *run_nos, uint32_t count) {
  size_t size = sizeof(struct warden_ack) + count * sizeof *run_nos;
  char bytes[sizeof(struct warden_ack) + sizeof(int64_t) * WARDEN_ACKS_MAX];
  struct warden_ack m = {warden_header(WARDEN_ACK, size), count, 0};
  memcpy(bytes, &m, sizeof m);
  memcpy(bytes + sizeof m, run_nos, count * sizeof *run_nos);
  return send_or_queue(l, bytes, size, NULL, 0);
}

static void flush_acks(void *arg) {
  struct warden_client *c = arg;
  struct warden_link *own = own_link(c);
  if (own && c->ack_count) (void)(send_acks(own, c->acks, c->ack_count) == ERR_OK); /* else told again */
  c->ack_count = 0;
}

enum err warden_ack(struct warden_client *c, int64_t run_no) {
  struct warden_link *l = map_get(&c->foreign, (uint64_t)run_no);
  if (l) {
    (void)map_remove(&c->foreign, (uint64_t)run_no);
    return send_acks(l, &run_no, 1);
  }
  if (!own_link(c)) return ERR_UNAVAILABLE;
  if (c->ack_count == WARDEN_ACKS_MAX) flush_acks(c);
  c->acks[c->ack_count++] = run_no;
  if (c->ack_count == 1) loop_timer_arm_ms(c->flush_timer, 0);
  return ERR_OK;
}

enum err warden_read_output(struct warden_client *c, int64_t run_no, int64_t offset, uint32_t bytes_max) {
  struct warden_link *l = link_of_run(c, run_no);
  if (!l) return ERR_UNAVAILABLE;
  struct warden_read_output m = {warden_header(WARDEN_READ_OUTPUT, sizeof m), run_no, offset, bytes_max, 0};
  return send_or_queue(l, &m, sizeof m, NULL, 0);
}

enum err warden_set_clock(struct warden_client *c, int64_t clock_ms) {
  c->options.test_clock_ms = clock_ms;
  struct warden_link *own = c->is_up ? own_link(c) : NULL;
  if (!own) return ERR_UNAVAILABLE;
  struct warden_clock m = {warden_header(WARDEN_CLOCK, sizeof m), clock_ms};
  return send_or_queue(own, &m, sizeof m, NULL, 0);
}
