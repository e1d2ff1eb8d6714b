/* What can go wrong on the way to a Redis or to Upstash, and what applications do in it beside us. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <curl/curl.h>

#include "live/redis_wire.h"
#include "tests/support/live_fixture.h"
#include "tests/support/redis_fixture.h"

static struct live_fixture fixture;
static struct live_fixture *const f = &fixture;

static int open_redis(void **) {
  live_fixture_open(f, LIVE_REDIS);
  return 0;
}

static int open_upstash(void **) {
  live_fixture_open(f, LIVE_UPSTASH);
  return 0;
}

static int close_fixture(void **) {
  live_fixture_close(f);
  return 0;
}

static const char *ask(const char *command) { return redis_fixture_ask(f->redis, command); }

/* ---- addresses ---- */

static void addresses_are_parsed(void **) {
  static const struct {
    int line;
    const char *url, *host;
    int port, db;
    const char *user, *password;
  } rows[] = {
      {__LINE__, "redis://localhost", "localhost", 6379, 0, "", ""},
      {__LINE__, "redis://10.0.0.1:7000/3", "10.0.0.1", 7000, 3, "", ""},
      {__LINE__, "redis://:s%40crt%2F@h:1", "h", 1, 0, "", "s@crt/"},
      {__LINE__, "redis://u:p@h/", "h", 6379, 0, "u", "p"},
      {__LINE__, "rediss://default:p%3A1@db.example.org:6380/2", "db.example.org", 6380, 2, "default", "p:1"},
      {__LINE__, "redis://[::1]:7000", "::1", 7000, 0, "", ""},
      {__LINE__, "unix:///run/redis.sock", "/run/redis.sock", 0, 0, "", ""},
      {__LINE__, "unix://:pw@/run/redis.sock?db=2", "/run/redis.sock", 0, 2, "", "pw"},
  };
  static const char *const bad[] = {"",
                                    "localhost:6379",
                                    "http://h",
                                    "redis://",
                                    "redis://h:0",
                                    "redis://h:x",
                                    "redis://h/x",
                                    "redis://%zz@h",
                                    "unix://run/x",
                                    "unix:///x?y=1",
                                    "rediss://",
                                    "redis://h:70000"};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct redis_place p;
    CHECK_ROW(rows[i].line, redis_place_parse(str_of(rows[i].url), &p, NULL) == ERR_OK);
    CHECK_ROW(rows[i].line,
              strcmp(p.host, rows[i].host) == 0 && p.port == rows[i].port && p.db == rows[i].db);
    CHECK_ROW(rows[i].line, p.is_tls == (strncmp(rows[i].url, "rediss:", 7) == 0));
    CHECK_ROW(rows[i].line, strcmp(p.user, rows[i].user) == 0 && strcmp(p.password, rows[i].password) == 0);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct redis_place p;
    if (redis_place_parse(str_of(bad[i]), &p, NULL) != ERR_INVALID) fail_msg("%s was taken", bad[i]);
  }
}

/* ---- Redis ---- */

static void a_server_that_is_down_is_unavailable_and_comes_back(void **) {
  struct redis_fixture *r = redis_fixture_start("--appendonly", "yes");
  struct live_config config = {.mode = LIVE_REDIS, .url = r->url, .owner = "node:1", .timeout_ms = 20000};
  struct err_detail d = {};
  struct live *l;
  CHECK_OK(live_open(&config, &l, NULL));
  CHECK_OK(live_ping(l, NULL));
  redis_fixture_kill(r);
  assert_int_equal(live_ping(l, &d), ERR_UNAVAILABLE);
  assert_non_null(strstr(d.message, r->folder));
  assert_int_equal(live_ping(l, &d), ERR_UNAVAILABLE); /* at once: not even tried */
  redis_fixture_again(r);
  enum err e = ERR_UNAVAILABLE;
  for (int i = 0; i < 600 && e != ERR_OK; i++) {
    e = live_ping(l, NULL);
    if (e != ERR_OK) poll(NULL, 0, 50);
  }
  CHECK_OK(e);
  live_close(l);
  redis_fixture_stop(r);
}

