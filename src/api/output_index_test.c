#include "api/output_index.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/output_cache.h"
#include "sys/os_file.h"
#include "tests/support/check.h"
#include "warden/spool.h"

static struct output_source text_source(struct str text, bool is_final) {
  return output_open(NULL, text, is_final);
}

struct seen {
  int64_t numbers[64];
  char text[4096];
  size_t count, max;
};

static bool see(void *arg, int64_t number, const struct output_line *line) {
  struct seen *s = arg;
  s->numbers[s->count] = number;
  size_t used = strlen(s->text);
  snprintf(s->text + used, sizeof s->text - used, "%s%.*s", s->count ? "|" : "", STR_ARG(line->text));
  return ++s->count < s->max;
}

static struct output_index *index_of(const struct output_source *s) {
  struct output_index *i = NULL;
  CHECK_OK(output_index_new(s, NULL, &i));
  return i;
}

static const char *lines_from(const struct output_source *s, int64_t from, size_t count) {
  static struct seen seen;
  seen = (struct seen){.max = count};
  struct output_index *i = index_of(s);
  CHECK_OK(output_each_line(s, i, from, see, &seen));
  output_index_free(i);
  return seen.text;
}

static void lines_are_counted_and_found(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *text;
    bool is_final;
    int64_t lines, from;
    size_t count;
    const char *want;
  } rows[] = {
      {__LINE__, "a\nb\nc\n", true, 3, 2, 9, "b|c"},
      {__LINE__, "a\nb\nc", true, 3, 3, 9, "c"},
      {__LINE__, "a\nb\nc", false, 3, 1, 9, "a|b|c"},
      {__LINE__, "a\r\nb\r\n", true, 2, 1, 9, "a|b"},
      {__LINE__, "", true, 0, 1, 9, ""},
      {__LINE__, "\n\n", true, 2, 1, 9, "|"},
      {__LINE__, "a\nb\nc\n", true, 3, 1, 2, "a|b"},
      {__LINE__, "a\n", true, 1, 7, 9, ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct output_source s = text_source(str_of(rows[i].text), rows[i].is_final);
    struct output_index *index = index_of(&s);
    CHECK_ROW(rows[i].line, output_line_count(index) == rows[i].lines);
    check_str_eq(str_of(lines_from(&s, rows[i].from, rows[i].count)), str_of(rows[i].want), rows[i].line);
    output_index_free(index);
  }
}

static struct buf numbered(int64_t lines) {
  struct buf b = buf_new(64 << 20);
  for (int64_t i = 1; i <= lines; i++)
    buf_addf(&b, i % 1000 == 7 ? "error %lld\n" : "line %lld\n", (long long)i);
  return b;
}

static void a_page_in_the_middle_begins_at_its_line(void **state) {
  (void)state;
  BUF_AUTO struct buf b = numbered(100000);
  struct output_source s = text_source(buf_str(&b), true);
  assert_string_equal(lines_from(&s, 54321, 2), "line 54321|line 54322");
  assert_string_equal(lines_from(&s, 100000, 2), "line 100000");
  struct output_index *i = index_of(&s);
  int64_t offset;
  CHECK_OK(output_line_offset(&s, i, 50008, &offset));
  assert_memory_equal(b.ptr + offset, "line 50008\n", 11);
  CHECK_OK(output_line_offset(&s, i, 100001, &offset));
  assert_int_equal(offset, b.len);
  output_index_free(i);
}

static void the_index_stays_small(void **state) {
  (void)state;
  struct buf b = buf_new(8 << 20);
  char *to = buf_reserve(&b, 4 << 20);
  memset(to, '\n', 4 << 20);
  buf_used(&b, 4 << 20);
  struct output_source s = text_source(buf_str(&b), true);
  struct output_index *i = index_of(&s);
  assert_int_equal(i->lines, 4 << 20);
  assert_true(i->mark_count <= OUTPUT_MARKS_MAX);
  for (size_t n = 0; n < i->mark_count; n++) assert_int_equal(i->marks[n].offset, (int64_t)n * i->stride);
  output_index_free(i);
  buf_free(&b);
}

