/* Every zone's transitions 1970–2100 against a walker that reads the wall clock minute by minute and applies the
 * sentences of DESIGN 5 literally. A sample by default; SERENO_TEST_FULL=1 walks them all (minutes of CPU). */
#include <stdio.h>
#include <stdlib.h>

#include "sys/os_tree.h"
#include "tests/support/check.h"
#include "time/cron.h"
#include "time/schedule.h"

#define DAY_S 86400
#define BEFORE_S (54 * 3600) /* walked before a transition; the first 26 h only warm the high-water mark up */
#define WARM_S (26 * 3600)
#define AFTER_S (30 * 3600)
#define WALK_MAX (BEFORE_S + AFTER_S + 1)
#define SAMPLE 60 /* one transition of so many is walked */

static struct tzdb *db;

static const char *const texts[] = {
    "30 2 * * *",     "0 0 * * *",   "*/30 * * * *", "15,45 1,2,3 * * *", "59 23 L * *",
    "* * * * *",      "0 */2 * * *", "5 0 1 * 1",    "45 23,0,1,2 * * *", "0 2,3 * * *",
    "*/20 0-3 * * *", "0 12 * * *",  "10 0 * * 0,6",
};
#define TEXTS (sizeof texts / sizeof texts[0])

struct entry { /* one expression in one policy, compiled for the zone at hand and as the walker's judge */
  struct schedule *schedule;
  struct cron cron;
  enum schedule_dst dst;
};

static struct entry entries[TEXTS * SCHEDULE_DST_COUNT];
static int64_t walked[WALK_MAX], fired[WALK_MAX];

/* ---- the walker ---- */

struct walk {
  const struct tz *tz;
  int64_t from_s, until_s;
  int step_s;
  int64_t local_s[WALK_MAX / 60 + 4];
  int count;
};

static int64_t day_of(int64_t local_s) { return (local_s - (local_s % DAY_S + DAY_S) % DAY_S) / DAY_S; }

/* A local day exists when the clock shows any of its minutes. */
static bool has_day(const struct walk *w, int64_t day) {
  for (int i = 0; i < w->count; i++)
    if (day_of(w->local_s[i]) == day) return true;
  return false;
}

/* Does a reading of the gap [from, to) make a fixed time fire at the gap's end? */
static bool fires_for_gap(const struct walk *w, const struct cron *c, int64_t from_s, int64_t to_s) {
  for (int64_t reading = from_s; reading < to_s; reading += w->step_s)
    if (cron_matches(c, reading) && has_day(w, day_of(reading))) return true;
  return false;
}

static int walk_fixed(const struct walk *w, const struct entry *e) {
  int n = 0;
  int64_t high_s = w->local_s[0];
  for (int i = 0; i < w->count; i++) {
    int64_t reading = w->local_s[i];
    bool fires;
    if (reading < high_s) {
      fires = e->dst == SCHEDULE_DST_BOTH && cron_matches(&e->cron, reading);
    } else {
      fires = cron_matches(&e->cron, reading) ||
              (e->dst != SCHEDULE_DST_SKIP && fires_for_gap(w, &e->cron, high_s, reading));
      high_s = reading + w->step_s;
    }
    if (fires) walked[n++] = w->from_s + (int64_t)i * w->step_s;
  }
  return n;
}

static int walk_wild(const struct walk *w, const struct entry *e) {
  int n = 0;
  for (int i = 0; i < w->count; i++)
    if (cron_matches(&e->cron, w->local_s[i])) walked[n++] = w->from_s + (int64_t)i * w->step_s;
  return n;
}

static void read_clock(struct walk *w) {
  w->count = 0;
  for (int64_t t = w->from_s; t <= w->until_s; t += w->step_s)
    w->local_s[w->count++] = t + tz_offset_s(w->tz, t, NULL, NULL);
}

/* ---- the comparison ---- */

static void fail_at(const struct walk *w, const struct entry *e, int64_t got_s, int64_t want_s) {
  BUF_AUTO struct buf text = buf_new(LIMIT_SCHEDULE_BYTES);
  CHECK_OK(schedule_format(e->schedule, &text));
  struct instant_text got = instant_to_text_seconds(got_s * 1000),
                      want = instant_to_text_seconds(want_s * 1000);
  fail_msg("%.*s \"%s\" dst %s: %s, the walker has %s", STR_ARG(tz_name(w->tz)), buf_text(&text),
           schedule_dst_name(e->dst), got.text, want.text);
}

static int first_after(const int64_t *list, int n, int64_t t) {
  int i = 0;
  while (i < n && list[i] <= t) i++;
  return i;
}

