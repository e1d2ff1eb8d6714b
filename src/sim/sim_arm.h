/* One run of `sereno sim world`: a load, a real database and live state in a folder of its own, a virtual clock, and the
 * real executors of those jobs that are on. Nothing of the jobs is simulated; only the application and its users are. */
#pragma once
#include <jansson.h>

#include "base/err.h"
#include "sim/sim_load.h"
#include "sim/sim_spread.h"

enum sim_job {
  SIM_CLEANUP,
  SIM_SYNC,
  SIM_AUTO_PAUSE,
  SIM_CONSOLIDATION,
  SIM_EVENTS,
  SIM_DELETE,
  SIM_JOB_COUNT
};
#define SIM_SHARED_JOBS 5 /* the jobs of seed A's table; deletion goes with auto-pause */
#define SIM_ALL_JOBS ((1U << SIM_SHARED_JOBS) - 1)
extern const char *const sim_job_names[]; /* "cleanup" … */

#define SIM_QUANTILES_MAX 8192 /* later ones take the place of earlier ones */

struct sim_arm_config {
  const struct sim_load *load;
  struct sim_scalars scalars;
  int warmup_days, days;
  unsigned jobs;    /* bits of the shared jobs */
  int byte_divisor; /* --byte-scale 1/N */
  int lump;         /* interactions in one row and entry; the thresholds of consolidation are divided by it */
  double residue_scale;
  int pause_every_hours;
  bool is_cleanup_faulty; /* its calls are answered, but nothing is done */
  bool has_story;         /* worlds in story mode; false in the price preset */
};

struct sim_times { /* of one kind of message, wall clock */
  double us[SIM_QUANTILES_MAX];
  size_t count, seen;
};
double sim_times_quantile(struct sim_times *t, double q); /* ms; 0: none */

struct sim_first_run { /* what auto-pause says at the end of the warm-up (a dry run) */
  int64_t by_24h, by_7d, by_30d, newly, escalated;
};

struct sim_figures {
  unsigned jobs;
  double leak_mb_day;                /* least squares of the bytes at 00:00 of days 2 … of the window */
  double resident_mb, peak_mb;       /* live state: mean and maximum of the hours */
  double idle_mb;                    /* of worlds idle for more than an hour: mean */
  double zombie_percent;             /* mean of the hours */
  double free_zombie_percent;        /* of the unprotected worlds, in percent of these */
  double protected_percent;          /* of the worlds there are: mean of the hours */
  double hot_mb_month;               /* growth of the database, for 30 days */
  double archive_raw_mb, archive_mb; /* put into the archive in the window: before and after compressing */
  double running_world_days, cost_usd;
  int64_t worlds, deleted, rows_per_world_max;
  int64_t resumed, newly_paused, orphan_locks, events_applied;
  double repetition_before, repetition_after;
  int64_t measured_events;
  struct sim_times messages, resumes; /* a session's first message: not of a paused world, of a paused one */
  struct sim_spread every_message;    /* these, and those after them: each as the write that it is part of */
  int64_t writes, refused_writes;     /* of the application */
  double job_cpu_s, app_cpu_s, job_slowest_ms;
  int64_t lost_writes, wrong_deletes, protected_paused, failed_runs;
  struct sim_first_run first_run;
  json_t *metrics[SIM_JOB_COUNT]; /* sums over the window of each job's result; with "runs" */
};
/* *ret is to be freed. detail says what failed. */
enum err sim_arm_run(const struct sim_arm_config *config, struct sim_figures *ret, struct err_detail *detail);
void sim_figures_free(struct sim_figures *f);
double sim_cut(double off, double on); /* percent */
