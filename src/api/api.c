#include "api/api.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/alerts.h"
#include "api/api_round.h"
#include "api/call.h"
#include "api/counters.h"
#include "api/dispatch.h"
#include "api/identity.h"
#include "api/login_link.h"
#include "api/metrics.h"
#include "api/output_cache.h"
#include "api/roster.h"
#include "api/secret.h"
#include "api/stream.h"
#include "api/web.h"
#include "sys/os_file.h"

#define FIRST_USER "admin"
#define FIRST_TOKEN "admin.token" /* the name of the token in the file of that name */
#define TOKEN_FILE "admin.token"

static enum err build(struct api *a) {
  TRY(identities_new(&a->identities));
  TRY(login_links_new(&a->links));
  TRY(rate_new(&a->rates));
  TRY(throttle_new(&a->throttle));
  TRY(idempotency_new(&a->kept));
  TRY(metrics_new(&a->metrics));
  TRY(api_aheads_new(&a->aheads));
  TRY(alerts_new(&a->alerts));
  TRY(web_new(engine_config_get(a->engine, "http.base_path"), &a->web));
  TRY(output_cache_new(&a->outputs));
  TRY(roster_new(a, &a->roster));
  TRY(counters_new(a, &a->counters));
  return streams_new(a, &a->streams);
}

enum err api_new(struct engine *e, struct api **ret) {
  if (sodium_init() < 0) return ERR_INTERNAL;
  struct api *a = calloc(1, sizeof *a);
  if (!a) return ERR_NO_MEMORY;
  a->engine = e;
  a->world = engine_world(e);
  enum err err = build(a);
  if (err == ERR_OK) *ret = a;
  else api_free(a);
  return err;
}

void api_free(struct api *a) {
  if (!a) return;
  streams_free(a->streams);
  counters_free(a->counters);
  roster_free(a->roster);
  metrics_free(a->metrics);
  api_aheads_free(a->aheads);
  web_free(a->web);
  output_cache_free(a->outputs);
  idempotency_free(a->kept);
  throttle_free(a->throttle);
  rate_free(a->rates);
  login_links_free(a->links);
  identities_free(a->identities);
  alerts_free(a->alerts);
  free(a);
}

void api_set_server(struct api *a, const struct http_server *server) { a->server = server; }
void api_note(struct api *a, const struct sched_note *note) {
  if (note->kind == SCHED_NOTE_FAILURES || note->kind == SCHED_NOTE_RECOVERED ||
      note->kind == SCHED_NOTE_DISABLED)
    alerts_changed(a);
  metrics_note(a->metrics, note);
  roster_note(a->roster, note);
}

void api_answered(void *arg, const struct http_answered *answer) {
  struct api *a = arg;
  metrics_answered(a->metrics, answer);
}

void api_handle(void *arg, struct http_request *req) {
  struct call *c = ARENA_NEW(&req->arena, struct call);
  if (!c) {
    http_respond_error(req, ERR_NO_MEMORY, NULL);
    return;
  }
  *c = (struct call){.api = arg, .req = req};
  req->path = web_without_base(req->path, str_of(web_base(c->api->web)));
  dispatch(c);
}

/* ---- the first start ---- */

struct starting {
  struct api *api;
  api_started_fn *fn;
  void *arg;
  bool is_first;
  struct token_text token;
};

static void finish(struct starting *s, enum err e, const struct err_detail *detail) {
  struct api_started told = {.error = e, .is_first = s->is_first};
  char path[SECRET_LEN + 32];
  struct secret_text secret;
  const struct user *user = identities_user(s->api->identities, STR(FIRST_USER));
  if (detail) told.detail = *detail;
  if (e == ERR_OK) s->api->is_ready = true;
  if (e == ERR_OK && s->is_first && user &&
      login_links_add(s->api->links, s->api->world, str_of(user->id), engine_now_ms(s->api->engine),
                      &secret) == ERR_OK) {
    (void)snprintf(path, sizeof path, "/#login=%s", secret.text);
    told.login_path = path;
  }
  s->fn(s->arg, &told);
  sodium_memzero(s, sizeof *s);
  free(s);
}

static const char *token_path(const struct api *a, char *ret, size_t size) {
  (void)snprintf(ret, size, "%s/" TOKEN_FILE, engine_folder(a->engine));
  return ret;
}

static void token_saved(void *arg, const struct engine_answer *answer) {
  struct starting *s = arg;
  struct err_detail detail = answer->detail;
  char path[4096], line[TOKEN_TEXT_LEN + 2];
  enum err e = answer->error;
  if (e == ERR_OK) e = identities_put_token(s->api->identities, &answer->change->token_row);
  (void)snprintf(line, sizeof line, "%s\n", s->token.text);
  if (e == ERR_OK) e = os_write_file(token_path(s->api, path, sizeof path), str_of(line), 0600, &detail);
  sodium_memzero(line, sizeof line);
  finish(s, e, &detail);
}

