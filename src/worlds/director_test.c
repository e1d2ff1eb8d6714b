/* The director: phases, gate, the ten types, limits, replay, and whether its events do what they are for
 * (requirements 8.3, B-50, X-23, U-24). */
#include "worlds/director.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/map.h"
#include "tests/support/check.h"
#include "tests/support/story_lines.h"

#define HOUR 3600000
static struct text_kit *kit;
static const struct lines_plan varied = {4000, 20, 0, 0}, looped = {4000, 0, 4, 0},
                               half_looped = {4000, 12, 3, 0};

struct scene { /* a world at one evaluation */
  json_t *tree;
  struct story story;
  struct lines lines;
  struct director_state state;
  struct director_rules rules;
  struct director_choice choice;
};

static void scene_make(struct scene *s, const char *story, struct lines_plan plan, uint64_t seed) {
  *s = (struct scene){};
  if (story) CHECK_OK(json_parse(str_of(story), &s->tree, NULL));
  story_read(s->tree, &s->story);
  lines_make(&s->lines, seed, plan, kit);
  s->rules = (struct director_rules){.world_id = STR("w1"),
                                     .slot_ms = 1800000,
                                     .now_ms = 1800000,
                                     .user_active_ms = 20 * 60000,
                                     .events_per_day = 10,
                                     .mean_minutes = 240};
}

static void scene_free(struct scene *s) { json_decref(s->tree); }

static void decide(struct scene *s) {
  director_decide(&s->story, s->lines.turns, s->lines.count, &s->rules, &s->state, &s->choice);
}

static const struct director_candidate *candidate(const struct scene *s, enum event_type t) {
  return &s->choice.candidates[t];
}

/* ---- phases ---- */
static void the_phases_follow_the_tension(void **state) {
  (void)state;
  static const struct {
    int line;
    double tension;
    int turns;
    int64_t minutes;
    enum director_phase want;
  } rows[] = {
      {__LINE__, 0.69, 1, 1, PHASE_BUILD_UP}, {__LINE__, 0.70, 1, 1, PHASE_SUSTAIN},
      {__LINE__, 0.10, 5, 5, PHASE_SUSTAIN},  {__LINE__, 0.90, 1, 1, PHASE_FADE},
      {__LINE__, 0.35, 9, 9, PHASE_FADE},     {__LINE__, 0.34, 1, 1, PHASE_RELAX},
      {__LINE__, 0.90, 15, 15, PHASE_RELAX},  {__LINE__, 0.10, 1, 1, PHASE_BUILD_UP},
  };
  struct director_state s = {};
  int64_t turn = 1, now = HOUR;
  director_step(&s, 0, turn, now, true);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    for (int k = 0; k < rows[i].turns; k++)
      now += rows[i].minutes * 60000 / rows[i].turns, director_step(&s, rows[i].tension, ++turn, now, true);
    if (s.phase != rows[i].want) fail_msg("row at line %d: %s", rows[i].line, director_phase_names[s.phase]);
  }
}

static void rest_ends_after_an_hour_too(void **state) {
  (void)state;
  struct director_state s = {.phase = PHASE_RELAX, .phase_turn = 9, .phase_ms = HOUR};
  director_step(&s, 0, 9, 2 * HOUR - 1, false);
  assert_int_equal(s.phase, PHASE_RELAX);
  director_step(&s, 0, 9, 2 * HOUR, false);
  assert_int_equal(s.phase, PHASE_BUILD_UP);
}

static void the_wanted_course_is_a_wave_or_the_arcs(void **state) {
  (void)state;
  struct story s = {};
  assert_true(fabs(director_target(&s, 10) - 0.70) < 1e-9);
  assert_true(fabs(director_target(&s, 30) - 0.20) < 1e-9);
  static const struct {
    enum story_arc arc;
    double progress, want;
  } rows[] = {{ARC_SETUP, 0, 0.20},
              {ARC_RISING, 0, 0.35},
              {ARC_RISING, 1, 0.65},
              {ARC_CLIMAX, 0, 0.80},
              {ARC_RESOLUTION, 0, 0.40}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    s.arc = rows[i].arc, s.arc_progress = rows[i].progress;
    assert_true(fabs(director_target(&s, 10) - rows[i].want) < 1e-9);
  }
}

