#include "app/world_lanes.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "app/world_turns.h"
#include "base/json.h"
#include "sys/os_file.h"

#define TOLD_PER_TURN 256
#define MS_NS 1000000LL
#define STOPPING "the server is stopping"

struct task {
  struct turn turn;               /* first; its node is in `finished` at the end */
  struct str user_id, actor_name; /* own copies, as the turn's world_id */
  enum world_actor_kind actor_kind;
  json_t *args;
  struct str args_text, payload;
  bool is_borrowed, wants_text;
  size_t bytes;
  int64_t until_ns; /* monotonic: not tried again after it */
  struct world_reply reply;
  char *body_text;
  world_lanes_fn *fn;
  void *arg;
};

struct notice {
  struct list node;
  enum log_level level;
  char *component, *message;
  json_t *fields;
};

struct lane_thread {
  struct world_lanes *lanes;
  pthread_t thread;
  struct lane lane;
  bool is_open;
};

/* The lock guards everything but `tasks` and `bytes`, which are the loop's. */
struct world_lanes {
  struct world_lanes_options options;
  const struct world_lanes_ops *ops;
  pthread_mutex_t lock;
  pthread_cond_t changed; /* on CLOCK_MONOTONIC */
  struct turns turns;
  struct list finished, notices;
  struct worlds *worlds;
  bool is_beginning, is_stopping, has_tried, is_state_new;
  bool is_in_trouble; /* the last call that needed them found database or live state silent */
  int64_t reopen_at_ns;
  size_t open_lanes, notice_count;
  char why[ERR_TEXT_MAX];
  int64_t calls, busy, retries, notices_dropped;
  int wake_fd;
  struct loop_io *io;
  size_t tasks, bytes;
  int thread_count;
  struct lane_thread threads[LANES_MAX];
};

static const struct world_lanes_ops worlds_ops = {worlds_new, worlds_free, lane_open,
                                                  lane_close, worlds_call, worlds_wake_behind};

static void lock(struct world_lanes *l) {
  int failed = pthread_mutex_lock(&l->lock);
  ASSERT(!failed);
}
static void unlock(struct world_lanes *l) {
  int failed = pthread_mutex_unlock(&l->lock);
  ASSERT(!failed);
}

static int64_t tick_ns(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 * MS_NS + t.tv_nsec;
}

static void wait_until(struct world_lanes *l, int64_t at_ns) {
  struct timespec t = {(time_t)(at_ns / (1000 * MS_NS)), (long)(at_ns % (1000 * MS_NS))};
  if (at_ns == INT64_MAX) (void)pthread_cond_wait(&l->changed, &l->lock);
  else (void)pthread_cond_timedwait(&l->changed, &l->lock, &t);
}

static void wake_loop(struct world_lanes *l) {
  uint64_t one = 1;
  ssize_t n;
  do n = write(l->wake_fd, &one, sizeof one);
  while (n < 0 && errno == EINTR);
}

static struct task *task_of(struct turn *turn) { return turn ? CONTAINER_OF(turn, struct task, turn) : NULL; }

static void finish(struct world_lanes *l, struct task *t) {
  if (turns_leave(&l->turns, &t->turn)) (void)pthread_cond_signal(&l->changed);
  list_push_back(&l->finished, &t->turn.node);
  wake_loop(l);
}

/* ---- one call, without the lock ---- */

static void refuse(struct task *t, enum err error, const char *why) {
  t->reply.error = err_set(&t->reply.detail, error, "", 0, "%s", why);
}

static enum err parse_args(struct task *t) {
  if (t->args) return ERR_OK;
  if (!t->args_text.len) {
    t->args = json_object();
    return t->args ? ERR_OK : ERR_NO_MEMORY;
  }
  TRY(json_parse(t->args_text, &t->args, &t->reply.detail));
  if (json_is_object(t->args)) return ERR_OK;
  return err_set(&t->reply.detail, ERR_INVALID, "args", 0, "has to be an object");
}

