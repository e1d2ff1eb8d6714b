/* Rows of the roster: made of a job as the store has it, changed by what its runs become. */
#include <stdlib.h>

#include "api/mask.h"
#include "api/roster.h"

/* ---- cards ---- */

struct roster_card *roster_card_ref(struct roster_card *c) {
  atomic_fetch_add(&c->refs, 1);
  return c;
}

void roster_card_unref(struct roster_card *c) {
  if (c && atomic_fetch_sub(&c->refs, 1) == 1) free(c);
}

struct packing { /* texts behind a card: first counted (to NULL), then written */
  char *to;
  size_t used;
};

static const char *pack(struct packing *p, struct str s) {
  if (!s.ptr) return NULL;
  char *at = p->to ? p->to + p->used : NULL;
  if (at) {
    memcpy(at, s.ptr, s.len);
    at[s.len] = 0;
  }
  p->used += s.len + 1;
  return at;
}

static struct str pack_folded(struct packing *p, struct str s) {
  char *at = p->to ? p->to + p->used : NULL;
  size_t n = at ? filter_fold(s, at, s.len) : s.len;
  p->used += s.len + 1;
  return (struct str){at, n};
}

/* {"team":"ops","SYNC":""} gives the tags team, ops, team=ops, SYNC; each ended by a line feed. */
static struct str tags_of(json_t *labels, struct buf *out) {
  const char *key;
  json_t *value;
  json_object_foreach(labels, key, value) {
    const char *text = json_string_value(value);
    buf_addf(out, "%s\n", key);
    if (text && text[0]) buf_addf(out, "%s\n%s=%s\n", text, key, text);
  }
  return buf_error(out) == ERR_OK ? buf_str(out) : STR("");
}

struct card_texts {
  struct str words, tags, owner, labels;
};

static void pack_card(struct packing *p, struct roster_card *c, const struct job *job,
                      const struct card_texts *t) {
  c->id = pack(p, str_of(job->id));
  c->name = pack(p, str_of(job->name));
  c->category = pack(p, str_of(job->category));
  c->labels = pack(p, t->labels);
  c->schedule = pack(p, str_of(job->schedule));
  c->zone = pack(p, str_of(job->timezone));
  c->command = pack(p, str_of(job->command));
  c->words = pack_folded(p, t->words);
  c->tags = pack_folded(p, t->tags);
  c->owner = pack_folded(p, t->owner);
}

static struct roster_card *card_new(const struct job *job) {
  BUF_AUTO struct buf tags = buf_new(4 * LIMIT_LABELS_BYTES);
  BUF_AUTO struct buf words = buf_new(LIMIT_DESCRIPTION_BYTES + 2 * LIMIT_NAME_BYTES);
  JSON_AUTO json_t *labels = NULL;
  struct arena scratch = arena_new(256 * 1024);
  struct roster_card counted = {}, *c = NULL;
  if (job->labels && json_parse(str_of(job->labels), &labels, NULL) != ERR_OK) labels = NULL;
  buf_addf(&words, "%s\n%s", job->name, job->description ? job->description : "");
  struct card_texts t = {.words = buf_str(&words),
                         .tags = labels ? tags_of(labels, &tags) : STR(""),
                         .owner = labels ? json_text_at(labels, "owner") : STR(""),
                         .labels = str_of(mask_json_text(job->labels, NULL, &scratch))};
  if (!t.owner.ptr) t.owner = STR("");
  struct packing p = {};
  pack_card(&p, &counted, job, &t);
  c = calloc(1, sizeof *c + p.used);
  if (c) {
    p = (struct packing){.to = (char *)(c + 1)};
    c->refs = 1;
    c->dialect = job->dialect;
    c->dst = job->dst;
    c->start_ms = job->start_at_ms;
    c->end_ms = job->end_at_ms;
    c->anchor_ms = job->anchor_ms;
    c->seed = job->seed;
    pack_card(&p, c, job, &t);
  }
  arena_free(&scratch);
  return c;
}

/* ---- rows ---- */

