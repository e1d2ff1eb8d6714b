#include <sodium.h>
#include <stdlib.h>

#include "api/api_who.h"
#include "api/identity.h"
#include "sys/work.h"

#define MEMORY_BYTES (64UL * 1024 * 1024)
#define PASSES 3

/* What an unknown account is checked against, so that it takes as long as a known one: the parameters above,
 * and a digest that belongs to no password anybody knows. */
static const char no_ones_hash[] =
    "$argon2id$v=19$m=65536,t=3,p=1$c2VyZW5vLW5vLW9uZXMtMQ$2xbsU1kcSL9KPU3CMb3IrHqRfWWuY0gBgUpfBsyLTBk";

struct password_work {
  struct call *call;
  password_fn *done;
  bool makes, is_right;
  char text[PASSWORD_MAX + 1];
  char hash[crypto_pwhash_STRBYTES];
};

static void run(void *arg) {
  struct password_work *w = arg;
  size_t length = strlen(w->text);
  if (w->makes) w->is_right = crypto_pwhash_str(w->hash, w->text, length, PASSES, MEMORY_BYTES) == 0;
  else w->is_right = crypto_pwhash_str_verify(w->hash, w->text, length) == 0;
  sodium_memzero(w->text, sizeof w->text);
}

static void done(void *arg) {
  struct password_work *w = arg;
  struct call *c = w->call;
  char hash[crypto_pwhash_STRBYTES];
  bool makes = w->makes, is_right = w->is_right;
  password_fn *fn = w->done;
  memcpy(hash, w->hash, sizeof hash);
  sodium_memzero(w, sizeof *w);
  free(w);
  c->api->hashes_waiting--;
  if (makes && !is_right) call_fail(c, ERR_NO_MEMORY);
  else fn(c, makes ? hash : NULL, is_right);
}

static enum err submit(struct call *c, struct str text, const char *hash, password_fn *fn) {
  if (c->api->hashes_waiting >= PASSWORD_HASHES_MAX) return ERR_BUSY;
  struct password_work *w = calloc(1, sizeof *w);
  if (!w) return ERR_NO_MEMORY;
  w->call = c;
  w->done = fn;
  w->makes = !hash;
  (void)str_copy(w->text, sizeof w->text, text);
  if (hash) (void)str_copy(w->hash, sizeof w->hash, str_of(hash));
  enum err e = work_submit(engine_work(c->api->engine), run, done, w);
  if (e == ERR_OK) c->api->hashes_waiting++;
  else free(w);
  return e;
}

enum err password_make(struct call *c, struct str text, password_fn *fn) { return submit(c, text, NULL, fn); }

enum err password_check(struct call *c, struct str text, const char *hash, password_fn *fn) {
  return submit(c, text, hash ? hash : no_ones_hash, fn);
}

enum err password_is_fit(struct str text, const char *field, struct err_detail *detail) {
  if (text.len >= PASSWORD_MIN && text.len <= PASSWORD_MAX) return ERR_OK;
  enum err e =
      err_set(detail, ERR_INVALID, field, 0, "a password has %d to %d bytes", PASSWORD_MIN, PASSWORD_MAX);
  err_hint(detail, "any characters; several words are good");
  return e;
}
