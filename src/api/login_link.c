#include "api/login_link.h"

#include <stdlib.h>

#include "api/secret.h"

struct link {
  unsigned char hash[32];
  char *user_id; /* NULL = free */
  int64_t made_ms;
};

struct login_links {
  struct link links[LOGIN_LINKS_MAX];
};

enum err login_links_new(struct login_links **ret) {
  struct login_links *l = calloc(1, sizeof *l);
  if (!l) return ERR_NO_MEMORY;
  *ret = l;
  return ERR_OK;
}

static void clear(struct link *k) {
  free(k->user_id);
  *k = (struct link){};
}

void login_links_free(struct login_links *l) {
  for (size_t i = 0; l && i < LOGIN_LINKS_MAX; i++) clear(&l->links[i]);
  free(l);
}

enum err login_links_add(struct login_links *l, struct world *w, struct str user_id, int64_t now_ms,
                         struct secret_text *ret) {
  struct link *place = l->links;
  for (size_t i = 0; i < LOGIN_LINKS_MAX; i++) {
    struct link *k = &l->links[i];
    if (!place->user_id) break;
    if (!k->user_id || k->made_ms < place->made_ms) place = k;
  }
  char *owner = str_dup(user_id);
  if (!owner) return ERR_NO_MEMORY;
  clear(place);
  *ret = secret_new(w);
  struct secret_hash hash = secret_hash(str_of(ret->text));
  memcpy(place->hash, hash.bytes, sizeof place->hash);
  place->user_id = owner;
  place->made_ms = now_ms;
  return ERR_OK;
}

char *login_links_take(struct login_links *l, struct str secret, int64_t now_ms) {
  struct secret_hash hash = secret_hash(secret);
  for (size_t i = 0; i < LOGIN_LINKS_MAX; i++) {
    struct link *k = &l->links[i];
    if (!k->user_id || !secret_hash_eq(k->hash, hash.bytes)) continue;
    bool is_in_time = now_ms >= k->made_ms && now_ms - k->made_ms < LOGIN_LINK_LIFE_MS;
    char *user_id = k->user_id;
    k->user_id = NULL;
    clear(k);
    if (is_in_time) return user_id;
    free(user_id);
    return NULL;
  }
  return NULL;
}
