/* The end of worlds: B-16, B-24, B-25, B-49, B-71, U-18, U-19, U-21, U-25, X-26, A-95. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <sqlite3.h>

#include "store/sqldb_ops.h"
#include "tests/support/check.h"
#include "tests/support/ladder_fixture.h"
#include "tests/support/pg_fixture.h"
#include "worlds/export.h"
#include "worlds/load.h"

#define H FIX_HOUR
#define D FIX_DAY
#define EXPECT(result, path, want) assert_true(ladder_number(result, path) == (double)(want))

/* Marked and warned in time, its deletion at_ms. */
static void doomed(struct ladder_fixture *f, const char *id, int64_t at_ms) {
  ladder_paused(f, id, f->now_ms - (at_ms - 37 * D), PAUSE_INACTIVITY_30D);
  ladder_sql(
      f, "UPDATE \"World\" SET \"scheduledDeletion\"='%s', \"warned\"=3, \"warnedAt\"='%s' WHERE \"id\"='%s'",
      instant_to_text(at_ms).text, instant_to_text(at_ms - D).text, id);
}

#define BYTES(f) ((f)->url[0] ? "'\\x00ff7f0a'::bytea" : "x'00ff7f0a'")

/* Something of everything that may belong to a world. */
static void fill(struct ladder_fixture *f, const char *id) {
  ladder_sql(
      f,
      "INSERT INTO \"WorldMember\" VALUES('%1$s','leo',NULL);"
      "INSERT INTO \"WorldInteraction\" VALUES('%1$s',1,'2026-01-01T00:00:00.000Z','Ana',true,'bar','¡Hola! "
      "\"qué\" tal','{\"k\":1}');"
      "INSERT INTO \"WorldInteraction\" "
      "VALUES('%1$s',2,'2026-01-01T00:00:01.000Z','Leo',false,NULL,'x',NULL);"
      "INSERT INTO \"WorldState\"(\"worldId\",\"version\",\"turn\",\"hash\",\"data\",\"savedAt\") "
      "VALUES('%1$s',4,2,'h',%3$s,'2026-01-01T00:00:00.000Z');"
      "INSERT INTO \"WorldStats\"(\"worldId\",\"messages\") VALUES('%1$s',2);"
      "INSERT INTO \"NarrativeMetric\" VALUES('%1$s','2026-01-01T00:00:00.000Z',2,'{}','{}');"
      "INSERT INTO \"WorldDay\" VALUES('%1$s',20000,1,2,3);"
      "INSERT INTO \"WorldMail\" "
      "VALUES('m-%1$s','%1$s','mark','2026-01-01T00:00:00.000Z','ana',NULL,'es','s',"
      "'b','2026-01-01T00:00:00.000Z',NULL);"
      "INSERT INTO \"WorldHistory\" "
      "VALUES('h-%1$s','%1$s','2026-01-01T00:00:00.000Z','system','paused','{}');"
      "INSERT INTO \"WorldPause\" VALUES('p-%1$s','%1$s','%2$s',NULL,'inactivity_24h',80000);"
      "INSERT INTO \"WorldAnalytics\" VALUES('a-%1$s','%1$s','2026-01-01T00:00:00.000Z','n',NULL);"
      "INSERT INTO \"WorldEvent\"(\"id\",\"worldId\",\"type\",\"status\",\"createdAt\") "
      "VALUES('e-%1$s','%1$s',"
      "'party','done','2026-01-01T00:00:00.000Z')",
      id, instant_to_text(f->now_ms - 10 * D).text, BYTES(f));
}

static bool is_there(struct ladder_fixture *f, const char *id) {
  struct world_row row;
  return ladder_row(f, id, &row) == ERR_OK;
}

/* ---- looking at the file with a program of its own ---- */

static sqlite3 *open_db(struct ladder_fixture *f) {
  char path[128];
  sqlite3 *db;
  (void)snprintf(path, sizeof path, "%s/worlds.db", f->folder);
  assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
  return db;
}

static int64_t number(struct ladder_fixture *f, const char *sql) {
  if (f->url[0]) return strtoll(pg_fixture_sql(f->url, sql), NULL, 10);
  sqlite3 *db = open_db(f);
  sqlite3_stmt *s;
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(s), SQLITE_ROW);
  int64_t n = sqlite3_column_int64(s, 0);
  sqlite3_finalize(s);
  sqlite3_close(db);
  return n;
}

