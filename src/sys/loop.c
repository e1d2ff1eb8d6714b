#include "sys/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "sys/os_file.h"

#define POSTS_PER_TURN 256
/* sd-event reads 0 as "250 ms will do". */
#define TIMER_ACCURACY_US 1
#define TIMER_MAX_MS (100LL * 366 * 86400 * 1000)

struct loop {
  sd_event *event;
  bool is_stopping;
  int stop_code;
  int wake_fd; /* eventfd, readable while something posted waits */
  struct loop_io *wake;
  _Atomic(struct loop_message *) posted; /* newest first, pushed by any thread */
  struct loop_message *taken;            /* oldest first, the loop's own */
};

struct loop_io {
  sd_event_source *source;
  loop_io_fn *fn;
  void *arg;
};

struct loop_timer {
  sd_event_source *source;
  loop_timer_fn *fn;
  void *arg;
};

struct loop_wall {
  struct loop_io *io;
  int fd;
  int64_t at_ms;
  bool missed_a_change; /* the kernel told it while arming, not by a read */
  loop_wall_fn *fn;
  void *arg;
};

struct loop_signal {
  sd_event_source *source;
  loop_signal_fn *fn;
  void *arg;
};

static enum err err_of(int negative_errno) { return os_error(-negative_errno, NULL, "event loop", NULL); }

/* --- messages from other threads ------------------------------------------------------------------------ */

static void wake(struct loop *l) {
  uint64_t one = 1;
  ssize_t n;
  do n = write(l->wake_fd, &one, sizeof one);
  while (n < 0 && errno == EINTR);
  ASSERT(n == sizeof one || errno == EAGAIN); /* EAGAIN: the counter is full, so it is readable */
}

void loop_post(struct loop *l, struct loop_message *m) {
  ASSERT(m->fn);
  struct loop_message *newest = atomic_load_explicit(&l->posted, memory_order_relaxed);
  do m->next = newest;
  while (!atomic_compare_exchange_weak_explicit(&l->posted, &newest, m, memory_order_release,
                                                memory_order_relaxed));
  /* Whoever found the list empty wakes; m may be gone already. */
  if (!newest) wake(l);
}

static struct loop_message *take_posted(struct loop *l) {
  struct loop_message *m = atomic_exchange_explicit(&l->posted, NULL, memory_order_acquire);
  struct loop_message *oldest = NULL;
  while (m) {
    struct loop_message *next = m->next;
    m->next = oldest;
    oldest = m;
    m = next;
  }
  return oldest;
}

bool loop_unpost(struct loop *l, struct loop_message *m) {
  struct loop_message **at = &l->taken;
  while (*at && *at != m) at = &(*at)->next;
  if (!*at) {
    *at = take_posted(l);
    while (*at && *at != m) at = &(*at)->next;
  }
  bool is_there = *at != NULL;
  if (is_there) *at = m->next;
  if (l->taken) wake(l);
  return is_there;
}

static void drain_posted(void *arg, int fd, uint32_t epoll_events) {
  (void)epoll_events;
  struct loop *l = arg;
  uint64_t count;
  ssize_t n = read(fd, &count, sizeof count);
  (void)n; /* only lowers the flag; the list says what there is */
  for (int i = 0; i < POSTS_PER_TURN; i++) {
    if (!l->taken) l->taken = take_posted(l);
    struct loop_message *m = l->taken;
    if (!m) return;
    l->taken = m->next;
    loop_post_fn *fn = m->fn;
    fn(m->arg); /* from here on m is its owner's again */
  }
  /* The read above may have taken the wake of a message that this turn did not come to. */
  if (l->taken || atomic_load_explicit(&l->posted, memory_order_acquire)) wake(l);
}

/* --- the loop ------------------------------------------------------------------------------------------- */

enum err loop_new(struct loop **ret) {
  struct loop *l = calloc(1, sizeof *l);
  if (!l) return ERR_NO_MEMORY;
  enum err e = ERR_OK;
  int r = 0;
  l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (l->wake_fd < 0) e = err_of(-errno);
  if (e == ERR_OK && (r = sd_event_new(&l->event)) < 0) e = err_of(r);
  if (e == ERR_OK) e = loop_io_new(l, l->wake_fd, EPOLLIN, drain_posted, l, &l->wake);
  if (e != ERR_OK) {
    loop_free(l);
    return e;
  }
  *ret = l;
  return ERR_OK;
}

