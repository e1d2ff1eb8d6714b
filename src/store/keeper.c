#include "store/keeper.h"

#include <stdlib.h>

#include "base/id.h"

#define GATES_KEPT_MS (7 * 86400 * 1000LL) /* gates that ended longer ago matter to audits only */
#define BOOT_BYTES (256 * 1024 * 1024)

enum err keeper_put(struct keeper *k, enum table_id t, const void *record) {
  k->writes++;
  return k->rows->ops->put(k->rows, t, record);
}

enum err keeper_del(struct keeper *k, enum table_id t, const void *record) {
  k->writes++;
  if (t == TABLE_LEDGER) k->meta.ledger_rows--;
  if (t == TABLE_CURSOR) {
    struct cached_job *j = keeper_peek_job(k, ((const struct cursor_row *)record)->job_no);
    if (j) j->has_cursor = false;
  }
  return k->rows->ops->del(k->rows, t, record);
}

/* ---- memory that mirrors rows ---- */

static enum err load_meta(struct keeper *k) {
  struct meta_row meta;
  arena_free(&k->meta_arena);
  TRY(k->rows->ops->get(k->rows, TABLE_META, (int64_t[]){1}, &meta, &k->meta_arena));
  k->meta = meta;
  return ERR_OK;
}

static enum err load_settings(struct keeper *k) {
  struct settings row = {};
  TRY(k->rows->ops->get(k->rows, TABLE_SETTINGS, NULL, &row, &k->scratch));
  struct settings *copy = settings_copy(&row);
  if (!copy) return ERR_NO_MEMORY;
  settings_unref(k->settings);
  k->settings = copy;
  return ERR_OK;
}

/* Everything but the heap, which undoes by itself. */
static enum err load_mirror(struct keeper *k) {
  int64_t alive_ms = k->meta.alive_ms;
  TRY(load_meta(k));
  if (alive_ms != 0) k->meta.alive_ms = alive_ms; /* what we know better than the last commit */
  TRY(load_settings(k));
  TRY(gates_load(&k->gates, k->rows, k->meta.alive_ms - GATES_KEPT_MS));
  TRY(keeper_load_zones(k));
  return keeper_load_chain(k);
}

/* Where memory that no row tells of goes back to. */
struct mark {
  size_t due;
  struct sweep sweep;
};

static struct mark mark_of(const struct keeper *k) {
  return (struct mark){.due = due_mark(&k->due), .sweep = k->sweep};
}

static void keep_memory(struct keeper *k) {
  due_keep(&k->due);
  k->kept_sweep = k->sweep;
  k->touched_count = 0;
}

static void undo_memory(struct keeper *k, struct mark mark) {
  due_undo_to(&k->due, mark.due);
  k->sweep = mark.sweep; /* or it went on behind rows that are still there */
  k->age++;
  keeper_drop_claims(k);
  keeper_forget_jobs(k);
  load_book_clear(&k->load);
}

/* ---- one change ---- */

static void reset_answer(struct change *c) {
  for (size_t i = 0; i < c->claimed.count; i++) job_unref(c->claimed.claims[i].job);
  c->claimed = (struct change_claims){};
  c->gaps = NULL;
  c->gap_count = 0;
  c->error = ERR_OK;
  c->detail = (struct err_detail){};
  if (c->kind == CHANGE_JOB_SAVE) {
    job_unref(c->job.saved);
    c->job.saved = NULL;
  } else if (c->kind == CHANGE_SETTINGS) {
    settings_unref(c->settings.saved);
    c->settings.saved = NULL;
  } else if (c->kind == CHANGE_CLAIM) {
    settings_unref(c->claim.settings);
    c->claim.settings = NULL;
    c->claim.outside = NULL;
    c->claim.outside_count = 0;
  }
}

static enum err stop_server(struct keeper *k, const struct change *c) {
  struct server_row row;
  TRY(k->rows->ops->get(k->rows, TABLE_SERVER, &k->meta.epoch, &row, &k->scratch));
  row.alive_ms = c->at_ms;
  row.is_clean = 1;
  return keeper_put(k, TABLE_SERVER, &row);
}

