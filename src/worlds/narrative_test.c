/* Narrative metrics (requirements 8.2; ). */
#include "worlds/narrative.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "tests/support/check.h"
#include "tests/support/story_lines.h"

static struct text_kit *kit;
static const int64_t minute = 60000;

static void near(double got, double want, double by, int line) {
  if (fabs(got - want) > by) fail_msg("row at line %d: got %.4f, want %.4f ± %.4f", line, got, want, by);
}

static struct story story_from(const char *json, json_t **ret_tree) {
  struct story s;
  CHECK_OK(json_parse(str_of(json), ret_tree, NULL));
  story_read(*ret_tree, &s);
  return s;
}

/* ---- the repetition table of requirements 8.2 ---- */
static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

#define WINDOWS 200
static const struct repetition_row {
  int line;
  struct lines_plan plan;
  double overlap, sameness, by; /* medians that the table gives */
  double least, most;           /* median of R */
} repetition_rows[] = {
    {__LINE__, {4000, 20, 0, 0}, 0.01, 0.01, 0.02, 0.00, 0.15}, /* varied */
    {__LINE__, {300, 20, 0, 0}, 0.01, 0.02, 0.03, 0.00, 0.15},  /* one topic */
    {__LINE__, {4000, 10, 3, 0}, 0.37, 0.35, 0.01, 0.70, 0.74}, /* half looped: high */
    {__LINE__, {4000, 0, 4, 0}, 0.84, 0.80, 0.01, 1.00, 1.00},  /* a loop of four: critical */
};

static double median(double *values) {
  qsort(values, WINDOWS, sizeof *values, by_size);
  return values[WINDOWS / 2];
}

static void measure_rows(const struct repetition_row *rows, size_t count) {
  static double o[WINDOWS], d[WINDOWS], r[WINDOWS];
  struct story nobody = {};
  for (size_t i = 0; i < count; i++) {
    for (int w = 0; w < WINDOWS; w++) {
      struct lines l;
      struct narrative n;
      struct narrative_memory m = {};
      lines_make(&l, (uint64_t)(w + 1), rows[i].plan, kit);
      narrative_evaluate(&nobody, l.turns, l.count, 21 * minute, &m, &n);
      o[w] = n.overlap, d[w] = n.sameness, r[w] = n.repetition;
    }
    double overlap = median(o), sameness = median(d), repetition = median(r);
    print_message("vocabulary %d, loop of %d, noise %d %%: O %.2f D %.2f R %.2f\n", rows[i].plan.vocabulary,
                  rows[i].plan.period, rows[i].plan.noise_percent, overlap, sameness, repetition);
    near(overlap, rows[i].overlap, rows[i].by, rows[i].line);
    near(sameness, rows[i].sameness, rows[i].by, rows[i].line);
    CHECK_ROW(rows[i].line, repetition >= rows[i].least && repetition <= rows[i].most);
  }
}

static void A_47_repetition_of_varied_and_looped_texts(void **state) {
  (void)state;
  measure_rows(repetition_rows, sizeof repetition_rows / sizeof *repetition_rows);
}

/* A loop whose words change each time. */
static const struct repetition_row noisy_rows[] = {
    {__LINE__, {4000, 0, 4, 20}, 0.39, 0.39, 0.06, 0.70, 1.00}, /* high */
    {__LINE__, {4000, 0, 4, 40}, 0.14, 0.15, 0.04, 0.15, 0.40}, /* below the warning */
    {__LINE__, {4000, 0, 8, 20}, 0.26, 0.24, 0.04, 0.40, 0.70}, /* a warning */
};

static void A_47_repetition_of_noisy_loops(void **state) {
  (void)state;
  measure_rows(noisy_rows, sizeof noisy_rows / sizeof *noisy_rows);
}

/* ---- arithmetic on readings made by hand ---- */
static struct narrative_turn said(int64_t turn, struct str speaker, struct str place) {
  return (struct narrative_turn){.turn = turn, .at_ms = turn * minute, .speaker = speaker, .place = place};
}