/* ---- A-48 ---- */
#define CAST                                                                                              \
  "\"characters\":[{\"name\":\"Ana\",\"place\":\"plaza\",\"isMain\":true},{\"name\":\"Luis\",\"place\":"  \
  "\"plaza\"},"                                                                                           \
  "{\"name\":\"Eva\",\"place\":\"bar\"}],\"places\":[{\"name\":\"plaza\",\"links\":[\"bar\"]},{\"name\":" \
  "\"bar\"}]"

static void A_48_a_loop_is_broken_by_scene_change_or_interruption(void **state) {
  (void)state;
  int seen[EVENT_TYPE_COUNT] = {};
  for (uint64_t seed = 1; seed <= 200; seed++) {
    struct scene s;
    scene_make(&s,
               "{" CAST
               ",\"goals\":[{\"text\":\"x\"}],\"relations\":[{\"a\":\"Ana\",\"b\":\"Eva\",\"value\":0.9}]}",
               looped, seed);
    s.rules.slot_ms = (int64_t)seed * DIRECTOR_SLOT_MS;
    for (size_t i = 10; i < 20; i++)
      s.lines.turns[i].reading.negative = 1; /* some tension: both types possible */
    decide(&s);
    assert_int_equal(s.choice.hold, HOLD_NONE);
    assert_true(s.choice.causes & CAUSE_REPETITION);
    seen[s.choice.chosen]++;
    scene_free(&s);
  }
  assert_int_equal(seen[EVENT_SCENE_CHANGE] + seen[EVENT_INTERRUPTION], 200);
  assert_true(seen[EVENT_SCENE_CHANGE] > 0 && seen[EVENT_INTERRUPTION] > 0);
}

static void A_48_two_apart_who_know_each_other_bump_into_each_other(void **state) {
  (void)state;
  struct scene s;
  scene_make(&s, "{" CAST ",\"arc\":\"climax\",\"relations\":[{\"a\":\"Ana\",\"b\":\"Eva\",\"value\":0.5}]}",
             varied, 1);
  decide(&s);
  assert_int_equal(s.choice.chosen, EVENT_BUMP_INTO);
  assert_string_equal(event_type_names[s.choice.chosen], "bump-into");
  BUF_AUTO struct buf text = buf_new(DIRECTOR_TEXT_MAX);
  director_text(&s.story, &s.choice, TEXT_ES, &text);
  CHECK_STR(buf_str(&text), STR("Ana se encuentra por casualidad con Eva en plaza."));
  director_text(&s.story, &s.choice, TEXT_EN, &text);
  CHECK_STR(buf_str(&text), STR("Ana bumps into Eva at plaza."));
  scene_free(&s);
}

