#include "app/row_output.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/os_file.h"

#define MARKER_ROOM 100

static size_t character_at(struct str s) { /* bytes of the valid character at the front, 0 = none */
  unsigned char c = (unsigned char)s.ptr[0];
  size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;
  if (n == 0 || n > s.len || c == 0) return 0;
  return n == 1 || str_is_utf8((struct str){s.ptr, n}) ? n : 0;
}

bool output_clean(struct str bytes, struct buf *out) {
  if (str_is_utf8(bytes) && !memchr(bytes.ptr ? bytes.ptr : "", '\0', bytes.len)) {
    if (bytes.len > out->max - out->len) return false;
    buf_add_str(out, bytes);
    return true;
  }
  while (bytes.len) {
    size_t n = character_at(bytes);
    struct str piece = n ? (struct str){bytes.ptr, n} : STR("\xef\xbf\xbd");
    if (piece.len > out->max - out->len) return false;
    buf_add_str(out, piece);
    bytes = str_from(bytes, n ? n : 1);
  }
  return true;
}

size_t output_cut(struct str text, size_t n) {
  if (n >= text.len) return text.len;
  while (n > 0 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80) n--;
  return n;
}

struct str output_last_line(struct str text) {
  text = str_trim(text);
  for (size_t i = text.len; i > 0; i--)
    if (text.ptr[i - 1] == '\n') return str_trim(str_from(text, i));
  return text;
}

static size_t read_at(int fd, char *to, size_t n, off_t offset) {
  size_t got = 0;
  while (got < n) {
    ssize_t r = pread(fd, to + got, n - got, offset + (off_t)got);
    if (r <= 0) break;
    got += (size_t)r;
  }
  return got;
}

/* Cleaning may make bytes into three, so the tail is cleaned on its own and what is too long leaves from its
 * front. */
static void add_tail(struct buf *out, struct str bytes) {
  struct buf clean = buf_new(3 * bytes.len + 1);
  (void)output_clean(bytes, &clean);
  struct str text = buf_str(&clean);
  size_t room = out->max - out->len, from = text.len > room ? text.len - room : 0;
  while (from < text.len && ((unsigned char)text.ptr[from] & 0xc0) == 0x80) from++;
  buf_add_str(out, str_from(text, from));
  buf_free(&clean);
}

/* Cleaned as far as it fits below the limit; false when something is left. */
static bool add_head(struct buf *out, struct str bytes, size_t limit) {
  size_t max = out->max;
  out->max = limit;
  bool is_whole = output_clean(bytes, out);
  out->max = max;
  return is_whole;
}

void output_read(const char *path, struct buf *out, bool *ret_is_cut) {
  [[gnu::cleanup(os_close)]] int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= 0) return;
  size_t size = (size_t)st.st_size, half = (out->max - MARKER_ROOM) / 2;
  char *bytes = malloc(out->max);
  if (!bytes) return;
  size_t got = read_at(fd, bytes, size < out->max ? size : half, 0);
  bool is_whole = size < out->max && add_head(out, (struct str){bytes, got}, out->max);
  if (!is_whole) {
    buf_clear(out);
    (void)add_head(out, (struct str){bytes, got < half ? got : half}, half);
    buf_addf(out, "\n[… the middle is left out: the kept output has %zu bytes …]\n", size);
    size_t tail = size < half ? size : half;
    got = read_at(fd, bytes, tail, (off_t)(size - tail));
    add_tail(out, (struct str){bytes, got});
  }
  *ret_is_cut = !is_whole;
  free(bytes);
}
