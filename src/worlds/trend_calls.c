/* What became of the worlds, day by day (B-66):
 * worlds.trend {days?} → {timezone, pauses, resumed, resumeRate, savedUSD, data: [{day, from, paused, resumed, archived, marked,
 *   deleted, pausedWorlds, savedUSD, reasons: {REASON: pauses}}]}, the oldest day first, the last one today as far as it
 *   has gone. Days are those of the jobs' zone, 23 and 25 hours long where clocks change. Pauses, resumes and savings are
 *   the ledger's; the steps of the ladder are the lifeline's, the deletions the tombstones'. */
#include "worlds/calls.h"
#include "worlds/facts.h"
#include "worlds/sql.h"
#include "worlds/world_day.h"

#define DAY_MS INT64_C(86400000)
#define DAYS_MAX 366
#define DAYS_DEFAULT 30
#define REASONS 6

struct trend_day {
  int64_t paused, resumed, archived, marked, deleted, paused_worlds;
  int64_t by[REASONS];
  double usd;
};
struct trend {
  int64_t count, now_ms;
  int64_t from_ms[DAYS_MAX + 1]; /* local midnights; the one after the last day, too */
  struct trend_day day[DAYS_MAX];
  int64_t pauses, resumed; /* begun in these days; of them, ended by somebody who came back */
};

/* The day of an instant, or -1. */
static int64_t day_of(const struct trend *t, int64_t at_ms) {
  if (at_ms < t->from_ms[0] || at_ms >= t->from_ms[t->count]) return -1;
  int64_t low = 0, high = t->count;
  while (high - low > 1) {
    int64_t middle = (low + high) / 2;
    if (t->from_ms[middle] <= at_ms) low = middle;
    else high = middle;
  }
  return low;
}

/* Spreads a pause of [from, until) over the days it touches: savings, and who is paused when a day ends. */
static void spread(struct trend *t, int64_t from_ms, int64_t until_ms, double daily_usd, int64_t worlds) {
  int64_t first = from_ms <= t->from_ms[0] ? 0 : day_of(t, from_ms);
  for (int64_t i = first; i >= 0 && i < t->count && t->from_ms[i] < until_ms; i++) {
    int64_t end_ms = t->from_ms[i + 1] < t->now_ms ? t->from_ms[i + 1] : t->now_ms;
    int64_t a = from_ms > t->from_ms[i] ? from_ms : t->from_ms[i], b = until_ms < end_ms ? until_ms : end_ms;
    if (b > a) t->day[i].usd += (double)(b - a) / (double)DAY_MS * daily_usd;
    if (until_ms > end_ms || (until_ms == end_ms && end_ms == t->now_ms)) t->day[i].paused_worlds += worlds;
  }
}

/* worldId, startedAt, endedAt, reason, dailyMicroUSD; worldId is empty once the world is erased, which is no coming back */
static bool add_pause(void *arg, const struct sql_row *row) {
  struct trend *t = arg;
  int64_t started = sql_row_instant(row, 1), ended = sql_row_instant(row, 2);
  int64_t first = day_of(t, started), last = ended == INSTANT_NONE ? -1 : day_of(t, ended);
  int reason = field_enum_index(pause_reason_names, sql_row_text(row, 3));
  bool is_resumed = ended != INSTANT_NONE && sql_row_text(row, 0).len > 0;
  if (first >= 0) {
    t->day[first].paused++;
    t->pauses++;
    if (is_resumed) t->resumed++;
    if (reason >= 0 && reason < REASONS) t->day[first].by[reason]++;
  }
  if (last >= 0 && is_resumed) t->day[last].resumed++;
  spread(t, started, ended == INSTANT_NONE ? t->now_ms : ended, (double)sql_row_int(row, 4) / 1e6, 1);
  return true;
}

/* Those that were paused all along: how many, and what they would have cost a day. */
static bool add_sleepers(void *arg, const struct sql_row *row) {
  struct trend *t = arg;
  spread(t, t->from_ms[0], t->now_ms, (double)sql_row_int(row, 1) / 1e6, sql_row_int(row, 0));
  return false;
}

