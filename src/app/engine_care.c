#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/engine_private.h"
#include "app/spool_care.h"
#include "base/log.h"

#define ALIVE_MS 1000
#define CARE_FIRST_MS 30000 /* after a run ended */
#define CARE_BUSY_MS 5000   /* the store or the core is busy: later */
#define CARE_MORE_MS 100    /* between slices */
#define CARE_ROWS 500       /* of one slice: a few milliseconds of the writer */
#define CARE_QUEUE_MAX 50   /* changes waiting: the store is busy */
#define SPOOL_EVERY_MS (600LL * 1000)
#define ZONES_SETTLE_MS 2000 /* an upgrade writes many files */
#define LOAD_EVERY_MS 1000

/* ---- aliveAt ---- */

static void on_second(void *arg) {
  struct engine *e = arg;
  e->second_is_armed = false;
  if (e->is_stopping || !e->is_ready) return;
  struct change *c = change_new(CHANGE_ALIVE, engine_now_ms(e));
  if (c) engine_write(e, c, NULL, NULL);
  engine_care_after_step(e);
}

void engine_care_after_step(struct engine *e) {
  if (e->is_stopping || !e->is_ready) return;
  if (!e->second_is_armed && sched_status(e->sched).armed > 0) {
    e->second_is_armed = true;
    loop_timer_arm_ms(e->second, ALIVE_MS);
  }
  if (e->retention_due && !e->care_is_armed) {
    e->care_is_armed = true;
    loop_timer_arm_ms(e->care, CARE_FIRST_MS);
  }
}

/* ---- retention, when idle ---- */

static void care_again(struct engine *e, int64_t after_ms) {
  e->care_is_armed = true;
  loop_timer_arm_ms(e->care, after_ms);
}

static void on_retained(void *arg, const struct engine_answer *answer) {
  struct engine *e = arg;
  if (answer->error != ERR_OK) return care_again(e, CARE_FIRST_MS);
  if (answer->change->retain.has_more) return care_again(e, CARE_MORE_MS);
  e->retention_due = false;
}

static void on_spool_swept(void *arg) {
  struct spool_sweep *sweep = arg;
  struct engine *e = sweep->owner;
  if (sweep->deleted > 0)
    log_line(LOG_INFO, "Retention", "outputs deleted", LF_INT("files", sweep->deleted),
             LF_INT("bytes", sweep->deleted_bytes));
  e->work_out--;
  spool_sweep_free(sweep);
  engine_wind_on(e);
}

static void sweep_spool(struct engine *e) {
  int64_t now_ms = engine_now_ms(e);
  if (e->spool_swept_ms != 0 && now_ms - e->spool_swept_ms < SPOOL_EVERY_MS) return;
  struct spool_sweep *sweep = spool_sweep_new(e->folder, e->live.count);
  if (!sweep) return;
  e->spool_swept_ms = now_ms;
  sweep->owner = e;
  sweep->bytes_max = config_int(e->config, CONFIG_SPOOL_MB) * 1024 * 1024;
  sweep->older_than_ms = world_now_ms(world_real()) - config_int(e->config, CONFIG_SPOOL_DAYS) * 24 * 3600 *
                                                          1000; /* file times are real */
  struct map_entry entry;
  for (size_t i = 0; map_next(&e->live, &i, &entry);)
    sweep->live[sweep->live_count++] = ((struct live_run *)entry.value)->run_no;
  e->work_out++;
  if (work_submit(e->work, spool_sweep_run, on_spool_swept, sweep) == ERR_OK) return;
  e->work_out--;
  spool_sweep_free(sweep);
  engine_wind_on(e);
}

static void on_care(void *arg) {
  struct engine *e = arg;
  e->care_is_armed = false;
  if (e->is_stopping || !e->is_ready) return;
  int64_t wake_ms = sched_wake_ms(e->sched);
  bool is_busy =
      store_queue_depth(e->store) > CARE_QUEUE_MAX || e->is_store_down || wake_ms < engine_now_ms(e);
  if (is_busy) return care_again(e, CARE_BUSY_MS);
  sweep_spool(e);
  struct change *c = change_new(CHANGE_RETAIN, engine_now_ms(e));
  if (!c) return care_again(e, CARE_BUSY_MS);
  c->retain.max_rows = CARE_ROWS;
  engine_write(e, c, on_retained, e);
}

/* ---- zones ---- */

static void on_zones_settled(void *arg) {
  struct engine *e = arg;
  if (!tzdb_refresh(e->tzdb) && !e->is_ready) return;
  log_line(LOG_INFO, "CronManager", "the zone files have changed: instants not claimed yet are planned anew");
  store_refresh(e->store, engine_now_ms(e));
  if (e->is_ready) engine_step(e, &(struct sched_event){.kind = SCHED_READY});
}

