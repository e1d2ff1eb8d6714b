#include "app/configuration.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/cron_nets.h"
#include "api/web.h"
#include "base/arena.h"
#include "sys/os_file.h"

enum config_type { CONFIG_TYPE_TEXT, CONFIG_TYPE_INT, CONFIG_TYPE_BOOL };

struct config_def {
  const char *key, *env;
  enum config_type type;
  int64_t min, max;
  const char *otherwise;
  bool is_secret;
  const char *help;
};

static const struct config_def defs[] = {
#define CONFIG(id, key, env, type, min, max, otherwise, is_secret, help) \
  {key, env, CONFIG_TYPE_##type, min, max, otherwise, is_secret, help},
#include "app/configuration.def"
#undef CONFIG
};

struct config_value {
  char *text; /* NULL: the default */
  enum config_origin origin;
  char source[64]; /* "CRON_SECRET", "line 3" */
};

struct config {
  struct config_value values[CONFIG_COUNT];
  char file[CONFIG_VALUE_BYTES_MAX];
  char warnings[CONFIG_WARNINGS_MAX][ERR_TEXT_MAX];
  size_t warning_count;
  char root_url[CONFIG_VALUE_BYTES_MAX]; /* empty: none */
};

static const char *const origin_names[] = {"default", "database", "file", ".env", "env", "flag"};
const char *config_origin_text(enum config_origin origin) { return origin_names[origin]; }

[[gnu::format(printf, 2, 3)]] static void warn(struct config *c, const char *format, ...) {
  if (c->warning_count == CONFIG_WARNINGS_MAX) return;
  va_list args;
  va_start(args, format);
  vsnprintf(c->warnings[c->warning_count++], ERR_TEXT_MAX, format, args);
  va_end(args);
}

static int find_key(struct str key) {
  for (int i = 0; i < CONFIG_COUNT; i++)
    if (str_eq(key, str_of(defs[i].key))) return i;
  return -1;
}

static bool bool_from_text(struct str text, bool *ret) {
  static const struct {
    const char *text;
    bool is_true;
  } words[] = {{"true", true},   {"1", true},  {"yes", true}, {"on", true},
               {"false", false}, {"0", false}, {"no", false}, {"off", false}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (str_eq_nocase(text, str_of(words[i].text))) {
      *ret = words[i].is_true;
      return true;
    }
  return false;
}

static enum err check_value(const struct config_def *def, struct str text, struct err_detail *detail) {
  int64_t number;
  bool is_true;
  switch (def->type) {
    case CONFIG_TYPE_INT:
      if (str_to_int(text, def->min, def->max, &number)) return ERR_OK;
      return err_set(detail, ERR_INVALID, def->key, 0, "must be a number from %lld to %lld",
                     (long long)def->min, (long long)def->max);
    case CONFIG_TYPE_BOOL:
      if (bool_from_text(text, &is_true)) return ERR_OK;
      return err_set(detail, ERR_INVALID, def->key, 0, "must be true or false");
    case CONFIG_TYPE_TEXT:
      if ((int64_t)text.len >= def->min && (int64_t)text.len <= def->max && !memchr(text.ptr, '\0', text.len))
        return ERR_OK;
      return err_set(detail, ERR_INVALID, def->key, 0, "must have %lld to %lld bytes", (long long)def->min,
                     (long long)def->max);
  }
  return ERR_INTERNAL;
}

/* Keeps the value unless one of a stronger origin is there. */
static enum err set_value(struct config *c, int key, struct str text, enum config_origin origin,
                          const char *source, struct err_detail *detail) {
  struct config_value *v = &c->values[key];
  if (v->text && v->origin > origin) return ERR_OK;
  enum err e = check_value(&defs[key], text, detail);
  if (e != ERR_OK) {
    err_hint(detail, "it comes from %s (%s); it is: %s", origin_names[origin], source, defs[key].help);
    return e;
  }
  char *copy = str_dup(text);
  if (!copy) return ERR_NO_MEMORY;
  free(v->text);
  v->text = copy;
  v->origin = origin;
  snprintf(v->source, sizeof v->source, "%s", source);
  return ERR_OK;
}

/* ---- environment and .env ---- */

static const char *lookup(char *const *environment, struct str name) {
  for (; environment && *environment; environment++)
    if (strncmp(*environment, name.ptr, name.len) == 0 && (*environment)[name.len] == '=')
      return *environment + name.len + 1;
  return NULL;
}

static enum err set_from_secret_file(struct config *c, int key, const char *path, enum config_origin origin,
                                     struct err_detail *detail) {
  BUF_AUTO struct buf bytes = buf_new(CONFIG_VALUE_BYTES_MAX);
  enum err e = os_read_file(path, &bytes, detail);
  if (e == ERR_OK) e = set_value(c, key, str_trim(buf_str(&bytes)), origin, path, detail);
  if (bytes.ptr) explicit_bzero(bytes.ptr, bytes.capacity);
  return e;
}

static enum err set_from_environment(struct config *c, char *const *environment, enum config_origin origin,
                                     struct err_detail *detail) {
  for (int key = 0; key < CONFIG_COUNT; key++) {
    struct str names = str_of(defs[key].env), name;
    while (str_split(&names, ' ', &name)) {
      char source[64], file_name[72];
      snprintf(source, sizeof source, "%.*s", STR_ARG(name));
      const char *value = lookup(environment, name);
      if (value && !value[0] && defs[key].min > 0 && defs[key].type == CONFIG_TYPE_TEXT)
        continue; /* X="": unset */
      if (value) {
        TRY(set_value(c, key, str_of(value), origin, source, detail));
        break;
      }
      if (!defs[key].is_secret) continue;
      int n = snprintf(file_name, sizeof file_name, "%s_FILE", source);
      value = lookup(environment, (struct str){file_name, (size_t)n});
      if (value) TRY(set_from_secret_file(c, key, value, origin, detail));
    }
  }
  return ERR_OK;
}

static bool is_known_variable(struct str name) {
  static const char *const others[] = {"SERENO_URL", "SERENO_TOKEN", "SERENO_CONFIG", "SERENO_TAG",
                                       "SERENO_CA_FILE"};
  if (str_starts(name, STR("SERENO_RUN_"))) return true;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (str_eq(name, str_of(others[i]))) return true;
  for (int key = 0; key < CONFIG_COUNT; key++) {
    struct str names = str_of(defs[key].env), known;
    while (str_split(&names, ' ', &known))
      if (str_eq(name, known)) return true;
  }
  return false;
}

static void warn_of_unknown_variables(struct config *c, char *const *environment) {
  for (; environment && *environment; environment++) {
    struct str rest = str_of(*environment), name;
    if (!str_starts(rest, STR("SERENO_")) || !str_split(&rest, '=', &name)) continue;
    if (!is_known_variable(name))
      warn(c, "the environment variable %.*s is not known and has no effect", STR_ARG(name));
  }
}

/* One line of a .env file: NAME=value, 'export' before it and quotes around the value allowed. */
static bool dotenv_line(struct str line, struct str *ret_name, struct str *ret_value) {
  line = str_trim(line);
  if (line.len == 0 || line.ptr[0] == '#') return false;
  if (str_starts(line, STR("export "))) line = str_trim(str_from(line, 7));
  size_t equals = str_find_char(line, '=');
  if (equals == SIZE_MAX || equals == 0) return false;
  *ret_name = str_trim((struct str){line.ptr, equals});
  struct str value = str_trim(str_from(line, equals + 1));
  char quote = value.len ? value.ptr[0] : 0;
  if (quote == '"' || quote == '\'') {
    size_t end = str_find_char(str_from(value, 1), quote);
    if (end != SIZE_MAX) value = (struct str){value.ptr + 1, end};
  } else {
    size_t comment = str_find(value, STR(" #"));
    if (comment != SIZE_MAX) value = str_trim((struct str){value.ptr, comment});
  }
  *ret_value = value;
  return true;
}

/* Turns the file into an environment and reads it as one; a missing file is fine. */
static enum err set_from_dotenv(struct config *c, const char *path, struct err_detail *detail) {
  BUF_AUTO struct buf bytes = buf_new(CONFIG_FILE_BYTES_MAX);
  enum err e = os_read_file(path, &bytes, detail);
  if (e == ERR_NOT_FOUND) return ERR_OK;
  if (e != ERR_OK) return e;
  enum { VARIABLES_MAX = 512 };
  struct arena arena = arena_new(2 * CONFIG_FILE_BYTES_MAX);
  char **variables = ARENA_ARRAY(&arena, char *, VARIABLES_MAX + 1);
  if (!variables) return ERR_NO_MEMORY;
  size_t count = 0;
  struct str rest = buf_str(&bytes), line, name, value;
  while (bytes.len && count < VARIABLES_MAX && str_split(&rest, '\n', &line))
    if (dotenv_line(line, &name, &value)) {
      char *text = arena_printf(&arena, "%.*s=%.*s", STR_ARG(name), STR_ARG(value));
      if (text) variables[count++] = text;
    }
  e = arena_error(&arena);
  if (e == ERR_OK) e = set_from_environment(c, variables, CONFIG_FROM_DOTENV, detail);
  arena_free(&arena);
  return e;
}

/* ---- ini file ---- */

struct ini_reading {
  struct config *config;
  struct err_detail *detail;
  const char *path;
  enum err error;
};

static int ini_entry(void *user, const char *section, const char *name, const char *value) {
  struct ini_reading *r = user;
  char key[200];
  snprintf(key, sizeof key, "%s.%s", section, name);
  int index = find_key(str_of(key));
  if (index < 0 || index == CONFIG_DATA) {
    r->error = err_set(r->detail, ERR_INVALID, key, 0, "%s: there is no such key", r->path);
    err_hint(r->detail, "`sereno config --explain` lists the keys, e.g. [http] port = 3000");
    return 0;
  }
  r->error = set_value(r->config, index, str_of(value), CONFIG_FROM_FILE, r->path, r->detail);
  return r->error == ERR_OK;
}

static enum err set_from_ini(struct config *c, const char *path, bool must_exist, struct err_detail *detail) {
  if (access(path, F_OK) != 0 && errno == ENOENT && !must_exist) return ERR_NOT_FOUND;
  struct ini_reading reading = {.config = c, .detail = detail, .path = path};
  int line = ini_parse(path, ini_entry, &reading);
  if (line == -1) return err_set(detail, ERR_NOT_FOUND, "config", 0, "%s cannot be read", path);
  if (line == -2) return ERR_NO_MEMORY;
  if (line > 0 && reading.error == ERR_OK)
    reading.error = err_set(detail, ERR_INVALID, "config", 0, "%s: line %d is not understood", path, line);
  if (reading.error != ERR_OK) {
    if (detail) detail->line = line;
    return reading.error;
  }
  snprintf(c->file, sizeof c->file, "%s", path);
  return ERR_OK;
}

static enum err set_from_files(struct config *c, const char *explicit_file, struct err_detail *detail) {
  if (explicit_file) return set_from_ini(c, explicit_file, true, detail);
  const char *data = config_text(c, CONFIG_DATA);
  char path[CONFIG_VALUE_BYTES_MAX + 16];
  if (data) {
    snprintf(path, sizeof path, "%s/sereno.ini", data);
    enum err e = set_from_ini(c, path, false, detail);
    if (e != ERR_NOT_FOUND) return e;
  }
  enum err e = set_from_ini(c, "/etc/sereno/sereno.ini", false, detail);
  return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* ---- all together ---- */

static void warn_of_false_look_alikes(struct config *c) {
  const char *text = config_text(c, CONFIG_CRON_ENABLED);
  bool is_true;
  struct str trimmed = str_trim(str_of(text));
  if (strcmp(text, "false") == 0) return;
  if (bool_from_text(trimmed, &is_true) && is_true) return;
  if (trimmed.len == 0) return;
  warn(c,
       "ENABLE_CRON_JOBS is \"%s\", which is not \"false\": scheduled jobs run (only the exact text false "
       "turns them off)",
       text);
}

static enum err check_words(const struct config *c, enum config_key key, const char *const *words,
                            struct err_detail *detail) {
  const char *text = config_text(c, key);
  for (const char *const *w = words; *w; w++)
    if (strcmp(*w, text) == 0) return ERR_OK;
  return err_set(detail, ERR_INVALID, defs[key].key, 0, "\"%s\" is none of: %s", text, defs[key].help);
}

/* A mode that is asked for by name needs its address. */
static enum err check_live(const struct config *c, struct err_detail *detail) {
  const char *mode = config_live_mode(c);
  if (strcmp(mode, "redis") == 0 && !config_text(c, CONFIG_LIVE_URL))
    return err_set(detail, ERR_INVALID, "live.url", 0, "live.mode is redis, and there is no REDIS_URL");
  if (strcmp(mode, "upstash") != 0) return ERR_OK;
  if (!config_text(c, CONFIG_LIVE_UPSTASH_URL) || !config_text(c, CONFIG_LIVE_UPSTASH_TOKEN))
    return err_set(detail, ERR_INVALID, "live.upstash_url", 0,
                   "UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN are needed together");
  return ERR_OK;
}

static enum err check_all(const struct config *c, struct err_detail *detail) {
  static const char *const levels[] = {"debug", "info", "warn", "error", "critical", NULL};
  static const char *const formats[] = {"auto", "json", "text", NULL};
  static const char *const cron_stores[] = {"auto", "embedded", NULL};
  static const char *const live_modes[] = {"auto", "embedded", "redis", "upstash", "none", NULL};
  TRY(check_words(c, CONFIG_LOG_LEVEL, levels, detail));
  TRY(check_words(c, CONFIG_LOG_FORMAT, formats, detail));
  TRY(check_words(c, CONFIG_STORE_CRON, cron_stores, detail));
  TRY(check_words(c, CONFIG_LIVE_MODE, live_modes, detail));
  TRY(check_live(c, detail));
  TRY(web_base_check(config_text(c, CONFIG_HTTP_BASE_PATH), detail));
  TRY(net_list_check(str_of(config_text(c, CONFIG_API_CRON_NETS)), "api.cron_nets", detail));
  TRY(net_list_check(str_of(config_text(c, CONFIG_API_PROXY_NETS)), "api.proxy_nets", detail));
  if (!config_text(c, CONFIG_HTTP_TLS_CERT) != !config_text(c, CONFIG_HTTP_TLS_KEY))
    return err_set(detail, ERR_INVALID, "http.tls_key", 0,
                   "http.tls_cert and http.tls_key are needed together");
  return ERR_OK;
}

static enum err set_root_url(struct config *c) {
  const char *url = config_text(c, CONFIG_HTTP_PUBLIC_URL);
  BUF_AUTO struct buf root = buf_new(sizeof c->root_url - 1);
  if (url) web_root_url(str_of(url), str_of(config_text(c, CONFIG_HTTP_BASE_PATH)), &root);
  TRY(buf_error(&root));
  return str_copy(c->root_url, sizeof c->root_url, buf_str(&root)) ? ERR_OK : ERR_LIMIT;
}

const char *config_root_url(const struct config *c) { return c->root_url[0] ? c->root_url : NULL; }

static enum err load(struct config *c, const struct config_input *in, struct err_detail *detail) {
  for (size_t i = 0; i < in->flag_count; i++) {
    int key = find_key(str_of(in->flags[i].key));
    ASSERT(key >= 0);
    TRY(set_value(c, key, str_of(in->flags[i].value), CONFIG_FROM_FLAG, "command line", detail));
  }
  TRY(set_from_environment(c, in->environment, CONFIG_FROM_ENV, detail));
  char folder[CONFIG_VALUE_BYTES_MAX];
  if (!config_text(c, CONFIG_DATA) && config_data_folder(NULL, in->environment, folder, sizeof folder))
    TRY(set_value(c, CONFIG_DATA, str_of(folder), CONFIG_FROM_DEFAULT, "XDG_STATE_HOME", detail));
  if (in->dotenv) TRY(set_from_dotenv(c, in->dotenv, detail));
  TRY(set_from_files(c, in->file, detail));
  warn_of_unknown_variables(c, in->environment);
  warn_of_false_look_alikes(c);
  TRY(check_all(c, detail));
  return set_root_url(c);
}

enum err config_load(const struct config_input *input, struct config **ret, struct err_detail *detail) {
  struct config *c = calloc(1, sizeof *c);
  if (!c) return ERR_NO_MEMORY;
  enum err e = load(c, input, detail);
  if (e != ERR_OK) {
    config_free(c);
    return e;
  }
  *ret = c;
  return ERR_OK;
}

void config_free(struct config *c) {
  if (!c) return;
  for (int i = 0; i < CONFIG_COUNT; i++) {
    if (c->values[i].text && defs[i].is_secret) explicit_bzero(c->values[i].text, strlen(c->values[i].text));
    free(c->values[i].text);
  }
  free(c);
}

const char *config_text(const struct config *c, enum config_key key) {
  ASSERT(key < CONFIG_COUNT);
  return c->values[key].text ? c->values[key].text : defs[key].otherwise;
}

int64_t config_int(const struct config *c, enum config_key key) {
  int64_t value = 0;
  ASSERT(defs[key].type == CONFIG_TYPE_INT);
  bool is_number = str_to_int(str_of(config_text(c, key)), defs[key].min, defs[key].max, &value);
  ASSERT(is_number);
  return value;
}

bool config_bool(const struct config *c, enum config_key key) {
  bool value = false;
  ASSERT(defs[key].type == CONFIG_TYPE_BOOL);
  bool is_bool = bool_from_text(str_of(config_text(c, key)), &value);
  ASSERT(is_bool);
  return value;
}

enum config_origin config_origin(const struct config *c, enum config_key key) {
  return c->values[key].origin;
}

const char *config_get(const struct config *c, const char *key) {
  int index = find_key(str_of(key));
  return index < 0 ? NULL : config_text(c, (enum config_key)index);
}

const char *config_file(const struct config *c) { return c->file[0] ? c->file : NULL; }
bool config_is_cron_off(const struct config *c) {
  return strcmp(config_text(c, CONFIG_CRON_ENABLED), "false") == 0;
}
const char *config_cron_url(const struct config *c) {
  bool is_embedded = strcmp(config_text(c, CONFIG_STORE_CRON), "embedded") == 0;
  return is_embedded ? NULL : config_text(c, CONFIG_STORE_URL);
}
/* The seeds name Upstash as what they use, so it goes first when both addresses are there. */
const char *config_live_mode(const struct config *c) {
  const char *mode = config_text(c, CONFIG_LIVE_MODE);
  if (strcmp(mode, "auto") != 0) return mode;
  if (config_text(c, CONFIG_LIVE_UPSTASH_URL)) return "upstash";
  return config_text(c, CONFIG_LIVE_URL) ? "redis" : "embedded";
}
const char *config_warning(const struct config *c, size_t i) {
  return i < c->warning_count ? c->warnings[i] : NULL;
}

void config_write_json(const struct config *c, struct json_writer *w) {
  for (int i = 0; i < CONFIG_COUNT; i++) {
    const char *text = config_text(c, (enum config_key)i);
    jw_object(w);
    jw_ktext(w, "key", defs[i].key);
    jw_ktext(w, "value", text && defs[i].is_secret ? "***" : text);
    jw_ktext(w, "origin", origin_names[c->values[i].origin]);
    jw_ktext(w, "source", c->values[i].source[0] ? c->values[i].source : NULL);
    jw_ktext(w, "environment", defs[i].env);
    jw_ktext(w, "help", defs[i].help);
    jw_ktext(w, "default", defs[i].otherwise);
    jw_kbool(w, "needsRestart", true);
    jw_object_end(w);
  }
}

bool config_data_folder(const char *flag, char *const *environment, char *ret, size_t size) {
  const char *data = flag ? flag : lookup(environment, STR("SERENO_DATA"));
  const char *state = lookup(environment, STR("XDG_STATE_HOME")), *home = lookup(environment, STR("HOME"));
  int n = -1;
  if (data && data[0]) n = snprintf(ret, size, "%s", data);
  else if (state && state[0] == '/') n = snprintf(ret, size, "%s/sereno", state);
  else if (home && home[0] == '/') n = snprintf(ret, size, "%s/.local/state/sereno", home);
  return n > 0 && (size_t)n < size;
}
