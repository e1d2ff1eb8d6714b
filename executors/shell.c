/* A command line given to a shell: what crontab lines become. Off unless the configuration enables it,
 * because it runs whatever an editor of jobs writes. serve does not run this function: it launches
 * the shell as a foreign program with the same arguments (vfork+exec, no second process); this is the
 * same thing by hand, for `sereno exec shell`. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "warden/child.h"

static const struct executor_param params[] = {
    {.name = "command",
     .type = PARAM_TEXT,
     .is_required = true,
     .min = 1,
     .max = 32768,
     .help = "command line",
     .help_es = "línea de órdenes"},
    {.name = "shell",
     .type = PARAM_TEXT,
     .min = 1,
     .max = 255,
     .default_json = "\"/bin/sh\"",
     .help = "absolute path of the shell",
     .help_es = "ruta absoluta del intérprete"},
    {.name = "stdin",
     .type = PARAM_TEXT,
     .max = 65536,
     .help = "given to the command as its input",
     .help_es = "lo que la orden recibe como entrada"},
    {.name = "env",
     .type = PARAM_OBJECT,
     .help = "variables of the command, NAME: text; nothing else is inherited",
     .help_es = "variables de la orden, NOMBRE: texto; no hereda nada más"},
    {.name = "cwd",
     .type = PARAM_TEXT,
     .min = 1,
     .max = 4096,
     .help = "folder the command starts in; default the user's home",
     .help_es = "carpeta en la que empieza la orden; por defecto, la del usuario"},
    {},
};

static int run(struct child *child) {
  const json_t *p = child_params(child);
  const char *shell = json_string_value(json_object_get(p, "shell"));
  const char *command = json_string_value(json_object_get(p, "command"));
  const char *cwd = json_string_value(json_object_get(p, "cwd"));
  struct err_detail detail;
  if (cwd && chdir(cwd) != 0) {
    (void)err_set(&detail, ERR_IO, "cwd", 0, "cannot enter %.100s: %s", cwd, strerror(errno));
    return child_fail(child, &detail);
  }
  execl(shell, shell, "-c", command, (char *)NULL);
  (void)err_set(&detail, ERR_IO, "shell", 0, "cannot run %.100s: %s", shell, strerror(errno));
  (void)child_fail(child, &detail);
  return EXECUTOR_COULD_NOT_START;
}

const struct executor executor_shell = {
    .name = "shell",
    .class_name = "ShellExecutor",
    .description = "Runs a command line in a shell (off unless enabled in the configuration)",
    .description_es =
        "Ejecuta una línea de órdenes en un intérprete (apagado salvo que la configuración lo active)",
    .params = params,
    .is_off_by_default = true,
    .run = run,
};
