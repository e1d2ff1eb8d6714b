/* Conversations made by chance, for the narrative metrics: varied, on one topic, looped, looped with noise. Words are
 * made of syllables, so that no lexicon knows them and only repetition is measured. */
#pragma once
#include "worlds/narrative.h"

#define LINES_WORDS 10 /* content words of a message */
#define LINES_HABITS 8

struct lines {
  uint64_t chance;
  int habits[LINES_HABITS][LINES_WORDS]; /* the lines of the loop */
  int words[NARRATIVE_WINDOW][LINES_WORDS];
  char texts[NARRATIVE_WINDOW][LINES_WORDS * 16];
  struct narrative_turn turns[NARRATIVE_WINDOW];
  size_t count;
};

uint64_t lines_random(struct lines *l, uint64_t below);
/* A window of 20 turns, one a minute, two speakers "Ana" and "Luis" in turn. Messages before `loop_from` are drawn from
 * a vocabulary of so many words; from there on they follow a loop of `period` lines, every word changed with a chance
 * of noise per cent. */
struct lines_plan {
  int vocabulary, loop_from, period, noise_percent;
};
void lines_make(struct lines *l, uint64_t seed, struct lines_plan plan, struct text_kit *kit);
/* Adds a message, a changed copy of habit (LINES_WORDS words; NULL: a new one), and drops the oldest. */
void lines_push(struct lines *l, struct lines_plan plan, const int *habit, struct text_kit *kit);
