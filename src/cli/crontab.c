#include "cli/crontab.h"

#include <stdlib.h>

#include "base/limits.h"
#include "cli/crontab_when.h"

/* The tables grow with the file; the arena holds what they point to. Ten times the largest file. */
#define ARENA_BYTES_MAX (64 * 1024 * 1024)
#define COMMENT_LINES_MAX 20

struct crontab_file { /* what crontab_free gets back from a struct crontab */
  struct crontab tables;
  struct arena arena;
};

struct reader {
  struct crontab_file *file;
  enum crontab_kind kind;
  struct tzdb *zones;
  int line;
  struct str comments[COMMENT_LINES_MAX]; /* right above, without '#' */
  size_t comment_count;
  struct crontab_variable variables[CRONTAB_VARIABLES_MAX];
  size_t variable_count;
  const struct crontab_variable *snapshot; /* the variables as of now, shared by jobs; NULL: make one */
  struct crontab_job *jobs;
  struct crontab_note *notes;
  size_t job_count, note_count, job_room;
};

/* ---- notes --------------------------------------------------------------------------------------------- */

static void add_note(struct reader *r, struct crontab_note note) {
  if (note.is_refusal) r->file->tables.refusal_count++;
  if (r->note_count == CRONTAB_NOTES_MAX) return; /* refusals are still counted */
  note.line = r->line;
  note.message = arena_strdup(&r->file->arena, str_of(note.message));
  note.hint = arena_strdup(&r->file->arena, str_of(note.hint ? note.hint : ""));
  if (note.message && note.hint) r->notes[r->note_count++] = note;
}

static void refuse(struct reader *r, size_t column, const char *message, const char *hint) {
  add_note(
      r, (struct crontab_note){.column = (int)column, .is_refusal = true, .message = message, .hint = hint});
}

static void remark(struct reader *r, const char *message, const char *hint) {
  add_note(r, (struct crontab_note){.message = message, .hint = hint});
}

/* ---- pieces of a line ---------------------------------------------------------------------------------- */

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static size_t skip_blanks(struct str line, size_t at) {
  while (at < line.len && is_blank(line.ptr[at])) at++;
  return at;
}

static size_t skip_word(struct str line, size_t at) {
  while (at < line.len && !is_blank(line.ptr[at])) at++;
  return at;
}

static struct str cut(struct str line, size_t from, size_t until) {
  return (struct str){line.ptr + from, until - from};
}

/* ---- variables ----------------------------------------------------------------------------------------- */

/* NAME = value by cron's rules: each may stand in single or double quotes, which end it; blanks around are
 * dropped; nothing is expanded. False: the line is no assignment. */
static bool take_quoted(struct str line, size_t *at, struct str *ret) {
  char quote = *at < line.len ? line.ptr[*at] : '\0';
  if (quote != '"' && quote != '\'') return false;
  size_t begin = *at + 1, end = begin;
  while (end < line.len && line.ptr[end] != quote) end++;
  if (end == line.len) return false;
  *ret = cut(line, begin, end);
  *at = end + 1;
  return true;
}

static bool split_assignment(struct str line, struct str *ret_name, struct str *ret_value) {
  size_t at = 0;
  if (!take_quoted(line, &at, ret_name)) {
    while (at < line.len && !is_blank(line.ptr[at]) && line.ptr[at] != '=') at++;
    *ret_name = cut(line, 0, at);
  }
  at = skip_blanks(line, at);
  if (ret_name->len == 0 || at == line.len || line.ptr[at] != '=') return false;
  at = skip_blanks(line, at + 1);
  if (take_quoted(line, &at, ret_value)) return skip_blanks(line, at) == line.len;
  *ret_value = str_trim(str_from(line, at));
  return true;
}

bool crontab_is_variable(struct str name) {
  if (str_eq(name, STR("LOGNAME")) || str_eq(name, STR("USER"))) return false;
  for (size_t i = 0; i < name.len; i++) {
    char c = name.ptr[i];
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!is_letter && (i == 0 || c < '0' || c > '9')) return false;
  }
  return name.len > 0;
}

