#include "cli/cli.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "sys/os_file.h"

/* ---- flags ---- */

static struct cli_flag *find_flag(struct cli_flag *flags, size_t count, struct str name) {
  for (size_t i = 0; i < count; i++)
    if (str_eq(str_of(flags[i].name), name)) return &flags[i];
  return NULL;
}

struct parsing {
  struct cli *cli;
  struct cli_flag flags[40];
  size_t count;
  int argc, at;
  char **argv;
  bool is_help;
};

static int take_value(struct parsing *p, const char *name, const char *inline_value, const char **ret) {
  if (!inline_value && p->at + 1 >= p->argc) return cli_fail(p->cli, CLI_USAGE, "--%s needs a value", name);
  *ret = inline_value ? inline_value : p->argv[++p->at];
  return -1;
}

static int parse_flag(struct parsing *p, char *argument) {
  bool is_short = argument[1] != '-';
  char *text = argument + (is_short ? 1 : 2), *equals = strchr(text, '=');
  const char *inline_value = equals ? equals + 1 : NULL;
  struct str name = {text, equals ? (size_t)(equals - text) : strlen(text)};
  struct cli_flag *flag = find_flag(p->flags, p->count, name);
  if (flag && flag->kind == CLI_FLAG_BOOL) {
    *flag->to.is_set = true;
    return inline_value ? cli_fail(p->cli, CLI_USAGE, "--%s takes no value", flag->name) : -1;
  }
  if (flag) return take_value(p, flag->name, inline_value, flag->to.text);
  if (p->cli->other_flag) {
    char copy[100];
    bool is_used = false;
    if (!str_copy(copy, sizeof copy, name))
      return cli_fail(p->cli, CLI_USAGE, "there is no flag %s", argument);
    const char *value = inline_value ? inline_value : p->at + 1 < p->argc ? p->argv[p->at + 1] : NULL;
    if (p->cli->other_flag(p->cli->other_arg, copy, value, &is_used)) {
      if (is_used && !inline_value) p->at++;
      return -1;
    }
  }
  return cli_fail(p->cli, CLI_USAGE, "there is no flag %s; sereno %s --help tells", argument, p->cli->verb);
}

static int parse_all(struct parsing *p) {
  int kept = 0;
  bool is_over = false;
  for (p->at = 1; p->at < p->argc; p->at++) {
    char *argument = p->argv[p->at];
    if (!is_over && strcmp(argument, "--") == 0) {
      is_over = true;
    } else if (!is_over && argument[0] == '-' && argument[1]) {
      int code = parse_flag(p, argument);
      if (code >= 0) return code;
    } else {
      p->argv[kept++] = argument;
    }
  }
  p->cli->argc = kept;
  p->cli->argv = p->argv;
  return -1;
}

static void read_line_of(const char *folder, const char *name, char *ret, size_t size) {
  char path[CLI_PATH_BYTES_MAX + 32];
  BUF_AUTO struct buf text = buf_new(4096);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (os_read_file(path, &text, NULL) == ERR_OK) (void)str_copy(ret, size, str_trim(buf_str(&text)));
  if (text.ptr) explicit_bzero(text.ptr, text.capacity);
}

bool cli_find_data(struct cli *c) {
  const char *data = c->data_flag ? c->data_flag : getenv("SERENO_DATA");
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  if (c->data[0]) return true;
  if (data && data[0]) snprintf(c->data, sizeof c->data, "%s", data);
  else if (state && state[0] == '/') snprintf(c->data, sizeof c->data, "%s/sereno", state);
  else if (home && home[0] == '/') snprintf(c->data, sizeof c->data, "%s/.local/state/sereno", home);
  return c->data[0] != '\0';
}

