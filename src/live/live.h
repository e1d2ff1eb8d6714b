/* The live state of worlds: what lies in Redis, in Upstash or in live.db while a world is in use. One interface, three
 * implementations and "none"; live_contract_test.c runs on all of them.
 *
 * Synchronous, called beside the loop by the world threads; one handle is used by one thread at a time (handles of the
 * embedded one share a connection). Calls take lists and are one round trip each (a pipeline, scripts, or one
 * transaction); a list is at most LIVE_BATCH_MAX long.
 *
 * Of a world there are, with PREFIX = "world:" unless configured (live_names):
 *   PREFIX ID :core     hash   the state proper: named fields
 *   PREFIX ID :session  hash   working sets, named; like core, but big
 *   PREFIX ID :journal  list   interactions not yet in the database, each with its turn
 *   PREFIX ID :history  list   a cache of interactions that the application may keep; never read back
 *   PREFIX ID :events   zset   temporary events by their instant
 *   PREFIX ID :meta     hash   version, saved, turn, ticks, activeAt, dirtyAt, bytes, life: ours
 *   PREFIX ID :lock     string owner|token|leaseUntil
 * and for all: worlds:dirty (zset by dirtyAt), worlds:active (zset by activeAt), worlds:events (zset by the oldest
 * event), worlds:locks (zset by leaseUntil), worlds:fence (counter), worlds:bytes, worlds:life, worlds:seen:NODE.
 * docs/live-state.md says what an application may do with them. No key is ever searched for by SCAN.
 *
 * A full Redis (maxmemory, noeviction) refuses loading and writing (ERR_STORE_FULL, a write in its own error); all the
 * rest works, so that it can be emptied.
 *
 * A life is the time in which a place cannot have lost anything: of REDIS the server's run, of UPSTASH the run of the
 * server of ours that came last, EMBEDDED the machine's boot and the file; in REDIS and UPSTASH a new one begins also
 * when the place has less than what it had told us (redis_seen.h). In a new life a state may be older than what
 * the database has of it, so it is unchecked: nobody writes to it (ERR_PRECONDITION) until the lock's holder has compared
 * it with the database and says so (live_append.is_checked), or has put the database's in its place.
 *
 * Every write of a world raises its version. dirty = version > saved. A write by somebody who does not hold the lock is
 * refused (ERR_BUSY) while the lock is held and its lease lasts; a holder whose token is not the lock's any more is
 * refused (ERR_CONFLICT): that is the fence, and the database has it too ("World"."fence"). All instants, also those of
 * leases, are parameters, so that a test's clock rules. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

#define LIVE_BATCH_MAX 1000
#define LIVE_LEASE_MS 30000
#define LIVE_ITEM_BYTES_MAX (64 * 1024 * 1024)
#define LIVE_ID_BYTES_MAX 200
#define LIVE_NAME_BYTES_MAX 200 /* of a field of core or session */
#define LIVE_HISTORY_MAX 1000   /* entries of a world's history; older ones leave it */

enum live_mode { LIVE_EMBEDDED, LIVE_REDIS, LIVE_UPSTASH, LIVE_NONE };
extern const char *const live_mode_names[]; /* "embedded", "redis", "upstash", "none" */

struct live;
struct live_config {
  enum live_mode mode;
  const char *folder; /* EMBEDDED: of live.db */
  bool
      is_in_memory; /* EMBEDDED: no file, gone with the process; for simulations, which are none the worse for it */
  const char *url,
      *token; /* REDIS: redis[s]://[user:password@]host:port[/db] or unix:///path; UPSTASH: https://… and its token */
  const char *ca_file; /* REDIS by TLS: PEM of whom to trust; NULL: the system's */
  bool is_unverified;  /* and trust anybody */
  const char *prefix;  /* NULL: "world:" */
  const char *global;  /* NULL: "worlds:" */
  const char
      *extra_keys;   /* suffixes of the application's own keys of a world, separated by commas; cleared too */
  const char *owner; /* of locks: "NODE:EPOCH" */
  int timeout_ms;    /* of one call; 0: 2 s */
};
/* ERR_INVALID: the configuration cannot work. A server that does not answer is no error here, but of the calls. */
enum err live_open(const struct live_config *config, struct live **ret, struct err_detail *detail);
void live_close(struct live *l); /* NULL-safe */
enum live_mode live_mode(const struct live *l);
/* ERR_UNAVAILABLE with the reason; a lost connection is made anew by the next call, at most once a second. */
enum err live_ping(struct live *l, struct err_detail *detail);

