#include "app/serve.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "api/api.h"
#include "app/data_dir.h"
#include "app/test_clock.h"
#include "base/log.h"
#include "sys/os_file.h"

#define STOP_SLACK_MS 5000 /* beyond serve.stop_seconds, for the last commit */
#define PACKAGED_FOLDER "/var/lib/sereno"

struct server {
  struct config *config;
  char folder[CONFIG_VALUE_BYTES_MAX];
  struct loop *loop;
  struct work *work;
  struct test_clock *test_clock;
  struct world *world;
  struct engine *engine;
  struct api *api;
  struct http_server *http;
  struct loop_signal *signals[4];
  struct loop_timer *stop_timer, *watchdog;
  int64_t watchdog_ms;
  bool is_stopping, is_http_drained;
  char url[600];
  char import_path[300]; /* API_IMPORT_PATH below the base path */
};

struct serve_flags {
  struct config_flag config[CONFIG_FLAGS_MAX];
  size_t count;
  const char *file, *test_clock;
  bool is_init_test, is_help;
  int64_t init_ms;
};

/* ---- flags ---- */

static const struct {
  const char *name, *key, *help;
} flag_keys[] = {
    {"data", "data.dir", "DIR        folder of everything that is kept"},
    {"port", "http.port", "N          port, 0 = any free one (default 3000)"},
    {"address", "http.address", "A       address (default 127.0.0.1)"},
    {"port-file", "http.port_file", "FILE  gets the port once the server listens"},
    {"tls-cert", "http.tls_cert", "FILE   certificate chain, PEM"},
    {"tls-key", "http.tls_key", "FILE    private key, PEM"},
    {"public-url", "http.public_url", "URL  how browsers reach the server"},
    {"log-level", "log.level", "LEVEL debug, info, warn, error, critical"},
    {"log-format", "log.format", "FORMAT json, text, auto"},
};
enum { FLAG_CONFIG = 1000, FLAG_INSECURE, FLAG_FILE, FLAG_TEST_CLOCK, FLAG_INIT_TEST, FLAG_HELP };
#define FLAG_KEYS (sizeof flag_keys / sizeof *flag_keys)

static void print_help(void) {
  puts("usage: sereno serve [flags]\n");
  for (size_t i = 0; i < FLAG_KEYS; i++) printf("  --%s %s\n", flag_keys[i].name, flag_keys[i].help);
  puts(
      "  --insecure         allow plain HTTP on an address that is not loopback\n"
      "  --config FILE      instead of DIR/sereno.ini and /etc/sereno/sereno.ini\n"
      "  --test-clock SOCK  a clock moved by commands on this socket; only on a test folder\n"
      "  --init-test[=T]    make DIR a test folder whose clock begins at T, and end\n\n"
      "sereno config --explain lists every key with its environment variable.");
}

static bool add_flag(struct serve_flags *f, const char *key, const char *value) {
  if (f->count == CONFIG_FLAGS_MAX) return false;
  f->config[f->count++] = (struct config_flag){key, value};
  return true;
}

static bool parse_flags(int argc, char **argv, struct serve_flags *f) {
  struct option options[FLAG_KEYS + 6] = {};
  for (size_t i = 0; i < FLAG_KEYS; i++)
    options[i] = (struct option){flag_keys[i].name, required_argument, NULL, (int)i};
  options[FLAG_KEYS] = (struct option){"insecure", no_argument, NULL, FLAG_INSECURE};
  options[FLAG_KEYS + 1] = (struct option){"config", required_argument, NULL, FLAG_FILE};
  options[FLAG_KEYS + 2] = (struct option){"test-clock", required_argument, NULL, FLAG_TEST_CLOCK};
  options[FLAG_KEYS + 3] = (struct option){"init-test", optional_argument, NULL, FLAG_INIT_TEST};
  options[FLAG_KEYS + 4] = (struct option){"help", no_argument, NULL, FLAG_HELP};
  f->init_ms = INSTANT_NONE;
  optind = 1;
  for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (c >= 0 && c < (int)FLAG_KEYS) {
      if (!add_flag(f, flag_keys[c].key, optarg)) return false;
    } else if (c == FLAG_INSECURE) {
      if (!add_flag(f, "http.insecure", "true")) return false;
    } else if (c == FLAG_FILE) {
      f->file = optarg;
    } else if (c == FLAG_TEST_CLOCK) {
      f->test_clock = optarg;
    } else if (c == FLAG_HELP) {
      f->is_help = true;
    } else if (c == FLAG_INIT_TEST) {
      f->is_init_test = true;
      if (optarg && !instant_from_text(str_of(optarg), &f->init_ms)) {
        fprintf(stderr, "sereno serve: --init-test: \"%s\" is no instant like 2026-11-21T18:00:00Z\n",
                optarg);
        return false;
      }
    } else {
      return false;
    }
  }
  if (optind < argc) {
    fprintf(stderr, "sereno serve: \"%s\" is not understood\n", argv[optind]);
    return false;
  }
  return true;
}

