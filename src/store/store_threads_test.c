/* Layer 2: the writer thread, the readers, the answers on the loop. */
#include <unistd.h>

#include "tests/support/store_fixture.h"

struct world_of_threads {
  struct harness h;
  struct loop *loop;
  struct store *store;
  size_t done, failed, reads;
};

static int setup(void **state) {
  static struct world_of_threads w;
  enum harness_kind kind = *(const enum harness_kind *)*state;
  w = (struct world_of_threads){};
  harness_open(&w.h, kind);
  CHECK_OK(loop_new(&w.loop));
  CHECK_OK(store_new(w.loop, w.h.backend, &w.h.config, &w.store, NULL));
  *state = &w;
  return 0;
}

static int teardown(void **state) {
  struct world_of_threads *w = *state;
  store_free(w->store);
  loop_turn(w->loop, 0); /* what was posted late finds the store gone */
  loop_free(w->loop);
  w->h.backend = NULL;
  harness_close(&w->h);
  return 0;
}

static void count_done(struct change *c) {
  struct world_of_threads *w = c->owner;
  w->done++;
  w->failed += c->error != ERR_OK;
  change_free(c);
}

static void submit(struct world_of_threads *w, struct change *c) {
  c->done = count_done;
  c->owner = w;
  store_submit(w->store, c);
}

static void wait_until(struct world_of_threads *w, const size_t *count, size_t want) {
  while (*count < want) loop_turn(w->loop, -1);
}

static void every_change_is_answered_once(void **state) {
  struct world_of_threads *w = *state;
  struct job job = harness_definition("a", "* * * * *");
  submit(w, harness_save(&w->h, &job));
  for (int i = 0; i < 3000; i++)
    submit(w, harness_run(&w->h, CHANGE_END, harness_next_run_no(&w->h), 1, INSTANT_NONE));
  wait_until(w, &w->done, 3001);
  assert_int_equal(w->failed, 0);
  assert_int_equal(store_queue_depth(w->store), 0);
}

static void count_read(struct store_read *r) {
  struct world_of_threads *w = r->owner;
  CHECK_OK(r->error);
  w->reads++;
  assert_int_equal(r->count, 1);
  store_read_free(r);
}

static void acknowledged_is_readable(void **state) {
  struct world_of_threads *w = *state;
  struct job job = harness_definition("a", "* * * * *");
  submit(w, harness_save(&w->h, &job));
  wait_until(w, &w->done, 1);
  for (int i = 0; i < 20; i++) {
    struct store_read *r = store_read_new(READ_JOBS, w->h.now_ms);
    r->done = count_read;
    r->owner = w;
    store_submit_read(w->store, r);
  }
  wait_until(w, &w->reads, 20);
}

static void look_at_next_run(struct store_read *r) {
  struct world_of_threads *w = r->owner;
  w->reads = r->jobs[0].job->last_run_ms != FIELD_NULL ? 1 : 0;
  w->done++;
  store_read_free(r);
}

/* C-31, C-32: also when nothing more is submitted. */
static void last_run_is_written_when_it_is_quiet(void **state) {
  struct world_of_threads *w = *state;
  struct job job = harness_definition("a", "* * * * *");
  submit(w, harness_save(&w->h, &job));
  submit(w, harness_run(&w->h, CHANGE_END, harness_next_run_no(&w->h), 1, INSTANT_NONE));
  wait_until(w, &w->done, 2);
  while (w->reads == 0) {
    size_t want = w->done + 1;
    struct store_read *r = store_read_new(READ_JOBS, w->h.now_ms);
    r->done = look_at_next_run;
    r->owner = w;
    store_submit_read(w->store, r);
    wait_until(w, &w->done, want);
  }
}

static void freeing_finishes_what_was_submitted(void **state) {
  struct world_of_threads *w = *state;
  struct job job = harness_definition("a", "* * * * *");
  submit(w, harness_save(&w->h, &job));
  for (int i = 0; i < 100; i++)
    submit(w, harness_run(&w->h, CHANGE_END, harness_next_run_no(&w->h), 1, INSTANT_NONE));
  store_free(w->store);
  assert_int_equal(w->done, 0);
  w->store = NULL;
  if (w->h.kind == HARNESS_MEM) return;
  store_boot_free(&w->h.boot);
  if (w->h.kind == HARNESS_SQLITE) w->h.config.folder = w->h.folder;
  CHECK_OK(w->h.kind == HARNESS_PG ? store_pg_open(&w->h.config, &w->h.backend, &w->h.boot, NULL)
                                   : store_sqlite_open(&w->h.config, &w->h.backend, &w->h.boot, NULL));
  struct store_read *r = harness_read(&w->h, READ_RUNS);
  harness_ask(&w->h, r);
  assert_int_equal(r->count, 100);
  store_read_free(r);
  w->h.backend->ops->close(w->h.backend);
}

static void count_any_read(struct store_read *r) {
  struct world_of_threads *w = r->owner;
  CHECK_OK(r->error);
  w->reads++;
  store_read_free(r);
}

/* They wait for each other, so that short ones always find a reader; none may be forgotten for it. */
static void long_reads_are_all_answered(void **state) {
  struct world_of_threads *w = *state;
  struct job job = harness_definition("a", "* * * * *");
  submit(w, harness_save(&w->h, &job));
  wait_until(w, &w->done, 1);
  enum store_read_kind kinds[] = {READ_AUDIT_VERIFY, READ_LEDGER_AUDIT, READ_JOBS, READ_LEDGER_AUDIT};
  for (size_t i = 0; i < 40; i++) {
    struct store_read *r = store_read_new(kinds[i % 4], w->h.now_ms);
    r->done = count_any_read;
    r->owner = w;
    store_submit_read(w->store, r);
    if (i % 8 == 7) wait_until(w, &w->reads, i - 3); /* also with readers asleep */
  }
  wait_until(w, &w->reads, 40);
}

#define CONTRACT_ON(kind, name, f) \
  { name " " #f, f, setup, teardown, (void *)(uintptr_t)&kinds[kind] }
#define ALL(f)                                                                  \
  CONTRACT_ON(HARNESS_MEM, "mem", f), CONTRACT_ON(HARNESS_SQLITE, "sqlite", f), \
      CONTRACT_ON(HARNESS_PG, "pg", f)

static const enum harness_kind kinds[] = {HARNESS_MEM, HARNESS_SQLITE, HARNESS_PG};

int main(void) {
  const struct CMUnitTest tests[] = {
      ALL(every_change_is_answered_once),        ALL(acknowledged_is_readable),
      ALL(last_run_is_written_when_it_is_quiet), ALL(long_reads_are_all_answered),
      ALL(freeing_finishes_what_was_submitted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
