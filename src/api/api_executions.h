/* Handlers of /api/cron/executions. */
#pragma once
#include "api/call.h"

extern const struct shape runs_query_shape, job_runs_query_shape, run_page_shape, cancel_answer_shape,
    run_context_shape;
route_handler runs_list, job_runs, run_get, run_context, run_cancel;
