#include "app/log_names.h"

#include "tests/support/check.h"

static void jobs_are_called_as_the_seed_calls_them(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *name, *component, *title;
  } rows[] = {
      {__LINE__, "cleanup", "CleanupJob", "Cleanup job"},
      {__LINE__, "auto-pause", "AutoPauseJob", "Auto-pause job"},
      {__LINE__, "temp_files_cleanup", "TempFilesCleanupJob", "Temp_files_cleanup job"},
      {__LINE__, "3d", "3dJob", "3d job"},
      {__LINE__, "año nuevo", "AñoNuevoJob", "Año nuevo job"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char got[220];
    log_component(rows[i].name, got, sizeof got);
    check_str_eq(str_of(got), str_of(rows[i].component), rows[i].line);
    log_job_title(rows[i].name, got, sizeof got);
    check_str_eq(str_of(got), str_of(rows[i].title), rows[i].line);
  }
}

static void a_long_name_fits(void **state) {
  (void)state;
  char name[300] = {}, got[50];
  for (size_t i = 0; i < 299; i++) name[i] = 'x';
  log_component(name, got, sizeof got);
  assert_true(strlen(got) < sizeof got);
  assert_true(str_ends(str_of(got), STR("Job")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(jobs_are_called_as_the_seed_calls_them),
      cmocka_unit_test(a_long_name_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
