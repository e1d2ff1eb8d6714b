#include "api/api_system.h"
#include "api/web.h"

/* ---- one field ---- */

static void write_type(struct json_writer *w, const char *type, bool is_nullable) {
  jw_key(w, "type");
  if (is_nullable) jw_array(w);
  jw_text(w, type);
  if (is_nullable) {
    jw_text(w, "null");
    jw_array_end(w);
  }
}

static void write_enum(struct json_writer *w, const struct field *f, bool is_nullable) {
  write_type(w, "string", is_nullable);
  jw_key(w, "enum");
  jw_array(w);
  for (int i = 0; f->names[i]; i++) jw_text(w, f->names[i]);
  if (is_nullable) jw_null(w);
  jw_array_end(w);
}

static void write_bounds(struct json_writer *w, const struct field *f) {
  if (f->type == FIELD_TEXT && f->min > 0) jw_kint(w, "minLength", 1);
  if (f->type == FIELD_TEXT && f->max > 0 && f->max < INT64_MAX) jw_kint(w, "maxLength", f->max);
  if (f->type == FIELD_INT && f->max > f->min && f->max < INT64_MAX) {
    jw_kint(w, "minimum", f->min);
    jw_kint(w, "maximum", f->max);
  }
}

static void write_default(struct json_writer *w, const struct field *f) {
  if (f->flags & FIELD_READ_ONLY || f->otherwise == FIELD_NULL || f->type == FIELD_TEXT ||
      f->type == FIELD_JSON)
    return;
  if (f->type == FIELD_BOOL) jw_kbool(w, "default", f->otherwise != 0);
  else if (f->type == FIELD_INT) jw_kint(w, "default", f->otherwise);
  else if (f->type == FIELD_ENUM) jw_ktext(w, "default", f->names[f->otherwise]);
}

static void write_field_schema(struct json_writer *w, const struct field *f) {
  /* what is read and may be absent comes back as null */
  bool is_nullable = f->flags & (FIELD_NULLABLE | FIELD_READ_ONLY);
  jw_object(w);
  switch (f->type) {
    case FIELD_TEXT: write_type(w, "string", is_nullable); break;
    case FIELD_INT: write_type(w, "integer", is_nullable); break;
    case FIELD_BOOL: write_type(w, "boolean", is_nullable); break;
    case FIELD_REAL3: write_type(w, "number", is_nullable); break;
    case FIELD_INSTANT:
      write_type(w, "string", is_nullable);
      jw_ktext(w, "format", "date-time");
      break;
    case FIELD_ENUM: write_enum(w, f, is_nullable); break;
    case FIELD_JSON: break; /* any value */
  }
  write_bounds(w, f);
  write_default(w, f);
  if (f->help && f->help[0]) jw_ktext(w, "description", f->help);
  if (f->flags & FIELD_READ_ONLY) jw_kbool(w, "readOnly", true);
  if (f->flags & FIELD_SECRET) jw_kbool(w, "writeOnly", true);
  jw_object_end(w);
}

/* ---- shapes ---- */

static void write_ref(struct json_writer *w, const struct shape *s) {
  BUF_AUTO struct buf ref = buf_new(200);
  buf_addf(&ref, "#/components/schemas/%s", s->name);
  jw_object(w);
  jw_kstr(w, "$ref", buf_str(&ref));
  jw_object_end(w);
}

static void write_list(struct json_writer *w, const struct shape_part *p) {
  jw_object(w);
  jw_ktext(w, "type", "array");
  jw_key(w, "items");
  if (p->of) {
    write_ref(w, p->of);
  } else {
    jw_object(w);
    if (p->kind != PART_LIST) jw_ktext(w, "type", "string");
    if (p->kind == PART_INSTANTS) jw_ktext(w, "format", "date-time");
    jw_object_end(w);
  }
  jw_object_end(w);
}

static void write_part(struct json_writer *w, const struct shape_part *p) {
  jw_key(w, p->name);
  if (p->kind == PART_LIST || p->kind == PART_TEXTS || p->kind == PART_INSTANTS) {
    write_list(w, p);
  } else if (!p->of) {
    jw_object(w);
    jw_object_end(w);
  } else if (p->kind == PART_NULLABLE) {
    jw_object(w);
    jw_key(w, "anyOf");
    jw_array(w);
    write_ref(w, p->of);
    jw_object(w);
    jw_ktext(w, "type", "null");
    jw_object_end(w);
    jw_array_end(w);
    jw_object_end(w);
  } else {
    write_ref(w, p->of);
  }
}

static void write_properties(struct json_writer *w, const struct shape *s) {
  if (s->base) write_properties(w, s->base);
  for (size_t i = 0; i < *s->field_count; i++) {
    jw_key(w, s->fields[i].name);
    write_field_schema(w, &s->fields[i]);
  }
  for (size_t i = 0; i < s->part_count; i++) write_part(w, &s->parts[i]);
}

