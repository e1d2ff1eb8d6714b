/* Binary min-heap of intrusive nodes ordered by (key, tie). Each node knows its place, so removing
 * and rekeying any node is O(log n). The heap owns only its array of pointers. */
#pragma once
#include <stdint.h>

#include "base/err.h"

struct heap_node {
  int64_t key;
  int64_t tie;  /* orders equal keys, so that the order never depends on insertion */
  size_t place; /* 1-based; 0 = in no heap */
};

struct heap {
  struct heap_node **nodes;
  size_t count;
  size_t capacity;
};

void heap_free(struct heap *h);
/* Room for so many more nodes, so that adding them cannot fail. */
enum err heap_reserve(struct heap *h, size_t extra);
/* On ERR_NO_MEMORY nothing has changed. */
enum err heap_add(struct heap *h, struct heap_node *node);
void heap_remove(struct heap *h, struct heap_node *node); /* of a node in no heap: nothing */
void heap_rekey(struct heap *h, struct heap_node *node, int64_t key);
static inline struct heap_node *heap_top(const struct heap *h) { return h->count ? h->nodes[0] : NULL; }
static inline int heap_is_linked(const struct heap_node *node) { return node->place != 0; }
