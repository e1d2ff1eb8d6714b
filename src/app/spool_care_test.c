#include "app/spool_care.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/os_file.h"
#include "tests/support/check.h"

#define DAY_MS (24LL * 3600 * 1000)
#define NOW_MS (1000 * DAY_MS)

struct folder {
  char path[64];
};

static void name_of(const struct folder *f, int64_t run_no, char *ret, size_t size) {
  snprintf(ret, size, "%s/spool/%lld.out", f->path, (long long)run_no);
}

static void add(const struct folder *f, int64_t run_no, size_t bytes, int64_t age_days) {
  char path[128], *text = calloc(1, bytes + 1);
  name_of(f, run_no, path, sizeof path);
  memset(text, 'x', bytes);
  CHECK_OK(os_write_file(path, (struct str){text, bytes}, 0600, NULL));
  struct timespec when = {.tv_sec = (NOW_MS - age_days * DAY_MS) / 1000};
  assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){when, when}, 0), 0);
  free(text);
}

static bool has(const struct folder *f, int64_t run_no) {
  char path[128];
  name_of(f, run_no, path, sizeof path);
  return access(path, F_OK) == 0;
}

static void folder_new(struct folder *f) {
  char spool[80];
  snprintf(f->path, sizeof f->path, "/tmp/spool_care_test_XXXXXX");
  assert_non_null(mkdtemp(f->path));
  snprintf(spool, sizeof spool, "%s/spool", f->path);
  CHECK_OK(os_make_dir(spool, 0700, NULL));
}

static void folder_free(struct folder *f) {
  char path[128];
  for (int64_t i = 1; i < 10; i++) {
    name_of(f, i, path, sizeof path);
    unlink(path);
  }
  snprintf(path, sizeof path, "%s/spool", f->path);
  assert_int_equal(rmdir(path), 0);
  assert_int_equal(rmdir(f->path), 0);
}

static void old_outputs_go_but_never_those_of_living_runs(void **state) {
  (void)state;
  struct folder f;
  folder_new(&f);
  add(&f, 1, 10, 40);
  add(&f, 2, 10, 40);
  add(&f, 3, 10, 1);
  struct spool_sweep *s = spool_sweep_new(f.path, 1);
  s->live[s->live_count++] = 2;
  s->older_than_ms = NOW_MS - 30 * DAY_MS;
  s->bytes_max = 1 << 30;
  spool_sweep_run(s);
  assert_int_equal(s->deleted, 1);
  assert_false(has(&f, 1));
  assert_true(has(&f, 2));
  assert_true(has(&f, 3));
  spool_sweep_free(s);
  folder_free(&f);
}

static void beyond_the_bytes_the_oldest_go_first(void **state) {
  (void)state;
  struct folder f;
  folder_new(&f);
  for (int64_t i = 1; i <= 4; i++) add(&f, i, 8192, 10 - i);
  struct spool_sweep *s = spool_sweep_new(f.path, 0);
  s->older_than_ms = NOW_MS - 30 * DAY_MS;
  s->bytes_max = 2 * 8192;
  spool_sweep_run(s);
  assert_int_equal(s->deleted, 2);
  assert_false(has(&f, 1));
  assert_false(has(&f, 2));
  assert_true(has(&f, 3));
  assert_true(has(&f, 4));
  spool_sweep_free(s);
  folder_free(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(old_outputs_go_but_never_those_of_living_runs),
      cmocka_unit_test(beyond_the_bytes_the_oldest_go_first),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
