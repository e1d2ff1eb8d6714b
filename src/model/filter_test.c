/* The filter language: what is read, what fits, and where a mistake is. */
#include "model/filter_lists.h"

#include <stdlib.h>

#include "base/instant.h"
#include "base/map.h"
#include "model/enums.h"
#include "model/field.h"
#include "tests/support/check.h"

#define NOW_MS 1795000000000LL

static struct filter_cell text(const char *t) { return (struct filter_cell){.text = str_of(t)}; }
static struct filter_cell number(int64_t n) { return (struct filter_cell){.number = n}; }

/* A job that failed, is paused, took 40 s and is due in five minutes. */
static struct filter_cell failing(const void *row, size_t key) {
  (void)row;
  if (key == FILTER_WORDS) return text("sync-shelly\nLee los contadores de la calefacción");
  switch ((enum filter_jobs_key)key) {
    case JOBS_KEY_STATUS: return number(1 << JOB_STATUS_FAILED | 1 << JOB_STATUS_PAUSED);
    case JOBS_KEY_NAME: return text("sync-shelly");
    case JOBS_KEY_CATEGORY: return text("SYNC");
    case JOBS_KEY_TAG: return text("casa\nsitio\nsitio=Málaga\nMálaga\n");
    case JOBS_KEY_OWNER: return text(NULL);
    case JOBS_KEY_LAST: return number(NOW_MS - 7200000);
    case JOBS_KEY_NEXT: return number(NOW_MS + 300000);
    case JOBS_KEY_TOOK: return number(40000);
    case JOBS_KEY_P95: return number(FIELD_NULL);
    case JOBS_KEY_FAILS: return number(4);
    case JOBS_KEY_CRITICAL: return number(1 << 1);
    default: return number(FIELD_NULL);
  }
}

/* U-13: a list is filtered by every column it shows. */
static void terms_fit_as_they_read(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *q;
    bool want;
  } rows[] = {
      {__LINE__, "", true},
      {__LINE__, "   ", true},
      {__LINE__, "status:failed", true},
      {__LINE__, "STATUS:Failed", true},
      {__LINE__, "state:paused", true},
      {__LINE__, "status:success,paused", true},
      {__LINE__, "status:success", false},
      {__LINE__, "-status:success", true},
      {__LINE__, "-status:failed", false},
      {__LINE__, "cat:sync", true},
      {__LINE__, "cat:syn", false},
      {__LINE__, "cat:syn*", true},
      {__LINE__, "name:*shelly", true},
      {__LINE__, "name:s*-*y", true},
      {__LINE__, "name:s*x*y", false},
      {__LINE__, "name~shel", true},
      {__LINE__, "name~shel,cloud", true},
      {__LINE__, "name~cloud", false},
      {__LINE__, "tag:casa", true},
      {__LINE__, "tag:sitio=malaga", true},
      {__LINE__, "tag:málaga", true},
      {__LINE__, "tag:cas", false},
      {__LINE__, "tag~cas", true},
      {__LINE__, "-tag:test", true},
      {__LINE__, "owner:ana", false},
      {__LINE__, "-owner:ana", true},
      {__LINE__, "owner:none", true},
      {__LINE__, "owner:any", false},
      {__LINE__, "cat:any", true},
      {__LINE__, "took>30s", true},
      {__LINE__, "took>30", true},
      {__LINE__, "took>0m40s", false},
      {__LINE__, "took>=40s", true},
      {__LINE__, "took<=40s", true},
      {__LINE__, "took<40s", false},
      {__LINE__, "took:40s", true},
      {__LINE__, "p95>0s", false},
      {__LINE__, "p95<1h", false},
      {__LINE__, "p95:none", true},
      {__LINE__, "next<10m", true},
      {__LINE__, "next<4m", false},
      {__LINE__, "next>4m", true},
      {__LINE__, "last<1h", false},
      {__LINE__, "last<3h", true},
      {__LINE__, "last>1h", true},
      {__LINE__, "last>2020-01-01", true},
      {__LINE__, "last<2020-01-01", false},
      {__LINE__, "last<2020-01-01T10:30", false},
      {__LINE__, "last>2020-01-01T10:30:00+02:00", true},
      {__LINE__, "fails>=4 fails<5", true},
      {__LINE__, "critical:yes", true},
      {__LINE__, "critical:no", false},
      {__LINE__, "shelly", true},
      {__LINE__, "CALEFACCION", true},
      {__LINE__, "\"contadores de\"", true},
      {__LINE__, "contadores nada", false},
      {__LINE__, "-nada", true},
      {__LINE__, "status:failed tag:casa took>30s next<10m name~shelly -tag:test", true},
      {__LINE__, "status:failed tag:casa took>30s next<10m name~shelly -tag:casa", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct arena a = arena_new(100000);
    const struct filter *f;
    struct err_detail d = {};
    enum err e = filter_parse(&filter_jobs, str_of(rows[i].q), NOW_MS, &a, &f, &d);
    CHECK_ROW(rows[i].line, e == ERR_OK);
    CHECK_ROW(rows[i].line, filter_fits(f, failing, NULL) == rows[i].want);
    arena_free(&a);
  }
}