/* Each type: a story in which its needs are met, and one in which one of them is not. */
static const struct needs_row {
  int line;
  enum event_type type;
  const char *story;
  struct lines_plan plan;
  double tension; /* of everybody, before */
  bool want;
} needs_rows[] = {
    {__LINE__,
     EVENT_BUMP_INTO,
     "{" CAST ",\"relations\":[{\"a\":\"Ana\",\"b\":\"Eva\",\"value\":0.3}]}",
     {4000, 20, 0, 0},
     0,
     true},
    {__LINE__,
     EVENT_BUMP_INTO,
     "{" CAST ",\"relations\":[{\"a\":\"Ana\",\"b\":\"Eva\",\"value\":0.29}]}",
     {4000, 20, 0, 0},
     0,
     false},
    {__LINE__,
     EVENT_BUMP_INTO,
     "{" CAST ",\"relations\":[{\"a\":\"Ana\",\"b\":\"Luis\",\"value\":0.9}]}",
     {4000, 20, 0, 0},
     0,
     false},
    {__LINE__, EVENT_INTERRUPTION, "{" CAST "}", {4000, 12, 3, 0}, 0.5, true},
    {__LINE__, EVENT_INTERRUPTION, "{" CAST "}", {4000, 20, 0, 0}, 0.5, false},
    {__LINE__, EVENT_INTERRUPTION, "{" CAST "}", {4000, 12, 3, 0}, 0.1, false},
    {__LINE__, EVENT_INTERRUPTION, "{}", {4000, 12, 3, 0}, 0.5, false},
    {__LINE__,
     EVENT_COINCIDENCE,
     "{\"characters\":[{\"name\":\"Ana\",\"traits\":[\"coral\"]},{\"name\":\"Luis\",\"traits\":[\"Coral\"]}],"
     "\"relations\":[{\"a\":\"Ana\",\"b\":\"Luis\",\"value\":0.4}]}",
     {4000, 20, 0, 0},
     0,
     true},
    {__LINE__,
     EVENT_COINCIDENCE,
     "{\"characters\":[{\"name\":\"Ana\",\"traits\":[\"coral\"]},{\"name\":\"Luis\"}],\"relations\":[{\"a\":"
     "\"Ana\",\"b\":\"Luis\",\"value\":0.4}]}",
     {4000, 20, 0, 0},
     0,
     false},
    {__LINE__,
     EVENT_OPPORTUNITY,
     "{" CAST ",\"relations\":[{\"a\":\"Ana\",\"b\":\"Luis\",\"value\":0.5}]}",
     {4000, 20, 0, 0},
     0.4,
     true},
    {__LINE__,
     EVENT_OPPORTUNITY,
     "{" CAST ",\"relations\":[{\"a\":\"Ana\",\"b\":\"Luis\",\"value\":0.5}]}",
     {4000, 20, 0, 0},
     0.1,
     false},
    {__LINE__,
     EVENT_REVELATION,
     "{" CAST ",\"arc\":\"climax\",\"secrets\":[{\"character\":\"Ana\",\"text\":\"x\"}]}",
     {4000, 20, 0, 0},
     0,
     true},
    {__LINE__,
     EVENT_REVELATION,
     "{" CAST ",\"arc\":\"climax\",\"secrets\":[{\"character\":\"Ana\",\"text\":\"x\",\"isUsed\":true}]}",
     {4000, 20, 0, 0},
     0,
     false},
    {__LINE__,
     EVENT_REVELATION,
     "{" CAST ",\"arc\":\"climax\",\"secrets\":[{\"character\":\"Luis\",\"text\":\"x\"}]}",
     {4000, 20, 0, 0},
     0,
     false},
    {__LINE__, EVENT_SURPRISE, "{}", {4000, 12, 3, 0}, 0, true},
    {__LINE__, EVENT_SURPRISE, "{}", {4000, 12, 3, 0}, 0.8, false},
    {__LINE__, EVENT_SURPRISE, "{}", {4000, 20, 0, 0}, 0, false},
    {__LINE__, EVENT_SCENE_CHANGE, "{}", {4000, 0, 4, 0}, 0, true},
    {__LINE__, EVENT_SCENE_CHANGE, "{}", {4000, 12, 3, 0}, 0, false},
    {__LINE__, EVENT_ARRIVAL, "{" CAST "}", {4000, 0, 4, 0}, 0, true},
    {__LINE__, EVENT_ARRIVAL, "{" CAST "}", {4000, 20, 0, 0}, 0, false},
    {__LINE__, EVENT_DEADLINE, "{\"goals\":[{\"text\":\"x\"}]}", {4000, 20, 0, 0}, 0, true},
    {__LINE__, EVENT_DEADLINE, "{\"goals\":[{\"text\":\"x\",\"isOpen\":false}]}", {4000, 20, 0, 0}, 0, false},
    {__LINE__, EVENT_RELIEF, "{}", {4000, 20, 0, 0}, 0.95, true},
    {__LINE__, EVENT_RELIEF, "{}", {4000, 20, 0, 0}, 0.3, false},
};

static void A_48_each_type_comes_only_where_its_needs_are_met(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof needs_rows / sizeof *needs_rows; i++) {
    struct scene s;
    scene_make(&s, needs_rows[i].story, needs_rows[i].plan, 3);
    s.state.memory.turn = 20; /* nothing new is said: the tension is what it was */
    s.state.memory.mood_count = 1;
    s.state.memory.moods[0] = (struct narrative_mood){77, needs_rows[i].tension, s.rules.now_ms};
    s.state.high_turns = needs_rows[i].tension > 0.7 ? 13 : 0;
    decide(&s);
    bool is_met = candidate(&s, needs_rows[i].type)->bar != BAR_NEEDS;
    if (is_met != needs_rows[i].want)
      fail_msg("row at line %d: met %d, tension %.2f repetition %.2f", needs_rows[i].line, is_met,
               s.choice.metrics.tension, s.choice.metrics.repetition);
    scene_free(&s);
  }
}

