/* What every implementation of the live state keeps to, on each of them. Ids in the names of tests,
 * */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/live_fixture.h"
#include "tests/support/redis_fixture.h"

static struct live_fixture fixture;
static struct live_fixture *const f = &fixture;

static int open_embedded(void **) {
  live_fixture_open(f, LIVE_EMBEDDED);
  return 0;
}

static int open_redis(void **) {
  live_fixture_open(f, LIVE_REDIS);
  return 0;
}

static int open_upstash(void **) {
  live_fixture_open(f, LIVE_UPSTASH);
  return 0;
}

static int close_fixture(void **) {
  live_fixture_close(f);
  return 0;
}

static bool is_measured(void) { return f->mode != LIVE_UPSTASH; }

/* ---- one world ---- */

static void a_world_that_is_not_there_is_no_error(void **) {
  struct live_world w = live_get(f, "w");
  assert_false(w.is_there);
  assert_int_equal(w.active_ms, INSTANT_NONE);
  assert_int_equal(w.core_count + w.session_count + w.journal_count + w.event_count, 0);
  assert_int_equal(live_figures(f).worlds, 0);
}

static void what_is_loaded_is_read_back_and_clean(void **) {
  struct live_field core[] = {{STR("a"), STR("1")}, {STR("b"), STR("zwei")}};
  struct live_field session = {STR("set"), STR("working")};
  struct live_entry events[] = {{.at_ms = NOW - 7, .bytes = STR("late")},
                                {.at_ms = NOW - 9, .bytes = STR("early")}};
  struct live_world put = {.id = STR("w"),
                           .events = events,
                           .event_count = 2,
                           .version = 7,
                           .turn = 40,
                           .ticks = 3,
                           .active_ms = NOW - 5,
                           .core = core,
                           .core_count = 2,
                           .session = &session,
                           .session_count = 1};
  CHECK_OK(live_load(f->live, &put, 0, NOW, NULL));
  struct live_world w = live_get(f, "w");
  assert_true(w.is_there);
  assert_int_equal(w.version, 7);
  assert_int_equal(w.saved_version, 7);
  assert_int_equal(w.turn, 40);
  assert_int_equal(w.ticks, 3);
  assert_int_equal(w.active_ms, NOW - 5);
  assert_int_equal(w.dirty_ms, INSTANT_NONE);
  assert_int_equal(w.core_count, 2);
  CHECK_STR(live_core(&w, "b"), STR("zwei"));
  assert_int_equal(w.event_count, 2);
  CHECK_STR(w.events[0].bytes, STR("early"));
  assert_int_equal(w.events[1].at_ms, NOW - 7);
  assert_int_equal(w.session_count, 1);
  CHECK_STR(w.session[0].bytes, STR("working"));
  assert_int_equal(w.bytes, is_measured() ? 1 + 1 + 1 + 4 + 3 + 7 + 4 + 5 : -1);
  assert_int_equal(live_figures(f).dirty_worlds, 0);
}

