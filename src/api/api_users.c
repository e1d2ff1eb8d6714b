/* /api/admin/users. */
#include "api/api_who.h"
#include "api/identity.h"
#include "api/render.h"

SHAPE_OF(user, "User", 0, OUT("id", TEXT, 0, ""), OUT("name", TEXT, 0, "unique"),
         OUT_ENUM("role", 0, role_names, ""), OUT("isDisabled", BOOL, 0, ""),
         OUT("hasPassword", BOOL, 0, "false: only login links"), OUT("createdAt", INSTANT, 0, ""),
         OUT("updatedAt", INSTANT, 0, ""), OUT("lastLoginAt", INSTANT, FIELD_NULLABLE, ""));
static const struct shape_part user_page_parts[] = {{"data", &user_shape, PART_LIST}};
SHAPE_PARTS(user_page, "UserPage", NULL, user_page_parts,
            OUT("nextCursor", TEXT, FIELD_NULLABLE, "always null"));

struct user_input {
  const char *name, *password;
  int64_t role, is_disabled;
};
#define USER_REST                                                                                   \
  IN(struct user_input, password, "password", TEXT, FIELD_NULLABLE | FIELD_SECRET, 1, PASSWORD_MAX, \
     FIELD_NULL, "at least 12 bytes; without one the account logs in by links"),                    \
      IN(struct user_input, is_disabled, "isDisabled", BOOL, 0, 0, 1, FIELD_NULL, "cannot come in any more")
SHAPE_OF(user_new, "NewUser", sizeof(struct user_input),
         IN(struct user_input, name, "name", TEXT, FIELD_REQUIRED, 1, 100, FIELD_NULL, "unique"),
         IN_ENUM(struct user_input, role, "role", FIELD_REQUIRED, FIELD_NULL, role_names, ""), USER_REST);
SHAPE_OF(user_edit, "EditUser", sizeof(struct user_input),
         IN_ENUM(struct user_input, role, "role", 0, FIELD_NULL, role_names, ""), USER_REST);

static void render_user(struct json_writer *w, const struct user *u) {
  jw_object(w);
  jw_ktext(w, "id", u->id);
  jw_ktext(w, "name", u->name);
  jw_ktext(w, "role", role_text(u->role));
  jw_kbool(w, "isDisabled", u->is_disabled);
  jw_kbool(w, "hasPassword", u->password_hash);
  jw_kinstant(w, "createdAt", u->created_ms);
  jw_kinstant(w, "updatedAt", u->updated_ms);
  jw_key(w, "lastLoginAt");
  if (u->last_login_ms == FIELD_NULL) jw_null(w);
  else jw_instant(w, u->last_login_ms);
  jw_object_end(w);
}

void users_list(struct call *c) {
  struct json_writer *w = call_begin(c);
  render_page_begin(w);
  for (size_t i = 0; i < identities_user_count(c->api->identities); i++)
    render_user(w, identities_user_at(c->api->identities, i));
  render_page_end(w, NULL);
  call_end(c, 200);
}

/* What the account shall become. The password is set later, when its hash is made. */
struct user_draft {
  struct user user; /* of an edit only the id and the new password's hash: the rest may change meanwhile */
  bool is_new;
};

static void saved(struct call *c, const struct engine_answer *answer) {
  const struct user *u = &answer->change->user;
  const struct user_draft *draft = c->state;
  enum err e = identities_put_user(c->api->identities, u);
  /* another role, another password: whoever is in comes in anew */
  if (!draft->is_new) sessions_end(c, str_of(u->id), NULL);
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  if (draft->is_new) c->location = arena_printf(&c->req->arena, "/api/admin/users/%s", u->id);
  render_user(call_begin(c), u);
  call_end(c, draft->is_new ? 201 : 200);
}

static const char *audit_of(struct call *c, const struct user *u) {
  return arena_printf(&c->req->arena, "{\"role\":\"%s\",\"isDisabled\":%s,\"hasPassword\":%s}",
                      role_text(u->role), u->is_disabled ? "true" : "false",
                      u->password_hash ? "true" : "false");
}

/* The last admin must stay one, else nobody could undo it but by the token file. */
static bool is_last_admin(const struct call *c, const struct user *user) {
  for (size_t i = 0; i < identities_user_count(c->api->identities); i++) {
    const struct user *u = identities_user_at(c->api->identities, i);
    if (u != user && u->role == ROLE_ADMIN && !u->is_disabled) return false;
  }
  return user->role == ROLE_ADMIN && !user->is_disabled;
}

/* What an edit makes of the account as it is by now: while a password is hashed others may change it. */
static enum err merge_edit(struct call *c, struct user_draft *draft, const struct user *now) {
  const struct user_input *in = CALL_INPUT(c, struct user_input);
  const char *hash = draft->user.password_hash;
  if (!now) return err_set(&c->detail, ERR_NOT_FOUND, "user", 0, "there is no such account");
  draft->user = *now;
  if (hash) draft->user.password_hash = hash;
  if (in->role != FIELD_NULL) draft->user.role = (enum role)in->role;
  if (in->is_disabled != FIELD_NULL) draft->user.is_disabled = in->is_disabled == 1;
  draft->user.updated_ms = call_now_ms(c);
  if (is_last_admin(c, now) && (draft->user.is_disabled || draft->user.role != ROLE_ADMIN))
    return err_set(&c->detail, ERR_CONFLICT, "role", 0, "this is the last admin");
  return ERR_OK;
}

