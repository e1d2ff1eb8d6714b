/* The transport to Upstash by its REST: POST /pipeline and /multi-exec, a JSON array of commands in, an array of
 * {"result"} or {"error"} out, strings of answers in base64. A service that is slow holds nobody up for longer than the
 * timeout, and then for a second nobody at all. */
#include <curl/curl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "live/redis_wire.h"

#define WAIT_MS 100               /* before the one other try */
#define CALL_TIMEOUTS 4           /* a call of many POSTs takes at most so many times what one may */
#define RETRY_MS 1000             /* after an answer that was too late nothing is asked for so long */
#define REQUEST_COMMANDS_MAX 200  /* of one POST */
#define REQUEST_BYTES_SOFT 500000 /* a POST is closed above this: the service bounds the size of requests */
#define BODY_BYTES_MAX (512UL << 20)
#define URL_BYTES_MAX 1000
#define VALUE_DEPTH_MAX 6
#define TOKEN_BYTES_MAX 4096

/* Values that are no text come as '~' and hexadecimal digits (redis_blob). */
static const char raw_lua[] =
    "local function raw(s) if string.sub(s, 1, 1) ~= '~' then return s end\n"
    "return (string.gsub(string.sub(s, 2), '%x%x', function(h) return string.char(tonumber(h, 16)) end)) "
    "end\n";

struct transport {
  struct redis_transport base;
  CURL *curl;
  struct curl_slist *headers;
  char url[URL_BYTES_MAX]; /* without a slash at its end */
  char *token;
  long timeout_ms;
  int64_t call_until_ms; /* monotonic, as the next */
  int64_t late_ms;       /* when an answer was too late; 0: the last one was not */
  struct buf request, body;
};

static int64_t monotonic_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Whatever the service says, our token is not passed on with it. */
static enum err fail(const struct transport *t, enum err e, struct str text, struct err_detail *detail) {
  if (str_find(text, str_of(t->token)) != SIZE_MAX) text = STR("(an answer that holds the token)");
  return err_set(detail, e, "live", 0, "%s: %.*s", t->base.where, text.len > 150 ? 150 : (int)text.len,
                 text.ptr);
}

/* ---- one POST ---- */

static size_t take_body(char *bytes, size_t size, size_t n, void *arg) {
  struct buf *body = arg;
  buf_add(body, bytes, size * n);
  return buf_error(body) == ERR_OK ? size * n : 0;
}

struct outcome {
  CURLcode code;
  long status;
};

static struct outcome post_once(struct transport *t, const char *path, int64_t until_ms) {
  char url[URL_BYTES_MAX + 20];
  struct outcome o = {.code = CURLE_OPERATION_TIMEDOUT};
  int64_t left_ms = until_ms - monotonic_ms();
  if (left_ms <= 0) return o;
  snprintf(url, sizeof url, "%s%s", t->url, path);
  buf_clear(&t->body);
  curl_easy_setopt(t->curl, CURLOPT_URL, url);
  curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS, t->request.ptr);
  curl_easy_setopt(t->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->request.len);
  curl_easy_setopt(t->curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
  curl_easy_setopt(t->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)left_ms);
  o.code = curl_easy_perform(t->curl);
  curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &o.status);
  return o;
}

/* Whether another try could help and can do no harm: what was refused, or never sent, was not done. */
static bool is_worth_another(struct outcome o, bool is_repeatable) {
  if (o.code == CURLE_OK && o.status == 429) return true;
  if (o.code == CURLE_COULDNT_CONNECT || o.code == CURLE_COULDNT_RESOLVE_HOST) return true;
  return is_repeatable && (o.code != CURLE_OK || o.status >= 500);
}

/* Both tries together take no longer than one may. */
static struct outcome post(struct transport *t, const char *path, bool is_repeatable) {
  int64_t until_ms = monotonic_ms() + t->timeout_ms;
  if (until_ms > t->call_until_ms) until_ms = t->call_until_ms;
  struct outcome o = post_once(t, path, until_ms);
  if (is_worth_another(o, is_repeatable) && monotonic_ms() + WAIT_MS < until_ms) {
    (void)poll(NULL, 0, WAIT_MS);
    o = post_once(t, path, until_ms);
  }
  t->late_ms = o.code == CURLE_OPERATION_TIMEDOUT ? monotonic_ms() : 0;
  return o;
}

static enum err judge(const struct transport *t, struct outcome o, struct err_detail *detail) {
  char text[100];
  if (o.code == CURLE_WRITE_ERROR)
    return fail(t, ERR_LIMIT, STR("the answer is too large: ask for fewer worlds"), detail);
  if (o.code == CURLE_OPERATION_TIMEDOUT)
    return fail(t, ERR_UNAVAILABLE, STR("it did not answer in time"), detail);
  if (o.code != CURLE_OK) return fail(t, ERR_UNAVAILABLE, str_of(curl_easy_strerror(o.code)), detail);
  if (o.status == 401 || o.status == 403) {
    enum err e = fail(t, ERR_UNAVAILABLE, STR("it refuses the token"), detail);
    err_hint(detail, "look at UPSTASH_REDIS_REST_TOKEN; a read-only token is not enough");
    return e;
  }
  if (o.status == 200 || o.status == 400) return ERR_OK; /* 400 says why in its body */
  snprintf(text, sizeof text, "it answered HTTP status %ld", o.status);
  return fail(t, ERR_UNAVAILABLE, str_of(text), detail);
}

