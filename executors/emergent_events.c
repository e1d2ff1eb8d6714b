/* emergent-events (seed A; A-45 … A-53): evaluates worlds in story mode whose user is here, and gives those that need one
 * an event. Evaluation and choice are pure (worlds/narrative.h, director.h); which worlds, limits and writing are calls
 * of serve (worlds/events_calls.c). Every half hour is a slot, and a world is evaluated once in a slot. */
#include <string.h>

#include "base/json.h"
#include "executors/story_advice.h"
#include "executors/world_pages.h"
#include "worlds/director.h"

static const struct executor_param params[] = {
    {.name = "dryRun",
     .type = PARAM_BOOL,
     .default_json = "false",
     .help = "tells which events there would be, changes nothing",
     .help_es = "dice qué eventos habría, no cambia nada"},
    {},
};

struct story_run {
  struct child *child;
  struct text_kit *kit;
  bool is_dry, has_llm;
  int64_t evaluated, generated, applied, ended, measured;
  struct story_adviser adviser;
  json_t *rejected; /* reason → how many */
  enum err error;
  struct err_detail *detail;
};

struct world {         /* one evaluation */
  const json_t *facts; /* of events.page */
  struct str id;
  enum text_language language;
  int64_t slot_ms;
  struct story story;
  struct narrative_turn turns[NARRATIVE_WINDOW];
  size_t turn_count;
  struct director_rules rules;
  struct director_state state;
  struct director_choice choice;
  struct story_advice advice;
};

static void reject(struct story_run *r, const char *reason) {
  json_int_t n = json_integer_value(json_object_get(r->rejected, reason));
  json_object_set_new(r->rejected, reason, json_integer(n + 1));
}

static int64_t slot_of(const struct story_run *r, int64_t now_ms) {
  int64_t due_ms = child_context(r->child)->due_ms;
  int64_t at_ms = due_ms == INSTANT_NONE ? now_ms : due_ms;
  return at_ms - at_ms % DIRECTOR_SLOT_MS;
}

static void read_world(struct story_run *r, const json_t *facts, int64_t now_ms, struct world *w) {
  const json_t *director = json_object_get(facts, "director");
  w->facts = facts;
  w->id = json_text_at(facts, "id");
  w->language = text_language_of(json_text_at(facts, "locale"), TEXT_ES);
  w->slot_ms = slot_of(r, now_ms);
  story_read(json_object_get(facts, "story"), &w->story);
  director_state_from_json(json_object_get(director, "state"), &w->state);
  w->turn_count = narrative_turns_from_json(r->kit, w->language, json_object_get(facts, "window"), w->turns);
  w->rules = (struct director_rules){.world_id = w->id,
                                     .slot_ms = w->slot_ms,
                                     .now_ms = now_ms,
                                     .user_active_ms = json_int_at(facts, "userActiveAt", INSTANT_NONE),
                                     .events_per_day = json_int_at(facts, "eventsPerDay", 0),
                                     .events_today = json_int_at(facts, "eventsToday", 0),
                                     .mean_minutes = json_int_at(facts, "meanMinutes", 240)};
}

static json_t *cast_json(const struct world *w) {
  const struct director_candidate *e = &w->choice.candidates[w->choice.chosen];
  const size_t cast[] = {e->a, e->b};
  json_t *list = json_array();
  for (size_t i = 0; i < 2; i++) {
    if (cast[i] == STORY_NOBODY) continue;
    struct str name = w->story.characters[cast[i]].name;
    json_array_append_new(list, json_stringn(name.ptr, name.len));
  }
  return list;
}

/* The window by itself, as it is measured again 20 turns after the event. */
static json_t *before_json(const struct world *w) {
  struct narrative_memory fresh = {};
  struct narrative metrics;
  struct story nobody = {};
  narrative_evaluate(&nobody, w->turns, w->turn_count, w->turns[w->turn_count - 1].at_ms, &fresh, &metrics);
  return narrative_to_json(&metrics);
}

