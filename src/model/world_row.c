#include "model/world_row.h"

#include <string.h>

#define WORLD_COLUMN(member, name, type, flags, min, max, otherwise, names, help) \
  {name, FIELD_##type, flags, min, max, otherwise, names, offsetof(struct world_row, member), help},
const struct field world_row_fields[] = {
#include "model/world_row.def"
};
#undef WORLD_COLUMN
const size_t world_row_field_count = sizeof world_row_fields / sizeof *world_row_fields;

#define WORLD_SETTING(member, name, type, flags, min, max, otherwise, names, help) \
  {name, FIELD_##type, flags, min, max, otherwise, names, offsetof(struct world_settings, member), help},
const struct field world_settings_fields[] = {
#include "model/world_settings.def"
};
#undef WORLD_SETTING
const size_t world_settings_field_count = sizeof world_settings_fields / sizeof *world_settings_fields;

void world_settings_init(struct world_settings *s) {
  for (size_t i = 0; i < world_settings_field_count; i++)
    field_set_int(&world_settings_fields[i], s, world_settings_fields[i].otherwise);
}

static enum err rising(const struct world_settings *s, struct err_detail *detail) {
  if (s->archive_after_days * 24 <= s->pause_after_hours)
    return err_set(detail, ERR_INVALID, "archiveAfterDays", 0, "has to come after pauseAfterHours");
  if (s->mark_after_days <= s->archive_after_days)
    return err_set(detail, ERR_INVALID, "markAfterDays", 0, "has to come after archiveAfterDays");
  if (s->delete_after_days <= s->mark_after_days)
    return err_set(detail, ERR_INVALID, "deleteAfterDays", 0, "has to come after markAfterDays");
  return ERR_OK;
}

enum err world_settings_validate(const struct world_settings *s, struct err_detail *detail) {
  TRY(fields_validate(world_settings_fields, world_settings_field_count, s, detail));
  TRY(rising(s, detail));
  if (s->mail_archive_day >= s->archive_after_days)
    return err_set(detail, ERR_INVALID, "mailBeforeArchiveDay", 0, "has to come before archiveAfterDays");
  if (s->mail_deletion_day >= s->delete_after_days)
    return err_set(detail, ERR_INVALID, "mailBeforeDeletionDay", 0, "has to come before deleteAfterDays");
  if (s->consolidate_keep >= s->consolidate_above)
    return err_set(detail, ERR_INVALID, "consolidateKeep", 0, "has to be below consolidateAbove");
  return ERR_OK;
}

bool world_id_is_valid(struct str id) {
  if (id.len < 1 || id.len > 128) return false;
  for (size_t i = 0; i < id.len; i++) {
    char c = id.ptr[i];
    bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_word && !memchr("-_.:", c, 4)) return false;
  }
  return true;
}
