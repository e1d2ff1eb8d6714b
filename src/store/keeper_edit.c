/* Edits (DESIGN 6): definitions, gates, settings. Every edit has three steps for each job it concerns:
 *  1. what fell due up to `from` is settled under the old rules; claims and gaps beyond are taken back;
 *  2. the change itself;
 *  3. the cursor goes on from `from` under the new rules, claimed anew up to the horizon. */
#include <stdlib.h>

#include "base/id.h"
#include "store/keeper.h"

#define SPLAY_MAX_MS (86400 * 1000LL) /* bound of job.splay */

struct edit {
  int64_t at_ms, until_ms;
  const struct edit_from *from;
  size_t from_count;
  enum reason late_reason;
  int64_t *jobs; /* concerned, ascending; in the arena of the edit */
  size_t job_count;
  struct arena arena;
};

static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t add_ms(int64_t at_ms, int64_t ms) {
  return at_ms > INSTANT_NEVER - ms ? INSTANT_NEVER : at_ms + ms;
}

/* If-Match: 0 and null ask for nothing. */
static bool is_outdated(int64_t if_updated_ms, int64_t updated_ms) {
  return if_updated_ms != FIELD_NULL && if_updated_ms != 0 && if_updated_ms != updated_ms;
}

static int64_t edit_from(const struct edit *e, int64_t job_no) {
  for (size_t i = 0; i < e->from_count; i++)
    if (e->from[i].job_no == job_no) return max_of(e->at_ms, e->from[i].from_ms);
  return e->at_ms;
}

/* ---- step 1 ---- */

static enum err withdraw_claims(struct keeper *k, int64_t job_no, int64_t from_ms) {
  void **rows;
  size_t count;
  struct scan_args args = {.key = job_no, .from = add_ms(from_ms, 1), .to = INT64_MAX};
  TRY(rows_collect(k->rows, SCAN_LEDGER_PENDING_JOB, &args, SIZE_MAX, &k->scratch, &rows, &count));
  for (size_t i = 0; i < count; i++) TRY(keeper_del(k, TABLE_LEDGER, rows[i]));
  return ERR_OK;
}

static enum err trim_gaps(struct keeper *k, struct cached_job *j, int64_t from_ms) {
  void **gaps;
  size_t count;
  struct scan_args args = {.key = j->job->no, .from = add_ms(from_ms, 1), .to = INT64_MAX};
  TRY(rows_collect(k->rows, SCAN_GAP_JOB, &args, SIZE_MAX, &k->scratch, &gaps, &count));
  for (size_t i = 0; i < count; i++) {
    struct gap_row *gap = gaps[i];
    if (gap->first_ms > from_ms) {
      TRY(keeper_del(k, TABLE_GAP, gap));
      continue;
    }
    gap->count -= schedule_count(j->schedule, from_ms, gap->last_ms, INT64_MAX, NULL, NULL);
    gap->last_ms = schedule_prev(j->schedule, from_ms + 1);
    TRY(gap->count > 0 ? keeper_put(k, TABLE_GAP, gap) : keeper_del(k, TABLE_GAP, gap));
  }
  return ERR_OK;
}

/* A claim that a later step of the same edit takes back is not in the answer. */
static void unlist_claims(struct keeper *k, int64_t job_no, int64_t from_ms) {
  size_t kept = 0;
  for (size_t i = 0; i < k->list.count; i++) {
    struct claim *c = &k->list.items[i];
    if (c->job->no == job_no && c->due_ms > from_ms) job_unref(c->job);
    else k->list.items[kept++] = *c;
  }
  k->list.count = kept;
}

static enum err settle_old(struct keeper *k, const struct edit *e, int64_t job_no) {
  struct cursor_row cursor;
  struct cached_job *j;
  TRY(keeper_cursor(k, job_no, &cursor));
  int64_t from_ms = edit_from(e, job_no);
  if (cursor.next_due_ms > from_ms && cursor.through_ms <= from_ms) return ERR_OK;
  TRY(keeper_job(k, job_no, &j));
  if (cursor.next_due_ms <= from_ms) {
    int64_t until_ms;
    bool is_open = gates_at(&k->gates, j->job, cursor.next_due_ms, &until_ms) == GATE_OPEN;
    struct claim_window w = {.now_ms = is_open ? e->at_ms : from_ms,
                             .until_ms = add_ms(from_ms, j->splay_ms),
                             .max = SIZE_MAX,
                             .late_reason = e->late_reason};
    TRY(keeper_claim_job(k, job_no, &w));
  }
  unlist_claims(k, job_no, from_ms);
  TRY(withdraw_claims(k, job_no, from_ms));
  return trim_gaps(k, j, from_ms);
}

