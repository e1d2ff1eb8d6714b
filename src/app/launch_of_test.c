#include "app/launch_of.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "sys/os_file.h"
#include "tests/support/check.h"

struct place {
  struct programs programs;
  struct launch_world world;
  char program[128];
};

static void place_new(struct place *p) {
  *p = (struct place){};
  snprintf(p->programs.folder, sizeof p->programs.folder, "/tmp/launch_of_test_XXXXXX");
  assert_non_null(mkdtemp(p->programs.folder));
  snprintf(p->program, sizeof p->program, "%.100s/hello", p->programs.folder);
  CHECK_OK(os_write_file(p->program, STR("#!/bin/sh\necho hello\n"), 0700, NULL));
  p->world = (struct launch_world){.programs = &p->programs,
                                   .is_shell_on = true,
                                   .path = "/usr/bin:/bin",
                                   .home = "/home/ana",
                                   .user = "ana"};
}

static void place_free(struct place *p) {
  unlink(p->program);
  assert_int_equal(rmdir(p->programs.folder), 0);
}

static enum err choose(struct place *p, const char *command, struct launch_choice *ret,
                       struct err_detail *detail) {
  *detail = (struct err_detail){};
  return launch_choose(&p->world, command, ret, detail);
}

static void only_registered_executors_can_be_named(void **state) {
  (void)state;
  struct place p;
  struct launch_choice choice;
  struct err_detail detail;
  place_new(&p);
  CHECK_OK(choose(&p, "hello", &choice, &detail));
  assert_int_equal(choice.way, LAUNCH_WAY_PROGRAM);
  CHECK_OK(choose(&p, "shell", &choice, &detail));
  assert_int_equal(choice.way, LAUNCH_WAY_SHELL);
  static const char *const bad[] = {"nothing", "../hello", "/bin/sh", "", "hello ", ".hidden", "-rf"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(choose(&p, bad[i], &choice, &detail), ERR_INVALID);
    assert_string_equal(detail.field, "command");
  }
  p.world.is_shell_on = false;
  assert_int_equal(choose(&p, "shell", &choice, &detail), ERR_INVALID);
  place_free(&p);
}

static void a_program_that_others_may_change_is_refused(void **state) {
  (void)state;
  struct place p;
  struct launch_choice choice;
  struct err_detail detail;
  place_new(&p);
  assert_int_equal(chmod(p.program, 0722), 0);
  assert_int_equal(choose(&p, "hello", &choice, &detail), ERR_INVALID);
  assert_int_equal(chmod(p.program, 0600), 0);
  assert_int_equal(choose(&p, "hello", &choice, &detail), ERR_INVALID);
  assert_non_null(strstr(detail.message, "not executable"));
  assert_int_equal(chmod(p.program, 0700), 0);
  assert_int_equal(chmod(p.programs.folder, 0777), 0);
  assert_int_equal(choose(&p, "hello", &choice, &detail), ERR_INVALID);
  assert_int_equal(chmod(p.programs.folder, 0700), 0);
  unlink(p.program);
  assert_int_equal(symlink("/bin/sh", p.program), 0);
  assert_int_equal(choose(&p, "hello", &choice, &detail), ERR_INVALID);
  place_free(&p);
}

static void parameters_are_checked_by_name(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *command, *params, *field; /* field NULL: fine */
  } rows[] = {
      {__LINE__, "shell", "{\"command\":\"true\"}", NULL},
      {__LINE__, "shell",
       "{\"command\":\"true\",\"env\":{\"A\":\"1\"},\"cwd\":\"/tmp\",\"stdin\":\"x\",\"shell\":\"/bin/"
       "bash\"}",
       NULL},
      {__LINE__, "shell", NULL, "params.command"},
      {__LINE__, "shell", "{\"command\":\"\"}", "params.command"},
      {__LINE__, "shell", "{\"command\":7}", "params.command"},
      {__LINE__, "shell", "{\"command\":\"x\",\"comand\":\"y\"}", "params.comand"},
      {__LINE__, "shell", "{\"command\":\"x\",\"shell\":\"bash\"}", "params.shell"},
      {__LINE__, "shell", "{\"command\":\"x\",\"cwd\":\"tmp\"}", "params.cwd"},
      {__LINE__, "shell", "{\"command\":\"x\",\"env\":{\"SERENO_RUN_ID\":\"1\"}}", "params.env"},
      {__LINE__, "shell", "{\"command\":\"x\",\"env\":{\"A=B\":\"1\"}}", "params.env"},
      {__LINE__, "shell", "{\"command\":\"x\",\"env\":{\"A\":1}}", "params.env"},
      {__LINE__, "hello", "{\"anything\":[1,2]}", NULL},
      {__LINE__, "hello", "{\"args\":[\"a\",\"b c\"]}", NULL},
      {__LINE__, "hello", "{\"args\":\"a b\"}", "params.args"},
      {__LINE__, "hello", "[1]", "params"},
  };
  struct place p;
  place_new(&p);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct launch_choice choice;
    struct err_detail detail;
    CHECK_OK(choose(&p, rows[i].command, &choice, &detail));
    enum err e = launch_check_params(&choice, rows[i].params, &detail);
    CHECK_ROW(rows[i].line, (e == ERR_OK) == (rows[i].field == NULL));
    if (rows[i].field) CHECK_ROW(rows[i].line, strcmp(detail.field, rows[i].field) == 0);
  }
  place_free(&p);
}

