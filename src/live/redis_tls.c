#include "live/redis_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

#define CHUNK_BYTES_MAX (1U << 30) /* OpenSSL counts in int */

/* ---- a BIO over send and recv: OpenSSL's own one raises SIGPIPE ---- */

static int fd_of(BIO *bio) { return (int)(intptr_t)BIO_get_data(bio); }

static int bio_read(BIO *bio, char *to, int n) {
  ssize_t got;
  do got = recv(fd_of(bio), to, (size_t)n, 0);
  while (got < 0 && errno == EINTR);
  BIO_clear_retry_flags(bio);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_read(bio);
  return (int)got;
}

static int bio_write(BIO *bio, const char *from, int n) {
  ssize_t sent;
  do sent = send(fd_of(bio), from, (size_t)n, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  BIO_clear_retry_flags(bio);
  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_write(bio);
  return (int)sent;
}

static long bio_control(BIO *bio, int command, long number, void *ptr) {
  (void)bio, (void)number, (void)ptr;
  return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio) {
  BIO_set_init(bio, 1);
  return 1;
}

static BIO_METHOD *method; /* NULL: out of memory; kept for the life of the process */

static void make_method(void) {
  method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "redis");
  if (!method) return;
  (void)BIO_meth_set_read(method, bio_read);
  (void)BIO_meth_set_write(method, bio_write);
  (void)BIO_meth_set_ctrl(method, bio_control);
  (void)BIO_meth_set_create(method, bio_create);
}

static BIO *bio_of(int fd) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_method);
  BIO *bio = method ? BIO_new(method) : NULL;
  if (bio) BIO_set_data(bio, (void *)(intptr_t)fd);
  return bio;
}

/* ---- whom to trust ---- */

static enum err trust(SSL_CTX *ctx, const char *ca_file, struct err_detail *detail) {
  ERR_clear_error();
  if (!ca_file) return SSL_CTX_set_default_verify_paths(ctx) == 1 ? ERR_OK : ERR_NO_MEMORY;
  if (SSL_CTX_load_verify_file(ctx, ca_file) == 1) return ERR_OK;
  const char *reason = ERR_reason_error_string(ERR_peek_last_error());
  (void)err_set(detail, ERR_INVALID, "live.ca_file", 0, "cannot use %s: %s", ca_file,
                reason ? reason : "unknown error");
  err_hint(detail, "give a readable PEM file with the certificate of who signed the server's");
  ERR_clear_error();
  return ERR_INVALID;
}

enum err redis_tls_new(const struct live_config *config, struct ssl_ctx_st **ret, struct err_detail *detail) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  if (!ctx) return ERR_NO_MEMORY;
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  /* Answers say how long they are: one that is cut is noticed without a close_notify. */
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(ctx, config->is_unverified ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
  enum err e = trust(ctx, config->ca_file, detail);
  if (e == ERR_OK) *ret = ctx;
  else SSL_CTX_free(ctx);
  return e;
}

void redis_tls_free(struct ssl_ctx_st *tls) { SSL_CTX_free(tls); }

/* ---- one connection ---- */

/* Of host the certificate has to speak; a name is also told to the server, which may have several (SNI). */
static bool expect_host(SSL *ssl, const char *host) {
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1) return true;
  ERR_clear_error();
  return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

/* Why a greeting failed. */
static void tell_greeting(struct redis_tls_wire *w, const char *host, int error) {
  long verdict = SSL_get_verify_result(w->ssl);
  const char *reason = ERR_reason_error_string(ERR_peek_error());
  if (verdict != X509_V_OK && SSL_get_verify_mode(w->ssl) != SSL_VERIFY_NONE)
    snprintf(w->why, sizeof w->why, "its certificate for %.60s is refused: %s", host,
             X509_verify_cert_error_string(verdict));
  else if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
    snprintf(w->why, sizeof w->why, "no answer to the TLS greeting in time: is this its port for TLS?");
  else
    snprintf(w->why, sizeof w->why, "the TLS greeting failed (%s): is this its port for TLS?",
             reason ? reason : "it closed the connection");
}

bool redis_tls_begin(struct redis_tls_wire *w, struct ssl_ctx_st *tls, int fd, const char *host) {
  BIO *bio = bio_of(fd);
  *w = (struct redis_tls_wire){.ssl = bio ? SSL_new(tls) : NULL, .why = "out of memory"};
  if (!w->ssl) {
    BIO_free(bio);
    return false;
  }
  SSL_set_bio(w->ssl, bio, bio);
  ERR_clear_error();
  int n = expect_host(w->ssl, host) ? SSL_connect(w->ssl) : -1;
  if (n == 1) {
    w->why[0] = 0;
    return true;
  }
  tell_greeting(w, host, SSL_get_error(w->ssl, n));
  redis_tls_end(w);
  return false;
}

void redis_tls_end(struct redis_tls_wire *w) {
  SSL_free(w->ssl);
  w->ssl = NULL;
  ERR_clear_error();
}

static ssize_t result_of(struct redis_tls_wire *w, int n) {
  if (n > 0) return n;
  int error = SSL_get_error(w->ssl, n), os = errno;
  const char *reason = ERR_reason_error_string(ERR_peek_error());
  w->why[0] = 0;
  if (error == SSL_ERROR_SSL) snprintf(w->why, sizeof w->why, "TLS: %s", reason ? reason : "it failed");
  ERR_clear_error();
  if (error == SSL_ERROR_ZERO_RETURN) return 0;
  errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : os ? os : EPROTO;
  return -1;
}

static int at_most(size_t n) { return (int)(n > CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX : n); }

ssize_t redis_tls_send(struct redis_tls_wire *w, const void *from, size_t n) {
  ERR_clear_error();
  errno = 0;
  return result_of(w, SSL_write(w->ssl, from, at_most(n)));
}

ssize_t redis_tls_recv(struct redis_tls_wire *w, void *to, size_t n) {
  ERR_clear_error();
  errno = 0;
  return result_of(w, SSL_read(w->ssl, to, at_most(n)));
}
