/* The executors themselves, each in a process of its own as the warden runs them, against real files and
 * a real HTTP peer on 127.0.0.1. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "tests/support/check.h"
#include "warden/child.h"

struct ran {
  int exit_code;
  char output[65536];
  char lines[65536]; /* of descriptor 3 */
};

static void read_all(int fd, char *to, size_t size) {
  size_t n = 0;
  for (ssize_t got; n + 1 < size && (got = read(fd, to + n, size - 1 - n)) > 0;) n += (size_t)got;
  to[n] = '\0';
  close(fd);
}

static char variable[512]; /* "NAME=value" of the next runs' environment, "" = none */

static void run_executor(const char *name, const char *params, struct ran *ret) {
  char out_path[] = "/tmp/sereno-out-XXXXXX", lines_path[] = "/tmp/sereno-lines-XXXXXX";
  int out = mkstemp(out_path), lines = mkstemp(lines_path);
  assert_true(out >= 0 && lines >= 0);
  unlink(out_path);
  unlink(lines_path);
  pid_t pid = fork();
  if (pid == 0) {
    if (variable[0]) putenv(variable);
    dup2(out, 1);
    dup2(out, 2);
    if (lines != 3) dup2(lines, 3);
    struct child_context context = {
        .run_id = STR("c"), .job_id = STR("c"), .run_no = 1, .attempt = 1, .due_ms = INSTANT_NONE};
    context.deadline_ms = INSTANT_NEVER;
    context.timeout_ms = 600000;
    _exit(child_run(executor_find(str_of(name)), &context, str_of(params), -1));
  }
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  ret->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  lseek(out, 0, SEEK_SET);
  lseek(lines, 0, SEEK_SET);
  read_all(out, ret->output, sizeof ret->output);
  read_all(lines, ret->lines, sizeof ret->lines);
}

static void has(const char *text, const char *piece) {
  if (!strstr(text, piece)) fail_msg("\"%s\" is not in \"%s\"", piece, text);
}

/* A peer that gives each connection the next of its answers, in a process of its own, and writes what it
 * was asked to a file. */
struct peer {
  pid_t pid;
  int port;
  char asked_path[64];
};

static void serve_answers(int listener, int asked, const char *const *answers) {
  for (size_t i = 0; answers[i]; i++) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) break;
    char request[8192];
    ssize_t n = read(fd, request, sizeof request);
    if (n > 0 && write(asked, request, (size_t)n) != n) break;
    if (write(fd, answers[i], strlen(answers[i])) < 0) break;
    shutdown(fd, SHUT_WR);
    while (read(fd, request, sizeof request) > 0) {
    }
    close(fd);
  }
  _exit(0);
}

static void peer_start(struct peer *p, const char *const *answers) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(listener, 8), 0);
  assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
  p->port = ntohs(address.sin_port);
  strncpy(p->asked_path, "/tmp/sereno-asked-XXXXXX", sizeof p->asked_path);
  int asked = mkstemp(p->asked_path);
  p->pid = fork();
  if (p->pid == 0) serve_answers(listener, asked, answers);
  close(listener);
  close(asked);
}

static void peer_end(struct peer *p, char *asked, size_t size) {
  kill(p->pid, SIGKILL);
  waitpid(p->pid, NULL, 0);
  read_all(open(p->asked_path, O_RDONLY), asked, size);
  unlink(p->asked_path);
}

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"

static void http_posts_and_reports_status_and_body(void **s) {
  (void)s;
  static const char *const answers[] = {OK_ANSWER, NULL};
  struct peer p;
  struct ran r;
  char params[512], asked[8192];
  peer_start(&p, answers);
  snprintf(params, sizeof params,
           "{\"url\":\"http://127.0.0.1:%d/"
           "x?y=1\",\"method\":\"POST\",\"headers\":{\"X-Key\":\"k1\"},\"body\":\"b\"}",
           p.port);
  snprintf(variable, sizeof variable, "HTTP_ALLOW_PRIVATE=127.0.0.1");
  run_executor("http", params, &r);
  peer_end(&p, asked, sizeof asked);
  assert_int_equal(r.exit_code, EXECUTOR_OK);
  has(r.output, "HTTP 200");
  has(r.output, "hello");
  has(r.lines, "\"status\":200");
  has(asked, "POST /x?y=1 HTTP/1.1");
  has(asked, "X-Key: k1");
}

