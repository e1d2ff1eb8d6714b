#include "model/filter.h"

#include <assert.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/instant.h"
#include "model/field.h"

/* ---- folding ---- */

/* The letters U+00C0…U+00FF without their accents; '*' where there is nothing to fold to one letter. */
static const char latin[] = "aaaaaa*ceeeeiiii*nooooo*ouuuuy**aaaaaa*ceeeeiiii*nooooo*ouuuuy*y";
static_assert(sizeof latin == 65, "one for each of the 64");

size_t filter_fold(struct str s, char *to, size_t size) {
  size_t n = 0;
  for (size_t i = 0; i < s.len && n < size; i++) {
    unsigned char c = (unsigned char)s.ptr[i];
    bool is_latin = c == 0xc3 && i + 1 < s.len && ((unsigned char)s.ptr[i + 1] & 0xc0) == 0x80;
    char plain = is_latin ? latin[(unsigned char)s.ptr[i + 1] & 0x3f] : '*';
    if (plain != '*') {
      to[n++] = plain;
      i++;
    } else {
      to[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : (char)c;
    }
  }
  return n;
}

/* ---- parsing ---- */

struct parse {
  const struct filter_list *list;
  struct str text;
  size_t at;
  int64_t now_ms;
  struct arena *arena;
  struct filter *filter;
  struct err_detail *detail;
};

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_key_char(char c) { return is_letter(c) || is_digit(c) || c == '_'; }
static bool is_op_char(char c) { return c == ':' || c == '=' || c == '~' || c == '<' || c == '>'; }

static int column(const struct parse *p, size_t at) {
  (void)p;
  return (int)at + 1;
}

static void hint_keys(const struct parse *p) {
  BUF_AUTO struct buf list = buf_new(ERR_TEXT_MAX - 8);
  for (size_t i = 0; i < p->list->key_count; i++)
    buf_addf(&list, "%s%s", i ? ", " : "", p->list->keys[i].name);
  if (buf_text(&list)) err_hint(p->detail, "keys: %s", buf_text(&list));
}

static void hint_values(const struct parse *p, const struct filter_key *key) {
  BUF_AUTO struct buf list = buf_new(ERR_TEXT_MAX - 1);
  for (size_t i = 0; key->values[i]; i++) buf_addf(&list, "%s%s", i ? ", " : "", key->values[i]);
  if (buf_text(&list)) err_hint(p->detail, "%s", buf_text(&list));
}

static enum err wrong(const struct parse *p, size_t at, const char *what, struct str piece) {
  return err_set(p->detail, ERR_INVALID, "q", column(p, at), "%s \"%.*s\"", what,
                 (int)(piece.len < 60 ? piece.len : 60), piece.ptr);
}

static bool is_key(const struct filter_key *k, struct str name) {
  return str_eq_nocase(str_of(k->name), name) || (k->alias && str_eq_nocase(str_of(k->alias), name));
}

static enum err find_key(const struct parse *p, struct str name, size_t at, size_t *ret) {
  for (size_t i = 0; i < p->list->key_count; i++) {
    if (!is_key(&p->list->keys[i], name)) continue;
    *ret = i;
    return ERR_OK;
  }
  enum err e = wrong(p, at, "there is no key", name);
  hint_keys(p);
  return e;
}

/* A value ends at a space; quotes hold spaces and commas. One piece between commas; false: the value is over. */
static enum err take_piece(struct parse *p, char end, struct str *ret) {
  bool is_quoted = p->at < p->text.len && p->text.ptr[p->at] == '"';
  size_t start = is_quoted ? ++p->at : p->at;
  while (p->at < p->text.len) {
    char c = p->text.ptr[p->at];
    if (is_quoted ? c == '"' : is_space(c) || c == end) break;
    p->at++;
  }
  *ret = (struct str){p->text.ptr + start, p->at - start};
  if (!is_quoted) return ERR_OK;
  if (p->at == p->text.len)
    return err_set(p->detail, ERR_INVALID, "q", column(p, start - 1), "the quote is not closed");
  p->at++;
  return ERR_OK;
}

/* "64MB", "1k", "12": multiples of 1024. */
static bool parse_bytes(struct str s, int64_t *ret) {
  static const char units[] = "bkmgt";
  size_t n = 0;
  int64_t number, scale = 1;
  while (n < s.len && is_digit(s.ptr[n])) n++;
  if (!str_to_int((struct str){s.ptr, n}, 0, INT64_MAX, &number)) return false;
  if (n < s.len) {
    char unit[4];
    size_t length = filter_fold(str_from(s, n), unit, sizeof unit);
    const char *at = s.len - n <= 3 ? memchr(units, unit[0], sizeof units - 1) : NULL;
    struct str rest = {unit + 1, length - 1};
    if (!at || (rest.len && !str_eq(rest, STR("b")) && !str_eq(rest, STR("ib")))) return false;
    scale = INT64_C(1) << (10 * (at - units));
  }
  return !__builtin_mul_overflow(number, scale, ret);
}

static bool parse_date(struct str s, int64_t *ret) {
  char text[64];
  bool is_day = s.len == 10, has_zone = s.len > 10 && (str_find_char(s, 'Z') != SIZE_MAX ||
                                                       str_find_char(str_from(s, 11), '+') != SIZE_MAX ||
                                                       str_find_char(str_from(s, 11), '-') != SIZE_MAX);
  bool has_seconds = s.len >= 19;
  if (s.len < 10 || s.len > 40 || s.ptr[4] != '-') return false;
  (void)snprintf(text, sizeof text, "%.*s%s%s", STR_ARG(s),
                 is_day                    ? "T00:00:00"
                 : has_seconds || has_zone ? ""
                                           : ":00",
                 has_zone ? "" : "Z");
  return instant_from_text(str_of(text), ret);
}

static enum filter_op turned(enum filter_op op) {
  switch (op) {
    case FILTER_LESS: return FILTER_MORE;
    case FILTER_AT_MOST: return FILTER_AT_LEAST;
    case FILTER_MORE: return FILTER_LESS;
    case FILTER_AT_LEAST: return FILTER_AT_MOST;
    case FILTER_IS:
    case FILTER_CONTAINS: break;
  }
  return op;
}

/* Ages grow backwards: "less than an hour ago" is later than an hour before now. */
static bool parse_when(const struct parse *p, const struct filter_key *key, struct filter_term *t,
                       struct str piece) {
  int64_t distance_ms;
  if (parse_date(piece, &t->number)) return true;
  if (!duration_from_text(piece, &distance_ms)) return false;
  if (key->type == FILTER_FUTURE) return !__builtin_add_overflow(p->now_ms, distance_ms, &t->number);
  t->op = turned(t->op);
  return !__builtin_sub_overflow(p->now_ms, distance_ms, &t->number);
}

static const char *const flag_values[] = {"no", "yes", NULL};

static enum err add_choice(const struct parse *p, const struct filter_key *key, struct filter_term *t,
                           struct str piece, size_t at) {
  const struct filter_key shown = {.values = key->type == FILTER_FLAG ? flag_values : key->values};
  for (int i = 0; shown.values[i]; i++) {
    if (!str_eq_nocase(str_of(shown.values[i]), piece)) continue;
    t->choices |= 1ULL << i;
    return ERR_OK;
  }
  BUF_AUTO struct buf what = buf_new(100);
  buf_addf(&what, "%s has no value", key->name);
  enum err e = wrong(p, at, buf_text(&what) ? buf_text(&what) : "no value", piece);
  hint_values(p, &shown);
  return e;
}

static enum err add_text(const struct parse *p, struct filter_term *t, struct str piece, size_t at) {
  if (t->value_count == FILTER_VALUES_MAX)
    return err_set(p->detail, ERR_LIMIT, "q", column(p, at), "at most %d values in a term",
                   FILTER_VALUES_MAX);
  char *to = arena_alloc(p->arena, piece.len + 1);
  if (!to) return arena_error(p->arena);
  t->values[t->value_count++] = (struct str){to, filter_fold(piece, to, piece.len)};
  return ERR_OK;
}

static const char *const examples[FILTER_TYPE_COUNT] = {
    [FILTER_NUMBER] = "a number, as in attempt>1",
    [FILTER_DURATION] = "a duration, as in p95>30s or p50<1m30s",
    [FILTER_BYTES] = "a size, as in mem>64MB",
    [FILTER_PAST] = "an age or a date, as in last<1h or last>2026-11-01",
    [FILTER_FUTURE] = "a time ahead or a date, as in next<10m or next>2026-12-01"};

static enum err add_number(const struct parse *p, const struct filter_key *key, struct filter_term *t,
                           struct str piece, size_t at) {
  bool is_read = false;
  if (key->type == FILTER_NUMBER) is_read = str_to_int(piece, INT64_MIN + 1, INT64_MAX, &t->number);
  if (key->type == FILTER_DURATION) is_read = duration_from_text(piece, &t->number);
  if (key->type == FILTER_BYTES) is_read = parse_bytes(piece, &t->number);
  if (key->type == FILTER_PAST || key->type == FILTER_FUTURE) is_read = parse_when(p, key, t, piece);
  if (is_read) return ERR_OK;
  enum err e = wrong(p, at, "this is no value here:", piece);
  err_hint(p->detail, "%s", examples[key->type]);
  return e;
}

static bool is_textual(enum filter_type type) { return type == FILTER_TEXT || type == FILTER_TAGS; }
static bool is_chosen(enum filter_type type) { return type == FILTER_CHOICE || type == FILTER_FLAG; }

static enum err check_op(const struct parse *p, const struct filter_key *key, enum filter_op op, size_t at) {
  bool is_order = op != FILTER_IS && op != FILTER_CONTAINS;
  if (is_textual(key->type) ? !is_order : is_chosen(key->type) ? op == FILTER_IS : op != FILTER_CONTAINS)
    return ERR_OK;
  enum err e =
      err_set(p->detail, ERR_INVALID, "q", column(p, at), "%s does not take this comparison", key->name);
  err_hint(p->detail, "%s",
           is_textual(key->type)  ? ": (is) or ~ (contains)"
           : is_chosen(key->type) ? ": (is)"
                                  : "<, <=, >, >= or : (is)");
  return e;
}

static enum err add_value(struct parse *p, const struct filter_key *key, struct filter_term *t,
                          struct str piece, size_t at) {
  if (piece.len == 0)
    return err_set(p->detail, ERR_INVALID, "q", column(p, at), "%s needs a value", key->name);
  bool is_plain = t->op == FILTER_IS && p->text.ptr[at] != '"';
  if (is_plain && str_eq_nocase(piece, STR("none"))) return t->wants_none = true, ERR_OK;
  if (is_plain && (str_eq_nocase(piece, STR("any")) || str_eq(piece, STR("*"))))
    return t->wants_any = true, ERR_OK;
  if (is_textual(key->type)) return add_text(p, t, piece, at);
  if (is_chosen(key->type)) return add_choice(p, key, t, piece, at);
  if (t->value_count++ > 0)
    return err_set(p->detail, ERR_INVALID, "q", column(p, at), "%s takes one value", key->name);
  if (t->op == FILTER_IS && (key->type == FILTER_PAST || key->type == FILTER_FUTURE)) {
    enum err e = err_set(p->detail, ERR_INVALID, "q", column(p, at), "%s takes < or >", key->name);
    err_hint(p->detail, "%s", examples[key->type]);
    return e;
  }
  return add_number(p, key, t, piece, at);
}

static enum filter_op take_op(struct parse *p) {
  char c = p->text.ptr[p->at++];
  bool has_equal = p->at < p->text.len && p->text.ptr[p->at] == '=';
  if (c == '~') return FILTER_CONTAINS;
  if (c == ':' || c == '=') return FILTER_IS;
  if (has_equal) p->at++;
  if (c == '<') return has_equal ? FILTER_AT_MOST : FILTER_LESS;
  return has_equal ? FILTER_AT_LEAST : FILTER_MORE;
}

static enum err take_values(struct parse *p, const struct filter_key *key, struct filter_term *t) {
  for (;;) {
    struct str piece;
    size_t at = p->at;
    TRY(take_piece(p, ',', &piece));
    enum err e = add_value(p, key, t, piece, at);
    if (e != ERR_OK) {
      if (piece.len == 0 && is_chosen(key->type))
        hint_values(p, &(struct filter_key){.values = key->type == FILTER_FLAG ? flag_values : key->values});
      return e;
    }
    if (p->at == p->text.len || p->text.ptr[p->at] != ',') return ERR_OK;
    p->at++;
  }
}

/* Length of the key before an operator at p->at, 0 = there is none. */
static size_t key_length(const struct parse *p) {
  size_t n = p->at;
  if (n == p->text.len || !is_letter(p->text.ptr[n])) return 0;
  while (n < p->text.len && is_key_char(p->text.ptr[n])) n++;
  return n < p->text.len && is_op_char(p->text.ptr[n]) ? n - p->at : 0;
}

static enum err take_term(struct parse *p) {
  if (p->filter->count == FILTER_TERMS_MAX)
    return err_set(p->detail, ERR_LIMIT, "q", column(p, p->at), "at most %d terms", FILTER_TERMS_MAX);
  struct filter_term *t = &p->filter->terms[p->filter->count];
  *t = (struct filter_term){.key = FILTER_WORDS, .op = FILTER_CONTAINS};
  size_t start = p->at;
  bool has_more = p->at + 1 < p->text.len && !is_space(p->text.ptr[p->at + 1]);
  if (p->text.ptr[p->at] == '-' && has_more) t->is_not = true, p->at++;
  size_t length = key_length(p);
  if (length == 0) {
    struct str word;
    size_t at = p->at;
    TRY(take_piece(p, ' ', &word));
    if (word.len == 0) return ERR_OK;
    TRY(add_text(p, t, word, at));
  } else {
    TRY(find_key(p, (struct str){p->text.ptr + p->at, length}, p->at, &t->key));
    p->at += length;
    size_t op_at = p->at;
    t->op = take_op(p);
    TRY(check_op(p, &p->list->keys[t->key], t->op, op_at));
    TRY(take_values(p, &p->list->keys[t->key], t));
  }
  if (p->at < p->text.len && !is_space(p->text.ptr[p->at]))
    return err_set(p->detail, ERR_INVALID, "q", column(p, p->at), "a space is missing after \"%.*s\"",
                   (int)(p->at - start < 60 ? p->at - start : 60), p->text.ptr + start);
  p->filter->count++;
  return ERR_OK;
}

enum err filter_parse(const struct filter_list *list, struct str text, int64_t now_ms, struct arena *a,
                      const struct filter **ret, struct err_detail *detail) {
  struct filter *f = ARENA_NEW(a, struct filter);
  if (!f) return arena_error(a);
  f->list = list;
  struct parse p = {.list = list, .text = text, .now_ms = now_ms, .arena = a, .filter = f, .detail = detail};
  if (text.len > FILTER_BYTES_MAX)
    return err_set(detail, ERR_LIMIT, "q", FILTER_BYTES_MAX + 1, "at most %d bytes", FILTER_BYTES_MAX);
  for (;;) {
    while (p.at < text.len && is_space(text.ptr[p.at])) p.at++;
    if (p.at == text.len) break;
    TRY(take_term(&p));
  }
  *ret = f;
  return ERR_OK;
}

/* ---- fitting ---- */

/* "sync-*-daily": the pieces between stars in their order; without a star the whole. */
static bool is_like(struct str pattern, struct str text) {
  struct str piece;
  bool is_first = true;
  if (str_find_char(pattern, '*') == SIZE_MAX) return str_eq(pattern, text);
  while (str_split(&pattern, '*', &piece)) {
    bool is_last = pattern.ptr == NULL;
    if (is_first  ? !str_starts(text, piece)
        : is_last ? !str_ends(text, piece)
                  : str_find(text, piece) == SIZE_MAX)
      return false;
    if (is_last && !is_first) return true;
    text = str_from(text, is_first ? piece.len : str_find(text, piece) + piece.len);
    is_first = false;
  }
  return true;
}

static bool text_fits(const struct filter_term *t, struct str text) {
  for (size_t i = 0; i < t->value_count; i++)
    if (t->op == FILTER_CONTAINS ? str_find(text, t->values[i]) != SIZE_MAX : is_like(t->values[i], text))
      return true;
  return false;
}

static bool tags_fit(const struct filter_term *t, struct str tags) {
  struct str tag;
  while (str_split(&tags, '\n', &tag))
    if (tag.len > 0 && text_fits(t, tag)) return true;
  return false;
}

static bool number_fits(const struct filter_term *t, int64_t value) {
  switch (t->op) {
    case FILTER_LESS: return value < t->number;
    case FILTER_AT_MOST: return value <= t->number;
    case FILTER_MORE: return value > t->number;
    case FILTER_AT_LEAST: return value >= t->number;
    case FILTER_IS: return value == t->number;
    case FILTER_CONTAINS: break;
  }
  return false;
}

static bool cell_fits(const struct filter_term *t, enum filter_type type, const struct filter_cell *cell) {
  char folded[FILTER_FOLD_MAX];
  bool has_text = cell->text.ptr && cell->text.len > 0;
  bool has_value = is_textual(type)  ? has_text
                   : is_chosen(type) ? cell->number != FIELD_NULL && cell->number != 0
                                     : cell->number != FIELD_NULL;
  if (t->wants_none && !has_value) return true;
  if (t->wants_any && has_value) return true;
  if (is_chosen(type)) return cell->number != FIELD_NULL && (t->choices & (uint64_t)cell->number);
  if (!is_textual(type)) return t->value_count > 0 && has_value && number_fits(t, cell->number);
  if (!has_text) return false;
  struct str text = cell->text;
  if (!cell->is_folded) text = (struct str){folded, filter_fold(text, folded, sizeof folded)};
  return type == FILTER_TAGS ? tags_fit(t, text) : text_fits(t, text);
}

bool filter_fits(const struct filter *f, filter_cell_fn *cell, const void *row) {
  for (size_t i = 0; i < f->count; i++) {
    const struct filter_term *t = &f->terms[i];
    struct filter_cell value = cell(row, t->key);
    enum filter_type type = t->key == FILTER_WORDS ? FILTER_TEXT : f->list->keys[t->key].type;
    if (cell_fits(t, type, &value) == t->is_not) return false;
  }
  return true;
}

bool filter_asks(const struct filter *f, size_t key) {
  for (size_t i = 0; f && i < f->count; i++)
    if (f->terms[i].key == key) return true;
  return false;
}

/* ---- telling ---- */

static const char *const type_names[] = {
    [FILTER_TEXT] = "text",     [FILTER_TAGS] = "tags",         [FILTER_CHOICE] = "choice",
    [FILTER_NUMBER] = "number", [FILTER_DURATION] = "duration", [FILTER_BYTES] = "bytes",
    [FILTER_PAST] = "past",     [FILTER_FUTURE] = "future",     [FILTER_FLAG] = "flag"};
static_assert(sizeof type_names / sizeof *type_names == FILTER_TYPE_COUNT, "each type has its name");

static void values_json(const struct filter_key *k, struct json_writer *w) {
  const char *const *values = k->type == FILTER_FLAG ? flag_values : k->values;
  jw_key(w, "values");
  jw_array(w);
  for (size_t i = 0; is_chosen(k->type) && values[i]; i++) jw_text(w, values[i]);
  jw_array_end(w);
}

void filter_list_json(const struct filter_list *list, struct json_writer *w) {
  jw_object(w);
  jw_ktext(w, "list", list->name);
  jw_key(w, "keys");
  jw_array(w);
  for (size_t i = 0; i < list->key_count; i++) {
    const struct filter_key *k = &list->keys[i];
    jw_object(w);
    jw_ktext(w, "name", k->name);
    jw_ktext(w, "alias", k->alias);
    jw_ktext(w, "type", type_names[k->type]);
    jw_ktext(w, "operators", is_textual(k->type) ? ": ~" : is_chosen(k->type) ? ":" : "< <= > >= :");
    values_json(k, w);
    jw_ktext(w, "help", k->help);
    jw_object_end(w);
  }
  jw_array_end(w);
  jw_object_end(w);
}
