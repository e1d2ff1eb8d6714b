/* lastRunAt and nextRunAt, written behind: with whatever else is committed, or by themselves when nothing is. */
#include "store/keeper.h"

static enum err touch_job(struct keeper *k, struct due_node *n, int64_t now_ms) {
  struct cached_job *j;
  enum err e = keeper_job(k, n->heap.tie, &j);
  if (e == ERR_NOT_FOUND) return ERR_OK;
  TRY(e);
  int64_t next_ms = j->job->is_active ? schedule_next(j->schedule, now_ms) : INSTANT_NEVER, until_ms;
  bool is_shown = next_ms != INSTANT_NEVER && gates_at(&k->gates, j->job, next_ms, &until_ms) != GATE_OFF;
  return k->rows->ops->job_touch(k->rows, j->job->no, n->last_run_ms, is_shown ? next_ms : FIELD_NULL);
}

enum err keeper_touch_slice(struct keeper *k, int64_t now_ms) {
  k->last_touch_ms = now_ms;
  k->touched_count = 0;
  while (k->touched_count < KEEPER_TOUCH_SLICE) {
    struct due_node *n = due_take_dirty(&k->due);
    if (!n) break;
    k->touched[k->touched_count++] = n->heap.tie;
    enum err e = touch_job(k, n, now_ms);
    arena_free(&k->scratch);
    TRY(e);
  }
  return ERR_OK;
}

void keeper_touch_undo(struct keeper *k) {
  for (size_t i = 0; i < k->touched_count; i++) {
    struct due_node *n = due_get(&k->due, k->touched[i]);
    if (n) due_dirty(&k->due, n);
  }
  k->touched_count = 0;
}

enum err keeper_touch(struct keeper *k, int64_t now_ms, bool *ret_has_more) {
  *ret_has_more = false;
  if (!k->due.dirty) return ERR_OK;
  TRY(k->rows->ops->begin(k->rows));
  enum err e = keeper_touch_slice(k, now_ms);
  if (e == ERR_OK) e = k->rows->ops->commit(k->rows);
  if (e == ERR_OK) {
    k->touched_count = 0;
  } else {
    k->rows->ops->rollback(k->rows);
    keeper_touch_undo(k);
  }
  *ret_has_more = k->due.dirty != NULL;
  return e;
}
