#include "api/cursor.h"

#include <sodium.h>

#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define CURSOR_BYTES_MAX 400

static void encode(struct buf *out, char kind, struct str text) {
  char plain[CURSOR_BYTES_MAX], coded[CURSOR_BYTES_MAX * 2];
  ASSERT(text.len < sizeof plain);
  plain[0] = kind;
  if (text.len) memcpy(plain + 1, text.ptr, text.len);
  sodium_bin2base64(coded, sizeof coded, (const unsigned char *)plain, text.len + 1, VARIANT);
  buf_add_text(out, coded);
}

void cursor_of_text(struct buf *out, struct str after) { encode(out, 't', after); }

void cursor_of_number(struct buf *out, int64_t after) {
  BUF_AUTO struct buf digits = buf_new(32);
  buf_add_int(&digits, after);
  encode(out, 'n', buf_str(&digits));
}

static enum err decode(struct str cursor, char kind, char *ret, size_t size, struct err_detail *d) {
  unsigned char plain[CURSOR_BYTES_MAX];
  size_t n = 0;
  int failed = sodium_base642bin(plain, sizeof plain, cursor.ptr, cursor.len, NULL, &n, NULL, VARIANT);
  if (failed || n == 0 || plain[0] != (unsigned char)kind ||
      !str_copy(ret, size, (struct str){(const char *)plain + 1, n - 1}))
    return err_set(d, ERR_INVALID, "cursor", 0, "not a cursor of this list; take nextCursor as it is");
  return ERR_OK;
}

enum err cursor_to_text(struct str cursor, char *ret, size_t size, struct err_detail *detail) {
  return decode(cursor, 't', ret, size, detail);
}

enum err cursor_to_number(struct str cursor, int64_t *ret_after, struct err_detail *detail) {
  char digits[32];
  TRY(decode(cursor, 'n', digits, sizeof digits, detail));
  if (!str_to_int(str_of(digits), INT64_MIN, INT64_MAX, ret_after))
    return err_set(detail, ERR_INVALID, "cursor", 0, "not a cursor of this list");
  return ERR_OK;
}
