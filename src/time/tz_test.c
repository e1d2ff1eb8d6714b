#include "time/tz.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/instant.h"
#include "sys/os_file.h"
#include "sys/os_tree.h"
#include "tests/support/check.h"
#include "time/tzif.h"

#define FIRST_YEAR 1970
/* zdump takes 40 ms a zone to 2100: that far, and for links too, only with SERENO_TEST_FULL set. */
#define YEARS_SHORT "1970,2045"
#define YEARS_FULL "1970,2101"

static struct tzdb *db;

static int open_zones(void **state) {
  (void)state;
  return tzdb_new(NULL, &db) == ERR_OK ? 0 : -1;
}
static int close_zones(void **state) {
  (void)state;
  tzdb_free(db);
  return 0;
}

static const struct tz *zone(const char *name) {
  const struct tz *z = NULL;
  struct err_detail d = {};
  if (tz_find(db, str_of(name), &z, &d) != ERR_OK) fail_msg("%s: %s", name, d.message);
  return z;
}

static int64_t at_s(const char *text) {
  int64_t ms;
  if (!instant_from_text(str_of(text), &ms)) fail_msg("%s is no instant", text);
  return ms / 1000;
}

/* ---- zdump as the oracle: each transition, and what holds on both sides of it ---- */

struct oracle_line {
  char zone[80];
  int64_t at_s;
  int offset_s, is_dst;
  char abbreviation[24];
};

/* "Europe/Madrid  Sun Mar 29 01:00:00 2026 UT = Sun Mar 29 03:00:00 2026 CEST isdst=1 gmtoff=7200" */
static bool read_oracle_line(const char *text, struct oracle_line *ret) {
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  char month[4];
  int day, hour, minute, second, year;
  int n =
      sscanf(text, "%79s %*3s %3s %d %d:%d:%d %d UT = %*s %*s %*d %*s %*d %23s isdst=%d gmtoff=%d", ret->zone,
             month, &day, &hour, &minute, &second, &year, ret->abbreviation, &ret->is_dst, &ret->offset_s);
  const char *found = n == 10 ? strstr(months, month) : NULL;
  if (!found) return false;
  ret->at_s =
      civil_to_days(year, (int)(found - months) / 3 + 1, day) * 86400 + hour * 3600 + minute * 60 + second;
  return true;
}

struct names {
  char *argv[1024];
  const char *sha256[1024];
  int count;
};

static bool is_full(void) { return getenv("SERENO_TEST_FULL") != NULL; }

static bool is_link(const struct names *n, const struct tz *z) {
  for (int i = 0; i < n->count; i++)
    if (strcmp(n->sha256[i], tz_sha256(z)) == 0) return true;
  return false;
}

static bool add_zone_name(void *arg, const char *name) {
  struct names *n = arg;
  if (str_starts(str_of(name), STR("right/")) || str_starts(str_of(name), STR("posix/"))) return true;
  const struct tz *z;
  if (tz_find(db, str_of(name), &z, NULL) != ERR_OK) return true; /* a table, not a zone */
  if (!is_full() && is_link(n, z)) return true;
  n->sha256[n->count] = tz_sha256(z);
  n->argv[n->count++] = str_dup(str_of(name));
  return n->count < 1000;
}

static struct names all_zones(void) {
  struct names n = {};
  os_tree_each(TZ_FOLDER, 3, 4000, add_zone_name, &n);
  assert_true(n.count > 300);
  return n;
}

static void free_names(struct names *n) {
  for (int i = 0; i < n->count; i++) free(n->argv[i]);
}

static FILE *start_zdump(char *const zones[], int count, pid_t *ret_pid) {
  char *argv[1040] = {(char[]){"zdump"}, (char[]){"-v"}, (char[]){"-c"}, NULL};
  argv[3] = is_full() ? (char[]){YEARS_FULL} : (char[]){YEARS_SHORT};
  memcpy(argv + 4, zones, (size_t)count * sizeof *zones);
  int fds[2];
  assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
  assert_int_equal(posix_spawn_file_actions_adddup2(&actions, fds[1], 1), 0);
  char *environment[] = {(char[]){"PATH=/usr/bin:/usr/sbin:/bin"}, (char[]){"LC_ALL=C"}, NULL};
  assert_int_equal(posix_spawnp(ret_pid, "zdump", &actions, NULL, argv, environment), 0);
  (void)posix_spawn_file_actions_destroy(&actions);
  (void)close(fds[1]);
  return fdopen(fds[0], "r");
}

