#include "store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/embedded.h"
#include "store/sqlite_rows.h"
#include "sys/os_file.h"

#define BUSY_MS 5000
#define CHECK_BYTES_ALWAYS (64LL << 20) /* quick_check reads everything: 0.2 s for this */
#define COPY_STEP_PAGES 512
#define NAME_MAX_BYTES 128

enum err sqlite_path(const char *folder, const char *name, char ret[STORE_PATH_MAX],
                     struct err_detail *detail) {
  int n = snprintf(ret, STORE_PATH_MAX, "%s/%s", folder, name);
  if (n > 0 && n < STORE_PATH_MAX) return ERR_OK;
  return err_set(detail, ERR_LIMIT, "data", 0, "the path of the data folder is too long");
}

enum err sqlite_exec(sqlite3 *db, const char *sql, struct err_detail *detail) {
  return sqlite_error(db, sqlite3_exec(db, sql, NULL, NULL, NULL), detail);
}

enum err sqlite_number(sqlite3 *db, const char *sql, int64_t *ret, struct err_detail *detail) {
  sqlite3_stmt *s = NULL;
  int code = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
  if (code != SQLITE_OK) return sqlite_error(db, code, detail);
  code = sqlite3_step(s);
  enum err e = code == SQLITE_ROW    ? ERR_OK
               : code == SQLITE_DONE ? ERR_NOT_FOUND
                                     : sqlite_error(db, code, detail);
  if (e == ERR_OK) *ret = sqlite3_column_int64(s, 0);
  sqlite3_finalize(s);
  return e;
}

enum err sqlite_lock(const char *folder, int *ret_fd, struct err_detail *detail) {
  char path[STORE_PATH_MAX];
  TRY(sqlite_path(folder, STORE_LOCK, path, detail));
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return os_error(errno, detail, "opening the lock", path);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    enum err e = errno == EWOULDBLOCK ? err_set(detail, ERR_CONFLICT, "data", 0,
                                                "another sereno uses this data folder: %.200s", folder)
                                      : os_error(errno, detail, "locking", path);
    os_close(&fd);
    return e;
  }
  *ret_fd = fd;
  return ERR_OK;
}

/* ---- opening ---- */

/* Created by us, so that database, WAL and shared memory are 0600 from their first byte. */
static enum err create_private(const char *path, struct err_detail *detail) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd >= 0) {
    os_close(&fd);
    return ERR_OK;
  }
  if (errno == EACCES && access(path, R_OK) == 0)
    return err_set(detail, ERR_STORE_READONLY, "data", 0, "the database cannot be written: %.200s", path);
  return os_error(errno, detail, "opening", path);
}

/* Its counters of memory take a mutex at every allocation. Too late once SQLite has been used: then it stays. */
static void configure(void) { (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

void sqlite_configure(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, configure);
}

static enum err open_connection(const char *path, int flags, sqlite3 **ret, struct err_detail *detail) {
  sqlite3 *db = NULL;
  sqlite_configure();
  int code = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  enum err e = sqlite_error(db, code, detail);
  if (e != ERR_OK) {
    sqlite3_close(db);
    return e;
  }
  sqlite3_busy_timeout(db, BUSY_MS);
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL); /* they are for others */
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  *ret = db;
  return ERR_OK;
}

static enum err check_identity(sqlite3 *db, const char *path, int64_t *ret_version,
                               struct err_detail *detail) {
  int64_t id, tables;
  TRY(sqlite_number(db, "PRAGMA user_version", ret_version, detail));
  TRY(sqlite_number(db, "PRAGMA application_id", &id, detail));
  TRY(sqlite_number(db, "SELECT count(*) FROM sqlite_schema", &tables, detail));
  if (id != STORE_APPLICATION_ID && tables > 0)
    return err_set(detail, ERR_STORE_CORRUPT, "data", 0, "this is no database of Sereno: %.180s", path);
  if (*ret_version <= STORE_SCHEMA) return ERR_OK;
  enum err e = err_set(detail, ERR_STORE_SCHEMA, "data", 0,
                       "the database has schema %lld, this version of Sereno knows up to %d",
                       (long long)*ret_version, STORE_SCHEMA);
  err_hint(detail, "start the newer Sereno again, or restore a backup made before the upgrade");
  return e;
}

