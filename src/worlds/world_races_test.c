/* U-20, X-7: two servers' hands on one world. Each has a lane on a thread of its own, but only one runs at a time: at
 * every call to the live state or the database a seeded draw says who goes on. One of the two may die at such a point
 * (its connections answer nothing any more, what it holds stays held), as a killed server does. Afterwards no
 * acknowledged message may be lost or doubled, and no state be half done. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "live/live_ops.h"
#include "store/sqldb_ops.h"
#include "tests/support/worlds_fixture.h"
#include "worlds/world_access.h"

#define SEEDS 10000
#define OPS_MAX 3
#define RETRIES 400
#define NEVER 1000000

struct hand {
  int number; /* 0 or 1 */
  struct lane *lane;
  const struct live_ops *live;
  const struct sqldb_ops *sql;
  bool is_done, in_write, is_dead;
  int dies_after; /* boundaries from now on */
  int ops[OPS_MAX];
  size_t op_count;
  enum err errors[OPS_MAX];
  char texts[OPS_MAX][64]; /* what a message said */
  int floods;              /* so many messages more */
  int failures;            /* of those */
  int64_t resumes;         /* answered "resumed": true */
};

static struct {
  struct worlds_fixture f;
  pthread_mutex_t mutex;
  pthread_cond_t turned;
  int turn;
  uint64_t random;
  struct hand hands[2];
  struct live_ops live_ops;
  struct sqldb_ops sql_ops;
  char world[32];
  struct sqldb *looking;
  long boundaries, deaths, deleted, acknowledged, resumes, busy;
} race;

static uint64_t draw(void) { /* splitmix64 */
  uint64_t z = race.random += 0x9E3779B97F4A7C15;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return z ^ z >> 31;
}

/* ---- whose turn it is ---- */

static void give(struct hand *h, int to) {
  race.turn = to;
  pthread_cond_broadcast(&race.turned);
  while (race.turn != h->number) pthread_cond_wait(&race.turned, &race.mutex);
}

/* A number from the environment: to look at one seed, or at fewer. */
static int64_t number_of(const char *name, int64_t otherwise) {
  int64_t n;
  return str_to_int(str_of(getenv(name)), 0, INT64_MAX - 1, &n) ? n : otherwise;
}

static struct hand *other(struct hand *h) { return &race.hands[1 - h->number]; }

/* A boundary: somebody goes on. Answers false when this hand is dead. */
static bool step(struct hand *h) {
  race.boundaries++;
  if (h->dies_after-- == 0) {
    h->is_dead = true;
    race.deaths++;
    h->sql->rollback(h->lane->db);
    h->in_write = false;
  }
  if (h->is_dead) return false;
  if (!other(h)->is_done && draw() % 2) give(h, 1 - h->number);
  return true;
}

static void wait_for_writer(struct hand *h) {
  while (other(h)->in_write) give(h, 1 - h->number);
}

/* ---- the boundaries ---- */

static struct hand *by_live(const struct live *l) { return &race.hands[race.hands[1].lane->live == l]; }
static struct hand *by_sql(const struct sqldb *db) { return &race.hands[race.hands[1].lane->db == db]; }
#define ALIVE(h) \
  if (!step(h)) return err_set(detail, ERR_UNAVAILABLE, "test", 0, "dead")