/* Our transitions of the zone from `from_s` up to the one zdump names next must be none but that one. */
static void check_oracle_line(const struct tz *z, const struct oracle_line *line, int64_t *from_s) {
  bool is_dst;
  char abbreviation[TZ_ABBREVIATION_MAX];
  int offset_s = tz_offset_s(z, line->at_s, &is_dst, abbreviation);
  if (offset_s != line->offset_s || is_dst != line->is_dst || strcmp(abbreviation, line->abbreviation) != 0)
    fail_msg("%s at %lld: %d %d %s, zdump has %d %d %s", line->zone, (long long)line->at_s, offset_s, is_dst,
             abbreviation, line->offset_s, line->is_dst, line->abbreviation);
  int64_t next_s;
  if (tz_next_transition(z, *from_s, &next_s) && next_s < line->at_s)
    fail_msg("%s has a transition at %lld that zdump does not have", line->zone, (long long)next_s);
  *from_s = line->at_s;
}

static void transitions_are_those_of_zdump(void **state) {
  (void)state;
  struct names names = all_zones();
  pid_t pid;
  FILE *out = start_zdump(names.argv, names.count, &pid);
  char text[400], current[80] = "";
  int64_t from_s = 0, first_s = civil_to_days(FIRST_YEAR, 1, 1) * 86400;
  int checked = 0;
  const struct tz *z = NULL;
  struct oracle_line line;
  while (fgets(text, sizeof text, out)) {
    if (!read_oracle_line(text, &line) || line.at_s < first_s) continue;
    if (strcmp(current, line.zone) != 0) {
      (void)str_copy(current, sizeof current, str_of(line.zone));
      from_s = line.at_s;
      z = zone(current);
    }
    check_oracle_line(z, &line, &from_s);
    checked++;
  }
  (void)fclose(out);
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
  free_names(&names);
  print_message("%d lines of zdump agree, %d zones\n", checked, names.count);
  assert_true(checked > 10000);
}

/* ---- reading ---- */

