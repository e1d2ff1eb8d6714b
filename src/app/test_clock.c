#include "app/test_clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/os_file.h"

#define SETTLE_RUN_MS 2000 /* real time given to each process before the clock moves on */
#define POLL_MS 1
#define COMMAND_BYTES_MAX 200
#define STEPS_HERE_MAX 100 /* the core may ask for a few turns at one instant */
#define QUIET_POLLS 2      /* settled twice in a row: nothing is under way between loop turns */

struct test_clock {
  struct world world;     /* first: the world's functions get it back */
  _Atomic int64_t now_ms; /* read by the worlds' lanes, too */
  struct loop *loop;
  struct engine *engine;
  char folder[CONFIG_VALUE_BYTES_MAX];
  char socket_path[108];
  int listen_fd, fd;
  struct loop_io *listen_io, *io;
  struct loop_timer *poll;
  char line[COMMAND_BYTES_MAX];
  size_t line_len;
  bool is_busy; /* a command waits for its answer */
  int64_t target_ms;
  int quiet, steps_here;
  bool is_clock_out; /* the warden has not answered the last WARDEN_CLOCK */
  int dying;
  int64_t dying_since_ms;
};

static int64_t wall_ms(struct world *w) { return ((struct test_clock *)w)->now_ms; }
static struct tick tick(struct world *w) { return (void)w, world_real()->tick(world_real()); }
static void random_bytes(struct world *w, void *to, size_t n) {
  (void)w, world_real()->random(world_real(), to, n);
}

static void marker_path(const char *folder, char *ret, size_t size) {
  snprintf(ret, size, "%s/test-marker", folder);
}

static enum err write_marker(const char *folder, int64_t now_ms, struct err_detail *detail) {
  char path[CONFIG_VALUE_BYTES_MAX + 16], text[64];
  marker_path(folder, path, sizeof path);
  snprintf(text, sizeof text, "%s\n", instant_to_text(now_ms).text);
  return os_write_file(path, str_of(text), 0600, detail);
}

enum err test_clock_init(const char *folder, int64_t now_ms, struct err_detail *detail) {
  char path[CONFIG_VALUE_BYTES_MAX + 16];
  snprintf(path, sizeof path, "%s/sereno.db", folder);
  if (access(path, F_OK) == 0)
    return err_set(detail, ERR_CONFLICT, "data.dir", 0,
                   "%.150s holds real data: it cannot become a test folder", folder);
  return write_marker(folder, now_ms, detail);
}

static enum err read_marker(struct test_clock *t, struct err_detail *detail) {
  char path[CONFIG_VALUE_BYTES_MAX + 16];
  marker_path(t->folder, path, sizeof path);
  BUF_AUTO struct buf text = buf_new(100);
  enum err e = os_read_file(path, &text, NULL);
  int64_t begin_ms;
  if (e == ERR_OK && instant_from_text(str_trim(buf_str(&text)), &begin_ms)) {
    t->now_ms = begin_ms;
    return ERR_OK;
  }
  e = err_set(detail, ERR_FORBIDDEN, "test-clock", 0, "%.150s is not marked as a test folder", t->folder);
  err_hint(detail, "make one with: sereno serve --init-test --data DIR");
  return e;
}

/* ---- moving the clock ---- */

static void answer(struct test_clock *t, const char *word, const char *text) {
  char line[300];
  int n = snprintf(line, sizeof line, "%s %s\n", word, text);
  if (t->fd >= 0 && n > 0) (void)!send(t->fd, line, (size_t)n, MSG_NOSIGNAL);
  t->is_busy = false;
}

static void tell_warden(struct test_clock *t) {
  if (warden_set_clock(t->engine->warden, t->now_ms) == ERR_OK) t->is_clock_out = true;
}

static void move_to(struct test_clock *t, int64_t now_ms) {
  t->now_ms = now_ms;
  tell_warden(t);
  engine_step(t->engine, &(struct sched_event){.kind = SCHED_TIMER});
}

