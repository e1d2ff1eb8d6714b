#include "store/pg_conn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/pg_url.h"
#include "sys/world.h"

#define SETUP_BYTES 1024
#define DOUBT_POLL_MS 100 /* between two looks at a commit that the server has not decided yet */

struct sent {
  pg_result_fn *fn;
  void *arg;
};

struct pg_conn {
  struct pg_config config;
  struct pg_address address;
  PGconn *pg; /* NULL: lost */
  bool *is_prepared;
  struct sent queue[PG_QUEUE_MAX];
  size_t queued;
  bool is_late, is_in_transaction, was_notified, is_resolving;
  char xid[24];        /* of the write transaction under way; "" = not known */
  char begun[48];      /* when it got its number, by the server's clock */
  int64_t retry_at_ms; /* monotonic */
  int backend, last_backend;
  int timeout_ms;
};

/* ---- errors ---- */

/* The first that fits, by the code or by its class (two characters). */
static const struct {
  const char *state;
  enum err error;
} errors[] = {
    {"SE001", ERR_STORE_STALE},
    {"23505", ERR_CONFLICT},
    {"23503", ERR_CONFLICT},
    {"23", ERR_INVALID},
    {"22", ERR_INVALID},
    {"40", ERR_BUSY},
    {"55P03", ERR_BUSY},
    {"55006", ERR_BUSY},
    {"57014", ERR_TIMEOUT},
    {"57P", ERR_UNAVAILABLE},
    {"08", ERR_UNAVAILABLE},
    {"53100", ERR_STORE_FULL},
    {"53200", ERR_NO_MEMORY},
    {"53", ERR_UNAVAILABLE},
    {"28", ERR_UNAVAILABLE},
    {"3D", ERR_UNAVAILABLE},
    {"25006", ERR_STORE_READONLY},
    {"42501", ERR_STORE_READONLY},
    {"428C9", ERR_STORE_READONLY}, /* a generated column */
    {"42", ERR_STORE_SCHEMA},
    {"3F", ERR_STORE_SCHEMA},
    {"XX001", ERR_STORE_CORRUPT},
    {"XX002", ERR_STORE_CORRUPT},
    {"58030", ERR_IO},
    {"25P03", ERR_UNAVAILABLE},
};

enum err pg_error_of(const char *sqlstate) {
  for (size_t i = 0; sqlstate && i < sizeof errors / sizeof *errors; i++)
    if (strncmp(sqlstate, errors[i].state, strlen(errors[i].state)) == 0) return errors[i].error;
  return ERR_IO;
}

static enum err result_error(struct pg_conn *c, const PGresult *r, struct err_detail *detail) {
  const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
  const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
  const char *constraint = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
  return err_set(detail, pg_error_of(state), c->config.name, 0, "PostgreSQL %s: %s%s%s",
                 state ? state : "?????", text ? text : "no message", constraint ? ", " : "",
                 constraint ? constraint : "");
}

static int64_t now_ms(void) { return (int64_t)(world_tick(world_real()).ns / 1000000); }

static enum err lose(struct pg_conn *c, struct err_detail *detail, const char *why) {
  if (c->pg) {
    (void)err_set(detail, ERR_UNAVAILABLE, c->config.name, 0, "the connection to PostgreSQL was lost: %s",
                  why);
    c->last_backend = c->backend;
    PQfinish(c->pg);
    c->pg = NULL;
  } else {
    (void)err_set(detail, ERR_UNAVAILABLE, c->config.name, 0, "there is no connection to PostgreSQL");
  }
  c->queued = 0;
  c->is_in_transaction = false;
  return ERR_UNAVAILABLE;
}

/* ---- waiting ---- */

/* False: the time is up. */
static bool wait_io(PGconn *pg, bool is_for_write, int64_t deadline_ms) {
  struct pollfd p = {.fd = PQsocket(pg), .events = POLLIN};
  if (is_for_write) p.events |= POLLOUT;
  for (;;) {
    int64_t left = deadline_ms - now_ms();
    if (left <= 0) return false;
    int n = poll(&p, 1, (int)left);
    if (n > 0 || (n < 0 && errno != EINTR)) return true;
  }
}

