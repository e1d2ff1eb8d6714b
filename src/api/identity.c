#include "api/identity.h"

#include <stdlib.h>

#include "api/secret.h"
#include "base/json.h"
#include "base/map.h"
#include "model/field.h"

struct known_token {
  struct token row;
  struct scope scope;
};

/* Lists are sorted by name (sessions: by hash), so that pages and look-ups need no other index; secrets are
 * found through maps keyed by the first eight bytes of their hash. */
struct identities {
  struct user **users;
  struct known_token **tokens;
  struct session **sessions;
  size_t user_count, token_count, session_count;
  struct map token_by_hash, session_by_hash, user_by_id;
};

enum err identities_new(struct identities **ret) {
  struct identities *ids = calloc(1, sizeof *ids);
  if (!ids) return ERR_NO_MEMORY;
  *ret = ids;
  return ERR_OK;
}

/* ---- copies: one allocation, texts behind ---- */

static size_t text_size(const char *text) { return text ? strlen(text) + 1 : 0; }
static const char *move_text(char **at, const char *text) {
  if (!text) return NULL;
  char *to = *at;
  size_t size = strlen(text) + 1;
  memcpy(to, text, size);
  *at += size;
  return to;
}

static struct user *copy_user(const struct user *u) {
  struct user *copy =
      malloc(sizeof *copy + text_size(u->id) + text_size(u->name) + text_size(u->password_hash));
  if (!copy) return NULL;
  *copy = *u;
  char *at = (char *)(copy + 1);
  copy->id = move_text(&at, u->id);
  copy->name = move_text(&at, u->name);
  copy->password_hash = move_text(&at, u->password_hash);
  return copy;
}

static struct known_token *copy_token(const struct token *t) {
  size_t bytes = text_size(t->id) + text_size(t->name) + text_size(t->user_id) + text_size(t->scope);
  struct known_token *copy = malloc(sizeof *copy + bytes);
  if (!copy) return NULL;
  *copy = (struct known_token){.row = *t};
  char *at = (char *)(copy + 1);
  copy->row.id = move_text(&at, t->id);
  copy->row.name = move_text(&at, t->name);
  copy->row.user_id = move_text(&at, t->user_id);
  copy->row.scope = move_text(&at, t->scope);
  return copy;
}

static struct session *copy_session(const struct session *s) {
  size_t bytes = text_size(s->user_id) + text_size(s->csrf) + text_size(s->address) + text_size(s->agent);
  struct session *copy = malloc(sizeof *copy + bytes);
  if (!copy) return NULL;
  *copy = *s;
  char *at = (char *)(copy + 1);
  copy->user_id = move_text(&at, s->user_id);
  copy->csrf = move_text(&at, s->csrf);
  copy->address = move_text(&at, s->address);
  copy->agent = move_text(&at, s->agent);
  return copy;
}

static void free_token(struct known_token *t) {
  scope_free(&t->scope);
  free(t);
}

static uint64_t hash_key(const unsigned char hash[32]) {
  uint64_t key;
  memcpy(&key, hash, sizeof key);
  return key;
}
static uint64_t id_key(struct str id) { return hash_bytes(id.ptr ? id.ptr : "", id.len, 11); }

/* ---- lists ---- */

/* Room for one more at `at`; the caller fills it in. */
static bool open_gap(void ***list, size_t count, size_t at) {
  void **grown = realloc((void *)*list, (count + 1) * sizeof *grown);
  if (!grown) return false;
  memmove((void *)(grown + at + 1), (void *)(grown + at), (count - at) * sizeof *grown);
  *list = grown;
  return true;
}
static void close_gap(void **list, size_t count, size_t at) {
  memmove((void *)(list + at), (void *)(list + at + 1), (count - at - 1) * sizeof *list);
}

