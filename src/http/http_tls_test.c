/* TLS over real sockets, with certificates made here. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/http_fixture.h"

/* ---- Certificates --------------------------------------------------------------------------- */

struct files {
  char folder[64], cert[96], key[96], other_key[96];
};

static void write_key(EVP_PKEY *key, const char *path) {
  FILE *out = fopen(path, "w");
  assert_non_null(out);
  assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
  assert_int_equal(fclose(out), 0);
}

static void write_cert(EVP_PKEY *key, const char *path, long serial) {
  X509 *cert = X509_new();
  assert_non_null(cert);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
  X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
  X509_set_pubkey(cert, key);
  X509_NAME *name = X509_get_subject_name(cert);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
  X509_set_issuer_name(cert, name);
  assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
  FILE *out = fopen(path, "w");
  assert_non_null(out);
  assert_int_equal(PEM_write_X509(out, cert), 1);
  assert_int_equal(fclose(out), 0);
  X509_free(cert);
}

static struct files make_files(void) {
  struct files p = {.folder = "/tmp/http_tls_test.XXXXXX"};
  assert_non_null(mkdtemp(p.folder));
  (void)snprintf(p.cert, sizeof p.cert, "%s/cert.pem", p.folder);
  (void)snprintf(p.key, sizeof p.key, "%s/key.pem", p.folder);
  (void)snprintf(p.other_key, sizeof p.other_key, "%s/other.pem", p.folder);
  EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
  assert_non_null(key);
  assert_non_null(other);
  write_key(key, p.key);
  write_key(other, p.other_key);
  write_cert(key, p.cert, 1);
  EVP_PKEY_free(key);
  EVP_PKEY_free(other);
  return p;
}

static void remove_files(const struct files *p) {
  (void)unlink(p->cert);
  (void)unlink(p->key);
  (void)unlink(p->other_key);
  (void)rmdir(p->folder);
}

/* ---- Clients -------------------------------------------------------------------------------- */

struct tls {
  struct files files;
  struct fixture *f;
  SSL_CTX *ctx;
};

