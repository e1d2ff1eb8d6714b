#include <stdlib.h>

#include "api/roster_private.h"

#define PAGE 500                   /* jobs read at a time: some tens of milliseconds of a reader's thread */
#define TELL_MS 100                /* what changed is told so often */
#define TELL_ROWS 200              /* in one event */
#define EVENT_BYTES (128 * 1024)   /* of one event */
#define TELL_BYTES (96 * 1024)     /* then it is full: the longest row fits in what is left of it */
#define USED_MS (10LL * 60 * 1000) /* nobody has looked for so long: nothing is told */

enum asked { ASKED = 1, ASKED_AND_TOLD }; /* told meanwhile: the answer may be older than that */

/* ---- rows ---- */

static size_t place_of(const struct roster *r, const char *name) { /* the first row that is not before it */
  size_t low = 0, high = r->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (strcmp(r->rows[middle]->card->name, name) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

static size_t index_of(const struct roster *r, const struct roster_row *row) {
  size_t at = place_of(r, row->card->name);
  while (at < r->count && r->rows[at] != row) at++;
  ASSERT(at < r->count);
  return at;
}

static void remove_row(struct roster *r, int64_t no) {
  struct roster_row *row = map_remove(&r->by_no, (uint64_t)no);
  if (!row) return;
  size_t at = index_of(r, row);
  r->shape++;
  memmove(r->rows + at, r->rows + at + 1, (r->count - at - 1) * sizeof *r->rows);
  r->count--;
  roster_row_free(row);
}

/* In the place of the one it was, if that has the same name. */
static bool replace_row(struct roster *r, struct roster_row *row) {
  struct roster_row *old = map_get(&r->by_no, (uint64_t)row->no);
  if (!old || strcmp(old->card->name, row->card->name) != 0) return false;
  size_t at = index_of(r, old);
  if (map_put(&r->by_no, (uint64_t)row->no, row) != ERR_OK) return false;
  r->rows[at] = row;
  r->shape++;
  roster_row_free(old);
  roster_gates_find(&r->gates, row, engine_now_ms(r->api->engine));
  return true;
}

static enum err insert_row(struct roster *r, struct roster_row *row) {
  if (replace_row(r, row)) return ERR_OK;
  remove_row(r, row->no);
  if (r->count == r->capacity) {
    size_t more = r->capacity ? r->capacity * 2 : 256;
    struct roster_row **bigger = reallocarray(r->rows, more, sizeof *bigger);
    if (!bigger) return ERR_NO_MEMORY;
    r->rows = bigger;
    r->capacity = more;
  }
  TRY(map_put(&r->by_no, (uint64_t)row->no, row));
  roster_gates_find(&r->gates, row, engine_now_ms(r->api->engine));
  size_t at = place_of(r, row->card->name);
  memmove(r->rows + at + 1, r->rows + at, (r->count - at) * sizeof *r->rows);
  r->rows[at] = row;
  r->count++;
  r->shape++;
  return ERR_OK;
}

static enum err take_job(struct roster *r, const struct job_row *from, struct roster_row **ret) {
  struct roster_row *row = NULL;
  TRY(roster_row_new(from, &row));
  row->round = r->round;
  enum err e = insert_row(r, row);
  if (e != ERR_OK) roster_row_free(row);
  else if (ret) *ret = row;
  return e;
}

/* ---- what changed ---- */

static void tell_soon(struct roster *r) { loop_timer_arm_ms(r->tell, TELL_MS); }

static void mark(struct roster *r, struct roster_row *row) {
  row->is_dirty = true;
  tell_soon(r);
}

/* Of many jobs a pause is of few. */
static void on_gates_changed(void *arg, struct store_read *read) {
  struct roster *r = arg;
  int64_t now_ms = engine_now_ms(r->api->engine);
  if (read->error != ERR_OK) return;
  roster_gates_keep(&r->gates, read);
  for (size_t i = 0; i < r->count; i++) {
    struct roster_row *row = r->rows[i];
    enum gate was = row->gate;
    int64_t until_ms = row->gate_until_ms;
    roster_gates_find(&r->gates, row, now_ms);
    if (row->gate != was || row->gate_until_ms != until_ms) mark(r, row);
  }
}

static bool read_gates(struct roster *r, engine_read_fn *fn) {
  struct store_read *read = store_read_new(READ_GATES, engine_now_ms(r->api->engine));
  if (read) engine_read(r->api->engine, read, fn, r);
  return read;
}

/* Jobs without a zone of their own follow the settings'. True: it is another one. */
static bool take_zone(struct roster *r) {
  const char *zone = engine_settings(r->api->engine)->timezone;
  if (strcmp(r->zone, zone) == 0) return false;
  (void)str_copy(r->zone, sizeof r->zone, str_of(zone));
  return true;
}

static void find_next_anew(struct roster *r) {
  for (size_t i = 0; i < r->count; i++) {
    if (r->rows[i]->card->zone) continue;
    r->rows[i]->next_ms = FIELD_NULL;
    r->rows[i]->is_next_sought = false;
    mark(r, r->rows[i]);
  }
}

/* ---- loading ---- */

static void finish(struct roster *r, enum err e) {
  r->state = e == ERR_OK ? ROSTER_READY : ROSTER_EMPTY;
  while (r->wait_count > 0) {
    struct wait w = r->waits[--r->wait_count];
    w.fn(w.arg, e);
  }
}

/* A first window need not wait for the last job. */
static void tell_first(struct roster *r) {
  for (size_t i = r->wait_count; i > 0; i--) {
    struct wait w = r->waits[i - 1];
    if (w.rows > r->count) continue;
    r->waits[i - 1] = r->waits[--r->wait_count];
    w.fn(w.arg, ERR_OK);
  }
}

static void clear(struct roster *r) {
  for (size_t i = 0; i < r->count; i++) roster_row_free(r->rows[i]);
  r->count = 0;
  r->shape++;
  map_free(&r->by_no);
  r->by_no = (struct map){};
}

static void load_page(struct roster *r);
static void read_again(struct roster *r, int64_t no);

static void on_gates(void *arg, struct store_read *read) {
  struct roster *r = arg;
  if (read->error == ERR_OK) {
    roster_gates_keep(&r->gates, read);
    load_page(r);
  } else {
    finish(r, read->error);
  }
}

static void begin(struct roster *r) {
  clear(r);
  r->state = ROSTER_LOADING;
  r->is_stale = false;
  r->after[0] = 0;
  (void)take_zone(r);
  if (!read_gates(r, on_gates)) finish(r, ERR_NO_MEMORY);
}

/* Lists that were shown before all jobs were there are asked for anew. */
static void tell_loaded(struct roster *r) {
  engine_publish(r->api->engine, ENGINE_TOPIC_JOBS,
                 STR("{\"type\":\"job\",\"what\":\"loaded\",\"id\":null,\"no\":0}"));
}

/* The page was read before it was heard of them, or just then: who can tell. */
static void read_told(struct roster *r) {
  struct map told = r->told;
  struct map_entry entry;
  r->told = (struct map){};
  for (size_t i = 0; map_next(&told, &i, &entry);) read_again(r, (int64_t)entry.key);
  map_free(&told);
}

/* Those who wait are answered even if what was read is not the newest, or changes without end would let them wait
 * without end; they are told when the newest is there. */
static void end_loading(struct roster *r) {
  bool is_stale = r->is_stale, owes_word = r->is_late || r->count > PAGE;
  finish(r, ERR_OK);
  r->is_late = is_stale;
  if (is_stale) begin(r);
  else if (owes_word) tell_loaded(r);
}

/* What was not found any more is gone. */
static void drop_unseen(struct roster *r) {
  size_t kept = 0;
  for (size_t i = 0; i < r->count; i++) {
    struct roster_row *row = r->rows[i];
    if (row->round == r->round) {
      r->rows[kept++] = row;
      continue;
    }
    map_remove(&r->by_no, (uint64_t)row->no);
    roster_row_free(row);
  }
  r->count = kept;
  r->shape++;
}

/* Page by page, while what is there answers. */
static void refresh(struct roster *r) {
  r->is_refreshing = true;
  r->is_stale = false;
  r->round++;
  r->after[0] = 0;
  load_page(r);
}

static void end_refresh(struct roster *r) {
  drop_unseen(r);
  r->is_refreshing = false;
  if (r->is_stale) refresh(r);
  else tell_loaded(r);
}

static void on_refresh_failed(struct roster *r) {
  r->is_refreshing = false;
  clear(r); /* half old, half new: read anew when somebody looks */
  r->state = ROSTER_EMPTY;
}

static void on_page(void *arg, struct store_read *read) {
  struct roster *r = arg;
  enum err e = read->error;
  for (size_t i = 0; e == ERR_OK && i < read->count; i++) e = take_job(r, &read->jobs[i], NULL);
  read_told(r);
  if (e != ERR_OK && r->is_refreshing) {
    on_refresh_failed(r);
  } else if (e != ERR_OK) {
    clear(r);
    finish(r, e);
  } else if (read->has_more && read->count > 0) {
    str_copy(r->after, sizeof r->after, str_of(read->jobs[read->count - 1].job->name));
    r->expected = read->total > 0 ? (size_t)read->total : r->count;
    load_page(r);
    tell_first(r);
  } else if (r->is_refreshing) {
    end_refresh(r);
  } else {
    end_loading(r);
  }
}

static void load_page(struct roster *r) {
  struct store_read *read = store_read_new(READ_JOBS, engine_now_ms(r->api->engine));
  if (!read && r->is_refreshing) on_refresh_failed(r);
  else if (!read) finish(r, ERR_NO_MEMORY);
  if (!read) return;
  read->limit = PAGE;
  read->strip = ROSTER_STRIP;
  read->after_text = str_of(r->after);
  engine_read(r->api->engine, read, on_page, r);
}

void roster_want(struct roster *r, size_t rows, roster_ready_fn *fn, void *arg) {
  r->used_ms = engine_now_ms(r->api->engine);
  bool is_there = r->state == ROSTER_READY || (r->state == ROSTER_LOADING && rows < r->count);
  if (is_there || r->wait_count == WAITS_MAX) {
    fn(arg, is_there ? ERR_OK : ERR_BUSY);
    return;
  }
  r->waits[r->wait_count++] = (struct wait){fn, arg, rows};
  if (r->state == ROSTER_EMPTY) begin(r);
}

/* ---- keeping up ---- */

static void on_job_read(void *arg, struct store_read *read) {
  struct roster *r = arg;
  struct roster_row *row = NULL;
  bool is_old = (uintptr_t)map_remove(&r->asked, (uint64_t)read->no) == ASKED_AND_TOLD;
  if (r->state == ROSTER_EMPTY) return;
  if (read->error == ERR_NOT_FOUND) remove_row(r, read->no);
  else if (read->error == ERR_OK && job_is_test(read->jobs[0].job)) return;
  else if (read->error == ERR_OK && take_job(r, &read->jobs[0], &row) == ERR_OK) mark(r, row);
  if (is_old) read_again(r, read->no);
}

/* Something was told of the job. True: it is being read, and will be once more. */
static bool hear(struct roster *r, int64_t no) {
  if (!map_get(&r->asked, (uint64_t)no)) return false;
  return map_put(&r->asked, (uint64_t)no, (void *)(uintptr_t)ASKED_AND_TOLD) == ERR_OK;
}

/* Once at a time, however often it is told of. */
static void read_again(struct roster *r, int64_t no) {
  if (hear(r, no) || map_put(&r->asked, (uint64_t)no, (void *)(uintptr_t)ASKED) != ERR_OK) return;
  struct store_read *read = store_read_new(READ_JOB, engine_now_ms(r->api->engine));
  if (!read) {
    map_remove(&r->asked, (uint64_t)no);
    return;
  }
  read->no = no;
  read->strip = ROSTER_STRIP;
  engine_read(r->api->engine, read, on_job_read, r);
}

static void hear_settings(struct roster *r) {
  if (take_zone(r)) find_next_anew(r);
  (void)read_gates(r, on_gates_changed);
}

/* SQL from outside: these jobs, or so many that all are read again. */
static void hear_outside(struct roster *r, const json_t *jobs) {
  const json_t *no;
  size_t i;
  if (r->state == ROSTER_LOADING || r->is_refreshing) r->is_stale = true;
  else hear_settings(r);
  if (r->is_stale) return;
  if (!json_is_array(jobs)) return refresh(r);
  json_array_foreach(jobs, i, no) read_again(r, json_integer_value(no));
}

/* What the engine tells of jobs: {"what":"saved","no":7}. */
static void on_event(void *arg, enum engine_topic topic, int64_t seq, struct str json) {
  struct roster *r = arg;
  (void)seq;
  if (topic != ENGINE_TOPIC_JOBS || r->state == ROSTER_EMPTY || !str_starts(json, STR("{\"type\":\"job\"")))
    return;
  JSON_AUTO json_t *event = NULL;
  if (json_parse(json, &event, NULL) != ERR_OK) return;
  struct str what = json_text_at(event, "what");
  int64_t no = json_int_at(event, "no", 0);
  if (str_eq(what, STR("outside"))) {
    hear_outside(r, json_object_get(event, "jobs"));
  } else if (str_eq(what, STR("gate")) || str_eq(what, STR("settings"))) {
    hear_settings(r);
  } else if (str_eq(what, STR("loaded"))) {
    return; /* our own word */
  } else if (r->state == ROSTER_LOADING) {
    (void)map_put(&r->told, (uint64_t)no, r);
  } else if (r->is_refreshing) {
    (void)map_put(&r->told, (uint64_t)no, r);
    read_again(r, no);
  } else if (str_eq(what, STR("deleted"))) {
    remove_row(r, no);
    (void)hear(r, no);
  } else {
    read_again(r, no);
  }
}

void roster_note(struct roster *r, const struct sched_note *note) {
  int64_t no = note->run ? note->run->job_no : note->gap ? note->gap->job_no : note->job ? note->job->no : 0;
  struct roster_row *row = no ? map_get(&r->by_no, (uint64_t)no) : NULL;
  bool is_read_again = no && hear(r, no);
  bool may_be_older = (!row && !is_read_again && r->state == ROSTER_LOADING) || r->is_refreshing;
  if (no && may_be_older) (void)map_put(&r->told, (uint64_t)no, r);
  if (!row) return;
  switch (note->kind) {
    case SCHED_NOTE_RUN: roster_row_run(row, note->run); break;
    case SCHED_NOTE_OCCURRENCE: roster_row_settle(row, note->due_ms); break;
    case SCHED_NOTE_GAP: roster_row_settle(row, note->gap->last_ms); break;
    case SCHED_NOTE_FAILURES: row->failures = note->failures; break;
    case SCHED_NOTE_RECOVERED: row->failures = 0; break;
    case SCHED_NOTE_DISABLED:
    case SCHED_NOTE_CLOCK:
    case SCHED_NOTE_STORE_DOWN:
    case SCHED_NOTE_STORE_UP: return;
  }
  mark(r, row);
}

/* ---- telling ---- */

/* As many of them as fit in an event: how many. */
static size_t tell_rows(struct roster *r, struct roster_row *const *rows, size_t count,
                        const struct roster_living *living) {
  int64_t now_ms = engine_now_ms(r->api->engine);
  size_t told = 0;
  BUF_AUTO struct buf out = buf_new(EVENT_BYTES);
  struct json_writer w = jw_new(&out);
  jw_object(&w);
  jw_ktext(&w, "type", "rows");
  jw_kint(&w, "at", now_ms);
  jw_key(&w, "rows");
  jw_array(&w);
  for (; told < count && out.len < TELL_BYTES; told++) {
    struct roster_view v = roster_view_of(r, living, rows[told], now_ms);
    roster_render(&w, &v, NULL);
  }
  jw_array_end(&w);
  jw_object_end(&w);
  if (buf_error(&out) == ERR_OK) engine_publish(r->api->engine, ENGINE_TOPIC_JOBS, buf_str(&out));
  return told;
}

static void on_tell(void *arg) {
  struct roster *r = arg;
  struct roster_row *rows[TELL_ROWS];
  size_t count = 0, i = 0;
  bool is_used = engine_now_ms(r->api->engine) - r->used_ms < USED_MS;
  for (; i < r->count && count < TELL_ROWS; i++) {
    if (!r->rows[i]->is_dirty) continue;
    r->rows[i]->is_dirty = false;
    if (!is_used) continue;
    rows[count++] = r->rows[i];
  }
  if (i < r->count) tell_soon(r);
  if (count == 0) return;
  struct roster_living living = {};
  roster_living_note(r, &living);
  size_t told = tell_rows(r, rows, count, &living);
  map_free(&living.jobs);
  for (size_t k = told; k < count; k++) mark(r, rows[k]);
}

/* ---- life ---- */

enum err roster_new(struct api *a, struct roster **ret) {
  struct roster *r = calloc(1, sizeof *r);
  if (!r) return ERR_NO_MEMORY;
  r->api = a;
  enum err e = loop_timer_new(engine_loop(a->engine), on_tell, r, &r->tell);
  if (e == ERR_OK) e = loop_timer_new(engine_loop(a->engine), roster_turn, r, &r->turn);
  if (e == ERR_OK) r->subscription = engine_subscribe(a->engine, on_event, r);
  if (!r->subscription) {
    loop_timer_free(r->tell);
    loop_timer_free(r->turn);
    free(r);
    return e == ERR_OK ? ERR_NO_MEMORY : e;
  }
  *ret = r;
  return ERR_OK;
}

void roster_free(struct roster *r) {
  if (!r) return;
  engine_unsubscribe(r->subscription);
  loop_timer_free(r->tell);
  loop_timer_free(r->turn);
  r->turn = NULL;
  finish(r, ERR_UNAVAILABLE);
  roster_passes_end(r, ERR_UNAVAILABLE);
  clear(r);
  roster_gates_free(&r->gates);
  map_free(&r->told);
  map_free(&r->asked);
  free(r->rows);
  free(r);
}
