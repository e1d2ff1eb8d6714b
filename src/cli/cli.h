/* What every verb of the command line shares: flags, the connection to the server, errors, tables, exit codes
 * (field.md §3). Verbs print; nothing below cli/ does. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum cli_exit {
  CLI_OK = 0,
  CLI_JOB_FAILED = 1,
  CLI_USAGE = 2,
  CLI_NOT_FOUND = 3,
  CLI_REFUSED = 4, /* not allowed, or no server */
  CLI_CONFLICT = 5,
  CLI_TIMED_OUT = 124,
};

#define CLI_BODY_BYTES_MAX (64 * 1024 * 1024)
#define CLI_PATH_BYTES_MAX 4096

enum cli_flag_kind { CLI_FLAG_END, CLI_FLAG_BOOL, CLI_FLAG_TEXT };

struct cli_flag {
  const char *name; /* without "--"; a single letter is also "-x" */
  enum cli_flag_kind kind;
  union {
    bool *is_set;
    const char **text;
  } to;
};
#define CLI_BOOL(flag, variable) ((struct cli_flag){(flag), CLI_FLAG_BOOL, {.is_set = (variable)}})
#define CLI_TEXT(flag, variable) ((struct cli_flag){(flag), CLI_FLAG_TEXT, {.text = (variable)}})
#define CLI_FLAGS_END ((struct cli_flag){})

struct cli {
  const char *verb;
  int argc;    /* what is no flag */
  char **argv; /* in argv's own memory */
  bool is_json, is_plain;
  const char *url_flag, *token_flag, *data_flag;
  char url[2048];
  char token[512];
  char data[CLI_PATH_BYTES_MAX];
  void *curl;
  /* asked for each flag that is in no table; false: unknown. May be NULL. */
  bool (*other_flag)(void *arg, const char *name, const char *value, bool *ret_used_value);
  void *other_arg;
};

/* Reads flags (also --json, --plain, --url, --token, --data, --help). -1: go on; else the exit code. */
int cli_begin(struct cli *c, int argc, char **argv, const struct cli_flag *flags, const char *help);
void cli_end(struct cli *c);
/* Says it on stderr and returns the exit code: "sereno jobs: TEXT" and a line with the hint. */
[[gnu::format(printf, 3, 4)]] int cli_fail(const struct cli *c, int code, const char *format, ...);
int cli_fail_detail(const struct cli *c, enum err e, const struct err_detail *detail);
int cli_usage(const struct cli *c, const char *help);

/* ---- the server ---- */

struct cli_reply {
  long status;
  struct buf body;
  json_t *json; /* NULL when the body is no JSON */
  char location[512];
};
#define CLI_REPLY_AUTO [[gnu::cleanup(cli_reply_free)]]
void cli_reply_free(struct cli_reply *r);
/* One request; body NULL: none. CLI_OK with a 2xx answer; else says what is wrong and returns the exit code. */
int cli_call(struct cli *c, const char *method, const char *path, const char *body, struct cli_reply *ret);
/* The same with one more header, e.g. "Prefer: wait=30". */
int cli_call_with(struct cli *c, const char *method, const char *path, const char *body, const char *header,
                  struct cli_reply *ret);
/* POST of a body that is no text. */
int cli_upload(struct cli *c, const char *path, struct str bytes, const char *content_type,
               struct cli_reply *ret);
/* Without saying anything: 0 = nobody answers. */
long cli_try(struct cli *c, const char *method, const char *path, struct cli_reply *ret);
/* Server-sent events until fn returns false or the stream ends. */
typedef bool cli_event_fn(void *arg, struct str id, struct str event, struct str data);
int cli_stream(struct cli *c, const char *path, cli_event_fn *fn, void *arg);
/* "/api/cron/jobs/" and the name, percent-encoded, and the rest. False when it does not fit. */
bool cli_path(char *ret, size_t size, const char *before, const char *name, const char *after);
/* Does it read like the filter language (status:failed) and not like a verb? */
bool cli_is_filter(const char *text);
/* The arguments that are left, joined by spaces, as "&q=…"; "" when there are none. False when they are too long. */
bool cli_filter(const struct cli *c, char *ret, size_t size);
int cli_exit_of(long http_status);
/* Where admin.token and the database lie; false when there is no such folder known. */
bool cli_find_data(struct cli *c);

/* ---- printing ---- */

enum cli_color { CLI_PLAIN, CLI_GREEN, CLI_RED, CLI_YELLOW, CLI_DIM, CLI_BOLD };

#define CLI_COLUMNS_MAX 10
struct cli_table {
  struct cli *cli;
  size_t columns;
  struct cli_cell *cells;
  size_t count, capacity;
};
/* headers: "NAME", …, NULL */
void cli_table_begin(struct cli_table *t, struct cli *c, const char *const *headers);
void cli_table_add(struct cli_table *t, enum cli_color color, const char *text); /* copies; NULL prints "-" */
void cli_table_end(struct cli_table *t);                                         /* prints and frees */
/* What a job printed: as it is into files and pipes; on a terminal control characters but newline, tab and colours
 * are shown as ^X, so that no job can set titles, keys or the clipboard of who looks at it. */
void cli_print_output(struct str text);
void cli_clean_output(struct str text, struct buf *out);
void cli_table_drop(struct cli_table *t); /* frees; there was no answer to print */

enum cli_column_kind {
  CLI_COLUMN_TEXT,
  CLI_COLUMN_INSTANT,
  CLI_COLUMN_STATUS,
  CLI_COLUMN_DURATION,
  CLI_COLUMN_WHY, /* of a world: cli_world_why */
  CLI_COLUMN_VALUE
};
struct cli_column {
  const char *header, *key; /* header NULL ends the table */
  enum cli_column_kind kind;
};
/* GETs pages of {data, nextCursor} and prints at most `most` rows (0: all) as a table, or as JSON lines. path has
 * its query begun: "/api/x?limit=100". */
int cli_list(struct cli *c, const char *path, const struct cli_column *columns, size_t most);

bool cli_is_color(const struct cli *c);
void cli_print_color(const struct cli *c, enum cli_color color, const char *text);
void cli_print_json(const json_t *value); /* one line */
void cli_print_pretty(const json_t *value);
enum cli_color cli_status_color(const char *status);
const char *cli_text(const json_t *object, const char *key); /* NULL when absent */
/* Why a world is (not) paused, as a word: "active" of "active_5h", whose hours stand beside it. */
const char *cli_world_why(const char *why);
/* "2026-11-21 18:00:00Z"; "-" when absent */
const char *cli_instant(const json_t *object, const char *key, char ret[40]);
/* "340 ms", "2.1 s", "3 min 4 s" */
const char *cli_duration(int64_t ms, char ret[40]);
/* Names of the verbs of a verb with several: `sereno jobs list`. The index, or -1. */
int cli_choose(const char *const *names, const char *name);
/* Runs a job now as `sereno run NAME --quiet` does; tell prints its result to people; NULL: as JSON. */
int cli_run_job(struct cli *c, const char *name, bool is_dry, void (*tell)(const json_t *result));
/* One run of a job that is not saved (body: its JSON), waited for, with its output; the exit code. */
int cli_try_job(struct cli *c, const char *name, const char *body);
