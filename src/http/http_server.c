#include <stdlib.h>

#include "http/http_internal.h"
#include "sys/os_file.h"

#define TURN_EVENTS 64
/* With the budget of each (http_conn.c): at most some 250 requests, a millisecond or two. */
#define TURN_CONNS 32
#define TURN_ACCEPTS 64
/* Connections above the limit that may be told so at the same time; beyond them: closed unheard. */
#define REFUSED_MAX 64
#define OTHER_FILES 512
#define LINGER_MS 2000
#define LISTEN_AGAIN_MS 100
#define NS_PER_MS 1000000u

uint64_t http_server_now_ns(const struct http_server *s) { return world_tick(s->world).ns; }

void http_server_wake(struct http_server *s) {
  if (s->is_working || s->is_flagged) return;
  s->is_flagged = true;
  os_flag_set(s->flag_fd);
}

/* ---- Listening ------------------------------------------------------------------------------ */

static void listen_set(struct http_server *s, bool on) {
  if (s->is_listening == on) return;
  if (on) s->is_listening = os_poll_add(s->poll_fd, s->listen_fd, EPOLLIN, &s->listen_fd) == ERR_OK;
  else os_poll_remove(s->poll_fd, s->listen_fd), s->is_listening = false;
}

static void admit(struct http_server *s, int fd, const char *peer) {
  bool is_full = s->stats.connections >= s->limits.connections;
  s->stats.accepted++;
  if (is_full) s->stats.refused++;
  if (is_full && (s->tls || s->stats.connections >= s->limits.connections + REFUSED_MAX)) {
    os_close(&fd);
    return;
  }
  struct http_conn *c = http_conn_new(s, fd, peer);
  if (c && is_full) http_answer_refusal(c, 503, "there are too many connections");
}

static void accept_some(struct http_server *s) {
  for (int i = 0; i < TURN_ACCEPTS && s->is_listening; i++) {
    int fd;
    char peer[NET_ADDRESS_BYTES];
    enum err e = os_net_accept(s->listen_fd, &fd, peer);
    if (e == ERR_BUSY) return;
    if (e == ERR_OK) admit(s, fd, peer);
    if (e != ERR_LIMIT) continue;
    /* Out of files: the listening socket would stay readable and spin; look again a little later. */
    listen_set(s, false);
    s->listen_again_ns = http_server_now_ns(s) + LISTEN_AGAIN_MS * (uint64_t)NS_PER_MS;
  }
}

/* ---- Time ----------------------------------------------------------------------------------- */

static struct http_conn *first_waiting(struct http_server *s, int wait) {
  return list_is_empty(&s->waits[wait]) ? NULL : CONTAINER_OF(s->waits[wait].next, struct http_conn, waiting);
}

static uint64_t next_deadline(struct http_server *s) {
  uint64_t next = s->listen_again_ns < s->drain_deadline_ns ? s->listen_again_ns : s->drain_deadline_ns;
  for (int w = WAIT_NONE + 1; w < WAIT_COUNT; w++) {
    struct http_conn *c = first_waiting(s, w);
    if (c && c->deadline_ns < next) next = c->deadline_ns;
  }
  return next;
}

/* The timer is only ever moved forward here: when it fires too early it is set again. */
static void arm(struct http_server *s) {
  uint64_t next = next_deadline(s);
  if (next >= s->armed_ns) return;
  s->armed_ns = next;
  uint64_t now = http_server_now_ns(s);
  loop_timer_arm_ms(s->timer, next <= now ? 0 : (int64_t)((next - now) / NS_PER_MS) + 1);
}

static void free_conns(struct http_server *s) {
  while (!list_is_empty(&s->conns)) http_conn_free(CONTAINER_OF(s->conns.next, struct http_conn, all));
}

/* The last thing in a turn: the callback may free the server. */
static void tell_drained(struct http_server *s) {
  if (!s->is_draining || !s->drained || s->stats.connections > 0) return;
  http_close_fn *drained = s->drained;
  s->drained = NULL;
  s->drain_deadline_ns = UINT64_MAX;
  drained(s->drained_arg);
}

void http_server_expire(struct http_server *s) {
  uint64_t now = http_server_now_ns(s);
  for (int w = WAIT_NONE + 1; w < WAIT_COUNT; w++)
    for (struct http_conn *c; (c = first_waiting(s, w)) && c->deadline_ns <= now;) http_conn_timeout(c);
  if (s->listen_again_ns <= now) {
    s->listen_again_ns = UINT64_MAX;
    if (!s->is_draining) listen_set(s, true);
  }
  if (s->drain_deadline_ns <= now) free_conns(s);
  arm(s);
  tell_drained(s);
}

