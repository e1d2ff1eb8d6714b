/* One batch of the ladder: lock → seal → read → judge anew → flush, step, ledger, lifeline, mails in one transaction → clear →
 * unlock. A crash between commit and clear leaves a sealed live state of a paused world: it takes no message by itself,
 * and cleanup removes it. */
#include <stdlib.h>

#include "worlds/keep_link.h"
#include "worlds/load.h"
#include "worlds/mail.h"
#include "worlds/pause_page.h"
#include "worlds/sql.h"

#define DAY_MS INT64_C(86400000)
#define BATCH_ARENA_BYTES \
  ((size_t)512 * 1024 * 1024) /* one world may be as big as the live state lets it be */
#define ROWS_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define LEASE_MS (4 * LIVE_LEASE_MS) /* of a whole batch */

struct batch {
  struct pause_pass *p;
  struct arena *arena;
  struct live_lock *locks; /* by id; only the first `count` are ours */
  struct live_world *seen;
  size_t count;
  struct world_cases cases; /* in the order of ids; as they will be */
  struct pause_plan *plans; /* of cases */
  size_t *lock_of;          /* of cases */
  bool *is_flushed;         /* of locks */
};

/* ---- locks ---- */

static int by_id(const void *a, const void *b) {
  const struct live_lock *x = a, *y = b;
  size_t n = x->id.len < y->id.len ? x->id.len : y->id.len;
  int order = memcmp(x->id.ptr, y->id.ptr, n);
  return order ? order : (x->id.len > y->id.len) - (x->id.len < y->id.len);
}

static enum err lock_all(struct batch *b, const struct str *ids, size_t count) {
  struct pause_pass *p = b->p;
  for (size_t i = 0; i < count; i++) b->locks[i] = (struct live_lock){.id = ids[i]};
  qsort(b->locks, count, sizeof *b->locks, by_id);
  TRY(live_lock(p->lane->live, b->locks, count, (struct live_lease){LEASE_MS, p->q->now_ms}, p->detail));
  for (size_t i = 0; i < count; i++)
    if (b->locks[i].token) b->locks[b->count++] = b->locks[i];
    else p->tally.busy++;
  return ERR_OK;
}

static void unlock_all(struct batch *b) {
  if (b->count) (void)live_unlock(b->p->lane->live, b->locks, b->count, NULL); /* else their leases end */
}

static enum err read_live(struct batch *b) {
  for (size_t i = 0; i < b->count; i++) b->seen[i].id = b->locks[i].id;
  if (b->count == 0 || live_mode(b->p->lane->live) == LIVE_NONE) return ERR_OK;
  struct str *ids = ARENA_ARRAY(b->arena, struct str, b->count);
  if (!ids) return ERR_NO_MEMORY;
  for (size_t i = 0; i < b->count; i++) ids[i] = b->locks[i].id;
  TRY(world_seal(b->p->lane, b->locks, b->count, b->p->q->now_ms));
  return live_read(b->p->lane->live, &(struct live_question){ids, b->count, LIVE_ALL, b->arena}, b->seen,
                   b->p->detail);
}

/* ---- judging anew, under the lock and in the transaction ---- */

static size_t lock_index(const struct batch *b, const char *id) {
  struct live_lock key = {.id = str_of(id)};
  const struct live_lock *found = bsearch(&key, b->locks, b->count, sizeof key, by_id);
  ASSERT(found);
  return (size_t)(found - b->locks);
}

static enum err read_cases(struct batch *b) {
  BUF_AUTO struct buf text = buf_new(ROWS_BYTES_MAX);
  struct json_writer w = jw_new(&text);
  jw_array(&w);
  for (size_t i = 0; i < b->count; i++) jw_str(&w, b->locks[i].id);
  jw_array_end(&w);
  TRY(buf_error(&text));
  TRY(world_cases_read(b->p->lane, SQL_CASES_HELD,
                       SQL_ARGS(SQL_VALUE_INSTANT(b->p->q->now_ms), SQL_VALUE_STR(buf_str(&text))),
                       &b->cases));
  int64_t *active_ms = ARENA_ARRAY(b->arena, int64_t, b->count);
  if (!active_ms) return ERR_NO_MEMORY;
  TRY(world_unsaved_activity(b->p->lane, b->seen, b->count, active_ms));
  for (size_t i = 0; i < b->cases.count; i++) {
    struct world_case *c = &b->cases.list[i];
    b->lock_of[i] = lock_index(b, c->row.id);
    c->facts.live_active_ms = active_ms[b->lock_of[i]];
  }
  return ERR_OK;
}

