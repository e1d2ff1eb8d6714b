#include "warden/proto.h"

#include <stdio.h>

#include "tests/support/check.h"

static struct str as_str(const void *message, size_t n) { return (struct str){message, n}; }

static void check_golden(const void *message, size_t n, const char *want_hex, int line) {
  char hex[2 * 300 + 1] = "";
  ASSERT(n <= 300);
  size_t used = 0;
  for (size_t i = 0; i < n; i++)
    used += (size_t)snprintf(hex + used, sizeof hex - used, "%02x", ((const unsigned char *)message)[i]);
  check_str_eq(str_of(hex), str_of(want_hex), line);
}
#define GOLDEN(message, hex) check_golden(&(message), sizeof(message), hex, __LINE__)

static struct warden_run some_run(void) {
  struct warden_run run = {.run_no = 0x0102030405060708,
                           .job_no = 2,
                           .due_ms = 3,
                           .version = 4,
                           .epoch = 5,
                           .started_ms = 6,
                           .started_tick_us = 7,
                           .attempt = 8,
                           .trigger = 2};
  memset(run.boot_id, 0xAB, sizeof run.boot_id);
  return run;
}
#define RUN_HEX      \
  "0807060504030201" \
  "0200000000000000" \
  "0300000000000000" \
  "0400000000000000" \
  "0500000000000000" \
  "0600000000000000" \
  "0700000000000000" \
  "08000000"         \
  "02000000"         \
  "abababababababababababababababab"

/* These bytes are what wardens of other builds read and write. A change here is a break: do not. */
static void drain_subset_is_frozen(void **s) {
  (void)s;
  struct warden_hello hello = {
      warden_header(WARDEN_HELLO, sizeof hello), 9, -1, WARDEN_HELLO_TEST_CLOCK, 0, "b1"};
  GOLDEN(hello,
         "0100010048000000"
         "0900000000000000"
         "ffffffffffffffff"
         "01000000"
         "00000000"
         "6231"
         "0000000000000000000000000000000000000000000000000000000000000000000000000000");
  struct warden_welcome welcome = {.header = warden_header(WARDEN_WELCOME, sizeof welcome),
                                   .build = "b2",
                                   .pid = 77,
                                   .flags = WARDEN_IS_DRAINING | WARDEN_HAS_CGROUPS};
  memset(welcome.journal_id, 0x11, 16);
  memset(welcome.boot_id, 0x22, 16);
  GOLDEN(welcome,
         "4100010060000000"
         "6232"
         "0000000000000000000000000000000000000000000000000000000000000000000000000000"
         "11111111111111111111111111111111"
         "22222222222222222222222222222222"
         "4d000000"
         "05000000"
         "0000000000000000");
  struct warden_listed listed = {warden_header(WARDEN_LISTED, sizeof listed), some_run(), 99, 0};
  GOLDEN(listed, "4200010060000000" RUN_HEX
                 "63000000"
                 "00000000");
  struct warden_list_end list_end = {warden_header(WARDEN_LIST_END, sizeof list_end), 3, 4};
  GOLDEN(list_end,
         "4300010010000000"
         "03000000"
         "04000000");
  struct warden_ended ended = {warden_header(WARDEN_ENDED, sizeof ended),
                               {some_run(),
                                10,
                                11,
                                WARDEN_KILLED,
                                143,
                                KILL_CANCELLED,
                                WARDEN_STAGE_NONE,
                                WARDEN_END_TRUNCATED,
                                1,
                                0,
                                0,
                                12,
                                13,
                                {14, 15, 16, 17, 18, 19, 20, 21, 0}}};
  GOLDEN(ended, "44000100d8000000" RUN_HEX
                "0a00000000000000"
                "0b00000000000000"
                "04000000"
                "8f000000"
                "01000000"
                "00000000"
                "01000000"
                "01000000"
                "00000000"
                "00000000"
                "0c00000000000000"
                "0d00000000000000"
                "0e00000000000000"
                "0f00000000000000"
                "1000000000000000"
                "1100000000000000"
                "1200000000000000"
                "1300000000000000"
                "1400000000000000"
                "15000000"
                "00000000");
  struct warden_ack ack = {warden_header(WARDEN_ACK, sizeof ack), 0, 0};
  GOLDEN(ack,
         "0200010010000000"
         "00000000"
         "00000000");
  struct warden_kill kill = {warden_header(WARDEN_KILL, sizeof kill), 5, KILL_REPLACED, 1};
  GOLDEN(kill,
         "0300010018000000"
         "0500000000000000"
         "02000000"
         "01000000");
  struct warden_read_output read_output = {warden_header(WARDEN_READ_OUTPUT, sizeof read_output), 5, 6, 7, 0};
  GOLDEN(read_output,
         "0400010020000000"
         "0500000000000000"
         "0600000000000000"
         "07000000"
         "00000000");
  struct warden_output output = {warden_header(WARDEN_OUTPUT, sizeof output), 5, 6, 7, 1, 0};
  GOLDEN(output,
         "4500010028000000"
         "0500000000000000"
         "0600000000000000"
         "0700000000000000"
         "01000000"
         "00000000");
}

