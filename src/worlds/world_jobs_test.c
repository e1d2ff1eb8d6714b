/* The jobs sync and cleanup, by their executors, on every pair of database and live state. */
#include <math.h>
#include <stdlib.h>

#include "tests/support/redis_fixture.h"
#include "tests/support/worlds_fixture.h"
#include "worlds/load.h"
#include "worlds/sql.h"

static bool lacks_live(const struct worlds_fixture *f) { return f->kind == WORLDS_NO_LIVE; }

static int64_t number(struct worlds_fixture *f, const char *sql) {
  int64_t n = 0;
  (void)str_to_int(str_of(worlds_value(f, sql)), INT64_MIN, INT64_MAX, &n);
  return n;
}

static bool last_active_is(struct worlds_fixture *f, const char *id, int64_t want_ms) {
  int64_t ms;
  char text[64];
  const char *v = world_column(f, id, "lastActiveAt");
  snprintf(text, sizeof text, "%s%s", v, strchr(v, 'Z') ? "" : "Z");
  return instant_from_text(str_of(text), &ms) && ms == want_ms;
}

static void make_many(struct worlds_fixture *f, int n, const char *text) {
  char id[16];
  for (int i = 0; i < n; i++) {
    snprintf(id, sizeof id, "w%03d", i);
    make_world(f, id, "ana");
    if (text) say(f, id, "ana", text);
  }
}

static struct live_status status_of(struct worlds_fixture *f) {
  struct live_status s;
  CHECK_OK(live_status(f->second.live, &s, NULL));
  return s;
}

static int64_t job_number(struct worlds_fixture *f, const char *job, const char *params, const char *key) {
  json_t *result = run_job(f, job, params, NULL);
  int64_t n = world_int(result, key);
  json_decref(result);
  return n;
}

/* ---- sync ---- */

static void sync_saves_what_is_dirty(void **state) { /* */
  struct worlds_fixture *f = *state;
  make_many(f, 10, "hello");
  if (lacks_live(f)) return;
  assert_int_equal(status_of(f).dirty_worlds, 10);
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\""), 0);
  json_t *result = run_job(f, "sync", NULL, NULL);
  assert_int_equal(world_int(result, "worldsSynced"), 10);
  assert_int_equal(world_int(result, "successfulUpdates"), 10);
  assert_int_equal(world_int(result, "failedUpdates"), 0);
  json_decref(result);
  assert_int_equal(status_of(f).dirty_worlds, 0);
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\""), 10);
  assert_int_equal(job_number(f, "sync", NULL, "worldsSynced"), 0);
}

static void a_dry_run_saves_nothing(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  make_many(f, 3, "hello");
  assert_int_equal(job_number(f, "sync", "{'dryRun':true}", "worldsSynced"), 3);
  assert_int_equal(status_of(f).dirty_worlds, 3);
  f->now_ms += 2 * WORLDS_HOUR;
  assert_int_equal(job_number(f, "cleanup", "{'dryRun':true}", "worldsCleaned"), 3);
  assert_int_equal(status_of(f).worlds, 3);
}

static void one_bad_world_holds_nobody_up(void **state) { /* */
  struct worlds_fixture *f = *state;
  int code;
  if (lacks_live(f)) return;
  make_many(f, 10, "hello");
  world_do(f, "world.message", "w003", "ana", "{'text':'x','tokens':4242}");
  worlds_sql(f,
             "CREATE UNIQUE INDEX \"bad\" ON \"WorldStats\"(\"tokens\") WHERE \"tokens\"=4242;"
             "INSERT INTO \"WorldStats\"(\"worldId\",\"tokens\") VALUES('blocker',4242)");
  json_t *result = run_job(f, "sync", NULL, &code);
  assert_int_equal(code, 1);
  assert_int_equal(world_int(result, "worldsSynced"), 10);
  assert_int_equal(world_int(result, "successfulUpdates"), 9);
  assert_int_equal(world_int(result, "failedUpdates"), 1);
  json_decref(result);
  assert_int_equal(status_of(f).dirty_worlds, 1);
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\" WHERE \"worldId\"='w003'"), 0);
  worlds_sql(f, "DELETE FROM \"WorldStats\" WHERE \"worldId\"='blocker'");
  assert_int_equal(job_number(f, "sync", NULL, "successfulUpdates"), 1);
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\" WHERE \"worldId\"='w003'"), 2);
}

static void a_write_during_the_copy_stays_dirty(void **state) { /* */
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  struct live_world w = world_live(f, "w");
  say(f, "w", "ana", "two");
  struct live_mark mark = {.id = STR("w"), .version = w.version, .turn = w.turn};
  CHECK_OK(live_saved(f->second.live, &mark, 1, NULL));
  assert_false(mark.is_done);
  assert_int_equal(job_number(f, "sync", NULL, "successfulUpdates"), 1);
  assert_int_equal(world_live(f, "w").journal_count, 0);
}

static void counters_are_saved(void **state) { /* */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  for (int i = 0; i < 7; i++)
    world_do(f, "world.message", "w", "ana",
             "{'text':'x','tokens':10,'costUSD':0.000123,'sessionSeconds':60}");
  json_decref(run_job(f, "sync", NULL, NULL));
  worlds_reopen(f);
  assert_int_equal(number(f, "SELECT \"messages\" FROM \"WorldStats\""), 7);
  assert_int_equal(number(f, "SELECT \"interactions\" FROM \"WorldStats\""), 7);
  assert_int_equal(number(f, "SELECT \"tokens\" FROM \"WorldStats\""), 70);
  assert_int_equal(number(f, "SELECT \"costMicroUSD\" FROM \"WorldStats\""), 861);
  assert_int_equal(number(f, "SELECT \"sessionSeconds\" FROM \"WorldStats\""), 420);
}

