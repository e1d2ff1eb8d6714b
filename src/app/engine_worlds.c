#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/engine_private.h"
#include "app/world_probe.h"
#include "base/log.h"
#include "sys/os_file.h"

#define PROBE_MS 5000
#define NOTICE_FIELDS_MAX 24

/* ---- the configuration of worlds ---- */

/* Signs keep links: lost means that links in mails that were sent do not work any more, nothing worse. */
static enum err read_link_key(struct engine *e, struct err_detail *detail) {
  char path[CONFIG_VALUE_BYTES_MAX + 16];
  snprintf(path, sizeof path, "%s/secret.key", e->folder);
  BUF_AUTO struct buf bytes = buf_new(sizeof e->worlds.link_key + 1);
  enum err error = os_read_file(path, &bytes, detail);
  if (error == ERR_NOT_FOUND) {
    e->world->random(e->world, e->worlds.link_key, sizeof e->worlds.link_key);
    return os_write_file(path, (struct str){(const char *)e->worlds.link_key, sizeof e->worlds.link_key},
                         0600, detail);
  }
  if (error != ERR_OK && error != ERR_LIMIT) return error;
  if (error == ERR_LIMIT || bytes.len != sizeof e->worlds.link_key) {
    error = err_set(detail, ERR_INVALID, "secret.key", 0, "%.150s has to have 32 bytes", path);
    err_hint(detail, "remove it to get a new one; keep links that were sent end with it");
    return error;
  }
  memcpy(e->worlds.link_key, bytes.ptr, sizeof e->worlds.link_key);
  explicit_bzero(bytes.ptr, bytes.capacity);
  return ERR_OK;
}

/* NODE:EPOCH. The node is this data folder on this machine: its older epochs' locks are orphans. */
static void make_owner(struct engine *e) {
  char host[64] = "";
  (void)gethostname(host, sizeof host - 1);
  uint64_t node = hash_bytes(e->folder, strlen(e->folder), hash_bytes(host, strlen(host), 0));
  snprintf(e->worlds.owner, sizeof e->worlds.owner, "%.40s-%08x:%lld", host, (unsigned)node,
           (long long)e->boot.epoch);
  for (char *p = e->worlds.owner; *p; p++)
    if (*p == '|') *p = '-'; /* separates the parts of a lock's value */
}

static enum live_mode mode_of(const struct config *config) {
  const char *mode = config_live_mode(config);
  enum live_mode m = LIVE_EMBEDDED;
  while (m < LIVE_NONE && strcmp(live_mode_names[m], mode) != 0) m++;
  return m;
}

static struct worlds_config config_of(struct engine *e) {
  const struct config *c = e->config;
  enum live_mode mode = mode_of(c);
  return (struct worlds_config){
      .db = {.folder = config_text(c, CONFIG_STORE_URL) ? NULL : e->folder,
             .url = config_text(c, CONFIG_STORE_URL),
             .is_synchronous = true},
      .live = {.mode = mode,
               .folder = e->folder,
               .url = config_text(c, mode == LIVE_UPSTASH ? CONFIG_LIVE_UPSTASH_URL : CONFIG_LIVE_URL),
               .token = config_text(c, CONFIG_LIVE_UPSTASH_TOKEN),
               .ca_file = config_text(c, CONFIG_LIVE_CA_FILE),
               .is_unverified = !config_bool(c, CONFIG_LIVE_TLS_VERIFY),
               .prefix = config_text(c, CONFIG_LIVE_PREFIX),
               .global = config_text(c, CONFIG_LIVE_GLOBAL),
               .extra_keys = config_text(c, CONFIG_LIVE_EXTRA_KEYS),
               .owner = e->worlds.owner},
      .folder = e->folder,
      .public_url = config_root_url(c),
      .link_key = e->worlds.link_key,
      .llm_base_url = config_text(c, CONFIG_LLM_BASE_URL),
      .llm_api_key = config_text(c, CONFIG_LLM_API_KEY),
      .llm_model = config_text(c, CONFIG_LLM_MODEL),
      .timezone = e->worlds.timezone,
  };
}

/* ---- what lanes tell ---- */

/* A notice of a call → a log line with its component and an event of the topic worlds. */
static void on_notice(void *arg, enum log_level level, const char *component, const char *message,
                      const json_t *fields) {
  struct engine *e = arg;
  struct log_field list[NOTICE_FIELDS_MAX];
  size_t count = 0;
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)fields, key, value) {
    if (count == NOTICE_FIELDS_MAX - 1) break;
    if (json_is_integer(value)) list[count++] = LF_INT(key, json_integer_value(value));
    else if (json_is_real(value)) list[count++] = LF_REAL(key, json_real_value(value));
    else if (json_is_boolean(value)) list[count++] = LF_BOOL(key, json_is_true(value));
    else if (json_is_string(value)) list[count++] = LF_TEXT(key, json_string_value(value));
  }
  list[count] = (struct log_field){};
  log_fields(level, component, message, list);
  BUF_AUTO struct buf out = buf_new(LIMIT_EVENT_BYTES);
  struct json_writer w = jw_new(&out);
  jw_object(&w);
  jw_ktext(&w, "type", "world");
  jw_ktext(&w, "component", component);
  jw_ktext(&w, "message", message);
  jw_kinstant(&w, "at", engine_now_ms(e));
  if (fields) {
    jw_key(&w, "fields");
    jw_value(&w, fields);
  }
  jw_object_end(&w);
  if (buf_error(&out) == ERR_OK) engine_publish(e, ENGINE_TOPIC_WORLDS, buf_str(&out));
}

