#include "live/live_redis.h"

#include <stdio.h>
#include <stdlib.h>

#define META_FIELDS 8

/* ---- calls ---- */

static enum err find_seen(struct live_redis *l) {
  if (l->seen) return ERR_OK;
  snprintf(l->seen_key, sizeof l->seen_key, "%sseen:%s", l->global, l->live.node);
  l->seen = redis_seen_ref(l->url, l->seen_key);
  return l->seen ? ERR_OK : ERR_NO_MEMORY;
}

enum err redis_call_init(struct redis_call *c, struct live_redis *l, bool is_repeatable) {
  *c = (struct redis_call){.l = l, .arena = arena_new(LIVE_SCRATCH_BYTES_MAX)};
  c->batch = (struct redis_batch){
      .arena = &c->arena, .is_repeatable = is_repeatable, .is_text = l->transport->is_text};
  TRY(find_seen(l));
  c->seen = redis_seen_number(l->seen);
  return ERR_OK;
}

void redis_call_free(struct redis_call *c) { arena_free(&c->arena); }

void redis_call_seen(const struct redis_call *c, const struct redis_value *number) {
  int64_t n = redis_number(number, 0);
  if (n > 0) redis_seen_add(c->l->seen, n);
}

static const char *mark_of(struct redis_call *c) {
  char life[REDIS_LIFE_BYTES];
  redis_name_life(c->l->transport->run, life);
  return arena_printf(&c->arena, "%lld|%s|%s", (long long)c->seen, life, c->l->seen_key);
}

void redis_call_script(struct redis_call *c, enum redis_script script) {
  struct redis_batch *b = &c->batch;
  redis_begin(b);
  redis_text(b, "EVALSHA");
  redis_text(b, c->l->scripts.sha1[script]);
  redis_text(b, "2");
  redis_text(b, c->l->prefix);
  redis_text(b, c->l->global);
  if (!c->mark) c->mark = mark_of(c);
  if (c->mark) redis_text(b, c->mark);
  else b->error = arena_error(&c->arena);
}

/* What cannot tell its own lives has one with each start of a server of ours. */
static enum err begin_life(struct redis_call *c, struct err_detail *detail) {
  struct redis_transport *t = c->l->transport;
  struct redis_batch b = {.arena = &c->arena, .is_repeatable = true};
  struct redis_value answer;
  if (!t->is_text || c->l->has_begun) return ERR_OK;
  redis_begin_life(&b, t);
  TRY(b.error);
  TRY(t->ops->run(t, &b, (struct redis_room){&c->arena, &c->arena}, &answer, detail));
  if (answer.type == REDIS_ERROR) return redis_error(t, answer.s, detail);
  c->l->has_begun = true;
  return ERR_OK;
}

static enum err run(struct redis_call *c, const struct redis_batch *b, struct arena *texts,
                    struct redis_value *ret, struct err_detail *detail) {
  struct redis_transport *t = c->l->transport;
  struct redis_room room = {&c->arena, texts ? texts : &c->arena};
  TRY(b->error);
  TRY(begin_life(c, detail));
  return t->ops->run(t, b, room, ret, detail);
}

static enum err load_scripts(struct redis_call *c, struct err_detail *detail) {
  struct redis_batch b = {.arena = &c->arena, .is_repeatable = true};
  struct redis_value answers[SCRIPT_COUNT];
  for (int i = 0; i < SCRIPT_COUNT; i++) {
    redis_begin(&b);
    redis_text(&b, "SCRIPT");
    redis_text(&b, "LOAD");
    redis_text(&b, c->l->scripts.text[i]);
  }
  TRY(run(c, &b, NULL, answers, detail));
  for (int i = 0; i < SCRIPT_COUNT; i++) {
    if (answers[i].type == REDIS_ERROR) return redis_error(c->l->transport, answers[i].s, detail);
    ASSERT(str_eq(answers[i].s, str_of(c->l->scripts.sha1[i])));
  }
  return ERR_OK;
}