static void compare(const struct walk *w, const struct entry *e) {
  int n = e->cron.is_fixed ? walk_fixed(w, e) : walk_wild(w, e);
  int64_t start_s = w->from_s + WARM_S, end_s = w->until_s;
  int i = first_after(walked, n, start_s), got = 0, begin = i;
  int64_t t = start_s * 1000;
  for (; (t = schedule_next(e->schedule, t)) <= end_s * 1000; i++) {
    if (i >= n || t != walked[i] * 1000) fail_at(w, e, t / 1000, i < n ? walked[i] : end_s);
    fired[got++] = t;
  }
  if (i < n) fail_at(w, e, end_s, walked[i]);
  ASSERT(got == n - begin);
  t = end_s * 1000 + 1;
  for (i = n - 1; (t = schedule_prev(e->schedule, t)) > start_s * 1000; i--)
    if (i < begin || t != walked[i] * 1000) fail_at(w, e, t / 1000, i >= 0 ? walked[i] : start_s);
  if (i >= begin) fail_at(w, e, start_s, walked[i]);
}

/* From any instant, not only from one that fired. */
static void compare_from_between(const struct walk *w, const struct entry *e, int64_t seed) {
  int n = e->cron.is_fixed ? walk_fixed(w, e) : walk_wild(w, e);
  int64_t span_s = w->until_s - w->from_s - WARM_S;
  for (int k = 0; k < 6; k++) {
    int64_t t_s = w->from_s + WARM_S + (seed * 7919 + k * 104729) % span_s;
    int i = first_after(walked, n, t_s);
    int64_t next = schedule_next(e->schedule, t_s * 1000);
    if (i < n && next != walked[i] * 1000) fail_at(w, e, next / 1000, walked[i]);
    if (i == n && next <= w->until_s * 1000) fail_at(w, e, next / 1000, w->until_s);
    int64_t prev = schedule_prev(e->schedule, t_s * 1000 + 1);
    if (i > 0 && walked[i - 1] > w->from_s + WARM_S && prev != walked[i - 1] * 1000)
      fail_at(w, e, prev / 1000, walked[i - 1]);
  }
}

/* The instant before the change and the change itself are where off-by-one errors live. */
static void compare_from_edge(const struct walk *w, const struct entry *e, int64_t at_s) {
  int n = e->cron.is_fixed ? walk_fixed(w, e) : walk_wild(w, e);
  for (int64_t t = at_s * 1000 - 1001; t <= at_s * 1000 + 1000; t += 500) {
    int i = first_after(walked, n, t >= 0 ? t / 1000 : -1);
    int64_t next = schedule_next(e->schedule, t), prev = schedule_prev(e->schedule, t);
    if (i < n && next != walked[i] * 1000) fail_at(w, e, next / 1000, walked[i]);
    if (i > 0 && walked[i - 1] * 1000 == t) i--;
    if (i > 0 && walked[i - 1] > w->from_s + WARM_S && prev != walked[i - 1] * 1000)
      fail_at(w, e, prev / 1000, walked[i - 1]);
  }
}

static void check_transition(const struct tz *tz, int64_t at_s) {
  static struct walk w;
  int before_s = tz_offset_s(tz, at_s - 1, NULL, NULL), after_s = tz_offset_s(tz, at_s, NULL, NULL);
  w = (struct walk){.tz = tz, .step_s = 60};
  w.from_s = (at_s - BEFORE_S) / 60 * 60;
  w.until_s = (at_s + AFTER_S) / 60 * 60;
  if (before_s % 60 != 0 || after_s % 60 != 0 || at_s % 60 != 0)
    return; /* Monrovia before 1972: no whole minutes */
  read_clock(&w);
  for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
    if (!entries[i].cron.is_fixed && entries[i].dst != SCHEDULE_DST_ONCE) continue; /* dst does not matter */
    compare(&w, &entries[i]);
    compare_from_between(&w, &entries[i], at_s / 60);
    compare_from_edge(&w, &entries[i], at_s);
  }
}

/* ---- the zones ---- */

struct progress {
  const char *seen[1000];
  int zones;
  int64_t counter;
  int walked;
};

static void compile_entries(const char *name) {
  for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
    struct entry *e = &entries[i];
    struct str text = str_of(texts[i / SCHEDULE_DST_COUNT]);
    e->dst = (enum schedule_dst)(i % SCHEDULE_DST_COUNT);
    struct schedule_options o = SCHEDULE_OPTIONS_DEFAULT;
    o.timezone = str_of(name);
    o.dst = e->dst;
    CHECK_OK(schedule_compile(db, text, &o, &e->schedule, NULL));
    BUF_AUTO struct buf canonical = buf_new(LIMIT_SCHEDULE_BYTES);
    struct cron_options co = {};
    CHECK_OK(cron_parse(text, &co, &e->cron, &canonical, NULL));
  }
}

