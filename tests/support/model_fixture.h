/* An OpenAI-compatible endpoint in a process of its own: answers what it is told and counts who asked. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MODEL_ANSWER_BYTES 2000

struct model_shared { /* with the process */
  int requests;
  int status;                       /* of the answers; 0: closes without one */
  char content[MODEL_ANSWER_BYTES]; /* choices[0].message.content */
  char asked[65536];                /* the last request's body */
};
struct model_fixture {
  pid_t pid;
  char url[64]; /* "http://127.0.0.1:PORT/v1" */
  struct model_shared *shared;
};
void model_open(struct model_fixture *m);
void model_close(struct model_fixture *m);
void model_answers(struct model_fixture *m, int status, const char *content);
