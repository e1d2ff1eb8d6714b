/* Every statement of the worlds is understood by PostgreSQL, too (SQLite says so at every open). */
#include "worlds/sql.h"

#include <stdio.h>

#include "tests/support/check.h"
#include "tests/support/pg_fixture.h"
#include "worlds/schema.h"

#define TEXT_MAX 16384

static void every_statement_is_understood_by_postgresql(void **state) {
  (void)state;
  char url[PG_FIXTURE_URL_MAX];
  struct sqldb *db;
  pg_fixture_schema(url);
  struct sqldb_config config = {.url = url};
  CHECK_OK(sqldb_open(&config, &db, NULL));
  CHECK_OK(world_schema_up(db, NULL));
  int bad = 0;
  for (size_t i = 0; i < WORLD_SQL_COUNT; i++) {
    static char text[TEXT_MAX];
    struct err_detail detail = {};
    const struct sql_statement *s = &world_statements[i];
    assert_true((size_t)snprintf(text, sizeof text, "PREPARE s%zu AS %s", i,
                                 s->postgres ? s->postgres : s->text) < sizeof text);
    if (sqldb_script(db, str_of(text), &detail) == ERR_OK) continue;
    print_error("%s: %s\n", s->name, detail.message);
    bad++;
  }
  sqldb_close(db);
  pg_fixture_drop(url);
  assert_int_equal(bad, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_statement_is_understood_by_postgresql)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
