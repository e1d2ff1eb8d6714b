/* Starting one process for a run. Between fork and program everything is raw system calls, in this order:
 * session, signals, descriptors, limits, cgroup, user, privileges, parent-death signal, folder, program. */
#pragma once
#include <sys/resource.h>
#include <sys/types.h>

#include "base/str.h"
#include "warden/launch.h"
#include "warden/proc.h"
#include "warden/proto.h"

#define SPAWN_FDS 5 /* stdin, stdout, stderr, structured lines, channel */
#define SPAWN_GROUPS_MAX 64
#define SPAWN_FD_MIN 10 /* the warden's own descriptors lie from here on */

struct spawn_user {
  char name[WARDEN_USER_BYTES];
  uid_t uid;
  gid_t gid;
  gid_t groups[SPAWN_GROUPS_MAX];
  int group_count;
};

struct spawn {
  const struct launch *launch;
  int fds[SPAWN_FDS];     /* each at least SPAWN_FD_MIN; -1: closed in the child, /dev/null for 0–2 */
  int own_fds[SPAWN_FDS]; /* what the warden itself has there, to be put back */
  const struct spawn_user *user; /* NULL: stay */
  bool is_no_new_privs;
  struct rlimit files; /* RLIMIT_NOFILE as the warden found it */
  int cgroup_procs_fd; /* -1: none */
  pid_t warden_pid;
  enum warden_stage stage; /* filled when it failed */
  int error_number;
};

/* Programs are forked by a second thread while the first one waits, so that in the kernel's books they are
 * its children, and whatever a run leaves behind becomes the first thread's: whether there is any such
 * orphan is one wait call with __WNOTHREAD, where a look at all of /proc would cost more than the start
 * of a process. Call once, before the others. False: no thread. */
bool spawn_open(void);
/* Is there any process that a run has left behind, alive or not reaped? By the first thread. */
bool spawn_has_orphans(void);

/* vfork + exec. The pid, or -1 with stage and error_number. */
pid_t spawn_program(struct spawn *s);
/* fork; in the child: set up, then _exit(body(arg)). tag_place is the warden's own SERENO_TAG variable,
 * overwritten with `tag` in the child. A set-up that fails prints why and exits with 125. */
pid_t spawn_builtin(struct spawn *s, char *tag_place, struct tag tag, int (*body)(void *arg), void *arg);
