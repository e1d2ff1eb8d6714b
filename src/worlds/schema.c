#include "worlds/schema.h"

#include "base/buf.h"
#include "base/embedded.h"

#define DDL_BYTES_MAX 65536
#define NAMES_MAX 2000 /* of all columns */

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

#define VIEW "WorldView" /* store/sqldb_pg.c knows it */

/* What up has added, so that down takes away exactly that. A row is a migration: no row, not applied. */
static const char migration_table[] =
    "CREATE TABLE IF NOT EXISTS \"WorldMigration\" (\"no\" BIGINT NOT NULL PRIMARY KEY, \"name\" TEXT NOT "
    "NULL, "
    "\"madeWorld\" BOOLEAN NOT NULL, \"columns\" TEXT NOT NULL, \"at\" INSTANT NOT NULL DEFAULT NOW);\n";

struct applied {
  bool is_there, made_world;
  char columns[NAMES_MAX]; /* "pausedAt,isPaused" */
  bool has_indexes;        /* WORLD_MIGRATION_INDEXES */
};

static bool take_applied(void *arg, const struct sql_row *row) {
  struct applied *a = arg;
  a->is_there = true;
  a->made_world = sql_row_int(row, 0) != 0;
  return str_copy(a->columns, sizeof a->columns, sql_row_text(row, 1)) && false;
}

static bool take_any(void *arg, const struct sql_row *row) {
  (void)row;
  return (*(bool *)arg = true);
}

static enum err read_applied(struct sqldb *db, struct applied *ret, struct err_detail *detail) {
  *ret = (struct applied){};
  if (!sqldb_has_table(db, "WorldMigration")) return ERR_OK;
  TRY(sqldb_query_text(db, "SELECT 1 FROM \"WorldMigration\" WHERE \"no\"=3", take_any, &ret->has_indexes,
                       detail));
  return sqldb_query_text(db, "SELECT \"madeWorld\",\"columns\" FROM \"WorldMigration\" WHERE \"no\"=1",
                          take_applied, ret, detail);
}

/* ---- what the application has (PostgreSQL) ---- */

static const char world_types[] =
    "SELECT column_name, CASE data_type WHEN 'USER-DEFINED' THEN udt_name ELSE data_type END "
    "FROM information_schema.columns WHERE table_schema=current_schema() AND "
    "table_name='World'";

struct type_question {
  const char *column, *type;
  bool is_so;
};

static bool take_type(void *arg, const struct sql_row *row) {
  struct type_question *q = arg;
  if (str_eq(sql_row_text(row, 0), str_of(q->column)))
    q->is_so = str_eq(sql_row_text(row, 1), str_of(q->type));
  return true;
}

static bool has_type(struct sqldb *db, const char *column, const char *type) {
  struct type_question q = {.column = column, .type = type};
  return sqldb_query_text(db, world_types, take_type, &q, NULL) == ERR_OK && q.is_so;
}

static bool has_view(struct sqldb *db) {
  bool found = false;
  enum err e =
      sqldb_query_text(db, "SELECT 1 FROM pg_views WHERE schemaname=current_schema() AND viewname='" VIEW "'",
                       take_any, &found, NULL);
  return e == ERR_OK && found;
}

/* ---- up ---- */

static void create_world(struct buf *sql) {
  buf_add_text(sql, "CREATE TABLE \"World\" (");
  for (size_t i = 0; i < COLUMNS; i++)
    buf_addf(sql, "%s\"%s\" %s", i ? ", " : "", columns[i].name, columns[i].type);
  buf_add_text(sql, ");\n");
}

/* An application that calls the owner userId goes on doing so. */
static bool is_owner_theirs(struct sqldb *db, size_t column) {
  return strcmp(columns[column].name, "ownerId") == 0 && sqldb_has_column(db, "World", "userId");
}

