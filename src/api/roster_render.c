/* A row of the roster as an array: names of the columns come once. Pure. */
#include "api/roster.h"

const char *const roster_columns[] = {
    "id",    "name",  "state",      "category", "labels", "schedule", "sentence", "timezone", "strip",
    "took",  "last",  "lastStatus", "lastTook", "p50",    "p95",      "next",     "gate",     "gateUntil",
    "fails", "error", "command",    "version",  "active", "critical", NULL};

static const char strip_letters[RUN_COUNT + 1] =
    "rsftqcxl"; /* running success failed timeout queued cancelled … */

static void number(struct json_writer *w, int64_t value) {
  if (value == FIELD_NULL || value == INSTANT_NEVER) jw_null(w);
  else jw_int(w, value);
}

static void strip(struct json_writer *w, const struct roster_row *row) {
  char letters[ROSTER_STRIP];
  for (size_t i = 0; i < row->strip_count; i++) letters[i] = strip_letters[row->strip_status[i]];
  jw_str(w, (struct str){letters, row->strip_count});
  jw_array(w);
  for (size_t i = 0; i < row->strip_count; i++)
    number(w, row->strip_ms[i] < 0 ? FIELD_NULL : row->strip_ms[i]);
  jw_array_end(w);
}

void roster_render(struct json_writer *w, const struct roster_view *v, const char *sentence) {
  const struct roster_row *row = v->row;
  const struct roster_card *c = row->card;
  jw_array(w);
  jw_text(w, c->id);
  jw_text(w, c->name);
  jw_text(w, job_status_text(v->standing));
  jw_text(w, c->category);
  if (c->labels) jw_raw(w, str_of(c->labels));
  else jw_null(w);
  jw_text(w, c->schedule);
  jw_text(w, sentence);
  jw_text(w, c->zone);
  strip(w, row);
  number(w, row->last_start_ms);
  jw_text(w, row->last_status == FIELD_NULL ? NULL : run_status_text((enum run_status)row->last_status));
  number(w, row->last_took_ms);
  number(w, row->p50_ms);
  number(w, row->p95_ms);
  number(w, row->is_active ? row->next_ms : FIELD_NULL);
  jw_text(w, gate_text(v->gate));
  number(w, v->gate_until_ms);
  jw_int(w, row->failures);
  jw_text(w, row->error[0] ? row->error : NULL);
  jw_text(w, c->command);
  jw_int(w, row->version);
  jw_bool(w, row->is_active);
  jw_bool(w, row->is_critical);
  jw_array_end(w);
}
