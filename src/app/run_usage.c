#include "app/run_usage.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sys/os_file.h"
#include "warden/proc.h"

#define STAT_BYTES 1024

static int64_t cpu_ms_of(pid_t pid) {
  char path[64], line[STAT_BYTES];
  (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  [[gnu::cleanup(os_close)]] int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
  if (n <= 0) return 0;
  line[n] = '\0';
  const char *after = strrchr(line, ')'); /* the name before it may hold anything */
  long long user, system, child_user, child_system;
  if (!after || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld %lld %lld", &user,
                       &system, &child_user, &child_system) != 4)
    return 0;
  return (user + system + child_user + child_system) * 1000 / sysconf(_SC_CLK_TCK);
}

/* run_no marks those that belong to it; parents come before their children but where numbers wrapped. */
static bool belongs(const struct proc_table *t, const struct proc *p, pid_t pid) {
  if (p->pid == pid || p->session == pid) return true;
  const struct proc *parent = proc_find(t, p->ppid);
  return parent && parent->run_no == 1;
}

void run_usage_read(struct run_usage *u) {
  struct proc_table t = {};
  u->processes = 0;
  u->cpu_ms = u->memory_bytes = 0;
  (void)proc_scan(&t);
  for (size_t i = 0; i < t.count; i++) {
    struct proc *p = &t.procs[i];
    p->run_no = belongs(&t, p, (pid_t)u->pid) ? 1 : 0;
    if (p->run_no != 1 || !proc_is_alive(p)) continue;
    int64_t own = 0, shared = 0;
    proc_memory(p->pid, &own, &shared);
    u->processes++;
    u->cpu_ms += cpu_ms_of(p->pid);
    u->memory_bytes += own;
  }
  proc_table_free(&t);
}
