/* Claims: due instants become ledger rows before they fall due (DESIGN 6, "Claim ahead"). */
#include <stdlib.h>

#include "store/keeper.h"

static int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t add_ms(int64_t at_ms, int64_t ms) {
  return at_ms > INSTANT_NEVER - ms ? INSTANT_NEVER : at_ms + ms;
}

enum err keeper_cursor(struct keeper *k, int64_t job_no, struct cursor_row *ret) {
  struct cached_job *j = keeper_peek_job(k, job_no);
  if (j && j->has_cursor) {
    *ret = j->cursor;
    return ERR_OK;
  }
  TRY(k->rows->ops->get(k->rows, TABLE_CURSOR, &job_no, ret, &k->scratch));
  if (j) j->cursor = *ret, j->has_cursor = true;
  return ERR_OK;
}

enum err keeper_set_cursor(struct keeper *k, const struct cursor_row *cursor) {
  struct cached_job *j = keeper_peek_job(k, cursor->job_no);
  if (j) j->has_cursor = false;
  TRY(keeper_put(k, TABLE_CURSOR, cursor));
  TRY(due_put(&k->due, cursor->job_no, cursor->not_before_ms));
  struct due_node *n = due_get(&k->due, cursor->job_no);
  due_dirty(&k->due, n);
  if (j) j->cursor = *cursor, j->has_cursor = true;
  return ERR_OK;
}

void keeper_drop_claims(struct keeper *k) {
  for (size_t i = 0; i < k->list.count; i++) job_unref(k->list.items[i].job);
  k->list.count = k->list.gap_count = 0;
}

static enum err list_claim(struct claim_list *l, struct claim claim) {
  if (l->count == l->capacity) {
    size_t capacity = l->capacity ? l->capacity * 2 : 64;
    struct claim *bigger = realloc(l->items, capacity * sizeof *bigger);
    if (!bigger) return ERR_NO_MEMORY;
    l->items = bigger;
    l->capacity = capacity;
  }
  job_ref(claim.job);
  l->items[l->count++] = claim;
  return ERR_OK;
}

static enum err list_gap(struct claim_list *l, const struct gap *gap) {
  if (l->gap_count == l->gap_capacity) {
    size_t capacity = l->gap_capacity ? l->gap_capacity * 2 : 16;
    struct gap *bigger = realloc(l->gaps, capacity * sizeof *bigger);
    if (!bigger) return ERR_NO_MEMORY;
    l->gaps = bigger;
    l->gap_capacity = capacity;
  }
  l->gaps[l->gap_count++] = *gap;
  return ERR_OK;
}

enum err keeper_answer_claims(struct keeper *k, struct change *c) {
  struct claim_list *l = &k->list;
  if (l->count > 0) {
    c->claimed.claims = ARENA_ARRAY(&c->arena, struct claim, l->count);
    if (!c->claimed.claims) return arena_error(&c->arena);
    memcpy(c->claimed.claims, l->items, l->count * sizeof *l->items);
  }
  if (l->gap_count > 0) {
    c->gaps = ARENA_ARRAY(&c->arena, struct gap, l->gap_count);
    if (!c->gaps) return arena_error(&c->arena);
    memcpy(c->gaps, l->gaps, l->gap_count * sizeof *l->gaps);
  }
  c->claimed.count = l->count; /* the references go with them */
  c->gap_count = l->gap_count;
  l->count = l->gap_count = 0;
  return ERR_OK;
}

struct newest {
  bool is_found;
  struct gap_row gap;
  struct ledger_row ledger;
};

static bool take_gap(void *arg, const void *record) {
  struct newest *n = arg;
  n->is_found = true;
  n->gap = *(const struct gap_row *)record;
  return false;
}

static bool take_ledger(void *arg, const void *record) {
  struct newest *n = arg;
  n->is_found = true;
  n->ledger = *(const struct ledger_row *)record;
  return false;
}

/* A gap that goes on where the last one of the job ended is that one made longer: a year of pause is one row. */
static enum err joins_last(struct keeper *k, const struct gap *gap, int64_t version, struct newest *last,
                           bool *ret_joins) {
  struct scan_args args = {.key = gap->job_no, .from = INT64_MIN, .to = gap->first_ms};
  *ret_joins = false;
  TRY(k->rows->ops->scan(k->rows, SCAN_GAP_JOB_DOWN, &args, take_gap, last));
  const struct gap_row *g = &last->gap;
  if (!last->is_found || g->state != (int64_t)gap->state || g->reason != (int64_t)gap->reason ||
      g->version != version)
    return ERR_OK;
  struct newest between = {};
  args = (struct scan_args){.key = gap->job_no, .from = g->last_ms, .to = gap->first_ms};
  TRY(k->rows->ops->scan(k->rows, SCAN_LEDGER_JOB_DOWN, &args, take_ledger, &between));
  *ret_joins = !between.is_found;
  return ERR_OK;
}

