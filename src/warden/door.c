/* serve's connection. One message is read, answered, then the next: while an answer does not fit into the
 * socket nothing is read, so the warden never holds more than one. What happened to runs is told from the
 * runs themselves, whenever there is room. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/os_file.h"
#include "warden/state.h"

#define MESSAGES_A_TURN 64
#define FDS_MAX 3
#define SOCKET_BYTES (4 * 1024 * 1024) /* asked for; the kernel may give less */

struct packet {
  _Alignas(8) char bytes[LIMIT_WARDEN_MESSAGE_BYTES];
  size_t size;
  int fds[FDS_MAX];
  int fd_count;
};

static void on_serve(struct warden *w, struct watch *watch, uint32_t epoll_events);
static void watch_serve(struct warden *w);

static bool has_serve(const struct warden *w) { return w->serve.watch.fd >= 0; }

static void lose_serve(struct warden *w) {
  warden_unwatch(w, &w->serve.watch);
  free((void *)(uintptr_t)w->serve.pending.ptr);
  w->serve = (struct connection){.watch = {.fd = -1}};
  LIST_EACH (&w->outbox, link) { /* the next hello lists everything */
    list_remove(link);
    CONTAINER_OF(link, struct supervised, tell_link)->tell = 0;
  }
  w->idle_since_ms = warden_mono_ms();
}

static void block(struct warden *w) {
  w->serve.is_blocked = true;
  warden_watch_set(w, &w->serve.watch, EPOLLOUT);
}

/* False when it would not fit now, or when serve has gone. */
static bool send_now(struct warden *w, struct str message) {
  if (!has_serve(w)) return false;
  ssize_t n = send(w->serve.watch.fd, message.ptr, message.len, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n == (ssize_t)message.len) return true;
  if (errno == EAGAIN || errno == ENOBUFS) block(w);
  else lose_serve(w);
  return false;
}

static void answer(struct warden *w, const void *message, size_t size) {
  struct str bytes = {message, size};
  ASSERT(!w->serve.pending.ptr);
  if (!has_serve(w) || send_now(w, bytes) || !has_serve(w)) return;
  char *copy = malloc(size);
  if (!copy) {
    lose_serve(w); /* it comes again and gets the list */
    return;
  }
  memcpy(copy, message, size);
  w->serve.pending = (struct str){copy, size};
}

void door_tell(struct warden *w, struct supervised *run, unsigned what) {
  if (!has_serve(w)) return;
  run->tell |= what;
  if (!list_is_linked(&run->tell_link)) list_push_back(&w->outbox, &run->tell_link);
}

void door_line(struct warden *w, const struct supervised *run, struct str line) {
  if (!has_serve(w) || w->serve.is_blocked) return;
  char bytes[sizeof(struct warden_line) + WARDEN_LINE_BYTES_MAX];
  size_t size = sizeof(struct warden_line) + line.len;
  struct warden_line m = {warden_header(WARDEN_LINE, size), run->id.run_no, (uint32_t)line.len, 0};
  memcpy(bytes, &m, sizeof m);
  memcpy(bytes + sizeof m, line.ptr, line.len);
  (void)send_now(w, (struct str){bytes, size});
}

static bool tell_listed(struct warden *w, const struct supervised *run) {
  struct warden_listed m = {warden_header(WARDEN_LISTED, sizeof m), run->id, run->pid, 0};
  return send_now(w, (struct str){(const char *)&m, sizeof m});
}

static bool tell_started(struct warden *w, const struct supervised *run) {
  struct warden_started m = {warden_header(WARDEN_STARTED, sizeof m), run->id, run->pid, run->is_repeated};
  return send_now(w, (struct str){(const char *)&m, sizeof m});
}

static bool tell_ended(struct warden *w, const struct supervised *run) {
  char bytes[sizeof(struct warden_ended) + WARDEN_RESULT_BYTES_MAX];
  size_t size = sizeof(struct warden_ended) + run->end.result_bytes;
  struct warden_ended m = {warden_header(WARDEN_ENDED, size), run->end};
  memcpy(bytes, &m, sizeof m);
  if (run->end.result_bytes) memcpy(bytes + sizeof m, run->result, run->end.result_bytes);
  return send_now(w, (struct str){bytes, size});
}

/* False when there was no room for something. */
static bool tell_run(struct warden *w, struct supervised *run) {
  if (run->tell & TELL_LISTED && !tell_listed(w, run)) return false;
  run->tell &= ~TELL_LISTED;
  if (run->tell & TELL_STARTED && !tell_started(w, run)) return false;
  run->tell &= ~TELL_STARTED;
  if (run->tell & TELL_ENDED && !tell_ended(w, run)) return false;
  run->tell = 0;
  return true;
}