static enum err note_alive(struct keeper *k, const struct change *c) {
  if (!c->alive.journal_id) return ERR_OK;
  k->meta.journal = arena_strdup(&k->meta_arena, str_of(c->alive.journal_id));
  return k->meta.journal ? ERR_OK : ERR_NO_MEMORY;
}

static enum err keep_alert(struct keeper *k, const struct change *c) {
  const struct alert_memory *a = &c->alert;
  struct alert_row row = {.id = a->id, .first_ms = a->first_ms, .ack_ms = a->ack_ms, .ack_by = a->ack_by};
  return c->kind == CHANGE_ALERT ? keeper_put(k, TABLE_ALERT, &row) : keeper_del(k, TABLE_ALERT, &row);
}

static enum err carry_out(struct keeper *k, struct change *c, bool is_ended_too) {
  switch (c->kind) {
    case CHANGE_CLAIM: return keeper_claim(k, c);
    case CHANGE_QUEUE: return keeper_queue(k, c);
    case CHANGE_START: return keeper_start(k, c, is_ended_too);
    case CHANGE_END: return keeper_end(k, c);
    case CHANGE_SETTLE: return keeper_settle(k, c);
    case CHANGE_JOB_SAVE: return keeper_job_save(k, c);
    case CHANGE_JOB_DELETE: return keeper_job_delete(k, c);
    case CHANGE_GATE: return keeper_gate(k, c);
    case CHANGE_SETTINGS: return keeper_settings(k, c);
    case CHANGE_CLOCK: return keeper_clock(k, c);
    case CHANGE_ALIVE: return note_alive(k, c);
    case CHANGE_STOP: return stop_server(k, c);
    case CHANGE_RETAIN: return keeper_retain(k, c);
    case CHANGE_AUDIT: return ERR_OK;
    case CHANGE_USER:
    case CHANGE_USER_DELETE:
    case CHANGE_TOKEN:
    case CHANGE_TOKEN_DELETE:
    case CHANGE_SESSION:
    case CHANGE_SESSION_DELETE: return keeper_identity(k, c);
    case CHANGE_ALERT:
    case CHANGE_ALERT_DELETE: return keep_alert(k, c);
    case CHANGE_KIND_COUNT: break;
  }
  assert_fail("a change of no kind", __FILE__, __LINE__);
  return ERR_INTERNAL;
}

/* A stale server may still bring the END of a run of its own; epoch 0 is a sender without one. */
static bool is_stale(const struct keeper *k, const struct change *c) {
  return c->epoch != 0 && c->epoch < k->meta.epoch && c->kind != CHANGE_END;
}

static enum err apply_one(struct keeper *k, struct change *c, bool is_ended_too) {
  if (is_stale(k, c)) return ERR_STORE_STALE;
  TRY(carry_out(k, c, is_ended_too));
  if (c->at_ms > k->meta.alive_ms || c->kind == CHANGE_CLOCK || c->kind == CHANGE_ALIVE)
    k->meta.alive_ms = c->at_ms;
  return keeper_note(k, &c->audit, c->at_ms);
}

/* The store itself is in trouble, not this change. */
static bool is_store_failure(enum err e) {
  return e == ERR_STORE_FULL || e == ERR_STORE_READONLY || e == ERR_STORE_CORRUPT || e == ERR_IO ||
         e == ERR_BUSY || e == ERR_NO_MEMORY || e == ERR_UNAVAILABLE || e == ERR_TIMEOUT ||
         e == ERR_STORE_SCHEMA;
}

/* Nor is what a fence says at the head of the transaction. */
static bool ends_batch(const struct keeper *k, enum err e) {
  return is_store_failure(e) || (k->rows->is_late && e == ERR_STORE_STALE);
}

/* ---- a batch ---- */