static enum err check_integrity(sqlite3 *db, const char *path, struct err_detail *detail) {
  struct stat st;
  sqlite3_stmt *s = NULL;
  if (stat(path, &st) == 0 && st.st_size > CHECK_BYTES_ALWAYS) {
    /* Bigger ones are checked whole by every backup; here only that the schema can be read. */
    return sqlite_exec(db, "SELECT count(*) FROM sqlite_schema", detail);
  }
  int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &s, NULL);
  if (code == SQLITE_OK) code = sqlite3_step(s);
  enum err e = sqlite_error(db, code, detail);
  if (code == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "ok") != 0)
    e = err_set(detail, ERR_STORE_CORRUPT, "data", 0, "the database is damaged: %.180s",
                (const char *)sqlite3_column_text(s, 0));
  sqlite3_finalize(s);
  if (e == ERR_STORE_CORRUPT) err_hint(detail, "restore a backup: sereno restore FILE");
  return e;
}

/* ---- migrations ---- */

static const struct embedded_file *migration(int64_t number) {
  char prefix[NAME_MAX_BYTES];
  snprintf(prefix, sizeof prefix, "sql/sqlite/%03lld_", (long long)number);
  for (const struct embedded_file *f = embedded_files; f->name; f++)
    if (str_starts(str_of(f->name), str_of(prefix))) return f;
  return NULL;
}