static bool is_unknown_script(const struct redis_value *v) {
  return v->type == REDIS_ERROR && str_starts(v->s, STR("NOSCRIPT"));
}

/* A command the server did not know did nothing, so it is sent again, and only it. */
static enum err run_unknown(struct redis_call *c, struct arena *texts, struct err_detail *detail) {
  struct redis_batch again = c->batch;
  again.commands = ARENA_ARRAY(&c->arena, struct redis_command, c->batch.count);
  struct redis_value *answers = ARENA_ARRAY(&c->arena, struct redis_value, c->batch.count);
  if (!again.commands || !answers) return arena_error(&c->arena);
  again.count = 0;
  for (size_t i = 0; i < c->batch.count; i++)
    if (is_unknown_script(&c->answers[i])) again.commands[again.count++] = c->batch.commands[i];
  if (again.count == 0) return ERR_OK;
  TRY(load_scripts(c, detail));
  TRY(run(c, &again, texts, answers, detail));
  for (size_t i = 0, k = 0; i < c->batch.count; i++)
    if (is_unknown_script(&c->answers[i])) c->answers[i] = answers[k++];
  return ERR_OK;
}

enum err redis_call_run(struct redis_call *c, struct arena *texts, struct err_detail *detail) {
  c->answers = ARENA_ARRAY(&c->arena, struct redis_value, c->batch.count);
  if (!c->answers) return arena_error(&c->arena);
  TRY(run(c, &c->batch, texts, c->answers, detail));
  return run_unknown(c, texts, detail);
}

enum err redis_call_errors(const struct redis_call *c, struct err_detail *detail) {
  for (size_t i = 0; i < c->batch.count; i++)
    if (c->answers[i].type == REDIS_ERROR) return redis_error(c->l->transport, c->answers[i].s, detail);
  return ERR_OK;
}

int64_t redis_number(const struct redis_value *v, int64_t otherwise) {
  int64_t n;
  if (v->type == REDIS_INT) return v->n;
  return v->type == REDIS_TEXT && str_to_int(v->s, INT64_MIN, INT64_MAX, &n) ? n : otherwise;
}

/* ---- reading ---- */

static const struct {
  enum live_parts part;
  const char *command, *suffix;
  const char *tail[3];
} part_reads[] = {
    {LIVE_CORE, "HGETALL", ":core", {}},
    {LIVE_SESSION, "HGETALL", ":session", {}},
    {LIVE_JOURNAL, "LRANGE", ":journal", {"0", "-1", NULL}},
    {LIVE_EVENTS, "ZRANGE", ":events", {"0", "-1", "WITHSCORES"}},
    {LIVE_GUARD, "HMGET", ":core", {LIVE_GUARD_NAMES}},
    {LIVE_HISTORY, "LLEN", ":history", {}},
};
#define PART_READS (sizeof part_reads / sizeof *part_reads)

static size_t answers_of_world(unsigned parts) {
  size_t n = 1; /* its meta */
  for (size_t i = 0; i < PART_READS; i++) n += (parts & part_reads[i].part) != 0;
  return n;
}

static void ask_world(struct redis_call *c, struct str id, unsigned parts) {
  static const char *const fields[META_FIELDS] = {"version",  "saved",   "turn",  "ticks",
                                                  "activeAt", "dirtyAt", "bytes", "life"};
  struct redis_batch *b = &c->batch;
  redis_begin(b), redis_text(b, "HMGET"), redis_key(b, c->l->prefix, id, ":meta");
  for (int i = 0; i < META_FIELDS; i++) redis_text(b, fields[i]);
  for (size_t i = 0; i < PART_READS; i++) {
    if (!(parts & part_reads[i].part)) continue;
    redis_begin(b), redis_text(b, part_reads[i].command);
    redis_key(b, c->l->prefix, id, part_reads[i].suffix);
    for (int k = 0; k < 3 && part_reads[i].tail[k]; k++) redis_text(b, part_reads[i].tail[k]);
  }
}

