/* From a START message to a running process: check, prepare, journal, hand over to the forking thread,
 * take its answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/id.h"
#include "sys/os_file.h"
#include "warden/child.h"
#include "warden/state.h"

#define RUN_VARIABLE_BYTES 96
#define RUN_VARIABLES 8
#define LAUNCH_ARENA_BYTES (LAUNCH_TEXTS_MAX * 32 + 4096)
#define STARTING_MAX 1024 /* waiting for their fork */
#define STARTING_BYTES_MAX (16 * 1024 * 1024)

struct starting {
  struct spawn spawn; /* first: the forking thread gives this back */
  struct supervised *run;
  struct arena arena;
  struct launch launch;
  int stdin_fd, channel_fd;
  char variables[RUN_VARIABLES][RUN_VARIABLE_BYTES];
  const struct executor *executor;
  struct child_context context;
  struct id_text run_id, job_id;
  size_t bytes; /* of the block */
  char block[];
};

struct starting *starting_new(struct str block, int stdin_fd, int channel_fd) {
  struct starting *s = block.len ? malloc(sizeof *s + block.len) : NULL;
  if (!s) return NULL;
  *s = (struct starting){.arena = arena_new(LAUNCH_ARENA_BYTES), .bytes = block.len};
  memcpy(s->block, block.ptr, block.len);
  if (launch_parse((struct str){s->block, s->bytes}, &s->arena, &s->launch, NULL) != ERR_OK) {
    arena_free(&s->arena);
    free(s);
    return NULL;
  }
  s->stdin_fd = stdin_fd;
  s->channel_fd = channel_fd;
  s->spawn.fds[1] = s->spawn.fds[3] = s->spawn.cgroup_procs_fd = -1;
  return s;
}

static void starting_free(struct starting *s) {
  os_close(&s->stdin_fd);
  os_close(&s->channel_fd);
  os_close(&s->spawn.fds[1]); /* and 2, the same */
  os_close(&s->spawn.fds[3]);
  os_close(&s->spawn.cgroup_procs_fd);
  arena_free(&s->arena);
  free(s);
}

