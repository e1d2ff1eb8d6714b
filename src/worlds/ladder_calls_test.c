/* Figures, settings, mails and links: B-1, B-46, B-52 … B-55, B-58, B-61 … B-63, B-67, U-21, U-36, X-6, X-8, X-20, A-29. */
#include <stdio.h>
#include <string.h>

#include "tests/support/check.h"
#include "tests/support/ladder_fixture.h"
#include "worlds/keep_link.h"

#define H FIX_HOUR
#define D FIX_DAY
#define EXPECT(result, path, want) assert_true(ladder_number(result, path) == (double)(want))
#define NEAR(result, path, want)                        \
  do {                                                  \
    double got_ = ladder_number(result, path) - (want); \
    assert_true(got_<1e-6 && got_> - 1e-6);             \
  } while (0)

static void pause_stats_are_those_of_the_seed(void **state) { /* B-58 */
  (void)state;
  static const struct {
    const char *prefix;
    int count;
    int64_t reason;
  } groups[] = {{"a", 100, PAUSE_INACTIVITY_24H},
                {"b", 30, PAUSE_INACTIVITY_7D},
                {"c", 20, PAUSE_INACTIVITY_30D},
                {"m", 4, PAUSE_MANUAL},
                {"v", 1, PAUSE_VACATION}};
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  for (size_t g = 0; g < 5; g++)
    for (int i = 0; i < groups[g].count; i++) {
      char id[16];
      (void)snprintf(id, sizeof id, "%s%d", groups[g].prefix, i);
      ladder_paused(&f, id, 31 * D, groups[g].reason);
    }
  ladder_sql(
      &f,
      "UPDATE \"World\" SET \"scheduledDeletion\"='%s' WHERE \"id\" IN ('c0','c1','c2','c3','c4','c5','c6',"
      "'c7','c8','c9')",
      instant_to_text(f.now_ms + D).text);
  ladder_world(&f, "running", 0);
  JSON_AUTO json_t *r = ladder_call(&f, "worlds.pause_stats", NULL, NULL);
  EXPECT(r, "totalPaused", 155);
  EXPECT(r, "by24h", 100);
  EXPECT(r, "by7d", 30);
  EXPECT(r, "by30d", 20);
  EXPECT(r, "scheduledForDeletion", 10);
  EXPECT(r, "manual", 4);
  EXPECT(r, "vacation", 1);
  JSON_AUTO json_t *s = ladder_call(&f, "worlds.stats", NULL, NULL);
  EXPECT(s, "total", 156);
  EXPECT(s, "running", 1);
  ladder_fixture_close(&f);
}

static void the_ledger_is_the_sum_of_its_intervals(void **state) { /* B-1, B-55, U-36 */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  ladder_world(&f, "a", 2 * H);
  ladder_world(&f, "b", 25 * H); /* idle, but not paused yet: a zombie */
  ladder_paused(&f, "c", 3 * D, PAUSE_INACTIVITY_24H);
  ladder_sql(&f,
             "INSERT INTO \"WorldPause\" VALUES('1','a','%s','%s','inactivity_24h',80000);"
             "INSERT INTO \"WorldPause\" VALUES('2','c','%s',NULL,'inactivity_24h',100000)",
             instant_to_text(f.now_ms - 10 * D).text, instant_to_text(f.now_ms - 4 * D - 12 * H).text,
             instant_to_text(f.now_ms - 2 * D).text);
  JSON_AUTO json_t *r = ladder_call(&f, "worlds.impact", NULL, NULL);
  NEAR(r, "savedUSD", 5.5 * 0.08 + 2 * 0.10);
  NEAR(r, "pausedWorldHours", 7.5 * 24);
  NEAR(r, "inactiveShare", 2.0 / 3);
  EXPECT(r, "pauses", 2);
  EXPECT(r, "resumed", 1);
  EXPECT(r, "zombies", 1);
  EXPECT(r, "unitPrices.eventCostUSD", 0.002);
  JSON_AUTO json_t *clipped = ladder_call(&f, "worlds.impact", NULL, json_pack("{s:i}", "days", 5));
  NEAR(clipped, "savedUSD", 0.5 * 0.08 + 2 * 0.10);
  ladder_fixture_close(&f);
}

