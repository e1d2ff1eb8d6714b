/* SIGKILL under write load: the embedded live state loses nothing it has acknowledged. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/live_fixture.h"

enum { KILLS = 100, SAVE_EACH = 10 };

struct ack {
  int64_t version, turn;
};

static void write_one(struct live_fixture *f, struct ack *ack) {
  struct live_entry entry = {.at_ms = NOW, .bytes = STR("{\"role\":\"user\",\"text\":\"hola\"}")};
  char text[24];
  snprintf(text, sizeof text, "%d", (int)ack->version + 1);
  struct live_field field = {STR("last"), str_of(text)};
  struct live_append w = {.id = STR("w"),
                          .active_ms = NOW + ack->version,
                          .journal = &entry,
                          .journal_count = 1,
                          .core = &field,
                          .core_count = 1,
                          .messages = 1};
  if (live_write(f->live, &w, 1, NOW, NULL) != ERR_OK || w.error != ERR_OK) _exit(1);
  *ack = (struct ack){w.version, w.first_turn};
}

/* Writes until it is killed, and tells of each write once it is acknowledged. */
static _Noreturn void write_for_ever(struct live_fixture *f, int out) {
  f->live = live_fixture_handle(f, "node:1");
  struct live_world w = live_get(f, "w");
  for (struct ack ack = {w.version, w.turn};;) {
    write_one(f, &ack);
    if (write(out, &ack, sizeof ack) != sizeof ack) _exit(1);
    if (ack.version % SAVE_EACH == 0) (void)live_mark_saved(f, "w", ack.version - 2, ack.turn - 2);
  }
}

static struct ack kill_one(struct live_fixture *f, int acks) {
  struct ack ack = {}, next;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  int pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) write_for_ever(f, ends[1]);
  close(ends[1]);
  for (int i = 0; i < acks; i++) {
    assert_int_equal(read(ends[0], &next, sizeof next), sizeof next);
    ack = next;
  }
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  while (read(ends[0], &next, sizeof next) == sizeof next) ack = next; /* acknowledged meanwhile */
  close(ends[0]);
  return ack;
}

static void check_after(struct live_fixture *f, struct ack ack) {
  struct live_world w = live_get(f, "w");
  int64_t last;
  assert_true(w.is_there);
  assert_true(w.version >= ack.version && w.version <= ack.version + 1);
  assert_int_equal(w.turn, w.version);
  assert_true(str_to_int(live_core(&w, "last"), 1, INT64_MAX, &last));
  assert_int_equal(last, w.version);
  assert_true(str_to_int(live_core(&w, "stats.messages"), 1, INT64_MAX, &last));
  assert_int_equal(last, w.version);
  assert_true(w.journal_count > 0);
  for (size_t i = 0; i < w.journal_count; i++)
    assert_int_equal(w.journal[i].turn, w.turn - (int64_t)(w.journal_count - 1 - i));
  assert_true(w.journal[0].turn <= w.saved_version + 1);
  assert_int_equal(live_figures(f).used_bytes, w.bytes);
  assert_int_equal(live_figures(f).dirty_worlds, w.version > w.saved_version);
}

static void nothing_acknowledged_is_lost_by_a_hundred_kills(void **) { /* */
  struct live_fixture f;
  live_fixture_open(&f, LIVE_EMBEDDED);
  live_make(&f, "w");
  for (int i = 0; i < KILLS; i++) {
    live_close(f.live); /* a child has its own connection */
    f.live = NULL;
    struct ack ack = kill_one(&f, 1 + i * 7 % 43);
    f.live = live_fixture_handle(&f, "node:1");
    check_after(&f, ack);
  }
  live_fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_acknowledged_is_lost_by_a_hundred_kills)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
