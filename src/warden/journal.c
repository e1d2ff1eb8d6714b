#include "warden/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "sys/os_file.h"

#define JOURNAL_MAGIC 0x4A4E5253 /* "SRNJ" */
#define JOURNAL_VERSION 1
#define JOURNAL_BYTES_MAX (1024L * 1024 * 1024) /* a greater file is no journal of ours */
#define RECORD_BYTES_MAX 16384
#define ALLOCATE_BYTES (256 * 1024)
#define CHECK_SEED 0x6A6F75726E616CU

enum record_type { RECORD_START = 1, RECORD_END, RECORD_ACK, RECORD_EPOCH };

struct journal_head {
  uint32_t magic;
  uint32_t version;
  uint8_t id[WARDEN_ID_BYTES];
  uint64_t check; /* of the bytes before it */
};

struct record_head {
  uint32_t check; /* of all that follows, this head's rest included */
  uint16_t type;
  uint16_t bytes; /* after this head */
};

#define END_RECORD_MAX \
  ((int64_t)(sizeof(struct record_head) + sizeof(struct warden_end)) + WARDEN_RESULT_BYTES_MAX)

ssize_t (*journal_write)(int fd, const void *bytes, size_t n) = write;

static uint32_t record_check(const char *record, size_t bytes) {
  return (uint32_t)hash_bytes(record + sizeof(uint32_t), bytes - sizeof(uint32_t), CHECK_SEED);
}

static uint64_t head_check(const struct journal_head *h) {
  return hash_bytes(h, offsetof(struct journal_head, check), CHECK_SEED);
}

/* Disk for `bytes` more and for the END of every living run; file systems that cannot allocate ahead
 * are taken as they are. */
