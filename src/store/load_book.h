/* How busy the server was, by five minutes: runs, failures, time taken, and histograms of durations and delays. A
 * few hundred rows a day whatever the number of jobs, so that charts, calendars and the week's figures never read runs.
 *
 * A histogram has a slot for each millisecond up to 16, then eight for each power of two: a percentile is right within
 * 6 percent. As text it is "slot:count,slot:count", ascending, without what is 0. */
#pragma once
#include "base/arena.h"
#include "store/rows.h"

#define LOAD_BUCKET_MS (5 * 60 * 1000LL)
#define LOAD_DAYS 400       /* kept */
#define LOAD_SLOTS 217      /* the last: 2^29 ms = 6 days and more */
#define LOAD_BOOK_CELLS 4   /* in memory at once */
#define LOAD_SPREAD_MAX 288 /* of a long run: the last day of it */

struct load_histogram {
  uint32_t counts[LOAD_SLOTS];
};
int histogram_slot(int64_t ms);
int64_t histogram_ms(int slot); /* the middle of it */
void histogram_add(struct load_histogram *h, int64_t ms);
void histogram_add_text(struct load_histogram *h, const char *text); /* NULL and what is damaged: nothing */
const char *histogram_text(const struct load_histogram *h, struct arena *a);
/* Nearest rank; FIELD_NULL when it is empty. */
int64_t histogram_percentile(const struct load_histogram *h, int percent);

struct load_cell {
  int64_t at_ms; /* of load_row */
  int64_t runs, failed, busy_ms;
  struct load_histogram lag, duration;
};
struct load_book {
  struct load_cell *cells[LOAD_BOOK_CELLS]; /* NULL = free; newest use first */
  bool is_dirty[LOAD_BOOK_CELLS];
};
void load_book_clear(struct load_book *b);
static inline int64_t load_bucket(int64_t ms) {
  return ms - ((ms % LOAD_BUCKET_MS) + LOAD_BUCKET_MS) % LOAD_BUCKET_MS;
}
