/* The store in PostgreSQL: the keeper over a writing session that alone may work with this database, readers with
 * sessions of their own. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/embedded.h"
#include "store/keeper.h"
#include "store/pg_rows.h"
#include "store/sqlite_file.h"
#include "sys/os_file.h"

#define SCHEMA 5      /* the newest migration in sql/postgres */
#define LOCK_TRIES 60 /* with LOCK_POLL_MS: how long a predecessor's session may take to end */
#define LOCK_POLL_MS 50
#define LOCK_CLASS "1397899855" /* "SRNO" */
#define LOCK_ARGS LOCK_CLASS ", hashtext(current_schema())"

struct pg_backend {
  struct store_backend backend;
  struct pg_rows rows;
  struct keeper keeper; /* unused by readers */
  struct reader_kept kept;
  bool is_reader;
  char *url, *zone_folder;
  int lock_fd; /* of the data folder */
  int timeout_ms;
  atomic_bool is_away, is_stopping;
};

static struct pg_backend *backend_of(struct store_backend *b) { return (struct pg_backend *)b; }

/* ---- sessions ---- */

/* Only one session may have the lock. A session of ours that the server still believes in is ended. */
static enum err try_lock(struct pg_conn *c, bool *ret_has, struct err_detail *detail) {
  char pid[16];
  struct pg_args args = {};
  PGresult *r;
  TRY(pg_ask_plain(c, "SELECT pg_try_advisory_lock(" LOCK_ARGS ")", NULL, &r, detail));
  *ret_has = pg_result_int(r, 0, 0) == 1;
  PQclear(r);
  if (*ret_has || pg_last_backend(c) == 0) return ERR_OK;
  snprintf(pid, sizeof pid, "%d", pg_last_backend(c));
  pg_arg_text(&args, pid);
  TRY(pg_ask_plain(c,
                   "SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype='advisory' AND "
                   "l.classid=" LOCK_CLASS " AND l.pid=$1::int",
                   &args, &r, detail));
  PQclear(r);
  return ERR_OK;
}

static enum err greet_writer(void *arg, struct pg_conn *c, struct err_detail *detail) {
  struct pg_backend *s = arg;
  bool has_lock = false;
  for (int i = 0; i < LOCK_TRIES && !has_lock; i++) {
    if (i > 0) poll(NULL, 0, LOCK_POLL_MS);
    TRY(try_lock(c, &has_lock, detail));
  }
  if (!has_lock)
    return err_set(detail, ERR_CONFLICT, "store.url", 0, "another server of Sereno works with this database");
  pg_rows_tell_news(&s->rows); /* what was told while we were away */
  return pg_script(c, "DO $$ BEGIN EXECUTE format('LISTEN %I', 'sereno_' || current_schema()); END $$",
                   detail);
}

static enum err connect_to(struct pg_backend *s, struct err_detail *detail) {
  struct pg_config config = {
      .url = s->url,
      .application = s->is_reader ? "sereno reader" : "sereno",
      .name = "store",
      .timeout_ms = s->timeout_ms,
      .setup = s->is_reader ? "SET default_transaction_read_only=on" : "SET sereno.inside='on'",
      .greet = s->is_reader ? NULL : greet_writer,
      .greet_arg = s,
      .is_stopping = &s->is_stopping,
      .is_away = &s->is_away};
  return pg_rows_open(&s->rows, &config, detail);
}

/* ---- the schema ---- */

/* 0: there is none yet. */
static enum err schema_of(struct pg_conn *c, int64_t *ret, struct err_detail *detail) {
  PGresult *r;
  TRY(pg_ask_plain(c,
                   "SELECT coalesce(substring(obj_description(c.oid,'pg_class') FROM '^sereno schema "
                   "([0-9]{1,9})$'),'0') FROM pg_class c WHERE c.relname='CronMeta' AND "
                   "c.relnamespace=to_regnamespace(quote_ident(current_schema()))",
                   NULL, &r, detail));
  *ret = PQntuples(r) > 0 ? pg_result_int(r, 0, 0) : 0;
  PQclear(r);
  return ERR_OK;
}

