/* Configuration: one table of keys (configuration.def), read from flags, environment, ./.env, an ini file and
 * defaults, in this order; each value knows its origin (U-31, A-101). Pure but for reading the files it
 * is told to read. Values are text checked against their key's type; nothing is printed here. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

enum config_key {
#define CONFIG(id, key, env, type, min, max, otherwise, is_secret, help) CONFIG_##id,
#include "app/configuration.def"
#undef CONFIG
  CONFIG_COUNT
};

enum config_origin {
  CONFIG_FROM_DEFAULT,
  CONFIG_FROM_DATABASE, /* only of the settings shown beside the keys */
  CONFIG_FROM_FILE,
  CONFIG_FROM_DOTENV,
  CONFIG_FROM_ENV,
  CONFIG_FROM_FLAG,
};

#define CONFIG_VALUE_BYTES_MAX 4000
#define CONFIG_WARNINGS_MAX 20
#define CONFIG_FILE_BYTES_MAX (256 * 1024)
#define CONFIG_FLAGS_MAX 64

struct config_flag {
  const char *key; /* "http.port" */
  const char *value;
};

struct config_input {
  const struct config_flag *flags;
  size_t flag_count;
  char *const *environment; /* "NAME=value", ends with NULL */
  const char *dotenv;       /* path of a .env file that may be missing; NULL: none is read */
  const char *file;         /* --config: must exist; NULL: DATA/sereno.ini, then /etc/sereno/sereno.ini */
};

struct config;

/* The detail names the key, and the file and line where there is one. */
enum err config_load(const struct config_input *input, struct config **ret, struct err_detail *detail);
void config_free(struct config *c); /* NULL-safe */

const char *config_text(const struct config *c, enum config_key key); /* NULL: unset */
int64_t config_int(const struct config *c, enum config_key key);      /* of INT */
bool config_bool(const struct config *c, enum config_key key);        /* of BOOL */
enum config_origin config_origin(const struct config *c, enum config_key key);
/* By its name "http.port"; NULL when unset or unknown. */
const char *config_get(const struct config *c, const char *key);
const char *config_origin_text(enum config_origin origin); /* "env", ".env", "file", … */
const char *config_file(const struct config *c);           /* the ini file that was read, or NULL */
/* ENABLE_CRON_JOBS is the exact text "false". */
bool config_is_cron_off(const struct config *c);
/* The PostgreSQL that holds jobs and runs; NULL: DATA/sereno.db does. */
const char *config_cron_url(const struct config *c);
/* How browsers reach the server: http.public_url with http.base_path behind it; NULL without the first. */
const char *config_root_url(const struct config *c);
/* "embedded", "redis", "upstash" or "none": live.mode with auto resolved. */
const char *config_live_mode(const struct config *c);
/* What a person should know but what stops nothing: look-alikes of false, unknown SERENO_ variables. NULL past
 * the end. */
const char *config_warning(const struct config *c, size_t i);
/* Objects {key,value,origin,source,environment,help,default,needsRestart} into an open array; secrets are "***". */
void config_write_json(const struct config *c, struct json_writer *w);

/* DATA, SERENO_DATA, else $XDG_STATE_HOME/sereno, else ~/.local/state/sereno; false when it does not fit or
 * there is no home. */
bool config_data_folder(const char *flag, char *const *environment, char *ret, size_t size);
