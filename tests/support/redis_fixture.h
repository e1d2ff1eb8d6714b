/* A real redis-server on a unix socket in a folder of its own, and Upstash's REST in front of it (upstash.mjs). Both
 * end with the test, however it ends. */
#pragma once
#include "tests/support/check.h"

#define UPSTASH_TOKEN "test-token-7f3a91"

struct redis_fixture {
  char folder[64], url[128]; /* unix:///… */
  int pid;
};
struct redis_fixture *redis_fixture_start(const char *extra_argument,
                                          const char *extra_value); /* NULL, NULL: none */
/* Arguments of redis-server after ours, NULL at their end; later ones win. */
struct redis_fixture *redis_fixture_start_with(const char *const extra[]);
void redis_fixture_stop(struct redis_fixture *r);  /* SIGKILL; NULL-safe; removes the folder */
void redis_fixture_kill(struct redis_fixture *r);  /* as a crash: the folder stays */
void redis_fixture_again(struct redis_fixture *r); /* after kill; without extra arguments */
/* One command, words parted by spaces; its answer as text, lists by lines; ":n" numbers as digits. Static. */
const char *redis_fixture_ask(struct redis_fixture *r, const char *command);

struct upstash_fixture {
  char url[64];
  int pid;
};
struct upstash_fixture *upstash_fixture_start(const struct redis_fixture *r);
void upstash_fixture_stop(struct upstash_fixture *u);