/* Tables in which the id occurs in any column; the ledger's and the tombstone are told apart by the caller. */
static void places_in_postgres(struct ladder_fixture *f, const char *id, struct buf *out) {
  char *names = str_dup(str_of(pg_fixture_sql(f->url,
                                              "SELECT string_agg(table_name, ' ' ORDER BY table_name COLLATE "
                                              "\"C\") FROM information_schema.tables WHERE "
                                              "table_schema=current_schema()")));
  struct str rest = str_of(names), table;
  while (str_split(&rest, ' ', &table)) {
    BUF_AUTO struct buf sql = buf_new(1000);
    buf_addf(&sql, "SELECT count(*) FROM \"%.*s\" t WHERE t::text LIKE '%%%s%%'", STR_ARG(table), id);
    if (number(f, buf_text(&sql))) buf_addf(out, "%.*s ", STR_ARG(table));
  }
  free(names);
}

static void places_of(struct ladder_fixture *f, const char *id, struct buf *out) {
  if (f->url[0]) {
    places_in_postgres(f, id, out);
    return;
  }
  sqlite3 *db = open_db(f);
  sqlite3_stmt *tables, *rows;
  sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type='table' ORDER BY 1", -1, &tables, NULL);
  while (sqlite3_step(tables) == SQLITE_ROW) {
    const char *table = (const char *)sqlite3_column_text(tables, 0);
    char sql[200];
    bool found = false;
    (void)snprintf(sql, sizeof sql, "SELECT * FROM \"%s\"", table);
    sqlite3_prepare_v2(db, sql, -1, &rows, NULL);
    while (sqlite3_step(rows) == SQLITE_ROW)
      for (int i = 0; i < sqlite3_column_count(rows); i++) {
        const char *text = (const char *)sqlite3_column_text(rows, i);
        if (text && strstr(text, id)) found = true;
      }
    sqlite3_finalize(rows);
    if (found) buf_addf(out, "%s ", table);
  }
  sqlite3_finalize(tables);
  sqlite3_close(db);
}

/* ---- tests ---- */

static void what_is_due_goes_and_the_rest_stays(void **state) { /* B-18, X-26 */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  doomed(&f, "past", f.now_ms - 1000);
  doomed(&f, "now", f.now_ms);
  doomed(&f, "future", f.now_ms + 1000);
  fill(&f, "past");
  JSON_AUTO json_t *dry = ladder_job(&f, "delete-scheduled-worlds", json_pack("{s:b}", "dryRun", 1), NULL);
  EXPECT(dry, "deleted", 0);
  assert_true(is_there(&f, "past"));
  JSON_AUTO json_t *r = ladder_job(&f, "delete-scheduled-worlds", NULL, NULL);
  EXPECT(r, "success", 1);
  EXPECT(r, "deleted", 2);
  EXPECT(r, "failed", 0);
  assert_true(!is_there(&f, "past") && !is_there(&f, "now") && is_there(&f, "future"));
  BUF_AUTO struct buf places = buf_new(4096);
  places_of(&f, "past", &places);
  CHECK_STR(buf_str(&places), STR("WorldTombstone "));
  assert_int_equal(
      number(&f, "SELECT count(*) FROM \"WorldPause\" WHERE \"worldId\"='' AND \"endedAt\" IS NOT NULL"), 1);
  ladder_fixture_close(&f);
}

static void a_world_that_cannot_be_exported_stays(void **state) { /* B-49 */
  (void)state;
  struct ladder_fixture f;
  char path[200];
  int code = 0;
  ladder_fixture_open(&f);
  for (int i = 0; i < 5; i++) {
    char id[8];
    (void)snprintf(id, sizeof id, "w%d", i);
    doomed(&f, id, f.now_ms - 1000 - i);
  }
  (void)snprintf(path, sizeof path, "%s/exports", f.folder);
  assert_int_equal(mkdir(path, 0700), 0);
  (void)snprintf(path, sizeof path, "%s/exports/w3-%lld.jsonl.zst", f.folder, (long long)f.now_ms);
  assert_int_equal(mkdir(path, 0700), 0); /* the file cannot be put in its place */
  JSON_AUTO json_t *r = ladder_job(&f, "delete-scheduled-worlds", NULL, &code);
  assert_int_equal(code, EXECUTOR_FAILED);
  EXPECT(r, "success", 0);
  EXPECT(r, "deleted", 4);
  EXPECT(r, "failed", 1);
  CHECK_STR(str_of(json_string_value(json_array_get(json_object_get(r, "failedWorldIds"), 0))), STR("w3"));
  assert_true(is_there(&f, "w3") && !is_there(&f, "w2"));
  ladder_fixture_close(&f);
}

