/* Batches of Redis commands and their answers, and the two ways they travel: hiredis and Upstash's REST. Inside
 * src/live only. */
#pragma once
#include "base/buf.h"
#include "live/live_ops.h"

struct redis_value {
  enum redis_type { REDIS_NIL, REDIS_INT, REDIS_TEXT, REDIS_LIST, REDIS_ERROR } type;
  int64_t n;
  struct str s; /* TEXT, ERROR */
  struct redis_value *items;
  size_t count;
};

struct redis_command {
  size_t first, count; /* of the batch's arguments */
};

/* Arguments are borrowed until the batch has run; what is made on the way (numbers, keys) lies in its arena. */
struct redis_batch {
  struct arena *arena;
  struct str *args;
  size_t arg_count, arg_capacity;
  struct redis_command *commands;
  size_t count, capacity;
  size_t group;       /* > 0: commands are atomic in groups of this many */
  bool is_repeatable; /* doing it twice does no harm */
  bool is_text;       /* blobs travel as text: see redis_blob */
  enum err error;     /* sticks: out of memory */
};
void redis_begin(struct redis_batch *b); /* the next command; its arguments follow */
void redis_arg(struct redis_batch *b, struct str arg);
void redis_text(struct redis_batch *b, const char *text);
void redis_int(struct redis_batch *b, int64_t n);
/* A key: prefix, id, suffix. */
void redis_key(struct redis_batch *b, const char *prefix, struct str id, const char *suffix);
/* Any bytes, for scripts, which read them by raw(): where only text can travel, what is no UTF-8 or begins with '~'
 * becomes '~' and hexadecimal digits. */
void redis_blob(struct redis_batch *b, struct str bytes);

/* Where answers go: the values' skeleton lives as long as the call, their texts as long as the caller wants. */
struct redis_room {
  struct arena *values, *texts;
};

struct redis_transport;
struct redis_transport_ops {
  void (*close)(struct redis_transport *t);
  /* Fills ret[batch->count], answers that are errors among them. ERR_UNAVAILABLE: it did not answer; what was sent
   * may have been done or not. */
  enum err (*run)(struct redis_transport *t, const struct redis_batch *b, struct redis_room room,
                  struct redis_value *ret, struct err_detail *detail);
};
struct redis_transport { /* the head of each */
  const struct redis_transport_ops *ops;
  const char *raw; /* Lua text that declares raw() */
  bool is_text;
  char where[300];  /* for messages: without a password */
  char server[100]; /* "redis 7.0.15" once it has been reached */
  /* live.h: a life. What its name begins with: the server's run, known once it has been reached, and looked at with each
   * connection; UPSTASH: our owner. */
  char run[LIVE_OWNER_BYTES_MAX], life_key[120];
};
enum err redis_hiredis_open(const struct live_config *config, struct redis_transport **ret,
                            struct err_detail *detail);
enum err redis_upstash_open(const struct live_config *config, struct redis_transport **ret,
                            struct err_detail *detail);

/* EVAL of what begins a new life in this batch unless the one there is this run's; also in a full server. */
void redis_begin_life(struct redis_batch *b, const struct redis_transport *t);
/* Whether this is the name of a life of this run. */
bool redis_is_life_of(struct str life, struct str run);
/* A name for a life that no life had before. */
#define REDIS_LIFE_BYTES (LIVE_OWNER_BYTES_MAX + 24)
void redis_name_life(const char *run, char ret[REDIS_LIFE_BYTES]);

/* What a server's error means to us; names the server. */
enum err redis_error(const struct redis_transport *t, struct str text, struct err_detail *detail);

/* ---- scripts ---- */
enum redis_script {
  SCRIPT_LOAD,
  SCRIPT_WRITE,
  SCRIPT_SAVED,
  SCRIPT_CLEAR,
  SCRIPT_LOCK,
  SCRIPT_RENEW,
  SCRIPT_UNLOCK,
  SCRIPT_ORPHANS,
  SCRIPT_EXPIRE,
  SCRIPT_LIST,
  SCRIPT_GROUP,
  SCRIPT_COUNT
};
struct redis_scripts {
  char *text[SCRIPT_COUNT];
  char sha1[SCRIPT_COUNT][41];
};
enum err redis_scripts_new(const char *raw, struct redis_scripts *ret);
void redis_scripts_free(struct redis_scripts *s);

/* ---- a place in redis://…, rediss://… or unix://… ---- */
struct redis_place {
  char host[256]; /* or the socket's path */
  int port;       /* 0: a socket */
  int db;
  bool is_tls;
  char user[128], password[512];
};
enum err redis_place_parse(struct str url, struct redis_place *ret, struct err_detail *detail);
