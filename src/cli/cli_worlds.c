/* `sereno worlds …`: one table of verbs, each with its request; the few that do more have a function in
 * cli_worlds_more.c. */
#include "cli/cli_worlds.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli_verbs.h"

/* ---- the table ---- */

static const struct cli_column world_columns[] = {{"ID", "id", CLI_COLUMN_TEXT},
                                                  {"NAME", "name", CLI_COLUMN_TEXT},
                                                  {"OWNER", "ownerId", CLI_COLUMN_TEXT},
                                                  {"STATUS", "status", CLI_COLUMN_TEXT},
                                                  {"REASON", "pauseReason", CLI_COLUMN_TEXT},
                                                  {"FAVOURITE", "isFavorite", CLI_COLUMN_VALUE},
                                                  {"LAST ACTIVE", "lastActiveAt", CLI_COLUMN_INSTANT},
                                                  {"DELETION", "scheduledDeletion", CLI_COLUMN_INSTANT},
                                                  {}};
static const struct cli_column history_columns[] = {{"AT", "at", CLI_COLUMN_INSTANT},
                                                    {"WHO", "actor", CLI_COLUMN_TEXT},
                                                    {"WHAT", "action", CLI_COLUMN_TEXT},
                                                    {"DETAIL", "detail", CLI_COLUMN_VALUE},
                                                    {}};
static const struct cli_column mail_columns[] = {{"CREATED", "createdAt", CLI_COLUMN_INSTANT},
                                                 {"WORLD", "worldId", CLI_COLUMN_TEXT},
                                                 {"KIND", "kind", CLI_COLUMN_TEXT},
                                                 {"TO", "address", CLI_COLUMN_TEXT},
                                                 {"SUBJECT", "subject", CLI_COLUMN_TEXT},
                                                 {"SENT", "sentAt", CLI_COLUMN_INSTANT},
                                                 {}};