/* ---- JSON both ways ---- */

static void write_commands(struct buf *out, const struct redis_batch *b, size_t from, size_t end) {
  struct json_writer w = jw_new(out);
  jw_array(&w);
  for (size_t i = from; i < end; i++) {
    jw_array(&w);
    for (size_t k = 0; k < b->commands[i].count; k++) {
      struct str arg = b->args[b->commands[i].first + k];
      jw_str(&w, arg.ptr ? arg : STR(""));
    }
    jw_array_end(&w);
  }
  jw_array_end(&w);
}

/* "OK" is the one string that is not encoded, and no base64 is two characters long. */
static enum err take_text(struct str encoded, struct arena *arena, struct redis_value *ret) {
  ret->type = REDIS_TEXT;
  if (str_eq(encoded, STR("OK"))) {
    ret->s = STR("OK");
    return ERR_OK;
  }
  unsigned char *bytes = arena_alloc(arena, encoded.len / 4 * 3 + 4);
  if (!bytes) return arena_error(arena);
  int n = encoded.len % 4 ? -1 : EVP_DecodeBlock(bytes, (const unsigned char *)encoded.ptr, (int)encoded.len);
  if (n < 0) return ERR_UNAVAILABLE;
  for (size_t i = encoded.len; n > 0 && i > 0 && encoded.ptr[i - 1] == '='; i--) n--;
  bytes[n] = 0;
  ret->s = (struct str){(char *)bytes, (size_t)n};
  return ERR_OK;
}

static enum err take_value(const json_t *j, struct redis_room room, int depth, struct redis_value *ret) {
  *ret = (struct redis_value){};
  if (depth > VALUE_DEPTH_MAX) return ERR_UNAVAILABLE;
  if (json_is_integer(j)) *ret = (struct redis_value){.type = REDIS_INT, .n = json_integer_value(j)};
  if (json_is_real(j)) *ret = (struct redis_value){.type = REDIS_INT, .n = (int64_t)json_real_value(j)};
  if (json_is_string(j))
    return take_text((struct str){json_string_value(j), json_string_length(j)}, room.texts, ret);
  if (!json_is_array(j)) return ERR_OK;
  ret->type = REDIS_LIST;
  ret->count = json_array_size(j);
  ret->items = ARENA_ARRAY(room.values, struct redis_value, ret->count + 1);
  if (!ret->items) return arena_error(room.values);
  for (size_t i = 0; i < ret->count; i++)
    TRY(take_value(json_array_get(j, i), room, depth + 1, &ret->items[i]));
  return ERR_OK;
}

static enum err take_answer(const json_t *j, struct redis_room room, struct redis_value *ret) {
  struct str error = json_text_at(j, "error");
  if (error.ptr) {
    *ret = (struct redis_value){.type = REDIS_ERROR};
    ret->s = str_of(arena_strdup(room.values, error));
    return ret->s.ptr ? ERR_OK : arena_error(room.values);
  }
  const json_t *result = json_object_get(j, "result");
  return result ? take_value(result, room, 0, ret) : ERR_UNAVAILABLE;
}

static enum err take_answers(const struct transport *t, size_t count, struct redis_room room,
                             struct redis_value *ret, struct err_detail *detail) {
  JSON_AUTO json_t *j = NULL;
  static const struct str strange = STR("its answer is not that of Upstash's REST");
  if (json_parse(buf_str(&t->body), &j, NULL) != ERR_OK) return fail(t, ERR_UNAVAILABLE, strange, detail);
  struct str error = json_text_at(j, "error");
  if (error.ptr) {
    struct err_detail unmasked = {};
    enum err e = redis_error(&t->base, error, &unmasked);
    return fail(t, e, error, detail);
  }
  if (!json_is_array(j) || json_array_size(j) != count) return fail(t, ERR_UNAVAILABLE, strange, detail);
  for (size_t i = 0; i < count; i++) {
    enum err e = take_answer(json_array_get(j, i), room, &ret[i]);
    if (e == ERR_UNAVAILABLE) return fail(t, e, strange, detail);
    TRY(e);
  }
  return ERR_OK;
}

/* ---- batches ---- */

static size_t command_bytes(const struct redis_batch *b, size_t i) {
  size_t n = 0;
  for (size_t k = 0; k < b->commands[i].count; k++) n += b->args[b->commands[i].first + k].len + 3;
  return n;
}

static size_t request_end(const struct redis_batch *b, size_t from) {
  size_t end = from, bytes = 0, most = b->group ? b->group : REQUEST_COMMANDS_MAX;
  while (end < b->count && end - from < most && (b->group || bytes < REQUEST_BYTES_SOFT))
    bytes += command_bytes(b, end++);
  return end;
}