/* START and END of a run in one batch are one insert: marks the STARTs whose END follows. */
static void pair_ends(struct change *const *changes, size_t count, bool *is_ended_too) {
  struct map ends = {};
  for (size_t i = count; i-- > 0;) {
    is_ended_too[i] = false;
    if (changes[i]->kind == CHANGE_END) {
      if (map_put(&ends, (uint64_t)changes[i]->run.run.no, changes[i]) != ERR_OK) break;
    } else if (changes[i]->kind == CHANGE_START) {
      is_ended_too[i] = map_get(&ends, (uint64_t)changes[i]->run.run.no) != NULL;
    }
  }
  map_free(&ends);
}

/* Writes that are still under way may be refused, too. */
static enum err settle_fast(struct keeper *k, bool *ret_needs_savepoints) {
  if (!k->rows->ops->settle) return ERR_OK;
  enum err e = k->rows->ops->settle(k->rows);
  *ret_needs_savepoints = e != ERR_OK && !ends_batch(k, e);
  return *ret_needs_savepoints ? ERR_OK : e;
}

/* Without savepoints, which cost a page copy each: fine as long as nobody is refused after having written. */
static enum err run_fast(struct keeper *k, struct change *const *changes, size_t count,
                         const bool *is_ended_too, bool *ret_needs_savepoints) {
  for (size_t i = 0; i < count; i++) {
    struct change *c = changes[i];
    uint64_t writes = k->writes;
    struct mark mark = mark_of(k);
    c->error = apply_one(k, c, is_ended_too[i]);
    arena_free(&k->scratch);
    if (c->error == ERR_OK) continue;
    if (ends_batch(k, c->error)) return c->error;
    if (k->rows->is_late || k->writes != writes || due_mark(&k->due) != mark.due || c->kind == CHANGE_END) {
      *ret_needs_savepoints = true;
      return ERR_OK;
    }
    k->sweep = mark.sweep;
    keeper_drop_claims(k);
  }
  return settle_fast(k, ret_needs_savepoints);
}

static enum err run_safe(struct keeper *k, struct change *const *changes, size_t count) {
  const struct rows_ops *ops = k->rows->ops;
  for (size_t i = 0; i < count; i++) {
    struct change *c = changes[i];
    struct mark mark = mark_of(k);
    TRY(keeper_load_write(k));
    TRY(keeper_put(k, TABLE_META, &k->meta)); /* so that going back finds it */
    TRY(ops->savepoint(k->rows));
    c->error = apply_one(k, c, false);
    arena_free(&k->scratch);
    if (c->error == ERR_OK) c->error = ops->release(k->rows); /* tells what writes under way were refused */
    if (c->error == ERR_OK) continue;
    if (ends_batch(k, c->error)) return c->error;
    TRY(ops->rollback_to(k->rows));
    undo_memory(k, mark);
    TRY(load_mirror(k));
  }
  return ERR_OK;
}

static enum err finish(struct keeper *k) {
  if (k->meta.alive_ms - k->last_touch_ms >= KEEPER_TOUCH_MS || k->meta.alive_ms < k->last_touch_ms)
    TRY(keeper_touch_slice(k, k->meta.alive_ms));
  TRY(keeper_load_write(k));
  TRY(keeper_put(k, TABLE_META, &k->meta));
  return k->rows->ops->commit(k->rows);
}

static void roll_back(struct keeper *k) {
  k->rows->ops->rollback(k->rows);
  undo_memory(k, (struct mark){.due = 0, .sweep = k->kept_sweep});
  keeper_touch_undo(k);
  arena_free(&k->scratch);
  k->meta.alive_ms = 0;
  /* When even reading fails, what is in memory may be ahead of the rows by ids only; the next call loads again. */
  k->is_mirror_old = load_mirror(k) != ERR_OK;
}

static void fail_all(struct change *const *changes, size_t count, enum err e) {
  for (size_t i = 0; i < count; i++) {
    reset_answer(changes[i]);
    changes[i]->error =
        err_set(&changes[i]->detail, e, "", 0, "%s; nothing of this transaction was applied", err_text(e));
  }
}

