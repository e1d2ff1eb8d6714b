/* The job sync: live state into the database, a page a call; vacations that are over. */
#include "worlds/calls.h"
#include "worlds/save_batch.h"
#include "worlds/sql.h"
#include "worlds/world_access.h"
#include "worlds/world_args.h"
#include "worlds/world_moves.h"

#define PAGE 500
#define FAILURES_MAX 20

struct sync_args {
  const char *cursor; /* read by batch_cursor_of */
  int64_t is_dry, limit;
};
static const struct field sync_fields[] = {
    ARG(struct sync_args, is_dry, "dryRun", BOOL, 0, 0, 1, 0, NULL, "only say how many"),
    ARG(struct sync_args, limit, "limit", INT, 0, 1, PAGE, PAGE, NULL, "worlds of a page"),
    ARG(struct sync_args, cursor, "cursor", JSON, FIELD_NULLABLE, 0, 4096, FIELD_NULL, NULL,
        "the next of the page before"),
};

struct sync_page {
  struct lane *lane;
  const struct world_request *q;
  struct live_world *worlds;
  size_t count;
  int64_t saved, failed, discarded;
  json_t *failures;
  struct err_detail *detail;
};

static void fail(struct sync_page *p, struct str id, const struct save_result *why) {
  p->failed++;
  if (json_array_size(p->failures) >= FAILURES_MAX) return;
  json_array_append_new(p->failures, json_pack("{s:s#, s:s, s:s}", "worldId", id.ptr, (int)id.len, "error",
                                               err_code(why->error), "message", why->message));
}

/* Marks what is safe; what was written meanwhile stays dirty and comes again. */
static enum err mark_saved(struct sync_page *p, const struct save_result *results) {
  struct live_mark *marks = ARENA_ARRAY(&p->lane->arena, struct live_mark, p->count + 1);
  size_t n = 0;
  if (!marks) return ERR_NO_MEMORY;
  for (size_t i = 0; i < p->count; i++) {
    const struct live_world *w = &p->worlds[i];
    if (!w->is_there) continue; /* cleared since the list was read: safe already */
    if (results[i].error == ERR_OK) {
      marks[n++] = (struct live_mark){.id = w->id, .version = w->version, .turn = w->turn};
      p->saved++;
    } else if (results[i].error == ERR_NOT_FOUND && world_drop_orphan(p->lane, w->id, p->q->now_ms)) {
      p->discarded++;
    } else {
      fail(p, w->id, &results[i]);
    }
  }
  return n ? live_saved(p->lane->live, marks, n, p->detail) : ERR_OK;
}

/* Who may post, as the database has it now. What is rewritten stays dirty until the next run. */
static enum err refresh(struct sync_page *p, const struct str *ids) {
  struct world_row *rows = ARENA_ARRAY(&p->lane->arena, struct world_row, p->count + 1);
  if (!rows) return ERR_NO_MEMORY;
  TRY(world_get_many(p->lane, ids, p->count, rows));
  return world_access_refresh(p->lane, rows, p->worlds, p->count, p->q->now_ms);
}

static enum err save(struct sync_page *p, const struct live_page *page) {
  struct lane *l = p->lane;
  struct save_result *results = ARENA_ARRAY(&l->arena, struct save_result, page->count + 1);
  p->worlds = ARENA_ARRAY(&l->arena, struct live_world, page->count + 1);
  if (!results || !p->worlds) return ERR_NO_MEMORY;
  TRY(live_read(l->live, &(struct live_question){page->ids, page->count, LIVE_META, &l->arena}, p->worlds,
                p->detail));
  p->count = world_batch_size(p->worlds, page->count);
  TRY(live_read(l->live, &(struct live_question){page->ids, p->count, LIVE_ALL, &l->arena}, p->worlds,
                p->detail));
  TRY(refresh(p, page->ids));
  TRY(world_save_batch(
      l, &(struct world_snapshots){.worlds = p->worlds, .count = p->count, .now_ms = p->q->now_ms}, results));
  return mark_saved(p, results);
}

static json_t *next_of(const struct sync_page *p, const struct live_page *page) {
  if (p->count == page->count && !page->has_more) return json_null();
  return batch_next("dirty", page->scores[p->count - 1], page->ids[p->count - 1], page->until_score);
}

