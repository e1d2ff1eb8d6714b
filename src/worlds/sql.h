/* The statements of the worlds, numbered: sqldb_exec(l->db, SQL_WORLD_GET, …). One table, a file an area. */
#pragma once
#include "store/sqldb.h"

enum world_sql {
#define SQL(id, text, postgres) SQL_##id,
#include "worlds/sql.def"
#undef SQL
  WORLD_SQL_COUNT
};
extern const struct sql_statement world_statements[];