static void activity_counts_until_it_is_saved_once(void **state) { /* B-15 */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  f->now_ms += WORLDS_HOUR;
  int64_t said_ms = f->now_ms;
  say(f, "w", "ana", "one");
  json_decref(run_job(f, "sync", NULL, NULL));
  assert_true(last_active_is(f, "w", said_ms));
  idle_world(f, "w", 25 * WORLDS_HOUR); /* the seed's UPDATE */
  int64_t lowered_ms = f->now_ms - 25 * WORLDS_HOUR;
  world_do(f, "world.tick", "w", NULL, NULL);
  world_do(f, "world.message", "w", NULL, "{'text':'hm','isUser':false}");
  json_decref(run_job(f, "sync", NULL, NULL));
  assert_true(last_active_is(f, "w", lowered_ms));
  f->now_ms += WORLDS_MINUTE;
  say(f, "w", "ana", "two");
  json_decref(run_job(f, "sync", NULL, NULL));
  assert_true(last_active_is(f, "w", f->now_ms));
  world_do(f, "world.message", "w", "ana", "{'text':'late','at':'2025-11-21T12:30:00Z'}");
  json_decref(run_job(f, "sync", NULL, NULL));
  assert_true(last_active_is(f, "w", f->now_ms));
}

static void activation_by_a_tick_is_no_activity(void **state) { /* */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  world_do(f, "world.tick", "w", NULL, NULL);
  idle_world(f, "w", 25 * WORLDS_HOUR);
  json_decref(run_job(f, "sync", NULL, NULL));
  assert_true(last_active_is(f, "w", f->now_ms - 25 * WORLDS_HOUR));
}

static void a_member_is_seen(void **state) {
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  world_do(f, "world.member_add", "w", NULL, "{'userId':'mia'}");
  say(f, "w", "mia", "one");
  json_decref(run_job(f, "sync", NULL, NULL));
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldMember\" WHERE \"lastActiveAt\" IS NOT NULL"), 1);
}

static void a_thousand_messages_are_one_row_of_state(void **state) { /* B-15 */
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  make_world(f, "w", "ana");
  for (int i = 0; i < 1000; i++) say(f, "w", "ana", "x");
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldState\""), 0);
  assert_int_equal(job_number(f, "sync", NULL, "successfulUpdates"), 1);
  assert_int_equal(number(f, "SELECT max(\"turn\") FROM \"WorldInteraction\""), 1000);
  assert_string_equal(world_column(f, "w", "interactions"), "1000");
}

static void an_unknown_world_is_kept_until_it_is_known_to_be_deleted(void **state) {
  struct worlds_fixture *f = *state;
  int code;
  if (lacks_live(f)) return;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  worlds_sql(f, "DELETE FROM \"World\" WHERE \"id\"='w'");
  json_decref(run_job(f, "sync", NULL, &code));
  assert_int_equal(code, 1);
  assert_true(world_live(f, "w").is_there);
  worlds_sql(f,
             "INSERT INTO \"WorldTombstone\"(\"worldId\",\"deletedAt\",\"actor\",\"reason\") "
             "VALUES('w','2025-11-21T12:00:00.000Z','x','x')");
  assert_int_equal(job_number(f, "sync", NULL, "orphansDiscarded"), 1);
  assert_false(world_live(f, "w").is_there);
}

static void sync_learns_of_changes_from_outside(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  worlds_sql(f,
             "UPDATE \"World\" SET \"isPaused\"=true,\"status\"='PAUSED',\"pauseReason\"='manual',"
             "\"pausedAt\"='2025-11-21T12:00:00.000Z'");
  json_decref(run_job(f, "sync", NULL, NULL));
  json_t *body = world_ask(f, "world.message", "w", "ana", "{'text':'two'}");
  assert_int_equal(world_int(body, "resumed"), 1);
  assert_int_equal(world_int(body, "turn"), 2);
  json_decref(body);
}

/* A Redis that was killed comes back without its last second: it counts turns and versions on from an older state. The
 * world says "one", loses count more, which are in the database, and is a millisecond older. */
static void fall_back(struct worlds_fixture *f, int count) {
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  struct live_world old = world_live(f, "w");
  for (int i = 0; i < count; i++) say(f, "w", "ana", i % 2 ? "three" : "two");
  json_decref(run_job(f, "sync", NULL, NULL));
  struct live_lock lock = {.id = STR("w")};
  CHECK_OK(live_lock(f->second.live, &lock, 1, (struct live_lease){LIVE_LEASE_MS, f->now_ms}, NULL));
  struct live_mark mark = {.id = STR("w"), .version = world_live(f, "w").version, .token = lock.token};
  CHECK_OK(live_clear(f->second.live, &mark, 1, f->now_ms, NULL));
  assert_true(mark.is_done);
  CHECK_OK(live_load(f->second.live, &old, 0, f->now_ms, NULL));
  f->now_ms++;
}

static void sync_keeps_what_was_said(struct worlds_fixture *f, int rows) {
  char want[16];
  json_decref(run_job(f, "sync", NULL, NULL));
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\""), rows);
  snprintf(want, sizeof want, "%d", rows);
  assert_string_equal(world_column(f, "w", "interactions"), want);
}

