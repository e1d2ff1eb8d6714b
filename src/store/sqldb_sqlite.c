/* The worlds' database as a file, worlds.db. Each connection may write; those of one process take turns by a mutex,
 * so that none of them polls SQLite's busy handler. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/sqldb_ops.h"
#include "store/sqlite_file.h"
#include "store/sqlite_rows.h"
#include "sys/os_file.h"

#define WORLDS_FILE "worlds.db"
#define BUSY_MS 5000
#define CACHE "PRAGMA cache_size=-4096"
#define PARAMS_MAX 32

/* One a path and process. */
struct file {
  struct file *next;
  char path[STORE_PATH_MAX];
  pthread_mutex_t turn;
  int users;
};
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;
static struct file *files;

enum { BEGIN_READ, BEGIN_WRITE, COMMIT, STEP_COUNT }; /* of transactions */
static const char *const step_texts[] = {"BEGIN", "BEGIN IMMEDIATE", "COMMIT"};

struct prepared {
  sqlite3_stmt *s;
  int at[PARAMS_MAX]; /* where $1, $2 … are bound; 0: it does not occur */
};

struct sqldb_sqlite {
  struct sqldb db;
  sqlite3 *sqlite;
  struct file *file;
  struct prepared *prepared;
  sqlite3_stmt *steps[STEP_COUNT];
  bool has_turn;
};

static struct sqldb_sqlite *of(struct sqldb *db) { return (struct sqldb_sqlite *)db; }

/* ---- turns ---- */

static struct file *file_take(const char *path) {
  pthread_mutex_lock(&files_lock);
  struct file *f = files;
  while (f && strcmp(f->path, path) != 0) f = f->next;
  if (!f && (f = calloc(1, sizeof *f))) {
    (void)str_copy(f->path, sizeof f->path, str_of(path));
    pthread_mutex_init(&f->turn, NULL);
    f->next = files;
    files = f;
  }
  if (f) f->users++;
  pthread_mutex_unlock(&files_lock);
  return f;
}

static void file_drop(struct file *f) {
  if (!f) return;
  pthread_mutex_lock(&files_lock);
  if (--f->users == 0) {
    struct file **at = &files;
    while (*at != f) at = &(*at)->next;
    *at = f->next;
    pthread_mutex_destroy(&f->turn);
    free(f);
  }
  pthread_mutex_unlock(&files_lock);
}

static void take_turn(struct sqldb_sqlite *d) {
  pthread_mutex_lock(&d->file->turn);
  d->has_turn = true;
}

static void end_turn(struct sqldb_sqlite *d) {
  if (!d->has_turn) return;
  d->has_turn = false;
  pthread_mutex_unlock(&d->file->turn);
}

/* ---- transactions ---- */

static enum err failed(struct sqldb_sqlite *d, int code, struct err_detail *detail) {
  if ((code & 0xFF) == SQLITE_CONSTRAINT &&
      (code == SQLITE_CONSTRAINT_CHECK || code == SQLITE_CONSTRAINT_NOTNULL))
    return err_set(detail, ERR_INVALID, "worlds", 0, "%s", sqlite3_errmsg(d->sqlite));
  return sqlite_error(d->sqlite, code, detail);
}

static enum err plain(struct sqldb *db, const char *sql, struct err_detail *detail) {
  return failed(of(db), sqlite3_exec(of(db)->sqlite, sql, NULL, NULL, NULL), detail);
}

static enum err take_step(struct sqldb *db, int step, struct err_detail *detail) {
  sqlite3_stmt *s = of(db)->steps[step];
  enum err e = failed(of(db), sqlite3_step(s), detail);
  (void)sqlite3_reset(s);
  return e;
}

static enum err begin(struct sqldb *db, bool is_write, struct err_detail *detail) {
  if (is_write) take_turn(of(db));
  enum err e = take_step(db, is_write ? BEGIN_WRITE : BEGIN_READ, detail);
  if (e != ERR_OK) end_turn(of(db));
  return e;
}

static void rollback(struct sqldb *db) {
  if (!sqlite3_get_autocommit(of(db)->sqlite)) (void)plain(db, "ROLLBACK", NULL);
  end_turn(of(db));
}

static enum err commit(struct sqldb *db, struct err_detail *detail) {
  enum err e = take_step(db, COMMIT, detail);
  if (e != ERR_OK) rollback(db);
  end_turn(of(db));
  return e;
}

/* ---- statements ---- */

static int bind_value(sqlite3_stmt *s, int at, const struct sql_value *v) {
  struct instant_text text;
  switch (v->type) {
    case SQL_NULL: return sqlite3_bind_null(s, at);
    case SQL_INT:
    case SQL_BOOL: return sqlite3_bind_int64(s, at, v->n);
    case SQL_REAL: return sqlite3_bind_double(s, at, v->real);
    case SQL_TEXT:
      return v->s.ptr ? sqlite3_bind_text64(s, at, v->s.ptr, v->s.len, SQLITE_STATIC, SQLITE_UTF8)
                      : sqlite3_bind_null(s, at);
    case SQL_INSTANT:
      if (v->n == INSTANT_NONE) return sqlite3_bind_null(s, at);
      text = instant_to_text(v->n);
      return sqlite3_bind_text(s, at, text.text, -1, SQLITE_TRANSIENT);
    case SQL_BLOB:
      return v->s.ptr ? sqlite3_bind_blob64(s, at, v->s.ptr, v->s.len, SQLITE_STATIC)
                      : sqlite3_bind_null(s, at);
  }
  return SQLITE_MISUSE;
}

