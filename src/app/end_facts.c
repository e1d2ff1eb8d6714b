#include "app/end_facts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "warden/child.h"

static struct end_facts judge_exit(int code) {
  switch (code) {
    case EXECUTOR_OK: return (struct end_facts){RUN_SUCCESS, REASON_SUCCESS, false};
    case EXECUTOR_SKIPPED: return (struct end_facts){RUN_SKIPPED, REASON_SKIPPED_BY_JOB, false};
    case EXECUTOR_TIMEOUT: return (struct end_facts){RUN_TIMEOUT, REASON_TIMEOUT, true};
    case 125:
    case 126:
    case 127: return (struct end_facts){RUN_FAILED, REASON_COULD_NOT_START, true};
    default: return (struct end_facts){RUN_FAILED, REASON_FAILED, true};
  }
}

static struct end_facts judge_kill(uint32_t reason) {
  switch (reason) {
    case KILL_REPLACED: return (struct end_facts){RUN_CANCELLED, REASON_REPLACED, false};
    case KILL_DISABLED: return (struct end_facts){RUN_CANCELLED, REASON_DISABLED, false};
    case KILL_TOTAL_TIMEOUT: return (struct end_facts){RUN_TIMEOUT, REASON_TOTAL_TIMEOUT, false};
    case KILL_LEASE_LOST:
    case KILL_SHUTDOWN: return (struct end_facts){RUN_LOST, REASON_LOST, true};
    default: return (struct end_facts){RUN_CANCELLED, REASON_CANCELLED, false};
  }
}

struct end_facts end_judge(const struct warden_end *end) {
  switch ((enum warden_how)end->how) {
    case WARDEN_EXITED: return judge_exit(end->code);
    case WARDEN_SIGNALLED: return (struct end_facts){RUN_FAILED, REASON_FAILED, true};
    case WARDEN_TIMEOUT:
      if (end->reason == KILL_TOTAL_TIMEOUT)
        return (struct end_facts){RUN_TIMEOUT, REASON_TOTAL_TIMEOUT, false};
      return (struct end_facts){RUN_TIMEOUT, REASON_TIMEOUT, true};
    case WARDEN_KILLED: return judge_kill(end->reason);
    case WARDEN_LIMIT:
      return (struct end_facts){RUN_FAILED,
                                end->reason == KILL_PIDS ? REASON_PIDS_LIMIT : REASON_MEMORY_LIMIT, true};
    case WARDEN_COULD_NOT_START: return (struct end_facts){RUN_FAILED, REASON_COULD_NOT_START, true};
    case WARDEN_LOST: return (struct end_facts){RUN_LOST, REASON_LOST, true};
  }
  return (struct end_facts){RUN_LOST, REASON_LOST, true}; /* a newer warden's word that we do not know */
}

void end_explain(const struct warden_end *end, char *ret, size_t size) {
  double seconds = (double)(end->ended_tick_us - end->run.started_tick_us) / 1e6;
  ret[0] = '\0';
  switch ((enum warden_how)end->how) {
    case WARDEN_EXITED:
      if (end->code != 0) snprintf(ret, size, "exit code %d", end->code);
      break;
    case WARDEN_SIGNALLED:
      snprintf(ret, size, "ended by signal %d (SIG%s)%s", end->code,
               sigabbrev_np(end->code) ? sigabbrev_np(end->code) : "?",
               end->flags & WARDEN_END_CORE ? ", core dumped" : "");
      break;
    case WARDEN_TIMEOUT:
      snprintf(ret, size, "timed out after %.1f s (%s)", seconds,
               kill_reason_name((enum kill_reason)end->reason));
      break;
    case WARDEN_KILLED:
      snprintf(ret, size, "ended from outside: %s", kill_reason_name((enum kill_reason)end->reason));
      break;
    case WARDEN_LIMIT:
      snprintf(ret, size, "ended because of its %s limit", end->reason == KILL_PIDS ? "process" : "memory");
      break;
    case WARDEN_COULD_NOT_START:
      snprintf(ret, size, "could not start: %s: %s", warden_stage_name((enum warden_stage)end->stage),
               strerrordesc_np(end->code) ? strerrordesc_np(end->code) : "unknown error");
      break;
    case WARDEN_LOST: snprintf(ret, size, "lost: the process that watched it died"); break;
  }
}

int64_t end_exit_code(const struct warden_end *end) {
  switch ((enum warden_how)end->how) {
    case WARDEN_EXITED: return end->code;
    case WARDEN_SIGNALLED: return 128 + end->code;
    case WARDEN_TIMEOUT: return EXECUTOR_TIMEOUT;
    case WARDEN_KILLED:
    case WARDEN_LIMIT: return end->code > 0 ? end->code : 137;
    case WARDEN_COULD_NOT_START: return end->code == ENOENT ? 127 : end->code == EACCES ? 126 : 125;
    case WARDEN_LOST: break;
  }
  return FIELD_NULL;
}

void end_set_bill(struct run *facts, const struct warden_end *end) {
  const struct warden_bill *b = &end->bill;
  int64_t took_us = end->ended_tick_us - end->run.started_tick_us;
  facts->cpu_user_us = b->cpu_user_us;
  facts->cpu_system_us = b->cpu_system_us;
  facts->peak_memory_bytes = b->memory_peak_bytes;
  facts->memory_mb = b->memory_peak_bytes / (1024 * 1024);
  facts->io_read_bytes = b->io_read_bytes;
  facts->io_write_bytes = b->io_write_bytes;
  facts->context_switches = b->switches_voluntary + b->switches_forced;
  facts->bill_source = end->flags & WARDEN_END_EXACT_BILL ? "exact" : "sampled";
  facts->containment = end->flags & WARDEN_END_CONTAINED ? "full" : "partial";
  if (took_us > 0)
    facts->cpu_pct = (int64_t)(100000.0 * (double)(b->cpu_user_us + b->cpu_system_us) / (double)took_us);
}