static const char *find_variable(const struct crontab_variable *v, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (str_eq(str_of(v[i].name), str_of(name))) return v[i].value;
  return NULL;
}

const char *crontab_variable_of(const struct crontab_job *job, const char *name) {
  return find_variable(job->variables, job->variable_count, name);
}

static void set_variable(struct reader *r, struct str name, struct str value) {
  struct arena *a = &r->file->arena;
  struct crontab_variable v = {arena_strdup(a, name), arena_strdup(a, value)};
  if (!v.name || !v.value) return; /* the arena has noted it */
  r->snapshot = NULL;
  for (size_t i = 0; i < r->variable_count; i++) {
    if (!str_eq(str_of(r->variables[i].name), name)) continue;
    r->variables[i] = v;
    return;
  }
  if (r->variable_count == CRONTAB_VARIABLES_MAX) refuse(r, 0, "there are too many variables", "");
  else r->variables[r->variable_count++] = v;
}

static void check_special(struct reader *r, struct str name, struct str value) {
  int64_t minutes;
  const struct tz *zone;
  struct err_detail d = {};
  if (str_eq(name, STR("RANDOM_DELAY")) && !str_to_int(value, 0, 1440, &minutes))
    remark(r, "RANDOM_DELAY is no number of minutes up to 1440 and has no effect", "");
  if (str_eq(name, STR("CRON_TZ")) && r->zones && tz_find(r->zones, value, &zone, &d) != ERR_OK)
    remark(r, d.message, d.hint);
  if (str_eq(name, STR("MAILTO")) && value.len > 0)
    remark(r, "MAILTO is kept with the jobs, but output is not mailed: it is on record with each run",
           "set up an alert channel for failures");
}

static void read_assignment(struct reader *r, struct str name, struct str value) {
  if (str_eq(name, STR("LOGNAME")) || str_eq(name, STR("USER"))) {
    remark(r, "LOGNAME and USER are set by the system; this line has no effect, as with cron", "");
  } else if (!crontab_is_variable(name)) {
    refuse(r, 1, "this is no name of a variable", "letters, digits and _, not beginning with a digit");
  } else if (!str_is_utf8(value)) {
    refuse(r, 0, "the value is not UTF-8 text", "");
  } else {
    set_variable(r, name, value);
    check_special(r, name, value);
  }
}

/* ---- commands ------------------------------------------------------------------------------------------ */

/* cron's own rule: a backslash takes the character after it with it; \% becomes %; a bare % ends the command. */
static void split_command(struct str text, struct buf *command, struct str *ret_rest) {
  bool is_escaped = false;
  *ret_rest = STR_NONE;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (is_escaped && c == '%') command->len--; /* the backslash */
    else if (!is_escaped && c == '%') {
      *ret_rest = str_from(text, i + 1);
      return;
    }
    is_escaped = !is_escaped && c == '\\';
    buf_add_char(command, c);
  }
}

/* Of stdin another rule holds: only the backslash right before a % counts. The last line gets its newline. */
static void read_stdin(struct str rest, struct buf *out) {
  bool is_escaped = false;
  for (size_t i = 0; i < rest.len; i++) {
    char c = rest.ptr[i];
    if (is_escaped && c != '%') buf_add_char(out, '\\');
    if (!is_escaped && c == '%') c = '\n';
    is_escaped = c == '\\';
    if (!is_escaped) buf_add_char(out, c);
  }
  if (is_escaped) buf_add_char(out, '\\');
  if (out->len > 0 && out->ptr[out->len - 1] != '\n') buf_add_char(out, '\n');
}

static bool take_command(struct reader *r, struct str text, struct crontab_job *job) {
  BUF_AUTO struct buf command = buf_new(CRONTAB_LINE_BYTES_MAX), input = buf_new(CRONTAB_LINE_BYTES_MAX + 1);
  struct str rest;
  split_command(text, &command, &rest);
  if (rest.ptr) read_stdin(rest, &input);
  job->command = arena_strdup(&r->file->arena, buf_str(&command));
  job->stdin_text = input.len > 0 ? arena_strdup(&r->file->arena, buf_str(&input)) : NULL;
  return str_trim(buf_str(&command)).len > 0;
}