static enum err step_all(struct sqldb_sqlite *d, sqlite3_stmt *s, sql_row_fn *fn, void *arg,
                         struct err_detail *detail) {
  struct sql_row row = {.db = &d->db, .of = s};
  int code;
  while ((code = sqlite3_step(s)) == SQLITE_ROW)
    if (fn && !fn(arg, &row)) return ERR_OK;
  return failed(d, code, detail);
}

static enum err run(struct sqldb *db, size_t statement, const struct sql_value *args, size_t count,
                    sql_row_fn *fn, void *arg, int64_t *ret_changed, struct err_detail *detail) {
  struct sqldb_sqlite *d = of(db);
  struct prepared *p = &d->prepared[statement];
  ASSERT(count <= PARAMS_MAX);
  bool is_lone_write = sqlite3_get_autocommit(d->sqlite) && !sqlite3_stmt_readonly(p->s);
  if (is_lone_write) take_turn(d);
  int code = SQLITE_OK;
  for (size_t i = 0; i < count && code == SQLITE_OK; i++)
    if (p->at[i]) code = bind_value(p->s, p->at[i], &args[i]);
  enum err e = code == SQLITE_OK ? step_all(d, p->s, fn, arg, detail) : failed(d, code, detail);
  if (e == ERR_OK && ret_changed) *ret_changed = sqlite3_changes64(d->sqlite);
  (void)sqlite3_reset(p->s);
  (void)sqlite3_clear_bindings(p->s);
  if (is_lone_write) end_turn(d);
  return e;
}

/* ---- rows ---- */

static bool is_null(const struct sql_row *row, int column) {
  return sqlite3_column_type(row->of, column) == SQLITE_NULL;
}
static int64_t get_int(const struct sql_row *row, int column) {
  return sqlite3_column_int64(row->of, column);
}
static double get_real(const struct sql_row *row, int column) {
  return sqlite3_column_double(row->of, column);
}
static struct str get_text(const struct sql_row *row, int column) {
  const char *text = (const char *)sqlite3_column_text(row->of, column);
  return text ? (struct str){text, (size_t)sqlite3_column_bytes(row->of, column)} : STR_NONE;
}
static struct str get_blob(const struct sql_row *row, int column) {
  if (is_null(row, column)) return STR_NONE;
  const char *bytes = sqlite3_column_blob(row->of, column);
  return (struct str){bytes ? bytes : "", (size_t)sqlite3_column_bytes(row->of, column)};
}

/* ---- what there is ---- */

static bool has(struct sqldb *db, const char *sql, const char *a, const char *b) {
  sqlite3_stmt *s = NULL;
  bool found = false;
  if (sqlite3_prepare_v2(of(db)->sqlite, sql, -1, &s, NULL) == SQLITE_OK) {
    sqlite3_bind_text(s, 1, a, -1, SQLITE_STATIC);
    if (b) sqlite3_bind_text(s, 2, b, -1, SQLITE_STATIC);
    found = sqlite3_step(s) == SQLITE_ROW;
  }
  sqlite3_finalize(s);
  return found;
}
static enum err query_text(struct sqldb *db, const char *sql, sql_row_fn *fn, void *arg,
                           struct err_detail *detail) {
  sqlite3_stmt *s = NULL;
  int code = sqlite3_prepare_v2(of(db)->sqlite, sql, -1, &s, NULL);
  enum err e = code == SQLITE_OK ? step_all(of(db), s, fn, arg, detail) : failed(of(db), code, detail);
  sqlite3_finalize(s);
  return e;
}
static bool has_table(struct sqldb *db, const char *table) {
  return has(db, "SELECT 1 FROM sqlite_schema WHERE type='table' AND name=?1", table, NULL);
}
static bool has_column(struct sqldb *db, const char *table, const char *column) {
  return has(db, "SELECT 1 FROM pragma_table_xinfo(?1) WHERE name=?2", table, column);
}

static enum err live_bytes(struct sqldb *db, int64_t *ret, struct err_detail *detail) {
  int64_t pages, free_pages, size;
  TRY(sqlite_number(of(db)->sqlite, "PRAGMA page_count", &pages, detail));
  TRY(sqlite_number(of(db)->sqlite, "PRAGMA freelist_count", &free_pages, detail));
  TRY(sqlite_number(of(db)->sqlite, "PRAGMA page_size", &size, detail));
  *ret = (pages - free_pages) * size;
  return ERR_OK;
}

