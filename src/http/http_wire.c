#include "http/http_wire.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "sys/os_file.h"

/* ---- A BIO over os_net, since OpenSSL's own one raises SIGPIPE ------------------------------ */

static int bio_read(BIO *bio, char *to, int n) {
  ssize_t got = os_net_recv(*(int *)BIO_get_data(bio), to, (size_t)n);
  BIO_clear_retry_flags(bio);
  if (got == NET_AGAIN) BIO_set_retry_read(bio);
  return got < 0 ? -1 : (int)got;
}

static int bio_write(BIO *bio, const char *from, int n) {
  struct iovec piece = {(void *)(uintptr_t)from, (size_t)n};
  ssize_t sent = os_net_send(*(int *)BIO_get_data(bio), &piece, 1);
  BIO_clear_retry_flags(bio);
  if (sent == NET_AGAIN) BIO_set_retry_write(bio);
  return sent < 0 ? -1 : (int)sent;
}

static long bio_control(BIO *bio, int command, long number, void *ptr) {
  (void)bio, (void)number, (void)ptr;
  return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio) {
  BIO_set_init(bio, 1);
  return 1;
}

/* Made once, kept for the life of the process. */
static const BIO_METHOD *bio_method(void) {
  static BIO_METHOD *method;
  if (method) return method;
  BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "os_net");
  if (!m) return NULL;
  (void)BIO_meth_set_read(m, bio_read);
  (void)BIO_meth_set_write(m, bio_write);
  (void)BIO_meth_set_ctrl(m, bio_control);
  (void)BIO_meth_set_create(m, bio_create);
  return method = m;
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static enum err tls_failed(struct err_detail *detail, const char *field, const char *path) {
  unsigned long code = ERR_peek_last_error();
  const char *reason = ERR_reason_error_string(code);
  (void)err_set(detail, ERR_INVALID, field, 0, "cannot use %s: %s", path, reason ? reason : "unknown error");
  err_hint(detail, "give a readable PEM file; key and certificate must belong together");
  ERR_clear_error();
  return ERR_INVALID;
}

static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
                           const unsigned char *offered, unsigned n, void *arg) {
  (void)ssl, (void)arg;
  static const unsigned char ours[] = "\x08http/1.1";
  unsigned char *chosen;
  int found = SSL_select_next_proto(&chosen, ret_len, ours, sizeof ours - 1, offered, n);
  *ret = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

enum err http_tls_new(const char *cert_path, const char *key_path, struct ssl_ctx_st **ret,
                      struct err_detail *detail) {
  ERR_clear_error();
  if (!key_path) return err_set(detail, ERR_INVALID, "tls_key", 0, "a certificate needs its key");
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  if (!ctx) return ERR_NO_MEMORY;
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(
      ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(ctx, 1); /* fewer system calls; readers go on until NET_AGAIN anyway */
  SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
  enum err e = ERR_OK;
  if (SSL_CTX_use_certificate_chain_file(ctx, cert_path) != 1) e = tls_failed(detail, "tls_cert", cert_path);
  else if (SSL_CTX_use_PrivateKey_file(ctx, key_path, SSL_FILETYPE_PEM) != 1 ||
           SSL_CTX_check_private_key(ctx) != 1)
    e = tls_failed(detail, "tls_key", key_path);
  if (e != ERR_OK) {
    SSL_CTX_free(ctx);
    return e;
  }
  *ret = ctx;
  return ERR_OK;
}

void http_tls_free(struct ssl_ctx_st *tls) { SSL_CTX_free(tls); }

static ssize_t tls_result(SSL *ssl, int result) {
  if (result > 0) return result;
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return NET_AGAIN;
    case SSL_ERROR_ZERO_RETURN: return NET_EOF;
    default: ERR_clear_error(); return NET_FAILED; /* also an end without close_notify: it may be an attack */
  }
}

static int at_most_int(size_t n) { return n > 1 << 30 ? 1 << 30 : (int)n; }

/* ---- The wire ------------------------------------------------------------------------------- */

enum err http_wire_open(struct http_wire *w, int fd, struct ssl_ctx_st *tls) {
  *w = (struct http_wire){.fd = fd};
  if (!tls) return ERR_OK;
  const BIO_METHOD *method = bio_method();
  BIO *bio = method ? BIO_new(method) : NULL;
  w->ssl = bio ? SSL_new(tls) : NULL;
  if (!w->ssl) {
    BIO_free(bio);
    return ERR_NO_MEMORY;
  }
  BIO_set_data(bio, &w->fd);
  SSL_set_bio(w->ssl, bio, bio);
  SSL_set_accept_state(w->ssl);
  return ERR_OK;
}

void http_wire_close(struct http_wire *w) {
  SSL_free(w->ssl);
  w->ssl = NULL;
  os_close(&w->fd);
}

ssize_t http_wire_handshake(struct http_wire *w) {
  if (!w->ssl) return 1;
  ERR_clear_error();
  ssize_t result = tls_result(w->ssl, SSL_do_handshake(w->ssl));
  return result == NET_EOF ? NET_FAILED : result;
}

ssize_t http_wire_read(struct http_wire *w, void *to, size_t n) {
  if (!w->ssl) return os_net_recv(w->fd, to, n);
  ERR_clear_error();
  return tls_result(w->ssl, SSL_read(w->ssl, to, at_most_int(n)));
}

static ssize_t tls_write(SSL *ssl, struct str bytes) {
  ERR_clear_error();
  ssize_t sent = tls_result(ssl, SSL_write(ssl, bytes.ptr, at_most_int(bytes.len)));
  return sent == NET_EOF ? NET_FAILED : sent;
}

ssize_t http_wire_write(struct http_wire *w, struct str first, struct str second) {
  ASSERT(first.len + second.len > 0);
  if (w->ssl) return tls_write(w->ssl, first.len > 0 ? first : second);
  struct iovec pieces[2] = {{(void *)(uintptr_t)first.ptr, first.len},
                            {(void *)(uintptr_t)second.ptr, second.len}};
  return first.len > 0 ? os_net_send(w->fd, pieces, second.len > 0 ? 2 : 1)
                       : os_net_send(w->fd, pieces + 1, 1);
}

ssize_t http_wire_write_file(struct http_wire *w, int file_fd, uint64_t *offset, size_t n,
                             struct iovec scratch) {
  if (!w->ssl) return os_net_send_file(w->fd, file_fd, offset, n);
  size_t most = n < scratch.iov_len ? n : scratch.iov_len;
  ssize_t got = os_net_pread(file_fd, scratch.iov_base, most, *offset);
  if (got <= 0) return got;
  ssize_t sent = tls_write(w->ssl, (struct str){scratch.iov_base, (size_t)got});
  if (sent > 0) *offset += (uint64_t)sent;
  return sent;
}

void http_wire_shut(struct http_wire *w) {
  if (w->ssl && SSL_is_init_finished(w->ssl)) {
    ERR_clear_error();
    (void)SSL_shutdown(w->ssl);
    ERR_clear_error();
  }
  os_net_shut_sending(w->fd);
}