static void on_timer(void *arg) {
  struct http_server *s = arg;
  s->armed_ns = UINT64_MAX;
  http_server_expire(s);
}

/* ---- A turn --------------------------------------------------------------------------------- */

static void note_events(struct http_server *s) {
  struct epoll_event events[TURN_EVENTS];
  size_t n = os_poll_take(s->poll_fd, events, TURN_EVENTS);
  for (size_t i = 0; i < n; i++) {
    void *ptr = events[i].data.ptr;
    if (ptr == &s->listen_fd) accept_some(s);
    else if (ptr != &s->flag_fd) http_conn_events(ptr, events[i].events);
  }
}

static void on_ready(void *arg, int fd, uint32_t epoll_events) {
  (void)fd, (void)epoll_events;
  struct http_server *s = arg;
  s->is_working = true;
  note_events(s);
  for (int i = 0; i < TURN_CONNS && !list_is_empty(&s->work); i++)
    http_conn_work(CONTAINER_OF(s->work.next, struct http_conn, work));
  s->is_working = false;
  if (!list_is_empty(&s->work)) {
    http_server_wake(s);
  } else if (s->is_flagged) {
    s->is_flagged = false;
    os_flag_clear(s->flag_fd);
  }
  arm(s);
  tell_drained(s);
}

/* ---- Life ----------------------------------------------------------------------------------- */

#define DEFAULT(value, otherwise) ((value) ? (value) : (otherwise))

static void set_limits(struct http_server *s, const struct http_limits *given) {
  s->limits = (struct http_limits){
      .head_bytes = DEFAULT(given->head_bytes, LIMIT_HTTP_HEAD_BYTES),
      .url_bytes = DEFAULT(given->url_bytes, LIMIT_HTTP_URL_BYTES),
      .headers = DEFAULT(given->headers, LIMIT_HTTP_HEADERS),
      .body_bytes = DEFAULT(given->body_bytes, LIMIT_HTTP_BODY_BYTES),
      .connections = DEFAULT(given->connections, LIMIT_HTTP_CONNECTIONS),
      .stream_bytes = DEFAULT(given->stream_bytes, LIMIT_SSE_BUFFER_BYTES),
      .header_ms = DEFAULT(given->header_ms, 10000),
      .body_ms = DEFAULT(given->body_ms, 30000),
      .idle_ms = DEFAULT(given->idle_ms, 60000),
      .write_ms = DEFAULT(given->write_ms, 30000),
      .large_path = given->large_path,
      .large_body_bytes = given->large_body_bytes,
  };
  const struct http_limits *l = &s->limits;
  ASSERT(l->headers <= LIMIT_HTTP_HEADERS && l->head_bytes <= HTTP_SCRATCH_BYTES);
  size_t most = l->large_path && l->large_body_bytes > l->body_bytes ? l->large_body_bytes : l->body_bytes;
  ASSERT(most <= LIMIT_HTTP_BODIES_BYTES);
  s->head_limits =
      (struct http_head_limits){(uint32_t)l->head_bytes, (uint32_t)l->url_bytes, (uint32_t)l->headers, most};
  const int durations_ms[WAIT_COUNT] = {[WAIT_HEAD] = l->header_ms,
                                        [WAIT_BODY] = l->body_ms,
                                        [WAIT_IDLE] = l->idle_ms,
                                        [WAIT_WRITE] = l->write_ms,
                                        [WAIT_LINGER] = LINGER_MS};
  for (int w = 0; w < WAIT_COUNT; w++) s->wait_ns[w] = (uint64_t)durations_ms[w] * NS_PER_MS;
}

/* Files are kept for the rest of the process (database, warden, jobs' output), so where the hard limit is low it is
 * the number of connections that gives way. */
static void set_file_limit(struct http_server *s) {
  size_t most = os_net_want_files(s->limits.connections + REFUSED_MAX + OTHER_FILES);
  if (most >= s->limits.connections + REFUSED_MAX + OTHER_FILES) return;
  s->limits.connections = most > 2 * OTHER_FILES ? most - OTHER_FILES - REFUSED_MAX : most / 2;
}

/* The Date is filled in before the first answer (http_answer.c). */
static enum err make_common(struct http_server *s, const char *csp) {
  s->common = buf_new(LIMIT_HTTP_ANSWER_HEAD_BYTES);
  s->common_second = -1;
  buf_addf(&s->common,
           "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nX-Content-Type-Options: nosniff\r\n"
           "Referrer-Policy: no-referrer\r\nContent-Security-Policy: %s\r\n",
           csp ? csp : "default-src 'none'; frame-ancestors 'none'");
  if (s->tls) buf_add_text(&s->common, "Strict-Transport-Security: max-age=31536000\r\n");
  return buf_error(&s->common);
}