static enum err try_batch(struct keeper *k, struct change *const *changes, size_t count, bool *is_ended_too) {
  bool needs_savepoints = false;
  TRY(k->rows->ops->begin(k->rows));
  pair_ends(changes, count, is_ended_too);
  k->rows->may_guess = true;
  enum err e = run_fast(k, changes, count, is_ended_too, &needs_savepoints);
  k->rows->may_guess = false;
  TRY(e);
  if (needs_savepoints) {
    roll_back(k);
    for (size_t i = 0; i < count; i++) reset_answer(changes[i]);
    TRY(k->rows->ops->begin(k->rows));
    TRY(run_safe(k, changes, count));
  }
  return finish(k);
}

enum err keeper_apply(struct keeper *k, struct change *const *changes, size_t count) {
  if (count == 0) return ERR_OK;
  enum err e = ERR_OK;
  if (k->is_mirror_old) e = load_mirror(k);
  k->is_mirror_old = e != ERR_OK;
  bool *is_ended_too = calloc(count, sizeof *is_ended_too);
  if (e == ERR_OK && !is_ended_too) e = ERR_NO_MEMORY;
  if (e == ERR_OK) {
    e = try_batch(k, changes, count, is_ended_too);
    if (e == ERR_OK) keep_memory(k);
    else roll_back(k);
  }
  free(is_ended_too);
  if (e != ERR_OK) fail_all(changes, count, e);
  return e;
}

/* ---- the zone files ---- */

enum err keeper_refresh(struct keeper *k, int64_t now_ms) {
  if (!tzdb_refresh(k->tzdb)) return ERR_OK;
  if (now_ms > k->meta.alive_ms) k->meta.alive_ms = now_ms; /* from when the new content counts */
  TRY(k->rows->ops->begin(k->rows));
  enum err e = keeper_replan_all(k, now_ms);
  if (e == ERR_OK) e = finish(k);
  if (e == ERR_OK) keep_memory(k);
  else roll_back(k);
  return e;
}

/* ---- opening ---- */

static enum err found(struct keeper *k, int64_t now_ms) {
  k->meta = (struct meta_row){.no = 1, .alive_ms = INSTANT_NONE};
  struct settings s = {};
  settings_init(&s);
  struct id_text system_id = id_to_text(1), settings_id = id_to_text(2);
  s.id = settings_id.text;
  s.system_id = system_id.text;
  if (!s.timezone) s.timezone = "Europe/Madrid"; /* C-64 */
  s.created_ms = s.updated_ms = now_ms;
  struct system_row system = {.id = system_id.text, .name = KEEPER_SYSTEM_NAME};
  TRY(keeper_put(k, TABLE_SYSTEM, &system));
  TRY(keeper_put(k, TABLE_SETTINGS, &s));
  TRY(keeper_add_settings_version(k, &s, INT64_MIN + 1, "system"));
  return keeper_put(k, TABLE_META, &k->meta);
}

static bool load_cursor(void *arg, const void *record) {
  struct keeper *k = arg;
  const struct cursor_row *c = record;
  return due_put(&k->due, c->job_no, c->not_before_ms) == ERR_OK;
}

static enum err load_due(struct keeper *k) {
  int64_t count;
  TRY(k->rows->ops->scan(k->rows, SCAN_CURSOR_ALL, &SCAN_ALL, load_cursor, k));
  TRY(k->rows->ops->count(k->rows, TABLE_CURSOR, &count));
  due_forget(&k->due);
  return (size_t)count == k->due.nodes.count ? ERR_OK : ERR_NO_MEMORY;
}

