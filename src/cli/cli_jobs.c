/* `sereno jobs list|show|add|edit|rm|enable|disable|executors`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/cli_verbs.h"
#include "cli/job_flags.h"
#include "sys/os_file.h"

static const char help[] =
    "sereno jobs [list] [FILTER…]     as in 'status:failed tag:SYNC p95>30s next<10m -tag:test word'\n"
    "sereno jobs list [--category C] [--search TEXT] [--active | --inactive]\n"
    "sereno jobs show NAME\n"
    "sereno jobs add NAME --schedule S --command EXECUTOR [--FIELD VALUE …] [--file JOB.json]\n"
    "sereno jobs edit NAME --FIELD VALUE … [--file CHANGES.json]\n"
    "sereno jobs rm NAME…\n"
    "sereno jobs test JOB.json [--FIELD VALUE …]   runs it once without saving it, and waits\n"
    "sereno jobs enable NAME… | disable NAME…\n"
    "sereno jobs executors\n"
    "\n"
    "sereno jobs add --help lists the fields.\n";

struct jobs_args {
  const char *category, *search, *file;
  bool active, inactive;
  struct job_flags fields;
};

/* ---- list ---- */

static const char *state_of(const json_t *job, enum cli_color *ret_color) {
  const char *gate = cli_text(job, "gate");
  *ret_color = CLI_GREEN;
  if (!json_bool_at(job, "isActive", true)) return *ret_color = CLI_DIM, "disabled";
  if (gate && strcmp(gate, "open") != 0) return *ret_color = CLI_YELLOW, gate;
  bool has_next = cli_text(job, "nextRunAt") != NULL, has_run = cli_text(job, "lastRunAt") != NULL;
  const char *schedule = cli_text(job, "schedule");
  if (has_next || (schedule && strstr(schedule, "@reboot"))) return "active";
  return *ret_color = CLI_DIM, has_run ? "completed" : "never due";
}

static void add_job_row(struct cli_table *t, const json_t *job) {
  char next[40];
  enum cli_color color;
  const char *state = state_of(job, &color);
  const char *last = cli_text(json_object_get(job, "lastExecution"), "status");
  cli_table_add(t, CLI_PLAIN, cli_text(job, "name"));
  cli_table_add(t, CLI_PLAIN, cli_text(job, "schedule"));
  cli_table_add(t, CLI_PLAIN, cli_text(job, "command"));
  cli_table_add(t, color, state);
  cli_table_add(t, CLI_PLAIN, cli_instant(job, "nextRunAt", next));
  cli_table_add(t, cli_status_color(last), last);
}

static bool list_path(const struct cli *c, char *ret, size_t size, const struct jobs_args *a,
                      const char *cursor) {
  char category[700] = "", search[700] = "", after[1500] = "", q[3100];
  if (!cli_filter(c, q, sizeof q)) return false;
  if (a->category && !cli_path(category, sizeof category, "&category=", a->category, "")) return false;
  if (a->search && !cli_path(search, sizeof search, "&search=", a->search, "")) return false;
  if (cursor && !cli_path(after, sizeof after, "&cursor=", cursor, "")) return false;
  int n = snprintf(ret, size, "/api/cron/jobs?limit=500%s%s%s%s%s", q, category, search,
                   a->active     ? "&active=true"
                   : a->inactive ? "&active=false"
                                 : "",
                   after);
  return n > 0 && (size_t)n < size;
}

static int list(struct cli *c, struct jobs_args *a) {
  static const char *const headers[] = {"NAME", "SCHEDULE", "COMMAND", "STATE", "NEXT RUN", "LAST", NULL};
  struct cli_table table;
  char path[CLI_PATH_BYTES_MAX], cursor[1000] = "";
  int code = CLI_OK;
  if (!c->is_json) cli_table_begin(&table, c, headers);
  do {
    if (!list_path(c, path, sizeof path, a, cursor[0] ? cursor : NULL))
      return cli_fail(c, CLI_USAGE, "the filter is too long");
    CLI_REPLY_AUTO struct cli_reply reply;
    code = cli_call(c, "GET", path, NULL, &reply);
    if (code != CLI_OK) break;
    size_t i;
    json_t *job;
    json_array_foreach(json_object_get(reply.json, "data"), i, job) {
      if (c->is_json) cli_print_json(job); /* JSON lines: a list of any length */
      else add_job_row(&table, job);
    }
    const char *next = cli_text(reply.json, "nextCursor");
    (void)str_copy(cursor, sizeof cursor, str_of(next ? next : ""));
  } while (cursor[0]);
  if (c->is_json) return code;
  if (code == CLI_OK) cli_table_end(&table);
  else cli_table_drop(&table);
  return code;
}

