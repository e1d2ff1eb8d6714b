/* Which sentences stand for a scene: LexRank (Erkan & Radev 2004; binary edges at a cosine of 0.1, damping 0.85), then
 * maximal marginal relevance (Carbonell & Goldstein 1998; λ 0.7) against saying a thing twice. Few sentences: SumBasic
 * (Nenkova & Vanderwende 2005). Ties go to the earlier one, so that the result is one. */
#include <math.h>
#include <stdlib.h>

#include "worlds/memory_parts.h"

#define DAMPING 0.85
#define EPSILON 1e-6
#define ROUNDS_MAX 100
#define LAMBDA 0.7
#define SHORT_LINE 40 /* bytes; a line is not cut below */

struct graph {
  struct memory_node *nodes[MEMORY_RANK_MAX];
  size_t count;
  uint8_t edge[MEMORY_RANK_MAX][MEMORY_RANK_MAX];
  size_t degree[MEMORY_RANK_MAX];
};

static int by_importance(const void *a, const void *b) {
  const struct memory_node *x = *(struct memory_node *const *)a, *y = *(struct memory_node *const *)b;
  if (x->importance > y->importance) return -1;
  if (x->importance < y->importance) return 1;
  return (x > y) - (x < y);
}

/* The nodes of a scene; of a very long one the most important. */
static enum err take_nodes(struct memory_work *w, const struct memory_scene *s, struct graph *g) {
  struct memory_node **all = ARENA_ARRAY(w->in->arena, struct memory_node *, s->count);
  if (!all) return ERR_NO_MEMORY;
  for (size_t i = 0; i < s->count; i++) all[i] = &w->nodes[s->first + i];
  if (s->count > MEMORY_RANK_MAX) qsort(all, s->count, sizeof *all, by_importance);
  g->count = s->count < MEMORY_RANK_MAX ? s->count : MEMORY_RANK_MAX;
  memcpy(g->nodes, all, g->count * sizeof *all);
  return ERR_OK;
}

static void connect_nodes(struct graph *g) {
  for (size_t i = 0; i < g->count; i++) g->degree[i] = 1; /* itself */
  for (size_t i = 0; i < g->count; i++)
    for (size_t j = i + 1; j < g->count; j++) {
      bool is_edge = memory_cosine(g->nodes[i], g->nodes[j]) >= MEMORY_EDGE;
      g->edge[i][j] = g->edge[j][i] = is_edge;
      g->degree[i] += is_edge;
      g->degree[j] += is_edge;
    }
}

static void spread(const struct graph *g, const double *from, double *to) {
  double base = (1 - DAMPING) / (double)g->count;
  for (size_t i = 0; i < g->count; i++) {
    double sum = from[i] / (double)g->degree[i];
    for (size_t j = 0; j < g->count; j++)
      if (i != j && g->edge[i][j]) sum += from[j] / (double)g->degree[j];
    to[i] = base + DAMPING * sum;
  }
}

static void lexrank(struct graph *g) {
  double p[MEMORY_RANK_MAX], q[MEMORY_RANK_MAX], change = 1, most = 0;
  for (size_t i = 0; i < g->count; i++) p[i] = 1 / (double)g->count;
  for (int round = 0; round < ROUNDS_MAX && change > EPSILON; round++) {
    spread(g, p, q);
    change = 0;
    for (size_t i = 0; i < g->count; i++) change += fabs(q[i] - p[i]);
    memcpy(p, q, sizeof p);
  }
  for (size_t i = 0; i < g->count; i++) most = fmax(most, p[i]);
  for (size_t i = 0; i < g->count; i++) g->nodes[i]->rank = most > 0 ? p[i] / most : 0;
}

enum err memory_rank(struct memory_work *w) {
  struct graph *g = ARENA_NEW(w->in->arena, struct graph);
  if (!g) return ERR_NO_MEMORY;
  for (size_t s = 0; s < w->scene_count; s++) {
    const struct memory_scene *scene = &w->scenes[s];
    memset(g, 0, sizeof *g);
    TRY(take_nodes(w, scene, g));
    connect_nodes(g);
    lexrank(g);
    for (size_t i = 0; i < scene->count; i++) {
      struct memory_node *n = &w->nodes[scene->first + i];
      n->score = 0.55 * n->rank + 0.35 * n->importance / 10 + (i == 0 || i + 1 == scene->count ? 0.10 : 0);
    }
  }
  return ERR_OK;
}

/* ---- choosing ---- */

/* "Name: text\n" */
static size_t line_bytes(const struct memory_work *w, const struct memory_node *n, size_t text_max) {
  size_t speaker = memory_speaker(&w->in->items[n->item]).len;
  size_t text = n->text.len <= text_max ? n->text.len : text_max + 3; /* … */
  return text + (speaker ? speaker + 2 : 0) + 1;
}

