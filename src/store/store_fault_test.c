/* Writes that fail: every one of them, one after the other. */
#include <sqlite3.h>

#include "tests/support/store_fixture.h"

/* A VFS that fails every write, sync or truncate from the n-th on, as a full disk does. */
static struct {
  sqlite3_vfs vfs, *real;
  int left; /* writes until it fails; -1: never */
  int code;
} faulty;

struct faulty_file {
  sqlite3_file base;
  sqlite3_file *real;
};

static bool fails(void) {
  if (faulty.left < 0) return false;
  if (faulty.left > 0) faulty.left--;
  return faulty.left == 0;
}

static sqlite3_file *real_of(sqlite3_file *f) { return ((struct faulty_file *)f)->real; }
static int f_close(sqlite3_file *f) { return real_of(f)->pMethods->xClose(real_of(f)); }
static int f_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
  return real_of(f)->pMethods->xRead(real_of(f), to, n, at);
}
static int f_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
  return fails() ? faulty.code : real_of(f)->pMethods->xWrite(real_of(f), from, n, at);
}
static int f_truncate(sqlite3_file *f, sqlite3_int64 n) {
  return fails() ? faulty.code : real_of(f)->pMethods->xTruncate(real_of(f), n);
}
static int f_sync(sqlite3_file *f, int flags) {
  return fails() ? SQLITE_IOERR_FSYNC : real_of(f)->pMethods->xSync(real_of(f), flags);
}
static int f_size(sqlite3_file *f, sqlite3_int64 *n) {
  return real_of(f)->pMethods->xFileSize(real_of(f), n);
}
static int f_lock(sqlite3_file *f, int l) { return real_of(f)->pMethods->xLock(real_of(f), l); }
static int f_unlock(sqlite3_file *f, int l) { return real_of(f)->pMethods->xUnlock(real_of(f), l); }
static int f_reserved(sqlite3_file *f, int *ret) {
  return real_of(f)->pMethods->xCheckReservedLock(real_of(f), ret);
}
static int f_control(sqlite3_file *f, int op, void *arg) {
  return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}
static int f_sector(sqlite3_file *f) { return real_of(f)->pMethods->xSectorSize(real_of(f)); }
static int f_traits(sqlite3_file *f) { return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f)); }
static int f_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret) {
  return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, ret);
}
static int f_shm_lock(sqlite3_file *f, int at, int n, int flags) {
  return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}
static void f_barrier(sqlite3_file *f) { real_of(f)->pMethods->xShmBarrier(real_of(f)); }
static int f_unmap(sqlite3_file *f, int del) { return real_of(f)->pMethods->xShmUnmap(real_of(f), del); }

static const sqlite3_io_methods faulty_methods = {
    2,         f_close,  f_read,   f_write, f_truncate, f_sync,    f_size,  f_lock, f_unlock, f_reserved,
    f_control, f_sector, f_traits, f_map,   f_shm_lock, f_barrier, f_unmap, NULL,   NULL};

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags) {
  struct faulty_file *file = (struct faulty_file *)f;
  (void)vfs;
  file->real = (sqlite3_file *)(file + 1);
  int code = faulty.real->xOpen(faulty.real, name, file->real, flags, ret_flags);
  file->base.pMethods = code == SQLITE_OK ? &faulty_methods : NULL;
  return code;
}

static void faulty_install(void) {
  faulty.real = sqlite3_vfs_find(NULL);
  faulty.vfs = *faulty.real;
  faulty.vfs.zName = "faulty";
  faulty.vfs.szOsFile = (int)sizeof(struct faulty_file) + faulty.real->szOsFile;
  faulty.vfs.xOpen = faulty_open;
  faulty.left = -1;
  sqlite3_vfs_register(&faulty.vfs, 1);
}

static void faulty_remove(void) { sqlite3_vfs_unregister(&faulty.vfs); }

/* One server's life in small; stops at the first failure. */
static enum err small_life(struct harness *h, int64_t *ret_acknowledged_ms) {
  for (int i = 0; i < 4; i++) {
    h->now_ms += SECOND;
    struct change *claim = harness_claim(h, h->now_ms);
    enum err e = harness_apply(h, claim);
    for (size_t n = 0; e == ERR_OK && n < claim->claimed.count; n++) {
      int64_t run = harness_next_run_no(h), due_ms = claim->claimed.claims[n].due_ms;
      struct change *both[] = {harness_run(h, CHANGE_START, run, 1, due_ms),
                               harness_run(h, CHANGE_END, run, 1, due_ms)};
      e = h->backend->ops->apply(h->backend, both, 2);
      if (e == ERR_OK) *ret_acknowledged_ms = due_ms;
      change_free(both[0]);
      change_free(both[1]);
    }
    change_free(claim);
    TRY(e);
  }
  return ERR_OK;
}

/* The n-th write fails and all after it, n = 1, 2, 3 … until nothing fails any more: each failure is told, nothing
 * acknowledged is lost, and it goes on by itself when there is room again. */
