#include "worlds/memory.h"

#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/map.h"
#include "tests/support/check.h"
#include "tests/support/memory_fixture.h"
#include "worlds/memory_parts.h"

#define ARENA_BYTES ((size_t)256 * 1024 * 1024)
#define ROW 2000

static struct text_kit *kit;
static int setup(void **s) { return (void)s, (int)text_kit_new(&kit); }
static int teardown(void **s) { return (void)s, text_kit_free(kit), 0; }

static struct memory_input story(enum text_language language, size_t count, struct arena *arena) {
  struct memory_item *items = ARENA_ARRAY(arena, struct memory_item, count);
  for (size_t i = 0; i < count; i++) items[i] = story_item(language, (int64_t)i + 1, arena);
  return (struct memory_input){kit, language, items, count, arena};
}

static const struct {
  int line;
  enum text_language language;
  size_t count;
} sizes[] = {
    {__LINE__, TEXT_ES, 1},   {__LINE__, TEXT_ES, 7},   {__LINE__, TEXT_EN, 8},   {__LINE__, TEXT_ES, 50},
    {__LINE__, TEXT_EN, 200}, {__LINE__, TEXT_ES, 901}, {__LINE__, TEXT_EN, 901}, {__LINE__, TEXT_ES, 1000},
};
#define SIZES (sizeof sizes / sizeof *sizes)

static size_t count_lines(struct str s) {
  size_t n = s.len > 0;
  for (size_t i = 0; i < s.len; i++) n += s.ptr[i] == '\n';
  return n;
}

static void a_summary_covers_its_range_and_stays_within_its_room(void **state) {
  (void)state;
  for (size_t i = 0; i < SIZES; i++) {
    ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
    struct memory_input in = story(sizes[i].language, sizes[i].count, &arena);
    struct memory_summary s;
    CHECK_OK(memory_summarise(&in, &s));
    CHECK_ROW(sizes[i].line,
              s.from_turn == 1 && s.to_turn == (int64_t)sizes[i].count && s.count == s.to_turn);
    CHECK_ROW(sizes[i].line, s.text.len > 0 && s.text.len <= MEMORY_SUMMARY_BYTES_MAX && str_is_utf8(s.text));
    CHECK_ROW(sizes[i].line, strcmp(s.method, sizes[i].count < 8 ? "sumbasic" : "extractive") == 0);
    CHECK_ROW(sizes[i].line, s.scene_count >= 1 && s.scene_count <= MEMORY_SCENES_MAX);
    CHECK_ROW(sizes[i].line, count_lines(s.text) >= s.scene_count);
  }
}

static void the_same_source_gives_the_same_summary(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
  struct memory_input in = story(TEXT_ES, 901, &arena);
  struct memory_summary a, b;
  CHECK_OK(memory_summarise(&in, &a));
  CHECK_OK(memory_summarise(&in, &b));
  CHECK_STR(a.text, b.text);
  CHECK_STR(a.key_moments, b.key_moments);
  CHECK_STR(a.entities, b.entities);
  CHECK_STR(a.relations, b.relations);
}

static void scenes_lie_side_by_side_and_are_neither_small_nor_many(void **state) {
  (void)state;
  for (size_t i = 0; i < SIZES; i++) {
    ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
    struct memory_input in = story(sizes[i].language, sizes[i].count, &arena);
    struct memory_summary s;
    CHECK_OK(memory_summarise(&in, &s));
    size_t next = 0;
    for (size_t k = 0; k < s.scene_count; k++) {
      CHECK_ROW(sizes[i].line, s.scenes[k].first == next);
      next += s.scenes[k].count;
      CHECK_ROW(sizes[i].line, s.scenes[k].count >= 20 || s.scene_count == 1);
      CHECK_ROW(sizes[i].line, s.scenes[k].count <= 150);
    }
    CHECK_ROW(sizes[i].line, next == in.count);
  }
}

