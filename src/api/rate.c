#include "api/rate.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/map.h"

#define SETS 1024
#define WAYS 4

struct bucket {
  uint64_t key;
  struct tick at; /* 0 = free */
  double level;
};

struct rate_table {
  struct bucket sets[SETS][WAYS];
};

enum err rate_new(struct rate_table **ret) {
  struct rate_table *t = calloc(1, sizeof *t);
  if (!t) return ERR_NO_MEMORY;
  *ret = t;
  return ERR_OK;
}

void rate_free(struct rate_table *t) { free(t); }

/* The key's bucket, or the one that was idle longest, emptied for it. */
static struct bucket *find_bucket(struct rate_table *t, uint64_t key, bool *ret_is_new) {
  struct bucket *set = t->sets[hash_int(key) % SETS], *oldest = set;
  *ret_is_new = false;
  for (size_t i = 0; i < WAYS; i++) {
    if (set[i].key == key && set[i].at.ns) return &set[i];
    if (set[i].at.ns < oldest->at.ns) oldest = &set[i];
  }
  *ret_is_new = true;
  return oldest;
}

bool rate_take(struct rate_table *t, uint64_t key, const struct rate_rule *rule, double cost, struct tick now,
               int64_t *ret_wait_ms) {
  ASSERT(rule->per_second > 0 && rule->burst >= cost);
  bool is_new;
  struct bucket *b = find_bucket(t, key, &is_new);
  if (is_new) *b = (struct bucket){.key = key, .level = rule->burst};
  else if (now.ns > b->at.ns) b->level += (double)(now.ns - b->at.ns) / 1e9 * rule->per_second;
  if (b->level > rule->burst) b->level = rule->burst;
  b->at = (struct tick){now.ns ? now.ns : 1};
  if (b->level < cost) {
    *ret_wait_ms = (int64_t)((cost - b->level) / rule->per_second * 1000) + 1;
    return false;
  }
  b->level -= cost;
  return true;
}

uint64_t rate_address_key(struct str peer) {
  char text[INET6_ADDRSTRLEN];
  struct in6_addr v6;
  if (str_copy(text, sizeof text, peer) && inet_pton(AF_INET6, text, &v6) == 1) return hash_bytes(&v6, 8, 6);
  return hash_bytes(peer.ptr ? peer.ptr : "", peer.len, 4);
}

/* ---- log-ins ---- */

#define FORGET_NS (15ULL * 60 * 1000000000)   /* without a failure */
#define KNOWN_NS (30ULL * 86400 * 1000000000) /* an address stays known for an account */
#define DELAY_MAX_MS 300000

struct failures {
  uint64_t key;
  struct tick at; /* of the last failure or success; 0 = free */
  unsigned count;
  bool is_known;
};

struct throttle {
  struct failures sets[SETS][WAYS];
};

/* Failures that cost nothing; a person mistypes a few times, and several people share an address. */
enum { FREE_PAIR = 4, FREE_ADDRESS = 20, FREE_ACCOUNT = 50 };

enum err throttle_new(struct throttle **ret) {
  struct throttle *t = calloc(1, sizeof *t);
  if (!t) return ERR_NO_MEMORY;
  *ret = t;
  return ERR_OK;
}

void throttle_free(struct throttle *t) { free(t); }

static uint64_t account_key(struct str account) {
  return hash_bytes(account.ptr ? account.ptr : "", account.len, 1);
}
static uint64_t pair_key(struct str account, struct str peer) {
  return hash_int(account_key(account) ^ rate_address_key(peer));
}

static struct failures *find(struct throttle *t, uint64_t key) {
  struct failures *set = t->sets[hash_int(key) % SETS];
  for (size_t i = 0; i < WAYS; i++)
    if (set[i].key == key && set[i].at.ns) return &set[i];
  return NULL;
}

static struct failures *find_or_make(struct throttle *t, uint64_t key) {
  struct failures *f = find(t, key), *set = t->sets[hash_int(key) % SETS], *oldest = set;
  if (f) return f;
  for (size_t i = 1; i < WAYS; i++)
    if (set[i].at.ns < oldest->at.ns) oldest = &set[i];
  *oldest = (struct failures){.key = key};
  return oldest;
}

static bool is_fresh(const struct failures *f, struct tick now, uint64_t life_ns) {
  return f && (now.ns <= f->at.ns || now.ns - f->at.ns < life_ns);
}

static int64_t tick_ms_since(struct tick then, struct tick now) {
  return now.ns <= then.ns ? 0 : (int64_t)((now.ns - then.ns) / 1000000);
}

static int64_t wait_of(const struct failures *f, unsigned free_failures, struct tick now) {
  if (!is_fresh(f, now, FORGET_NS) || f->count <= free_failures) return 0;
  unsigned over = f->count - free_failures - 1;
  int64_t delay_ms = over > 9 ? DELAY_MAX_MS : 1000LL << over;
  if (delay_ms > DELAY_MAX_MS) delay_ms = DELAY_MAX_MS;
  int64_t left = delay_ms - tick_ms_since(f->at, now);
  return left > 0 ? left : 0;
}

static int64_t max_ms(int64_t a, int64_t b) { return a > b ? a : b; }

int64_t throttle_wait_ms(struct throttle *t, struct str account, struct str peer, struct tick now) {
  const struct failures *pair = find(t, pair_key(account, peer));
  int64_t wait =
      max_ms(wait_of(pair, FREE_PAIR, now), wait_of(find(t, rate_address_key(peer)), FREE_ADDRESS, now));
  bool is_known = is_fresh(pair, now, KNOWN_NS) && pair->is_known;
  return is_known ? wait : max_ms(wait, wait_of(find(t, account_key(account)), FREE_ACCOUNT, now));
}

static void count_failure(struct failures *f, struct tick now) {
  if (!is_fresh(f, now, FORGET_NS)) f->count = 0;
  if (f->count < 1000) f->count++;
  f->at = (struct tick){now.ns ? now.ns : 1};
}

void throttle_failed(struct throttle *t, struct str account, struct str peer, struct tick now) {
  count_failure(find_or_make(t, pair_key(account, peer)), now);
  count_failure(find_or_make(t, rate_address_key(peer)), now);
  count_failure(find_or_make(t, account_key(account)), now);
}

void throttle_succeeded(struct throttle *t, struct str account, struct str peer, struct tick now) {
  struct failures *pair = find_or_make(t, pair_key(account, peer));
  pair->count = 0;
  pair->is_known = true;
  pair->at = (struct tick){now.ns ? now.ns : 1};
}
