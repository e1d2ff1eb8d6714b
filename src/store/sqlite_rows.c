#include "store/sqlite_rows.h"

#include <errno.h>

#include "base/buf.h"
#include "base/id.h"
#include "base/instant.h"

#define SQL_BYTES 16384

static struct sqlite_rows *rows_of(struct rows *r) { return (struct sqlite_rows *)r; }

enum err sqlite_error(sqlite3 *db, int code, struct err_detail *detail) {
  enum err e = ERR_IO;
  int os = db ? sqlite3_system_errno(db) : 0;
  switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return ERR_OK;
    case SQLITE_FULL: e = ERR_STORE_FULL; break;
    case SQLITE_READONLY:
    case SQLITE_PERM: e = ERR_STORE_READONLY; break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT: e = ERR_STORE_CORRUPT; break;
    case SQLITE_NOMEM: e = ERR_NO_MEMORY; break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: e = ERR_BUSY; break;
    case SQLITE_CONSTRAINT: e = ERR_CONFLICT; break;
    case SQLITE_CANTOPEN: e = os == EROFS ? ERR_STORE_READONLY : ERR_IO; break;
    case SQLITE_IOERR:
      if (os == ENOSPC || os == EDQUOT) e = ERR_STORE_FULL;
      if (os == EROFS) e = ERR_STORE_READONLY;
      break;
    default: e = ERR_INTERNAL; break;
  }
  return err_set(detail, e, "store", 0, "%s", db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
}

static enum err failed(struct sqlite_rows *r, int code) { return sqlite_error(r->db, code, NULL); }

/* ---- statements ---- */

static void add_columns(struct buf *sql, const struct table *t) {
  for (size_t i = 0; i < t->field_count; i++) buf_addf(sql, "%s\"%s\"", i ? "," : "", t->fields[i].name);
}

static int key_count(enum table_id id) {
  return id == TABLE_SETTINGS || table_get(id)->keys == 0 ? 1 : table_get(id)->keys;
}

static void add_key(struct buf *sql, const struct table *t, int keys, const char *between, bool has_values) {
  for (int i = 0; i < keys; i++) {
    buf_addf(sql, "%s\"%s\"", i ? between : "", t->fields[i].name);
    if (has_values) buf_addf(sql, "=?%d", i + 1);
  }
}

/* A cursor is written with every claim; without other indexes replacing it is one search, an upsert two. */
static void put_sql(struct buf *sql, enum table_id id, const struct table *t, int keys) {
  buf_addf(sql, "INSERT %sINTO \"%s\"(", id == TABLE_CURSOR ? "OR REPLACE " : "", t->name);
  add_columns(sql, t);
  buf_add_text(sql, ") VALUES(");
  for (size_t i = 0; i < t->field_count; i++) buf_addf(sql, "%s?%zu", i ? "," : "", i + 1);
  buf_add_text(sql, ")");
  if (id == TABLE_CURSOR) return;
  buf_add_text(sql, " ON CONFLICT(");
  add_key(sql, t, keys, ",", false);
  buf_add_text(sql, ") DO UPDATE SET ");
  for (size_t i = (size_t)keys; i < t->field_count; i++)
    buf_addf(sql, "%s\"%s\"=excluded.\"%s\"", i > (size_t)keys ? "," : "", t->fields[i].name,
             t->fields[i].name);
  if (t->field_count == (size_t)keys) buf_addf(sql, "\"%s\"=\"%s\"", t->fields[0].name, t->fields[0].name);
}

