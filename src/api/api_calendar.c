/* The calendar (heat of what ran and what is planned, by hours or days of a zone), and the series of the charts (C-75). */
#include <stdio.h>

#include "api/api_round.h"
#include "time/schedule.h"

#define DAY_MS 86400000LL
#define DAYS_MAX 42
#define FINE_DAYS 9     /* up to here the look ahead is by minutes, and quiet stretches are told */
#define QUIET_BUCKETS 4 /* twenty minutes are a quiet stretch */
#define QUIET_OF_DAY 3
#define STATS_DAYS_MAX 400

struct calendar_query {
  int64_t from_ms, to_ms, step;
  const char *zone;
};
static const char *const step_names[] = {"hour", "day", NULL};
SHAPE_OF(calendar_query, "CalendarQuery", sizeof(struct calendar_query),
         IN(struct calendar_query, from_ms, "from", INSTANT, FIELD_NULLABLE, 0, 0, FIELD_NULL,
            "any instant of the first day; default today"),
         IN(struct calendar_query, to_ms, "to", INSTANT, FIELD_NULLABLE, 0, 0, FIELD_NULL,
            "any instant of the last day; default the first"),
         IN(struct calendar_query, zone, "zone", TEXT, FIELD_NULLABLE, 1, 100, FIELD_NULL,
            "whose days and hours; default settings.timezone"),
         IN_ENUM(struct calendar_query, step, "step", 0, 0, step_names, "what a cell is"));
SHAPE_OF(calendar_quiet, "CalendarQuiet", 0, OUT("from", INT, 0, "ms since 1970"), OUT("to", INT, 0, ""),
         OUT("runs", INT, 0, "starts in the busiest five minutes of it"));
static const struct shape_part calendar_day_parts[] = {{"cells", NULL, PART_LIST},
                                                       {"quiet", &calendar_quiet_shape, PART_LIST}};
SHAPE_PARTS(calendar_day, "CalendarDay", NULL, calendar_day_parts,
            OUT("date", TEXT, 0, "2026-03-29, in the zone"), OUT("from", INT, 0, "ms since 1970"),
            OUT("to", INT, 0, ""), OUT("minutes", INT, 0, "1440; more or less when the clock changes"));
static const struct shape_part calendar_answer_parts[] = {{"days", &calendar_day_shape, PART_LIST}};
SHAPE_PARTS(calendar_answer, "Calendar", NULL, calendar_answer_parts, OUT("at", INSTANT, 0, ""),
            OUT("zone", TEXT, 0, ""), OUT_ENUM("step", 0, step_names, ""),
            OUT("maxConcurrentJobs", INT, 0, ""), OUT("countedAt", INSTANT, 0, "see RoundLoad"),
            OUT("isEstimated", BOOL, 0, "see RoundLoad"),
            OUT("cellFields", TEXT, 0, "what the numbers of a cell are; it ends where the next begins"));
#define CELL_FIELDS "from,runs,failed,busyMs,planned,plannedBusyMs,peak"

struct calendar_state {
  const struct tz *zone;
  int64_t now_ms, from_ms, to_ms; /* whole days */
  int64_t day_ms[DAYS_MAX + 2];   /* beginnings, and the end of the last */
  size_t days;
  bool is_by_hour;
  struct api_ahead *held;
};

static int64_t floor_s(int64_t ms) { return ms / 1000 - (ms % 1000 < 0); }

/* Local days, counted from 1970. */
static int64_t local_day(const struct tz *zone, int64_t ms) {
  int64_t local_s = floor_s(ms) + tz_offset_s(zone, floor_s(ms), NULL, NULL);
  return local_s >= 0 ? local_s / 86400 : (local_s + 1) / 86400 - 1;
}

static int64_t day_start_ms(const struct tz *zone, int64_t day) {
  return tz_from_local(zone, day * 86400, NULL) * 1000;
}

static void write_date(struct json_writer *w, const char *key, int64_t day) {
  int64_t year;
  int month, dom;
  char text[48];
  civil_from_days(day, &year, &month, &dom);
  (void)snprintf(text, sizeof text, "%04lld-%02d-%02d", (long long)year, month, dom);
  jw_ktext(w, key, text);
}

/* ---- calendar ---- */