static void add_column(struct sqldb *db, struct buf *sql, size_t i) {
  bool is_sqlite = sqldb_kind(db) == SQLDB_SQLITE;
  const char *name = columns[i].name,
             *type = is_sqlite && columns[i].late ? columns[i].late : columns[i].type;
  if (is_owner_theirs(db, i)) {
    buf_addf(
        sql,
        "ALTER TABLE \"World\" ADD COLUMN \"%s\" TEXT GENERATED ALWAYS AS (CAST(\"userId\" AS TEXT)) %s;\n",
        name, is_sqlite ? "VIRTUAL" : "STORED");
    return;
  }
  buf_addf(sql, "ALTER TABLE \"World\" ADD COLUMN \"%s\" %s;\n", name, type);
  if (type == columns[i].late)
    buf_addf(sql, "UPDATE \"World\" SET \"%s\"=NOW WHERE \"%s\" IS NULL;\n", name, name);
}

static bool is_listed(const struct applied *a, const char *name) {
  struct str rest = str_of(a->columns), piece;
  while (rest.ptr && str_split(&rest, ',', &piece))
    if (str_eq(piece, str_of(name))) return true;
  return false;
}

/* names: what is not known as ours yet. */
static void add_missing(struct sqldb *db, const struct applied *before, struct buf *sql, struct buf *names) {
  for (size_t i = 0; i < COLUMNS; i++) {
    if (sqldb_has_column(db, "World", columns[i].name)) continue;
    add_column(db, sql, i);
    if (!is_listed(before, columns[i].name)) buf_addf(names, "%s%s", names->len ? "," : "", columns[i].name);
  }
}

static const char indexes[] =
    "CREATE INDEX IF NOT EXISTS \"World_isPaused_idx\" ON \"World\"(\"isPaused\", \"lastActiveAt\", "
    "\"id\");\n"
    "CREATE INDEX IF NOT EXISTS \"World_ladder_idx\" ON \"World\"(\"pauseReason\", \"lastActiveAt\", "
    "\"id\") "
    "WHERE \"isPaused\"=true;\n"
    "CREATE INDEX IF NOT EXISTS \"World_lastActiveAt_idx\" ON \"World\"(\"lastActiveAt\", \"id\");\n"
    "CREATE INDEX IF NOT EXISTS \"World_scheduledDeletion_idx\" ON \"World\"(\"scheduledDeletion\") "
    "WHERE \"scheduledDeletion\" IS NOT NULL;\n"
    "CREATE INDEX IF NOT EXISTS \"World_vacation_idx\" ON \"World\"(\"vacationUntil\") "
    "WHERE \"vacationUntil\" IS NOT NULL;\n"
    "CREATE INDEX IF NOT EXISTS \"World_owner_idx\" ON \"World\"(\"ownerId\");\n"
    "CREATE INDEX IF NOT EXISTS \"World_interactions_idx\" ON \"World\"(\"interactions\");\n"
    "CREATE INDEX IF NOT EXISTS \"World_story_idx\" ON \"World\"(\"id\") WHERE \"storyMode\"=true AND "
    "\"emergentEvents\"=true AND \"isPaused\"=false;\n";

/* What is sought in a table whose id is no text (uuid, a number) is its text. */
static void add_indexes(struct sqldb *db, struct buf *sql) {
  static const char id[] = "\"id\"";
  const char *at = indexes;
  if (sqldb_kind(db) == SQLDB_POSTGRES && sqldb_has_table(db, "World") && !has_type(db, "id", "text")) {
    for (const char *next; (next = strstr(at, id)); at = next + strlen(id)) {
      buf_add(sql, at, (size_t)(next - at));
      buf_add_text(sql, "(\"id\"::text)");
    }
    buf_addf(sql, "%sCREATE UNIQUE INDEX IF NOT EXISTS \"World_id_idx\" ON \"World\"((\"id\"::text));\n", at);
    return;
  }
  buf_add_text(sql, at);
}

