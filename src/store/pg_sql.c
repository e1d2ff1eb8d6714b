/* The statements of pg_rows: put together from the column tables and constants, never from data. */
#include "base/buf.h"
#include "store/pg_rows.h"

int pg_key_count(enum table_id id) {
  return id == TABLE_SETTINGS || table_get(id)->keys == 0 ? 1 : table_get(id)->keys;
}

static void add_columns(struct buf *sql, const struct table *t) {
  for (size_t i = 0; i < t->field_count; i++) buf_addf(sql, "%s\"%s\"", i ? "," : "", t->fields[i].name);
}

static void add_key(struct buf *sql, const struct table *t, int keys, const char *between, bool has_values) {
  for (int i = 0; i < keys; i++) {
    buf_addf(sql, "%s\"%s\"", i ? between : "", t->fields[i].name);
    if (has_values) buf_addf(sql, "=$%d", i + 1);
  }
}

static void get_sql(struct buf *sql, enum table_id id, const struct table *t) {
  buf_add_text(sql, "SELECT ");
  add_columns(sql, t);
  buf_addf(sql, " FROM \"%s\" ", t->name);
  if (id == TABLE_SETTINGS) {
    buf_add_text(sql, "ORDER BY \"createdAt\",\"id\" LIMIT 1");
    return;
  }
  buf_add_text(sql, "WHERE ");
  add_key(sql, t, pg_key_count(id), " AND ", true);
}

static void put_sql(struct buf *sql, enum table_id id, const struct table *t) {
  size_t keys = (size_t)pg_key_count(id);
  buf_addf(sql, "INSERT INTO \"%s\"(", t->name);
  add_columns(sql, t);
  buf_add_text(sql, ") VALUES(");
  for (size_t i = 0; i < t->field_count; i++) buf_addf(sql, "%s$%zu", i ? "," : "", i + 1);
  buf_add_text(sql, ") ON CONFLICT(");
  add_key(sql, t, (int)keys, ",", false);
  buf_add_text(sql, t->field_count == keys ? ") DO NOTHING" : ") DO UPDATE SET ");
  for (size_t i = keys; i < t->field_count; i++)
    buf_addf(sql, "%s\"%s\"=excluded.\"%s\"", i > keys ? "," : "", t->fields[i].name, t->fields[i].name);
}

static void del_sql(struct buf *sql, enum table_id id, const struct table *t) {
  buf_addf(sql, "DELETE FROM \"%s\" WHERE ", t->name);
  add_key(sql, t, pg_key_count(id), " AND ", true);
}

bool pg_is_one_of(const char *const *names, const char *column) {
  while (*names && strcmp(*names, column) != 0) names++;
  return *names != NULL;
}

const char *const pg_naming_columns[] = {"id", "jobId", "jobNo", "dueAt", "attempt", NULL};
const char *const pg_ending_columns[] = {"id", "jobId", "jobNo", "dueAt", "attempt", "startedAt", NULL};

/* Parameters in the order of the columns that are bound: the id first, then what changes, then the start. */
static void run_sql(struct buf *sql, const char *const *but) {
  const struct table *t = table_get(TABLE_RUN);
  int n = 1;
  buf_addf(sql, "UPDATE \"%s\" SET ", t->name);
  for (size_t i = 0; i < t->field_count; i++)
    if (!pg_is_one_of(but, t->fields[i].name)) {
      buf_addf(sql, "%s\"%s\"=$%d", n > 1 ? "," : "", t->fields[i].name, n + 1);
      n++;
    }
  buf_addf(sql, " WHERE \"%s\"=$1", t->fields[0].name);
  if (but == pg_ending_columns) buf_addf(sql, " AND \"status\"='running' AND \"startedAt\"=$%d", n + 1);
}

/* Where a scan's text means something else here: there are no row ids, but ids grow with time. */
const char *pg_scan_tail(enum scan_id id) {
  return id == SCAN_RUN_JOB_DOWN || id == SCAN_RUN_JOB_LEAN || id == SCAN_RUN_JOB_LIST
             ? "WHERE \"jobId\"=(SELECT \"id\" FROM \"CronJob\" WHERE \"no\"=?1) AND \"id\" "
               "BETWEEN ?2 AND ?3 ORDER BY \"id\" DESC"
             : scan_get(id)->tail;
}

/* Which of ?1 to ?4 a tail has, in order: they are $1, $2 … here, without holes. */
int pg_scan_params(const char *tail, int ret[4]) {
  int count = 0;
  for (int n = 1; n <= 4; n++) {
    char name[3] = {'?', (char)('0' + n), 0};
    if (strstr(tail, name)) ret[count++] = n;
  }
  return count;
}