static const struct sqldb_ops *real_ops;
static int commits;

/* The second commit of a deletion (the first is the flush's) is done, but its answer is lost. */
static enum err commit_unheard(struct sqldb *db, struct err_detail *detail) {
  TRY(real_ops->commit(db, detail));
  return ++commits == 1 ? ERR_UNAVAILABLE : ERR_OK;
}

static void an_export_stays_when_nobody_knows_whether_its_world_is_gone(void **state) { /* B-49 */
  (void)state;
  struct ladder_fixture f;
  char path[200];
  ladder_fixture_open(&f);
  doomed(&f, "w", f.now_ms - 1000);
  real_ops = f.lane.db->ops;
  struct sqldb_ops lossy = *real_ops;
  lossy.commit = commit_unheard;
  commits = 0;
  f.lane.db->ops = &lossy;
  JSON_AUTO json_t *r = ladder_call(&f, "delete.page", NULL, NULL);
  f.lane.db->ops = real_ops;
  EXPECT(r, "failed", 1);
  assert_false(is_there(&f, "w"));
  (void)snprintf(path, sizeof path, "%s/exports/w-%lld.jsonl.zst", f.folder, (long long)f.now_ms);
  assert_int_equal(access(path, R_OK), 0);
  ladder_fixture_close(&f);
}

static void no_two_worlds_share_an_export(void **state) { /* B-49 */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  doomed(&f, "a.b", f.now_ms - 1000);
  doomed(&f, "a:b", f.now_ms - 1000);
  doomed(&f, "a_b", f.now_ms - 1000);
  JSON_AUTO json_t *r = ladder_call(&f, "delete.page", NULL, NULL);
  EXPECT(r, "deleted", 3);
  assert_int_equal(number(&f, "SELECT count(DISTINCT \"exportFile\") FROM \"WorldTombstone\""), 3);
  ladder_fixture_close(&f);
}

static void nothing_goes_unwarned_or_protected(void **state) { /* U-21, B-82 */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  doomed(&f, "unwarned", f.now_ms - D);
  ladder_sql(&f, "UPDATE \"World\" SET \"warned\"=2");
  doomed(&f, "favorite", f.now_ms - D);
  ladder_sql(&f, "UPDATE \"World\" SET \"isFavorite\"=true WHERE \"id\"='favorite'");
  doomed(&f, "event", f.now_ms - D);
  ladder_sql(
      &f,
      "INSERT INTO \"WorldEvent\"(\"id\",\"worldId\",\"type\",\"status\",\"createdAt\",\"scheduledAt\") "
      "VALUES('e','event','party','scheduled','%s','%s')",
      instant_to_text(f.now_ms).text, instant_to_text(f.now_ms + H).text);
  doomed(&f, "late", f.now_ms - D); /* its last warning came an hour ago */
  ladder_sql(&f, "UPDATE \"World\" SET \"warnedAt\"='%s' WHERE \"id\"='late'",
             instant_to_text(f.now_ms - H).text);
  JSON_AUTO json_t *r = ladder_job(&f, "delete-scheduled-worlds", NULL, NULL);
  EXPECT(r, "deleted", 0);
  EXPECT(r, "notYet", 4);
  JSON_AUTO json_t *why = ladder_call(&f, "world.should_pause", "unwarned", NULL);
  CHECK_STR(json_text_at(why, "deletionWaitsFor"), STR("not_warned"));
  ladder_fixture_close(&f);
}