static enum err at_read(struct live *l, const struct live_question *q, struct live_world *ret,
                        struct err_detail *detail) {
  ALIVE(by_live(l));
  return by_live(l)->live->read(l, q, ret, detail);
}
static enum err at_load(struct live *l, const struct live_world *w, int64_t token, int64_t now_ms,
                        struct err_detail *detail) {
  ALIVE(by_live(l));
  return by_live(l)->live->load(l, w, token, now_ms, detail);
}
static enum err at_write(struct live *l, struct live_append *a, size_t n, int64_t now_ms,
                         struct err_detail *detail) {
  ALIVE(by_live(l));
  return by_live(l)->live->write(l, a, n, now_ms, detail);
}
static enum err at_saved(struct live *l, struct live_mark *m, size_t n, struct err_detail *detail) {
  ALIVE(by_live(l));
  return by_live(l)->live->saved(l, m, n, detail);
}
static enum err at_clear(struct live *l, struct live_mark *m, size_t n, int64_t now_ms,
                         struct err_detail *detail) {
  ALIVE(by_live(l));
  return by_live(l)->live->clear(l, m, n, now_ms, detail);
}
static enum err at_lock(struct live *l, struct live_lock *k, size_t n, struct live_lease lease,
                        struct err_detail *detail) {
  ALIVE(by_live(l));
  return by_live(l)->live->lock(l, k, n, lease, detail);
}
static enum err at_unlock(struct live *l, const struct live_lock *k, size_t n, struct err_detail *detail) {
  ALIVE(by_live(l));
  return by_live(l)->live->unlock(l, k, n, detail);
}
static enum err at_list(struct live *l, enum live_index index, struct live_page *page, struct arena *arena,
                        struct err_detail *detail) {
  ALIVE(by_live(l));
  return by_live(l)->live->list(l, index, page, arena, detail);
}

static enum err at_begin(struct sqldb *db, bool is_write, struct err_detail *detail) {
  struct hand *h = by_sql(db);
  ALIVE(h);
  if (is_write) wait_for_writer(h);
  enum err e = h->sql->begin(db, is_write, detail);
  h->in_write = is_write && e == ERR_OK;
  return e;
}
static enum err at_commit(struct sqldb *db, struct err_detail *detail) {
  struct hand *h = by_sql(db);
  ALIVE(h);
  enum err e = h->sql->commit(db, detail);
  h->in_write = false;
  ALIVE(h); /* dead here: it is committed, and nobody hears of it */
  return e;
}
static void at_rollback(struct sqldb *db) {
  by_sql(db)->sql->rollback(db);
  by_sql(db)->in_write = false;
}
static enum err at_run(struct sqldb *db, size_t statement, const struct sql_value *args, size_t n,
                       sql_row_fn *fn, void *arg, int64_t *ret_changed, struct err_detail *detail) {
  struct hand *h = by_sql(db);
  ALIVE(h);
  if (!h->in_write && strncmp(db->statements[statement].text, "SELECT", 6) != 0) wait_for_writer(h);
  return h->sql->run(db, statement, args, n, fn, arg, ret_changed, detail);
}

static void watch(struct hand *h, struct lane *lane, int number) {
  *h = (struct hand){.number = number, .lane = lane, .live = lane->live->ops, .sql = lane->db->ops};
  race.live_ops = *lane->live->ops;
  race.live_ops.read = at_read, race.live_ops.load = at_load, race.live_ops.write = at_write;
  race.live_ops.saved = at_saved, race.live_ops.clear = at_clear, race.live_ops.lock = at_lock;
  race.live_ops.unlock = at_unlock, race.live_ops.list = at_list;
  race.sql_ops = *lane->db->ops;
  race.sql_ops.begin = at_begin, race.sql_ops.commit = at_commit, race.sql_ops.rollback = at_rollback;
  race.sql_ops.run = at_run;
}

static void hook(bool is_on) {
  for (int i = 0; i < 2; i++) {
    race.hands[i].lane->live->ops = is_on ? &race.live_ops : race.hands[i].live;
    race.hands[i].lane->db->ops = is_on ? &race.sql_ops : race.hands[i].sql;
  }
}

/* ---- what they do ---- */

