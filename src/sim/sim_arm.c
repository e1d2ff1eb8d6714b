#include "sim/sim_arm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim_app.h"
#include "time/schedule.h"

#define DAY_STEPS SIM_STEPS_PER_DAY
#define ZOMBIE_STEPS DAY_STEPS
#define MEASURE_AT (SIM_STEPS_PER_HOUR / 2) /* between the jobs of the full hours */
#define LOOK_EVERY \
  (7 * SIM_STEPS_PER_HOUR) /* at the live state world by world: all hours of a day in a week */
#define LEAK_FROM_DAY 1    /* of the window: its days 2 … (requirements 7.2) */
#define DELETE_AFTER_STEPS (37 * DAY_STEPS)
#define WARNED_OF_DELETION 2 /* "World"."warned" */
#define MIB (1024.0 * 1024.0)
#define USD_PER_WORLD_DAY 0.08

/* As sql/seed/jobs.json has them; in order of priority when due at the same instant. */
static const struct {
  enum sim_job job;
  const char *schedule;
} schedules[SIM_JOB_COUNT] = {{SIM_SYNC, "*/5 * * * *"}, {SIM_CLEANUP, "0 * * * *"},
                              {SIM_AUTO_PAUSE, NULL},    {SIM_EVENTS, "*/30 * * * *"},
                              {SIM_DELETE, "0 3 * * *"}, {SIM_CONSOLIDATION, "0 3 * * *"}};

struct arm {
  const struct sim_arm_config *c;
  struct sim_figures *f;
  struct sim_stage stage;
  struct sim_app app;
  struct tzdb *zones;
  struct schedule *due[SIM_JOB_COUNT]; /* in the order of `schedules`; NULL: off */
  struct err_detail *detail;
  /* sums of the window's hours */
  double hours, zombie_shares, free_zombie_shares, protected_shares, looks, resident, idle_bytes;
  struct sim_line leak;
  double hot_before, archive_raw_before, archive_before;
  int step; /* ended now: the instant is START + step · STEP */
};

static bool is_in_window(const struct arm *a) { return a->step > a->c->warmup_days * DAY_STEPS; }

double sim_cut(double off, double on) { return off == 0 ? 0 : (off - on) / off * 100; }

/* ---- times of messages ---- */

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double sim_times_quantile(struct sim_times *t, double q) {
  if (t->count == 0) return 0;
  qsort(t->us, t->count, sizeof *t->us, by_size);
  return t->us[(size_t)(q * (double)(t->count - 1))] / 1000;
}

/* ---- jobs ---- */

static bool is_on(const struct arm *a, enum sim_job job) {
  unsigned bit = job == SIM_DELETE ? SIM_AUTO_PAUSE : job;
  return (a->c->jobs & (1U << bit)) != 0;
}

static enum err compile_all(struct arm *a) {
  struct schedule_options options = SCHEDULE_OPTIONS_DEFAULT;
  char every[32];
  (void)snprintf(every, sizeof every, "0 */%d * * *", a->c->pause_every_hours);
  TRY(tzdb_new(NULL, &a->zones));
  for (int i = 0; i < SIM_JOB_COUNT; i++) {
    if (!is_on(a, schedules[i].job)) continue;
    const char *text = schedules[i].schedule ? schedules[i].schedule : every;
    TRY(schedule_compile(a->zones, str_of(text), &options, &a->due[i], a->detail));
  }
  return ERR_OK;
}

static void run_job(struct arm *a, enum sim_job job) {
  json_t *result = NULL;
  int64_t cpu = sim_cpu_ns(), wall = sim_wall_ns();
  int code = sim_job_run(&a->stage, job, false, &result);
  double took_ms = (double)(sim_wall_ns() - wall) / 1e6;
  a->f->failed_runs += code != 0;
  if (is_in_window(a)) {
    a->f->job_cpu_s += (double)(sim_cpu_ns() - cpu) / 1e9;
    if (took_ms > a->f->job_slowest_ms) a->f->job_slowest_ms = took_ms;
    json_t *run = json_pack("{s:i, s:f}", "runs", 1, "cpuSeconds", (double)(sim_cpu_ns() - cpu) / 1e9);
    sim_job_sum(&a->f->metrics[job], run);
    sim_job_sum(&a->f->metrics[job], result);
    json_decref(run);
  }
  json_decref(result);
}

static void run_due(struct arm *a) {
  int64_t now = a->stage.now_ms;
  for (int i = 0; i < SIM_JOB_COUNT; i++)
    if (a->due[i] && schedule_next(a->due[i], now - 1) == now) run_job(a, schedules[i].job);
}

