/* One HTTP request. Addresses that are not public are refused unless the configuration's allow-list
 * names them (environment variable HTTP_ALLOW_PRIVATE of the run, set by serve, never by the job); the
 * address judged is the one connected to, so a name that resolves anew gains nothing. Redirects are
 * followed here, not by the library: another host gets no header of the job. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/net_guard.h"
#include "warden/child.h"

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", NULL};

/* Headers that say what is spoken, not who speaks: the values of all others are secret. */
static const char *const harmless_headers[] = {"Accept",
                                               "Accept-Charset",
                                               "Accept-Encoding",
                                               "Accept-Language",
                                               "Cache-Control",
                                               "Content-Encoding",
                                               "Content-Language",
                                               "Content-Type",
                                               "Host",
                                               "If-Match",
                                               "If-Modified-Since",
                                               "If-None-Match",
                                               "Origin",
                                               "Pragma",
                                               "Prefer",
                                               "Range",
                                               "User-Agent",
                                               NULL};

static const struct executor_param params[] = {
    {.name = "url",
     .type = PARAM_TEXT,
     .is_required = true,
     .min = 8,
     .max = 8192,
     .help = "http:// or https://",
     .help_es = "http:// o https://"},
    {.name = "method",
     .type = PARAM_TEXT,
     .default_json = "\"GET\"",
     .choices = methods,
     .help = "HTTP method",
     .help_es = "método HTTP"},
    {.name = "headers",
     .type = PARAM_OBJECT,
     .is_secret = true,
     .shown = harmless_headers,
     .help = "request headers, NAME: text",
     .help_es = "cabeceras de la petición, NOMBRE: texto"},
    {.name = "body",
     .type = PARAM_TEXT,
     .max = 65536,
     .help = "request body",
     .help_es = "cuerpo de la petición"},
    {.name = "expectStatus",
     .type = PARAM_TEXT,
     .min = 3,
     .max = 200,
     .default_json = "\"200-299\"",
     .help = "statuses that count as success, like 200-299,304",
     .help_es = "estados que cuentan como éxito, como 200-299,304"},
    {.name = "timeout",
     .type = PARAM_INT,
     .min = 1,
     .max = 86400,
     .default_json = "30",
     .help = "seconds for the whole exchange",
     .help_es = "segundos para todo el intercambio"},
    {.name = "maxResponseBytes",
     .type = PARAM_INT,
     .min = 0,
     .max = 67108864,
     .default_json = "1048576",
     .help = "a longer answer is a failure",
     .help_es = "una respuesta más larga es un fallo"},
    {.name = "maxRedirects",
     .type = PARAM_INT,
     .min = 0,
     .max = 10,
     .default_json = "0",
     .help = "redirects that are followed",
     .help_es = "redirecciones que se siguen"},
    {},
};

struct exchange {
  struct child *child;
  CURL *curl;
  struct net_guard guard;
  struct buf body;
  char refused[INET6_ADDRSTRLEN]; /* address the guard refused, "" = none */
  bool is_too_long;
};

