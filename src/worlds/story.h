/* What a world's story says of its cast ("World"."story", docs/story.md): read from JSON into plain arrays with named
 * limits. What is beyond a limit or of the wrong type is left out, never an error: a story is an application's, and a
 * director with fewer characters is better than none. Pure. */
#pragma once
#include <jansson.h>

#include "base/str.h"

#define STORY_CHARACTERS_MAX 32
#define STORY_RELATIONS_MAX 64
#define STORY_PLACES_MAX 32
#define STORY_LINKS_MAX 8 /* ways out of one place */
#define STORY_SECRETS_MAX 32
#define STORY_GOALS_MAX 32
#define STORY_TRAITS_MAX 8
#define STORY_TEXT_MAX 300 /* bytes of a secret or goal as it stands in an event's text */

struct story_character {
  struct str name, place; /* STR_NONE: nowhere in particular */
  struct str traits[STORY_TRAITS_MAX];
  size_t trait_count;
  bool is_main, is_free, is_user;
};
struct story_relation { /* characters by their place in the list; a < b */
  size_t a, b;
  double value; /* 0 strangers … 1 inseparable; negative ones (enemies) count by their size */
};
struct story_place {
  struct str name;
  struct str links[STORY_LINKS_MAX];
  size_t link_count;
};
struct story_thread { /* a secret or a goal */
  size_t character;   /* STORY_NOBODY: of no character in the list */
  struct str text;
  bool is_open; /* a secret nobody used yet; a goal not reached yet */
};
#define STORY_NOBODY SIZE_MAX

enum story_arc { ARC_NONE, ARC_SETUP, ARC_RISING, ARC_CLIMAX, ARC_RESOLUTION };
enum story_teller { TELLER_CLASSIC, TELLER_CALM, TELLER_RANDOM };
extern const char *const story_arc_names[];    /* "none", "setup", … */
extern const char *const story_teller_names[]; /* "classic", "calm", "random" */

struct story {
  struct story_character characters[STORY_CHARACTERS_MAX];
  size_t character_count;
  struct story_relation relations[STORY_RELATIONS_MAX];
  size_t relation_count;
  struct story_place places[STORY_PLACES_MAX];
  size_t place_count;
  struct story_thread secrets[STORY_SECRETS_MAX];
  size_t secret_count;
  struct story_thread goals[STORY_GOALS_MAX];
  size_t goal_count;
  enum story_arc arc;
  double arc_progress; /* 0 … 1 within the arc's phase */
  enum story_teller teller;
};

/* object may be NULL: an empty story. Texts are borrowed from it. */
void story_read(const json_t *object, struct story *ret);
size_t story_character_find(const struct story *s, struct str name); /* STORY_NOBODY */
/* Can one come from a to b in one step? Also when either is unknown or the story names no places. */
bool story_places_meet(const struct story *s, struct str a, struct str b);
/* A trait both have, or STR_NONE. */
struct str story_shared_trait(const struct story *s, size_t a, size_t b);
/* The same for the same name however it is written in upper and lower case (ASCII) and spaced around; never 0. */
uint64_t story_key(struct str name);