static void nothing_raises_the_tension_outside_of_build_up(void **state) {
  (void)state;
  for (int phase = PHASE_SUSTAIN; phase <= PHASE_RELAX; phase++) {
    struct scene s;
    scene_make(&s,
               "{" CAST
               ",\"arc\":\"climax\",\"goals\":[{\"text\":\"x\"}],\"secrets\":[{\"character\":\"Ana\","
               "\"text\":\"y\"}]}",
               looped, 1);
    s.state.memory.turn = 20; /* nothing new is said */
    s.state.phase = (enum director_phase)phase, s.state.phase_turn = 20,
    s.state.phase_ms = s.rules.now_ms - 1;
    s.state.memory.mood_count = 1;
    s.state.memory.moods[0] = (struct narrative_mood){.who = 1, .tension = 0.5, .at_ms = s.rules.now_ms};
    decide(&s);
    for (int t = 0; t < EVENT_TYPE_COUNT; t++)
      assert_false(s.choice.candidates[t].bar == BAR_NONE && s.choice.candidates[t].tension > 0);
    scene_free(&s);
  }
}

/* ---- gate and limits ---- */
static void a_lively_story_is_left_alone(void **state) {
  (void)state;
  struct scene s;
  scene_make(&s, "{" CAST ",\"arc\":\"setup\",\"goals\":[{\"text\":\"x\"}]}", varied, 1);
  for (size_t i = 0; i < 20; i++) s.lines.turns[i].reading.sentiment = i % 2 ? 0.7 : -0.7;
  s.rules.mean_minutes = 100000000; /* no chance */
  decide(&s);
  assert_int_equal(s.choice.hold, HOLD_NO_CAUSE);
  assert_int_equal(s.choice.chosen, -1);
  assert_false(director_is_hungry(&s.choice));
  scene_free(&s);
}

static void chance_brings_events_at_the_mean_rate(void **state) {
  (void)state;
  int drawn = 0;
  for (int i = 0; i < 4000; i++) {
    struct scene s;
    scene_make(&s, "{" CAST ",\"arc\":\"setup\",\"storyteller\":\"random\"}", varied, 1);
    s.rules.slot_ms = (int64_t)i * DIRECTOR_SLOT_MS;
    decide(&s);
    drawn += (s.choice.causes & CAUSE_CHANCE) != 0;
    scene_free(&s);
  }
  double want = 4000 * (1 - exp(-30.0 / 240)); /* 470, a standard deviation is 20 */
  assert_true(fabs(drawn - want) < 80);
}

static const struct limit_row {
  int line;
  int64_t event_ago_ms, event_ago_turns; /* 0: none before */
  int64_t user_ago_ms, events_today, per_day;
  enum director_hold want;
} limit_rows[] = {
    {__LINE__, 0, 0, HOUR, 0, 10, HOLD_NONE},        {__LINE__, 2 * HOUR - 1, 9, HOUR, 0, 10, HOLD_EVENT_2H},
    {__LINE__, 2 * HOUR, 9, HOUR, 0, 10, HOLD_NONE}, {__LINE__, 2 * HOUR, 5, HOUR, 0, 10, HOLD_EVENT_6_TURNS},
    {__LINE__, 2 * HOUR, 6, HOUR, 0, 10, HOLD_NONE}, {__LINE__, 0, 0, 19999, 0, 10, HOLD_USER_WRITING},
    {__LINE__, 0, 0, 20000, 0, 10, HOLD_NONE},       {__LINE__, 0, 0, HOUR, 9, 10, HOLD_NONE},
    {__LINE__, 0, 0, HOUR, 10, 10, HOLD_DAY_FULL},   {__LINE__, 0, 0, HOUR, 3, 3, HOLD_DAY_FULL},
    {__LINE__, 0, 0, HOUR, 0, 0, HOLD_DAY_FULL},
};

