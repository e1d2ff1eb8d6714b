/* Each cron of such a file becomes a job in UTC, as those services run theirs. The two paths of the worlds are
 * the seeded jobs auto-pause and delete-scheduled-worlds, which get the schedule (B-30, B-32); any other path becomes a
 * job of the http executor. */
#include "cli/cli_import_foreign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/foreign_crons.h"
#include "sys/os_file.h"

#define VERCEL_AGENT "vercel-cron/1.0"

struct import_run {
  struct cli *cli;
  const struct foreign_args *args;
  const char *source; /* "vercel.json", "github" */
  struct cli_table table;
  size_t refused;
};

static const char *base_name(const char *file) {
  const char *slash = strrchr(file, '/');
  return slash ? slash + 1 : file;
}

static bool is_workflow(const char *file) {
  return str_ends(str_of(file), STR(".yml")) || str_ends(str_of(file), STR(".yaml"));
}

bool cli_is_foreign(const char *file) { return is_workflow(file) || str_ends(str_of(file), STR(".json")); }

/* "/api/cron/news" → "api-cron-news" */
static void name_of(const struct import_run *r, const struct foreign_cron *f, char *ret, size_t size) {
  const char *prefix = r->args->prefix ? r->args->prefix : "";
  (void)snprintf(ret, size, "%s%s", prefix, f->path[1] ? f->path + 1 : "root");
  for (char *p = ret + strlen(prefix); *p; p++)
    if (*p == '/') *p = '-';
}

static void add_headers(const struct import_run *r, json_t *params) {
  const char *secret = getenv("CRON_SECRET");
  bool is_vercel = strcmp(r->source, "vercel.json") == 0;
  json_t *headers = json_object();
  char bearer[600];
  if (is_vercel) json_object_set_new(headers, "User-Agent", json_string(VERCEL_AGENT));
  if (secret && secret[0]) {
    (void)snprintf(bearer, sizeof bearer, "Bearer %.500s", secret);
    json_object_set_new(headers, "Authorization", json_string(bearer));
    explicit_bzero(bearer, sizeof bearer);
  }
  if (json_object_size(headers)) json_object_set_new(params, "headers", headers);
  else json_decref(headers);
}

/* NULL: there is no address to call. */
static json_t *http_job(const struct import_run *r, const struct foreign_cron *f, const char *name) {
  char url[CLI_PATH_BYTES_MAX];
  const char *base = r->args->base;
  if (!f->url && !base) return NULL;
  size_t n = base ? strlen(base) : 0;
  while (n > 0 && base[n - 1] == '/') n--;
  if (f->url) (void)snprintf(url, sizeof url, "%s", f->url);
  else (void)snprintf(url, sizeof url, "%.*s%s", (int)n, base, f->path);
  json_t *params = json_pack("{s:s,s:s}", "url", url, "method", f->method);
  add_headers(r, params);
  return json_pack("{s:s,s:s,s:s,s:o,s:s,s:{s:s,s:s}}", "name", name, "schedule", f->schedule, "command",
                   "http", "params", params, "timezone", "UTC", "labels", "source", r->source, "path",
                   f->path);
}

static int send(struct import_run *r, const char *name, const json_t *body, bool is_there) {
  char path[CLI_PATH_BYTES_MAX];
  char *text = json_to_text(body);
  CLI_REPLY_AUTO struct cli_reply reply = {};
  int code = CLI_USAGE;
  if (!is_there) code = cli_call(r->cli, "POST", "/api/cron/jobs", text, &reply);
  else if (cli_path(path, sizeof path, "/api/cron/jobs/", name, ""))
    code = cli_call(r->cli, "PATCH", path, text, &reply);
  free(text);
  return code;
}

static bool exists(struct import_run *r, const char *name) {
  char path[CLI_PATH_BYTES_MAX];
  CLI_REPLY_AUTO struct cli_reply reply = {};
  return cli_path(path, sizeof path, "/api/cron/jobs/", name, "") &&
         cli_try(r->cli, "GET", path, &reply) == 200;
}

