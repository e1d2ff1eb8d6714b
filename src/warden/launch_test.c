#include "warden/launch.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/check.h"

static struct str block_of(const struct warden_launch *l, char *to, size_t size) {
  ssize_t n = pread(l->fd, to, size, 0);
  assert_true(n > 0);
  return (struct str){to, (size_t)n};
}

static void a_program_comes_back_as_it_was_given(void **s) {
  (void)s;
  const char *argv[] = {"/bin/echo", "", "two words", NULL};
  const char *envp[] = {"A=1", "EMPTY=", NULL};
  struct warden_launch_spec spec = {
      .kind = LAUNCH_PROGRAM, .argv = argv, .envp = envp, .cwd = "/tmp", .stdin_bytes = STR("in")};
  struct warden_launch l;
  CHECK_OK(warden_launch_build(&spec, &l, NULL));
  char bytes[1000];
  ARENA_AUTO struct arena a = arena_new(100000);
  struct launch got;
  CHECK_OK(launch_parse(block_of(&l, bytes, sizeof bytes), &a, &got, NULL));
  assert_int_equal(got.kind, LAUNCH_PROGRAM);
  assert_int_equal(got.argc, 3);
  assert_string_equal(got.argv[2], "two words");
  assert_null(got.argv[3]);
  assert_int_equal(got.envc, 2);
  assert_string_equal(got.envp[1], "EMPTY=");
  assert_string_equal(got.cwd, "/tmp");
  char in[8] = "";
  assert_int_equal(read(l.stdin_fd, in, sizeof in), 2);
  assert_string_equal(in, "in");
  warden_launch_close(&l);
}

static void a_block_cannot_be_changed_once_built(void **s) {
  (void)s;
  struct warden_launch_spec spec = {.kind = LAUNCH_BUILTIN, .executor = "x", .params = STR("{\"a\":1}")};
  struct warden_launch l;
  CHECK_OK(warden_launch_build(&spec, &l, NULL));
  assert_int_equal(pwrite(l.fd, "x", 1, 0), -1);
  assert_int_equal(ftruncate(l.fd, 0), -1);
  char bytes[1000];
  ARENA_AUTO struct arena a = arena_new(100000);
  struct launch got;
  CHECK_OK(launch_parse(block_of(&l, bytes, sizeof bytes), &a, &got, NULL));
  CHECK_STR(got.params, STR("{\"a\":1}"));
  assert_string_equal(got.executor, "x");
  assert_int_equal(l.stdin_fd, -1);
  warden_launch_close(&l);
}

static void what_cannot_be_run_is_refused_with_its_field(void **s) {
  (void)s;
  const char *none[] = {NULL}, *ok[] = {"/bin/true", NULL}, *no_name[] = {"=1", NULL},
             *no_equals[] = {"A", NULL}, *ours[] = {"SERENO_RUN_ID=1", NULL}, *tag[] = {"SERENO_TAG=1", NULL};
  const struct {
    int line;
    struct warden_launch_spec spec;
    const char *field;
  } rows[] = {
      {__LINE__, {.kind = LAUNCH_PROGRAM, .argv = none}, "argv"},
      {__LINE__, {.kind = LAUNCH_PROGRAM}, "argv"},
      {__LINE__, {.kind = LAUNCH_PROGRAM, .argv = ok, .envp = no_name}, "envp"},
      {__LINE__, {.kind = LAUNCH_PROGRAM, .argv = ok, .envp = no_equals}, "envp"},
      {__LINE__, {.kind = LAUNCH_PROGRAM, .argv = ok, .envp = ours}, "envp"},
      {__LINE__, {.kind = LAUNCH_PROGRAM, .argv = ok, .envp = tag}, "envp"},
      {__LINE__, {.kind = LAUNCH_PROGRAM, .argv = ok, .cwd = "tmp"}, "cwd"},
      {__LINE__, {.kind = LAUNCH_BUILTIN}, "executor"},
      {__LINE__,
       {.kind = LAUNCH_BUILTIN, .executor = "x", .params = {"x", LIMIT_PARAMS_BYTES + 1}},
       "params"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct err_detail d = {};
    struct warden_launch l = WARDEN_LAUNCH_NONE;
    CHECK_ROW(rows[i].line, warden_launch_build(&rows[i].spec, &l, &d) != ERR_OK);
    CHECK_ROW(rows[i].line, strcmp(d.field, rows[i].field) == 0);
    CHECK_ROW(rows[i].line, l.fd == -1);
  }
}

static void every_cut_and_every_changed_byte_of_a_block_is_survived(void **s) {
  (void)s;
  const char *argv[] = {"/bin/echo", "a", NULL}, *envp[] = {"A=1", NULL};
  struct warden_launch_spec spec = {.kind = LAUNCH_PROGRAM, .argv = argv, .envp = envp};
  struct warden_launch l;
  CHECK_OK(warden_launch_build(&spec, &l, NULL));
  char bytes[200], changed[200];
  struct str block = block_of(&l, bytes, sizeof bytes);
  struct launch got;
  for (size_t n = 0; n < block.len; n++) {
    ARENA_AUTO struct arena a = arena_new(1 << 20);
    assert_int_equal(launch_parse((struct str){bytes, n}, &a, &got, NULL), ERR_INVALID);
  }
  for (size_t i = 0; i < block.len * 256; i++) {
    ARENA_AUTO struct arena a = arena_new(1 << 20);
    memcpy(changed, bytes, block.len);
    changed[i / 256] = (char)(i % 256);
    (void)(launch_parse((struct str){changed, block.len}, &a, &got, NULL) == ERR_OK);
  }
  warden_launch_close(&l);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_program_comes_back_as_it_was_given),
      cmocka_unit_test(a_block_cannot_be_changed_once_built),
      cmocka_unit_test(what_cannot_be_run_is_refused_with_its_field),
      cmocka_unit_test(every_cut_and_every_changed_byte_of_a_block_is_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
