/* The audit log, the proof of the ledger, backups. */
#include <stdio.h>

#include "api/alerts.h"
#include "api/api_admin.h"
#include "api/cursor.h"
#include "api/mask.h"
#include "api/render.h"
#include "sys/os_file.h"

/* ---- the audit log: who did what ---- */

struct audit_log_query {
  const char *cursor, *q;
  int64_t limit;
};
SHAPE_OF(audit_log_query, "AuditLogQuery", sizeof(struct audit_log_query),
         IN(struct audit_log_query, cursor, "cursor", TEXT, 0, 1, 1000, FIELD_NULL,
            "nextCursor of the page before"),
         IN(struct audit_log_query, q, "q", TEXT, 0, 0, FILTER_BYTES_MAX, FIELD_NULL,
            "the filter language: who:user:ana what:job.* target~sync at<1d"),
         IN(struct audit_log_query, limit, "limit", INT, 0, 1, LIMIT_PAGE, CALL_PAGE_DEFAULT,
            "rows on a page"));
SHAPE_OF(audit_row, "AuditRow", 0, OUT("seq", INT, 0, ""), OUT("at", INSTANT, 0, ""),
         OUT("actor", TEXT, 0, "user:NAME, token:NAME, system, sql"), OUT("action", TEXT, 0, "job.update"),
         OUT("object", TEXT, FIELD_NULLABLE, "job:NAME"),
         OUT("before", JSON, FIELD_NULLABLE, "what it was, secrets masked"),
         OUT("after", JSON, FIELD_NULLABLE, ""), OUT("address", TEXT, FIELD_NULLABLE, ""),
         OUT("requestId", TEXT, FIELD_NULLABLE, ""),
         OUT("hash", TEXT, 0, "SHA-256 over the row before and this one"));
static const struct shape_part audit_log_page_parts[] = {{"data", &audit_row_shape, PART_LIST}};
SHAPE_PARTS(audit_log_page, "AuditLogPage", NULL, audit_log_page_parts,
            OUT("nextCursor", TEXT, FIELD_NULLABLE, "for the next page; null on the last"));

static void render_audit_row(struct json_writer *w, const struct audit_row *row, const struct render *r) {
  jw_object(w);
  jw_kint(w, "seq", row->seq);
  jw_kinstant(w, "at", row->at_ms);
  jw_ktext(w, "actor", row->note.actor);
  jw_ktext(w, "action", row->note.action);
  jw_ktext(w, "object", row->note.object);
  render_audit_text(w, "before", row->note.before, r);
  render_audit_text(w, "after", row->note.after, r);
  jw_ktext(w, "address", row->note.address);
  jw_ktext(w, "requestId", row->note.request_id);
  jw_ktext(w, "hash", row->hash);
  jw_object_end(w);
}

static void on_log(struct call *c, struct store_read *read) {
  struct json_writer *w = call_begin(c);
  BUF_AUTO struct buf cursor = buf_new(1000);
  render_page_begin(w);
  for (size_t i = 0; i < read->count; i++) {
    struct arena scratch = arena_new(4 * 1024 * 1024);
    render_audit_row(w, &read->audit_rows[i], &(struct render){c->api->engine, &scratch});
    arena_free(&scratch);
  }
  int64_t last = read->looked ? read->looked : read->count ? read->audit_rows[read->count - 1].seq : 0;
  if (read->has_more && last) cursor_of_number(&cursor, last);
  render_page_end(w, cursor.len ? buf_text(&cursor) : NULL);
  call_end(c, 200);
}

void audit_log_list(struct call *c) {
  const struct audit_log_query *q = CALL_INPUT(c, struct audit_log_query);
  int64_t after = 0;
  enum err e = q->cursor ? cursor_to_number(str_of(q->cursor), &after, &c->detail) : ERR_OK;
  const struct filter *filter = NULL;
  if (e == ERR_OK && q->q)
    e = filter_parse(&filter_audit, str_of(q->q), call_now_ms(c), &c->req->arena, &filter, &c->detail);
  struct store_read *r = e == ERR_OK ? call_new_read(c, READ_AUDIT_LOG) : NULL;
  if (e != ERR_OK) call_fail(c, e);
  if (!r) return;
  r->after = after;
  r->limit = (size_t)q->limit;
  r->filter = filter;
  call_read(c, r, on_log);
}

SHAPE_OF(audit_verify, "AuditVerify", 0, OUT("ok", BOOL, 0, ""),
         OUT("rows", INT, FIELD_NULLABLE, "compared, where it is known"),
         OUT("firstBad", INT, FIELD_NULLABLE, "seq of the first row that does not fit the chain"));

