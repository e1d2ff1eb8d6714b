/* What can be asked of jobs, runs, worlds and the audit log: the tables of filter_keys.def. */
#pragma once
#include "model/filter.h"

/* clang-format off */
#define FILTER_LIST_BEGIN(LIST, name) enum filter_##name##_key {
#define KEY(LIST, ID, name, alias, type, values, help) LIST##_KEY_##ID,
#define FILTER_LIST_END(LIST, name) LIST##_KEY_COUNT };
#include "model/filter_keys.def"
#undef FILTER_LIST_BEGIN
#undef KEY
#undef FILTER_LIST_END

#define FILTER_LIST_BEGIN(LIST, name) extern const struct filter_list filter_##name;
#define KEY(LIST, ID, name, alias, type, values, help)
#define FILTER_LIST_END(LIST, name)
#include "model/filter_keys.def"
#undef FILTER_LIST_BEGIN
#undef KEY
#undef FILTER_LIST_END
/* clang-format on */

extern const struct filter_list *const filter_lists[]; /* NULL-terminated */
