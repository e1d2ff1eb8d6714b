/* Shares of several jobs in what they do together: each job's mean effect over all orders in which they could be added
 * (Shapley). Pure. */
#pragma once
#include <stddef.h>

#define SIM_PLAYERS_MAX 16

/* values[set]: the figure with the jobs of that set of bits; 2^players of them. ret[i]: how much job i takes away from
 * values[0]; their sum is values[0] - values[all]. */
void sim_shapley(const double *values, size_t players, double *ret);