static void tell_list_end(struct warden *w) {
  struct warden_list_end m = {warden_header(WARDEN_LIST_END, sizeof m), (uint32_t)w->living,
                              (uint32_t)(w->runs.count - w->living)};
  if (send_now(w, (struct str){(const char *)&m, sizeof m})) w->serve.list_end_is_due = false;
}

void door_flush(struct warden *w) {
  if (!has_serve(w) || w->serve.is_blocked) return;
  LIST_EACH (&w->outbox, link) {
    if (!tell_run(w, CONTAINER_OF(link, struct supervised, tell_link))) return;
    list_remove(link);
  }
  if (w->serve.list_end_is_due) tell_list_end(w);
}

static void unblock(struct warden *w) {
  w->serve.is_blocked = false;
  struct str pending = w->serve.pending;
  if (pending.ptr) {
    w->serve.pending = STR_NONE;
    bool is_sent = send_now(w, pending);
    if (!is_sent && has_serve(w)) {
      w->serve.pending = pending;
      return;
    }
    free((void *)(uintptr_t)pending.ptr);
    if (!is_sent) return;
  }
  door_flush(w);
  if (has_serve(w) && !w->serve.is_blocked) watch_serve(w);
}

/* ---- what serve says ---- */

static void refuse(struct warden *w, int64_t run_no, enum warden_refusal why, int error_number) {
  struct warden_refused m = {warden_header(WARDEN_REFUSED, sizeof m), run_no, why, error_number};
  answer(w, &m, sizeof m);
}

/* Copied, not mapped: taking a map away again interrupts every other core that runs one of our threads
 * or a child before its exec, which costs more than the bytes. Valid until the next one. */
static struct str read_launch(int fd) {
  static char block[LAUNCH_BYTES_MAX + 1];
  ssize_t n = pread(fd, block, sizeof block, 0);
  return n > 0 ? (struct str){block, (size_t)n}
               : STR_NONE; /* one that is too long is refused by its reader */
}

static void take_start(struct warden *w, struct packet *p) {
  struct warden_start_message m;
  memcpy(&m, p->bytes, sizeof m);
  const struct warden_start *s = &m.start;
  bool has_stdin = s->flags & WARDEN_START_HAS_STDIN, has_fd4 = s->flags & WARDEN_START_HAS_FD4;
  if (p->fd_count != 1 + has_stdin + has_fd4) {
    refuse(w, s->run_no, WARDEN_REFUSED_BAD_REQUEST, 0);
    return;
  }
  int *stdin_fd = has_stdin ? &p->fds[1] : NULL, *channel_fd = has_fd4 ? &p->fds[1 + has_stdin] : NULL;
  struct starting *starting =
      starting_new(read_launch(p->fds[0]), stdin_fd ? *stdin_fd : -1, channel_fd ? *channel_fd : -1);
  enum warden_refusal why = WARDEN_REFUSED_BAD_REQUEST;
  int error_number = 0;
  if (starting) {
    if (stdin_fd) *stdin_fd = -1;
    if (channel_fd) *channel_fd = -1;
    why = run_start(w, s, starting, &error_number);
  }
  if (why) refuse(w, s->run_no, why, error_number);
}

static void take_ack(struct warden *w, const struct packet *p) {
  struct warden_ack head;
  memcpy(&head, p->bytes, sizeof head);
  int64_t known[WARDEN_ACKS_MAX];
  size_t count = 0;
  for (uint32_t i = 0; i < head.count; i++) {
    int64_t run_no;
    memcpy(&run_no, p->bytes + sizeof head + i * sizeof run_no, sizeof run_no);
    struct supervised *run = run_find(w, run_no);
    if (!run || run->phase != RUN_END) continue;
    known[count++] = run_no;
    run_free(w, run);
  }
  (void)journal_ack(&w->journal, known, count); /* without it END is told again: an upsert */
}

static void take_kill(struct warden *w, const struct packet *p) {
  struct warden_kill m;
  memcpy(&m, p->bytes, sizeof m);
  struct supervised *run = run_find(w, m.run_no);
  bool is_known = m.reason > KILL_NONE && m.reason <= KILL_PIDS;
  if (run) run_kill(w, run, is_known ? (enum kill_reason)m.reason : KILL_CANCELLED, m.is_immediate != 0);
}

