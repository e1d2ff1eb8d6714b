/* Who belongs to a run. The warden is a child subreaper, so while it lives every process of a run is
 * below it: either under the run's program or, once orphaned, a child of the warden itself, known then
 * by the picture before, its session or group, or the tag in its environment. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "warden/state.h"

#define CLIMB_MAX 1000    /* a chain of parents; deeper is nobody's */
#define QUICK_PIDS_MAX 64 /* more new numbers than this: a census is cheaper */
#define QUICK_ROUNDS 4
#define KILLED_WAIT_MS 100
#define GOING_TURNS 50
#define MEMBERS_MAX 4096 /* of one cgroup; killing and emptiness need no list */

static struct supervised *run_of_pid(const struct warden *w, pid_t pid) {
  return map_get(&w->pids, (uint64_t)pid);
}

/* The only run that could own what nobody else does. */
static int64_t only_living_run(const struct warden *w) {
  struct map_entry entry;
  if (w->pids.count != 1) return 0;
  for (size_t i = 0; map_next(&w->pids, &i, &entry);) return ((struct supervised *)entry.value)->id.run_no;
  return 0;
}

/* The run of a child of the warden: a program, or an orphan. 0: not known. */
static int64_t owner_of_child(const struct warden *w, const struct proc_table *known, const struct proc *p) {
  const struct supervised *run = run_of_pid(w, p->pid);
  if (run && run->phase == RUN_PROGRAM) return run->id.run_no;
  const struct proc *before = proc_find(known, p->pid);
  if (before && before->start_ticks == p->start_ticks && before->run_no) return before->run_no;
  run = run_of_pid(w, p->session);
  if (!run) run = run_of_pid(w, p->pgrp);
  if (run) return run->id.run_no;
  struct tag tag;
  if (proc_read_tag(p->pid, &tag) && tag.warden == w->instance) return (int64_t)tag.run;
  return only_living_run(w);
}

/* From the table, or from /proc when there is none. */
static bool look_up(const struct proc_table *table, pid_t pid, struct proc *ret) {
  if (!table) return proc_read(pid, ret);
  const struct proc *p = proc_find(table, pid);
  if (p) *ret = *p;
  return p != NULL;
}

static int64_t owner_of(const struct warden *w, const struct proc_table *table, const struct proc *p) {
  const struct proc_table *known = table ? &w->previous : &w->census; /* the last whole picture */
  struct proc at = *p;
  for (int i = 0; i < CLIMB_MAX && at.pid > 1; i++) {
    if (at.ppid == w->pid) return owner_of_child(w, known, &at);
    if (!look_up(table, at.ppid, &at)) return 0;
  }
  return 0;
}

/* In a cgroup it is of the run whatever its parents and its environment are. */
static void claim_members(struct warden *w, const struct supervised *run) {
  pid_t pids[MEMBERS_MAX];
  size_t count = cgroup_members(&w->cgroup, run->id.run_no, pids, MEMBERS_MAX);
  for (size_t i = 0; i < count; i++) {
    struct proc *p = (struct proc *)(uintptr_t)proc_find(&w->census, pids[i]);
    if (p) p->run_no = run->id.run_no;
  }
}

static void claim_by_cgroups(struct warden *w) {
  struct map_entry entry;
  for (size_t i = 0; w->cgroup.fd >= 0 && map_next(&w->pids, &i, &entry);) {
    const struct supervised *run = entry.value;
    if (run->has_cgroup) claim_members(w, run);
  }
}

void census_take(struct warden *w) {
  struct proc_table was = w->previous;
  w->previous = w->census;
  w->census = was;
  if (proc_scan(&w->census) != ERR_OK) return; /* what was read is used; the next one is tried again */
  for (size_t i = 0; i < w->census.count; i++) {
    struct proc *p = &w->census.procs[i];
    p->run_no = p->pid == w->pid ? 0 : owner_of(w, &w->census, p);
  }
  claim_by_cgroups(w);
}

/* Numbers are given in growing order, so what the tree forked lies above its program's own number. */
static bool any_alive_between(struct warden *w, const struct supervised *run, pid_t from, pid_t to) {
  for (pid_t pid = from; pid <= to; pid++) {
    const struct supervised *other = run_of_pid(w, pid);
    if (other && other->phase == RUN_PROGRAM) continue;
    struct proc p;
    if (!proc_read(pid, &p) || !proc_is_alive(&p)) continue;
    if (owner_of(w, NULL, &p) == run->id.run_no) return true;
  }
  return false;
}

bool census_may_live(struct warden *w, const struct supervised *run) {
  if (!spawn_has_orphans()) return false;
  if (run->has_cgroup) return cgroup_is_populated(&w->cgroup, run->id.run_no);
  pid_t from = run->pid;
  for (int round = 0; round < QUICK_ROUNDS; round++) {
    pid_t last = proc_last_pid();
    if (last < from || last - from > QUICK_PIDS_MAX) return true;
    if (round > 0 && last == from) return false; /* nothing was forked since the look before */
    if (any_alive_between(w, run, from + 1, last)) return true;
    if (last == proc_last_pid()) return false;
    from = last;
  }
  return true;
}

