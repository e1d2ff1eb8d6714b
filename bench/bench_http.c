/* Keep-alive requests over loopback against a canned answer: requests per second of wall time, and per
 * second of the server's own processor time (the client runs in a child of its own).
 * Usage: bench_http [SECONDS [CONNECTIONS [PIPELINE]]], or bench_http listen PORT for wrk and the like. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http/http.h"

#define CONNECTIONS_MAX 1024
#define PIPELINE_MAX 64

static const char body[] = "{\"status\":\"ok\"}";
static const char request[] =
    "GET /api/cron/jobs?limit=50 HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nUser-Agent: bench\r\n"
    "Accept: application/json\r\nAuthorization: Bearer sr_0123456789012345678901234567890123456789\r\n\r\n";

static void handle(void *arg, struct http_request *req) {
  (void)arg;
  http_respond_static(req, 200, "application/json", str_of(body));
}

static double now_s(void) { return (double)world_tick(world_real()).ns / 1e9; }

static double cpu_s(void) {
  struct rusage u;
  (void)getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- The client ----------------------------------------------------------------------------- */

struct peer {
  int fd;
  size_t got, want; /* bytes of the answers to the batch under way */
};

static int connect_to(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  struct sockaddr_in a = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0) _exit(1);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void send_batch(const struct peer *p, int pipeline) {
  static char batch[(sizeof request) * PIPELINE_MAX];
  size_t one = sizeof request - 1;
  for (int i = 0; i < pipeline; i++) memcpy(batch + (size_t)i * one, request, one);
  size_t n = one * (size_t)pipeline;
  if (send(p->fd, batch, n, MSG_NOSIGNAL) != (ssize_t)n) _exit(1);
}

/* All answers are equally long, so counting bytes counts answers. */
static size_t answer_bytes(int fd) {
  char bytes[4096];
  struct peer p = {.fd = fd};
  send_batch(&p, 1);
  ssize_t n = recv(fd, bytes, sizeof bytes, 0);
  if (n <= 0) _exit(1);
  return (size_t)n;
}

static void run_client(uint16_t port, int connections, int pipeline) {
  static struct peer peers[CONNECTIONS_MAX];
  char bytes[65536];
  int poll_fd = epoll_create1(0);
  size_t one = 0;
  for (int i = 0; i < connections; i++) {
    peers[i].fd = connect_to(port);
    if (i == 0) one = answer_bytes(peers[i].fd);
    peers[i].want = one * (size_t)pipeline;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &peers[i]};
    (void)epoll_ctl(poll_fd, EPOLL_CTL_ADD, peers[i].fd, &e);
    send_batch(&peers[i], pipeline);
  }
  for (;;) {
    struct epoll_event events[256];
    int n = epoll_wait(poll_fd, events, 256, -1);
    for (int i = 0; i < n; i++) {
      struct peer *p = events[i].data.ptr;
      ssize_t got = recv(p->fd, bytes, sizeof bytes, 0);
      if (got <= 0) _exit(0);
      p->got += (size_t)got;
      if (p->got < p->want) continue;
      p->got = 0;
      send_batch(p, pipeline);
    }
  }
}

/* ---- The measurement ------------------------------------------------------------------------ */

static void run(double seconds, int connections, int pipeline) {
  struct loop *loop;
  struct http_server *server;
  struct err_detail detail = {};
  if (loop_new(&loop) != ERR_OK ||
      http_server_new(loop, &(struct http_config){}, handle, NULL, &server, &detail) != ERR_OK) {
    (void)fprintf(stderr, "bench_http: %s\n", detail.message);
    return;
  }
  pid_t child = fork();
  if (child == 0) run_client(http_server_port(server), connections, pipeline);
  for (double warm = now_s() + 0.2; now_s() < warm;) (void)loop_turn(loop, 100000);
  uint64_t requests = http_server_stats(server).requests;
  double begin = now_s(), begin_cpu = cpu_s();
  while (now_s() < begin + seconds) (void)loop_turn(loop, 100000);
  double wall = now_s() - begin, cpu = cpu_s() - begin_cpu;
  requests = http_server_stats(server).requests - requests;
  printf(
      "http keep-alive: %d connections, pipeline %d: %.0f requests/s, %.0f requests per cpu second, %.2f us "
      "each\n",
      connections, pipeline, (double)requests / wall, (double)requests / cpu, cpu * 1e6 / (double)requests);
  (void)fflush(stdout);
  http_server_free(server);
  loop_free(loop);
  (void)waitpid(child, NULL, 0);
}

static void listen_for_ever(uint16_t port) {
  struct loop *loop;
  struct http_server *server;
  if (loop_new(&loop) != ERR_OK ||
      http_server_new(loop, &(struct http_config){.port = port}, handle, NULL, &server, NULL) != ERR_OK)
    return;
  printf("listening on 127.0.0.1:%u\n", http_server_port(server));
  (void)fflush(stdout);
  (void)loop_run(loop);
}

static int number(const char *text, int otherwise, int most) {
  int64_t n = otherwise;
  if (text && !str_to_int(str_of(text), 1, most, &n)) n = otherwise;
  return (int)n;
}

int main(int argc, char **argv) {
  if (argc > 1 && str_eq(str_of(argv[1]), STR("listen"))) {
    listen_for_ever((uint16_t)number(argc > 2 ? argv[2] : NULL, 8080, 65535));
    return 0;
  }
  int seconds = number(argc > 1 ? argv[1] : NULL, 2, 3600);
  if (argc > 2) {
    run(seconds, number(argv[2], 64, CONNECTIONS_MAX), number(argc > 3 ? argv[3] : NULL, 1, PIPELINE_MAX));
    return 0;
  }
  run(seconds, 1, 1);
  run(seconds, 64, 1);
  run(seconds, 64, 16);
  return 0;
}