/* ---- state ---- */
struct live_field { /* of core or session */
  struct str name, bytes;
};
struct live_entry { /* of journal, history or events */
  int64_t turn;     /* journal: answered by append */
  int64_t at_ms;
  struct str bytes; /* JSON, opaque here */
};

struct live_world { /* a snapshot; texts in the arena */
  struct str id;
  bool is_there;
  int64_t version, saved_version;
  int64_t turn; /* the last one given */
  int64_t ticks;
  int64_t active_ms; /* last user activity known here; INSTANT_NONE */
  int64_t dirty_ms;  /* since when it is dirty; INSTANT_NONE: clean */
  int64_t bytes;     /* names and values of its fields, and its entries, measured (UPSTASH: -1) */
  struct live_field *core, *session;
  size_t core_count, session_count;
  struct live_entry *journal, *events;
  size_t journal_count, event_count, history_count;
  bool is_checked; /* in this life: loaded, or compared with the database; read with LIVE_CORE */
  bool replaces;   /* question of load: in the place of what lies there */
};
enum live_parts {
  LIVE_META = 0,
  LIVE_CORE = 1,
  LIVE_SESSION = 2,
  LIVE_JOURNAL = 4,
  LIVE_EVENTS = 8,
  LIVE_ALL = 15,
  /* instead of LIVE_CORE: of core the fields LIVE_GUARD_NAMES alone, however much else there is */
  LIVE_GUARD = 16,
  LIVE_HISTORY = 32, /* history_count */
};
#define LIVE_GUARD_NAMES "sys.access", "sys.sealed", "sys.from"
struct live_question {
  const struct str *ids;
  size_t count;
  unsigned parts;
  struct arena *arena; /* of the answer's texts */
};
/* Fills ret[count] in the order of ids; a world that is not there is no error, nor is an id that cannot be one. */
enum err live_read(struct live *l, const struct live_question *q, struct live_world *ret,
                   struct err_detail *detail);

/* Puts a world's state as the database has it: clean. ERR_CONFLICT: it is there already (then nothing is changed);
 * ERR_BUSY: its lock is somebody else's, or token is not the lock's any more. Where w->replaces nothing stays of what is
 * there but its lock.
 * Of w: id, version (= saved), turn, ticks, active_ms, core, session, events, replaces. */
enum err live_load(struct live *l, const struct live_world *w, int64_t token, int64_t now_ms,
                   struct err_detail *detail);

struct live_append { /* one world's writes, applied as one */
  struct str id;
  int64_t token;     /* of the lock its sender holds; 0: none */
  int64_t active_ms; /* user activity: never goes back; INSTANT_NONE: this is none */
  const struct live_entry *journal, *history, *events;
  size_t journal_count, history_count, event_count;
  const struct live_field *core, *session; /* set; empty bytes delete the field */
  size_t core_count, session_count;
  int64_t ticks; /* added */
  /* added to the core fields "stats.messages", "stats.events", "stats.tokens", "stats.costMicroUSD",
   * "stats.sessionSeconds" (decimal text), named for the columns of "WorldStats" */
  int64_t messages, events_applied, tokens, cost_micro_usd, session_seconds;
  bool is_checked;   /* its sender holds the lock and knows that the database has nothing newer */
  bool even_if_full; /* REDIS: a full server takes it, since memory is freed by what comes after it */
  /* answer */
  enum err
      error; /* NOT_FOUND: the world is not live: load it first. BUSY: somebody else holds the lock. PRECONDITION:
                     the state is unchecked */
  int64_t first_turn; /* of the journal's entries */
  int64_t version;
};
/* Errors of single worlds are in them; the call fails only as a whole (ERR_UNAVAILABLE). When a connection is lost on
 * the way (REDIS, UPSTASH) it may have been done or not, and is not tried again. An event with the bytes of one that is
 * there moves that one. */
