#include "warden/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "sys/os_file.h"

#define LAUNCH_MAGIC 0x4E55414C /* "LAUN" */
#define LAUNCH_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct launch_head {
  uint32_t magic;
  uint32_t kind;
  uint32_t argc;
  uint32_t envc;
  uint32_t params_bytes;
  uint32_t reserved;
};

static enum err add_texts(struct buf *b, const char *const *texts, uint32_t *ret_count) {
  uint32_t count = 0;
  for (; texts && texts[count]; count++) {
    if (count >= LAUNCH_TEXTS_MAX) return ERR_LIMIT;
    buf_add(b, texts[count], strlen(texts[count]) + 1);
  }
  *ret_count = count;
  return ERR_OK;
}

static enum err check_variable(const char *variable, struct err_detail *detail) {
  const char *equals = strchr(variable, '=');
  if (!equals || equals == variable)
    return err_set(detail, ERR_INVALID, "envp", 0, "\"%.40s\" is not of the form NAME=value", variable);
  struct str v = str_of(variable);
  if (str_starts(v, STR("SERENO_RUN_")) || str_starts(v, STR("SERENO_TAG=")))
    return err_set(detail, ERR_INVALID, "envp", 0, "\"%.40s\" is set by the warden", variable);
  return ERR_OK;
}

static enum err check_spec(const struct warden_launch_spec *spec, struct err_detail *detail) {
  for (const char *const *v = spec->envp; v && *v; v++) TRY(check_variable(*v, detail));
  if (spec->cwd && spec->cwd[0] != '/')
    return err_set(detail, ERR_INVALID, "cwd", 0, "\"%.100s\" is not an absolute path", spec->cwd);
  if (spec->stdin_bytes.len > LAUNCH_STDIN_BYTES_MAX)
    return err_set(detail, ERR_LIMIT, "stdin", 0, "%zu bytes; the maximum is %d", spec->stdin_bytes.len,
                   LAUNCH_STDIN_BYTES_MAX);
  if (spec->kind == LAUNCH_PROGRAM) {
    if (!spec->argv || !spec->argv[0] || !*spec->argv[0])
      return err_set(detail, ERR_INVALID, "argv", 0, "there is no program to run");
    return ERR_OK;
  }
  ASSERT(spec->kind == LAUNCH_BUILTIN);
  if (!spec->executor || !*spec->executor)
    return err_set(detail, ERR_INVALID, "executor", 0, "no executor is named");
  if (spec->params.len > LIMIT_PARAMS_BYTES)
    return err_set(detail, ERR_LIMIT, "params", 0, "%zu bytes; the maximum is %d", spec->params.len,
                   LIMIT_PARAMS_BYTES);
  return ERR_OK;
}

