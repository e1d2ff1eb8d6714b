#include "model/run.h"

#include <string.h>

const struct field run_fields[] = {
#define RUNF(member, name, type, flags, max, names) \
  {name, FIELD_##type, (flags), 0, (max), FIELD_NULL, (names), offsetof(struct run, member), ""},
#include "model/run.def"
#undef RUNF
};
const size_t run_field_count = sizeof run_fields / sizeof run_fields[0];

void run_init(struct run *r) {
  memset(r, 0, sizeof *r);
  for (size_t i = 0; i < run_field_count; i++)
    if (run_fields[i].type != FIELD_TEXT && run_fields[i].type != FIELD_JSON)
      field_set_int(&run_fields[i], r, FIELD_NULL);
  r->attempt = 1;
}

#define TO(status) (1u << RUN_##status)

static const unsigned allowed_edges[RUN_COUNT] = {
    [RUN_QUEUED] = TO(RUNNING) | TO(SKIPPED) | TO(CANCELLED) | TO(LOST),
    [RUN_RUNNING] = TO(SUCCESS) | TO(FAILED) | TO(TIMEOUT) | TO(SKIPPED) | TO(CANCELLED) | TO(LOST),
    [RUN_LOST] = TO(SUCCESS) | TO(FAILED) | TO(TIMEOUT),
};

bool run_may_become(enum run_status from, enum run_status to) {
  ASSERT((unsigned)from < RUN_COUNT && (unsigned)to < RUN_COUNT);
  return (allowed_edges[from] & (1u << to)) != 0;
}

bool run_is_final(enum run_status status) { return status != RUN_QUEUED && status != RUN_RUNNING; }

bool run_is_failure(enum run_status status) {
  return status == RUN_FAILED || status == RUN_TIMEOUT || status == RUN_LOST;
}
