/* What q= asks of runs and of the audit log, answered row by row while they are walked through. */
#pragma once
#include "base/map.h"
#include "store/rows.h"
#include "store/store.h"

/* Job number → what the filter needs to know of it; empty when it asks nothing of jobs. The values lie in the arena,
 * the table is freed by map_free. */
enum err store_filter_jobs(struct rows *rows, const struct filter *f, struct arena *a, struct map *ret);
bool store_filter_run(const struct filter *f, const struct run *run, const struct map *jobs);
bool store_filter_audit(const struct filter *f, const struct audit_log_row *row);
