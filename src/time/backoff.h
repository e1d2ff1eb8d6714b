/* The delay before a retry (C-114, C-115). Pure: randomness is passed in. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum backoff_strategy { BACKOFF_LINEAR, BACKOFF_EXPONENTIAL, BACKOFF_COUNT };

struct backoff {
  enum backoff_strategy strategy;
  int64_t delay_ms;   /* before the first retry; < 0 counts as 0 */
  int64_t cap_ms;     /* greatest delay; 0 = BACKOFF_CAP_MS */
  int jitter_percent; /* 0–100: up to this part of the delay is taken off; 100 is "full jitter" */
};

#define BACKOFF_CAP_MS (24LL * 3600 * 1000)

/* Delay before retry number n (1 = the first retry): linear delay·n (60, 120, 180), exponential
 * delay·2^(n-1) (60, 120, 240), at most the cap. random is any 64 random bits; without jitter it is not
 * used. Never overflows, never negative. */
int64_t backoff_delay_ms(const struct backoff *b, int64_t retry, uint64_t random);

const char *backoff_name(enum backoff_strategy strategy); /* "linear", "exponential" */
bool backoff_from_name(struct str name, enum backoff_strategy *ret);