static void look_at_backlog(struct arm *a) {
  json_t *result = NULL;
  (void)sim_job_run(&a->stage, SIM_AUTO_PAUSE, true, &result);
  const json_t *stats = json_object_get(result, "stats");
  a->f->first_run = (struct sim_first_run){json_integer_value(json_object_get(stats, "pausedBy24h")),
                                           json_integer_value(json_object_get(stats, "pausedBy7d")),
                                           json_integer_value(json_object_get(stats, "pausedBy30d")),
                                           json_integer_value(json_object_get(stats, "newlyPaused")),
                                           json_integer_value(json_object_get(stats, "escalatedTo7d")) +
                                               json_integer_value(json_object_get(stats, "escalatedTo30d"))};
  json_decref(result);
}

/* ---- measuring ---- */

struct listed {
  struct arm *a;
  bool is_there[SIM_WORLDS_MAX], is_paused[SIM_WORLDS_MAX];
};

static bool visit_listed(void *arg, const struct sql_row *row) {
  struct listed *l = arg;
  size_t i = sim_owner_of_id(sql_row_text(row, 0));
  if (i >= l->a->c->load->count) return true;
  l->is_there[i] = true;
  l->is_paused[i] = sql_row_int(row, 1) != 0;
  l->a->app.worlds[i].warned = sql_row_int(row, 2);
  return true;
}

static bool visit_found(void *arg, const struct sql_row *row) {
  (void)row;
  *(bool *)arg = true;
  return false;
}

/* Gone, and rightly so? Idle for 37 days, unprotected, warned and exported. */
static enum err judge_deletion(struct arm *a, size_t i) {
  struct sim_app_world *w = &a->app.worlds[i];
  char id[SIM_ID_BYTES];
  bool is_exported = false;
  sim_id(i, id);
  TRY(sqldb_query(a->stage.db, SIM_SQL_EXPORTED, SQL_ARGS(SQL_VALUE_TEXT(id)), visit_found, &is_exported,
                  a->detail));
  bool is_idle = a->step - w->last_seen >= DELETE_AFTER_STEPS - 1;
  bool is_right = is_idle && is_exported && w->warned >= WARNED_OF_DELETION &&
                  a->c->load->owners[i].protection == SIM_UNPROTECTED;
  w->is_gone = true;
  a->f->deleted++;
  a->f->wrong_deletes += !is_right;
  return ERR_OK;
}

struct census { /* of the worlds there are */
  int there, running, zombies, guarded, guarded_zombies;
};

static void count_world(struct arm *a, size_t i, bool is_paused, struct census *n) {
  bool is_guarded = a->c->load->owners[i].protection != SIM_UNPROTECTED;
  bool is_zombie = !is_paused && a->step - a->app.worlds[i].last_seen > ZOMBIE_STEPS;
  n->there++;
  n->running += !is_paused;
  n->zombies += is_zombie;
  n->guarded += is_guarded;
  n->guarded_zombies += is_guarded && is_zombie;
  a->f->protected_paused += is_guarded && is_paused;
}

static void add_hour(struct arm *a, const struct census *n) {
  int unguarded = n->there - n->guarded;
  a->hours++;
  a->zombie_shares += (double)n->zombies / n->there;
  a->protected_shares += (double)n->guarded / n->there;
  if (unguarded > 0) a->free_zombie_shares += (double)(n->zombies - n->guarded_zombies) / unguarded;
  a->f->running_world_days += (double)n->running / 24;
}

static enum err look_at_worlds(struct arm *a) {
  struct listed *l = calloc(1, sizeof *l);
  struct census n = {};
  if (!l) return ERR_NO_MEMORY;
  l->a = a;
  enum err e = sqldb_query(a->stage.db, SIM_SQL_PAUSED, SQL_NO_ARGS, visit_listed, l, a->detail);
  for (size_t i = 0; e == ERR_OK && i < a->app.count; i++) {
    struct sim_app_world *w = &a->app.worlds[i];
    if (!w->is_gone && !l->is_there[i]) e = judge_deletion(a, i);
    if (!w->is_gone) count_world(a, i, l->is_paused[i], &n);
  }
  free(l);
  if (e == ERR_OK && is_in_window(a) && n.there > 0) add_hour(a, &n);
  return e;
}

