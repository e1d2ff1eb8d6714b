/* rediss://: a real redis-server that speaks TLS, with certificates made here. */
#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "live/redis_tls.h"
#include "tests/support/live_fixture.h"
#include "tests/support/redis_fixture.h"

#define BIG_BYTES 100000 /* more than one TLS record */

static struct redis_fixture *server;
static char folder[64], ca[96], other_ca[96], cert[96], key[96];
static int tls_port, plain_port;

/* ---- certificates ---- */

struct signer {
  EVP_PKEY *key;
  X509 *cert;
};

static void add_extension(X509 *to, X509 *issuer, int nid, const char *value) {
  X509V3_CTX ctx;
  X509V3_set_ctx_nodb(&ctx);
  X509V3_set_ctx(&ctx, issuer, to, NULL, NULL, 0);
  X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  assert_non_null(e);
  assert_int_equal(X509_add_ext(to, e, -1), 1);
  X509_EXTENSION_free(e);
}

/* Signed by ca, NULL: by itself, and then a CA. */
static struct signer sign(const char *name, const struct signer *by, const char *alt_names) {
  static long serial = 1;
  struct signer s = {EVP_EC_gen("P-256"), X509_new()};
  assert_true(s.key && s.cert);
  X509_set_version(s.cert, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(s.cert), serial++);
  X509_gmtime_adj(X509_getm_notBefore(s.cert), -3600);
  X509_gmtime_adj(X509_getm_notAfter(s.cert), 86400);
  X509_set_pubkey(s.cert, s.key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(s.cert), "CN", MBSTRING_ASC, (const unsigned char *)name,
                             -1, -1, 0);
  X509_set_issuer_name(s.cert, X509_get_subject_name(by ? by->cert : s.cert));
  add_extension(s.cert, by ? by->cert : s.cert, NID_basic_constraints, by ? "CA:FALSE" : "critical,CA:TRUE");
  if (alt_names) add_extension(s.cert, by->cert, NID_subject_alt_name, alt_names);
  assert_true(X509_sign(s.cert, by ? by->key : s.key, EVP_sha256()) > 0);
  return s;
}

static void write_files(const struct signer *s, const char *cert_path, const char *key_path) {
  FILE *out = fopen(cert_path, "w");
  assert_non_null(out);
  assert_int_equal(PEM_write_X509(out, s->cert), 1);
  assert_int_equal(fclose(out), 0);
  if (!key_path) return;
  out = fopen(key_path, "w");
  assert_non_null(out);
  assert_int_equal(PEM_write_PrivateKey(out, s->key, NULL, NULL, 0, NULL, NULL), 1);
  assert_int_equal(fclose(out), 0);
}

static void free_signer(struct signer *s) {
  EVP_PKEY_free(s->key);
  X509_free(s->cert);
}

static void make_certificates(void) {
  struct signer mine = sign("test CA", NULL, NULL), other = sign("other CA", NULL, NULL);
  struct signer leaf = sign("redis", &mine, "DNS:localhost,IP:127.0.0.1");
  write_files(&mine, ca, NULL);
  write_files(&other, other_ca, NULL);
  write_files(&leaf, cert, key);
  free_signer(&mine), free_signer(&other), free_signer(&leaf);
}

/* ---- the server ---- */

static int free_port(void) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
  close(fd);
  return ntohs(a.sin_port);
}

static int start_server(void **) {
  char tls[12], plain[12];
  snprintf(folder, sizeof folder, "/tmp/sereno-tls-XXXXXX");
  assert_non_null(mkdtemp(folder));
  snprintf(ca, sizeof ca, "%s/ca.pem", folder);
  snprintf(other_ca, sizeof other_ca, "%s/other.pem", folder);
  snprintf(cert, sizeof cert, "%s/cert.pem", folder);
  snprintf(key, sizeof key, "%s/key.pem", folder);
  make_certificates();
  snprintf(tls, sizeof tls, "%d", tls_port = free_port());
  snprintf(plain, sizeof plain, "%d", plain_port = free_port());
  const char *const extra[] = {"--port",     plain,
                               "--tls-port", tls,
                               "--bind",     "127.0.0.1",
                               "127.0.0.2",  "--protected-mode",
                               "no",         "--tls-cert-file",
                               cert,         "--tls-key-file",
                               key,          "--tls-ca-cert-file",
                               ca,           "--tls-auth-clients",
                               "no",         NULL};
  server = redis_fixture_start_with(extra);
  (void)redis_fixture_ask(server, "ACL SETUSER worlds on >s3cr@t/1 ~world:* ~worlds:* +@all");
  return 0;
}

