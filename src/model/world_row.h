/* A virtual world as its row says, and the settings of all worlds. (struct world in sys/world.h is another thing:
 * clock and randomness.) */
#pragma once
#include "base/limits.h"
#include "model/enums.h"
#include "model/field.h"

#define WORLD_S_TEXT const char *
#define WORLD_S_JSON const char *
#define WORLD_S_INT int64_t
#define WORLD_S_BOOL int64_t
#define WORLD_S_INSTANT int64_t
#define WORLD_S_ENUM int64_t
#define WORLD_S_REAL3 int64_t

struct world_row {
#define WORLD_COLUMN(member, name, type, flags, min, max, otherwise, names, help) WORLD_S_##type member;
#include "model/world_row.def"
#undef WORLD_COLUMN
};
extern const struct field world_row_fields[];
extern const size_t world_row_field_count;

struct world_settings {
#define WORLD_SETTING(member, name, type, flags, min, max, otherwise, names, help) WORLD_S_##type member;
#include "model/world_settings.def"
#undef WORLD_SETTING
};
extern const struct field world_settings_fields[];
extern const size_t world_settings_field_count;
void world_settings_init(struct world_settings *s); /* the defaults */
/* Rules over several fields: the ladder's steps must rise, a mail day lies before its step. */
enum err world_settings_validate(const struct world_settings *s, struct err_detail *detail);
/* Letters, digits and - _ . : only, 1 to 128 bytes. */
bool world_id_is_valid(struct str id);
