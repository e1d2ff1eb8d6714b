#include "sys/os_net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "sys/os_file.h"
#include "tests/support/check.h"

static void loopback_addresses_are_known(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *address;
    bool want;
  } table[] = {
      {__LINE__, "127.0.0.1", true},   {__LINE__, "127.9.9.9", true},  {__LINE__, "::1", true},
      {__LINE__, "localhost", true},   {__LINE__, "0.0.0.0", false},   {__LINE__, "::", false},
      {__LINE__, "10.0.0.1", false},   {__LINE__, "128.0.0.1", false}, {__LINE__, "example.org", false},
      {__LINE__, "127.0.0.1 ", false}, {__LINE__, "127.1", false},     {__LINE__, "", false}};
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    CHECK_ROW(table[i].line, os_net_is_loopback(table[i].address) == table[i].want);
}

static void names_and_foreign_addresses_are_refused(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *address;
    enum err want;
  } table[] = {{__LINE__, "example.org", ERR_INVALID},
               {__LINE__, "", ERR_INVALID},
               {__LINE__, "1.2.3", ERR_INVALID},
               {__LINE__, "192.0.2.1", ERR_IO}}; /* nobody's (RFC 5737) */
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    int fd = -1;
    struct err_detail detail;
    CHECK_ROW(table[i].line, os_net_listen(table[i].address, 0, &fd, &detail) == table[i].want);
    CHECK_ROW(table[i].line, fd == -1 && str_eq(str_of(detail.field), STR("address")));
  }
}

static void a_port_in_use_is_named(void **state) {
  (void)state;
  int first = -1, second = -1;
  struct err_detail detail;
  CHECK_OK(os_net_listen("127.0.0.1", 0, &first, NULL));
  assert_true(os_net_port(first) > 0);
  assert_int_equal(os_net_listen("127.0.0.1", os_net_port(first), &second, &detail), ERR_IO);
  assert_string_equal(detail.field, "port");
  assert_true(detail.hint[0] != '\0');
  os_close(&first);
}

/* Listens on `address`, connects over IPv4 or IPv6 and gives what accept says of the other side. */
static void check_peer(const char *address, int family, const char *want) {
  int listening = -1, accepted = -1;
  char peer[NET_ADDRESS_BYTES] = "";
  struct err_detail detail;
  if (os_net_listen(address, 0, &listening, &detail) != ERR_OK) return; /* a machine without IPv6 */
  assert_int_equal(os_net_accept(listening, &accepted, peer), ERR_BUSY);
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in v4 = {.sin_family = AF_INET,
                           .sin_port = htons(os_net_port(listening)),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                            .sin6_port = htons(os_net_port(listening)),
                            .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int result = family == AF_INET ? connect(fd, (struct sockaddr *)&v4, sizeof v4)
                                 : connect(fd, (struct sockaddr *)&v6, sizeof v6);
  assert_int_equal(result, 0);
  CHECK_OK(os_net_accept(listening, &accepted, peer));
  assert_string_equal(peer, want);
  os_close(&fd);
  os_close(&accepted);
  os_close(&listening);
}

static void peers_are_shown_by_their_address(void **state) {
  (void)state;
  check_peer("127.0.0.1", AF_INET, "127.0.0.1");
  check_peer("::1", AF_INET6, "::1");
  check_peer("::", AF_INET, "127.0.0.1"); /* IPv4 in IPv6 */
}

static void sending_to_nobody_fails_without_a_signal(void **state) {
  (void)state;
  int pair[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
  char byte = 'x';
  struct iovec piece = {&byte, 1};
  assert_int_equal(os_net_recv(pair[0], &byte, 1), NET_AGAIN);
  assert_int_equal(os_net_send(pair[0], &piece, 1), 1);
  assert_int_equal(os_net_recv(pair[1], &byte, 1), 1);
  os_close(&pair[1]);
  assert_int_equal(os_net_send(pair[0], &piece, 1), NET_FAILED);
  assert_int_equal(os_net_recv(pair[0], &byte, 1), NET_EOF);
  os_close(&pair[0]);
}

static void the_limit_of_files_is_raised_as_wanted(void **state) {
  (void)state;
  struct rlimit before, now;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit low = {256, before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
  assert_int_equal(os_net_want_files(300), 300);
  assert_int_equal(os_net_want_files(200), 300); /* never lowered */
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
  assert_int_equal(now.rlim_cur, 300);
  assert_int_equal(now.rlim_max, before.rlim_max);
  assert_int_equal(os_net_want_files(SIZE_MAX / 2), before.rlim_max);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(loopback_addresses_are_known),
      cmocka_unit_test(names_and_foreign_addresses_are_refused),
      cmocka_unit_test(a_port_in_use_is_named),
      cmocka_unit_test(peers_are_shown_by_their_address),
      cmocka_unit_test(the_limit_of_files_is_raised_as_wanted),
      cmocka_unit_test(sending_to_nobody_fails_without_a_signal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
