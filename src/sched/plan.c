#include "sched/plan.h"

#include "base/map.h"

/* One call's work. Times go forward only: every stage settles what lies before its end and moves
 * plan->through_ms there. A stage that cannot finish sets has_more, and the later ones do nothing. */
struct planner {
  struct schedule *schedule;
  const struct policy *policy;
  const struct plan_input *in;
  struct plan *plan;
  bool is_blocked; /* gated instants lie ahead: wait for them, nothing later may be planned */
};

static int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

static bool is_stopped(const struct planner *p) { return p->plan->has_more || p->is_blocked; }

static void add_gap(struct plan *plan, const struct gap *gap) {
  struct gap *last = plan->gap_count > 0 ? &plan->gaps[plan->gap_count - 1] : NULL;
  if (last && last->state == gap->state && last->reason == gap->reason) {
    last->last_ms = gap->last_ms;
    last->count += gap->count;
    return;
  }
  ASSERT(plan->gap_count < PLAN_GAPS_MAX);
  plan->gaps[plan->gap_count++] = *gap;
}

/* The end of a stretch that holds at most PLAN_STEPS_MAX instants, so that counting them is bounded. */
static int64_t countable_end(const struct planner *p, int64_t until_ms) {
  if (schedule_kind(p->schedule) == SCHEDULE_EVERY) return until_ms;
  int64_t interval_ms = schedule_min_interval_ms(p->schedule);
  if (interval_ms == INSTANT_NEVER) return until_ms;
  int64_t from_ms = p->plan->through_ms;
  int64_t first_ms = schedule_next(p->schedule, from_ms);
  if (first_ms > until_ms) return until_ms;
  return min_of(until_ms, first_ms + interval_ms * (PLAN_STEPS_MAX - 1));
}

/* Settles every instant before end_ms in one stretch. */
static void settle_before(struct planner *p, int64_t end_ms, enum occurrence_state state,
                          enum reason reason) {
  struct plan *plan = p->plan;
  if (is_stopped(p) || end_ms - 1 <= plan->through_ms) return;
  int64_t until_ms = countable_end(p, end_ms - 1);
  struct gap gap = {.state = state, .reason = reason};
  gap.count = schedule_count(p->schedule, plan->through_ms, until_ms, INT64_MAX, &gap.first_ms, &gap.last_ms);
  if (gap.count > 0) {
    ASSERT(gap.first_ms > plan->through_ms && gap.last_ms <= until_ms);
    add_gap(plan, &gap);
  }
  plan->through_ms = until_ms;
  if (until_ms < end_ms - 1) plan->has_more = true;
}

/* Gives every instant before end_ms as a slot, as far as there is room. */
static void take_before(struct planner *p, int64_t end_ms, bool is_catch_up) {
  struct plan *plan = p->plan;
  if (is_stopped(p) || end_ms - 1 <= plan->through_ms) return;
  for (;;) {
    int64_t due_ms = schedule_next(p->schedule, plan->through_ms);
    ASSERT(due_ms > plan->through_ms);
    if (due_ms >= end_ms) break;
    if (plan->slot_count == PLAN_SLOTS_MAX) {
      plan->has_more = true;
      return;
    }
    plan->slots[plan->slot_count++] = (struct plan_slot){
        .due_ms = due_ms, .not_before_ms = due_ms + p->in->splay_ms, .is_catch_up = is_catch_up};
    plan->through_ms = due_ms;
  }
  plan->through_ms = end_ms - 1;
}

/* What falls due behind a closed gate. */
static void pass_gate(struct planner *p) {
  const struct plan_input *in = p->in;
  if (in->gate == GATE_OPEN) return;
  enum reason reason = in->gate == GATE_PAUSED ? REASON_PAUSED : REASON_OFF;
  settle_before(p, min_of(in->gate_until_ms, in->now_ms + 1), OCCURRENCE_SKIPPED, reason);
  if (in->gate_until_ms <= in->now_ms || p->plan->has_more) return;
  p->is_blocked = schedule_next(p->schedule, p->plan->through_ms) < in->gate_until_ms;
}

