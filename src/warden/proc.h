/* What /proc tells about processes, and the tag by which a run's processes are known (DESIGN 3). */
#pragma once
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* The variable every process of a run carries: "SERENO_TAG=<folder>.<warden>.<run>", 16 hexadecimal digits
 * each. Of fixed width, so that a forked child can overwrite the warden's own blank one in place. */
#define TAG_PREFIX "SERENO_TAG="
#define TAG_VALUE_LEN (16 * 3 + 2)
#define TAG_VARIABLE_BYTES (sizeof TAG_PREFIX + TAG_VALUE_LEN)

struct tag {
  uint64_t folder; /* of the data folder; 0 = blank */
  uint64_t warden; /* one life of a warden */
  uint64_t run;    /* run_no */
};
/* The folder's part for DIR/warden: its place in the file system, so a copy of a data folder is another one. */
uint64_t tag_folder(int warden_dir_fd); /* 0 on an error */
void tag_write(struct tag tag, char to[TAG_VARIABLE_BYTES]);
bool tag_read(struct str value, struct tag *ret); /* without the prefix */

struct proc {
  pid_t pid, ppid, pgrp, session;
  char state; /* 'Z' and 'X' are dead */
  int64_t start_ticks;
  int64_t run_no; /* filled by the census: 0 = none of ours */
};

struct proc_table { /* sorted by pid */
  struct proc *procs;
  size_t count;
  size_t capacity;
};

/* False when there is no such process (any more). */
bool proc_read(pid_t pid, struct proc *ret);
/* False when it has no tag or its environment cannot be read. */
bool proc_read_tag(pid_t pid, struct tag *ret);
/* Resident bytes of its own, and those it shares with others (files, shared memory). 0 when gone. */
void proc_memory(pid_t pid, int64_t *ret_own_bytes, int64_t *ret_shared_bytes);
/* The high-water mark of this process' own resident memory, bytes. */
int64_t proc_self_peak_bytes(void);
/* The number given to the newest process or thread of this pid namespace; numbers grow until they wrap,
 * so an unchanged answer means that nothing was forked meanwhile. 0 when unknown. */
pid_t proc_last_pid(void);

/* Every process there is. On an error the table holds what was read. */
enum err proc_scan(struct proc_table *table);
const struct proc *proc_find(const struct proc_table *table, pid_t pid); /* NULL: not there */
void proc_table_free(struct proc_table *table);

/* Sends the signal to exactly this process: its start time is compared through a pidfd, so that a number
 * used again is never hit. */
void proc_signal(const struct proc *p, int signal_number);
/* Until the process has ended, at most this long. */
void proc_wait(pid_t pid, int most_ms);
static inline bool proc_is_alive(const struct proc *p) { return p->state != 'Z' && p->state != 'X'; }
