#include "worlds/director.h"

#include <math.h>

#include "base/map.h"

#define TENSION_PEAK 0.7
#define TENSION_FADED 0.35
#define SUSTAIN_TURNS 6
#define RELAX_TURNS 16
#define RELAX_MS 3600000
#define PEAK_TURNS_LONG 12
#define COURSE_TURNS 40.0 /* a full wave of the wanted tension */
#define REPETITION_WARN 0.4
#define REPETITION_HIGH 0.7
#define REPETITION_CRITICAL 0.85
#define STUCK 0.5
#define TENSION_GAP 0.25
#define TEMPERATURE 0.15
#define FIRST_GAP_MS DIRECTOR_SLOT_MS /* what counts as passed before a first evaluation */
#define PI 3.14159265358979323846

const char *const director_phase_names[] = {"BUILD_UP", "SUSTAIN", "FADE", "RELAX", NULL};
const char *const director_hold_names[] = {"",         "few_interactions", "no_cause", "user_writing",
                                           "event_2h", "event_6_turns",    "day_full", "no_candidate",
                                           NULL};
const char *const director_bar_names[] = {"", "needs", "phase", "type_12h", "pair_24h", "loop_first", NULL};

static double clamp(double x) { return x < 0 || isnan(x) ? 0 : x > 1 ? 1 : x; }

/* ---- chance, keyed by world and slot ---- */
struct dice {
  uint64_t state;
};

static struct dice dice_of(struct str world_id, int64_t slot_ms) {
  return (struct dice){hash_int(story_key(world_id) ^ hash_int((uint64_t)(slot_ms / DIRECTOR_SLOT_MS)))};
}

static double dice_roll(struct dice *d) { /* [0, 1) with 53 bits: splitmix64 */
  d->state += 0x9E3779B97F4A7C15U;
  return (double)(hash_int(d->state) >> 11) * 0x1p-53;
}

/* ---- phases and the wanted course ---- */
void director_step(struct director_state *s, double tension, int64_t turn, int64_t at_ms, bool is_message) {
  enum director_phase next = s->phase;
  if (tension > TENSION_PEAK) s->high_turns += is_message;
  else if (s->high_turns > 0) s->peak_turns = s->high_turns, s->high_turns = 0;
  switch (s->phase) {
    case PHASE_BUILD_UP:
      if (tension >= TENSION_PEAK) next = PHASE_SUSTAIN;
      break;
    case PHASE_SUSTAIN:
      if (turn - s->phase_turn >= SUSTAIN_TURNS) next = PHASE_FADE;
      break;
    case PHASE_FADE:
      if (tension < TENSION_FADED) next = PHASE_RELAX;
      break;
    case PHASE_RELAX:
      if (turn - s->phase_turn >= RELAX_TURNS || at_ms - s->phase_ms >= RELAX_MS) next = PHASE_BUILD_UP;
      break;
  }
  if (next == s->phase && s->phase_ms != 0) return;
  if (next == PHASE_BUILD_UP) s->peak_turns = 0;
  s->phase = next, s->phase_turn = turn, s->phase_ms = at_ms;
}

double director_target(const struct story *story, int64_t turn) {
  switch (story->arc) {
    case ARC_SETUP: return 0.20;
    case ARC_RISING: return 0.35 + 0.30 * story->arc_progress;
    case ARC_CLIMAX: return 0.80;
    case ARC_RESOLUTION: return 0.40;
    case ARC_NONE: break;
  }
  return 0.45 + 0.25 * sin(2 * PI * (double)turn / COURSE_TURNS);
}

/* ---- the stage: what the ten types look at ---- */
struct stage {
  const struct story *story;
  const struct narrative *m;
  const struct narrative_turn *turns;
  size_t count;
  const struct director_rules *rules;
  const struct director_state *state;
  double target;
  struct str place;                    /* of the last message that names one */
  double shares[STORY_CHARACTERS_MAX]; /* of the window's messages */
};

static struct stage stage_of(const struct story *story, const struct narrative_turn *turns, size_t count,
                             const struct director_rules *rules, const struct director_state *state,
                             const struct director_choice *c) {
  struct stage s = {.story = story,
                    .m = &c->metrics,
                    .turns = turns,
                    .count = count,
                    .rules = rules,
                    .state = state,
                    .target = c->target};
  for (size_t i = 0; i < count; i++) {
    size_t who = story_character_find(story, turns[i].speaker);
    if (who != STORY_NOBODY) s.shares[who] += 1.0 / (double)count;
    if (turns[i].place.len > 0) s.place = turns[i].place;
  }
  return s;
}

