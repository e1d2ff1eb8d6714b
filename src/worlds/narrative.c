#include "worlds/narrative.h"

#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/map.h"

#define BIGRAMS_MAX (NARRATIVE_STEMS_MAX - 1)
#define NOVELTY_WEIGHT 0.2  /* of the newest message in the moving average */
#define TENSION_GAIN 0.3    /* what one message adds at most */
#define FLAT_DEVIATION 0.35 /* a standard deviation of sentiment from which a story is not flat */
#define STUCK_TURNS 24.0    /* turns without a change of state that count as fully stuck */
#define DORMANT_TURNS 40.0
#define SCENE_TURNS 5 /* where no place is known, who spoke within so many turns is in the scene */
#define KNOWN_PAIR 0.3
#define MARKS_FULL 3.0 /* marks in a message that count in full */

static double clamp(double x) { return x < 0 || isnan(x) ? 0 : x > 1 ? 1 : x; }

void narrative_read_text(struct text_kit *kit, enum text_language language, struct str text,
                         struct narrative_reading *ret) {
  struct text_word words[NARRATIVE_TEXT_MAX / 2 + 1];
  if (text.len > NARRATIVE_TEXT_MAX) text.len = NARRATIVE_TEXT_MAX;
  size_t count = text_words(kit, language, text, words, sizeof words / sizeof *words);
  struct text_feel feel = text_feel(kit, language, text, words, count);
  ret->stem_count = 0;
  for (size_t i = 0; i < count && ret->stem_count < NARRATIVE_STEMS_MAX; i++)
    if (text_is_content(&words[i])) ret->stems[ret->stem_count++] = words[i].term;
  ret->sentiment = feel.sentiment;
  ret->negative = feel.negative;
  ret->has_conflict = feel.classes & TEXT_CONFLICT;
  ret->marks = feel.marks;
}

/* ---- repetition and novelty ---- */
struct bigrams { /* of one message: a sorted set, and how many there were with repetitions */
  uint64_t set[BIGRAMS_MAX];
  size_t count, all;
};

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static size_t unique(uint64_t *values, size_t count) {
  qsort(values, count, sizeof *values, by_value);
  size_t n = 0;
  for (size_t i = 0; i < count; i++)
    if (n == 0 || values[n - 1] != values[i]) values[n++] = values[i];
  return n;
}

static void bigrams_of(const struct narrative_reading *r, struct bigrams *ret) {
  ret->all = r->stem_count < 2 ? 0 : r->stem_count - 1;
  for (size_t i = 0; i < ret->all; i++) ret->set[i] = hash_int(r->stems[i] * 31 + r->stems[i + 1]);
  ret->count = unique(ret->set, ret->all);
}

static size_t common(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count) {
  size_t n = 0;
  for (size_t i = 0, k = 0; i < a_count && k < b_count;) {
    if (a[i] == b[k]) n++;
    bool forward = a[i] <= b[k];
    if (a[i] >= b[k]) k++;
    if (forward) i++;
  }
  return n;
}

static double overlap_of(const struct bigrams *a, const struct bigrams *b) {
  size_t least = a->count < b->count ? a->count : b->count;
  return least == 0 ? 0 : (double)common(a->set, a->count, b->set, b->count) / (double)least;
}

static double overlap(const struct bigrams *all, size_t count) {
  double sum = 0;
  for (size_t i = 1; i < count; i++) {
    double best = 0;
    for (size_t k = 0; k < i; k++) best = fmax(best, overlap_of(&all[i], &all[k]));
    sum += best;
  }
  return count < 2 ? 0 : sum / (double)(count - 1);
}

static double sameness(const struct bigrams *all, size_t count) { /* 1 − distinct-2 */
  uint64_t together[NARRATIVE_WINDOW * BIGRAMS_MAX];
  size_t n = 0, total = 0;
  for (size_t i = 0; i < count; i++) {
    if (all[i].count > 0) memcpy(together + n, all[i].set, all[i].count * sizeof *together);
    n += all[i].count, total += all[i].all;
  }
  return total == 0 ? 0 : 1 - (double)unique(together, n) / (double)total;
}