static size_t place_of_user(const struct identities *ids, struct str id) {
  for (size_t i = 0; i < ids->user_count; i++)
    if (str_eq(str_of(ids->users[i]->id), id)) return i;
  return SIZE_MAX;
}
static size_t place_of_token(const struct identities *ids, struct str id) {
  for (size_t i = 0; i < ids->token_count; i++)
    if (str_eq(str_of(ids->tokens[i]->row.id), id)) return i;
  return SIZE_MAX;
}
static size_t place_of_session(const struct identities *ids, const unsigned char hash[32]) {
  for (size_t i = 0; i < ids->session_count; i++)
    if (secret_hash_eq(ids->sessions[i]->id_hash, hash)) return i;
  return SIZE_MAX;
}

static void drop_session_at(struct identities *ids, size_t i) {
  struct session *s = ids->sessions[i];
  if (map_get(&ids->session_by_hash, hash_key(s->id_hash)) == s)
    (void)map_remove(&ids->session_by_hash, hash_key(s->id_hash));
  close_gap((void **)ids->sessions, ids->session_count--, i);
  free(s);
}
static void drop_token_at(struct identities *ids, size_t i) {
  struct known_token *t = ids->tokens[i];
  if (map_get(&ids->token_by_hash, hash_key(t->row.hash)) == t)
    (void)map_remove(&ids->token_by_hash, hash_key(t->row.hash));
  close_gap((void **)ids->tokens, ids->token_count--, i);
  free_token(t);
}
static void drop_user_at(struct identities *ids, size_t i) {
  struct user *u = ids->users[i];
  (void)map_remove(&ids->user_by_id, id_key(str_of(u->id)));
  close_gap((void **)ids->users, ids->user_count--, i);
  free(u);
}

void identities_remove_session(struct identities *ids, const unsigned char id_hash[32]) {
  size_t i = place_of_session(ids, id_hash);
  if (i != SIZE_MAX) drop_session_at(ids, i);
}
void identities_remove_token(struct identities *ids, struct str id) {
  size_t i = place_of_token(ids, id);
  if (i != SIZE_MAX) drop_token_at(ids, i);
}
void identities_remove_sessions_of(struct identities *ids, struct str user_id, const unsigned char keep[32]) {
  for (size_t i = ids->session_count; i-- > 0;)
    if (str_eq(str_of(ids->sessions[i]->user_id), user_id) &&
        !(keep && secret_hash_eq(ids->sessions[i]->id_hash, keep)))
      drop_session_at(ids, i);
}
void identities_remove_user(struct identities *ids, struct str id) {
  size_t place = place_of_user(ids, id);
  if (place == SIZE_MAX) return;
  identities_remove_sessions_of(ids, id, NULL);
  for (size_t i = ids->token_count; i-- > 0;)
    if (str_eq(str_of(ids->tokens[i]->row.user_id), id)) drop_token_at(ids, i);
  drop_user_at(ids, place);
}

void identities_free(struct identities *ids) {
  if (!ids) return;
  while (ids->session_count) drop_session_at(ids, ids->session_count - 1);
  while (ids->token_count) drop_token_at(ids, ids->token_count - 1);
  while (ids->user_count) drop_user_at(ids, ids->user_count - 1);
  map_free(&ids->token_by_hash);
  map_free(&ids->session_by_hash);
  map_free(&ids->user_by_id);
  free((void *)ids->users);
  free((void *)ids->tokens);
  free((void *)ids->sessions);
  free(ids);
}

enum err identities_put_user(struct identities *ids, const struct user *user) {
  size_t old = place_of_user(ids, str_of(user->id)), at = 0;
  if (old == SIZE_MAX && ids->user_count >= IDENTITY_USERS_MAX) return ERR_LIMIT;
  struct user *copy = copy_user(user);
  if (!copy) return ERR_NO_MEMORY;
  if (old != SIZE_MAX) drop_user_at(ids, old);
  while (at < ids->user_count && strcmp(ids->users[at]->name, copy->name) < 0) at++;
  if (!open_gap((void ***)(void *)&ids->users, ids->user_count, at) ||
      map_put(&ids->user_by_id, id_key(str_of(copy->id)), copy) != ERR_OK) {
    if (at < ids->user_count) close_gap((void **)ids->users, ids->user_count + 1, at);
    free(copy);
    return ERR_NO_MEMORY;
  }
  ids->users[at] = copy;
  ids->user_count++;
  return ERR_OK;
}

