/* Runs and verdicts: QUEUE, START, END, SETTLE, CLOCK. Each may arrive twice, late, or after its job is gone. */
#include "base/id.h"
#include "store/keeper.h"

static bool job_is_there(const struct keeper *k, int64_t job_no) { return due_get(&k->due, job_no) != NULL; }

static enum err fill_ids(struct keeper *k, struct run *run, char id[ID_TEXT_LEN + 1]) {
  if (!run->id) {
    struct id_text text = id_to_text(run->no);
    memcpy(id, text.text, sizeof text.text);
    run->id = id;
  }
  if (run->job_id) return ERR_OK;
  struct cached_job *j;
  TRY(keeper_job(k, run->job_no, &j));
  run->job_id = j->job->id;
  return ERR_OK;
}

/* What happens at every run: it was running and has ended. */
static enum err end_run(struct keeper *k, const struct run *run, bool *ret_done) {
  enum run_status to = (enum run_status)run->status;
  *ret_done = false;
  if (!run_is_final(to) || !run_may_become(RUN_RUNNING, to)) return ERR_OK;
  k->writes++;
  return k->rows->ops->run_end(k->rows, run, ret_done);
}

/* Inserts or updates a run's row. What is final already, or has got further, stays as it is; *ret_is_repeated: it was
 * on record in this status or a later one. */
static enum err put_run(struct keeper *k, const struct run *given, bool *ret_is_repeated) {
  *ret_is_repeated = false;
  struct run run = *given;
  char id[ID_TEXT_LEN + 1];
  int64_t status;
  bool is_surely_new = run.no > k->meta.last_run_no; /* numbers only grow */
  if (is_surely_new) k->meta.last_run_no = run.no;
  if (!job_is_there(k, run.job_no)) return ERR_OK; /* deleted, its runs with it */
  TRY(fill_ids(k, &run, id));
  if (run.started_ms == FIELD_NULL) /* C-41: never null; for what waits it is when it began to wait */
    run.started_ms = run.queued_ms != FIELD_NULL ? run.queued_ms : id_made_ms(run.no);
  bool is_done = false;
  if (!is_surely_new) TRY(end_run(k, &run, &is_done));
  if (is_done) return ERR_OK;
  enum err e = is_surely_new ? ERR_NOT_FOUND : k->rows->ops->run_status(k->rows, run.no, &status);
  if (e != ERR_OK && e != ERR_NOT_FOUND) return e;
  bool is_new = e == ERR_NOT_FOUND;
  if (is_new) return keeper_put(k, TABLE_RUN, &run);
  enum run_status from = (enum run_status)status, to = (enum run_status)run.status;
  *ret_is_repeated = from == to || !run_may_become(from, to);
  bool is_settled = from == to ? run_is_final(from) : *ret_is_repeated;
  if (is_settled) return ERR_OK;
  k->writes++;
  return k->rows->ops->run_update(k->rows, &run);
}

static enum err get_ledger(struct keeper *k, int64_t job_no, int64_t due_ms, struct ledger_row *ret) {
  return k->rows->ops->get(k->rows, TABLE_LEDGER, (int64_t[]){job_no, due_ms}, ret, &k->scratch);
}

/* A START or END is known: whatever the row said, the occurrence ran. Where an edit has withdrawn the row
 * it comes back; where the run, or an attempt before it, was known, the row may have been folded meanwhile, and stays so. */
static enum err set_ran(struct keeper *k, const struct change *c, enum reason reason, bool is_known) {
  const struct run *run = &c->run.run;
  bool has_changed, is_new;
  if (c->run.due_ms == INSTANT_NONE) return ERR_OK;
  struct ledger_row row = {.job_no = c->run.job_no,
                           .due_ms = c->run.due_ms,
                           .epoch = k->meta.epoch,
                           .version = run->version == FIELD_NULL ? 0 : run->version,
                           .state = OCCURRENCE_RAN,
                           .reason = reason,
                           .attempts = run->attempt};
  k->writes++;
  TRY(k->rows->ops->ledger_ran(k->rows, &row, &has_changed));
  if (has_changed || is_known || run->attempt > 1) return ERR_OK;
  TRY(k->rows->ops->ledger_add(k->rows, &row, &is_new));
  if (is_new) k->meta.ledger_rows++;
  return ERR_OK;
}

static void note_start(struct keeper *k, const struct run *run) {
  struct due_node *n = due_get(&k->due, run->job_no);
  if (!n || run->started_ms == FIELD_NULL) return;
  if (n->last_run_ms == FIELD_NULL || n->last_run_ms < run->started_ms) n->last_run_ms = run->started_ms;
  due_dirty(&k->due, n);
}

enum err keeper_queue(struct keeper *k, struct change *c) {
  if (!job_is_there(k, c->run.run.job_no))
    return err_set(&c->detail, ERR_NOT_FOUND, "job", 0, "the job has been deleted");
  bool is_repeated;
  return put_run(k, &c->run.run, &is_repeated);
}