static void all_bigrams(const struct narrative_turn *turns, size_t count, struct bigrams *ret) {
  ASSERT(count <= NARRATIVE_WINDOW);
  for (size_t i = 0; i < count; i++) bigrams_of(&turns[i].reading, &ret[i]);
}

double narrative_overlap(const struct narrative_turn *turns, size_t count) {
  struct bigrams all[NARRATIVE_WINDOW];
  all_bigrams(turns, count, all);
  return overlap(all, count);
}

double narrative_sameness(const struct narrative_turn *turns, size_t count) {
  struct bigrams all[NARRATIVE_WINDOW];
  all_bigrams(turns, count, all);
  return sameness(all, count);
}

static void repetition(const struct narrative_turn *turns, size_t count, struct narrative *n) {
  struct bigrams all[NARRATIVE_WINDOW];
  all_bigrams(turns, count, all);
  n->overlap = overlap(all, count);
  n->sameness = sameness(all, count);
  n->repetition = clamp((0.6 * n->overlap + 0.4 * n->sameness) / 0.5);
}

/* The union of two sorted sets. */
static size_t merge(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count, uint64_t *ret) {
  size_t n = 0;
  for (size_t i = 0, k = 0; i < a_count || k < b_count; n++) {
    bool from_a = k == b_count || (i < a_count && a[i] <= b[k]);
    ret[n] = from_a ? a[i] : b[k];
    if (k < b_count && b[k] == ret[n]) k++;
    if (i < a_count && a[i] == ret[n]) i++;
  }
  return n;
}

/* Moving average of the share of a message's stems that the window had not seen before it. The first message is new
 * by definition; it weighs 0.8^19 at the end of a full window. */
static double novelty(const struct narrative_turn *turns, size_t count) {
  uint64_t sets[2][NARRATIVE_WINDOW * NARRATIVE_STEMS_MAX], own[NARRATIVE_STEMS_MAX];
  uint64_t *seen = sets[0], *next = sets[1];
  size_t seen_count = 0;
  double average = 1;
  for (size_t i = 0; i < count; i++) {
    const struct narrative_reading *r = &turns[i].reading;
    if (r->stem_count == 0) continue;
    memcpy(own, r->stems, r->stem_count * sizeof *own);
    size_t n = unique(own, r->stem_count), old = common(seen, seen_count, own, n);
    double share = (double)(n - old) / (double)n;
    average = seen_count == 0 ? share : (1 - NOVELTY_WEIGHT) * average + NOVELTY_WEIGHT * share;
    seen_count = merge(seen, seen_count, own, n, next);
    uint64_t *was = seen;
    seen = next, next = was;
  }
  return average;
}

/* ---- feeling ---- */
static double flatness(const struct narrative_turn *turns, size_t count) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < count; i++) {
    double s = turns[i].reading.sentiment;
    sum += s, squares += s * s;
  }
  double mean = sum / (double)count, variance = squares / (double)count - mean * mean;
  return 1 - fmin(1, sqrt(fmax(0, variance)) / FLAT_DEVIATION);
}

/* 0.45·neg + 0.25·|Δs| + 0.15·conflict + 0.15·marks */
static double excitement(const struct narrative_reading *r, double before) {
  double negative = (double)r->negative / (double)(r->negative + 1);
  return 0.45 * negative + 0.25 * fmin(1, fabs(r->sentiment - before)) + (r->has_conflict ? 0.15 : 0) +
         0.15 * fmin(1, (double)r->marks / MARKS_FULL);
}

/* Tension falls with time, but not while a conflict is open. */
static double mood_now(const struct narrative_memory *m, const struct narrative_mood *mood, int64_t now_ms) {
  int64_t from = mood->at_ms;
  if (m->conflict_turn > 0 && m->turn - m->conflict_turn < NARRATIVE_OPEN_TURNS &&
      from < m->conflict_ms + NARRATIVE_OPEN_MS)
    from = m->conflict_ms + NARRATIVE_OPEN_MS;
  if (now_ms <= from) return mood->tension;
  return mood->tension * exp(-(double)(now_ms - from) / NARRATIVE_CALM_MS);
}

double narrative_tension(const struct narrative_memory *m, int64_t now_ms) {
  double greatest = 0;
  for (size_t i = 0; i < m->mood_count; i++) greatest = fmax(greatest, mood_now(m, &m->moods[i], now_ms));
  return clamp(greatest);
}

