/* A growing byte buffer with a mandatory maximum. Errors stick: once a write did not fit or memory
 * ran out, every later write is a no-op and buf_error tells, so a writer checks once at the end. */
#pragma once
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct buf {
  char *ptr;
  size_t len;
  size_t capacity;
  size_t max; /* bytes; writing past it sets ERR_LIMIT */
  enum err error;
};

static inline struct buf buf_new(size_t max) { return (struct buf){.max = max}; }
void buf_free(struct buf *b); /* frees the bytes; the buffer can be used again */
static inline void buf_clear(struct buf *b) { b->len = 0, b->error = ERR_OK; }
static inline struct str buf_str(const struct buf *b) { return (struct str){b->ptr, b->len}; }
static inline enum err buf_error(const struct buf *b) { return b->error; }

void buf_add(struct buf *b, const void *bytes, size_t n);
static inline void buf_add_str(struct buf *b, struct str s) { buf_add(b, s.ptr, s.len); }
static inline void buf_add_text(struct buf *b, const char *text) { buf_add_str(b, str_of(text)); }
void buf_add_char(struct buf *b, char c);
void buf_add_int(struct buf *b, int64_t value);
[[gnu::format(printf, 2, 3)]] void buf_addf(struct buf *b, const char *format, ...);
/* Room for n more bytes at the end, or NULL (error set); tell what was used with buf_used. */
char *buf_reserve(struct buf *b, size_t n);
static inline void buf_used(struct buf *b, size_t n) { b->len += n; }
void buf_drop_front(struct buf *b, size_t n);
/* Terminated text (the NUL is not counted in len), or NULL when an error has stuck. */
const char *buf_text(struct buf *b);

#define BUF_AUTO [[gnu::cleanup(buf_free)]]