static int stop_server(void **) {
  const char *const files[] = {ca, other_ca, cert, key};
  redis_fixture_stop(server);
  for (size_t i = 0; i < 4; i++) unlink(files[i]);
  return rmdir(folder);
}

/* An address of the server, its host between login and port. */
static const char *at(const char *scheme_and_host, int port, const char *tail) {
  static char url[200];
  snprintf(url, sizeof url, "%s:%d%s", scheme_and_host, port, tail);
  return url;
}

static struct live *open_at(const char *url, const char *ca_file, int timeout_ms) {
  struct live_config config = {
      .mode = LIVE_REDIS, .url = url, .ca_file = ca_file, .owner = "node:1", .timeout_ms = timeout_ms};
  struct live *l;
  CHECK_OK(live_open(&config, &l, NULL));
  return l;
}

static void check_refused(const char *url, const char *ca_file, const char *why) {
  struct err_detail d = {};
  struct live *l = open_at(url, ca_file, 20000);
  assert_int_equal(live_ping(l, &d), ERR_UNAVAILABLE);
  if (!strstr(d.message, why)) fail_msg("\"%s\" does not say \"%s\"", d.message, why);
  live_close(l);
}

static void check_opens(const char *url) {
  struct err_detail d = {};
  struct live *l = open_at(url, ca, 20000);
  if (live_ping(l, &d) != ERR_OK) fail_msg("%s: %s", url, d.message);
  live_close(l);
}

/* ---- who is trusted ---- */

static void a_server_with_a_certificate_of_the_ca_is_taken(void **) {
  check_opens(at("rediss://localhost", tls_port, ""));
  check_opens(at("rediss://127.0.0.1", tls_port, "/0"));
}

static void another_ca_is_refused(void **) {
  check_refused(at("rediss://localhost", tls_port, ""), other_ca, "certificate for localhost is refused");
  check_refused(at("rediss://localhost", tls_port, ""), NULL, "certificate for localhost is refused");
}

static void another_host_is_refused(void **) {
  check_refused(at("rediss://127.0.0.2", tls_port, ""), ca, "127.0.0.2 is refused");
}

static void what_is_shown_says_how_safe_it_is(void **) {
  struct live_status status;
  struct live *l = open_at(at("rediss://localhost", tls_port, ""), ca, 20000);
  CHECK_OK(live_status(l, &status, NULL));
  assert_non_null(strstr(status.server, "redis "));
  assert_non_null(strstr(status.server, ", TLS"));
  assert_null(strstr(status.server, "unverified"));
  live_close(l);
}

static void who_asks_for_it_takes_anybody(void **) {
  struct live_config config = {.mode = LIVE_REDIS,
                               .url = at("rediss://127.0.0.2", tls_port, ""),
                               .is_unverified = true,
                               .timeout_ms = 20000};
  struct live *l;
  CHECK_OK(live_open(&config, &l, NULL));
  CHECK_OK(live_ping(l, NULL));
  live_close(l);
}

static void a_file_that_is_no_certificate_is_refused_at_once(void **) {
  const char *const files[] = {"/nonexistent/ca.pem", "/dev/null", key};
  for (size_t i = 0; i < 3; i++) {
    struct live_config config = {.mode = LIVE_REDIS, .url = "rediss://localhost", .ca_file = files[i]};
    struct err_detail d = {};
    struct live *l;
    assert_int_equal(live_open(&config, &l, &d), ERR_INVALID);
    assert_string_equal(d.field, "live.ca_file");
  }
}

/* ---- the wrong port ---- */

static void an_address_in_the_clear_at_a_tls_port_is_told_so(void **) {
  check_refused(at("redis://127.0.0.1", tls_port, ""), NULL, "rediss://");
}

