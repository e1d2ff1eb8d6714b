#include "app/program_notes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "sys/os_file.h"
#include "warden/child.h"

#define LOOK_AGAIN_MS 1000
#define NOTES_MAX \
  10000 /* of so many programs; what another says is not known: all its parameters are secret */
#define NOTE_PARAMS_MAX 200
#define NOTE_SHOWN_MAX 50

struct note {
  int64_t looked_ms; /* tick */
  struct timespec changed;
  off_t size;
  bool is_there;           /* the program is */
  json_t *content;         /* a checked object; NULL: there is none */
  struct err_detail wrong; /* with a message: the file is there, and this is wrong with it */
  char name[];
};

struct program_notes {
  const struct programs *programs;
  struct map notes; /* hash of the name → struct note */
};

struct program_notes *program_notes_new(const struct programs *programs) {
  struct program_notes *n = calloc(1, sizeof *n);
  if (n) n->programs = programs;
  return n;
}

void program_notes_free(struct program_notes *n) {
  if (!n) return;
  struct map_entry entry;
  for (size_t i = 0; map_next(&n->notes, &i, &entry);) {
    struct note *note = entry.value;
    json_decref(note->content);
    free(note);
  }
  map_free(&n->notes);
  free(n);
}

/* ---- reading one ---- */

static enum err bad(struct err_detail *d, size_t i, const char *what) {
  return err_set(d, ERR_INVALID, "params", 0, "params[%zu] %s", i, what);
}

static bool is_words(const json_t *value) {
  return !value || json_is_string(value) ||
         (json_is_object(value) && (json_text_at(value, "en").ptr || json_text_at(value, "es").ptr));
}

static bool is_texts(const json_t *value) {
  if (!value) return true;
  for (size_t i = 0; i < json_array_size(value); i++)
    if (!json_is_string(json_array_get(value, i))) return false;
  return json_is_array(value);
}

static enum err check_param(const json_t *p, size_t i, struct err_detail *d) {
  static const char *const flags[] = {"required", "secret"}, *const numbers[] = {"min", "max"};
  if (!json_text_at(p, "name").len) return bad(d, i, "needs a name");
  const json_t *type = json_object_get(p, "type");
  bool is_known = !type;
  for (enum param_type t = PARAM_TEXT; t <= PARAM_OBJECT && json_is_string(type); t++)
    is_known |= str_eq(str_of(param_type_text(t)), str_of(json_string_value(type)));
  if (!is_known)
    return bad(d, i, "has a type that is none of text, integer, number, boolean, list of text, object");
  for (size_t k = 0; k < 2; k++) {
    const json_t *flag = json_object_get(p, flags[k]), *number = json_object_get(p, numbers[k]);
    if (flag && !json_is_boolean(flag)) return bad(d, i, "has required or secret that is not true or false");
    if (number && !json_is_number(number)) return bad(d, i, "has min or max that is no number");
  }
  if (!is_words(json_object_get(p, "help"))) return bad(d, i, "has help that is neither a text nor {en, es}");
  if (!is_texts(json_object_get(p, "choices"))) return bad(d, i, "has choices that are no list of texts");
  const json_t *shown = json_object_get(p, "shown");
  if (!is_texts(shown) || json_array_size(shown) > NOTE_SHOWN_MAX)
    return bad(d, i, "has shown that is no list of at most 50 texts");
  return ERR_OK;
}

static enum err check_content(const json_t *content, struct err_detail *d) {
  const json_t *params = json_object_get(content, "params");
  if (!json_is_object(content)) return err_set(d, ERR_INVALID, "", 0, "it is no object");
  if (!is_words(json_object_get(content, "description")))
    return err_set(d, ERR_INVALID, "description", 0, "description is neither a text nor {en, es}");
  if ((params && !json_is_array(params)) || json_array_size(params) > NOTE_PARAMS_MAX)
    return err_set(d, ERR_INVALID, "params", 0, "params is no list of at most %d", NOTE_PARAMS_MAX);
  for (size_t i = 0; i < json_array_size(params); i++) TRY(check_param(json_array_get(params, i), i, d));
  return ERR_OK;
}

