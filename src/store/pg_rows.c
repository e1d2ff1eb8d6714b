#include "store/pg_rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/id.h"

#define SCAN_FETCH 1000 /* and with each further one */
#define SCRATCH_BYTES ((size_t)16 * 1024 * 1024)
#define INSTANT_TEXT_MAX_MS 253402300799999LL /* 9999-12-31: PostgreSQL's texts have four digits */

static struct pg_rows *rows_of(struct rows *r) { return (struct pg_rows *)r; }

static enum err told(struct pg_rows *r, enum err e) {
  r->rows.is_late = e != ERR_OK && pg_is_late(r->conn);
  if (e != ERR_OK || !r->was_wrong) return e;
  r->rows.is_late = true;
  return ERR_PRECONDITION;
}

/* ---- records as parameters and back ---- */

static void bind_null(struct pg_bound *b) { pg_arg_text(&b->a, NULL); }

void pg_bind_int(struct pg_bound *b, int64_t value) {
  char *to = b->store[b->a.count];
  if (value == FIELD_NULL) to = NULL;
  else snprintf(to, PG_ARG_BYTES, "%lld", (long long)value);
  pg_arg_text(&b->a, to);
}

void pg_bind_bool(struct pg_bound *b, bool value) { pg_arg_text(&b->a, value ? "t" : "f"); }

void pg_bind_instant(struct pg_bound *b, int64_t ms) {
  char *to = b->store[b->a.count];
  if (ms == FIELD_NULL) to = NULL;
  else
    (void)str_copy(to, PG_ARG_BYTES,
                   ms > INSTANT_TEXT_MAX_MS ? STR("infinity") : str_of(instant_to_text(ms).text));
  pg_arg_text(&b->a, to);
}

/* Texts of processes may hold any bytes; PostgreSQL takes UTF-8 only, and a run's end must not fail for that. */
static enum err bind_text(struct pg_rows *r, struct pg_bound *b, const char *text) {
  if (text && !str_is_utf8(str_of(text))) {
    char *clean = arena_strdup(&r->scratch, str_of(text));
    if (!clean) return ERR_NO_MEMORY;
    for (char *c = clean; *c; c++)
      if (*c & 0x80) *c = '?';
    text = clean;
  }
  pg_arg_text(&b->a, text);
  return ERR_OK;
}

/* The seeds' INTEGER columns that count what a run may have more of. */
static int64_t clamped(const struct field *f, int64_t value) {
  bool is_narrow = strcmp(f->name, "duration") == 0 || strcmp(f->name, "memoryUsed") == 0;
  return is_narrow && value > INT32_MAX ? INT32_MAX : value;
}

static enum err bind_field(struct pg_rows *r, struct pg_bound *b, const struct field *f, const void *record) {
  int64_t n;
  if (f->type == FIELD_TEXT || f->type == FIELD_JSON) return bind_text(r, b, field_text(f, record));
  n = field_int(f, record);
  if (n == FIELD_NULL) {
    bind_null(b);
    return ERR_OK;
  }
  switch (f->type) {
    case FIELD_INSTANT: pg_bind_instant(b, n); break;
    case FIELD_BOOL: pg_bind_bool(b, n != 0); break;
    case FIELD_ENUM: pg_arg_text(&b->a, f->names[n]); break;
    case FIELD_REAL3:
      snprintf(b->store[b->a.count], PG_ARG_BYTES, "%.3f", (double)n / 1000.0);
      pg_arg_text(&b->a, b->store[b->a.count]);
      break;
    case FIELD_INT: pg_bind_int(b, clamped(f, n)); break;
    case FIELD_TEXT:
    case FIELD_JSON: break;
  }
  return ERR_OK;
}

static int64_t read_number(const PGresult *r, int row, int column, const struct field *f) {
  if (PQgetisnull(r, row, column)) return FIELD_NULL;
  struct str text = {PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column)};
  int64_t ms;
  int index;
  double thousandths;
  switch (f->type) {
    case FIELD_INSTANT: return pg_instant_from(text, &ms) ? ms : FIELD_NULL;
    case FIELD_REAL3:
      thousandths = strtod(text.ptr, NULL) * 1000.0;
      return (int64_t)(thousandths < 0 ? thousandths - 0.5 : thousandths + 0.5);
    case FIELD_ENUM: index = field_enum_index(f->names, text); return index < 0 ? FIELD_NULL : index;
    case FIELD_INT:
    case FIELD_BOOL:
    case FIELD_TEXT:
    case FIELD_JSON: break;
  }
  return pg_result_int(r, row, column);
}

