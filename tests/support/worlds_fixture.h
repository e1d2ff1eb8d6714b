/* Worlds for tests: a database, a live state and two lanes on one thread, with short forms of the calls. Time is the
 * test's own. The kinds that need a server are skipped where it is not installed (worlds_fixture_has). */
#pragma once
#include "tests/support/check.h"
#include "worlds/worlds.h"

#define WORLDS_NOW 1763726400000LL /* 2025-11-21T12:00:00Z, a Friday */
#define WORLDS_SECOND 1000LL
#define WORLDS_MINUTE (60 * WORLDS_SECOND)
#define WORLDS_HOUR (60 * WORLDS_MINUTE)
#define WORLDS_DAY (24 * WORLDS_HOUR)

enum worlds_kind {
  WORLDS_EMBEDDED, /* SQLite and live.db */
  WORLDS_NO_LIVE,  /* SQLite, kv=none */
  WORLDS_POSTGRES, /* PostgreSQL and live.db */
  WORLDS_SERVERS,  /* PostgreSQL and Redis */
  WORLDS_KINDS
};

struct worlds_fixture {
  enum worlds_kind kind;
  char folder[64], url[256];
  struct worlds_config config;
  struct worlds *worlds;
  struct lane lane, second; /* two servers' hands, stepped by the test */
  int64_t now_ms;
  struct redis_fixture *redis; /* of SERVERS */
  json_t *notices;             /* array of {"level", "component", "message", …fields} since the last look */
};

bool worlds_fixture_has(enum worlds_kind kind);
void worlds_open(struct worlds_fixture *f, enum worlds_kind kind);
void worlds_close(struct worlds_fixture *f);
/* Both lanes anew, as after a restart of the server; the notices stay. */
void worlds_reopen(struct worlds_fixture *f);
/* The live state as it is now is what worlds_fall_back finds: Redis killed and started from its snapshot, a live.db of
 * yesterday. */
void worlds_remember(struct worlds_fixture *f);
void worlds_fall_back(struct worlds_fixture *f);

/* A call on f->lane. user: "ana" asks for herself, "admin:root" and "override:root" are admins, NULL is the system.
 * args: JSON text with ' for ", or NULL. The body is owned by the caller; errors fail the test. */
json_t *world_ask(struct worlds_fixture *f, const char *call, const char *world, const char *user,
                  const char *args);
/* The same, answering the error; ret (or NULL) gets the body. */
enum err world_try(struct worlds_fixture *f, struct lane *lane, const char *call, const char *world,
                   const char *user, const char *args, json_t **ret, struct err_detail *detail);
/* Asks, must succeed, and forgets the answer. */
void world_do(struct worlds_fixture *f, const char *call, const char *world, const char *user,
              const char *args);

/* Short forms. */
void make_world(struct worlds_fixture *f, const char *id, const char *owner); /* also its name; active now */
void idle_world(struct worlds_fixture *f, const char *id,
                int64_t idle_ms); /* lastActiveAt by SQL from outside */
int64_t say(struct worlds_fixture *f, const char *id, const char *user, const char *text); /* the turn */
/* SQL from outside. The value is the first of the first row as text, "" for null or none, kept until the next call. */
void worlds_sql(struct worlds_fixture *f, const char *sql);
const char *worlds_value(struct worlds_fixture *f, const char *sql);
/* One column of one world as worlds_value gives it. */
const char *world_column(struct worlds_fixture *f, const char *id, const char *column);
struct live_world world_live(struct worlds_fixture *f, const char *id); /* everything; until the next call */
const char *world_text(const json_t *body, const char *path); /* "a.b": text of a member, "" when null */
int64_t world_int(const json_t *body, const char *path);
/* A job's executor in this process, its calls carried out on f->lane. params: as args above. The result (owned) and, if
 * asked for, the exit code; else anything but 0 fails the test. */
json_t *run_job(struct worlds_fixture *f, const char *executor, const char *params, int *ret_code);
int64_t live_used_bytes(struct worlds_fixture *f);
