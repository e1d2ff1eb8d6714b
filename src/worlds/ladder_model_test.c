/* Forty days of random lives: messages, favourites, events, vacations, pauses by hand, with the jobs sync, cleanup,
 * auto-pause and delete at their times, against a reference that is written from the seeds' text alone and shares no
 * code with the policy (B-22 … B-28, B-82, U-19, U-21, U-34, U-35, X-2, X-4, X-6). */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/check.h"
#include "tests/support/ladder_fixture.h"

#define H FIX_HOUR
#define D FIX_DAY
#define WORLDS 40
#define DAYS 40

static uint64_t seed_state;
static uint64_t draw(uint64_t below) {
  seed_state ^= seed_state << 13;
  seed_state ^= seed_state >> 7;
  seed_state ^= seed_state << 17;
  return seed_state % below;
}

struct life {
  char id[8];
  bool is_gone, is_paused, is_favorite;
  int rung;                                                       /* 1 PAUSED, 2 ARCHIVED, 3 marked */
  bool by_person;                                                 /* manual or vacation */
  int64_t active_ms, from_ms, event_ms, deletion_ms, vacation_ms; /* 0: none */
  int warnings;
  int64_t warned_ms;
};

struct play {
  struct ladder_fixture f;
  struct life lives[WORLDS];
  int paused, marked, deleted, taken_back, resumed;
};

/* ---- the reference ---- */

static void ref_forget_mark(struct life *w) {
  w->deletion_ms = 0;
  w->warnings = 0;
  w->warned_ms = 0;
  if (w->rung == 3) w->rung = 2;
}

static void ref_active(struct life *w, int64_t now) {
  ref_forget_mark(w);
  w->active_ms = now;
  w->is_paused = w->by_person = false;
  w->rung = 0;
  w->vacation_ms = 0;
  if (w->from_ms <= now) w->from_ms = 0;
}

static void ref_auto_pause(struct play *p, struct life *w) {
  int64_t now = p->f.now_ms, since = w->active_ms > w->from_ms ? w->active_ms : w->from_ms;
  if (w->is_gone) return;
  bool is_excepted = w->is_favorite || w->event_ms > now || w->by_person || w->vacation_ms > now;
  int64_t hours = now >= since ? (now - since) / H : 0;
  int rung = hours >= 30 * 24 ? 3 : hours >= 7 * 24 ? 2 : hours >= 24 ? 1 : 0;
  if (w->deletion_ms && (is_excepted || rung < 3)) {
    p->taken_back++;
    ref_forget_mark(w);
    return;
  }
  if (is_excepted) return;
  if (rung > w->rung || (rung == 3 && !w->deletion_ms)) {
    p->paused += !w->is_paused;
    w->is_paused = true;
    w->rung = rung;
    if (rung == 3) {
      int64_t planned = since + 37 * D, least = now + 7 * D;
      w->deletion_ms = now > since + 30 * D + 6 * H && least > planned ? least : planned;
      p->marked++;
    }
  }
  int warning = 0;
  if (w->rung == 1 && hours >= 6 * 24 && w->warnings < 1) warning = 1;
  if (w->rung >= 2 && hours >= 30 * 24 && w->warnings < 2) warning = 2;
  if (w->deletion_ms && now >= w->deletion_ms - D && w->warnings < 3) warning = 3;
  if (!warning) return;
  w->warnings = warning;
  w->warned_ms = now;
}

static void ref_delete(struct play *p, struct life *w) {
  int64_t now = p->f.now_ms;
  if (w->is_gone || !w->deletion_ms || w->deletion_ms > now || w->warnings < 3) return;
  if (w->is_favorite || w->event_ms > now || w->by_person || now < w->warned_ms + 18 * H) return;
  w->is_gone = true;
  p->deleted++;
}

/* ---- people ---- */

/* What a person's deed makes of the columns is other tests' subject: the reference takes it from the row. */
static void learn(struct play *p, struct life *w) {
  struct world_row row;
  CHECK_OK(ladder_row(&p->f, w->id, &row));
  w->is_paused = row.is_paused;
  w->rung = row.is_paused ? world_rung(row.pause_reason) : 0;
  w->by_person = row.is_paused && (row.pause_reason == PAUSE_MANUAL || row.pause_reason == PAUSE_VACATION);
  w->is_favorite = row.is_favorite;
  w->from_ms = row.ladder_from_ms == INSTANT_NONE ? 0 : row.ladder_from_ms;
  w->deletion_ms = row.scheduled_deletion_ms == INSTANT_NONE ? 0 : row.scheduled_deletion_ms;
  w->vacation_ms = row.vacation_until_ms == INSTANT_NONE ? 0 : row.vacation_until_ms;
  w->warnings = (int)row.warned;
  w->warned_ms = row.warned_ms == INSTANT_NONE ? 0 : row.warned_ms;
  if (row.last_active_ms > w->active_ms) w->active_ms = row.last_active_ms;
}

static void message(struct play *p, struct life *w) {
  JSON_AUTO json_t *r = ladder_call(&p->f, "world.message", w->id, json_pack("{s:s}", "text", "hola"));
  assert_int_equal(json_bool_at(r, "resumed", false), w->is_paused);
  p->resumed += w->is_paused;
  ref_active(w, p->f.now_ms);
}