static void errors_are_counted_in_shares(void **state) {
  (void)state;
  BUF_AUTO struct buf b = numbered(100000);
  struct output_source s = text_source(buf_str(&b), true);
  struct output_index *i = index_of(&s);
  assert_int_equal(i->errors, 100);
  assert_int_equal(i->first_error, 7);
  assert_int_equal(i->last_error, 99007);
  uint32_t buckets[OUTPUT_BUCKETS_MAX], sum = 0;
  int64_t lines;
  size_t count = output_buckets(i, buckets, &lines);
  for (size_t n = 0; n < count; n++) {
    sum += buckets[n];
    int64_t first = (int64_t)n * lines + 1, last = first + lines - 1, want = 0;
    for (int64_t at = 7; at <= 99007; at += 1000) want += at >= first && at <= last;
    assert_int_equal(buckets[n], want);
  }
  assert_int_equal(sum, 100);
  assert_true((int64_t)count * lines >= 100000);
  output_index_free(i);
}

/* A living run's output grows; what is added must give the same as reading all of it. */
static void an_index_grows_with_the_output(void **state) {
  (void)state;
  BUF_AUTO struct buf b = numbered(5000);
  struct output_index *i = NULL;
  for (size_t len = 0;; len += 777) {
    bool is_final = len >= b.len;
    struct output_source s = text_source((struct str){b.ptr, is_final ? b.len : len}, is_final);
    struct output_index *next = NULL;
    CHECK_OK(output_index_new(&s, i, &next));
    output_index_free(i);
    i = next;
    if (is_final) break;
  }
  struct output_source s = text_source(buf_str(&b), true);
  struct output_index *whole = index_of(&s);
  assert_int_equal(i->lines, whole->lines);
  assert_int_equal(i->errors, whole->errors);
  assert_int_equal(i->mark_count, whole->mark_count);
  assert_memory_equal(i->marks, whole->marks, i->mark_count * sizeof *i->marks);
  output_index_free(i);
  output_index_free(whole);
}

static void a_line_longer_than_a_block_is_one_line(void **state) {
  (void)state;
  BUF_AUTO struct buf b = buf_new(2 << 20);
  buf_add_text(&b, "first\n");
  char *to = buf_reserve(&b, 1 << 20);
  memset(to, 'x', 1 << 20);
  buf_used(&b, 1 << 20);
  buf_add_text(&b, "\nlast\n");
  struct output_source s = text_source(buf_str(&b), true);
  assert_string_equal(lines_from(&s, 3, 9), "last");
  struct output_index *i = index_of(&s);
  assert_int_equal(i->lines, 3);
  output_index_free(i);
}

static size_t search(const struct output_source *s, const char *text, bool only_errors, int64_t after,
                     size_t limit, struct seen *ret, int64_t *ret_next) {
  *ret = (struct seen){.max = 64};
  struct output_index *i = index_of(s);
  struct output_search q = {str_of(text), only_errors, after, limit, see, ret};
  CHECK_OK(output_search(s, i, &q, ret_next));
  output_index_free(i);
  return ret->count;
}

static void a_search_goes_on_where_it_stopped(void **state) {
  (void)state;
  BUF_AUTO struct buf b = numbered(100000);
  struct output_source s = text_source(buf_str(&b), true);
  struct seen seen;
  int64_t next;
  assert_int_equal(search(&s, "line 9999", false, 0, 5, &seen, &next), 5);
  assert_int_equal(seen.numbers[0], 9999);
  assert_int_equal(seen.numbers[1], 99990);
  assert_int_equal(next, seen.numbers[4]);
  assert_int_equal(search(&s, "line 9999", false, next, 64, &seen, &next), 6);
  assert_int_equal(next, 0);
  assert_int_equal(search(&s, "", true, 98000, 64, &seen, &next), 2);
  assert_int_equal(seen.numbers[1], 99007);
  assert_int_equal(search(&s, "7", true, 98500, 64, &seen, &next), 1);
  assert_int_equal(search(&s, "nowhere", false, 0, 64, &seen, &next), 0);
  assert_int_equal(next, 0);
}

static void a_search_is_bounded(void **state) {
  (void)state;
  struct buf b = buf_new(32 << 20);
  while (b.len < 5 * OUTPUT_SEARCH_BYTES / 2)
    buf_add_text(&b, "nothing to be found in this line of usual length\n");
  buf_add_text(&b, "a needle\n");
  struct output_source s = text_source(buf_str(&b), true);
  struct seen seen;
  int64_t next = 0;
  int asked = 0;
  while (search(&s, "needle", false, next, 9, &seen, &next) == 0 && next) asked++;
  assert_int_equal(asked, 2);
  assert_int_equal(seen.count, 1);
  buf_free(&b);
}

