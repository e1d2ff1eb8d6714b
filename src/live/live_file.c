#include "live/live_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "sys/os_file.h"

#define APPLICATION_ID 0x53524c56 /* "SRLV" */
#define SCHEMA 3 /* PRAGMA user_version; a newer one is refused, an older one gets its steps here */
#define BUSY_MS 5000
#define CARE_MS 1000      /* checkpoint at most this often, and this is what a power cut may cost */
#define VACUUM_FROM 256   /* free pages worth giving back */
#define VACUUM_PAGES 4096 /* of one call: 16 MB, some milliseconds */

static const char setup_sql[] =
    "PRAGMA auto_vacuum = INCREMENTAL;"
    "PRAGMA application_id = 0x53524c56;";
static const char connection_sql[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -4096; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 16777216;";
/* What may be big lies in tables with rowids: a search in one without reads every row it compares, whole. */
#define FIELD_AND_ENTRIES_SQL                                                                    \
  "CREATE TABLE field (world INTEGER NOT NULL, part INTEGER NOT NULL, name BLOB NOT NULL, "      \
  "  bytes BLOB NOT NULL, PRIMARY KEY (world, part, name)) STRICT;"                              \
  "CREATE TABLE journal (world INTEGER NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, " \
  "  bytes BLOB NOT NULL, PRIMARY KEY (world, seq)) STRICT, WITHOUT ROWID;"                      \
  "CREATE TABLE history (world INTEGER NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, " \
  "  bytes BLOB NOT NULL, PRIMARY KEY (world, seq)) STRICT;"
static const char schema_sql[] =
    /* Instants are milliseconds, 0 is none. dirty_ms > 0 exactly while version > saved. */
    "CREATE TABLE world (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, "
    "  saved INTEGER NOT NULL, turn INTEGER NOT NULL, ticks INTEGER NOT NULL, active_ms INTEGER NOT NULL, "
    "  dirty_ms INTEGER NOT NULL, event_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, "
    "  life INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX world_active ON world (active_ms, id);"
    "CREATE INDEX world_dirty ON world (dirty_ms, id) WHERE dirty_ms > 0;"
    "CREATE INDEX world_events ON world (event_ms, id) WHERE event_ms > 0;" FIELD_AND_ENTRIES_SQL
    "CREATE TABLE event (world INTEGER NOT NULL, bytes BLOB NOT NULL, at_ms INTEGER NOT NULL, "
    "  PRIMARY KEY (world, bytes)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE lock (id TEXT NOT NULL PRIMARY KEY, node TEXT NOT NULL, epoch INTEGER NOT NULL, "
    "  token INTEGER NOT NULL, until_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE total (bytes INTEGER NOT NULL, worlds INTEGER NOT NULL, dirty INTEGER NOT NULL, "
    "  fence INTEGER NOT NULL) STRICT;"
    "INSERT INTO total VALUES (0, 0, 0, 0);"
    "PRAGMA user_version = 3;";
/* What newer schemas added, in the order of their numbers from 2. 2: the life of what was written; 3: one table for
 * journal and history, and it and the fields without rowids, are parted. */
static const char *const step_sql[] = {
    "ALTER TABLE world ADD COLUMN life INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 2;",
    "ALTER TABLE field RENAME TO field_2;" FIELD_AND_ENTRIES_SQL
    "INSERT INTO field (world, part, name, bytes) SELECT world, part, name, bytes FROM field_2;"
    "INSERT INTO journal SELECT world, seq, at_ms, bytes FROM entry WHERE kind = 0;"
    "INSERT INTO history (world, seq, at_ms, bytes) SELECT world, seq, at_ms, bytes FROM entry WHERE kind = "
    "1;"
    "DROP TABLE field_2; DROP TABLE entry;"
    "PRAGMA user_version = 3;"};

static const char *const statement_texts[] = {
#define SQL(id, text) [LIVE_SQL_##id] = text,
#include "live/live_statements.def"
#undef SQL
};

static struct live_file *open_files;
static pthread_mutex_t open_files_mutex = PTHREAD_MUTEX_INITIALIZER;

static int64_t monotonic_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum err file_error(struct live_file *f, int code, struct err_detail *detail) {
  const char *text = f->db ? sqlite3_errmsg(f->db) : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return ERR_OK;
    case SQLITE_NOMEM: return err_set(detail, ERR_NO_MEMORY, LIVE_FILE, 0, "out of memory");
    case SQLITE_FULL: return err_set(detail, ERR_STORE_FULL, LIVE_FILE, 0, "the disk is full");
    case SQLITE_READONLY: return err_set(detail, ERR_STORE_READONLY, LIVE_FILE, 0, "%s", text);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return err_set(detail, ERR_STORE_CORRUPT, LIVE_FILE, 0, "live.db is damaged: %s", text);
    case SQLITE_BUSY: return err_set(detail, ERR_BUSY, LIVE_FILE, 0, "another process writes to live.db");
    case SQLITE_IOERR:
      if (errno == ENOSPC) return err_set(detail, ERR_STORE_FULL, LIVE_FILE, 0, "the disk is full");
      return err_set(detail, ERR_IO, LIVE_FILE, 0, "%s", text);
    default: return err_set(detail, ERR_IO, LIVE_FILE, 0, "live.db: %s", text);
  }
}