static void deed(struct play *p, struct life *w) {
  int64_t at_ms;
  struct instant_text later = instant_to_text(p->f.now_ms + (int64_t)(1 + draw(20)) * D);
  switch (draw(6)) {
    case 0:
    case 1: json_decref(ladder_call(&p->f, "world.favorite", w->id, NULL)); break;
    case 2:
      json_decref(ladder_call(&p->f, "world.event_add", w->id,
                              json_pack("{s:s, s:s}", "type", "party", "scheduledAt", later.text)));
      if (instant_from_text(str_of(later.text), &at_ms) && at_ms > w->event_ms) w->event_ms = at_ms;
      break;
    case 3:
      json_decref(ladder_call(&p->f, "world.vacation", w->id, json_pack("{s:s}", "until", later.text)));
      break;
    case 4: json_decref(ladder_call(&p->f, "world.pause", w->id, NULL)); break;
    default: message(p, w); return;
  }
  learn(p, w);
}

static void people(struct play *p) {
  for (int i = 0; i < WORLDS; i++) {
    struct life *w = &p->lives[i];
    if (w->is_gone || i % 8 == 0)
      continue; /* some are forgotten, half of the others are left alone for long */
    bool is_left = i % 2 == 0;
    if (draw(is_left ? 600 : 12) == 0) message(p, w);
    else if (draw(is_left ? 250 : 60) == 0) deed(p, w);
  }
}

/* ---- comparing ---- */

static void compare(struct play *p, uint64_t seed, int hour) {
  for (int i = 0; i < WORLDS; i++) {
    struct life *w = &p->lives[i];
    struct world_row row;
    bool is_gone = ladder_row(&p->f, w->id, &row) == ERR_NOT_FOUND;
    if (is_gone != w->is_gone)
      fail_msg("seed %llu hour %d %s: gone %d, expected %d", (unsigned long long)seed, hour, w->id, is_gone,
               w->is_gone);
    if (is_gone) continue;
    int rung = row.is_paused ? world_rung(row.pause_reason) : 0;
    int64_t deletion = row.scheduled_deletion_ms == INSTANT_NONE ? 0 : row.scheduled_deletion_ms;
    bool is_consistent = row.is_paused == (row.status != WORLD_RUNNING);
    if (rung != w->rung || deletion != w->deletion_ms) {
      JSON_AUTO json_t *why = ladder_call(&p->f, "world.should_pause", w->id, NULL);
      char *text = json_dumps(why, JSON_INDENT(1));
      print_message("%s\n%s: active %s from %s event %s vacation %s\n", text, w->id,
                    instant_to_text(w->active_ms).text, instant_to_text(w->from_ms).text,
                    instant_to_text(w->event_ms).text, instant_to_text(w->vacation_ms).text);
      free(text);
    }
    if (rung != w->rung || deletion != w->deletion_ms || row.warned != w->warnings || !is_consistent)
      fail_msg(
          "seed %llu hour %d %s: rung %d, expected %d; deletion %lld, expected %lld; warned %d, expected %d",
          (unsigned long long)seed, hour, w->id, rung, w->rung, (long long)deletion,
          (long long)w->deletion_ms, (int)row.warned, w->warnings);
  }
}

static void sync_now(struct play *p) {
  json_decref(ladder_job(&p->f, "sync", NULL, NULL));
  for (int i = 0; i < WORLDS; i++) {
    struct life *w = &p->lives[i];
    if (!w->is_gone && w->vacation_ms && w->vacation_ms <= p->f.now_ms) learn(p, w);
  }
}

static void play(uint64_t seed) {
  struct play p = {};
  seed_state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
  ladder_fixture_open(&p.f);
  int64_t start = p.f.now_ms - p.f.now_ms % D;
  p.f.now_ms = start;
  for (int i = 0; i < WORLDS; i++) {
    (void)snprintf(p.lives[i].id, sizeof p.lives[i].id, "w%d", i);
    p.lives[i].active_ms = start - (int64_t)draw(400) * H;
    ladder_world(&p.f, p.lives[i].id, start - p.lives[i].active_ms);
  }
  for (int hour = 0; hour < DAYS * 24; hour++) {
    p.f.now_ms = start + hour * H + 1;
    if (hour % 3 == 0) people(&p);
    if (draw(3) == 0) sync_now(&p);
    if (draw(4) == 0) json_decref(ladder_job(&p.f, "cleanup", NULL, NULL));
    if (hour % 24 == 3) {
      json_decref(ladder_job(&p.f, "delete-scheduled-worlds", NULL, NULL));
      for (int i = 0; i < WORLDS; i++) ref_delete(&p, &p.lives[i]);
    }
    if (hour % 6 != 0) continue;
    json_decref(ladder_job(&p.f, "auto-pause", NULL, NULL));
    for (int i = 0; i < WORLDS; i++) ref_auto_pause(&p, &p.lives[i]);
    compare(&p, seed, hour);
  }
  /* the play is worth something only if all of it occurred */
  print_message("seed %llu: %d paused, %d resumed, %d marked, %d taken back, %d deleted\n",
                (unsigned long long)seed, p.paused, p.resumed, p.marked, p.taken_back, p.deleted);
  assert_true(p.paused > 10 && p.resumed > 5 && p.marked > 3 && p.deleted > 0);
  ladder_fixture_close(&p.f);
}

static void forty_days_are_as_the_reference_says(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 3; seed++) play(seed);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(forty_days_are_as_the_reference_says)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
