-- Schema 1. The seeds' tables have their exact names and types; what is ours in them is nullable. Visible instants are
-- text, YYYY-MM-DDTHH:MM:SS.sssZ; the store's own tables (rows.def) hold integer milliseconds. Sereno runs with triggers
-- switched off on its own connection: they are for SQL from outside.
CREATE TABLE "System" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "name" TEXT NOT NULL
);
CREATE TABLE "CronJob" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "name" TEXT NOT NULL,
  "description" TEXT,
  "schedule" TEXT NOT NULL,
  "command" TEXT NOT NULL,
  "isActive" BOOLEAN NOT NULL DEFAULT true,
  "timeout" INTEGER,
  "retries" INTEGER NOT NULL DEFAULT 0,
  "retryDelay" INTEGER NOT NULL DEFAULT 60,
  "category" TEXT,
  "priority" INTEGER NOT NULL DEFAULT 5,
  "maxRuntime" INTEGER,
  "allowConcurrent" BOOLEAN NOT NULL DEFAULT false,
  "systemId" TEXT NOT NULL REFERENCES "System" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
  "createdAt" DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  "updatedAt" DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  "lastRunAt" DATETIME,
  "nextRunAt" DATETIME,
  "timezone" TEXT,
  "params" TEXT,
  "backoffStrategy" TEXT,
  "retryMaxDelay" INTEGER,
  "retryJitterPct" INTEGER,
  "alertOnFailure" BOOLEAN,
  "alertChannels" TEXT,
  "escalateAfter" INTEGER,
  "disableAfter" INTEGER,
  "critical" BOOLEAN,
  "misfirePolicy" TEXT,
  "startWindow" INTEGER,
  "catchUpWindow" INTEGER,
  "catchUpMax" INTEGER,
  "queueTimeout" INTEGER,
  "overlapPolicy" TEXT,
  "concurrencyKey" TEXT,
  "pool" TEXT,
  "onCrash" TEXT,
  "dst" TEXT,
  "dialect" TEXT,
  "splay" INTEGER,
  "group" TEXT,
  "totalTimeout" INTEGER,
  "memoryLimitMB" INTEGER,
  "cpuLimitPct" INTEGER,
  "pidsLimit" INTEGER,
  "noNewPrivs" BOOLEAN,
  "runAs" TEXT,
  "labels" TEXT,
  "startAt" DATETIME,
  "endAt" DATETIME,
  "anchorAt" DATETIME,
  "consecutiveFailures" INTEGER,
  "disabledReason" TEXT,
  "seed" INTEGER,
  "no" INTEGER UNIQUE,
  "version" INTEGER
);
CREATE UNIQUE INDEX "CronJob_name_key" ON "CronJob"("name");
CREATE INDEX "CronJob_systemId_idx" ON "CronJob"("systemId");
CREATE INDEX "CronJob_isActive_idx" ON "CronJob"("isActive");
CREATE INDEX "CronJob_nextRunAt_idx" ON "CronJob"("nextRunAt");
CREATE INDEX "CronJob_category_idx" ON "CronJob"("category");
-- The check is no IN (...): SQLite would build a table of its eight texts at every insert.
CREATE TABLE "CronExecution" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "jobId" TEXT NOT NULL REFERENCES "CronJob" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
  "status" TEXT NOT NULL CHECK ("status" = 'success' OR "status" = 'running' OR "status" = 'failed' OR "status" = 'timeout' OR "status" = 'queued'
    OR "status" = 'cancelled' OR "status" = 'skipped' OR "status" = 'lost'),
  "startedAt" DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  "finishedAt" DATETIME,
  "duration" INTEGER,
  "output" TEXT,
  "errorMessage" TEXT,
  "exitCode" INTEGER,
  "triggeredBy" TEXT,
  "attempt" INTEGER NOT NULL DEFAULT 1,
  "memoryUsed" INTEGER,
  "cpuUsed" REAL,
  "dueAt" DATETIME,
  "version" INTEGER,
  "queuedAt" DATETIME,
  "notBefore" DATETIME,
  "reason" TEXT,
  "lagMs" INTEGER,
  "signal" INTEGER,
  "outputBytes" INTEGER,
  "outputTruncated" BOOLEAN,
  "cpuUserUs" INTEGER,
  "cpuSystemUs" INTEGER,
  "peakMemoryBytes" INTEGER,
  "ioReadBytes" INTEGER,
  "ioWriteBytes" INTEGER,
  "contextSwitches" INTEGER,
  "billSource" TEXT,
  "containment" TEXT,
  "result" TEXT,
  "params" TEXT,
  "requestedBy" TEXT,
  "firstStartedAt" DATETIME,
  "jobNo" INTEGER
);
CREATE INDEX "CronExecution_jobId_idx" ON "CronExecution"("jobId");
CREATE INDEX "CronExecution_status_idx" ON "CronExecution"("status");
CREATE INDEX "CronExecution_startedAt_idx" ON "CronExecution"("startedAt");
-- One run for each attempt at a due instant (U-3). dueAt first, so that new entries come at the end.
CREATE UNIQUE INDEX "CronExecution_occurrence_key" ON "CronExecution"("dueAt", "jobId", "attempt") WHERE "dueAt" IS NOT NULL;
CREATE TABLE "CronSettings" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "systemId" TEXT NOT NULL REFERENCES "System" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
  "isEnabled" BOOLEAN NOT NULL DEFAULT true,
  "maxConcurrentJobs" INTEGER NOT NULL DEFAULT 5,
  "defaultTimeout" INTEGER NOT NULL DEFAULT 3600,
  "keepExecutions" INTEGER NOT NULL DEFAULT 1000,
  "cleanupDays" INTEGER NOT NULL DEFAULT 30,
  "alertOnFailure" BOOLEAN NOT NULL DEFAULT true,
  "alertEmail" TEXT,
  "slackWebhook" TEXT,
  "timezone" TEXT NOT NULL DEFAULT 'Europe/Madrid',
  "createdAt" DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  "updatedAt" DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  "backoffStrategy" TEXT,
  "alertChannels" TEXT,
  "escalateAfter" INTEGER,
  "disableAfter" INTEGER,
  "webhookUrl" TEXT,
  "keepLastPerJob" INTEGER,
  "pools" TEXT,
  "ledgerDays" INTEGER,
  "ledgerRowsPerJob" INTEGER,
  "ledgerRows" INTEGER,
  "worldJobsStopped" BOOLEAN
);
CREATE UNIQUE INDEX "CronSettings_systemId_key" ON "CronSettings"("systemId");
CREATE TABLE "CronOccurrence" (
  "job" INTEGER NOT NULL,
  "dueAt" INTEGER NOT NULL,
  "version" INTEGER,
  "epoch" INTEGER,
  "state" INTEGER,
  "reason" INTEGER,
  "attempts" INTEGER,
  PRIMARY KEY ("job", "dueAt")
) WITHOUT ROWID;
CREATE INDEX "CronOccurrence_pending" ON "CronOccurrence"("job", "dueAt") WHERE "state" = 0;
CREATE TABLE "CronMissed" (
  "job" INTEGER NOT NULL,
  "first" INTEGER NOT NULL,
  "last" INTEGER,
  "count" INTEGER,
  "version" INTEGER,
  "state" INTEGER,
  "reason" INTEGER,
  PRIMARY KEY ("job", "first")
) WITHOUT ROWID;
CREATE TABLE "CronCursor" (
  "job" INTEGER PRIMARY KEY,
  "through" INTEGER,
  "nextDue" INTEGER,
  "nextStart" INTEGER
);
CREATE TABLE "CronJobVersion" (
  "job" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "fromAt" INTEGER,
  "toAt" INTEGER,
  "madeAt" INTEGER,
  "isActive" INTEGER,
  "actor" TEXT,
  "definition" TEXT,
  PRIMARY KEY ("job", "version")
);
CREATE TABLE "CronGate" (
  "no" INTEGER PRIMARY KEY,
  "scope" INTEGER,
  "job" INTEGER,
  "gate" INTEGER,
  "fromAt" INTEGER,
  "untilAt" INTEGER,
  "key" TEXT
);
CREATE TABLE "CronEditFrom" (
  "edit" INTEGER NOT NULL,
  "job" INTEGER NOT NULL,
  "fromAt" INTEGER,
  PRIMARY KEY ("edit", "job")
) WITHOUT ROWID;
CREATE TABLE "CronSettingsVersion" (
  "no" INTEGER PRIMARY KEY,
  "fromAt" INTEGER,
  "timezone" TEXT,
  "definition" TEXT,
  "actor" TEXT
);
CREATE TABLE "CronZone" (
  "no" INTEGER PRIMARY KEY,
  "fromAt" INTEGER,
  "name" TEXT,
  "sha256" TEXT,
  "content" TEXT
);
CREATE TABLE "CronServer" (
  "epoch" INTEGER PRIMARY KEY,
  "upAt" INTEGER,
  "aliveAt" INTEGER,
  "isClean" INTEGER,
  "isBoot" INTEGER,
  "isRestored" INTEGER,
  "engine" TEXT
);
CREATE TABLE "CronClock" (
  "no" INTEGER PRIMARY KEY,
  "wasAt" INTEGER,
  "isAt" INTEGER
);
CREATE TABLE "CronAudit" (
  "seq" INTEGER PRIMARY KEY,
  "at" INTEGER,
  "actor" TEXT,
  "action" TEXT,
  "object" TEXT,
  "before" TEXT,
  "after" TEXT,
  "address" TEXT,
  "requestId" TEXT,
  "hash" TEXT
);
CREATE TABLE "CronOutside" (
  "no" INTEGER PRIMARY KEY,
  "table" TEXT,
  "id" TEXT,
  "what" TEXT
);
CREATE TABLE "CronUser" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "name" TEXT NOT NULL UNIQUE,
  "passwordHash" TEXT,
  "role" INTEGER,
  "isDisabled" INTEGER,
  "createdAt" INTEGER,
  "updatedAt" INTEGER,
  "lastLoginAt" INTEGER
);
CREATE TABLE "CronToken" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "name" TEXT,
  "hash" TEXT,
  "role" INTEGER,
  "userId" TEXT,
  "scope" TEXT,
  "createdAt" INTEGER,
  "expiresAt" INTEGER,
  "lastUsedAt" INTEGER
);
CREATE TABLE "CronSession" (
  "idHash" TEXT NOT NULL PRIMARY KEY,
  "userId" TEXT,
  "csrf" TEXT,
  "address" TEXT,
  "agent" TEXT,
  "createdAt" INTEGER,
  "seenAt" INTEGER,
  "expiresAt" INTEGER
);
CREATE TABLE "CronRollup" (
  "job" INTEGER NOT NULL,
  "day" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "days" INTEGER,
  "count" INTEGER,
  "setSum" INTEGER,
  "setXor" INTEGER,
  "succeeded" INTEGER,
  "failed" INTEGER,
  "skipped" INTEGER,
  "missed" INTEGER,
  "lag" TEXT,
  "duration" TEXT,
  PRIMARY KEY ("job", "day", "version")
) WITHOUT ROWID;
CREATE TABLE "CronMeta" (
  "no" INTEGER PRIMARY KEY,
  "epoch" INTEGER,
  "aliveAt" INTEGER,
  "lastRun" INTEGER,
  "lastJob" INTEGER,
  "lastEdit" INTEGER,
  "isProcessOff" INTEGER,
  "ledgerRows" INTEGER,
  "restoredAt" INTEGER,
  "boot" TEXT,
  "journal" TEXT
);
CREATE TRIGGER "CronJob_insert_instants" AFTER INSERT ON "CronJob"
WHEN (NEW."createdAt" IS NOT NULL AND (typeof(NEW."createdAt") <> 'text' OR NEW."createdAt" NOT GLOB '????-??-??T??:??:??.???Z'))
  OR (NEW."updatedAt" IS NOT NULL AND (typeof(NEW."updatedAt") <> 'text' OR NEW."updatedAt" NOT GLOB '????-??-??T??:??:??.???Z'))
  OR (NEW."startAt" IS NOT NULL AND (typeof(NEW."startAt") <> 'text' OR NEW."startAt" NOT GLOB '????-??-??T??:??:??.???Z'))
  OR (NEW."endAt" IS NOT NULL AND (typeof(NEW."endAt") <> 'text' OR NEW."endAt" NOT GLOB '????-??-??T??:??:??.???Z'))
