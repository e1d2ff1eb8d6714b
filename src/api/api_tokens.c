/* /api/admin/tokens and /api/admin/sessions. */
#include <sodium.h>
#include <stdlib.h>

#include "api/api_who.h"
#include "api/identity.h"
#include "api/render.h"
#include "api/secret.h"

SHAPE_OF(token, "Token", 0, OUT("id", TEXT, 0, ""), OUT("name", TEXT, 0, "unique"),
         OUT_ENUM("role", 0, role_names, ""),
         OUT("user", TEXT, FIELD_NULLABLE, "whose it is; null: the installation's"),
         OUT("scope", JSON, FIELD_NULLABLE, "jobs, nets, singleUse, worlds"),
         OUT("createdAt", INSTANT, 0, ""), OUT("expiresAt", INSTANT, FIELD_NULLABLE, "null: never"),
         OUT("lastUsedAt", INSTANT, FIELD_NULLABLE, "to the hour"));
static const struct shape_part token_page_parts[] = {{"data", &token_shape, PART_LIST}};
SHAPE_PARTS(token_page, "TokenPage", NULL, token_page_parts,
            OUT("nextCursor", TEXT, FIELD_NULLABLE, "always null"));
SHAPE_OVER(token_made, "NewTokenAnswer", &token_shape, OUT("token", TEXT, 0, "the secret; shown this once"));

struct token_new {
  const char *name, *user, *scope, *life;
  int64_t role, expires_ms;
};
SHAPE_OF(token_new, "NewToken", sizeof(struct token_new),
         IN(struct token_new, name, "name", TEXT, FIELD_REQUIRED, 1, 100, FIELD_NULL, "unique"),
         IN_ENUM(struct token_new, role, "role", FIELD_REQUIRED, FIELD_NULL, role_names, ""),
         IN(struct token_new, user, "user", TEXT, FIELD_NULLABLE, 1, 100, FIELD_NULL,
            "account whose role bounds it, and with which it goes"),
         IN(struct token_new, scope, "scope", JSON, FIELD_NULLABLE, 0, SCOPE_BYTES_MAX, FIELD_NULL,
            "object: jobs (names or ids), nets (10.0.0.0/8), singleUse, worlds (true: speaks for the "
            "application)"),
         IN(struct token_new, expires_ms, "expiresAt", INSTANT, FIELD_NULLABLE, 0, 0, FIELD_NULL,
            "null: never"),
         IN(struct token_new, life, "expiresIn", TEXT, FIELD_NULLABLE, 1, 100, FIELD_NULL,
            "instead of expiresAt: 90d is 2160h, 24h, PT2H"));

static void instant_or_null(struct json_writer *w, const char *key, int64_t ms) {
  jw_key(w, key);
  if (ms == FIELD_NULL) jw_null(w);
  else jw_instant(w, ms);
}

static void render_fields(struct call *c, struct json_writer *w, const struct token *t) {
  const struct user *u = t->user_id ? identities_user(c->api->identities, str_of(t->user_id)) : NULL;
  jw_ktext(w, "id", t->id);
  jw_ktext(w, "name", t->name);
  jw_ktext(w, "role", role_text(t->role));
  jw_ktext(w, "user", u ? u->name : NULL);
  jw_key(w, "scope");
  if (t->scope) jw_raw(w, str_of(t->scope));
  else jw_null(w);
  jw_kinstant(w, "createdAt", t->created_ms);
  instant_or_null(w, "expiresAt", t->expires_ms);
  instant_or_null(w, "lastUsedAt", t->last_used_ms);
}

void tokens_list(struct call *c) {
  struct json_writer *w = call_begin(c);
  render_page_begin(w);
  for (size_t i = 0; i < identities_token_count(c->api->identities); i++) {
    jw_object(w);
    render_fields(c, w, identities_token_at(c->api->identities, i));
    jw_object_end(w);
  }
  render_page_end(w, NULL);
  call_end(c, 200);
}

