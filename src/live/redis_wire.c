#include "live/redis_wire.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/embedded.h"

/* ---- batches ---- */

static void *room_for(struct redis_batch *b, void *items, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity) return items;
  size_t wanted = *capacity ? *capacity * 2 : 64;
  void *more = arena_alloc(b->arena, wanted * size);
  if (!more) {
    b->error = arena_error(b->arena);
    return items;
  }
  if (count) memcpy(more, items, count * size);
  *capacity = wanted;
  return more;
}

void redis_begin(struct redis_batch *b) {
  b->commands = room_for(b, b->commands, b->count, &b->capacity, sizeof *b->commands);
  if (b->error == ERR_OK) b->commands[b->count++] = (struct redis_command){.first = b->arg_count};
}

void redis_arg(struct redis_batch *b, struct str arg) {
  b->args = room_for(b, b->args, b->arg_count, &b->arg_capacity, sizeof *b->args);
  if (b->error != ERR_OK) return;
  ASSERT(b->count > 0);
  b->args[b->arg_count++] = arg;
  b->commands[b->count - 1].count++;
}

void redis_text(struct redis_batch *b, const char *text) { redis_arg(b, str_of(text)); }

static void add_made(struct redis_batch *b, char *text, size_t n) {
  if (text) redis_arg(b, (struct str){text, n});
  else b->error = arena_error(b->arena);
}

void redis_int(struct redis_batch *b, int64_t n) {
  char text[24];
  int length = snprintf(text, sizeof text, "%" PRId64, n);
  add_made(b, arena_strdup(b->arena, (struct str){text, (size_t)length}), (size_t)length);
}

void redis_key(struct redis_batch *b, const char *prefix, struct str id, const char *suffix) {
  size_t head = strlen(prefix), tail = strlen(suffix);
  char *key = arena_alloc(b->arena, head + id.len + tail + 1);
  if (key) {
    memcpy(key, prefix, head);
    if (id.len) memcpy(key + head, id.ptr, id.len);
    memcpy(key + head + id.len, suffix, tail);
  }
  add_made(b, key, head + id.len + tail);
}

void redis_blob(struct redis_batch *b, struct str bytes) {
  static const char digits[] = "0123456789abcdef";
  if (!b->is_text || (str_is_utf8(bytes) && !(bytes.len && bytes.ptr[0] == '~'))) {
    redis_arg(b, bytes);
    return;
  }
  char *text = arena_alloc(b->arena, 1 + 2 * bytes.len);
  if (text) {
    text[0] = '~';
    for (size_t i = 0; i < bytes.len; i++) {
      unsigned char c = (unsigned char)bytes.ptr[i];
      text[1 + 2 * i] = digits[c >> 4];
      text[2 + 2 * i] = digits[c & 15];
    }
  }
  add_made(b, text, 1 + 2 * bytes.len);
}

/* ---- errors ---- */

enum err redis_error(const struct redis_transport *t, struct str text, struct err_detail *detail) {
  static const struct {
    struct str starts;
    enum err error;
  } kinds[] = {
      {STR("OOM"), ERR_STORE_FULL},          {STR("MISCONF"), ERR_STORE_FULL},
      {STR("READONLY"), ERR_STORE_READONLY}, {STR("LOADING"), ERR_UNAVAILABLE},
      {STR("BUSY"), ERR_UNAVAILABLE},        {STR("MASTERDOWN"), ERR_UNAVAILABLE},
      {STR("CLUSTERDOWN"), ERR_UNAVAILABLE}, {STR("NOAUTH"), ERR_UNAVAILABLE},
      {STR("WRONGPASS"), ERR_UNAVAILABLE},   {STR("ERR max"), ERR_UNAVAILABLE},
  };
  enum err e = ERR_IO;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (str_starts(text, kinds[i].starts)) e = kinds[i].error;
  if (str_starts(text, STR("OOM"))) {
    (void)err_set(detail, e, "live", 0, "%s is full (maxmemory): it takes no writes", t->where);
    err_hint(detail,
             "give it more memory, or wait: sync saves what is there, auto-pause and cleanup free it");
    return e;
  }
  return err_set(detail, e, "live", 0, "%s: %.*s", t->where, text.len > 150 ? 150 : (int)text.len, text.ptr);
}

