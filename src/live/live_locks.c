/* Locks of worlds in live.db. */
#include "live/live_file.h"

static struct live_file *file_of(struct live *l) { return ((struct live_embedded *)l)->file; }

enum err live_file_check_lock(struct live_file *f, struct str id, int64_t token, int64_t now_ms,
                              struct err_detail *detail) {
  sqlite3_stmt *s = live_file_ask(f, LIVE_SQL_LOCK_GET, A_LIST(A_TEXT(id)));
  bool is_locked;
  TRY(live_file_step(f, s, &is_locked, detail));
  if (!is_locked) return token == 0 ? ERR_OK : ERR_CONFLICT;
  int64_t holder = sqlite3_column_int64(s, 0), until_ms = sqlite3_column_int64(s, 1);
  sqlite3_reset(s);
  if (token != 0) return token == holder ? ERR_OK : ERR_CONFLICT;
  return until_ms > now_ms ? ERR_BUSY : ERR_OK;
}

/* *token stays 0 when somebody else holds it. */
static enum err lock_one(struct live *l, struct live_lock *lock, int64_t until_ms, int64_t now_ms,
                         struct err_detail *detail) {
  struct live_file *f = file_of(l);
  enum err e = live_file_check_lock(f, lock->id, 0, now_ms, detail);
  if (e != ERR_OK) return e == ERR_BUSY ? ERR_OK : e;
  TRY(live_file_number(f, LIVE_SQL_FENCE, A_LIST(A_INT(now_ms * 1000)), &lock->token, detail));
  ASSERT(lock->token > 0);
  return live_file_run(
      f, LIVE_SQL_LOCK_PUT,
      A_LIST(A_TEXT(lock->id), A_TEXT(str_of(l->node)), A_INT(l->epoch), A_INT(lock->token), A_INT(until_ms)),
      detail);
}

enum err live_file_lock(struct live *l, struct live_lock *locks, size_t count, struct live_lease lease,
                        struct err_detail *detail) {
  TRY(live_file_begin(file_of(l), true, detail));
  enum err e = ERR_OK;
  for (size_t i = 0; i < count && e == ERR_OK; i++)
    e = lock_one(l, &locks[i], lease.now_ms + lease.ms, lease.now_ms, detail);
  e = live_file_end(file_of(l), e, detail);
  for (size_t i = 0; i < count && e != ERR_OK; i++) locks[i].token = 0;
  return e;
}

enum err live_file_renew(struct live *l, struct live_lock *locks, size_t count, struct live_lease lease,
                         struct err_detail *detail) {
  struct live_file *f = file_of(l);
  TRY(live_file_begin(f, true, detail));
  enum err e = ERR_OK;
  for (size_t i = 0; i < count && e == ERR_OK; i++) {
    int64_t is_ours = 0;
    e = live_file_number(f, LIVE_SQL_LOCK_RENEW,
                         A_LIST(A_TEXT(locks[i].id), A_INT(locks[i].token), A_INT(lease.now_ms + lease.ms)),
                         &is_ours, detail);
    if (e == ERR_OK && !is_ours) locks[i].token = 0;
  }
  return live_file_end(f, e, detail);
}

enum err live_file_unlock(struct live *l, const struct live_lock *locks, size_t count,
                          struct err_detail *detail) {
  struct live_file *f = file_of(l);
  TRY(live_file_begin(f, true, detail));
  enum err e = ERR_OK;
  for (size_t i = 0; i < count && e == ERR_OK; i++)
    e = live_file_run(f, LIVE_SQL_LOCK_DROP, A_LIST(A_TEXT(locks[i].id), A_INT(locks[i].token)), detail);
  return live_file_end(f, e, detail);
}

enum err live_file_drop_orphans(struct live *l, int64_t now_ms, size_t max, int64_t *ret_removed,
                                struct err_detail *detail) {
  struct live_file *f = file_of(l);
  TRY(live_file_begin(f, true, detail));
  enum err e = live_file_run(
      f, LIVE_SQL_LOCK_ORPHANS,
      A_LIST(A_INT(now_ms), A_TEXT(str_of(l->node)), A_INT(l->epoch), A_INT((int64_t)max)), detail);
  int64_t removed = e == ERR_OK ? sqlite3_changes64(f->db) : 0;
  TRY(live_file_end(f, e, detail));
  *ret_removed = removed;
  return ERR_OK;
}
