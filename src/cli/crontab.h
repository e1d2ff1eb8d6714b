/* crontab(5) files, read into job descriptions and written back. Pure: text in, text out.
 *
 * Understood is what Vixie's cron, Debian's and cronie take: five time fields or a nickname, variables,
 * comments, '%' as stdin, a leading '-', CRON_TZ, RANDOM_DELAY, '~'. What they would refuse is refused with
 * its line, never bent into something else: a wrapped range (22-3), a sixth field, L, W, '#', H, '?'.
 *
 * Not here: which user runs what, names that are unique among existing jobs, talking to the server. */
#pragma once
#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "time/tz.h"

#define CRONTAB_BYTES_MAX (1024 * 1024)
#define CRONTAB_LINE_BYTES_MAX 16384 /* Vixie's own limit is 1,000 */
#define CRONTAB_JOBS_MAX 10000
#define CRONTAB_VARIABLES_MAX 200
#define CRONTAB_NOTES_MAX 1000

enum crontab_kind {
  CRONTAB_USER,  /* crontab -l, /var/spool/cron: no user column */
  CRONTAB_SYSTEM /* /etc/crontab, /etc/cron.d: the sixth column is the user */
};

struct crontab_variable {
  const char *name;
  const char *value;
};

/* Texts are never NULL unless it says so. */
struct crontab_job {
  int line;                /* 1-based, of the entry; 0 = from no file */
  const char *name;        /* made from the command, unique within the file */
  const char *schedule;    /* "0 3 * * *", one space between fields, or "@daily" */
  const char *timezone;    /* CRON_TZ in force there; NULL: the machine's */
  const char *user;        /* NULL in a user's table */
  const char *command;     /* for the shell; \% has become % */
  const char *stdin_text;  /* what follows the first bare %, with its newlines; NULL = none */
  const char *description; /* the comment lines right above it; NULL = none */
  const struct crontab_variable *variables; /* in force there, MAILTO and the like included */
  size_t variable_count;
  int random_delay_minutes; /* RANDOM_DELAY in force; 0 = none */
  bool is_quiet;            /* the leading '-': not logged when it starts */
};

/* Something said about a line. */
struct crontab_note {
  int line;
  int column;      /* 1-based, 0 = the whole line */
  bool is_refusal; /* this line became nothing; otherwise it is only worth knowing */
  const char *message;
  const char *hint; /* "" when there is none */
};

struct crontab {
  const struct crontab_job *jobs;
  size_t job_count;
  const struct crontab_note *notes; /* in the order of lines */
  size_t note_count;
  size_t refusal_count;
};

/* A name cron takes a value for: letters, digits and _, but not LOGNAME and USER, which it sets itself. */
bool crontab_is_variable(struct str name);
/* The value in force at a job, or NULL. */
const char *crontab_variable_of(const struct crontab_job *job, const char *name);

/* Reads a whole file. Time zones are looked up in zones (may be NULL: then not checked). Fails only when the
 * file as a whole cannot be taken (too large, too many entries, a NUL byte); lines fail one by one, as
 * notes. Free with crontab_free. */
enum err crontab_read(struct str text, enum crontab_kind kind, struct tzdb *zones, struct crontab **ret,
                      struct err_detail *detail);
void crontab_free(struct crontab *c); /* NULL-safe */

/* Appends a file that crontab_read turns into the same jobs. What a crontab cannot say (a newline in a command, an
 * odd run of backslashes before %, a schedule of another dialect, a missing user) stands there as a
 * comment with the reason, and is counted in *ret_refused. */
enum err crontab_write(const struct crontab_job *jobs, size_t count, enum crontab_kind kind, struct buf *out,
                       size_t *ret_refused);

/* The parameters of the shell executor: {command, shell, stdin?, env, cwd?}; cwd is HOME when the file
 * sets it. And back: texts are borrowed from params or live in the arena; schedule, name, user, timezone and
 * description are the caller's. */
void crontab_params_to_json(const struct crontab_job *job, struct json_writer *w);
enum err crontab_params_from_json(const json_t *params, struct arena *arena, struct crontab_job *job,
                                  struct err_detail *detail);
