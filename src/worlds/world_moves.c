#include "worlds/world_moves.h"

#include "worlds/policy.h"
#include "worlds/world_state.h"

#define COMPONENT "WorldPauseService"

void world_notice(struct lane *l, enum log_level level, const char *component, const char *message,
                  json_t *fields) {
  const struct worlds_config *config = worlds_config(l->worlds);
  if (config->notice && fields) config->notice(config->notice_arg, level, component, message, fields);
  json_decref(fields);
}

json_t *world_json_instant(int64_t ms) {
  return ms == FIELD_NULL ? json_null() : json_string(instant_to_text(ms).text);
}

json_t *world_json_enum(const char *const *names, int64_t value) {
  return value == FIELD_NULL ? json_null() : json_string(names[value]);
}

/* ---- pause ---- */

static bool is_inactivity(int64_t reason) {
  return reason == PAUSE_INACTIVITY_24H || reason == PAUSE_INACTIVITY_7D || reason == PAUSE_INACTIVITY_30D;
}

/* Does a pause for this reason change a world that sleeps already? Manual and vacation are its owner's word and
 * stay; the ladder only climbs. */
static bool replaces(int64_t reason, const struct world_row *row) {
  if (reason == row->pause_reason) return reason == PAUSE_VACATION;
  if (reason == PAUSE_SYSTEM) return false;
  if (!is_inactivity(reason)) return true;
  return row->pause_reason == PAUSE_SYSTEM ||
         (is_inactivity(row->pause_reason) && reason > row->pause_reason);
}

static void apply_pause(struct lane *l, struct world_row *row, const struct world_pause_step *step,
                        int64_t now_ms) {
  if (is_inactivity(step->reason)) {
    struct world_settings s = worlds_settings(l, now_ms);
    struct world_verdict v = {.reason = step->reason, .enters = true, .idle_since_ms = row->last_active_ms};
    if (row->ladder_from_ms != FIELD_NULL && row->ladder_from_ms > v.idle_since_ms)
      v.idle_since_ms = row->ladder_from_ms;
    v.idle_ms = now_ms - v.idle_since_ms;
    world_apply_step(&s, row, &v, now_ms);
    return;
  }
  if (!row->is_paused) row->paused_ms = now_ms;
  row->is_paused = 1;
  row->status = WORLD_PAUSED;
  row->pause_reason = step->reason;
  row->scheduled_deletion_ms = FIELD_NULL; /* U-34: its owner's pause takes no part in the ladder */
  row->vacation_until_ms = step->reason == PAUSE_VACATION ? step->vacation_until_ms : FIELD_NULL;
}

static enum err note_pause(const struct world_move *m, const struct world_row *row,
                           const struct world_pause_step *step) {
  struct str id = str_of(row->id);
  if (step->has_paused) {
    struct world_settings s = worlds_settings(m->l, m->now_ms);
    TRY(world_pause_begin(m->l, id, m->now_ms, step->reason, world_daily_micro_usd(&s)));
  }
  json_t *what = json_pack("{s:s, s:o, s:o}", "reason", pause_reason_names[step->reason], "lastActiveAt",
                           world_json_instant(row->last_active_ms), "scheduledDeletion",
                           world_json_instant(row->scheduled_deletion_ms));
  return world_note(m->l, id, m->now_ms, m->actor, step->has_paused ? "paused" : "pause_changed", what);
}

static enum err flush_one(const struct world_move *m, const struct live_world *w) {
  bool is_safe = false;
  struct world_snapshots s = {w, 1, &m->token, m->now_ms};
  TRY(world_flush(m->l, &s, &is_safe));
  if (is_safe) return ERR_OK;
  return err_set(m->detail, ERR_WORLD_BUSY, "worldId", 0,
                 "another holder of the lock wrote \"%.*s\" meanwhile", STR_ARG(w->id));
}