static void a_live_state_that_fell_back_loses_nothing_more(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  fall_back(f, 2);
  for (int i = 0; i < 4; i++) { /* past the version that the database has */
    char text[20], sql[200];
    f->now_ms++;
    snprintf(text, sizeof text, "after %d", i);
    say(f, "w", "ana", text);
    for (int j = 0; j < i; j++) say(f, "w", "ana", "more");
    json_decref(run_job(f, "sync", NULL, NULL));
    snprintf(sql, sizeof sql, "SELECT count(*) FROM \"WorldInteraction\" WHERE \"text\"='%s'", text);
    assert_int_equal(number(f, sql), 1);
  }
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\" WHERE \"text\"<>'more'"), 7);
  sync_keeps_what_was_said(f, 7 + 6);
}

/* Version, turn, counters and so the hash are those of the state that was lost; only what was said is not. */
static void a_message_in_the_place_of_a_lost_one_is_kept(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  fall_back(f, 1);
  say(f, "w", "ana", "instead of two");
  sync_keeps_what_was_said(f, 3);
}

static void turns_do_not_go_back_with_the_live_state(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  fall_back(f, 4);
  say(f, "w", "ana", "after");
  sync_keeps_what_was_said(f, 6);
  for (int i = 0; i < 20; i++) world_do(f, "world.tick", "w", NULL, NULL); /* past the database's version */
  sync_keeps_what_was_said(f, 6);
  for (int i = 0; i < 7; i++) say(f, "w", "ana", "later");
  sync_keeps_what_was_said(f, 13);
}

/* A live state of before "new" was said and put, which are in the database. */
static void fall_behind(struct worlds_fixture *f) {
  make_world(f, "w", "ana");
  world_do(f, "world.message", "w", "ana", "{'text':'old','tokens':1}");
  world_do(f, "world.state_put", "w", NULL, "{'core':{'mood':'old'}}");
  worlds_remember(f);
  for (int i = 0; i < 3; i++) world_do(f, "world.message", "w", "ana", "{'text':'new','tokens':10}");
  world_do(f, "world.state_put", "w", NULL, "{'core':{'mood':'new','place':'bar'},'session':{'big':'one'}}");
  json_decref(run_job(f, "sync", NULL, NULL));
  worlds_fall_back(f);
  f->now_ms++;
}

static void state_is(struct worlds_fixture *f, const char *path, const char *want) {
  json_t *body = world_ask(f, "world.state", "w", NULL, NULL);
  assert_string_equal(world_text(body, path), want);
  json_decref(body);
}

/* Of four messages before the fall and some after it. */
static void has_lost_nothing(struct worlds_fixture *f, int after) {
  json_decref(run_job(f, "sync", NULL, NULL));
  state_is(f, "core.mood", "new");
  state_is(f, "core.place", "bar");
  state_is(f, "session.big", "one");
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\""), 4 + after);
  assert_int_equal(number(f, "SELECT \"messages\" FROM \"WorldStats\""), 4 + after);
  assert_int_equal(number(f, "SELECT \"tokens\" FROM \"WorldStats\""), 31);
}

static void a_live_state_that_fell_back_overwrites_no_newer_field(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  fall_behind(f);
  for (int i = 0; i < 9; i++) assert_int_equal(say(f, "w", "ana", "after"), 5 + i);
  world_do(f, "world.state_put", "w", NULL, "{'core':{'after':'yes'}}");
  state_is(f, "core.mood", "new");
  has_lost_nothing(f, 9);
  state_is(f, "core.after", "yes");
}

static void a_live_state_that_fell_back_is_not_shown_nor_saved(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  fall_behind(f);
  state_is(f, "core.mood", "new");
  has_lost_nothing(f, 0);
  f->now_ms += 2 * WORLDS_HOUR;
  json_decref(run_job(f, "cleanup", NULL, NULL));
  assert_false(world_live(f, "w").is_there);
  has_lost_nothing(f, 0);
}

static void a_live_state_that_fell_back_is_paused_as_the_database_has_it(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  fall_behind(f);
  world_do(f, "world.pause", "w", "ana", "{'reason':'manual'}");
  has_lost_nothing(f, 0);
  say(f, "w", "ana", "after");
  has_lost_nothing(f, 1);
}

/* It had been paused and removed before the fall, and lies there again. */
static void a_message_wakes_a_world_whose_removed_state_came_back(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  world_do(f, "world.state_put", "w", NULL, "{'core':{'mood':'old'}}");
  worlds_remember(f);
  for (int i = 0; i < 3; i++) say(f, "w", "ana", "two");
  world_do(f, "world.state_put", "w", NULL, "{'core':{'mood':'new'}}");
  world_do(f, "world.pause", "w", "ana", NULL);
  worlds_fall_back(f);
  f->now_ms++;
  assert_int_equal(say(f, "w", "ana", "wake"), 5);
  assert_int_equal(say(f, "w", "ana", "after"), 6);
  json_decref(run_job(f, "sync", NULL, NULL));
  state_is(f, "core.mood", "new");
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\""), 6);
  assert_int_equal(number(f, "SELECT \"messages\" FROM \"WorldStats\""), 6);
  assert_int_equal(number(f, "SELECT \"turn\" FROM \"WorldInteraction\" WHERE \"text\"='wake'"), 5);
}