enum err keeper_add_gap(struct keeper *k, const struct gap *gap, int64_t version) {
  ASSERT(gap->count > 0 && gap->first_ms <= gap->last_ms);
  ASSERT(gap->state == OCCURRENCE_SKIPPED || gap->state == OCCURRENCE_MISSED);
  TRY(list_gap(&k->list, gap));
  struct newest last = {};
  bool joins;
  TRY(joins_last(k, gap, version, &last, &joins));
  struct gap_row row = {.job_no = gap->job_no,
                        .first_ms = gap->first_ms,
                        .last_ms = gap->last_ms,
                        .count = gap->count,
                        .version = version,
                        .state = gap->state,
                        .reason = gap->reason};
  if (joins) {
    row = last.gap;
    row.last_ms = gap->last_ms;
    row.count += gap->count;
  }
  return keeper_put(k, TABLE_GAP, &row);
}

/* What is on record already is not claimed again: one row per occurrence, whatever the clock did. */
/* The schedule of the version that the stretch belongs to. */
static enum err gap_schedule(struct keeper *k, const struct cached_job *j, const struct gap_row *gap,
                             struct schedule **ret) {
  struct job *job = NULL;
  *ret = NULL;
  if (gap->version == j->job->version) return ERR_OK;
  enum err e = keeper_version(k, gap->job_no, gap->version, &job);
  if (e == ERR_NOT_FOUND) return ERR_OK;
  TRY(e);
  e = keeper_compile(k, job, k->settings->timezone, k->meta.alive_ms, ret, NULL);
  job_unref(job);
  return e;
}

enum err keeper_cut_gap(struct keeper *k, const struct cached_job *j, struct gap_row *gap, int64_t from_ms) {
  if (gap->first_ms > from_ms) return keeper_del(k, TABLE_GAP, gap);
  struct schedule *own;
  TRY(gap_schedule(k, j, gap, &own));
  struct schedule *s = own ? own : j->schedule;
  int64_t first_ms, last_ms;
  gap->count = schedule_count(s, gap->first_ms - 1, from_ms, INT64_MAX, &first_ms, &last_ms);
  gap->last_ms = last_ms;
  schedule_free(own);
  return gap->count > 0 ? keeper_put(k, TABLE_GAP, gap) : keeper_del(k, TABLE_GAP, gap);
}

static enum err claim_slot(struct keeper *k, struct job *job, const struct plan_slot *slot) {
  bool is_new;
  struct ledger_row row = {.job_no = job->no,
                           .due_ms = slot->due_ms,
                           .version = job->version,
                           .epoch = k->meta.epoch,
                           .state = OCCURRENCE_PENDING};
  k->writes++;
  TRY(k->rows->ops->ledger_add(k->rows, &row, &is_new));
  if (!is_new) return ERR_OK;
  k->meta.ledger_rows++;
  return list_claim(&k->list, (struct claim){.job = job,
                                             .due_ms = slot->due_ms,
                                             .not_before_ms = slot->not_before_ms,
                                             .is_catch_up = slot->is_catch_up});
}

/* @reboot: the keeper put the instant of the start into the cursor when the boot changed. */
static void plan_reboot(const struct cursor_row *cursor, const struct plan_input *in, struct plan *plan) {
  *plan = (struct plan){.through_ms = cursor->next_due_ms, .next_due_ms = INSTANT_NEVER};
  if (in->gate == GATE_OPEN) {
    plan->slots[plan->slot_count++] = (struct plan_slot){.due_ms = cursor->next_due_ms,
                                                         .not_before_ms = cursor->next_due_ms + in->splay_ms};
    return;
  }
  plan->gaps[plan->gap_count++] = (struct gap){.first_ms = cursor->next_due_ms,
                                               .last_ms = cursor->next_due_ms,
                                               .count = 1,
                                               .state = OCCURRENCE_SKIPPED,
                                               .reason = in->gate == GATE_OFF ? REASON_OFF : REASON_PAUSED};
}

/* The plan knows one gate and its end; where the next state is another closed gate, or an open one closes, it is
 * asked up to there and then again. */
static void limit_to_gate(struct keeper *k, const struct job *job, int64_t due_ms, struct plan_input *in) {
  int64_t until;
  in->gate = gates_at(&k->gates, job, due_ms, &until);
  in->gate_until_ms = INSTANT_NEVER;
  if (until == INSTANT_NEVER) return;
  int64_t after;
  enum gate next = gates_at(&k->gates, job, until + 1, &after);
  if (in->gate != GATE_OPEN && next == GATE_OPEN) {
    in->gate_until_ms = until + 1;
    until = after; /* set back, the clock may stand before the next closing */
    if (until == INSTANT_NEVER) return;
  }
  in->now_ms = min_of(in->now_ms, until);
  in->until_ms = min_of(in->until_ms, until + in->splay_ms);
}

