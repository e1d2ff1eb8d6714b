#include "app/end_facts.h"

#include <errno.h>
#include <string.h>

#include "tests/support/check.h"

static void every_way_to_end_has_its_status(void **state) {
  (void)state;
  static const struct {
    int line;
    enum warden_how how;
    int32_t code;
    enum kill_reason kill;
    enum run_status status;
    enum reason reason;
    bool may_retry;
    int64_t exit_code;
  } rows[] = {
      {__LINE__, WARDEN_EXITED, 0, KILL_NONE, RUN_SUCCESS, REASON_SUCCESS, false, 0},
      {__LINE__, WARDEN_EXITED, 1, KILL_NONE, RUN_FAILED, REASON_FAILED, true, 1},
      {__LINE__, WARDEN_EXITED, 75, KILL_NONE, RUN_FAILED, REASON_FAILED, true, 75},
      {__LINE__, WARDEN_EXITED, 77, KILL_NONE, RUN_SKIPPED, REASON_SKIPPED_BY_JOB, false, 77},
      {__LINE__, WARDEN_EXITED, 124, KILL_NONE, RUN_TIMEOUT, REASON_TIMEOUT, true, 124},
      {__LINE__, WARDEN_EXITED, 127, KILL_NONE, RUN_FAILED, REASON_COULD_NOT_START, true, 127},
      {__LINE__, WARDEN_SIGNALLED, 11, KILL_NONE, RUN_FAILED, REASON_FAILED, true, 139},
      {__LINE__, WARDEN_TIMEOUT, 124, KILL_TIMEOUT, RUN_TIMEOUT, REASON_TIMEOUT, true, 124},
      {__LINE__, WARDEN_TIMEOUT, 124, KILL_MAX_RUNTIME, RUN_TIMEOUT, REASON_TIMEOUT, true, 124},
      {__LINE__, WARDEN_TIMEOUT, 124, KILL_TOTAL_TIMEOUT, RUN_TIMEOUT, REASON_TOTAL_TIMEOUT, false, 124},
      {__LINE__, WARDEN_KILLED, 143, KILL_CANCELLED, RUN_CANCELLED, REASON_CANCELLED, false, 143},
      {__LINE__, WARDEN_KILLED, 137, KILL_REPLACED, RUN_CANCELLED, REASON_REPLACED, false, 137},
      {__LINE__, WARDEN_KILLED, 137, KILL_SHUTDOWN, RUN_LOST, REASON_LOST, true, 137},
      {__LINE__, WARDEN_LIMIT, 137, KILL_MEMORY, RUN_FAILED, REASON_MEMORY_LIMIT, true, 137},
      {__LINE__, WARDEN_LIMIT, 137, KILL_PIDS, RUN_FAILED, REASON_PIDS_LIMIT, true, 137},
      {__LINE__, WARDEN_COULD_NOT_START, ENOENT, KILL_NONE, RUN_FAILED, REASON_COULD_NOT_START, true, 127},
      {__LINE__, WARDEN_COULD_NOT_START, EACCES, KILL_NONE, RUN_FAILED, REASON_COULD_NOT_START, true, 126},
      {__LINE__, WARDEN_COULD_NOT_START, EAGAIN, KILL_NONE, RUN_FAILED, REASON_COULD_NOT_START, true, 125},
      {__LINE__, WARDEN_LOST, 0, KILL_NONE, RUN_LOST, REASON_LOST, true, FIELD_NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct warden_end end = {.how = rows[i].how, .code = rows[i].code, .reason = rows[i].kill};
    struct end_facts got = end_judge(&end);
    CHECK_ROW(rows[i].line, got.status == rows[i].status);
    CHECK_ROW(rows[i].line, got.reason == rows[i].reason);
    CHECK_ROW(rows[i].line, got.may_retry == rows[i].may_retry);
    CHECK_ROW(rows[i].line, end_exit_code(&end) == rows[i].exit_code);
    CHECK_ROW(rows[i].line, run_is_final(got.status));
  }
}

static void the_reason_is_told_in_words(void **state) {
  (void)state;
  char text[200];
  end_explain(&(struct warden_end){.how = WARDEN_EXITED, .code = 3}, text, sizeof text);
  assert_string_equal(text, "exit code 3");
  end_explain(&(struct warden_end){.how = WARDEN_EXITED}, text, sizeof text);
  assert_string_equal(text, "");
  end_explain(&(struct warden_end){.how = WARDEN_SIGNALLED, .code = 9}, text, sizeof text);
  assert_string_equal(text, "ended by signal 9 (SIGKILL)");
  end_explain(&(struct warden_end){.how = WARDEN_COULD_NOT_START, .code = ENOENT, .stage = WARDEN_STAGE_EXEC},
              text, sizeof text);
  assert_non_null(strstr(text, "No such file"));
}

static void the_bill_is_taken_over(void **state) {
  (void)state;
  struct warden_end end = {.how = WARDEN_EXITED,
                           .ended_tick_us = 2000000,
                           .flags = WARDEN_END_EXACT_BILL,
                           .bill = {.cpu_user_us = 500000,
                                    .cpu_system_us = 500000,
                                    .memory_peak_bytes = 5 << 20,
                                    .switches_forced = 2,
                                    .switches_voluntary = 3}};
  struct run facts;
  run_init(&facts);
  end_set_bill(&facts, &end);
  assert_int_equal(facts.cpu_pct, 50000); /* half a core, in thousandths of a percent */
  assert_int_equal(facts.memory_mb, 5);
  assert_int_equal(facts.context_switches, 5);
  assert_string_equal(facts.bill_source, "exact");
  assert_string_equal(facts.containment, "partial");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_way_to_end_has_its_status),
      cmocka_unit_test(the_reason_is_told_in_words),
      cmocka_unit_test(the_bill_is_taken_over),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
