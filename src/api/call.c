#include "api/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/web.h"

int64_t call_now_ms(const struct call *c) { return engine_now_ms(c->api->engine); }

/* ---- answering ---- */

struct json_writer *call_begin(struct call *c) {
  buf_free(&c->out);
  c->out = buf_new(LIMIT_ANSWER_BYTES);
  c->w = jw_new(&c->out);
  return &c->w;
}

void call_release(struct call *c) {
  if (c->key.ptr) idempotency_forget(c->api->kept, c->key_scope, c->key);
  c->key = STR_NONE;
  json_decref(c->body);
  job_unref(c->job);
  buf_free(&c->out);
  c->body = NULL;
  c->job = NULL;
}

/* An answer that a repetition would change (too busy, out of order) is not kept. */
static bool is_worth_keeping(int status) { return status < 500 && status != 429 && status != 499; }

static void keep_answer(struct call *c, int status, const char *content_type) {
  if (!c->key.ptr || !is_worth_keeping(status) || buf_error(&c->out)) return;
  struct idempotency_answer answer = {.status = status,
                                      .content_type = str_of(content_type),
                                      .location = str_of(c->location),
                                      .etag = str_of(c->etag),
                                      .body = buf_str(&c->out)};
  idempotency_finish(c->api->kept, c->key_scope, c->key, &answer);
  c->key = STR_NONE;
}

void call_end_text(struct call *c, int status, const char *content_type) {
  struct http_request *req = c->req;
  keep_answer(c, status, content_type);
  if (c->location) {
    const char *whole = arena_printf(&req->arena, "%s%s", web_base(c->api->web), c->location);
    if (whole) http_header(req, "Location", str_of(whole));
  }
  if (c->etag) http_header(req, "ETag", str_of(c->etag));
  http_header(req, "Cache-Control", STR("no-store"));
  struct buf out = c->out;
  c->out = buf_new(0);
  call_release(c);
  http_respond_buf(req, status, content_type, &out);
}

void call_end(struct call *c, int status) {
  ASSERT(c->w.depth == 0);
  call_end_text(c, status, API_JSON);
}

void call_end_empty(struct call *c, int status) {
  buf_free(&c->out);
  c->out = buf_new(1);
  call_end_text(c, status, NULL);
}

void call_fail(struct call *c, enum err e) {
  ASSERT(e != ERR_OK);
  if (e == ERR_UNAUTHENTICATED || e == ERR_TOKEN_EXPIRED)
    http_header(c->req, "WWW-Authenticate", STR("Bearer realm=\"sereno\""));
  c->location = c->etag = NULL;
  buf_free(&c->out);
  c->out = buf_new(65536);
  http_problem(&c->out, err_http_status(e), e, &c->detail, c->req->id);
  call_end_text(c, err_http_status(e), "application/problem+json");
}

void call_fail_after(struct call *c, enum err e, int64_t wait_ms) {
  const char *seconds = arena_printf(&c->req->arena, "%lld", (long long)(wait_ms + 999) / 1000);
  if (seconds) http_header(c->req, "Retry-After", str_of(seconds));
  call_fail(c, e);
}

