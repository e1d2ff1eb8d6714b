#include "tests/support/worlds_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/pg_fixture.h"
#include "tests/support/redis_fixture.h"
#include "warden/child.h"

#define VALUE_BYTES 131072

bool worlds_fixture_has(enum worlds_kind kind) {
  bool has_pg = access("/usr/lib/postgresql/15/bin/postgres", X_OK) == 0;
  if (kind == WORLDS_SERVERS && access("/usr/bin/redis-server", X_OK) != 0) return false;
  return has_pg || (kind != WORLDS_POSTGRES && kind != WORLDS_SERVERS);
}

static void keep_notice(void *arg, enum log_level level, const char *component, const char *message,
                        const json_t *fields) {
  struct worlds_fixture *f = arg;
  json_t *line = json_deep_copy(fields);
  json_object_set_new(line, "level", json_integer(level));
  json_object_set_new(line, "component", json_string(component));
  json_object_set_new(line, "message", json_string(message));
  json_array_append_new(f->notices, line);
}

static void open_lanes(struct worlds_fixture *f) {
  struct err_detail d = {};
  if (worlds_new(&f->config, &f->worlds, &d) != ERR_OK) fail_msg("worlds: %s", d.message);
  if (lane_open(f->worlds, &f->lane, &d) != ERR_OK) fail_msg("lane: %s (%s)", d.message, d.hint);
  if (lane_open(f->worlds, &f->second, &d) != ERR_OK) fail_msg("lane: %s", d.message);
}

static void close_lanes(struct worlds_fixture *f) {
  lane_close(&f->lane);
  lane_close(&f->second);
  worlds_free(f->worlds);
}

void worlds_open(struct worlds_fixture *f, enum worlds_kind kind) {
  static const unsigned char key[32] = {7};
  *f = (struct worlds_fixture){.kind = kind, .now_ms = WORLDS_NOW, .folder = "/tmp/sereno-worlds-XXXXXX"};
  if (access("/dev/shm", W_OK) == 0) snprintf(f->folder, sizeof f->folder, "/dev/shm/sereno-worlds-XXXXXX");
  assert_non_null(mkdtemp(f->folder));
  f->notices = json_array();
  f->config = (struct worlds_config){.db = {.folder = f->folder},
                                     .live = {.mode = kind == WORLDS_NO_LIVE ? LIVE_NONE : LIVE_EMBEDDED,
                                              .folder = f->folder,
                                              .owner = "test:1"},
                                     .folder = f->folder,
                                     .link_key = key,
                                     .timezone = "UTC",
                                     .notice = keep_notice,
                                     .notice_arg = f};
  if (kind == WORLDS_POSTGRES || kind == WORLDS_SERVERS) {
    pg_fixture_schema(f->url);
    f->config.db = (struct sqldb_config){.url = f->url};
  }
  if (kind == WORLDS_SERVERS) {
    f->redis = redis_fixture_start(NULL, NULL);
    f->config.live = (struct live_config){.mode = LIVE_REDIS, .url = f->redis->url, .owner = "test:1"};
  }
  open_lanes(f);
}

static void remove_folder(const char *folder, int depth) {
  char path[512];
  DIR *d = opendir(folder);
  for (struct dirent *e; d && (e = readdir(d));) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    int n = snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    if (n > 0 && (size_t)n < sizeof path && unlink(path) != 0 && depth < 4) remove_folder(path, depth + 1);
  }
  if (d) closedir(d);
  rmdir(folder);
}

void worlds_close(struct worlds_fixture *f) {
  close_lanes(f);
  json_decref(f->notices);
  if (f->url[0]) pg_fixture_drop(f->url);
  redis_fixture_stop(f->redis);
  remove_folder(f->folder, 0);
}

void worlds_reopen(struct worlds_fixture *f) {
  close_lanes(f);
  open_lanes(f);
}

static void copy_file(const struct worlds_fixture *f, const char *from, const char *to) {
  char a[128], b[128];
  struct str bytes;
  ARENA_AUTO struct arena arena = arena_new(64UL << 20);
  snprintf(a, sizeof a, "%s/%s", f->folder, from);
  snprintf(b, sizeof b, "%s/%s", f->folder, to);
  FILE *in = fopen(a, "rb"), *out = fopen(b, "wb");
  assert_true(in && out);
  char *room = arena_alloc(&arena, 32UL << 20);
  bytes = (struct str){room, fread(room, 1, 32UL << 20, in)};
  assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, out), bytes.len);
  fclose(in);
  fclose(out);
}

