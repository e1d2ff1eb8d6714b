/* Definitions: creating, editing, deleting a job, and what SQL from outside has made of one. */
#include "base/id.h"
#include "base/map.h"
#include "store/keeper_edit.h"

static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

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

/* ERR_NOT_FOUND: no job has it. */
static enum err find_id(struct keeper *k, const char *id) {
  struct job other = {};
  return k->rows->ops->find(k->rows, TABLE_JOB, "id", str_of(id), &other, &k->scratch);
}

/* Unique by the job's number within its millisecond, unless one was proposed in it. */
static enum err make_id(struct keeper *k, struct job *job, int64_t at_ms) {
  struct id_maker maker = {.last = 0};
  maker.last = id_next(&maker, at_ms) + job->no - 1;
  for (;;) {
    job->id = arena_strdup(&k->scratch, str_of(id_to_text(id_next(&maker, at_ms)).text));
    if (!job->id) return ERR_NO_MEMORY;
    enum err e = find_id(k, job->id);
    if (e != ERR_OK) return e == ERR_NOT_FOUND ? ERR_OK : e;
  }
}

static enum err check_id(struct keeper *k, struct change *c, const struct job *job) {
  enum err e = job->id ? find_id(k, job->id) : ERR_NOT_FOUND;
  if (e != ERR_OK) return e == ERR_NOT_FOUND ? ERR_OK : e;
  e = err_set(&c->detail, ERR_CONFLICT, "id", 0, "there is a job of this id");
  err_hint(&c->detail, "leave it out, or have another one proposed");
  return e;
}

static enum err first_fill(struct keeper *k, struct job *job, int64_t at_ms) {
  job->no = ++k->meta.last_job_no;
  job->version = 1;
  if (!job->id) TRY(make_id(k, job, at_ms));
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
  edit_unlist_claims(k, job_no, INSTANT_NONE);
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
  TRY(check_id(k, c, job));
  TRY(check_system(k, c, job));
  TRY(first_fill(k, job, c->at_ms));
  TRY(check_schedule(k, c, job));
  TRY(keeper_put(k, TABLE_JOB, job));
  TRY(put_version(k, job, c, e->at_ms));
  return edit_replan(k, e, job->no);
}

static enum err replace_job(struct keeper *k, struct change *c, struct job *job, struct edit *e) {
  struct job old = {};
  enum err error = k->rows->ops->get(k->rows, TABLE_JOB, &job->no, &old, &k->scratch);
  if (error == ERR_NOT_FOUND) return err_set(&c->detail, error, "job", 0, "there is no such job");
  TRY(error);
  if (edit_is_outdated(c->job.if_updated_ms, old.updated_ms))
    return err_set(&c->detail, ERR_PRECONDITION, "updatedAt", 0, "the job has changed since you read it");
  TRY(check_name(k, c, job));
  TRY(check_system(k, c, job));
  next_fill(job, &old, c);
  TRY(check_schedule(k, c, job));
  int64_t from_ms = edit_from_ms(e, job->no);
  if (old.is_active) TRY(edit_settle_old(k, e, job->no));
  if (!job->is_active) TRY(settle_waiting(k, job->no, c->at_ms));
  TRY(end_version(k, job->no, old.version, from_ms));
  TRY(keeper_put(k, TABLE_JOB, job));
  TRY(put_version(k, job, c, from_ms));
  keeper_forget_job(k, job->no);
  due_get(&k->due, job->no)->failures_age = 0;
  return edit_replan(k, e, job->no);
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
  if (edit_is_outdated(c->job.if_updated_ms, old.updated_ms))
    return err_set(&c->detail, ERR_PRECONDITION, "updatedAt", 0, "the job has changed since you read it");
  struct edit_from from = {.job_no = old.no, .from_ms = c->job.from_ms};
  struct edit e = {.at_ms = c->at_ms,
                   .until_ms = c->job.until_ms,
                   .from = &from,
                   .from_count = 1,
                   .late_reason = REASON_WINDOW};
  if (old.is_active) TRY(edit_settle_old(k, &e, old.no));
  TRY(settle_waiting(k, old.no, c->at_ms));
  TRY(end_version(k, old.no, old.version, edit_from_ms(&e, old.no)));
  struct cursor_row cursor = {.job_no = old.no};
  TRY(keeper_del(k, TABLE_CURSOR, &cursor));
  TRY(keeper_del(k, TABLE_JOB, &old));
  keeper_forget_job(k, old.no);
  TRY(due_drop(&k->due, old.no));
  return keeper_answer_claims(k, c);
}