static bool is_this_machine(const char *url) {
  static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
  struct str rest = str_of(url);
  size_t at = str_find(rest, STR("://"));
  if (at != SIZE_MAX) rest = str_from(rest, at + 3);
  for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
    struct str host = str_of(hosts[i]);
    if (rest.len < host.len || !str_eq_nocase((struct str){rest.ptr, host.len}, host)) continue;
    struct str after = str_from(rest, host.len);
    size_t port = 0;
    if (after.len && after.ptr[0] == ':')
      while (port + 1 < after.len && after.ptr[port + 1] >= '0' && after.ptr[port + 1] <= '9') port++;
    size_t end = port ? port + 1 : 0;
    if (after.len == end || after.ptr[end] == '/') return true;
  }
  return false;
}

/* The folder's token opens the folder's server. It goes to no other: a URL given by hand must be this machine's, or
 * the one the server wrote into the folder; with --data the folder is chosen by hand, too. */
static bool is_folders_server(const struct cli *c) {
  char own[sizeof c->url] = "";
  read_line_of(c->data, "url", own, sizeof own);
  size_t n = strlen(own);
  while (n > 0 && own[n - 1] == '/') own[--n] = '\0';
  return c->data_flag || (own[0] && strcmp(own, c->url) == 0) || is_this_machine(c->url);
}

static void find_server(struct cli *c) {
  const char *url = c->url_flag ? c->url_flag : getenv("SERENO_URL");
  const char *token = c->token_flag ? c->token_flag : getenv("SERENO_TOKEN");
  bool has_data = cli_find_data(c);
  if (url && url[0]) snprintf(c->url, sizeof c->url, "%s", url);
  else if (has_data) read_line_of(c->data, "url", c->url, sizeof c->url);
  if (!c->url[0]) snprintf(c->url, sizeof c->url, "http://127.0.0.1:3000");
  size_t n = strlen(c->url);
  while (n > 0 && c->url[n - 1] == '/') c->url[--n] = '\0';
  if (token && token[0]) snprintf(c->token, sizeof c->token, "%s", token);
  else if (has_data && is_folders_server(c)) read_line_of(c->data, "admin.token", c->token, sizeof c->token);
}

int cli_usage(const struct cli *c, const char *help) {
  (void)c;
  (void)fputs(help, stderr);
  return CLI_USAGE;
}

int cli_begin(struct cli *c, int argc, char **argv, const struct cli_flag *flags, const char *help) {
  c->verb = argv[0];
  struct parsing p = {.cli = c, .argc = argc, .argv = argv};
  const struct cli_flag common[] = {CLI_BOOL("json", &c->is_json),  CLI_BOOL("plain", &c->is_plain),
                                    CLI_BOOL("help", &p.is_help),   CLI_BOOL("h", &p.is_help),
                                    CLI_TEXT("url", &c->url_flag),  CLI_TEXT("token", &c->token_flag),
                                    CLI_TEXT("data", &c->data_flag)};
  for (size_t i = 0; i < sizeof common / sizeof *common; i++) p.flags[p.count++] = common[i];
  for (; flags && flags->kind != CLI_FLAG_END; flags++) {
    ASSERT(p.count < sizeof p.flags / sizeof *p.flags);
    p.flags[p.count++] = *flags;
  }
  int code = parse_all(&p);
  if (code >= 0) return code;
  if (p.is_help) {
    (void)fputs(help, stdout);
    (void)fputs(
        "\nAlso: --json, --plain (no colours), --url URL, --token TOKEN, --data DIR; SERENO_URL, "
        "SERENO_TOKEN, SERENO_DATA,\n"
        "SERENO_CA_FILE (authority of an https server), NO_COLOR.\n",
        stdout);
    return CLI_OK;
  }
  find_server(c);
  return -1;
}

void cli_end(struct cli *c) {
  curl_easy_cleanup(c->curl);
  c->curl = NULL;
  explicit_bzero(c->token, sizeof c->token);
}

int cli_fail(const struct cli *c, int code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)fprintf(stderr, "sereno %s: ", c->verb);
  (void)vfprintf(stderr, format, args);
  (void)fputc('\n', stderr);
  va_end(args);
  return code;
}