/* The sealed file keeps its offset at 0, so that a reader may begin at once. */
static enum err sealed_file(struct str bytes, int *ret_fd, struct err_detail *detail) {
  int fd = memfd_create("sereno-run", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return os_error(errno, detail, "memfd_create", "sereno-run");
  size_t done = 0;
  while (done < bytes.len) {
    ssize_t n = pwrite(fd, bytes.ptr + done, bytes.len - done, (off_t)done);
    if (n <= 0) break;
    done += (size_t)n;
  }
  if (done < bytes.len || fcntl(fd, F_ADD_SEALS, LAUNCH_SEALS) != 0) {
    enum err e = os_error(errno, detail, "write memfd", "sereno-run");
    close(fd);
    return e;
  }
  *ret_fd = fd;
  return ERR_OK;
}

static enum err add_block(struct buf *b, const struct warden_launch_spec *spec) {
  struct launch_head head = {.magic = LAUNCH_MAGIC, .kind = (uint32_t)spec->kind};
  buf_add(b, &head, sizeof head);
  bool is_program = spec->kind == LAUNCH_PROGRAM;
  buf_add_text(b, spec->cwd ? spec->cwd : "/");
  buf_add_char(b, '\0');
  buf_add_text(b, is_program ? "" : spec->executor);
  buf_add_char(b, '\0');
  if (is_program) TRY(add_texts(b, spec->argv, &head.argc));
  TRY(add_texts(b, spec->envp, &head.envc));
  if (head.argc + head.envc > LAUNCH_TEXTS_MAX) return ERR_LIMIT;
  if (!is_program) {
    head.params_bytes = (uint32_t)spec->params.len;
    buf_add_str(b, spec->params);
    buf_add_char(b, '\0');
  }
  TRY(buf_error(b));
  memcpy(b->ptr, &head, sizeof head);
  return ERR_OK;
}

enum err warden_launch_build(const struct warden_launch_spec *spec, struct warden_launch *ret,
                             struct err_detail *detail) {
  TRY(check_spec(spec, detail));
  BUF_AUTO struct buf b = buf_new(LAUNCH_BYTES_MAX);
  enum err e = add_block(&b, spec);
  if (e == ERR_LIMIT)
    return err_set(detail, e, "argv", 0, "arguments and environment are above %d bytes or %d texts",
                   LAUNCH_BYTES_MAX, LAUNCH_TEXTS_MAX);
  TRY(e);
  struct warden_launch launch = WARDEN_LAUNCH_NONE;
  TRY(sealed_file(buf_str(&b), &launch.fd, detail));
  if (spec->kind == LAUNCH_PROGRAM && spec->stdin_bytes.len) {
    e = sealed_file(spec->stdin_bytes, &launch.stdin_fd, detail);
    if (e != ERR_OK) {
      warden_launch_close(&launch);
      return e;
    }
  }
  *ret = launch;
  return ERR_OK;
}

void warden_launch_close(struct warden_launch *launch) {
  os_close(&launch->fd);
  os_close(&launch->stdin_fd);
}

struct reader {
  const char *at;
  const char *end;
};

/* The next terminated text, or NULL when there is none. */
static const char *read_text(struct reader *r) {
  const char *nul = memchr(r->at, '\0', (size_t)(r->end - r->at));
  if (!nul) return NULL;
  const char *text = r->at;
  r->at = nul + 1;
  return text;
}

static bool read_texts(struct reader *r, const char **to, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!(to[i] = read_text(r))) return false;
  to[count] = NULL;
  return true;
}

static enum err parse_body(struct reader *r, const struct launch_head *head, struct launch *l) {
  l->cwd = read_text(r);
  l->executor = l->cwd ? read_text(r) : NULL;
  if (!l->executor || l->cwd[0] != '/') return ERR_INVALID;
  if (!read_texts(r, l->argv, l->argc) || !read_texts(r, l->envp, l->envc)) return ERR_INVALID;
  if (l->kind == LAUNCH_PROGRAM) return l->argv[0][0] && r->at == r->end ? ERR_OK : ERR_INVALID;
  if (!l->executor[0] || (size_t)(r->end - r->at) != (size_t)head->params_bytes + 1) return ERR_INVALID;
  l->params = (struct str){r->at, head->params_bytes};
  return r->at[head->params_bytes] == '\0' ? ERR_OK : ERR_INVALID;
}

enum err launch_parse(struct str block, struct arena *arena, struct launch *ret, struct err_detail *detail) {
  struct launch_head head;
  if (block.len < sizeof head || block.len > LAUNCH_BYTES_MAX)
    return err_set(detail, ERR_INVALID, "launch", 0, "%zu bytes", block.len);
  memcpy(&head, block.ptr, sizeof head);
  bool is_program = head.kind == LAUNCH_PROGRAM;
  if (head.magic != LAUNCH_MAGIC || (!is_program && head.kind != LAUNCH_BUILTIN) ||
      head.argc > LAUNCH_TEXTS_MAX || head.envc > LAUNCH_TEXTS_MAX || is_program != (head.argc > 0) ||
      head.params_bytes > LIMIT_PARAMS_BYTES)
    return err_set(detail, ERR_INVALID, "launch", 0, "the head is not valid");
  struct launch l = {
      .kind = is_program ? LAUNCH_PROGRAM : LAUNCH_BUILTIN, .argc = head.argc, .envc = head.envc};
  l.argv = ARENA_ARRAY(arena, const char *, l.argc + 1);
  l.envp = ARENA_ARRAY(arena, const char *, l.envc + LAUNCH_ENV_EXTRA + 1);
  if (!l.argv || !l.envp) return ERR_NO_MEMORY;
  struct reader r = {block.ptr + sizeof head, block.ptr + block.len};
  if (parse_body(&r, &head, &l) != ERR_OK)
    return err_set(detail, ERR_INVALID, "launch", 0, "a text is missing or not terminated");
  *ret = l;
  return ERR_OK;
}
