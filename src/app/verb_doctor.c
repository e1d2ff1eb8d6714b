/* `sereno doctor [JOB…]`: what is right and what is not, with what to do; exit code 1 when something is wrong. With
 * names also the three checks of "my job does not run" and "it is slow"; with "worlds" those of "worlds
 * are not paused" and "favourites are paused" (B-63, B-65). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "app/configuration.h"
#include "app/data_dir.h"
#include "app/verbs.h"
#include "base/instant.h"
#include "base/json.h"
#include "cli/cli.h"
#include "time/tz.h"

#define DISK_LOW_BYTES (100LL * 1024 * 1024)

static const char help[] =
    "sereno doctor [JOB…|worlds]    checks configuration, data folder, server, store, worlds, warden, clock; "
    "and "
    "jobs by name;\n"
    "                               worlds: why each world is paused or not\n"
    "\n"
    "Exit code 0 when nothing is wrong (warnings are not), else 1.\n";

enum finding { FINE, WARNING, WRONG };

struct doctor {
  struct cli *cli;
  int wrong;
};

[[gnu::format(printf, 4, 5)]] static void tell(struct doctor *d, enum finding f, const char *what,
                                               const char *format, ...) {
  static const char *const words[] = {"ok   ", "warn ", "WRONG"};
  static const enum cli_color colors[] = {CLI_GREEN, CLI_YELLOW, CLI_RED};
  char text[700];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  d->wrong += f == WRONG;
  if (d->cli->is_json) {
    static const char *const names[] = {"ok", "warning", "wrong"};
    json_t *row = json_pack("{s:s,s:s,s:s}", "check", what, "finding", names[f], "text", text);
    cli_print_json(row);
    json_decref(row);
    return;
  }
  cli_print_color(d->cli, colors[f], words[f]);
  (void)printf(" %-14s %s\n", what, text);
}

/* ---- what needs no server ---- */

static void check_config(struct doctor *d) {
  struct config_flag flag = {"data.dir", d->cli->data};
  struct config_input input = {&flag, d->cli->data[0] ? 1 : 0, environ, ".env", NULL};
  struct config *c = NULL;
  struct err_detail detail = {};
  enum err e = config_load(&input, &c, &detail);
  if (e != ERR_OK)
    return tell(d, WRONG, "configuration", "%s: %s%s%s", detail.field, detail.message,
                detail.hint[0] ? "; " : "", detail.hint);
  tell(d, FINE, "configuration", "%s", config_file(c) ? config_file(c) : "no file; environment and defaults");
  for (size_t i = 0; config_warning(c, i); i++) tell(d, WARNING, "configuration", "%s", config_warning(c, i));
  bool is_off = config_is_cron_off(c);
  tell(d, is_off ? WARNING : FINE, "scheduling",
       "ENABLE_CRON_JOBS is \"%s\" (from %s): scheduled starts are %s here",
       config_text(c, CONFIG_CRON_ENABLED), config_origin_text(config_origin(c, CONFIG_CRON_ENABLED)),
       is_off ? "off" : "on");
  config_free(c);
}

static void check_folder(struct doctor *d) {
  struct err_detail detail = {};
  if (!d->cli->data[0])
    return tell(d, WARNING, "data folder", "not known; say --data DIR or set SERENO_DATA");
  enum err e = data_dir_check(d->cli->data, &detail);
  if (e == ERR_NOT_FOUND) return tell(d, WARNING, "data folder", "%s does not exist yet", d->cli->data);
  if (e != ERR_OK)
    return tell(d, WRONG, "data folder", "%s%s%s", detail.message, detail.hint[0] ? "; " : "", detail.hint);
  struct statvfs fs;
  if (statvfs(d->cli->data, &fs) != 0)
    return tell(d, WRONG, "data folder", "%s cannot be read", d->cli->data);
  int64_t left = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
  tell(d, left < DISK_LOW_BYTES ? WRONG : FINE, "data folder", "%s, %lld MB of disk left", d->cli->data,
       (long long)(left / (1024 * 1024)));
}

static void check_clock(struct doctor *d) {
  struct timex t = {};
  int state = adjtimex(&t);
  if (state < 0) return tell(d, WARNING, "clock", "its state cannot be read");
  bool is_synced = state != TIME_ERROR && !(t.status & STA_UNSYNC);
  tell(d, is_synced ? FINE : WARNING, "clock", "%s",
       is_synced ? "kept in step by NTP" : "nothing says that it is kept in step (NTP)");
}

