/* Single-use secrets that begin a session: at first start and by `sereno user login-link`. In memory only,
 * so a restart ends them. */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "sys/world.h"

#define LOGIN_LINKS_MAX 64
#define LOGIN_LINK_LIFE_MS (10LL * 60 * 1000)

struct login_links;
enum err login_links_new(struct login_links **ret);
void login_links_free(struct login_links *l);
/* A new secret for this user; the oldest one goes when there are too many. The text is written to ret. */
struct secret_text;
enum err login_links_add(struct login_links *l, struct world *w, struct str user_id, int64_t now_ms,
                         struct secret_text *ret);
/* The user's id, owned by the caller; NULL when the secret is not known, used or too old. */
char *login_links_take(struct login_links *l, struct str secret, int64_t now_ms);
