#include "app/configuration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/os_file.h"
#include "tests/support/check.h"

struct folder {
  char path[64], env[128], ini[128];
};

static void folder_new(struct folder *f) {
  snprintf(f->path, sizeof f->path, "/tmp/configuration_test_XXXXXX");
  assert_non_null(mkdtemp(f->path));
  snprintf(f->env, sizeof f->env, "%s/.env", f->path);
  snprintf(f->ini, sizeof f->ini, "%s/sereno.ini", f->path);
}

static void folder_free(struct folder *f) {
  unlink(f->env);
  unlink(f->ini);
  assert_int_equal(rmdir(f->path), 0);
}

static void write_file(const char *path, const char *text) {
  CHECK_OK(os_write_file(path, str_of(text), 0600, NULL));
}

static struct config *load(struct folder *f, const struct config_flag *flag, const char *variable) {
  char data[128];
  snprintf(data, sizeof data, "SERENO_DATA=%s", f->path);
  char *environment[] = {data, variable ? strdup(variable) : NULL, NULL};
  struct config_input input = {flag, flag ? 1 : 0, environment, f->env, NULL};
  struct config *c = NULL;
  struct err_detail detail = {};
  if (config_load(&input, &c, &detail) != ERR_OK) fail_msg("%s: %s", detail.field, detail.message);
  free(environment[1]);
  return c;
}

static void stronger_origin_wins(void **state) {
  (void)state;
  struct folder f;
  folder_new(&f);
  struct config *c = load(&f, NULL, NULL);
  assert_string_equal(config_text(c, CONFIG_HTTP_PORT), "3000");
  assert_int_equal(config_origin(c, CONFIG_HTTP_PORT), CONFIG_FROM_DEFAULT);
  config_free(c);
  write_file(f.ini, "[http]\nport = 4001\n");
  c = load(&f, NULL, NULL);
  assert_int_equal(config_int(c, CONFIG_HTTP_PORT), 4001);
  assert_int_equal(config_origin(c, CONFIG_HTTP_PORT), CONFIG_FROM_FILE);
  config_free(c);
  write_file(f.env, "SERENO_HTTP_PORT='4002'\n");
  c = load(&f, NULL, NULL);
  assert_int_equal(config_int(c, CONFIG_HTTP_PORT), 4002);
  assert_int_equal(config_origin(c, CONFIG_HTTP_PORT), CONFIG_FROM_DOTENV);
  config_free(c);
  c = load(&f, NULL, "SERENO_HTTP_PORT=4003");
  assert_int_equal(config_int(c, CONFIG_HTTP_PORT), 4003);
  assert_int_equal(config_origin(c, CONFIG_HTTP_PORT), CONFIG_FROM_ENV);
  config_free(c);
  c = load(&f, &(struct config_flag){"http.port", "4004"}, "SERENO_HTTP_PORT=4003");
  assert_int_equal(config_int(c, CONFIG_HTTP_PORT), 4004);
  assert_int_equal(config_origin(c, CONFIG_HTTP_PORT), CONFIG_FROM_FLAG);
  config_free(c);
  folder_free(&f);
}

static void only_the_exact_text_false_turns_cron_off(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *variable;
    bool is_off, warns;
  } rows[] = {
      {__LINE__, NULL, false, false},
      {__LINE__, "ENABLE_CRON_JOBS=", false, false},
      {__LINE__, "ENABLE_CRON_JOBS=true", false, false},
      {__LINE__, "ENABLE_CRON_JOBS=false", true, false},
      {__LINE__, "ENABLE_CRON_JOBS=0", false, true},
      {__LINE__, "ENABLE_CRON_JOBS=FALSE", false, true},
      {__LINE__, "ENABLE_CRON_JOBS= false", false, true},
  };
  struct folder f;
  folder_new(&f);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct config *c = load(&f, NULL, rows[i].variable);
    CHECK_ROW(rows[i].line, config_is_cron_off(c) == rows[i].is_off);
    CHECK_ROW(rows[i].line, (config_warning(c, 0) != NULL) == rows[i].warns);
    config_free(c);
  }
  folder_free(&f);
}

static void dotenv_values_lose_their_quotes(void **state) {
  (void)state;
  struct folder f;
  folder_new(&f);
  write_file(f.env,
             "# the app's own\nOTHER=1\nexport ENABLE_CRON_JOBS=\"false\"  # "
             "off\nCRON_SECRET='0123456789abcdef#x'\n");
  struct config *c = load(&f, NULL, NULL);
  assert_true(config_is_cron_off(c));
  assert_int_equal(config_origin(c, CONFIG_CRON_ENABLED), CONFIG_FROM_DOTENV);
  assert_string_equal(config_text(c, CONFIG_API_CRON_SECRET), "0123456789abcdef#x");
  config_free(c);
  c = load(&f, NULL, "ENABLE_CRON_JOBS=true");
  assert_false(config_is_cron_off(c));
  config_free(c);
  folder_free(&f);
}

