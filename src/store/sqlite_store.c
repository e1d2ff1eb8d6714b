/* The embedded store: the keeper over a file of SQLite, one writer, readers with connections of their own. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/keeper.h"
#include "store/sqlite_file.h"
#include "store/sqlite_rows.h"
#include "sys/os_file.h"

#define VACUUM_PAGES "PRAGMA incremental_vacuum(256)" /* 1 MiB in a slice of retention */

struct sqlite_backend {
  struct store_backend backend;
  struct sqlite_rows rows;
  struct keeper keeper; /* unused by readers */
  struct reader_kept kept;
  bool is_reader;
  int lock_fd;
  char *folder, *zone_folder;
};

static struct sqlite_backend *backend_of(struct store_backend *b) { return (struct sqlite_backend *)b; }

static bool has_retention(struct change *const *changes, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (changes[i]->kind == CHANGE_RETAIN && changes[i]->retain.deleted > 0) return true;
  return false;
}

static enum err sqlite_apply(struct store_backend *b, struct change *const *changes, size_t count) {
  struct sqlite_backend *s = backend_of(b);
  ASSERT(!s->is_reader);
  enum err e = keeper_apply(&s->keeper, changes, count);
  /* The file shrinks behind retention; when that fails the pages are used again later. */
  if (e == ERR_OK && has_retention(changes, count))
    (void)sqlite3_exec(s->rows.db, VACUUM_PAGES, NULL, NULL, NULL);
  return e;
}

static int64_t file_bytes(const struct sqlite_backend *s, const char *name) {
  char path[STORE_PATH_MAX];
  struct stat st;
  if (sqlite_path(s->folder, name, path, NULL) != ERR_OK || stat(path, &st) != 0) return 0;
  return st.st_size;
}

static enum err read_health(struct sqlite_backend *s, struct store_read *q) {
  q->health.database_bytes = file_bytes(s, STORE_FILE);
  q->health.wal_bytes = file_bytes(s, STORE_FILE "-wal");
  return ERR_OK;
}

static enum err read_backup(struct sqlite_backend *s, struct store_read *q) {
  char path[STORE_PATH_MAX];
  if (!str_copy(path, sizeof path, q->path) || !path[0])
    return err_set(&q->detail, ERR_INVALID, "path", 0, "name the file to write the backup to");
  return sqlite_copy(s->rows.db, path, &q->detail);
}

static enum err sqlite_read(struct store_backend *b, struct store_read *q) {
  struct sqlite_backend *s = backend_of(b);
  if (q->kind == READ_BACKUP) return read_backup(s, q);
  struct reader r = {.rows = &s->rows.rows, .zone_folder = s->zone_folder, .kept = &s->kept};
  enum err e = sqlite_exec(s->rows.db, "BEGIN", &q->detail); /* one snapshot for the whole answer */
  if (e != ERR_OK) return e;
  e = reader_read(&r, q);
  if (e == ERR_OK && q->kind == READ_HEALTH) e = read_health(s, q);
  if (!sqlite3_get_autocommit(s->rows.db)) (void)sqlite3_exec(s->rows.db, "COMMIT", NULL, NULL, NULL);
  return e;
}

static int64_t sqlite_next_due_ms(struct store_backend *b) { return due_next_ms(&backend_of(b)->keeper.due); }

static enum err sqlite_refresh(struct store_backend *b, int64_t now_ms) {
  return keeper_refresh(&backend_of(b)->keeper, now_ms);
}

static enum err sqlite_touch(struct store_backend *b, int64_t now_ms, bool *ret_has_more) {
  return keeper_touch(&backend_of(b)->keeper, now_ms, ret_has_more);
}

static void free_backend(struct sqlite_backend *s) {
  sqlite_rows_close(&s->rows);
  os_close(&s->lock_fd);
  free(s->folder);
  free(s->zone_folder);
  free(s);
}

static void sqlite_close_backend(struct store_backend *b) {
  struct sqlite_backend *s = backend_of(b);
  if (!s->is_reader) keeper_close(&s->keeper);
  free_backend(s);
}