/* Words of the shell around the guards that packages put before their command, and what they test. */
static bool is_passed_over(struct str word) {
  static const char *const words[] = {
      "test", "if", "then", "exec", "nice", "ionice", "command", "/", "/run/systemd/system"};
  bool is_word = false; /* has a letter, a digit or a slash: no [ ] && || { ( ! */
  for (size_t i = 0; i < word.len; i++) is_word = is_word || strchr("[](){}!&|;\\<>\"'", word.ptr[i]) == NULL;
  if (!is_word || word.ptr[0] == '-' || str_find_char(word, '=') != SIZE_MAX) return true;
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (str_eq(word, str_of(words[i]))) return true;
  return false;
}

/* The program a person would name the line by: "[ -x /usr/lib/php/clean ] && …" is "clean". */
static struct str word_for_name(struct str command) {
  struct str rest = command;
  bool follows_cd = false;
  while (rest.len > 0) {
    size_t begin = skip_blanks(rest, 0), end = skip_word(rest, begin);
    struct str word = cut(rest, begin, end);
    rest = str_from(rest, end);
    bool is_cd = str_eq(word, STR("cd"));
    if (word.len > 0 && !is_cd && !follows_cd && !is_passed_over(word)) return word;
    follows_cd = is_cd;
  }
  return STR("job");
}

static bool is_name_taken(const struct reader *r, struct str name) {
  for (size_t i = 0; i < r->job_count; i++)
    if (str_eq(str_of(r->jobs[i].name), name)) return true;
  return false;
}

#define NAME_BYTES_MAX 100

static const char *make_name(struct reader *r, const char *command) {
  struct str word = word_for_name(str_of(command));
  for (size_t i; (i = str_find_char(word, '/')) != SIZE_MAX && i + 1 < word.len;)
    word = str_from(word, i + 1);
  BUF_AUTO struct buf name = buf_new(NAME_BYTES_MAX + 32);
  for (size_t i = 0; i < word.len && name.len < NAME_BYTES_MAX; i++) {
    char c = word.ptr[i];
    bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                   c == '_' || c == '-';
    if (is_fine) buf_add_char(&name, c);
  }
  if (name.len == 0) buf_add_text(&name, "job");
  size_t base = name.len;
  if (is_name_taken(r,
                    buf_str(&name))) { /* the line tells them apart and stays when others are added below */
    name.len = base;
    buf_addf(&name, "-line-%d", r->line);
  }
  return arena_strdup(&r->file->arena, buf_str(&name));
}

/* ---- descriptions -------------------------------------------------------------------------------------- */

/* What crontab(1) and /etc/crontab put there themselves says nothing about a job. */
static bool is_boilerplate(struct str comment) {
  static const char *const begins[] = {
      "DO NOT EDIT THIS FILE", "m h ", "m  h", "*  *  *", "* * * *", ".---", "|  ", "| "};
  for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
    if (str_starts(comment, str_of(begins[i]))) return true;
  return str_starts(comment, STR("(")) &&
         (str_find(comment, STR(" installed on ")) != SIZE_MAX || str_starts(comment, STR("(Cron version")));
}

static void keep_comment(struct reader *r, struct str line) {
  struct str text = str_from(line, 1);
  if (text.len > 0 && text.ptr[0] == ' ') text = str_from(text, 1);
  if (is_boilerplate(text) || !str_is_utf8(text) || r->comment_count == COMMENT_LINES_MAX) return;
  r->comments[r->comment_count++] = text;
}

static const char *take_description(struct reader *r) {
  BUF_AUTO struct buf text = buf_new(LIMIT_DESCRIPTION_BYTES);
  for (size_t i = 0; i < r->comment_count; i++) {
    if (text.len + r->comments[i].len + 1 > LIMIT_DESCRIPTION_BYTES) break;
    if (i > 0) buf_add_char(&text, '\n');
    buf_add_str(&text, r->comments[i]);
  }
  r->comment_count = 0;
  struct str trimmed = str_trim(buf_str(&text));
  return trimmed.len > 0 ? arena_strdup(&r->file->arena, trimmed) : NULL;
}

