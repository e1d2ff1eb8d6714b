/* Signed links of warnings: whoever holds one may keep one world, and nothing else, until it expires. A token is
 * ID~EXPIRY~SIGNATURE: the id, hours since 1970 in decimal, and the first 32 hex digits of an HMAC-SHA-256 over
 * "keep", id and expiry by the key of this installation. */
#pragma once
#include "base/buf.h"
#include "base/str.h"

#define KEEP_TOKEN_MAX 200

/* Expires at the first full hour at or after expires_ms. */
void keep_token_make(const unsigned char key[32], struct str world_id, int64_t expires_ms, struct buf *out);
/* ERR_INVALID: not ours or altered (which of it is not told); ERR_TOKEN_EXPIRED. The id is borrowed from token. */
enum err keep_token_check(const unsigned char key[32], struct str token, int64_t now_ms,
                          struct str *ret_world_id, struct err_detail *detail);