static void check_zones(struct doctor *d) {
  struct tzdb *db = NULL;
  const struct tz *tz = NULL;
  struct err_detail detail = {};
  enum err e = tzdb_new(NULL, &db);
  if (e == ERR_OK) e = tz_find(db, STR("Europe/Madrid"), &tz, &detail);
  if (e == ERR_OK) tell(d, FINE, "time zones", "read from " TZ_FOLDER);
  else tell(d, WRONG, "time zones", "%s; install tzdata", detail.message);
  tzdb_free(db);
}

/* ---- the server ---- */

static bool check_server(struct doctor *d) {
  CLI_REPLY_AUTO struct cli_reply reply;
  long status = cli_try(d->cli, "GET", "/healthz?verbose=true", &reply);
  if (status == 0) {
    tell(d, WRONG, "server", "no answer from %s (%s)", d->cli->url, reply.location);
    return false;
  }
  tell(d, FINE, "server", "answers at %s", d->cli->url);
  const json_t *checks = json_object_get(reply.json, "checks");
  static const char *const names[] = {"store", "warden", "clock", "scheduler", "ready", "worlds", "live"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const json_t *value = json_object_get(checks, names[i]);
    if (!value) continue;
    const char *why = cli_text(checks, "why");
    tell(d, json_is_true(value) ? FINE : WRONG, names[i], "%s",
         json_is_true(value) ? "good"
         : why               ? why
                             : "not good");
  }
  return true;
}

static void check_settings(struct doctor *d) {
  CLI_REPLY_AUTO struct cli_reply reply;
  long status = cli_try(d->cli, "GET", "/api/cron/settings", &reply);
  if (status == 401 || status == 403)
    return tell(d, WARNING, "access", "the server does not accept the token; set SERENO_TOKEN or --data");
  if (status != 200) return;
  bool is_on = json_bool_at(reply.json, "isEnabled", true);
  tell(d, is_on ? FINE : WARNING, "settings", "isEnabled is %s, %lld runs at a time, zone %s",
       is_on ? "true" : "false: nothing starts by schedule",
       (long long)json_int_at(reply.json, "maxConcurrentJobs", 0), cli_text(reply.json, "timezone"));
}

/* What the log says of the last start: settings, executors, jobs, recovery, scheduler. */
static void check_start(struct doctor *d) {
  CLI_REPLY_AUTO struct cli_reply reply;
  if (cli_try(d->cli, "GET", "/api/cron/logs?limit=500", &reply) != 200) return;
  size_t i;
  json_t *line;
  json_array_foreach(json_object_get(reply.json, "data"), i, line) {
    JSON_AUTO json_t *entry = NULL;
    const char *text = json_string_value(line);
    bool is_start = strstr(text, "initialize: ") || strstr(text, "scheduling: ");
    if (!is_start) continue;
    bool is_json = json_parse(str_of(text), &entry, NULL) == ERR_OK && cli_text(entry, "msg");
    if (is_json) tell(d, FINE, "start-up", "%s %s", cli_text(entry, "ts"), cli_text(entry, "msg"));
    else tell(d, FINE, "start-up", "%s", text);
  }
}

static void check_audit(struct doctor *d) {
  CLI_REPLY_AUTO struct cli_reply reply;
  if (cli_try(d->cli, "GET", "/api/cron/audit", &reply) != 200) return;
  bool is_ok = json_bool_at(reply.json, "ok", false);
  tell(d, is_ok ? FINE : WRONG, "ledger", "%lld due instants compared%s",
       (long long)json_int_at(reply.json, "expected", 0),
       is_ok ? ", all on record" : "; there are differences: sereno audit");
}

/* ---- worlds ---- */

#define WORLDS_SHOWN "20"

