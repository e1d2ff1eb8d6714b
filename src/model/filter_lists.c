#include "model/filter_lists.h"

#include "model/enums.h"

/* clang-format off */
#define FILTER_LIST_BEGIN(LIST, name) static const struct filter_key name##_keys[] = {
#define KEY(LIST, ID, name, alias, type, values, help) {name, alias, FILTER_##type, values, help},
#define FILTER_LIST_END(LIST, name) }; \
  const struct filter_list filter_##name = {#name, name##_keys, LIST##_KEY_COUNT};
#include "model/filter_keys.def"
#undef FILTER_LIST_BEGIN
#undef KEY
#undef FILTER_LIST_END

const struct filter_list *const filter_lists[] = {
#define FILTER_LIST_BEGIN(LIST, name) &filter_##name,
#define KEY(LIST, ID, name, alias, type, values, help)
#define FILTER_LIST_END(LIST, name)
#include "model/filter_keys.def"
#undef FILTER_LIST_BEGIN
#undef KEY
#undef FILTER_LIST_END
    NULL};
/* clang-format on */
