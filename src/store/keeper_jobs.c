/* Definitions with their compiled schedules, a bounded number of them in memory. */
#include <stdlib.h>

#include "store/keeper.h"

static void free_cached(struct cached_job *c) {
  schedule_free(c->schedule);
  job_unref(c->job);
  free(c);
}

static void unlink_cached(struct job_cache *cache, struct cached_job *c) {
  *(c->newer ? &c->newer->older : &cache->newest) = c->older;
  *(c->older ? &c->older->newer : &cache->oldest) = c->newer;
  c->newer = c->older = NULL;
}

static void link_newest(struct job_cache *cache, struct cached_job *c) {
  c->older = cache->newest;
  if (cache->newest) cache->newest->newer = c;
  cache->newest = c;
  if (!cache->oldest) cache->oldest = c;
}

struct cached_job *keeper_peek_job(const struct keeper *k, int64_t job_no) {
  return map_get(&k->cache.map, (uint64_t)job_no);
}

void keeper_forget_job(struct keeper *k, int64_t job_no) {
  struct cached_job *c = map_remove(&k->cache.map, (uint64_t)job_no);
  if (!c) return;
  unlink_cached(&k->cache, c);
  free_cached(c);
}

void keeper_forget_jobs(struct keeper *k) {
  while (k->cache.oldest) keeper_forget_job(k, k->cache.oldest->job->no);
  map_free(&k->cache.map);
}

static enum err remember_zone(struct keeper *k, struct known_zone zone) {
  if (k->zone_count == k->zone_capacity) {
    size_t capacity = k->zone_capacity ? k->zone_capacity * 2 : 16;
    struct known_zone *bigger = realloc(k->zones, capacity * sizeof *bigger);
    if (!bigger) return ERR_NO_MEMORY;
    k->zones = bigger;
    k->zone_capacity = capacity;
  }
  k->zones[k->zone_count++] = zone;
  return ERR_OK;
}

struct zone_loading {
  struct keeper *keeper;
  enum err error;
};

static struct known_zone zone_hashes(struct str name, struct str sha256) {
  return (struct known_zone){hash_bytes(name.ptr, name.len, 0), hash_bytes(sha256.ptr, sha256.len, 0)};
}

static bool load_zone(void *arg, const void *record) {
  struct zone_loading *l = arg;
  const struct zone_row *z = record;
  l->error = remember_zone(l->keeper, zone_hashes(str_of(z->name), str_of(z->sha256)));
  return l->error == ERR_OK;
}

enum err keeper_load_zones(struct keeper *k) {
  struct zone_loading l = {.keeper = k};
  k->zone_count = 0;
  TRY(k->rows->ops->scan(k->rows, SCAN_ZONE_ALL, &SCAN_ALL, load_zone, &l));
  return l.error;
}

static char *to_hex(struct str bytes, struct arena *a) {
  static const char digits[] = "0123456789abcdef";
  char *hex = arena_alloc(a, bytes.len * 2 + 1);
  if (!hex) return NULL;
  for (size_t i = 0; i < bytes.len; i++) {
    hex[2 * i] = digits[(unsigned char)bytes.ptr[i] >> 4];
    hex[2 * i + 1] = digits[(unsigned char)bytes.ptr[i] & 15];
  }
  return hex;
}

/* The first time a zone, or new content of it, is used, it goes on record. */
static enum err note_zone(struct keeper *k, const struct tz *z, int64_t now_ms) {
  struct str content = tz_content(z);
  if (content.len == 0) return ERR_OK; /* UTC has no file */
  struct known_zone zone = zone_hashes(tz_name(z), str_of(tz_sha256(z)));
  bool is_first = true;
  size_t newest = SIZE_MAX;
  for (size_t i = 0; i < k->zone_count; i++) {
    if (k->zones[i].name != zone.name) continue;
    is_first = false;
    newest = i;
  }
  if (!is_first && k->zones[newest].sha256 == zone.sha256) return ERR_OK;
  struct zone_row row = {.no = ++k->meta.last_edit_no, .from_ms = is_first ? INT64_MIN + 1 : now_ms};
  row.name = arena_strdup(&k->scratch, tz_name(z));
  row.sha256 = tz_sha256(z);
  row.content = to_hex(content, &k->scratch);
  if (!row.name || !row.content) return ERR_NO_MEMORY;
  TRY(keeper_put(k, TABLE_ZONE, &row));
  return remember_zone(k, zone);
}

enum err keeper_compile(struct keeper *k, const struct job *job, const char *timezone, int64_t now_ms,
                        struct schedule **ret, struct err_detail *detail) {
  struct schedule_options options = job_schedule_options(job, timezone);
  struct schedule *s;
  TRY(schedule_compile(k->tzdb, str_of(job->schedule), &options, &s, detail));
  enum err e = note_zone(k, schedule_tz(s), now_ms);
  if (e != ERR_OK) {
    schedule_free(s);
    return e;
  }
  *ret = s;
  return ERR_OK;
}

static enum err fill_cached(struct keeper *k, const struct job *job, struct cached_job *c) {
  c->job = job_copy(job);
  if (!c->job) return ERR_NO_MEMORY;
  TRY(keeper_compile(k, c->job, k->settings->timezone, k->meta.alive_ms, &c->schedule, NULL));
  int64_t range_ms = job->splay == FIELD_NULL ? 0 : job->splay * 1000;
  c->splay_ms = plan_splay_ms((uint64_t)job->seed, range_ms, schedule_min_interval_ms(c->schedule));
  return ERR_OK;
}

static enum err add_cached(struct keeper *k, const struct job *job, struct cached_job **ret) {
  struct cached_job *c = calloc(1, sizeof *c);
  if (!c) return ERR_NO_MEMORY;
  enum err e = fill_cached(k, job, c);
  if (e == ERR_OK) e = map_put(&k->cache.map, (uint64_t)job->no, c);
  if (e != ERR_OK) {
    free_cached(c);
    return e;
  }
  link_newest(&k->cache, c);
  if (k->cache.map.count > KEEPER_CACHE_JOBS) keeper_forget_job(k, k->cache.oldest->job->no);
  *ret = c;
  return ERR_OK;
}

enum err keeper_cache_job(struct keeper *k, const struct job *job) {
  struct cached_job *c;
  keeper_forget_job(k, job->no);
  return add_cached(k, job, &c);
}

enum err keeper_job(struct keeper *k, int64_t job_no, struct cached_job **ret) {
  struct cached_job *c = map_get(&k->cache.map, (uint64_t)job_no);
  if (c) {
    unlink_cached(&k->cache, c);
    link_newest(&k->cache, c);
    *ret = c;
    return ERR_OK;
  }
  struct job row = {};
  TRY(k->rows->ops->get(k->rows, TABLE_JOB, &job_no, &row, &k->scratch));
  return add_cached(k, &row, ret);
}

enum err keeper_version(struct keeper *k, int64_t job_no, int64_t version, struct job **ret) {
  struct cached_job *c = map_get(&k->cache.map, (uint64_t)job_no);
  if (c && c->job->version == version) {
    *ret = job_ref(c->job);
    return ERR_OK;
  }
  struct version_row row;
  TRY(k->rows->ops->get(k->rows, TABLE_VERSION, (int64_t[]){job_no, version}, &row, &k->scratch));
  struct job job;
  job_init(&job);
  TRY(record_from_text(job_fields, job_field_count, str_of(row.definition), &job, &k->scratch));
  job.no = job_no;
  job.version = version;
  *ret = job_copy(&job);
  return *ret ? ERR_OK : ERR_NO_MEMORY;
}
