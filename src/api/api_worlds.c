#include "api/api_worlds.h"

#include <stdlib.h>

#include "api/counters.h"
#include "api/metrics.h"

#define AUDIT_BYTES_MAX 8000 /* of one side; what is longer is told by its size */
#define RETRY_MS 1000

/* ---- doors: which call stands behind a route ---- */

struct door {
  enum http_method method;
  const char *path, *call, *more, *audit;
};
/* clang-format off */
static const struct door doors[] = {
#define WORLD_ROUTE(method, path, role, flags, input, answer, status, call, more, audit, summary) \
  {HTTP_##method, path, call, more, audit},
#include "api/world_routes.def"
#undef WORLD_ROUTE
};
/* clang-format on */

static const struct door *door_of(const struct route *r) {
  for (size_t i = 0; i < sizeof doors / sizeof *doors; i++)
    if (doors[i].method == r->method && str_eq(str_of(doors[i].path), str_of(r->path))) return &doors[i];
  assert_fail("every route of world_route stands in world_routes.def", __FILE__, __LINE__);
}

/* Calls that list name their pages in their own way: {after} → {ROWS, next}, or without next the key of the last row.
 * Here all pages are alike. */
struct page {
  const char *call, *rows, *key; /* key NULL: the answer has next */
};
static const struct page pages[] = {{"world.list", "worlds", NULL},
                                    {"world.member_list", "members", NULL},
                                    {"world.event_list", "events", NULL},
                                    {"world.history", "history", NULL},
                                    {"world.summaries", "summaries", "fromTurn"},
                                    {"world.archive", "segments", "fromTurn"}};
#define KEYED_PAGE 100 /* rows where the caller gives no limit */

static const struct page *page_of(const struct door *d) {
  for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
    if (str_eq(str_of(pages[i].call), str_of(d->call))) return &pages[i];
  return NULL;
}

static bool move_member(json_t *object, const char *from, const char *to) {
  json_t *value = json_object_get(object, from);
  if (!value) return true;
  return json_object_set(object, to, value) == 0 && json_object_del(object, from) == 0;
}

/* ---- one request ---- */

struct asking {
  const struct door *door;
  struct world_asker asker;
  bool is_override;
  struct str world_id;
  const char *before; /* for the audit log: JSON in the arena, or NULL */
  int status;         /* of the answer that c->out holds */
  const char *content_type;
};

typedef void reply_fn(struct call *c, const struct world_reply *reply);
struct waiting {
  struct call *call;
  reply_fn *fn;
};

static void on_reply(void *arg, const struct world_reply *reply) {
  struct waiting *w = arg;
  w->fn(w->call, reply);
}

/* Who asks is in asker; args and payload are the engine's business afterwards. */
static void ask_worlds(struct call *c, const char *name, const struct engine_world_ask *how, reply_fn *fn) {
  const struct world_call *call = world_call_find(str_of(name));
  struct waiting *w = ARENA_NEW(&c->req->arena, struct waiting);
  ASSERT(call && (call->flags & CALL_API));
  if (!w) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  *w = (struct waiting){c, fn};
  struct engine_world_ask ask = *how;
  ask.call = call;
  engine_world_call(c->api->engine, &ask, on_reply, w);
}

static void fail(struct call *c, const struct world_reply *reply) {
  c->detail = reply->detail;
  if (err_is_retryable(reply->error)) call_fail_after(c, reply->error, RETRY_MS);
  else call_fail(c, reply->error);
}

/* ---- the answer ---- */

static void write_bytes(struct call *c, const struct world_reply *reply) {
  struct asking *a = c->state;
  bool is_export = str_ends(str_of(c->route->path), STR("/export"));
  const char *file =
      arena_printf(&c->req->arena, "attachment; filename=\"%.*s.json.zst\"", STR_ARG(a->world_id));
  if (is_export && file) http_header(c->req, "Content-Disposition", str_of(file));
  a->content_type = is_export ? "application/zstd" : "application/x-ndjson";
  buf_add_str(&c->out, buf_str(&reply->payload));
}

static void write_next(struct call *c, struct json_writer *w, const struct page *page, const json_t *body,
                       const json_t *rows) {
  size_t n = json_array_size(rows);
  int64_t limit = json_int_at(c->body, "limit", KEYED_PAGE), last;
  jw_key(w, "nextCursor");
  if (!page->key) {
    jw_str(w, json_text_at(body, "next"));
  } else if (n == 0 || (int64_t)n < limit) {
    jw_null(w);
  } else {
    last = json_int_at(json_array_get(rows, n - 1), page->key, 0);
    jw_text(w, arena_printf(&c->req->arena, "%lld", (long long)last));
  }
}

static void write_body(struct call *c, struct json_writer *w, const json_t *body) {
  const struct page *page = page_of(((const struct asking *)c->state)->door);
  if (!page) {
    jw_value(w, body);
    return;
  }
  const json_t *rows = json_object_get(body, page->rows);
  jw_object(w);
  jw_key(w, "data");
  jw_value(w, rows);
  write_next(c, w, page, body, rows);
  jw_object_end(w);
}

/* Of a world that was created or imported. */
static const char *made_id(const struct world_reply *reply) {
  const char *id = json_string_value(json_object_get(reply->body, "id"));
  return id ? id : json_string_value(json_object_get(reply->body, "worldId"));
}

static void write_answer(struct call *c, const struct world_reply *reply) {
  struct asking *a = c->state;
  const char *id = made_id(reply);
  a->status = reply->status ? reply->status : c->route->status;
  a->content_type = API_JSON;
  struct json_writer *w = call_begin(c);
  if (c->route->flags & ROUTE_TEXT) write_bytes(c, reply);
  else if (reply->body) write_body(c, w, reply->body);
  if (a->status == 201 && id && !a->world_id.ptr)
    c->location = arena_printf(&c->req->arena, "/api/worlds/%s", id);
}

static void send_answer(struct call *c) {
  const struct asking *a = c->state;
  call_end_text(c, a->status, a->content_type);
}

/* ---- the audit log: what was before, what was answered; answered when it is on record ---- */

/* Without what is long or nobody's business. */
static const char *audit_text(struct arena *arena, const json_t *value) {
  static const char *const left_out[] = {"story", "live", "ownerEmail", "data"};
  if (!json_is_object(value)) return NULL;
  JSON_AUTO json_t *copy = json_copy((json_t *)(uintptr_t)value);
  for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++) (void)json_object_del(copy, left_out[i]);
  char *text = json_to_text(copy);
  size_t length = text ? strlen(text) : 0;
  const char *kept = length <= AUDIT_BYTES_MAX ? arena_strdup(arena, str_of(text))
                                               : arena_printf(arena, "{\"bytes\":%zu}", length);
  free(text);
  return kept;
}

