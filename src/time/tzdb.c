/* The folder of zone files. Reading them is the one I/O in time/: a zone is named in a schedule text, so a
 * compiler of schedules needs its content, and everything built on it stays a pure function of that content. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "sys/os_file.h"
#include "time/tz_zone.h"

#define FOLDER_MAX 256
#define PATH_MAX_BYTES (FOLDER_MAX + TZ_NAME_MAX + 2)
#define HINT_DEPTH 3
#define HINT_ENTRIES_MAX 4000

struct tzdb {
  char folder[FOLDER_MAX];
  struct tz *zones; /* a linked list: a server uses a handful, and they are looked up when a job is saved */
};

static const char utc_file[] =
    "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"
    "\0\0\0\0\0\0UTC\0"
    "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"
    "\0\0\0\0\0\0UTC\0"
    "\nUTC0\n";

enum err tzdb_new(const char *folder, struct tzdb **ret) {
  struct tzdb *db = calloc(1, sizeof *db);
  if (!db) return ERR_NO_MEMORY;
  if (!str_copy(db->folder, sizeof db->folder, str_of(folder ? folder : TZ_FOLDER))) {
    free(db);
    return ERR_LIMIT;
  }
  *ret = db;
  return ERR_OK;
}

static void zone_free(struct tz *z) {
  tzif_free(&z->table);
  buf_free(&z->content);
  free(z);
}

void tzdb_free(struct tzdb *db) {
  if (!db) return;
  for (struct tz *z = db->zones, *next; z; z = next) {
    next = z->next;
    zone_free(z);
  }
  free(db);
}

static bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '+';
}

/* Letters, digits, "_-+" and single inner slashes: such a name cannot leave the folder. */
static bool is_name(struct str name) {
  if (name.len == 0 || name.len > TZ_NAME_MAX) return false;
  for (size_t i = 0; i < name.len; i++) {
    if (is_name_char(name.ptr[i])) continue;
    if (name.ptr[i] != '/' || i == 0 || i + 1 == name.len || name.ptr[i - 1] == '/') return false;
  }
  return true;
}

static void set_sha256(struct tz *z) {
  unsigned char hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, (const unsigned char *)z->content.ptr, z->content.len);
  sodium_bin2hex(z->sha256, sizeof z->sha256, hash, sizeof hash);
}

/* Takes over *content on success. The table of a zone that is in use is exchanged only when the new one is good. */
static enum err set_content(struct tz *z, struct buf *content, struct err_detail *detail) {
  struct tz_table table;
  TRY(tzif_parse(buf_str(content), &table, detail));
  tzif_free(&z->table);
  buf_free(&z->content);
  z->table = table;
  z->table.rule.std_name = z->table.rule.dst_name = STR_NONE; /* pointed into the copy that is gone */
  z->content = *content;
  *content = buf_new(TZ_FILE_BYTES_MAX);
  z->generation++;
  set_sha256(z);
  return ERR_OK;
}

static void path_of(const struct tzdb *db, const char *name, char ret[PATH_MAX_BYTES]) {
  int n = snprintf(ret, PATH_MAX_BYTES, "%s/%s", db->folder, name);
  ASSERT(n > 0 && n < PATH_MAX_BYTES);
}

/* The state is taken first: a file that changes while it is read looks changed at the next refresh. */
static enum err read_file(const struct tzdb *db, const char *name, struct buf *out,
                          struct os_file_state *ret) {
  char path[PATH_MAX_BYTES];
  path_of(db, name, path);
  if (!os_file_state(path, ret)) return ERR_NOT_FOUND;
  return os_read_file(path, out, NULL);
}

static struct tz *cached(struct tzdb *db, struct str name) {
  for (struct tz *z = db->zones; z; z = z->next)
    if (str_eq(str_of(z->name), name)) return z;
  return NULL;
}

/* ---- a near name for the hint ---- */

struct near {
  struct str wanted;
  char best[TZ_NAME_MAX + 1];
  size_t best_distance;
};

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c == ' ' ? '_' : c; }

/* Levenshtein distance without regard to case; both at most TZ_NAME_MAX long. */
static size_t distance(struct str a, struct str b) {
  size_t row[TZ_NAME_MAX + 1];
  ASSERT(a.len <= TZ_NAME_MAX && b.len <= TZ_NAME_MAX);
  for (size_t j = 0; j <= b.len; j++) row[j] = j;
  for (size_t i = 1; i <= a.len; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.len; j++) {
      size_t change = diagonal + (lower(a.ptr[i - 1]) != lower(b.ptr[j - 1]));
      diagonal = row[j];
      size_t least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
      row[j] = change < least ? change : least;
    }
  }
  return row[b.len];
}

