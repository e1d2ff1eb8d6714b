/* `sereno audit`: computes from the schedule history (versions, settings' zone, zone contents, gates, starts) what
 * fell due, instant by instant, and compares it with what is on record: ledger rows, stretches, roll-ups, runs. It
 * shares no state with the writer and believes no cursor but for how far the record claims to reach. */
#include <stdlib.h>

#include "base/id.h"
#include "store/keeper.h"

#define DAY_MS 86400000LL
#define DIFFERENCES_MAX 1000
#define MISSING_SHOWN 20           /* instants named of one day and version; the rest is counted */
#define STUCK_MS (5 * 60 * 1000LL) /* a claim waits no longer without a queued run */
#define JOB_BYTES (512 * 1024 * 1024)

struct zone_era { /* zone data as it was from an instant on */
  int64_t from_ms;
  struct tzdb *tzdb;
};

struct missing { /* instants of one day without row or stretch */
  int64_t day, version, count;
  uint64_t sum, xor;
  int64_t shown[MISSING_SHOWN];
  bool is_proven; /* a roll-up has exactly these */
};

struct run_mark { /* what the comparison needs of a run */
  int64_t due_ms, attempt, trigger, status, no;
};

struct audit {
  struct reader *reader;
  struct store_read *q;
  struct gates gates;
  struct tzdb *today;
  void **settings, **zones, **servers, **clocks; /* rows */
  size_t settings_count, zone_count, server_count, clock_count;
  int64_t known_ms; /* the store was at work until then, or is */
  struct zone_era *eras;
  size_t era_count;
};

struct job_audit {
  struct audit *audit;
  struct arena arena;
  int64_t job_no, upper_ms, lower_ms;
  const char *name;
  struct ledger_row **ledger;
  struct gap_row **gaps;
  int64_t *gap_seen; /* instants met in each gap */
  size_t ledger_count, gap_count, at_ledger, at_gap;
  struct missing *missing;
  size_t missing_count, missing_capacity;
  struct run_mark *runs;
  size_t run_count, run_capacity;
  enum err error;
};

/* ---- differences ---- */

