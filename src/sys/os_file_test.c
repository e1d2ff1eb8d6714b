#include "sys/os_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/check.h"

static char folder[64];
static char path[128];

static int set_up(void **s) {
  (void)s;
  (void)snprintf(folder, sizeof folder, "/tmp/os_file_test.XXXXXX");
  if (!mkdtemp(folder)) return -1;
  (void)snprintf(path, sizeof path, "%s/file", folder);
  return 0;
}

static int tear_down(void **s) {
  (void)s;
  (void)unlink(path);
  return rmdir(folder); /* fails when a test left anything beside its file */
}

static mode_t mode_of(const char *name) {
  struct stat found;
  assert_int_equal(stat(name, &found), 0);
  return found.st_mode & 07777;
}

static void a_written_file_reads_back_with_its_mode(void **s) {
  (void)s;
  CHECK_OK(os_write_file(path, STR("old"), 0644, NULL));
  CHECK_OK(os_write_file(path, STR("new\0bytes"), 0600, NULL));
  assert_int_equal(mode_of(path), 0600);
  BUF_AUTO struct buf b = buf_new(100);
  buf_add_text(&b, "before:");
  CHECK_OK(os_read_file(path, &b, NULL));
  CHECK_STR(buf_str(&b), STR("before:new\0bytes"));
}

static void reading_respects_the_maximum_and_leaves_the_buffer_as_it_was(void **s) {
  (void)s;
  CHECK_OK(os_write_file(path, STR("12345"), 0600, NULL));
  struct err_detail d = {};
  BUF_AUTO struct buf exact = buf_new(5), small = buf_new(4);
  CHECK_OK(os_read_file(path, &exact, &d));
  CHECK_STR(buf_str(&exact), STR("12345"));
  assert_int_equal(os_read_file(path, &small, &d), ERR_LIMIT);
  assert_int_equal(small.len, 0);
  CHECK_OK(buf_error(&small));
  assert_non_null(strstr(d.message, path));
}

static void files_without_a_size_are_read_whole(void **s) {
  (void)s;
  CHECK_OK(os_write_file(path, STR(""), 0600, NULL));
  BUF_AUTO struct buf empty = buf_new(0), status = buf_new(65536);
  CHECK_OK(os_read_file(path, &empty, NULL));
  CHECK_OK(os_read_file("/proc/self/status", &status, NULL));
  assert_true(str_find(buf_str(&status), STR("os_file_test")) != SIZE_MAX);
}

static void a_failed_write_leaves_the_old_file_and_no_remains(void **s) {
  (void)s;
  struct err_detail d = {};
  char missing[160];
  (void)snprintf(missing, sizeof missing, "%s/none/file", folder);
  assert_int_equal(os_write_file(missing, STR("x"), 0600, &d), ERR_NOT_FOUND);
  assert_non_null(strstr(d.message, missing));
  /* a folder cannot be renamed over by a file */
  char sub[160];
  (void)snprintf(sub, sizeof sub, "%s/sub", folder);
  CHECK_OK(os_make_dir(sub, 0700, NULL));
  assert_int_equal(os_write_file(sub, STR("x"), 0600, &d), ERR_IO);
  assert_int_equal(rmdir(sub), 0);
}

static void a_missing_file_is_not_found_and_named(void **s) {
  (void)s;
  struct err_detail d = {};
  BUF_AUTO struct buf b = buf_new(10);
  assert_int_equal(os_read_file(path, &b, &d), ERR_NOT_FOUND);
  assert_non_null(strstr(d.message, path));
}

static void make_dir_sets_the_mode_and_takes_an_existing_folder(void **s) {
  (void)s;
  mode_t before = umask(077);
  CHECK_OK(os_make_dir(path, 0755, NULL));
  (void)umask(before);
  assert_int_equal(mode_of(path), 0755);
  CHECK_OK(os_make_dir(path, 0700, NULL));
  assert_int_equal(mode_of(path), 0755);
  assert_int_equal(rmdir(path), 0);
  CHECK_OK(os_write_file(path, STR("x"), 0600, NULL));
  assert_int_equal(os_make_dir(path, 0700, NULL), ERR_IO);
}

static void errno_becomes_the_stated_error(void **s) {
  (void)s;
  static const struct {
    int line, error_number;
    enum err want;
  } rows[] = {
      {__LINE__, ENOSPC, ERR_STORE_FULL},
      {__LINE__, EDQUOT, ERR_STORE_FULL},
      {__LINE__, EROFS, ERR_STORE_READONLY},
      {__LINE__, ENOENT, ERR_NOT_FOUND},
      {__LINE__, EACCES, ERR_FORBIDDEN},
      {__LINE__, EPERM, ERR_FORBIDDEN},
      {__LINE__, ENOMEM, ERR_NO_MEMORY},
      {__LINE__, EIO, ERR_IO},
      {__LINE__, 99999, ERR_IO},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct err_detail d = {};
    CHECK_ROW(rows[i].line, os_error(rows[i].error_number, &d, "cannot try", "/there") == rows[i].want);
    CHECK_ROW(rows[i].line, strstr(d.message, "cannot try /there: "));
  }
}

static void the_boot_id_is_a_uuid_and_stays(void **s) {
  (void)s;
  char a[37], b[37];
  CHECK_OK(os_boot_id(a));
  CHECK_OK(os_boot_id(b));
  assert_int_equal(strlen(a), 36);
  assert_string_equal(a, b);
}

static void close_is_safe_twice(void **s) {
  (void)s;
  int fd = dup(0);
  os_close(&fd);
  assert_int_equal(fd, -1);
  os_close(&fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(a_written_file_reads_back_with_its_mode),
      T(reading_respects_the_maximum_and_leaves_the_buffer_as_it_was),
      T(files_without_a_size_are_read_whole),
      T(a_failed_write_leaves_the_old_file_and_no_remains),
      T(a_missing_file_is_not_found_and_named),
      T(make_dir_sets_the_mode_and_takes_an_existing_folder),
      T(errno_becomes_the_stated_error),
      T(the_boot_id_is_a_uuid_and_stays),
      T(close_is_safe_twice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
