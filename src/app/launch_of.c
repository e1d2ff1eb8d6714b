#include "app/launch_of.h"

#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/json.h"

#define ARGS_MAX 256
#define ENV_MAX 512
#define DEFAULT_SHELL "/bin/sh"

enum err launch_choose(const struct launch_world *world, const char *command, struct launch_choice *ret,
                       struct err_detail *detail) {
  struct str name = str_of(command);
  struct launch_choice choice = {.builtin = executor_find(name)};
  if (str_eq(name, STR("shell"))) {
    if (!world->is_shell_on) {
      enum err e = err_set(detail, ERR_INVALID, "command", 0, "the executor shell is off");
      err_hint(detail,
               "set [executors] shell = true in sereno.ini, or SERENO_EXECUTORS_SHELL=true, and restart the "
               "server");
      return e;
    }
    choice.way = LAUNCH_WAY_SHELL;
  } else if (choice.builtin) {
    choice.way = LAUNCH_WAY_BUILTIN;
  } else {
    choice.way = LAUNCH_WAY_PROGRAM;
    enum err e = programs_find(world->programs, name, choice.program, sizeof choice.program, detail);
    if (e == ERR_FORBIDDEN) return ERR_INVALID; /* the detail says what is wrong with the file */
    if (e != ERR_OK) {
      e = err_set(detail, ERR_INVALID, "command", 0, "there is no executor \"%.100s\"",
                  command ? command : "");
      err_hint(detail, "GET /api/cron/executors lists them; programs lie in %.150s", world->programs->folder);
      return e;
    }
  }
  *ret = choice;
  return ERR_OK;
}

static enum err parse_params(const char *params, json_t **ret, struct err_detail *detail) {
  enum err e = json_parse(str_of(params ? params : "{}"), ret, detail);
  if (e == ERR_OK && !json_is_object(*ret)) {
    json_decref(*ret);
    *ret = NULL;
    e = err_set(detail, ERR_INVALID, "params", 0, "must be an object");
  }
  return e;
}

static enum err bad_param(struct err_detail *detail, const char *name, const char *message) {
  char field[ERR_FIELD_MAX];
  snprintf(field, sizeof field, "params.%s", name);
  return err_set(detail, ERR_INVALID, field, 0, "%s", message);
}

static enum err check_env(const json_t *env, struct err_detail *detail) {
  if (!env || json_is_null(env)) return ERR_OK;
  if (!json_is_object(env)) return bad_param(detail, "env", "must be an object of text values");
  const char *key;
  json_t *value;
  if (json_object_size(env) > ENV_MAX / 2) return bad_param(detail, "env", "has too many variables");
  json_object_foreach((json_t *)(uintptr_t)env, key, value) {
    if (!json_is_string(value)) return bad_param(detail, "env", "every value must be a text");
    if (!key[0] || strchr(key, '=') || strncmp(key, "SERENO_", 7) == 0)
      return bad_param(detail, "env", "a name must not be empty, contain '=' or begin with SERENO_");
  }
  return ERR_OK;
}

static enum err check_args(const json_t *args, struct err_detail *detail) {
  if (!args) return ERR_OK;
  if (!json_is_array(args) || json_array_size(args) > ARGS_MAX - 2)
    return bad_param(detail, "args", "must be a list of at most 254 texts");
  for (size_t i = 0; i < json_array_size(args); i++)
    if (!json_is_string(json_array_get(args, i))) return bad_param(detail, "args", "must be a list of texts");
  return ERR_OK;
}

static enum err check_builtin(const struct executor *executor, const json_t *params,
                              struct err_detail *detail) {
  enum err e = executor_check_params(executor, params, detail);
  if (e != ERR_OK && detail && strncmp(detail->field, "params", 6) != 0) {
    char field[ERR_FIELD_MAX];
    snprintf(field, sizeof field, "params.%.50s", detail->field);
    str_copy(detail->field, sizeof detail->field, str_of(field));
  }
  return e;
}

/* Beyond its table: what the warden would refuse. */
static enum err check_shell(const struct executor *executor, const json_t *params,
                            struct err_detail *detail) {
  TRY(check_builtin(executor, params, detail));
  struct str shell = json_text_at(params, "shell"), cwd = json_text_at(params, "cwd");
  if (shell.ptr && !str_starts(shell, STR("/")))
    return bad_param(detail, "shell", "must be an absolute path");
  if (cwd.ptr && !str_starts(cwd, STR("/"))) return bad_param(detail, "cwd", "must be an absolute path");
  return check_env(json_object_get(params, "env"), detail);
}

enum err launch_check_params(const struct launch_choice *choice, const char *params,
                             struct err_detail *detail) {
  JSON_AUTO json_t *object = NULL;
  TRY(parse_params(params, &object, detail));
  switch (choice->way) {
    case LAUNCH_WAY_BUILTIN: return check_builtin(choice->builtin, object, detail);
    case LAUNCH_WAY_SHELL: return check_shell(choice->builtin, object, detail);
    case LAUNCH_WAY_PROGRAM:
      TRY(check_args(json_object_get(object, "args"), detail));
      return check_env(json_object_get(object, "env"), detail);
  }
  return ERR_INTERNAL;
}

/* ---- the environment ---- */

struct env {
  struct arena *arena;
  const char **entries;
  size_t count;
};

static void env_set(struct env *env, const char *name, const char *value) {
  if (!env->entries || !value) return;
  size_t len = strlen(name), at = 0;
  while (at < env->count && !(strncmp(env->entries[at], name, len) == 0 && env->entries[at][len] == '='))
    at++;
  if (at == ENV_MAX) return; /* check_env bounds what comes from outside */
  char *text = arena_printf(env->arena, "%s=%s", name, value);
  if (!text) return;
  env->entries[at] = text;
  if (at == env->count) env->count++;
}