static bool is_member(const struct proc *p, const struct supervised *run) {
  return p->run_no == run->id.run_no && proc_is_alive(p);
}

/* The folder itself is asked, not the picture: a fork since then counts. One that is populated without
 * any process has a last one on its way out; should it stay so, a kill is what helps. */
static uint32_t count_in_cgroup(const struct warden *w, const struct supervised *run) {
  pid_t pids[MEMBERS_MAX];
  for (int i = 0; i < GOING_TURNS; i++) {
    if (!cgroup_is_populated(&w->cgroup, run->id.run_no)) return 0;
    size_t count = cgroup_members(&w->cgroup, run->id.run_no, pids, MEMBERS_MAX);
    if (count) return (uint32_t)count;
    (void)sched_yield();
  }
  return 1;
}

uint32_t census_count(const struct warden *w, const struct supervised *run) {
  if (run->has_cgroup) return count_in_cgroup(w, run);
  uint32_t count = 0;
  for (size_t i = 0; i < w->census.count; i++) count += is_member(&w->census.procs[i], run);
  return count;
}

/* The group gets it as one, which leaves a forking tree no gap; its number is safe as long as the
 * program is not reaped. Nobody gets it twice: some take a second TERM as "at once". */
void census_signal(const struct warden *w, const struct supervised *run, int signal_number) {
  if (run->has_cgroup && signal_number == SIGKILL) return cgroup_kill(&w->cgroup, run->id.run_no);
  bool has_group = run->phase == RUN_PROGRAM;
  if (has_group) (void)kill(-run->pid, signal_number);
  for (size_t i = 0; i < w->census.count; i++) {
    const struct proc *p = &w->census.procs[i];
    if (is_member(p, run) && !(has_group && p->pgrp == run->pid)) proc_signal(p, signal_number);
  }
}

/* No run is alive, so whatever is below the warden escaped from one: it had cleared its environment and
 * left its session before any census saw it. */
void census_kill_strays(struct warden *w) {
  ASSERT(w->living == 0);
  census_take(w);
  for (size_t i = 0; i < w->census.count; i++) {
    const struct proc *p = &w->census.procs[i];
    if (p->ppid == w->pid && proc_is_alive(p)) proc_signal(p, SIGKILL); /* what it leaves is ours next */
  }
}

struct supervised *census_run_of(struct warden *w, pid_t pid) {
  struct proc p;
  if (!proc_read(pid, &p)) return NULL;
  return run_find(w, owner_of(w, NULL, &p));
}

void census_sample(struct warden *w) {
  struct map_entry entry;
  for (size_t i = 0; map_next(&w->pids, &i, &entry);) {
    struct supervised *run = entry.value;
    run->members = 0;
    run->members_own_bytes = run->members_shared_bytes = 0;
  }
  for (size_t i = 0; i < w->census.count; i++) {
    const struct proc *p = &w->census.procs[i];
    struct supervised *run = p->run_no ? run_find(w, p->run_no) : NULL;
    if (!run || run->phase == RUN_END || !proc_is_alive(p)) continue;
    int64_t own, shared;
    proc_memory(p->pid, &own, &shared);
    run->members++;
    run->members_own_bytes += own;
    if (shared > run->members_shared_bytes) run->members_shared_bytes = shared; /* mostly the same pages */
  }
  for (size_t i = 0; map_next(&w->pids, &i, &entry);) {
    struct supervised *run = entry.value;
    int64_t bytes = run->members_own_bytes + run->members_shared_bytes;
    if (bytes > run->bill.memory_peak_bytes) run->bill.memory_peak_bytes = bytes;
    if ((int32_t)run->members > run->bill.processes_peak) run->bill.processes_peak = (int32_t)run->members;
  }
}

static bool is_of_dead_warden(const struct warden *w, const struct proc *p, const uint64_t *living,
                              size_t count) {
  struct tag tag;
  if (p->pid == w->pid || !proc_is_alive(p) || !proc_read_tag(p->pid, &tag)) return false;
  if (tag.folder != w->folder || tag.warden == w->instance) return false;
  for (size_t i = 0; i < count; i++)
    if (living[i] == tag.warden) return false;
  return true;
}

uint32_t census_kill_dead_wardens(struct warden *w, const uint64_t *living_wardens, size_t count) {
  int64_t since = warden_mono_ms();
  uint32_t found = 1;
  struct proc_table table = {}; /* the census stays as it is */
  for (int empty_passes = 0; empty_passes < 2 && warden_mono_ms() - since < WARDEN_UNKILLABLE_MS;) {
    found = 0;
    (void)(proc_scan(&table) == ERR_OK);
    for (size_t i = 0; i < table.count; i++) {
      if (!is_of_dead_warden(w, &table.procs[i], living_wardens, count)) continue;
      proc_signal(&table.procs[i], SIGKILL);
      proc_wait(table.procs[i].pid, KILLED_WAIT_MS);
      found++;
    }
    empty_passes = found ? 0 : empty_passes + 1;
  }
  proc_table_free(&table);
  return found;
}
