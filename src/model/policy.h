/* What really applies to one job: its own fields, else the settings', else the built-in default.
 * Pure; resolved when a run is admitted, so that changed settings count at once. */
#pragma once
#include "model/job.h"
#include "model/settings.h"
#include "time/schedule.h"

#define POLICY_GRACE_MS 10000 /* between TERM and KILL */

struct policy {
  int64_t timeout_ms, grace_ms, max_runtime_ms, total_timeout_ms; /* total: 0 = none */
  int64_t retries, retry_delay_ms, retry_max_delay_ms;            /* cap: 0 = none */
  int64_t retry_jitter_pct;
  enum backoff_strategy backoff;
  enum misfire_policy misfire;
  int64_t start_window_ms, catch_up_window_ms, catch_up_max, queue_timeout_ms;
  enum overlap_policy overlap;
  bool allow_concurrent;
  enum crash_policy on_crash;
  int64_t priority, escalate_after, disable_after, splay_ms;
  bool is_critical, alert_on_failure, no_new_privs;
  int64_t memory_limit_bytes, cpu_limit_pct, pids_limit; /* 0 = none */
  const char *timezone, *pool, *group; /* borrowed from job and settings; pool, group may be NULL */
  int64_t pool_size;                   /* 0 = unlimited */
};

struct policy policy_resolve(const struct job *job, const struct settings *settings);

/* What governs the compiling of the job's schedule; timezone is that of the settings. Texts are borrowed from both. */
struct schedule_options job_schedule_options(const struct job *job, const char *timezone);
