/* One world by its calls, on every pair of database and live state. */
#include "tests/support/worlds_fixture.h"
#include "worlds/sql.h"

static void check_error(struct worlds_fixture *f, const char *call, const char *world, const char *user,
                        const char *args, enum err want, int line) {
  struct err_detail d = {};
  enum err e = world_try(f, &f->lane, call, world, user, args, NULL, &d);
  if (e != want)
    fail_msg("line %d: %s by %s: %s (%s), not %s", line, call, user ? user : "nobody", err_code(e), d.message,
             err_code(want));
}
#define REFUSED(call, world, user, args, want) check_error(f, call, world, user, args, want, __LINE__)
#define COLUMN(id, column, want) assert_string_equal(world_column(f, id, column), want)

static bool is_true(struct worlds_fixture *f, const char *id, const char *column) {
  const char *v = world_column(f, id, column);
  return strcmp(v, "1") == 0 || strcmp(v, "true") == 0 || strcmp(v, "t") == 0;
}

static bool column_is_instant(struct worlds_fixture *f, const char *id, const char *column, int64_t want_ms) {
  int64_t ms;
  const char *v = world_column(f, id, column);
  char text[64];
  snprintf(text, sizeof text, "%s%s", v, strchr(v, 'Z') ? "" : "Z");
  return v[0] && instant_from_text(str_of(text), &ms) && ms == want_ms;
}

/* ---- B-81 ---- */

static void create_makes_a_running_world_active_now(void **state) {
  struct worlds_fixture *f = *state;
  json_t *body = world_ask(f, "world.create", NULL, NULL, "{'id':'test-world-id','name':'N','ownerId':'U'}");
  assert_string_equal(world_text(body, "id"), "test-world-id");
  assert_string_equal(world_text(body, "status"), "RUNNING");
  assert_string_equal(world_text(body, "lastActiveAt"), "2025-11-21T12:00:00.000Z");
  json_decref(body);
  assert_true(column_is_instant(f, "test-world-id", "lastActiveAt", WORLDS_NOW));
  REFUSED("world.create", NULL, NULL, "{'id':'test-world-id','name':'N'}", ERR_CONFLICT);
}

