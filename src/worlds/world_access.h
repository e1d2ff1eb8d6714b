/* What the live state says of who may post and whether it may be used as it is: core fields "sys.…", ours, written at
 * activation, rewritten by sync and by edits. So a message to a running world needs no database.
 *   sys.access  {"owner": id, "members": [ids]} (a list that is too long is cut: who is not in it is looked up)
 *   sys.sealed  "1": a pause or a deletion is under way or was interrupted: ask the database first
 *   sys.from    the activity, in epoch milliseconds, that came from the database (not to be saved again, X-6)
 *   sys.seen.USER  the last activity of a member, in epoch milliseconds */
#pragma once
#include "worlds/load.h"
#include "worlds/rights.h"

#define WORLD_MEMBERS_CACHED 500
#define WORLD_SEEN_PREFIX "sys.seen."

/* May this actor do that, as far as the live state knows? false: the database has to be asked. */
bool world_access_lets(const struct live_world *w, enum world_deed deed, const struct world_actor *actor);
bool world_access_is_sealed(const struct live_world *w);
int64_t world_access_from_ms(const struct live_world *w); /* INSTANT_NONE: not known */

/* The fields of a world that is open: access, no seal; texts in l->arena. */
#define WORLD_ACCESS_FIELDS 3
enum err world_access_fields(struct lane *l, const struct world_row *row, int64_t from_ms,
                             struct live_field ret[WORLD_ACCESS_FIELDS]);
/* Rewrites them in worlds that are live (snapshots of LIVE_GUARD or LIVE_CORE) where they have changed; sealed when the row is paused.
 * Whoever holds a lock writes them itself. */
enum err world_access_refresh(struct lane *l, const struct world_row *rows, const struct live_world *live,
                              size_t count, int64_t now_ms);
