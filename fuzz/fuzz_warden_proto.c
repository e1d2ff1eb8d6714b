/* Whatever a peer or a broken disk says to the warden is refused or read whole: messages, launch blocks, tags.
 * The first byte chooses which. */
#include "base/arena.h"
#include "fuzz/fuzz.h"
#include "warden/launch.h"
#include "warden/proc.h"
#include "warden/proto.h"

static void read_message(struct str packet) {
  enum warden_message_type type;
  struct err_detail detail = {};
  if (warden_message_check(packet, &type, &detail) != ERR_OK) {
    ASSERT(detail.message[0]);
    return;
  }
  struct warden_header h;
  memcpy(&h, packet.ptr, sizeof h);
  ASSERT(h.size == packet.len && packet.len <= LIMIT_WARDEN_MESSAGE_BYTES);
}

/* Every text lies in the block and ends there. */
static void check_texts(struct str block, const char *const *texts, size_t count) {
  for (size_t i = 0; i < count; i++) {
    ASSERT(texts[i] >= block.ptr && texts[i] + strlen(texts[i]) < block.ptr + block.len);
  }
  ASSERT(!texts[count]);
}

static void read_launch(struct str block) {
  ARENA_AUTO struct arena arena = arena_new(LAUNCH_TEXTS_MAX * 32 + 4096);
  struct launch l;
  if (launch_parse(block, &arena, &l, NULL) != ERR_OK) return;
  check_texts(block, l.argv, l.argc);
  check_texts(block, l.envp, l.envc);
  ASSERT(l.cwd[0] == '/');
  if (l.kind == LAUNCH_BUILTIN) ASSERT(l.executor[0] && l.params.ptr[l.params.len] == '\0');
}

static void read_tag(struct str value) {
  struct tag tag;
  if (!tag_read(value, &tag)) return;
  char text[TAG_VARIABLE_BYTES];
  tag_write(tag, text);
  ASSERT(str_eq(str_from(str_of(text), sizeof TAG_PREFIX - 1), value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  struct str rest = {(const char *)data + 1, size - 1};
  if (data[0] % 3 == 0) read_message(rest);
  if (data[0] % 3 == 1) read_launch(rest);
  if (data[0] % 3 == 2) read_tag(rest);
  return 0;
}