static void create_checks_its_fields(void **state) {
  struct worlds_fixture *f = *state;
  static const struct {
    int line;
    const char *args, *user;
    enum err want;
  } rows[] = {
      {__LINE__, "{'id':'a b'}", NULL, ERR_INVALID},
      {__LINE__, "{'id':'a','isPaused':true}", NULL, ERR_INVALID},
      {__LINE__, "{'id':'a','story':[1]}", NULL, ERR_INVALID},
      {__LINE__, "{'id':'a','nonsense':1}", NULL, ERR_INVALID},
      {__LINE__, "{'id':'a','locale':'fr'}", NULL, ERR_INVALID},
      {__LINE__, "{'id':'a','ownerId':'bob'}", "ana", ERR_FORBIDDEN},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_error(f, "world.create", NULL, rows[i].user, rows[i].args, rows[i].want, rows[i].line);
  world_do(f, "world.create", NULL, "ana", "{'id':'hers','name':'x'}");
  COLUMN("hers", "ownerId", "ana");
}

/* ---- B-4 … B-9, X-2: pause and resume ---- */

static void pause_and_resume_set_the_columns(void **state) { /* B-13, B-14, A-27 */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  json_t *body = world_ask(f, "world.pause", "w", "ana", "{'reason':'manual'}");
  assert_int_equal(world_int(body, "wasPaused"), 0);
  json_decref(body);
  COLUMN("w", "status", "PAUSED");
  COLUMN("w", "pauseReason", "manual");
  assert_true(is_true(f, "w", "isPaused"));
  assert_true(column_is_instant(f, "w", "pausedAt", WORLDS_NOW));
  f->now_ms += WORLDS_HOUR;
  body = world_ask(f, "world.resume", "w", "ana", NULL);
  assert_int_equal(world_int(body, "wasResumed"), 1);
  json_decref(body);
  COLUMN("w", "status", "RUNNING");
  COLUMN("w", "pauseReason", "");
  COLUMN("w", "pausedAt", "");
  assert_false(is_true(f, "w", "isPaused"));
  assert_true(column_is_instant(f, "w", "lastActiveAt", WORLDS_NOW + WORLDS_HOUR));
  body = world_ask(f, "world.resume", "w", "ana", NULL);
  assert_int_equal(world_int(body, "wasResumed"), 0);
  json_decref(body);
  assert_string_equal(worlds_value(f, "SELECT count(*) FROM \"WorldPause\" WHERE \"endedAt\" IS NOT NULL"),
                      "1");
}

static void resume_is_logged_with_what_was_before(void **state) { /* B-57 */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  world_do(f, "world.pause", "w", "ana", NULL);
  json_array_clear(f->notices);
  world_do(f, "world.resume", "w", "ana", NULL);
  const json_t *line = json_array_get(f->notices, 0);
  assert_string_equal(world_text(line, "message"), "World resumed successfully");
  assert_string_equal(world_text(line, "worldId"), "w");
  assert_string_equal(world_text(line, "pauseReason"), "manual");
  assert_string_equal(world_text(line, "pausedAt"), "2025-11-21T12:00:00.000Z");
}

static void a_failed_resume_tells_code_and_reason(void **state) { /* B-64 */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  world_do(f, "world.pause", "w", "ana", NULL);
  json_array_clear(f->notices);
  REFUSED("world.resume", "w", "bob", NULL, ERR_FORBIDDEN);
  const json_t *line = json_array_get(f->notices, 0);
  assert_string_equal(world_text(line, "error"), "forbidden");
  assert_true(strlen(world_text(line, "reason")) > 0);
}

static void a_manual_pause_takes_a_world_off_the_ladder(void **state) { /* U-34 */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  worlds_sql(
      f,
      "UPDATE \"World\" SET \"isPaused\"=true,\"status\"='ARCHIVED',\"pausedAt\"='2025-11-01T00:00:00.000Z',"
      "\"pauseReason\"='inactivity_30d',\"scheduledDeletion\"='2025-12-01T00:00:00.000Z' WHERE \"id\"='w'");
  world_do(f, "world.pause", "w", "ana", NULL);
  COLUMN("w", "pauseReason", "manual");
  COLUMN("w", "scheduledDeletion", "");
}

/* ---- B-19: messages ---- */

/* whoever writes SQL from outside, or a file to import, may leave half of it. */
static void isPaused_rules_what_stands_beside_it(void **state) {
  struct worlds_fixture *f = *state;
  static const struct {
    int line;
    const char *set, *status, *reason;
  } cases[] = {
      {__LINE__, "\"isPaused\"=true", "PAUSED", ""},
      {__LINE__, "\"isPaused\"=true,\"status\"='ARCHIVED',\"pauseReason\"='manual'", "ARCHIVED", "manual"},
      {__LINE__, "\"isPaused\"=false,\"status\"='PAUSED',\"pauseReason\"='manual'", "RUNNING", ""},
      {__LINE__, "\"isPaused\"=false,\"status\"='active'", "RUNNING", ""},
      {__LINE__, "\"isPaused\"=true,\"status\"='active'", "PAUSED", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char id[16], sql[300];
    snprintf(id, sizeof id, "half-%zu", i);
    snprintf(sql, sizeof sql, "UPDATE \"World\" SET %s WHERE \"id\"='%s'", cases[i].set, id);
    make_world(f, id, "ana");
    worlds_sql(f, sql);
    world_do(f, "world.favorite", id, "ana", NULL);
    if (strcmp(world_column(f, id, "status"), cases[i].status) != 0)
      fail_msg("line %d: %s", cases[i].line, world_column(f, id, "status"));
    COLUMN(id, "pauseReason", cases[i].reason);
    assert_int_equal(strlen(world_column(f, id, "pausedAt")) > 0, strcmp(cases[i].status, "RUNNING") != 0);
    assert_int_equal(say(f, id, "ana", "hola"), 1);
    COLUMN(id, "status", "RUNNING");
  }
}

static void what_sql_from_outside_broke_is_lived_with(void **state) {
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  worlds_sql(f, "UPDATE \"World\" SET \"story\"='{' WHERE \"id\"='w'");
  worlds_sql(f,
             "INSERT INTO \"WorldInteraction\"(\"worldId\",\"turn\",\"at\",\"speaker\",\"text\") "
             "VALUES('w',-5,'2025-11-01T00:00:00.000Z','a','x')");
  JSON_AUTO json_t *row = world_ask(f, "world.get", "w", "ana", NULL);
  assert_string_equal(world_text(row, "story"), "");
  assert_int_equal(say(f, "w", "ana", "hola"), 1);
}

static void a_message_to_a_paused_world_is_durable_when_answered(void **state) {
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  assert_int_equal(say(f, "w", "ana", "one"), 1);
  world_do(f, "world.pause", "w", "ana", NULL);
  f->now_ms += WORLDS_DAY;
  json_t *body = world_ask(f, "world.message", "w", "ana", "{'text':'two','place':'bar'}");
  assert_int_equal(world_int(body, "success"), 1);
  assert_int_equal(world_int(body, "resumed"), 1);
  assert_int_equal(world_int(body, "wasPaused"), 1);
  assert_int_equal(world_int(body, "turn"), 2);
  json_decref(body);
  assert_false(is_true(f, "w", "isPaused"));
  assert_true(column_is_instant(f, "w", "lastActiveAt", f->now_ms));
  assert_string_equal(worlds_value(f, "SELECT \"text\" FROM \"WorldInteraction\" WHERE \"turn\"=2"), "two");
  COLUMN("w", "interactions", "2");
  assert_string_equal(worlds_value(f, "SELECT \"messages\" FROM \"WorldStats\""), "2");
  assert_int_equal(say(f, "w", "ana", "three"), 3);
}

static void the_answer_is_the_same_whether_it_slept_or_not(void **state) { /* B-79 */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  json_t *awake = world_ask(f, "world.message", "w", "ana", "{'text':'x'}");
  world_do(f, "world.pause", "w", "ana", NULL);
  json_t *woken = world_ask(f, "world.message", "w", "ana", "{'text':'x'}");
  const char *key;
  json_t *value;
  json_object_foreach(awake, key, value) assert_int_equal(
      json_typeof(value) == json_typeof(json_object_get(woken, key)) || json_is_boolean(value), true);
  assert_int_equal(json_object_size(awake), json_object_size(woken));
  json_decref(awake);
  json_decref(woken);
}

static void who_wakes_a_world(void **state) { /* X-5, B-76 … B-78 */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  world_do(f, "world.member_add", "w", NULL, "{'userId':'mia'}");
  world_do(f, "world.pause", "w", "ana", "{'reason':'manual'}");
  REFUSED("world.message", "w", "eve", "{'text':'x'}", ERR_FORBIDDEN);
  REFUSED("world.resume", "w", "mia", NULL, ERR_FORBIDDEN);
  REFUSED("world.resume", "w", "admin:root", NULL, ERR_FORBIDDEN);
  json_t *body = world_ask(f, "world.message", "w", "mia", "{'text':'x'}");
  assert_int_equal(world_int(body, "resumed"), 1);
  json_decref(body);
  assert_string_equal(worlds_value(f, "SELECT \"actor\" FROM \"WorldHistory\" WHERE \"action\"='resumed'"),
                      "system");
  world_do(f, "world.vacation", "w", "ana", "{'until':'2026-01-21T12:00:00Z'}");
  REFUSED("world.message", "w", "mia", "{'text':'x'}", ERR_WORLD_ON_VACATION);
  body = world_ask(f, "world.message", "w", "ana", "{'text':'x'}");
  assert_int_equal(world_int(body, "resumed"), 1);
  json_decref(body);
  world_do(f, "world.pause", "w", "ana", NULL);
  world_do(f, "world.resume", "w", "override:root", NULL);
  REFUSED("world.favorite", "w", "mia", NULL, ERR_FORBIDDEN);
  REFUSED("world.favorite", "w", NULL, NULL, ERR_FORBIDDEN);
}

static void owners_only_may_be_set(void **state) { /* X-5 with the setting */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  world_do(f, "world.member_add", "w", NULL, "{'userId':'mia'}");
  worlds_sql(f,
             "INSERT INTO \"WorldSettings\"(\"id\",\"definition\",\"updatedAt\") VALUES(1,"
             "'{\"manualPauseResumableByOwnerOnly\":true}','2025-11-21T12:00:00.000Z')");
  worlds_settings_changed(f->worlds);
  world_do(f, "world.pause", "w", "ana", NULL);
  REFUSED("world.message", "w", "mia", "{'text':'x'}", ERR_WORLD_PAUSED_BY_OWNER);
  world_do(f, "world.message", "w", "ana", "{'text':'x'}");
}

static void a_character_wakes_nobody_and_is_no_activity(void **state) { /* X-6, B-4 */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  f->now_ms += WORLDS_HOUR;
  world_do(f, "world.message", "w", NULL, "{'text':'hm','speaker':'Bot','isUser':false}");
  json_t *body = world_ask(f, "sync.page", NULL, NULL, NULL);
  json_decref(body);
  assert_true(column_is_instant(f, "w", "lastActiveAt", WORLDS_NOW));
  assert_string_equal(worlds_value(f, "SELECT \"speaker\" FROM \"WorldInteraction\""), "Bot");
  world_do(f, "world.pause", "w", "ana", NULL);
  REFUSED("world.message", "w", NULL, "{'text':'hm','isUser':false}", ERR_WORLD_PAUSED);
  REFUSED("world.message", "w", "mia", "{'text':'hm','isUser':false}", ERR_FORBIDDEN);
}

static void a_live_world_takes_messages_without_the_database(void **state) {
  struct worlds_fixture *f = *state;
  if (f->kind == WORLDS_NO_LIVE) return;
  make_world(f, "w", "ana");
  world_do(f, "world.member_add", "w", NULL, "{'userId':'mia'}");
  say(f, "w", "ana", "one");
  struct sqldb *db = f->lane.db;
  f->lane.db = NULL; /* whoever touches it falls */
  assert_int_equal(say(f, "w", "mia", "two"), 2);
  f->lane.db = db;
}

static void a_removed_member_cannot_post_any_more(void **state) {
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  world_do(f, "world.member_add", "w", "ana", "{'userId':'mia'}");
  say(f, "w", "mia", "one");
  world_do(f, "world.member_remove", "w", "ana", "{'userId':'mia'}");
  REFUSED("world.message", "w", "mia", "{'text':'two'}", ERR_FORBIDDEN);
}

static void messages_check_their_fields(void **state) {
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  REFUSED("world.message", "w", "ana", "{}", ERR_INVALID);
  REFUSED("world.message", "w", "ana", "{'text':''}", ERR_INVALID);
  REFUSED("world.message", "w", "ana", "{'text':'x','at':'2031-01-01T00:00:00Z'}", ERR_INVALID);
  REFUSED("world.message", "nowhere", "ana", "{'text':'x'}", ERR_NOT_FOUND);
}

/* ---- ticks ---- */

static void ticks_stop_while_the_user_is_away(void **state) {
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  json_t *body = world_ask(f, "world.tick", "w", NULL, "{'n':3}");
  assert_int_equal(world_int(body, "ticks"), 3);
  json_decref(body);
  f->now_ms += WORLDS_HOUR + 1;
  body = world_ask(f, "world.tick", "w", NULL, NULL);
  assert_int_equal(world_int(body, "allowed"), 0);
  assert_string_equal(world_text(body, "reason"), "user_away");
  json_decref(body);
  worlds_sql(f,
             "INSERT INTO \"WorldSettings\"(\"id\",\"definition\",\"updatedAt\") VALUES(1,"
             "'{\"tickWhenIdle\":true}','2025-11-21T12:00:00.000Z')");
  worlds_settings_changed(f->worlds);
  body = world_ask(f, "world.tick", "w", NULL, NULL);
  assert_int_equal(world_int(body, "allowed"), 1);
  json_decref(body);
  world_do(f, "world.pause", "w", "ana", NULL);
  REFUSED("world.tick", "w", NULL, NULL, ERR_WORLD_PAUSED);
  assert_true(column_is_instant(f, "w", "lastActiveAt", WORLDS_NOW));
}

/* ---- the state survives ---- */

static void a_resumed_world_has_the_state_it_had(void **state) {
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  world_do(
      f, "world.state_put", "w", NULL,
      "{'core':{'mood':'calm','stats':{'a':1}},'session':{'big':'xxxxxxxx'},'events':[{'data':{'k':1}}]}");
  json_t *before = world_ask(f, "world.state", "w", NULL, NULL);
  world_do(f, "world.pause", "w", "ana", NULL);
  assert_false(world_live(f, "w").is_there);
  REFUSED("world.state_put", "w", NULL, "{'core':{'a':'b'}}", ERR_WORLD_PAUSED);
  world_do(f, "world.resume", "w", "ana", NULL);
  assert_int_equal(world_live(f, "w").is_there, f->kind != WORLDS_NO_LIVE);
  json_t *after = world_ask(f, "world.state", "w", NULL, NULL);
  assert_string_equal(world_text(after, "hash"), world_text(before, "hash"));
  assert_string_equal(world_text(after, "core.mood"), "calm");
  json_decref(before);
  json_decref(after);
}

/* ---- favourites, vacations, events ---- */

static void favorite_toggles_and_sets(void **state) { /* B-36, B-68 */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  static const struct {
    const char *args;
    int want;
  } rows[] = {
      {NULL, 1}, {NULL, 0}, {"{'favorite':true}", 1}, {"{'favorite':true}", 1}, {"{'favorite':false}", 0}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    json_t *body = world_ask(f, "world.favorite", "w", "ana", rows[i].args);
    assert_int_equal(world_int(body, "isFavorite"), rows[i].want);
    assert_int_equal(is_true(f, "w", "isFavorite"), rows[i].want);
    json_decref(body);
  }
  COLUMN("w", "ladderFrom", "");
}

static void mark(struct worlds_fixture *f, const char *id) {
  idle_world(f, id, 31 * WORLDS_DAY);
  worlds_sql(
      f,
      "UPDATE \"World\" SET \"isPaused\"=true,\"status\"='ARCHIVED',\"pausedAt\"='2025-10-22T00:00:00.000Z',"
      "\"pauseReason\"='inactivity_30d',\"scheduledDeletion\"='2025-11-30T00:00:00.000Z'");
}

static void a_favorite_loses_its_mark_and_gets_a_week_later(void **state) { /* U-35 */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  mark(f, "w");
  world_do(f, "world.favorite", "w", "ana", "{'favorite':true}");
  COLUMN("w", "scheduledDeletion", "");
  COLUMN("w", "status", "ARCHIVED");
  world_do(f, "world.favorite", "w", "ana", "{'favorite':false}");
  assert_true(column_is_instant(f, "w", "ladderFrom", WORLDS_NOW + 7 * WORLDS_DAY));
}

static void an_event_is_added_once_though_somebody_moves_the_world(void **state) { /* B-27, B-82 */
  struct worlds_fixture *f = *state;
  struct live_lock lock = {.id = STR("w")};
  make_world(f, "w", "ana");
  worlds_sql(f, "UPDATE \"World\" SET \"scheduledDeletion\"='2026-02-01T00:00:00.000Z'");
  CHECK_OK(live_lock(f->second.live, &lock, 1, (struct live_lease){LIVE_LEASE_MS, f->now_ms}, NULL));
  world_do(f, "world.event_add", "w", "ana", "{'type':'x','scheduledAt':'2026-01-01T00:00:00Z'}");
  CHECK_OK(live_unlock(f->second.live, &lock, 1, NULL));
  assert_string_equal(worlds_value(f, "SELECT count(*) FROM \"WorldEvent\""), "1");
}

/* A call that forgets its transaction must not keep all others waiting for theirs. */
static void a_transaction_does_not_outlive_its_call(void **state) {
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  CHECK_OK(sqldb_begin(f->second.db, true, NULL));
  json_t *body = NULL;
  CHECK_OK(world_try(f, &f->second, "world.get", "w", "ana", NULL, &body, NULL));
  json_decref(body);
  assert_int_equal(say(f, "w", "ana", "hello"), 1);
  json_decref(run_job(f, "sync", NULL, NULL));
}

static void a_planned_event_takes_a_mark_back(void **state) { /* B-82, part */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  mark(f, "w");
  json_t *body = world_ask(f, "world.event_add", "w", "ana",
                           "{'id':'e1','type':'wedding','scheduledAt':'2026-01-01T00:00:00Z'}");
  assert_int_equal(world_int(body, "protects"), 1);
  json_decref(body);
  COLUMN("w", "scheduledDeletion", "");
  REFUSED("world.event_add", "w", "ana", "{'id':'e1','type':'x','scheduledAt':'2026-01-01T00:00:00Z'}",
          ERR_CONFLICT);
  body = world_ask(f, "world.event_cancel", "w", "ana", "{'id':'e1'}");
  assert_int_equal(world_int(body, "cancelled"), 1);
  json_decref(body);
  body = world_ask(f, "world.event_list", "w", "ana", NULL);
  assert_string_equal(
      json_string_value(json_object_get(json_array_get(json_object_get(body, "events"), 0), "status")),
      "cancelled");
  json_decref(body);
}

static void a_message_during_the_grace_period_cancels_the_deletion(void **state) { /* U-19 */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  mark(f, "w");
  say(f, "w", "ana", "wait");
  COLUMN("w", "scheduledDeletion", "");
  COLUMN("w", "status", "RUNNING");
}

static void a_vacation_ends_by_itself(void **state) { /* B-69, part */
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  REFUSED("world.vacation", "w", "ana", NULL, ERR_INVALID);
  REFUSED("world.vacation", "w", "ana", "{'until':'2020-01-01T00:00:00Z'}", ERR_INVALID);
  world_do(f, "world.vacation", "w", "ana", "{'until':'2026-01-20T12:00:00Z'}");
  COLUMN("w", "pauseReason", "vacation");
  f->now_ms = WORLDS_NOW + 59 * WORLDS_DAY;
  world_do(f, "sync.vacations", NULL, NULL, NULL);
  assert_true(is_true(f, "w", "isPaused"));
  f->now_ms = WORLDS_NOW + 60 * WORLDS_DAY + 5 * WORLDS_MINUTE;
  world_do(f, "sync.vacations", NULL, NULL, NULL);
  assert_false(is_true(f, "w", "isPaused"));
  COLUMN("w", "vacationUntil", "");
  assert_true(column_is_instant(f, "w", "lastActiveAt", WORLDS_NOW + 60 * WORLDS_DAY));
}

/* ---- pages ---- */

static void lists_page_by_id_and_show_users_their_own(void **state) {
  struct worlds_fixture *f = *state;
  char id[8];
  for (int i = 0; i < 5; i++) {
    snprintf(id, sizeof id, "w%d", i);
    make_world(f, id, i % 2 ? "bob" : "ana");
  }
  world_do(f, "world.member_add", "w1", NULL, "{'userId':'ana'}");
  json_t *body = world_ask(f, "world.list", NULL, NULL, "{'limit':3}");
  assert_int_equal(json_array_size(json_object_get(body, "worlds")), 3);
  assert_string_equal(world_text(body, "next"), "w2");
  json_decref(body);
  body = world_ask(f, "world.list", NULL, NULL, "{'limit':3,'after':'w2'}");
  assert_int_equal(json_array_size(json_object_get(body, "worlds")), 2);
  assert_string_equal(world_text(body, "next"), "");
  json_decref(body);
  body = world_ask(f, "world.list", NULL, "ana", NULL);
  assert_int_equal(json_array_size(json_object_get(body, "worlds")), 4);
  json_decref(body);
  REFUSED("world.list", NULL, "ana", "{'owner':'bob'}", ERR_FORBIDDEN);
  world_do(f, "world.pause", "w3", "bob", NULL);
  body = world_ask(f, "world.list", NULL, "admin:root", "{'paused':true}");
  assert_int_equal(json_array_size(json_object_get(body, "worlds")), 1);
  json_decref(body);
}

static void the_lifeline_tells_what_happened(void **state) {
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  f->now_ms += 1;
  world_do(f, "world.pause", "w", "ana", NULL);
  f->now_ms += 1;
  world_do(f, "world.edit", "w", "ana", "{'name':'Other','storyMode':true}");
  COLUMN("w", "name", "Other");
  json_t *body = world_ask(f, "world.history", "w", "ana", "{'limit':2}");
  const json_t *rows = json_object_get(body, "history");
  assert_string_equal(world_text(json_array_get(rows, 0), "action"), "edited");
  assert_string_equal(world_text(json_array_get(rows, 1), "action"), "paused");
  assert_string_equal(world_text(json_array_get(rows, 1), "actor"), "ana");
  char args[200];
  snprintf(args, sizeof args, "{'after':'%s'}", world_text(body, "next"));
  json_decref(body);
  body = world_ask(f, "world.history", "w", "ana", args);
  assert_string_equal(world_text(json_array_get(json_object_get(body, "history"), 0), "action"), "created");
  json_decref(body);
  REFUSED("world.history", "w", "eve", NULL, ERR_FORBIDDEN);
}

static void get_shows_what_is_live(void **state) {
  struct worlds_fixture *f = *state;
  make_world(f, "w", "ana");
  say(f, "w", "ana", "one");
  json_t *body = world_ask(f, "world.get", "w", "ana", NULL);
  assert_int_equal(world_int(body, "live.isLive"), f->kind != WORLDS_NO_LIVE);
  assert_null(json_object_get(body, "fence"));
  assert_string_equal(world_text(body, "ladder.nextStepAt"), "2025-11-22T12:00:00.000Z");
  assert_string_equal(world_text(body, "ladder.why"), "active");
  json_decref(body);
}

static void columns_are_those_of_the_model(void **state) {
  (void)state;
  assert_int_equal(world_row_field_count, WORLD_COLUMN_COUNT);
  struct str rest = str_of(WORLD_COLUMNS), piece;
  for (size_t i = 0; str_split(&rest, ',', &piece); i++) {
    char want[64];
    snprintf(want, sizeof want, "w.\"%s\"", world_row_fields[i].name);
    CHECK_STR(piece, str_of(want));
  }
}

/* ---- */

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
      T(create_makes_a_running_world_active_now),
      T(create_checks_its_fields),
      T(pause_and_resume_set_the_columns),
      T(resume_is_logged_with_what_was_before),
      T(a_failed_resume_tells_code_and_reason),
      T(a_manual_pause_takes_a_world_off_the_ladder),
      T(isPaused_rules_what_stands_beside_it),
      T(what_sql_from_outside_broke_is_lived_with),
      T(a_message_to_a_paused_world_is_durable_when_answered),
      T(the_answer_is_the_same_whether_it_slept_or_not),
      T(who_wakes_a_world),
      T(owners_only_may_be_set),
      T(a_character_wakes_nobody_and_is_no_activity),
      T(a_live_world_takes_messages_without_the_database),
      T(a_removed_member_cannot_post_any_more),
      T(messages_check_their_fields),
      T(ticks_stop_while_the_user_is_away),
      T(a_resumed_world_has_the_state_it_had),
      T(favorite_toggles_and_sets),
      T(a_favorite_loses_its_mark_and_gets_a_week_later),
      T(an_event_is_added_once_though_somebody_moves_the_world),
      T(a_transaction_does_not_outlive_its_call),
      T(a_planned_event_takes_a_mark_back),
      T(a_message_during_the_grace_period_cancels_the_deletion),
      T(a_vacation_ends_by_itself),
      T(lists_page_by_id_and_show_users_their_own),
      T(the_lifeline_tells_what_happened),
      T(get_shows_what_is_live),
      cmocka_unit_test(columns_are_those_of_the_model),
  };
  int failed = 0;
  for (kind_of_group = 0; kind_of_group < WORLDS_KINDS; kind_of_group++)
    if (worlds_fixture_has(kind_of_group)) failed += cmocka_run_group_tests(tests, NULL, NULL);
  return failed;
}