static enum err fill_fields(const struct redis_value *v, struct arena *arena, struct live_field **ret,
                            size_t *count) {
  *count = v->count / 2;
  if (*count == 0) return ERR_OK;
  *ret = ARENA_ARRAY(arena, struct live_field, *count);
  if (!*ret) return arena_error(arena);
  for (size_t i = 0; i < *count; i++)
    (*ret)[i] = (struct live_field){v->items[2 * i].s, v->items[2 * i + 1].s};
  return ERR_OK;
}

static enum err fill_guard(const struct redis_value *v, struct arena *arena, struct live_world *w) {
  static const char *const names[] = {LIVE_GUARD_NAMES};
  w->core = ARENA_ARRAY(arena, struct live_field, v->count + 1);
  if (!w->core) return arena_error(arena);
  for (size_t i = 0; i < v->count && i < sizeof names / sizeof *names; i++)
    if (v->items[i].type == REDIS_TEXT)
      w->core[w->core_count++] = (struct live_field){str_of(names[i]), v->items[i].s};
  return ERR_OK;
}

/* "TURN AT BYTES" with a turn that was given; false when an application put something else there. */
static bool parse_entry(struct str text, int64_t last_turn, struct live_entry *ret) {
  struct str turn, at;
  return str_split(&text, ' ', &turn) && text.ptr && str_split(&text, ' ', &at) && text.ptr &&
         str_to_int(turn, 0, last_turn, &ret->turn) && str_to_int(at, INT64_MIN, INT64_MAX, &ret->at_ms) &&
         (ret->bytes = text, true);
}

static enum err fill_journal(const struct redis_value *v, struct arena *arena, struct live_world *w) {
  if (v->count == 0) return ERR_OK;
  w->journal = ARENA_ARRAY(arena, struct live_entry, v->count);
  if (!w->journal) return arena_error(arena);
  for (size_t i = 0; i < v->count; i++)
    if (parse_entry(v->items[i].s, w->turn, &w->journal[w->journal_count])) w->journal_count++;
  return ERR_OK;
}

static enum err fill_events(const struct redis_value *v, struct arena *arena, struct live_world *w) {
  w->event_count = v->count / 2;
  if (w->event_count == 0) return ERR_OK;
  w->events = ARENA_ARRAY(arena, struct live_entry, w->event_count);
  if (!w->events) return arena_error(arena);
  for (size_t i = 0; i < w->event_count; i++)
    w->events[i] =
        (struct live_entry){.at_ms = redis_number(&v->items[2 * i + 1], 0), .bytes = v->items[2 * i].s};
  return ERR_OK;
}

static struct str text_of(const struct redis_value *v) { return v->type == REDIS_TEXT ? v->s : STR(""); }

static void fill_meta(const struct live_redis *l, const struct redis_value *meta, struct live_world *w) {
  const struct redis_value *m = meta->items;
  w->is_there = true;
  w->version = redis_number(&m[0], 0), w->saved_version = redis_number(&m[1], 0);
  w->turn = redis_number(&m[2], 0), w->ticks = redis_number(&m[3], 0);
  w->active_ms = live_kept_instant(redis_number(&m[4], 0));
  w->dirty_ms = live_kept_instant(redis_number(&m[5], 0));
  w->bytes = l->is_measured ? redis_number(&m[6], 0) : -1;
}

/* lives: today's, and what has been counted for us. */
static bool is_checked(const struct redis_call *c, const struct redis_value *its_life,
                       const struct redis_value *lives) {
  return lives->count == 2 && str_eq(text_of(its_life), text_of(&lives->items[0])) &&
         redis_number(&lives->items[1], 0) >= c->seen;
}

