#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_free(struct buf *b) {
  free(b->ptr);
  *b = buf_new(b->max);
}

static bool grow(struct buf *b, size_t need) {
  size_t capacity = b->capacity ? b->capacity : 64;
  while (capacity < need) capacity *= 2;
  char *ptr = realloc(b->ptr, capacity);
  if (!ptr) {
    b->error = ERR_NO_MEMORY;
    return false;
  }
  b->ptr = ptr;
  b->capacity = capacity;
  return true;
}

char *buf_reserve(struct buf *b, size_t n) {
  if (b->error != ERR_OK) return NULL;
  if (n > b->max || b->len > b->max - n) {
    b->error = ERR_LIMIT;
    return NULL;
  }
  size_t need = b->len + n + 1; /* one more, so that buf_text never fails for space */
  if (need > b->capacity && !grow(b, need)) return NULL;
  return b->ptr + b->len;
}

void buf_add(struct buf *b, const void *bytes, size_t n) {
  char *to = buf_reserve(b, n);
  if (!to || n == 0) return;
  memcpy(to, bytes, n);
  b->len += n;
}

void buf_add_char(struct buf *b, char c) { buf_add(b, &c, 1); }

void buf_add_int(struct buf *b, int64_t value) {
  char digits[24];
  int n = snprintf(digits, sizeof digits, "%lld", (long long)value);
  buf_add(b, digits, (size_t)n);
}

void buf_addf(struct buf *b, const char *format, ...) {
  char small[512];
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(small, sizeof small, format, args);
  va_end(args);
  ASSERT(n >= 0);
  if ((size_t)n < sizeof small) {
    buf_add(b, small, (size_t)n);
  } else {
    char *to = buf_reserve(b, (size_t)n);
    if (to) {
      (void)vsnprintf(to, (size_t)n + 1, format, again);
      b->len += (size_t)n;
    }
  }
  va_end(again);
}

void buf_drop_front(struct buf *b, size_t n) {
  ASSERT(n <= b->len);
  if (n > 0 && n < b->len) memmove(b->ptr, b->ptr + n, b->len - n);
  b->len -= n;
}

const char *buf_text(struct buf *b) {
  char *end = buf_reserve(b, 0);
  if (!end) return NULL;
  *end = '\0';
  return b->ptr;
}
