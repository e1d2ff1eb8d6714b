/* Starting one process for a run. Between fork and program everything is raw system calls, in this order:
 * session, signals, descriptors, limits, cgroup, user, privileges, parent-death signal, folder, program. */
#pragma once
#include <sys/resource.h>
#include <sys/types.h>

#include "base/instant.h"
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
  int fds[SPAWN_FDS];            /* each at least SPAWN_FD_MIN; -1: closed in the child */
  int own_fds[SPAWN_FDS];        /* what the warden itself has there, to be put back */
  const struct spawn_user *user; /* NULL: stay */
  bool is_no_new_privs;
  struct rlimit files; /* RLIMIT_NOFILE as the warden found it */
  int cgroup_procs_fd; /* -1: none */
  pid_t warden_pid;
  /* A built-in: forked without exec, ends with body(arg). NULL: the program of the launch block. A set-up
   * that fails prints why and exits with 125. */
  int (*body)(void *arg);
  void *arg;
  char *tag_place; /* the warden's own SERENO_TAG variable, overwritten in the child */
  struct tag tag;

  /* The answer. */
  pid_t pid;               /* -1: nothing was forked */
  enum warden_stage stage; /* not NONE: the program did not come to run; pid, if any, has ended */
  int error_number;
  int64_t wall_ms; /* the real clock just before the fork */
  struct tick tick;
  struct spawn *next;
};

/* Processes are forked by a second thread, for two reasons. It waits for each exec, and meanwhile the
 * first one works on. And in the kernel's books the programs are its children, while what a run leaves
 * behind becomes the first thread's: whether there is any such orphan is one wait call, where a look at
 * all of /proc would cost more than the start of a process.
 *
 * All calls are the first thread's. Gives the descriptor that is readable when answers wait; -1: no
 * thread. */
int spawn_open(void);
/* Hands a request over; it and all it points to stay untouched until it comes back. In order. */
void spawn_ask(struct spawn *s);
/* Forks a built-in here and at once; the answer is in s. While two threads use one memory, every page that
 * a fork makes copied on writing interrupts the other, which costs as much as the fork. The child is the
 * first thread's then: as long as it lives spawn_has_orphans says true. */
void spawn_builtin(struct spawn *s);
struct spawn *spawn_answer(void); /* the oldest that is done, or NULL */
/* Is there any process that a run has left behind, or a built-in, alive or not reaped? */
bool spawn_has_orphans(void);
/* Is this child such an orphan, unless it is a built-in? False: a program, maybe not answered yet. */
bool spawn_is_orphan(pid_t pid);
