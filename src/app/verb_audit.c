/* `sereno audit`: was everything that fell due put on record, and only that? `audit verify` checks the hash chain of
 * who changed what; `audit log` lists it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/verbs.h"
#include "base/json.h"
#include "cli/cli.h"

#define LOG_DEFAULT 50

static const char help[] =
    "sereno audit [--since INSTANT] [--until INSTANT] [--job NAME]\n"
    "             recomputes what fell due and compares it with the ledger; exit code 1 on any difference\n"
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

static int ledger(struct cli *c, const struct audit_args *a) {
  char path[CLI_PATH_BYTES_MAX] = "/api/cron/audit", separator = '?';
  bool fits = add_query(path, sizeof path, &separator, "since", a->since) &&
              add_query(path, sizeof path, &separator, "until", a->until) &&
              add_query(path, sizeof path, &separator, "job", a->job);
  if (!fits) return cli_fail(c, CLI_USAGE, "the filter is too long");
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = cli_call(c, "GET", path, NULL, &reply);
  if (code != CLI_OK) return code;
  bool is_ok = json_bool_at(reply.json, "ok", false);
  if (c->is_json) {
    cli_print_json(reply.json);
    return is_ok ? CLI_OK : CLI_JOB_FAILED;
  }
  const json_t *rows = json_object_get(reply.json, "differences");
  if (json_array_size(rows) > 0) print_differences(c, rows);
  (void)printf("%lld due instants: %lld ran, %lld skipped, %lld missed, %lld pending\n",
               (long long)json_int_at(reply.json, "expected", 0),
               (long long)json_int_at(reply.json, "ran", 0), (long long)json_int_at(reply.json, "skipped", 0),
               (long long)json_int_at(reply.json, "missed", 0),
               (long long)json_int_at(reply.json, "pending", 0));
  if (json_int_at(reply.json, "rolledUpDays", 0) > 0)
    (void)printf("%lld days proven only by the hash of their set\n",
                 (long long)json_int_at(reply.json, "rolledUpDays", 0));
  if (json_int_at(reply.json, "zoneMoved", 0) > 0)
    (void)printf("%lld instants that today's zone data would place elsewhere\n",
                 (long long)json_int_at(reply.json, "zoneMoved", 0));
  cli_print_color(c, is_ok ? CLI_GREEN : CLI_RED,
                  is_ok ? "clean: nothing missed, nothing doubled\n" : "DIFFERENCES FOUND\n");
  return is_ok ? CLI_OK : CLI_JOB_FAILED;
}

static int verify(struct cli *c, const struct audit_args *a) {
  (void)a;
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = cli_call(c, "GET", "/api/admin/audit-log/verify", NULL, &reply);
  if (code != CLI_OK) return code;
  bool is_ok = json_bool_at(reply.json, "ok", false);
  if (c->is_json) cli_print_json(reply.json);
  else if (is_ok) (void)printf("the audit log is whole\n");
  else
    (void)printf("the audit log was changed: row %lld does not fit the chain\n",
                 (long long)json_int_at(reply.json, "firstBad", 0));
  return is_ok ? CLI_OK : CLI_JOB_FAILED;
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
