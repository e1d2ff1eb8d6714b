/* What is read from any file can be written, and reads back as the same jobs. */
#include "cli/crontab.h"
#include "cli/crontab_when.h"
#include "fuzz/fuzz.h"

static void check_same(const struct crontab_job *a, const struct crontab_job *b) {
  ASSERT(str_eq(str_of(a->schedule), str_of(b->schedule)));
  ASSERT(str_eq(str_of(a->command), str_of(b->command)));
  ASSERT(!a->stdin_text == !b->stdin_text);
  ASSERT(!a->stdin_text || str_eq(str_of(a->stdin_text), str_of(b->stdin_text)));
  ASSERT(!a->user == !b->user);
  ASSERT(!a->user || str_eq(str_of(a->user), str_of(b->user)));
  ASSERT(!a->timezone == !b->timezone);
  ASSERT(!a->timezone || str_eq(str_of(a->timezone), str_of(b->timezone)));
  ASSERT(a->random_delay_minutes == b->random_delay_minutes);
  ASSERT(a->variable_count == b->variable_count);
  for (size_t i = 0; i < a->variable_count; i++) {
    const char *value = crontab_variable_of(b, a->variables[i].name);
    ASSERT(value && str_eq(str_of(value), str_of(a->variables[i].value)));
  }
}

/* The first byte chooses the kind of table. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  enum crontab_kind kind = data[0] & 1 ? CRONTAB_SYSTEM : CRONTAB_USER;
  struct crontab *first = NULL, *second = NULL;
  if (crontab_read((struct str){(const char *)data + 1, size - 1}, kind, NULL, &first, NULL) != ERR_OK)
    return 0;
  BUF_AUTO struct buf text = buf_new(8 * CRONTAB_BYTES_MAX);
  size_t refused = 0;
  enum err e = crontab_write(first->jobs, first->job_count, kind, &text, &refused);
  if (e == ERR_OK && refused == 0 && text.len <= CRONTAB_BYTES_MAX) {
    e = crontab_read(buf_str(&text), kind, NULL, &second, NULL);
    ASSERT(e == ERR_OK && second->refusal_count == 0 && second->job_count == first->job_count);
    for (size_t i = 0; i < first->job_count; i++) check_same(&first->jobs[i], &second->jobs[i]);
  }
  crontab_free(first), crontab_free(second);
  return 0;
}
