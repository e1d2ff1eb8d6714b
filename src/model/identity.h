/* Who may come in: accounts, API tokens, sessions. Hashes only, never a secret. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "model/enums.h"

struct user {
  const char *id, *name;     /* name: unique, 1–100 */
  const char *password_hash; /* argon2id text, NULL = cannot log in by password */
  enum role role;
  bool is_disabled;
  int64_t created_ms, updated_ms, last_login_ms; /* FIELD_NULL = never */
};

struct token {
  const char *id, *name;
  unsigned char hash[32]; /* SHA-256 of the whole token text */
  enum role role;
  const char *user_id; /* whose token; NULL = of the installation */
  const char *scope;   /* JSON: {"jobs":[…],"nets":[…],"singleUse":true} or NULL */
  int64_t created_ms, expires_ms, last_used_ms; /* FIELD_NULL = never */
};

struct session {
  unsigned char id_hash[32]; /* SHA-256 of the cookie's value */
  const char *user_id;
  const char *csrf;
  const char *address, *agent;
  int64_t created_ms, seen_ms, expires_ms;
};
