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
#define RUN_VARIABLE_BYTES 96
#define RUN_VARIABLES 8

static void chore_in(struct warden *w, struct supervised *run, int64_t delay_ms);

static int64_t add_ms(int64_t instant, int64_t ms) { /* saturating */
  int64_t sum;
  return __builtin_add_overflow(instant, ms, &sum) ? INSTANT_NEVER : sum;
}

struct supervised *run_find(const struct warden *w, int64_t run_no) {
  return map_get(&w->runs, (uint64_t)run_no);
}

static struct supervised *run_new(struct warden *w, const struct warden_run *id) {
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

void run_free(struct warden *w, struct supervised *run) {
  if (map_get(&w->pids, (uint64_t)run->pid) == run) (void)map_remove(&w->pids, (uint64_t)run->pid);
  (void)map_remove(&w->runs, (uint64_t)run->id.run_no);
  heap_remove(&w->deadlines, &run->deadline);
  heap_remove(&w->chores, &run->chore);
  list_remove(&run->tell_link);
  list_remove(&run->check_link);
  warden_unwatch(w, &run->output);
  warden_unwatch(w, &run->lines);
  os_close(&run->spool.fd);
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

/* ---- start ---- */

static bool limits_make_sense(const struct warden_start *s) {
  return s->run_no > 0 && s->timeout_ms > 0 && s->grace_ms >= 0 && s->max_runtime_ms >= 0 &&
         s->memory_bytes_max >= 0 && s->attempt > 0 && memchr(s->run_as, '\0', sizeof s->run_as);
}

/* Whose program this becomes; false: not allowed. */
static bool choose_user(const struct warden *w, const struct warden_start *s, const struct spawn_user **ret) {
  *ret = geteuid() == 0 ? w->config.executor_user : NULL;
  if (!s->run_as[0]) return true;
  if (geteuid() != 0) return false;
  *ret = warden_config_user(&w->config, str_of(s->run_as));
  return *ret != NULL;
}

/* The run's variables and the tag in front of the job's own. */
static void add_variables(const struct warden *w, const struct supervised *run, const struct launch *launch,
                          char variables[RUN_VARIABLES][RUN_VARIABLE_BYTES]) {
  int n = 0;
  tag_write((struct tag){w->folder, w->instance, (uint64_t)run->id.run_no}, variables[n++]);
  const struct warden_run *id = &run->id;
  bool has_due = id->due_ms != INSTANT_NONE;
  int64_t deadline_ms = add_ms(id->started_ms, run->limits.timeout_ms);
  (void)snprintf(variables[n++], RUN_VARIABLE_BYTES, "SERENO_RUN_ID=%s", id_to_text(id->run_no).text);
  (void)snprintf(variables[n++], RUN_VARIABLE_BYTES, "SERENO_RUN_NUMBER=%lld", (long long)id->run_no);
  (void)snprintf(variables[n++], RUN_VARIABLE_BYTES, "SERENO_RUN_JOB=%s", id_to_text(id->job_no).text);
  (void)snprintf(variables[n++], RUN_VARIABLE_BYTES, "SERENO_RUN_ATTEMPT=%d", id->attempt);
  (void)snprintf(variables[n++], RUN_VARIABLE_BYTES, "SERENO_RUN_DUE=%s",
                 has_due ? instant_to_text(id->due_ms).text : "");
  (void)snprintf(variables[n++], RUN_VARIABLE_BYTES, "SERENO_RUN_DEADLINE=%s",
                 instant_to_text(deadline_ms).text);
  (void)snprintf(variables[n++], RUN_VARIABLE_BYTES, "SERENO_RUN_TRIGGER=%s",
                 id->trigger < TRIGGER_COUNT ? run_trigger_text((enum run_trigger)id->trigger) : "");
  ASSERT(n == RUN_VARIABLES && n <= LAUNCH_ENV_EXTRA);
  memmove(launch->envp + n, launch->envp, (launch->envc + 1) * sizeof *launch->envp);
  for (int i = 0; i < n; i++) launch->envp[i] = variables[i];
}

struct builtin {
  const struct executor *executor;
  struct child_context context;
  struct str params;
  const char **envp;
  int channel_fd;
};

static int run_builtin(void *arg) {
  const struct builtin *b = arg;
  environ = (char **)(uintptr_t)b->envp;
  return child_run(b->executor, &b->context, b->params, b->channel_fd);
}

static pid_t fork_builtin(struct warden *w, struct spawn *spawn, const struct supervised *run) {
  struct id_text run_id = id_to_text(run->id.run_no), job_id = id_to_text(run->id.job_no);
  struct builtin b = {
      .executor = executor_find(str_of(spawn->launch->executor)),
      .context = {.run_id = str_of(run_id.text),
                  .job_id = str_of(job_id.text),
                  .run_no = run->id.run_no,
                  .attempt = run->id.attempt,
                  .due_ms = run->id.due_ms,
                  .deadline_ms = add_ms(run->id.started_ms, run->limits.timeout_ms)},
      .params = spawn->launch->params,
      .envp = spawn->launch->envp,
      .channel_fd = spawn->fds[4] >= 0 ? 4 : -1,
  };
  ASSERT(b.executor);
  struct tag tag = {w->folder, w->instance, (uint64_t)run->id.run_no};
  return spawn_builtin(spawn, w->tag_place, tag, run_builtin, &b);
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

static void became_program(struct warden *w, struct supervised *run, pid_t pid) {
  run->pid = pid;
  run->phase = RUN_PROGRAM;
  run->started_clock_ms = warden_clock_ms(w);
  if (run->limits.max_runtime_ms)
    run->kill_at_clock_ms = add_ms(run->started_clock_ms, run->limits.max_runtime_ms);
  ASSERT(map_put(&w->pids, (uint64_t)pid, run) == ERR_OK);
  w->living++;
  set_deadline(w, run);
}

static pid_t spawn_run(struct warden *w, struct supervised *run, const struct launch *launch,
                       struct spawn *spawn) {
  char variables[RUN_VARIABLES][RUN_VARIABLE_BYTES];
  add_variables(w, run, launch, variables);
  return launch->kind == LAUNCH_PROGRAM ? spawn_program(spawn) : fork_builtin(w, spawn, run);
}

static void make_end(struct warden *w, struct supervised *run, enum warden_how how, int code);

/* Limits as they are kept: nothing without bound. */
static void settle_limits(struct supervised *run, const struct warden_start *start) {
  run->limits = *start;
  uint32_t head = start->output_head_bytes, tail = start->output_tail_bytes;
  run->spool.head_max = head && head < LIMIT_SPOOL_HEAD_BYTES ? head : LIMIT_SPOOL_HEAD_BYTES;
  run->spool.tail_max = tail && tail < LIMIT_SPOOL_TAIL_BYTES ? tail : LIMIT_SPOOL_TAIL_BYTES;
  run->spool.rate_max = start->output_rate_bytes;
}

static enum warden_refusal check_start(struct warden *w, const struct warden_start *s,
                                       const struct launch *launch, const struct spawn_user **ret_user) {
  if (!limits_make_sense(s)) return WARDEN_REFUSED_BAD_REQUEST;
  if (s->epoch < w->epoch) return WARDEN_REFUSED_STALE_EPOCH;
  if (w->is_draining) return WARDEN_REFUSED_DRAINING;
  if (w->living >= LIMIT_RUNNING_RUNS || w->runs.count >= WARDEN_UNACKED_MAX) return WARDEN_REFUSED_TOO_MANY;
  if (s->flags & WARDEN_START_CONTAIN) return WARDEN_REFUSED_CONTAINMENT;
  if (launch->kind == LAUNCH_BUILTIN && !executor_find(str_of(launch->executor)))
    return WARDEN_REFUSED_EXECUTOR;
  return choose_user(w, s, ret_user) ? (enum warden_refusal)0 : WARDEN_REFUSED_USER;
}

static enum warden_refusal begin(struct warden *w, struct supervised *run, const struct launch *launch,
                                 struct spawn *spawn, int *ret_error_number) {
  int error_number = run_output_open(w, run, &spawn->fds[1], &spawn->fds[3]);
  if (error_number) {
    *ret_error_number = error_number;
    return WARDEN_REFUSED_RESOURCES;
  }
  spawn->fds[2] = spawn->fds[1];
  run->id.started_ms = warden_wall_ms(w);
  run->id.started_tick_us = (int64_t)(warden_tick().ns / 1000);
  error_number = journal_start(&w->journal, &run->id);
  if (error_number) {
    *ret_error_number = error_number;
    return WARDEN_REFUSED_JOURNAL;
  }
  pid_t pid = spawn_run(w, run, launch, spawn);
  if (pid > 0) {
    became_program(w, run, pid);
    if (spawn->stage == WARDEN_STAGE_NONE) {
      door_tell(w, run, TELL_STARTED);
      return 0;
    }
    (void)waitpid(pid, NULL, 0); /* it has ended: vfork came back with its failure */
    w->living--;
  }
  run->end.stage = spawn->stage;
  make_end(w, run, WARDEN_COULD_NOT_START, spawn->error_number);
  return 0;
}

enum warden_refusal run_start(struct warden *w, const struct warden_start *start, const struct launch *launch,
                              int stdin_fd, int channel_fd, int *ret_error_number) {
  *ret_error_number = 0;
  struct supervised *run = run_find(w, start->run_no);
  if (run && run->id.attempt == start->attempt) { /* answered, not repeated (DESIGN 3) */
    door_tell(w, run, TELL_STARTED | TELL_REPEATED | (run->phase == RUN_END ? TELL_ENDED : 0));
    return 0;
  }
  struct spawn spawn = {
      .launch = launch,
      .fds = {stdin_fd >= 0 ? stdin_fd : w->null_fd, -1, -1, -1, channel_fd},
      .own_fds = {w->null_fd, w->null_fd, w->log_fd, w->null_fd, w->null_fd},
      .is_no_new_privs = (start->flags & WARDEN_START_NO_NEW_PRIVS) != 0,
      .files = w->files,
      .cgroup_procs_fd = -1,
      .warden_pid = w->pid,
  };
  enum warden_refusal why = run ? WARDEN_REFUSED_BAD_REQUEST : check_start(w, start, launch, &spawn.user);
  if (why) return why;
  struct warden_run id = {.run_no = start->run_no,
                          .job_no = start->job_no,
                          .due_ms = start->due_ms,
                          .version = start->version,
                          .epoch = start->epoch,
                          .attempt = start->attempt,
                          .trigger = start->trigger};
  memcpy(id.boot_id, w->boot_id, sizeof id.boot_id);
  run = run_new(w, &id);
  if (!run) return WARDEN_REFUSED_RESOURCES;
  settle_limits(run, start);
  why = begin(w, run, launch, &spawn, ret_error_number);
  os_close(&spawn.fds[1]);
  os_close(&spawn.fds[3]);
  if (why) run_free(w, run);
  return why;
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
static void make_end(struct warden *w, struct supervised *run, enum warden_how how, int code) {
  ASSERT(run->phase != RUN_END);
  run_output_finish(w, run);
  heap_remove(&w->deadlines, &run->deadline);
  heap_remove(&w->chores, &run->chore);
  list_remove(&run->check_link);
  if (map_get(&w->pids, (uint64_t)run->pid) == run) (void)map_remove(&w->pids, (uint64_t)run->pid);
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
  e->bill = run->bill;
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
  int status = run->wait_status;
  bool is_signalled = WIFSIGNALED(status);
  int own_code = is_signalled ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  switch (run->reason) {
    case KILL_NONE:
      if (is_signalled) make_end(w, run, WARDEN_SIGNALLED, WTERMSIG(status));
      else make_end(w, run, WARDEN_EXITED, own_code);
      return;
    case KILL_TIMEOUT:
    case KILL_MAX_RUNTIME:
    case KILL_TOTAL_TIMEOUT: make_end(w, run, WARDEN_TIMEOUT, EXECUTOR_TIMEOUT); return;
    case KILL_MEMORY:
    case KILL_PIDS: make_end(w, run, WARDEN_LIMIT, own_code); return;
    case KILL_CANCELLED:
    case KILL_REPLACED:
    case KILL_DISABLED:
    case KILL_LEASE_LOST:
    case KILL_SHUTDOWN: make_end(w, run, WARDEN_KILLED, own_code); return;
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
    if (!is_program) run = census_run_of(w, info.si_pid); /* before its number is free again */
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
