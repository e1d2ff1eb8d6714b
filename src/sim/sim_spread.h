/* How long things took: counts by size, in steps of 2 %, however many they are. Pure. */
#pragma once
#include <stdint.h>

#define SIM_SPREAD_OCTAVE 32 /* steps of a doubling */
#define SIM_SPREAD_STEPS (40 * SIM_SPREAD_OCTAVE)

struct sim_spread { /* zeroed: empty */
  int64_t counts[SIM_SPREAD_STEPS], total;
};
/* `weight` things that took `ns` (1 … 2^40; others count as the nearest of these). */
void sim_spread_add(struct sim_spread *s, int64_t ns, int64_t weight);
/* The time of the first of them, in order of size, by which a share q (0 … 1) of them is reached: ms; 0: none. */
double sim_spread_quantile(const struct sim_spread *s, double q);