#define W "/api/worlds/"
#define A "/api/admin/worlds/"
/* clang-format off */
#define FILTER_WORDS_MAX 32
static const struct world_verb verbs[] = {
    {"list", "[FILTER…] [--owner U] [--status S] [--paused | --running]", "worlds, by id; a filter is as in 'status:paused active>7d'", "GET", "/api/worlds", 0, FILTER_WORDS_MAX, "owner status paused:y running=paused:n limit:i", NULL, world_columns, NULL},
    {"show", "ID", "one world with its live state and its next step", "GET", W ":", 1, 1, NULL, NULL, NULL, NULL},
    {"create", "[NAME] [--id ID] [--owner U] [--email E] [--locale es|en] [--story] [--collaborative]", "create a world", "POST", "/api/worlds", 0, 1, "@name id owner=ownerId email=ownerEmail locale story=storyMode:y collaborative=isCollaborative:y", NULL, NULL, NULL},
    {"edit", "ID [--name N] [--owner U] [--email E] [--locale L] [--story]", "change it", "PATCH", W ":", 1, 1, "name owner=ownerId email=ownerEmail locale story=storyMode:y", NULL, NULL, NULL},
    {"message", "ID TEXT [--speaker S] [--place P] [--at INSTANT]", "say something; resumes a paused world", "POST", W ":/message", 2, 2, "@text speaker place at", NULL, NULL, NULL},
    {"activity", "ID", "its user is here", "POST", W ":/activity", 1, 1, "at", NULL, NULL, NULL},
    {"tick", "ID [N]", "its simulation goes on", "POST", W ":/tick", 1, 2, "@n:i", NULL, NULL, NULL},
    {"pause", "ID [--reason manual|system]", "pause it by hand", "POST", W ":/pause", 1, 1, "reason", NULL, NULL, NULL},
    {"resume", "ID", "resume it by hand", "POST", W ":/resume", 1, 1, NULL, NULL, NULL, NULL},
    {"favorite", "ID [--on | --off]", "turn its favourite mark over, or set it", NULL, NULL, 1, 1, NULL, " on off ", NULL, world_favorite},
    {"vacation", "ID --until INSTANT | --end", "pause it until then", NULL, NULL, 1, 1, NULL, " until end ", NULL, world_vacation},
    {"why", "[ID] [--limit N]", "why it is (not) paused", NULL, NULL, 0, 1, NULL, " limit ", NULL, world_why},
    {"auto-pause", "[--dry-run]", "run the job auto-pause now", NULL, NULL, 0, 0, NULL, " dry-run ", NULL, world_job},
    {"delete-scheduled", "[--dry-run]", "run the job delete-scheduled-worlds now", NULL, NULL, 0, 0, NULL, " dry-run ", NULL, world_job},
    {"pause-stats", "", "how many are paused, by reason", "GET", A "pause-stats", 0, 0, NULL, NULL, NULL, NULL},
    {"impact", "", "what pausing has saved", "GET", A "impact", 0, 0, NULL, NULL, NULL, NULL},
    {"trend", "[--days N]", "pauses, resumes, deletions and savings of each day", NULL, NULL, 0, 0, NULL, " days ", NULL, world_trend},
    {"cost-model", "[--worlds N] [--share X]", "what worlds cost, and what idle ones would save", "GET", A "cost-model", 0, 0, "worlds share=inactiveShare", NULL, NULL, NULL},
    {"settings", "[KEY=VALUE…]", "thresholds, prices and limits; set some", NULL, NULL, 0, 40, NULL, NULL, NULL, world_settings_verb},
    {"history", "ID [--limit N]", "what happened to it", "GET", W ":/history", 1, 1, "limit:i", NULL, history_columns, NULL},
    {"narrative", "ID", "narrative metrics and the director's state", "GET", W ":/narrative", 1, 1, NULL, NULL, NULL, NULL},
    {"summaries", "ID [edit SUMMARY --text T | --pinned]", "what it remembers of its archive", NULL, NULL, 1, 3, NULL, " text pinned ", NULL, world_summaries},
    {"context", "ID QUERY [--limit N]", "what fits a question", "GET", W ":/context", 2, 2, "@query limit:i", NULL, NULL, NULL},
    {"archive", "ID [cat TURN | restore [TURN]]", "its archived interactions", NULL, NULL, 1, 3, NULL, NULL, NULL, world_archive},
    {"export", "ID [--output FILE]", "everything there is of it; a zstd file", NULL, NULL, 1, 1, NULL, " output ", NULL, world_export},
    {"import", "FILE", "put an export back", NULL, NULL, 1, 1, NULL, NULL, NULL, world_import},
    {"restore", "BACKUP ID", "put a deleted world back from a system backup (DIR/backups)", "POST", A "restore", 2, 2, "@backup @worldId", NULL, NULL, NULL},
    {"erase", "ID --yes", "erase it everywhere", NULL, NULL, 1, 1, NULL, " yes ", NULL, world_erase},
    {"mails", "[--world ID] [--limit N]", "warnings to owners", "GET", A "mails", 0, 0, "world limit:i", NULL, mail_columns, NULL},
    {"keep", "LINK", "do what the link of a warning does", NULL, NULL, 1, 1, NULL, NULL, NULL, world_keep},
    {"members", "ID [add USER | rm USER]", "who takes part", NULL, NULL, 1, 3, NULL, NULL, NULL, world_members},
    {"events", "ID [add TEXT --at INSTANT [--type T] | rm EVENT]", "story events", NULL, NULL, 1, 3, NULL, " at type ", NULL, world_events},
    {"state", "ID [KEY=JSON…]", "its state; set fields of the core", NULL, NULL, 1, 40, NULL, NULL, NULL, world_state},
    {"live", "[ID]", "what the live state holds of it, or of all", NULL, NULL, 0, 1, NULL, NULL, NULL, world_live},
    {"status", "", "how many of each kind, and the stores", "GET", W "status", 0, 0, NULL, NULL, NULL, NULL},
    {},
};
/* clang-format on */

static const char before_table[] = "sereno worlds VERB [--override] [--as USER]\n\n";
static const char after_table[] =
    "\n"
    "  --override   as an admin, do what is the owner's alone; it is recorded\n"
    "  --as USER    as this end user; needs a service token (scope {\"worlds\":true})\n";

