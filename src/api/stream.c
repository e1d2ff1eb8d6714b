#include "api/stream.h"

#include <stdlib.h>

#include "api/api_who.h"
#include "api/counters.h"
#include "api/identity.h"
#include "base/list.h"

static const char *const topic_names[] = {[ENGINE_TOPIC_RUNS] = "runs",      [ENGINE_TOPIC_JOBS] = "jobs",
                                          [ENGINE_TOPIC_LOGS] = "logs",      [ENGINE_TOPIC_OUTPUT] = "output",
                                          [ENGINE_TOPIC_STATUS] = "status",  [ENGINE_TOPIC_WORLDS] = "worlds",
                                          [ENGINE_TOPIC_COUNT] = "counters", NULL};
#define WATCH_AFTER_MS 50 /* a run is told as running just before it starts */
#define TOPIC_BIT(topic) (1U << (topic))
#define COUNTERS_BIT TOPIC_BIT(ENGINE_TOPIC_COUNT) /* api/counters.h; no event of the engine */

struct client {
  struct list link;
  struct streams *streams;
  struct http_stream *stream;
  unsigned topics;
  char *actor; /* owned */
  struct who who;
  unsigned char session_hash[32];
  int64_t run_no;    /* output of this run, 0 = none */
  char run_mark[64]; /* "executionId":"…", of that run */
  bool is_watching;  /* counted by the engine; false while the run waits in the queue */
  bool is_behind;    /* events were lost: owes a resync */
  bool is_operator;  /* of the counters it may see all */
};

struct streams {
  struct api *api;
  struct list clients;
  size_t count;
  struct engine_subscription *subscription;
  struct loop_timer *heartbeat, *watching;
  struct buf event; /* the one being given out */
};

bool event_id_parse(struct str text, int64_t *ret_epoch, int64_t *ret_seq) {
  size_t dash = str_find_char(text, '-');
  return dash != SIZE_MAX && str_to_int((struct str){text.ptr, dash}, 0, INT64_MAX, ret_epoch) &&
         str_to_int(str_from(text, dash + 1), 0, INT64_MAX, ret_seq);
}

/* ---- giving out ---- */

static void format_event(struct streams *s, enum engine_topic topic, int64_t seq, struct str json) {
  buf_clear(&s->event);
  buf_addf(&s->event, "id: %lld-%lld\nevent: %s\ndata: ", (long long)engine_epoch(s->api->engine),
           (long long)seq, topic_names[topic]);
  for (size_t start = 0; start <= json.len;) { /* a line break inside would end the field */
    struct str rest = str_from(json, start);
    size_t newline = str_find_char(rest, '\n');
    buf_add_str(&s->event, newline == SIZE_MAX ? rest : (struct str){rest.ptr, newline});
    if (newline == SIZE_MAX) break;
    buf_add_text(&s->event, "\ndata: ");
    start += newline + 1;
  }
  buf_add_text(&s->event, "\n\n");
}

static bool wants(const struct client *k, enum engine_topic topic, struct str json) {
  if (!(k->topics & TOPIC_BIT(topic))) return false;
  /* quotes inside a text are escaped, so the mark cannot come from a run's own output */
  return topic != ENGINE_TOPIC_OUTPUT || str_find(json, str_of(k->run_mark)) != SIZE_MAX;
}

static void send(struct client *k, struct str bytes) {
  if (k->is_behind) {
    if (!http_stream_send(k->stream, STR("event: resync\ndata: {}\n\n"))) return;
    k->is_behind = false;
  }
  if (!http_stream_send(k->stream, bytes)) k->is_behind = true;
}

static void watch(struct client *k) {
  if (k->run_no && !k->is_watching)
    k->is_watching = engine_watch_output(k->streams->api->engine, k->run_no, 1);
}

static void on_watching(void *arg) {
  struct streams *s = arg;
  LIST_EACH (&s->clients, node) watch(CONTAINER_OF(node, struct client, link));
}

static void on_event(void *arg, enum engine_topic topic, int64_t seq, struct str json) {
  struct streams *s = arg;
  bool is_formatted = false;
  LIST_EACH (&s->clients, node) {
    struct client *k = CONTAINER_OF(node, struct client, link);
    if (topic == ENGINE_TOPIC_RUNS && k->run_no && !k->is_watching)
      loop_timer_arm_ms(s->watching, WATCH_AFTER_MS); /* what waited may be starting */
    if (!wants(k, topic, json)) continue;
    if (!is_formatted) format_event(s, topic, seq, json);
    is_formatted = true;
    if (buf_error(&s->event)) k->is_behind = true;
    else send(k, buf_str(&s->event));
  }
}

