#include "base/heap.h"

#include <stdlib.h>

static int before(const struct heap_node *a, const struct heap_node *b) {
  return a->key != b->key ? a->key < b->key : a->tie < b->tie;
}

static void put(struct heap *h, size_t place, struct heap_node *node) {
  h->nodes[place - 1] = node;
  node->place = place;
}

static void sift_up(struct heap *h, struct heap_node *node) {
  size_t place = node->place;
  while (place > 1 && before(node, h->nodes[place / 2 - 1])) {
    put(h, place, h->nodes[place / 2 - 1]);
    place /= 2;
  }
  put(h, place, node);
}

static void sift_down(struct heap *h, struct heap_node *node) {
  size_t place = node->place;
  for (size_t child; (child = place * 2) <= h->count; place = child) {
    if (child < h->count && before(h->nodes[child], h->nodes[child - 1])) child++;
    if (!before(h->nodes[child - 1], node)) break;
    put(h, place, h->nodes[child - 1]);
  }
  put(h, place, node);
}

void heap_free(struct heap *h) {
  free(h->nodes);
  *h = (struct heap){};
}

enum err heap_reserve(struct heap *h, size_t extra) {
  if (h->count + extra <= h->capacity) return ERR_OK;
  size_t capacity = h->capacity ? h->capacity * 2 : 16;
  while (capacity < h->count + extra) capacity *= 2;
  struct heap_node **nodes = realloc(h->nodes, capacity * sizeof *nodes);
  if (!nodes) return ERR_NO_MEMORY;
  h->nodes = nodes;
  h->capacity = capacity;
  return ERR_OK;
}

enum err heap_add(struct heap *h, struct heap_node *node) {
  ASSERT(node->place == 0);
  TRY(heap_reserve(h, 1));
  put(h, ++h->count, node);
  sift_up(h, node);
  return ERR_OK;
}

void heap_remove(struct heap *h, struct heap_node *node) {
  if (node->place == 0) return;
  ASSERT(h->nodes[node->place - 1] == node);
  struct heap_node *last = h->nodes[--h->count];
  if (last != node) {
    put(h, node->place, last);
    sift_up(h, last);
    sift_down(h, last);
  }
  node->place = 0;
}

void heap_rekey(struct heap *h, struct heap_node *node, int64_t key) {
  ASSERT(node->place != 0);
  node->key = key;
  sift_up(h, node);
  sift_down(h, node);
}