static void on_zone_event(void *arg, int fd, uint32_t events) {
  (void)events;
  struct engine *e = arg;
  char bytes[4096];
  while (read(fd, bytes, sizeof bytes) > 0) {
  }
  loop_timer_arm_ms(e->zones, ZONES_SETTLE_MS);
}

/* A package upgrade writes into the folder itself (tzdata.zi, +VERSION), so one watch is enough. Without it
 * (no inotify left) zones are read again at the next start. */
static void watch_zones(struct engine *e) {
  e->zone_watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (e->zone_watch < 0) return;
  if (inotify_add_watch(e->zone_watch, TZ_FOLDER,
                        IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_ATTRIB) < 0 ||
      loop_io_new(e->loop, e->zone_watch, EPOLLIN, on_zone_event, e, &e->zone_io) != ERR_OK) {
    close(e->zone_watch);
    e->zone_watch = -1;
  }
}

/* ---- the clock ---- */

void engine_on_clock(void *arg, bool clock_was_set) {
  struct engine *e = arg;
  e->armed_ms = INSTANT_NONE; /* whatever it was set to has passed, or must be set anew */
  int64_t now_ms = engine_now_ms(e), tick_ms = engine_tick_ms(e);
  if (clock_was_set) {
    int64_t was_ms = tick_ms + e->wall_minus_tick_ms;
    engine_step(e, &(struct sched_event){.kind = SCHED_CLOCK_SET, .clock = {was_ms, now_ms}});
  } else {
    engine_step(e, &(struct sched_event){.kind = SCHED_TIMER});
  }
  e->wall_minus_tick_ms = now_ms - tick_ms; /* follows slow corrections, so that they do not add up */
}

/* ---- the machine ---- */

static void sample_cpu(struct engine *e) {
  FILE *f = fopen("/proc/stat", "re");
  if (!f) return;
  unsigned long long v[8] = {};
  if (fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5],
             &v[6], &v[7]) == 8) {
    uint64_t total = 0, idle = v[3] + v[4];
    for (size_t i = 0; i < 8; i++) total += v[i];
    uint64_t busy = total - idle;
    if (total > e->cpu_total && e->cpu_total)
      e->load.cpu_pct = 100.0 * (double)(busy - e->cpu_busy) / (double)(total - e->cpu_total);
    e->cpu_busy = busy;
    e->cpu_total = total;
  }
  fclose(f);
}

static void sample_memory(struct engine *e) {
  FILE *f = fopen("/proc/meminfo", "re");
  if (!f) return;
  char line[200];
  long long total = 0, available = 0;
  while (fgets(line, sizeof line, f)) {
    (void)sscanf(line, "MemTotal: %lld", &total);
    (void)sscanf(line, "MemAvailable: %lld", &available);
  }
  fclose(f);
  if (total > 0) e->load.memory_pct = 100.0 * (double)(total - available) / (double)total;
}

static void sample_self(struct engine *e) {
  FILE *f = fopen("/proc/self/statm", "re");
  if (!f) return;
  long long size, resident;
  if (fscanf(f, "%lld %lld", &size, &resident) == 2) e->load.rss_bytes = resident * sysconf(_SC_PAGESIZE);
  fclose(f);
}

/* Sampled when somebody asks, at most once a second: an idle server does not wake for it. */
struct engine_load engine_load(const struct engine *const_e) {
  struct engine *e = (struct engine *)(uintptr_t)const_e;
  int64_t tick_ms = engine_tick_ms(e);
  if (e->load_at_ms && tick_ms - e->load_at_ms < LOAD_EVERY_MS) return e->load;
  e->load_at_ms = tick_ms;
  sample_cpu(e);
  sample_memory(e);
  sample_self(e);
  return e->load;
}

/* ---- life ---- */

enum err engine_care_start(struct engine *e) {
  TRY(loop_timer_new(e->loop, on_second, e, &e->second));
  TRY(loop_timer_new(e->loop, on_care, e, &e->care));
  TRY(loop_timer_new(e->loop, on_zones_settled, e, &e->zones));
  TRY(loop_timer_new(e->loop, engine_poll_output, e, &e->output_poll));
  e->wall_minus_tick_ms = engine_now_ms(e) - engine_tick_ms(e);
  e->retention_due = true;
  watch_zones(e);
  (void)engine_load(e);
  if (e->is_test_clock) return ERR_OK;
  return loop_wall_new(e->loop, engine_on_clock, e, &e->alarm);
}

void engine_care_stop(struct engine *e) {
  loop_wall_free(e->alarm);
  loop_timer_free(e->second);
  loop_timer_free(e->care);
  loop_timer_free(e->zones);
  loop_timer_free(e->output_poll);
  loop_io_free(e->zone_io);
  if (e->zone_watch >= 0) close(e->zone_watch);
}
