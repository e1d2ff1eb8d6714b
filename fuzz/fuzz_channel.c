/* Whatever a job says over its channel is refused or read whole. The first byte is the number of descriptors. */
#include "fuzz/fuzz.h"
#include "warden/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  struct str packet = {(const char *)data + 1, size - 1};
  struct channel_packet parsed;
  struct err_detail detail = {};
  if (channel_parse(packet, data[0] % 4, &parsed, &detail) != ERR_OK) {
    ASSERT(detail.message[0]);
  } else {
    struct str name = parsed.name, body = parsed.body;
    ASSERT(name.len <= CHANNEL_NAME_MAX && name.ptr + name.len == body.ptr);
    ASSERT(body.ptr + body.len == packet.ptr + packet.len);
    ASSERT(parsed.head.body_in_fd || parsed.head.body_bytes == body.len);
  }
  struct err_detail read = {};
  channel_error_read(packet, &read);
  return 0;
}