static enum err load_tls(struct http_server *s, const struct http_config *config, struct err_detail *detail) {
  if (!config->tls_cert) return ERR_OK;
  s->tls_cert = str_dup(str_of(config->tls_cert));
  if (!s->tls_cert) return ERR_NO_MEMORY;
  if (config->tls_key && !(s->tls_key = str_dup(str_of(config->tls_key)))) return ERR_NO_MEMORY;
  return http_tls_new(s->tls_cert, s->tls_key, &s->tls, detail);
}

static enum err start(struct http_server *s, const struct http_config *config, struct err_detail *detail) {
  TRY(load_tls(s, config, detail));
  TRY(make_common(s, config->csp));
  TRY(os_net_listen(config->address ? config->address : "127.0.0.1", config->port, &s->listen_fd, detail));
  TRY(os_poll_new(&s->poll_fd));
  TRY(os_flag_new(&s->flag_fd));
  TRY(os_poll_add(s->poll_fd, s->flag_fd, EPOLLIN, &s->flag_fd));
  TRY(loop_timer_new(s->loop, on_timer, s, &s->timer));
  listen_set(s, true);
  return loop_io_new(s->loop, s->poll_fd, EPOLLIN, on_ready, s, &s->io);
}

enum err http_server_new(struct loop *l, const struct http_config *config, http_handler *handler, void *arg,
                         struct http_server **ret, struct err_detail *detail) {
  struct http_server *s = calloc(1, sizeof *s);
  if (!s) return err_set(detail, ERR_NO_MEMORY, NULL, 0, "no memory for the HTTP server");
  s->loop = l;
  s->world = config->world ? config->world : world_real();
  s->handler = handler;
  s->arg = arg;
  s->answered = config->answered;
  s->listen_fd = s->poll_fd = s->flag_fd = -1;
  s->drain_deadline_ns = s->listen_again_ns = s->armed_ns = UINT64_MAX;
  world_real()->random(world_real(), &s->id_next, sizeof s->id_next);
  list_init(&s->conns);
  list_init(&s->work);
  list_init(&s->exchanges);
  for (int w = 0; w < WAIT_COUNT; w++) list_init(&s->waits[w]);
  set_limits(s, &config->limits);
  set_file_limit(s);
  if (detail) *detail = (struct err_detail){};
  enum err e = start(s, config, detail);
  if (e != ERR_OK) {
    if (detail && !detail->message[0]) (void)err_set(detail, e, NULL, 0, "cannot start the HTTP server");
    http_server_free(s);
    return e;
  }
  *ret = s;
  return ERR_OK;
}

uint16_t http_server_port(const struct http_server *s) { return os_net_port(s->listen_fd); }

enum err http_server_reload_tls(struct http_server *s, struct err_detail *detail) {
  if (!s->tls) return ERR_OK;
  struct ssl_ctx_st *fresh;
  TRY(http_tls_new(s->tls_cert, s->tls_key, &fresh, detail));
  http_tls_free(s->tls); /* open connections hold their own reference */
  s->tls = fresh;
  return ERR_OK;
}

void http_server_drain(struct http_server *s, int64_t within_ms, http_close_fn *drained, void *arg) {
  ASSERT(!s->is_draining && within_ms >= 0);
  s->is_draining = true;
  s->drained = drained;
  s->drained_arg = arg;
  s->drain_deadline_ns = http_server_now_ns(s) + (uint64_t)within_ms * NS_PER_MS;
  s->listen_again_ns = UINT64_MAX;
  accept_some(s); /* who is connected already may have sent a request */
  listen_set(s, false);
  os_close(&s->listen_fd);
  LIST_EACH (&s->conns, node) http_conn_drain(CONTAINER_OF(node, struct http_conn, all));
  http_server_wake(s);
  if (!s->is_working) arm(s);
}

void http_server_free(struct http_server *s) {
  if (!s) return;
  ASSERT(!s->is_working);
  s->is_working = true; /* what the close functions do needs no wake-up any more */
  free_conns(s);
  LIST_EACH (&s->exchanges, node) {
    CONTAINER_OF(node, struct http_exchange, link)->server = NULL;
    list_remove(node);
  }
  loop_io_free(s->io);
  loop_timer_free(s->timer);
  os_close(&s->listen_fd);
  os_close(&s->poll_fd);
  os_close(&s->flag_fd);
  http_tls_free(s->tls);
  free(s->tls_cert);
  free(s->tls_key);
  buf_free(&s->common);
  free(s);
}

struct http_stats http_server_stats(const struct http_server *s) {
  return s->stats;
}

bool http_address_is_loopback(const char *address) { return os_net_is_loopback(address); }
