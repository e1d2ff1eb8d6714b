/* Reading a Cookie header (RFC 6265 4.2, 5.4). Pure. */
#pragma once
#include "base/str.h"

/* The value of the named cookie, without surrounding quotes, borrowed from the header. STR_NONE when it
 * is absent, when it occurs again with another value (somebody planted a second one: neither can be
 * trusted), or when its value has bytes that no cookie value may have. */
struct str http_cookie_find(struct str header, struct str name);