static void tell_counters(struct client *k) {
  struct str event = counters_event(k->streams->api->counters, k->is_operator);
  if (k->topics & COUNTERS_BIT && event.len) send(k, event);
}

void streams_tell_counters(struct streams *s) {
  LIST_EACH (&s->clients, node) tell_counters(CONTAINER_OF(node, struct client, link));
}

/* How far it is told now. Its id is where to go on after a lost connection, also when nothing has come yet; what a client
 * read before an event of these numbers, it reads again. */
static void say_hello(struct client *k) {
  struct streams *s = k->streams;
  struct engine *e = s->api->engine;
  buf_clear(&s->event);
  buf_addf(&s->event, "id: %lld-%lld\nevent: hello\ndata: ", (long long)engine_epoch(e),
           (long long)engine_event_seq(e));
  struct json_writer w = jw_new(&s->event);
  jw_object(&w);
  for (enum engine_topic t = 0; t < ENGINE_TOPIC_COUNT; t++)
    if (k->topics & TOPIC_BIT(t)) jw_kint(&w, topic_names[t], engine_topic_seq(e, t));
  jw_object_end(&w);
  buf_add_text(&s->event, "\n\n");
  send(k, buf_str(&s->event));
}

/* ---- clients ---- */

static void forget(struct client *k) {
  struct streams *s = k->streams;
  if (k->is_watching) (void)engine_watch_output(s->api->engine, k->run_no, -1);
  if (k->topics & COUNTERS_BIT) counters_listen(s->api->counters, k->is_operator, -1);
  list_remove(&k->link);
  s->count--;
  free(k->actor);
  free(k);
}

static void on_closed(void *arg) { forget(arg); }

static void drop(struct client *k) {
  http_stream_end(k->stream);
  forget(k);
}

static void on_heartbeat(void *arg) {
  struct streams *s = arg;
  int64_t now_ms = engine_now_ms(s->api->engine);
  LIST_EACH (&s->clients, node) {
    struct client *k = CONTAINER_OF(node, struct client, link);
    if (identities_still(s->api->identities, &k->who, k->session_hash, now_ms)) send(k, STR(": \n\n"));
    else drop(k);
  }
  sessions_sweep(s->api);
  loop_timer_arm_ms(s->heartbeat, STREAM_HEARTBEAT_MS);
}

enum err streams_new(struct api *a, struct streams **ret) {
  struct streams *s = calloc(1, sizeof *s);
  if (!s) return ERR_NO_MEMORY;
  s->api = a;
  s->event = buf_new(LIMIT_SSE_BUFFER_BYTES);
  list_init(&s->clients);
  enum err e = loop_timer_new(engine_loop(a->engine), on_heartbeat, s, &s->heartbeat);
  if (e == ERR_OK) e = loop_timer_new(engine_loop(a->engine), on_watching, s, &s->watching);
  s->subscription = e == ERR_OK ? engine_subscribe(a->engine, on_event, s) : NULL;
  if (!s->subscription) {
    loop_timer_free(s->heartbeat);
    loop_timer_free(s->watching);
    free(s);
    return e == ERR_OK ? ERR_NO_MEMORY : e;
  }
  loop_timer_arm_ms(s->heartbeat, STREAM_HEARTBEAT_MS);
  *ret = s;
  return ERR_OK;
}

void streams_free(struct streams *s) {
  if (!s) return;
  LIST_EACH (&s->clients, node) forget(CONTAINER_OF(node, struct client, link));
  engine_unsubscribe(s->subscription);
  loop_timer_free(s->heartbeat);
  loop_timer_free(s->watching);
  buf_free(&s->event);
  free(s);
}

/* ---- coming in ---- */

struct stream_query {
  const char *topics, *execution, *last_id;
};
SHAPE_OF(
    stream_query, "StreamQuery", sizeof(struct stream_query),
    IN(struct stream_query, topics, "topics", TEXT, 0, 1, 100, FIELD_NULL,
       "runs, jobs, logs, output, status, worlds, counters; several with commas; default runs,jobs,status"),
    IN(struct stream_query, execution, "execution", TEXT, 0, 1, 64, FIELD_NULL,
       "id, for the topic output: its living output"),
    IN(struct stream_query, last_id, "lastEventId", TEXT, 0, 1, 60, FIELD_NULL,
       "instead of the header Last-Event-ID"));
SHAPE_OF(logs_stream_query, "LogsStreamQuery", sizeof(struct stream_query),
         IN(struct stream_query, last_id, "lastEventId", TEXT, 0, 1, 60, FIELD_NULL,
            "instead of the header Last-Event-ID"));