static enum err run_migrations(struct pg_conn *c, int64_t from, struct err_detail *detail) {
  static const char *const scripts[SCHEMA] = {"sql/postgres/001_schema.sql", "sql/postgres/002_load.sql",
                                              "sql/postgres/003_alerts.sql", "sql/postgres/004_odd_runs.sql",
                                              "sql/postgres/005_lists.sql"};
  for (int64_t i = from; i < SCHEMA; i++) {
    struct str sql = embedded_find(scripts[i]);
    ASSERT(sql.ptr);
    TRY(pg_script(c, sql.ptr, detail));
  }
  return ERR_OK;
}

/* What the database has beyond `from` is added, in one transaction. */
static enum err make_schema(struct pg_conn *c, int64_t from, struct err_detail *detail) {
  TRY(pg_begin(c, true, detail));
  enum err e = run_migrations(c, from, detail);
  if (e == ERR_OK) return pg_commit(c, detail);
  pg_rollback(c);
  return e;
}

static enum err need_schema(struct pg_backend *s, struct err_detail *detail) {
  int64_t schema;
  TRY(schema_of(s->rows.conn, &schema, detail));
  if (schema > SCHEMA)
    return err_set(detail, ERR_STORE_SCHEMA, "store.url", 0,
                   "the database has schema %lld, this version of Sereno knows up to %d", (long long)schema,
                   SCHEMA);
  if (schema == SCHEMA) return ERR_OK;
  if (s->is_reader)
    return err_set(detail, ERR_STORE_SCHEMA, "store.url", 0,
                   "the database is not Sereno's yet; start the server");
  return make_schema(s->rows.conn, schema, detail);
}

/* ---- the backend ---- */

static enum err pgb_apply(struct store_backend *b, struct change *const *changes, size_t count) {
  ASSERT(!backend_of(b)->is_reader);
  return keeper_apply(&backend_of(b)->keeper, changes, count);
}

static enum err read_health(struct pg_backend *s, struct store_read *q) {
  PGresult *r;
  TRY(pg_ask_plain(
      s->rows.conn,
      "SELECT coalesce(sum(pg_total_relation_size(oid)),0)::bigint FROM pg_class WHERE relkind='r' AND "
      "relnamespace=to_regnamespace(quote_ident(current_schema())) AND (relname LIKE 'Cron%' OR "
      "relname='System')",
      NULL, &r, &q->detail));
  q->health.database_bytes = pg_result_int(r, 0, 0);
  q->health.wal_bytes = 0;
  PQclear(r);
  return ERR_OK;
}

static enum err pgb_read(struct store_backend *b, struct store_read *q) {
  struct pg_backend *s = backend_of(b);
  if (q->kind == READ_BACKUP) {
    (void)err_set(&q->detail, ERR_INVALID, "path", 0,
                  "the store is in PostgreSQL: it is not copied to a file here");
    err_hint(&q->detail, "use pg_dump");
    return ERR_INVALID;
  }
  struct reader r = {.rows = &s->rows.rows, .zone_folder = s->zone_folder, .kept = &s->kept};
  enum err e = pg_begin(s->rows.conn, false, &q->detail); /* one snapshot for the whole answer */
  if (e == ERR_OK) e = reader_read(&r, q);
  if (e == ERR_OK && q->kind == READ_HEALTH) e = read_health(s, q);
  pg_rollback(s->rows.conn);
  return e;
}

static int64_t pgb_next_due_ms(struct store_backend *b) { return due_next_ms(&backend_of(b)->keeper.due); }
static enum err pgb_refresh(struct store_backend *b, int64_t now_ms) {
  return keeper_refresh(&backend_of(b)->keeper, now_ms);
}
static enum err pgb_touch(struct store_backend *b, int64_t now_ms, bool *ret_has_more) {
  return keeper_touch(&backend_of(b)->keeper, now_ms, ret_has_more);
}

static int64_t pgb_news(struct store_backend *b) {
  struct pg_rows *r = &backend_of(b)->rows;
  return r->rows.ops->has_news(&r->rows) ? r->news : 0;
}

