#include "api/dispatch.h"

#include <stdlib.h>

#include "api/identity.h"
#include "api/secret.h"
#include "api/web.h"
#include "base/map.h"

/* Each step answers and returns false when the request ends there. */

/* ---- rates ---- */

enum rate_kind {
  RATE_ADDRESS,
  RATE_IDENTITY,
  RATE_RUNS,
  RATE_LOGIN,
  RATE_UNKNOWN,
  RATE_SERVICE,
  RATE_END_USER
};
static const struct rate_rule rate_rules[] = {
    [RATE_ADDRESS] = {2000, 4000},                             /* everything from one address */
    [RATE_IDENTITY] = {1000, 2000}, [RATE_RUNS] = {100, 1000}, /* by identity */
    [RATE_LOGIN] = {1, 30},                                    /* by address; throttled besides */
    [RATE_UNKNOWN] = {5, 50},                                  /* by address: credentials nobody knows */
    [RATE_SERVICE] = {5000, 10000},                            /* by identity: it speaks for many users */
    [RATE_END_USER] = {100, 2000},                             /* one of them */
};

static bool has_rate(struct call *c, enum rate_kind kind, uint64_t key) {
  int64_t wait_ms;
  uint64_t bucket = hash_int(key + (uint64_t)kind * 0x9E3779B97F4A7C15ULL);
  if (rate_take(c->api->rates, bucket, &rate_rules[kind], 1, world_tick(c->api->world), &wait_ms))
    return true;
  call_fail_after(c, ERR_TOO_MANY, wait_ms);
  return false;
}

static bool has_identity_rates(struct call *c) {
  if (!c->who.actor) return true;
  uint64_t key = hash_bytes(c->who.actor, strlen(c->who.actor), 3);
  bool is_service = access_is_service(&c->who);
  if (!has_rate(c, is_service ? RATE_SERVICE : RATE_IDENTITY, key)) return false;
  struct str user = http_request_header(c->req, CALL_USER_HEADER);
  if (is_service && user.ptr && !has_rate(c, RATE_END_USER, hash_bytes(user.ptr, user.len, key)))
    return false;
  return !(c->route->flags & ROUTE_RUNS) || has_rate(c, RATE_RUNS, key);
}

/* ---- route ---- */

static bool find_route(struct call *c) {
  unsigned allowed = 0;
  c->route = route_find(c->req->method, c->req->path, c->args, &allowed);
  if (!c->route && !allowed) {
    bool is_read = c->req->method == HTTP_GET || c->req->method == HTTP_HEAD;
    c->route = web_route_find(c->req->path);
    if (!c->route && is_read) c->route = web_route_lost(c->req);
    if (c->route && !is_read) {
      c->route = NULL;
      allowed = 1U << HTTP_GET;
    }
  }
  if (c->route) return true;
  if (!allowed) {
    call_refuse(c, ERR_NOT_FOUND, NULL, "there is no such path");
    return false;
  }
  char text[128];
  struct buf allow = buf_new(sizeof text);
  route_allow_text(allowed, &allow);
  http_header(c->req, "Allow", buf_str(&allow));
  buf_free(&allow);
  if (c->req->method == HTTP_OPTIONS) call_end_empty(c, 204);
  else call_fail(c, ERR_METHOD);
  return false;
}

/* ---- who ---- */

static void save_later(void *arg, const struct engine_answer *answer) {
  (void)arg;
  (void)answer; /* when it was last seen is worth no error */
}

static const char *keep(struct change *change, const char *text) {
  return text ? arena_strdup(&change->arena, str_of(text)) : NULL;
}

static void save_session(struct call *c, const struct session *s) {
  struct change *change = change_new(CHANGE_SESSION, call_now_ms(c));
  if (!change) return;
  change->epoch = engine_epoch(c->api->engine);
  change->is_touch = true;
  change->session = *s;
  change->session.user_id = keep(change, s->user_id);
  change->session.csrf = keep(change, s->csrf);
  change->session.address = keep(change, s->address);
  change->session.agent = keep(change, s->agent);
  if (arena_error(&change->arena)) change_free(change);
  else engine_write(c->api->engine, change, save_later, NULL);
}

