#include "warden/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/os_file.h"
#include "tests/support/check.h"

static void our_group_is_found_below_the_mount(void **state) {
  (void)state;
  const char *hybrid =
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
      "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
  const char *pure = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
  const char *part = "30 23 0:26 /docker/ab /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  const struct {
    int line;
    const char *self, *mounts, *want; /* NULL: in none */
  } rows[] = {
      {__LINE__, "9:name=systemd:/\n4:memory:/x\n0::/\n", hybrid, "/sys/fs/cgroup/unified"},
      {__LINE__, "0::/system.slice/a.service\n", pure, "/sys/fs/cgroup/system.slice/a.service"},
      {__LINE__, "0::/docker/ab/c", part, "/sys/fs/cgroup/c"},
      {__LINE__, "0::/docker/ab", part, "/sys/fs/cgroup"},
      {__LINE__, "0::/docker/abc", part, NULL},
      {__LINE__, "0::/../other", part, NULL},
      {__LINE__, "0::/a.scope (deleted)\n", pure, NULL},
      {__LINE__, "4:memory:/x\n", hybrid, NULL},
      {__LINE__, "0::/\n", "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n", NULL},
      {__LINE__, "0::/\n", "1 2 0:3 / /a\\040b rw - cgroup2 cgroup2 rw\n", NULL},
      {__LINE__, "0::/\n", " - cgroup2 ", NULL},
      {__LINE__, "", "", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char got[CGROUP_PATH_BYTES] = "";
    bool is_found = cgroup_find(str_of(rows[i].self), str_of(rows[i].mounts), got);
    CHECK_ROW(rows[i].line, is_found == (rows[i].want != NULL));
    if (rows[i].want) CHECK_ROW(rows[i].line, strcmp(got, rows[i].want) == 0);
  }
}

/* A folder of plain files stands for a group whose controllers this host may not have. */
struct fixture {
  char dir[64];
  struct cgroup cgroup;
};

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  (void)snprintf(f->dir, sizeof f->dir, "/tmp/sereno-cgroup-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  f->cgroup = (struct cgroup){.fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                              .controllers = CGROUP_CPU | CGROUP_MEMORY | CGROUP_PIDS | CGROUP_IO};
  assert_int_equal(mkdirat(f->cgroup.fd, "7", 0755), 0);
  *state = f;
  return 0;
}

static const char *const files[] = {"memory.max",  "memory.oom.group", "pids.max", "cpu.max",     "cpu.stat",
                                    "memory.peak", "memory.events",    "io.stat",  "cgroup.procs"};
#define FILES (sizeof files / sizeof *files)

static int tear_down(void **state) {
  struct fixture *f = *state;
  char name[64];
  for (size_t i = 0; i < FILES; i++) {
    (void)snprintf(name, sizeof name, "7/%s", files[i]);
    (void)unlinkat(f->cgroup.fd, name, 0);
  }
  (void)unlinkat(f->cgroup.fd, "7", AT_REMOVEDIR);
  os_close(&f->cgroup.fd);
  (void)rmdir(f->dir);
  free(f);
  return 0;
}

static void put(const struct fixture *f, const char *file, const char *text) {
  char path[128];
  (void)snprintf(path, sizeof path, "%s/7/%s", f->dir, file);
  CHECK_OK(os_write_file(path, str_of(text), 0600, NULL));
}

