-- Schema 3. What is remembered of an alert while it lasts: when it began, and who has taken notice.
CREATE TABLE "CronAlert" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "firstSeen" INTEGER,
  "ackAt" INTEGER,
  "ackBy" TEXT
);
