#include "warden/proc.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/check.h"
#include "warden/config.h"

static void a_tag_comes_back_and_nothing_else_is_one(void **s) {
  (void)s;
  char text[TAG_VARIABLE_BYTES];
  struct tag tag = {0x123456789abcdef0, 1, UINT64_MAX}, got;
  tag_write(tag, text);
  assert_string_equal(text, "SERENO_TAG=123456789abcdef0.0000000000000001.ffffffffffffffff");
  struct str value = str_from(str_of(text), sizeof TAG_PREFIX - 1);
  assert_true(tag_read(value, &got));
  assert_memory_equal(&got, &tag, sizeof tag);
  for (size_t i = 0; i < TAG_VALUE_LEN; i++) {
    assert_false(tag_read((struct str){value.ptr, i}, &got));
    char changed[TAG_VARIABLE_BYTES];
    memcpy(changed, text, sizeof changed);
    changed[sizeof TAG_PREFIX - 1 + i] = 'X';
    assert_false(tag_read(str_from(str_of(changed), sizeof TAG_PREFIX - 1), &got));
  }
}

static pid_t sleeper(void) {
  pid_t pid = fork();
  if (pid == 0) {
    (void)pause();
    _exit(0);
  }
  return pid;
}

static void a_process_is_read_as_it_is(void **s) {
  (void)s;
  struct proc self, child;
  assert_true(proc_read(getpid(), &self));
  assert_int_equal(self.ppid, getppid());
  assert_int_equal(self.session, getsid(0));
  pid_t pid = sleeper();
  assert_true(proc_read(pid, &child));
  assert_int_equal(child.ppid, getpid());
  assert_true(child.start_ticks >= self.start_ticks);
  int64_t own, shared;
  proc_memory(getpid(), &own, &shared);
  assert_true(own > 0);
  assert_true(proc_self_peak_bytes() >= own);
  pid_t last = proc_last_pid();
  assert_true(last > 0);
  struct proc_table table = {};
  CHECK_OK(proc_scan(&table));
  assert_non_null(proc_find(&table, pid));
  assert_non_null(proc_find(&table, getpid()));
  assert_null(proc_find(&table, 0));
  proc_table_free(&table);
  proc_signal(&child, SIGKILL);
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(WTERMSIG(status), SIGKILL);
  assert_false(proc_read(pid, &child));
}

/* The same number with another start time is another process. */
static void a_number_used_again_is_not_hit(void **s) {
  (void)s;
  pid_t pid = sleeper();
  struct proc p;
  assert_true(proc_read(pid, &p));
  p.start_ticks--;
  proc_signal(&p, SIGKILL);
  assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
  p.start_ticks++;
  proc_signal(&p, SIGKILL);
  assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void arguments_name_what_is_wrong(void **s) {
  (void)s;
  const struct {
    int line;
    const char *argv[6];
    const char *field; /* NULL: fine */
  } rows[] = {
      {__LINE__, {"warden", "--data", "/d"}, NULL},
      {__LINE__, {"warden", "--data", "/d", "--idle-exit", "5"}, NULL},
      {__LINE__, {"warden", "--data", "/d", "--cgroup", "off"}, NULL},
      {__LINE__, {"warden", "--data", "/d", "--cgroup", "relative"}, "--cgroup"},
      {__LINE__, {"warden"}, "--data"},
      {__LINE__, {"warden", "--data"}, "--data"},
      {__LINE__, {"warden", "--data", "/d", "--idle-exit", "-1"}, "--idle-exit"},
      {__LINE__, {"warden", "--data", "/d", "--idle-exit", "1s"}, "--idle-exit"},
      {__LINE__, {"warden", "--data", "/d", "x"}, "x"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct warden_config c;
    struct err_detail d = {};
    char *argv[6];
    int argc = 0;
    for (; argc < 6 && rows[i].argv[argc]; argc++) argv[argc] = (char *)(uintptr_t)rows[i].argv[argc];
    enum err e = warden_config_args(argc, argv, &c, &d);
    CHECK_ROW(rows[i].line, (e == ERR_OK) == !rows[i].field);
    CHECK_ROW(rows[i].line, !rows[i].field || strcmp(d.field, rows[i].field) == 0);
  }
}

static void write_text(const char *path, const char *text) {
  FILE *f = fopen(path, "we");
  assert_non_null(f);
  (void)fputs(text, f);
  assert_int_equal(fclose(f), 0);
}

/* Only root can own such a file, so only root can see it taken. */
static void users_come_from_a_file_that_only_root_can_write(void **s) {
  (void)s;
  char path[] = "/tmp/sereno-config-XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  struct warden_config c = {};
  struct err_detail d = {};
  write_text(path, "[warden]\nusers = root, nobody\nexecutor_user = nobody\n");
  if (geteuid() == 0) {
    CHECK_OK(warden_config_read(path, &c, &d));
    assert_int_equal(c.user_count, 2);
    assert_string_equal(c.executor_user->name, "nobody");
    assert_int_equal(warden_config_user(&c, STR("root"))->uid, 0);
    assert_null(warden_config_user(&c, STR("daemon")));
    write_text(path, "[warden]\nusers = no-such-user-here\n");
    assert_int_equal(warden_config_read(path, &c, &d), ERR_INVALID);
    write_text(path, "[warden]\nuser = root\n");
    assert_int_equal(warden_config_read(path, &c, &d), ERR_INVALID);
    assert_int_equal(d.line, 2);
  }
  assert_int_equal(chmod(path, 0666), 0);
  assert_int_equal(warden_config_read(path, &c, &d), ERR_FORBIDDEN);
  (void)unlink(path);
  CHECK_OK(warden_config_read(path, &c, &d)); /* a missing one is empty */
}

static void without_a_word_a_root_wardens_runs_are_the_folder_owners(void **s) {
  (void)s;
  struct warden_config c = {};
  warden_config_default_user(&c, 0, 0);
  assert_null(c.executor_user);
  warden_config_default_user(&c, 65534, 65534);
  assert_int_equal(c.executor_user->uid, 65534);
  assert_null(warden_config_user(&c, STR("nobody"))); /* not to be chosen by runAs */
  struct warden_config said = {.executor_user = &c.users[0]};
  warden_config_default_user(&said, 65534, 65534);
  assert_ptr_equal(said.executor_user, &c.users[0]);
  struct warden_config stranger = {};
  warden_config_default_user(&stranger, 4242424, 77);
  assert_int_equal(stranger.executor_user->uid, 4242424);
  assert_int_equal(stranger.executor_user->gid, 77);
  assert_int_equal(stranger.executor_user->group_count, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_tag_comes_back_and_nothing_else_is_one),
      cmocka_unit_test(a_process_is_read_as_it_is),
      cmocka_unit_test(a_number_used_again_is_not_hit),
      cmocka_unit_test(arguments_name_what_is_wrong),
      cmocka_unit_test(users_come_from_a_file_that_only_root_can_write),
      cmocka_unit_test(without_a_word_a_root_wardens_runs_are_the_folder_owners),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