static void made(struct call *c, const struct engine_answer *answer) {
  const struct token *t = &answer->change->token_row;
  struct token_text *secret = c->state;
  enum err e = identities_put_token(c->api->identities, t);
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  c->location = arena_printf(&c->req->arena, "/api/admin/tokens/%s", t->id);
  struct json_writer *w = call_begin(c);
  jw_object(w);
  render_fields(c, w, t);
  jw_ktext(w, "token", secret->text);
  jw_object_end(w);
  sodium_memzero(secret, sizeof *secret);
  call_end(c, 201);
}

static enum err end_of_life(struct call *c, const struct token_new *in, int64_t *ret_ms) {
  int64_t now = call_now_ms(c), life_ms;
  *ret_ms = in->expires_ms;
  if (in->life) {
    if (in->expires_ms != FIELD_NULL)
      return err_set(&c->detail, ERR_INVALID, "expiresIn", 0, "give expiresAt or expiresIn, not both");
    if (!duration_from_text(str_of(in->life), &life_ms) || life_ms == 0)
      return err_set(&c->detail, ERR_INVALID, "expiresIn", 0, "a duration like 24h, 30d or PT2H");
    *ret_ms = now + life_ms;
  }
  if (*ret_ms != FIELD_NULL && *ret_ms <= now)
    return err_set(&c->detail, ERR_INVALID, "expiresAt", 0, "expiresAt must be in the future");
  return ERR_OK;
}

static enum err check(struct call *c, const struct token_new *in, int64_t *ret_expires_ms) {
  struct scope scope;
  if (in->role == ROLE_NONE)
    return err_set(&c->detail, ERR_INVALID, "role", 0, "viewer, operator, editor or admin");
  if (identities_token(c->api->identities, str_of(in->name)))
    return err_set(&c->detail, ERR_CONFLICT, "name", 0, "there is a token of this name");
  if (in->user && !identities_user(c->api->identities, str_of(in->user)))
    return err_set(&c->detail, ERR_INVALID, "user", 0, "there is no such account");
  if (identities_token_count(c->api->identities) >= IDENTITY_TOKENS_MAX)
    return err_set(&c->detail, ERR_LIMIT, NULL, 0, "at most %d tokens", IDENTITY_TOKENS_MAX);
  TRY(scope_parse(in->scope, &scope, &c->detail));
  bool is_weak_service = scope.is_worlds && in->role < ROLE_OPERATOR;
  scope_free(&scope);
  if (is_weak_service)
    return err_set(&c->detail, ERR_INVALID, "role", 0, "a token with the scope worlds has the role operator");
  return end_of_life(c, in, ret_expires_ms);
}

void token_create(struct call *c) {
  const struct token_new *in = CALL_INPUT(c, struct token_new);
  int64_t expires_ms = FIELD_NULL, now = call_now_ms(c);
  struct token_text *secret = ARENA_NEW(&c->req->arena, struct token_text);
  enum err e = secret ? check(c, in, &expires_ms) : ERR_NO_MEMORY;
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  struct change *change = call_new_change(c, CHANGE_TOKEN);
  if (!change) return;
  *secret = token_text_new(c->api->world);
  struct secret_hash hash = secret_hash(str_of(secret->text));
  struct arena *arena = &change->arena;
  const struct user *user = in->user ? identities_user(c->api->identities, str_of(in->user)) : NULL;
  change->token_row =
      (struct token){.id = arena_strdup(arena, str_of(id_to_text(id_next(&c->api->ids, now)).text)),
                     .name = arena_strdup(arena, str_of(in->name)),
                     .role = (enum role)in->role,
                     .user_id = user ? arena_strdup(arena, str_of(user->id)) : NULL,
                     .scope = in->scope ? arena_strdup(arena, str_of(in->scope)) : NULL,
                     .created_ms = now,
                     .expires_ms = expires_ms,
                     .last_used_ms = FIELD_NULL};
  memcpy(change->token_row.hash, hash.bytes, sizeof hash.bytes);
  c->state = secret;
  call_note(c, change, "token.create", arena_printf(&c->req->arena, "token:%s", in->name), NULL,
            arena_printf(&c->req->arena, "{\"role\":\"%s\"}", role_text((enum role)in->role)));
  call_write(c, change, made);
}

