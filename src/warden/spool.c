#include "warden/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/os_file.h"

#define SECOND_NS 1000000000U
#define MARKER_MAX 96

struct spool_name spool_name(int64_t run_no) {
  struct spool_name name;
  (void)snprintf(name.text, sizeof name.text, "%lld.out", (long long)run_no);
  return name;
}

struct spool_name spool_time_name(int64_t run_no) {
  struct spool_name name;
  (void)snprintf(name.text, sizeof name.text, "%lld.time", (long long)run_no);
  return name;
}

struct spool spool_new(int dir_fd, int64_t run_no) {
  return (struct spool){.dir_fd = dir_fd, .fd = -1, .time_fd = -1, .run_no = run_no};
}

void spool_begin(struct spool *s, struct tick now) { s->began = now; }

void spool_close(struct spool *s) {
  os_close(&s->fd);
  os_close(&s->time_fd);
}

static int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }

/* Where a byte of the kept stream lies in the file while the ring is a ring. */
static int64_t place_of(const struct spool *s, int64_t offset) {
  return offset < s->head_max ? offset : s->head_max + (offset - s->head_max) % s->tail_max;
}

/* From here the place grows with the offset for this many bytes. */
static int64_t run_of(const struct spool *s, int64_t offset) {
  if (offset < s->head_max) return s->head_max - offset;
  return s->tail_max - (offset - s->head_max) % s->tail_max;
}