static void write_required(struct json_writer *w, const struct shape *s) {
  if (s->base) write_required(w, s->base);
  for (size_t i = 0; i < *s->field_count; i++)
    if (s->fields[i].flags & FIELD_REQUIRED) jw_text(w, s->fields[i].name);
}

static void write_schema(struct json_writer *w, const struct shape *s) {
  jw_key(w, s->name);
  jw_object(w);
  jw_ktext(w, "type", "object");
  jw_key(w, "properties");
  jw_object(w);
  write_properties(w, s);
  jw_object_end(w);
  jw_key(w, "required");
  jw_array(w);
  write_required(w, s);
  jw_array_end(w);
  if (!s->is_open) jw_kbool(w, "additionalProperties", false);
  jw_object_end(w);
}

/* Every shape that a route reaches, each once. */
#define SHAPES_MAX 200
struct shape_set {
  const struct shape *shapes[SHAPES_MAX];
  size_t count;
};

static void reach(struct shape_set *set, const struct shape *s) {
  if (!s) return;
  for (size_t i = 0; i < set->count; i++)
    if (set->shapes[i] == s) return;
  ASSERT(set->count < SHAPES_MAX);
  set->shapes[set->count++] = s;
  for (const struct shape *b = s; b; b = b->base)
    for (size_t i = 0; i < b->part_count; i++) reach(set, b->parts[i].of);
}

static const struct field problem_fields[] = {
    OUT("type", TEXT, 0, ""),           OUT("title", TEXT, 0, ""),
    OUT("status", INT, 0, ""),          OUT("code", TEXT, 0, "stable"),
    OUT("detail", TEXT, 0, ""),         OUT("field", TEXT, 0, "which one is wrong"),
    OUT("line", INT, 0, "from 1"),      OUT("column", INT, 0, "from 1"),
    OUT("hint", TEXT, 0, "what to do"), OUT("requestId", TEXT, 0, "")};
static const size_t problem_count = sizeof problem_fields / sizeof *problem_fields;
static const struct shape problem_shape = {.name = "Problem",
                                           .fields = problem_fields,
                                           .field_count = &problem_count};

static void write_components(struct json_writer *w) {
  struct shape_set set = {};
  reach(&set, &problem_shape);
  for (size_t i = 0; i < route_count; i++) {
    bool is_query = routes[i].method == HTTP_GET || routes[i].method == HTTP_DELETE;
    if (!is_query) reach(&set, routes[i].input);
    reach(&set, routes[i].answer);
  }
  jw_key(w, "components");
  jw_object(w);
  jw_key(w, "schemas");
  jw_object(w);
  for (size_t i = 0; i < set.count; i++) write_schema(w, set.shapes[i]);
  jw_object_end(w);
  jw_key(w, "securitySchemes");
  jw_raw(w, STR("{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
                "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"sereno\"}}"));
  jw_object_end(w);
}

/* ---- routes ---- */

/* "/api/cron/jobs/:job/run" → "/api/cron/jobs/{job}/run" */
static void add_path(struct buf *out, const char *path) {
  struct str rest = str_of(path + 1), piece;
  while (str_split(&rest, '/', &piece)) {
    if (piece.len && piece.ptr[0] == ':') buf_addf(out, "/{%.*s}", (int)piece.len - 1, piece.ptr + 1);
    else buf_addf(out, "/%.*s", STR_ARG(piece));
  }
}

static void write_path_arguments(struct json_writer *w, const char *path) {
  struct str rest = str_of(path + 1), piece;
  while (str_split(&rest, '/', &piece)) {
    if (piece.len == 0 || piece.ptr[0] != ':') continue;
    jw_object(w);
    jw_kstr(w, "name", str_from(piece, 1));
    jw_ktext(w, "in", "path");
    jw_kbool(w, "required", true);
    jw_key(w, "schema");
    jw_raw(w, STR("{\"type\":\"string\"}"));
    jw_object_end(w);
  }
}

static void write_query(struct json_writer *w, const struct shape *s) {
  for (size_t i = 0; s && i < *s->field_count; i++) {
    const struct field *f = &s->fields[i];
    jw_object(w);
    jw_ktext(w, "name", f->name);
    jw_ktext(w, "in", "query");
    jw_kbool(w, "required", f->flags & FIELD_REQUIRED);
    jw_key(w, "schema");
    write_field_schema(w, f);
    jw_object_end(w);
  }
}

static void write_header(struct json_writer *w, const char *name, const char *help) {
  jw_object(w);
  jw_ktext(w, "name", name);
  jw_ktext(w, "in", "header");
  jw_ktext(w, "description", help);
  jw_key(w, "schema");
  jw_raw(w, STR("{\"type\":\"string\"}"));
  jw_object_end(w);
}

