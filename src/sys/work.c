#include "sys/work.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/list.h"
#include "sys/os_file.h"

struct item {
  struct list link; /* in free, queued or finished; in none while it runs */
  void (*run)(void *arg);
  void (*done)(void *arg);
  void *arg;
};

/* The lock guards the lists and the flag. A finished item leaves its place only when it was told, so
 * that nothing here can grow: at most WORK_QUEUE_MAX items are queued, running or finished. */
struct work {
  pthread_mutex_t lock;
  pthread_cond_t not_empty;
  struct list free, queued, finished;
  bool is_closing;
  int done_fd; /* semaphore eventfd: one count for each finished item */
  struct loop_io *io;
  int threads;
  pthread_t thread[WORK_THREADS];
  struct item items[WORK_QUEUE_MAX];
};

static void lock(struct work *w) {
  int failed = pthread_mutex_lock(&w->lock);
  ASSERT(!failed);
}

static void unlock(struct work *w) {
  int failed = pthread_mutex_unlock(&w->lock);
  ASSERT(!failed);
}

static struct item *take(struct list *from) {
  if (list_is_empty(from)) return NULL;
  struct list *first = from->next;
  list_remove(first);
  return CONTAINER_OF(first, struct item, link);
}

/* NULL when closing. */
static struct item *wait_for_item(struct work *w) {
  lock(w);
  while (!w->is_closing && list_is_empty(&w->queued)) (void)pthread_cond_wait(&w->not_empty, &w->lock);
  struct item *item = w->is_closing ? NULL : take(&w->queued);
  unlock(w);
  return item;
}

static void finish(struct work *w, struct item *item) {
  lock(w);
  list_push_back(&w->finished, &item->link);
  unlock(w);
  uint64_t one = 1;
  ssize_t n;
  do n = write(w->done_fd, &one, sizeof one);
  while (n < 0 && errno == EINTR);
  ASSERT(n == sizeof one);
}

static void *thread_main(void *arg) {
  struct work *w = arg;
  for (struct item *item; (item = wait_for_item(w));) {
    item->run(item->arg);
    finish(w, item);
  }
  return NULL;
}

/* Tells one; false when none is finished. The item is free before done runs, so done may submit. */
static bool tell_one(struct work *w) {
  lock(w);
  struct item *item = take(&w->finished);
  struct item told = item ? *item : (struct item){};
  if (item) list_push_back(&w->free, &item->link);
  unlock(w);
  if (item) told.done(told.arg);
  return item != NULL;
}

static void on_done(void *arg, int fd, uint32_t epoll_events) {
  (void)epoll_events;
  uint64_t one;
  if (read(fd, &one, sizeof one) == sizeof one) (void)tell_one(arg);
}

/* Signals belong to the loop's thread. */
static int start_threads(struct work *w) {
  sigset_t all, before;
  (void)sigfillset(&all);
  int failed = pthread_sigmask(SIG_SETMASK, &all, &before);
  ASSERT(!failed);
  while (!failed && w->threads < WORK_THREADS) {
    failed = pthread_create(&w->thread[w->threads], NULL, thread_main, w);
    if (!failed) w->threads++;
  }
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return failed;
}

enum err work_new(struct loop *l, struct work **ret) {
  struct work *w = calloc(1, sizeof *w);
  if (!w) return ERR_NO_MEMORY;
  (void)pthread_mutex_init(&w->lock, NULL);
  (void)pthread_cond_init(&w->not_empty, NULL);
  list_init(&w->free), list_init(&w->queued), list_init(&w->finished);
  for (size_t i = 0; i < WORK_QUEUE_MAX; i++) list_push_back(&w->free, &w->items[i].link);
  enum err e = ERR_OK;
  w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
  if (w->done_fd < 0) e = os_error(errno, NULL, "eventfd", NULL);
  if (e == ERR_OK) e = loop_io_new(l, w->done_fd, EPOLLIN, on_done, w, &w->io);
  if (e == ERR_OK && start_threads(w)) e = ERR_NO_MEMORY;
  if (e != ERR_OK) {
    work_free(w);
    return e;
  }
  *ret = w;
  return ERR_OK;
}

void work_free(struct work *w) {
  if (!w) return;
  lock(w);
  w->is_closing = true;
  (void)pthread_cond_broadcast(&w->not_empty);
  unlock(w);
  for (int i = 0; i < w->threads; i++) (void)pthread_join(w->thread[i], NULL);
  loop_io_free(w->io);
  while (tell_one(w)) {
  }
  os_close(&w->done_fd);
  (void)pthread_cond_destroy(&w->not_empty);
  (void)pthread_mutex_destroy(&w->lock);
  free(w);
}

enum err work_submit(struct work *w, void (*run)(void *arg), void (*done)(void *arg), void *arg) {
  ASSERT(run && done);
  lock(w);
  struct item *item = w->is_closing ? NULL : take(&w->free);
  if (item) {
    item->run = run, item->done = done, item->arg = arg;
    list_push_back(&w->queued, &item->link);
    (void)pthread_cond_signal(&w->not_empty);
  }
  unlock(w);
  return item ? ERR_OK : ERR_BUSY;
}
