/* sqldb on SQLite and on PostgreSQL: parameters by number, instants, turns, scripts; and what a lost server does. */
#include "store/sqldb_ops.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/check.h"
#include "tests/support/pg_fixture.h"
#include "worlds/schema.h"

enum { PUT, GET, COUNT_BY_LIST, STATE_PUT, STATE_GET, PAUSE, SLOW, STATEMENTS };
static const struct sql_statement statements[] = {
    [PUT] = {"PUT", "INSERT INTO \"World\"(\"id\",\"name\",\"lastActiveAt\") VALUES($2,$1,$3)", NULL},
    [GET] = {"GET",
             "SELECT \"name\",\"lastActiveAt\",\"pausedAt\",\"isPaused\" FROM \"World\" WHERE \"id\"=$1",
             NULL},
    [COUNT_BY_LIST] = {"COUNT",
                       "SELECT count(*) FROM \"World\" WHERE \"id\" IN (SELECT value FROM json_each($1))",
                       "SELECT count(*) FROM \"World\" WHERE \"id\" IN (SELECT value FROM "
                       "jsonb_array_elements_text($1::jsonb))"},
    [STATE_PUT] = {"STATE_PUT",
                   "INSERT INTO \"WorldState\"(\"worldId\",\"version\",\"hash\",\"data\",\"savedAt\") "
                   "VALUES($1,$2,$3,$4,$5)",
                   NULL},
    [STATE_GET] = {"STATE_GET",
                   "SELECT \"version\",\"data\",\"bytes\",\"data\" FROM \"WorldState\" WHERE \"worldId\"=$1",
                   NULL},
    [PAUSE] = {"PAUSE", "UPDATE \"World\" SET \"isPaused\"=$2,\"pauseReason\"=$3 WHERE \"id\"=$1", NULL},
    [SLOW] = {"SLOW", "SELECT 1", "SELECT pg_sleep(20)"},
};
static const enum sqldb_kind kinds[] = {SQLDB_SQLITE, SQLDB_POSTGRES};
static enum sqldb_kind kind;
static char folder[64], url[PG_FIXTURE_URL_MAX];
static struct sqldb *db;

static void open_db(size_t count) {
  struct sqldb_config config = {
      .folder = folder, .statements = statements, .statement_count = count, .is_synchronous = true};
  if (kind == SQLDB_POSTGRES) config.url = url, config.timeout_ms = 2000;
  CHECK_OK(sqldb_open(&config, &db, NULL));
}

static int set_up(void **state) {
  kind = *(const enum sqldb_kind *)*state;
  if (kind == SQLDB_POSTGRES) pg_fixture_schema(url);
  snprintf(folder, sizeof folder, "/tmp/sereno-sqldb-XXXXXX");
  assert_non_null(mkdtemp(folder));
  open_db(0);
  CHECK_OK(world_schema_up(db, NULL));
  sqldb_close(db);
  open_db(STATEMENTS);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  char path[128];
  sqldb_close(db);
  if (kind == SQLDB_POSTGRES) pg_fixture_drop(url);
  static const char *const names[] = {"worlds.db", "worlds.db-wal", "worlds.db-shm"};
  for (size_t i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    unlink(path);
  }
  return rmdir(folder);
}

static bool check_row(void *arg, const struct sql_row *row) {
  assert_true(str_eq(sql_row_text(row, 0), STR("Ana's")));
  assert_int_equal(sql_row_instant(row, 1), 1234567890123);
  assert_true(sql_row_is_null(row, 2));
  assert_int_equal(sql_row_instant(row, 2), INSTANT_NONE);
  assert_int_equal(sql_row_int(row, 3), 0);
  ++*(int *)arg;
  return true;
}

static void put(const char *id) {
  CHECK_OK(sqldb_exec(db, PUT,
                      SQL_ARGS(SQL_VALUE_TEXT("Ana's"), SQL_VALUE_TEXT(id), SQL_VALUE_INSTANT(1234567890123)),
                      NULL, NULL));
}