static enum err prepare(struct sqlite_rows *r, const char *sql, sqlite3_stmt **ret,
                        struct err_detail *detail) {
  int code = sqlite3_prepare_v3(r->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
  if (code == SQLITE_OK) return ERR_OK;
  enum err e = sqlite_error(r->db, code, detail);
  err_hint(detail, "statement: %.200s", sql);
  return e == ERR_INTERNAL ? ERR_STORE_SCHEMA : e;
}

static enum err prepare_buf(struct sqlite_rows *r, struct buf *sql, sqlite3_stmt **ret,
                            struct err_detail *detail) {
  const char *text = buf_text(sql);
  enum err e = text ? prepare(r, text, ret, detail) : ERR_NO_MEMORY;
  buf_clear(sql);
  return e;
}

static enum err prepare_table(struct sqlite_rows *r, enum table_id id, bool is_read_only, struct buf *sql,
                              struct err_detail *detail) {
  const struct table *t = table_get(id);
  int keys = key_count(id);
  buf_add_text(sql, "SELECT ");
  add_columns(sql, t);
  buf_addf(sql, " FROM \"%s\"", t->name);
  if (id != TABLE_SETTINGS) {
    buf_add_text(sql, " WHERE ");
    add_key(sql, t, keys, " AND ", true);
  } else {
    buf_add_text(sql, " ORDER BY rowid LIMIT 1");
  }
  TRY(prepare_buf(r, sql, &r->get[id], detail));
  if (is_read_only) return ERR_OK;
  put_sql(sql, id, t, keys);
  TRY(prepare_buf(r, sql, &r->put[id], detail));
  buf_addf(sql, "DELETE FROM \"%s\" WHERE ", t->name);
  add_key(sql, t, keys, " AND ", true);
  return prepare_buf(r, sql, &r->del[id], detail);
}

static enum err prepare_scan(struct sqlite_rows *r, enum scan_id id, struct buf *sql,
                             struct err_detail *detail) {
  const struct scan *s = scan_get(id);
  const struct table *t = table_get(s->table);
  buf_add_text(sql, "SELECT ");
  for (size_t i = 0; i < t->field_count; i++) {
    if (i > 0) buf_add_char(sql, ',');
    if (scan_leaves_out(id, t->fields[i].name)) buf_add_text(sql, "NULL");
    else buf_addf(sql, "\"%s\"", t->fields[i].name);
  }
  buf_addf(sql, " FROM \"%s\" %s", t->name, s->tail);
  return prepare_buf(r, sql, &r->scan[id], detail);
}

static size_t run_column(const char *name) {
  const struct table *t = table_get(TABLE_RUN);
  return (size_t)(field_find(t->fields, t->field_count, str_of(name)) - t->fields);
}

static bool is_one_of(const char *const *names, const char *column) {
  while (*names && strcmp(*names, column) != 0) names++;
  return *names != NULL;
}

static const char *const naming_columns[] = {"id", "jobId", "jobNo", "dueAt", "attempt", NULL};
static const char *const ending_columns[] = {"id", "jobId", "jobNo", "dueAt", "attempt", "startedAt", NULL};

/* An index is written anew whenever one of its columns is assigned, changed or not; so some are left out. */
static enum err prepare_run_update(struct sqlite_rows *r, const char *const *but, struct buf *sql,
                                   sqlite3_stmt **ret, struct err_detail *detail) {
  const struct table *t = table_get(TABLE_RUN);
  const char *between = "";
  buf_addf(sql, "UPDATE \"%s\" SET ", t->name);
  for (size_t i = 0; i < t->field_count; i++) {
    if (is_one_of(but, t->fields[i].name)) continue;
    buf_addf(sql, "%s\"%s\"=?%zu", between, t->fields[i].name, i + 1);
    between = ",";
  }
  buf_addf(sql, " WHERE \"%s\"=?1", t->fields[0].name);
  if (but == ending_columns)
    buf_addf(sql, " AND \"status\"='running' AND \"startedAt\"=?%zu", run_column("startedAt") + 1);
  return prepare_buf(r, sql, ret, detail);
}

/* ?1 and ?2 numbers; ?3 and ?4 say that any status and trigger will do; ?5 to ?14 ranges, ?15 and ?16 instants (what
 * Prisma wrote is a number, and judged by who asked), ?17 and ?18 patterns; from ?19 on statuses, then triggers. */
static enum err prepare_run_find(struct sqlite_rows *r, bool is_odd, struct buf *sql,
                                 struct err_detail *detail) {
  static const char *const ranges[] = {"duration", "lagMs", "exitCode", "attempt", "peakMemoryBytes"};
  const struct table *t = table_get(TABLE_RUN);
  int n = 5;
  buf_add_text(sql, "SELECT ");
  for (size_t i = 0; i < t->field_count; i++) {
    if (i > 0) buf_add_char(sql, ',');
    if (run_find_leaves_out(t->fields[i].name)) buf_add_text(sql, "NULL");
    else buf_addf(sql, "\"%s\"", t->fields[i].name);
  }
  buf_addf(sql, " FROM \"%s\"%s WHERE \"id\" BETWEEN ?1 AND ?2", t->name,
           is_odd ? " INDEXED BY \"CronExecution_odd_idx\"" : "");
  if (is_odd) buf_add_text(sql, " AND " RUN_IS_ODD);
  buf_add_text(sql, " AND (?3 OR \"status\" IN (");
  for (int i = 0; i < RUN_COUNT; i++) buf_addf(sql, "%s?%d", i ? "," : "", SQLITE_FIND_LISTS + i);
  buf_add_text(sql, ")) AND (?4 OR \"triggeredBy\" IN (");
  for (int i = 0; i < TRIGGER_COUNT; i++)
    buf_addf(sql, "%s?%d", i ? "," : "", SQLITE_FIND_LISTS + RUN_COUNT + i);
  buf_add_text(sql, "))");
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++, n += 2)
    buf_addf(sql, " AND (?%d IS NULL OR \"%s\">=?%d) AND (?%d IS NULL OR \"%s\"<=?%d)", n, ranges[i], n,
             n + 1, ranges[i], n + 1);
  buf_add_text(sql,
               " AND (?15 IS NULL OR \"startedAt\">=?15 OR typeof(\"startedAt\")<>'text')"
               " AND (?16 IS NULL OR \"startedAt\"<=?16 OR typeof(\"startedAt\")<>'text')"
               " AND (?17 IS NULL OR \"errorMessage\" LIKE ?17 ESCAPE '\\')"
               " AND (?18 IS NULL OR \"requestedBy\" LIKE ?18 ESCAPE '\\') ORDER BY \"id\" DESC");
  return prepare_buf(r, sql, &r->run_find[is_odd], detail);
}

