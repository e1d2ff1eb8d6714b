#include "api/cron_nets.h"

#include "api/access.h"

static bool next_entry(struct str *rest, struct str *ret) {
  while (rest->len && strchr(", \t", rest->ptr[0])) *rest = str_from(*rest, 1);
  size_t n = 0;
  while (n < rest->len && !strchr(", \t", rest->ptr[n])) n++;
  *ret = (struct str){rest->ptr, n};
  *rest = str_from(*rest, n);
  return n > 0;
}

enum err net_list_check(struct str list, const char *field, struct err_detail *detail) {
  struct net net;
  for (struct str entry; next_entry(&list, &entry);)
    if (!net_parse(entry, &net))
      return err_set(detail, ERR_INVALID, field, 0, "\"%.*s\" is no address or network like 10.0.0.0/8",
                     (int)(entry.len < 60 ? entry.len : 60), entry.ptr);
  return ERR_OK;
}

bool net_list_has(struct str list, struct str address) {
  struct net net, host;
  if (!net_parse(address, &host)) return false;
  for (struct str entry; next_entry(&list, &entry);)
    if (net_parse(entry, &net) && net_contains(&net, &host)) return true;
  return false;
}

struct str net_origin(struct str proxies, struct str peer, struct str forwarded) {
  struct str origin = peer;
  while (forwarded.len && net_list_has(proxies, origin)) {
    size_t comma = forwarded.len;
    while (comma > 0 && forwarded.ptr[comma - 1] != ',') comma--;
    struct net net;
    origin = str_trim(str_from(forwarded, comma));
    if (!net_parse(origin, &net)) return STR_NONE;
    forwarded.len = comma > 0 ? comma - 1 : 0;
  }
  return origin;
}

bool cron_nets_allow(struct str nets, struct str proxies, struct str peer, struct str forwarded) {
  if (str_trim(nets).len == 0) return true;
  return net_list_has(nets, net_origin(proxies, peer, forwarded));
}