static const struct trend_want {
  int line, days_ago;
  const char *field;
  double want;
} trend_wants[] = {
    {__LINE__, 9, "paused", 1},       {__LINE__, 9, "pausedWorlds", 1}, {__LINE__, 4, "resumed", 1},
    {__LINE__, 4, "pausedWorlds", 0}, {__LINE__, 2, "paused", 2},       {__LINE__, 2, "reasons.manual", 1},
    {__LINE__, 1, "resumed", 0},      {__LINE__, 1, "deleted", 1},      {__LINE__, 3, "archived", 1},
    {__LINE__, 3, "marked", 0},       {__LINE__, 0, "pausedWorlds", 1}, {__LINE__, 5, "savedUSD", 0.08},
    {__LINE__, 0, "paused", 0},
};

/* By days of Madrid; a pause that an erasure ended is no coming back. */
static void the_trend_counts_each_day(void **state) { /* B-66 */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  f.config.timezone = "Europe/Madrid";
  struct instant_text nine = instant_to_text(f.now_ms - 9 * D), four = instant_to_text(f.now_ms - 4 * D),
                      three = instant_to_text(f.now_ms - 3 * D), two = instant_to_text(f.now_ms - 2 * D),
                      one = instant_to_text(f.now_ms - D);
  ladder_sql(&f,
             "INSERT INTO \"WorldPause\" VALUES('1','a','%s','%s','inactivity_24h',80000);"
             "INSERT INTO \"WorldPause\" VALUES('2','b','%s',NULL,'manual',100000);"
             "INSERT INTO \"WorldPause\" VALUES('3','','%s','%s','inactivity_24h',0);"
             "INSERT INTO \"WorldHistory\" VALUES('h1','a','%s','auto-pause','archived',NULL);"
             "INSERT INTO \"WorldTombstone\"(\"worldId\",\"deletedAt\",\"actor\",\"reason\") "
             "VALUES('z','%s','x','y')",
             nine.text, four.text, two.text, two.text, one.text, three.text, one.text);
  JSON_AUTO json_t *r = ladder_call(&f, "worlds.trend", NULL, json_pack("{s:i}", "days", 12));
  const json_t *days = json_object_get(r, "data");
  assert_int_equal(json_array_size(days), 12);
  for (size_t i = 0; i < sizeof trend_wants / sizeof *trend_wants; i++) {
    const struct trend_want *w = &trend_wants[i];
    double got = ladder_number(json_array_get(days, 11 - (size_t)w->days_ago), w->field);
    CHECK_ROW(w->line, got > w->want - 1e-6 && got < w->want + 1e-6);
  }
  EXPECT(r, "pauses", 3);
  EXPECT(r, "resumed", 1);
  NEAR(r, "savedUSD", 5 * 0.08 + 2 * 0.10);
  JSON_AUTO json_t *impact = ladder_call(&f, "worlds.impact", NULL, json_pack("{s:i}", "days", 11));
  NEAR(impact, "savedUSD", ladder_number(r, "savedUSD"));
  JSON_AUTO json_t *late = ladder_call(&f, "worlds.trend", NULL, json_pack("{s:i}", "days", 2));
  NEAR(json_array_get(json_object_get(late, "data"), 0), "pausedWorlds", 1); /* asleep before the window */
  ladder_fixture_close(&f);
}

static void why_tells_of_the_worlds_that_are_named(void **state) { /* U-30 */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  ladder_world(&f, "a", 2 * H);
  ladder_world(&f, "b", 25 * H);
  ladder_world(&f, "c", 2 * H);
  JSON_AUTO json_t *r = ladder_call(&f, "worlds.why", NULL, json_pack("{s:s}", "worlds", "c,b,none"));
  const json_t *data = json_object_get(r, "data");
  assert_int_equal(json_array_size(data), 2);
  CHECK_STR(json_text_at(json_array_get(data, 0), "worldId"), STR("b"));
  assert_true(json_bool_at(json_array_get(data, 0), "shouldPause", false));
  assert_true(json_is_null(json_object_get(r, "nextCursor")));
  ladder_fixture_close(&f);
}

static void the_cost_model_gives_the_seed_s_projection(void **state) { /* B-53, B-54 */
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  JSON_AUTO json_t *r = ladder_call(&f, "worlds.cost_model", NULL,
                                    json_pack("{s:i, s:s}", "worlds", 1000, "inactiveShare", "0.5"));
  NEAR(r, "perWorldDayUSD", 0.08);
  NEAR(r, "perWorldMonthUSD", 2.40);
  NEAR(r, "projection.monthlyUSD", 1200);
  NEAR(r, "projection.yearlyUSD", 14400);
  EXPECT(r, "unitPrices.redisMBPerWorld", 5);
  ladder_fixture_close(&f);
}

