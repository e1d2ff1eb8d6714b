/* The inside of memory.h: nodes and the steps over them. Only for the files of the summary and their tests. */
#pragma once
#include "worlds/memory.h"

#define MEMORY_RANK_MAX 150 /* nodes of a scene that LexRank compares: 22,500 pairs */
#define MEMORY_EDGE 0.1
#define MEMORY_REDUNDANT 0.6

struct memory_node {
  size_t item;
  struct str text;
  struct text_weight *terms; /* tf·idf, sorted, of length 1; none for a text of stop words only */
  size_t term_count, word_count;
  double sentiment;
  unsigned classes;
  double importance, rank, score;
  size_t scene;
  bool is_chosen;
  size_t text_max; /* bytes of it that are shown */
};

struct memory_name {
  uint64_t key; /* surface hash */
  struct str name;
  int64_t count, first_turn;
  bool is_speaker;
};
struct memory_relation {
  size_t a, b; /* names, a < b */
  int64_t count;
  double sentiment;
};

struct memory_work {
  const struct memory_input *in;
  struct memory_node *nodes;
  size_t count;
  struct memory_name *names;
  size_t name_count;
  struct memory_relation *relations;
  size_t relation_count;
  struct memory_scene *scenes; /* of nodes */
  size_t scene_count;
};

/* memory_nodes.c: nodes with their terms, importance, names and relations. */
enum err memory_read(struct memory_work *w);
double memory_cosine(const struct memory_node *a, const struct memory_node *b);
struct memory_name *memory_name_find(const struct memory_work *w, uint64_t key); /* NULL: none */
/* scenes.c: fills w->scenes and node.scene: at most MEMORY_SCENES_MAX, of 20 nodes or more where there are so many. */
enum err memory_cut_scenes(struct memory_work *w);
/* lexrank.c: rank 0 … 1 within the scene, and the score. */
enum err memory_rank(struct memory_work *w);
/* By MMR, or SumBasic when there are fewer than 8 nodes: marks what is chosen; every scene has one. */
enum err memory_choose(struct memory_work *w);
enum err memory_choose_few(struct memory_work *w);
/* At most max bytes of s, ending where a word ends. */
struct str memory_cut(struct str s, size_t max);
struct str memory_speaker(const struct memory_item *item); /* for a line */