static const struct {
  const char *call, *user;
  bool is_of_world;
  const char *args;
} ops[] = {
    {"world.message", "ana", true, NULL}, /* first: its text is made */
    {"world.message", "ana", true, NULL}, {"world.message", "ana", true, NULL},
    {"world.pause", "ana", true, "{}"},   {"world.pause", NULL, true, "{\"reason\":\"system\"}"},
    {"world.resume", "ana", true, "{}"},  {"world.favorite", "ana", true, "{}"},
    {"world.tick", NULL, true, "{}"},     {"world.state_put", NULL, true, "{\"core\":{\"a\":\"b\"}}"},
    {"sync.page", NULL, false, "{}"},     {"cleanup.page", NULL, false, "{\"cursor\":{\"part\":\"worlds\"}}"},
    {"delete.page", NULL, false, "{}"},
};
#define MESSAGES 3
#define OPS (sizeof ops / sizeof *ops)

static enum err carry_out(struct hand *h, size_t i) {
  char args[100];
  const char *text = ops[h->ops[i]].args;
  if (!text) snprintf(args, sizeof args, "{\"text\":\"%s\"}", h->texts[i]);
  json_t *object = NULL;
  enum err e = json_parse(str_of(text ? text : args), &object, NULL);
  const char *user = ops[h->ops[i]].user;
  struct world_request q = {
      .call = world_call_find(str_of(ops[h->ops[i]].call)),
      .now_ms = race.f.now_ms,
      .actor = {user ? ACTOR_USER : ACTOR_SYSTEM, str_of(user), str_of(user ? user : "system")},
      .world_id = ops[h->ops[i]].is_of_world ? str_of(race.world) : STR_NONE,
      .args = object};
  for (int tries = 0; tries < RETRIES; tries++) {
    struct world_reply r = {};
    e = worlds_call(h->lane, &q, &r);
    h->resumes += e == ERR_OK && json_bool_at(r.body, "resumed", false);
    world_reply_free(&r);
    if (e != ERR_WORLD_BUSY) break;
    race.busy++;
    if (other(h)->is_done) break; /* its lock stays until the lease is over */
    give(h, 1 - h->number);
  }
  json_decref(object);
  return e;
}

static void *live_on(void *arg) {
  struct hand *h = arg;
  pthread_mutex_lock(&race.mutex);
  while (race.turn != h->number) pthread_cond_wait(&race.turned, &race.mutex);
  for (size_t i = 0; i < h->op_count && !h->is_dead; i++) h->errors[i] = carry_out(h, i);
  for (; h->floods > 0; h->floods--) h->failures += carry_out(h, 0) != ERR_OK;
  h->is_done = true;
  race.turn = 1 - h->number;
  pthread_cond_broadcast(&race.turned);
  pthread_mutex_unlock(&race.mutex);
  return NULL;
}

/* ---- one seed ---- */

/* What is looked at from outside, prepared once: $1 the world, $2 a text. */
enum look { IS_THERE, IS_PAUSED, IS_UNEVEN, OPEN_INTERVALS, SAID, ROWS, ROWS_OFF, MARK, LOOKS };
static const struct sql_statement looks[LOOKS] = {
    [IS_THERE] = {"is_there", "SELECT count(*) FROM \"World\" WHERE \"id\"=$1", NULL},
    [IS_PAUSED] = {"is_paused", "SELECT count(*) FROM \"World\" WHERE \"id\"=$1 AND \"isPaused\"", NULL},
    [IS_UNEVEN] =
        {"is_uneven",
         "SELECT count(*) FROM \"World\" WHERE \"id\"=$1 AND (\"isPaused\"<>(\"status\"<>'RUNNING') OR "
         "\"isPaused\"<>(\"pausedAt\" IS NOT NULL) OR \"isPaused\"<>(\"pauseReason\" IS NOT NULL))",
         NULL},
    [OPEN_INTERVALS] = {"open_intervals",
                        "SELECT count(*) FROM \"WorldPause\" WHERE \"worldId\"=$1 AND \"endedAt\" IS NULL",
                        NULL},
    [SAID] = {"said", "SELECT count(*) FROM \"WorldInteraction\" WHERE \"worldId\"=$1 AND \"text\"=$2", NULL},
    [ROWS] = {"rows", "SELECT count(*) FROM \"WorldInteraction\" WHERE \"worldId\"=$1", NULL},
    [ROWS_OFF] = {"rows_off",
                  "SELECT w.\"interactions\"-(SELECT count(*) FROM \"WorldInteraction\" i WHERE "
                  "i.\"worldId\"=w.\"id\") FROM \"World\" w WHERE w.\"id\"=$1",
                  NULL},
    [MARK] = {"mark",
              "UPDATE \"World\" SET \"status\"='ARCHIVED',\"pauseReason\"='inactivity_30d',\"warned\"=3,"
              "\"lastActiveAt\"='2025-01-01T00:00:00.000Z',\"warnedAt\"='2025-02-01T00:00:00.000Z',"
              "\"scheduledDeletion\"='2025-02-08T00:00:00.000Z' WHERE \"id\"=$1",
              NULL},
};

