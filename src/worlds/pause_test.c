/* The run of the ladder on a store, by its executor: acceptance fixtures of, B-10, B-12, B-22, B-26 … B-28,
 * B-38 … B-47, B-56, B-67, B-82, U-21, U-34, X-1, X-4, X-6, X-8, X-11. */
#include <stdio.h>

#include "tests/support/check.h"
#include "tests/support/ladder_fixture.h"

#define H FIX_HOUR
#define D FIX_DAY

static void many(struct ladder_fixture *f, const char *prefix, int count, int64_t idle_ms) {
  char id[32];
  for (int i = 0; i < count; i++) {
    (void)snprintf(id, sizeof id, "%s%d", prefix, i);
    ladder_world(f, id, idle_ms);
  }
}

static void event_at(struct ladder_fixture *f, const char *world, int64_t at_ms) {
  ladder_sql(f,
             "INSERT INTO "
             "\"WorldEvent\"(\"id\",\"worldId\",\"type\",\"status\",\"createdAt\",\"scheduledAt\") VALUES"
             "('e-%s','%s','party','scheduled','%s','%s')",
             world, world, instant_to_text(f->now_ms).text, instant_to_text(at_ms).text);
}

#define EXPECT(result, path, want) assert_true(ladder_number(result, path) == (double)(want))

static void fifteen_new_ones_give_the_figures_of_the_seed(void **state) { /* B-39 … B-47, X-11 */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  many(&f, "a", 10, 25 * H);
  many(&f, "b", 3, 8 * D);
  many(&f, "c", 2, 31 * D);
  many(&f, "fav", 5, 26 * H);
  ladder_sql(&f, "UPDATE \"World\" SET \"isFavorite\"=true WHERE \"id\" LIKE 'fav%%'");
  many(&f, "ev", 2, 26 * H);
  event_at(&f, "ev0", f.now_ms + 1);
  event_at(&f, "ev1", f.now_ms + 90 * D);
  many(&f, "live", 3, 2 * H);
  JSON_AUTO json_t *r = ladder_job(&f, "auto-pause", NULL, NULL);
  EXPECT(r, "success", 1);
  EXPECT(r, "worldsEvaluated", 25);
  EXPECT(r, "worldsPaused", 15);
  EXPECT(r, "stats.totalPaused", 15);
  EXPECT(r, "stats.pausedBy24h", 10);
  EXPECT(r, "stats.pausedBy7d", 3);
  EXPECT(r, "stats.pausedBy30d", 2);
  EXPECT(r, "stats.skippedFavorites", 5);
  EXPECT(r, "stats.skippedWithEvents", 2);
  EXPECT(r, "stats.estimatedSavings.llmCalls", 450);
  EXPECT(r, "stats.estimatedSavings.redisMemoryMB", 75);
  EXPECT(r, "stats.estimatedSavings.costUSD", 1.2);
  EXPECT(r, "stats.estimatedSavings.horizonDays", 1);
  JSON_AUTO json_t *again = ladder_job(&f, "auto-pause", NULL, NULL); /* B-12 */
  EXPECT(again, "stats.totalPaused", 0);
  EXPECT(again, "worldsEvaluated", 10);
  ladder_fixture_close(&f);
}

