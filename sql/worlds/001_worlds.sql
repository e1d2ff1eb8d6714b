-- The worlds' tables, for SQLite (worlds.db) and PostgreSQL: one text. INSTANT, BIGINT, BLOB, REAL, BOOLEAN and NOW are
-- words that src/store/sqldb.c replaces by what the database at hand calls them: visible instants are text
-- YYYY-MM-DDTHH:MM:SS.sssZ in SQLite and timestamp(3) in UTC in PostgreSQL. "World" itself is not here: it may be an
-- application's table, so src/worlds/schema.c adds what is missing column by column (migration add_world_auto_pause).
-- Databases have been made by this text: what comes later has a file and a number of its own (003_indexes.sql).
CREATE TABLE "WorldMember" (
  "worldId" TEXT NOT NULL,
  "userId" TEXT NOT NULL,
  "lastActiveAt" INSTANT,
  PRIMARY KEY ("worldId", "userId")
);
-- One row per message or character's act. turn is given by the live state and never again.
CREATE TABLE "WorldInteraction" (
  "worldId" TEXT NOT NULL,
  "turn" BIGINT NOT NULL,
  "at" INSTANT NOT NULL,
  "speaker" TEXT NOT NULL,
  "isUser" BOOLEAN NOT NULL DEFAULT false,
  "place" TEXT,
  "text" TEXT NOT NULL,
  "data" TEXT,
  PRIMARY KEY ("worldId", "turn")
);
-- What the live state holds of a world, as it was when it was last made safe. activeAt is the newest user activity of
-- the live state that has reached "World"."lastActiveAt": only what is newer counts as unsaved (X-6).
CREATE TABLE "WorldState" (
  "worldId" TEXT NOT NULL PRIMARY KEY,
  "version" BIGINT NOT NULL,
  "turn" BIGINT NOT NULL DEFAULT 0,
  "ticks" BIGINT NOT NULL DEFAULT 0,
  "codec" TEXT NOT NULL DEFAULT 'none',
  "bytes" BIGINT NOT NULL DEFAULT 0,
  "hash" TEXT NOT NULL,
  "data" BLOB,
  "activeAt" INSTANT,
  "savedAt" INSTANT NOT NULL
);
CREATE TABLE "WorldStats" (
  "worldId" TEXT NOT NULL PRIMARY KEY,
  "interactions" BIGINT NOT NULL DEFAULT 0,
  "messages" BIGINT NOT NULL DEFAULT 0,
  "events" BIGINT NOT NULL DEFAULT 0,
  "tokens" BIGINT NOT NULL DEFAULT 0,
  "costMicroUSD" BIGINT NOT NULL DEFAULT 0,
  "sessionSeconds" BIGINT NOT NULL DEFAULT 0
);
-- Story events of people (scheduledAt in the future keeps a world from being paused) and emergent ones (slot is the
-- occurrence of the job that made it, so that a repeated run makes none twice).
CREATE TABLE "WorldEvent" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "worldId" TEXT NOT NULL,
  "type" TEXT NOT NULL,
  "status" TEXT NOT NULL CHECK ("status" IN ('scheduled','applied','done','expired','rejected','cancelled')),
  "isEmergent" BOOLEAN NOT NULL DEFAULT false,
  "slot" BIGINT,
  "createdAt" INSTANT NOT NULL,
  "scheduledAt" INSTANT,
  "expiresAt" INSTANT,
  "turn" BIGINT,
  "text" TEXT,
  "participants" TEXT,
  "reason" TEXT,
  "metricsBefore" TEXT,
  "metricsAfter" TEXT
);
CREATE UNIQUE INDEX "WorldEvent_slot_key" ON "WorldEvent"("worldId", "slot") WHERE "slot" IS NOT NULL;
CREATE INDEX "WorldEvent_scheduled_idx" ON "WorldEvent"("worldId", "scheduledAt");
CREATE INDEX "WorldEvent_created_idx" ON "WorldEvent"("worldId", "createdAt");
-- What a director remembers of a world between two evaluations, and the last measurement.
CREATE TABLE "NarrativeMetric" (
  "worldId" TEXT NOT NULL PRIMARY KEY,
  "at" INSTANT NOT NULL,
  "turn" BIGINT NOT NULL,
  "values" TEXT NOT NULL,
  "director" TEXT NOT NULL
);
-- How much a world has used of its daily budgets (day: since 1970, in the jobs' zone).
CREATE TABLE "WorldDay" (
  "worldId" TEXT NOT NULL,
  "day" BIGINT NOT NULL,
  "evaluations" BIGINT NOT NULL DEFAULT 0,
  "events" BIGINT NOT NULL DEFAULT 0,
  "llmCalls" BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY ("worldId", "day")
);
-- Of turns fromTurn … toTurn, count of them; level 0 of a segment of the archive (sourceHash: its SHA-256), level n of
-- eight of level n - 1 (sourceHash: SHA-256 of theirs, one after the other), level -1: the world's one reflection.
-- previousText: what an owner has edited; mergedInto: kept until the archive's retention, for the trace alone.
CREATE TABLE "WorldSummary" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "worldId" TEXT NOT NULL,
  "level" BIGINT NOT NULL,
  "fromTurn" BIGINT NOT NULL,
  "toTurn" BIGINT NOT NULL,
  "count" BIGINT NOT NULL,
  "method" TEXT NOT NULL,
  "text" TEXT NOT NULL,
  "keyMoments" TEXT NOT NULL,
  "entities" TEXT NOT NULL,
  "relations" TEXT NOT NULL,
  "sourceHash" TEXT NOT NULL,
  "importance" REAL NOT NULL DEFAULT 0,
  "isPinned" BOOLEAN NOT NULL DEFAULT false,
  "previousText" TEXT,
  "mergedInto" TEXT,
  "createdAt" INSTANT NOT NULL
);
CREATE INDEX "WorldSummary_world_idx" ON "WorldSummary"("worldId", "level", "fromTurn");
-- The index of the archive; the segments themselves are in archive.db or, in PostgreSQL, in "InteractionSegment".
CREATE TABLE "InteractionArchive" (
  "worldId" TEXT NOT NULL,
  "fromTurn" BIGINT NOT NULL,
  "toTurn" BIGINT NOT NULL,
  "count" BIGINT NOT NULL,
  "sha256" TEXT NOT NULL,
  "bytes" BIGINT NOT NULL,
  "storedBytes" BIGINT NOT NULL,
  "createdAt" INSTANT NOT NULL,
  PRIMARY KEY ("worldId", "fromTurn")
);
-- The cost ledger: from when to when a world was paused, and what a day of it costs otherwise.
CREATE TABLE "WorldPause" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "worldId" TEXT NOT NULL,
  "startedAt" INSTANT NOT NULL,
  "endedAt" INSTANT,
  "reason" TEXT NOT NULL,
  "dailyMicroUSD" BIGINT NOT NULL
);
CREATE INDEX "WorldPause_world_idx" ON "WorldPause"("worldId", "startedAt");
CREATE UNIQUE INDEX "WorldPause_open_key" ON "WorldPause"("worldId") WHERE "endedAt" IS NULL;
-- A world's lifeline: what happened to it, who did it, and what was true then. Never changed.
CREATE TABLE "WorldHistory" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "worldId" TEXT NOT NULL,
  "at" INSTANT NOT NULL,
  "actor" TEXT NOT NULL,
  "action" TEXT NOT NULL,
  "detail" TEXT
);
CREATE INDEX "WorldHistory_world_idx" ON "WorldHistory"("worldId", "at");
-- Warnings and notices to owners, each once per spell of inactivity; delivered by the alert channels.
CREATE TABLE "WorldMail" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "worldId" TEXT NOT NULL,
  "kind" TEXT NOT NULL,
  "spellAt" INSTANT NOT NULL,
  "ownerId" TEXT,
  "address" TEXT,
  "locale" TEXT,
  "subject" TEXT NOT NULL,
  "body" TEXT NOT NULL,
  "createdAt" INSTANT NOT NULL,
  "sentAt" INSTANT
);
CREATE UNIQUE INDEX "WorldMail_once_key" ON "WorldMail"("worldId", "kind", "spellAt");
CREATE INDEX "WorldMail_unsent_idx" ON "WorldMail"("createdAt") WHERE "sentAt" IS NULL;
CREATE TABLE "WorldTombstone" (
  "worldId" TEXT NOT NULL,
  "deletedAt" INSTANT NOT NULL,
  "actor" TEXT NOT NULL,
  "reason" TEXT NOT NULL,
  "exportFile" TEXT,
  "exportSha256" TEXT,
  PRIMARY KEY ("worldId", "deletedAt")
);
CREATE TABLE "WorldAnalytics" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "worldId" TEXT,
  "at" INSTANT NOT NULL,
  "name" TEXT NOT NULL,
  "data" TEXT
);
CREATE INDEX "WorldAnalytics_at_idx" ON "WorldAnalytics"("at");
-- One row: the settings of src/model/world_settings.def as JSON.
CREATE TABLE "WorldSettings" (
  "id" BIGINT NOT NULL PRIMARY KEY,
  "definition" TEXT NOT NULL,
  "updatedAt" INSTANT NOT NULL
);