/* The next result of what was sent, NULL at the end of a command's; *ret_lost when there is no connection any more. */
static PGresult *next_result(struct pg_conn *c, int64_t deadline_ms, bool *ret_lost) {
  for (;;) {
    int unsent = PQflush(c->pg);
    if (unsent < 0) break;
    if (!PQisBusy(c->pg)) {
      if (PQstatus(c->pg) == CONNECTION_BAD) break;
      return PQgetResult(c->pg);
    }
    if (!wait_io(c->pg, unsent > 0, deadline_ms)) break;
    if (!PQconsumeInput(c->pg)) break;
  }
  *ret_lost = true;
  return NULL;
}

static int64_t deadline(const struct pg_conn *c) { return now_ms() + c->timeout_ms + PG_GRACE_MS; }

static bool is_good(const PGresult *r) {
  ExecStatusType status = PQresultStatus(r);
  return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
}

/* A server that ends a session says so before it hangs up. */
static bool is_farewell(const PGresult *r) {
  const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
  return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

/* ---- connecting ---- */

/* libpq's texts have several lines; of a job's error only the last is told. */
static void in_one_line(const char *text, char ret[ERR_TEXT_MAX]) {
  struct str s = str_trim(str_of(text));
  size_t n = 0;
  for (size_t i = 0; i < s.len && n + 1 < ERR_TEXT_MAX; i++) {
    bool is_space = s.ptr[i] == '\n' || s.ptr[i] == '\t' || s.ptr[i] == ' ';
    if (is_space && n > 0 && ret[n - 1] == ' ') continue;
    ret[n++] = is_space ? ' ' : s.ptr[i];
  }
  ret[n] = 0;
}

static enum err connect_now(struct pg_conn *c, struct err_detail *detail) {
  const char *const keywords[] = {"dbname", "application_name", "client_encoding", NULL};
  const char *const values[] = {c->address.url, c->config.application, "UTF8", NULL};
  int64_t until_ms = now_ms() + c->timeout_ms;
  PGconn *pg = PQconnectStartParams(keywords, values, 1);
  if (!pg) return ERR_NO_MEMORY;
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (PQstatus(pg) != CONNECTION_BAD && state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
    if (!wait_io(pg, state == PGRES_POLLING_WRITING, until_ms)) break;
    state = PQconnectPoll(pg);
  }
  if (state == PGRES_POLLING_OK && PQstatus(pg) == CONNECTION_OK) {
    c->pg = pg;
    c->backend = PQbackendPID(pg);
    return ERR_OK;
  }
  bool is_late = PQstatus(pg) != CONNECTION_BAD;
  char why[ERR_TEXT_MAX];
  in_one_line(is_late ? "it does not answer in time" : PQerrorMessage(pg), why);
  (void)err_set(detail, ERR_UNAVAILABLE, c->config.name, 0, "PostgreSQL cannot be reached: %s", why);
  PQfinish(pg);
  return ERR_UNAVAILABLE;
}

static void ignore_notice(void *arg, const char *message) { (void)arg, (void)message; }

/* Keep-alives on the server's side too: what a dead client held (locks) is free again after half a minute. */
static enum err set_up(struct pg_conn *c, struct err_detail *detail) {
  char sql[SETUP_BYTES];
  int n =
      snprintf(sql, sizeof sql,
               "SET TIME ZONE 'UTC';SET datestyle='ISO';SET intervalstyle='iso_8601';SET bytea_output='hex';"
               "SET extra_float_digits=1;SET standard_conforming_strings=on;SET statement_timeout=%d;"
               "SET lock_timeout=%d;SET idle_in_transaction_session_timeout=%d;SET synchronous_commit=on;"
               "SET tcp_keepalives_idle=10;SET tcp_keepalives_interval=5;SET tcp_keepalives_count=4",
               c->timeout_ms, c->timeout_ms / 2 + 1, c->timeout_ms * 6);
  if (c->address.schema[0])
    n += snprintf(sql + n, sizeof sql - (size_t)n, ";SET search_path=\"%s\"", c->address.schema);
  ASSERT(n > 0 && (size_t)n < sizeof sql);
  TRY(pg_script(c, sql, detail));
  if (c->config.setup) TRY(pg_script(c, c->config.setup, detail));
  return c->config.greet ? c->config.greet(c->config.greet_arg, c, detail) : ERR_OK;
}

static enum err connect_anew(struct pg_conn *c, struct err_detail *detail) {
  ASSERT(!c->pg && c->queued == 0);
  c->retry_at_ms = now_ms() + PG_RETRY_MS;
  TRY(connect_now(c, detail));
  PQsetNoticeProcessor(c->pg, ignore_notice, NULL);
  memset(c->is_prepared, 0, c->config.statement_count * sizeof *c->is_prepared);
  enum err e = PQsetnonblocking(c->pg, 1) == 0 ? set_up(c, detail) : ERR_NO_MEMORY;
  if (e == ERR_OK) return ERR_OK;
  if (c->pg) PQfinish(c->pg);
  c->pg = NULL;
  return e;
}

/* A server that was restarted while we slept has said farewell and hung up: to be seen here, not by a statement. */
static bool has_hung_up(PGconn *pg) {
  struct pollfd p = {.fd = PQsocket(pg), .events = POLLIN};
  while (poll(&p, 1, 0) > 0)
    if (!PQconsumeInput(pg) || PQstatus(pg) == CONNECTION_BAD) return true;
  return false;
}

enum err pg_need(struct pg_conn *c, struct err_detail *detail) {
  if (c->pg && c->queued == 0 && !c->is_in_transaction && has_hung_up(c->pg)) (void)lose(c, NULL, "");
  if (c->pg) return ERR_OK;
  if (now_ms() < c->retry_at_ms)
    return err_set(detail, ERR_UNAVAILABLE, c->config.name, 0, "PostgreSQL cannot be reached at the moment");
  return connect_anew(c, detail);
}

enum err pg_open(const struct pg_config *config, struct pg_conn **ret, struct err_detail *detail) {
  struct pg_conn *c = calloc(1, sizeof *c);
  if (!c) return ERR_NO_MEMORY;
  c->config = *config;
  c->timeout_ms = config->timeout_ms ? config->timeout_ms : PG_TIMEOUT_MS;
  c->is_prepared = calloc(config->statement_count + 1, sizeof *c->is_prepared);
  enum err e = c->is_prepared ? pg_address_from(str_of(config->url), &c->address, detail) : ERR_NO_MEMORY;
  if (e == ERR_OK) e = connect_anew(c, detail);
  c->config.url = NULL;
  if (e != ERR_OK) pg_close(c);
  else *ret = c;
  return e;
}

void pg_close(struct pg_conn *c) {
  if (!c) return;
  if (c->pg) PQfinish(c->pg);
  free(c->is_prepared);
  explicit_bzero(&c->address, sizeof c->address);
  free(c);
}

int pg_backend(const struct pg_conn *c) { return c->backend; }
int pg_last_backend(const struct pg_conn *c) { return c->last_backend; }
bool pg_in_transaction(const struct pg_conn *c) { return c->is_in_transaction; }
bool pg_is_late(const struct pg_conn *c) { return c->is_late; }

/* ---- sending ---- */

static enum err sent(struct pg_conn *c, int ok, pg_result_fn *fn, void *arg) {
  if (!ok) return lose(c, NULL, "sending failed");
  c->queue[c->queued++] =
      (struct sent){fn, arg}; /* libpq sends when 8 KiB have come together, and at settle */
  return ERR_OK;
}

/* Room for one more command, in pipeline mode. */
static enum err make_ready(struct pg_conn *c, struct err_detail *detail) {
  if (!c->pg) return lose(c, detail, "");
  if (c->queued == PG_QUEUE_MAX) {
    enum err e = pg_settle(c, detail);
    c->is_late = e != ERR_OK;
    TRY(e);
  }
  if (PQpipelineStatus(c->pg) == PQ_PIPELINE_OFF && !PQenterPipelineMode(c->pg))
    return lose(c, detail, "no pipeline");
  return ERR_OK;
}

/* Reads what the command left, one result or more; *error becomes the first failure. */
static bool take_command(struct pg_conn *c, const struct sent *s, PGresult **ret_last, enum err *error,
                         struct err_detail *detail, int64_t until_ms) {
  bool is_lost = false;
  PGresult *r;
  while ((r = next_result(c, until_ms, &is_lost))) {
    if (is_good(r)) {
      if (s->fn) s->fn(s->arg, r);
    } else if (*error == ERR_OK && PQresultStatus(r) != PGRES_PIPELINE_ABORTED) {
      *error = result_error(c, r, detail);
    }
    is_lost = is_farewell(r);
    if (ret_last && !*ret_last && is_good(r)) *ret_last = r;
    else PQclear(r);
    if (is_lost) return false;
  }
  return !is_lost;
}

/* Everything under way; ret_last, if given, gets the result of the last command and is NULL on error. */
static enum err settle(struct pg_conn *c, PGresult **ret_last, struct err_detail *detail) {
  enum err error = ERR_OK;
  bool is_lost = false;
  size_t count = c->queued, failed_at = count;
  c->is_late = false;
  if (!c->pg) return lose(c, detail, "");
  if (count == 0) return ERR_OK;
  if (!PQpipelineSync(c->pg)) return lose(c, detail, "sending failed");
  int64_t until_ms = deadline(c);
  for (size_t i = 0; i < count && !is_lost; i++) {
    is_lost = !take_command(c, &c->queue[i], i + 1 == count ? ret_last : NULL, &error, detail, until_ms);
    if (error != ERR_OK && failed_at == count) failed_at = i;
  }
  if (!is_lost) PQclear(next_result(c, until_ms, &is_lost)); /* of the sync */
  c->queued = 0;
  c->is_late = failed_at + 1 < count;
  if (is_lost) {
    if (ret_last) PQclear(*ret_last), *ret_last = NULL;
    return lose(c, detail, "it hung up or did not answer in time");
  }
  ASSERT(PQpipelineStatus(c->pg) != PQ_PIPELINE_ABORTED);
  return error;
}

enum err pg_settle(struct pg_conn *c, struct err_detail *detail) { return settle(c, NULL, detail); }

static enum err prepare(struct pg_conn *c, size_t statement, const struct pg_args *args,
                        struct err_detail *detail) {
  char name[24];
  ASSERT(statement < c->config.statement_count);
  if (c->is_prepared[statement]) return ERR_OK;
  enum err e = settle(c, NULL, detail);
  c->is_late = e != ERR_OK;
  TRY(e);
  TRY(make_ready(c, detail));
  snprintf(name, sizeof name, "s%zu", statement);
  TRY(sent(c, PQsendPrepare(c->pg, name, c->config.statements[statement], args->count, args->types), NULL,
           NULL));
  e = settle(c, NULL, detail);
  if (e != ERR_OK) err_hint(detail, "statement: %.200s", c->config.statements[statement]);
  TRY(e);
  c->is_prepared[statement] = true;
  return ERR_OK;
}

static enum err queue(struct pg_conn *c, size_t statement, const struct pg_args *args,
                      struct err_detail *detail, struct sent s) {
  char name[24];
  c->is_late = false;
  TRY(prepare(c, statement, args, detail));
  TRY(make_ready(c, detail));
  snprintf(name, sizeof name, "s%zu", statement);
  return sent(c, PQsendQueryPrepared(c->pg, name, args->count, args->values, args->lengths, args->formats, 0),
              s.fn, s.arg);
}

static enum err queue_plain(struct pg_conn *c, const char *sql, const struct pg_args *args,
                            struct err_detail *detail, struct sent s) {
  c->is_late = false;
  TRY(make_ready(c, detail));
  return sent(
      c,
      PQsendQueryParams(c->pg, sql, args->count, args->types, args->values, args->lengths, args->formats, 0),
      s.fn, s.arg);
}

enum err pg_send(struct pg_conn *c, size_t statement, const struct pg_args *args, pg_result_fn *fn,
                 void *arg) {
  return queue(c, statement, args, NULL, (struct sent){fn, arg});
}

static const struct pg_args no_args;

enum err pg_send_plain(struct pg_conn *c, const char *sql, pg_result_fn *fn, void *arg) {
  return queue_plain(c, sql, &no_args, NULL, (struct sent){fn, arg});
}

enum err pg_ask(struct pg_conn *c, size_t statement, const struct pg_args *args, PGresult **ret,
                struct err_detail *detail) {
  PGresult *r = NULL;
  TRY(queue(c, statement, args, detail, (struct sent){}));
  TRY(settle(c, &r, detail));
  *ret = r;
  return ERR_OK;
}

enum err pg_ask_plain(struct pg_conn *c, const char *sql, const struct pg_args *args, PGresult **ret,
                      struct err_detail *detail) {
  PGresult *r = NULL;
  TRY(queue_plain(c, sql, args ? args : &no_args, detail, (struct sent){}));
  TRY(settle(c, &r, detail));
  *ret = r;
  return ERR_OK;
}

enum err pg_script(struct pg_conn *c, const char *sql, struct err_detail *detail) {
  enum err error = settle(c, NULL, detail);
  c->is_late = error != ERR_OK;
  TRY(error);
  if (PQpipelineStatus(c->pg) != PQ_PIPELINE_OFF && !PQexitPipelineMode(c->pg))
    return lose(c, detail, "no end of the pipeline");
  if (!PQsendQuery(c->pg, sql)) return lose(c, detail, "sending failed");
  return take_command(c, &(struct sent){}, NULL, &error, detail, deadline(c))
             ? error
             : lose(c, detail, "it hung up or did not answer in time");
}

/* ---- transactions ---- */

static void take_xid(void *arg, const PGresult *r) {
  struct pg_conn *c = arg;
  if (PQntuples(r) != 1) return;
  (void)str_copy(c->xid, sizeof c->xid, str_of(PQgetvalue(r, 0, 0)));
  (void)str_copy(c->begun, sizeof c->begun, str_of(PQgetvalue(r, 0, 1)));
}

enum err pg_begin(struct pg_conn *c, bool is_write, struct err_detail *detail) {
  ASSERT(!c->is_in_transaction);
  TRY(pg_need(c, detail));
  c->xid[0] = 0;
  const char *sql = is_write ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
                             : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
  TRY(queue_plain(c, sql, &no_args, detail, (struct sent){}));
  c->is_in_transaction = true;
  return is_write ? pg_send_plain(c, "SELECT pg_current_xact_id(), clock_timestamp()", take_xid, c) : ERR_OK;
}

void pg_rollback(struct pg_conn *c) {
  if (!c->pg) c->is_in_transaction = false;
  if (!c->is_in_transaction) return;
  enum err e = settle(c, NULL, NULL);
  if (c->pg) e = pg_send_plain(c, "ROLLBACK", NULL, NULL);
  if (c->pg) e = settle(c, NULL, NULL);
  if (c->pg && e != ERR_OK) (void)lose(c, NULL, "no rollback"); /* which rolls back, too */
  c->is_in_transaction = false;
}

/* A server that crashes forgets the numbers of transactions of which nothing had reached the disk, and gives them again:
 * pg_xact_status() then says "in the future", or tells what became of somebody else's. Its first checkpoint afterwards
 * names the number with which it went on. */
static const char status_sql[] =
    "SELECT CASE WHEN (pg_postmaster_start_time() > $2::timestamptz OR checkpoint_time > $2::timestamptz) "
    "AND "
    "$1::xid8 >= (split_part(next_xid, ':', 1)::numeric * 4294967296 + split_part(next_xid, ':', "
    "2)::numeric)::text::xid8 THEN 'forgotten' ELSE pg_xact_status($1::xid8) END FROM "
    "pg_control_checkpoint()";

/* What the server says of a commit: ERR_BUSY while it has not decided. */
static enum err look_up(struct pg_conn *c, const char *xid, const char *begun) {
  struct pg_args args = {};
  PGresult *r;
  pg_arg_text(&args, xid);
  pg_arg_text(&args, begun);
  enum err asked = pg_ask_plain(c, status_sql, &args, &r, NULL);
  if (asked == ERR_INVALID) return ERR_CLOSED; /* in the future */
  TRY(asked);
  struct str status = str_of(PQgetvalue(r, 0, 0));
  enum err e = str_eq(status, STR("committed"))     ? ERR_OK
               : str_eq(status, STR("in progress")) ? ERR_BUSY
                                                    : ERR_CLOSED;
  PQclear(r);
  if (e != ERR_BUSY) return e;
  /* Our old session, which has not noticed yet that we are gone. */
  char pid[16];
  snprintf(pid, sizeof pid, "%d", c->last_backend);
  args.count = 0;
  pg_arg_text(&args, pid);
  if (pg_ask_plain(c, "SELECT pg_terminate_backend($1::int)", &args, &r, NULL) == ERR_OK) PQclear(r);
  return ERR_BUSY;
}

/* The connection went while a commit was under way: asks until the server tells, so that what was applied is never
 * called lost, nor the other way round. */
static enum err resolve(struct pg_conn *c, struct err_detail *detail) {
  char xid[sizeof c->xid], begun[sizeof c->begun];
  int64_t until_ms = now_ms() + c->timeout_ms;
  memcpy(xid, c->xid, sizeof xid);
  memcpy(begun, c->begun, sizeof begun);
  enum err e = ERR_BUSY;
  if (c->config.is_away) atomic_store(c->config.is_away, true);
  while (e != ERR_OK && e != ERR_CLOSED) {
    const atomic_bool *stop = c->config.is_stopping;
    if (stop ? atomic_load(stop) : now_ms() >= until_ms) break;
    e = pg_need(c, NULL);
    if (e == ERR_OK) e = look_up(c, xid, begun);
    if (e != ERR_OK && e != ERR_CLOSED) poll(NULL, 0, DOUBT_POLL_MS);
  }
  if (c->config.is_away) atomic_store(c->config.is_away, false);
  if (e == ERR_OK) return ERR_OK;
  (void)err_set(detail, ERR_UNAVAILABLE, c->config.name, 0,
                "the connection to PostgreSQL was lost in a commit");
  if (e != ERR_CLOSED) err_hint(detail, "the outcome is unknown");
  return ERR_UNAVAILABLE;
}

static void take_tag(void *arg, const PGresult *r) {
  struct pg_conn *c = arg;
  /* COMMIT of a transaction that has failed before is answered so. */
  if (strcmp(PQcmdStatus((PGresult *)(uintptr_t)r), "ROLLBACK") == 0) c->is_in_transaction = false;
}

enum err pg_commit(struct pg_conn *c, struct err_detail *detail) {
  ASSERT(c->is_in_transaction || !c->pg);
  if (!c->xid[0] && c->queued) { /* what is to be asked for should the answer be lost */
    enum err e = settle(c, NULL, detail);
    if (e != ERR_OK) pg_rollback(c);
    TRY(e);
  }
  if (!c->pg) return lose(c, detail, "");
  enum err e = pg_send_plain(c, "COMMIT", take_tag, c);
  if (c->pg) e = settle(c, NULL, detail);
  if (!c->pg) return c->xid[0] ? resolve(c, detail) : lose(c, detail, "");
  if (e != ERR_OK) {
    pg_rollback(c);
    return e;
  }
  if (!c->is_in_transaction) return err_set(detail, ERR_IO, c->config.name, 0, "the transaction had failed");
  c->is_in_transaction = false;
  return ERR_OK;
}

/* ---- the rest ---- */

bool pg_was_notified(struct pg_conn *c) {
  bool was = c->was_notified;
  c->was_notified = false;
  if (!c->pg || c->queued) return was;
  if (!PQconsumeInput(c->pg)) return was;
  for (PGnotify *n; (n = PQnotifies(c->pg)); PQfreemem(n)) was = true;
  return was;
}

int64_t pg_result_int(const PGresult *r, int row, int column) {
  const char *text = PQgetvalue(r, row, column);
  return text[0] == 't' ? 1 : strtoll(text, NULL, 10);
}

bool pg_instant_from(struct str text, int64_t *ret_ms) {
  char padded[48];
  if (text.len + 2 > sizeof padded) return false;
  memcpy(padded, text.ptr, text.len);
  if (text.len > 0 && text.ptr[text.len - 1] == '0' && str_ends(text, STR("+00")))
    text.len -= 3; /* timestamptz */
  padded[text.len] = 'Z';
  return instant_from_text((struct str){padded, text.len + 1}, ret_ms);
}
