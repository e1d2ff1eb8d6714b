-- Schema 1, as sql/sqlite/001_schema.sql: the seeds' tables with their exact names and types, which may be an application's
-- already (then only what is missing is added), and the store's own tables (rows.def). Visible instants are timestamp(3)
-- in UTC; ours are integer milliseconds. Texts that are sorted or compared as the store does it have COLLATE "C".
-- Runs in one transaction and may run again.
CREATE TABLE IF NOT EXISTS "System" (
  "id" TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  "name" TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS "CronJob" (
  "id" TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  "name" TEXT COLLATE "C" NOT NULL,
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
  "systemId" TEXT COLLATE "C" NOT NULL REFERENCES "System" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
  "createdAt" timestamp(3) NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  "updatedAt" timestamp(3) NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  "lastRunAt" timestamp(3),
  "nextRunAt" timestamp(3)
);
ALTER TABLE "CronJob"
  ADD COLUMN IF NOT EXISTS "timezone" TEXT,
  ADD COLUMN IF NOT EXISTS "params" TEXT,
  ADD COLUMN IF NOT EXISTS "backoffStrategy" TEXT,
  ADD COLUMN IF NOT EXISTS "retryMaxDelay" BIGINT,
  ADD COLUMN IF NOT EXISTS "retryJitterPct" BIGINT,
  ADD COLUMN IF NOT EXISTS "alertOnFailure" BOOLEAN,
  ADD COLUMN IF NOT EXISTS "alertChannels" TEXT,
  ADD COLUMN IF NOT EXISTS "escalateAfter" BIGINT,
  ADD COLUMN IF NOT EXISTS "disableAfter" BIGINT,
  ADD COLUMN IF NOT EXISTS "critical" BOOLEAN,
  ADD COLUMN IF NOT EXISTS "misfirePolicy" TEXT,
  ADD COLUMN IF NOT EXISTS "startWindow" BIGINT,
  ADD COLUMN IF NOT EXISTS "catchUpWindow" BIGINT,
  ADD COLUMN IF NOT EXISTS "catchUpMax" BIGINT,
  ADD COLUMN IF NOT EXISTS "queueTimeout" BIGINT,
  ADD COLUMN IF NOT EXISTS "overlapPolicy" TEXT,
  ADD COLUMN IF NOT EXISTS "concurrencyKey" TEXT,
  ADD COLUMN IF NOT EXISTS "pool" TEXT,
  ADD COLUMN IF NOT EXISTS "onCrash" TEXT,
  ADD COLUMN IF NOT EXISTS "dst" TEXT,
  ADD COLUMN IF NOT EXISTS "dialect" TEXT,
  ADD COLUMN IF NOT EXISTS "splay" BIGINT,
  ADD COLUMN IF NOT EXISTS "group" TEXT,
  ADD COLUMN IF NOT EXISTS "totalTimeout" BIGINT,
  ADD COLUMN IF NOT EXISTS "memoryLimitMB" BIGINT,
  ADD COLUMN IF NOT EXISTS "cpuLimitPct" BIGINT,
  ADD COLUMN IF NOT EXISTS "pidsLimit" BIGINT,
  ADD COLUMN IF NOT EXISTS "noNewPrivs" BOOLEAN,
  ADD COLUMN IF NOT EXISTS "runAs" TEXT,
  ADD COLUMN IF NOT EXISTS "labels" TEXT,
  ADD COLUMN IF NOT EXISTS "startAt" timestamp(3),
  ADD COLUMN IF NOT EXISTS "endAt" timestamp(3),
  ADD COLUMN IF NOT EXISTS "anchorAt" timestamp(3),
  ADD COLUMN IF NOT EXISTS "consecutiveFailures" BIGINT,
  ADD COLUMN IF NOT EXISTS "disabledReason" TEXT,
  ADD COLUMN IF NOT EXISTS "seed" BIGINT,
  ADD COLUMN IF NOT EXISTS "no" BIGINT UNIQUE,
  ADD COLUMN IF NOT EXISTS "version" BIGINT;
CREATE UNIQUE INDEX IF NOT EXISTS "CronJob_name_key" ON "CronJob"("name");
CREATE INDEX IF NOT EXISTS "CronJob_systemId_idx" ON "CronJob"("systemId");
CREATE INDEX IF NOT EXISTS "CronJob_isActive_idx" ON "CronJob"("isActive");
CREATE INDEX IF NOT EXISTS "CronJob_nextRunAt_idx" ON "CronJob"("nextRunAt");
CREATE INDEX IF NOT EXISTS "CronJob_category_idx" ON "CronJob"("category");
CREATE TABLE IF NOT EXISTS "CronExecution" (
  "id" TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  "jobId" TEXT COLLATE "C" NOT NULL REFERENCES "CronJob" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
  "status" TEXT NOT NULL CHECK ("status" = 'success' OR "status" = 'running' OR "status" = 'failed' OR "status" = 'timeout' OR "status" = 'queued' OR "status" = 'cancelled' OR "status" = 'skipped' OR "status" = 'lost'),
  "startedAt" timestamp(3) NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  "finishedAt" timestamp(3),
  "duration" INTEGER,
  "output" TEXT,
  "errorMessage" TEXT,
  "exitCode" INTEGER,
  "triggeredBy" TEXT,
  "attempt" INTEGER NOT NULL DEFAULT 1,
  "memoryUsed" INTEGER,
  "cpuUsed" double precision
);
ALTER TABLE "CronExecution"
  ADD COLUMN IF NOT EXISTS "dueAt" timestamp(3),
  ADD COLUMN IF NOT EXISTS "version" BIGINT,
  ADD COLUMN IF NOT EXISTS "queuedAt" timestamp(3),
  ADD COLUMN IF NOT EXISTS "notBefore" timestamp(3),
  ADD COLUMN IF NOT EXISTS "reason" TEXT,
  ADD COLUMN IF NOT EXISTS "lagMs" BIGINT,
  ADD COLUMN IF NOT EXISTS "signal" BIGINT,
  ADD COLUMN IF NOT EXISTS "outputBytes" BIGINT,
  ADD COLUMN IF NOT EXISTS "outputTruncated" BOOLEAN,
  ADD COLUMN IF NOT EXISTS "cpuUserUs" BIGINT,
  ADD COLUMN IF NOT EXISTS "cpuSystemUs" BIGINT,
  ADD COLUMN IF NOT EXISTS "peakMemoryBytes" BIGINT,
  ADD COLUMN IF NOT EXISTS "ioReadBytes" BIGINT,
  ADD COLUMN IF NOT EXISTS "ioWriteBytes" BIGINT,
  ADD COLUMN IF NOT EXISTS "contextSwitches" BIGINT,
  ADD COLUMN IF NOT EXISTS "billSource" TEXT,
  ADD COLUMN IF NOT EXISTS "containment" TEXT,
  ADD COLUMN IF NOT EXISTS "result" TEXT,
  ADD COLUMN IF NOT EXISTS "params" TEXT,
  ADD COLUMN IF NOT EXISTS "requestedBy" TEXT,
  ADD COLUMN IF NOT EXISTS "firstStartedAt" timestamp(3),
  ADD COLUMN IF NOT EXISTS "jobNo" BIGINT;
CREATE INDEX IF NOT EXISTS "CronExecution_jobId_idx" ON "CronExecution"("jobId");
CREATE INDEX IF NOT EXISTS "CronExecution_status_idx" ON "CronExecution"("status");
CREATE INDEX IF NOT EXISTS "CronExecution_startedAt_idx" ON "CronExecution"("startedAt");
CREATE UNIQUE INDEX IF NOT EXISTS "CronExecution_occurrence_key" ON "CronExecution"("dueAt", "jobId", "attempt") WHERE "dueAt" IS NOT NULL;
CREATE TABLE IF NOT EXISTS "CronSettings" (
  "id" TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  "systemId" TEXT COLLATE "C" NOT NULL REFERENCES "System" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
  "isEnabled" BOOLEAN NOT NULL DEFAULT true,
  "maxConcurrentJobs" INTEGER NOT NULL DEFAULT 5,
  "defaultTimeout" INTEGER NOT NULL DEFAULT 3600,
  "keepExecutions" INTEGER NOT NULL DEFAULT 1000,
  "cleanupDays" INTEGER NOT NULL DEFAULT 30,
  "alertOnFailure" BOOLEAN NOT NULL DEFAULT true,
  "alertEmail" TEXT,
  "slackWebhook" TEXT,
  "timezone" TEXT NOT NULL DEFAULT 'Europe/Madrid',
  "createdAt" timestamp(3) NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  "updatedAt" timestamp(3) NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')
);
ALTER TABLE "CronSettings"
  ADD COLUMN IF NOT EXISTS "backoffStrategy" TEXT,
  ADD COLUMN IF NOT EXISTS "alertChannels" TEXT,
  ADD COLUMN IF NOT EXISTS "escalateAfter" BIGINT,
  ADD COLUMN IF NOT EXISTS "disableAfter" BIGINT,
  ADD COLUMN IF NOT EXISTS "webhookUrl" TEXT,
  ADD COLUMN IF NOT EXISTS "keepLastPerJob" BIGINT,
  ADD COLUMN IF NOT EXISTS "pools" TEXT,
  ADD COLUMN IF NOT EXISTS "ledgerDays" BIGINT,
  ADD COLUMN IF NOT EXISTS "ledgerRowsPerJob" BIGINT,
  ADD COLUMN IF NOT EXISTS "ledgerRows" BIGINT,
  ADD COLUMN IF NOT EXISTS "worldJobsStopped" BOOLEAN;
CREATE UNIQUE INDEX IF NOT EXISTS "CronSettings_systemId_key" ON "CronSettings"("systemId");
CREATE TABLE IF NOT EXISTS "CronOccurrence" (
  "job" BIGINT NOT NULL,
  "dueAt" BIGINT NOT NULL,
  "version" BIGINT,
  "epoch" BIGINT,
  "state" BIGINT,
  "reason" BIGINT,
  "attempts" BIGINT,
  PRIMARY KEY ("job", "dueAt")
);
CREATE INDEX IF NOT EXISTS "CronOccurrence_pending" ON "CronOccurrence"("job", "dueAt") WHERE "state" = 0;
CREATE TABLE IF NOT EXISTS "CronMissed" (
  "job" BIGINT NOT NULL,
  "first" BIGINT NOT NULL,
  "last" BIGINT,
  "count" BIGINT,
  "version" BIGINT,
  "state" BIGINT,
  "reason" BIGINT,
  PRIMARY KEY ("job", "first")
);
CREATE TABLE IF NOT EXISTS "CronCursor" (
  "job" BIGINT NOT NULL PRIMARY KEY,
  "through" BIGINT,
  "nextDue" BIGINT,
  "nextStart" BIGINT
);
CREATE TABLE IF NOT EXISTS "CronJobVersion" (
  "job" BIGINT NOT NULL,
  "version" BIGINT NOT NULL,
  "fromAt" BIGINT,
  "toAt" BIGINT,
  "madeAt" BIGINT,
  "isActive" BIGINT,
  "actor" TEXT,
  "definition" TEXT,
  PRIMARY KEY ("job", "version")
);
CREATE TABLE IF NOT EXISTS "CronGate" (
  "no" BIGINT NOT NULL PRIMARY KEY,
  "scope" BIGINT,
  "job" BIGINT,
  "gate" BIGINT,
  "fromAt" BIGINT,
  "untilAt" BIGINT,
  "key" TEXT
);
CREATE TABLE IF NOT EXISTS "CronEditFrom" (
  "edit" BIGINT NOT NULL,
  "job" BIGINT NOT NULL,
  "fromAt" BIGINT,
  PRIMARY KEY ("edit", "job")
);
CREATE TABLE IF NOT EXISTS "CronSettingsVersion" (
  "no" BIGINT NOT NULL PRIMARY KEY,
  "fromAt" BIGINT,
  "timezone" TEXT,
  "definition" TEXT,
  "actor" TEXT
);
CREATE TABLE IF NOT EXISTS "CronZone" (
  "no" BIGINT NOT NULL PRIMARY KEY,
  "fromAt" BIGINT,
  "name" TEXT,
  "sha256" TEXT,
  "content" TEXT
);
CREATE TABLE IF NOT EXISTS "CronServer" (
  "epoch" BIGINT NOT NULL PRIMARY KEY,
  "upAt" BIGINT,
  "aliveAt" BIGINT,
  "isClean" BIGINT,
  "isBoot" BIGINT,
  "isRestored" BIGINT,
  "engine" TEXT
);
CREATE TABLE IF NOT EXISTS "CronClock" (
  "no" BIGINT NOT NULL PRIMARY KEY,
  "wasAt" BIGINT,
  "isAt" BIGINT
);
CREATE TABLE IF NOT EXISTS "CronAudit" (
  "seq" BIGINT NOT NULL PRIMARY KEY,
  "at" BIGINT,
  "actor" TEXT,
  "action" TEXT,
  "object" TEXT,
  "before" TEXT,
  "after" TEXT,
  "address" TEXT,
  "requestId" TEXT,
  "hash" TEXT
);
CREATE TABLE IF NOT EXISTS "CronOutside" (
  "no" BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  "table" TEXT,
  "id" TEXT,
  "what" TEXT
);
CREATE TABLE IF NOT EXISTS "CronUser" (
  "id" TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  "name" TEXT NOT NULL UNIQUE,
  "passwordHash" TEXT,
  "role" BIGINT,
  "isDisabled" BIGINT,
  "createdAt" BIGINT,
  "updatedAt" BIGINT,
  "lastLoginAt" BIGINT
);
CREATE TABLE IF NOT EXISTS "CronToken" (
  "id" TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  "name" TEXT,
  "hash" TEXT,
  "role" BIGINT,
  "userId" TEXT,
  "scope" TEXT,
  "createdAt" BIGINT,
  "expiresAt" BIGINT,
  "lastUsedAt" BIGINT
);
CREATE TABLE IF NOT EXISTS "CronSession" (
  "idHash" TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  "userId" TEXT,
  "csrf" TEXT,
  "address" TEXT,
  "agent" TEXT,
  "createdAt" BIGINT,
  "seenAt" BIGINT,
  "expiresAt" BIGINT
);
CREATE TABLE IF NOT EXISTS "CronRollup" (
  "job" BIGINT NOT NULL,
  "day" BIGINT NOT NULL,
  "version" BIGINT NOT NULL,
  "days" BIGINT,
  "count" BIGINT,
  "setSum" BIGINT,
  "setXor" BIGINT,
  "succeeded" BIGINT,
  "failed" BIGINT,
  "skipped" BIGINT,
  "missed" BIGINT,
  "lag" TEXT,
  "duration" TEXT,
  PRIMARY KEY ("job", "day", "version")
);
CREATE TABLE IF NOT EXISTS "CronMeta" (
  "no" BIGINT NOT NULL PRIMARY KEY,
  "epoch" BIGINT,
  "aliveAt" BIGINT,
  "lastRun" BIGINT,
  "lastJob" BIGINT,
  "lastEdit" BIGINT,
  "isProcessOff" BIGINT,
  "ledgerRows" BIGINT,
  "restoredAt" BIGINT,
  "boot" TEXT,
  "journal" TEXT
);
-- An application's own tables sort by its language; ids and names of ours are sorted by their bytes.
ALTER TABLE "CronJob" ALTER COLUMN "id" TYPE TEXT COLLATE "C", ALTER COLUMN "name" TYPE TEXT COLLATE "C";
ALTER TABLE "CronExecution" ALTER COLUMN "id" TYPE TEXT COLLATE "C", ALTER COLUMN "jobId" TYPE TEXT COLLATE "C";
-- The newest runs of a job.
CREATE INDEX IF NOT EXISTS "CronExecution_job_newest_idx" ON "CronExecution"("jobId", "id");
-- Rows that change often keep room on their page, so that an update touches no index.
ALTER TABLE "CronMeta" SET (fillfactor = 20, autovacuum_vacuum_threshold = 1000);
ALTER TABLE "CronCursor" SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE "CronOccurrence" SET (fillfactor = 80);
ALTER TABLE "CronExecution" SET (fillfactor = 80);
-- Raises SE001 in every transaction of a server that another one has followed; else holds its successors back until
-- that transaction ends.
CREATE OR REPLACE FUNCTION "CronFence"(own bigint) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM 1 FROM "CronMeta" WHERE "no" = 1 AND "epoch" = own FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another server has taken over' USING ERRCODE = 'SE001';
  END IF;
END $$;
-- Labels are text that SQL from outside may have written: what is no object of JSON has none.
CREATE OR REPLACE FUNCTION "CronHasLabel"(labels text, wanted text, given text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CASE WHEN jsonb_typeof(labels::jsonb) <> 'object' THEN false WHEN given IS NULL THEN labels::jsonb ? wanted
    ELSE jsonb_typeof(labels::jsonb -> wanted) = 'string' AND labels::jsonb ->> wanted = given END;
EXCEPTION WHEN others THEN RETURN false;
END $$;
-- SQL from outside is noted and told; Sereno's own sessions say sereno.inside.
CREATE OR REPLACE FUNCTION "CronNoteOutside"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF current_setting('sereno.inside', true) = 'on' THEN RETURN NULL; END IF;
  IF TG_OP = 'DELETE' THEN
    INSERT INTO "CronOutside"("table", "id", "what") VALUES (TG_TABLE_NAME, OLD."id", 'delete');
  ELSE
    INSERT INTO "CronOutside"("table", "id", "what") VALUES (TG_TABLE_NAME, NEW."id", lower(TG_OP));
  END IF;
  PERFORM pg_notify('sereno_' || TG_TABLE_SCHEMA, '');
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER "CronJob_noted" AFTER INSERT OR UPDATE OR DELETE ON "CronJob"
  FOR EACH ROW EXECUTE FUNCTION "CronNoteOutside"();
CREATE OR REPLACE TRIGGER "CronSettings_noted" AFTER INSERT OR UPDATE OR DELETE ON "CronSettings"
  FOR EACH ROW EXECUTE FUNCTION "CronNoteOutside"();
CREATE OR REPLACE TRIGGER "System_noted" AFTER INSERT OR UPDATE OR DELETE ON "System"
  FOR EACH ROW EXECUTE FUNCTION "CronNoteOutside"();
-- Jobs that were there before us: noted as if they had just been inserted, so that they become versions.
INSERT INTO "CronOutside"("table", "id", "what") SELECT 'CronJob', "id", 'insert' FROM "CronJob"
  WHERE "no" IS NULL AND "id" NOT IN (SELECT "id" FROM "CronOutside" WHERE "id" IS NOT NULL);
COMMENT ON TABLE "CronMeta" IS 'sereno schema 1';
