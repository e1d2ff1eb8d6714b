#include "base/net_guard.h"

#include <arpa/inet.h>
#include <string.h>

#define MAPPED_BITS 96

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

struct special {
  const char *address;
  int prefix_bits;
};

/* Not globally reachable or not unicast: IANA special-purpose registries (RFC 6890 and later). */
static const struct special special_v4[] = {
    {"0.0.0.0", 8},     {"10.0.0.0", 8},      {"100.64.0.0", 10},  {"127.0.0.0", 8},    {"169.254.0.0", 16},
    {"172.16.0.0", 12}, {"192.0.0.0", 24},    {"192.0.2.0", 24},   {"192.88.99.0", 24}, {"192.168.0.0", 16},
    {"198.18.0.0", 15}, {"198.51.100.0", 24}, {"203.0.113.0", 24}, {"224.0.0.0", 4},    {"240.0.0.0", 4},
};

static bool has_prefix(const uint8_t *address, const uint8_t *prefix, int bits) {
  int whole = bits / 8, rest = bits % 8;
  if (memcmp(address, prefix, (size_t)whole) != 0) return false;
  return rest == 0 || ((address[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

struct net_address net_address_v4(const uint8_t bytes[4]) {
  struct net_address a;
  memcpy(a.bytes, mapped_prefix, sizeof mapped_prefix);
  memcpy(a.bytes + sizeof mapped_prefix, bytes, 4);
  return a;
}

static bool v4_is_public(const uint8_t bytes[4]) {
  for (size_t i = 0; i < sizeof special_v4 / sizeof special_v4[0]; i++) {
    uint8_t prefix[4];
    ASSERT(inet_pton(AF_INET, special_v4[i].address, prefix) == 1);
    if (has_prefix(bytes, prefix, special_v4[i].prefix_bits)) return false;
  }
  return true;
}

bool net_address_is_public(const struct net_address *a) {
  static const uint8_t nat64[12] = {0, 0x64, 0xFF, 0x9B};
  static const uint8_t global_unicast[1] = {0x20};             /* 2000::/3 */
  static const uint8_t teredo_and_others[3] = {0x20, 0x01, 0}; /* 2001::/23 */
  static const uint8_t documentation[4] = {0x20, 0x01, 0x0D, 0xB8};
  static const uint8_t documentation_2[3] = {0x3F, 0xFF, 0}; /* 3fff::/20 */
  static const uint8_t six_to_four[2] = {0x20, 0x02};
  if (has_prefix(a->bytes, mapped_prefix, MAPPED_BITS)) return v4_is_public(a->bytes + 12);
  if (has_prefix(a->bytes, nat64, 96)) return v4_is_public(a->bytes + 12);
  if (has_prefix(a->bytes, six_to_four, 16)) return v4_is_public(a->bytes + 2);
  return has_prefix(a->bytes, global_unicast, 3) && !has_prefix(a->bytes, teredo_and_others, 23) &&
         !has_prefix(a->bytes, documentation, 32) && !has_prefix(a->bytes, documentation_2, 20);
}

bool net_guard_allows(const struct net_guard *guard, const struct net_address *address) {
  for (size_t i = 0; i < guard->count; i++)
    if (has_prefix(address->bytes, guard->allowed[i].address.bytes, guard->allowed[i].prefix_bits))
      return true;
  return net_address_is_public(address);
}

static bool parse_range(struct str entry, struct net_range *ret) {
  size_t slash = str_find_char(entry, '/');
  char text[INET6_ADDRSTRLEN];
  if (!str_copy(text, sizeof text, slash == SIZE_MAX ? entry : (struct str){entry.ptr, slash})) return false;
  uint8_t v4[4];
  bool is_v4 = inet_pton(AF_INET, text, v4) == 1;
  if (is_v4) ret->address = net_address_v4(v4);
  else if (inet_pton(AF_INET6, text, ret->address.bytes) != 1) return false;
  int64_t bits = is_v4 ? 32 : 128;
  if (slash != SIZE_MAX && !str_to_int(str_from(entry, slash + 1), 0, bits, &bits)) return false;
  ret->prefix_bits = (int)bits + (is_v4 ? MAPPED_BITS : 0);
  return true;
}

enum err net_guard_parse(struct str list, struct net_guard *ret, struct err_detail *detail) {
  struct net_guard guard = {};
  const char *start = list.ptr;
  for (size_t i = 0; i <= list.len; i++) {
    bool is_end = i == list.len || strchr(", \t", list.ptr[i]) != NULL;
    if (!is_end) continue;
    struct str entry = {start, list.ptr ? (size_t)(list.ptr + i - start) : 0};
    start = list.ptr ? list.ptr + i + 1 : NULL;
    if (entry.len == 0) continue;
    if (guard.count == NET_GUARD_RANGES_MAX)
      return err_set(detail, ERR_LIMIT, NULL, 0, "more than %d address ranges", NET_GUARD_RANGES_MAX);
    if (!parse_range(entry, &guard.allowed[guard.count++]))
      return err_set(detail, ERR_INVALID, NULL, (int)(entry.ptr - list.ptr) + 1,
                     "\"%.*s\" is no address or range like 10.0.0.0/8", STR_ARG(entry));
  }
  *ret = guard;
  return ERR_OK;
}
