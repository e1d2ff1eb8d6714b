#include "app/world_lanes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/check.h"

#define TURNS_MAX 20000

/* ---- lanes whose calls do what the test says ---- */

static struct rig {
  struct loop *loop;
  struct world_lanes *lanes;
  pthread_mutex_t lock;
  pthread_cond_t moved;
  bool is_gate_shut, is_behind_shut; /* calls wait; what follows their answers waits */
  char woken[8];
  int inside, inside_max, inside_of_a, inside_of_a_max, begun, answered, refused;
  atomic_int begin_failures, busy_left;
  atomic_int lanes_open;
  char order[64];
  char answers[4096];
  bool is_there;
  char why[200];
  int states, notices;
} rig;

static enum err do_begin(const struct worlds_config *config, struct worlds **ret, struct err_detail *detail) {
  (void)config;
  if (atomic_fetch_sub(&rig.begin_failures, 1) > 0)
    return err_set(detail, ERR_UNAVAILABLE, "DATABASE_URL", 0, "connection refused");
  *ret = (struct worlds *)(void *)&rig;
  return ERR_OK;
}
static void do_end(struct worlds *w) { assert_ptr_equal(w, &rig); }
static enum err do_open(struct worlds *w, struct lane *ret, struct err_detail *detail) {
  (void)detail;
  ret->worlds = w;
  rig.lanes_open++;
  return ERR_OK;
}
static void do_close(struct lane *l) {
  (void)l;
  rig.lanes_open--;
}

static void enter(const struct world_request *q) {
  bool is_a = str_eq(q->world_id, STR("a"));
  pthread_mutex_lock(&rig.lock);
  rig.begun++;
  if (++rig.inside > rig.inside_max) rig.inside_max = rig.inside;
  if (is_a && ++rig.inside_of_a > rig.inside_of_a_max) rig.inside_of_a_max = rig.inside_of_a;
  size_t len = strlen(rig.order);
  if (len + 1 < sizeof rig.order) rig.order[len] = (char)json_int_at(q->args, "mark", '.');
  pthread_cond_broadcast(&rig.moved);
  while (rig.is_gate_shut) pthread_cond_wait(&rig.moved, &rig.lock);
  rig.inside--;
  rig.inside_of_a -= is_a;
  pthread_mutex_unlock(&rig.lock);
}

static enum err do_call(struct lane *l, const struct world_request *q, struct world_reply *r) {
  enter(q);
  if (atomic_fetch_sub(&rig.busy_left, 1) > 0) return r->error = ERR_WORLD_BUSY;
  if (json_int_at(q->args, "mark", 0) == 'w') str_copy(l->to_wake, sizeof l->to_wake, q->world_id);
  r->body = json_pack("{s:I}", "now", (json_int_t)q->now_ms);
  return r->error = ERR_OK;
}

static void do_behind(struct lane *l, int64_t now_ms) {
  assert_int_equal(now_ms, 42);
  pthread_mutex_lock(&rig.lock);
  while (rig.is_behind_shut) pthread_cond_wait(&rig.moved, &rig.lock);
  str_copy(rig.woken, sizeof rig.woken, str_of(l->to_wake));
  l->to_wake[0] = '\0';
  pthread_cond_broadcast(&rig.moved);
  pthread_mutex_unlock(&rig.lock);
}

static const struct world_lanes_ops ops = {do_begin, do_end, do_open, do_close, do_call, do_behind};
static const struct world_call request = {.name = "request", .flags = CALL_API | CALL_ONE_WORLD};
static const struct world_call batch = {.name = "batch", .flags = CALL_JOB | CALL_BACK};
static const struct world_call one_batch = {.name = "one", .flags = CALL_JOB | CALL_BACK | CALL_ONE_WORLD};

static int64_t now_ms(void *arg) { return (void)arg, 42; }
static void on_state(void *arg, bool is_there, const char *why) {
  (void)arg;
  rig.is_there = is_there;
  rig.states++;
  str_copy(rig.why, sizeof rig.why, str_of(why));
}

static void start(int count) {
  struct world_lanes_options options = {
      .loop = rig.loop, .lanes = count, .now_ms = now_ms, .ops = &ops, .on_state = on_state};
  assert_int_equal(world_lanes_new(&options, &rig.lanes), ERR_OK);
}

static int setup(void **state) {
  (void)state;
  memset(&rig, 0, sizeof rig);
  pthread_mutex_init(&rig.lock, NULL);
  pthread_cond_init(&rig.moved, NULL);
  return loop_new(&rig.loop) != ERR_OK;
}