/* ---- entries ------------------------------------------------------------------------------------------- */

static const char *joined_fields(struct reader *r, struct str fields) {
  BUF_AUTO struct buf out = buf_new(LIMIT_SCHEDULE_BYTES);
  for (size_t at = skip_blanks(fields, 0); at < fields.len;) {
    size_t end = skip_word(fields, at);
    if (out.len > 0) buf_add_char(&out, ' ');
    buf_add_str(&out, cut(fields, at, end));
    at = skip_blanks(fields, end);
  }
  return buf_error(&out) == ERR_OK ? arena_strdup(&r->file->arena, buf_str(&out)) : NULL;
}

/* Moves *at behind the five fields or the nickname; false when refused. */
static bool take_schedule(struct reader *r, struct str line, size_t *at, struct crontab_job *job) {
  size_t begin = *at, words = line.ptr[begin] == '@' ? 1 : 5;
  for (size_t i = 0; i < words; i++) *at = skip_word(line, skip_blanks(line, *at));
  struct str fields = cut(line, begin, *at);
  struct crontab_when when;
  struct err_detail d = {};
  if (crontab_when_read(fields, &when, &d) != ERR_OK) {
    char text[ERR_FIELD_MAX + ERR_TEXT_MAX + 2];
    struct buf message = buf_new(sizeof text);
    buf_addf(&message, "%s: %s", d.field, d.message);
    refuse(r, begin + (size_t)d.column, buf_text(&message) ? message.ptr : d.message, d.hint);
    buf_free(&message);
    return false;
  }
  job->schedule = joined_fields(r, fields);
  if (!job->schedule) refuse(r, begin + 1, "the time fields are too long", "");
  return job->schedule != NULL;
}

static bool take_user(struct reader *r, struct str line, size_t *at, struct crontab_job *job) {
  size_t begin = skip_blanks(line, *at);
  *at = skip_word(line, begin);
  struct str user = cut(line, begin, *at);
  bool is_path = str_find_char(user, '/') != SIZE_MAX;
  if (user.len == 0 || is_path || skip_blanks(line, *at) == line.len) {
    refuse(r, begin + 1, "a system crontab names a user before the command",
           "if this is a user's own crontab, read it as one");
    return false;
  }
  job->user = arena_strdup(&r->file->arena, user);
  return true;
}

static bool take_variables(struct reader *r, struct crontab_job *job) {
  if (!r->snapshot && r->variable_count > 0) {
    struct crontab_variable *copy = ARENA_ARRAY(&r->file->arena, struct crontab_variable, r->variable_count);
    if (!copy) return false;
    memcpy(copy, r->variables, sizeof *copy * r->variable_count);
    r->snapshot = copy;
  }
  job->variables = r->snapshot;
  job->variable_count = r->variable_count;
  const char *delay = crontab_variable_of(job, "RANDOM_DELAY");
  int64_t minutes;
  if (delay && str_to_int(str_of(delay), 0, 1440, &minutes)) job->random_delay_minutes = (int)minutes;
  job->timezone = crontab_variable_of(job, "CRON_TZ");
  return true;
}

static bool is_zone_known(struct reader *r, const struct crontab_job *job) {
  const struct tz *zone;
  struct err_detail d = {};
  if (!job->timezone || !r->zones || tz_find(r->zones, str_of(job->timezone), &zone, &d) == ERR_OK)
    return true;
  refuse(r, 0, "the CRON_TZ in force here is not a known time zone", d.hint);
  return false;
}

static void add_job(struct reader *r, const struct crontab_job *job) {
  if (r->job_count == r->job_room) {
    size_t room = r->job_room ? r->job_room * 2 : 64;
    struct crontab_job *grown = ARENA_ARRAY(&r->file->arena, struct crontab_job, room);
    if (!grown) return;
    if (r->job_count) memcpy(grown, r->jobs, sizeof *grown * r->job_count);
    r->jobs = grown;
    r->job_room = room;
  }
  r->jobs[r->job_count++] = *job;
}

