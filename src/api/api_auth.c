/* /api/auth: log in, log out, the session, login links, one's own password. */
#include <stdlib.h>

#include "api/api_who.h"
#include "api/identity.h"
#include "api/login_link.h"
#include "api/secret.h"
#include "api/web.h"

/* ---- sessions ---- */

SHAPE_OF(session_answer, "Session", 0, OUT("actor", TEXT, 0, "user:NAME or token:NAME"),
         OUT("user", TEXT, FIELD_NULLABLE, "name of the account; null for a token of the installation"),
         OUT("userId", TEXT, FIELD_NULLABLE, "id of the account: what worlds name as their owner"),
         OUT_ENUM("role", 0, role_names, ""),
         OUT("csrfToken", TEXT, FIELD_NULLABLE, "to be sent as X-CSRF-Token; null for tokens"),
         OUT("expiresAt", INSTANT, FIELD_NULLABLE, "of the session, at the latest"));

static void write_session(struct call *c, const struct user *user, const char *csrf, int64_t expires_ms) {
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_ktext(w, "actor", c->who.actor);
  jw_ktext(w, "user", user ? user->name : NULL);
  jw_ktext(w, "userId", user ? user->id : NULL);
  jw_ktext(w, "role", role_text(c->who.role));
  jw_ktext(w, "csrfToken", csrf);
  jw_key(w, "expiresAt");
  if (expires_ms == FIELD_NULL) jw_null(w);
  else jw_instant(w, expires_ms);
  jw_object_end(w);
  call_end(c, 200);
}

static bool is_https(const struct call *c) {
  const char *url = engine_config_get(c->api->engine, "http.public_url");
  return c->req->is_tls || (url && str_starts(str_of(url), STR("https://")));
}

static void set_cookie(struct call *c, const char *value, int64_t life_s) {
  bool is_secure = is_https(c);
  const char *base = web_base(c->api->web); /* __Host- would ask for the path "/" */
  const char *secure_name = base[0] ? "__Secure-sereno" : "__Host-sereno";
  const char *cookie =
      arena_printf(&c->req->arena, "%s=%s; Path=%s; Max-Age=%lld; HttpOnly; SameSite=Strict%s",
                   is_secure ? secure_name : "sereno", value, base[0] ? base : "/", (long long)life_s,
                   is_secure ? "; Secure" : "");
  if (cookie) http_header(c->req, "Set-Cookie", str_of(cookie));
}

static void nothing(void *arg, const struct engine_answer *answer) {
  (void)arg;
  (void)answer;
}

/* In memory and in the store; not waited for. */
static void end_session(struct api *a, const struct session *s) {
  struct change *change = change_new(CHANGE_SESSION_DELETE, engine_now_ms(a->engine));
  if (change) {
    change->epoch = engine_epoch(a->engine);
    memcpy(change->session.id_hash, s->id_hash, sizeof s->id_hash);
    engine_write(a->engine, change, nothing, NULL);
  }
  unsigned char hash[32];
  memcpy(hash, s->id_hash, sizeof hash);
  identities_remove_session(a->identities, hash);
}

void sessions_end(struct call *c, struct str user_id, const unsigned char keep[32]) {
  struct identities *ids = c->api->identities;
  for (size_t i = identities_session_count(ids); i-- > 0;) {
    const struct session *s = identities_session_at(ids, i);
    bool is_kept = keep && secret_hash_eq(s->id_hash, keep);
    if (str_eq(str_of(s->user_id), user_id) && !is_kept) end_session(c->api, s);
  }
}

#define SWEEP_AT_ONCE 100
#define SWEEP_AFTER_MS (3600LL * 1000)

void sessions_sweep(struct api *a) {
  int64_t then_ms = engine_now_ms(a->engine) - SWEEP_AFTER_MS;
  for (int i = 0; i < SWEEP_AT_ONCE; i++) {
    const struct session *s = identities_expired_session(a->identities, then_ms);
    if (!s) return;
    end_session(a, s);
  }
}

/* lastLoginAt is written behind: a log-in must not fail for it. */
static void note_login(struct call *c, const struct user *user) {
  struct change *change = change_new(CHANGE_USER, call_now_ms(c));
  if (!change) return;
  change->epoch = engine_epoch(c->api->engine);
  change->is_touch = true;
  change->user = *user;
  change->user.id = arena_strdup(&change->arena, str_of(user->id));
  change->user.name = arena_strdup(&change->arena, str_of(user->name));
  change->user.password_hash =
      user->password_hash ? arena_strdup(&change->arena, str_of(user->password_hash)) : NULL;
  change->user.last_login_ms = change->at_ms;
  if (arena_error(&change->arena)) {
    change_free(change);
    return;
  }
  (void)!identities_put_user(c->api->identities, &change->user);
  engine_write(c->api->engine, change, nothing, NULL);
}

