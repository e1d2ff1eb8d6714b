/* Getting at one world: its row, its lock, its live state. The path of every call about one world:
 *   world_get (row) → world_may → [world_hold (lock) → change rows with the fence → world_release].
 * Journal entries of the live state are JSON {"speaker", "isUser", "place", "text", "data"}: one row of
 * "WorldInteraction" each. Core fields "sys.…" are ours and are not kept in the database (world_access.h). */
#pragma once
#include "base/id.h"
#include "worlds/worlds.h"

/* Reads the row; ERR_NOT_FOUND names the id. Texts in l->arena. */
enum err world_get(struct lane *l, struct str id, struct world_row *ret);
/* The same inside a write transaction: the row stays as it is until its end. */
enum err world_get_locked(struct lane *l, struct str id, struct world_row *ret);
/* ret[i] belongs to ids[i]; a row whose id is NULL is not there. */
enum err world_get_many(struct lane *l, const struct str *ids, size_t count, struct world_row *ret);
/* A row of WORLD_COLUMNS (sql.h), texts in the arena. */
enum err world_row_read(const struct sql_row *row, struct arena *arena, struct world_row *ret);
/* SQL from outside and imported files may say half of it: isPaused rules, and what stands beside it follows. Part
 * of world_row_read. */
void world_row_put_right(struct world_row *row);
bool world_is_member(struct lane *l, struct str id, struct str user_id);
/* Writes the ladder's columns (status, isPaused, pausedAt, pauseReason, lastActiveAt, isFavorite, scheduledDeletion,
 * vacationUntil, ladderFrom, warned, warnedAt, fence, updatedAt) if the fence lets it: ERR_WORLD_BUSY when a greater
 * token was there. token 0: the fence is not looked at. For rows read by world_get_locked in the same transaction. */
enum err world_put(struct lane *l, const struct world_row *row, int64_t token, int64_t now_ms);
/* Whether PostgreSQL takes it: UTF-8 without NUL. Live states that others write, too, hold any bytes. */
bool world_text_is_storable(struct str text);
/* A list of texts as the JSON array that statements take, what is not storable as "", the id of no world; in l->arena,
 * STR_NONE without memory. */
struct str world_ids_json(struct lane *l, const struct str *ids, size_t count);

/* The world's lock in the live state; ERR_WORLD_BUSY while somebody else has it. */
struct world_hold {
  struct live_lock lock;
};
enum err world_hold(struct lane *l, struct str id, int64_t now_ms, struct world_hold *ret);
void world_release(struct lane *l, struct world_hold *h);

/* Makes the live state from the database ("WorldState") unless it is there: core, session, events, turn, activity; and
 * opens it to messages (world_access.h). For running worlds. In mode none: nothing. */
enum err world_activate(struct lane *l, const struct world_row *row, int64_t token, int64_t now_ms);
/* Under the lock: a live state that may have fallen back (live.h: a life) is compared with the database, and what is older
 * there is replaced; what was said there stays. Worlds that are not live or were compared: nothing. */
enum err world_settle(struct lane *l, struct str id, int64_t token, int64_t now_ms);
/* Closes the live states of these locked worlds to messages until they are activated anew: before the commit of a pause
 * or a deletion, so that a crash between the commit and live_clear leaves no state that takes messages by itself. It
 * raises their versions: seal, then read the snapshot that is flushed and cleared. Worlds that are not live: nothing. */
enum err world_seal(struct lane *l, const struct live_lock *locks, size_t count, int64_t now_ms);
/* User activity of these snapshots that has not reached the database yet, else INSTANT_NONE: what
 * world_facts.live_active_ms wants. Needs LIVE_CORE to be exact about worlds that were activated by a tick. */
enum err world_unsaved_activity(struct lane *l, const struct live_world *worlds, size_t count,
                                int64_t *ret_ms);
struct world_snapshots { /* of LIVE_ALL */
  const struct live_world *worlds;
  size_t count;
  const int64_t *tokens; /* of the locks held; NULL or 0 without */
  int64_t now_ms;
};
/* Inside a write transaction: puts what is unsaved of these snapshots (core, session, journal, stats, activity) into
 * the database, by arrays; state bigger than hibernateAboveKB is compressed (B-72). Idempotent: what the database has
 * in this version or a later one is left. Returns in ret_done per world whether it is safe now (the fence or an unknown
 * id refuse). ERR_WORLD_BUSY: somebody else gave turns of these worlds meanwhile. */
enum err world_flush(struct lane *l, const struct world_snapshots *s, bool *ret_done);
/* Inside a write transaction: a's journal, activity and seen members go into the database and take their turns there; the
 * state ("WorldState"."data") stays as it is, unread, however big. Its counters go into "WorldStats", from where the state
 * gets them when it is loaded; the rest of a (fields) is the caller's to write to the live state after that.
 * ERR_WORLD_BUSY: the fence refused. */
enum err world_flush_append(struct lane *l, struct live_append *a, int64_t token, int64_t now_ms);
/* Bytes of the saved state, unpacked; 0: there is none. */
enum err world_state_size(struct lane *l, struct str id, int64_t *ret_bytes);
/* The state as the database has it, as a snapshot in l->arena; is_there false: it never had any. */
enum err world_state_read(struct lane *l, struct str id, struct live_world *ret);

/* For rows of our tables: grows with time, unlike any other. */
struct id_text world_new_id(int64_t now_ms);
/* One row of the lifeline, in the transaction at hand. detail_json: an object (taken over) or NULL. */
enum err world_note(struct lane *l, struct str id, int64_t at_ms, struct str actor, const char *action,
                    json_t *detail_json);
/* Opens and ends the interval of the cost ledger, in the transaction at hand. */
enum err world_pause_begin(struct lane *l, struct str id, int64_t at_ms, int64_t reason,
                           int64_t daily_micro_usd);
enum err world_pause_end(struct lane *l, struct str id, int64_t at_ms);

/* One world, under its lock and in a transaction of its own: what pause, resume and the ladder's odd ones use.
 * *row is read anew in it and is afterwards what was written. Notices are given here.
 * Pause: seal, flush, step, ledger, lifeline; then the live state is cleared. Of a world that is paused already only
 * the reason changes (an escalation keeps pausedAt and the ledger's interval). */
enum err world_do_pause(struct lane *l, struct world_row *row, int64_t token, int64_t reason,
                        struct str actor, int64_t now_ms);
/* Resume: the database only (and what a crash left of the live state is saved and removed); world_activate brings the
 * state back where it is wanted. lastActiveAt = active_ms. A running world is left as it is. */
enum err world_do_resume(struct lane *l, struct world_row *row, int64_t token, int64_t active_ms,
                         struct str actor, int64_t now_ms);