static void take_read_output(struct warden *w, const struct packet *p) {
  static char bytes[sizeof(struct warden_output) + WARDEN_OUTPUT_CHUNK_MAX];
  struct warden_read_output m;
  memcpy(&m, p->bytes, sizeof m);
  struct warden_output out = {.run_no = m.run_no, .offset = m.offset, .is_ended = 1};
  const struct supervised *run = run_find(w, m.run_no);
  size_t n = 0;
  if (run) {
    uint32_t most = m.bytes_max < WARDEN_OUTPUT_CHUNK_MAX ? m.bytes_max : WARDEN_OUTPUT_CHUNK_MAX;
    n = spool_read(&run->spool, m.offset, bytes + sizeof out, most, &out.offset);
    out.output_bytes = run->spool.written_bytes;
    out.is_ended = run->phase == RUN_END;
  }
  out.bytes = (uint32_t)n;
  out.header = warden_header(WARDEN_OUTPUT, sizeof out + n);
  memcpy(bytes, &out, sizeof out);
  answer(w, bytes, sizeof out + n);
}

static uint32_t count_dying(const struct warden *w) {
  uint32_t dying = 0;
  struct map_entry entry;
  for (size_t i = 0; map_next(&w->pids, &i, &entry);) {
    const struct supervised *run = entry.value;
    dying += run->phase == RUN_TREE || run->step != KILL_STEP_NONE;
  }
  return dying;
}

static void take_clock(struct warden *w, const struct packet *p) {
  struct warden_clock m;
  memcpy(&m, p->bytes, sizeof m);
  if (!w->has_test_clock) return;
  w->test_clock_ms = m.clock_ms;
  runs_deadlines(w);
  struct warden_clock_done done = {warden_header(WARDEN_CLOCK_DONE, sizeof done), m.clock_ms,
                                   (uint32_t)w->living, count_dying(w)};
  answer(w, &done, sizeof done);
}

static void take(struct warden *w, struct packet *p) {
  enum warden_message_type type;
  if (warden_message_check((struct str){p->bytes, p->size}, &type, NULL) != ERR_OK) {
    lose_serve(w);
    return;
  }
  switch (type) {
    case WARDEN_START: take_start(w, p); return;
    case WARDEN_ACK: take_ack(w, p); return;
    case WARDEN_KILL: take_kill(w, p); return;
    case WARDEN_READ_OUTPUT: take_read_output(w, p); return;
    case WARDEN_CLOCK: take_clock(w, p); return;
    case WARDEN_HELLO:
    case WARDEN_WELCOME:
    case WARDEN_LISTED:
    case WARDEN_LIST_END:
    case WARDEN_ENDED:
    case WARDEN_OUTPUT:
    case WARDEN_STARTED:
    case WARDEN_REFUSED:
    case WARDEN_LINE:
    case WARDEN_CLOCK_DONE: lose_serve(w); return; /* not serve's to say */
  }
}

/* 1: a packet, 0: nothing now, -1: the other side has gone. */
static int receive(int fd, struct packet *p) {
  union {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int) * FDS_MAX)];
  } control;
  struct iovec part = {p->bytes, sizeof p->bytes};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  p->fd_count = 0;
  ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (n <= 0) return -1;
  p->size = (size_t)n;
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
    p->fd_count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(p->fds, CMSG_DATA(c), (size_t)p->fd_count * sizeof(int));
  }
  return message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -1 : 1;
}

static void close_fds(struct packet *p) {
  for (int i = 0; i < p->fd_count; i++) os_close(&p->fds[i]);
}

static struct packet *packet_space(void) {
  static struct packet p;
  return &p;
}

/* What serve is watched for: room when something waits to be told, else messages unless paused. */
static void watch_serve(struct warden *w) {
  warden_watch_set(w, &w->serve.watch, w->serve.is_blocked ? EPOLLOUT : w->serve.is_paused ? 0 : EPOLLIN);
}

static void pause_serve(struct warden *w) {
  w->serve.is_paused = true;
  watch_serve(w);
}

void door_resume(struct warden *w) {
  if (!has_serve(w) || !w->serve.is_paused) return;
  w->serve.is_paused = false;
  watch_serve(w);
}

static void on_serve(struct warden *w, struct watch *watch, uint32_t epoll_events) {
  if (epoll_events & EPOLLOUT) unblock(w);
  struct packet *p = packet_space();
  for (int i = 0; i < MESSAGES_A_TURN && has_serve(w) && !w->serve.is_blocked; i++) {
    if (starting_is_full(w)) return pause_serve(w);
    int got = receive(watch->fd, p);
    if (got == 0) return;
    if (got > 0) take(w, p);
    close_fds(p);
    if (got < 0) lose_serve(w);
  }
}

/* ---- the fence ---- */