static bool keep_number(void *arg, const struct sql_row *row) {
  *(int64_t *)arg = sql_row_int(row, 0);
  return true;
}

static int64_t look(enum look what, const char *text) {
  int64_t n = 0;
  CHECK_OK(sqldb_query(race.looking, what, SQL_ARGS(SQL_VALUE_TEXT(race.world), SQL_VALUE_TEXT(text)),
                       keep_number, &n, NULL));
  return n;
}

/* A world to begin with: asleep, awake, dirty, idle, or about to be deleted. */
static void begin(int64_t seed) {
  struct worlds_fixture *f = &race.f;
  f->now_ms += 3 * WORLDS_HOUR;
  snprintf(race.world, sizeof race.world, "r%lld", (long long)seed);
  make_world(f, race.world, "ana");
  int state = (int)(draw() % 6);
  if (state > 0) say(f, race.world, "ana", "base");
  if (state == 2) world_do(f, "sync.page", NULL, NULL, NULL);
  if (state == 3 || state == 4) world_do(f, "world.pause", race.world, "ana", "{'reason':'manual'}");
  if (state == 5) f->now_ms += 61 * WORLDS_MINUTE;
  if (state == 4) (void)look(MARK, NULL);
}

static void plan(struct hand *h, int64_t seed) {
  h->is_done = h->is_dead = h->in_write = false;
  h->dies_after = draw() % 4 == 0 ? (int)(draw() % 30) : NEVER;
  h->op_count = 1 + draw() % OPS_MAX;
  for (size_t i = 0; i < h->op_count; i++) {
    h->ops[i] = (int)(draw() % OPS);
    h->errors[i] = ERR_UNAVAILABLE;
    snprintf(h->texts[i], sizeof h->texts[i], "s%lld h%d m%zu", (long long)seed, h->number, i);
  }
}

static void race_on(void) {
  pthread_t threads[2];
  race.turn = (int)(draw() % 2);
  hook(true);
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, live_on, &race.hands[i]), 0);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  hook(false);
}

static bool is_message(const struct hand *h, size_t i) { return h->ops[i] < MESSAGES; }

static void tell(int64_t seed) {
  fprintf(stderr, "seed %lld:\n", (long long)seed);
  for (int n = 0; n < 2; n++)
    for (size_t i = 0; i < race.hands[n].op_count; i++)
      fprintf(stderr, "  hand %d: %s: %s%s\n", n, ops[race.hands[n].ops[i]].call,
              err_code(race.hands[n].errors[i]), race.hands[n].is_dead ? " (died)" : "");
}

#define HOLDS(what, cond)                               \
  do {                                                  \
    if (!(cond)) {                                      \
      tell(seed);                                       \
      fail_msg("seed %lld: %s", (long long)seed, what); \
    }                                                   \
  } while (0)

