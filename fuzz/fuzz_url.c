/* Targets, paths and queries: what is decoded is UTF-8 without what was to be refused, and a decoded path that is
 * sent again decodes to itself. */
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "http/http_target.h"

static char *room_for(size_t n) {
  char *room = malloc(n ? n : 1);
  ASSERT(room);
  return room;
}

static bool has_dot_dot(struct str path) {
  struct str rest = path, segment;
  while (str_split(&rest, '/', &segment))
    if (str_eq(segment, STR("..")) || str_eq(segment, STR("."))) return true;
  return false;
}

static void check_path(struct str raw) {
  char *to = room_for(raw.len + 1), *again = room_for(raw.len + 2);
  size_t n = 0, m = 0;
  if (http_path_decode(raw, to, &n)) {
    struct str path = {to, n};
    ASSERT(n >= 1 && n <= raw.len + 1 && str_is_utf8(path));
    ASSERT(str_eq(path, STR("*")) || to[0] == '/');
    ASSERT(str_find_char(path, '\0') == SIZE_MAX && str_find(path, STR("//")) == SIZE_MAX &&
           !has_dot_dot(path));
    if (str_find_char(path, '%') == SIZE_MAX) {
      ASSERT(http_path_decode(path, again, &m));
      ASSERT(str_eq((struct str){again, m}, path));
    }
  }
  free(to);
  free(again);
}

static void check_query(struct str raw) {
  struct str rest = raw, name, value;
  while (http_query_next(&rest, &name, &value)) {
    char *to = room_for(value.len);
    size_t n = 0;
    if (http_query_decode(value, to, &n)) ASSERT(n <= value.len && !memchr(to, 0, n));
    free(to);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str raw = {(const char *)data, size};
  struct http_target target;
  check_path(raw);
  check_query(raw);
  for (int m = 0; m < HTTP_METHOD_COUNT; m++) {
    if (!http_target_parse(raw, (enum http_method)m, &target)) continue;
    ASSERT(target.path.len + target.query.len + target.authority.len <= raw.len);
    ASSERT(target.authority.len == 0 || http_authority_is_valid(target.authority));
    check_path(target.path);
    check_query(target.query);
  }
  return 0;
}
