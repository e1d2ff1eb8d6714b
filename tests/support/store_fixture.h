/* A store with its short forms for tests: one harness drives one backend through its contract, with a clock of its
 * own that nobody but the test moves. */
#pragma once
#include "store/store.h"
#include "tests/support/check.h"
#include "tests/support/pg_fixture.h"

#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define NOON 1763726400000LL /* 2025-11-21T12:00:00Z, a Friday */

enum harness_kind { HARNESS_MEM, HARNESS_SQLITE, HARNESS_PG, HARNESS_KINDS };

struct harness {
  enum harness_kind kind;
  struct store_backend *backend;
  struct store_boot boot;
  struct store_config config;
  char folder[64], url[PG_FIXTURE_URL_MAX];
  int64_t now_ms;
  int64_t last_run;
};

void harness_open(struct harness *h, enum harness_kind kind);
void harness_close(struct harness *h); /* and removes what it left on disk */
/* As after a crash (or a stop that was not told): a new epoch over the same rows. */
void harness_reopen(struct harness *h, int64_t now_ms, const char *boot_id);

/* Applies and returns the answer's error; the change is the caller's. */
enum err harness_apply(struct harness *h, struct change *c);
/* Applies, must succeed, frees. */
void harness_do(struct harness *h, struct change *c);

/* "name", "* * * * *"; answers the job's number. */
int64_t harness_job(struct harness *h, const char *name, const char *schedule);
struct job harness_definition(const char *name, const char *schedule);
struct change *harness_save(struct harness *h, const struct job *job);
struct change *harness_claim(struct harness *h, int64_t until_ms);
struct change *harness_gate(struct harness *h, enum gate_scope scope, int64_t job_no, enum gate gate);
struct change *harness_settings(struct harness *h, const struct settings *s);
struct change *harness_run(struct harness *h, enum change_kind kind, int64_t run_no, int64_t job_no,
                           int64_t due_ms);
int64_t harness_next_run_no(struct harness *h);
/* Claim, start and end of what is due now; answers how many ran. */
size_t harness_work(struct harness *h, enum run_status status);

/* Writes lastRunAt and nextRunAt. */
void harness_touch(struct harness *h);

struct store_read *harness_read(struct harness *h, enum store_read_kind kind); /* not yet asked */
void harness_ask(struct harness *h, struct store_read *r);                     /* must succeed */
/* START and END of what is pending. */
void harness_finish_claims(struct harness *h, int64_t job_no);
/* The current definition; one reference. */
struct job *harness_get_job(struct harness *h, int64_t job_no);
/* Ledger of one job as text, oldest first: "12:00:00 ran/success; 12:01:00-12:05:00 x5 missed/server_down". */
const char *harness_ledger(struct harness *h, int64_t job_no);
/* Kinds of the differences the audit finds, "" when it is clean. */
const char *harness_audit(struct harness *h);