/* A pause of two hours stands after turns 169, 339 …: where nothing else is stronger, a scene ends there. */
static void scenes_end_at_long_pauses(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
  struct memory_input in = story(TEXT_ES, 400, &arena);
  struct memory_summary s;
  CHECK_OK(memory_summarise(&in, &s));
  bool has_169 = false, has_339 = false;
  for (size_t k = 0; k < s.scene_count; k++) {
    has_169 = has_169 || s.scenes[k].first == 169;
    has_339 = has_339 || s.scenes[k].first == 339;
  }
  assert_true(has_169 && has_339);
}

/* ---- quality (requirements 8.1) ---- */

static struct memory_work work_of(struct memory_input *in) {
  struct memory_work w = {.in = in};
  CHECK_OK(memory_read(&w));
  CHECK_OK(memory_cut_scenes(&w));
  return w;
}

static bool contains(struct str s, struct str piece) { return str_find(s, piece) != SIZE_MAX; }

static void most_moments_that_matter_are_mentioned(void **state) {
  (void)state;
  for (int language = TEXT_ES; language <= TEXT_EN; language++) {
    ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
    struct memory_input in = story((enum text_language)language, 901, &arena);
    struct memory_work w = work_of(&in);
    struct memory_summary s;
    CHECK_OK(memory_summarise(&in, &s));
    JSON_AUTO json_t *moments = NULL;
    CHECK_OK(json_parse(s.key_moments, &moments, NULL));
    size_t all = 0, mentioned = 0;
    for (size_t i = 0; i < w.count; i++) {
      if (w.nodes[i].importance < MEMORY_KEY_IMPORTANCE) continue;
      all++;
      bool is_kept = contains(s.text, w.nodes[i].text);
      for (size_t k = 0; k < json_array_size(moments) && !is_kept; k++)
        is_kept = str_eq(json_text_at(json_array_get(moments, k), "text"), w.nodes[i].text);
      mentioned += is_kept;
    }
    assert_true(all >= 5);
    if (mentioned * 10 < all * 8) fail_msg("%zu of %zu moments are mentioned", mentioned, all);
    assert_true(json_array_size(moments) <= MEMORY_KEY_MOMENTS_MAX);
  }
}

/* ROUGE-1 recall over distinct content words: clipped counts would measure little but the length. */
static double recall(struct memory_input *in, struct str summary) {
  struct map source = {};
  double hits = 0;
  struct text_word words[ROW];
  for (size_t i = 0; i < in->count; i++) {
    size_t n = text_words(kit, in->language, in->items[i].text, words, ROW);
    for (size_t k = 0; k < n; k++)
      if (text_is_content(&words[k])) CHECK_OK(map_put(&source, words[k].term, in));
  }
  double all = (double)source.count;
  size_t n = text_words(kit, in->language, summary, words, ROW);
  for (size_t k = 0; k < n; k++) hits += text_is_content(&words[k]) && map_remove(&source, words[k].term);
  map_free(&source);
  return hits / all;
}

/* Lead-k: the first lines, as many as the summary has. */
static struct str lead(struct memory_input *in, size_t lines) {
  struct buf b = buf_new(MEMORY_SUMMARY_BYTES_MAX * 2);
  for (size_t i = 0; i < in->count && i < lines; i++) {
    const struct memory_item *item = &in->items[i];
    buf_addf(&b, "%.*s: %.*s\n", STR_ARG(item->speaker), STR_ARG(item->text));
  }
  struct str copy = str_of(arena_strdup(in->arena, buf_str(&b)));
  buf_free(&b);
  return copy;
}

static void it_recalls_no_less_than_the_first_lines_would(void **state) {
  (void)state;
  for (int language = TEXT_ES; language <= TEXT_EN; language++) {
    ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
    struct memory_input in = story((enum text_language)language, 901, &arena);
    struct memory_summary s;
    CHECK_OK(memory_summarise(&in, &s));
    double ours = recall(&in, s.text), theirs = recall(&in, lead(&in, count_lines(s.text)));
    if (ours < theirs || ours < 0.5) fail_msg("recall %.4f, of the first lines %.4f", ours, theirs);
  }
}