int cli_fail_detail(const struct cli *c, enum err e, const struct err_detail *d) {
  (void)fprintf(stderr, "sereno %s: ", c->verb);
  if (d->field[0]) (void)fprintf(stderr, "%s", d->field);
  if (d->line) (void)fprintf(stderr, ", line %d", d->line);
  if (d->column) (void)fprintf(stderr, ", column %d", d->column);
  if (d->field[0]) (void)fputs(": ", stderr);
  (void)fprintf(stderr, "%s\n", d->message[0] ? d->message : err_text(e));
  if (d->hint[0]) (void)fprintf(stderr, "  hint: %s\n", d->hint);
  return cli_exit_of(err_http_status(e));
}

/* ---- HTTP ---- */

#define CLI_JSON "application/json"

int cli_exit_of(long status) {
  if (status >= 200 && status < 300) return CLI_OK;
  switch (status) {
    case 404: return CLI_NOT_FOUND;
    case 401:
    case 403:
    case 429: return CLI_REFUSED;
    case 409:
    case 412: return CLI_CONFLICT;
    case 504: return CLI_TIMED_OUT;
    default: return status >= 500 ? CLI_REFUSED : CLI_USAGE;
  }
}

void cli_reply_free(struct cli_reply *r) {
  buf_free(&r->body);
  json_decref(r->json);
  r->json = NULL;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg) {
  struct cli_reply *r = arg;
  buf_add(&r->body, bytes, size * n);
  return buf_error(&r->body) == ERR_OK ? size * n : 0;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg) {
  struct cli_reply *r = arg;
  struct str line = {bytes, size * n};
  size_t colon = str_find_char(line, ':');
  if (colon != SIZE_MAX && str_eq_nocase((struct str){line.ptr, colon}, STR("location")))
    (void)str_copy(r->location, sizeof r->location, str_trim(str_from(line, colon + 1)));
  return size * n;
}

static CURL *curl_of(struct cli *c) {
  if (!c->curl) c->curl = curl_easy_init();
  else curl_easy_reset(c->curl);
  ASSERT(c->curl);
  return c->curl;
}

struct request {
  const char *method, *path;
  struct str body;  /* STR_NONE: none */
  const char *type; /* of the body */
  const char *header;
};

