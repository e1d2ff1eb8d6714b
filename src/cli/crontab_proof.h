/* The proof shown when a crontab is imported: the next firings of a line by our engine beside those by the
 * independent walk of crontab_when. */
#pragma once
#include "cli/crontab.h"

#define CRONTAB_PROOF_FIRINGS 500

struct crontab_proof {
  int compared; /* firings that agree, up to CRONTAB_PROOF_FIRINGS; fewer when time ends (year 2199) */
  bool agrees;  /* and nothing differs; true for unproven, too */
  const char *unproven; /* why there is nothing to compare (@reboot, ~), or NULL */
  int64_t engine_ms;    /* the first that differs; INSTANT_NEVER = no more firing */
  int64_t witness_ms;
};

/* Firings after from_ms, in the job's zone or else the given one. Errors are those of the engine reading
 * the schedule, with its detail: this also is a finding, since the witness could read it. */
enum err crontab_prove(const struct crontab_job *job, struct tzdb *zones, struct str otherwise_zone,
                       int64_t from_ms, struct crontab_proof *ret, struct err_detail *detail);