static void on_verified(struct call *c, struct store_read *read) {
  struct json_writer *w = call_begin(c);
  jw_object(w);
  alerts_note_proof(c->api, ALERTS_CHAIN, read->proof.first_bad, call_now_ms(c));
  jw_kbool(w, "ok", read->proof.first_bad == 0);
  jw_key(w, "rows");
  if (read->total >= 0) jw_int(w, read->total);
  else jw_null(w);
  jw_key(w, "firstBad");
  if (read->proof.first_bad) jw_int(w, read->proof.first_bad);
  else jw_null(w);
  jw_object_end(w);
  call_end(c, 200);
}

void audit_log_verify(struct call *c) {
  struct store_read *r = call_new_read(c, READ_AUDIT_VERIFY);
  if (r) call_read(c, r, on_verified);
}

/* ---- the ledger: what fell due against what is on record ---- */

struct ledger_query {
  int64_t since_ms, until_ms;
  const char *job;
};
SHAPE_OF(ledger_query, "LedgerQuery", sizeof(struct ledger_query),
         IN(struct ledger_query, since_ms, "since", INSTANT, 0, 0, 0, FIELD_NULL, "due at or after it"),
         IN(struct ledger_query, until_ms, "until", INSTANT, 0, 0, 0, FIELD_NULL, "due at or before it"),
         IN(struct ledger_query, job, "job", TEXT, 0, 1, LIMIT_NAME_BYTES, FIELD_NULL,
            "id or name; else all"));
SHAPE_OF(difference, "LedgerDifference", 0, OUT("jobName", TEXT, FIELD_NULLABLE, ""),
         OUT("jobNo", INT, 0, "survives the job in the ledger"), OUT("dueAt", INSTANT, FIELD_NULLABLE, ""),
         OUT("kind", TEXT, 0, "no_row, unexpected_row, double_run, stuck_pending, …"),
         OUT("text", TEXT, 0, ""));
static const struct shape_part ledger_answer_parts[] = {{"differences", &difference_shape, PART_LIST}};
SHAPE_PARTS(ledger_answer, "LedgerAudit", NULL, ledger_answer_parts, OUT("ok", BOOL, 0, "no differences"),
            OUT("expected", INT, 0, "instants that fell due"), OUT("ran", INT, 0, ""),
            OUT("skipped", INT, 0, ""), OUT("missed", INT, 0, ""), OUT("pending", INT, 0, ""),
            OUT("rolledUpDays", INT, 0, "proven only by the hash of their set"),
            OUT("zoneMoved", INT, 0, "that today's zone data would place elsewhere"),
            OUT("hasMore", BOOL, 0, "more differences than are listed"));

/* A proof of everything is told as an alert, too, until the next one finds nothing. */
static void note_ledger(struct call *c, const struct store_read *read) {
  const struct ledger_query *q = CALL_INPUT(c, struct ledger_query);
  bool is_whole = q->since_ms == FIELD_NULL && q->until_ms == FIELD_NULL && !q->job;
  if (is_whole) alerts_note_proof(c->api, ALERTS_LEDGER, (int64_t)read->count, call_now_ms(c));
}

static void on_ledger(struct call *c, struct store_read *read) {
  note_ledger(c, read);
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kbool(w, "ok", read->count == 0);
  jw_kint(w, "expected", read->proof.expected);
  jw_kint(w, "ran", read->proof.ran);
  jw_kint(w, "skipped", read->proof.skipped);
  jw_kint(w, "missed", read->proof.missed);
  jw_kint(w, "pending", read->proof.pending);
  jw_kint(w, "rolledUpDays", read->proof.rolled_up_days);
  jw_kint(w, "zoneMoved", read->proof.zone_moved);
  jw_kbool(w, "hasMore", read->has_more);
  jw_key(w, "differences");
  jw_array(w);
  for (size_t i = 0; i < read->count; i++) {
    const struct audit_difference *d = &read->differences[i];
    jw_object(w);
    jw_ktext(w, "jobName", d->job_name);
    jw_kint(w, "jobNo", d->job_no);
    jw_key(w, "dueAt");
    if (d->due_ms == INSTANT_NONE) jw_null(w);
    else jw_instant(w, d->due_ms);
    jw_ktext(w, "kind", d->kind);
    jw_ktext(w, "text", d->text);
    jw_object_end(w);
  }
  jw_array_end(w);
  jw_object_end(w);
  call_end(c, 200);
}

static void read_ledger(struct call *c, int64_t job_no) {
  const struct ledger_query *q = CALL_INPUT(c, struct ledger_query);
  struct store_read *r = call_new_read(c, READ_LEDGER_AUDIT);
  if (!r) return;
  r->no = job_no;
  r->from_ms = q->since_ms == FIELD_NULL ? INSTANT_NONE : q->since_ms;
  r->to_ms = q->until_ms == FIELD_NULL ? INSTANT_NONE : q->until_ms;
  r->limit = LIMIT_PAGE;
  call_read(c, r, on_ledger);
}