/* What happens, in the words of the template or of the language model. */
static json_t *event_json(const struct world *w, struct str template_text) {
  if (w->choice.chosen < 0) return json_null();
  struct str text = w->advice.text[0] ? str_of(w->advice.text) : template_text;
  return json_pack("{s:s, s:s%, s:o, s:o}", "type", event_type_names[w->choice.chosen], "text", text.ptr,
                   text.len, "participants", cast_json(w), "metricsBefore", before_json(w));
}

/* A hungry story is shown to the language model, if there is one and the world's day has calls left. */
static void advise(struct story_run *r, struct world *w, struct str event) {
  if (!r->has_llm || !director_is_hungry(&w->choice)) return;
  struct story_question q = {.world_id = w->id,
                             .language = w->language,
                             .window = json_object_get(w->facts, "window"),
                             .event = event};
  story_advise(&r->adviser, &q, &w->advice);
}

static json_t *metrics_json(const struct world *w) {
  json_t *o = narrative_to_json(&w->choice.metrics);
  if (w->advice.is_there)
    json_object_set_new(
        o, "llm", json_pack("{s:f, s:f}", "tension", w->advice.tension, "stagnation", w->advice.stagnation));
  return o;
}

static json_t *reasons_json(const struct world *w) {
  json_t *o = director_reasons(&w->story, &w->choice);
  if (w->choice.chosen >= 0)
    json_object_set_new(o, "wording", json_string(w->advice.text[0] ? "llm" : "template"));
  if (w->advice.why_not) json_object_set_new(o, "wordingRefused", json_string(w->advice.why_not));
  return o;
}

static json_t *commit_args(struct world *w, struct str event) {
  if (w->choice.chosen >= 0)
    director_remember(&w->story, &w->choice.candidates[w->choice.chosen], w->rules.now_ms, &w->state);
  return json_pack("{s:s%, s:I, s:I, s:o, s:o, s:o, s:o}", "worldId", w->id.ptr, w->id.len, "slot",
                   (json_int_t)w->slot_ms, "turn", (json_int_t)w->choice.metrics.turn, "metrics",
                   metrics_json(w), "director", director_state_to_json(&w->state), "reasons", reasons_json(w),
                   "event", event_json(w, event));
}

static void count_answer(struct story_run *r, const json_t *answer) {
  const char *reason = json_string_value(json_object_get(answer, "reason"));
  if (json_bool_at(answer, "applied", false)) r->applied++;
  else reject(r, reason ? reason : "unknown");
}

static void commit(struct story_run *r, struct world *w) {
  json_t *answer = NULL;
  BUF_AUTO struct buf event = buf_new(DIRECTOR_TEXT_MAX);
  bool has_event = w->choice.chosen >= 0;
  if (has_event) director_text(&w->story, &w->choice, w->language, &event);
  advise(r, w, buf_str(&event));
  r->error =
      child_call(r->child, "events.commit", commit_args(w, buf_str(&event)), NULL, &answer, NULL, r->detail);
  bool is_its_own =
      r->error == ERR_WORLD_BUSY || r->error == ERR_NOT_FOUND; /* not the other worlds' trouble */
  if (has_event && r->error == ERR_OK) count_answer(r, answer);
  if (has_event && is_its_own) reject(r, err_code(r->error));
  if (is_its_own) r->error = ERR_OK;
  json_decref(answer);
}

static void evaluate(struct story_run *r, const json_t *facts, int64_t now_ms) {
  struct world w = {};
  read_world(r, facts, now_ms, &w);
  r->evaluated++;
  if (json_int_at(json_object_get(facts, "director"), "slot", INSTANT_NONE) >= w.slot_ms) return;
  director_decide(&w.story, w.turns, w.turn_count, &w.rules, &w.state, &w.choice);
  r->generated += w.choice.chosen >= 0;
  if (!r->is_dry) commit(r, &w);
  else if (w.choice.chosen >= 0)
    child_print(r->child, "would happen: %s in %.*s", event_type_names[w.choice.chosen], STR_ARG(w.id));
}