struct cell {
  int64_t runs, failed, busy_ms, planned, planned_busy_ms, peak;
};

static void add_past(struct cell *c, const struct calendar_state *s, const struct load_sum *load,
                     int64_t from_ms, int64_t to_ms) {
  for (int64_t at = from_ms; at < to_ms; at += LOAD_BUCKET_MS) {
    const struct load_sum *l = &load[(at - s->from_ms) / LOAD_BUCKET_MS];
    c->runs += l->runs;
    c->failed += l->failed;
    c->busy_ms += l->busy_ms;
  }
}

static const struct ahead_bucket *bucket_at(const struct ahead *a, int64_t at_ms) {
  int64_t i = (at_ms - a->origin_ms) / LOAD_BUCKET_MS;
  return at_ms >= a->origin_ms && i < (int64_t)a->bucket_count ? &a->buckets[i] : NULL;
}

static void add_ahead(struct cell *c, const struct ahead *a, int64_t from_ms, int64_t to_ms) {
  for (int64_t at = from_ms; at < to_ms; at += LOAD_BUCKET_MS) {
    const struct ahead_bucket *b = bucket_at(a, at);
    if (!b) continue;
    c->planned += b->runs;
    c->planned_busy_ms += b->busy_ms;
    if (b->peak > c->peak) c->peak = b->peak;
  }
}

static void write_cell(struct json_writer *w, int64_t from_ms, const struct cell *c) {
  jw_array(w);
  jw_int(w, from_ms);
  jw_int(w, c->runs);
  jw_int(w, c->failed);
  jw_int(w, c->busy_ms);
  jw_int(w, c->planned);
  jw_int(w, c->planned_busy_ms);
  jw_int(w, c->peak);
  jw_array_end(w);
}

/* The end of an hour by the zone's clock: when it next reads a full hour, or is put forward or back. */
static int64_t hour_end_ms(const struct tz *zone, int64_t at_ms) {
  int64_t at_s = floor_s(at_ms), change_s;
  int offset_s = tz_offset_s(zone, at_s, NULL, NULL);
  int64_t past_s = (at_s + offset_s) % 3600;
  int64_t end_s = at_s + 3600 - (past_s < 0 ? past_s + 3600 : past_s);
  bool is_cut = tz_next_transition(zone, at_s, &change_s) && change_s < end_s &&
                tz_offset_s(zone, change_s, NULL, NULL) != offset_s;
  return (is_cut ? change_s : end_s) * 1000;
}

static int64_t cell_end_ms(const struct calendar_state *s, int64_t at_ms, int64_t to_ms) {
  if (!s->is_by_hour) return to_ms;
  int64_t buckets = (hour_end_ms(s->zone, at_ms) - s->from_ms + LOAD_BUCKET_MS - 1) / LOAD_BUCKET_MS;
  int64_t end_ms = s->from_ms + buckets * LOAD_BUCKET_MS; /* a bucket counts in one cell only */
  return end_ms < to_ms ? end_ms : to_ms;
}

/* Cells are hours of the zone's clock, so most days have 24, some 23 or 25 of them, and shorter ones where the clock
 * changes by half an hour. */
static void write_cells(struct json_writer *w, const struct calendar_state *s, const struct load_sum *load,
                        int64_t from_ms, int64_t to_ms) {
  jw_key(w, "cells");
  jw_array(w);
  for (int64_t at = from_ms, end; at < to_ms; at = end) {
    struct cell cell = {};
    end = cell_end_ms(s, at, to_ms);
    ASSERT(end > at);
    add_past(&cell, s, load, at, end);
    add_ahead(&cell, api_ahead_of(s->held), at, end);
    write_cell(w, at, &cell);
  }
  jw_array_end(w);
}

static int64_t starts_at(const struct calendar_state *s, const struct load_sum *load, int64_t at_ms) {
  const struct ahead_bucket *b = bucket_at(api_ahead_of(s->held), at_ms);
  const struct load_sum *l = &load[(at_ms - s->from_ms) / LOAD_BUCKET_MS];
  int64_t going_on = l->busy_ms >= LOAD_BUCKET_MS / 2 || (b && b->busy_ms >= LOAD_BUCKET_MS / 2);
  return l->runs + (b ? b->runs : 0) + going_on;
}

struct stretch {
  int64_t from_ms, to_ms, runs;
};