static void a_restart_between_two_calls_is_not_noticed(void **) {
  struct redis_fixture *r = redis_fixture_start(NULL, NULL);
  struct live_config config = {.mode = LIVE_REDIS, .url = r->url, .owner = "node:1", .timeout_ms = 20000};
  struct live_lock lock = {.id = STR("w")};
  struct live *l;
  CHECK_OK(live_open(&config, &l, NULL));
  CHECK_OK(live_lock(l, &lock, 1, (struct live_lease){LIVE_LEASE_MS, NOW}, NULL));
  int64_t before = lock.token;
  redis_fixture_kill(r);
  redis_fixture_again(r);
  CHECK_OK(live_lock(l, &lock, 1, (struct live_lease){LIVE_LEASE_MS, NOW + 1},
                     NULL)); /* all is lost, but tokens still grow */
  assert_true(lock.token > before);
  live_close(l);
  redis_fixture_stop(r);
}

/* Listens and says nothing, or something that is no Redis. */
static int listen_at(const char *path) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(str_copy(a.sun_path, sizeof a.sun_path, str_of(path)));
  assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(listen(fd, 4), 0);
  return fd;
}

static void a_silent_server_costs_no_more_than_the_timeout(void **) {
  char path[100], url[120];
  struct err_detail d = {};
  struct live *l;
  snprintf(path, sizeof path, "%s/silent", f->folder);
  snprintf(url, sizeof url, "unix://%s", path);
  int fd = listen_at(path);
  struct live_config config = {.mode = LIVE_REDIS, .url = url, .timeout_ms = 50};
  CHECK_OK(live_open(&config, &l, NULL));
  assert_int_equal(live_ping(l, &d), ERR_UNAVAILABLE);
  assert_non_null(strstr(d.message, "in time"));
  live_close(l);
  close(fd);
}

static void what_is_no_redis_is_told_so(void **) {
  char path[100], url[120];
  struct err_detail d = {};
  struct live *l;
  snprintf(path, sizeof path, "%s/http", f->folder);
  snprintf(url, sizeof url, "unix://%s", path);
  int fd = listen_at(path), pid = fork();
  if (pid == 0) {
    int peer = accept(fd, NULL, NULL);
    _exit(send(peer, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL) == 28 && poll(NULL, 0, 5000) == 0);
  }
  struct live_config config = {.mode = LIVE_REDIS, .url = url, .timeout_ms = 20000};
  CHECK_OK(live_open(&config, &l, NULL));
  assert_int_equal(live_ping(l, &d), ERR_UNAVAILABLE);
  assert_non_null(strstr(d.message, "does not speak Redis's protocol"));
  live_close(l);
  close(fd);
}

static void a_wrong_password_is_refused_and_not_told(void **) { /* */
  char url[256];
  struct err_detail d = {};
  struct live *l;
  snprintf(url, sizeof url, "unix://:very-secret@%s", f->redis->url + strlen("unix://"));
  struct live_config config = {.mode = LIVE_REDIS, .url = url, .timeout_ms = 20000};
  CHECK_OK(live_open(&config, &l, NULL));
  assert_int_equal(live_ping(l, &d), ERR_UNAVAILABLE);
  assert_null(strstr(d.message, "very-secret"));
  assert_null(strstr(d.hint, "very-secret"));
  live_close(l);
}

static void a_password_opens(void **) {
  struct redis_fixture *r = redis_fixture_start("--requirepass", "pass w@rd");
  char url[256];
  struct err_detail d = {};
  struct live *l;
  struct live_config config = {.mode = LIVE_REDIS, .url = r->url, .timeout_ms = 20000};
  CHECK_OK(live_open(&config, &l, NULL));
  assert_int_equal(live_ping(l, &d), ERR_UNAVAILABLE);
  assert_non_null(strstr(d.message, "NOAUTH"));
  live_close(l);
  snprintf(url, sizeof url, "unix://:pass%%20w%%40rd@%s?db=5", r->url + strlen("unix://"));
  config.url = url;
  CHECK_OK(live_open(&config, &l, NULL));
  CHECK_OK(live_ping(l, NULL));
  live_close(l);
  redis_fixture_stop(r);
}

static void forgotten_scripts_are_loaded_again(void **) {
  live_make(f, "w");
  (void)ask("SCRIPT FLUSH");
  assert_int_equal(live_say(f, "w", "x"), 1);
  assert_int_equal(live_say(f, "w", "y"), 2);
}

