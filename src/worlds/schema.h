/* The worlds' tables: made, adopted, taken away. The migration add_world_auto_pause (B-33) gives "World", ours or an
 * application's, what the ladder needs, column by column; it is idempotent and reversible. */
#pragma once
#include "store/sqldb.h"

/* Brings a database to today's schema; does nothing when it is there. The connection needs no statements. */
enum err world_schema_up(struct sqldb *db, struct err_detail *detail);
/* Takes away exactly what up added: our columns of "World" (all of it when it was ours and is empty), our tables. */
enum err world_schema_down(struct sqldb *db, struct err_detail *detail);