static const struct {
  bool writes;
  const char *sql;
} specials[SQLITE_SPECIALS] = {
#define SPECIAL(id, writes_, sql_) [SQLITE_SPECIAL_##id] = {.writes = writes_, .sql = sql_},
#include "store/sqlite_statements.def"
#undef SPECIAL
};

static enum err prepare_all(struct sqlite_rows *r, bool is_read_only, struct err_detail *detail) {
  BUF_AUTO struct buf sql = buf_new(SQL_BYTES);
  for (int t = 0; t < TABLE_COUNT; t++) TRY(prepare_table(r, (enum table_id)t, is_read_only, &sql, detail));
  if (!is_read_only) {
    TRY(prepare_run_update(r, naming_columns, &sql, &r->run_update, detail));
    TRY(prepare_run_update(r, ending_columns, &sql, &r->run_end, detail));
  }
  for (int is_odd = 0; is_odd < 2; is_odd++) TRY(prepare_run_find(r, is_odd, &sql, detail));
  for (int s = 0; s < SCAN_COUNT; s++) TRY(prepare_scan(r, (enum scan_id)s, &sql, detail));
  for (int s = 0; s < SQLITE_SPECIALS; s++)
    if (!is_read_only || !specials[s].writes) TRY(prepare(r, specials[s].sql, &r->special[s], detail));
  return ERR_OK;
}

/* ---- values ---- */

#define INSTANTS_MAX 16 /* columns of one table */

/* Texts of what is bound; to be kept until the statement is reset. */
struct instant_texts {
  struct instant_text items[INSTANTS_MAX];
  size_t count;
};