static void B_50_U_24_the_limits_of_a_world_hold(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof limit_rows / sizeof *limit_rows; i++) {
    const struct limit_row *r = &limit_rows[i];
    struct scene s;
    scene_make(&s, "{" CAST "}", looped, 1);
    s.rules.now_ms = 48 * HOUR, s.rules.user_active_ms = s.rules.now_ms - r->user_ago_ms;
    s.rules.events_today = r->events_today, s.rules.events_per_day = r->per_day;
    if (r->event_ago_ms) {
      s.state.past[0] = (struct director_past){EVENT_RELIEF, 0, 0, s.rules.now_ms - r->event_ago_ms,
                                               20 - r->event_ago_turns};
      s.state.past_count = 1;
    }
    decide(&s);
    if (s.choice.hold != r->want) fail_msg("row at line %d: %s", r->line, director_hold_names[s.choice.hold]);
    assert_int_equal(s.choice.chosen >= 0, r->want == HOLD_NONE);
    scene_free(&s);
  }
}

static void one_type_rests_twelve_hours(void **state) {
  (void)state;
  for (int late = 0; late < 2; late++) {
    struct scene s;
    scene_make(&s, "{}", looped, 1); /* only scene_change is possible */
    s.rules.now_ms = 48 * HOUR;
    s.state.past[0] =
        (struct director_past){EVENT_SCENE_CHANGE, 0, 0, s.rules.now_ms - 12 * HOUR + (late ? 0 : 1), 1};
    s.state.past_count = 1;
    decide(&s);
    assert_int_equal(candidate(&s, EVENT_SCENE_CHANGE)->bar, late ? BAR_NONE : BAR_TYPE_12H);
    assert_int_equal(s.choice.hold, late ? HOLD_NONE : HOLD_NO_CANDIDATE);
    scene_free(&s);
  }
}

static void one_pair_rests_a_day(void **state) {
  (void)state;
  for (int late = 0; late < 2; late++) {
    struct scene s;
    scene_make(&s,
               "{" CAST ",\"arc\":\"climax\",\"relations\":[{\"a\":\"Ana\",\"b\":\"Eva\",\"value\":0.5}]}",
               varied, 1);
    s.rules.now_ms = 48 * HOUR;
    s.state.past[0] = (struct director_past){EVENT_COINCIDENCE, story_key(STR("eva")), story_key(STR("ana")),
                                             s.rules.now_ms - 24 * HOUR + (late ? 0 : 1), 1};
    s.state.past_count = 1;
    decide(&s);
    assert_int_equal(candidate(&s, EVENT_BUMP_INTO)->bar, late ? BAR_NONE : BAR_PAIR_24H);
    scene_free(&s);
  }
}

static void a_type_used_often_weighs_less(void **state) {
  (void)state;
  struct scene fresh, used;
  scene_make(&fresh, "{}", looped, 1);
  scene_make(&used, "{}", looped, 1);
  fresh.rules.now_ms = used.rules.now_ms = 200 * HOUR;
  for (int i = 0; i < 2; i++)
    used.state.past[used.state.past_count++] =
        (struct director_past){EVENT_SCENE_CHANGE, 0, 0, (100 + i) * HOUR, 1};
  decide(&fresh);
  decide(&used);
  assert_true(fabs(candidate(&used, EVENT_SCENE_CHANGE)->score * 4 -
                   candidate(&fresh, EVENT_SCENE_CHANGE)->score) < 1e-9);
  scene_free(&fresh);
  scene_free(&used);
}

/* ---- replay ---- */
static void the_same_world_slot_and_inputs_give_the_same_choice(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 50; seed++) {
    json_t *reasons[2], *states[2];
    for (int i = 0; i < 2; i++) {
      struct scene s;
      scene_make(&s, "{" CAST ",\"goals\":[{\"text\":\"x\"}]}", seed % 2 ? half_looped : looped, seed);
      s.rules.slot_ms = (int64_t)seed * DIRECTOR_SLOT_MS + (i ? 1799999 : 0); /* anywhere in the slot */
      decide(&s);
      reasons[i] = director_reasons(&s.story, &s.choice);
      states[i] = director_state_to_json(&s.state);
      scene_free(&s);
    }
    assert_true(json_equal(reasons[0], reasons[1]) && json_equal(states[0], states[1]));
    for (int i = 0; i < 2; i++) json_decref(reasons[i]), json_decref(states[i]);
  }
}

