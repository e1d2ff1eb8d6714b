/* A language model's word on a story: how tense and stuck it finds it, and a wording of the event that was chosen. It
 * decides nothing: metrics and choice are made without it, so that they can be replayed. */
#pragma once
#include "warden/child.h"
#include "worlds/text.h"

#define ADVICE_TEXT_MAX 400   /* bytes of a wording */
#define ADVICE_FAILURES_MAX 2 /* worlds in a row; then no more is asked in this run */

struct story_question {
  struct str world_id;
  enum text_language language;
  const json_t *window; /* of events.page */
  struct str event;     /* as the template says it; STR_NONE: there is none */
};
struct story_advice {
  bool is_there; /* it gave a judgement */
  double tension, stagnation;
  char text[ADVICE_TEXT_MAX + 1]; /* "": the template stands */
  const char *why_not;            /* why its wording was refused, or NULL */
};
struct story_adviser {
  struct child *child;
  struct text_kit *kit;
  int64_t calls; /* attempts that the worlds' days paid for (events.budget) */
  int failures;
};
/* Never fails: without an answer that is worth it, ret says so. */
void story_advise(struct story_adviser *a, const struct story_question *q, struct story_advice *ret);
/* Is this a wording one can show: one line of 20 to 400 bytes, and no name that is not in `known`? NULL, or why not. */
const char *story_wording_refuse(struct text_kit *kit, enum text_language language, struct str text,
                                 struct str known);
