/* Backups by their jobs, and worlds back from them. */
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/os_file.h"
#include "tests/support/check.h"
#include "tests/support/ladder_fixture.h"
#include "worlds/backup.h"

#define D FIX_DAY

static void make_store(struct ladder_fixture *f) {
  char path[200];
  sqlite3 *db;
  (void)snprintf(path, sizeof path, "%s/sereno.db", f->folder);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(
      sqlite3_exec(db, "PRAGMA journal_mode=WAL; CREATE TABLE j(n); INSERT INTO j VALUES(7)", 0, 0, 0), 0);
  sqlite3_close(db);
  (void)snprintf(path, sizeof path, "%s/sereno.ini", f->folder);
  CHECK_OK(os_write_file(path, STR("[http]\nport=3000\n"), 0600, NULL));
}

static bool has_file(struct ladder_fixture *f, const char *backup, const char *file) {
  char path[400];
  struct stat st;
  (void)snprintf(path, sizeof path, "%s/backups/%s/%s", f->folder, backup, file);
  return stat(path, &st) == 0;
}

static int count_backups(struct ladder_fixture *f) {
  char path[200];
  int n = 0;
  (void)snprintf(path, sizeof path, "%s/backups", f->folder);
  DIR *dir = opendir(path);
  assert_non_null(dir);
  for (struct dirent *d; (d = readdir(dir));) n += d->d_name[0] != '.';
  closedir(dir);
  return n;
}

static json_t *restore(struct ladder_fixture *f, const char *backup, const char *id, enum err *ret) {
  struct world_reply r = {};
  JSON_AUTO json_t *args = json_pack("{s:s, s:s}", "backup", backup, "worldId", id);
  struct world_request q = {.call = world_call_find(STR("world.restore")),
                            .now_ms = f->now_ms,
                            .actor = {.kind = ACTOR_ADMIN, .name = STR("user:root")},
                            .args = args};
  *ret = worlds_call(&f->lane, &q, &r);
  json_t *body = json_incref(r.body);
  world_reply_free(&r);
  return body;
}

static void a_deleted_world_comes_back_from_the_system_backup(void **state) { /* */
  (void)state;
  struct ladder_fixture f;
  struct world_row row;
  enum err e;
  ladder_fixture_open(&f);
  make_store(&f);
  ladder_world(&f, "w", 0);
  json_decref(
      ladder_call(&f, "world.message", "w", json_pack("{s:s}", "text", "hola"))); /* only live until now */
  JSON_AUTO json_t *made = ladder_job(&f, "system_backup", NULL, NULL);
  char *name = str_dup(json_text_at(made, "name"));
  assert_true(has_file(&f, name, "MANIFEST.json") && has_file(&f, name, "sereno.db.zst"));
  json_decref(ladder_call(&f, "world.erase", "w", NULL));
  json_decref(restore(&f, name, "gone", &e));
  assert_int_equal(e, ERR_NOT_FOUND);
  json_t *back = restore(&f, name, "w", &e);
  CHECK_OK(e);
  json_decref(back);
  CHECK_OK(ladder_row(&f, "w", &row));
  json_t *again = ladder_call(&f, "world.message", "w", json_pack("{s:s}", "text", "sigo"));
  assert_true(ladder_number(again, "turn") == 2); /* the first message is in it */
  json_decref(again);
  json_decref(restore(&f, name, "w", &e));
  assert_int_equal(e, ERR_CONFLICT);
  json_decref(restore(&f, "../../etc", "w", &e));
  assert_int_equal(e, ERR_INVALID);
  free(name);
  ladder_fixture_close(&f);
}

static void worlds_are_in_the_second_backup_only(void **state) { /* */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  make_store(&f);
  ladder_world(&f, "w", 0);
  JSON_AUTO json_t *made = ladder_job(&f, "config_backup", NULL, NULL);
  const char *name = json_string_value(json_object_get(made, "name"));
  assert_true(has_file(&f, name, "sereno.db.zst") && has_file(&f, name, "sereno.ini.zst"));
  assert_false(has_file(&f, name, "worlds.db.zst") || has_file(&f, name, "worlds"));
  char from[300], to[300];
  sqlite3 *db;
  sqlite3_stmt *s;
  (void)snprintf(from, sizeof from, "%s/backups/%s/sereno.db.zst", f.folder, name);
  (void)snprintf(to, sizeof to, "%s/copy.db", f.folder);
  CHECK_OK(backup_decompress(from, to, NULL));
  assert_int_equal(sqlite3_open_v2(to, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT n FROM j", -1, &s, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(s), SQLITE_ROW);
  assert_int_equal(sqlite3_column_int(s, 0), 7);
  sqlite3_finalize(s);
  sqlite3_close(db);
  ladder_fixture_close(&f);
}

static void the_newest_are_kept(void **state) {
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  make_store(&f);
  json_decref(ladder_job(&f, "system_backup", NULL, NULL));
  for (int i = 0; i < 5; i++, f.now_ms += D)
    json_decref(ladder_job(&f, "config_backup", json_pack("{s:i}", "keep", 2), NULL));
  assert_int_equal(count_backups(&f), 3);
  ladder_fixture_close(&f);
}

static void what_cannot_be_read_back_is_no_backup(void **state) {
  (void)state;
  struct ladder_fixture f;
  struct world_reply r = {};
  char path[300];
  ladder_fixture_open(&f);
  make_store(&f);
  JSON_AUTO json_t *begun = ladder_call(&f, "backup.begin", NULL, json_pack("{s:s}", "kind", "config"));
  const char *name = json_string_value(json_object_get(begun, "name"));
  JSON_AUTO json_t *copied =
      ladder_call(&f, "backup.file", NULL, json_pack("{s:s, s:s}", "name", name, "file", "sereno.db"));
  (void)snprintf(path, sizeof path, "%s/backups/%s.part/sereno.db.zst", f.folder, name);
  assert_int_equal(truncate(path, 20), 0);
  json_t *args =
      json_pack("{s:s, s:O, s:i}", "name", name, "files", json_object_get(copied, "files"), "keep", 1);
  assert_int_equal(ladder_try(&f, "backup.finish", NULL, args, STR_NONE, &r), ERR_STORE_CORRUPT);
  assert_false(has_file(&f, name, "MANIFEST.json"));
  char to[300];
  (void)snprintf(to, sizeof to, "%s/copy.db", f.folder);
  assert_int_equal(backup_decompress(path, to, NULL), ERR_STORE_CORRUPT);
  world_reply_free(&r);
  ladder_fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_deleted_world_comes_back_from_the_system_backup),
      cmocka_unit_test(worlds_are_in_the_second_backup_only),
      cmocka_unit_test(the_newest_are_kept),
      cmocka_unit_test(what_cannot_be_read_back_is_no_backup),
  };
  int failed = cmocka_run_group_tests_name("SQLite", tests, NULL, NULL);
  ladder_on_postgres = true;
  return failed + cmocka_run_group_tests_name("PostgreSQL", tests, NULL, NULL);
}
