/* Which addresses a request made for a user may reach (reliability: SSRF). Pure: works on address bytes,
 * so it is asked about the address that is really connected to, after resolution and at each redirect.
 * Everything that is not public unicast is refused unless an allow-list of CIDRs names it. */
#pragma once
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define NET_GUARD_RANGES_MAX 64

/* IPv4 is kept in its IPv6-mapped form, so that one comparison serves both. */
struct net_address {
  uint8_t bytes[16];
};

struct net_range {
  struct net_address address;
  int prefix_bits; /* 0–128 */
};

struct net_guard {
  struct net_range allowed[NET_GUARD_RANGES_MAX];
  size_t count;
};

/* "10.0.0.0/8, 192.168.1.7, fd00::/8": commas or spaces between. ERR_INVALID names the bad entry. */
enum err net_guard_parse(struct str list, struct net_guard *ret, struct err_detail *detail);
struct net_address net_address_v4(const uint8_t bytes[4]);
/* Public unicast (RFC 6890 and its registries); addresses that embed an IPv4 one (mapped, 6to4, NAT64,
 * Teredo) are judged by it or refused. */
bool net_address_is_public(const struct net_address *address);
bool net_guard_allows(const struct net_guard *guard, const struct net_address *address);
