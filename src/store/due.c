#include "store/due.h"

#include <stdlib.h>

#include "base/instant.h"
#include "base/list.h"
#include "model/field.h"

void due_init(struct due *d) {
  *d = (struct due){};
  d->dirty_end = &d->dirty;
}

void due_free(struct due *d) {
  struct map_entry e;
  for (size_t i = 0; map_next(&d->nodes, &i, &e);) free(e.value);
  map_free(&d->nodes);
  heap_free(&d->heap);
  free(d->undo);
  due_init(d);
}

struct due_node *due_get(const struct due *d, int64_t job_no) {
  return map_get(&d->nodes, (uint64_t)job_no);
}

static enum err note_undo(struct due *d, int64_t job_no) {
  if (d->undo_count == d->undo_capacity) {
    size_t capacity = d->undo_capacity ? d->undo_capacity * 2 : 256;
    struct due_undo *bigger = realloc(d->undo, capacity * sizeof *bigger);
    if (!bigger) return ERR_NO_MEMORY;
    d->undo = bigger;
    d->undo_capacity = capacity;
  }
  struct due_node *n = due_get(d, job_no);
  d->undo[d->undo_count++] = (struct due_undo){job_no, n ? n->heap.key : 0, n != NULL};
  return ERR_OK;
}

static enum err add(struct due *d, int64_t job_no, int64_t key) {
  struct due_node *n = calloc(1, sizeof *n);
  if (!n) return ERR_NO_MEMORY;
  *n = (struct due_node){.heap = {.key = key, .tie = job_no}, .last_run_ms = FIELD_NULL};
  if (heap_add(&d->heap, &n->heap) != ERR_OK || map_put(&d->nodes, (uint64_t)job_no, n) != ERR_OK) {
    heap_remove(&d->heap, &n->heap);
    free(n);
    return ERR_NO_MEMORY;
  }
  return ERR_OK;
}

static void unlink_dirty(struct due *d, struct due_node *n) {
  for (struct due_node **p = &d->dirty; *p; p = &(*p)->next_dirty) {
    if (*p != n) continue;
    *p = n->next_dirty;
    if (d->dirty_end == &n->next_dirty) d->dirty_end = p;
    d->dirty_count--;
    return;
  }
}

static void drop(struct due *d, int64_t job_no) {
  struct due_node *n = map_remove(&d->nodes, (uint64_t)job_no);
  if (!n) return;
  heap_remove(&d->heap, &n->heap);
  if (n->is_dirty) unlink_dirty(d, n);
  free(n);
}

enum err due_put(struct due *d, int64_t job_no, int64_t not_before_ms) {
  struct due_node *n = due_get(d, job_no);
  if (n && n->heap.key == not_before_ms) return ERR_OK;
  TRY(note_undo(d, job_no));
  if (n) {
    heap_rekey(&d->heap, &n->heap, not_before_ms);
    return ERR_OK;
  }
  enum err e = add(d, job_no, not_before_ms);
  if (e != ERR_OK) d->undo_count--;
  return e;
}

enum err due_drop(struct due *d, int64_t job_no) {
  if (!due_get(d, job_no)) return ERR_OK;
  TRY(note_undo(d, job_no));
  drop(d, job_no);
  return ERR_OK;
}

static struct due_node *top(const struct due *d) {
  struct heap_node *n = heap_top(&d->heap);
  return n ? CONTAINER_OF(n, struct due_node, heap) : NULL;
}

int64_t due_next_ms(const struct due *d) {
  struct due_node *n = top(d);
  return n ? n->heap.key : INSTANT_NEVER;
}

int64_t due_next_job(const struct due *d) {
  struct due_node *n = top(d);
  return n ? n->heap.tie : 0;
}

void due_undo_to(struct due *d, size_t mark) {
  ASSERT(mark <= d->undo_count);
  while (d->undo_count > mark) {
    struct due_undo u = d->undo[--d->undo_count];
    struct due_node *n = due_get(d, u.job_no);
    if (!u.was_there) {
      drop(d, u.job_no);
    } else if (n) {
      heap_rekey(&d->heap, &n->heap, u.key);
    } else if (add(d, u.job_no, u.key) != ERR_OK) {
      assert_fail("no memory to take a deleted job back", __FILE__,
                  __LINE__); /* 40 bytes: going on would lose the job */
    }
  }
}

void due_forget(struct due *d) {
  free(d->undo);
  d->undo = NULL;
  d->undo_count = d->undo_capacity = 0;
}

void due_dirty(struct due *d, struct due_node *n) {
  if (n->is_dirty) return;
  n->is_dirty = true;
  n->next_dirty = NULL;
  *d->dirty_end = n;
  d->dirty_end = &n->next_dirty;
  d->dirty_count++;
}

struct due_node *due_take_dirty(struct due *d) {
  struct due_node *n = d->dirty;
  if (!n) return NULL;
  d->dirty = n->next_dirty;
  if (!d->dirty) d->dirty_end = &d->dirty;
  d->dirty_count--;
  n->is_dirty = false;
  return n;
}