static void tell_failures(const struct sync_page *p) {
  if (p->failed > 0)
    world_notice(p->lane, LOG_WARN, "SyncJob", "Some worlds could not be saved; they stay dirty",
                 json_pack("{s:I, s:O}", "failedUpdates", (json_int_t)p->failed, "failures", p->failures));
}

/* {worldsSynced, successfulUpdates, failedUpdates, orphansDiscarded, failures: [{worldId, error, message}], next}:
 * worldsSynced are attempts. Dirty worlds in the order in which they became dirty; what becomes dirty during the
 * run is left to the next one. */
enum err call_sync_page(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct sync_args args = {};
  TRY(ARGS_READ(l, q, sync_fields, &args, &r->detail));
  struct batch_cursor at = batch_cursor_of(q);
  struct live_page page = {.after_score = at.score,
                           .after_id = at.id,
                           .until_score = at.until_ms == INSTANT_NONE ? q->now_ms : at.until_ms,
                           .limit = (size_t)args.limit};
  struct sync_page p = {.lane = l, .q = q, .failures = json_array(), .detail = &r->detail};
  enum err e = live_list(l->live, LIVE_DIRTY, &page, &l->arena, &r->detail);
  if (e == ERR_OK && args.is_dry) p.saved = (int64_t)(p.count = page.count);
  else if (e == ERR_OK && page.count > 0) e = save(&p, &page);
  if (e == ERR_OK) {
    tell_failures(&p);
    e = reply_with(r, json_pack("{s:I, s:I, s:I, s:I, s:O, s:o}", "worldsSynced",
                                (json_int_t)(p.saved + p.failed), "successfulUpdates", (json_int_t)p.saved,
                                "failedUpdates", (json_int_t)p.failed, "orphansDiscarded",
                                (json_int_t)p.discarded, "failures", p.failures, "next", next_of(&p, &page)));
  }
  json_decref(p.failures);
  return e;
}

/* ---- vacations ---- */

struct due_list {
  struct arena *arena;
  struct str ids[PAGE];
  size_t count;
};

static bool visit_due(void *arg, const struct sql_row *row) {
  struct due_list *due = arg;
  char *id = arena_strdup(due->arena, sql_row_text(row, 0));
  if (id) due->ids[due->count++] = str_of(id);
  return id && due->count < PAGE;
}

/* Under its lock, and only if it is still so: its ladder counts from the vacation's end (B-69). */
static enum err end_one(struct lane *l, const struct world_request *q, struct str id, bool *ret_ended) {
  struct world_hold hold;
  struct world_row row;
  TRY(world_hold(l, id, q->now_ms, &hold));
  enum err e = world_get(l, id, &row);
  if (e == ERR_OK && row.pause_reason == PAUSE_VACATION && row.vacation_until_ms != FIELD_NULL &&
      row.vacation_until_ms <= q->now_ms) {
    e = world_do_resume(l, &row, hold.lock.token, row.vacation_until_ms, STR("system"), q->now_ms);
    *ret_ended = e == ERR_OK;
  }
  world_release(l, &hold);
  return e;
}

/* {vacationsEnded, busy, next}: next null when no more are due. */
enum err call_sync_vacations(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct sync_args args = {};
  struct due_list due = {.arena = &l->arena};
  int64_t ended = 0, busy = 0;
  TRY(ARGS_READ(l, q, sync_fields, &args, &r->detail));
  TRY(sqldb_query(l->db, SQL_VACATIONS_DUE, SQL_ARGS(SQL_VALUE_INSTANT(q->now_ms), SQL_VALUE_INT(args.limit)),
                  visit_due, &due, &r->detail));
  for (size_t i = 0; i < due.count && !args.is_dry; i++) {
    bool has_ended = false;
    enum err e = end_one(l, q, due.ids[i], &has_ended);
    ended += has_ended;
    busy += e != ERR_OK;
  }
  bool has_more = (int64_t)due.count == args.limit && ended > 0;
  return reply_with(
      r, json_pack("{s:I, s:I, s:o}", "vacationsEnded",
                   (json_int_t)(args.is_dry ? (int64_t)due.count : ended), "busy", (json_int_t)busy, "next",
                   has_more ? batch_next("vacations", INSTANT_NONE, STR_NONE, q->now_ms) : json_null()));
}
