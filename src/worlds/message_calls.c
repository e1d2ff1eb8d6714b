/* world.message, .touch, .tick: what happens in a world, from its users and from its simulation. */
#include <math.h>

#include "worlds/calls.h"
#include "worlds/world_access.h"
#include "worlds/world_args.h"
#include "worlds/world_moves.h"
#include "worlds/world_post.h"

#define TEXT_BYTES_MAX 65536
#define CLOCK_SKEW_MS 60000 /* an application's clock may be ahead by this much; the instant is then now */

struct message_args {
  const char *text, *speaker, *place, *data;
  int64_t tokens, cost, session_seconds, at_ms, is_user;
};
#define A(...) ARG(struct message_args, __VA_ARGS__)
static const struct field message_fields[] = {
    A(text, "text", TEXT, FIELD_REQUIRED, 1, TEXT_BYTES_MAX, FIELD_NULL, NULL, "what was said"),
    A(speaker, "speaker", TEXT, FIELD_NULLABLE, 1, 200, FIELD_NULL, NULL, "who said it; default: the user"),
    A(place, "place", TEXT, FIELD_NULLABLE, 1, 200, FIELD_NULL, NULL, "where in the world"),
    A(data, "data", JSON, FIELD_NULLABLE, 0, TEXT_BYTES_MAX, FIELD_NULL, NULL, "kept with it, opaque"),
    A(tokens, "tokens", INT, 0, 0, 1000000000, 0, NULL, "of a language model, for WorldStats"),
    A(cost, "costUSD", REAL3, 0, 0, 1000000000, 0, NULL, "what the answer cost, for WorldStats"),
    A(session_seconds, "sessionSeconds", INT, 0, 0, 86400, 0, NULL, "played since the last message"),
    A(at_ms, "at", INSTANT, FIELD_NULLABLE, 0, 0, FIELD_NULL, NULL, "when; default now"),
    A(is_user, "isUser", BOOL, 0, 0, 1, 1, NULL,
      "false: a character's act; no user activity, wakes no world, for the application only"),
};
static const struct field touch_fields[] = {
    A(session_seconds, "sessionSeconds", INT, 0, 0, 86400, 0, NULL, "played since the last activity"),
    A(at_ms, "at", INSTANT, FIELD_NULLABLE, 0, 0, FIELD_NULL, NULL, "when; default now"),
};
#undef A

static enum err check_instant(struct message_args *m, int64_t now_ms, struct err_detail *detail) {
  if (m->at_ms == FIELD_NULL) m->at_ms = now_ms;
  if (m->at_ms > now_ms + CLOCK_SKEW_MS)
    return err_set(detail, ERR_INVALID, "at", 0, "at lies in the future");
  if (m->at_ms > now_ms) m->at_ms = now_ms;
  return ERR_OK;
}

/* The activity of a member is noted beside the world's own (B-70). */
static enum err seen_field(struct lane *l, const struct world_request *q, int64_t at_ms,
                           struct live_field *ret) {
  char *name = arena_printf(&l->arena, WORLD_SEEN_PREFIX "%.*s", STR_ARG(q->actor.user_id));
  char *text = arena_printf(&l->arena, "%lld", (long long)at_ms);
  if (!name || !text) return ERR_NO_MEMORY;
  *ret = (struct live_field){str_of(name), str_of(text)};
  return ERR_OK;
}

static enum err post_answer(const struct world_request *q, const struct world_post *p, bool has_turn,
                            struct world_reply *r) {
  json_t *body =
      json_pack("{s:b, s:s#, s:b, s:b, s:o, s:I}", "success", 1, "worldId", q->world_id.ptr,
                (int)q->world_id.len, "resumed", p->has_resumed, "wasPaused", p->was_paused, "lastActiveAt",
                world_json_instant(p->active_ms), "addedLatencyMs", (json_int_t)p->added_latency_ms);
  if (body && has_turn && json_object_set_new(body, "turn", json_integer(p->append.first_turn)) != 0) {
    json_decref(body);
    body = NULL;
  }
  return reply_with(r, body);
}