static void prices_are_settings(void **state) { /* X-11, B-50 … B-52 */
  (void)state;
  struct ladder_fixture f;
  struct world_reply bad = {};
  ladder_fixture_open(&f);
  json_decref(ladder_call(&f, "worlds.settings_edit", NULL,
                          json_pack("{s:f, s:f}", "eventCostUSD", 0.006, "directorCostUSD", 0.006)));
  for (int i = 0; i < 15; i++) {
    char id[8];
    (void)snprintf(id, sizeof id, "w%d", i);
    ladder_world(&f, id, 25 * H);
  }
  JSON_AUTO json_t *r = ladder_job(&f, "auto-pause", NULL, NULL);
  NEAR(r, "stats.estimatedSavings.costUSD", 2.7);
  assert_int_equal(
      ladder_try(&f, "worlds.settings_edit", NULL, json_pack("{s:i}", "markAfterDays", 5), STR_NONE, &bad),
      ERR_INVALID);
  CHECK_STR(str_of(bad.detail.field), STR("markAfterDays"));
  JSON_AUTO json_t *s = ladder_call(&f, "worlds.settings", NULL, NULL);
  EXPECT(s, "markAfterDays", 30);
  EXPECT(s, "eventCostUSD", 0.006);
  world_reply_free(&bad);
  ladder_fixture_close(&f);
}

static void each_world_says_why(void **state) { /* B-61 … B-63, B-65 */
  (void)state;
  struct ladder_fixture f;
  static const struct {
    const char *id, *why;
    int should;
  } rows[] = {{"active", "active_5h", 0},
              {"fav", "favorite", 0},
              {"idle", "idle", 1},
              {"paused", "already_paused", 0}};
  ladder_fixture_open(&f);
  ladder_world(&f, "active", 5 * H);
  ladder_world(&f, "fav", 25 * H);
  ladder_sql(&f, "UPDATE \"World\" SET \"isFavorite\"=true WHERE \"id\"='fav'");
  ladder_world(&f, "idle", 25 * H);
  ladder_paused(&f, "paused", 25 * H, PAUSE_INACTIVITY_24H);
  JSON_AUTO json_t *page = ladder_call(&f, "worlds.why", NULL, json_pack("{s:i}", "limit", 4));
  for (size_t i = 0; i < 4; i++) {
    const json_t *w = json_array_get(json_object_get(page, "data"), i);
    CHECK_STR(json_text_at(w, "worldId"), str_of(rows[i].id));
    CHECK_STR(json_text_at(w, "why"), str_of(rows[i].why));
    EXPECT(w, "shouldPause", rows[i].should);
  }
  CHECK_STR(json_text_at(page, "nextCursor"), STR("paused"));
  JSON_AUTO json_t *one = ladder_call(&f, "world.should_pause", "idle", NULL);
  CHECK_STR(json_text_at(one, "reason"), STR("inactivity_24h"));
  ladder_fixture_close(&f);
}

static struct str keep_token_of(const json_t *mail) {
  struct str body = json_text_at(mail, "body");
  size_t at = str_find(body, STR("token="));
  assert_true(at != SIZE_MAX);
  struct str token = str_from(body, at + 6);
  token.len = str_find_char(token, '\n');
  return token;
}

static void a_warning_s_link_keeps_its_world(void **state) { /* U-21, B-67 */
  (void)state;
  struct ladder_fixture f;
  struct world_reply r = {};
  struct world_row row;
  ladder_fixture_open(&f);
  ladder_world(&f, "w", 30 * D);
  json_decref(ladder_job(&f, "auto-pause", NULL, NULL));
  JSON_AUTO json_t *mails = ladder_call(&f, "worlds.mails", NULL, NULL);
  const json_t *mail = json_array_get(json_object_get(mails, "data"), 0);
  assert_int_equal(json_array_size(json_object_get(mails, "data")), 1);
  CHECK_STR(json_text_at(mail, "kind"), STR("mark"));
  CHECK_STR(json_text_at(mail, "address"), STR("ana@example.org"));
  assert_true(str_find(json_text_at(mail, "subject"), STR("World w")) != SIZE_MAX);
  assert_true(str_find(json_text_at(mail, "body"), STR("https://worlds.example/api/worlds/keep?token=w~")) !=
              SIZE_MAX);
  struct str token = keep_token_of(mail);
  char altered[KEEP_TOKEN_MAX];
  (void)str_copy(altered, sizeof altered, token);
  altered[0] = 'v'; /* another world */
  assert_int_equal(ladder_try(&f, "world.keep", NULL, json_pack("{s:s}", "token", altered), STR_NONE, &r),
                   ERR_INVALID);
  json_decref(ladder_call(&f, "world.keep", NULL, json_pack("{s:s%}", "token", token.ptr, token.len)));
  CHECK_OK(ladder_row(&f, "w", &row));
  assert_true(row.scheduled_deletion_ms == INSTANT_NONE && row.ladder_from_ms == f.now_ms && row.is_paused);
  assert_int_equal(row.last_active_ms, f.now_ms - 30 * D); /* it is no activity */
  f.now_ms += 29 * D;
  JSON_AUTO json_t *later = ladder_job(&f, "auto-pause", NULL, NULL);
  EXPECT(later, "stats.totalPaused", 0);
  assert_int_equal(
      ladder_try(&f, "world.keep", NULL, json_pack("{s:s%}", "token", token.ptr, token.len), STR_NONE, &r),
      ERR_TOKEN_EXPIRED);
  world_reply_free(&r);
  ladder_fixture_close(&f);
}

