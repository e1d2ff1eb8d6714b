/* The transport to a Redis by hiredis: its connecting and its parser; the bytes are sent and read here, since its own
 * sending raises SIGPIPE, its reading goes in pieces of 16 KB, and TLS it has not. */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "live/redis_tls.h"
#include "live/redis_wire.h"

#define SEND_BYTES ((size_t)32 << 10)
#define RETRY_MS 1000 /* a lost connection is made anew at most this often */
#define READ_BYTES 65536
#define REQUEST_BYTES_MAX (512UL << 20)

struct transport {
  struct redis_transport base;
  struct redis_place place;
  struct timeval timeout;
  redisContext *context;  /* NULL: no connection */
  struct ssl_ctx_st *tls; /* NULL: in the clear */
  bool is_unverified;
  struct redis_tls_wire wire;
  bool is_greeting;      /* nobody has answered on this connection yet */
  int64_t tried_ms;      /* monotonic; 0: not yet, or the last one was good */
  struct err_detail why; /* the last one failed */
  struct buf request;
  char *read_buffer;
  struct redis_room room; /* of the run at hand: the parser's callbacks find it here */
};

static int64_t monotonic_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the parser makes our values ---- */

static struct redis_value *value_at(const redisReadTask *task) {
  struct transport *t = task->privdata;
  if (!task->parent) return arena_alloc(t->room.values, sizeof(struct redis_value));
  struct redis_value *list = task->parent->obj;
  ASSERT((size_t)task->idx < list->count);
  return &list->items[task->idx];
}

static void *make_string(const redisReadTask *task, char *text, size_t n) {
  struct transport *t = task->privdata;
  struct redis_value *v = value_at(task);
  struct arena *arena = task->type == REDIS_REPLY_STRING ? t->room.texts : t->room.values;
  char *copy = arena_alloc(arena, n + 1);
  if (!v || !copy) return NULL;
  memcpy(copy, text, n);
  v->type = task->type == REDIS_REPLY_ERROR ? REDIS_ERROR : REDIS_TEXT;
  v->s = (struct str){copy, n};
  return v;
}

static void *make_array(const redisReadTask *task, int count) {
  struct transport *t = task->privdata;
  struct redis_value *v = value_at(task);
  if (!v) return NULL;
  v->type = REDIS_LIST;
  v->count = (size_t)count;
  v->items = count > 0 ? ARENA_ARRAY(t->room.values, struct redis_value, (size_t)count) : NULL;
  return count > 0 && !v->items ? NULL : v;
}

static void *make_integer(const redisReadTask *task, long long n) {
  struct redis_value *v = value_at(task);
  if (v) v->type = REDIS_INT, v->n = n;
  return v;
}

static void *make_nil(const redisReadTask *task) {
  struct redis_value *v = value_at(task);
  if (v) v->type = REDIS_NIL;
  return v;
}

static void free_nothing(void *value) { (void)value; } /* the arenas do */

static redisReplyObjectFunctions parser_functions = {make_string, make_array, make_integer, make_nil,
                                                     free_nothing};

/* ---- bytes ---- */

static void disconnect(struct transport *t) {
  if (t->wire.ssl) redis_tls_end(&t->wire);
  if (t->context) redisFree(t->context);
  t->context = NULL;
}

static enum err lost(struct transport *t, const char *why, struct err_detail *detail) {
  disconnect(t);
  return err_set(detail, ERR_UNAVAILABLE, "live", 0, "%s: %s", t->base.where, why);
}

static enum err lost_errno(struct transport *t, struct err_detail *detail) {
  bool is_late = errno == EAGAIN || errno == EWOULDBLOCK;
  char why[160];
  snprintf(why, sizeof why, "%s",
           is_late          ? "it did not answer in time"
           : t->wire.why[0] ? t->wire.why
                            : strerror(errno));
  return lost(t, why, detail);
}

/* A server that speaks TLS answers our first words in the clear with an alert, or not at all. */
static enum err lost_strangely(struct transport *t, const char *what, struct err_detail *detail) {
  char why[160];
  bool may_want_tls = t->is_greeting && t->place.port && !t->tls;
  snprintf(why, sizeof why, "%s%s", what,
           may_want_tls ? "; if it wants TLS, its address begins with rediss://" : "");
  return lost(t, why, detail);
}