/* An application's table is seen through a view: sql/worlds/002_adopted.sql says why. */
static void add_view(struct sqldb *db, struct buf *sql) {
  buf_add_text(sql, "CREATE VIEW \"" VIEW "\" AS SELECT ");
  for (size_t i = 0; i < COLUMNS; i++) {
    const char *name = columns[i].name;
    bool is_key =
        strcmp(name, "id") == 0 || (strcmp(name, "ownerId") == 0 && sqldb_has_column(db, "World", name));
    if (is_key && !has_type(db, name, "text")) buf_addf(sql, "\"%s\"::text AS \"%s\",", name, name);
    else buf_addf(sql, "\"%s\",", name);
  }
  buf_add_text(sql,
               "\"World_application\"(\"id\"::text) AS \"application\" FROM \"World\";\n"
               "CREATE TRIGGER \"WorldView_insert\" INSTEAD OF INSERT ON \"" VIEW
               "\" FOR EACH ROW EXECUTE FUNCTION \"World_insert\"();\n");
}

/* SQL from outside writes instants as datetime() spells them; comparisons are of texts, so they are put right. */
static void add_triggers(struct buf *sql) {
  static const char *const instants[] = {"lastActiveAt", "pausedAt", "scheduledDeletion", "createdAt"};
  for (size_t i = 0; i < sizeof instants / sizeof *instants; i++) {
    const char *c = instants[i];
    buf_addf(sql,
             "CREATE TRIGGER IF NOT EXISTS \"World_%s_text\" AFTER UPDATE OF \"%s\" ON \"World\" WHEN "
             "NEW.\"%s\" NOT LIKE '____-__-__T__:__:__.___Z' BEGIN UPDATE \"World\" SET \"%s\"="
             "strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', NEW.\"%s\") WHERE rowid=NEW.rowid; END;\n",
             c, c, c, c, c);
  }
  buf_add_text(
      sql,
      "CREATE TRIGGER IF NOT EXISTS \"World_new\" AFTER INSERT ON \"World\" BEGIN UPDATE \"World\" SET "
      "\"lastActiveAt\"=strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(NEW.\"lastActiveAt\", 'now')), "
      "\"createdAt\"=strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(NEW.\"createdAt\", 'now')), "
      "\"updatedAt\"=strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(NEW.\"updatedAt\", 'now')) "
      "WHERE rowid=NEW.rowid; END;\n");
}

static const char *const tables[] = {
    "WorldMember",        "WorldInteraction", "WorldState",     "WorldStats",     "WorldEvent",
    "NarrativeMetric",    "WorldDay",         "WorldSummary",   "WorldPause",     "WorldHistory",
    "InteractionArchive", "WorldMail",        "WorldTombstone", "WorldAnalytics", "WorldSettings"};

static const char drop_view[] = "DROP VIEW IF EXISTS \"" VIEW
                                "\";DROP FUNCTION IF EXISTS \"World_insert\"();\n"
                                "DROP FUNCTION IF EXISTS \"World_application\"(text);\n";

static void drop_triggers_and_indexes(struct buf *sql, bool is_sqlite) {
  static const char *const triggers[] = {"lastActiveAt_text", "pausedAt_text", "scheduledDeletion_text",
                                         "createdAt_text", "new"};
  static const char *const index_names[] = {"isPaused", "ladder",       "lastActiveAt", "scheduledDeletion",
                                            "vacation", "interactions", "story",        "id",
                                            "owner"};
  for (size_t i = 0; is_sqlite && i < sizeof triggers / sizeof *triggers; i++)
    buf_addf(sql, "DROP TRIGGER IF EXISTS \"World_%s\";\n", triggers[i]);
  if (!is_sqlite) buf_add_text(sql, drop_view);
  for (size_t i = 0; i < sizeof index_names / sizeof *index_names; i++)
    buf_addf(sql, "DROP INDEX IF EXISTS \"World_%s_idx\";\n", index_names[i]);
}

/* An application may have a table of one of our names: it is not ours to change, nor to use. */
static enum err check_free(struct sqldb *db, struct err_detail *detail) {
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    if (!sqldb_has_table(db, tables[i])) continue;
    (void)err_set(detail, ERR_CONFLICT, "store.url", 0,
                  "the database has a table \"%s\" already that is not Sereno's", tables[i]);
    err_hint(detail,
             "rename it, or keep Sereno's data elsewhere: a schema (?schema=name) or a database of its own");
    return ERR_CONFLICT;
  }
  return ERR_OK;
}