/* Takes a world's answers; lives: of its group, NULL when nobody asked. */
static enum err fill_world(const struct redis_call *c, const struct live_question *q,
                           const struct redis_value *meta, const struct redis_value *lives,
                           struct live_world *w) {
  const struct redis_value *answers[PART_READS] = {}, *next = meta + 1;
  for (size_t i = 0; i < PART_READS; i++)
    if (q->parts & part_reads[i].part) answers[i] = next++;
  if (meta->count != META_FIELDS || meta->items[0].type == REDIS_NIL) return ERR_OK; /* not there */
  fill_meta(c->l, meta, w);
  if (lives) w->is_checked = is_checked(c, &meta->items[7], lives);
  if (answers[0]) TRY(fill_fields(answers[0], q->arena, &w->core, &w->core_count));
  if (answers[1]) TRY(fill_fields(answers[1], q->arena, &w->session, &w->session_count));
  if (answers[2]) TRY(fill_journal(answers[2], q->arena, w));
  if (answers[3]) TRY(fill_events(answers[3], q->arena, w));
  if (answers[4]) TRY(fill_guard(answers[4], q->arena, w));
  if (answers[5]) w->history_count = (size_t)redis_number(answers[5], 0);
  return ERR_OK;
}

/* What ends the transaction of a group: which life this is and what it has counted for us, where that is asked for; and
 * what is read with its journal may go into the database, so it is counted. */
static size_t ask_tail(struct redis_call *c, unsigned parts) {
  struct redis_batch *b = &c->batch;
  if (parts & LIVE_CORE) {
    redis_begin(b), redis_text(b, "MGET");
    redis_text(b, c->l->transport->life_key), redis_text(b, c->l->seen_key);
  }
  if (parts & LIVE_JOURNAL) redis_begin(b), redis_text(b, "INCR"), redis_text(b, c->l->seen_key);
  return (size_t)((parts & LIVE_CORE) != 0) + ((parts & LIVE_JOURNAL) != 0);
}

static size_t group_of(const struct live_question *q, size_t first) {
  return q->count - first < REDIS_PER_SCRIPT ? q->count - first : REDIS_PER_SCRIPT;
}

static void ask_worlds(struct redis_call *c, const struct live_question *q) {
  for (size_t first = 0; first < q->count; first += REDIS_PER_SCRIPT) {
    for (size_t i = 0; i < group_of(q, first); i++) ask_world(c, q->ids[first + i], q->parts);
    size_t tail = ask_tail(c, q->parts);
    c->batch.group = REDIS_PER_SCRIPT * answers_of_world(q->parts) + tail; /* the last one has fewer worlds */
  }
}

static enum err fill_worlds(const struct redis_call *c, const struct live_question *q,
                            struct live_world *ret) {
  size_t per_world = answers_of_world(q->parts);
  const struct redis_value *at = c->answers;
  for (size_t first = 0; first < q->count; first += REDIS_PER_SCRIPT) {
    size_t n = group_of(q, first);
    const struct redis_value *tail = at + n * per_world, *lives = q->parts & LIVE_CORE ? tail++ : NULL;
    for (size_t i = 0; i < n; i++, at += per_world) TRY(fill_world(c, q, at, lives, &ret[first + i]));
    if (q->parts & LIVE_JOURNAL) redis_call_seen(c, tail++);
    at = tail;
  }
  ASSERT(at == c->answers + c->batch.count);
  return ERR_OK;
}

/* A full server refuses transactions, whatever is in them, but not scripts: one for each group does the same. */
static enum err run_by_scripts(struct redis_call *c, struct arena *texts, struct err_detail *detail) {
  const struct redis_batch asked = c->batch;
  struct redis_value *answers = ARENA_ARRAY(&c->arena, struct redis_value, asked.count);
  c->batch = (struct redis_batch){.arena = &c->arena, .is_repeatable = true, .is_text = asked.is_text};
  for (size_t from = 0; from < asked.count; from += asked.group) {
    redis_call_script(c, SCRIPT_GROUP);
    for (size_t i = from; i < asked.count && i < from + asked.group; i++) {
      redis_int(&c->batch, (int64_t)asked.commands[i].count);
      for (size_t k = 0; k < asked.commands[i].count; k++)
        redis_arg(&c->batch, asked.args[asked.commands[i].first + k]);
    }
  }
  if (!answers) return arena_error(&c->arena);
  TRY(redis_call_run(c, texts, detail));
  TRY(redis_call_errors(c, detail));
  for (size_t i = 0; i < asked.count; i++) {
    const struct redis_value *group = &c->answers[i / asked.group];
    if (i % asked.group >= group->count)
      return err_set(detail, ERR_IO, "live", 0, "%s: a short answer", c->l->transport->where);
    answers[i] = group->items[i % asked.group];
  }
  c->batch = asked;
  c->answers = answers;
  return ERR_OK;
}

