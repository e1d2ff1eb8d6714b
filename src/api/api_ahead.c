#include <stdlib.h>

#include "api/api_round.h"

#define KEPT 4
#define FRESH_MS 60000
#define FRESH_DEAR_MS 300000
#define DEAR_JOBS 20000
/* With so many jobs an answer is also given when it is a little old, or of a window that ends a little earlier, while the next
 * one is counted behind: the window moves with the clock, and nobody shall wait for a walk over all jobs each time. */
#define STALE_MS 900000
#define SHIFT_MS (2 * LOAD_BUCKET_MS)

struct api_ahead {
  int refs;
  struct arena arena; /* of the read that made it */
  struct ahead *ahead;
  int64_t from_ms, to_ms, max, made_ms;
  uint64_t edits;
};

struct waiting { /* a call that waits for a count */
  struct waiting *next;
  struct call *call;
  api_ahead_fn *fn;
  void *state; /* the handler's, while ours has its place */
};

struct count { /* one that is under way; whoever asks for the same meanwhile waits with it */
  struct count *next;
  struct api *api;
  int64_t from_ms, to_ms;
  uint64_t edits;
  struct waiting *waiting;
};

struct api_aheads {
  struct api_ahead *items[KEPT]; /* newest use first; NULL = none */
  struct count *counts;
};

enum err api_aheads_new(struct api_aheads **ret) {
  *ret = calloc(1, sizeof **ret);
  return *ret ? ERR_OK : ERR_NO_MEMORY;
}

void api_ahead_unref(struct api_ahead *held) {
  if (!held || --held->refs > 0) return;
  arena_free(&held->arena);
  free(held);
}

void api_aheads_free(struct api_aheads *a) {
  for (int i = 0; a && i < KEPT; i++) api_ahead_unref(a->items[i]);
  for (struct count *n = a ? a->counts : NULL, *next; n; n = next) {
    next = n->next;
    free(n);
  }
  free(a);
}

const struct ahead *api_ahead_of(const struct api_ahead *held) { return held->ahead; }
int64_t api_ahead_made_ms(const struct api_ahead *held) { return held->made_ms; }

static void put_first(struct api_aheads *a, struct api_ahead *item, int at) {
  for (; at > 0; at--) a->items[at] = a->items[at - 1];
  a->items[0] = item;
}

/* ---- may it be given? ---- */

static bool is_dear(const struct api_ahead *h) { return h->ahead->jobs > DEAR_JOBS; }

static bool is_usable(const struct api *api, const struct api_ahead *h, int64_t age_max_ms, int64_t now_ms) {
  int64_t age_ms = now_ms - h->made_ms;
  return h->max == engine_settings(api->engine)->max_concurrent && age_ms >= 0 && age_ms < age_max_ms;
}

static bool is_fresh(const struct api *api, const struct api_ahead *h, int64_t now_ms) {
  bool is_new = now_ms - h->made_ms < FRESH_MS;
  bool is_current = h->edits == api->edits || (is_dear(h) && is_new); /* then an edit shows a minute later */
  return is_current && is_usable(api, h, is_dear(h) ? FRESH_DEAR_MS : FRESH_MS, now_ms);
}

static bool is_near(const struct api *api, const struct api_ahead *h, int64_t from_ms, int64_t to_ms,
                    int64_t now_ms) {
  int64_t shift_ms = to_ms - h->to_ms;
  return is_dear(h) && h->to_ms - h->from_ms == to_ms - from_ms && shift_ms >= 0 && shift_ms <= SHIFT_MS &&
         is_usable(api, h, STALE_MS, now_ms);
}

/* ---- counting ---- */

/* Takes over the read's memory. */
static struct api_ahead *keep(struct api *api, struct store_read *read, const struct count *n) {
  struct api_aheads *a = api->aheads;
  struct api_ahead *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  *h = (struct api_ahead){.refs = 1,
                          .arena = read->arena,
                          .ahead = read->ahead,
                          .from_ms = n->from_ms,
                          .to_ms = n->to_ms,
                          .max = read->ahead_question->max_at_once,
                          .made_ms = read->now_ms,
                          .edits = n->edits};
  read->arena = arena_new(0);
  int at = 0;
  while (at < KEPT - 1 && a->items[at] &&
         (a->items[at]->from_ms != h->from_ms || a->items[at]->to_ms != h->to_ms))
    at++;
  api_ahead_unref(a->items[at]);
  put_first(a, h, at);
  return h;
}

