/* The store behind threads: one writer that commits in groups, a few readers, answers on the loop. What arrives while
 * a commit is under way becomes the next transaction, so the group grows with the load and a lone change never waits. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "store/store.h"

#define READERS 2
#define ANSWERS_A_TURN 256
#define NEWS_EVERY_MS 200 /* how soon SQL from outside is noticed while nothing else is written */
#define IDLE_TOUCH_MS 300 /* with the keeper's own 500 ms: lastRunAt and nextRunAt follow within a second */

/* Answers on their way to the loop. It outlives the store while its message is posted. */
struct outbox {
  pthread_mutex_t lock;
  struct loop *loop;
  struct loop_message message;
  bool is_posted, is_closed;
  struct change *changes, **changes_end;
  struct store_read *reads, **reads_end;
  bool has_news;
  void (*on_news)(void *arg);
  void *on_news_arg;
};

struct reader_thread {
  struct store *store;
  struct store_backend *backend;
  pthread_t thread;
};

struct store {
  pthread_mutex_t lock;
  pthread_cond_t has_writes, has_reads;
  struct change *changes, **changes_end;
  struct store_read *reads, **reads_end;
  size_t long_reads; /* under way */
  size_t change_count;
  int64_t refresh_ms; /* INSTANT_NONE: none asked for */
  bool is_stopping;
  struct store_backend *backend; /* the writer's */
  pthread_t writer;
  bool has_writer;
  struct reader_thread readers[READERS];
  size_t reader_count;
  struct outbox *outbox;
  int64_t last_at_ms; /* writer only: instant of the newest change */
};

/* ---- the outbox ---- */

static void free_outbox(struct outbox *o) {
  for (struct change *c = o->changes, *next; c; c = next) {
    next = c->next;
    change_free(c);
  }
  for (struct store_read *r = o->reads, *next; r; r = next) {
    next = r->next;
    store_read_free(r);
  }
  pthread_mutex_destroy(&o->lock);
  free(o);
}

static struct change *take_change(struct outbox *o) {
  struct change *c = o->changes;
  if (c) {
    o->changes = c->next;
    if (!o->changes) o->changes_end = &o->changes;
    c->next = NULL;
  }
  return c;
}

static struct store_read *take_read(struct outbox *o) {
  struct store_read *r = o->reads;
  if (r) {
    o->reads = r->next;
    if (!o->reads) o->reads_end = &o->reads;
    r->next = NULL;
  }
  return r;
}

static void deliver(void *arg) {
  struct outbox *o = arg;
  pthread_mutex_lock(&o->lock);
  for (int i = 0; i < ANSWERS_A_TURN && !o->is_closed && (o->changes || o->reads); i++) {
    struct change *c = take_change(o);
    struct store_read *r = c ? NULL : take_read(o);
    pthread_mutex_unlock(&o->lock);
    if (c) c->done(c);
    else r->done(r);
    pthread_mutex_lock(&o->lock);
  }
  if (!o->is_closed && o->has_news) {
    o->has_news = false;
    pthread_mutex_unlock(&o->lock);
    if (o->on_news) o->on_news(o->on_news_arg);
    pthread_mutex_lock(&o->lock);
  }
  bool is_closed = o->is_closed;
  o->is_posted = !is_closed && (o->changes || o->reads);
  if (o->is_posted) loop_post(o->loop, &o->message);
  pthread_mutex_unlock(&o->lock);
  if (is_closed) free_outbox(o);
}

static void post_locked(struct outbox *o) {
  if (o->is_posted || o->is_closed) return;
  o->is_posted = true;
  loop_post(o->loop, &o->message);
}

static void answer_changes(struct outbox *o, struct change *const *changes, size_t count) {
  pthread_mutex_lock(&o->lock);
  for (size_t i = 0; i < count; i++) {
    changes[i]->next = NULL;
    *o->changes_end = changes[i];
    o->changes_end = &changes[i]->next;
  }
  post_locked(o);
  pthread_mutex_unlock(&o->lock);
}

static void answer_read(struct outbox *o, struct store_read *r) {
  pthread_mutex_lock(&o->lock);
  r->next = NULL;
  *o->reads_end = r;
  o->reads_end = &r->next;
  post_locked(o);
  pthread_mutex_unlock(&o->lock);
}