static enum err sqlite_open_view(struct store_backend *b, struct store_backend **ret);

static const struct store_backend_ops sqlite_backend_ops = {
    .name = "sqlite",
    .apply = sqlite_apply,
    .read = sqlite_read,
    .next_due_ms = sqlite_next_due_ms,
    .refresh = sqlite_refresh,
    .touch = sqlite_touch,
    .open_reader = sqlite_open_view,
    .close = sqlite_close_backend,
};

static struct sqlite_backend *new_backend(const char *folder, const char *zone_folder) {
  struct sqlite_backend *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->backend.ops = &sqlite_backend_ops;
  s->lock_fd = -1;
  s->folder = str_dup(str_of(folder));
  s->zone_folder = zone_folder ? str_dup(str_of(zone_folder)) : NULL;
  if (s->folder && (s->zone_folder || !zone_folder)) return s;
  free_backend(s);
  return NULL;
}

enum err store_sqlite_open_reader(const char *folder, const char *zone_folder, struct store_backend **ret,
                                  struct err_detail *detail) {
  struct sqlite_backend *s = new_backend(folder, zone_folder);
  sqlite3 *db;
  if (!s) return ERR_NO_MEMORY;
  s->is_reader = true;
  enum err e = sqlite_open_reader(s->folder, &db, detail);
  if (e == ERR_OK) e = sqlite_rows_open(&s->rows, db, true, detail);
  if (e != ERR_OK) {
    free_backend(s);
    return e;
  }
  *ret = &s->backend;
  return ERR_OK;
}

static enum err sqlite_open_view(struct store_backend *b, struct store_backend **ret) {
  const struct sqlite_backend *writer = backend_of(b);
  return store_sqlite_open_reader(writer->folder, writer->zone_folder, ret, NULL);
}

static enum err open_all(struct sqlite_backend *s, const struct store_config *config, struct store_boot *boot,
                         struct err_detail *detail) {
  sqlite3 *db;
  TRY(os_make_dir(config->folder, 0700, detail));
  TRY(sqlite_lock(config->folder, &s->lock_fd, detail));
  TRY(sqlite_open_writer(config->folder, &db, detail));
  TRY(sqlite_rows_open(&s->rows, db, false, detail));
  TRY(sqlite_rows_number_jobs(&s->rows));
  return keeper_open(&s->keeper, &s->rows.rows, config, boot, detail);
}

enum err store_sqlite_open(const struct store_config *config, struct store_backend **ret,
                           struct store_boot *ret_boot, struct err_detail *detail) {
  struct err_detail own = {};
  if (!detail) detail = &own;
  ASSERT(config->folder);
  struct sqlite_backend *s = new_backend(config->folder, config->zone_folder);
  if (!s) return ERR_NO_MEMORY;
  enum err e = open_all(s, config, ret_boot, detail);
  if (e != ERR_OK) {
    free_backend(s);
    return e;
  }
  /* Opening has read much that is not needed again: pages of the check and of every cursor. */
  (void)sqlite3_db_release_memory(s->rows.db);
  (void)malloc_trim(0);
  *ret = &s->backend;
  return ERR_OK;
}

/* ---- restore ---- */

static enum err epoch_of(const char *path, int64_t *ret, struct err_detail *detail) {
  sqlite3 *db = NULL;
  int64_t id = 0, version = 0;
  int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
  enum err e = sqlite_error(db, code, detail);
  if (e == ERR_OK) e = sqlite_number(db, "PRAGMA application_id", &id, detail);
  if (e == ERR_OK) e = sqlite_number(db, "PRAGMA user_version", &version, detail);
  if (e == ERR_OK && id != STORE_APPLICATION_ID)
    e = err_set(detail, ERR_STORE_CORRUPT, "file", 0, "this is no backup of Sereno: %.200s", path);
  if (e == ERR_OK && version > STORE_SCHEMA)
    e = err_set(detail, ERR_STORE_SCHEMA, "file", 0,
                "the backup has schema %lld, this version knows up to %d", (long long)version, STORE_SCHEMA);
  if (e == ERR_OK) e = sqlite_number(db, "SELECT \"epoch\" FROM \"CronMeta\" WHERE \"no\"=1", ret, detail);
  sqlite3_close(db);
  return e;
}

