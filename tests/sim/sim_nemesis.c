#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

static const char *const zones[] = {"Europe/Madrid", "America/New_York", "Australia/Lord_Howe"};
static const char *const schedules[] = {
    "*/10 * * * * *",
    "*/15 * * * * *",
    "*/20 * * * * *",
    "*/30 * * * * *",
    "* * * * *",
    "*/2 * * * *",
    "@every 17s",
    "@every 45s",
    "@every 8s",
    "5-50/9 * * * * *",
    "0,30 * * * * * | @every 50s",
};
#define COUNT_OF(list) (sizeof(list) / sizeof *(list))

/* ---- the jobs ---- */
static int64_t maybe(struct sim *w, int percent, int64_t min, int64_t max) {
  return sim_chance(w, percent) ? sim_pick(w, min, max) : FIELD_NULL;
}

static void random_definition(struct sim *w, struct job *job, char name[32], char schedule[64]) {
  job_init(job);
  snprintf(name, 32, "job-%lld", (long long)++w->event_no);
  snprintf(schedule, 64, "%s", schedules[sim_pick(w, 0, COUNT_OF(schedules) - 1)]);
  job->name = name;
  job->schedule = schedule;
  job->command = "true";
  job->timezone = sim_chance(w, 60) ? w->zone : sim_chance(w, 50) ? zones[sim_pick(w, 0, 2)] : NULL;
  job->timeout = sim_pick(w, 3, 40);
  job->retries = sim_chance(w, 50) ? sim_pick(w, 1, 3) : 0;
  job->retry_delay = sim_pick(w, 0, 15);
  job->retry_jitter_pct = maybe(w, 30, 1, 100);
  job->backoff = maybe(w, 50, 0, 1);
  job->priority = sim_pick(w, 1, 10);
  job->allow_concurrent = sim_chance(w, 25);
  job->overlap_policy = maybe(w, 70, 0, 2);
  job->misfire_policy = maybe(w, 70, 0, 2);
  job->start_window = maybe(w, 70, 1, 60);
  job->catch_up_window = maybe(w, 70, 10, 600);
  job->catch_up_max = maybe(w, 70, 0, 12);
  job->queue_timeout = sim_pick(w, 5, 120);
  job->on_crash = maybe(w, 70, 0, 1);
  job->dst = maybe(w, 30, 0, 2);
  job->splay = maybe(w, 20, 1, 20);
  job->total_timeout = maybe(w, 20, 20, 90);
  job->disable_after = maybe(w, 15, 2, 5);
  job->group = sim_chance(w, 25) ? "maintenance" : NULL;
  job->concurrency_key = sim_chance(w, 15) ? "key-{n}" : NULL;
  job->params = sim_chance(w, 50) ? "{\"n\":1}" : NULL;
  job->category = sim_chance(w, 40) ? "DISK" : NULL;
}

static void edit(struct sim *w, struct change *c) {
  struct sched_event event = {.kind = SCHED_EDIT, .change = c};
  struct sched_status status = sched_status(w->core);
  if (status.armed > 0) w->counters[SIM_EDIT_IN_CLAIM]++;
  c->token = 2;
  sim_step(w, &event);
}

static void save(struct sim *w, const struct job *job) {
  struct change *c = change_new(CHANGE_JOB_SAVE, sim_wall(w));
  c->job.job = job_copy(job);
  c->job.job_no = job->no;
  sim_say(w, "save job %lld: %s active %lld", (long long)job->no, job->schedule, (long long)job->is_active);
  edit(w, c);
}

static void create_job(struct sim *w) {
  struct job job;
  char name[32], schedule[64];
  if (w->job_count >= SIM_JOBS_MAX - 4) return;
  random_definition(w, &job, name, schedule);
  save(w, &job);
}

/* A fixed local time that the change of clocks swallows or repeats. */
static void create_dst_job(struct sim *w, int64_t before_s, int64_t after_s, int64_t minutes_past) {
  struct job job;
  char name[32], schedule[64];
  random_definition(w, &job, name, schedule);
  int64_t local_s =
      w->dst_at_ms / 1000 + (after_s < before_s && minutes_past > 0 ? after_s : before_s) + minutes_past * 60;
  int64_t minute = (local_s % 86400 + 86400) % 86400 / 60;
  snprintf(schedule, sizeof schedule, "%lld %lld * * *", (long long)(minute % 60), (long long)(minute / 60));
  job.timezone = w->zone;
  job.start_window = FIELD_NULL;
  save(w, &job);
}

static void find_transition(struct sim *w, int64_t *ret_before_s, int64_t *ret_after_s) {
  const struct tz *tz;
  struct err_detail detail = {};
  if (tz_find(w->tzdb, str_of(w->zone), &tz, &detail)) abort();
  int64_t at_s = 1767225600 + sim_pick(w, 0, 10 * 365) * 86400; /* from 2026 on */
  do {
    if (!tz_next_transition(tz, at_s, &at_s)) abort();
    *ret_before_s = tz_offset_s(tz, at_s - 1, NULL, NULL);
    *ret_after_s = tz_offset_s(tz, at_s, NULL, NULL);
  } while (*ret_before_s == *ret_after_s || (*ret_after_s > *ret_before_s) != w->is_gap);
  w->dst_at_ms = at_s * 1000;
}