bool starting_is_full(const struct warden *w) {
  return w->starting >= STARTING_MAX || w->starting_bytes >= STARTING_BYTES_MAX;
}

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
static void add_variables(const struct warden *w, struct starting *s) {
  int n = 0;
  const struct warden_run *id = &s->run->id;
  tag_write((struct tag){w->folder, w->instance, (uint64_t)id->run_no}, s->variables[n++]);
  bool has_due = id->due_ms != INSTANT_NONE, has_trigger = id->trigger < TRIGGER_COUNT;
  const struct {
    const char *name;
    const char *value;
  } texts[] = {
      {"ID", s->run_id.text},
      {"JOB", s->job_id.text},
      {"DUE", has_due ? instant_to_text(id->due_ms).text : ""},
      {"DEADLINE", instant_to_text(s->context.deadline_ms).text},
      {"TRIGGER", has_trigger ? run_trigger_text((enum run_trigger)id->trigger) : ""},
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    (void)snprintf(s->variables[n++], RUN_VARIABLE_BYTES, "SERENO_RUN_%s=%s", texts[i].name, texts[i].value);
  (void)snprintf(s->variables[n++], RUN_VARIABLE_BYTES, "SERENO_RUN_NUMBER=%lld", (long long)id->run_no);
  (void)snprintf(s->variables[n++], RUN_VARIABLE_BYTES, "SERENO_RUN_ATTEMPT=%d", id->attempt);
  ASSERT(n == RUN_VARIABLES && n <= LAUNCH_ENV_EXTRA);
  memmove(s->launch.envp + n, s->launch.envp, (s->launch.envc + 1) * sizeof *s->launch.envp);
  for (int i = 0; i < n; i++) s->launch.envp[i] = s->variables[i];
}

/* In the forked child. */
static int run_builtin(void *arg) {
  const struct starting *s = arg;
  environ = (char **)(uintptr_t)s->launch.envp;
  return child_run(s->executor, &s->context, s->launch.params, s->channel_fd >= 0 ? SPAWN_FDS - 1 : -1);
}

static void fill_context(struct starting *s) {
  const struct warden_run *id = &s->run->id;
  s->run_id = id_to_text(id->run_no);
  s->job_id = id_to_text(id->job_no);
  s->context = (struct child_context){.run_id = str_of(s->run_id.text),
                                      .job_id = str_of(s->job_id.text),
                                      .run_no = id->run_no,
                                      .attempt = id->attempt,
                                      .due_ms = id->due_ms,
                                      .deadline_ms = add_ms(id->started_ms, s->run->limits.timeout_ms),
                                      .timeout_ms = s->run->limits.timeout_ms};
}

static void fill_spawn(const struct warden *w, struct starting *s, const struct spawn_user *user) {
  struct spawn *p = &s->spawn;
  p->launch = &s->launch;
  p->fds[0] = s->stdin_fd >= 0 ? s->stdin_fd : w->null_fd;
  p->fds[2] = p->fds[1];
  p->fds[4] = s->channel_fd;
  for (int i = 0; i < SPAWN_FDS; i++) p->own_fds[i] = i == STDERR_FILENO ? w->log_fd : w->null_fd;
  p->user = user;
  p->is_no_new_privs = (s->run->limits.flags & WARDEN_START_NO_NEW_PRIVS) != 0;
  p->files = w->files;
  p->warden_pid = w->pid;
  if (s->launch.kind == LAUNCH_PROGRAM) return;
  p->body = run_builtin;
  p->arg = s;
  p->tag_place = w->tag_place;
  p->tag = (struct tag){w->folder, w->instance, (uint64_t)s->run->id.run_no};
  s->executor = executor_find(str_of(s->launch.executor));
  ASSERT(s->executor);
}

/* Limits as they are kept: nothing without bound. */
static void settle_limits(struct supervised *run, const struct warden_start *start) {
  run->limits = *start;
  uint32_t head = start->output_head_bytes, tail = start->output_tail_bytes;
  run->spool.head_max = head && head < LIMIT_SPOOL_HEAD_BYTES ? head : LIMIT_SPOOL_HEAD_BYTES;
  run->spool.tail_max = tail && tail < LIMIT_SPOOL_TAIL_BYTES ? tail : LIMIT_SPOOL_TAIL_BYTES;
  run->spool.rate_max = start->output_rate_bytes;
  spool_begin(&run->spool, warden_tick());
}

static enum warden_refusal check_start(struct warden *w, const struct warden_start *s,
                                       const struct launch *launch, const struct spawn_user **ret_user) {
  if (!limits_make_sense(s)) return WARDEN_REFUSED_BAD_REQUEST;
  if (s->epoch < w->epoch) return WARDEN_REFUSED_STALE_EPOCH;
  if (w->is_draining) return WARDEN_REFUSED_DRAINING;
  if (w->living >= LIMIT_RUNNING_RUNS || w->runs.count >= WARDEN_UNACKED_MAX) return WARDEN_REFUSED_TOO_MANY;
  if (s->flags & WARDEN_START_CONTAIN && w->cgroup.fd < 0) return WARDEN_REFUSED_CONTAINMENT;
  if (launch->kind == LAUNCH_BUILTIN && !executor_find(str_of(launch->executor)))
    return WARDEN_REFUSED_EXECUTOR;
  return choose_user(w, s, ret_user) ? (enum warden_refusal)0 : WARDEN_REFUSED_USER;
}

static void take_answer(struct warden *w, struct starting *s) {
  struct supervised *run = s->run;
  const struct spawn *p = &s->spawn;
  w->starting--;
  w->starting_bytes -= s->bytes;
  if (!w->has_test_clock) { /* the test clock may have been moved meanwhile: it counts from the request */
    run->id.started_ms = p->wall_ms;
    run->started_clock_ms = (int64_t)(p->tick.ns / 1000000);
  }
  run->id.started_tick_us = (int64_t)(p->tick.ns / 1000);
  os_close(&s->spawn.fds[1]); /* before anything ends: an end of file is seen when the child's copies go */
  os_close(&s->spawn.fds[3]);
  if (p->stage == WARDEN_STAGE_NONE) {
    run_became_program(w, run, p->pid);
    door_tell(w, run, TELL_STARTED);
  } else {
    if (p->pid > 0) (void)waitpid(p->pid, NULL, 0); /* it has ended: its failure is why we know */
    w->living--;
    run->end.stage = p->stage;
    run_end(w, run, WARDEN_COULD_NOT_START, p->error_number);
  }
  starting_free(s);
}

/* Without a folder of its own a run is known by /proc alone, unless more was asked for. */
static int enter_cgroup(struct warden *w, struct supervised *run, int *ret_procs_fd) {
  if (w->cgroup.fd < 0) return 0;
  const struct warden_start *l = &run->limits;
  struct cgroup_limits limits = {l->memory_bytes_max, l->pids_max, l->cpu_percent_max};
  int error_number = cgroup_add(&w->cgroup, run->id.run_no, &limits, ret_procs_fd);
  run->has_cgroup = error_number == 0;
  return l->flags & WARDEN_START_CONTAIN ? error_number : 0;
}

/* 0: handed over, or forked. Room in the map of pids is made before, since a process cannot be taken back. */
static enum warden_refusal begin(struct warden *w, struct starting *s, const struct spawn_user *user,
                                 int *ret_error_number) {
  struct supervised *run = s->run;
  *ret_error_number = run_output_open(w, run, &s->spawn.fds[1], &s->spawn.fds[3]);
  if (*ret_error_number) return WARDEN_REFUSED_RESOURCES;
  *ret_error_number = enter_cgroup(w, run, &s->spawn.cgroup_procs_fd);
  if (*ret_error_number) return WARDEN_REFUSED_CONTAINMENT;
  run->id.started_ms = warden_wall_ms(w);
  run->started_clock_ms = warden_clock_ms(w);
  run->id.started_tick_us = (int64_t)(warden_tick().ns / 1000);
  if (map_put(&w->pids, run_place_key(run), run) != ERR_OK) return WARDEN_REFUSED_RESOURCES;
  *ret_error_number = journal_start(&w->journal, &run->id);
  if (*ret_error_number) return WARDEN_REFUSED_JOURNAL;
  fill_context(s);
  add_variables(w, s);
  fill_spawn(w, s, user);
  w->living++;
  w->starting++;
  w->starting_bytes += s->bytes;
  /* Only with cgroups is the end of a tree still seen in one call while a built-in is the loop's child. */
  if (s->launch.kind == LAUNCH_PROGRAM || !run->has_cgroup) {
    spawn_ask(&s->spawn);
  } else {
    spawn_builtin(&s->spawn);
    take_answer(w, s);
  }
  return 0;
}

static struct warden_run identity(const struct warden *w, const struct warden_start *start) {
  struct warden_run id = {.run_no = start->run_no,
                          .job_no = start->job_no,
                          .due_ms = start->due_ms,
                          .version = start->version,
                          .epoch = start->epoch,
                          .attempt = start->attempt,
                          .trigger = start->trigger};
  memcpy(id.boot_id, w->boot_id, sizeof id.boot_id);
  return id;
}

enum warden_refusal run_start(struct warden *w, const struct warden_start *start, struct starting *s,
                              int *ret_error_number) {
  *ret_error_number = 0;
  struct supervised *run = run_find(w, start->run_no);
  if (run && run->id.attempt == start->attempt) { /* answered, not repeated (DESIGN 3) */
    starting_free(s);
    run->is_repeated = true;
    if (run->phase != RUN_STARTING)
      door_tell(w, run, TELL_STARTED | (run->phase == RUN_END ? TELL_ENDED : 0));
    return 0;
  }
  const struct spawn_user *user = NULL;
  enum warden_refusal why = run ? WARDEN_REFUSED_BAD_REQUEST : check_start(w, start, &s->launch, &user);
  struct warden_run id = identity(w, start);
  if (!why && !(run = run_new(w, &id))) why = WARDEN_REFUSED_RESOURCES;
  if (!why) {
    settle_limits(run, start);
    s->run = run;
    why = begin(w, s, user, ret_error_number);
    if (why) run_free(w, run);
  }
  if (why) starting_free(s);
  return why;
}

static void on_forked(struct warden *w, struct watch *watch, uint32_t epoll_events) {
  (void)epoll_events;
  uint64_t count;
  (void)!read(watch->fd, &count, sizeof count);
  for (struct spawn *p; (p = spawn_answer());) take_answer(w, CONTAINER_OF(p, struct starting, spawn));
  runs_reap(w); /* one that has ended already was not known when its signal came */
  if (!starting_is_full(w)) door_resume(w);
}

enum err starting_open(struct warden *w) {
  w->forked = (struct watch){on_forked, spawn_open()};
  if (w->forked.fd < 0) return ERR_NO_MEMORY;
  return warden_watch(w, &w->forked, EPOLLIN);
}