/* Null is what a parameter is already, see bind_record. */
static int bind_field(sqlite3_stmt *s, int at, const struct field *f, const void *record,
                      struct instant_texts *texts) {
  if (f->type == FIELD_TEXT || f->type == FIELD_JSON) {
    const char *text = field_text(f, record);
    return text ? sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC) : SQLITE_OK;
  }
  int64_t n = field_int(f, record);
  if (n == FIELD_NULL) return SQLITE_OK;
  switch (f->type) {
    case FIELD_REAL3: return sqlite3_bind_double(s, at, (double)n / 1000.0);
    case FIELD_INSTANT: {
      ASSERT(texts->count < INSTANTS_MAX);
      struct instant_text *text = &texts->items[texts->count++];
      *text = instant_to_text(n);
      return sqlite3_bind_text(s, at, text->text, -1, SQLITE_STATIC);
    }
    case FIELD_ENUM: return sqlite3_bind_text(s, at, f->names[n], -1, SQLITE_STATIC);
    case FIELD_INT:
    case FIELD_BOOL:
    case FIELD_TEXT:
    case FIELD_JSON: break;
  }
  return sqlite3_bind_int64(s, at, n);
}

/* The first `count` columns. */
static enum err bind_record(struct sqlite_rows *r, sqlite3_stmt *s, const struct field *fields, size_t count,
                            const void *record, struct instant_texts *texts) {
  sqlite3_clear_bindings(s);
  texts->count = 0;
  for (size_t i = 0; i < count; i++) {
    int code = bind_field(s, (int)i + 1, &fields[i], record, texts);
    if (code != SQLITE_OK) return failed(r, code);
  }
  return ERR_OK;
}

static int64_t read_instant(sqlite3_stmt *s, int at) {
  int64_t ms;
  if (sqlite3_column_type(s, at) == SQLITE_INTEGER)
    return sqlite3_column_int64(s, at); /* as Prisma writes it */
  struct str text = {(const char *)sqlite3_column_text(s, at), (size_t)sqlite3_column_bytes(s, at)};
  return instant_from_text(text, &ms) ? ms : FIELD_NULL;
}

static int64_t read_number(sqlite3_stmt *s, int at, const struct field *f) {
  if (sqlite3_column_type(s, at) == SQLITE_NULL) return FIELD_NULL;
  switch (f->type) {
    case FIELD_INSTANT: return read_instant(s, at);
    case FIELD_REAL3: {
      double thousandths = sqlite3_column_double(s, at) * 1000.0;
      return (int64_t)(thousandths < 0 ? thousandths - 0.5 : thousandths + 0.5);
    }
    case FIELD_ENUM: {
      struct str text = {(const char *)sqlite3_column_text(s, at), (size_t)sqlite3_column_bytes(s, at)};
      int index = field_enum_index(f->names, text);
      return index < 0 ? FIELD_NULL : index;
    }
    case FIELD_INT:
    case FIELD_BOOL:
    case FIELD_TEXT:
    case FIELD_JSON: break;
  }
  return sqlite3_column_int64(s, at);
}

bool sqlite_read_record(sqlite3_stmt *s, enum table_id id, void *record) {
  const struct table *t = table_get(id);
  for (size_t i = 0; i < t->field_count; i++) {
    const struct field *f = &t->fields[i];
    if (f->type == FIELD_TEXT || f->type == FIELD_JSON)
      field_set_text(f, record, (const char *)sqlite3_column_text(s, (int)i));
    else field_set_int(f, record, read_number(s, (int)i, f));
  }
  if (id == TABLE_JOB) return ((const struct job *)record)->no != FIELD_NULL;
  if (id != TABLE_RUN) return true;
  struct run *run = record;
  return run->status != FIELD_NULL && run->job_no != FIELD_NULL && id_from_text(str_of(run->id), &run->no);
}

/* Room for any record. */
union any_record {
#define TABLE(id, record, name, keys) struct record id;
#define COLUMN(member, name, type)
#define TABLE_END(id, record)
#include "store/rows.def"
  struct job job;
  struct run run;
  struct settings settings;
};

static enum err done(sqlite3_stmt *s, enum err e) {
  sqlite3_reset(s);
  return e;
}

