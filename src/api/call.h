/* One request on its way through the API: who asks, what was read, and the answer. Lives in the request's
 * arena and ends with call_end or call_fail; after either nothing of it may be touched. */
#pragma once
#include "api/access.h"
#include "api/api.h"
#include "api/idempotency.h"
#include "api/rate.h"
#include "api/route.h"
#include "base/id.h"

#define API_JSON "application/json"
#define CALL_USER_HEADER "X-Sereno-User" /* a service token names an end user */
#define CALL_OVERRIDE "override"

struct identities;
struct login_links;
struct streams;
struct metrics;
struct web;
struct alerts;
struct counters;
struct output_cache;
struct api_aheads;
struct roster;

struct api {
  struct engine *engine;
  struct world *world;
  struct identities *identities;
  struct login_links *links;
  struct rate_table *rates;
  struct throttle *throttle;
  struct idempotency *kept;
  struct streams *streams;
  struct metrics *metrics;
  struct web *web;
  struct output_cache *outputs;
  struct roster *roster;
  const struct http_server *server;
  struct id_maker ids;
  int hashes_waiting; /* password hashes under way */
  struct alerts *alerts;
  struct counters *counters;
  struct api_aheads *aheads; /* api_round.h */
  uint64_t edits;            /* of jobs, gates, settings; counted as they are done */
  bool is_ready;             /* identities are loaded */
  bool is_backing_up;        /* one backup at a time */
};

struct call {
  struct api *api;
  struct http_request *req;
  const struct route *route;
  struct str args[ROUTE_ARGS_MAX];
  struct who who;                 /* texts in the arena */
  unsigned char session_hash[32]; /* WHO_SESSION */
  const char *csrf;               /* WHO_SESSION */
  json_t *body;                   /* an object, or NULL */
  void *input;                    /* the record of route->input, if it has a size */
  struct job *job;                /* ROUTE_JOB; ROUTE_RUN unless the job is gone: one reference */
  struct job_row row; /* ROUTE_JOB: with its last run; texts in the arena, job is not a reference */
  struct run_row run; /* ROUTE_RUN: with output; texts in the arena */
  struct str key;     /* Idempotency-Key that this call has begun; STR_NONE */
  uint64_t key_scope;
  const char *location, *etag; /* sent with the answer */
  struct err_detail detail;    /* of call_fail */
  struct buf out;
  struct json_writer w;
  void *state; /* the handler's, in the arena */
};

/* ---- answering ---- */
struct json_writer *call_begin(struct call *c);                           /* the answer's writer */
void call_end(struct call *c, int status);                                /* sends what was written */
void call_end_text(struct call *c, int status, const char *content_type); /* sends c->out as it is */
void call_end_empty(struct call *c, int status);
void call_fail(struct call *c, enum err e);                        /* with c->detail */
void call_fail_after(struct call *c, enum err e, int64_t wait_ms); /* with Retry-After */
/* Detail and answer in one. */
[[gnu::format(printf, 4, 5)]] void call_refuse(struct call *c, enum err e, const char *field,
                                               const char *format, ...);
/* Frees what the call holds, for answers that http/ sends itself (streams). */
void call_release(struct call *c);

/* ---- the engine, with errors answered ---- */
struct store_read *call_new_read(struct call *c, enum store_read_kind kind); /* NULL: answered already */
typedef void call_read_fn(struct call *c, struct store_read *read);
/* fn is called when the read succeeded; an error is answered. Takes the read over. */
void call_read(struct call *c, struct store_read *read, call_read_fn *fn);
/* fn gets errors, too. */
void call_read_any(struct call *c, struct store_read *read, call_read_fn *fn);

struct change *call_new_change(struct call *c, enum change_kind kind); /* NULL: answered already */
/* Who did it, for the audit log; object "job:NAME"; before and after are JSON (masked by the caller) or NULL. */
void call_note(struct call *c, struct change *change, const char *action, const char *object,
               const char *before, const char *after);
/* An audit row alone, for what has no change of its own (runs, log-ins that failed); not waited for. */
void call_log(struct call *c, const char *action, const char *object, const char *after);
typedef void call_done_fn(struct call *c, const struct engine_answer *answer);
/* fn is called when it is done; an error is answered. */
void call_edit(struct call *c, struct change *change, call_done_fn *fn);
void call_edit_any(struct call *c, struct change *change, call_done_fn *fn); /* fn gets errors, too */
void call_write(struct call *c, struct change *change, call_done_fn *fn);

/* ---- rows ---- */
/* Copies with all texts, into the arena. */
enum err call_keep_run(struct call *c, const struct run *from, struct run *ret);
/* Reads a job by id or name; fn gets errors, too. */
void call_read_job(struct call *c, struct str id_or_name, call_read_fn *fn);
/* Checks the rights on this job once more (ids in bodies get the same check as ids in paths). */
enum err call_check_job(struct call *c, const struct job *job, bool is_write);

/* ---- reading requests ---- */
int64_t call_now_ms(const struct call *c);
#define CALL_INPUT(c, type) ((const type *)(c)->input)
/* seconds of "Prefer: wait=N", bounded by CALL_WAIT_MAX_S; 0 without. Pure. */
#define CALL_WAIT_MAX_S 600
int64_t prefer_wait_s(struct str prefer);
/* "es" or "en", whichever the header Accept-Language likes better; "en" without it. Pure. */
const char *language_of(struct str accept_language);
/* The instant in an If-Match of ours: FIELD_NULL without one or with "*". Pure. */
enum err if_match_parse(struct str header, int64_t *ret_updated_ms, struct err_detail *detail);
const char *etag_of(struct arena *arena, int64_t updated_ms);
/* "failed,timeout" → a bit per index in names. Empty or NULL: 0. */
enum err mask_parse(const char *text, const char *const *names, const char *field, unsigned *ret_mask,
                    struct err_detail *detail);
/* From parameters cursor and limit. */
#define CALL_PAGE_DEFAULT 100