/* @reboot falls due once for each boot, at the first start in it. */
static enum err plan_reboots(struct keeper *k, int64_t now_ms) {
  void **jobs;
  size_t count;
  struct arena held = arena_new(BOOT_BYTES);
  enum err e = rows_collect(k->rows, SCAN_JOB_REBOOT, &SCAN_ALL, SIZE_MAX, &held, &jobs, &count);
  for (size_t i = 0; e == ERR_OK && i < count; i++) {
    struct cached_job *j;
    struct cursor_row cursor;
    e = keeper_job(k, ((const struct job *)jobs[i])->no, &j);
    if (e != ERR_OK || schedule_kind(j->schedule) != SCHEDULE_REBOOT) continue;
    e = keeper_cursor(k, j->job->no, &cursor);
    cursor.next_due_ms = now_ms;
    cursor.not_before_ms = now_ms + j->splay_ms;
    if (e == ERR_OK) e = keeper_set_cursor(k, &cursor);
    arena_free(&k->scratch);
  }
  arena_free(&held);
  return e;
}

/* What the copy does not know of is on record as missed. */
static enum err note_restored(struct keeper *k, int64_t now_ms) {
  struct map_entry entry;
  enum err e = ERR_OK;
  size_t count = 0;
  int64_t *jobs = calloc(k->due.nodes.count + 1, sizeof *jobs);
  if (!jobs) return ERR_NO_MEMORY;
  for (size_t i = 0; map_next(&k->due.nodes, &i, &entry);) jobs[count++] = (int64_t)entry.key;
  for (size_t i = 0; e == ERR_OK && i < count; i++) {
    struct cursor_row cursor;
    struct cached_job *j;
    e = keeper_cursor(k, jobs[i], &cursor);
    if (e != ERR_OK || cursor.next_due_ms > now_ms) continue;
    e = keeper_job(k, jobs[i], &j);
    if (e != ERR_OK) break;
    struct gap gap = {.job_no = jobs[i], .state = OCCURRENCE_MISSED, .reason = REASON_RESTORED};
    gap.count =
        schedule_count(j->schedule, cursor.through_ms, now_ms, INT64_MAX, &gap.first_ms, &gap.last_ms);
    if (gap.count > 0) e = keeper_add_gap(k, &gap, j->job->version);
    cursor.through_ms = now_ms;
    cursor.next_due_ms = schedule_next(j->schedule, now_ms);
    cursor.not_before_ms =
        cursor.next_due_ms == INSTANT_NEVER ? INSTANT_NEVER : cursor.next_due_ms + j->splay_ms;
    if (e == ERR_OK) e = keeper_set_cursor(k, &cursor);
    arena_free(&k->scratch);
  }
  free(jobs);
  keeper_drop_claims(k);
  k->meta.restored_ms = 0;
  return e;
}

/* Has the content of any zone on record changed while we were away? */
struct zone_check {
  struct keeper *keeper;
  bool has_changed;
};

static bool check_zone(void *arg, const void *record) {
  struct zone_check *check = arg;
  const struct zone_row *row = record;
  const struct tz *z;
  if (tz_find(check->keeper->tzdb, str_of(row->name), &z, NULL) != ERR_OK) return true;
  if (!str_eq(str_of(tz_sha256(z)), str_of(row->sha256))) check->has_changed = true;
  return true;
}

static enum err end_predecessor(struct keeper *k) {
  struct server_row row;
  enum err e = k->rows->ops->get(k->rows, TABLE_SERVER, &k->meta.epoch, &row, &k->scratch);
  if (e == ERR_NOT_FOUND || (e == ERR_OK && row.is_clean)) return ERR_OK;
  TRY(e);
  row.alive_ms = k->meta.alive_ms;
  return keeper_put(k, TABLE_SERVER, &row);
}

