/* Intrusive doubly linked list. A zeroed node is in no list; a head points to itself when empty. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct list {
  struct list *prev, *next;
};

#define CONTAINER_OF(ptr, type, member) ((type *)(void *)(((char *)(ptr)) - offsetof(type, member)))

static inline void list_init(struct list *head) { head->prev = head->next = head; }
static inline bool list_is_empty(const struct list *head) { return head->next == head; }
static inline bool list_is_linked(const struct list *node) { return node->next != NULL; }
static inline void list_insert_before(struct list *at, struct list *node) {
  node->prev = at->prev;
  node->next = at;
  at->prev->next = node;
  at->prev = node;
}
static inline void list_push_back(struct list *head, struct list *node) { list_insert_before(head, node); }
static inline void list_push_front(struct list *head, struct list *node) {
  list_insert_before(head->next, node);
}
static inline void list_remove(struct list *node) { /* of a node in no list: nothing */
  if (!node->next) return;
  node->prev->next = node->next;
  node->next->prev = node->prev;
  node->prev = node->next = NULL;
}
/* The node may be removed while looping. */
#define LIST_EACH(head, node)                                                        \
  for (struct list *node = (head)->next, *node##_next_ = node->next; node != (head); \
       node = node##_next_, node##_next_ = node->next)