/* The server waits for the end of a line that may never come, or calls the greeting an error. */
static void tls_at_a_port_in_the_clear_is_told_so(void **) {
  struct err_detail d = {};
  struct live *l = open_at(at("rediss://127.0.0.1", plain_port, ""), ca, 200);
  assert_int_equal(live_ping(l, &d), ERR_UNAVAILABLE);
  if (!strstr(d.message, "is this its port for TLS?")) fail_msg("%s", d.message);
  live_close(l);
}

/* ---- what goes through it ---- */

static void a_user_with_a_password_works_in_its_database(void **) {
  static char big[BIG_BYTES];
  ARENA_AUTO struct arena arena = arena_new(16 << 20);
  struct live *l = open_at(at("rediss://worlds:s3cr%40t%2F1@localhost", tls_port, "/3"), ca, 20000);
  struct live_world put = {.id = STR("w"), .active_ms = NOW}, got = {};
  struct str id = STR("w");
  memset(big, 'x', sizeof big);
  struct live_field field = {STR("big"), {big, sizeof big}};
  struct live_append w = {.id = id, .active_ms = NOW, .core = &field, .core_count = 1};
  CHECK_OK(live_load(l, &put, 0, NOW, NULL));
  CHECK_OK(live_write(l, &w, 1, NOW, NULL));
  assert_int_equal(w.error, ERR_OK);
  CHECK_OK(live_read(l, &(struct live_question){&id, 1, LIVE_ALL, &arena}, &got, NULL));
  CHECK_STR(live_core(&got, "big"), ((struct str){big, sizeof big}));
  assert_non_null(strstr(redis_fixture_ask(server, "INFO keyspace"), "db3:"));
  live_close(l);
}

static void a_wrong_password_is_not_told(void **) { /* */
  struct err_detail d = {};
  struct live *l = open_at(at("rediss://worlds:very-secret@localhost", tls_port, ""), ca, 20000);
  assert_int_equal(live_ping(l, &d), ERR_UNAVAILABLE);
  assert_non_null(strstr(d.message, "WRONGPASS"));
  assert_null(strstr(d.message, "very-secret"));
  live_close(l);
}

/* What TLS itself sends must not look as if the server had gone. */
static void one_connection_serves_many_calls(void **) {
  struct live *l = open_at(at("rediss://localhost", tls_port, ""), ca, 20000);
  CHECK_OK(live_ping(l, NULL));
  (void)redis_fixture_ask(server, "CONFIG RESETSTAT");
  for (int i = 0; i < 10; i++) CHECK_OK(live_ping(l, NULL));
  assert_non_null(strstr(redis_fixture_ask(server, "INFO stats"), "total_connections_received:1\r"));
  live_close(l);
}

static void a_connection_that_the_server_closed_is_made_anew(void **) {
  struct live *l = open_at(at("rediss://localhost", tls_port, ""), ca, 20000);
  CHECK_OK(live_ping(l, NULL));
  (void)redis_fixture_ask(server, "CLIENT KILL TYPE normal");
  CHECK_OK(live_ping(l, NULL));
  live_close(l);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_server_with_a_certificate_of_the_ca_is_taken),
      cmocka_unit_test(another_ca_is_refused),
      cmocka_unit_test(another_host_is_refused),
      cmocka_unit_test(what_is_shown_says_how_safe_it_is),
      cmocka_unit_test(who_asks_for_it_takes_anybody),
      cmocka_unit_test(a_file_that_is_no_certificate_is_refused_at_once),
      cmocka_unit_test(an_address_in_the_clear_at_a_tls_port_is_told_so),
      cmocka_unit_test(tls_at_a_port_in_the_clear_is_told_so),
      cmocka_unit_test(a_user_with_a_password_works_in_its_database),
      cmocka_unit_test(a_wrong_password_is_not_told),
      cmocka_unit_test(one_connection_serves_many_calls),
      cmocka_unit_test(a_connection_that_the_server_closed_is_made_anew),
  };
  return cmocka_run_group_tests(tests, start_server, stop_server);
}