static enum err step_once(struct sqlite_rows *r, sqlite3_stmt *s) {
  int code = sqlite3_step(s);
  enum err e = failed(r, code);
  sqlite3_reset(s);
  return e;
}

/* ---- transactions ---- */

static enum err run_special(struct rows *rows, enum sqlite_special id) {
  struct sqlite_rows *r = rows_of(rows);
  return step_once(r, r->special[id]);
}

static enum err sq_begin(struct rows *r) { return run_special(r, SQLITE_SPECIAL_BEGIN); }
static enum err sq_commit(struct rows *r) { return run_special(r, SQLITE_SPECIAL_COMMIT); }
static enum err sq_savepoint(struct rows *r) { return run_special(r, SQLITE_SPECIAL_SAVEPOINT); }
static enum err sq_release(struct rows *r) { return run_special(r, SQLITE_SPECIAL_RELEASE); }
static enum err sq_rollback_to(struct rows *r) {
  TRY(run_special(r, SQLITE_SPECIAL_ROLLBACK_TO));
  return run_special(r, SQLITE_SPECIAL_RELEASE);
}
static void sq_rollback(struct rows *r) {
  if (sqlite3_get_autocommit(rows_of(r)->db)) return; /* it has done so by itself */
  enum err e = run_special(r, SQLITE_SPECIAL_ROLLBACK);
  ASSERT(e == ERR_OK || sqlite3_get_autocommit(rows_of(r)->db));
}

/* ---- get, find, put, delete ---- */

static void bind_key(sqlite3_stmt *s, enum table_id id, const int64_t *key, struct id_text *run_id) {
  if (id == TABLE_SETTINGS) return;
  if (id == TABLE_RUN) {
    *run_id = id_to_text(key[0]);
    sqlite3_bind_text(s, 1, run_id->text, ID_TEXT_LEN, SQLITE_STATIC);
    return;
  }
  for (int i = 0; i < table_get(id)->keys; i++) sqlite3_bind_int64(s, i + 1, key[i]);
}

static enum err answer_row(struct sqlite_rows *r, sqlite3_stmt *s, enum table_id id, void *ret,
                           struct arena *a) {
  union any_record record;
  int code = sqlite3_step(s);
  if (code == SQLITE_DONE) return done(s, ERR_NOT_FOUND);
  if (code != SQLITE_ROW) return done(s, failed(r, code));
  memset(&record, 0, sizeof record);
  if (!sqlite_read_record(s, id, &record)) return done(s, ERR_NOT_FOUND);
  if (!table_get(id)->has_text) { /* the hot tables: no arena */
    memcpy(ret, &record, table_get(id)->size);
    return done(s, ERR_OK);
  }
  void *copy = record_copy(table_get(id), &record, a);
  if (copy) memcpy(ret, copy, table_get(id)->size);
  return done(s, copy ? ERR_OK : ERR_NO_MEMORY);
}

static enum err sq_get(struct rows *rows, enum table_id id, const int64_t *key, void *ret, struct arena *a) {
  struct sqlite_rows *r = rows_of(rows);
  struct id_text run_id;
  ASSERT(id == TABLE_SETTINGS || table_get(id)->keys > 0);
  bind_key(r->get[id], id, key, &run_id);
  return answer_row(r, r->get[id], id, ret, a);
}

static enum err find_number(struct sqlite_rows *r, enum sqlite_special id, struct str text, int64_t *ret) {
  sqlite3_stmt *s = r->special[id];
  sqlite3_bind_text(s, 1, text.ptr, (int)text.len, SQLITE_STATIC);
  int code = sqlite3_step(s);
  if (code == SQLITE_DONE) return done(s, ERR_NOT_FOUND);
  if (code != SQLITE_ROW) return done(s, failed(r, code));
  *ret = sqlite3_column_int64(s, 0);
  return done(s, ERR_OK);
}