static void paused_ones_are_counted_where_they_arrive(void **state) { /* */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  many(&f, "a", 2, 25 * H);
  many(&f, "b", 1, 8 * D);
  ladder_paused(&f, "p", 7 * D, PAUSE_INACTIVITY_24H);
  ladder_paused(&f, "q", 30 * D, PAUSE_INACTIVITY_7D);
  ladder_paused(&f, "mine", 60 * D, PAUSE_MANUAL); /* U-34 */
  JSON_AUTO json_t *r = ladder_job(&f, "auto-pause", NULL, NULL);
  EXPECT(r, "stats.pausedBy24h", 2);
  EXPECT(r, "stats.pausedBy7d", 2);
  EXPECT(r, "stats.pausedBy30d", 1);
  EXPECT(r, "stats.totalPaused", 5);
  EXPECT(r, "worldsPaused", 5);
  EXPECT(r, "stats.newlyPaused", 3);
  EXPECT(r, "stats.escalatedTo7d", 1);
  EXPECT(r, "stats.escalatedTo30d", 1);
  EXPECT(r, "stats.estimatedSavings.llmCalls", 90);
  EXPECT(r, "stats.estimatedSavings.costUSD", 0.24);
  struct world_row row;
  CHECK_OK(ladder_row(&f, "p", &row));
  assert_true(row.status == WORLD_ARCHIVED && row.pause_reason == PAUSE_INACTIVITY_7D);
  CHECK_OK(ladder_row(&f, "q", &row));
  assert_int_equal(row.scheduled_deletion_ms, f.now_ms + 7 * D);
  CHECK_OK(ladder_row(&f, "mine", &row));
  assert_true(row.status == WORLD_PAUSED && row.scheduled_deletion_ms == INSTANT_NONE);
  ladder_fixture_close(&f);
}

static void thresholds_of_the_job_win(void **state) { /* */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  many(&f, "a", 3, 13 * H);
  JSON_AUTO json_t *r =
      ladder_job(&f, "auto-pause", json_pack("{s:i, s:b}", "pauseAfterHours", 12, "dryRun", 1), NULL);
  EXPECT(r, "stats.totalPaused", 3);
  EXPECT(r, "dryRun", 1);
  JSON_AUTO json_t *second = ladder_job(&f, "auto-pause", NULL, NULL); /* the dry run changed nothing */
  EXPECT(second, "stats.totalPaused", 0);
  int code = 0;
  JSON_AUTO json_t *bad = ladder_job(&f, "auto-pause", json_pack("{s:i}", "archiveAfterDays", 31), &code);
  assert_int_equal(code, EXECUTOR_FAILED);
  ladder_fixture_close(&f);
}

static void a_collaborator_keeps_it_awake(void **state) { /* B-28, B-70 */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  many(&f, "w", 2, 30 * H);
  ladder_sql(
      &f,
      "UPDATE \"World\" SET \"isCollaborative\"=true; INSERT INTO \"WorldMember\" VALUES('w0','leo','%s'); "
      "INSERT INTO \"WorldMember\" VALUES('w1','leo','%s')",
      instant_to_text(f.now_ms - H).text, instant_to_text(f.now_ms - 24 * H).text);
  JSON_AUTO json_t *r = ladder_job(&f, "auto-pause", NULL, NULL);
  EXPECT(r, "stats.totalPaused", 1);
  EXPECT(r, "stats.skippedMembers", 1);
  ladder_fixture_close(&f);
}

static void exceptions_hold_on_every_rung(void **state) { /* B-82, U-35 */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  int64_t start = f.now_ms;
  many(&f, "w", 3, 0);
  for (int run = 0; run < 75 * 4; run++, f.now_ms += 6 * H) {
    int64_t day = (f.now_ms - start) / D;
    if (day == 5 && run % 4 == 0) {
      event_at(&f, "w0", start + 60 * D);
      ladder_sql(&f, "UPDATE \"World\" SET \"isFavorite\"=true WHERE \"id\"='w1'");
    }
    JSON_AUTO json_t *paused = ladder_job(&f, "auto-pause", NULL, NULL);
    struct world_row row;
    CHECK_OK(ladder_row(&f, "w0", &row));
    if (day < 60) assert_true(row.status != WORLD_ARCHIVED && row.scheduled_deletion_ms == INSTANT_NONE);
    CHECK_OK(ladder_row(&f, "w1", &row));
    assert_true(row.status != WORLD_ARCHIVED && row.scheduled_deletion_ms == INSTANT_NONE);
    CHECK_OK(ladder_row(&f, "w2", &row));
    assert_int_equal(row.scheduled_deletion_ms != INSTANT_NONE, day >= 30);
  }
  ladder_fixture_close(&f);
}

