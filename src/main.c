#include <stdio.h>
#include <string.h>

#include "cli/cli_explain.h"
#include "cli/cli_next.h"
#include "warden/exec_main.h"
#include "warden/warden.h"

struct verb {
  const char *name;
  int (*run)(int argc, char **argv); /* argv[0] is the verb */
};

static const struct verb verbs[] = {
    {"exec", exec_main},
    {"explain", cli_explain},
    {"next", cli_next},
    {"warden", warden_main},
};

static int print_version(FILE *to) {
  (void)fputs("sereno " SERENO_VERSION "\n", to);
  return to == stdout ? 0 : 2;
}

int main(int argc, char **argv) {
  for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof verbs[0]; i++)
    if (strcmp(argv[1], verbs[i].name) == 0) return verbs[i].run(argc - 1, argv + 1);
  return print_version(argc == 1 || strcmp(argv[1], "--version") == 0 ? stdout : stderr);
}