static uint64_t key_of(const struct story *s, size_t character) {
  return character == STORY_NOBODY ? 0 : story_key(s->characters[character].name);
}

static bool has_met(const struct stage *s, size_t a, size_t b) { /* the pair had an event within a day */
  uint64_t x = key_of(s->story, a), y = key_of(s->story, b);
  for (size_t i = 0; x && y && i < s->state->past_count; i++) {
    const struct director_past *p = &s->state->past[i];
    if (s->rules->now_ms - p->at_ms < DIRECTOR_PAIR_GAP_MS &&
        ((p->a == x && p->b == y) || (p->a == y && p->b == x)))
      return true;
  }
  return false;
}

/* Those who had no part in the last event come first. */
static double freshness(const struct stage *s, size_t character) {
  if (s->state->past_count == 0 || character == STORY_NOBODY) return 1;
  const struct director_past *last = &s->state->past[s->state->past_count - 1];
  uint64_t key = key_of(s->story, character);
  return last->a == key || last->b == key ? 0.8 : 1;
}

/* Takes a cast if it is better than the best so far. */
static void offer(const struct stage *s, struct director_candidate *best, struct director_candidate with) {
  if (with.fit <= 0) return;
  if (has_met(s, with.a, with.b)) {
    if (best->fit <= 0) best->bar = BAR_PAIR_24H;
    return;
  }
  with.cast = freshness(s, with.a) * freshness(s, with.b);
  if (best->fit > 0 && with.fit * with.cast <= best->fit * best->cast) return;
  with.type = best->type, with.tension = best->tension, with.bar = BAR_NONE;
  if (with.place.len == 0) with.place = s->place;
  *best = with;
}

static bool is_free(const struct stage *s, size_t c) { return s->story->characters[c].is_free; }

/* ---- the ten types: each offers the casts whose needs are met ---- */
typedef void type_fn(const struct stage *s, struct director_candidate *best);

static void bump_into(const struct stage *s, struct director_candidate *best) {
  for (size_t i = 0; i < s->story->relation_count; i++) {
    const struct story_relation *r = &s->story->relations[i];
    const struct story_character *a = &s->story->characters[r->a], *b = &s->story->characters[r->b];
    if (r->value < 0.3 || s->m->pairs[i].copresence >= 0.1 || !a->is_free || !b->is_free ||
        !story_places_meet(s->story, a->place, b->place))
      continue;
    double dormant = fmin(1, (double)s->m->pairs[i].dormant_turns / 40);
    offer(s, best,
          (struct director_candidate){
              .a = r->a, .b = r->b, .place = a->place, .fit = clamp(0.5 + 0.3 * r->value + 0.2 * dormant)});
  }
}

/* A third person breaks into the talk of at least two. */
static void interruption(const struct stage *s, struct director_candidate *best) {
  if (s->m->speakers < 2 || s->m->tension < 0.2 || s->m->tension > 0.8 ||
      (s->m->repetition < 0.3 && s->m->dominance <= 0.6))
    return;
  if (s->m->tension > s->target) best->tension = -best->tension;
  for (size_t c = 0; c < s->story->character_count; c++)
    if (s->shares[c] < 0.15 && is_free(s, c) && !s->story->characters[c].is_user)
      offer(
          s, best,
          (struct director_candidate){.a = STORY_NOBODY,
                                      .b = c,
                                      .fit = clamp(fmax(s->m->repetition, s->m->dominance) - s->shares[c])});
}

static struct str common_goal(const struct story *story, size_t a, size_t b) {
  for (size_t i = 0; i < story->goal_count; i++)
    for (size_t k = 0; k < story->goal_count; k++)
      if (story->goals[i].character == a && story->goals[k].character == b && story->goals[i].is_open &&
          story->goals[k].is_open && str_eq_nocase(story->goals[i].text, story->goals[k].text))
        return story->goals[i].text;
  return STR_NONE;
}

static void coincidence(const struct stage *s, struct director_candidate *best) {
  for (size_t i = 0; i < s->story->relation_count; i++) {
    const struct story_relation *r = &s->story->relations[i];
    struct str thing = story_shared_trait(s->story, r->a, r->b);
    if (thing.len == 0) thing = common_goal(s->story, r->a, r->b);
    if (r->value >= 0.2 && r->value <= 0.6 && thing.len > 0)
      offer(s, best, (struct director_candidate){.a = r->a, .b = r->b, .thing = thing, .fit = 0.7});
  }
}

