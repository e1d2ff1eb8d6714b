#include "api/output_source.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "sys/os_file.h"
#include "warden/spool.h"

#define TIMES_BYTES_MAX ((off_t)4 * 1024 * 1024) /* spool.h: the marks of a hundred years are fewer */

struct output_source output_open(const char *path, struct str text, bool is_final) {
  struct output_source s = {.fd = -1, .text = text, .bytes = (int64_t)text.len, .is_final = is_final};
  struct stat st;
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
  if (fd < 0) return s;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    os_close(&fd);
    return s;
  }
  s.fd = fd;
  s.text = STR_NONE;
  s.bytes = (int64_t)st.st_size;
  s.has_more = !is_final && s.bytes > LIMIT_SPOOL_HEAD_BYTES;
  if (s.has_more) s.bytes = LIMIT_SPOOL_HEAD_BYTES;
  return s;
}

void output_close(struct output_source *s) { os_close(&s->fd); }

/* ---- lines ---- */

static size_t read_source(const struct output_source *s, int64_t offset, char *to, size_t n) {
  int64_t left = s->bytes - offset;
  if (left <= 0) return 0;
  if ((int64_t)n > left) n = (size_t)left;
  if (s->fd < 0) {
    memcpy(to, s->text.ptr + offset, n);
    return n;
  }
  ssize_t got = pread(s->fd, to, n, (off_t)offset);
  return got > 0 ? (size_t)got : 0;
}

enum err output_reader_new(const struct output_source *s, int64_t offset, struct output_reader *ret) {
  ASSERT(offset >= 0);
  char *block = malloc(OUTPUT_BLOCK_BYTES);
  if (!block) return ERR_NO_MEMORY;
  *ret = (struct output_reader){.source = s, .block = block, .offset = offset};
  return ERR_OK;
}

void output_reader_free(struct output_reader *r) {
  free(r->block);
  *r = (struct output_reader){};
}

/* What is not given out yet goes to the front, and the rest of the block is filled. False: nothing more came. */
static bool fill(struct output_reader *r) {
  memmove(r->block, r->block + r->at, r->len - r->at);
  r->len -= r->at;
  r->at = 0;
  size_t got =
      read_source(r->source, r->offset + (int64_t)r->len, r->block + r->len, OUTPUT_BLOCK_BYTES - r->len);
  r->len += got;
  return got > 0;
}

/* The whole block is one line that goes on: its text is the block, its end is looked for. */
static void skip_rest(struct output_reader *r, struct output_line *ret) {
  char piece[65536];
  for (size_t got; (got = read_source(r->source, r->offset + ret->bytes, piece, sizeof piece)) > 0;) {
    const char *end = memchr(piece, '\n', got);
    ret->bytes += end ? end - piece + 1 : (int64_t)got;
    if (end) {
      ret->has_end = true;
      return;
    }
  }
}

static struct str without_end(struct str line) {
  if (line.len && line.ptr[line.len - 1] == '\r') line.len--;
  return line;
}

bool output_next(struct output_reader *r, struct output_line *ret) {
  size_t looked = 0;
  for (;;) {
    size_t left = r->len - r->at;
    const char *start = r->block + r->at;
    const char *end = left > looked ? memchr(start + looked, '\n', left - looked) : NULL;
    if (end) {
      size_t n = (size_t)(end - start);
      *ret = (struct output_line){without_end((struct str){start, n}), r->offset, (int64_t)n + 1, true};
      r->at += n + 1;
      r->offset += (int64_t)n + 1;
      return true;
    }
    looked = left;
    if (left == OUTPUT_BLOCK_BYTES) {
      *ret = (struct output_line){{start, left}, r->offset, (int64_t)left, false};
      skip_rest(r, ret);
      r->offset += ret->bytes;
      r->at = r->len;
      return true;
    }
    if (fill(r)) continue;
    if (left == 0) return false;
    *ret = (struct output_line){{r->block + r->at, left}, r->offset, (int64_t)left, false};
    r->at = r->len;
    r->offset += (int64_t)left;
    return true;
  }
}

/* ---- times ---- */

static bool is_head(const struct spool_time_head *h) {
  return memcmp(h->magic, SPOOL_TIME_MAGIC, sizeof h->magic) == 0 && h->head_max >= 0 && h->tail_max >= 0;
}

struct output_times output_times_read(const char *path, int64_t file_bytes) {
  struct output_times t = {.moved_from = INT64_MAX};
  [[gnu::cleanup(os_close)]] int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat st;
  struct spool_time_head head;
  if (fd < 0 || fstat(fd, &st) != 0 || st.st_size > TIMES_BYTES_MAX) return t;
  if (pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head || !is_head(&head)) return t;
  size_t count = ((size_t)st.st_size - sizeof head) / sizeof *t.marks;
  t.marks = count ? malloc(count * sizeof *t.marks) : NULL;
  if (!t.marks) return t;
  ssize_t got = pread(fd, t.marks, count * sizeof *t.marks, (off_t)sizeof head);
  t.count = got > 0 ? (size_t)got / sizeof *t.marks : 0;
  t.head_max = head.head_max;
  if (head.kept_bytes > head.head_max + head.tail_max && file_bytes > head.head_max + head.tail_max) {
    t.moved_from = file_bytes - head.tail_max;
    t.moved_by = head.kept_bytes - file_bytes;
  }
  return t;
}

void output_times_free(struct output_times *t) {
  free(t->marks);
  *t = (struct output_times){};
}

int64_t output_time_at(const struct output_times *t, int64_t offset) {
  if (offset >= t->moved_from) offset += t->moved_by;
  size_t low = 0, high = t->count; /* the last mark at or before it */
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (t->marks[middle].offset <= offset) low = middle + 1;
    else high = middle;
  }
  return low ? t->marks[low - 1].since_ms : -1;
}