BEGIN
  UPDATE "CronJob" SET
    "createdAt" = CASE typeof(NEW."createdAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."createdAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."createdAt") END,
    "updatedAt" = CASE typeof(NEW."updatedAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."updatedAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."updatedAt") END,
    "startAt" = CASE typeof(NEW."startAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."startAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."startAt") END,
    "endAt" = CASE typeof(NEW."endAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."endAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."endAt") END
  WHERE "id" = NEW."id";
END;
CREATE TRIGGER "CronJob_update_instants" AFTER UPDATE OF "createdAt", "updatedAt", "startAt", "endAt" ON "CronJob"
WHEN (NEW."createdAt" IS NOT NULL AND (typeof(NEW."createdAt") <> 'text' OR NEW."createdAt" NOT GLOB '????-??-??T??:??:??.???Z'))
  OR (NEW."updatedAt" IS NOT NULL AND (typeof(NEW."updatedAt") <> 'text' OR NEW."updatedAt" NOT GLOB '????-??-??T??:??:??.???Z'))
  OR (NEW."startAt" IS NOT NULL AND (typeof(NEW."startAt") <> 'text' OR NEW."startAt" NOT GLOB '????-??-??T??:??:??.???Z'))
  OR (NEW."endAt" IS NOT NULL AND (typeof(NEW."endAt") <> 'text' OR NEW."endAt" NOT GLOB '????-??-??T??:??:??.???Z'))