static struct str entry_text(struct lane *l, const struct world_request *q, const struct message_args *m) {
  BUF_AUTO struct buf out = buf_new(16 * TEXT_BYTES_MAX);
  struct json_writer w = jw_new(&out);
  struct str speaker = m->speaker             ? str_of(m->speaker)
                       : q->actor.user_id.len ? q->actor.user_id
                                              : STR("user");
  jw_object(&w);
  jw_kstr(&w, "speaker", speaker);
  jw_kbool(&w, "isUser", m->is_user != 0);
  if (m->place) jw_ktext(&w, "place", m->place);
  jw_ktext(&w, "text", m->text);
  if (m->data) jw_key(&w, "data"), jw_raw(&w, str_of(m->data));
  jw_object_end(&w);
  char *copy = buf_error(&out) == ERR_OK ? arena_strdup(&l->arena, buf_str(&out)) : NULL;
  return str_of(copy);
}

static int64_t micro_usd(const json_t *args) {
  return llround(json_number_value(json_object_get(args, "costUSD")) *
                 1e6); /* the field's thousandths are too few */
}

enum err call_world_message(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct message_args m = {};
  struct live_field seen;
  TRY(ARGS_READ(l, q, message_fields, &m, &r->detail));
  TRY(check_instant(&m, q->now_ms, &r->detail));
  struct live_entry entry = {.at_ms = m.at_ms, .bytes = entry_text(l, q, &m)};
  if (!entry.bytes.ptr) return ERR_NO_MEMORY;
  struct world_post p = {.deed = m.is_user ? DEED_POST : DEED_OPERATE, .is_user = m.is_user != 0};
  p.append = (struct live_append){.active_ms = m.is_user ? m.at_ms : INSTANT_NONE,
                                  .journal = &entry,
                                  .journal_count = 1,
                                  .messages = m.is_user,
                                  .tokens = m.tokens,
                                  .cost_micro_usd = micro_usd(q->args),
                                  .session_seconds = m.session_seconds};
  if (m.is_user && q->actor.user_id.len) {
    TRY(seen_field(l, q, m.at_ms, &seen));
    p.append.core = &seen;
    p.append.core_count = 1;
  }
  TRY(world_post(l, q, &p));
  return post_answer(q, &p, true, r);
}

enum err call_world_touch(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct message_args m = {};
  struct live_field seen;
  TRY(ARGS_READ(l, q, touch_fields, &m, &r->detail));
  TRY(check_instant(&m, q->now_ms, &r->detail));
  struct world_post p = {.deed = DEED_POST, .is_user = true};
  p.append = (struct live_append){.active_ms = m.at_ms, .session_seconds = m.session_seconds};
  if (q->actor.user_id.len) {
    TRY(seen_field(l, q, m.at_ms, &seen));
    p.append.core = &seen;
    p.append.core_count = 1;
  }
  TRY(world_post(l, q, &p));
  return post_answer(q, &p, false, r);
}

struct tick_args {
  int64_t n;
};
static const struct field tick_fields[] = {
    ARG(struct tick_args, n, "n", INT, 0, 1, 100000, 1, NULL, "ticks of the simulation"),
};

/* {ticks, allowed, reason}: not counted while the user is away for more than an hour; 409 when paused. */
enum err call_world_tick(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct tick_args args = {};
  TRY(ARGS_READ(l, q, tick_fields, &args, &r->detail));
  struct world_post p = {.deed = DEED_OPERATE, .needs_user_here = true};
  p.append = (struct live_append){.active_ms = INSTANT_NONE, .ticks = args.n};
  TRY(world_post(l, q, &p));
  return reply_with(r, json_pack("{s:I, s:b, s:o}", "ticks", (json_int_t)p.ticks, "allowed", !p.is_refused,
                                 "reason", p.is_refused ? json_string("user_away") : json_null()));
}