/* The types of PostgreSQL that our statements can work with, by ours. id and ownerId may be anything. */
static bool is_usable(const char *name, const char *ours, struct str theirs) {
  static const struct {
    const char *ours, *theirs;
  } fits[] = {{"TEXT", "text"},     {"TEXT", "character"}, {"INSTANT", "timestamp"}, {"BOOLEAN", "boolean"},
              {"BIGINT", "bigint"}, {"BIGINT", "integer"}, {"BIGINT", "smallint"}};
  if (strcmp(name, "id") == 0 || strcmp(name, "ownerId") == 0) return true;
  for (size_t i = 0; i < sizeof fits / sizeof *fits; i++)
    if (str_starts(str_of(ours), str_of(fits[i].ours)) && str_starts(theirs, str_of(fits[i].theirs)))
      return true;
  return false;
}

static bool check_type(void *arg, const struct sql_row *row) {
  struct err_detail *detail = arg;
  struct str name = sql_row_text(row, 0), type = sql_row_text(row, 1);
  for (size_t i = 0; i < COLUMNS; i++) {
    if (!str_eq(str_of(columns[i].name), name) || is_usable(columns[i].name, columns[i].type, type)) continue;
    (void)err_set(detail, ERR_CONFLICT, "store.url", 0,
                  "the column \"%s\" of the application's \"World\" is of type %.*s, which Sereno cannot use",
                  columns[i].name, STR_ARG(type));
    err_hint(detail,
             "give the application's another name in the database (Prisma: @map), then Sereno adds its own");
    return false;
  }
  return true;
}

static enum err check_world(struct sqldb *db, struct err_detail *detail) {
  struct err_detail wrong = {};
  if (!sqldb_has_table(db, "World")) return ERR_OK;
  if (!sqldb_has_column(db, "World", "id"))
    return err_set(detail, ERR_CONFLICT, "store.url", 0, "the table \"World\" has no column \"id\"");
  if (sqldb_kind(db) == SQLDB_SQLITE) return ERR_OK;
  TRY(sqldb_query_text(db, world_types, check_type, &wrong, detail));
  if (wrong.message[0] == 0) return ERR_OK;
  if (detail) *detail = wrong;
  return ERR_CONFLICT;
}

static void note_applied(struct buf *sql, const struct applied *before, bool makes_world,
                         const struct buf *names) {
  struct str added = buf_str(names);
  if (!before->is_there) {
    buf_addf(sql,
             "INSERT INTO \"WorldMigration\"(\"no\",\"name\",\"madeWorld\",\"columns\") VALUES "
             "(1,'" WORLD_MIGRATION "',%s,'%.*s');\n",
             makes_world ? "true" : "false", STR_ARG(added));
  } else if (added.len) {
    buf_addf(sql, "UPDATE \"WorldMigration\" SET \"columns\"=\"columns\" || ',%.*s' WHERE \"no\"=1;\n",
             STR_ARG(added));
  }
}

/* Those of "World" have been added by add_indexes. */
static void add_later_indexes(struct buf *sql) {
  buf_add_str(sql, embedded_find("sql/worlds/003_indexes.sql"));
  buf_add_text(sql,
               "INSERT INTO \"WorldMigration\"(\"no\",\"name\",\"madeWorld\",\"columns\") VALUES "
               "(3,'" WORLD_MIGRATION_INDEXES "',false,'');\n");
}

static void name_all(struct buf *names) {
  for (size_t i = 2; i < COLUMNS; i++) buf_addf(names, "%s%s", i > 2 ? "," : "", columns[i].name);
}

enum err world_schema_plan_up(struct sqldb *db, struct buf *sql, struct err_detail *detail) {
  struct applied before;
  BUF_AUTO struct buf names = buf_new(NAMES_MAX);
  TRY(read_applied(db, &before, detail));
  TRY(check_world(db, detail));
  bool makes_world = !sqldb_has_table(db, "World");
  if (!before.is_there) TRY(check_free(db, detail));
  if (makes_world) create_world(sql), name_all(&names);
  else add_missing(db, &before, sql, &names);
  bool needs_view = sqldb_kind(db) == SQLDB_POSTGRES && !makes_world && !before.made_world;
  if (before.is_there && sql->len == 0 && before.has_indexes && (!needs_view || has_view(db)))
    return buf_error(sql);
  buf_add_text(sql, migration_table);
  add_indexes(db, sql);
  if (needs_view) {
    buf_add_text(sql, drop_view);
    buf_add_str(sql, embedded_find("sql/worlds/002_adopted.sql"));
    add_view(db, sql);
  }
  if (sqldb_kind(db) == SQLDB_SQLITE) add_triggers(sql);
  if (!before.is_there) buf_add_str(sql, embedded_find("sql/worlds/001_worlds.sql"));
  note_applied(sql, &before, makes_world, &names);
  if (!before.has_indexes) add_later_indexes(sql);
  return buf_error(sql);
}

