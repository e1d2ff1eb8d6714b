#include "base/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_BYTES 4096

struct arena_block {
  struct arena_block *next;
  size_t used;
  size_t size;
  max_align_t bytes[];
};

void arena_free(struct arena *a) {
  for (struct arena_block *b = a->block, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  *a = arena_new(a->max_bytes);
}

static struct arena_block *add_block(struct arena *a, size_t n) {
  size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
  struct arena_block *b = calloc(1, sizeof *b + size);
  if (!b) return NULL;
  b->size = size;
  b->next = a->block;
  a->block = b;
  return b;
}

void *arena_alloc(struct arena *a, size_t n) {
  const size_t align = _Alignof(max_align_t);
  if (n > a->max_bytes || a->used_bytes > a->max_bytes - n) {
    a->error = ERR_LIMIT;
    return NULL;
  }
  size_t rounded = (n + align - 1) / align * align;
  struct arena_block *b = a->block;
  if (!b || b->size - b->used < rounded) b = add_block(a, rounded);
  if (!b) {
    a->error = ERR_NO_MEMORY;
    return NULL;
  }
  void *p = (char *)b->bytes + b->used;
  b->used += rounded;
  a->used_bytes += rounded;
  return p;
}

char *arena_strdup(struct arena *a, struct str s) {
  char *copy = arena_alloc(a, s.len + 1);
  if (copy && s.len > 0) memcpy(copy, s.ptr, s.len);
  return copy;
}

char *arena_printf(struct arena *a, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  ASSERT(n >= 0);
  char *text = arena_alloc(a, (size_t)n + 1);
  if (text) (void)vsnprintf(text, (size_t)n + 1, format, again);
  va_end(again);
  return text;
}
