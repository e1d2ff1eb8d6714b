#include "time/backoff.h"

#include "base/err.h"

static const char *const names[] = {"linear", "exponential"};

const char *backoff_name(enum backoff_strategy strategy) {
  ASSERT(strategy >= 0 && strategy < BACKOFF_COUNT);
  return names[strategy];
}

bool backoff_from_name(struct str name, enum backoff_strategy *ret) {
  for (int i = 0; i < BACKOFF_COUNT; i++) {
    if (!str_eq(name, str_of(names[i]))) continue;
    *ret = (enum backoff_strategy)i;
    return true;
  }
  return false;
}

static int64_t grown(const struct backoff *b, int64_t delay_ms, int64_t retry, int64_t cap_ms) {
  int64_t factor = retry, product;
  if (b->strategy == BACKOFF_EXPONENTIAL) factor = retry > 62 ? INT64_MAX : INT64_C(1) << (retry - 1);
  if (__builtin_mul_overflow(delay_ms, factor, &product)) return delay_ms > 0 ? cap_ms : 0;
  return product < cap_ms ? product : cap_ms;
}

int64_t backoff_delay_ms(const struct backoff *b, int64_t retry, uint64_t random) {
  ASSERT(retry >= 1);
  int64_t cap_ms = b->cap_ms > 0 ? b->cap_ms : BACKOFF_CAP_MS;
  int64_t delay_ms = grown(b, b->delay_ms > 0 ? b->delay_ms : 0, retry, cap_ms);
  int percent = b->jitter_percent < 0 ? 0 : b->jitter_percent > 100 ? 100 : b->jitter_percent;
  uint64_t most_off =
      (uint64_t)delay_ms / 100 * (uint64_t)percent + (uint64_t)delay_ms % 100 * (uint64_t)percent / 100;
  return delay_ms - (int64_t)(most_off ? random % (most_off + 1) : 0);
}