static enum err shrink(struct sqldb *db, int64_t pages, struct err_detail *detail) {
  char sql[64];
  snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%lld)", (long long)pages);
  take_turn(of(db));
  enum err e = plain(db, sql, detail);
  end_turn(of(db));
  return e;
}

static enum err copy(struct sqldb *db, const char *path, struct err_detail *detail) {
  return sqlite_copy(of(db)->sqlite, path, detail);
}

/* ---- opening ---- */

static void close_db(struct sqldb *db) {
  struct sqldb_sqlite *d = of(db);
  for (size_t i = 0; d->prepared && i < db->statement_count; i++) sqlite3_finalize(d->prepared[i].s);
  for (int i = 0; i < STEP_COUNT; i++) sqlite3_finalize(d->steps[i]);
  if (d->sqlite) rollback(db);
  sqlite3_close(d->sqlite);
  file_drop(d->file);
  free(d->prepared);
  free(d);
}

static const struct sqldb_ops ops = {
    .kind = SQLDB_SQLITE,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .plain = plain,
    .run = run,
    .query_text = query_text,
    .has_table = has_table,
    .has_column = has_column,
    .live_bytes = live_bytes,
    .shrink = shrink,
    .copy = copy,
    .close = close_db,
    .is_null = is_null,
    .get_int = get_int,
    .get_real = get_real,
    .get_text = get_text,
    .get_blob = get_blob,
};

static enum err prepare_one(struct sqldb_sqlite *d, const struct sql_statement *statement, struct prepared *p,
                            struct err_detail *detail) {
  int code = sqlite3_prepare_v3(d->sqlite, statement->text, -1, SQLITE_PREPARE_PERSISTENT, &p->s, NULL);
  if (code != SQLITE_OK) {
    (void)err_set(detail, ERR_STORE_SCHEMA, "worlds", 0, "%s: %s", statement->name,
                  sqlite3_errmsg(d->sqlite));
    err_hint(detail, "statement: %.200s", statement->text);
    return ERR_STORE_SCHEMA;
  }
  for (int i = 0; i < PARAMS_MAX; i++) {
    char name[8];
    snprintf(name, sizeof name, "$%d", i + 1);
    p->at[i] = sqlite3_bind_parameter_index(p->s, name);
  }
  return ERR_OK;
}

static enum err open_file(struct sqldb_sqlite *d, const struct sqldb_config *config,
                          struct err_detail *detail) {
  char path[STORE_PATH_MAX];
  TRY(os_make_dir(config->folder, 0700, detail));
  TRY(sqlite_path(config->folder, config->file ? config->file : WORLDS_FILE, path, detail));
  TRY(os_create_private(path, detail));
  sqlite_configure();
  int code = sqlite3_open_v2(path, &d->sqlite,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  TRY(sqlite_error(d->sqlite, code, detail));
  d->file = file_take(path);
  if (!d->file) return ERR_NO_MEMORY;
  sqlite3_busy_timeout(d->sqlite, config->timeout_ms ? config->timeout_ms : BUSY_MS);
  sqlite3_db_config(d->sqlite, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL); /* they are for others */
  sqlite3_db_config(d->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  TRY(plain(&d->db, "PRAGMA auto_vacuum=INCREMENTAL", detail));
  TRY(plain(&d->db, "PRAGMA journal_mode=WAL", detail));
  TRY(plain(&d->db, config->is_synchronous ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF", detail));
  return plain(&d->db, CACHE, detail);
}

static enum err open_all(struct sqldb_sqlite *d, const struct sqldb_config *config,
                         struct err_detail *detail) {
  TRY(open_file(d, config, detail));
  for (int i = 0; i < STEP_COUNT; i++)
    TRY(failed(
        d, sqlite3_prepare_v3(d->sqlite, step_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &d->steps[i], NULL),
        detail));
  d->prepared = calloc(config->statement_count + 1, sizeof *d->prepared);
  if (!d->prepared) return ERR_NO_MEMORY;
  for (size_t i = 0; i < config->statement_count; i++)
    TRY(prepare_one(d, &config->statements[i], &d->prepared[i], detail));
  return ERR_OK;
}

enum err sqldb_sqlite_open(const struct sqldb_config *config, struct sqldb **ret, struct err_detail *detail) {
  struct sqldb_sqlite *d = calloc(1, sizeof *d);
  if (!d) return ERR_NO_MEMORY;
  d->db = (struct sqldb){&ops, config->statements, config->statement_count};
  enum err e = open_all(d, config, detail);
  if (e != ERR_OK) {
    close_db(&d->db);
    return e;
  }
  *ret = &d->db;
  return ERR_OK;
}

enum err sqldb_copy_file(const char *from, const char *to, struct err_detail *detail) {
  sqlite3 *db = NULL;
  int code =
      sqlite3_open_v2(from, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  enum err e = sqlite_error(db, code, detail);
  if (e == ERR_OK) {
    sqlite3_busy_timeout(db, BUSY_MS);
    e = sqlite_copy(db, to, detail);
  }
  sqlite3_close(db);
  return e;
}
