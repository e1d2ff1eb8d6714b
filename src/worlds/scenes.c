/* Scenes: cut at gaps of time, at a change of place, and where the words change (TextTiling: Hearst 1997, here over
 * nodes instead of word windows). From the strongest cut to the weakest, as long as no piece gets too small. */
#include <math.h>

#include "worlds/memory_parts.h"

#define GAP_MS (30 * 60 * 1000)
#define SCENE_NODES_MIN 20
#define SCENE_NODES_MAX 150
#define BLOCK 8 /* nodes compared on each side of a gap */
#define STRENGTH_TIME 4.0
#define STRENGTH_PLACE 3.0 /* both above any depth, which is at most 2 */

/* Mean similarity of the nodes before gap g (between g − 1 and g) and after it. */
static double likeness(const struct memory_work *w, size_t g) {
  size_t from = g > BLOCK ? g - BLOCK : 0, to = g + BLOCK < w->count ? g + BLOCK : w->count;
  double sum = 0;
  for (size_t i = from; i < g; i++)
    for (size_t j = g; j < to; j++) sum += memory_cosine(&w->nodes[i], &w->nodes[j]);
  return sum / (double)((g - from) * (to - g));
}

/* How far likeness falls from the hills on both sides. */
static double depth(const double *like, size_t count, size_t g) {
  double left = like[g], right = like[g];
  for (size_t i = g; i > 1 && like[i - 1] >= left; i--) left = like[i - 1];
  for (size_t i = g; i + 1 < count && like[i + 1] >= right; i++) right = like[i + 1];
  return left - like[g] + (right - like[g]);
}

static void mark_words(const struct memory_work *w, double *like, double *strength) {
  double sum = 0, squares = 0;
  size_t n = w->count - 1;
  for (size_t g = 1; g < w->count; g++) like[g] = likeness(w, g);
  for (size_t g = 1; g < w->count; g++) {
    strength[g] = depth(like, w->count, g);
    sum += strength[g];
    squares += strength[g] * strength[g];
  }
  double mean = sum / (double)n;
  double least = mean - sqrt(fmax(0, squares / (double)n - mean * mean)) / 2;
  for (size_t g = 1; g < w->count; g++)
    if (strength[g] <= least) strength[g] = 0;
}

static void mark_breaks(const struct memory_work *w, double *strength) {
  for (size_t g = 1; g < w->count; g++) {
    const struct memory_item *a = &w->in->items[w->nodes[g - 1].item], *b = &w->in->items[w->nodes[g].item];
    if (b->place.len && !str_eq(a->place, b->place)) strength[g] = STRENGTH_PLACE;
    if (b->at_ms - a->at_ms > GAP_MS) strength[g] = STRENGTH_TIME;
  }
}

/* The gap of a scene at which to cut it, 0 = none. A scene that is too long is cut anywhere, the nearer to its middle
 * the better. */
static size_t best_cut(const struct memory_scene *s, const double *strength, size_t longest) {
  size_t best = 0;
  double most = 0;
  bool is_long = s->count > longest;
  for (size_t g = s->first + SCENE_NODES_MIN; g + SCENE_NODES_MIN <= s->first + s->count; g++) {
    double middle = 1 - fabs((double)(2 * (g - s->first)) / (double)s->count - 1);
    double value = strength[g] + (is_long ? 0.001 + 0.1 * middle : 0);
    if (value > most) most = value, best = g;
  }
  return best;
}

static void cut(struct memory_work *w, size_t scene, size_t g) {
  memmove(&w->scenes[scene + 2], &w->scenes[scene + 1], (w->scene_count - scene - 1) * sizeof *w->scenes);
  struct memory_scene *s = &w->scenes[scene];
  s[1] = (struct memory_scene){g, s->first + s->count - g};
  s->count = g - s->first;
  w->scene_count++;
}

/* Too long ones first, then by strength. */
static bool cut_once(struct memory_work *w, const double *strength, size_t longest) {
  size_t scene = 0, at = 0;
  double most = 0;
  for (size_t i = 0; i < w->scene_count; i++) {
    size_t g = best_cut(&w->scenes[i], strength, longest);
    double value = g ? strength[g] + (w->scenes[i].count > longest ? 10 : 0) : 0;
    if (value > most) most = value, scene = i, at = g;
  }
  if (at) cut(w, scene, at);
  return at != 0;
}

enum err memory_cut_scenes(struct memory_work *w) {
  double *like = ARENA_ARRAY(w->in->arena, double, w->count + 1);
  double *strength = ARENA_ARRAY(w->in->arena, double, w->count + 1);
  w->scenes = ARENA_ARRAY(w->in->arena, struct memory_scene, MEMORY_SCENES_MAX + 1);
  if (!like || !strength || !w->scenes) return ERR_NO_MEMORY;
  w->scenes[0] = (struct memory_scene){0, w->count};
  w->scene_count = 1;
  if (w->count > 1) {
    mark_words(w, like, strength);
    mark_breaks(w, strength);
  }
  size_t fair = (w->count + MEMORY_SCENES_MAX - 1) / MEMORY_SCENES_MAX;
  size_t longest = fair > SCENE_NODES_MAX ? fair : SCENE_NODES_MAX;
  while (w->scene_count < MEMORY_SCENES_MAX && cut_once(w, strength, longest)) continue;
  for (size_t i = 0; i < w->scene_count; i++)
    for (size_t n = 0; n < w->scenes[i].count; n++) w->nodes[w->scenes[i].first + n].scene = i;
  return ERR_OK;
}
