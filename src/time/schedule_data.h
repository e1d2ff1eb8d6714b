/* What a compiled schedule is made of; shared by schedule.c (searching), schedule_compile.c and explain.c. */
#pragma once
#include <assert.h>

#include "time/cron.h"
#include "time/schedule.h"

#define SCHEDULE_DAY_MS (INT64_C(86400) * 1000)
#define SCHEDULE_FIRST_MS INT64_C(0)
#define SCHEDULE_END_MS (INT64_C(84006) * SCHEDULE_DAY_MS) /* 2200-01-01; nothing is due from here on */

enum member_kind { MEMBER_CRON, MEMBER_EVERY, MEMBER_AT, MEMBER_REBOOT };

struct member {
  enum member_kind kind;
  union {
    struct cron cron;
    struct {
      int64_t period_ms, anchor_ms; /* 0 <= anchor < period */
    } every;
    int64_t at_ms;
  };
};

struct schedule {
  const struct tz *tz;
  int64_t start_ms, end_ms; /* both are instants; within SCHEDULE_FIRST_MS … SCHEDULE_END_MS - 1 */

  /* The span looked at last; a cache: from_s > until_s when empty. */
  int64_t span_from_s, span_until_s, span_high_s;
  int32_t span_offset_s;
  uint32_t span_generation;

  uint16_t text_len;
  uint8_t dst;             /* enum schedule_dst */
  uint8_t count;           /* members */
  struct member members[]; /* the canonical text follows them */
};

static_assert(sizeof(struct schedule) + sizeof(struct member) <= 240, "promised in schedule.h");

static inline struct str schedule_text(const struct schedule *s) {
  return (struct str){(const char *)&s->members[s->count], s->text_len};
}