/* Database, live state and their sizes; what is reduced is said. */
static void check_live(struct doctor *d) {
  CLI_REPLY_AUTO struct cli_reply reply;
  if (cli_try(d->cli, "GET", "/api/admin/cron-jobs", &reply) != 200) return;
  const json_t *live = json_object_get(json_object_get(reply.json, "data"), "redis");
  bool is_there = json_bool_at(live, "available", false);
  if (!is_there)
    return tell(d, WRONG, "live state", "%s, database %s: %s", cli_text(live, "mode"),
                cli_text(live, "database"), cli_text(live, "why") ? cli_text(live, "why") : "not known yet");
  tell(d, FINE, "live state",
       "%s (%s), database %s: %lld worlds, %lld not yet in the database, %lld locks, %lld kB",
       cli_text(live, "mode"), cli_text(live, "server"), cli_text(live, "database"),
       (long long)json_int_at(live, "worlds", 0), (long long)json_int_at(live, "dirtyWorlds", 0),
       (long long)json_int_at(live, "locks", 0), (long long)json_int_at(live, "usedBytes", 0) / 1024);
  if (cli_text(live, "durability")) tell(d, FINE, "live state", "%s", cli_text(live, "durability"));
  if (json_bool_at(live, "reduced", false))
    tell(d, WARNING, "live state", "reduced: %s", cli_text(live, "reducedBecause"));
}

static void check_database(struct doctor *d) {
  CLI_REPLY_AUTO struct cli_reply reply;
  if (cli_try(d->cli, "GET", "/api/worlds/status", &reply) != 200) return;
  tell(d, FINE, "database", "%s, %lld kB, %lld worlds", cli_text(reply.json, "database"),
       (long long)json_int_at(reply.json, "databaseBytes", 0) / 1024,
       (long long)json_int_at(reply.json, "total", 0));
}

static void check_secret(struct doctor *d) {
  CLI_REPLY_AUTO struct cli_reply reply;
  if (cli_try(d->cli, "GET", "/api/admin/config", &reply) != 200) return;
  const json_t *list = json_is_array(reply.json) ? reply.json : json_object_get(reply.json, "data");
  size_t i;
  json_t *entry;
  json_array_foreach(list, i, entry) {
    const char *key = cli_text(entry, "key");
    if (!key || strcmp(key, "api.cron_secret") != 0) continue;
    bool is_set = cli_text(entry, "value") != NULL;
    tell(d, is_set ? FINE : WARNING, "CRON_SECRET", "%s",
         is_set ? "is set"
                : "is not set: the two cron endpoints are closed; the jobs of this server run all the same");
  }
}

static void check_one_world(struct doctor *d, const json_t *world) {
  char active[40];
  tell(d, FINE, "world", "%s: %s; %s, last active %s%s%s", cli_text(world, "worldId"), cli_text(world, "why"),
       cli_text(world, "status"), cli_instant(world, "lastActiveAt", active),
       json_bool_at(world, "isFavorite", false) ? ", favourite" : "",
       json_bool_at(world, "shouldPause", false) ? ", will be paused by the next run" : "");
}

static void check_worlds(struct doctor *d) {
  CLI_REPLY_AUTO struct cli_reply reply;
  check_secret(d);
  long status = cli_try(d->cli, "GET", "/api/admin/worlds/why?limit=" WORLDS_SHOWN, &reply);
  if (status != 200) return tell(d, WRONG, "worlds", "they cannot be read (HTTP %ld)", status);
  const json_t *list = json_object_get(reply.json, "data");
  for (size_t i = 0; i < json_array_size(list); i++) check_one_world(d, json_array_get(list, i));
  if (cli_text(reply.json, "nextCursor")) tell(d, FINE, "worlds", "there are more: sereno worlds why");
}

/* ---- jobs ---- */

/* Returns within how many ms 95 % of its runs end; 0: not known. */
static int64_t check_duration(struct doctor *d, const char *name) {
  char path[CLI_PATH_BYTES_MAX];
  if (!cli_path(path, sizeof path, "/api/cron/jobs/", name, "/metrics")) return 0;
  CLI_REPLY_AUTO struct cli_reply reply;
  if (cli_try(d->cli, "GET", path, &reply) != 200) return 0;
  int64_t failures = json_int_at(reply.json, "consecutiveFailures", 0),
          p95 = json_int_at(reply.json, "p95Ms", -1);
  char took[40];
  tell(d, failures > 0 ? WRONG : FINE, name,
       "%lld runs on record, %lld failures in a row, 95 %% end within %s",
       (long long)json_int_at(reply.json, "runs", 0), (long long)failures, cli_duration(p95, took));
  return p95 > 0 ? p95 : 0;
}

