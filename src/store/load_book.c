#include "store/load_book.h"

#include <stdlib.h>

#include "base/buf.h"
#include "store/keeper.h"

#define DAY_MS 86400000LL
#define HISTOGRAM_TEXT (LOAD_SLOTS * 16)
#define RETAIN_ROWS 500 /* of a slice of retention */
#define EXACT_MS 16     /* a slot for each millisecond below */
#define OCTAVE_SLOTS 8
#define OCTAVE_FIRST 4 /* 2^4 ms = EXACT_MS */

/* ---- histograms ---- */

int histogram_slot(int64_t ms) {
  if (ms < EXACT_MS) return ms < 0 ? 0 : (int)ms;
  int octave = 63 - __builtin_clzll((unsigned long long)ms);
  int part = (int)(ms >> (octave - 3)) & (OCTAVE_SLOTS - 1);
  int slot = EXACT_MS + (octave - OCTAVE_FIRST) * OCTAVE_SLOTS + part;
  return slot < LOAD_SLOTS ? slot : LOAD_SLOTS - 1;
}

int64_t histogram_ms(int slot) {
  ASSERT(slot >= 0 && slot < LOAD_SLOTS);
  if (slot < EXACT_MS) return slot;
  int octave = OCTAVE_FIRST + (slot - EXACT_MS) / OCTAVE_SLOTS, part = (slot - EXACT_MS) % OCTAVE_SLOTS;
  int64_t width = INT64_C(1) << (octave - 3);
  return (OCTAVE_SLOTS + part) * width + width / 2;
}

void histogram_add(struct load_histogram *h, int64_t ms) { h->counts[histogram_slot(ms)]++; }

void histogram_add_text(struct load_histogram *h, const char *text) {
  struct str rest = str_of(text), piece, number;
  int64_t slot, count;
  while (rest.ptr && str_split(&rest, ',', &piece)) {
    if (!str_split(&piece, ':', &number) || !str_to_int(number, 0, LOAD_SLOTS - 1, &slot)) continue;
    if (piece.ptr && str_to_int(piece, 1, UINT32_MAX, &count)) h->counts[slot] += (uint32_t)count;
  }
}

const char *histogram_text(const struct load_histogram *h, struct arena *a) {
  BUF_AUTO struct buf out = buf_new(HISTOGRAM_TEXT);
  for (int i = 0; i < LOAD_SLOTS; i++)
    if (h->counts[i]) buf_addf(&out, "%s%d:%u", out.len ? "," : "", i, h->counts[i]);
  return buf_error(&out) == ERR_OK ? arena_strdup(a, buf_str(&out)) : NULL;
}

int64_t histogram_percentile(const struct load_histogram *h, int percent) {
  int64_t total = 0, seen = 0;
  for (int i = 0; i < LOAD_SLOTS; i++) total += h->counts[i];
  int64_t rank = (total * percent + 99) / 100;
  for (int i = 0; i < LOAD_SLOTS; i++)
    if ((seen += h->counts[i]) >= rank && total > 0) return histogram_ms(i);
  return FIELD_NULL;
}

/* ---- the cells at hand ---- */

void load_book_clear(struct load_book *b) {
  for (int i = 0; i < LOAD_BOOK_CELLS; i++) free(b->cells[i]);
  *b = (struct load_book){};
}

static enum err write_cell(struct keeper *k, const struct load_cell *c) {
  struct load_row row = {.at_ms = c->at_ms, .runs = c->runs, .failed = c->failed, .busy_ms = c->busy_ms};
  row.lag = histogram_text(&c->lag, &k->scratch);
  row.duration = histogram_text(&c->duration, &k->scratch);
  return row.lag && row.duration ? keeper_put(k, TABLE_LOAD, &row) : ERR_NO_MEMORY;
}

enum err keeper_load_write(struct keeper *k) {
  struct load_book *b = &k->load;
  for (int i = 0; i < LOAD_BOOK_CELLS; i++) {
    if (!b->is_dirty[i]) continue;
    enum err e = write_cell(k, b->cells[i]);
    arena_free(&k->scratch);
    TRY(e);
    b->is_dirty[i] = false;
  }
  return ERR_OK;
}

