/* Handlers of /api/cron/executions/:id/output: the text, its lines, a search, and what a log view needs to know first. */
#pragma once
#include "api/call.h"

extern const struct shape output_query_shape, output_lines_query_shape, output_search_query_shape,
    output_index_shape, output_page_shape, output_matches_shape;
route_handler run_output, run_output_index, run_output_lines, run_output_search;

/* Bytes of a "Range: bytes=…" over `size` bytes. Pure. 200: no (usable) range, all of it; 206; 416. */
int range_parse(struct str header, uint64_t size, uint64_t *ret_start, uint64_t *ret_length);
/* Lines first…last (from 1; 0 = open) of `count`, or the last `tail` of them: from the first to before the end. */
struct output_span {
  int64_t from, end;
};
struct output_span output_lines_wanted(int64_t count, int64_t first, int64_t last, int64_t tail);