/* A run that takes more than half of its interval leaves no room for a retry. */
static void check_interval(struct doctor *d, const char *name, const json_t *job, int64_t took_ms) {
  char path[CLI_PATH_BYTES_MAX], tail[100];
  const char *schedule = cli_text(job, "schedule"), *zone = cli_text(job, "timezone");
  int64_t first_ms, second_ms;
  if (!schedule || took_ms == 0) return;
  (void)snprintf(tail, sizeof tail, "&count=2%s%.60s", zone ? "&timezone=" : "", zone ? zone : "");
  if (!cli_path(path, sizeof path, "/api/cron/schedule/explain?schedule=", schedule, tail)) return;
  CLI_REPLY_AUTO struct cli_reply reply;
  if (cli_try(d->cli, "GET", path, &reply) != 200) return;
  const json_t *next = json_object_get(reply.json, "next");
  const char *first = json_string_value(json_array_get(next, 0)),
             *second = json_string_value(json_array_get(next, 1));
  if (!first || !second || !instant_from_text(str_of(first), &first_ms) ||
      !instant_from_text(str_of(second), &second_ms))
    return;
  int64_t interval_ms = second_ms - first_ms;
  if (2 * took_ms <= interval_ms) return;
  char took[40], interval[40];
  tell(d, WARNING, name, "its runs take up to %s, more than half of its interval of %s",
       cli_duration(took_ms, took), cli_duration(interval_ms, interval));
}

static void check_job(struct doctor *d, const char *name) {
  char path[CLI_PATH_BYTES_MAX], next[40], started[40], timeout[40];
  if (!cli_path(path, sizeof path, "/api/cron/jobs/", name, "")) return;
  CLI_REPLY_AUTO struct cli_reply job = {};
  if (cli_try(d->cli, "GET", path, &job) != 200)
    return tell(d, WRONG, name, "there is no such job, or no access to it");
  CLI_REPLY_AUTO struct cli_reply why = {};
  (void)cli_path(path, sizeof path, "/api/cron/jobs/", name, "/why");
  bool has_why = cli_try(d->cli, "GET", path, &why) == 200;
  bool is_active = json_bool_at(job.json, "isActive", true);
  int64_t timeout_s = json_int_at(job.json, "timeout", 0);
  tell(d, is_active ? FINE : WRONG, name, "%s",
       has_why && cli_text(why.json, "text") ? cli_text(why.json, "text") : "on record");
  tell(d, FINE, name, "schedule %s, timeout %s, next run %s", cli_text(job.json, "schedule"),
       timeout_s ? cli_duration(timeout_s * 1000, timeout) : "by the settings",
       cli_instant(job.json, "nextRunAt", next));
  if (has_why && cli_text(why.json, "lastText"))
    tell(d, FINE, name, "last due instant: %s", cli_text(why.json, "lastText"));
  const json_t *last = json_object_get(job.json, "lastExecution");
  if (json_is_object(last))
    tell(d, FINE, name, "last run %s at %s%s%.300s", cli_text(last, "status"),
         cli_instant(last, "startedAt", started), cli_text(last, "errorMessage") ? ": " : "",
         cli_text(last, "errorMessage") ? cli_text(last, "errorMessage") : "");
  check_interval(d, name, job.json, check_duration(d, name));
}

int verb_doctor(int argc, char **argv) {
  struct cli c = {};
  struct doctor d = {.cli = &c};
  int code = cli_begin(&c, argc, argv, NULL, help);
  if (code >= 0) return code;
  check_config(&d);
  check_folder(&d);
  check_clock(&d);
  check_zones(&d);
  if (check_server(&d)) {
    check_settings(&d);
    if (c.argc > 0) check_start(&d);
    check_live(&d);
    check_database(&d);
    check_audit(&d);
    for (int i = 0; i < c.argc; i++) {
      bool is_worlds = strcmp(c.argv[i], "worlds") == 0;
      if (is_worlds) check_worlds(&d);
      check_job(&d, is_worlds ? "auto-pause" : c.argv[i]);
    }
  }
  if (!c.is_json) (void)printf("%s\n", d.wrong ? "something is wrong" : "nothing is wrong");
  cli_end(&c);
  return d.wrong ? 1 : CLI_OK;
}
