#include "api/idempotency.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"

struct kept {
  struct list link;
  uint64_t hash, request; /* hash: of scope and key, its place in the map */
  struct tick at;
  bool is_done;
  size_t bytes;
  struct idempotency_answer answer; /* texts lie behind the struct */
  char key[IDEMPOTENCY_KEY_MAX + 1];
};

struct idempotency {
  struct map by_hash;
  struct list oldest_first;
  size_t count, bytes;
};

enum err idempotency_new(struct idempotency **ret) {
  struct idempotency *t = calloc(1, sizeof *t);
  if (!t) return ERR_NO_MEMORY;
  list_init(&t->oldest_first);
  *ret = t;
  return ERR_OK;
}

static void drop(struct idempotency *t, struct kept *k) {
  ASSERT(t->count > 0 && t->bytes >= k->bytes);
  (void)map_remove(&t->by_hash, k->hash);
  list_remove(&k->link);
  t->count--;
  t->bytes -= k->bytes;
  free((void *)(uintptr_t)k->answer.body.ptr);
  free(k);
}

void idempotency_free(struct idempotency *t) {
  if (!t) return;
  LIST_EACH (&t->oldest_first, node) drop(t, CONTAINER_OF(node, struct kept, link));
  map_free(&t->by_hash);
  free(t);
}

static uint64_t hash_of(uint64_t scope, struct str key) { return hash_bytes(key.ptr, key.len, scope); }

/* Two keys with one 64-bit hash would be mixed up; then the older one is not found, which is safe. */
static struct kept *find(const struct idempotency *t, uint64_t scope, struct str key) {
  struct kept *k = map_get(&t->by_hash, hash_of(scope, key));
  return k && str_eq(str_of(k->key), key) ? k : NULL;
}

static bool is_old(const struct kept *k, struct tick now) {
  return now.ns > k->at.ns && now.ns - k->at.ns > IDEMPOTENCY_HOURS * 3600ULL * 1000000000;
}

/* Makes room for one more entry; false when everything is unfinished. */
static bool make_room(struct idempotency *t, struct tick now) {
  LIST_EACH (&t->oldest_first, node) {
    struct kept *k = CONTAINER_OF(node, struct kept, link);
    bool is_over = t->count >= IDEMPOTENCY_ENTRIES_MAX || t->bytes > IDEMPOTENCY_BYTES_MAX;
    if (!is_over && !is_old(k, now)) break;
    if (k->is_done) drop(t, k);
  }
  return t->count < IDEMPOTENCY_ENTRIES_MAX;
}

enum idempotency_state idempotency_begin(struct idempotency *t, uint64_t scope, struct str key,
                                         uint64_t request, struct tick now,
                                         struct idempotency_answer *ret_answer) {
  ASSERT(key.len > 0 && key.len <= IDEMPOTENCY_KEY_MAX);
  bool has_room = make_room(t, now);
  struct kept *k = find(t, scope, key);
  if (k) {
    if (k->request != request) return IDEMPOTENCY_REUSED;
    if (!k->is_done) return IDEMPOTENCY_BUSY;
    *ret_answer = k->answer;
    return IDEMPOTENCY_DONE;
  }
  if (!has_room || map_get(&t->by_hash, hash_of(scope, key))) return IDEMPOTENCY_FULL;
  k = calloc(1, sizeof *k);
  if (!k) return IDEMPOTENCY_FULL;
  *k = (struct kept){.hash = hash_of(scope, key), .request = request, .at = now};
  (void)str_copy(k->key, sizeof k->key, key);
  if (map_put(&t->by_hash, k->hash, k) != ERR_OK) {
    free(k);
    return IDEMPOTENCY_FULL;
  }
  list_push_back(&t->oldest_first, &k->link);
  t->count++;
  return IDEMPOTENCY_NEW;
}

static struct str pack(char **at, struct str s) {
  struct str packed = {*at, s.len};
  if (!s.ptr) return STR_NONE;
  if (s.len) memcpy(*at, s.ptr, s.len);
  *at += s.len;
  return packed;
}

void idempotency_finish(struct idempotency *t, uint64_t scope, struct str key,
                        const struct idempotency_answer *answer) {
  struct kept *k = find(t, scope, key);
  if (!k) return;
  size_t bytes = answer->body.len + answer->content_type.len + answer->location.len + answer->etag.len;
  char *all = bytes > IDEMPOTENCY_ANSWER_MAX ? NULL : malloc(bytes + 1), *at = all;
  if (!all) {
    drop(t, k);
    return;
  }
  /* the body comes first: its pointer is what is freed */
  k->answer.body = pack(&at, answer->body.ptr ? answer->body : STR(""));
  k->answer.status = answer->status;
  k->answer.content_type = pack(&at, answer->content_type);
  k->answer.location = pack(&at, answer->location);
  k->answer.etag = pack(&at, answer->etag);
  k->is_done = true;
  k->bytes = bytes;
  t->bytes += bytes;
}

void idempotency_forget(struct idempotency *t, uint64_t scope, struct str key) {
  struct kept *k = find(t, scope, key);
  if (k) drop(t, k);
}