/* Killed after the newer state took the older one's place: what was said in the older one is in the database. */
static void a_kill_after_a_state_was_put_back_costs_nothing_that_was_said(void **state) {
  struct worlds_fixture *f = *state;
  static const struct live_entry late = {.at_ms = WORLDS_NOW, .bytes = STR("{\"text\":\"said there\"}")};
  struct live_append a = {
      .id = STR("w"), .active_ms = INSTANT_NONE, .journal = &late, .journal_count = 1, .is_checked = true};
  if (lacks_live(f)) return;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  CHECK_OK(live_write(f->second.live, &a, 1, f->now_ms, NULL));
  worlds_remember(f);
  for (int i = 0; i < 3; i++) say(f, "w", "ana", "two");
  json_decref(run_job(f, "sync", NULL, NULL));
  worlds_sql(
      f, "DELETE FROM \"WorldInteraction\" WHERE \"text\"='said there'"); /* as if it had never got there */
  worlds_sql(f, "UPDATE \"World\" SET \"interactions\"=\"interactions\"-1");
  worlds_fall_back(f);
  f->now_ms++;
  struct world_hold hold;
  CHECK_OK(world_hold(&f->lane, STR("w"), f->now_ms, &hold));
  CHECK_OK(world_settle(&f->lane, STR("w"), hold.lock.token, f->now_ms));
  world_release(&f->lane, &hold);
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\" WHERE \"text\"='said there'"), 1);
  assert_int_equal(world_live(f, "w").journal_count, 0);
  assert_int_equal(say(f, "w", "ana", "after"), 7);
  sync_keeps_what_was_said(f, 6);
}

/* An application that does not look at lives wrote until the version was the database's. */
static void the_version_alone_makes_no_state_the_newest(void **state) {
  struct worlds_fixture *f = *state;
  char command[64];
  if (!f->redis) return;
  fall_behind(f);
  long long missing = number(f, "SELECT \"version\" FROM \"WorldState\"") - world_live(f, "w").version;
  assert_true(missing > 0);
  snprintf(command, sizeof command, "HINCRBY world:w:meta version %lld", missing);
  (void)redis_fixture_ask(f->redis, command);
  (void)redis_fixture_ask(f->redis, "HSETNX world:w:meta dirtyAt 1");
  (void)redis_fixture_ask(f->redis, "ZADD worlds:dirty NX 1 w");
  json_decref(run_job(f, "sync", NULL, NULL)); /* leaves it clean */
  assert_int_equal(say(f, "w", "ana", "after"), 5);
  has_lost_nothing(f, 1);
}

static void a_live_state_that_lost_nothing_goes_on_after_a_restart(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  json_decref(run_job(f, "sync", NULL, NULL));
  world_do(f, "world.state_put", "w", NULL, "{'core':{'mood':'unsaved'}}");
  say(f, "w", "ana", "two");
  worlds_remember(f);
  worlds_fall_back(f);
  state_is(f, "core.mood", "unsaved");
  assert_int_equal(say(f, "w", "ana", "three"), 3);
  sync_keeps_what_was_said(f, 3);
  state_is(f, "core.mood", "unsaved");
  assert_int_equal(number(f, "SELECT \"messages\" FROM \"WorldStats\""), 3);
}

static void turns_begin_behind_rows_that_are_there(
    void **state) { /* an application's, without a state of ours */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  worlds_sql(f,
             "INSERT INTO \"WorldInteraction\"(\"worldId\",\"turn\",\"at\",\"speaker\",\"isUser\",\"text\") "
             "VALUES('w',1,'2025-11-20T12:00:00.000Z','ana',true,'long ago')");
  worlds_sql(f, "UPDATE \"World\" SET \"interactions\"=1");
  assert_int_equal(say(f, "w", "ana", "now"), 2);
  worlds_sql(f,
             "INSERT INTO \"WorldInteraction\"(\"worldId\",\"turn\",\"at\",\"speaker\",\"isUser\",\"text\") "
             "VALUES('w',3,'2025-11-20T12:00:00.000Z','ana',true,'from outside')");
  worlds_sql(f, "UPDATE \"World\" SET \"interactions\"=\"interactions\"+1");
  if (lacks_live(f)) return;
  say(f, "w", "ana", "and now");
  sync_keeps_what_was_said(f, 4);
}

/* ---- cleanup ---- */

static void cleanup_takes_worlds_idle_for_more_than_an_hour(void **state) { /* */
  struct worlds_fixture *f = *state;
  static const struct {
    int line;
    int64_t idle_ms;
    int want;
  } rows[] = {{__LINE__, 61 * WORLDS_MINUTE, 1},
              {__LINE__, 59 * WORLDS_MINUTE, 0},
              {__LINE__, WORLDS_HOUR, 0},
              {__LINE__, WORLDS_HOUR + 1, 1}};
  if (lacks_live(f)) return;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char id[8];
    snprintf(id, sizeof id, "w%zu", i);
    make_world(f, id, "ana");
    say(f, id, "ana", "keep me");
    f->now_ms += rows[i].idle_ms;
    CHECK_ROW(rows[i].line, job_number(f, "cleanup", NULL, "worldsCleaned") == rows[i].want);
    CHECK_ROW(rows[i].line, world_live(f, id).is_there == !rows[i].want);
    json_decref(run_job(f, "sync", NULL, NULL));
    f->now_ms += 2 * WORLDS_HOUR;
    json_decref(run_job(f, "cleanup", NULL, NULL));
  }
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\" WHERE \"text\"='keep me'"), 4);
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldState\""), 4);
}