static char dir_path[] = "/tmp/sereno-index-XXXXXX";

/* Printed through the spool, with a part left out: each line has the time when it came. */
static void lines_have_their_times(void **state) {
  (void)state;
  assert_non_null(mkdtemp(dir_path));
  int dir_fd = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct spool s = spool_new(dir_fd, 1);
  s.head_max = 12;
  s.tail_max = 12;
  struct tick start = {.ns = 5000000000U};
  spool_begin(&s, start);
  for (uint64_t i = 0; i < 9; i++) {
    char text[16];
    snprintf(text, sizeof text, "line%llu\n", (unsigned long long)i);
    spool_add(&s, str_of(text), (struct tick){start.ns + i * 1000000000U});
  }
  spool_finish(&s);
  close(dir_fd);
  char path[64], time_path[64];
  snprintf(path, sizeof path, "%s/1.out", dir_path);
  snprintf(time_path, sizeof time_path, "%s/1.time", dir_path);
  struct output_source source = output_open(path, STR(""), true);
  struct output_times times = output_times_read(time_path, source.bytes);
  struct output_reader r;
  CHECK_OK(output_reader_new(&source, 0, &r));
  static const struct {
    const char *text;
    int64_t ms;
  } want[] = {{"line0", 0},    {"line1", 1000}, {"", 2000}, {"[... 30 bytes left out ...]", 2000},
              {"line7", 7000}, {"line8", 8000}};
  struct output_line line;
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    assert_true(output_next(&r, &line));
    check_str_eq(line.text, str_of(want[i].text), (int)i);
    if (want[i].text[0] == 'l') assert_int_equal(output_time_at(&times, line.offset), want[i].ms);
  }
  assert_false(output_next(&r, &line));
  output_reader_free(&r);
  output_times_free(&times);
  output_close(&source);
  unlink(path);
  unlink(time_path);
  rmdir(dir_path);
}

static void a_foreign_file_has_no_times(void **state) {
  (void)state;
  char path[] = "/tmp/sereno-times-XXXXXX";
  int fd = mkstemp(path);
  assert_int_equal(write(fd, "this is no file of times, but it is long enough for one", 55), 55);
  close(fd);
  struct output_times t = output_times_read(path, 10);
  assert_int_equal(t.count, 0);
  assert_int_equal(output_time_at(&t, 5), -1);
  output_times_free(&t);
  unlink(path);
}

static void indexes_are_kept_for_the_runs_looked_at_last(void **state) {
  (void)state;
  struct output_cache *c = NULL;
  CHECK_OK(output_cache_new(&c));
  struct output_source s = text_source(STR("a\nb\n"), true);
  struct kept_index *first = NULL;
  for (int64_t no = 1; no <= OUTPUT_CACHE_MAX + 1; no++) {
    struct output_index *i = index_of(&s);
    i->run_no = no;
    output_cache_put(c, i);
    if (no == OUTPUT_CACHE_MAX) first = output_cache_take(c, 1);
  }
  assert_null(output_cache_take(c, 2)); /* the first was asked for later */
  assert_int_equal(first->index->lines, 2);
  output_cache_give(first);
  struct kept_index *last = output_cache_take(c, OUTPUT_CACHE_MAX + 1);
  struct output_index *less = index_of(&s);
  less->run_no = OUTPUT_CACHE_MAX + 1;
  less->is_final = false;
  output_cache_put(c, less);
  struct kept_index *still = output_cache_take(c, OUTPUT_CACHE_MAX + 1);
  assert_ptr_equal(still, last);
  output_cache_give(still);
  output_cache_give(last);
  output_cache_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_counted_and_found),
      cmocka_unit_test(a_page_in_the_middle_begins_at_its_line),
      cmocka_unit_test(the_index_stays_small),
      cmocka_unit_test(errors_are_counted_in_shares),
      cmocka_unit_test(an_index_grows_with_the_output),
      cmocka_unit_test(a_line_longer_than_a_block_is_one_line),
      cmocka_unit_test(a_search_goes_on_where_it_stopped),
      cmocka_unit_test(a_search_is_bounded),
      cmocka_unit_test(lines_have_their_times),
      cmocka_unit_test(a_foreign_file_has_no_times),
      cmocka_unit_test(indexes_are_kept_for_the_runs_looked_at_last),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