/* ---- step 3 ---- */

static enum err replan(struct keeper *k, const struct edit *e, int64_t job_no) {
  struct cached_job *j;
  TRY(keeper_job(k, job_no, &j));
  struct cursor_row cursor = {.job_no = job_no, .through_ms = edit_from(e, job_no)};
  cursor.next_due_ms = j->job->is_active ? schedule_next(j->schedule, cursor.through_ms) : INSTANT_NEVER;
  cursor.not_before_ms = add_ms(cursor.next_due_ms, j->splay_ms);
  TRY(keeper_set_cursor(k, &cursor));
  struct claim_window w = {
      .now_ms = e->at_ms, .until_ms = e->until_ms, .max = LIMIT_CLAIM_BATCH, .late_reason = e->late_reason};
  return cursor.not_before_ms <= e->until_ms ? keeper_claim_job(k, job_no, &w) : ERR_OK;
}

static enum err settle_all(struct keeper *k, const struct edit *e) {
  for (size_t i = 0; i < e->job_count; i++) {
    TRY(settle_old(k, e, e->jobs[i]));
    arena_free(&k->scratch);
  }
  return ERR_OK;
}

static enum err replan_all(struct keeper *k, const struct edit *e) {
  for (size_t i = 0; i < e->job_count; i++) {
    TRY(replan(k, e, e->jobs[i]));
    arena_free(&k->scratch);
  }
  return ERR_OK;
}

/* ---- which jobs ---- */