static void opportunity(const struct stage *s, struct director_candidate *best) {
  for (size_t i = 0; i < s->story->relation_count && s->m->tension >= 0.3; i++) {
    const struct story_relation *r = &s->story->relations[i];
    bool are_alone = s->shares[r->a] + s->shares[r->b] > 0.999 && s->m->pairs[i].copresence >= 0.5;
    if (r->value >= 0.5 && are_alone)
      offer(s, best, (struct director_candidate){.a = r->a, .b = r->b, .fit = r->value});
  }
}

static void revelation(const struct stage *s, struct director_candidate *best) {
  for (size_t i = 0; i < s->story->secret_count && s->m->tension < s->target; i++) {
    const struct story_thread *t = &s->story->secrets[i];
    if (t->is_open && t->character != STORY_NOBODY && s->story->characters[t->character].is_main)
      offer(s, best,
            (struct director_candidate){.a = t->character,
                                        .b = STORY_NOBODY,
                                        .thing = t->text,
                                        .fit = clamp(0.6 + 0.8 * (s->target - s->m->tension))});
  }
}

/* For a story that begins to repeat itself: a critical loop is not broken by one more line. */
static void surprise(const struct stage *s, struct director_candidate *best) {
  if (s->m->repetition < REPETITION_WARN || s->m->tension > 0.5) return;
  size_t loudest = STORY_NOBODY;
  for (size_t c = 0; c < s->story->character_count; c++)
    if (s->shares[c] > (loudest == STORY_NOBODY ? 0 : s->shares[loudest])) loudest = c;
  offer(s, best,
        (struct director_candidate){
            .a = loudest, .b = STORY_NOBODY, .fit = clamp((REPETITION_CRITICAL - s->m->repetition) / 0.3)});
}

static struct str place_to_go(const struct stage *s) { /* a linked one before any other */
  struct str otherwise = STR_NONE;
  for (size_t i = 0; i < s->story->place_count; i++) {
    struct str name = s->story->places[i].name;
    if (str_eq_nocase(name, s->place)) continue;
    if (story_places_meet(s->story, s->place, name)) return name;
    if (otherwise.len == 0) otherwise = name;
  }
  return otherwise;
}

static void scene_change(const struct stage *s, struct director_candidate *best) {
  double fit = s->m->repetition >= REPETITION_HIGH ? s->m->repetition : s->m->turns_in_place > 40 ? 0.7 : 0;
  offer(s, best, (struct director_candidate){.a = STORY_NOBODY, .b = STORY_NOBODY, .fit = fit});
  if (best->fit > 0) best->place = place_to_go(s);
}

static void arrival(const struct stage *s, struct director_candidate *best) {
  if (s->m->balance < 0.8 || s->m->novelty >= 0.15) return;
  for (size_t c = 0; c < s->story->character_count; c++)
    if (s->shares[c] <= 0 && is_free(s, c) && !s->story->characters[c].is_user)
      offer(s, best, (struct director_candidate){.a = STORY_NOBODY, .b = c, .fit = 0.8});
}

static void deadline(const struct stage *s, struct director_candidate *best) {
  for (size_t i = 0; i < s->story->goal_count && s->state->phase == PHASE_BUILD_UP; i++)
    if (s->story->goals[i].is_open)
      offer(s, best,
            (struct director_candidate){.a = s->story->goals[i].character,
                                        .b = STORY_NOBODY,
                                        .thing = s->story->goals[i].text,
                                        .fit = 0.6});
}

/* A long peak: while it lasts, or in the rest that follows it. */
static bool had_long_peak(const struct director_state *s) {
  return s->high_turns > PEAK_TURNS_LONG || (s->phase == PHASE_RELAX && s->peak_turns > PEAK_TURNS_LONG);
}

static void relief(const struct stage *s, struct director_candidate *best) {
  if (had_long_peak(s->state))
    offer(s, best, (struct director_candidate){.a = STORY_NOBODY, .b = STORY_NOBODY, .fit = 1});
}

static const struct event_kind {
  const char *name;
  type_fn *offers;
  double weight, tension;
  const char *texts[2][2]; /* by language */
} kinds[] = {
#define EVENT_TYPE(ID, fn, name, weight, tension, es, es2, en, en2) \
  {name, fn, weight, tension, {{es, es2}, {en, en2}}},
#include "worlds/event_types.def"
#undef EVENT_TYPE
};
const char *const event_type_names[] = {
#define EVENT_TYPE(ID, fn, name, weight, tension, es, es2, en, en2) name,
#include "worlds/event_types.def"
#undef EVENT_TYPE
    NULL};

