#include "cli/crontab_proof.h"

#include "base/instant.h"
#include "cli/crontab_when.h"
#include "time/schedule.h"

static void compare(struct schedule *schedule, const struct crontab_when *when, const struct tz *zone,
                    int64_t from_ms, struct crontab_proof *ret) {
  ret->engine_ms = ret->witness_ms = from_ms;
  while (ret->agrees && ret->compared < CRONTAB_PROOF_FIRINGS) {
    ret->engine_ms = schedule_next(schedule, ret->engine_ms);
    ret->witness_ms = crontab_when_next(when, zone, ret->witness_ms);
    ret->agrees = ret->engine_ms == ret->witness_ms;
    if (ret->engine_ms == INSTANT_NEVER) return;
    ret->compared += ret->agrees;
  }
}

enum err crontab_prove(const struct crontab_job *job, struct tzdb *zones, struct str otherwise_zone,
                       int64_t from_ms, struct crontab_proof *ret, struct err_detail *detail) {
  struct crontab_when when;
  struct schedule_options options = SCHEDULE_OPTIONS_DEFAULT;
  struct schedule *schedule;
  const struct tz *zone;
  options.timezone = job->timezone ? str_of(job->timezone) : otherwise_zone;
  TRY(tz_find(zones, options.timezone, &zone, detail));
  TRY(crontab_when_read(str_of(job->schedule), &when, detail));
  TRY(schedule_compile(zones, str_of(job->schedule), &options, &schedule, detail));
  struct crontab_proof proof = {.agrees = true, .engine_ms = INSTANT_NEVER, .witness_ms = INSTANT_NEVER};
  if (when.is_reboot) proof.unproven = "it fires at each start of the machine, not by time";
  else if (when.is_random) proof.unproven = "it holds a random minute, chosen once for each job";
  else compare(schedule, &when, zone, from_ms, &proof);
  schedule_free(schedule);
  *ret = proof;
  return ERR_OK;
}
