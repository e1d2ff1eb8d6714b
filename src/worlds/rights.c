#include "worlds/rights.h"

/* Who may, one row a deed. An override is an admin and the owner at once. */
static const struct {
  bool system, admin, owner, member;
  const char *refusal;
} rights[] = {
    [DEED_SEE] = {true, true, true, true, "only its owner and its members may see this world"},
    [DEED_POST] = {true, false, true, true, "only its owner and its members may post in this world"},
    [DEED_OWN] = {false, false, true, false, "only the owner of this world may do that"},
    [DEED_RESUME] = {true, false, true, false, "only the owner resumes this world by hand"},
    [DEED_OPERATE] = {true, true, true, false, "only the application, an admin or the owner may do that"},
};

static bool is_owner(const struct world_actor *actor, const struct world_row *row) {
  if (actor->kind == ACTOR_OVERRIDE) return true;
  if (actor->kind == ACTOR_SYSTEM) return !row->owner_id; /* an application that knows no owners */
  return actor->user_id.len > 0 && row->owner_id && str_eq(actor->user_id, str_of(row->owner_id));
}

enum err world_may(enum world_deed deed, const struct world_actor *actor, const struct world_row *row,
                   bool is_member, struct err_detail *detail) {
  bool is_admin = actor->kind == ACTOR_ADMIN || actor->kind == ACTOR_OVERRIDE;
  if ((rights[deed].system && actor->kind == ACTOR_SYSTEM) || (rights[deed].admin && is_admin) ||
      (rights[deed].owner && is_owner(actor, row)) ||
      (rights[deed].member && is_member && actor->kind != ACTOR_SYSTEM))
    return ERR_OK;
  (void)err_set(detail, ERR_FORBIDDEN, "worldId", 0, "%s", rights[deed].refusal);
  if (actor->kind == ACTOR_ADMIN)
    err_hint(detail,
             "an admin can override this with ?override=1 (sereno worlds … --override); it is recorded");
  if (actor->kind == ACTOR_SYSTEM) err_hint(detail, "say for whom: X-Sereno-User");
  return ERR_FORBIDDEN;
}