[[gnu::format(printf, 4, 5)]] static void differ(struct job_audit *j, const char *kind, int64_t due_ms,
                                                 const char *format, ...) {
  struct store_read *q = j->audit->q;
  if (q->count == DIFFERENCES_MAX) {
    q->has_more = true;
    return;
  }
  char text[ERR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  struct audit_difference *d = &q->differences[q->count++];
  *d = (struct audit_difference){.job_no = j->job_no, .due_ms = due_ms, .kind = kind};
  d->job_name = arena_strdup(&q->arena, str_of(j->name ? j->name : "?"));
  d->text = arena_strdup(&q->arena, str_of(text));
}

/* ---- zones as they were ---- */

static int hex_digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

static enum err add_zone(struct tzdb *tzdb, const struct zone_row *z) {
  struct arena held = arena_new(TZ_FILE_BYTES_MAX * 2);
  struct str hex = str_of(z->content);
  char *bytes = arena_alloc(&held, hex.len / 2 + 1);
  enum err e = bytes ? ERR_OK : ERR_NO_MEMORY;
  for (size_t i = 0; bytes && i < hex.len / 2; i++)
    bytes[i] = (char)(hex_digit(hex.ptr[2 * i]) * 16 + hex_digit(hex.ptr[2 * i + 1]));
  const struct tz *tz;
  if (e == ERR_OK) e = tzdb_add(tzdb, str_of(z->name), (struct str){bytes, hex.len / 2}, &tz, NULL);
  arena_free(&held);
  return e;
}

/* Zone rows are in order of time, so later content of the same name replaces earlier. */
static enum err era_at(struct audit *a, int64_t from_ms, struct tzdb **ret) {
  for (size_t i = 0; i < a->era_count; i++)
    if (a->eras[i].from_ms == from_ms) {
      *ret = a->eras[i].tzdb;
      return ERR_OK;
    }
  struct zone_era *bigger = realloc(a->eras, (a->era_count + 1) * sizeof *bigger);
  if (!bigger) return ERR_NO_MEMORY;
  a->eras = bigger;
  struct zone_era *era = &a->eras[a->era_count];
  *era = (struct zone_era){.from_ms = from_ms};
  TRY(tzdb_new(a->reader->zone_folder, &era->tzdb));
  a->era_count++;
  for (size_t i = 0; i < a->zone_count; i++) {
    const struct zone_row *z = a->zones[i];
    if (z->from_ms <= from_ms) TRY(add_zone(era->tzdb, z));
  }
  *ret = era->tzdb;
  return ERR_OK;
}

/* ---- one instant that fell due ---- */

static struct missing *missing_of(struct job_audit *j, int64_t day, int64_t version) {
  if (j->missing_count > 0) {
    struct missing *last = &j->missing[j->missing_count - 1];
    if (last->day == day && last->version == version) return last;
  }
  if (j->missing_count == j->missing_capacity) {
    size_t capacity = j->missing_capacity ? j->missing_capacity * 2 : 8;
    struct missing *bigger = realloc(j->missing, capacity * sizeof *bigger);
    if (!bigger) return NULL;
    j->missing = bigger;
    j->missing_capacity = capacity;
  }
  struct missing *m = &j->missing[j->missing_count++];
  *m = (struct missing){.day = day, .version = version};
  return m;
}

static void note_missing(struct job_audit *j, int64_t due_ms, int64_t version) {
  struct missing *m = missing_of(j, due_ms / DAY_MS, version);
  if (!m) {
    j->error = ERR_NO_MEMORY;
    return;
  }
  uint64_t hash = hash_int((uint64_t)due_ms);
  if (m->count < MISSING_SHOWN) m->shown[m->count] = due_ms;
  m->count++;
  m->sum += hash;
  m->xor ^= hash;
}

static void count_verdict(struct store_read *q, int64_t state, int64_t count) {
  q->proof.expected += count;
  if (state == OCCURRENCE_RAN) q->proof.ran += count;
  if (state == OCCURRENCE_SKIPPED) q->proof.skipped += count;
  if (state == OCCURRENCE_MISSED) q->proof.missed += count;
  if (state == OCCURRENCE_PENDING) q->proof.pending += count;
}

/* The clock read this instant twice: edits and pauses between the two readings cannot be told apart by it. */
static bool was_read_twice(const struct audit *a, int64_t due_ms) {
  for (size_t i = 0; i < a->clock_count; i++) {
    const struct clock_row *c = a->clocks[i];
    if (due_ms > c->is_ms && due_ms <= c->was_ms) return true;
  }
  return false;
}

static void pass_unexpected(struct job_audit *j, int64_t before_ms) {
  for (; j->at_ledger < j->ledger_count && j->ledger[j->at_ledger]->due_ms < before_ms; j->at_ledger++) {
    int64_t due_ms = j->ledger[j->at_ledger]->due_ms;
    if (!was_read_twice(j->audit, due_ms))
      differ(j, "unexpected_row", due_ms,
             "a ledger row is there, but the schedule of its time has no such instant");
  }
}

static void check_row(struct job_audit *j, const struct job *job, const struct ledger_row *row,
                      int64_t splay_ms) {
  int64_t until_ms;
  count_verdict(j->audit->q, row->state, 1);
  bool is_ambiguous = was_read_twice(j->audit, row->due_ms);
  if (row->version != job->version && !is_ambiguous)
    differ(j, "wrong_version", row->due_ms, "claimed for version %lld, but version %lld governed it",
           (long long)row->version, (long long)job->version);
  bool is_closed = gates_at(&j->audit->gates, job, row->due_ms, &until_ms) != GATE_OPEN;
  if (row->state == OCCURRENCE_RAN && is_closed && !is_ambiguous)
    differ(j, "ran_while_closed", row->due_ms, "it ran although it was paused or off");
  if (row->state != OCCURRENCE_PENDING || row->due_ms + splay_ms > j->audit->q->now_ms - STUCK_MS) return;
  for (size_t i = 0; i < j->run_count; i++)
    if (j->runs[i].due_ms == row->due_ms && !run_is_final((enum run_status)j->runs[i].status)) return;
  differ(j, "stuck_pending", row->due_ms, "still pending, and nothing waits or runs for it");
}

static void meet_instant(struct job_audit *j, const struct job *job, int64_t due_ms, int64_t splay_ms) {
  pass_unexpected(j, due_ms);
  if (j->at_ledger < j->ledger_count && j->ledger[j->at_ledger]->due_ms == due_ms) {
    check_row(j, job, j->ledger[j->at_ledger++], splay_ms);
    return;
  }
  while (j->at_gap < j->gap_count && j->gaps[j->at_gap]->last_ms < due_ms) j->at_gap++;
  if (j->at_gap < j->gap_count && j->gaps[j->at_gap]->first_ms <= due_ms) {
    j->gap_seen[j->at_gap]++;
    count_verdict(j->audit->q, j->gaps[j->at_gap]->state, 1);
    return;
  }
  note_missing(j, due_ms, job->version);
}

/* ---- one stretch under one definition, one zone, one zone data ---- */

static bool has_moved(struct schedule *then, struct schedule *today) {
  return today && !str_eq(str_of(tz_sha256(schedule_tz(then))), str_of(tz_sha256(schedule_tz(today))));
}

static void walk_boots(struct job_audit *j, const struct job *job, int64_t after_ms, int64_t until_ms) {
  for (size_t i = 0; i < j->audit->server_count; i++) {
    const struct server_row *s = j->audit->servers[i];
    if (s->is_boot && s->up_ms > after_ms && s->up_ms <= until_ms) meet_instant(j, job, s->up_ms, 0);
  }
}

static enum err walk_stretch(struct job_audit *j, const struct job *job, const char *zone, struct tzdb *tzdb,
                             int64_t after_ms, int64_t until_ms) {
  struct schedule_options options = job_schedule_options(job, zone);
  struct schedule *then, *today = NULL;
  if (schedule_compile(tzdb, str_of(job->schedule), &options, &then, NULL) != ERR_OK) {
    differ(j, "bad_version", after_ms, "version %lld has a schedule that cannot be read",
           (long long)job->version);
    return ERR_OK;
  }
  if (schedule_compile(j->audit->today, str_of(job->schedule), &options, &today, NULL) != ERR_OK)
    today = NULL;
  bool may_move = has_moved(then, today);
  int64_t range_ms = job->splay == FIELD_NULL ? 0 : job->splay * 1000;
  int64_t splay_ms = plan_splay_ms((uint64_t)job->seed, range_ms, schedule_min_interval_ms(then));
  if (schedule_kind(then) == SCHEDULE_REBOOT) walk_boots(j, job, after_ms, until_ms);
  for (int64_t due = schedule_next(then, after_ms); due <= until_ms && due != INSTANT_NEVER;
       due = schedule_next(then, due)) {
    meet_instant(j, job, due, splay_ms);
    if (may_move && schedule_next(today, due - 1) != due) j->audit->q->proof.zone_moved++;
  }
  schedule_free(then);
  schedule_free(today);
  return j->error;
}

/* The first instant after `after_ms` at which the zone data changed, and the era in force just after it. */
static int64_t era_end(const struct audit *a, int64_t after_ms, int64_t *ret_era_ms) {
  int64_t end = INSTANT_NEVER;
  *ret_era_ms = INT64_MIN + 1;
  for (size_t i = 0; i < a->zone_count; i++) {
    int64_t from = ((const struct zone_row *)a->zones[i])->from_ms;
    if (from <= after_ms && from > *ret_era_ms) *ret_era_ms = from;
    if (from > after_ms && from < end) end = from;
  }
  return end;
}

static int64_t settings_from(const struct audit *a, const struct settings_version_row *s, int64_t job_no) {
  int64_t key[2] = {-s->no, job_no};
  const struct shift_row *shift = map_get(&a->gates.shifts, hash_bytes(key, sizeof key, 0));
  return shift ? shift->from_ms : s->from_ms;
}

static int64_t zone_end(const struct job_audit *j, int64_t after_ms, const char **ret_zone) {
  const struct audit *a = j->audit;
  int64_t end = INSTANT_NEVER;
  for (size_t i = 0; i < a->settings_count; i++) {
    const struct settings_version_row *s = a->settings[i];
    int64_t from = settings_from(a, s, j->job_no);
    if (from <= after_ms) {
      *ret_zone = s->timezone;
      end = INSTANT_NEVER;
    } else if (from < end) {
      end = from;
    }
  }
  return end;
}

static enum err walk_version(struct job_audit *j, const struct version_row *v) {
  struct job job;
  job_init(&job);
  enum err e = record_from_text(job_fields, job_field_count, str_of(v->definition), &job, &j->arena);
  if (e != ERR_OK) {
    differ(j, "bad_version", v->from_ms, "version %lld cannot be read", (long long)v->version);
    return ERR_OK;
  }
  job.no = v->job_no;
  job.version = v->version;
  j->name = job.name;
  int64_t after = v->from_ms > j->lower_ms ? v->from_ms : j->lower_ms;
  int64_t until = v->to_ms < j->upper_ms ? v->to_ms : j->upper_ms;
  while (job.is_active && after < until) {
    const char *zone = "UTC";
    int64_t era_ms, end = era_end(j->audit, after, &era_ms), zone_until = zone_end(j, after, &zone);
    if (zone_until < end) end = zone_until;
    if (end > until) end = until;
    struct tzdb *tzdb;
    TRY(era_at(j->audit, era_ms, &tzdb));
    TRY(walk_stretch(j, &job, zone, tzdb, after, end));
    after = end;
  }
  return ERR_OK;
}

/* ---- what was met against what was counted ---- */

static void check_gaps(struct job_audit *j) {
  for (size_t i = 0; i < j->gap_count; i++) {
    const struct gap_row *g = j->gaps[i];
    if (g->first_ms <= j->lower_ms || g->last_ms > j->upper_ms || j->gap_seen[i] == g->count) continue;
    differ(j, "gap_count", g->first_ms, "a stretch says %lld instants, the schedule has %lld",
           (long long)g->count, (long long)j->gap_seen[i]);
  }
}

static void check_rollup(struct job_audit *j, const struct rollup_row *r) {
  if (r->day * DAY_MS <= j->lower_ms || (r->day + r->days) * DAY_MS - 1 > j->upper_ms) {
    if (j->upper_ms != INSTANT_NEVER && r->day * DAY_MS > j->upper_ms) return;
  }
  struct rollup_row met = {};
  bool is_whole = r->day * DAY_MS - 1 >= j->lower_ms;
  for (size_t i = 0; i < j->missing_count; i++) {
    struct missing *m = &j->missing[i];
    if (m->version != r->version || m->day < r->day || m->day >= r->day + r->days) continue;
    m->is_proven = true;
    met.count += m->count;
    met.set_sum = (int64_t)((uint64_t)met.set_sum + m->sum);
    met.set_xor = (int64_t)((uint64_t)met.set_xor ^ m->xor);
  }
  if (!is_whole) return; /* only a part of it was asked for */
  struct store_read *q = j->audit->q;
  q->proof.rolled_up_days += r->days;
  q->proof.expected += met.count;
  q->proof.ran += r->succeeded + r->failed;
  q->proof.skipped += r->skipped;
  q->proof.missed += r->missed;
  if (met.count != r->count || met.set_sum != r->set_sum || met.set_xor != r->set_xor)
    differ(j, "rollup_differs", r->day * DAY_MS,
           "the roll-up of version %lld has %lld instants, %lld are due in it", (long long)r->version,
           (long long)r->count, (long long)met.count);
}

static enum err check_rollups(struct job_audit *j) {
  void **rows;
  size_t count;
  struct scan_args args = {.key = j->job_no, .from = INT64_MIN, .to = INT64_MAX};
  TRY(rows_collect(j->audit->reader->rows, SCAN_ROLLUP_JOB, &args, SIZE_MAX, &j->arena, &rows, &count));
  for (size_t i = 0; i < count; i++) check_rollup(j, rows[i]);
  return ERR_OK;
}

static void check_missing(struct job_audit *j) {
  for (size_t i = 0; i < j->missing_count; i++) {
    const struct missing *m = &j->missing[i];
    if (m->is_proven) continue;
    j->audit->q->proof.expected += m->count;
    for (int64_t n = 0; n < m->count && n < MISSING_SHOWN; n++)
      differ(j, "no_row", m->shown[n], "it fell due, but there is no verdict on record");
    if (m->count > MISSING_SHOWN)
      differ(j, "no_row", m->shown[MISSING_SHOWN - 1], "and %lld more of that day",
             (long long)(m->count - MISSING_SHOWN));
  }
}

/* ---- runs ---- */

static bool take_run(void *arg, const void *record) {
  struct job_audit *j = arg;
  const struct run *run = record;
  if (j->run_count == j->run_capacity) {
    size_t capacity = j->run_capacity ? j->run_capacity * 2 : 64;
    struct run_mark *bigger = realloc(j->runs, capacity * sizeof *bigger);
    if (!bigger) {
      j->error = ERR_NO_MEMORY;
      return false;
    }
    j->runs = bigger;
    j->run_capacity = capacity;
  }
  j->runs[j->run_count++] = (struct run_mark){run->due_ms, run->attempt, run->trigger, run->status, run->no};
  return true;
}

static int by_due(const void *a, const void *b) {
  const struct run_mark *x = a, *y = b;
  if (x->due_ms != y->due_ms) return x->due_ms < y->due_ms ? -1 : 1;
  if (x->attempt != y->attempt) return x->attempt < y->attempt ? -1 : 1;
  return (x->no > y->no) - (x->no < y->no);
}

static const struct ledger_row *ledger_at(const struct job_audit *j, int64_t due_ms) {
  size_t low = 0, high = j->ledger_count;
  while (low < high) {
    size_t mid = (low + high) / 2;
    if (j->ledger[mid]->due_ms < due_ms) low = mid + 1;
    else high = mid;
  }
  return low < j->ledger_count && j->ledger[low]->due_ms == due_ms ? j->ledger[low] : NULL;
}

static bool is_rolled_up(const struct job_audit *j, int64_t due_ms) {
  for (size_t i = 0; i < j->missing_count; i++)
    if (j->missing[i].is_proven && j->missing[i].day == due_ms / DAY_MS) return true;
  return false;
}

static bool has_started(int64_t status) {
  return status == RUN_RUNNING || status == RUN_SUCCESS || status == RUN_FAILED || status == RUN_TIMEOUT;
}

/* All runs of one occurrence, in order of attempts. */
static void check_occurrence(struct job_audit *j, const struct run_mark *runs, size_t count) {
  int64_t due_ms = runs[0].due_ms, last_attempt = 0;
  const struct ledger_row *row = ledger_at(j, due_ms);
  if (!row && is_rolled_up(j, due_ms)) return;
  if (!row) {
    differ(j, "run_without_occurrence", due_ms, "a run is there for an instant that has no ledger row");
    return;
  }
  for (size_t i = 0; i < count; i++) {
    const struct run_mark *r = &runs[i];
    bool is_repeated = r->attempt == last_attempt || (r->attempt > 1 && r->trigger != TRIGGER_RETRY);
    if (is_repeated)
      differ(j, "double_run", due_ms, "attempt %lld ran without being a retry", (long long)r->attempt);
    if (has_started(r->status) && row->state != OCCURRENCE_RAN)
      differ(j, "verdict_differs", due_ms, "a run is %s, but the ledger says %s",
             run_status_text((enum run_status)r->status),
             occurrence_state_text((enum occurrence_state)row->state));
    if (has_started(r->status) && r->attempt > row->attempts)
      differ(j, "double_run", due_ms, "attempt %lld ran, but the ledger knows of %lld", (long long)r->attempt,
             (long long)row->attempts);
    last_attempt = r->attempt;
  }
  const struct run_mark *last = &runs[count - 1];
  if (last_attempt < row->attempts)
    differ(j, "attempts_differ", due_ms,
           "the ledger says %lld attempts, but the last run is attempt %lld (%s, %s)",
           (long long)row->attempts, (long long)last_attempt, id_to_text(last->no).text,
           run_status_text((enum run_status)last->status));
}

static void check_runs(struct job_audit *j) {
  if (j->run_count > 0) qsort(j->runs, j->run_count, sizeof *j->runs, by_due);
  for (size_t i = 0, n; i < j->run_count; i += n) {
    const struct run_mark *r = &j->runs[i];
    for (n = 1; i + n < j->run_count && j->runs[i + n].due_ms == r->due_ms; n++) {
    }
    if (r->due_ms == FIELD_NULL) {
      n = 1;
      if (r->trigger == TRIGGER_SCHEDULE || r->trigger == TRIGGER_CATCHUP)
        differ(j, "run_without_occurrence", id_made_ms(r->no), "a scheduled run has no due instant");
    } else if (r->due_ms > j->lower_ms && r->due_ms <= j->upper_ms) {
      check_occurrence(j, r, n);
    }
  }
}

/* ---- one job ---- */

/* How far the record claims to reach. */
static enum err find_upper(struct job_audit *j, int64_t to_ms) {
  struct cursor_row cursor;
  struct rows *rows = j->audit->reader->rows;
  enum err e = rows->ops->get(rows, TABLE_CURSOR, &j->job_no, &cursor, &j->arena);
  j->upper_ms = to_ms;
  if (e == ERR_NOT_FOUND) return ERR_OK; /* deleted: its last version has an end */
  TRY(e);
  struct job job = {};
  TRY(rows->ops->get(rows, TABLE_JOB, &j->job_no, &job, &j->arena));
  struct scan scan_reboot = *scan_get(SCAN_JOB_REBOOT);
  int64_t reach = cursor.through_ms;
  /* Between the cursor and the next due instant nothing falls due. That instant may not be late, either. */
  if (cursor.next_due_ms > reach && !scan_matches(&scan_reboot, &SCAN_ALL, &job)) {
    int64_t late_ms = j->audit->known_ms - STUCK_MS;
    reach = cursor.next_due_ms == INSTANT_NEVER ? cursor.through_ms : cursor.next_due_ms - 1;
    if (job.is_active && reach < late_ms) reach = late_ms;
  }
  if (scan_matches(&scan_reboot, &SCAN_ALL, &job))
    reach = cursor.next_due_ms == INSTANT_NEVER ? INSTANT_NEVER : cursor.next_due_ms - 1;
  if (reach < j->upper_ms) j->upper_ms = reach;
  return ERR_OK;
}

static enum err load_rows(struct job_audit *j) {
  struct rows *rows = j->audit->reader->rows;
  struct scan_args args = {.key = j->job_no, .from = j->lower_ms + 1, .to = j->upper_ms};
  void **found;
  TRY(rows_collect(rows, SCAN_LEDGER_JOB, &args, SIZE_MAX, &j->arena, &found, &j->ledger_count));
  j->ledger = (struct ledger_row **)found;
  args.to = INT64_MAX;
  TRY(rows_collect(rows, SCAN_GAP_JOB, &args, SIZE_MAX, &j->arena, &found, &j->gap_count));
  j->gaps = (struct gap_row **)found;
  j->gap_seen = ARENA_ARRAY(&j->arena, int64_t, j->gap_count + 1);
  if (!j->gap_seen) return ERR_NO_MEMORY;
  args = (struct scan_args){.key = j->job_no, .from = 0, .to = INT64_MAX};
  TRY(rows->ops->scan(rows, SCAN_RUN_JOB_DOWN, &args, take_run, j));
  return j->error;
}

static enum err compare_job(struct job_audit *j) {
  void **versions;
  size_t count;
  struct store_read *q = j->audit->q;
  j->lower_ms = q->from_ms == INSTANT_NONE ? INT64_MIN + 1 : q->from_ms - 1;
  TRY(find_upper(j, q->to_ms == INSTANT_NONE ? INSTANT_NEVER : q->to_ms));
  TRY(load_rows(j));
  struct scan_args args = {.key = j->job_no, .from = INT64_MIN, .to = INT64_MAX};
  TRY(rows_collect(j->audit->reader->rows, SCAN_VERSION_JOB, &args, SIZE_MAX, &j->arena, &versions, &count));
  for (size_t i = 0; i < count; i++) TRY(walk_version(j, versions[i]));
  pass_unexpected(j, INSTANT_NEVER);
  check_gaps(j);
  TRY(check_rollups(j));
  check_missing(j);
  check_runs(j);
  return j->error;
}

static enum err audit_job(struct audit *a, int64_t job_no) {
  struct job_audit j = {.audit = a, .job_no = job_no, .arena = arena_new(JOB_BYTES)};
  enum err e = compare_job(&j);
  free(j.missing);
  free(j.runs);
  arena_free(&j.arena);
  return e;
}

/* ---- all ---- */

struct job_list {
  int64_t *items;
  size_t count, capacity;
  enum err error;
};

static bool list_job(void *arg, const void *record) {
  struct job_list *l = arg;
  if (l->count == l->capacity) {
    size_t capacity = l->capacity ? l->capacity * 2 : 64;
    int64_t *bigger = realloc(l->items, capacity * sizeof *bigger);
    if (!bigger) {
      l->error = ERR_NO_MEMORY;
      return false;
    }
    l->items = bigger;
    l->capacity = capacity;
  }
  l->items[l->count++] = ((const struct version_row *)record)->job_no;
  return true;
}

static enum err audit_jobs(struct audit *a) {
  struct job_list l = {};
  struct rows *rows = a->reader->rows;
  if (a->q->no) return audit_job(a, a->q->no);
  enum err e = rows->ops->scan(rows, SCAN_VERSION_FIRST, &SCAN_ALL, list_job, &l);
  if (e == ERR_OK) e = l.error;
  for (size_t i = 0; e == ERR_OK && i < l.count; i++) e = audit_job(a, l.items[i]);
  free(l.items);
  return e;
}

static enum err load_history(struct audit *a) {
  struct rows *rows = a->reader->rows;
  struct arena *arena = &a->q->arena;
  struct meta_row meta;
  TRY(rows->ops->get(rows, TABLE_META, (int64_t[]){1}, &meta, arena));
  a->known_ms = meta.alive_ms < a->q->now_ms ? meta.alive_ms : a->q->now_ms;
  TRY(tzdb_new(a->reader->zone_folder, &a->today));
  TRY(gates_load(&a->gates, rows, INT64_MIN));
  TRY(rows_collect(rows, SCAN_SETTINGS_VERSION_ALL, &SCAN_ALL, SIZE_MAX, arena, &a->settings,
                   &a->settings_count));
  TRY(rows_collect(rows, SCAN_ZONE_ALL, &SCAN_ALL, SIZE_MAX, arena, &a->zones, &a->zone_count));
  TRY(rows_collect(rows, SCAN_CLOCK_ALL, &SCAN_ALL, SIZE_MAX, arena, &a->clocks, &a->clock_count));
  return rows_collect(rows, SCAN_SERVER_ALL, &SCAN_ALL, SIZE_MAX, arena, &a->servers, &a->server_count);
}

enum err reader_ledger_audit(struct reader *r, struct store_read *q) {
  struct audit a = {.reader = r, .q = q};
  q->differences = ARENA_ARRAY(&q->arena, struct audit_difference, DIFFERENCES_MAX);
  if (!q->differences) return arena_error(&q->arena);
  enum err e = load_history(&a);
  if (e == ERR_OK) e = audit_jobs(&a);
  for (size_t i = 0; i < a.era_count; i++) tzdb_free(a.eras[i].tzdb);
  free(a.eras);
  tzdb_free(a.today);
  gates_free(&a.gates);
  return e;
}