static void a_cleaned_favorite_is_not_paused_and_answers(void **state) { /* */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  world_do(f, "world.favorite", "w", "ana", "{'favorite':true}");
  f->now_ms += 2 * WORLDS_HOUR;
  json_decref(run_job(f, "cleanup", NULL, NULL));
  assert_false(world_live(f, "w").is_there);
  assert_string_equal(world_column(f, "w", "status"), "RUNNING");
  json_t *body = world_ask(f, "world.tick", "w", NULL, NULL);
  assert_int_equal(world_int(body, "allowed"), 0);
  json_decref(body);
  assert_int_equal(say(f, "w", "ana", "two"), 2);
}

static void memory_freed_is_what_the_store_says(void **state) { /* */
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  char *args = malloc(11000);
  assert_non_null(args);
  int n = snprintf(args, 11000, "{'core':{'blob':'");
  memset(args + n, 'x', 10240);
  snprintf(args + n + 10240, 20, "'}}");
  for (int i = 0; i < 100; i++) {
    char id[16];
    snprintf(id, sizeof id, "w%03d", i);
    make_world(f, id, "ana");
    world_do(f, "world.state_put", id, NULL, args);
  }
  free(args);
  int64_t before = live_used_bytes(f);
  f->now_ms += 2 * WORLDS_HOUR;
  json_t *result = run_job(f, "cleanup", NULL, NULL);
  assert_int_equal(world_int(result, "worldsCleaned"), 100);
  assert_string_equal(world_text(result, "estimateMethod"), "measured");
  double mb = json_real_value(json_object_get(result, "estimatedMemoryFreedMB"));
  int64_t freed = world_int(result, "memoryFreedBytes"), difference = before - live_used_bytes(f);
  json_decref(result);
  if (fabs(mb - 0.98) > 0.1) fail_msg("%.3f MB", mb);
  if (llabs(freed - difference) * 100 > difference)
    fail_msg("%lld said, %lld measured", (long long)freed, (long long)difference);
}

static void put_event(struct worlds_fixture *f, const char *id, int64_t age_ms) {
  char args[200];
  snprintf(args, sizeof args, "{'events':[{'at':'%s','data':{'age':%lld}}]}",
           instant_to_text(f->now_ms - age_ms).text, (long long)age_ms);
  world_do(f, "world.state_put", id, NULL, args);
}

static void old_events_go_also_in_active_worlds(void **state) { /* */
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  make_world(f, "w", "ana");
  make_world(f, "v", "ana");
  for (int i = 0; i < 3; i++) put_event(f, "w", 2 * WORLDS_HOUR + i);
  for (int i = 0; i < 2; i++) put_event(f, "w", 10 * WORLDS_MINUTE + i);
  put_event(f, "v", WORLDS_HOUR);
  put_event(f, "v", WORLDS_HOUR + 1);
  assert_int_equal(job_number(f, "cleanup", "{'dryRun':true}", "tempEventsCleanedCount"), 4);
  assert_int_equal(job_number(f, "cleanup", NULL, "tempEventsCleanedCount"), 4);
  assert_int_equal(world_live(f, "w").event_count, 2);
  assert_int_equal(world_live(f, "v").event_count, 1);
}

static void young_events_of_a_cleaned_world_come_back(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  make_world(f, "w", "ana");
  f->now_ms += 2 * WORLDS_HOUR;
  idle_world(f, "w", WORLDS_MINUTE);
  put_event(f, "w", WORLDS_MINUTE);
  f->now_ms += WORLDS_HOUR;
  assert_int_equal(job_number(f, "cleanup", NULL, "worldsCleaned"), 1);
  say(f, "w", "ana", "one");
  assert_int_equal(world_live(f, "w").event_count, 0); /* an hour and a minute old: expired before */
  put_event(f, "w", 0);
  world_do(f, "world.pause", "w", "ana", NULL);
  say(f, "w", "ana", "two");
  assert_int_equal(world_live(f, "w").event_count, 1);
}

static void orphan_locks_go_and_living_ones_stay(void **state) { /* */
  struct worlds_fixture *f = *state;
  struct live_lock locks[] = {{.id = STR("a")}, {.id = STR("b")}};
  CHECK_OK(live_lock(f->second.live, locks, 2, (struct live_lease){LIVE_LEASE_MS, f->now_ms}, NULL));
  f->now_ms += LIVE_LEASE_MS / 2;
  struct live_lock young = {.id = STR("c")};
  CHECK_OK(live_lock(f->second.live, &young, 1, (struct live_lease){LIVE_LEASE_MS, f->now_ms}, NULL));
  assert_int_equal(job_number(f, "cleanup", NULL, "orphanLocksRemoved"), 0);
  f->now_ms += LIVE_LEASE_MS / 2 + 1;
  assert_int_equal(job_number(f, "cleanup", NULL, "orphanLocksRemoved"), 2);
  CHECK_OK(live_renew(f->second.live, &young, 1, (struct live_lease){LIVE_LEASE_MS, f->now_ms}, NULL));
  assert_int_not_equal(young.token, 0);
}

static void a_locked_world_is_left_for_the_next_run(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  make_many(f, 2, "hello");
  f->now_ms += 2 * WORLDS_HOUR;
  struct live_lock lock = {.id = STR("w000")};
  CHECK_OK(live_lock(f->second.live, &lock, 1, (struct live_lease){LIVE_LEASE_MS, f->now_ms}, NULL));
  json_t *result = run_job(f, "cleanup", NULL, NULL);
  assert_int_equal(world_int(result, "worldsCleaned"), 1);
  assert_int_equal(world_int(result, "worldsBusy"), 1);
  json_decref(result);
  assert_true(world_live(f, "w000").is_there);
  CHECK_OK(live_unlock(f->second.live, &lock, 1, NULL));
  assert_int_equal(job_number(f, "cleanup", NULL, "worldsCleaned"), 1);
}