static void tokens_hold_exactly_their_time_and_world(void **state) {
  (void)state;
  static const unsigned char key[32] = "k", other[32] = "l";
  BUF_AUTO struct buf token = buf_new(KEEP_TOKEN_MAX);
  struct str id;
  keep_token_make(key, STR("a.b:c-1"), 10 * H, &token);
  CHECK_OK(keep_token_check(key, buf_str(&token), 10 * H - 1, &id, NULL));
  CHECK_STR(id, STR("a.b:c-1"));
  assert_int_equal(keep_token_check(key, buf_str(&token), 10 * H, &id, NULL), ERR_TOKEN_EXPIRED);
  assert_int_equal(keep_token_check(other, buf_str(&token), 0, &id, NULL), ERR_INVALID);
  for (size_t i = 0; i < token.len; i++) {
    token.ptr[i] ^= 1;
    assert_int_not_equal(keep_token_check(key, buf_str(&token), 0, &id, NULL), ERR_OK);
    token.ptr[i] ^= 1;
    assert_int_not_equal(keep_token_check(key, (struct str){token.ptr, i}, 0, &id, NULL), ERR_OK);
  }
}

static void english_owners_get_english_mails(void **state) {
  (void)state;
  struct ladder_fixture f;
  ladder_fixture_open(&f);
  ladder_world(&f, "w", 25 * H);
  ladder_sql(&f, "UPDATE \"World\" SET \"locale\"='en-GB'");
  json_decref(ladder_call(&f, "worlds.settings_edit", NULL, json_pack("{s:b}", "mailOnPause", 1)));
  json_decref(ladder_job(&f, "auto-pause", NULL, NULL));
  JSON_AUTO json_t *mails = ladder_call(&f, "worlds.mails", NULL, json_pack("{s:s}", "world", "w"));
  const json_t *mail = json_array_get(json_object_get(mails, "data"), 0);
  CHECK_STR(json_text_at(mail, "kind"), STR("paused"));
  CHECK_STR(json_text_at(mail, "subject"), STR("Your world “World w” is paused"));
  ladder_fixture_close(&f);
}

/* What is live is flushed, measured and cleared; a message that the database does not know yet wins. */
static void live_state_is_safe_before_it_leaves(void **state) {
  (void)state;
  struct ladder_fixture f;
  struct world_row row;
  struct live_world seen = {};
  struct str id = STR("w");
  ladder_fixture_open(&f);
  ladder_world(&f, "w", 0);
  json_decref(ladder_call(&f, "world.message", "w", json_pack("{s:s}", "text", "hola")));
  f.now_ms += 23 * H;
  ladder_sql(&f, "UPDATE \"World\" SET \"lastActiveAt\"='%s'", instant_to_text(f.now_ms - 30 * H).text);
  json_decref(ladder_call(&f, "world.message", "w", json_pack("{s:s}", "text", "sigo aquí")));
  JSON_AUTO json_t *none = ladder_job(&f, "auto-pause", NULL, NULL);
  EXPECT(none, "stats.totalPaused", 0);
  json_decref(ladder_job(&f, "sync", NULL, NULL));
  ladder_sql(&f, "UPDATE \"World\" SET \"lastActiveAt\"='%s'", instant_to_text(f.now_ms - 25 * H).text);
  JSON_AUTO json_t *r = ladder_job(&f, "auto-pause", NULL, NULL);
  EXPECT(r, "stats.totalPaused", 1);
  assert_true(ladder_number(r, "stats.estimatedSavings.redisMemoryMB") > 0);
  CHECK_STR(json_text_at(json_object_get(json_object_get(r, "stats"), "estimatedSavings"), "estimateMethod"),
            STR("measured"));
  CHECK_OK(ladder_row(&f, "w", &row));
  assert_true(row.is_paused);
  CHECK_OK(live_read(f.lane.live, &(struct live_question){&id, 1, LIVE_META, &f.lane.arena}, &seen, NULL));
  assert_false(seen.is_there);
  f.now_ms += H;
  JSON_AUTO json_t *woken = ladder_call(&f, "world.message", "w", json_pack("{s:s}", "text", "vuelvo"));
  EXPECT(woken, "resumed", 1);
  EXPECT(woken, "turn", 3);
  JSON_AUTO json_t *impact = ladder_call(&f, "worlds.impact", NULL, NULL);
  EXPECT(impact, "resumed", 1);
  ladder_fixture_close(&f);
}

