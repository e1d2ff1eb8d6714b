/* The life of a run: start → program ends → tree is empty → END in the journal → told → acknowledged.
 * What ends it early (deadline, limit, serve's wish) only sends signals: the way out is the same. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/id.h"
#include "sys/os_file.h"
#include "warden/child.h"
#include "warden/state.h"

#define CHORE_FIRST_MS 2
#define CHORE_LAST_MS 250
#define RETRY_JOURNAL_MS 1000

struct supervised *run_find(const struct warden *w, int64_t run_no) {
  return map_get(&w->runs, (uint64_t)run_no);
}

struct supervised *run_new(struct warden *w, const struct warden_run *id) {
  struct supervised *run = calloc(1, sizeof *run);
  if (!run) return NULL;
  run->id = *id;
  run->output = run->lines = (struct watch){.fd = -1};
  run->spool = spool_new(w->spool_fd, id->run_no);
  run->kill_at_clock_ms = INSTANT_NEVER;
  if (map_put(&w->runs, (uint64_t)id->run_no, run) == ERR_OK) return run;
  free(run);
  return NULL;
}

uint64_t run_place_key(const struct supervised *run) {
  if (run->pid) return (uint64_t)run->pid;
  return (uint64_t)run->id.run_no | (uint64_t)1 << 63;
}

static void leave_place(struct warden *w, const struct supervised *run) {
  uint64_t key = run_place_key(run); /* a number used again may be another run's by now */
  if (map_get(&w->pids, key) == run) (void)map_remove(&w->pids, key);
}

/* A folder whose last process is only just going stays until the run is acknowledged. */
static void leave_cgroup(struct warden *w, struct supervised *run) {
  if (run->has_cgroup && w->cgroup.fd >= 0) run->has_cgroup = !cgroup_remove(&w->cgroup, run->id.run_no);
}

void run_free(struct warden *w, struct supervised *run) {
  leave_cgroup(w, run);
  leave_place(w, run);
  (void)map_remove(&w->runs, (uint64_t)run->id.run_no);
  heap_remove(&w->deadlines, &run->deadline);
  heap_remove(&w->chores, &run->chore);
  list_remove(&run->tell_link);
  list_remove(&run->check_link);
  warden_unwatch(w, &run->output);
  warden_unwatch(w, &run->lines);
  spool_close(&run->spool);
  free(run->line);
  free(run->result);
  free(run);
}

struct supervised *run_from_journal(struct warden *w, const struct warden_run *id) {
  struct supervised *run = run_find(w, id->run_no);
  if (run) {
    run->id = *id;
    return run;
  }
  return run_new(w, id);
}

static void set_deadline(struct warden *w, struct supervised *run) {
  int64_t term_at =
      run->step == KILL_STEP_NONE ? add_ms(run->started_clock_ms, run->limits.timeout_ms) : INSTANT_NEVER;
  int64_t at = run->step == KILL_STEP_KILL       ? INSTANT_NEVER
               : term_at < run->kill_at_clock_ms ? term_at
                                                 : run->kill_at_clock_ms;
  heap_remove(&w->deadlines, &run->deadline);
  run->deadline = (struct heap_node){.key = at, .tie = run->id.run_no};
  if (at != INSTANT_NEVER) ASSERT(heap_add(&w->deadlines, &run->deadline) == ERR_OK);
}

void run_became_program(struct warden *w, struct supervised *run, pid_t pid) {
  leave_place(w, run);
  run->pid = pid;
  run->phase = RUN_PROGRAM;
  if (run->limits.max_runtime_ms)
    run->kill_at_clock_ms = add_ms(run->started_clock_ms, run->limits.max_runtime_ms);
  ASSERT(map_put(&w->pids, run_place_key(run), run) == ERR_OK);
  set_deadline(w, run);
  if (run->is_kill_waiting) run_kill(w, run, run->reason, run->is_kill_immediate);
}

/* ---- the end ---- */

static void write_end(struct warden *w, struct supervised *run) {
  struct str result = {run->result, run->end.result_bytes};
  run->end_is_unwritten = journal_end(&w->journal, &run->end, result) != 0;
  if (run->end_is_unwritten) w->has_unwritten = true;
}

