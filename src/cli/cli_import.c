/* `sereno import crontab FILE`: each line becomes a job of the shell executor, with a proof that it fires when
 * cron would. Files of other services: cli_import_foreign.c. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/instant.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/cli_import_foreign.h"
#include "cli/cli_verbs.h"
#include "cli/crontab.h"
#include "cli/crontab_proof.h"
#include "sys/os_file.h"
#include "sys/world.h"

#define ZONE_LINK "/etc/localtime"
#define NO_TIMEOUT_S 31536000 /* cron never ends a job; a year is the greatest timeout there is */

static const char help[] =
    "sereno import crontab FILE [--dry-run] [--user | --system] [--tz ZONE] [--prefix TEXT] [--replace]\n"
    "\n"
    "FILE is a crontab, or - for stdin (crontab -l | sereno import crontab -). Each line becomes a job\n"
    "that keeps cron's rules: it may overlap itself, nothing is caught up, nothing ends it.\n"
    "  --dry-run      only show what each line would become, with the proof; needs no server\n"
    "  --user         a user's table, without the user column\n"
    "  --system       a system table with it; default for /etc/crontab and /etc/cron.d\n"
    "  --tz ZONE      where no CRON_TZ stands; default the machine's zone\n"
    "  --prefix TEXT  before each job's name\n"
    "  --replace      jobs of the same name get the new definition; otherwise they are refused\n"
    "\n"
    "The proof compares the next 500 firings by the scheduler with an independent reading of the line.\n"
    "Exit code 5 when a line was refused or could not be proven.\n"
    "\n"
    "sereno import vercel.json [--base https://HOST] [--dry-run] [--prefix TEXT] [--replace]\n"
    "sereno import .github/workflows/FILE.yml [--dry-run] [--prefix TEXT] [--replace]\n"
    "\n"
    "Each cron becomes a job in UTC. The paths /api/cron/auto-pause-worlds and "
    "/api/cron/delete-scheduled-worlds\n"
    "are the jobs auto-pause and delete-scheduled-worlds, which get the schedule; any other path becomes an "
    "http\n"
    "job, with CRON_SECRET of the environment as its bearer token.\n"
    "  --base URL     what stands before the paths of vercel.json\n"
    "\n"
    "sereno import FILE.timer… [--dry-run] [--tz ZONE] [--prefix TEXT] [--replace]\n"
    "\n"
    "A systemd timer with OnCalendar= and the service beside it become a shell job.\n";

struct importing {
  struct cli *cli;
  bool dry_run, is_user, is_system, replace;
  const char *tz, *prefix, *base;
  char machine_tz[TZ_NAME_MAX + 1], me[64];
  struct tzdb *zones;
  int64_t now_ms;
  size_t imported, refused, unproven;
  struct cli_table table;
};

static void find_machine_zone(struct importing *im) {
  char path[512];
  ssize_t n = readlink(ZONE_LINK, path, sizeof path - 1);
  path[n > 0 ? n : 0] = '\0';
  const char *at = strstr(path, "zoneinfo/");
  (void)snprintf(im->machine_tz, sizeof im->machine_tz, "%s", at ? at + 9 : "UTC");
}

static void find_me(struct importing *im) {
  const struct passwd *me = getpwuid(geteuid());
  (void)snprintf(im->me, sizeof im->me, "%s", me ? me->pw_name : "");
}

static const char *zone_of(const struct importing *im, const struct crontab_job *job) {
  return job->timezone ? job->timezone : im->tz ? im->tz : im->machine_tz;
}

/* ---- one line → a job ---- */

static json_t *labels_of(const struct crontab_job *job, const char *file) {
  char line[16];
  (void)snprintf(line, sizeof line, "%d", job->line);
  json_t *labels = json_pack("{s:s,s:s,s:s}", "source", "crontab", "file", file, "line", line);
  const char *mailto = crontab_variable_of(job, "MAILTO");
  if (mailto) json_object_set_new(labels, "mailto", json_string(mailto));
  if (job->is_quiet) json_object_set_new(labels, "quiet", json_string("true"));
  return labels;
}

static json_t *body_of(const struct importing *im, const struct crontab_job *job, const char *file) {
  BUF_AUTO struct buf params = buf_new(CLI_BODY_BYTES_MAX);
  struct json_writer w = jw_new(&params);
  crontab_params_to_json(job, &w);
  json_t *parsed = NULL;
  if (json_parse(buf_str(&params), &parsed, NULL) != ERR_OK) return NULL;
  char name[400];
  (void)snprintf(name, sizeof name, "%s%s", im->prefix ? im->prefix : "", job->name);
  json_t *body = json_pack("{s:s,s:s,s:s,s:o,s:s,s:b,s:s,s:i,s:b,s:i,s:o}", "name", name, "schedule",
                           job->schedule, "command", "shell", "params", parsed, "timezone", zone_of(im, job),
                           "allowConcurrent", 1, "misfirePolicy", "none", "timeout", NO_TIMEOUT_S,
                           "noNewPrivs", 0, "retries", 0, "labels", labels_of(job, file));
  if (job->description) json_object_set_new(body, "description", json_string(job->description));
  if (job->random_delay_minutes > 0)
    json_object_set_new(body, "splay", json_integer(60 * job->random_delay_minutes));
  if (job->user && strcmp(job->user, im->me) != 0) json_object_set_new(body, "runAs", json_string(job->user));
  return body;
}

