/* Worlds as files, and their end:
 * delete.page {cursor?, dryRun?, limit?, settings?} → {due, deleted, failed, failedWorldIds, notYet, freedBytes,
 *   wouldDelete (dry run), next}: worlds whose deletion has come: exported, verified, then removed (B-16, B-25, B-49)
 * world.export → payload, zstd (U-25) · world.import, payload → {success, worldId, rows, segments} (B-71)
 * world.erase → {success, worldId}: at once, by its owner, without an export (U-18, U-25)
 * analytics.page {dryRun?} → {deleted, next} */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/os_file.h"
#include "worlds/calls.h"
#include "worlds/export.h"
#include "worlds/export_archive.h"
#include "worlds/facts.h"
#include "worlds/load.h"
#include "worlds/rights.h"
#include "worlds/segment.h"
#include "worlds/sql.h"

#define DAY_MS INT64_C(86400000)
#define FIRST_INSTANT (INT64_C(-62135596800000))
#define DELETE_PAGE 50 /* each with files of its own; a call stays short */
#define FAILED_MAX 100
#define EXPORT_BYTES_MAX ((size_t)64 * 1024 * 1024) /* of an export by a request */
#define FILE_BYTES_MAX ((size_t)1024 * 1024 * 1024)
#define PATH_BYTES 1024
#define SAFE_NAME_BYTES 160
#define SAFE_HASH_LEN 16
#define ANALYTICS_PAGE 1000
#define DELETE_LEASE_MS (10 * LIVE_LEASE_MS) /* an export may be long */

/* ---- making everything safe ---- */

struct doomed { /* one world under its lock, its live state sealed and in the database */
  struct live_lock lock;
  struct live_world live;
  struct arena *arena;
};

static enum err flush_live(struct lane *l, struct doomed *d, bool is_for_good, int64_t now_ms) {
  bool done = false;
  if (is_for_good) TRY(world_seal(l, &d->lock, 1, now_ms));
  TRY(live_read(l->live, &(struct live_question){&d->lock.id, 1, LIVE_ALL, d->arena}, &d->live, l->detail));
  if (!d->live.is_there) return ERR_OK;
  TRY(sqldb_begin(l->db, true, l->detail));
  struct world_snapshots s = {&d->live, 1, &d->lock.token, now_ms};
  enum err e = world_flush(l, &s, &done);
  if (e == ERR_OK && !done)
    e = err_set(l->detail, ERR_WORLD_BUSY, "worldId", 0, "somebody else is moving this world");
  if (e == ERR_OK) return sqldb_commit(l->db, l->detail);
  sqldb_rollback(l->db);
  return e;
}

static enum err take(struct lane *l, struct str id, bool is_for_good, int64_t now_ms, struct doomed *ret) {
  struct doomed d = {.lock = {.id = id}, .arena = ret->arena};
  TRY(live_lock(l->live, &d.lock, 1, (struct live_lease){DELETE_LEASE_MS, now_ms}, l->detail));
  if (d.lock.token == 0)
    return err_set(l->detail, ERR_WORLD_BUSY, "worldId", 0, "somebody else is moving this world");
  enum err e = flush_live(l, &d, is_for_good, now_ms);
  if (e == ERR_OK) *ret = d;
  else (void)live_unlock(l->live, &d.lock, 1, NULL);
  return e;
}

static int64_t drop_live(struct lane *l, struct doomed *d, int64_t now_ms) {
  struct live_mark mark = {
      .id = d->lock.id, .version = d->live.version, .turn = d->live.turn, .token = d->lock.token};
  if (d->live.is_there && live_clear(l->live, &mark, 1, now_ms, NULL) == ERR_OK && mark.is_done)
    return mark.freed_bytes > 0 ? mark.freed_bytes : 0;
  (void)live_unlock(l->live, &d->lock, 1, NULL);
  return 0;
}

/* ---- export to a file ---- */

static enum err sink_file(void *arg, struct str piece, struct err_detail *detail) {
  return fwrite(piece.ptr, 1, piece.len, arg) == piece.len ? ERR_OK
                                                           : os_error(errno, detail, "write", "export");
}

static enum err write_file(struct lane *l, struct str id, int64_t now_ms, const char *path,
                           int64_t *ret_rows) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
  if (!f) return os_error(errno, l->detail, "create", path);
  enum err e = export_world(l, id, now_ms, sink_file, f, ret_rows);
  if (e == ERR_OK && (fflush(f) != 0 || fsync(fileno(f)) != 0)) e = os_error(errno, l->detail, "sync", path);
  if (fclose(f) != 0 && e == ERR_OK) e = os_error(errno, l->detail, "close", path);
  return e;
}