/* ---- flags ---- */

static const char *const text_flags[] = {"id",     "owner", "name",   "email",  "locale",  "reason", "until",
                                         "as",     "limit", "at",     "place",  "share",   "type",   "world",
                                         "worlds", "text",  "output", "status", "speaker", "days"};
static const char *const bool_flags[] = {"override", "dry-run", "on",    "off",           "end",   "yes",
                                         "paused",   "running", "story", "collaborative", "pinned"};
#define TEXT_FLAGS (sizeof text_flags / sizeof *text_flags)
#define BOOL_FLAGS (sizeof bool_flags / sizeof *bool_flags)
static_assert(TEXT_FLAGS <= WORLD_FLAGS_MAX && BOOL_FLAGS <= WORLD_FLAGS_MAX);

const char *world_flag(const struct world_cli *w, const char *name) {
  for (size_t i = 0; i < TEXT_FLAGS; i++)
    if (strcmp(text_flags[i], name) == 0) return w->texts[i];
  return NULL;
}

bool world_has(const struct world_cli *w, const char *name) {
  for (size_t i = 0; i < BOOL_FLAGS; i++)
    if (strcmp(bool_flags[i], name) == 0) return w->bools[i];
  return false;
}

struct field_spec {
  char flag[32], key[32], type;
};

static struct field_spec read_spec(struct str text) {
  struct field_spec s = {.type = 't'};
  size_t colon = str_find_char(text, ':');
  if (colon != SIZE_MAX) s.type = text.ptr[colon + 1], text.len = colon;
  size_t equals = str_find_char(text, '=');
  (void)str_copy(s.flag, sizeof s.flag, (struct str){text.ptr, equals == SIZE_MAX ? text.len : equals});
  (void)str_copy(s.key, sizeof s.key, equals == SIZE_MAX ? text : str_from(text, equals + 1));
  return s;
}

static bool is_taken(const struct world_verb *v, const char *flag) {
  char spaced[40];
  struct str rest = str_of(v->fields ? v->fields : ""), piece;
  (void)snprintf(spaced, sizeof spaced, " %s ", flag);
  if (strcmp(flag, "as") == 0 || strcmp(flag, "override") == 0) return true;
  if (v->flags && strstr(v->flags, spaced)) return true;
  while (rest.ptr && str_split(&rest, ' ', &piece))
    if (strcmp(read_spec(piece).flag, flag) == 0) return true;
  return false;
}

/* -1: every flag that is given means something to this verb. */
static int check_flags(const struct world_cli *w) {
  for (size_t i = 0; i < TEXT_FLAGS + BOOL_FLAGS; i++) {
    bool is_text = i < TEXT_FLAGS;
    const char *name = is_text ? text_flags[i] : bool_flags[i - TEXT_FLAGS];
    bool is_given = is_text ? w->texts[i] != NULL : w->bools[i - TEXT_FLAGS];
    if (is_given && !is_taken(w->verb, name))
      return cli_fail(&w->c, CLI_USAGE, "%s takes no --%s; sereno worlds --help tells", w->verb->name, name);
  }
  return -1;
}

/* ---- one request ---- */

static json_t *value_of(const struct field_spec *s, const char *text) {
  int64_t number;
  json_t *value = NULL;
  switch (s->type) {
    case 'i':
      return str_to_int(str_of(text), INT64_MIN + 1, INT64_MAX, &number) ? json_integer(number) : NULL;
    case 'j': return json_parse(str_of(text), &value, NULL) == ERR_OK ? value : NULL;
    default: return json_string(text);
  }
}

/* The text of a field, or NULL when it is not given; *ret_next is the next argument without a place. */
static const char *text_of(const struct world_cli *w, const struct field_spec *s, int *ret_next) {
  if (s->flag[0] == '@') return *ret_next < w->c.argc ? w->c.argv[(*ret_next)++] : NULL;
  if (s->type == 'y' || s->type == 'n') return world_has(w, s->flag) ? "" : NULL;
  return world_flag(w, s->flag);
}

