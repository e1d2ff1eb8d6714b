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
#define SIM_ZOMBIES_AT_CLAIM "zombies at 5 % protected" /* a figure */
#define SIM_ZOMBIES_GATE "ON zombies %"                 /* a gate */

/* {parameters, figures: [{figure, unit, off, on, claim, verdict}], gates: [{gate, value, limit, isMet}], jobs, …,
 * isMet}. Owned by the caller; NULL without memory. */
json_t *sim_report(const struct sim_options *o, struct sim_figures *off, struct sim_figures *on);
json_t *sim_parameters(const struct sim_options *o); /* the report's */
/* A report that was kept by an older build gets the figures that derive from those it has. False: it lacks these, too. */
bool sim_report_complete(json_t *report);
/* Zombies in percent of all worlds if 5 % of these were protected (direct standardisation, A-66): the shares of zombies
 * among the unprotected and among the protected worlds as they are, weighted 95 to 5. From percent of zombies among all
 * worlds and among the unprotected, and of protected worlds; without any protected world nothing is known of such, and
 * `all` is returned. */
double sim_zombies_at_5_percent(double all, double unprotected, double protected_percent);
void sim_report_print(const json_t *report, struct buf *out);

/* What one set of jobs (o->jobs) came to, for their shares: {parameters, values: {FIGURE: number}}. */
json_t *sim_set(const struct sim_options *o, const struct sim_figures *f);
/* Five jobs, 2^5 sets, by their bits. {sets, figures: [{figure, total, unit, shares: [{job, share, alone off, claim}]}]} */
json_t *sim_impact(json_t *const *sets, const struct sim_options *o);
void sim_impact_print(const json_t *impact, struct buf *out);

/* A list of reports: median, least and greatest of each figure, by its name; gates on the medians. Zombies are judged at
 * 5 % protected worlds, of which the claim speaks, and so at most 3 %. */
json_t *sim_ranges(const json_t *reports);
void sim_ranges_print(const json_t *ranges, struct buf *out);