static void http_refuses_addresses_that_are_not_public(void **s) {
  (void)s;
  static const char *const urls[] = {
      "http://127.0.0.1:1/",           "http://localhost:1/",       "http://[::1]:1/",   "http://0x7f.1/",
      "http://169.254.169.254/latest", "http://[::ffff:10.0.0.1]/", "http://2130706433/"};
  variable[0] = '\0';
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
    struct ran r;
    char params[256];
    snprintf(params, sizeof params, "{\"url\":\"%s\"}", urls[i]);
    run_executor("http", params, &r);
    assert_int_equal(r.exit_code, EXECUTOR_FAILED);
    has(r.output, "is not public");
  }
}

static void http_fails_on_another_status_and_on_a_long_answer(void **s) {
  (void)s;
  static const char *const answers[] = {"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                                        OK_ANSWER, NULL};
  struct peer p;
  struct ran r;
  char params[256], asked[8192];
  snprintf(variable, sizeof variable, "HTTP_ALLOW_PRIVATE=127.0.0.0/8");
  peer_start(&p, answers);
  snprintf(params, sizeof params, "{\"url\":\"http://127.0.0.1:%d/\"}", p.port);
  run_executor("http", params, &r);
  assert_int_equal(r.exit_code, EXECUTOR_FAILED);
  has(r.output, "the answer was 503");
  snprintf(params, sizeof params, "{\"url\":\"http://127.0.0.1:%d/\",\"maxResponseBytes\":4}", p.port);
  run_executor("http", params, &r);
  assert_int_equal(r.exit_code, EXECUTOR_FAILED);
  has(r.output, "maxResponseBytes");
  peer_end(&p, asked, sizeof asked);
}

static void http_judges_each_redirect_anew_and_keeps_its_headers_home(void **s) {
  (void)s;
  static const char *const second_answers[] = {OK_ANSWER, NULL};
  struct peer first, second;
  struct ran r;
  char redirect[256], params[512], asked[8192];
  peer_start(&second, second_answers);
  snprintf(redirect, sizeof redirect,
           "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/next\r\nContent-Length: 0\r\nConnection: "
           "close\r\n\r\n",
           second.port);
  const char *const first_answers[] = {
      redirect,
      "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: "
      "0\r\nConnection: close\r\n\r\n",
      NULL};
  peer_start(&first, first_answers);
  snprintf(variable, sizeof variable, "HTTP_ALLOW_PRIVATE=127.0.0.1");
  snprintf(params, sizeof params,
           "{\"url\":\"http://127.0.0.1:%d/\",\"maxRedirects\":1,\"headers\":{\"X-Key\":\"secret\"}}",
           first.port);
  run_executor("http", params, &r);
  assert_int_equal(r.exit_code, EXECUTOR_OK);
  run_executor("http", params, &r);
  assert_int_equal(r.exit_code, EXECUTOR_FAILED);
  has(r.output, "169.254.169.254 is not public");
  peer_end(&first, asked, sizeof asked);
  has(asked, "X-Key: secret");
  peer_end(&second, asked, sizeof asked);
  has(asked, "GET /next");
  assert_null(strstr(asked, "X-Key"));
}

static void http_names_the_parameter_that_is_wrong(void **s) {
  (void)s;
  static const struct {
    int line;
    const char *params, *piece;
  } rows[] = {
      {__LINE__, "{\"url\":\"http://example.org/\",\"expectStatus\":\"2xx\"}", "expectStatus"},
      {__LINE__, "{\"url\":\"http://example.org/\",\"headers\":{\"A\":\"b\\r\\nC: d\"}}", "headers"},
      {__LINE__, "{\"url\":\"file:///etc/passwd\"}", "url"},
      {__LINE__, "{\"url\":\"http://example.org/\",\"method\":\"TRACE\"}", "method"},
      {__LINE__, "{\"url\":\"http://example.org/\",\"timeout\":0}", "timeout"},
      {__LINE__, "{\"url\":\"http://example.org/\",\"colour\":1}", "colour"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct ran r;
    run_executor("http", rows[i].params, &r);
    CHECK_ROW(rows[i].line, r.exit_code != 0 && strstr(r.output, rows[i].piece));
  }
}

static void make_file(const char *folder, const char *name, int age_hours) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  int fd = open(path, O_CREAT | O_WRONLY, 0600);
  assert_true(fd >= 0 && write(fd, "x", 1) == 1);
  struct timespec now, times[2];
  clock_gettime(CLOCK_REALTIME, &now);
  times[0] = times[1] = (struct timespec){.tv_sec = now.tv_sec - age_hours * 3600};
  assert_int_equal(futimens(fd, times), 0);
  close(fd);
}

static bool is_there(const char *folder, const char *name) {
  char path[512];
  struct stat st;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return lstat(path, &st) == 0;
}

static void temp_cleanup_deletes_what_is_old_and_nothing_else(void **s) {
  (void)s;
  char folder[] = "/tmp/sereno-temp-XXXXXX", outside[] = "/tmp/sereno-outside-XXXXXX", path[256], params[512];
  assert_non_null(mkdtemp(folder));
  assert_non_null(mkdtemp(outside));
  make_file(folder, "old", 30);
  make_file(folder, "young", 20);
  make_file(outside, "precious", 30);
  snprintf(path, sizeof path, "%s/link", folder);
  assert_int_equal(symlink(outside, path), 0);
  snprintf(variable, sizeof variable, "TEMP_ROOTS=%s", folder);
  struct ran r;
  snprintf(params, sizeof params, "{\"roots\":[\"%s\"],\"dryRun\":true}", folder);
  run_executor("temp_files_cleanup", params, &r);
  has(r.lines, "\"filesDeleted\":1");
  assert_true(is_there(folder, "old"));
  snprintf(params, sizeof params, "{\"roots\":[\"%s\"]}", folder);
  for (int round = 0; round < 2; round++) {
    run_executor("temp_files_cleanup", params, &r);
    assert_int_equal(r.exit_code, EXECUTOR_OK);
    has(r.lines, round == 0 ? "\"filesDeleted\":1" : "\"filesDeleted\":0");
  }
  assert_false(is_there(folder, "old"));
  assert_true(is_there(folder, "young"));
  assert_true(is_there(folder, "link"));
  assert_true(is_there(outside, "precious"));
  snprintf(params, sizeof params, "{\"roots\":[\"%s/link\"]}", folder);
  run_executor("temp_files_cleanup", params, &r);
  assert_int_equal(r.exit_code, EXECUTOR_FAILED);
  has(r.output, "not inside an allowed folder");
  snprintf(params, sizeof params, "{\"command\":\"rm -rf %s %s\"}", folder, outside);
  run_executor("shell", params, &r);
  assert_int_equal(r.exit_code, 0);
}

static void shell_runs_with_its_folder_and_gives_its_exit_code(void **s) {
  (void)s;
  struct ran r;
  run_executor("shell", "{\"command\":\"pwd; exit 7\",\"cwd\":\"/usr\"}", &r);
  assert_int_equal(r.exit_code, 7);
  CHECK_STR(str_of(r.output), STR("/usr\n"));
  run_executor("shell", "{\"command\":\"true\",\"shell\":\"/nowhere/sh\"}", &r);
  assert_int_equal(r.exit_code, EXECUTOR_COULD_NOT_START);
  has(r.output, "/nowhere/sh");
}

static void health_check_fails_when_a_limit_is_passed(void **s) {
  (void)s;
  struct ran r;
  run_executor("system_health_check",
               "{\"maxMemoryPct\":1,\"maxLoadPerCore\":1000,\"maxDiskPct\":100,\"maxInodePct\":100}", &r);
  assert_int_equal(r.exit_code, EXECUTOR_FAILED);
  has(r.output, "WARNING memoryPct");
  has(r.lines, "\"healthy\":false");
  run_executor("system_health_check", "{\"paths\":[\"/nowhere\"],\"maxMemoryPct\":100}", &r);
  assert_int_equal(r.exit_code, EXECUTOR_FAILED);
  has(r.output, "\nunhealthy: ");
  /* the reason comes last */
  assert_true(str_ends(str_of(r.output), STR("diskPct /nowhere: No such file or directory\n")));
}

/* Forms show these texts in the reader's language. */
static void every_executor_explains_itself_in_both_languages(void **state) {
  (void)state;
  for (const struct executor *const *e = executors; *e; e++) {
    if (!(*e)->description || !(*e)->description_es) fail_msg("%s lacks a description", (*e)->name);
    for (const struct executor_param *p = (*e)->params; p && p->name; p++)
      if (!p->help || !p->help_es || strcmp(p->help, p->help_es) == 0)
        fail_msg("%s: %s is not explained in both languages", (*e)->name, p->name);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_executor_explains_itself_in_both_languages),
      cmocka_unit_test(http_posts_and_reports_status_and_body),
      cmocka_unit_test(http_refuses_addresses_that_are_not_public),
      cmocka_unit_test(http_fails_on_another_status_and_on_a_long_answer),
      cmocka_unit_test(http_judges_each_redirect_anew_and_keeps_its_headers_home),
      cmocka_unit_test(http_names_the_parameter_that_is_wrong),
      cmocka_unit_test(temp_cleanup_deletes_what_is_old_and_nothing_else),
      cmocka_unit_test(shell_runs_with_its_folder_and_gives_its_exit_code),
      cmocka_unit_test(health_check_fails_when_a_limit_is_passed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
