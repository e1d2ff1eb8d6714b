#include "app/data_dir.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/os_file.h"

#define PATH_BYTES_MAX 4000

static const char *const folders[] = {"spool", "backups", "executors"};
static const char *const secret_files[] = {"sereno.db",  "worlds.db",   "live.db",
                                           "archive.db", "admin.token", "secret.key"};

static enum err check_mode(const char *path, const struct stat *st, mode_t forbidden,
                           struct err_detail *detail) {
  if (st->st_uid != geteuid()) {
    enum err e =
        err_set(detail, ERR_FORBIDDEN, "data.dir", 0, "%.150s belongs to user %u, and this is user %u", path,
                (unsigned)st->st_uid, (unsigned)geteuid());
    err_hint(detail, "run as that user, or choose another folder with --data");
    return e;
  }
  if (!(st->st_mode & forbidden)) return ERR_OK;
  enum err e = err_set(detail, ERR_FORBIDDEN, "data.dir", 0, "%.150s has mode %04o: others may use it", path,
                       (unsigned)(st->st_mode & 07777));
  err_hint(detail, "chmod go-rwx %.200s", path);
  return e;
}

static enum err check_file(const char *folder, const char *name, mode_t forbidden,
                           struct err_detail *detail) {
  char path[PATH_BYTES_MAX + 32];
  struct stat st;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (lstat(path, &st) != 0) return ERR_OK;
  if (!S_ISREG(st.st_mode))
    return err_set(detail, ERR_FORBIDDEN, "data.dir", 0, "%.150s is not a regular file", path);
  return check_mode(path, &st, forbidden, detail);
}

enum err data_dir_check(const char *path, struct err_detail *detail) {
  struct stat st;
  if (stat(path, &st) != 0) return os_error(errno, detail, "stat", path);
  if (!S_ISDIR(st.st_mode))
    return err_set(detail, ERR_INVALID, "data.dir", 0, "%.150s is not a folder", path);
  TRY(check_mode(path, &st, S_IRWXG | S_IRWXO, detail));
  for (size_t i = 0; i < sizeof secret_files / sizeof *secret_files; i++)
    TRY(check_file(path, secret_files[i], S_IRWXG | S_IRWXO, detail));
  return check_file(path, "sereno.ini", S_IWGRP | S_IWOTH, detail);
}

static enum err make_parents(const char *path, struct err_detail *detail) {
  char part[PATH_BYTES_MAX];
  if (!str_copy(part, sizeof part, str_of(path)))
    return err_set(detail, ERR_LIMIT, "data.dir", 0, "the path is too long");
  for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (access(part, F_OK) != 0) TRY(os_make_dir(part, 0700, detail));
    *slash = '/';
  }
  return ERR_OK;
}

enum err data_dir_open(const char *path, char *ret, size_t size, struct err_detail *detail) {
  if (!path || !path[0])
    return err_set(detail, ERR_INVALID, "data.dir", 0, "say where the data lies: --data DIR");
  TRY(make_parents(path, detail));
  TRY(os_make_dir(path, 0700, detail));
  char real[PATH_MAX];
  if (!realpath(path, real)) return os_error(errno, detail, "resolve", path);
  if (!str_copy(ret, size, str_of(real)))
    return err_set(detail, ERR_LIMIT, "data.dir", 0, "the path is too long");
  TRY(data_dir_check(ret, detail));
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    char folder[PATH_MAX + 16];
    snprintf(folder, sizeof folder, "%s/%s", ret, folders[i]);
    TRY(os_make_dir(folder, 0700, detail));
  }
  return ERR_OK;
}