static void a_full_redis_says_so(void **) {
  struct err_detail d = {};
  live_make(f, "w");
  struct live_append w = {.id = STR("w"), .active_ms = NOW};
  (void)ask("CONFIG SET maxmemory 1");
  CHECK_OK(live_write(f->live, &w, 1, NOW, &d));
  (void)ask("CONFIG SET maxmemory 0");
  assert_int_equal(w.error, ERR_STORE_FULL);
  assert_non_null(strstr(d.message, "is full (maxmemory)"));
  assert_int_equal(live_get(f, "w").version, 0);
}

/* A world with everything, one of them dirty, in a server that is full from now on; 50 more so that a reading has two
 * transactions. */
static void fill_up(void) {
  struct live_entry event = {.at_ms = NOW - 5, .bytes = STR("event")};
  struct live_field field = {STR("k"), STR("v\0w")}, session = {STR("s"), STR("")};
  struct live_append w = {.id = STR("w"), .active_ms = NOW, .core = &field, .core_count = 1};
  session.bytes = STR("working");
  w.session = &session, w.session_count = 1, w.events = &event, w.event_count = 1;
  live_make(f, "w");
  live_say(f, "w", "one");
  CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
  assert_int_equal(w.error, ERR_OK);
  for (int i = 0; i < 55; i++) {
    char id[20];
    snprintf(id, sizeof id, "v%d", i);
    live_make(f, id);
    live_say(f, id, id);
  }
  (void)ask("CONFIG SET maxmemory 1");
}

static void a_full_redis_can_be_read(void **) {
  fill_up();
  struct live_world w = live_get(f, "w");
  assert_true(w.is_there && w.is_checked);
  assert_int_equal(w.version, 2);
  assert_int_equal(w.turn, 1);
  CHECK_STR(live_core(&w, "k"), STR("v\0w"));
  CHECK_STR(w.session[0].bytes, STR("working"));
  CHECK_STR(w.journal[0].bytes, STR("one"));
  CHECK_STR(w.events[0].bytes, STR("event"));
  assert_int_equal(w.dirty_ms, NOW);
  assert_false(live_get(f, "nobody").is_there);
  (void)ask("CONFIG SET maxmemory 0");
}

static void many_worlds_of_a_full_redis_can_be_listed_and_read(void **) {
  struct live_page page = {.after_score = INSTANT_NONE, .until_score = INSTANT_NEVER, .limit = 100};
  struct live_world worlds[100];
  fill_up();
  CHECK_OK(live_list(f->live, LIVE_DIRTY, &page, &f->arena, NULL));
  assert_int_equal(page.count, 56);
  struct live_question q = {page.ids, page.count, LIVE_ALL, &f->arena};
  CHECK_OK(live_read(f->live, &q, worlds, NULL));
  for (size_t i = 0; i < page.count; i++) {
    CHECK_STR(worlds[i].id, page.ids[i]);
    assert_int_equal(worlds[i].journal_count, 1);
    if (worlds[i].id.ptr[0] == 'v') CHECK_STR(worlds[i].journal[0].bytes, worlds[i].id);
  }
  (void)ask("CONFIG SET maxmemory 0");
}

/* Everything on the way to more room, over a new connection, and nothing that takes more. */
static void a_full_redis_can_be_emptied(void **) {
  struct live_field seal = {STR("sys.sealed"), STR("1")};
  struct live_append sealing = {.id = STR("w"), .active_ms = INSTANT_NONE, .core = &seal, .core_count = 1};
  struct live_world load = {.id = STR("new"), .active_ms = NOW};
  struct live_lock lock = {.id = STR("w")};
  int64_t removed = 0;
  fill_up();
  live_fixture_reopen(f, "node:1");
  assert_int_equal(live_load(f->live, &load, 0, NOW, NULL), ERR_STORE_FULL);
  lock.token = sealing.token = live_hold(f, "w", NOW);
  assert_true(lock.token > 0);
  CHECK_OK(live_renew(f->live, &lock, 1, (struct live_lease){LIVE_LEASE_MS, NOW + 1}, NULL));
  assert_true(lock.token > 0);
  CHECK_OK(live_write(f->live, &sealing, 1, NOW, NULL));
  assert_int_equal(sealing.error, ERR_STORE_FULL);
  sealing.even_if_full = true;
  CHECK_OK(live_write(f->live, &sealing, 1, NOW, NULL));
  assert_int_equal(sealing.error, ERR_OK);
  CHECK_OK(live_expire_events(f->live, &lock.id, 1, NOW, &removed, NULL));
  assert_int_equal(removed, 1);
  assert_true(live_mark_saved(f, "w", 3, 1));
  assert_false(live_drop(f, "w", 2, lock.token));
  assert_true(live_drop(f, "w", 3, lock.token));
  assert_string_equal(ask("EXISTS world:w:core world:w:session world:w:journal world:w:meta world:w:lock"),
                      "0");
  assert_true(live_hold(f, "v0", NOW) > 0);
  CHECK_OK(live_drop_orphans(f->live, NOW + LIVE_LEASE_MS + 1, 100, &removed, NULL));
  assert_int_equal(removed, 1);
  (void)ask("CONFIG SET maxmemory 0");
}