static void revoked(struct call *c, const struct engine_answer *answer) {
  identities_remove_token(c->api->identities, str_of(answer->change->token_row.id));
  call_end_empty(c, 204);
}

void token_delete(struct call *c) {
  const struct token *t = identities_token(c->api->identities, c->args[0]);
  if (!t) {
    call_refuse(c, ERR_NOT_FOUND, "token", "there is no such token");
    return;
  }
  struct change *change = call_new_change(c, CHANGE_TOKEN_DELETE);
  if (!change) return;
  change->token_row.id = arena_strdup(&change->arena, str_of(t->id));
  call_note(c, change, "token.revoke", arena_printf(&c->req->arena, "token:%s", t->name), NULL, NULL);
  call_write(c, change, revoked);
}

/* ---- sessions: shown by the first 16 hex digits of their hash ---- */

SHAPE_OF(shown_session, "ShownSession", 0, OUT("id", TEXT, 0, "begin of its hash"),
         OUT("user", TEXT, FIELD_NULLABLE, ""), OUT("address", TEXT, FIELD_NULLABLE, "where it began"),
         OUT("agent", TEXT, FIELD_NULLABLE, "the browser's name"), OUT("createdAt", INSTANT, 0, ""),
         OUT("seenAt", INSTANT, 0, "last request"), OUT("expiresAt", INSTANT, 0, ""),
         OUT("isThis", BOOL, 0, "of this request"));
static const struct shape_part sessions_page_parts[] = {{"data", &shown_session_shape, PART_LIST}};
SHAPE_PARTS(sessions_page, "SessionPage", NULL, sessions_page_parts,
            OUT("nextCursor", TEXT, FIELD_NULLABLE, "always null"));

#define SHOWN_BYTES 8
static void shown_id(const struct session *s, char ret[SHOWN_BYTES * 2 + 1]) {
  sodium_bin2hex(ret, SHOWN_BYTES * 2 + 1, s->id_hash, SHOWN_BYTES);
}

void sessions_list(struct call *c) {
  struct json_writer *w = call_begin(c);
  char id[SHOWN_BYTES * 2 + 1];
  render_page_begin(w);
  for (size_t i = 0; i < identities_session_count(c->api->identities); i++) {
    const struct session *s = identities_session_at(c->api->identities, i);
    const struct user *u = identities_user(c->api->identities, str_of(s->user_id));
    if (session_is_over(s, call_now_ms(c))) continue;
    shown_id(s, id);
    jw_object(w);
    jw_ktext(w, "id", id);
    jw_ktext(w, "user", u ? u->name : NULL);
    jw_ktext(w, "address", s->address);
    jw_ktext(w, "agent", s->agent);
    jw_kinstant(w, "createdAt", s->created_ms);
    jw_kinstant(w, "seenAt", s->seen_ms);
    jw_kinstant(w, "expiresAt", s->expires_ms);
    jw_kbool(w, "isThis", c->who.kind == WHO_SESSION && secret_hash_eq(s->id_hash, c->session_hash));
    jw_object_end(w);
  }
  render_page_end(w, NULL);
  call_end(c, 200);
}

static void ended(struct call *c, const struct engine_answer *answer) {
  identities_remove_session(c->api->identities, answer->change->session.id_hash);
  call_end_empty(c, 204);
}

void session_delete(struct call *c) {
  char id[SHOWN_BYTES * 2 + 1];
  for (size_t i = 0; i < identities_session_count(c->api->identities); i++) {
    const struct session *s = identities_session_at(c->api->identities, i);
    shown_id(s, id);
    if (!str_eq(str_of(id), c->args[0])) continue;
    struct change *change = call_new_change(c, CHANGE_SESSION_DELETE);
    if (!change) return;
    memcpy(change->session.id_hash, s->id_hash, sizeof s->id_hash);
    call_note(c, change, "session.end", arena_printf(&c->req->arena, "session:%s", id), NULL, NULL);
    call_write(c, change, ended);
    return;
  }
  call_refuse(c, ERR_NOT_FOUND, "session", "there is no such session");
}
