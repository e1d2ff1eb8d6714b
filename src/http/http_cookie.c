#include "http/http_cookie.h"

/* cookie-octet: printable ASCII without space, '"', ',', ';' and '\'. */
static bool is_value(struct str s) {
  for (size_t i = 0; i < s.len; i++) {
    char c = s.ptr[i];
    if (c <= 0x20 || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\') return false;
  }
  return true;
}

static struct str unquote(struct str s) {
  bool is_quoted = s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"';
  return is_quoted ? (struct str){s.ptr + 1, s.len - 2} : s;
}

struct str http_cookie_find(struct str header, struct str name) {
  struct str found = STR_NONE, rest = header, pair;
  while (str_split(&rest, ';', &pair)) {
    pair = str_trim(pair);
    size_t equals = str_find_char(pair, '=');
    if (equals == SIZE_MAX || !str_eq((struct str){pair.ptr, equals}, name)) continue;
    struct str value = unquote(str_from(pair, equals + 1));
    if (!is_value(value) || (found.ptr && !str_eq(found, value))) return STR_NONE;
    found = value;
  }
  return found;
}
