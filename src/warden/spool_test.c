#include "warden/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/check.h"

static int dir_fd = -1;
static char dir_path[] = "/tmp/sereno-spool-XXXXXX";

static int make_dir(void **s) {
  (void)s;
  assert_non_null(mkdtemp(dir_path));
  dir_fd = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return dir_fd < 0;
}
static int remove_dir(void **s) {
  (void)s;
  (void)unlinkat(dir_fd, "1.out", 0);
  (void)unlinkat(dir_fd, "1.time", 0);
  close(dir_fd);
  return rmdir(dir_path);
}
static int fresh(void **s) {
  (void)s;
  (void)unlinkat(dir_fd, "1.out", 0);
  (void)unlinkat(dir_fd, "1.time", 0);
  return 0;
}

static struct spool small(void) {
  struct spool s = spool_new(dir_fd, 1);
  s.head_max = 10;
  s.tail_max = 6;
  return s;
}

static struct str file_text(char *to, size_t n) {
  int fd = openat(dir_fd, "1.out", O_RDONLY);
  ssize_t got = fd < 0 ? 0 : read(fd, to, n);
  if (fd >= 0) close(fd);
  return (struct str){to, (size_t)got};
}

static void add(struct spool *s, const char *text) { spool_add(s, str_of(text), (struct tick){0}); }

static void a_silent_run_makes_no_file(void **state) {
  (void)state;
  struct spool s = small();
  spool_finish(&s);
  assert_int_not_equal(faccessat(dir_fd, "1.out", F_OK, 0), 0);
}

static void output_up_to_head_and_tail_is_kept_whole(void **state) {
  (void)state;
  struct spool s = small();
  add(&s, "0123456");
  add(&s, "789abcdef");
  spool_finish(&s);
  char text[100];
  CHECK_STR(file_text(text, sizeof text), STR("0123456789abcdef"));
  assert_int_equal(spool_lost_bytes(&s), 0);
}

static void the_middle_is_left_out_and_counted(void **state) {
  (void)state;
  struct spool s = small();
  add(&s, "0123456789abcdefghijklmnopqrstuvwxyz");
  add(&s, "!");
  assert_int_equal(spool_lost_bytes(&s), 37 - 16);
  spool_finish(&s);
  char text[100];
  CHECK_STR(file_text(text, sizeof text), STR("0123456789\n[... 21 bytes left out ...]\nvwxyz!"));
  assert_int_equal(s.written_bytes, 37);
}

static void the_file_never_grows_above_head_and_tail(void **state) {
  (void)state;
  struct spool s = small();
  for (int i = 0; i < 1000; i++) add(&s, "flood of words ");
  struct stat st;
  assert_int_equal(fstat(s.fd, &st), 0);
  assert_int_equal(st.st_size, 16);
  spool_finish(&s);
}

static void what_is_above_the_rate_is_counted_and_marked(void **state) {
  (void)state;
  struct spool s = small();
  s.head_max = 1000;
  s.rate_max = 4;
  spool_add(&s, STR("abcdef"), (struct tick){0});
  spool_add(&s, STR("gh"), (struct tick){500000000});
  spool_add(&s, STR("i"), (struct tick){1500000000});
  spool_finish(&s);
  char text[200];
  CHECK_STR(file_text(text, sizeof text), STR("abcd\n[... 4 bytes left out: above the output rate ...]\ni"));
  assert_int_equal(spool_lost_bytes(&s), 4);
  assert_int_equal(s.written_bytes, 9);
}