static enum err spec_of(struct place *p, const char *command, const char *params, struct arena *arena,
                        struct warden_launch_spec *ret) {
  struct launch_choice *choice = arena_alloc(arena, sizeof *choice);
  struct err_detail detail;
  struct job job;
  struct run run;
  job_init(&job);
  run_init(&run);
  job.id = "cjob";
  job.name = "test";
  job.command = command;
  job.params = params;
  run.no = 77;
  TRY(choose(p, command, choice, &detail));
  return launch_spec_of(&p->world, choice, &job, &run, arena, ret, &detail);
}

static bool has_variable(const char *const *envp, const char *wanted) {
  for (; *envp; envp++)
    if (strcmp(*envp, wanted) == 0) return true;
  return false;
}

static void a_shell_job_becomes_an_argv_with_its_own_environment(void **state) {
  (void)state;
  struct place p;
  struct warden_launch_spec spec;
  ARENA_AUTO struct arena arena = arena_new(1 << 20);
  place_new(&p);
  CHECK_OK(
      spec_of(&p, "shell",
              "{\"command\":\"echo a; echo b\",\"env\":{\"PATH\":\"/opt\",\"X\":\"1\"},\"stdin\":\"in\"}",
              &arena, &spec));
  assert_string_equal(spec.argv[0], "/bin/sh");
  assert_string_equal(spec.argv[1], "-c");
  assert_string_equal(spec.argv[2], "echo a; echo b");
  assert_null(spec.argv[3]);
  assert_true(has_variable(spec.envp, "PATH=/opt"));
  assert_false(has_variable(spec.envp, "PATH=/usr/bin:/bin"));
  assert_true(has_variable(spec.envp, "X=1"));
  assert_true(has_variable(spec.envp, "HOME=/home/ana"));
  assert_string_equal(spec.cwd, "/home/ana");
  CHECK_STR(spec.stdin_bytes, STR("in"));
  place_free(&p);
}

static void a_program_gets_arguments_and_json_on_stdin(void **state) {
  (void)state;
  struct place p;
  struct warden_launch_spec spec;
  ARENA_AUTO struct arena arena = arena_new(1 << 20);
  place_new(&p);
  CHECK_OK(spec_of(&p, "hello", "{\"args\":[\"--x\",\"a b\"],\"k\":5}", &arena, &spec));
  assert_string_equal(spec.argv[0], p.program);
  assert_string_equal(spec.argv[2], "a b");
  assert_null(spec.argv[3]);
  JSON_AUTO json_t *input = NULL;
  CHECK_OK(json_parse(spec.stdin_bytes, &input, NULL));
  assert_int_equal(json_int_at(json_object_get(input, "params"), "k", 0), 5);
  CHECK_STR(json_text_at(json_object_get(input, "run"), "job"), STR("test"));
  assert_int_equal(json_int_at(json_object_get(input, "run"), "attempt", 0), 1);
  place_free(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_registered_executors_can_be_named),
      cmocka_unit_test(a_program_that_others_may_change_is_refused),
      cmocka_unit_test(parameters_are_checked_by_name),
      cmocka_unit_test(a_shell_job_becomes_an_argv_with_its_own_environment),
      cmocka_unit_test(a_program_gets_arguments_and_json_on_stdin),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