static void save_token(struct call *c, const struct token *t, enum change_kind kind) {
  struct change *change = change_new(kind, call_now_ms(c));
  if (!change) return;
  change->epoch = engine_epoch(c->api->engine);
  change->is_touch = kind == CHANGE_TOKEN;
  change->token_row = *t;
  change->token_row.id = keep(change, t->id);
  change->token_row.name = keep(change, t->name);
  change->token_row.user_id = keep(change, t->user_id);
  change->token_row.scope = keep(change, t->scope);
  if (arena_error(&change->arena)) change_free(change);
  else engine_write(c->api->engine, change, save_later, NULL);
}

static enum err recognise(struct call *c) {
  const struct http_request *req = c->req;
  struct str cookie = http_cookie(req, web_base(c->api->web)[0] ? "__Secure-sereno" : "__Host-sereno");
  struct credentials shown = {
      .authorization = http_request_header(req, "Authorization"),
      .cookie = cookie.ptr ? cookie : http_cookie(req, "sereno"),
      .cron_secret = str_of(engine_config_get(c->api->engine, "api.cron_secret")),
      .peer = req->peer,
      .now_ms = call_now_ms(c),
  };
  struct recognised known;
  enum err e = identities_recognise(c->api->identities, &shown, &c->req->arena, &known, &c->detail);
  if (e != ERR_OK) return e;
  c->who = known.who;
  c->csrf = known.csrf;
  memcpy(c->session_hash, known.session_hash, sizeof c->session_hash);
  if (known.session_to_save) save_session(c, known.session_to_save);
  if (known.token_to_save) save_token(c, known.token_to_save, CHANGE_TOKEN);
  if (known.token_to_delete) save_token(c, known.token_to_delete, CHANGE_TOKEN_DELETE);
  return ERR_OK;
}

static bool is_without_cron_secret(const struct call *c) {
  return (c->route->flags & ROUTE_CRON) && !engine_config_get(c->api->engine, "api.cron_secret");
}

static bool may_enter(struct call *c) {
  bool is_open = c->route->role == ROLE_NONE;
  enum err e = recognise(c);
  if (e != ERR_OK && !is_open && !has_rate(c, RATE_UNKNOWN, rate_address_key(c->req->peer))) return false;
  if (e != ERR_OK) c->who = (struct who){};
  if (e != ERR_OK && is_open) e = ERR_OK;
  if (e == ERR_OK && !has_identity_rates(c)) return false;
  struct access_need need = {.least = c->route->role,
                             .takes_cron_secret = c->route->flags & ROUTE_CRON,
                             .is_write = c->route->flags & ROUTE_WRITE,
                             .is_about_job = c->route->flags & (ROUTE_JOB | ROUTE_RUN),
                             .is_about_world = c->route->flags & ROUTE_WORLD};
  if (e == ERR_OK) e = access_check(&c->who, &need, NULL, &c->detail);
  if (e == ERR_UNAUTHENTICATED && is_without_cron_secret(c)) e = ERR_CRON_SECRET;
  if (e != ERR_OK) call_fail(c, e);
  return e == ERR_OK;
}

/* ---- CSRF ---- */

static struct str host_of_url(struct str url) {
  size_t at = str_find(url, STR("://"));
  struct str rest = at == SIZE_MAX ? STR_NONE : str_from(url, at + 3);
  size_t slash = str_find_char(rest, '/');
  return slash == SIZE_MAX ? rest : (struct str){rest.ptr, slash};
}

bool origin_is_ours(struct str origin, struct str host, const char *public_url) {
  if (!origin.ptr) return true;
  struct str from = host_of_url(origin);
  if (from.len == 0) return false; /* "null" */
  return str_eq_nocase(from, host) || (public_url && str_eq_nocase(from, host_of_url(str_of(public_url))));
}

static bool is_safe_method(enum http_method m) { return m == HTTP_GET || m == HTTP_HEAD; }