static void carry_out(struct world_lanes *l, struct lane *lane, struct task *t) {
  t->reply.error = parse_args(t);
  if (t->reply.error != ERR_OK) return;
  struct str id = t->turn.world_id.len ? t->turn.world_id : json_text_at(t->args, "worldId");
  struct world_request q = {.call = t->turn.call,
                            .now_ms = l->options.now_ms(l->options.now_arg),
                            .actor = {t->actor_kind, t->user_id, t->actor_name},
                            .world_id = id,
                            .args = t->args,
                            .payload = t->payload};
  t->reply.error = l->ops->call(lane, &q, &t->reply);
  if (t->wants_text && t->reply.error == ERR_OK && t->reply.body) {
    t->body_text = json_to_text(t->reply.body);
    if (!t->body_text) t->reply.error = ERR_NO_MEMORY;
  }
}

/* ---- the database comes and goes ---- */

/* Leaving a world queues who was parked for it, so this ends when nothing waits at all. */
static void refuse_waiting(struct world_lanes *l, const char *why) {
  for (struct task *t; (t = task_of(turns_take_out(&l->turns)));) {
    refuse(t, ERR_UNAVAILABLE, why);
    finish(l, t);
  }
}

static void note_failure(struct world_lanes *l, enum err e, const struct err_detail *detail) {
  char why[2 * ERR_TEXT_MAX + 2];
  snprintf(why, sizeof why, "%s%s%s", detail->message[0] ? detail->message : err_text(e),
           detail->hint[0] ? "; " : "", detail->hint);
  why[ERR_TEXT_MAX - 1] = '\0'; /* as much as l->why holds, so that it compares */
  l->reopen_at_ns = tick_ns() + LANES_REOPEN_MS * MS_NS;
  bool is_news = !l->has_tried || strcmp(l->why, why) != 0;
  l->has_tried = true;
  if (l->open_lanes > 0) return;
  str_copy(l->why, sizeof l->why, str_of(why));
  l->is_state_new |= is_news;
  refuse_waiting(l, l->why);
  wake_loop(l);
}

static void note_open(struct world_lanes *l) {
  l->open_lanes++;
  l->has_tried = true;
  if (!l->is_in_trouble) l->why[0] = '\0';
  l->is_state_new |= l->open_lanes == 1;
  wake_loop(l);
  (void)pthread_cond_broadcast(&l->changed);
}

/* A call's word that the database or the live state does not answer, or does again. */
static void note_trouble(struct world_lanes *l, const struct err_detail *detail) {
  if (l->is_in_trouble) return;
  l->is_in_trouble = l->is_state_new = true;
  str_copy(l->why, sizeof l->why, str_of(detail->message[0] ? detail->message : err_text(ERR_UNAVAILABLE)));
}

static void note_health(struct world_lanes *l) {
  if (!l->is_in_trouble) return;
  l->is_in_trouble = false;
  l->is_state_new = true;
  l->why[0] = '\0';
}

/* ---- after a call ---- */

static bool is_worth_another_try(const struct task *t) {
  return t->reply.error == ERR_WORLD_BUSY || t->reply.error == ERR_BUSY;
}

static void after_call(struct world_lanes *l, struct task *t) {
  int64_t now_ns = tick_ns();
  l->calls++;
  if (is_worth_another_try(t) && now_ns < t->until_ns && !l->is_stopping) {
    world_reply_free(&t->reply);
    free(t->body_text);
    t->body_text = NULL;
    l->retries++;
    turns_delay(&l->turns, &t->turn, now_ns);
    (void)pthread_cond_signal(&l->changed);
    return;
  }
  l->busy += is_worth_another_try(t);
  if (t->reply.error == ERR_UNAVAILABLE) note_trouble(l, &t->reply.detail);
  else if (t->reply.error == ERR_OK) note_health(l);
  finish(l, t);
  if (l->is_stopping) refuse_waiting(l, STOPPING); /* who was parked behind it */
}