struct export_file {
  char path[PATH_BYTES], name[300];
  char sha256[SEGMENT_SHA256_LEN + 1];
};

static enum err count_line(void *arg, const json_t *line, struct err_detail *detail) {
  (void)detail;
  *(int64_t *)arg += !json_object_get(line, "sereno");
  return ERR_OK;
}

/* Reads back what was written: whole, each line JSON, as many rows as were read from the database. */
static enum err verify_file(const char *path, int64_t rows, char ret_sha256[SEGMENT_SHA256_LEN + 1],
                            struct err_detail *detail) {
  BUF_AUTO struct buf bytes = buf_new(FILE_BYTES_MAX);
  int64_t lines = 0;
  TRY(os_read_file(path, &bytes, detail));
  TRY(export_lines(buf_str(&bytes), count_line, &lines, detail));
  if (lines != rows)
    return err_set(detail, ERR_IO, "export", 0, "%lld of %lld rows came back", (long long)lines,
                   (long long)rows);
  segment_sha256(buf_str(&bytes), ret_sha256);
  return ERR_OK;
}

/* ID, or what of it may stand in a file's name and a hash, so that no two worlds share a file. */
static void safe_name(struct str id, char ret[SAFE_NAME_BYTES]) {
  static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  char hash[SEGMENT_SHA256_LEN + 1];
  bool is_changed = !str_copy(ret, SAFE_NAME_BYTES - SAFE_HASH_LEN - 1, id);
  for (char *c = ret; *c; c++) {
    if (strchr(fine, *c)) continue;
    *c = '_';
    is_changed = true;
  }
  if (!is_changed) return;
  segment_sha256(id, hash);
  (void)snprintf(ret + strlen(ret), SAFE_HASH_LEN + 2, "~%.*s", SAFE_HASH_LEN, hash);
}

/* exports/ID-INSTANT.jsonl.zst */
static enum err export_to_file(struct lane *l, struct str id, int64_t now_ms, struct export_file *ret) {
  const char *folder = worlds_config(l->worlds)->folder;
  char exports[PATH_BYTES], safe[SAFE_NAME_BYTES], temporary[PATH_BYTES + 8];
  int64_t rows = 0;
  safe_name(id, safe);
  (void)snprintf(ret->name, sizeof ret->name, "%s-%lld.jsonl.zst", safe, (long long)now_ms);
  if (snprintf(exports, sizeof exports, "%s/exports", folder) >= (int)sizeof exports ||
      snprintf(ret->path, sizeof ret->path, "%s/%s", exports, ret->name) >= (int)sizeof ret->path)
    return err_set(l->detail, ERR_LIMIT, "folder", 0, "its path is too long");
  (void)snprintf(temporary, sizeof temporary, "%s.part", ret->path);
  TRY(os_make_dir(exports, 0700, l->detail));
  TRY(write_file(l, id, now_ms, temporary, &rows));
  enum err e = verify_file(temporary, rows, ret->sha256, l->detail);
  if (e == ERR_OK && rename(temporary, ret->path) != 0) e = os_error(errno, l->detail, "rename", temporary);
  if (e != ERR_OK) (void)unlink(temporary);
  return e;
}

/* ---- old exports ---- */

/* The instant in ID-INSTANT.jsonl.zst, or -1. */
static int64_t instant_of_export(const char *name) {
  struct str s = str_of(name);
  int64_t at_ms;
  size_t dash = SIZE_MAX;
  if (str_ends(s, STR(".part"))) s.len -= strlen(".part");
  if (!str_ends(s, STR(".jsonl.zst"))) return -1;
  s.len -= strlen(".jsonl.zst");
  for (size_t i = 0; i < s.len; i++)
    if (s.ptr[i] == '-') dash = i;
  if (dash == SIZE_MAX || !str_to_int(str_from(s, dash + 1), 0, INT64_MAX, &at_ms)) return -1;
  return at_ms;
}

static int64_t remove_old_exports(struct lane *l, int64_t before_ms) {
  char folder[PATH_BYTES];
  int64_t removed = 0;
  (void)snprintf(folder, sizeof folder, "%s/exports", worlds_config(l->worlds)->folder);
  DIR *dir = opendir(folder);
  if (!dir) return 0;
  for (struct dirent *d; (d = readdir(dir));) {
    int64_t at_ms = instant_of_export(d->d_name);
    if (at_ms >= 0 && at_ms < before_ms && unlinkat(dirfd(dir), d->d_name, 0) == 0) removed++;
  }
  closedir(dir);
  return removed;
}

