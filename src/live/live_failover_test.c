/* A proxy that puts an older copy of a Redis behind a connection that stays open. The copy is what a replica would be
 * that had not got the last writes: the server's snapshot of that moment, in a server of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "live/redis_seen.h"
#include "tests/support/live_fixture.h"
#include "tests/support/redis_fixture.h"

#define PAIRS_MAX 8

/* ---- the proxy: a thread, one poll for all; a connection's server is chosen anew when the target has changed ---- */

struct pair {
  int client, server, target; /* client 0: free; target: the server's */
};
static struct {
  int listener, port, wake[2];
  pthread_t thread;
  const char *paths[2]; /* sockets of the servers */
  atomic_int target;
  struct pair pairs[PAIRS_MAX];
} proxy;

static int dial(const char *path) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(str_copy(a.sun_path, sizeof a.sun_path, str_of(path)));
  assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
  return fd;
}

static bool pass(int from, int to) {
  char bytes[65536];
  ssize_t n = read(from, bytes, sizeof bytes);
  for (ssize_t at = 0; at < n;) {
    ssize_t sent = send(to, bytes + at, (size_t)(n - at), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += sent;
  }
  return n > 0;
}

static void choose_server(struct pair *p) {
  int target = atomic_load(&proxy.target);
  if (p->server > 0 && p->target == target) return;
  if (p->server > 0) close(p->server);
  p->server = dial(proxy.paths[p->target = target]);
}

static void end_pair(struct pair *p) {
  close(p->client);
  close(p->server);
  *p = (struct pair){};
}

static void take_client(void) {
  struct pair *p = proxy.pairs;
  while (p->client) p++;
  ASSERT(p < proxy.pairs + PAIRS_MAX);
  p->client = accept(proxy.listener, NULL, NULL);
  choose_server(p);
}

static void turn(void) {
  struct pollfd fds[2 + 2 * PAIRS_MAX] = {{.fd = proxy.listener, .events = POLLIN},
                                          {.fd = proxy.wake[0], .events = POLLIN}};
  for (int i = 0; i < PAIRS_MAX; i++) {
    const struct pair *p = &proxy.pairs[i];
    fds[2 + 2 * i] = (struct pollfd){.fd = p->client ? p->client : -1, .events = POLLIN};
    fds[3 + 2 * i] = (struct pollfd){.fd = p->client ? p->server : -1, .events = POLLIN};
  }
  (void)poll(fds, 2 + 2 * PAIRS_MAX, -1);
  for (int i = 0; i < PAIRS_MAX; i++) {
    struct pair *p = &proxy.pairs[i];
    if (p->client && fds[3 + 2 * i].revents && !pass(p->server, p->client)) end_pair(p);
    if (!p->client || !fds[2 + 2 * i].revents) continue;
    choose_server(p);
    if (!pass(p->client, p->server)) end_pair(p);
  }
  if (fds[0].revents) take_client();
}

static void *run_proxy(void *) {
  struct pollfd wake = {.fd = proxy.wake[0], .events = POLLIN};
  while (poll(&wake, 1, 0) == 0) turn();
  return NULL;
}

static void start_proxy(const char *first, const char *second) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof a;
  memset(proxy.pairs, 0, sizeof proxy.pairs);
  proxy.paths[0] = first, proxy.paths[1] = second;
  atomic_store(&proxy.target, 0);
  proxy.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(proxy.listener, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(listen(proxy.listener, PAIRS_MAX), 0);
  assert_int_equal(getsockname(proxy.listener, (struct sockaddr *)&a, &size), 0);
  proxy.port = ntohs(a.sin_port);
  assert_int_equal(pipe2(proxy.wake, O_CLOEXEC), 0);
  assert_int_equal(pthread_create(&proxy.thread, NULL, run_proxy, NULL), 0);
}

static void stop_proxy(void) {
  assert_int_equal(write(proxy.wake[1], "x", 1), 1);
  pthread_join(proxy.thread, NULL);
  for (int i = 0; i < PAIRS_MAX; i++)
    if (proxy.pairs[i].client) end_pair(&proxy.pairs[i]);
  close(proxy.listener), close(proxy.wake[0]), close(proxy.wake[1]);
}

/* ---- two servers behind it ---- */

static struct live_fixture fixture; /* its live state is behind the proxy */
static struct live_fixture *const f = &fixture;
static struct redis_fixture *first, *second;
static char url[64];

static int set_up(void **) {
  first = redis_fixture_start(NULL, NULL);
  second = redis_fixture_start(NULL, NULL);
  start_proxy(first->url + strlen("unix://"), second->url + strlen("unix://"));
  snprintf(url, sizeof url, "redis://127.0.0.1:%d", proxy.port);
  *f = (struct live_fixture){.mode = LIVE_REDIS, .arena = arena_new(64 << 20)};
  f->config = (struct live_config){.mode = LIVE_REDIS, .url = url, .timeout_ms = 20000};
  f->live = live_fixture_handle(f, "node:1");
  return 0;
}

static int tear_down(void **) {
  live_close(f->live);
  arena_free(&f->arena);
  stop_proxy();
  redis_fixture_stop(first);
  redis_fixture_stop(second);
  return 0;
}

static void copy_file(const char *from, const char *to) {
  char bytes[65536];
  FILE *in = fopen(from, "r"), *out = fopen(to, "w");
  assert_true(in && out);
  for (size_t n; (n = fread(bytes, 1, sizeof bytes, in)) > 0;) assert_int_equal(fwrite(bytes, 1, n, out), n);
  fclose(in);
  assert_int_equal(fclose(out), 0);
}

/* The second server is what the first one is now. */
static void copy_server(void) {
  char from[100], to[100];
  assert_string_equal(redis_fixture_ask(first, "SAVE"), "OK");
  snprintf(from, sizeof from, "%s/dump.rdb", first->folder);
  snprintf(to, sizeof to, "%s/dump.rdb", second->folder);
  redis_fixture_kill(second);
  copy_file(from, to);
  redis_fixture_again(second);
}

static void switch_servers(void) { atomic_store(&proxy.target, 1); }

/* What sync does: reads everything, saves it, says so. */
static void flush(const char *id) {
  struct live_world w = live_get(f, id);
  assert_true(live_mark_saved(f, id, w.version, w.turn));
}

static enum err write_through(struct live *l, bool is_checked) {
  struct live_field field = {STR("k"), STR("v")};
  struct live_append w = {
      .id = STR("w"), .active_ms = NOW, .core = &field, .core_count = 1, .is_checked = is_checked};
  CHECK_OK(live_write(l, &w, 1, NOW, NULL));
  return w.error;
}

static char *life(void) {
  static char name[200];
  snprintf(name, sizeof name, "%s", redis_fixture_ask(second, "GET worlds:life"));
  return name;
}

/* ---- what is noticed ---- */

static void an_older_copy_behind_an_open_connection_takes_no_write(void **) {
  live_make(f, "w");
  live_say(f, "w", "one");
  flush("w");
  copy_server();
  live_say(f, "w", "two");
  flush("w"); /* the database has version 2 */
  switch_servers();
  struct live_world w = live_get(f, "w");
  assert_int_equal(w.version, 1);
  assert_false(w.is_checked);
  assert_int_equal(write_through(f->live, false), ERR_PRECONDITION);
  assert_int_equal(live_get(f, "w").version, 1);
}

static void the_first_write_is_refused_also_when_nothing_was_read(void **) {
  live_make(f, "w");
  live_say(f, "w", "one");
  copy_server();
  live_say(f, "w", "two");
  flush("w");
  switch_servers();
  assert_int_equal(write_through(f->live, false), ERR_PRECONDITION);
}

static void another_handle_of_the_same_server_knows_it_too(void **) {
  struct live *other = live_fixture_handle(f, "node:1");
  live_make(f, "w");
  copy_server();
  live_say(f, "w", "one");
  CHECK_OK(live_ping(other, NULL));
  flush("w");
  switch_servers();
  assert_int_equal(write_through(other, false), ERR_PRECONDITION);
  live_close(other);
}

static void a_world_that_was_cleared_does_not_come_back_unnoticed(void **) {
  live_make(f, "w");
  live_say(f, "w", "one");
  flush("w");
  copy_server();
  assert_true(live_drop(f, "w", 1, live_hold(f, "w", NOW)));
  switch_servers();
  assert_int_equal(write_through(f->live, false), ERR_PRECONDITION);
}

static void a_world_that_was_loaded_again_does_not_fall_back_unnoticed(void **) {
  struct live_world newer = {.id = STR("w"), .version = 7, .active_ms = NOW, .replaces = true};
  live_make(f, "w");
  copy_server();
  CHECK_OK(live_load(f->live, &newer, live_hold(f, "w", NOW), NOW, NULL));
  switch_servers();
  assert_int_equal(write_through(f->live, false), ERR_PRECONDITION);
}

static void one_new_life_begins_and_what_was_compared_goes_on(void **) {
  live_make(f, "w");
  live_say(f, "w", "one");
  copy_server();
  live_say(f, "w", "two");
  flush("w");
  switch_servers();
  assert_int_equal(write_through(f->live, false), ERR_PRECONDITION);
  char name[200];
  snprintf(name, sizeof name, "%s", life());
  assert_int_equal(write_through(f->live, true), ERR_OK);
  assert_true(live_get(f, "w").is_checked);
  assert_int_equal(write_through(f->live, false), ERR_OK);
  flush("w");
  assert_string_equal(life(), name);
}

/* Such a change of places costs nothing. */
static void a_copy_that_has_everything_goes_on_as_it_is(void **) {
  live_make(f, "w");
  live_say(f, "w", "one");
  flush("w");
  copy_server();
  switch_servers();
  assert_true(live_get(f, "w").is_checked);
  assert_int_equal(write_through(f->live, false), ERR_OK);
}

static void a_server_that_was_emptied_begins_a_new_life(void **) {
  live_make(f, "w");
  flush("w");
  (void)redis_fixture_ask(first, "FLUSHALL");
  assert_int_equal(write_through(f->live, false), ERR_NOT_FOUND);
  live_make(f, "w");
  assert_int_equal(write_through(f->live, false), ERR_OK);
}

/* ---- the number ---- */

static void a_number_that_comes_twice_was_counted_in_two_places(void **) {
  struct redis_seen *a = redis_seen_ref("u", "k"), *b = redis_seen_ref("u", "k"),
                    *c = redis_seen_ref("v", "k");
  redis_seen_add(a, 5);
  redis_seen_add(b, 7);
  redis_seen_add(a, 6); /* an answer that was late */
  assert_int_equal(redis_seen_number(a), 7);
  assert_int_equal(redis_seen_number(c), 0);
  redis_seen_add(b, 7);
  assert_int_equal(redis_seen_number(a), 8);
  redis_seen_unref(a), redis_seen_unref(b), redis_seen_unref(c);
  a = redis_seen_ref("u", "k");
  assert_int_equal(redis_seen_number(a), 0); /* the last one has forgotten */
  redis_seen_unref(a);
}

#define BEHIND(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      BEHIND(an_older_copy_behind_an_open_connection_takes_no_write),
      BEHIND(the_first_write_is_refused_also_when_nothing_was_read),
      BEHIND(another_handle_of_the_same_server_knows_it_too),
      BEHIND(a_world_that_was_cleared_does_not_come_back_unnoticed),
      BEHIND(a_world_that_was_loaded_again_does_not_fall_back_unnoticed),
      BEHIND(one_new_life_begins_and_what_was_compared_goes_on),
      BEHIND(a_copy_that_has_everything_goes_on_as_it_is),
      BEHIND(a_server_that_was_emptied_begins_a_new_life),
      cmocka_unit_test(a_number_that_comes_twice_was_counted_in_two_places),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
