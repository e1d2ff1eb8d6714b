/* Handlers of /api/cron/executions. */
#pragma once
#include "api/call.h"

extern const struct shape runs_query_shape, job_runs_query_shape, run_page_shape, output_query_shape,
    cancel_answer_shape;
route_handler runs_list, job_runs, run_get, run_output, run_cancel;

/* Bytes of a "Range: bytes=…" over `size` bytes. Pure. 200: no (usable) range, all of it; 206; 416. */
int range_parse(struct str header, uint64_t size, uint64_t *ret_start, uint64_t *ret_length);
/* Lines first…last (1-based, inclusive; 0 = open), or the last `tail` ones, as a piece of text. Pure. */
struct str lines_of(struct str text, int64_t first, int64_t last, int64_t tail);