static void tell_news(struct outbox *o) {
  pthread_mutex_lock(&o->lock);
  o->has_news = true;
  post_locked(o);
  pthread_mutex_unlock(&o->lock);
}

/* ---- the writer ---- */

static size_t take_batch(struct store *s, struct change **batch, size_t max) {
  size_t n = 0;
  while (n < max && s->changes) {
    batch[n++] = s->changes;
    s->changes = s->changes->next;
  }
  if (!s->changes) s->changes_end = &s->changes;
  s->change_count -= n;
  return n;
}

/* These read whole tables: seconds, of a big store minutes. */
static bool is_long(enum store_read_kind kind) {
  return kind == READ_LEDGER_AUDIT || kind == READ_AUDIT_VERIFY || kind == READ_BACKUP || kind == READ_AHEAD;
}

/* The first that may be read now: one reader is always left to the short ones. */
static struct store_read *pop_read(struct store *s) {
  bool may_be_long = s->long_reads + 1 < s->reader_count || s->long_reads == 0;
  struct store_read **at = &s->reads;
  while (*at && is_long((*at)->kind) && !may_be_long) at = &(*at)->next;
  struct store_read *r = *at;
  if (!r) return NULL;
  *at = r->next;
  if (!*at) s->reads_end = at;
  return r;
}

static int64_t monotonic_ms(void) { return (int64_t)(world_tick(world_real()).ns / 1000000); }

static void wait_until_ms(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t at_ms) {
  struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
  pthread_cond_timedwait(cond, lock, &at);
}

static bool has_work(const struct store *s) {
  return s->changes || s->refresh_ms != INSTANT_NONE || (s->reader_count == 0 && s->reads) || s->is_stopping;
}

/* SQL from outside is asked for now and then; what it changed comes with the next claim, which the loop makes. */
static void look_for_news(struct store *s, int64_t *at_ms, int64_t *told) {
  if (!s->backend->ops->news || monotonic_ms() < *at_ms) return;
  *at_ms = monotonic_ms() + NEWS_EVERY_MS;
  int64_t news = s->backend->ops->news(s->backend);
  if (news && news != *told) tell_news(s->outbox);
  *told = news;
}

/* Sleeps until there is something to do, or until what was put off is to be done. */
static void wait_for_work(struct store *s, int64_t touch_at_ms) {
  while (!has_work(s)) {
    if (touch_at_ms == INSTANT_NEVER) {
      pthread_cond_wait(&s->has_writes, &s->lock);
    } else if (monotonic_ms() < touch_at_ms) {
      wait_until_ms(&s->has_writes, &s->lock, touch_at_ms);
    } else {
      return;
    }
  }
}

static void do_read(struct store *s, struct store_backend *b, struct store_read *r) {
  r->error = b->ops->read(b, r);
  answer_read(s->outbox, r);
}

static void write_batch(struct store *s, struct change **batch, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (batch[i]->at_ms > s->last_at_ms || batch[i]->kind == CHANGE_CLOCK) s->last_at_ms = batch[i]->at_ms;
  enum err e = s->backend->ops->apply(s->backend, batch, count);
  for (size_t i = 0; e != ERR_OK && i < count; i++) batch[i]->error = e;
  answer_changes(s->outbox, batch, count);
}

/* Returns whether more is put off. A failure is met again, and told, by the next change. */
static bool touch(struct store *s) {
  bool has_more = false;
  if (!s->backend->ops->touch) return false;
  enum err e = s->backend->ops->touch(s->backend, s->last_at_ms, &has_more);
  return e == ERR_OK && has_more;
}