static void free_entries(void) {
  for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
    schedule_free(entries[i].schedule);
    entries[i].schedule = NULL;
  }
}

static bool is_new(struct progress *p, const struct tz *tz) {
  for (int i = 0; i < p->zones; i++)
    if (strcmp(p->seen[i], tz_sha256(tz)) == 0) return false;
  p->seen[p->zones++] = tz_sha256(tz);
  return true;
}

/* Odd changes (not one hour) are always walked: half hours, whole days. */
static bool is_wanted(struct progress *p, const struct tz *tz, int64_t at_s) {
  int change = tz_offset_s(tz, at_s, NULL, NULL) - tz_offset_s(tz, at_s - 1, NULL, NULL);
  if (getenv("SERENO_TEST_FULL")) return true;
  bool is_odd = abs(change) != 3600 && change != 0;
  return p->counter++ % (is_odd ? 8 : SAMPLE) == 0 || abs(change) >= 12 * 3600;
}

static bool check_zone(void *arg, const char *name) {
  struct progress *p = arg;
  const struct tz *tz;
  if (str_starts(str_of(name), STR("right/")) || str_starts(str_of(name), STR("posix/"))) return true;
  if (tz_find(db, str_of(name), &tz, NULL) != ERR_OK || !is_new(p, tz)) return true;
  compile_entries(name);
  int64_t at_s = BEFORE_S, end_s = civil_to_days(2100, 1, 1) * DAY_S;
  while (tz_next_transition(tz, at_s, &at_s) && at_s < end_s)
    if (is_wanted(p, tz, at_s)) {
      check_transition(tz, at_s);
      p->walked++;
    }
  free_entries();
  return p->zones < 1000;
}

static void transitions_agree_with_the_walker(void **state) {
  (void)state;
  struct progress p = {};
  CHECK_OK(tzdb_new(NULL, &db));
  os_tree_each(TZ_FOLDER, 3, 4000, check_zone, &p);
  print_message("%d transitions of %d zones walked\n", p.walked, p.zones);
  assert_true(p.zones > 300 && p.walked > 500);
  tzdb_free(db);
}

/* Reliability 3.4: a fixed daily time fires exactly once on each local day that exists, over 130 years. */
static void daily_fires_once_each_local_day(void **state) {
  (void)state;
  static const char *const zones[] = {
      "Europe/Madrid",     "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
      "Pacific/Kwajalein", "Africa/Cairo",     "America/Havana",      "America/Santiago",
      "Africa/Casablanca", "Asia/Gaza",        "America/Caracas",     "Asia/Pyongyang",
      "Antarctica/Troll",  "America/St_Johns", "Asia/Tehran",         "Europe/Dublin"};
  static const char *const daily[] = {"30 2 * * *", "0 0 * * *", "59 23 * * *", "15 1 * * *", "5 3 * * *"};
  CHECK_OK(tzdb_new(NULL, &db));
  for (size_t i = 0; i < sizeof zones / sizeof zones[0] * (sizeof daily / sizeof daily[0]); i++) {
    struct schedule_options o = SCHEDULE_OPTIONS_DEFAULT;
    o.timezone = str_of(zones[i / 5]);
    struct schedule *s;
    CHECK_OK(schedule_compile(db, str_of(daily[i % 5]), &o, &s, NULL));
    const struct tz *tz = schedule_tz(s);
    int64_t t = schedule_next(s, INT64_C(86400000)), day = -1, skipped = 0,
            end = civil_to_days(2100, 1, 1) * DAY_S * INT64_C(1000);
    for (; t < end; t = schedule_next(s, t)) {
      /* In a gap at midnight the occurrence of a day may fall on the next one: judge by the reading before. */
      int64_t at_s = t / 1000;
      int64_t local_s = at_s + tz_offset_s(tz, at_s, NULL, NULL);
      struct tz_span span;
      tz_span_at(tz, at_s, &span);
      if (span.from_s == at_s && span.high_s < local_s && str_eq(str_of(daily[i % 5]), STR("59 23 * * *")))
        local_s = span.high_s;
      int64_t today = day_of(local_s);
      if (day >= 0 && today != day + 1) {
        skipped++;
        if (today <= day) fail_msg("%s %s: day %lld twice", zones[i / 5], daily[i % 5], (long long)today);
      }
      day = today;
    }
    bool lost_a_day =
        strcmp(zones[i / 5], "Pacific/Apia") == 0 || strcmp(zones[i / 5], "Pacific/Kwajalein") == 0;
    if (skipped != lost_a_day)
      fail_msg("%s %s: %lld days without a run", zones[i / 5], daily[i % 5], (long long)skipped);
    schedule_free(s);
  }
  tzdb_free(db);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(transitions_agree_with_the_walker),
      cmocka_unit_test(daily_fires_once_each_local_day),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