static void another_slot_or_world_may_choose_otherwise(void **state) {
  (void)state;
  int seen[EVENT_TYPE_COUNT] = {}, kinds = 0;
  for (int i = 0; i < 100; i++) {
    struct scene s;
    scene_make(&s,
               "{" CAST ",\"goals\":[{\"text\":\"x\"}],\"secrets\":[{\"character\":\"Ana\",\"text\":\"y\"}]}",
               half_looped, 1);
    s.rules.slot_ms = i * (int64_t)DIRECTOR_SLOT_MS;
    decide(&s);
    if (s.choice.chosen >= 0) kinds += seen[s.choice.chosen]++ == 0;
    scene_free(&s);
  }
  assert_true(kinds > 1);
}

static void the_state_survives_its_json(void **state) {
  (void)state;
  struct scene s;
  struct director_state back;
  scene_make(&s, "{" CAST ",\"relations\":[{\"a\":\"Ana\",\"b\":\"Eva\",\"value\":0.5}]}", looped, 1);
  decide(&s);
  assert_true(s.choice.chosen >= 0);
  for (int i = 0; i < DIRECTOR_PAST_MAX + 5; i++)
    director_remember(&s.story, &s.choice.candidates[s.choice.chosen], HOUR * (int64_t)i, &s.state);
  assert_int_equal(s.state.past_count, DIRECTOR_PAST_MAX);
  assert_int_equal(s.state.past[0].at_ms, 5 * HOUR);
  JSON_AUTO json_t *a = director_state_to_json(&s.state);
  director_state_from_json(a, &back);
  JSON_AUTO json_t *b = director_state_to_json(&back);
  assert_true(json_equal(a, b));
  scene_free(&s);
}

static void the_reasons_name_every_candidate(void **state) {
  (void)state;
  struct scene s;
  scene_make(&s, "{" CAST "}", looped, 1);
  decide(&s);
  JSON_AUTO json_t *r = director_reasons(&s.story, &s.choice);
  const json_t *list = json_object_get(r, "candidates");
  assert_int_equal(json_array_size(list), EVENT_TYPE_COUNT);
  double sum = 0;
  for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
    sum += json_number_value(json_object_get(json_array_get(list, i), "probability"));
  assert_true(fabs(sum - 1) < 1e-3);
  assert_true(json_array_size(json_object_get(r, "causes")) > 0);
  CHECK_STR(json_text_at(r, "chosen"), str_of(event_type_names[s.choice.chosen]));
  scene_free(&s);
}

static void every_template_can_be_filled_without_slots_left(void **state) {
  (void)state;
  struct scene s;
  scene_make(&s, "{" CAST "}", looped, 1);
  for (int t = 0; t < EVENT_TYPE_COUNT; t++)
    for (int full = 0; full < 2; full++) {
      BUF_AUTO struct buf text = buf_new(DIRECTOR_TEXT_MAX);
      s.choice.chosen = t;
      s.choice.candidates[t] = (struct director_candidate){.type = (enum event_type)t, .a = 0, .b = 2};
      if (full) s.choice.candidates[t].place = STR("{plaza}"); /* braces of others are text */
      s.choice.candidates[t].thing = STR("the key");
      director_text(&s.story, &s.choice, full ? TEXT_ES : TEXT_EN, &text);
      assert_true(text.len > 10 && buf_error(&text) == ERR_OK);
      assert_true(str_find(buf_str(&text), STR("{a}")) == SIZE_MAX &&
                  str_find(buf_str(&text), STR("{thing}")) == SIZE_MAX);
    }
  scene_free(&s);
}

/* ---- does an event make a story fresher? ----
 * The model, stated: two speakers have habits, four lines of their own. The longer nothing happens, the more likely a
 * message is one of these lines (a quarter of its words changed) instead of a new one. An event makes the next six
 * messages new and lets the habits start again from nothing. Both arms see the same chance. What is tested is that the
 * director notices and acts in time under its limits, not that people behave so: of that the server reports only
 * metricsBefore and metricsAfter of real worlds. */
#define TRANSCRIPTS 500
#define EVALUATIONS 10
#define TURNS_BETWEEN 15

