#include "app/data_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/os_file.h"
#include "tests/support/check.h"

static void remove_all(const char *base, const char *folder) {
  static const char *const names[] = {"spool", "backups", "executors", "admin.token", "sereno.ini"};
  char path[256];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    if (unlink(path) != 0) (void)rmdir(path);
  }
  assert_int_equal(rmdir(folder), 0);
  assert_int_equal(rmdir(base), 0);
}

static void a_fresh_folder_is_closed_to_others(void **state) {
  (void)state;
  char base[] = "/tmp/data_dir_test_XXXXXX", folder[64], got[4096];
  assert_non_null(mkdtemp(base));
  snprintf(folder, sizeof folder, "%s/var", base);
  CHECK_OK(data_dir_open(folder, got, sizeof got, NULL));
  CHECK_OK(data_dir_open(folder, got, sizeof got, NULL));
  assert_string_equal(got, folder);
  struct stat st;
  assert_int_equal(stat(folder, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0700);
  remove_all(base, folder);
}

static void wider_modes_are_refused(void **state) {
  (void)state;
  char base[] = "/tmp/data_dir_test_XXXXXX", folder[64], file[80], got[4096];
  struct err_detail detail = {};
  assert_non_null(mkdtemp(base));
  snprintf(folder, sizeof folder, "%s/var", base);
  CHECK_OK(data_dir_open(folder, got, sizeof got, NULL));
  assert_int_equal(chmod(folder, 0750), 0);
  assert_int_equal(data_dir_open(folder, got, sizeof got, &detail), ERR_FORBIDDEN);
  assert_true(str_starts(str_of(detail.hint), STR("chmod")));
  assert_int_equal(chmod(folder, 0700), 0);
  snprintf(file, sizeof file, "%s/admin.token", folder);
  CHECK_OK(os_write_file(file, STR("secret"), 0600, NULL));
  CHECK_OK(data_dir_check(folder, &detail));
  assert_int_equal(chmod(file, 0644), 0);
  assert_int_equal(data_dir_check(folder, &detail), ERR_FORBIDDEN);
  assert_int_equal(chmod(file, 0600), 0);
  snprintf(file, sizeof file, "%s/sereno.ini", folder);
  CHECK_OK(os_write_file(file, STR(""), 0644, NULL)); /* others cannot reach it anyway */
  CHECK_OK(data_dir_check(folder, &detail));
  assert_int_equal(chmod(file, 0666), 0);
  assert_int_equal(data_dir_check(folder, &detail), ERR_FORBIDDEN);
  remove_all(base, folder);
}

static void no_name_is_refused(void **state) {
  (void)state;
  char got[10];
  assert_int_equal(data_dir_open("", got, sizeof got, NULL), ERR_INVALID);
  assert_int_equal(data_dir_check("/nowhere/at/all", NULL), ERR_NOT_FOUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_fresh_folder_is_closed_to_others),
      cmocka_unit_test(wider_modes_are_refused),
      cmocka_unit_test(no_name_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
