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

#define NAMES_BYTES 400

/* An array as PostgreSQL writes it, of those whose bit is set; the names are plain words. */
static enum err bind_names(struct pg_rows *r, struct pg_bound *b, const char *const *names, unsigned mask) {
  char list[NAMES_BYTES] = "{";
  size_t n = 1;
  for (int i = 0; names[i]; i++)
    if (mask & (1U << i))
      n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n > 1 ? "," : "", names[i]);
  ASSERT(n + 1 < sizeof list);
  list[n] = '}';
  pg_bind_bool(b, mask == 0);
  return bind_str(r, b, (struct str){list, n + 1});
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
  TRY(bind_names(r, b, run_status_names, q->status_mask));
  pg_bind_int(b, q->failures_min);
  return ERR_OK;
}

static bool asks_for_all(const struct job_query *q) {
  return q->is_active == FIELD_NULL && !q->category.ptr && !q->contains.ptr && !q->label.ptr &&
         !q->status_mask && !q->failures_min;
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
  bool is_failed = q->status_mask && !(q->status_mask & ~RUN_FAILURES);
  enum pg_special id = is_failed ? PG_SPECIAL_JOB_LIST_FAILED
                       : is_rare ? PG_SPECIAL_JOB_LIST_RARE
                                 : PG_SPECIAL_JOB_LIST;
  if (e == ERR_OK) e = take_numbers(r, id, &b, max, ret_nos, ret_count);
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

/* ---- finding runs and jobs ---- */

#define FIND_FIRST 256 /* rows that come at once: a page is mostly among them */
#define FIND_MORE 2000

static void bind_number(struct pg_bound *b, int64_t value, int64_t open) {
  pg_bind_int(b, value == open ? FIELD_NULL : value);
}

static void bind_when(struct pg_bound *b, int64_t ms, int64_t open) {
  pg_bind_instant(b, ms == open ? FIELD_NULL : ms);
}

static void bind_id(struct pg_bound *b, int64_t no) {
  char *to = b->store[b->a.count];
  if (no <= 0 || no == INT64_MAX) (void)str_copy(to, PG_ARG_BYTES, no <= 0 ? STR("") : STR("~"));
  else (void)str_copy(to, PG_ARG_BYTES, str_of(id_to_text(no).text));
  pg_arg_text(&b->a, to);
}

static enum err bind_find(struct pg_rows *r, struct pg_bound *b, const struct run_query *q, const char *to,
                          int64_t max) {
  const struct run_range ranges[] = {q->took_ms, q->lag_ms, q->exit_code, q->attempt, q->memory_bytes};
  b->a.count = 0;
  bind_id(b, q->from_no);
  if (to[0]) pg_arg_text(&b->a, to);
  else bind_id(b, q->to_no);
  TRY(bind_names(r, b, run_status_names, q->status_mask));
  TRY(bind_names(r, b, run_trigger_names, q->trigger_mask));
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    bind_number(b, ranges[i].min, INT64_MIN);
    bind_number(b, ranges[i].max, INT64_MAX);
  }
  bind_when(b, q->started_ms.min, INT64_MIN);
  bind_when(b, q->started_ms.max, INT64_MAX);
  pg_arg_text(&b->a, q->error);
  pg_arg_text(&b->a, q->who);
  pg_bind_int(b, max);
  return ERR_OK;
}

#define FOREIGN_ID_MAX 200 /* ids that an application gave its own rows; ours are shorter */

struct find_pages {
  const struct run_query *q;
  rows_visit *fn;
  void *arg;
  char to[FOREIGN_ID_MAX]; /* the last id of the page before, which comes again as the first; "" = none yet */
};

static enum err find_page(struct pg_rows *r, struct find_pages *p, int64_t max, bool *ret_goes_on) {
  struct pg_bound b;
  struct run run;
  PGresult *result;
  enum err e = bind_find(r, &b, p->q, p->to, max);
  if (e == ERR_OK) e = pg_rows_ask(r, p->q->is_odd ? PG_RUN_FIND_ODD : PG_RUN_FIND, &b, &result);
  arena_free(&r->scratch);
  TRY(e);
  int count = PQntuples(result);
  bool goes_on = true;
  for (int i = p->to[0] ? 1 : 0; i < count && goes_on; i++) {
    memset(&run, 0, sizeof run);
    if (pg_read_record(result, i, TABLE_RUN, &run)) goes_on = p->fn(p->arg, &run);
  }
  *ret_goes_on = goes_on && count == max && str_copy(p->to, sizeof p->to, text_at(result, count - 1, 0));
  PQclear(result);
  return ERR_OK;
}

enum err pg_run_find(struct rows *rows, const struct run_query *q, rows_visit *fn, void *arg) {
  struct find_pages p = {.q = q, .fn = fn, .arg = arg};
  bool goes_on;
  TRY(find_page((struct pg_rows *)rows, &p, FIND_FIRST, &goes_on));
  while (goes_on) TRY(find_page((struct pg_rows *)rows, &p, FIND_MORE, &goes_on));
  return ERR_OK;
}

enum err pg_run_nth(struct rows *rows, const struct run_query *q, int64_t n, int64_t *ret_no) {
  struct pg_bound b = {};
  PGresult *result;
  bind_id(&b, q->from_no);
  bind_id(&b, q->to_no);
  pg_bind_int(&b, n);
  enum pg_special id = q->is_odd ? PG_SPECIAL_RUN_NTH_ODD : PG_SPECIAL_RUN_NTH;
  TRY(pg_rows_ask((struct pg_rows *)rows, PG_SPECIAL + id, &b, &result));
  bool is_there = PQntuples(result) == 1 && id_from_text(text_at(result, 0, 0), ret_no);
  PQclear(result);
  return is_there ? ERR_OK : ERR_NOT_FOUND;
}

enum err pg_run_since(struct rows *rows, int64_t from_ms, int64_t max, int64_t *ret_no) {
  struct pg_bound b = {};
  PGresult *result;
  pg_bind_instant(&b, from_ms);
  pg_bind_int(&b, max + 1);
  TRY(pg_rows_ask((struct pg_rows *)rows, PG_SPECIAL + PG_SPECIAL_RUN_SINCE, &b, &result));
  int64_t count = pg_result_int(result, 0, 1), no = INT64_MAX;
  if (count > max || (count > 0 && !id_from_text(text_at(result, 0, 0), &no))) no = 0;
  PQclear(result);
  *ret_no = no;
  return ERR_OK;
}

static const char *text_or_null(const PGresult *result, int row, int column) {
  return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

enum err pg_job_facts(struct rows *rows, const struct facts_query *q, rows_visit *fn, void *arg) {
  struct pg_bound b = {};
  PGresult *result;
  pg_arg_text(&b.a, q->name);
  pg_arg_text(&b.a, q->category);
  pg_arg_text(&b.a, q->labels);
  TRY(pg_rows_ask((struct pg_rows *)rows, PG_SPECIAL + PG_SPECIAL_JOB_FACTS, &b, &result));
  for (int i = 0; i < PQntuples(result); i++) {
    struct job job = {.no = pg_result_int(result, i, 0),
                      .name = PQgetvalue(result, i, 1),
                      .category = text_or_null(result, i, 2),
                      .labels = text_or_null(result, i, 3)};
    if (!fn(arg, &job)) break;
  }
  PQclear(result);
  return ERR_OK;
}