void worlds_remember(struct worlds_fixture *f) {
  if (f->redis) {
    assert_string_equal(redis_fixture_ask(f->redis, "SAVE"), "OK");
    return;
  }
  close_lanes(f);
  copy_file(f, "live.db", "live.old");
  open_lanes(f);
}

void worlds_fall_back(struct worlds_fixture *f) {
  char from[128], to[128];
  if (f->redis) {
    redis_fixture_kill(f->redis);
    redis_fixture_again(f->redis);
    return;
  }
  snprintf(from, sizeof from, "%s/live.old", f->folder);
  snprintf(to, sizeof to, "%s/live.db", f->folder);
  close_lanes(f);
  assert_int_equal(rename(from, to), 0);
  open_lanes(f);
}

/* ---- calls ---- */

static struct world_actor actor_of(const char *user) {
  struct str u = str_of(user);
  if (!user) return (struct world_actor){.kind = ACTOR_SYSTEM, .name = STR("system")};
  if (str_starts(u, STR("admin:"))) return (struct world_actor){ACTOR_ADMIN, str_from(u, 6), u};
  if (str_starts(u, STR("override:"))) return (struct world_actor){ACTOR_OVERRIDE, str_from(u, 9), u};
  return (struct world_actor){ACTOR_USER, u, u};
}

enum err world_try(struct worlds_fixture *f, struct lane *lane, const char *call, const char *world,
                   const char *user, const char *args, json_t **ret, struct err_detail *detail) {
  char text[VALUE_BYTES];
  snprintf(text, sizeof text, "%s", args ? args : "{}");
  for (char *c = text; *c; c++)
    if (*c == '\'') *c = '"';
  json_t *object = NULL;
  struct err_detail d = {};
  if (json_parse(str_of(text), &object, &d) != ERR_OK) fail_msg("%s: %s", text, d.message);
  struct world_request q = {.call = world_call_find(str_of(call)),
                            .now_ms = f->now_ms,
                            .actor = actor_of(user),
                            .world_id = str_of(world),
                            .args = object};
  if (!q.call) fail_msg("there is no call %s", call);
  struct world_reply r = {};
  enum err e = worlds_call(lane, &q, &r);
  if (detail) *detail = r.detail;
  if (ret) *ret = json_incref(r.body);
  world_reply_free(&r);
  json_decref(object);
  return e;
}

json_t *world_ask(struct worlds_fixture *f, const char *call, const char *world, const char *user,
                  const char *args) {
  json_t *body = NULL;
  struct err_detail d = {};
  enum err e = world_try(f, &f->lane, call, world, user, args, &body, &d);
  if (e != ERR_OK) fail_msg("%s %s %s: %s: %s: %s", call, world, args, err_code(e), d.field, d.message);
  return body;
}

void world_do(struct worlds_fixture *f, const char *call, const char *world, const char *user,
              const char *args) {
  json_decref(world_ask(f, call, world, user, args));
}

void make_world(struct worlds_fixture *f, const char *id, const char *owner) {
  char args[512];
  snprintf(args, sizeof args, "{'id':'%s','name':'World %s','ownerId':'%s'}", id, id, owner);
  world_do(f, "world.create", NULL, NULL, args);
}

void idle_world(struct worlds_fixture *f, const char *id, int64_t idle_ms) {
  char sql[512];
  snprintf(sql, sizeof sql, "UPDATE \"World\" SET \"lastActiveAt\"='%s' WHERE \"id\"='%s'",
           instant_to_text(f->now_ms - idle_ms).text, id);
  worlds_sql(f, sql);
}

int64_t say(struct worlds_fixture *f, const char *id, const char *user, const char *text) {
  char args[2048];
  snprintf(args, sizeof args, "{'text':'%s'}", text);
  json_t *body = world_ask(f, "world.message", id, user, args);
  int64_t turn = json_int_at(body, "turn", -1);
  json_decref(body);
  return turn;
}

/* ---- SQL from outside ---- */

static char value[VALUE_BYTES];

static bool keep_value(void *arg, const struct sql_row *row) {
  (void)arg;
  (void)str_copy(value, sizeof value, sql_row_text(row, 0));
  return false;
}