static enum err read_content(const char *path, const struct stat *st, json_t **ret, struct err_detail *d) {
  bool is_ours = st->st_uid == geteuid() || st->st_uid == 0;
  if (!S_ISREG(st->st_mode) || !is_ours || (st->st_mode & (S_IWGRP | S_IWOTH)))
    return err_set(d, ERR_FORBIDDEN, "", 0, "it is no regular file of ours that nobody else may write");
  BUF_AUTO struct buf text = buf_new(PROGRAM_NOTE_BYTES_MAX);
  TRY(os_read_file(path, &text, d));
  JSON_AUTO json_t *content = NULL;
  TRY(json_parse(buf_str(&text), &content, d));
  TRY(check_content(content, d));
  *ret = json_incref(content);
  return ERR_OK;
}

static bool is_as_before(const struct note *note, const struct stat *st) {
  return note->size == st->st_size && note->changed.tv_sec == st->st_mtim.tv_sec &&
         note->changed.tv_nsec == st->st_mtim.tv_nsec;
}

static void look(const struct program_notes *n, struct note *note) {
  char path[4200], beside[4300];
  struct stat st;
  note->is_there = programs_find(n->programs, str_of(note->name), path, sizeof path, NULL) == ERR_OK;
  bool has_file = note->is_there && snprintf(beside, sizeof beside, "%s" PROGRAM_NOTE_SUFFIX, path) > 0 &&
                  lstat(beside, &st) == 0;
  if (has_file && is_as_before(note, &st)) return;
  json_decref(note->content);
  note->content = NULL;
  note->wrong = (struct err_detail){};
  note->size = -1;
  if (!has_file) return;
  enum err e = read_content(beside, &st, &note->content, &note->wrong);
  if (e != ERR_OK && !note->wrong.message[0]) (void)err_set(&note->wrong, e, "", 0, "%s", err_text(e));
  note->size = st.st_size;
  note->changed = st.st_mtim;
}

/* NULL: too many, or no memory. */
static const struct note *note_of(struct program_notes *n, struct str name, int64_t tick_ms) {
  uint64_t key = hash_bytes(name.ptr, name.len, 0);
  struct note *note = map_get(&n->notes, key);
  if (note && !str_eq(str_of(note->name), name))
    return NULL; /* two names of one hash: the later is not known */
  bool is_new = !note;
  if (is_new) {
    note = n->notes.count < NOTES_MAX ? calloc(1, sizeof *note + name.len + 1) : NULL;
    if (!note || map_put(&n->notes, key, note) != ERR_OK) {
      free(note);
      return NULL;
    }
    memcpy(note->name, name.ptr, name.len);
    note->size = -1;
  }
  if (is_new || tick_ms - note->looked_ms >= LOOK_AGAIN_MS) look(n, note);
  if (is_new || tick_ms - note->looked_ms >= LOOK_AGAIN_MS) note->looked_ms = tick_ms;
  return note;
}

/* ---- what is secret ---- */

struct rules_list {
  struct arena *arena;
  struct mask_param *params;
  size_t count, capacity;
  bool has_failed;
};

static void add(struct rules_list *l, const char *name, const char *const *shown) {
  if (l->count == l->capacity) {
    size_t capacity = l->capacity ? 2 * l->capacity : 8;
    struct mask_param *bigger = ARENA_ARRAY(l->arena, struct mask_param, capacity);
    if (!bigger) {
      l->has_failed = true;
      return;
    }
    if (l->count) memcpy(bigger, l->params, l->count * sizeof *bigger);
    l->params = bigger;
    l->capacity = capacity;
  }
  l->params[l->count++] = (struct mask_param){name, shown};
}

static void add_builtin(struct rules_list *l, const struct executor *e) {
  for (const struct executor_param *p = e->params; p && p->name; p++)
    if (p->is_secret) add(l, p->name, p->shown);
}

static void add_note(struct rules_list *l, const struct note *note) {
  size_t i;
  json_t *p;
  json_array_foreach(json_object_get(note->content, "params"), i, p) {
    if (!json_bool_at(p, "secret", false)) continue;
    const json_t *given = json_object_get(p, "shown");
    const char **shown = ARENA_ARRAY(l->arena, const char *, json_array_size(given) + 1);
    const char *name = arena_strdup(l->arena, json_text_at(p, "name"));
    if (!shown || !name) {
      l->has_failed = true;
      return;
    }
    for (size_t k = 0; k < json_array_size(given); k++) {
      shown[k] = arena_strdup(l->arena, str_of(json_string_value(json_array_get(given, k))));
      l->has_failed |= !shown[k];
    }
    add(l, name, shown);
  }
}

