#include "warden/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "tests/support/check.h"
#include "warden/channel.h"

static const char *const colours[] = {"red", "green", NULL};
static const struct executor_param params[] = {
    {.name = "n", .type = PARAM_INT, .is_required = true, .min = 1, .max = 10, .help = "A number."},
    {.name = "text", .type = PARAM_TEXT, .max = 3, .default_json = "\"abc\"", .help = "A text."},
    {.name = "colour", .type = PARAM_TEXT, .choices = colours, .help = "A colour."},
    {.name = "names", .type = PARAM_TEXTS, .max = 2, .help = "Some names."},
    {.name = "flag", .type = PARAM_BOOL, .help = "A flag."},
    {},
};

static int say_all(struct child *child) {
  child_print(child, "n=%lld text=%s run=%lld", (long long)json_int_at(child_params(child), "n", 0),
              json_text_at(child_params(child), "text").ptr, (long long)child_context(child)->run_no);
  child_metric(child, "m", 1.5);
  child_result(child, json_pack("{s:i}", "ok", 1));
  return 5;
}
static int wait_for_term(struct child *child) {
  if (child_is_asked_to_stop(child)) return 1;
  (void)raise(SIGTERM);
  return child_is_asked_to_stop(child) ? EXECUTOR_RETRY : 1;
}

/* Asks two things, says what it heard, and asks a third one that nobody answers. */
static int ask(struct child *child) {
  struct str payload = STR("payload"), back = STR_NONE;
  json_t *body = NULL;
  struct err_detail detail = {};
  if (child_call(child, "echo", json_pack("{s:i}", "n", 1), &payload, &body, &back, &detail) != ERR_OK)
    return 2;
  child_print(child, "%lld %.*s", (long long)json_int_at(body, "n", 0), STR_ARG(back));
  json_decref(body);
  free((void *)(uintptr_t)back.ptr);
  if (child_call(child, "refuse", NULL, NULL, NULL, NULL, &detail) != ERR_NOT_FOUND) return 3;
  child_fail(child, &detail);
  (void)child_call(child, "silence", NULL, NULL, NULL, NULL, &detail);
  return 4;
}
static const struct executor asking = {.name = "asking", .needs_channel = true, .run = ask};
static const struct executor plain = {.name = "plain", .params = params, .run = say_all};
static const struct executor needy = {.name = "needy", .needs_channel = true, .run = say_all};
static int tell_time_left(struct child *child) {
  int64_t left = child_time_left_ms(child), timeout = child_context(child)->timeout_ms;
  return left > 0 && left <= timeout ? EXECUTOR_OK : EXECUTOR_FAILED;
}
static const struct executor timely = {.name = "timely", .run = tell_time_left};
static const struct executor patient = {.name = "patient", .run = wait_for_term};