void call_refuse(struct call *c, enum err e, const char *field, const char *format, ...) {
  char message[ERR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(message, sizeof message, format, args);
  va_end(args);
  call_fail(c, err_set(&c->detail, e, field, 0, "%s", message));
}

/* ---- the engine ---- */

struct pending {
  struct call *call;
  call_read_fn *read;
  call_done_fn *done;
  bool takes_errors, is_edit;
};

static struct pending *pending_new(struct call *c) {
  struct pending *p = ARENA_NEW(&c->req->arena, struct pending);
  if (p) p->call = c;
  return p;
}

struct store_read *call_new_read(struct call *c, enum store_read_kind kind) {
  struct store_read *r = store_read_new(kind, call_now_ms(c));
  if (!r) call_fail(c, ERR_NO_MEMORY);
  return r;
}

static void on_read(void *arg, struct store_read *read) {
  struct pending *p = arg;
  struct call *c = p->call;
  if (read->error != ERR_OK && !p->takes_errors) {
    c->detail = read->detail;
    call_fail(c, read->error);
  } else {
    p->read(c, read);
  }
}

static void start_read(struct call *c, struct store_read *read, call_read_fn *fn, bool takes_errors) {
  struct pending *p = pending_new(c);
  if (!p) {
    store_read_free(read);
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  p->read = fn;
  p->takes_errors = takes_errors;
  engine_read(c->api->engine, read, on_read, p);
}

void call_read(struct call *c, struct store_read *read, call_read_fn *fn) { start_read(c, read, fn, false); }
void call_read_any(struct call *c, struct store_read *read, call_read_fn *fn) {
  start_read(c, read, fn, true);
}

struct change *call_new_change(struct call *c, enum change_kind kind) {
  struct change *change = change_new(kind, call_now_ms(c));
  if (!change) call_fail(c, ERR_NO_MEMORY);
  else change->epoch = engine_epoch(c->api->engine);
  return change;
}

static const char *keep(struct change *change, const char *text) {
  return text ? arena_strdup(&change->arena, str_of(text)) : NULL;
}

void call_note(struct call *c, struct change *change, const char *action, const char *object,
               const char *before, const char *after) {
  change->audit = (struct audit_note){
      .actor = keep(change, c->who.actor ? c->who.actor : "nobody"),
      .action = keep(change, action),
      .object = keep(change, object),
      .before = keep(change, before),
      .after = keep(change, after),
      .address = arena_strdup(&change->arena, c->req->peer),
      .request_id = arena_strdup(&change->arena, c->req->id),
  };
}

static void nothing(void *arg, const struct engine_answer *answer) {
  (void)arg;
  (void)answer;
}

void call_log(struct call *c, const char *action, const char *object, const char *after) {
  struct change *change = change_new(CHANGE_AUDIT, call_now_ms(c));
  if (!change) return;
  change->epoch = engine_epoch(c->api->engine);
  call_note(c, change, action, object, NULL, after);
  if (arena_error(&change->arena)) change_free(change);
  else engine_write(c->api->engine, change, nothing, NULL);
}

static void on_done(void *arg, const struct engine_answer *answer) {
  struct pending *p = arg;
  struct call *c = p->call;
  if (p->is_edit) c->api->edits++;
  if (answer->error != ERR_OK && !p->takes_errors) {
    c->detail = answer->detail;
    call_fail(c, answer->error);
  } else {
    p->done(c, answer);
  }
}

static void start_change(struct call *c, struct change *change, const struct pending *how, bool is_edit) {
  struct pending *p = pending_new(c);
  if (!p || arena_error(&change->arena)) {
    change_free(change);
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  p->done = how->done;
  p->takes_errors = how->takes_errors;
  p->is_edit = is_edit;
  if (is_edit) engine_edit(c->api->engine, change, on_done, p);
  else engine_write(c->api->engine, change, on_done, p);
}

void call_edit(struct call *c, struct change *change, call_done_fn *fn) {
  start_change(c, change, &(struct pending){.done = fn}, true);
}
void call_edit_any(struct call *c, struct change *change, call_done_fn *fn) {
  start_change(c, change, &(struct pending){.done = fn, .takes_errors = true}, true);
}
void call_write(struct call *c, struct change *change, call_done_fn *fn) {
  start_change(c, change, &(struct pending){.done = fn}, false);
}

/* ---- rows ---- */

enum err call_keep_run(struct call *c, const struct run *from, struct run *ret) {
  size_t bytes = fields_texts_bytes(run_fields, run_field_count, from);
  char *texts = arena_alloc(&c->req->arena, bytes + 1);
  if (!texts) return arena_error(&c->req->arena);
  *ret = *from;
  fields_move_texts(run_fields, run_field_count, ret, texts);
  return ERR_OK;
}

struct job_lookup {
  struct str text;
  call_read_fn *fn;
  bool was_retried, began_with_id;
};

static void ask_for_job(struct call *c, struct job_lookup *look, bool by_id);

static void on_job(struct call *c, struct store_read *read) {
  struct job_lookup *look = c->state;
  if (read->error == ERR_OK && job_is_test(read->jobs[0].job)) read->error = ERR_NOT_FOUND;
  if (read->error == ERR_NOT_FOUND && !look->was_retried) {
    look->was_retried = true;
    ask_for_job(c, look, !look->began_with_id);
    return;
  }
  if (read->error == ERR_NOT_FOUND)
    (void)err_set(&read->detail, ERR_NOT_FOUND, "job", 0, "there is no job \"%.*s\"",
                  (int)(look->text.len < 100 ? look->text.len : 100), look->text.ptr);
  look->fn(c, read);
}

static void ask_for_job(struct call *c, struct job_lookup *look, bool by_id) {
  struct store_read *r = call_new_read(c, READ_JOB);
  if (!r) return;
  if (by_id) r->id = look->text;
  else r->name = look->text;
  c->state = look;
  call_read_any(c, r, on_job);
}

void call_read_job(struct call *c, struct str id_or_name, call_read_fn *fn) {
  struct job_lookup *look = ARENA_NEW(&c->req->arena, struct job_lookup);
  if (!look) {
    call_fail(c, ERR_NO_MEMORY);
    return;
  }
  bool looks_like_id =
      id_or_name.len == ID_TEXT_LEN && id_or_name.ptr[0] == 'c' && id_is_acceptable(id_or_name);
  *look = (struct job_lookup){.text = id_or_name, .fn = fn, .began_with_id = looks_like_id};
  ask_for_job(c, look, looks_like_id);
}

enum err call_check_job(struct call *c, const struct job *job, bool is_write) {
  struct access_need need = {.least = c->route->role,
                             .takes_cron_secret = c->route->flags & ROUTE_CRON,
                             .is_write = is_write,
                             .is_about_job = true};
  struct access_job about = {.id = job->id, .name = job->name, .is_critical = job->critical == 1};
  return access_check(&c->who, &need, &about, &c->detail);
}

/* ---- reading requests ---- */

int64_t prefer_wait_s(struct str prefer) {
  struct str rest = prefer, piece;
  while (rest.ptr && str_split(&rest, ',', &piece)) {
    struct str one = str_trim(piece);
    int64_t seconds;
    if (!str_starts(one, STR("wait="))) continue;
    if (str_to_int(str_from(one, 5), 0, 1000000, &seconds))
      return seconds > CALL_WAIT_MAX_S ? CALL_WAIT_MAX_S : seconds;
  }
  return 0;
}

/* "es-ES;q=0.9": its first two letters, and the weight in thousandths. */
static int64_t weight_of(struct str piece) {
  size_t at = str_find(piece, STR("q="));
  struct str q = at == SIZE_MAX ? STR("1") : str_trim(str_from(piece, at + 2));
  int64_t whole = 0, part = 0;
  size_t dot = str_find_char(q, '.');
  if (!str_to_int(dot == SIZE_MAX ? q : (struct str){q.ptr, dot}, 0, 1, &whole)) return 0;
  struct str digits = dot == SIZE_MAX ? STR_NONE : str_from(q, dot + 1);
  if (digits.len > 3 || (digits.len > 0 && !str_to_int(digits, 0, 999, &part))) return 0;
  for (size_t i = digits.len; i < 3; i++) part *= 10;
  return whole * 1000 + part;
}

const char *language_of(struct str accept_language) {
  static const char *const known[] = {"en", "es"};
  const char *best = "en";
  int64_t most = 0;
  struct str rest = accept_language, piece;
  while (rest.ptr && rest.len > 0 && str_split(&rest, ',', &piece)) {
    struct str one = str_trim(piece);
    size_t end = 0;
    while (end < one.len && one.ptr[end] != '-' && one.ptr[end] != ';') end++;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
      if (!str_eq_nocase((struct str){one.ptr, end}, str_of(known[i])) || weight_of(one) <= most) continue;
      best = known[i];
      most = weight_of(one);
    }
  }
  return best;
}

const char *etag_of(struct arena *arena, int64_t updated_ms) {
  return arena_printf(arena, "\"%lld\"", (long long)updated_ms);
}

enum err if_match_parse(struct str header, int64_t *ret_updated_ms, struct err_detail *detail) {
  int64_t value = FIELD_NULL;
  struct str text = str_trim(header);
  if (header.ptr && !str_eq(text, STR("*"))) {
    bool is_quoted = text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"';
    struct str digits = is_quoted ? (struct str){text.ptr + 1, text.len - 2} : STR_NONE;
    if (!is_quoted || !str_to_int(digits, 0, INT64_MAX, &value))
      return err_set(detail, ERR_PRECONDITION, "If-Match", 0, "not an ETag that this server gave");
  }
  *ret_updated_ms = value;
  return ERR_OK;
}

enum err mask_parse(const char *text, const char *const *names, const char *field, unsigned *ret_mask,
                    struct err_detail *detail) {
  unsigned mask = 0;
  struct str rest = str_of(text), piece;
  while (rest.ptr && rest.len > 0 && str_split(&rest, ',', &piece)) {
    int index = field_enum_index(names, str_trim(piece));
    if (index < 0) {
      enum err e = err_set(detail, ERR_INVALID, field, 0, "\"%.*s\" is not known",
                           (int)(piece.len < 40 ? piece.len : 40), piece.ptr);
      BUF_AUTO struct buf list = buf_new(ERR_TEXT_MAX - 1);
      for (int i = 0; names[i]; i++) buf_addf(&list, "%s%s", i ? ", " : "", names[i]);
      if (buf_text(&list)) err_hint(detail, "%s", buf_text(&list));
      return e;
    }
    mask |= 1U << index;
  }
  *ret_mask = mask;
  return ERR_OK;
}