static void settle(struct narrative_memory *m, int64_t now_ms) {
  for (size_t i = 0; i < m->mood_count; i++) {
    m->moods[i].tension = mood_now(m, &m->moods[i], now_ms);
    if (now_ms > m->moods[i].at_ms) m->moods[i].at_ms = now_ms;
  }
}

/* The speaker's mood; somebody new takes the place of the calmest when the list is full. */
static struct narrative_mood *mood_of(struct narrative_memory *m, uint64_t who, bool *ret_is_new) {
  size_t calmest = 0;
  for (size_t i = 0; i < m->mood_count; i++) {
    if (m->moods[i].who == who) return &m->moods[i];
    if (m->moods[i].tension < m->moods[calmest].tension) calmest = i;
  }
  *ret_is_new = true;
  size_t at = m->mood_count < NARRATIVE_SPEAKERS_MAX ? m->mood_count++ : calmest;
  m->moods[at] = (struct narrative_mood){.who = who};
  return &m->moods[at];
}

/* ---- taking a message in ---- */
static uint64_t pair_key(struct str a, struct str b) { /* the same in both orders */
  return hash_int(story_key(a) + story_key(b)) & INT64_MAX;
}

static int64_t *talk_of(struct narrative_memory *m, uint64_t pair) {
  size_t oldest = 0;
  for (size_t i = 0; i < m->talk_count; i++) {
    if (m->talks[i].pair == pair) return &m->talks[i].turn;
    if (m->talks[i].turn < m->talks[oldest].turn) oldest = i;
  }
  size_t at = m->talk_count < STORY_RELATIONS_MAX ? m->talk_count++ : oldest;
  m->talks[at].pair = pair;
  return &m->talks[at].turn;
}

static bool same_scene(struct str a, struct str b) { return a.len == 0 || b.len == 0 || str_eq_nocase(a, b); }

static void take_place(struct narrative_memory *m, const struct narrative_turn *t) {
  if (m->place_turn == 0) m->place_turn = t->turn;
  if (t->place.len == 0 || story_key(t->place) == m->place) return;
  if (m->place != 0) m->change_turn = t->turn;
  m->place = story_key(t->place);
  m->place_turn = t->turn;
}

static double take(struct narrative_memory *m, const struct narrative_turn *t,
                   const struct narrative_turn *before) {
  bool is_new = false, is_first = m->turn == 0;
  settle(m, t->at_ms);
  struct narrative_mood *mood = mood_of(m, story_key(t->speaker), &is_new);
  mood->tension = clamp(mood->tension + TENSION_GAIN * excitement(&t->reading, m->sentiment));
  mood->at_ms = t->at_ms;
  m->turn = t->turn;
  m->sentiment = t->reading.sentiment;
  if (t->reading.has_conflict) m->conflict_turn = t->turn, m->conflict_ms = t->at_ms;
  if (is_new || is_first) m->change_turn = t->turn;
  take_place(m, t);
  if (before && !str_eq_nocase(before->speaker, t->speaker) && same_scene(before->place, t->place))
    *talk_of(m, pair_key(before->speaker, t->speaker)) = t->turn;
  return narrative_tension(m, t->at_ms);
}

/* ---- who speaks, who is where ---- */
static void balance(const struct narrative_turn *turns, size_t count, struct narrative *n) {
  struct {
    uint64_t who;
    size_t turns;
  } voices[NARRATIVE_WINDOW];
  size_t voice_count = 0, most = 0, least = 0;
  for (size_t i = 0; i < count; i++) {
    uint64_t who = story_key(turns[i].speaker);
    size_t k = 0;
    while (k < voice_count && voices[k].who != who) k++;
    if (k == voice_count) voices[voice_count].who = who, voices[voice_count++].turns = 0;
    voices[k].turns++;
  }
  double entropy = 0;
  for (size_t k = 0; k < voice_count; k++) {
    double share = (double)voices[k].turns / (double)count;
    entropy -= share * log(share);
    if (voices[k].turns > voices[most].turns) most = k;
    if (voices[k].turns < voices[least].turns) least = k;
  }
  n->speakers = voice_count;
  n->balance = voice_count < 2 ? 0 : clamp(entropy / log((double)voice_count));
  n->dominance = (double)voices[most].turns / (double)count;
  n->loudest = voices[most].who, n->quietest = voices[least].who;
}