void loop_free(struct loop *l) {
  if (!l) return;
  loop_io_free(l->wake);
  sd_event_unref(l->event);
  os_close(&l->wake_fd);
  free(l);
}

static int turn(struct loop *l, int64_t timeout_us) {
  return sd_event_run(l->event, timeout_us < 0 ? UINT64_MAX : (uint64_t)timeout_us);
}

int loop_run(struct loop *l) {
  while (!l->is_stopping) {
    int r = turn(l, -1);
    if (r < 0) return r;
  }
  l->is_stopping = false;
  return l->stop_code;
}

void loop_stop(struct loop *l, int code) {
  l->is_stopping = true;
  l->stop_code = code;
}

bool loop_turn(struct loop *l, int64_t timeout_us) { return turn(l, timeout_us) > 0; }

/* --- descriptors ---------------------------------------------------------------------------------------- */

/* sd-event holds the source while it dispatches, so a callback may free its handle; nothing of the
 * handle is touched after fn. A negative return would disable the source, so it is always 0. */
static int on_io(sd_event_source *source, int fd, uint32_t epoll_events, void *arg) {
  (void)source;
  struct loop_io *io = arg;
  io->fn(io->arg, fd, epoll_events);
  return 0;
}

enum err loop_io_new(struct loop *l, int fd, uint32_t epoll_events, loop_io_fn *fn, void *arg,
                     struct loop_io **ret) {
  struct loop_io *io = calloc(1, sizeof *io);
  if (!io) return ERR_NO_MEMORY;
  *io = (struct loop_io){.fn = fn, .arg = arg};
  int r = sd_event_add_io(l->event, &io->source, fd, epoll_events, on_io, io);
  enum err e = r < 0 ? err_of(r) : epoll_events == 0 ? loop_io_set(io, 0) : ERR_OK;
  if (e != ERR_OK) {
    loop_io_free(io);
    return e;
  }
  *ret = io;
  return ERR_OK;
}

enum err loop_io_set(struct loop_io *io, uint32_t epoll_events) {
  int r = 0;
  if (epoll_events) r = sd_event_source_set_io_events(io->source, epoll_events);
  if (r >= 0) r = sd_event_source_set_enabled(io->source, epoll_events ? SD_EVENT_ON : SD_EVENT_OFF);
  return r < 0 ? err_of(r) : ERR_OK;
}

void loop_io_free(struct loop_io *io) {
  if (!io) return;
  sd_event_source_disable_unref(io->source);
  free(io);
}

/* --- monotonic timers ----------------------------------------------------------------------------------- */

static int on_timer(sd_event_source *source, uint64_t usec, void *arg) {
  (void)source, (void)usec;
  struct loop_timer *t = arg;
  t->fn(t->arg);
  return 0;
}

enum err loop_timer_new(struct loop *l, loop_timer_fn *fn, void *arg, struct loop_timer **ret) {
  struct loop_timer *t = calloc(1, sizeof *t);
  if (!t) return ERR_NO_MEMORY;
  *t = (struct loop_timer){.fn = fn, .arg = arg};
  int r =
      sd_event_add_time(l->event, &t->source, CLOCK_MONOTONIC, UINT64_MAX, TIMER_ACCURACY_US, on_timer, t);
  if (r >= 0) r = sd_event_source_set_enabled(t->source, SD_EVENT_OFF);
  if (r < 0) {
    loop_timer_free(t);
    return err_of(r);
  }
  *ret = t;
  return ERR_OK;
}

/* Counted from now, not from sd-event's cached start of the turn: a long callback must not shorten it. */
void loop_timer_arm_ms(struct loop_timer *t, int64_t after_ms) {
  int r;
  if (after_ms < 0) {
    r = sd_event_source_set_enabled(t->source, SD_EVENT_OFF);
  } else {
    struct timespec now;
    r = clock_gettime(CLOCK_MONOTONIC, &now);
    ASSERT(r == 0);
    uint64_t now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    uint64_t after_us = (uint64_t)(after_ms < TIMER_MAX_MS ? after_ms : TIMER_MAX_MS) * 1000;
    r = sd_event_source_set_time(t->source, now_us + after_us);
    if (r >= 0) r = sd_event_source_set_enabled(t->source, SD_EVENT_ONESHOT);
  }
  ASSERT(r >= 0); /* no memory and no descriptor is needed here */
}