static struct change *new_change(struct api *a, enum change_kind kind, const char *action,
                                 const char *object) {
  struct change *c = change_new(kind, engine_now_ms(a->engine));
  if (!c) return NULL;
  c->epoch = engine_epoch(a->engine);
  c->audit = (struct audit_note){.actor = "system", .action = action, .object = object};
  return c;
}

/* The file's token: its row is made, or made anew when the file is gone (whoever may write DIR owns it). */
static void save_token(struct starting *s) {
  struct api *a = s->api;
  const struct token *old = identities_token(a->identities, STR(FIRST_TOKEN));
  struct change *c = new_change(a, CHANGE_TOKEN, "token.create", "token:" FIRST_TOKEN);
  if (!c) {
    finish(s, ERR_NO_MEMORY, NULL);
    return;
  }
  s->token = token_text_new(a->world);
  struct secret_hash hash = secret_hash(str_of(s->token.text));
  struct id_text id = id_to_text(id_next(&a->ids, c->at_ms));
  c->token_row = (struct token){.id = arena_strdup(&c->arena, str_of(old ? old->id : id.text)),
                                .name = FIRST_TOKEN,
                                .role = ROLE_ADMIN,
                                .created_ms = c->at_ms,
                                .expires_ms = FIELD_NULL,
                                .last_used_ms = FIELD_NULL};
  memcpy(c->token_row.hash, hash.bytes, sizeof hash.bytes);
  engine_write(a->engine, c, token_saved, s);
}

static void user_saved(void *arg, const struct engine_answer *answer) {
  struct starting *s = arg;
  enum err e = answer->error;
  if (e == ERR_OK) e = identities_put_user(s->api->identities, &answer->change->user);
  if (e == ERR_OK) save_token(s);
  else finish(s, e, &answer->detail);
}

static void save_first_user(struct starting *s) {
  struct api *a = s->api;
  struct change *c = new_change(a, CHANGE_USER, "user.create", "user:" FIRST_USER);
  if (!c) {
    finish(s, ERR_NO_MEMORY, NULL);
    return;
  }
  struct id_text id = id_to_text(id_next(&a->ids, c->at_ms));
  c->user = (struct user){.id = arena_strdup(&c->arena, str_of(id.text)),
                          .name = FIRST_USER,
                          .role = ROLE_ADMIN,
                          .created_ms = c->at_ms,
                          .updated_ms = c->at_ms,
                          .last_login_ms = FIELD_NULL};
  engine_write(a->engine, c, user_saved, s);
}

static bool has_admin_token(const struct api *a) {
  for (size_t i = 0; i < identities_token_count(a->identities); i++) {
    const struct token *t = identities_token_at(a->identities, i);
    bool is_living = t->expires_ms == FIELD_NULL || t->expires_ms > engine_now_ms(a->engine);
    if (t->role == ROLE_ADMIN && is_living) return true;
  }
  return false;
}

static bool is_file_gone(const struct api *a) {
  char path[4096];
  BUF_AUTO struct buf bytes = buf_new(4096);
  return os_read_file(token_path(a, path, sizeof path), &bytes, NULL) == ERR_NOT_FOUND;
}

/* Ids that are made later must differ from those on record, whatever the clock says. */
static void continue_ids(struct api *a) {
  int64_t no;
  for (size_t i = 0; i < identities_user_count(a->identities); i++)
    if (id_from_text(str_of(identities_user_at(a->identities, i)->id), &no) && no > a->ids.last)
      a->ids.last = no;
  for (size_t i = 0; i < identities_token_count(a->identities); i++)
    if (id_from_text(str_of(identities_token_at(a->identities, i)->id), &no) && no > a->ids.last)
      a->ids.last = no;
}

static void on_identities(void *arg, struct store_read *read) {
  struct starting *s = arg;
  struct api *a = s->api;
  enum err e = read->error;
  if (e == ERR_OK) e = identities_load(a->identities, read);
  if (e != ERR_OK) {
    finish(s, e, &read->detail);
    return;
  }
  continue_ids(a);
  bool knows_file_token = identities_token(a->identities, STR(FIRST_TOKEN));
  s->is_first = identities_user_count(a->identities) == 0 && identities_token_count(a->identities) == 0;
  if (s->is_first) save_first_user(s);
  else if (!has_admin_token(a) || (knows_file_token && is_file_gone(a))) save_token(s);
  else finish(s, ERR_OK, NULL);
}

void api_start(struct api *a, api_started_fn *fn, void *arg) {
  struct starting *s = calloc(1, sizeof *s);
  struct store_read *r = store_read_new(READ_IDENTITIES, engine_now_ms(a->engine));
  if (!s || !r) {
    struct api_started told = {.error = ERR_NO_MEMORY};
    store_read_free(r);
    free(s);
    fn(arg, &told);
    return;
  }
  *s = (struct starting){.api = a, .fn = fn, .arg = arg};
  engine_read(a->engine, r, on_identities, s);
}