static bool address_of(const struct sockaddr *sa, struct net_address *ret, char text[INET6_ADDRSTRLEN]) {
  if (sa->sa_family == AF_INET) {
    const struct sockaddr_in *v4 = (const void *)sa;
    uint8_t bytes[4];
    memcpy(bytes, &v4->sin_addr, 4);
    *ret = net_address_v4(bytes);
    return inet_ntop(AF_INET, &v4->sin_addr, text, INET6_ADDRSTRLEN) != NULL;
  }
  if (sa->sa_family != AF_INET6) return false;
  const struct sockaddr_in6 *v6 = (const void *)sa;
  memcpy(ret->bytes, &v6->sin6_addr, 16);
  return inet_ntop(AF_INET6, &v6->sin6_addr, text, INET6_ADDRSTRLEN) != NULL;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to) {
  struct exchange *x = arg;
  struct net_address address;
  char text[INET6_ADDRSTRLEN] = "";
  if (purpose != CURLSOCKTYPE_IPCXN || !address_of(&to->addr, &address, text) ||
      !net_guard_allows(&x->guard, &address)) {
    (void)str_copy(x->refused, sizeof x->refused, str_of(text[0] ? text : "?"));
    return CURL_SOCKET_BAD;
  }
  return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t take_body(char *bytes, size_t size, size_t n, void *arg) {
  struct exchange *x = arg;
  buf_add(&x->body, bytes, size * n);
  x->is_too_long = buf_error(&x->body) != ERR_OK;
  return x->is_too_long ? 0 : size * n;
}

static int stop_when_asked(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
  (void)a, (void)b, (void)c, (void)d;
  return child_is_asked_to_stop(((struct exchange *)arg)->child);
}

static enum err add_headers(const json_t *headers, struct curl_slist **list, struct err_detail *d) {
  const char *name;
  json_t *value;
  void *at;
  json_object_foreach_safe((json_t *)(uintptr_t)headers, at, name, value) {
    const char *text = json_string_value(value);
    if (!text || strpbrk(text, "\r\n") || name[strcspn(name, "\r\n: \t")] != '\0')
      return err_set(d, ERR_INVALID, "headers", 0, "headers.%.60s must be a name with a one-line text", name);
    char line[16384];
    int n = snprintf(line, sizeof line, *text ? "%s: %s" : "%s;", name, text);
    if (n < 0 || (size_t)n >= sizeof line)
      return err_set(d, ERR_LIMIT, "headers", 0, "headers.%.60s is too long", name);
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (!longer) return ERR_NO_MEMORY;
    *list = longer;
  }
  return ERR_OK;
}

/* "200-299,304": does status lie in one of the ranges? */
static enum err status_matches(struct str ranges, long status, bool *ret, struct err_detail *d) {
  bool is_match = false;
  struct str piece;
  while (str_split(&ranges, ',', &piece)) {
    size_t dash = str_find_char(piece, '-');
    int64_t low, high;
    bool is_range = str_to_int(dash == SIZE_MAX ? piece : (struct str){piece.ptr, dash}, 100, 599, &low) &&
                    str_to_int(dash == SIZE_MAX ? piece : str_from(piece, dash + 1), 100, 599, &high) &&
                    low <= high;
    if (!is_range)
      return err_set(d, ERR_INVALID, "expectStatus", 0, "\"%.*s\" is no status or range like 200-299",
                     STR_ARG(piece));
    is_match = is_match || (status >= low && status <= high);
  }
  *ret = is_match;
  return ERR_OK;
}

static bool same_origin(const char *a, const char *b) {
  bool is_same = false;
  CURLU *ua = curl_url(), *ub = curl_url();
  if (ua && ub && !curl_url_set(ua, CURLUPART_URL, a, 0) && !curl_url_set(ub, CURLUPART_URL, b, 0)) {
    is_same = true;
    static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
    for (size_t i = 0; i < 3 && is_same; i++) {
      char *pa = NULL, *pb = NULL;
      is_same = !curl_url_get(ua, parts[i], &pa, CURLU_DEFAULT_PORT) &&
                !curl_url_get(ub, parts[i], &pb, CURLU_DEFAULT_PORT) && strcasecmp(pa, pb) == 0;
      curl_free(pa);
      curl_free(pb);
    }
  }
  curl_url_cleanup(ua);
  curl_url_cleanup(ub);
  return is_same;
}

static CURLcode prepare(struct exchange *x, const char *method, struct str body, struct curl_slist *headers) {
  CURL *c = x->curl;
  bool has_body = body.ptr != NULL;
  const json_t *p = child_params(x->child);
  CURLcode e = CURLE_OK;
#define SET(option, value) e = e ? e : curl_easy_setopt(c, (option), (value))
  SET(CURLOPT_CUSTOMREQUEST, method);
  SET(CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
  SET(CURLOPT_HTTPHEADER, headers);
  SET(CURLOPT_POST, has_body ? 1L : 0L);
  if (has_body) SET(CURLOPT_POSTFIELDS, body.ptr);
  if (has_body) SET(CURLOPT_POSTFIELDSIZE, (long)body.len);
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_PROXY, ""); /* a proxy would be the one to connect, behind the guard's back */
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_TIMEOUT, (long)json_integer_value(json_object_get(p, "timeout")));
  SET(CURLOPT_USERAGENT, "sereno/" SERENO_VERSION);
  SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
  SET(CURLOPT_OPENSOCKETDATA, x);
  SET(CURLOPT_WRITEFUNCTION, take_body);
  SET(CURLOPT_WRITEDATA, x);
  SET(CURLOPT_NOPROGRESS, 0L);
  SET(CURLOPT_XFERINFOFUNCTION, stop_when_asked);
  SET(CURLOPT_XFERINFODATA, x);
#undef SET
  return e;
}

static enum err explain_failure(const struct exchange *x, CURLcode code, const char *text,
                                struct err_detail *d) {
  if (x->refused[0]) {
    (void)err_set(d, ERR_FORBIDDEN, "url", 0, "the address %s is not public", x->refused);
    err_hint(d, "an administrator can allow it: [executors] http_allow_private");
    return ERR_FORBIDDEN;
  }
  if (x->is_too_long)
    return err_set(d, ERR_LIMIT, "maxResponseBytes", 0, "the answer is longer than maxResponseBytes");
  if (child_is_asked_to_stop(x->child)) return err_set(d, ERR_TIMEOUT, "", 0, "stopped when asked");
  return err_set(d, code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_IO, "url", 0, "%s",
                 text[0] ? text : curl_easy_strerror(code));
}

