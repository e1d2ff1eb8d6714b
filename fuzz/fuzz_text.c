/* Words and sentences lie inside the text, in order, and folding stays within its room and is stable. */
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "worlds/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct text_kit *kit;
  if (!kit) ASSERT(text_kit_new(&kit) == ERR_OK);
  struct str text = {(const char *)data, size};
  size_t max = text_words_max(size);
  struct text_word *words = malloc(max * sizeof *words);
  char *folded = malloc(size * 3 + 1), *again = malloc(size * 9 + 1);
  ASSERT(words && folded && again);
  for (int language = TEXT_ES; language <= TEXT_EN; language++) {
    size_t n = text_words(kit, (enum text_language)language, text, words, max);
    const char *end = text.ptr;
    for (size_t i = 0; i < n; i++) {
      ASSERT(words[i].raw.len > 0 && words[i].raw.ptr >= end);
      end = words[i].raw.ptr + words[i].raw.len;
      ASSERT(end <= text.ptr + size);
    }
    struct text_feel f = text_feel(kit, (enum text_language)language, text, words, n);
    ASSERT(f.sentiment >= -1 && f.sentiment <= 1);
  }
  size_t n = text_fold(text, folded, size * 3 + 1);
  size_t m = text_fold((struct str){folded, n}, again, size * 9 + 1);
  ASSERT(n == m && memcmp(folded, again, n) == 0);
  struct str rest = text, sentence;
  while (text_sentence(&rest, &sentence)) ASSERT(sentence.len > 0 || rest.len < size);
  (void)text_language_guess(kit, text, TEXT_ES);
  free(words), free(folded), free(again);
  return 0;
}
