/* The settings of one system (CronSettings). Shared by reference count like jobs. */
#pragma once
#include <stdatomic.h>

#include "model/enums.h"
#include "model/field.h"

struct settings {
  _Atomic unsigned refs;
#define SETTING(member, name, type, flags, min, max, otherwise, names, help) FIELD_S_##type member;
#define FIELD_S_TEXT const char *
#define FIELD_S_JSON const char *
#define FIELD_S_INT int64_t
#define FIELD_S_BOOL int64_t
#define FIELD_S_INSTANT int64_t
#define FIELD_S_ENUM int64_t
#include "model/settings.def"
#undef SETTING
};

extern const struct field settings_fields[];
extern const size_t settings_field_count;

struct settings *settings_copy(const struct settings *s); /* refs = 1; NULL when out of memory */
struct settings *settings_ref(struct settings *s);
void settings_unref(struct settings *s);
void settings_init(struct settings *s); /* the defaults of a fresh database */
enum err settings_validate(const struct settings *s, struct err_detail *detail);
/* Runs at a time for this pool or category, or 0 when settings.pools does not name it. */
int64_t settings_pool_size(const struct settings *s, const char *name);