static const char *const *make_env(const struct launch_world *world, const json_t *params, const char *shell,
                                   struct arena *arena) {
  struct env env = {.arena = arena, .entries = ARENA_ARRAY(arena, const char *, ENV_MAX + 1)};
  env_set(&env, "PATH", world->path);
  env_set(&env, "HOME", world->home);
  env_set(&env, "USER", world->user);
  env_set(&env, "LOGNAME", world->user);
  env_set(&env, "SHELL", shell);
  env_set(&env, "LANG", "C.UTF-8");
  const char *key;
  json_t *value;
  json_object_foreach(json_object_get(params, "env"), key, value)
      env_set(&env, key, json_string_value(value));
  return env.entries;
}

/* ---- the three ways ---- */

static enum err shell_spec(const struct launch_world *world, const json_t *params, struct arena *arena,
                           struct warden_launch_spec *ret) {
  struct str shell = json_text_at(params, "shell"), cwd = json_text_at(params, "cwd");
  const char **argv = ARENA_ARRAY(arena, const char *, 4);
  if (!argv) return arena_error(arena);
  argv[0] = shell.ptr ? arena_strdup(arena, shell) : DEFAULT_SHELL;
  argv[1] = "-c";
  argv[2] = arena_strdup(arena, json_text_at(params, "command"));
  ret->argv = argv;
  ret->envp = make_env(world, params, argv[0], arena);
  ret->cwd = cwd.ptr ? arena_strdup(arena, cwd) : world->home;
  struct str input = json_text_at(params, "stdin");
  if (input.len) ret->stdin_bytes = (struct str){arena_strdup(arena, input), input.len};
  return arena_error(arena);
}

/* {"params":{…},"run":{…}} on stdin (DESIGN 7). */
static struct str program_input(const struct job *job, const struct run *run, const char *params,
                                struct arena *arena) {
  BUF_AUTO struct buf out = buf_new(LAUNCH_STDIN_BYTES_MAX);
  struct json_writer w = jw_new(&out);
  jw_object(&w);
  jw_key(&w, "params");
  jw_raw(&w, str_of(params ? params : "{}"));
  jw_key(&w, "run");
  jw_object(&w);
  jw_ktext(&w, "id", id_to_text(run->no).text);
  jw_ktext(&w, "jobId", job->id);
  jw_ktext(&w, "job", job->name);
  jw_kint(&w, "attempt", run->attempt);
  jw_ktext(&w, "triggeredBy", run->trigger == FIELD_NULL ? NULL : run_trigger_names[run->trigger]);
  jw_key(&w, "dueAt");
  if (run->due_ms == FIELD_NULL) jw_null(&w);
  else jw_instant(&w, run->due_ms);
  jw_object_end(&w);
  jw_object_end(&w);
  buf_add_char(&out, '\n');
  if (buf_error(&out) != ERR_OK) return STR_NONE;
  return (struct str){arena_strdup(arena, buf_str(&out)), out.len};
}

static enum err program_spec(const struct launch_world *world, const char *program, const json_t *params,
                             struct arena *arena, struct warden_launch_spec *ret) {
  const json_t *args = json_object_get(params, "args");
  size_t count = json_array_size(args);
  const char **argv = ARENA_ARRAY(arena, const char *, count + 2);
  if (!argv) return arena_error(arena);
  argv[0] = program;
  for (size_t i = 0; i < count; i++)
    argv[i + 1] = arena_strdup(arena, str_of(json_string_value(json_array_get(args, i))));
  ret->argv = argv;
  ret->envp = make_env(world, params, DEFAULT_SHELL, arena);
  ret->cwd = world->home;
  return arena_error(arena);
}

enum err launch_spec_of(const struct launch_world *world, const struct launch_choice *choice,
                        const struct job *job, const struct run *run, struct arena *arena,
                        struct warden_launch_spec *ret, struct err_detail *detail) {
  const char *params = run->params ? run->params : job->params;
  TRY(launch_check_params(choice, params, detail)); /* manual runs bring parameters of their own */
  JSON_AUTO json_t *object = NULL;
  TRY(parse_params(params, &object, detail));
  struct warden_launch_spec spec = {.kind = LAUNCH_PROGRAM};
  switch (choice->way) {
    case LAUNCH_WAY_BUILTIN: {
      struct env env = {.arena = arena, .entries = ARENA_ARRAY(arena, const char *, ENV_MAX + 1)};
      env_set(&env, "PATH", world->path);
      env_set(&env, "LANG", "C.UTF-8");
      env_set(&env, "HTTP_ALLOW_PRIVATE", world->http_allow);
      env_set(&env, "TEMP_ROOTS",
              world->temp_roots ? world->temp_roots : arena_printf(arena, "%s/tmp", world->folder));
      spec = (struct warden_launch_spec){.kind = LAUNCH_BUILTIN,
                                         .executor = choice->builtin->name,
                                         .envp = env.entries,
                                         .params = str_of(params ? params : "{}")};
      break;
    }
    case LAUNCH_WAY_SHELL: TRY(shell_spec(world, object, arena, &spec)); break;
    case LAUNCH_WAY_PROGRAM:
      TRY(program_spec(world, choice->program, object, arena, &spec));
      spec.stdin_bytes = program_input(job, run, params, arena);
      break;
  }
  TRY(arena_error(arena));
  *ret = spec;
  return ERR_OK;
}