static void plan_all(struct batch *b) {
  for (size_t i = 0; i < b->cases.count; i++) {
    struct world_case *c = &b->cases.list[i];
    bool is_stale = c->row.fence > b->locks[b->lock_of[i]].token;
    b->plans[i] = is_stale ? (struct pause_plan){} : pause_plan_of(b->p, c);
    b->p->tally.busy += is_stale;
  }
}

/* Of what is live and about to be cleared everything has to be in the database; what the fence refuses is not moved. */
static enum err flush_all(struct batch *b) {
  struct live_world *worlds = ARENA_ARRAY(b->arena, struct live_world, b->count + 1);
  int64_t *tokens = ARENA_ARRAY(b->arena, int64_t, b->count + 1);
  size_t *cases = ARENA_ARRAY(b->arena, size_t, b->count + 1), count = 0;
  bool *done = ARENA_ARRAY(b->arena, bool, b->count + 1);
  if (!worlds || !tokens || !cases || !done) return ERR_NO_MEMORY;
  for (size_t i = 0; i < b->cases.count; i++) {
    const struct live_world *w = &b->seen[b->lock_of[i]];
    if (!b->plans[i].action || !w->is_there) continue;
    worlds[count] = *w;
    tokens[count] = b->locks[b->lock_of[i]].token;
    cases[count++] = i;
  }
  if (count == 0) return ERR_OK;
  struct world_snapshots s = {worlds, count, tokens, b->p->q->now_ms};
  TRY(world_flush(b->p->lane, &s, done));
  for (size_t i = 0; i < count; i++) {
    b->is_flushed[b->lock_of[cases[i]]] = done[i];
    if (done[i]) continue;
    b->plans[cases[i]] = (struct pause_plan){};
    b->p->tally.busy++;
  }
  return ERR_OK;
}

/* ---- writing ---- */

static void add_instant(struct json_writer *w, const char *key, int64_t at_ms) {
  jw_key(w, key);
  if (at_ms == INSTANT_NONE) jw_null(w);
  else jw_instant(w, at_ms);
}

static void add_detail(struct json_writer *w, const struct world_case *c, const struct pause_plan *plan) {
  const struct world_row *row = &c->row;
  jw_key(w, "detail");
  jw_object(w);
  jw_ktext(w, "why", world_why_names[plan->verdict.why]);
  jw_kint(w, "idleHours", plan->verdict.idle_ms / (DAY_MS / 24));
  jw_kbool(w, "isFavorite", row->is_favorite);
  jw_ktext(w, "pauseReason", row->pause_reason == FIELD_NULL ? NULL : pause_reason_names[row->pause_reason]);
  add_instant(w, "lastActiveAt", row->last_active_ms);
  add_instant(w, "nextEventAt", c->facts.next_event_ms);
  if (row->is_collaborative) add_instant(w, "memberActiveAt", c->facts.member_active_ms);
  add_instant(w, "scheduledDeletion", row->scheduled_deletion_ms);
  if (plan->mail) jw_ktext(w, "mail", world_mail_kinds[plan->mail]);
  jw_object_end(w);
}

/* The spell a warning belongs to: moved along when the deletion is put off, so that a later mark warns anew. */
static int64_t spell_of(const struct pause_pass *p, const struct pause_plan *plan) {
  if (plan->mail != MAIL_MARK && plan->mail != MAIL_DELETION) return plan->verdict.idle_since_ms;
  return plan->mail_deletion_ms - p->settings.delete_after_days * DAY_MS;
}