/* ---- the log ---- */

static struct world *log_world;
static int64_t log_clock(void) { return world_now_ms(log_world); }

static void start_log(const struct config *c) {
  static const char *const levels[] = {"debug", "info", "warn", "error", "critical", NULL};
  const char *format = config_text(c, CONFIG_LOG_FORMAT);
  bool is_text = strcmp(format, "text") == 0 || (strcmp(format, "auto") == 0 && isatty(2));
  int level = field_enum_index(levels, str_of(config_text(c, CONFIG_LOG_LEVEL)));
  log_open(2, is_text ? LOG_TEXT : LOG_JSON, (enum log_level)(level < 0 ? LOG_INFO : level), log_clock);
}

static int fail(const char *what, enum err e, const struct err_detail *detail) {
  char line[2 * ERR_TEXT_MAX + 200];
  snprintf(line, sizeof line, "%s%s%s", detail->message[0] ? detail->message : err_text(e),
           detail->hint[0] ? "; " : "", detail->hint);
  log_line(LOG_CRITICAL, "Serve", what, LF_TEXT("error", err_code(e)),
           LF_TEXT("field", detail->field[0] ? detail->field : NULL), LF_TEXT("why", line));
  return 1;
}

/* ---- stopping ---- */

static void on_wound_down(void *arg) {
  struct server *s = arg;
  loop_stop(s->loop, 0);
}

static void on_drained(void *arg) {
  struct server *s = arg;
  s->is_http_drained = true;
  engine_wind_down(s->engine, on_wound_down, s);
}

static void on_stop_late(void *arg) {
  struct server *s = arg;
  log_line(LOG_WARN, "Serve", "stopping took too long: what is unanswered is left to recovery");
  loop_stop(s->loop, 0);
}

static void stop(void *arg) {
  struct server *s = arg;
  if (s->is_stopping) return loop_stop(s->loop, 0); /* asked twice: at once; recovery is exact */
  s->is_stopping = true;
  (void)sd_notify(0, "STOPPING=1");
  log_line(LOG_INFO, "Serve", "stopping: nothing new starts, runs go on in the warden");
  engine_quiesce(s->engine);
  int64_t within_ms = config_int(s->config, CONFIG_STOP_SECONDS) * 1000;
  loop_timer_arm_ms(s->stop_timer, within_ms + STOP_SLACK_MS);
  if (s->http) http_server_drain(s->http, within_ms, on_drained, s);
  else on_drained(s);
}

static void on_stop_signal(void *arg, int number) {
  log_line(LOG_INFO, "Serve", "signal", LF_TEXT("name", sigabbrev_np(number)));
  stop(arg);
}

/* Certificates are read again; schedules and runs are untouched (U-15). */
static void on_reload_signal(void *arg, int number) {
  struct server *s = arg;
  (void)number;
  struct err_detail detail = {};
  char state[80];
  snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%llu",
           (unsigned long long)(world_tick(s->world).ns / 1000));
  (void)sd_notify(0, state);
  enum err e =
      config_text(s->config, CONFIG_HTTP_TLS_CERT) ? http_server_reload_tls(s->http, &detail) : ERR_OK;
  if (e != ERR_OK) (void)fail("reload: the old certificate stays", e, &detail);
  log_line(LOG_INFO, "Serve", "reloaded");
  (void)sd_notify(0, "READY=1");
}

/* By the loop: whoever asks may stand in the middle of what stopping frees. */
static void stop_soon(void *arg) {
  (void)arg;
  (void)kill(getpid(), SIGTERM);
}

