/* `sereno user` and `sereno token`: who may come in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/cli_verbs.h"

static const char user_help[] =
    "sereno user list\n"
    "sereno user add NAME --role viewer|operator|editor|admin   asks for a password; empty: login links "
    "only\n"
    "sereno user edit NAME [--role R] [--disable | --enable]\n"
    "sereno user password NAME\n"
    "sereno user rm NAME…\n"
    "sereno user login-link [NAME]   a link that logs in once, within ten minutes (default admin)\n";
static const char token_help[] =
    "sereno token list\n"
    "sereno token add NAME --role R [--user U] [--expires DURATION] [--scope JSON]   prints the secret "
    "once\n"
    "sereno token rm NAME…\n";

struct who_args {
  const char *role, *user, *expires, *scope;
  bool disable, enable;
};

/* From the terminal without echo, or the first line of stdin. False: nothing was given. */
static bool read_password(char *ret, size_t size) {
  struct termios old, silent;
  bool is_terminal = tcgetattr(STDIN_FILENO, &old) == 0;
  if (is_terminal) {
    (void)fputs("Password (12 or more characters; empty: login links only): ", stderr);
    silent = old;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  bool has_line = fgets(ret, (int)size, stdin) != NULL;
  if (is_terminal) {
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
    (void)fputc('\n', stderr);
  }
  ret[has_line ? strcspn(ret, "\n") : 0] = '\0';
  return ret[0] != '\0';
}

static void set_text(json_t *body, const char *key, const char *value) {
  if (value) json_object_set_new(body, key, json_string(value));
}

/* Takes the body. */
static int send(struct cli *c, const char *method, const char *path, json_t *body, struct cli_reply *ret) {
  char *text = body ? json_to_text(body) : NULL;
  int code = cli_call(c, method, path, text, ret);
  if (text) explicit_bzero(text, strlen(text));
  free(text);
  json_decref(body);
  return code;
}

static int send_and_tell(struct cli *c, const char *method, const char *path, json_t *body,
                         const char *told) {
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = send(c, method, path, body, &reply);
  if (code != CLI_OK) return code;
  if (c->is_json && reply.json) cli_print_json(reply.json);
  else (void)printf("%s\n", told);
  return CLI_OK;
}

static int remove_each(struct cli *c, const char *before) {
  char path[CLI_PATH_BYTES_MAX];
  for (int i = 0; i < c->argc; i++) {
    if (!cli_path(path, sizeof path, before, c->argv[i], ""))
      return cli_fail(c, CLI_USAGE, "the name is too long");
    int code = send_and_tell(c, "DELETE", path, NULL, "removed");
    if (code != CLI_OK) return code;
  }
  return c->argc ? CLI_OK : cli_fail(c, CLI_USAGE, "say which");
}

/* ---- users ---- */

static int user_list(struct cli *c, const struct who_args *a) {
  static const struct cli_column columns[] = {{"NAME", "name", CLI_COLUMN_TEXT},
                                              {"ROLE", "role", CLI_COLUMN_TEXT},
                                              {"DISABLED", "isDisabled", CLI_COLUMN_VALUE},
                                              {"PASSWORD", "hasPassword", CLI_COLUMN_VALUE},
                                              {"LAST LOGIN", "lastLoginAt", CLI_COLUMN_INSTANT},
                                              {}};
  return (void)a, cli_list(c, "/api/admin/users", columns, 0);
}

static int user_add(struct cli *c, const struct who_args *a) {
  char password[300];
  if (c->argc != 1) return cli_usage(c, user_help);
  json_t *body = json_pack("{s:s}", "name", c->argv[0]);
  set_text(body, "role", a->role);
  if (read_password(password, sizeof password)) set_text(body, "password", password);
  explicit_bzero(password, sizeof password);
  return send_and_tell(c, "POST", "/api/admin/users", body, "added");
}

static int user_edit(struct cli *c, const struct who_args *a) {
  char path[CLI_PATH_BYTES_MAX];
  if (c->argc != 1 || (!a->role && !a->disable && !a->enable) || (a->disable && a->enable))
    return cli_usage(c, user_help);
  if (!cli_path(path, sizeof path, "/api/admin/users/", c->argv[0], ""))
    return cli_fail(c, CLI_USAGE, "the name is too long");
  json_t *body = json_object();
  set_text(body, "role", a->role);
  if (a->disable || a->enable) json_object_set_new(body, "isDisabled", json_boolean(a->disable));
  return send_and_tell(c, "PATCH", path, body, "saved");
}

static int user_password(struct cli *c, const struct who_args *a) {
  (void)a;
  char path[CLI_PATH_BYTES_MAX], password[300];
  if (c->argc != 1) return cli_usage(c, user_help);
  if (!cli_path(path, sizeof path, "/api/admin/users/", c->argv[0], ""))
    return cli_fail(c, CLI_USAGE, "the name is too long");
  if (!read_password(password, sizeof password)) return cli_fail(c, CLI_USAGE, "no password was given");
  json_t *body = json_pack("{s:s}", "password", password);
  explicit_bzero(password, sizeof password);
  return send_and_tell(c, "PATCH", path, body, "saved");
}

static int user_rm(struct cli *c, const struct who_args *a) {
  return (void)a, remove_each(c, "/api/admin/users/");
}

static int user_link(struct cli *c, const struct who_args *a) {
  (void)a;
  json_t *body = json_object();
  if (c->argc > 1) return json_decref(body), cli_usage(c, user_help);
  if (c->argc == 1) set_text(body, "user", c->argv[0]);
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = send(c, "POST", "/api/auth/login-links", body, &reply);
  if (code != CLI_OK) return code;
  if (c->is_json) cli_print_json(reply.json);
  else (void)printf("%s%s\n", c->url, cli_text(reply.json, "path"));
  return CLI_OK;
}

/* ---- tokens ---- */

static int token_list(struct cli *c, const struct who_args *a) {
  static const struct cli_column columns[] = {{"NAME", "name", CLI_COLUMN_TEXT},
                                              {"ROLE", "role", CLI_COLUMN_TEXT},
                                              {"USER", "user", CLI_COLUMN_TEXT},
                                              {"EXPIRES", "expiresAt", CLI_COLUMN_INSTANT},
                                              {"LAST USED", "lastUsedAt", CLI_COLUMN_INSTANT},
                                              {"SCOPE", "scope", CLI_COLUMN_VALUE},
                                              {}};
  return (void)a, cli_list(c, "/api/admin/tokens", columns, 0);
}

static int token_add(struct cli *c, const struct who_args *a) {
  if (c->argc != 1) return cli_usage(c, token_help);
  json_t *body = json_pack("{s:s}", "name", c->argv[0]), *scope = NULL;
  set_text(body, "role", a->role);
  set_text(body, "user", a->user);
  set_text(body, "expiresIn", a->expires);
  if (a->scope && json_parse(str_of(a->scope), &scope, NULL) != ERR_OK) {
    json_decref(body);
    return cli_fail(c, CLI_USAGE, "--scope must be JSON, e.g. '{\"jobs\":[\"backup\"]}'");
  }
  if (scope) json_object_set_new(body, "scope", scope);
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = send(c, "POST", "/api/admin/tokens", body, &reply);
  if (code != CLI_OK) return code;
  if (c->is_json) cli_print_json(reply.json);
  else (void)printf("%s\n", cli_text(reply.json, "token"));
  return CLI_OK;
}

static int token_rm(struct cli *c, const struct who_args *a) {
  return (void)a, remove_each(c, "/api/admin/tokens/");
}

/* ---- both ---- */

struct who_verb {
  const char *name;
  int (*run)(struct cli *c, const struct who_args *a);
};
static const struct who_verb user_verbs[] = {{"list", user_list},
                                             {"add", user_add},
                                             {"edit", user_edit},
                                             {"password", user_password},
                                             {"rm", user_rm},
                                             {"login-link", user_link},
                                             {}};
static const struct who_verb token_verbs[] = {{"list", token_list}, {"add", token_add}, {"rm", token_rm}, {}};

static int who_main(int argc, char **argv, const struct who_verb *verbs, const char *help) {
  struct who_args a = {};
  struct cli c = {.verb = argv[0]};
  const struct who_verb *v = verbs;
  if (argc > 1 && argv[1][0] != '-') {
    while (v->name && strcmp(v->name, argv[1]) != 0) v++;
    if (!v->name) {
      (void)cli_fail(&c, CLI_USAGE, "there is no \"%s\"", argv[1]);
      return cli_usage(&c, help);
    }
    argv[1] = argv[0];
    argc--, argv++;
  }
  const struct cli_flag flags[] = {CLI_TEXT("role", &a.role),
                                   CLI_TEXT("user", &a.user),
                                   CLI_TEXT("expires", &a.expires),
                                   CLI_TEXT("scope", &a.scope),
                                   CLI_BOOL("disable", &a.disable),
                                   CLI_BOOL("enable", &a.enable),
                                   CLI_FLAGS_END};
  int code = cli_begin(&c, argc, argv, flags, help);
  if (code < 0) code = v->run(&c, &a);
  cli_end(&c);
  return code;
}

int cli_user(int argc, char **argv) { return who_main(argc, argv, user_verbs, user_help); }
int cli_token(int argc, char **argv) { return who_main(argc, argv, token_verbs, token_help); }
