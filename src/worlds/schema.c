#include "worlds/schema.h"

#include "base/buf.h"
#include "base/embedded.h"

#define DDL_BYTES_MAX 16384

/* "World" in order; what an application has already stays as it is. `late` is how SQLite's ALTER TABLE may say it: there
 * a default has to be a constant, so a trigger gives the instant. */
static const struct {
  const char *name, *type, *late;
} columns[] = {
    {"id", "TEXT NOT NULL PRIMARY KEY", NULL},
    {"name", "TEXT NOT NULL DEFAULT ''", NULL},
    {"ownerId", "TEXT", NULL},
    {"ownerEmail", "TEXT", NULL},
    {"locale", "TEXT", NULL},
    {"status", "TEXT NOT NULL DEFAULT 'RUNNING'", NULL},
    {"isPaused", "BOOLEAN NOT NULL DEFAULT false", NULL},
    {"pausedAt", "INSTANT", NULL},
    {"pauseReason",
     "TEXT CHECK (\"pauseReason\" IN "
     "('inactivity_24h','inactivity_7d','inactivity_30d','manual','system','vacation'))",
     NULL},
    {"lastActiveAt", "INSTANT NOT NULL DEFAULT NOW", "INSTANT"},
    {"isFavorite", "BOOLEAN NOT NULL DEFAULT false", NULL},
    {"scheduledDeletion", "INSTANT", NULL},
    {"createdAt", "INSTANT NOT NULL DEFAULT NOW", "INSTANT"},
    {"updatedAt", "INSTANT NOT NULL DEFAULT NOW", "INSTANT"},
    {"storyMode", "BOOLEAN NOT NULL DEFAULT false", NULL},
    {"isCollaborative", "BOOLEAN NOT NULL DEFAULT false", NULL},
    {"emergentEvents", "BOOLEAN NOT NULL DEFAULT true", NULL},
    {"eventsPerDay", "BIGINT", NULL},
    {"vacationUntil", "INSTANT", NULL},
    {"ladderFrom", "INSTANT", NULL},
    {"warned", "BIGINT NOT NULL DEFAULT 0", NULL},
    {"warnedAt", "INSTANT", NULL},
    {"interactions", "BIGINT NOT NULL DEFAULT 0", NULL},
    {"fence", "BIGINT NOT NULL DEFAULT 0", NULL},
    {"story", "TEXT", NULL},
};
#define COLUMNS (sizeof columns / sizeof *columns)

static enum err create_world(struct sqldb *db, struct err_detail *detail) {
  BUF_AUTO struct buf sql = buf_new(DDL_BYTES_MAX);
  buf_add_text(&sql, "CREATE TABLE \"World\" (");
  for (size_t i = 0; i < COLUMNS; i++)
    buf_addf(&sql, "%s\"%s\" %s", i ? ", " : "", columns[i].name, columns[i].type);
  buf_add_text(&sql, ")");
  return sqldb_script(db, buf_str(&sql), detail);
}

static enum err add_columns(struct sqldb *db, struct err_detail *detail) {
  BUF_AUTO struct buf sql = buf_new(DDL_BYTES_MAX);
  bool is_sqlite = sqldb_kind(db) == SQLDB_SQLITE;
  for (size_t i = 0; i < COLUMNS; i++) {
    if (sqldb_has_column(db, "World", columns[i].name)) continue;
    const char *type = is_sqlite && columns[i].late ? columns[i].late : columns[i].type;
    buf_addf(&sql, "ALTER TABLE \"World\" ADD COLUMN \"%s\" %s;", columns[i].name, type);
    if (type == columns[i].late)
      buf_addf(&sql, "UPDATE \"World\" SET \"%s\"=NOW WHERE \"%s\" IS NULL;", columns[i].name,
               columns[i].name);
  }
  return buf_str(&sql).len ? sqldb_script(db, buf_str(&sql), detail) : ERR_OK;
}

static enum err add_indexes(struct sqldb *db, struct err_detail *detail) {
  static const char indexes[] =
      "CREATE INDEX IF NOT EXISTS \"World_isPaused_idx\" ON \"World\"(\"isPaused\", \"lastActiveAt\", "
      "\"id\");"
      "CREATE INDEX IF NOT EXISTS \"World_ladder_idx\" ON \"World\"(\"pauseReason\", \"lastActiveAt\", \"id\") "
      "WHERE \"isPaused\"=true;"
      "CREATE INDEX IF NOT EXISTS \"World_lastActiveAt_idx\" ON \"World\"(\"lastActiveAt\", \"id\");"
      "CREATE INDEX IF NOT EXISTS \"World_scheduledDeletion_idx\" ON \"World\"(\"scheduledDeletion\") "
      "WHERE \"scheduledDeletion\" IS NOT NULL;"
      "CREATE INDEX IF NOT EXISTS \"World_vacation_idx\" ON \"World\"(\"vacationUntil\") "
      "WHERE \"vacationUntil\" IS NOT NULL;"
      "CREATE INDEX IF NOT EXISTS \"World_interactions_idx\" ON \"World\"(\"interactions\");"
      "CREATE INDEX IF NOT EXISTS \"World_story_idx\" ON \"World\"(\"id\") WHERE \"storyMode\"=true AND "
      "\"emergentEvents\"=true AND \"isPaused\"=false;";
  return sqldb_script(db, str_of(indexes), detail);
}