static void keep_longest(struct stretch kept[QUIET_OF_DAY], struct stretch s) {
  if (s.to_ms - s.from_ms < QUIET_BUCKETS * LOAD_BUCKET_MS) return;
  for (int i = 0; i < QUIET_OF_DAY; i++) {
    if (kept[i].to_ms - kept[i].from_ms >= s.to_ms - s.from_ms) continue;
    struct stretch out = kept[i];
    kept[i] = s;
    s = out;
  }
}

/* Where as few runs start as ever on that day, for a while: the place for something new. */
static void find_quiet(const struct calendar_state *s, const struct load_sum *load, int64_t from_ms,
                       int64_t to_ms, struct stretch kept[QUIET_OF_DAY]) {
  int64_t least = INT64_MAX, most = 0;
  for (int64_t at = from_ms; at < to_ms; at += LOAD_BUCKET_MS) {
    int64_t runs = starts_at(s, load, at);
    if (runs < least) least = runs;
    if (runs > most) most = runs;
  }
  if (most == least) return; /* all alike: nothing to tell */
  struct stretch now = {from_ms, from_ms, least};
  for (int64_t at = from_ms; at < to_ms; at += LOAD_BUCKET_MS) {
    if (starts_at(s, load, at) > least) {
      keep_longest(kept, now);
      now.from_ms = at + LOAD_BUCKET_MS;
    }
    now.to_ms = at + LOAD_BUCKET_MS;
  }
  keep_longest(kept, now);
}

static void write_quiet(struct json_writer *w, const struct calendar_state *s, const struct load_sum *load,
                        int64_t from_ms, int64_t to_ms) {
  struct stretch kept[QUIET_OF_DAY] = {};
  if (from_ms < s->now_ms && s->now_ms < to_ms) from_ms = load_bucket(s->now_ms); /* of today what is left */
  if (s->days <= FINE_DAYS) find_quiet(s, load, from_ms, to_ms, kept);
  jw_key(w, "quiet");
  jw_array(w);
  for (int i = 0; i < QUIET_OF_DAY && kept[i].to_ms > kept[i].from_ms; i++) {
    jw_object(w);
    jw_kint(w, "from", kept[i].from_ms);
    jw_kint(w, "to", kept[i].to_ms);
    jw_kint(w, "runs", kept[i].runs);
    jw_object_end(w);
  }
  jw_array_end(w);
}

static void on_calendar_load(struct call *c, struct store_read *read) {
  struct calendar_state *s = c->state;
  if (read->error != ERR_OK) {
    api_ahead_unref(s->held);
    c->detail = read->detail;
    return call_fail(c, read->error);
  }
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kinstant(w, "at", s->now_ms);
  jw_kstr(w, "zone", tz_name(s->zone).len ? tz_name(s->zone) : STR("UTC"));
  jw_ktext(w, "step", step_names[!s->is_by_hour]);
  jw_kint(w, "maxConcurrentJobs", engine_settings(c->api->engine)->max_concurrent);
  jw_kinstant(w, "countedAt", api_ahead_made_ms(s->held));
  jw_kbool(w, "isEstimated", api_ahead_of(s->held)->is_estimated);
  jw_ktext(w, "cellFields", CELL_FIELDS);
  jw_key(w, "days");
  jw_array(w);
  for (size_t i = 0; i < s->days; i++) {
    int64_t from_ms = s->day_ms[i], to_ms = s->day_ms[i + 1];
    jw_object(w);
    write_date(w, "date", local_day(s->zone, from_ms));
    jw_kint(w, "from", from_ms);
    jw_kint(w, "to", to_ms);
    jw_kint(w, "minutes", (to_ms - from_ms) / 60000);
    write_cells(w, s, read->load, from_ms, to_ms);
    write_quiet(w, s, read->load, from_ms, to_ms);
    jw_object_end(w);
  }
  jw_array_end(w);
  jw_object_end(w);
  api_ahead_unref(s->held);
  call_end(c, 200);
}