static void gate(bool is_shut) {
  pthread_mutex_lock(&rig.lock);
  rig.is_gate_shut = is_shut;
  pthread_cond_broadcast(&rig.moved);
  pthread_mutex_unlock(&rig.lock);
}

static int teardown(void **state) {
  (void)state;
  gate(false);
  world_lanes_free(rig.lanes);
  loop_free(rig.loop);
  assert_int_equal(rig.lanes_open, 0);
  return 0;
}

static void on_answer(void *arg, const struct world_reply *reply, struct str text) {
  (void)text;
  rig.answered++;
  rig.refused += reply->error != ERR_OK;
  size_t len = strlen(rig.answers);
  snprintf(rig.answers + len, sizeof rig.answers - len, "%s%s ", (const char *)arg, err_code(reply->error));
}

static void ask(const struct world_call *call, const char *world, char mark, const char *tag) {
  struct world_lanes_ask a = {
      .call = call, .world_id = str_of(world), .args = json_pack("{s:i}", "mark", mark)};
  world_lanes_ask(rig.lanes, &a, on_answer, (void *)(uintptr_t)tag);
}

static void wait_begun(int n) {
  pthread_mutex_lock(&rig.lock);
  while (rig.begun < n) pthread_cond_wait(&rig.moved, &rig.lock);
  pthread_mutex_unlock(&rig.lock);
}

static void wait_answered(int n) {
  for (int i = 0; i < TURNS_MAX && rig.answered < n; i++) (void)loop_turn(rig.loop, 10000);
  assert_int_equal(rig.answered, n);
}

/* ---- the rules ---- */

static void calls_about_one_world_never_run_side_by_side(void **state) {
  (void)state;
  start(3);
  for (int i = 0; i < 1000; i++) ask(&request, "a", 'a', "");
  ask(&request, "b", 'b', "");
  wait_answered(1001);
  assert_int_equal(rig.inside_of_a_max, 1);
  assert_int_equal(rig.refused, 0);
}

static void calls_about_one_world_keep_their_order(void **state) {
  (void)state;
  gate(true);
  start(3);
  static const char marks[] = "abcdefgh";
  for (size_t i = 0; marks[i]; i++) ask(&request, "a", marks[i], "");
  wait_begun(1);
  gate(false);
  wait_answered(8);
  assert_string_equal(rig.order, marks);
}

static void worlds_run_side_by_side_on_the_lanes(void **state) {
  (void)state;
  gate(true);
  start(3);
  ask(&request, "a", 'a', "");
  ask(&request, "b", 'b', "");
  ask(&request, "c", 'c', "");
  wait_begun(3);
  gate(false);
  wait_answered(3);
  assert_int_equal(rig.inside_max, 3);
}

static void a_big_state_is_woken_after_the_answer(void **state) {
  (void)state;
  rig.is_behind_shut = true;
  start(1);
  ask(&request, "a", 'w', "");
  wait_answered(1);
  pthread_mutex_lock(&rig.lock);
  assert_string_equal(rig.woken, "");
  rig.is_behind_shut = false;
  pthread_cond_broadcast(&rig.moved);
  while (!rig.woken[0]) pthread_cond_wait(&rig.moved, &rig.lock);
  pthread_mutex_unlock(&rig.lock);
  assert_string_equal(rig.woken, "a");
}

/* With three lanes one batch at a time: a request always finds a lane. */
static void batches_leave_lanes_to_requests(void **state) {
  (void)state;
  gate(true);
  start(3);
  for (int i = 0; i < 5; i++) ask(&batch, NULL, 'B', "");
  wait_begun(1);
  ask(&request, "a", 'r', "");
  ask(&request, "b", 's', "");
  wait_begun(3);
  pthread_mutex_lock(&rig.lock);
  assert_int_equal(rig.begun, 3);
  assert_null(strchr(strchr(rig.order, 'B') + 1, 'B'));
  pthread_mutex_unlock(&rig.lock);
  gate(false);
  wait_answered(7);
}

static void a_request_goes_before_a_batch_that_waits_for_the_same_world(void **state) {
  (void)state;
  gate(true);
  start(2);
  ask(&request, "a", '1', "");
  wait_begun(1);
  ask(&one_batch, "a", 'B', "");
  ask(&batch, NULL, 'x', "");
  wait_begun(2); /* both lanes are busy: B is parked or waits */
  ask(&request, "a", '2', "");
  gate(false);
  wait_answered(4);
  assert_true(strchr(rig.order, '2') < strchr(rig.order, 'B'));
}

