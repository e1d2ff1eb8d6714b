/* POST /api/cron/jobs/preview and …/:job/preview: what saving this would do, without saving it. The schedule is compiled
 * and the delays are computed by the code that will use them, so preview and firing cannot disagree. */
#include "api/api_jobs.h"
#include "api/job_edit.h"
#include "api/render.h"
#include "model/policy.h"
#include "time/backoff.h"

#define PREVIEW_DAYS 14
#define PREVIEW_INSTANTS_MAX 20000 /* looked at, of both schedules together */
#define PREVIEW_LISTED_MAX 50      /* told of each kind; counts tell of the rest */
#define PREVIEW_RETRIES_MAX 20

SHAPE_OF(retry_preview, "RetryPreview", 0, OUT("attempt", INT, 0, "2 is the first retry"),
         OUT("leastMs", INT, 0, "its delay with the most jitter"),
         OUT("mostMs", INT, 0, "its delay without jitter"));
static const struct shape_part job_preview_parts[] = {{"before", NULL, PART_NULLABLE},
                                                      {"after", NULL, PART_NULLABLE},
                                                      {"gained", NULL, PART_INSTANTS},
                                                      {"lost", NULL, PART_INSTANTS},
                                                      {"retries", &retry_preview_shape, PART_LIST}};
SHAPE_PARTS(job_preview, "JobPreview", NULL, job_preview_parts,
            OUT("id", TEXT, 0, "whose H and ~ these are; a new job has them if it is created with this id"),
            OUT("until", INSTANT, 0,
                "runs up to here were compared: 14 days, fewer when there are very many"),
            OUT("gainedCount", INT, 0, "runs that the edit adds; for a new job all of them"),
            OUT("lostCount", INT, 0, "runs that the edit takes away"),
            OUT("sameCount", INT, 0, "runs that stay"), OUT("retriesTotalMs", INT, 0, "all delays together"),
            OUT("hasMoreRetries", BOOL, 0, "there are more than are listed"));

struct firings {
  int64_t until_ms, gained_count, lost_count, same_count;
  int64_t gained_ms[PREVIEW_LISTED_MAX], lost_ms[PREVIEW_LISTED_MAX];
};

static void note(int64_t listed[PREVIEW_LISTED_MAX], int64_t *count, int64_t at_ms) {
  if (*count < PREVIEW_LISTED_MAX) listed[*count] = at_ms;
  ++*count;
}

static int64_t next_of(struct schedule *s, int64_t after_ms) {
  return s ? schedule_next(s, after_ms) : INSTANT_NEVER;
}

/* Both schedules side by side, instant by instant. NULL fires never. */
static void compare(struct schedule *old, struct schedule *new, int64_t from_ms, struct firings *ret) {
  int64_t end_ms = from_ms + PREVIEW_DAYS * INT64_C(86400000);
  int64_t before = next_of(old, from_ms), after = next_of(new, from_ms);
  *ret = (struct firings){.until_ms = from_ms};
  for (int i = 0; i < PREVIEW_INSTANTS_MAX; i++) {
    int64_t at_ms = before < after ? before : after;
    if (at_ms > end_ms) {
      ret->until_ms = end_ms;
      return;
    }
    if (before == after) ret->same_count++;
    else if (at_ms == after) note(ret->gained_ms, &ret->gained_count, at_ms);
    else note(ret->lost_ms, &ret->lost_count, at_ms);
    if (before == at_ms) before = next_of(old, at_ms);
    if (after == at_ms) after = next_of(new, at_ms);
    ret->until_ms = at_ms;
  }
}

static void write_instants(struct json_writer *w, const char *key, const int64_t *at_ms, int64_t count) {
  jw_key(w, key);
  jw_array(w);
  for (int64_t i = 0; i < count && i < PREVIEW_LISTED_MAX; i++) jw_instant(w, at_ms[i]);
  jw_array_end(w);
}