enum err identities_put_token(struct identities *ids, const struct token *token) {
  size_t old = place_of_token(ids, str_of(token->id)), at = 0;
  if (old == SIZE_MAX && ids->token_count >= IDENTITY_TOKENS_MAX) return ERR_LIMIT;
  struct known_token *copy = copy_token(token);
  if (!copy) return ERR_NO_MEMORY;
  enum err e = scope_parse(copy->row.scope, &copy->scope, NULL);
  if (e != ERR_OK) {
    free(copy);
    return e;
  }
  if (old != SIZE_MAX) drop_token_at(ids, old);
  while (at < ids->token_count && strcmp(ids->tokens[at]->row.name, copy->row.name) < 0) at++;
  if (!open_gap((void ***)(void *)&ids->tokens, ids->token_count, at) ||
      map_put(&ids->token_by_hash, hash_key(copy->row.hash), copy) != ERR_OK) {
    if (at < ids->token_count) close_gap((void **)ids->tokens, ids->token_count + 1, at);
    free_token(copy);
    return ERR_NO_MEMORY;
  }
  ids->tokens[at] = copy;
  ids->token_count++;
  return ERR_OK;
}

enum err identities_put_session(struct identities *ids, const struct session *session) {
  size_t old = place_of_session(ids, session->id_hash);
  if (old == SIZE_MAX && ids->session_count >= IDENTITY_SESSIONS_MAX) return ERR_LIMIT;
  struct session *copy = copy_session(session);
  if (!copy) return ERR_NO_MEMORY;
  if (old != SIZE_MAX) drop_session_at(ids, old);
  if (!open_gap((void ***)(void *)&ids->sessions, ids->session_count, ids->session_count) ||
      map_put(&ids->session_by_hash, hash_key(copy->id_hash), copy) != ERR_OK) {
    free(copy);
    return ERR_NO_MEMORY;
  }
  ids->sessions[ids->session_count++] = copy;
  return ERR_OK;
}

enum err identities_load(struct identities *ids, const struct store_read *read) {
  while (ids->session_count) drop_session_at(ids, ids->session_count - 1);
  while (ids->token_count) drop_token_at(ids, ids->token_count - 1);
  while (ids->user_count) drop_user_at(ids, ids->user_count - 1);
  for (size_t i = 0; i < read->identities.user_count; i++)
    TRY(identities_put_user(ids, &read->identities.users[i]));
  for (size_t i = 0; i < read->identities.token_count; i++)
    TRY(identities_put_token(ids, &read->identities.tokens[i]));
  for (size_t i = 0; i < read->identities.session_count; i++)
    TRY(identities_put_session(ids, &read->identities.sessions[i]));
  return ERR_OK;
}

/* ---- looking in ---- */

static const struct user *user_by_id(const struct identities *ids, const char *id) {
  const struct user *u = id ? map_get(&ids->user_by_id, id_key(str_of(id))) : NULL;
  return u && strcmp(u->id, id) == 0 ? u : NULL;
}

const struct user *identities_user(const struct identities *ids, struct str id_or_name) {
  const struct user *u = map_get(&ids->user_by_id, id_key(id_or_name));
  if (u && str_eq(str_of(u->id), id_or_name)) return u;
  for (size_t i = 0; i < ids->user_count; i++)
    if (str_eq(str_of(ids->users[i]->name), id_or_name)) return ids->users[i];
  return NULL;
}

const struct token *identities_token(const struct identities *ids, struct str id_or_name) {
  for (size_t i = 0; i < ids->token_count; i++)
    if (str_eq(str_of(ids->tokens[i]->row.id), id_or_name) ||
        str_eq(str_of(ids->tokens[i]->row.name), id_or_name))
      return &ids->tokens[i]->row;
  return NULL;
}