static void tension_rises_by_the_formula_and_falls_to_a_third_in_half_an_hour(void **state) {
  (void)state;
  struct story nobody = {};
  struct narrative n;
  struct narrative_memory m = {};
  struct narrative_turn t = said(1, STR("Ana"), STR_NONE);
  t.reading.negative = 1, t.reading.sentiment = -0.6, t.reading.marks = 3;
  narrative_evaluate(&nobody, &t, 1, t.at_ms, &m, &n);
  double x = 0.45 * 0.5 + 0.25 * 0.6 + 0.15;
  near(n.tension_after[0], 0.3 * x, 1e-9, __LINE__);
  near(narrative_tension(&m, t.at_ms + 30 * minute), 0.3 * x * exp(-1), 1e-9, __LINE__);
  assert_false(n.is_measured);
}

static void tension_does_not_fall_while_a_conflict_is_open(void **state) {
  (void)state;
  struct story nobody = {};
  struct narrative n;
  struct narrative_memory m = {};
  struct narrative_turn t = said(1, STR("Ana"), STR_NONE);
  t.reading.negative = 1, t.reading.has_conflict = true;
  narrative_evaluate(&nobody, &t, 1, t.at_ms, &m, &n);
  double then = narrative_tension(&m, t.at_ms);
  near(narrative_tension(&m, t.at_ms + 29 * minute), then, 1e-9, __LINE__);
  near(narrative_tension(&m, t.at_ms + 60 * minute), then * exp(-1), 1e-9, __LINE__);
}

static void world_tension_is_the_greatest_of_its_characters(void **state) {
  (void)state;
  struct narrative_memory m = {.mood_count = 2, .moods = {{1, 0.2, 0}, {2, 0.6, 0}}};
  near(narrative_tension(&m, 0), 0.6, 1e-9, __LINE__);
}

static void a_message_counts_for_tension_once(void **state) {
  (void)state;
  struct story nobody = {};
  struct narrative n;
  struct narrative_memory m = {};
  struct narrative_turn t = said(7, STR("Ana"), STR_NONE);
  t.reading.negative = 3;
  narrative_evaluate(&nobody, &t, 1, t.at_ms, &m, &n);
  double once = narrative_tension(&m, t.at_ms);
  narrative_evaluate(&nobody, &t, 1, t.at_ms, &m, &n);
  near(narrative_tension(&m, t.at_ms), once, 1e-12, __LINE__);
  assert_true(n.tension_after[0] < 0);
}

static const struct {
  int line;
  const char *speakers;
  double balance, dominance;
} balance_rows[] = {
    {__LINE__, "ABABAB", 1.0, 0.5},
    {__LINE__, "AAAAAA", 0.0, 1.0},
    {__LINE__, "ABCABC", 1.0, 1.0 / 3},
    {__LINE__, "AAAAAB", 0.6500, 5.0 / 6},
};

static void balance_is_the_entropy_of_the_speakers(void **state) {
  (void)state;
  struct story nobody = {};
  for (size_t i = 0; i < sizeof balance_rows / sizeof *balance_rows; i++) {
    struct narrative n;
    struct narrative_memory m = {};
    struct narrative_turn t[6];
    for (int k = 0; k < 6; k++) t[k] = said(k + 1, (struct str){&balance_rows[i].speakers[k], 1}, STR_NONE);
    narrative_evaluate(&nobody, t, 6, 7 * minute, &m, &n);
    near(n.balance, balance_rows[i].balance, 1e-4, balance_rows[i].line);
    near(n.dominance, balance_rows[i].dominance, 1e-9, balance_rows[i].line);
  }
}

static const char two[] =
    "{\"characters\":[{\"name\":\"Ana\",\"place\":\"plaza\"},{\"name\":\"Luis\",\"place\":\"bar\"}],"
    "\"relations\":[{\"a\":\"Luis\",\"b\":\"Ana\",\"value\":0.8}]}";

static void copresence_is_the_share_of_the_window_in_one_place(void **state) {
  (void)state;
  JSON_AUTO json_t *tree = NULL;
  struct story s = story_from(two, &tree);
  struct narrative n;
  struct narrative_memory m = {};
  struct narrative_turn t[10];
  for (int k = 0; k < 10; k++) t[k] = said(k + 1, k == 6 ? STR("Luis") : STR("Ana"), STR("plaza"));
  narrative_evaluate(&s, t, 10, 11 * minute, &m, &n);
  near(n.pairs[0].copresence, 0.4, 1e-9, __LINE__); /* Luis came with the seventh message */
  assert_int_equal(n.pairs[0].dormant_turns, 2);    /* Ana answered him in the eighth */
  near(n.dormancy, 2.0 / 40, 1e-9, __LINE__);
}

