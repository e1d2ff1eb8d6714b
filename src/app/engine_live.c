#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/engine_private.h"
#include "app/run_usage.h"
#include "base/id.h"

#define OUTPUT_POLL_MS 150
#define USAGE_EVERY_MS 2000
#define OUTSIDE_TOLD_MAX \
  200 /* jobs that SQL from outside changed, one by one; of more it is told that there were many */

struct engine_subscription {
  struct list node;
  engine_event_fn *fn;
  void *arg;
};

struct engine_wait {
  struct list node;
  struct engine *engine;
  int64_t run_no;
  void (*fn)(void *arg, const struct run *run);
  void *arg;
};

/* ---- events ---- */

static void forget_oldest_event(struct engine *e) {
  struct kept_event *k = &e->kept[e->kept_first];
  e->kept_bytes -= k->len;
  free(k->json);
  *k = (struct kept_event){};
  e->kept_first = (e->kept_first + 1) % LIMIT_EVENTS_KEPT;
  e->kept_count--;
}

static void keep_event(struct engine *e, enum engine_topic topic, struct str json) {
  while (e->kept_count > 0 &&
         (e->kept_count == LIMIT_EVENTS_KEPT || e->kept_bytes + json.len > LIMIT_EVENTS_KEPT_BYTES))
    forget_oldest_event(e);
  char *copy = str_dup(json);
  if (!copy) { /* a hole would look like "all replayed": begin anew instead */
    while (e->kept_count > 0) forget_oldest_event(e);
    return;
  }
  e->kept[(e->kept_first + e->kept_count) % LIMIT_EVENTS_KEPT] =
      (struct kept_event){e->last_seq, topic, json.len, copy};
  e->kept_count++;
  e->kept_bytes += json.len;
}

void engine_publish(struct engine *e, enum engine_topic topic, struct str json) {
  e->topic_seq[topic] = ++e->last_seq;
  keep_event(e, topic, json);
  LIST_EACH (&e->subscriptions, node) {
    struct engine_subscription *s = CONTAINER_OF(node, struct engine_subscription, node);
    s->fn(s->arg, topic, e->last_seq, json);
  }
}

int64_t engine_event_seq(const struct engine *e) { return e->last_seq; }
int64_t engine_topic_seq(const struct engine *e, enum engine_topic topic) { return e->topic_seq[topic]; }

static void publish_buf(struct engine *e, enum engine_topic topic, struct buf *out) {
  if (buf_error(out) == ERR_OK) engine_publish(e, topic, buf_str(out));
}

struct engine_subscription *engine_subscribe(struct engine *e, engine_event_fn *fn, void *arg) {
  struct engine_subscription *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  *s = (struct engine_subscription){.fn = fn, .arg = arg};
  list_push_back(&e->subscriptions, &s->node);
  return s;
}

void engine_unsubscribe(struct engine_subscription *s) {
  if (!s) return;
  list_remove(&s->node);
  free(s);
}

bool engine_replay(struct engine *e, int64_t after_seq, engine_event_fn *fn, void *arg) {
  int64_t oldest = e->kept_count ? e->kept[e->kept_first].seq : e->last_seq + 1;
  if (after_seq < 0 || after_seq > e->last_seq || after_seq + 1 < oldest) return false;
  for (size_t i = 0; i < e->kept_count; i++) {
    const struct kept_event *k = &e->kept[(e->kept_first + i) % LIMIT_EVENTS_KEPT];
    if (k->seq > after_seq) fn(arg, k->topic, k->seq, (struct str){k->json, k->len});
  }
  return true;
}

void engine_publish_run(struct engine *e, const struct run *run, const struct job *job) {
  BUF_AUTO struct buf out = buf_new(LIMIT_EVENT_BYTES);
  struct json_writer w = jw_new(&out);
  struct run shown = *run;
  shown.output = NULL; /* its own topic */
  shown.params = NULL;
  jw_object(&w);
  jw_ktext(&w, "type", "run");
  if (job) {
    jw_ktext(&w, "jobName", job->name);
    jw_ktext(&w, "category", job->category);
  }
  if (!shown.id) jw_ktext(&w, "executionId", id_to_text(run->no).text);
  fields_to_json(run_fields, run_field_count, &shown, &w);
  jw_object_end(&w);
  publish_buf(e, ENGINE_TOPIC_RUNS, &out);
}