/* SQL from outside writes instants as datetime() spells them; comparisons are of texts, so they are put right. */
static enum err add_triggers(struct sqldb *db, struct err_detail *detail) {
  if (sqldb_kind(db) != SQLDB_SQLITE) return ERR_OK;
  static const char *const instants[] = {"lastActiveAt", "pausedAt", "scheduledDeletion", "createdAt"};
  BUF_AUTO struct buf sql = buf_new(DDL_BYTES_MAX);
  for (size_t i = 0; i < sizeof instants / sizeof *instants; i++) {
    const char *c = instants[i];
    buf_addf(&sql,
             "CREATE TRIGGER IF NOT EXISTS \"World_%s_text\" AFTER UPDATE OF \"%s\" ON \"World\" WHEN "
             "NEW.\"%s\" NOT LIKE '____-__-__T__:__:__.___Z' BEGIN UPDATE \"World\" SET \"%s\"="
             "strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', NEW.\"%s\") WHERE rowid=NEW.rowid; END;",
             c, c, c, c, c);
  }
  buf_add_text(
      &sql,
      "CREATE TRIGGER IF NOT EXISTS \"World_new\" AFTER INSERT ON \"World\" BEGIN UPDATE \"World\" SET "
      "\"lastActiveAt\"=strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(NEW.\"lastActiveAt\", 'now')), "
      "\"createdAt\"=strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(NEW.\"createdAt\", 'now')), "
      "\"updatedAt\"=strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(NEW.\"updatedAt\", 'now')) "
      "WHERE rowid=NEW.rowid; END;");
  return sqldb_script(db, buf_str(&sql), detail);
}

enum err world_schema_up(struct sqldb *db, struct err_detail *detail) {
  TRY(sqldb_has_table(db, "World") ? add_columns(db, detail) : create_world(db, detail));
  TRY(add_indexes(db, detail));
  TRY(add_triggers(db, detail));
  if (sqldb_has_table(db, "WorldMember")) return ERR_OK;
  return sqldb_script(db, embedded_find("sql/worlds/001_worlds.sql"), detail);
}

static const char *const tables[] = {
    "WorldMember",        "WorldInteraction", "WorldState",     "WorldStats",     "WorldEvent",
    "NarrativeMetric",    "WorldDay",         "WorldSummary",   "WorldPause",     "WorldHistory",
    "InteractionArchive", "WorldMail",        "WorldTombstone", "WorldAnalytics", "WorldSettings"};

static void drop_triggers_and_indexes(struct buf *sql, bool is_sqlite) {
  static const char *const triggers[] = {"lastActiveAt_text", "pausedAt_text", "scheduledDeletion_text",
                                         "createdAt_text", "new"};
  static const char *const indexes[] = {"isPaused", "ladder", "lastActiveAt", "scheduledDeletion", "vacation",
                                        "interactions", "story"};
  for (size_t i = 0; is_sqlite && i < sizeof triggers / sizeof *triggers; i++)
    buf_addf(sql, "DROP TRIGGER IF EXISTS \"World_%s\";", triggers[i]);
  for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++)
    buf_addf(sql, "DROP INDEX IF EXISTS \"World_%s_idx\";", indexes[i]);
}

enum err world_schema_down(struct sqldb *db, struct err_detail *detail) {
  BUF_AUTO struct buf sql = buf_new(DDL_BYTES_MAX);
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
    buf_addf(&sql, "DROP TABLE IF EXISTS \"%s\";", tables[i]);
  drop_triggers_and_indexes(&sql, sqldb_kind(db) == SQLDB_SQLITE);
  for (size_t i = 2; i < COLUMNS; i++) /* id and name are nobody's but the table's */
    if (sqldb_has_column(db, "World", columns[i].name))
      buf_addf(&sql, "ALTER TABLE \"World\" DROP COLUMN \"%s\";", columns[i].name);
  return sqldb_script(db, buf_str(&sql), detail);
}
