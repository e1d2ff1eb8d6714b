/* `sereno migrate`: the worlds' tables up or down, with the server stopped (B-33). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/configuration.h"
#include "app/verbs.h"
#include "cli/cli.h"
#include "worlds/schema.h"

#define PLAN_BYTES_MAX 262144

static const char help[] =
    "sereno migrate [--dry-run]             brings the worlds' tables to this version; does nothing when "
    "they are\n"
    "sereno migrate --down " WORLD_MIGRATION
    "\n"
    "                                       takes away the columns and tables that it added, with what they "
    "hold;\n"
    "                                       the rows of \"World\" stay\n"
    "\n"
    "In the PostgreSQL of DATABASE_URL, else in DATA/worlds.db. The server must not run. It migrates up by "
    "itself\n"
    "when it starts. --dry-run prints the statements and changes nothing.\n";

static enum err print_plan(struct sqldb *db, bool is_down, struct err_detail *detail) {
  BUF_AUTO struct buf sql = buf_new(PLAN_BYTES_MAX), spelt = buf_new(PLAN_BYTES_MAX);
  TRY(is_down ? world_schema_plan_down(db, &sql, detail) : world_schema_plan_up(db, &sql, detail));
  sqldb_spell_for(db, buf_str(&sql), &spelt);
  TRY(buf_error(&spelt));
  struct str text = buf_str(&spelt);
  if (text.len) (void)printf("%.*s\n", STR_ARG(text));
  else (void)puts("-- nothing to do");
  return ERR_OK;
}

static enum err migrate_db(struct sqldb *db, bool is_down, struct err_detail *detail) {
  BUF_AUTO struct buf plan = buf_new(PLAN_BYTES_MAX);
  TRY(is_down ? world_schema_plan_down(db, &plan, detail) : world_schema_plan_up(db, &plan, detail));
  TRY(is_down ? world_schema_down(db, detail) : world_schema_up(db, detail));
  (void)printf(WORLD_MIGRATION ": %s\n", !plan.len ? "nothing to do" : is_down ? "taken away" : "applied");
  return ERR_OK;
}

static enum err migrate(const struct config *config, bool is_down, bool is_dry, struct err_detail *detail) {
  const char *url = config_text(config, CONFIG_STORE_URL);
  struct sqldb_config at = {
      .folder = url ? NULL : config_text(config, CONFIG_DATA), .url = url, .is_synchronous = true};
  struct sqldb *db;
  TRY(sqldb_open(&at, &db, detail));
  enum err e = is_dry ? print_plan(db, is_down, detail) : migrate_db(db, is_down, detail);
  sqldb_close(db);
  return e;
}

/* As `serve` would be configured here. */
static int migrate_here(struct cli *c, bool is_down, bool is_dry) {
  struct config_flag flag = {"data.dir", c->data};
  struct config_input input = {&flag, c->data_flag ? 1 : 0, environ, ".env", NULL};
  struct config *config = NULL;
  struct err_detail detail = {};
  enum err e = config_load(&input, &config, &detail);
  if (e == ERR_OK) e = migrate(config, is_down, is_dry, &detail);
  config_free(config);
  return e == ERR_OK ? CLI_OK : cli_fail_detail(c, e, &detail);
}

int verb_migrate(int argc, char **argv) {
  struct cli c = {};
  const char *down = NULL;
  bool is_dry = false;
  const struct cli_flag flags[] = {CLI_TEXT("down", &down), CLI_BOOL("dry-run", &is_dry), CLI_FLAGS_END};
  int code = cli_begin(&c, argc, argv, flags, help);
  if (code >= 0) return code;
  CLI_REPLY_AUTO struct cli_reply reply;
  if (c.argc != 0) code = cli_usage(&c, help);
  else if (down && strcmp(down, WORLD_MIGRATION) != 0)
    code = cli_fail(&c, CLI_USAGE, "there is no migration %.100s; there is " WORLD_MIGRATION, down);
  else if (!is_dry && cli_try(&c, "GET", "/livez", &reply) != 0)
    code = cli_fail(&c, CLI_CONFLICT, "the server runs: stop it first");
  else code = migrate_here(&c, down != NULL, is_dry);
  cli_end(&c);
  return code;
}
