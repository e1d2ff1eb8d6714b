#include "sim/sim_spread.h"

#include <math.h>

void sim_spread_add(struct sim_spread *s, int64_t ns, int64_t weight) {
  int step = ns < 1 ? 0 : (int)(log2((double)ns) * SIM_SPREAD_OCTAVE);
  s->counts[step < SIM_SPREAD_STEPS ? step : SIM_SPREAD_STEPS - 1] += weight;
  s->total += weight;
}

double sim_spread_quantile(const struct sim_spread *s, double q) {
  int64_t reached = 0;
  for (int i = 0; i < SIM_SPREAD_STEPS && s->total > 0; i++) {
    reached += s->counts[i];
    if (reached > 0 && (double)reached >= q * (double)s->total)
      return exp2((i + 0.5) / SIM_SPREAD_OCTAVE) / 1e6;
  }
  return 0;
}