BEGIN
  UPDATE "CronJob" SET
    "createdAt" = CASE typeof(NEW."createdAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."createdAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."createdAt") END,
    "updatedAt" = CASE typeof(NEW."updatedAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."updatedAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."updatedAt") END,
    "startAt" = CASE typeof(NEW."startAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."startAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."startAt") END,
    "endAt" = CASE typeof(NEW."endAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."endAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."endAt") END
  WHERE "id" = NEW."id";
END;
CREATE TRIGGER "CronExecution_insert_instants" AFTER INSERT ON "CronExecution"
WHEN (NEW."startedAt" IS NOT NULL AND (typeof(NEW."startedAt") <> 'text' OR NEW."startedAt" NOT GLOB '????-??-??T??:??:??.???Z'))
  OR (NEW."finishedAt" IS NOT NULL AND (typeof(NEW."finishedAt") <> 'text' OR NEW."finishedAt" NOT GLOB '????-??-??T??:??:??.???Z'))
BEGIN
  UPDATE "CronExecution" SET
    "startedAt" = CASE typeof(NEW."startedAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."startedAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."startedAt") END,
    "finishedAt" = CASE typeof(NEW."finishedAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."finishedAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."finishedAt") END
  WHERE "id" = NEW."id";
END;
CREATE TRIGGER "CronExecution_update_instants" AFTER UPDATE OF "startedAt", "finishedAt" ON "CronExecution"
WHEN (NEW."startedAt" IS NOT NULL AND (typeof(NEW."startedAt") <> 'text' OR NEW."startedAt" NOT GLOB '????-??-??T??:??:??.???Z'))
  OR (NEW."finishedAt" IS NOT NULL AND (typeof(NEW."finishedAt") <> 'text' OR NEW."finishedAt" NOT GLOB '????-??-??T??:??:??.???Z'))
