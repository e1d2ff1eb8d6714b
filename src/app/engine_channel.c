#include "warden/channel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/engine_private.h"
#include "base/log.h"
#include "sys/os_file.h"

#define ERROR_BODY_MAX 8192

/* Our end of a run's fd 4. While a call is under way it belongs to the answer, too: the run may end meanwhile. */
struct channel {
  struct engine *engine;
  struct live_run *live; /* NULL: closed; freed when the answer has come */
  int fd;
  struct loop_io *io;
  bool is_asking;
  struct channel_message message; /* the call under way: its texts are borrowed by the lanes */
  char actor[LIMIT_NAME_BYTES + 8];
};

static void free_if_done(struct channel *c) {
  if (c->live || c->is_asking) return;
  channel_message_free(&c->message);
  free(c);
}

void engine_channel_close(struct live_run *live) {
  struct channel *c = live->channel;
  if (!c) return;
  live->channel = NULL;
  c->live = NULL;
  loop_io_free(c->io);
  c->io = NULL;
  os_close(&c->fd);
  free_if_done(c);
}

/* The job asks for another attempt then (exit 75); the reason stands in its run. */
static void break_off(struct channel *c, const char *why) {
  struct live_run *live = c->live;
  str_copy(live->channel_why, sizeof live->channel_why, str_of(why));
  log_line(LOG_ERROR, "Worlds", "a job's channel was closed", LF_TEXT("job", live->job->name),
           LF_TEXT("why", why));
  engine_channel_close(live);
}

/* ---- answering ---- */

static void send_answer(struct channel *c, enum err error, const struct err_detail *detail, struct str body,
                        const struct str *payload) {
  BUF_AUTO struct buf refusal = buf_new(ERROR_BODY_MAX);
  struct err_detail failed = {};
  if (error != ERR_OK) {
    struct err_detail said = *detail;
    if (!said.message[0]) str_copy(said.message, sizeof said.message, str_of(err_text(error)));
    channel_error_body(&said, &refusal);
    body = buf_str(&refusal);
    payload = NULL;
  }
  struct channel_sent answer = {CHANNEL_ANSWER, c->message.number, error, STR_NONE, body, payload};
  enum err e = channel_send(c->fd, &answer, &failed);
  if (e == ERR_LIMIT) {
    buf_clear(&refusal);
    channel_error_body(&failed, &refusal);
    answer = (struct channel_sent){CHANNEL_ANSWER, c->message.number, ERR_LIMIT,
                                   STR_NONE,       buf_str(&refusal), NULL};
    e = channel_send(c->fd, &answer, &failed);
  }
  if (e == ERR_CLOSED) engine_channel_close(c->live);
  else if (e != ERR_OK) break_off(c, failed.message[0] ? failed.message : err_text(e));
}

static void on_answer(void *arg, const struct world_reply *reply, struct str text) {
  struct channel *c = arg;
  struct engine *e = c->engine;
  struct str payload = buf_str(&reply->payload);
  if (c->live) send_answer(c, reply->error, &reply->detail, text, payload.ptr ? &payload : NULL);
  channel_message_free(&c->message);
  c->is_asking = false; /* not before: closing frees what asks for nothing */
  free_if_done(c);
  engine_wind_on(e);
}

/* ---- the calls ---- */

static void refuse(struct channel *c, enum err error, const char *format, const char *name) {
  struct err_detail detail = {};
  char text[CHANNEL_NAME_MAX + 60];
  snprintf(text, sizeof text, "\"%s\" %s", name, format);
  (void)err_set(&detail, error, "call", 0, "%s", text);
  send_answer(c, error, &detail, STR_NONE, NULL);
}

/* Calls about one world wait for each other by the world's id, which stands in their arguments. */
static void ask(struct channel *c, const struct world_call *call) {
  struct world_lanes_ask a = {.call = call,
                              .actor = {.kind = ACTOR_SYSTEM, .name = str_of(c->actor)},
                              .args_text = c->message.body,
                              .payload = c->message.payload,
                              .is_borrowed = true,
                              .wants_text = true};
  if (call->flags & CALL_ONE_WORLD) {
    struct err_detail detail = {};
    enum err e = json_parse(c->message.body, &a.args, &detail);
    if (e != ERR_OK) return send_answer(c, e, &detail, STR_NONE, NULL);
    a.world_id = json_text_at(a.args, "worldId");
  }
  c->is_asking = true;
  world_lanes_ask(c->engine->worlds.lanes, &a, on_answer, c);
}

static void take(struct channel *c) {
  const struct channel_message *m = &c->message;
  if (m->kind != CHANNEL_CALL) return break_off(c, "it sent an answer instead of a call");
  const struct world_call *call = world_call_find(str_of(m->name));
  if (!call) return refuse(c, ERR_NOT_FOUND, "is no call", m->name);
  if (!(call->flags & CALL_JOB)) return refuse(c, ERR_FORBIDDEN, "is not for jobs", m->name);
  ask(c, call);
}

static void on_readable(void *arg, int fd, uint32_t epoll_events) {
  struct channel *c = arg;
  struct err_detail detail = {};
  struct channel_message message = {};
  (void)epoll_events;
  enum err e = channel_receive(fd, &message, &detail);
  if (e == ERR_BUSY) return;
  if (e == ERR_CLOSED) return engine_channel_close(c->live);
  if (e != ERR_OK) return break_off(c, detail.message[0] ? detail.message : err_text(e));
  if (c->is_asking) {
    channel_message_free(&message);
    return break_off(c, "it asked again before it was answered");
  }
  channel_message_free(&c->message);
  c->message = message;
  take(c);
}

/* ---- opening ---- */

static bool needs_channel(const struct job *job) {
  const struct executor *executor = executor_find(str_of(job->command));
  return executor && executor->needs_channel;
}

enum err engine_channel_open(struct engine *e, struct live_run *live, int *ret_fd,
                             struct err_detail *detail) {
  *ret_fd = -1;
  engine_channel_close(live);
  if (!needs_channel(live->job)) return ERR_OK;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return os_error(errno, detail, "socketpair", "channel");
  struct channel *c = calloc(1, sizeof *c);
  enum err error = c ? loop_io_new(e->loop, ends[0], EPOLLIN, on_readable, c, &c->io) : ERR_NO_MEMORY;
  if (error != ERR_OK) {
    os_close(&ends[0]);
    os_close(&ends[1]);
    free(c);
    return error;
  }
  c->engine = e;
  c->live = live;
  c->fd = ends[0];
  snprintf(c->actor, sizeof c->actor, "job:%s", live->job->name);
  live->channel = c;
  *ret_fd = ends[1];
  return ERR_OK;
}