static const char *audit_object(struct call *c, const struct world_reply *reply) {
  const struct asking *a = c->state;
  const char *made = made_id(reply);
  if (a->world_id.ptr) return arena_printf(&c->req->arena, "world:%.*s", STR_ARG(a->world_id));
  return made ? arena_printf(&c->req->arena, "world:%s", made) : "worlds";
}

static const char *audit_action(struct call *c) {
  const struct asking *a = c->state;
  const char *action = a->door->audit ? a->door->audit : a->door->call;
  return a->is_override ? arena_printf(&c->req->arena, "%s.override", action) : action;
}

static void on_audited(struct call *c, const struct engine_answer *written) {
  (void)written;
  send_answer(c);
}

static void audit(struct call *c, const struct world_reply *reply) {
  struct asking *a = c->state;
  struct change *change = change_new(CHANGE_AUDIT, call_now_ms(c));
  if (!change) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  change->epoch = engine_epoch(c->api->engine);
  call_note(c, change, audit_action(c), audit_object(c, reply), a->before,
            audit_text(&c->req->arena, reply->body));
  if (a->asker.kind == ACTOR_USER && a->asker.name)
    change->audit.actor = arena_strdup(&change->arena, str_of(a->asker.name));
  call_write(c, change, on_audited);
}

static void on_done(struct call *c, const struct world_reply *reply) {
  struct asking *a = c->state;
  if (reply->error != ERR_OK) {
    fail(c, reply);
    return;
  }
  if (json_bool_at(reply->body, "resumed", false))
    metrics_resumed(c->api->metrics, json_int_at(reply->body, "addedLatencyMs", 0));
  write_answer(c, reply);
  if (a->door->audit) counters_touch(c->api->counters, COUNTERS_WORLDS);
  if (a->door->audit || a->is_override) audit(c, reply);
  else send_answer(c);
}

/* ---- asking ---- */

