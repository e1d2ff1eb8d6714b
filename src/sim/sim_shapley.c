#include "sim/sim_shapley.h"

#include "base/err.h"

static int members(size_t set) { return __builtin_popcountll(set); }

/* 1 / (players · choose(players - 1, others)): how often exactly these others come before it. */
static double weight(size_t players, int others) {
  double choose = 1;
  for (int i = 0; i < others; i++) choose = choose * (double)((int)players - 1 - i) / (i + 1);
  return 1 / ((double)players * choose);
}

void sim_shapley(const double *values, size_t players, double *ret) {
  ASSERT(players > 0 && players <= SIM_PLAYERS_MAX);
  for (size_t i = 0; i < players; i++) {
    ret[i] = 0;
    for (size_t set = 0; set < ((size_t)1 << players); set++)
      if (!(set & ((size_t)1 << i)))
        ret[i] += weight(players, members(set)) * (values[set] - values[set | ((size_t)1 << i)]);
  }
}
