/* CronAudit: each row's hash covers the hash before it, so that a changed, removed or moved row shows. */
#include <openssl/evp.h>

#include "store/keeper.h"

static void add_text(EVP_MD_CTX *md,
                     const char *text) { /* length first, so that fields cannot flow together */
  uint64_t n = text ? strlen(text) : UINT64_MAX;
  unsigned char length[8];
  for (int i = 0; i < 8; i++) length[i] = (unsigned char)(n >> (8 * i));
  EVP_DigestUpdate(md, length, sizeof length);
  if (text) EVP_DigestUpdate(md, text, n);
}

static void add_number(EVP_MD_CTX *md, int64_t number) {
  unsigned char bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)number >> (8 * i));
  EVP_DigestUpdate(md, bytes, sizeof bytes);
}

void audit_chain_hash(const char before[65], const struct audit_log_row *row, char ret[65]) {
  unsigned char digest[32];
  EVP_MD_CTX *md = EVP_MD_CTX_new();
  ASSERT(md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1);
  add_text(md, before);
  add_number(md, row->seq);
  add_number(md, row->at_ms);
  const char *texts[] = {row->actor, row->action,  row->object,    row->before,
                         row->after, row->address, row->request_id};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) add_text(md, texts[i]);
  ASSERT(EVP_DigestFinal_ex(md, digest, NULL) == 1);
  EVP_MD_CTX_free(md);
  for (int i = 0; i < 32; i++) {
    ret[2 * i] = "0123456789abcdef"[digest[i] >> 4];
    ret[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
  }
  ret[64] = 0;
}

enum err keeper_note(struct keeper *k, const struct audit_note *note, int64_t at_ms) {
  if (!note->actor) return ERR_OK;
  struct audit_log_row row = {.seq = k->audit_seq + 1,
                              .at_ms = at_ms,
                              .actor = note->actor,
                              .action = note->action,
                              .object = note->object,
                              .before = note->before,
                              .after = note->after,
                              .address = note->address,
                              .request_id = note->request_id};
  char hash[65];
  audit_chain_hash(k->audit_hash, &row, hash);
  row.hash = hash;
  TRY(keeper_put(k, TABLE_AUDIT, &row));
  k->audit_seq = row.seq;
  memcpy(k->audit_hash, hash, sizeof hash);
  return ERR_OK;
}

static bool take_last(void *arg, const void *record) {
  struct keeper *k = arg;
  const struct audit_log_row *row = record;
  k->audit_seq = row->seq;
  str_copy(k->audit_hash, sizeof k->audit_hash, str_of(row->hash));
  return false;
}

enum err keeper_load_chain(struct keeper *k) {
  k->audit_seq = 0;
  memset(k->audit_hash, 0, sizeof k->audit_hash);
  return k->rows->ops->scan(k->rows, SCAN_AUDIT_DOWN, &SCAN_ALL, take_last, k);
}
