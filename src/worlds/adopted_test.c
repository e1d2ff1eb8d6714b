/* An application's own "World" in PostgreSQL, as Prisma makes it: ids of type uuid or text, columns of its own that may not
 * be null, a foreign key (B-33, B-60, B-71, X-25). */
#include "worlds/schema.h"

#include "tests/support/check.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/worlds_fixture.h"

#define ANA "11111111-1111-1111-1111-111111111111"
#define ID "22222222-2222-2222-2222-222222222222"
#define NOBODY "33333333-3333-3333-3333-333333333333"

static const char *const key_types[] = {"uuid", "text"};
static const char *key_type;

static void adopt(struct worlds_fixture *f, const char *extra) {
  char ddl[2000];
  CHECK_OK(world_schema_down(f->lane.db, NULL));
  snprintf(ddl, sizeof ddl,
           "CREATE TABLE \"User\" (id %s PRIMARY KEY);INSERT INTO \"User\" VALUES('" ANA
           "');"
           "CREATE TABLE \"World\" (id %s PRIMARY KEY, name varchar(80) NOT NULL, \"userId\" %s NOT NULL "
           "REFERENCES "
           "\"User\"(id), \"genreTag\" text NOT NULL, tags jsonb, \"createdAt\" timestamptz NOT NULL DEFAULT "
           "CURRENT_TIMESTAMP, \"updatedAt\" timestamp(3) NOT NULL%s);"
           "INSERT INTO \"World\" VALUES('" ID "','Uno','" ANA
           "','fantasy','{\"a\":[1,null]}',"
           "'2025-01-02T03:04:05Z','2025-01-02 03:04:05');",
           key_type, key_type, key_type, extra);
  worlds_sql(f, ddl);
}

static int set_up(void **state) {
  static struct worlds_fixture f;
  key_type = *(const char **)*state;
  worlds_open(&f, WORLDS_POSTGRES);
  adopt(&f, "");
  CHECK_OK(world_schema_up(f.lane.db, NULL));
  worlds_reopen(&f);
  worlds_sql(&f, "UPDATE \"World\" SET \"lastActiveAt\"='2025-11-21T12:00:00Z'");
  *state = &f;
  return 0;
}

/* As the application sees it. */
static const char *psql(struct worlds_fixture *f, const char *sql) { return pg_fixture_sql(f->url, sql); }

static int tear_down(void **state) {
  worlds_close(*state);
  return 0;
}

static void job(struct worlds_fixture *f, const char *name) { json_decref(run_job(f, name, NULL, NULL)); }

static void its_worlds_climb_the_ladder_and_wake(void **state) {
  static const char *const jobs[] = {
      "sync", "cleanup", "auto-pause", "memory-consolidation", "emergent-events", "delete-scheduled-worlds"};
  struct worlds_fixture *f = *state;
  assert_int_equal(say(f, ID, ANA, "hola"), 1);
  for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) job(f, jobs[i]);
  assert_string_equal(world_column(f, ID, "interactions"), "1");
  assert_string_equal(world_column(f, ID, "isPaused"), "false");
  f->now_ms += 25 * WORLDS_HOUR;
  job(f, "auto-pause");
  assert_string_equal(world_column(f, ID, "pauseReason"), "inactivity_24h");
  JSON_AUTO json_t *why = world_ask(f, "world.should_pause", ID, ANA, NULL);
  assert_string_equal(world_text(why, "worldName"), "Uno");
  JSON_AUTO json_t *list = world_ask(f, "world.list", NULL, ANA, NULL);
  assert_int_equal(json_array_size(json_object_get(list, "worlds")), 1);
  JSON_AUTO json_t *row = world_ask(f, "world.get", ID, ANA, NULL);
  assert_string_equal(world_text(row, "createdAt"), "2025-01-02T03:04:05.000Z");
  assert_int_equal(say(f, ID, ANA, "otra vez"), 2);
  assert_string_equal(world_column(f, ID, "status"), "RUNNING");
}

/* As an application does, past everything of ours: turns from FROM to TO. */
static void insert_rows(struct worlds_fixture *f, int from, int to) {
  char sql[400];
  snprintf(sql, sizeof sql,
           "INSERT INTO \"WorldInteraction\"(\"worldId\",\"turn\",\"at\",\"speaker\",\"isUser\",\"text\") "
           "SELECT '" ID "',n,'2025-11-20T12:00:00Z','Bot',false,'row '||n FROM generate_series(%d,%d) n",
           from, to);
  worlds_sql(f, sql);
}

static void rows_of_the_application_are_counted_for_consolidation(void **state) {
  struct worlds_fixture *f = *state;
  insert_rows(f, 1, 1000);
  json_t *result = run_job(f, "memory-consolidation", NULL, NULL);
  assert_int_equal(world_int(result, "worldsConsolidated"), 0); /* exactly 1,000 */
  json_decref(result);
  insert_rows(f, 5001, 5001);
  result = run_job(f, "memory-consolidation", NULL, NULL);
  assert_int_equal(world_int(result, "worldsConsolidated"), 1);
  assert_int_equal(world_int(result, "interactionsDeleted"), 901);
  json_decref(result);
  assert_string_equal(psql(f, "SELECT count(*) FROM \"WorldInteraction\""), "100");
  assert_string_equal(world_column(f, ID, "interactions"), "100");
}