static void mistakes_are_pointed_at(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *q;
    int column;
    const char *hint; /* part of it */
  } rows[] = {
      {__LINE__, "colour:red", 1, "keys: status, name"},
      {__LINE__, "a status:faild", 10, "failed"},
      {__LINE__, "status:", 8, "failed"},
      {__LINE__, "status>failed", 7, ": (is)"},
      {__LINE__, "name>x", 5, "~ (contains)"},
      {__LINE__, "p95~3", 4, "<, <="},
      {__LINE__, "p95>soon", 5, "p95>30s"},
      {__LINE__, "last:3h", 6, "last<1h"},
      {__LINE__, "fails>1,2", 9, ""},
      {__LINE__, "name:\"open", 6, ""},
      {__LINE__, "\"a\"b", 4, ""},
      {__LINE__, "critical:maybe", 10, "yes"},
      {__LINE__, "http://x", 1, "keys: "},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct arena a = arena_new(100000);
    const struct filter *f;
    struct err_detail d = {};
    enum err e = filter_parse(&filter_jobs, str_of(rows[i].q), NOW_MS, &a, &f, &d);
    CHECK_ROW(rows[i].line, e == ERR_INVALID);
    CHECK_ROW(rows[i].line, str_eq(str_of(d.field), STR("q")));
    CHECK_ROW(rows[i].line, d.column == rows[i].column);
    CHECK_ROW(rows[i].line, str_find(str_of(d.hint), str_of(rows[i].hint)) != SIZE_MAX);
    arena_free(&a);
  }
}

static struct filter_cell sized(const void *row, size_t key) {
  (void)key;
  return number(*(const int64_t *)row);
}

static void sizes_take_their_units(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *q;
    int64_t bytes;
  } rows[] = {{__LINE__, "mem:12", 12},
              {__LINE__, "mem:12b", 12},
              {__LINE__, "mem:2k", 2048},
              {__LINE__, "mem:64MB", 64LL << 20},
              {__LINE__, "mem:64MiB", 64LL << 20},
              {__LINE__, "memory:3G", 3LL << 30}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct arena a = arena_new(100000);
    const struct filter *f;
    CHECK_ROW(rows[i].line, filter_parse(&filter_runs, str_of(rows[i].q), 0, &a, &f, NULL) == ERR_OK);
    CHECK_ROW(rows[i].line, filter_fits(f, sized, &rows[i].bytes));
    arena_free(&a);
  }
}

static void letters_lose_case_and_accents(void **state) {
  (void)state;
  char to[64];
  struct str from = STR("ÁÉÍÓÚ ÜÑ ñandú Straße 東京");
  struct str got = {to, filter_fold(from, to, sizeof to)};
  CHECK_STR(got, STR("aeiou un nandu straße 東京"));
}

static void too_many_terms_are_refused(void **state) {
  (void)state;
  struct arena a = arena_new(100000);
  const struct filter *f;
  struct err_detail d = {};
  BUF_AUTO struct buf q = buf_new(200);
  for (int i = 0; i < FILTER_TERMS_MAX + 1; i++) buf_add_text(&q, "a ");
  assert_int_equal(filter_parse(&filter_jobs, buf_str(&q), 0, &a, &f, &d), ERR_LIMIT);
  arena_free(&a);
}

/* Keys are found by name, so no two in a list may be alike; choices are bits of a word. */
static void tables_hold_together(void **state) {
  (void)state;
  for (size_t l = 0; filter_lists[l]; l++)
    for (size_t i = 0; i < filter_lists[l]->key_count; i++) {
      const struct filter_key *k = &filter_lists[l]->keys[i];
      size_t values = 0;
      while (k->type == FILTER_CHOICE && k->values[values]) values++;
      assert_true(values < 63 && (values > 0) == (k->type == FILTER_CHOICE));
      for (size_t j = 0; j < i; j++) {
        const struct filter_key *other = &filter_lists[l]->keys[j];
        assert_string_not_equal(k->name, other->name);
        if (k->alias) assert_string_not_equal(k->alias, other->name);
        if (other->alias) assert_string_not_equal(k->name, other->alias);
        if (k->alias && other->alias) assert_string_not_equal(k->alias, other->alias);
      }
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(terms_fit_as_they_read),     cmocka_unit_test(mistakes_are_pointed_at),
      cmocka_unit_test(sizes_take_their_units),     cmocka_unit_test(letters_lose_case_and_accents),
      cmocka_unit_test(too_many_terms_are_refused), cmocka_unit_test(tables_hold_together),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