/* Bearer requests are exempt: a browser never adds the header by itself. */
static bool is_own_page(struct call *c) {
  if (c->route->flags & ROUTE_SIGNED) return true; /* the link is the right, whoever sends it */
  bool is_safe = is_safe_method(c->req->method), begins_session = c->route->flags & ROUTE_NO_CSRF;
  if (c->who.kind != WHO_SESSION && !begins_session) return true;
  if (is_safe && !(c->route->flags & ROUTE_STREAM)) return true;
  bool is_ours = origin_is_ours(http_request_header(c->req, "Origin"), c->req->host,
                                engine_config_get(c->api->engine, "http.public_url"));
  if (str_eq(http_request_header(c->req, "Sec-Fetch-Site"), STR("cross-site"))) is_ours = false;
  if (is_ours && !is_safe && !begins_session)
    is_ours = str_eq_secret(http_request_header(c->req, "X-CSRF-Token"), str_of(c->csrf));
  if (!is_ours) call_fail(c, ERR_CSRF);
  return is_ours;
}

/* ---- input ---- */

static const struct field *input_field(const struct shape *shape, struct str name) {
  return shape ? field_find(shape->fields, *shape->field_count, name) : NULL;
}

/* ?override=1 may follow any URL about worlds. */
static bool is_of_every_route(const struct call *c, struct str name) {
  return (c->route->flags & ROUTE_WORLD) && str_eq(name, STR(CALL_OVERRIDE));
}

static bool has_stray_parameters(const struct call *c) {
  struct str name, value;
  for (size_t i = 0; http_query_at(c->req, i, &name, &value); i++)
    if (!is_of_every_route(c, name)) return true;
  return c->req->query.len > 0 && !(c->route->flags & ROUTE_WORLD);
}

/* Texts of a query become JSON of the field's type, so that bodies and queries are read by the same rules;
 * what does not fit stays text and is refused there with its name. */
static json_t *value_of_text(const struct field *f, struct str text) {
  int64_t number;
  if (f->type == FIELD_INT && str_to_int(text, INT64_MIN + 1, INT64_MAX, &number))
    return json_integer(number);
  if (f->type == FIELD_BOOL && (str_eq(text, STR("true")) || text.len == 0)) return json_true();
  if (f->type == FIELD_BOOL && str_eq(text, STR("false"))) return json_false();
  return json_stringn(text.ptr ? text.ptr : "", text.len);
}

/* Calls of worlds read their arguments themselves, and take what is no number for none. */
static enum err check_number(struct call *c, const struct field *f) {
  if (c->route->input->size > 0 || f->type != FIELD_INT) return ERR_OK;
  const json_t *value = json_object_get(c->body, f->name);
  json_int_t n = json_integer_value(value);
  if (json_is_integer(value) && n >= f->min && n <= f->max) return ERR_OK;
  return err_set(&c->detail, ERR_INVALID, f->name, 0, "has to be a whole number from %lld to %lld",
                 (long long)f->min, (long long)f->max);
}

static enum err read_query(struct call *c) {
  struct str name, value;
  c->body = json_object();
  if (!c->body) return ERR_NO_MEMORY;
  for (size_t i = 0; http_query_at(c->req, i, &name, &value); i++) {
    const struct field *f = input_field(c->route->input, name);
    if (!f && is_of_every_route(c, name)) continue;
    if (!f) {
      BUF_AUTO struct buf known = buf_new(ERR_TEXT_MAX - 1);
      size_t count = c->route->input ? *c->route->input->field_count : 0;
      for (size_t k = 0; k < count; k++)
        buf_addf(&known, "%s%s", k ? ", " : "", c->route->input->fields[k].name);
      enum err e = err_set(&c->detail, ERR_INVALID, NULL, 0, "there is no parameter \"%.*s\" here",
                           (int)(name.len < 60 ? name.len : 60), name.ptr);
      if (count && buf_text(&known)) err_hint(&c->detail, "there are %s", buf_text(&known));
      return e;
    }
    if (json_object_get(c->body, f->name))
      return err_set(&c->detail, ERR_INVALID, f->name, 0, "%s is given twice", f->name);
    if (json_object_set_new(c->body, f->name, value_of_text(f, value)) != 0) return ERR_NO_MEMORY;
    TRY(check_number(c, f));
  }
  return ERR_OK;
}