static void stagnation_is_the_weighted_sum(void **state) {
  (void)state;
  struct story nobody = {};
  struct lines l;
  struct narrative n;
  struct narrative_memory m = {};
  lines_make(&l, 5, (struct lines_plan){4000, 0, 4, 0}, kit);
  narrative_evaluate(&nobody, l.turns, l.count, 21 * minute, &m, &n);
  near(n.flatness, 1, 1e-9, __LINE__);        /* no word of feeling in it */
  assert_int_equal(n.turns_since_change, 18); /* Luis entered with the second message */
  near(n.novelty, pow(0.8, 16), 1e-6, __LINE__);
  near(n.stagnation, 0.35 * 1 + 0.25 * (1 - pow(0.8, 16)) + 0.20 + 0.20 * 18 / 24.0, 1e-6, __LINE__);
}

static void fewer_than_five_interactions_measure_nothing(void **state) {
  (void)state;
  struct story nobody = {};
  struct narrative n;
  struct narrative_memory m = {};
  struct narrative_turn t[4];
  for (int k = 0; k < 4; k++) t[k] = said(k + 1, STR("Ana"), STR_NONE);
  narrative_evaluate(&nobody, t, 4, 5 * minute, &m, &n);
  assert_false(n.is_measured);
  JSON_AUTO json_t *o = narrative_to_json(&n);
  assert_null(json_object_get(o, "repetition"));
}

static void no_interaction_at_all_is_no_error(void **state) {
  (void)state;
  struct story nobody = {};
  struct narrative n;
  struct narrative_memory m = {};
  narrative_evaluate(&nobody, NULL, 0, minute, &m, &n);
  assert_false(n.is_measured);
}

/* ---- golden transcripts ---- */
static const char *const quarrel_es[] = {
    "Ana|plaza|Hola, Luis. ¿Qué haces en la plaza tan temprano?",
    "Luis|plaza|Busco la carta que perdí anoche. Estoy triste y cansado.",
    "Ana|plaza|¡Mentiroso! ¡Sé que la quemaste, te odio!",
    "Luis|plaza|¡No grites! ¡Eso es una traición, no me insultes!",
    "Ana|plaza|¡Tengo miedo y rabia! ¡Lárgate de aquí!",
    "Luis|plaza|Perdóname, Ana. Fui yo. Lo siento mucho.",
    "Ana|bar|Necesito un vaso de agua y un poco de calma.",
    "Luis|bar|Gracias por escucharme. Te quiero, amiga.",
    NULL};
static const char *const loop_en[] = {"Tom|kitchen|Shall we bake bread again today, dear sister?",
                                      "Eve|kitchen|Yes, baking bread sounds fine, Tom.",
                                      "Tom|kitchen|Shall we bake bread again today, dear sister?",
                                      "Eve|kitchen|Yes, baking bread sounds fine, Tom.",
                                      "Tom|kitchen|Shall we bake bread again today, dear sister?",
                                      "Eve|kitchen|Yes, baking bread sounds fine, Tom.",
                                      "Tom|kitchen|Shall we bake bread again today, dear sister?",
                                      "Eve|kitchen|Yes, baking bread sounds fine, Tom.",
                                      NULL};
static const char *const market_en[] = {
    "Tom|market|The fishmonger sells fresh salmon and oysters from the northern coast.",
    "Eve|market|My grandfather used to repair clocks behind that yellow door.",
    "Tom|market|Look, a juggler throws burning torches above the fountain!",
    "Eve|market|Rain is coming, so the spice traders cover their baskets.",
    "Tom|market|I bought ink, paper and a small brass compass.",
    "Eve|market|Wonderful! Then we can draw the map of the old tunnels.",
    NULL};