static void on_calendar_ahead(struct call *c, struct api_ahead *held) {
  struct calendar_state *s = c->state;
  struct store_read *r = store_read_new(READ_LOAD, s->now_ms);
  size_t count = (size_t)((s->to_ms - s->from_ms + LOAD_BUCKET_MS - 1) / LOAD_BUCKET_MS) + 1;
  int64_t *bounds = r ? ARENA_ARRAY(&r->arena, int64_t, count) : NULL;
  s->held = held;
  if (!bounds) {
    store_read_free(r);
    api_ahead_unref(held);
    return call_fail(c, ERR_NO_MEMORY);
  }
  for (size_t i = 0; i < count; i++) bounds[i] = s->from_ms + (int64_t)i * LOAD_BUCKET_MS;
  r->bounds = bounds;
  r->bound_count = count;
  call_read_any(c, r, on_calendar_load);
}

void calendar_get(struct call *c) {
  const struct calendar_query *q = CALL_INPUT(c, struct calendar_query);
  struct calendar_state *s = ARENA_NEW(&c->req->arena, struct calendar_state);
  const char *zone = q->zone ? q->zone : engine_settings(c->api->engine)->timezone;
  if (!s) return call_fail(c, ERR_NO_MEMORY);
  enum err e = tz_find(engine_tzdb(c->api->engine), str_of(zone), &s->zone, &c->detail);
  if (e != ERR_OK) return call_fail(c, e);
  s->now_ms = call_now_ms(c);
  s->is_by_hour = q->step == 0;
  int64_t first_ms = q->from_ms == FIELD_NULL ? s->now_ms : q->from_ms;
  int64_t first = local_day(s->zone, first_ms);
  int64_t last = q->to_ms == FIELD_NULL ? first : local_day(s->zone, q->to_ms);
  if (last < first || last - first >= DAYS_MAX)
    return call_refuse(c, ERR_INVALID, "to", "to must not be before from, and at most %d days", DAYS_MAX);
  s->days = (size_t)(last - first + 1);
  for (size_t i = 0; i <= s->days; i++) s->day_ms[i] = day_start_ms(s->zone, first + (int64_t)i);
  s->from_ms = s->day_ms[0];
  s->to_ms = s->day_ms[s->days];
  c->state = s;
  api_ahead_get(c, s->from_ms, s->to_ms, on_calendar_ahead);
}

/* ---- series ---- */

struct stats_query {
  int64_t days;
  const char *zone, *job;
};
SHAPE_OF(stats_query, "StatsQuery", sizeof(struct stats_query),
         IN(struct stats_query, days, "days", INT, 0, 1, STATS_DAYS_MAX, 30, "today and the days before it"),
         IN(struct stats_query, zone, "zone", TEXT, FIELD_NULLABLE, 1, 100, FIELD_NULL,
            "whose days; default settings.timezone"),
         IN(struct stats_query, job, "job", TEXT, FIELD_NULLABLE, 1, LIMIT_NAME_BYTES, FIELD_NULL,
            "id or name; default all jobs together"));
SHAPE_OF(stats_day, "StatsDay", 0, OUT("date", TEXT, 0, "in the zone"), OUT("from", INT, 0, "ms since 1970"),
         OUT("minutes", INT, 0, "of the day"), OUT("runs", INT, 0, "that ended by themselves"),
         OUT("failed", INT, 0, ""), OUT("skipped", INT, FIELD_NULLABLE, "of one job"),
         OUT("missed", INT, FIELD_NULLABLE, "of one job"), OUT("busyMs", INT, FIELD_NULLABLE, "of all jobs"),
         OUT("p50Ms", INT, FIELD_NULLABLE, "of durations, within 6 percent"),
         OUT("p95Ms", INT, FIELD_NULLABLE, ""), OUT("lagP99Ms", INT, FIELD_NULLABLE, "of starts"));
static const struct shape_part stats_answer_parts[] = {{"days", &stats_day_shape, PART_LIST}};
SHAPE_PARTS(stats_answer, "Stats", NULL, stats_answer_parts, OUT("at", INSTANT, 0, ""),
            OUT("zone", TEXT, 0, ""), OUT("jobId", TEXT, FIELD_NULLABLE, ""),
            OUT("jobName", TEXT, FIELD_NULLABLE, ""));

struct stats_state {
  const struct tz *zone;
  const char *job_id, *job_name;
};

static void number_or_null(struct json_writer *w, const char *key, int64_t value) {
  jw_key(w, key);
  if (value == FIELD_NULL) jw_null(w);
  else jw_int(w, value);
}

