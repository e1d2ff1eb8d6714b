/* The verbs of `sereno worlds` that are more than one request of the table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli_worlds.h"
#include "sys/os_file.h"

#define W "/api/worlds/"

/* One request by this template, and its answer told. Takes the body. */
static int send_and_tell(struct world_cli *w, const char *method, const char *template, json_t *body) {
  char path[CLI_PATH_BYTES_MAX];
  int code = world_path(w, template, path, sizeof path);
  if (code >= 0) {
    json_decref(body);
    return code;
  }
  CLI_REPLY_AUTO struct cli_reply reply = {};
  code = world_send(w, method, path, body, &reply);
  if (code == CLI_OK) world_print(w, reply.json);
  return code;
}

/* One answer: JSON keeps its totals. */
int world_trend(struct world_cli *w) {
  static const struct cli_column columns[] = {{"DAY", "day", CLI_COLUMN_TEXT},
                                              {"PAUSED", "paused", CLI_COLUMN_VALUE},
                                              {"RESUMED", "resumed", CLI_COLUMN_VALUE},
                                              {"ARCHIVED", "archived", CLI_COLUMN_VALUE},
                                              {"MARKED", "marked", CLI_COLUMN_VALUE},
                                              {"DELETED", "deleted", CLI_COLUMN_VALUE},
                                              {"ASLEEP", "pausedWorlds", CLI_COLUMN_VALUE},
                                              {"SAVED USD", "savedUSD", CLI_COLUMN_VALUE},
                                              {}};
  char path[CLI_PATH_BYTES_MAX] = "/api/admin/worlds/trend";
  const char *days = world_flag(w, "days");
  if (days && !cli_path(path, sizeof path, "/api/admin/worlds/trend?days=", days, ""))
    return cli_fail(&w->c, CLI_USAGE, "--days is too long");
  if (w->c.is_json) return send_and_tell(w, "GET", path, NULL);
  return cli_list(&w->c, path, columns, 0);
}

/* A table, or what the server answers to the user that --as names. */
static int list_rows(struct world_cli *w, const char *template, const struct cli_column *columns) {
  char path[CLI_PATH_BYTES_MAX];
  if (world_flag(w, "as")) return send_and_tell(w, "GET", template, NULL);
  int code = world_path(w, template, path, sizeof path);
  if (code >= 0) return code;
  (void)snprintf(path + strlen(path), sizeof path - strlen(path), "%climit=200",
                 strchr(path, '?') ? '&' : '?');
  return cli_list(&w->c, path, columns, 0);
}

static const struct cli_column member_columns[] = {{"USER", "userId", CLI_COLUMN_TEXT},
                                                   {"LAST ACTIVE", "lastActiveAt", CLI_COLUMN_INSTANT},
                                                   {}};
static const struct cli_column event_columns[] = {{"ID", "id", CLI_COLUMN_TEXT},
                                                  {"TYPE", "type", CLI_COLUMN_TEXT},
                                                  {"STATUS", "status", CLI_COLUMN_TEXT},
                                                  {"SCHEDULED", "scheduledAt", CLI_COLUMN_INSTANT},
                                                  {"CREATED", "createdAt", CLI_COLUMN_INSTANT},
                                                  {"TEXT", "text", CLI_COLUMN_TEXT},
                                                  {}};
static const struct cli_column summary_columns[] = {{"ID", "id", CLI_COLUMN_TEXT},
                                                    {"LEVEL", "level", CLI_COLUMN_VALUE},
                                                    {"FROM", "fromTurn", CLI_COLUMN_VALUE},
                                                    {"TO", "toTurn", CLI_COLUMN_VALUE},
                                                    {"PINNED", "isPinned", CLI_COLUMN_VALUE},
                                                    {"TEXT", "text", CLI_COLUMN_TEXT},
                                                    {}};