enum err keeper_forget_test(struct keeper *k, const struct job *job) {
  ASSERT(job_is_test(job));
  void **versions;
  size_t count;
  struct scan_args args = {.key = job->no, .from = INT64_MIN, .to = INT64_MAX};
  TRY(rows_collect(k->rows, SCAN_VERSION_JOB, &args, SIZE_MAX, &k->scratch, &versions, &count));
  for (size_t i = 0; i < count; i++) TRY(keeper_del(k, TABLE_VERSION, versions[i]));
  struct cursor_row cursor = {.job_no = job->no};
  TRY(keeper_del(k, TABLE_CURSOR, &cursor));
  TRY(keeper_del(k, TABLE_JOB, job));
  keeper_forget_job(k, job->no);
  return due_drop(&k->due, job->no);
}

/* ---- SQL from outside, found at the next start ---- */

/* Under the old definition until now; the definition in the row is the new one already. */
static enum err cache_old(struct keeper *k, const struct job *row, const struct version_row *old) {
  struct job job;
  job_init(&job);
  TRY(record_from_text(job_fields, job_field_count, str_of(old->definition), &job, &k->scratch));
  job.no = row->no;
  job.version = old->version;
  return keeper_cache_job(k, &job);
}

static bool take_version(void *arg, const void *record) {
  *(struct version_row *)arg = *(const struct version_row *)record;
  return true;
}

static enum err newest_version(struct keeper *k, int64_t job_no, struct version_row *ret) {
  struct version_row last = {};
  struct scan_args args = {.key = job_no, .from = INT64_MIN, .to = INT64_MAX};
  TRY(k->rows->ops->scan(k->rows, SCAN_VERSION_JOB, &args, take_version, &last));
  if (last.version == 0) return ERR_NOT_FOUND;
  return k->rows->ops->get(k->rows, TABLE_VERSION, (int64_t[]){job_no, last.version}, ret, &k->scratch);
}

static enum err try_compile(struct keeper *k, const struct job *job, int64_t now_ms,
                            struct err_detail *detail) {
  struct schedule *s = NULL;
  enum err e = keeper_compile(k, job, k->settings->timezone, now_ms, &s, detail);
  schedule_free(s);
  return e;
}

/* Something that compiles, as the rest of us relies on it; what is good of it stays. */
static enum err replace_schedule(struct keeper *k, struct job *job, int64_t now_ms) {
  const struct job was = *job;
  job->schedule = "@yearly";
  if (try_compile(k, job, now_ms, NULL) == ERR_OK) return ERR_OK;
  job->timezone = NULL;
  job->schedule = was.schedule;
  if (try_compile(k, job, now_ms, NULL) == ERR_OK) return ERR_OK;
  job->dst = job->dialect = job->start_at_ms = job->end_at_ms = FIELD_NULL;
  job->schedule = "@yearly";
  return try_compile(k, job, now_ms, NULL);
}

/* What cannot be run is switched off, and says why: nobody may have another copy of what is replaced. */
static enum err disable_invalid(struct keeper *k, struct job *job, int64_t now_ms) {
  enum { QUOTED_BYTES = 100 };
  struct err_detail detail = {};
  enum err e = job_validate(job, &detail),
           compiled = try_compile(k, job, now_ms, e == ERR_OK ? &detail : NULL);
  if (compiled == ERR_NO_MEMORY || (e == ERR_OK && compiled == ERR_OK)) return compiled;
  job->is_active = 0;
  const char *was = "";
  if (compiled != ERR_OK) {
    was = arena_printf(&k->scratch, " (schedule: %.*s%s%.*s)", QUOTED_BYTES, job->schedule,
                       job->timezone ? ", timezone: " : "", QUOTED_BYTES, job->timezone ? job->timezone : "");
    if (!was) return ERR_NO_MEMORY;
    TRY(replace_schedule(k, job, now_ms));
  }
  job->disabled_reason = arena_printf(&k->scratch, "%s: %s%s", detail.field, detail.message, was);
  return job->disabled_reason ? ERR_OK : ERR_NO_MEMORY;
}

static void fill_missing(struct job *job, const struct settings *settings, int64_t now_ms) {
  if (job->seed == FIELD_NULL) job->seed = (int64_t)schedule_seed(str_of(job->id));
  if (job->created_ms == FIELD_NULL) job->created_ms = now_ms;
  if (job->updated_ms == FIELD_NULL) job->updated_ms = now_ms;
  if (job->anchor_ms == FIELD_NULL) job->anchor_ms = job->created_ms;
  if (job->failures == FIELD_NULL) job->failures = 0;
  if (!job->system_id) job->system_id = settings->system_id;
}