static void write_retries(struct json_writer *w, const struct policy *p) {
  struct backoff b = {p->backoff, p->retry_delay_ms, p->retry_max_delay_ms, 0};
  int64_t total_ms = 0;
  jw_key(w, "retries");
  jw_array(w);
  for (int64_t n = 1; n <= p->retries && n <= PREVIEW_RETRIES_MAX; n++) {
    int64_t most_ms = backoff_delay_ms(&b, n, 0);
    total_ms += most_ms;
    jw_object(w);
    jw_kint(w, "attempt", n + 1);
    jw_kint(w, "leastMs", most_ms - most_ms / 100 * p->retry_jitter_pct);
    jw_kint(w, "mostMs", most_ms);
    jw_object_end(w);
  }
  jw_array_end(w);
  jw_kint(w, "retriesTotalMs", total_ms);
  jw_kbool(w, "hasMoreRetries", p->retries > PREVIEW_RETRIES_MAX);
}

static void write_diff(struct call *c, const struct job *old, const struct job *draft) {
  const char *before = NULL, *after = NULL;
  if (old) render_job_diff(old, draft, &RENDER(c), &before, &after);
  jw_key(&c->w, "before");
  if (before) jw_raw(&c->w, str_of(before));
  else jw_null(&c->w);
  jw_key(&c->w, "after");
  if (after) jw_raw(&c->w, str_of(after));
  else jw_null(&c->w);
}

static void answer(struct call *c, const struct job *old, const struct job *draft, const struct firings *f) {
  struct json_writer *w = call_begin(c);
  struct policy policy = policy_resolve(draft, engine_settings(c->api->engine));
  jw_object(w);
  jw_ktext(w, "id", draft->id);
  write_diff(c, old, draft);
  jw_kinstant(w, "until", f->until_ms);
  jw_kint(w, "gainedCount", f->gained_count);
  jw_kint(w, "lostCount", f->lost_count);
  jw_kint(w, "sameCount", f->same_count);
  write_instants(w, "gained", f->gained_ms, f->gained_count);
  write_instants(w, "lost", f->lost_ms, f->lost_count);
  write_retries(w, &policy);
  jw_object_end(w);
  call_end(c, 200);
}

/* A job that is switched off fires never. */
static enum err compile(struct call *c, const struct job *job, struct schedule **ret) {
  if (!job || job->is_active != 1) return ERR_OK;
  struct schedule_options options = job_schedule_options(job, engine_settings(c->api->engine)->timezone);
  if (options.anchor_ms == FIELD_NULL) options.anchor_ms = call_now_ms(c);
  return schedule_compile(engine_tzdb(c->api->engine), str_of(job->schedule), &options, ret, &c->detail);
}

static void preview(struct call *c, const struct job *old, const struct job *draft) {
  struct firings *f = ARENA_NEW(&c->req->arena, struct firings);
  struct schedule *before = NULL, *after = NULL;
  enum err e = f ? job_check(c, old, draft) : ERR_NO_MEMORY;
  if (e == ERR_OK) e = compile(c, old, &before);
  if (e == ERR_OK) e = compile(c, draft, &after);
  if (e == ERR_OK) compare(before, after, call_now_ms(c), f);
  schedule_free(before);
  schedule_free(after);
  if (e == ERR_OK) answer(c, old, draft, f);
  else call_fail(c, e);
}

void job_preview_new(struct call *c) {
  struct job draft;
  enum err e = job_draft_new(c, &draft);
  if (e == ERR_OK && !draft.id && !(draft.id = job_propose_id(c))) e = ERR_NO_MEMORY;
  if (e == ERR_OK) draft.seed = (int64_t)schedule_seed(str_of(draft.id));
  if (e == ERR_OK) preview(c, NULL, &draft);
  else call_fail(c, e);
}

void job_preview(struct call *c) {
  struct job *draft = NULL;
  enum err e = job_draft_edit(c, c->job, &draft);
  if (e == ERR_OK) preview(c, c->job, draft);
  else call_fail(c, e);
  job_unref(draft);
}