/* ---- telling ---- */

static void proof_text(const struct crontab_proof *p, char *ret, size_t size) {
  if (p->unproven) (void)snprintf(ret, size, "%s", p->unproven);
  else if (!p->agrees)
    (void)snprintf(ret, size, "DIFFERS after %d: %s here, %s by the other reading", p->compared,
                   p->engine_ms == INSTANT_NEVER ? "never" : instant_to_text_seconds(p->engine_ms).text,
                   p->witness_ms == INSTANT_NEVER ? "never" : instant_to_text_seconds(p->witness_ms).text);
  else if (p->compared == 0) (void)snprintf(ret, size, "both readings: it never fires");
  else if (p->engine_ms == INSTANT_NEVER) (void)snprintf(ret, size, "all %d firings agree", p->compared);
  else
    (void)snprintf(ret, size, "%d firings agree, until %.10s", p->compared,
                   instant_to_text_seconds(p->engine_ms).text);
}

static void tell(struct importing *im, const struct crontab_job *job, const char *what, bool is_good,
                 const char *proof, const json_t *body) {
  if (im->cli->is_json) {
    json_t *row = json_pack("{s:i,s:s,s:s,s:b,s:s}", "line", job->line, "name", job->name, "what", what, "ok",
                            is_good, "proof", proof);
    if (body) json_object_set(row, "job", (json_t *)(uintptr_t)body);
    cli_print_json(row);
    json_decref(row);
    return;
  }
  char line[16];
  (void)snprintf(line, sizeof line, "%d", job->line);
  cli_table_add(&im->table, CLI_PLAIN, line);
  cli_table_add(&im->table, CLI_PLAIN, job->name);
  cli_table_add(&im->table, CLI_PLAIN, job->schedule);
  cli_table_add(&im->table, CLI_PLAIN, zone_of(im, job));
  cli_table_add(&im->table, is_good ? CLI_GREEN : CLI_RED, what);
  cli_table_add(&im->table, CLI_PLAIN, proof);
}

static void tell_notes(const struct importing *im, const struct crontab *tab) {
  for (size_t i = 0; i < tab->note_count; i++) {
    const struct crontab_note *n = &tab->notes[i];
    if (im->cli->is_json) {
      json_t *row = json_pack("{s:i,s:i,s:b,s:s,s:s}", "line", n->line, "column", n->column, "refused",
                              n->is_refusal, "note", n->message, "hint", n->hint);
      cli_print_json(row);
      json_decref(row);
      continue;
    }
    (void)fprintf(stderr, "line %d%s: %s%s%s%s\n", n->line, n->is_refusal ? " refused" : "", n->message,
                  n->hint[0] ? " (" : "", n->hint, n->hint[0] ? ")" : "");
  }
}

/* ---- sending ---- */

static int send_job(struct importing *im, const json_t *body, char *ret_what, size_t size) {
  char *text = json_to_text(body), path[CLI_PATH_BYTES_MAX];
  const char *name = cli_text(body, "name");
  CLI_REPLY_AUTO struct cli_reply reply = {};
  int code = CLI_OK;
  bool exists = false;
  if (im->replace && cli_path(path, sizeof path, "/api/cron/jobs/", name, "")) {
    CLI_REPLY_AUTO struct cli_reply old;
    exists = cli_try(im->cli, "GET", path, &old) == 200;
  }
  code = exists ? cli_call(im->cli, "PATCH", path, text, &reply)
                : cli_call(im->cli, "POST", "/api/cron/jobs", text, &reply);
  (void)snprintf(ret_what, size, code != CLI_OK ? "refused" : exists ? "replaced" : "imported");
  free(text);
  return code;
}