static void a_secret_is_read_from_its_file_and_never_shown(void **state) {
  (void)state;
  struct folder f;
  folder_new(&f);
  char variable[200];
  write_file(f.env, "a secret of some length\n");
  snprintf(variable, sizeof variable, "CRON_SECRET_FILE=%s", f.env);
  struct config *c = load(&f, NULL, variable);
  assert_string_equal(config_text(c, CONFIG_API_CRON_SECRET), "a secret of some length");
  BUF_AUTO struct buf out = buf_new(1 << 20);
  struct json_writer w = jw_new(&out);
  jw_array(&w);
  config_write_json(c, &w);
  jw_array_end(&w);
  assert_null(strstr(buf_text(&out), "a secret of"));
  assert_non_null(strstr(buf_text(&out), "***"));
  config_free(c);
  folder_free(&f);
}

static void bad_input_is_named(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *ini, *variable, *field;
    int at_line;
  } rows[] = {
      {__LINE__, NULL, "SERENO_HTTP_PORT=70000", "http.port", 0},
      {__LINE__, "[http]\nport = x\n", NULL, "http.port", 2},
      {__LINE__, "[http]\n\nprot = 3\n", NULL, "http.prot", 3},
      {__LINE__, "[data]\ndir = /tmp\n", NULL, "data.dir", 2},
      {__LINE__, "[log]\nlevel = loud\n", NULL, "log.level", 0},
      {__LINE__, "what is this", NULL, "config", 1},
      {__LINE__, "[executors]\nshell = maybe\n", NULL, "executors.shell", 2},
      {__LINE__, NULL, "CRON_SECRET=no", "api.cron_secret", 0},
      {__LINE__, "[http]\ntls_key = /k\n", NULL, "http.tls_key", 0},
  };
  struct folder f;
  folder_new(&f);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    write_file(f.ini, rows[i].ini ? rows[i].ini : "");
    char data[128];
    snprintf(data, sizeof data, "SERENO_DATA=%s", f.path);
    char *environment[] = {data, rows[i].variable ? strdup(rows[i].variable) : NULL, NULL};
    struct config_input input = {.environment = environment};
    struct config *c = NULL;
    struct err_detail detail = {};
    CHECK_ROW(rows[i].line, config_load(&input, &c, &detail) == ERR_INVALID);
    CHECK_ROW(rows[i].line, strcmp(detail.field, rows[i].field) == 0);
    CHECK_ROW(rows[i].line, detail.line == rows[i].at_line);
    CHECK_ROW(rows[i].line, c == NULL);
    free(environment[1]);
  }
  folder_free(&f);
}

static void an_unknown_variable_of_ours_is_told(void **state) {
  (void)state;
  struct folder f;
  folder_new(&f);
  struct config *c = load(&f, NULL, "SERENO_HTTP_PROT=1");
  assert_non_null(strstr(config_warning(c, 0), "SERENO_HTTP_PROT"));
  assert_null(config_warning(c, 1));
  config_free(c);
  c = load(&f, NULL, "SERENO_RUN_ID=c1"); /* serve started from a job: no configuration (DESIGN 8) */
  assert_null(config_warning(c, 0));
  config_free(c);
  folder_free(&f);
}

static void data_folder_follows_flag_variable_and_home(void **state) {
  (void)state;
  char home[] = "HOME=/home/ana", xdg[] = "XDG_STATE_HOME=/state", own[] = "SERENO_DATA=/d";
  char *all[] = {home, xdg, own, NULL}, *two[] = {home, xdg, NULL}, *one[] = {home, NULL}, *none[] = {NULL};
  char got[100];
  assert_true(config_data_folder("/f", all, got, sizeof got));
  assert_string_equal(got, "/f");
  assert_true(config_data_folder(NULL, all, got, sizeof got));
  assert_string_equal(got, "/d");
  assert_true(config_data_folder(NULL, two, got, sizeof got));
  assert_string_equal(got, "/state/sereno");
  assert_true(config_data_folder(NULL, one, got, sizeof got));
  assert_string_equal(got, "/home/ana/.local/state/sereno");
  assert_false(config_data_folder(NULL, none, got, sizeof got));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(stronger_origin_wins),
      cmocka_unit_test(only_the_exact_text_false_turns_cron_off),
      cmocka_unit_test(dotenv_values_lose_their_quotes),
      cmocka_unit_test(a_secret_is_read_from_its_file_and_never_shown),
      cmocka_unit_test(bad_input_is_named),
      cmocka_unit_test(an_unknown_variable_of_ours_is_told),
      cmocka_unit_test(data_folder_follows_flag_variable_and_home),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
