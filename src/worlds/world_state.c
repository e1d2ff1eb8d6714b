#include "worlds/world_state.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/buf.h"

#define ZSTD_LEVEL 3 /* a sync of a busy big world pays it every five minutes */
#define RAW_BYTES_MAX ((int64_t)256 * 1024 * 1024)
#define MAGIC "W1"

struct str live_field_find(const struct live_field *fields, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (str_eq(fields[i].name, str_of(name))) return fields[i].bytes;
  return STR_NONE;
}

int64_t world_state_counter(const struct live_world *w, const char *name) {
  int64_t value = 0;
  struct str text = live_field_find(w->core, w->core_count, name);
  return text.ptr && str_to_int(text, INT64_MIN, INT64_MAX, &value) ? value : 0;
}

/* ---- writing ---- */

static int by_name(const void *a, const void *b) {
  struct str x = ((const struct live_field *)a)->name, y = ((const struct live_field *)b)->name;
  int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);
  return order ? order : (x.len > y.len) - (x.len < y.len);
}

static int by_instant(const void *a, const void *b) {
  const struct live_entry *x = a, *y = b;
  if (x->at_ms != y->at_ms) return x->at_ms < y->at_ms ? -1 : 1;
  int order = memcmp(x->bytes.ptr, y->bytes.ptr, x->bytes.len < y->bytes.len ? x->bytes.len : y->bytes.len);
  return order ? order : (x->bytes.len > y->bytes.len) - (x->bytes.len < y->bytes.len);
}

static void put_number(struct buf *out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++) buf_add_char(out, (char)(value >> (8 * i) & 0xFF));
}

static void put_bytes(struct buf *out, struct str s) {
  put_number(out, s.len, 4);
  buf_add_str(out, s);
}

static void *sorted_copy(struct arena *arena, const void *from, size_t count, size_t size,
                         int (*compare)(const void *, const void *)) {
  void *copy = arena_alloc(arena, count ? count * size : 1);
  if (!copy || !count) return copy;
  memcpy(copy, from, count * size);
  qsort(copy, count, size, compare);
  return copy;
}

static enum err put_fields(struct buf *out, char kind, const struct live_field *fields, size_t count,
                           struct arena *arena) {
  struct live_field *sorted = sorted_copy(arena, fields, count, sizeof *fields, by_name);
  if (!sorted) return ERR_NO_MEMORY;
  for (size_t i = 0; i < count; i++) {
    if (str_starts(sorted[i].name, STR("sys."))) continue;
    buf_add_char(out, kind);
    put_bytes(out, sorted[i].name);
    put_bytes(out, sorted[i].bytes);
  }
  return ERR_OK;
}

static enum err put_events(struct buf *out, const struct live_world *w, struct arena *arena) {
  struct live_entry *sorted = sorted_copy(arena, w->events, w->event_count, sizeof *w->events, by_instant);
  if (!sorted) return ERR_NO_MEMORY;
  for (size_t i = 0; i < w->event_count; i++) {
    buf_add_char(out, 'e');
    put_number(out, (uint64_t)sorted[i].at_ms, 8);
    put_bytes(out, sorted[i].bytes);
  }
  return ERR_OK;
}

static void hash_text(struct str bytes, char ret[WORLD_HASH_TEXT]) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  ASSERT(EVP_Digest(bytes.ptr, bytes.len, hash, &n, EVP_sha256(), NULL) == 1 && n * 2 + 1 == WORLD_HASH_TEXT);
  for (unsigned i = 0; i < n; i++) {
    ret[2 * i] = "0123456789abcdef"[hash[i] >> 4];
    ret[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
  }
  ret[WORLD_HASH_TEXT - 1] = '\0';
}

static enum err compress(struct str raw, struct arena *arena, struct world_bytes *ret) {
  size_t room = ZSTD_compressBound(raw.len);
  char *to = arena_alloc(arena, room);
  if (!to) return ERR_NO_MEMORY;
  size_t n = ZSTD_compress(to, room, raw.ptr, raw.len, ZSTD_LEVEL);
  if (ZSTD_isError(n)) return ERR_INTERNAL;
  ret->codec = "zstd";
  ret->data = (struct str){to, n};
  return ERR_OK;
}

