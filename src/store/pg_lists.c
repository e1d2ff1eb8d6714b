/* Lists and figures by SQL, as sqlite_lists.c makes them. */
#include <stdio.h>

#include "base/id.h"
#include "store/pg_rows.h"

static enum err take_numbers(struct pg_rows *r, enum pg_special id, const struct pg_bound *b, size_t max,
                             int64_t *ret_nos, size_t *ret_count) {
  PGresult *result;
  TRY(pg_rows_ask(r, PG_SPECIAL + id, b, &result));
  size_t count = 0;
  for (int i = 0; i < PQntuples(result) && count < max; i++) ret_nos[count++] = pg_result_int(result, i, 0);
  PQclear(result);
  *ret_count = count;
  return ERR_OK;
}

/* A borrowed text that need not be terminated. */
static enum err bind_str(struct pg_rows *r, struct pg_bound *b, struct str text) {
  const char *copy = text.ptr ? arena_strdup(&r->scratch, text) : NULL;
  pg_arg_text(&b->a, copy);
  return copy || !text.ptr ? ERR_OK : ERR_NO_MEMORY;
}

static enum err bind_statuses(struct pg_rows *r, struct pg_bound *b, unsigned mask) {
  char list[RUN_COUNT * 16 + 8] = "{"; /* an array as PostgreSQL writes it */
  for (int i = 0; i < RUN_COUNT; i++)
    if (mask & (1U << i))
      snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", list[1] ? "," : "",
               run_status_names[i]);
  snprintf(list + strlen(list), sizeof list - strlen(list), "}");
  pg_bind_bool(b, mask == 0);
  return bind_str(r, b, str_of(list));
}

static enum err bind_query(struct pg_rows *r, struct pg_bound *b, const struct job_query *q, size_t max) {
  size_t colon = q->label.ptr ? str_find_char(q->label, ':') : SIZE_MAX;
  bool has_value = colon != SIZE_MAX;
  pg_arg_text(&b->a, q->after ? q->after : "");
  pg_bind_int(b, (int64_t)max);
  if (q->is_active == FIELD_NULL) pg_arg_text(&b->a, NULL);
  else pg_bind_bool(b, q->is_active == 1);
  TRY(bind_str(r, b, q->category));
  TRY(bind_str(r, b, q->contains));
  TRY(bind_str(r, b, has_value ? (struct str){q->label.ptr, colon} : q->label));
  TRY(bind_str(r, b, has_value ? str_from(q->label, colon + 1) : STR_NONE));
  return bind_statuses(r, b, q->status_mask);
}

static bool asks_for_all(const struct job_query *q) {
  return q->is_active == FIELD_NULL && !q->category.ptr && !q->contains.ptr && !q->label.ptr &&
         !q->status_mask;
}

enum err pg_job_list(struct rows *rows, const struct job_query *q, size_t max, int64_t *ret_nos,
                     size_t *ret_count) {
  struct pg_rows *r = (struct pg_rows *)rows;
  struct pg_bound b = {};
  if (asks_for_all(q)) {
    pg_arg_text(&b.a, q->after ? q->after : "");
    pg_bind_int(&b, (int64_t)max);
    return take_numbers(r, PG_SPECIAL_JOB_PAGE, &b, max, ret_nos, ret_count);
  }
  bool is_rare = q->status_mask && !(q->status_mask & (1U << RUN_SUCCESS));
  enum err e = bind_query(r, &b, q, max);
  if (e == ERR_OK)
    e = take_numbers(r, is_rare ? PG_SPECIAL_JOB_LIST_RARE : PG_SPECIAL_JOB_LIST, &b, max, ret_nos,
                     ret_count);
  arena_free(&r->scratch);
  return e;
}

enum err pg_job_upcoming(struct rows *rows, size_t max, int64_t *ret_nos, size_t *ret_count) {
  struct pg_bound b = {};
  pg_bind_int(&b, (int64_t)max);
  return take_numbers((struct pg_rows *)rows, PG_SPECIAL_JOB_UPCOMING, &b, max, ret_nos, ret_count);
}

static struct str text_at(const PGresult *result, int row, int column) {
  return (struct str){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

enum err pg_run_strip(struct rows *rows, int64_t job_no, size_t max, struct run_brief *ret,
                      size_t *ret_count) {
  struct pg_bound b = {};
  PGresult *result;
  size_t count = 0;
  pg_bind_int(&b, job_no);
  pg_bind_int(&b, (int64_t)max);
  TRY(pg_rows_ask((struct pg_rows *)rows, PG_SPECIAL + PG_SPECIAL_RUN_STRIP, &b, &result));
  for (int i = 0; i < PQntuples(result) && count < max; i++) {
    struct run_brief brief = {
        .status = field_enum_index(run_status_names, text_at(result, i, 1)),
        .duration_ms = PQgetisnull(result, i, 2) ? FIELD_NULL : pg_result_int(result, i, 2)};
    if (id_from_text(text_at(result, i, 0), &brief.no) && brief.status >= 0) ret[count++] = brief;
  }
  PQclear(result);
  *ret_count = count;
  return ERR_OK;
}

/* The columns of the only row. */
static enum err take_row(struct pg_rows *r, enum pg_special id, const struct pg_bound *b, int count,
                         int64_t *const *ret) {
  static const struct pg_bound none;
  PGresult *result;
  TRY(pg_rows_ask(r, PG_SPECIAL + id, b ? b : &none, &result));
  for (int i = 0; PQntuples(result) == 1 && i < count; i++) *ret[i] = pg_result_int(result, 0, i);
  PQclear(result);
  return ERR_OK;
}

enum err pg_figures(struct rows *rows, int64_t runs_max, struct figures_row *ret) {
  struct pg_rows *r = (struct pg_rows *)rows;
  struct figures_row f = {};
  struct pg_bound b = {};
  TRY(take_row(r, PG_SPECIAL_FIGURES_JOBS, NULL, 2, (int64_t *[]){&f.jobs, &f.active_jobs}));
  TRY(take_row(r, PG_SPECIAL_FIGURES_FAILED, NULL, 1, (int64_t *[]){&f.failed_jobs}));
  pg_bind_int(&b, runs_max);
  TRY(take_row(r, PG_SPECIAL_FIGURES_RUNS, &b, 4,
               (int64_t *[]){&f.runs, &f.successes, &f.duration_ms, &f.durations}));
  *ret = f;
  return ERR_OK;
}

enum err pg_rows_number_jobs(struct pg_rows *r) {
  return pg_send(r->conn, PG_SPECIAL + PG_SPECIAL_NUMBER_JOBS, &(struct pg_args){}, NULL, NULL);
}

enum err pg_count(struct rows *rows, enum table_id t, int64_t *ret) {
  enum pg_special id = t == TABLE_RUN      ? PG_SPECIAL_COUNT_RUNS
                       : t == TABLE_JOB    ? PG_SPECIAL_COUNT_JOBS
                       : t == TABLE_CURSOR ? PG_SPECIAL_COUNT_CURSORS
                       : t == TABLE_AUDIT  ? PG_SPECIAL_COUNT_AUDIT
                                           : PG_SPECIAL_COUNT_LEDGER;
  ASSERT(id != PG_SPECIAL_COUNT_LEDGER || t == TABLE_LEDGER);
  return take_row((struct pg_rows *)rows, id, NULL, 1, &ret);
}
