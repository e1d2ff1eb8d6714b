-- Schema 5. What lists and figures of a big house ask for, without a walk over every job or run: the few jobs that are only
-- tried (job_is_test), and which jobs have failed runs. A plain run never touches the second.
CREATE INDEX IF NOT EXISTS "CronJob_test_idx" ON "CronJob"("no") WHERE "disabledReason" = 'test';
CREATE INDEX IF NOT EXISTS "CronExecution_failed_idx" ON "CronExecution"("jobId", "triggeredBy") WHERE "status" IN ('failed','timeout','lost');
COMMENT ON TABLE "CronMeta" IS 'sereno schema 5';
