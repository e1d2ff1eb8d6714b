#include "warden/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "sys/world.h"
#include "warden/channel.h"
#include "warden/proto.h"

#define LINES_FD 3
#define PRINT_BYTES_MAX 65536
#define HERE_TIME_LEFT_MS (3600 * 1000)

struct child {
  const struct executor *executor;
  struct child_context context;
  json_t *params;
  int channel_fd;
  uint32_t call_number;
  child_call_fn *call_fn; /* run here: asked instead of the descriptor */
  void *call_arg;
  json_t **ret_result; /* run here: where the result goes; nothing is written */
  struct tick begun;   /* not run here */
};

static volatile sig_atomic_t is_asked_to_stop;

static void on_term(int signal_number) {
  (void)signal_number;
  is_asked_to_stop = 1;
}

/* ---- parameters ---- */

static bool type_fits(enum param_type type, const json_t *value) {
  switch (type) {
    case PARAM_TEXT: return json_is_string(value);
    case PARAM_INT: return json_is_integer(value);
    case PARAM_REAL: return json_is_number(value);
    case PARAM_BOOL: return json_is_boolean(value);
    case PARAM_TEXTS: return json_is_array(value);
    case PARAM_OBJECT: return json_is_object(value);
  }
  return false;
}

static const char *type_name(enum param_type type) {
  static const char *const names[] = {
      [PARAM_TEXT] = "a text",        [PARAM_INT] = "a whole number",    [PARAM_REAL] = "a number",
      [PARAM_BOOL] = "true or false", [PARAM_TEXTS] = "a list of texts", [PARAM_OBJECT] = "an object"};
  return names[type];
}

/* What min and max bound: a number's value, a text's bytes, a list's entries. */
static double measure(const json_t *value) {
  if (json_is_number(value)) return json_number_value(value);
  if (json_is_string(value)) return (double)json_string_length(value);
  return (double)json_array_size(value);
}

static bool is_chosen(const struct executor_param *p, const json_t *value) {
  if (!p->choices || !json_is_string(value)) return true;
  for (const char *const *c = p->choices; *c; c++)
    if (strcmp(*c, json_string_value(value)) == 0) return true;
  return false;
}

static enum err check_value(const struct executor_param *p, const json_t *value, struct err_detail *detail) {
  if (!type_fits(p->type, value))
    return err_set(detail, ERR_INVALID, p->name, 0, "has to be %s", type_name(p->type));
  size_t i;
  const json_t *entry;
  if (p->type == PARAM_TEXTS)
    json_array_foreach(value, i, entry) if (!json_is_string(entry)) return err_set(
        detail, ERR_INVALID, p->name, 0, "entry %zu is not a text", i + 1);
  bool is_bounded =
      (p->min < 0 || p->min > 0 || p->max > 0) && p->type != PARAM_BOOL && p->type != PARAM_OBJECT;
  double size = measure(value);
  if (is_bounded && (size < p->min || size > p->max) && p->is_secret)
    return err_set(detail, ERR_INVALID, p->name, 0, "is outside %g to %g", p->min, p->max);
  if (is_bounded && (size < p->min || size > p->max))
    return err_set(detail, ERR_INVALID, p->name, 0, "%g is outside %g to %g", size, p->min, p->max);
  if (!is_chosen(p, value) && p->is_secret)
    return err_set(detail, ERR_INVALID, p->name, 0, "is none of its choices");
  if (!is_chosen(p, value))
    return err_set(detail, ERR_INVALID, p->name, 0, "\"%.60s\" is none of its choices",
                   json_string_value(value));
  return ERR_OK;
}

static const struct executor_param *param_of(const struct executor *e, const char *name) {
  for (const struct executor_param *p = e->params; p && p->name; p++)
    if (strcmp(p->name, name) == 0) return p;
  return NULL;
}

enum err executor_check_params(const struct executor *e, const json_t *params, struct err_detail *detail) {
  if (!json_is_object(params)) return err_set(detail, ERR_INVALID, "params", 0, "has to be an object");
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)params, name, value) {
    const struct executor_param *p = param_of(e, name);
    if (!p) return err_set(detail, ERR_INVALID, name, 0, "%s has no such parameter", e->name);
    TRY(check_value(p, value, detail));
  }
  for (const struct executor_param *p = e->params; p && p->name; p++)
    if (p->is_required && !json_object_get(params, p->name))
      return err_set(detail, ERR_INVALID, p->name, 0, "is missing");
  return ERR_OK;
}