static void a_packet_is_taken_only_with_its_exact_size(void **s) {
  (void)s;
  struct warden_kill m = {warden_header(WARDEN_KILL, sizeof m), 5, KILL_CANCELLED, 0};
  enum warden_message_type type;
  CHECK_OK(warden_message_check(as_str(&m, sizeof m), &type, NULL));
  assert_int_equal(type, WARDEN_KILL);
  for (size_t n = 0; n < sizeof m; n++)
    assert_int_equal(warden_message_check(as_str(&m, n), &type, NULL), ERR_INVALID);
  m.header.size++;
  assert_int_equal(warden_message_check(as_str(&m, sizeof m), &type, NULL), ERR_INVALID);
}

static void counted_bytes_have_to_be_there_exactly(void **s) {
  (void)s;
  struct warden_ack ack = {warden_header(WARDEN_ACK, sizeof ack + 24), 3, 0};
  char m[sizeof ack + 24] = "";
  memcpy(m, &ack, sizeof ack);
  enum warden_message_type type;
  CHECK_OK(warden_message_check(as_str(m, sizeof m), &type, NULL));
  for (uint32_t count = 0; count < 10; count++) {
    ack.count = count;
    memcpy(m, &ack, sizeof ack);
    assert_int_equal(warden_message_check(as_str(m, sizeof m), &type, NULL),
                     count == 3 ? ERR_OK : ERR_INVALID);
  }
  ack.count = 0x20000003;
  memcpy(m, &ack, sizeof ack);
  assert_int_equal(warden_message_check(as_str(m, sizeof m), &type, NULL), ERR_INVALID);
}

static void another_protocol_is_taken_in_the_drain_subset_only(void **s) {
  (void)s;
  struct warden_kill kill = {warden_header(WARDEN_KILL, sizeof kill), 5, KILL_CANCELLED, 0};
  struct warden_start_message start = {.header = warden_header(WARDEN_START, sizeof start)};
  enum warden_message_type type;
  kill.header.protocol = start.header.protocol = WARDEN_PROTOCOL + 1;
  CHECK_OK(warden_message_check(as_str(&kill, sizeof kill), &type, NULL));
  struct err_detail d = {};
  assert_int_equal(warden_message_check(as_str(&start, sizeof start), &type, &d), ERR_INVALID);
  assert_string_equal(d.field, "protocol");
}

static void names_are_known_for_every_value(void **s) {
  (void)s;
  for (unsigned i = 1; i <= WARDEN_LOST; i++) assert_string_not_equal(warden_how_name(i), "?");
  for (unsigned i = 0; i <= KILL_PIDS; i++) assert_string_not_equal(kill_reason_name(i), "?");
  for (unsigned i = 0; i <= WARDEN_STAGE_EXEC; i++) assert_string_not_equal(warden_stage_name(i), "?");
  for (unsigned i = 1; i <= WARDEN_REFUSED_RESOURCES; i++)
    assert_string_not_equal(warden_refusal_name(i), "?");
  assert_string_equal(warden_how_name(1000), "?");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(drain_subset_is_frozen),
      cmocka_unit_test(a_packet_is_taken_only_with_its_exact_size),
      cmocka_unit_test(counted_bytes_have_to_be_there_exactly),
      cmocka_unit_test(another_protocol_is_taken_in_the_drain_subset_only),
      cmocka_unit_test(names_are_known_for_every_value),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
