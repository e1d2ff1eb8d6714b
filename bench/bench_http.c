/* Keep-alive requests over loopback against a canned answer: requests per second of wall time, and per
 * second of the server's own processor time (the clients run in children of their own).
 * Usage: bench_http [SECONDS [CONNECTIONS [PIPELINE [STALLED]]]], or bench_http listen PORT for wrk and the like. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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

/* Heads that never end, from others: they must not cost anything. */
static void stall(uint16_t port, int count) {
  static const char part[] = "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ";
  for (int i = 0; i < count; i++)
    if (send(connect_to(port), part, sizeof part - 1, MSG_NOSIGNAL) < 0) _exit(1);
}

/* Latencies of one connection in microseconds, to a file the parent reads. */
static void run_probe(uint16_t port, int report_fd) {
  int fd = connect_to(port);
  (void)answer_bytes(fd);
  for (;;) {
    double begin = now_s();
    (void)answer_bytes(fd);
    float us = (float)((now_s() - begin) * 1e6);
    if (write(report_fd, &us, sizeof us) != sizeof us) _exit(0);
  }
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

struct load {
  int connections, pipeline, stalled;
};

static int compare(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void print_latency(int fd) {
  static float us[1 << 20];
  size_t n = 0;
  for (ssize_t got;
       n < sizeof us / sizeof us[0] && (got = read(fd, us + n, sizeof us - n * sizeof us[0])) > 0;)
    n += (size_t)got / sizeof us[0];
  if (n == 0) return;
  qsort(us, n, sizeof us[0], compare);
  printf("  one more connection meanwhile: p50 %.0f us, p99 %.0f us, worst %.0f us of %zu\n",
         (double)us[n / 2], (double)us[n * 99 / 100], (double)us[n - 1], n);
}

static long resident_kb(void) {
  long pages = 0;
  FILE *in = fopen("/proc/self/statm", "r");
  if (!in) return 0;
  if (fscanf(in, "%*d %ld", &pages) != 1) pages = 0;
  (void)fclose(in);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void measure(struct loop *loop, struct http_server *server, double seconds, const struct load *load) {
  for (double warm = now_s() + 0.3; now_s() < warm;) (void)loop_turn(loop, 100000);
  uint64_t requests = http_server_stats(server).requests;
  double begin = now_s(), begin_cpu = cpu_s();
  while (now_s() < begin + seconds) (void)loop_turn(loop, 100000);
  double wall = now_s() - begin, cpu = cpu_s() - begin_cpu;
  requests = http_server_stats(server).requests - requests;
  printf(
      "http keep-alive: %d connections, pipeline %d, %d stalled: %.0f requests/s, %.0f requests per cpu "
      "second,"
      " %.2f us each, %ld MB resident\n",
      load->connections, load->pipeline, load->stalled, (double)requests / wall, (double)requests / cpu,
      cpu * 1e6 / (double)requests, resident_kb() / 1024);
}

static void run(double seconds, const struct load *load) {
  struct loop *loop;
  struct http_server *server;
  struct err_detail detail = {};
  int report[2];
  if (loop_new(&loop) != ERR_OK || pipe(report) < 0 ||
      http_server_new(loop, &(struct http_config){}, handle, NULL, &server, &detail) != ERR_OK) {
    (void)fprintf(stderr, "bench_http: %s\n", detail.message);
    return;
  }
  uint16_t port = http_server_port(server);
  pid_t client = fork();
  if (client == 0) {
    stall(port, load->stalled);
    run_client(port, load->connections, load->pipeline);
  }
  pid_t probe = fork();
  if (probe == 0) run_probe(port, report[1]);
  (void)close(report[1]);
  (void)fcntl(report[0], F_SETPIPE_SZ, 1 << 20);
  measure(loop, server, seconds, load);
  http_server_free(server);
  loop_free(loop);
  (void)waitpid(client, NULL, 0);
  print_latency(report[0]);
  (void)close(report[0]);
  (void)waitpid(probe, NULL, 0);
  (void)fflush(stdout);
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
  static const struct load loads[] = {{1, 1, 0}, {64, 1, 0}, {64, 1, 2000}, {64, 16, 0}};
  if (argc > 2) {
    run(seconds, &(struct load){number(argv[2], 64, CONNECTIONS_MAX),
                                number(argc > 3 ? argv[3] : NULL, 1, PIPELINE_MAX),
                                number(argc > 4 ? argv[4] : NULL, 0, 4000)});
    return 0;
  }
  for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) run(seconds, &loads[i]);
  return 0;
}
