/* world.pause, .resume, .favorite, .vacation: what owners (and the system) do with a world as a whole. */
#include "worlds/calls.h"
#include "worlds/policy.h"
#include "worlds/world_args.h"
#include "worlds/world_moves.h"

#define DAY_MS ((int64_t)86400000)
#define HOUR_MS ((int64_t)3600000)
#define UNMARK_GRACE_MS (7 * DAY_MS)    /* U-35 */
#define VACATION_MAX_MS (1830 * DAY_MS) /* five years: what is longer is a typing error */
#define COMPONENT "WorldPauseService"

/* ---- pause ---- */

struct pause_args {
  int64_t reason;
};
static const char *const asked_reasons[] = {"manual", "system", NULL};
static const struct field pause_fields[] = {
    ARG(struct pause_args, reason, "reason", ENUM, 0, 0, 0, 0, asked_reasons,
        "manual (its owner's) or system"),
};

static json_t *state_json(const struct world_row *row, const char *flag, bool value) {
  return json_pack("{s:b, s:s, s:b, s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "success", 1, "worldId", row->id,
                   flag, value, "status", world_status_names[row->status], "isPaused", row->is_paused != 0,
                   "pauseReason", world_json_enum(pause_reason_names, row->pause_reason), "pausedAt",
                   world_json_instant(row->paused_ms), "lastActiveAt",
                   world_json_instant(row->last_active_ms), "scheduledDeletion",
                   world_json_instant(row->scheduled_deletion_ms), "vacationUntil",
                   world_json_instant(row->vacation_until_ms));
}

static enum err pause_with(struct lane *l, const struct world_request *q, struct world_row *row,
                           struct world_pause_step *step) {
  struct world_hold hold;
  TRY(world_hold(l, q->world_id, q->now_ms, &hold));
  struct world_move m = {l, hold.lock.token, q->now_ms, q->actor.name, l->detail};
  enum err e = world_pause_step(&m, row, step);
  world_release(l, &hold);
  return e;
}

static void tell_pause(struct lane *l, const struct world_request *q, const struct world_row *row) {
  world_notice(l, LOG_INFO, COMPONENT, "World paused",
               json_pack("{s:s, s:s?, s:o, s:s#}", "worldId", row->id, "worldName", row->name, "pauseReason",
                         world_json_enum(pause_reason_names, row->pause_reason), "actor",
                         q->actor.name.ptr ? q->actor.name.ptr : "system",
                         q->actor.name.ptr ? (int)q->actor.name.len : 6));
}

/* {success, worldId, wasPaused, status, isPaused, pauseReason, pausedAt, …} (B-13). A second time changes nothing. */
enum err call_world_pause(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct pause_args args = {};
  struct world_row row;
  TRY(ARGS_READ(l, q, pause_fields, &args, &r->detail));
  struct world_pause_step step = {.reason = args.reason == 0 ? PAUSE_MANUAL : PAUSE_SYSTEM};
  TRY(world_see(l, q, step.reason == PAUSE_MANUAL ? DEED_OWN : DEED_OPERATE, &row));
  TRY(pause_with(l, q, &row, &step));
  if (step.has_changed) tell_pause(l, q, &row);
  return reply_with(r, state_json(&row, "wasPaused", !step.has_paused));
}

/* ---- resume ---- */

static enum err resume_held(struct lane *l, const struct world_request *q, struct world_row *row,
                            bool *ret_resumed) {
  struct world_hold hold;
  struct world_db_step step = {.resume_ms = q->now_ms};
  TRY(world_hold(l, q->world_id, q->now_ms, &hold));
  enum err e = world_get(l, q->world_id, row);
  if (e == ERR_OK && row->is_paused) {
    struct world_move m = {l, hold.lock.token, q->now_ms, q->actor.name, l->detail};
    e = world_db_step(&m, row, &step);
    *ret_resumed = step.has_resumed;
    if (e == ERR_OK) (void)world_activate(l, row, hold.lock.token, q->now_ms); /* else the next message */
  }
  world_release(l, &hold);
  return e;
}

/* By hand (B-14, B-77): {success, worldId, wasResumed, …}; of a running world wasResumed is false. */
enum err call_world_resume(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_row row;
  bool has_resumed = false;
  enum err e = world_see(l, q, DEED_RESUME, &row);
  if (e == ERR_OK) e = resume_held(l, q, &row, &has_resumed);
  if (e != ERR_OK && e != ERR_WORLD_BUSY) /* B-64: the log says why */
    world_notice(l, LOG_WARN, COMPONENT, "World could not be resumed",
                 json_pack("{s:s#, s:s, s:s, s:s#}", "worldId", q->world_id.ptr, (int)q->world_id.len,
                           "error", err_code(e), "reason", r->detail.message, "actor",
                           q->actor.name.ptr ? q->actor.name.ptr : "", (int)q->actor.name.len));
  TRY(e);
  return reply_with(r, state_json(&row, "wasResumed", has_resumed));
}

/* ---- one change of the row, under the lock ---- */

typedef bool change_fn(struct lane *l, const struct world_request *q, struct world_row *row, int64_t value);