static void no_two_lines_say_the_same(void **state) {
  (void)state;
  for (int language = TEXT_ES; language <= TEXT_EN; language++) {
    ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
    struct memory_input in = story((enum text_language)language, 901, &arena);
    struct memory_work w = work_of(&in);
    CHECK_OK(memory_rank(&w));
    CHECK_OK(memory_choose(&w));
    for (size_t i = 0; i < w.count; i++)
      for (size_t j = i + 1; j < w.count && w.nodes[i].is_chosen; j++)
        if (w.nodes[j].is_chosen) assert_true(memory_cosine(&w.nodes[i], &w.nodes[j]) < MEMORY_REDUNDANT);
  }
}

static void importance_follows_its_signs(void **state) {
  (void)state;
  struct memory_item plain = {.text = STR("La mesa está junto a la ventana.")};
  struct memory_item user = plain, key = plain, event = plain;
  user.is_user = true;
  key.text = STR("Confieso que te mentí.");
  event.data = STR("{\"event\":\"storm\"}");
  double p = memory_importance(kit, TEXT_ES, &plain);
  assert_true(fabs(p - 1) < 1e-9);
  assert_true(fabs(memory_importance(kit, TEXT_ES, &user) - 1.9) < 1e-9);
  assert_true(fabs(memory_importance(kit, TEXT_ES, &event) - 2.35) < 1e-9);
  assert_true(memory_importance(kit, TEXT_ES, &key) >= 3.25);
}

static void names_and_relations_are_counted(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
  struct memory_item items[] = {
      {.turn = 1, .speaker = STR("Ana"), .text = STR("Vi a Luis en el puerto con Marina.")},
      {.turn = 2, .speaker = STR("Luis"), .text = STR("Hola, Ana. Marina está feliz.")},
  };
  struct memory_input in = {kit, TEXT_ES, items, 2, &arena};
  struct memory_summary s;
  CHECK_OK(memory_summarise(&in, &s));
  JSON_AUTO json_t *names = NULL, *relations = NULL;
  CHECK_OK(json_parse(s.entities, &names, NULL));
  CHECK_OK(json_parse(s.relations, &relations, NULL));
  assert_int_equal(json_array_size(names), 3);
  assert_int_equal(json_int_at(json_array_get(names, 0), "count", 0), 2);
  assert_int_equal(json_int_at(json_array_get(relations, 0), "count", 0), 3);
  CHECK_STR(json_text_at(json_array_get(relations, 0), "a"), STR("Ana"));
  CHECK_STR(json_text_at(json_array_get(relations, 0), "b"), STR("Luis"));
}

/* ---- odd input ---- */

static void odd_texts_do_no_harm(void **state) {
  (void)state;
  static const char *const odd[] = {"", "   ", "...", "\xFF\xFE", "a", "!!!!", "1234 5678", "\n\n\n"};
  ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
  struct memory_item items[40] = {};
  for (size_t i = 0; i < 40; i++)
    items[i] = (struct memory_item){.turn = (int64_t)i, .text = str_of(odd[i % 8])};
  for (size_t n = 1; n <= 40; n++) {
    struct memory_input in = {kit, TEXT_EN, items, n, &arena};
    struct memory_summary s;
    CHECK_OK(memory_summarise(&in, &s));
    assert_int_equal(s.count, n);
  }
}