/* Day after day by the jobs themselves: gone on day 37 at 03:00, with three mails, each once (B-25, X-8, B-82). */
static void a_forgotten_world_lives_thirty_seven_days(void **state) {
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  int64_t start = f.now_ms - f.now_ms % D + 2 * H; /* active at 02:00 */
  f.now_ms = start;
  ladder_world(&f, "w", 0);
  int64_t gone = -1;
  double mails = 0;
  for (int hour = 1; hour < 40 * 24 && gone < 0; hour++) {
    f.now_ms = start + hour * H;
    int of_day = (hour + 2) % 24;
    if (of_day % 6 == 0) {
      JSON_AUTO json_t *r = ladder_job(&f, "auto-pause", NULL, NULL);
      mails += ladder_number(r, "stats.mailsQueued");
    }
    if (of_day != 3) continue;
    JSON_AUTO json_t *r = ladder_job(&f, "delete-scheduled-worlds", NULL, NULL);
    if (ladder_number(r, "deleted") == 1) gone = f.now_ms - start;
  }
  assert_int_equal(gone, 37 * D + H);
  assert_true(mails == 3);
  ladder_fixture_close(&f);
}

static void an_export_makes_an_equal_world(void **state) { /* B-71, U-25 */
  (void)state;
  struct ladder_fixture f;
  struct world_reply first = {}, again = {}, imported = {}, second = {};
  ladder_fixture_open(&f);
  ladder_paused(&f, "w", 3 * D, PAUSE_INACTIVITY_24H);
  fill(&f, "w");
  CHECK_OK(ladder_try(&f, "world.export", "w", NULL, STR_NONE, &first));
  assert_int_equal(ladder_try(&f, "world.import", NULL, NULL, buf_str(&first.payload), &imported),
                   ERR_CONFLICT);
  json_t *gone = ladder_call(&f, "world.erase", "w", NULL);
  json_decref(gone);
  BUF_AUTO struct buf places = buf_new(4096);
  places_of(&f, "w", &places);
  assert_false(is_there(&f, "w"));
  CHECK_OK(ladder_try(&f, "world.import", NULL, NULL, buf_str(&first.payload), &again));
  assert_int_equal(again.status, 201);
  CHECK_OK(ladder_try(&f, "world.export", "w", NULL, STR_NONE, &second));
  /* one more row of its lifeline: "imported" */
  assert_true(ladder_number(second.body, "rows") == ladder_number(first.body, "rows") + 1);
  assert_int_equal(number(&f,
                          "SELECT count(*) FROM \"WorldInteraction\" WHERE \"text\"='¡Hola! \"qué\" tal' AND "
                          "\"isUser\"=true"),
                   1);
  assert_int_equal(
      number(&f, f.url[0] ? "SELECT count(*) FROM \"WorldState\" WHERE \"data\"='\\x00ff7f0a'::bytea"
                          : "SELECT count(*) FROM \"WorldState\" WHERE \"data\"=x'00ff7f0a'"),
      1);
  assert_int_equal(number(&f, "SELECT count(*) FROM \"WorldDay\" WHERE \"day\"=20000 AND \"llmCalls\"=3"), 1);
  struct world_row row;
  CHECK_OK(ladder_row(&f, "w", &row));
  assert_true(row.is_paused && row.status == WORLD_PAUSED && row.last_active_ms == f.now_ms - 3 * D);
  world_reply_free(&first);
  world_reply_free(&again);
  world_reply_free(&second);
  world_reply_free(&imported);
  ladder_fixture_close(&f);
}

static void only_its_owner_exports_and_erases(void **state) { /* U-25, B-76 */
  (void)state;
  struct ladder_fixture f;
  static const char *const calls[] = {"world.export", "world.erase"};
  ladder_fixture_open(&f);
  ladder_world(&f, "w", 0);
  ladder_sql(&f, "UPDATE \"World\" SET \"ownerId\"='eva'");
  for (size_t i = 0; i < 2; i++) {
    struct world_reply r = {};
    assert_int_equal(ladder_try(&f, calls[i], "w", NULL, STR_NONE, &r), ERR_FORBIDDEN);
    world_reply_free(&r);
  }
  assert_true(is_there(&f, "w"));
  ladder_fixture_close(&f);
}