bool pg_read_record(const PGresult *r, int row, enum table_id id, void *record) {
  const struct table *t = table_get(id);
  for (size_t i = 0; i < t->field_count; i++) {
    const struct field *f = &t->fields[i];
    if (f->type == FIELD_TEXT || f->type == FIELD_JSON)
      field_set_text(f, record, PQgetisnull(r, row, (int)i) ? NULL : PQgetvalue(r, row, (int)i));
    else field_set_int(f, record, read_number(r, row, (int)i, f));
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

/* ---- sending ---- */

/* A result that came with a wrong guess before it is none. */
static enum err told_result(struct pg_rows *r, enum err e, PGresult **ret) {
  enum err t = told(r, e);
  if (e == ERR_OK && t != ERR_OK) PQclear(*ret);
  return t;
}

enum err pg_rows_ask(struct pg_rows *r, enum pg_statement id, const struct pg_bound *b, PGresult **ret) {
  if (!pg_in_transaction(r->conn)) TRY(told(r, pg_need(r->conn, NULL)));
  return told_result(r, pg_ask(r->conn, id, &b->a, ret, NULL), ret);
}

static enum err ask_special(struct pg_rows *r, enum pg_special id, const struct pg_bound *b, PGresult **ret) {
  return pg_rows_ask(r, PG_SPECIAL + id, b, ret);
}

static void check_guess(void *arg, const PGresult *result) {
  struct pg_rows *r = arg;
  if (strcmp(PQcmdTuples((PGresult *)(uintptr_t)result), "1") != 0) r->was_wrong = true;
}

/* Did it change a row? What happens at every run does so nearly always: then the answer need not be waited for. */
static enum err change_special(struct pg_rows *r, enum pg_statement id, const struct pg_bound *b,
                               bool *ret_changed) {
  PGresult *result;
  *ret_changed = true;
  if (r->rows.may_guess) return told(r, pg_send(r->conn, id, &b->a, check_guess, r));
  TRY(pg_rows_ask(r, id, b, &result));
  *ret_changed = strcmp(PQcmdTuples(result), "0") != 0;
  PQclear(result);
  return ERR_OK;
}

static enum err send(struct pg_rows *r, enum pg_statement id, const struct pg_bound *b) {
  return told(r, pg_send(r->conn, id, &b->a, NULL, NULL));
}

/* ERR_NOT_FOUND without a row. */
static enum err number(struct pg_rows *r, enum pg_special id, const struct pg_bound *b, int64_t *ret) {
  PGresult *result;
  TRY(ask_special(r, id, b, &result));
  bool is_found = PQntuples(result) > 0;
  if (is_found) *ret = pg_result_int(result, 0, 0);
  PQclear(result);
  return is_found ? ERR_OK : ERR_NOT_FOUND;
}

/* ---- transactions ---- */

static enum err pr_begin(struct rows *rows) {
  struct pg_rows *r = rows_of(rows);
  r->rows.is_late = r->was_wrong = false;
  TRY(pg_begin(r->conn, true, NULL));
  if (r->epoch == 0) return ERR_OK;
  struct pg_bound b = {};
  pg_bind_int(&b, r->epoch);
  enum err e = send(r, PG_SPECIAL + PG_SPECIAL_FENCE, &b);
  if (e != ERR_OK) pg_rollback(r->conn);
  return e;
}

static enum err pr_commit(struct rows *rows) {
  struct pg_rows *r = rows_of(rows);
  ASSERT(!r->was_wrong);
  TRY(told(r, pg_commit(r->conn, NULL)));
  if (r->is_news_taken) r->has_news = r->is_news_taken = false;
  return ERR_OK;
}
static void pr_rollback(struct rows *r) {
  rows_of(r)->is_news_taken = false;
  pg_rollback(rows_of(r)->conn); /* takes in what is under way */
  rows_of(r)->was_wrong = false;
}
void pg_rows_tell_news(struct pg_rows *r) {
  r->news += !r->has_news;
  r->has_news = true;
}

static bool pr_has_news(struct rows *rows) {
  struct pg_rows *r = rows_of(rows);
  if (pg_was_notified(r->conn)) pg_rows_tell_news(r);
  return r->has_news;
}
static enum err pr_take_news(struct rows *rows) {
  rows_of(rows)->is_news_taken = true;
  return told(rows_of(rows), pg_rows_number_jobs(rows_of(rows)));
}

static enum err pr_savepoint(struct rows *r) {
  return told(rows_of(r), pg_send_plain(rows_of(r)->conn, "SAVEPOINT change", NULL, NULL));
}
static enum err pr_release(struct rows *rows) {
  struct pg_rows *r = rows_of(rows);
  TRY(told(r, pg_send_plain(r->conn, "RELEASE SAVEPOINT change", NULL, NULL)));
  return told(r, pg_settle(r->conn, NULL));
}
static enum err pr_rollback_to(struct rows *rows) {
  struct pg_rows *r = rows_of(rows);
  ASSERT(!r->rows.may_guess);
  enum err e = pg_settle(r->conn, NULL); /* what failed is known; what was sent after it was not done */
  if (e == ERR_UNAVAILABLE) return told(r, e);
  TRY(told(r, pg_send_plain(r->conn, "ROLLBACK TO SAVEPOINT change", NULL, NULL)));
  return pr_release(rows);
}
static enum err pr_settle(struct rows *r) {
  enum err e = told(rows_of(r), pg_settle(rows_of(r)->conn, NULL));
  r->is_late = e != ERR_OK;
  return e;
}

/* ---- get, find, put, delete ---- */

static void bind_key(struct pg_bound *b, enum table_id id, const int64_t *key, struct id_text *run_id) {
  if (id == TABLE_SETTINGS) return;
  if (id == TABLE_RUN) {
    *run_id = id_to_text(key[0]);
    pg_arg_text(&b->a, run_id->text);
    return;
  }
  for (int i = 0; i < table_get(id)->keys; i++) pg_bind_int(b, key[i]);
}

static enum err answer_row(struct pg_rows *r, enum table_id id, const struct pg_bound *b, void *ret,
                           struct arena *a) {
  union any_record record;
  PGresult *result;
  const struct table *t = table_get(id);
  TRY(pg_rows_ask(r, PG_GET + id, b, &result));
  memset(&record, 0, sizeof record);
  enum err e = PQntuples(result) > 0 && pg_read_record(result, 0, id, &record) ? ERR_OK : ERR_NOT_FOUND;
  if (e == ERR_OK && !t->has_text) memcpy(ret, &record, t->size);
  if (e == ERR_OK && t->has_text) {
    void *copy = record_copy(t, &record, a);
    if (copy) memcpy(ret, copy, t->size);
    else e = ERR_NO_MEMORY;
  }
  PQclear(result);
  return e;
}

static enum err pr_get(struct rows *rows, enum table_id id, const int64_t *key, void *ret, struct arena *a) {
  struct pg_bound b = {};
  struct id_text run_id;
  ASSERT(id == TABLE_SETTINGS || table_get(id)->keys > 0);
  bind_key(&b, id, key, &run_id);
  return answer_row(rows_of(rows), id, &b, ret, a);
}

static enum err pr_find(struct rows *rows, enum table_id id, const char *field, struct str text, void *ret,
                        struct arena *a) {
  struct pg_rows *r = rows_of(rows);
  struct pg_bound b = {};
  if (memchr(text.ptr ? text.ptr : "", 0, text.len) || !str_is_utf8(text)) return ERR_NOT_FOUND;
  char *copy = arena_strdup(&r->scratch, text);
  if (!copy) return ERR_NO_MEMORY;
  pg_arg_text(&b.a, copy);
  enum err e;
  if (id == TABLE_JOB) {
    int64_t no;
    bool by_name = strcmp(field, "name") == 0;
    e = number(r, by_name ? PG_SPECIAL_JOB_BY_NAME : PG_SPECIAL_JOB_BY_ID, &b, &no);
    if (e == ERR_OK) e = pr_get(rows, id, &no, ret, a);
  } else {
    ASSERT(table_get(id)->keys == 0 && strcmp(field, table_get(id)->fields[0].name) == 0);
    e = answer_row(r, id, &b, ret, a);
  }
  arena_free(&r->scratch);
  return e;
}

/* Names of people's making may be taken; the others' keys are the store's own. A run's (job, dueAt, attempt) is
 * checked, too, but so seldom taken that it is found out late. */
static bool may_conflict(enum table_id id) {
  return id == TABLE_JOB || id == TABLE_USER || id == TABLE_SETTINGS;
}

static enum err pr_put(struct rows *rows, enum table_id id, const void *record) {
  struct pg_rows *r = rows_of(rows);
  const struct table *t = table_get(id);
  struct pg_bound b;
  enum err e = ERR_OK;
  b.a.count = 0;
  for (size_t i = 0; e == ERR_OK && i < t->field_count; i++) e = bind_field(r, &b, &t->fields[i], record);
  if (e == ERR_OK) e = send(r, PG_PUT + id, &b);
  if (e == ERR_OK && may_conflict(id)) e = told(r, pg_settle(r->conn, NULL));
  arena_free(&r->scratch);
  return e;
}

static enum err pr_del(struct rows *rows, enum table_id id, const void *record) {
  struct pg_rows *r = rows_of(rows);
  const struct table *t = table_get(id);
  struct pg_bound b = {};
  if (id == TABLE_JOB) { /* first and by hand: the cascade of a key does the same, more slowly */
    struct pg_bound job = {};
    pg_arg_text(&job.a, ((const struct job *)record)->id);
    TRY(send(r, PG_SPECIAL + PG_SPECIAL_RUNS_OF_JOB_DELETE, &job));
  }
  for (int i = 0; i < pg_key_count(id); i++) TRY(bind_field(r, &b, &t->fields[i], record));
  return send(r, PG_DEL + id, &b);
}

/* ---- scans ---- */

/* Bounds of texts and instants: open ends are the least and the greatest there is. */
static void bind_bound(struct pg_bound *b, const struct field *f, int64_t value) {
  if (!f || (f->type != FIELD_TEXT && f->type != FIELD_INSTANT)) {
    snprintf(b->store[b->a.count], PG_ARG_BYTES, "%lld", (long long)value);
    pg_arg_text(&b->a, b->store[b->a.count]);
  } else if (f->type == FIELD_INSTANT) {
    if (value == INT64_MIN) pg_arg_text(&b->a, "-infinity");
    else pg_bind_instant(b, value);
  } else if (value <= 0 || value == INT64_MAX) {
    pg_arg_text(&b->a, value == INT64_MAX ? "~" : "");
  } else {
    (void)str_copy(b->store[b->a.count], PG_ARG_BYTES, str_of(id_to_text(value).text));
    pg_arg_text(&b->a, b->store[b->a.count]);
  }
}

static void bind_scan(struct pg_bound *b, enum scan_id id, const struct scan_args *args) {
  const struct scan *s = scan_get(id);
  const struct field *f = s->range == SIZE_MAX ? NULL : &table_get(s->table)->fields[s->range];
  int params[4], count = pg_scan_params(pg_scan_tail(id), params);
  for (int i = 0; i < count; i++) {
    if (params[i] == 1) pg_bind_int(b, args->key);
    else if (params[i] == 4) pg_arg_text(&b->a, args->text);
    else bind_bound(b, f, params[i] == 2 ? args->from : args->to);
  }
}

struct walk {
  enum table_id table;
  rows_visit *fn;
  void *arg;
};

/* False: the visitor has seen enough. */
static bool visit_all(const struct walk *w, const PGresult *result) {
  union any_record record;
  for (int i = 0; i < PQntuples(result); i++) {
    memset(&record, 0, sizeof record);
    if (pg_read_record(result, i, w->table, &record) && !w->fn(w->arg, &record)) return false;
  }
  return true;
}

static enum err fetch_all(struct pg_rows *r, int cursor, const struct walk *w) {
  char sql[64];
  PGresult *result;
  snprintf(sql, sizeof sql, "FETCH FORWARD %d FROM scan%d", SCAN_FETCH, cursor);
  for (bool goes_on = true; goes_on;) {
    TRY(told_result(r, pg_ask_plain(r->conn, sql, NULL, &result, NULL), &result));
    goes_on = visit_all(w, result) && PQntuples(result) == SCAN_FETCH;
    PQclear(result);
  }
  return ERR_OK;
}

/* What is beyond the first page comes through a cursor, so that no walk holds more than a fetch in memory. */
static enum err walk_on(struct pg_rows *r, enum scan_id id, const struct pg_bound *b, const struct walk *w) {
  char close[32];
  PGresult *result;
  BUF_AUTO struct buf sql = buf_new(PG_SQL_BYTES);
  int cursor = ++r->cursors;
  bool is_own = !pg_in_transaction(r->conn); /* cursors live in a transaction */
  buf_addf(&sql, "DECLARE scan%d NO SCROLL CURSOR FOR %s OFFSET %d", cursor, r->scans[id], PG_SCAN_PAGE);
  const char *text = buf_text(&sql);
  if (!text) return ERR_NO_MEMORY;
  if (is_own) TRY(told(r, pg_begin(r->conn, false, NULL)));
  enum err e = told_result(r, pg_ask_plain(r->conn, text, &b->a, &result, NULL), &result);
  if (e == ERR_OK) PQclear(result);
  if (e == ERR_OK) e = fetch_all(r, cursor, w);
  r->cursors--;
  if (is_own) {
    pg_rollback(r->conn);
    return e;
  }
  TRY(e);
  snprintf(close, sizeof close, "CLOSE scan%d", cursor);
  return told(r, pg_send_plain(r->conn, close, NULL, NULL));
}

static enum err pr_scan(struct rows *rows, enum scan_id id, const struct scan_args *args, rows_visit *fn,
                        void *arg) {
  struct pg_rows *r = rows_of(rows);
  struct walk w = {scan_get(id)->table, fn, arg};
  struct pg_bound b = {};
  PGresult *result;
  bind_scan(&b, id, args);
  TRY(pg_rows_ask(r, PG_SCAN + id, &b, &result));
  bool goes_on = visit_all(&w, result) && PQntuples(result) == PG_SCAN_PAGE;
  PQclear(result);
  return goes_on ? walk_on(r, id, &b, &w) : ERR_OK;
}

/* ---- narrow forms ---- */

static enum err pr_run_status(struct rows *rows, int64_t run_no, int64_t *ret) {
  struct id_text id = id_to_text(run_no);
  struct pg_bound b = {};
  PGresult *result;
  pg_arg_text(&b.a, id.text);
  TRY(ask_special(rows_of(rows), PG_SPECIAL_RUN_STATUS, &b, &result));
  bool is_found = PQntuples(result) > 0;
  int index = is_found ? field_enum_index(run_status_names, str_of(PQgetvalue(result, 0, 0))) : -1;
  PQclear(result);
  if (!is_found) return ERR_NOT_FOUND;
  *ret = index;
  return index < 0 ? ERR_STORE_CORRUPT : ERR_OK;
}

static enum err bind_run(struct pg_rows *r, struct pg_bound *b, const char *const *but,
                         const struct run *run) {
  const struct table *t = table_get(TABLE_RUN);
  b->a.count = 0;
  TRY(bind_field(r, b, &t->fields[0], run));
  for (size_t i = 0; i < t->field_count; i++)
    if (!pg_is_one_of(but, t->fields[i].name)) TRY(bind_field(r, b, &t->fields[i], run));
  if (but == pg_ending_columns) pg_bind_instant(b, run->started_ms);
  return ERR_OK;
}

static enum err pr_run_update(struct rows *rows, const struct run *run) {
  struct pg_rows *r = rows_of(rows);
  struct pg_bound b;
  enum err e = bind_run(r, &b, pg_naming_columns, run);
  if (e == ERR_OK) e = send(r, PG_RUN_UPDATE, &b);
  arena_free(&r->scratch);
  return e;
}

static enum err pr_run_end(struct rows *rows, const struct run *run, bool *ret_changed) {
  struct pg_rows *r = rows_of(rows);
  struct pg_bound b;
  enum err e = bind_run(r, &b, pg_ending_columns, run);
  if (e == ERR_OK) e = change_special(r, PG_RUN_END, &b, ret_changed);
  arena_free(&r->scratch);
  return e;
}

static enum err pr_job_touch(struct rows *rows, int64_t job_no, int64_t last_run_ms, int64_t next_run_ms) {
  struct pg_bound b = {};
  pg_bind_int(&b, job_no);
  pg_bind_instant(&b, last_run_ms);
  pg_bind_instant(&b, next_run_ms);
  return send(rows_of(rows), PG_SPECIAL + PG_SPECIAL_JOB_TOUCH, &b);
}

static enum err pr_job_failures(struct rows *rows, int64_t job_no, int chain, int64_t *ret) {
  struct pg_rows *r = rows_of(rows);
  int64_t before = 0;
  struct pg_bound b = {};
  pg_bind_int(&b, job_no);
  TRY(number(r, PG_SPECIAL_FAILURES_GET, &b, &before));
  *ret = chain == 0 ? before : chain > 0 ? 0 : before + 1;
  if (*ret == before) return ERR_OK;
  pg_bind_int(&b, *ret);
  return send(r, PG_SPECIAL + PG_SPECIAL_FAILURES_SET, &b);
}

static enum err pr_ledger_add(struct rows *rows, const struct ledger_row *row, bool *ret_added) {
  struct pg_bound b = {};
  const int64_t values[] = {row->job_no, row->due_ms, row->version, row->epoch,
                            row->state,  row->reason, row->attempts};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) pg_bind_int(&b, values[i]);
  return change_special(rows_of(rows), PG_SPECIAL + PG_SPECIAL_LEDGER_ADD, &b, ret_added);
}

static enum err pr_ledger_ran(struct rows *rows, const struct ledger_row *row, bool *ret_changed) {
  struct pg_bound b = {};
  const int64_t values[] = {row->job_no, row->due_ms, row->reason, row->attempts};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) pg_bind_int(&b, values[i]);
  return change_special(rows_of(rows), PG_SPECIAL + PG_SPECIAL_LEDGER_RAN, &b, ret_changed);
}