static struct tls tls_open(void) {
  struct tls t = {.files = make_files(), .ctx = SSL_CTX_new(TLS_client_method())};
  assert_non_null(t.ctx);
  SSL_CTX_set_mode(t.ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  t.f = fixture_open(&(struct http_config){.tls_cert = t.files.cert, .tls_key = t.files.key});
  return t;
}

static void tls_close(struct tls *t) {
  fixture_close(t->f);
  SSL_CTX_free(t->ctx);
  remove_files(&t->files);
}

/* False when the handshake fails. */
static bool shake_hands(struct client *c) {
  for (int i = 0; i < TURNS_MAX; i++) {
    int result = SSL_do_handshake(c->ssl);
    if (result == 1) return true;
    int error = SSL_get_error(c->ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return false;
    turn(c->f);
  }
  return false;
}

static struct client tls_client(struct tls *t) {
  struct client c = client_open(t->f);
  c.ssl = SSL_new(t->ctx);
  assert_non_null(c.ssl);
  assert_int_equal(SSL_set_fd(c.ssl, c.fd), 1);
  SSL_set_connect_state(c.ssl);
  return c;
}

static void tls_client_close(struct client *c) {
  SSL_free(c->ssl);
  client_close(c);
}

/* ---- Tests ---------------------------------------------------------------------------------- */

static void requests_pass_through_tls(void **state) {
  (void)state;
  struct tls t = tls_open();
  struct client c = tls_client(&t);
  assert_true(shake_hands(&c));
  assert_true(SSL_version(c.ssl) >= TLS1_2_VERSION);
  check_ask(&c, GET("/a"), 200, "GET a /a");
  check_ask(&c, "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz", 200, "POST a /b [xyz]");
  client_send(&c, STR(GET("/c") GET("/d")));
  client_until(&c, "GET a /d");
  client_until(&c, "Strict-Transport-Security: max-age=31536000\r\n");
  tls_client_close(&c);
  tls_close(&t);
}

static void large_answers_and_files_pass_through_tls(void **state) {
  (void)state;
  struct tls t = tls_open();
  struct client c = tls_client(&t);
  struct buf body = buf_new(REPLY_BYTES);
  assert_true(shake_hands(&c));
  client_send(&c, STR(GET("/large?n=3000000") GET("/file?at=7&n=700000") GET("/after")));
  assert_int_equal(client_answer(&c, &body), 200);
  assert_int_equal(body.len, 3000000);
  for (size_t i = 0; i < body.len; i++)
    if (body.ptr[i] != (char)('a' + i % 26)) fail_msg("byte %zu is wrong", i);
  assert_int_equal(client_answer(&c, &body), 206);
  assert_int_equal(body.len, 700000);
  for (size_t i = 0; i < body.len; i++)
    if (body.ptr[i] != (char)('0' + (i + 7) % 10)) fail_msg("byte %zu is wrong", i);
  assert_int_equal(client_answer(&c, &body), 200);
  buf_free(&body);
  tls_client_close(&c);
  tls_close(&t);
}

static void streams_pass_through_tls(void **state) {
  (void)state;
  struct tls t = tls_open();
  struct client c = tls_client(&t);
  assert_true(shake_hands(&c));
  client_send(&c, STR(GET("/stream")));
  client_until(&c, "\r\n\r\n");
  assert_true(http_stream_send(t.f->stream, STR("data: x\n\n")));
  client_until(&c, "data: x\n\n");
  http_stream_end(t.f->stream);
  t.f->stream = NULL;
  client_until_closed(&c);
  assert_int_equal(SSL_get_shutdown(c.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
  tls_client_close(&c);
  tls_close(&t);
}

static void old_versions_are_refused(void **state) {
  (void)state;
  struct tls t = tls_open();
  SSL_CTX_set_security_level(t.ctx, 0);
  SSL_CTX_set_min_proto_version(t.ctx, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(t.ctx, TLS1_1_VERSION);
  struct client c = tls_client(&t);
  assert_false(shake_hands(&c));
  tls_client_close(&c);
  for (int i = 0; http_server_stats(t.f->server).connections > 0 && i < TURNS_MAX; i++) turn(t.f);
  assert_int_equal(http_server_stats(t.f->server).connections, 0);
  tls_close(&t);
}

static void only_http_1_1_is_agreed_on(void **state) {
  (void)state;
  struct tls t = tls_open();
  struct client c = tls_client(&t), h2 = tls_client(&t);
  static const unsigned char both[] = "\x02h2\x08http/1.1", one[] = "\x02h2";
  assert_int_equal(SSL_set_alpn_protos(c.ssl, both, sizeof both - 1), 0);
  assert_int_equal(SSL_set_alpn_protos(h2.ssl, one, sizeof one - 1), 0);
  assert_true(shake_hands(&c));
  const unsigned char *chosen;
  unsigned n;
  SSL_get0_alpn_selected(c.ssl, &chosen, &n);
  CHECK_STR(((struct str){(const char *)chosen, n}), STR("http/1.1"));
  assert_false(shake_hands(&h2));
  tls_client_close(&c);
  tls_client_close(&h2);
  tls_close(&t);
}

static void plain_http_on_a_tls_port_is_cut(void **state) {
  (void)state;
  struct tls t = tls_open();
  struct client c = client_open(t.f);
  client_send(&c, STR(GET("/")));
  client_until_closed(&c);
  assert_false(has_text(&c, "HTTP/1.1 200"));
  client_close(&c);
  tls_close(&t);
}

static void a_handshake_that_stalls_times_out(void **state) {
  (void)state;
  struct tls t = tls_open();
  struct client c = client_open(t.f);
  client_send(&c, STR("\x16\x03\x01\x02"));
  settle(t.f);
  pass_ms(t.f, 9999);
  assert_int_equal(http_server_stats(t.f->server).connections, 1);
  pass_ms(t.f, 1);
  assert_int_equal(http_server_stats(t.f->server).connections, 0);
  client_close(&c);
  tls_close(&t);
}

static long peer_serial(struct client *c) {
  X509 *cert = SSL_get1_peer_certificate(c->ssl);
  assert_non_null(cert);
  long serial = ASN1_INTEGER_get(X509_get0_serialNumber(cert));
  X509_free(cert);
  return serial;
}

static void a_renewed_certificate_is_taken_by_reload(void **state) {
  (void)state;
  struct tls t = tls_open();
  struct client before = tls_client(&t);
  assert_true(shake_hands(&before));
  assert_int_equal(peer_serial(&before), 1);
  EVP_PKEY *key = EVP_EC_gen("P-256");
  write_key(key, t.files.key);
  struct err_detail detail;
  assert_int_equal(http_server_reload_tls(t.f->server, &detail),
                   ERR_INVALID); /* half renewed: the old stay */
  write_cert(key, t.files.cert, 2);
  CHECK_OK(http_server_reload_tls(t.f->server, &detail));
  struct client after = tls_client(&t);
  assert_true(shake_hands(&after));
  assert_int_equal(peer_serial(&after), 2);
  check_ask(&before, GET("/a"), 200, "GET a /a");
  check_ask(&after, GET("/a"), 200, "GET a /a");
  EVP_PKEY_free(key);
  tls_client_close(&before);
  tls_client_close(&after);
  tls_close(&t);
}

static void bad_files_are_named(void **state) {
  (void)state;
  struct files p = make_files();
  struct loop *loop;
  CHECK_OK(loop_new(&loop));
  const struct {
    int line;
    const char *cert, *key, *field;
  } table[] = {{__LINE__, "/nonexistent", p.key, "tls_cert"},
               {__LINE__, p.cert, "/nonexistent", "tls_key"},
               {__LINE__, p.cert, p.other_key, "tls_key"},
               {__LINE__, p.key, p.key, "tls_cert"},
               {__LINE__, p.cert, NULL, "tls_key"}};
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct err_detail detail;
    struct http_server *server = NULL;
    enum err e =
        http_server_new(loop, &(struct http_config){.tls_cert = table[i].cert, .tls_key = table[i].key}, NULL,
                        NULL, &server, &detail);
    CHECK_ROW(table[i].line, e == ERR_INVALID && !server);
    CHECK_ROW(table[i].line, str_eq(str_of(detail.field), str_of(table[i].field)));
  }
  loop_free(loop);
  remove_files(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests_pass_through_tls),
      cmocka_unit_test(large_answers_and_files_pass_through_tls),
      cmocka_unit_test(streams_pass_through_tls),
      cmocka_unit_test(old_versions_are_refused),
      cmocka_unit_test(only_http_1_1_is_agreed_on),
      cmocka_unit_test(plain_http_on_a_tls_port_is_cut),
      cmocka_unit_test(a_handshake_that_stalls_times_out),
      cmocka_unit_test(a_renewed_certificate_is_taken_by_reload),
      cmocka_unit_test(bad_files_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