static enum err redis_read(struct live *live, const struct live_question *q, struct live_world *ret,
                           struct err_detail *detail) {
  REDIS_CALL_AUTO struct redis_call c = {};
  TRY(redis_call_init(&c, (struct live_redis *)live, true));
  ask_worlds(&c, q);
  enum err e = redis_call_run(&c, q->arena, detail);
  if (e == ERR_STORE_FULL) e = run_by_scripts(&c, q->arena, detail);
  TRY(e);
  TRY(redis_call_errors(&c, detail));
  return fill_worlds(&c, q, ret);
}

/* ---- lists and figures ---- */

static const char *const index_names[] =
    {[LIVE_DIRTY] = "dirty", [LIVE_ACTIVE] = "active", [LIVE_EVENT_AGE] = "events"};

/* Scores are whole milliseconds unless an application writes others: then rounded up, so that a page never begins
 * before its own last. */
static int64_t score_of(const struct redis_value *v) {
  int64_t n = redis_number(v, INT64_MIN);
  if (n != INT64_MIN || v->type != REDIS_TEXT) return n;
  double score = strtod(v->s.ptr, NULL);
  return score > -9e15 && score < 9e15 ? (int64_t)score + (score > 0 ? 1 : 0) : INT64_MAX;
}

static void fill_page(const struct redis_value *found, struct live_page *page) {
  for (size_t i = 0; i + 1 < found->count; i += 2) {
    int64_t score = score_of(&found->items[i + 1]);
    if (score > page->until_score) return;
    if (page->count == page->limit) {
      page->has_more = true;
      return;
    }
    page->ids[page->count] = found->items[i].s;
    page->scores[page->count++] = score;
  }
}

static enum err redis_list(struct live *live, enum live_index index, struct live_page *page,
                           struct arena *arena, struct err_detail *detail) {
  REDIS_CALL_AUTO struct redis_call c = {};
  TRY(redis_call_init(&c, (struct live_redis *)live, true));
  redis_call_script(&c, SCRIPT_LIST);
  redis_text(&c.batch, index_names[index]);
  if (page->after_score == INSTANT_NONE) redis_text(&c.batch, "");
  else redis_int(&c.batch, page->after_score);
  redis_arg(&c.batch, page->after_id);
  redis_int(&c.batch, (int64_t)page->limit + 1);
  TRY(redis_call_run(&c, arena, detail));
  TRY(redis_call_errors(&c, detail));
  fill_page(&c.answers[0], page);
  return ERR_OK;
}

static enum err redis_ping(struct live *live, struct err_detail *detail) {
  REDIS_CALL_AUTO struct redis_call c = {};
  TRY(redis_call_init(&c, (struct live_redis *)live, true));
  redis_begin(&c.batch), redis_text(&c.batch, "PING");
  TRY(redis_call_run(&c, NULL, detail));
  return redis_call_errors(&c, detail);
}

static int64_t info_number(struct str info, const char *name) {
  size_t at = str_find(info, str_of(name));
  struct str rest = at == SIZE_MAX ? STR("") : str_from(info, at + strlen(name)), number;
  int64_t n;
  return str_split(&rest, '\r', &number) && str_to_int(number, 0, INT64_MAX, &n) ? n : 0;
}

