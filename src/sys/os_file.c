#include "sys/os_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_CHUNK 16384

static enum err err_of_errno(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT: return ERR_STORE_FULL;
    case EROFS: return ERR_STORE_READONLY;
    case ENOENT: return ERR_NOT_FOUND;
    case EACCES:
    case EPERM: return ERR_FORBIDDEN;
    case ENOMEM: return ERR_NO_MEMORY;
    default: return ERR_IO;
  }
}

enum err os_error(int error_number, struct err_detail *detail, const char *what, const char *path) {
  const char *reason = strerrordesc_np(error_number);
  return err_set(detail, err_of_errno(error_number), NULL, 0, "%s %s: %s", what, path ? path : "",
                 reason ? reason : "unknown error");
}

void os_close(int *fd) {
  if (*fd >= 0) (void)close(*fd);
  *fd = -1;
}
#define FD_AUTO [[gnu::cleanup(os_close)]]

/* One read of what fits. At the maximum a single byte is tried, to tell "exactly full" from "more". */
static ssize_t read_some(int fd, struct buf *out, bool *ret_is_over) {
  size_t room = out->max - out->len;
  char probe;
  char *to = room ? buf_reserve(out, room < READ_CHUNK ? room : READ_CHUNK) : &probe;
  if (!to) return errno = ENOMEM, -1;
  ssize_t n;
  do n = read(fd, to, room == 0 ? 1 : room < READ_CHUNK ? room : READ_CHUNK);
  while (n < 0 && errno == EINTR);
  *ret_is_over = room == 0 && n > 0;
  if (n > 0 && room) buf_used(out, (size_t)n);
  return n;
}

enum err os_read_file(const char *path, struct buf *out, struct err_detail *detail) {
  TRY(buf_error(out));
  ASSERT(out->len <= out->max);
  FD_AUTO int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return os_error(errno, detail, "cannot open", path);
  size_t before = out->len;
  ssize_t n;
  bool is_over = false;
  while ((n = read_some(fd, out, &is_over)) > 0 && !is_over) {
  }
  if (n == 0) return ERR_OK;
  int error_number = errno;
  out->len = before;
  out->error = ERR_OK;
  if (is_over)
    return err_set(detail, ERR_LIMIT, NULL, 0, "%s is larger than %zu bytes", path, out->max - before);
  return os_error(error_number, detail, "cannot read", path);
}

static int write_all(int fd, struct str bytes) {
  while (bytes.len > 0) {
    ssize_t n = write(fd, bytes.ptr, bytes.len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes = str_from(bytes, (size_t)n);
  }
  return 0;
}

/* The folder's entry is part of the promise: without this sync a power cut may bring the old name back. */
static int sync_folder_of(const char *path) {
  char folder[PATH_MAX];
  const char *slash = strrchr(path, '/');
  struct str name = !slash ? STR(".") : slash == path ? STR("/") : (struct str){path, (size_t)(slash - path)};
  if (!str_copy(folder, sizeof folder, name)) return ENAMETOOLONG;
  FD_AUTO int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  return fsync(fd) < 0 ? errno : 0;
}

static int fill(int fd, struct str bytes, mode_t mode) {
  if (fchmod(fd, mode) < 0) return errno;
  int error_number = write_all(fd, bytes);
  if (error_number) return error_number;
  return fsync(fd) < 0 ? errno : 0;
}

enum err os_write_file(const char *path, struct str bytes, mode_t mode, struct err_detail *detail) {
  char beside[PATH_MAX];
  int n = snprintf(beside, sizeof beside, "%s.XXXXXX", path);
  if (n < 0 || (size_t)n >= sizeof beside) return os_error(ENAMETOOLONG, detail, "cannot write", path);
  FD_AUTO int fd = mkostemp(beside, O_CLOEXEC);
  if (fd < 0) return os_error(errno, detail, "cannot write", path);
  int error_number = fill(fd, bytes, mode);
  if (!error_number && rename(beside, path) < 0) error_number = errno;
  if (error_number) {
    (void)unlink(beside);
    return os_error(error_number, detail, "cannot write", path);
  }
  error_number = sync_folder_of(path);
  return error_number ? os_error(error_number, detail, "cannot sync the folder of", path) : ERR_OK;
}

enum err os_create_private(const char *path, struct err_detail *detail) {
  struct stat st;
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd >= 0) {
    os_close(&fd);
    return ERR_OK;
  }
  if (errno == EEXIST && lstat(path, &st) == 0)
    return S_ISREG(st.st_mode) ? ERR_OK : os_error(ELOOP, detail, "opening", path);
  return os_error(errno, detail, "opening", path);
}

enum err os_make_dir(const char *path, mode_t mode, struct err_detail *detail) {
  if (mkdir(path, mode) == 0) {
    /* mkdir obeys the umask; the mode asked for is what a caller relies on. */
    return chmod(path, mode) == 0 ? ERR_OK : os_error(errno, detail, "cannot set the mode of", path);
  }
  if (errno != EEXIST) return os_error(errno, detail, "cannot make the folder", path);
  struct stat found;
  if (stat(path, &found) < 0) return os_error(errno, detail, "cannot look at", path);
  return S_ISDIR(found.st_mode) ? ERR_OK : os_error(ENOTDIR, detail, "cannot make the folder", path);
}

enum err os_boot_id(char ret[37]) {
  BUF_AUTO struct buf text = buf_new(64);
  TRY(os_read_file("/proc/sys/kernel/random/boot_id", &text, NULL));
  struct str id = str_trim(buf_str(&text));
  if (id.len != 36) return ERR_IO;
  return str_copy(ret, 37, id) ? ERR_OK : ERR_IO;
}