static enum err fill_defaults(const struct executor *e, json_t *params) {
  for (const struct executor_param *p = e->params; p && p->name; p++) {
    if (!p->default_json || json_object_get(params, p->name)) continue;
    json_t *value = json_loads(p->default_json, JSON_DECODE_ANY, NULL);
    ASSERT(value); /* the table's own text */
    if (json_object_set_new(params, p->name, value) != 0) return ERR_NO_MEMORY;
  }
  return ERR_OK;
}

const json_t *child_params(const struct child *child) { return child->params; }
const struct child_context *child_context(const struct child *child) { return &child->context; }
int child_channel_fd(const struct child *child) { return child->channel_fd; }
bool child_is_asked_to_stop(const struct child *child) {
  return child && !child->call_fn && is_asked_to_stop;
}

int64_t child_time_left_ms(const struct child *child) {
  if (child->call_fn) return HERE_TIME_LEFT_MS; /* its clock is not ours */
  int64_t left = child->context.timeout_ms - tick_diff_ms(world_tick(world_real()), child->begun);
  return left > 0 ? left : 0;
}

/* ---- what it says ---- */

static void write_all(int fd, struct str bytes) {
  while (bytes.len) {
    ssize_t n = write(fd, bytes.ptr, bytes.len);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return; /* nobody listens any more */
    bytes = str_from(bytes, (size_t)n);
  }
}

void child_print(struct child *child, const char *format, ...) {
  ASSERT(child);
  if (child->call_fn) return;
  char line[PRINT_BYTES_MAX];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(line, sizeof line - 1, format, args);
  va_end(args);
  if (n < 0) return;
  size_t len = (size_t)n < sizeof line - 1 ? (size_t)n : sizeof line - 2;
  line[len] = '\n';
  write_all(STDOUT_FILENO, (struct str){line, len + 1});
}

static void write_line(const struct child *child, struct buf *line) {
  if (child->call_fn) return;
  buf_add_char(line, '\n');
  if (buf_error(line) == ERR_OK) write_all(LINES_FD, buf_str(line));
}

void child_progress(struct child *child, double fraction, const char *message) {
  ASSERT(child);
  BUF_AUTO struct buf line = buf_new(WARDEN_LINE_BYTES_MAX);
  struct json_writer w = jw_new(&line);
  jw_object(&w);
  jw_kreal(&w, "progress", fraction);
  if (message) jw_ktext(&w, "message", message);
  jw_object_end(&w);
  write_line(child, &line);
}

void child_metric(struct child *child, const char *name, double value) {
  ASSERT(child);
  BUF_AUTO struct buf line = buf_new(WARDEN_LINE_BYTES_MAX);
  struct json_writer w = jw_new(&line);
  jw_object(&w);
  jw_ktext(&w, "metric", name);
  jw_kreal(&w, "value", value);
  jw_object_end(&w);
  write_line(child, &line);
}

void child_result(struct child *child, json_t *result) {
  ASSERT(child && result);
  if (child->call_fn) {
    json_decref(*child->ret_result);
    *child->ret_result = result;
    return;
  }
  BUF_AUTO struct buf line = buf_new(WARDEN_RESULT_BYTES_MAX);
  struct json_writer w = jw_new(&line);
  jw_object(&w);
  jw_key(&w, "result");
  jw_value(&w, result);
  jw_object_end(&w);
  json_decref(result);
  write_line(child, &line);
}

int child_fail(struct child *child, const struct err_detail *detail) {
  bool has_field = detail->field[0], has_hint = detail->hint[0];
  child_print(child, "error: %s%s%s%s%s%s", detail->field, has_field ? ": " : "", detail->message,
              has_hint ? " (" : "", detail->hint, has_hint ? ")" : "");
  return EXECUTOR_FAILED;
}

/* ---- calls ---- */

/* Every executor that calls is idempotent, and its attempt is repeated without counting (DESIGN 7, A-85). */
_Noreturn static void leave_for_another_attempt(struct child *child) {
  child_print(child, "the server has gone; this attempt is given up and will be repeated");
  _exit(EXECUTOR_RETRY);
}

/* A signal (TERM) may come while it waits: the answer is taken all the same. */
static enum err wait_for_answer(struct child *child, struct channel_message *ret, struct err_detail *detail) {
  for (;;) {
    struct pollfd p = {child->channel_fd, POLLIN, 0};
    if (poll(&p, 1, -1) < 0) {
      if (errno == EINTR) continue;
      return err_set(detail, ERR_IO, "channel", 0, "%s", strerrordesc_np(errno));
    }
    enum err e = channel_receive(child->channel_fd, ret, detail);
    if (e != ERR_BUSY) return e;
  }
}