void worlds_sql(struct worlds_fixture *f, const char *sql) {
  struct err_detail d = {};
  if (sqldb_script(f->second.db, str_of(sql), &d) != ERR_OK) fail_msg("%s: %s", sql, d.message);
}

const char *worlds_value(struct worlds_fixture *f, const char *sql) {
  struct sql_statement statement = {"test", sql, NULL};
  struct sqldb_config config = f->config.db;
  struct sqldb *db;
  struct err_detail d = {};
  value[0] = 0;
  config.statements = &statement;
  config.statement_count = 1;
  if (sqldb_open(&config, &db, &d) != ERR_OK ||
      sqldb_query(db, 0, SQL_NO_ARGS, keep_value, NULL, &d) != ERR_OK)
    fail_msg("%s: %s", sql, d.message);
  sqldb_close(db);
  return value;
}

const char *world_column(struct worlds_fixture *f, const char *id, const char *column) {
  char sql[512];
  snprintf(sql, sizeof sql, "SELECT CAST(\"%s\" AS TEXT) FROM \"World\" WHERE \"id\"='%s'", column, id);
  return worlds_value(f, sql);
}

struct live_world world_live(struct worlds_fixture *f, const char *id) {
  struct live_world w = {};
  struct str name = str_of(id);
  CHECK_OK(
      live_read(f->second.live, &(struct live_question){&name, 1, LIVE_ALL, &f->second.arena}, &w, NULL));
  return w;
}

static const json_t *member_at(const json_t *body, const char *path) {
  struct str rest = str_of(path), piece;
  char name[100];
  while (body && str_split(&rest, '.', &piece)) {
    (void)str_copy(name, sizeof name, piece);
    body = json_object_get(body, name);
  }
  return body;
}

const char *world_text(const json_t *body, const char *path) {
  const char *text = json_string_value(member_at(body, path));
  return text ? text : "";
}

int64_t world_int(const json_t *body, const char *path) {
  const json_t *v = member_at(body, path);
  if (json_is_boolean(v)) return json_is_true(v);
  if (!json_is_integer(v)) fail_msg("%s is no whole number", path);
  return json_integer_value(v);
}

/* ---- jobs ---- */

struct job_calls {
  struct worlds_fixture *f;
  struct str actor;
};

static enum err carry_out(void *arg, const char *call, json_t *args, const struct str *payload,
                          json_t **ret_body, struct str *ret_payload, struct err_detail *detail) {
  struct job_calls *j = arg;
  struct world_request q = {.call = world_call_find(str_of(call)),
                            .now_ms = j->f->now_ms,
                            .actor = {.kind = ACTOR_SYSTEM, .name = j->actor},
                            .args = args,
                            .payload = payload ? *payload : STR_NONE};
  if (!q.call || !(q.call->flags & CALL_JOB)) fail_msg("%s is no call of jobs", call);
  struct world_reply r = {};
  enum err e = worlds_call(&j->f->lane, &q, &r);
  if (detail) *detail = r.detail;
  if (ret_body) *ret_body = json_incref(r.body);
  if (ret_payload && r.payload.len) *ret_payload = (struct str){str_dup(buf_str(&r.payload)), r.payload.len};
  world_reply_free(&r);
  json_decref(args);
  return e;
}

json_t *run_job(struct worlds_fixture *f, const char *executor, const char *params, int *ret_code) {
  char text[1024], actor[100];
  snprintf(text, sizeof text, "%s", params ? params : "{}");
  for (char *c = text; *c; c++)
    if (*c == '\'') *c = '"';
  snprintf(actor, sizeof actor, "job:%s", executor);
  struct job_calls j = {f, str_of(actor)};
  struct child_context context = {
      .run_id = STR("run"), .job_id = STR("job"), .due_ms = f->now_ms, .deadline_ms = INSTANT_NEVER};
  json_t *object = NULL, *result = NULL;
  CHECK_OK(json_parse(str_of(text), &object, NULL));
  const struct executor *e = executor_find(str_of(executor));
  if (!e) fail_msg("there is no executor %s", executor);
  int code = child_run_here(e, &context, object, carry_out, &j, &result);
  json_decref(object);
  if (ret_code) *ret_code = code;
  else if (code != 0) fail_msg("%s ended with %d", executor, code);
  return result;
}

int64_t live_used_bytes(struct worlds_fixture *f) {
  struct live_status s;
  CHECK_OK(live_status(f->second.live, &s, NULL));
  return s.used_bytes;
}