static void do_it(struct call *c) {
  const struct asking *a = c->state;
  const struct engine_world_ask ask = {.world_id = a->world_id,
                                       .actor_kind = (int)a->asker.kind,
                                       .user_id = str_of(a->asker.user_id),
                                       .actor = str_of(a->asker.name),
                                       .args = c->body,
                                       .payload = c->route->flags & ROUTE_RAW ? c->req->body : STR_NONE};
  ask_worlds(c, a->door->call, &ask, on_done);
}

/* What cannot be read is told by the deed itself. */
static void on_before(struct call *c, const struct world_reply *reply) {
  struct asking *a = c->state;
  if (reply->error == ERR_OK) a->before = audit_text(&c->req->arena, reply->body);
  do_it(c);
}

static void look_first(struct call *c) {
  const struct asking *a = c->state;
  const struct engine_world_ask ask = {
      .world_id = a->world_id, .actor_kind = ACTOR_SYSTEM, .actor = STR("audit")};
  ask_worlds(c, a->world_id.ptr ? "world.get" : "worlds.settings", &ask, on_before);
}

/* The path's names are arguments: ":userId" is userId. Turns are numbers. */
static enum err add_path_arguments(struct call *c) {
  struct str rest = str_of(c->route->path), piece;
  for (size_t n = 0; str_split(&rest, '/', &piece);) {
    int64_t turn;
    if (piece.len == 0 || piece.ptr[0] != ':') continue;
    struct str value = c->args[n++];
    if (n == 1) continue; /* the world */
    const char *name = arena_strdup(&c->req->arena, str_from(piece, 1));
    bool is_turn = str_ends(piece, STR("Turn")) && str_to_int(value, 0, INT64_MAX, &turn);
    if (!name) return ERR_NO_MEMORY;
    if (json_object_set_new(c->body, name,
                            is_turn ? json_integer(turn) : json_stringn(value.ptr, value.len)) != 0)
      return ERR_NO_MEMORY;
  }
  return ERR_OK;
}

static enum err add_more(json_t *args, const char *more) {
  JSON_AUTO json_t *object = NULL;
  if (!more) return ERR_OK;
  TRY(json_parse(str_of(more), &object, NULL));
  return json_object_update_missing(args, object) == 0 ? ERR_OK : ERR_NO_MEMORY;
}

/* Ids that a path of ours has already. */
static enum err check_new_id(const struct call *c, struct err_detail *d) {
  static const char *const taken[] = {"status", "import", "keep"};
  struct str id = json_text_at(c->body, "id");
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
    if (str_eq(id, str_of(taken[i])))
      return err_set(d, ERR_INVALID, "id", 0, "the id \"%s\" is taken by a path of the API", taken[i]);
  return ERR_OK;
}

static enum err read_override(const struct call *c, bool *ret_is, struct err_detail *d) {
  struct str value = http_query(c->req, CALL_OVERRIDE);
  *ret_is = str_eq(value, STR("1")) || str_eq(value, STR("true"));
  if (*ret_is || !value.ptr || str_eq(value, STR("0")) || str_eq(value, STR("false"))) return ERR_OK;
  return err_set(d, ERR_INVALID, CALL_OVERRIDE, 0, "override is 1 or 0");
}

static enum err prepare(struct call *c, struct asking *a) {
  TRY(read_override(c, &a->is_override, &c->detail));
  const struct world_asking said = {&c->who, http_request_header(c->req, CALL_USER_HEADER), a->is_override};
  TRY(world_asker_of(&said, &c->req->arena, &a->asker, &c->detail));
  if (a->world_id.ptr && !world_id_is_valid(a->world_id))
    return err_set(&c->detail, ERR_NOT_FOUND, "world", 0, "there is no world of this id");
  TRY(add_path_arguments(c));
  TRY(add_more(c->body, a->door->more));
  if (page_of(a->door) && !move_member(c->body, "cursor", "after")) return ERR_NO_MEMORY;
  return check_new_id(c, &c->detail);
}

void world_route(struct call *c) {
  struct asking *a = ARENA_NEW(&c->req->arena, struct asking);
  if (!a) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  *a = (struct asking){
      .door = door_of(c->route),
      .world_id = str_find(str_of(c->route->path), STR("/:world")) == SIZE_MAX ? STR_NONE : c->args[0]};
  c->state = a;
  enum err e = prepare(c, a);
  bool is_settings = str_ends(str_of(c->route->path), STR("/settings"));
  if (e != ERR_OK) call_fail(c, e);
  else if ((a->door->audit || a->is_override) && (a->world_id.ptr || is_settings)) look_first(c);
  else do_it(c);
}