void runs_retry_unwritten(struct warden *w) {
  w->has_unwritten = false;
  struct map_entry entry;
  for (size_t i = 0; map_next(&w->runs, &i, &entry);) {
    struct supervised *run = entry.value;
    if (run->end_is_unwritten) write_end(w, run);
  }
}

/* Once for each run: the record, the spool, the descriptors. */
void run_end(struct warden *w, struct supervised *run, enum warden_how how, int code) {
  ASSERT(run->phase != RUN_END);
  run_output_finish(w, run);
  heap_remove(&w->deadlines, &run->deadline);
  heap_remove(&w->chores, &run->chore);
  list_remove(&run->check_link);
  leave_place(w, run);
  struct warden_end *e = &run->end;
  e->run = run->id;
  e->ended_ms = warden_wall_ms(w);
  e->ended_tick_us = (int64_t)(warden_tick().ns / 1000);
  e->how = how;
  e->code = code;
  e->reason = run->reason;
  e->leftovers = run->leftovers;
  e->result_bytes = (uint32_t)run->result_bytes;
  e->output_bytes = run->spool.written_bytes;
  e->output_bytes_lost = spool_lost_bytes(&run->spool);
  if (run->has_cgroup) cgroup_bill(&w->cgroup, run->id.run_no, &run->bill);
  if (run->has_cgroup) e->flags |= WARDEN_END_CONTAINED;
  leave_cgroup(w, run);
  e->bill = run->bill;
  unsigned both = WARDEN_EXACT_CPU | WARDEN_EXACT_MEMORY;
  if ((e->bill.exact & both) == both) e->flags |= WARDEN_END_EXACT_BILL;
  if (e->output_bytes_lost) e->flags |= WARDEN_END_TRUNCATED;
  if (run->result_is_cut) e->flags |= WARDEN_END_RESULT_CUT;
  if (run->phase != RUN_END && WIFSIGNALED(run->wait_status) && WCOREDUMP(run->wait_status))
    e->flags |= WARDEN_END_CORE;
  run->phase = RUN_END;
  write_end(w, run);
  door_tell(w, run, TELL_ENDED);
}

static void finish(struct warden *w, struct supervised *run, uint32_t processes_left) {
  ASSERT(run->phase == RUN_TREE && w->living > 0);
  w->living--;
  run->end.processes_left = processes_left;
  if (run->reason == KILL_NONE && run->has_cgroup && cgroup_hit_memory(&w->cgroup, run->id.run_no))
    run->reason = KILL_MEMORY;
  int status = run->wait_status;
  bool is_signalled = WIFSIGNALED(status);
  int own_code = is_signalled ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  switch (run->reason) {
    case KILL_NONE:
      if (is_signalled) run_end(w, run, WARDEN_SIGNALLED, WTERMSIG(status));
      else run_end(w, run, WARDEN_EXITED, own_code);
      return;
    case KILL_TIMEOUT:
    case KILL_MAX_RUNTIME:
    case KILL_TOTAL_TIMEOUT: run_end(w, run, WARDEN_TIMEOUT, EXECUTOR_TIMEOUT); return;
    case KILL_MEMORY:
    case KILL_PIDS: run_end(w, run, WARDEN_LIMIT, own_code); return;
    case KILL_CANCELLED:
    case KILL_REPLACED:
    case KILL_DISABLED:
    case KILL_LEASE_LOST:
    case KILL_SHUTDOWN: run_end(w, run, WARDEN_KILLED, own_code); return;
  }
  ASSERT(run->phase == RUN_END); /* every reason is above */
}

static void add_bill(struct warden *w, struct supervised *run, const struct rusage *u) {
  struct warden_bill *b = &run->bill;
  b->cpu_user_us += u->ru_utime.tv_sec * 1000000 + u->ru_utime.tv_usec;
  b->cpu_system_us += u->ru_stime.tv_sec * 1000000 + u->ru_stime.tv_usec;
  b->io_read_bytes += u->ru_inblock * 512;
  b->io_write_bytes += u->ru_oublock * 512;
  b->switches_voluntary += u->ru_nvcsw;
  b->switches_forced += u->ru_nivcsw;
  /* A child inherits its parent's peak, so only what is above the warden's own tells something. */
  int64_t peak = u->ru_maxrss * 1024;
  if (peak > w->own_peak_bytes && peak > b->memory_peak_bytes) b->memory_peak_bytes = peak;
}