struct order {
  unsigned topics;
  int64_t run_no;
  int64_t after_seq; /* -1: from now on */
  bool must_resync;
};

static size_t count_of_actor(const struct streams *s, const char *actor) {
  size_t n = 0;
  LIST_EACH (&s->clients, node) n += strcmp(CONTAINER_OF(node, struct client, link)->actor, actor) == 0;
  return n;
}

static struct client *client_new(struct call *c, const struct order *o) {
  struct client *k = calloc(1, sizeof *k);
  char *actor = str_dup(str_of(c->who.actor));
  if (!k || !actor) {
    free(k);
    free(actor);
    return NULL;
  }
  *k = (struct client){.streams = c->api->streams, .topics = o->topics, .actor = actor, .run_no = o->run_no};
  k->is_operator = c->who.role >= ROLE_OPERATOR;
  k->who = (struct who){.kind = c->who.kind, .role = c->who.role, .actor = actor};
  memcpy(k->session_hash, c->session_hash, sizeof k->session_hash);
  struct buf mark = buf_new(sizeof k->run_mark - 1);
  buf_addf(&mark, "\"executionId\":\"%s\"", id_to_text(o->run_no).text);
  (void)str_copy(k->run_mark, sizeof k->run_mark, buf_str(&mark));
  buf_free(&mark);
  return k;
}

static void replay_one(void *arg, enum engine_topic topic, int64_t seq, struct str json) {
  struct client *k = arg;
  if (!wants(k, topic, json)) return;
  format_event(k->streams, topic, seq, json);
  if (buf_error(&k->streams->event)) k->is_behind = true;
  else send(k, buf_str(&k->streams->event));
}

static void begin(struct call *c, const struct order *o) {
  struct streams *s = c->api->streams;
  if (s->count >= STREAMS_MAX || count_of_actor(s, c->who.actor) >= STREAMS_OF_ONE_MAX) {
    call_fail_after(c, ERR_TOO_MANY, STREAM_HEARTBEAT_MS);
    return;
  }
  struct client *k = client_new(c, o);
  if (!k) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  struct http_request *req = c->req;
  http_header(req, "Cache-Control", STR("no-store"));
  http_header(req, "X-Accel-Buffering", STR("no"));
  call_release(c);
  k->stream = http_stream_start(req, on_closed, k);
  if (!k->stream) {
    free(k->actor);
    free(k);
    return;
  }
  list_push_back(&s->clients, &k->link);
  s->count++;
  watch(k);
  send(k, STR("retry: 2000\n: sereno\n\n"));
  if (k->topics & COUNTERS_BIT) counters_listen(s->api->counters, k->is_operator, 1);
  tell_counters(k);
  bool is_whole = o->after_seq < 0 || engine_replay(s->api->engine, o->after_seq, replay_one, k);
  if (o->must_resync || !is_whole) send(k, STR("event: resync\ndata: {}\n\n"));
  say_hello(k);
}

static void read_last_id(struct call *c, const struct stream_query *q, struct order *o) {
  struct str text = http_request_header(c->req, "Last-Event-ID");
  int64_t epoch, seq;
  if (!text.len && q->last_id)
    text = str_of(q->last_id); /* a browser that reconnects by itself sends both: newer, older */
  o->after_seq = -1;
  if (!text.ptr || text.len == 0) return;
  if (event_id_parse(text, &epoch, &seq) && epoch == engine_epoch(c->api->engine)) o->after_seq = seq;
  else o->must_resync = true;
}

void stream_get(struct call *c) {
  const struct stream_query *q = CALL_INPUT(c, struct stream_query);
  struct order o = {};
  read_last_id(c, q, &o);
  enum err e =
      mask_parse(q->topics ? q->topics : "runs,jobs,status", topic_names, "topics", &o.topics, &c->detail);
  bool wants_output = o.topics & TOPIC_BIT(ENGINE_TOPIC_OUTPUT);
  if (e == ERR_OK && wants_output != (q->execution != NULL))
    e = err_set(&c->detail, ERR_INVALID, "execution", 0, "the topic output and an execution belong together");
  if (e == ERR_OK && q->execution && !id_from_text(str_of(q->execution), &o.run_no))
    e = err_set(&c->detail, ERR_NOT_FOUND, "execution", 0, "there is no execution of this id");
  if (e != ERR_OK) call_fail(c, e);
  else begin(c, &o);
}

void logs_stream_get(struct call *c) {
  struct order o = {.topics = TOPIC_BIT(ENGINE_TOPIC_LOGS)};
  read_last_id(c, c->input, &o);
  begin(c, &o);
}