static void footer_rules_go_on_for_ever(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *zone, *at;
    int offset_s;
  } rows[] = {
      {__LINE__, "Europe/Madrid", "2199-07-01T00:00:00Z", 7200},
      {__LINE__, "Europe/Madrid", "2200-12-31T23:59:59Z", 3600},
      {__LINE__, "Europe/Madrid", "2201-07-01T00:00:00Z", 7200},
      {__LINE__, "Europe/Madrid", "2300-01-01T00:00:00Z", 3600},
      {__LINE__, "Europe/Madrid", "9999-07-01T00:00:00Z", 7200},
      {__LINE__, "Australia/Lord_Howe", "2250-01-15T00:00:00Z", 39600},
      {__LINE__, "Australia/Lord_Howe", "2250-07-15T00:00:00Z", 37800},
      {__LINE__, "Asia/Tokyo", "9999-07-01T00:00:00Z", 32400},
      {__LINE__, "UTC", "9999-07-01T00:00:00Z", 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    CHECK_ROW(rows[i].line,
              tz_offset_s(zone(rows[i].zone), at_s(rows[i].at), NULL, NULL) == rows[i].offset_s);
}

/* Where the table ends and the rule begins, spans must join without a seam. */
static void spans_join_beyond_the_table(void **state) {
  (void)state;
  const struct tz *z = zone("Europe/Madrid");
  struct tz_span span, next;
  tz_span_at(z, at_s("2198-06-01T00:00:00Z"), &span);
  for (int i = 0; i < 12; i++, span = next) {
    tz_span_at(z, span.until_s, &next);
    assert_int_equal(next.from_s, span.until_s);
    assert_int_equal(next.high_s, span.until_s + span.offset_s);
    assert_int_equal(next.offset_s + span.offset_s, 3600 + 7200);
    struct tz_span again;
    tz_span_at(z, span.until_s - 1, &again);
    assert_int_equal(again.from_s, span.from_s);
    assert_int_equal(tz_from_local(z, span.until_s + 86400 + next.offset_s, NULL), span.until_s + 86400);
  }
}

static void local_readings_find_their_first_instant(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *zone, *local, *want;
    bool is_gap;
  } rows[] = {
      {__LINE__, "Europe/Madrid", "2027-03-28T02:30:00Z", "2027-03-28T01:00:00Z", true},
      {__LINE__, "Europe/Madrid", "2027-03-28T03:00:00Z", "2027-03-28T01:00:00Z", false},
      {__LINE__, "Europe/Madrid", "2027-10-31T02:30:00Z", "2027-10-31T00:30:00Z", false},
      {__LINE__, "Europe/Madrid", "2227-04-01T12:00:00Z", "2227-04-01T10:00:00Z", false},
      {__LINE__, "Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T10:00:00Z", true},
      {__LINE__, "UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    bool is_gap;
    int64_t got = tz_from_local(zone(rows[i].zone), at_s(rows[i].local), &is_gap);
    CHECK_ROW(rows[i].line, got == at_s(rows[i].want) && is_gap == rows[i].is_gap);
  }
}

static void steps_and_jumps_are_measured(void **state) {
  (void)state;
  assert_int_equal(tz_step_s(zone("Europe/Madrid")), 3600);
  assert_int_equal(tz_jump_s(zone("Europe/Madrid")), 3600);
  assert_int_equal(tz_step_s(zone("Australia/Lord_Howe")), 1800);
  assert_int_equal(tz_jump_s(zone("Pacific/Apia")), 86400);
  assert_int_equal(tz_step_s(zone("UTC")), 0);
}

static void utc_needs_no_file(void **state) {
  (void)state;
  struct tzdb *empty;
  CHECK_OK(tzdb_new("/nonexistent", &empty));
  const struct tz *z, *unnamed;
  CHECK_OK(tz_find(empty, STR("UTC"), &z, NULL));
  CHECK_OK(tz_find(empty, STR_NONE, &unnamed, NULL));
  assert_ptr_equal(z, unnamed);
  char abbreviation[TZ_ABBREVIATION_MAX];
  bool is_dst;
  assert_int_equal(tz_offset_s(z, 0, &is_dst, abbreviation), 0);
  CHECK_STR(str_of(abbreviation), STR("UTC"));
  assert_false(is_dst);
  int64_t unused;
  assert_false(tz_next_transition(z, INT64_MIN, &unused));
  assert_int_equal(tz_find(empty, STR("Europe/Madrid"), &z, NULL), ERR_INVALID);
  tzdb_free(empty);
}

static void unknown_zones_are_errors_with_a_hint(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *name, *hint;
  } rows[] = {
      {__LINE__, "Europe/Madird", "Europe/Madrid"},
      {__LINE__, "madrid", "Europe/Madrid"},
      {__LINE__, "europe/madrid", "Europe/Madrid"},
      {__LINE__, "New York", "America/New_York"},
      {__LINE__, "utc", "UTC"},
      {__LINE__, "../../etc/passwd", ""},
      {__LINE__, "/etc/localtime", ""},
      {__LINE__, "Europe/", ""},
      {__LINE__, "Europe//Madrid", "Europe/Madrid"},
      {__LINE__, "Europe", ""},
      {__LINE__, "zone.tab", ""},
      {__LINE__, "tzdata.zi", ""},
      {__LINE__, "\xff", ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct tz *z = NULL;
    struct err_detail d = {};
    CHECK_ROW(rows[i].line, tz_find(db, str_of(rows[i].name), &z, &d) == ERR_INVALID && !z);
    check_str_eq(str_of(d.field), STR("timezone"), rows[i].line);
    CHECK_ROW(rows[i].line, d.hint[0] && str_find(str_of(d.hint), str_of(rows[i].hint)) != SIZE_MAX);
  }
  char longest[300];
  memset(longest, 'a', sizeof longest);
  const struct tz *z;
  assert_int_equal(tz_find(db, (struct str){longest, sizeof longest}, &z, NULL), ERR_INVALID);
}

/* ---- hostile files ---- */

static struct buf read_zone_file(const char *name) {
  char path[300];
  (void)snprintf(path, sizeof path, "%s/%s", TZ_FOLDER, name);
  struct buf b = buf_new(TZ_FILE_BYTES_MAX);
  CHECK_OK(os_read_file(path, &b, NULL));
  return b;
}

/* Accepted or refused, but never believed: what is accepted answers consistently. */
static void try_bytes(struct str bytes) {
  struct tzdb *own;
  CHECK_OK(tzdb_new("/nonexistent", &own));
  const struct tz *z;
  struct err_detail d = {};
  if (tzdb_add(own, STR("Test/Zone"), bytes, &z, &d) == ERR_OK) {
    static const int64_t instants[] = {INT64_MIN / 4, -4000000000, 0, 1790000000, 7258118400, 1000000000000};
    for (size_t i = 0; i < sizeof instants / sizeof instants[0]; i++) {
      struct tz_span span;
      tz_span_at(z, instants[i], &span);
      assert_true(span.from_s <= instants[i] && instants[i] < span.until_s);
      assert_true(abs(span.offset_s) < TZ_OFFSET_MAX_S);
    }
  } else {
    assert_true(d.message[0]);
  }
  tzdb_free(own);
}

static void cut_files_are_refused(void **state) {
  (void)state;
  BUF_AUTO struct buf whole = read_zone_file("Europe/Madrid");
  struct tzdb *own;
  CHECK_OK(tzdb_new("/nonexistent", &own));
  const struct tz *z;
  CHECK_OK(tzdb_add(own, STR("A"), buf_str(&whole), &z, NULL));
  for (size_t n = 0; n < whole.len; n++) {
    struct str cut = {whole.ptr, n};
    assert_int_equal(tzdb_add(own, STR("A"), cut, &z, NULL), ERR_INVALID);
  }
  /* The good content is still there. */
  assert_int_equal(tz_offset_s(z, at_s("2026-07-01T00:00:00Z"), NULL, NULL), 7200);
  tzdb_free(own);
}

static void damaged_files_do_no_harm(void **state) {
  (void)state;
  static const char *const names[] = {"Europe/Madrid", "Africa/Casablanca", "Asia/Tokyo", "EST5EDT", "UTC"};
  uint64_t random = 1;
  for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
    BUF_AUTO struct buf whole = read_zone_file(names[n]);
    for (int i = 0; i < 1000; i++) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      size_t place = (random >> 33) % whole.len;
      if (i % 2) place %= 120; /* headers are the interesting part */
      char before = whole.ptr[place];
      whole.ptr[place] = (char)(random >> 24);
      try_bytes(buf_str(&whole));
      whole.ptr[place] = before;
    }
  }
}

