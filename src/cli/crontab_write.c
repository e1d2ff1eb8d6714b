#include <stdio.h>
#include <stdlib.h>

#include "cli/crontab.h"
#include "cli/crontab_when.h"

#define ENTRY_BYTES_MAX (4 * CRONTAB_LINE_BYTES_MAX)

/* What is in force at a place of the file, or must be at a job. */
#define ENVIRONMENT_MAX (4 * CRONTAB_VARIABLES_MAX)
struct environment {
  struct crontab_variable v[ENVIRONMENT_MAX];
  size_t count;
};

static const char *value_in(const struct environment *e, const char *name) {
  for (size_t i = 0; i < e->count; i++)
    if (str_eq(str_of(e->v[i].name), str_of(name))) return e->v[i].value;
  return NULL;
}

static bool is_named(const char *name, const char *want) { return str_eq(str_of(name), str_of(want)); }

static void put(struct environment *e, const char *name, const char *value) {
  for (size_t i = 0; i < e->count; i++)
    if (is_named(e->v[i].name, name)) {
      e->v[i].value = value;
      return;
    }
  ASSERT(e->count < ENVIRONMENT_MAX);
  e->v[e->count++] = (struct crontab_variable){name, value};
}

/* The job's fields rule over variables of the same meaning: an edited job may have kept the variable. */
static void environment_of(const struct crontab_job *job, char delay[16], struct environment *ret) {
  bool has_delay = false;
  ret->count = 0;
  for (size_t i = 0; i < job->variable_count && i < CRONTAB_VARIABLES_MAX; i++) {
    const struct crontab_variable *v = &job->variables[i];
    int64_t minutes;
    bool is_delay = is_named(v->name, "RANDOM_DELAY") && str_to_int(str_of(v->value), 0, 1440, &minutes);
    if (is_named(v->name, "CRON_TZ") || (is_delay && minutes != job->random_delay_minutes)) continue;
    has_delay = has_delay || is_delay;
    put(ret, v->name, v->value);
  }
  if (job->timezone) put(ret, "CRON_TZ", job->timezone);
  if (job->random_delay_minutes > 0 && !has_delay) {
    (void)snprintf(delay, 16, "%d", job->random_delay_minutes);
    put(ret, "RANDOM_DELAY", delay);
  }
}

/* ---- variables ----------------------------------------------------------------------------------------- */

/* Quotes only where cron needs them; it knows no escape inside. NULL, or why it cannot be said. */
static const char *write_variable(const struct crontab_variable *v, struct buf *out) {
  struct str value = str_of(v->value);
  bool needs_quotes =
      value.len == 0 || value.ptr[0] == '"' || value.ptr[0] == '\'' || str_trim(value).len != value.len;
  bool has_double = str_find_char(value, '"') != SIZE_MAX,
       has_single = str_find_char(value, '\'') != SIZE_MAX;
  if (!crontab_is_variable(str_of(v->name))) return "cron takes no variable of such a name";
  if (str_find_char(value, '\n') != SIZE_MAX) return "a variable has a line break";
  if (needs_quotes && has_double && has_single)
    return "a variable has both kinds of quotes and blanks at its ends";
  const char *quote = !needs_quotes ? "" : has_double ? "'" : "\"";
  buf_addf(out, "%s=%s%s%s\n", v->name, quote, v->value, quote);
  return NULL;
}

/* A crontab cannot take a variable back: where cron has a default, that is what the job wants. */
static void want_defaults(const struct environment *now, struct environment *want) {
  static const struct crontab_variable defaults[] = {
      {"SHELL", "/bin/sh"}, {"PATH", "/usr/bin:/bin"}, {"RANDOM_DELAY", "0"}, {"MAILFROM", ""}};
  for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
    if (value_in(now, defaults[i].name) && !value_in(want, defaults[i].name))
      put(want, defaults[i].name, defaults[i].value);
}

static const char *const lasting[] = {"CRON_TZ", "HOME", "MAILTO"};
#define LASTING (sizeof lasting / sizeof lasting[0])

/* Others are unset by the command's own shell. */
static const char *remove_variable(const char *name, struct buf *prefix) {
  for (size_t i = 0; i < LASTING; i++)
    if (is_named(name, lasting[i]))
      return "a crontab cannot take CRON_TZ, HOME or MAILTO back for later lines";
  buf_addf(prefix, "unset %s; ", name);
  return NULL;
}

static const char *write_changes(const struct environment *now, const struct environment *want,
                                 struct buf *lines, struct buf *prefix) {
  const char *reason =
      now->count + want->count > ENVIRONMENT_MAX ? "there are too many different variables" : NULL;
  for (size_t i = 0; i < now->count && !reason; i++)
    if (!value_in(want, now->v[i].name)) reason = remove_variable(now->v[i].name, prefix);
  for (size_t i = 0; i < want->count && !reason; i++) {
    const char *value = value_in(now, want->v[i].name);
    if (!value || !is_named(value, want->v[i].value)) reason = write_variable(&want->v[i], lines);
  }
  return reason;
}

