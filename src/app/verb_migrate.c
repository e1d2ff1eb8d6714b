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
    "sereno migrate --down " WORLD_MIGRATION_INDEXES
    "   takes away its indexes alone; the next start makes them again\n"
    "\n"
    "In the PostgreSQL of DATABASE_URL, else in DATA/worlds.db. The server must not run. It migrates up by "
    "itself\n"
    "when it starts. --dry-run prints the statements and changes nothing.\n";

/* down NULL: up. */
static const struct way {
  const char *down;
  enum err (*plan)(struct sqldb *, struct buf *, struct err_detail *);
  enum err (*run)(struct sqldb *, struct err_detail *);
} ways[] = {
    {NULL, world_schema_plan_up, world_schema_up},
    {WORLD_MIGRATION, world_schema_plan_down, world_schema_down},
    {WORLD_MIGRATION_INDEXES, world_indexes_plan_down, world_indexes_down},
};
#define WAYS (sizeof ways / sizeof *ways)

static const struct way *find_way(const char *down) {
  if (!down) return &ways[0];
  for (size_t i = 1; i < WAYS; i++)
    if (strcmp(ways[i].down, down) == 0) return &ways[i];
  return NULL;
}

static enum err print_plan(struct sqldb *db, const struct way *way, struct err_detail *detail) {
  BUF_AUTO struct buf sql = buf_new(PLAN_BYTES_MAX), spelt = buf_new(PLAN_BYTES_MAX);
  TRY(way->plan(db, &sql, detail));
  sqldb_spell_for(db, buf_str(&sql), &spelt);
  TRY(buf_error(&spelt));
  struct str text = buf_str(&spelt);
  if (text.len) (void)printf("%.*s\n", STR_ARG(text));
  else (void)puts("-- nothing to do");
  return ERR_OK;
}

static enum err migrate_db(struct sqldb *db, const struct way *way, struct err_detail *detail) {
  BUF_AUTO struct buf plan = buf_new(PLAN_BYTES_MAX);
  TRY(way->plan(db, &plan, detail));
  TRY(way->run(db, detail));
  const char *names = way->down ? way->down : WORLD_MIGRATION ", " WORLD_MIGRATION_INDEXES;
  (void)printf("%s: %s\n", names, !plan.len ? "nothing to do" : way->down ? "taken away" : "applied");
  return ERR_OK;
}

static enum err migrate(const struct config *config, const struct way *way, bool is_dry,
                        struct err_detail *detail) {
  const char *url = config_text(config, CONFIG_STORE_URL);
  struct sqldb_config at = {
      .folder = url ? NULL : config_text(config, CONFIG_DATA), .url = url, .is_synchronous = true};
  struct sqldb *db;
  TRY(sqldb_open(&at, &db, detail));
  enum err e = is_dry ? print_plan(db, way, detail) : migrate_db(db, way, detail);
  sqldb_close(db);
  return e;
}

/* As `serve` would be configured here. */
static int migrate_here(struct cli *c, const struct way *way, bool is_dry) {
  struct config_flag flag = {"data.dir", c->data};
  struct config_input input = {&flag, c->data_flag ? 1 : 0, environ, ".env", NULL};
  struct config *config = NULL;
  struct err_detail detail = {};
  enum err e = config_load(&input, &config, &detail);
  if (e == ERR_OK) e = migrate(config, way, is_dry, &detail);
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
  else if (!find_way(down))
    code = cli_fail(&c, CLI_USAGE,
                    "there is no migration %.100s; there are " WORLD_MIGRATION ", " WORLD_MIGRATION_INDEXES,
                    down);
  else if (!is_dry && cli_try(&c, "GET", "/livez", &reply) != 0)
    code = cli_fail(&c, CLI_CONFLICT, "the server runs: stop it first");
  else code = migrate_here(&c, find_way(down), is_dry);
  cli_end(&c);
  return code;
}