static void endless_texts_stay_within_their_room(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
  struct memory_item items[100] = {};
  struct buf b = buf_new(100000);
  while (b.len < 60000) buf_add_text(&b, b.len % 7 ? "palabra " : "frase. ");
  for (size_t i = 0; i < 100; i++)
    items[i] = (struct memory_item){.turn = (int64_t)i, .speaker = buf_str(&b), .text = buf_str(&b)};
  struct memory_input in = {kit, TEXT_ES, items, 100, &arena};
  struct memory_summary s;
  CHECK_OK(memory_summarise(&in, &s));
  assert_true(s.text.len <= MEMORY_SUMMARY_BYTES_MAX);
  buf_free(&b);
}

/* ---- merging and reflecting ---- */

static size_t segments(struct arena *arena, struct memory_summary *ret, size_t count) {
  for (size_t k = 0; k < count; k++) {
    struct memory_item *items = ARENA_ARRAY(arena, struct memory_item, 300);
    for (size_t i = 0; i < 300; i++) items[i] = story_item(TEXT_ES, (int64_t)(k * 300 + i) + 1, arena);
    struct memory_input in = {kit, TEXT_ES, items, 300, arena};
    CHECK_OK(memory_summarise(&in, &ret[k]));
  }
  return count;
}

static void a36_eight_become_one_of_the_next_level_and_no_longer(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
  struct memory_summary from[MEMORY_MERGE], one, again[MEMORY_MERGE];
  segments(&arena, from, MEMORY_MERGE);
  CHECK_OK(memory_merge(kit, TEXT_ES, from, MEMORY_MERGE, &arena, &one));
  assert_int_equal(one.level, 1);
  assert_int_equal(one.from_turn, 1);
  assert_int_equal(one.to_turn, 2400);
  assert_int_equal(one.count, 2400);
  assert_true(one.text.len > 500 && one.text.len <= MEMORY_SUMMARY_BYTES_MAX);
  size_t bytes = one.text.len + one.key_moments.len + one.entities.len + one.relations.len;
  for (int level = 2; level <= 6; level++) { /* of its own kind, again and again: it does not grow */
    for (size_t i = 0; i < MEMORY_MERGE; i++) again[i] = one;
    CHECK_OK(memory_merge(kit, TEXT_ES, again, MEMORY_MERGE, &arena, &one));
    assert_int_equal(one.level, level);
    assert_true(one.text.len + one.key_moments.len + one.entities.len + one.relations.len <= bytes * 2);
  }
}

static void the_weightiest_moments_survive_a_merge(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
  struct memory_summary from[MEMORY_MERGE], one;
  segments(&arena, from, MEMORY_MERGE);
  CHECK_OK(memory_merge(kit, TEXT_ES, from, MEMORY_MERGE, &arena, &one));
  JSON_AUTO json_t *kept = NULL;
  CHECK_OK(json_parse(one.key_moments, &kept, NULL));
  double least = 10, most = 0;
  for (size_t i = 0; i < json_array_size(kept); i++)
    least = fmin(least, json_number_value(json_object_get(json_array_get(kept, i), "importance")));
  for (size_t k = 0; k < MEMORY_MERGE; k++) {
    JSON_AUTO json_t *list = NULL;
    CHECK_OK(json_parse(from[k].key_moments, &list, NULL));
    for (size_t i = 0; i < json_array_size(list); i++) {
      double value = json_number_value(json_object_get(json_array_get(list, i), "importance"));
      if (!contains(one.key_moments, json_text_at(json_array_get(list, i), "text"))) most = fmax(most, value);
    }
  }
  assert_true(json_array_size(kept) == MEMORY_KEY_MOMENTS_MAX && least >= most);
}

static void a_reflection_names_people_and_what_was_decisive(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
  struct memory_summary from[3];
  struct str es, en;
  segments(&arena, from, 3);
  CHECK_OK(memory_reflect(TEXT_ES, from, 3, &arena, &es));
  CHECK_OK(memory_reflect(TEXT_EN, from, 3, &arena, &en));
  assert_true(contains(es, STR("Ana")) && contains(es, STR("Lo decisivo")) && contains(en, STR("decisive")));
  assert_true(es.len <= 2 * MEMORY_SUMMARY_BYTES_MAX);
}