struct new_session {
  struct secret_text secret;
};

static void session_is_saved(struct call *c, const struct engine_answer *answer) {
  const struct session *s = &answer->change->session;
  struct new_session *new = c->state;
  const struct user *user = identities_user(c->api->identities, str_of(s->user_id));
  enum err e = user ? identities_put_session(c->api->identities, s) : ERR_NOT_FOUND;
  if (e != ERR_OK) {
    call_fail(c, e == ERR_LIMIT ? ERR_BUSY : e);
    return;
  }
  note_login(c, user);
  set_cookie(c, new->secret.text, SESSION_LIFE_MS / 1000);
  write_session(c, identities_user(c->api->identities, str_of(s->user_id)), s->csrf, s->expires_ms);
}

void session_begin(struct call *c, struct str user_id, const char *action) {
  const struct user *user = identities_user(c->api->identities, user_id);
  struct new_session *new = ARENA_NEW(&c->req->arena, struct new_session);
  struct change *change = user && new ? call_new_change(c, CHANGE_SESSION) : NULL;
  if (!user || !new) call_fail(c, user ? ERR_NO_MEMORY : ERR_UNAUTHENTICATED);
  if (!change) return;
  int64_t now = call_now_ms(c);
  new->secret = secret_new(c->api->world);
  struct secret_hash hash = secret_hash(str_of(new->secret.text));
  struct secret_text csrf = secret_new(c->api->world);
  struct str agent = http_request_header(c->req, "User-Agent");
  if (agent.len > 200) agent.len = 200;
  struct session *s = &change->session;
  *s = (struct session){.user_id = arena_strdup(&change->arena, str_of(user->id)),
                        .csrf = arena_strdup(&change->arena, str_of(csrf.text)),
                        .address = arena_strdup(&change->arena, c->req->peer),
                        .agent = arena_strdup(&change->arena, agent),
                        .created_ms = now,
                        .seen_ms = now,
                        .expires_ms = now + SESSION_LIFE_MS};
  memcpy(s->id_hash, hash.bytes, sizeof s->id_hash);
  c->who = (struct who){
      .kind = WHO_SESSION, .role = user->role, .actor = arena_printf(&c->req->arena, "user:%s", user->name)};
  c->state = new;
  call_note(c, change, action, c->who.actor, NULL, NULL);
  call_write(c, change, session_is_saved);
}

void auth_session(struct call *c) {
  const struct user *user =
      c->who.user_id ? identities_user(c->api->identities, str_of(c->who.user_id)) : NULL;
  int64_t expires_ms = FIELD_NULL;
  for (size_t i = 0; c->who.kind == WHO_SESSION && i < identities_session_count(c->api->identities); i++) {
    const struct session *s = identities_session_at(c->api->identities, i);
    if (secret_hash_eq(s->id_hash, c->session_hash)) expires_ms = s->expires_ms;
  }
  write_session(c, user, c->csrf, expires_ms);
}

static void logged_out(struct call *c, const struct engine_answer *answer) {
  (void)answer;
  identities_remove_session(c->api->identities, c->session_hash);
  set_cookie(c, "", 0);
  http_header(c->req, "Clear-Site-Data", STR("\"cache\", \"storage\""));
  call_end_empty(c, 204);
}

void auth_logout(struct call *c) {
  if (c->who.kind != WHO_SESSION) {
    call_refuse(c, ERR_INVALID, NULL, "only a session can log out; a token is revoked");
    return;
  }
  struct change *change = call_new_change(c, CHANGE_SESSION_DELETE);
  if (!change) return;
  memcpy(change->session.id_hash, c->session_hash, sizeof c->session_hash);
  call_note(c, change, "logout", c->who.actor, NULL, NULL);
  call_write(c, change, logged_out);
}

/* ---- log in by password ---- */

struct login_request {
  const char *name, *password;
};
SHAPE_OF(login_request, "LoginRequest", sizeof(struct login_request),
         IN(struct login_request, name, "name", TEXT, FIELD_REQUIRED, 1, 100, FIELD_NULL, "of the account"),
         IN(struct login_request, password, "password", TEXT, FIELD_REQUIRED | FIELD_SECRET, 1, PASSWORD_MAX,
            FIELD_NULL, ""));

