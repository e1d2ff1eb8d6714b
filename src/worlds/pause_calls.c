/* The run of the ladder, a page a call:
 * auto_pause.page {cursor?, dryRun?, limit?, notices?, settings?} → {worldsEvaluated (first page), pausedBy24h,
 *   pausedBy7d, pausedBy30d, newlyPaused, escalatedTo7d, escalatedTo30d, skippedFavorites, skippedWithEvents,
 *   skippedMembers, released, mailsQueued, busy, failed, failedWorldIds, freedBytes, measured, estimatedSavings parts,
 *   notices, affected (dry run), next: the cursor of the next page or null} */
#include "worlds/calls.h"
#include "worlds/mail.h"
#include "worlds/pause_page.h"
#include "worlds/sql.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define FIRST_INSTANT (INT64_C(-62135596800000)) /* 0001-01-01: before any instant both databases know */
#define BATCH_BYTES ((int64_t)16 * 1024 * 1024)  /* of live state held at a time */
#define AFFECTED_MAX 1000
#define PAGE_DEFAULT 250 /* a batch holds the database for some 25 ms: requests wait no longer than that */

/* The queries of a run, one after the other; each reads only what may be due, by an index. */
enum pause_class {
  CLASS_RUNNING,
  CLASS_PAUSED,
  CLASS_SYSTEM,
  CLASS_ARCHIVED,
  CLASS_MARKED,
  CLASS_STRAY,
  CLASS_COUNT
};

struct pause_cursor {
  int64_t class, at_ms;
  struct str id;
};

/* ---- reading a page ---- */

static int64_t earlier_day(int64_t step_days, int64_t mail_day) {
  return mail_day > 0 && mail_day < step_days ? mail_day : step_days;
}

static enum err read_paused(struct pause_pass *p, const struct pause_cursor *at, struct world_cases *cases,
                            const char *reason, int warning) {
  const struct world_settings *s = &p->settings;
  int64_t now = p->q->now_ms, step = warning == 1 ? s->archive_after_days : s->mark_after_days;
  int64_t mail_day = warning == 1 ? s->mail_archive_day : s->mail_mark_day;
  return world_cases_read(
      p->lane, SQL_CASES_PAUSED,
      SQL_ARGS(SQL_VALUE_INSTANT(now), SQL_VALUE_INSTANT(now - earlier_day(step, mail_day) * DAY_MS),
               SQL_VALUE_INSTANT(at->at_ms), SQL_VALUE_STR(at->id), SQL_VALUE_INT((int64_t)cases->max),
               SQL_VALUE_TEXT(reason), SQL_VALUE_INSTANT(now - step * DAY_MS), SQL_VALUE_INT(warning)),
      cases);
}

static enum err read_class(struct pause_pass *p, const struct pause_cursor *at, struct world_cases *cases) {
  const struct world_settings *s = &p->settings;
  int64_t now = p->q->now_ms, idle = CLASS_RUNNING == at->class ? s->pause_after_hours * HOUR_MS : 0;
  int64_t last_lead = (s->delete_after_days - s->mail_deletion_day) * DAY_MS;
  size_t statement = at->class == CLASS_RUNNING  ? SQL_CASES_RUNNING
                     : at->class == CLASS_MARKED ? SQL_CASES_MARKED
                                                 : SQL_CASES_STRAY;
  const struct sql_value args[] = {SQL_VALUE_INSTANT(now),
                                   SQL_VALUE_INSTANT(now - idle),
                                   SQL_VALUE_INSTANT(at->at_ms),
                                   SQL_VALUE_STR(at->id),
                                   SQL_VALUE_INT((int64_t)cases->max),
                                   SQL_VALUE_INSTANT(now - s->mark_after_days * DAY_MS),
                                   SQL_VALUE_INSTANT(now + last_lead)};
  switch ((enum pause_class)at->class) {
    case CLASS_PAUSED: return read_paused(p, at, cases, pause_reason_names[PAUSE_INACTIVITY_24H], 1);
    case CLASS_SYSTEM: return read_paused(p, at, cases, pause_reason_names[PAUSE_SYSTEM], 1);
    case CLASS_ARCHIVED: return read_paused(p, at, cases, pause_reason_names[PAUSE_INACTIVITY_7D], 2);
    case CLASS_RUNNING:
    case CLASS_MARKED:
    case CLASS_STRAY:
    case CLASS_COUNT: break;
  }
  return world_cases_read(p->lane, statement, args, at->class == CLASS_MARKED ? 7 : 5, cases);
}

/* The first page with anything on it; moves *at behind it. */
static enum err read_page(struct pause_pass *p, struct pause_cursor *at, struct world_cases *cases) {
  for (; at->class < CLASS_COUNT; *at = (struct pause_cursor){at->class + 1, FIRST_INSTANT, STR("")}) {
    TRY(read_class(p, at, cases));
    if (cases->count == 0) continue;
    const struct world_row *last = &cases->list[cases->count - 1].row;
    if (cases->count == cases->max)
      *at = (struct pause_cursor){at->class, last->last_active_ms, str_of(last->id)};
    else *at = (struct pause_cursor){at->class + 1, FIRST_INSTANT, STR("")};
    return ERR_OK;
  }
  return ERR_OK;
}

