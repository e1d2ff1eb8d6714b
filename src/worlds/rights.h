/* What an actor may do to a world: one table, one function (B-76 … B-78, X-5, X-22). */
#pragma once
#include "worlds/worlds.h"

enum world_deed {
  DEED_SEE,    /* owner and members */
  DEED_POST,   /* messages, activity: owner and members */
  DEED_OWN,    /* favourite, pause, vacation, export, erase, edit: the owner */
  DEED_RESUME, /* by hand: the owner; an admin by ACTOR_OVERRIDE only, as for OWN and POST */
  DEED_OPERATE /* state, ticks, story events, members: the application (system) or an admin; the owner too */
};
/* is_member: of "WorldMember". ERR_FORBIDDEN with a text that says whose right it is. */
enum err world_may(enum world_deed deed, const struct world_actor *actor, const struct world_row *row,
                   bool is_member, struct err_detail *detail);