static const struct cli_column segment_columns[] = {{"FROM", "fromTurn", CLI_COLUMN_VALUE},
                                                    {"TO", "toTurn", CLI_COLUMN_VALUE},
                                                    {"COUNT", "count", CLI_COLUMN_VALUE},
                                                    {"BYTES", "bytes", CLI_COLUMN_VALUE},
                                                    {"STORED", "storedBytes", CLI_COLUMN_VALUE},
                                                    {"CREATED", "createdAt", CLI_COLUMN_INSTANT},
                                                    {}};

/* `sereno worlds members ID [add USER]`: the word takes the place of nothing, so the path sees ID USER. */
static bool take_word(struct world_cli *w, const char *word) {
  if (w->c.argc < 2 || strcmp(w->c.argv[1], word) != 0) return false;
  for (int i = 1; i + 1 < w->c.argc; i++) w->c.argv[i] = w->c.argv[i + 1];
  w->c.argc--;
  return true;
}

static int usage(struct world_cli *w) {
  return cli_fail(&w->c, CLI_USAGE, "write: sereno worlds %s %s", w->verb->name, w->verb->usage);
}

int world_favorite(struct world_cli *w) {
  bool on = world_has(w, "on"), off = world_has(w, "off");
  if (on && off) return usage(w);
  return send_and_tell(w, on ? "PUT" : off ? "DELETE" : "POST", W ":/favorite", NULL);
}

int world_vacation(struct world_cli *w) {
  const char *until = world_flag(w, "until");
  if ((until != NULL) == world_has(w, "end")) return usage(w);
  return send_and_tell(w, until ? "POST" : "DELETE", W ":/vacation",
                       until ? json_pack("{s:s}", "until", until) : NULL);
}

int world_why(struct world_cli *w) {
  static const struct cli_column columns[] = {
      {"WORLD", "worldId", CLI_COLUMN_TEXT},           {"WHY", "why", CLI_COLUMN_WHY},
      {"REASON", "reason", CLI_COLUMN_TEXT},           {"IDLE HOURS", "idleHours", CLI_COLUMN_VALUE},
      {"NEXT STEP", "nextStepAt", CLI_COLUMN_INSTANT}, {}};
  char path[CLI_PATH_BYTES_MAX];
  const char *limit = world_flag(w, "limit");
  if (w->c.argc == 1) return limit ? usage(w) : send_and_tell(w, "GET", W ":/should-pause", NULL);
  if (!cli_path(path, sizeof path, "/api/admin/worlds/why?limit=", limit ? limit : "100", ""))
    return usage(w);
  return cli_list(&w->c, path, columns, 0);
}

/* What auto-pause did, or in a dry run would do. */
static void tell_pauses(const json_t *result) {
  static const struct {
    const char *key, *words;
  } lines[] = {
      {"newlyPaused", "paused"},
      {"escalatedTo7d", "archived, a week idle"},
      {"escalatedTo30d", "marked for deletion, a month idle"},
      {"released", "marks taken back"},
      {"skippedFavorites", "left: favourites"},
      {"skippedWithEvents", "left: a story event is to come"},
      {"skippedMembers", "left: a member is active"},
      {"busy", "left: somebody else is moving them"},
      {"failed", "failed"},
      {"mailsQueued", "mails queued"},
  };
  const json_t *stats = json_object_get(result, "stats"), *id;
  size_t i;
  (void)printf("%s%lld running worlds looked at\n", json_bool_at(result, "dryRun", false) ? "dry run: " : "",
               (long long)json_int_at(result, "worldsEvaluated", 0));
  for (i = 0; i < sizeof lines / sizeof *lines; i++)
    (void)printf("%8lld  %s\n", (long long)json_int_at(stats, lines[i].key, 0), lines[i].words);
  json_array_foreach(json_object_get(stats, "failedWorldIds"), i, id) {
    (void)printf("failed: ");
    cli_print_output(str_of(json_string_value(id)));
    (void)putchar('\n');
  }
}

