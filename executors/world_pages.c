#include "executors/world_pages.h"

enum err world_pages(struct child *child, const char *call, json_t *args, world_page_fn *fn, void *arg,
                     struct err_detail *detail) {
  enum err e = ERR_OK;
  for (bool has_more = true; has_more && e == ERR_OK;) {
    json_t *page = NULL;
    if (child_is_asked_to_stop(child)) {
      e = err_set(detail, ERR_CLOSED, "", 0, "asked to stop between two pages");
      break;
    }
    json_incref(args);
    e = child_call(child, call, args, NULL, &page, NULL, detail);
    if (e != ERR_OK) break;
    json_t *next = json_deep_copy(args);
    json_decref(args);
    args = next;
    const json_t *cursor = json_object_get(page, "next");
    has_more = json_is_object(cursor);
    json_object_set_new(args, "cursor", has_more ? json_deep_copy(cursor) : json_null());
    fn(arg, page, args);
    json_decref(page);
  }
  json_decref(args);
  return e;
}

void world_pages_add(json_t *totals, const json_t *page, const char *const *keys) {
  for (; *keys; keys++) {
    json_int_t sum = json_integer_value(json_object_get(totals, *keys));
    sum += json_integer_value(json_object_get(page, *keys));
    json_object_set_new(totals, *keys, json_integer(sum));
  }
}

int world_pages_failed(struct child *child, enum err error, const struct err_detail *detail) {
  int code = child_fail(child, detail);
  return error == ERR_CLOSED || err_is_retryable(error) ? EXECUTOR_RETRY : code;
}