static void take_hello(struct warden *w, int fd, const struct warden_hello *hello) {
  if (has_serve(w)) lose_serve(w); /* unread: what it still says is not heard */
  if (hello->epoch > w->epoch) {
    w->epoch = hello->epoch;
    (void)journal_epoch(&w->journal, w->epoch); /* full disk: this life of the warden still knows it */
  }
  if (strncmp(hello->build, w->build, sizeof w->build) != 0) w->is_draining = w->is_superseded = true;
  else adopt_later(w);
  if (hello->flags & WARDEN_HELLO_TEST_CLOCK) {
    w->has_test_clock = true;
    w->test_clock_ms = hello->clock_ms;
  }
  w->serve.watch = (struct watch){on_serve, fd};
  if (warden_watch(w, &w->serve.watch, EPOLLIN) != ERR_OK) {
    lose_serve(w);
    return;
  }
  struct warden_welcome m = {.header = warden_header(WARDEN_WELCOME, sizeof m), .pid = w->pid};
  memcpy(m.build, w->build, sizeof m.build);
  memcpy(m.journal_id, w->journal.id, sizeof m.journal_id);
  memcpy(m.boot_id, w->boot_id, sizeof m.boot_id);
  m.flags = (w->is_draining ? WARDEN_IS_DRAINING : 0) | (geteuid() == 0 ? WARDEN_IS_ROOT : 0) |
            (w->cgroup.fd >= 0 ? WARDEN_HAS_CGROUPS : 0);
  answer(w, &m, sizeof m);
  if (!has_serve(w)) return;
  w->serve.list_end_is_due = true;
  struct map_entry entry;
  for (size_t i = 0; map_next(&w->runs, &i, &entry);) {
    struct supervised *run = entry.value;
    door_tell(w, run, run->phase == RUN_END ? TELL_ENDED : TELL_LISTED);
  }
}

static void on_stranger(struct warden *w, struct watch *watch, uint32_t epoll_events) {
  (void)epoll_events;
  struct packet *p = packet_space();
  int got = receive(watch->fd, p);
  if (got == 0) return;
  close_fds(p);
  enum warden_message_type type;
  struct warden_hello hello;
  bool is_hello = got > 0 && warden_message_check((struct str){p->bytes, p->size}, &type, NULL) == ERR_OK &&
                  type == WARDEN_HELLO;
  if (is_hello) memcpy(&hello, p->bytes, sizeof hello);
  if (!is_hello || hello.epoch < w->epoch) {
    warden_unwatch(w, watch);
    return;
  }
  int fd = watch->fd;
  (void)epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
  watch->fd = -1;
  take_hello(w, fd, &hello);
}

static bool peer_is_allowed(const struct warden *w, int fd) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == geteuid() || peer.uid == w->data_owner || peer.uid == 0;
}

static void on_listener(struct warden *w, struct watch *watch, uint32_t epoll_events) {
  (void)epoll_events;
  int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  for (int i = 0; i < WARDEN_STRANGERS_MAX && peer_is_allowed(w, fd); i++) {
    if (w->strangers[i].fd >= 0) continue;
    int bytes = SOCKET_BYTES;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    w->strangers[i] = (struct watch){on_stranger, fd};
    if (warden_watch(w, &w->strangers[i], EPOLLIN) == ERR_OK) return;
    w->strangers[i].fd = -1;
  }
  (void)close(fd);
}

/* Bound through /proc/self/fd, since a socket's path may have only 108 bytes. */
enum err door_open(struct warden *w, struct err_detail *detail) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char name[WARDEN_BUILD_BYTES + 8];
  (void)snprintf(name, sizeof name, "%.*s.sock", WARDEN_BUILD_BYTES, w->build);
  (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", w->dir_fd, name);
  (void)unlinkat(w->dir_fd, name, 0); /* we hold the lock: it is a dead warden's */
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return os_error(errno, detail, "socket", name);
  w->listener = (struct watch){on_listener, fd};
  if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
      listen(fd, WARDEN_STRANGERS_MAX) != 0)
    return os_error(errno, detail, "listen on", name);
  if (fchmodat(w->dir_fd, name, 0600, 0) != 0) return os_error(errno, detail, "chmod", name);
  if (geteuid() == 0 && w->data_owner != 0 && fchownat(w->dir_fd, name, w->data_owner, (gid_t)-1, 0) != 0)
    return os_error(errno, detail, "chown", name);
  return warden_watch(w, &w->listener, EPOLLIN);
}

void door_close(struct warden *w) {
  char name[WARDEN_BUILD_BYTES + 8];
  (void)snprintf(name, sizeof name, "%.*s.sock", WARDEN_BUILD_BYTES, w->build);
  (void)unlinkat(w->dir_fd, name, 0);
  lose_serve(w);
  for (int i = 0; i < WARDEN_STRANGERS_MAX; i++) warden_unwatch(w, &w->strangers[i]);
  warden_unwatch(w, &w->listener);
}