static int ascending(const void *a, const void *b) {
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

/* Nearest rank. */
static int64_t rank(const int32_t *sorted, size_t count, size_t percent) {
  return count ? sorted[(count * percent + 99) / 100 - 1] : FIELD_NULL;
}

static void count_percentiles(struct roster_row *row) {
  int32_t sorted[ROSTER_STRIP];
  size_t count = 0;
  for (size_t i = 0; i < row->strip_count; i++)
    if (row->strip_ms[i] >= 0 && row->strip_status[i] != RUN_SKIPPED && row->strip_status[i] != RUN_CANCELLED)
      sorted[count++] = row->strip_ms[i];
  qsort(sorted, count, sizeof *sorted, ascending);
  row->p50_ms = rank(sorted, count, 50);
  row->p95_ms = rank(sorted, count, 95);
}

static int32_t short_ms(int64_t ms) {
  return ms == FIELD_NULL || ms < 0 ? -1 : ms > INT32_MAX ? INT32_MAX : (int32_t)ms;
}

static void add_to_strip(struct roster_row *row, int64_t status, int64_t took_ms) {
  if (row->strip_count == ROSTER_STRIP) {
    memmove(row->strip_status, row->strip_status + 1, sizeof *row->strip_status * (ROSTER_STRIP - 1));
    memmove(row->strip_ms, row->strip_ms + 1, sizeof *row->strip_ms * (ROSTER_STRIP - 1));
    row->strip_count--;
  }
  row->strip_status[row->strip_count] = (uint8_t)status;
  row->strip_ms[row->strip_count++] = short_ms(took_ms);
}

static void set_error(struct roster_row *row, const struct run *run) {
  bool is_failure = run_is_failure((enum run_status)run->status);
  size_t n = is_failure && run->error_message ? strlen(run->error_message) : 0;
  if (n >= sizeof row->error) /* not in the middle of a character */
    for (n = sizeof row->error - 1; n > 0 && ((unsigned char)run->error_message[n] & 0xc0) == 0x80;) n--;
  if (n) memcpy(row->error, run->error_message, n);
  row->error[n] = 0;
}

void roster_row_free(struct roster_row *row) {
  if (!row) return;
  roster_card_unref(row->card);
  free(row);
}

enum err roster_row_new(const struct job_row *from, struct roster_row **ret) {
  const struct job *job = from->job;
  struct roster_row *row = calloc(1, sizeof *row);
  if (row) row->card = card_new(job);
  if (!row || !row->card) {
    free(row);
    return ERR_NO_MEMORY;
  }
  row->no = job->no;
  row->version = job->version;
  row->priority = job->priority;
  row->is_active = job->is_active == 1;
  row->is_critical = job->critical == 1;
  row->is_world_job = job_is_world_job(job);
  row->failures = job->failures == FIELD_NULL ? 0 : job->failures;
  row->last_no = row->last_status = row->last_took_ms = FIELD_NULL;
  row->last_start_ms = job->last_run_ms;
  row->next_ms = job->next_run_ms;
  row->settled_ms = FIELD_NULL;
  for (size_t i = from->strip_count; i > 0; i--)
    add_to_strip(row, from->strip[i - 1].status, from->strip[i - 1].duration_ms);
  size_t last = 0; /* a run that was skipped says nothing of the job, unless all were */
  while (last + 1 < from->strip_count && from->strip[last].status == RUN_SKIPPED) last++;
  if (last < from->strip_count && from->strip[last].status == RUN_SKIPPED) last = 0;
  if (from->strip_count) {
    row->last_no = from->strip[last].no;
    row->last_status = from->strip[last].status;
    row->last_took_ms = from->strip[last].duration_ms;
  }
  if (from->has_last_run) {
    row->last_start_ms = from->last_run.started_ms;
    if (from->last_run.no == row->last_no) set_error(row, &from->last_run);
  }
  count_percentiles(row);
  *ret = row;
  return ERR_OK;
}

/* ---- what becomes of a job ---- */

void roster_row_settle(struct roster_row *row, int64_t due_ms) {
  if (due_ms == INSTANT_NONE || due_ms == FIELD_NULL) return;
  if (row->settled_ms == FIELD_NULL || due_ms > row->settled_ms) row->settled_ms = due_ms;
}

void roster_row_run(struct roster_row *row, const struct run *run) {
  enum run_status status = (enum run_status)run->status;
  if (status != RUN_QUEUED || run->attempt <= 1) roster_row_settle(row, run->due_ms);
  if (status == RUN_RUNNING && run->started_ms != FIELD_NULL) row->last_start_ms = run->started_ms;
  if (!run_is_final(status)) return;
  if (run->no != row->last_no || row->strip_count == 0) {
    add_to_strip(row, status, run->duration_ms);
  } else { /* a lost one whose end came after all */
    row->strip_status[row->strip_count - 1] = (uint8_t)status;
    row->strip_ms[row->strip_count - 1] = short_ms(run->duration_ms);
  }
  count_percentiles(row);
  if (status == RUN_SKIPPED && row->last_status != FIELD_NULL) return;
  row->last_no = run->no;
  row->last_status = status;
  row->last_took_ms = run->duration_ms;
  set_error(row, run);
}