/* ---- choosing ---- */
static void past_of(const struct stage *s, enum event_type type, int64_t *ret_uses, int64_t *ret_last_ms) {
  *ret_uses = 0, *ret_last_ms = INSTANT_NONE;
  for (size_t i = 0; i < s->state->past_count; i++) {
    const struct director_past *p = &s->state->past[i];
    if (p->type != type || s->rules->now_ms - p->at_ms >= DIRECTOR_PAST_MS) continue;
    ++*ret_uses;
    *ret_last_ms = p->at_ms;
  }
}

static void weigh(const struct stage *s, enum event_type type, struct director_candidate *ret) {
  int64_t last_ms;
  bool is_random = s->story->teller == TELLER_RANDOM;
  *ret = (struct director_candidate){
      .type = type, .bar = BAR_NEEDS, .a = STORY_NOBODY, .b = STORY_NOBODY, .tension = kinds[type].tension};
  kinds[type].offers(s, ret);
  past_of(s, type, &ret->uses, &last_ms);
  if (ret->bar != BAR_NONE) return;
  if (last_ms != INSTANT_NONE && s->rules->now_ms - last_ms < DIRECTOR_TYPE_GAP_MS) ret->bar = BAR_TYPE_12H;
  else if (ret->tension > 0 && s->state->phase != PHASE_BUILD_UP && !is_random) ret->bar = BAR_PHASE;
  double off = fabs(s->m->tension + ret->tension - s->target);
  ret->score = is_random
                   ? kinds[type].weight
                   : kinds[type].weight * ret->fit * clamp(1 - off) * exp2(-(double)ret->uses) * ret->cast;
}

static bool breaks_loops(enum event_type t) { return t == EVENT_SCENE_CHANGE || t == EVENT_INTERRUPTION; }

static void put_loop_first(double repetition, struct director_candidate *list) {
  bool can_break = false;
  for (int i = 0; i < EVENT_TYPE_COUNT; i++)
    if (breaks_loops(list[i].type) && list[i].bar == BAR_NONE) can_break = true;
  for (int i = 0; i < EVENT_TYPE_COUNT && can_break && repetition >= REPETITION_CRITICAL; i++)
    if (!breaks_loops(list[i].type) && list[i].bar == BAR_NONE) list[i].bar = BAR_LOOP_FIRST;
}

static int draw(struct director_candidate *list, double roll) { /* softmax */
  double sum = 0, upto = 0;
  int last = -1;
  for (int i = 0; i < EVENT_TYPE_COUNT; i++)
    if (list[i].bar == BAR_NONE) sum += exp(list[i].score / TEMPERATURE);
  for (int i = 0; i < EVENT_TYPE_COUNT; i++)
    if (list[i].bar == BAR_NONE) list[i].probability = exp(list[i].score / TEMPERATURE) / sum;
  for (int i = 0; i < EVENT_TYPE_COUNT; i++) {
    if (list[i].bar != BAR_NONE) continue;
    upto += list[i].probability;
    last = i;
    if (roll < upto) break;
  }
  return last;
}

static unsigned causes_of(const struct stage *s, double chance) {
  double mean_ms = (double)s->rules->mean_minutes * 60000 * (s->story->teller == TELLER_CALM ? 2 : 1);
  int64_t passed = s->state->evaluated_ms > 0 ? s->rules->now_ms - s->state->evaluated_ms : FIRST_GAP_MS;
  unsigned causes = chance < 1 - exp(-(double)(passed > 0 ? passed : 0) / mean_ms) ? CAUSE_CHANCE : 0;
  if (s->story->teller == TELLER_RANDOM) return causes;
  if (s->m->repetition >= REPETITION_WARN) causes |= CAUSE_REPETITION;
  if (s->m->stagnation >= STUCK) causes |= CAUSE_STAGNATION;
  if (s->target - s->m->tension >= TENSION_GAP) causes |= CAUSE_TENSION;
  if (had_long_peak(s->state)) causes |= CAUSE_PEAK;
  return causes;
}

static enum director_hold hold_of(const struct stage *s, unsigned causes) {
  const struct director_rules *r = s->rules;
  const struct director_past *last = s->state->past_count ? &s->state->past[s->state->past_count - 1] : NULL;
  if (!s->m->is_measured) return HOLD_FEW_INTERACTIONS;
  if (causes == 0) return HOLD_NO_CAUSE;
  if (r->user_active_ms != INSTANT_NONE && r->now_ms - r->user_active_ms < DIRECTOR_QUIET_MS)
    return HOLD_USER_WRITING;
  if (r->events_today >= r->events_per_day) return HOLD_DAY_FULL;
  if (last && r->now_ms - last->at_ms < DIRECTOR_GAP_MS) return HOLD_EVENT_2H;
  if (last && s->m->turn - last->turn < DIRECTOR_GAP_TURNS) return HOLD_EVENT_6_TURNS;
  return HOLD_NONE;
}