static const struct golden {
  const char *name;
  const char *const *lines;
  enum text_language language;
  double repetition, tension, novelty, flatness, stagnation, balance;
} goldens[] = {
    {"a quarrel", quarrel_es, TEXT_ES, 0.0000, 0.4486, 1.0000, 0.0000, 0.0083, 1.0000},
    {"a loop", loop_en, TEXT_EN, 1.0000, 0.0527, 0.2447, 1.0000, 0.7888, 1.0000},
    {"a market", market_en, TEXT_EN, 0.0000, 0.0583, 1.0000, 0.3852, 0.1104, 1.0000},
};

static size_t read_transcript(const char *const *lines, enum text_language language,
                              struct narrative_turn *ret) {
  size_t count = 0;
  for (; lines[count]; count++) {
    struct str rest = str_of(lines[count]), speaker = STR_NONE, place = STR_NONE;
    assert_true(str_split(&rest, '|', &speaker) && str_split(&rest, '|', &place));
    ret[count] = said((int64_t)count + 1, speaker, place);
    narrative_read_text(kit, language, rest, &ret[count].reading);
  }
  return count;
}

static void A_47_golden_transcripts_give_golden_values(void **state) {
  (void)state;
  struct story nobody = {};
  for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
    const struct golden *g = &goldens[i];
    struct narrative_turn turns[NARRATIVE_WINDOW];
    struct narrative n;
    struct narrative_memory m = {};
    size_t count = read_transcript(g->lines, g->language, turns);
    narrative_evaluate(&nobody, turns, count, turns[count - 1].at_ms, &m, &n);
    print_message("%s: %.4f, %.4f, %.4f, %.4f, %.4f, %.4f\n", g->name, n.repetition, n.tension, n.novelty,
                  n.flatness, n.stagnation, n.balance);
    near(n.repetition, g->repetition, 1e-4, __LINE__);
    near(n.tension, g->tension, 1e-4, __LINE__);
    near(n.novelty, g->novelty, 1e-4, __LINE__);
    near(n.flatness, g->flatness, 1e-4, __LINE__);
    near(n.stagnation, g->stagnation, 1e-4, __LINE__);
    near(n.balance, g->balance, 1e-4, __LINE__);
  }
}

static void A_47_every_value_lies_between_0_and_1(void **state) {
  (void)state;
  JSON_AUTO json_t *tree = NULL;
  struct story s = story_from(two, &tree);
  static const char *const keys[] = {"repetition", "tension", "novelty",    "flatness",
                                     "stagnation", "balance", "coPresence", "dormancy",
                                     "dominance",  "overlap", "sameness"};
  for (uint64_t seed = 1; seed <= 300; seed++) {
    struct lines l;
    struct narrative n;
    struct narrative_memory m = {};
    lines_make(&l, seed, (struct lines_plan){(int)(2 + seed * 7), (int)(seed % 21), (int)(seed % 9), 10},
               kit);
    for (size_t i = 0; i < l.count; i++) { /* feelings of any size */
      struct narrative_reading *r = &l.turns[i].reading;
      r->negative = lines_random(&l, 50), r->marks = lines_random(&l, 50);
      r->sentiment = (double)lines_random(&l, 201) / 100 - 1, r->has_conflict = lines_random(&l, 2);
      if (lines_random(&l, 5) == 0) r->stem_count = lines_random(&l, 3);
    }
    narrative_evaluate(&s, l.turns, l.count, 21 * minute, &m, &n);
    JSON_AUTO json_t *o = narrative_to_json(&n);
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
      double x = json_number_value(json_object_get(o, keys[k]));
      if (!json_object_get(o, keys[k]) || !(x >= 0 && x <= 1))
        fail_msg("seed %d: %s is %f", (int)seed, keys[k], x);
    }
  }
}

static void the_memory_survives_its_json(void **state) {
  (void)state;
  JSON_AUTO json_t *tree = NULL;
  struct story s = story_from(two, &tree);
  struct lines l;
  struct narrative first, second;
  struct narrative_memory m = {}, back;
  lines_make(&l, 9, (struct lines_plan){300, 20, 0, 0}, kit);
  l.turns[3].reading.negative = 2, l.turns[9].reading.has_conflict = true;
  narrative_evaluate(&s, l.turns, 12, 13 * minute, &m, &first);
  JSON_AUTO json_t *o = narrative_memory_to_json(&m);
  narrative_memory_from_json(o, &back);
  narrative_evaluate(&s, l.turns, l.count, 21 * minute, &m, &first);
  narrative_evaluate(&s, l.turns, l.count, 21 * minute, &back, &second);
  JSON_AUTO json_t *a = narrative_memory_to_json(&m);
  JSON_AUTO json_t *b = narrative_memory_to_json(&back);
  assert_true(json_equal(a, b));
  assert_true(first.tension == second.tension && first.stagnation == second.stagnation);
}