/* After a restart of a full one: what lies there is compared first. */
static void a_full_redis_in_a_new_life_can_be_settled(void **) {
  struct live_append w = {
      .id = STR("w"), .active_ms = INSTANT_NONE, .is_checked = true, .even_if_full = true};
  struct live_world put = {.id = STR("v0"), .version = 9, .active_ms = NOW, .replaces = true};
  fill_up();
  (void)ask("DEL worlds:life");
  live_fixture_reopen(f, "node:1");
  assert_false(live_get(f, "w").is_checked);
  CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
  assert_int_equal(w.error, ERR_OK);
  assert_true(live_get(f, "w").is_checked);
  CHECK_OK(live_load(f->live, &put, 0, NOW, NULL));
  assert_int_equal(live_get(f, "v0").version, 9);
  (void)ask("CONFIG SET maxmemory 0");
}

/* Its figures are what its operator needs then. */
static void a_full_redis_tells_its_figures_over_a_new_connection(void **) {
  struct live_status status;
  struct err_detail d = {};
  live_make(f, "w");
  (void)ask("CONFIG SET maxmemory 1");
  live_fixture_reopen(f, "node:1");
  enum err e = live_status(f->live, &status, &d);
  (void)ask("CONFIG SET maxmemory 0");
  if (e != ERR_OK) fail_msg("%s", d.message);
  assert_int_equal(status.worlds, 1);
  assert_non_null(strstr(status.durability, "full"));
}

static void a_redis_that_may_evict_worlds_is_told(void **) {
  (void)ask("CONFIG SET maxmemory 1gb");
  const bool is_quiet = !strstr(live_figures(f).durability, "noeviction");
  (void)ask("CONFIG SET maxmemory-policy allkeys-lru");
  const bool is_told = strstr(live_figures(f).durability, "noeviction");
  (void)ask("CONFIG SET maxmemory-policy noeviction");
  (void)ask("CONFIG SET maxmemory 0");
  assert_true(is_quiet && is_told);
}

static void a_redis_with_a_log_is_told_from_one_without(void **) {
  assert_non_null(strstr(live_figures(f).durability, "snapshots"));
  assert_non_null(strstr(live_figures(f).server, "redis "));
  (void)ask("CONFIG SET appendonly yes");
  assert_non_null(strstr(live_figures(f).durability, "log"));
  (void)ask("CONFIG SET appendonly no");
}

/* ---- applications beside us ---- */

static void a_bare_lock_of_an_application_is_an_orphan(void **) { /* */
  int64_t removed;
  live_make(f, "w");
  live_make(f, "v");
  (void)ask("SET world:w:lock whatever");
  (void)ask("SET world:v:lock alive PX 60000");
  struct live_append w = {.id = STR("w"), .active_ms = NOW};
  CHECK_OK(live_write(f->live, &w, 1, NOW, NULL));
  assert_int_equal(w.error, ERR_BUSY);
  CHECK_OK(live_drop_orphans(f->live, NOW, 100, &removed, NULL));
  assert_int_equal(removed, 1);
  assert_string_equal(ask("EXISTS world:w:lock world:v:lock"), "1");
  assert_true(live_hold(f, "w", NOW) > 0);
}

static void a_bare_lock_gets_a_lease_when_it_is_met(void **) { /* no cleanup has run */
  (void)ask("SET world:paused:lock whatever");
  assert_int_equal(live_hold(f, "paused", NOW), 0);
  int64_t left;
  assert_true(str_to_int(str_of(ask("PTTL world:paused:lock")), 1, LIVE_LEASE_MS, &left));
}

