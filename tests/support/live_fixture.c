#include "tests/support/live_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/redis_fixture.h"

#define ARENA_BYTES (256UL << 20)

static void must(enum err e, const struct err_detail *d, const char *what) {
  if (e != ERR_OK) fail_msg("%s: %s: %s", what, err_code(e), d->message);
}

struct live *live_fixture_handle(struct live_fixture *f, const char *owner) {
  struct err_detail d = {};
  struct live *l = NULL;
  struct live_config config = f->config;
  config.owner = owner;
  must(live_open(&config, &l, &d), &d, "open");
  return l;
}

/* One Redis and one Upstash for all tests of a program, emptied before each. */
static struct redis_fixture *redis;
static struct upstash_fixture *upstash;

void live_fixture_servers_stop(void) {
  upstash_fixture_stop(upstash);
  redis_fixture_stop(redis);
  upstash = NULL, redis = NULL;
}

static void use_servers(struct live_fixture *f) {
  if (!redis) redis = redis_fixture_start(NULL, NULL);
  if (f->mode == LIVE_UPSTASH && !upstash) upstash = upstash_fixture_start(redis);
  f->redis = redis, f->upstash = upstash;
  (void)redis_fixture_ask(redis, "FLUSHALL");
  f->config.url = f->mode == LIVE_REDIS ? redis->url : upstash->url;
  f->config.token = UPSTASH_TOKEN;
  f->config.timeout_ms = 20000; /* of a machine under load; what is late is tested by itself */
}

void live_fixture_open(struct live_fixture *f, enum live_mode mode) {
  *f = (struct live_fixture){
      .mode = mode, .folder = "/tmp/sereno-live-XXXXXX", .arena = arena_new(ARENA_BYTES)};
  if (access("/dev/shm", W_OK) == 0) snprintf(f->folder, sizeof f->folder, "/dev/shm/sereno-live-XXXXXX");
  assert_non_null(mkdtemp(f->folder));
  f->config = (struct live_config){.mode = mode, .folder = f->folder, .owner = "node:1"};
  if (mode == LIVE_REDIS || mode == LIVE_UPSTASH) use_servers(f);
  f->live = live_fixture_handle(f, "node:1");
}

static void remove_folder(const char *folder) {
  char path[512];
  DIR *d = opendir(folder);
  for (struct dirent *e; d && (e = readdir(d));) {
    snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    if (e->d_name[0] != '.') unlink(path);
  }
  if (d) closedir(d);
  rmdir(folder);
}

void live_fixture_close(struct live_fixture *f) {
  live_close(f->live);
  arena_free(&f->arena);
  remove_folder(f->folder);
}

void live_fixture_reopen(struct live_fixture *f, const char *owner) {
  live_close(f->live);
  f->live = live_fixture_handle(f, owner);
}

void live_make(struct live_fixture *f, const char *id) {
  struct err_detail d = {};
  struct live_world w = {.id = str_of(id), .active_ms = NOW};
  must(live_load(f->live, &w, 0, NOW, &d), &d, "load");
}

int64_t live_say(struct live_fixture *f, const char *id, const char *bytes) {
  struct err_detail d = {};
  struct live_entry entry = {.at_ms = NOW, .bytes = str_of(bytes)};
  struct live_append w = {.id = str_of(id), .active_ms = NOW, .journal = &entry, .journal_count = 1};
  must(live_write(f->live, &w, 1, NOW, &d), &d, "write");
  must(w.error, &d, "write of the world");
  return w.first_turn;
}

void live_set(struct live_fixture *f, const char *id, const char *name, struct str bytes) {
  struct err_detail d = {};
  struct live_field field = {str_of(name), bytes};
  struct live_append w = {.id = str_of(id), .active_ms = INSTANT_NONE, .core = &field, .core_count = 1};
  must(live_write(f->live, &w, 1, NOW, &d), &d, "write");
  must(w.error, &d, "write of the world");
}

struct live_world live_get(struct live_fixture *f, const char *id) {
  struct err_detail d = {};
  struct live_world w;
  struct str text = str_of(id);
  must(live_read(f->live, &(struct live_question){&text, 1, LIVE_ALL | LIVE_HISTORY, &f->arena}, &w, &d), &d,
       "read");
  return w;
}

int64_t live_hold(struct live_fixture *f, const char *id, int64_t now_ms) {
  struct err_detail d = {};
  struct live_lock lock = {.id = str_of(id)};
  must(live_lock(f->live, &lock, 1, (struct live_lease){LIVE_LEASE_MS, now_ms}, &d), &d, "lock");
  return lock.token;
}

bool live_mark_saved(struct live_fixture *f, const char *id, int64_t version, int64_t turn) {
  struct err_detail d = {};
  struct live_mark m = {.id = str_of(id), .version = version, .turn = turn};
  must(live_saved(f->live, &m, 1, &d), &d, "saved");
  return m.is_done;
}

bool live_drop(struct live_fixture *f, const char *id, int64_t version, int64_t token) {
  struct err_detail d = {};
  struct live_mark m = {.id = str_of(id), .version = version, .token = token};
  must(live_clear(f->live, &m, 1, NOW, &d), &d, "clear");
  return m.is_done;
}

struct live_status live_figures(struct live_fixture *f) {
  struct err_detail d = {};
  struct live_status s;
  must(live_status(f->live, &s, &d), &d, "status");
  return s;
}

struct str live_core(const struct live_world *w, const char *name) {
  for (size_t i = 0; i < w->core_count; i++)
    if (str_eq(w->core[i].name, str_of(name))) return w->core[i].bytes;
  return STR_NONE;
}