static int add_fields(const struct world_cli *w, int next, json_t *body) {
  struct str rest = str_of(w->verb->fields), piece;
  while (rest.ptr && rest.len && str_split(&rest, ' ', &piece)) {
    struct field_spec s = read_spec(piece);
    const char *text = text_of(w, &s, &next);
    const char *key = s.key[0] == '@' ? s.key + 1 : s.key;
    if (!text) continue;
    bool is_switch = s.type == 'y' || s.type == 'n';
    json_t *value = is_switch ? json_boolean(s.type == 'y') : value_of(&s, text);
    if (!value)
      return cli_fail(&w->c, CLI_USAGE, "%s: \"%s\" is no %s", key, text,
                      s.type == 'i' ? "whole number" : "JSON");
    json_object_set_new(body, key, value);
  }
  return -1;
}

static bool add_argument(struct buf *out, const char *text) {
  char part[1200];
  if (!cli_path(part, sizeof part, "", text, "")) return false;
  buf_add_text(out, part);
  return true;
}

int world_path(struct world_cli *w, const char *template, char *ret, size_t size) {
  BUF_AUTO struct buf out = buf_new(size - 1);
  int next = 0;
  for (const char *p = template; *p; p++) {
    if (*p != ':') buf_add_char(&out, *p);
    else if (next >= w->c.argc || !add_argument(&out, w->c.argv[next++]))
      return cli_fail(&w->c, CLI_USAGE, "the id is missing or too long");
  }
  if (world_has(w, "override")) buf_addf(&out, "%coverride=1", strchr(template, '?') ? '&' : '?');
  if (!str_copy(ret, size, buf_str(&out))) return cli_fail(&w->c, CLI_USAGE, "the id is too long");
  return -1;
}

int world_send(struct world_cli *w, const char *method, const char *path, json_t *body,
               struct cli_reply *ret) {
  char header[300];
  const char *user = world_flag(w, "as");
  char *text = body ? json_to_text(body) : NULL;
  json_decref(body);
  if (user) (void)snprintf(header, sizeof header, "X-Sereno-User: %.250s", user);
  int code = cli_call_with(&w->c, method, path, text, user ? header : NULL, ret);
  free(text);
  return code;
}

#define NAME_BYTES_MAX 128

/* "live.mode" of {"live": {"mode": …}}: one line a value, whatever lies inside what. */
static size_t name_width(const json_t *object, size_t before) {
  const char *key;
  json_t *value;
  size_t width = 0;
  json_object_foreach((json_t *)(uintptr_t)object, key, value) {
    size_t n = before + strlen(key);
    if (json_is_object(value)) n = name_width(value, n + 1);
    if (n > width) width = n;
  }
  return width;
}

static void print_value(const json_t *value) {
  char *text = json_is_string(value) ? NULL : json_to_text(value);
  cli_print_output(json_is_null(value) ? STR("-") : str_of(text ? text : json_string_value(value)));
  (void)putchar('\n');
  free(text);
}

static void print_members(const json_t *object, const char *before, size_t width) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)object, key, value) {
    char name[NAME_BYTES_MAX];
    (void)snprintf(name, sizeof name, "%s%s%s", before, before[0] ? "." : "", key);
    if (json_is_object(value)) {
      print_members(value, name, width);
      continue;
    }
    (void)printf("%-*s  ", (int)width, name);
    if (strcmp(key, "why") == 0 && json_is_string(value))
      (void)printf("%s\n", cli_world_why(json_string_value(value)));
    else print_value(value);
  }
}

void world_print(const struct world_cli *w, const json_t *answer) {
  if (w->c.is_json || !json_is_object(answer)) cli_print_json(answer);
  else print_members(answer, "", name_width(answer, 0));
}

/* "&key=value" of each field; bounded by size. */
static int add_query(struct world_cli *w, const json_t *fields, char *path, size_t size) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)fields, key, value) {
    char before[64], piece[CLI_PATH_BYTES_MAX];
    char *text = json_is_string(value) ? NULL : json_to_text(value);
    (void)snprintf(before, sizeof before, "%c%s=", strchr(path, '?') ? '&' : '?', key);
    bool fits = cli_path(piece, sizeof piece, before, text ? text : json_string_value(value), "");
    free(text);
    if (!fits || strlen(path) + strlen(piece) >= size)
      return cli_fail(&w->c, CLI_USAGE, "%s is too long", key);
    memcpy(path + strlen(path), piece, strlen(piece) + 1);
  }
  return -1;
}

