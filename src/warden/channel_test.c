#include "warden/channel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/check.h"

static int ends[2];

static int open_pair(void **state) {
  (void)state;
  return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
}
static int close_pair(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++)
    if (ends[i] >= 0) close(ends[i]);
  return 0;
}

static char *text_of(size_t bytes) {
  char *text = malloc(bytes + 1);
  assert_non_null(text);
  for (size_t i = 0; i < bytes; i++) text[i] = (char)('a' + i % 26);
  return text;
}

/* Bodies on both sides of the limit between the packet and a descriptor, with and without payload. */
static void what_is_sent_arrives_whole(void **state) {
  (void)state;
  static const struct {
    int line;
    size_t body;
    int64_t payload; /* -1: none */
  } rows[] = {{__LINE__, 2, -1},    {__LINE__, CHANNEL_INLINE_MAX, 0}, {__LINE__, CHANNEL_INLINE_MAX + 1, -1},
              {__LINE__, 2, 70000}, {__LINE__, 3000000, 5000000},      {__LINE__, 0, -1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char *bytes = text_of(5000000);
    struct str body = {bytes, rows[i].body},
               payload = {bytes, rows[i].payload > 0 ? (size_t)rows[i].payload : 0};
    struct channel_sent sent = {CHANNEL_CALL,  7,    ERR_OK,
                                STR("a.call"), body, rows[i].payload < 0 ? NULL : &payload};
    CHECK_ROW(rows[i].line, channel_send(ends[0], &sent, NULL) == ERR_OK);
    struct channel_message m = {};
    CHECK_ROW(rows[i].line, channel_receive(ends[1], &m, NULL) == ERR_OK);
    CHECK_ROW(rows[i].line, m.kind == CHANNEL_CALL && m.number == 7 && strcmp(m.name, "a.call") == 0);
    CHECK_ROW(rows[i].line, str_eq(m.body, body));
    CHECK_ROW(rows[i].line, m.has_payload == (rows[i].payload >= 0) && str_eq(m.payload, payload));
    channel_message_free(&m);
    free(bytes);
  }
}

static void an_error_keeps_its_detail(void **state) {
  (void)state;
  struct err_detail said = {.line = 3, .column = 4}, heard = {};
  (void)err_set(&said, ERR_INVALID, "schedule", 4, "minute 75 is above 59");
  err_hint(&said, "0 to 59");
  BUF_AUTO struct buf body = buf_new(4096);
  channel_error_body(&said, &body);
  struct channel_sent answer = {CHANNEL_ANSWER, 9, ERR_INVALID, STR_NONE, buf_str(&body), NULL};
  assert_int_equal(channel_send(ends[0], &answer, NULL), ERR_OK);
  struct channel_message m = {};
  assert_int_equal(channel_receive(ends[1], &m, NULL), ERR_OK);
  assert_int_equal(m.error, ERR_INVALID);
  channel_error_read(m.body, &heard);
  assert_string_equal(heard.field, "schedule");
  assert_string_equal(heard.message, "minute 75 is above 59");
  assert_string_equal(heard.hint, "0 to 59");
  assert_int_equal(heard.column, 4);
  channel_message_free(&m);
}

static void silence_and_an_end_are_told_apart(void **state) {
  (void)state;
  struct channel_message m = {};
  assert_int_equal(channel_receive(ends[1], &m, NULL), ERR_BUSY);
  close(ends[0]);
  ends[0] = -1;
  assert_int_equal(channel_receive(ends[1], &m, NULL), ERR_CLOSED);
  struct channel_sent answer = {CHANNEL_ANSWER, 1, ERR_OK, STR_NONE, STR("{}"), NULL};
  assert_int_equal(channel_send(ends[1], &answer, NULL), ERR_CLOSED);
}

static void what_is_too_big_is_not_sent(void **state) {
  (void)state;
  char *bytes = text_of(CHANNEL_BODY_MAX + 1);
  struct channel_sent call = {.kind = CHANNEL_CALL, .name = STR("x"), .body = {bytes, CHANNEL_BODY_MAX + 1}};
  assert_int_equal(channel_send(ends[0], &call, NULL), ERR_LIMIT);
  struct channel_message m = {};
  assert_int_equal(channel_receive(ends[1], &m, NULL), ERR_BUSY);
  free(bytes);
}

/* ---- what a broken or hostile job may send ---- */

struct packet {
  struct channel_head head;
  char rest[16];
};
#define GOOD \
  { .magic = CHANNEL_MAGIC, .kind = CHANNEL_CALL, .number = 1, .name_bytes = 4, .body_bytes = 2 }

static void malformed_packets_are_refused(void **state) {
  (void)state;
  const struct {
    int line;
    size_t cut; /* bytes missing at the end */
    size_t fds;
    struct channel_head head;
    bool is_good;
  } rows[] = {
      {__LINE__, 0, 0, GOOD, true},
      {__LINE__, 1, 0, GOOD, false},
      {__LINE__, 0, 1, GOOD, false},
      {__LINE__, sizeof(struct packet) - 10 - 3, 0, GOOD, false},
      {__LINE__, 0, 0, {.magic = 1, .kind = CHANNEL_CALL, .name_bytes = 4, .body_bytes = 2}, false},
      {__LINE__, 0, 0, {.magic = CHANNEL_MAGIC, .kind = 3, .name_bytes = 4, .body_bytes = 2}, false},
      {__LINE__,
       0,
       0,
       {.magic = CHANNEL_MAGIC, .kind = CHANNEL_ANSWER, .name_bytes = 4, .body_bytes = 2},
       false},
      {__LINE__,
       0,
       0,
       {.magic = CHANNEL_MAGIC, .kind = CHANNEL_ANSWER, .body_bytes = 6, .error = ERR_COUNT},
       false},
      {__LINE__,
       0,
       0,
       {.magic = CHANNEL_MAGIC, .kind = CHANNEL_ANSWER, .body_bytes = 6, .error = ERR_BUSY},
       true},
      {__LINE__, 0, 0, {.magic = CHANNEL_MAGIC, .kind = CHANNEL_CALL, .body_bytes = 6}, false},
      {__LINE__,
       0,
       0,
       {.magic = CHANNEL_MAGIC, .kind = CHANNEL_CALL, .name_bytes = 4, .body_bytes = UINT64_MAX},
       false},
      {__LINE__,
       0,
       0,
       {.magic = CHANNEL_MAGIC, .kind = CHANNEL_CALL, .name_bytes = UINT32_MAX, .body_bytes = 2},
       false},
      {__LINE__,
       0,
       1,
       {.magic = CHANNEL_MAGIC, .kind = CHANNEL_CALL, .name_bytes = 4, .body_bytes = 2, .body_in_fd = 2},
       false},
      {__LINE__,
       0,
       0,
       {.magic = CHANNEL_MAGIC, .kind = CHANNEL_CALL, .name_bytes = 4, .body_bytes = 2, .payload_bytes = 1},
       false},
      {__LINE__,
       0,
       0,
       {.magic = CHANNEL_MAGIC, .kind = CHANNEL_CALL, .name_bytes = 4, .body_bytes = 2, .reserved = 1},
       false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct packet p = {.head = rows[i].head, .rest = "name{}"};
    struct channel_packet parsed;
    struct str packet = {(const char *)&p, sizeof p.head + 6 - rows[i].cut};
    if (rows[i].cut > sizeof p) packet.len = 3;
    struct err_detail detail = {};
    enum err e = channel_parse(packet, rows[i].fds, &parsed, &detail);
    CHECK_ROW(rows[i].line, (e == ERR_OK) == rows[i].is_good);
    CHECK_ROW(rows[i].line, e == ERR_OK || detail.message[0]);
  }
}

static void send_with_fd(int fd, struct packet p, size_t len) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof fd)];
  } control = {};
  struct iovec part = {&p, len};
  struct msghdr m = {.msg_iov = &part,
                     .msg_iovlen = 1,
                     .msg_control = control.bytes,
                     .msg_controllen = sizeof control.bytes};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(c), &fd, sizeof fd);
  assert_true(sendmsg(ends[0], &m, 0) > 0);
}

/* Memory that its sender could still change or shrink would let it change what was checked. */
static void memory_that_is_not_sealed_is_refused(void **state) {
  (void)state;
  int fd = memfd_create("test", MFD_ALLOW_SEALING);
  assert_int_equal(write(fd, "{}", 2), 2);
  struct packet p = {.head = GOOD, .rest = "name"};
  p.head.body_in_fd = 1;
  send_with_fd(fd, p, sizeof p.head + 4);
  struct channel_message m = {};
  struct err_detail detail = {};
  assert_int_equal(channel_receive(ends[1], &m, &detail), ERR_INVALID);
  assert_non_null(strstr(detail.message, "sealed"));
  close(fd);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)
  const struct CMUnitTest tests[] = {
      TEST(what_is_sent_arrives_whole),        TEST(an_error_keeps_its_detail),
      TEST(silence_and_an_end_are_told_apart), TEST(what_is_too_big_is_not_sent),
      TEST(malformed_packets_are_refused),     TEST(memory_that_is_not_sealed_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