/* Only for accounts that exist, so that a name typed wrong (it may be a password) is not kept. */
static void note_failure(struct call *c, const struct user *user) {
  call_log(c, "login.failed", arena_printf(&c->req->arena, "user:%s", user->name), NULL);
}

static void checked(struct call *c, const char *hash, bool is_right) {
  (void)hash;
  const struct login_request *in = CALL_INPUT(c, struct login_request);
  struct str name = str_of(in->name);
  const struct user *user = identities_user(c->api->identities, name);
  struct tick now = world_tick(c->api->world);
  if (is_right && user && !user->is_disabled && str_eq(str_of(user->name), name)) {
    throttle_succeeded(c->api->throttle, name, c->req->peer, now);
    session_begin(c, str_of(user->id), "login");
    return;
  }
  throttle_failed(c->api->throttle, name, c->req->peer, now);
  if (user) note_failure(c, user);
  call_refuse(c, ERR_UNAUTHENTICATED, NULL, "the name or the password is wrong");
}

void auth_login(struct call *c) {
  const struct login_request *in = CALL_INPUT(c, struct login_request);
  struct str name = str_of(in->name);
  int64_t wait_ms = throttle_wait_ms(c->api->throttle, name, c->req->peer, world_tick(c->api->world));
  if (wait_ms > 0) {
    call_fail_after(c, ERR_TOO_MANY, wait_ms);
    return;
  }
  const struct user *user = identities_user(c->api->identities, name);
  enum err e = password_check(c, str_of(in->password), user ? user->password_hash : NULL, checked);
  if (e != ERR_OK) call_fail_after(c, e, 1000);
}

/* ---- login links ---- */

struct link_request {
  const char *secret;
};
SHAPE_OF(link_request, "LoginLinkRequest", sizeof(struct link_request),
         IN(struct link_request, secret, "secret", TEXT, FIELD_REQUIRED | FIELD_SECRET, 1, 200, FIELD_NULL,
            "what follows #login= in the link"));

void auth_link(struct call *c) {
  const struct link_request *in = CALL_INPUT(c, struct link_request);
  char *user_id = login_links_take(c->api->links, str_of(in->secret), call_now_ms(c));
  const struct user *user = user_id ? identities_user(c->api->identities, str_of(user_id)) : NULL;
  if (!user || user->is_disabled) {
    call_refuse(c, ERR_UNAUTHENTICATED, "secret",
                "this login link was used already or is older than 10 minutes");
  } else {
    session_begin(c, str_of(user_id), "login.link");
  }
  free(user_id);
}

struct link_new {
  const char *user;
};
SHAPE_OF(link_new, "NewLoginLink", sizeof(struct link_new),
         IN(struct link_new, user, "user", TEXT, 0, 1, 100, FIELD_NULL,
            "name or id of an account; default admin"));
SHAPE_OF(link_answer, "LoginLink", 0, OUT("user", TEXT, 0, ""),
         OUT("path", TEXT, 0, "/#login=SECRET below the server's address, to be opened in a browser, once"),
         OUT("url", TEXT, 0, "the same with the server's address"),
         OUT("expiresAt", INSTANT, 0, "in 10 minutes"));

struct link_state {
  struct secret_text secret;
  const char *user;
};

static void link_noted(struct call *c, const struct engine_answer *answer) {
  (void)answer;
  const struct link_state *state = c->state;
  const char *url = engine_config_get(c->api->engine, "http.public_url");
  struct arena *arena = &c->req->arena;
  const char *path = arena_printf(arena, "/#login=%s", state->secret.text);
  const char *here =
      arena_printf(arena, "%s://%.*s", c->req->is_tls ? "https" : "http", STR_ARG(c->req->host));
  BUF_AUTO struct buf root = buf_new(LIMIT_HTTP_URL_BYTES);
  web_root_url(str_of(url ? url : here), str_of(web_base(c->api->web)), &root);
  const char *whole = arena_printf(arena, "%.*s%s", STR_ARG(buf_str(&root)), path);
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_ktext(w, "user", state->user);
  jw_ktext(w, "path", path);
  jw_ktext(w, "url", whole);
  jw_kinstant(w, "expiresAt", call_now_ms(c) + LOGIN_LINK_LIFE_MS);
  jw_object_end(w);
  call_end(c, 201);
}