enum err world_state_encode(const struct live_world *w, int64_t zstd_above, struct arena *arena,
                            struct world_bytes *ret) {
  BUF_AUTO struct buf out = buf_new((size_t)RAW_BYTES_MAX);
  struct world_bytes b = {.codec = "none"};
  buf_add_text(&out, MAGIC);
  TRY(put_fields(&out, 'c', w->core, w->core_count, arena));
  TRY(put_events(&out, w, arena));
  TRY(put_fields(&out, 's', w->session, w->session_count, arena));
  TRY(buf_error(&out));
  b.raw_bytes = (int64_t)out.len;
  hash_text(buf_str(&out), b.hash);
  if (b.raw_bytes > zstd_above) {
    TRY(compress(buf_str(&out), arena, &b));
  } else {
    char *copy = arena_alloc(arena, out.len);
    if (!copy) return ERR_NO_MEMORY;
    memcpy(copy, out.ptr, out.len);
    b.data = (struct str){copy, out.len};
  }
  *ret = b;
  return ERR_OK;
}

/* ---- reading ---- */

struct reader {
  const unsigned char *at, *end;
  bool is_bad;
};

static uint64_t take_number(struct reader *r, int bytes) {
  uint64_t value = 0;
  if (r->end - r->at < bytes) r->is_bad = true;
  for (int i = 0; i < bytes && !r->is_bad; i++) value |= (uint64_t)r->at[i] << (8 * i);
  if (!r->is_bad) r->at += bytes;
  return value;
}

static struct str take_bytes(struct reader *r) {
  size_t n = (size_t)take_number(r, 4);
  if (r->is_bad || (size_t)(r->end - r->at) < n) {
    r->is_bad = true;
    return STR("");
  }
  struct str s = {(const char *)r->at, n};
  r->at += n;
  return s;
}

/* Counts (fields NULL) or fills: the same walk twice. */
static bool walk(struct str raw, struct live_world *w, bool is_filling) {
  struct reader r = {(const unsigned char *)raw.ptr + 2, (const unsigned char *)raw.ptr + raw.len, false};
  w->core_count = w->session_count = w->event_count = 0;
  while (r.at < r.end && !r.is_bad) {
    char kind = (char)*r.at++;
    if (kind == 'e') {
      struct live_entry entry = {.at_ms = (int64_t)take_number(&r, 8)};
      entry.bytes = take_bytes(&r);
      if (is_filling) w->events[w->event_count] = entry;
      w->event_count++;
    } else if (kind == 'c' || kind == 's') {
      struct live_field field = {.name = take_bytes(&r)};
      field.bytes = take_bytes(&r);
      if (is_filling) (kind == 'c' ? &w->core[w->core_count] : &w->session[w->session_count])[0] = field;
      (*(kind == 'c' ? &w->core_count : &w->session_count))++;
    } else {
      r.is_bad = true;
    }
  }
  return !r.is_bad;
}

static enum err decompress(struct str data, int64_t raw_bytes, struct arena *arena, struct str *ret) {
  if (raw_bytes < 0 || raw_bytes > RAW_BYTES_MAX) return ERR_STORE_CORRUPT;
  char *raw = arena_alloc(arena, (size_t)raw_bytes + 1);
  if (!raw) return ERR_NO_MEMORY;
  size_t n = ZSTD_decompress(raw, (size_t)raw_bytes, data.ptr, data.len);
  if (ZSTD_isError(n) || n != (size_t)raw_bytes) return ERR_STORE_CORRUPT;
  *ret = (struct str){raw, n};
  return ERR_OK;
}

static enum err unpacked(struct str data, struct str codec, int64_t raw_bytes, struct arena *arena,
                         struct str *ret) {
  if (str_eq(codec, STR("zstd"))) return decompress(data, raw_bytes, arena, ret);
  if (!str_eq(codec, STR("none"))) return ERR_STORE_CORRUPT;
  char *copy = arena_alloc(arena, data.len + 1);
  if (!copy) return ERR_NO_MEMORY;
  if (data.len) memcpy(copy, data.ptr, data.len);
  *ret = (struct str){copy, data.len};
  return ERR_OK;
}

