#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/instant.h"
#include "base/json.h"
#include "cli/cli.h"

struct cli_cell {
  char *text;
  enum cli_color color;
};

bool cli_is_color(const struct cli *c) {
  const char *no_color = getenv("NO_COLOR");
  return !c->is_plain && !(no_color && no_color[0]) && isatty(STDOUT_FILENO);
}

static const char *const colors[] = {"", "\033[32m", "\033[31m", "\033[33m", "\033[2m", "\033[1m"};

void cli_print_color(const struct cli *c, enum cli_color color, const char *text) {
  bool is_colored = color != CLI_PLAIN && cli_is_color(c);
  (void)printf("%s%s%s", is_colored ? colors[color] : "", text, is_colored ? "\033[0m" : "");
}

/* Control characters of names and outputs never reach the terminal as such. */
static char *clean_copy(const char *text) {
  char *copy = strdup(text ? text : "-");
  ASSERT(copy);
  for (char *p = copy; *p; p++)
    if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = ' ';
  return copy;
}

/* The length of "ESC [ … m" at the start of the text, which only colours what follows; else 0. */
static size_t color_length(struct str text) {
  if (text.len < 3 || text.ptr[0] != 033 || text.ptr[1] != '[') return 0;
  for (size_t i = 2; i < text.len && i < 32; i++) {
    if (text.ptr[i] == 'm') return i + 1;
    if (text.ptr[i] != ';' && (text.ptr[i] < '0' || text.ptr[i] > '9')) return 0;
  }
  return 0;
}

void cli_clean_output(struct str text, struct buf *out) {
  for (size_t i = 0; i < text.len; i++) {
    size_t color = color_length(str_from(text, i));
    unsigned char c = (unsigned char)text.ptr[i];
    if (color) {
      buf_add(out, text.ptr + i, color);
      i += color - 1;
    } else if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
      buf_addf(out, "^%c", c ^ 0x40);
    } else if (c == 0xc2 && i + 1 < text.len && ((unsigned char)text.ptr[i + 1] & 0xe0) == 0x80) {
      buf_add_char(out, '?'); /* U+0080 to U+009F are control characters, too */
      i++;
    } else {
      buf_add_char(out, (char)c);
    }
  }
}

void cli_print_output(struct str text) {
  BUF_AUTO struct buf clean = buf_new(4 * (size_t)CLI_BODY_BYTES_MAX);
  bool is_terminal = isatty(STDOUT_FILENO);
  if (is_terminal) cli_clean_output(text, &clean);
  struct str shown = is_terminal ? buf_str(&clean) : text;
  (void)fwrite(shown.ptr, 1, shown.len, stdout);
}