/* Reading by offset gives the same bytes while the tail is a ring and when it is not any more. */
static void reading_in_pieces_gives_the_kept_stream(void **state) {
  (void)state;
  static const char all[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  for (size_t len = 0; len < sizeof all; len++) {
    for (int finished = 0; finished < 2; finished++) {
      fresh(NULL);
      struct spool s = small();
      spool_add(&s, (struct str){all, len}, (struct tick){0});
      if (finished) spool_finish(&s);
      char text[64] = "", want[64] = "";
      size_t used = 0;
      int64_t offset = 0, at;
      for (size_t n; (n = spool_read(&s, offset, text + used, 4, &at)); used += n) offset = at + (int64_t)n;
      size_t head = len < 10 ? len : 10, tail = len < 16 ? len - head : 6;
      memcpy(want, all, head);
      memcpy(want + head, all + len - tail, tail);
      CHECK_STR(str_of(text), str_of(want));
      assert_int_equal(offset, len);
      if (!finished) spool_finish(&s);
    }
  }
}

static void a_folder_that_cannot_be_written_only_counts(void **state) {
  (void)state;
  struct spool s = spool_new(-1, 1);
  s.head_max = s.tail_max = 10;
  add(&s, "abc");
  spool_finish(&s);
  assert_int_equal(spool_lost_bytes(&s), 3);
}

#define MS(n) ((struct tick){1000000000U + (uint64_t)(n)*1000000U})
struct times {
  struct spool_time_head head;
  struct spool_mark marks[16];
};

static size_t read_times(struct times *t) {
  memset(t, 0, sizeof *t);
  int fd = openat(dir_fd, "1.time", O_RDONLY);
  ssize_t got = fd < 0 ? 0 : read(fd, t, sizeof *t);
  if (fd >= 0) close(fd);
  return got < (ssize_t)sizeof t->head ? 0 : ((size_t)got - sizeof t->head) / sizeof *t->marks;
}

static void the_time_of_output_is_kept_beside_it(void **state) {
  (void)state;
  struct spool s = small();
  spool_begin(&s, MS(0));
  spool_add(&s, STR("abc\n"), MS(5));
  spool_add(&s, STR("at once\n"), MS(14)); /* within SPOOL_MARK_MS of the first */
  struct times t;
  assert_int_equal(read_times(&t), 1);
  assert_int_equal(t.head.kept_bytes, -1);
  spool_add(&s, STR("later than that\n"), MS(1015));
  spool_finish(&s);
  assert_int_equal(read_times(&t), 2);
  assert_string_equal(t.head.magic, SPOOL_TIME_MAGIC);
  assert_int_equal(t.head.head_max, 10);
  assert_int_equal(t.head.tail_max, 6);
  assert_int_equal(t.head.kept_bytes, 28);
  assert_int_equal(t.marks[0].offset, 0);
  assert_int_equal(t.marks[0].since_ms, 5);
  assert_int_equal(t.marks[1].offset, 12);
  assert_int_equal(t.marks[1].since_ms, 1015);
}

static void marks_of_long_runs_are_farther_apart(void **state) {
  (void)state;
  struct spool s = small();
  for (int64_t i = 0; i <= 3 * SPOOL_MARKS_AT_ONE_PACE; i++) spool_add(&s, STR("x"), MS(10 * i));
  /* 8,192 at each 10 ms, the other 16,384 at each 20 ms: 8,192 of them */
  assert_int_equal(s.marks, 2 * SPOOL_MARKS_AT_ONE_PACE);
  spool_finish(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_silent_run_makes_no_file, fresh),
      cmocka_unit_test_setup(output_up_to_head_and_tail_is_kept_whole, fresh),
      cmocka_unit_test_setup(the_middle_is_left_out_and_counted, fresh),
      cmocka_unit_test_setup(the_file_never_grows_above_head_and_tail, fresh),
      cmocka_unit_test_setup(what_is_above_the_rate_is_counted_and_marked, fresh),
      cmocka_unit_test_setup(reading_in_pieces_gives_the_kept_stream, fresh),
      cmocka_unit_test_setup(the_time_of_output_is_kept_beside_it, fresh),
      cmocka_unit_test_setup(marks_of_long_runs_are_farther_apart, fresh),
      cmocka_unit_test_setup(a_folder_that_cannot_be_written_only_counts, fresh),
  };
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
