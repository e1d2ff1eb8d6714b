/* Narrative metrics and the memory between evaluations as JSON. */
#include <math.h>

#include "base/json.h"
#include "worlds/narrative.h"

static double rounded(double x) {
  return round(x * 1e4) / 1e4;
} /* as it is shown: four decimals are plenty */

json_t *narrative_to_json(const struct narrative *n) {
  if (!n->is_measured) return json_pack("{s:b, s:I}", "measured", 0, "turn", (json_int_t)n->turn);
  return json_pack("{s:b, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I}",
                   "measured", 1, "repetition", rounded(n->repetition), "tension", rounded(n->tension),
                   "novelty", rounded(n->novelty), "flatness", rounded(n->flatness), "stagnation",
                   rounded(n->stagnation), "balance", rounded(n->balance), "coPresence",
                   rounded(n->copresence), "dormancy", rounded(n->dormancy), "dominance",
                   rounded(n->dominance), "overlap", rounded(n->overlap), "sameness", rounded(n->sameness),
                   "turn", (json_int_t)n->turn, "turnsSinceChange", (json_int_t)n->turns_since_change,
                   "turnsInPlace", (json_int_t)n->turns_in_place, "speakers", (json_int_t)n->speakers);
}

json_t *narrative_memory_to_json(const struct narrative_memory *m) {
  json_t *moods = json_array(), *talks = json_array();
  for (size_t i = 0; i < m->mood_count; i++)
    json_array_append_new(moods, json_pack("[I, f, I]", (json_int_t)m->moods[i].who, m->moods[i].tension,
                                           (json_int_t)m->moods[i].at_ms));
  for (size_t i = 0; i < m->talk_count; i++)
    json_array_append_new(talks,
                          json_pack("[I, I]", (json_int_t)m->talks[i].pair, (json_int_t)m->talks[i].turn));
  return json_pack("{s:I, s:o, s:f, s:I, s:I, s:I, s:I, s:I, s:o}", "turn", (json_int_t)m->turn, "moods",
                   moods, "sentiment", m->sentiment, "conflictTurn", (json_int_t)m->conflict_turn,
                   "conflictMs", (json_int_t)m->conflict_ms, "changeTurn", (json_int_t)m->change_turn,
                   "place", (json_int_t)m->place, "placeTurn", (json_int_t)m->place_turn, "talks", talks);
}

static double real_at(const json_t *list, size_t i) {
  double x = json_number_value(json_array_get(list, i));
  return isfinite(x) && x > 0 ? fmin(x, 1) : 0;
}

static int64_t int_at(const json_t *list, size_t i) { return json_integer_value(json_array_get(list, i)); }

void narrative_memory_from_json(const json_t *object, struct narrative_memory *ret) {
  *ret = (struct narrative_memory){};
  const json_t *moods = json_object_get(object, "moods"), *talks = json_object_get(object, "talks"), *row;
  ret->turn = json_int_at(object, "turn", 0);
  double sentiment = json_number_value(json_object_get(object, "sentiment"));
  ret->sentiment = fabs(sentiment) <= 1 ? sentiment : 0;
  ret->conflict_turn = json_int_at(object, "conflictTurn", 0);
  ret->conflict_ms = json_int_at(object, "conflictMs", 0);
  ret->change_turn = json_int_at(object, "changeTurn", 0);
  ret->place = (uint64_t)json_int_at(object, "place", 0);
  ret->place_turn = json_int_at(object, "placeTurn", 0);
  for (size_t i = 0; (row = json_array_get(moods, i)) && i < NARRATIVE_SPEAKERS_MAX; i++)
    ret->moods[ret->mood_count++] = (struct narrative_mood){
        .who = (uint64_t)int_at(row, 0), .tension = real_at(row, 1), .at_ms = int_at(row, 2)};
  for (size_t i = 0; (row = json_array_get(talks, i)) && i < STORY_RELATIONS_MAX; i++) {
    ret->talks[i].pair = (uint64_t)int_at(row, 0), ret->talks[i].turn = int_at(row, 1);
    ret->talk_count++;
  }
}

size_t narrative_turns_from_json(struct text_kit *kit, enum text_language language, const json_t *list,
                                 struct narrative_turn ret[NARRATIVE_WINDOW]) {
  size_t count = 0;
  for (size_t i = 0; i < json_array_size(list) && count < NARRATIVE_WINDOW; i++) {
    const json_t *o = json_array_get(list, i);
    struct narrative_turn *t = &ret[count];
    *t = (struct narrative_turn){.turn = json_int_at(o, "turn", 0),
                                 .at_ms = json_int_at(o, "at", 0),
                                 .speaker = json_text_at(o, "speaker"),
                                 .place = json_text_at(o, "place"),
                                 .is_user = json_bool_at(o, "isUser", false)};
    if (count > 0 && t->turn <= ret[count - 1].turn) continue;
    narrative_read_text(kit, language, json_text_at(o, "text"), &t->reading);
    count++;
  }
  return count;
}
