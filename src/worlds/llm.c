#include "worlds/llm.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>

#include "base/json.h"

#define URL_BYTES_MAX 2048
#define BODY_BYTES_MAX (LLM_INPUT_BYTES_MAX * 8)
#define OPEN "<<<STORY\n"
#define CLOSE "\nSTORY>>>"

static size_t take_bytes(char *bytes, size_t size, size_t n, void *arg) {
  struct buf *b = arg;
  buf_add(b, bytes, size * n);
  return buf_error(b) == ERR_OK ? size * n : 0;
}

/* The marks cannot be closed from within: < and > of the data become ‹ and ›. */
static void add_data(struct buf *b, struct str data) {
  buf_add_text(b, OPEN);
  for (size_t i = 0; i < data.len; i++) {
    if (data.ptr[i] == '<') buf_add_text(b, "‹");
    else if (data.ptr[i] == '>') buf_add_text(b, "›");
    else buf_add_char(b, data.ptr[i]);
  }
  buf_add_text(b, CLOSE);
}

static void add_message(struct json_writer *w, const char *role, struct str content) {
  jw_object(w);
  jw_ktext(w, "role", role);
  jw_kstr(w, "content", content);
  jw_object_end(w);
}

static enum err make_body(const struct llm_config *c, const struct llm_question *q, struct buf *body) {
  BUF_AUTO struct buf data = buf_new(LLM_INPUT_BYTES_MAX * 4);
  struct str piece = q->data;
  if (piece.len > LLM_INPUT_BYTES_MAX)
    for (piece.len = LLM_INPUT_BYTES_MAX; piece.len && ((unsigned char)piece.ptr[piece.len] & 0xC0) == 0x80;)
      piece.len--;
  add_data(&data, piece);
  TRY(buf_error(&data));
  struct json_writer w = jw_new(body);
  jw_object(&w);
  jw_ktext(&w, "model", c->model);
  jw_key(&w, "messages");
  jw_array(&w);
  add_message(&w, "system", q->task);
  add_message(&w, "user", buf_str(&data));
  jw_array_end(&w);
  jw_kreal(&w, "temperature", 0.3);
  jw_kint(&w, "max_tokens", LLM_TOKENS_MAX);
  jw_kbool(&w, "stream", false);
  jw_object_end(&w);
  return buf_error(body);
}

struct exchange {
  CURL *curl;
  struct curl_slist *headers;
  struct buf body, answer;
};

static void exchange_free(struct exchange *x) {
  curl_slist_free_all(x->headers);
  curl_easy_cleanup(x->curl);
  buf_free(&x->body);
  buf_free(&x->answer);
}

static bool add_header(struct exchange *x, const char *line) {
  struct curl_slist *longer = curl_slist_append(x->headers, line);
  if (longer) x->headers = longer;
  return longer != NULL;
}

static enum err make_headers(struct exchange *x, const char *api_key) {
  char line[URL_BYTES_MAX];
  bool is_good = add_header(x, "Content-Type: application/json") && add_header(x, "Expect:");
  if (is_good && api_key && *api_key) {
    if (strpbrk(api_key, "\r\n") || strlen(api_key) > sizeof line - 32) return ERR_INVALID;
    (void)snprintf(line, sizeof line, "Authorization: Bearer %s", api_key);
    is_good = add_header(x, line);
  }
  return is_good ? ERR_OK : ERR_NO_MEMORY;
}

static enum err prepare(struct exchange *x, const struct llm_config *c, const struct llm_question *q,
                        struct err_detail *detail) {
  char url[URL_BYTES_MAX];
  size_t n = strlen(c->base_url);
  while (n && c->base_url[n - 1] == '/') n--;
  int len = snprintf(url, sizeof url, "%.*s/chat/completions", (int)n, c->base_url);
  if (len < 0 || (size_t)len >= sizeof url)
    return err_set(detail, ERR_INVALID, "LLM_BASE_URL", 0, "it is too long");
  TRY(make_body(c, q, &x->body));
  if (!(x->curl = curl_easy_init())) return ERR_NO_MEMORY;
  if (make_headers(x, c->api_key) != ERR_OK)
    return err_set(detail, ERR_INVALID, "LLM_API_KEY", 0, "it is no header's value");
  long timeout = c->timeout_ms ? c->timeout_ms : LLM_TIMEOUT_MS;
  curl_easy_setopt(x->curl, CURLOPT_URL, url);
  curl_easy_setopt(x->curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(x->curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(x->curl, CURLOPT_TIMEOUT_MS, timeout);
  curl_easy_setopt(x->curl, CURLOPT_CONNECTTIMEOUT_MS, timeout < 10000 ? timeout : 10000);
  curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, x->headers);
  curl_easy_setopt(x->curl, CURLOPT_POSTFIELDS, x->body.ptr);
  curl_easy_setopt(x->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body.len);
  curl_easy_setopt(x->curl, CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(x->curl, CURLOPT_WRITEDATA, &x->answer);
  return ERR_OK;
}

static enum err read_answer(struct str body, struct buf *ret_text, struct err_detail *detail) {
  JSON_AUTO json_t *answer = NULL;
  TRY(json_parse(body, &answer, detail));
  const json_t *choice = json_array_get(json_object_get(answer, "choices"), 0);
  struct str text = str_trim(json_text_at(json_object_get(choice, "message"), "content"));
  if (!text.len) return err_set(detail, ERR_INVALID, "choices", 0, "the language model's answer has no text");
  buf_add_str(ret_text, text);
  return buf_error(ret_text);
}

/* ret_again: the same might succeed later. */
static enum err ask_once(struct exchange *x, bool *ret_again, struct err_detail *detail) {
  long status = 0;
  buf_clear(&x->answer);
  CURLcode code = curl_easy_perform(x->curl);
  *ret_again = code != CURLE_OK && code != CURLE_WRITE_ERROR;
  if (code != CURLE_OK)
    return err_set(detail, ERR_UNAVAILABLE, "LLM_BASE_URL", 0, "the language model: %s",
                   curl_easy_strerror(code));
  curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
  *ret_again = status == 429 || status >= 500;
  if (status != 200)
    return err_set(detail, ERR_UNAVAILABLE, "LLM_BASE_URL", 0, "the language model answered %ld", status);
  return ERR_OK;
}

enum err llm_ask(const struct llm_config *c, const struct llm_question *q, struct buf *ret_text,
                 struct err_detail *detail) {
  struct exchange x = {.body = buf_new(BODY_BYTES_MAX), .answer = buf_new(LLM_ANSWER_BYTES_MAX)};
  enum err e = prepare(&x, c, q, detail);
  bool again = e == ERR_OK;
  for (int attempt = 0, wait_ms = c->retry_wait_ms; again && attempt <= LLM_RETRIES;
       attempt++, wait_ms *= 2) {
    if (attempt && wait_ms) (void)poll(NULL, 0, wait_ms);
    if (c->may_ask && !c->may_ask(c->arg)) {
      e = err_set(detail, ERR_TOO_MANY, "llmCallsPerDay", 0, "no call of the language model is left");
      break;
    }
    e = ask_once(&x, &again, detail);
    again = again && e != ERR_OK;
  }
  if (e == ERR_OK && read_answer(buf_str(&x.answer), ret_text, detail) != ERR_OK) e = ERR_INVALID;
  exchange_free(&x);
  return e;
}