static void damaged_files_are_refused_whole(void **state) {
  (void)state;
  struct ladder_fixture f;
  struct world_reply export = {};
  ladder_fixture_open(&f);
  ladder_world(&f, "w", 0);
  fill(&f, "w");
  CHECK_OK(ladder_try(&f, "world.export", "w", NULL, STR_NONE, &export));
  json_decref(ladder_call(&f, "world.erase", "w", NULL));
  for (size_t cut = 0; cut < export.payload.len; cut += 1 + export.payload.len / 50) {
    struct world_reply r = {};
    assert_int_not_equal(
        ladder_try(&f, "world.import", NULL, NULL, (struct str){export.payload.ptr, cut}, &r), ERR_OK);
    world_reply_free(&r);
    export.payload.ptr[cut] ^= 0x20;
    assert_int_not_equal(ladder_try(&f, "world.import", NULL, NULL, buf_str(&export.payload), &r), ERR_OK);
    export.payload.ptr[cut] ^= 0x20;
    world_reply_free(&r);
    assert_false(is_there(&f, "w"));
  }
  world_reply_free(&export);
  ladder_fixture_close(&f);
}

static enum err import_text(struct ladder_fixture *f, const char *rows, int count) {
  static char text[4096], file[4096];
  struct world_reply r = {};
  int n = snprintf(text, sizeof text,
                   "{\"sereno\":\"world\",\"version\":1,\"id\":\"t\"}\n%s\n{\"end\":true,\"rows\":%d}\n",
                   rows, count);
  for (int i = 0; i < n; i++)
    if (text[i] == '\'') text[i] = '"';
  size_t size = ZSTD_compress(file, sizeof file, text, (size_t)n, 1);
  assert_false(ZSTD_isError(size));
  enum err e = ladder_try(f, "world.import", NULL, NULL, (struct str){file, size}, &r);
  world_reply_free(&r);
  return e;
}

#define ROW(columns)                                                                                  \
  "{'table':'World','row':{'id':'t','name':'t','ownerId':'ana','isFavorite':false,'storyMode':false," \
  "'isCollaborative':false,'emergentEvents':true,'warned':0,'interactions':0,'createdAt':"            \
  "'2027-01-01T00:00:00.000Z','updatedAt':'2027-01-01T00:00:00.000Z'," columns "}}"
#define FINE "'status':'RUNNING','isPaused':false,'lastActiveAt':'2027-01-01T00:00:00.000Z','fence':0"

/* What stopped the server, or kept its jobs from a world for ever, once. */
static void a_file_that_was_tampered_with_does_no_harm(void **state) {
  (void)state;
  static const char *const bad[] = {
      ROW(FINE ",'story':'{'"),
      ROW(FINE ",'story':'[]'"),
      ROW(FINE ",'eventsPerDay':-1"),
      ROW(FINE ",'eventsPerDay':1e300"),
      ROW(FINE ",'pausedAt':'yesterday'"),
      ROW(FINE ",'locale':7"),
      ROW("'status':'RUNNING','isPaused':'x','lastActiveAt':'2027-01-01T00:00:00.000Z','fence':0"),
      "{'table':'WorldInteraction','row':{'worldId':'t','turn':-5,'at':'2027-01-01T00:00:00.000Z','speaker':'"
      "a',"
      "'isUser':true,'text':'x'}}",
  };
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (import_text(&f, bad[i], 1) != ERR_INVALID) fail_msg("taken: %s", bad[i]);
  CHECK_OK(import_text(&f,
                       ROW("'status':'PAUSED','isPaused':false,'lastActiveAt':'9999-01-01T00:00:00.000Z',"
                           "'fence':9007199254740992"),
                       1));
  struct world_row row;
  CHECK_OK(ladder_row(&f, "t", &row));
  assert_true(row.status == WORLD_RUNNING && row.last_active_ms == f.now_ms);
  assert_true(row.fence <= f.now_ms * 1000);
  json_decref(ladder_call(&f, "world.favorite", "t", NULL));
  ladder_fixture_close(&f);
}

