/* Who is known: accounts, API tokens and sessions in memory, as the store has them. Changed only after the
 * store has answered. Finding one by its secret compares hashes in constant time. */
#pragma once
#include "api/access.h"
#include "http/http.h"
#include "store/store.h"

#define IDENTITY_USERS_MAX 10000
#define IDENTITY_TOKENS_MAX 10000
#define IDENTITY_SESSIONS_MAX 10000
#define SESSION_IDLE_MS (30LL * 60 * 1000)
#define SESSION_LIFE_MS (12LL * 3600 * 1000)
#define SESSION_SAVE_MS (5LL * 60 * 1000) /* seenAt is written back at most this often */
#define TOKEN_SAVE_MS (60LL * 60 * 1000)  /* so is lastUsedAt */
#define PASSWORD_MIN 12
#define PASSWORD_MAX 200

struct identities;
enum err identities_new(struct identities **ret);
void identities_free(struct identities *ids);
/* Everything anew, from READ_IDENTITIES. */
enum err identities_load(struct identities *ids, const struct store_read *read);

/* Borrowed until the next put or remove. By id or by name; NULL when unknown. */
const struct user *identities_user(const struct identities *ids, struct str id_or_name);
const struct token *identities_token(const struct identities *ids, struct str id_or_name);
size_t identities_user_count(const struct identities *ids);
size_t identities_token_count(const struct identities *ids);
/* In order of names. */
const struct user *identities_user_at(const struct identities *ids, size_t i);
const struct token *identities_token_at(const struct identities *ids, size_t i);
const struct session *identities_session_at(const struct identities *ids, size_t i);
size_t identities_session_count(const struct identities *ids);

/* Copies. ERR_LIMIT when there are too many. The scope of a token has been checked by scope_parse. */
enum err identities_put_user(struct identities *ids, const struct user *user);
enum err identities_put_token(struct identities *ids, const struct token *token);
enum err identities_put_session(struct identities *ids, const struct session *session);
void identities_remove_user(struct identities *ids, struct str id); /* and its tokens and sessions */
void identities_remove_token(struct identities *ids, struct str id);
void identities_remove_session(struct identities *ids, const unsigned char id_hash[32]);
/* Those of a user whose role or password changed; keep (may be NULL) stays. */
void identities_remove_sessions_of(struct identities *ids, struct str user_id, const unsigned char keep[32]);

/* What a request shows of itself. */
struct credentials {
  struct str authorization, cookie; /* STR_NONE when absent */
  struct str cron_secret;           /* the configured one(s), separated by commas; STR_NONE = none */
  struct str peer;
  int64_t now_ms;
};
struct recognised {
  struct who who; /* texts and scope in the arena */
  unsigned char session_hash[32];
  const char *csrf;
  const struct session *session_to_save; /* its seenAt is due to be written; borrowed */
  const struct token *token_to_save,
      *token_to_delete; /* lastUsedAt due; single use, gone from memory; arena */
};
/* Nobody is ERR_OK with WHO_NOBODY. ERR_UNAUTHENTICATED: what was shown is not known (or was revoked, or the
 * network is not allowed); ERR_TOKEN_EXPIRED. */
enum err identities_recognise(struct identities *ids, const struct credentials *shown, struct arena *arena,
                              struct recognised *ret, struct err_detail *detail);
/* Still the same rights? For streams: kind, name and role as they are now. */
bool identities_still(const struct identities *ids, const struct who *who,
                      const unsigned char session_hash[32], int64_t now_ms);
/* Has it ended by time? */
bool session_is_over(const struct session *s, int64_t now_ms);
/* A session that had ended by time at that instant, or NULL; for the sweeper. */
const struct session *identities_expired_session(const struct identities *ids, int64_t now_ms);