/* With the lock, which is given away meanwhile. One lane makes the tables for all. */
static void begin(struct world_lanes *l) {
  struct err_detail detail = {};
  struct worlds *worlds = NULL;
  l->is_beginning = true;
  unlock(l);
  enum err e = l->ops->begin(&l->options.config, &worlds, &detail);
  lock(l);
  l->is_beginning = false;
  if (e == ERR_OK) l->worlds = worlds;
  else note_failure(l, e, &detail);
  (void)pthread_cond_broadcast(&l->changed);
}

static void open_lane(struct world_lanes *l, struct lane_thread *t) {
  struct err_detail detail = {};
  unlock(l);
  enum err e = l->ops->open(l->worlds, &t->lane, &detail);
  lock(l);
  t->is_open = e == ERR_OK;
  if (t->is_open) note_open(l);
  else note_failure(l, e, &detail);
}

static void come_up(struct world_lanes *l, struct lane_thread *t) {
  if (tick_ns() < l->reopen_at_ns) wait_until(l, l->reopen_at_ns);
  else if (l->is_beginning) wait_until(l, INT64_MAX);
  else if (!l->worlds) begin(l);
  else open_lane(l, t);
}

static void *lane_main(void *arg) {
  struct lane_thread *own = arg;
  struct world_lanes *l = own->lanes;
  lock(l);
  while (!l->is_stopping) {
    if (!own->is_open) {
      come_up(l, own);
      continue;
    }
    struct task *t = task_of(turns_take(&l->turns, tick_ns()));
    if (!t) {
      wait_until(l, turns_wake_ns(&l->turns));
      continue;
    }
    unlock(l);
    carry_out(l, &own->lane, t);
    lock(l);
    after_call(l, t);
    if (!own->lane.to_wake[0]) continue;
    unlock(l);
    l->ops->behind(&own->lane, l->options.now_ms(l->options.now_arg));
    lock(l);
  }
  unlock(l);
  if (own->is_open) l->ops->close(&own->lane);
  return NULL;
}

/* ---- on the loop: telling ---- */

static void task_free(struct task *t) {
  world_reply_free(&t->reply);
  json_decref(t->args);
  free(t->body_text);
  free((void *)(uintptr_t)t->turn.world_id.ptr);
  free((void *)(uintptr_t)t->user_id.ptr);
  free((void *)(uintptr_t)t->actor_name.ptr);
  if (!t->is_borrowed) {
    free((void *)(uintptr_t)t->args_text.ptr);
    free((void *)(uintptr_t)t->payload.ptr);
  }
  free(t);
}

static bool tell_notice(struct world_lanes *l) {
  lock(l);
  struct notice *n = list_is_empty(&l->notices) ? NULL : CONTAINER_OF(l->notices.next, struct notice, node);
  if (n) {
    list_remove(&n->node);
    l->notice_count--;
  }
  unlock(l);
  if (!n) return false;
  if (l->options.on_notice)
    l->options.on_notice(l->options.arg, n->level, n->component, n->message, n->fields);
  free(n->component);
  free(n->message);
  json_decref(n->fields);
  free(n);
  return true;
}

static bool tell_answer(struct world_lanes *l) {
  lock(l);
  struct task *t =
      list_is_empty(&l->finished) ? NULL : CONTAINER_OF(l->finished.next, struct task, turn.node);
  if (t) list_remove(&t->turn.node);
  unlock(l);
  if (!t) return false;
  l->tasks--;
  l->bytes -= t->bytes;
  t->fn(t->arg, &t->reply, str_of(t->body_text));
  task_free(t);
  return true;
}

static void tell_state(struct world_lanes *l) {
  char why[ERR_TEXT_MAX];
  lock(l);
  bool is_new = l->is_state_new, is_there = l->open_lanes > 0 && !l->is_in_trouble;
  l->is_state_new = false;
  str_copy(why, sizeof why, str_of(l->why));
  unlock(l);
  if (is_new && l->options.on_state) l->options.on_state(l->options.arg, is_there, why);
}

