#include "tests/support/ladder_fixture.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/check.h"
#include "tests/support/pg_fixture.h"
#include "worlds/sql.h"

bool ladder_on_postgres;

static const unsigned char link_key[32] = "0123456789abcdef0123456789abcde";

static void notice(void *arg, enum log_level level, const char *component, const char *message,
                   const json_t *fields) {
  struct ladder_fixture *f = arg;
  (void)level;
  if (strcmp(component, "WorldPauseService") != 0 || strcmp(message, "World auto-paused") != 0) return;
  f->notices++;
  json_decref(f->last_notice);
  f->last_notice = json_deep_copy(fields);
}

void ladder_fixture_open(struct ladder_fixture *f) {
  struct err_detail detail = {};
  *f = (struct ladder_fixture){.folder = "/tmp/ladder.XXXXXX", .now_ms = FIX_NOW};
  assert_non_null(mkdtemp(f->folder));
  if (ladder_on_postgres) pg_fixture_schema(f->url);
  f->config = (struct worlds_config){.db = {.folder = f->folder, .url = f->url[0] ? f->url : NULL},
                                     .live = {.mode = LIVE_EMBEDDED, .folder = f->folder, .owner = "test:1"},
                                     .folder = f->folder,
                                     .public_url = "https://worlds.example",
                                     .link_key = link_key,
                                     .timezone = "UTC",
                                     .notice = notice,
                                     .notice_arg = f};
  if (worlds_new(&f->config, &f->worlds, &detail) != ERR_OK ||
      lane_open(f->worlds, &f->lane, &detail) != ERR_OK)
    fail_msg("%s: %s (%s)", detail.field, detail.message, detail.hint);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
  (void)st, (void)flag, (void)ftw;
  return remove(path);
}

void ladder_fixture_close(struct ladder_fixture *f) {
  lane_close(&f->lane);
  worlds_free(f->worlds);
  json_decref(f->last_notice);
  if (f->url[0]) pg_fixture_drop(f->url);
  nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void ladder_sql(struct ladder_fixture *f, const char *format, ...) {
  struct err_detail detail = {};
  char *text = NULL;
  va_list args;
  va_start(args, format);
  int n = vasprintf(&text, format, args);
  va_end(args);
  assert_true(n >= 0);
  enum err e = sqldb_script(f->lane.db, (struct str){text, (size_t)n}, &detail);
  if (e != ERR_OK) fail_msg("%s: %s", text, detail.message);
  free(text);
}

void ladder_world(struct ladder_fixture *f, const char *id, int64_t idle_ms) {
  ladder_sql(
      f,
      "INSERT INTO \"World\"(\"id\",\"name\",\"ownerId\",\"ownerEmail\",\"lastActiveAt\",\"createdAt\","
      "\"updatedAt\") VALUES('%s','World %s','ana','ana@example.org','%s','%s','%s')",
      id, id, instant_to_text(f->now_ms - idle_ms).text, instant_to_text(f->now_ms - 100 * FIX_DAY).text,
      instant_to_text(f->now_ms - idle_ms).text);
}

void ladder_paused(struct ladder_fixture *f, const char *id, int64_t idle_ms, int64_t reason) {
  ladder_world(f, id, idle_ms);
  ladder_sql(
      f,
      "UPDATE \"World\" SET \"isPaused\"=true, \"status\"='%s', \"pauseReason\"='%s', \"pausedAt\"='%s' "
      "WHERE \"id\"='%s'",
      world_status_names[world_rung(reason) > 1 ? WORLD_ARCHIVED : WORLD_PAUSED], pause_reason_names[reason],
      instant_to_text(f->now_ms - idle_ms + FIX_DAY).text, id);
}

enum err ladder_row(struct ladder_fixture *f, const char *id, struct world_row *ret) {
  struct world_case c;
  arena_free(&f->lane.arena);
  f->lane.arena = arena_new((size_t)1 << 24);
  TRY(world_case_get(&f->lane, str_of(id), f->now_ms, &c));
  *ret = c.row;
  return ERR_OK;
}

static enum err call_here(void *arg, const char *call, json_t *args, const struct str *payload,
                          json_t **ret_body, struct str *ret_payload, struct err_detail *detail) {
  struct ladder_fixture *f = arg;
  struct world_reply reply = {};
  struct world_request q = {.call = world_call_find(str_of(call)),
                            .now_ms = f->now_ms,
                            .actor = {.kind = ACTOR_SYSTEM, .name = STR("job:test")},
                            .args = args,
                            .payload = payload ? *payload : STR_NONE};
  (void)ret_payload;
  assert_non_null(q.call);
  enum err e = worlds_call(&f->lane, &q, &reply);
  json_decref(args);
  *detail = reply.detail;
  if (e == ERR_OK && ret_body) *ret_body = json_incref(reply.body);
  world_reply_free(&reply);
  return e;
}

json_t *ladder_job(struct ladder_fixture *f, const char *name, json_t *params, int *ret_code) {
  const struct executor *e = executor_find(str_of(name));
  assert_non_null(e);
  struct child_context context = {
      .run_id = STR("run"), .job_id = STR("job"), .due_ms = f->now_ms, .deadline_ms = INSTANT_NEVER};
  JSON_AUTO json_t *given = params ? params : json_object();
  json_t *result = NULL;
  int code = child_run_here(e, &context, given, call_here, f, &result);
  if (ret_code) *ret_code = code;
  else assert_int_equal(code, EXECUTOR_OK);
  return result;
}

enum err ladder_try(struct ladder_fixture *f, const char *call, const char *id, json_t *args,
                    struct str payload, struct world_reply *ret) {
  JSON_AUTO json_t *given = args ? args : json_object();
  struct world_request q = {.call = world_call_find(str_of(call)),
                            .now_ms = f->now_ms,
                            .actor = {.kind = ACTOR_USER, .user_id = STR("ana"), .name = STR("user:ana")},
                            .world_id = str_of(id),
                            .args = given,
                            .payload = payload};
  assert_non_null(q.call);
  return worlds_call(&f->lane, &q, ret);
}

json_t *ladder_call(struct ladder_fixture *f, const char *call, const char *id, json_t *args) {
  struct world_reply r = {};
  if (ladder_try(f, call, id, args, STR_NONE, &r) != ERR_OK)
    fail_msg("%s: %s: %s", call, r.detail.field, r.detail.message);
  json_t *body = json_incref(r.body);
  world_reply_free(&r);
  return body;
}

double ladder_number(const json_t *object, const char *path) {
  struct str rest = str_of(path), key;
  while (str_split(&rest, '.', &key)) {
    object = json_object_getn(object, key.ptr, key.len);
    if (!object) fail_msg("%s is not there", path);
  }
  return json_is_boolean(object) ? (double)json_is_true(object) : json_number_value(object);
}
