/* The worlds' tables: made, adopted, taken away. The migration add_world_auto_pause (B-33) gives "World", ours or an
 * application's, what the ladder needs, column by column, and makes our own tables beside it; it is idempotent and
 * reversible, each way one transaction. The later ones have numbers, too: add_world_indexes (3) brings a database that an
 * older version made its newer indexes. "WorldMigration" keeps what they added. */
#pragma once
#include "base/buf.h"
#include "store/sqldb.h"

#define WORLD_MIGRATION "add_world_auto_pause"
#define WORLD_MIGRATION_INDEXES "add_world_indexes"

/* Brings a database to today's schema; does nothing when it is there. The connection needs no statements. An
 * application's column "userId" becomes ours as the generated "ownerId". ERR_CONFLICT when a table of the application
 * has one of our names, or "World" has no id. */
enum err world_schema_up(struct sqldb *db, struct err_detail *detail);
/* Takes away exactly what up added: our columns of "World" (all of it when it was ours and is empty), our tables with
 * what they hold. The rows of "World" stay. Does nothing when it is not applied. */
enum err world_schema_down(struct sqldb *db, struct err_detail *detail);
/* The statements that up and down would carry out, with the schema's words unspelt; none when there is nothing to do. */
enum err world_schema_plan_up(struct sqldb *db, struct buf *sql, struct err_detail *detail);
enum err world_schema_plan_down(struct sqldb *db, struct buf *sql, struct err_detail *detail);
/* Takes away the indexes of add_world_indexes alone; the next up brings them back. */
enum err world_indexes_down(struct sqldb *db, struct err_detail *detail);
enum err world_indexes_plan_down(struct sqldb *db, struct buf *sql, struct err_detail *detail);
