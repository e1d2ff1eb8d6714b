/* The plan of one job's due instants: which are claimed, which are settled in stretches. Pure; the
 * store calls it inside its claim transaction, once per job that is due. */
#pragma once
#include "model/change.h"
#include "model/policy.h"
#include "time/schedule.h"

#define PLAN_SLOTS_MAX 256 /* per job and call; more remain for the next call */
#define PLAN_GAPS_MAX 4

struct plan_slot {
  int64_t due_ms, not_before_ms;
  bool is_catch_up;
};

struct plan {
  struct plan_slot slots[PLAN_SLOTS_MAX];
  size_t slot_count;
  struct gap gaps[PLAN_GAPS_MAX]; /* in order of time; job_no is filled in by the caller */
  size_t gap_count;
  int64_t through_ms;  /* the cursor: every due instant <= through is in this plan or was before */
  int64_t next_due_ms; /* first due instant after through, INSTANT_NEVER */
  bool has_more;       /* instants due until the horizon remain */
};

struct plan_input {
  int64_t through_ms; /* cursor before */
  int64_t now_ms;
  int64_t until_ms;        /* claim instants whose notBefore <= until */
  int64_t splay_ms;        /* of this job (offset, not range) */
  enum gate gate;          /* closed: instants are skipped (paused/off), never caught up */
  int64_t gate_until_ms;   /* from here on the gate is open; INSTANT_NEVER */
  enum reason late_reason; /* SERVER_DOWN, CLOCK_JUMP or WINDOW for what is later than the start window */
  bool may_catch_up;       /* false after a jump of more than a day that nobody confirmed */
};

/* Instants with notBefore >= now − startWindow are slots (the window is always shorter than the schedule's
 * shortest interval); later ones are misfires. A misfire within catchUpWindow is caught up by policy, any
 * other is missed with late_reason:
 *   none  nothing is caught up;
 *   last  the newest is a catch-up slot, the others are missed/superseded. An instant that fell due
 *         already and is still on time stands for all of them: after two hours of rest a job runs once;
 *   all   the newest catchUpMax of them are catch-up slots, oldest first.
 * While the gate is closed, instants are skipped as they fall due (dueAt <= now), never ahead, so that
 * opening it loses none that lie in the future; next_due_ms may then be <= until. through_ms may lie
 * between two instants. Costs O(slots + log n) for intervals; for cron one step per instant, at most PLAN_STEPS_MAX
 * a call (has_more tells; the caller asks again with through_ms as the new cursor and gets the same verdicts). */
#define PLAN_STEPS_MAX 100000
void plan_due(struct schedule *schedule, const struct policy *policy, const struct plan_input *in,
              struct plan *ret);
/* Stable offset in [0, splay_range_ms], from the job's seed and bounded by the schedule's shortest gap. */
int64_t plan_splay_ms(uint64_t seed, int64_t splay_range_ms, int64_t min_interval_ms);