/* ---- one job ---- */

static void print_fields(const json_t *object) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)object, key, value) {
    if (json_is_null(value) || json_is_object(value)) continue;
    char *text = json_is_string(value) ? NULL : json_to_text(value);
    (void)printf("%-20s %s\n", key, text ? text : json_string_value(value));
    free(text);
  }
}

static int show(struct cli *c, struct jobs_args *a) {
  (void)a;
  char path[CLI_PATH_BYTES_MAX];
  if (c->argc != 1) return cli_usage(c, help);
  if (!cli_path(path, sizeof path, "/api/cron/jobs/", c->argv[0], ""))
    return cli_fail(c, CLI_USAGE, "the name is too long");
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = cli_call(c, "GET", path, NULL, &reply);
  if (code != CLI_OK) return code;
  if (c->is_json) {
    cli_print_json(reply.json);
    return CLI_OK;
  }
  print_fields(reply.json);
  const json_t *params = json_object_get(reply.json, "params"),
               *last = json_object_get(reply.json, "lastExecution");
  if (json_is_object(params)) {
    (void)printf("%-20s ", "params");
    cli_print_json(params);
  }
  if (json_is_object(last)) {
    char at[40];
    const char *status = cli_text(last, "status");
    (void)printf("%-20s ", "lastExecution");
    cli_print_color(c, cli_status_color(status), status ? status : "?");
    (void)printf(" at %s (%s)\n", cli_instant(last, "startedAt", at), cli_text(last, "id"));
  }
  return CLI_OK;
}

static int read_file(struct cli *c, struct jobs_args *a) {
  if (!a->file) return CLI_OK;
  struct err_detail detail = {};
  BUF_AUTO struct buf text = buf_new(CLI_BODY_BYTES_MAX);
  enum err e = os_read_file(a->file, &text, &detail);
  JSON_AUTO json_t *object = NULL;
  if (e == ERR_OK) e = json_parse(buf_str(&text), &object, &detail);
  if (e == ERR_OK && !json_is_object(object))
    e = err_set(&detail, ERR_INVALID, a->file, 0, "must hold one JSON object");
  if (e != ERR_OK) {
    if (!detail.field[0]) (void)str_copy(detail.field, sizeof detail.field, str_of(a->file));
    return cli_fail_detail(c, e, &detail);
  }
  if (!a->fields.body) a->fields.body = json_object();
  return json_object_update_missing(a->fields.body, object) == 0 ? CLI_OK : CLI_USAGE; /* flags win */
}

static int send_job(struct cli *c, const char *method, const char *path, const json_t *body) {
  char *text = json_to_text(body);
  CLI_REPLY_AUTO struct cli_reply reply = {};
  int code = cli_call(c, method, path, text, &reply);
  free(text);
  if (code != CLI_OK) return code;
  if (c->is_json) {
    cli_print_json(reply.json);
    return CLI_OK;
  }
  char next[40];
  (void)printf("%s: saved, version %lld, next run %s\n", cli_text(reply.json, "name"),
               (long long)json_int_at(reply.json, "version", 0), cli_instant(reply.json, "nextRunAt", next));
  return CLI_OK;
}

static int add(struct cli *c, struct jobs_args *a) {
  if (c->argc > 1) return cli_usage(c, help);
  int code = read_file(c, a);
  if (code != CLI_OK) return code;
  if (!a->fields.body) a->fields.body = json_object();
  if (c->argc == 1 && json_object_set_new(a->fields.body, "name", json_string(c->argv[0])) != 0)
    return cli_fail(c, CLI_USAGE, "the name must be UTF-8 text");
  return send_job(c, "POST", "/api/cron/jobs", a->fields.body);
}

static int test(struct cli *c, struct jobs_args *a) {
  if (c->argc > 1 || (c->argc == 1 && a->file)) return cli_usage(c, help);
  if (c->argc == 1) a->file = c->argv[0];
  int code = read_file(c, a);
  if (code != CLI_OK) return code;
  if (!a->fields.body) return cli_fail(c, CLI_USAGE, "name a file with the job, or give its fields");
  const char *name = cli_text(a->fields.body, "name");
  char *body = json_to_text(a->fields.body);
  code = cli_try_job(c, name ? name : "the job", body);
  free(body);
  return code;
}

static int edit(struct cli *c, struct jobs_args *a) {
  char path[CLI_PATH_BYTES_MAX];
  if (c->argc != 1) return cli_usage(c, help);
  int code = read_file(c, a);
  if (code != CLI_OK) return code;
  if (!a->fields.body) return cli_fail(c, CLI_USAGE, "say what to change, e.g. --schedule '0 3 * * *'");
  if (!cli_path(path, sizeof path, "/api/cron/jobs/", c->argv[0], ""))
    return cli_fail(c, CLI_USAGE, "the name is too long");
  return send_job(c, "PATCH", path, a->fields.body);
}

