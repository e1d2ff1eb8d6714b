#include "tests/support/redis_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGV_MAX 40
#define WAIT_MS 10
#define WAITS_MAX 1000 /* ten seconds, on a machine under load */

static int start(const char *const argv[], const char *out) {
  char *words[ARGV_MAX] = {};
  int pid = fork();
  assert_true(pid >= 0);
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int fd = open(out, O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(fd, 1);
  dup2(fd, 2);
  for (int i = 3; i < 64; i++) close(i);
  for (int i = 0; argv[i] && i < ARGV_MAX - 1; i++) words[i] = strdup(argv[i]);
  execvp(words[0], words);
  _exit(127);
}

static void end(int *pid) {
  if (*pid <= 0) return;
  kill(*pid, SIGKILL);
  waitpid(*pid, NULL, 0);
  *pid = 0;
}

static redisContext *dial(const struct redis_fixture *r) {
  redisContext *c = redisConnectUnix(r->url + strlen("unix://"));
  if (c && !c->err) return c;
  if (c) redisFree(c);
  return NULL;
}

static void wait_until_up(const struct redis_fixture *r) {
  for (int i = 0; i < WAITS_MAX; i++) {
    redisContext *c = dial(r);
    redisReply *reply = c ? redisCommand(c, "PING") : NULL;
    bool is_up = reply && !(reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "LOADING", 7) == 0);
    if (reply) freeReplyObject(reply);
    if (c) redisFree(c);
    if (is_up) return;
    poll(NULL, 0, WAIT_MS);
  }
  fail_msg("redis-server does not start in %s", r->folder);
}

static void run_server(struct redis_fixture *r, const char *const extra[]) {
  char socket_path[128], log[128];
  snprintf(socket_path, sizeof socket_path, "%s", r->url + strlen("unix://"));
  snprintf(log, sizeof log, "%s/log", r->folder);
  const char *argv[ARGV_MAX] = {"redis-server", "--port", "0", "--unixsocket",           socket_path, "--dir",
                                r->folder,      "--save", "",  "--enable-debug-command", "yes"};
  size_t n = 11;
  for (size_t i = 0; extra && extra[i]; i++) {
    assert_true(n < ARGV_MAX - 1);
    argv[n++] = extra[i];
  }
  r->pid = start(argv, log);
  wait_until_up(r);
}

struct redis_fixture *redis_fixture_start_with(const char *const extra[]) {
  struct redis_fixture *r = calloc(1, sizeof *r);
  snprintf(r->folder, sizeof r->folder, "/tmp/sereno-redis-XXXXXX");
  assert_non_null(mkdtemp(r->folder));
  snprintf(r->url, sizeof r->url, "unix://%s/socket", r->folder);
  run_server(r, extra);
  return r;
}

struct redis_fixture *redis_fixture_start(const char *extra_argument, const char *extra_value) {
  const char *const extra[] = {extra_argument, extra_value, NULL};
  return redis_fixture_start_with(extra);
}

static void remove_folder(const char *folder) {
  char path[512];
  DIR *d = opendir(folder);
  for (struct dirent *e; d && (e = readdir(d));) {
    snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    if (e->d_name[0] != '.') unlink(path);
  }
  if (d) closedir(d);
  rmdir(folder);
}

void redis_fixture_kill(struct redis_fixture *r) { end(&r->pid); }
void redis_fixture_again(struct redis_fixture *r) { run_server(r, NULL); }

void redis_fixture_stop(struct redis_fixture *r) {
  if (!r) return;
  end(&r->pid);
  remove_folder(r->folder);
  free(r);
}

static void show(char *to, size_t size, const redisReply *reply) {
  size_t used = strlen(to);
  if (reply->type == REDIS_REPLY_INTEGER) snprintf(to + used, size - used, "%lld", reply->integer);
  else if (reply->type == REDIS_REPLY_ARRAY)
    for (size_t i = 0; i < reply->elements; i++) {
      if (i) strncat(to, "\n", size - strlen(to) - 1);
      show(to, size, reply->element[i]);
    }
  else if (reply->str) snprintf(to + used, size - used, "%s", reply->str);
}

const char *redis_fixture_ask(struct redis_fixture *r, const char *command) {
  static char text[65536];
  redisContext *c = dial(r);
  assert_non_null(c);
  redisReply *reply = redisCommand(c, command);
  assert_non_null(reply);
  text[0] = 0;
  show(text, sizeof text, reply);
  freeReplyObject(reply);
  redisFree(c);
  return text;
}

/* ---- Upstash ---- */

static const char *source(void) {
  const char *folder = getenv("SERENO_SOURCE");
  return folder ? folder : ".";
}

struct upstash_fixture *upstash_fixture_start(const struct redis_fixture *r) {
  struct upstash_fixture *u = calloc(1, sizeof *u);
  char script[512], port_file[128], log[128], text[32] = "";
  snprintf(script, sizeof script, "%s/tests/support/upstash.mjs", source());
  snprintf(port_file, sizeof port_file, "%s/port", r->folder);
  snprintf(log, sizeof log, "%s/log", r->folder);
  unlink(port_file);
  const char *argv[] = {"node", script, r->url + strlen("unix://"), UPSTASH_TOKEN, port_file, NULL};
  u->pid = start(argv, log);
  for (int i = 0; i < WAITS_MAX && !strchr(text, '\n'); i++) {
    FILE *f = fopen(port_file, "r");
    if (f && !fgets(text, sizeof text, f)) text[0] = 0;
    if (f) fclose(f);
    if (!strchr(text, '\n')) poll(NULL, 0, WAIT_MS);
  }
  if (!strchr(text, '\n')) fail_msg("upstash.mjs does not start");
  snprintf(u->url, sizeof u->url, "http://127.0.0.1:%.*s", (int)strcspn(text, "\n"), text);
  return u;
}

void upstash_fixture_stop(struct upstash_fixture *u) {
  if (!u) return;
  end(&u->pid);
  free(u);
}