static void save(struct call *c) {
  struct user_draft *draft = c->state;
  const struct user *u = &draft->user, *old = identities_user(c->api->identities, str_of(u->id));
  enum err e = draft->is_new ? ERR_OK : merge_edit(c, draft, old);
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  struct change *change = call_new_change(c, CHANGE_USER);
  if (!change) return;
  change->user = *u;
  change->user.id = arena_strdup(&change->arena, str_of(u->id));
  change->user.name = arena_strdup(&change->arena, str_of(u->name));
  change->user.password_hash =
      u->password_hash ? arena_strdup(&change->arena, str_of(u->password_hash)) : NULL;
  call_note(c, change, draft->is_new ? "user.create" : "user.update",
            arena_printf(&c->req->arena, "user:%s", u->name), old ? audit_of(c, old) : NULL, audit_of(c, u));
  call_write(c, change, saved);
}

static void hashed(struct call *c, const char *hash, bool is_right) {
  (void)is_right;
  struct user_draft *draft = c->state;
  draft->user.password_hash = arena_strdup(&c->req->arena, str_of(hash));
  save(c);
}

static void save_with(struct call *c, const char *password) {
  enum err e = password ? password_is_fit(str_of(password), "password", &c->detail) : ERR_OK;
  if (e == ERR_OK && password) e = password_make(c, str_of(password), hashed);
  if (e == ERR_BUSY) call_fail_after(c, e, 1000);
  else if (e != ERR_OK) call_fail(c, e);
  else if (!password) save(c);
}

static bool is_fit_name(struct str name) {
  for (size_t i = 0; i < name.len; i++)
    if ((unsigned char)name.ptr[i] <= ' ' || name.ptr[i] == '/' || name.ptr[i] == 0x7F) return false;
  return name.len > 0;
}

void user_create(struct call *c) {
  const struct user_input *in = CALL_INPUT(c, struct user_input);
  enum err e = ERR_OK;
  if (!is_fit_name(str_of(in->name)))
    e = err_set(&c->detail, ERR_INVALID, "name", 0, "a name has no spaces, slashes or control characters");
  else if (in->role == ROLE_NONE)
    e = err_set(&c->detail, ERR_INVALID, "role", 0, "viewer, operator, editor or admin");
  else if (identities_user(c->api->identities, str_of(in->name)))
    e = err_set(&c->detail, ERR_CONFLICT, "name", 0, "there is an account of this name");
  else if (identities_user_count(c->api->identities) >= IDENTITY_USERS_MAX)
    e = err_set(&c->detail, ERR_LIMIT, NULL, 0, "at most %d accounts", IDENTITY_USERS_MAX);
  struct user_draft *draft = ARENA_NEW(&c->req->arena, struct user_draft);
  if (!draft) e = ERR_NO_MEMORY;
  if (e != ERR_OK) {
    call_fail(c, e);
    return;
  }
  int64_t now = call_now_ms(c);
  struct id_text id = id_to_text(id_next(&c->api->ids, now));
  draft->is_new = true;
  draft->user = (struct user){.id = arena_strdup(&c->req->arena, str_of(id.text)),
                              .name = in->name,
                              .role = (enum role)in->role,
                              .is_disabled = in->is_disabled == 1,
                              .created_ms = now,
                              .updated_ms = now,
                              .last_login_ms = FIELD_NULL};
  c->state = draft;
  save_with(c, in->password);
}

static const struct user *user_of_path(struct call *c) {
  const struct user *u = identities_user(c->api->identities, c->args[0]);
  if (!u) call_refuse(c, ERR_NOT_FOUND, "user", "there is no such account");
  return u;
}

void user_edit(struct call *c) {
  const struct user_input *in = CALL_INPUT(c, struct user_input);
  const struct user *u = user_of_path(c);
  if (!u) return;
  struct user_draft *draft = ARENA_NEW(&c->req->arena, struct user_draft);
  enum err e = draft ? ERR_OK : ERR_NO_MEMORY;
  if (e == ERR_OK && in->role == ROLE_NONE)
    e = err_set(&c->detail, ERR_INVALID, "role", 0, "viewer, operator, editor or admin");
  if (e == ERR_OK) e = merge_edit(c, draft, u); /* to refuse before the work of a hash */
  if (e == ERR_OK) {
    draft->user = (struct user){.id = arena_strdup(&c->req->arena, str_of(u->id))};
    e = arena_error(&c->req->arena);
  }
  c->state = draft;
  if (e != ERR_OK) call_fail(c, e);
  else save_with(c, in->password);
}

static void deleted(struct call *c, const struct engine_answer *answer) {
  sessions_end(c, str_of(answer->change->user.id), NULL);
  identities_remove_user(c->api->identities, str_of(answer->change->user.id));
  call_end_empty(c, 204);
}

void user_delete(struct call *c) {
  const struct user *u = user_of_path(c);
  if (!u) return;
  if (is_last_admin(c, u)) {
    call_refuse(c, ERR_CONFLICT, "user", "this is the last admin");
    return;
  }
  struct change *change = call_new_change(c, CHANGE_USER_DELETE);
  if (!change) return;
  change->user.id = arena_strdup(&change->arena, str_of(u->id));
  call_note(c, change, "user.delete", arena_printf(&c->req->arena, "user:%s", u->name), audit_of(c, u), NULL);
  call_write(c, change, deleted);
}