/* ---- lives ---- */

bool redis_is_life_of(struct str life, struct str run) {
  return str_starts(life, run) && (life.len == run.len || life.ptr[run.len] == '/');
}

void redis_name_life(const char *run, char ret[REDIS_LIFE_BYTES]) {
  uint64_t random = 0;
  ASSERT(getrandom(&random, sizeof random, 0) == sizeof random);
  snprintf(ret, REDIS_LIFE_BYTES, "%s/%016" PRIx64, run, random);
}

void redis_begin_life(struct redis_batch *b, const struct redis_transport *t) {
  static const char script[] =
      "local life, run = redis.call('GET', KEYS[1]) or '', ARGV[1] "
      "if life == run or string.sub(life, 1, #run + 1) == run .. '/' then return 0 end "
      "redis.call('UNLINK', KEYS[1]) " /* takes no memory: then a full server lets the next one pass */
      "redis.call('SET', KEYS[1], ARGV[2]) return 1";
  char name[REDIS_LIFE_BYTES];
  redis_name_life(t->run, name);
  redis_begin(b), redis_text(b, "EVAL"), redis_text(b, script), redis_text(b, "1");
  redis_text(b, t->life_key), redis_text(b, t->run);
  char *copy = arena_strdup(b->arena, str_of(name));
  if (copy) redis_text(b, copy);
  else b->error = arena_error(b->arena);
}

/* ---- scripts ---- */

static const char *const script_names[SCRIPT_COUNT] = {
    [SCRIPT_LOAD] = "lua/load.lua",     [SCRIPT_WRITE] = "lua/write.lua",
    [SCRIPT_SAVED] = "lua/saved.lua",   [SCRIPT_CLEAR] = "lua/clear.lua",
    [SCRIPT_LOCK] = "lua/lock.lua",     [SCRIPT_RENEW] = "lua/renew.lua",
    [SCRIPT_UNLOCK] = "lua/unlock.lua", [SCRIPT_ORPHANS] = "lua/orphans.lua",
    [SCRIPT_EXPIRE] = "lua/expire.lua", [SCRIPT_LIST] = "lua/list.lua",
    [SCRIPT_GROUP] = "lua/group.lua",
};

static bool sha1_hex(const char *text, char ret[41]) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  if (EVP_Digest(text, strlen(text), hash, &n, EVP_sha1(), NULL) != 1 || n != 20) return false;
  for (unsigned i = 0; i < n; i++) snprintf(ret + 2 * i, 3, "%02x", hash[i]);
  return true;
}

enum err redis_scripts_new(const char *raw, struct redis_scripts *ret) {
  struct str prelude = embedded_find("lua/prelude.lua");
  struct redis_scripts s = {};
  ASSERT(prelude.ptr);
  for (int i = 0; i < SCRIPT_COUNT; i++) {
    struct str body = embedded_find(script_names[i]);
    struct buf text = buf_new(65536);
    ASSERT(body.ptr);
    buf_add_text(&text, raw);
    buf_add_str(&text, prelude);
    buf_add_str(&text, body);
    s.text[i] = buf_text(&text) ? text.ptr : NULL;
    if (!s.text[i] || !sha1_hex(s.text[i], s.sha1[i])) {
      redis_scripts_free(&s);
      return ERR_NO_MEMORY;
    }
  }
  *ret = s;
  return ERR_OK;
}

void redis_scripts_free(struct redis_scripts *s) {
  for (int i = 0; i < SCRIPT_COUNT; i++) free(s->text[i]);
  *s = (struct redis_scripts){};
}

/* ---- places ---- */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 32) >= 'a' && (c | 32) <= 'f') return (c | 32) - 'a' + 10;
  return -1;
}

