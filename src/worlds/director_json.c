/* What a director decided and what it remembers, as JSON. */
#include <math.h>

#include "base/json.h"
#include "model/field.h"
#include "worlds/director.h"

static const struct {
  unsigned bit;
  const char *name;
} causes[] = {{CAUSE_REPETITION, "repetition"},
              {CAUSE_STAGNATION, "stagnation"},
              {CAUSE_TENSION, "tension_below_target"},
              {CAUSE_CHANCE, "chance"},
              {CAUSE_PEAK, "long_peak"}};

static double rounded(double x) { return round(x * 1e4) / 1e4; }

static json_t *name_json(const struct story *story, size_t character) {
  if (character == STORY_NOBODY) return json_null();
  struct str name = story->characters[character].name;
  return json_stringn(name.ptr, name.len);
}

static json_t *candidate_json(const struct story *story, const struct director_candidate *c) {
  if (c->bar == BAR_NEEDS) return json_pack("{s:s, s:s}", "type", event_type_names[c->type], "bar", "needs");
  json_t *o =
      json_pack("{s:s, s:o, s:o, s:f, s:f, s:f, s:I, s:f, s:f}", "type", event_type_names[c->type], "a",
                name_json(story, c->a), "b", name_json(story, c->b), "tension", rounded(c->tension), "fit",
                rounded(c->fit), "cast", rounded(c->cast), "uses", (json_int_t)c->uses, "score",
                rounded(c->score), "probability", rounded(c->probability));
  if (c->bar != BAR_NONE) json_object_set_new(o, "bar", json_string(director_bar_names[c->bar]));
  return o;
}

json_t *director_reasons(const struct story *story, const struct director_choice *c) {
  json_t *why = json_array(), *list = json_array();
  for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
    if (c->causes & causes[i].bit) json_array_append_new(why, json_string(causes[i].name));
  for (int i = 0; i < EVENT_TYPE_COUNT && c->metrics.is_measured; i++)
    json_array_append_new(list, candidate_json(story, &c->candidates[i]));
  json_t *o = json_pack("{s:s, s:f, s:f, s:s, s:o, s:I, s:o}", "phase", director_phase_names[c->phase],
                        "target", rounded(c->target), "chance", rounded(c->chance), "storyteller",
                        story_teller_names[story->teller], "causes", why, "seed",
                        (json_int_t)(c->seed & INT64_MAX), "candidates", list);
  if (c->hold != HOLD_NONE) json_object_set_new(o, "hold", json_string(director_hold_names[c->hold]));
  if (c->chosen >= 0) json_object_set_new(o, "chosen", json_string(event_type_names[c->chosen]));
  return o;
}

json_t *director_state_to_json(const struct director_state *s) {
  json_t *past = json_array();
  for (size_t i = 0; i < s->past_count; i++)
    json_array_append_new(
        past, json_pack("[s, I, I, I, I]", event_type_names[s->past[i].type], (json_int_t)s->past[i].a,
                        (json_int_t)s->past[i].b, (json_int_t)s->past[i].at_ms, (json_int_t)s->past[i].turn));
  return json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "memory", narrative_memory_to_json(&s->memory),
                   "phase", director_phase_names[s->phase], "phaseTurn", (json_int_t)s->phase_turn, "phaseMs",
                   (json_int_t)s->phase_ms, "highTurns", (json_int_t)s->high_turns, "peakTurns",
                   (json_int_t)s->peak_turns, "evaluatedMs", (json_int_t)s->evaluated_ms, "past", past);
}

static void past_from(const json_t *row, struct director_state *s) {
  int type = field_enum_index(event_type_names, str_of(json_string_value(json_array_get(row, 0))));
  if (type < 0 || s->past_count == DIRECTOR_PAST_MAX) return;
  s->past[s->past_count++] = (struct director_past){.type = (enum event_type)type,
                                                    .a = (uint64_t)json_integer_value(json_array_get(row, 1)),
                                                    .b = (uint64_t)json_integer_value(json_array_get(row, 2)),
                                                    .at_ms = json_integer_value(json_array_get(row, 3)),
                                                    .turn = json_integer_value(json_array_get(row, 4))};
}

void director_state_from_json(const json_t *object, struct director_state *ret) {
  *ret = (struct director_state){};
  const json_t *past = json_object_get(object, "past");
  int phase = field_enum_index(director_phase_names, json_text_at(object, "phase"));
  narrative_memory_from_json(json_object_get(object, "memory"), &ret->memory);
  ret->phase = phase < 0 ? PHASE_BUILD_UP : (enum director_phase)phase;
  ret->phase_turn = json_int_at(object, "phaseTurn", 0);
  ret->phase_ms = json_int_at(object, "phaseMs", 0);
  ret->high_turns = json_int_at(object, "highTurns", 0);
  ret->peak_turns = json_int_at(object, "peakTurns", 0);
  ret->evaluated_ms = json_int_at(object, "evaluatedMs", 0);
  for (size_t i = 0; i < json_array_size(past); i++) past_from(json_array_get(past, i), ret);
}
