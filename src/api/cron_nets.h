/* Where a request really comes from, and whether the two cron endpoints are open to that address (B-74). Pure. */
#pragma once
#include "base/err.h"
#include "base/str.h"

/* Lists are CIDRs separated by commas or spaces; ERR_INVALID names the bad entry. */
enum err net_list_check(struct str list, const char *field, struct err_detail *detail);
bool net_list_has(struct str list, struct str address);
/* The peer, or, when it is a proxy of ours, the last address of X-Forwarded-For that is none: what a client wrote
 * there itself stands further left and is never believed. STR_NONE: the header of a proxy is not readable. */
struct str net_origin(struct str proxies, struct str peer, struct str forwarded);
/* nets STR_NONE or empty: open to all. */
bool cron_nets_allow(struct str nets, struct str proxies, struct str peer, struct str forwarded);