/* Does the clock have to stand still? Something is unanswered, or a process may yet end by itself. */
static bool is_quiet(struct test_clock *t) {
  size_t running;
  int64_t real_ms = engine_tick_ms(t->engine);
  if (!engine_is_settled(t->engine, &running) || t->is_clock_out) return false;
  if (t->dying > 0 && running > 0 && real_ms - t->dying_since_ms < SETTLE_RUN_MS) return false;
  struct map_entry entry;
  for (size_t i = 0; map_next(&t->engine->live, &i, &entry);) {
    const struct live_run *live = entry.value;
    if (live->state == LIVE_STARTED && real_ms - live->started_tick_ms < SETTLE_RUN_MS) return false;
  }
  return true;
}

/* The next instant at which the warden acts by itself: timeouts, the end of a grace, the hard wall. */
static int64_t next_deadline(const struct test_clock *t) {
  int64_t next = INSTANT_NEVER;
  struct map_entry entry;
  for (size_t i = 0; map_next(&t->engine->live, &i, &entry);) {
    const struct live_run *live = entry.value;
    if (live->state != LIVE_STARTED) continue;
    int64_t term_ms = live->started_ms + live->start.timeout_ms;
    int64_t deadlines[] = {term_ms, term_ms + live->start.grace_ms,
                           live->started_ms + live->start.max_runtime_ms};
    for (size_t k = 0; k < sizeof deadlines / sizeof *deadlines; k++)
      if (deadlines[k] > t->now_ms && deadlines[k] < next) next = deadlines[k];
  }
  return next;
}

static void drive(void *arg) {
  struct test_clock *t = arg;
  if (!t->is_busy) return;
  loop_timer_arm_ms(t->poll, POLL_MS);
  if (!is_quiet(t)) {
    t->quiet = 0;
    return;
  }
  if (++t->quiet < QUIET_POLLS) return;
  t->quiet = 0;
  int64_t wake_ms = sched_wake_ms(t->engine->sched), deadline_ms = next_deadline(t);
  if (wake_ms <= t->now_ms && t->steps_here++ < STEPS_HERE_MAX) return move_to(t, t->now_ms);
  t->steps_here = 0;
  int64_t next_ms = wake_ms < deadline_ms ? wake_ms : deadline_ms;
  if (next_ms <= t->now_ms) next_ms = t->now_ms + 1;
  if (t->now_ms < t->target_ms) return move_to(t, next_ms < t->target_ms ? next_ms : t->target_ms);
  (void)write_marker(t->folder, t->now_ms, NULL);
  answer(t, "ok", instant_to_text(t->now_ms).text);
}

void engine_on_warden_clock(void *arg, const struct warden_clock_done *done) {
  struct engine *e = arg;
  struct test_clock *t = e->test_clock;
  if (!t || done->clock_ms != t->now_ms) return;
  t->is_clock_out = false;
  t->dying_since_ms = engine_tick_ms(e); /* each move of the clock may be the one that kills */
  t->dying = (int)done->dying;
}

static void pass_until(struct test_clock *t, int64_t target_ms) {
  t->is_busy = true;
  t->quiet = 0;
  t->target_ms = target_ms;
  loop_timer_arm_ms(t->poll, 0);
}

static void set_clock(struct test_clock *t, int64_t is_ms) {
  int64_t was_ms = t->now_ms;
  t->now_ms = is_ms;
  tell_warden(t);
  engine_step(t->engine, &(struct sched_event){.kind = SCHED_CLOCK_SET, .clock = {was_ms, is_ms}});
  pass_until(t, is_ms);
}

/* ---- commands ---- */