enum err world_schema_up(struct sqldb *db, struct err_detail *detail) {
  struct applied now;
  BUF_AUTO struct buf sql = buf_new(DDL_BYTES_MAX);
  TRY(world_schema_plan_up(db, &sql, detail));
  if (sql.len == 0) return ERR_OK;
  enum err e = sqldb_script(db, buf_str(&sql), detail);
  if (e == ERR_OK || read_applied(db, &now, NULL) != ERR_OK || !now.is_there || !now.has_indexes) return e;
  return ERR_OK; /* another server was quicker */
}

/* ---- down ---- */

static bool is_empty(struct sqldb *db) {
  struct applied none = {};
  enum err e = sqldb_query_text(db, "SELECT 1,'' FROM \"World\" LIMIT 1", take_applied, &none, NULL);
  return e == ERR_OK && !none.is_there;
}

static void drop_columns(struct sqldb *db, const struct applied *a, struct buf *sql) {
  struct str rest = str_of(a->columns), name;
  while (rest.len && str_split(&rest, ',', &name)) {
    char text[64];
    if (str_copy(text, sizeof text, name) && sqldb_has_column(db, "World", text))
      buf_addf(sql, "ALTER TABLE \"World\" DROP COLUMN \"%s\";\n", text);
  }
}

enum err world_schema_plan_down(struct sqldb *db, struct buf *sql, struct err_detail *detail) {
  struct applied a;
  TRY(read_applied(db, &a, detail));
  if (!a.is_there) return ERR_OK;
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
    buf_addf(sql, "DROP TABLE IF EXISTS \"%s\";\n", tables[i]);
  buf_add_text(sql, "DROP TABLE IF EXISTS \"InteractionSegment\";DROP TABLE \"WorldMigration\";\n");
  drop_triggers_and_indexes(sql, sqldb_kind(db) == SQLDB_SQLITE);
  if (a.made_world && is_empty(db)) buf_add_text(sql, "DROP TABLE \"World\";\n");
  else drop_columns(db, &a, sql);
  return buf_error(sql);
}

enum err world_schema_down(struct sqldb *db, struct err_detail *detail) {
  BUF_AUTO struct buf sql = buf_new(DDL_BYTES_MAX);
  TRY(world_schema_plan_down(db, &sql, detail));
  return sql.len ? sqldb_script(db, buf_str(&sql), detail) : ERR_OK;
}

/* World_owner_idx came late, too, but the ladder's statements need those of "World" in any case. */
enum err world_indexes_plan_down(struct sqldb *db, struct buf *sql, struct err_detail *detail) {
  static const char *const names[] = {"WorldMember_user", "WorldSummary_merged", "InteractionArchive_created",
                                      "WorldEvent_open", "WorldHistory_at"};
  struct applied a;
  TRY(read_applied(db, &a, detail));
  if (!a.has_indexes) return ERR_OK;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    buf_addf(sql, "DROP INDEX IF EXISTS \"%s_idx\";\n", names[i]);
  buf_add_text(sql, "DELETE FROM \"WorldMigration\" WHERE \"no\"=3;\n");
  return buf_error(sql);
}

enum err world_indexes_down(struct sqldb *db, struct err_detail *detail) {
  BUF_AUTO struct buf sql = buf_new(DDL_BYTES_MAX);
  TRY(world_indexes_plan_down(db, &sql, detail));
  return sql.len ? sqldb_script(db, buf_str(&sql), detail) : ERR_OK;
}