enum err world_state_decode(struct str data, struct str codec, int64_t raw_bytes, struct arena *arena,
                            struct live_world *ret, struct err_detail *detail) {
  struct str raw;
  struct live_world w = *ret;
  enum err e = unpacked(data, codec, raw_bytes, arena, &raw);
  if (e == ERR_NO_MEMORY) return e;
  if (e != ERR_OK || !str_starts(raw, STR(MAGIC)) || !walk(raw, &w, false))
    return err_set(detail, ERR_STORE_CORRUPT, "WorldState", 0,
                   "the saved state of this world cannot be read");
  w.core = ARENA_ARRAY(arena, struct live_field, w.core_count + 1);
  w.session = ARENA_ARRAY(arena, struct live_field, w.session_count + 1);
  w.events = ARENA_ARRAY(arena, struct live_entry, w.event_count + 1);
  if (!w.core || !w.session || !w.events) return ERR_NO_MEMORY;
  (void)walk(raw, &w, true);
  *ret = w;
  return ERR_OK;
}

/* ---- writes in memory ---- */

static enum err set_fields(struct live_field **fields, size_t *count, const struct live_field *set, size_t n,
                           struct arena *arena) {
  if (n == 0) return ERR_OK;
  struct live_field *grown = ARENA_ARRAY(arena, struct live_field, *count + n);
  if (!grown) return ERR_NO_MEMORY;
  if (*count) memcpy(grown, *fields, *count * sizeof *grown);
  for (size_t i = 0; i < n; i++) {
    size_t at = 0;
    while (at < *count && !str_eq(grown[at].name, set[i].name)) at++;
    if (set[i].bytes.len > 0) {
      grown[at] = set[i];
      if (at == *count) (*count)++;
    } else if (at < *count) {
      grown[at] = grown[--*count];
    }
  }
  *fields = grown;
  return ERR_OK;
}

static enum err add_entries(struct live_entry **entries, size_t *count, const struct live_entry *add,
                            size_t n, struct arena *arena) {
  if (n == 0) return ERR_OK;
  struct live_entry *grown = ARENA_ARRAY(arena, struct live_entry, *count + n);
  if (!grown) return ERR_NO_MEMORY;
  if (*count) memcpy(grown, *entries, *count * sizeof *grown);
  memcpy(grown + *count, add, n * sizeof *grown);
  *entries = grown;
  *count += n;
  return ERR_OK;
}

static enum err count_up(struct live_world *w, const char *name, int64_t by, struct arena *arena) {
  if (by == 0) return ERR_OK;
  char *text = arena_printf(arena, "%lld", (long long)(world_state_counter(w, name) + by));
  if (!text) return ERR_NO_MEMORY;
  struct live_field f = {str_of(name), str_of(text)};
  return set_fields(&w->core, &w->core_count, &f, 1, arena);
}

enum err world_state_raise(struct live_world *w, const char *name, int64_t to, struct arena *arena) {
  int64_t is = world_state_counter(w, name);
  return to > is ? count_up(w, name, to - is, arena) : ERR_OK;
}

enum err world_state_apply(struct live_world *w, struct live_append *a, int64_t now_ms, struct arena *arena) {
  size_t first = w->journal_count;
  TRY(add_entries(&w->journal, &w->journal_count, a->journal, a->journal_count, arena));
  a->first_turn = w->turn + 1;
  for (size_t i = first; i < w->journal_count; i++) w->journal[i].turn = ++w->turn;
  TRY(add_entries(&w->events, &w->event_count, a->events, a->event_count, arena));
  TRY(set_fields(&w->core, &w->core_count, a->core, a->core_count, arena));
  TRY(set_fields(&w->session, &w->session_count, a->session, a->session_count, arena));
  TRY(count_up(w, "stats.messages", a->messages, arena));
  TRY(count_up(w, "stats.events", a->events_applied, arena));
  TRY(count_up(w, "stats.tokens", a->tokens, arena));
  TRY(count_up(w, "stats.costMicroUSD", a->cost_micro_usd, arena));
  TRY(count_up(w, "stats.sessionSeconds", a->session_seconds, arena));
  w->ticks += a->ticks;
  if (a->active_ms != INSTANT_NONE && (w->active_ms == INSTANT_NONE || a->active_ms > w->active_ms))
    w->active_ms = a->active_ms;
  if (w->dirty_ms == INSTANT_NONE) w->dirty_ms = now_ms;
  w->is_there = true;
  a->version = ++w->version;
  a->error = ERR_OK;
  return ERR_OK;
}