static int for_each_name(struct cli *c, const char *method, const char *body, const char *done) {
  if (c->argc == 0) return cli_usage(c, help);
  for (int i = 0; i < c->argc; i++) {
    char path[CLI_PATH_BYTES_MAX];
    if (!cli_path(path, sizeof path, "/api/cron/jobs/", c->argv[i], ""))
      return cli_fail(c, CLI_USAGE, "the name is too long");
    CLI_REPLY_AUTO struct cli_reply reply = {};
    int code = cli_call(c, method, path, body, &reply);
    if (code != CLI_OK) return code;
    if (c->is_json && reply.json) cli_print_json(reply.json);
    else if (!c->is_json) (void)printf("%s: %s\n", c->argv[i], done);
  }
  return CLI_OK;
}

static int rm(struct cli *c, struct jobs_args *a) {
  return (void)a, for_each_name(c, "DELETE", NULL, "deleted");
}
static int enable(struct cli *c, struct jobs_args *a) {
  return (void)a, for_each_name(c, "PATCH", "{\"isActive\":true}", "enabled");
}
static int disable(struct cli *c, struct jobs_args *a) {
  return (void)a, for_each_name(c, "PATCH", "{\"isActive\":false}", "disabled");
}

static int executors(struct cli *c, struct jobs_args *a) {
  (void)a;
  static const char *const headers[] = {"NAME", "KIND", "ENABLED", "DESCRIPTION", NULL};
  CLI_REPLY_AUTO struct cli_reply reply = {};
  int code = cli_call(c, "GET", "/api/cron/executors", NULL, &reply);
  if (code != CLI_OK) return code;
  json_t *rows = json_is_array(reply.json) ? reply.json : json_object_get(reply.json, "data"), *row;
  if (c->is_json) {
    cli_print_json(rows);
    return CLI_OK;
  }
  struct cli_table t;
  cli_table_begin(&t, c, headers);
  size_t i;
  json_array_foreach(rows, i, row) {
    bool is_on = json_bool_at(row, "enabled", true);
    cli_table_add(&t, CLI_PLAIN, cli_text(row, "name"));
    cli_table_add(&t, CLI_PLAIN, cli_text(row, "kind"));
    cli_table_add(&t, is_on ? CLI_GREEN : CLI_DIM, is_on ? "yes" : "no");
    cli_table_add(&t, CLI_PLAIN, cli_text(row, "description"));
  }
  cli_table_end(&t);
  return CLI_OK;
}

static const char *const names[] = {"list",   "show",    "add",       "edit", "rm",
                                    "enable", "disable", "executors", "test", NULL};
static int (*const actions[])(struct cli *c, struct jobs_args *a) = {list,   show,    add,       edit, rm,
                                                                     enable, disable, executors, test};

int cli_jobs(int argc, char **argv) {
  struct jobs_args a = {};
  struct cli c = {.other_flag = job_flags_take, .other_arg = &a.fields};
  bool is_list = argc < 2 || argv[1][0] == '-' || cli_is_filter(argv[1]);
  int action = is_list ? 0 : cli_choose(names, argv[1]);
  if (action < 0) {
    c.verb = "jobs";
    (void)cli_fail(&c, CLI_USAGE, "there is no \"%s\"", argv[1]);
    return cli_usage(&c, help);
  }
  if (!is_list) argc--, argv++;
  char verb[] = "jobs";
  argv[0] = verb;
  bool wants_list = action == 0;
  const struct cli_flag flags[] = {CLI_TEXT("file", &a.file),         CLI_TEXT("search", &a.search),
                                   CLI_BOOL("active", &a.active),     CLI_BOOL("inactive", &a.inactive),
                                   CLI_TEXT("category", &a.category), CLI_FLAGS_END};
  struct cli_flag used[8] = {};
  size_t n = 0; /* --category is a filter of list and a field elsewhere */
  for (size_t i = 0; flags[i].kind != CLI_FLAG_END; i++)
    if (wants_list || strcmp(flags[i].name, "category") != 0) used[n++] = flags[i];
  int code = cli_begin(&c, argc, argv, used, help);
  if (code == CLI_OK && (action == 2 || action == 3 || action == 8)) job_flags_print_help();
  if (code < 0)
    code = a.fields.has_failed ? cli_fail(&c, CLI_USAGE, "%s", a.fields.message) : actions[action](&c, &a);
  json_decref(a.fields.body);
  cli_end(&c);
  return code;
}