void engine_publish_job(struct engine *e, int64_t no, const struct job *job, const char *what) {
  BUF_AUTO struct buf out = buf_new(LIMIT_EVENT_BYTES);
  struct json_writer w = jw_new(&out);
  jw_object(&w);
  jw_ktext(&w, "type", "job");
  jw_ktext(&w, "what", what);
  jw_ktext(&w, "id", job ? job->id : NULL);
  jw_ktext(&w, "name", job ? job->name : NULL);
  jw_kint(&w, "no", no);
  jw_object_end(&w);
  publish_buf(e, ENGINE_TOPIC_JOBS, &out);
}

void engine_publish_outside(struct engine *e, const struct change_outside *jobs, size_t count) {
  BUF_AUTO struct buf out = buf_new(LIMIT_EVENT_BYTES);
  struct json_writer w = jw_new(&out);
  jw_object(&w);
  jw_ktext(&w, "type", "job");
  jw_ktext(&w, "what", "outside");
  jw_ktext(&w, "id", NULL);
  jw_ktext(&w, "name", NULL);
  jw_kint(&w, "no", 0);
  jw_key(&w, "jobs");
  if (count > OUTSIDE_TOLD_MAX) {
    jw_null(&w);
  } else {
    jw_array(&w);
    for (size_t i = 0; i < count; i++) jw_int(&w, jobs[i].job_no);
    jw_array_end(&w);
  }
  jw_object_end(&w);
  publish_buf(e, ENGINE_TOPIC_JOBS, &out);
}

void engine_publish_status(struct engine *e) {
  if (!e->sched) return;
  struct engine_health health = engine_health(e);
  struct sched_status status = sched_status(e->sched);
  BUF_AUTO struct buf out = buf_new(LIMIT_EVENT_BYTES);
  struct json_writer w = jw_new(&out);
  jw_object(&w);
  jw_ktext(&w, "type", "status");
  jw_kbool(&w, "ready", health.is_ready);
  jw_ktext(&w, "why", health.why);
  jw_kint(&w, "running", (int64_t)status.running);
  jw_kint(&w, "queued", (int64_t)status.queued);
  jw_kint(&w, "slots", (int64_t)status.slots_total);
  jw_object_end(&w);
  publish_buf(e, ENGINE_TOPIC_STATUS, &out);
}

/* ---- the log ---- */

void engine_log_tap(void *arg, enum log_level level, struct str line) {
  struct engine *e = arg;
  line = str_trim(line);
  size_t at = (e->log_first + e->log_count) % LIMIT_LOG_LINES_KEPT;
  if (e->log_count == LIMIT_LOG_LINES_KEPT) e->log_first = (e->log_first + 1) % LIMIT_LOG_LINES_KEPT;
  else e->log_count++;
  free(e->log_lines[at]);
  e->log_lines[at] = str_dup(line);
  if (line.len && line.ptr[0] == '{') return engine_publish(e, ENGINE_TOPIC_LOGS, line);
  BUF_AUTO struct buf out = buf_new(LIMIT_EVENT_BYTES);
  struct json_writer w = jw_new(&out);
  jw_object(&w);
  jw_kint(&w, "levelNo", (int64_t)level);
  jw_kstr(&w, "text", line);
  jw_object_end(&w);
  publish_buf(e, ENGINE_TOPIC_LOGS, &out);
}

void engine_log_tail(const struct engine *e, size_t n, void (*fn)(void *arg, struct str line), void *arg) {
  size_t from = e->log_count > n ? e->log_count - n : 0;
  for (size_t i = from; i < e->log_count; i++) {
    const char *line = e->log_lines[(e->log_first + i) % LIMIT_LOG_LINES_KEPT];
    if (line) fn(arg, str_of(line));
  }
}

/* ---- waiting for a run's end ---- */

static void wait_free(struct engine_wait *w) {
  list_remove(&w->node);
  w->engine->wait_count--;
  free(w);
}

static struct engine_wait *find_wait(struct engine *e, int64_t run_no) {
  LIST_EACH (&e->waits, node) {
    struct engine_wait *w = CONTAINER_OF(node, struct engine_wait, node);
    if (w->run_no == run_no) return w;
  }
  return NULL;
}

/* Whoever is told may cancel other waits, so the search begins anew each time. */
void engine_tell_waits(struct engine *e, const struct run *run) {
  if (!run_is_final((enum run_status)run->status)) return;
  for (struct engine_wait *w; (w = find_wait(e, run->no));) {
    void (*fn)(void *arg, const struct run *run) = w->fn;
    void *arg = w->arg;
    wait_free(w);
    fn(arg, run);
  }
}

