#include "worlds/policy.h"

#include "base/instant.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define LAST_RUNG 3

static const int64_t reasons[] = {FIELD_NULL, PAUSE_INACTIVITY_24H, PAUSE_INACTIVITY_7D,
                                  PAUSE_INACTIVITY_30D};

int world_rung(int64_t pause_reason) {
  switch (pause_reason) {
    case FIELD_NULL: return 0;
    case PAUSE_INACTIVITY_7D: return 2;
    case PAUSE_INACTIVITY_30D: return 3;
    default: return 1;
  }
}

/* Idle this long: that step. */
static int64_t step_ms(const struct world_settings *s, int rung) {
  switch (rung) {
    case 1: return s->pause_after_hours * HOUR_MS;
    case 2: return s->archive_after_days * DAY_MS;
    case 3: return s->mark_after_days * DAY_MS;
    default: return s->delete_after_days * DAY_MS;
  }
}

static int rung_of_idleness(const struct world_settings *s, int64_t idle_ms) {
  int rung = 0;
  while (rung < LAST_RUNG && idle_ms >= step_ms(s, rung + 1)) rung++;
  return rung;
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; } /* null is the smallest of all */

static int64_t own_activity(const struct world_facts *f) {
  int64_t since = later(f->row->last_active_ms, f->live_active_ms);
  return later(later(since, f->row->ladder_from_ms), 0);
}

static bool is_held(const struct world_row *row, enum pause_reason reason) {
  return row->is_paused && row->pause_reason == (int64_t)reason;
}

/* The exceptions, in the order in which they are told. ret_until: when it ends, INSTANT_NEVER if by a person's deed. */
static bool is_excepted(const struct world_settings *s, const struct world_facts *f, int64_t now_ms,
                        enum world_why *ret_why, int64_t *ret_until) {
  const struct world_row *row = f->row;
  int64_t until = INSTANT_NEVER;
  enum world_why why;
  if (is_held(row, PAUSE_MANUAL)) {
    why = WORLD_WHY_MANUAL_PAUSE;
  } else if (is_held(row, PAUSE_VACATION) ||
             (row->vacation_until_ms != FIELD_NULL && row->vacation_until_ms > now_ms)) {
    why = WORLD_WHY_ON_VACATION;
    if (row->vacation_until_ms != FIELD_NULL) until = row->vacation_until_ms;
  } else if (row->is_favorite) {
    why = WORLD_WHY_FAVORITE;
  } else if (f->next_event_ms != INSTANT_NONE && f->next_event_ms > now_ms) {
    why = WORLD_WHY_FUTURE_EVENT;
    until = f->next_event_ms;
  } else if (row->is_collaborative && f->member_active_ms != INSTANT_NONE &&
             f->member_active_ms > own_activity(f) && now_ms - f->member_active_ms < step_ms(s, 1)) {
    why = WORLD_WHY_MEMBER_ACTIVE;
    until = f->member_active_ms + step_ms(s, 1);
  } else {
    return false;
  }
  *ret_why = why;
  *ret_until = until;
  return true;
}

static int64_t next_step(const struct world_settings *s, const struct world_row *row, int64_t idle_since_ms,
                         int64_t now_ms) {
  int rung = row->is_paused ? world_rung(row->pause_reason) : 0;
  bool is_marked = row->scheduled_deletion_ms != FIELD_NULL;
  int64_t at = rung == LAST_RUNG && is_marked
                   ? row->scheduled_deletion_ms
                   : idle_since_ms + step_ms(s, rung < LAST_RUNG ? rung + 1 : LAST_RUNG);
  return later(at, now_ms);
}

struct world_verdict world_judge(const struct world_settings *s, const struct world_facts *f,
                                 int64_t now_ms) {
  const struct world_row *row = f->row;
  struct world_verdict v = {.reason = FIELD_NULL, .next_step_ms = INSTANT_NEVER};
  int64_t until;
  v.idle_since_ms = own_activity(f);
  if (row->is_collaborative) v.idle_since_ms = later(v.idle_since_ms, f->member_active_ms);
  v.idle_ms = later(now_ms - v.idle_since_ms, 0);
  int rung = rung_of_idleness(s, v.idle_ms), stands = row->is_paused ? world_rung(row->pause_reason) : 0;
  bool is_marked = row->scheduled_deletion_ms != FIELD_NULL;
  v.reason = reasons[rung];
  v.is_protected = is_excepted(s, f, now_ms, &v.why, &until);
  if (v.is_protected) {
    v.takes_back = is_marked;
    if (until != INSTANT_NEVER) v.next_step_ms = later(until, next_step(s, row, v.idle_since_ms, now_ms));
    return v;
  }
  v.enters = rung > stands || (rung == LAST_RUNG && !is_marked);
  v.takes_back = is_marked && rung < LAST_RUNG;
  v.should_pause = !row->is_paused && rung > 0;
  v.why = row->is_paused ? WORLD_WHY_ALREADY_PAUSED : rung > 0 ? WORLD_WHY_IDLE : WORLD_WHY_ACTIVE;
  v.next_step_ms = next_step(s, row, v.idle_since_ms, now_ms);
  return v;
}