/* X-2, the ledger, and no open live state of a sleeping world. */
static void check_whole(int64_t seed) {
  bool is_there = look(IS_THERE, NULL) == 1, is_paused = look(IS_PAUSED, NULL) == 1;
  HOLDS("status, isPaused and pausedAt differ", look(IS_UNEVEN, NULL) == 0);
  HOLDS("the ledger differs from the row", !is_there || look(OPEN_INTERVALS, NULL) == is_paused);
  struct live_world w = world_live(&race.f, race.world);
  HOLDS("a sleeping or deleted world has an open live state",
        !w.is_there || (is_there && !is_paused) || world_access_is_sealed(&w));
  arena_free(&race.f.second.arena);
  race.f.second.arena = arena_new((size_t)64 << 20);
}

static void check_messages(int64_t seed) {
  size_t acknowledged = 0;
  bool is_there = look(IS_THERE, NULL) == 1;
  for (int n = 0; n < 2; n++)
    for (size_t i = 0; i < race.hands[n].op_count; i++) {
      const struct hand *h = &race.hands[n];
      if (!is_message(h, i)) continue;
      int64_t rows = look(SAID, h->texts[i]);
      HOLDS("an acknowledged message is lost", h->errors[i] != ERR_OK || rows == 1);
      HOLDS("a message is there twice", rows <= 1);
      acknowledged += h->errors[i] == ERR_OK;
    }
  HOLDS("a world went although somebody was there", is_there || acknowledged == 0);
  HOLDS("the counter of rows is wrong", look(ROWS_OFF, NULL) == 0);
  HOLDS("rows of a deleted world stayed", is_there || look(ROWS, NULL) == 0);
  race.acknowledged += (long)acknowledged;
  race.deleted += !is_there;
}

/* Leases are over; whoever comes next finds a world that answers, or none. */
static void come_back(int64_t seed) {
  struct worlds_fixture *f = &race.f;
  f->now_ms += LIVE_LEASE_MS * 10 + 1;
  json_t *body = NULL;
  enum err e = world_try(f, &f->lane, "world.message", race.world, "ana", "{'text':'again'}", &body, NULL);
  HOLDS("it does not answer", e == ERR_OK || e == ERR_NOT_FOUND);
  HOLDS("the next message has no success", e != ERR_OK || world_int(body, "success") == 1);
  if (e == ERR_OK) race.resumes += world_int(body, "resumed");
  json_decref(body);
  HOLDS("it sleeps although somebody is there", look(IS_PAUSED, NULL) == 0);
  world_do(f, "sync.page", NULL, NULL, NULL);
  check_messages(seed);
  f->now_ms += 2 * WORLDS_HOUR;
  world_do(f, "sync.page", NULL, NULL, NULL);
  world_do(f, "cleanup.page", NULL, NULL, "{'cursor':{'part':'worlds'}}");
  HOLDS("live state stayed behind", !world_live(f, race.world).is_there);
}

static void one_seed(int64_t seed) {
  race.random = (uint64_t)seed * 0x2545F4914F6CDD1D + 1;
  begin(seed);
  plan(&race.hands[0], seed);
  plan(&race.hands[1], seed);
  race_on();
  check_whole(seed);
  come_back(seed);
  json_array_clear(race.f.notices);
}

static void no_interleaving_loses_a_message_or_leaves_half_a_state(void **state) {
  (void)state;
  int64_t only = number_of("RACE_SEED", -1), first = only >= 0 ? only : 0;
  int64_t last = only >= 0 ? only + 1 : number_of("RACE_SEEDS", SEEDS);
  for (int64_t seed = first; seed < last; seed++) one_seed(seed);
  printf(
      "%lld seeds, %ld boundaries, %ld deaths, %ld messages acknowledged, %ld worlds deleted, %ld resumes, "
      "%ld busy\n",
      (long long)(last - first), race.boundaries, race.deaths, race.acknowledged, race.deleted, race.resumes,
      race.busy);
  if (last - first < SEEDS) return;
  assert_true(race.deaths > SEEDS / 20 && race.acknowledged > SEEDS / 4);
  assert_true(race.deleted > SEEDS / 200 && race.resumes > SEEDS / 20 && race.busy > SEEDS / 20);
}