/* ---- judging ---- */

static const char *action_of(const struct world_verdict *v) {
  static const char *const actions[] = {NULL, "paused", "archived", "marked"};
  return actions[world_rung(v->reason)];
}

struct pause_plan pause_plan_of(const struct pause_pass *p, struct world_case *c) {
  const struct world_settings *s = &p->settings;
  int64_t now = p->q->now_ms;
  struct pause_plan plan = {.verdict = world_judge(s, &c->facts, now), .mail_deletion_ms = INSTANT_NONE};
  const struct world_verdict *v = &plan.verdict;
  if (v->takes_back) {
    world_apply_take_back(&c->row);
    plan.action = "mark_taken_back";
    return plan;
  }
  if (v->is_protected) return plan;
  if (v->enters) {
    plan.is_new = !c->row.is_paused;
    plan.action = action_of(v);
    world_apply_step(s, &c->row, v, now);
  }
  plan.mail = world_mail_due(s, &c->row, v->idle_since_ms, now);
  if (plan.mail) {
    c->row.warned = plan.mail;
    c->row.warned_ms = now;
    if (!plan.action) plan.action = "warned";
  } else if (plan.is_new && s->mail_on_pause) {
    plan.mail = MAIL_PAUSED;
  }
  plan.mail_deletion_ms = c->row.scheduled_deletion_ms != INSTANT_NONE
                              ? c->row.scheduled_deletion_ms
                              : world_deletion_ms(s, v->idle_since_ms, v->idle_since_ms);
  return plan;
}

void pause_count(struct pause_pass *p, const struct world_row *row, const struct pause_plan *plan) {
  struct pause_tally *t = &p->tally;
  t->mails += plan->mail != 0;
  t->released += plan->verdict.takes_back;
  if (p->is_dry && plan->action && json_array_size(p->affected) < AFFECTED_MAX)
    json_array_append_new(p->affected, json_pack("{s:s, s:s?, s:s}", "worldId", row->id, "worldName",
                                                 row->name, "action", plan->action));
  if (!plan->verdict.enters || plan->verdict.takes_back) return;
  int rung = world_rung(plan->verdict.reason);
  t->by_24h += rung == 1;
  t->by_7d += rung == 2;
  t->by_30d += rung == 3;
  t->newly += plan->is_new;
  t->escalated_7d += !plan->is_new && rung == 2;
  t->escalated_30d += !plan->is_new && rung == 3;
}

/* Only those that would have been paused (B-43): idle, but for their members' activity. */
static void count_excepted(struct pause_pass *p, const struct world_row *row, const struct world_verdict *v) {
  if (row->is_paused || !v->is_protected) return;
  if (v->reason == FIELD_NULL && v->why != WORLD_WHY_MEMBER_ACTIVE) return;
  p->tally.favorites += v->why == WORLD_WHY_FAVORITE;
  p->tally.with_events += v->why == WORLD_WHY_FUTURE_EVENT;
  p->tally.members += v->why == WORLD_WHY_MEMBER_ACTIVE;
}

/* Moves the cases that something is to be done to to the front; returns how many. */
static size_t keep_acting(struct pause_pass *p, struct world_cases *cases, bool counts_excepted) {
  size_t kept = 0;
  for (size_t i = 0; i < cases->count; i++) {
    struct world_case c = cases->list[i];
    c.facts.row = &c.row;
    struct world_case planned = c;
    planned.facts.row = &planned.row;
    struct pause_plan plan = pause_plan_of(p, &planned);
    if (counts_excepted) count_excepted(p, &c.row, &plan.verdict);
    if (!plan.action) continue;
    cases->list[kept] = c;
    cases->list[kept].facts.row = &cases->list[kept].row;
    kept++;
  }
  return kept;
}

static int64_t live_bytes_of(const struct pause_pass *p, const struct live_world *w) {
  if (!w->is_there) return 0;
  return w->bytes >= 0 ? w->bytes : p->settings.redis_mb * 1024 * 1024;
}

/* Batches that hold a bounded amount of live state each. */
static enum err act(struct pause_pass *p, struct world_cases *cases, const struct live_world *seen) {
  struct str *ids = ARENA_ARRAY(cases->arena, struct str, cases->count + 1);
  if (!ids) return ERR_NO_MEMORY;
  size_t count = 0;
  int64_t bytes = 0;
  for (size_t i = 0; i < cases->count; i++) {
    int64_t more = live_bytes_of(p, &seen[i]);
    if (count && bytes + more > BATCH_BYTES) {
      TRY(pause_batch(p, ids, count));
      count = 0;
      bytes = 0;
    }
    ids[count++] = str_of(cases->list[i].row.id);
    bytes += more;
  }
  return count ? pause_batch(p, ids, count) : ERR_OK;
}

