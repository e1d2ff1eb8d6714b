#include "sim/sim_load.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"

#define STEPS_PER_DAY_F ((double)SIM_STEPS_PER_DAY)
#define ZOMBIE_STEPS SIM_STEPS_PER_DAY

/* Share of the population, of days with play, sessions of such a day (requirements 7.2). */
static const struct {
  double share, plays;
  int sessions_min, sessions_max;
} cohorts[SIM_COHORT_COUNT] = {{0.15, 0.98, 3, 3}, {0.60, 0.90, 1, 2}, {0.25, 0.50, 1, 1}};
#define FAVORITES 0.03
#define FUTURE_EVENTS 0.02
#define STORY_MODE 0.60
#define HOME_HOUR_FIRST 9.0
#define HOME_HOUR_LAST 22.0
#define START_SPREAD_HOURS 0.75
#define BETWEEN_SESSIONS_HOURS 3.5
#define SESSION_MEDIAN_MIN 30.0
#define SESSION_SIGMA 0.5
#define SESSION_MIN 5.0
#define SESSION_MAX 180.0

/* splitmix64. */
uint64_t sim_random_next(struct sim_random *r) {
  uint64_t z = r->state += 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

struct sim_random sim_random_of(uint64_t a, uint64_t b, uint64_t c) {
  struct sim_random r = {a};
  r.state = sim_random_next(&r) ^ b;
  r.state = sim_random_next(&r) ^ c;
  return r;
}

double sim_random_unit(struct sim_random *r) {
  return ((double)(sim_random_next(r) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(struct sim_random *r) {
  double u = sim_random_unit(r), v = sim_random_unit(r);
  return sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v);
}

static enum sim_cohort cohort_of(double u) {
  int c = SIM_HEAVY;
  for (; c < SIM_CASUAL && u >= cohorts[c].share; c++) u -= cohorts[c].share;
  return (enum sim_cohort)c;
}

/* Cohorts (here) and protection (below) are dealt out in their shares, so that 50 owners are 50 owners of the table (one world of 60 is
 * 1.7 points of a share); the rest is drawn. */
static struct sim_owner owner_of(uint64_t seed, int slot, int generation, int born_step, double per_day) {
  struct sim_random r = sim_random_of(seed, (uint64_t)slot, (uint64_t)generation);
  struct sim_owner o = {.key = sim_random_next(&r), .born_step = born_step};
  o.cohort = cohort_of(((double)slot + 0.5) / SIM_SLOTS);
  o.home_hour = HOME_HOUR_FIRST + (HOME_HOUR_LAST - HOME_HOUR_FIRST) * sim_random_unit(&r);
  (void)sim_random_next(
      &r); /* unused; without it every later draw, and so the frozen scalars, would change */
  o.is_story = sim_random_unit(&r) < STORY_MODE;
  double life_days = -log(sim_random_unit(&r)) * SIM_SLOTS / per_day;
  o.gone_step = born_step + (int)fmin(life_days * STEPS_PER_DAY_F + 1, 1e8);
  return o;
}

/* ---- sessions ---- */

static void mark_session(struct sim_owner *o, int steps, double start_min, double length_min) {
  double end_min = start_min + length_min;
  int first = (int)(start_min / SIM_STEP_MIN), last = (int)(end_min / SIM_STEP_MIN);
  if (first < o->born_step || first >= o->gone_step) return;
  for (int s = first; s <= last && s < steps; s++) {
    double from = fmax(start_min, (double)s * SIM_STEP_MIN),
           until = fmin(end_min, (double)(s + 1) * SIM_STEP_MIN);
    int minutes = (int)lround(until - from) + o->minutes[s];
    o->minutes[s] = (unsigned char)(minutes > SIM_STEP_MIN ? SIM_STEP_MIN : minutes);
  }
  if (last < steps) {
    o->ends[last]++;
    if (o->minutes[last] == 0) o->minutes[last] = 1; /* whoever ends a session is there */
  }
}

static void plan_day(struct sim_owner *o, int day, int steps) {
  struct sim_random r = sim_random_of(o->key, (uint64_t)day, 1);
  if (sim_random_unit(&r) >= cohorts[o->cohort].plays) return;
  int n = cohorts[o->cohort].sessions_min;
  if (cohorts[o->cohort].sessions_max > n && sim_random_unit(&r) < 0.5) n++;
  for (int i = 0; i < n; i++) {
    double hour =
        o->home_hour + (2 * sim_random_unit(&r) - 1) * START_SPREAD_HOURS + i * BETWEEN_SESSIONS_HOURS;
    double length = SESSION_MEDIAN_MIN * exp(SESSION_SIGMA * normal(&r));
    mark_session(o, steps, (double)day * 24 * 60 + hour * 60, fmin(fmax(length, SESSION_MIN), SESSION_MAX));
  }
}

static bool plan(struct sim_owner *o, int days, int steps) {
  o->minutes = calloc((size_t)steps, 1);
  o->ends = calloc((size_t)steps, 1);
  if (!o->minutes || !o->ends) return false;
  for (int day = o->born_step / SIM_STEPS_PER_DAY; day < days && day * SIM_STEPS_PER_DAY < o->gone_step;
       day++)
    plan_day(o, day, steps);
  return true;
}

/* ---- the population ---- */

static int by_birth(const void *a, const void *b) {
  const struct sim_owner *x = a, *y = b;
  if (x->born_step != y->born_step) return x->born_step < y->born_step ? -1 : 1;
  return x->key < y->key ? -1 : x->key > y->key;
}

/* By order of birth, evenly spread (golden ratio) from a start of the seed's own. */
static void deal_protection(struct sim_load *load, uint64_t seed) {
  struct sim_random r = sim_random_of(seed, 5, 5);
  double start = sim_random_unit(&r);
  for (size_t i = 0; i < load->count; i++) {
    double u = start + 0.6180339887498949 * (double)i;
    u -= floor(u);
    load->owners[i].protection = u < FAVORITES                   ? SIM_FAVORITE
                                 : u < FAVORITES + FUTURE_EVENTS ? SIM_FUTURE_EVENT
                                                                 : SIM_UNPROTECTED;
  }
}

static bool fill(struct sim_load *load, const struct sim_load_config *config) {
  for (int slot = 0; slot < SIM_SLOTS; slot++)
    for (int born = 0, generation = 0; born < load->steps && load->count < SIM_WORLDS_MAX; generation++) {
      struct sim_owner *o = &load->owners[load->count++];
      *o = owner_of(config->seed, slot, generation, born, config->scalars.abandon_per_day);
      born = o->gone_step;
      if (!plan(o, config->days, load->steps)) return false;
    }
  qsort(load->owners, load->count, sizeof *load->owners, by_birth);
  deal_protection(load, config->seed);
  return true;
}

struct sim_load *sim_load_new(const struct sim_load_config *config) {
  ASSERT(config->days > 0 && config->days <= SIM_DAYS_MAX && config->scalars.abandon_per_day > 0);
  struct sim_load *load = calloc(1, sizeof *load);
  if (!load) return NULL;
  load->steps = config->days * SIM_STEPS_PER_DAY;
  load->owners = calloc(SIM_WORLDS_MAX, sizeof *load->owners);
  if (load->owners && fill(load, config)) return load;
  sim_load_free(load);
  return NULL;
}

void sim_load_free(struct sim_load *load) {
  for (size_t i = 0; load && load->owners && i < load->count; i++) {
    free(load->owners[i].minutes);
    free(load->owners[i].ends);
  }
  if (load) free(load->owners);
  free(load);
}

/* ---- what the load alone says ---- */

struct counting {
  const struct sim_load *load;
  struct sim_counts c;
  struct sim_line interactions, sessions;
  double traffic, zombie_shares, hours;
  int last_seen[SIM_WORLDS_MAX];
};

static void count_step(struct counting *k, int s, bool is_in_window) {
  int there = 0, zombies = 0;
  for (size_t i = 0; i < k->load->count && k->load->owners[i].born_step <= s; i++) {
    const struct sim_owner *o = &k->load->owners[i];
    if (o->minutes[s] > 0) k->last_seen[i] = s + 1;
    there++;
    zombies += s + 1 - k->last_seen[i] > ZOMBIE_STEPS;
    if (!is_in_window) continue;
    k->c.interactions += SIM_IDLE_PER_STEP + k->traffic * o->minutes[s];
    k->c.sessions += o->ends[s];
  }
  if (!is_in_window || (s + 1) % SIM_STEPS_PER_HOUR != SIM_STEPS_PER_HOUR / 2) return;
  k->zombie_shares += (double)zombies / there;
  k->hours++;
}

struct sim_counts sim_load_count(const struct sim_load *load, int first_day, double traffic_per_min) {
  struct counting k = {.load = load, .traffic = traffic_per_min};
  int first = first_day * SIM_STEPS_PER_DAY;
  for (size_t i = 0; i < load->count; i++) k.last_seen[i] = load->owners[i].born_step;
  for (int s = 0; s < load->steps; s++) {
    count_step(&k, s, s >= first);
    int day = (s + 1 - first) / SIM_STEPS_PER_DAY;
    if (day < 1 || (s + 1) % SIM_STEPS_PER_DAY != 0) continue;
    sim_line_add(&k.interactions, day, k.c.interactions);
    sim_line_add(&k.sessions, day, k.c.sessions);
  }
  k.c.zombie_share = k.hours > 0 ? k.zombie_shares / k.hours : 0;
  k.c.interactions_slope = sim_line_slope(&k.interactions);
  k.c.sessions_slope = sim_line_slope(&k.sessions);
  return k.c;
}

/* ---- calibration ---- */

struct calibration {
  uint64_t seed;
  int warmup_days, days;
  const struct sim_target *target;
  struct sim_scalars scalars;
};
#define BISECTIONS 40

static double excess(struct calibration *k, double *scalar, double value) {
  *scalar = value;
  struct sim_load *load =
      sim_load_new(&(struct sim_load_config){k->seed, k->warmup_days + k->days, k->scalars});
  if (!load) return 0;
  struct sim_counts c = sim_load_count(load, k->warmup_days, k->scalars.traffic_per_min);
  const struct sim_target *t = k->target;
  sim_load_free(load);
  if (scalar == &k->scalars.abandon_per_day) return c.zombie_share - t->zombie_share;
  if (scalar == &k->scalars.traffic_per_min) return c.interactions * t->row_bytes - t->database_bytes;
  return c.interactions_slope * t->live_bytes + c.sessions_slope * k->scalars.residue_mb * 1024 * 1024 -
         t->live_bytes_day;
}

static void bisect(struct calibration *k, double *scalar, double low, double high) {
  for (int i = 0; i < BISECTIONS; i++) {
    double middle = (low + high) / 2;
    if (excess(k, scalar, middle) > 0) high = middle;
    else low = middle;
  }
  *scalar = (low + high) / 2;
}

struct sim_scalars sim_calibrate(uint64_t seed, int warmup_days, int days, const struct sim_target *target) {
  struct calibration k = {seed, warmup_days, days, target, {.abandon_per_day = 0.15, .traffic_per_min = 5}};
  bisect(&k, &k.scalars.abandon_per_day, 0.005, 1.5);
  bisect(&k, &k.scalars.traffic_per_min, 0.01, 100);
  bisect(&k, &k.scalars.residue_mb, 0, 100);
  return k.scalars;
}