static void pages_go_on_until_all_are_done(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  make_many(f, 23, "hello");
  int64_t synced = 0;
  json_t *next = NULL;
  for (int calls = 0; calls < 10; calls++) {
    char *cursor = next ? json_dumps(next, JSON_COMPACT) : NULL, args[300];
    snprintf(args, sizeof args, cursor ? "{'limit':5,'cursor':%s}" : "{'limit':5}", cursor);
    free(cursor);
    json_decref(next);
    json_t *page = world_ask(f, "sync.page", NULL, NULL, args);
    synced += world_int(page, "worldsSynced");
    next = json_incref(json_object_get(page, "next"));
    json_decref(page);
    if (json_is_null(next)) break;
  }
  json_decref(next);
  assert_int_equal(synced, 23);
  assert_int_equal(status_of(f).dirty_worlds, 0);
}

static void cleanup_and_sync_in_any_order_lose_nothing(void **state) { /* */
  struct worlds_fixture *f = *state;
  static const char *const orders[][3] = {{"cleanup", "sync", "sync"},
                                          {"sync", "cleanup", "sync"},
                                          {"sync", "sync", "cleanup"},
                                          {"cleanup", "cleanup", "sync"}};
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
    char id[8], text[20], sql[200];
    snprintf(id, sizeof id, "w%zu", i);
    snprintf(text, sizeof text, "last %zu", i);
    make_world(f, id, "ana");
    say(f, id, "ana", text);
    f->now_ms += 61 * WORLDS_MINUTE;
    for (int j = 0; j < 3; j++) json_decref(run_job(f, orders[i][j], NULL, NULL));
    snprintf(sql, sizeof sql, "SELECT count(*) FROM \"WorldInteraction\" WHERE \"text\"='%s'", text);
    assert_int_equal(number(f, sql), 1);
    assert_false(world_live(f, id).is_there);
  }
}

static void make_big(struct worlds_fixture *f, const char *id) {
  make_world(f, id, "ana");
  char *args = malloc(80000);
  assert_non_null(args);
  int n = snprintf(args, 80000, "{'session':{'big':'");
  for (int i = 0; i < 60; i++) n += snprintf(args + n, 80000 - (size_t)n, "%01000d", i);
  snprintf(args + n, 80000 - (size_t)n, "%06000d'}}", 7);
  world_do(f, "world.state_put", id, NULL, args);
  free(args);
}

static void expect_packed(struct worlds_fixture *f, const char *id) {
  if (!lacks_live(f)) {
    assert_string_equal(worlds_value(f, "SELECT \"codec\" FROM \"WorldState\""), "zstd");
    assert_true(number(f, "SELECT length(\"data\") FROM \"WorldState\"") < 20000);
  }
  say(f, id, "ana", "hi");
  json_t *after = world_ask(f, "world.state", id, NULL, NULL);
  assert_int_equal(strlen(world_text(after, "session.big")), 66000);
  json_decref(after);
}

static void a_big_state_sleeps_compressed(void **state) { /* B-72 */
  struct worlds_fixture *f = *state;
  make_big(f, "w");
  world_do(f, "world.pause", "w", "ana", NULL);
  expect_packed(f, "w");
}

/* As most are: saved by sync, removed by cleanup, and paused without a live state. */
static void a_big_state_is_compressed_however_it_leaves(void **state) { /* B-72 */
  struct worlds_fixture *f = *state;
  make_big(f, "w");
  json_decref(run_job(f, "sync", NULL, NULL));
  f->now_ms += 2 * WORLDS_HOUR;
  json_decref(run_job(f, "cleanup", NULL, NULL));
  world_do(f, "world.pause", "w", "ana", NULL);
  expect_packed(f, "w");
}

static void waking_a_big_state_keeps_text_turn_and_counters(void **state) { /* B-19, B-72 */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  char *args = malloc(80000);
  assert_non_null(args);
  (void)snprintf(args, 80000, "{'session':{'big':'%070000d'}}", 7);
  world_do(f, "world.state_put", "w", NULL, args);
  free(args);
  world_do(f, "world.pause", "w", "ana", NULL);
  int64_t version = number(f, "SELECT \"version\" FROM \"WorldState\"");
  say(f, "w", "ana", "two");
  assert_int_equal(number(f, "SELECT \"turn\" FROM \"WorldInteraction\" WHERE \"text\"='two'"), 2);
  if (!lacks_live(f))
    assert_int_equal(number(f, "SELECT \"version\" FROM \"WorldState\""), version); /* not written again */
  say(f, "w", "ana", "three");
  json_decref(run_job(f, "sync", NULL, NULL));
  assert_int_equal(number(f, "SELECT \"turn\" FROM \"WorldInteraction\" WHERE \"text\"='three'"), 3);
  assert_int_equal(number(f, "SELECT \"messages\" FROM \"WorldStats\""), 3);
  assert_int_equal(number(f, "SELECT \"turn\" FROM \"WorldState\""), 3);
  assert_int_equal(number(f, "SELECT \"interactions\" FROM \"World\""), 3);
}

