/* `sereno audit`: was everything that fell due put on record, and only that? `audit verify` checks the hash chain of
 * who changed what; `audit log` lists it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/configuration.h"
#include "app/verbs.h"
#include "base/instant.h"
#include "base/json.h"
#include "cli/cli.h"
#include "store/store.h"
#include "sys/world.h"

#define LOG_DEFAULT 50

static const char help[] =
    "sereno audit [--since INSTANT] [--until INSTANT] [--job NAME]\n"
    "             recomputes what fell due and compares it with the ledger; exit code 1 on any difference\n"
    "             works without a server, too: on the data folder\n"
    "sereno audit verify          the hash chain of the audit log; exit code 1 when a row does not fit\n"
    "sereno audit log [--limit N] who changed what, newest first\n";

struct audit_args {
  const char *since, *until, *job, *limit;
};

static bool add_query(char *path, size_t size, char *separator, const char *key, const char *value) {
  if (!value) return true;
  size_t n = strlen(path);
  char before[40];
  (void)snprintf(before, sizeof before, "%c%s=", *separator, key);
  *separator = '&';
  return cli_path(path + n, size - n, before, value, "");
}

/* ---- what was found, from the server or from the folder itself ---- */

static void print_differences(struct cli *c, const json_t *rows) {
  static const char *const headers[] = {"JOB", "DUE", "WHAT", "TEXT", NULL};
  size_t i;
  json_t *row;
  struct cli_table t;
  cli_table_begin(&t, c, headers);
  json_array_foreach(rows, i, row) {
    char due[40];
    cli_table_add(&t, CLI_PLAIN, cli_text(row, "jobName"));
    cli_table_add(&t, CLI_PLAIN, cli_instant(row, "dueAt", due));
    cli_table_add(&t, CLI_RED, cli_text(row, "kind"));
    cli_table_add(&t, CLI_PLAIN, cli_text(row, "text"));
  }
  cli_table_end(&t);
}

static long long count_of(const json_t *found, const char *key) { return json_int_at(found, key, 0); }

static int tell_ledger(struct cli *c, const json_t *found) {
  bool is_ok = json_bool_at(found, "ok", false);
  const json_t *rows = json_object_get(found, "differences");
  if (c->is_json) {
    cli_print_json(found);
    return is_ok ? CLI_OK : CLI_JOB_FAILED;
  }
  if (json_array_size(rows) > 0) print_differences(c, rows);
  (void)printf("%lld due instants: %lld ran, %lld skipped, %lld missed, %lld pending\n",
               count_of(found, "expected"), count_of(found, "ran"), count_of(found, "skipped"),
               count_of(found, "missed"), count_of(found, "pending"));
  if (count_of(found, "rolledUpDays") > 0)
    (void)printf("%lld days proven only by the hash of their set\n", count_of(found, "rolledUpDays"));
  if (count_of(found, "zoneMoved") > 0)
    (void)printf("%lld instants that today's zone data would place elsewhere\n",
                 count_of(found, "zoneMoved"));
  cli_print_color(c, is_ok ? CLI_GREEN : CLI_RED,
                  is_ok ? "clean: nothing missed, nothing doubled\n" : "DIFFERENCES FOUND\n");
  return is_ok ? CLI_OK : CLI_JOB_FAILED;
}

static int tell_chain(struct cli *c, const json_t *found) {
  bool is_ok = json_bool_at(found, "ok", false);
  if (c->is_json) cli_print_json(found);
  else if (is_ok) (void)printf("the audit log is whole\n");
  else
    (void)printf("the audit log was changed: row %lld does not fit the chain\n", count_of(found, "firstBad"));
  return is_ok ? CLI_OK : CLI_JOB_FAILED;
}

static int fetch(struct cli *c, const char *path, int (*tell)(struct cli *c, const json_t *found)) {
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = cli_call(c, "GET", path, NULL, &reply);
  return code == CLI_OK ? tell(c, reply.json) : code;
}

