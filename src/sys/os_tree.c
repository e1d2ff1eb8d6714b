#include "sys/os_tree.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#define TREE_PATH_BYTES 4096

bool os_file_state(const char *path, struct os_file_state *ret) {
  struct stat st;
  if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) return false;
  *ret = (struct os_file_state){.device = st.st_dev,
                                .inode = st.st_ino,
                                .size_bytes = st.st_size,
                                .changed_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec};
  return true;
}

bool os_file_state_eq(const struct os_file_state *a, const struct os_file_state *b) {
  return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
         a->changed_ns == b->changed_ns;
}

struct walk {
  const char *folder;
  int left; /* entries that may still be looked at */
  os_tree_fn *fn;
  void *arg;
};

static bool join(char *to, const char *a, const char *b) {
  int n = snprintf(to, TREE_PATH_BYTES, "%s%s%s", a, a[0] && b[0] ? "/" : "", b);
  return n >= 0 && n < TREE_PATH_BYTES;
}

/* False when the walk is to end. */
static bool walk_folder(struct walk *w, const char *below, int depth) {
  char path[TREE_PATH_BYTES], relative[TREE_PATH_BYTES];
  DIR *dir = join(path, w->folder, below) ? opendir(path) : NULL;
  if (!dir) return true;
  bool goes_on = true;
  for (const struct dirent *entry; goes_on && (entry = readdir(dir));) {
    if (entry->d_name[0] == '.') continue;
    if (w->left-- <= 0) goes_on = false;
    struct stat st;
    if (!goes_on || !join(relative, below, entry->d_name) || !join(path, w->folder, relative)) continue;
    if (stat(path, &st) != 0) continue;
    if (S_ISREG(st.st_mode)) goes_on = w->fn(w->arg, relative);
    else if (S_ISDIR(st.st_mode) && depth > 1) goes_on = walk_folder(w, relative, depth - 1);
  }
  (void)closedir(dir);
  return goes_on;
}

void os_tree_each(const char *folder, int depth, int max, os_tree_fn *fn, void *arg) {
  ASSERT(depth >= 1 && depth <= 8); /* bounds the stack: two paths a level */
  struct walk w = {.folder = folder, .left = max, .fn = fn, .arg = arg};
  (void)walk_folder(&w, "", depth);
}