/* Bytes of the live state at full scale. */
static enum err live_bytes(struct arm *a, double *ret) {
  struct live_status s = {};
  TRY(live_status(a->stage.lane.live, &s, a->detail));
  *ret = (double)s.used_bytes * a->c->byte_divisor;
  return ERR_OK;
}

static enum err look_at_live(struct arm *a) {
  double bytes = 0, idle = 0;
  TRY(live_bytes(a, &bytes));
  a->resident += bytes;
  if (a->step % LOOK_EVERY == MEASURE_AT) {
    TRY(sim_app_idle_bytes(&a->app, a->step - SIM_STEPS_PER_HOUR, &idle, a->detail));
    a->idle_bytes += idle * a->c->byte_divisor;
    a->looks++;
  }
  if (bytes / MIB > a->f->peak_mb) a->f->peak_mb = bytes / MIB;
  return ERR_OK;
}

static enum err look_at_midnight(struct arm *a) {
  double y = 0, x = (double)a->step / DAY_STEPS - a->c->warmup_days;
  TRY(live_bytes(a, &y));
  if (x < LEAK_FROM_DAY) return ERR_OK;
  sim_line_add(&a->leak, x, y / MIB);
  return ERR_OK;
}

static bool read_archive(void *arg, const struct sql_row *row) {
  double *r = arg;
  for (int i = 0; i < 3; i++) r[i] = (double)sql_row_int(row, i);
  return false;
}

/* Both counted since the beginning: segments leave the archive after 90 days only. */
static enum err read_storage(struct arm *a, double *hot, double *raw, double *stored) {
  double r[3] = {};
  TRY(sim_database_bytes(&a->stage, hot, a->detail));
  TRY(sqldb_query(a->stage.db, SIM_SQL_ARCHIVED,
                  SQL_ARGS(SQL_VALUE_TEXT(""), SQL_VALUE_INSTANT(SIM_START_MS)), read_archive, r, a->detail));
  *raw = r[1] * a->c->byte_divisor;
  *stored = r[2] * a->c->byte_divisor;
  return ERR_OK;
}

static bool read_one(void *arg, const struct sql_row *row) {
  *(int64_t *)arg = sql_row_int(row, 0);
  return false;
}

static enum err look_at_rows(struct arm *a) {
  int64_t rows = 0;
  TRY(sqldb_query(a->stage.db, SIM_SQL_ROWS_MAX, SQL_NO_ARGS, read_one, &rows, a->detail));
  rows *= a->c->lump;
  if (rows > a->f->rows_per_world_max) a->f->rows_per_world_max = rows;
  return ERR_OK;
}

static enum err measure(struct arm *a) {
  int in_hour = a->step % SIM_STEPS_PER_HOUR, in_day = a->step % DAY_STEPS;
  if (in_hour == MEASURE_AT) TRY(look_at_worlds(a));
  if (!is_in_window(a)) return ERR_OK;
  if (in_hour == MEASURE_AT) TRY(look_at_live(a));
  if (in_day == 2 * SIM_STEPS_PER_HOUR) TRY(look_at_rows(a)); /* before the night's consolidation */
  return in_day == 0 ? look_at_midnight(a) : ERR_OK;
}

/* ---- the end ---- */

/* What the application was told is written is there: its core, and each turn either as a row or in the archive. */
static enum err judge_writes(struct arm *a) {
  json_t *result = NULL;
  if (!is_on(a, SIM_SYNC)) return ERR_OK;
  (void)sim_job_run(&a->stage, SIM_SYNC, false, &result); /* what no job has saved yet is not lost */
  json_decref(result);
  for (size_t i = 0; i < a->app.count; i++) {
    double archived[3] = {};
    int64_t rows = 0, seq = 0;
    char id[SIM_ID_BYTES];
    if (a->app.worlds[i].is_gone) continue;
    sim_id(i, id);
    TRY(sqldb_query(a->stage.db, SIM_SQL_ROWS, SQL_ARGS(SQL_VALUE_TEXT(id)), read_one, &rows, a->detail));
    TRY(sqldb_query(a->stage.db, SIM_SQL_ARCHIVED,
                    SQL_ARGS(SQL_VALUE_TEXT(id), SQL_VALUE_INSTANT(SIM_START_MS)), read_archive, archived,
                    a->detail));
    TRY(sim_app_read_back(&a->app, i, &seq, a->detail));
    a->f->lost_writes += llabs(a->app.worlds[i].turns - rows - (int64_t)archived[0]);
    a->f->lost_writes += llabs(a->app.worlds[i].seq - seq);
  }
  a->f->lost_writes += a->app.lost_turns;
  return ERR_OK;
}