static enum err mark_restored(const char *path, int64_t epoch, int64_t now_ms, struct err_detail *detail) {
  sqlite3 *db = NULL;
  sqlite3_stmt *s = NULL;
  int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_prepare_v2(db, "UPDATE \"CronMeta\" SET \"epoch\"=?1, \"restoredAt\"=?2 WHERE \"no\"=1",
                              -1, &s, NULL);
  if (code == SQLITE_OK) {
    sqlite3_bind_int64(s, 1, epoch);
    sqlite3_bind_int64(s, 2, now_ms);
    code = sqlite3_step(s);
  }
  enum err e = sqlite_error(db, code, detail);
  sqlite3_finalize(s);
  sqlite3_close(db);
  return e;
}

/* Copies through SQLite, so that a backup with a WAL beside it, or a live copy, is taken whole. */
static enum err copy_in(const char *file, const char *to, struct err_detail *detail) {
  sqlite3 *db = NULL;
  enum err e = sqlite_error(db, sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL), detail);
  if (e == ERR_OK) e = sqlite_copy(db, to, detail);
  sqlite3_close(db);
  return e;
}

static enum err put_in_place(const char *folder, const char *fresh, struct err_detail *detail) {
  char path[STORE_PATH_MAX], old[STORE_PATH_MAX], side[STORE_PATH_MAX];
  TRY(sqlite_path(folder, STORE_FILE, path, detail));
  TRY(sqlite_path(folder, STORE_FILE ".replaced", old, detail));
  /* A second name, so that there is a database at every moment: without one the next start would make an empty one. */
  unlink(old);
  if (link(path, old) != 0 && errno != ENOENT && rename(path, old) != 0)
    return os_error(errno, detail, "keeping", path);
  TRY(sqlite_path(folder, STORE_FILE "-wal", side, detail));
  unlink(side);
  TRY(sqlite_path(folder, STORE_FILE "-shm", side, detail));
  unlink(side);
  return rename(fresh, path) == 0 ? ERR_OK : os_error(errno, detail, "renaming", fresh);
}

static enum err restore_locked(const char *folder, const char *file, int64_t now_ms,
                               struct err_detail *detail) {
  char path[STORE_PATH_MAX], fresh[STORE_PATH_MAX];
  int64_t backup_epoch, here_epoch = 0;
  TRY(sqlite_path(folder, STORE_FILE, path, detail));
  TRY(sqlite_path(folder, STORE_FILE ".restoring", fresh, detail));
  TRY(epoch_of(file, &backup_epoch, detail));
  /* A database that cannot be read any more is why people restore: then any server that is still about is surely
   * below this. */
  if (access(path, F_OK) == 0 && epoch_of(path, &here_epoch, NULL) != ERR_OK)
    here_epoch = backup_epoch + 1000000;
  TRY(copy_in(file, fresh, detail));
  enum err e =
      mark_restored(fresh, (here_epoch > backup_epoch ? here_epoch : backup_epoch) + 1, now_ms, detail);
  if (e == ERR_OK) e = put_in_place(folder, fresh, detail);
  if (e != ERR_OK) unlink(fresh);
  return e;
}

enum err store_restore(const char *folder, const char *file, int64_t now_ms, struct err_detail *detail) {
  int lock = -1;
  if (access(file, R_OK) != 0) return os_error(errno, detail, "reading", file);
  TRY(os_make_dir(folder, 0700, detail));
  TRY(sqlite_lock(folder, &lock, detail));
  enum err e = restore_locked(folder, file, now_ms, detail);
  os_close(&lock);
  return e;
}