static bool pgb_is_away(const struct store_backend *b) {
  return atomic_load(&((const struct pg_backend *)b)->is_away);
}
static void pgb_stop(struct store_backend *b) { atomic_store(&backend_of(b)->is_stopping, true); }

static void free_backend(struct pg_backend *s) {
  pg_rows_close(&s->rows);
  os_close(&s->lock_fd);
  if (s->url) explicit_bzero(s->url, strlen(s->url));
  free(s->url);
  free(s->zone_folder);
  free(s);
}

static void pgb_close(struct store_backend *b) {
  struct pg_backend *s = backend_of(b);
  if (!s->is_reader) keeper_close(&s->keeper);
  free_backend(s);
}

static enum err pgb_open_view(struct store_backend *b, struct store_backend **ret) {
  const struct pg_backend *s = backend_of(b);
  struct store_config config = {.url = s->url, .zone_folder = s->zone_folder, .timeout_ms = s->timeout_ms};
  return store_pg_open_reader(&config, ret, NULL);
}

static const struct store_backend_ops pg_backend_ops = {
    .name = "postgres",
    .apply = pgb_apply,
    .read = pgb_read,
    .next_due_ms = pgb_next_due_ms,
    .refresh = pgb_refresh,
    .touch = pgb_touch,
    .open_reader = pgb_open_view,
    .news = pgb_news,
    .is_away = pgb_is_away,
    .stop = pgb_stop,
    .close = pgb_close,
};

/* ---- opening ---- */

static struct pg_backend *new_backend(const struct store_config *config, bool is_reader) {
  struct pg_backend *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->backend.ops = &pg_backend_ops;
  s->is_reader = is_reader;
  s->lock_fd = -1;
  s->timeout_ms = config->timeout_ms;
  s->url = str_dup(str_of(config->url));
  s->zone_folder = config->zone_folder ? str_dup(str_of(config->zone_folder)) : NULL;
  if (s->url && (s->zone_folder || !config->zone_folder)) return s;
  free_backend(s);
  return NULL;
}

enum err store_pg_open_reader(const struct store_config *config, struct store_backend **ret,
                              struct err_detail *detail) {
  struct pg_backend *s = new_backend(config, true);
  if (!s) return ERR_NO_MEMORY;
  enum err e = connect_to(s, detail);
  if (e == ERR_OK) e = need_schema(s, detail);
  if (e != ERR_OK) free_backend(s);
  else *ret = &s->backend;
  return e;
}

static enum err number_now(struct pg_backend *s, struct err_detail *detail) {
  TRY(pg_begin(s->rows.conn, true, detail));
  enum err e = pg_rows_number_jobs(&s->rows);
  if (e == ERR_OK) return pg_commit(s->rows.conn, detail);
  pg_rollback(s->rows.conn);
  return e;
}

static enum err open_all(struct pg_backend *s, const struct store_config *config, struct store_boot *boot,
                         struct err_detail *detail) {
  if (config->folder) TRY(os_make_dir(config->folder, 0700, detail)); /* a warden and its spool are there */
  if (config->folder) TRY(sqlite_lock(config->folder, &s->lock_fd, detail));
  TRY(connect_to(s, detail));
  TRY(need_schema(s, detail));
  TRY(number_now(s, detail));
  TRY(keeper_open(&s->keeper, &s->rows.rows, config, boot, detail));
  s->rows.epoch = boot->epoch; /* from here on every transaction is fenced */
  return ERR_OK;
}

enum err store_pg_open(const struct store_config *config, struct store_backend **ret,
                       struct store_boot *ret_boot, struct err_detail *detail) {
  struct err_detail own = {};
  if (!detail) detail = &own;
  ASSERT(config->url);
  struct pg_backend *s = new_backend(config, false);
  if (!s) return ERR_NO_MEMORY;
  enum err e = open_all(s, config, ret_boot, detail);
  if (e != ERR_OK) free_backend(s);
  else *ret = &s->backend;
  return e;
}