/* ---- one entry ----------------------------------------------------------------------------------------- */

/* By cron's escape rule only an even run of backslashes can stand before a percent sign. */
static const char *write_command(struct str command, bool has_stdin, struct buf *out) {
  bool is_escaped = false;
  for (size_t i = 0; i < command.len; i++) {
    char c = command.ptr[i];
    if (c == '\n' || c == '\r') return "the command has a line break";
    if (c == '%' && is_escaped) return "cron cannot say a backslash before a percent sign";
    if (c == '%') buf_add_char(out, '\\');
    is_escaped = !is_escaped && c == '\\';
    buf_add_char(out, c);
  }
  return is_escaped && has_stdin ? "cron cannot say input after a command that ends with a backslash" : NULL;
}

/* The last newline comes by itself, unless the input is nothing else or ends with two. */
static const char *write_stdin(struct str text, struct buf *out) {
  if (text.ptr[text.len - 1] != '\n') return "cron ends the input with a newline; this input has none";
  bool is_implied = text.len > 1 && text.ptr[text.len - 2] != '\n';
  if (is_implied && text.ptr[text.len - 2] == '\r') return "the input ends with CR LF";
  buf_add_char(out, '%');
  for (size_t i = 0; i < text.len - is_implied; i++) {
    char c = text.ptr[i];
    if (c == '\n' && i > 0 && text.ptr[i - 1] == '\\')
      return "cron cannot say a line of input that ends with a backslash";
    if (c == '%') buf_add_char(out, '\\');
    buf_add_char(out, c == '\n' ? '%' : c);
  }
  return NULL;
}

static const char *write_entry(const struct crontab_job *job, enum crontab_kind kind, struct str prefix,
                               struct buf *out) {
  struct crontab_when when;
  struct str command = str_of(job->command), input = job->stdin_text ? str_of(job->stdin_text) : STR_NONE;
  while (command.len > 0 && (command.ptr[0] == ' ' || command.ptr[0] == '\t')) command = str_from(command, 1);
  if (crontab_when_read(str_of(job->schedule), &when, NULL) != ERR_OK) return "cron cannot say this schedule";
  if (kind == CRONTAB_SYSTEM && (!job->user || !*job->user)) return "a system crontab needs a user";
  if (str_trim(command).len == 0) return "there is no command";
  if (job->is_quiet) buf_add_char(out, '-');
  buf_addf(out, "%s ", job->schedule);
  if (kind == CRONTAB_SYSTEM) buf_addf(out, "%s ", job->user);
  buf_add_str(out, prefix);
  const char *reason = write_command(command, input.len > 0, out);
  if (!reason && input.len > 0) reason = write_stdin(input, out);
  buf_add_char(out, '\n');
  return reason ? reason : out->len > CRONTAB_LINE_BYTES_MAX ? "the line would be too long" : NULL;
}

static void write_comment(struct str text, struct buf *out) {
  struct str line;
  while (text.ptr && str_split(&text, '\n', &line)) {
    buf_add_text(out, line.len > 0 ? "# " : "#");
    for (size_t i = 0; i < line.len; i++)
      buf_add_char(out, (unsigned char)line.ptr[i] < ' ' ? ' ' : line.ptr[i]);
    buf_add_char(out, '\n');
  }
}

static bool write_job(const struct crontab_job *job, enum crontab_kind kind, struct environment *now,
                      char delay[16], struct buf *out) {
  BUF_AUTO struct buf lines = buf_new(ENTRY_BYTES_MAX), prefix = buf_new(ENTRY_BYTES_MAX),
                      entry = buf_new(ENTRY_BYTES_MAX);
  struct environment want;
  environment_of(job, delay, &want);
  want_defaults(now, &want);
  const char *reason = write_changes(now, &want, &lines, &prefix);
  if (!reason) reason = write_entry(job, kind, buf_str(&prefix), &entry);
  if (!reason && (buf_error(&lines) || buf_error(&prefix) || buf_error(&entry)))
    reason = "it is too long for a crontab";
  bool is_apart = reason || lines.len > 0 || job->description;
  if (is_apart && out->len > 0) buf_add_char(out, '\n');
  if (reason) {
    buf_add_text(out, "# Not written, because ");
    buf_addf(out, "%s: %s\n", reason, job->name ? job->name : "");
    buf_add_char(out, '\n');
    return false;
  }
  buf_add_str(out, buf_str(&lines));
  if (job->description) write_comment(str_of(job->description), out);
  buf_add_str(out, buf_str(&entry));
  /* What the entry's own shell unset stays set in the file. */
  for (size_t i = 0; i < want.count; i++) put(now, want.v[i].name, want.v[i].value);
  return true;
}

/* ---- the file ------------------------------------------------------------------------------------------ */

