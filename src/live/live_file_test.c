/* The file of the embedded live state. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/live_fixture.h"

static struct live_fixture fixture;
static struct live_fixture *const f = &fixture;

static int open_embedded(void **) {
  live_fixture_open(f, LIVE_EMBEDDED);
  return 0;
}

static int close_fixture(void **) {
  live_fixture_close(f);
  return 0;
}

static const char *path_of(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", f->folder, name);
  return path;
}

static int64_t file_bytes(void) {
  struct stat st;
  assert_int_equal(stat(path_of("live.db"), &st), 0);
  return st.st_size;
}

static void a_purge_gives_the_file_back(void **) { /* */
  enum { WORLDS = 200, BYTES = 100000 };
  char *big = calloc(1, BYTES), id[16];
  for (int i = 0; i < WORLDS; i++) {
    snprintf(id, sizeof id, "w%03d", i);
    live_make(f, id);
    live_set(f, id, "big", (struct str){big, BYTES});
  }
  live_fixture_reopen(f, "node:1"); /* the log is carried into the file */
  int64_t full = file_bytes();
  assert_true(full > (int64_t)WORLDS * BYTES);
  for (int i = 0; i < WORLDS; i++) {
    snprintf(id, sizeof id, "w%03d", i);
    assert_true(live_drop(f, id, 1, live_hold(f, id, NOW)));
  }
  assert_int_equal(live_figures(f).used_bytes, 0);
  live_fixture_reopen(f, "node:1");
  assert_in_range(file_bytes(), 0, full / 20);
  free(big);
}

/* Of simulations: the same state by both handles of the process, no file, and gone with the last of them. */
static void in_memory_there_is_no_file(void **) {
  struct live_config config = {
      .mode = LIVE_EMBEDDED, .folder = f->folder, .is_in_memory = true, .owner = "node:1"};
  struct live *a, *b;
  struct live_status status;
  struct live_world w = {.id = STR("w1"), .version = 1, .active_ms = NOW};
  assert_int_equal(unlink(path_of("live.db")), 0);
  CHECK_OK(live_open(&config, &a, NULL));
  CHECK_OK(live_open(&config, &b, NULL));
  CHECK_OK(live_load(a, &w, 0, NOW, NULL));
  CHECK_OK(live_status(b, &status, NULL));
  assert_int_equal(status.worlds, 1);
  live_close(a);
  live_close(b);
  assert_int_equal(access(path_of("live.db"), F_OK), -1);
  CHECK_OK(live_open(&config, &a, NULL));
  CHECK_OK(live_status(a, &status, NULL));
  assert_int_equal(status.worlds, 0);
  live_close(a);
}

