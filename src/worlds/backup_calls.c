/* Backups, a step a call; the executors config_backup and system_backup drive them:
 * backup.begin {kind} → {name, files: [what is to be copied, in order]}
 * backup.file {name, file, cursor?} → {files: [{name, bytes, sha256}], next}: copies one (of PostgreSQL's worlds: a page)
 * backup.finish {name, files, keep} → {name, bytes, removed}: reads all back, writes the manifest, gives it its name,
 *   removes what is older than the newest `keep` of this kind
 * world.restore {backup, worldId} → as world.import: a world from a system backup, if there is none of its id */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/os_file.h"
#include "worlds/backup.h"
#include "worlds/calls.h"
#include "worlds/export.h"
#include "worlds/memory_store.h"
#include "worlds/sql.h"

#define WORLDS_PAGE 50
#define MANIFEST "MANIFEST.json"
#define MANIFEST_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define RESTORE_BYTES_MAX ((size_t)1024 * 1024 * 1024)
#define BACKUPS_MAX 1000

static const char *const kinds[] = {"config", "system", NULL};

static enum err path_of(struct lane *l, char ret[BACKUP_PATH_MAX], struct err_detail *detail, const char *a,
                        const char *b) {
  int n = snprintf(ret, BACKUP_PATH_MAX, "%s/%s%s", worlds_config(l->worlds)->folder, a, b);
  return n > 0 && n < BACKUP_PATH_MAX ? ERR_OK
                                      : err_set(detail, ERR_LIMIT, "folder", 0, "its path is too long");
}

static enum err part_path(struct lane *l, struct str name, const char *file, char ret[BACKUP_PATH_MAX]) {
  char inner[BACKUP_PATH_MAX];
  if (!backup_name_is_valid(name)) return err_set(l->detail, ERR_INVALID, "name", 0, "is none of a backup");
  int n = snprintf(inner, sizeof inner, "backups/%.*s.part/%s", STR_ARG(name), file);
  if (n <= 0 || n >= (int)sizeof inner)
    return err_set(l->detail, ERR_LIMIT, "name", 0, "its path is too long");
  return path_of(l, ret, l->detail, inner, "");
}

static bool exists(struct lane *l, const char *file) {
  char path[BACKUP_PATH_MAX];
  struct stat st;
  return path_of(l, path, NULL, file, "") == ERR_OK && stat(path, &st) == 0;
}

/* ---- begin ---- */

static json_t *files_of(struct lane *l, bool is_system) {
  json_t *files = json_array();
  bool is_lite = sqldb_kind(l->db) == SQLDB_SQLITE;
  if (exists(l, "sereno.db")) json_array_append_new(files, json_string("sereno.db"));
  if (exists(l, "sereno.ini")) json_array_append_new(files, json_string("sereno.ini"));
  if (is_system && is_lite) json_array_append_new(files, json_string("worlds.db"));
  if (is_system && is_lite && exists(l, ARCHIVE_FILE))
    json_array_append_new(files, json_string(ARCHIVE_FILE));
  if (is_system && !is_lite) json_array_append_new(files, json_string("worlds"));
  return files;
}

