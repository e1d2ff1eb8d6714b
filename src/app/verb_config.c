/* `sereno config --explain`: every key, its value, and where it comes from (U-31). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/configuration.h"
#include "app/verbs.h"
#include "cli/cli.h"

#define CONFIG_API "/api/admin/config"

static const char help[] =
    "sereno config --explain    every key with its value, origin and meaning\n"
    "\n"
    "Of the running server when there is one, else as a server started here would read them. Order: flags,\n"
    "environment, ./.env (serve only), file, database, default. Secrets are masked.\n";

static void print_rows(struct cli *c, const json_t *rows) {
  static const char *const headers[] = {"KEY", "VALUE", "ORIGIN", "FROM", "MEANING", NULL};
  struct cli_table t;
  size_t i;
  json_t *row;
  if (c->is_json) return cli_print_json(rows);
  cli_table_begin(&t, c, headers);
  json_array_foreach(rows, i, row) {
    const json_t *value = json_object_get(row, "value");
    char *shown = json_is_string(value) || json_is_null(value) ? NULL : json_to_text(value);
    const char *origin = cli_text(row, "origin");
    bool is_default = origin && strcmp(origin, "default") == 0;
    const char *source = cli_text(row, "source");
    cli_table_add(&t, CLI_PLAIN, cli_text(row, "key"));
    cli_table_add(&t, CLI_PLAIN, shown ? shown : json_string_value(value));
    cli_table_add(&t, is_default ? CLI_DIM : CLI_GREEN, origin);
    cli_table_add(&t, CLI_PLAIN, source ? source : cli_text(row, "environment"));
    cli_table_add(&t, CLI_PLAIN, cli_text(row, "help"));
    free(shown);
  }
  cli_table_end(&t);
}

/* As `serve` would read it in this folder with this environment. */
static int explain_here(struct cli *c) {
  struct config_flag flag = {"data.dir", c->data};
  struct config_input input = {&flag, c->data_flag ? 1 : 0, environ, ".env", NULL};
  struct config *config = NULL;
  struct err_detail detail = {};
  enum err e = config_load(&input, &config, &detail);
  if (e != ERR_OK) return cli_fail_detail(c, e, &detail);
  BUF_AUTO struct buf out = buf_new(CLI_BODY_BYTES_MAX);
  struct json_writer w = jw_new(&out);
  jw_array(&w);
  config_write_json(config, &w);
  jw_array_end(&w);
  JSON_AUTO json_t *rows = NULL;
  e = buf_error(&out);
  if (e == ERR_OK) e = json_parse(buf_str(&out), &rows, &detail);
  if (e == ERR_OK) print_rows(c, rows);
  for (size_t i = 0; config_warning(config, i); i++)
    (void)fprintf(stderr, "warning: %s\n", config_warning(config, i));
  if (!c->is_json) (void)fprintf(stderr, "(no server answers: as one started here would read it)\n");
  config_free(config);
  return e == ERR_OK ? CLI_OK : cli_fail(c, CLI_REFUSED, "%s", err_text(e));
}

static int explain(struct cli *c) {
  {
    CLI_REPLY_AUTO struct cli_reply reply;
    if (cli_try(c, "GET", CONFIG_API, &reply) == 0) return explain_here(c);
  }
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = cli_call(c, "GET", CONFIG_API, NULL, &reply);
  if (code == CLI_OK) print_rows(c, json_object_get(reply.json, "data"));
  return code;
}

int verb_config(int argc, char **argv) {
  struct cli c = {};
  bool explain_flag = false;
  const struct cli_flag flags[] = {CLI_BOOL("explain", &explain_flag), CLI_FLAGS_END};
  int code = cli_begin(&c, argc, argv, flags, help);
  if (code >= 0) return code;
  code = c.argc == 0 && explain_flag ? explain(&c) : cli_usage(&c, help);
  cli_end(&c);
  return code;
}