static void on_watchdog(void *arg) {
  struct server *s = arg;
  (void)sd_notify(0, "WATCHDOG=1");
  loop_timer_arm_ms(s->watchdog, s->watchdog_ms);
}

static enum err start_signals(struct server *s) {
  static const int stopping[] = {SIGTERM, SIGINT};
  for (size_t i = 0; i < 2; i++)
    TRY(loop_signal_new(s->loop, stopping[i], on_stop_signal, s, &s->signals[i]));
  TRY(loop_signal_new(s->loop, SIGHUP, on_reload_signal, s, &s->signals[2]));
  return loop_timer_new(s->loop, on_stop_late, s, &s->stop_timer);
}

static enum err start_watchdog(struct server *s) {
  uint64_t every_us = 0;
  if (sd_watchdog_enabled(0, &every_us) <= 0) return ERR_OK;
  s->watchdog_ms = (int64_t)(every_us / 2000);
  TRY(loop_timer_new(s->loop, on_watchdog, s, &s->watchdog));
  loop_timer_arm_ms(s->watchdog, s->watchdog_ms);
  return ERR_OK;
}

/* ---- booting ---- */

static enum err listen_http(struct server *s, struct err_detail *detail) {
  const struct config *c = s->config;
  const char *address = config_text(c, CONFIG_HTTP_ADDRESS), *cert = config_text(c, CONFIG_HTTP_TLS_CERT);
  if (!cert && !http_address_is_loopback(address) && !config_bool(c, CONFIG_HTTP_INSECURE)) {
    enum err e = err_set(detail, ERR_INVALID, "http.address", 0,
                         "%s is reachable from elsewhere, and there is no TLS", address);
    err_hint(detail, "set http.tls_cert and http.tls_key, or allow it with --insecure");
    return e;
  }
  const char *base = config_text(c, CONFIG_HTTP_BASE_PATH);
  snprintf(s->import_path, sizeof s->import_path, "%.200s%s", base ? base : "", API_IMPORT_PATH);
  struct http_config config = {
      .address = address,
      .port = (uint16_t)config_int(c, CONFIG_HTTP_PORT),
      .tls_cert = cert,
      .tls_key = config_text(c, CONFIG_HTTP_TLS_KEY),
      .csp = API_CSP,
      .world = s->world,
      .answered = api_answered,
      .limits = {.large_path = s->import_path, .large_body_bytes = API_IMPORT_BYTES_MAX},
  };
  TRY(http_server_new(s->loop, &config, api_handle, s->api, &s->http, detail));
  api_set_server(s->api, s->http);
  const char *public_url = config_root_url(c);
  bool is_v6 = strchr(address, ':') != NULL;
  if (public_url) snprintf(s->url, sizeof s->url, "%.500s", public_url);
  else
    snprintf(s->url, sizeof s->url, "%s://%s%.200s%s:%u%.200s", cert ? "https" : "http", is_v6 ? "[" : "",
             address, is_v6 ? "]" : "", http_server_port(s->http), base ? base : "");
  return ERR_OK;
}

static enum err write_port_file(struct server *s, struct err_detail *detail) {
  const char *path = config_text(s->config, CONFIG_HTTP_PORT_FILE);
  if (!path) return ERR_OK;
  char text[16];
  snprintf(text, sizeof text, "%u\n", http_server_port(s->http));
  return os_write_file(path, str_of(text), 0644, detail);
}

/* DIR/url tells the command line where this server listens. */
static void write_url_file(struct server *s) {
  char path[CONFIG_VALUE_BYTES_MAX + 8], text[620];
  snprintf(path, sizeof path, "%s/url", s->folder);
  snprintf(text, sizeof text, "%s\n", s->url);
  (void)os_write_file(path, str_of(text), 0600, NULL);
}

static void on_api_started(void *arg, const struct api_started *started) {
  struct server *s = arg;
  struct err_detail detail = started->detail;
  if (started->error != ERR_OK) {
    (void)fail("the identities cannot be read", started->error, &detail);
    return loop_stop(s->loop, 1);
  }
  printf("Sereno listens on %s\n", s->url);
  if (started->login_path) printf("Log in (once, within ten minutes): %s%s\n", s->url, started->login_path);
  fflush(stdout);
  enum err e = write_port_file(s, &detail);
  if (e != ERR_OK) (void)fail("the port file cannot be written", e, &detail);
  write_url_file(s);
  (void)sd_notifyf(0, "READY=1\nSTATUS=Listening on %s", s->url);
}

