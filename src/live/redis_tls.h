/* TLS to a Redis (rediss://): OpenSSL over a connected, blocking socket that has its timeouts already, since the hiredis
 * of Debian 12 has none. TLS 1.2 or newer; the certificate and the name in it are verified unless the configuration says
 * otherwise. Never raises SIGPIPE. */
#pragma once
#include <sys/types.h>

#include "live/live.h"

struct ssl_ctx_st;
struct ssl_st;

/* Certificates of config->ca_file are trusted, NULL: those of the system. ERR_INVALID: the file cannot be used. */
enum err redis_tls_new(const struct live_config *config, struct ssl_ctx_st **ret, struct err_detail *detail);
void redis_tls_free(struct ssl_ctx_st *tls); /* NULL-safe */

struct redis_tls_wire {
  struct ssl_st *ssl; /* NULL: none */
  char why[160];      /* of the last failure; "": errno says it */
};
/* Greets the server, which has to be host (a name or an address). False: not done, and why is set. */
bool redis_tls_begin(struct redis_tls_wire *w, struct ssl_ctx_st *tls, int fd, const char *host);
void redis_tls_end(struct redis_tls_wire *w); /* nothing is sent; the socket stays open */
/* As send and recv: how many bytes, 0 at the end, -1 with errno (EAGAIN: too late). */
ssize_t redis_tls_send(struct redis_tls_wire *w, const void *from, size_t n);
ssize_t redis_tls_recv(struct redis_tls_wire *w, void *to, size_t n);