static enum err upstash_run(struct redis_transport *base, const struct redis_batch *b, struct redis_room room,
                            struct redis_value *ret, struct err_detail *detail) {
  struct transport *t = (struct transport *)base;
  int64_t now_ms = monotonic_ms();
  if (t->late_ms && now_ms - t->late_ms < RETRY_MS)
    return fail(t, ERR_UNAVAILABLE, STR("it did not answer in time just now"), detail);
  t->call_until_ms = now_ms + CALL_TIMEOUTS * t->timeout_ms;
  for (size_t from = 0, end; from < b->count; from = end) {
    end = request_end(b, from);
    buf_clear(&t->request);
    write_commands(&t->request, b, from, end);
    TRY(buf_error(&t->request));
    TRY(judge(t, post(t, b->group ? "/multi-exec" : "/pipeline", b->is_repeatable), detail));
    TRY(take_answers(t, end - from, room, ret + from, detail));
  }
  return ERR_OK;
}

/* ---- opening ---- */

static void upstash_close(struct redis_transport *base) {
  struct transport *t = (struct transport *)base;
  if (t->curl) curl_easy_cleanup(t->curl);
  curl_slist_free_all(t->headers);
  buf_free(&t->request);
  buf_free(&t->body);
  free(t->token);
  free(t);
}

static const struct redis_transport_ops upstash_ops = {.close = upstash_close, .run = upstash_run};

static void init_curl(void) { (void)curl_global_init(CURL_GLOBAL_DEFAULT); }

static bool add_header(struct transport *t, const char *text) {
  struct curl_slist *more = curl_slist_append(t->headers, text);
  if (more) t->headers = more;
  return more;
}

static enum err set_up(struct transport *t) {
  BUF_AUTO struct buf bearer = buf_new(TOKEN_BYTES_MAX + 40);
  buf_addf(&bearer, "Authorization: Bearer %s", t->token);
  t->curl = curl_easy_init();
  if (!t->curl || !buf_text(&bearer) || !add_header(t, bearer.ptr) ||
      !add_header(t, "Content-Type: application/json") || !add_header(t, "Upstash-Encoding: base64") ||
      !add_header(t, "Expect:"))
    return ERR_NO_MEMORY;
  curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->headers);
  curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, &t->body);
  curl_easy_setopt(t->curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(t->curl, CURLOPT_FOLLOWLOCATION, 0L); /* the token goes nowhere else */
  curl_easy_setopt(t->curl, CURLOPT_PROTOCOLS_STR, "http,https");
  return ERR_OK;
}

/* Scheme and host, without what could be a secret. */
static void set_where(struct transport *t, struct str url) {
  size_t scheme = str_find(url, STR("://"));
  struct str host = str_from(url, scheme + 3);
  size_t at = str_find_char(host, '@'), end = str_find_char(host, '/');
  if (at != SIZE_MAX) host = str_from(host, at + 1), end = str_find_char(host, '/');
  if (end != SIZE_MAX) host.len = end;
  snprintf(t->base.where, sizeof t->base.where, "Upstash at %.*s", host.len > 250 ? 250 : (int)host.len,
           host.ptr);
}

static enum err check_config(struct str url, struct str token, struct err_detail *detail) {
  if ((!str_starts(url, STR("https://")) && !str_starts(url, STR("http://"))) || url.len >= URL_BYTES_MAX)
    return err_set(detail, ERR_INVALID, "UPSTASH_REDIS_REST_URL", 0, "this is no https:// address");
  bool is_good = token.len > 0 && token.len <= TOKEN_BYTES_MAX;
  for (size_t i = 0; i < token.len; i++) is_good = is_good && token.ptr[i] > ' ' && token.ptr[i] < 127;
  if (is_good) return ERR_OK;
  return err_set(detail, ERR_INVALID, "UPSTASH_REDIS_REST_TOKEN", 0,
                 "the token is missing or holds odd characters");
}

enum err redis_upstash_open(const struct live_config *config, struct redis_transport **ret,
                            struct err_detail *detail) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  struct str url = str_trim(str_of(config->url ? config->url : "")),
             token = str_trim(str_of(config->token ? config->token : ""));
  TRY(check_config(url, token, detail));
  pthread_once(&once, init_curl);
  struct transport *t = calloc(1, sizeof *t);
  if (!t) return ERR_NO_MEMORY;
  *t = (struct transport){
      .base = {.ops = &upstash_ops, .raw = raw_lua, .is_text = true, .server = "upstash rest"},
      .token = str_dup(token),
      .timeout_ms = config->timeout_ms ? config->timeout_ms : LIVE_TIMEOUT_MS,
      .request = buf_new(BODY_BYTES_MAX),
      .body = buf_new(BODY_BYTES_MAX)};
  while (url.len && url.ptr[url.len - 1] == '/') url.len--;
  ASSERT(str_copy(t->url, sizeof t->url, url));
  set_where(t, url);
  enum err e = t->token ? set_up(t) : ERR_NO_MEMORY;
  if (e == ERR_OK) *ret = &t->base;
  else upstash_close(&t->base);
  return e;
}
