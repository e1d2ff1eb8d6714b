#include "worlds/segment.h"

#include <stdlib.h>

#include "tests/support/check.h"

static const struct memory_item items[] = {
    {1, 1763748000000, STR("Ana"), STR("plaza"), STR("Hola, \"Luis\"\n\t¿qué tal?"), STR("{\"event\":1}"),
     true},
    {2, 1763748000001, STR("Luis"), STR_NONE, STR(""), STR_NONE, false},
    {9, 1763748000001, STR(""), STR(""), STR("€ 😀 \x01\x7f /\\"), STR("{ \"a\" : 1.0 }"), false},
};
#define ITEMS (sizeof items / sizeof *items)

static void lines_of(struct buf *b) {
  for (size_t i = 0; i < ITEMS; i++) assert_true(segment_add(b, &items[i]));
}

static void a_line_is_as_the_header_says(void **state) {
  (void)state;
  BUF_AUTO struct buf b = buf_new(1000);
  assert_true(segment_add(&b, &items[1]));
  CHECK_STR(buf_str(&b),
            STR("{\"turn\":2,\"at\":\"2025-11-21T18:00:00.001Z\",\"speaker\":\"Luis\",\"isUser\":false,"
                "\"place\":null,\"text\":\"\",\"data\":null}\n"));
}

/* what is read from lines gives the same bytes again. */
static void a37_lines_read_and_written_again_are_the_same_bytes(void **state) {
  (void)state;
  BUF_AUTO struct buf a = buf_new(10000), b = buf_new(10000), blob = buf_new(100000), c = buf_new(10000);
  ARENA_AUTO struct arena arena = arena_new(1000000);
  struct memory_item *read;
  size_t count;
  lines_of(&a);
  CHECK_OK(segment_read(buf_str(&a), &arena, &read, &count, NULL));
  assert_int_equal(count, ITEMS);
  assert_null(read[1].place.ptr);
  assert_non_null(read[2].place.ptr);
  for (size_t i = 0; i < count; i++) assert_true(segment_add(&b, &read[i]));
  CHECK_STR(buf_str(&b), buf_str(&a));
  CHECK_OK(segment_pack(buf_str(&a), SEGMENT_LEVEL, &blob, NULL));
  CHECK_OK(segment_unpack(buf_str(&blob), &c, NULL));
  CHECK_STR(buf_str(&c), buf_str(&a));
}

static void what_cannot_be_written_as_it_is_stays(void **state) {
  (void)state;
  BUF_AUTO struct buf b = buf_new(1000);
  struct memory_item bad = items[1];
  bad.text = STR("a\xFF");
  assert_false(segment_add(&b, &bad));
  bad.text = STR("a\0b");
  assert_false(segment_add(&b, &bad));
  assert_int_equal(b.len, 0);
}

static void damaged_lines_are_refused(void **state) {
  (void)state;
  static const char *const bad[] = {
      "{}\n",
      "{\"turn\":\"1\",\"at\":\"2025-11-21T18:00:00.001Z\",\"text\":\"\"}\n",
      "{\"turn\":1,\"at\":\"yesterday\",\"text\":\"\"}\n",
      "{\"turn\":1,\"at\":\"2025-11-21T18:00:00.001Z\",\"text\":\"\"}",
      "{\"turn\":1,\"at\":\"2025-11-21T18:00:00Z\"}\n{\"turn\":1,\"at\":\"2025-11-21T18:00:00Z\"}\n",
  };
  ARENA_AUTO struct arena arena = arena_new(100000);
  struct memory_item *read;
  size_t count;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(segment_read(str_of(bad[i]), &arena, &read, &count, NULL), ERR_STORE_CORRUPT);
  CHECK_OK(segment_read(STR(""), &arena, &read, &count, NULL));
  assert_int_equal(count, 0);
}

static void every_flipped_byte_and_every_cut_is_noticed(void **state) {
  (void)state;
  BUF_AUTO struct buf lines = buf_new(10000), blob = buf_new(100000);
  lines_of(&lines);
  CHECK_OK(segment_pack(buf_str(&lines), SEGMENT_LEVEL, &blob, NULL));
  char want[SEGMENT_SHA256_LEN + 1], got[SEGMENT_SHA256_LEN + 1];
  segment_sha256(buf_str(&lines), want);
  for (size_t i = 0; i < blob.len * 2; i++) {
    BUF_AUTO struct buf out = buf_new(SEGMENT_LINES_BYTES_MAX + 1);
    struct str damaged = {blob.ptr, i < blob.len ? i : blob.len};
    if (i >= blob.len) blob.ptr[i - blob.len] ^= 0x10;
    enum err e = segment_unpack(damaged, &out, NULL);
    segment_sha256(buf_str(&out), got);
    if (i >= blob.len) blob.ptr[i - blob.len] ^= 0x10;
    if (e == ERR_OK && i >= blob.len) { /* a bit that says nothing: then nothing has changed */
      assert_string_equal(got, want);
    } else {
      assert_int_not_equal(e, ERR_OK);
    }
  }
}

static void the_hash_is_sha256(void **state) {
  (void)state;
  char hex[SEGMENT_SHA256_LEN + 1];
  segment_sha256(STR("abc"), hex);
  assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_line_is_as_the_header_says),
      cmocka_unit_test(a37_lines_read_and_written_again_are_the_same_bytes),
      cmocka_unit_test(what_cannot_be_written_as_it_is_stays),
      cmocka_unit_test(damaged_lines_are_refused),
      cmocka_unit_test(every_flipped_byte_and_every_cut_is_noticed),
      cmocka_unit_test(the_hash_is_sha256),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