static void a_big_state_is_loaded_behind_the_answer(void **state) { /* B-5 */
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  make_big(f, "w");
  world_do(f, "world.pause", "w", "ana", NULL);
  say(f, "w", "ana", "hi");
  assert_false(world_live(f, "w").is_there);
  worlds_wake_behind(&f->lane, f->now_ms);
  assert_true(world_live(f, "w").is_there);
  assert_string_equal(f->lane.to_wake, "");
  say(f, "w", "ana", "again");
  json_decref(run_job(f, "sync", NULL, NULL));
  assert_int_equal(number(f, "SELECT \"turn\" FROM \"WorldInteraction\" WHERE \"text\"='again'"), 2);
  json_t *after = world_ask(f, "world.state", "w", NULL, NULL);
  assert_int_equal(strlen(world_text(after, "session.big")), 66000);
  json_decref(after);
}

static void a_big_state_is_not_loaded_behind_a_new_pause(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  make_big(f, "w");
  world_do(f, "world.pause", "w", "ana", NULL);
  say(f, "w", "ana", "hi");
  CHECK_OK(world_try(f, &f->second, "world.pause", "w", "ana", NULL, NULL, NULL));
  worlds_wake_behind(&f->lane, f->now_ms);
  assert_false(world_live(f, "w").is_there);
}

/* Killed between the commit and the loading: the live state is not there. */
static void a_kill_while_a_big_state_wakes_costs_no_counter(void **state) {
  struct worlds_fixture *f = *state;
  if (lacks_live(f)) return;
  make_world(f, "w", "ana");
  char *args = malloc(80000);
  assert_non_null(args);
  (void)snprintf(args, 80000, "{'session':{'big':'%070000d'}}", 7);
  world_do(f, "world.state_put", "w", NULL, args);
  free(args);
  world_do(f, "world.pause", "w", "ana", NULL);
  world_do(f, "world.message", "w", "ana", "{'text':'one','tokens':7}");
  assert_false(world_live(f, "w").is_there);
  world_do(f, "world.message", "w", "ana", "{'text':'two','tokens':1}");
  json_decref(run_job(f, "sync", NULL, NULL));
  assert_int_equal(number(f, "SELECT \"messages\" FROM \"WorldStats\""), 2);
  assert_int_equal(number(f, "SELECT \"tokens\" FROM \"WorldStats\""), 8);
}

/* An emergent event of a world that is not live is counted by SQL. */
static void what_was_counted_while_a_world_slept_stays(void **state) {
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  world_do(f, "world.pause", "w", "ana", NULL);
  CHECK_OK(sqldb_exec(f->lane.db, SQL_STORY_EVENT_COUNTED, SQL_ARGS(SQL_VALUE_TEXT("w")), NULL, NULL));
  say(f, "w", "ana", "two");
  json_decref(run_job(f, "sync", NULL, NULL));
  assert_int_equal(number(f, "SELECT \"events\" FROM \"WorldStats\""), 1);
  assert_int_equal(number(f, "SELECT \"messages\" FROM \"WorldStats\""), 2);
}

static void a_strange_entry_of_the_journal_holds_nothing_up(void **state) {
  struct worlds_fixture *f = *state;
  if (!f->redis) return;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  (void)redis_fixture_ask(f->redis, "RPUSH world:w:journal strange");
  (void)redis_fixture_ask(f->redis,
                          "EVAL "
                          "redis.call('RPUSH','world:w:journal','12345678901234567'..string.char(32)..'1'.."
                          "string.char(32)..'x') 0");
  say(f, "w", "ana", "two");
  sync_keeps_what_was_said(f, 2);
  assert_string_equal(redis_fixture_ask(f->redis, "LLEN world:w:journal"), "0");
}

/* Until Redis takes no more; how many were acknowledged. */
static int64_t talk_until_full(struct worlds_fixture *f, struct err_detail *detail) {
  char args[5000];
  (void)snprintf(args, sizeof args, "{'text':'%04000d'}", 1);
  for (int64_t said = 0; said < 10000; said++) {
    enum err e = world_try(f, &f->lane, "world.message", "w", "ana", args, NULL, detail);
    if (e == ERR_OK) continue;
    assert_int_equal(e, ERR_STORE_FULL);
    return said;
  }
  fail_msg("Redis is never full");
  return 0;
}

static void limit_redis(struct worlds_fixture *f, int64_t more_bytes) {
  int64_t used = 0;
  char command[80];
  const char *line = strstr(redis_fixture_ask(f->redis, "INFO memory"), "used_memory:");
  assert_true(line && sscanf(line, "used_memory:%ld", &used) == 1);
  (void)snprintf(command, sizeof command, "CONFIG SET maxmemory %lld", (long long)(used + more_bytes));
  assert_string_equal(redis_fixture_ask(f->redis, command), "OK");
}

/* Nobody does anything but the jobs: sync saves what is there, cleanup frees it, and messages are taken again. */
static void a_full_redis_empties_itself_and_loses_nothing(void **state) {
  struct worlds_fixture *f = *state;
  struct err_detail detail = {};
  if (!f->redis) return;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  limit_redis(f, 400000);
  int64_t said = 1 + talk_until_full(f, &detail);
  assert_non_null(strstr(detail.message, "is full (maxmemory)"));
  json_decref(run_job(f, "sync", NULL, NULL));
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\""), said);
  f->now_ms += 61 * WORLDS_MINUTE;
  json_t *cleaned = run_job(f, "cleanup", NULL, NULL);
  json_decref(cleaned);
  assert_string_equal(redis_fixture_ask(f->redis, "KEYS world:*"), "");
  assert_int_equal(say(f, "w", "ana", "more"), said + 1);
  json_decref(run_job(f, "sync", NULL, NULL));
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\""), said + 1);
}