/* Jobs that need a variable nobody can take back come after those that must not have it. */
static size_t count_lasting(const struct crontab_job *job) {
  size_t n = job->timezone != NULL;
  for (size_t i = 0; i < LASTING; i++)
    n += !is_named(lasting[i], "CRON_TZ") && crontab_variable_of(job, lasting[i]);
  return n;
}

static void order_by_lasting(const struct crontab_job *jobs, size_t count, size_t *ret_order) {
  size_t n = 0;
  for (size_t wanted = 0; wanted <= LASTING; wanted++)
    for (size_t i = 0; i < count; i++)
      if (count_lasting(&jobs[i]) == wanted) ret_order[n++] = i;
  ASSERT(n == count);
}

/* Every variable in force is also one of the job's, so that nothing has to be taken back. */
static bool fits_now(const struct crontab_job *job, const struct environment *now) {
  char delay[16];
  struct environment want;
  environment_of(job, delay, &want);
  for (size_t i = 0; i < now->count; i++)
    if (!value_in(&want, now->v[i].name)) return false;
  return true;
}

/* Moves the next job that fits, within reach, to the front; the order is kept otherwise. */
#define REACH 200
static void bring_fitting(const struct crontab_job *jobs, size_t *order, size_t count,
                          const struct environment *now) {
  for (size_t i = 0; i < count && i < REACH; i++) {
    size_t found = order[i];
    if (!fits_now(&jobs[found], now)) continue;
    memmove(order + 1, order, i * sizeof *order);
    order[0] = found;
    return;
  }
}

enum err crontab_write(const struct crontab_job *jobs, size_t count, enum crontab_kind kind, struct buf *out,
                       size_t *ret_refused) {
  if (count == 0) return *ret_refused = 0, buf_error(out);
  size_t *order = calloc(count, sizeof *order);
  char(*delays)[16] = calloc(count, sizeof *delays); /* `now` borrows them */
  struct environment *now = calloc(1, sizeof *now);
  enum err e = order && delays && now ? ERR_OK : ERR_NO_MEMORY;
  size_t refused = 0;
  if (e == ERR_OK) order_by_lasting(jobs, count, order);
  for (size_t i = 0; e == ERR_OK && i < count; i++) {
    bring_fitting(jobs, order + i, count - i, now);
    refused += !write_job(&jobs[order[i]], kind, now, delays[i], out);
    e = buf_error(out);
  }
  free(order), free(delays), free(now);
  if (e == ERR_OK) *ret_refused = refused;
  return e;
}

/* ---- parameters of the shell executor ------------------------------------------------------------------ */

void crontab_params_to_json(const struct crontab_job *job, struct json_writer *w) {
  const char *shell = crontab_variable_of(job, "SHELL"), *home = crontab_variable_of(job, "HOME");
  jw_object(w);
  jw_ktext(w, "command", job->command);
  jw_ktext(w, "shell", shell ? shell : "/bin/sh");
  if (job->stdin_text) jw_ktext(w, "stdin", job->stdin_text);
  jw_key(w, "env");
  jw_object(w);
  for (size_t i = 0; i < job->variable_count; i++)
    jw_ktext(w, job->variables[i].name, job->variables[i].value);
  jw_object_end(w);
  if (home) jw_ktext(w, "cwd", home);
  jw_object_end(w);
}

enum err crontab_params_from_json(const json_t *params, struct arena *arena, struct crontab_job *job,
                                  struct err_detail *detail) {
  const json_t *env = json_object_get(params, "env");
  const char *command = json_string_value(json_object_get(params, "command"));
  const char *shell = json_string_value(json_object_get(params, "shell"));
  const char *cwd = json_string_value(json_object_get(params, "cwd"));
  if (!command) return err_set(detail, ERR_INVALID, "command", 0, "a crontab line needs a command");
  size_t count = json_object_size(env);
  if (count > CRONTAB_VARIABLES_MAX - 2)
    return err_set(detail, ERR_LIMIT, "env", 0, "there are too many variables");
  struct crontab_variable *v = ARENA_ARRAY(arena, struct crontab_variable, count + 2);
  if (!v) return arena_error(arena);
  size_t n = 0;
  bool has_shell = false, has_home = false;
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)env, name, value) {
    if (!json_is_string(value)) return err_set(detail, ERR_INVALID, "env", 0, "%s is not a text", name);
    has_shell = has_shell || is_named(name, "SHELL");
    has_home = has_home || is_named(name, "HOME");
    v[n++] = (struct crontab_variable){name, json_string_value(value)};
  }
  if (!has_shell && shell && !is_named(shell, "/bin/sh")) v[n++] = (struct crontab_variable){"SHELL", shell};
  if (!has_home && cwd) v[n++] = (struct crontab_variable){"HOME", cwd};
  job->command = command;
  job->stdin_text = json_string_value(json_object_get(params, "stdin"));
  job->variables = v;
  job->variable_count = n;
  return ERR_OK;
}