static void tell(struct waiting *w, struct api_ahead *h, const struct store_read *read) {
  w->call->state = w->state;
  if (h) {
    h->refs++;
    w->fn(w->call, h);
    return;
  }
  w->call->detail = read->detail;
  call_fail(w->call, read->error == ERR_OK ? ERR_NO_MEMORY : read->error);
}

static void on_counted(void *arg, struct store_read *read) {
  struct count *n = arg, **link = &n->api->aheads->counts;
  while (*link != n) link = &(*link)->next;
  *link = n->next;
  struct api_ahead *h = read->error == ERR_OK ? keep(n->api, read, n) : NULL;
  if (h) h->refs++; /* a call may ask for others meanwhile */
  for (struct waiting *w = n->waiting, *next; w; w = next) {
    next = w->next;
    tell(w, h, read);
  }
  api_ahead_unref(h);
  free(n);
}

static struct store_read *question(struct api *api, int64_t from_ms, int64_t to_ms) {
  const struct settings *settings = engine_settings(api->engine);
  struct store_read *r = store_read_new(READ_AHEAD, engine_now_ms(api->engine));
  struct ahead_question *q = r ? ARENA_NEW(&r->arena, struct ahead_question) : NULL;
  char *zone = q ? arena_strdup(&r->arena, str_of(settings->timezone)) : NULL;
  if (!zone) {
    store_read_free(r);
    return NULL;
  }
  *q = (struct ahead_question){from_ms, to_ms, settings->max_concurrent, zone};
  r->ahead_question = q;
  return r;
}

static struct count *counting(const struct api *api, int64_t from_ms, int64_t to_ms) {
  for (struct count *n = api->aheads->counts; n; n = n->next)
    if (n->from_ms == from_ms && n->to_ms == to_ms && n->edits == api->edits) return n;
  return NULL;
}

/* NULL: no memory. */
static struct count *begin_count(struct api *api, int64_t from_ms, int64_t to_ms) {
  struct count *n = calloc(1, sizeof *n);
  struct store_read *r = n ? question(api, from_ms, to_ms) : NULL;
  if (!r) {
    free(n);
    return NULL;
  }
  *n = (struct count){
      .next = api->aheads->counts, .api = api, .from_ms = from_ms, .to_ms = to_ms, .edits = api->edits};
  api->aheads->counts = n;
  engine_read(api->engine, r, on_counted, n);
  return n;
}

/* ---- asking ---- */

static void give(struct call *c, int at, api_ahead_fn *fn) {
  struct api_ahead *h = c->api->aheads->items[at];
  put_first(c->api->aheads, h, at);
  h->refs++;
  fn(c, h);
}

static bool give_near(struct call *c, int64_t from_ms, int64_t to_ms, api_ahead_fn *fn) {
  struct api *api = c->api;
  for (int i = 0; i < KEPT && api->aheads->items[i]; i++) {
    if (!is_near(api, api->aheads->items[i], from_ms, to_ms, call_now_ms(c))) continue;
    if (!api->aheads->counts) (void)begin_count(api, from_ms, to_ms); /* one at a time */
    give(c, i, fn);
    return true;
  }
  return false;
}

void api_ahead_get(struct call *c, int64_t from_ms, int64_t to_ms, api_ahead_fn *fn) {
  struct api_aheads *a = c->api->aheads;
  for (int i = 0; i < KEPT && a->items[i]; i++) {
    struct api_ahead *h = a->items[i];
    if (h->from_ms == from_ms && h->to_ms == to_ms && is_fresh(c->api, h, call_now_ms(c)))
      return give(c, i, fn);
  }
  if (give_near(c, from_ms, to_ms, fn)) return;
  struct waiting *w = ARENA_NEW(&c->req->arena, struct waiting);
  struct count *n = w ? counting(c->api, from_ms, to_ms) : NULL;
  if (w && !n) n = begin_count(c->api, from_ms, to_ms);
  if (!n) return call_fail(c, ERR_NO_MEMORY);
  *w = (struct waiting){.next = n->waiting, .call = c, .fn = fn, .state = c->state};
  n->waiting = w;
}