static void check_soon(struct warden *w, struct supervised *run) {
  if (!list_is_linked(&run->check_link)) list_push_back(&w->checks, &run->check_link);
}

/* An orphan has gone: the trees that are only waiting for theirs may be empty now. */
static void check_waiting_trees(struct warden *w) {
  struct map_entry entry;
  for (size_t i = 0; map_next(&w->pids, &i, &entry);) {
    struct supervised *run = entry.value;
    if (run->phase == RUN_TREE) check_soon(w, run);
  }
}

void runs_reap(struct warden *w) {
  bool has_orphans = false;
  for (;;) {
    siginfo_t info = {};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) break;
    struct supervised *run = map_get(&w->pids, (uint64_t)info.si_pid);
    bool is_program = run && run->phase == RUN_PROGRAM;
    if (!is_program && !spawn_is_orphan(info.si_pid)) break; /* the forking thread has not told of it yet */
    if (!is_program) run = census_run_of(w, info.si_pid);    /* before its number is free again */
    struct rusage usage = {};
    int status = 0;
    if (wait4(info.si_pid, &status, WNOHANG, &usage) != info.si_pid) break;
    if (run && run->phase != RUN_END) add_bill(w, run, &usage);
    if (is_program) {
      run->wait_status = status;
      run->phase = RUN_TREE;
      check_soon(w, run);
    } else {
      has_orphans = true;
    }
  }
  if (has_orphans) check_waiting_trees(w);
}

static void signal_tree(struct warden *w, struct supervised *run, int signal_number) {
  census_take(w);
  census_signal(w, run, signal_number);
}

static void chore_in(struct warden *w, struct supervised *run, int64_t delay_ms) {
  heap_remove(&w->chores, &run->chore);
  run->chore = (struct heap_node){.key = warden_mono_ms() + delay_ms, .tie = run->id.run_no};
  run->chore_delay_ms = delay_ms;
  ASSERT(heap_add(&w->chores, &run->chore) == ERR_OK);
}

static void kill_now(struct warden *w, struct supervised *run) {
  if (run->step != KILL_STEP_KILL) run->kill_from_ms = warden_mono_ms();
  run->step = KILL_STEP_KILL;
  set_deadline(w, run);
  signal_tree(w, run, SIGKILL);
  chore_in(w, run, CHORE_FIRST_MS);
}

static void terminate(struct warden *w, struct supervised *run) {
  run->step = KILL_STEP_TERM;
  int64_t kill_at = add_ms(warden_clock_ms(w), run->limits.grace_ms);
  if (kill_at < run->kill_at_clock_ms) run->kill_at_clock_ms = kill_at;
  set_deadline(w, run);
  signal_tree(w, run, SIGTERM);
  census_signal(w, run, SIGCONT); /* a stopped process takes TERM only then */
}

/* The first reason stays: what came later did not end it. */
void run_kill(struct warden *w, struct supervised *run, enum kill_reason reason, bool is_immediate) {
  if (run->phase == RUN_STARTING) {
    if (run->reason == KILL_NONE) run->reason = reason;
    run->is_kill_waiting = true;
    run->is_kill_immediate |= is_immediate;
    return;
  }
  if (run->phase != RUN_PROGRAM) return; /* it has ended by itself; its leftovers are on their way */
  if (run->reason == KILL_NONE) run->reason = reason;
  if (is_immediate) kill_now(w, run);
  else if (run->step == KILL_STEP_NONE) terminate(w, run);
}

void runs_deadlines(struct warden *w) {
  int64_t now = warden_clock_ms(w);
  for (struct heap_node *top; (top = heap_top(&w->deadlines)) && top->key <= now;) {
    struct supervised *run = CONTAINER_OF(top, struct supervised, deadline);
    heap_remove(&w->deadlines, top);
    if (now >= run->kill_at_clock_ms) {
      if (run->reason == KILL_NONE && run->phase == RUN_PROGRAM) run->reason = KILL_MAX_RUNTIME;
      kill_now(w, run);
    } else {
      run_kill(w, run, KILL_TIMEOUT, false);
    }
  }
}