static void read_entry(struct reader *r, struct str line) {
  struct crontab_job job = {.line = r->line};
  size_t at = skip_blanks(line, 0);
  if (line.ptr[at] == '-' && at + 1 < line.len) job.is_quiet = true, at++;
  if (!str_is_utf8(line)) {
    refuse(r, 0, "the line is not UTF-8 text", "");
    return;
  }
  if (!take_schedule(r, line, &at, &job)) return;
  if (r->kind == CRONTAB_SYSTEM && !take_user(r, line, &at, &job)) return;
  at = skip_blanks(line, at);
  if (!take_command(r, str_from(line, at), &job)) {
    refuse(r, at + 1, "there is no command", "");
    return;
  }
  if (!take_variables(r, &job) || !is_zone_known(r, &job)) return;
  job.description = take_description(r);
  job.name = make_name(r, job.command);
  if (arena_error(&r->file->arena) == ERR_OK) add_job(r, &job);
}

static void read_line(struct reader *r, struct str line) {
  struct str name, value, text = str_from(line, skip_blanks(line, 0));
  if (line.len > CRONTAB_LINE_BYTES_MAX) {
    refuse(r, 0, "the line is too long", "");
  } else if (text.len > 0 && text.ptr[0] == '#') {
    keep_comment(r, text);
    return; /* it may belong to the next line */
  } else if (text.len > 0 && split_assignment(text, &name, &value)) {
    read_assignment(r, name, value);
  } else if (text.len > 0) {
    read_entry(r, line);
  }
  r->comment_count = 0;
}

/* ---- the file ------------------------------------------------------------------------------------------ */

static void read_lines(struct reader *r, struct str text) {
  struct str line;
  bool has_said_cr = false;
  while (r->job_count < CRONTAB_JOBS_MAX && text.ptr && str_split(&text, '\n', &line)) {
    r->line++;
    if (str_ends(line, STR("\r"))) {
      while (str_ends(line, STR("\r"))) line.len--;
      if (!has_said_cr)
        remark(r, "lines end with CR LF; the CR is dropped (cron would pass it to the shell)", "");
      has_said_cr = true;
    }
    read_line(r, line);
  }
}

static enum err check_whole(struct str text, struct err_detail *detail) {
  if (text.len > CRONTAB_BYTES_MAX)
    return err_set(detail, ERR_LIMIT, NULL, 0, "a crontab has at most %d bytes", CRONTAB_BYTES_MAX);
  if (str_find_char(text, '\0') != SIZE_MAX)
    return err_set(detail, ERR_INVALID, NULL, 0, "this is no text: it has NUL bytes");
  return ERR_OK;
}

enum err crontab_read(struct str text, enum crontab_kind kind, struct tzdb *zones, struct crontab **ret,
                      struct err_detail *detail) {
  TRY(check_whole(text, detail));
  struct crontab_file *file = calloc(1, sizeof *file);
  if (!file) return ERR_NO_MEMORY;
  file->arena = arena_new(ARENA_BYTES_MAX);
  struct reader r = {.file = file, .kind = kind, .zones = zones};
  r.notes = ARENA_ARRAY(&file->arena, struct crontab_note, CRONTAB_NOTES_MAX);
  if (r.notes) read_lines(&r, text);
  enum err e = arena_error(&file->arena);
  if (e == ERR_OK && r.job_count == CRONTAB_JOBS_MAX)
    e = err_set(detail, ERR_LIMIT, NULL, 0, "a crontab has fewer than %d entries", CRONTAB_JOBS_MAX);
  if (e != ERR_OK) {
    crontab_free(&file->tables);
    return e;
  }
  file->tables.jobs = r.jobs, file->tables.job_count = r.job_count;
  file->tables.notes = r.notes, file->tables.note_count = r.note_count;
  *ret = &file->tables;
  return ERR_OK;
}

void crontab_free(struct crontab *c) {
  if (!c) return;
  struct crontab_file *file = (struct crontab_file *)c; /* its first member */
  arena_free(&file->arena);
  free(file);
}