/* ---- judging a language model (U-22) ---- */

static void u22_only_a_text_that_fits_the_source_is_accepted(void **state) {
  (void)state;
  static const char good[] =
      "Ana y Luis se encuentran en el mercado y hablan de la feria del domingo, mientras el capitán busca el "
      "mapa del "
      "valle y la maestra guarda las llaves del almacén. Marina confiesa que la carta era suya, y al final "
      "de la tarde "
      "todos caminan juntos hacia el puerto sin decir palabra.";
  static const struct {
    int line;
    const char *text;
    bool is_accepted;
  } rows[] = {
      {__LINE__, good, true},
      {__LINE__, "Ana y Luis hablan.", false},
      {__LINE__,
       "Alice and Luis meet at the market and they talk about the fair on Sunday while the captain looks for "
       "the map "
       "of the valley and the teacher keeps the keys of the warehouse. In the end all of them walk to the "
       "harbour "
       "together and nobody says a word about what has happened there.",
       false},
      {__LINE__,
       "Ana y Luis se encuentran en el mercado y hablan de la feria del domingo con el malvado Voldemort, "
       "mientras el "
       "capitán busca el mapa del valle y la maestra guarda las llaves del almacén. Al final de la tarde "
       "todos caminan "
       "juntos hacia el puerto sin decir palabra.",
       false},
  };
  ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
  struct memory_input in = story(TEXT_ES, 300, &arena);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *why = NULL;
    CHECK_ROW(rows[i].line, memory_accepts(&in, str_of(rows[i].text), &why) == rows[i].is_accepted);
    CHECK_ROW(rows[i].line, why != NULL);
  }
  char endless[MEMORY_SUMMARY_BYTES_MAX + 2];
  const char *why;
  for (size_t i = 0; i < sizeof endless; i++) endless[i] = good[i % (sizeof good - 1)];
  assert_false(memory_accepts(&in, (struct str){endless, sizeof endless}, &why));
  assert_false(memory_accepts(&in, (struct str){"\xFF", 1}, &why));
}

static void bm25_prefers_what_was_asked_for(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(ARENA_BYTES);
  const struct str documents[] = {STR("El panadero vendió tres cestas de naranjas."),
                                  STR("La maestra guardaba las llaves del almacén."), STR(""),
                                  STR("Las llaves, las llaves: ¿dónde están las llaves del almacén?")};
  double score[4];
  CHECK_OK(memory_bm25(kit, TEXT_ES, STR("¿quién tiene la llave del almacén?"), documents, 4, &arena, score));
  assert_true(score[3] > score[1] && score[1] > score[0] && fabs(score[0]) < 1e-9 && fabs(score[2]) < 1e-9);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_summary_covers_its_range_and_stays_within_its_room),
      cmocka_unit_test(the_same_source_gives_the_same_summary),
      cmocka_unit_test(scenes_lie_side_by_side_and_are_neither_small_nor_many),
      cmocka_unit_test(scenes_end_at_long_pauses),
      cmocka_unit_test(most_moments_that_matter_are_mentioned),
      cmocka_unit_test(it_recalls_no_less_than_the_first_lines_would),
      cmocka_unit_test(no_two_lines_say_the_same),
      cmocka_unit_test(importance_follows_its_signs),
      cmocka_unit_test(names_and_relations_are_counted),
      cmocka_unit_test(odd_texts_do_no_harm),
      cmocka_unit_test(endless_texts_stay_within_their_room),
      cmocka_unit_test(a36_eight_become_one_of_the_next_level_and_no_longer),
      cmocka_unit_test(the_weightiest_moments_survive_a_merge),
      cmocka_unit_test(a_reflection_names_people_and_what_was_decisive),
      cmocka_unit_test(u22_only_a_text_that_fits_the_source_is_accepted),
      cmocka_unit_test(bm25_prefers_what_was_asked_for),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
