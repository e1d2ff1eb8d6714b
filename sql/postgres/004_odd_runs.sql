-- Schema 4. The few runs that did not just begin as planned and end well: lists of failures, of runs by hand, of error
-- texts read these only. A plain run never touches this index. src/store/rows.h (RUN_IS_ODD) says the same.
CREATE INDEX IF NOT EXISTS "CronExecution_odd_idx" ON "CronExecution"("id")
  WHERE ("status" NOT IN ('success','queued','running') OR "errorMessage" IS NOT NULL OR "exitCode"<>0 OR "triggeredBy"<>'schedule' OR "attempt">1);
COMMENT ON TABLE "CronMeta" IS 'sereno schema 4';