static enum err begin_epoch(struct keeper *k, const struct store_config *config, struct store_boot *boot) {
  bool is_fresh = k->meta.epoch == 0;
  const char *boot_id = config->boot_id ? config->boot_id : "";
  boot->is_same_boot = !is_fresh && str_eq(str_of(k->meta.boot), str_of(boot_id));
  boot->last_alive_ms = is_fresh ? INSTANT_NONE : k->meta.alive_ms;
  boot->was_restored = k->meta.restored_ms != 0;
  str_copy(boot->journal_id, sizeof boot->journal_id, k->meta.journal ? str_of(k->meta.journal) : STR(""));
  TRY(end_predecessor(k));
  bool is_boot = !boot->is_same_boot;
  struct server_row row = {.epoch = k->meta.epoch + 1,
                           .up_ms = config->now_ms,
                           .alive_ms = config->now_ms,
                           .is_boot = is_boot,
                           .is_restored = boot->was_restored,
                           .engine = SERENO_VERSION};
  TRY(keeper_put(k, TABLE_SERVER, &row));
  struct zone_check check = {.keeper = k};
  TRY(k->rows->ops->scan(k->rows, SCAN_ZONE_ALL, &SCAN_ALL, check_zone, &check));
  if (check.has_changed) TRY(keeper_replan_all(k, config->now_ms));
  if (boot->was_restored) TRY(keeper_settle_restored(k, config->now_ms));
  if (boot->was_restored) TRY(note_restored(k, config->now_ms));
  if (is_boot && !is_fresh) TRY(plan_reboots(k, config->now_ms));
  TRY(keeper_take_over(k, config->now_ms));
  if (config->is_process_off != (k->meta.is_process_off == 1))
    TRY(keeper_process_gate(k, config->now_ms, config->is_process_off));
  k->meta.epoch = row.epoch;
  k->meta.alive_ms = config->now_ms;
  k->meta.boot = arena_strdup(&k->meta_arena, str_of(boot_id));
  return k->meta.boot ? keeper_put(k, TABLE_META, &k->meta) : ERR_NO_MEMORY;
}

/* ---- what the predecessor left open ---- */

static enum err add_unfinished(struct keeper *k, struct store_boot *boot, int64_t job_no, int64_t version,
                               struct unfinished u) {
  if (!due_get(&k->due, job_no)) return ERR_OK; /* its job is gone; nothing will start */
  enum err e = keeper_version(k, job_no, version, &u.job);
  if (e == ERR_NOT_FOUND) {
    struct cached_job *j;
    TRY(keeper_job(k, job_no, &j));
    u.job = job_ref(j->job);
    e = ERR_OK;
  }
  TRY(e);
  boot->unfinished[boot->unfinished_count++] = u;
  return ERR_OK;
}

static int64_t splay_of(struct keeper *k, int64_t job_no) {
  struct cached_job *j;
  return keeper_job(k, job_no, &j) == ERR_OK ? j->splay_ms : 0;
}

static enum err join_runs(struct keeper *k, struct store_boot *boot, void **runs, size_t count,
                          struct map *by_due) {
  for (size_t i = 0; i < count; i++) {
    const struct run *run = runs[i];
    struct unfinished u = {.due_ms = run->due_ms, .not_before_ms = run->not_before_ms, .has_run = true};
    struct run *copy = record_copy(table_get(TABLE_RUN), run, &boot->arena);
    if (!copy) return ERR_NO_MEMORY;
    u.run = *copy;
    if (run->due_ms != FIELD_NULL) {
      int64_t key[2] = {run->job_no, run->due_ms};
      TRY(map_put(by_due, hash_bytes(key, sizeof key, 0), &boot->unfinished[boot->unfinished_count]));
    }
    TRY(add_unfinished(k, boot, run->job_no, run->version == FIELD_NULL ? 0 : run->version, u));
  }
  return ERR_OK;
}

static enum err join_claims(struct keeper *k, struct store_boot *boot, void **claims, size_t count,
                            const struct map *by_due) {
  for (size_t i = 0; i < count; i++) {
    const struct ledger_row *row = claims[i];
    int64_t key[2] = {row->job_no, row->due_ms};
    struct unfinished *with_run = map_get(by_due, hash_bytes(key, sizeof key, 0));
    if (with_run && with_run->run.job_no == row->job_no && with_run->due_ms == row->due_ms) {
      with_run->has_claim = true;
      continue;
    }
    struct unfinished u = {.due_ms = row->due_ms, .has_claim = true};
    u.not_before_ms = row->due_ms + splay_of(k, row->job_no);
    TRY(add_unfinished(k, boot, row->job_no, row->version, u));
  }
  return ERR_OK;
}

