/* What there is and what it costs:
 * worlds.stats → {total, running, paused, archived, favorites, scheduledForDeletion, dirty, oldestDirtyAt, mailsUnsent,
 *   database, databaseBytes, live: {mode, server, durability, worlds, usedBytes, estimateMethod, locks}}
 * worlds.pause_stats → {totalPaused, by24h, by7d, by30d, scheduledForDeletion, manual, system, vacation} (B-58)
 * worlds.impact {days?} → measured: pausedWorldHours, savedUSD (the ledger, clipped to the last `days`; default all),
 *   pauses, resumed, resumeRate, inactiveShare, zombies, zombieShare, unitPrices, and bytes (B-1, B-55, U-36)
 * worlds.cost_model {worlds?, inactiveShare?} → the price table and the projection it gives (B-53, B-54) */
#include <math.h>
#include <stdlib.h>

#include "worlds/calls.h"
#include "worlds/facts.h"
#include "worlds/sql.h"

#define DAY_MS INT64_C(86400000)
#define FIRST_INSTANT (INT64_C(-62135596800000))
#define DAYS_OF_MONTH 30
#define MONTHS_OF_YEAR 12

/* ---- counting ---- */

#define REASONS 6
struct pause_counts {
  int64_t by[REASONS], all, marked;
};

static bool add_reason(void *arg, const struct sql_row *row) {
  struct pause_counts *c = arg;
  int reason = field_enum_index(pause_reason_names, sql_row_text(row, 0));
  if (reason >= 0 && reason < REASONS) c->by[reason] += sql_row_int(row, 1);
  c->all += sql_row_int(row, 1);
  return true;
}

static bool read_int(void *arg, const struct sql_row *row) {
  *(int64_t *)arg = sql_row_int(row, 0);
  return false;
}

static enum err count_paused(struct lane *l, struct pause_counts *ret) {
  *ret = (struct pause_counts){};
  TRY(sqldb_query(l->db, SQL_STATS_PAUSED, SQL_NO_ARGS, add_reason, ret, l->detail));
  return sqldb_query(l->db, SQL_STATS_MARKED, SQL_NO_ARGS, read_int, &ret->marked, l->detail);
}

enum err world_call_pause_stats(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct pause_counts c;
  (void)q;
  TRY(count_paused(l, &c));
  r->body = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "totalPaused", (json_int_t)c.all, "by24h",
                      (json_int_t)c.by[PAUSE_INACTIVITY_24H], "by7d", (json_int_t)c.by[PAUSE_INACTIVITY_7D],
                      "by30d", (json_int_t)c.by[PAUSE_INACTIVITY_30D], "scheduledForDeletion",
                      (json_int_t)c.marked, "manual", (json_int_t)c.by[PAUSE_MANUAL], "system",
                      (json_int_t)c.by[PAUSE_SYSTEM], "vacation", (json_int_t)c.by[PAUSE_VACATION]);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

struct status_counts {
  int64_t by[3], favorites;
};

static bool add_status(void *arg, const struct sql_row *row) {
  struct status_counts *c = arg;
  int status = field_enum_index(world_status_names, sql_row_text(row, 0));
  c->by[status < 0 ? WORLD_RUNNING : status] += sql_row_int(row, 1);
  c->favorites += sql_row_int(row, 2);
  return true;
}

static enum err live_json(struct lane *l, json_t **ret, struct live_status *s) {
  TRY(live_status(l->live, s, l->detail));
  *ret = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:I}", "mode", live_mode_names[s->mode], "server",
                   s->server, "durability", s->durability, "worlds", (json_int_t)s->worlds, "usedBytes",
                   (json_int_t)s->used_bytes, "estimateMethod", s->is_measured ? "measured" : "model",
                   "locks", (json_int_t)s->locks);
  return *ret ? ERR_OK : ERR_NO_MEMORY;
}

static json_t *instant_json(int64_t at_ms) {
  return at_ms == INSTANT_NONE ? json_null() : json_string(instant_to_text(at_ms).text);
}