static void parameters_are_bound_by_their_number(void **state) {
  (void)state;
  int rows = 0;
  put("w1");
  CHECK_OK(sqldb_query(db, GET, SQL_ARGS(SQL_VALUE_TEXT("w1")), check_row, &rows, NULL));
  assert_int_equal(rows, 1);
}

static bool take_int(void *arg, const struct sql_row *row) {
  *(int64_t *)arg = sql_row_int(row, 0);
  return true;
}

static int64_t count(const char *list) {
  int64_t n = -1;
  CHECK_OK(sqldb_query(db, COUNT_BY_LIST, SQL_ARGS(SQL_VALUE_TEXT(list)), take_int, &n, NULL));
  return n;
}

static void a_rollback_leaves_nothing_and_a_savepoint_undoes_its_part(void **state) {
  (void)state;
  CHECK_OK(sqldb_begin(db, true, NULL));
  put("a");
  sqldb_rollback(db);
  CHECK_OK(sqldb_begin(db, true, NULL));
  put("b");
  CHECK_OK(sqldb_savepoint(db, NULL));
  put("c");
  CHECK_OK(sqldb_rollback_to(db, NULL));
  CHECK_OK(sqldb_commit(db, NULL));
  assert_int_equal(count("[\"a\",\"b\",\"c\"]"), 1);
}

static void a_second_row_of_one_id_is_a_conflict(void **state) {
  (void)state;
  put("a");
  enum err e = sqldb_exec(db, PUT, SQL_ARGS(SQL_VALUE_TEXT("x"), SQL_VALUE_TEXT("a"), SQL_VALUE_INSTANT(1)),
                          NULL, NULL);
  assert_int_equal(e, ERR_CONFLICT);
}

static bool check_state(void *arg, const struct sql_row *row) {
  const struct str *want = arg;
  assert_int_equal(sql_row_int(row, 0), INT64_MAX);
  assert_true(str_eq(sql_row_blob(row, 1), *want));
  assert_int_equal(sql_row_int(row, 2), 0);
  assert_true(str_eq(sql_row_blob(row, 3), *want));
  return true;
}

static void bytes_and_big_numbers_come_back_as_they_were(void **state) {
  (void)state;
  char bytes[256];
  for (int i = 0; i < 256; i++) bytes[i] = (char)i;
  struct str blob = {bytes, sizeof bytes};
  CHECK_OK(sqldb_exec(db, STATE_PUT,
                      SQL_ARGS(SQL_VALUE_TEXT("w"), SQL_VALUE_INT(INT64_MAX), SQL_VALUE_TEXT("h"),
                               SQL_VALUE_BLOB(blob), SQL_VALUE_INSTANT(0)),
                      NULL, NULL));
  CHECK_OK(sqldb_query(db, STATE_GET, SQL_ARGS(SQL_VALUE_TEXT("w")), check_state, &blob, NULL));
}

static void a_change_says_how_many_rows_and_a_check_is_invalid(void **state) {
  (void)state;
  int64_t changed = -1;
  put("a");
  CHECK_OK(sqldb_exec(db, PAUSE,
                      SQL_ARGS(SQL_VALUE_TEXT("a"), SQL_VALUE_BOOL(true), SQL_VALUE_TEXT("inactivity_24h")),
                      &changed, NULL));
  assert_int_equal(changed, 1);
  CHECK_OK(sqldb_exec(db, PAUSE, SQL_ARGS(SQL_VALUE_TEXT("b"), SQL_VALUE_BOOL(true), SQL_VALUE_NULL),
                      &changed, NULL));
  assert_int_equal(changed, 0);
  assert_int_equal(
      sqldb_exec(db, PAUSE, SQL_ARGS(SQL_VALUE_TEXT("a"), SQL_VALUE_BOOL(true), SQL_VALUE_TEXT("boredom")),
                 NULL, NULL),
      ERR_INVALID);
}