/* It may have ended before anybody waited. */
static void on_wait_read(void *arg, struct store_read *read) {
  struct engine *e = arg;
  if (read->error == ERR_OK && read->count == 1) engine_tell_waits(e, &read->runs[0].run);
}

struct engine_wait *engine_wait_run(struct engine *e, int64_t run_no,
                                    void (*fn)(void *arg, const struct run *run), void *arg) {
  if (e->wait_count >= LIMIT_WAITS) return NULL;
  struct store_read *read = store_read_new(READ_RUN, engine_now_ms(e));
  struct engine_wait *w = calloc(1, sizeof *w);
  if (!w || !read) {
    store_read_free(read);
    free(w);
    return NULL;
  }
  *w = (struct engine_wait){.engine = e, .run_no = run_no, .fn = fn, .arg = arg};
  list_push_back(&e->waits, &w->node);
  e->wait_count++;
  read->no = run_no;
  read->with_output = true;
  engine_read(e, read, on_wait_read, e);
  return w;
}

void engine_wait_cancel(struct engine_wait *w) {
  if (w) wait_free(w);
}

/* ---- output of living runs ---- */

bool engine_watch_output(struct engine *e, int64_t run_no, int delta) {
  struct live_run *live = map_get(&e->live, (uint64_t)run_no);
  if (!live) return false;
  bool was_watched = live->watchers > 0;
  live->watchers += delta;
  if (live->watchers < 0) live->watchers = 0;
  bool is_watched = live->watchers > 0;
  if (is_watched && !was_watched) e->watched++;
  if (!is_watched && was_watched) e->watched--;
  if (e->watched > 0) loop_timer_arm_ms(e->output_poll, OUTPUT_POLL_MS);
  return true;
}

/* ---- what a watched run uses ---- */

struct usage_ask {
  struct engine *engine;
  int64_t run_no;
  int64_t within_ms; /* since the one before */
  struct run_usage usage;
};

static void read_usage(void *arg) { run_usage_read(&((struct usage_ask *)arg)->usage); }

static void publish_usage(struct engine *e, const struct live_run *live, const struct usage_ask *ask) {
  BUF_AUTO struct buf out = buf_new(LIMIT_EVENT_BYTES);
  struct json_writer w = jw_new(&out);
  int64_t used_ms = ask->usage.cpu_ms - live->usage_cpu_ms;
  jw_object(&w);
  jw_ktext(&w, "type", "usage");
  jw_ktext(&w, "executionId", id_to_text(live->run_no).text);
  jw_kint(&w, "processes", ask->usage.processes);
  jw_kint(&w, "memoryBytes", ask->usage.memory_bytes);
  jw_kint(&w, "cpuMs", ask->usage.cpu_ms);
  jw_key(&w, "cpuPct");
  if (live->usage_cpu_ms < 0 || ask->within_ms <= 0) jw_null(&w);
  else jw_real(&w, (double)(used_ms > 0 ? used_ms * 1000 / ask->within_ms : 0) / 10);
  jw_object_end(&w);
  publish_buf(e, ENGINE_TOPIC_OUTPUT, &out);
}

static void on_usage(void *arg) {
  struct usage_ask *ask = arg;
  struct engine *e = ask->engine;
  struct live_run *live = map_get(&e->live, (uint64_t)ask->run_no);
  e->work_out--;
  if (live && live->watchers > 0 && ask->usage.processes > 0) {
    publish_usage(e, live, ask);
    live->usage_cpu_ms = ask->usage.cpu_ms;
  }
  free(ask);
  engine_wind_on(e);
}

/* One at a time: the next one is asked for so long after the answer before. */
static void ask_usage(struct engine *e, struct live_run *live) {
  struct tick now = world_tick(world_real());
  bool is_first = live->usage_asked.ns == 0;
  if (live->pid <= 0 || (!is_first && tick_diff_ms(now, live->usage_asked) < USAGE_EVERY_MS)) return;
  struct usage_ask *ask = calloc(1, sizeof *ask);
  if (!ask) return;
  *ask = (struct usage_ask){
      e, live->run_no, is_first ? 0 : tick_diff_ms(now, live->usage_asked), {.pid = live->pid}};
  if (is_first) live->usage_cpu_ms = -1;
  live->usage_asked = now;
  if (work_submit(e->work, read_usage, on_usage, ask) == ERR_OK) e->work_out++;
  else free(ask);
}

