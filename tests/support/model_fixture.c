#include "tests/support/model_fixture.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "tests/support/check.h"

static size_t body_length(const char *head) {
  const char *at = strcasestr(head, "content-length:");
  return at ? (size_t)strtoul(at + 15, NULL, 10) : 0;
}

/* Reads one request; its body to shared->asked. */
static bool read_request(int fd, struct model_shared *s) {
  static char in[131072];
  size_t n = 0;
  for (;;) {
    ssize_t got = read(fd, in + n, sizeof in - 1 - n);
    if (got <= 0) return false;
    n += (size_t)got;
    in[n] = '\0';
    const char *end = strstr(in, "\r\n\r\n");
    if (!end || n < (size_t)(end - in) + 4 + body_length(in)) continue;
    (void)snprintf(s->asked, sizeof s->asked, "%s", end + 4);
    return true;
  }
}

static void answer(int fd, const struct model_shared *s) {
  JSON_AUTO json_t *o =
      json_pack("{s:[{s:{s:s, s:s}}]}", "choices", "message", "role", "assistant", "content", s->content);
  char *body = json_dumps(o, JSON_COMPACT);
  (void)dprintf(
      fd,
      "HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
      s->status, strlen(body), body);
  free(body);
}

_Noreturn static void serve(int listener, struct model_shared *s) {
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) _exit(1);
    if (read_request(fd, s)) {
      __atomic_add_fetch(&s->requests, 1, __ATOMIC_SEQ_CST);
      if (s->status) answer(fd, s);
    }
    close(fd);
  }
}

void model_open(struct model_fixture *m) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  *m = (struct model_fixture){};
  m->shared = mmap(NULL, sizeof *m->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(m->shared != MAP_FAILED);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(listener >= 0);
  assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
  assert_int_equal(listen(listener, 16), 0);
  assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
  (void)snprintf(m->url, sizeof m->url, "http://127.0.0.1:%d/v1", ntohs(at.sin_port));
  m->pid = fork();
  assert_true(m->pid >= 0);
  if (m->pid == 0) serve(listener, m->shared);
  close(listener);
}

void model_close(struct model_fixture *m) {
  (void)kill(m->pid, SIGKILL);
  (void)waitpid(m->pid, NULL, 0);
  (void)munmap(m->shared, sizeof *m->shared);
}

void model_answers(struct model_fixture *m, int status, const char *content) {
  m->shared->status = status;
  (void)snprintf(m->shared->content, sizeof m->shared->content, "%s", content);
}