static enum err sq_find(struct rows *rows, enum table_id id, const char *field, struct str text, void *ret,
                        struct arena *a) {
  struct sqlite_rows *r = rows_of(rows);
  if (text.len > INT32_MAX) return ERR_NOT_FOUND;
  if (id == TABLE_JOB) {
    int64_t no;
    bool by_name = strcmp(field, "name") == 0;
    TRY(find_number(r, by_name ? SQLITE_SPECIAL_JOB_BY_NAME : SQLITE_SPECIAL_JOB_BY_ID, text, &no));
    return sq_get(rows, id, &no, ret, a);
  }
  ASSERT(table_get(id)->keys == 0 && strcmp(field, table_get(id)->fields[0].name) == 0);
  sqlite3_bind_text(r->get[id], 1, text.ptr, (int)text.len, SQLITE_STATIC);
  return answer_row(r, r->get[id], id, ret, a);
}

static enum err sq_put(struct rows *rows, enum table_id id, const void *record) {
  struct sqlite_rows *r = rows_of(rows);
  const struct table *t = table_get(id);
  struct instant_texts texts;
  TRY(bind_record(r, r->put[id], t->fields, t->field_count, record, &texts));
  return step_once(r, r->put[id]);
}

static enum err sq_del(struct rows *rows, enum table_id id, const void *record) {
  struct sqlite_rows *r = rows_of(rows);
  const struct table *t = table_get(id);
  sqlite3_stmt *s = r->del[id];
  if (id == TABLE_JOB) { /* first and by hand: the cascade of a key does the same, more slowly */
    sqlite3_stmt *runs = r->special[SQLITE_SPECIAL_RUNS_OF_JOB_DELETE];
    sqlite3_bind_text(runs, 1, ((const struct job *)record)->id, -1, SQLITE_STATIC);
    TRY(step_once(r, runs));
  }
  struct instant_texts texts;
  TRY(bind_record(r, s, t->fields, (size_t)key_count(id), record, &texts));
  return step_once(r, s);
}

/* ---- scans ---- */

struct bound_texts {
  char from[ID_TEXT_LEN + 40], to[ID_TEXT_LEN + 40];
};

static void text_bound(char to[], size_t size, const struct field *f, int64_t value) {
  if (value <= 0 && f->type == FIELD_TEXT) str_copy(to, size, STR(""));
  else if (value == INT64_MIN) str_copy(to, size, STR(""));
  else if (value == INT64_MAX) str_copy(to, size, STR("~"));
  else if (f->type == FIELD_TEXT) str_copy(to, size, str_of(id_to_text(value).text));
  else str_copy(to, size, str_of(instant_to_text(value).text));
}

static void bind_scan(sqlite3_stmt *s, const struct scan *scan, const struct scan_args *args,
                      struct bound_texts *texts) {
  int count = sqlite3_bind_parameter_count(s);
  if (count >= 1) sqlite3_bind_int64(s, 1, args->key);
  const struct field *f = scan->range == SIZE_MAX ? NULL : &table_get(scan->table)->fields[scan->range];
  if (count >= 3 && f && scan->table == TABLE_RUN) {
    text_bound(texts->from, sizeof texts->from, f, args->from);
    text_bound(texts->to, sizeof texts->to, f, args->to);
    sqlite3_bind_text(s, 2, texts->from, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 3, texts->to, -1, SQLITE_STATIC);
  } else if (count >= 3) {
    sqlite3_bind_int64(s, 2, args->from);
    sqlite3_bind_int64(s, 3, args->to);
  }
  if (count >= 4) sqlite3_bind_text(s, 4, args->text, -1, SQLITE_STATIC);
}

static enum err sq_scan(struct rows *rows, enum scan_id id, const struct scan_args *args, rows_visit *fn,
                        void *arg) {
  struct sqlite_rows *r = rows_of(rows);
  const struct scan *scan = scan_get(id);
  sqlite3_stmt *s = r->scan[id];
  struct bound_texts texts;
  union any_record record;
  int code;
  ASSERT(!sqlite3_stmt_busy(s)); /* a visitor walks the same way again */
  bind_scan(s, scan, args, &texts);
  while ((code = sqlite3_step(s)) == SQLITE_ROW) {
    memset(&record, 0, sizeof record);
    if (sqlite_read_record(s, scan->table, &record) && !fn(arg, &record)) return done(s, ERR_OK);
  }
  return done(s, failed(r, code));
}

