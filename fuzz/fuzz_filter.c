/* What is read has sane terms and fits any row without harm; what is refused names a column inside the text. */
#include "base/err.h"
#include "fuzz/fuzz.h"
#include "model/field.h"
#include "model/filter_lists.h"

static struct filter_cell cell(const void *row, size_t key) {
  const struct str *text = row;
  return (struct filter_cell){.number = key % 3 ? (int64_t)text->len : FIELD_NULL, .text = *text};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str text = {(const char *)data, size};
  for (size_t l = 0; filter_lists[l]; l++) {
    struct arena a = arena_new(1024 * 1024);
    const struct filter *f;
    struct err_detail d = {};
    if (filter_parse(filter_lists[l], text, 0, &a, &f, &d) == ERR_OK) {
      ASSERT(f->count <= FILTER_TERMS_MAX);
      (void)filter_fits(f, cell, &text);
    } else {
      ASSERT(d.column >= 1 && (size_t)d.column <= size + 1 && d.message[0]);
    }
    arena_free(&a);
  }
  return 0;
}