static int create(const struct spool *s, struct spool_name name) {
  return openat(s->dir_fd, name.text, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static bool open_file(struct spool *s) {
  if (s->fd < 0) s->fd = create(s, spool_name(s->run_no));
  return s->fd >= 0;
}

/* ---- when it came: never worth losing output for, so the first failure ends it ---- */

static bool write_time_head(struct spool *s, int64_t kept_bytes) {
  struct spool_time_head head = {SPOOL_TIME_MAGIC, s->head_max, s->tail_max, kept_bytes};
  return pwrite(s->time_fd, &head, sizeof head, 0) == (ssize_t)sizeof head;
}

static uint64_t mark_pace_ns(const struct spool *s) {
  int64_t doublings = s->marks / SPOOL_MARKS_AT_ONE_PACE;
  return (uint64_t)SPOOL_MARK_MS * 1000000 << (doublings < 30 ? doublings : 30);
}

static void mark_time(struct spool *s, struct tick now) {
  if (s->marks < 0 || (s->marks > 0 && now.ns - s->marked.ns < mark_pace_ns(s))) return;
  struct spool_mark mark = {s->kept_bytes, (int64_t)((now.ns - s->began.ns) / 1000000)};
  off_t at = (off_t)(sizeof(struct spool_time_head) + (size_t)s->marks * sizeof mark);
  if (s->time_fd < 0) s->time_fd = create(s, spool_time_name(s->run_no));
  bool is_written = s->time_fd >= 0 && (s->marks > 0 || write_time_head(s, -1)) &&
                    pwrite(s->time_fd, &mark, sizeof mark, at) == (ssize_t)sizeof mark;
  s->marks = is_written ? s->marks + 1 : -1;
  s->marked = now;
}

static void put(struct spool *s, struct str bytes) {
  if (!open_file(s)) {
    s->failed_bytes += (int64_t)bytes.len;
    return;
  }
  while (bytes.len) {
    if (s->kept_bytes >= s->head_max && s->tail_max == 0) { /* counted by spool_lost_bytes */
      s->kept_bytes += (int64_t)bytes.len;
      return;
    }
    size_t n = (size_t)min_of((int64_t)bytes.len, run_of(s, s->kept_bytes));
    ssize_t done = pwrite(s->fd, bytes.ptr, n, place_of(s, s->kept_bytes));
    if (done <= 0) {
      s->failed_bytes += (int64_t)bytes.len;
      return;
    }
    s->kept_bytes += done;
    bytes = str_from(bytes, (size_t)done);
  }
}

static void put_marker(struct spool *s, int64_t lost, const char *why) {
  char marker[MARKER_MAX];
  int n = snprintf(marker, sizeof marker, "\n[... %lld bytes left out: %s ...]\n", (long long)lost, why);
  put(s, (struct str){marker, (size_t)n});
}

/* How many of n bytes the rate lets through now. */
static size_t rate_admits(struct spool *s, size_t n, struct tick now) {
  if (s->rate_max == 0) return n;
  if (now.ns - s->rate_since.ns >= SECOND_NS) {
    s->rate_since = now;
    s->rate_used = 0;
  }
  int64_t room = s->rate_max - s->rate_used;
  size_t admitted = room <= 0 ? 0 : (size_t)min_of((int64_t)n, room);
  s->rate_used += (int64_t)admitted;
  return admitted;
}

void spool_add(struct spool *s, struct str bytes, struct tick now) {
  ASSERT(!s->is_finished);
  s->written_bytes += (int64_t)bytes.len;
  size_t admitted = rate_admits(s, bytes.len, now);
  int64_t lost = (int64_t)(bytes.len - admitted);
  if (admitted && s->rate_gap_bytes) {
    put_marker(s, s->rate_gap_bytes, "above the output rate");
    s->rate_gap_bytes = 0;
  }
  if (admitted) mark_time(s, now);
  put(s, (struct str){bytes.ptr, admitted});
  s->rate_lost_bytes += lost;
  s->rate_gap_bytes += lost;
}

static int64_t middle_bytes(const struct spool *s) {
  int64_t over = s->kept_bytes - s->head_max - s->tail_max;
  return over > 0 ? over : 0;
}

int64_t spool_lost_bytes(const struct spool *s) {
  return s->rate_lost_bytes + s->failed_bytes + middle_bytes(s);
}

/* head, marker, then the ring in order. A buffer of tail_max bytes; without memory the ring stays. */
static void straighten(struct spool *s) {
  size_t n = (size_t)s->tail_max;
  char *ring = malloc(n + 1);
  if (!ring) return;
  size_t split = (size_t)((s->kept_bytes - s->head_max) % (s->tail_max ? s->tail_max : 1));
  bool is_read = pread(s->fd, ring, n, s->head_max) == (ssize_t)n;
  char marker[MARKER_MAX];
  int m = snprintf(marker, sizeof marker, "\n[... %lld bytes left out ...]\n", (long long)middle_bytes(s));
  if (is_read && pwrite(s->fd, marker, (size_t)m, s->head_max) == m) {
    ssize_t a = pwrite(s->fd, ring + split, n - split, s->head_max + m);
    ssize_t b = pwrite(s->fd, ring, split, s->head_max + m + (ssize_t)(n - split));
    if (a < 0 || b < 0) s->failed_bytes += s->tail_max;
  }
  free(ring);
}

void spool_finish(struct spool *s) {
  ASSERT(!s->is_finished);
  if (s->rate_gap_bytes) put_marker(s, s->rate_gap_bytes, "above the output rate");
  if (s->fd >= 0 && middle_bytes(s) > 0) straighten(s);
  if (s->time_fd >= 0) (void)write_time_head(s, s->kept_bytes);
  spool_close(s);
  s->is_finished = true;
}

/* Only the marker lies between the head and the tail of a finished file, so the tail is its end. */
static ssize_t read_finished(const struct spool *s, int64_t offset, char *to, size_t n) {
  int fd = openat(s->dir_fd, spool_name(s->run_no).text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return 0;
  off_t size = lseek(fd, 0, SEEK_END);
  off_t at =
      middle_bytes(s) > 0 && offset >= s->head_max ? size - (off_t)(s->kept_bytes - offset) : (off_t)offset;
  ssize_t got = at < 0 ? 0 : pread(fd, to, n, at);
  (void)close(fd);
  return got;
}

size_t spool_read(const struct spool *s, int64_t offset, char *to, size_t n, int64_t *ret_offset) {
  if (offset < 0) offset = 0;
  int64_t tail_start = s->kept_bytes - s->tail_max;
  if (offset >= s->head_max && offset < tail_start) offset = tail_start;
  *ret_offset = offset;
  if (offset >= s->kept_bytes) return 0;
  n = (size_t)min_of((int64_t)n, s->kept_bytes - offset);
  if (offset < s->head_max) n = (size_t)min_of((int64_t)n, s->head_max - offset);
  ssize_t got;
  if (s->is_finished) {
    got = read_finished(s, offset, to, n);
  } else {
    if (s->fd < 0) return 0;
    n = (size_t)min_of((int64_t)n, run_of(s, offset));
    got = pread(s->fd, to, n, place_of(s, offset));
  }
  return got > 0 ? (size_t)got : 0;
}
