#include "warden/proto.h"

#include <assert.h>
#include <endian.h>
#include <stddef.h>

static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "the layouts are written as they lie in memory");
static_assert(sizeof(struct warden_header) == 8);
static_assert(sizeof(struct warden_hello) == 72);
static_assert(sizeof(struct warden_welcome) == 96);
static_assert(sizeof(struct warden_run) == 80);
static_assert(sizeof(struct warden_listed) == 96);
static_assert(sizeof(struct warden_list_end) == 16);
static_assert(sizeof(struct warden_bill) == 64);
static_assert(sizeof(struct warden_end) == 208);
static_assert(sizeof(struct warden_ended) == 216);
static_assert(sizeof(struct warden_ack) == 16);
static_assert(sizeof(struct warden_kill) == 24);
static_assert(sizeof(struct warden_read_output) == 32);
static_assert(sizeof(struct warden_output) == 40);
static_assert(sizeof(struct warden_start) == 136);
static_assert(sizeof(struct warden_started) == 96);
static_assert(sizeof(struct warden_ended) + WARDEN_RESULT_BYTES_MAX <= LIMIT_WARDEN_MESSAGE_BYTES);
static_assert(sizeof(struct warden_output) + WARDEN_OUTPUT_CHUNK_MAX <= LIMIT_WARDEN_MESSAGE_BYTES);
static_assert(sizeof(struct warden_ack) + 8 * WARDEN_ACKS_MAX <= LIMIT_WARDEN_MESSAGE_BYTES);

/* Size of the fixed part, where the count of what follows lies (0: nothing follows), the size of one,
 * and how many there may be. */
static const struct shape {
  enum warden_message_type type;
  bool is_frozen;
  size_t fixed;
  size_t count_at;
  size_t each;
  uint32_t count_max;
} shapes[] = {
    {WARDEN_HELLO, true, sizeof(struct warden_hello), 0, 0, 0},
    {WARDEN_ACK, true, sizeof(struct warden_ack), offsetof(struct warden_ack, count), 8, WARDEN_ACKS_MAX},
    {WARDEN_KILL, true, sizeof(struct warden_kill), 0, 0, 0},
    {WARDEN_READ_OUTPUT, true, sizeof(struct warden_read_output), 0, 0, 0},
    {WARDEN_START, false, sizeof(struct warden_start_message), 0, 0, 0},
    {WARDEN_CLOCK, false, sizeof(struct warden_clock), 0, 0, 0},
    {WARDEN_WELCOME, true, sizeof(struct warden_welcome), 0, 0, 0},
    {WARDEN_LISTED, true, sizeof(struct warden_listed), 0, 0, 0},
    {WARDEN_LIST_END, true, sizeof(struct warden_list_end), 0, 0, 0},
    {WARDEN_ENDED, true, sizeof(struct warden_ended), offsetof(struct warden_ended, end.result_bytes), 1,
     WARDEN_RESULT_BYTES_MAX},
    {WARDEN_OUTPUT, true, sizeof(struct warden_output), offsetof(struct warden_output, bytes), 1,
     WARDEN_OUTPUT_CHUNK_MAX},
    {WARDEN_STARTED, false, sizeof(struct warden_started), 0, 0, 0},
    {WARDEN_REFUSED, false, sizeof(struct warden_refused), 0, 0, 0},
    {WARDEN_LINE, false, sizeof(struct warden_line), offsetof(struct warden_line, bytes), 1,
     WARDEN_LINE_BYTES_MAX},
    {WARDEN_CLOCK_DONE, false, sizeof(struct warden_clock_done), 0, 0, 0},
};

static const struct shape *shape_of(unsigned type) {
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    if (shapes[i].type == type) return &shapes[i];
  return NULL;
}

struct warden_header warden_header(enum warden_message_type type, size_t size) {
  const struct shape *shape = shape_of(type);
  ASSERT(shape && size >= shape->fixed && size <= LIMIT_WARDEN_MESSAGE_BYTES);
  return (struct warden_header){.type = (uint16_t)type, .protocol = WARDEN_PROTOCOL, .size = (uint32_t)size};
}