static void *run_writer(void *arg) {
  struct store *s = arg;
  struct change *batch[LIMIT_COMMIT_BATCH];
  int64_t touch_at_ms = INSTANT_NEVER; /* monotonic */
  int64_t news_at_ms = s->backend->ops->news ? 0 : INSTANT_NEVER;
  int64_t news_told = 0;
  pthread_mutex_lock(&s->lock);
  while (!s->is_stopping || s->changes) {
    wait_for_work(s, touch_at_ms < news_at_ms ? touch_at_ms : news_at_ms);
    size_t count = take_batch(s, batch, LIMIT_COMMIT_BATCH);
    struct store_read *r = s->reader_count == 0 ? pop_read(s) : NULL;
    int64_t refresh_ms = s->refresh_ms;
    s->refresh_ms = INSTANT_NONE;
    pthread_mutex_unlock(&s->lock);
    if (count > 0) write_batch(s, batch, count);
    if (r) do_read(s, s->backend, r);
    if (refresh_ms != INSTANT_NONE) {
      enum err e = s->backend->ops->refresh(s->backend, refresh_ms);
      (void)e; /* the old plan stays; the next refresh tries again */
    }
    look_for_news(s, &news_at_ms, &news_told);
    bool is_touched = touch_at_ms != INSTANT_NEVER && monotonic_ms() >= touch_at_ms;
    bool has_more = is_touched && touch(s);
    if (is_touched) touch_at_ms = has_more ? monotonic_ms() + IDLE_TOUCH_MS : INSTANT_NEVER;
    if ((count > 0 || refresh_ms != INSTANT_NONE) && touch_at_ms == INSTANT_NEVER)
      touch_at_ms = monotonic_ms() + IDLE_TOUCH_MS;
    pthread_mutex_lock(&s->lock);
  }
  pthread_mutex_unlock(&s->lock);
  while (touch(s)) {
  }
  return NULL;
}

static void *run_reader(void *arg) {
  struct reader_thread *t = arg;
  struct store *s = t->store;
  pthread_mutex_lock(&s->lock);
  for (;;) {
    struct store_read *r;
    while (!(r = pop_read(s)) && !s->is_stopping) pthread_cond_wait(&s->has_reads, &s->lock);
    if (!r) break;
    size_t is_one = is_long(r->kind);
    s->long_reads += is_one;
    pthread_mutex_unlock(&s->lock);
    do_read(s, t->backend, r);
    pthread_mutex_lock(&s->lock);
    s->long_reads -= is_one; /* this thread looks next: whatever waited for it is seen */
  }
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

/* ---- life ---- */

/* Signals are the loop's: no thread of ours takes one. */
static enum err start_thread(pthread_t *ret, void *(*fn)(void *), void *arg, const char *name) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int code = pthread_create(ret, NULL, fn, arg);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (code == 0) pthread_setname_np(*ret, name);
  return code == 0 ? ERR_OK : ERR_NO_MEMORY;
}

static enum err start_readers(struct store *s) {
  if (!s->backend->ops->open_reader) return ERR_OK;
  for (size_t i = 0; i < READERS; i++) {
    struct reader_thread *t = &s->readers[i];
    t->store = s;
    TRY(s->backend->ops->open_reader(s->backend, &t->backend));
    enum err e = start_thread(&t->thread, run_reader, t, "store-read");
    if (e != ERR_OK) {
      t->backend->ops->close(t->backend);
      return e;
    }
    pthread_mutex_lock(&s->lock);
    s->reader_count++;
    pthread_mutex_unlock(&s->lock);
  }
  return ERR_OK;
}

static struct outbox *new_outbox(struct loop *l) {
  struct outbox *o = calloc(1, sizeof *o);
  if (!o) return NULL;
  pthread_mutex_init(&o->lock, NULL);
  o->loop = l;
  o->message = (struct loop_message){.fn = deliver, .arg = o};
  o->changes_end = &o->changes;
  o->reads_end = &o->reads;
  return o;
}

static void init_locks(struct store *s) {
  pthread_condattr_t monotonic;
  pthread_mutex_init(&s->lock, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&s->has_writes, &monotonic);
  pthread_cond_init(&s->has_reads, &monotonic);
  pthread_condattr_destroy(&monotonic);
}

enum err store_new(struct loop *l, struct store_backend *writer, const struct store_config *config,
                   struct store **ret, struct err_detail *detail) {
  struct store *s = calloc(1, sizeof *s);
  if (!s) return ERR_NO_MEMORY;
  s->outbox = new_outbox(l);
  if (!s->outbox) {
    free(s);
    return ERR_NO_MEMORY;
  }
  init_locks(s);
  s->changes_end = &s->changes;
  s->reads_end = &s->reads;
  s->refresh_ms = INSTANT_NONE;
  s->last_at_ms = config->now_ms;
  s->backend = writer;
  enum err e = start_readers(s);
  if (e == ERR_OK) e = start_thread(&s->writer, run_writer, s, "store-write");
  s->has_writer = e == ERR_OK;
  if (e != ERR_OK) {
    s->backend = NULL; /* it stays the caller's */
    store_free(s);
    return err_set(detail, e, "store", 0, "the store's threads could not be started: %s", err_text(e));
  }
  *ret = s;
  return ERR_OK;
}