static void parameters_are_checked_by_the_table(void **s) {
  (void)s;
  const struct {
    int line;
    const char *json;
    const char *field; /* NULL: fine */
  } rows[] = {
      {__LINE__, "{\"n\":1}", NULL},
      {__LINE__, "{\"n\":10,\"text\":\"abc\",\"colour\":\"red\",\"names\":[\"a\"],\"flag\":true}", NULL},
      {__LINE__, "{}", "n"},
      {__LINE__, "{\"n\":0}", "n"},
      {__LINE__, "{\"n\":11}", "n"},
      {__LINE__, "{\"n\":\"1\"}", "n"},
      {__LINE__, "{\"n\":1.5}", "n"},
      {__LINE__, "{\"n\":1,\"text\":\"abcd\"}", "text"},
      {__LINE__, "{\"n\":1,\"colour\":\"blue\"}", "colour"},
      {__LINE__, "{\"n\":1,\"names\":[1]}", "names"},
      {__LINE__, "{\"n\":1,\"names\":[\"a\",\"b\",\"c\"]}", "names"},
      {__LINE__, "{\"n\":1,\"flag\":1}", "flag"},
      {__LINE__, "{\"n\":1,\"other\":1}", "other"},
      {__LINE__, "[]", "params"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    JSON_AUTO json_t *json = NULL;
    struct err_detail d = {};
    CHECK_OK(json_parse(str_of(rows[i].json), &json, NULL));
    enum err e = executor_check_params(&plain, json, &d);
    CHECK_ROW(rows[i].line, (e == ERR_OK) == !rows[i].field);
    CHECK_ROW(rows[i].line, !rows[i].field || strcmp(d.field, rows[i].field) == 0);
  }
}

/* Runs it in a child with its output and its structured lines in two pipes. */
static int run_apart(const struct executor *e, const char *json, char out[1000], char lines[1000]) {
  int a[2], b[2], status;
  assert_int_equal(pipe2(a, O_CLOEXEC), 0);
  assert_int_equal(pipe2(b, O_CLOEXEC), 0);
  /* its wall clock says 1970: only how long it may take counts */
  struct child_context context = {.run_no = 42, .attempt = 1, .deadline_ms = 600000, .timeout_ms = 600000};
  pid_t pid = fork();
  if (pid == 0) {
    if (dup2(a[1], STDOUT_FILENO) < 0 || dup2(b[1], 3) < 0) _exit(99);
    _exit(child_run(e, &context, str_of(json), -1));
  }
  close(a[1]);
  close(b[1]);
  memset(out, 0, 1000);
  memset(lines, 0, 1000);
  assert_true(read(a[0], out, 999) >= 0);
  assert_true(read(b[0], lines, 999) >= 0);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  close(a[0]);
  close(b[0]);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

static void an_executor_gets_defaults_and_says_text_and_lines(void **s) {
  (void)s;
  char out[1000], lines[1000];
  assert_int_equal(run_apart(&plain, "{\"n\":3}", out, lines), 5);
  assert_string_equal(out, "n=3 text=abc run=42\n");
  assert_int_equal(strncmp(lines, "{\"metric\":\"m\",\"value\":1.5}\n", 27), 0);
}

static void wrong_parameters_and_a_missing_channel_end_it_before_it_runs(void **s) {
  (void)s;
  char out[1000], lines[1000];
  assert_int_equal(run_apart(&plain, "{", out, lines), EXECUTOR_FAILED);
  assert_int_equal(run_apart(&plain, "{\"n\":0}", out, lines), EXECUTOR_FAILED);
  assert_string_equal(out, "error: n: 0 is outside 1 to 10\n");
  assert_int_equal(run_apart(&needy, "{}", out, lines), EXECUTOR_COULD_NOT_START);
}

static void time_left_is_counted_from_the_start_whatever_the_wall_clock_says(void **s) {
  (void)s;
  char out[1000], lines[1000];
  assert_int_equal(run_apart(&timely, "{}", out, lines), EXECUTOR_OK);
}

/* serve's side: answers the first two calls and then goes away. */
static void serve_two(int fd) {
  struct channel_message m = {};
  assert_int_equal(channel_receive(fd, &m, NULL), ERR_OK);
  assert_string_equal(m.name, "echo");
  struct channel_sent echo = {CHANNEL_ANSWER, m.number, ERR_OK, STR_NONE, m.body, &m.payload};
  assert_int_equal(channel_send(fd, &echo, NULL), ERR_OK);
  channel_message_free(&m);
  assert_int_equal(channel_receive(fd, &m, NULL), ERR_OK);
  struct err_detail detail = {};
  (void)err_set(&detail, ERR_NOT_FOUND, "world", 0, "there is none");
  BUF_AUTO struct buf body = buf_new(4096);
  channel_error_body(&detail, &body);
  struct channel_sent refusal = {CHANNEL_ANSWER, m.number, ERR_NOT_FOUND, STR_NONE, buf_str(&body), NULL};
  assert_int_equal(channel_send(fd, &refusal, NULL), ERR_OK);
  channel_message_free(&m);
  assert_int_equal(channel_receive(fd, &m, NULL), ERR_OK);
  channel_message_free(&m);
  close(fd);
}

/* DESIGN 7: the child of a server that has gone asks for another attempt. */
static void calls_are_answered_and_a_server_that_goes_ends_the_attempt(void **s) {
  (void)s;
  int ends[2], out[2], status;
  assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  assert_int_equal(pipe2(out, O_CLOEXEC), 0);
  pid_t pid = fork();
  if (pid == 0) {
    dup2(out[1], 1);
    close(ends[0]);
    _exit(child_run(&asking, &(struct child_context){.run_no = 1}, STR("{}"), ends[1]));
  }
  close(ends[1]);
  close(out[1]);
  serve_two(ends[0]);
  char text[500] = "";
  size_t len = 0;
  for (ssize_t n; (n = read(out[0], text + len, sizeof text - 1 - len)) > 0;) len += (size_t)n;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  close(out[0]);
  assert_int_equal(strncmp(text, "1 payload\nerror: world: there is none\nthe server has gone", 56), 0);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), EXECUTOR_RETRY);
}

