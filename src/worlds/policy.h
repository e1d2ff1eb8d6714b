/* The ladder of a world (seed B, X-1, X-2, X-4, X-8, X-26): pure. active → 24 h paused → 7 d archived → 30 d marked →
 * 37 d deleted, with its exceptions; it moves worlds that are paused already, too. ≥ for every step. */
#pragma once
#include "model/world_row.h"

struct world_facts {
  const struct world_row *row;
  int64_t live_active_ms; /* user activity in the live state that is not in the database yet; INSTANT_NONE */
  int64_t next_event_ms;  /* first story event that lies in the future; INSTANT_NONE */
  int64_t member_active_ms; /* newest activity of any member; INSTANT_NONE */
};

struct world_verdict {
  bool should_pause; /* shouldPause: a running world is to be paused now (B-61) */
  int64_t reason;    /* enum pause_reason of its idleness; FIELD_NULL: below the first step */
  enum world_why why;
  bool is_protected; /* by an exception: no step of the ladder, marks are taken back */
  bool enters;       /* a step is to be taken now: paused newly, or escalated to `reason` */
  bool
      takes_back; /* marked for deletion, and must not be any more: protected, or not idle enough now (B-82) */
  int64_t idle_since_ms, idle_ms;
  int64_t next_step_ms; /* when the next step would come if nothing happens; INSTANT_NEVER */
};
struct world_verdict world_judge(const struct world_settings *s, const struct world_facts *facts,
                                 int64_t now_ms);
/* The step a reason stands for: 0 running, 1 paused, 2 archived, 3 marked. */
int world_rung(int64_t pause_reason);
/* scheduledDeletion of a world that is marked now (B-24). */
int64_t world_deletion_ms(const struct world_settings *s, int64_t idle_since_ms, int64_t now_ms);
/* What a step makes of a row: status, isPaused, pausedAt, pauseReason, scheduledDeletion. */
void world_apply_step(const struct world_settings *s, struct world_row *row, const struct world_verdict *v,
                      int64_t now_ms);
/* Back to RUNNING (B-14): lastActiveAt = active_ms. */
void world_apply_resume(struct world_row *row, int64_t active_ms);
/* Takes the mark back: ARCHIVED as at the second step, its warnings forgotten, so that the next mark warns anew. */
void world_apply_take_back(struct world_row *row);
/* When it may be deleted: never before scheduledDeletion, before its idleness says so, or before what it was warned
 * of had its lead (X-26, U-21). INSTANT_NEVER: not marked, or not warned. ret_why (or NULL): IDLE or NOT_WARNED. */
int64_t world_purge_ms(const struct world_settings *s, const struct world_row *row, int64_t idle_since_ms,
                       int64_t *ret_why);
/* The mail that is due now in this spell (1 archive, 2 mark, 3 deletion), 0 = none. The row is as it is after the
 * step, and not protected. */
int world_mail_due(const struct world_settings *s, const struct world_row *row, int64_t idle_since_ms,
                   int64_t now_ms);
/* Micro-USD of a running world and day by the price table (B-50 … B-53). */
int64_t world_daily_micro_usd(const struct world_settings *s);