static void set_settings(struct sim *w, const struct settings *s) {
  struct change *c = change_new(CHANGE_SETTINGS, sim_wall(w));
  c->settings.settings = settings_copy(s);
  edit(w, c);
}

void sim_setup(struct sim *w) {
  int64_t before_s, after_s;
  list_init(&w->entries);
  list_init(&w->asked);
  w->queue_end = &w->queue;
  w->is_gap = w->seed % 2 == 0;
  w->random = hash_int(w->seed);
  w->last_jump_at = -SIM_DAY;
  w->twice_from_ms = INSTANT_NEVER;
  w->twice_to_ms = INSTANT_NONE;
  w->zone = zones[sim_pick(w, 0, 2)];
  if (tzdb_new(NULL, &w->tzdb)) abort();
  find_transition(w, &before_s, &after_s);
  w->offset_ms = w->dst_at_ms - sim_pick(w, 70, 150) * SIM_SECOND;
  w->end_at = sim_pick(w, 10, 16) * SIM_MINUTE;
  sim_warden_start(w);
  sim_serve_start(w);
  w->settings_zone = "Europe/Madrid"; /* of a fresh store */
  struct settings s = *w->settings;
  s.timezone = w->zone;
  w->cap_max = s.max_concurrent = sim_pick(w, 2, 6);
  s.pools = "{\"DISK\":2}";
  set_settings(w, &s);
  for (int64_t n = sim_pick(w, 2, 5); n > 0; n--) create_job(w);
  create_dst_job(w, before_s, after_s, w->is_gap ? 10 : -1);
  create_dst_job(w, before_s, after_s, 1);
  sim_later(w, SIM_EV_NEMESIS, SIM_SECOND * 20);
  sim_later(w, SIM_EV_PEOPLE, SIM_SECOND * 5);
}

/* ---- people ---- */
static struct sim_job *random_job(struct sim *w) {
  for (int tries = 0; tries < 8 && w->job_count > 0; tries++) {
    struct sim_job *j = &w->jobs[sim_pick(w, 0, (int64_t)w->job_count - 1)];
    if (!j->is_deleted && j->version_count < COUNT_OF(j->versions) - 4 &&
        j->closed_count < COUNT_OF(j->closed) - 4)
      return j;
  }
  return NULL;
}

static void run_job(struct sim *w, struct job *job) {
  struct sched_request request = {.token = 1,
                                  .job = job,
                                  .trigger = sim_chance(w, 50) ? TRIGGER_MANUAL : TRIGGER_API,
                                  .params = sim_chance(w, 30) ? "{\"n\":2}" : NULL,
                                  .requested_by = "user:ana",
                                  .refuse_when_running = sim_chance(w, 30)};
  struct sched_event event = {.kind = SCHED_RUN, .request = &request};
  w->counters[SIM_MANUAL]++;
  sim_step(w, &event);
}

struct choice {
  struct sim *w;
  int64_t run_no;
};

static bool choose_run(void *arg, const struct run *run, const struct job *job, size_t place) {
  struct choice *c = arg;
  (void)job, (void)place;
  c->run_no = run->no;
  return !sim_chance(c->w, 40);
}

static void cancel_some(struct sim *w) {
  struct choice c = {.w = w};
  sched_each_run(w->core, choose_run, &c);
  if (!c.run_no) return;
  struct sched_event event = {.kind = SCHED_CANCEL, .run_no = c.run_no, .token = 3};
  w->counters[SIM_CANCEL]++;
  sim_step(w, &event);
}

static void change_job(struct sim *w, const struct sim_job *j) {
  struct job job = *j->job, other;
  char name[32], schedule[64];
  random_definition(w, &other, name, schedule);
  if (sim_chance(w, 25)) {
    job.is_active = !job.is_active;
  } else {
    other.no = job.no;
    other.name = job.name;
    other.is_active = 1;
    if (sim_chance(w, 30)) other.schedule = job.schedule;
    job = other;
  }
  save(w, &job);
}

static void turn_gate(struct sim *w, enum gate_scope scope, int64_t job_no, bool is_closed) {
  struct change *c = change_new(CHANGE_GATE, sim_wall(w));
  c->gate.scope = scope;
  c->gate.job_no = job_no;
  c->gate.gate = is_closed ? GATE_PAUSED : GATE_OPEN;
  c->gate.gate_until_ms =
      is_closed && sim_chance(w, 50) ? sim_wall(w) + sim_pick(w, 1, 90) * SIM_SECOND : INSTANT_NEVER;
  sim_say(w, "gate scope %d job %lld closed %d", scope, (long long)job_no, is_closed);
  edit(w, c);
}