static void on_note(void *arg, const struct sched_note *note) { api_note(arg, note); }

static enum err boot(struct server *s, const struct serve_flags *flags, struct err_detail *detail) {
  TRY(loop_new(&s->loop));
  TRY(start_signals(s));
  TRY(work_new(s->loop, &s->work));
  if (flags->test_clock) {
    if (str_starts(str_of(s->folder), STR(PACKAGED_FOLDER)))
      return err_set(detail, ERR_FORBIDDEN, "test-clock", 0, "not on the folder of the installed service");
    TRY(test_clock_new(s->loop, s->folder, flags->test_clock, &s->test_clock, detail));
    s->world = log_world = test_clock_world(s->test_clock);
    log_line(LOG_WARN, "Serve", "TEST CLOCK: this server does not follow the real time");
  }
  struct engine_options options = {s->loop, s->world, s->work, s->config, s->folder, s->test_clock != NULL};
  TRY(engine_new(&options, &s->engine, detail));
  if (s->test_clock) test_clock_attach(s->test_clock, s->engine);
  TRY(api_new(s->engine, &s->api));
  engine_set_hooks(s->engine, on_note, s->api, stop_soon, s);
  TRY(listen_http(s, detail));
  api_start(s->api, on_api_started, s);
  TRY(engine_connect(s->engine, detail));
  return start_watchdog(s);
}

static void shut(struct server *s) {
  http_server_free(s->http);
  work_free(s->work);           /* tells what still ran, and the api is one of those told */
  engine_end_worlds(s->engine); /* the same */
  api_free(s->api);
  test_clock_free(s->test_clock);
  engine_free(s->engine);
  for (size_t i = 0; i < 4; i++) loop_signal_free(s->signals[i]);
  loop_timer_free(s->stop_timer);
  loop_timer_free(s->watchdog);
  if (s->loop) loop_free(s->loop);
}

static void log_start(const struct server *s) {
  log_line(LOG_INFO, "Serve", "sereno " SERENO_VERSION " starts", LF_TEXT("data", s->folder),
           LF_INT("pid", getpid()), LF_TEXT("config", config_file(s->config)));
  for (size_t i = 0; config_warning(s->config, i); i++)
    log_line(LOG_WARN, "Config", config_warning(s->config, i));
  if (config_is_cron_off(s->config))
    log_line(LOG_WARN, "Config", "ENABLE_CRON_JOBS is false: nothing starts by schedule; manual runs work");
}

static int serve(struct server *s, const struct serve_flags *flags) {
  struct err_detail detail = {};
  const char *data = config_text(s->config, CONFIG_DATA);
  enum err e = data_dir_open(data, s->folder, sizeof s->folder, &detail);
  if (e != ERR_OK) return fail("the data folder cannot be used", e, &detail);
  if (flags->is_init_test) {
    int64_t begin_ms = flags->init_ms == INSTANT_NONE ? world_now_ms(s->world) : flags->init_ms;
    e = test_clock_init(s->folder, begin_ms, &detail);
    return e == ERR_OK ? 0 : fail("it cannot become a test folder", e, &detail);
  }
  log_start(s);
  e = boot(s, flags, &detail);
  int code = e == ERR_OK ? loop_run(s->loop) : fail("the server cannot start", e, &detail);
  if (e == ERR_OK) log_line(LOG_INFO, "Serve", "stopped");
  shut(s);
  return code < 0 ? 1 : code;
}

int serve_main(int argc, char **argv) {
  struct serve_flags flags = {};
  if (!parse_flags(argc, argv, &flags)) return 2;
  if (flags.is_help) return print_help(), 0;
  umask(077);
  (void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
  log_world = world_real();
  log_open(2, isatty(2) ? LOG_TEXT : LOG_JSON, LOG_INFO, log_clock);
  struct server s = {.world = world_real()};
  struct config_input input = {flags.config, flags.count, environ, ".env", flags.file};
  struct err_detail detail = {};
  enum err e = config_load(&input, &s.config, &detail);
  if (e != ERR_OK) {
    (void)fail("the configuration is not valid", e, &detail);
    return 2;
  }
  start_log(s.config);
  int code = sodium_init() < 0 ? 1 : serve(&s, &flags);
  config_free(s.config);
  return code;
}