static ssize_t send_bytes(struct transport *t, struct str bytes) {
  if (t->wire.ssl) return redis_tls_send(&t->wire, bytes.ptr, bytes.len);
  return send(t->context->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
}

static ssize_t receive_bytes(struct transport *t) {
  if (t->wire.ssl) return redis_tls_recv(&t->wire, t->read_buffer, READ_BYTES);
  return recv(t->context->fd, t->read_buffer, READ_BYTES, 0);
}

static enum err send_all(struct transport *t, struct str bytes, struct err_detail *detail) {
  while (bytes.len > 0) {
    ssize_t n = send_bytes(t, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return lost_errno(t, detail);
    bytes = str_from(bytes, (size_t)n);
  }
  return ERR_OK;
}

static enum err read_some(struct transport *t, struct err_detail *detail) {
  ssize_t n;
  do n = receive_bytes(t);
  while (n < 0 && errno == EINTR);
  if (n < 0 && !(t->is_greeting && errno == ECONNRESET)) return lost_errno(t, detail);
  if (n <= 0) return lost_strangely(t, "it closed the connection", detail);
  if (redisReaderFeed(t->context->reader, t->read_buffer, (size_t)n) != REDIS_OK)
    return lost(t, "out of memory", detail);
  return ERR_OK;
}

static enum err read_value(struct transport *t, struct redis_value **ret, struct err_detail *detail) {
  for (void *value = NULL;;) {
    if (redisReaderGetReply(t->context->reader, &value) != REDIS_OK) {
      enum err full =
          arena_error(t->room.values) != ERR_OK ? arena_error(t->room.values) : arena_error(t->room.texts);
      if (full == ERR_OK) return lost_strangely(t, "it does not speak Redis's protocol", detail);
      disconnect(t);
      return err_set(detail, full, "live", 0,
                     "the answer is larger than there is room for: ask for fewer worlds");
    }
    if (value) {
      t->is_greeting = false;
      *ret = value;
      return ERR_OK;
    }
    TRY(read_some(t, detail));
  }
}

/* ---- batches ---- */

static void write_head(struct buf *b, char kind, size_t n) {
  buf_add_char(b, kind);
  buf_add_int(b, (int64_t)n);
  buf_add(b, "\r\n", 2);
}

static void write_command(struct buf *out, const struct redis_batch *b, const struct redis_command *c) {
  write_head(out, '*', c->count);
  for (size_t i = 0; i < c->count; i++) {
    struct str arg = b->args[c->first + i];
    write_head(out, '$', arg.len);
    buf_add(out, arg.ptr, arg.len);
    buf_add(out, "\r\n", 2);
  }
}

static size_t group_end(const struct redis_batch *b, size_t from) {
  size_t end = b->group ? from + b->group : b->count;
  return end < b->count ? end : b->count;
}

static void write_group(struct buf *out, const struct redis_batch *b, size_t from) {
  if (b->group) buf_add_text(out, "*1\r\n$5\r\nMULTI\r\n");
  for (size_t i = from; i < group_end(b, from); i++) write_command(out, b, &b->commands[i]);
  if (b->group) buf_add_text(out, "*1\r\n$4\r\nEXEC\r\n");
}

static enum err send_request(struct transport *t, struct err_detail *detail) {
  TRY(buf_error(&t->request));
  TRY(send_all(t, buf_str(&t->request), detail));
  buf_clear(&t->request);
  return ERR_OK;
}

/* In pieces, so that the server works on the first groups while we write the next. */
static enum err send_batch(struct transport *t, const struct redis_batch *b, struct err_detail *detail) {
  buf_clear(&t->request);
  for (size_t from = 0; from < b->count; from = group_end(b, from)) {
    write_group(&t->request, b, from);
    if (t->request.len >= SEND_BYTES) TRY(send_request(t, detail));
  }
  return send_request(t, detail);
}

/* *ret_refused: why the server did not carry it out; "": it did. */
static enum err read_group(struct transport *t, size_t count, struct redis_value *ret,
                           struct str *ret_refused, struct err_detail *detail) {
  struct redis_value *v, refused = {};
  for (size_t i = 0; i < count + 1; i++) { /* OK and QUEUED */
    TRY(read_value(t, &v, detail));
    if (v->type == REDIS_ERROR) refused = *v;
  }
  TRY(read_value(t, &v, detail));
  *ret_refused = refused.type == REDIS_ERROR ? refused.s : v->type == REDIS_ERROR ? v->s : STR("");
  if (ret_refused->len) return ERR_OK;
  if (v->type != REDIS_LIST || v->count != count)
    return lost(t, "it does not speak Redis's protocol", detail);
  memcpy(ret, v->items, count * sizeof *ret);
  return ERR_OK;
}

/* To the last answer, also when one is refused: else what is still to come would be taken for the next call's. */
static enum err read_groups(struct transport *t, const struct redis_batch *b, struct redis_value *ret,
                            struct err_detail *detail) {
  struct str refused, first = STR("");
  for (size_t from = 0; from < b->count; from = group_end(b, from)) {
    TRY(read_group(t, group_end(b, from) - from, ret + from, &refused, detail));
    if (first.len == 0) first = refused;
  }
  return first.len ? redis_error(&t->base, first, detail) : ERR_OK;
}

static enum err read_singles(struct transport *t, const struct redis_batch *b, struct redis_value *ret,
                             struct err_detail *detail) {
  struct redis_value *v;
  for (size_t i = 0; i < b->count; i++) {
    TRY(read_value(t, &v, detail));
    ret[i] = *v;
  }
  return ERR_OK;
}

static enum err exchange(struct transport *t, const struct redis_batch *b, struct redis_room room,
                         struct redis_value *ret, struct err_detail *detail) {
  t->room = room;
  t->context->reader->privdata = t;
  enum err e = send_batch(t, b, detail);
  if (e != ERR_OK) disconnect(t); /* of what was sent the answers would be taken for the next call's */
  TRY(e);
  if (t->request.capacity > (4UL << 20)) buf_free(&t->request);
  return b->group ? read_groups(t, b, ret, detail) : read_singles(t, b, ret, detail);
}

/* ---- connecting ---- */

static struct str info_line(struct str info, const char *name) {
  size_t at = str_find(info, str_of(name));
  struct str rest = at == SIZE_MAX ? STR("") : str_from(info, at + strlen(name)), line = rest;
  if (at == SIZE_MAX || !str_split(&rest, '\r', &line)) return STR("");
  return line;
}

static void greet(struct transport *t, struct redis_batch *b) {
  if (t->place.password[0]) {
    redis_begin(b), redis_text(b, "AUTH");
    if (t->place.user[0]) redis_text(b, t->place.user);
    redis_text(b, t->place.password);
  }
  redis_begin(b), redis_text(b, "SELECT"), redis_int(b, t->place.db);
  redis_begin(b), redis_text(b, "GET"), redis_text(b, t->base.life_key);
  redis_begin(b), redis_text(b, "INFO"), redis_text(b, "server");
}

/* A server that was started anew may have come back older than it was. */
static enum err note_life(struct transport *t, struct str known, struct str run, struct err_detail *detail) {
  ARENA_AUTO struct arena arena = arena_new(1 << 16);
  struct redis_batch b = {.arena = &arena};
  struct redis_value answer = {};
  if (run.len == 0 || !str_copy(t->base.run, sizeof t->base.run, run) || redis_is_life_of(known, run))
    return ERR_OK;
  redis_begin_life(&b, &t->base);
  TRY(b.error);
  TRY(exchange(t, &b, (struct redis_room){&arena, &arena}, &answer, detail));
  if (answer.type != REDIS_ERROR) return ERR_OK;
  enum err e = redis_error(&t->base, answer.s, detail);
  disconnect(t);
  return e;
}

static enum err introduce(struct transport *t, struct err_detail *detail) {
  ARENA_AUTO struct arena arena = arena_new(1 << 20);
  struct redis_batch b = {.arena = &arena};
  struct redis_value answers[4] = {}; /* the last two: life, INFO */
  greet(t, &b);
  TRY(b.error);
  TRY(exchange(t, &b, (struct redis_room){&arena, &arena}, answers, detail));
  for (size_t i = 0; i < b.count; i++)
    if (answers[i].type == REDIS_ERROR) {
      enum err e = redis_error(&t->base, answers[i].s, detail);
      disconnect(t);
      return e == ERR_IO ? ERR_UNAVAILABLE : e;
    }
  struct str known = answers[b.count - 2].s, info = answers[b.count - 1].s;
  TRY(note_life(t, known, info_line(info, "run_id:"), detail));
  struct str version = info_line(info, "redis_version:");
  snprintf(t->base.server, sizeof t->base.server, "redis %.*s%s", version.len > 40 ? 40 : (int)version.len,
           version.ptr,
           !t->tls            ? ""
           : t->is_unverified ? ", TLS, unverified"
                              : ", TLS");
  return ERR_OK;
}

static enum err dial(struct transport *t, struct err_detail *detail) {
  t->context = t->place.port ? redisConnectWithTimeout(t->place.host, t->place.port, t->timeout)
                             : redisConnectUnixWithTimeout(t->place.host, t->timeout);
  if (!t->context) return ERR_NO_MEMORY;
  if (t->context->err) {
    char why[160];
    snprintf(why, sizeof why, "%s", t->context->errstr);
    return lost(t, why, detail);
  }
  if (redisSetTimeout(t->context, t->timeout) != REDIS_OK) return lost_errno(t, detail);
  if (t->tls && !redis_tls_begin(&t->wire, t->tls, t->context->fd, t->place.host))
    return lost(t, t->wire.why, detail);
  t->context->reader->fn = &parser_functions;
  t->is_greeting = true;
  return introduce(t, detail);
}

/* The other side has gone while nothing was asked: then nothing was lost, and a new connection is as good. */
static bool has_gone(const struct transport *t) {
  struct pollfd p = {.fd = t->context->fd, .events = POLLIN};
  return poll(&p, 1, 0) > 0;
}

static enum err connect_again(struct transport *t, struct err_detail *detail) {
  int64_t now = monotonic_ms();
  if (t->context && has_gone(t)) disconnect(t);
  if (t->context) return ERR_OK;
  if (t->tried_ms && now - t->tried_ms < RETRY_MS) {
    if (detail) *detail = t->why;
    return ERR_UNAVAILABLE;
  }
  t->why = (struct err_detail){};
  enum err e = dial(t, &t->why);
  t->tried_ms = e == ERR_OK ? 0 : now;
  if (e != ERR_OK && detail) *detail = t->why;
  return e;
}

static enum err hiredis_run(struct redis_transport *base, const struct redis_batch *b, struct redis_room room,
                            struct redis_value *ret, struct err_detail *detail) {
  struct transport *t = (struct transport *)base;
  TRY(connect_again(t, detail));
  return exchange(t, b, room, ret, detail);
}

static void hiredis_close(struct redis_transport *base) {
  struct transport *t = (struct transport *)base;
  disconnect(t);
  redis_tls_free(t->tls);
  buf_free(&t->request);
  free(t->read_buffer);
  free(t);
}

static const struct redis_transport_ops hiredis_ops = {.close = hiredis_close, .run = hiredis_run};

static enum err set_up(struct transport *t, const struct live_config *config, struct err_detail *detail) {
  const struct redis_place *p = &t->place;
  t->read_buffer = malloc(READ_BYTES);
  if (!t->read_buffer) return ERR_NO_MEMORY;
  if (p->port)
    snprintf(t->base.where, sizeof t->base.where, "Redis at %s:%d%s", p->host, p->port,
             p->is_tls ? " (TLS)" : "");
  else snprintf(t->base.where, sizeof t->base.where, "Redis at %s", p->host);
  return p->is_tls ? redis_tls_new(config, &t->tls, detail) : ERR_OK;
}

enum err redis_hiredis_open(const struct live_config *config, struct redis_transport **ret,
                            struct err_detail *detail) {
  struct redis_place place;
  TRY(redis_place_parse(str_of(config->url ? config->url : ""), &place, detail));
  struct transport *t = calloc(1, sizeof *t);
  if (!t) return ERR_NO_MEMORY;
  int timeout_ms = config->timeout_ms ? config->timeout_ms : LIVE_TIMEOUT_MS;
  *t = (struct transport){.base = {.ops = &hiredis_ops, .raw = "local function raw(s) return s end\n"},
                          .place = place,
                          .is_unverified = config->is_unverified,
                          .timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000},
                          .request = buf_new(REQUEST_BYTES_MAX)};
  enum err e = set_up(t, config, detail);
  if (e == ERR_OK) *ret = &t->base;
  else hiredis_close(&t->base);
  return e;
}