static void the_bill_takes_what_the_kernel_has_counted(void **state) {
  struct fixture *f = *state;
  struct warden_bill bill = {
      .cpu_user_us = 1, .memory_peak_bytes = 2, .io_read_bytes = 3, .io_write_bytes = 4};
  cgroup_bill(&f->cgroup, 7, &bill);
  assert_int_equal(bill.exact, 0);
  assert_int_equal(bill.cpu_user_us + bill.memory_peak_bytes + bill.io_read_bytes + bill.io_write_bytes, 10);
  put(f, "cpu.stat", "usage_usec 30\nuser_usec 10\nsystem_usec 20\nnice_usec 0\n");
  cgroup_bill(&f->cgroup, 7, &bill);
  assert_int_equal(bill.exact, WARDEN_EXACT_CPU);
  assert_int_equal(bill.cpu_user_us * 100 + bill.cpu_system_us, 1020);
  put(f, "memory.peak", "4096\n");
  put(f, "io.stat", "8:0 rbytes=100 wbytes=7 rios=1 wios=1 dbytes=9 dios=0\n9:1 rbytes=11 wbytes=0\n");
  cgroup_bill(&f->cgroup, 7, &bill);
  assert_int_equal(bill.exact, WARDEN_EXACT_CPU | WARDEN_EXACT_MEMORY | WARDEN_EXACT_IO);
  assert_int_equal(bill.memory_peak_bytes, 4096);
  assert_int_equal(bill.io_read_bytes * 100 + bill.io_write_bytes, 11107);
}

static void a_kill_for_memory_is_told_from_other_events(void **state) {
  struct fixture *f = *state;
  assert_false(cgroup_hit_memory(&f->cgroup, 7));
  put(f, "memory.events", "low 0\nmax 12\noom 1\noom_kill 0\noom_group_kill 3\n");
  assert_false(cgroup_hit_memory(&f->cgroup, 7));
  put(f, "memory.events", "low 0\nmax 12\noom 1\noom_kill 1\n");
  assert_true(cgroup_hit_memory(&f->cgroup, 7));
}

static void the_note_of_another_folder_ends_nothing(void **state) {
  struct fixture *f = *state;
  char path[128], text[256];
  (void)snprintf(path, sizeof path, "%s/note", f->dir);
  (void)snprintf(text, sizeof text, "%s/7", f->dir);
  CHECK_OK(os_write_file(path, str_of(text), 0600, NULL));
  cgroup_end_dead(1, f->cgroup.fd, "note", 0);
  assert_int_equal(faccessat(f->cgroup.fd, "7", F_OK, 0), 0);
  assert_int_equal(unlink(path), 0);
}

static void a_named_folder_that_is_no_group_is_an_error(void **state) {
  struct fixture *f = *state;
  struct cgroup c;
  struct err_detail detail = {};
  struct cgroup_place place = {f->dir, 1, 2, f->cgroup.fd, "note"};
  assert_int_equal(cgroup_open(&place, &c, &detail), ERR_INVALID);
  assert_string_equal(detail.field, "cgroup");
  place.where = "off";
  CHECK_OK(cgroup_open(&place, &c, NULL));
  assert_int_equal(c.fd, -1);
  assert_int_not_equal(faccessat(f->cgroup.fd, "note", F_OK, 0), 0);
}

static char *content(const struct fixture *f, const char *file) {
  static struct buf text;
  char path[128];
  buf_free(&text);
  text = buf_new(1000);
  (void)snprintf(path, sizeof path, "%s/7/%s", f->dir, file);
  CHECK_OK(os_read_file(path, &text, NULL));
  buf_add_char(&text, '\0');
  return (char *)(uintptr_t)buf_str(&text).ptr;
}

static void limits_are_written_where_there_are_controllers(void **state) {
  struct fixture *f = *state;
  const struct cgroup_limits limits = {1 << 20, 12, 250};
  for (size_t i = 0; i < 4; i++) put(f, files[i], "");
  f->cgroup.controllers = CGROUP_PIDS;
  cgroup_limit(&f->cgroup, 7, &limits);
  assert_string_equal(content(f, "pids.max"), "12");
  assert_string_equal(content(f, "memory.max"), "");
  f->cgroup.controllers = CGROUP_CPU | CGROUP_MEMORY;
  cgroup_limit(&f->cgroup, 7, &limits);
  assert_string_equal(content(f, "memory.max"), "1048576");
  assert_string_equal(content(f, "memory.oom.group"), "1");
  assert_string_equal(content(f, "cpu.max"), "250000 100000");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(our_group_is_found_below_the_mount), T(the_bill_takes_what_the_kernel_has_counted),
      T(a_kill_for_memory_is_told_from_other_events),       T(limits_are_written_where_there_are_controllers),
      T(the_note_of_another_folder_ends_nothing),           T(a_named_folder_that_is_no_group_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
