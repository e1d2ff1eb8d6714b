/* Handlers of /api/auth, /api/admin/users and /api/admin/tokens. */
#pragma once
#include "api/call.h"

/* api_auth.c */
extern const struct shape login_request_shape, session_answer_shape, link_request_shape, link_answer_shape,
    link_new_shape, password_request_shape;
route_handler auth_login, auth_logout, auth_session, auth_link, auth_link_new, auth_password;

/* api_users.c */
extern const struct shape user_shape, user_page_shape, user_new_shape, user_edit_shape;
route_handler users_list, user_create, user_edit, user_delete;

/* api_tokens.c */
extern const struct shape token_shape, token_page_shape, token_new_shape, token_made_shape,
    sessions_page_shape;
route_handler tokens_list, token_create, token_delete, sessions_list, session_delete;

/* A password hash on a work thread: argon2id, 64 MiB, 3 passes (reliability 5.2). `text` is copied and wiped.
 * done gets the hash, or for a check whether it is right. At most PASSWORD_HASHES_MAX at a time: ERR_BUSY. */
#define PASSWORD_HASHES_MAX 16
struct password_work;
typedef void password_fn(struct call *c, const char *hash, bool is_right);
enum err password_make(struct call *c, struct str text, password_fn *done);
/* hash NULL: takes the same time and is never right. */
enum err password_check(struct call *c, struct str text, const char *hash, password_fn *done);
/* ERR_INVALID when too short or too long; field names it. */
enum err password_is_fit(struct str text, const char *field, struct err_detail *detail);

/* Ends the sessions of this user, in memory and in the store, but not the one of `keep` (may be NULL). */
void sessions_end(struct call *c, struct str user_id, const unsigned char keep[32]);
/* Forgets some sessions that ended by time more than an hour ago; called now and then. */
void sessions_sweep(struct api *a);
/* Begins a session for this user and answers with it (cookie, CSRF token). */
void session_begin(struct call *c, struct str user_id, const char *action);