static bool is_json_type(struct str type) {
  size_t end = str_find_char(type, ';');
  struct str main = str_trim(end == SIZE_MAX ? type : (struct str){type.ptr, end});
  return str_eq_nocase(main, STR(API_JSON));
}

static enum err read_body(struct call *c) {
  if (c->req->body.len == 0 || c->route->flags & ROUTE_RAW) {
    c->body = json_object();
    return c->body ? ERR_OK : ERR_NO_MEMORY;
  }
  if (!is_json_type(c->req->content_type)) return ERR_MEDIA_TYPE;
  TRY(json_parse(c->req->body, &c->body, &c->detail));
  if (!json_is_object(c->body))
    return err_set(&c->detail, ERR_INVALID, NULL, 0, "the body must be a JSON object");
  if (!c->route->input && json_object_size(c->body) > 0)
    return err_set(&c->detail, ERR_INVALID, NULL, 0, "this takes no fields");
  return ERR_OK;
}

static enum err read_input(struct call *c) {
  const struct shape *shape = c->route->input;
  bool is_query =
      is_safe_method(c->req->method) || c->req->method == HTTP_DELETE || c->route->flags & ROUTE_SIGNED;
  if (!is_query && has_stray_parameters(c))
    return err_set(&c->detail, ERR_INVALID, NULL, 0, "this takes no parameters in the URL");
  TRY(is_query ? read_query(c) : read_body(c));
  if (!shape || shape->size == 0) return ERR_OK;
  c->input = arena_alloc(&c->req->arena, shape->size);
  if (!c->input) return arena_error(&c->req->arena);
  return fields_from_json(shape->fields, *shape->field_count, c->body, shape->mode, c->input, &c->req->arena,
                          &c->detail);
}

static bool has_input(struct call *c) {
  enum err e = read_input(c);
  if (e != ERR_OK) call_fail(c, e);
  return e == ERR_OK;
}

/* ---- Idempotency-Key ---- */

static void replay(struct call *c, const struct idempotency_answer *answer) {
  http_header(c->req, "Idempotent-Replayed", STR("true"));
  if (answer->location.ptr) c->location = arena_strdup(&c->req->arena, answer->location);
  if (answer->etag.ptr) c->etag = arena_strdup(&c->req->arena, answer->etag);
  const char *type = answer->content_type.ptr ? arena_strdup(&c->req->arena, answer->content_type) : NULL;
  c->out = buf_new(IDEMPOTENCY_ANSWER_MAX);
  buf_add_str(&c->out, answer->body);
  call_end_text(c, answer->status, type);
}

static bool is_first_time(struct call *c) {
  struct str key = http_request_header(c->req, "Idempotency-Key");
  if (!key.ptr || !(c->route->flags & ROUTE_KEYED)) return true;
  if (key.len == 0 || key.len > IDEMPOTENCY_KEY_MAX) {
    call_refuse(c, ERR_INVALID, "Idempotency-Key", "1 to %d characters", IDEMPOTENCY_KEY_MAX);
    return false;
  }
  uint64_t scope =
      hash_bytes(c->req->path.ptr, c->req->path.len, hash_bytes(c->who.actor, strlen(c->who.actor), 5));
  struct str user = http_request_header(c->req, CALL_USER_HEADER);
  if (user.ptr) scope = hash_bytes(user.ptr, user.len, scope);
  uint64_t request = hash_bytes(c->req->body.ptr ? c->req->body.ptr : "", c->req->body.len, 7);
  struct idempotency_answer answer;
  switch (idempotency_begin(c->api->kept, scope, key, request, world_tick(c->api->world), &answer)) {
    case IDEMPOTENCY_NEW:
      c->key = key;
      c->key_scope = scope;
      return true;
    case IDEMPOTENCY_DONE: replay(c, &answer); return false;
    case IDEMPOTENCY_BUSY:
      call_refuse(c, ERR_CONFLICT, "Idempotency-Key", "the first request with this key is not answered yet");
      return false;
    case IDEMPOTENCY_REUSED:
      call_refuse(c, ERR_CONFLICT, "Idempotency-Key", "this key was used for another request");
      return false;
    case IDEMPOTENCY_FULL: call_fail_after(c, ERR_TOO_MANY, 1000); return false;
  }
  return false;
}