static enum err call_here(void *arg, const char *call, json_t *args, const struct str *payload,
                          json_t **ret_body, struct str *ret_payload, struct err_detail *detail) {
  int *calls = arg;
  ++*calls;
  json_decref(args);
  if (strcmp(call, "refuse") == 0) return err_set(detail, ERR_NOT_FOUND, "world", 0, "there is none");
  if (ret_payload) *ret_payload = (struct str){strdup(payload->ptr), payload->len};
  if (ret_body) *ret_body = json_pack("{s:i}", "n", 2);
  return ERR_OK;
}

static void an_executor_runs_here_with_calls_and_a_result_of_ours(void **s) {
  (void)s;
  json_t *result = NULL;
  int calls = 0;
  struct child_context context = {.run_no = 1};
  assert_int_equal(child_run_here(&asking, &context, NULL, call_here, &calls, &result), 4);
  assert_int_equal(calls, 3);
  assert_null(result);
  JSON_AUTO json_t *good = json_pack("{s:i}", "n", 3), *bad = json_pack("{s:i}", "n", 0);
  assert_int_equal(child_run_here(&plain, &context, good, call_here, &calls, &result), 5);
  assert_int_equal(json_int_at(result, "ok", 0), 1);
  json_decref(result);
  assert_int_equal(child_run_here(&plain, &context, bad, call_here, &calls, &result), EXECUTOR_FAILED);
}

static void term_is_told_to_the_executor(void **s) {
  (void)s;
  char out[1000], lines[1000];
  assert_int_equal(run_apart(&patient, "{}", out, lines), EXECUTOR_RETRY);
}

static void every_registered_executor_can_be_described(void **s) {
  (void)s;
  for (const struct executor *const *e = executors; *e; e++) {
    assert_ptr_equal(executor_find(str_of((*e)->name)), *e);
    assert_non_null((*e)->class_name);
    assert_non_null((*e)->description);
    assert_non_null((*e)->run);
    for (const struct executor_param *p = (*e)->params; p && p->name; p++) {
      assert_non_null(p->help);
      json_t *value = p->default_json ? json_loads(p->default_json, JSON_DECODE_ANY, NULL) : NULL;
      if (p->default_json && !value) fail_msg("%s.%s: its default is no JSON", (*e)->name, p->name);
      json_decref(value);
    }
  }
  assert_null(executor_find(STR("no such executor")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parameters_are_checked_by_the_table),
      cmocka_unit_test(an_executor_gets_defaults_and_says_text_and_lines),
      cmocka_unit_test(wrong_parameters_and_a_missing_channel_end_it_before_it_runs),
      cmocka_unit_test(calls_are_answered_and_a_server_that_goes_ends_the_attempt),
      cmocka_unit_test(an_executor_runs_here_with_calls_and_a_result_of_ours),
      cmocka_unit_test(time_left_is_counted_from_the_start_whatever_the_wall_clock_says),
      cmocka_unit_test(term_is_told_to_the_executor),
      cmocka_unit_test(every_registered_executor_can_be_described),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