/* ---- statements ---- */

static int bind_one(sqlite3_stmt *s, int at, const struct live_arg *a) {
  if (a->type == LIVE_ARG_INT) return sqlite3_bind_int64(s, at, a->n);
  const char *bytes = a->s.ptr ? a->s.ptr : "";
  if (a->type == LIVE_ARG_TEXT)
    return sqlite3_bind_text64(s, at, bytes, a->s.len, SQLITE_STATIC, SQLITE_UTF8);
  return a->s.len == 0 ? sqlite3_bind_zeroblob(s, at, 0)
                       : sqlite3_bind_blob64(s, at, bytes, a->s.len, SQLITE_STATIC);
}

sqlite3_stmt *live_file_ask(struct live_file *f, enum live_sql id, const struct live_arg *args,
                            size_t count) {
  sqlite3_stmt *s = f->statements[id];
  sqlite3_reset(s);
  ASSERT((size_t)sqlite3_bind_parameter_count(s) == count);
  for (size_t i = 0; i < count; i++) ASSERT(bind_one(s, (int)i + 1, &args[i]) == SQLITE_OK);
  return s;
}

enum err live_file_step(struct live_file *f, sqlite3_stmt *s, bool *ret_is_row, struct err_detail *detail) {
  int code = sqlite3_step(s);
  enum err e = file_error(f, code, detail);
  if (code != SQLITE_ROW) sqlite3_reset(s);
  *ret_is_row = code == SQLITE_ROW;
  return e;
}

enum err live_file_run(struct live_file *f, enum live_sql id, const struct live_arg *args, size_t count,
                       struct err_detail *detail) {
  bool is_row;
  TRY(live_file_step(f, live_file_ask(f, id, args, count), &is_row, detail));
  ASSERT(!is_row);
  return ERR_OK;
}

enum err live_file_number(struct live_file *f, enum live_sql id, const struct live_arg *args, size_t count,
                          int64_t *ret, struct err_detail *detail) {
  sqlite3_stmt *s = live_file_ask(f, id, args, count);
  bool is_row;
  TRY(live_file_step(f, s, &is_row, detail));
  *ret = is_row ? sqlite3_column_int64(s, 0) : 0;
  if (is_row) TRY(live_file_step(f, s, &is_row, detail)); /* RETURNING works at the end only */
  ASSERT(!is_row);
  return ERR_OK;
}

struct str live_file_bytes(sqlite3_stmt *s, int column, struct arena *arena) {
  const void *bytes = sqlite3_column_blob(s, column);
  size_t n = (size_t)sqlite3_column_bytes(s, column);
  char *copy = arena_alloc(arena, n + 1);
  if (!copy) return STR_NONE;
  if (n > 0) memcpy(copy, bytes, n);
  return (struct str){copy, n};
}

/* ---- transactions ---- */

static enum err give_back_pages(struct live_file *f, struct err_detail *detail) {
  int64_t pages;
  TRY(live_file_number(f, LIVE_SQL_FREE_PAGES, NULL, 0, &pages, detail));
  if (pages < VACUUM_FROM) return ERR_OK;
  char sql[64];
  snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
  return file_error(f, sqlite3_exec(f->db, sql, NULL, NULL, NULL), detail);
}