static void probe(struct engine *e);

static void on_state(void *arg, bool is_there, const char *why) {
  struct engine *e = arg;
  if (is_there) log_line(LOG_INFO, "Worlds", "the worlds' database and live state answer");
  else log_line(LOG_ERROR, "Worlds", "worlds cannot be reached; it is tried again", LF_TEXT("why", why));
  engine_publish_status(e);
  if (is_there) probe(e);
}

/* ---- the probe: does the live state answer, and how big is it? ---- */

static void on_probed(void *arg, const struct world_reply *reply, struct str text) {
  struct engine *e = arg;
  (void)text;
  e->worlds.is_probing = false;
  e->worlds.has_live = reply->error == ERR_OK && world_probe_read(reply, &e->worlds.live);
  if (!e->is_stopping) loop_timer_arm_ms(e->worlds.probe, PROBE_MS);
  engine_wind_on(e);
}

static void probe(struct engine *e) {
  if (e->worlds.is_probing || e->is_stopping) return;
  e->worlds.is_probing = true;
  struct world_lanes_ask ask = {.call = &world_probe_call,
                                .actor = {.kind = ACTOR_SYSTEM, .name = STR("system")}};
  world_lanes_ask(e->worlds.lanes, &ask, on_probed, e);
}

static void on_probe_due(void *arg) { probe(arg); }

/* ---- asking ---- */

struct request_ask {
  struct engine *engine;
  engine_world_fn *fn;
  void *arg;
};

static void on_answer(void *arg, const struct world_reply *reply, struct str text) {
  struct request_ask *a = arg;
  struct engine *e = a->engine;
  (void)text;
  a->fn(a->arg, reply);
  free(a);
  engine_wind_on(e);
}

void engine_world_call(struct engine *e, const struct engine_world_ask *ask, engine_world_fn *fn, void *arg) {
  ASSERT(ask->call && fn);
  struct request_ask *a = calloc(1, sizeof *a);
  if (!a) {
    struct world_reply none = {.error = ERR_NO_MEMORY};
    fn(arg, &none);
    return;
  }
  *a = (struct request_ask){e, fn, arg};
  struct world_lanes_ask own = {
      .call = ask->call,
      .world_id = ask->world_id,
      .actor = {(enum world_actor_kind)ask->actor_kind, ask->user_id, ask->actor},
      .args = json_incref(ask->args),
      .payload = ask->payload,
  };
  world_lanes_ask(e->worlds.lanes, &own, on_answer, a);
}

struct engine_worlds engine_worlds(const struct engine *e) {
  struct world_lanes_status s = world_lanes_status(e->worlds.lanes);
  struct engine_worlds r = {.is_there = s.is_there,
                            .waiting = (int64_t)s.tasks,
                            .calls = s.calls,
                            .busy = s.busy,
                            .retries = s.retries,
                            .has_live = e->worlds.has_live,
                            .live = e->worlds.live};
  str_copy(r.why, sizeof r.why, str_of(s.why));
  str_copy(r.database, sizeof r.database,
           config_text(e->config, CONFIG_STORE_URL) ? STR("postgres") : STR("sqlite"));
  str_copy(r.live_mode, sizeof r.live_mode, str_of(config_live_mode(e->config)));
  return r;
}

size_t engine_worlds_out(const struct engine *e) {
  return e->worlds.lanes ? world_lanes_status(e->worlds.lanes).tasks : 0;
}

/* ---- beginning and end ---- */

static int64_t now_on_lane(void *arg) { return world_now_ms(arg); }

enum err engine_worlds_open(struct engine *e, struct err_detail *detail) {
  TRY(read_link_key(e, detail));
  TRY(loop_timer_new(e->loop, on_probe_due, e, &e->worlds.probe));
  make_owner(e);
  str_copy(e->worlds.timezone, sizeof e->worlds.timezone, str_of(e->settings->timezone));
  struct world_lanes_options options = {
      .loop = e->loop,
      .lanes = (int)config_int(e->config, CONFIG_WORLDS_LANES),
      .config = config_of(e),
      .now_ms = now_on_lane,
      .now_arg = e->world,
      .on_notice = on_notice,
      .on_state = on_state,
      .arg = e,
  };
  return world_lanes_new(&options, &e->worlds.lanes);
}

void engine_worlds_stop(struct engine *e) {
  struct map_entry entry;
  for (size_t i = 0; map_next(&e->live, &i, &entry);) engine_channel_close(entry.value);
  if (e->worlds.lanes) world_lanes_stop(e->worlds.lanes);
}

void engine_worlds_close(struct engine *e) {
  e->is_stopping = true;
  engine_worlds_stop(e);
  world_lanes_free(e->worlds.lanes);
  e->worlds.lanes = NULL;
  loop_timer_free(e->worlds.probe);
  e->worlds.probe = NULL;
}

void engine_end_worlds(struct engine *e) {
  if (e) engine_worlds_close(e);
}
