#include "app/spool_care.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "warden/spool.h"

struct output_file {
  int64_t run_no, changed_ms, bytes;
  bool is_live;
};

struct spool_sweep *spool_sweep_new(const char *data_folder, size_t live_max) {
  struct spool_sweep *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->live = calloc(live_max ? live_max : 1, sizeof *s->live);
  if (!s->live) {
    free(s);
    return NULL;
  }
  snprintf(s->folder, sizeof s->folder, "%s/spool", data_folder);
  return s;
}

void spool_sweep_free(struct spool_sweep *s) {
  if (!s) return;
  free(s->live);
  free(s);
}

static int by_number(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

static int by_age(const void *a, const void *b) {
  const struct output_file *x = a, *y = b;
  return x->changed_ms < y->changed_ms ? -1 : x->changed_ms > y->changed_ms;
}

static bool run_of_name(const char *name, int64_t *ret) {
  struct str s = str_of(name);
  return str_ends(s, STR(".out")) && str_to_int((struct str){s.ptr, s.len - 4}, 1, INT64_MAX, ret);
}

static size_t list_files(struct spool_sweep *s, DIR *dir, struct output_file **ret) {
  size_t count = 0, capacity = 0;
  struct output_file *files = NULL;
  for (struct dirent *entry; (entry = readdir(dir));) {
    struct stat st;
    int64_t run_no;
    if (!run_of_name(entry->d_name, &run_no)) continue;
    if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) continue;
    if (count == capacity) {
      capacity = capacity ? 2 * capacity : 256;
      struct output_file *grown = reallocarray(files, capacity, sizeof *grown);
      if (!grown) break; /* the rest waits for the next sweep */
      files = grown;
    }
    bool is_live = bsearch(&run_no, s->live, s->live_count, sizeof run_no, by_number) != NULL;
    files[count++] = (struct output_file){run_no, st.st_mtim.tv_sec * 1000, st.st_blocks * 512, is_live};
  }
  *ret = files;
  return count;
}

static void delete_file(struct spool_sweep *s, int dir_fd, const struct output_file *f) {
  if (unlinkat(dir_fd, spool_name(f->run_no).text, 0) != 0) return;
  (void)unlinkat(dir_fd, spool_time_name(f->run_no).text, 0);
  s->deleted++;
  s->deleted_bytes += f->bytes;
}

void spool_sweep_run(void *arg) {
  struct spool_sweep *s = arg;
  DIR *dir = opendir(s->folder);
  if (!dir) return;
  if (s->live_count) qsort(s->live, s->live_count, sizeof *s->live, by_number);
  struct output_file *files = NULL;
  size_t count = list_files(s, dir, &files);
  int64_t bytes = 0;
  for (size_t i = 0; i < count; i++) bytes += files[i].bytes;
  if (count) qsort(files, count, sizeof *files, by_age);
  for (size_t i = 0; i < count; i++) {
    if (files[i].is_live) continue;
    if (files[i].changed_ms >= s->older_than_ms && bytes <= s->bytes_max) break;
    delete_file(s, dirfd(dir), &files[i]);
    bytes -= files[i].bytes;
  }
  free(files);
  closedir(dir);
}
