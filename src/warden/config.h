/* What a warden is told: its arguments and, when it is root, /etc/sereno/warden.ini, which only root may
 * write (DESIGN 7: nobody who writes to the database can choose a user). */
#pragma once
#include "base/err.h"
#include "warden/spawn.h"

#define WARDEN_USERS_MAX 64
#define WARDEN_CONFIG_FILE "/etc/sereno/warden.ini"

struct warden_config {
  const char *data_dir;
  int64_t idle_exit_ms;
  const char *cgroup;                        /* --cgroup: see cgroup_open; NULL: the ini file's, or auto */
  char cgroup_of_file[512];                  /* [warden] cgroup; "": not said */
  bool is_detached;                          /* --detach: the caller gets its process back at once */
  struct spawn_user users[WARDEN_USERS_MAX]; /* [warden] users = a, b */
  size_t user_count;
  const struct spawn_user *executor_user; /* [warden] executor_user; NULL: the warden's own */
  struct spawn_user data_owner;           /* see warden_config_default_user */
};

enum err warden_config_args(int argc, char **argv, struct warden_config *ret, struct err_detail *detail);
/* A missing file is an empty one. Refuses a file that others than its owner may write, or whose owner
 * is not root. */
enum err warden_config_read(const char *path, struct warden_config *config, struct err_detail *detail);
/* Of a root warden that was told no executor_user: runs are the data folder's owner's. That is who serve is and who may
 * send STARTs: with root as the default it could do whatever root can. */
void warden_config_default_user(struct warden_config *config, uid_t data_owner, gid_t data_group);
const struct spawn_user *warden_config_user(const struct warden_config *config, struct str name);
