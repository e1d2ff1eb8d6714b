#include "cli/foreign_crons.h"

#include <stdio.h>

#include "base/json.h"

#define WORDS_MAX 64 /* of one command line */
#define WORKFLOW_CRONS_MAX 20

const char *foreign_world_job(const char *path) {
  static const struct {
    const char *path, *job;
  } known[] = {{"/api/cron/auto-pause-worlds", "auto-pause"},
               {"/api/cron/delete-scheduled-worlds", "delete-scheduled-worlds"}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (str_eq(str_of(known[i].path), str_of(path))) return known[i].job;
  return NULL;
}

static struct str until(struct str s, char end) {
  size_t at = str_find_char(s, end);
  return at == SIZE_MAX ? s : (struct str){s.ptr, at};
}

/* ---- vercel.json ---- */

static enum err vercel_one(const json_t *item, size_t i, struct arena *arena, struct foreign_cron *ret,
                           struct err_detail *d) {
  char field[ERR_FIELD_MAX];
  struct str path = json_text_at(item, "path"), schedule = json_text_at(item, "schedule");
  const char *bad = !path.ptr || path.len == 0 || path.ptr[0] != '/' ? "path"
                    : !schedule.ptr                                  ? "schedule"
                                                                     : NULL;
  if (bad) {
    (void)snprintf(field, sizeof field, "crons[%zu].%s", i, bad);
    return err_set(d, ERR_INVALID, field, 0,
                   bad[0] == 'p' ? "a path that begins with /" : "a cron expression");
  }
  *ret = (struct foreign_cron){.schedule = arena_strdup(arena, str_trim(schedule)),
                               .path = arena_strdup(arena, until(path, '?')),
                               .method = "GET"};
  return arena_error(arena);
}

enum err vercel_read(struct str text, struct arena *arena, struct foreign_crons *ret, struct err_detail *d) {
  JSON_AUTO json_t *file = NULL;
  TRY(json_parse(text, &file, d));
  const json_t *crons = json_object_get(file, "crons");
  size_t count = json_array_size(crons);
  if (!json_is_array(crons) || count > FOREIGN_CRONS_MAX)
    return err_set(d, ERR_INVALID, "crons", 0, "a list of at most %d entries is expected", FOREIGN_CRONS_MAX);
  ret->count = 0;
  for (size_t i = 0; i < count; i++, ret->count++)
    TRY(vercel_one(json_array_get(crons, i), i, arena, &ret->list[i], d));
  return ERR_OK;
}

/* ---- workflows ---- */

struct workflow {
  struct arena *arena;
  struct foreign_crons *ret;
  struct str crons[WORKFLOW_CRONS_MAX];
  size_t cron_count;
  int line;
  char *command; /* the lines of a curl so far, or NULL */
  int command_line;
  struct err_detail *detail;
};

static enum err refuse(struct workflow *w, int line, const char *what) {
  enum err e = err_set(w->detail, ERR_INVALID, "workflow", 0, "%s", what);
  if (w->detail) w->detail->line = line;
  return e;
}

/* The value of a scalar: quotes taken off, else cut at " #". */
static struct str scalar(struct str s) {
  s = str_trim(s);
  if (s.len >= 2 && (s.ptr[0] == '\'' || s.ptr[0] == '"')) return until(str_from(s, 1), s.ptr[0]);
  size_t comment = str_find(s, STR(" #"));
  return str_trim(comment == SIZE_MAX ? s : (struct str){s.ptr, comment});
}

static enum err take_cron(struct workflow *w, struct str value) {
  struct str schedule = scalar(value);
  if (schedule.len == 0) return refuse(w, w->line, "cron: has no expression");
  if (w->cron_count == WORKFLOW_CRONS_MAX)
    return refuse(w, w->line, "there are too many crons in one workflow");
  w->crons[w->cron_count++] = schedule;
  return ERR_OK;
}

/* Words of a command as a shell splits them, without expansion; in place. */
static size_t split_words(char *text, const char *words[WORDS_MAX]) {
  size_t count = 0;
  char *to = text;
  for (char *p = text; *p && count < WORDS_MAX;) {
    while (*p == ' ' || *p == '\t') p++;
    if (!*p) break;
    words[count++] = to;
    for (char quote = 0; *p && (quote || (*p != ' ' && *p != '\t')); p++) {
      if (!quote && (*p == '\'' || *p == '"')) quote = *p;
      else if (quote && *p == quote) quote = 0;
      else *to++ = *p;
    }
    if (*p) p++;
    *to++ = '\0';
  }
  return count;
}

static bool is_word(const char *word, const char *a, const char *b) {
  return str_eq(str_of(word), str_of(a)) || str_eq(str_of(word), str_of(b));
}

static const char *url_path(struct arena *arena, const char *url) {
  struct str rest = str_from(str_of(url), str_find(str_of(url), STR("://")) + 3);
  size_t slash = str_find_char(rest, '/');
  return slash == SIZE_MAX ? "/" : arena_strdup(arena, until(until(str_from(rest, slash), '?'), '#'));
}

static const char *join_crons(struct workflow *w) {
  const char *all = NULL;
  for (size_t i = 0; i < w->cron_count; i++)
    all = all ? arena_printf(w->arena, "%s | %.*s", all, STR_ARG(w->crons[i]))
              : arena_strdup(w->arena, w->crons[i]);
  return all;
}

static enum err take_curl(struct workflow *w) {
  const char *words[WORDS_MAX], *url = NULL, *method = NULL;
  size_t count = split_words(w->command, words);
  bool has_data = false;
  w->command = NULL;
  for (size_t i = 0; i < count; i++) {
    bool has_next = i + 1 < count;
    if (has_next && is_word(words[i], "-X", "--request")) method = words[++i];
    else if (has_next && is_word(words[i], "-H", "--header")) i++;
    else if (has_next && is_word(words[i], "-d", "--data")) has_data = true, i++;
    else if (str_find(str_of(words[i]), STR("://")) != SIZE_MAX) url = words[i];
  }
  if (!url || !(str_starts(str_of(url), STR("https://")) || str_starts(str_of(url), STR("http://"))))
    return refuse(w, w->command_line, "this curl names no http address");
  if (w->ret->count == FOREIGN_CRONS_MAX) return refuse(w, w->command_line, "there are too many requests");
  w->ret->list[w->ret->count++] = (struct foreign_cron){.line = w->command_line,
                                                        .path = url_path(w->arena, url),
                                                        .url = url,
                                                        .method = method     ? method
                                                                  : has_data ? "POST"
                                                                             : "GET"};
  return arena_error(w->arena);
}

/* A curl and the lines that its backslashes join. */
static enum err take_command(struct workflow *w, struct str line) {
  bool goes_on = line.len > 0 && line.ptr[line.len - 1] == '\\';
  if (goes_on) line.len--;
  if (!w->command) w->command_line = w->line;
  w->command = w->command ? arena_printf(w->arena, "%s %.*s", w->command, STR_ARG(line))
                          : arena_strdup(w->arena, line);
  if (!w->command) return arena_error(w->arena);
  return goes_on ? ERR_OK : take_curl(w);
}

static enum err take_line(struct workflow *w, struct str line) {
  if (str_starts(line, STR("#"))) return ERR_OK;
  if (w->command) return take_command(w, line);
  if (str_starts(line, STR("- "))) line = str_trim(str_from(line, 2));
  if (str_starts(line, STR("cron:"))) return take_cron(w, str_from(line, 5));
  if (str_starts(line, STR("run:"))) line = str_trim(str_from(line, 4));
  return str_starts(line, STR("curl ")) ? take_command(w, line) : ERR_OK;
}

enum err workflow_read(struct str text, struct arena *arena, struct foreign_crons *ret,
                       struct err_detail *d) {
  struct workflow w = {.arena = arena, .ret = ret, .detail = d};
  struct str rest = text, line;
  ret->count = 0;
  while (rest.ptr && rest.len && str_split(&rest, '\n', &line)) {
    w.line++;
    TRY(take_line(&w, str_trim(line)));
  }
  if (w.command) TRY(take_curl(&w));
  if (w.cron_count == 0) return refuse(&w, 0, "there is no cron: in this workflow");
  if (ret->count == 0) return refuse(&w, 0, "there is no curl in a run: of this workflow");
  const char *schedule = join_crons(&w);
  for (size_t i = 0; i < ret->count; i++) ret->list[i].schedule = schedule;
  return arena_error(arena);
}