/* One request and its redirects. *ret_status is the last answer's. */
static enum err exchange_run(struct exchange *x, long *ret_status, struct err_detail *d) {
  const json_t *p = child_params(x->child);
  const char *method = json_string_value(json_object_get(p, "method"));
  const json_t *body_json = json_object_get(p, "body");
  struct str body =
      body_json ? (struct str){json_string_value(body_json), json_string_length(body_json)} : STR_NONE;
  char *url = strdup(json_string_value(json_object_get(p, "url")));
  struct curl_slist *headers = NULL;
  char text[CURL_ERROR_SIZE] = "";
  enum err e = url ? add_headers(json_object_get(p, "headers"), &headers, d) : ERR_NO_MEMORY;
  int64_t left = json_integer_value(json_object_get(p, "maxRedirects"));
  while (e == ERR_OK) {
    buf_clear(&x->body);
    if (prepare(x, method, body, headers) || curl_easy_setopt(x->curl, CURLOPT_URL, url) ||
        curl_easy_setopt(x->curl, CURLOPT_ERRORBUFFER, text)) {
      e = ERR_NO_MEMORY;
      break;
    }
    CURLcode code = curl_easy_perform(x->curl);
    if (code != CURLE_OK) {
      e = explain_failure(x, code, text, d);
      break;
    }
    char *target = NULL;
    (void)curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, ret_status);
    (void)curl_easy_getinfo(x->curl, CURLINFO_REDIRECT_URL, &target);
    if (!target || left-- == 0) break;
    bool becomes_get =
        *ret_status == 303 || ((*ret_status == 301 || *ret_status == 302) && strcmp(method, "POST") == 0);
    if (becomes_get && strcmp(method, "HEAD") != 0) {
      method = "GET";
      body = STR_NONE;
    }
    if (!same_origin(url, target)) {
      curl_slist_free_all(headers);
      headers = NULL;
    }
    char *next = strdup(target);
    free(url);
    url = next;
    if (!url) e = ERR_NO_MEMORY;
  }
  curl_slist_free_all(headers);
  free(url);
  return e;
}

static void report(struct exchange *x, long status) {
  curl_off_t total_us = 0;
  char *address = NULL;
  (void)curl_easy_getinfo(x->curl, CURLINFO_TOTAL_TIME_T, &total_us);
  (void)curl_easy_getinfo(x->curl, CURLINFO_PRIMARY_IP, &address);
  child_print(x->child, "HTTP %ld, %zu bytes in %lld ms", status, x->body.len, (long long)(total_us / 1000));
  if (x->body.len > 0) child_print(x->child, "%.*s", STR_ARG(buf_str(&x->body)));
  child_result(x->child,
               json_pack("{s:i, s:I, s:I, s:s}", "status", (int)status, "bytes", (json_int_t)x->body.len,
                         "durationMs", (json_int_t)(total_us / 1000), "address", address ? address : ""));
}

static int run(struct child *child) {
  const json_t *p = child_params(child);
  struct exchange x = {.child = child,
                       .body = buf_new((size_t)json_integer_value(json_object_get(p, "maxResponseBytes")))};
  struct err_detail d = {};
  struct str expected = str_of(json_string_value(json_object_get(p, "expectStatus")));
  long status = 0;
  bool is_expected = false;
  enum err e = net_guard_parse(str_of(getenv("HTTP_ALLOW_PRIVATE")), &x.guard, &d);
  if (e == ERR_OK) e = status_matches(expected, 0, &is_expected, &d);
  if (e == ERR_OK && (curl_global_init(CURL_GLOBAL_DEFAULT) || !(x.curl = curl_easy_init())))
    e = ERR_NO_MEMORY;
  if (e == ERR_OK) e = exchange_run(&x, &status, &d);
  if (e == ERR_OK) report(&x, status);
  if (e == ERR_OK) e = status_matches(expected, status, &is_expected, &d);
  if (e == ERR_OK && !is_expected)
    e = err_set(&d, ERR_INVALID, "expectStatus", 0, "the answer was %ld, expected %.*s", status,
                STR_ARG(expected));
  curl_easy_cleanup(x.curl);
  buf_free(&x.body);
  if (e == ERR_OK) return EXECUTOR_OK;
  if (!d.message[0]) (void)err_set(&d, e, "", 0, "%s", err_text(e));
  return child_fail(child, &d);
}

const struct executor executor_http = {
    .name = "http",
    .class_name = "HttpExecutor",
    .description = "Makes one HTTP request and checks the status",
    .description_es = "Hace una petición HTTP y comprueba el estado",
    .params = params,
    .run = run,
};
