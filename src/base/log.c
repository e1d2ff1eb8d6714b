#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/instant.h"
#include "base/json.h"

#define LINE_MAX_BYTES 262144

static struct {
  int fd;
  enum log_format format;
  enum log_level least;
  int64_t (*clock_ms)(void);
  log_tap *tap;
  void *tap_arg;
} state = {.fd = 2, .least = LOG_INFO};

static const char *const level_names[] = {"debug", "info", "warn", "error", "critical"};

void log_open(int fd, enum log_format format, enum log_level least, int64_t (*clock_ms)(void)) {
  state.fd = fd;
  state.format = format;
  state.least = least;
  state.clock_ms = clock_ms;
}

void log_set_tap(log_tap *tap, void *arg) {
  state.tap = tap;
  state.tap_arg = arg;
}

static void write_value(struct json_writer *w, const struct log_field *f) {
  switch (f->kind) {
    case LOG_FIELD_END: break;
    case LOG_FIELD_TEXT: jw_str(w, f->text); break;
    case LOG_FIELD_INT: jw_int(w, f->number); break;
    case LOG_FIELD_REAL: jw_real(w, f->real); break;
    case LOG_FIELD_BOOL: jw_bool(w, f->is_true); break;
    case LOG_FIELD_JSON: jw_raw(w, f->text); break;
  }
}

static void format_json(struct buf *out, const char *when, enum log_level level, const char *component,
                        const char *message, const struct log_field *fields) {
  struct json_writer w = jw_new(out);
  jw_object(&w);
  jw_ktext(&w, "ts", when);
  jw_ktext(&w, "level", level_names[level]);
  jw_ktext(&w, "component", component);
  jw_ktext(&w, "msg", message);
  for (const struct log_field *f = fields; f->kind != LOG_FIELD_END; f++) {
    jw_key(&w, f->key);
    write_value(&w, f);
  }
  jw_object_end(&w);
  buf_add_char(out, '\n');
}

static void format_text(struct buf *out, const char *when, enum log_level level, const char *component,
                        const char *message, const struct log_field *fields) {
  buf_addf(out, "%s %-8s %s: %s", when, level_names[level], component, message);
  for (const struct log_field *f = fields; f->kind != LOG_FIELD_END; f++) {
    struct json_writer w = jw_new(out);
    buf_addf(out, " %s=", f->key);
    write_value(&w, f);
  }
  buf_add_char(out, '\n');
}

void log_fields(enum log_level level, const char *component, const char *message,
                const struct log_field *fields) {
  if (level < state.least) return;
  BUF_AUTO struct buf out = buf_new(LINE_MAX_BYTES);
  struct instant_text when = instant_to_text(state.clock_ms ? state.clock_ms() : 0);
  if (state.format == LOG_JSON) format_json(&out, when.text, level, component, message, fields);
  else format_text(&out, when.text, level, component, message, fields);
  if (buf_error(&out) != ERR_OK) return;
  ssize_t written = write(state.fd, out.ptr, out.len);
  (void)written; /* a closed log must not stop the scheduler */
  if (state.tap) state.tap(state.tap_arg, level, buf_str(&out));
}