static void add_mail(struct batch *b, struct json_writer *w, const struct world_row *row,
                     const struct pause_plan *plan) {
  const struct worlds_config *config = worlds_config(b->p->lane->worlds);
  const struct world_settings *s = &b->p->settings;
  BUF_AUTO struct buf url = buf_new(2048), subject = buf_new(4096), body = buf_new(16384), key = buf_new(512);
  int64_t spell_ms = spell_of(b->p, plan);
  bool has_link = config->link_key && world_id_is_valid(str_of(row->id));
  if (has_link) {
    buf_addf(&url, "%s/api/worlds/keep?token=", config->public_url ? config->public_url : "");
    keep_token_make(config->link_key, str_of(row->id), plan->mail_deletion_ms, &url);
  }
  world_mail_text(
      &(struct world_mail_facts){.kind = (enum world_mail)plan->mail,
                                 .row = row,
                                 .idle_days = plan->verdict.idle_ms / DAY_MS,
                                 .archive_ms = plan->verdict.idle_since_ms + s->archive_after_days * DAY_MS,
                                 .deletion_ms = plan->mail_deletion_ms,
                                 .keep_url = has_link ? buf_text(&url) : NULL},
      &subject, &body);
  buf_addf(&key, "%s:%s:%lld", row->id, world_mail_kinds[plan->mail], (long long)spell_ms);
  jw_kstr(w, "mailKey", buf_str(&key));
  jw_ktext(w, "mail", world_mail_kinds[plan->mail]);
  add_instant(w, "spellAt", spell_ms);
  jw_ktext(w, "ownerId", row->owner_id);
  jw_ktext(w, "address", row->owner_email);
  jw_ktext(w, "locale", row->locale);
  jw_kstr(w, "subject", buf_str(&subject));
  jw_kstr(w, "body", buf_str(&body));
}

static void add_row(struct batch *b, struct json_writer *w, size_t i) {
  const struct world_row *row = &b->cases.list[i].row;
  const struct pause_plan *plan = &b->plans[i];
  BUF_AUTO struct buf key = buf_new(512);
  buf_addf(&key, "%s:%lld", row->id, (long long)b->p->q->now_ms);
  jw_object(w);
  jw_ktext(w, "id", row->id);
  jw_kstr(w, "key", buf_str(&key));
  jw_ktext(w, "action", plan->action);
  jw_kbool(w, "isNew", plan->is_new);
  jw_ktext(w, "status", world_status_names[row->status]);
  jw_kbool(w, "isPaused", row->is_paused);
  jw_ktext(w, "pauseReason", row->pause_reason == FIELD_NULL ? NULL : pause_reason_names[row->pause_reason]);
  add_instant(w, "pausedAt", row->paused_ms);
  add_instant(w, "scheduledDeletion", row->scheduled_deletion_ms);
  jw_kint(w, "warned", row->warned);
  add_instant(w, "warnedAt", row->warned_ms);
  jw_kint(w, "token", b->locks[b->lock_of[i]].token);
  add_detail(w, &b->cases.list[i], plan);
  if (plan->mail) add_mail(b, w, row, plan);
  jw_object_end(w);
}

static enum err write_rows(struct batch *b) {
  struct pause_pass *p = b->p;
  struct sqldb *db = p->lane->db;
  BUF_AUTO struct buf rows = buf_new(ROWS_BYTES_MAX);
  struct json_writer w = jw_new(&rows);
  size_t count = 0, mails = 0, fresh = 0;
  jw_array(&w);
  for (size_t i = 0; i < b->cases.count; i++) {
    if (!b->plans[i].action) continue;
    add_row(b, &w, i);
    count++;
    mails += b->plans[i].mail != 0;
    fresh += b->plans[i].is_new;
  }
  jw_array_end(&w);
  if (count == 0) return ERR_OK;
  TRY(buf_error(&rows));
  struct sql_value list = SQL_VALUE_STR(buf_str(&rows)), now = SQL_VALUE_INSTANT(p->q->now_ms);
  struct sql_value actor = SQL_VALUE_STR(p->q->actor.name.ptr ? p->q->actor.name : STR("system"));
  struct sql_value daily = SQL_VALUE_INT(world_daily_micro_usd(&p->settings));
  TRY(sqldb_exec(db, SQL_LADDER_APPLY, SQL_ARGS(list, now), NULL, p->detail));
  TRY(sqldb_exec(db, SQL_LADDER_HISTORY, SQL_ARGS(list, now, actor), NULL, p->detail));
  if (fresh) TRY(sqldb_exec(db, SQL_LADDER_LEDGER, SQL_ARGS(list, now, daily), NULL, p->detail));
  if (mails) TRY(sqldb_exec(db, SQL_LADDER_MAILS, SQL_ARGS(list, now), NULL, p->detail));
  return ERR_OK;
}

static enum err in_transaction(struct batch *b) {
  TRY(read_cases(b));
  plan_all(b);
  TRY(flush_all(b));
  return write_rows(b);
}

static enum err write_all(struct batch *b) {
  TRY(sqldb_begin(b->p->lane->db, true, b->p->detail));
  enum err e = in_transaction(b);
  if (e == ERR_OK) e = sqldb_commit(b->p->lane->db, b->p->detail);
  if (e != ERR_OK) sqldb_rollback(b->p->lane->db);
  return e;
}

/* ---- afterwards ---- */