/* %41 → A; false when it does not fit or is cut. */
static bool decode(char *to, size_t size, struct str s) {
  size_t n = 0;
  for (size_t i = 0; i < s.len; i++) {
    char c = s.ptr[i];
    if (c == '%') {
      if (i + 2 >= s.len || hex_digit(s.ptr[i + 1]) < 0 || hex_digit(s.ptr[i + 2]) < 0) return false;
      c = (char)(hex_digit(s.ptr[i + 1]) * 16 + hex_digit(s.ptr[i + 2]));
      i += 2;
    }
    if (n + 1 >= size || c == 0) return false;
    to[n++] = c;
  }
  to[n] = 0;
  return true;
}

static bool parse_number(struct str s, int max, int *ret) {
  int64_t n;
  if (!str_to_int(s, 0, max, &n)) return false;
  *ret = (int)n;
  return true;
}

/* [user][:password]@ before the last @ */
static bool parse_login(struct str *rest, struct redis_place *p) {
  size_t at = SIZE_MAX;
  for (size_t i = 0; i < rest->len; i++)
    if (rest->ptr[i] == '@') at = i;
  if (at == SIZE_MAX) return true;
  struct str login = {rest->ptr, at};
  size_t colon = str_find_char(login, ':');
  *rest = str_from(*rest, at + 1);
  if (colon == SIZE_MAX) return decode(p->user, sizeof p->user, login);
  return decode(p->user, sizeof p->user, (struct str){login.ptr, colon}) &&
         decode(p->password, sizeof p->password, str_from(login, colon + 1));
}

static bool parse_tcp(struct str rest, struct redis_place *p) {
  p->port = 6379;
  if (!parse_login(&rest, p)) return false;
  size_t slash = str_find_char(rest, '/');
  struct str host = slash == SIZE_MAX ? rest : (struct str){rest.ptr, slash},
             db = str_from(rest, slash == SIZE_MAX ? rest.len : slash + 1);
  size_t bracket = host.len && host.ptr[0] == '[' ? str_find_char(host, ']') : SIZE_MAX;
  struct str after = bracket == SIZE_MAX ? host : str_from(host, bracket + 1);
  size_t colon = str_find_char(after, ':');
  if (colon != SIZE_MAX && !parse_number(str_from(after, colon + 1), 65535, &p->port)) return false;
  if (bracket != SIZE_MAX) host = (struct str){host.ptr + 1, bracket - 1};
  else if (colon != SIZE_MAX) host.len = colon;
  if (db.len && !parse_number(db, 65535, &p->db)) return false;
  return host.len > 0 && p->port > 0 && str_copy(p->host, sizeof p->host, host);
}

static bool parse_unix(struct str rest, struct redis_place *p) {
  size_t question = str_find_char(rest, '?');
  struct str path = question == SIZE_MAX ? rest : (struct str){rest.ptr, question};
  struct str query = str_from(rest, question == SIZE_MAX ? rest.len : question + 1);
  if (!parse_login(&path, p)) return false;
  if (query.len && (!str_starts(query, STR("db=")) || !parse_number(str_from(query, 3), 65535, &p->db)))
    return false;
  return path.len > 1 && path.ptr[0] == '/' && str_copy(p->host, sizeof p->host, path);
}

enum err redis_place_parse(struct str url, struct redis_place *ret, struct err_detail *detail) {
  struct redis_place p = {};
  p.is_tls = str_starts(url, STR("rediss://"));
  bool is_good = p.is_tls                           ? parse_tcp(str_from(url, 9), &p)
                 : str_starts(url, STR("redis://")) ? parse_tcp(str_from(url, 8), &p)
                 : str_starts(url, STR("unix://"))  ? parse_unix(str_from(url, 7), &p)
                                                    : false;
  if (is_good) {
    *ret = p;
    return ERR_OK;
  }
  enum err e = err_set(detail, ERR_INVALID, "REDIS_URL", 0, "this is no address of a Redis");
  err_hint(detail, "redis://[[USER]:PASSWORD@]HOST[:PORT][/DB], rediss:// for TLS, or unix:///PATH[?db=N]");
  return e;
}
