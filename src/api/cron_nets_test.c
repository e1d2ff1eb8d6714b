#include "api/cron_nets.h"

#include "tests/support/check.h"

/* B-74: an allow list, and proxies whose X-Forwarded-For is believed from the right. */
static void the_cron_doors_open_to_listed_networks(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *nets, *proxies, *peer, *forwarded;
    bool want;
  } rows[] = {
      {__LINE__, NULL, NULL, "203.0.113.9", NULL, true},
      {__LINE__, " ", NULL, "203.0.113.9", NULL, true},
      {__LINE__, "203.0.113.0/24", NULL, "203.0.113.9", NULL, true},
      {__LINE__, "203.0.113.0/24", NULL, "203.0.114.9", NULL, false},
      {__LINE__, "10.0.0.0/8, 2001:db8::/32", NULL, "2001:db8::7", NULL, true},
      {__LINE__, "10.0.0.0/8,127.0.0.1", NULL, "127.0.0.1", NULL, true},
      {__LINE__, "10.0.0.0/8", NULL, "::ffff:10.1.2.3", NULL, true},
      /* a client's own header is worth nothing */
      {__LINE__, "203.0.113.0/24", NULL, "198.51.100.1", "203.0.113.9", false},
      {__LINE__, "203.0.113.0/24", "127.0.0.1", "127.0.0.1", "203.0.113.9", true},
      {__LINE__, "203.0.113.0/24", "127.0.0.1", "127.0.0.1", "203.0.113.9, 198.51.100.1", false},
      {__LINE__, "203.0.113.0/24", "127.0.0.1 10.0.0.0/8", "127.0.0.1", "198.51.100.1, 203.0.113.9,10.0.0.4",
       true},
      {__LINE__, "203.0.113.0/24", "127.0.0.1", "127.0.0.1", "203.0.113.9, unknown", false},
      {__LINE__, "203.0.113.0/24", "127.0.0.1", "127.0.0.1", NULL, false},
      {__LINE__, "127.0.0.1", "127.0.0.1", "127.0.0.1", NULL, true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_ROW(rows[i].line, cron_nets_allow(str_of(rows[i].nets), str_of(rows[i].proxies),
                                            str_of(rows[i].peer), str_of(rows[i].forwarded)) == rows[i].want);
}

static void a_bad_list_names_its_entry(void **state) {
  (void)state;
  struct err_detail detail = {};
  assert_int_equal(net_list_check(STR("10.0.0.0/8, 1.2.3"), "api.cron_nets", &detail), ERR_INVALID);
  assert_non_null(strstr(detail.message, "1.2.3"));
  assert_int_equal(net_list_check(STR("10.0.0.0/33"), "api.cron_nets", &detail), ERR_INVALID);
  assert_int_equal(net_list_check(STR("10.0.0.0/8 ::1, 1.2.3.4"), "api.cron_nets", &detail), ERR_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_cron_doors_open_to_listed_networks),
                                     cmocka_unit_test(a_bad_list_names_its_entry)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