static enum err migrate_one(sqlite3 *db, int64_t number, struct err_detail *detail) {
  const struct embedded_file *f = migration(number);
  char pragma[NAME_MAX_BYTES];
  ASSERT(f);
  snprintf(pragma, sizeof pragma, "PRAGMA user_version=%lld", (long long)number);
  TRY(sqlite_exec(db, "BEGIN IMMEDIATE", detail));
  enum err e = sqlite_exec(db, f->ptr, detail);
  if (e == ERR_OK) e = sqlite_exec(db, pragma, detail);
  if (e == ERR_OK) e = sqlite_exec(db, "COMMIT", detail);
  if (e != ERR_OK && !sqlite3_get_autocommit(db)) (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
  return e;
}

static enum err back_up_before(sqlite3 *db, const char *folder, int64_t version, struct err_detail *detail) {
  char backups[STORE_PATH_MAX], path[STORE_PATH_MAX], name[NAME_MAX_BYTES];
  TRY(sqlite_path(folder, "backups", backups, detail));
  TRY(os_make_dir(backups, 0700, detail));
  snprintf(name, sizeof name, "before-schema-%lld.db", (long long)version + 1);
  TRY(sqlite_path(backups, name, path, detail));
  return sqlite_copy(db, path, detail);
}

static enum err migrate(sqlite3 *db, const char *folder, int64_t version, struct err_detail *detail) {
  if (version == STORE_SCHEMA) return ERR_OK;
  if (version > 0) TRY(back_up_before(db, folder, version, detail));
  for (int64_t next = version + 1; next <= STORE_SCHEMA; next++) TRY(migrate_one(db, next, detail));
  return ERR_OK;
}

static enum err set_up_writer(sqlite3 *db, const char *folder, const char *path, struct err_detail *detail) {
  int64_t version;
  TRY(check_identity(db, path, &version, detail));
  if (version > 0) TRY(check_integrity(db, path, detail));
  if (version == 0) {
    TRY(sqlite_exec(db, "PRAGMA auto_vacuum=INCREMENTAL", detail));
    TRY(sqlite_exec(db, "PRAGMA application_id=0x53524e4f", detail));
  }
  TRY(sqlite_exec(db, "PRAGMA journal_mode=WAL", detail));
  TRY(sqlite_exec(db, "PRAGMA synchronous=FULL", detail));
  TRY(sqlite_exec(db, "PRAGMA temp_store=MEMORY", detail));
  TRY(sqlite_exec(db, "PRAGMA cache_size=-16384", detail));
  TRY(sqlite_exec(db, "PRAGMA wal_autocheckpoint=8000", detail));
  TRY(sqlite_exec(db, "PRAGMA journal_size_limit=67108864", detail));
  /* The keeper checks and cascades by itself; the keys are for SQL from outside. */
  TRY(sqlite_exec(db, "PRAGMA foreign_keys=OFF", detail));
  return migrate(db, folder, version, detail);
}

enum err sqlite_open_writer(const char *folder, sqlite3 **ret, struct err_detail *detail) {
  char path[STORE_PATH_MAX];
  sqlite3 *db;
  TRY(sqlite_path(folder, STORE_FILE, path, detail));
  TRY(os_make_dir(folder, 0700, detail));
  TRY(create_private(path, detail));
  TRY(open_connection(path, SQLITE_OPEN_READWRITE, &db, detail));
  enum err e = set_up_writer(db, folder, path, detail);
  if (e != ERR_OK) {
    sqlite3_close(db);
    return e;
  }
  *ret = db;
  return ERR_OK;
}

enum err sqlite_open_reader(const char *folder, sqlite3 **ret, struct err_detail *detail) {
  char path[STORE_PATH_MAX];
  TRY(sqlite_path(folder, STORE_FILE, path, detail));
  sqlite3 *db;
  int64_t version;
  TRY(open_connection(path, SQLITE_OPEN_READONLY, &db, detail));
  enum err e = sqlite_exec(db, "PRAGMA query_only=ON; PRAGMA cache_size=-2048", detail);
  if (e == ERR_OK) e = check_identity(db, path, &version, detail);
  if (e == ERR_OK && version < STORE_SCHEMA) /* a reader cannot migrate */
    e = err_set(detail, ERR_STORE_SCHEMA, "data", 0,
                "the database has the older schema %lld; start the server", (long long)version);
  if (e != ERR_OK) {
    sqlite3_close(db);
    return e;
  }
  *ret = db;
  return ERR_OK;
}

/* ---- copies ---- */

static enum err copy_pages(sqlite3 *from, sqlite3 *to, struct err_detail *detail) {
  sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
  if (!b) return sqlite_error(to, sqlite3_errcode(to), detail);
  int code;
  while ((code = sqlite3_backup_step(b, COPY_STEP_PAGES)) == SQLITE_OK) {
  }
  int finished = sqlite3_backup_finish(b);
  return sqlite_error(to, code == SQLITE_DONE ? finished : code, detail);
}

/* In one read transaction, so that writers do not make it begin again. */
static enum err copy_snapshot(sqlite3 *db, const char *part, struct err_detail *detail) {
  sqlite3 *to;
  TRY(create_private(part, detail));
  TRY(open_connection(part, SQLITE_OPEN_READWRITE, &to, detail));
  bool is_ours = sqlite3_get_autocommit(db);
  enum err e = is_ours ? sqlite_exec(db, "BEGIN; SELECT count(*) FROM sqlite_schema", detail) : ERR_OK;
  if (e == ERR_OK) e = copy_pages(db, to, detail);
  if (is_ours && !sqlite3_get_autocommit(db)) (void)sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
  if (e == ERR_OK)
    e = sqlite_exec(to, "PRAGMA journal_mode=DELETE", detail); /* one file, to be carried anywhere */
  if (e == ERR_OK) e = check_integrity(to, part, detail);
  sqlite3_close(to);
  return e;
}

enum err sqlite_copy(sqlite3 *db, const char *path, struct err_detail *detail) {
  char part[STORE_PATH_MAX];
  int n = snprintf(part, sizeof part, "%s.part", path);
  if (n <= 0 || n >= (int)sizeof part) return err_set(detail, ERR_LIMIT, "path", 0, "the path is too long");
  unlink(part);
  enum err e = copy_snapshot(db, part, detail);
  if (e == ERR_OK && rename(part, path) != 0) e = os_error(errno, detail, "renaming", part);
  if (e != ERR_OK) unlink(part);
  return e;
}
