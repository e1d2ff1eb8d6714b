#include "worlds/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "sys/os_file.h"

#define LEVEL 3
#define PIECE ((size_t)131072)

/* ---- hashing ---- */

struct hash {
  EVP_MD_CTX *md;
  int64_t bytes;
};

static enum err hash_begin(struct hash *h) {
  *h = (struct hash){.md = EVP_MD_CTX_new()};
  return h->md && EVP_DigestInit_ex(h->md, EVP_sha256(), NULL) == 1 ? ERR_OK : ERR_NO_MEMORY;
}

static void hash_add(struct hash *h, const void *bytes, size_t n) {
  ASSERT(EVP_DigestUpdate(h->md, bytes, n) == 1);
  h->bytes += (int64_t)n;
}

static void hash_end(struct hash *h, struct backup_file *ret) {
  unsigned char sum[32];
  ASSERT(EVP_DigestFinal_ex(h->md, sum, NULL) == 1);
  for (size_t i = 0; i < sizeof sum; i++) {
    ret->sha256[2 * i] = "0123456789abcdef"[sum[i] >> 4];
    ret->sha256[2 * i + 1] = "0123456789abcdef"[sum[i] & 15];
  }
  ret->sha256[64] = '\0';
  ret->bytes = h->bytes;
}

static FILE *open_new(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  return fd >= 0 ? fdopen(fd, "w") : NULL;
}

static FILE *open_old(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  return fd >= 0 ? fdopen(fd, "r") : NULL;
}

enum err backup_measure(const char *path, struct backup_file *ret_file, struct err_detail *detail) {
  struct hash h;
  FILE *f = open_old(path);
  if (!f) return os_error(errno, detail, "open", path);
  char *room = malloc(PIECE);
  enum err e = room ? hash_begin(&h) : ERR_NO_MEMORY;
  size_t n;
  while (e == ERR_OK && (n = fread(room, 1, PIECE, f)) > 0) hash_add(&h, room, n);
  if (e == ERR_OK && ferror(f)) e = os_error(EIO, detail, "read", path);
  if (e == ERR_OK) hash_end(&h, ret_file);
  if (room) EVP_MD_CTX_free(h.md);
  free(room);
  fclose(f);
  return e;
}

/* ---- compressing ---- */

struct squeeze {
  FILE *from, *to;
  const char *to_path;
  char *in, *out;
  ZSTD_CCtx *z;
  struct hash hash;
};

static enum err squeeze_all(struct squeeze *s, struct err_detail *detail) {
  bool is_last;
  do {
    size_t n = fread(s->in, 1, PIECE, s->from), left;
    is_last = n < PIECE;
    if (ferror(s->from)) return os_error(EIO, detail, "read", "the copy");
    ZSTD_inBuffer in = {s->in, n, 0};
    do {
      ZSTD_outBuffer out = {s->out, PIECE, 0};
      left = ZSTD_compressStream2(s->z, &out, &in, is_last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left))
        return err_set(detail, ERR_INTERNAL, "backup", 0, "%s", ZSTD_getErrorName(left));
      if (fwrite(s->out, 1, out.pos, s->to) != out.pos) return os_error(errno, detail, "write", s->to_path);
      hash_add(&s->hash, s->out, out.pos);
    } while (is_last ? left > 0 : in.pos < in.size);
  } while (!is_last);
  if (fflush(s->to) != 0 || fsync(fileno(s->to)) != 0) return os_error(errno, detail, "sync", s->to_path);
  return ERR_OK;
}

enum err backup_compress(const char *from, const char *to, struct backup_file *ret_file,
                         struct err_detail *detail) {
  struct squeeze s = {.from = open_old(from),
                      .to_path = to,
                      .in = malloc(PIECE),
                      .out = malloc(PIECE),
                      .z = ZSTD_createCCtx()};
  enum err e = s.from ? hash_begin(&s.hash) : os_error(errno, detail, "open", from);
  if (e == ERR_OK && !(s.to = open_new(to))) e = os_error(errno, detail, "create", to);
  if (e == ERR_OK && !(s.in && s.out && s.z)) e = ERR_NO_MEMORY;
  if (e == ERR_OK) {
    ZSTD_CCtx_setParameter(s.z, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(s.z, ZSTD_c_checksumFlag, 1);
    e = squeeze_all(&s, detail);
  }
  if (e == ERR_OK) hash_end(&s.hash, ret_file);
  if (s.from) fclose(s.from);
  if (s.to) fclose(s.to);
  EVP_MD_CTX_free(s.hash.md);
  ZSTD_freeCCtx(s.z);
  free(s.in);
  free(s.out);
  return e;
}

static enum err unpack_all(FILE *from, FILE *to, ZSTD_DStream *z, char *room, struct err_detail *detail) {
  size_t n, left = 0;
  while ((n = fread(room, 1, PIECE, from)) > 0) {
    ZSTD_inBuffer in = {room, n, 0};
    while (in.pos < in.size) {
      ZSTD_outBuffer out = {room + PIECE, PIECE, 0};
      left = ZSTD_decompressStream(z, &out, &in);
      if (ZSTD_isError(left))
        return err_set(detail, ERR_STORE_CORRUPT, "backup", 0, "%s", ZSTD_getErrorName(left));
      if (fwrite(room + PIECE, 1, out.pos, to) != out.pos)
        return os_error(errno, detail, "write", "the copy");
    }
  }
  /* what the last call could not put out yet */
  for (size_t put = PIECE; left > 0 && put == PIECE;) {
    ZSTD_inBuffer in = {room, 0, 0};
    ZSTD_outBuffer out = {room + PIECE, PIECE, 0};
    left = ZSTD_decompressStream(z, &out, &in);
    put = out.pos;
    if (ZSTD_isError(left) || fwrite(room + PIECE, 1, put, to) != put) break;
  }
  if (left != 0 || fflush(to) != 0)
    return err_set(detail, ERR_STORE_CORRUPT, "backup", 0, "a file is cut short");
  return ERR_OK;
}

enum err backup_decompress(const char *from, const char *to, struct err_detail *detail) {
  FILE *f = open_old(from), *t = NULL;
  if (!f) return os_error(errno, detail, "open", from);
  ZSTD_DStream *z = ZSTD_createDStream();
  char *room = malloc(2 * PIECE);
  enum err e = z && room ? ERR_OK : ERR_NO_MEMORY;
  if (e == ERR_OK && !(t = open_new(to))) e = os_error(errno, detail, "create", to);
  if (e == ERR_OK) e = unpack_all(f, t, z, room, detail);
  fclose(f);
  if (t) fclose(t);
  ZSTD_freeDStream(z);
  free(room);
  return e;
}

/* ---- names and folders ---- */

bool backup_name_is_valid(struct str name) {
  if (name.len < 3 || name.len >= BACKUP_NAME_MAX) return false;
  if (!str_starts(name, STR("config-")) && !str_starts(name, STR("system-"))) return false;
  for (size_t i = 0; i < name.len; i++) {
    char c = name.ptr[i];
    bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (!is_word) return false;
  }
  return true;
}

static void remove_in(int at, const char *name, int depth) {
  int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  if (!dir) {
    if (fd >= 0) close(fd);
    (void)unlinkat(at, name, 0);
    return;
  }
  for (struct dirent *d; (d = readdir(dir));) {
    if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0) continue;
    if (unlinkat(fd, d->d_name, 0) != 0 && depth > 0) remove_in(fd, d->d_name, depth - 1);
  }
  closedir(dir);
  (void)unlinkat(at, name, AT_REMOVEDIR);
}

void backup_remove(const char *path) { remove_in(AT_FDCWD, path, 2); }
