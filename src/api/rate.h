/* Token buckets and the throttle of log-ins. Fixed tables: what does not fit replaces what was idle
 * longest, so a flood of addresses costs no memory. Pure: the tick is an argument. */
#pragma once
#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

struct rate_rule {
  double per_second, burst;
};

struct rate_table;
enum err rate_new(struct rate_table **ret);
void rate_free(struct rate_table *t);
/* Takes `cost` from the key's bucket. False when it holds less: nothing is taken, *ret_wait_ms tells when it
 * will hold enough. */
bool rate_take(struct rate_table *t, uint64_t key, const struct rate_rule *rule, double cost, struct tick now,
               int64_t *ret_wait_ms);
/* IPv4 by address, IPv6 by its /64. */
uint64_t rate_address_key(struct str peer);

/* Log-ins: failures are counted per account and address, per address, and per account; each count delays
 * further tries (1 s, 2 s, 4 s …, at most 5 minutes). An address from which the account has logged in before
 * is not hindered by what others do to the account, so strangers cannot lock it out. */
struct throttle;
enum err throttle_new(struct throttle **ret);
void throttle_free(struct throttle *t);
/* How long this try has to wait, in ms; 0 = now. */
int64_t throttle_wait_ms(struct throttle *t, struct str account, struct str peer, struct tick now);
void throttle_failed(struct throttle *t, struct str account, struct str peer, struct tick now);
void throttle_succeeded(struct throttle *t, struct str account, struct str peer, struct tick now);
