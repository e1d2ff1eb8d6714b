#include "base/net_guard.h"

#include <arpa/inet.h>

#include "tests/support/check.h"

static struct net_address address_of(const char *text) {
  uint8_t v4[4];
  struct net_address a;
  if (inet_pton(AF_INET, text, v4) == 1) return net_address_v4(v4);
  assert_int_equal(inet_pton(AF_INET6, text, a.bytes), 1);
  return a;
}

static void only_public_unicast_is_public(void **s) {
  (void)s;
  static const struct {
    int line;
    const char *address;
    bool is_public;
  } rows[] = {
      {__LINE__, "8.8.8.8", true},
      {__LINE__, "127.0.0.1", false},
      {__LINE__, "10.1.2.3", false},
      {__LINE__, "172.15.255.255", true},
      {__LINE__, "172.16.0.1", false},
      {__LINE__, "172.32.0.1", true},
      {__LINE__, "192.168.0.1", false},
      {__LINE__, "169.254.169.254", false},
      {__LINE__, "100.64.0.1", false},
      {__LINE__, "0.0.0.0", false},
      {__LINE__, "255.255.255.255", false},
      {__LINE__, "224.0.0.1", false},
      {__LINE__, "::1", false},
      {__LINE__, "::", false},
      {__LINE__, "fe80::1", false},
      {__LINE__, "fd00::1", false},
      {__LINE__, "ff02::1", false},
      {__LINE__, "2606:4700::1111", true},
      {__LINE__, "::ffff:127.0.0.1", false},
      {__LINE__, "::ffff:8.8.8.8", true},
      {__LINE__, "64:ff9b::7f00:1", false},
      {__LINE__, "2002:7f00:1::", false},
      {__LINE__, "2002:808:808::", true},
      {__LINE__, "2001:db8::1", false},
      {__LINE__, "2001::1", false},
      {__LINE__, "::127.0.0.1", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct net_address a = address_of(rows[i].address);
    CHECK_ROW(rows[i].line, net_address_is_public(&a) == rows[i].is_public);
  }
}

static void an_allow_list_opens_exactly_its_ranges(void **s) {
  (void)s;
  struct net_guard g;
  struct err_detail d;
  CHECK_OK(net_guard_parse(STR("10.0.0.0/9, 127.0.0.1 fd00::/8"), &g, &d));
  assert_int_equal(g.count, 3);
  static const struct {
    int line;
    const char *address;
    bool is_allowed;
  } rows[] = {
      {__LINE__, "10.127.0.1", true}, {__LINE__, "10.128.0.1", false},      {__LINE__, "127.0.0.1", true},
      {__LINE__, "127.0.0.2", false}, {__LINE__, "::ffff:127.0.0.1", true}, {__LINE__, "fd12::1", true},
      {__LINE__, "fe80::1", false},   {__LINE__, "8.8.8.8", true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct net_address a = address_of(rows[i].address);
    CHECK_ROW(rows[i].line, net_guard_allows(&g, &a) == rows[i].is_allowed);
  }
}

static void bad_ranges_are_named_with_their_column(void **s) {
  (void)s;
  static const char *const bad[] = {"10.0.0.0/33", "10.0.0.0/", "10.0.0",
                                    "::1/129",     "localhost", "1.2.3.4/-1"};
  struct net_guard g;
  struct err_detail d;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(net_guard_parse(str_of(bad[i]), &g, &d), ERR_INVALID);
  assert_int_equal(net_guard_parse(STR("10.0.0.1, nope"), &g, &d), ERR_INVALID);
  assert_int_equal(d.column, 11);
  CHECK_OK(net_guard_parse(STR_NONE, &g, &d));
  assert_int_equal(g.count, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_public_unicast_is_public),
      cmocka_unit_test(an_allow_list_opens_exactly_its_ranges),
      cmocka_unit_test(bad_ranges_are_named_with_their_column),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