static bool unlink_export(void *arg, const struct sql_row *row) {
  char path[PATH_BYTES];
  struct str name = sql_row_text(row, 0);
  if (str_find_char(name, '/') != SIZE_MAX) return true;
  (void)snprintf(path, sizeof path, "%s/exports/%.*s", (const char *)arg, STR_ARG(name));
  (void)unlink(path);
  return true;
}

/* Exports of a world of this id that was deleted before: an erasure takes them, too (U-18). */
static enum err remove_exports_of(struct lane *l, struct str id) {
  char folder[PATH_BYTES];
  (void)str_copy(folder, sizeof folder, str_of(worlds_config(l->worlds)->folder));
  TRY(sqldb_query(l->db, SQL_TOMBSTONE_FILES, SQL_ARGS(SQL_VALUE_STR(id)), unlink_export, folder, l->detail));
  return sqldb_exec(l->db, SQL_TOMBSTONE_NO_FILES, SQL_ARGS(SQL_VALUE_STR(id)), NULL, l->detail);
}

/* ---- removing ---- */

static enum err remove_in(struct lane *l, const struct world_request *q, struct str id,
                          const struct export_file *file, const char *reason) {
  TRY(erase_world_rows(l, id, q->now_ms));
  return sqldb_exec(
      l->db, SQL_TOMBSTONE_PUT,
      SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INSTANT(q->now_ms),
               SQL_VALUE_STR(q->actor.name.ptr ? q->actor.name : STR("system")), SQL_VALUE_TEXT(reason),
               SQL_VALUE_TEXT(file ? file->name : NULL), SQL_VALUE_TEXT(file ? file->sha256 : NULL)),
      NULL, l->detail);
}

/* Still due, in the transaction: nobody has kept, resumed or favoured it while it was exported. */
static enum err check_due(struct lane *l, const struct world_settings *s, struct str id, int64_t now_ms) {
  struct world_cases one;
  BUF_AUTO struct buf ids = buf_new(1024);
  world_ids_text(&id, 1, &ids);
  TRY(world_cases_new(&l->arena, 1, &one));
  TRY(world_cases_read(l, SQL_CASES_HELD, SQL_ARGS(SQL_VALUE_INSTANT(now_ms), SQL_VALUE_STR(buf_str(&ids))),
                       &one));
  if (one.count == 0) return err_set(l->detail, ERR_NOT_FOUND, "worldId", 0, "it is gone already");
  struct world_verdict v = world_judge(s, &one.list[0].facts, now_ms);
  if (v.is_protected || world_purge_ms(s, &one.list[0].row, v.idle_since_ms, NULL) > now_ms)
    return err_set(l->detail, ERR_WORLD_BUSY, "worldId", 0, "it is not due any more");
  return ERR_OK;
}

static enum err remove_all(struct lane *l, const struct world_request *q, struct str id,
                           const struct export_file *file, const struct world_settings *due_by) {
  TRY(sqldb_begin(l->db, true, l->detail));
  enum err e = due_by ? check_due(l, due_by, id, q->now_ms) : ERR_OK;
  if (e == ERR_OK) e = remove_in(l, q, id, file, due_by ? "inactivity" : "erased");
  if (e == ERR_OK) e = sqldb_commit(l->db, l->detail);
  if (e != ERR_OK) sqldb_rollback(l->db);
  if (e == ERR_OK && export_forget_segments(l, id) != ERR_OK)
    return ERR_OK; /* the sweep takes what is left */
  return e;
}

/* ---- delete.page ---- */

struct delete_run {
  struct lane *lane;
  const struct world_request *q;
  struct world_settings settings;
  bool is_dry;
  int64_t due, deleted, failed, not_yet, freed;
  json_t *failed_ids, *would;
};

/* A commit whose answer was lost may have deleted it: then its file is all there is. */
static void drop_export(struct delete_run *d, struct str id, const struct export_file *file) {
  struct world_row row;
  struct err_detail *why = d->lane->detail;
  d->lane->detail = NULL; /* what has failed is known already */
  if (file->path[0] && world_get(d->lane, id, &row) == ERR_OK) (void)unlink(file->path);
  d->lane->detail = why;
}

static enum err delete_one(struct delete_run *d, struct str id) {
  ARENA_AUTO struct arena arena = arena_new((size_t)512 * 1024 * 1024);
  struct export_file file = {};
  struct doomed doomed = {.arena = &arena};
  TRY(take(d->lane, id, true, d->q->now_ms, &doomed));
  enum err e = export_to_file(d->lane, id, d->q->now_ms, &file);
  if (e == ERR_OK) e = remove_all(d->lane, d->q, id, &file, &d->settings);
  if (e == ERR_OK) {
    d->freed += drop_live(d->lane, &doomed, d->q->now_ms);
    return ERR_OK;
  }
  drop_export(d, id, &file);
  (void)live_unlock(d->lane->live, &doomed.lock, 1, NULL);
  return e;
}

