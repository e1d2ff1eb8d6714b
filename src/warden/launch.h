/* The launch block: what to run, built by serve into a sealed memfd and read by the warden,
 * so that arguments, environment and secrets never lie in a file or in a message. What the child gets
 * as stdin is a memfd of its own, since the child holds it.
 *
 * Layout: struct launch_head, then the texts, each terminated by a NUL; argv and envp are counted runs
 * of texts. Reader and writer are the same build, so the layout may change freely. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

#define LAUNCH_BYTES_MAX (512 * 1024) /* a parameter set, an environment and a command line, all full */
#define LAUNCH_TEXTS_MAX 2048         /* arguments and variables together */
#define LAUNCH_STDIN_BYTES_MAX (1024 * 1024)

enum launch_kind { LAUNCH_PROGRAM = 1, LAUNCH_BUILTIN = 2 };

struct warden_launch_spec {
  enum launch_kind kind;
  const char *const *argv; /* PROGRAM: ends with NULL, argv[0] absolute or looked up in PATH of envp */
  const char *const *envp; /* "NAME=value", ends with NULL; the whole environment but SERENO_RUN_* */
  const char *cwd;         /* NULL: "/" */
  struct str stdin_bytes;  /* PROGRAM; empty: /dev/null */
  const char *executor;    /* BUILTIN: its name */
  struct str params;       /* BUILTIN: a JSON object */
};

struct warden_launch {
  int fd;
  int stdin_fd; /* -1: none */
};
#define WARDEN_LAUNCH_NONE ((struct warden_launch){-1, -1})

/* ERR_INVALID names the field (argv, envp, cwd, executor); ERR_LIMIT when it does not fit; a variable
 * that begins with SERENO_RUN_ or SERENO_TAG is refused. The caller owns the descriptors. */
enum err warden_launch_build(const struct warden_launch_spec *spec, struct warden_launch *ret,
                             struct err_detail *detail);
void warden_launch_close(struct warden_launch *launch);

/* What the warden reads. The texts lie in the block. */
struct launch {
  enum launch_kind kind;
  size_t argc;
  size_t envc;
  const char **argv; /* argc and a NULL; arena */
  const char **envp; /* envc, LAUNCH_ENV_EXTRA free places and a NULL; arena */
  const char *cwd;
  const char *executor;
  struct str params;
};
#define LAUNCH_ENV_EXTRA 12 /* SERENO_RUN_* and SERENO_TAG */

/* Checks every bound and terminator of a block of any content. ERR_INVALID, ERR_NO_MEMORY. */
enum err launch_parse(struct str block, struct arena *arena, struct launch *ret, struct err_detail *detail);