static enum err pause_in_database(const struct world_move *m, struct world_row *row,
                                  const struct live_world *w, struct world_pause_step *step) {
  struct world_row r;
  TRY(world_get_locked(m->l, str_of(row->id), &r));
  step->has_paused = !r.is_paused;
  step->has_changed = !r.is_paused || replaces(step->reason, &r);
  if (w->is_there) {
    TRY(flush_one(m, w));
    TRY(world_get_locked(m->l, str_of(row->id), &r)); /* with the activity that was unsaved */
  }
  if (step->has_changed) {
    apply_pause(m->l, &r, step, m->now_ms);
    TRY(world_put(m->l, &r, m->token, m->now_ms));
    TRY(note_pause(m, &r, step));
  }
  *row = r;
  return sqldb_commit(m->l->db, m->detail);
}

/* What is in the live state: sealed first, so that nobody writes there whatever happens to us. */
static enum err take_live(const struct world_move *m, struct str id, bool is_sealing,
                          struct live_world *ret) {
  struct live_lock lock = {id, m->token};
  *ret = (struct live_world){.id = id, .active_ms = INSTANT_NONE, .dirty_ms = INSTANT_NONE};
  if (live_mode(m->l->live) == LIVE_NONE) return ERR_OK;
  if (is_sealing) TRY(world_seal(m->l, &lock, 1, m->now_ms));
  TRY(live_read(m->l->live, &(struct live_question){&id, 1, LIVE_ALL, &m->l->arena}, ret, m->detail));
  if (!ret->is_there || ret->is_checked) return ERR_OK;
  TRY(world_settle(m->l, id, m->token, m->now_ms)); /* what is written goes on from the newest state */
  return live_read(m->l->live, &(struct live_question){&id, 1, LIVE_ALL, &m->l->arena}, ret, m->detail);
}

/* After the commit: the world's state is in the database. If it cannot be removed now it is sealed, and the next
 * message or sync asks the database first. */
static void drop_live(const struct world_move *m, struct str id, int64_t version) {
  struct live_mark mark = {.id = id, .version = version, .token = m->token};
  struct live_lock lock = {id, 0};
  enum err e = live_clear(m->l->live, &mark, 1, m->now_ms, NULL);
  if (e == ERR_OK && !mark.is_done) e = world_seal(m->l, &lock, 1, m->now_ms);
  if (e != ERR_OK)
    world_notice(m->l, LOG_WARN, COMPONENT, "The live state of a world could not be removed",
                 json_pack("{s:s#, s:s}", "worldId", id.ptr, (int)id.len, "error", err_code(e)));
}

enum err world_pause_step(const struct world_move *m, struct world_row *row, struct world_pause_step *step) {
  struct live_world w;
  struct str id = str_of(row->id);
  step->has_paused = step->has_changed = false;
  TRY(take_live(m, id, true, &w));
  TRY(sqldb_begin(m->l->db, true, m->detail));
  enum err e = pause_in_database(m, row, &w, step);
  if (e != ERR_OK) {
    sqldb_rollback(m->l->db);
    return e;
  }
  if (w.is_there) drop_live(m, id, w.version);
  return ERR_OK;
}

enum err world_do_pause(struct lane *l, struct world_row *row, int64_t token, int64_t reason,
                        struct str actor, int64_t now_ms) {
  struct world_pause_step step = {.reason = reason, .vacation_until_ms = row->vacation_until_ms};
  struct world_move m = {l, token, now_ms, actor, l->detail};
  return world_pause_step(&m, row, &step);
}

/* ---- resume, and writes without live state ---- */