static enum err carry_out(struct pause_pass *p, struct world_cases *cases) {
  cases->count = keep_acting(p, cases, true);
  struct live_world *seen = ARENA_ARRAY(cases->arena, struct live_world, cases->count + 1);
  if (!seen) return ERR_NO_MEMORY;
  TRY(world_cases_live(p->lane, cases->list, cases->count, cases->arena, seen));
  if (!p->is_dry) return act(p, cases, seen);
  for (size_t i = 0; i < cases->count; i++) {
    struct pause_plan plan = pause_plan_of(p, &cases->list[i]);
    if (plan.action) pause_count(p, &cases->list[i].row, &plan);
  }
  return ERR_OK;
}

/* ---- the call ---- */

static bool read_count(void *arg, const struct sql_row *row) {
  *(int64_t *)arg = sql_row_int(row, 0);
  return false;
}

static enum err read_cursor(const json_t *args, struct pause_cursor *ret, struct err_detail *detail) {
  const json_t *cursor = json_object_get(args, "cursor");
  *ret = (struct pause_cursor){CLASS_RUNNING, FIRST_INSTANT, STR("")};
  if (!cursor || json_is_null(cursor)) return ERR_OK;
  struct str id = json_text_at(cursor, "id");
  *ret =
      (struct pause_cursor){json_int_at(cursor, "class", -1), json_int_at(cursor, "at", FIRST_INSTANT), id};
  if (ret->class < 0 || ret->class >= CLASS_COUNT || !id.ptr)
    return err_set(detail, ERR_INVALID, "cursor", 0, "is none that was given out");
  return ERR_OK;
}

enum err world_settings_with(struct lane *l, const struct world_request *q, struct world_settings *ret) {
  *ret = worlds_settings(l, q->now_ms);
  const json_t *own = json_object_get(q->args, "settings");
  if (!own || json_is_null(own)) return ERR_OK;
  TRY(fields_from_json(world_settings_fields, world_settings_field_count, own, FIELD_PATCH, ret, &l->arena,
                       l->detail));
  return world_settings_validate(ret, l->detail);
}

static json_t *answer(const struct pause_pass *p, const struct pause_cursor *next, int64_t evaluated) {
  const struct pause_tally *t = &p->tally;
  const struct world_settings *s = &p->settings;
  const struct {
    const char *name;
    int64_t value;
  } figures[] = {
      {"worldsEvaluated", evaluated},
      {"pausedBy24h", t->by_24h},
      {"pausedBy7d", t->by_7d},
      {"pausedBy30d", t->by_30d},
      {"newlyPaused", t->newly},
      {"escalatedTo7d", t->escalated_7d},
      {"escalatedTo30d", t->escalated_30d},
      {"skippedFavorites", t->favorites},
      {"skippedWithEvents", t->with_events},
      {"skippedMembers", t->members},
      {"released", t->released},
      {"mailsQueued", t->mails},
      {"busy", t->busy},
      {"failed", t->failed},
      {"freedBytes", t->freed_bytes},
      {"measured", t->measured},
      {"llmCalls", t->newly * (s->events_per_day + s->director_per_day)},
      {"costMicroUSD", t->newly * world_daily_micro_usd(s)},
      {"modelMB", t->newly * s->redis_mb},
      {"notices", p->notices_left},
  };
  json_t *body = json_object();
  for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
    json_object_set_new(body, figures[i].name, json_integer(figures[i].value));
  json_object_set(body, "failedWorldIds", p->failed_ids);
  if (p->is_dry) json_object_set(body, "affected", p->affected);
  json_object_set_new(body, "next",
                      next->class >= CLASS_COUNT
                          ? json_null()
                          : json_pack("{s:I, s:I, s:s%}", "class", (json_int_t)next->class, "at",
                                      (json_int_t)next->at_ms, "id", next->id.ptr, next->id.len));
  return body;
}

enum err world_call_auto_pause_page(struct lane *l, const struct world_request *q, struct world_reply *r) {
  struct pause_pass p = {.lane = l,
                         .q = q,
                         .is_dry = json_bool_at(q->args, "dryRun", false),
                         .notices_left = json_int_at(q->args, "notices", 0),
                         .detail = &r->detail};
  struct pause_cursor at;
  struct world_cases cases;
  int64_t evaluated = 0, limit = json_int_at(q->args, "limit", PAGE_DEFAULT);
  if (limit < 1 || limit > LIVE_BATCH_MAX)
    return err_set(&r->detail, ERR_INVALID, "limit", 0, "has to be 1 to %d", LIVE_BATCH_MAX);
  TRY(world_settings_with(l, q, &p.settings));
  TRY(read_cursor(q->args, &at, &r->detail));
  if (at.class == CLASS_RUNNING && at.at_ms == FIRST_INSTANT)
    TRY(sqldb_query(l->db, SQL_WORLDS_RUNNING, SQL_NO_ARGS, read_count, &evaluated, &r->detail));
  TRY(world_cases_new(&l->arena, (size_t)limit, &cases));
  TRY(read_page(&p, &at, &cases));
  JSON_AUTO json_t *failed = p.failed_ids = json_array();
  JSON_AUTO json_t *affected = p.affected = json_array();
  TRY(carry_out(&p, &cases));
  r->body = answer(&p, &at, evaluated);
  return r->body ? ERR_OK : ERR_NO_MEMORY;
}