/* The test's server speaks no TLS: who demands it is refused, and not connected in the clear. */
static void sslmode_of_the_address_is_obeyed(void **state) {
  (void)state;
  if (kind != SQLDB_POSTGRES) return;
  char with_tls[PG_FIXTURE_URL_MAX + 20];
  struct err_detail detail = {};
  struct sqldb *secure = NULL;
  snprintf(with_tls, sizeof with_tls, "%s&sslmode=require", url);
  struct sqldb_config config = {.url = with_tls, .timeout_ms = 2000};
  enum err e = sqldb_open(&config, &secure, &detail);
  if (e == ERR_OK) e = sqldb_query_text(secure, "SELECT 1", check_row, NULL, &detail);
  sqldb_close(secure);
  assert_int_equal(e, ERR_UNAVAILABLE);
  assert_non_null(strstr(detail.message, "SSL"));
}

/* B-33: also on PostgreSQL. */
static void the_schema_goes_up_twice_and_down_with_the_rows_kept(void **state) {
  (void)state;
  put("a");
  CHECK_OK(world_schema_up(db, NULL));
  CHECK_OK(world_schema_down(db, NULL));
  assert_false(sqldb_has_table(db, "WorldState"));
  assert_false(sqldb_has_column(db, "World", "isPaused"));
  assert_true(sqldb_has_column(db, "World", "name"));
  CHECK_OK(world_schema_up(db, NULL));
  assert_true(sqldb_has_column(db, "World", "isPaused"));
  assert_int_equal(count("[\"a\"]"), 1);
}

/* ---- PostgreSQL alone ---- */

static void a_statement_that_takes_too_long_is_ended_by_the_server(void **state) {
  (void)state;
  assert_int_equal(sqldb_query(db, SLOW, SQL_NO_ARGS, NULL, NULL, NULL), ERR_TIMEOUT);
  put("a"); /* the connection goes on */
}

/* A connection is made anew at most once a second. */
static void put_late(void) {
  enum err e = ERR_UNAVAILABLE;
  for (int i = 0; i < 1000 && e == ERR_UNAVAILABLE; i++) {
    if (i > 0) poll(NULL, 0, 20);
    e = sqldb_exec(db, PUT, SQL_ARGS(SQL_VALUE_TEXT("x"), SQL_VALUE_TEXT("late"), SQL_VALUE_INSTANT(1)), NULL,
                   NULL);
  }
  assert_int_equal(e, ERR_OK);
}

/* a lost database is an error of the call; it recovers by itself, nothing is half applied. */
static void a_killed_server_fails_the_transaction_and_is_found_again(void **state) {
  (void)state;
  CHECK_OK(sqldb_begin(db, true, NULL));
  put("a");
  pg_fixture_kill();
  struct err_detail detail = {};
  assert_int_equal(
      sqldb_exec(db, PUT, SQL_ARGS(SQL_VALUE_TEXT("x"), SQL_VALUE_TEXT("b"), SQL_VALUE_INSTANT(1)), NULL,
                 &detail),
      ERR_UNAVAILABLE);
  assert_true(detail.message[0]);
  sqldb_rollback(db);
  assert_int_equal(sqldb_begin(db, true, NULL), ERR_UNAVAILABLE);
  pg_fixture_revive();
  put_late();
  assert_int_equal(count("[\"a\",\"b\",\"late\"]"), 1);
}

/* A transaction of which nothing has reached the disk when the server dies. */
static enum err commit_after_a_crash(int others, struct err_detail *detail) {
  int rows = 0;
  CHECK_OK(sqldb_begin(db, true, NULL));
  CHECK_OK(sqldb_query(db, GET, SQL_ARGS(SQL_VALUE_TEXT("nobody")), check_row, &rows, NULL));
  pg_fixture_kill();
  pg_fixture_revive();
  for (int i = 0; i < others; i++) (void)pg_fixture_sql(url, "SELECT pg_current_xact_id()");
  return sqldb_commit(db, detail);
}

/* The server gives its number to somebody else, whose commit is not ours. */
static void a_number_that_is_given_again_after_a_crash_is_not_taken_for_ours(void **state) {
  (void)state;
  struct err_detail detail = {};
  assert_int_equal(commit_after_a_crash(5, &detail), ERR_UNAVAILABLE);
  assert_string_equal(detail.hint, ""); /* the outcome is known */
}