static bool read_story(void *arg, const struct sql_row *row) {
  struct sim_figures *f = arg;
  f->measured_events = sql_row_int(row, 0);
  f->repetition_before = sql_row_real(row, 1);
  f->repetition_after = sql_row_real(row, 2);
  return false;
}

static double metric(const struct sim_figures *f, enum sim_job job, const char *key) {
  return json_number_value(json_object_get(f->metrics[job], key));
}

static enum err sum_up(struct arm *a) {
  struct sim_figures *f = a->f;
  double hot, raw, stored, months = (double)a->c->days / 30;
  TRY(read_storage(a, &hot, &raw, &stored));
  f->hot_mb_month = (hot - a->hot_before) / MIB / months;
  f->archive_raw_mb = (raw - a->archive_raw_before) / MIB / months;
  f->archive_mb = (stored - a->archive_before) / MIB / months;
  f->leak_mb_day = sim_line_slope(&a->leak);
  if (a->hours > 0) {
    f->zombie_percent = a->zombie_shares / a->hours * 100;
    f->free_zombie_percent = a->free_zombie_shares / a->hours * 100;
    f->protected_percent = a->protected_shares / a->hours * 100;
    f->resident_mb = a->resident / a->hours / MIB;
  }
  if (a->looks > 0) f->idle_mb = a->idle_bytes / a->looks / MIB;
  f->cost_usd = f->running_world_days * USD_PER_WORLD_DAY;
  f->newly_paused = (int64_t)metric(f, SIM_AUTO_PAUSE, "newlyPaused");
  f->events_applied = (int64_t)metric(f, SIM_EVENTS, "eventsApplied");
  f->worlds = (int64_t)a->app.count;
  struct live_status status = {};
  TRY(live_status(a->stage.lane.live, &status, a->detail));
  f->orphan_locks = status.locks;
  int64_t from_ms = SIM_START_MS + (int64_t)a->c->warmup_days * DAY_STEPS * SIM_STEP_MS;
  TRY(sqldb_query(a->stage.db, SIM_SQL_STORY, SQL_ARGS(SQL_VALUE_INSTANT(from_ms)), read_story, f,
                  a->detail));
  return judge_writes(a);
}

/* ---- the run ---- */

static enum err begin_window(struct arm *a) {
  if (a->c->jobs == 0) look_at_backlog(a);
  return read_storage(a, &a->hot_before, &a->archive_raw_before, &a->archive_before);
}

static enum err play(struct arm *a) {
  for (a->step = 1; a->step <= a->c->load->steps; a->step++) {
    a->stage.now_ms = SIM_START_MS + a->step * SIM_STEP_MS;
    a->app.is_counting = is_in_window(a);
    int64_t cpu = sim_cpu_ns();
    TRY(sim_app_step(&a->app, a->step, a->detail));
    if (is_in_window(a)) a->f->app_cpu_s += (double)(sim_cpu_ns() - cpu) / 1e9;
    TRY(measure(a));
    run_due(a);
    TRY(sim_app_crash(&a->app, a->step, a->detail));
    if (a->step == a->c->warmup_days * DAY_STEPS) TRY(begin_window(a));
  }
  a->step--;
  return sum_up(a);
}

static enum err run(struct arm *a) {
  TRY(compile_all(a));
  TRY(sim_stage_open(&a->stage, a->c->byte_divisor, a->c->lump, a->detail));
  a->stage.is_cleanup_faulty = a->c->is_cleanup_faulty;
  TRY(sim_app_new(&a->app, &a->stage, a->c, a->f));
  return play(a);
}

enum err sim_arm_run(const struct sim_arm_config *config, struct sim_figures *ret,
                     struct err_detail *detail) {
  ASSERT(config->load && config->byte_divisor > 0 && config->lump > 0 && config->pause_every_hours > 0);
  *ret = (struct sim_figures){.jobs = config->jobs};
  struct arm a = {.c = config, .f = ret, .detail = detail};
  enum err e = run(&a);
  sim_app_free(&a.app);
  sim_stage_close(&a.stage);
  for (int i = 0; i < SIM_JOB_COUNT; i++) schedule_free(a.due[i]);
  tzdb_free(a.zones);
  return e;
}

void sim_figures_free(struct sim_figures *f) {
  for (int i = 0; i < SIM_JOB_COUNT; i++) {
    json_decref(f->metrics[i]);
    f->metrics[i] = NULL;
  }
}