void engine_poll_output(void *arg) {
  struct engine *e = arg;
  struct map_entry entry;
  for (size_t i = 0; map_next(&e->live, &i, &entry);) {
    struct live_run *live = entry.value;
    if (live->watchers == 0 || live->state != LIVE_STARTED || live->is_reading) continue;
    ask_usage(e, live);
    live->is_reading =
        warden_read_output(e->warden, live->run_no, live->output_seen, WARDEN_OUTPUT_CHUNK_MAX) == ERR_OK;
  }
  if (e->watched > 0) loop_timer_arm_ms(e->output_poll, OUTPUT_POLL_MS);
}

/* Leaves the beginning of a character that is not there whole yet for the next piece. */
static size_t whole_characters(struct str bytes) {
  for (size_t back = 1; back <= 3 && back <= bytes.len; back++) {
    unsigned char c = (unsigned char)bytes.ptr[bytes.len - back];
    size_t needs = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
    if ((c & 0xc0) == 0x80) continue;
    return needs > back ? bytes.len - back : bytes.len;
  }
  return bytes.len;
}

/* Where the output ends by now, as far as the file tells: behind the head it is a ring, which tells nothing. */
static int64_t end_of_spool(struct engine *e, const struct live_run *live) {
  char path[4096];
  struct stat st;
  bool is_there = engine_spool_path(e, live->run_no, path, sizeof path) && stat(path, &st) == 0;
  bool is_head = is_there && st.st_size > live->output_seen && st.st_size <= LIMIT_SPOOL_HEAD_BYTES;
  return is_head ? (int64_t)st.st_size : live->output_seen;
}

/* Without text: so much came that whoever wants it reads the output. */
static void publish_output(struct engine *e, const struct live_run *live, int64_t offset, struct str text) {
  BUF_AUTO struct buf out = buf_new(8 * WARDEN_OUTPUT_CHUNK_MAX);
  struct json_writer w = jw_new(&out);
  jw_object(&w);
  jw_ktext(&w, "type", "output");
  jw_ktext(&w, "executionId", id_to_text(live->run_no).text);
  jw_ktext(&w, "job", live->job->name);
  jw_kinstant(&w, "at", engine_now_ms(e));
  jw_kint(&w, "offset", offset);
  jw_kint(&w, "end", live->output_seen);
  jw_kstr(&w, "text", text);
  jw_object_end(&w);
  publish_buf(e, ENGINE_TOPIC_OUTPUT, &out);
}

void engine_on_output(void *arg, const struct warden_output *output, struct str bytes) {
  struct engine *e = arg;
  struct live_run *live = map_get(&e->live, (uint64_t)output->run_no);
  if (!live) return;
  live->is_reading = false;
  bool is_flood = bytes.len == WARDEN_OUTPUT_CHUNK_MAX; /* more waits behind it */
  if (!output->is_ended) bytes.len = whole_characters(bytes);
  if (bytes.len == 0 || live->watchers == 0) return;
  live->output_seen = output->offset + (int64_t)bytes.len;
  if (is_flood) live->output_seen = end_of_spool(e, live);
  publish_output(e, live, output->offset, is_flood ? STR_NONE : bytes);
}

/* {"progress":…} and {"metric":…} lines of fd 3. */
void engine_on_line(void *arg, int64_t run_no, struct str line) {
  struct engine *e = arg;
  struct live_run *live = map_get(&e->live, (uint64_t)run_no);
  json_t *parsed = NULL;
  if (!live || json_parse(line, &parsed, NULL) != ERR_OK) return;
  json_decref(parsed);
  BUF_AUTO struct buf out = buf_new(LIMIT_EVENT_BYTES);
  struct json_writer w = jw_new(&out);
  jw_object(&w);
  jw_ktext(&w, "type", "line");
  jw_ktext(&w, "executionId", id_to_text(run_no).text);
  jw_ktext(&w, "job", live->job->name);
  jw_key(&w, "line");
  jw_raw(&w, line);
  jw_object_end(&w);
  publish_buf(e, ENGINE_TOPIC_RUNS, &out);
}

void engine_live_done(struct engine *e) {
  while (e->kept_count > 0) forget_oldest_event(e);
  for (size_t i = 0; i < LIMIT_LOG_LINES_KEPT; i++) free(e->log_lines[i]);
  LIST_EACH (&e->subscriptions, node)
    engine_unsubscribe(CONTAINER_OF(node, struct engine_subscription, node));
  LIST_EACH (&e->waits, wait) wait_free(CONTAINER_OF(wait, struct engine_wait, node));
}
