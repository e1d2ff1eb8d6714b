/* Random secrets, API tokens and their hashes. Only hashes are ever kept. */
#pragma once
#include "base/str.h"
#include "sys/world.h"

#define SECRET_LEN 43 /* base64url of 256 bits */
struct secret_text {
  char text[SECRET_LEN + 1];
};
struct secret_text secret_new(struct world *w);

/* "sr_", 43 characters of base64url (256 bits), 6 of a checksum, so that a mistyped or cut token is known
 * without a look-up and scanners for leaked secrets recognise it. */
#define TOKEN_TEXT_LEN (3 + SECRET_LEN + 6)
struct token_text {
  char text[TOKEN_TEXT_LEN + 1];
};
struct token_text token_text_new(struct world *w);
bool token_text_is_sound(struct str text);

struct secret_hash { /* SHA-256; enough without salt or slowness, for the secret has 256 random bits */
  unsigned char bytes[32];
};
struct secret_hash secret_hash(struct str secret);
bool secret_hash_eq(const unsigned char a[32], const unsigned char b[32]); /* in constant time */
