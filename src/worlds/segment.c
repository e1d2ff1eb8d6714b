#include "worlds/segment.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/instant.h"
#include "base/json.h"

#define WINDOW_LOG 23 /* 8 MB: what a long segment needs, and all that unpacking will reserve */

static bool is_writable(struct str s) { return s.len == 0 || (str_is_utf8(s) && !memchr(s.ptr, 0, s.len)); }

bool segment_add(struct buf *lines, const struct memory_item *item) {
  if (!is_writable(item->speaker) || !is_writable(item->place) || !is_writable(item->text) ||
      !is_writable(item->data))
    return false;
  struct json_writer j = jw_new(lines);
  jw_object(&j);
  jw_kint(&j, "turn", item->turn);
  jw_kinstant(&j, "at", item->at_ms);
  jw_kstr(&j, "speaker", item->speaker);
  jw_kbool(&j, "isUser", item->is_user);
  jw_kstr(&j, "place", item->place);
  jw_kstr(&j, "text", item->text);
  jw_kstr(&j, "data", item->data);
  jw_object_end(&j);
  buf_add_char(lines, '\n');
  return true;
}

/* STR_NONE stays null; "" stays "". */
static enum err copy_text(const json_t *o, const char *key, struct arena *arena, struct str *ret) {
  struct str s = json_text_at(o, key);
  if (!s.ptr) return *ret = STR_NONE, ERR_OK;
  char *copy = arena_strdup(arena, s);
  if (!copy) return ERR_NO_MEMORY;
  *ret = (struct str){copy, s.len};
  return ERR_OK;
}

static enum err read_line(struct str line, struct arena *arena, struct memory_item *item) {
  JSON_AUTO json_t *o = NULL;
  TRY(json_parse(line, &o, NULL));
  if (!json_is_integer(json_object_get(o, "turn")) || !instant_from_text(json_text_at(o, "at"), &item->at_ms))
    return ERR_INVALID;
  item->turn = json_int_at(o, "turn", 0);
  item->is_user = json_bool_at(o, "isUser", false);
  TRY(copy_text(o, "speaker", arena, &item->speaker));
  TRY(copy_text(o, "place", arena, &item->place));
  TRY(copy_text(o, "text", arena, &item->text));
  return copy_text(o, "data", arena, &item->data);
}

static size_t count_lines(struct str lines) {
  size_t n = 0;
  for (size_t i = 0; i < lines.len; i++) n += lines.ptr[i] == '\n';
  return n;
}

enum err segment_read(struct str lines, struct arena *arena, struct memory_item **ret, size_t *ret_count,
                      struct err_detail *detail) {
  size_t room = count_lines(lines), count = 0;
  struct memory_item *items = ARENA_ARRAY(arena, struct memory_item, room + 1);
  if (!items) return ERR_NO_MEMORY;
  struct str rest = lines, line;
  while (count < room && str_split(&rest, '\n', &line)) {
    enum err e = read_line(line, arena, &items[count]);
    if (e == ERR_NO_MEMORY) return e;
    bool is_next = e == ERR_OK && (count == 0 || items[count].turn > items[count - 1].turn);
    if (!is_next)
      return err_set(detail, ERR_STORE_CORRUPT, "segment", 0, "line %zu is no interaction", count + 1);
    count++;
  }
  if (lines.len && lines.ptr[lines.len - 1] != '\n')
    return err_set(detail, ERR_STORE_CORRUPT, "segment", 0, "it ends inside a line");
  *ret = items;
  *ret_count = count;
  return ERR_OK;
}

void segment_sha256(struct str bytes, char ret_hex[SEGMENT_SHA256_LEN + 1]) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  ASSERT(EVP_Digest(bytes.ptr ? bytes.ptr : "", bytes.len, hash, &n, EVP_sha256(), NULL) == 1 && n == 32);
  for (unsigned i = 0; i < n; i++) {
    ret_hex[2 * i] = "0123456789abcdef"[hash[i] >> 4];
    ret_hex[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
  }
  ret_hex[SEGMENT_SHA256_LEN] = '\0';
}

enum err segment_pack(struct str lines, int level, struct buf *ret_blob, struct err_detail *detail) {
  if (lines.len > SEGMENT_LINES_BYTES_MAX)
    return err_set(detail, ERR_LIMIT, "segment", 0, "%zu bytes are too many for one segment", lines.len);
  size_t room = ZSTD_compressBound(lines.len);
  char *to = buf_reserve(ret_blob, room);
  ZSTD_CCtx *z = ZSTD_createCCtx();
  if (!to || !z) {
    ZSTD_freeCCtx(z);
    return ERR_NO_MEMORY;
  }
  ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
  if (lines.len > (size_t)1 << WINDOW_LOG) ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, WINDOW_LOG);
  size_t n = ZSTD_compress2(z, to, room, lines.ptr ? lines.ptr : "", lines.len);
  ZSTD_freeCCtx(z);
  if (ZSTD_isError(n)) return err_set(detail, ERR_INTERNAL, "segment", 0, "zstd: %s", ZSTD_getErrorName(n));
  buf_used(ret_blob, n);
  return ERR_OK;
}

enum err segment_unpack(struct str blob, struct buf *ret_lines, struct err_detail *detail) {
  unsigned long long size = ZSTD_getFrameContentSize(blob.ptr ? blob.ptr : "", blob.len);
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > SEGMENT_LINES_BYTES_MAX)
    return err_set(detail, ERR_STORE_CORRUPT, "segment", 0, "it is no segment");
  char *to = buf_reserve(ret_lines, (size_t)size + 1);
  ZSTD_DCtx *z = ZSTD_createDCtx();
  if (!to || !z) {
    ZSTD_freeDCtx(z);
    return ERR_NO_MEMORY;
  }
  ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, WINDOW_LOG);
  size_t n = ZSTD_decompressDCtx(z, to, (size_t)size + 1, blob.ptr, blob.len);
  ZSTD_freeDCtx(z);
  if (ZSTD_isError(n) || n != size)
    return err_set(detail, ERR_STORE_CORRUPT, "segment", 0, "zstd: %s",
                   ZSTD_isError(n) ? ZSTD_getErrorName(n) : "another length than it says");
  buf_used(ret_lines, n);
  return ERR_OK;
}