struct scene { /* where the cast is, and when each last spoke in the window, after a message of it */
  struct str place[STORY_CHARACTERS_MAX];
  size_t spoke[STORY_CHARACTERS_MAX]; /* message number from 1; 0: not yet */
};

static bool are_together(const struct scene *s, size_t a, size_t b, size_t message) {
  if (s->place[a].len > 0 && s->place[b].len > 0) return str_eq_nocase(s->place[a], s->place[b]);
  return s->spoke[a] > 0 && s->spoke[b] > 0 && message - s->spoke[a] < SCENE_TURNS &&
         message - s->spoke[b] < SCENE_TURNS;
}

static void copresence(const struct story *story, const struct narrative_turn *turns, size_t count,
                       struct narrative *n) {
  struct scene scene = {};
  size_t together[STORY_RELATIONS_MAX] = {};
  for (size_t c = 0; c < story->character_count; c++) scene.place[c] = story->characters[c].place;
  for (size_t i = 0; i < count; i++) {
    size_t who = story_character_find(story, turns[i].speaker);
    if (who != STORY_NOBODY) {
      scene.spoke[who] = i + 1;
      if (turns[i].place.len > 0) scene.place[who] = turns[i].place;
    }
    for (size_t r = 0; r < story->relation_count; r++)
      together[r] += are_together(&scene, story->relations[r].a, story->relations[r].b, i + 1);
  }
  for (size_t r = 0; r < story->relation_count; r++)
    n->pairs[r].copresence = (double)together[r] / (double)count;
}

/* The means over pairs that know each other; nobody does: together, and nothing dormant. */
static void pairs(const struct story *story, struct narrative_memory *m, struct narrative *n) {
  size_t known = 0;
  double present = 0, dormant = 0;
  for (size_t r = 0; r < story->relation_count; r++) {
    const struct story_relation *rel = &story->relations[r];
    if (rel->value < KNOWN_PAIR) continue;
    int64_t *talk = talk_of(m, pair_key(story->characters[rel->a].name, story->characters[rel->b].name));
    if (*talk == 0) *talk = m->turn; /* counted from when the director first looked */
    n->pairs[r].dormant_turns = m->turn - *talk;
    dormant = fmax(dormant, (double)n->pairs[r].dormant_turns / DORMANT_TURNS);
    present += n->pairs[r].copresence;
    known++;
  }
  n->copresence = known == 0 ? 1 : present / (double)known;
  n->dormancy = clamp(dormant);
}

/* ---- all of it ---- */
static void measure(const struct story *story, const struct narrative_turn *turns, size_t count,
                    const struct narrative_memory *m, struct narrative *n) {
  repetition(turns, count, n);
  n->novelty = clamp(novelty(turns, count));
  n->flatness = clamp(flatness(turns, count));
  n->turns_since_change = m->turn - m->change_turn;
  n->turns_in_place = m->turn - m->place_turn;
  n->stagnation = clamp(0.35 * n->repetition + 0.25 * (1 - n->novelty) + 0.20 * n->flatness +
                        0.20 * fmin(1, (double)n->turns_since_change / STUCK_TURNS));
  balance(turns, count, n);
  copresence(story, turns, count, n);
}

void narrative_evaluate(const struct story *story, const struct narrative_turn *turns, size_t count,
                        int64_t now_ms, struct narrative_memory *memory, struct narrative *ret) {
  ASSERT(count <= NARRATIVE_WINDOW);
  *ret = (struct narrative){.is_measured = count >= NARRATIVE_LEAST};
  for (size_t i = 0; i < count; i++) {
    ASSERT(i == 0 || turns[i].turn > turns[i - 1].turn);
    ret->tension_after[i] =
        turns[i].turn > memory->turn ? take(memory, &turns[i], i > 0 ? &turns[i - 1] : NULL) : -1;
  }
  ret->turn = memory->turn;
  if (!ret->is_measured) return;
  ret->tension = narrative_tension(memory, now_ms);
  measure(story, turns, count, memory, ret);
  pairs(story, memory, ret);
}