size_t identities_user_count(const struct identities *ids) { return ids->user_count; }
size_t identities_token_count(const struct identities *ids) { return ids->token_count; }
size_t identities_session_count(const struct identities *ids) { return ids->session_count; }
const struct user *identities_user_at(const struct identities *ids, size_t i) { return ids->users[i]; }
const struct token *identities_token_at(const struct identities *ids, size_t i) {
  return &ids->tokens[i]->row;
}
const struct session *identities_session_at(const struct identities *ids, size_t i) {
  return ids->sessions[i];
}

bool session_is_over(const struct session *s, int64_t now_ms) {
  return now_ms >= s->expires_ms || now_ms - s->seen_ms >= SESSION_IDLE_MS;
}

const struct session *identities_expired_session(const struct identities *ids, int64_t now_ms) {
  for (size_t i = 0; i < ids->session_count; i++)
    if (session_is_over(ids->sessions[i], now_ms)) return ids->sessions[i];
  return NULL;
}

/* ---- recognising ---- */

static struct known_token *find_token(const struct identities *ids, struct str secret) {
  struct secret_hash hash = secret_hash(secret);
  struct known_token *t = map_get(&ids->token_by_hash, hash_key(hash.bytes));
  return t && secret_hash_eq(t->row.hash, hash.bytes) ? t : NULL;
}

static struct session *find_session(const struct identities *ids, const unsigned char hash[32]) {
  struct session *s = map_get(&ids->session_by_hash, hash_key(hash));
  return s && secret_hash_eq(s->id_hash, hash) ? s : NULL;
}

/* The token's role, at most its user's; ROLE_NONE when the user is gone or disabled. */
static enum role role_of_token(const struct identities *ids, const struct token *t) {
  if (!t->user_id) return t->role;
  const struct user *u = user_by_id(ids, t->user_id);
  if (!u || u->is_disabled) return ROLE_NONE;
  return u->role < t->role ? u->role : t->role;
}

static const struct scope *copy_scope(const struct scope *from, struct arena *arena) {
  struct scope *s = ARENA_NEW(arena, struct scope);
  if (!s) return NULL;
  *s = *from;
  s->jobs = from->job_count ? ARENA_ARRAY(arena, char *, from->job_count) : NULL;
  if (from->job_count && !s->jobs) return NULL;
  for (size_t i = 0; i < from->job_count; i++) {
    s->jobs[i] = arena_strdup(arena, str_of(from->jobs[i]));
    if (!s->jobs[i]) return NULL;
  }
  return s;
}

static const struct token *copy_for_store(const struct token *t, struct arena *arena) {
  struct token *copy = ARENA_NEW(arena, struct token);
  if (!copy) return NULL;
  *copy = *t;
  copy->id = arena_strdup(arena, str_of(t->id));
  copy->name = arena_strdup(arena, str_of(t->name));
  copy->user_id = t->user_id ? arena_strdup(arena, str_of(t->user_id)) : NULL;
  copy->scope = t->scope ? arena_strdup(arena, str_of(t->scope)) : NULL;
  return copy;
}

static enum err unknown(struct err_detail *d, const char *why) {
  return err_set(d, ERR_UNAUTHENTICATED, NULL, 0, "%s", why);
}

static enum err recognise_token(struct identities *ids, struct str secret, const struct credentials *shown,
                                struct arena *arena, struct recognised *ret, struct err_detail *d) {
  struct known_token *t = find_token(ids, secret);
  if (!t) return unknown(d, "the token is not known; it may have been revoked");
  if (t->row.expires_ms != FIELD_NULL && shown->now_ms >= t->row.expires_ms) return ERR_TOKEN_EXPIRED;
  if (!scope_allows_address(&t->scope, shown->peer))
    return unknown(d, "the token is not valid from this network");
  enum role role = role_of_token(ids, &t->row);
  if (role == ROLE_NONE) return unknown(d, "the token's user is gone or disabled");
  ret->who = (struct who){.kind = WHO_TOKEN,
                          .role = role,
                          .actor = arena_printf(arena, "token:%s", t->row.name),
                          .user_id = t->row.user_id ? arena_strdup(arena, str_of(t->row.user_id)) : NULL,
                          .scope = copy_scope(&t->scope, arena)};
  if (!ret->who.actor || !ret->who.scope) return ERR_NO_MEMORY;
  int64_t used_ms = t->row.last_used_ms;
  bool is_due = used_ms == FIELD_NULL || shown->now_ms - used_ms >= TOKEN_SAVE_MS;
  if (is_due) t->row.last_used_ms = shown->now_ms;
  if (t->scope.is_single_use) {
    ret->token_to_delete = copy_for_store(&t->row, arena);
    identities_remove_token(ids, str_of(ret->token_to_delete ? ret->token_to_delete->id : t->row.id));
  } else if (is_due) {
    ret->token_to_save = copy_for_store(&t->row, arena);
  }
  return ERR_OK;
}