enum err world_call_backup_begin(struct lane *l, const struct world_request *q, struct world_reply *r) {
  int kind = field_enum_index(kinds, json_text_at(q->args, "kind"));
  char name[BACKUP_NAME_MAX], path[BACKUP_PATH_MAX];
  struct instant_text at = instant_to_text_seconds(q->now_ms);
  if (kind < 0) return err_set(&r->detail, ERR_INVALID, "kind", 0, "has to be config or system");
  (void)snprintf(name, sizeof name, "%s-%.4s%.2s%.2sT%.2s%.2s%.2sZ", kinds[kind], at.text, at.text + 5,
                 at.text + 8, at.text + 11, at.text + 14, at.text + 17);
  TRY(path_of(l, path, &r->detail, "backups", ""));
  TRY(os_make_dir(path, 0700, &r->detail));
  TRY(part_path(l, str_of(name), "", path));
  path[strlen(path) - 1] = '\0';
  backup_remove(path); /* of an attempt that was interrupted at this very second */
  TRY(os_make_dir(path, 0700, &r->detail));
  r->body = json_pack("{s:s, s:o}", "name", name, "files", files_of(l, kind == 1));
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- file ---- */

static json_t *file_json(const struct backup_file *f) {
  return json_pack("{s:s, s:I, s:s}", "name", f->name, "bytes", (json_int_t)f->bytes, "sha256", f->sha256);
}

static enum err copy_one(struct lane *l, struct str name, const char *file, struct backup_file *ret) {
  char from[BACKUP_PATH_MAX], copy[BACKUP_PATH_MAX], to[BACKUP_PATH_MAX + 4];
  bool is_text = strcmp(file, "sereno.ini") == 0;
  TRY(path_of(l, from, l->detail, file, ""));
  TRY(part_path(l, name, file, copy));
  (void)snprintf(to, sizeof to, "%s.zst", copy);
  if (!is_text) TRY(sqldb_copy_file(from, copy, l->detail));
  enum err e = backup_compress(is_text ? from : copy, to, ret, l->detail);
  if (!is_text) (void)unlink(copy);
  (void)snprintf(ret->name, sizeof ret->name, "%s.zst", file);
  return e;
}

struct id_list {
  struct arena *arena;
  struct str *ids;
  size_t count;
};

static bool add_id(void *arg, const struct sql_row *row) {
  struct id_list *list = arg;
  struct str id = sql_row_text(row, 0);
  list->ids[list->count++] = (struct str){arena_strdup(list->arena, id), id.len};
  return list->count < WORLDS_PAGE;
}

static enum err sink_file(void *arg, struct str piece, struct err_detail *detail) {
  return fwrite(piece.ptr, 1, piece.len, arg) == piece.len ? ERR_OK
                                                           : os_error(errno, detail, "write", "backup");
}

/* worlds/HEX.jsonl.zst: the id in hex, since any text may be an id. */
static enum err export_one(struct lane *l, struct str name, struct str id, int64_t now_ms,
                           struct backup_file *ret) {
  char path[BACKUP_PATH_MAX];
  BUF_AUTO struct buf file = buf_new(sizeof ret->name);
  buf_add_text(&file, "worlds/");
  for (size_t i = 0; i < id.len; i++) buf_addf(&file, "%02x", (unsigned char)id.ptr[i]);
  buf_add_text(&file, ".jsonl.zst");
  if (!buf_text(&file))
    return err_set(l->detail, ERR_LIMIT, "worldId", 0, "its id is too long for a file name");
  TRY(part_path(l, name, buf_text(&file), path));
  FILE *f = fopen(path, "wex");
  if (!f) return os_error(errno, l->detail, "create", path);
  enum err e = export_world(l, id, now_ms, sink_file, f, NULL);
  if (e == ERR_OK && (fflush(f) != 0 || fsync(fileno(f)) != 0)) e = os_error(errno, l->detail, "sync", path);
  fclose(f);
  if (e == ERR_OK) e = backup_measure(path, ret, l->detail);
  else (void)unlink(path);
  (void)str_copy(ret->name, sizeof ret->name, buf_str(&file));
  return e;
}

static enum err export_page(struct lane *l, const struct world_request *q, struct str name, json_t *files,
                            json_t **ret_next) {
  char path[BACKUP_PATH_MAX];
  struct str after = json_text_at(json_object_get(q->args, "cursor"), "id");
  struct id_list list = {&l->arena, ARENA_ARRAY(&l->arena, struct str, WORLDS_PAGE), 0};
  if (!list.ids) return ERR_NO_MEMORY;
  TRY(part_path(l, name, "worlds", path));
  TRY(os_make_dir(path, 0700, l->detail));
  TRY(sqldb_query(l->db, SQL_WORLD_IDS,
                  SQL_ARGS(SQL_VALUE_STR(after.ptr ? after : STR("")), SQL_VALUE_INT(WORLDS_PAGE)), add_id,
                  &list, l->detail));
  for (size_t i = 0; i < list.count; i++) {
    struct backup_file file;
    enum err e = export_one(l, name, list.ids[i], q->now_ms, &file);
    if (e == ERR_NOT_FOUND) continue; /* deleted meanwhile */
    if (e != ERR_OK) return e;
    json_array_append_new(files, file_json(&file));
  }
  if (list.count == WORLDS_PAGE)
    *ret_next = json_pack("{s:s%}", "id", list.ids[list.count - 1].ptr, list.ids[list.count - 1].len);
  return ERR_OK;
}

enum err world_call_backup_file(struct lane *l, const struct world_request *q, struct world_reply *r) {
  static const char *const allowed[] = {"sereno.db", "sereno.ini", "worlds.db", ARCHIVE_FILE, "worlds", NULL};
  struct str name = json_text_at(q->args, "name");
  int which = field_enum_index(allowed, json_text_at(q->args, "file"));
  struct backup_file file = {};
  JSON_AUTO json_t *files = json_array();
  json_t *next = NULL;
  if (which < 0) return err_set(&r->detail, ERR_INVALID, "file", 0, "is none of a backup");
  if (which == 4) {
    TRY(export_page(l, q, name, files, &next));
  } else {
    TRY(copy_one(l, name, allowed[which], &file));
    json_array_append_new(files, file_json(&file));
  }
  r->body = json_pack("{s:O, s:o}", "files", files, "next", next ? next : json_null());
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- finish ---- */

/* Each file as it was said to be, read back from the disk. */
static enum err verify(struct lane *l, struct str name, const json_t *files, int64_t *ret_bytes) {
  for (size_t i = 0; i < json_array_size(files); i++) {
    const json_t *said = json_array_get(files, i);
    const char *file = json_string_value(json_object_get(said, "name"));
    struct backup_file seen;
    char path[BACKUP_PATH_MAX];
    if (!file || strstr(file, ".."))
      return err_set(l->detail, ERR_INVALID, "files", 0, "names no file of a backup");
    TRY(part_path(l, name, file, path));
    TRY(backup_measure(path, &seen, l->detail));
    if (seen.bytes != json_int_at(said, "bytes", -1) ||
        !str_eq(str_of(seen.sha256), json_text_at(said, "sha256")))
      return err_set(l->detail, ERR_STORE_CORRUPT, "files", 0, "%.200s is not what was written", file);
    *ret_bytes += seen.bytes;
  }
  return ERR_OK;
}

static enum err write_manifest(struct lane *l, const struct world_request *q, struct str name,
                               const json_t *files) {
  char path[BACKUP_PATH_MAX];
  BUF_AUTO struct buf text = buf_new(MANIFEST_BYTES_MAX);
  struct json_writer w = jw_new(&text);
  jw_object(&w);
  jw_ktext(&w, "sereno", "backup");
  jw_kint(&w, "version", 1);
  jw_kstr(&w, "name", name);
  jw_kinstant(&w, "madeAt", q->now_ms);
  jw_ktext(&w, "program", SERENO_VERSION);
  jw_ktext(&w, "worldsIn", sqldb_kind(l->db) == SQLDB_SQLITE ? "worlds.db" : "worlds/");
  jw_key(&w, "files");
  jw_value(&w, files);
  jw_object_end(&w);
  TRY(buf_error(&text));
  TRY(part_path(l, name, MANIFEST, path));
  return os_write_file(path, buf_str(&text), 0600, l->detail);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)b, *(char *const *)a); }

