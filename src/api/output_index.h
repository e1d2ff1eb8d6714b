/* Where the lines of an output begin, so that a page in the middle of a million lines costs a page. Only every n-th
 * line is remembered; n grows with the output, so the index stays small. Made once, and extended while the run lives.
 * Synchronous; for work threads. */
#pragma once
#include "api/output_source.h"

#define OUTPUT_MARKS_MAX 16384          /* then every other one goes */
#define OUTPUT_STRIDE_FIRST 32          /* lines from mark to mark */
#define OUTPUT_LINE_SHOWN_BYTES 16384   /* of one line in a page; the rest is counted */
#define OUTPUT_PAGE_BYTES (1024 * 1024) /* of one page; it may have fewer lines than asked for */
#define OUTPUT_LINES_MAX 2000           /* of one page */
#define OUTPUT_MATCHES_MAX 5000         /* of one search; the next one goes on */
#define OUTPUT_SEARCH_BYTES (8 << 20)   /* looked at by one search */
#define OUTPUT_BUCKETS_MAX 400          /* of the map of errors */

struct output_mark {
  int64_t offset;  /* of line 1, 1 + stride, 1 + 2 · stride … */
  uint32_t errors; /* lines that look wrong from there to the next mark */
};
struct output_index {
  int64_t run_no;
  int64_t through;                         /* bytes looked at: behind the last line's end */
  int64_t bytes;                           /* of the source then; what lies between has no end yet */
  int64_t lines;                           /* with an end, and in a final index the rest, too */
  int64_t errors, first_error, last_error; /* lines from 1; 0: none */
  int64_t gap_line;                        /* the first that tells of left-out bytes; 0: none */
  int64_t stride;
  bool is_final;
  struct output_mark *marks; /* owned */
  size_t mark_count, mark_capacity;
};
/* Of the whole source; `before` (may be NULL) is what is known of its beginning. */
enum err output_index_new(const struct output_source *s, const struct output_index *before,
                          struct output_index **ret);
void output_index_free(struct output_index *i); /* NULL-safe */
/* Lines that may be shown: also the last one, which has no end yet. */
int64_t output_line_count(const struct output_index *i);
/* Errors in equal shares of lines: how many numbers were written, and lines of one of them. */
size_t output_buckets(const struct output_index *i, uint32_t ret[OUTPUT_BUCKETS_MAX], int64_t *ret_lines);

/* fn gets lines from the one asked for on, until it says stop. Numbers count from 1. */
typedef bool output_line_fn(void *arg, int64_t number, const struct output_line *line);
enum err output_each_line(const struct output_source *s, const struct output_index *i, int64_t from,
                          output_line_fn *fn, void *arg);
/* Where line `number` begins; the end of the output past the last. */
enum err output_line_offset(const struct output_source *s, const struct output_index *i, int64_t number,
                            int64_t *ret_offset);

struct output_search {
  struct str text; /* folded already (output_fold); empty: any */
  bool only_errors;
  int64_t after; /* lines above it */
  size_t limit;
  output_line_fn *fn; /* gets the matches; its answer stops the search, too */
  void *arg;
};
/* *ret_next: go on with after = it; 0: through. */
enum err output_search(const struct output_source *s, const struct output_index *i,
                       const struct output_search *search, int64_t *ret_next);
