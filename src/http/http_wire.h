/* The bytes of one connection: plain or TLS 1.2+, non-blocking, the same to whoever uses it. Results are
 * those of os_net.h: bytes moved, NET_EOF, NET_AGAIN, NET_FAILED. */
#pragma once
#include "base/str.h"
#include "sys/os_net.h"

struct ssl_st;
struct ssl_ctx_st;

struct http_wire {
  int fd;
  struct ssl_st *ssl; /* NULL = plain */
};

/* fd becomes the wire's; with tls NULL it is plain. */
enum err http_wire_open(struct http_wire *w, int fd, struct ssl_ctx_st *tls);
void http_wire_close(struct http_wire *w);
/* 1 when done (always, when plain), NET_AGAIN, NET_FAILED. */
ssize_t http_wire_handshake(struct http_wire *w);
ssize_t http_wire_read(struct http_wire *w, void *to, size_t n);
/* Sends of one or the other, in this order; fewer than all is normal. */
ssize_t http_wire_write(struct http_wire *w, struct str first, struct str second);
/* scratch is used where the kernel cannot send the file itself. */
ssize_t http_wire_write_file(struct http_wire *w, int file_fd, uint64_t *offset, size_t n,
                             struct iovec scratch);
/* Tells the other side that nothing more comes. */
void http_wire_shut(struct http_wire *w);

/* Loads a PEM chain and its key; the detail has field "tls_cert" or "tls_key". Owned: http_tls_free. */
enum err http_tls_new(const char *cert_path, const char *key_path, struct ssl_ctx_st **ret,
                      struct err_detail *detail);
void http_tls_free(struct ssl_ctx_st *tls);