static void a_message_keeps_its_turn_beside_rows_of_the_application(void **state) {
  struct worlds_fixture *f = *state;
  assert_int_equal(say(f, ID, ANA, "first"), 1);
  insert_rows(f, 2, 4);
  job(f, "sync");
  assert_string_equal(psql(f, "SELECT \"turn\" FROM \"WorldInteraction\" WHERE \"text\"='first'"), "1");
  (void)say(f, ID, ANA, "taken");
  (void)say(f, ID, ANA, "taken too");
  job(f, "sync");
  job(f, "sync");
  assert_string_equal(psql(f,
                           "SELECT string_agg(\"turn\"||' '||\"text\",', ' ORDER BY \"turn\") FROM "
                           "\"WorldInteraction\""),
                      "1 first, 2 row 2, 3 row 3, 4 row 4, 5 taken, 6 taken too");
  insert_rows(f, 20, 20);
  f->now_ms += 2 * WORLDS_HOUR;
  job(f, "cleanup");
  assert_int_equal(say(f, ID, ANA, "woken"), 21);
}

static void an_id_that_cannot_be_is_not_found(void **state) {
  struct worlds_fixture *f = *state;
  assert_int_equal(world_try(f, &f->lane, "world.get", "nope", ANA, NULL, NULL, NULL), ERR_NOT_FOUND);
}

static enum err import_as(struct worlds_fixture *f, enum world_actor_kind kind, struct str file) {
  struct world_reply r = {};
  JSON_AUTO json_t *none = json_object();
  struct world_request q = {.call = world_call_find(STR("world.import")),
                            .now_ms = f->now_ms,
                            .actor = {.kind = kind, .user_id = STR(ANA), .name = STR("test")},
                            .args = none,
                            .payload = file};
  enum err e = worlds_call(&f->lane, &q, &r);
  world_reply_free(&r);
  return e;
}

static void an_export_brings_its_own_columns_back_but_not_from_a_users_hand(void **state) {
  struct worlds_fixture *f = *state;
  struct world_reply export = {};
  JSON_AUTO json_t *none = json_object();
  say(f, ID, ANA, "hola");
  struct world_request q = {.call = world_call_find(STR("world.export")),
                            .now_ms = f->now_ms,
                            .actor = {.kind = ACTOR_USER, .user_id = STR(ANA), .name = STR("test")},
                            .world_id = STR(ID),
                            .args = none};
  CHECK_OK(worlds_call(&f->lane, &q, &export));
  world_do(f, "world.erase", ID, ANA, NULL);
  assert_string_equal(psql(f, "SELECT count(*) FROM \"World\""), "0");
  assert_int_equal(import_as(f, ACTOR_USER, buf_str(&export.payload)), ERR_INVALID);
  CHECK_OK(import_as(f, ACTOR_ADMIN, buf_str(&export.payload)));
  assert_string_equal(
      psql(f, "SELECT concat_ws('|',name,\"userId\",\"genreTag\",tags,interactions) FROM \"World\""),
      "Uno|" ANA "|fantasy|{\"a\": [1, null]}|1");
  world_reply_free(&export);
}

static void its_columns_are_its_own(void **state) {
  struct worlds_fixture *f = *state;
  struct err_detail d = {};
  const char *make = "{'id':'" NOBODY "','ownerId':'" ANA "'}";
  assert_int_equal(world_try(f, &f->lane, "world.create", NULL, "admin:root", make, NULL, &d), ERR_INVALID);
  assert_non_null(strstr(d.message, "genreTag"));
  assert_int_equal(world_try(f, &f->lane, "world.edit", ID, ANA, "{'ownerId':'" NOBODY "'}", NULL, NULL),
                   ERR_CONFLICT);
  world_do(f, "world.edit", ID, ANA, "{'name':'Dos'}");
  assert_string_equal(world_column(f, ID, "name"), "Dos");
  worlds_sql(f, "ALTER TABLE \"World\" ALTER \"genreTag\" SET DEFAULT 'none'");
  world_do(f, "world.create", NULL, "admin:root", make);
  assert_string_equal(psql(f, "SELECT \"userId\" FROM \"World\" WHERE id='" NOBODY "'"), ANA);
  assert_int_equal(world_try(f, &f->lane, "world.create", NULL, "admin:root", make, NULL, NULL),
                   ERR_CONFLICT);
}

static void a_column_of_a_type_we_cannot_use_is_told(void **state) {
  struct worlds_fixture *f = *state;
  struct err_detail d = {};
  CHECK_OK(world_schema_down(f->lane.db, NULL));
  assert_string_equal(worlds_value(f, "SELECT count(*) FROM pg_views WHERE schemaname=current_schema()"),
                      "0");
  worlds_sql(
      f, "CREATE TYPE \"State\" AS ENUM('on','off');ALTER TABLE \"World\" ADD status \"State\" DEFAULT 'on'");
  assert_int_equal(world_schema_up(f->lane.db, &d), ERR_CONFLICT);
  assert_non_null(strstr(d.message, "status"));
  assert_non_null(strstr(d.message, "State"));
}

#define ON(key, test) \
  { #test " (" #key ")", test, set_up, tear_down, (void *)(uintptr_t)&key_types[key] }
#define ON_BOTH(test) ON(0, test), ON(1, test)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_BOTH(its_worlds_climb_the_ladder_and_wake),
      ON_BOTH(an_id_that_cannot_be_is_not_found),
      ON_BOTH(rows_of_the_application_are_counted_for_consolidation),
      ON_BOTH(a_message_keeps_its_turn_beside_rows_of_the_application),
      ON_BOTH(an_export_brings_its_own_columns_back_but_not_from_a_users_hand),
      ON_BOTH(its_columns_are_its_own),
      ON_BOTH(a_column_of_a_type_we_cannot_use_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