/* Never fails its caller, whose commit is done: what did not work is tried again a second later. */
static void care(struct live_file *f) {
  int64_t now = monotonic_ms();
  if (now - f->cared_ms < CARE_MS) return;
  f->cared_ms = now;
  (void)give_back_pages(f, NULL); /* what one purge left: 16 MB each second */
  (void)sqlite3_wal_checkpoint_v2(f->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

enum err live_file_begin(struct live_file *f, bool is_writing, struct err_detail *detail) {
  pthread_mutex_lock(&f->mutex);
  ASSERT(sqlite3_get_autocommit(f->db));
  f->is_writing = is_writing;
  f->tally = (struct live_tally){};
  enum err e = live_file_run(f, is_writing ? LIVE_SQL_BEGIN_WRITE : LIVE_SQL_BEGIN_READ, NULL, 0, detail);
  if (e != ERR_OK) pthread_mutex_unlock(&f->mutex);
  return e;
}

static enum err write_tally(struct live_file *f, struct err_detail *detail) {
  const struct live_tally *t = &f->tally;
  if (t->bytes == 0 && t->worlds == 0 && t->dirty == 0) return ERR_OK;
  return live_file_run(f, LIVE_SQL_TOTAL_ADD, A_LIST(A_INT(t->bytes), A_INT(t->worlds), A_INT(t->dirty)),
                       detail);
}

enum err live_file_end(struct live_file *f, enum err e, struct err_detail *detail) {
  if (e == ERR_OK) e = write_tally(f, detail);
  if (e == ERR_OK && f->tally.bytes < 0) e = give_back_pages(f, detail);
  if (e == ERR_OK) e = live_file_run(f, LIVE_SQL_COMMIT, NULL, 0, detail);
  if (e != ERR_OK) {
    for (int i = 0; i < LIVE_SQL_COUNT; i++) sqlite3_reset(f->statements[i]);
    if (!sqlite3_get_autocommit(f->db)) (void)live_file_run(f, LIVE_SQL_ROLLBACK, NULL, 0, NULL);
  }
  if (f->is_writing) care(f);
  pthread_mutex_unlock(&f->mutex);
  return e;
}

/* ---- opening ---- */

static enum err exec(struct live_file *f, const char *sql, struct err_detail *detail) {
  return file_error(f, sqlite3_exec(f->db, sql, NULL, NULL, NULL), detail);
}

static enum err pragma_number(struct live_file *f, const char *sql, int64_t *ret, struct err_detail *detail) {
  sqlite3_stmt *s = NULL;
  int code = sqlite3_prepare_v2(f->db, sql, -1, &s, NULL);
  if (code == SQLITE_OK) code = sqlite3_step(s);
  enum err e = file_error(f, code, detail);
  *ret = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
  sqlite3_finalize(s);
  return e;
}

/* Created by us, so that database, WAL and shared memory are 0600 from their first byte. */
static enum err create_private(const char *folder, const char *path, struct err_detail *detail) {
  TRY(os_make_dir(folder, 0700, detail));
  return os_create_private(path, detail);
}

static enum err make_schema(struct live_file *f, struct err_detail *detail) {
  int64_t id, version, tables;
  TRY(pragma_number(f, "PRAGMA application_id", &id, detail));
  TRY(pragma_number(f, "PRAGMA user_version", &version, detail));
  TRY(pragma_number(f, "SELECT count(*) FROM sqlite_schema", &tables, detail));
  if (tables > 0 && id != APPLICATION_ID)
    return err_set(detail, ERR_STORE_CORRUPT, LIVE_FILE, 0, "this is no live.db of Sereno: %.180s", f->path);
  if (version > SCHEMA)
    return err_set(detail, ERR_STORE_SCHEMA, LIVE_FILE, 0,
                   "live.db has schema %lld, this version knows up to %d", (long long)version, SCHEMA);
  if (tables == 0) TRY(exec(f, setup_sql, detail));
  TRY(exec(f, connection_sql, detail));
  if (version == SCHEMA) return ERR_OK;
  TRY(exec(f, "BEGIN IMMEDIATE", detail));
  enum err e = version == 0 ? exec(f, schema_sql, detail) : ERR_OK;
  for (int64_t i = version; e == ERR_OK && version > 0 && i < SCHEMA; i++)
    e = exec(f, step_sql[i - 1], detail);
  if (e == ERR_OK) e = exec(f, "COMMIT", detail);
  if (!sqlite3_get_autocommit(f->db)) (void)exec(f, "ROLLBACK", NULL);
  return e;
}

/* FNV-1a of what a live state that fell back does not share with what it was: a power cut ends the boot, and a file
 * that was put in its place is another one. Never 0, which no row written in a life has. */
static enum err find_life(struct live_file *f) {
  struct {
    char boot[40];
    uint64_t device, file;
  } life = {};
  struct stat st;
  uint64_t hash = 0xcbf29ce484222325;
  TRY(os_boot_id(life.boot));
  if (stat(f->path, &st) == 0) life.device = st.st_dev, life.file = st.st_ino;
  for (size_t i = 0; i < sizeof life; i++) hash = (hash ^ ((const unsigned char *)&life)[i]) * 0x100000001b3;
  f->life = (int64_t)(hash >> 2 | 1);
  return ERR_OK;
}

static enum err prepare_all(struct live_file *f, struct err_detail *detail) {
  for (int i = 0; i < LIVE_SQL_COUNT; i++)
    TRY(file_error(
        f,
        sqlite3_prepare_v3(f->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &f->statements[i], NULL),
        detail));
  return ERR_OK;
}

static void file_free(struct live_file *f) {
  for (int i = 0; i < LIVE_SQL_COUNT; i++) sqlite3_finalize(f->statements[i]);
  ASSERT(sqlite3_close(f->db) == SQLITE_OK); /* carries the log into the file */
  pthread_mutex_destroy(&f->mutex);
  free(f);
}

static enum err file_new(const char *folder, const char *path, struct live_file **ret,
                         struct err_detail *detail) {
  struct live_file *f = calloc(1, sizeof *f);
  if (!f) return ERR_NO_MEMORY;
  pthread_mutex_init(&f->mutex, NULL);
  ASSERT(str_copy(f->path, sizeof f->path, str_of(path)));
  f->cared_ms = monotonic_ms();
  enum err e = folder ? create_private(folder, path, detail) : ERR_OK;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (e == ERR_OK) e = file_error(f, sqlite3_open_v2(path, &f->db, flags, NULL), detail);
  if (e == ERR_OK) e = file_error(f, sqlite3_busy_timeout(f->db, BUSY_MS), detail);
  if (e == ERR_OK) e = make_schema(f, detail);
  if (e == ERR_OK) e = find_life(f);
  if (e == ERR_OK) e = prepare_all(f, detail);
  if (e == ERR_OK) *ret = f;
  else file_free(f);
  return e;
}

static enum err find_or_open(const char *folder, const char *path, struct live_file **ret,
                             struct err_detail *detail) {
  for (struct live_file *f = open_files; f; f = f->next)
    if (strcmp(f->path, path) == 0) {
      f->users++;
      *ret = f;
      return ERR_OK;
    }
  TRY(file_new(folder, path, ret, detail));
  (*ret)->users = 1;
  (*ret)->next = open_files;
  open_files = *ret;
  return ERR_OK;
}

enum err live_file_open(const char *folder, struct live_file **ret, struct err_detail *detail) {
  char path[sizeof((struct live_file *)NULL)->path];
  int n = folder ? snprintf(path, sizeof path, "%s/%s", folder, LIVE_FILE)
                 : snprintf(path, sizeof path, ":memory:");
  if (n <= 0 || n >= (int)sizeof path)
    return err_set(detail, ERR_LIMIT, "data", 0, "the path of the data folder is too long");
  pthread_mutex_lock(&open_files_mutex);
  enum err e = find_or_open(folder, path, ret, detail);
  pthread_mutex_unlock(&open_files_mutex);
  return e;
}

void live_file_close(struct live_file *f) {
  if (!f) return;
  pthread_mutex_lock(&open_files_mutex);
  ASSERT(f->users > 0);
  if (--f->users == 0) {
    struct live_file **at = &open_files;
    while (*at != f) at = &(*at)->next;
    *at = f->next;
    file_free(f);
  }
  pthread_mutex_unlock(&open_files_mutex);
}
