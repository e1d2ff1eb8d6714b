-- Schema 2. How busy the server was: a row for each five minutes in which runs started or went on.
CREATE TABLE IF NOT EXISTS "CronLoad" (
  "at" BIGINT NOT NULL PRIMARY KEY,
  "runs" BIGINT,
  "failed" BIGINT,
  "busyMs" BIGINT,
  "lag" TEXT,
  "duration" TEXT
);
ALTER TABLE "CronLoad" SET (fillfactor = 50);
COMMENT ON TABLE "CronMeta" IS 'sereno schema 2';