/* What is wrong with its memory; NULL: nothing. */
static const char *memory_of(const struct redis_value *info) {
  if (!info || info->type != REDIS_TEXT) return NULL;
  int64_t most = info_number(info->s, "\nmaxmemory:");
  if (most > 0 && info_number(info->s, "\nused_memory:") >= most)
    return "Redis is full (maxmemory): it takes no writes until sync and cleanup have made room, or it has "
           "more.";
  if (most > 0 && str_find(info->s, STR("maxmemory_policy:noeviction")) == SIZE_MAX)
    return "Redis may evict worlds that are in use, and loses them: set maxmemory-policy noeviction.";
  return NULL;
}

static const char *durability_of(const struct live_redis *l, const struct redis_value *info) {
  if (l->transport->is_text)
    return "Upstash keeps what it has acknowledged as its plan says; a crash of Sereno costs nothing.";
  if (info->type != REDIS_TEXT) return "Unknown: Redis does not tell whether it keeps a log.";
  if (str_find(info->s, STR("aof_enabled:1")) != SIZE_MAX)
    return "Redis keeps a log: its crash or a power cut costs what its appendfsync allows (everysec: about a "
           "second).";
  return "Redis keeps snapshots only: its crash costs what came since the last one and was not yet in the "
         "database, "
         "at most one interval of the sync job.";
}

static void ask_count(struct redis_call *c, const char *index) {
  redis_begin(&c->batch), redis_text(&c->batch, "ZCARD");
  redis_key(&c->batch, c->l->global, STR_NONE, index);
}

static enum err redis_status(struct live *live, struct live_status *ret, struct err_detail *detail) {
  REDIS_CALL_AUTO struct redis_call c = {};
  struct live_redis *l = (struct live_redis *)live;
  TRY(redis_call_init(&c, l, true));
  ask_count(&c, "active"), ask_count(&c, "dirty"), ask_count(&c, "locks");
  redis_begin(&c.batch), redis_text(&c.batch, "GET"), redis_key(&c.batch, l->global, STR_NONE, "bytes");
  redis_begin(&c.batch), redis_text(&c.batch, "ZRANGE"), redis_key(&c.batch, l->global, STR_NONE, "dirty");
  redis_text(&c.batch, "0"), redis_text(&c.batch, "0"), redis_text(&c.batch, "WITHSCORES");
  if (!l->transport->is_text) {
    redis_begin(&c.batch), redis_text(&c.batch, "INFO"), redis_text(&c.batch, "persistence");
    redis_begin(&c.batch), redis_text(&c.batch, "INFO"), redis_text(&c.batch, "memory");
  }
  TRY(redis_call_run(&c, NULL, detail));
  for (int i = 0; i < 5; i++)
    if (c.answers[i].type == REDIS_ERROR) return redis_error(l->transport, c.answers[i].s, detail);
  ret->is_measured = l->is_measured;
  ret->worlds = redis_number(&c.answers[0], 0);
  ret->dirty_worlds = redis_number(&c.answers[1], 0);
  ret->locks = redis_number(&c.answers[2], 0);
  ret->used_bytes = l->is_measured ? redis_number(&c.answers[3], 0) : -1;
  ret->oldest_dirty_ms = c.answers[4].count == 2 ? score_of(&c.answers[4].items[1]) : INSTANT_NONE;
  snprintf(ret->server, sizeof ret->server, "%s", l->transport->server);
  const char *memory = memory_of(c.batch.count > 6 ? &c.answers[6] : NULL);
  snprintf(ret->durability, sizeof ret->durability, "%s",
           memory ? memory : durability_of(l, c.batch.count > 5 ? &c.answers[5] : NULL));
  return ERR_OK;
}

/* ---- opening ---- */

static void redis_close(struct live *live) {
  struct live_redis *l = (struct live_redis *)live;
  if (l->transport) l->transport->ops->close(l->transport);
  redis_scripts_free(&l->scripts);
  redis_seen_unref(l->seen);
  free(l->url);
  free(l->extra_text);
  free(l);
}