static void close_outbox(struct outbox *o) {
  pthread_mutex_lock(&o->lock);
  o->is_closed = true;
  bool is_posted = o->is_posted;
  pthread_mutex_unlock(&o->lock);
  if (!is_posted || loop_unpost(o->loop, &o->message)) free_outbox(o); /* else the message frees it */
}

void store_on_news(struct store *s, void (*fn)(void *arg), void *arg) {
  pthread_mutex_lock(&s->outbox->lock);
  s->outbox->on_news = fn;
  s->outbox->on_news_arg = arg;
  pthread_mutex_unlock(&s->outbox->lock);
}

void store_free(struct store *s) {
  if (!s) return;
  if (s->has_writer && s->backend->ops->stop) s->backend->ops->stop(s->backend);
  pthread_mutex_lock(&s->lock);
  s->is_stopping = true;
  pthread_cond_broadcast(&s->has_writes);
  pthread_cond_broadcast(&s->has_reads);
  pthread_mutex_unlock(&s->lock);
  if (s->has_writer) pthread_join(s->writer, NULL);
  for (size_t i = 0; i < s->reader_count; i++) {
    pthread_join(s->readers[i].thread, NULL);
    s->readers[i].backend->ops->close(s->readers[i].backend);
  }
  for (struct store_read *r; (r = pop_read(s));) store_read_free(r);
  if (s->backend) s->backend->ops->close(s->backend);
  close_outbox(s->outbox);
  pthread_cond_destroy(&s->has_writes);
  pthread_cond_destroy(&s->has_reads);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

/* ---- asking ---- */

/* What the promises rest on is never refused; what a person may repeat is. */
static bool may_be_refused(enum change_kind kind) {
  switch (kind) {
    case CHANGE_CLAIM:
    case CHANGE_START:
    case CHANGE_END:
    case CHANGE_SETTLE:
    case CHANGE_CLOCK:
    case CHANGE_ALIVE:
    case CHANGE_STOP: return false;
    default: return true;
  }
}

void store_submit(struct store *s, struct change *change) {
  ASSERT(change->done);
  change->next = NULL;
  pthread_mutex_lock(&s->lock);
  bool may_refuse = may_be_refused(change->kind);
  bool is_full = may_refuse && s->change_count >= LIMIT_STORE_QUEUE / 5 * 4;
  bool is_away = may_refuse && s->backend->ops->is_away && s->backend->ops->is_away(s->backend);
  if (!is_full && !is_away) {
    *s->changes_end = change;
    s->changes_end = &change->next;
    s->change_count++;
    pthread_cond_signal(&s->has_writes);
  }
  pthread_mutex_unlock(&s->lock);
  if (!is_full && !is_away) return;
  change->error =
      is_away ? err_set(&change->detail, ERR_UNAVAILABLE, "", 0,
                        "the database does not answer; try again in a moment")
              : err_set(&change->detail, ERR_BUSY, "", 0, "the store is behind; try again in a moment");
  answer_changes(s->outbox, &change, 1);
}

void store_submit_read(struct store *s, struct store_read *read) {
  ASSERT(read->done);
  read->next = NULL;
  pthread_mutex_lock(&s->lock);
  *s->reads_end = read;
  s->reads_end = &read->next;
  if (s->reader_count > 0) pthread_cond_signal(&s->has_reads);
  else pthread_cond_signal(&s->has_writes);
  pthread_mutex_unlock(&s->lock);
}

size_t store_queue_depth(const struct store *s) {
  struct store *own = (struct store *)(uintptr_t)s; /* the lock changes, the store does not */
  pthread_mutex_lock(&own->lock);
  size_t depth = own->change_count;
  pthread_mutex_unlock(&own->lock);
  return depth;
}

void store_refresh(struct store *s, int64_t now_ms) {
  pthread_mutex_lock(&s->lock);
  s->refresh_ms = now_ms;
  pthread_cond_signal(&s->has_writes);
  pthread_mutex_unlock(&s->lock);
}