static void evaluate_page(void *arg, const json_t *page, json_t *next_args) {
  struct story_run *r = arg;
  const json_t *worlds = json_object_get(page, "worlds");
  (void)next_args;
  r->has_llm = json_bool_at(page, "hasLlm", false);
  for (size_t i = 0; i < json_array_size(worlds) && r->error == ERR_OK; i++) {
    if (child_is_asked_to_stop(r->child))
      r->error = err_set(r->detail, ERR_CLOSED, "", 0, "asked to stop between two worlds");
    else evaluate(r, json_array_get(worlds, i), json_int_at(page, "now", 0));
  }
  child_progress(r->child, json_is_object(json_object_get(page, "next")) ? 0.5 : 1, NULL);
}

static void add_measured(void *arg, const json_t *page, json_t *next_args) {
  struct story_run *r = arg;
  (void)next_args;
  r->ended += json_int_at(page, "ended", 0);
  r->measured += json_int_at(page, "measured", 0);
}

static int finish(struct story_run *r) {
  json_int_t rejected = 0;
  const char *reason;
  json_t *n;
  json_object_foreach(r->rejected, reason, n) {
    rejected += json_integer_value(n);
    child_print(r->child, "not applied: %lld, %s", (long long)json_integer_value(n), reason);
  }
  child_metric(r->child, "worldsEvaluated", (double)r->evaluated);
  child_metric(r->child, "eventsGenerated", (double)r->generated);
  child_metric(r->child, "eventsApplied", (double)r->applied);
  child_metric(r->child, "eventsRejected", (double)rejected);
  child_metric(r->child, "llmCalls", (double)r->adviser.calls);
  child_print(r->child,
              "%s%lld worlds evaluated, %lld events generated, %lld applied; %lld ended, %lld measured after",
              r->is_dry ? "dry run: " : "", (long long)r->evaluated, (long long)r->generated,
              (long long)r->applied, (long long)r->ended, (long long)r->measured);
  child_result(r->child, json_pack("{s:b, s:I, s:I, s:I, s:I, s:O, s:I, s:I, s:I, s:b}", "success", 1,
                                   "worldsEvaluated", (json_int_t)r->evaluated, "eventsGenerated",
                                   (json_int_t)r->generated, "eventsApplied", (json_int_t)r->applied,
                                   "eventsRejected", rejected, "rejectedBy", r->rejected, "llmCalls",
                                   (json_int_t)r->adviser.calls, "eventsEnded", (json_int_t)r->ended,
                                   "eventsMeasured", (json_int_t)r->measured, "dryRun", (int)r->is_dry));
  return EXECUTOR_OK;
}

static enum err run_pages(struct story_run *r) {
  TRY(text_kit_new(&r->kit));
  r->adviser = (struct story_adviser){.child = r->child, .kit = r->kit};
  if (!r->is_dry) TRY(world_pages(r->child, "events.measure", json_object(), add_measured, r, r->detail));
  TRY(world_pages(r->child, "events.page", json_object(), evaluate_page, r, r->detail));
  return r->error;
}

static int run(struct child *child) {
  struct err_detail detail = {};
  struct story_run r = {.child = child,
                        .is_dry = json_is_true(json_object_get(child_params(child), "dryRun")),
                        .rejected = json_object(),
                        .detail = &detail};
  enum err e = run_pages(&r);
  int code = e == ERR_OK ? finish(&r) : world_pages_failed(child, e, &detail);
  text_kit_free(r.kit);
  json_decref(r.rejected);
  return code;
}

const struct executor executor_emergent_events = {
    .name = "emergent-events",
    .class_name = "EmergentEventsExecutor",
    .description = "Evaluates the stories of worlds in use and gives them emergent events",
    .description_es = "Valora las historias de los mundos en uso y les da eventos emergentes",
    .params = params,
    .needs_channel = true,
    .run = run,
};
