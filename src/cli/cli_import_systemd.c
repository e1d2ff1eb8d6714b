/* `sereno import FILE.timer…`: a systemd timer with OnCalendar= and the service beside it become a job of the shell
 * executor. What a job has no place for is told, not guessed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "base/json.h"
#include "cli/cli_import_foreign.h"
#include "cli/systemd_calendar.h"
#include "sys/os_file.h"

#define UNIT_BYTES_MAX 65536

struct unit_pair { /* of a timer and its service */
  struct buf schedule, command;
  char zone[128], service[300], user[100];
  bool is_persistent;
  int64_t splay_s;
};

typedef enum err setting_fn(struct unit_pair *u, struct str key, struct str value, struct err_detail *d);

static enum err read_unit(const char *file, setting_fn *fn, struct unit_pair *u, struct err_detail *d) {
  BUF_AUTO struct buf text = buf_new(UNIT_BYTES_MAX);
  TRY(os_read_file(file, &text, d));
  struct str rest = buf_str(&text), line;
  for (int n = 1; rest.ptr && rest.len && str_split(&rest, '\n', &line); n++) {
    struct str one = str_trim(line);
    size_t equals = str_find_char(one, '=');
    if (one.len == 0 || strchr("#;[", one.ptr[0]) || equals == SIZE_MAX) continue;
    enum err e = fn(u, str_trim((struct str){one.ptr, equals}), str_trim(str_from(one, equals + 1)), d);
    if (e != ERR_OK) d->line = n;
    TRY(e);
  }
  return ERR_OK;
}

static enum err add_calendar(struct unit_pair *u, struct str value, struct err_detail *d) {
  struct str zone;
  if (value.len == 0) { /* an empty one takes those before it back */
    buf_clear(&u->schedule);
    return ERR_OK;
  }
  bool is_first = u->schedule.len == 0;
  if (!is_first) buf_add_text(&u->schedule, " | ");
  TRY(systemd_calendar(value, &u->schedule, &zone, d));
  if (!is_first && !str_eq(zone, str_of(u->zone[0] ? u->zone : NULL)))
    return err_set(d, ERR_INVALID, "OnCalendar", 0, "the zones of one timer differ");
  return str_copy(u->zone, sizeof u->zone, zone) ? ERR_OK : ERR_LIMIT;
}

static enum err take_timer(struct unit_pair *u, struct str key, struct str value, struct err_detail *d) {
  int64_t ms;
  if (str_eq(key, STR("OnCalendar"))) return add_calendar(u, value, d);
  if (str_eq(key, STR("Unit"))) (void)str_copy(u->service, sizeof u->service, value);
  else if (str_eq(key, STR("Persistent")))
    u->is_persistent = str_eq(value, STR("true")) || str_eq(value, STR("yes"));
  else if (str_eq(key, STR("RandomizedDelaySec")) && duration_from_text(value, &ms)) u->splay_s = ms / 1000;
  else if (str_starts(key, STR("On")) && str_ends(key, STR("Sec")))
    return err_set(d, ERR_INVALID, "OnCalendar", 0,
                   "%.*s= counts from a start; write the job by hand with @every", STR_ARG(key));
  return ERR_OK;
}

static enum err take_service(struct unit_pair *u, struct str key, struct str value, struct err_detail *d) {
  (void)d;
  if (str_eq(key, STR("ExecStart"))) {
    while (value.len && strchr("-@:+!", value.ptr[0])) value = str_from(value, 1);
    if (u->command.len && value.len) buf_add_text(&u->command, " && ");
    buf_add_str(&u->command, value);
  } else if (str_eq(key, STR("User"))) {
    (void)str_copy(u->user, sizeof u->user, value);
  } else if (str_starts(key, STR("Environment")) || str_eq(key, STR("WorkingDirectory")) ||
             str_starts(key, STR("ExecStartP"))) {
    (void)fprintf(stderr, "  %.*s= is not taken over\n", STR_ARG(key));
  }
  return ERR_OK;
}

/* "/etc/systemd/system/backup.timer" → "backup"; the service lies beside it unless Unit= names another. */
static void names_of(const char *file, struct unit_pair *u, char *name, char *service, size_t size) {
  const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
  int folder = slash ? (int)(slash - file + 1) : 0;
  (void)snprintf(name, size, "%.*s", (int)(strlen(base) - strlen(".timer")), base);
  if (u->service[0]) (void)snprintf(service, size, "%.*s%s", folder < 600 ? folder : 600, file, u->service);
  else (void)snprintf(service, size, "%.*s%.300s.service", folder < 600 ? folder : 600, file, name);
}

static json_t *job_of(const struct unit_pair *u, const char *name, const struct foreign_args *a) {
  char full[1200];
  (void)snprintf(full, sizeof full, "%s%s", a->prefix ? a->prefix : "", name);
  json_t *body =
      json_pack("{s:s,s:s%,s:s,s:{s:s%},s:s,s:{s:s}}", "name", full, "schedule", u->schedule.ptr,
                u->schedule.len, "command", "shell", "params", "command", u->command.ptr, u->command.len,
                "misfirePolicy", u->is_persistent ? "last" : "none", "labels", "source", "systemd");
  const char *zone = u->zone[0] ? u->zone : a->zone;
  if (zone) json_object_set_new(body, "timezone", json_string(zone));
  if (u->splay_s > 0) json_object_set_new(body, "splay", json_integer(u->splay_s));
  if (u->user[0] && strcmp(u->user, "root") != 0) json_object_set_new(body, "runAs", json_string(u->user));
  return body;
}

static int import_timer(struct cli *c, const struct foreign_args *a, const char *file) {
  char name[1000], service[1000];
  BUF_AUTO struct buf schedule = buf_new(1000), command = buf_new(UNIT_BYTES_MAX);
  struct unit_pair u = {.schedule = schedule, .command = command};
  struct err_detail d = {};
  enum err e = read_unit(file, take_timer, &u, &d);
  if (e == ERR_OK && u.schedule.len == 0) e = err_set(&d, ERR_INVALID, "OnCalendar", 0, "there is none");
  if (e == ERR_OK) names_of(file, &u, name, service, sizeof name);
  if (e == ERR_OK) e = read_unit(service, take_service, &u, &d);
  if (e == ERR_OK && u.command.len == 0)
    e = err_set(&d, ERR_INVALID, "ExecStart", 0, "%.200s has none", service);
  int code = e == ERR_OK ? CLI_OK : ((void)fprintf(stderr, "%s: ", file), cli_fail_detail(c, e, &d));
  JSON_AUTO json_t *body = e == ERR_OK ? job_of(&u, name, a) : NULL;
  if (body) code = cli_import_job(c, a, body);
  schedule = u.schedule, command = u.command; /* freed by their cleanup */
  return code;
}

bool cli_is_timer(const char *file) { return str_ends(str_of(file), STR(".timer")); }

int cli_import_timers(struct cli *c, const struct foreign_args *a) {
  int result = CLI_OK;
  for (int i = 0; i < c->argc; i++) {
    int code = cli_is_timer(c->argv[i]) ? import_timer(c, a, c->argv[i])
                                        : cli_fail(c, CLI_USAGE, "%s is no .timer", c->argv[i]);
    if (code == CLI_REFUSED) return code;
    if (code != CLI_OK) result = CLI_CONFLICT;
  }
  return result;
}