static void an_applications_own_write_is_found_dirty(void **) {
  struct live_page page = {.after_score = INSTANT_NONE, .until_score = INSTANT_NEVER, .limit = 10};
  live_make(f, "w");
  (void)ask("HSET world:w:core mood happy");
  (void)ask("HINCRBY world:w:meta version 1");
  (void)ask("HSETNX world:w:meta dirtyAt 1763726400500");
  (void)ask("ZADD worlds:dirty NX 1763726400500 w");
  CHECK_OK(live_list(f->live, LIVE_DIRTY, &page, &f->arena, NULL));
  assert_int_equal(page.count, 1);
  struct live_world w = live_get(f, "w");
  assert_int_equal(w.version, 1);
  assert_int_equal(w.dirty_ms, NOW + 500);
  CHECK_STR(live_core(&w, "mood"), STR("happy"));
  assert_true(live_mark_saved(f, "w", 1, 0));
  assert_true(live_drop(f, "w", 1, live_hold(f, "w", NOW)));
  assert_string_equal(ask("KEYS world:*"), "");
}

static void keys_of_the_application_go_with_the_world(void **) {
  struct live_config config = f->config;
  config.extra_keys = "presence, :typing,,";
  config.owner = "node:1";
  live_close(f->live);
  CHECK_OK(live_open(&config, &f->live, NULL));
  live_make(f, "w");
  (void)ask("SET world:w:presence 3");
  (void)ask("SET world:w:typing 1");
  (void)ask("SET world:w:other 1");
  assert_true(live_drop(f, "w", 0, live_hold(f, "w", NOW)));
  assert_string_equal(ask("KEYS world:w:*"), "world:w:other");
}

static void names_are_what_the_configuration_says(void **) {
  struct live_config config = f->config;
  config.prefix = "app:{w}:", config.global = "app:all:", config.owner = "node:1";
  live_close(f->live);
  CHECK_OK(live_open(&config, &f->live, NULL));
  live_make(f, "w");
  live_say(f, "w", "x");
  assert_string_equal(ask("EXISTS app:{w}:w:meta app:{w}:w:journal app:all:dirty app:all:active"), "4");
  assert_string_equal(ask("KEYS world*"), "");
}

static void no_key_of_ours_has_a_time_to_live_but_locks(void **) {
  live_make(f, "w");
  live_say(f, "w", "x");
  assert_string_equal(ask("PTTL world:w:journal"), "-1");
  assert_true(live_hold(f, "w", NOW) > 0);
  int64_t left;
  assert_true(str_to_int(str_of(ask("PTTL world:w:lock")), 1, LIVE_LEASE_MS, &left));
}

/* ---- Upstash ---- */

static size_t ignore(char *bytes, size_t size, size_t n, void *arg) {
  (void)bytes, (void)arg;
  return size * n;
}

/* Tells the fixture how to treat the next requests. */
static void tell_upstash(const char *what) {
  char url[200];
  CURL *curl = curl_easy_init();
  snprintf(url, sizeof url, "%s/-/%s", f->upstash->url, what);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
  assert_int_equal(curl_easy_perform(curl), CURLE_OK);
  curl_easy_cleanup(curl);
}

static void make_fail(int status, int times) {
  char what[100];
  snprintf(what, sizeof what, "fail?status=%d&times=%d", status, times);
  tell_upstash(what);
}

static size_t take_text(char *bytes, size_t size, size_t n, void *arg) {
  size_t used = strlen(arg);
  snprintf((char *)arg + used, 200 - used, "%.*s", (int)(size * n), bytes);
  return size * n;
}

static int64_t requests_seen(void) {
  char url[200], text[200] = "";
  int64_t n = -1;
  CURL *curl = curl_easy_init();
  snprintf(url, sizeof url, "%s/-/seen", f->upstash->url);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_text);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, text);
  assert_int_equal(curl_easy_perform(curl), CURLE_OK);
  curl_easy_cleanup(curl);
  assert_int_equal(sscanf(text, "{\"seen\":%ld", &n), 1);
  return n;
}

/* A second handle, for which everything is late after so long. */
static struct live *impatient(int timeout_ms) {
  struct live_config config = f->config;
  struct live *l;
  config.owner = "node:1", config.timeout_ms = timeout_ms;
  CHECK_OK(live_open(&config, &l, NULL));
  return l;
}