static void scan_sql(struct buf *sql, enum scan_id id) {
  const struct scan *s = scan_get(id);
  const char *tail = pg_scan_tail(id);
  int params[4], count = pg_scan_params(tail, params);
  buf_add_text(sql, "SELECT ");
  const struct table *t = table_get(s->table);
  for (size_t i = 0; i < t->field_count; i++) {
    if (i > 0) buf_add_char(sql, ',');
    if (scan_leaves_out(id, t->fields[i].name)) buf_add_text(sql, "NULL");
    else buf_addf(sql, "\"%s\"", t->fields[i].name);
  }
  buf_addf(sql, " FROM \"%s\" ", t->name);
  for (; *tail; tail++) {
    if (*tail != '?') {
      buf_add_char(sql, *tail);
      continue;
    }
    int n = *++tail - '0';
    for (int i = 0; i < count; i++)
      if (params[i] == n) buf_addf(sql, "$%d", i + 1);
  }
}

/* $1 and $2 numbers; $3 and $5 say that any status and trigger will do, $4 and $6 which ones; $7 to $18 ranges, $19 and
 * $20 patterns; $21 rows. */
static void find_sql(struct buf *sql, bool is_odd) {
  static const char *const ranges[] = {"duration", "lagMs", "exitCode", "attempt", "peakMemoryBytes"};
  const struct table *t = table_get(TABLE_RUN);
  int n = 7;
  buf_add_text(sql, "SELECT ");
  for (size_t i = 0; i < t->field_count; i++) {
    if (i > 0) buf_add_char(sql, ',');
    if (run_find_leaves_out(t->fields[i].name)) buf_add_text(sql, "NULL");
    else buf_addf(sql, "\"%s\"", t->fields[i].name);
  }
  buf_addf(sql, " FROM \"%s\" WHERE \"id\" BETWEEN $1 AND $2", t->name);
  if (is_odd) buf_add_text(sql, " AND " RUN_IS_ODD);
  buf_add_text(sql,
               " AND ($3::boolean OR \"status\"=ANY($4::text[]))"
               " AND ($5::boolean OR \"triggeredBy\"=ANY($6::text[]))");
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++, n += 2)
    buf_addf(sql,
             " AND ($%d::bigint IS NULL OR \"%s\">=$%d::bigint) AND ($%d::bigint IS NULL OR "
             "\"%s\"<=$%d::bigint)",
             n, ranges[i], n, n + 1, ranges[i], n + 1);
  buf_addf(sql,
           " AND ($%d::timestamp IS NULL OR \"startedAt\">=$%d::timestamp) AND ($%d::timestamp IS NULL OR "
           "\"startedAt\"<=$%d::timestamp)",
           n, n, n + 1, n + 1);
  buf_add_text(sql,
               " AND ($19::text IS NULL OR \"errorMessage\" ILIKE $19)"
               " AND ($20::text IS NULL OR \"requestedBy\" ILIKE $20) ORDER BY \"id\" DESC LIMIT $21");
}

static enum err keep(struct buf *sql, char **ret) {
  enum err e = buf_error(sql);
  if (e == ERR_OK && !(*ret = str_dup(buf_str(sql)))) e = ERR_NO_MEMORY;
  buf_clear(sql);
  return e;
}

static const char *const specials[PG_SPECIALS] = {
#define SPECIAL(id, sql) [PG_SPECIAL_##id] = sql,
#include "store/pg_statements.def"
#undef SPECIAL
};

enum err pg_rows_make_texts(struct pg_rows *r) {
  BUF_AUTO struct buf sql = buf_new(PG_SQL_BYTES);
  for (int t = 0; t < TABLE_COUNT; t++) {
    const struct table *table = table_get((enum table_id)t);
    get_sql(&sql, (enum table_id)t, table);
    TRY(keep(&sql, &r->texts[PG_GET + t]));
    put_sql(&sql, (enum table_id)t, table);
    TRY(keep(&sql, &r->texts[PG_PUT + t]));
    del_sql(&sql, (enum table_id)t, table);
    TRY(keep(&sql, &r->texts[PG_DEL + t]));
  }
  for (int s = 0; s < SCAN_COUNT; s++) {
    scan_sql(&sql, (enum scan_id)s);
    TRY(keep(&sql, &r->scans[s]));
    buf_addf(&sql, "%s LIMIT %d", r->scans[s], PG_SCAN_PAGE);
    TRY(keep(&sql, &r->texts[PG_SCAN + s]));
  }
  for (int is_odd = 0; is_odd < 2; is_odd++) {
    find_sql(&sql, is_odd);
    TRY(keep(&sql, &r->texts[PG_RUN_FIND + is_odd]));
  }
  run_sql(&sql, pg_naming_columns);
  TRY(keep(&sql, &r->texts[PG_RUN_UPDATE]));
  run_sql(&sql, pg_ending_columns);
  TRY(keep(&sql, &r->texts[PG_RUN_END]));
  for (int i = 0; i < PG_SPECIALS; i++) {
    buf_add_text(&sql, specials[i]);
    TRY(keep(&sql, &r->texts[PG_SPECIAL + i]));
  }
  return ERR_OK;
}