static const struct live_ops redis_ops = {
    .close = redis_close,
    .ping = redis_ping,
    .read = redis_read,
    .load = live_redis_load,
    .write = live_redis_write,
    .saved = live_redis_saved,
    .clear = live_redis_clear,
    .lock = live_redis_lock,
    .renew = live_redis_renew,
    .unlock = live_redis_unlock,
    .drop_orphans = live_redis_drop_orphans,
    .list = redis_list,
    .expire_events = live_redis_expire_events,
    .status = redis_status,
};

static enum err set_names(struct live_redis *l, const struct live_config *config, struct err_detail *detail) {
  const char *prefix = config->prefix ? config->prefix : "world:",
             *global = config->global ? config->global : "worlds:";
  if (!str_copy(l->prefix, sizeof l->prefix, str_of(prefix)) ||
      !str_copy(l->global, sizeof l->global, str_of(global)) || !*prefix || !*global ||
      !str_is_utf8(str_of(prefix)) || !str_is_utf8(str_of(global)))
    return err_set(detail, ERR_INVALID, "live.prefix", 0, "a prefix of keys is text of 1 to %d bytes",
                   REDIS_PREFIX_BYTES_MAX - 1);
  if (!str_copy(l->owner, sizeof l->owner, str_of(config->owner ? config->owner : "sereno:0")))
    return err_set(detail, ERR_INVALID, "owner", 0, "the owner of locks is too long");
  return ERR_OK;
}

static enum err set_extras(struct live_redis *l, const char *extra_keys, struct err_detail *detail) {
  if (!extra_keys || !*extra_keys) return ERR_OK;
  l->extra_text = str_dup(str_of(extra_keys));
  if (!l->extra_text) return ERR_NO_MEMORY;
  struct str rest = str_of(l->extra_text), piece;
  while (str_split(&rest, ',', &piece)) {
    piece = str_trim(piece);
    if (piece.len && piece.ptr[0] == ':') piece = str_from(piece, 1);
    if (piece.len == 0) continue;
    if (l->extra_count == REDIS_EXTRA_KEYS_MAX)
      return err_set(detail, ERR_LIMIT, "live.extra_keys", 0, "at most %d keys", REDIS_EXTRA_KEYS_MAX);
    l->extras[l->extra_count++] = piece;
  }
  return ERR_OK;
}

typedef enum err transport_open(const struct live_config *, struct redis_transport **, struct err_detail *);

static enum err open_over(const struct live_config *config, transport_open *open_transport, struct live **ret,
                          struct err_detail *detail) {
  struct live_redis *l = calloc(1, sizeof *l);
  if (!l) return ERR_NO_MEMORY;
  l->live = (struct live){.ops = &redis_ops, .mode = config->mode};
  l->is_measured = config->mode == LIVE_REDIS;
  enum err e = set_names(l, config, detail);
  if (e == ERR_OK) e = set_extras(l, config->extra_keys, detail);
  if (e == ERR_OK) e = open_transport(config, &l->transport, detail);
  if (e == ERR_OK) e = (l->url = str_dup(str_of(config->url ? config->url : ""))) ? ERR_OK : ERR_NO_MEMORY;
  if (e == ERR_OK && l->transport->is_text)
    snprintf(l->transport->run, sizeof l->transport->run, "%s", l->owner);
  if (e == ERR_OK) snprintf(l->transport->life_key, sizeof l->transport->life_key, "%s" LIFE_KEY, l->global);
  if (e == ERR_OK) e = redis_scripts_new(l->transport->raw, &l->scripts);
  if (e == ERR_OK) *ret = &l->live;
  else redis_close(&l->live);
  return e;
}

enum err live_redis_open(const struct live_config *config, struct live **ret, struct err_detail *detail) {
  return open_over(config, redis_hiredis_open, ret, detail);
}

enum err live_upstash_open(const struct live_config *config, struct live **ret, struct err_detail *detail) {
  return open_over(config, redis_upstash_open, ret, detail);
}
