/* What a world remembers of interactions that leave the hot table: a summary made of their own words (requirements
 * 8.1). Pure, deterministic, bounded; no clock, no I/O.
 *
 *   interactions → nodes (sentences of long ones) → importance 1–10 → scenes → LexRank in each → MMR → lines in time
 *   order, "Name: …" kept; beside them the key moments verbatim, the names and who had to do with whom.
 *
 * Eight summaries of a level become one of the next by the same steps, so that they grow with the logarithm of a
 * world's age. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "worlds/text.h"

#define MEMORY_SEGMENT_MAX 1000 /* interactions summarised at once */
#define MEMORY_NODES_MAX 4000   /* a segment's; each interaction has an equal share, its first sentences */
#define MEMORY_NODE_CHARS 400   /* bytes; longer interactions are taken by sentences */
#define MEMORY_SUMMARY_BYTES_MAX 2400
#define MEMORY_SUMMARY_BYTES_MIN 200 /* of a language model's */
#define MEMORY_WORDS_MAX 300
#define MEMORY_MERGE 8
#define MEMORY_SCENES_MAX 12
#define MEMORY_KEY_MOMENTS_MAX 10
#define MEMORY_KEY_IMPORTANCE 8.0 /* at least: a key moment */
#define MEMORY_NAMES_MAX 20       /* entities and relations kept of a summary */
#define MEMORY_REFLECT_AT 150.0   /* sum of importance since the last reflection */

struct memory_item { /* one interaction; texts borrowed */
  int64_t turn, at_ms;
  struct str speaker, place, text, data; /* STR_NONE: null */
  bool is_user;
};

struct memory_scene { /* of items */
  size_t first, count;
};

struct memory_summary { /* texts in the arena */
  int64_t from_turn, to_turn, count;
  int64_t level;
  const char *method; /* "extractive", "sumbasic" of less than 8 nodes, "merge"; "llm" */
  struct str text;
  struct str key_moments;      /* JSON: [{turn, at, speaker, text, importance}] by turn */
  struct str entities;         /* [{name, count, firstTurn}] the most first */
  struct str relations;        /* [{a, b, count, sentiment}] the most first */
  double importance;           /* sum over the nodes */
  struct memory_scene *scenes; /* for a language model; NULL of merged ones */
  size_t scene_count;
};

struct memory_input {
  struct text_kit *kit;
  enum text_language language;
  const struct memory_item *items; /* by turn */
  size_t count;                    /* 1 … MEMORY_SEGMENT_MAX */
  struct arena *arena;             /* 64 MB suffice */
};
enum err memory_summarise(const struct memory_input *in, struct memory_summary *ret);
/* Of 2 … MEMORY_MERGE summaries of one level, by turn. */
enum err memory_merge(struct text_kit *kit, enum text_language language, const struct memory_summary *from,
                      size_t count, struct arena *arena, struct memory_summary *ret);
/* What lies above the summaries: who the story is about, who is bound to whom and how, what was decisive. One row a
 * world, made anew when MEMORY_REFLECT_AT is reached; text only. */
enum err memory_reflect(enum text_language language, const struct memory_summary *from, size_t count,
                        struct arena *arena, struct str *ret_text);

/* May a language model's text stand for these items? 200–2,400 bytes of UTF-8, in the language, and every capitalised
 * name is a speaker's or stands in the source. False with the reason (a fixed text). */
bool memory_accepts(const struct memory_input *in, struct str text, const char **ret_why);

/* For the context of a dialogue: the importance of a text that stands alone, and BM25 of documents for a query. */
double memory_importance(struct text_kit *kit, enum text_language language, const struct memory_item *item);
/* ret[count]; k1 = 1.2, b = 0.75. */
enum err memory_bm25(struct text_kit *kit, enum text_language language, struct str query,
                     const struct str *documents, size_t count, struct arena *arena, double *ret);
