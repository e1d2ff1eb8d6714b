/* Who may do what: the one check function of the server. Pure.
 *
 * Roles are a ladder: viewer < operator (run, cancel, pause) < editor (edit jobs) < admin. What is written
 * about a *critical* job needs admin (X-22, C-112). CRON_SECRET opens the two cron endpoints only. */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "model/enums.h"

#define SCOPE_JOBS_MAX 100
#define SCOPE_NETS_MAX 20
#define SCOPE_BYTES_MAX 8000

struct net { /* an address range; IPv4 as ::ffff:a.b.c.d */
  unsigned char address[16];
  unsigned bits; /* 0–128 */
};

/* Limits of one token. Owned: free with scope_free. */
struct scope {
  char **jobs; /* ids or names */
  size_t job_count;
  struct net nets[SCOPE_NETS_MAX];
  size_t net_count;
  bool is_single_use;
  bool is_worlds; /* a service token: the application that owns the worlds */
};
/* {"jobs":["name or id"],"nets":["10.0.0.0/8"],"singleUse":true,"worlds":true}, each part may be absent; NULL text
 * gives an empty scope. Unknown keys are ERR_INVALID with the field named ("scope.nets"). */
enum err scope_parse(const char *json, struct scope *ret, struct err_detail *detail);
void scope_free(struct scope *s);
bool scope_allows_address(const struct scope *s, struct str peer);
bool net_parse(struct str text, struct net *ret); /* "10.0.0.0/8", "::1" */
bool net_contains(const struct net *n, const struct net *host);

enum who_kind { WHO_NOBODY, WHO_TOKEN, WHO_SESSION, WHO_CRON_SECRET };

struct who { /* borrowed from the identity cache for one request */
  enum who_kind kind;
  enum role role;
  const char *actor;         /* "user:ana", "token:ci", "cron-secret"; NULL = nobody */
  const char *user_id;       /* NULL = none */
  const struct scope *scope; /* NULL = no limits */
};

struct access_need {
  enum role least; /* ROLE_NONE: open to everyone */
  bool takes_cron_secret;
  bool is_write;
  bool is_about_job;   /* the route is checked again with the job */
  bool is_about_world; /* the world's own rights are checked by worlds/rights.h */
};

struct access_job {
  const char *id, *name;
  bool is_critical;
};

/* ERR_UNAUTHENTICATED or ERR_FORBIDDEN, with the role needed in the detail. Call it with job NULL before
 * anything is read, and again with the job. */
enum err access_check(const struct who *who, const struct access_need *need, const struct access_job *job,
                      struct err_detail *detail);
/* May it speak for the application and name an end user (X-Sereno-User)? A token of at least operator with the scope
 * worlds. */
bool access_is_service(const struct who *who);
/* Are all of this job's events and rows visible? */
bool access_sees_job(const struct who *who, const char *id, const char *name);
