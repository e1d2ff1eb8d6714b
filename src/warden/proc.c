#include "warden/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/map.h"
#include "sys/os_file.h"

#define PATH_BYTES 64
#define STAT_BYTES 1024
#define ENVIRON_BYTES (256 * 1024) /* a tag further on is not seen; ours comes first */
#define PROCS_MAX (1 << 20)

uint64_t tag_folder(int warden_dir_fd) {
  struct stat st;
  if (fstat(warden_dir_fd, &st) != 0) return 0;
  struct {
    uint64_t device, inode;
  } key = {st.st_dev, st.st_ino};
  return hash_bytes(&key, sizeof key, 0) | 1; /* 0 means blank */
}

void tag_write(struct tag tag, char to[TAG_VARIABLE_BYTES]) {
  int n =
      snprintf(to, TAG_VARIABLE_BYTES, TAG_PREFIX "%016llx.%016llx.%016llx", (unsigned long long)tag.folder,
               (unsigned long long)tag.warden, (unsigned long long)tag.run);
  ASSERT(n == TAG_VARIABLE_BYTES - 1);
}

static bool hex_read(const char *text, uint64_t *ret) {
  uint64_t value = 0;
  for (int i = 0; i < 16; i++) {
    char c = text[i];
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return false;
    value = value << 4 | (uint64_t)digit;
  }
  *ret = value;
  return true;
}

bool tag_read(struct str value, struct tag *ret) {
  if (value.len != TAG_VALUE_LEN || value.ptr[16] != '.' || value.ptr[33] != '.') return false;
  struct tag tag;
  if (!hex_read(value.ptr, &tag.folder) || !hex_read(value.ptr + 17, &tag.warden) ||
      !hex_read(value.ptr + 34, &tag.run))
    return false;
  *ret = tag;
  return true;
}

static ssize_t read_path(const char *path, char *to, size_t n) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  size_t used = 0;
  for (ssize_t got; used < n && (got = read(fd, to + used, n - used)) > 0;) used += (size_t)got;
  (void)close(fd);
  return (ssize_t)used;
}

static ssize_t read_of(pid_t pid, const char *name, char *to, size_t n) {
  char path[PATH_BYTES];
  (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  return read_path(path, to, n);
}

/* Field n (3 = state) of a stat line; the name in parentheses may hold anything, so count behind it. */
bool proc_read(pid_t pid, struct proc *ret) {
  char line[STAT_BYTES];
  ssize_t n = read_of(pid, "stat", line, sizeof line - 1);
  if (n <= 0) return false;
  line[n] = '\0';
  const char *after = strrchr(line, ')');
  int ppid, pgrp, session;
  long long start_ticks;
  char state;
  if (!after ||
      sscanf(after + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %lld",
             &state, &ppid, &pgrp, &session, &start_ticks) != 5)
    return false;
  *ret = (struct proc){
      .pid = pid, .ppid = ppid, .pgrp = pgrp, .session = session, .state = state, .start_ticks = start_ticks};
  return true;
}

bool proc_read_tag(pid_t pid, struct tag *ret) {
  static char environment[ENVIRON_BYTES];
  ssize_t n = read_of(pid, "environ", environment, sizeof environment);
  if (n <= 0) return false;
  struct str rest = {environment, (size_t)n}, variable;
  while (str_split(&rest, '\0', &variable))
    if (str_starts(variable, STR(TAG_PREFIX)))
      return tag_read(str_from(variable, sizeof TAG_PREFIX - 1), ret) && ret->folder != 0;
  return false;
}

void proc_memory(pid_t pid, int64_t *ret_own_bytes, int64_t *ret_shared_bytes) {
  char line[STAT_BYTES];
  long long total = 0, resident = 0, shared = 0;
  ssize_t n = read_of(pid, "statm", line, sizeof line - 1);
  if (n > 0) {
    line[n] = '\0';
    if (sscanf(line, "%lld %lld %lld", &total, &resident, &shared) != 3) resident = shared = 0;
  }
  int64_t page = sysconf(_SC_PAGESIZE);
  *ret_own_bytes = (resident - shared) * page;
  *ret_shared_bytes = shared * page;
}

int64_t proc_self_peak_bytes(void) {
  char text[4096];
  ssize_t n = read_path("/proc/self/status", text, sizeof text - 1);
  if (n <= 0) return 0;
  text[n] = '\0';
  const char *at = strstr(text, "VmHWM:");
  long long kilobytes;
  return at && sscanf(at, "VmHWM: %lld", &kilobytes) == 1 ? kilobytes * 1024 : 0;
}

pid_t proc_last_pid(void) {
  char line[128];
  ssize_t n = read_path("/proc/loadavg", line, sizeof line - 1);
  if (n <= 0) return 0;
  line[n] = '\0';
  const char *space = strrchr(line, ' ');
  int pid;
  return space && sscanf(space, " %d", &pid) == 1 ? pid : 0;
}

static enum err add_proc(struct proc_table *table, const struct proc *p) {
  if (table->count == table->capacity) {
    size_t capacity = table->capacity ? table->capacity * 2 : 512;
    if (capacity > PROCS_MAX) return ERR_LIMIT;
    struct proc *procs = realloc(table->procs, capacity * sizeof *procs);
    if (!procs) return ERR_NO_MEMORY;
    table->procs = procs;
    table->capacity = capacity;
  }
  table->procs[table->count++] = *p;
  return ERR_OK;
}

static int compare_pids(const void *a, const void *b) {
  pid_t x = ((const struct proc *)a)->pid, y = ((const struct proc *)b)->pid;
  return (x > y) - (x < y);
}

enum err proc_scan(struct proc_table *table) {
  table->count = 0;
  DIR *dir = opendir("/proc");
  if (!dir) return os_error(errno, NULL, "open", "/proc");
  enum err e = ERR_OK;
  for (struct dirent *entry; e == ERR_OK && (entry = readdir(dir));) {
    int64_t pid;
    struct proc p;
    if (!str_to_int(str_of(entry->d_name), 1, INT32_MAX, &pid)) continue;
    if (proc_read((pid_t)pid, &p)) e = add_proc(table, &p);
  }
  (void)closedir(dir);
  if (table->count) qsort(table->procs, table->count, sizeof *table->procs, compare_pids);
  return e;
}

const struct proc *proc_find(const struct proc_table *table, pid_t pid) {
  if (!table->count) return NULL;
  struct proc key = {.pid = pid};
  return bsearch(&key, table->procs, table->count, sizeof key, compare_pids);
}

void proc_table_free(struct proc_table *table) {
  free(table->procs);
  *table = (struct proc_table){};
}

void proc_signal(const struct proc *p, int signal_number) {
  ASSERT(p->pid > 1);
  int pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
  if (pidfd < 0) return;
  struct proc now;
  if (proc_read(p->pid, &now) && now.start_ticks == p->start_ticks)
    (void)syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0);
  (void)close(pidfd);
}

void proc_wait(pid_t pid, int most_ms) {
  struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
  if (p.fd < 0) return;
  (void)poll(&p, 1, most_ms);
  (void)close(p.fd);
}