static void tell(struct lane *l, enum log_level level, const char *message, const struct world_row *row,
                 const struct err_detail *detail) {
  const struct worlds_config *config = worlds_config(l->worlds);
  if (!config->notice) return;
  JSON_AUTO json_t *fields = json_pack("{s:s, s:s?, s:s?}", "worldId", row->id, "worldName", row->name,
                                       "error", detail && detail->message[0] ? detail->message : NULL);
  config->notice(config->notice_arg, level, "WorldPauseService", message, fields);
}

static void take_case(struct delete_run *d, struct world_case *c) {
  struct world_verdict v = world_judge(&d->settings, &c->facts, d->q->now_ms);
  struct err_detail detail = {}, *outer = d->lane->detail;
  d->due++;
  if (v.is_protected || world_purge_ms(&d->settings, &c->row, v.idle_since_ms, NULL) > d->q->now_ms) {
    d->not_yet++;
    return;
  }
  if (d->is_dry) {
    json_array_append_new(d->would, json_string(c->row.id));
    return;
  }
  d->lane->detail = &detail;
  enum err e = delete_one(d, str_of(c->row.id));
  d->lane->detail = outer;
  if (e == ERR_OK) {
    d->deleted++;
    tell(d->lane, LOG_INFO, "World deleted", &c->row, NULL);
  } else if (e == ERR_WORLD_BUSY || e == ERR_NOT_FOUND) {
    d->not_yet++;
  } else {
    d->failed++;
    if (json_array_size(d->failed_ids) < FAILED_MAX)
      json_array_append_new(d->failed_ids, json_string(c->row.id));
    tell(d->lane, LOG_ERROR, "World could not be deleted", &c->row, &detail);
  }
}

static json_t *delete_answer(const struct delete_run *d, const struct world_cases *cases) {
  const struct world_row *last = cases->count == cases->max ? &cases->list[cases->count - 1].row : NULL;
  json_t *next = last ? json_pack("{s:I, s:s}", "at", (json_int_t)last->scheduled_deletion_ms, "id", last->id)
                      : json_null();
  json_t *body =
      json_pack("{s:I, s:I, s:I, s:I, s:I, s:O, s:o}", "due", (json_int_t)d->due, "deleted",
                (json_int_t)d->deleted, "failed", (json_int_t)d->failed, "notYet", (json_int_t)d->not_yet,
                "freedBytes", (json_int_t)d->freed, "failedWorldIds", d->failed_ids, "next", next);
  if (d->is_dry) json_object_set(body, "wouldDelete", d->would);
  return body;
}

