#include "model/policy.h"

#define DEFAULT_START_WINDOW_S 60
#define DEFAULT_CATCH_UP_WINDOW_S 3600
#define DEFAULT_CATCH_UP_MAX 100
#define DEFAULT_ESCALATE_AFTER 5

static int64_t either(int64_t value, int64_t otherwise) { return value != FIELD_NULL ? value : otherwise; }

static int64_t seconds_ms(int64_t seconds, int64_t otherwise) { return either(seconds, otherwise) * 1000; }

static void resolve_limits(const struct job *j, const struct settings *s, struct policy *p) {
  p->timeout_ms = seconds_ms(j->timeout, s->default_timeout);
  p->grace_ms = POLICY_GRACE_MS;
  p->max_runtime_ms = j->max_runtime != FIELD_NULL ? j->max_runtime * 1000 : p->timeout_ms + p->grace_ms;
  p->total_timeout_ms = seconds_ms(j->total_timeout, 0);
  p->memory_limit_bytes = either(j->memory_limit_mb, 0) * 1024 * 1024;
  p->cpu_limit_pct = either(j->cpu_limit_pct, 0);
  p->pids_limit = either(j->pids_limit, 0);
  p->no_new_privs = either(j->no_new_privs, 1) != 0;
}

static void resolve_retries(const struct job *j, const struct settings *s, struct policy *p) {
  p->retries = j->retries;
  p->retry_delay_ms = j->retry_delay * 1000;
  p->retry_max_delay_ms = seconds_ms(j->retry_max_delay, 0);
  p->retry_jitter_pct = either(j->retry_jitter_pct, 0);
  p->backoff = (enum backoff_strategy)either(j->backoff, either(s->backoff, BACKOFF_LINEAR));
  p->on_crash = (enum crash_policy)either(j->on_crash, CRASH_FAIL);
  p->escalate_after = either(j->escalate_after, either(s->escalate_after, DEFAULT_ESCALATE_AFTER));
  p->disable_after = either(j->disable_after, either(s->disable_after, 0));
  p->alert_on_failure = either(j->alert_on_failure, s->alert_on_failure) != 0;
}

static void resolve_lateness(const struct job *j, struct policy *p) {
  p->misfire = (enum misfire_policy)either(j->misfire_policy, MISFIRE_LAST);
  p->start_window_ms = seconds_ms(j->start_window, DEFAULT_START_WINDOW_S);
  p->catch_up_window_ms = seconds_ms(j->catch_up_window, DEFAULT_CATCH_UP_WINDOW_S);
  p->catch_up_max = either(j->catch_up_max, DEFAULT_CATCH_UP_MAX);
  p->queue_timeout_ms = j->queue_timeout != FIELD_NULL ? j->queue_timeout * 1000 : p->catch_up_window_ms;
}

struct policy policy_resolve(const struct job *j, const struct settings *s) {
  struct policy p = {.priority = j->priority,
                     .allow_concurrent = j->allow_concurrent != 0,
                     .overlap = (enum overlap_policy)either(j->overlap_policy, OVERLAP_SKIP),
                     .splay_ms = seconds_ms(j->splay, 0),
                     .is_critical = either(j->critical, 0) != 0,
                     .timezone = j->timezone ? j->timezone : s->timezone,
                     .group = j->group};
  resolve_limits(j, s, &p);
  resolve_retries(j, s, &p);
  resolve_lateness(j, &p);
  p.pool = j->pool ? j->pool : j->category;
  p.pool_size = settings_pool_size(s, p.pool);
  if (p.pool_size == 0) p.pool = NULL;
  return p;
}

struct schedule_options job_schedule_options(const struct job *job, const char *timezone) {
  return (struct schedule_options){
      .timezone = str_of(job->timezone ? job->timezone : timezone),
      .dialect = job->dialect == FIELD_NULL ? SCHEDULE_DIALECT_SERENO : (enum schedule_dialect)job->dialect,
      .dst = job->dst == FIELD_NULL ? SCHEDULE_DST_ONCE : (enum schedule_dst)job->dst,
      .seed = (uint64_t)job->seed,
      .anchor_ms = job->anchor_ms == FIELD_NULL ? job->created_ms : job->anchor_ms,
      .start_ms = job->start_at_ms,
      .end_ms = job->end_at_ms,
  };
}