static size_t width_of(const char *text) {
  size_t n = 0;
  for (; *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
  return n;
}

void cli_table_begin(struct cli_table *t, struct cli *c, const char *const *headers) {
  *t = (struct cli_table){.cli = c};
  while (headers[t->columns]) t->columns++;
  ASSERT(t->columns > 0 && t->columns <= CLI_COLUMNS_MAX);
  for (size_t i = 0; i < t->columns; i++) cli_table_add(t, CLI_BOLD, headers[i]);
}

void cli_table_add(struct cli_table *t, enum cli_color color, const char *text) {
  if (t->count == t->capacity) {
    t->capacity = t->capacity ? 2 * t->capacity : 64;
    t->cells = reallocarray(t->cells, t->capacity, sizeof *t->cells);
    ASSERT(t->cells);
  }
  t->cells[t->count++] = (struct cli_cell){clean_copy(text), color};
}

void cli_table_end(struct cli_table *t) {
  size_t widths[CLI_COLUMNS_MAX] = {};
  for (size_t i = 0; i < t->count; i++) {
    size_t width = width_of(t->cells[i].text), *most = &widths[i % t->columns];
    if (width > *most) *most = width;
  }
  for (size_t i = 0; i < t->count; i++) {
    bool is_last = (i + 1) % t->columns == 0;
    cli_print_color(t->cli, t->cells[i].color, t->cells[i].text);
    int padding = is_last ? 0 : (int)(widths[i % t->columns] - width_of(t->cells[i].text)) + 2;
    (void)printf("%*s%s", padding, "", is_last ? "\n" : "");
    free(t->cells[i].text);
  }
  free(t->cells);
}

void cli_table_drop(struct cli_table *t) {
  for (size_t i = 0; i < t->count; i++) free(t->cells[i].text);
  free(t->cells);
}

void cli_print_json(const json_t *value) {
  char *text = json_to_text(value);
  (void)printf("%s\n", text ? text : "null");
  free(text);
}

void cli_print_pretty(const json_t *value) {
  char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
  (void)printf("%s\n", text ? text : "null");
  free(text);
}

enum cli_color cli_status_color(const char *status) {
  static const struct {
    const char *status;
    enum cli_color color;
  } rows[] = {{"success", CLI_GREEN}, {"ran", CLI_GREEN},    {"running", CLI_YELLOW}, {"queued", CLI_YELLOW},
              {"failed", CLI_RED},    {"timeout", CLI_RED},  {"lost", CLI_RED},       {"missed", CLI_RED},
              {"skipped", CLI_DIM},   {"cancelled", CLI_DIM}};
  for (size_t i = 0; status && i < sizeof rows / sizeof *rows; i++)
    if (strcmp(rows[i].status, status) == 0) return rows[i].color;
  return CLI_PLAIN;
}

const char *cli_world_why(const char *why) { return why && strncmp(why, "active_", 7) == 0 ? "active" : why; }

const char *cli_text(const json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

const char *cli_instant(const json_t *object, const char *key, char ret[40]) {
  int64_t at_ms;
  const char *text = cli_text(object, key);
  if (!text || !instant_from_text(str_of(text), &at_ms)) return "-";
  struct instant_text shown = instant_to_text_seconds(at_ms);
  (void)snprintf(ret, 40, "%s", shown.text);
  if (strlen(ret) == 20) ret[10] = ' ';
  return ret;
}

const char *cli_duration(int64_t ms, char ret[40]) {
  if (ms < 0) return "-";
  if (ms < 1000) (void)snprintf(ret, 40, "%lld ms", (long long)ms);
  else if (ms < 60000) (void)snprintf(ret, 40, "%.1f s", (double)ms / 1000);
  else if (ms < 3600000)
    (void)snprintf(ret, 40, "%lld min %lld s", (long long)(ms / 60000), (long long)(ms / 1000 % 60));
  else (void)snprintf(ret, 40, "%lld h %lld min", (long long)(ms / 3600000), (long long)(ms / 60000 % 60));
  return ret;
}

int cli_choose(const char *const *names, const char *name) {
  for (int i = 0; name && names[i]; i++)
    if (strcmp(names[i], name) == 0) return i;
  return -1;
}

/* ---- lists ---- */

static void add_cell(struct cli_table *t, const json_t *row, const struct cli_column *column) {
  char text[40];
  const json_t *value = json_object_get(row, column->key);
  switch (column->kind) {
    case CLI_COLUMN_TEXT: return cli_table_add(t, CLI_PLAIN, json_string_value(value));
    case CLI_COLUMN_WHY: return cli_table_add(t, CLI_PLAIN, cli_world_why(json_string_value(value)));
    case CLI_COLUMN_INSTANT: return cli_table_add(t, CLI_PLAIN, cli_instant(row, column->key, text));
    case CLI_COLUMN_STATUS:
      return cli_table_add(t, cli_status_color(json_string_value(value)), json_string_value(value));
    case CLI_COLUMN_DURATION:
      return cli_table_add(t, CLI_PLAIN,
                           json_is_integer(value) ? cli_duration(json_integer_value(value), text) : NULL);
    case CLI_COLUMN_VALUE: {
      char *shown = !value || json_is_null(value) ? NULL : json_to_text(value);
      cli_table_add(t, CLI_PLAIN, shown);
      free(shown);
    }
  }
}

static size_t add_page(struct cli *c, struct cli_table *t, const json_t *rows,
                       const struct cli_column *columns, size_t most) {
  size_t i, n = 0;
  json_t *row;
  json_array_foreach(rows, i, row) {
    if (n == most) break;
    n++;
    if (c->is_json) cli_print_json(row);
    else
      for (const struct cli_column *column = columns; column->header; column++) add_cell(t, row, column);
  }
  return n;
}

int cli_list(struct cli *c, const char *path, const struct cli_column *columns, size_t most) {
  const char *headers[CLI_COLUMNS_MAX + 1] = {};
  for (size_t i = 0; columns[i].header; i++) headers[i] = columns[i].header;
  struct cli_table table = {};
  if (!c->is_json) cli_table_begin(&table, c, headers);
  char page[CLI_PATH_BYTES_MAX], cursor[1000] = "";
  size_t left = most ? most : SIZE_MAX;
  int code = CLI_OK;
  do {
    char after[1600] = "";
    if (cursor[0] && !cli_path(after, sizeof after, "&cursor=", cursor, "")) break;
    (void)snprintf(page, sizeof page, "%s%s", path, after);
    CLI_REPLY_AUTO struct cli_reply reply;
    code = cli_call(c, "GET", page, NULL, &reply);
    if (code != CLI_OK) break;
    const json_t *rows = json_is_array(reply.json) ? reply.json : json_object_get(reply.json, "data");
    left -= add_page(c, &table, rows, columns, left);
    const char *next = cli_text(reply.json, "nextCursor");
    (void)str_copy(cursor, sizeof cursor, str_of(next ? next : ""));
  } while (cursor[0] && left > 0);
  if (c->is_json) return code;
  if (code == CLI_OK) cli_table_end(&table);
  else cli_table_drop(&table);
  return code;
}
