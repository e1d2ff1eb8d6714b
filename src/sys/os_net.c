#include "sys/os_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/os_file.h"

#define BACKLOG 4096 /* the kernel lowers it to net.core.somaxconn */
#define FD_AUTO [[gnu::cleanup(os_close)]]

/* ---- Listening and accepting ---------------------------------------------------------------- */

union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  struct sockaddr_storage storage;
};

static socklen_t make_address(const char *text, uint16_t port, union address *ret) {
  *ret = (union address){};
  if (strcmp(text, "localhost") == 0) text = "127.0.0.1";
  if (inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1) {
    ret->v4.sin_family = AF_INET;
    ret->v4.sin_port = htons(port);
    return sizeof ret->v4;
  }
  if (inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1) {
    ret->v6.sin6_family = AF_INET6;
    ret->v6.sin6_port = htons(port);
    return sizeof ret->v6;
  }
  return 0;
}

static enum err listen_failed(const char *address, uint16_t port, struct err_detail *detail) {
  int error_number = errno;
  const char *reason = strerrordesc_np(error_number);
  bool is_port = error_number == EADDRINUSE || error_number == EACCES;
  (void)err_set(detail, ERR_IO, is_port ? "port" : "address", 0, "cannot listen on %s port %u: %s", address,
                port, reason ? reason : "unknown error");
  if (error_number == EADDRINUSE) err_hint(detail, "another program listens there; choose another port");
  if (error_number == EACCES) err_hint(detail, "ports below 1024 need a privilege; choose a higher port");
  return ERR_IO;
}

enum err os_net_listen(const char *address, uint16_t port, int *ret_fd, struct err_detail *detail) {
  union address a;
  socklen_t length = make_address(address, port, &a);
  if (length == 0) {
    (void)err_set(detail, ERR_INVALID, "address", 0, "\"%s\" is no numeric IPv4 or IPv6 address", address);
    err_hint(detail, "for example 127.0.0.1, 0.0.0.0 or ::1");
    return ERR_INVALID;
  }
  FD_AUTO int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return listen_failed(address, port, detail);
  int on = 1;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, &a.any, length) < 0 || listen(fd, BACKLOG) < 0) return listen_failed(address, port, detail);
  *ret_fd = fd;
  fd = -1;
  return ERR_OK;
}

bool os_net_is_loopback(const char *address) {
  union address a;
  if (make_address(address, 0, &a) == 0) return false;
  return a.any.sa_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr)
                                     : ntohl(a.v4.sin_addr.s_addr) >> 24 == 127;
}

uint16_t os_net_port(int fd) {
  union address a = {};
  socklen_t length = sizeof a;
  if (getsockname(fd, &a.any, &length) < 0) return 0;
  return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

static void write_address(const union address *a, char to[NET_ADDRESS_BYTES]) {
  to[0] = '\0';
  if (a->any.sa_family == AF_INET) {
    (void)inet_ntop(AF_INET, &a->v4.sin_addr, to, NET_ADDRESS_BYTES);
  } else if (a->any.sa_family == AF_INET6) {
    bool is_v4 = IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr);
    (void)inet_ntop(is_v4 ? AF_INET : AF_INET6, a->v6.sin6_addr.s6_addr + (is_v4 ? 12 : 0), to,
                    NET_ADDRESS_BYTES);
  }
}

enum err os_net_accept(int listen_fd, int *ret_fd, char ret_address[NET_ADDRESS_BYTES]) {
  union address a = {};
  socklen_t length = sizeof a;
  int fd = accept4(listen_fd, &a.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    switch (errno) {
      case EAGAIN: return ERR_BUSY;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM: return ERR_LIMIT;
      default: return ERR_CLOSED; /* accept(2): errors of the new connection are reported here */
    }
  }
  int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  write_address(&a, ret_address);
  *ret_fd = fd;
  return ERR_OK;
}

/* ---- Moving bytes --------------------------------------------------------------------------- */

static ssize_t result_of(ssize_t n) {
  if (n >= 0) return n;
  return errno == EAGAIN ? NET_AGAIN : NET_FAILED;
}

ssize_t os_net_recv(int fd, void *to, size_t n) {
  ssize_t got;
  do got = recv(fd, to, n, 0);
  while (got < 0 && errno == EINTR);
  return result_of(got);
}

ssize_t os_net_send(int fd, const struct iovec *pieces, size_t count) {
  struct iovec copy[4];
  ASSERT(count <= sizeof copy / sizeof copy[0]);
  memcpy(copy, pieces, count * sizeof copy[0]);
  struct msghdr message = {.msg_iov = copy, .msg_iovlen = count};
  ssize_t sent;
  do sent = sendmsg(fd, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return result_of(sent);
}

ssize_t os_net_send_file(int fd, int file_fd, uint64_t *offset, size_t n) {
  off_t at = (off_t)*offset;
  ssize_t sent;
  do sent = sendfile(fd, file_fd, &at, n);
  while (sent < 0 && errno == EINTR);
  if (sent > 0) *offset = (uint64_t)at;
  return result_of(sent);
}

ssize_t os_net_pread(int file_fd, void *to, size_t n, uint64_t offset) {
  ssize_t got;
  do got = pread(file_fd, to, n, (off_t)offset);
  while (got < 0 && errno == EINTR);
  return got < 0 ? NET_FAILED : got;
}

void os_net_shut_sending(int fd) { (void)shutdown(fd, SHUT_WR); }

size_t os_net_want_files(size_t wanted) {
  struct rlimit now;
  if (getrlimit(RLIMIT_NOFILE, &now) != 0) return wanted;
  if (now.rlim_cur >= wanted) return now.rlim_cur;
  struct rlimit raised = {now.rlim_max < wanted ? now.rlim_max : wanted, now.rlim_max};
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : now.rlim_cur;
}

/* ---- Polling -------------------------------------------------------------------------------- */

enum err os_poll_new(int *ret_fd) {
  int fd = epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) return os_error(errno, NULL, "epoll", NULL);
  *ret_fd = fd;
  return ERR_OK;
}

enum err os_poll_add(int poll_fd, int fd, uint32_t epoll_events, void *ptr) {
  struct epoll_event event = {.events = epoll_events, .data.ptr = ptr};
  return epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? os_error(errno, NULL, "epoll", NULL) : ERR_OK;
}

void os_poll_remove(int poll_fd, int fd) { (void)epoll_ctl(poll_fd, EPOLL_CTL_DEL, fd, NULL); }

size_t os_poll_take(int poll_fd, struct epoll_event *events, size_t most) {
  int n = epoll_wait(poll_fd, events, (int)most, 0);
  return n > 0 ? (size_t)n : 0;
}

enum err os_flag_new(int *ret_fd) {
  int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) return os_error(errno, NULL, "eventfd", NULL);
  *ret_fd = fd;
  return ERR_OK;
}

void os_flag_set(int fd) { ASSERT(eventfd_write(fd, 1) == 0); }

void os_flag_clear(int fd) {
  eventfd_t value;
  (void)eventfd_read(fd, &value);
}