/* Start of the newest `max` instants in (after, before); before when max is 0. */
static int64_t newest_from(struct schedule *s, int64_t after_ms, int64_t before_ms, int64_t max) {
  int64_t from_ms = before_ms;
  if (schedule_count(s, after_ms, before_ms - 1, max + 1, NULL, NULL) <= max) return after_ms + 1;
  for (int64_t i = 0; i < max; i++) from_ms = schedule_prev(s, from_ms);
  return from_ms;
}

/* The first late instant that is caught up; late_end_ms = none. */
static int64_t catch_up_from(const struct planner *p, int64_t window_from_ms, int64_t late_end_ms) {
  const struct plan_input *in = p->in;
  int64_t after_ms = max_of(p->plan->through_ms, window_from_ms - 1);
  if (!in->may_catch_up || p->policy->misfire == MISFIRE_NONE || after_ms >= late_end_ms - 1)
    return late_end_ms;
  if (p->policy->misfire == MISFIRE_ALL)
    return newest_from(p->schedule, after_ms, late_end_ms,
                       min_of(p->policy->catch_up_max, LIMIT_CATCHUP_MAX));
  int64_t on_time_ms = schedule_next(p->schedule, late_end_ms - 1);
  if (on_time_ms <= in->now_ms - in->splay_ms && on_time_ms != INSTANT_NEVER) return late_end_ms;
  int64_t newest_ms = schedule_prev(p->schedule, late_end_ms);
  return newest_ms > after_ms ? newest_ms : late_end_ms;
}

static void pass_late(struct planner *p) {
  const struct plan_input *in = p->in;
  if (is_stopped(p)) return;
  int64_t window_ms = p->policy->start_window_ms;
  int64_t interval_ms = schedule_min_interval_ms(p->schedule);
  if (interval_ms != INSTANT_NEVER) window_ms = min_of(window_ms, interval_ms - 1);
  int64_t late_end_ms = in->now_ms - max_of(window_ms, 0) - in->splay_ms;
  if (late_end_ms - 1 <= p->plan->through_ms) return;
  int64_t window_from_ms = min_of(in->now_ms - p->policy->catch_up_window_ms - in->splay_ms, late_end_ms);
  int64_t chosen_ms = catch_up_from(p, window_from_ms, late_end_ms);
  bool is_last = p->policy->misfire == MISFIRE_LAST && in->may_catch_up;
  settle_before(p, window_from_ms, OCCURRENCE_MISSED, in->late_reason);
  settle_before(p, chosen_ms, OCCURRENCE_MISSED, is_last ? REASON_SUPERSEDED : in->late_reason);
  take_before(p, late_end_ms, true);
}

void plan_due(struct schedule *schedule, const struct policy *policy, const struct plan_input *in,
              struct plan *ret) {
  ASSERT(in->through_ms != INSTANT_NONE && in->splay_ms >= 0);
  ret->slot_count = ret->gap_count = 0;
  ret->has_more = false;
  ret->through_ms = in->through_ms;
  struct planner p = {.schedule = schedule, .policy = policy, .in = in, .plan = ret};
  pass_gate(&p);
  pass_late(&p);
  take_before(&p, in->until_ms - in->splay_ms + 1, false);
  ret->next_due_ms = schedule_next(schedule, ret->through_ms);
  ASSERT(ret->through_ms >= in->through_ms && ret->next_due_ms > ret->through_ms);
}

int64_t plan_splay_ms(uint64_t seed, int64_t splay_range_ms, int64_t min_interval_ms) {
  if (splay_range_ms <= 0 || min_interval_ms <= 1) return 0;
  int64_t range_ms =
      min_interval_ms == INSTANT_NEVER ? splay_range_ms : min_of(splay_range_ms, min_interval_ms - 1);
  const uint64_t apart_from_h = 0x53504C4159; /* the same seed also decides H */
  return (int64_t)(hash_int(seed ^ apart_from_h) % (uint64_t)(range_ms + 1));
}