static void command(struct test_clock *t, struct str line) {
  struct str verb = line, rest = STR_NONE;
  size_t space = str_find_char(line, ' ');
  if (space != SIZE_MAX) {
    verb = (struct str){line.ptr, space};
    rest = str_trim(str_from(line, space));
  }
  int64_t value = 0;
  bool has_instant = rest.len && instant_from_text(rest, &value);
  if (str_eq(verb, STR("now"))) return answer(t, "ok", instant_to_text(t->now_ms).text);
  if (!t->engine || !t->engine->is_ready) return answer(t, "error", "the server is starting");
  if (str_eq(verb, STR("advance")) && duration_from_text(rest, &value))
    return pass_until(t, t->now_ms + value);
  if (str_eq(verb, STR("set")) && has_instant)
    return value < t->now_ms ? set_clock(t, value) : pass_until(t, value);
  if (str_eq(verb, STR("jump")) && has_instant) return set_clock(t, value);
  answer(t, "error", "say now, set INSTANT, advance DURATION or jump INSTANT");
}

static void close_client(struct test_clock *t) {
  loop_io_free(t->io);
  t->io = NULL;
  os_close(&t->fd);
  t->line_len = 0;
}

static void on_readable(void *arg, int fd, uint32_t events) {
  struct test_clock *t = arg;
  (void)events;
  ssize_t n = recv(fd, t->line + t->line_len, sizeof t->line - t->line_len, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return close_client(t);
  t->line_len += (size_t)n;
  char *end = memchr(t->line, '\n', t->line_len);
  if (!end) {
    if (t->line_len == sizeof t->line) close_client(t);
    return;
  }
  struct str line = str_trim((struct str){t->line, (size_t)(end - t->line)});
  t->line_len = 0; /* one command at a time: what follows before the answer is dropped */
  if (t->is_busy) return answer(t, "error", "busy");
  command(t, line);
}

static void on_client(void *arg, int fd, uint32_t events) {
  struct test_clock *t = arg;
  (void)events;
  int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client < 0) return;
  close_client(t); /* the newest client is the one */
  t->fd = client;
  t->is_busy = false;
  if (loop_io_new(t->loop, client, EPOLLIN, on_readable, t, &t->io) != ERR_OK) close_client(t);
}

static enum err open_socket(struct test_clock *t, const char *path, struct err_detail *detail) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (!str_copy(address.sun_path, sizeof address.sun_path, str_of(path)))
    return err_set(detail, ERR_LIMIT, "test-clock", 0, "the socket's path is longer than 107 bytes");
  str_copy(t->socket_path, sizeof t->socket_path, str_of(path));
  t->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (t->listen_fd < 0) return os_error(errno, detail, "socket", path);
  (void)unlink(path);
  if (bind(t->listen_fd, (struct sockaddr *)&address, sizeof address) != 0 || chmod(path, 0600) != 0 ||
      listen(t->listen_fd, 8) != 0)
    return os_error(errno, detail, "listen", path);
  return loop_io_new(t->loop, t->listen_fd, EPOLLIN, on_client, t, &t->listen_io);
}

enum err test_clock_new(struct loop *loop, const char *folder, const char *socket_path,
                        struct test_clock **ret, struct err_detail *detail) {
  struct test_clock *t = calloc(1, sizeof *t);
  if (!t) return ERR_NO_MEMORY;
  t->world = (struct world){wall_ms, tick, random_bytes};
  t->loop = loop;
  t->fd = t->listen_fd = -1;
  str_copy(t->folder, sizeof t->folder, str_of(folder));
  enum err e = read_marker(t, detail);
  if (e == ERR_OK) e = loop_timer_new(loop, drive, t, &t->poll);
  if (e == ERR_OK) e = open_socket(t, socket_path, detail);
  if (e != ERR_OK) {
    test_clock_free(t);
    return e;
  }
  *ret = t;
  return ERR_OK;
}

struct world *test_clock_world(struct test_clock *t) {
  return &t->world;
}

void test_clock_attach(struct test_clock *t, struct engine *e) {
  t->engine = e;
  e->test_clock = t;
}

void test_clock_free(struct test_clock *t) {
  if (!t) return;
  if (t->engine) t->engine->test_clock = NULL;
  close_client(t);
  loop_io_free(t->listen_io);
  loop_timer_free(t->poll);
  if (t->listen_fd >= 0) (void)unlink(t->socket_path);
  os_close(&t->listen_fd);
  free(t);
}