static void on_ledger_job(struct call *c, struct store_read *read) {
  enum err e = read->error;
  c->detail = read->detail;
  if (e == ERR_OK) e = call_check_job(c, read->jobs[0].job, false);
  if (e != ERR_OK) call_fail(c, e);
  else read_ledger(c, read->jobs[0].job->no);
}

void ledger_audit(struct call *c) {
  const char *job = CALL_INPUT(c, struct ledger_query)->job;
  if (job) call_read_job(c, str_of(job), on_ledger_job);
  else read_ledger(c, 0);
}

/* ---- backups: into DIR/backups, so that a request cannot write elsewhere ---- */

struct backup_request {
  const char *name;
};
SHAPE_OF(backup_request, "BackupRequest", sizeof(struct backup_request),
         IN(struct backup_request, name, "name", TEXT, 0, 1, 100, FIELD_NULL,
            "letters, digits, '-', '_' and '.'; default sereno-DATE-TIME.db"));
SHAPE_OF(backup_answer, "Backup", 0, OUT("success", BOOL, 0, ""), OUT("name", TEXT, 0, ""),
         OUT("path", TEXT, 0, "on the server"));

static bool is_file_name(struct str name) {
  if (name.len == 0 || name.ptr[0] == '.') return false;
  for (size_t i = 0; i < name.len; i++) {
    char ch = name.ptr[i];
    bool is_alnum = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
    if (!is_alnum && ch != '-' && ch != '_' && ch != '.') return false;
  }
  return true;
}

static const char *default_name(struct call *c) {
  struct instant_text t = instant_to_text_seconds(call_now_ms(c)); /* 2026-11-21T18:00:00Z */
  return arena_printf(&c->req->arena, "sereno-%.10s-%.2s%.2s%.2s.db", t.text, t.text + 11, t.text + 14,
                      t.text + 17);
}

struct backup_state {
  const char *name, *path;
};

static void backup_noted(struct call *c, const struct engine_answer *answer) {
  (void)answer;
  const struct backup_state *b = c->state;
  struct json_writer *w = call_begin(c);
  jw_object(w);
  jw_kbool(w, "success", true);
  jw_ktext(w, "name", b->name);
  jw_ktext(w, "path", b->path);
  jw_object_end(w);
  call_end(c, 201);
}

static void on_backup(struct call *c, struct store_read *read) {
  const struct backup_state *b = c->state;
  c->api->is_backing_up = false;
  if (read->error != ERR_OK) {
    c->detail = read->detail;
    call_fail(c, read->error);
    return;
  }
  struct change *change = call_new_change(c, CHANGE_AUDIT);
  if (!change) return;
  call_note(c, change, "backup.create", arena_printf(&c->req->arena, "backup:%s", b->name), NULL, NULL);
  call_write(c, change, backup_noted);
}

static bool is_there(const char *path) {
  BUF_AUTO struct buf first = buf_new(1);
  return os_read_file(path, &first, NULL) != ERR_NOT_FOUND;
}

static enum err name_backup(struct call *c, struct backup_state *b) {
  const char *given = CALL_INPUT(c, struct backup_request)->name;
  struct arena *arena = &c->req->arena;
  const char *folder = arena_printf(arena, "%s/backups", engine_folder(c->api->engine));
  if (given && !is_file_name(str_of(given)))
    return err_set(&c->detail, ERR_INVALID, "name", 0, "a file name of letters, digits, '-', '_' and '.'");
  if (c->api->is_backing_up) return err_set(&c->detail, ERR_CONFLICT, NULL, 0, "a backup is under way");
  b->name = given ? given : default_name(c);
  b->path = arena_printf(arena, "%s/%s", folder, b->name);
  if (!folder || !b->path) return ERR_NO_MEMORY;
  TRY(os_make_dir(folder, 0700, &c->detail));
  return is_there(b->path) ? err_set(&c->detail, ERR_CONFLICT, "name", 0, "there is a backup of this name")
                           : ERR_OK;
}

void backup_create(struct call *c) {
  struct backup_state *b = ARENA_NEW(&c->req->arena, struct backup_state);
  enum err e = b ? name_backup(c, b) : ERR_NO_MEMORY;
  struct store_read *r = e == ERR_OK ? call_new_read(c, READ_BACKUP) : NULL;
  if (e != ERR_OK) call_fail(c, e);
  if (!r) return;
  c->state = b;
  c->api->is_backing_up = true;
  r->path = str_of(b->path);
  call_read_any(c, r, on_backup);
}