static enum err recognise_session(struct identities *ids, const struct credentials *shown,
                                  struct arena *arena, struct recognised *ret) {
  struct secret_hash hash = secret_hash(shown->cookie);
  struct session *s = find_session(ids, hash.bytes);
  if (!s) return ERR_OK; /* an old cookie is nobody, so that the log-in page can be reached with it */
  const struct user *u = user_by_id(ids, s->user_id);
  if (!u || u->is_disabled || session_is_over(s, shown->now_ms)) return ERR_TOKEN_EXPIRED;
  ret->who = (struct who){.kind = WHO_SESSION,
                          .role = u->role,
                          .actor = arena_printf(arena, "user:%s", u->name),
                          .user_id = arena_strdup(arena, str_of(u->id))};
  ret->csrf = arena_strdup(arena, str_of(s->csrf));
  memcpy(ret->session_hash, hash.bytes, 32);
  if (!ret->who.actor || !ret->who.user_id || !ret->csrf) return ERR_NO_MEMORY;
  if (shown->now_ms - s->seen_ms >= SESSION_SAVE_MS) ret->session_to_save = s;
  if (shown->now_ms > s->seen_ms) s->seen_ms = shown->now_ms;
  return ERR_OK;
}

/* Each of the configured secrets is compared, whatever the result, so time tells nothing. */
static bool is_cron_secret(struct str shown, struct str configured) {
  bool is_one = false;
  struct str rest = configured, piece;
  while (rest.ptr && rest.len && str_split(&rest, ',', &piece)) {
    struct str one = str_trim(piece);
    struct secret_hash a = secret_hash(shown), b = secret_hash(one);
    is_one |= one.len > 0 && secret_hash_eq(a.bytes, b.bytes);
  }
  return is_one;
}

enum err identities_recognise(struct identities *ids, const struct credentials *shown, struct arena *arena,
                              struct recognised *ret, struct err_detail *d) {
  *ret = (struct recognised){};
  if (!shown->authorization.ptr)
    return shown->cookie.ptr ? recognise_session(ids, shown, arena, ret) : ERR_OK;
  struct str value = shown->authorization;
  if (value.len < 8 || !str_eq_nocase((struct str){value.ptr, 7}, STR("Bearer ")))
    return unknown(d, "write Authorization: Bearer TOKEN");
  struct str secret = str_trim(str_from(value, 7));
  if (token_text_is_sound(secret)) return recognise_token(ids, secret, shown, arena, ret, d);
  if (is_cron_secret(secret, shown->cron_secret)) {
    ret->who = (struct who){.kind = WHO_CRON_SECRET, .actor = "cron-secret"};
    return ERR_OK;
  }
  return unknown(d, "this is no token of ours; was it cut or mistyped?");
}

bool identities_still(const struct identities *ids, const struct who *who,
                      const unsigned char session_hash[32], int64_t now_ms) {
  if (who->kind == WHO_SESSION) {
    const struct session *s = find_session(ids, session_hash);
    const struct user *u = s ? user_by_id(ids, s->user_id) : NULL;
    return u && !u->is_disabled && u->role == who->role && now_ms < s->expires_ms;
  }
  if (who->kind != WHO_TOKEN) return false;
  const struct token *t = identities_token(ids, str_of(who->actor + strlen("token:")));
  return t && role_of_token(ids, t) == who->role && (t->expires_ms == FIELD_NULL || now_ms < t->expires_ms);
}
