/* Roll-ups: what remains of ledger rows. Per job version and day (month after two years): how many there were of
 * each verdict, which instants they were (sum and XOR of a hash of each, which an audit can compute again), and
 * how late and how long their runs were, in powers of two. */
#include <stdlib.h>

#include "base/id.h"
#include "store/keeper.h"

#define DAY_MS 86400000LL
#define DAILY_DAYS 730
#define BUCKETS 24 /* 1 ms … 2^23 ms = 2.3 hours and more */
#define BUCKET_TEXT (BUCKETS * 21 + 1)

static int64_t day_of(int64_t due_ms) { return due_ms >= 0 ? due_ms / DAY_MS : (due_ms + 1) / DAY_MS - 1; }

/* The period a day belongs to by now: itself, or its month. */
static void period_of(int64_t day, int64_t now_ms, int64_t *ret_day, int64_t *ret_days) {
  int64_t year;
  int month, dom;
  *ret_day = day;
  *ret_days = 1;
  civil_from_days(day, &year, &month, &dom);
  int64_t first = civil_to_days(year, month, 1);
  int64_t next = month == 12 ? civil_to_days(year + 1, 1, 1) : civil_to_days(year, month + 1, 1);
  if (next > day_of(now_ms) - DAILY_DAYS) return;
  *ret_day = first;
  *ret_days = next - first;
}

static void parse_buckets(const char *text, int64_t buckets[BUCKETS]) {
  struct str rest = str_of(text), piece;
  memset(buckets, 0, sizeof(int64_t) * BUCKETS);
  for (int i = 0; rest.ptr && i < BUCKETS && str_split(&rest, ',', &piece); i++)
    if (!str_to_int(piece, 0, INT64_MAX, &buckets[i])) buckets[i] = 0;
}

static const char *format_buckets(const int64_t buckets[BUCKETS], struct arena *a) {
  struct buf out = buf_new(BUCKET_TEXT);
  int last = BUCKETS - 1;
  while (last > 0 && buckets[last] == 0) last--;
  for (int i = 0; i <= last; i++) {
    if (i > 0) buf_add_char(&out, ',');
    buf_add_int(&out, buckets[i]);
  }
  const char *text = buf_error(&out) == ERR_OK ? arena_strdup(a, buf_str(&out)) : NULL;
  buf_free(&out);
  return text;
}

static int bucket_of(int64_t ms) {
  int bucket = 0;
  for (; ms > 1 && bucket < BUCKETS - 1; ms /= 2) bucket++;
  return bucket;
}

struct figures {
  int64_t lag[BUCKETS], duration[BUCKETS];
};

static bool add_figures(void *arg, const void *record) {
  struct figures *f = arg;
  const struct run *run = record;
  if (run->lag_ms != FIELD_NULL) f->lag[bucket_of(run->lag_ms)]++;
  if (run->duration_ms != FIELD_NULL) f->duration[bucket_of(run->duration_ms)]++;
  return true;
}

static enum err get_rollup(struct keeper *k, int64_t job_no, int64_t day, int64_t days, int64_t version,
                           struct rollup_row *ret) {
  enum err e = k->rows->ops->get(k->rows, TABLE_ROLLUP, (int64_t[]){job_no, day, version}, ret, &k->scratch);
  if (e != ERR_NOT_FOUND) return e;
  *ret = (struct rollup_row){.job_no = job_no, .day = day, .version = version, .days = days};
  return ERR_OK;
}

static enum err put_rollup(struct keeper *k, struct rollup_row *row, const struct figures *add) {
  struct figures sum;
  parse_buckets(row->lag, sum.lag);
  parse_buckets(row->duration, sum.duration);
  for (int i = 0; i < BUCKETS; i++) sum.lag[i] += add->lag[i], sum.duration[i] += add->duration[i];
  row->lag = format_buckets(sum.lag, &k->scratch);
  row->duration = format_buckets(sum.duration, &k->scratch);
  return row->lag && row->duration ? keeper_put(k, TABLE_ROLLUP, row) : ERR_NO_MEMORY;
}

static void add_verdict(struct rollup_row *row, const struct ledger_row *ledger) {
  switch ((enum occurrence_state)ledger->state) {
    case OCCURRENCE_RAN: *(ledger->reason == REASON_SUCCESS ? &row->succeeded : &row->failed) += 1; break;
    case OCCURRENCE_SKIPPED: row->skipped++; break;
    case OCCURRENCE_MISSED: row->missed++; break;
    case OCCURRENCE_PENDING:
    case OCCURRENCE_COUNT: assert_fail("a pending row is never folded", __FILE__, __LINE__);
  }
}

enum err keeper_fold(struct keeper *k, const struct ledger_row *ledger, int64_t now_ms) {
  struct rollup_row row;
  struct figures figures = {};
  int64_t day, days;
  period_of(day_of(ledger->due_ms), now_ms, &day, &days);
  TRY(get_rollup(k, ledger->job_no, day, days, ledger->version, &row));
  struct scan_args args = {.key = ledger->job_no, .from = ledger->due_ms, .to = ledger->due_ms};
  TRY(k->rows->ops->scan(k->rows, SCAN_RUN_JOB_DUE, &args, add_figures, &figures));
  uint64_t hash = hash_int((uint64_t)ledger->due_ms);
  row.days = days;
  row.count++;
  row.set_sum = (int64_t)((uint64_t)row.set_sum + hash);
  row.set_xor = (int64_t)((uint64_t)row.set_xor ^ hash);
  add_verdict(&row, ledger);
  TRY(put_rollup(k, &row, &figures));
  return keeper_del(k, TABLE_LEDGER, ledger);
}

static void merge(struct rollup_row *into, const struct rollup_row *from) {
  into->count += from->count;
  into->set_sum = (int64_t)((uint64_t)into->set_sum + (uint64_t)from->set_sum);
  into->set_xor = (int64_t)((uint64_t)into->set_xor ^ (uint64_t)from->set_xor);
  into->succeeded += from->succeeded;
  into->failed += from->failed;
  into->skipped += from->skipped;
  into->missed += from->missed;
}

static enum err fold_day(struct keeper *k, const struct rollup_row *daily, int64_t first, int64_t days) {
  struct rollup_row month;
  struct figures figures;
  TRY(keeper_del(k, TABLE_ROLLUP, daily)); /* the first of a month has the month's own key */
  TRY(get_rollup(k, daily->job_no, first, days, daily->version, &month));
  month.days = days;
  merge(&month, daily);
  parse_buckets(daily->lag, figures.lag);
  parse_buckets(daily->duration, figures.duration);
  return put_rollup(k, &month, &figures);
}

enum err keeper_fold_months(struct keeper *k, int64_t job_no, int64_t now_ms, size_t max,
                            size_t *ret_folded) {
  void **rows;
  size_t count;
  struct scan_args args = {.key = job_no, .from = INT64_MIN, .to = day_of(now_ms) - DAILY_DAYS};
  TRY(rows_collect(k->rows, SCAN_ROLLUP_JOB, &args, SIZE_MAX, &k->scratch, &rows, &count));
  *ret_folded = 0;
  for (size_t i = 0; i < count && *ret_folded < max; i++) {
    const struct rollup_row *daily = rows[i];
    int64_t first, days;
    period_of(daily->day, now_ms, &first, &days);
    if (daily->days != 1 || days == 1) continue;
    TRY(fold_day(k, daily, first, days));
    ++*ret_folded;
  }
  return ERR_OK;
}