static enum err take_answer(const struct child *child, const struct channel_message *m, json_t **ret_body,
                            struct str *ret_payload, struct err_detail *detail) {
  if (m->kind != CHANNEL_ANSWER || m->number != child->call_number)
    return err_set(detail, ERR_INTERNAL, "channel", 0, "an answer to another question");
  if (m->error != ERR_OK) {
    channel_error_read(m->body, detail);
    return m->error;
  }
  JSON_AUTO json_t *body = NULL;
  if (m->body.len) TRY(json_parse(m->body, &body, detail));
  if (ret_payload) {
    char *copy = malloc(m->payload.len + 1);
    if (!copy) return ERR_NO_MEMORY;
    if (m->payload.len) memcpy(copy, m->payload.ptr, m->payload.len);
    copy[m->payload.len] = '\0';
    *ret_payload = (struct str){copy, m->payload.len};
  }
  if (ret_body) *ret_body = json_incref(body);
  return ERR_OK;
}

static enum err call_over_channel(struct child *child, const char *call, const json_t *args,
                                  const struct str *payload, json_t **ret_body, struct str *ret_payload,
                                  struct err_detail *detail) {
  char *text = json_to_text(args);
  if (!text) return ERR_NO_MEMORY;
  enum err e = channel_send(child->channel_fd,
                            &(struct channel_sent){.kind = CHANNEL_CALL,
                                                   .number = ++child->call_number,
                                                   .name = str_of(call),
                                                   .body = str_of(text),
                                                   .payload = payload},
                            detail);
  free(text);
  if (e == ERR_CLOSED) leave_for_another_attempt(child);
  if (e != ERR_OK) return e;
  struct channel_message answer = {};
  e = wait_for_answer(child, &answer, detail);
  if (e == ERR_CLOSED) leave_for_another_attempt(child);
  if (e != ERR_OK) return e;
  e = take_answer(child, &answer, ret_body, ret_payload, detail);
  channel_message_free(&answer);
  return e;
}

enum err child_call(struct child *child, const char *call, json_t *args, const struct str *payload,
                    json_t **ret_body, struct str *ret_payload, struct err_detail *detail) {
  ASSERT(child && call);
  if (!args) args = json_object();
  if (!args) return ERR_NO_MEMORY;
  if (child->call_fn)
    return child->call_fn(child->call_arg, call, args, payload, ret_body, ret_payload, detail);
  enum err e =
      child->channel_fd < 0
          ? err_set(detail, ERR_UNAVAILABLE, "channel", 0, "this executor has no channel to the server")
          : call_over_channel(child, call, args, payload, ret_body, ret_payload, detail);
  json_decref(args);
  return e;
}

/* ---- the run ---- */

static enum err read_params(const struct executor *e, struct str text, json_t **ret,
                            struct err_detail *detail) {
  JSON_AUTO json_t *params = NULL;
  TRY(json_parse(text.len ? text : STR("{}"), &params, detail));
  TRY(executor_check_params(e, params, detail));
  TRY(fill_defaults(e, params));
  *ret = json_incref(params);
  return ERR_OK;
}

int child_run_here(const struct executor *e, const struct child_context *context, const json_t *params,
                   child_call_fn *fn, void *arg, json_t **ret_result) {
  ASSERT(fn && ret_result);
  *ret_result = NULL;
  struct child child = {.executor = e,
                        .context = *context,
                        .channel_fd = -1,
                        .call_fn = fn,
                        .call_arg = arg,
                        .ret_result = ret_result};
  JSON_AUTO json_t *own = params ? json_deep_copy(params) : json_object();
  if (!own) return EXECUTOR_COULD_NOT_START;
  if (executor_check_params(e, own, NULL) != ERR_OK || fill_defaults(e, own) != ERR_OK)
    return EXECUTOR_FAILED;
  child.params = own;
  int code = e->run(&child);
  return code >= 0 && code <= 255 ? code : EXECUTOR_FAILED;
}

int child_run(const struct executor *e, const struct child_context *context, struct str params,
              int channel_fd) {
  struct child child = {
      .executor = e, .context = *context, .channel_fd = channel_fd, .begun = world_tick(world_real())};
  struct err_detail detail = {};
  struct sigaction on_terminate = {.sa_handler = on_term};
  is_asked_to_stop = 0;
  if (sigaction(SIGTERM, &on_terminate, NULL) != 0) return EXECUTOR_COULD_NOT_START;
  if (e->needs_channel && channel_fd < 0) {
    child_print(&child, "error: %s needs the server's channel (fd 4)", e->name);
    return EXECUTOR_COULD_NOT_START;
  }
  if (read_params(e, params, &child.params, &detail) != ERR_OK) return child_fail(&child, &detail);
  int code = e->run(&child);
  json_decref(child.params);
  return code >= 0 && code <= 255 ? code : EXECUTOR_FAILED;
}
