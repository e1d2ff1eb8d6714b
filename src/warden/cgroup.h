/* Control groups v2: a folder for each run, so that nothing leaves a run's tree, limits are the kernel's
 * and the bill is exact. Only files below one folder of our own; what a kernel or a host does not offer
 * (no mount, nobody gave us the right, no controllers) is simply not there and /proc is asked instead.
 *
 * The base folder is "sereno-<data folder>.<warden's life>" below the warden's own group, or below a folder
 * it was told. Being allowed to make it there is the delegation: systemd hands a unit's group over with
 * Delegate=, and root may do it anyway. */
#pragma once
#include <sys/types.h>

#include "base/err.h"
#include "warden/proto.h"

#define CGROUP_PATH_BYTES 512

enum cgroup_controller { CGROUP_CPU = 1, CGROUP_MEMORY = 2, CGROUP_PIDS = 4, CGROUP_IO = 8 };

struct cgroup {
  int fd; /* of the base folder; -1: there is none */
  unsigned controllers;
  char path[CGROUP_PATH_BYTES];
};

struct cgroup_limits { /* 0 = none; applied where the controller is there */
  int64_t memory_bytes_max;
  uint32_t pids_max;
  uint32_t cpu_percent_max; /* 100 = one core */
};

/* Where the process of this /proc/self/cgroup is, below the cgroup2 mount of this /proc/self/mountinfo.
 * False: in none. Pure. */
bool cgroup_find(struct str self_cgroup, struct str mountinfo, char ret[CGROUP_PATH_BYTES]);

struct cgroup_place {
  const char *where; /* "off", a folder, NULL or "auto" for our own group */
  uint64_t folder, instance;
  int dir_fd;       /* of DIR/warden; borrowed */
  const char *note; /* the file there that gets the path, so that the next warden can clean up */
};

/* ret->fd is -1 when there are none to be had; an error only when a folder was named and cannot be used. */
enum err cgroup_open(const struct cgroup_place *place, struct cgroup *ret, struct err_detail *detail);
/* Kills what is left in it and takes it away. */
void cgroup_close(struct cgroup *c, int dir_fd, const char *note);
/* What a dead warden noted: its processes are killed, the folder goes. Only a folder of this data folder's
 * name in a real cgroup2 file system is touched. */
void cgroup_end_dead(uint64_t folder, int dir_fd, const char *note, int wait_ms);

/* Makes a run's folder and sets its limits. 0 or an errno; the descriptor takes "0" from the child itself. */
int cgroup_add(const struct cgroup *c, int64_t run_no, const struct cgroup_limits *limits, int *ret_procs_fd);
void cgroup_limit(const struct cgroup *c, int64_t run_no, const struct cgroup_limits *limits);
/* False: no process is in it or in any folder that the run made below it. */
bool cgroup_is_populated(const struct cgroup *c, int64_t run_no);
/* Every process in it and below, at most max; returns how many. */
size_t cgroup_members(const struct cgroup *c, int64_t run_no, pid_t *ret_pids, size_t max);
void cgroup_kill(const struct cgroup *c, int64_t run_no); /* all at once, no fork escapes */
/* Replaces the values that the kernel has counted; `exact` of the bill tells which. */
void cgroup_bill(const struct cgroup *c, int64_t run_no, struct warden_bill *bill);
bool cgroup_hit_memory(const struct cgroup *c, int64_t run_no); /* was something killed for memory.max? */
bool cgroup_remove(const struct cgroup *c, int64_t run_no);     /* false: not yet empty */