static void a_number_that_the_server_forgot_is_no_reason_to_wait(void **state) {
  (void)state;
  struct err_detail detail = {};
  assert_int_equal(commit_after_a_crash(0, &detail), ERR_UNAVAILABLE);
  assert_string_equal(detail.hint, "");
}

static void a_session_that_was_ended_while_idle_is_replaced_unseen(void **state) {
  (void)state;
  put("a");
  pg_fixture_sql(
      url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name='sereno worlds'");
  put_late();
  assert_int_equal(count("[\"a\",\"late\"]"), 2);
}

static void the_password_of_an_address_is_not_told(void **state) {
  (void)state;
  struct err_detail detail = {};
  struct sqldb *other;
  struct sqldb_config config = {.url = "postgresql://u:hunter2@127.0.0.1:1/none", .timeout_ms = 500};
  assert_int_equal(sqldb_open(&config, &other, &detail), ERR_UNAVAILABLE);
  assert_null(strstr(detail.message, "hunter2"));
  assert_null(strchr(detail.message, '\n')); /* a job tells the last line of its error */
}

static void words_of_the_schema_are_spelt_for_each_database(void **state) {
  (void)state;
  BUF_AUTO struct buf out = buf_new(1000);
  sqldb_spell(SQLDB_POSTGRES, STR("\"at\" INSTANT, b BLOB, \"INSTANTLY\" REAL"), &out);
  assert_string_equal(buf_text(&out), "\"at\" timestamp(3), b bytea, \"INSTANTLY\" double precision");
}

/* Asks like another program: is somebody known to use the database? (fcntl(2): a process sees no locks of its own.) */
static bool is_seen_in_use(const char *path) {
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    struct flock shared = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000002, .l_len = 510};
    int fd = open(path, O_RDWR | O_CLOEXEC);
    _exit(fd >= 0 && fcntl(fd, F_GETLK, &shared) == 0 && shared.l_type != F_UNLCK);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

/* Else a look with the sqlite3 program removes the WAL under the server, and what is acknowledged later is lost. */
static void a_second_connection_leaves_the_locks_of_the_first(void **state) {
  (void)state;
  char path[128];
  struct sqldb *second;
  struct sqldb_config config = {.folder = folder, .statements = statements, .statement_count = 0};
  (void)snprintf(path, sizeof path, "%s/worlds.db", folder);
  put("w");
  assert_true(is_seen_in_use(path));
  CHECK_OK(sqldb_open(&config, &second, NULL));
  assert_true(is_seen_in_use(path));
  sqldb_close(second);
  assert_true(is_seen_in_use(path));
}

#define ON(kind_, name, test) \
  { name " " #test, test, set_up, tear_down, (void *)(uintptr_t)&kinds[SQLDB_##kind_] }
#define ON_BOTH(test) ON(SQLITE, "sqlite", test), ON(POSTGRES, "pg", test)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_BOTH(parameters_are_bound_by_their_number),
      ON_BOTH(a_rollback_leaves_nothing_and_a_savepoint_undoes_its_part),
      ON_BOTH(a_second_row_of_one_id_is_a_conflict),
      ON_BOTH(bytes_and_big_numbers_come_back_as_they_were),
      ON_BOTH(a_change_says_how_many_rows_and_a_check_is_invalid),
      ON_BOTH(the_schema_goes_up_twice_and_down_with_the_rows_kept),
      ON_BOTH(sslmode_of_the_address_is_obeyed),
      ON(SQLITE, "sqlite", a_second_connection_leaves_the_locks_of_the_first),
      ON(POSTGRES, "pg", a_statement_that_takes_too_long_is_ended_by_the_server),
      ON(POSTGRES, "pg", a_session_that_was_ended_while_idle_is_replaced_unseen),
      ON(POSTGRES, "pg", a_killed_server_fails_the_transaction_and_is_found_again),
      ON(POSTGRES, "pg", a_number_that_is_given_again_after_a_crash_is_not_taken_for_ours),
      ON(POSTGRES, "pg", a_number_that_the_server_forgot_is_no_reason_to_wait),
      ON(POSTGRES, "pg", the_password_of_an_address_is_not_told),
      cmocka_unit_test(words_of_the_schema_are_spelt_for_each_database),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