static enum err tell_outside(struct change *c, struct change_outside one) {
  size_t count = c->claim.outside_count;
  struct change_outside *all = (struct change_outside *)(uintptr_t)c->claim.outside;
  if (!(count & (count - 1))) { /* full at powers of two */
    all = ARENA_ARRAY(&c->arena, struct change_outside, count ? 2 * count : 1);
    if (!all) return arena_error(&c->arena);
    if (count) memcpy(all, c->claim.outside, count * sizeof *all);
    c->claim.outside = all;
  }
  all[c->claim.outside_count++] = one;
  return ERR_OK;
}

/* While we run the core holds what waits for this job, and settles it; at a start nobody does yet. */
static enum err settle_or_tell(struct keeper *k, const struct edit *e, int64_t job_no, bool is_active,
                               bool is_deleted) {
  if (!e->told) return is_active ? ERR_OK : settle_waiting(k, job_no, e->at_ms);
  return tell_outside(e->told, (struct change_outside){job_no, is_active, is_deleted});
}

static enum err take_over_job(struct keeper *k, const struct change *c, struct edit *e, struct job *job) {
  struct version_row old;
  enum err error = newest_version(k, job->no, &old);
  if (error != ERR_OK && error != ERR_NOT_FOUND) return error;
  bool is_new = error == ERR_NOT_FOUND;
  fill_missing(job, k->settings, e->at_ms);
  if (!is_new && old.is_active) {
    TRY(cache_old(k, job, &old));
    TRY(edit_settle_old(k, e, job->no));
    keeper_forget_job(k, job->no);
  }
  TRY(disable_invalid(k, job, e->at_ms));
  job->version = is_new ? 1 : old.version + 1;
  if (is_new && e->told) {
    TRY(tell_outside(e->told, (struct change_outside){job->no, job->is_active == 1, false}));
  } else if (!is_new) {
    TRY(end_version(k, job->no, old.version, edit_from_ms(e, job->no)));
    TRY(settle_or_tell(k, e, job->no, job->is_active == 1, false));
  }
  TRY(keeper_put(k, TABLE_JOB, job));
  TRY(put_version(k, job, c, edit_from_ms(e, job->no)));
  if (job->no > k->meta.last_job_no) k->meta.last_job_no = job->no;
  return edit_replan(k, e, job->no);
}

/* Jobs that have a cursor but no row any more. */
static enum err take_over_deletes(struct keeper *k, const struct edit *e) {
  void **cursors;
  size_t count;
  struct arena held = arena_new(KEEPER_SCRATCH_BYTES);
  enum err error = rows_collect(k->rows, SCAN_CURSOR_ALL, &SCAN_ALL, SIZE_MAX, &held, &cursors, &count);
  for (size_t i = 0; error == ERR_OK && i < count; i++) {
    const struct cursor_row *cursor = cursors[i];
    struct job job = {};
    struct version_row old;
    error = k->rows->ops->get(k->rows, TABLE_JOB, &cursor->job_no, &job, &k->scratch);
    if (error != ERR_NOT_FOUND) continue;
    error = newest_version(k, cursor->job_no, &old);
    job.no = cursor->job_no;
    if (error == ERR_OK) error = cache_old(k, &job, &old);
    if (error == ERR_OK) error = edit_settle_old(k, e, job.no);
    keeper_forget_job(k, job.no);
    if (error == ERR_OK) error = settle_or_tell(k, e, job.no, false, true);
    if (error == ERR_OK) error = end_version(k, job.no, old.version, edit_from_ms(e, job.no));
    if (error == ERR_OK) error = keeper_del(k, TABLE_CURSOR, cursor);
    if (error == ERR_OK) error = due_drop(&k->due, job.no);
    arena_free(&k->scratch);
  }
  arena_free(&held);
  return error;
}

static enum err take_over_settings(struct keeper *k, const struct change *c, const struct edit *e) {
  struct settings row = {};
  struct err_detail detail = {};
  TRY(k->rows->ops->get(k->rows, TABLE_SETTINGS, NULL, &row, &k->scratch));
  struct settings *after = settings_copy(&row);
  if (!after) return ERR_NO_MEMORY;
  const struct tz *z;
  enum err error = settings_validate(after, &detail);
  if (error == ERR_OK) error = tz_find(k->tzdb, str_of(after->timezone), &z, &detail);
  if (error == ERR_OK) error = keeper_adopt_settings(k, c, e, after);
  else if (error == ERR_INVALID) error = keeper_restore_settings(k);
  settings_unref(after);
  return error;
}