/* Pausing frees memory, too. */
static void a_world_in_a_full_redis_can_be_paused(void **state) {
  struct worlds_fixture *f = *state;
  struct err_detail detail = {};
  if (!f->redis) return;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  limit_redis(f, 100000);
  int64_t said = 1 + talk_until_full(f, &detail);
  world_do(f, "world.pause", "w", "ana", NULL);
  assert_string_equal(redis_fixture_ask(f->redis, "KEYS world:*"), "");
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\""), said);
  assert_int_equal(say(f, "w", "ana", "more"), said + 1);
}

static void bytes_no_database_takes_do_not_keep_a_world_dirty(void **state) {
  struct worlds_fixture *f = *state;
  static const char bytes[] = "a\0b", no_utf8[] = "c\xff";
  struct live_entry entries[] = {{.at_ms = WORLDS_NOW, .bytes = {bytes, 3}},
                                 {.at_ms = WORLDS_NOW, .bytes = {no_utf8, 2}}};
  struct live_append a = {.id = STR("w"), .active_ms = INSTANT_NONE, .journal = entries, .journal_count = 2};
  if (lacks_live(f)) return;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  CHECK_OK(live_write(f->second.live, &a, 1, f->now_ms, NULL));
  CHECK_OK(a.error);
  sync_keeps_what_was_said(f, 3);
  assert_int_equal(status_of(f).dirty_worlds, 0);
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\" WHERE \"text\" IN ('a?b','c?')"), 2);
}

static void names_no_database_takes_hold_nobody_up(void **state) {
  struct worlds_fixture *f = *state;
  static const char nul[] = "sys.seen.a\0b";
  struct live_field field = {{nul, sizeof nul - 1}, STR("1763726400000")};
  struct live_append a = {.id = STR("w"), .active_ms = INSTANT_NONE, .core = &field, .core_count = 1};
  if (lacks_live(f)) return;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  CHECK_OK(live_write(f->second.live, &a, 1, f->now_ms, NULL));
  CHECK_OK(a.error);
  if (f->redis)
    (void)redis_fixture_ask(f->redis, "EVAL redis.call('ZADD','worlds:dirty',1,'v'..string.char(0,255)) 0");
  json_decref(run_job(f, "sync", NULL, NULL));
  assert_int_equal(number(f, "SELECT count(*) FROM \"WorldInteraction\""), 1);
  assert_int_equal(world_live(f, "w").version, world_live(f, "w").saved_version);
}

static enum worlds_kind kind_of_group;
static int setup(void **state) {
  static struct worlds_fixture f;
  worlds_open(&f, kind_of_group);
  *state = &f;
  return 0;
}
static int teardown(void **state) {
  worlds_close(*state);
  return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(sync_saves_what_is_dirty),
      T(a_dry_run_saves_nothing),
      T(one_bad_world_holds_nobody_up),
      T(a_write_during_the_copy_stays_dirty),
      T(counters_are_saved),
      T(activity_counts_until_it_is_saved_once),
      T(activation_by_a_tick_is_no_activity),
      T(a_member_is_seen),
      T(a_thousand_messages_are_one_row_of_state),
      T(an_unknown_world_is_kept_until_it_is_known_to_be_deleted),
      T(sync_learns_of_changes_from_outside),
      T(a_live_state_that_fell_back_loses_nothing_more),
      T(a_message_in_the_place_of_a_lost_one_is_kept),
      T(turns_do_not_go_back_with_the_live_state),
      T(a_live_state_that_fell_back_overwrites_no_newer_field),
      T(a_live_state_that_fell_back_is_not_shown_nor_saved),
      T(a_live_state_that_fell_back_is_paused_as_the_database_has_it),
      T(a_message_wakes_a_world_whose_removed_state_came_back),
      T(a_kill_after_a_state_was_put_back_costs_nothing_that_was_said),
      T(the_version_alone_makes_no_state_the_newest),
      T(a_live_state_that_lost_nothing_goes_on_after_a_restart),
      T(turns_begin_behind_rows_that_are_there),
      T(cleanup_takes_worlds_idle_for_more_than_an_hour),
      T(a_cleaned_favorite_is_not_paused_and_answers),
      T(memory_freed_is_what_the_store_says),
      T(old_events_go_also_in_active_worlds),
      T(young_events_of_a_cleaned_world_come_back),
      T(orphan_locks_go_and_living_ones_stay),
      T(a_locked_world_is_left_for_the_next_run),
      T(pages_go_on_until_all_are_done),
      T(cleanup_and_sync_in_any_order_lose_nothing),
      T(a_big_state_sleeps_compressed),
      T(a_big_state_is_compressed_however_it_leaves),
      T(waking_a_big_state_keeps_text_turn_and_counters),
      T(a_big_state_is_loaded_behind_the_answer),
      T(a_big_state_is_not_loaded_behind_a_new_pause),
      T(a_kill_while_a_big_state_wakes_costs_no_counter),
      T(what_was_counted_while_a_world_slept_stays),
      T(a_strange_entry_of_the_journal_holds_nothing_up),
      T(a_full_redis_empties_itself_and_loses_nothing),
      T(a_world_in_a_full_redis_can_be_paused),
      T(bytes_no_database_takes_do_not_keep_a_world_dirty),
      T(names_no_database_takes_hold_nobody_up),
  };
  int failed = 0;
  for (kind_of_group = 0; kind_of_group < WORLDS_KINDS; kind_of_group++)
    if (worlds_fixture_has(kind_of_group)) failed += cmocka_run_group_tests(tests, NULL, NULL);
  return failed;
}