static void write_headers(struct json_writer *w, const struct route *r) {
  bool is_edit = r->method == HTTP_PATCH || r->method == HTTP_PUT || r->method == HTTP_DELETE;
  bool has_etag = r->flags & ROUTE_JOB || str_ends(str_of(r->path), STR("/settings"));
  if (r->flags & ROUTE_KEYED)
    write_header(w, "Idempotency-Key", "the same key gets the same answer for 24 hours");
  if (r->flags & ROUTE_KEYED && r->flags & ROUTE_RUNS)
    write_header(w, "Prefer", "wait=N: seconds to wait for its end");
  if (is_edit && has_etag) write_header(w, "If-Match", "the ETag that was read; 412 when it has changed");
  if (r->flags & ROUTE_STREAM) write_header(w, "Last-Event-ID", "go on after this event");
}

static void write_content(struct json_writer *w, const char *type, const struct shape *s) {
  jw_key(w, "content");
  jw_object(w);
  jw_key(w, type);
  jw_object(w);
  jw_key(w, "schema");
  if (s) write_ref(w, s);
  else jw_raw(w, STR("{}"));
  jw_object_end(w);
  jw_object_end(w);
}

static void write_answers(struct json_writer *w, const struct route *r) {
  BUF_AUTO struct buf status = buf_new(16);
  buf_add_int(&status, r->status);
  jw_key(w, "responses");
  jw_object(w);
  jw_key(w, buf_text(&status));
  jw_object(w);
  jw_ktext(w, "description", r->status == 204 ? "done" : "as asked");
  if (r->flags & ROUTE_STREAM) write_content(w, "text/event-stream", NULL);
  else if (r->flags & ROUTE_TEXT) write_content(w, "text/plain", NULL);
  else if (r->answer) write_content(w, API_JSON, r->answer);
  jw_object_end(w);
  jw_key(w, "default");
  jw_object(w);
  jw_ktext(w, "description", "a problem");
  write_content(w, "application/problem+json", &problem_shape);
  jw_object_end(w);
  jw_object_end(w);
}

static void write_operation_id(struct json_writer *w, const struct route *r) {
  BUF_AUTO struct buf id = buf_new(300);
  for (const char *p = http_method_text(r->method); *p; p++) buf_add_char(&id, (char)(*p | 0x20));
  for (const char *p = r->path; *p; p++) {
    bool is_alnum = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
    buf_add_char(&id, is_alnum ? *p : '_');
  }
  jw_kstr(w, "operationId", buf_str(&id));
}

static void write_operation(struct json_writer *w, const struct route *r) {
  BUF_AUTO struct buf method = buf_new(16);
  bool is_query = r->method == HTTP_GET || r->method == HTTP_DELETE;
  for (const char *p = http_method_text(r->method); *p; p++) buf_add_char(&method, (char)(*p | 0x20));
  jw_key(w, buf_text(&method));
  jw_object(w);
  write_operation_id(w, r);
  jw_ktext(w, "summary", r->summary);
  jw_ktext(w, "x-sereno-role", role_text(r->role));
  jw_key(w, "security");
  jw_raw(w, r->role == ROLE_NONE ? STR("[]") : STR("[{\"bearer\":[]},{\"session\":[]}]"));
  jw_key(w, "parameters");
  jw_array(w);
  write_path_arguments(w, r->path);
  if (is_query) write_query(w, r->input);
  write_headers(w, r);
  jw_array_end(w);
  if (!is_query && r->input) {
    jw_key(w, "requestBody");
    jw_object(w);
    write_content(w, API_JSON, r->input);
    jw_object_end(w);
  }
  write_answers(w, r);
  jw_object_end(w);
}

static bool is_first_of_path(size_t i) {
  for (size_t k = 0; k < i; k++)
    if (str_eq(str_of(routes[k].path), str_of(routes[i].path))) return false;
  return true;
}

void openapi_write(struct json_writer *w, const char *base) {
  jw_object(w);
  jw_ktext(w, "openapi", "3.1.0");
  jw_key(w, "info");
  jw_object(w);
  jw_ktext(w, "title", "Sereno");
  jw_ktext(w, "version", SERENO_VERSION);
  jw_object_end(w);
  jw_key(w, "servers");
  jw_array(w);
  jw_object(w);
  jw_ktext(w, "url", base[0] ? base : "/");
  jw_object_end(w);
  jw_array_end(w);
  jw_key(w, "paths");
  jw_object(w);
  for (size_t i = 0; i < route_count; i++) {
    if (!is_first_of_path(i)) continue;
    BUF_AUTO struct buf path = buf_new(300);
    add_path(&path, routes[i].path);
    jw_key(w, buf_text(&path));
    jw_object(w);
    for (size_t k = i; k < route_count; k++)
      if (str_eq(str_of(routes[k].path), str_of(routes[i].path))) write_operation(w, &routes[k]);
    jw_object_end(w);
  }
  jw_object_end(w);
  write_components(w);
  jw_object_end(w);
}

void openapi_get(struct call *c) {
  openapi_write(call_begin(c), web_base(c->api->web));
  call_end(c, 200);
}
