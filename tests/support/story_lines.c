#include "tests/support/story_lines.h"

#include <stdio.h>

#include "base/map.h"

uint64_t lines_random(struct lines *l, uint64_t below) {
  l->chance += 0x9E3779B97F4A7C15U;
  return hash_int(l->chance) % below;
}

static void spell(int word, char *to,
                  size_t size) { /* different words differ in their first three syllables */
  static const char consonants[] = "bdfgklmnprtvz", vowels[] = "aeiou";
  size_t n = 0;
  for (int i = 0; i < 4 && n + 3 < size; i++) {
    to[n++] = consonants[word % 13], word /= 13;
    to[n++] = vowels[word % 5], word /= 5;
    word += i == 2 ? 7 : 0;
  }
  to[n++] = 'k', to[n] = '\0'; /* no ending that a stemmer would cut */
}

static void write_line(struct lines *l, size_t at, struct text_kit *kit) {
  char *text = l->texts[at];
  size_t n = 0;
  for (int w = 0; w < LINES_WORDS; w++) {
    char word[16];
    spell(l->words[at][w], word, sizeof word);
    n += (size_t)snprintf(text + n, sizeof l->texts[at] - n, "%s%s", w ? " " : "", word);
  }
  narrative_read_text(kit, TEXT_EN, (struct str){text, n}, &l->turns[at].reading);
}

/* Every message of a loop is a changed copy of the loop's own line, so that two copies differ twice. */
static void draw_line(struct lines *l, size_t at, struct lines_plan plan, const int *habit) {
  for (int w = 0; w < LINES_WORDS; w++) {
    bool is_new = !habit || lines_random(l, 100) < (uint64_t)plan.noise_percent;
    l->words[at][w] = is_new ? (int)lines_random(l, (uint64_t)plan.vocabulary) : habit[w];
  }
}

static void stamp(struct lines *l, size_t at, int64_t turn) {
  struct narrative_turn *t = &l->turns[at];
  t->turn = turn, t->at_ms = turn * 60000;
  t->speaker = turn % 2 ? STR("Ana") : STR("Luis");
  t->place = STR("plaza");
}

void lines_make(struct lines *l, uint64_t seed, struct lines_plan plan, struct text_kit *kit) {
  *l = (struct lines){.chance = hash_int(seed), .count = NARRATIVE_WINDOW};
  for (int i = 0; i < plan.period; i++)
    for (int w = 0; w < LINES_WORDS; w++) l->habits[i][w] = (int)lines_random(l, (uint64_t)plan.vocabulary);
  for (size_t i = 0; i < NARRATIVE_WINDOW; i++) {
    bool is_loop = (int)i >= plan.loop_from && plan.period > 0;
    draw_line(l, i, plan, is_loop ? l->habits[((int)i - plan.loop_from) % plan.period] : NULL);
    stamp(l, i, (int64_t)i + 1);
    write_line(l, i, kit);
  }
}

void lines_push(struct lines *l, struct lines_plan plan, const int *habit, struct text_kit *kit) {
  size_t last = NARRATIVE_WINDOW - 1;
  int64_t turn = l->turns[last].turn + 1;
  memmove(l->words, l->words + 1, last * sizeof *l->words);
  memmove(l->turns, l->turns + 1, last * sizeof *l->turns);
  draw_line(l, last, plan, habit);
  stamp(l, last, turn);
  write_line(l, last, kit);
}