/* Names hold their instant, so that order is age. */
static int64_t remove_old(struct lane *l, struct str name, int64_t keep) {
  char folder[BACKUP_PATH_MAX], path[BACKUP_PATH_MAX + 300], *names[BACKUPS_MAX];
  size_t count = 0;
  int64_t removed = 0;
  DIR *dir = path_of(l, folder, NULL, "backups", "") == ERR_OK ? opendir(folder) : NULL;
  if (!dir) return 0;
  for (struct dirent *d; count < BACKUPS_MAX && (d = readdir(dir));) {
    struct str one = str_of(d->d_name);
    if (backup_name_is_valid(one) && strncmp(d->d_name, name.ptr, 7) == 0 && (names[count] = str_dup(one)))
      count++;
  }
  closedir(dir);
  qsort(names, count, sizeof *names, by_name);
  for (size_t i = 0; i < count; i++) {
    if ((int64_t)i >= keep) {
      (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
      backup_remove(path);
      removed++;
    }
    free(names[i]);
  }
  return removed;
}

enum err world_call_backup_finish(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct str name = json_text_at(q->args, "name");
  const json_t *files = json_object_get(q->args, "files");
  int64_t keep = json_int_at(q->args, "keep", 7), bytes = 0;
  char part[BACKUP_PATH_MAX], done[BACKUP_PATH_MAX];
  if (keep < 1) return err_set(&r->detail, ERR_INVALID, "keep", 0, "has to be at least 1");
  TRY(part_path(l, name, "", part));
  TRY(verify(l, name, files, &bytes));
  TRY(write_manifest(l, q, name, files));
  part[strlen(part) - 1] = '\0';
  (void)str_copy(done, sizeof done, (struct str){part, strlen(part) - strlen(".part")});
  if (rename(part, done) != 0) return os_error(errno, &r->detail, "rename", part);
  r->body =
      json_pack("{s:s%, s:I, s:I, s:I}", "name", name.ptr, name.len, "bytes", (json_int_t)bytes, "files",
                (json_int_t)json_array_size(files), "removed", (json_int_t)remove_old(l, name, keep));
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- restore ---- */

static enum err sink_buf(void *arg, struct str piece, struct err_detail *detail) {
  (void)detail;
  buf_add_str(arg, piece);
  return buf_error(arg);
}

/* Opens the copies in a folder of their own, as a lane that only reads. */
static enum err export_from(struct lane *l, const char *folder, struct str id, int64_t now_ms,
                            struct buf *out) {
  struct sqldb_config config = worlds_config(l->worlds)->db;
  struct lane old = {.worlds = l->worlds, .live = l->live, .arena = arena_new((size_t)256 * 1024 * 1024)};
  config.folder = folder;
  config.url = NULL;
  config.statements = world_statements;
  config.statement_count = WORLD_SQL_COUNT;
  enum err e = sqldb_open(&config, &old.db, l->detail);
  if (e == ERR_OK) e = archive_open(&config, &old.archive, l->detail);
  if (e == ERR_OK) e = export_world(&old, id, now_ms, sink_buf, out, NULL);
  archive_close(old.archive);
  sqldb_close(old.db);
  arena_free(&old.arena);
  return e;
}

static enum err unpack_and_export(struct lane *l, struct str backup, struct str id, int64_t now_ms,
                                  const char *folder, struct buf *out) {
  static const char *const files[] = {"worlds.db", ARCHIVE_FILE};
  char from[BACKUP_PATH_MAX], to[BACKUP_PATH_MAX + 20], inner[200];
  TRY(os_make_dir(folder, 0700, l->detail));
  for (size_t i = 0; i < 2; i++) {
    (void)snprintf(inner, sizeof inner, "backups/%.*s/%s.zst", STR_ARG(backup), files[i]);
    (void)snprintf(to, sizeof to, "%s/%s", folder, files[i]);
    if (i > 0 && !exists(l, inner)) continue; /* nothing had been archived */
    TRY(path_of(l, from, l->detail, inner, ""));
    TRY(backup_decompress(from, to, l->detail));
  }
  return export_from(l, folder, id, now_ms, out);
}

static enum err restore_payload(struct lane *l, struct str backup, struct str id, int64_t now_ms,
                                struct buf *out) {
  char inner[600], path[BACKUP_PATH_MAX];
  BUF_AUTO struct buf hex = buf_new(400);
  for (size_t i = 0; i < id.len; i++) buf_addf(&hex, "%02x", (unsigned char)id.ptr[i]);
  (void)snprintf(inner, sizeof inner, "backups/%.*s/worlds/%s.jsonl.zst", STR_ARG(backup), buf_text(&hex));
  if (exists(l, inner)) {
    TRY(path_of(l, path, l->detail, inner, ""));
    return os_read_file(path, out, l->detail);
  }
  (void)snprintf(inner, sizeof inner, "backups/%.*s.restore", STR_ARG(backup));
  TRY(path_of(l, path, l->detail, inner, ""));
  backup_remove(path);
  enum err e = unpack_and_export(l, backup, id, now_ms, path, out);
  backup_remove(path);
  return e;
}

enum err world_call_restore(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct str backup = json_text_at(q->args, "backup"), id = json_text_at(q->args, "worldId");
  BUF_AUTO struct buf payload = buf_new(RESTORE_BYTES_MAX);
  if (q->actor.kind == ACTOR_USER)
    return err_set(&r->detail, ERR_FORBIDDEN, "backup", 0, "backups are the admins'");
  if (!backup_name_is_valid(backup))
    return err_set(&r->detail, ERR_INVALID, "backup", 0, "is no name of a backup");
  if (!world_id_is_valid(id)) return err_set(&r->detail, ERR_INVALID, "worldId", 0, "is no id of a world");
  TRY(restore_payload(l, backup, id, q->now_ms, &payload));
  struct world_request import = *q;
  import.payload = buf_str(&payload);
  return world_call_import(l, &import, r);
}