static void leap_second_files_are_refused(void **state) {
  (void)state;
  char path[300] = TZ_FOLDER "/right/Europe/Madrid";
  BUF_AUTO struct buf whole = buf_new(TZ_FILE_BYTES_MAX);
  if (os_read_file(path, &whole, NULL) != ERR_OK) skip();
  const struct tz *z;
  struct err_detail d = {};
  assert_int_equal(tz_find(db, STR("right/Europe/Madrid"), &z, &d), ERR_INVALID);
  assert_non_null(strstr(d.message, "leap seconds"));
}

/* The footers of RFC 9636 3.3.1 and POSIX, and what is none. */
static void footers_are_read(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *text;
    bool is_good;
  } rows[] = {
      {__LINE__, "UTC0", true},
      {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3", true},
      {__LINE__, "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", true},
      {__LINE__, "IST-2IDT,M3.4.4/26,M10.5.0", true},
      {__LINE__, "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", true},
      {__LINE__, "XXX3EDT4,0/0,J365/23", true},
      {__LINE__, "EST5EDT", false}, /* the default rule is not portable */
      {__LINE__, "CE-1", false},
      {__LINE__, "CET", false},
      {__LINE__, "CET-25", false},
      {__LINE__, "CET-1CEST,M13.5.0,M10.5.0/3", false},
      {__LINE__, "CET-1CEST,M3.6.0,M10.5.0/3", false},
      {__LINE__, "CET-1CEST,M3.5.7,M10.5.0/3", false},
      {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/168", false},
      {__LINE__, "CET-1CEST,M3.5.0", false},
      {__LINE__, "CET-1CEST,M3.5.0,M10.5.0/3x", false},
      {__LINE__, "<+1-1", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct tz_rule rule;
    CHECK_ROW(rows[i].line, (tz_rule_parse(str_of(rows[i].text), &rule, NULL) == ERR_OK) == rows[i].is_good);
  }
}

/* RFC 9636 3.3.1: daylight saving all year; the two events of a turn of the year coincide. */
static void all_year_dst_has_no_transitions(void **state) {
  (void)state;
  struct tz_rule rule;
  CHECK_OK(tz_rule_parse(STR("EST5EDT,0/0,J365/25"), &rule, NULL));
  struct tz_rule_event events[4];
  tz_rule_events(&rule, 2027, 2028, events);
  assert_true(events[1].at_s == events[2].at_s && !events[1].is_dst && events[2].is_dst);
}

/* ---- changing files ---- */

static void put_zone_file(const char *folder, const char *from) {
  BUF_AUTO struct buf b = read_zone_file(from);
  char path[300];
  (void)snprintf(path, sizeof path, "%s/Test", folder);
  CHECK_OK(os_write_file(path, buf_str(&b), 0644, NULL));
}

static void changed_files_are_read_again(void **state) {
  (void)state;
  char folder[] = "/tmp/tz_test_XXXXXX";
  assert_non_null(mkdtemp(folder));
  put_zone_file(folder, "Europe/Madrid");
  struct tzdb *own;
  CHECK_OK(tzdb_new(folder, &own));
  const struct tz *z, *other;
  CHECK_OK(tz_find(own, STR("Test"), &z, NULL));
  char before[65];
  (void)str_copy(before, sizeof before, str_of(tz_sha256(z)));
  uint32_t generation = tz_generation(z);
  assert_false(tzdb_refresh(own));
  put_zone_file(folder, "Europe/Madrid"); /* another file with the same content */
  assert_false(tzdb_refresh(own));
  assert_int_equal(tz_generation(z), generation);
  put_zone_file(folder, "Asia/Tokyo");
  assert_true(tzdb_refresh(own));
  assert_true(tz_generation(z) > generation);
  assert_true(strcmp(before, tz_sha256(z)) != 0);
  assert_int_equal(tz_offset_s(z, 0, NULL, NULL), 32400);
  CHECK_OK(tz_find(own, STR("Test"), &other, NULL));
  assert_ptr_equal(z, other);

  /* A file that goes away is an error for who asks, and goes on for who has it. */
  char path[300];
  (void)snprintf(path, sizeof path, "%s/Test", folder);
  assert_int_equal(unlink(path), 0);
  assert_false(tzdb_refresh(own));
  assert_int_equal(tz_find(own, STR("Test"), &other, NULL), ERR_INVALID);
  assert_int_equal(tz_offset_s(z, 0, NULL, NULL), 32400);
  CHECK_OK(os_write_file(path, STR("TZif of another kind"), 0644, NULL));
  assert_false(tzdb_refresh(own));
  assert_int_equal(tz_find(own, STR("Test"), &other, NULL), ERR_INVALID);
  put_zone_file(folder, "Europe/Madrid");
  assert_true(tzdb_refresh(own));
  CHECK_OK(tz_find(own, STR("Test"), &other, NULL));
  CHECK_STR(str_of(tz_sha256(z)), str_of(before));
  tzdb_free(own);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(rmdir(folder), 0);
}

/* What the schedule history keeps is enough to build the zone again. */
static void content_rebuilds_the_zone(void **state) {
  (void)state;
  const struct tz *z = zone("America/New_York"), *copy;
  assert_int_equal(strlen(tz_sha256(z)), 64);
  struct tzdb *own;
  CHECK_OK(tzdb_new("/nonexistent", &own));
  CHECK_OK(tzdb_add(own, tz_name(z), tz_content(z), &copy, NULL));
  CHECK_STR(str_of(tz_sha256(copy)), str_of(tz_sha256(z)));
  for (int64_t t = 0; t < 7258118400; t += 12345678)
    assert_int_equal(tz_offset_s(z, t, NULL, NULL), tz_offset_s(copy, t, NULL, NULL));
  assert_false(tzdb_refresh(own));
  tzdb_free(own);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(transitions_are_those_of_zdump),
      cmocka_unit_test(footer_rules_go_on_for_ever),
      cmocka_unit_test(spans_join_beyond_the_table),
      cmocka_unit_test(local_readings_find_their_first_instant),
      cmocka_unit_test(steps_and_jumps_are_measured),
      cmocka_unit_test(utc_needs_no_file),
      cmocka_unit_test(unknown_zones_are_errors_with_a_hint),
      cmocka_unit_test(cut_files_are_refused),
      cmocka_unit_test(damaged_files_do_no_harm),
      cmocka_unit_test(leap_second_files_are_refused),
      cmocka_unit_test(footers_are_read),
      cmocka_unit_test(all_year_dst_has_no_transitions),
      cmocka_unit_test(changed_files_are_read_again),
      cmocka_unit_test(content_rebuilds_the_zone),
  };
  return cmocka_run_group_tests(tests, open_zones, close_zones);
}
