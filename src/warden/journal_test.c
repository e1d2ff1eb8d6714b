#include "warden/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/check.h"

struct seen {
  int starts, ends, acks;
  int64_t last_epoch, last_run;
  char result[64];
};

static void see_start(void *arg, const struct warden_run *run) {
  struct seen *s = arg;
  s->starts++;
  s->last_run = run->run_no;
}
static void see_end(void *arg, const struct warden_end *end, struct str result) {
  struct seen *s = arg;
  s->ends++;
  s->last_run = end->run.run_no;
  str_copy(s->result, sizeof s->result, result);
}
static void see_ack(void *arg, int64_t run_no) {
  struct seen *s = arg;
  s->acks++;
  s->last_run = run_no;
}
static void see_epoch(void *arg, int64_t epoch) { ((struct seen *)arg)->last_epoch = epoch; }

static int dir_fd = -1;
static char dir_path[] = "/tmp/sereno-journal-XXXXXX";

static int make_dir(void **s) {
  (void)s;
  assert_non_null(mkdtemp(dir_path));
  dir_fd = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return dir_fd < 0;
}
static int remove_dir(void **s) {
  (void)s;
  const char *names[] = {"j", "j.new", "j.bad"};
  for (size_t i = 0; i < 3; i++) (void)unlinkat(dir_fd, names[i], 0);
  close(dir_fd);
  return rmdir(dir_path);
}
static int fresh(void **s) {
  (void)s;
  (void)unlinkat(dir_fd, "j", 0);
  return 0;
}

static struct journal opened(struct seen *seen) {
  struct journal j;
  *seen = (struct seen){};
  struct journal_reader r = {seen, see_start, see_end, see_ack, see_epoch};
  CHECK_OK(journal_open(dir_fd, "j", &r, &j, NULL));
  return j;
}

static struct warden_run run_of(int64_t run_no) {
  return (struct warden_run){.run_no = run_no, .attempt = 1};
}
static struct warden_end end_of(int64_t run_no, size_t result_bytes) {
  return (struct warden_end){
      .run = run_of(run_no), .how = WARDEN_EXITED, .result_bytes = (uint32_t)result_bytes};
}

static void write_sample(struct journal *j) {
  struct warden_run run = run_of(7);
  struct warden_end end = end_of(7, 7);
  int64_t acked = 7;
  assert_int_equal(journal_epoch(j, 42), 0);
  assert_int_equal(journal_start(j, &run), 0);
  assert_int_equal(journal_end(j, &end, STR("{\"a\":1}")), 0);
  assert_int_equal(journal_ack(j, &acked, 1), 0);
}

static void records_come_back_in_order_after_opening_again(void **s) {
  (void)s;
  struct seen seen;
  struct journal j = opened(&seen);
  uint8_t id[WARDEN_ID_BYTES];
  memcpy(id, j.id, sizeof id);
  write_sample(&j);
  journal_close(&j);
  j = opened(&seen);
  assert_int_equal(seen.starts, 1);
  assert_int_equal(seen.ends, 1);
  assert_int_equal(seen.acks, 1);
  assert_int_equal(seen.last_epoch, 42);
  assert_int_equal(seen.last_run, 7);
  assert_string_equal(seen.result, "{\"a\":1}");
  assert_memory_equal(id, j.id, sizeof id);
  journal_close(&j);
}

static off_t file_bytes(void) {
  struct stat st;
  assert_int_equal(fstatat(dir_fd, "j", &st, 0), 0);
  return st.st_size;
}

/* A kill may cut the file at any byte: what was whole before is still told, and appending goes on. */
static void a_file_cut_at_any_byte_keeps_its_whole_records(void **s) {
  (void)s;
  struct seen seen;
  struct journal j = opened(&seen);
  write_sample(&j);
  journal_close(&j);
  off_t full = file_bytes();
  char *bytes = malloc((size_t)full);
  int fd = openat(dir_fd, "j", O_RDONLY);
  assert_int_equal(read(fd, bytes, (size_t)full), full);
  close(fd);
  int last = 0;
  for (off_t n = 0; n <= full; n++) {
    fd = openat(dir_fd, "j", O_WRONLY | O_TRUNC | O_CREAT, 0600);
    assert_int_equal(write(fd, bytes, (size_t)n), n);
    close(fd);
    j = opened(&seen);
    int told = (seen.last_epoch == 42) + seen.starts + seen.ends + seen.acks;
    assert_true(told >= last);
    last = told;
    struct warden_run run = run_of(8);
    assert_int_equal(journal_start(&j, &run), 0);
    journal_close(&j);
    j = opened(&seen);
    assert_int_equal(seen.last_run, 8);
    journal_close(&j);
  }
  assert_int_equal(last, 4);
  free(bytes);
}

static void any_changed_byte_is_noticed(void **s) {
  (void)s;
  struct seen seen;
  struct journal j = opened(&seen);
  off_t head = file_bytes();
  struct warden_run run = run_of(7);
  assert_int_equal(journal_start(&j, &run), 0);
  journal_close(&j);
  for (off_t at = head; at < head + (off_t)sizeof run + 8; at++) {
    int fd = openat(dir_fd, "j", O_RDWR);
    char was, changed;
    assert_int_equal(pread(fd, &was, 1, at), 1);
    changed = (char)(was ^ 0x10);
    assert_int_equal(pwrite(fd, &changed, 1, at), 1);
    j = opened(&seen);
    assert_int_equal(seen.starts, 0);
    journal_close(&j);
    (void)unlinkat(dir_fd, "j", 0);
    close(fd);
    j = opened(&seen);
    assert_int_equal(journal_start(&j, &run), 0);
    journal_close(&j);
  }
}

