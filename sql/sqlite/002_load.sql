-- Schema 2. How busy the server was: a row for each five minutes in which runs started or went on.
CREATE TABLE "CronLoad" (
  "at" INTEGER PRIMARY KEY,
  "runs" INTEGER,
  "failed" INTEGER,
  "busyMs" INTEGER,
  "lag" TEXT,
  "duration" TEXT
);
