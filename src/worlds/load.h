/* Getting at one world: its row, its lock, its live state. The path of every call about one world:
 *   world_get (row) → world_may → [world_hold (lock) → change rows with the fence → world_release]. */
#pragma once
#include "worlds/worlds.h"

/* Reads the row; ERR_NOT_FOUND names the id. Texts in l->arena. */
enum err world_get(struct lane *l, struct str id, struct world_row *ret, struct err_detail *detail);
bool world_is_member(struct lane *l, struct str id, struct str user_id);
/* Writes every column of ours (not the application's) if the fence lets it: ERR_WORLD_BUSY when a greater token was
 * there. token 0: for calls that need no lock because they change one column by one statement. */
enum err world_put(struct lane *l, const struct world_row *row, int64_t token, int64_t now_ms,
                   struct err_detail *detail);

/* The world's lock in the live state; ERR_WORLD_BUSY while somebody else has it. */
struct world_hold {
  struct live_lock lock;
};
enum err world_hold(struct lane *l, struct str id, int64_t now_ms, struct world_hold *ret,
                    struct err_detail *detail);
void world_release(struct lane *l, struct world_hold *h);

/* Makes the live state from the database ("WorldState") unless it is there: core, session, turn, activity. */
enum err world_activate(struct lane *l, const struct world_row *row, int64_t token, int64_t now_ms,
                        struct err_detail *detail);
/* Inside a write transaction: puts what is unsaved of these snapshots (core, session, journal, stats, activity) into
 * the database, by arrays; compressed when bigger than hibernateAboveKB and is_hibernating. Idempotent. Returns in
 * ret_done per world whether it was written (the fence or an unknown id refuse). */
enum err world_flush(struct lane *l, const struct live_world *worlds, size_t count, const int64_t *tokens,
                     bool is_hibernating, int64_t now_ms, bool *ret_done, struct err_detail *detail);

/* One row of the lifeline, in the transaction at hand. detail_json: an object (taken over) or NULL. */
enum err world_note(struct lane *l, struct str id, int64_t at_ms, struct str actor, const char *action,
                    json_t *detail_json, struct err_detail *detail);
/* Opens and ends the interval of the cost ledger, in the transaction at hand. */
enum err world_pause_begin(struct lane *l, struct str id, int64_t at_ms, int64_t reason,
                           int64_t daily_micro_usd, struct err_detail *detail);
enum err world_pause_end(struct lane *l, struct str id, int64_t at_ms, struct err_detail *detail);
/* One world, under its lock and in a transaction of its own: what pause, resume and the ladder's odd ones use.
 * Pause: flush, step, ledger, lifeline; then the live state is cleared. is_paused_already: an escalation. */
enum err world_do_pause(struct lane *l, struct world_row *row, int64_t token, int64_t reason,
                        struct str actor, int64_t now_ms, struct err_detail *detail);
enum err world_do_resume(struct lane *l, struct world_row *row, int64_t token, int64_t active_ms,
                         struct str actor, int64_t now_ms, struct err_detail *detail);