static int count_places(const char *template) {
  int n = 0;
  for (; *template; template ++) n += *template == ':';
  return n;
}

int world_simple(struct world_cli *w) {
  char path[CLI_PATH_BYTES_MAX];
  bool is_query = strcmp(w->verb->method, "GET") == 0 || strcmp(w->verb->method, "DELETE") == 0;
  JSON_AUTO json_t *fields = json_object();
  int code = world_path(w, w->verb->path, path, sizeof path);
  if (code < 0) code = add_fields(w, count_places(w->verb->path), fields);
  if (code < 0 && is_query) code = add_query(w, fields, path, sizeof path);
  if (code >= 0) return code;
  if (w->verb->columns && !world_flag(w, "as")) {
    if (!strchr(path, '?')) (void)snprintf(path + strlen(path), sizeof path - strlen(path), "?limit=200");
    size_t at = strlen(path);
    if (w->verb == verbs && !cli_filter(&w->c, path + at, sizeof path - at))
      return cli_fail(&w->c, CLI_USAGE, "the filter is too long");
    return cli_list(&w->c, path, w->verb->columns,
                    world_flag(w, "limit") ? (size_t)strtoul(world_flag(w, "limit"), NULL, 10) : 0);
  }
  CLI_REPLY_AUTO struct cli_reply reply = {};
  code = world_send(w, w->verb->method, path, is_query ? NULL : json_incref(fields), &reply);
  if (code == CLI_OK) world_print(w, reply.json);
  return code;
}

/* ---- the verb ---- */

static void write_help(struct buf *out) {
  buf_add_text(out, before_table);
  for (const struct world_verb *v = verbs; v->name; v++)
    buf_addf(out, "  %s %s\n      %s\n", v->name, v->usage, v->help);
  buf_add_text(out, after_table);
}

const char *cli_worlds_words(struct buf *out) {
  for (const struct world_verb *v = verbs; v->name; v++)
    buf_addf(out, "%s%s", v == verbs ? "" : " ", v->name);
  return buf_text(out);
}

static const struct world_verb *find_verb(const char *name) {
  for (const struct world_verb *v = verbs; v->name; v++)
    if (strcmp(v->name, name) == 0) return v;
  return NULL;
}

static int run_verb(struct world_cli *w) {
  if (w->c.argc < w->verb->least || w->c.argc > w->verb->most)
    return cli_fail(&w->c, CLI_USAGE, "write: sereno worlds %s %s", w->verb->name, w->verb->usage);
  int code = check_flags(w);
  if (code >= 0) return code;
  return w->verb->run ? w->verb->run(w) : world_simple(w);
}

int cli_worlds(int argc, char **argv) {
  struct world_cli w = {.c.verb = argv[0]};
  struct cli_flag flags[TEXT_FLAGS + BOOL_FLAGS + 1] = {};
  BUF_AUTO struct buf help = buf_new(16384);
  write_help(&help);
  for (size_t i = 0; i < TEXT_FLAGS; i++) flags[i] = CLI_TEXT(text_flags[i], &w.texts[i]);
  for (size_t i = 0; i < BOOL_FLAGS; i++) flags[TEXT_FLAGS + i] = CLI_BOOL(bool_flags[i], &w.bools[i]);
  if (argc > 1 && argv[1][0] != '-' && !cli_is_filter(argv[1])) {
    w.verb = find_verb(argv[1]);
    if (!w.verb)
      return cli_fail(&w.c, CLI_USAGE, "there is no \"%s\"; sereno worlds --help lists the verbs", argv[1]);
    argv[1] = argv[0];
    argc--, argv++;
  } else {
    w.verb = verbs; /* list */
  }
  int code = cli_begin(&w.c, argc, argv, flags, buf_text(&help));
  if (code < 0) code = run_verb(&w);
  cli_end(&w.c);
  return code;
}