int cli_import_job(struct cli *c, const struct foreign_args *a, const json_t *body) {
  struct import_run r = {.cli = c, .args = a};
  const char *name = cli_text(body, "name");
  bool is_there = a->replace && !a->dry_run && exists(&r, name);
  int code = a->dry_run ? CLI_OK : send(&r, name, body, is_there);
  if (code != CLI_OK) return code;
  const char *what = a->dry_run ? "would be imported" : is_there ? "replaced" : "imported";
  if (c->is_json) cli_print_json(body);
  else (void)printf("%s: %s (%s)\n", name, what, cli_text(body, "schedule"));
  return CLI_OK;
}

static void tell(struct import_run *r, const struct foreign_cron *f, const char *name, const char *what,
                 bool is_good) {
  if (r->cli->is_json) {
    json_t *row = json_pack("{s:s,s:s,s:s,s:s,s:s,s:b}", "path", f->path, "name", name, "schedule",
                            f->schedule, "timezone", "UTC", "what", what, "ok", is_good);
    cli_print_json(row);
    json_decref(row);
    return;
  }
  cli_table_add(&r->table, CLI_PLAIN, f->path);
  cli_table_add(&r->table, CLI_PLAIN, name);
  cli_table_add(&r->table, CLI_PLAIN, f->schedule);
  cli_table_add(&r->table, CLI_PLAIN, "UTC");
  cli_table_add(&r->table, is_good ? CLI_GREEN : CLI_RED, what);
}

static int import_one(struct import_run *r, const struct foreign_cron *f) {
  char made[400];
  const char *seeded = foreign_world_job(f->path), *name = seeded ? seeded : made;
  int code = CLI_OK;
  name_of(r, f, made, sizeof made);
  JSON_AUTO json_t *body =
      seeded ? json_pack("{s:s,s:s}", "schedule", f->schedule, "timezone", "UTC") : http_job(r, f, made);
  if (!body) {
    r->refused++;
    tell(r, f, name, "refused: say --base https://HOST", false);
    return CLI_OK;
  }
  bool is_there = seeded || (r->args->replace && !r->args->dry_run && exists(r, name));
  if (!r->args->dry_run) code = send(r, name, body, is_there);
  r->refused += code != CLI_OK;
  if (code == CLI_CONFLICT) (void)fprintf(stderr, "  --replace gives that job this definition\n");
  tell(r, f, name,
       code != CLI_OK     ? "refused"
       : r->args->dry_run ? seeded ? "would set its schedule" : "would be imported"
       : seeded           ? "schedule set"
       : is_there         ? "replaced"
                          : "imported",
       code == CLI_OK);
  return code == CLI_REFUSED ? code : CLI_OK;
}

static int import_all(struct import_run *r, const struct foreign_crons *crons) {
  static const char *const headers[] = {"PATH", "JOB", "SCHEDULE", "ZONE", "BECAME", NULL};
  int code = CLI_OK;
  if (!r->cli->is_json) cli_table_begin(&r->table, r->cli, headers);
  for (size_t i = 0; code == CLI_OK && i < crons->count; i++) code = import_one(r, &crons->list[i]);
  if (!r->cli->is_json) cli_table_end(&r->table);
  if (code != CLI_OK) return code;
  return r->refused ? CLI_CONFLICT : CLI_OK;
}

int cli_import_foreign(struct cli *c, const struct foreign_args *a, const char *file) {
  ARENA_AUTO struct arena arena = arena_new(4 * FOREIGN_BYTES_MAX);
  struct foreign_crons *crons = ARENA_NEW(&arena, struct foreign_crons);
  struct err_detail detail = {};
  BUF_AUTO struct buf text = buf_new(FOREIGN_BYTES_MAX);
  struct import_run r = {.cli = c, .args = a, .source = is_workflow(file) ? "github" : "vercel.json"};
  enum err e = crons ? os_read_file(file, &text, &detail) : ERR_NO_MEMORY;
  if (e == ERR_OK)
    e = is_workflow(file) ? workflow_read(buf_str(&text), &arena, crons, &detail)
                          : vercel_read(buf_str(&text), &arena, crons, &detail);
  if (e == ERR_OK) return import_all(&r, crons);
  (void)fprintf(stderr, "%s: ", base_name(file));
  return cli_fail_detail(c, e, &detail);
}