enum err world_call_stats(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct status_counts c = {};
  struct live_status live;
  int64_t marked = 0, mails = 0, bytes = 0;
  json_t *live_part;
  (void)q;
  TRY(sqldb_query(l->db, SQL_STATS_STATUS, SQL_NO_ARGS, add_status, &c, &r->detail));
  TRY(sqldb_query(l->db, SQL_STATS_MARKED, SQL_NO_ARGS, read_int, &marked, &r->detail));
  TRY(sqldb_query(l->db, SQL_STATS_MAILS, SQL_NO_ARGS, read_int, &mails, &r->detail));
  TRY(sqldb_live_bytes(l->db, &bytes, &r->detail));
  TRY(live_json(l, &live_part, &live));
  r->body = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:s, s:I, s:o}", "total",
                      (json_int_t)(c.by[0] + c.by[1] + c.by[2]), "running", (json_int_t)c.by[WORLD_RUNNING],
                      "paused", (json_int_t)c.by[WORLD_PAUSED], "archived", (json_int_t)c.by[WORLD_ARCHIVED],
                      "favorites", (json_int_t)c.favorites, "scheduledForDeletion", (json_int_t)marked,
                      "dirty", (json_int_t)live.dirty_worlds, "oldestDirtyAt",
                      instant_json(live.oldest_dirty_ms), "mailsUnsent", (json_int_t)mails, "database",
                      sqldb_kind(l->db) == SQLDB_SQLITE ? "sqlite" : "postgres", "databaseBytes",
                      (json_int_t)bytes, "live", live_part);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- prices ---- */

static double usd(int64_t micro) { return (double)micro / 1e6; }

static json_t *prices_json(const struct world_settings *s) {
  return json_pack("{s:I, s:f, s:I, s:f, s:I}", "eventsPerDay", (json_int_t)s->events_per_day, "eventCostUSD",
                   (double)s->event_cost / 1000, "directorPerDay", (json_int_t)s->director_per_day,
                   "directorCostUSD", (double)s->director_cost / 1000, "redisMBPerWorld",
                   (json_int_t)s->redis_mb);
}

/* A number, also as the text of a query. */
static enum err number_arg(const json_t *args, const char *key, double otherwise, double max, double *ret,
                           struct err_detail *detail) {
  const json_t *v = json_object_get(args, key);
  char *end = NULL;
  *ret = otherwise;
  if (!v || json_is_null(v)) return ERR_OK;
  if (json_is_number(v)) *ret = json_number_value(v);
  else if (json_is_string(v)) *ret = strtod(json_string_value(v), &end);
  bool is_number = json_is_number(v) || (json_is_string(v) && end != json_string_value(v) && *end == '\0');
  if (!is_number || !isfinite(*ret) || *ret < 0 || *ret > max)
    return err_set(detail, ERR_INVALID, key, 0, "has to be a number from 0 to %.0f", max);
  return ERR_OK;
}