static void the_file_is_private(void **) {
  struct stat st;
  assert_int_equal(stat(path_of("live.db"), &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
}

static void change_file(const char *sql) {
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path_of("live.db"), &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static enum err open_again(const char *sql) {
  struct live_config config = f->config;
  struct err_detail d = {};
  live_close(f->live);
  f->live = NULL;
  change_file(sql);
  return live_open(&config, &f->live, &d);
}

/* As the version before lives made it, with one world in it that has something unsaved. */
static const char first_schema[] =
    "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = 0x53524c56; PRAGMA journal_mode = WAL;"
    "CREATE TABLE world (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, "
    "  saved INTEGER NOT NULL, turn INTEGER NOT NULL, ticks INTEGER NOT NULL, active_ms INTEGER NOT NULL, "
    "  dirty_ms INTEGER NOT NULL, event_ms INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;"
    "CREATE INDEX world_active ON world (active_ms, id);"
    "CREATE INDEX world_dirty ON world (dirty_ms, id) WHERE dirty_ms > 0;"
    "CREATE INDEX world_events ON world (event_ms, id) WHERE event_ms > 0;"
    "CREATE TABLE field (world INTEGER NOT NULL, part INTEGER NOT NULL, name BLOB NOT NULL, bytes BLOB NOT "
    "NULL, PRIMARY KEY (world, part, name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE entry (world INTEGER NOT NULL, kind INTEGER NOT NULL, seq INTEGER NOT NULL, "
    "  at_ms INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (world, kind, seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE event (world INTEGER NOT NULL, bytes BLOB NOT NULL, at_ms INTEGER NOT NULL, "
    "  PRIMARY KEY (world, bytes)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE lock (id TEXT NOT NULL PRIMARY KEY, node TEXT NOT NULL, epoch INTEGER NOT NULL, "
    "  token INTEGER NOT NULL, until_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE total (bytes INTEGER NOT NULL, worlds INTEGER NOT NULL, dirty INTEGER NOT NULL, "
    "  fence INTEGER NOT NULL) STRICT;"
    "INSERT INTO world VALUES (1, 'w', 5, 4, 1, 0, 1763726400000, 1763726400000, 0, 8);"
    "INSERT INTO field VALUES (1, 0, x'6d6f6f64', x'6f6c64');" /* mood: old */
    "INSERT INTO entry VALUES (1, 0, 1, 1763726400000, x'78');"
    "INSERT INTO total VALUES (8, 1, 1, 7);"
    "PRAGMA user_version = 1;";

static enum err open_first_schema(void) {
  struct err_detail d = {};
  live_close(f->live);
  f->live = NULL;
  for (const char *const *name = (const char *const[]){"live.db", "live.db-wal", "live.db-shm", NULL}; *name;
       name++)
    unlink(path_of(*name));
  change_file(first_schema);
  return live_open(&f->config, &f->live, &d);
}

static void a_file_of_the_first_schema_goes_on_and_is_compared_first(void **) {
  struct live_append w = {.id = STR("w"), .active_ms = NOW};
  CHECK_OK(open_first_schema());
  for (int i = 0; i < 2; i++) { /* also when it is opened again */
    struct live_world got = live_get(f, "w");
    assert_false(got.is_checked);
    assert_int_equal(got.version, 5);
    assert_int_equal(got.journal_count, 1);
    CHECK_STR(live_core(&got, "mood"), STR("old"));
    assert_int_equal(live_figures(f).used_bytes, 8);
    assert_int_equal(live_figures(f).dirty_worlds, 1);
    CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
    assert_int_equal(w.error, ERR_PRECONDITION);
    live_fixture_reopen(f, "node:1");
  }
  w.is_checked = true;
  CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
  assert_int_equal(w.error, ERR_OK);
  live_fixture_reopen(f, "node:2");
  assert_true(live_get(f, "w").is_checked);
  assert_int_equal(live_say(f, "w", "y"), 2);
}

static void a_newer_schema_is_refused(void **) {
  assert_int_equal(open_again("PRAGMA user_version = 99"), ERR_STORE_SCHEMA);
}

/* The tables as schema 2 had them, with what is in them. */
#define TO_SCHEMA_2                                                                                         \
  "CREATE TABLE entry (world INTEGER NOT NULL, kind INTEGER NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER " \
  "NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (world, kind, seq)) STRICT, WITHOUT ROWID;"                   \
  "INSERT INTO entry SELECT world, 0, seq, at_ms, bytes FROM journal;"                                      \
  "INSERT INTO entry SELECT world, 1, seq, at_ms, bytes FROM history;"                                      \
  "CREATE TABLE field_2 (world INTEGER NOT NULL, part INTEGER NOT NULL, name BLOB NOT NULL, bytes BLOB "    \
  "NOT NULL, PRIMARY KEY (world, part, name)) STRICT, WITHOUT ROWID;"                                       \
  "INSERT INTO field_2 SELECT * FROM field;"                                                                \
  "DROP TABLE field; DROP TABLE journal; DROP TABLE history;"                                               \
  "ALTER TABLE field_2 RENAME TO field; PRAGMA user_version = 2;"

static void check_brought_up(const char *sql) {
  struct live_entry entries[] = {{.at_ms = NOW, .bytes = STR("old")},
                                 {.at_ms = NOW + 1, .bytes = STR("older")}};
  struct live_append w = {.id = STR("w"), .active_ms = NOW, .history = entries, .history_count = 2};
  live_make(f, "w");
  live_set(f, "w", "mood", STR("calm"));
  live_say(f, "w", "x");
  CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
  int64_t bytes = live_figures(f).used_bytes;
  CHECK_OK(open_again(sql));
  struct live_world is = live_get(f, "w");
  CHECK_STR(live_core(&is, "mood"), STR("calm"));
  assert_int_equal(is.journal_count, 1);
  CHECK_STR(is.journal[0].bytes, STR("x"));
  assert_int_equal(is.history_count, 2);
  assert_int_equal(live_figures(f).used_bytes, bytes);
  assert_true(live_drop(f, "w", is.version, live_hold(f, "w", NOW)));
  assert_int_equal(live_figures(f).used_bytes, 0);
}

static void schema_2_is_brought_up(void **) { check_brought_up(TO_SCHEMA_2); }

static void schema_1_is_brought_up(void **) {
  check_brought_up(TO_SCHEMA_2 "ALTER TABLE world DROP COLUMN life; PRAGMA user_version = 1;");
}

static void another_database_is_refused(void **) {
  assert_int_equal(open_again("PRAGMA application_id = 7"), ERR_STORE_CORRUPT);
}

static void all_survives_closing(void **) {
  live_make(f, "w");
  live_say(f, "w", "x");
  int64_t token = live_hold(f, "w", NOW);
  live_fixture_reopen(f, "node:1");
  assert_int_equal(live_get(f, "w").journal_count, 1);
  assert_int_equal(live_figures(f).dirty_worlds, 1);
  assert_true(live_drop(f, "w", 1, token));
}

static void a_failed_call_changes_nothing(void **) {
  struct live_field fields[] = {{STR("a"), STR("1")}, {STR("b"), STR("2")}};
  struct live_append writes[] = {{.id = STR("w"), .active_ms = NOW, .core = fields, .core_count = 2}};
  live_make(f, "w");
  change_file(
      "CREATE TRIGGER no BEFORE INSERT ON field WHEN NEW.name = x'62' BEGIN SELECT RAISE(ABORT, 'no'); END");
  struct err_detail d = {};
  assert_int_not_equal(live_write(f->live, writes, 1, NOW, &d), ERR_OK);
  assert_true(d.message[0]);
  struct live_world w = live_get(f, "w");
  assert_int_equal(w.version, 0);
  assert_int_equal(w.core_count, 0);
  assert_int_equal(live_figures(f).used_bytes, 0);
}

enum { THREADS = 4, WRITES = 500 };

static void *write_own(void *arg) {
  struct live *l = arg;
  for (int i = 0; i < WRITES; i++) {
    struct live_entry entry = {.at_ms = NOW, .bytes = STR("turn")};
    struct live_append w = {
        .id = STR("w"), .active_ms = NOW, .journal = &entry, .journal_count = 1, .messages = 1};
    if (live_write(l, &w, 1, NOW, NULL) != ERR_OK || w.error != ERR_OK) return arg;
  }
  return NULL;
}

static void handles_of_several_threads_share_the_file(void **) {
  pthread_t threads[THREADS];
  struct live *handles[THREADS];
  live_make(f, "w");
  for (int i = 0; i < THREADS; i++) {
    handles[i] = live_fixture_handle(f, "node:1");
    assert_int_equal(pthread_create(&threads[i], NULL, write_own, handles[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    void *failed;
    assert_int_equal(pthread_join(threads[i], &failed), 0);
    assert_null(failed);
    live_close(handles[i]);
  }
  struct live_world w = live_get(f, "w");
  assert_int_equal(w.turn, THREADS * WRITES);
  CHECK_STR(live_core(&w, "stats.messages"), STR("2000"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, open_embedded, close_fixture)

int main(void) {
  const struct CMUnitTest tests[] = {CASE(a_purge_gives_the_file_back),
                                     CASE(in_memory_there_is_no_file),
                                     CASE(the_file_is_private),
                                     CASE(a_file_of_the_first_schema_goes_on_and_is_compared_first),
                                     CASE(a_newer_schema_is_refused),
                                     CASE(schema_1_is_brought_up),
                                     CASE(schema_2_is_brought_up),
                                     CASE(another_database_is_refused),
                                     CASE(all_survives_closing),
                                     CASE(a_failed_call_changes_nothing),
                                     CASE(handles_of_several_threads_share_the_file)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