static void empty_hands(void) {
  for (int n = 0; n < 2; n++) {
    struct hand *h = &race.hands[n];
    h->is_done = h->is_dead = h->in_write = false;
    h->dies_after = NEVER;
    h->op_count = 0;
    h->resumes = h->failures = h->floods = 0;
  }
}

/* B-79, X-5: whoever comes first wakes it; the others find it awake. */
static void a_thousand_messages_at_once_are_one_resume(void **state) {
  (void)state;
  struct worlds_fixture *f = &race.f;
  race.random = 7;
  empty_hands();
  snprintf(race.world, sizeof race.world, "flood");
  make_world(f, race.world, "ana");
  world_do(f, "world.pause", race.world, "ana", NULL);
  for (int n = 0; n < 2; n++) {
    race.hands[n].ops[0] = 0;
    race.hands[n].floods = 500;
    snprintf(race.hands[n].texts[0], sizeof race.hands[n].texts[0], "flood %d", n);
  }
  race_on();
  assert_int_equal(race.hands[0].failures + race.hands[1].failures, 0);
  assert_int_equal(race.hands[0].resumes + race.hands[1].resumes, 1);
  world_do(f, "sync.page", NULL, NULL, NULL);
  assert_int_equal(look(ROWS, NULL), 1000);
  assert_int_equal(look(IS_PAUSED, NULL), 0);
}

/* cleanup and sync fall due together over a dirty world that has been idle for 61 minutes. */
static void cleanup_and_sync_at_once_lose_nothing(void **state) {
  (void)state;
  struct worlds_fixture *f = &race.f;
  int cleanup = 0, sync = 0;
  for (int i = 0; i < (int)OPS; i++) {
    if (strcmp(ops[i].call, "cleanup.page") == 0) cleanup = i;
    if (strcmp(ops[i].call, "sync.page") == 0) sync = i;
  }
  int64_t seeds = number_of("RACE_SEEDS", SEEDS);
  for (int64_t seed = 0; seed < seeds; seed++) {
    race.random = (uint64_t)seed;
    empty_hands();
    if (seed % 100 == 0) { /* the same world, a new one now and then */
      snprintf(race.world, sizeof race.world, "x%lld", (long long)seed);
      make_world(f, race.world, "ana");
    }
    char text[40];
    snprintf(text, sizeof text, "last %lld", (long long)seed);
    (void)say(f, race.world, "ana", text);
    f->now_ms += 61 * WORLDS_MINUTE;
    for (int n = 0; n < 2; n++) race.hands[n].op_count = 1;
    race.hands[0].ops[0] = cleanup;
    race.hands[1].ops[0] = sync;
    race_on();
    HOLDS("the last write is not in the database", look(SAID, text) == 1);
    world_do(f, "cleanup.page", NULL, NULL, "{'cursor':{'part':'worlds'}}");
    HOLDS("live state stayed behind", !world_live(f, race.world).is_there);
    json_array_clear(f->notices);
  }
}

static int setup(void **state) {
  (void)state;
  worlds_open(&race.f, WORLDS_EMBEDDED);
  pthread_mutex_init(&race.mutex, NULL);
  pthread_cond_init(&race.turned, NULL);
  struct sqldb_config config = race.f.config.db;
  config.statements = looks;
  config.statement_count = LOOKS;
  CHECK_OK(sqldb_open(&config, &race.looking, NULL));
  watch(&race.hands[0], &race.f.lane, 0);
  watch(&race.hands[1], &race.f.second, 1);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  sqldb_close(race.looking);
  worlds_close(&race.f);
  return 0;
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(a_thousand_messages_at_once_are_one_resume),
      T(cleanup_and_sync_at_once_lose_nothing),
      T(no_interleaving_loses_a_message_or_leaves_half_a_state),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