static void follow(const struct narrative_turn *turns, size_t count, int64_t now_ms,
                   struct director_state *state, const struct narrative *m) {
  for (size_t i = 0; i < count; i++)
    if (m->tension_after[i] >= 0)
      director_step(state, m->tension_after[i], turns[i].turn, turns[i].at_ms, true);
  if (state->phase_ms != 0)
    director_step(state, narrative_tension(&state->memory, now_ms), state->memory.turn, now_ms, false);
}

void director_decide(const struct story *story, const struct narrative_turn *turns, size_t count,
                     const struct director_rules *rules, struct director_state *state,
                     struct director_choice *ret) {
  ASSERT(rules->mean_minutes > 0);
  struct dice dice = dice_of(rules->world_id, rules->slot_ms);
  *ret = (struct director_choice){.seed = dice.state, .chosen = -1};
  narrative_evaluate(story, turns, count, rules->now_ms, &state->memory, &ret->metrics);
  follow(turns, count, rules->now_ms, state, &ret->metrics);
  ret->phase = state->phase;
  ret->target = director_target(story, ret->metrics.turn);
  ret->chance = dice_roll(&dice);
  struct stage stage = stage_of(story, turns, count, rules, state, ret);
  if (ret->metrics.is_measured) ret->causes = causes_of(&stage, ret->chance);
  ret->hold = hold_of(&stage, ret->causes);
  state->evaluated_ms = rules->now_ms;
  if (!ret->metrics.is_measured) return;
  for (int i = 0; i < EVENT_TYPE_COUNT; i++) weigh(&stage, (enum event_type)i, &ret->candidates[i]);
  put_loop_first(ret->metrics.repetition, ret->candidates);
  int drawn = draw(ret->candidates, dice_roll(&dice));
  if (ret->hold == HOLD_NONE && drawn < 0) ret->hold = HOLD_NO_CANDIDATE;
  if (ret->hold == HOLD_NONE) ret->chosen = drawn;
}

bool director_is_hungry(const struct director_choice *c) {
  return c->causes != 0 && c->hold != HOLD_FEW_INTERACTIONS && c->hold != HOLD_USER_WRITING;
}

void director_remember(const struct story *story, const struct director_candidate *event, int64_t now_ms,
                       struct director_state *state) {
  if (state->past_count == DIRECTOR_PAST_MAX)
    memmove(state->past, state->past + 1, --state->past_count * sizeof *state->past);
  state->past[state->past_count++] = (struct director_past){.type = event->type,
                                                            .a = key_of(story, event->a),
                                                            .b = key_of(story, event->b),
                                                            .at_ms = now_ms,
                                                            .turn = state->memory.turn};
  state->memory.change_turn = state->memory.turn;
}

/* ---- text ---- */
static struct str slot_of(const struct story *story, const struct director_candidate *e, struct str name) {
  if (str_eq(name, STR("a")) && e->a != STORY_NOBODY) return story->characters[e->a].name;
  if (str_eq(name, STR("b")) && e->b != STORY_NOBODY) return story->characters[e->b].name;
  if (str_eq(name, STR("place"))) return e->place;
  if (str_eq(name, STR("thing"))) return e->thing;
  return STR_NONE;
}

static bool fill(const struct story *story, const struct director_candidate *e, const char *text,
                 struct buf *out) {
  struct str rest = str_of(text);
  buf_clear(out);
  for (size_t at; (at = str_find_char(rest, '{')) != SIZE_MAX;) {
    size_t end = str_find_char(rest, '}');
    ASSERT(end != SIZE_MAX && end > at);
    struct str value = slot_of(story, e, (struct str){rest.ptr + at + 1, end - at - 1});
    if (value.len == 0) return false;
    buf_add(out, rest.ptr, at);
    buf_add_str(out, value);
    rest = str_from(rest, end + 1);
  }
  buf_add_str(out, rest);
  return true;
}

void director_text(const struct story *story, const struct director_choice *c, enum text_language language,
                   struct buf *out) {
  ASSERT(c->chosen >= 0 && c->chosen < EVENT_TYPE_COUNT);
  const struct director_candidate *e = &c->candidates[c->chosen];
  const char *const *texts = kinds[e->type].texts[language == TEXT_ES ? 0 : 1];
  if (!fill(story, e, texts[0], out)) (void)fill(story, e, texts[1], out);
}
