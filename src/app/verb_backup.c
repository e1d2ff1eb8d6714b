/* `sereno backup`: a copy of the database while the server runs. `sereno restore`: puts one back while it does not. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/data_dir.h"
#include "app/verbs.h"
#include "base/json.h"
#include "cli/cli.h"
#include "store/store.h"
#include "sys/os_file.h"
#include "sys/world.h"

static const char backup_help[] =
    "sereno backup [FILE]    copies the database while the server runs; without FILE it stays in "
    "DIR/backups\n";
static const char restore_help[] =
    "sereno restore FILE     puts a backup back; the server and its warden must not run\n"
    "\n"
    "What fell due between the backup and now is put on record as missed/restored.\n";

/* Asks for a backup; name NULL: the server finds one. ret_path is where it lies. */
static int ask(struct cli *c, const char *name, char *ret_path, size_t size) {
  char body[100] = "{}";
  if (name) (void)snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
  CLI_REPLY_AUTO struct cli_reply reply;
  int code = cli_call(c, "POST", "/api/admin/backup", body, &reply);
  if (code != CLI_OK) return code;
  const char *path = cli_text(reply.json, "path");
  return path && str_copy(ret_path, size, str_of(path))
             ? CLI_OK
             : cli_fail(c, CLI_REFUSED, "the server did not say where the backup is");
}

static int move_into(struct cli *c, const char *from, int out, const char *to) {
  [[gnu::cleanup(os_close)]] int in = open(from, O_RDONLY | O_CLOEXEC);
  if (in < 0)
    return cli_fail(c, CLI_NOT_FOUND, "the backup lies on the server as %s, and cannot be read from here",
                    from);
  ssize_t n;
  while ((n = sendfile(out, in, NULL, 1 << 20)) > 0) {
  }
  (void)unlink(from);
  return n == 0 && fsync(out) == 0 ? CLI_OK : cli_fail(c, CLI_REFUSED, "%s could not be written whole", to);
}

/* The file is made first, so that the server does not work for nothing; a name of our own keeps two backups of
 * one second apart. */
static int backup_to(struct cli *c, const char *to) {
  char name[60], path[CLI_PATH_BYTES_MAX];
  struct err_detail detail = {};
  [[gnu::cleanup(os_close)]] int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (out < 0 && errno == EEXIST) return cli_fail(c, CLI_CONFLICT, "%s exists already", to);
  if (out < 0) return cli_fail_detail(c, os_error(errno, &detail, "making", to), &detail);
  (void)snprintf(name, sizeof name, "copy-%d-%lld.db", getpid(), (long long)world_now_ms(world_real()));
  int code = ask(c, name, path, sizeof path);
  if (code == CLI_OK) code = move_into(c, path, out, to);
  if (code != CLI_OK) (void)unlink(to);
  return code;
}

static int backup(struct cli *c) {
  char path[CLI_PATH_BYTES_MAX];
  int code = c->argc == 1 ? backup_to(c, c->argv[0]) : ask(c, NULL, path, sizeof path);
  if (code != CLI_OK) return code;
  JSON_AUTO json_t *told = json_pack("{s:s}", "path", c->argc == 1 ? c->argv[0] : path);
  if (c->is_json) cli_print_json(told);
  else (void)printf("%s\n", json_string_value(json_object_get(told, "path")));
  return CLI_OK;
}

int verb_backup(int argc, char **argv) {
  struct cli c = {};
  int code = cli_begin(&c, argc, argv, NULL, backup_help);
  if (code >= 0) return code;
  code = c.argc <= 1 ? backup(&c) : cli_usage(&c, backup_help);
  cli_end(&c);
  return code;
}

static int restore(struct cli *c, const char *file) {
  struct err_detail detail = {};
  char folder[CLI_PATH_BYTES_MAX];
  if (!cli_find_data(c)) return cli_fail(c, CLI_USAGE, "say which data folder: --data DIR");
  enum err e = data_dir_open(c->data, folder, sizeof folder, &detail);
  if (e == ERR_OK) e = store_restore(folder, file, world_now_ms(world_real()), &detail);
  if (e != ERR_OK) return cli_fail_detail(c, e, &detail);
  (void)printf("restored into %s; start the server\n", folder);
  return CLI_OK;
}

int verb_restore(int argc, char **argv) {
  struct cli c = {};
  int code = cli_begin(&c, argc, argv, NULL, restore_help);
  if (code >= 0) return code;
  code = c.argc == 1 ? restore(&c, c.argv[0]) : cli_usage(&c, restore_help);
  cli_end(&c);
  return code;
}
