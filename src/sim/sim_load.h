/* The load of `sereno sim world`: who has worlds, who plays when, who leaves for good. Pure: the same seed gives the
 * same load, whatever the jobs do, so that runs with and without them can be compared (requirements 7.2). Every draw is
 * keyed by (seed, slot, generation, day). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_SLOTS 50 /* engaged owners; who leaves is replaced */
#define SIM_STEP_MIN 5
#define SIM_STEPS_PER_DAY (24 * 60 / SIM_STEP_MIN)
#define SIM_STEPS_PER_HOUR (60 / SIM_STEP_MIN)
#define SIM_DAYS_MAX 1000
#define SIM_WORLDS_MAX 2000
#define SIM_IDLE_PER_STEP \
  ((double)SIM_STEP_MIN / 4) /* one interaction in 4 minutes while it runs (tickWhenIdle) */

/* What is calibrated on the runs without jobs, and nothing else (requirements 7.2). */
struct sim_scalars {
  double abandon_per_day; /* owners who leave, all slots together */
  double traffic_per_min; /* interactions per minute of a session */
  double residue_mb;      /* what a session leaves behind */
};

struct sim_load_config {
  uint64_t seed;
  int days; /* all of them, the warm-up too: at most SIM_DAYS_MAX */
  struct sim_scalars scalars;
};

enum sim_cohort { SIM_HEAVY, SIM_DAILY, SIM_CASUAL, SIM_COHORT_COUNT };
enum sim_protection { SIM_UNPROTECTED, SIM_FAVORITE, SIM_FUTURE_EVENT };

struct sim_owner { /* of one world */
  uint64_t key;
  enum sim_cohort cohort;
  enum sim_protection protection;
  bool is_story;
  double home_hour;
  int born_step, gone_step; /* plays in [born, gone); gone may lie beyond the end */
  unsigned char *minutes;   /* of presence in each step, 0–5 */
  unsigned char *ends;      /* sessions that end in each step */
};

struct sim_load {
  struct sim_owner *owners; /* in order of birth */
  size_t count;
  int steps;
};
/* NULL without memory. */
struct sim_load *sim_load_new(const struct sim_load_config *config);
void sim_load_free(struct sim_load *load); /* NULL-safe */

/* What the load alone says of a run without jobs, from first_day on. */
struct sim_counts {
  double interactions; /* of the window */
  double sessions;     /* ended in it */
  double zombie_share; /* mean over its hours: worlds whose user is idle for more than a day */
  /* Growth a day over the midnights of its days 2 …, as the leak is measured. */
  double interactions_slope, sessions_slope;
};
struct sim_counts sim_load_count(const struct sim_load *load, int first_day, double traffic_per_min);

/* A line through points, by least squares. */
struct sim_line {
  double n, x, y, xx, xy;
};
static inline void sim_line_add(struct sim_line *l, double x, double y) {
  l->n++, l->x += x, l->y += y, l->xx += x * x, l->xy += x * y;
}
static inline double sim_line_slope(const struct sim_line *l) { /* 0 for fewer than two points */
  double spread = l->n * l->xx - l->x * l->x;
  return spread > 0 ? (l->n * l->xy - l->x * l->y) / spread : 0;
}

/* What is to come out of a run without jobs, and what an interaction costs there as measured (bytes). */
struct sim_target {
  double zombie_share, database_bytes, live_bytes_day;
  double row_bytes, live_bytes;
};
/* Bisection of the one that decides zombies, then of traffic, then of residue (requirements 7.2). */
struct sim_scalars sim_calibrate(uint64_t seed, int warmup_days, int days, const struct sim_target *target);

/* A stream of draws. */
struct sim_random {
  uint64_t state;
};
struct sim_random sim_random_of(uint64_t a, uint64_t b, uint64_t c);
uint64_t sim_random_next(struct sim_random *r);
double sim_random_unit(struct sim_random *r); /* in (0, 1) */
