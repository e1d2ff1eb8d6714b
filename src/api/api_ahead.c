#include <stdlib.h>

#include "api/api_round.h"

#define KEPT 4
#define FRESH_MS 60000
#define FRESH_DEAR_MS 300000
#define DEAR_JOBS 20000

struct api_ahead {
  int refs;
  struct arena arena; /* of the read that made it */
  struct ahead *ahead;
  int64_t from_ms, to_ms, max, made_ms;
  uint64_t edits;
};

struct api_aheads {
  struct api_ahead *items[KEPT]; /* newest use first; NULL = none */
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
  free(a);
}

const struct ahead *api_ahead_of(const struct api_ahead *held) { return held->ahead; }

static void put_first(struct api_aheads *a, struct api_ahead *item, int at) {
  for (; at > 0; at--) a->items[at] = a->items[at - 1];
  a->items[0] = item;
}

static bool is_fresh(const struct call *c, const struct api_ahead *h, int64_t now_ms) {
  int64_t age_ms = now_ms - h->made_ms, kept_ms = h->ahead->jobs > DEAR_JOBS ? FRESH_DEAR_MS : FRESH_MS;
  bool is_dear = h->ahead->jobs > DEAR_JOBS; /* then an edit shows within a minute, not at once */
  bool is_current = h->edits == c->api->edits || (is_dear && age_ms < FRESH_MS);
  return is_current && h->max == engine_settings(c->api->engine)->max_concurrent && age_ms >= 0 &&
         age_ms < kept_ms;
}

struct ahead_asking {
  api_ahead_fn *fn;
  int64_t from_ms, to_ms;
  uint64_t edits;
  void *state; /* the handler's, while ours has its place */
};

/* Takes over the read's memory. */
static struct api_ahead *keep(struct call *c, struct store_read *read, const struct ahead_asking *asked) {
  struct api_aheads *a = c->api->aheads;
  struct api_ahead *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  *h = (struct api_ahead){.refs = 2,
                          .arena = read->arena,
                          .ahead = read->ahead,
                          .from_ms = asked->from_ms,
                          .to_ms = asked->to_ms,
                          .max = read->ahead_question->max_at_once,
                          .made_ms = read->now_ms,
                          .edits = asked->edits};
  read->arena = arena_new(0);
  int at = 0;
  while (at < KEPT - 1 && a->items[at] &&
         (a->items[at]->from_ms != h->from_ms || a->items[at]->to_ms != h->to_ms))
    at++;
  api_ahead_unref(a->items[at]);
  put_first(a, h, at);
  return h;
}

static void on_read(struct call *c, struct store_read *read) {
  struct ahead_asking *asked = c->state;
  c->state = asked->state;
  struct api_ahead *h = read->error == ERR_OK ? keep(c, read, asked) : NULL;
  c->detail = read->detail;
  if (h) asked->fn(c, h);
  else call_fail(c, read->error == ERR_OK ? ERR_NO_MEMORY : read->error);
}

static struct store_read *question(struct call *c, int64_t from_ms, int64_t to_ms) {
  const struct settings *settings = engine_settings(c->api->engine);
  struct store_read *r = store_read_new(READ_AHEAD, call_now_ms(c));
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

void api_ahead_get(struct call *c, int64_t from_ms, int64_t to_ms, api_ahead_fn *fn) {
  struct api_aheads *a = c->api->aheads;
  for (int i = 0; i < KEPT && a->items[i]; i++) {
    struct api_ahead *h = a->items[i];
    if (h->from_ms != from_ms || h->to_ms != to_ms || !is_fresh(c, h, call_now_ms(c))) continue;
    put_first(a, h, i);
    h->refs++;
    return fn(c, h);
  }
  struct ahead_asking *asked = ARENA_NEW(&c->req->arena, struct ahead_asking);
  struct store_read *r = asked ? question(c, from_ms, to_ms) : NULL;
  if (!r) return call_fail(c, ERR_NO_MEMORY);
  *asked = (struct ahead_asking){fn, from_ms, to_ms, c->api->edits, c->state};
  c->state = asked;
  call_read_any(c, r, on_read);
}