static void write_stats_day(struct json_writer *w, const struct store_read *read, size_t i) {
  const struct load_sum *l = read->load ? &read->load[i] : NULL;
  const struct day_sum *d = read->days ? &read->days[i] : NULL;
  jw_kint(w, "from", read->bounds[i]);
  jw_kint(w, "minutes", (read->bounds[i + 1] - read->bounds[i]) / 60000);
  jw_kint(w, "runs", d ? d->runs : l->runs);
  jw_kint(w, "failed", d ? d->failed : l->failed);
  number_or_null(w, "skipped", d ? d->skipped : FIELD_NULL);
  number_or_null(w, "missed", d ? d->missed : FIELD_NULL);
  number_or_null(w, "busyMs", d ? FIELD_NULL : l->busy_ms);
  number_or_null(w, "p50Ms", d ? d->p50_ms : l->p50_ms);
  number_or_null(w, "p95Ms", d ? d->p95_ms : l->p95_ms);
  number_or_null(w, "lagP99Ms", d ? d->lag_p99_ms : l->lag_p99_ms);
}

static void on_stats(struct call *c, struct store_read *read) {
  const struct stats_state *s = c->state;
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kinstant(w, "at", call_now_ms(c));
  jw_kstr(w, "zone", tz_name(s->zone).len ? tz_name(s->zone) : STR("UTC"));
  jw_ktext(w, "jobId", s->job_id);
  jw_ktext(w, "jobName", s->job_name);
  jw_key(w, "days");
  jw_array(w);
  for (size_t i = 0; i < read->count; i++) {
    jw_object(w);
    write_date(w, "date", local_day(s->zone, read->bounds[i]));
    write_stats_day(w, read, i);
    jw_object_end(w);
  }
  jw_array_end(w);
  jw_object_end(w);
  call_end(c, 200);
}

static void read_stats(struct call *c, int64_t job_no) {
  const struct stats_state *s = c->state;
  size_t days = (size_t)CALL_INPUT(c, struct stats_query)->days;
  struct store_read *r = call_new_read(c, job_no ? READ_DAYS : READ_LOAD);
  if (!r) return;
  int64_t *bounds = ARENA_ARRAY(&r->arena, int64_t, days + 1);
  int64_t last = local_day(s->zone, call_now_ms(c)) + 1;
  if (!bounds) {
    store_read_free(r);
    return call_fail(c, ERR_NO_MEMORY);
  }
  for (size_t i = 0; i <= days; i++) bounds[i] = day_start_ms(s->zone, last - (int64_t)(days - i));
  r->no = job_no;
  r->bounds = bounds;
  r->bound_count = days + 1;
  call_read(c, r, on_stats);
}

static enum err find_zone(struct call *c) {
  const struct stats_query *q = CALL_INPUT(c, struct stats_query);
  const char *zone = q->zone ? q->zone : engine_settings(c->api->engine)->timezone;
  struct stats_state *s = ARENA_NEW(&c->req->arena, struct stats_state);
  c->state = s;
  return s ? tz_find(engine_tzdb(c->api->engine), str_of(zone), &s->zone, &c->detail) : ERR_NO_MEMORY;
}

static void on_stats_job(struct call *c, struct store_read *read) {
  const struct job *job = read->error == ERR_OK && read->count ? read->jobs[0].job : NULL;
  enum err e = read->error != ERR_OK ? read->error : call_check_job(c, job, false);
  if (e != ERR_OK) {
    if (read->error != ERR_OK) c->detail = read->detail;
    return call_fail(c, e);
  }
  e = find_zone(c); /* call_read_job has used the call's state */
  if (e != ERR_OK) return call_fail(c, e);
  struct stats_state *s = c->state;
  s->job_id = arena_strdup(&c->req->arena, str_of(job->id));
  s->job_name = arena_strdup(&c->req->arena, str_of(job->name));
  read_stats(c, job->no);
}

void stats_get(struct call *c) {
  const struct stats_query *q = CALL_INPUT(c, struct stats_query);
  enum err e = find_zone(c);
  if (e != ERR_OK) return call_fail(c, e);
  if (q->job) call_read_job(c, str_of(q->job), on_stats_job);
  else read_stats(c, 0);
}
