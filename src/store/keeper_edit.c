/* Edits (DESIGN 6): definitions, gates, settings. Every edit has three steps for each job it concerns:
 *  1. what fell due up to `from` is settled under the old rules; claims and gaps beyond are taken back;
 *  2. the change itself;
 *  3. the cursor goes on from `from` under the new rules, claimed anew up to the horizon. */
#include <stdlib.h>

#include "store/keeper_edit.h"

#define SPLAY_MAX_MS (86400 * 1000LL) /* bound of job.splay */

static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t add_ms(int64_t at_ms, int64_t ms) {
  return at_ms > INSTANT_NEVER - ms ? INSTANT_NEVER : at_ms + ms;
}

/* If-Match: 0 and null ask for nothing. */
bool edit_is_outdated(int64_t if_updated_ms, int64_t updated_ms) {
  return if_updated_ms != FIELD_NULL && if_updated_ms != 0 && if_updated_ms != updated_ms;
}

int64_t edit_from_ms(const struct edit *e, int64_t job_no) {
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
  for (size_t i = 0; i < count; i++) TRY(keeper_cut_gap(k, j, gaps[i], from_ms));
  return ERR_OK;
}

/* A claim that a later step of the same edit takes back is not in the answer. */
void edit_unlist_claims(struct keeper *k, int64_t job_no, int64_t from_ms) {
  size_t kept = 0;
  for (size_t i = 0; i < k->list.count; i++) {
    struct claim *c = &k->list.items[i];
    if (c->job->no == job_no && c->due_ms > from_ms) job_unref(c->job);
    else k->list.items[kept++] = *c;
  }
  k->list.count = kept;
}

enum err edit_settle_old(struct keeper *k, const struct edit *e, int64_t job_no) {
  struct cursor_row cursor;
  struct cached_job *j;
  TRY(keeper_cursor(k, job_no, &cursor));
  int64_t from_ms = edit_from_ms(e, job_no);
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
  edit_unlist_claims(k, job_no, from_ms);
  TRY(withdraw_claims(k, job_no, from_ms));
  return trim_gaps(k, j, from_ms);
}

/* ---- step 3 ---- */

enum err edit_replan(struct keeper *k, const struct edit *e, int64_t job_no) {
  struct cached_job *j;
  TRY(keeper_job(k, job_no, &j));
  struct cursor_row cursor = {.job_no = job_no, .through_ms = edit_from_ms(e, job_no)};
  cursor.next_due_ms = j->job->is_active ? schedule_next(j->schedule, cursor.through_ms) : INSTANT_NEVER;
  cursor.not_before_ms = add_ms(cursor.next_due_ms, j->splay_ms);
  TRY(keeper_set_cursor(k, &cursor));
  struct claim_window w = {
      .now_ms = e->at_ms, .until_ms = e->until_ms, .max = LIMIT_CLAIM_BATCH, .late_reason = e->late_reason};
  return cursor.not_before_ms <= e->until_ms ? keeper_claim_job(k, job_no, &w) : ERR_OK;
}

static enum err settle_all(struct keeper *k, const struct edit *e) {
  for (size_t i = 0; i < e->job_count; i++) {
    TRY(edit_settle_old(k, e, e->jobs[i]));
    arena_free(&k->scratch);
  }
  return ERR_OK;
}

static enum err replan_all(struct keeper *k, const struct edit *e) {
  for (size_t i = 0; i < e->job_count; i++) {
    TRY(edit_replan(k, e, e->jobs[i]));
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
  int64_t from_ms = c->gate.scope == GATE_SCOPE_JOB ? edit_from_ms(e, c->gate.job_no) : e->at_ms;
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

enum err edit_turn_enabled(struct keeper *k, const struct change *c, const struct edit *e,
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
  TRY(edit_turn_enabled(k, c, e, after));
  TRY(put_settings(k, after, c->at_ms, c->audit.actor));
  TRY(put_shifts(k, e, -k->meta.last_edit_no));
  if (is_zone) keeper_forget_jobs(k);
  return replan_all(k, e);
}

enum err keeper_settings(struct keeper *k, struct change *c) {
  if (edit_is_outdated(c->settings.if_updated_ms, k->settings->updated_ms))
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

struct settings_search {
  struct arena *arena;
  char *definition;
};

static bool take_definition(void *arg, const void *record) {
  struct settings_search *s = arg;
  s->definition = arena_strdup(s->arena, str_of(((const struct settings_version_row *)record)->definition));
  return true;
}

enum err keeper_load_last_settings(struct keeper *k) {
  struct settings_search s = {.arena = &k->scratch};
  struct settings row;
  settings_init(&row);
  TRY(k->rows->ops->scan(k->rows, SCAN_SETTINGS_VERSION_ALL, &SCAN_ALL, take_definition, &s));
  if (!s.definition) return ERR_STORE_CORRUPT;
  TRY(record_from_text(settings_fields, settings_field_count, str_of(s.definition), &row, &k->scratch));
  struct settings *copy = settings_copy(&row);
  if (!copy) return ERR_NO_MEMORY;
  settings_unref(k->settings);
  k->settings = copy;
  return ERR_OK;
}

enum err keeper_restore_settings(struct keeper *k) {
  TRY(keeper_load_last_settings(k));
  return keeper_put(k, TABLE_SETTINGS, k->settings);
}

enum err keeper_adopt_settings(struct keeper *k, const struct change *c, const struct edit *e,
                               struct settings *after) {
  bool is_zone = !str_eq(str_of(after->timezone), str_of(k->settings->timezone));
  struct edit all = *e;
  all.arena = arena_new(KEEPER_SCRATCH_BYTES);
  all.jobs = NULL;
  all.job_count = 0;
  enum err error = all_jobs(k, &all);
  if (error == ERR_OK) error = settle_all(k, &all);
  if (error == ERR_OK) error = edit_turn_enabled(k, c, &all, after);
  if (error == ERR_OK) error = put_settings(k, after, e->at_ms, c->audit.actor);
  if (is_zone) keeper_forget_jobs(k);
  if (error == ERR_OK) error = replan_all(k, &all);
  arena_free(&all.arena);
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
