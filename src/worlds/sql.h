/* The statements of the worlds, numbered: sqldb_exec(l->db, SQL_WORLD_GET, …). One table, a file an area. */
#pragma once
#include "store/sqldb.h"

/* All columns of "World" w in the order of model/world_row.def (load_test.c compares): what world_row_read takes. */
#define WORLD_COLUMNS                                                                    \
  "w.\"id\",w.\"name\",w.\"ownerId\",w.\"ownerEmail\",w.\"locale\",w.\"status\","        \
  "w.\"isPaused\",w.\"pausedAt\",w.\"pauseReason\",w.\"lastActiveAt\",w.\"isFavorite\"," \
  "w.\"scheduledDeletion\",w.\"createdAt\",w.\"updatedAt\",w.\"storyMode\","             \
  "w.\"isCollaborative\",w.\"emergentEvents\",w.\"eventsPerDay\",w.\"vacationUntil\","   \
  "w.\"ladderFrom\",w.\"warned\",w.\"warnedAt\",w.\"interactions\",w.\"fence\",w.\"story\""
#define WORLD_COLUMN_COUNT 25

enum world_sql {
#define SQL(id, text, postgres) SQL_##id,
#include "worlds/sql.def"
#undef SQL
  WORLD_SQL_COUNT
};
extern const struct sql_statement world_statements[];
