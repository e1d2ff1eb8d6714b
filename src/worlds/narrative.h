/* Narrative metrics (requirements 8.2): how repetitive, tense, new, flat, stuck and balanced the last 20 interactions
 * of a world are, and who was together with whom. Pure arithmetic on a window and on what is kept between two
 * evaluations; no clock, no store. All values lie in 0–1.
 *
 * Texts become numbers first (narrative_read_text); everything else works on those, so the arithmetic can be tested with
 * numbers made by hand. */
#pragma once
#include <jansson.h>

#include "base/err.h"
#include "base/instant.h"
#include "worlds/story.h"
#include "worlds/text.h"

#define NARRATIVE_WINDOW 20
#define NARRATIVE_LEAST 5       /* interactions below which nothing is measured */
#define NARRATIVE_STEMS_MAX 200 /* content words of one message that count */
#define NARRATIVE_TEXT_MAX 4000 /* bytes of one message that count */
#define NARRATIVE_SPEAKERS_MAX 32
#define NARRATIVE_OPEN_TURNS 6    /* a conflict is open until so many turns passed without a word of it … */
#define NARRATIVE_OPEN_MS 1800000 /* … or so much time */
#define NARRATIVE_CALM_MS 1800000 /* tension falls to 1/e in this time */

/* What a message says, as numbers. */
struct narrative_reading {
  uint64_t stems[NARRATIVE_STEMS_MAX]; /* hashes of content stems, in order, with repetitions */
  size_t stem_count;
  double sentiment;  /* −1 … 1 */
  size_t negative;   /* words of sad and hostile feeling */
  bool has_conflict; /* a word or phrase of conflict is in it */
  size_t marks;      /* exclamation and question marks */
};
void narrative_read_text(struct text_kit *kit, enum text_language language, struct str text,
                         struct narrative_reading *ret);

struct narrative_turn {
  int64_t turn, at_ms;
  struct str speaker, place; /* borrowed; place may be STR_NONE */
  bool is_user;
  struct narrative_reading reading;
};

/* Kept between evaluations. */
struct narrative_mood {
  uint64_t who; /* story_key */
  double tension;
  int64_t at_ms;
};
struct narrative_memory {
  int64_t turn; /* last one that was taken in; 0: none yet */
  struct narrative_mood moods[NARRATIVE_SPEAKERS_MAX];
  size_t mood_count;
  double sentiment;                   /* of the last message */
  int64_t conflict_turn, conflict_ms; /* of the last message with a word of conflict; 0 */
  int64_t change_turn;                /* when place or cast last changed */
  uint64_t place;                     /* story_key of the last place named; 0 */
  int64_t place_turn;                 /* since when it is that */
  struct {
    uint64_t pair;
    int64_t turn;
  } talks[STORY_RELATIONS_MAX]; /* when a pair last spoke with each other */
  size_t talk_count;
};

struct narrative_pair {  /* of story->relations[i] */
  double copresence;     /* share of the window in which both were in one place */
  int64_t dormant_turns; /* since they last spoke with each other, as far as is known */
};

struct narrative {
  bool is_measured;         /* false: fewer than NARRATIVE_LEAST interactions, and every value is 0 */
  double overlap, sameness; /* O and D */
  double repetition, tension, novelty, flatness, stagnation, balance, copresence, dormancy;
  double dominance; /* the greatest share of one speaker */
  int64_t turn;
  int64_t turns_since_change, turns_in_place;
  size_t speakers;
  uint64_t loudest, quietest; /* story_key of speakers in the window */
  struct narrative_pair pairs[STORY_RELATIONS_MAX];
  /* World tension right after each message of the window; −1: taken in by an earlier evaluation. */
  double tension_after[NARRATIVE_WINDOW];
};

/* turns: at most NARRATIVE_WINDOW, oldest first. Takes those after memory->turn into the memory. */
void narrative_evaluate(const struct story *story, const struct narrative_turn *turns, size_t count,
                        int64_t now_ms, struct narrative_memory *memory, struct narrative *ret);
/* World tension at an instant: the greatest of its characters'. */
double narrative_tension(const struct narrative_memory *m, int64_t now_ms);

/* Lexical parts, for tests. */
double narrative_overlap(const struct narrative_turn *turns, size_t count);
double narrative_sameness(const struct narrative_turn *turns, size_t count);

/* From a list of {"turn", "at" (epoch ms), "speaker", "place", "isUser", "text"}, oldest first; turns that do not rise
 * are left out. Texts are borrowed from the tree. */
size_t narrative_turns_from_json(struct text_kit *kit, enum text_language language, const json_t *list,
                                 struct narrative_turn ret[NARRATIVE_WINDOW]);
/* {"repetition":0.71,…}: what is stored and shown. New reference. */
json_t *narrative_to_json(const struct narrative *n);
json_t *narrative_memory_to_json(const struct narrative_memory *m);
/* NULL or nonsense: an empty memory. */
void narrative_memory_from_json(const json_t *object, struct narrative_memory *ret);
