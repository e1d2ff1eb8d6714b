#include "app/programs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM_NAME_MAX 100
#define PROGRAMS_MAX 10000

static bool is_name(struct str name) {
  if (name.len == 0 || name.len > PROGRAM_NAME_MAX || name.ptr[0] == '.' || name.ptr[0] == '-') return false;
  for (size_t i = 0; i < name.len; i++) {
    char c = name.ptr[i];
    bool is_ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                 c == '-' || c == '.';
    if (!is_ok) return false;
  }
  return true;
}

/* Owned by us or root, and written by nobody else: else another user could choose what we run. */
static bool is_safe_owner(const struct stat *st) {
  return (st->st_uid == geteuid() || st->st_uid == 0) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static enum err check_folder(const struct programs *p, struct err_detail *detail) {
  struct stat st;
  if (stat(p->folder, &st) != 0) return ERR_NOT_FOUND;
  if (S_ISDIR(st.st_mode) && is_safe_owner(&st)) return ERR_OK;
  return err_set(detail, ERR_FORBIDDEN, "command", 0, "the folder %s may be written by others", p->folder);
}

enum err programs_find(const struct programs *p, struct str name, char *ret_path, size_t size,
                       struct err_detail *detail) {
  if (!is_name(name)) return ERR_NOT_FOUND;
  TRY(check_folder(p, detail));
  char path[4200];
  int n = snprintf(path, sizeof path, "%s/%.*s", p->folder, STR_ARG(name));
  if (n < 0 || (size_t)n >= sizeof path || (size_t)n >= size) return ERR_NOT_FOUND;
  struct stat st;
  if (lstat(path, &st) != 0) return ERR_NOT_FOUND;
  if (!S_ISREG(st.st_mode))
    return err_set(detail, ERR_FORBIDDEN, "command", 0, "%s is not a regular file", path);
  if (!is_safe_owner(&st))
    return err_set(detail, ERR_FORBIDDEN, "command", 0, "%s belongs to or may be written by others", path);
  if (access(path, X_OK) != 0)
    return err_set(detail, ERR_FORBIDDEN, "command", 0, "%s is not executable", path);
  str_copy(ret_path, size, (struct str){path, (size_t)n});
  return ERR_OK;
}

static int scan(const struct programs *p, struct dirent ***ret) {
  if (check_folder(p, NULL) != ERR_OK) return 0;
  int n = scandir(p->folder, ret, NULL, alphasort);
  return n < 0 ? 0 : n;
}

static void scan_free(struct dirent **entries, int n) {
  for (int i = 0; i < n; i++) free(entries[i]);
  if (n) free(entries);
}

void programs_each(const struct programs *p, void (*fn)(void *arg, const char *name, const char *path),
                   void *arg) {
  struct dirent **entries = NULL;
  int n = scan(p, &entries);
  char path[4200];
  for (int i = 0; i < n && i < PROGRAMS_MAX; i++)
    if (programs_find(p, str_of(entries[i]->d_name), path, sizeof path, NULL) == ERR_OK)
      fn(arg, entries[i]->d_name, path);
  scan_free(entries, n);
}

static void count_one(void *arg, const char *name, const char *path) {
  (void)name;
  (void)path;
  ++*(size_t *)arg;
}

size_t programs_count(const struct programs *p) {
  size_t count = 0;
  programs_each(p, count_one, &count);
  return count;
}