static void a_late_answer_costs_no_more_than_the_timeout_and_then_nothing(void **) {
  static const char *const late[] = {"slow?ms=600000&times=1", "drip?times=1"};
  for (size_t i = 0; i < 2; i++) {
    struct err_detail d = {};
    struct live *l = impatient(50);
    tell_upstash(late[i]);
    int64_t before = requests_seen();
    assert_int_equal(live_ping(l, &d), ERR_UNAVAILABLE);
    assert_non_null(strstr(d.message, "in time"));
    assert_int_equal(requests_seen(), before + 1); /* no second try, which would be as late */
    assert_int_equal(live_ping(l, &d), ERR_UNAVAILABLE);
    assert_int_equal(requests_seen(), before + 1); /* nor is anything asked for a while */
    live_close(l);
  }
}

static void what_was_late_is_asked_again_after_a_while(void **) {
  struct live *l = impatient(5000);
  tell_upstash("slow?ms=600000&times=1");
  assert_int_equal(live_ping(l, NULL), ERR_UNAVAILABLE);
  enum err e = ERR_UNAVAILABLE;
  for (int i = 0; i < 600 && e != ERR_OK; i++) {
    e = live_ping(l, NULL);
    if (e != ERR_OK) poll(NULL, 0, 50);
  }
  CHECK_OK(e);
  live_close(l);
}

/* Each of its requests is in time, all of them are not. */
static void a_call_of_many_slow_requests_ends(void **) {
  static char texts[LIVE_BATCH_MAX][8];
  static struct str ids[LIVE_BATCH_MAX];
  static struct live_world worlds[LIVE_BATCH_MAX];
  struct live *l = impatient(500);
  for (int i = 0; i < LIVE_BATCH_MAX; i++) {
    snprintf(texts[i], sizeof texts[i], "w%d", i);
    ids[i] = str_of(texts[i]);
  }
  tell_upstash("slow?ms=250&times=100"); /* 20 of them are 5 s */
  int64_t before = requests_seen();
  struct live_question q = {ids, LIVE_BATCH_MAX, LIVE_META, &f->arena};
  assert_int_equal(live_read(l, &q, worlds, NULL), ERR_UNAVAILABLE);
  assert_true(requests_seen() - before < 20);
  tell_upstash("slow?ms=0&times=0");
  live_close(l);
}

static void a_wrong_token_is_refused_and_not_told(void **) { /* */
  struct live_config config = f->config;
  struct err_detail d = {};
  struct live *l;
  config.token = "wrong-token-123";
  CHECK_OK(live_open(&config, &l, NULL));
  assert_int_equal(live_ping(l, &d), ERR_UNAVAILABLE);
  assert_non_null(strstr(d.message, "refuses the token"));
  assert_null(strstr(d.message, config.token));
  live_close(l);
}

static void an_answer_with_the_token_is_not_passed_on(void **) { /* */
  struct err_detail d = {};
  make_fail(400, 1);
  assert_int_not_equal(live_ping(f->live, &d), ERR_OK);
  assert_null(strstr(d.message, UPSTASH_TOKEN));
}

static void what_was_refused_or_repeats_without_harm_is_tried_again(void **) {
  static const struct {
    int line, status, times;
    bool is_write;
    enum err want;
  } rows[] = {{__LINE__, 429, 1, true, ERR_OK},
              {__LINE__, 429, 2, true, ERR_UNAVAILABLE},
              {__LINE__, 503, 1, false, ERR_OK},
              {__LINE__, 503, 2, false, ERR_UNAVAILABLE},
              {__LINE__, 503, 1, true, ERR_UNAVAILABLE}};
  live_make(f, "w");
  live_say(f, "w", "first");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct live_append w = {.id = STR("w"), .active_ms = NOW};
    make_fail(rows[i].status, rows[i].times);
    enum err e = rows[i].is_write ? live_write(f->live, &w, 1, NOW, NULL) : live_ping(f->live, NULL);
    CHECK_ROW(rows[i].line, e == rows[i].want);
    make_fail(0, 0);
  }
  assert_int_equal(live_get(f, "w").version, 2);
}

static void upstash_that_is_not_there_is_unavailable(void **) {
  struct live_config config = {
      .mode = LIVE_UPSTASH, .url = "http://127.0.0.1:1", .token = "secret-1", .timeout_ms = 300};
  struct err_detail d = {};
  struct live *l;
  CHECK_OK(live_open(&config, &l, NULL));
  assert_int_equal(live_ping(l, &d), ERR_UNAVAILABLE);
  assert_null(strstr(d.message, "secret-1"));
  live_close(l);
}

