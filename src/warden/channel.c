#include "warden/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "sys/os_file.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define ERROR_BODY_MAX 8192

/* ---- the packet ---- */

static enum err malformed(struct err_detail *detail, const char *what) {
  return err_set(detail, ERR_INVALID, "channel", 0, "a malformed message: %s", what);
}

enum err channel_parse(struct str packet, size_t fd_count, struct channel_packet *ret,
                       struct err_detail *detail) {
  struct channel_head h;
  if (packet.len < sizeof h || packet.len > CHANNEL_PACKET_MAX) return malformed(detail, "its length");
  memcpy(&h, packet.ptr, sizeof h);
  if (h.magic != CHANNEL_MAGIC || h.reserved != 0) return malformed(detail, "its header");
  bool is_call = h.kind == CHANNEL_CALL;
  if (!is_call && h.kind != CHANNEL_ANSWER) return malformed(detail, "its kind");
  if (h.body_in_fd > 1 || h.has_payload > 1) return malformed(detail, "its flags");
  if (fd_count != (size_t)h.body_in_fd + h.has_payload) return malformed(detail, "its descriptors");
  if (h.error >= ERR_COUNT || (is_call && h.error != ERR_OK)) return malformed(detail, "its error");
  if (is_call ? h.name_bytes == 0 || h.name_bytes > CHANNEL_NAME_MAX : h.name_bytes != 0)
    return malformed(detail, "its name");
  if (h.body_bytes > CHANNEL_BODY_MAX || h.payload_bytes > CHANNEL_PAYLOAD_MAX ||
      (!h.has_payload && h.payload_bytes != 0))
    return malformed(detail, "its sizes");
  size_t inside = h.body_in_fd ? 0 : (size_t)h.body_bytes;
  if (packet.len != sizeof h + h.name_bytes + inside) return malformed(detail, "its length");
  struct str name = {packet.ptr + sizeof h, h.name_bytes};
  if (memchr(name.ptr, '\0', name.len)) return malformed(detail, "its name");
  *ret = (struct channel_packet){h, name, {packet.ptr + sizeof h + h.name_bytes, inside}};
  return ERR_OK;
}

/* ---- sealed files ---- */

static enum err seal(struct str bytes, int *ret_fd, struct err_detail *detail) {
  int fd = memfd_create("sereno-call", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return os_error(errno, detail, "memfd_create", "sereno-call");
  size_t done = 0;
  while (done < bytes.len) {
    ssize_t n = write(fd, bytes.ptr + done, bytes.len - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += (size_t)n;
  }
  if (done < bytes.len || fcntl(fd, F_ADD_SEALS, SEALS) != 0) {
    enum err e = os_error(errno, detail, "write memfd", "sereno-call");
    os_close(&fd);
    return e;
  }
  *ret_fd = fd;
  return ERR_OK;
}

/* Sealed, so that it cannot change or shrink under us. */
static enum err map_sealed(int fd, uint64_t bytes, void **ret, struct str *ret_text,
                           struct err_detail *detail) {
  struct stat st;
  int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & SEALS) != SEALS) return malformed(detail, "its memory is not sealed");
  if (fstat(fd, &st) != 0 || (uint64_t)st.st_size != bytes) return malformed(detail, "its memory's size");
  *ret_text = (struct str){"", 0};
  if (bytes == 0) return ERR_OK;
  void *map = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  if (map == MAP_FAILED) return os_error(errno, detail, "mmap", "sereno-call");
  *ret = map;
  *ret_text = (struct str){map, bytes};
  return ERR_OK;
}

/* ---- sending ---- */

struct parts {
  struct channel_head head;
  struct str name, body;
  int fds[CHANNEL_FDS_MAX];
  size_t fd_count;
};

static enum err send_packet(int fd, const struct parts *p, struct err_detail *detail) {
  struct str inside = p->head.body_in_fd ? STR_NONE : p->body;
  struct iovec parts[3] = {{(void *)(uintptr_t)&p->head, sizeof p->head},
                           {(void *)(uintptr_t)p->name.ptr, p->name.len},
                           {(void *)(uintptr_t)inside.ptr, inside.len}};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof p->fds)];
  } control = {};
  struct msghdr m = {.msg_iov = parts, .msg_iovlen = 3};
  if (p->fd_count) {
    m.msg_control = control.bytes;
    m.msg_controllen = CMSG_SPACE(p->fd_count * sizeof(int));
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    ASSERT(c);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(p->fd_count * sizeof(int));
    memcpy(CMSG_DATA(c), p->fds, p->fd_count * sizeof(int));
  }
  ssize_t n;
  do n = sendmsg(fd, &m, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n >= 0) return ERR_OK;
  if (errno == EAGAIN) return ERR_BUSY;
  if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) return ERR_CLOSED;
  return os_error(errno, detail, "sendmsg", "the channel");
}

static enum err check_sizes(const struct channel_sent *m, struct err_detail *detail) {
  if (m->body.len > CHANNEL_BODY_MAX)
    return err_set(detail, ERR_LIMIT, "body", 0, "%zu bytes; the maximum is %u", m->body.len,
                   CHANNEL_BODY_MAX);
  if (m->payload && m->payload->len > CHANNEL_PAYLOAD_MAX)
    return err_set(detail, ERR_LIMIT, "payload", 0, "%zu bytes; the maximum is %u", m->payload->len,
                   CHANNEL_PAYLOAD_MAX);
  return ERR_OK;
}

