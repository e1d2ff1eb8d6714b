/* The one wrapper of libpq: a connection that prepares its statements at their first use, reads with a deadline, sends
 * writes without waiting for each (pipeline mode), comes back by itself after a loss, and finds out what became of a
 * commit whose answer it never got. It knows nothing of what the statements mean.
 *
 * One thread at a time; every call blocks, but none for longer than its timeout and a little (name resolution is the
 * system's: give hostaddr where that may be slow). Parameters and answers are texts, as PostgreSQL writes them, in UTC. */
#pragma once
#include <libpq-fe.h>
#include <stdatomic.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

#define PG_ARGS_MAX 96
#define PG_QUEUE_MAX 500    /* commands under way; both sides hold that much in memory */
#define PG_RETRY_MS 1000    /* between two attempts to connect */
#define PG_TIMEOUT_MS 10000 /* where none is given */
#define PG_GRACE_MS 2000    /* over statement_timeout, before a server counts as gone */
#define PG_ARGS_BYTES_MAX (256 * 1024 * 1024)

struct pg_conn;

struct pg_config { /* borrowed, outlives the connection, but for url */
  const char *url; /* see pg_url.h */
  const char *application;
  const char *name; /* the field of errors: "store", "worlds" */
  const char *const *statements;
  size_t statement_count;
  int timeout_ms;    /* of connecting and of one statement; 0: PG_TIMEOUT_MS */
  const char *setup; /* statements for every new connection, after our own; NULL: none */
  /* Called on every new connection after that; its error ends the connection. NULL: none. */
  enum err (*greet)(void *arg, struct pg_conn *c, struct err_detail *detail);
  void *greet_arg;
  /* How long a commit looks for its outcome when the server has gone: until *is_stopping, if given, else
   * timeout_ms; *is_away is true meanwhile. May be NULL. */
  const atomic_bool *is_stopping;
  atomic_bool *is_away;
};
/* ERR_UNAVAILABLE when the server does not answer or does not let us in; ERR_INVALID for a bad address. */
enum err pg_open(const struct pg_config *config, struct pg_conn **ret, struct err_detail *detail);
void pg_close(struct pg_conn *c); /* NULL-safe */
/* Connects anew where the connection is lost. At most once a second; in between ERR_UNAVAILABLE at once. */
enum err pg_need(struct pg_conn *c, struct err_detail *detail);
int pg_backend(const struct pg_conn *c);      /* process id of this connection's server side */
int pg_last_backend(const struct pg_conn *c); /* of the connection before it, 0 = none */

struct pg_args {
  int count;
  const char *values[PG_ARGS_MAX]; /* NULL = null; terminated unless binary */
  int lengths[PG_ARGS_MAX], formats[PG_ARGS_MAX];
  Oid types[PG_ARGS_MAX]; /* for preparing, at the first use only; 0 = as the context has it */
};
static inline void pg_arg_text(struct pg_args *a, const char *text) {
  a->types[a->count] = 0;
  a->formats[a->count] = 0;
  a->values[a->count++] = text;
}

/* Sends and goes on. fn, if any, gets the result when it is in. What goes wrong is the error of a later call: the
 * next one that waits, whose own command was then not carried out (pg_is_late tells). */
typedef void pg_result_fn(void *arg, const PGresult *r);
enum err pg_send(struct pg_conn *c, size_t statement, const struct pg_args *args, pg_result_fn *fn,
                 void *arg);
enum err pg_send_plain(struct pg_conn *c, const char *sql, pg_result_fn *fn,
                       void *arg); /* one, no parameters */
/* Waits for everything that was sent. */
enum err pg_settle(struct pg_conn *c, struct err_detail *detail);
/* Sends, waits and answers; the caller clears the result. */
enum err pg_ask(struct pg_conn *c, size_t statement, const struct pg_args *args, PGresult **ret,
                struct err_detail *detail);
enum err pg_ask_plain(struct pg_conn *c, const char *sql, const struct pg_args *args, PGresult **ret,
                      struct err_detail *detail);
/* Several statements, without parameters or rows. */
enum err pg_script(struct pg_conn *c, const char *sql, struct err_detail *detail);
/* The last error was of a command sent before the call that told it. */
bool pg_is_late(const struct pg_conn *c);

/* Transactions. A write one is READ COMMITTED, a read one a snapshot. Begin waits for nothing. */
enum err pg_begin(struct pg_conn *c, bool is_write, struct err_detail *detail);
/* On error nothing is applied; but for ERR_UNAVAILABLE with the hint "the outcome is unknown" (see is_stopping). */
enum err pg_commit(struct pg_conn *c, struct err_detail *detail);
void pg_rollback(struct pg_conn *c); /* also when none is open or the connection is lost */
bool pg_in_transaction(const struct pg_conn *c);

/* Has a NOTIFY come in since the last call? Reads what is there, never waits. */
bool pg_was_notified(struct pg_conn *c);

/* One of ours for a SQLSTATE. */
enum err pg_error_of(const char *sqlstate);
int64_t pg_result_int(const PGresult *r, int row, int column); /* 0 of null; t is 1 */
/* "2026-11-21 18:00:00.123", with or without a fraction; false for anything else (infinity, BC). */
bool pg_instant_from(struct str text, int64_t *ret_ms);
