/* Lists and figures by SQL: filtered and counted where the rows are, so that a page costs its own rows only. */
#include "store/sqlite_rows.h"

#include <assert.h>

#include "base/id.h"
#include "base/instant.h"

static enum err finished(struct sqlite_rows *r, sqlite3_stmt *s, int code) {
  enum err e = sqlite_error(r->db, code, NULL);
  sqlite3_reset(s);
  return e;
}

static enum err take_numbers(struct sqlite_rows *r, sqlite3_stmt *s, size_t max, int64_t *ret_nos,
                             size_t *ret_count) {
  size_t count = 0;
  int code = SQLITE_DONE;
  while (count < max && (code = sqlite3_step(s)) == SQLITE_ROW) {
    if (sqlite3_column_type(s, 0) != SQLITE_NULL) ret_nos[count++] = sqlite3_column_int64(s, 0);
  }
  TRY(finished(r, s, code));
  *ret_count = count;
  return ERR_OK;
}

static void bind_str(sqlite3_stmt *s, int at, struct str text) {
  if (!text.ptr) sqlite3_bind_null(s, at);
  else sqlite3_bind_text64(s, at, text.ptr, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_query(sqlite3_stmt *s, const struct job_query *q, size_t max) {
  size_t colon = q->label.ptr ? str_find_char(q->label, ':') : SIZE_MAX;
  bool has_value = colon != SIZE_MAX;
  sqlite3_bind_text(s, 1, q->after, -1, SQLITE_STATIC);
  sqlite3_bind_int64(s, 2, (int64_t)max);
  if (q->is_active == FIELD_NULL) sqlite3_bind_null(s, 3);
  else sqlite3_bind_int64(s, 3, q->is_active);
  bind_str(s, 4, q->category);
  bind_str(s, 5, q->contains);
  bind_str(s, 6, has_value ? (struct str){q->label.ptr, colon} : q->label);
  bind_str(s, 7, has_value ? str_from(q->label, colon + 1) : (struct str){});
  sqlite3_bind_int(s, 8, q->status_mask == 0);
  static_assert(RUN_COUNT == 8, "the statement has eight places");
  for (int i = 0; i < RUN_COUNT; i++) {
    bool is_wanted = q->status_mask & (1U << i);
    sqlite3_bind_text(s, 9 + i, is_wanted ? run_status_names[i] : NULL, -1, SQLITE_STATIC);
  }
  sqlite3_bind_int64(s, 9 + RUN_COUNT, q->failures_min);
}

static sqlite3_stmt *asked(struct sqlite_rows *r, enum sqlite_special id, const struct job_query *q,
                           size_t max) {
  bind_query(r->special[id], q, max);
  return r->special[id];
}

static bool asks_for_all(const struct job_query *q) {
  return q->is_active == FIELD_NULL && !q->category.ptr && !q->contains.ptr && !q->label.ptr &&
         !q->status_mask && !q->failures_min;
}

enum err sqlite_job_list(struct rows *rows, const struct job_query *q, size_t max, int64_t *ret_nos,
                         size_t *ret_count) {
  struct sqlite_rows *r = (struct sqlite_rows *)rows;
  size_t count;
  if (asks_for_all(q))
    return take_numbers(r, asked(r, SQLITE_SPECIAL_JOB_PAGE, q, max), max, ret_nos, ret_count);
  if (q->status_mask && !(q->status_mask & ~RUN_FAILURES))
    return take_numbers(r, asked(r, SQLITE_SPECIAL_JOB_LIST_FAILED, q, max), max, ret_nos, ret_count);
  if (q->failures_min) count = 0; /* they are few */
  else TRY(take_numbers(r, asked(r, SQLITE_SPECIAL_JOB_NEXT, q, max), max, ret_nos, &count));
  if (count < max) {
    bool is_rare = q->status_mask && !(q->status_mask & (1U << RUN_SUCCESS));
    enum sqlite_special id = is_rare ? SQLITE_SPECIAL_JOB_LIST_RARE : SQLITE_SPECIAL_JOB_LIST;
    TRY(take_numbers(r, asked(r, id, q, max), max, ret_nos, &count));
  }
  *ret_count = count;
  return ERR_OK;
}

enum err sqlite_job_upcoming(struct rows *rows, size_t max, int64_t *ret_nos, size_t *ret_count) {
  struct sqlite_rows *r = (struct sqlite_rows *)rows;
  sqlite3_stmt *s = r->special[SQLITE_SPECIAL_JOB_UPCOMING];
  sqlite3_bind_int64(s, 1, (int64_t)max);
  return take_numbers(r, s, max, ret_nos, ret_count);
}

static struct str text_at(sqlite3_stmt *s, int column) {
  const void *text = sqlite3_column_text(s, column);
  return (struct str){text, (size_t)sqlite3_column_bytes(s, column)};
}

enum err sqlite_run_strip(struct rows *rows, int64_t job_no, size_t max, struct run_brief *ret,
                          size_t *ret_count) {
  struct sqlite_rows *r = (struct sqlite_rows *)rows;
  sqlite3_stmt *s = r->special[SQLITE_SPECIAL_RUN_STRIP];
  size_t count = 0;
  int code = SQLITE_DONE;
  sqlite3_bind_int64(s, 1, job_no);
  sqlite3_bind_int64(s, 2, (int64_t)max);
  while (count < max && (code = sqlite3_step(s)) == SQLITE_ROW) {
    struct run_brief b = {.status = field_enum_index(run_status_names, text_at(s, 1)),
                          .duration_ms = FIELD_NULL};
    if (sqlite3_column_type(s, 2) != SQLITE_NULL) b.duration_ms = sqlite3_column_int64(s, 2);
    if (id_from_text(text_at(s, 0), &b.no) && b.status >= 0) ret[count++] = b;
  }
  TRY(finished(r, s, code));
  *ret_count = count;
  return ERR_OK;
}

/* The columns of the only row. */
static enum err take_row(struct sqlite_rows *r, enum sqlite_special id, int count, int64_t *const *ret) {
  sqlite3_stmt *s = r->special[id];
  int code = sqlite3_step(s);
  for (int i = 0; code == SQLITE_ROW && i < count; i++) *ret[i] = sqlite3_column_int64(s, i);
  return finished(r, s, code);
}

enum err sqlite_figures(struct rows *rows, int64_t runs_max, struct figures_row *ret) {
  struct sqlite_rows *r = (struct sqlite_rows *)rows;
  struct figures_row f = {};
  TRY(take_row(r, SQLITE_SPECIAL_FIGURES_JOBS, 2, (int64_t *[]){&f.jobs, &f.active_jobs}));
  TRY(take_row(r, SQLITE_SPECIAL_FIGURES_FAILED, 1, (int64_t *[]){&f.failed_jobs}));
  sqlite3_bind_int64(r->special[SQLITE_SPECIAL_FIGURES_RUNS], 1, runs_max);
  TRY(take_row(r, SQLITE_SPECIAL_FIGURES_RUNS, 4,
               (int64_t *[]){&f.runs, &f.successes, &f.duration_ms, &f.durations}));
  *ret = f;
  return ERR_OK;
}

enum err sqlite_rows_number_jobs(struct sqlite_rows *r) {
  sqlite3_stmt *s = r->special[SQLITE_SPECIAL_NUMBER_JOBS];
  return finished(r, s, sqlite3_step(s));
}

enum err sqlite_count(struct rows *rows, enum table_id t, int64_t *ret) {
  struct sqlite_rows *r = (struct sqlite_rows *)rows;
  enum sqlite_special id = t == TABLE_RUN      ? SQLITE_SPECIAL_COUNT_RUNS
                           : t == TABLE_JOB    ? SQLITE_SPECIAL_COUNT_JOBS
                           : t == TABLE_CURSOR ? SQLITE_SPECIAL_COUNT_CURSORS
                           : t == TABLE_AUDIT  ? SQLITE_SPECIAL_COUNT_AUDIT
                                               : SQLITE_SPECIAL_COUNT_LEDGER;
  ASSERT(id != SQLITE_SPECIAL_COUNT_LEDGER || t == TABLE_LEDGER);
  sqlite3_stmt *s = r->special[id];
  int code = sqlite3_step(s);
  if (code == SQLITE_ROW) *ret = sqlite3_column_int64(s, 0);
  return finished(r, s, code == SQLITE_ROW ? SQLITE_DONE : code);
}

/* ---- finding runs and jobs ---- */

static void bind_number(sqlite3_stmt *s, int at, int64_t value, int64_t open) {
  if (value == open) sqlite3_bind_null(s, at);
  else sqlite3_bind_int64(s, at, value);
}

static void bind_range(sqlite3_stmt *s, int at, struct run_range range) {
  bind_number(s, at, range.min, INT64_MIN);
  bind_number(s, at + 1, range.max, INT64_MAX);
}

static void bind_when(sqlite3_stmt *s, int at, int64_t ms, int64_t open) {
  if (ms == open) sqlite3_bind_null(s, at);
  else sqlite3_bind_text(s, at, instant_to_text(ms).text, -1, SQLITE_TRANSIENT);
}

static void bind_id(sqlite3_stmt *s, int at, int64_t no) {
  if (no <= 0 || no == INT64_MAX) sqlite3_bind_text(s, at, no <= 0 ? "" : "~", -1, SQLITE_STATIC);
  else sqlite3_bind_text(s, at, id_to_text(no).text, -1, SQLITE_TRANSIENT);
}

static void bind_names(sqlite3_stmt *s, int at, const char *const *names, int count, unsigned mask) {
  for (int i = 0; i < count; i++)
    sqlite3_bind_text(s, at + i, mask & (1U << i) ? names[i] : NULL, -1, SQLITE_STATIC);
}

static void bind_find(sqlite3_stmt *s, const struct run_query *q) {
  const struct run_range ranges[] = {q->took_ms, q->lag_ms, q->exit_code, q->attempt, q->memory_bytes};
  bind_id(s, 1, q->from_no);
  bind_id(s, 2, q->to_no);
  sqlite3_bind_int(s, 3, q->status_mask == 0);
  sqlite3_bind_int(s, 4, q->trigger_mask == 0);
  for (int i = 0; i < 5; i++) bind_range(s, 5 + 2 * i, ranges[i]);
  bind_when(s, 15, q->started_ms.min, INT64_MIN);
  bind_when(s, 16, q->started_ms.max, INT64_MAX);
  sqlite3_bind_text(s, 17, q->error, -1, SQLITE_STATIC);
  sqlite3_bind_text(s, 18, q->who, -1, SQLITE_STATIC);
  bind_names(s, SQLITE_FIND_LISTS, run_status_names, RUN_COUNT, q->status_mask);
  bind_names(s, SQLITE_FIND_LISTS + RUN_COUNT, run_trigger_names, TRIGGER_COUNT, q->trigger_mask);
}

enum err sqlite_run_find(struct rows *rows, const struct run_query *q, rows_visit *fn, void *arg) {
  struct sqlite_rows *r = (struct sqlite_rows *)rows;
  sqlite3_stmt *s = r->run_find[q->is_odd];
  struct run run;
  int code;
  bind_find(s, q);
  while ((code = sqlite3_step(s)) == SQLITE_ROW) {
    memset(&run, 0, sizeof run);
    if (sqlite_read_record(s, TABLE_RUN, &run) && !fn(arg, &run)) break;
  }
  return finished(r, s, code == SQLITE_ROW ? SQLITE_DONE : code);
}

enum err sqlite_run_nth(struct rows *rows, const struct run_query *q, int64_t n, int64_t *ret_no) {
  struct sqlite_rows *r = (struct sqlite_rows *)rows;
  sqlite3_stmt *s = r->special[q->is_odd ? SQLITE_SPECIAL_RUN_NTH_ODD : SQLITE_SPECIAL_RUN_NTH];
  bind_id(s, 1, q->from_no);
  bind_id(s, 2, q->to_no);
  sqlite3_bind_int64(s, 3, n);
  int code = sqlite3_step(s);
  bool is_there = code == SQLITE_ROW && id_from_text(text_at(s, 0), ret_no);
  TRY(finished(r, s, code == SQLITE_ROW ? SQLITE_DONE : code));
  return is_there ? ERR_OK : ERR_NOT_FOUND;
}

enum err sqlite_run_since(struct rows *rows, int64_t from_ms, int64_t max, int64_t *ret_no) {
  struct sqlite_rows *r = (struct sqlite_rows *)rows;
  sqlite3_stmt *s = r->special[SQLITE_SPECIAL_RUN_SINCE];
  bind_when(s, 1, from_ms, INT64_MIN);
  sqlite3_bind_int64(s, 2, max + 1);
  int code = sqlite3_step(s);
  int64_t no = INT64_MAX;
  if (code == SQLITE_ROW && sqlite3_column_int64(s, 1) > max) no = 0;
  else if (code == SQLITE_ROW && sqlite3_column_int64(s, 1) > 0 && !id_from_text(text_at(s, 0), &no)) no = 0;
  TRY(finished(r, s, code == SQLITE_ROW ? SQLITE_DONE : code));
  *ret_no = no;
  return ERR_OK;
}

enum err sqlite_job_facts(struct rows *rows, const struct facts_query *q, rows_visit *fn, void *arg) {
  struct sqlite_rows *r = (struct sqlite_rows *)rows;
  sqlite3_stmt *s = r->special[SQLITE_SPECIAL_JOB_FACTS];
  struct job job = {};
  int code;
  sqlite3_bind_text(s, 1, q->name, -1, SQLITE_STATIC);
  sqlite3_bind_text(s, 2, q->category, -1, SQLITE_STATIC);
  sqlite3_bind_text(s, 3, q->labels, -1, SQLITE_STATIC);
  while ((code = sqlite3_step(s)) == SQLITE_ROW) {
    job.no = sqlite3_column_int64(s, 0);
    job.name = (const char *)sqlite3_column_text(s, 1);
    job.category = (const char *)sqlite3_column_text(s, 2);
    job.labels = (const char *)sqlite3_column_text(s, 3);
    if (!fn(arg, &job)) break;
  }
  return finished(r, s, code == SQLITE_ROW ? SQLITE_DONE : code);
}