/* Notices of a call come before its answer. */
static void on_wake(void *arg, int fd, uint32_t epoll_events) {
  struct world_lanes *l = arg;
  uint64_t count;
  (void)epoll_events;
  (void)!read(fd, &count, sizeof count);
  tell_state(l);
  int told = 0;
  while (told < TOLD_PER_TURN && tell_notice(l)) told++;
  while (told < TOLD_PER_TURN && tell_answer(l)) told++;
  if (told == TOLD_PER_TURN) wake_loop(l);
}

/* ---- on lanes: notices ---- */

static void take_notice(void *arg, enum log_level level, const char *component, const char *message,
                        const json_t *fields) {
  struct world_lanes *l = arg;
  struct notice *n = calloc(1, sizeof *n);
  if (n) {
    n->level = level;
    n->component = str_dup(str_of(component));
    n->message = str_dup(str_of(message));
    n->fields = fields ? json_deep_copy(fields) : NULL;
  }
  lock(l);
  bool is_kept = n && n->component && n->message && l->notice_count < LANES_NOTICES_MAX;
  if (is_kept) {
    list_push_back(&l->notices, &n->node);
    l->notice_count++;
    wake_loop(l);
  } else {
    l->notices_dropped++;
  }
  unlock(l);
  if (is_kept || !n) return;
  free(n->component);
  free(n->message);
  json_decref(n->fields);
  free(n);
}

/* ---- asking ---- */

static bool copy_str(struct str from, struct str *ret) {
  *ret = STR_NONE;
  if (!from.ptr) return true;
  char *copy = str_dup(from);
  *ret = (struct str){copy, copy ? from.len : 0};
  return copy != NULL;
}

static struct task *task_new(const struct world_lanes_ask *ask) {
  struct task *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->turn.call = ask->call;
  t->actor_kind = ask->actor.kind;
  t->is_borrowed = ask->is_borrowed;
  t->wants_text = ask->wants_text;
  t->bytes = ask->args_text.len + ask->payload.len;
  t->args = ask->args;
  t->until_ns = tick_ns() + LANES_RETRY_MS * MS_NS;
  if (ask->is_borrowed) t->args_text = ask->args_text, t->payload = ask->payload;
  bool is_whole = copy_str(ask->world_id, &t->turn.world_id) && copy_str(ask->actor.user_id, &t->user_id) &&
                  copy_str(ask->actor.name, &t->actor_name);
  if (is_whole && !ask->is_borrowed)
    is_whole = copy_str(ask->args_text, &t->args_text) && copy_str(ask->payload, &t->payload);
  if (is_whole) return t;
  t->args = NULL; /* the caller's still */
  task_free(t);
  return NULL;
}

/* Why it cannot be taken; NULL: it can. */
static const char *refusal_of(const struct world_lanes *l, const struct task *t, enum err *ret) {
  *ret = ERR_UNAVAILABLE;
  if (l->is_stopping) return STOPPING;
  if (l->has_tried && l->open_lanes == 0) return l->why;
  *ret = ERR_BUSY;
  if (l->tasks >= LANES_TASKS_MAX) return "too many calls about worlds wait";
  if (l->bytes + t->bytes > LANES_BYTES_MAX) return "too much wants to be done with worlds at once";
  return NULL;
}

void world_lanes_ask(struct world_lanes *l, const struct world_lanes_ask *ask, world_lanes_fn *fn,
                     void *arg) {
  ASSERT(ask->call && fn);
  struct task *t = task_new(ask);
  if (!t) { /* the one answer that is given at once */
    struct world_reply none = {.error = ERR_NO_MEMORY};
    json_decref(ask->args);
    fn(arg, &none, STR_NONE);
    return;
  }
  t->fn = fn;
  t->arg = arg;
  lock(l);
  enum err error;
  const char *why = refusal_of(l, t, &error);
  l->tasks++;
  l->bytes += t->bytes;
  if (why) {
    refuse(t, error, why);
    l->busy += error == ERR_BUSY;
    finish(l, t);
  } else {
    turns_add(&l->turns, &t->turn);
    (void)pthread_cond_signal(&l->changed);
  }
  unlock(l);
}

