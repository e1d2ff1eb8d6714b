/* What every request goes through before its handler, in this order: route, rates, who, role, CSRF, input,
 * Idempotency-Key, the job or execution of the path with its rights. */
#pragma once
#include "api/call.h"

void dispatch(struct call *c);
/* Is the Origin (STR_NONE: none was sent) our own? host is the request's; public_url may be NULL. Pure. */
bool origin_is_ours(struct str origin, struct str host, const char *public_url);