/* ---- the job or execution of the path ---- */

static void enter(struct call *c) { c->route->handler(c); }

static void enter_with_job(struct call *c, struct store_read *read) {
  enum err e = read->error;
  c->detail = read->detail;
  if (e == ERR_OK) {
    c->job = job_ref(read->jobs[0].job);
    e = call_check_job(c, c->job, c->route->flags & ROUTE_WRITE);
  }
  if (e == ERR_OK) {
    c->row = read->jobs[0];
    if (c->row.has_last_run) e = call_keep_run(c, &read->jobs[0].last_run, &c->row.last_run);
  }
  c->state = NULL;
  if (e != ERR_OK) call_fail(c, e);
  else enter(c);
}

static void enter_with_run(struct call *c, struct store_read *read) {
  enum err e = read->error;
  struct job gone = {.id = c->run.run.job_id, .name = c->run.job_name};
  c->detail = read->detail;
  if (e == ERR_OK) c->job = job_ref(read->jobs[0].job);
  if (e == ERR_OK || e == ERR_NOT_FOUND)
    e = call_check_job(c, c->job ? c->job : &gone, c->route->flags & ROUTE_WRITE);
  c->state = NULL;
  if (e != ERR_OK) call_fail(c, e);
  else enter(c);
}

static void on_run(struct call *c, struct store_read *read) {
  if (read->error != ERR_OK) {
    c->detail = read->detail;
    call_fail(c, read->error);
    return;
  }
  const struct run_row *row = &read->runs[0];
  enum err e = call_keep_run(c, &row->run, &c->run.run);
  c->run.job_name = row->job_name ? arena_strdup(&c->req->arena, str_of(row->job_name)) : NULL;
  c->run.job_category = row->job_category ? arena_strdup(&c->req->arena, str_of(row->job_category)) : NULL;
  c->run.job_command = row->job_command ? arena_strdup(&c->req->arena, str_of(row->job_command)) : NULL;
  c->run.job_version = row->job_version;
  struct store_read *next = e == ERR_OK ? call_new_read(c, READ_JOB) : NULL;
  if (e != ERR_OK) call_fail(c, e);
  if (!next) return;
  next->no = row->run.job_no;
  call_read_any(c, next, enter_with_run);
}

static void load_run(struct call *c) {
  int64_t no;
  if (!id_from_text(c->args[0], &no)) {
    call_refuse(c, ERR_NOT_FOUND, "id", "there is no execution of this id");
    return;
  }
  struct store_read *r = call_new_read(c, READ_RUN);
  if (!r) return;
  r->no = no;
  r->with_output = true;
  call_read_any(c, r, on_run);
}

/* What is answered is at least as new as this event of the live stream. */
static void say_event(struct call *c) {
  const char *id = arena_printf(&c->req->arena, "%lld-%lld", (long long)engine_epoch(c->api->engine),
                                (long long)engine_event_seq(c->api->engine));
  if (id) http_header(c->req, "Sereno-Event", str_of(id));
}

void dispatch(struct call *c) {
  if (!has_rate(c, RATE_ADDRESS, rate_address_key(c->req->peer)) || !find_route(c)) return;
  if (c->route->flags & ROUTE_PAGE) {
    enter(c);
    return;
  }
  if (!c->api->is_ready && !(c->route->flags & ROUTE_EARLY)) {
    call_fail_after(c, ERR_UNAVAILABLE, 1000);
    return;
  }
  if ((c->route->flags & ROUTE_LOGIN) && !has_rate(c, RATE_LOGIN, rate_address_key(c->req->peer))) return;
  if (!may_enter(c) || !is_own_page(c) || !has_input(c) || !is_first_time(c)) return;
  if (c->route->method == HTTP_GET) say_event(c);
  if (c->route->flags & ROUTE_JOB) call_read_job(c, c->args[0], enter_with_job);
  else if (c->route->flags & ROUTE_RUN) load_run(c);
  else enter(c);
}