/* ---- narrow forms ---- */

static enum err sq_run_status(struct rows *rows, int64_t run_no, int64_t *ret) {
  struct sqlite_rows *r = rows_of(rows);
  sqlite3_stmt *s = r->special[SQLITE_SPECIAL_RUN_STATUS];
  struct id_text id = id_to_text(run_no);
  sqlite3_bind_text(s, 1, id.text, ID_TEXT_LEN, SQLITE_STATIC);
  int code = sqlite3_step(s);
  if (code == SQLITE_DONE) return done(s, ERR_NOT_FOUND);
  if (code != SQLITE_ROW) return done(s, failed(r, code));
  struct str text = {(const char *)sqlite3_column_text(s, 0), (size_t)sqlite3_column_bytes(s, 0)};
  int index = field_enum_index(run_status_names, text);
  *ret = index;
  return done(s, index < 0 ? ERR_STORE_CORRUPT : ERR_OK);
}

static enum err update_run(struct sqlite_rows *r, sqlite3_stmt *s, const struct run *run) {
  struct instant_texts texts;
  size_t count =
      (size_t)sqlite3_bind_parameter_count(s); /* what is left out at the end has no place either */
  TRY(bind_record(r, s, table_get(TABLE_RUN)->fields, count, run, &texts));
  return step_once(r, s);
}

static enum err sq_run_update(struct rows *rows, const struct run *run) {
  return update_run(rows_of(rows), rows_of(rows)->run_update, run);
}

static enum err sq_run_end(struct rows *rows, const struct run *run, bool *ret_changed) {
  struct sqlite_rows *r = rows_of(rows);
  TRY(update_run(r, r->run_end, run));
  *ret_changed = sqlite3_changes(r->db) == 1;
  return ERR_OK;
}

static void bind_instant(sqlite3_stmt *s, int at, int64_t ms) {
  struct instant_text text = instant_to_text(ms == FIELD_NULL ? 0 : ms);
  if (ms == FIELD_NULL) sqlite3_bind_null(s, at);
  else sqlite3_bind_text(s, at, text.text, -1, SQLITE_TRANSIENT);
}

static enum err sq_job_touch(struct rows *rows, int64_t job_no, int64_t last_run_ms, int64_t next_run_ms) {
  struct sqlite_rows *r = rows_of(rows);
  sqlite3_stmt *s = r->special[SQLITE_SPECIAL_JOB_TOUCH];
  sqlite3_bind_int64(s, 1, job_no);
  bind_instant(s, 2, last_run_ms);
  bind_instant(s, 3, next_run_ms);
  return step_once(r, s);
}

static enum err number(struct sqlite_rows *r, sqlite3_stmt *s, int64_t *ret) {
  int code = sqlite3_step(s);
  if (code == SQLITE_DONE) return done(s, ERR_NOT_FOUND);
  if (code != SQLITE_ROW) return done(s, failed(r, code));
  *ret = sqlite3_column_int64(s, 0);
  return done(s, ERR_OK);
}

static enum err sq_job_failures(struct rows *rows, int64_t job_no, int chain, int64_t *ret) {
  struct sqlite_rows *r = rows_of(rows);
  int64_t before = 0;
  sqlite3_bind_int64(r->special[SQLITE_SPECIAL_FAILURES_GET], 1, job_no);
  TRY(number(r, r->special[SQLITE_SPECIAL_FAILURES_GET], &before));
  *ret = chain == 0 ? before : chain > 0 ? 0 : before + 1;
  if (*ret == before) return ERR_OK;
  sqlite3_stmt *s = r->special[SQLITE_SPECIAL_FAILURES_SET];
  sqlite3_bind_int64(s, 1, job_no);
  sqlite3_bind_int64(s, 2, *ret);
  return step_once(r, s);
}