static bool add_step(void *arg, const struct sql_row *row) {
  struct trend *t = arg;
  int64_t day = day_of(t, sql_row_instant(row, 0));
  bool is_mark = str_eq(sql_row_text(row, 1), STR("marked"));
  if (day < 0) return true;
  if (is_mark) t->day[day].marked++;
  else t->day[day].archived++;
  return true;
}

static bool add_deletion(void *arg, const struct sql_row *row) {
  struct trend *t = arg;
  int64_t day = day_of(t, sql_row_instant(row, 0));
  if (day >= 0) t->day[day].deleted++;
  return true;
}

static enum err read_trend(struct lane *l, struct trend *t) {
  struct sql_value from = SQL_VALUE_INSTANT(t->from_ms[0]), now = SQL_VALUE_INSTANT(t->now_ms);
  TRY(sqldb_query(l->db, SQL_TREND_PAUSES, SQL_ARGS(from, now), add_pause, t, l->detail));
  TRY(sqldb_query(l->db, SQL_TREND_SLEEPERS, SQL_ARGS(from), add_sleepers, t, l->detail));
  TRY(sqldb_query(l->db, SQL_TREND_STEPS, SQL_ARGS(from, now), add_step, t, l->detail));
  return sqldb_query(l->db, SQL_TREND_DELETIONS, SQL_ARGS(from, now), add_deletion, t, l->detail);
}

static json_t *day_json(const struct trend *t, int64_t i, int64_t day) {
  const struct trend_day *d = &t->day[i];
  json_t *reasons = json_object();
  for (int n = 0; n < REASONS; n++)
    if (d->by[n]) json_object_set_new(reasons, pause_reason_names[n], json_integer((json_int_t)d->by[n]));
  struct instant_text name = instant_to_text(day * DAY_MS);
  return json_pack("{s:s#, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o}", "day", name.text, 10, "from",
                   instant_to_text(t->from_ms[i]).text, "paused", (json_int_t)d->paused, "resumed",
                   (json_int_t)d->resumed, "archived", (json_int_t)d->archived, "marked",
                   (json_int_t)d->marked, "deleted", (json_int_t)d->deleted, "pausedWorlds",
                   (json_int_t)d->paused_worlds, "savedUSD", d->usd, "reasons", reasons);
}

static enum err days_arg(const json_t *args, int64_t *ret, struct err_detail *detail) {
  *ret = json_int_at(args, "days", DAYS_DEFAULT);
  if (*ret >= 1 && *ret <= DAYS_MAX) return ERR_OK;
  return err_set(detail, ERR_INVALID, "days", 0, "has to be 1 to %d", DAYS_MAX);
}

enum err world_call_trend(struct lane *l, const struct world_request *q, struct world_reply *r) {
  const char *zone = worlds_config(l->worlds)->timezone;
  struct trend *t = ARENA_NEW(&l->arena, struct trend);
  int64_t count;
  double usd = 0;
  TRY(days_arg(q->args, &count, &r->detail));
  if (!t) return ERR_NO_MEMORY;
  *t = (struct trend){.count = count, .now_ms = q->now_ms};
  int64_t first = world_day(zone, q->now_ms) - count + 1;
  world_day_begins(zone, first, count + 1, t->from_ms);
  TRY(read_trend(l, t));
  json_t *data = json_array();
  for (int64_t i = 0; i < count; i++) {
    usd += t->day[i].usd;
    json_array_append_new(data, day_json(t, i, first + i));
  }
  r->body =
      json_pack("{s:s, s:I, s:I, s:f, s:f, s:o}", "timezone", zone && *zone ? zone : "UTC", "pauses",
                (json_int_t)t->pauses, "resumed", (json_int_t)t->resumed, "resumeRate",
                t->pauses ? (double)t->resumed / (double)t->pauses : 0.0, "savedUSD", usd, "data", data);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}