int64_t world_deletion_ms(const struct world_settings *s, int64_t idle_since_ms, int64_t now_ms) {
  int64_t planned = idle_since_ms + step_ms(s, 4);
  bool is_late = now_ms - (idle_since_ms + step_ms(s, 3)) > s->mark_grace_hours * HOUR_MS;
  return is_late ? later(planned, now_ms + s->warning_days * DAY_MS) : planned;
}

void world_apply_step(const struct world_settings *s, struct world_row *row, const struct world_verdict *v,
                      int64_t now_ms) {
  int rung = world_rung(v->reason);
  ASSERT(rung > 0 && v->enters);
  if (!row->is_paused) row->paused_ms = now_ms;
  row->is_paused = true;
  row->pause_reason = v->reason;
  row->status = rung == 1 ? WORLD_PAUSED : WORLD_ARCHIVED;
  if (rung == LAST_RUNG) row->scheduled_deletion_ms = world_deletion_ms(s, v->idle_since_ms, now_ms);
}

void world_apply_take_back(struct world_row *row) {
  row->scheduled_deletion_ms = FIELD_NULL;
  row->warned = 0;
  row->warned_ms = FIELD_NULL;
  if (row->pause_reason == PAUSE_INACTIVITY_30D) row->pause_reason = PAUSE_INACTIVITY_7D;
}

void world_apply_resume(struct world_row *row, int64_t active_ms) {
  row->status = WORLD_RUNNING;
  row->is_paused = false;
  row->paused_ms = row->pause_reason = row->scheduled_deletion_ms = FIELD_NULL;
  row->vacation_until_ms = row->warned_ms = FIELD_NULL;
  row->warned = 0;
  if (row->ladder_from_ms <= active_ms) row->ladder_from_ms = FIELD_NULL;
  row->last_active_ms = active_ms;
}

/* The last warning that has to be there before a deletion, and how long before it. */
static int64_t last_warning(const struct world_settings *s, int64_t *ret_lead_ms) {
  int64_t lead = 0;
  int warning = 0;
  if (s->mail_deletion_day > 0) {
    warning = 3;
    lead = (s->delete_after_days - s->mail_deletion_day) * DAY_MS;
  } else if (s->mail_mark_day > 0) {
    warning = 2;
    lead = s->warning_days * DAY_MS;
  }
  *ret_lead_ms = later(lead - s->mark_grace_hours * HOUR_MS, 0);
  return warning;
}

int64_t world_purge_ms(const struct world_settings *s, const struct world_row *row, int64_t idle_since_ms,
                       int64_t *ret_why) {
  int64_t lead_ms, warning = last_warning(s, &lead_ms);
  if (ret_why) *ret_why = WORLD_WHY_IDLE;
  if (row->scheduled_deletion_ms == FIELD_NULL) return INSTANT_NEVER;
  int64_t at = later(row->scheduled_deletion_ms, idle_since_ms + step_ms(s, 4));
  if (warning == 0) return at;
  if (row->warned < warning || row->warned_ms == FIELD_NULL) {
    if (ret_why) *ret_why = WORLD_WHY_NOT_WARNED;
    return INSTANT_NEVER;
  }
  return later(at, row->warned_ms + lead_ms);
}

int world_mail_due(const struct world_settings *s, const struct world_row *row, int64_t idle_since_ms,
                   int64_t now_ms) {
  if (!row->is_paused) return 0;
  int64_t idle_ms = now_ms - idle_since_ms;
  int rung = world_rung(row->pause_reason);
  bool is_marked = row->scheduled_deletion_ms != FIELD_NULL;
  if (s->mail_deletion_day > 0 && row->warned < 3 && is_marked) {
    int64_t lead_ms = (s->delete_after_days - s->mail_deletion_day) * DAY_MS;
    if (now_ms >= row->scheduled_deletion_ms - lead_ms) return 3;
  }
  if (s->mail_mark_day > 0 && row->warned < 2 && (is_marked || rung >= 2) &&
      idle_ms >= s->mail_mark_day * DAY_MS)
    return 2;
  if (s->mail_archive_day > 0 && row->warned < 1 && rung == 1 && idle_ms >= s->mail_archive_day * DAY_MS)
    return 1;
  return 0;
}

int64_t world_daily_micro_usd(const struct world_settings *s) {
  return (s->event_cost * s->events_per_day + s->director_cost * s->director_per_day) * 1000;
}