static void configurations_that_cannot_work_are_refused(void **) {
  static const struct {
    int line;
    struct live_config config;
  } rows[] = {
      {__LINE__, {.mode = LIVE_UPSTASH, .url = "ftp://x", .token = "t"}},
      {__LINE__, {.mode = LIVE_UPSTASH, .url = "https://x", .token = NULL}},
      {__LINE__, {.mode = LIVE_UPSTASH, .url = "https://x", .token = "a\r\nX: y"}},
      {__LINE__, {.mode = LIVE_REDIS, .url = NULL}},
      {__LINE__, {.mode = LIVE_REDIS, .url = "redis://h", .prefix = ""}},
      {__LINE__, {.mode = LIVE_REDIS, .url = "redis://h", .owner = "a|b"}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct live *l;
    CHECK_ROW(rows[i].line, live_open(&rows[i].config, &l, NULL) == ERR_INVALID);
  }
}

static void none_keeps_nothing_but_locks(void **) { /* */
  struct live_config config = {.mode = LIVE_NONE, .owner = "node:1"};
  struct live_append w = {.id = STR("w"), .active_ms = NOW};
  struct live_world world = {.id = STR("w")};
  struct live *a, *b;
  CHECK_OK(live_open(&config, &a, NULL));
  CHECK_OK(live_open(&config, &b, NULL));
  CHECK_OK(live_write(a, &w, 1, NOW, NULL));
  assert_int_equal(w.error, ERR_NOT_FOUND);
  assert_int_equal(live_load(a, &world, 0, NOW, NULL), ERR_UNAVAILABLE);
  struct live_lock one = {.id = STR("w")}, two = {.id = STR("w")};
  CHECK_OK(live_lock(a, &one, 1, (struct live_lease){LIVE_LEASE_MS, NOW}, NULL));
  CHECK_OK(live_lock(b, &two, 1, (struct live_lease){LIVE_LEASE_MS, NOW}, NULL));
  assert_true(one.token > 0 && two.token == 0);
  live_close(a);
  live_close(b);
}

#define LOCAL(test) cmocka_unit_test(test)
#define REDIS(test) cmocka_unit_test_setup_teardown(test, open_redis, close_fixture)
#define UPSTASH(test) cmocka_unit_test_setup_teardown(test, open_upstash, close_fixture)

int main(void) {
  const struct CMUnitTest tests[] = {
      LOCAL(addresses_are_parsed),
      LOCAL(configurations_that_cannot_work_are_refused),
      LOCAL(none_keeps_nothing_but_locks),
      LOCAL(upstash_that_is_not_there_is_unavailable),
      LOCAL(a_server_that_is_down_is_unavailable_and_comes_back),
      LOCAL(a_restart_between_two_calls_is_not_noticed),
      LOCAL(a_password_opens),
      REDIS(a_silent_server_costs_no_more_than_the_timeout),
      REDIS(what_is_no_redis_is_told_so),
      REDIS(a_wrong_password_is_refused_and_not_told),
      REDIS(forgotten_scripts_are_loaded_again),
      REDIS(a_full_redis_says_so),
      REDIS(a_full_redis_can_be_read),
      REDIS(many_worlds_of_a_full_redis_can_be_listed_and_read),
      REDIS(a_full_redis_can_be_emptied),
      REDIS(a_full_redis_in_a_new_life_can_be_settled),
      REDIS(a_full_redis_tells_its_figures_over_a_new_connection),
      REDIS(a_redis_that_may_evict_worlds_is_told),
      REDIS(a_redis_with_a_log_is_told_from_one_without),
      REDIS(a_bare_lock_of_an_application_is_an_orphan),
      REDIS(a_bare_lock_gets_a_lease_when_it_is_met),
      REDIS(an_applications_own_write_is_found_dirty),
      REDIS(keys_of_the_application_go_with_the_world),
      REDIS(names_are_what_the_configuration_says),
      REDIS(no_key_of_ours_has_a_time_to_live_but_locks),
      UPSTASH(a_wrong_token_is_refused_and_not_told),
      UPSTASH(an_answer_with_the_token_is_not_passed_on),
      UPSTASH(what_was_refused_or_repeats_without_harm_is_tried_again),
      UPSTASH(a_late_answer_costs_no_more_than_the_timeout_and_then_nothing),
      UPSTASH(what_was_late_is_asked_again_after_a_while),
      UPSTASH(a_call_of_many_slow_requests_ends),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  live_fixture_servers_stop();
  return failed;
}