void sim_pause_all(struct sim *w) {
  struct change *c = w->core ? change_new(CHANGE_GATE, sim_wall(w)) : NULL;
  if (!c) return;
  c->gate.scope = GATE_SCOPE_ALL;
  c->gate.gate = GATE_PAUSED;
  c->gate.gate_until_ms = INSTANT_NEVER;
  edit(w, c);
}

static void delete_job(struct sim *w, int64_t job_no) {
  struct change *c = change_new(CHANGE_JOB_DELETE, sim_wall(w));
  c->job.job_no = job_no;
  c->job.if_updated_ms = FIELD_NULL;
  edit(w, c);
}

static void change_settings(struct sim *w) {
  struct settings s = *w->settings;
  if (sim_chance(w, 40)) s.is_enabled = !s.is_enabled;
  else if (sim_chance(w, 50)) s.timezone = zones[sim_pick(w, 0, 2)];
  else s.max_concurrent = sim_pick(w, 2, w->cap_max);
  sim_say(w, "settings: enabled %lld, %s, %lld at a time", (long long)s.is_enabled, s.timezone,
          (long long)s.max_concurrent);
  set_settings(w, &s);
}

void sim_people(struct sim *w) {
  if (w->is_calm) return;
  sim_later(w, SIM_EV_PEOPLE, sim_pick(w, 500, 9000));
  struct sim_job *j = random_job(w);
  if (!w->core || !j) return;
  int64_t what = sim_pick(w, 0, 99);
  if (what < 35) run_job(w, j->job);
  else if (what < 47) cancel_some(w);
  else if (what < 70) change_job(w, j);
  else if (what < 84) turn_gate(w, GATE_SCOPE_JOB, j->no, sim_chance(w, 50));
  else if (what < 90) turn_gate(w, GATE_SCOPE_ALL, 0, sim_chance(w, 40));
  else if (what < 92) delete_job(w, j->no);
  else if (what < 95) create_job(w);
  else change_settings(w);
}

/* ---- what goes wrong ---- */
static void jump(struct sim *w, bool is_back) {
  int64_t kind = sim_pick(w, 0, 99);
  int64_t ms = kind < 30   ? sim_pick(w, 1, 60000)
               : kind < 80 ? sim_pick(w, 1, 20) * SIM_MINUTE + sim_pick(w, 0, 999)
               : kind < 95 ? sim_pick(w, 1, 3) * SIM_HOUR
                           : sim_pick(w, 25, 40) * SIM_HOUR;
  w->counters[is_back ? SIM_JUMP_BACK : SIM_JUMP_FORWARD]++;
  if (is_back && sim_wall(w) > w->twice_to_ms) w->twice_to_ms = sim_wall(w);
  w->offset_ms += is_back ? -ms : ms;
  if (is_back && sim_wall(w) < w->twice_from_ms) w->twice_from_ms = sim_wall(w);
  w->last_jump_at = w->now;
  sim_say(w, "the clock jumps by %lld ms", (long long)(is_back ? -ms : ms));
}

void sim_power_loss(struct sim *w) {
  sim_say(w, "the power fails");
  w->counters[SIM_POWER]++;
  w->boot_no++;
  LIST_EACH (&w->entries, node) {
    struct sim_entry *e = CONTAINER_OF(node, struct sim_entry, link);
    for (size_t i = w->start_count; i-- > 0 && e->life == SIM_LIVING;) {
      if (w->starts[i].run_no != e->run_no) continue;
      w->starts[i].status = RUN_LOST;
      w->starts[i].has_ended = true;
    }
  }
  w->is_warden_up = false;
  w->fence = ++w->connection;
  sim_serve_crash(w);
  if (sim_chance(w, 50)) sim_journal_lost(w); /* it is not synced: the page cache may not have made it */
}

void sim_nemesis(struct sim *w) {
  if (w->is_calm) return;
  sim_later(w, SIM_EV_NEMESIS, sim_pick(w, 2000, 30000));
  int64_t what = sim_pick(w, 0, 99);
  if (what < 12) {
    sim_serve_crash(w);
  } else if (what < 30) {
    if (w->core) w->crash_after = sim_pick(w, 1, 30);
  } else if (what < 40) {
    sim_warden_die(w);
  } else if (what < 47) {
    w->counters[SIM_DISCONNECT]++;
    sim_disconnect(w);
    sim_later(w, SIM_EV_RECONNECT, sim_pick(w, 0, 3000));
  } else if (what < 49) {
    sim_power_loss(w);
  } else if (what < 51) {
    w->dies_after_start = true;
  } else if (what < 63) {
    jump(w, false);
  } else if (what < 75) {
    jump(w, true);
  } else if (what < 88) {
    w->store_fails_until = w->now + sim_pick(w, 10, 8000);
  } else {
    w->counters[SIM_STORE_SLOW]++;
    w->store_slow_until = w->now + sim_pick(w, 1000, 20000);
  }
}