static double play(uint64_t seed, bool is_on) {
  static const struct lines_plan plan = {4000, 20, 4, 25};
  struct scene s;
  double sum = 0;
  int64_t now = 0, quiet_from = 0;
  scene_make(&s, "{" CAST "}", plan, seed);
  char world[20];
  (void)snprintf(world, sizeof world, "w%d", (int)seed);
  s.rules.world_id = str_of(world);
  for (int e = 0; e < EVALUATIONS; e++) {
    for (int k = 0; k < TURNS_BETWEEN; k++) {
      struct narrative_turn *last = &s.lines.turns[NARRATIVE_WINDOW - 1];
      int64_t stale = last->turn - quiet_from;
      uint64_t habit = stale < 6 ? 0 : (uint64_t)(stale * 2 > 80 ? 80 : stale * 2);
      bool by_habit = lines_random(&s.lines, 100) < habit;
      uint64_t which = lines_random(&s.lines, 4);
      lines_push(&s.lines, plan, by_habit ? s.lines.habits[which] : NULL, kit);
    }
    now = s.lines.turns[NARRATIVE_WINDOW - 1].at_ms + 60000 + (int64_t)e * HOUR;
    s.rules.now_ms = now, s.rules.slot_ms = now;
    decide(&s);
    sum += s.choice.metrics.repetition;
    if (is_on && s.choice.chosen >= 0) {
      director_remember(&s.story, &s.choice.candidates[s.choice.chosen], now, &s.state);
      quiet_from = s.choice.metrics.turn;
    }
  }
  scene_free(&s);
  return sum / EVALUATIONS;
}

static void A_49_events_lower_the_repetition_of_500_transcripts(void **state) {
  (void)state;
  static double difference[TRANSCRIPTS];
  double on = 0, off = 0;
  for (int i = 0; i < TRANSCRIPTS; i++) {
    double with = play((uint64_t)i + 1, true), without = play((uint64_t)i + 1, false);
    on += with / TRANSCRIPTS, off += without / TRANSCRIPTS;
    difference[i] = without - with;
  }
  /* Permutation test for pairs: how often is the mean as great when the arms of each pair are exchanged at random? */
  int as_great = 0;
  uint64_t chance = 42;
  for (int p = 0; p < 2000; p++) {
    double mean = 0;
    for (int i = 0; i < TRANSCRIPTS; i++) {
      chance += 0x9E3779B97F4A7C15U;
      mean += (hash_int(chance) & 1 ? difference[i] : -difference[i]) / TRANSCRIPTS;
    }
    as_great += mean >= off - on;
  }
  double p = (as_great + 1) / 2001.0;
  print_message("mean repetition: off %.3f, on %.3f, p = %.4f\n", off, on, p);
  assert_true(on < off);
  assert_true(p < 0.01);
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
      cmocka_unit_test(the_phases_follow_the_tension),
      cmocka_unit_test(rest_ends_after_an_hour_too),
      cmocka_unit_test(the_wanted_course_is_a_wave_or_the_arcs),
      cmocka_unit_test(A_48_a_loop_is_broken_by_scene_change_or_interruption),
      cmocka_unit_test(A_48_two_apart_who_know_each_other_bump_into_each_other),
      cmocka_unit_test(A_48_each_type_comes_only_where_its_needs_are_met),
      cmocka_unit_test(nothing_raises_the_tension_outside_of_build_up),
      cmocka_unit_test(a_lively_story_is_left_alone),
      cmocka_unit_test(chance_brings_events_at_the_mean_rate),
      cmocka_unit_test(B_50_U_24_the_limits_of_a_world_hold),
      cmocka_unit_test(one_type_rests_twelve_hours),
      cmocka_unit_test(one_pair_rests_a_day),
      cmocka_unit_test(a_type_used_often_weighs_less),
      cmocka_unit_test(the_same_world_slot_and_inputs_give_the_same_choice),
      cmocka_unit_test(another_slot_or_world_may_choose_otherwise),
      cmocka_unit_test(the_state_survives_its_json),
      cmocka_unit_test(the_reasons_name_every_candidate),
      cmocka_unit_test(every_template_can_be_filled_without_slots_left),
      cmocka_unit_test(A_49_events_lower_the_repetition_of_500_transcripts),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