static bool consider(void *arg, const char *name) {
  struct near *n = arg;
  struct str whole = str_of(name);
  if (!is_name(whole) || str_starts(whole, STR("right/")) || str_starts(whole, STR("posix/"))) return true;
  struct str city = whole;
  for (size_t at; (at = str_find_char(city, '/')) != SIZE_MAX;) city = str_from(city, at + 1);
  size_t d = distance(n->wanted, whole), by_city = distance(n->wanted, city);
  if (by_city < d) d = by_city;
  if (d < n->best_distance && str_copy(n->best, sizeof n->best, whole)) n->best_distance = d;
  return true;
}

static enum err unknown(const struct tzdb *db, struct str name, struct err_detail *detail) {
  struct str shown = name.len > TZ_NAME_MAX ? (struct str){name.ptr, TZ_NAME_MAX} : name;
  (void)err_set(detail, ERR_INVALID, "timezone", 0, "there is no time zone \"%.*s\"", STR_ARG(shown));
  struct near near = {.wanted = shown, .best_distance = shown.len / 3 + 1};
  if (detail) os_tree_each(db->folder, HINT_DEPTH, HINT_ENTRIES_MAX, consider, &near);
  if (near.best[0]) err_hint(detail, "did you mean %s?", near.best);
  else err_hint(detail, "write an IANA name such as Europe/Madrid, or UTC");
  return ERR_INVALID;
}

/* ---- finding ---- */

static enum err insert(struct tzdb *db, struct str name, struct buf *content,
                       const struct os_file_state *state, struct err_detail *detail) {
  struct tz *z = calloc(1, sizeof *z);
  if (!z) return ERR_NO_MEMORY;
  bool fits = str_copy(z->name, sizeof z->name, name);
  ASSERT(fits);
  enum err e = set_content(z, content, detail);
  if (e != ERR_OK) {
    free(z);
    return e;
  }
  if (state) z->state = *state;
  else z->is_pinned = true;
  z->next = db->zones;
  db->zones = z;
  return ERR_OK;
}

static enum err load(struct tzdb *db, struct str name, struct err_detail *detail) {
  BUF_AUTO struct buf content = buf_new(TZ_FILE_BYTES_MAX);
  if (str_eq(name, STR("UTC"))) {
    buf_add(&content, utc_file, sizeof utc_file - 1);
    TRY(buf_error(&content));
    return insert(db, name, &content, NULL, detail);
  }
  char text[TZ_NAME_MAX + 1];
  if (!is_name(name) || !str_copy(text, sizeof text, name)) return unknown(db, name, detail);
  struct os_file_state state;
  enum err e = read_file(db, text, &content, &state);
  if (e == ERR_NOT_FOUND) return unknown(db, name, detail);
  if (e == ERR_LIMIT)
    return err_set(detail, ERR_INVALID, "timezone", 0, "the file of zone \"%s\" is too large", text);
  if (e != ERR_OK) return err_set(detail, e, "timezone", 0, "the file of zone \"%s\" cannot be read", text);
  return insert(db, name, &content, &state, detail);
}

enum err tz_find(struct tzdb *db, struct str name, const struct tz **ret, struct err_detail *detail) {
  if (name.len == 0) name = STR("UTC");
  struct tz *z = cached(db, name);
  if (!z) {
    TRY(load(db, name, detail));
    z = db->zones;
  }
  if (z->is_gone) return unknown(db, name, detail);
  *ret = z;
  return ERR_OK;
}

enum err tzdb_add(struct tzdb *db, struct str name, struct str bytes, const struct tz **ret,
                  struct err_detail *detail) {
  if (!is_name(name)) return unknown(db, name, detail);
  BUF_AUTO struct buf content = buf_new(TZ_FILE_BYTES_MAX);
  buf_add_str(&content, bytes);
  TRY(buf_error(&content));
  struct tz *z = cached(db, name);
  if (!z) {
    TRY(insert(db, name, &content, NULL, detail));
    z = db->zones;
  } else {
    TRY(set_content(z, &content, detail));
    z->is_pinned = true;
    z->is_gone = false;
  }
  *ret = z;
  return ERR_OK;
}

/* ---- refreshing ---- */

static bool refresh(struct tzdb *db, struct tz *z) {
  char path[PATH_MAX_BYTES];
  path_of(db, z->name, path);
  struct os_file_state state;
  bool is_there = os_file_state(path, &state);
  if (is_there && !z->is_gone && os_file_state_eq(&state, &z->state)) return false;
  BUF_AUTO struct buf content = buf_new(TZ_FILE_BYTES_MAX);
  z->is_gone = !is_there || read_file(db, z->name, &content, &state) != ERR_OK;
  if (z->is_gone) return false;
  z->state = state;
  if (str_eq(buf_str(&content), buf_str(&z->content))) return false;
  z->is_gone = set_content(z, &content, NULL) != ERR_OK;
  return !z->is_gone;
}

bool tzdb_refresh(struct tzdb *db) {
  bool has_changed = false;
  for (struct tz *z = db->zones; z; z = z->next)
    if (!z->is_pinned && refresh(db, z)) has_changed = true;
  return has_changed;
}