struct choice {
  struct memory_work *w;
  double *likest; /* per node: greatest cosine with what is chosen */
  size_t bytes, words;
};

static void take(struct choice *c, struct memory_node *n, size_t text_max) {
  n->is_chosen = true;
  n->text_max = text_max;
  c->bytes += line_bytes(c->w, n, text_max);
  c->words += n->word_count;
  for (size_t i = 0; i < c->w->count; i++)
    c->likest[i] = fmax(c->likest[i], memory_cosine(n, &c->w->nodes[i]));
}

static bool fits(const struct choice *c, const struct memory_node *n) {
  return c->bytes + line_bytes(c->w, n, MEMORY_NODE_CHARS) <= MEMORY_SUMMARY_BYTES_MAX &&
         c->words + n->word_count <= MEMORY_WORDS_MAX;
}

/* The best that is not chosen yet within [first, first + count); NULL when none may be. */
static struct memory_node *best(const struct choice *c, size_t first, size_t count, bool must_fit,
                                double least) {
  struct memory_node *best_node = NULL;
  double most = -(double)INFINITY;
  for (size_t i = first; i < first + count; i++) {
    struct memory_node *n = &c->w->nodes[i];
    if (n->is_chosen || n->importance < least || (must_fit && !fits(c, n))) continue;
    if (c->likest[i] >= MEMORY_REDUNDANT) continue;
    double value = LAMBDA * n->score - (1 - LAMBDA) * c->likest[i];
    if (value > most) most = value, best_node = n;
  }
  return best_node;
}

/* One of every scene, cut to its share of the room. */
static void choose_one_each(struct choice *c, size_t share) {
  for (size_t s = 0; s < c->w->scene_count; s++) {
    const struct memory_scene *scene = &c->w->scenes[s];
    struct memory_node *n = best(c, scene->first, scene->count, false, 0);
    if (!n) n = &c->w->nodes[scene->first]; /* everything was said already; a scene still has its line */
    size_t beside = memory_speaker(&c->w->in->items[n->item]).len + 6; /* ": ", "…", "\n" */
    if (!n->is_chosen) take(c, n, share > beside + SHORT_LINE ? share - beside : SHORT_LINE);
  }
}

enum err memory_choose(struct memory_work *w) {
  struct choice c = {.w = w, .likest = ARENA_ARRAY(w->in->arena, double, w->count)};
  if (!c.likest) return ERR_NO_MEMORY;
  choose_one_each(&c, MEMORY_SUMMARY_BYTES_MAX / w->scene_count);
  static const double least[] = {MEMORY_KEY_IMPORTANCE, 0}; /* key moments before the rest */
  for (size_t i = 0; i < 2; i++)
    for (struct memory_node *n; (n = best(&c, 0, w->count, true, least[i]));) take(&c, n, MEMORY_NODE_CHARS);
  return ERR_OK;
}

/* ---- SumBasic ---- */

struct word_share {
  uint64_t term;
  double share;
};

static double mean_share(const struct memory_node *n, const struct word_share *words, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < n->term_count; i++)
    for (size_t j = 0; j < count; j++)
      if (words[j].term == n->terms[i].term) sum += words[j].share;
  return n->term_count ? sum / (double)n->term_count : 0;
}

static void square_shares(const struct memory_node *n, struct word_share *words, size_t count) {
  for (size_t i = 0; i < n->term_count; i++)
    for (size_t j = 0; j < count; j++)
      if (words[j].term == n->terms[i].term) words[j].share *= words[j].share;
}

enum err memory_choose_few(struct memory_work *w) {
  size_t room = 0, count = 0, bytes = 0;
  for (size_t i = 0; i < w->count; i++) room += w->nodes[i].term_count;
  struct word_share *words = ARENA_ARRAY(w->in->arena, struct word_share, room + 1);
  if (!words) return ERR_NO_MEMORY;
  for (size_t i = 0; i < w->count; i++)
    for (size_t t = 0; t < w->nodes[i].term_count; t++) {
      size_t j = 0;
      while (j < count && words[j].term != w->nodes[i].terms[t].term) j++;
      if (j == count) words[count++].term = w->nodes[i].terms[t].term;
      words[j].share += 1 / (double)room;
    }
  for (;;) {
    struct memory_node *most = NULL;
    double value = -1;
    for (size_t i = 0; i < w->count; i++) {
      struct memory_node *n = &w->nodes[i];
      double mean = mean_share(n, words, count);
      if (n->is_chosen || bytes + line_bytes(w, n, MEMORY_NODE_CHARS) > MEMORY_SUMMARY_BYTES_MAX) continue;
      if (mean > value) value = mean, most = n;
    }
    if (!most) return ERR_OK;
    most->is_chosen = true;
    most->text_max = MEMORY_NODE_CHARS;
    bytes += line_bytes(w, most, MEMORY_NODE_CHARS);
    square_shares(most, words, count);
  }
}
