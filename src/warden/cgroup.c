#include "warden/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "sys/os_file.h"

#define FILE_BYTES 4096
#define NAME_BYTES 64
#define MOUNTINFO_BYTES_MAX (1024 * 1024)
#define DEPTH_MAX 16 /* of folders that a run makes for itself */
#define CPU_PERIOD_US 100000
#define LEAF \
  "sereno-warden" /* where the warden itself goes, since a group with processes has no controllers */

static const struct {
  enum cgroup_controller bit;
  const char *name;
} controllers[] = {{CGROUP_CPU, "cpu"}, {CGROUP_MEMORY, "memory"}, {CGROUP_PIDS, "pids"}, {CGROUP_IO, "io"}};

#define CONTROLLERS (sizeof controllers / sizeof *controllers)

struct name {
  char text[NAME_BYTES];
};

static struct name file_of(int64_t run_no, const char *file) {
  struct name n;
  (void)snprintf(n.text, sizeof n.text, "%lld/%s", (long long)run_no, file);
  return n;
}

/* ---- small files ---- */

static struct str read_file(int dir_fd, const char *name, char to[FILE_BYTES]) {
  int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return STR_NONE;
  ssize_t n = read(fd, to, FILE_BYTES);
  (void)close(fd);
  return (struct str){to, n > 0 ? (size_t)n : 0};
}

static bool write_file(int dir_fd, const char *name, const char *text) {
  int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  size_t len = strlen(text);
  bool is_written = write(fd, text, len) == (ssize_t)len;
  (void)close(fd);
  return is_written;
}

/* The number after `key` in lines of "key number"; -1: not there. */
static int64_t value_of(struct str text, struct str key) {
  struct str line;
  while (text.ptr && str_split(&text, '\n', &line)) {
    int64_t value;
    if (!str_starts(line, key) || line.len <= key.len || line.ptr[key.len] != ' ') continue;
    return str_to_int(str_from(line, key.len + 1), 0, INT64_MAX, &value) ? value : -1;
  }
  return -1;
}

/* The sum of "key=number" over all devices. */
static int64_t sum_of(struct str text, struct str key) {
  int64_t sum = 0;
  for (size_t at; (at = str_find(text, key)) != SIZE_MAX;) {
    text = str_from(text, at + key.len);
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') digits++;
    int64_t value;
    if (str_to_int((struct str){text.ptr, digits}, 0, INT64_MAX / 1024, &value)) sum += value;
  }
  return sum;
}

/* ---- where we are ---- */

static bool own_group(struct str text, struct str *ret) {
  struct str line;
  while (text.ptr && str_split(&text, '\n', &line)) {
    if (!str_starts(line, STR("0::/"))) continue;
    *ret = str_from(line, 3);
    return !str_ends(*ret, STR(" (deleted)"));
  }
  return false;
}

/* "id parent major:minor ROOT MOUNTPOINT options … - TYPE source options" */
static bool is_cgroup2_mount(struct str line, struct str *ret_root, struct str *ret_point) {
  struct str piece;
  size_t dash = str_find(line, STR(" - cgroup2 "));
  if (dash == SIZE_MAX) return false;
  line.len = dash;
  for (int i = 0; i < 5 && str_split(&line, ' ', &piece); i++) {
    if (i == 3) *ret_root = piece;
    if (i == 4) *ret_point = piece;
  }
  bool is_plain = ret_point->len && str_find_char(*ret_point, '\\') == SIZE_MAX;
  return is_plain && ret_root->len;
}

bool cgroup_find(struct str self_cgroup, struct str mountinfo, char ret[CGROUP_PATH_BYTES]) {
  struct str group, line;
  if (!own_group(self_cgroup, &group)) return false;
  while (mountinfo.ptr && str_split(&mountinfo, '\n', &line)) {
    struct str root = STR_NONE, point = STR_NONE;
    if (!is_cgroup2_mount(line, &root, &point)) continue;
    struct str below = group;
    if (!str_eq(root, STR("/"))) {
      if (!str_starts(group, root) || (group.len > root.len && group.ptr[root.len] != '/')) continue;
      below = str_from(group, root.len);
    }
    if (str_eq(below, STR("/"))) below = STR_NONE;
    int n = snprintf(ret, CGROUP_PATH_BYTES, "%.*s%.*s", STR_ARG(point), STR_ARG(below));
    return n > 0 && n < CGROUP_PATH_BYTES;
  }
  return false;
}

