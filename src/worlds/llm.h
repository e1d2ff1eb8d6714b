/* A language model behind an OpenAI-compatible endpoint (POST BASE/chat/completions), asked from the process of a job,
 * never from the server's loop. What it is given is data between marks and what it answers is a suggestion: the caller
 * judges it and has something to fall back on (U-22). The caller has initialised libcurl if it uses threads. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define LLM_TIMEOUT_MS 30000 /* of one attempt (requirements 8.1) */
#define LLM_RETRIES 2
#define LLM_ANSWER_BYTES_MAX (256 * 1024)
#define LLM_INPUT_BYTES_MAX 12000 /* of the data of one question */
#define LLM_TOKENS_MAX 500

struct llm_config {     /* texts borrowed */
  const char *base_url; /* "https://host/v1" */
  const char *api_key;  /* NULL: none is sent */
  const char *model;
  int timeout_ms;             /* 0: LLM_TIMEOUT_MS */
  int retry_wait_ms;          /* before another attempt, doubled each time; tests: 0 */
  bool (*may_ask)(void *arg); /* before each attempt: is there budget, is nobody waiting for us to stop? */
  void *arg;
};

struct llm_question {
  struct str task; /* the system's message: what to do */
  struct str data; /* cut to LLM_INPUT_BYTES_MAX, put between marks that it cannot contain */
};
/* Adds the answer's text, trimmed. Tries again after a timeout, a lost connection, 429 and 5xx. ERR_TOO_MANY: may_ask
 * said no; ERR_UNAVAILABLE: no attempt succeeded; ERR_INVALID: it answered, but not what was agreed. */
enum err llm_ask(const struct llm_config *config, const struct llm_question *q, struct buf *ret_text,
                 struct err_detail *detail);