static void add_all(struct rules_list *l, const struct program_notes *n) {
  struct map_entry entry;
  for (size_t i = 0; map_next(&n->notes, &i, &entry);) add_note(l, entry.value);
}

struct mask_rules secret_rules(struct program_notes *n, const char *command, bool is_surely, int64_t tick_ms,
                               struct arena *arena) {
  struct rules_list l = {.arena = arena};
  bool is_any = command && !command[0];
  const struct executor *builtin = command ? executor_find(str_of(command)) : NULL;
  const struct note *note = command && !is_any && !builtin ? note_of(n, str_of(command), tick_ms) : NULL;
  if (!is_any && !builtin && (!note || !note->is_there || note->wrong.message[0]))
    return (struct mask_rules){.hides_all = true};
  if (builtin && is_surely) {
    add_builtin(&l, builtin);
  } else { /* a program may have got the parameters of a built-in, which say what they said there */
    for (const struct executor *const *e = executors; *e; e++) add_builtin(&l, *e);
    if (note) add_note(&l, note);
    if (is_any || !is_surely) add_all(&l, n);
  }
  if (l.has_failed) return (struct mask_rules){.hides_all = true};
  return (struct mask_rules){.count = l.count, .params = l.params};
}

/* ---- telling ---- */

static struct str words_in(const json_t *value, const char *language) {
  if (json_is_string(value)) return str_of(json_string_value(value));
  struct str wanted = json_text_at(value, language);
  if (!wanted.ptr) wanted = json_text_at(value, "en");
  return wanted.ptr ? wanted : json_text_at(value, "es");
}

static void write_param(struct json_writer *w, const json_t *p, const char *language) {
  static const char *const as_given[] = {"min", "max", "default", "choices", "shown"};
  struct str type = json_text_at(p, "type");
  jw_object(w);
  jw_kstr(w, "name", json_text_at(p, "name"));
  jw_kstr(w, "type", type.ptr ? type : STR("text"));
  jw_kbool(w, "required", json_bool_at(p, "required", false));
  jw_kbool(w, "secret", json_bool_at(p, "secret", false));
  for (size_t i = 0; i < sizeof as_given / sizeof *as_given; i++) {
    const json_t *value = json_object_get(p, as_given[i]);
    bool is_secret_default = i == 2 && json_bool_at(p, "secret", false);
    if (!value || is_secret_default) continue;
    jw_key(w, as_given[i]);
    jw_value(w, value);
  }
  jw_kstr(w, "help", words_in(json_object_get(p, "help"), language));
  jw_object_end(w);
}

static void write_description(struct json_writer *w, const struct note *note, const char *path,
                              const char *language) {
  char text[ERR_TEXT_MAX + 4300];
  struct str own = note ? words_in(json_object_get(note->content, "description"), language) : STR_NONE;
  if (note && note->wrong.message[0])
    snprintf(text, sizeof text, "%s (%s" PROGRAM_NOTE_SUFFIX ": %s)", path, note->name, note->wrong.message);
  else snprintf(text, sizeof text, "%s", path);
  jw_kstr(w, "description", own.len ? own : str_of(text));
}

struct telling {
  struct program_notes *notes;
  struct json_writer *w;
  const char *language;
  int64_t tick_ms;
};

static void tell(void *arg, const char *name, const char *path) {
  const struct telling *t = arg;
  struct json_writer *w = t->w;
  const struct note *note = note_of(t->notes, str_of(name), t->tick_ms);
  size_t i;
  json_t *p;
  jw_object(w);
  jw_ktext(w, "name", name);
  jw_ktext(w, "class", NULL);
  jw_ktext(w, "kind", "program");
  write_description(w, note, path, t->language);
  jw_kbool(w, "enabled", true);
  jw_key(w, "params");
  jw_array(w);
  json_array_foreach(note ? json_object_get(note->content, "params") : NULL, i, p)
      write_param(w, p, t->language);
  jw_array_end(w);
  jw_object_end(w);
}

void program_notes_write_json(struct program_notes *n, const char *language, int64_t tick_ms,
                              struct json_writer *w) {
  struct telling t = {n, w, language, tick_ms};
  programs_each(n->programs, tell, &t);
}