static void a_mark_is_taken_back_and_made_anew_with_its_warnings(void **state) {
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  struct world_row row;
  ladder_world(&f, "w", 60 * D);
  JSON_AUTO json_t *first = ladder_job(&f, "auto-pause", NULL, NULL);
  EXPECT(first, "stats.mailsQueued", 1);
  ladder_sql(&f, "UPDATE \"World\" SET \"isFavorite\"=true");
  JSON_AUTO json_t *second = ladder_job(&f, "auto-pause", NULL, NULL);
  EXPECT(second, "stats.released", 1);
  EXPECT(second, "stats.totalPaused", 0);
  CHECK_OK(ladder_row(&f, "w", &row));
  assert_true(row.scheduled_deletion_ms == INSTANT_NONE && row.is_paused && row.warned == 0);
  f.now_ms += 3 * D;
  ladder_sql(&f, "UPDATE \"World\" SET \"isFavorite\"=false");
  JSON_AUTO json_t *third = ladder_job(&f, "auto-pause", NULL, NULL);
  EXPECT(third, "stats.escalatedTo30d", 1);
  EXPECT(third, "stats.mailsQueued", 1);
  CHECK_OK(ladder_row(&f, "w", &row));
  assert_int_equal(row.scheduled_deletion_ms, f.now_ms + 7 * D);
  ladder_fixture_close(&f);
}

static void the_log_line_says_what_the_seed_wants(void **state) { /* B-56 */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  ladder_world(&f, "w", 5 * D + H);
  JSON_AUTO json_t *r = ladder_job(&f, "auto-pause", NULL, NULL);
  assert_int_equal(f.notices, 1);
  EXPECT(f.last_notice, "inactivityDays", 5);
  EXPECT(f.last_notice, "estimatedSavingsUSD", 0.40);
  EXPECT(f.last_notice, "projectedDailyUSD", 0.08);
  CHECK_STR(json_text_at(f.last_notice, "pauseReason"), STR("inactivity_24h"));
  CHECK_STR(json_text_at(f.last_notice, "worldName"), STR("World w"));
  many(&f, "n", 150, 25 * H);
  JSON_AUTO json_t *more = ladder_job(&f, "auto-pause", NULL, NULL);
  EXPECT(more, "stats.totalPaused", 150);
  assert_int_equal(f.notices, 101); /* at most 100 a run */
  ladder_fixture_close(&f);
}

static void pages_go_on_where_they_ended(void **state) {
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  many(&f, "w", 25, 25 * H); /* all at one instant: the id decides */
  JSON_AUTO json_t *cursor = json_null();
  int64_t paused = 0, pages = 0;
  do {
    JSON_AUTO json_t *page =
        ladder_call(&f, "auto_pause.page", NULL, json_pack("{s:O, s:i}", "cursor", cursor, "limit", 10));
    paused += json_int_at(page, "newlyPaused", 0);
    json_decref(cursor);
    cursor = json_incref(json_object_get(page, "next"));
    pages++;
  } while (json_is_object(cursor));
  assert_int_equal(paused, 25);
  assert_true(pages >= 3 && pages <= 9);
  ladder_fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fifteen_new_ones_give_the_figures_of_the_seed),
      cmocka_unit_test(paused_ones_are_counted_where_they_arrive),
      cmocka_unit_test(thresholds_of_the_job_win),
      cmocka_unit_test(a_collaborator_keeps_it_awake),
      cmocka_unit_test(exceptions_hold_on_every_rung),
      cmocka_unit_test(a_mark_is_taken_back_and_made_anew_with_its_warnings),
      cmocka_unit_test(the_log_line_says_what_the_seed_wants),
      cmocka_unit_test(pages_go_on_where_they_ended),
  };
  int failed = cmocka_run_group_tests_name("SQLite", tests, NULL, NULL);
  ladder_on_postgres = true;
  return failed + cmocka_run_group_tests_name("PostgreSQL", tests, NULL, NULL);
}
