/* Blobs and lines from outside: whatever is read as a segment is written again as the same bytes. */
#include "base/arena.h"
#include "fuzz/fuzz.h"
#include "worlds/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str input = {(const char *)data, size};
  ARENA_AUTO struct arena arena = arena_new((size_t)64 * 1024 * 1024);
  BUF_AUTO struct buf lines = buf_new(SEGMENT_LINES_BYTES_MAX + 1), again = buf_new((size_t)64 * 1024 * 1024);
  struct memory_item *items, *items_again;
  size_t count, count_again;
  if (size < 65536) (void)segment_unpack(input, &lines, NULL);
  if (segment_read(input, &arena, &items, &count, NULL) != ERR_OK) return 0;
  for (size_t i = 0; i < count; i++) ASSERT(segment_add(&again, &items[i]));
  ASSERT(segment_read(buf_str(&again), &arena, &items_again, &count_again, NULL) == ERR_OK &&
         count_again == count);
  for (size_t i = 0; i < count; i++)
    ASSERT(items[i].turn == items_again[i].turn && items[i].at_ms == items_again[i].at_ms &&
           str_eq(items[i].text, items_again[i].text) && str_eq(items[i].data, items_again[i].data));
  return 0;
}
