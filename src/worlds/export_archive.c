#include "worlds/export_archive.h"

#include "worlds/memory_store.h"

struct visit {
  export_segment_fn *fn;
  void *arg;
};

static enum err visit_segment(void *arg, const struct memory_segment *s, struct str lines,
                              struct err_detail *detail) {
  struct visit *v = arg;
  JSON_AUTO json_t *segment =
      json_pack("{s:I, s:I, s:I, s:I, s:s, s:s%}", "fromTurn", (json_int_t)s->from_turn, "toTurn",
                (json_int_t)s->to_turn, "count", (json_int_t)s->count, "bytes", (json_int_t)s->bytes,
                "sha256", s->sha256, "lines", lines.ptr, lines.len);
  return segment ? v->fn(v->arg, segment, detail) : ERR_NO_MEMORY;
}

enum err export_each_segment(struct lane *l, struct str world_id, export_segment_fn *fn, void *arg) {
  struct visit v = {fn, arg};
  return memory_each_segment(l, world_id, 0, visit_segment, &v);
}

enum err export_put_segment(struct lane *l, struct str world_id, const json_t *segment, int64_t now_ms) {
  struct archive *archive;
  struct str lines = json_text_at(segment, "lines");
  char hash[SEGMENT_SHA256_LEN + 1];
  BUF_AUTO struct buf blob = buf_new(ARCHIVE_BLOB_BYTES_MAX);
  if (!lines.ptr) return err_set(l->detail, ERR_INVALID, "segment", 0, "has no lines");
  segment_sha256(lines, hash);
  if (!str_eq(str_of(hash), json_text_at(segment, "sha256")))
    return err_set(l->detail, ERR_INVALID, "segment", 0, "its lines do not have their hash");
  TRY(segment_pack(lines, SEGMENT_LEVEL, &blob, l->detail));
  TRY(lane_archive(l, &archive));
  return archive_put(
      archive,
      &(struct archive_segment){.key = {world_id, json_int_at(segment, "fromTurn", 0), str_of(hash)},
                                .to_turn = json_int_at(segment, "toTurn", 0),
                                .count = json_int_at(segment, "count", 0),
                                .bytes = (int64_t)lines.len,
                                .blob = buf_str(&blob),
                                .created_ms = now_ms},
      l->detail);
}

enum err export_forget_segments(struct lane *l, struct str world_id) {
  return memory_forget_segments(l, world_id);
}