int world_job(struct world_cli *w) {
  bool is_pause = strcmp(w->verb->name, "auto-pause") == 0;
  return cli_run_job(&w->c, is_pause ? "auto-pause" : "delete-scheduled-worlds", world_has(w, "dry-run"),
                     is_pause ? tell_pauses : NULL);
}

/* KEY=VALUE: a value that is JSON is that, anything else is text. NULL: said already. */
static json_t *pairs_of(struct world_cli *w, int from) {
  json_t *body = json_object();
  for (int i = from; i < w->c.argc; i++) {
    char *equals = strchr(w->c.argv[i], '=');
    json_t *value = equals ? json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (equals) *equals = '\0';
    if (equals && !value) value = json_string(equals + 1);
    if (equals && value && json_object_set_new(body, w->c.argv[i], value) == 0) continue;
    (void)cli_fail(&w->c, CLI_USAGE, "\"%s\" is no KEY=VALUE", w->c.argv[i]);
    json_decref(body);
    return NULL;
  }
  return body;
}

int world_settings_verb(struct world_cli *w) {
  if (w->c.argc == 0) return send_and_tell(w, "GET", "/api/admin/worlds/settings", NULL);
  json_t *body = pairs_of(w, 0);
  return body ? send_and_tell(w, "PATCH", "/api/admin/worlds/settings", body) : CLI_USAGE;
}

int world_state(struct world_cli *w) {
  if (w->c.argc == 1) return send_and_tell(w, "GET", W ":/state", NULL);
  json_t *core = pairs_of(w, 1);
  return core ? send_and_tell(w, "PUT", W ":/state", json_pack("{s:o}", "core", core)) : CLI_USAGE;
}

int world_live(struct world_cli *w) {
  if (w->c.argc == 0) return send_and_tell(w, "GET", W "status", NULL);
  char path[CLI_PATH_BYTES_MAX];
  int code = world_path(w, W ":", path, sizeof path);
  if (code >= 0) return code;
  CLI_REPLY_AUTO struct cli_reply reply = {};
  code = world_send(w, "GET", path, NULL, &reply);
  const json_t *live = json_object_get(reply.json, "live");
  if (code == CLI_OK && live) world_print(w, live);
  return code;
}

int world_members(struct world_cli *w) {
  if (take_word(w, "add")) return w->c.argc == 2 ? send_and_tell(w, "PUT", W ":/members/:", NULL) : usage(w);
  if (take_word(w, "rm"))
    return w->c.argc == 2 ? send_and_tell(w, "DELETE", W ":/members/:", NULL) : usage(w);
  return w->c.argc == 1 ? list_rows(w, W ":/members", member_columns) : usage(w);
}

static json_t *event_of(const struct world_cli *w) {
  json_t *body = json_pack("{s:s}", "text", w->c.argv[1]);
  json_object_set_new(body, "scheduledAt", json_string(world_flag(w, "at")));
  const char *type = world_flag(w, "type");
  json_object_set_new(body, "type", json_string(type ? type : "planned"));
  return body;
}

int world_events(struct world_cli *w) {
  if (take_word(w, "add"))
    return w->c.argc == 2 && world_flag(w, "at") ? send_and_tell(w, "POST", W ":/events", event_of(w))
                                                 : usage(w);
  if (take_word(w, "rm")) return w->c.argc == 2 ? send_and_tell(w, "DELETE", W ":/events/:", NULL) : usage(w);
  return w->c.argc == 1 ? list_rows(w, W ":/events", event_columns) : usage(w);
}

int world_summaries(struct world_cli *w) {
  const char *text = world_flag(w, "text");
  bool pinned = world_has(w, "pinned");
  if (!take_word(w, "edit"))
    return w->c.argc == 1 ? list_rows(w, W ":/summaries", summary_columns) : usage(w);
  if (w->c.argc != 2 || (!text && !pinned)) return usage(w);
  json_t *body = json_object();
  if (text) json_object_set_new(body, "text", json_string(text));
  if (pinned) json_object_set_new(body, "isPinned", json_true());
  return send_and_tell(w, "PATCH", W ":/summaries/:", body);
}