static enum err pr_ledger_nth(struct rows *rows, int64_t job_no, int64_t n, int64_t *ret_due_ms) {
  struct pg_bound b = {};
  pg_bind_int(&b, job_no);
  pg_bind_int(&b, n);
  return number(rows_of(rows), PG_SPECIAL_LEDGER_NTH, &b, ret_due_ms);
}

static const struct rows_ops pg_ops = {
    .begin = pr_begin,
    .commit = pr_commit,
    .rollback = pr_rollback,
    .savepoint = pr_savepoint,
    .release = pr_release,
    .rollback_to = pr_rollback_to,
    .settle = pr_settle,
    .get = pr_get,
    .find = pr_find,
    .put = pr_put,
    .del = pr_del,
    .scan = pr_scan,
    .run_status = pr_run_status,
    .job_touch = pr_job_touch,
    .job_failures = pr_job_failures,
    .run_update = pr_run_update,
    .run_end = pr_run_end,
    .ledger_add = pr_ledger_add,
    .ledger_ran = pr_ledger_ran,
    .ledger_nth = pr_ledger_nth,
    .job_list = pg_job_list,
    .job_upcoming = pg_job_upcoming,
    .figures = pg_figures,
    .run_strip = pg_run_strip,
    .run_find = pg_run_find,
    .run_nth = pg_run_nth,
    .run_since = pg_run_since,
    .job_facts = pg_job_facts,
    .count = pg_count,
    .has_news = pr_has_news,
    .take_news = pr_take_news,
};

enum err pg_rows_open(struct pg_rows *r, const struct pg_config *config, struct err_detail *detail) {
  *r = (struct pg_rows){.rows = {.ops = &pg_ops}, .scratch = arena_new(SCRATCH_BYTES)};
  struct pg_config own = *config;
  own.statements = (const char *const *)r->texts;
  own.statement_count = PG_STATEMENTS;
  enum err e = pg_rows_make_texts(r);
  if (e == ERR_OK) e = pg_open(&own, &r->conn, detail);
  if (e != ERR_OK) pg_rows_close(r);
  return e;
}

void pg_rows_close(struct pg_rows *r) {
  pg_close(r->conn);
  for (int i = 0; i < PG_STATEMENTS; i++) free(r->texts[i]);
  for (int i = 0; i < SCAN_COUNT; i++) free(r->scans[i]);
  arena_free(&r->scratch);
  *r = (struct pg_rows){};
}