static void a_world_somebody_else_moves_waits_for_the_next_run(void **state) {
  (void)state;
  struct ladder_fixture f;
  struct live_lock lock = {.id = STR("w")};
  ladder_fixture_open(&f);
  ladder_world(&f, "w", 25 * H);
  CHECK_OK(live_lock(f.lane.live, &lock, 1, (struct live_lease){LIVE_LEASE_MS, f.now_ms}, NULL));
  JSON_AUTO json_t *r = ladder_job(&f, "auto-pause", NULL, NULL);
  EXPECT(r, "stats.totalPaused", 0);
  EXPECT(r, "stats.busy", 1);
  CHECK_OK(live_unlock(f.lane.live, &lock, 1, NULL));
  JSON_AUTO json_t *again = ladder_job(&f, "auto-pause", NULL, NULL);
  EXPECT(again, "stats.totalPaused", 1);
  ladder_fixture_close(&f);
}

/* Such a row is an application's; the other worlds of its page are paused all the same. */
static void a_world_with_an_impossible_id_is_told_and_holds_nobody_up(void **state) {
  (void)state;
  struct ladder_fixture f;
  char id[LIVE_ID_BYTES_MAX + 2];
  ladder_fixture_open(&f);
  memset(id, 'x', sizeof id);
  id[sizeof id - 1] = 0;
  ladder_world(&f, "a", 25 * H);
  ladder_world(&f, "z", 25 * H);
  ladder_sql(&f, "UPDATE \"World\" SET \"id\"='%s' WHERE \"id\"='a'", id);
  ladder_world(&f, "b", 25 * H);
  JSON_AUTO json_t *dry = ladder_job(&f, "auto-pause", json_pack("{s:b}", "dryRun", 1), NULL);
  EXPECT(dry, "worldsEvaluated", 3);
  int code;
  JSON_AUTO json_t *r = ladder_job(&f, "auto-pause", NULL, &code);
  EXPECT(r, "stats.totalPaused", 2);
  const json_t *failed = json_object_get(json_object_get(r, "stats"), "failedWorldIds");
  assert_int_equal(json_array_size(failed), 1);
  assert_string_equal(json_string_value(json_array_get(failed, 0)), id);
  JSON_AUTO json_t *why = ladder_call(&f, "worlds.why", NULL, NULL);
  assert_non_null(why);
  ladder_fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pause_stats_are_those_of_the_seed),
      cmocka_unit_test(the_ledger_is_the_sum_of_its_intervals),
      cmocka_unit_test(the_trend_counts_each_day),
      cmocka_unit_test(why_tells_of_the_worlds_that_are_named),
      cmocka_unit_test(the_cost_model_gives_the_seed_s_projection),
      cmocka_unit_test(prices_are_settings),
      cmocka_unit_test(each_world_says_why),
      cmocka_unit_test(a_warning_s_link_keeps_its_world),
      cmocka_unit_test(tokens_hold_exactly_their_time_and_world),
      cmocka_unit_test(english_owners_get_english_mails),
      cmocka_unit_test(live_state_is_safe_before_it_leaves),
      cmocka_unit_test(a_world_somebody_else_moves_waits_for_the_next_run),
      cmocka_unit_test(a_world_with_an_impossible_id_is_told_and_holds_nobody_up),
  };
  int failed = cmocka_run_group_tests_name("SQLite", tests, NULL, NULL);
  ladder_on_postgres = true;
  return failed + cmocka_run_group_tests_name("PostgreSQL", tests, NULL, NULL);
}
