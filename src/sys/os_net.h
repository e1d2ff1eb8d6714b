/* TCP sockets, and the epoll a module may nest in the loop when it has thousands of them. Every fd
 * is non-blocking and closed on exec; none of this ever raises SIGPIPE or resolves a name. */
#pragma once
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include "base/err.h"

#define NET_ADDRESS_BYTES 46 /* the longest numeric address with its NUL */

/* Numeric IPv4 or IPv6, or "localhost" (127.0.0.1). port 0: any. The detail has field "address" or "port". */
enum err os_net_listen(const char *address, uint16_t port, int *ret_fd, struct err_detail *detail);
bool os_net_is_loopback(const char *address); /* 127.0.0.0/8, ::1, "localhost" */
uint16_t os_net_port(int fd);                 /* the local one, 0 when unknown */
/* The next waiting connection, without Nagle's delay. ERR_BUSY: none waits. ERR_LIMIT: no more files or
 * memory now. ERR_CLOSED: it went away; ask again. */
enum err os_net_accept(int listen_fd, int *ret_fd, char ret_address[NET_ADDRESS_BYTES]);
/* Bytes moved, or one of these. */
enum { NET_EOF = 0, NET_AGAIN = -1, NET_FAILED = -2 };
ssize_t os_net_recv(int fd, void *to, size_t n);
ssize_t os_net_send(int fd, const struct iovec *pieces, size_t count);
/* Up to n bytes of a file, from *offset on, which moves. NET_EOF: the file is not as long. */
ssize_t os_net_send_file(int fd, int file_fd, uint64_t *offset, size_t n);
ssize_t os_net_pread(int file_fd, void *to, size_t n, uint64_t offset); /* NET_EOF, NET_FAILED */
void os_net_shut_sending(int fd);

/* Raises this process's soft limit of open files to `wanted` if it is lower and the hard limit allows; the limit
 * that holds afterwards. (systemd starts services with 1,024.) */
size_t os_net_want_files(size_t wanted);

enum err os_poll_new(int *ret_fd);
enum err os_poll_add(int poll_fd, int fd, uint32_t epoll_events, void *ptr);
void os_poll_remove(int poll_fd, int fd);
/* What is ready now, never waiting; the number of events written. */
size_t os_poll_take(int poll_fd, struct epoll_event *events, size_t most);

/* An eventfd: readable while set. */
enum err os_flag_new(int *ret_fd);
void os_flag_set(int fd);
void os_flag_clear(int fd);