struct world_lanes_status world_lanes_status(struct world_lanes *l) {
  lock(l);
  struct world_lanes_status s = {.is_there = l->open_lanes > 0 && !l->is_in_trouble,
                                 .open_lanes = l->open_lanes,
                                 .tasks = l->tasks,
                                 .calls = l->calls,
                                 .busy = l->busy,
                                 .retries = l->retries,
                                 .notices_dropped = l->notices_dropped};
  str_copy(s.why, sizeof s.why, str_of(l->has_tried ? l->why : "the worlds' database is being opened"));
  unlock(l);
  return s;
}

/* ---- beginning and end ---- */

/* Signals belong to the loop's thread. */
static enum err start_threads(struct world_lanes *l, int count) {
  sigset_t all, before;
  (void)sigfillset(&all);
  int failed = pthread_sigmask(SIG_SETMASK, &all, &before);
  ASSERT(!failed);
  while (!failed && l->thread_count < count) {
    struct lane_thread *t = &l->threads[l->thread_count];
    t->lanes = l;
    failed = pthread_create(&t->thread, NULL, lane_main, t);
    if (!failed) l->thread_count++;
  }
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return failed ? ERR_NO_MEMORY : ERR_OK;
}

static void init_lock(struct world_lanes *l) {
  pthread_condattr_t attributes;
  (void)pthread_mutex_init(&l->lock, NULL);
  (void)pthread_condattr_init(&attributes);
  (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&l->changed, &attributes);
  (void)pthread_condattr_destroy(&attributes);
}

enum err world_lanes_new(const struct world_lanes_options *o, struct world_lanes **ret) {
  ASSERT(o->lanes >= 1 && o->lanes <= LANES_MAX && o->now_ms);
  struct world_lanes *l = calloc(1, sizeof *l);
  if (!l) return ERR_NO_MEMORY;
  l->options = *o;
  l->options.config.notice = take_notice;
  l->options.config.notice_arg = l;
  l->ops = o->ops ? o->ops : &worlds_ops;
  turns_init(&l->turns, o->lanes > 1 ? (size_t)o->lanes / 2 : 1);
  list_init(&l->finished), list_init(&l->notices);
  init_lock(l);
  l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  enum err e = l->wake_fd < 0 ? os_error(errno, NULL, "eventfd", NULL) : ERR_OK;
  if (e == ERR_OK) e = loop_io_new(o->loop, l->wake_fd, EPOLLIN, on_wake, l, &l->io);
  if (e == ERR_OK) e = start_threads(l, o->lanes);
  if (e == ERR_OK) *ret = l;
  else world_lanes_free(l);
  return e;
}

void world_lanes_stop(struct world_lanes *l) {
  lock(l);
  l->is_stopping = true;
  refuse_waiting(l, STOPPING);
  (void)pthread_cond_broadcast(&l->changed);
  unlock(l);
}

void world_lanes_free(struct world_lanes *l) {
  if (!l) return;
  world_lanes_stop(l);
  for (int i = 0; i < l->thread_count; i++) (void)pthread_join(l->threads[i].thread, NULL);
  lock(l);
  refuse_waiting(l, STOPPING); /* who was parked behind what ran */
  unlock(l);
  loop_io_free(l->io);
  while (tell_notice(l)) {
  }
  while (tell_answer(l)) {
  }
  ASSERT(l->tasks == 0);
  if (l->worlds) l->ops->end(l->worlds);
  turns_free(&l->turns);
  os_close(&l->wake_fd);
  (void)pthread_cond_destroy(&l->changed);
  (void)pthread_mutex_destroy(&l->lock);
  free(l);
}