enum err world_call_delete_page(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct delete_run d = {.lane = l, .q = q, .is_dry = json_bool_at(q->args, "dryRun", false)};
  const json_t *cursor = json_object_get(q->args, "cursor");
  struct world_cases cases;
  struct str after = json_text_at(cursor, "id");
  int64_t limit = json_int_at(q->args, "limit", DELETE_PAGE);
  if (limit < 1 || limit > DELETE_PAGE)
    return err_set(&r->detail, ERR_INVALID, "limit", 0, "has to be 1 to %d", DELETE_PAGE);
  TRY(world_settings_with(l, q, &d.settings));
  TRY(world_cases_new(&l->arena, (size_t)limit, &cases));
  TRY(world_cases_read(
      l, SQL_CASES_DUE_DELETION,
      SQL_ARGS(SQL_VALUE_INSTANT(q->now_ms), SQL_VALUE_INSTANT(json_int_at(cursor, "at", FIRST_INSTANT)),
               SQL_VALUE_STR(after.ptr ? after : STR("")), SQL_VALUE_INT(limit)),
      &cases));
  JSON_AUTO json_t *failed_ids = d.failed_ids = json_array();
  JSON_AUTO json_t *would = d.would = json_array();
  for (size_t i = 0; i < cases.count; i++) take_case(&d, &cases.list[i]);
  if (!d.is_dry && !after.ptr) (void)remove_old_exports(l, q->now_ms - d.settings.export_days * DAY_MS);
  r->body = delete_answer(&d, &cases);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- by requests ---- */

static enum err owned(struct lane *l, const struct world_request *q, enum world_deed deed) {
  struct world_row row;
  TRY(world_get(l, q->world_id, &row));
  return world_may(deed, &q->actor, &row, world_is_member(l, q->world_id, q->actor.user_id), l->detail);
}

static enum err sink_payload(void *arg, struct str piece, struct err_detail *detail) {
  struct buf *out = arg;
  (void)detail;
  buf_add_str(out, piece);
  return buf_error(out);
}

enum err world_call_export(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct doomed d = {.arena = &l->arena};
  TRY(owned(l, q, DEED_OWN));
  TRY(take(l, q->world_id, false, q->now_ms, &d));
  (void)live_unlock(l->live, &d.lock, 1, NULL); /* what comes later is not in it */
  r->payload = buf_new(EXPORT_BYTES_MAX);
  int64_t rows = 0;
  TRY(export_world(l, q->world_id, q->now_ms, sink_payload, &r->payload, &rows));
  r->body = json_pack("{s:s%, s:I, s:s}", "worldId", q->world_id.ptr, q->world_id.len, "rows",
                      (json_int_t)rows, "format", "JSON lines, zstd");
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* An imported world begins a new spell: what it was marked for long ago must not delete it tonight. */
static enum err settle_import(struct lane *l, const struct world_request *q, struct str id) {
  struct world_row row;
  struct world_settings s = worlds_settings(l, q->now_ms);
  TRY(world_get_locked(l, id, &row));
  world_apply_take_back(&row);
  if (row.ladder_from_ms < q->now_ms) row.ladder_from_ms = q->now_ms;
  TRY(world_put(l, &row, 0, q->now_ms));
  if (row.is_paused && row.pause_reason != FIELD_NULL)
    TRY(world_pause_begin(l, id, q->now_ms, row.pause_reason, world_daily_micro_usd(&s)));
  return world_note(l, id, q->now_ms, q->actor.name, "imported", NULL);
}

static enum err import_in(struct lane *l, const struct world_request *q, struct import_result *ret) {
  TRY(import_world(l, q, ret));
  bool is_own = ret->owner_id && str_eq(str_of(ret->owner_id), q->actor.user_id);
  if (q->actor.kind == ACTOR_USER && !is_own)
    return err_set(l->detail, ERR_FORBIDDEN, "worldId", 0, "only its owner may put a world back");
  TRY(settle_import(l, q, ret->id));
  return sqldb_commit(l->db, l->detail);
}

enum err world_call_import(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct import_result result = {};
  if (!q->payload.ptr) return err_set(&r->detail, ERR_INVALID, "file", 0, "send the export's bytes");
  TRY(sqldb_begin(l->db, true, &r->detail));
  TRY(import_in(l, q, &result));
  r->status = 201;
  r->body = json_pack("{s:b, s:s%, s:I, s:I}", "success", 1, "worldId", result.id.ptr, result.id.len, "rows",
                      (json_int_t)result.rows, "segments", (json_int_t)result.segments);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

enum err world_call_erase(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct doomed d = {.arena = &l->arena};
  TRY(owned(l, q, DEED_OWN));
  TRY(take(l, q->world_id, true, q->now_ms, &d));
  enum err e = remove_all(l, q, q->world_id, NULL, NULL);
  if (e != ERR_OK) {
    (void)live_unlock(l->live, &d.lock, 1, NULL);
    return e;
  }
  (void)drop_live(l, &d, q->now_ms);
  TRY(remove_exports_of(l, q->world_id));
  r->body = json_pack("{s:b, s:s%}", "success", 1, "worldId", q->world_id.ptr, q->world_id.len);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- analytics ---- */

static bool read_number(void *arg, const struct sql_row *row) {
  *(int64_t *)arg = sql_row_int(row, 0);
  return false;
}

enum err world_call_analytics_page(struct lane *l, const struct world_request *q, struct world_reply *r) {
  int64_t dropped = 0;
  struct world_settings s = worlds_settings(l, q->now_ms);
  struct sql_value before = SQL_VALUE_INSTANT(q->now_ms - s.analytics_days * DAY_MS);
  bool is_dry = json_bool_at(q->args, "dryRun", false);
  if (is_dry) TRY(sqldb_query(l->db, SQL_ANALYTICS_OLD, SQL_ARGS(before), read_number, &dropped, &r->detail));
  else
    TRY(sqldb_exec(l->db, SQL_ANALYTICS_DROP, SQL_ARGS(before, SQL_VALUE_INT(ANALYTICS_PAGE)), &dropped,
                   &r->detail));
  r->body = json_pack("{s:I, s:o}", "deleted", (json_int_t)dropped, "next",
                      !is_dry && dropped == ANALYTICS_PAGE ? json_object() : json_null());
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}