/* ---- bytes ---- */

static int write_out(struct world_cli *w, const char *file, const struct cli_reply *reply) {
  struct err_detail detail = {};
  if (!file || strcmp(file, "-") == 0)
    return fwrite(reply->body.ptr, 1, reply->body.len, stdout) == reply->body.len
               ? CLI_OK
               : cli_fail(&w->c, CLI_REFUSED, "stdout cannot be written");
  enum err e = os_write_file(file, buf_str(&reply->body), 0600, &detail);
  if (e != ERR_OK) return cli_fail_detail(&w->c, e, &detail);
  (void)fprintf(stderr, "%s: %zu bytes\n", file, reply->body.len);
  return CLI_OK;
}

static int fetch(struct world_cli *w, const char *template, const char *file) {
  char path[CLI_PATH_BYTES_MAX];
  int code = world_path(w, template, path, sizeof path);
  if (code >= 0) return code;
  CLI_REPLY_AUTO struct cli_reply reply = {};
  code = world_send(w, "GET", path, NULL, &reply);
  return code == CLI_OK ? write_out(w, file, &reply) : code;
}

int world_archive(struct world_cli *w) {
  if (take_word(w, "cat")) return w->c.argc == 2 ? fetch(w, W ":/archive/:", NULL) : usage(w);
  if (!take_word(w, "restore"))
    return w->c.argc == 1 ? list_rows(w, W ":/archive", segment_columns) : usage(w);
  int64_t turn;
  json_t *body = json_object();
  if (w->c.argc == 2 && str_to_int(str_of(w->c.argv[1]), 0, INT64_MAX, &turn))
    json_object_set_new(body, "fromTurn", json_integer(turn));
  if (w->c.argc > 2 || (size_t)w->c.argc != json_object_size(body) + 1) return json_decref(body), usage(w);
  return send_and_tell(w, "POST", W ":/archive/restore", body);
}

int world_export(struct world_cli *w) {
  char file[300];
  const char *output = world_flag(w, "output");
  (void)snprintf(file, sizeof file, "%.200s.json.zst", w->c.argv[0]);
  return fetch(w, W ":/export", output ? output : file);
}

int world_import(struct world_cli *w) {
  struct err_detail detail = {};
  BUF_AUTO struct buf bytes = buf_new(CLI_BODY_BYTES_MAX);
  enum err e = os_read_file(strcmp(w->c.argv[0], "-") == 0 ? "/dev/stdin" : w->c.argv[0], &bytes, &detail);
  if (e != ERR_OK) return cli_fail_detail(&w->c, e, &detail);
  CLI_REPLY_AUTO struct cli_reply reply = {};
  int code = cli_upload(&w->c, W "import", buf_str(&bytes), "application/zstd", &reply);
  if (code == CLI_OK) world_print(w, reply.json);
  return code;
}

int world_erase(struct world_cli *w) {
  if (!world_has(w, "yes"))
    return cli_fail(&w->c, CLI_USAGE, "this cannot be undone; sereno worlds export first, then say --yes");
  return send_and_tell(w, "DELETE", W ":", NULL);
}

/* The whole link or its token; no token of ours is needed for it. */
int world_keep(struct world_cli *w) {
  char path[CLI_PATH_BYTES_MAX];
  const char *at = strstr(w->c.argv[0], "token="), *token = at ? at + 6 : w->c.argv[0];
  if (!cli_path(path, sizeof path, W "keep?token=", token, "")) return usage(w);
  CLI_REPLY_AUTO struct cli_reply reply = {};
  int code = world_send(w, "POST", path, NULL, &reply);
  if (code == CLI_OK) world_print(w, reply.json);
  return code;
}
