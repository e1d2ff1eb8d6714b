#include "worlds/keep_link.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "model/world_row.h"

#define HOUR_MS INT64_C(3600000)
#define SIGNATURE_BYTES 16
#define HOURS_MAX INT64_C(100000000)

struct signature {
  char hex[2 * SIGNATURE_BYTES + 1];
};

static struct signature sign(const unsigned char key[32], struct str world_id, int64_t hours) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int mac_len = 0;
  BUF_AUTO struct buf text = buf_new(KEEP_TOKEN_MAX);
  buf_addf(&text, "keep\n%.*s\n%lld", STR_ARG(world_id), (long long)hours);
  ASSERT(buf_error(&text) == ERR_OK);
  ASSERT(HMAC(EVP_sha256(), key, 32, (const unsigned char *)text.ptr, text.len, mac, &mac_len));
  struct signature s = {};
  for (size_t i = 0; i < SIGNATURE_BYTES; i++) {
    s.hex[2 * i] = "0123456789abcdef"[mac[i] >> 4];
    s.hex[2 * i + 1] = "0123456789abcdef"[mac[i] & 15];
  }
  return s;
}

void keep_token_make(const unsigned char key[32], struct str world_id, int64_t expires_ms, struct buf *out) {
  ASSERT(world_id_is_valid(world_id));
  int64_t hours = (expires_ms + HOUR_MS - 1) / HOUR_MS;
  struct signature s = sign(key, world_id, hours);
  buf_addf(out, "%.*s~%lld~%s", STR_ARG(world_id), (long long)hours, s.hex);
}

static enum err not_ours(struct err_detail *detail) {
  (void)err_set(detail, ERR_INVALID, "token", 0, "this link is not valid");
  err_hint(detail, "take the link from the mail, whole");
  return ERR_INVALID;
}

enum err keep_token_check(const unsigned char key[32], struct str token, int64_t now_ms,
                          struct str *ret_world_id, struct err_detail *detail) {
  struct str rest = token, id, expiry, signature, more;
  int64_t hours;
  if (!token.ptr || token.len > KEEP_TOKEN_MAX || !str_split(&rest, '~', &id) ||
      !str_split(&rest, '~', &expiry) || !str_split(&rest, '~', &signature) || str_split(&rest, '~', &more))
    return not_ours(detail);
  if (!world_id_is_valid(id) || !str_to_int(expiry, 0, HOURS_MAX, &hours)) return not_ours(detail);
  struct signature want = sign(key, id, hours);
  if (!str_eq_secret(signature, str_of(want.hex))) return not_ours(detail);
  if (now_ms >= hours * HOUR_MS)
    return err_set(detail, ERR_TOKEN_EXPIRED, "token", 0, "this link has expired");
  *ret_world_id = id;
  return ERR_OK;
}
