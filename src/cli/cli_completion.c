/* `sereno completion bash|zsh|fish`: words for the shell. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_verbs.h"

static const char help[] =
    "sereno completion bash|zsh|fish    a script for the shell: source <(sereno completion bash)\n";

/* What may follow a verb; "" = nothing fixed; NULL = the verbs of its own table. */
static const struct {
  const char *verb, *words;
} verbs[] = {
    {"serve", "--data --port --address --config"},
    {"run", "--wait --no-wait --params --dry-run --quiet"},
    {"worlds", NULL},
    {"jobs", "list show add edit rm enable disable executors test"},
    {"runs", "list show cancel"},
    {"logs", "-f -n"},
    {"next", "--tz --from --count --prev --json --jsonl"},
    {"explain", "--tz --lang --json"},
    {"pause", "--all --category --for --until"},
    {"resume", "--all --category"},
    {"why", ""},
    {"doctor", ""},
    {"audit", "verify log --since --until --job"},
    {"import", "crontab vercel.json"},
    {"export", "crontab"},
    {"config", "--explain"},
    {"token", "list add rm"},
    {"user", "list add edit password rm login-link"},
    {"backup", ""},
    {"restore", ""},
    {"migrate", "--down --dry-run"},
    {"completion", "bash zsh fish"},
    {"version", ""},
    {"help", ""},
};
#define VERB_COUNT (sizeof verbs / sizeof *verbs)

static void print_verbs(void) {
  for (size_t i = 0; i < VERB_COUNT; i++) (void)printf("%s%s", i ? " " : "", verbs[i].verb);
}

static const char *words_of(size_t i, struct buf *worlds) {
  return verbs[i].words ? verbs[i].words : cli_worlds_words(worlds);
}

static void print_bash(void) {
  (void)printf(
      "_sereno() {\n  local word=${COMP_WORDS[COMP_CWORD]}\n  if [ \"$COMP_CWORD\" = 1 ]; then\n    "
      "COMPREPLY=($(compgen -W \"");
  print_verbs();
  (void)printf("\" -- \"$word\"))\n    return\n  fi\n  case ${COMP_WORDS[1]} in\n");
  for (size_t i = 0; i < VERB_COUNT; i++) {
    BUF_AUTO struct buf worlds = buf_new(4096);
    const char *words = words_of(i, &worlds);
    if (words[0])
      (void)printf("    %s) COMPREPLY=($(compgen -W \"%s\" -- \"$word\")) ;;\n", verbs[i].verb, words);
  }
  (void)printf("  esac\n}\ncomplete -o default -F _sereno sereno\n");
}

static void print_zsh(void) {
  (void)printf("autoload -U +X bashcompinit && bashcompinit\n");
  print_bash();
}

static void print_fish(void) {
  (void)printf("complete -c sereno -f -n __fish_use_subcommand -a '");
  print_verbs();
  (void)printf("'\n");
  for (size_t i = 0; i < VERB_COUNT; i++) {
    BUF_AUTO struct buf worlds = buf_new(4096);
    const char *words = words_of(i, &worlds);
    if (words[0])
      (void)printf("complete -c sereno -n '__fish_seen_subcommand_from %s' -a '%s'\n", verbs[i].verb, words);
  }
}

int cli_completion(int argc, char **argv) {
  static const char *const shells[] = {"bash", "zsh", "fish", NULL};
  static void (*const print[])(void) = {print_bash, print_zsh, print_fish};
  struct cli c = {};
  int code = cli_begin(&c, argc, argv, NULL, help);
  if (code >= 0) return code;
  int shell = c.argc == 1 ? cli_choose(shells, c.argv[0]) : -1;
  if (shell >= 0) print[shell]();
  code = shell >= 0 ? CLI_OK : cli_usage(&c, help);
  cli_end(&c);
  return code;
}
