/* The director (requirements 8.3): decides whether a world gets an emergent event now, and which. It follows the
 * tension in four phases (build up, sustain, fade, relax), compares it with a wanted course, and chooses among the ten
 * types by how well each fits, with chance keyed by (world, slot): the same inputs give the same choice, and the
 * reasons of all candidates are kept with it. Pure.
 *
 *   director_decide → director_text → (the event is applied) → director_remember */
#pragma once
#include "base/buf.h"
#include "worlds/narrative.h"

#define DIRECTOR_SLOT_MS 1800000 /* of the job's schedule; a run by hand counts for the slot it falls in */
#define DIRECTOR_GAP_MS 7200000  /* between two events of a world */
#define DIRECTOR_GAP_TURNS 6
#define DIRECTOR_TYPE_GAP_MS 43200000 /* between two events of one type */
#define DIRECTOR_PAIR_GAP_MS 86400000 /* between two events of one pair */
#define DIRECTOR_QUIET_MS 20000       /* not while the user is writing */
#define DIRECTOR_LIFE_TURNS 3         /* an event is over after so many turns … */
#define DIRECTOR_LIFE_MS 21600000     /* … or so much time */
#define DIRECTOR_AFTER_TURNS 20       /* the metrics are measured again so many turns after it */
#define DIRECTOR_PAST_MS 604800000    /* events that weigh on their type */
#define DIRECTOR_PAST_MAX 80          /* more than seven days of ten */
#define DIRECTOR_TEXT_MAX 2000

enum director_phase { PHASE_BUILD_UP, PHASE_SUSTAIN, PHASE_FADE, PHASE_RELAX };
extern const char *const director_phase_names[]; /* "BUILD_UP", … */

enum event_type {
#define EVENT_TYPE(ID, fn, name, weight, tension, es, es2, en, en2) EVENT_##ID,
#include "worlds/event_types.def"
#undef EVENT_TYPE
  EVENT_TYPE_COUNT
};
extern const char *const event_type_names[]; /* "bump-into", … */

struct director_past { /* an event that was applied */
  enum event_type type;
  uint64_t a, b; /* story_key of its cast; 0 */
  int64_t at_ms, turn;
};
struct director_state { /* kept between evaluations */
  struct narrative_memory memory;
  enum director_phase phase;
  int64_t phase_turn, phase_ms;   /* when it began */
  int64_t high_turns, peak_turns; /* messages in a row above the peak: now, and in the spell before */
  int64_t evaluated_ms;
  struct director_past past[DIRECTOR_PAST_MAX]; /* oldest first */
  size_t past_count;
};

struct director_rules {
  struct str world_id;
  int64_t slot_ms, now_ms;
  int64_t user_active_ms;               /* INSTANT_NONE: never */
  int64_t events_per_day, events_today; /* the lower of the world's and the setting */
  int64_t mean_minutes;                 /* between events without another cause */
};

enum director_cause { /* why the story wants an event; bits */
                      CAUSE_REPETITION = 1,
                      CAUSE_STAGNATION = 2,
                      CAUSE_TENSION = 4, /* far below what is wanted */
                      CAUSE_CHANCE = 8,
                      CAUSE_PEAK = 16 /* above the peak for too long */
};
enum director_hold { /* why there is none all the same */
                     HOLD_NONE,
                     HOLD_FEW_INTERACTIONS,
                     HOLD_NO_CAUSE,
                     HOLD_USER_WRITING,
                     HOLD_EVENT_2H,
                     HOLD_EVENT_6_TURNS,
                     HOLD_DAY_FULL,
                     HOLD_NO_CANDIDATE
};
extern const char *const director_hold_names[];
enum director_bar { /* why a candidate is none */
                    BAR_NONE,
                    BAR_NEEDS, /* what the type needs is not there */
                    BAR_PHASE, /* would raise the tension outside of BUILD_UP */
                    BAR_TYPE_12H,
                    BAR_PAIR_24H,
                    BAR_LOOP_FIRST /* a critical loop is broken by scene_change or interruption first */
};
extern const char *const director_bar_names[];

struct director_candidate {
  enum event_type type;
  enum director_bar bar;
  size_t a, b; /* of the story's characters; STORY_NOBODY */
  struct str place, thing;
  double tension;   /* what it adds */
  double fit, cast; /* 0–1 */
  int64_t uses;     /* of the type in seven days */
  double score, probability;
};

struct director_choice {
  struct narrative metrics;
  enum director_phase phase;
  double target, chance; /* T*, and the drawn U */
  unsigned causes;       /* enum director_cause */
  enum director_hold hold;
  uint64_t seed;
  struct director_candidate candidates[EVENT_TYPE_COUNT]; /* the best cast of each type */
  int chosen;                                             /* −1: none */
};

/* Evaluates the window and decides. state is carried on (an event that comes of it is told by director_remember). */
void director_decide(const struct story *story, const struct narrative_turn *turns, size_t count,
                     const struct director_rules *rules, struct director_state *state,
                     struct director_choice *ret);
/* Does the story ask for something, whether or not it gets it? Then a language model may be asked too. */
bool director_is_hungry(const struct director_choice *c);
void director_remember(const struct story *story, const struct director_candidate *event, int64_t now_ms,
                       struct director_state *state);
/* One step of the phases: the tension after a message, or after mere time. */
void director_step(struct director_state *s, double tension, int64_t turn, int64_t at_ms, bool is_message);
double director_target(const struct story *story, int64_t turn);

/* The event's text from its type's template. */
void director_text(const struct story *story, const struct director_choice *c, enum text_language language,
                   struct buf *out);
/* Why this, or why nothing: phase, target, causes, all candidates with their scores. New reference. */
json_t *director_reasons(const struct story *story, const struct director_choice *c);
json_t *director_state_to_json(const struct director_state *s);
void director_state_from_json(const json_t *object, struct director_state *ret);