enum err warden_message_check(struct str packet, enum warden_message_type *ret_type,
                              struct err_detail *detail) {
  struct warden_header h;
  if (packet.len < sizeof h) return err_set(detail, ERR_INVALID, "header", 0, "%zu bytes", packet.len);
  memcpy(&h, packet.ptr, sizeof h);
  const struct shape *shape = shape_of(h.type);
  if (!shape) return err_set(detail, ERR_INVALID, "type", 0, "message type %u is not known", h.type);
  if (!shape->is_frozen && h.protocol != WARDEN_PROTOCOL)
    return err_set(detail, ERR_INVALID, "protocol", 0, "protocol %u in a message of protocol %d", h.protocol,
                   WARDEN_PROTOCOL);
  uint64_t want = shape->fixed;
  if (packet.len >= shape->fixed && shape->count_at) {
    uint32_t count;
    memcpy(&count, packet.ptr + shape->count_at, sizeof count);
    if (count > shape->count_max)
      return err_set(detail, ERR_INVALID, "count", 0, "%u is above %u", count, shape->count_max);
    want += (uint64_t)count * shape->each;
  }
  if (packet.len != want || h.size != want)
    return err_set(detail, ERR_INVALID, "size", 0, "type %u: %zu bytes received, %u said, %llu wanted",
                   h.type, packet.len, h.size, (unsigned long long)want);
  *ret_type = (enum warden_message_type)h.type;
  return ERR_OK;
}

#define NAME_OF(table, index) \
  ((size_t)(index) < sizeof(table) / sizeof *(table) && (table)[index] ? (table)[index] : "?")

const char *warden_how_name(enum warden_how how) {
  static const char *const names[] = {
      [WARDEN_EXITED] = "exited",   [WARDEN_SIGNALLED] = "signalled",
      [WARDEN_TIMEOUT] = "timeout", [WARDEN_KILLED] = "killed",
      [WARDEN_LIMIT] = "limit",     [WARDEN_COULD_NOT_START] = "could_not_start",
      [WARDEN_LOST] = "lost",
  };
  return NAME_OF(names, how);
}

const char *kill_reason_name(enum kill_reason reason) {
  static const char *const names[] = {
      [KILL_NONE] = "none",
      [KILL_CANCELLED] = "cancelled",
      [KILL_REPLACED] = "replaced",
      [KILL_TOTAL_TIMEOUT] = "total_timeout",
      [KILL_DISABLED] = "disabled",
      [KILL_LEASE_LOST] = "lease_lost",
      [KILL_SHUTDOWN] = "shutdown",
      [KILL_TIMEOUT] = "timeout",
      [KILL_MAX_RUNTIME] = "max_runtime",
      [KILL_MEMORY] = "memory_limit",
      [KILL_PIDS] = "pids_limit",
  };
  return NAME_OF(names, reason);
}

const char *warden_stage_name(enum warden_stage stage) {
  static const char *const names[] = {
      [WARDEN_STAGE_NONE] = "none",       [WARDEN_STAGE_FORK] = "fork",
      [WARDEN_STAGE_SESSION] = "session", [WARDEN_STAGE_FILES] = "files",
      [WARDEN_STAGE_LIMITS] = "limits",   [WARDEN_STAGE_CGROUP] = "cgroup",
      [WARDEN_STAGE_USER] = "user",       [WARDEN_STAGE_PRIVILEGES] = "privileges",
      [WARDEN_STAGE_CWD] = "cwd",         [WARDEN_STAGE_EXEC] = "exec",
  };
  return NAME_OF(names, stage);
}

const char *warden_refusal_name(enum warden_refusal why) {
  static const char *const names[] = {
      [WARDEN_REFUSED_BAD_REQUEST] = "bad_request",
      [WARDEN_REFUSED_STALE_EPOCH] = "stale_epoch",
      [WARDEN_REFUSED_DRAINING] = "draining",
      [WARDEN_REFUSED_JOURNAL] = "journal",
      [WARDEN_REFUSED_TOO_MANY] = "too_many",
      [WARDEN_REFUSED_EXECUTOR] = "executor",
      [WARDEN_REFUSED_USER] = "user",
      [WARDEN_REFUSED_CONTAINMENT] = "containment",
      [WARDEN_REFUSED_RESOURCES] = "resources",
  };
  return NAME_OF(names, why);
}
