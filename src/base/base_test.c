#include "tests/support/check.h"

#include "base/arena.h"
#include "base/heap.h"
#include "base/id.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/map.h"

static void buf_refuses_past_its_maximum_and_says_so(void **s) {
  (void)s;
  BUF_AUTO struct buf b = buf_new(5);
  buf_add_text(&b, "12345");
  CHECK_OK(buf_error(&b));
  buf_add_char(&b, '6');
  assert_int_equal(buf_error(&b), ERR_LIMIT);
  CHECK_STR(buf_str(&b), STR("12345"));
}

static void arena_refuses_past_its_maximum(void **s) {
  (void)s;
  ARENA_AUTO struct arena a = arena_new(100);
  assert_non_null(arena_alloc(&a, 100));
  assert_null(arena_alloc(&a, 1));
  assert_int_equal(arena_error(&a), ERR_LIMIT);
}

static void heap_gives_keys_in_order_and_removes_from_the_middle(void **s) {
  (void)s;
  struct heap h = {};
  struct heap_node n[200] = {};
  for (int i = 0; i < 200; i++) {
    n[i].key = (i * 7919) % 200;
    n[i].tie = i;
    CHECK_OK(heap_add(&h, &n[i]));
  }
  for (int i = 0; i < 200; i += 3) heap_remove(&h, &n[i]);
  heap_rekey(&h, &n[1], 1000);
  int64_t last = -1;
  size_t seen = 0;
  for (struct heap_node *t; (t = heap_top(&h)); heap_remove(&h, t), seen++) {
    assert_true(t->key >= last);
    last = t->key;
  }
  assert_int_equal(last, 1000);
  assert_int_equal(seen, 200 - 67);
  heap_free(&h);
}

static void map_keeps_every_entry_over_growth_and_removal(void **s) {
  (void)s;
  struct map m = {};
  static char values[5000];
  for (uint64_t i = 0; i < 5000; i++) CHECK_OK(map_put(&m, i * 64, &values[i]));
  for (uint64_t i = 0; i < 5000; i += 2) assert_ptr_equal(map_remove(&m, i * 64), &values[i]);
  for (uint64_t i = 0; i < 5000; i++) assert_ptr_equal(map_get(&m, i * 64), i % 2 ? &values[i] : NULL);
  assert_int_equal(m.count, 2500);
  map_free(&m);
}

static void ids_grow_even_when_the_clock_steps_back_and_read_back(void **s) {
  (void)s;
  struct id_maker maker = {};
  int64_t first = id_next(&maker, 1763742000000), second = id_next(&maker, 1763741000000);
  assert_true(second > first);
  struct id_text a = id_to_text(first), b = id_to_text(second);
  assert_true(strcmp(a.text, b.text) < 0);
  int64_t back = 0;
  assert_true(id_from_text(str_of(a.text), &back));
  assert_int_equal(back, first);
  a.text[24] = a.text[24] == 'x' ? 'y' : 'x';
  assert_false(id_from_text(str_of(a.text), &back));
  assert_int_equal(id_made_ms(first), 1763742000000);
}

static void instants_read_and_write_rfc_3339(void **s) {
  (void)s;
  static const struct {
    int line;
    const char *text;
    int64_t ms;
  } rows[] = {
      {__LINE__, "1970-01-01T00:00:00.000Z", 0},
      {__LINE__, "2026-11-21T18:00:00.123Z", 1795284000123},
      {__LINE__, "1969-12-31T23:59:59.999Z", -1},
      {__LINE__, "2000-02-29T12:00:00.000Z", 951825600000},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    int64_t ms = 1;
    CHECK_ROW(rows[i].line, instant_from_text(str_of(rows[i].text), &ms) && ms == rows[i].ms);
    CHECK_STR(str_of(instant_to_text(ms).text), str_of(rows[i].text));
  }
  static const char *const bad[] = {"",
                                    "2026-02-29T00:00:00Z",
                                    "2026-1-01T00:00:00Z",
                                    "2026-01-01T00:00:00",
                                    "2026-01-01T24:00:00Z",
                                    "2026-01-01T00:00:00.Z",
                                    "2026-01-01T00:00:00Zx"};
  int64_t ms;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_false(instant_from_text(str_of(bad[i]), &ms));
  assert_true(instant_from_text(STR("2026-11-21 19:00:00+01:00"), &ms));
  assert_int_equal(ms, 1795284000000);
}