static void a_busy_world_is_tried_again(void **state) {
  (void)state;
  rig.busy_left = 3;
  start(2);
  ask(&request, "a", 'a', "");
  wait_answered(1);
  assert_string_equal(rig.answers, "ok ");
  assert_int_equal(rig.begun, 4);
  assert_int_equal(world_lanes_status(rig.lanes).retries, 3);
}

static void while_one_world_is_tried_again_others_go_on(void **state) {
  (void)state;
  rig.busy_left = 1000000;
  start(1);
  ask(&request, "a", 'a', "a:");
  wait_begun(3);
  rig.busy_left = 0;
  ask(&request, "b", 'b', "b:");
  wait_answered(2);
  assert_int_equal(rig.refused, 0);
}

static void too_many_are_refused_and_all_are_answered(void **state) {
  (void)state;
  gate(true);
  start(1);
  for (int i = 0; i < LANES_TASKS_MAX + 5; i++) ask(&request, i % 2 ? "a" : "b", 'x', "");
  gate(false);
  wait_answered(LANES_TASKS_MAX + 5);
  assert_int_equal(rig.refused, 5);
  assert_int_equal(world_lanes_status(rig.lanes).busy, 5);
}

static void a_database_that_is_away_answers_why_and_comes_back(void **state) {
  (void)state;
  rig.begin_failures = 1;
  start(2);
  ask(&request, "a", 'a', "");
  wait_answered(1);
  assert_string_equal(rig.answers, "unavailable ");
  ask(&request, "a", 'a', "");
  wait_answered(2);
  assert_string_equal(rig.answers, "unavailable unavailable ");
  for (int i = 0; i < TURNS_MAX && !rig.is_there; i++) (void)loop_turn(rig.loop, 10000);
  assert_int_equal(rig.states, 2);
  ask(&request, "a", 'a', "");
  wait_answered(3);
  assert_string_equal(rig.answers, "unavailable unavailable ok ");
}

static void stopping_finishes_what_runs_and_refuses_what_waits(void **state) {
  (void)state;
  gate(true);
  start(1);
  ask(&request, "a", '1', "1:");
  wait_begun(1);
  ask(&request, "a", '2', "2:");
  ask(&request, "b", '3', "3:");
  world_lanes_stop(rig.lanes);
  gate(false);
  wait_answered(3);
  assert_non_null(strstr(rig.answers, "1:ok"));
  assert_non_null(strstr(rig.answers, "2:unavailable"));
  assert_non_null(strstr(rig.answers, "3:unavailable"));
  assert_int_equal(world_lanes_status(rig.lanes).tasks, 0);
}

static void freeing_answers_everything(void **state) {
  (void)state;
  gate(true);
  start(1);
  ask(&request, "a", '1', "");
  wait_begun(1);
  for (int i = 0; i < 10; i++) ask(&request, "a", 'p', "");
  gate(false);
  world_lanes_free(rig.lanes);
  rig.lanes = NULL;
  assert_int_equal(rig.answered, 11);
}

static void on_text(void *arg, const struct world_reply *reply, struct str text) {
  struct buf *out = arg;
  rig.answered++;
  if (reply->error == ERR_OK) buf_add_str(out, text);
  else buf_add_text(out, err_code(reply->error));
}

static void texts_are_read_and_written_on_the_lane(void **state) {
  (void)state;
  BUF_AUTO struct buf out = buf_new(1000);
  start(1);
  struct world_lanes_ask a = {.call = &batch, .args_text = STR("{\"mark\":65}"), .wants_text = true};
  world_lanes_ask(rig.lanes, &a, on_text, &out);
  wait_answered(1);
  a.args_text = STR("[]");
  world_lanes_ask(rig.lanes, &a, on_text, &out);
  wait_answered(2);
  assert_string_equal(buf_text(&out), "{\"now\":42}invalid");
  assert_string_equal(rig.order, "A");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(calls_about_one_world_never_run_side_by_side),
      TEST(calls_about_one_world_keep_their_order),
      TEST(worlds_run_side_by_side_on_the_lanes),
      TEST(a_big_state_is_woken_after_the_answer),
      TEST(batches_leave_lanes_to_requests),
      TEST(a_request_goes_before_a_batch_that_waits_for_the_same_world),
      TEST(a_busy_world_is_tried_again),
      TEST(while_one_world_is_tried_again_others_go_on),
      TEST(too_many_are_refused_and_all_are_answered),
      TEST(a_database_that_is_away_answers_why_and_comes_back),
      TEST(stopping_finishes_what_runs_and_refuses_what_waits),
      TEST(freeing_answers_everything),
      TEST(texts_are_read_and_written_on_the_lane),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