enum err keeper_start(struct keeper *k, struct change *c, bool is_ended_too) {
  note_start(k, &c->run.run);
  if (is_ended_too) return ERR_OK; /* its END is in the same transaction and writes both rows, once */
  bool is_repeated;
  TRY(put_run(k, &c->run.run, &is_repeated));
  return set_ran(k, c, REASON_NONE, is_repeated);
}

static enum err count_failures(struct keeper *k, int64_t job_no, int chain, int64_t *ret) {
  struct due_node *n = due_get(&k->due, job_no);
  if (n->failures_age == k->age && n->failures == 0 && chain >= 0) { /* the usual run */
    *ret = 0;
    return ERR_OK;
  }
  k->writes++;
  TRY(k->rows->ops->job_failures(k->rows, job_no, chain, ret));
  n->failures = (uint32_t)*ret;
  n->failures_age = k->age;
  return ERR_OK;
}

enum err keeper_end(struct keeper *k, struct change *c) {
  note_start(k, &c->run.run);
  bool is_repeated = false, is_repeated_retry;
  TRY(put_run(k, &c->run.run, &is_repeated));
  TRY(set_ran(k, c, c->run.reason, is_repeated));
  if (c->run.has_retry && job_is_there(k, c->run.retry.job_no))
    TRY(put_run(k, &c->run.retry, &is_repeated_retry));
  if (!job_is_there(k, c->run.run.job_no)) return ERR_OK;
  if (!is_repeated) TRY(keeper_load_add(k, &c->run.run));
  int chain = is_repeated ? 0 : c->run.chain;
  if (chain > 0) TRY(count_failures(k, c->run.run.job_no, 0, &c->run.failures_before));
  return count_failures(k, c->run.run.job_no, chain, &c->run.failures);
}

enum err keeper_settle(struct keeper *k, struct change *c) {
  bool is_repeated;
  if (c->run.has_run) TRY(put_run(k, &c->run.run, &is_repeated));
  if (c->run.due_ms == INSTANT_NONE) return ERR_OK;
  struct ledger_row row;
  enum err e = get_ledger(k, c->run.job_no, c->run.due_ms, &row);
  if (e == ERR_NOT_FOUND) return ERR_OK; /* withdrawn by an edit meanwhile */
  TRY(e);
  if (row.state != OCCURRENCE_PENDING) return ERR_OK;
  row.state = c->run.state;
  row.reason = c->run.reason;
  return keeper_put(k, TABLE_LEDGER, &row);
}

/* ---- a copy is put back ---- */

#define RESTORED_BYTES (256 * 1024 * 1024)

static enum err settle_restored_run(struct keeper *k, const struct run *open, int64_t now_ms) {
  bool has_started = open->status == RUN_RUNNING;
  struct change c = {.kind = has_started ? CHANGE_END : CHANGE_SETTLE, .at_ms = now_ms};
  struct run *run = &c.run.run;
  *run = *open;
  run->status = has_started ? RUN_LOST : RUN_SKIPPED;
  run->reason = has_started ? REASON_LOST : REASON_RESTORED;
  run->finished_ms = now_ms;
  run->duration_ms = 0;
  if (has_started) run->error_message = "lost: the database was restored from a backup made while it ran";
  c.run.has_run = true;
  c.run.job_no = run->job_no;
  c.run.due_ms = run->due_ms == FIELD_NULL ? INSTANT_NONE : run->due_ms;
  c.run.state = has_started ? OCCURRENCE_RAN : OCCURRENCE_MISSED;
  c.run.reason = (enum reason)run->reason;
  return has_started ? keeper_end(k, &c) : keeper_settle(k, &c);
}

enum err keeper_settle_restored(struct keeper *k, int64_t now_ms) {
  void **runs, **claims;
  size_t run_count = 0, claim_count = 0;
  struct arena held = arena_new(RESTORED_BYTES);
  enum err e = rows_collect(k->rows, SCAN_RUN_OPEN, &SCAN_ALL, SIZE_MAX, &held, &runs, &run_count);
  for (size_t i = 0; e == ERR_OK && i < run_count; i++) e = settle_restored_run(k, runs[i], now_ms);
  if (e == ERR_OK)
    e = rows_collect(k->rows, SCAN_LEDGER_PENDING, &SCAN_ALL, SIZE_MAX, &held, &claims, &claim_count);
  for (size_t i = 0; e == ERR_OK && i < claim_count; i++) {
    struct ledger_row *row = claims[i];
    row->state = OCCURRENCE_MISSED;
    row->reason = REASON_RESTORED;
    e = keeper_put(k, TABLE_LEDGER, row);
  }
  arena_free(&held);
  return e;
}

/* ---- the clock steps back ---- */