/* A column that somebody adds to a world's table has to be added to export_tables.def as well. */
static void an_export_knows_every_column(void **state) {
  (void)state;
  struct ladder_fixture f;
  if (ladder_on_postgres) return; /* the schema is one text */
  ladder_fixture_open(&f);
  static const char *const exported[] = {
#define COL(type, name) " " name
#define EXPORT(table, first, key, COLUMNS, order) #table, first COLUMNS(COL),
#include "worlds/export_tables.def"
#undef COL
  };
  sqlite3 *db = open_db(&f);
  for (size_t i = 0; i < sizeof exported / sizeof *exported; i += 2) {
    sqlite3_stmt *s;
    BUF_AUTO struct buf want = buf_new(4096);
    sqlite3_prepare_v2(db, "SELECT name FROM pragma_table_info(?1) ORDER BY cid", -1, &s, NULL);
    sqlite3_bind_text(s, 1, exported[i], -1, SQLITE_STATIC);
    while (sqlite3_step(s) == SQLITE_ROW)
      buf_addf(&want, "%s%s", want.len ? " " : "", sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    CHECK_STR(str_of(exported[i + 1]), buf_str(&want));
  }
  sqlite3_close(db);
  ladder_fixture_close(&f);
}

static int exports_left(struct ladder_fixture *f) {
  char path[200];
  int n = 0;
  (void)snprintf(path, sizeof path, "%s/exports", f->folder);
  DIR *dir = opendir(path);
  if (!dir) return 0;
  for (struct dirent *d; (d = readdir(dir));) n += d->d_name[0] != '.';
  closedir(dir);
  return n;
}

static void exports_go_after_their_time_or_with_an_erasure(void **state) { /* U-18 */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  doomed(&f, "old-1", f.now_ms);
  json_decref(ladder_job(&f, "delete-scheduled-worlds", NULL, NULL));
  f.now_ms += 89 * D;
  doomed(&f, "young", f.now_ms);
  json_decref(ladder_job(&f, "delete-scheduled-worlds", NULL, NULL));
  assert_int_equal(exports_left(&f), 2);
  f.now_ms += 2 * D;
  json_decref(ladder_job(&f, "delete-scheduled-worlds", NULL, NULL));
  assert_int_equal(exports_left(&f), 1);
  ladder_world(&f, "young", 0); /* somebody has put it back, and erases it now */
  json_decref(ladder_call(&f, "world.erase", "young", NULL));
  assert_int_equal(exports_left(&f), 0);
  ladder_fixture_close(&f);
}

static void old_analytics_go(void **state) { /* */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  for (int i = 0; i < 10; i++)
    ladder_sql(&f, "INSERT INTO \"WorldAnalytics\" VALUES('a%d',NULL,'%s','n',NULL)", i,
               instant_to_text(f.now_ms - (i < 5 ? 91 : 89) * D).text);
  JSON_AUTO json_t *dry = ladder_job(&f, "analytics_cleanup", json_pack("{s:b}", "dryRun", 1), NULL);
  EXPECT(dry, "deleted", 5);
  JSON_AUTO json_t *r = ladder_job(&f, "analytics_cleanup", NULL, NULL);
  EXPECT(r, "deleted", 5);
  assert_int_equal(number(&f, "SELECT count(*) FROM \"WorldAnalytics\""), 5);
  ladder_fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_due_goes_and_the_rest_stays),
      cmocka_unit_test(a_world_that_cannot_be_exported_stays),
      cmocka_unit_test(an_export_stays_when_nobody_knows_whether_its_world_is_gone),
      cmocka_unit_test(no_two_worlds_share_an_export),
      cmocka_unit_test(nothing_goes_unwarned_or_protected),
      cmocka_unit_test(a_forgotten_world_lives_thirty_seven_days),
      cmocka_unit_test(an_export_makes_an_equal_world),
      cmocka_unit_test(only_its_owner_exports_and_erases),
      cmocka_unit_test(damaged_files_are_refused_whole),
      cmocka_unit_test(a_file_that_was_tampered_with_does_no_harm),
      cmocka_unit_test(an_export_knows_every_column),
      cmocka_unit_test(exports_go_after_their_time_or_with_an_erasure),
      cmocka_unit_test(old_analytics_go),
  };
  int failed = cmocka_run_group_tests_name("SQLite", tests, NULL, NULL);
  ladder_on_postgres = true;
  return failed + cmocka_run_group_tests_name("PostgreSQL", tests, NULL, NULL);
}
