/* One attempt at an occurrence or a manual request (CronExecution), and the edges its status may take. */
#pragma once
#include <stdint.h>

#include "base/limits.h"
#include "model/enums.h"
#include "model/field.h"

struct run {
  int64_t no; /* base/id.h: id is id_to_text(no) */
  int64_t job_no;
#define RUNF(member, name, type, flags, max, names) FIELD_R_##type member;
#define FIELD_R_TEXT const char *
#define FIELD_R_JSON const char *
#define FIELD_R_INT int64_t
#define FIELD_R_BOOL int64_t
#define FIELD_R_REAL3 int64_t
#define FIELD_R_INSTANT int64_t
#define FIELD_R_ENUM int64_t
#include "model/run.def"
#undef RUNF
};

struct run_brief {                 /* what a strip of runs shows */
  int64_t no, status, duration_ms; /* duration: FIELD_NULL = none */
};

extern const struct field run_fields[];
extern const size_t run_field_count;

void run_init(struct run *r); /* all null, attempt 1 */
/* queued → running | skipped | cancelled | lost; running → every final status; nothing leaves a final
 * status but lost → success | failed | timeout (a late END of its own run, DESIGN 6). */
bool run_may_become(enum run_status from, enum run_status to);
bool run_is_final(enum run_status status);
/* failed, timeout and lost count as failures; skipped and cancelled do not. */
bool run_is_failure(enum run_status status);