/* What was flushed leaves the live state. An error here is none of the pause: it is safe, and cleanup clears it. */
static void clear_all(struct batch *b) {
  struct live_mark *marks = ARENA_ARRAY(b->arena, struct live_mark, b->count + 1);
  size_t count = 0;
  if (!marks) return;
  for (size_t i = 0; i < b->count; i++)
    if (b->is_flushed[i])
      marks[count++] = (struct live_mark){.id = b->locks[i].id,
                                          .version = b->seen[i].version,
                                          .turn = b->seen[i].turn,
                                          .token = b->locks[i].token};
  if (count == 0 || live_clear(b->p->lane->live, marks, count, b->p->q->now_ms, NULL) != ERR_OK) return;
  for (size_t i = 0; i < count; i++) {
    b->p->tally.freed_bytes += marks[i].is_done && marks[i].freed_bytes > 0 ? marks[i].freed_bytes : 0;
    b->p->tally.measured += marks[i].is_done && marks[i].freed_bytes > 0;
  }
}

static void tell(struct pause_pass *p, const struct world_row *row, const struct pause_plan *plan) {
  const struct worlds_config *config = worlds_config(p->lane->worlds);
  if (!plan->is_new || !config->notice || p->notices_left <= 0) return;
  p->notices_left--;
  int64_t days = plan->verdict.idle_ms / DAY_MS, daily = world_daily_micro_usd(&p->settings);
  JSON_AUTO json_t *fields = json_pack(
      "{s:s, s:s?, s:s, s:I, s:f, s:f}", "worldId", row->id, "worldName", row->name, "pauseReason",
      pause_reason_names[row->pause_reason], "inactivityDays", (json_int_t)days, "estimatedSavingsUSD",
      (double)(days * daily) / 1e6, "projectedDailyUSD", (double)daily / 1e6);
  config->notice(config->notice_arg, LOG_INFO, "WorldPauseService", "World auto-paused", fields);
}

static enum err carry_out(struct batch *b, const struct str *ids, size_t count) {
  struct arena *a = b->arena;
  b->locks = ARENA_ARRAY(a, struct live_lock, count);
  b->seen = ARENA_ARRAY(a, struct live_world, count);
  b->plans = ARENA_ARRAY(a, struct pause_plan, count);
  b->lock_of = ARENA_ARRAY(a, size_t, count);
  b->is_flushed = ARENA_ARRAY(a, bool, count);
  TRY(arena_error(a));
  TRY(world_cases_new(a, count, &b->cases));
  TRY(lock_all(b, ids, count));
  if (b->count == 0) return ERR_OK;
  enum err e = read_live(b);
  if (e == ERR_OK) e = write_all(b);
  if (e == ERR_OK) clear_all(b);
  unlock_all(b);
  if (e != ERR_OK) return e;
  for (size_t i = 0; i < b->cases.count; i++) {
    if (!b->plans[i].action) continue;
    pause_count(b->p, &b->cases.list[i].row, &b->plans[i]);
    tell(b->p, &b->cases.list[i].row, &b->plans[i]);
  }
  return ERR_OK;
}

/* Is it about the store as a whole, so that smaller batches would fail, too? */
static bool is_of_all(enum err e) {
  switch (e) {
    case ERR_UNAVAILABLE:
    case ERR_TIMEOUT:
    case ERR_STORE_FULL:
    case ERR_STORE_READONLY:
    case ERR_STORE_STALE: return true;
    default: return false;
  }
}

enum err pause_batch(struct pause_pass *p, struct str *ids, size_t count) {
  ASSERT(count > 0 && count <= LIVE_BATCH_MAX);
  ARENA_AUTO struct arena arena = arena_new(BATCH_ARENA_BYTES);
  struct batch b = {.p = p, .arena = &arena};
  struct pause_tally before = p->tally;
  enum err e = carry_out(&b, ids, count);
  if (e == ERR_OK || is_of_all(e)) return e;
  p->tally = before;
  if (count == 1 && e == ERR_WORLD_BUSY) {
    p->tally.busy++;
    return ERR_OK;
  }
  if (count > 1) {
    TRY(pause_batch(p, ids, count / 2));
    return pause_batch(p, ids + count / 2, count - count / 2);
  }
  p->tally.failed++;
  if (json_array_size(p->failed_ids) < PAUSE_FAILED_MAX)
    json_array_append_new(p->failed_ids, json_stringn(ids[0].ptr, ids[0].len));
  return ERR_OK;
}
