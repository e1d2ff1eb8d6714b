/* The filter language over rows of the store: what a list's keys mean of runs, of their jobs, of the audit log. */
#pragma once
#include "model/filter_lists.h"
#include "store/rows.h"

/* A question for runs asks about the runs themselves and about their jobs; each half is judged where it is known. */
struct run_judges {
  const struct filter *jobs, *runs; /* NULL: nothing is asked */
};
enum err store_filter_split(const struct filter *f, struct arena *a, struct run_judges *ret);
bool store_filter_job(const struct filter *f, const struct job *job, struct arena *scratch);
bool store_filter_run(const struct filter *f, const struct run *run);

bool store_filter_audit(const struct filter *f, const struct audit_log_row *row);
