-- Schema 3. What is remembered of an alert while it lasts: when it began, and who has taken notice.
CREATE TABLE IF NOT EXISTS "CronAlert" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "firstSeen" BIGINT,
  "ackAt" BIGINT,
  "ackBy" TEXT
);
COMMENT ON TABLE "CronMeta" IS 'sereno schema 3';