/* Slots beyond `room` are left for the next call, with the gaps after them. */
static void cut_plan(struct plan *plan, size_t room) {
  if (plan->slot_count <= room || room == 0) return;
  int64_t through = plan->slots[room - 1].due_ms;
  size_t gaps = 0;
  while (gaps < plan->gap_count && plan->gaps[gaps].last_ms <= through) gaps++;
  plan->next_due_ms = plan->slots[room].due_ms;
  if (gaps < plan->gap_count) plan->next_due_ms = min_of(plan->next_due_ms, plan->gaps[gaps].first_ms);
  plan->slot_count = room;
  plan->gap_count = gaps;
  plan->through_ms = through;
  plan->has_more = true;
}

/* A stretch leaves out what is on record by itself already: with the clock set back, its time comes again. */
static enum err add_gap_around(struct keeper *k, const struct cached_job *j, const struct gap *gap) {
  void **rows;
  size_t count;
  struct scan_args args = {.key = gap->job_no, .from = gap->first_ms, .to = gap->last_ms};
  TRY(rows_collect(k->rows, SCAN_LEDGER_JOB, &args, SIZE_MAX, &k->scratch, &rows, &count));
  if (count == 0) return keeper_add_gap(k, gap, j->job->version);
  int64_t after_ms = gap->first_ms - 1;
  for (size_t i = 0; i <= count; i++) {
    int64_t until_ms = i < count ? ((const struct ledger_row *)rows[i])->due_ms - 1 : gap->last_ms;
    struct gap piece = *gap;
    piece.count = schedule_count(j->schedule, after_ms, until_ms, INT64_MAX, &piece.first_ms, &piece.last_ms);
    if (piece.count > 0) TRY(keeper_add_gap(k, &piece, j->job->version));
    after_ms = until_ms + 1;
  }
  return ERR_OK;
}

static enum err take_plan(struct keeper *k, const struct cached_job *j, const struct plan *plan) {
  struct job *job = j->job;
  for (size_t i = 0; i < plan->gap_count; i++) {
    struct gap gap = plan->gaps[i];
    gap.job_no = job->no;
    TRY(add_gap_around(k, j, &gap));
  }
  for (size_t i = 0; i < plan->slot_count; i++) TRY(claim_slot(k, job, &plan->slots[i]));
  return ERR_OK;
}

enum err keeper_claim_job(struct keeper *k, int64_t job_no, const struct claim_window *w) {
  struct cached_job *j;
  struct cursor_row cursor;
  TRY(keeper_job(k, job_no, &j));
  TRY(keeper_cursor(k, job_no, &cursor));
  struct policy policy = policy_resolve(j->job, k->settings);
  bool is_waiting = false;
  size_t before = k->list.count;
  while (!is_waiting && cursor.next_due_ms != INSTANT_NEVER &&
         add_ms(cursor.next_due_ms, j->splay_ms) <= w->until_ms) {
    size_t room = w->max - (k->list.count - before);
    if (room == 0 || k->list.count - before > w->max) break;
    struct plan_input in = {.through_ms = cursor.through_ms,
                            .now_ms = w->now_ms,
                            .until_ms = w->until_ms,
                            .splay_ms = j->splay_ms,
                            .late_reason = w->late_reason,
                            .may_catch_up = !w->no_catch_up};
    limit_to_gate(k, j->job, cursor.next_due_ms, &in);
    if (schedule_kind(j->schedule) == SCHEDULE_REBOOT) plan_reboot(&cursor, &in, &k->plan);
    else plan_due(j->schedule, &policy, &in, &k->plan);
    cut_plan(&k->plan, room);
    TRY(take_plan(k, j, &k->plan));
    is_waiting = k->plan.through_ms == cursor.through_ms; /* gated instants are settled as they fall due */
    cursor.through_ms = k->plan.through_ms;
    if (k->plan.next_due_ms <= cursor.next_due_ms) is_waiting = true;
    cursor.next_due_ms = k->plan.next_due_ms;
  }
  /* Waiting behind a closed gate: look again when a claim with this horizon reaches the instant itself. */
  int64_t ahead_ms = is_waiting ? max_of(w->until_ms - w->now_ms, j->splay_ms) : j->splay_ms;
  cursor.not_before_ms = add_ms(cursor.next_due_ms, ahead_ms);
  return keeper_set_cursor(k, &cursor);
}

enum err keeper_claim(struct keeper *k, struct change *c) {
  size_t max = c->claim.max ? c->claim.max : LIMIT_CLAIM_BATCH;
  struct claim_window w = {.now_ms = c->at_ms,
                           .until_ms = c->claim.until_ms,
                           .late_reason = c->claim.late_reason,
                           .no_catch_up = c->claim.no_catch_up};
  c->claim.has_more = false;
  if (k->rows->ops->has_news && k->rows->ops->has_news(k->rows)) TRY(keeper_take_over_running(k, c));
  while (due_next_ms(&k->due) <= c->claim.until_ms) {
    if (k->list.count >= max || k->list.gap_count >= max) {
      c->claim.has_more = true;
      break;
    }
    w.max = max - k->list.count;
    TRY(keeper_claim_job(k, due_next_job(&k->due), &w));
  }
  c->claim.next_due_ms = due_next_ms(&k->due);
  return keeper_answer_claims(k, c);
}