/* As when the other side began anew; the state itself stays. */
static void begin_another_life(void) {
  sqlite3 *db = NULL;
  if (f->mode == LIVE_REDIS) (void)redis_fixture_ask(f->redis, "SET worlds:life another");
  if (f->mode == LIVE_UPSTASH) live_fixture_reopen(f, "node:2");
  if (f->mode != LIVE_EMBEDDED) return;
  char path[128];
  snprintf(path, sizeof path, "%s/live.db", f->folder);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "UPDATE world SET life = 1", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static enum err write_checked(bool is_checked) {
  struct live_field field = {STR("k"), STR("v")};
  struct live_append w = {
      .id = STR("w"), .active_ms = NOW, .core = &field, .core_count = 1, .is_checked = is_checked};
  CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
  return w.error;
}

static void a_new_life_takes_no_write_until_somebody_has_looked(void **) {
  live_make(f, "w");
  assert_true(live_get(f, "w").is_checked);
  assert_int_equal(write_checked(false), ERR_OK);
  begin_another_life();
  assert_false(live_get(f, "w").is_checked);
  assert_int_equal(write_checked(false), ERR_PRECONDITION);
  assert_int_equal(live_get(f, "w").version, 1);
  assert_int_equal(write_checked(true), ERR_OK);
  assert_true(live_get(f, "w").is_checked);
  assert_int_equal(write_checked(false), ERR_OK);
}

static void what_replaces_leaves_nothing_but_the_lock(void **) {
  live_make(f, "w");
  (void)live_say(f, "w", "said");
  live_set(f, "w", "k", STR("mine"));
  int64_t token = live_hold(f, "w", NOW);
  struct live_field core = {STR("a"), STR("b")};
  struct live_world put = {.id = STR("w"),
                           .version = 9,
                           .turn = 4,
                           .active_ms = NOW,
                           .core = &core,
                           .core_count = 1,
                           .replaces = true};
  begin_another_life();
  assert_int_equal(live_load(f->live, &put, 0, NOW, NULL), ERR_BUSY);
  CHECK_OK(live_load(f->live, &put, token, NOW, NULL));
  struct live_world w = live_get(f, "w");
  assert_true(w.is_checked);
  assert_int_equal(w.version, 9);
  assert_int_equal(w.turn, 4);
  assert_int_equal(w.core_count, 1);
  assert_int_equal(w.journal_count, 0);
  assert_int_equal(live_figures(f).dirty_worlds, 0);
  if (is_measured()) assert_int_equal(live_figures(f).used_bytes, w.bytes);
  assert_int_equal(live_hold(f, "w", NOW), 0);
}

static void events_are_loaded_with_the_state(void **) {
  struct live_entry events[] = {{.at_ms = NOW + 5, .bytes = STR("late")},
                                {.at_ms = NOW - 5, .bytes = STR("a\0\xff")}};
  struct live_world put = {
      .id = STR("w"), .version = 3, .active_ms = NOW, .events = events, .event_count = 2, .replaces = true};
  live_make(f, "w");
  CHECK_OK(live_load(f->live, &put, 0, NOW, NULL));
  struct live_world w = live_get(f, "w");
  assert_int_equal(w.version, 3);
  assert_int_equal(live_figures(f).dirty_worlds, 0);
  assert_int_equal(w.event_count, 2);
  CHECK_STR(w.events[0].bytes, STR("a\0\xff"));
  assert_int_equal(w.events[1].at_ms, NOW + 5);
  if (is_measured()) assert_int_equal(w.bytes, 7);
  if (is_measured()) assert_int_equal(live_figures(f).used_bytes, 7);
  struct str id = STR("w");
  int64_t removed;
  CHECK_OK(live_expire_events(f->live, &id, 1, NOW, &removed, NULL));
  assert_int_equal(removed, 1);
}

static void loading_what_is_there_changes_nothing(void **) {
  live_make(f, "w");
  live_set(f, "w", "k", STR("mine"));
  struct live_world again = {.id = STR("w"), .version = 99, .active_ms = NOW};
  assert_int_equal(live_load(f->live, &again, 0, NOW, NULL), ERR_CONFLICT);
  struct live_world w = live_get(f, "w");
  assert_int_equal(w.version, 1);
  CHECK_STR(live_core(&w, "k"), STR("mine"));
}

static void writing_to_what_is_not_live_asks_for_loading(void **) {
  struct live_append w = {.id = STR("w"), .active_ms = NOW};
  CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
  assert_int_equal(w.error, ERR_NOT_FOUND);
  assert_false(live_get(f, "w").is_there);
}

static void a_write_does_all_of_it(void **) {
  struct live_entry journal[] = {{.at_ms = NOW, .bytes = STR("{\"a\":1}")},
                                 {.at_ms = NOW + 1, .bytes = STR("b")}};
  struct live_entry history = {.at_ms = NOW, .bytes = STR("old")};
  struct live_entry event = {.at_ms = NOW + 5, .bytes = STR("event")};
  struct live_field core = {STR("mood"), STR("calm")}, session = {STR("cache"), STR("xx")};
  struct live_append w = {.id = STR("w"),
                          .active_ms = NOW + 9,
                          .journal = journal,
                          .journal_count = 2,
                          .history = &history,
                          .history_count = 1,
                          .events = &event,
                          .event_count = 1,
                          .core = &core,
                          .core_count = 1,
                          .session = &session,
                          .session_count = 1,
                          .ticks = 4,
                          .messages = 2,
                          .tokens = 1500,
                          .cost_micro_usd = 3};
  live_make(f, "w");
  for (int i = 1; i <= 2; i++) {
    CHECK_OK(live_write(f->live, &w, 1, NOW + i, NULL));
    CHECK_OK(w.error);
    assert_int_equal(w.first_turn, 2 * i - 1);
    assert_int_equal(w.version, i);
  }
  struct live_world got = live_get(f, "w");
  assert_int_equal(got.version, 2);
  assert_int_equal(got.saved_version, 0);
  assert_int_equal(got.turn, 4);
  assert_int_equal(got.ticks, 8);
  assert_int_equal(got.active_ms, NOW + 9);
  assert_int_equal(got.dirty_ms, NOW + 1);
  assert_int_equal(got.journal_count, 4);
  assert_int_equal(got.journal[3].turn, 4);
  assert_int_equal(got.journal[3].at_ms, NOW + 1);
  CHECK_STR(got.journal[2].bytes, STR("{\"a\":1}"));
  assert_int_equal(got.history_count, 2);
  assert_int_equal(got.event_count, 1); /* the same text is the same event */
  assert_int_equal(got.events[0].at_ms, NOW + 5);
  CHECK_STR(got.events[0].bytes, STR("event"));
  CHECK_STR(live_core(&got, "stats.messages"), STR("4"));
  CHECK_STR(live_core(&got, "stats.tokens"), STR("3000"));
  CHECK_STR(live_core(&got, "stats.costMicroUSD"), STR("6"));
  CHECK_STR(live_core(&got, "stats.events"), STR_NONE);
}

static void activity_never_goes_back_and_ticks_are_none(void **) {
  struct live_append w = {.id = STR("w"), .active_ms = NOW - 1000, .ticks = 1};
  live_make(f, "w");
  CHECK_OK(live_write(f->live, &w, 1, NOW + 50, NULL));
  w.active_ms = INSTANT_NONE;
  CHECK_OK(live_write(f->live, &w, 1, NOW + 60, NULL));
  assert_int_equal(live_get(f, "w").active_ms, NOW);
}

static void the_guard_is_read_without_the_rest(void **) {
  static const char *const names[] = {LIVE_GUARD_NAMES};
  struct live_world w = {};
  live_make(f, "w");
  live_set(f, "w", "sys.other", STR("1"));
  live_set(f, "w", "mood", STR("calm"));
  CHECK_OK(live_read(f->live, &(struct live_question){&STR("w"), 1, LIVE_GUARD, &f->arena}, &w, NULL));
  assert_true(w.is_there);
  assert_int_equal(w.core_count, 0);
  for (size_t i = 0; i < 3; i++) live_set(f, "w", names[i], STR("guard"));
  CHECK_OK(live_read(f->live, &(struct live_question){&STR("w"), 1, LIVE_GUARD, &f->arena}, &w, NULL));
  assert_int_equal(w.core_count, 3);
  for (size_t i = 0; i < 3; i++) CHECK_STR(live_core(&w, names[i]), STR("guard"));
}

static void bytes_are_any_bytes(void **) {
  char all[1024];
  for (size_t i = 0; i < sizeof all; i++) all[i] = (char)(i * 7 + i / 256);
  struct str blob = {all, sizeof all};
  struct live_entry entry = {.at_ms = NOW, .bytes = blob};
  struct live_field field = {STR("~blob"), blob};
  struct live_append w = {.id = STR("mundo ñ/1"),
                          .active_ms = NOW,
                          .journal = &entry,
                          .journal_count = 1,
                          .events = &entry,
                          .event_count = 1,
                          .core = &field,
                          .core_count = 1,
                          .session = &field,
                          .session_count = 1};
  live_make(f, "mundo ñ/1");
  CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
  CHECK_OK(w.error);
  live_set(f, "mundo ñ/1", "tilde", STR("~7e"));
  struct live_world got = live_get(f, "mundo ñ/1");
  CHECK_STR(live_core(&got, "~blob"), blob);
  CHECK_STR(live_core(&got, "tilde"), STR("~7e"));
  CHECK_STR(got.session[0].bytes, blob);
  CHECK_STR(got.journal[0].bytes, blob);
  CHECK_STR(got.events[0].bytes, blob);
}

static void empty_bytes_delete_a_field(void **) {
  live_make(f, "w");
  live_set(f, "w", "k", STR("value"));
  live_set(f, "w", "k", STR(""));
  struct live_world w = live_get(f, "w");
  assert_int_equal(w.core_count, 0);
  assert_int_equal(w.version, 2);
  assert_int_equal(live_figures(f).used_bytes, is_measured() ? 0 : -1);
}

static void history_is_bounded(void **) {
  static struct live_entry entries[LIVE_HISTORY_MAX];
  for (size_t i = 0; i < LIVE_HISTORY_MAX; i++)
    entries[i] = (struct live_entry){.at_ms = NOW, .bytes = STR("h")};
  struct live_append w = {
      .id = STR("w"), .active_ms = NOW, .history = entries, .history_count = LIVE_HISTORY_MAX};
  live_make(f, "w");
  CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
  w.history_count = 10;
  CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
  assert_int_equal(live_get(f, "w").history_count, LIVE_HISTORY_MAX);
  if (is_measured()) assert_int_equal(live_get(f, "w").bytes, LIVE_HISTORY_MAX);
}

static void ids_and_sizes_are_checked(void **) {
  char name[LIVE_NAME_BYTES_MAX + 1];
  memset(name, 'n', sizeof name);
  struct live_field field = {{name, sizeof name}, STR("x")};
  struct live_append w = {.id = STR("w"), .active_ms = NOW, .core = &field, .core_count = 1};
  struct live_append nameless = {.id = STR(""), .active_ms = NOW};
  live_make(f, "w");
  CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
  assert_int_equal(w.error, ERR_LIMIT);
  assert_int_equal(live_write(f->live, &nameless, 1, NOW, NULL), ERR_INVALID);
  assert_int_equal(live_get(f, "w").version, 0);
}

/* ---- making safe ---- */

static void saved_makes_clean_and_empties_the_journal(void **) {
  live_make(f, "w");
  live_say(f, "w", "one");
  live_say(f, "w", "two");
  assert_int_equal(live_figures(f).dirty_worlds, 1);
  assert_int_equal(live_figures(f).oldest_dirty_ms, NOW);
  assert_true(live_mark_saved(f, "w", 2, 2));
  struct live_world w = live_get(f, "w");
  assert_int_equal(w.saved_version, 2);
  assert_int_equal(w.journal_count, 0);
  assert_int_equal(w.dirty_ms, INSTANT_NONE);
  assert_int_equal(w.turn, 2);
  assert_int_equal(live_figures(f).dirty_worlds, 0);
  assert_int_equal(live_figures(f).oldest_dirty_ms, INSTANT_NONE);
  assert_true(live_mark_saved(f, "w", 2, 2)); /* again: nothing more */
}

static void a_write_during_the_copy_stays_dirty(void **) { /* */
  live_make(f, "w");
  live_say(f, "w", "one");
  struct live_world read = live_get(f, "w");
  live_say(f, "w", "two");
  assert_false(live_mark_saved(f, "w", read.version, read.turn));
  struct live_world w = live_get(f, "w");
  assert_int_equal(w.journal_count, 1);
  CHECK_STR(w.journal[0].bytes, STR("two"));
  assert_int_equal(w.saved_version, 1);
  assert_int_equal(w.dirty_ms, NOW);
  assert_int_equal(live_figures(f).dirty_worlds, 1);
}

static void what_came_after_reading_is_not_older_than_that(void **) {
  live_make(f, "w");
  live_say(f, "w", "one");
  live_say(f, "w", "two");
  struct live_mark m = {.id = STR("w"), .version = 1, .turn = 1, .read_ms = NOW + 500};
  CHECK_OK(live_saved(f->live, &m, 1, NULL));
  assert_false(m.is_done);
  assert_int_equal(live_get(f, "w").dirty_ms, NOW + 500);
  assert_int_equal(live_figures(f).oldest_dirty_ms, NOW + 500);
}

static void a_mark_of_an_earlier_life_touches_nothing(void **) {
  live_make(f, "w");
  live_say(f, "w", "new life");
  assert_false(live_mark_saved(f, "w", 9, 9));
  assert_int_equal(live_get(f, "w").journal_count, 1);
}

static void an_older_mark_takes_nothing_back(void **) {
  live_make(f, "w");
  live_say(f, "w", "one");
  live_say(f, "w", "two");
  assert_true(live_mark_saved(f, "w", 2, 2));
  assert_true(live_mark_saved(f, "w", 1, 1));
  assert_int_equal(live_get(f, "w").saved_version, 2);
  assert_int_equal(live_figures(f).dirty_worlds, 0);
}

static void clear_needs_the_lock_and_the_version(void **) { /* */
  live_make(f, "w");
  live_say(f, "w", "one");
  assert_false(live_drop(f, "w", 1, 0));
  int64_t token = live_hold(f, "w", NOW);
  assert_true(token > 0);
  assert_false(live_drop(f, "w", 0, token));
  assert_false(live_drop(f, "w", 1, token - 1));
  assert_true(live_get(f, "w").is_there);
  assert_true(live_drop(f, "w", 1, token));
  assert_false(live_get(f, "w").is_there);
  assert_int_equal(live_figures(f).locks, 0);
}

/* In Redis: no key of the world is left, and the total is 0. */
static void check_keys(const char *pattern, const char *want) {
  if (!f->redis) return;
  assert_string_equal(redis_fixture_ask(f->redis, pattern), want);
}

static void clear_leaves_nothing(void **) {
  struct live_entry entry = {.at_ms = NOW, .bytes = STR("e")};
  struct live_field field = {STR("k"), STR("v")};
  struct live_append w = {.id = STR("w"),
                          .active_ms = NOW,
                          .journal = &entry,
                          .journal_count = 1,
                          .history = &entry,
                          .history_count = 1,
                          .events = &entry,
                          .event_count = 1,
                          .core = &field,
                          .core_count = 1,
                          .session = &field,
                          .session_count = 1};
  live_make(f, "w");
  live_make(f, "other");
  CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
  struct live_mark m = {.id = STR("w"), .version = 1, .token = live_hold(f, "w", NOW)};
  CHECK_OK(live_clear(f->live, &m, 1, NOW, NULL));
  assert_true(m.is_done);
  assert_int_equal(m.freed_bytes, is_measured() ? 7 : -1);
  struct live_status s = live_figures(f);
  assert_int_equal(s.worlds, 1);
  assert_int_equal(s.dirty_worlds, 0);
  assert_int_equal(s.used_bytes, is_measured() ? 0 : -1);
  check_keys("KEYS world:w:*", "");
  check_keys("GET worlds:bytes", "0");
  struct live_page page = {.after_score = INSTANT_NONE, .until_score = INSTANT_NEVER, .limit = 10};
  CHECK_OK(live_list(f->live, LIVE_EVENT_AGE, &page, &f->arena, NULL));
  assert_int_equal(page.count, 0);
  struct live_mark again = {.id = STR("w"), .version = 1, .token = m.token};
  CHECK_OK(live_clear(f->live, &again, 1, NOW, NULL));
  assert_true(again.is_done);
  assert_int_equal(again.freed_bytes, 0);
}

/* 10 KiB core and 5 MiB working set */
static void freed_bytes_are_what_the_total_falls_by(void **) {
  char *big = malloc(5 << 20);
  memset(big, 'x', 5 << 20);
  struct live_field core = {STR("core"), {big, 10 << 10}}, session = {STR("set"), {big, 5 << 20}};
  struct live_append w = {.id = STR("big"),
                          .active_ms = NOW,
                          .core = &core,
                          .core_count = 1,
                          .session = &session,
                          .session_count = 1};
  live_make(f, "small");
  live_set(f, "small", "k", STR("v"));
  live_make(f, "big");
  CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
  CHECK_OK(w.error);
  int64_t before = live_figures(f).used_bytes;
  struct live_mark m = {.id = STR("big"), .version = 1, .token = live_hold(f, "big", NOW)};
  CHECK_OK(live_clear(f->live, &m, 1, NOW, NULL));
  assert_true(m.is_done);
  if (is_measured()) {
    assert_int_equal(m.freed_bytes, (10 << 10) + (5 << 20) + 7);
    assert_int_equal(before - live_figures(f).used_bytes, m.freed_bytes);
  } else {
    assert_int_equal(m.freed_bytes, -1);
    assert_false(live_figures(f).is_measured);
  }
  free(big);
}

/* ---- locks ---- */

static void a_lock_has_one_holder_and_tokens_grow(void **) {
  int64_t first = live_hold(f, "w", NOW);
  assert_true(first >= NOW * 1000);
  assert_int_equal(live_hold(f, "w", NOW), 0);
  struct live_lock lock = {STR("w"), first};
  CHECK_OK(live_unlock(f->live, &lock, 1, NULL));
  int64_t second = live_hold(f, "w", NOW);
  assert_true(second > first);
  CHECK_OK(live_unlock(f->live, &lock, 1, NULL)); /* the old token opens nothing */
  assert_int_equal(live_hold(f, "w", NOW), 0);
  assert_int_equal(live_figures(f).locks, 1);
}

static void many_locks_in_one_call(void **) {
  struct live_lock locks[3] = {{.id = STR("a")}, {.id = STR("b")}, {.id = STR("c")}};
  int64_t b = live_hold(f, "b", NOW);
  CHECK_OK(live_lock(f->live, locks, 3, (struct live_lease){LIVE_LEASE_MS, NOW}, NULL));
  assert_true(locks[0].token > b && locks[2].token > locks[0].token);
  assert_int_equal(locks[1].token, 0);
}

static void a_lock_of_the_dead_is_free_when_its_lease_ends(void **) { /* no cleanup has run */
  int64_t dead = live_hold(f, "w", NOW);
  live_fixture_reopen(f, "node:2");
  assert_int_equal(live_hold(f, "w", NOW + LIVE_LEASE_MS - 1), 0);
  int64_t next = live_hold(f, "w", NOW + LIVE_LEASE_MS);
  assert_true(next > dead);
}

static void a_renewed_lease_lasts(void **) {
  struct live_lock lock = {STR("w"), live_hold(f, "w", NOW)};
  CHECK_OK(live_renew(f->live, &lock, 1, (struct live_lease){LIVE_LEASE_MS, NOW + 20000}, NULL));
  assert_true(lock.token > 0);
  assert_int_equal(live_hold(f, "w", NOW + LIVE_LEASE_MS + 1), 0);
  assert_true(live_hold(f, "w", NOW + 20000 + LIVE_LEASE_MS) > lock.token);
}

static void a_stale_token_is_refused_everywhere(void **) { /* */
  live_make(f, "w");
  int64_t stale = live_hold(f, "w", NOW), now = NOW + LIVE_LEASE_MS;
  int64_t token = live_hold(f, "w", now);
  assert_true(token > stale);
  struct live_append w = {.id = STR("w"), .token = stale, .active_ms = NOW};
  CHECK_OK(live_write(f->live, &w, 1, now, NULL));
  assert_int_equal(w.error, ERR_CONFLICT);
  struct live_lock lock = {STR("w"), stale};
  CHECK_OK(live_renew(f->live, &lock, 1, (struct live_lease){LIVE_LEASE_MS, now}, NULL));
  assert_int_equal(lock.token, 0);
  assert_false(live_drop(f, "w", 0, stale));
  struct live_world again = {.id = STR("v"), .active_ms = NOW};
  assert_int_equal(live_load(f->live, &again, stale, now, NULL), ERR_BUSY);
  assert_int_equal(live_get(f, "w").version, 0);
}

static void who_holds_no_lock_waits_while_it_is_held(void **) {
  live_make(f, "w");
  int64_t token = live_hold(f, "w", NOW);
  struct live_append without = {.id = STR("w"), .active_ms = NOW}, with = {.id = STR("w"), .token = token};
  CHECK_OK(live_write(f->live, &without, 1, NOW + 1, NULL));
  assert_int_equal(without.error, ERR_BUSY);
  CHECK_OK(live_write(f->live, &with, 1, NOW + 1, NULL));
  CHECK_OK(with.error);
  CHECK_OK(live_write(f->live, &without, 1, NOW + LIVE_LEASE_MS, NULL)); /* its lease is over */
  CHECK_OK(without.error);
  struct live_world other = {.id = STR("v"), .active_ms = NOW};
  assert_true(live_hold(f, "v", NOW) > 0);
  assert_int_equal(live_load(f->live, &other, 0, NOW, NULL), ERR_BUSY);
}

static void orphans_go_and_the_living_stay(void **) { /* */
  int64_t removed;
  assert_true(live_hold(f, "dead", NOW) > 0);
  assert_true(live_hold(f, "living", NOW + LIVE_LEASE_MS) > 0);
  CHECK_OK(live_drop_orphans(f->live, NOW + LIVE_LEASE_MS - 1, 100, &removed, NULL));
  assert_int_equal(removed, 0);
  CHECK_OK(live_drop_orphans(f->live, NOW + LIVE_LEASE_MS, 100, &removed, NULL));
  assert_int_equal(removed, 1);
  assert_int_equal(live_figures(f).locks, 1);
  assert_int_equal(live_hold(f, "living", NOW + LIVE_LEASE_MS), 0);
}

static void locks_of_our_earlier_epochs_are_orphans(void **) { /* */
  int64_t removed;
  struct live *other = live_fixture_handle(f, "other:1");
  struct live_lock theirs = {.id = STR("theirs")};
  CHECK_OK(live_lock(other, &theirs, 1, (struct live_lease){LIVE_LEASE_MS, NOW}, NULL));
  live_close(other);
  assert_true(live_hold(f, "ours", NOW) > 0);
  live_fixture_reopen(f, "node:2");
  assert_true(live_hold(f, "new", NOW) > 0);
  CHECK_OK(live_drop_orphans(f->live, NOW + 1, 100, &removed, NULL));
  assert_int_equal(removed, 1);
  assert_true(live_hold(f, "ours", NOW + 1) > 0);
  assert_int_equal(live_hold(f, "theirs", NOW + 1), 0);
  assert_int_equal(live_hold(f, "new", NOW + 1), 0);
}

static void no_more_orphans_go_than_asked_for(void **) {
  int64_t removed;
  for (int i = 0; i < 5; i++) {
    char id[8];
    snprintf(id, sizeof id, "w%d", i);
    assert_true(live_hold(f, id, NOW) > 0);
  }
  CHECK_OK(live_drop_orphans(f->live, NOW + LIVE_LEASE_MS, 3, &removed, NULL));
  assert_int_equal(removed, 3);
  CHECK_OK(live_drop_orphans(f->live, NOW + LIVE_LEASE_MS, 3, &removed, NULL));
  assert_int_equal(removed, 2);
}

/* ---- lists, events, figures ---- */

static void make_many(int from, int to, int64_t active_ms) {
  for (int i = from; i < to; i++) {
    char id[16];
    snprintf(id, sizeof id, "w%05d", i);
    struct live_world w = {.id = str_of(id), .active_ms = active_ms};
    CHECK_OK(live_load(f->live, &w, 0, NOW, NULL));
  }
}

static void pages_are_in_order_and_complete(void **) {
  struct live_page page = {.after_score = INSTANT_NONE, .until_score = NOW + 1, .limit = 7};
  make_many(0, 30, NOW);
  make_many(30, 40, NOW + 1);
  make_many(40, 50, NOW + 2);
  int seen = 0;
  do {
    CHECK_OK(live_list(f->live, LIVE_ACTIVE, &page, &f->arena, NULL));
    for (size_t i = 0; i < page.count; i++) {
      char id[16];
      snprintf(id, sizeof id, "w%05d", seen++);
      CHECK_STR(page.ids[i], str_of(id));
      assert_int_equal(page.scores[i], seen <= 30 ? NOW : NOW + 1);
    }
    page.after_id = page.ids[page.count - 1], page.after_score = page.scores[page.count - 1];
  } while (page.has_more);
  assert_int_equal(seen, 40);
}

static void pages_are_complete_while_worlds_leave_and_come(void **) {
  struct live_page page = {.after_score = INSTANT_NONE, .until_score = INSTANT_NEVER, .limit = 10};
  bool seen[200] = {};
  make_many(0, 100, NOW);
  for (int turn = 0;; turn++) {
    CHECK_OK(live_list(f->live, LIVE_ACTIVE, &page, &f->arena, NULL));
    for (size_t i = 0; i < page.count; i++) {
      int64_t number;
      assert_true(str_to_int(str_from(page.ids[i], 1), 0, 199, &number));
      assert_false(seen[number]);
      seen[number] = true;
    }
    if (!page.has_more) break;
    page.after_id = page.ids[page.count - 1], page.after_score = page.scores[page.count - 1];
    /* the page's last leaves, and one comes before it: both behind the reader */
    char id[LIVE_ID_BYTES_MAX];
    snprintf(id, sizeof id, "%.*s", STR_ARG(page.after_id));
    assert_true(live_drop(f, id, 0, live_hold(f, id, NOW)));
    make_many(100 + turn, 101 + turn, NOW - 1);
  }
  for (int i = 0; i < 100; i++) assert_true(seen[i]);
}

static void dirty_worlds_are_listed_by_their_age(void **) { /* */
  struct live_append w = {.id = STR("b"), .active_ms = INSTANT_NONE};
  struct live_page page = {.after_score = INSTANT_NONE, .until_score = INSTANT_NEVER, .limit = 10};
  live_make(f, "a");
  live_make(f, "b");
  live_make(f, "clean");
  CHECK_OK(live_write(f->live, &w, 1, NOW - 10, NULL));
  live_say(f, "a", "x");
  CHECK_OK(live_list(f->live, LIVE_DIRTY, &page, &f->arena, NULL));
  assert_int_equal(page.count, 2);
  CHECK_STR(page.ids[0], STR("b"));
  CHECK_STR(page.ids[1], STR("a"));
  assert_int_equal(live_figures(f).dirty_worlds, 2);
  assert_int_equal(live_figures(f).oldest_dirty_ms, NOW - 10);
}

static void a_world_without_known_activity_is_listed_first(void **) {
  struct live_world unknown = {.id = STR("z"), .active_ms = INSTANT_NONE};
  struct live_page page = {.after_score = INSTANT_NONE, .until_score = NOW, .limit = 10};
  live_make(f, "a");
  CHECK_OK(live_load(f->live, &unknown, 0, NOW, NULL));
  CHECK_OK(live_list(f->live, LIVE_ACTIVE, &page, &f->arena, NULL));
  assert_int_equal(page.count, 2);
  CHECK_STR(page.ids[0], STR("z"));
  assert_int_equal(live_get(f, "z").active_ms, INSTANT_NONE);
}

static void events_expire_exactly(void **) { /* */
  enum { MINUTE = 60000, HOUR = 60 * MINUTE };
  struct live_entry events[] = {{.at_ms = NOW - 2 * HOUR, .bytes = STR("1")},
                                {.at_ms = NOW - 2 * HOUR, .bytes = STR("2")},
                                {.at_ms = NOW - HOUR - 1, .bytes = STR("3")},
                                {.at_ms = NOW - HOUR, .bytes = STR("4")},
                                {.at_ms = NOW - 10 * MINUTE, .bytes = STR("5")}};
  struct live_append w = {.id = STR("w"), .active_ms = NOW, .events = events, .event_count = 5};
  struct live_page page = {.after_score = INSTANT_NONE, .until_score = NOW - HOUR - 1, .limit = 10};
  struct str ids[] = {STR("w"), STR("gone")};
  int64_t removed;
  live_make(f, "w");
  CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
  CHECK_OK(live_list(f->live, LIVE_EVENT_AGE, &page, &f->arena, NULL));
  assert_int_equal(page.count, 1);
  assert_int_equal(page.scores[0], NOW - 2 * HOUR);
  int64_t before = live_figures(f).used_bytes;
  CHECK_OK(live_expire_events(f->live, ids, 2, NOW - HOUR, &removed, NULL));
  assert_int_equal(removed, 3);
  struct live_world got = live_get(f, "w");
  assert_int_equal(got.event_count, 2);
  CHECK_STR(got.events[0].bytes, STR("4"));
  assert_int_equal(got.version, 1); /* expiring is no write */
  if (is_measured()) assert_int_equal(before - live_figures(f).used_bytes, 3);
  CHECK_OK(live_list(f->live, LIVE_EVENT_AGE, &page, &f->arena, NULL));
  assert_int_equal(page.count, 0);
  CHECK_OK(live_expire_events(f->live, ids, 1, INSTANT_NEVER, &removed, NULL));
  assert_int_equal(removed, 2);
}

static void figures_are_the_sum_of_the_worlds(void **) {
  make_many(0, 25, NOW);
  for (int i = 0; i < 25; i += 3) {
    char id[16];
    snprintf(id, sizeof id, "w%05d", i);
    live_set(f, id, "k", (struct str){"0123456789012345678901234567890", (size_t)i + 1});
    if (i % 2) live_say(f, id, "hello");
  }
  int64_t bytes = 0, dirty = 0;
  for (int i = 0; i < 25; i++) {
    char id[16];
    snprintf(id, sizeof id, "w%05d", i);
    struct live_world w = live_get(f, id);
    bytes += w.bytes, dirty += w.version > w.saved_version;
  }
  struct live_status s = live_figures(f);
  assert_int_equal(s.mode, f->mode);
  assert_int_equal(s.worlds, 25);
  assert_int_equal(s.dirty_worlds, dirty);
  if (is_measured()) assert_int_equal(s.used_bytes, bytes);
  assert_true(s.server[0] && s.durability[0]);
  CHECK_OK(live_ping(f->live, NULL));
}

/* ---- a writer beside the copier ---- */

enum { RACE_WORLDS = 20, RACE_ROUNDS = 5000, RACE_ROUNDS_REST = 250 }; /* 10^5 writes */

static int race_rounds(void) { return f->mode == LIVE_UPSTASH ? RACE_ROUNDS_REST : RACE_ROUNDS; }

struct race {
  pthread_t thread;
  struct live *live;
  int rounds;
};

static void *write_rounds(void *arg) {
  struct race *race = arg;
  struct live_append writes[RACE_WORLDS];
  struct live_entry entry = {.at_ms = NOW};
  struct live_field field = {.name = STR("round")};
  char ids[RACE_WORLDS][16], text[16];
  for (int round = 1; round <= race->rounds; round++) {
    snprintf(text, sizeof text, "%d", round);
    entry.bytes = field.bytes = str_of(text);
    for (int i = 0; i < RACE_WORLDS; i++) {
      snprintf(ids[i], sizeof ids[i], "w%05d", i);
      writes[i] = (struct live_append){.id = str_of(ids[i]),
                                       .active_ms = NOW + round,
                                       .journal = &entry,
                                       .journal_count = 1,
                                       .core = &field,
                                       .core_count = 1};
    }
    if (live_write(race->live, writes, RACE_WORLDS, NOW + round, NULL) != ERR_OK) return arg;
    for (int i = 0; i < RACE_WORLDS; i++)
      if (writes[i].error != ERR_OK || writes[i].first_turn != round) return arg;
  }
  return NULL;
}

struct copy { /* of a world, as a database would have it */
  int64_t turn, round;
};

/* One round of sync over all dirty worlds; how many there were. */
static size_t copy_dirty(struct copy *copies) {
  struct arena arena = arena_new(64 << 20);
  struct live_page page = {.after_score = INSTANT_NONE, .until_score = INSTANT_NEVER, .limit = RACE_WORLDS};
  struct live_world worlds[RACE_WORLDS];
  struct live_mark marks[RACE_WORLDS];
  CHECK_OK(live_list(f->live, LIVE_DIRTY, &page, &arena, NULL));
  CHECK_OK(live_read(f->live, &(struct live_question){page.ids, page.count, LIVE_CORE | LIVE_JOURNAL, &arena},
                     worlds, NULL));
  for (size_t i = 0; i < page.count; i++) {
    int64_t number, value;
    assert_true(str_to_int(str_from(worlds[i].id, 1), 0, RACE_WORLDS - 1, &number));
    struct copy *c = &copies[number];
    for (size_t k = 0; k < worlds[i].journal_count; k++) {
      assert_true(str_to_int(worlds[i].journal[k].bytes, 1, RACE_ROUNDS, &value));
      assert_int_equal(worlds[i].journal[k].turn, value);
      if (value > c->turn) assert_int_equal(value, c->turn + 1);
      if (value > c->turn) c->turn = value;
    }
    assert_true(str_to_int(live_core(&worlds[i], "round"), 1, RACE_ROUNDS, &c->round));
    marks[i] = (struct live_mark){.id = worlds[i].id, .version = worlds[i].version, .turn = worlds[i].turn};
  }
  CHECK_OK(live_saved(f->live, marks, page.count, NULL));
  arena_free(&arena);
  return page.count;
}

static void no_write_beside_the_copier_is_lost(void **) { /* 10^5 writes */
  struct race race = {.live = live_fixture_handle(f, "node:1"), .rounds = race_rounds()};
  struct copy copies[RACE_WORLDS] = {};
  void *failed = NULL;
  make_many(0, RACE_WORLDS, NOW);
  assert_int_equal(pthread_create(&race.thread, NULL, write_rounds, &race), 0);
  while (pthread_tryjoin_np(race.thread, &failed) != 0) (void)copy_dirty(copies);
  while (copy_dirty(copies) > 0) {
  }
  for (int i = 0; i < RACE_WORLDS; i++) {
    assert_int_equal(copies[i].turn, race_rounds());
    assert_int_equal(copies[i].round, race_rounds());
  }
  assert_null(failed);
  assert_int_equal(live_figures(f).dirty_worlds, 0);
  live_close(race.live);
}

#define CASE(kind, test) \
  { .name = #kind " " #test, .test_func = test, .setup_func = open_##kind, .teardown_func = close_fixture }
#define SUITE(kind)                                                                                          \
  CASE(kind, a_world_that_is_not_there_is_no_error), CASE(kind, what_is_loaded_is_read_back_and_clean),      \
      CASE(kind, loading_what_is_there_changes_nothing),                                                     \
      CASE(kind, a_new_life_takes_no_write_until_somebody_has_looked),                                       \
      CASE(kind, what_replaces_leaves_nothing_but_the_lock), CASE(kind, events_are_loaded_with_the_state),   \
      CASE(kind, writing_to_what_is_not_live_asks_for_loading), CASE(kind, a_write_does_all_of_it),          \
      CASE(kind, activity_never_goes_back_and_ticks_are_none), CASE(kind, bytes_are_any_bytes),              \
      CASE(kind, the_guard_is_read_without_the_rest), CASE(kind, empty_bytes_delete_a_field),                \
      CASE(kind, history_is_bounded), CASE(kind, ids_and_sizes_are_checked),                                 \
      CASE(kind, saved_makes_clean_and_empties_the_journal),                                                 \
      CASE(kind, a_write_during_the_copy_stays_dirty),                                                       \
      CASE(kind, what_came_after_reading_is_not_older_than_that),                                            \
      CASE(kind, a_mark_of_an_earlier_life_touches_nothing), CASE(kind, an_older_mark_takes_nothing_back),   \
      CASE(kind, clear_needs_the_lock_and_the_version), CASE(kind, clear_leaves_nothing),                    \
      CASE(kind, freed_bytes_are_what_the_total_falls_by),                                                   \
      CASE(kind, a_lock_has_one_holder_and_tokens_grow), CASE(kind, many_locks_in_one_call),                 \
      CASE(kind, a_lock_of_the_dead_is_free_when_its_lease_ends), CASE(kind, a_renewed_lease_lasts),         \
      CASE(kind, a_stale_token_is_refused_everywhere), CASE(kind, who_holds_no_lock_waits_while_it_is_held), \
      CASE(kind, orphans_go_and_the_living_stay), CASE(kind, locks_of_our_earlier_epochs_are_orphans),       \
      CASE(kind, no_more_orphans_go_than_asked_for), CASE(kind, pages_are_in_order_and_complete),            \
      CASE(kind, pages_are_complete_while_worlds_leave_and_come),                                            \
      CASE(kind, dirty_worlds_are_listed_by_their_age),                                                      \
      CASE(kind, a_world_without_known_activity_is_listed_first), CASE(kind, events_expire_exactly),         \
      CASE(kind, figures_are_the_sum_of_the_worlds), CASE(kind, no_write_beside_the_copier_is_lost)

int main(void) {
  const struct CMUnitTest tests[] = {SUITE(embedded), SUITE(redis), SUITE(upstash)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  live_fixture_servers_stop();
  return failed;
}