static int reserve(struct journal *j, int64_t bytes) {
  int64_t want = j->bytes + bytes + (int64_t)(j->living + 1) * END_RECORD_MAX;
  if (want <= j->allocated_bytes) return 0;
  int64_t to = (want / ALLOCATE_BYTES + 1) * ALLOCATE_BYTES;
  if (fallocate(j->fd, FALLOC_FL_KEEP_SIZE, 0, to) != 0) {
    if (errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  }
  j->allocated_bytes = to;
  return 0;
}

/* One write, so that a kill leaves a whole record or one that its checksum refuses. */
static int append(struct journal *j, enum record_type type, struct str first, struct str second) {
  char record[RECORD_BYTES_MAX];
  struct record_head head = {.type = (uint16_t)type, .bytes = (uint16_t)(first.len + second.len)};
  size_t n = sizeof head + first.len + second.len;
  ASSERT(n <= sizeof record);
  memcpy(record, &head, sizeof head);
  memcpy(record + sizeof head, first.ptr, first.len);
  if (second.len) memcpy(record + sizeof head + first.len, second.ptr, second.len);
  head.check = record_check(record, n);
  memcpy(record, &head.check, sizeof head.check);
  ssize_t done = journal_write(j->fd, record, n);
  if (done != (ssize_t)n) {
    int error_number = done < 0 ? errno : ENOSPC;
    if (done > 0 && ftruncate(j->fd, j->bytes) != 0) return errno;
    return error_number;
  }
  j->bytes += (int64_t)n;
  return 0;
}

static int64_t record_size(size_t payload) { return (int64_t)(sizeof(struct record_head) + payload); }

int journal_start(struct journal *j, const struct warden_run *run) {
  int error_number = reserve(j, record_size(sizeof *run));
  if (error_number) return error_number;
  error_number = append(j, RECORD_START, (struct str){(const char *)run, sizeof *run}, STR_NONE);
  if (!error_number) j->living++;
  return error_number;
}

int journal_end(struct journal *j, const struct warden_end *end, struct str result) {
  ASSERT(result.len == end->result_bytes && result.len <= WARDEN_RESULT_BYTES_MAX);
  int error_number = append(j, RECORD_END, (struct str){(const char *)end, sizeof *end}, result);
  if (error_number) return error_number;
  if (j->living) j->living--;
  j->dead_bytes += record_size(sizeof end->run); /* END repeats what START said */
  return 0;
}

int journal_ack(struct journal *j, const int64_t *run_nos, size_t count) {
  ASSERT(count <= WARDEN_ACKS_MAX);
  if (count == 0) return 0;
  struct str bytes = {(const char *)run_nos, count * sizeof *run_nos};
  int error_number = append(j, RECORD_ACK, bytes, STR_NONE);
  if (!error_number)
    j->dead_bytes += record_size(bytes.len) + (int64_t)count * record_size(sizeof(struct warden_end));
  return error_number;
}

int journal_epoch(struct journal *j, int64_t epoch) {
  return append(j, RECORD_EPOCH, (struct str){(const char *)&epoch, sizeof epoch}, STR_NONE);
}

static void tell_acks(const struct journal_reader *r, struct str payload) {
  for (size_t at = 0; at + sizeof(int64_t) <= payload.len; at += sizeof(int64_t)) {
    int64_t run_no;
    memcpy(&run_no, payload.ptr + at, sizeof run_no);
    if (r->ack) r->ack(r->arg, run_no);
  }
}

/* False when the record's length does not fit its type. */
static bool tell_record(struct journal *j, const struct journal_reader *r, enum record_type type,
                        struct str payload) {
  struct warden_run run;
  struct warden_end end;
  int64_t epoch;
  switch (type) {
    case RECORD_START:
      if (payload.len != sizeof run) return false;
      memcpy(&run, payload.ptr, sizeof run);
      j->living++;
      if (r->start) r->start(r->arg, &run);
      return true;
    case RECORD_END:
      if (payload.len < sizeof end) return false;
      memcpy(&end, payload.ptr, sizeof end);
      if (payload.len != sizeof end + end.result_bytes) return false;
      if (j->living) j->living--;
      if (r->end) r->end(r->arg, &end, str_from(payload, sizeof end));
      return true;
    case RECORD_ACK: tell_acks(r, payload); return payload.len % sizeof epoch == 0;
    case RECORD_EPOCH:
      if (payload.len != sizeof epoch) return false;
      memcpy(&epoch, payload.ptr, sizeof epoch);
      if (r->epoch) r->epoch(r->arg, epoch);
      return true;
  }
  return false;
}

/* Tells every whole record from `at` on; returns where the good part ends. */
static size_t read_records(struct journal *j, const struct journal_reader *r, struct str bytes, size_t at) {
  while (bytes.len - at >= sizeof(struct record_head)) {
    struct record_head h;
    memcpy(&h, bytes.ptr + at, sizeof h);
    size_t n = sizeof h + h.bytes;
    if (n > bytes.len - at || h.check != record_check(bytes.ptr + at, n)) break;
    if (!tell_record(j, r, (enum record_type)h.type, (struct str){bytes.ptr + at + sizeof h, h.bytes})) break;
    at += n;
  }
  return at;
}

static bool head_is_ours(struct str bytes, struct journal_head *ret) {
  if (bytes.len < sizeof *ret) return false;
  memcpy(ret, bytes.ptr, sizeof *ret);
  return ret->magic == JOURNAL_MAGIC && ret->version == JOURNAL_VERSION && ret->check == head_check(ret);
}

static int write_head(struct journal *j) {
  struct journal_head head = {.magic = JOURNAL_MAGIC, .version = JOURNAL_VERSION};
  memcpy(head.id, j->id, sizeof head.id);
  head.check = head_check(&head);
  ssize_t n = journal_write(j->fd, &head, sizeof head);
  if (n != (ssize_t)sizeof head) return n < 0 ? errno : ENOSPC;
  j->bytes = sizeof head;
  return 0;
}

/* A fresh file beside, renamed over once its head is whole. */
static int create(struct journal *j, char temp[JOURNAL_NAME_MAX + 8]) {
  (void)snprintf(temp, JOURNAL_NAME_MAX + 8, "%s.new", j->name);
  j->fd = openat(j->dir_fd, temp, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (j->fd < 0) return errno;
  j->bytes = j->allocated_bytes = j->dead_bytes = 0;
  j->living = 0;
  return write_head(j);
}

static enum err begin_anew(struct journal *j, struct err_detail *detail) {
  char temp[JOURNAL_NAME_MAX + 8], bad[JOURNAL_NAME_MAX + 8];
  (void)snprintf(bad, sizeof bad, "%s.bad", j->name);
  (void)renameat(j->dir_fd, j->name, j->dir_fd, bad); /* there may be none */
  if (getrandom(j->id, sizeof j->id, 0) != sizeof j->id) return os_error(errno, detail, "getrandom", "");
  int error_number = create(j, temp);
  if (!error_number && renameat(j->dir_fd, temp, j->dir_fd, j->name) != 0) error_number = errno;
  if (!error_number) return ERR_OK;
  journal_close(j);
  return os_error(error_number, detail, "create", j->name);
}

static enum err read_all(int fd, struct buf *out, const char *name, struct err_detail *detail) {
  struct stat st;
  if (fstat(fd, &st) != 0) return os_error(errno, detail, "stat", name);
  if (st.st_size > JOURNAL_BYTES_MAX) return err_set(detail, ERR_LIMIT, NULL, 0, "%s is too large", name);
  char *to = buf_reserve(out, (size_t)st.st_size + 1);
  if (!to) return ERR_NO_MEMORY;
  for (off_t at = 0; at < st.st_size;) {
    ssize_t n = pread(fd, to + at, (size_t)(st.st_size - at), at);
    if (n < 0) return os_error(errno, detail, "read", name);
    if (n == 0) break;
    at += n;
    buf_used(out, (size_t)n);
  }
  return ERR_OK;
}

enum err journal_open(int dir_fd, const char *name, const struct journal_reader *reader, struct journal *ret,
                      struct err_detail *detail) {
  struct journal j = {.dir_fd = dir_fd, .fd = -1};
  if (!str_copy(j.name, sizeof j.name, str_of(name))) return err_set(detail, ERR_LIMIT, NULL, 0, "long name");
  j.fd = openat(dir_fd, name, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
  if (j.fd < 0 && errno != ENOENT) return os_error(errno, detail, "open", name);
  BUF_AUTO struct buf bytes = buf_new(JOURNAL_BYTES_MAX + 1);
  if (j.fd >= 0) {
    enum err e = read_all(j.fd, &bytes, name, detail);
    if (e != ERR_OK) {
      journal_close(&j);
      return e;
    }
  }
  struct journal_head head;
  if (!head_is_ours(buf_str(&bytes), &head)) {
    journal_close(&j);
    TRY(begin_anew(&j, detail));
    *ret = j;
    return ERR_OK;
  }
  memcpy(j.id, head.id, sizeof j.id);
  j.bytes = (int64_t)read_records(&j, reader, buf_str(&bytes), sizeof head);
  if (ftruncate(j.fd, j.bytes) != 0) { /* what follows was cut by a kill */
    enum err e = os_error(errno, detail, "cut", name);
    journal_close(&j);
    return e;
  }
  j.allocated_bytes = j.bytes;
  j.dead_bytes = j.bytes; /* not known: the first compaction tells */
  *ret = j;
  return ERR_OK;
}

void journal_close(struct journal *j) { os_close(&j->fd); }

bool journal_wants_compaction(const struct journal *j) {
  return j->bytes > JOURNAL_COMPACT_BYTES && j->dead_bytes > j->bytes / 2;
}

int journal_compact(struct journal *j, int (*each)(void *arg, struct journal *to), void *arg) {
  struct journal to = *j;
  char temp[JOURNAL_NAME_MAX + 8];
  int error_number = create(&to, temp);
  if (!error_number) error_number = each(arg, &to);
  if (!error_number) error_number = reserve(&to, 0);
  if (!error_number && renameat(j->dir_fd, temp, j->dir_fd, j->name) != 0) error_number = errno;
  if (error_number) {
    os_close(&to.fd);
    (void)unlinkat(j->dir_fd, temp, 0);
    return error_number;
  }
  os_close(&j->fd);
  *j = to;
  j->dead_bytes = 0;
  return 0;
}