static enum err resume_row(const struct world_move *m, struct world_row *row, struct world_db_step *step) {
  step->has_resumed = row->is_paused && step->resume_ms != INSTANT_NONE;
  if (!step->has_resumed) return ERR_OK;
  world_apply_resume(row, step->resume_ms);
  row->vacation_until_ms = FIELD_NULL;
  TRY(world_put(m->l, row, m->token, m->now_ms));
  TRY(world_pause_end(m->l, str_of(row->id), m->now_ms));
  json_t *what =
      json_pack("{s:o, s:o}", "pauseReason", world_json_enum(pause_reason_names, step->before.pause_reason),
                "pausedAt", world_json_instant(step->before.paused_ms));
  return world_note(m->l, str_of(row->id), m->now_ms, m->actor, "resumed", what);
}

/* A state that sleeps compressed would take longer to be read, written and read again than a message may wait. */
static enum err is_too_big(const struct world_move *m, struct str id, bool was_live,
                           struct world_db_step *step) {
  int64_t bytes = 0;
  step->is_apart = false;
  if (was_live || !step->append || !step->has_resumed || live_mode(m->l->live) == LIVE_NONE) return ERR_OK;
  TRY(world_state_size(m->l, id, &bytes));
  step->is_apart = bytes > worlds_settings(m->l, m->now_ms).hibernate_kb * 1024;
  return ERR_OK;
}

static enum err append_alone(const struct world_move *m, struct str id, struct live_append *append) {
  append->id = id;
  return world_flush_append(m->l, append, m->token, m->now_ms);
}

static enum err write_whole(const struct world_move *m, struct str id, bool was_live, struct live_world *w,
                            const struct world_db_step *step) {
  if (!was_live) TRY(world_state_read(m->l, id, w));
  if (step->append) TRY(world_state_apply(w, step->append, m->now_ms, &m->l->arena));
  return was_live || step->append ? flush_one(m, w) : ERR_OK;
}

static enum err step_in_database(const struct world_move *m, struct world_row *row, struct live_world *w,
                                 struct world_db_step *step) {
  bool was_live = w->is_there;
  TRY(world_get_locked(m->l, str_of(row->id), row));
  step->before = *row;
  TRY(resume_row(m, row, step));
  TRY(is_too_big(m, str_of(row->id), was_live, step));
  if (step->is_apart) TRY(append_alone(m, str_of(row->id), step->append));
  else TRY(write_whole(m, str_of(row->id), was_live, w, step));
  TRY(world_get_locked(m->l, str_of(row->id), row));
  return sqldb_commit(m->l->db, m->detail);
}

static void tell_resume(const struct world_move *m, const struct world_db_step *step) {
  const struct world_row *before = &step->before;
  json_t *fields = json_pack("{s:s, s:s?, s:o, s:o, s:s#}", "worldId", before->id, "worldName", before->name,
                             "pauseReason", world_json_enum(pause_reason_names, before->pause_reason),
                             "pausedAt", world_json_instant(before->paused_ms), "actor",
                             m->actor.ptr ? m->actor.ptr : "system", m->actor.ptr ? (int)m->actor.len : 6);
  world_notice(m->l, LOG_INFO, COMPONENT, "World resumed successfully", fields);
}

enum err world_db_step(const struct world_move *m, struct world_row *row, struct world_db_step *step) {
  struct live_world w;
  struct str id = str_of(row->id);
  step->has_resumed = false;
  TRY(take_live(m, id, false, &w));
  bool was_live = w.is_there;
  int64_t live_version = w.version;
  TRY(sqldb_begin(m->l->db, true, m->detail));
  enum err e = step_in_database(m, row, &w, step);
  if (e != ERR_OK) {
    sqldb_rollback(m->l->db);
    return e;
  }
  if (was_live) drop_live(m, id, live_version);
  if (step->has_resumed) tell_resume(m, step);
  return ERR_OK;
}

enum err world_do_resume(struct lane *l, struct world_row *row, int64_t token, int64_t active_ms,
                         struct str actor, int64_t now_ms) {
  struct world_db_step step = {.resume_ms = active_ms};
  struct world_move m = {l, token, now_ms, actor, l->detail};
  return world_db_step(&m, row, &step);
}
