#include "sim/sim_preset.h"

#include "sim/sim_stage.h"

#define WORLDS 1000
#define INACTIVE 500
#define PAUSE_HOURS 6
#define HOUR_MS INT64_C(3600000)
#define DAY_HOURS 24
#define USD_PER_WORLD_DAY 0.08

static enum err make_worlds(struct sim_stage *s, struct err_detail *detail) {
  char id[SIM_ID_BYTES];
  for (size_t i = 0; i < WORLDS; i++) {
    sim_id(i, id);
    TRY(sim_ask(s, "world.create", NULL, false, json_pack("{s:s, s:s}", "id", id, "ownerId", id), NULL,
                detail));
  }
  return ERR_OK;
}

/* Active owners come once a day, spread over its hours. */
static enum err meet_users(struct sim_stage *s, int hour, struct err_detail *detail) {
  char id[SIM_ID_BYTES];
  for (size_t i = INACTIVE; i < WORLDS; i++) {
    if ((hour + (int)i) % DAY_HOURS != 0) continue;
    sim_id(i, id);
    TRY(sim_ask(s, "world.message", id, true, json_pack("{s:s}", "text", "hola"), NULL, detail));
  }
  return ERR_OK;
}

static enum err play(struct sim_stage *s, int days, struct err_detail *detail) {
  TRY(make_worlds(s, detail));
  for (int hour = 1; hour <= days * DAY_HOURS; hour++) {
    json_t *result = NULL;
    s->now_ms = SIM_START_MS + hour * HOUR_MS;
    TRY(meet_users(s, hour, detail));
    (void)sim_job_run(s, SIM_SYNC, false, &result);
    json_decref(result);
    if (hour % PAUSE_HOURS != 0) continue;
    if (sim_job_run(s, SIM_AUTO_PAUSE, false, &result) != 0)
      return json_decref(result), err_set(detail, ERR_INTERNAL, "auto-pause", 0, "the job failed");
    json_decref(result);
  }
  return ERR_OK;
}

/* Hours inside the pauses, and how many worlds were paused: from "WorldPause". */
struct paused {
  int64_t now_ms;
  double hours;
  int64_t intervals;
};

static bool add_interval(void *arg, const struct sql_row *row) {
  struct paused *p = arg;
  int64_t from = 0, until = p->now_ms;
  if (!instant_from_text(sql_row_text(row, 0), &from)) return true;
  if (!sql_row_is_null(row, 1)) (void)instant_from_text(sql_row_text(row, 1), &until);
  p->hours += (double)(until - from) / (double)HOUR_MS;
  p->intervals++;
  return true;
}

enum err sim_preset_run(int days, json_t **ret, struct err_detail *detail) {
  struct sim_stage s;
  struct paused p = {};
  enum err e = sim_stage_open(&s, 1, 1, detail);
  if (e == ERR_OK) e = play(&s, days, detail);
  p.now_ms = s.now_ms;
  if (e == ERR_OK)
    e = sqldb_query_text(s.db, "SELECT \"startedAt\",\"endedAt\" FROM \"WorldPause\"", add_interval, &p,
                         detail);
  sim_stage_close(&s);
  if (e != ERR_OK) return e;
  double full = (double)INACTIVE * days * USD_PER_WORLD_DAY, saved = p.hours / DAY_HOURS * USD_PER_WORLD_DAY;
  double lost = (full - saved) / full * 100;
  *ret = json_pack("{s:i, s:i, s:f, s:i, s:I, s:f, s:f, s:f, s:f, s:f, s:b}", "worlds", WORLDS, "inactive",
                   INACTIVE, "inactiveShare", (double)INACTIVE / WORLDS, "days", days, "pauses",
                   (json_int_t)p.intervals, "pausedWorldHours", p.hours, "dailyUSD", USD_PER_WORLD_DAY,
                   "savedUSD", saved, "projectedUSD", full, "lostToDetectionPercent", lost, "isMet",
                   (int)(p.intervals == INACTIVE && lost >= 0 && lost <= 125.0 / days));
  return ERR_OK;
}

void sim_preset_print(const json_t *saved, struct buf *out) {
#define NUMBER(key) json_number_value(json_object_get(saved, key))
  buf_addf(out,
           "%.0f worlds, %.0f of them left on the first day: inactive share %.2f. That is the input, not a "
           "result.\n"
           "%.0f days: %.0f worlds paused, %.1f paused world-hours at %.2f USD a day: saved %.2f USD (from "
           "the ledger's "
           "intervals)\nprojection %.2f USD; %.2f %% lost because a world is paused only when it has been "
           "idle for a day\n",
           NUMBER("worlds"), NUMBER("inactive"), NUMBER("inactiveShare"), NUMBER("days"), NUMBER("pauses"),
           NUMBER("pausedWorldHours"), NUMBER("dailyUSD"), NUMBER("savedUSD"), NUMBER("projectedUSD"),
           NUMBER("lostToDetectionPercent"));
#undef NUMBER
}