static int by_number(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static enum err all_jobs(struct keeper *k, struct edit *e) {
  e->jobs = ARENA_ARRAY(&e->arena, int64_t, k->due.nodes.count + 1);
  if (!e->jobs) return ERR_NO_MEMORY;
  struct map_entry entry;
  for (size_t i = 0; map_next(&k->due.nodes, &i, &entry);) e->jobs[e->job_count++] = (int64_t)entry.key;
  qsort(e->jobs, e->job_count, sizeof *e->jobs, by_number);
  return ERR_OK;
}

struct number_list {
  struct map *map;
  enum err error;
};

static bool note_ahead(void *arg, const void *record) {
  static char mark;
  struct number_list *l = arg;
  l->error = map_put(l->map, (uint64_t)((const struct cursor_row *)record)->job_no, &mark);
  return l->error == ERR_OK;
}

/* A gate over everything: jobs that are neither claimed beyond now nor due soon need no planning. */
static enum err drop_far_jobs(struct keeper *k, struct edit *e) {
  struct map ahead = {};
  struct number_list l = {.map = &ahead};
  struct scan_args args = {.from = add_ms(e->at_ms, 1), .to = INT64_MAX};
  enum err error = k->rows->ops->scan(k->rows, SCAN_CURSOR_AHEAD, &args, note_ahead, &l);
  if (error == ERR_OK) error = l.error;
  int64_t soon_ms = add_ms(e->until_ms, SPLAY_MAX_MS + LIMIT_CLAIM_HORIZON_MS);
  size_t kept = 0;
  for (size_t i = 0; error == ERR_OK && i < e->job_count; i++) {
    struct due_node *n = due_get(&k->due, e->jobs[i]);
    due_dirty(&k->due, n); /* nextRunAt comes or goes */
    if (n->heap.key <= soon_ms || map_get(&ahead, (uint64_t)e->jobs[i])) e->jobs[kept++] = e->jobs[i];
  }
  e->job_count = kept;
  map_free(&ahead);
  return error;
}

struct job_filter {
  struct edit *edit;
  bool (*concerns)(const void *arg, const struct job *job);
  const void *arg;
};

static bool keep_concerned(void *arg, const void *record) {
  struct job_filter *f = arg;
  const struct job *job = record;
  if (f->concerns(f->arg, job)) f->edit->jobs[f->edit->job_count++] = job->no;
  return true;
}

static enum err filtered_jobs(struct keeper *k, struct edit *e, enum scan_id scan,
                              const struct scan_args *args, struct job_filter *f) {
  e->jobs = ARENA_ARRAY(&e->arena, int64_t, k->due.nodes.count + 1);
  if (!e->jobs) return ERR_NO_MEMORY;
  f->edit = e;
  return k->rows->ops->scan(k->rows, scan, args, keep_concerned, f);
}

static bool gate_concerns(const void *arg, const struct job *job) { return change_gate_concerns(arg, job); }

static enum err gate_jobs(struct keeper *k, const struct change *c, struct edit *e) {
  struct job_filter f = {.concerns = gate_concerns, .arg = c};
  switch (c->gate.scope) {
    case GATE_SCOPE_JOB:
      if (!due_get(&k->due, c->gate.job_no)) return ERR_NOT_FOUND;
      e->jobs = ARENA_NEW(&e->arena, int64_t);
      if (!e->jobs) return ERR_NO_MEMORY;
      e->jobs[e->job_count++] = c->gate.job_no;
      return ERR_OK;
    case GATE_SCOPE_CATEGORY: {
      if (!c->gate.key) return ERR_INVALID;
      struct scan_args args = {.text = c->gate.key};
      return filtered_jobs(k, e, SCAN_JOB_CATEGORY, &args, &f);
    }
    case GATE_SCOPE_WORLD_JOBS: return filtered_jobs(k, e, SCAN_JOB_ALL, &SCAN_ALL, &f);
    case GATE_SCOPE_ALL:
    case GATE_SCOPE_PROCESS: TRY(all_jobs(k, e)); return drop_far_jobs(k, e);
  }
  return ERR_INVALID;
}

/* ---- gates ---- */

static enum err put_shifts(struct keeper *k, const struct edit *e, int64_t edit_no) {
  for (size_t i = 0; i < e->from_count; i++) {
    if (e->from[i].from_ms <= e->at_ms) continue;
    struct shift_row row = {.edit_no = edit_no, .job_no = e->from[i].job_no, .from_ms = e->from[i].from_ms};
    TRY(keeper_put(k, TABLE_SHIFT, &row));
    TRY(gates_add_shift(&k->gates, &row));
  }
  return ERR_OK;
}

static enum err close_gate(struct keeper *k, const struct change *c, const struct edit *e, int64_t from_ms) {
  struct gate_row row = {.no = ++k->meta.last_edit_no,
                         .scope = c->gate.scope,
                         .job_no = c->gate.job_no,
                         .gate = c->gate.gate,
                         .from_ms = from_ms,
                         .key = c->gate.key};
  row.until_ms = c->gate.gate_until_ms == INSTANT_NEVER || c->gate.gate_until_ms <= 0
                     ? INSTANT_NEVER
                     : c->gate.gate_until_ms - 1;
  if (row.until_ms <= from_ms) return ERR_OK; /* over before it began */
  TRY(keeper_put(k, TABLE_GATE, &row));
  TRY(gates_add(&k->gates, &row));
  return put_shifts(k, e, row.no * 2);
}

/* What the same scope and key had closed ends here; then the new one, if any, begins. */
static enum err turn_gate(struct keeper *k, const struct change *c, const struct edit *e) {
  int64_t from_ms = c->gate.scope == GATE_SCOPE_JOB ? edit_from(e, c->gate.job_no) : e->at_ms;
  struct gate_row *old = gates_find(&k->gates, c->gate.scope, c->gate.job_no, c->gate.key, from_ms);
  if (old) {
    old->until_ms = max_of(from_ms, old->from_ms);
    TRY(keeper_put(k, TABLE_GATE, old));
    if (c->gate.scope != GATE_SCOPE_JOB) TRY(put_shifts(k, e, old->no * 2 + 1));
  }
  return c->gate.gate == GATE_OPEN ? ERR_OK : close_gate(k, c, e, from_ms);
}

static enum err note_world_jobs(struct keeper *k, const struct change *c);

static enum err edit_gate(struct keeper *k, const struct change *c, struct edit *e) {
  TRY(gate_jobs(k, c, e));
  TRY(settle_all(k, e));
  TRY(turn_gate(k, c, e));
  if (c->gate.scope == GATE_SCOPE_WORLD_JOBS) TRY(note_world_jobs(k, c));
  return replan_all(k, e);
}

enum err keeper_gate(struct keeper *k, struct change *c) {
  struct edit e = {.at_ms = c->at_ms,
                   .until_ms = c->gate.until_ms,
                   .from = c->gate.from,
                   .from_count = c->gate.from_count,
                   .late_reason = REASON_WINDOW,
                   .arena = arena_new(KEEPER_SCRATCH_BYTES)};
  enum err error = edit_gate(k, c, &e);
  arena_free(&e.arena);
  if (error == ERR_NOT_FOUND) return err_set(&c->detail, error, "job", 0, "there is no such job");
  if (error == ERR_INVALID) return err_set(&c->detail, error, "category", 0, "name the category");
  TRY(error);
  return keeper_answer_claims(k, c);
}

/* ENABLE_CRON_JOBS changed between two starts. */
enum err keeper_process_gate(struct keeper *k, int64_t now_ms, bool is_off) {
  struct change c = {.kind = CHANGE_GATE,
                     .at_ms = now_ms,
                     .gate = {.scope = GATE_SCOPE_PROCESS,
                              .gate = is_off ? GATE_OFF : GATE_OPEN,
                              .gate_until_ms = INSTANT_NEVER,
                              .until_ms = now_ms}};
  struct edit e = {.at_ms = now_ms,
                   .until_ms = now_ms,
                   .late_reason = REASON_SERVER_DOWN,
                   .arena = arena_new(KEEPER_SCRATCH_BYTES)};
  enum err error = edit_gate(k, &c, &e);
  arena_free(&e.arena);
  keeper_drop_claims(k); /* they are pending rows, which the core finds among what was left open */
  k->meta.is_process_off = is_off;
  return error;
}

/* ---- settings ---- */

enum err keeper_add_settings_version(struct keeper *k, const struct settings *s, int64_t from_ms,
                                     const char *actor) {
  struct settings_version_row row = {
      .no = ++k->meta.last_edit_no, .from_ms = from_ms, .timezone = s->timezone, .actor = actor};
  row.definition = record_to_text(settings_fields, settings_field_count, s, &k->scratch);
  if (!row.definition) return ERR_NO_MEMORY;
  return keeper_put(k, TABLE_SETTINGS_VERSION, &row);
}

static enum err put_settings(struct keeper *k, struct settings *s, int64_t at_ms, const char *actor) {
  TRY(keeper_put(k, TABLE_SETTINGS, s));
  TRY(keeper_add_settings_version(k, s, at_ms, actor));
  settings_unref(k->settings);
  k->settings = settings_ref(s);
  return ERR_OK;
}

static struct settings *next_settings(const struct keeper *k, const struct settings *question,
                                      int64_t at_ms) {
  struct settings s = *question;
  s.id = k->settings->id;
  s.system_id = k->settings->system_id;
  s.created_ms = k->settings->created_ms;
  s.world_jobs_stopped = k->settings->world_jobs_stopped;
  s.updated_ms = max_of(at_ms, k->settings->updated_ms + 1);
  if (!s.timezone) s.timezone = k->settings->timezone;
  return settings_copy(&s);
}

static enum err note_world_jobs(struct keeper *k, const struct change *c) {
  struct settings s = *k->settings;
  s.world_jobs_stopped = c->gate.gate != GATE_OPEN;
  s.updated_ms = max_of(c->at_ms, s.updated_ms + 1);
  struct settings *copy = settings_copy(&s);
  if (!copy) return ERR_NO_MEMORY;
  enum err e = put_settings(k, copy, c->at_ms, c->audit.actor);
  settings_unref(copy);
  return e;
}

struct settings_question {
  const struct settings *before, *after;
};

static bool settings_concern(const void *arg, const struct job *job) {
  const struct settings_question *q = arg;
  return settings_change_concerns(q->before, q->after, job);
}

static enum err turn_enabled(struct keeper *k, const struct change *c, const struct edit *e,
                             const struct settings *after) {
  if (after->is_enabled == k->settings->is_enabled) return ERR_OK;
  struct change gate = {.kind = CHANGE_GATE,
                        .at_ms = c->at_ms,
                        .gate = {.scope = GATE_SCOPE_ALL,
                                 .key = "settings",
                                 .gate = after->is_enabled ? GATE_OPEN : GATE_OFF,
                                 .gate_until_ms = INSTANT_NEVER}};
  return turn_gate(k, &gate, e);
}

static enum err edit_settings(struct keeper *k, struct change *c, struct edit *e, struct settings *after) {
  struct settings_question q = {k->settings, after};
  bool is_zone = !str_eq(str_of(after->timezone), str_of(k->settings->timezone));
  struct job_filter f = {.concerns = settings_concern, .arg = &q};
  if (is_zone) {
    const struct tz *z;
    TRY(tz_find(k->tzdb, str_of(after->timezone), &z, &c->detail));
    TRY(filtered_jobs(k, e, SCAN_JOB_ALL, &SCAN_ALL, &f));
  } else if (after->is_enabled != k->settings->is_enabled) {
    TRY(all_jobs(k, e));
    TRY(drop_far_jobs(k, e));
  }
  TRY(settle_all(k, e));
  TRY(turn_enabled(k, c, e, after));
  TRY(put_settings(k, after, c->at_ms, c->audit.actor));
  TRY(put_shifts(k, e, -k->meta.last_edit_no));
  if (is_zone) keeper_forget_jobs(k);
  return replan_all(k, e);
}

enum err keeper_settings(struct keeper *k, struct change *c) {
  if (is_outdated(c->settings.if_updated_ms, k->settings->updated_ms))
    return err_set(&c->detail, ERR_PRECONDITION, "updatedAt", 0,
                   "the settings have changed since you read them");
  struct settings *after = next_settings(k, c->settings.settings, c->at_ms);
  if (!after) return ERR_NO_MEMORY;
  struct edit e = {.at_ms = c->at_ms,
                   .until_ms = c->settings.until_ms,
                   .from = c->settings.from,
                   .from_count = c->settings.from_count,
                   .late_reason = REASON_WINDOW,
                   .arena = arena_new(KEEPER_SCRATCH_BYTES)};
  enum err error = edit_settings(k, c, &e, after);
  arena_free(&e.arena);
  if (error == ERR_OK) error = keeper_answer_claims(k, c);
  if (error == ERR_OK) c->settings.saved = settings_ref(after);
  settings_unref(after);
  return error;
}

/* ---- zone data changed: what is claimed stays, what comes after the cursor is planned anew ---- */

enum err keeper_replan_all(struct keeper *k, int64_t now_ms) {
  struct edit e = {.at_ms = now_ms, .arena = arena_new(KEEPER_SCRATCH_BYTES)};
  keeper_forget_jobs(k);
  enum err error = all_jobs(k, &e);
  for (size_t i = 0; error == ERR_OK && i < e.job_count; i++) {
    struct cursor_row cursor;
    struct cached_job *j;
    error = keeper_cursor(k, e.jobs[i], &cursor);
    if (error != ERR_OK || cursor.next_due_ms == INSTANT_NEVER) continue;
    error = keeper_job(k, e.jobs[i], &j);
    if (error != ERR_OK || schedule_kind(j->schedule) == SCHEDULE_REBOOT) continue;
    cursor.next_due_ms = schedule_next(j->schedule, cursor.through_ms);
    cursor.not_before_ms = add_ms(cursor.next_due_ms, j->splay_ms);
    error = keeper_set_cursor(k, &cursor);
    arena_free(&k->scratch);
  }
  arena_free(&e.arena);
  return error;
}

/* ---- definitions ---- */

static enum err check_name(struct keeper *k, struct change *c, const struct job *job) {
  struct job other = {};
  enum err e = k->rows->ops->find(k->rows, TABLE_JOB, "name", str_of(job->name), &other, &k->scratch);
  if (e == ERR_OK && other.no != job->no)
    return err_set(&c->detail, ERR_CONFLICT, "name", 0, "there is a job of this name");
  return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err check_system(struct keeper *k, struct change *c, const struct job *job) {
  struct system_row system;
  if (!job->system_id) return ERR_OK;
  enum err e = k->rows->ops->find(k->rows, TABLE_SYSTEM, "id", str_of(job->system_id), &system, &k->scratch);
  return e == ERR_NOT_FOUND ? err_set(&c->detail, ERR_INVALID, "systemId", 0, "there is no such system") : e;
}

static enum err first_fill(struct keeper *k, struct job *job, int64_t at_ms) {
  job->no = ++k->meta.last_job_no;
  job->version = 1;
  if (!job->id) {
    struct id_maker maker = {.last = 0};
    int64_t number = id_next(&maker, at_ms) + job->no; /* unique by the job's number within its millisecond */
    job->id = arena_strdup(&k->scratch, str_of(id_to_text(number).text));
    if (!job->id) return ERR_NO_MEMORY;
  }
  if (!job->system_id) job->system_id = k->settings->system_id;
  if (job->seed == FIELD_NULL) job->seed = (int64_t)schedule_seed(str_of(job->id));
  job->created_ms = job->updated_ms = at_ms;
  if (job->anchor_ms == FIELD_NULL) job->anchor_ms = at_ms;
  job->last_run_ms = job->next_run_ms = FIELD_NULL;
  job->failures = 0;
  return ERR_OK;
}

/* What belongs to the store stays; the question brings the rest. */
static void next_fill(struct job *job, const struct job *old, const struct change *c) {
  job->version = old->version + 1;
  job->id = old->id;
  if (!job->system_id) job->system_id = old->system_id;
  job->created_ms = old->created_ms;
  job->updated_ms = max_of(c->at_ms, old->updated_ms + 1);
  job->last_run_ms = old->last_run_ms;
  job->failures = job->is_active && !old->is_active ? 0 : old->failures; /* enabled again: a new chance */
  job->seed = old->seed;
  bool same = c->job.keeps_anchor || str_eq(str_of(job->schedule), str_of(old->schedule));
  job->anchor_ms = same ? old->anchor_ms : c->at_ms;
  if (job->is_active) job->disabled_reason = NULL;
}

static enum err put_version(struct keeper *k, const struct job *job, const struct change *c,
                            int64_t from_ms) {
  struct job definition = *job;
  definition.last_run_ms = definition.next_run_ms = definition.failures = FIELD_NULL;
  struct version_row row = {.job_no = job->no,
                            .version = job->version,
                            .from_ms = from_ms,
                            .to_ms = INSTANT_NEVER,
                            .made_ms = c->at_ms,
                            .is_active = job->is_active,
                            .actor = c->audit.actor};
  row.definition = record_to_text(job_fields, job_field_count, &definition, &k->scratch);
  if (!row.definition) return ERR_NO_MEMORY;
  return keeper_put(k, TABLE_VERSION, &row);
}

static enum err end_version(struct keeper *k, int64_t job_no, int64_t version, int64_t to_ms) {
  struct version_row row;
  TRY(k->rows->ops->get(k->rows, TABLE_VERSION, (int64_t[]){job_no, version}, &row, &k->scratch));
  row.to_ms = max_of(to_ms, row.from_ms);
  return keeper_put(k, TABLE_VERSION, &row);
}

/* A delete or disable: what waits is settled, also queued runs. */
static enum err settle_waiting(struct keeper *k, int64_t job_no, int64_t at_ms) {
  void **rows;
  size_t count;
  struct scan_args args = {.key = job_no, .from = INT64_MIN, .to = INT64_MAX};
  TRY(rows_collect(k->rows, SCAN_LEDGER_PENDING_JOB, &args, SIZE_MAX, &k->scratch, &rows, &count));
  for (size_t i = 0; i < count; i++) {
    struct ledger_row *row = rows[i];
    row->state = OCCURRENCE_SKIPPED;
    row->reason = REASON_DISABLED;
    TRY(keeper_put(k, TABLE_LEDGER, row));
  }
  TRY(rows_collect(k->rows, SCAN_RUN_OPEN, &SCAN_ALL, SIZE_MAX, &k->scratch, &rows, &count));
  for (size_t i = 0; i < count; i++) {
    struct run *run = rows[i];
    if (run->job_no != job_no || run->status != RUN_QUEUED) continue;
    run->status = RUN_SKIPPED;
    run->reason = REASON_DISABLED;
    run->finished_ms = at_ms;
    TRY(keeper_put(k, TABLE_RUN, run));
  }
  unlist_claims(k, job_no, INSTANT_NONE);
  return ERR_OK;
}

static enum err check_schedule(struct keeper *k, struct change *c, const struct job *job) {
  struct schedule *s;
  TRY(keeper_compile(k, job, k->settings->timezone, c->at_ms, &s, &c->detail));
  schedule_free(s);
  return ERR_OK;
}

static enum err create_job(struct keeper *k, struct change *c, struct job *job, struct edit *e) {
  TRY(check_name(k, c, job));
  TRY(check_system(k, c, job));
  TRY(first_fill(k, job, c->at_ms));
  TRY(check_schedule(k, c, job));
  TRY(keeper_put(k, TABLE_JOB, job));
  TRY(put_version(k, job, c, e->at_ms));
  return replan(k, e, job->no);
}

static enum err replace_job(struct keeper *k, struct change *c, struct job *job, struct edit *e) {
  struct job old = {};
  enum err error = k->rows->ops->get(k->rows, TABLE_JOB, &job->no, &old, &k->scratch);
  if (error == ERR_NOT_FOUND) return err_set(&c->detail, error, "job", 0, "there is no such job");
  TRY(error);
  if (is_outdated(c->job.if_updated_ms, old.updated_ms))
    return err_set(&c->detail, ERR_PRECONDITION, "updatedAt", 0, "the job has changed since you read it");
  TRY(check_name(k, c, job));
  TRY(check_system(k, c, job));
  next_fill(job, &old, c);
  TRY(check_schedule(k, c, job));
  int64_t from_ms = edit_from(e, job->no);
  if (old.is_active) TRY(settle_old(k, e, job->no));
  if (!job->is_active) TRY(settle_waiting(k, job->no, c->at_ms));
  TRY(end_version(k, job->no, old.version, from_ms));
  TRY(keeper_put(k, TABLE_JOB, job));
  TRY(put_version(k, job, c, from_ms));
  keeper_forget_job(k, job->no);
  due_get(&k->due, job->no)->failures_age = 0;
  return replan(k, e, job->no);
}

static int64_t shown_next_ms(struct keeper *k, const struct cached_job *j, int64_t now_ms) {
  if (!j->job->is_active) return FIELD_NULL;
  int64_t next_ms = schedule_next(j->schedule, now_ms), until_ms;
  if (next_ms == INSTANT_NEVER) return FIELD_NULL;
  return gates_at(&k->gates, j->job, next_ms, &until_ms) == GATE_OFF ? FIELD_NULL : next_ms;
}

static enum err answer_saved(struct keeper *k, struct change *c, int64_t job_no) {
  struct cached_job *j;
  TRY(keeper_job(k, job_no, &j));
  struct job shown = *j->job;
  shown.next_run_ms = shown_next_ms(k, j, c->at_ms);
  TRY(k->rows->ops->job_touch(k->rows, job_no, FIELD_NULL, shown.next_run_ms));
  c->job.saved = job_copy(&shown);
  return c->job.saved ? ERR_OK : ERR_NO_MEMORY;
}

enum err keeper_job_save(struct keeper *k, struct change *c) {
  ASSERT(c->job.job);
  struct job job;
  memcpy(&job, c->job.job, sizeof job);
  bool is_new = job.no == 0;
  struct edit_from from = {.job_no = job.no, .from_ms = c->job.from_ms};
  struct edit e = {.at_ms = c->at_ms,
                   .until_ms = c->job.until_ms,
                   .from = &from,
                   .from_count = is_new ? 0 : 1,
                   .late_reason = REASON_WINDOW};
  TRY(is_new ? create_job(k, c, &job, &e) : replace_job(k, c, &job, &e));
  TRY(answer_saved(k, c, job.no));
  return keeper_answer_claims(k, c);
}

enum err keeper_job_delete(struct keeper *k, struct change *c) {
  struct job old = {};
  enum err error = k->rows->ops->get(k->rows, TABLE_JOB, &c->job.job_no, &old, &k->scratch);
  if (error == ERR_NOT_FOUND) return err_set(&c->detail, error, "job", 0, "there is no such job");
  TRY(error);
  if (is_outdated(c->job.if_updated_ms, old.updated_ms))
    return err_set(&c->detail, ERR_PRECONDITION, "updatedAt", 0, "the job has changed since you read it");
  struct edit_from from = {.job_no = old.no, .from_ms = c->job.from_ms};
  struct edit e = {.at_ms = c->at_ms,
                   .until_ms = c->job.until_ms,
                   .from = &from,
                   .from_count = 1,
                   .late_reason = REASON_WINDOW};
  if (old.is_active) TRY(settle_old(k, &e, old.no));
  TRY(settle_waiting(k, old.no, c->at_ms));
  TRY(end_version(k, old.no, old.version, edit_from(&e, old.no)));
  struct cursor_row cursor = {.job_no = old.no};
  TRY(keeper_del(k, TABLE_CURSOR, &cursor));
  TRY(keeper_del(k, TABLE_JOB, &old));
  keeper_forget_job(k, old.no);
  TRY(due_drop(&k->due, old.no));
  return keeper_answer_claims(k, c);
}
