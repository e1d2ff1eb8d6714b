/* Deletes old files below allowed folders (C-7). Never follows a symbolic link, never leaves the file
 * system it started on, never touches sockets, pipes and devices. What is old is decided by the newer
 * of the times of change and of access, so a file just unpacked with its old date is young. Run twice, the
 * second time deletes nothing. The allowed folders come from the configuration (variable TEMP_ROOTS,
 * colons between), not from the job. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "warden/child.h"

#define DEPTH_MAX 64
#define DEFAULT_ROOTS "/tmp:/var/tmp" /* by hand; serve always says which */

static const struct executor_param params[] = {
    {.name = "roots",
     .type = PARAM_TEXTS,
     .min = 1,
     .max = 100,
     .help = "folders to clean, each inside an allowed one; default: every allowed one",
     .help_es =
         "carpetas que se limpian, cada una dentro de una permitida; por defecto, todas las permitidas"},
    {.name = "olderThanHours",
     .type = PARAM_INT,
     .min = 1,
     .max = 876000,
     .default_json = "24",
     .help = "age from which a file is deleted",
     .help_es = "edad desde la que se borra un fichero"},
    {.name = "dryRun",
     .type = PARAM_BOOL,
     .default_json = "false",
     .help = "only tell what would be deleted",
     .help_es = "solo dice qué se borraría"},
    {},
};

struct sweep {
  struct child *child;
  int64_t older_than_s; /* epoch seconds: last used before this is old */
  dev_t device;
  bool is_dry_run;
  int64_t files, folders, bytes, errors;
};

/* A folder's time of access is set by the sweep itself, so there only the time of change counts. */
static int64_t used_s(const struct stat *st) {
  if (S_ISDIR(st->st_mode) || st->st_mtim.tv_sec > st->st_atim.tv_sec) return st->st_mtim.tv_sec;
  return st->st_atim.tv_sec;
}

static void complain(struct sweep *s, const char *name) {
  s->errors++;
  child_print(s->child, "cannot clean %s: %s", name, strerror(errno));
}

static void delete_entry(struct sweep *s, int folder, const char *name, const struct stat *st, int flags) {
  if (!s->is_dry_run && unlinkat(folder, name, flags) != 0) {
    /* a folder that is not empty keeps young files: that is no error */
    if (errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST) complain(s, name);
    return;
  }
  if (flags == AT_REMOVEDIR) {
    s->folders++;
    return;
  }
  s->files++;
  if (st->st_nlink == 1) s->bytes += st->st_blocks * 512;
}

static void sweep_folder(struct sweep *s, int fd, int depth);

static void sweep_entry(struct sweep *s, int folder, const char *name, int depth) {
  struct stat st;
  if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) complain(s, name);
    return;
  }
  bool is_old = used_s(&st) < s->older_than_s;
  if (S_ISDIR(st.st_mode)) {
    if (st.st_dev != s->device || depth >= DEPTH_MAX) return;
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
      complain(s, name);
      return;
    }
    sweep_folder(s, fd, depth + 1);
    if (is_old && !s->is_dry_run) delete_entry(s, folder, name, &st, AT_REMOVEDIR);
  } else if (is_old && (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))) {
    delete_entry(s, folder, name, &st, 0);
  }
}

/* Takes fd over. */
static void sweep_folder(struct sweep *s, int fd, int depth) {
  DIR *dir = fdopendir(fd);
  if (!dir) {
    complain(s, "a folder");
    close(fd);
    return;
  }
  for (struct dirent *e; (e = readdir(dir)) && !child_is_asked_to_stop(s->child);)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
      sweep_entry(s, dirfd(dir), e->d_name, depth);
  closedir(dir);
}

static struct str allowed_roots(void) {
  const char *list = getenv("TEMP_ROOTS");
  return str_of(list ? list : DEFAULT_ROOTS);
}