static void nonsense_for_a_memory_is_an_empty_one(void **state) {
  (void)state;
  static const char *const texts[] = {"{}", "{\"turn\":\"x\",\"moods\":[1,[],[\"a\",9e99,3]],\"talks\":{}}",
                                      "{\"sentiment\":12,\"talks\":[[1]]}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    JSON_AUTO json_t *tree = NULL;
    struct narrative_memory m;
    CHECK_OK(json_parse(str_of(texts[i]), &tree, NULL));
    narrative_memory_from_json(tree, &m);
    assert_true(m.turn == 0 && narrative_tension(&m, 0) <= 1);
  }
}

/* ---- the story ---- */
static void a_story_is_read_within_its_limits(void **state) {
  (void)state;
  JSON_AUTO json_t *tree = json_object();
  json_t *list = json_array();
  for (int i = 0; i < 100; i++) {
    char name[20];
    (void)snprintf(name, sizeof name, "c%d", i % 50);
    json_array_append_new(list, json_pack("{s:s}", "name", name));
  }
  json_object_set_new(tree, "characters", list);
  json_object_set_new(tree, "relations",
                      json_pack("[{s:s,s:s,s:f},{s:s,s:s},{s:s,s:s,s:f},i]", "a", "c1", "b", "c0", "value",
                                -0.5, "a", "c1", "b", "c1", "a", "c1", "b", "nobody", "value", 0.9, 5));
  struct story s;
  story_read(tree, &s);
  assert_int_equal(s.character_count, STORY_CHARACTERS_MAX);
  assert_int_equal(s.relation_count, 1);
  assert_true(s.relations[0].a == 0 && s.relations[0].b == 1 && s.relations[0].value == 0.5);
}

static void places_meet_when_linked_same_or_unknown(void **state) {
  (void)state;
  JSON_AUTO json_t *tree = NULL;
  struct story s = story_from(
      "{\"places\":[{\"name\":\"plaza\",\"links\":[\"bar\"]},{\"name\":\"bar\"},"
      "{\"name\":\"isla\",\"links\":[\"mar\"]}]}",
      &tree);
  assert_true(story_places_meet(&s, STR("bar"), STR("Plaza")));
  assert_true(story_places_meet(&s, STR("isla"), STR("isla")));
  assert_true(story_places_meet(&s, STR("isla"), STR("luna")));
  assert_false(story_places_meet(&s, STR("isla"), STR("plaza")));
}

static int setup(void **state) {
  (void)state;
  return text_kit_new(&kit) == ERR_OK ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  text_kit_free(kit);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(A_47_repetition_of_varied_and_looped_texts),
      cmocka_unit_test(A_47_repetition_of_noisy_loops),
      cmocka_unit_test(tension_rises_by_the_formula_and_falls_to_a_third_in_half_an_hour),
      cmocka_unit_test(tension_does_not_fall_while_a_conflict_is_open),
      cmocka_unit_test(world_tension_is_the_greatest_of_its_characters),
      cmocka_unit_test(a_message_counts_for_tension_once),
      cmocka_unit_test(balance_is_the_entropy_of_the_speakers),
      cmocka_unit_test(copresence_is_the_share_of_the_window_in_one_place),
      cmocka_unit_test(stagnation_is_the_weighted_sum),
      cmocka_unit_test(fewer_than_five_interactions_measure_nothing),
      cmocka_unit_test(no_interaction_at_all_is_no_error),
      cmocka_unit_test(A_47_golden_transcripts_give_golden_values),
      cmocka_unit_test(A_47_every_value_lies_between_0_and_1),
      cmocka_unit_test(the_memory_survives_its_json),
      cmocka_unit_test(nonsense_for_a_memory_is_an_empty_one),
      cmocka_unit_test(a_story_is_read_within_its_limits),
      cmocka_unit_test(places_meet_when_linked_same_or_unknown),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
