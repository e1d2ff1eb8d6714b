#include "worlds/export.h"

#include <sodium.h>
#include <stdlib.h>
#include <zstd.h>

#include "worlds/export_archive.h"
#include "worlds/sql.h"

#define LEVEL 9
#define LINE_BYTES_MAX ((size_t)128 * 1024 * 1024) /* a state of 64 MiB in base64 and its row */
#define PIECE_BYTES ((size_t)131072)
#define IMPORT_ROWS 500
#define IMPORT_BYTES ((size_t)4 * 1024 * 1024)

/* ---- the tables ---- */

struct export_column {
  char type;
  const char *name;
};
struct export_table {
  const char *name;
  size_t export_sql, import_sql, erase_sql;
  const struct export_column *columns; /* after `first`; a NULL name ends them */
  const char *first;
};

#define COL(type, name) {#type[0], name},
#define EXPORT(table, first, key, COLUMNS, order) \
  static const struct export_column columns_##table[] = {COLUMNS(COL){}};
#include "worlds/export_tables.def"
#undef COL
static const struct export_table tables[] = {
#define EXPORT(table, first, key, COLUMNS, order) \
  {#table, SQL_EXPORT_##table, SQL_IMPORT_##table, SQL_ERASE_##table, columns_##table, first},
#include "worlds/export_tables.def"
};
#define TABLES (sizeof tables / sizeof *tables)

static const struct export_table *table_find(struct str name) {
  for (size_t i = 0; i < TABLES; i++)
    if (str_eq(str_of(tables[i].name), name)) return &tables[i];
  return NULL;
}

/* ---- writing ---- */

struct export_run {
  ZSTD_CStream *z;
  export_sink_fn *fn;
  void *arg;
  struct buf line;
  const struct export_table *table;
  int64_t rows;
  enum err error;
  struct err_detail *detail;
};

static enum err compress(struct export_run *x, ZSTD_EndDirective end) {
  char piece[16384];
  ZSTD_inBuffer in = {x->line.ptr ? x->line.ptr : "", x->line.len, 0};
  size_t left;
  do {
    ZSTD_outBuffer out = {piece, sizeof piece, 0};
    left = ZSTD_compressStream2(x->z, &out, &in, end);
    if (ZSTD_isError(left))
      return err_set(x->detail, ERR_INTERNAL, "export", 0, "%s", ZSTD_getErrorName(left));
    if (out.pos) TRY(x->fn(x->arg, (struct str){piece, out.pos}, x->detail));
  } while (end == ZSTD_e_end ? left > 0 : in.pos < in.size);
  return ERR_OK;
}

static enum err end_line(struct export_run *x, ZSTD_EndDirective end) {
  buf_add_char(&x->line, '\n');
  TRY(buf_error(&x->line));
  TRY(compress(x, end));
  buf_clear(&x->line);
  return ERR_OK;
}

static void add_bytes(struct json_writer *w, struct str bytes) {
  size_t size = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
  char *text = malloc(size);
  if (!text) {
    w->out->error = ERR_NO_MEMORY;
    return;
  }
  sodium_bin2base64(text, size, (const unsigned char *)bytes.ptr, bytes.len, sodium_base64_VARIANT_ORIGINAL);
  jw_text(w, text);
  free(text);
}

static void add_value(struct json_writer *w, const struct export_column *c, const struct sql_row *row,
                      int at) {
  jw_key(w, c->name);
  if (sql_row_is_null(row, at)) {
    jw_null(w);
    return;
  }
  switch (c->type) {
    case 'I': jw_int(w, sql_row_int(row, at)); break;
    case 'O': jw_bool(w, sql_row_int(row, at) != 0); break;
    case 'R': jw_real(w, sql_row_real(row, at)); break;
    case 'W': jw_instant(w, sql_row_instant(row, at)); break;
    case 'B': add_bytes(w, sql_row_blob(row, at)); break;
    default: jw_str(w, sql_row_text(row, at));
  }
}

static bool add_row(void *arg, const struct sql_row *row) {
  struct export_run *x = arg;
  struct json_writer w = jw_new(&x->line);
  jw_object(&w);
  jw_ktext(&w, "table", x->table->name);
  jw_key(&w, "row");
  jw_object(&w);
  jw_kstr(&w, x->table->first, sql_row_text(row, 0));
  int at = 1;
  for (const struct export_column *c = x->table->columns; c->name; c++) add_value(&w, c, row, at++);
  jw_object_end(&w);
  jw_object_end(&w);
  x->rows++;
  x->error = end_line(x, ZSTD_e_continue);
  return x->error == ERR_OK;
}

/* Before its row: an import needs it to make the row. */
static bool add_application(void *arg, const struct sql_row *row) {
  struct export_run *x = arg;
  JSON_AUTO json_t *theirs = NULL;
  if (sql_row_is_null(row, 0)) return false;
  x->error = json_parse(sql_row_text(row, 0), &theirs, x->detail);
  if (x->error != ERR_OK) return false;
  struct json_writer w = jw_new(&x->line);
  jw_object(&w);
  jw_key(&w, "application");
  jw_value(&w, theirs);
  jw_object_end(&w);
  x->rows++;
  x->error = end_line(x, ZSTD_e_continue);
  return false;
}

static enum err add_tables(struct export_run *x, struct lane *l, struct str id) {
  TRY(sqldb_query(l->db, SQL_APPLICATION_GET, SQL_ARGS(SQL_VALUE_STR(id)), add_application, x, x->detail));
  TRY(x->error);
  int64_t before = x->rows;
  for (size_t i = 0; i < TABLES; i++) {
    x->table = &tables[i];
    TRY(sqldb_query(l->db, x->table->export_sql, SQL_ARGS(SQL_VALUE_STR(id)), add_row, x, x->detail));
    TRY(x->error);
    if (i == 0 && x->rows == before)
      return err_set(x->detail, ERR_NOT_FOUND, "worldId", 0, "there is no world \"%.*s\"", STR_ARG(id));
  }
  return ERR_OK;
}

static enum err add_segment(void *arg, const json_t *segment, struct err_detail *detail) {
  struct export_run *x = arg;
  struct json_writer w = jw_new(&x->line);
  (void)detail;
  jw_object(&w);
  jw_key(&w, "segment");
  jw_value(&w, segment);
  jw_object_end(&w);
  x->rows++;
  return end_line(x, ZSTD_e_continue);
}

static enum err write_all(struct export_run *x, struct lane *l, struct str id, int64_t now_ms) {
  struct json_writer w = jw_new(&x->line);
  jw_object(&w);
  jw_ktext(&w, "sereno", "world");
  jw_kint(&w, "version", 1);
  jw_kstr(&w, "id", id);
  jw_kinstant(&w, "exportedAt", now_ms);
  jw_object_end(&w);
  TRY(end_line(x, ZSTD_e_continue));
  TRY(add_tables(x, l, id));
  TRY(export_each_segment(l, id, add_segment, x));
  w = jw_new(&x->line);
  jw_object(&w);
  jw_kbool(&w, "end", true);
  jw_kint(&w, "rows", x->rows);
  jw_object_end(&w);
  return end_line(x, ZSTD_e_end);
}

enum err export_world(struct lane *l, struct str id, int64_t now_ms, export_sink_fn *fn, void *arg,
                      int64_t *ret_rows) {
  struct export_run x = {
      .z = ZSTD_createCStream(), .fn = fn, .arg = arg, .line = buf_new(LINE_BYTES_MAX), .detail = l->detail};
  if (!x.z) return ERR_NO_MEMORY;
  ZSTD_CCtx_setParameter(x.z, ZSTD_c_compressionLevel, LEVEL);
  ZSTD_CCtx_setParameter(x.z, ZSTD_c_checksumFlag, 1);
  enum err e = sqldb_begin(l->db, false, l->detail);
  if (e == ERR_OK) {
    e = write_all(&x, l, id, now_ms);
    sqldb_rollback(l->db); /* it has only read */
  }
  if (e == ERR_OK && ret_rows) *ret_rows = x.rows;
  ZSTD_freeCStream(x.z);
  buf_free(&x.line);
  return e;
}

/* ---- reading ---- */

struct import_lines {
  export_line_fn *fn;
  void *arg;
  struct buf text; /* of the line at hand */
  int64_t rows, wanted;
  bool has_ended;
  struct err_detail *detail;
};

static enum err damaged(struct err_detail *detail, const char *why) {
  return err_set(detail, ERR_INVALID, "file", 0, "this is no whole export of a world: %s", why);
}

static enum err take_line(struct import_lines *x, struct str text) {
  JSON_AUTO json_t *line = NULL;
  if (x->has_ended) return damaged(x->detail, "something follows its end");
  if (json_parse(text, &line, NULL) != ERR_OK) return damaged(x->detail, "a line is no JSON");
  if (json_is_true(json_object_get(line, "end"))) {
    x->has_ended = true;
    x->wanted = json_int_at(line, "rows", -1);
    return ERR_OK;
  }
  x->rows += !json_object_get(line, "sereno");
  return x->fn(x->arg, line, x->detail);
}

static enum err take_piece(struct import_lines *x, struct str piece) {
  size_t at;
  while ((at = str_find_char(piece, '\n')) != SIZE_MAX) {
    buf_add(&x->text, piece.ptr, at);
    TRY(buf_error(&x->text));
    TRY(take_line(x, buf_str(&x->text)));
    buf_clear(&x->text);
    piece = str_from(piece, at + 1);
  }
  buf_add_str(&x->text, piece);
  return buf_error(&x->text);
}

static enum err read_all(struct import_lines *x, ZSTD_DStream *z, struct str file, char *room) {
  ZSTD_inBuffer in = {file.ptr, file.len, 0};
  size_t left = 1;
  while (in.pos < in.size || left > 0) {
    ZSTD_outBuffer out = {room, PIECE_BYTES, 0};
    size_t before = in.pos;
    left = ZSTD_decompressStream(z, &out, &in);
    if (ZSTD_isError(left)) return damaged(x->detail, ZSTD_getErrorName(left));
    TRY(take_piece(x, (struct str){room, out.pos}));
    if (left > 0 && in.pos == before && out.pos == 0) return damaged(x->detail, "it is cut short");
    if (left == 0 && in.pos < in.size) return damaged(x->detail, "something follows its end");
  }
  if (!x->has_ended || x->text.len) return damaged(x->detail, "it is cut short");
  return x->rows == x->wanted ? ERR_OK : damaged(x->detail, "lines are missing");
}

enum err export_lines(struct str file, export_line_fn *fn, void *arg, struct err_detail *detail) {
  struct import_lines x = {.fn = fn, .arg = arg, .text = buf_new(LINE_BYTES_MAX), .detail = detail};
  ZSTD_DStream *z = ZSTD_createDStream();
  char *room = malloc(PIECE_BYTES);
  enum err e = z && room ? read_all(&x, z, file, room) : ERR_NO_MEMORY;
  ZSTD_freeDStream(z);
  free(room);
  buf_free(&x.text);
  return e;
}

/* ---- importing ---- */

struct import_run {
  struct lane *lane;
  int64_t now_ms;
  bool is_trusted;
  struct import_result result;
  const struct export_table *table; /* of the rows at hand */
  struct buf rows;
  size_t row_count;
};

static enum err insert_rows(struct import_run *x, struct err_detail *detail) {
  if (x->row_count == 0) return ERR_OK;
  buf_add_char(&x->rows, ']');
  TRY(buf_error(&x->rows));
  TRY(sqldb_exec(x->lane->db, x->table->import_sql, SQL_ARGS(SQL_VALUE_STR(buf_str(&x->rows))), NULL,
                 detail));
  x->result.rows += (int64_t)x->row_count;
  x->row_count = 0;
  buf_clear(&x->rows);
  return ERR_OK;
}

/* A row with bytes goes by itself, the bytes as its second parameter. */
static enum err insert_with_bytes(struct import_run *x, json_t *row, struct str base64, const char *column,
                                  struct err_detail *detail) {
  unsigned char *bytes = malloc(base64.len + 1);
  size_t n = 0;
  if (!bytes) return ERR_NO_MEMORY;
  enum err e = ERR_OK;
  if (sodium_base642bin(bytes, base64.len + 1, base64.ptr ? base64.ptr : "", base64.len, NULL, &n, NULL,
                        sodium_base64_VARIANT_ORIGINAL) != 0)
    e = err_set(detail, ERR_INVALID, column, 0, "is no base64");
  json_object_del(row, column);
  char *text = e == ERR_OK ? json_to_text(row) : NULL;
  BUF_AUTO struct buf list = buf_new(LINE_BYTES_MAX);
  if (text) buf_addf(&list, "[%s]", text);
  struct str blob = base64.ptr ? (struct str){(const char *)bytes, n} : STR_NONE;
  if (e == ERR_OK)
    e = sqldb_exec(x->lane->db, x->table->import_sql,
                   SQL_ARGS(SQL_VALUE_STR(buf_str(&list)), SQL_VALUE_BLOB(blob)), NULL, detail);
  free(text);
  free(bytes);
  x->result.rows++;
  return e;
}

static const char *bytes_column(const struct export_table *t) {
  for (const struct export_column *c = t->columns; c->name; c++)
    if (c->type == 'B') return c->name;
  return NULL;
}

static bool read_number(void *arg, const struct sql_row *row) {
  *(int64_t *)arg = sql_row_int(row, 0);
  return false;
}

static enum err take_header(struct import_run *x, const json_t *line, struct err_detail *detail) {
  struct str id = json_text_at(line, "id");
  int64_t there = 0;
  if (json_int_at(line, "version", 0) != 1 || !id.ptr) return damaged(detail, "its first line is not ours");
  if (!x->is_trusted && !world_id_is_valid(id)) return damaged(detail, "its id is none");
  x->result.id = (struct str){arena_strdup(&x->lane->arena, id), id.len};
  if (!x->result.id.ptr) return ERR_NO_MEMORY;
  TRY(sqldb_query(x->lane->db, SQL_WORLD_THERE, SQL_ARGS(SQL_VALUE_STR(id)), read_number, &there, detail));
  if (there)
    return err_set(detail, ERR_CONFLICT, "worldId", 0, "there is a world \"%.*s\" already", STR_ARG(id));
  return ERR_OK;
}

/* ---- what a file may say: it may have been tampered with, and code and statements rely on these ---- */

#define WHOLE_MAX ((json_int_t)1 << 53)

static bool is_of_type(char type, const json_t *value) {
  int64_t ms;
  if (!value || json_is_null(value)) return true; /* the schema knows which may be null */
  switch (type) {
    case 'I':
      return json_is_integer(value) && json_integer_value(value) >= 0 &&
             json_integer_value(value) <= WHOLE_MAX;
    case 'O': return json_is_boolean(value);
    case 'R': return json_is_number(value);
    case 'W':
      return json_is_string(value) && instant_from_text(str_of(json_string_value(value)), &ms) && ms >= 0;
    default: return json_is_string(value);
  }
}

static enum err check_types(const struct export_table *t, const json_t *row, struct err_detail *detail) {
  for (const struct export_column *c = t->columns; c->name; c++)
    if (!is_of_type(c->type, json_object_get(row, c->name)))
      return err_set(detail, ERR_INVALID, "file", 0,
                     "this is no whole export of a world: its %s has a wrong \"%s\"", t->name, c->name);
  return ERR_OK;
}

/* A fence or an activity that lies ahead would keep every job away from the world for ever. */
static enum err take_world(struct import_run *x, json_t *row, struct err_detail *detail) {
  JSON_AUTO json_t *story = NULL;
  int64_t active_ms;
  struct str text = json_text_at(row, "story");
  if (text.ptr && (json_parse(text, &story, NULL) != ERR_OK || !json_is_object(story)))
    return damaged(detail, "its story is no JSON object");
  if (json_int_at(row, "fence", 0) > x->now_ms * 1000)
    json_object_set_new(row, "fence", json_integer((json_int_t)x->now_ms * 1000));
  if (instant_from_text(json_text_at(row, "lastActiveAt"), &active_ms) && active_ms > x->now_ms)
    json_object_set_new(row, "lastActiveAt", json_string(instant_to_text(x->now_ms).text));
  return ERR_OK;
}

/* Every row has to be the world's own: a file that was tampered with must not write into another one. */
static enum err check_owner(struct import_run *x, const struct export_table *t, const json_t *row,
                            struct err_detail *detail) {
  bool is_world = str_eq(str_of(t->name), STR("World"));
  struct str id = json_text_at(row, is_world ? "id" : "worldId");
  if (!x->result.id.ptr || !str_eq(id, x->result.id)) return damaged(detail, "a row is of another world");
  if (is_world && json_text_at(row, "ownerId").ptr)
    x->result.owner_id = arena_strdup(&x->lane->arena, json_text_at(row, "ownerId"));
  return ERR_OK;
}

static enum err take_row(struct import_run *x, const struct export_table *t, json_t *row,
                         struct err_detail *detail) {
  const char *bytes = bytes_column(t);
  TRY(check_owner(x, t, row, detail));
  TRY(check_types(t, row, detail));
  if (t == tables) TRY(take_world(x, row, detail));
  if (t != x->table) TRY(insert_rows(x, detail));
  x->table = t;
  if (bytes) return insert_with_bytes(x, row, json_text_at(row, bytes), bytes, detail);
  struct json_writer w = jw_new(&x->rows);
  buf_add_char(&x->rows, x->row_count ? ',' : '[');
  jw_value(&w, row);
  x->row_count++;
  return x->row_count >= IMPORT_ROWS || x->rows.len >= IMPORT_BYTES ? insert_rows(x, detail) : ERR_OK;
}

/* Columns that Sereno knows nothing of: not to be written by a user's file. */
static enum err take_application(struct import_run *x, const json_t *line, struct err_detail *detail) {
  if (!x->is_trusted) return ERR_OK;
  char *text = json_to_text(json_object_get(line, "application"));
  if (!text) return ERR_NO_MEMORY;
  enum err e = sqldb_exec(x->lane->db, SQL_APPLICATION_PUT, SQL_ARGS(SQL_VALUE_TEXT(text)), NULL, detail);
  free(text);
  return e;
}

static enum err import_line(void *arg, const json_t *line, struct err_detail *detail) {
  struct import_run *x = arg;
  const json_t *segment = json_object_get(line, "segment");
  if (json_object_get(line, "sereno")) return take_header(x, line, detail);
  if (!x->result.id.ptr) return damaged(detail, "its first line is not ours");
  if (segment) {
    x->result.segments++;
    return export_put_segment(x->lane, x->result.id, segment, x->now_ms);
  }
  if (json_object_get(line, "application")) return take_application(x, line, detail);
  const struct export_table *t = table_find(json_text_at(line, "table"));
  json_t *row = json_object_get(line, "row");
  if (!t || !json_is_object(row)) return damaged(detail, "a line is unknown");
  return take_row(x, t, row, detail);
}

enum err import_world(struct lane *l, const struct world_request *q, struct import_result *ret) {
  struct import_run x = {.lane = l,
                         .now_ms = q->now_ms,
                         .is_trusted = q->actor.kind != ACTOR_USER,
                         .rows = buf_new(LINE_BYTES_MAX)};
  enum err e = export_lines(q->payload, import_line, &x, l->detail);
  if (e == ERR_OK) e = insert_rows(&x, l->detail);
  buf_free(&x.rows);
  if (e == ERR_OK) *ret = x.result;
  return e;
}

/* ---- erasing ---- */

enum err erase_world_rows(struct lane *l, struct str id, int64_t now_ms) {
  for (size_t i = TABLES; i-- > 0;) /* "World" last */
    TRY(sqldb_exec(l->db, tables[i].erase_sql, SQL_ARGS(SQL_VALUE_STR(id)), NULL, l->detail));
  return sqldb_exec(l->db, SQL_ERASE_PAUSES, SQL_ARGS(SQL_VALUE_STR(id), SQL_VALUE_INSTANT(now_ms)), NULL,
                    l->detail);
}