/* Each job once, however often it was changed. Of two ids with one hash both are taken. */
static enum err is_first_note(struct map *seen, const struct outside_row *note, bool *ret) {
  uint64_t key = hash_bytes(note->id, note->id ? strlen(note->id) : 0, 0);
  const struct outside_row *before = map_get(seen, key);
  *ret = !before || !str_eq(str_of(before->id), str_of(note->id));
  return before ? ERR_OK : map_put(seen, key, (void *)(uintptr_t)note);
}

static enum err take_over_note(struct keeper *k, const struct change *c, struct edit *e,
                               const struct outside_row *note, struct map *seen) {
  struct job job = {};
  bool is_first;
  TRY(is_first_note(seen, note, &is_first));
  bool is_job = is_first && strcmp(note->table, "CronJob") == 0;
  enum err error = is_job ? k->rows->ops->find(k->rows, TABLE_JOB, "id", str_of(note->id), &job, &k->scratch)
                          : ERR_NOT_FOUND;
  if (error == ERR_OK) error = take_over_job(k, c, e, &job);
  else if (error == ERR_NOT_FOUND) error = ERR_OK;
  TRY(error);
  TRY(keeper_del(k, TABLE_OUTSIDE, note));
  arena_free(&k->scratch);
  return ERR_OK;
}

static enum err take_over(struct keeper *k, const struct change *c, struct edit *e, void **notes,
                          size_t count) {
  bool has_settings = false, has_deletes = false;
  for (size_t i = 0; i < count; i++) {
    const struct outside_row *note = notes[i];
    has_settings |= strcmp(note->table, "CronSettings") == 0;
    has_deletes |= strcmp(note->what, "delete") == 0;
  }
  if (has_settings) TRY(keeper_load_last_settings(k)); /* until the jobs are settled */
  keeper_forget_jobs(k);
  if (has_deletes) TRY(take_over_deletes(k, e));
  struct map seen = {};
  enum err error = ERR_OK;
  for (size_t i = 0; i < count && error == ERR_OK; i++) error = take_over_note(k, c, e, notes[i], &seen);
  map_free(&seen);
  TRY(error);
  return has_settings ? take_over_settings(k, c, e) : ERR_OK;
}

static enum err take_over_notes(struct keeper *k, struct edit *e) {
  void **notes;
  size_t count;
  struct arena held = arena_new(KEEPER_SCRATCH_BYTES);
  struct change c = {
      .kind = CHANGE_AUDIT, .at_ms = e->at_ms, .audit = {.actor = "sql", .action = "sql.changed"}};
  enum err error = rows_collect(k->rows, SCAN_OUTSIDE_ALL, &SCAN_ALL, SIZE_MAX, &held, &notes, &count);
  if (error == ERR_OK && count > 0) {
    error = take_over(k, &c, e, notes, count);
    c.audit.object = "CronOutside";
    if (error == ERR_OK) error = keeper_note(k, &c.audit, e->at_ms);
  }
  arena_free(&held);
  return error;
}

enum err keeper_take_over(struct keeper *k, int64_t now_ms) {
  struct edit e = {.at_ms = now_ms, .until_ms = now_ms, .late_reason = REASON_SERVER_DOWN};
  enum err error = take_over_notes(k, &e);
  keeper_drop_claims(k); /* they are pending rows, which the core finds among what was left open */
  return error;
}

static enum err froms_beyond_claims(struct keeper *k, struct edit *e) {
  void **cursors;
  size_t count;
  struct scan_args args = {.from = e->at_ms + 1, .to = INT64_MAX};
  TRY(rows_collect(k->rows, SCAN_CURSOR_AHEAD, &args, SIZE_MAX, &e->arena, &cursors, &count));
  struct edit_from *from = ARENA_ARRAY(&e->arena, struct edit_from, count + 1);
  if (!from) return arena_error(&e->arena);
  for (size_t i = 0; i < count; i++) {
    const struct cursor_row *cursor = cursors[i];
    from[i] = (struct edit_from){cursor->job_no, cursor->through_ms};
  }
  e->from = from;
  e->from_count = count;
  return ERR_OK;
}

enum err keeper_take_over_running(struct keeper *k, struct change *claim) {
  struct edit e = {.at_ms = claim->at_ms,
                   .until_ms = claim->claim.until_ms,
                   .late_reason = claim->claim.late_reason,
                   .arena = arena_new(KEEPER_SCRATCH_BYTES),
                   .told = claim};
  TRY(k->rows->ops->take_news(k->rows));
  struct settings *before = settings_ref(k->settings);
  enum err error = froms_beyond_claims(k, &e);
  if (error == ERR_OK) error = take_over_notes(k, &e);
  if (error == ERR_OK && k->settings != before) claim->claim.settings = settings_ref(k->settings);
  settings_unref(before);
  arena_free(&e.arena);
  return error;
}
