#include "warden/config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <ini.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/os_file.h"

#define IDLE_EXIT_MS 60000
#define IDLE_EXIT_SECONDS_MAX 86400
#define PASSWD_BYTES 16384

static bool cgroup_is_said_well(struct str s) {
  return str_eq(s, STR("off")) || str_eq(s, STR("auto")) || str_starts(s, STR("/"));
}

enum err warden_config_args(int argc, char **argv, struct warden_config *ret, struct err_detail *detail) {
  struct warden_config c = {.idle_exit_ms = IDLE_EXIT_MS};
  for (int i = 1; i < argc; i++) {
    struct str arg = str_of(argv[i]);
    bool has_value = i + 1 < argc;
    int64_t seconds;
    if (str_eq(arg, STR("--detach"))) {
      c.is_detached = true;
    } else if (str_eq(arg, STR("--data")) && has_value) {
      c.data_dir = argv[++i];
    } else if (str_eq(arg, STR("--idle-exit")) && has_value) {
      if (!str_to_int(str_of(argv[++i]), 0, IDLE_EXIT_SECONDS_MAX, &seconds))
        return err_set(detail, ERR_INVALID, "--idle-exit", 0, "\"%s\" is not 0 to %d seconds", argv[i],
                       IDLE_EXIT_SECONDS_MAX);
      c.idle_exit_ms = seconds * 1000;
    } else if (str_eq(arg, STR("--cgroup")) && has_value) {
      c.cgroup = argv[++i];
      if (!cgroup_is_said_well(str_of(c.cgroup)))
        return err_set(detail, ERR_INVALID, "--cgroup", 0, "\"%s\" is not off, auto or an absolute folder",
                       c.cgroup);
    } else {
      return err_set(detail, ERR_INVALID, argv[i], 0,
                     "usage: sereno warden --data DIR [--idle-exit SECONDS] "
                     "[--cgroup off|auto|DIR] [--detach]");
    }
  }
  if (!c.data_dir) return err_set(detail, ERR_INVALID, "--data", 0, "the data folder is missing");
  *ret = c;
  return ERR_OK;
}

static enum err resolve_user(struct str name, struct spawn_user *ret, struct err_detail *detail) {
  struct spawn_user u = {.group_count = SPAWN_GROUPS_MAX};
  struct passwd entry, *found = NULL;
  char bytes[PASSWD_BYTES];
  if (!str_copy(u.name, sizeof u.name, name))
    return err_set(detail, ERR_INVALID, "users", 0, "\"%.*s\" is too long", STR_ARG(name));
  if (getpwnam_r(u.name, &entry, bytes, sizeof bytes, &found) != 0 || !found)
    return err_set(detail, ERR_INVALID, "users", 0, "there is no user \"%s\"", u.name);
  u.uid = entry.pw_uid;
  u.gid = entry.pw_gid;
  if (getgrouplist(u.name, u.gid, u.groups, &u.group_count) < 0)
    return err_set(detail, ERR_LIMIT, "users", 0, "\"%s\" is in more than %d groups", u.name,
                   SPAWN_GROUPS_MAX);
  *ret = u;
  return ERR_OK;
}

struct reading {
  struct warden_config *config;
  struct err_detail *detail;
  enum err error;
};

static enum err add_user(struct reading *r, struct str name) {
  if (warden_config_user(r->config, name)) return ERR_OK;
  if (r->config->user_count >= WARDEN_USERS_MAX)
    return err_set(r->detail, ERR_LIMIT, "users", 0, "more than %d users", WARDEN_USERS_MAX);
  TRY(resolve_user(name, &r->config->users[r->config->user_count], r->detail));
  r->config->user_count++;
  return ERR_OK;
}

static enum err take_key(struct reading *r, struct str section, struct str name, struct str value) {
  if (str_eq(section, STR("warden")) && str_eq(name, STR("users"))) {
    struct str piece;
    while (str_split(&value, ',', &piece))
      if (str_trim(piece).len) TRY(add_user(r, str_trim(piece)));
    return ERR_OK;
  }
  if (str_eq(section, STR("warden")) && str_eq(name, STR("executor_user"))) {
    TRY(add_user(r, value));
    r->config->executor_user = warden_config_user(r->config, value);
    return ERR_OK;
  }
  if (str_eq(section, STR("warden")) && str_eq(name, STR("cgroup"))) {
    if (cgroup_is_said_well(value) &&
        str_copy(r->config->cgroup_of_file, sizeof r->config->cgroup_of_file, value))
      return ERR_OK;
    return err_set(r->detail, ERR_INVALID, "cgroup", 0, "\"%.*s\" is not off, auto or an absolute folder",
                   STR_ARG(value));
  }
  return err_set(r->detail, ERR_INVALID, NULL, 0, "[%.*s] %.*s is not known", STR_ARG(section),
                 STR_ARG(name));
}

static int on_key(void *arg, const char *section, const char *name, const char *value) {
  struct reading *r = arg;
  if (r->error == ERR_OK) r->error = take_key(r, str_of(section), str_of(name), str_of(value));
  return r->error == ERR_OK;
}

enum err warden_config_read(const char *path, struct warden_config *config, struct err_detail *detail) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return errno == ENOENT ? ERR_OK : os_error(errno, detail, "open", path);
  struct stat st;
  if (fstat(fd, &st) != 0 || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) || !S_ISREG(st.st_mode)) {
    (void)close(fd);
    return err_set(detail, ERR_FORBIDDEN, NULL, 0, "%s has to be a file that only root can write", path);
  }
  FILE *file = fdopen(fd, "r");
  if (!file) {
    (void)close(fd);
    return ERR_NO_MEMORY;
  }
  struct reading r = {config, detail, ERR_OK};
  int line = ini_parse_file(file, on_key, &r);
  (void)fclose(file);
  if (r.error == ERR_OK && line != 0)
    r.error = err_set(detail, ERR_INVALID, NULL, 0, "%s is not an ini file", path);
  if (r.error != ERR_OK && detail && line > 0) detail->line = line;
  return r.error;
}

void warden_config_default_user(struct warden_config *config, uid_t data_owner, gid_t data_group) {
  struct passwd entry, *found = NULL;
  char bytes[PASSWD_BYTES];
  if (config->executor_user || data_owner == 0) return;
  bool is_known = getpwuid_r(data_owner, &entry, bytes, sizeof bytes, &found) == 0 && found;
  if (!is_known || resolve_user(str_of(found->pw_name), &config->data_owner, NULL) != ERR_OK)
    config->data_owner = (struct spawn_user){.gid = data_group};
  config->data_owner.uid = data_owner;
  config->executor_user = &config->data_owner;
}

const struct spawn_user *warden_config_user(const struct warden_config *config, struct str name) {
  for (size_t i = 0; i < config->user_count; i++)
    if (str_eq(str_of(config->users[i].name), name)) return &config->users[i];
  return NULL;
}
