#include "worlds/world_day.h"

#include "time/tz.h"

#define DAY_S 86400

static int64_t offset_s(const char *zone, int64_t now_s) {
  struct tzdb *db;
  const struct tz *tz;
  int64_t offset = 0;
  if (!zone || !*zone || tzdb_new(NULL, &db) != ERR_OK) return 0;
  if (tz_find(db, str_of(zone), &tz, NULL) == ERR_OK) offset = tz_offset_s(tz, now_s, NULL, NULL);
  tzdb_free(db);
  return offset;
}

int64_t world_day(const char *zone, int64_t now_ms) {
  int64_t now_s = now_ms / 1000 - (now_ms % 1000 < 0);
  int64_t local_s = now_s + offset_s(zone, now_s);
  return local_s / DAY_S - (local_s % DAY_S < 0);
}

void world_day_begins(const char *zone, int64_t first, int64_t count, int64_t ret_from_ms[]) {
  struct tzdb *db = NULL;
  const struct tz *tz = NULL;
  bool has_zone =
      zone && *zone && tzdb_new(NULL, &db) == ERR_OK && tz_find(db, str_of(zone), &tz, NULL) == ERR_OK;
  for (int64_t i = 0; i < count; i++) {
    int64_t local_s = (first + i) * DAY_S;
    ret_from_ms[i] = 1000 * (has_zone ? tz_from_local(tz, local_s, NULL) : local_s);
  }
  tzdb_free(db);
}
