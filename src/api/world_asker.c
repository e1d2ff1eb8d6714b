#include "api/api_worlds.h"

#define USER_ID_BYTES_MAX 128

static enum err as_service(const struct who *who, struct str user, struct arena *arena,
                           struct world_asker *ret, struct err_detail *d) {
  if (!user.ptr) {
    *ret = (struct world_asker){.kind = ACTOR_SYSTEM, .name = who->actor};
    return ERR_OK;
  }
  if (user.len == 0 || user.len > USER_ID_BYTES_MAX)
    return err_set(d, ERR_INVALID, CALL_USER_HEADER, 0, "a user's id has 1 to %d bytes", USER_ID_BYTES_MAX);
  *ret = (struct world_asker){.kind = ACTOR_USER,
                              .user_id = arena_strdup(arena, user),
                              .name = arena_printf(arena, "user:%.*s", STR_ARG(user))};
  return ret->user_id && ret->name ? ERR_OK : arena_error(arena);
}

enum err world_asker_of(const struct world_asking *said, struct arena *arena, struct world_asker *ret,
                        struct err_detail *d) {
  const struct who *who = said->who;
  struct str user = said->user;
  bool is_override = said->is_override;
  bool is_service = access_is_service(who);
  if (user.ptr && !is_service) {
    enum err e = err_set(d, ERR_FORBIDDEN, CALL_USER_HEADER, 0, "only a service token may name a user");
    err_hint(d, "a token of the role operator with the scope {\"worlds\":true}");
    return e;
  }
  if (is_override && (is_service || who->role != ROLE_ADMIN))
    return err_set(d, ERR_FORBIDDEN, CALL_OVERRIDE, 0, "only an admin may override an owner's right");
  if (is_service) return as_service(who, user, arena, ret, d);
  if (who->role == ROLE_ADMIN) {
    *ret = (struct world_asker){
        .kind = is_override ? ACTOR_OVERRIDE : ACTOR_ADMIN, .user_id = who->user_id, .name = who->actor};
    return ERR_OK;
  }
  if (!who->user_id) {
    enum err e =
        err_set(d, ERR_FORBIDDEN, NULL, 0, "this token belongs to no account, so no world is its own");
    err_hint(d, "make it with a user, or with the scope {\"worlds\":true} for an application");
    return e;
  }
  *ret = (struct world_asker){
      .kind = ACTOR_USER, .user_id = who->user_id, .name = arena_printf(arena, "user:%s", who->user_id)};
  return ret->name ? ERR_OK : arena_error(arena);
}
