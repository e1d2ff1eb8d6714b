/* An HTTP server and its clients in one thread: the client's side is polled between the turns of the loop.
 * Time is the test's own, so nothing waits for a timeout. */
#pragma once
#include "http/http.h"
#include "sys/loop.h"
#include "tests/support/check.h"

#define REPLY_BYTES (8 * 1024 * 1024)
#define TURNS_MAX 200000 /* a test that waits for what never comes ends here, not in a hang */

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* The handler does what the path says: /hold keeps the request in held, /stream starts a stream, /large?n=
 * answers n bytes a–z, /file?at=&n= a range of a file of 1,000,000 digits, /headers tries to inject one,
 * /error answers an error, /broken a body that could not be built; everything else is answered with the request as text:
 * METHOD host path[?name=value...][ [body]]. */
struct fixture {
  struct world world; /* first: the fake clock */
  struct tick now;
  int64_t wall_ms;
  struct loop *loop;
  struct http_server *server;
  struct http_request *held;
  struct http_stream *stream;
  int handled, hang_ups, streams_lost, drains;
  int last_status;
};

/* config may be NULL; its clock and answered are the fixture's. */
struct fixture *fixture_open(const struct http_config *config);
void fixture_close(struct fixture *f);  /* answers what is held */
void fixture_on_drained(void *fixture); /* counts */
void fixture_on_hang_up(void *fixture);
void turn(struct fixture *f);   /* one turn of the loop, or a millisecond */
void settle(struct fixture *f); /* turns until nothing is ready */
void pass_ms(struct fixture *f, uint64_t ms);

struct ssl_st;
struct client {
  struct fixture *f;
  int fd;
  struct ssl_st *ssl; /* NULL = plain; the test's own */
  struct buf got;
  bool is_closed, is_reset;
};

struct client client_open(struct fixture *f);
void client_close(struct client *c);
void client_read(struct client *c); /* what is there */
void client_send(struct client *c, struct str bytes);
void client_until_closed(struct client *c);
bool has_text(const struct client *c, const char *text);
void client_until(struct client *c, const char *text); /* came; fails when it never does */
/* Cuts the first whole answer off what came; false when there is none yet. Not for HEAD and streams. */
bool take_answer(struct client *c, int *ret_status, struct buf *ret_body);
/* Waits for one; 0 when the connection closes first. */
int client_answer(struct client *c, struct buf *ret_body);
/* One request, one answer with this status and (unless NULL) body. */
void check_ask(struct client *c, const char *raw, int want_status, const char *want_body);
/* A client of /stream that has read the answer's head. */
struct client client_open_stream(struct fixture *f);
