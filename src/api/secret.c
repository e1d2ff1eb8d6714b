#include "api/secret.h"

#include <assert.h>
#include <sodium.h>

#include "base/err.h"

#define TOKEN_PREFIX "sr_"
#define CHECK_LEN 6

static_assert(SECRET_LEN + 1 == sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING));
static_assert(crypto_hash_sha256_BYTES == 32);

struct secret_text secret_new(struct world *w) {
  unsigned char bits[32];
  struct secret_text s;
  w->random(w, bits, sizeof bits);
  sodium_bin2base64(s.text, sizeof s.text, bits, sizeof bits, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  sodium_memzero(bits, sizeof bits);
  return s;
}

struct secret_hash secret_hash(struct str secret) {
  struct secret_hash h;
  crypto_hash_sha256(h.bytes, (const unsigned char *)(secret.ptr ? secret.ptr : ""), secret.len);
  return h;
}

bool secret_hash_eq(const unsigned char a[32], const unsigned char b[32]) {
  return sodium_memcmp(a, b, 32) == 0;
}

static void checksum(struct str text, char ret[CHECK_LEN + 1]) {
  struct secret_hash h = secret_hash(text);
  char all[SECRET_LEN + 1];
  sodium_bin2base64(all, sizeof all, h.bytes, sizeof h.bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  memcpy(ret, all, CHECK_LEN);
  ret[CHECK_LEN] = 0;
}

struct token_text token_text_new(struct world *w) {
  struct token_text t;
  struct secret_text s = secret_new(w);
  memcpy(t.text, TOKEN_PREFIX, 3);
  memcpy(t.text + 3, s.text, SECRET_LEN);
  checksum((struct str){t.text, 3 + SECRET_LEN}, t.text + 3 + SECRET_LEN);
  sodium_memzero(&s, sizeof s);
  ASSERT(token_text_is_sound(str_of(t.text)));
  return t;
}

bool token_text_is_sound(struct str text) {
  if (text.len != TOKEN_TEXT_LEN || !str_starts(text, STR(TOKEN_PREFIX))) return false;
  char want[CHECK_LEN + 1];
  checksum((struct str){text.ptr, 3 + SECRET_LEN}, want);
  return memcmp(want, text.ptr + 3 + SECRET_LEN, CHECK_LEN) == 0;
}
