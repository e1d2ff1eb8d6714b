/* sqldb over SQLite: parameters by number, instants, turns, scripts. */
#include "store/sqldb_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/check.h"
#include "worlds/schema.h"

enum { PUT, GET, COUNT_BY_LIST };
static const struct sql_statement statements[] = {
    [PUT] = {"PUT", "INSERT INTO \"World\"(\"id\",\"name\",\"lastActiveAt\") VALUES($2,$1,$3)", NULL},
    [GET] = {"GET",
             "SELECT \"name\",\"lastActiveAt\",\"pausedAt\",\"isPaused\" FROM \"World\" WHERE \"id\"=$1",
             NULL},
    [COUNT_BY_LIST] = {"COUNT",
                       "SELECT count(*) FROM \"World\" WHERE \"id\" IN (SELECT value FROM json_each($1))",
                       NULL},
};
static char folder[64];
static struct sqldb *db;

static void open_db(size_t count) {
  struct sqldb_config config = {
      .folder = folder, .statements = statements, .statement_count = count, .is_synchronous = true};
  CHECK_OK(sqldb_open(&config, &db, NULL));
}

static int set_up(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/sereno-sqldb-XXXXXX");
  assert_non_null(mkdtemp(folder));
  open_db(0);
  CHECK_OK(world_schema_up(db, NULL));
  sqldb_close(db);
  open_db(3);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  char path[128];
  sqldb_close(db);
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

static void words_of_the_schema_are_spelt_for_each_database(void **state) {
  (void)state;
  BUF_AUTO struct buf out = buf_new(1000);
  sqldb_spell(SQLDB_POSTGRES, STR("\"at\" INSTANT, b BLOB, \"INSTANTLY\" REAL"), &out);
  assert_string_equal(buf_text(&out), "\"at\" timestamp(3), b bytea, \"INSTANTLY\" double precision");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(parameters_are_bound_by_their_number, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_rollback_leaves_nothing_and_a_savepoint_undoes_its_part, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(a_second_row_of_one_id_is_a_conflict, set_up, tear_down),
      cmocka_unit_test(words_of_the_schema_are_spelt_for_each_database),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