/* The program has ended but not its tree: TERM, a short grace, KILL. When it was being ended already,
 * its own grace goes on. */
static void end_leftovers(struct warden *w, struct supervised *run, uint32_t count) {
  if (count > run->leftovers) run->leftovers = count;
  int64_t grace =
      run->limits.grace_ms < WARDEN_LEFTOVER_GRACE_MS ? run->limits.grace_ms : WARDEN_LEFTOVER_GRACE_MS;
  if (run->step == KILL_STEP_NONE) {
    run->step = KILL_STEP_TERM;
    run->kill_from_ms = warden_mono_ms() + grace;
    heap_remove(&w->deadlines, &run->deadline);
    census_signal(w, run, SIGTERM);
    census_signal(w, run, SIGCONT);
  } else if (run->step == KILL_STEP_KILL) {
    census_signal(w, run, SIGKILL);
  }
  int64_t delay = run->chore_delay_ms ? run->chore_delay_ms * 2 : CHORE_FIRST_MS;
  chore_in(w, run, delay < CHORE_LAST_MS ? delay : CHORE_LAST_MS);
}

/* Members of each unsettled run; true when none has any. Ends those that are empty in both passes. */
static void settle_by_census(struct warden *w, struct list *unsure) {
  census_take(w);
  bool needs_second = false;
  LIST_EACH (unsure, link) {
    struct supervised *run = CONTAINER_OF(link, struct supervised, check_link);
    uint32_t count = census_count(w, run);
    needs_second |= count == 0;
    if (count == 0) continue;
    list_remove(link);
    if (run->step == KILL_STEP_KILL && warden_mono_ms() - run->kill_from_ms > WARDEN_UNKILLABLE_MS)
      finish(w, run, count);
    else end_leftovers(w, run, count);
  }
  if (!needs_second) return;
  census_take(w);
  LIST_EACH (unsure, link) {
    struct supervised *run = CONTAINER_OF(link, struct supervised, check_link);
    uint32_t count = census_count(w, run);
    list_remove(link);
    if (count == 0) finish(w, run, 0);
    else end_leftovers(w, run, count);
  }
}

void runs_settle(struct warden *w) {
  struct list unsure;
  list_init(&unsure);
  LIST_EACH (&w->checks, link) {
    struct supervised *run = CONTAINER_OF(link, struct supervised, check_link);
    list_remove(link);
    ASSERT(run->phase == RUN_TREE);
    if (census_may_live(w, run)) list_push_back(&unsure, link);
    else finish(w, run, 0);
  }
  if (!list_is_empty(&unsure)) settle_by_census(w, &unsure);
}

void runs_chores(struct warden *w) {
  int64_t now = warden_mono_ms();
  for (struct heap_node *top; (top = heap_top(&w->chores)) && top->key <= now;) {
    struct supervised *run = CONTAINER_OF(top, struct supervised, chore);
    heap_remove(&w->chores, top);
    if (run->phase == RUN_TREE) {
      bool is_own_grace = run->reason == KILL_NONE;
      if (run->step == KILL_STEP_TERM && is_own_grace && now >= run->kill_from_ms) {
        run->step = KILL_STEP_KILL;
        run->kill_from_ms = now;
      }
      check_soon(w, run);
    } else if (run->phase == RUN_PROGRAM && run->step == KILL_STEP_KILL) { /* it forks on: again */
      signal_tree(w, run, SIGKILL);
      int64_t delay = run->chore_delay_ms * 2;
      chore_in(w, run, delay < CHORE_LAST_MS ? delay : CHORE_LAST_MS);
    }
  }
}

/* ---- the journal anew ---- */

int runs_write_all(void *arg, struct journal *to) {
  struct warden *w = arg;
  int error_number = journal_epoch(to, w->epoch);
  struct map_entry entry;
  for (size_t i = 0; !error_number && map_next(&w->runs, &i, &entry);) {
    struct supervised *run = entry.value;
    error_number = journal_start(to, &run->id);
    if (!error_number && run->phase == RUN_END)
      error_number = journal_end(to, &run->end, (struct str){run->result, run->end.result_bytes});
    if (!error_number && run->phase == RUN_END) run->end_is_unwritten = false;
  }
  return error_number;
}
