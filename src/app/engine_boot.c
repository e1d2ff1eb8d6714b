#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/engine_private.h"
#include "base/id.h"
#include "sys/os_file.h"

#define ORDERLY '=' /* before a journal's id: its server stopped with every start answered */

static void hex_text(const uint8_t *bytes, size_t n, char *ret) {
  for (size_t i = 0; i < n; i++) snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

/* ---- what the journals say, until the warden is up the first time ---- */

bool engine_boot_collect(struct engine *e, const struct warden_run *run, const struct warden_end *end,
                         struct str result) {
  if (e->was_up) return false;
  if (e->found_count == e->found_capacity) {
    size_t capacity = e->found_capacity ? 2 * e->found_capacity : 64;
    struct found_run *grown = reallocarray(e->found, capacity, sizeof *grown);
    ASSERT(grown); /* nothing has been settled yet: the next start begins anew */
    e->found = grown;
    e->found_capacity = capacity;
  }
  struct found_run *f = &e->found[e->found_count++];
  *f = (struct found_run){.run = *run, .is_ended = end != NULL};
  if (end) f->end = *end;
  if (end && result.len) f->result = str_dup(result);
  return true;
}

static void forget_found(struct engine *e) {
  for (size_t i = 0; i < e->found_count; i++) free(e->found[i].result);
  free(e->found);
  e->found = NULL;
  e->found_count = e->found_capacity = 0;
}

static struct found_run *find_found(struct engine *e, const struct unfinished *u) {
  for (size_t i = 0; i < e->found_count; i++) {
    struct found_run *f = &e->found[i];
    bool is_it = u->has_run
                     ? f->run.run_no == u->run.no
                     : f->run.job_no == u->job->no && f->run.due_ms == u->due_ms && u->due_ms != INSTANT_NONE;
    if (is_it && !f->is_joined) return f;
  }
  return NULL;
}

/* The row that was not written because STARTED is written behind. */
static void rebuild_run(const struct found_run *f, const struct unfinished *u, struct run *ret) {
  run_init(ret);
  ret->no = f->run.run_no;
  ret->job_no = f->run.job_no;
  ret->status = RUN_RUNNING;
  ret->started_ms = f->run.started_ms;
  ret->first_started_ms = f->run.started_ms;
  ret->attempt = f->run.attempt;
  ret->trigger = f->run.trigger;
  ret->due_ms = f->run.due_ms == INSTANT_NONE ? FIELD_NULL : f->run.due_ms;
  ret->not_before_ms = u->not_before_ms == INSTANT_NONE ? FIELD_NULL : u->not_before_ms;
  ret->version = f->run.version;
  ret->job_id = u->job->id;
}

/* Whether this is the boot whose journal tells of every start: same boot id and same journal. A predecessor that
 * noted no journal has started nothing. One that stopped in order has told by ORDERLY that no start was left
 * unanswered: then what has no running row has not started, even if the journal is another one (an upgrade). */
static bool is_same_boot(const struct engine *e, const struct unfinished *u) {
  const char *noted = e->boot.journal_id;
  bool was_orderly = noted[0] == ORDERLY;
  bool is_same_journal = !noted[0] || strcmp(noted + was_orderly, e->journal_id) == 0;
  bool has_started = u && u->has_run && u->run.status == RUN_RUNNING;
  return e->boot.is_same_boot && (is_same_journal || (was_orderly && u && !has_started));
}

static void note_journal(struct engine *e, const char *mark) {
  struct change *c = change_new(CHANGE_ALIVE, engine_now_ms(e));
  ASSERT(c);
  c->alive.journal_id = arena_printf(&c->arena, "%s%s", mark, e->journal_id);
  engine_write(e, c, NULL, NULL);
}

static void recover(struct engine *e, const struct unfinished *u) {
  struct found_run *f = find_found(e, u);
  struct run rebuilt;
  struct sched_recover r = {
      .job = u->job,
      .due_ms = u->due_ms,
      .not_before_ms = u->not_before_ms,
      .has_claim = u->has_claim,
      .has_run = u->has_run,
      .run = u->has_run ? &u->run : NULL,
      .found = !f            ? SCHED_FOUND_NOTHING
               : f->is_ended ? SCHED_FOUND_ENDED
                             : SCHED_FOUND_LIVING,
      .is_same_boot = is_same_boot(e, u),
      .last_alive_ms = e->boot.last_alive_ms,
  };
  if (f && !u->has_run) {
    rebuild_run(f, u, &rebuilt);
    r.run = &rebuilt;
  }
  if (f) {
    f->is_joined = true;
    struct live_run *live = engine_live_new(e, f->run.run_no, u->job, NULL);
    engine_live_started(e, live, f->run.started_ms);
  }
  engine_step(e, &(struct sched_event){.kind = SCHED_RECOVER, .recover = &r});
}

static void settle_found(struct engine *e) {
  for (size_t i = 0; i < e->found_count; i++) {
    struct found_run *f = &e->found[i];
    if (f->is_ended) { /* unknown to the store: on record already, engine_on_ended acknowledges it */
      engine_on_ended(e, &f->end, str_of(f->result));
    } else if (!f->is_joined) {
      log_line(LOG_WARN, "Recovery", "a run lives that is on no record; it is left alone until it ends",
               LF_TEXT("executionId", id_to_text(f->run.run_no).text), LF_INT("jobNo", f->run.job_no));
    }
  }
  forget_found(e);
}

static void become_ready(struct engine *e) {
  if (e->was_up || !e->is_warden_up || !e->knows_jobs) return;
  bool is_same = is_same_boot(e, NULL);
  note_journal(e, "");
  log_line(LOG_INFO, "CronManager", "initialize: recovery",
           LF_INT("unfinished", (int64_t)e->boot.unfinished_count),
           LF_INT("journal", (int64_t)e->found_count), LF_BOOL("sameBoot", is_same));
  for (size_t i = 0; i < e->found_count; i++)
    engine_step(e, &(struct sched_event){.kind = SCHED_SEEN, .run_no = e->found[i].run.run_no});
  for (size_t i = 0; i < e->boot.unfinished_count; i++) recover(e, &e->boot.unfinished[i]);
  e->was_up = true;
  engine_step(e, &(struct sched_event){.kind = SCHED_WARDEN, .is_up = true});
  e->is_ready = true;
  log_line(LOG_INFO, "CronManager", "scheduling: the scheduler has started", LF_INT("epoch", e->boot.epoch),
           LF_BOOL("scheduledStarts", !e->is_process_off && e->settings->is_enabled == 1));
  engine_step(e, &(struct sched_event){.kind = SCHED_READY});
  settle_found(e);
  engine_seed_jobs(e, e->boot.last_alive_ms == INSTANT_NONE);
  engine_publish_status(e);
}

/* ---- the warden comes and goes ---- */

static void on_listed(void *arg, const struct warden_run *run, int32_t pid) {
  struct engine *e = arg;
  if (engine_boot_collect(e, run, NULL, STR_NONE)) return;
  struct live_run *live = map_get(&e->live, (uint64_t)run->run_no);
  if (!live) return;
  live->is_listed = true;
  live->pid = pid;
  if (live->state != LIVE_SENT) return;
  engine_live_started(e, live, run->started_ms);
  engine_step(e,
              &(struct sched_event){.kind = SCHED_STARTED, .run_no = run->run_no, .at_ms = run->started_ms});
}

/* After the list: what was sent and is in no journal was not started; what ran and is in none is lost. A new
 * journal cannot tell, so then both are lost. */
static void resume_run(struct engine *e, int64_t run_no, bool is_new_journal) {
  struct live_run *live = map_get(&e->live, (uint64_t)run_no);
  if (!live || live->state == LIVE_ENDED) return;
  if (live->is_listed) {
    if (live->kill != KILL_NONE) (void)warden_kill(e->warden, run_no, live->kill, false);
    return;
  }
  if (live->state == LIVE_UNSENT || (live->state == LIVE_SENT && !is_new_journal)) {
    engine_send_start(e, live);
    return;
  }
  live->state = LIVE_ENDED;
  engine_end_lost(e, run_no, "lost: the process that watched it died, and its journal is gone");
}

static void resume_runs(struct engine *e, bool is_new_journal) {
  size_t count = 0;
  int64_t *run_nos = calloc(e->live.count ? e->live.count : 1, sizeof *run_nos);
  ASSERT(run_nos);
  struct map_entry entry;
  for (size_t i = 0; map_next(&e->live, &i, &entry);)
    run_nos[count++] = ((struct live_run *)entry.value)->run_no;
  for (size_t i = 0; i < count; i++) resume_run(e, run_nos[i], is_new_journal);
  free(run_nos);
}

static void on_up(void *arg, const struct warden_welcome *own) {
  struct engine *e = arg;
  char journal_id[40];
  hex_text(own->journal_id, WARDEN_ID_BYTES, journal_id);
  bool is_new_journal = strcmp(journal_id, e->journal_id) != 0;
  str_copy(e->journal_id, sizeof e->journal_id, str_of(journal_id));
  e->is_warden_up = true;
  e->warden_why[0] = '\0';
  engine_set_draining(e, own->flags & WARDEN_IS_DRAINING);
  log_line(LOG_INFO, "Warden", "connected", LF_INT("pid", own->pid),
           LF_BOOL("cgroups", own->flags & WARDEN_HAS_CGROUPS), LF_BOOL("root", own->flags & WARDEN_IS_ROOT));
  if (!e->was_up) return become_ready(e);
  if (is_new_journal) note_journal(e, "");
  resume_runs(e, is_new_journal);
  engine_step(e, &(struct sched_event){.kind = SCHED_WARDEN, .is_up = true});
  engine_publish_status(e);
}

static void on_down(void *arg, const char *why) {
  struct engine *e = arg;
  bool was_up = e->is_warden_up;
  e->is_warden_up = false;
  engine_set_draining(e, false);
  str_copy(e->warden_why, sizeof e->warden_why, str_of(why));
  log_line(LOG_WARN, "Warden", "not connected", LF_TEXT("why", why));
  if (!e->was_up) return forget_found(e); /* the next list is whole again */
  struct map_entry entry;
  for (size_t i = 0; map_next(&e->live, &i, &entry);) {
    struct live_run *live = entry.value;
    live->is_listed = live->is_reading = false;
  }
  if (!was_up) return;
  engine_step(e, &(struct sched_event){.kind = SCHED_WARDEN, .is_up = false});
  engine_publish_status(e);
}

static void on_jobs_counted(void *arg, struct store_read *read) {
  struct engine *e = arg;
  if (read->error != ERR_OK)
    log_line(LOG_ERROR, "Store", "the jobs cannot be counted", LF_TEXT("error", read->detail.message));
  log_line(LOG_INFO, "CronManager", "initialize: jobs loaded", LF_INT("jobs", read->dashboard.total_jobs),
           LF_INT("active", read->dashboard.active_jobs));
  e->knows_jobs = true;
  become_ready(e);
}

static enum err count_jobs(struct engine *e) {
  struct store_read *read = store_read_new(READ_DASHBOARD, engine_now_ms(e));
  if (!read) return ERR_NO_MEMORY;
  engine_read(e, read, on_jobs_counted, e);
  return ERR_OK;
}

enum err engine_connect(struct engine *e, struct err_detail *detail) {
  struct warden_client_options options = {
      .loop = e->loop,
      .data_dir = e->folder,
      .epoch = e->boot.epoch,
      .test_clock_ms = e->is_test_clock ? engine_now_ms(e) : INSTANT_NONE,
      .idle_exit_seconds = (int)config_int(e->config, CONFIG_WARDEN_IDLE),
  };
  struct warden_client_callbacks callbacks = {
      .arg = e,
      .on_up = on_up,
      .on_down = on_down,
      .on_listed = on_listed,
      .on_started = engine_on_started,
      .on_refused = engine_on_refused,
      .on_ended = engine_on_ended,
      .on_line = engine_on_line,
      .on_output = engine_on_output,
      .on_clock = engine_on_warden_clock,
  };
  TRY(count_jobs(e));
  return warden_client_new(&options, &callbacks, &e->warden, detail);
}

/* ---- opening ---- */

static void find_user(struct engine *e) { /* once, at the start: the name service may be slow */
  struct passwd entry, *found = NULL;
  char texts[4096];
  bool is_known = getpwuid_r(geteuid(), &entry, texts, sizeof texts, &found) == 0 && found;
  snprintf(e->user, sizeof e->user, "%s", is_known ? found->pw_name : "nobody");
  snprintf(e->home, sizeof e->home, "%s", is_known && found->pw_dir[0] == '/' ? found->pw_dir : "/");
  if (access(e->home, X_OK) != 0) snprintf(e->home, sizeof e->home, "/");
}

/* SQL from outside has changed jobs or settings: a claim takes them over. */
static void on_news(void *arg) {
  struct engine *e = arg;
  if (!e->is_ready || e->is_stopping) return;
  log_line(LOG_INFO, "CronManager", "jobs or settings were changed by SQL from outside");
  e->news_ms = engine_now_ms(e);
  engine_step(e, &(struct sched_event){.kind = SCHED_READY});
}

static enum err open_store(struct engine *e, struct err_detail *detail) {
  struct store_config config = {
      .folder = e->folder,
      .url = config_cron_url(e->config),
      .now_ms = engine_now_ms(e),
      .boot_id = e->boot_id,
      .is_process_off = e->is_process_off,
  };
  struct store_backend *backend = NULL;
  TRY(config.url ? store_pg_open(&config, &backend, &e->boot, detail)
                 : store_sqlite_open(&config, &backend, &e->boot, detail));
  log_line(LOG_INFO, "CronManager", "initialize: store open", LF_TEXT("backend", backend->ops->name));
  enum err error = store_new(e->loop, backend, &config, &e->store, detail);
  if (error != ERR_OK) backend->ops->close(backend);
  else store_on_news(e->store, on_news, e);
  return error;
}

enum err engine_open(struct engine *e, struct err_detail *detail) {
  TRY(os_boot_id(e->boot_id));
  TRY(open_store(e, detail));
  e->settings = settings_ref(e->boot.settings);
  log_line(LOG_INFO, "CronManager", "initialize: settings loaded", LF_TEXT("timezone", e->settings->timezone),
           LF_INT("maxConcurrentJobs", e->settings->max_concurrent),
           LF_BOOL("isEnabled", e->settings->is_enabled == 1));
  size_t builtins = 0;
  while (executors[builtins]) builtins++;
  log_line(LOG_INFO, "CronManager", "initialize: executors registered", LF_INT("builtin", (int64_t)builtins),
           LF_INT("programs", (int64_t)programs_count(&e->programs)),
           LF_BOOL("shell", config_bool(e->config, CONFIG_EXECUTORS_SHELL)));
  uint64_t seed;
  e->world->random(e->world, &seed, sizeof seed);
  struct sched_config config = {
      .epoch = e->boot.epoch, .last_run_no = e->boot.last_run_no, .random_seed = seed};
  TRY(sched_new(&config, &e->sched));
  TRY(engine_care_start(e));
  TRY(engine_worlds_open(e, detail));
  engine_step(e, &(struct sched_event){.kind = SCHED_SETTINGS, .settings = e->settings});
  return ERR_OK;
}

enum err engine_new(const struct engine_options *o, struct engine **ret, struct err_detail *detail) {
  struct engine *e = calloc(1, sizeof *e);
  if (!e) return ERR_NO_MEMORY;
  e->loop = o->loop;
  e->world = o->world;
  e->work = o->work;
  e->config = o->config;
  e->is_test_clock = o->is_test_clock;
  e->is_process_off = config_is_cron_off(o->config);
  e->zone_watch = -1;
  e->armed_ms = INSTANT_NEVER;
  e->news_ms = INSTANT_NEVER;
  e->last_turn_ms = INSTANT_NONE;
  list_init(&e->waits);
  list_init(&e->subscriptions);
  snprintf(e->folder, sizeof e->folder, "%s", o->folder);
  const char *programs = config_text(o->config, CONFIG_EXECUTORS_FOLDER);
  if (programs) snprintf(e->programs.folder, sizeof e->programs.folder, "%s", programs);
  else snprintf(e->programs.folder, sizeof e->programs.folder, "%.3900s/executors", o->folder);
  find_user(e);
  log_set_tap(engine_log_tap, e);
  e->program_notes = program_notes_new(&e->programs);
  enum err error = e->program_notes ? tzdb_new(NULL, &e->tzdb) : ERR_NO_MEMORY;
  if (error == ERR_OK) error = engine_open(e, detail);
  if (error != ERR_OK) {
    engine_free(e);
    return error;
  }
  *ret = e;
  return ERR_OK;
}

/* ---- closing ---- */

static void on_stop_recorded(void *arg, const struct engine_answer *answer) {
  struct engine *e = arg;
  if (answer->error != ERR_OK)
    log_line(LOG_WARN, "CronManager", "the stop could not be recorded",
             LF_TEXT("error", err_text(answer->error)));
  e->on_wound(e->on_wound_arg);
}

void engine_wind_on(struct engine *e) {
  if (!e->on_wound || e->is_wound || e->changes_out > 0 || e->work_out > 0 || engine_worlds_out(e) > 0)
    return;
  e->is_wound = true;
  if (e->is_orderly) note_journal(e, (char[]){ORDERLY, 0});
  struct change *c = change_new(CHANGE_STOP, engine_now_ms(e));
  ASSERT(c);
  engine_write(e, c, on_stop_recorded, e);
}

void engine_set_hooks(struct engine *e, void (*on_note)(void *arg, const struct sched_note *note),
                      void *note_arg, void (*on_stop)(void *arg), void *stop_arg) {
  e->on_note = on_note;
  e->on_note_arg = note_arg;
  e->on_stop = on_stop;
  e->on_stop_arg = stop_arg;
}

void engine_quiesce(struct engine *e) {
  if (e->is_stopping) return;
  e->is_stopping = true;
  engine_step(e, &(struct sched_event){.kind = SCHED_STOP});
}

static bool is_start_unanswered(const struct engine *e) {
  struct map_entry entry;
  for (size_t i = 0; map_next(&e->live, &i, &entry);)
    if (((const struct live_run *)entry.value)->state == LIVE_SENT) return true;
  return false;
}

void engine_wind_down(struct engine *e, void (*done)(void *arg), void *arg) {
  engine_quiesce(e);
  e->is_orderly = e->was_up && !is_start_unanswered(e);
  engine_worlds_stop(e);
  warden_client_free(e->warden); /* what ends from now on waits in its journal */
  e->warden = NULL;
  e->is_warden_up = false;
  e->on_wound = done;
  e->on_wound_arg = arg;
  engine_wind_on(e);
}

static void free_all_live(struct engine *e) {
  struct map_entry entry;
  size_t i = 0;
  while (map_next(&e->live, &i, &entry)) {
    engine_live_free(e, entry.value);
    i = 0;
  }
  map_free(&e->live);
}

void engine_free(struct engine *e) {
  if (!e) return;
  log_set_tap(NULL, NULL);
  program_notes_free(e->program_notes);
  engine_worlds_close(e);
  warden_client_free(e->warden);
  engine_care_stop(e);
  store_free(e->store);
  sched_free(e->sched);
  store_boot_free(&e->boot);
  free_all_live(e);
  struct map_entry entry;
  engine_seed_stop(e);
  for (size_t i = 0; map_next(&e->asks, &i, &entry);) free(entry.value);
  map_free(&e->asks);
  forget_found(e);
  engine_live_done(e);
  settings_unref(e->settings);
  tzdb_free(e->tzdb);
  free(e);
}