static enum err add_sealed(struct parts *p, struct str bytes, struct err_detail *detail) {
  TRY(seal(bytes, &p->fds[p->fd_count], detail));
  p->fd_count++;
  return ERR_OK;
}

enum err channel_send(int fd, const struct channel_sent *m, struct err_detail *detail) {
  ASSERT(m->kind == CHANNEL_ANSWER || (m->name.len > 0 && m->name.len <= CHANNEL_NAME_MAX));
  TRY(check_sizes(m, detail));
  struct parts p = {.head = {.magic = CHANNEL_MAGIC,
                             .kind = m->kind,
                             .number = m->number,
                             .error = (uint32_t)m->error,
                             .name_bytes = (uint32_t)m->name.len,
                             .body_in_fd = m->body.len > CHANNEL_INLINE_MAX,
                             .has_payload = m->payload != NULL,
                             .body_bytes = m->body.len,
                             .payload_bytes = m->payload ? m->payload->len : 0},
                    .name = m->name,
                    .body = m->body};
  enum err e = p.head.body_in_fd ? add_sealed(&p, m->body, detail) : ERR_OK;
  if (e == ERR_OK && m->payload) e = add_sealed(&p, *m->payload, detail);
  if (e == ERR_OK) e = send_packet(fd, &p, detail);
  for (size_t i = 0; i < p.fd_count; i++) os_close(&p.fds[i]);
  return e;
}

void channel_error_body(const struct err_detail *detail, struct buf *out) {
  struct json_writer w = jw_new(out);
  jw_object(&w);
  jw_ktext(&w, "field", detail->field);
  jw_kint(&w, "line", detail->line);
  jw_kint(&w, "column", detail->column);
  jw_ktext(&w, "message", detail->message);
  jw_ktext(&w, "hint", detail->hint);
  jw_object_end(&w);
}

void channel_error_read(struct str body, struct err_detail *detail) {
  JSON_AUTO json_t *object = NULL;
  if (!detail || body.len > ERROR_BODY_MAX || json_parse(body, &object, NULL) != ERR_OK) return;
  *detail = (struct err_detail){.line = (int)json_int_at(object, "line", 0),
                                .column = (int)json_int_at(object, "column", 0)};
  str_copy(detail->field, sizeof detail->field, json_text_at(object, "field"));
  str_copy(detail->message, sizeof detail->message, json_text_at(object, "message"));
  str_copy(detail->hint, sizeof detail->hint, json_text_at(object, "hint"));
}

/* ---- receiving ---- */

/* Whatever descriptors came, too many or of a control message cut short, are ours to close. */
static size_t take_fds(struct msghdr *m, int *fds) {
  size_t count = 0;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < n; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
      if (count < CHANNEL_FDS_MAX) fds[count++] = fd;
      else os_close(&fd);
    }
  }
  return count;
}

static enum err take_packet(struct str packet, const int *fds, size_t fd_count, struct channel_message *m,
                            struct err_detail *detail) {
  struct channel_packet parsed;
  TRY(channel_parse(packet, fd_count, &parsed, detail));
  const struct channel_head h = parsed.head;
  m->kind = (enum channel_kind)h.kind;
  m->number = h.number;
  m->error = (enum err)h.error;
  m->has_payload = h.has_payload;
  m->body = parsed.body;
  str_copy(m->name, sizeof m->name, parsed.name);
  if (h.body_in_fd) TRY(map_sealed(fds[0], h.body_bytes, &m->body_map, &m->body, detail));
  if (h.has_payload)
    TRY(map_sealed(fds[h.body_in_fd], h.payload_bytes, &m->payload_map, &m->payload, detail));
  return ERR_OK;
}

enum err channel_receive(int fd, struct channel_message *ret, struct err_detail *detail) {
  struct channel_message m = {.packet = malloc(CHANNEL_PACKET_MAX)};
  if (!m.packet) return ERR_NO_MEMORY;
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(8 * sizeof(int))];
  } control;
  struct iovec part = {m.packet, CHANNEL_PACKET_MAX};
  struct msghdr h = {.msg_iov = &part,
                     .msg_iovlen = 1,
                     .msg_control = control.bytes,
                     .msg_controllen = sizeof control.bytes};
  ssize_t n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC);
  if (n <= 0) {
    int error_number = n < 0 ? errno : 0;
    channel_message_free(&m);
    if (error_number == EAGAIN || error_number == EINTR) return ERR_BUSY;
    if (n == 0 || error_number == ECONNRESET) return ERR_CLOSED;
    return os_error(error_number, detail, "recvmsg", "the channel");
  }
  int fds[CHANNEL_FDS_MAX] = {-1, -1};
  size_t fd_count = take_fds(&h, fds);
  bool is_cut = h.msg_flags & (MSG_TRUNC | MSG_CTRUNC);
  enum err e = is_cut ? malformed(detail, "it is too long")
                      : take_packet((struct str){m.packet, (size_t)n}, fds, fd_count, &m, detail);
  for (size_t i = 0; i < fd_count; i++) os_close(&fds[i]);
  if (e == ERR_OK) *ret = m;
  else channel_message_free(&m);
  return e;
}

void channel_message_free(struct channel_message *m) {
  if (m->body_map) (void)munmap(m->body_map, m->body.len);
  if (m->payload_map) (void)munmap(m->payload_map, m->payload.len);
  free(m->packet);
  *m = (struct channel_message){};
}