void loop_timer_free(struct loop_timer *t) {
  if (!t) return;
  sd_event_source_disable_unref(t->source);
  free(t);
}

/* --- the wall clock ------------------------------------------------------------------------------------- */

/* What the kernel cannot take: instants before 1970 are "at once", those past 2255 "never". */
static struct itimerspec wall_spec(int64_t at_ms) {
  static const int64_t never_ms = 9000000000000; /* year 2255; the kernel's ktime ends in 2262 */
  if (at_ms > never_ms) at_ms = never_ms;
  struct itimerspec spec = {};
  spec.it_value.tv_sec = at_ms > 0 ? at_ms / 1000 : 0;
  spec.it_value.tv_nsec = at_ms > 0 ? at_ms % 1000 * 1000000 : 1; /* all zero would disarm */
  return spec;
}

static int wall_set(struct loop_wall *w, int64_t at_ms) {
  struct itimerspec spec = wall_spec(at_ms);
  return timerfd_settime(w->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL) < 0 ? errno : 0;
}

/* When the clock was set since the last look, arming succeeds yet answers ECANCELED, once. */
void loop_wall_arm(struct loop_wall *w, int64_t at_ms) {
  w->at_ms = at_ms;
  int error_number = wall_set(w, w->missed_a_change ? 0 : at_ms);
  if (error_number == ECANCELED) {
    w->missed_a_change = true;
    error_number = wall_set(w, 0); /* be called at once, to tell it */
  }
  ASSERT(error_number == 0 || error_number == ECANCELED);
}

/* A read that answers ECANCELED has also thrown away an expiry, so the alarm is set again. */
static void on_wall(void *arg, int fd, uint32_t epoll_events) {
  (void)epoll_events;
  struct loop_wall *w = arg;
  uint64_t expiries;
  ssize_t n = read(fd, &expiries, sizeof expiries);
  if (n < 0 && errno != ECANCELED) return; /* EAGAIN: armed anew since it became readable */
  bool was_set = n < 0 || w->missed_a_change;
  if (was_set) {
    w->missed_a_change = false;
    loop_wall_arm(w, w->at_ms);
  }
  w->fn(w->arg, was_set);
}

enum err loop_wall_new(struct loop *l, loop_wall_fn *fn, void *arg, struct loop_wall **ret) {
  struct loop_wall *w = calloc(1, sizeof *w);
  if (!w) return ERR_NO_MEMORY;
  *w = (struct loop_wall){.fn = fn, .arg = arg};
  enum err e = ERR_OK;
  w->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  if (w->fd < 0) e = err_of(-errno);
  if (e == ERR_OK) e = loop_io_new(l, w->fd, EPOLLIN, on_wall, w, &w->io);
  if (e != ERR_OK) {
    loop_wall_free(w);
    return e;
  }
  loop_wall_arm(w, INSTANT_NEVER);
  *ret = w;
  return ERR_OK;
}

void loop_wall_free(struct loop_wall *w) {
  if (!w) return;
  loop_io_free(w->io);
  os_close(&w->fd);
  free(w);
}

/* --- signals -------------------------------------------------------------------------------------------- */

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *arg) {
  (void)source;
  struct loop_signal *s = arg;
  s->fn(s->arg, (int)info->ssi_signo);
  return 0;
}

enum err loop_signal_new(struct loop *l, int signal_number, loop_signal_fn *fn, void *arg,
                         struct loop_signal **ret) {
  sigset_t blocked;
  (void)sigemptyset(&blocked);
  if (sigaddset(&blocked, signal_number) < 0) return ERR_INVALID;
  int error_number = pthread_sigmask(SIG_BLOCK, &blocked, NULL);
  if (error_number) return err_of(-error_number);
  struct loop_signal *s = calloc(1, sizeof *s);
  if (!s) return ERR_NO_MEMORY;
  *s = (struct loop_signal){.fn = fn, .arg = arg};
  int r = sd_event_add_signal(l->event, &s->source, signal_number, on_signal, s);
  if (r < 0) {
    loop_signal_free(s);
    return err_of(r);
  }
  *ret = s;
  return ERR_OK;
}

void loop_signal_free(struct loop_signal *s) {
  if (!s) return;
  sd_event_source_disable_unref(s->source);
  free(s);
}