static void a_file_that_is_no_journal_is_kept_aside_and_gives_a_new_id(void **s) {
  (void)s;
  struct seen seen;
  struct journal j = opened(&seen);
  uint8_t id[WARDEN_ID_BYTES];
  memcpy(id, j.id, sizeof id);
  journal_close(&j);
  int fd = openat(dir_fd, "j", O_WRONLY);
  assert_int_equal(write(fd, "XXXX", 4), 4);
  close(fd);
  j = opened(&seen);
  assert_memory_not_equal(id, j.id, sizeof id);
  assert_int_equal(faccessat(dir_fd, "j.bad", F_OK, 0), 0);
  journal_close(&j);
}

static int writes_left;
static ssize_t short_write(int fd, const void *bytes, size_t n) {
  if (writes_left-- > 0) return write(fd, bytes, n);
  ssize_t done = write(fd, bytes, n / 2);
  return done;
}

static void a_write_that_did_not_fit_leaves_the_file_as_it_was(void **s) {
  (void)s;
  struct seen seen;
  struct journal j = opened(&seen);
  struct warden_run run = run_of(7), second = run_of(8);
  assert_int_equal(journal_start(&j, &run), 0);
  off_t before = file_bytes();
  writes_left = 0;
  journal_write = short_write;
  assert_int_equal(journal_start(&j, &second), ENOSPC);
  journal_write = write;
  assert_int_equal(file_bytes(), before);
  assert_int_equal(j.living, 1);
  assert_int_equal(journal_start(&j, &second), 0);
  journal_close(&j);
  j = opened(&seen);
  assert_int_equal(seen.starts, 2);
  journal_close(&j);
}

static int keep_eight(void *arg, struct journal *to) {
  (void)arg;
  struct warden_run run = run_of(8);
  int error_number = journal_epoch(to, 5);
  return error_number ? error_number : journal_start(to, &run);
}

static void compaction_keeps_the_id_and_only_what_lives(void **s) {
  (void)s;
  struct seen seen;
  struct journal j = opened(&seen);
  assert_false(journal_wants_compaction(&j));
  for (int i = 0; i < 2000; i++) {
    struct warden_end end = end_of(i + 10, 300);
    char result[300] = "";
    int64_t acked = i + 10;
    assert_int_equal(journal_start(&j, &end.run), 0);
    assert_int_equal(journal_end(&j, &end, (struct str){result, 300}), 0);
    assert_int_equal(journal_ack(&j, &acked, 1), 0);
  }
  assert_true(journal_wants_compaction(&j));
  uint8_t id[WARDEN_ID_BYTES];
  memcpy(id, j.id, sizeof id);
  assert_int_equal(journal_compact(&j, keep_eight, NULL), 0);
  assert_true(file_bytes() < 400);
  assert_int_equal(j.living, 1);
  struct warden_end end = end_of(8, 0);
  assert_int_equal(journal_end(&j, &end, STR_NONE), 0);
  journal_close(&j);
  j = opened(&seen);
  assert_memory_equal(id, j.id, sizeof id);
  assert_int_equal(seen.starts, 1);
  assert_int_equal(seen.ends, 1);
  assert_int_equal(seen.last_epoch, 5);
  journal_close(&j);
}

static void a_compaction_that_fails_leaves_the_old_journal(void **s) {
  (void)s;
  struct seen seen;
  struct journal j = opened(&seen);
  write_sample(&j);
  for (writes_left = 0; writes_left < 3; writes_left++) {
    int was = writes_left;
    journal_write = short_write;
    int error_number = journal_compact(&j, keep_eight, NULL);
    journal_write = write;
    writes_left = was;
    assert_int_equal(error_number, ENOSPC);
  }
  struct warden_run run = run_of(9);
  assert_int_equal(journal_start(&j, &run), 0);
  journal_close(&j);
  j = opened(&seen);
  assert_int_equal(seen.starts, 2);
  assert_int_equal(seen.last_run, 9);
  journal_close(&j);
}

/* The room for ends is taken with the starts. */
static void disk_for_each_living_runs_end_is_allocated_ahead(void **s) {
  (void)s;
  struct seen seen;
  struct journal j = opened(&seen);
  for (int i = 1; i <= 200; i++) {
    struct warden_run run = run_of(i);
    assert_int_equal(journal_start(&j, &run), 0);
  }
  struct stat st;
  assert_int_equal(fstat(j.fd, &st), 0);
  assert_true(st.st_blocks * 512 >= 200L * WARDEN_RESULT_BYTES_MAX);
  assert_true(st.st_size < 200 * 100);
  journal_close(&j);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(records_come_back_in_order_after_opening_again, fresh),
      cmocka_unit_test_setup(a_file_cut_at_any_byte_keeps_its_whole_records, fresh),
      cmocka_unit_test_setup(any_changed_byte_is_noticed, fresh),
      cmocka_unit_test_setup(a_file_that_is_no_journal_is_kept_aside_and_gives_a_new_id, fresh),
      cmocka_unit_test_setup(a_write_that_did_not_fit_leaves_the_file_as_it_was, fresh),
      cmocka_unit_test_setup(compaction_keeps_the_id_and_only_what_lives, fresh),
      cmocka_unit_test_setup(a_compaction_that_fails_leaves_the_old_journal, fresh),
      cmocka_unit_test_setup(disk_for_each_living_runs_end_is_allocated_ahead, fresh),
  };
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