static void durations_read_numbers_units_and_iso(void **s) {
  (void)s;
  static const struct {
    int line;
    const char *text;
    int64_t ms; /* -1: refused */
  } rows[] = {
      {__LINE__, "90", 90000},
      {__LINE__, "1h30m", 5400000},
      {__LINE__, "2d12h", 216000000},
      {__LINE__, "500ms", 500},
      {__LINE__, "PT1H30M", 5400000},
      {__LINE__, "P1DT2H", 93600000},
      {__LINE__, "", -1},
      {__LINE__, "1x", -1},
      {__LINE__, "h", -1},
      {__LINE__, "PT", -1},
      {__LINE__, "P", -1},
      {__LINE__, "99999999999w", -1},
      {__LINE__, "-5", -1},
      {__LINE__, "P1DT", -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    int64_t ms = -1;
    bool is_read = duration_from_text(str_of(rows[i].text), &ms);
    CHECK_ROW(rows[i].line, is_read == (rows[i].ms >= 0) && (!is_read || ms == rows[i].ms));
  }
}

static void json_writer_escapes_and_repairs(void **s) {
  (void)s;
  BUF_AUTO struct buf b = buf_new(1000);
  struct json_writer w = jw_new(&b);
  jw_object(&w);
  jw_kstr(&w, "a\"", STR("x\n\x01 Sincronizaci\xC3\xB3n \xE2\x9C\x85"));
  jw_kstr(&w, "bad", STR("a\xFFz"));
  jw_key(&w, "list");
  jw_array(&w);
  jw_int(&w, -5), jw_null(&w), jw_real(&w, 0.1);
  jw_array_end(&w);
  jw_object_end(&w);
  CHECK_STR(buf_str(&b),
            STR("{\"a\\\"\":\"x\\n\\u0001 Sincronizaci\xC3\xB3n \xE2\x9C\x85\",\"bad\":\"a\xEF\xBF\xBDz\","
                "\"list\":[-5,null,0.1]}"));
}

static void json_text_of_a_tree_keeps_reals_short_and_types(void **s) {
  (void)s;
  JSON_AUTO json_t *tree = NULL;
  CHECK_OK(json_parse(STR("{\"a\":[0.08,2.0,5,null,true,\"\\u00f1\\n\"],\"b\":{\"c\":1e300}}"), &tree, NULL));
  char *text = json_to_text(tree);
  assert_string_equal(text, "{\"a\":[0.08,2.0,5,null,true,\"\u00f1\\n\"],\"b\":{\"c\":1e+300}}");
  free(text);
  assert_null(json_to_text(NULL));
}

static void json_refuses_depth_duplicates_and_rubbish(void **s) {
  (void)s;
  static const char *const bad[] = {"", "{", "{\"a\":1,\"a\":2}", "[1] x", "\"\xFF\"", "{\"a\":\"\\u0000\"}"};
  struct err_detail d;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    json_t *v = NULL;
    assert_int_equal(json_parse(str_of(bad[i]), &v, &d), ERR_INVALID);
  }
  char deep[200];
  memset(deep, '[', sizeof deep);
  json_t *v = NULL;
  assert_int_equal(json_parse((struct str){deep, sizeof deep}, &v, &d), ERR_INVALID);
  assert_int_equal(json_parse(STR("{\"a\":true\0}"), &v, &d), ERR_INVALID);
  assert_int_equal(json_parse(STR("1\0"), &v, &d), ERR_INVALID);
}

static void json_tells_which_text_is_none(void **s) {
  (void)s;
  static const struct {
    struct str text;
    const char *field, *what;
    int line, column;
  } rows[] = {
      {STR("{\"a\":1,\n \"text\":\"x\\u0000y\"}"), "text", "this text holds the character U+0000", 2, 9},
      {STR("{\"core\":{\"mood\": \"\xff\"}}"), "mood", "this text holds bytes that are not UTF-8", 1, 18},
      {STR("{\"a\":\"x\",\"b\":[\"y\",\"\0\"]}"), "b", "this text holds a NUL byte", 1, 19},
      {STR("{\"a\":1,\"b\\u0000\":2}"), "", "a name holds the character U+0000", 1, 8},
      {STR("{\"a\":\"\\\\u0000\",\"b\":}"), "", "not valid JSON", 1, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct err_detail d = {};
    json_t *v = NULL;
    assert_int_equal(json_parse(rows[i].text, &v, &d), ERR_INVALID);
    assert_string_equal(d.field, rows[i].field);
    assert_memory_equal(d.message, rows[i].what, strlen(rows[i].what));
    assert_int_equal(d.line, rows[i].line);
    if (rows[i].column) assert_int_equal(d.column, rows[i].column);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(buf_refuses_past_its_maximum_and_says_so),
      cmocka_unit_test(arena_refuses_past_its_maximum),
      cmocka_unit_test(heap_gives_keys_in_order_and_removes_from_the_middle),
      cmocka_unit_test(map_keeps_every_entry_over_growth_and_removal),
      cmocka_unit_test(ids_grow_even_when_the_clock_steps_back_and_read_back),
      cmocka_unit_test(instants_read_and_write_rfc_3339),
      cmocka_unit_test(durations_read_numbers_units_and_iso),
      cmocka_unit_test(json_writer_escapes_and_repairs),
      cmocka_unit_test(json_text_of_a_tree_keeps_reals_short_and_types),
      cmocka_unit_test(json_refuses_depth_duplicates_and_rubbish),
      cmocka_unit_test(json_tells_which_text_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