static enum err sq_ledger_add(struct rows *rows, const struct ledger_row *row, bool *ret_added) {
  struct sqlite_rows *r = rows_of(rows);
  sqlite3_stmt *s = r->special[SQLITE_SPECIAL_LEDGER_ADD];
  const int64_t values[] = {row->job_no, row->due_ms, row->version, row->epoch,
                            row->state,  row->reason, row->attempts};
  for (int i = 0; i < 7; i++) sqlite3_bind_int64(s, i + 1, values[i]);
  TRY(step_once(r, s));
  *ret_added = sqlite3_changes(r->db) == 1;
  return ERR_OK;
}

static enum err sq_ledger_ran(struct rows *rows, const struct ledger_row *row, bool *ret_changed) {
  struct sqlite_rows *r = rows_of(rows);
  sqlite3_stmt *s = r->special[SQLITE_SPECIAL_LEDGER_RAN];
  sqlite3_bind_int64(s, 1, row->job_no);
  sqlite3_bind_int64(s, 2, row->due_ms);
  sqlite3_bind_int64(s, 3, row->reason);
  sqlite3_bind_int64(s, 4, row->attempts);
  TRY(step_once(r, s));
  *ret_changed = sqlite3_changes(r->db) == 1;
  return ERR_OK;
}

static enum err sq_ledger_nth(struct rows *rows, int64_t job_no, int64_t n, int64_t *ret_due_ms) {
  struct sqlite_rows *r = rows_of(rows);
  sqlite3_stmt *s = r->special[SQLITE_SPECIAL_LEDGER_NTH];
  sqlite3_bind_int64(s, 1, job_no);
  sqlite3_bind_int64(s, 2, n);
  return number(r, s, ret_due_ms);
}

static const struct rows_ops sqlite_ops = {
    .begin = sq_begin,
    .commit = sq_commit,
    .rollback = sq_rollback,
    .savepoint = sq_savepoint,
    .release = sq_release,
    .rollback_to = sq_rollback_to,
    .get = sq_get,
    .find = sq_find,
    .put = sq_put,
    .del = sq_del,
    .scan = sq_scan,
    .run_status = sq_run_status,
    .job_touch = sq_job_touch,
    .job_failures = sq_job_failures,
    .run_update = sq_run_update,
    .run_end = sq_run_end,
    .ledger_add = sq_ledger_add,
    .ledger_ran = sq_ledger_ran,
    .ledger_nth = sq_ledger_nth,
    .job_list = sqlite_job_list,
    .job_upcoming = sqlite_job_upcoming,
    .figures = sqlite_figures,
    .run_strip = sqlite_run_strip,
    .run_find = sqlite_run_find,
    .run_nth = sqlite_run_nth,
    .run_since = sqlite_run_since,
    .job_facts = sqlite_job_facts,
    .count = sqlite_count,
};

enum err sqlite_rows_open(struct sqlite_rows *r, sqlite3 *db, bool is_read_only, struct err_detail *detail) {
  *r = (struct sqlite_rows){.rows = {.ops = &sqlite_ops, .look_ups_max = ROWS_LOOK_UPS_MAX}, .db = db};
  enum err e = prepare_all(r, is_read_only, detail);
  if (e != ERR_OK) sqlite_rows_close(r);
  return e;
}

void sqlite_rows_close(struct sqlite_rows *r) {
  for (int i = 0; i < TABLE_COUNT; i++) {
    sqlite3_finalize(r->get[i]);
    sqlite3_finalize(r->put[i]);
    sqlite3_finalize(r->del[i]);
  }
  sqlite3_finalize(r->run_update);
  sqlite3_finalize(r->run_end);
  for (int i = 0; i < 2; i++) sqlite3_finalize(r->run_find[i]);
  for (int i = 0; i < SCAN_COUNT; i++) sqlite3_finalize(r->scan[i]);
  for (int i = 0; i < SQLITE_SPECIALS; i++) sqlite3_finalize(r->special[i]);
  sqlite3_close(r->db);
  *r = (struct sqlite_rows){};
}