/* ---- without a server ---- */

/* The store as a server started here would find it. *ret_config holds the address: freed after the store. */
static enum err open_here(struct cli *c, struct config **ret_config, struct store_backend **ret,
                          struct err_detail *detail) {
  struct config_flag flag = {"data.dir", c->data};
  struct config_input input = {&flag, 1, environ, ".env", NULL};
  TRY(config_load(&input, ret_config, detail));
  struct store_config config = {.url = config_cron_url(*ret_config)};
  return config.url ? store_pg_open_reader(&config, ret, detail)
                    : store_sqlite_open_reader(c->data, NULL, ret, detail);
}

/* Does nobody answer, and is there a database here? An address given by hand is always asked. */
static bool is_offline(struct cli *c) {
  char path[CLI_PATH_BYTES_MAX + 16];
  if (c->url_flag || getenv("SERENO_URL") || !cli_find_data(c)) return false;
  (void)snprintf(path, sizeof path, "%s/sereno.db", c->data);
  if (access(path, R_OK) != 0 && !getenv("DATABASE_URL") && !getenv("SERENO_STORE_URL")) return false;
  CLI_REPLY_AUTO struct cli_reply reply;
  return cli_try(c, "GET", "/livez", &reply) == 0;
}

static json_t *difference_json(const struct audit_difference *d) {
  struct instant_text due = instant_to_text(d->due_ms);
  return json_pack("{s:s?,s:I,s:s,s:s,s:s}", "jobName", d->job_name, "jobNo", (json_int_t)d->job_no, "dueAt",
                   due.text, "kind", d->kind, "text", d->text);
}

static json_t *proof_json(const struct store_read *r) {
  json_t *differences = json_array();
  if (r->kind == READ_AUDIT_VERIFY)
    return json_decref(differences),
           json_pack("{s:b,s:I}", "ok", r->proof.first_bad == 0, "firstBad", (json_int_t)r->proof.first_bad);
  for (size_t i = 0; i < r->count; i++)
    json_array_append_new(differences, difference_json(&r->differences[i]));
  return json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "ok", r->count == 0, "expected",
                   (json_int_t)r->proof.expected, "ran", (json_int_t)r->proof.ran, "skipped",
                   (json_int_t)r->proof.skipped, "missed", (json_int_t)r->proof.missed, "pending",
                   (json_int_t)r->proof.pending, "rolledUpDays", (json_int_t)r->proof.rolled_up_days,
                   "zoneMoved", (json_int_t)r->proof.zone_moved, "differences", differences);
}

static enum err read_instant(const char *flag, const char *text, int64_t *ret_ms, struct err_detail *detail) {
  *ret_ms = INSTANT_NONE;
  if (!text || instant_from_text(str_of(text), ret_ms)) return ERR_OK;
  return err_set(detail, ERR_INVALID, flag, 0, "must be an instant like 2026-11-21T18:00:00Z");
}

static enum err job_number(struct store_backend *b, const char *name, int64_t *ret_no,
                           struct err_detail *detail) {
  *ret_no = 0;
  if (!name) return ERR_OK;
  struct store_read *r = store_read_new(READ_JOB, world_now_ms(world_real()));
  if (!r) return ERR_NO_MEMORY;
  r->name = str_of(name);
  enum err e = b->ops->read(b, r);
  if (e == ERR_OK) e = r->error;
  if (e == ERR_OK && r->count == 1) *ret_no = r->jobs[0].job->no;
  else e = err_set(detail, ERR_NOT_FOUND, "job", 0, "there is no job \"%.100s\"", name);
  store_read_free(r);
  return e;
}