BEGIN
  UPDATE "CronExecution" SET
    "startedAt" = CASE typeof(NEW."startedAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."startedAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."startedAt") END,
    "finishedAt" = CASE typeof(NEW."finishedAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."finishedAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."finishedAt") END
  WHERE "id" = NEW."id";
END;
CREATE TRIGGER "CronSettings_insert_instants" AFTER INSERT ON "CronSettings"
WHEN (NEW."createdAt" IS NOT NULL AND (typeof(NEW."createdAt") <> 'text' OR NEW."createdAt" NOT GLOB '????-??-??T??:??:??.???Z'))
  OR (NEW."updatedAt" IS NOT NULL AND (typeof(NEW."updatedAt") <> 'text' OR NEW."updatedAt" NOT GLOB '????-??-??T??:??:??.???Z'))
BEGIN
  UPDATE "CronSettings" SET
    "createdAt" = CASE typeof(NEW."createdAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."createdAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."createdAt") END,
    "updatedAt" = CASE typeof(NEW."updatedAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."updatedAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."updatedAt") END
  WHERE "id" = NEW."id";
END;
CREATE TRIGGER "CronSettings_update_instants" AFTER UPDATE OF "createdAt", "updatedAt" ON "CronSettings"
WHEN (NEW."createdAt" IS NOT NULL AND (typeof(NEW."createdAt") <> 'text' OR NEW."createdAt" NOT GLOB '????-??-??T??:??:??.???Z'))
  OR (NEW."updatedAt" IS NOT NULL AND (typeof(NEW."updatedAt") <> 'text' OR NEW."updatedAt" NOT GLOB '????-??-??T??:??:??.???Z'))
