/* What `sereno sim world` says of its runs: the table of figures beside the seeds' claims, the gates (requirements 7.5),
 * the jobs' shares; as JSON, and that JSON as text. */
#pragma once
#include "base/buf.h"
#include "sim/sim_arm.h"

struct sim_options {
  uint64_t seed;
  int warmup_days, days, seeds, byte_divisor, lump, pause_every_hours;
  unsigned jobs; /* of the run that is compared with none */
  double residue_scale;
  bool is_cleanup_faulty;
  struct sim_scalars scalars;
};
/* The window the claims and the calibration are about; other lengths are judged without the gates on OFF. */
#define SIM_WARMUP_DAYS 40
#define SIM_DAYS 30

/* {parameters, figures: [{figure, unit, off, on, claim, verdict}], gates: [{gate, value, limit, isMet}], jobs, …,
 * isMet}. Owned by the caller; NULL without memory. */
json_t *sim_report(const struct sim_options *o, struct sim_figures *off, struct sim_figures *on);
json_t *sim_parameters(const struct sim_options *o); /* the report's */
void sim_report_print(const json_t *report, struct buf *out);

/* What one set of jobs (o->jobs) came to, for their shares: {parameters, values: {FIGURE: number}}. */
json_t *sim_set(const struct sim_options *o, const struct sim_figures *f);
/* Five jobs, 2^5 sets, by their bits. {sets, figures: [{figure, total, unit, shares: [{job, share, alone off, claim}]}]} */
json_t *sim_impact(json_t *const *sets, const struct sim_options *o);
void sim_impact_print(const json_t *impact, struct buf *out);

/* A list of reports: median, least and greatest of each figure; gates on the medians. */
json_t *sim_ranges(const json_t *reports);
void sim_ranges_print(const json_t *ranges, struct buf *out);
