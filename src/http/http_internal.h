/* What the files of http/ share. How a request goes through them:
 *
 *   http_server.c  the nested epoll notes what is ready and puts the connection on the work list;
 *                  a turn works a bounded number of connections, each within a budget
 *   http_conn.c    reads, parses, collects the body, calls the handler, writes, waits, closes
 *   http_exchange.c  a request as the handler sees it
 *   http_answer.c  turns an answer into bytes on the connection's output; http_stream.c the same for streams
 *
 * One connection has one exchange at a time; a pipelined request is not looked at before the one ahead
 * of it was answered. Connections are freed only while being worked, on a timeout or with the server,
 * so that nobody's pointer goes stale inside a callback. */
#pragma once
#include "base/list.h"
#include "http/http.h"
#include "http/http_chunk.h"
#include "http/http_parse.h"
#include "http/http_wire.h"
#include "sys/os_net.h"

#define HTTP_SCRATCH_BYTES 65536
/* Output at which a connection stops answering pipelined requests until the client reads. */
#define HTTP_OUTPUT_HIGH_BYTES 65536
/* Bodies up to this are copied behind their head, so that one write sends both. */
#define HTTP_COPY_BYTES 16384
#define HTTP_ID_DIGITS 16

/* What a connection waits for: one list of connections each, in the order of their deadlines, since every
 * kind has one duration. */
enum http_wait { WAIT_NONE, WAIT_HEAD, WAIT_BODY, WAIT_IDLE, WAIT_WRITE, WAIT_LINGER, WAIT_COUNT };

enum http_conn_state {
  CONN_HANDSHAKE,
  CONN_HEAD,     /* between requests, or within a head */
  CONN_BODY,     /* exchange is being filled */
  CONN_HANDLING, /* exchange is with the handler */
  CONN_STREAM,
  CONN_CLOSING /* the output is the last; what comes in is thrown away */
};

struct http_conn;

struct http_pair {
  struct str name, value;
};

/* A request with what the handler does not see. */
struct http_exchange {
  struct http_request req;    /* first */
  struct list link;           /* in server->exchanges */
  struct http_server *server; /* NULL once it was freed */
  struct http_conn *conn;     /* NULL once it closed */
  http_close_fn *on_close;
  void *on_close_arg;
  bool wants_close, is_chunked;
  uint64_t body_left; /* of Content-Length */
  struct http_chunks chunks;
  struct buf body;
  size_t body_counted; /* in server->body_bytes */
  struct buf extra;    /* headers of the answer */
  struct tick ready;
  size_t field_count, parameter_count;
  struct http_pair *fields, *parameters;
  char peer[NET_ADDRESS_BYTES];
  char id[HTTP_ID_DIGITS];
  max_align_t bytes[]; /* fields, parameters, the head's bytes, decoded path and query */
};

struct http_payload { /* what follows conn->out: at most one of the three */
  struct str bytes;   /* of owned, or static */
  struct buf owned;
  struct http_file file; /* fd -1: none */
};

struct http_stream {
  struct http_conn *conn;
  http_close_fn *on_close;
  void *arg;
};

struct http_conn {
  struct http_server *server;
  struct http_wire wire;
  enum http_conn_state state;
  struct list all, work, waiting;
  enum http_wait wait;
  uint64_t deadline_ns;
  bool can_read, can_write;
  bool has_hung_up; /* the other side sends no more (seen by epoll) */
  bool is_at_eof;   /* and all of it was read */
  bool is_failed, is_shut, is_used;
  bool is_refused;                /* the other side may still be sending what we do not want */
  bool was_written, was_answered; /* since the wait was last set */
  struct buf in;                  /* received, not yet used */
  struct http_head *head;         /* of a partial head in `in` */
  struct buf out;
  size_t out_at; /* bytes of out already sent */
  struct http_payload payload;
  struct http_exchange *exchange;
  struct http_stream *stream;
  char peer[NET_ADDRESS_BYTES];
};

struct http_server {
  struct loop *loop;
  struct loop_io *io;
  struct loop_timer *timer;
  struct world *world;
  http_handler *handler;
  void *arg;
  void (*answered)(void *arg, const struct http_answered *answer);
  struct http_limits limits;
  struct http_head_limits head_limits;
  struct ssl_ctx_st *tls;
  char *tls_cert, *tls_key;
  int listen_fd, poll_fd, flag_fd;
  bool is_listening; /* in the epoll set; not while files are short */
  bool is_flagged, is_working, is_draining;
  http_close_fn *drained;
  void *drained_arg;
  uint64_t drain_deadline_ns, listen_again_ns, armed_ns;
  struct list conns, work, exchanges;
  struct list waits[WAIT_COUNT];
  uint64_t wait_ns[WAIT_COUNT];
  struct buf common; /* headers of every answer, the Date first */
  int64_t common_second;
  uint64_t id_next;
  size_t body_bytes;
  struct http_stats stats;
  struct http_head scratch_head;
  char scratch[HTTP_SCRATCH_BYTES];
};

/* ---- http_server.c */
void http_server_wake(struct http_server *s);
uint64_t http_server_now_ns(const struct http_server *s);

/* ---- http_conn.c */
/* NULL: no memory; the fd is closed. */
struct http_conn *http_conn_new(struct http_server *s, int fd, const char *peer);
void http_conn_events(struct http_conn *c, uint32_t epoll_events);
/* Does what can be done within a budget; the connection may be gone afterwards. */
void http_conn_work(struct http_conn *c);
void http_conn_timeout(struct http_conn *c);
void http_conn_free(struct http_conn *c);
void http_conn_schedule(struct http_conn *c);
void http_conn_drain(struct http_conn *c); /* the server has begun to drain */
static inline bool http_conn_has_output(const struct http_conn *c) {
  return c->out.len > c->out_at || c->payload.bytes.len > 0 || c->payload.file.fd >= 0;
}
void http_payload_free(struct http_payload *p);

/* ---- http_exchange.c */
/* From a parsed head at `base`. On error *ret_status and *ret_why say what to answer. */
struct http_exchange *http_exchange_new(struct http_conn *c, const struct http_head *head, const char *base,
                                        int *ret_status, const char **ret_why);
void http_exchange_free(struct http_exchange *x);
/* Tells the handler, once, that the client has gone. */
void http_exchange_hung_up(struct http_exchange *x);
static inline struct http_exchange *http_exchange_of(struct http_request *req) {
  return (struct http_exchange *)req; /* its first member */
}

/* ---- http_answer.c */
/* The server's own answer to what it could not read; the connection closes after it. */
void http_answer_refusal(struct http_conn *c, int status, const char *why);
/* Status line and the headers of every answer; ends inside the head. */
void http_answer_begin(struct http_conn *c, int status, struct str id);
void http_answer_count(struct http_exchange *x, int status, uint64_t body_bytes);

/* ---- http_stream.c */
void http_stream_free(struct http_stream *stream);
/* The same, and tells its owner. */
void http_stream_lost(struct http_stream *stream);