BEGIN
  UPDATE "CronSettings" SET
    "createdAt" = CASE typeof(NEW."createdAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."createdAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."createdAt") END,
    "updatedAt" = CASE typeof(NEW."updatedAt") WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."updatedAt" / 1000.0, 'unixepoch')
      WHEN 'text' THEN strftime('%Y-%m-%dT%H:%M:%fZ', NEW."updatedAt") END
  WHERE "id" = NEW."id";
END;
CREATE TRIGGER "CronJob_insert_noted" AFTER INSERT ON "CronJob"
BEGIN
  INSERT INTO "CronOutside"("table", "id", "what") VALUES ('CronJob', NEW."id", 'insert');
END;
CREATE TRIGGER "CronJob_update_noted" AFTER UPDATE ON "CronJob"
BEGIN
  INSERT INTO "CronOutside"("table", "id", "what") VALUES ('CronJob', NEW."id", 'update');
END;
CREATE TRIGGER "CronJob_delete_noted" AFTER DELETE ON "CronJob"
BEGIN
  INSERT INTO "CronOutside"("table", "id", "what") VALUES ('CronJob', OLD."id", 'delete');
END;
CREATE TRIGGER "CronSettings_insert_noted" AFTER INSERT ON "CronSettings"
BEGIN
  INSERT INTO "CronOutside"("table", "id", "what") VALUES ('CronSettings', NEW."id", 'insert');
END;
CREATE TRIGGER "CronSettings_update_noted" AFTER UPDATE ON "CronSettings"
BEGIN
  INSERT INTO "CronOutside"("table", "id", "what") VALUES ('CronSettings', NEW."id", 'update');
END;
CREATE TRIGGER "CronSettings_delete_noted" AFTER DELETE ON "CronSettings"
BEGIN
  INSERT INTO "CronOutside"("table", "id", "what") VALUES ('CronSettings', OLD."id", 'delete');
END;
CREATE TRIGGER "System_insert_noted" AFTER INSERT ON "System"
BEGIN
  INSERT INTO "CronOutside"("table", "id", "what") VALUES ('System', NEW."id", 'insert');
END;
CREATE TRIGGER "System_update_noted" AFTER UPDATE ON "System"
BEGIN
  INSERT INTO "CronOutside"("table", "id", "what") VALUES ('System', NEW."id", 'update');
END;
CREATE TRIGGER "System_delete_noted" AFTER DELETE ON "System"
BEGIN
  INSERT INTO "CronOutside"("table", "id", "what") VALUES ('System', OLD."id", 'delete');
END;