/* The jump settled instants that now lie ahead again: they are taken off the record, and an audit row tells. */
static enum err note_withdrawal(struct keeper *k, const struct job *job, const struct gap_row *gap,
                                int64_t at_ms) {
  struct audit_note note = {.actor = "system", .action = "clock.withdraw"};
  note.object = arena_printf(&k->scratch, "job:%s", job->name);
  note.before = arena_printf(&k->scratch, "{\"first\":%lld,\"last\":%lld,\"count\":%lld}",
                             (long long)gap->first_ms, (long long)gap->last_ms, (long long)gap->count);
  return note.object && note.before ? keeper_note(k, &note, at_ms) : ERR_NO_MEMORY;
}

static enum err withdraw_gap(struct keeper *k, struct cached_job *j, struct gap_row *gap, int64_t is_ms) {
  TRY(note_withdrawal(k, j->job, gap, is_ms));
  return keeper_cut_gap(k, j, gap, is_ms);
}

static enum err withdraw_rows(struct keeper *k, int64_t job_no, int64_t is_ms, int64_t *ret_through_ms) {
  void **rows;
  size_t count;
  struct scan_args args = {.key = job_no, .from = is_ms + 1, .to = INT64_MAX};
  TRY(rows_collect(k->rows, SCAN_LEDGER_JOB, &args, SIZE_MAX, &k->scratch, &rows, &count));
  for (size_t i = 0; i < count; i++) {
    struct ledger_row *row = rows[i];
    if (row->state == OCCURRENCE_MISSED && row->reason == REASON_CLOCK_JUMP)
      TRY(keeper_del(k, TABLE_LEDGER, row));
    else if (row->due_ms > *ret_through_ms) *ret_through_ms = row->due_ms;
  }
  return ERR_OK;
}

/* Never to before the version that governs: its schedule says nothing of that time. */
static enum err step_back(struct keeper *k, int64_t job_no, int64_t is_ms) {
  struct cached_job *j;
  struct cursor_row cursor;
  struct version_row version;
  void **gaps;
  size_t count;
  TRY(keeper_job(k, job_no, &j));
  TRY(keeper_cursor(k, job_no, &cursor));
  TRY(k->rows->ops->get(k->rows, TABLE_VERSION, (int64_t[]){job_no, j->job->version}, &version, &k->scratch));
  if (is_ms < version.from_ms) is_ms = version.from_ms;
  int64_t through_ms = is_ms;
  TRY(withdraw_rows(k, job_no, is_ms, &through_ms));
  struct scan_args args = {.key = job_no, .from = is_ms + 1, .to = INT64_MAX};
  TRY(rows_collect(k->rows, SCAN_GAP_JOB, &args, SIZE_MAX, &k->scratch, &gaps, &count));
  for (size_t i = 0; i < count; i++) {
    struct gap_row *gap = gaps[i];
    if (gap->reason != REASON_CLOCK_JUMP) {
      if (gap->last_ms > through_ms) through_ms = gap->last_ms;
      continue;
    }
    TRY(withdraw_gap(k, j, gap, through_ms > is_ms ? through_ms : is_ms));
  }
  if (through_ms >= cursor.through_ms || cursor.next_due_ms == INSTANT_NONE) return ERR_OK;
  cursor.through_ms = through_ms;
  cursor.next_due_ms = schedule_next(j->schedule, through_ms);
  cursor.not_before_ms =
      cursor.next_due_ms == INSTANT_NEVER ? INSTANT_NEVER : cursor.next_due_ms + j->splay_ms;
  return keeper_set_cursor(k, &cursor);
}

static enum err put_gate(void *arg, const struct gate_row *row) { return keeper_put(arg, TABLE_GATE, row); }

enum err keeper_clock(struct keeper *k, struct change *c) {
  struct clock_row row = {.no = ++k->meta.last_edit_no, .was_ms = c->clock.was_ms, .is_ms = c->clock.is_ms};
  TRY(keeper_put(k, TABLE_CLOCK, &row));
  if (c->clock.is_ms >= c->clock.was_ms) return ERR_OK;
  TRY(gates_step_back(&k->gates, c->clock.is_ms, put_gate, k));
  void **cursors;
  size_t count;
  struct scan_args args = {.from = c->clock.is_ms + 1, .to = INT64_MAX};
  struct arena held = arena_new(KEEPER_SCRATCH_BYTES);
  enum err e = rows_collect(k->rows, SCAN_CURSOR_AHEAD, &args, SIZE_MAX, &held, &cursors, &count);
  for (size_t i = 0; e == ERR_OK && i < count; i++) {
    int64_t job_no = ((const struct cursor_row *)cursors[i])->job_no;
    struct cached_job *j;
    e = keeper_job(k, job_no, &j);
    if (e == ERR_OK && j->job->is_active) e = step_back(k, job_no, c->clock.is_ms);
    arena_free(&k->scratch);
  }
  arena_free(&held);
  return e;
}