enum err world_call_cost_model(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_settings s = worlds_settings(l, q->now_ms);
  double worlds, share;
  TRY(number_arg(q->args, "worlds", 1000, 1e9, &worlds, &r->detail));
  TRY(number_arg(q->args, "inactiveShare", 0.5, 1, &share, &r->detail));
  int64_t daily = world_daily_micro_usd(&s);
  double idle = floor(worlds * share + 0.5), month = usd(daily * DAYS_OF_MONTH);
  json_t *projection =
      json_pack("{s:f, s:f, s:f, s:f, s:f, s:s}", "worlds", worlds, "inactiveShare", share, "pausedWorlds",
                idle, "monthlyUSD", idle * month, "yearlyUSD", idle * month * MONTHS_OF_YEAR, "note",
                "a projection: the inactive share is an input; see worlds/impact for what was measured");
  r->body =
      json_pack("{s:o, s:f, s:f, s:i, s:o}", "unitPrices", prices_json(&s), "perWorldDayUSD", usd(daily),
                "perWorldMonthUSD", month, "daysPerMonth", DAYS_OF_MONTH, "projection", projection);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- impact ---- */

struct ledger_sums {
  int64_t pauses, resumed;
  double hours, usd;
};

static bool read_ledger(void *arg, const struct sql_row *row) {
  *(struct ledger_sums *)arg = (struct ledger_sums){sql_row_int(row, 0), sql_row_int(row, 1),
                                                    sql_row_real(row, 2), sql_row_real(row, 3)};
  return false;
}

struct archive_sums {
  int64_t raw, stored, count;
};

static bool read_archive(void *arg, const struct sql_row *row) {
  *(struct archive_sums *)arg =
      (struct archive_sums){sql_row_int(row, 0), sql_row_int(row, 1), sql_row_int(row, 2)};
  return false;
}

static double share_of(int64_t part, int64_t whole) { return whole > 0 ? (double)part / (double)whole : 0; }

static enum err storage_json(struct lane *l, json_t **ret) {
  struct archive_sums archive = {};
  struct live_status live;
  int64_t hot = 0;
  TRY(sqldb_query(l->db, SQL_STATS_ARCHIVE, SQL_NO_ARGS, read_archive, &archive, l->detail));
  TRY(sqldb_live_bytes(l->db, &hot, l->detail));
  TRY(live_status(l->live, &live, l->detail));
  *ret = json_pack("{s:I, s:s, s:I, s:I, s:I, s:I, s:I}", "liveBytes", (json_int_t)live.used_bytes,
                   "liveMethod", live.is_measured ? "measured" : "model", "hotBytes", (json_int_t)hot,
                   "archiveStoredBytes", (json_int_t)archive.stored, "archiveRawBytes",
                   (json_int_t)archive.raw, "archivedInteractions", (json_int_t)archive.count, "totalBytes",
                   (json_int_t)(hot + archive.stored));
  return *ret ? ERR_OK : ERR_NO_MEMORY;
}

enum err world_call_impact(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct world_settings s = worlds_settings(l, q->now_ms);
  struct status_counts c = {};
  struct ledger_sums ledger = {};
  double days;
  json_t *storage;
  int64_t idle = 0;
  TRY(number_arg(q->args, "days", 0, 36500, &days, &r->detail));
  int64_t from = days > 0 ? q->now_ms - (int64_t)(days * (double)DAY_MS) : FIRST_INSTANT;
  TRY(sqldb_query(l->db, SQL_STATS_STATUS, SQL_NO_ARGS, add_status, &c, &r->detail));
  TRY(sqldb_query(l->db, SQL_STATS_ZOMBIES, SQL_ARGS(SQL_VALUE_INSTANT(q->now_ms - DAY_MS)), read_int, &idle,
                  &r->detail));
  TRY(sqldb_query(l->db, SQL_STATS_LEDGER, SQL_ARGS(SQL_VALUE_INSTANT(from), SQL_VALUE_INSTANT(q->now_ms)),
                  read_ledger, &ledger, &r->detail));
  TRY(storage_json(l, &storage));
  int64_t paused = c.by[WORLD_PAUSED] + c.by[WORLD_ARCHIVED], total = paused + c.by[WORLD_RUNNING];
  r->body = json_pack("{s:I, s:I, s:f, s:I, s:f, s:f, s:f, s:I, s:I, s:f, s:o, s:f, s:o, s:s}", "worlds",
                      (json_int_t)total, "pausedWorlds", (json_int_t)paused, "inactiveShare",
                      share_of(paused + idle, total), "zombies", (json_int_t)idle, "zombieShare",
                      share_of(idle, total), "pausedWorldHours", ledger.hours, "savedUSD", ledger.usd,
                      "pauses", (json_int_t)ledger.pauses, "resumed", (json_int_t)ledger.resumed,
                      "resumeRate", share_of(ledger.resumed, ledger.pauses), "unitPrices", prices_json(&s),
                      "perWorldDayUSD", usd(world_daily_micro_usd(&s)), "storage", storage, "method",
                      "savedUSD is the sum over real pauses of their length times the price of a running day "
                      "when they began");
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}