enum err live_write(struct live *l, struct live_append *writes, size_t count, int64_t now_ms,
                    struct err_detail *detail);

/* ---- making safe ---- */
struct live_mark {
  struct str id;
  int64_t version; /* as it was read */
  int64_t read_ms; /* saved: when it was read, so that what came later is not taken for older; 0: unknown */
  int64_t turn;    /* the journal's entries up to here are in the database */
  int64_t token;   /* clear: of the lock held */
  bool is_done;    /* answer */
  int64_t freed_bytes;
};
/* saved = version; entries up to turn leave the journal; the world is clean unless it was written meanwhile (is_done
 * false: still dirty, and what was written stays). A world that is not there has nothing unsaved: is_done. */
enum err live_saved(struct live *l, struct live_mark *marks, size_t count, struct err_detail *detail);
/* Removes all keys of a world, the lock too, if its version is still this one and the lock is still ours. is_done also
 * when it is not there any more (then freed_bytes is 0 and the lock stays). */
enum err live_clear(struct live *l, struct live_mark *marks, size_t count, int64_t now_ms,
                    struct err_detail *detail);

/* ---- locks ---- */
struct live_lock {
  struct str id;
  int64_t
      token; /* answer of lock: > every token given before, 0 = somebody else holds it; question of the others */
};
struct live_lease { /* it ends ms after now_ms */
  int64_t ms, now_ms;
};
/* The token grows also over the loss of all live state: max(counter + 1, now in microseconds). */
enum err live_lock(struct live *l, struct live_lock *locks, size_t count, struct live_lease lease,
                   struct err_detail *detail);
/* token becomes 0 where the lock is not ours any more. */
enum err live_renew(struct live *l, struct live_lock *locks, size_t count, struct live_lease lease,
                    struct err_detail *detail);
enum err live_unlock(struct live *l, const struct live_lock *locks, size_t count, struct err_detail *detail);
/* Removes at most max locks that are orphans: lease over, or no lease at all (a bare key of an application that died),
 * or of an older epoch of our own node. */
enum err live_drop_orphans(struct live *l, int64_t now_ms, size_t max, int64_t *ret_removed,
                           struct err_detail *detail);

/* ---- what there is ---- */
struct live_page {     /* in order of score, then id */
  int64_t after_score; /* INSTANT_NONE: from the start */
  struct str after_id;
  int64_t until_score; /* inclusive */
  size_t limit;
  struct str *ids; /* answer, in the arena */
  int64_t *scores;
  size_t count;
  bool has_more;
};
enum live_index { LIVE_DIRTY, LIVE_ACTIVE, LIVE_EVENT_AGE };
enum err live_list(struct live *l, enum live_index index, struct live_page *page, struct arena *arena,
                   struct err_detail *detail);
/* Removes events older than before_ms of these worlds; ret_removed counts events. */
enum err live_expire_events(struct live *l, const struct str *ids, size_t count, int64_t before_ms,
                            int64_t *ret_removed, struct err_detail *detail);

struct live_status {
  enum live_mode mode;
  bool is_measured;   /* used_bytes is measured, not a model */
  int64_t used_bytes; /* of worlds' keys and values */
  int64_t worlds, dirty_worlds, locks;
  int64_t oldest_dirty_ms; /* INSTANT_NONE */
  char server[100];        /* "redis 7.0.15", "live.db" */
  char durability[200];    /* what a crash and a power cut may cost, or what is wrong now, in one sentence */
};
enum err live_status(struct live *l, struct live_status *ret, struct err_detail *detail);