static enum err load_cell(struct keeper *k, int64_t at_ms, struct load_cell *ret) {
  struct load_row row;
  *ret = (struct load_cell){.at_ms = at_ms};
  enum err e = k->rows->ops->get(k->rows, TABLE_LOAD, &at_ms, &row, &k->scratch);
  if (e == ERR_NOT_FOUND) return ERR_OK;
  TRY(e);
  ret->runs = row.runs;
  ret->failed = row.failed;
  ret->busy_ms = row.busy_ms;
  histogram_add_text(&ret->lag, row.lag);
  histogram_add_text(&ret->duration, row.duration);
  return ERR_OK;
}

static void move_to_front(struct load_book *b, int at) {
  struct load_cell *cell = b->cells[at];
  bool is_dirty = b->is_dirty[at];
  for (; at > 0; at--) {
    b->cells[at] = b->cells[at - 1];
    b->is_dirty[at] = b->is_dirty[at - 1];
  }
  b->cells[0] = cell;
  b->is_dirty[0] = is_dirty;
}

/* The cell of these five minutes, taken as changed. */
static enum err cell_at(struct keeper *k, int64_t at_ms, struct load_cell **ret) {
  struct load_book *b = &k->load;
  int at = 0, last = LOAD_BOOK_CELLS - 1;
  while (at < LOAD_BOOK_CELLS && b->cells[at] && b->cells[at]->at_ms != at_ms) at++;
  if (at == LOAD_BOOK_CELLS || !b->cells[at]) {
    if (at > last) at = last;
    if (b->is_dirty[at]) TRY(write_cell(k, b->cells[at]));
    if (!b->cells[at]) b->cells[at] = calloc(1, sizeof *b->cells[at]);
    if (!b->cells[at]) return ERR_NO_MEMORY;
    b->is_dirty[at] = false;
    b->cells[at]->at_ms = INT64_MIN; /* until it is read */
    struct load_cell fresh;
    TRY(load_cell(k, at_ms, &fresh));
    memcpy(b->cells[at], &fresh, sizeof fresh);
  }
  b->is_dirty[at] = true;
  move_to_front(b, at);
  *ret = b->cells[0];
  return ERR_OK;
}

static bool counts(enum run_status status) { return status == RUN_SUCCESS || run_is_failure(status); }

static enum err add_busy(struct keeper *k, int64_t from_ms, int64_t to_ms) {
  struct load_cell *cell;
  if (load_bucket(to_ms) - load_bucket(from_ms) > LOAD_SPREAD_MAX * LOAD_BUCKET_MS)
    from_ms = load_bucket(to_ms) - LOAD_SPREAD_MAX * LOAD_BUCKET_MS;
  for (int64_t at = load_bucket(from_ms); at < to_ms; at += LOAD_BUCKET_MS) {
    int64_t begin = from_ms > at ? from_ms : at;
    int64_t end = to_ms < at + LOAD_BUCKET_MS ? to_ms : at + LOAD_BUCKET_MS;
    TRY(cell_at(k, at, &cell));
    cell->busy_ms += end - begin;
  }
  return ERR_OK;
}

enum err keeper_load_add(struct keeper *k, const struct run *run) {
  struct load_cell *cell;
  enum run_status status = (enum run_status)run->status;
  if (run->started_ms == FIELD_NULL || status == RUN_SKIPPED) return ERR_OK;
  if (run->finished_ms != FIELD_NULL && run->finished_ms > run->started_ms)
    TRY(add_busy(k, run->started_ms, run->finished_ms));
  if (!counts(status)) return ERR_OK;
  TRY(cell_at(k, load_bucket(run->started_ms), &cell));
  cell->runs++;
  cell->failed += run_is_failure(status);
  if (run->lag_ms != FIELD_NULL) histogram_add(&cell->lag, run->lag_ms);
  if (run->duration_ms != FIELD_NULL) histogram_add(&cell->duration, run->duration_ms);
  return ERR_OK;
}

enum err keeper_load_retain(struct keeper *k, int64_t now_ms) {
  void **rows;
  size_t count;
  struct scan_args args = {.from = INT64_MIN, .to = now_ms - LOAD_DAYS * DAY_MS};
  TRY(rows_collect(k->rows, SCAN_LOAD_UP, &args, RETAIN_ROWS, &k->scratch, &rows, &count));
  for (size_t i = 0; i < count; i++) TRY(keeper_del(k, TABLE_LOAD, rows[i]));
  return ERR_OK;
}