static bool find_own(char ret[CGROUP_PATH_BYTES]) {
  BUF_AUTO struct buf self = buf_new(FILE_BYTES), mounts = buf_new(MOUNTINFO_BYTES_MAX);
  return os_read_file("/proc/self/cgroup", &self, NULL) == ERR_OK &&
         os_read_file("/proc/self/mountinfo", &mounts, NULL) == ERR_OK &&
         cgroup_find(buf_str(&self), buf_str(&mounts), ret);
}

static bool is_cgroup2(int fd) {
  struct statfs fs;
  return fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* ---- the base folder ---- */

/* systemd marks what it hands over. */
static bool is_marked_delegated(int fd) {
  char value[2];
  return fgetxattr(fd, "user.delegate", value, sizeof value) > 0 ||
         fgetxattr(fd, "trusted.delegate", value, sizeof value) > 0;
}

static void leave_for_leaf(int fd) {
  if (mkdirat(fd, LEAF, 0755) != 0 && errno != EEXIST) return;
  (void)write_file(fd, LEAF "/cgroup.procs", "0");
}

/* One by one: a controller that cannot be had leaves the others. */
static void enable_controllers(int fd) {
  char word[16];
  for (size_t i = 0; i < CONTROLLERS; i++) {
    (void)snprintf(word, sizeof word, "+%s", controllers[i].name);
    (void)write_file(fd, "cgroup.subtree_control", word);
  }
}

static unsigned enabled_controllers(int fd) {
  char bytes[FILE_BYTES];
  struct str text = str_trim(read_file(fd, "cgroup.subtree_control", bytes)), piece;
  unsigned bits = 0;
  while (text.len && str_split(&text, ' ', &piece))
    for (size_t i = 0; i < CONTROLLERS; i++)
      if (str_eq(piece, str_of(controllers[i].name))) bits |= controllers[i].bit;
  return bits;
}

static bool write_note(int dir_fd, const char *note, const char *path) {
  int fd = openat(dir_fd, note, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  size_t len = strlen(path);
  bool is_written = write(fd, path, len) == (ssize_t)len;
  (void)close(fd);
  return is_written;
}

static int open_folder(int at, const char *path) {
  return openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static bool make_base(struct cgroup *c, const struct cgroup_place *place, int parent_fd, const char *parent) {
  char name[NAME_BYTES];
  (void)snprintf(name, sizeof name, "sereno-%016llx.%016llx", (unsigned long long)place->folder,
                 (unsigned long long)place->instance);
  int n = snprintf(c->path, sizeof c->path, "%s/%s", parent, name);
  if (n < 0 || n >= (int)sizeof c->path || !write_note(place->dir_fd, place->note, c->path)) return false;
  if (mkdirat(parent_fd, name, 0755) == 0) c->fd = open_folder(parent_fd, name);
  bool is_able = c->fd >= 0 && faccessat(c->fd, "cgroup.kill", W_OK, AT_EACCESS) == 0; /* Linux 5.14 */
  if (is_able) return true;
  os_close(&c->fd);
  (void)unlinkat(parent_fd, name, AT_REMOVEDIR);
  (void)unlinkat(place->dir_fd, place->note, 0);
  return false;
}

/* What nobody gave us keeps its settings: only a named or a marked folder hands its controllers down. */
static bool open_in(struct cgroup *c, const struct cgroup_place *place, const char *parent, bool is_own) {
  int parent_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool is_usable = parent_fd >= 0 && is_cgroup2(parent_fd),
       is_marked = is_usable && is_marked_delegated(parent_fd);
  if (is_usable && is_own && is_marked) leave_for_leaf(parent_fd);
  if (is_usable && (!is_own || is_marked)) enable_controllers(parent_fd);
  is_usable = is_usable && make_base(c, place, parent_fd, parent);
  os_close(&parent_fd);
  if (!is_usable) return false;
  enable_controllers(c->fd);
  c->controllers = enabled_controllers(c->fd);
  return true;
}

enum err cgroup_open(const struct cgroup_place *place, struct cgroup *ret, struct err_detail *detail) {
  *ret = (struct cgroup){.fd = -1};
  struct str where = str_of(place->where);
  bool is_own = !where.len || str_eq(where, STR("auto"));
  char own[CGROUP_PATH_BYTES];
  if (str_eq(where, STR("off")) || (is_own && !find_own(own))) return ERR_OK;
  if (open_in(ret, place, is_own ? own : place->where, is_own) || is_own) return ERR_OK;
  return err_set(detail, ERR_INVALID, "cgroup", 0, "%s is not a folder of control groups v2 that we may use",
                 place->where);
}

/* ---- folders below ---- */

typedef bool each_fn(int fd, void *arg); /* false: enough */

/* Innermost first; a run may have made folders of its own. */
static bool each_folder(int fd, int depth, each_fn *fn, bool is_removing, void *arg) {
  int copy = depth < DEPTH_MAX ? open_folder(fd, ".") : -1;
  DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
  if (!dir) os_close(&copy);
  bool goes_on = true;
  for (struct dirent *e; dir && goes_on && (e = readdir(dir));) {
    if (e->d_type != DT_DIR || e->d_name[0] == '.') continue;
    int sub = open_folder(fd, e->d_name);
    if (sub < 0) continue;
    goes_on = each_folder(sub, depth + 1, fn, is_removing, arg);
    os_close(&sub);
    if (is_removing) (void)unlinkat(fd, e->d_name, AT_REMOVEDIR);
  }
  if (dir) (void)closedir(dir);
  return goes_on && fn(fd, arg);
}

static bool nothing(int fd, void *arg) {
  (void)fd, (void)arg;
  return true;
}

struct members {
  pid_t *pids;
  size_t count, max;
};

static bool add_members(int fd, void *arg) {
  struct members *m = arg;
  int file = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
  FILE *lines = file >= 0 ? fdopen(file, "r") : NULL;
  if (!lines) os_close(&file);
  char line[32];
  while (lines && m->count < m->max && fgets(line, sizeof line, lines)) {
    int64_t pid;
    if (str_to_int(str_trim(str_of(line)), 1, INT32_MAX, &pid)) m->pids[m->count++] = (pid_t)pid;
  }
  if (lines) (void)fclose(lines);
  return m->count < m->max;
}

static bool is_populated(int fd, const char *events) {
  char bytes[FILE_BYTES];
  return value_of(read_file(fd, events, bytes), STR("populated")) == 1;
}

/* The kernel tells a change of cgroup.events as POLLPRI. */
static void wait_until_empty(int fd, int most_ms) {
  char bytes[FILE_BYTES];
  int events = openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
  struct pollfd p = {.fd = events, .events = POLLPRI};
  for (int waited = 0; events >= 0 && waited < most_ms; waited += 50) {
    ssize_t n = pread(events, bytes, sizeof bytes, 0);
    if (n < 0 || value_of((struct str){bytes, (size_t)n}, STR("populated")) != 1) break;
    (void)poll(&p, 1, 50);
  }
  os_close(&events);
}

static void end_folder(int fd, int wait_ms) {
  (void)write_file(fd, "cgroup.kill", "1");
  wait_until_empty(fd, wait_ms);
  (void)each_folder(fd, 0, nothing, true, NULL);
}

void cgroup_close(struct cgroup *c, int dir_fd, const char *note) {
  if (c->fd < 0) return;
  end_folder(c->fd, 0);
  os_close(&c->fd);
  if (rmdir(c->path) == 0) (void)unlinkat(dir_fd, note, 0);
}

void cgroup_end_dead(uint64_t folder, int dir_fd, const char *note, int wait_ms) {
  char bytes[FILE_BYTES], path[CGROUP_PATH_BYTES], ours[NAME_BYTES];
  struct str text = read_file(dir_fd, note, bytes);
  if (!text.len) return;
  (void)snprintf(ours, sizeof ours, "/sereno-%016llx.", (unsigned long long)folder);
  size_t at = str_find(text, str_of(ours));
  bool is_ours = at != SIZE_MAX && str_find_char(str_from(text, at + 1), '/') == SIZE_MAX;
  if (!is_ours || !str_copy(path, sizeof path, text)) return;
  int fd = open_folder(AT_FDCWD, path);
  if (fd >= 0 && is_cgroup2(fd)) end_folder(fd, wait_ms);
  os_close(&fd);
  if (rmdir(path) == 0 || errno == ENOENT) (void)unlinkat(dir_fd, note, 0);
}

/* ---- a run ---- */

void cgroup_limit(const struct cgroup *c, int64_t run_no, const struct cgroup_limits *l) {
  char text[48];
  if (c->controllers & CGROUP_MEMORY && l->memory_bytes_max) {
    (void)snprintf(text, sizeof text, "%lld", (long long)l->memory_bytes_max);
    (void)write_file(c->fd, file_of(run_no, "memory.max").text, text);
    (void)write_file(c->fd, file_of(run_no, "memory.oom.group").text, "1");
  }
  if (c->controllers & CGROUP_PIDS && l->pids_max) {
    (void)snprintf(text, sizeof text, "%u", l->pids_max);
    (void)write_file(c->fd, file_of(run_no, "pids.max").text, text);
  }
  if (c->controllers & CGROUP_CPU && l->cpu_percent_max) {
    (void)snprintf(text, sizeof text, "%lld %d", (long long)l->cpu_percent_max * (CPU_PERIOD_US / 100),
                   CPU_PERIOD_US);
    (void)write_file(c->fd, file_of(run_no, "cpu.max").text, text);
  }
}

int cgroup_add(const struct cgroup *c, int64_t run_no, const struct cgroup_limits *limits,
               int *ret_procs_fd) {
  ASSERT(c->fd >= 0);
  struct name name = file_of(run_no, "");
  bool is_left = mkdirat(c->fd, name.text, 0755) != 0;
  if (is_left && (errno != EEXIST || !cgroup_remove(c, run_no) || mkdirat(c->fd, name.text, 0755) != 0))
    return errno;
  int fd = openat(c->fd, file_of(run_no, "cgroup.procs").text, O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    int error_number = errno;
    (void)cgroup_remove(c, run_no);
    return error_number;
  }
  cgroup_limit(c, run_no, limits);
  *ret_procs_fd = fd;
  return 0;
}

bool cgroup_is_populated(const struct cgroup *c, int64_t run_no) {
  return is_populated(c->fd, file_of(run_no, "cgroup.events").text);
}

size_t cgroup_members(const struct cgroup *c, int64_t run_no, pid_t *ret_pids, size_t max) {
  struct members m = {ret_pids, 0, max};
  int fd = open_folder(c->fd, file_of(run_no, "").text);
  if (fd >= 0) (void)each_folder(fd, 0, add_members, false, &m);
  os_close(&fd);
  return m.count;
}

void cgroup_kill(const struct cgroup *c, int64_t run_no) {
  (void)write_file(c->fd, file_of(run_no, "cgroup.kill").text, "1");
}

void cgroup_bill(const struct cgroup *c, int64_t run_no, struct warden_bill *bill) {
  char bytes[FILE_BYTES];
  struct str text = read_file(c->fd, file_of(run_no, "cpu.stat").text, bytes);
  int64_t user = value_of(text, STR("user_usec")), system = value_of(text, STR("system_usec"));
  if (user >= 0 && system >= 0) {
    bill->cpu_user_us = user;
    bill->cpu_system_us = system;
    bill->exact |= WARDEN_EXACT_CPU;
  }
  int64_t peak;
  if (c->controllers & CGROUP_MEMORY &&
      str_to_int(str_trim(read_file(c->fd, file_of(run_no, "memory.peak").text, bytes)), 0, INT64_MAX,
                 &peak)) {
    bill->memory_peak_bytes = peak;
    bill->exact |= WARDEN_EXACT_MEMORY;
  }
  if (!(c->controllers & CGROUP_IO)) return;
  text = read_file(c->fd, file_of(run_no, "io.stat").text, bytes); /* empty: no device was touched */
  if (!text.ptr) return;
  bill->io_read_bytes = sum_of(text, STR("rbytes="));
  bill->io_write_bytes = sum_of(text, STR("wbytes="));
  bill->exact |= WARDEN_EXACT_IO;
}

bool cgroup_hit_memory(const struct cgroup *c, int64_t run_no) {
  char bytes[FILE_BYTES];
  if (!(c->controllers & CGROUP_MEMORY)) return false;
  return value_of(read_file(c->fd, file_of(run_no, "memory.events").text, bytes), STR("oom_kill")) > 0;
}

bool cgroup_remove(const struct cgroup *c, int64_t run_no) {
  struct name name = file_of(run_no, "");
  if (unlinkat(c->fd, name.text, AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
  int fd = open_folder(c->fd, name.text);
  if (fd >= 0) (void)each_folder(fd, 0, nothing, true, NULL);
  os_close(&fd);
  return unlinkat(c->fd, name.text, AT_REMOVEDIR) == 0;
}
