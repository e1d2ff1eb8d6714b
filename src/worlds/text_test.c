#include "worlds/text.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/check.h"

#define WORDS 400
static struct text_kit *kit;

static int setup(void **s) { return (void)s, (int)text_kit_new(&kit); }
static int teardown(void **s) { return (void)s, text_kit_free(kit), 0; }

static uint64_t term_of(enum text_language language, const char *word) {
  struct text_word w;
  assert_int_equal(text_words(kit, language, str_of(word), &w, 1), 1);
  return w.term;
}

static void words_that_are_one_meet_in_one_term(void **state) {
  (void)state;
  static const struct {
    int line;
    enum text_language language;
    const char *a, *b;
    bool is_same;
  } rows[] = {
      {__LINE__, TEXT_ES, "Confesión", "confesion", true},
      {__LINE__, TEXT_ES, "ABRAZOS", "abrazo", true},
      {__LINE__, TEXT_ES, "caminando", "caminar", true},
      {__LINE__, TEXT_ES, "castillo", "castillos", true},
      {__LINE__, TEXT_ES, "perro", "gato", false},
      {__LINE__, TEXT_EN, "Running", "runs", true},
      {__LINE__, TEXT_EN, "secrets", "SECRET", true},
      {__LINE__, TEXT_EN, "castle", "candle", false},
      {__LINE__, TEXT_ES, "n\xCC\x83o\xCC\x81", "\xC3\xB1\xC3\xB3", true}, /* combining marks */
      {__LINE__, TEXT_ES, "\xC3\x81\xC3\x89\xC3\x8D", "aei", true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    CHECK_ROW(rows[i].line, (term_of(rows[i].language, rows[i].a) == term_of(rows[i].language, rows[i].b)) ==
                                rows[i].is_same);
}

static void folding_takes_case_and_accents_away(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *in, *want;
  } rows[] = {
      {__LINE__, "¿Dónde está Ñuñoa?", "¿donde esta nunoa?"},
      {__LINE__, "ÀÖØÞßÿ Šimůnek Żółć", "aootsy simunek zolc"},
      {__LINE__, "ΑΩ МОСКВА", "αω москва"},
      {__LINE__,
       "a\xFF"
       "b",
       "a\xEF\xBF\xBD"
       "b"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char out[100];
    size_t n = text_fold(str_of(rows[i].in), out, sizeof out);
    check_str_eq((struct str){out, n}, str_of(rows[i].want), rows[i].line);
  }
}

static void a_short_buffer_cuts_at_a_character(void **state) {
  (void)state;
  char out[3];
  assert_int_equal(text_fold(STR("a€€"), out, sizeof out), 1);
}

static void words_know_what_they_are(void **state) {
  (void)state;
  struct text_word w[WORDS];
  size_t n = text_words(kit, TEXT_EN, STR("The old man’s 42 dogs don't like Ana. Bea, though"), w, WORDS);
  assert_int_equal(n, 10);
  CHECK_STR(w[2].raw, STR("man’s"));
  CHECK_STR(w[5].raw, STR("don't"));
  assert_true(w[0].flags & TEXT_WORD_STOP && w[0].flags & TEXT_WORD_FIRST && w[0].flags & TEXT_WORD_CAPITAL);
  assert_true(w[3].flags & TEXT_WORD_NUMBER);
  assert_int_equal(w[7].flags, TEXT_WORD_CAPITAL);
  assert_int_equal(w[8].flags, TEXT_WORD_CAPITAL | TEXT_WORD_FIRST);
  assert_true(text_is_content(&w[4]) && !text_is_content(&w[0]) && !text_is_content(&w[3]));
}

static void no_more_words_than_asked_for(void **state) {
  (void)state;
  struct text_word w[3];
  assert_int_equal(text_words(kit, TEXT_ES, STR("uno dos tres cuatro"), w, 3), 3);
  assert_int_equal(text_words(kit, TEXT_ES, STR("  ... \xF0\x9F\x98\x80 "), w, 3), 0);
}

static void sentences_end_where_people_end_them(void **state) {
  (void)state;
  struct str rest =
      STR("  Hola, Sr. Pérez. ¿Qué tal?! Cuesta 3.50 euros… \"Ya.\" Bien\nOtra línea sin punto");
  static const char *const want[] = {"Hola, Sr. Pérez.", "¿Qué tal?!", "Cuesta 3.50 euros…",
                                     "\"Ya.\"",          "Bien",       "Otra línea sin punto"};
  struct str s;
  for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
    assert_true(text_sentence(&rest, &s));
    CHECK_STR(s, str_of(want[i]));
  }
  assert_false(text_sentence(&rest, &s));
}

static void the_language_is_told_by_small_words(void **state) {
  (void)state;
  assert_int_equal(text_language_guess(kit, STR("la casa de la colina está vacía"), TEXT_EN), TEXT_ES);
  assert_int_equal(text_language_guess(kit, STR("the house on the hill is empty"), TEXT_ES), TEXT_EN);
  assert_int_equal(text_language_guess(kit, STR("Roma 42"), TEXT_EN), TEXT_EN);
  assert_int_equal(text_language_of(STR("en-GB"), TEXT_ES), TEXT_EN);
  assert_int_equal(text_language_of(STR("fr"), TEXT_ES), TEXT_ES);
  assert_int_equal(text_language_of(STR("english"), TEXT_ES), TEXT_ES);
}

static struct text_feel feel(enum text_language language, const char *text) {
  struct text_word w[WORDS];
  size_t n = text_words(kit, language, str_of(text), w, WORDS);
  return text_feel(kit, language, str_of(text), w, n);
}

static void the_lexicon_tells_key_moments(void **state) {
  (void)state;
  static const struct {
    int line;
    enum text_language language;
    const char *text;
    unsigned classes;
  } rows[] = {
      {__LINE__, TEXT_ES, "Tengo que decirte algo", TEXT_CONFESSION},
      {__LINE__, TEXT_ES, "Le empujó y gritó", TEXT_CONFLICT},
      {__LINE__, TEXT_ES, "Se abrazaron con cariño", TEXT_BONDING},
      {__LINE__, TEXT_ES, "Descubrieron el pasadizo", TEXT_REVELATION},
      {__LINE__, TEXT_ES, "Nos reímos a carcajadas", TEXT_COMEDY},
      {__LINE__, TEXT_EN, "It was me", TEXT_CONFESSION},
      {__LINE__, TEXT_EN, "They argued about nothing", TEXT_CONFLICT},
      {__LINE__, TEXT_EN, "She hugged him", TEXT_BONDING},
      {__LINE__, TEXT_EN, "It turns out that he was king", TEXT_REVELATION},
      {__LINE__, TEXT_EN, "What a silly joke", TEXT_COMEDY},
      {__LINE__, TEXT_EN, "The table stands by the window", 0},
      {__LINE__, TEXT_ES, "La mesa está junto a la ventana", 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    CHECK_ROW(rows[i].line, feel(rows[i].language, rows[i].text).classes == rows[i].classes);
}

static void feelings_have_a_sign_and_a_negation_turns_them(void **state) {
  (void)state;
  assert_true(feel(TEXT_ES, "Estoy feliz y contenta").sentiment > 0.5);
  assert_true(feel(TEXT_ES, "Estoy triste y sola, qué dolor").sentiment < -0.5);
  assert_true(feel(TEXT_EN, "I am not happy").sentiment < 0);
  assert_true(feel(TEXT_EN, "I am happy, not sad").sentiment > 0.5);
  assert_true(fabs(feel(TEXT_EN, "The table").sentiment) < 1e-9);
  assert_int_equal(feel(TEXT_EN, "No! Really?!").marks, 3);
}

static void cosine_is_one_for_the_same_and_none_for_the_different(void **state) {
  (void)state;
  const struct text_weight a[] = {{1, 1}, {5, 2}}, b[] = {{2, 1}, {5, 2}}, c[] = {{3, 1}};
  assert_true(fabs(text_cosine(a, 2, a, 2) - 1) < 1e-9);
  assert_true(fabs(text_cosine(a, 2, b, 2) - 0.8) < 1e-9);
  assert_true(text_cosine(a, 2, c, 1) <= 0 && text_cosine(a, 0, c, 1) <= 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_that_are_one_meet_in_one_term),
      cmocka_unit_test(folding_takes_case_and_accents_away),
      cmocka_unit_test(a_short_buffer_cuts_at_a_character),
      cmocka_unit_test(words_know_what_they_are),
      cmocka_unit_test(no_more_words_than_asked_for),
      cmocka_unit_test(sentences_end_where_people_end_them),
      cmocka_unit_test(the_language_is_told_by_small_words),
      cmocka_unit_test(the_lexicon_tells_key_moments),
      cmocka_unit_test(feelings_have_a_sign_and_a_negation_turns_them),
      cmocka_unit_test(cosine_is_one_for_the_same_and_none_for_the_different),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