static void full_disk_loses_nothing_and_passes(void **state) {
  (void)state;
  static const int codes[] = {SQLITE_FULL, SQLITE_IOERR_WRITE};
  for (size_t c = 0; c < 2; c++) {
    bool has_failed = true;
    for (int n = 1; has_failed; n++) {
      struct harness h;
      assert_true(n < 500);
      faulty_install();
      harness_open(&h, HARNESS_SQLITE);
      harness_job(&h, "a", "* * * * * *");
      int64_t acknowledged_ms = 0;
      faulty.left = n;
      faulty.code = codes[c];
      enum err e = small_life(&h, &acknowledged_ms);
      has_failed = e != ERR_OK;
      if (has_failed && e != ERR_STORE_FULL && e != ERR_IO) fail_msg("write %d: %s", n, err_code(e));
      faulty.left = -1;
      if (has_failed) CHECK_OK(small_life(&h, &acknowledged_ms)); /* room again: without a restart */
      harness_finish_claims(&h, 1);
      assert_string_equal(harness_audit(&h), "");
      harness_reopen(&h, h.now_ms, NULL);
      struct store_read *r = harness_read(&h, READ_OCCURRENCES);
      r->no = 1;
      harness_ask(&h, r);
      assert_true(r->count > 0 && r->occurrences[0].due_ms >= acknowledged_ms);
      store_read_free(r);
      assert_string_equal(harness_audit(&h), "");
      harness_close(&h);
      faulty_remove();
    }
  }
}

/* Occurrences of two attempts each, of which retention is to leave the newest run. */
static void fill_with_retries(struct harness *h) {
  harness_job(h, "a", "* * * * * *");
  for (int64_t i = 0; i < 8; i++) {
    if (i % 2 == 0) h->now_ms += SECOND;
    if (i % 2 == 0) harness_do(h, harness_claim(h, h->now_ms));
    struct change *c = harness_run(h, CHANGE_END, harness_next_run_no(h), 1, h->now_ms);
    c->run.run.attempt = 1 + i % 2;
    c->run.run.trigger = i % 2 ? TRIGGER_RETRY : TRIGGER_SCHEDULE;
    harness_do(h, c);
  }
  struct settings s = *h->boot.settings;
  s.keep_executions = 1;
  harness_do(h, harness_settings(h, &s));
}

/* One sweep in slices of a row; answers whether a slice has failed. */
static bool sweep(struct harness *h, int64_t *ret_deleted) {
  bool has_failed = false, has_more = true;
  *ret_deleted = 0;
  while (has_more) {
    struct change *c = change_new(CHANGE_RETAIN, h->now_ms);
    c->retain.max_rows = 1;
    enum err e = harness_apply(h, c);
    if (e == ERR_OK) *ret_deleted += (int64_t)c->retain.deleted;
    has_more = e != ERR_OK || c->retain.has_more;
    has_failed |= e != ERR_OK;
    change_free(c);
    if (e != ERR_OK) faulty.left = -1; /* room again */
    assert_string_equal(harness_audit(h), "");
  }
  return has_failed;
}

/* The slice that failed is done again: an occurrence never loses its later attempts before its first. */
static void full_disk_leaves_no_row_behind_in_retention(void **state) {
  (void)state;
  bool has_failed = true;
  for (int n = 1; has_failed; n++) {
    struct harness h;
    int64_t deleted;
    assert_true(n < 500);
    faulty_install();
    harness_open(&h, HARNESS_SQLITE);
    fill_with_retries(&h);
    faulty.left = n;
    faulty.code = SQLITE_FULL;
    has_failed = sweep(&h, &deleted);
    assert_int_equal(deleted, 7);
    faulty.left = -1;
    harness_close(&h);
    faulty_remove();
  }
}

/* What is written behind is written with the next chance. */
static void full_disk_forgets_no_last_run(void **state) {
  (void)state;
  for (int is_alone = 0; is_alone < 2; is_alone++) {
    struct harness h;
    bool has_more;
    faulty_install();
    harness_open(&h, HARNESS_SQLITE);
    harness_job(&h, "a", "@daily");
    h.now_ms += 12 * HOUR;
    assert_int_equal(harness_work(&h, RUN_SUCCESS), 1);
    int64_t ran_ms = h.now_ms;
    h.now_ms += MINUTE;
    faulty.left = 1;
    faulty.code = SQLITE_FULL;
    struct change *c = harness_claim(&h, h.now_ms);
    enum err e = is_alone ? h.backend->ops->touch(h.backend, h.now_ms, &has_more) : harness_apply(&h, c);
    assert_int_equal(e, ERR_STORE_FULL);
    change_free(c);
    faulty.left = -1;
    harness_touch(&h);
    struct job *job = harness_get_job(&h, 1);
    assert_int_equal(job->last_run_ms, ran_ms);
    assert_int_equal(job->next_run_ms, NOON + 36 * HOUR);
    job_unref(job);
    harness_close(&h);
    faulty_remove();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(full_disk_forgets_no_last_run),
                                     cmocka_unit_test(full_disk_loses_nothing_and_passes),
                                     cmocka_unit_test(full_disk_leaves_no_row_behind_in_retention)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