static enum err list_unfinished(struct keeper *k, struct store_boot *boot) {
  void **runs, **claims;
  size_t run_count, claim_count;
  struct arena held = arena_new(BOOT_BYTES);
  struct map by_due = {};
  enum err e = rows_collect(k->rows, SCAN_RUN_OPEN, &SCAN_ALL, SIZE_MAX, &held, &runs, &run_count);
  if (e == ERR_OK)
    e = rows_collect(k->rows, SCAN_LEDGER_PENDING, &SCAN_ALL, SIZE_MAX, &held, &claims, &claim_count);
  if (e == ERR_OK) {
    boot->unfinished = ARENA_ARRAY(&boot->arena, struct unfinished, run_count + claim_count + 1);
    if (!boot->unfinished) e = ERR_NO_MEMORY;
  }
  if (e == ERR_OK) e = join_runs(k, boot, runs, run_count, &by_due);
  if (e == ERR_OK) e = join_claims(k, boot, claims, claim_count, &by_due);
  map_free(&by_due);
  arena_free(&held);
  return e;
}

static enum err open_in_transaction(struct keeper *k, const struct store_config *config,
                                    struct store_boot *boot) {
  enum err e = load_meta(k);
  if (e == ERR_NOT_FOUND) e = found(k, config->now_ms);
  TRY(e);
  int64_t alive_ms = k->meta.alive_ms;
  TRY(load_settings(k));
  TRY(gates_load(&k->gates, k->rows, alive_ms == INSTANT_NONE ? INT64_MIN : alive_ms - GATES_KEPT_MS));
  TRY(keeper_load_zones(k));
  TRY(keeper_load_chain(k));
  TRY(load_due(k));
  TRY(begin_epoch(k, config, boot));
  TRY(keeper_load_write(k));
  TRY(list_unfinished(k, boot));
  boot->epoch = k->meta.epoch;
  boot->last_run_no = k->meta.last_run_no;
  boot->settings = settings_ref(k->settings);
  return ERR_OK;
}

enum err keeper_open(struct keeper *k, struct rows *rows, const struct store_config *config,
                     struct store_boot *boot, struct err_detail *detail) {
  *k = (struct keeper){.rows = rows};
  *boot = (struct store_boot){.arena = arena_new(BOOT_BYTES)};
  k->scratch = arena_new(KEEPER_SCRATCH_BYTES);
  k->meta_arena = arena_new(1024 * 1024);
  due_init(&k->due);
  k->age = 1;
  enum err e = tzdb_new(config->zone_folder, &k->tzdb);
  if (e == ERR_OK) e = rows->ops->begin(rows);
  if (e == ERR_OK) {
    e = open_in_transaction(k, config, boot);
    if (e == ERR_OK) e = rows->ops->commit(rows);
    else rows->ops->rollback(rows);
  }
  arena_free(&k->scratch);
  if (e == ERR_OK) {
    keep_memory(k);
    return ERR_OK;
  }
  store_boot_free(boot);
  keeper_close(k);
  return detail && detail->message[0]
             ? e
             : err_set(detail, e, "store", 0, "the store could not be opened: %s", err_text(e));
}

void keeper_close(struct keeper *k) {
  keeper_drop_claims(k);
  load_book_clear(&k->load);
  free(k->list.items);
  free(k->list.gaps);
  free(k->zones);
  keeper_forget_jobs(k);
  gates_free(&k->gates);
  due_free(&k->due);
  settings_unref(k->settings);
  arena_free(&k->scratch);
  arena_free(&k->meta_arena);
  tzdb_free(k->tzdb);
  *k = (struct keeper){};
}
