/* The migration add_world_auto_pause on both databases (B-33, X-25). */
#include "worlds/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/check.h"
#include "tests/support/pg_fixture.h"

static const enum sqldb_kind kinds[] = {SQLDB_SQLITE, SQLDB_POSTGRES};
static enum sqldb_kind kind;
static char folder[64], url[PG_FIXTURE_URL_MAX];
static struct sqldb *db;

static int set_up(void **state) {
  kind = *(const enum sqldb_kind *)*state;
  snprintf(folder, sizeof folder, "/tmp/sereno-schema-XXXXXX");
  assert_non_null(mkdtemp(folder));
  struct sqldb_config config = {.folder = folder, .is_synchronous = true};
  if (kind == SQLDB_POSTGRES) {
    pg_fixture_schema(url);
    config.url = url;
  }
  CHECK_OK(sqldb_open(&config, &db, NULL));
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

static void sql(const char *text) {
  struct err_detail detail = {};
  enum err e = sqldb_script(db, str_of(text), &detail);
  if (e != ERR_OK) fail_msg("%s: %s", text, detail.message);
}

static bool take_text(void *arg, const struct sql_row *row) {
  struct str text = sql_row_text(row, 0);
  snprintf(arg, 200, "%.*s", STR_ARG(text));
  return false;
}

static const char *ask(const char *text) {
  static char answer[200];
  struct err_detail detail = {};
  answer[0] = 0;
  enum err e = sqldb_query_text(db, text, take_text, answer, &detail);
  if (e != ERR_OK) fail_msg("%s: %s", text, detail.message);
  return answer;
}

static void up(void) {
  struct err_detail detail = {};
  enum err e = world_schema_up(db, &detail);
  if (e != ERR_OK) fail_msg("up: %s", detail.message);
}

static const char *const promised[] = {"isPaused",     "pausedAt",   "pauseReason",
                                       "lastActiveAt", "isFavorite", "scheduledDeletion"};
static bool has_promised(void) {
  size_t found = 0, count = sizeof promised / sizeof *promised;
  for (size_t i = 0; i < count; i++) found += sqldb_has_column(db, "World", promised[i]);
  assert_true(found == 0 || found == count);
  return found == count;
}

/* As Prisma makes it for an application. */
static const char theirs[] =
    "CREATE TABLE \"World\" (\"id\" TEXT NOT NULL PRIMARY KEY, \"name\" TEXT NOT NULL, \"userId\" TEXT NOT "
    "NULL, "
    "\"status\" TEXT NOT NULL DEFAULT 'RUNNING', \"theirs\" INTEGER, \"createdAt\" INSTANT NOT NULL DEFAULT "
    "NOW);"
    "INSERT INTO \"World\"(\"id\",\"name\",\"userId\",\"theirs\") "
    "VALUES('w1','One','ana',7),('w2','Two','berta',8);";

static void a_fresh_database_gets_everything_and_the_second_time_nothing(void **state) {
  (void)state;
  BUF_AUTO struct buf plan = buf_new(100000);
  up();
  assert_true(has_promised());
  assert_true(sqldb_has_table(db, "WorldState"));
  CHECK_OK(world_schema_plan_up(db, &plan, NULL));
  assert_int_equal(plan.len, 0);
  up();
}

static void an_applications_worlds_keep_their_rows_and_gain_columns(void **state) {
  (void)state;
  sql(theirs);
  up();
  assert_true(has_promised());
  assert_string_equal(ask("SELECT \"ownerId\" FROM \"World\" WHERE \"id\"='w2'"), "berta");
  assert_string_equal(ask("SELECT \"theirs\" FROM \"World\" WHERE \"id\"='w1'"), "7");
  assert_string_equal(
      ask("SELECT count(*) FROM \"World\" WHERE \"isPaused\"=false AND \"lastActiveAt\" IS NOT NULL"), "2");
  /* and the application goes on writing as it did */
  sql("INSERT INTO \"World\"(\"id\",\"name\",\"userId\") VALUES('w3','Three','carla')");
  assert_string_equal(ask("SELECT \"id\" FROM \"World\" WHERE \"ownerId\"='carla'"), "w3");
}

static void down_takes_exactly_ours_and_up_works_again(void **state) {
  (void)state;
  sql(theirs);
  for (int i = 0; i < 2; i++) {
    up();
    CHECK_OK(world_schema_down(db, NULL));
    assert_false(has_promised());
    assert_false(sqldb_has_table(db, "WorldState") || sqldb_has_table(db, "WorldMigration"));
    assert_false(sqldb_has_column(db, "World", "ownerId"));
    assert_true(sqldb_has_column(db, "World", "status") && sqldb_has_column(db, "World", "createdAt"));
    assert_string_equal(ask("SELECT count(*) FROM \"World\" WHERE \"theirs\" IN (7,8)"), "2");
  }
  CHECK_OK(world_schema_down(db, NULL)); /* nothing to take away */
}

static void our_own_table_goes_when_it_is_empty_and_stays_with_its_rows(void **state) {
  (void)state;
  up();
  CHECK_OK(world_schema_down(db, NULL));
  assert_false(sqldb_has_table(db, "World"));
  up();
  sql("INSERT INTO \"World\"(\"id\",\"name\") VALUES('w','kept')");
  CHECK_OK(world_schema_down(db, NULL));
  assert_false(has_promised());
  assert_string_equal(ask("SELECT \"name\" FROM \"World\""), "kept");
  up();
  assert_string_equal(ask("SELECT count(*) FROM \"World\" WHERE \"isPaused\"=false"), "1");
}

static void a_column_that_is_missing_again_is_added_and_taken_away(void **state) {
  (void)state;
  sql(theirs);
  up();
  if (kind == SQLDB_SQLITE) sql("DROP TRIGGER \"World_pausedAt_text\"");
  sql(kind == SQLDB_SQLITE ? "ALTER TABLE \"World\" DROP COLUMN \"pausedAt\""
                           : "ALTER TABLE \"World\" DROP COLUMN \"pausedAt\" CASCADE"); /* the view, too */
  up();
  assert_true(has_promised());
  CHECK_OK(world_schema_down(db, NULL));
  assert_false(has_promised());
}

static void a_table_of_our_name_that_is_not_ours_is_left_alone(void **state) {
  (void)state;
  struct err_detail detail = {};
  sql(theirs);
  sql("CREATE TABLE \"WorldEvent\" (\"mine\" TEXT)");
  assert_int_equal(world_schema_up(db, &detail), ERR_CONFLICT);
  assert_non_null(strstr(detail.message, "WorldEvent"));
  assert_false(has_promised());
  CHECK_OK(world_schema_down(db, NULL));
  assert_true(sqldb_has_column(db, "WorldEvent", "mine"));
}

/* X-25, B-60: the seed's statements as they are written. */
static void the_seeds_statements_run(void **state) {
  (void)state;
  up();
  sql("INSERT INTO \"World\"(\"id\",\"name\") VALUES('test-world-id','Test')");
  sql(kind == SQLDB_POSTGRES
          ? "UPDATE \"World\" SET \"lastActiveAt\" = now() - INTERVAL '25 hours' WHERE id = 'test-world-id'"
          : "UPDATE \"World\" SET \"lastActiveAt\" = datetime('now', '-25 hours') WHERE id = "
            "'test-world-id'");
  assert_string_equal(
      ask("SELECT \"isPaused\", \"pauseReason\", \"pausedAt\" FROM \"World\" WHERE id = 'test-world-id'"),
      kind == SQLDB_POSTGRES ? "f" : "0");
}

static bool has_index(const char *name) {
  char text[200];
  snprintf(text, sizeof text,
           kind == SQLDB_POSTGRES
               ? "SELECT indexname FROM pg_indexes WHERE schemaname=current_schema() AND indexname='%s'"
               : "SELECT name FROM sqlite_master WHERE type='index' AND name='%s'",
           name);
  return strcmp(ask(text), name) == 0;
}

static const char *const later_indexes[] = {"World_owner_idx",         "WorldMember_user_idx",
                                            "WorldSummary_merged_idx", "InteractionArchive_created_idx",
                                            "WorldEvent_open_idx",     "WorldHistory_at_idx"};
#define LATER (sizeof later_indexes / sizeof *later_indexes)

static size_t count_later(void) {
  size_t n = 0;
  for (size_t i = 0; i < LATER; i++) n += has_index(later_indexes[i]);
  return n;
}

/* As the first version made it: the same tables, WorldMigration with its one row, and none of the later indexes. */
static void make_first_schema(void) {
  up();
  for (size_t i = 0; i < LATER; i++) {
    char text[100];
    snprintf(text, sizeof text, "DROP INDEX \"%s\"", later_indexes[i]);
    sql(text);
  }
  sql("DELETE FROM \"WorldMigration\" WHERE \"no\"<>1");
  sql("INSERT INTO \"World\"(\"id\",\"name\") VALUES('w','One')");
  sql("INSERT INTO \"WorldHistory\"(\"id\",\"worldId\",\"at\",\"actor\",\"action\") "
      "VALUES('h','w','2025-11-21T12:00:00.000Z','ana','said')");
  assert_int_equal(count_later(), 0);
}

static void a_database_of_the_first_version_gets_the_later_indexes_once(void **state) {
  (void)state;
  BUF_AUTO struct buf plan = buf_new(100000);
  make_first_schema();
  up();
  assert_int_equal(count_later(), LATER);
  assert_string_equal(ask("SELECT \"name\" FROM \"WorldMigration\" WHERE \"no\"=3"), "add_world_indexes");
  assert_string_equal(ask("SELECT \"actor\" FROM \"WorldHistory\""), "ana");
  CHECK_OK(world_schema_plan_up(db, &plan, NULL));
  assert_int_equal(plan.len, 0);
}

static void the_later_indexes_go_alone_and_come_back(void **state) {
  (void)state;
  up();
  CHECK_OK(world_indexes_down(db, NULL));
  assert_int_equal(count_later(), 1); /* World_owner_idx is the first migration's, too */
  assert_true(has_promised() && sqldb_has_table(db, "WorldHistory"));
  CHECK_OK(world_indexes_down(db, NULL)); /* nothing to take away */
  up();
  assert_int_equal(count_later(), LATER);
  CHECK_OK(world_schema_down(db, NULL));
  CHECK_OK(world_indexes_down(db, NULL));
}

static void an_applications_old_database_gets_them_too(void **state) {
  (void)state;
  sql(theirs);
  up();
  for (size_t i = 0; i < LATER; i++) {
    char text[100];
    snprintf(text, sizeof text, "DROP INDEX \"%s\"", later_indexes[i]);
    sql(text);
  }
  sql("DELETE FROM \"WorldMigration\" WHERE \"no\"=3");
  up();
  assert_int_equal(count_later(), LATER);
  sql("INSERT INTO \"World\"(\"id\",\"name\",\"userId\") VALUES('w3','Three','carla')");
  assert_string_equal(ask("SELECT \"id\" FROM \"World\" WHERE \"ownerId\"='carla'"), "w3");
}

#define ON(kind_, name, test) \
  { name " " #test, test, set_up, tear_down, (void *)(uintptr_t)&kinds[SQLDB_##kind_] }
#define ON_BOTH(test) ON(SQLITE, "sqlite", test), ON(POSTGRES, "pg", test)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_BOTH(a_fresh_database_gets_everything_and_the_second_time_nothing),
      ON_BOTH(an_applications_worlds_keep_their_rows_and_gain_columns),
      ON_BOTH(down_takes_exactly_ours_and_up_works_again),
      ON_BOTH(our_own_table_goes_when_it_is_empty_and_stays_with_its_rows),
      ON_BOTH(a_column_that_is_missing_again_is_added_and_taken_away),
      ON_BOTH(a_table_of_our_name_that_is_not_ours_is_left_alone),
      ON_BOTH(the_seeds_statements_run),
      ON_BOTH(a_database_of_the_first_version_gets_the_later_indexes_once),
      ON_BOTH(the_later_indexes_go_alone_and_come_back),
      ON_BOTH(an_applications_old_database_gets_them_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