/* A server that does not answer ends the import; a refused line does not. */
static int import_job(struct importing *im, const struct crontab_job *job, const char *file) {
  struct crontab_proof proof = {};
  struct err_detail detail = {};
  char proven[200], what[40] = "would be imported";
  enum err e = crontab_prove(job, im->zones, str_of(zone_of(im, job)), im->now_ms, &proof, &detail);
  if (e != ERR_OK) {
    (void)snprintf(proven, sizeof proven, "%.190s", detail.message);
    im->refused++;
    tell(im, job, "refused", false, proven, NULL);
    return CLI_OK;
  }
  proof_text(&proof, proven, sizeof proven);
  bool is_proven = proof.agrees;
  JSON_AUTO json_t *body = body_of(im, job, file);
  if (!body) return cli_fail(im->cli, CLI_USAGE, "line %d is too long", job->line);
  int code = CLI_OK;
  if (!is_proven) (void)snprintf(what, sizeof what, "refused");
  else if (!im->dry_run) code = send_job(im, body, what, sizeof what);
  im->unproven += !is_proven;
  im->refused += code != CLI_OK;
  im->imported += code == CLI_OK && is_proven;
  if (code != CLI_OK)
    (void)fprintf(stderr, "  line %d, %s%s\n", job->line, job->name,
                  code == CLI_CONFLICT ? ": --replace gives that job this definition" : "");
  tell(im, job, what, code == CLI_OK && is_proven, proven, body);
  return code == CLI_REFUSED ? code : CLI_OK;
}

static int import_all(struct importing *im, const struct crontab *tab, const char *file) {
  static const char *const headers[] = {"LINE", "NAME", "SCHEDULE", "ZONE", "BECAME", "PROOF", NULL};
  int code = CLI_OK;
  if (!im->cli->is_json) cli_table_begin(&im->table, im->cli, headers);
  for (size_t i = 0; code == CLI_OK && i < tab->job_count; i++) code = import_job(im, &tab->jobs[i], file);
  if (!im->cli->is_json) cli_table_end(&im->table);
  tell_notes(im, tab);
  im->refused += tab->refusal_count;
  if (!im->cli->is_json)
    (void)printf("%zu %s, %zu refused, %zu not proven\n", im->imported,
                 im->dry_run ? "would be imported" : "imported", im->refused, im->unproven);
  if (code != CLI_OK) return code;
  return im->refused + im->unproven > 0 ? CLI_CONFLICT : CLI_OK;
}

static int import_file(struct importing *im, const char *file) {
  bool is_etc = strcmp(file, "/etc/crontab") == 0 || strncmp(file, "/etc/cron.d/", 12) == 0;
  bool is_system = im->is_system || (is_etc && !im->is_user);
  struct err_detail detail = {};
  struct crontab *tab = NULL;
  BUF_AUTO struct buf text = buf_new(CRONTAB_BYTES_MAX);
  enum err e = os_read_file(strcmp(file, "-") == 0 ? "/dev/stdin" : file, &text, &detail);
  if (e == ERR_OK)
    e = crontab_read(buf_str(&text), is_system ? CRONTAB_SYSTEM : CRONTAB_USER, im->zones, &tab, &detail);
  if (e != ERR_OK) return cli_fail_detail(im->cli, e, &detail);
  int code = import_all(im, tab, file);
  crontab_free(tab);
  return code;
}

static int import_foreign(const struct importing *im) {
  const struct foreign_args a = {im->dry_run, im->replace, im->prefix, im->base,
                                 im->tz ? im->tz : im->machine_tz};
  if (cli_is_timer(im->cli->argv[0])) return cli_import_timers(im->cli, &a);
  if (im->is_user || im->is_system || im->tz)
    return cli_fail(im->cli, CLI_USAGE, "--user, --system and --tz are for crontabs; these files mean UTC");
  return cli_import_foreign(im->cli, &a, im->cli->argv[0]);
}

int cli_import(int argc, char **argv) {
  struct cli c = {};
  struct importing im = {.cli = &c};
  const struct cli_flag flags[] = {CLI_BOOL("dry-run", &im.dry_run),
                                   CLI_BOOL("user", &im.is_user),
                                   CLI_BOOL("system", &im.is_system),
                                   CLI_BOOL("replace", &im.replace),
                                   CLI_TEXT("tz", &im.tz),
                                   CLI_TEXT("prefix", &im.prefix),
                                   CLI_TEXT("base", &im.base),
                                   CLI_FLAGS_END};
  int code = cli_begin(&c, argc, argv, flags, help);
  if (code >= 0) return code;
  find_machine_zone(&im);
  if (c.argc >= 1 && (cli_is_timer(c.argv[0]) || (c.argc == 1 && cli_is_foreign(c.argv[0])))) {
    code = import_foreign(&im);
    cli_end(&c);
    return code;
  }
  bool is_right = c.argc == 2 && strcmp(c.argv[0], "crontab") == 0 && !(im.is_user && im.is_system);
  find_me(&im);
  im.now_ms = world_now_ms(world_real());
  if (!is_right) code = cli_usage(&c, help);
  else if (tzdb_new(NULL, &im.zones) != ERR_OK) code = cli_fail(&c, CLI_REFUSED, "out of memory");
  else code = import_file(&im, c.argv[1]);
  tzdb_free(im.zones);
  cli_end(&c);
  return code;
}
