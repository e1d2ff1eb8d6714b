/* live.db: one connection for a folder in this process, shared by its handles under a mutex, with all statements
 * prepared. WAL with synchronous=NORMAL: a commit is in the page cache and survives any SIGKILL; whoever commits
 * after a second has passed carries the log into the file and to the disk. */
#pragma once
#include <pthread.h>
#include <sqlite3.h>

#include "live/live_ops.h"

#define LIVE_FILE "live.db"

enum live_sql {
#define SQL(id, text) LIVE_SQL_##id,
#include "live/live_statements.def"
#undef SQL
  LIVE_SQL_COUNT
};

struct live_file {
  struct live_file *next; /* of those open in this process */
  size_t users;
  char path[4096]; /* ":memory:" */
  pthread_mutex_t mutex;
  sqlite3 *db;
  sqlite3_stmt *statements[LIVE_SQL_COUNT];
  int64_t cared_ms; /* monotonic: last checkpoint */
  int64_t life;     /* live.h: a life */
  bool is_writing;
  /* What the transaction at hand changes in the table "total"; written at its end. */
  struct live_tally {
    int64_t bytes, worlds, dirty;
  } tally;
};

struct live_embedded {
  struct live live;
  struct live_file *file;
};

/* folder NULL: in memory, for "none". ERR_STORE_CORRUPT, ERR_STORE_SCHEMA, ERR_IO … */
enum err live_file_open(const char *folder, struct live_file **ret, struct err_detail *detail);
void live_file_close(struct live_file *f); /* NULL-safe; the last one closes the connection */

/* Takes the mutex and begins; after an error neither is the case. */
enum err live_file_begin(struct live_file *f, bool is_writing, struct err_detail *detail);
/* Commits what went well and takes back what did not; gives the mutex back. Answers e, or the commit's error. */
enum err live_file_end(struct live_file *f, enum err e, struct err_detail *detail);

struct live_arg { /* of a statement */
  enum { LIVE_ARG_INT, LIVE_ARG_TEXT, LIVE_ARG_BLOB } type;
  int64_t n;
  struct str s; /* borrowed until the statement is reset */
};
#define A_INT(value) ((struct live_arg){.type = LIVE_ARG_INT, .n = (value)})
#define A_TEXT(value) ((struct live_arg){.type = LIVE_ARG_TEXT, .s = (value)})
#define A_BLOB(value) ((struct live_arg){.type = LIVE_ARG_BLOB, .s = (value)})
#define A_LIST(...)                       \
  (const struct live_arg[]){__VA_ARGS__}, \
      sizeof((const struct live_arg[]){__VA_ARGS__}) / sizeof(struct live_arg)

/* Bound and ready for live_file_step; the next use of the same statement resets it. */
sqlite3_stmt *live_file_ask(struct live_file *f, enum live_sql id, const struct live_arg *args, size_t count);
/* ERR_OK and *ret_is_row; resets the statement after the last row and after an error. */
enum err live_file_step(struct live_file *f, sqlite3_stmt *s, bool *ret_is_row, struct err_detail *detail);
/* A statement without rows. */
enum err live_file_run(struct live_file *f, enum live_sql id, const struct live_arg *args, size_t count,
                       struct err_detail *detail);
/* The first column of the only row; 0 without a row. */
enum err live_file_number(struct live_file *f, enum live_sql id, const struct live_arg *args, size_t count,
                          int64_t *ret, struct err_detail *detail);
/* The bytes of a column, copied; NULL pointer only when the arena is full. */
struct str live_file_bytes(sqlite3_stmt *s, int column, struct arena *arena);

/* Whether this sender may change the world now: ERR_BUSY, ERR_CONFLICT as live.h says; token 0: holds no lock. */
enum err live_file_check_lock(struct live_file *f, struct str id, int64_t token, int64_t now_ms,
                              struct err_detail *detail);