void auth_link_new(struct call *c) {
  const char *name = CALL_INPUT(c, struct link_new)->user;
  const struct user *user = identities_user(c->api->identities, str_of(name ? name : "admin"));
  struct link_state *state = ARENA_NEW(&c->req->arena, struct link_state);
  if (!user || user->is_disabled || !state) {
    call_refuse(c, state ? ERR_NOT_FOUND : ERR_NO_MEMORY, "user",
                "there is no such account, or it is disabled");
    return;
  }
  state->user = arena_strdup(&c->req->arena, str_of(user->name));
  enum err e =
      login_links_add(c->api->links, c->api->world, str_of(user->id), call_now_ms(c), &state->secret);
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  struct change *change = call_new_change(c, CHANGE_AUDIT);
  if (!change) return;
  c->state = state;
  call_note(c, change, "login-link.create", arena_printf(&c->req->arena, "user:%s", user->name), NULL, NULL);
  call_write(c, change, link_noted);
}

/* ---- one's own password ---- */

struct password_request {
  const char *current, *password;
};
SHAPE_OF(password_request, "PasswordRequest", sizeof(struct password_request),
         IN(struct password_request, current, "current", TEXT, FIELD_SECRET, 1, PASSWORD_MAX, FIELD_NULL,
            "needed when there is one"),
         IN(struct password_request, password, "password", TEXT, FIELD_REQUIRED | FIELD_SECRET, 1,
            PASSWORD_MAX, FIELD_NULL, "the new one"));

static void password_saved(struct call *c, const struct engine_answer *answer) {
  const struct user *user = &answer->change->user;
  enum err e = identities_put_user(c->api->identities, user);
  sessions_end(c, str_of(user->id), c->session_hash);
  if (e != ERR_OK) call_fail(c, e);
  else call_end_empty(c, 204);
}

static void password_made(struct call *c, const char *hash, bool is_right) {
  (void)is_right;
  const struct user *user = identities_user(c->api->identities, str_of(c->who.user_id));
  struct change *change = user ? call_new_change(c, CHANGE_USER) : NULL;
  if (!user) call_fail(c, ERR_NOT_FOUND);
  if (!change) return;
  change->user = *user;
  change->user.id = arena_strdup(&change->arena, str_of(user->id));
  change->user.name = arena_strdup(&change->arena, str_of(user->name));
  change->user.password_hash = arena_strdup(&change->arena, str_of(hash));
  change->user.updated_ms = call_now_ms(c);
  call_note(c, change, "user.password", arena_printf(&c->req->arena, "user:%s", user->name), NULL, NULL);
  call_write(c, change, password_saved);
}

static void make_password(struct call *c) {
  enum err e = password_make(c, str_of(CALL_INPUT(c, struct password_request)->password), password_made);
  if (e != ERR_OK) call_fail_after(c, e, 1000);
}

static void current_checked(struct call *c, const char *hash, bool is_right) {
  (void)hash;
  if (is_right) {
    make_password(c);
    return;
  }
  const struct user *user = identities_user(c->api->identities, str_of(c->who.user_id));
  if (user) throttle_failed(c->api->throttle, str_of(user->name), c->req->peer, world_tick(c->api->world));
  call_refuse(c, ERR_FORBIDDEN, "current", "this is not the present password");
}

void auth_password(struct call *c) {
  const struct password_request *in = CALL_INPUT(c, struct password_request);
  const struct user *user =
      c->who.user_id ? identities_user(c->api->identities, str_of(c->who.user_id)) : NULL;
  enum err e = password_is_fit(str_of(in->password), "password", &c->detail);
  if (e == ERR_OK && (!user || c->who.kind != WHO_SESSION))
    e = err_set(&c->detail, ERR_INVALID, NULL, 0, "this is for the session of an account");
  if (e == ERR_OK && user->password_hash && !in->current)
    e = err_set(&c->detail, ERR_INVALID, "current", 0, "the present password is needed");
  int64_t wait_ms = e == ERR_OK ? throttle_wait_ms(c->api->throttle, str_of(user->name), c->req->peer,
                                                   world_tick(c->api->world))
                                : 0;
  if (wait_ms > 0) {
    call_fail_after(c, ERR_TOO_MANY, wait_ms);
  } else if (e != ERR_OK) {
    call_fail(c, e);
  } else if (!user->password_hash) {
    make_password(c);
  } else {
    e = password_check(c, str_of(in->current), user->password_hash, current_checked);
    if (e != ERR_OK) call_fail_after(c, e, 1000);
  }
}