static enum err read_here(struct store_backend *b, enum store_read_kind kind, const struct audit_args *a,
                          json_t **ret, struct err_detail *detail) {
  struct store_read *r = store_read_new(kind, world_now_ms(world_real()));
  if (!r) return ERR_NO_MEMORY;
  enum err e = read_instant("--since", a->since, &r->from_ms, detail);
  if (e == ERR_OK) e = read_instant("--until", a->until, &r->to_ms, detail);
  if (e == ERR_OK) e = job_number(b, a->job, &r->no, detail);
  r->limit = LIMIT_PAGE;
  if (e == ERR_OK) e = b->ops->read(b, r);
  if (e == ERR_OK) e = r->error;
  if (e == ERR_OK) *ret = proof_json(r);
  else if (detail && !detail->message[0]) *detail = r->detail;
  store_read_free(r);
  return e;
}

static int look_here(struct cli *c, enum store_read_kind kind, const struct audit_args *a,
                     int (*tell)(struct cli *c, const json_t *found)) {
  struct err_detail detail = {};
  struct store_backend *b = NULL;
  JSON_AUTO json_t *found = NULL;
  struct config *config = NULL;
  enum err e = open_here(c, &config, &b, &detail);
  if (e == ERR_OK) e = read_here(b, kind, a, &found, &detail);
  if (b) b->ops->close(b);
  config_free(config);
  if (e != ERR_OK) return cli_fail_detail(c, e, &detail);
  if (!c->is_json) (void)fprintf(stderr, "(no server answers: read from %s)\n", c->data);
  return tell(c, found);
}

/* ---- the verbs ---- */

static int ledger(struct cli *c, const struct audit_args *a) {
  char path[CLI_PATH_BYTES_MAX] = "/api/cron/audit", separator = '?';
  bool fits = add_query(path, sizeof path, &separator, "since", a->since) &&
              add_query(path, sizeof path, &separator, "until", a->until) &&
              add_query(path, sizeof path, &separator, "job", a->job);
  if (!fits) return cli_fail(c, CLI_USAGE, "the filter is too long");
  return is_offline(c) ? look_here(c, READ_LEDGER_AUDIT, a, tell_ledger) : fetch(c, path, tell_ledger);
}

static int verify(struct cli *c, const struct audit_args *a) {
  return is_offline(c) ? look_here(c, READ_AUDIT_VERIFY, a, tell_chain)
                       : fetch(c, "/api/admin/audit-log/verify", tell_chain);
}

static int list(struct cli *c, const struct audit_args *a) {
  static const struct cli_column columns[] = {{"SEQ", "seq", CLI_COLUMN_VALUE},
                                              {"AT", "at", CLI_COLUMN_INSTANT},
                                              {"WHO", "actor", CLI_COLUMN_TEXT},
                                              {"WHAT", "action", CLI_COLUMN_TEXT},
                                              {"OBJECT", "object", CLI_COLUMN_TEXT},
                                              {"FROM", "address", CLI_COLUMN_TEXT},
                                              {}};
  int64_t most = LOG_DEFAULT;
  if (a->limit && !str_to_int(str_of(a->limit), 1, INT32_MAX, &most))
    return cli_fail(c, CLI_USAGE, "--limit must be a whole number above 0");
  return cli_list(c, "/api/admin/audit-log?limit=500", columns, (size_t)most);
}

int verb_audit(int argc, char **argv) {
  static const char *const names[] = {"verify", "log", NULL};
  static int (*const actions[])(struct cli * c, const struct audit_args *a) = {verify, list};
  struct cli c = {};
  struct audit_args a = {};
  const struct cli_flag flags[] = {CLI_TEXT("since", &a.since), CLI_TEXT("until", &a.until),
                                   CLI_TEXT("job", &a.job), CLI_TEXT("limit", &a.limit), CLI_FLAGS_END};
  int code = cli_begin(&c, argc, argv, flags, help);
  if (code >= 0) return code;
  int action = c.argc == 1 ? cli_choose(names, c.argv[0]) : -1;
  if (c.argc == 0) code = ledger(&c, &a);
  else code = action < 0 ? cli_usage(&c, help) : actions[action](&c, &a);
  cli_end(&c);
  return code;
}
