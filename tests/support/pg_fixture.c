#include "tests/support/pg_fixture.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/check.h"

static char folder[64], script[512], base_url[128];
static int schema_count;

/* Beside the build folder that this executable is in, or below the folder we are in. */
static void find_script(void) {
  char exe[400];
  ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
  assert_true(n > 0);
  exe[n] = 0;
  *strrchr(exe, '/') = 0;
  snprintf(script, sizeof script, "%s/../tests/support/pg.sh", exe);
  if (access(script, X_OK) != 0) snprintf(script, sizeof script, "tests/support/pg.sh");
}

/* Its output goes to `to`, if any. */
static int run_script(const char *verb, char *to, size_t size) {
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    dup2(ends[1], 1);
    execl(script, script, verb, folder, (char *)NULL);
    _exit(127);
  }
  close(ends[1]);
  size_t len = 0;
  for (ssize_t n; to && len + 1 < size && (n = read(ends[0], to + len, size - 1 - len)) > 0;)
    len += (size_t)n;
  if (to) to[len] = 0;
  int status = 0;
  waitpid(pid, &status, 0);
  close(ends[0]);
  return status;
}

/* A process that does nothing but wait for our end. */
static void watch_over_it(void) {
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid > 0) {
    close(ends[0]);
    return;
  }
  char c;
  setsid();
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; fd++) dup2(null, fd);
  dup2(ends[0], 3); /* nothing else of the test is held open here: locks, for one */
  close_range(4, ~0U, 0);
  while (read(3, &c, 1) > 0) {
  }
  (void)run_script("stop", NULL, 0);
  rmdir(folder);
  _exit(0);
}

static void start(void) {
  if (base_url[0]) return;
  find_script();
  snprintf(folder, sizeof folder, "/tmp/sereno-pgtest-XXXXXX");
  assert_non_null(mkdtemp(folder));
  watch_over_it();
  assert_int_equal(run_script("start", base_url, sizeof base_url), 0);
  base_url[strcspn(base_url, "\n")] = 0;
}

/* The URL before its query, the schema after it. */
static PGconn *connect_to(const char *url, char schema[64]) {
  char plain[PG_FIXTURE_URL_MAX];
  snprintf(plain, sizeof plain, "%s", url);
  plain[strcspn(plain, "?")] = 0;
  const char *name = strstr(url, "schema=");
  snprintf(schema, 64, "%s", name ? name + strlen("schema=") : "public");
  PGconn *c = PQconnectdb(plain);
  if (PQstatus(c) != CONNECTION_OK) fail_msg("%s", PQerrorMessage(c));
  return c;
}

static void do_sql(PGconn *c, const char *sql, char *to, size_t size) {
  PGresult *r = PQexec(c, sql);
  ExecStatusType status = PQresultStatus(r);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail_msg("%s: %s", sql, PQerrorMessage(c));
  if (to) snprintf(to, size, "%s", PQntuples(r) > 0 && PQnfields(r) > 0 ? PQgetvalue(r, 0, 0) : "");
  PQclear(r);
}

void pg_fixture_schema(char ret_url[PG_FIXTURE_URL_MAX]) {
  char sql[128], schema[64];
  start();
  snprintf(ret_url, PG_FIXTURE_URL_MAX, "%s?schema=t%d", base_url, ++schema_count);
  PGconn *c = connect_to(ret_url, schema);
  snprintf(sql, sizeof sql, "CREATE SCHEMA %s", schema);
  do_sql(c, sql, NULL, 0);
  PQfinish(c);
}

void pg_fixture_drop(const char *url) {
  char sql[128], schema[64];
  PGconn *c = connect_to(url, schema);
  do_sql(c, "SET client_min_messages=warning", NULL, 0);
  snprintf(sql, sizeof sql, "DROP SCHEMA %s CASCADE", schema);
  do_sql(c, sql, NULL, 0);
  PQfinish(c);
}

const char *pg_fixture_sql(const char *url, const char *sql) {
  static char answer[4096];
  char path[128], schema[64];
  PGconn *c = connect_to(url, schema);
  snprintf(path, sizeof path, "SET search_path=%s", schema);
  do_sql(c, path, NULL, 0);
  do_sql(c, sql, answer, sizeof answer);
  PQfinish(c);
  return answer;
}

void pg_fixture_kill(void) { assert_int_equal(run_script("kill9", NULL, 0), 0); }
void pg_fixture_revive(void) {
  char again[128];
  assert_int_equal(run_script("start", again, sizeof again), 0);
}