/* Body and headers of one request; the list is freed by the caller. */
static struct curl_slist *set_up(struct cli *c, const struct request *r) {
  CURL *curl = curl_of(c);
  char url[CLI_PATH_BYTES_MAX + 2048], line[600];
  snprintf(url, sizeof url, "%s%s", c->url, r->path);
  struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json, application/problem+json");
  if (c->token[0]) {
    snprintf(line, sizeof line, "Authorization: Bearer %s", c->token);
    headers = curl_slist_append(headers, line);
    explicit_bzero(line, sizeof line);
  }
  if (r->header) headers = curl_slist_append(headers, r->header);
  headers = curl_slist_append(headers, "Expect:");
  (void)curl_easy_setopt(curl, CURLOPT_URL, url);
  (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, r->method);
  const char *ca_file = getenv("SERENO_CA_FILE"); /* a private authority, PEM */
  if (ca_file && ca_file[0]) (void)curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
  (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
  (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
  struct str body = r->body;
  bool takes_body =
      strcmp(r->method, "POST") == 0 || strcmp(r->method, "PATCH") == 0 || strcmp(r->method, "PUT") == 0;
  if (!body.ptr && takes_body) body = STR("{}");
  if (body.ptr) {
    (void)snprintf(line, sizeof line, "Content-Type: %s", r->type);
    headers = curl_slist_append(headers, line);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.ptr);
  }
  (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  return headers;
}

static long request(struct cli *c, const struct request *r, struct cli_reply *ret) {
  *ret = (struct cli_reply){.body = buf_new(CLI_BODY_BYTES_MAX)};
  struct curl_slist *headers = set_up(c, r);
  CURL *curl = c->curl;
  (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret);
  (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, ret);
  CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_OK) (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
  curl_slist_free_all(headers);
  if (code != CURLE_OK) {
    (void)snprintf(ret->location, sizeof ret->location, "%s", curl_easy_strerror(code));
    return 0;
  }
  if (json_parse(buf_str(&ret->body), &ret->json, NULL) != ERR_OK) ret->json = NULL;
  return ret->status;
}

long cli_try(struct cli *c, const char *method, const char *path, struct cli_reply *ret) {
  return request(c, &(struct request){method, path, STR_NONE, CLI_JSON, NULL}, ret);
}

static int fail_problem(struct cli *c, const struct cli_reply *r) {
  if (c->is_json && r->json) {
    char *text = json_to_text(r->json);
    (void)fprintf(stderr, "%s\n", text ? text : "{}");
    free(text);
    return cli_exit_of(r->status);
  }
  const char *detail = cli_text(r->json, "detail"), *title = cli_text(r->json, "title");
  const char *field = cli_text(r->json, "field"), *hint = cli_text(r->json, "hint");
  (void)fprintf(stderr, "sereno %s: ", c->verb);
  if (field && field[0]) (void)fprintf(stderr, "%s", field);
  if (json_int_at(r->json, "line", 0))
    (void)fprintf(stderr, ", line %lld", (long long)json_int_at(r->json, "line", 0));
  if (json_int_at(r->json, "column", 0))
    (void)fprintf(stderr, ", column %lld", (long long)json_int_at(r->json, "column", 0));
  if (field && field[0]) (void)fputs(": ", stderr);
  (void)fprintf(stderr, "%s",
                detail && detail[0] ? detail
                : title && title[0] ? title
                                    : "the server refused it");
  (void)fprintf(stderr, " (%ld)\n", r->status);
  if (hint && hint[0]) (void)fprintf(stderr, "  hint: %s\n", hint);
  if (r->status == 401 && !c->token[0])
    (void)fprintf(
        stderr,
        "  hint: no token for %s was found; set SERENO_TOKEN, or --data to the folder of that server\n",
        c->url);
  return cli_exit_of(r->status);
}

static int request_and_tell(struct cli *c, const struct request *r, struct cli_reply *ret) {
  long status = request(c, r, ret);
  if (status == 0) {
    int code = cli_fail(c, CLI_REFUSED, "no answer from %s: %s", c->url, ret->location);
    (void)fprintf(stderr,
                  "  hint: is the server running? sereno serve; another address: --url or SERENO_URL\n");
    return code;
  }
  return status >= 200 && status < 300 ? CLI_OK : fail_problem(c, ret);
}

int cli_call_with(struct cli *c, const char *method, const char *path, const char *body, const char *header,
                  struct cli_reply *ret) {
  return request_and_tell(c, &(struct request){method, path, str_of(body), CLI_JSON, header}, ret);
}

int cli_upload(struct cli *c, const char *path, struct str bytes, const char *content_type,
               struct cli_reply *ret) {
  return request_and_tell(c, &(struct request){"POST", path, bytes, content_type, NULL}, ret);
}

int cli_call(struct cli *c, const char *method, const char *path, const char *body, struct cli_reply *ret) {
  return cli_call_with(c, method, path, body, NULL, ret);
}

bool cli_path(char *ret, size_t size, const char *before, const char *name, const char *after) {
  size_t at = 0, n = strlen(before);
  if (n >= size) return false;
  memcpy(ret, before, n);
  at = n;
  for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
    bool is_plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                    strchr("-_.~", *p);
    if (at + 4 >= size) return false;
    if (is_plain) ret[at++] = (char)*p;
    else at += (size_t)snprintf(ret + at, size - at, "%%%02X", *p);
  }
  return (size_t)snprintf(ret + at, size - at, "%s", after) < size - at;
}

bool cli_is_filter(const char *text) { return text[0] != '-' && text[strcspn(text, ":~<>= ")] != 0; }

bool cli_filter(const struct cli *c, char *ret, size_t size) {
  BUF_AUTO struct buf q = buf_new(1000);
  for (int i = 0; i < c->argc; i++) buf_addf(&q, "%s%s", i ? " " : "", c->argv[i]);
  ret[0] = 0;
  if (c->argc == 0) return true;
  const char *text = buf_text(&q);
  return text && cli_path(ret, size, "&q=", text, "");
}

/* ---- streams ---- */

struct streaming {
  struct cli *cli;
  cli_event_fn *fn;
  void *arg;
  struct buf rest; /* an unfinished line */
  struct buf event, id, data;
  bool is_over;
  struct cli_reply error; /* the body when the answer is no stream */
};

static void stream_line(struct streaming *s, struct str line) {
  if (line.len == 0) {
    if (s->data.len && !s->fn(s->arg, buf_str(&s->id), buf_str(&s->event), buf_str(&s->data)))
      s->is_over = true;
    buf_clear(&s->data);
    buf_clear(&s->event);
    return;
  }
  size_t colon = str_find_char(line, ':');
  if (colon == 0 || colon == SIZE_MAX) return;
  struct str name = {line.ptr, colon}, value = str_from(line, colon + 1);
  if (value.len && value.ptr[0] == ' ') value = str_from(value, 1);
  struct buf *to = str_eq(name, STR("data"))    ? &s->data
                   : str_eq(name, STR("event")) ? &s->event
                   : str_eq(name, STR("id"))    ? &s->id
                                                : NULL;
  if (!to) return;
  if (to == &s->data && to->len) buf_add_char(to, '\n');
  if (to != &s->data) buf_clear(to);
  buf_add_str(to, value);
}

static size_t on_stream(char *bytes, size_t size, size_t n, void *arg) {
  struct streaming *s = arg;
  long status = 0;
  (void)curl_easy_getinfo(s->cli->curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return on_body(bytes, size, n, &s->error);
  buf_add(&s->rest, bytes, size * n);
  struct str rest = buf_str(&s->rest);
  size_t used = 0, end;
  while (!s->is_over && (end = str_find_char(str_from(rest, used), '\n')) != SIZE_MAX) {
    struct str line = {rest.ptr + used, end};
    if (line.len && line.ptr[line.len - 1] == '\r') line.len--;
    stream_line(s, line);
    used += end + 1;
  }
  buf_drop_front(&s->rest, used);
  return s->is_over || buf_error(&s->rest) != ERR_OK ? 0 : size * n;
}

int cli_stream(struct cli *c, const char *path, cli_event_fn *fn, void *arg) {
  struct streaming s = {.cli = c,
                        .fn = fn,
                        .arg = arg,
                        .rest = buf_new(CLI_BODY_BYTES_MAX),
                        .event = buf_new(1000),
                        .id = buf_new(1000),
                        .data = buf_new(CLI_BODY_BYTES_MAX),
                        .error = {.body = buf_new(CLI_BODY_BYTES_MAX)}};
  struct curl_slist *headers =
      set_up(c, &(struct request){"GET", path, STR_NONE, CLI_JSON, "Accept: text/event-stream"});
  (void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_stream);
  (void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &s);
  CURLcode code = curl_easy_perform(c->curl);
  (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &s.error.status);
  curl_slist_free_all(headers);
  int result = CLI_OK;
  if (s.error.status != 0 && s.error.status != 200) {
    if (json_parse(buf_str(&s.error.body), &s.error.json, NULL) != ERR_OK) s.error.json = NULL;
    result = fail_problem(c, &s.error);
  } else if (code != CURLE_OK && !s.is_over) {
    result = cli_fail(c, CLI_REFUSED, "the stream from %s ended: %s", c->url, curl_easy_strerror(code));
  }
  buf_free(&s.rest), buf_free(&s.event), buf_free(&s.id), buf_free(&s.data);
  cli_reply_free(&s.error);
  return result;
}