static enum err change_held(struct lane *l, const struct world_request *q, struct world_row *row,
                            int64_t token, change_fn *fn, int64_t value, const char *action) {
  TRY(sqldb_begin(l->db, true, l->detail));
  TRY(world_get_locked(l, q->world_id, row));
  if (!fn(l, q, row, value)) {
    sqldb_rollback(l->db);
    return ERR_OK;
  }
  TRY(world_put(l, row, token, q->now_ms));
  json_t *what = json_pack("{s:b, s:o}", "isFavorite", row->is_favorite != 0, "scheduledDeletion",
                           world_json_instant(row->scheduled_deletion_ms));
  TRY(world_note(l, q->world_id, q->now_ms, q->actor.name, action, what));
  return sqldb_commit(l->db, l->detail);
}

static enum err change_row(struct lane *l, const struct world_request *q, struct world_row *row,
                           change_fn *fn, int64_t value, const char *action) {
  struct world_hold hold;
  TRY(world_hold(l, q->world_id, q->now_ms, &hold));
  enum err e = change_held(l, q, row, hold.lock.token, fn, value, action);
  if (e != ERR_OK) sqldb_rollback(l->db);
  world_release(l, &hold);
  return e;
}

/* ---- favourite ---- */

/* U-35: set takes a mark back; unset on a world that has been idle for long starts the ladder anew in a week. */
static bool set_favorite(struct lane *l, const struct world_request *q, struct world_row *row,
                         int64_t value) {
  struct world_settings s = worlds_settings(l, q->now_ms);
  if (row->is_favorite == value) return false;
  row->is_favorite = value;
  if (value && row->scheduled_deletion_ms != FIELD_NULL) world_apply_take_back(row);
  int64_t idle_since = row->last_active_ms;
  if (row->ladder_from_ms != FIELD_NULL && row->ladder_from_ms > idle_since) idle_since = row->ladder_from_ms;
  if (!value && q->now_ms - idle_since >= s.pause_after_hours * HOUR_MS)
    row->ladder_from_ms = q->now_ms + UNMARK_GRACE_MS;
  return true;
}

struct favorite_args {
  int64_t favorite;
};
static const struct field favorite_fields[] = {
    ARG(struct favorite_args, favorite, "favorite", BOOL, FIELD_NULLABLE, 0, 1, FIELD_NULL, NULL,
        "the new value; absent: the other one (B-36)"),
};

/* {success, worldId, isFavorite, scheduledDeletion}. */
enum err call_world_favorite(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct favorite_args args = {};
  struct world_row row;
  TRY(ARGS_READ(l, q, favorite_fields, &args, &r->detail));
  TRY(world_see(l, q, DEED_OWN, &row));
  int64_t value = args.favorite == FIELD_NULL ? !row.is_favorite : args.favorite;
  TRY(change_row(l, q, &row, set_favorite, value, value ? "favorite" : "unfavorite"));
  return reply_with(
      r, json_pack("{s:b, s:s, s:b, s:o}", "success", 1, "worldId", row.id, "isFavorite",
                   row.is_favorite != 0, "scheduledDeletion", world_json_instant(row.scheduled_deletion_ms)));
}

/* ---- a story event in the future protects (B-27, B-82) ---- */

static bool take_mark_back(struct lane *l, const struct world_request *q, struct world_row *row,
                           int64_t value) {
  (void)l, (void)q, (void)value;
  if (row->scheduled_deletion_ms == FIELD_NULL) return false;
  world_apply_take_back(row);
  return true;
}

enum err world_protect(struct lane *l, const struct world_request *q) {
  struct world_row row;
  return change_row(l, q, &row, take_mark_back, 0, "mark_taken_back");
}

/* ---- vacation ---- */

struct vacation_args {
  int64_t until_ms, end;
};
static const struct field vacation_fields[] = {
    ARG(struct vacation_args, until_ms, "until", INSTANT, FIELD_NULLABLE, 0, 0, FIELD_NULL, NULL,
        "when the world wakes by itself"),
    ARG(struct vacation_args, end, "end", BOOL, 0, 0, 1, 0, NULL, "true: end it now"),
};

static enum err end_vacation(struct lane *l, const struct world_request *q, struct world_row *row,
                             struct world_reply *r) {
  bool has_resumed = false;
  if (row->pause_reason == PAUSE_VACATION) TRY(resume_held(l, q, row, &has_resumed));
  return reply_with(r, state_json(row, "wasResumed", has_resumed));
}

/* Starts one, or moves its end (B-69); {success, worldId, wasPaused, …, vacationUntil}. */
enum err call_world_vacation(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct vacation_args args = {};
  struct world_row row;
  TRY(ARGS_READ(l, q, vacation_fields, &args, &r->detail));
  TRY(world_see(l, q, DEED_OWN, &row));
  if (args.end) return end_vacation(l, q, &row, r);
  if (args.until_ms == FIELD_NULL)
    return err_set(&r->detail, ERR_INVALID, "until", 0, "until is required: when the vacation ends");
  if (args.until_ms <= q->now_ms || args.until_ms > q->now_ms + VACATION_MAX_MS)
    return err_set(&r->detail, ERR_INVALID, "until", 0,
                   "until must lie in the future, at most five years ahead");
  struct world_pause_step step = {.reason = PAUSE_VACATION, .vacation_until_ms = args.until_ms};
  TRY(pause_with(l, q, &row, &step));
  if (step.has_changed) tell_pause(l, q, &row);
  return reply_with(r, state_json(&row, "wasPaused", !step.has_paused));
}