/* Is path, with every link resolved, one of the allowed folders or inside one? */
static bool is_allowed(const char *path, char resolved[PATH_MAX]) {
  struct str rest = allowed_roots(), root;
  if (!realpath(path, resolved)) return false;
  struct str real = str_of(resolved);
  while (str_split(&rest, ':', &root)) {
    char text[PATH_MAX], root_real[PATH_MAX];
    if (root.len < 2 || !str_copy(text, sizeof text, root) || !realpath(text, root_real)) continue;
    struct str allowed = str_of(root_real);
    if (str_starts(real, allowed) && (real.len == allowed.len || real.ptr[allowed.len] == '/')) return true;
  }
  return false;
}

/* Whoever may write into an allowed folder could put a link in the path between the look and the opening. */
static bool is_still(int fd, const char *resolved) {
  char link[40], now[PATH_MAX];
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, now, sizeof now);
  return n > 0 && str_eq((struct str){now, (size_t)n}, str_of(resolved));
}

static enum err sweep_root(struct sweep *s, const char *path, struct err_detail *d) {
  char resolved[PATH_MAX];
  struct stat st;
  if (access(path, F_OK) != 0 && errno == ENOENT) return ERR_OK; /* nothing there, nothing to clean */
  if (!is_allowed(path, resolved)) {
    (void)err_set(d, ERR_FORBIDDEN, "roots", 0, "%.150s is not inside an allowed folder", path);
    err_hint(d, "an administrator can allow it: [executors] temp_roots");
    return ERR_FORBIDDEN;
  }
  int fd = open(resolved, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) != 0) {
    if (fd >= 0) close(fd);
    return err_set(d, ERR_IO, "roots", 0, "cannot open %.150s: %s", path, strerror(errno));
  }
  if (!is_still(fd, resolved)) {
    close(fd);
    return err_set(d, ERR_FORBIDDEN, "roots", 0, "%.150s changed while it was opened", path);
  }
  s->device = st.st_dev;
  sweep_folder(s, fd, 0);
  return ERR_OK;
}

static enum err sweep_allowed(struct sweep *s, struct err_detail *d) {
  struct str rest = allowed_roots(), root;
  while (str_split(&rest, ':', &root)) {
    char path[PATH_MAX];
    if (root.len > 1 && str_copy(path, sizeof path, root)) TRY(sweep_root(s, path, d));
  }
  return ERR_OK;
}

static int run(struct child *child) {
  const json_t *p = child_params(child);
  int64_t hours = json_integer_value(json_object_get(p, "olderThanHours"));
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME, &now); /* ages are compared with the file system's own clock */
  struct sweep s = {.child = child,
                    .older_than_s = (int64_t)now.tv_sec - hours * 3600,
                    .is_dry_run = json_is_true(json_object_get(p, "dryRun"))};
  struct err_detail d = {};
  enum err e = ERR_OK;
  const json_t *roots = json_object_get(p, "roots");
  for (size_t i = 0; i < json_array_size(roots) && e == ERR_OK; i++)
    e = sweep_root(&s, json_string_value(json_array_get(roots, i)), &d);
  if (!roots) e = sweep_allowed(&s, &d);
  if (e != ERR_OK) return child_fail(child, &d);
  child_print(child, "%s %lld files and %lld folders, %lld bytes; %lld errors",
              s.is_dry_run ? "would delete" : "deleted", (long long)s.files, (long long)s.folders,
              (long long)s.bytes, (long long)s.errors);
  child_result(child, json_pack("{s:I, s:I, s:I, s:I, s:b}", "filesDeleted", (json_int_t)s.files,
                                "foldersDeleted", (json_int_t)s.folders, "bytesFreed", (json_int_t)s.bytes,
                                "errors", (json_int_t)s.errors, "dryRun", (int)s.is_dry_run));
  return s.errors > 0 ? EXECUTOR_FAILED : EXECUTOR_OK;
}

const struct executor executor_temp_files_cleanup = {
    .name = "temp_files_cleanup",
    .class_name = "TempFilesCleanupExecutor",
    .description = "Deletes old files below allowed temporary folders",
    .description_es = "Borra ficheros viejos de las carpetas temporales permitidas",
    .params = params,
    .run = run,
};
